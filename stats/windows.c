/* SPDX-License-Identifier: MIT */
/*
 * Two rings, of minutes and of hours. A slot is the difference of two totals, each counter in 32 bits: to overflow one takes a million
 * verdicts a second for an hour. A slot is emptied when its window begins, so a ring holds nothing older than itself.
 */
#include "stats/windows.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A confidence is an array of counters (see its header); the sum does not fit 32 bits and is kept beside the slot. */
#define COUNTERS (sizeof(struct tfl_confidence) / sizeof(uint64_t))
#define SUM (offsetof(struct tfl_confidence, sum) / sizeof(uint64_t))

static const struct {
	unsigned slots;
	int64_t seconds;
} lengths[TFL_WINDOW_LENGTHS] = {
	[TFL_WINDOW_MINUTE] = {TFL_WINDOWS_MINUTES, 60},
	[TFL_WINDOW_HOUR] = {TFL_WINDOWS_HOURS, 3600},
};

struct ring {
	uint32_t *counters; /* slots times width */
	uint64_t *sums;     /* of each slot */
	int64_t first, step; /* the first window that there was, and the running one: its time divided by its length */
};

struct tfl_windows {
	uint32_t classes;
	size_t width; /* counters of a slot: those of the confidence, then one a class */
	bool begun;
	int64_t origin; /* of the first call */
	struct ring rings[TFL_WINDOW_LENGTHS];
	uint64_t *totals; /* of the last call, laid out as a slot */
	uint64_t *news;   /* what came since: working memory */
};

size_t tfl_windows_bytes(const struct tfl_windows *windows)
{
	size_t bytes = sizeof(*windows) + 2 * windows->width * sizeof(uint64_t);

	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS; i++)
		bytes += lengths[i].slots * (windows->width * sizeof(uint32_t) + sizeof(uint64_t));
	return bytes;
}

void tfl_windows_destroy(struct tfl_windows *windows)
{
	if (!windows)
		return;
	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS; i++) {
		free(windows->rings[i].counters);
		free(windows->rings[i].sums);
	}
	free(windows->totals);
	free(windows->news);
	free(windows);
}

int tfl_windows_create(uint32_t classes, struct tfl_windows **ret_windows)
{
	struct tfl_windows *windows = calloc(1, sizeof(*windows));
	bool complete;

	if (!windows)
		return -ENOMEM;
	windows->classes = classes;
	windows->width = COUNTERS + classes;
	windows->totals = calloc(windows->width, sizeof(*windows->totals));
	windows->news = calloc(windows->width, sizeof(*windows->news));
	complete = windows->totals && windows->news;
	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS; i++) {
		windows->rings[i].counters = calloc(lengths[i].slots * windows->width, sizeof(uint32_t));
		windows->rings[i].sums = calloc(lengths[i].slots, sizeof(uint64_t));
		complete = complete && windows->rings[i].counters && windows->rings[i].sums;
	}
	if (!complete) {
		tfl_windows_destroy(windows);
		return -ENOMEM;
	}
	*ret_windows = windows;
	return 0;
}

int64_t tfl_windows_seconds(enum tfl_window_length length)
{
	return lengths[length].seconds;
}

/* Steps before time 0 are negative. */
static int64_t step_of(enum tfl_window_length length, int64_t time)
{
	int64_t seconds = lengths[length].seconds;

	return (time - (time < 0 ? seconds - 1 : 0)) / seconds;
}

static unsigned slot_of(enum tfl_window_length length, int64_t step)
{
	int64_t slots = lengths[length].slots;

	return (unsigned)((step % slots + slots) % slots);
}

static void take_news(struct tfl_windows *windows, const uint64_t *totals, size_t first, size_t count)
{
	uint64_t *last = windows->totals + first, *news = windows->news + first;

	for (size_t i = 0; i < count; i++) {
		news[i] = totals[i] >= last[i] ? totals[i] - last[i] : totals[i];
		last[i] = totals[i];
	}
}

/* Into the slot that ran at the last call. */
static void collect_news(struct tfl_windows *windows, enum tfl_window_length length)
{
	struct ring *ring = &windows->rings[length];
	unsigned slot = slot_of(length, ring->step);
	uint32_t *counters = ring->counters + slot * windows->width;

	for (size_t i = 0; i < windows->width; i++)
		if (i != SUM)
			counters[i] += (uint32_t)windows->news[i];
	ring->sums[slot] += windows->news[SUM];
}

