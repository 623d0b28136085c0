/* SPDX-License-Identifier: MIT */
/*
 * What is wrong at the moment though serving goes on: a disk that is full, a folder that is gone. Whoever meets it raises a condition and,
 * when the same thing works again, clears it; both may be repeated at each attempt. health and stats show what stands, so an operator sees
 * it without reading the log.
 *
 * Lifetime and thread: one, made by the server, used on the loop thread alone; what other threads meet comes back there first. Memory is
 * bounded: a condition that finds no room is shown once another one is over and it is raised again.
 */
#ifndef DAEMON_CONDITIONS_H
#define DAEMON_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"

struct tfl_conditions;
struct tfl_writer;

enum tfl_condition_kind {
	TFL_CONDITION_STATISTICS, /* of a version: what is seen of it is not written down */
	TFL_CONDITION_STATE,      /* of a model: which version is active is not written down */
	TFL_CONDITION_CHANGES,    /* what changed is not written down */
	TFL_CONDITION_METRICS,    /* the metrics file is not written */
	TFL_CONDITION_LOG,        /* the log of the statistics is not written */
	TFL_CONDITION_MODELS,     /* of a model: its folder, or model.conf, cannot be taken as it is */
	TFL_CONDITION_WATCH,      /* of a model, or of none: what changes in its folder is not seen */
	TFL_CONDITION_ROUTE,      /* of a model: a version that its route names is not there */
	TFL_CONDITION_CONFIG,     /* the configuration on disk has mistakes, and is not the one in force */
	TFL_CONDITION_CLOCK,      /* the clock has jumped lately */
	TFL_CONDITION_KINDS
};

struct tfl_condition {
	enum tfl_condition_kind kind;
	char model[TFL_MODEL_NAME_MAX + 1]; /* "": of no model */
	uint64_t version;                   /* 0: of no version */
	char text[TFL_ERROR_TEXT_MAX];      /* what is wrong, a sentence with the path */
	int64_t since;                      /* CLOCK_REALTIME, seconds */
	uint64_t since_ns;                  /* CLOCK_BOOTTIME */
};

/** A condition stands, or (@p raised false) is over; it is borrowed for the call, in which conditions may be read but not changed. */
typedef void (*tfl_condition_told)(void *data, const struct tfl_condition *condition, bool raised);

/** 0 or -ENOMEM. */
int tfl_conditions_create(tfl_condition_told told, void *data, struct tfl_conditions **ret_conditions);

/** NULL is allowed. */
void tfl_conditions_destroy(struct tfl_conditions *conditions);

/**
 * Something is wrong, about @p model (NULL: none) and @p version (0: none), of which there is one condition of a kind at most. When it
 * stands already, only its words become the new ones. NULL @p conditions are allowed here and below: nobody wants to know.
 */
void tfl_conditions_raise(struct tfl_conditions *conditions, enum tfl_condition_kind kind, const char *model, uint64_t version,
			  const char *text);

/** It is right again, or was all the time. */
void tfl_conditions_clear(struct tfl_conditions *conditions, enum tfl_condition_kind kind, const char *model, uint64_t version);

/** The version is gone, and whatever was wrong with it. */
void tfl_conditions_clear_version(struct tfl_conditions *conditions, const char *model, uint64_t version);

/** What stands, the oldest first; borrowed until the next change. */
const struct tfl_condition *tfl_conditions_list(const struct tfl_conditions *conditions, unsigned *ret_count);

/** "statistics", "metrics" and so on. */
const char *tfl_condition_to_string(enum tfl_condition_kind kind);

/** What to say when it is over: "statistics are kept again". */
const char *tfl_condition_over(enum tfl_condition_kind kind);

/** Whether what is about a model ("": about none) is for somebody. */
typedef bool (*tfl_condition_admits)(const void *data, const char *model);

/** Writes the keys "degraded" and "conditions" of a reply, of what @p admits says yes to; TFL_CONDITIONS_FIELDS of them. */
void tfl_conditions_write(const struct tfl_conditions *conditions, tfl_condition_admits admits, const void *data, struct tfl_writer *writer);

#define TFL_CONDITIONS_FIELDS 2

#endif
