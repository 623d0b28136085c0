/* SPDX-License-Identifier: MIT */
/* A client and a small request, as most tests need them. */
#ifndef TESTS_CLIENT_COMMON_H
#define TESTS_CLIENT_COMMON_H

#include <check.h>
#include <stdint.h>

#include "client/clock.h"
#include "client/tflclient.h"
#include "tests/client/fake.h"

#define MS 1000000
#define PATIENCE_MS 5000 /* for what happens at once, on a machine that has other things to do */
#define PATIENCE_NS (INT64_C(1) * PATIENCE_MS * MS)

/** Connects to @p fake. 0 for a time: the default. */
static inline struct tfl_client *connect_to(const struct fake *fake, int timeout_ms, int reconnect_ms)
{
	struct tfl_client_options options = {.size = sizeof(options), .timeout_ms = timeout_ms, .reconnect_ms = reconnect_ms};
	struct tfl_call_error error = {0};
	struct tfl_client *client = NULL;

	ck_assert_msg(tfl_client_connect(fake->path, &options, &client, &error) == 0, "%s", error.message);
	return client;
}

/** A request with one input, {1, 4} float32. */
static inline struct tfl_infer *small_infer(void)
{
	static const float data[4] = {1, 2, 3, 4};
	static const int32_t dims[2] = {1, 4};
	struct tfl_infer *infer = NULL;

	ck_assert_int_eq(tfl_infer_create("digits", &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, data, sizeof(data)), 0);
	return infer;
}

#endif
