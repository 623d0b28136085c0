/* SPDX-License-Identifier: MIT */
/* What store.c (which writes) and store_read.c (which reads) share. */
#ifndef DAEMON_STORE_INTERNAL_H
#define DAEMON_STORE_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "daemon/store.h"

#define TFL_STORE_MANIFEST "manifest"
#define TFL_STORE_PROOF "proof"
#define TFL_STORE_STATE "state"
#define TFL_STORE_STATISTICS "statistics"
#define TFL_STORE_TRIAL "trial"
#define TFL_STORE_RUNNING ".running" /* of no model */
#define TFL_STORE_CHANGES ".changes" /* of no model */
#define TFL_STORE_STAGING ".staging" /* likewise */

struct tfl_store {
	char *path;
	int fd;          /* of the models folder, locked */
	int staging;     /* of its staging folder */
	atomic_uint_least64_t serial; /* of the last name made up in staging: at a start the loop's thread writes there, too */
};

/** Opens a model's folder, and that of a version. -EINVAL for names that cannot be, -ENOENT with a sentence. The caller closes. */
int tfl_store_open_model(const struct tfl_store *store, const char *model, int *ret_fd, struct tfl_error *error);
int tfl_store_open_number(const struct tfl_store *store, const char *model, uint64_t number, int *ret_fd, struct tfl_error *error);

/** "path: why", with the word on links where a link is why. Returns @p code. */
int tfl_store_failed(const char *path, const char *doing, int code, struct tfl_error *error);

/** 1: there is a version in a model's folder, other than the one named @p but (NULL: any); 0: there is none; or -errno. */
int tfl_store_has_version(int folder, const char *but);

/** Whether a name in a model's folder is that of its samples, and all of those were recorded (store_samples.h). */
bool tfl_store_samples_recorded(int model, const char *name);

/** Deletes those that were recorded. Returns -errno. */
int tfl_store_remove_recorded(struct tfl_store *store, int model);

#endif