/* Begins, empty, the windows that have begun by now. */
static void turn(struct tfl_windows *windows, enum tfl_window_length length, int64_t now)
{
	struct ring *ring = &windows->rings[length];
	int64_t step = step_of(length, now), from = ring->step;

	if (step - from > lengths[length].slots)
		from = step - lengths[length].slots;
	while (from < step) {
		unsigned slot = slot_of(length, ++from);

		memset(ring->counters + slot * windows->width, 0, windows->width * sizeof(uint32_t));
		ring->sums[slot] = 0;
	}
	ring->step = step;
}

void tfl_windows_forget(struct tfl_windows *windows)
{
	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS; i++) {
		memset(windows->rings[i].counters, 0, lengths[i].slots * windows->width * sizeof(uint32_t));
		memset(windows->rings[i].sums, 0, lengths[i].slots * sizeof(uint64_t));
	}
	memset(windows->totals, 0, windows->width * sizeof(uint64_t));
	windows->begun = false;
}

void tfl_windows_begin(struct tfl_windows *windows, int64_t origin, int64_t now)
{
	assert(!windows->begun && origin <= now);
	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS; i++) {
		windows->rings[i].first = step_of((enum tfl_window_length)i, origin);
		windows->rings[i].step = step_of((enum tfl_window_length)i, now);
	}
	windows->origin = origin;
	windows->begun = true;
}

void tfl_windows_put(struct tfl_windows *windows, enum tfl_window_length length, unsigned back, const struct tfl_confidence *confidence,
		     const uint64_t *classes)
{
	struct ring *ring = &windows->rings[length];
	const uint64_t *from = (const uint64_t *)confidence;
	unsigned slot = slot_of(length, ring->step - back);
	uint32_t *counters = ring->counters + slot * windows->width;

	assert(windows->begun);
	if (back >= tfl_windows_count(windows, length))
		return;
	for (size_t i = 0; i < windows->width; i++)
		if (i != SUM)
			counters[i] += (uint32_t)(i < COUNTERS ? from[i] : classes[i - COUNTERS]);
	ring->sums[slot] += confidence->sum;
}

void tfl_windows_advance(struct tfl_windows *windows, int64_t now, const struct tfl_confidence *confidence, const uint64_t *classes)
{
	if (!windows->begun)
		tfl_windows_begin(windows, now, now);
	take_news(windows, (const uint64_t *)confidence, 0, COUNTERS);
	take_news(windows, classes, COUNTERS, windows->classes);
	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS; i++) {
		assert(step_of((enum tfl_window_length)i, now) >= windows->rings[i].step);
		collect_news(windows, (enum tfl_window_length)i);
		turn(windows, (enum tfl_window_length)i, now);
	}
}

unsigned tfl_windows_count(const struct tfl_windows *windows, enum tfl_window_length length)
{
	const struct ring *ring = &windows->rings[length];
	int64_t count = windows->begun ? ring->step - ring->first + 1 : 0;

	return count < lengths[length].slots ? (unsigned)count : lengths[length].slots;
}

int64_t tfl_windows_began(const struct tfl_windows *windows, enum tfl_window_length length, unsigned back)
{
	int64_t began = (windows->rings[length].step - back) * lengths[length].seconds;

	return began > windows->origin ? began : windows->origin;
}

void tfl_windows_add(const struct tfl_windows *windows, enum tfl_window_length length, unsigned back, struct tfl_confidence *into,
		     uint64_t *into_classes)
{
	const struct ring *ring = &windows->rings[length];
	unsigned slot = slot_of(length, ring->step - back);
	const uint32_t *counters = ring->counters + slot * windows->width;
	uint64_t *to = (uint64_t *)into;

	assert(back < tfl_windows_count(windows, length));
	for (size_t i = 0; i < COUNTERS; i++)
		to[i] += i == SUM ? ring->sums[slot] : counters[i];
	for (uint32_t i = 0; into_classes && i < windows->classes; i++)
		into_classes[i] += counters[COUNTERS + i];
}

unsigned tfl_windows_add_last(const struct tfl_windows *windows, enum tfl_window_length length, unsigned count, struct tfl_confidence *into,
			      uint64_t *into_classes)
{
	unsigned there = tfl_windows_count(windows, length);

	count = count < there ? count : there;
	for (unsigned back = 0; back < count; back++)
		tfl_windows_add(windows, length, back, into, into_classes);
	return count;
}
