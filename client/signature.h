/* SPDX-License-Identifier: MIT */
/*
 * What a request is about: the model's main graph, or one of its signatures. All of it are views of model.describe's answer, which outlives
 * them.
 */
#ifndef CLIENT_SIGNATURE_H
#define CLIENT_SIGNATURE_H

#include <stdbool.h>

#include "client/tflclient.h"

struct tfl_error;

struct ctl_signature {
	const char *name;             /* NULL: none, which is the main graph */
	bool main;                    /* its inputs and outputs are those of the main graph, which metadata and labels are about */
	const struct tfl_value *inputs, *outputs; /* as described; where they are the main graph's, with the metadata */
	const struct tfl_value *called;           /* the inputs under the names that the signature gives them */
};

/**
 * Finds the signature called @p name, or the main graph where it is NULL. Sentences begin with @p model, as typed. -EAGAIN for a version that
 * is not in service; -ENOENT, with the names that there are; -EOPNOTSUPP for one that cannot be run here, with the reason.
 */
int ctl_signature_find(const struct tfl_value *description, const char *model, const char *name, struct ctl_signature *ret_signature,
		       struct tfl_error *error);

#endif
