/* SPDX-License-Identifier: MIT */
/*
 * Confidence histograms as MessagePack (proto/histogram.h), to and from those of stats/confidence.h.
 */
#ifndef DAEMON_HISTOGRAM_H
#define DAEMON_HISTOGRAM_H

#include <stdint.h>

#include "proto/histogram.h"
#include "proto/params.h"

struct tfl_confidence;
struct tfl_error;
struct tfl_writer;

/** Writes a key and its histogram. */
void tfl_histogram_write(struct tfl_writer *writer, const char *key, const struct tfl_confidence *confidence);

/**
 * Reads counters, of which there are @p max, into zeroed memory; *ret_sum is theirs. -EINVAL with a sentence for an index that is no
 * counter's or not above the one before it, and for counts that do not fit 64 bits together.
 */
int tfl_counters_read(const struct tfl_wire_array *array, uint64_t *counters, uint32_t max, uint64_t *ret_sum, struct tfl_error *error);

/** Reads a histogram, validated MessagePack. -EINVAL with a sentence for what contradicts itself too. */
int tfl_histogram_read(struct tfl_slice value, struct tfl_confidence *ret_confidence, struct tfl_error *error);

#endif
