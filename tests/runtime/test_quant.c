/* SPDX-License-Identifier: MIT */
/*
 * Conversions at a model's edge and the fixed-point arithmetic of kernels, against definitions in double and against a second fixed-point
 * implementation. The kernels' tests cover activation ranges and refusals.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "runtime/quant.h"
#include "tests/builder/random.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/suites.h"

static const struct integer_type {
	enum tfl_dtype dtype;
	double min, max;
} types[] = {
	{TFL_INT8, -128, 127},
	{TFL_UINT8, 0, 255},
	{TFL_INT16, -32768, 32767},
	{TFL_INT32, -2147483648.0, 2147483647.0},
};

static int64_t load(enum tfl_dtype dtype, const void *data)
{
	int64_t value = 0;

	memcpy(&value, data, tfl_dtype_size(dtype));
	return dtype == TFL_INT8 ? (int8_t)value : dtype == TFL_UINT8 ? value : dtype == TFL_INT16 ? (int16_t)value : (int32_t)value;
}

static int64_t quantize(enum tfl_dtype dtype, float scale, int32_t zero_point, float value)
{
	int64_t bits = 0;

	if (tfl_quantize(dtype, scale, zero_point, &value, 1, &bits) < 0)
		ck_abort_msg("%s is not known", tfl_dtype_to_string(dtype));
	return load(dtype, &bits);
}

START_TEST(quantize_rounds_half_away_from_zero_and_saturates)
{
	static const struct {
		float value;
		double steps;
	} rows[] = {
		{0, 0},    {0.25f, 1},  {-0.25f, -1}, {0.24999999f, 0}, {-0.24999999f, 0}, {0.75f, 2},
		{-0.75f, -2}, {31, 62}, {-31.25f, -63}, {1e-40f, 0}, {-0.0f, 0},
		{FLT_MAX, 1e300}, {-FLT_MAX, -1e300}, {INFINITY, 1e300}, {-INFINITY, -1e300}, {NAN, 0},
	};
	const struct integer_type *type = &types[_i];
	int32_t zero_points[] = {(int32_t)type->min, (int32_t)type->max, 7};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		for (size_t z = 0; z < TFL_ARRAY_SIZE(zero_points); z++) {
			double right = fmin(fmax(rows[i].steps + zero_points[z], type->min), type->max);

			ck_assert_msg(quantize(type->dtype, 0.5f, zero_points[z], rows[i].value) == (int64_t)right, "%s, row %zu, zero point %d: %lld",
				      tfl_dtype_to_string(type->dtype), i, zero_points[z],
				      (long long)quantize(type->dtype, 0.5f, zero_points[z], rows[i].value));
		}
	}
}
END_TEST

/* Any scale: never more than half a step off, and a float's own error; the way back is exact to a float's error. */
START_TEST(conversions_follow_their_definition)
{
	const struct integer_type *type = &types[_i];
	struct tfl_random random = {(uint64_t)_i};

	for (int i = 0; i < 200000; i++) {
		float scale = exp2f(tfl_random_uniform(&random, -20, 10)), back;
		int32_t zero_point = (int32_t)fmin(fmax(tfl_random_uniform(&random, (float)type->min, (float)type->max), type->min), type->max);
		float value = scale * (float)(type->max - type->min) * tfl_random_uniform(&random, -1.2f, 1.2f);
		double real = (double)value / (double)scale + zero_point, right = fmin(fmax(real, type->min), type->max);
		int64_t q = quantize(type->dtype, scale, zero_point, value);
		int32_t stored = (int32_t)q;

		if (fabs((double)q - right) > 0.5 + fabs(right - zero_point) * 1e-6)
			ck_abort_msg("%s: %g at %g:%d is %lld; %.3f would be right", tfl_dtype_to_string(type->dtype), (double)value, (double)scale,
				     zero_point, (long long)q, right);
		if (tfl_dequantize(type->dtype, scale, zero_point, &stored, 1, &back) < 0)
			ck_abort_msg("%s is not known", tfl_dtype_to_string(type->dtype));
		real = (double)scale * (double)(q - zero_point);
		if (fabs((double)back - real) > fabs(real) * 1e-6)
			ck_abort_msg("%s: %lld at %g:%d is %g; %g would be right", tfl_dtype_to_string(type->dtype), (long long)q, (double)scale,
				     zero_point, (double)back, real);
	}
}
END_TEST

/* Neither side needs to be aligned, and nothing is written past the end. */
START_TEST(conversions_take_unaligned_memory)
{
	const struct integer_type *type = &types[_i];
	size_t size = tfl_dtype_size(type->dtype);
	uint8_t floats[1 + 37 * sizeof(float)], integers[1 + 37 * sizeof(int32_t) + 1], back[sizeof(floats)];

	for (int i = 0; i < 37; i++) {
		float value = (float)i;

		memcpy(floats + 1 + (size_t)i * sizeof(value), &value, sizeof(value));
	}
	memset(integers, 0xa5, sizeof(integers));
	ck_assert_int_eq(tfl_quantize(type->dtype, 1, 0, floats + 1, 37, integers + 1), 0);
	ck_assert_uint_eq(integers[1 + 37 * size], 0xa5);
	for (size_t i = 0; i < 37; i++)
		ck_assert_int_eq(load(type->dtype, integers + 1 + i * size), (int64_t)i);
	ck_assert_int_eq(tfl_dequantize(type->dtype, 1, 0, integers + 1, 37, back + 1), 0);
	ck_assert_mem_eq(back + 1, floats + 1, sizeof(floats) - 1);
}
END_TEST

