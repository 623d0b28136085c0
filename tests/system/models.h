/* SPDX-License-Identifier: MIT */
/* Models for system tests, and requests that fit them. */
#ifndef TESTS_SYSTEM_MODELS_H
#define TESTS_SYSTEM_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/request.h"
#include "tests/system/harness.h"

struct tfl_writer;

#define TINY_ELEMENTS 16

/* A model file in memory. */
struct model_file {
	uint8_t *data;
	size_t size;
};

void model_file_finish(struct model_file *file);

/** float32 [1, 16] to float32 [1, 16], or the same in int8: runs in no time. Another seed, other weights. */
struct model_file model_tiny(bool int8, uint64_t seed);

/** What the float tiny model of @p seed gives for @p input, computed plainly. */
void model_tiny_expected(uint64_t seed, const float input[TINY_ELEMENTS], float ret_output[TINY_ELEMENTS]);

/** float32 [1, 96, 96, 3] to float32 [1, 64]: convolutions that take a processor some 20 ms a layer and more. */
struct model_file model_slow(unsigned layers);

/** MobileNet v2 in float32: 13 MiB of weights. Takes a second to make. */
struct model_file model_mobilenet(uint64_t seed);

/** uint8 [1, 1024, 1024, 3] to float32 of the same shape (12 MB), at hardly any cost: for replies that no socket takes at once. */
struct model_file model_large(void);

/** model_tiny(), model_slow() or model_large() as version 1 of a model of that name, before the daemon starts. */
void add_tiny(const struct daemon *daemon);
void add_slow(const struct daemon *daemon, unsigned layers);
void add_large(const struct daemon *daemon);

/**
 * With state: float32 [1, 1] to the sum of all that came so far, from @p start on; with @p slow, a second of portable kernels behind it, which a
 * deadline can end half-way.
 */
struct model_file model_sum(float start, bool slow);

/** float32 [1, 1] to how often a loop went round that counts, by one, as long as it is below that. */
struct model_file model_loop(void);

#define SCORES_ROWS 3
#define SCORES_CLASSES 10

/** float32 [3, 10] to a softmax over it and nothing else, as version 1 of "scores": each request says which verdict it wants. */
void add_scores(const struct daemon *daemon);

/**
 * Asks it for a verdict on each row and waits for the answer: @p class, with the confidence that a logit of @p logit makes; NaN for a
 * verdict that is none.
 */
void ask_scores(int fd, unsigned class, float logit);

/** The input of requests to the tiny models: small values, within what the int8 one was calibrated for. */
extern const float tiny_input[TINY_ELEMENTS];

/** Sends one infer request with its right input. @p timeout_us, @p priority: 0 for none. */
void send_tiny(int fd, uint32_t msgid, uint64_t timeout_us);
void send_slow(int fd, uint32_t msgid, uint64_t timeout_us, uint32_t priority);
void send_large(int fd, uint32_t msgid);

/** The same with everything as given. */
void send_infer(int fd, uint32_t msgid, const struct tfl_infer_head *head, const struct tfl_wire_tensor *inputs, uint32_t input_count,
		const struct tfl_wire_tensor *outputs, uint32_t output_count);

/** A float32 input [1, 16] by index 0, over @p data. */
struct tfl_wire_tensor tiny_tensor(const float *data);

/** The next frame must be the reply to @p msgid with outputs; how long the computation took, in nanoseconds. */
uint64_t expect_outputs(int fd, uint32_t msgid);

/** The same for a request that send_tiny() sent, with its values checked. */
void expect_tiny(int fd, uint32_t msgid);

#endif
