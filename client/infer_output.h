/* SPDX-License-Identifier: MIT */
/* Results of an inference for people and for programs. */
#ifndef CLIENT_INFER_OUTPUT_H
#define CLIENT_INFER_OUTPUT_H

#include <jansson.h>

#include "client/tflclient.h"

struct tfl_error;

/* The names of the classes; NULL where one has none. */
struct ctl_names {
	const char *(*name)(const void *data, size_t index);
	const void *data;
	size_t count;
};

/**
 * Prints @p output: the @p top greatest as "label  confidence" where it holds scores of classes, else what its numbers are like. @p remark
 * stands behind the first line.
 */
void ctl_output_print(const struct tfl_output *output, const struct ctl_names *names, unsigned top, const char *remark);

/** The same as an object; NULL without memory. */
json_t *ctl_output_json(const struct tfl_output *output, const struct ctl_names *names, unsigned top);

/**
 * Writes all outputs of @p infer: as .npy where @p path ends so, else raw. The second, third … of several outputs get ".1", ".2" … before
 * the path's ending. Errors name the file.
 */
int ctl_output_write(const struct tfl_infer *infer, const char *path, struct tfl_error *error);

#endif
