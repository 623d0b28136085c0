/* SPDX-License-Identifier: MIT */
/*
 * Samples (proto/sample.h) that prove a file: in <version>/samples/ of a version, else in <model>/samples/ of all of its versions, one file
 * "<name>.tflsample" each.
 *
 * Read and judged in the child that proves a file, never in the daemon: nothing here is trusted, and nothing here is safe from what is in a
 * file but by that. One thread.
 */
#ifndef DAEMON_SAMPLES_H
#define DAEMON_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "proto/sample.h"

struct tfl_error;
struct tfl_interface;
struct tfl_interpreter;

#define TFL_SAMPLES_FOLDER "samples"

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