START_TEST(other_types_are_refused)
{
	for (unsigned dtype = 0; dtype < TFL_DTYPE_COUNT; dtype++) {
		bool known = dtype == TFL_INT8 || dtype == TFL_UINT8 || dtype == TFL_INT16 || dtype == TFL_INT32;
		int32_t min = 1, max = 0;
		float value = 0;
		int64_t bits = 0;

		ck_assert_int_eq(tfl_quantize((enum tfl_dtype)dtype, 1, 0, &value, 1, &bits), known ? 0 : -EINVAL);
		ck_assert_int_eq(tfl_dequantize((enum tfl_dtype)dtype, 1, 0, &bits, 1, &value), known ? 0 : -EINVAL);
		ck_assert(tfl_integer_range((enum tfl_dtype)dtype, &min, &max) == known);
		ck_assert((min < max) == known);
	}
	for (size_t i = 0; i < TFL_ARRAY_SIZE(types); i++) {
		int32_t min, max;

		ck_assert(tfl_integer_range(types[i].dtype, &min, &max));
		ck_assert_int_eq(min, (int32_t)types[i].min);
		ck_assert_int_eq(max, (int32_t)types[i].max);
	}
}
END_TEST

/* All 65,536 of them. */
START_TEST(float16_widens_exactly)
{
	for (uint32_t bits = 0; bits <= UINT16_MAX; bits++) {
		uint16_t half = (uint16_t)bits;
		int exponent = half >> 10 & 31, fraction = half & 1023;
		double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
		double right = half & 0x8000 ? -magnitude : magnitude;
		float value;

		tfl_float16_to_float32(&half, 1, &value);
		if (exponent == 31 && fraction) {
			uint32_t wide;

			memcpy(&wide, &value, sizeof(wide));
			if (!isnan(value) || (wide >> 13 & 1023) != (uint32_t)fraction || !signbit(value) != !(half & 0x8000))
				ck_abort_msg("%04x is %08x; a NaN with that payload would be right", half, wide);
			continue;
		}
		if (exponent == 31)
			right = half & 0x8000 ? -INFINITY : INFINITY;
		if ((double)value != right || !signbit(value) != !(half & 0x8000))
			ck_abort_msg("%04x is %g; %g would be right", half, (double)value, right);
	}
}
END_TEST

static int32_t draw_int32(struct tfl_random *random)
{
	static const int32_t edges[] = {0, 1, -1, 2, -2, INT32_MIN, INT32_MIN + 1, INT32_MAX, INT32_MAX - 1, 1 << 30, -(1 << 30)};
	uint64_t bits = tfl_random_next(random);

	if (bits % 8 == 0)
		return edges[(bits >> 8) % TFL_ARRAY_SIZE(edges)];
	return (int32_t)(bits >> 32) >> (bits >> 8) % 31;
}

START_TEST(fixed_point_agrees_with_its_description)
{
	struct tfl_random random = {1};

	for (int i = 0; i < 500000; i++) {
		int32_t value = draw_int32(&random);
		double factor = exp2((double)tfl_random_uniform(&random, -36, 30));
		struct tfl_multiplier multiplier = tfl_multiplier_from(factor);
		int64_t right = fixed_point_multiply(value, factor);

		if (tfl_multiply(value, multiplier) != right)
			ck_abort_msg("%d times %g is %d; %lld would be right", value, factor, tfl_multiply(value, multiplier), (long long)right);
	}
}
END_TEST

/* The result is what a person would call the product, within a step of rounding and within 32 bits. */
START_TEST(fixed_point_is_near_the_product)
{
	struct tfl_random random = {2};

	for (int i = 0; i < 200000; i++) {
		int32_t value = draw_int32(&random);
		double factor = exp2((double)tfl_random_uniform(&random, -31, 12)), product = value * factor;
		int32_t got = tfl_multiply(value, tfl_multiplier_from(factor));

		/* A shift that leaves 32 bits saturates before the multiplication: at least a quarter of the range is left then. */
		if (fabs(product) < 0x1p30 ? fabs(got - product) > 1 + fabs(product) * 0x1p-29 : fabs((double)got) < 0x1p29 || (got < 0) != (value < 0))
			ck_abort_msg("%d times %g is %d; %g would be right", value, factor, got, product);
	}
}
END_TEST

