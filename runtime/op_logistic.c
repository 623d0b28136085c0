/* SPDX-License-Identifier: MIT */
/*
 * LOGISTIC, 1 / (1 + exp(-x)), and TANH, which is 2 * LOGISTIC(2 * x) - 1. Quantised int16 is TensorFlow Lite's arithmetic in integers: the
 * input is brought to 2^-14 / 3 for LOGISTIC, to half of that for TANH, and LOGISTIC of its magnitude found between two of 256 values, 1/24
 * apart, with 16 bits after the binary point. The output's scale is always 2^-15.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "runtime/kernel_unary.h"

#define ENTRIES 256

static uint16_t logistics[ENTRIES];

static double steps_of_logistic(double entry)
{
	return 65536 / (1 + exp(-entry / 24));
}

/* As in other tables, an entry is moved by half of what the middle between it and the next would miss the function by. The last is 1. */
static void fill_logistics(void)
{
	for (unsigned i = 0; i < ENTRIES - 1; i++) {
		double at = steps_of_logistic(i), middle = steps_of_logistic(i + 0.5), next = steps_of_logistic(i + 1);

		logistics[i] = (uint16_t)round(at - ((at + next) / 2 - middle) / 2);
	}
	logistics[ENTRIES - 1] = UINT16_MAX;
}

static float logistic(const struct tfl_unary *unary, float value)
{
	return 1 / (1 + expf(-value));
}

static float hyperbolic_tangent(const struct tfl_unary *unary, float value)
{
	return tanhf(value);
}

/* The input times the multiplier, rounded upwards to an integer. */
static inline int64_t bring(const struct tfl_unary *unary, int16_t value)
{
	int shift = unary->multipliers[0].shift;

	return ((int64_t)value * unary->multipliers[0].multiplier + (shift > 0 ? 1LL << (shift - 1) : 0)) >> shift;
}

/* LOGISTIC of a magnitude of which the low @p bits lie between two entries; the result has 16 + bits of them after the binary point. */
static inline int32_t between_entries(uint64_t magnitude, unsigned bits, int32_t greatest)
{
	uint32_t entry = (uint32_t)(magnitude >> bits), rest = (uint32_t)magnitude & ((1u << bits) - 1);

	if (magnitude >> bits >= ENTRIES - 1)
		return greatest;
	return (int32_t)(((uint32_t)logistics[entry] << bits) + rest * (uint32_t)(logistics[entry + 1] - logistics[entry]));
}

static inline int16_t logistic_int16(const struct tfl_unary *unary, int16_t value)
{
	int64_t scaled = bring(unary, value);
	int32_t result = between_entries((uint64_t)llabs(scaled), 9, INT16_MAX << 10);

	result = scaled >= 0 ? result + (1 << 9) : (1 << 25) - result + (1 << 9) - 1;
	return (int16_t)(result >> 10);
}

static inline int16_t tanh_int16(const struct tfl_unary *unary, int16_t value)
{
	int64_t scaled = bring(unary, value);
	int32_t result = between_entries((uint64_t)llabs(scaled), 8, UINT16_MAX << 8) - (1 << 23);

	result = scaled >= 0 ? result + (1 << 7) : -result + (1 << 7) - 1;
	return (int16_t)(result >> 8);
}

TFL_UNARY_LOOP(logistic_float32s, float, logistic)
TFL_UNARY_LOOP(logistic_int16s, int16_t, logistic_int16)
TFL_UNARY_LOOP(tanh_float32s, float, hyperbolic_tangent)
TFL_UNARY_LOOP(tanh_int16s, int16_t, tanh_int16)

/* @p shifts: by how many bits an input's scale of a power of 2 may be above 2^-12. */
static int setup_int16(struct tfl_graph *graph, const struct tfl_node *node, struct tfl_unary *unary, int shifts, struct tfl_error *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	double multiplier = (double)unary->input_scale * 4096 * 3;
	int log2, shift = 0;

	if (tfl_node_input(graph, node, 0)->dtype != TFL_INT16)
		return 0;
	if (!tfl_is_power_of_2(unary->output_scale, &log2) || log2 != -15)
		return tfl_node_unsupported(graph, node, error, "the scale of its int16 output is %g; only 1/32768 is",
					    (double)unary->output_scale);
	pthread_once(&once, fill_logistics);
	if (tfl_is_power_of_2(unary->input_scale, &log2) && log2 >= -12 && log2 <= shifts - 12) {
		unary->multipliers[0] = (struct tfl_multiplier){3 << (log2 + 12), 0};
		return 0;
	}
	for (; multiplier <= 32767.0 / 2 && shift <= 30; shift++)
		multiplier *= 2;
	unary->multipliers[0] = (struct tfl_multiplier){multiplier < INT32_MAX ? (int32_t)multiplier : INT32_MAX, shift};
	return 0;
}

static int setup_logistic(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	return setup_int16(graph, node, unary, 0, error);
}

static int setup_tanh(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	return setup_int16(graph, node, unary, 1, error);
}

static const struct tfl_unary_kernel logistic_kernel = {
	.loops = {[TFL_FLOAT32] = logistic_float32s, [TFL_INT16] = logistic_int16s},
	.real = logistic,
	.setup = setup_logistic,
	.xnnpack = xnn_unary_sigmoid,
	.xnnpack_bytes = true,
};

static const struct tfl_unary_kernel tanh_kernel = {
	.loops = {[TFL_FLOAT32] = tanh_float32s, [TFL_INT16] = tanh_int16s},
	.real = hyperbolic_tangent,
	.setup = setup_tanh,
	.xnnpack = xnn_unary_tanh,
	.xnnpack_bytes = true,
};

const struct tfl_op tfl_op_logistic = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_LOGISTIC,
	.max_version = 3,
	.name = "LOGISTIC",
	.types = "f:f b:b B:B s:s",
	.lower = tfl_unary_lower,
	.kernel = &logistic_kernel,
};

const struct tfl_op tfl_op_tanh = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_TANH,
	.max_version = 3,
	.name = "TANH",
	.types = "f:f b:b B:B s:s",
	.lower = tfl_unary_lower,
	.kernel = &tanh_kernel,
};
