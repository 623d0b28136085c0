/* SPDX-License-Identifier: MIT */
/*
 * The result half of a request object: one block of memory into which names and data of all outputs are copied, aligned, before the frame
 * they came in is freed. Memory stays from call to call. Zeroed memory is an empty result. Internal.
 */
#ifndef CLIENT_RESULT_H
#define CLIENT_RESULT_H

#include "base/limits.h"
#include "client/tflclient.h"
#include "proto/view.h"

struct tfl_result {
	struct tfl_output *outputs;
	int32_t (*dims)[TFL_RANK_MAX]; /* of outputs */
	unsigned count, capacity;
	uint8_t *block; /* data, then names */
	size_t block_size;
	uint64_t version, wait_ns, compute_ns, round_trip_ns;
};

void tfl_result_finish(struct tfl_result *result);

/** No outputs, and nobody who served them; memory stays. */
void tfl_result_clear(struct tfl_result *result);

/** Takes the encoded result of an infer request over. Fails as any call. */
int tfl_result_take(struct tfl_result *result, struct tfl_slice encoded, struct tfl_call_error *error);

#endif
