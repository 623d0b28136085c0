/* SPDX-License-Identifier: MIT */
/* What the files of tflctl merge share. */
#ifndef CLIENT_CMD_MERGE_H
#define CLIENT_CMD_MERGE_H

#include <jansson.h>
#include <stdbool.h>

#include "client/merge.h"

struct merge_options {
	bool per_class;
	int top;
};

/** Prints a version for people. @p ambiguous: there is another file of the same model and number. */
void merge_print_version(const struct merge_version *version, bool ambiguous, const struct merge_options *options);

/** The same for programs: a new reference, NULL without memory. */
json_t *merge_version_json(const struct merge_version *version);

#endif
