/* SPDX-License-Identifier: MIT */
/* What store.c (which writes) and store_read.c (which reads) share. */
#ifndef DAEMON_STORE_INTERNAL_H
#define DAEMON_STORE_INTERNAL_H

#include <stdint.h>

#include "daemon/store.h"

#define TFL_STORE_MANIFEST "manifest"
#define TFL_STORE_PROOF "proof"
#define TFL_STORE_STATE "state"
#define TFL_STORE_STATISTICS "statistics"
#define TFL_STORE_CHANGES ".changes" /* of no model */

struct tfl_store {
	char *path;
	int fd;          /* of the models folder, locked */
	int staging;     /* of its staging folder */
	uint64_t serial; /* of the last name made up in staging */
};

/** Opens a model's folder, and that of a version. -EINVAL for names that cannot be, -ENOENT with a sentence. The caller closes. */
int tfl_store_open_model(const struct tfl_store *store, const char *model, int *ret_fd, struct tfl_error *error);
int tfl_store_open_number(const struct tfl_store *store, const char *model, uint64_t number, int *ret_fd, struct tfl_error *error);

#endif
