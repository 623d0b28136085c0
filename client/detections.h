/* SPDX-License-Identifier: MIT */
/* What a detector found: its outputs of boxes, classes and scores put together, for people and for programs. */
#ifndef CLIENT_DETECTIONS_H
#define CLIENT_DETECTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/infer_input.h"
#include "client/infer_output.h"
#include "client/tflclient.h"

struct ctl_detection {
	double score;
	size_t class; /* SIZE_MAX for what is no class */
	double left, top, right, bottom; /* shares of what the model saw; NaN where it gave none */
};

struct ctl_detections {
	struct ctl_detection *items; /* the best first */
	size_t count;
	double threshold;            /* the model's own, or 0.5 */
	unsigned classes;            /* the output whose labels name them */
};

/**
 * Reads the outputs of @p infer as @p described, the answer's "outputs", explains them. 0, and the caller finishes @p ret_detections; 1
 * where they are no detections of one picture, in float32 and of shapes that fit; -ENOMEM. @p frame may be NULL; only a model whose boxes
 * are in pixels needs it.
 */
int ctl_detections_read(const struct tfl_infer *infer, const struct tfl_value *described, const struct ctl_frame *frame,
			struct ctl_detections *ret_detections);
void ctl_detections_finish(struct ctl_detections *detections);

/**
 * Prints a line for each detection of at least @p threshold: label, score, and the box in pixels of the picture, or, without @p frame, in
 * shares. @p remark stands behind the first line.
 */
void ctl_detections_print(const struct ctl_detections *detections, double threshold, const struct ctl_names *names,
			  const struct ctl_frame *frame, const char *remark);

/** All of them, as an array; NULL without memory. */
json_t *ctl_detections_json(const struct ctl_detections *detections, const struct ctl_names *names, const struct ctl_frame *frame);

#endif
