/* SPDX-License-Identifier: MIT */
/*
 * Counters as MessagePack, on the wire and on disk: an array of index, count, index, count and so on, ascending and without the zeros. A
 * histogram of confidence is a map {"invalid", "sum", "bins", "margins", "fine"} of them, as in stats/confidence.h.
 */
#ifndef PROTO_HISTOGRAM_H
#define PROTO_HISTOGRAM_H

#include <stdint.h>

struct tfl_writer;

/* Borrowed counters of a histogram: all of them, zeros too. */
struct tfl_wire_histogram {
	uint64_t invalid, sum;
	const uint64_t *bins, *margins, *fine;
	uint32_t bin_count, fine_count; /* as many margins as bins */
};

/** Writes a key and its counters, or its histogram. */
void tfl_counters_write(struct tfl_writer *writer, const char *key, const uint64_t *counters, uint32_t count);
void tfl_wire_histogram_write(struct tfl_writer *writer, const char *key, const struct tfl_wire_histogram *histogram);

#endif
