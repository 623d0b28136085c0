/* SPDX-License-Identifier: MIT */
/* Clock, samples and CPU pinning for benchmarks. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

uint64_t now_ns(void);

/** From here on now_ns() tells the processor time of the calling thread. */
void measure_processor_time(void);

/** Bytes of this process that are in memory; 0 where the system does not tell. */
size_t resident_bytes(void);

/* A bounded list of durations. */
struct samples {
	uint64_t *values;
	size_t count, capacity;
};

void samples_init(struct samples *samples, size_t capacity);
void samples_finish(struct samples *samples);

/** Ignored when full. */
void samples_add(struct samples *samples, uint64_t nanoseconds);

/** Sorts; @p share from 0 to 1. 0 without samples. */
uint64_t samples_percentile(struct samples *samples, double share);

/** Pins the calling thread to one CPU of those it may use, the @p index-th; -1 lifts the pinning. 0 or -errno. */
int pin_to_cpu(int index);

/** The integer after an option, at least 1; ends the program with status 2 and a sentence when it is none. */
unsigned parse_count(const char *option, const char *text);

#endif