/* Results that TensorFlow Lite documents, and the number itself for everything else. */
START_TEST(inverse_roots_are_exact)
{
	static const struct {
		int32_t value, multiplier, shift;
	} rows[] = {
		{-5, INT32_MAX, 0},          {0, INT32_MAX, 0},         {1, INT32_MAX, 0},
		{2, 1518498372, 0},          {3, 1239850284, 0},        {4, 1073741828, 0},
		{100, 214748363, 0},         {10000, 343597361, -4},    {1000000, 274877901, -7},
		{100000000, 219902323, -10}, {1 << 30, 268435457, -12}, {INT32_MAX, 189812531, -12},
	};
	struct tfl_random random = {3};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct tfl_multiplier multiplier = tfl_inverse_sqrt(rows[i].value);

		ck_assert_msg(multiplier.multiplier == rows[i].multiplier && multiplier.shift == rows[i].shift, "row %zu: %d, %d", i,
			      multiplier.multiplier, multiplier.shift);
	}
	for (int i = 0; i < 100000; i++) {
		int32_t value = (int32_t)(tfl_random_next(&random) >> (33 + tfl_random_below(&random, 30))) + 1;
		struct tfl_multiplier multiplier = tfl_inverse_sqrt(value);
		double got = ldexp(multiplier.multiplier, multiplier.shift - 31) * sqrt(value);

		if (fabs(got - 1) > 1e-5)
			ck_abort_msg("1 / sqrt(%d) is off by a factor of %.9f", value, got);
	}
}
END_TEST

START_TEST(multipliers_scale_within_bounds)
{
	static const struct {
		struct tfl_multiplier multiplier;
		int32_t by;
		struct tfl_multiplier result;
	} rows[] = {
		{{1 << 30, 0}, 5, {1 << 30, 5}},
		{{1 << 30, -10}, -21, {1 << 30, -31}},
		{{1 << 30, -10}, -22, {0, 0}},
		{{1 << 30, 20}, 10, {1 << 30, 30}},
		{{1 << 30, 20}, 11, {INT32_MAX, 30}},
		{{0, 0}, 100, {0, 30}},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct tfl_multiplier result = tfl_multiplier_scale(rows[i].multiplier, rows[i].by);

		ck_assert_msg(result.multiplier == rows[i].result.multiplier && result.shift == rows[i].result.shift, "row %zu: %d, %d", i,
			      result.multiplier, result.shift);
	}
}
END_TEST

START_TEST(multipliers_are_normalised)
{
	static const struct {
		double factor;
		int32_t multiplier, shift;
	} rows[] = {
		{1, 1 << 30, 1},
		{0.5, 1 << 30, 0},
		{0.75, 3 << 29, 0},
		{1 - 0x1p-40, 1 << 30, 1}, /* rounds up to 1 */
		{0x1p-32, 1 << 30, -31},
		{0x1p-33, 0, 0},
		{0x1p40, INT32_MAX, 30},
		{0, 0, 0},
		{-1, 0, 0},
		{INFINITY, INT32_MAX, 30},
		{NAN, 0, 0},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct tfl_multiplier multiplier = tfl_multiplier_from(rows[i].factor);

		ck_assert_msg(multiplier.multiplier == rows[i].multiplier && multiplier.shift == rows[i].shift, "row %zu: %d, %d", i,
			      multiplier.multiplier, multiplier.shift);
	}
}
END_TEST

START_TEST(requantize_clamps_to_the_range)
{
	struct tfl_multiplier half = tfl_multiplier_from(0.5);
	struct tfl_range range = {.quantized_min = -10, .quantized_max = 20};

	ck_assert_int_eq(tfl_requantize(8, half, 3, &range), 7);
	ck_assert_int_eq(tfl_requantize(-100, half, 3, &range), -10);
	ck_assert_int_eq(tfl_requantize(100, half, 3, &range), 20);
	/* The zero point is added beyond 32 bits. */
	ck_assert_int_eq(tfl_requantize(INT32_MAX, tfl_multiplier_from(1), INT32_MAX, &range), 20);
	ck_assert_int_eq(tfl_requantize(INT32_MIN, tfl_multiplier_from(1), INT32_MIN, &range), -10);
}
END_TEST

Suite *quant_suite(void)
{
	Suite *suite = suite_create("quant");
	TCase *tests = tcase_create("quant");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, quantize_rounds_half_away_from_zero_and_saturates, 0, TFL_ARRAY_SIZE(types));
	tcase_add_loop_test(tests, conversions_follow_their_definition, 0, TFL_ARRAY_SIZE(types));
	tcase_add_loop_test(tests, conversions_take_unaligned_memory, 0, TFL_ARRAY_SIZE(types));
	tcase_add_test(tests, other_types_are_refused);
	tcase_add_test(tests, float16_widens_exactly);
	tcase_add_test(tests, fixed_point_agrees_with_its_description);
	tcase_add_test(tests, fixed_point_is_near_the_product);
	tcase_add_test(tests, inverse_roots_are_exact);
	tcase_add_test(tests, multipliers_are_normalised);
	tcase_add_test(tests, multipliers_scale_within_bounds);
	tcase_add_test(tests, requantize_clamps_to_the_range);
	suite_add_tcase(suite, tests);
	return suite;
}
