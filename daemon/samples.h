/* SPDX-License-Identifier: MIT */
/*
 * Inputs that were kept of a model, perhaps with the outputs that are expected for them: <version>/samples/ of a version, else
 * <model>/samples/ of all of its versions, one file "<name>.tflsample" each. A file is one MessagePack map:
 *
 *     format     1
 *     inputs     [tensor, …] as in the params of "infer": {name | index, dtype, shape, data}
 *     outputs    [tensor, …] the same; left out: any answer is right that has no NaN
 *     tolerance  how far an element may be off, as a part of the greatest magnitude that is expected in its tensor; left out: 0.01
 *
 * Read and judged in the child that proves a file, never in the daemon: nothing here is trusted, and nothing here is safe from what is in a
 * file but by that. One thread.
 */
#ifndef DAEMON_SAMPLES_H
#define DAEMON_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/request.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_interface;
struct tfl_interpreter;

#define TFL_SAMPLES_FOLDER "samples"
#define TFL_SAMPLE_SUFFIX ".tflsample"
#define TFL_SAMPLE_NAME_MAX 64
#define TFL_SAMPLE_TOLERANCE 0.01

/* A file that was opened, not yet read. */
struct tfl_sample_file {
	char name[TFL_SAMPLE_NAME_MAX];
	int fd;
	size_t size;
};

struct tfl_samples {
	struct tfl_sample_file files[TFL_SAMPLES_MAX];
	unsigned count;
};

/**
 * Opens all samples in a folder, in the order of their names; other names are passed over. -EFBIG past TFL_SAMPLES_MAX or
 * TFL_SAMPLES_BYTES_MAX, -EINVAL for one that is no file (links are not followed) or has too long a name; or what the file system says.
 */
int tfl_samples_open(int folder, struct tfl_samples *ret_samples, struct tfl_error *error);
void tfl_samples_close(struct tfl_samples *samples);

/* Parsed: views into the bytes. Finished by its owner. */
struct tfl_sample {
	struct tfl_infer_request request; /* outputs: those that are expected, with their data */
	double tolerance;
};

int tfl_sample_parse(struct tfl_slice bytes, struct tfl_sample *ret_sample, struct tfl_error *error);
void tfl_sample_finish(struct tfl_sample *sample);

/**
 * Runs a sample. *ret_infinite: some output has an infinity. -ENOEXEC: an output is NaN, or is not what is expected; -EINVAL: the sample is
 * not for this model; or what the run says.
 */
int tfl_sample_run(const struct tfl_sample *sample, const struct tfl_interface *interface, struct tfl_interpreter *interpreter,
		   bool *ret_infinite, struct tfl_error *error);

/** Reads, parses and runs one; sentences begin with its name. */
int tfl_sample_judge(const struct tfl_sample_file *file, const struct tfl_interface *interface, struct tfl_interpreter *interpreter,
		     bool *ret_infinite, struct tfl_error *error);

#endif
