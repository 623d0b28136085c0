/* SPDX-License-Identifier: MIT */
/* Results of an inference for people and for programs. */
#ifndef CLIENT_INFER_OUTPUT_H
#define CLIENT_INFER_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "client/tflclient.h"

struct tfl_error;

/* The names of the classes; NULL where one has none. */
struct ctl_names {
	const char *(*name)(const void *data, size_t index);
	const void *data;
	size_t count;
};

/* What the model says of one of its outputs. */
struct ctl_output_meaning {
	struct ctl_names names;
	bool classification; /* its numbers are scores of classes, whatever they look like */
	double threshold;    /* scores below it mean nothing; 0: it does not say */
};

/**
 * Prints @p output: the @p top greatest as "label  confidence" where it holds scores of classes, else what its numbers are like. With
 * @p top 0 five, without those of 0.0 % or below the threshold but for the best. @p remark stands behind the first line.
 */
void ctl_output_print(const struct tfl_output *output, const struct ctl_output_meaning *meaning, unsigned top, const char *remark);

/** The same as an object; NULL without memory. */
json_t *ctl_output_json(const struct tfl_output *output, const struct ctl_output_meaning *meaning, unsigned top);

/** Element @p i as a number; NaN for types that are no plain numbers. */
double ctl_output_element(const struct tfl_output *output, size_t i);

#define CTL_CLASS_NAME_SIZE 256

/** The label of class @p index, or "class 7" in @p buffer. */
const char *ctl_class_name(const struct ctl_names *names, size_t index, char buffer[CTL_CLASS_NAME_SIZE]);

/** JSON has no NaN and no infinities: they are null. */
json_t *ctl_real_or_null(double value);

/** Classes that @p output has if it holds scores: the numbers of its one row; 0 for another shape. */
size_t ctl_output_classes(const struct tfl_output *output);

/**
 * Writes all outputs of @p infer: as .npy where @p path ends so, else raw. The second, third … of several outputs get ".1", ".2" … before
 * the path's ending. Errors name the file.
 */
int ctl_output_write(const struct tfl_infer *infer, const char *path, struct tfl_error *error);

#endif
