/* SPDX-License-Identifier: MIT */
/*
 * What models are compared on: pictures, arrays and recorded requests from files, requests that the daemon has recorded, or random
 * numbers. A sample is the same for every model; each takes pictures as its own metadata says.
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
	char **paths; /* of files, or names that the daemon lists; NULL: random numbers */
	struct tfl_client *client; /* borrowed: they are the daemon's, of this model; NULL: files */
	char model[TFL_MODEL_NAME_MAX + 1];
	unsigned count;
	uint64_t random;
	bool pictures; /* random numbers are pixels */
	struct ctl_shape shapes[CTL_SUBJECT_TENSORS_MAX]; /* of the present one, by input … */
	float *values[CTL_SUBJECT_TENSORS_MAX]; /* … and its numbers: pixels from 0 to 255, or what the input takes */
	size_t room[CTL_SUBJECT_TENSORS_MAX];
	bool pixels;                            /* of the first input */
	struct ctl_subject origin;              /* of the daemon's: that a recorded request was answered by, once it was needed … */
	uint64_t origin_version;                /* … 0: it was not */
};

/**
 * The files that @p given names, and those in folders that it names, in the order of their names; or @p count random ones. They are for
 * models whose inputs are like those of @p subject. -ENOENT, -EINVAL, -ENOMEM, with a sentence.
 */
int ctl_samples_open(const struct ctl_list *given, unsigned count, const struct ctl_subject *subject, struct ctl_samples *samples,
		     struct tfl_error *error);
void ctl_samples_finish(struct ctl_samples *samples);

/**
 * Those that the daemon keeps of a model ("digits@2": of digits), in the place of random ones, where there are any and this user may read
 * them. 1: they are; 0: samples are as they were, and @p ret_why says why where that is worth a word, else it is empty.
 */
int ctl_samples_use_recorded(struct ctl_samples *samples, struct tfl_client *client, const char *model,
			     char ret_why[static TFL_ERROR_TEXT_MAX],
			     struct tfl_error *error);

/**
 * Reads or makes up sample @p index, below samples->count. Numbers of quantised inputs that were recorded are those of @p other, where it
 * takes that type, else of @p subject, else, of the daemon's, of the version that answered them, where that is in memory.
 */
int ctl_samples_take(struct ctl_samples *samples, unsigned index, const struct ctl_subject *subject, const struct ctl_subject *other,
		     struct tfl_error *error);

/** Fills the inputs of @p subject, which has the shapes of the present sample, with it as that subject takes it. */
void ctl_samples_for(const struct ctl_samples *samples, struct ctl_subject *subject);

#endif
