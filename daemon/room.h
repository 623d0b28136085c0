/* SPDX-License-Identifier: MIT */
/*
 * Which versions make room for another one, where memory is limited. Pure: it knows neither versions nor clocks, but what each takes, when
 * it was used last, and whether anybody needs it.
 */
#ifndef DAEMON_ROOM_H
#define DAEMON_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_error;

struct tfl_room_item {
	const char *model; /* borrowed, like what the caller finds it again by */
	uint64_t number;
	void *data;
	uint64_t bytes;
	uint64_t used_ns; /* its last request; where there was none, when it was loaded */
	bool last;        /* only where the others are not enough: it is the way back from the active one */
};

/**
 * Sorts @p items, all of them idle, in the order in which they would go (those that are to be last at the end; the one first that was used
 * longest ago), and moves those to the front that have to go so that @p missing bytes get free: the first so many, without those of them
 * that the others make superfluous. Returns their count; 0 where all together would not be enough, or nothing is missing.
 */
unsigned tfl_room_choose(struct tfl_room_item *items, unsigned count, uint64_t missing);

/* A load that does not fit. */
struct tfl_room_need {
	const char *model;
	uint64_t number;
	uint64_t bytes;       /* that it needs */
	uint64_t used, limit; /* of all versions in memory */
	bool allowed;         /* unload_idle */
	bool unasked;         /* it comes by itself, and for such a one not all is unloaded that is idle */
};

/** What is missing; 0: it fits. */
uint64_t tfl_room_missing(const struct tfl_room_need *need);

/**
 * The sentence of the refusal, with what would be right: @p idle are those that tfl_room_choose() chose, or all of them, where that is not
 * enough. Returns -ENOBUFS.
 */
int tfl_room_refuse(const struct tfl_room_need *need, const struct tfl_room_item *idle, unsigned count, struct tfl_error *error);

#define TFL_ROOM_BYTES_TEXT 24

/** "12.5 MiB". Returns @p text. */
const char *tfl_room_format(uint64_t bytes, char text[static TFL_ROOM_BYTES_TEXT]);

#endif
