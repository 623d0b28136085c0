/* SPDX-License-Identifier: MIT */
/*
 * What changed, the latest TFL_CHANGES_MAX of it: what was loaded, refused, became active, went, was set, went wrong, drifted. Each change
 * is an entry of the journal with a MESSAGE_ID of its own, an answer to the method `changes`, and survives a restart of the daemon.
 *
 * Lifetime and thread: one, made by the server, used on the loop thread alone. Time is read here: a moment, so that how long ago something
 * was is known even after the clock was set.
 */
#ifndef DAEMON_CHANGES_H
#define DAEMON_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "daemon/moment.h"

struct tfl_changes;
struct tfl_error;
struct tfl_log_field;

enum tfl_change_kind {
	TFL_CHANGE_STARTED,
	TFL_CHANGE_STOPPING,
	TFL_CHANGE_LOADED,         /* a version is available */
	TFL_CHANGE_REFUSED,        /* a version is not loaded, for a reason */
	TFL_CHANGE_ACTIVE,         /* a version is the active one of its model */
	TFL_CHANGE_UNLOADED,
	TFL_CHANGE_ERASED,
	TFL_CHANGE_LABELLED,       /* a label stands for a version … */
	TFL_CHANGE_UNLABELLED,     /* … and for none any more */
	TFL_CHANGE_ROUTED,         /* requests to a model are split among versions, or copied to one … */
	TFL_CHANGE_UNROUTED,       /* … and not any more */
	TFL_CHANGE_RELOADED,       /* the configuration was read anew */
	TFL_CHANGE_CONFIGURED,     /* a model's model.conf is another one than at the load before */
	TFL_CHANGE_BASELINE,       /* somebody set a version's baseline */
	TFL_CHANGE_RECORDING,      /* requests to a model, or a version, become samples; no more do; those there were are erased */
	TFL_CHANGE_RECORDED,
	TFL_CHANGE_UNRECORDED,
	TFL_CHANGE_STABLE,         /* a version's confidence: the verdict of the last hour */
	TFL_CHANGE_WATCH,
	TFL_CHANGE_DRIFT,
	TFL_CHANGE_TRIAL,          /* a version is on trial (trial.h) */
	TFL_CHANGE_PASSED,
	TFL_CHANGE_REJECTED,       /* a limit has tripped: the version before serves, and this one does not come back by itself */
	TFL_CHANGE_INTERRUPTED,    /* its trial ended without a verdict */
	TFL_CHANGE_CLOCK,          /* the time of day has jumped */
	TFL_CHANGE_CONDITION,      /* something is wrong (conditions.h) … */
	TFL_CHANGE_CONDITION_OVER, /* … and right again */
	TFL_CHANGE_KINDS
};

struct tfl_change {
	uint64_t number; /* one more than that of the change before, from 1 on, over restarts */
	enum tfl_change_kind kind;
	struct tfl_moment at;
	char model[TFL_MODEL_NAME_MAX + 1]; /* "": about none */
	uint64_t version;                   /* 0: about none */
	bool asked;                         /* by a user, who is … */
	uid_t uid;
	char *reason;                       /* in words, "" for none; owned */
};

/* A change as it is told. Strings and fields are borrowed for the call. */
struct tfl_change_note {
	enum tfl_change_kind kind;
	bool known; /* so it was before a restart: for the journal alone */
	const char *model;
	uint64_t version;
	bool asked;
	uid_t uid;
	const char *reason;
	const struct tfl_log_field *fields; /* more of them, for the journal */
	unsigned field_count;
};

/** Called when there is something new to be written down. */
typedef void (*tfl_changes_news)(void *data);

/** Empty. 0 or -ENOMEM. */
int tfl_changes_create(tfl_changes_news news, void *data, struct tfl_changes **ret_changes);

/** NULL is allowed. */
void tfl_changes_destroy(struct tfl_changes *changes);

/** Something changed. NULL @p changes are allowed: it is an entry of the journal and nothing else. */
void tfl_changes_record(struct tfl_changes *changes, const struct tfl_change_note *note);

/** How many there are; and one of them, 0 the oldest, borrowed until the next is recorded. */
unsigned tfl_changes_count(const struct tfl_changes *changes);
const struct tfl_change *tfl_changes_at(const struct tfl_changes *changes, unsigned index);

/**
 * The latest whose kind is from @p first to @p last, about @p model and @p version (NULL and 0: about none); NULL when there is none, or no
 * @p changes.
 */
const struct tfl_change *tfl_changes_last(const struct tfl_changes *changes, enum tfl_change_kind first, enum tfl_change_kind last,
					  const char *model, uint64_t version);

/** "loaded", "active" and so on. */
const char *tfl_change_to_string(enum tfl_change_kind kind);

#define TFL_CHANGE_TEXT_MAX 768

/** The whole sentence: "version 2 of 'digits' is available (uid 1000): 3,472 bytes". Returns @p text. */
const char *tfl_change_sentence(const struct tfl_change *change, char text[static TFL_CHANGE_TEXT_MAX]);

/* changes_file.c */

/** As bytes that the caller frees. From then on there is no news. Errors: -ENOMEM. */
int tfl_changes_encode(struct tfl_changes *changes, void **ret_data, size_t *ret_size);

/**
 * Goes on from what tfl_changes_encode() once made, before anything is recorded. -EINVAL, with a sentence, for what cannot be read: then it
 * is as new.
 */
int tfl_changes_restore(struct tfl_changes *changes, const void *data, size_t size, struct tfl_error *error);

/** Whether there is news that tfl_changes_encode() has not given, or that was not written after all. */
bool tfl_changes_unsaved(const struct tfl_changes *changes);
void tfl_changes_not_saved(struct tfl_changes *changes);

#endif
