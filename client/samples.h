/* SPDX-License-Identifier: MIT */
/*
 * What models are compared on: pictures and arrays from files, or random numbers. A sample is the same for every model; each takes pictures as its own
 * metadata says.
 *
 * Lifetime: opened into zeroed memory, finished by the caller. Thread: one.
 */
#ifndef CLIENT_SAMPLES_H
#define CLIENT_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "client/ctl.h"
#include "client/subject.h"

#define CTL_SAMPLES_MAX 100000u

struct ctl_samples {
	char **paths; /* of files; NULL: random numbers */
	unsigned count;
	uint64_t random;
	bool pictures; /* random numbers are pixels */
	float *values[CTL_SUBJECT_TENSORS_MAX]; /* of the present one, an array for each input: pixels from 0 to 255, or what the model takes */
	bool pixels;                            /* of the first input */
};

/**
 * The files that @p given names, and those in folders that it names, in the order of their names; or @p count random ones. They are for models whose
 * inputs are like those of @p subject. -ENOENT, -EINVAL, -ENOMEM, with a sentence.
 */
int ctl_samples_open(const struct ctl_list *given, unsigned count, const struct ctl_subject *subject, struct ctl_samples *samples,
		     struct tfl_error *error);
void ctl_samples_finish(struct ctl_samples *samples);

/** Reads or makes up sample @p index, below samples->count. */
int ctl_samples_take(struct ctl_samples *samples, unsigned index, const struct ctl_subject *subject, struct tfl_error *error);

/** The present sample as @p subject takes it: an array for each of its inputs, in memory that the caller provides for as many numbers. */
void ctl_samples_for(const struct ctl_samples *samples, const struct ctl_subject *subject, float *const *ret_inputs);

#endif
