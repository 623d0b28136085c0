/* SPDX-License-Identifier: MIT */
/*
 * Names of models, and "name@version" or "name@label" as people type it. Versions are decimal numbers from 1 to TFL_VERSION_MAX; 0 stands
 * for "none given".
 */
#ifndef PROTO_NAME_H
#define PROTO_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_error;

struct tfl_model_ref {
	char name[TFL_MODEL_NAME_MAX + 1]; /* NUL-terminated */
	uint64_t version;                  /* 0: none given */
	char label[TFL_LABEL_MAX + 1];     /* "": none given; never together with a version */
};

/* What a name has to look like, for messages. */
#define TFL_MODEL_NAME_RULE "1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"

/* And a label of a version. */
#define TFL_LABEL_RULE "1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit, and not digits alone"

/** [A-Za-z0-9][A-Za-z0-9._-]*, at most TFL_MODEL_NAME_MAX bytes. */
bool tfl_model_name_valid(const char *name, size_t length);

/** The same for the label of a version, which cannot be taken for a number. */
bool tfl_label_valid(const char *label, size_t length);

/** A decimal version from 1 to TFL_VERSION_MAX without sign, blanks and leading zeros. 0 or -EINVAL. */
int tfl_version_parse(const char *text, size_t length, uint64_t *ret_version);

/** "name", "name@version" or "name@label". 0, or -EINVAL with a sentence that quotes @p text. */
int tfl_model_ref_parse(const char *text, struct tfl_model_ref *ret_ref, struct tfl_error *error);

#endif
