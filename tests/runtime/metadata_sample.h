/* SPDX-License-Identifier: MIT */
/*
 * A model with all that metadata can say: a detector that looks at a picture and listens to a sound. Parts can be made wrong.
 */
#ifndef TESTS_RUNTIME_METADATA_SAMPLE_H
#define TESTS_RUNTIME_METADATA_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Inputs and outputs of the model. */
enum {
	META_PICTURE,
	META_SOUND,
	META_INPUTS
};
enum {
	META_BOXES,
	META_CLASSES,
	META_SCORES,
	META_COUNT,
	META_GRID, /* [2, 3], a label for each row and for each column */
	META_OUTPUTS
};

/* What of it is wrong; nothing where all is zero. */
struct metadata_wrong {
	const char *text;          /* in the place of the model's name */
	const uint32_t *order;     /* of the boxes' numbers */
	uint32_t order_count;
	float score;               /* added to the threshold */
	float statistic;           /* added to the picture's maximum */
	float default_score;       /* added to that of the calibration */
	const char *file_name;     /* of the model's own file */
	uint32_t dimension_names;  /* more than the picture has dimensions */
	uint8_t kinds;             /* added to the kinds of content, units, files, colours and boxes */
	uint32_t model_uses;       /* how often the model's list of files has the same file besides once */
	const char *labels;        /* content of the label file of the classes */
	bool square;               /* the grid is [3, 3], and rows have three labels too */
};

/** The caller frees the bytes. Ends the test without memory. */
uint8_t *sample_metadata(const struct metadata_wrong *wrong, size_t *ret_size);

#endif
