/* SPDX-License-Identifier: MIT */
/* What the runtime tells of a model (runtime/tell.h), written as entries of a map in a reply. */
#ifndef DAEMON_TELLING_H
#define DAEMON_TELLING_H

#include <stdint.h>

struct tfl_version;
struct tfl_writer;

/* A tree that was counted, to be written. Zeroed memory is none. */
struct tfl_telling {
	const struct tfl_version *version;
	uint32_t *counts; /* entries of each map and array, in the order in which they begin; the first is of the map around them */
	uint32_t used, capacity;
};

/** Counts what there is to tell of a version in memory. 0, or -ENOMEM; tfl_telling_finish() is right after either. */
int tfl_telling_init(struct tfl_telling *telling, const struct tfl_version *version);
void tfl_telling_finish(struct tfl_telling *telling);

/** Entries of the map that tfl_telling_write() writes. */
uint32_t tfl_telling_count(const struct tfl_telling *telling);
void tfl_telling_write(const struct tfl_telling *telling, struct tfl_writer *writer);

#endif
