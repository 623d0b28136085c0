/* SPDX-License-Identifier: MIT */
/*
 * The three small texts that the store keeps beside model files. A manifest stands in a version's folder and says what its file is and
 * where it came from; a proof stands there too, and says what a child process found that loaded and ran it; a state stands in a model's
 * folder and says what the operator decided. All are INI with a format number: a text of a later format is refused, unknown keys of this one
 * are ignored.
 *
 * Plain data and pure functions. What is parsed is untrusted; what comes out of a parser has passed every check.
 */
#ifndef DAEMON_MANIFEST_H
#define DAEMON_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "daemon/content.h"
#include "daemon/previous.h"
#include "daemon/proof.h"
#include "daemon/route.h"
#include "daemon/version_labels.h"

struct tfl_error;

#define TFL_MANIFEST_TEXT_MAX 32768 /* bytes of any of the texts */
#define TFL_MANIFEST_SOURCE_MAX 128
#define TFL_TIME_TEXT 32            /* RFC 3339 in UTC: "2026-08-01T12:00:00Z" */

struct tfl_manifest {
	struct tfl_content content;           /* required */
	char source[TFL_MANIFEST_SOURCE_MAX]; /* path of the file that was loaded; "" unknown, like the next three */
	char uid[24], pid[24];                /* who loaded it, decimal */
	char time[TFL_TIME_TEXT];
};

/* Which content was proven, and by which tfld: another one proves it again. */
#define TFL_PROOF_TFLD_MAX 32

struct tfl_proof_note {
	char sha256[TFL_SHA256_TEXT];
	char tfld[TFL_PROOF_TFLD_MAX];
	struct tfl_proof proof; /* proof_ns is not kept */
};

/* What the operator decided about a version. */
struct tfl_state_note {
	uint64_t number;
	char text[TFL_STATE_NOTE_MAX]; /* when and by whom */
};

/* A version that is on trial (trial.h). */
struct tfl_state_trial {
	uint64_t id;        /* no other trial's; 0: none is */
	uint64_t candidate; /* the active one */
	uint64_t previous;  /* which serves when it fails */
	uint64_t requests, seconds;
};

struct tfl_state {
	uint64_t active; /* 0: none was active */
	struct tfl_previous previous;
	struct tfl_version_labels labels;
	bool routed;            /* an operator chose the route, which may be none at all; else model.conf's holds */
	struct tfl_route route;
	struct tfl_state_note unloaded[TFL_VERSIONS_MAX];
	unsigned unloaded_count;
	struct tfl_state_note rejected[TFL_VERSIONS_MAX]; /* when and why */
	unsigned rejected_count;
	struct tfl_state_trial trial;
};

/** @p text of the length returned, at most TFL_MANIFEST_TEXT_MAX. */
size_t tfl_manifest_format(const struct tfl_manifest *manifest, char text[static TFL_MANIFEST_TEXT_MAX]);
size_t tfl_proof_note_format(const struct tfl_proof_note *note, char text[static TFL_MANIFEST_TEXT_MAX]);
size_t tfl_state_format(const struct tfl_state *state, char text[static TFL_MANIFEST_TEXT_MAX]);

/** @p path goes into messages. Errors: -EINVAL with path and line. */
int tfl_manifest_parse(const char *path, const char *text, size_t length, struct tfl_manifest *ret_manifest, struct tfl_error *error);
int tfl_proof_note_parse(const char *path, const char *text, size_t length, struct tfl_proof_note *ret_note, struct tfl_error *error);
int tfl_state_parse(const char *path, const char *text, size_t length, struct tfl_state *ret_state, struct tfl_error *error);

/** The note of an unloaded version, or NULL. */
const char *tfl_state_unloaded(const struct tfl_state *state, uint64_t number);

/** Marks a version as unloaded with a note, or as not unloaded without one (NULL). -ENOSPC past TFL_VERSIONS_MAX notes. */
int tfl_state_set_unloaded(struct tfl_state *state, uint64_t number, const char *note);

/** Likewise for a version that failed its trial. */
const char *tfl_state_rejected(const struct tfl_state *state, uint64_t number);
int tfl_state_set_rejected(struct tfl_state *state, uint64_t number, const char *note);

/** Makes a text fit for one value: cut to @p size, and without what INI or a terminal would read as something else. */
void tfl_manifest_set_text(char *to, size_t size, const char *text);

/** Seconds since 1970 as RFC 3339 in UTC. */
void tfl_time_format(int64_t seconds, char text[static TFL_TIME_TEXT]);

#endif
