/* SPDX-License-Identifier: MIT */
/*
 * The samples of a model on disk, <models>/<model>/samples/: those that the daemon records are named "recorded-<number>.tflsample",
 * whatever else is there was put there by somebody and is left alone. What is counted here is names and sizes; no sample is read but to be
 * handed on.
 *
 * Recorded are data of the device's users: the folder is made with mode 0700, a sample has mode 0600. Thread: the store's.
 */
#ifndef DAEMON_STORE_SAMPLES_H
#define DAEMON_STORE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "daemon/store.h"
#include "proto/sample.h"

struct tfl_store_sample {
	char name[TFL_SAMPLE_NAME_MAX];
	uint64_t bytes;
	int64_t time; /* of its last change, seconds since 1970 */
	bool recorded;
};

struct tfl_store_samples {
	bool there; /* the folder is */
	mode_t mode;
	uid_t owner;
	unsigned count;   /* of samples, those that are not listed among them … */
	uint64_t bytes;   /* … and what they have together */
	unsigned listed;
	struct tfl_store_sample list[TFL_SAMPLES_MAX]; /* in the order of their names */
	unsigned recorded;
	uint64_t recorded_bytes;
	uint64_t last;    /* greatest number of a recorded one; 0: there is none */
};

/** What there is. -ENOENT for a model that is not there; a folder that is not is empty. */
int tfl_store_list_samples(const struct tfl_store *store, const char *model, struct tfl_store_samples *ret_samples,
			   struct tfl_error *error);

/** Makes the folder where it is not there, durable when this returns 0. */
int tfl_store_make_samples(struct tfl_store *store, const char *model, struct tfl_error *error);

/**
 * Writes a recorded sample of a model that has a version, under a number that no other has, by one rename: after a power cut it is there
 * with all its bytes, or not there. -ENOENT for a model without versions, -EOVERFLOW for a number of too many digits.
 * That it is there is durable after tfl_store_sync_samples() alone.
 */
int tfl_store_write_sample(struct tfl_store *store, const char *model, uint64_t number, const void *data, size_t size,
			   struct tfl_error *error);
int tfl_store_sync_samples(struct tfl_store *store, const char *model, struct tfl_error *error);

/** Reads one of at most @p max bytes into memory that the caller frees. -ENOENT, -EFBIG, -EINVAL for what is no name of a sample. */
int tfl_store_read_sample(const struct tfl_store *store, const char *model, const char *name, size_t max, void **ret_data, size_t *ret_size,
			  struct tfl_error *error);

/**
 * Deletes the recorded ones, and the folder where it has nothing else: all of them at once by one rename in that case. *ret_count: how
 * many there were. When this returns 0 they do not come back.
 */
int tfl_store_erase_samples(struct tfl_store *store, const char *model, unsigned *ret_count, struct tfl_error *error);

#endif
