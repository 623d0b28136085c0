/* SPDX-License-Identifier: MIT */
/*
 * A model that is compared with another one: a file, run here, or one that the daemon serves. Either takes and gives real numbers, whatever
 * its own types are, so that a quantised network can be compared with the one it was made from.
 *
 * Lifetime: opened into zeroed memory, finished by the caller. Thread: one.
 */
#ifndef CLIENT_SUBJECT_H
#define CLIENT_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/infer_input.h"

struct tfl_client;
struct tfl_error;
struct tfl_interpreter;
struct tfl_model;
struct tfl_program;

#define CTL_SUBJECT_TENSORS_MAX 16u /* inputs, and outputs */

struct ctl_subject {
	char name[256]; /* "new.tflite", "digits@2" */
	uint32_t input_count, output_count;
	struct ctl_tensor inputs[CTL_SUBJECT_TENSORS_MAX], outputs[CTL_SUBJECT_TENSORS_MAX];
	bool unclassed[CTL_SUBJECT_TENSORS_MAX]; /* outputs of a file that are known to be no scores of classes: boxes, an embedding, a picture */
	float *results[CTL_SUBJECT_TENSORS_MAX]; /* of the last run, as many numbers as the output has; owned */
	uint64_t file_bytes, memory_bytes;       /* memory: packed weights, and one interpreter */

	/* A file. */
	uint8_t *bytes;
	struct tfl_model *model;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;

	/* One that is served. */
	struct tfl_client *client; /* borrowed */
	struct tfl_infer *infer;
	struct tfl_value *description;
};

int ctl_subject_open_file(const char *path, struct ctl_subject *subject, struct tfl_error *error);
int ctl_subject_open_served(struct tfl_client *client, const char *model, struct ctl_subject *subject, struct tfl_error *error);
void ctl_subject_finish(struct ctl_subject *subject);

/**
 * Runs it once on real numbers, an array for each input, into subject->results; *ret_ns is the time of the computation alone. -EINVAL for
 * an input that is of no type that stands for real numbers.
 */
int ctl_subject_run(struct ctl_subject *subject, const float *const *inputs, uint64_t *ret_ns, struct tfl_error *error);

/** Elements of a tensor. */
size_t ctl_tensor_elements(const struct ctl_tensor *tensor);

#endif
