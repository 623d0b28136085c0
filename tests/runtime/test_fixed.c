/* SPDX-License-Identifier: MIT */
/* Fixed-point functions against the real ones, roundings by hand, and the quantisation of inputs at run time. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "runtime/fixed.h"
#include "runtime/quant.h"
#include "tests/builder/random.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_dynamic.h"
#include "tests/runtime/suites.h"

#define ROUNDS 20000

START_TEST(roundings_by_hand)
{
	static const struct {
		int32_t value;
		int bits;
		int32_t right;
	} shifts[] = {{3, 1, 2}, {-3, 1, -2}, {1, 1, 1},  {-1, 1, -1},         {5, 2, 1},
		      {6, 2, 2}, {-6, 2, -2}, {7, 0, 7}, {INT32_MIN, 31, -1}, {INT32_MAX, 31, 1}};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(shifts); i++)
		ck_assert_int_eq(tfl_fixed_shift_right(shifts[i].value, shifts[i].bits), shifts[i].right);
	ck_assert_int_eq(tfl_fixed_shift_left(1 << 20, 11), INT32_MAX);
	ck_assert_int_eq(tfl_fixed_shift_left(-(1 << 20), 12), INT32_MIN);
	ck_assert_int_eq(tfl_fixed_shift_left(-5, 3), -40);
	ck_assert_int_eq(tfl_fixed_multiply(1 << 30, 3), 2); /* 1.5 upwards */
	ck_assert_int_eq(tfl_fixed_multiply(1 << 30, -3), -1);
	ck_assert_int_eq(tfl_fixed_multiply(INT32_MIN, INT32_MIN), INT32_MAX);
	ck_assert_int_eq(tfl_fixed_multiply(INT32_MIN, INT32_MAX), -INT32_MAX);
}
END_TEST

START_TEST(exp_and_inverse_are_close)
{
	struct tfl_random random = {1};

	ck_assert_int_eq(tfl_fixed_exp(0), INT32_MAX);
	for (int i = 0; i < ROUNDS; i++) {
		int32_t x = -(int32_t)(tfl_random_next(&random) >> 33), y = -x;
		double exponential = exp(ldexp(x, -26)), inverse = 1 / (1 + ldexp(y, -31));

		ck_assert_double_le(fabs(ldexp(tfl_fixed_exp(x), -31) - exponential), 3e-7);
		ck_assert_double_le(fabs(ldexp(tfl_fixed_inverse(y), -31) - inverse), 4e-9);
	}
}
END_TEST

/* All there are. */
START_TEST(functions_of_16_bits_follow_their_description)
{
	for (int x = INT16_MIN; x <= INT16_MAX; x++) {
		int logistic = tfl_fixed16_logistic((int16_t)x);

		if (logistic != fixed_point_logistic16(x) || fabs(logistic - 32768 / (1 + exp(-x / 4096.0))) > 8)
			ck_abort_msg("1 / (1 + exp(-%d / 4096)) * 32768: %d; %d would be right", x, logistic, fixed_point_logistic16(x));
		for (int bits = 0; bits <= 6; bits++) {
			int tangent = tfl_fixed16_tanh((int16_t)x, bits);

			if (tangent != fixed_point_tanh16(x, bits) || fabs(tangent - 32768 * tanh(ldexp(x, bits - 15))) > 16)
				ck_abort_msg("tanh(%d * 2^%d) * 32768: %d; %d would be right", x, bits - 15, tangent, fixed_point_tanh16(x, bits));
		}
	}
}
END_TEST

static double parabola(double x)
{
	return x * x / 2;
}

START_TEST(tables_are_close_everywhere)
{
	static const struct {
		double (*function)(double);
		double min, max;
	} rows[] = {{exp, -10, 0}, {sin, -3, 3}, {parabola, 0, 1.4}};
	int16_t table[TFL_TABLE_SIZE];

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		tfl_table_make(rows[i].function, rows[i].min, rows[i].max, table);
		for (int x = INT16_MIN; x <= INT16_MAX; x++) {
			double real = rows[i].function(rows[i].min + (x + 32768) / 65536.0 * (rows[i].max - rows[i].min));

			if (fabs(tfl_table_look_up(table, (int16_t)x) - real * 32768) > 2)
				ck_abort_msg("row %zu at %d: %d, not %f", i, x, tfl_table_look_up(table, (int16_t)x), real * 32768);
		}
	}
}
END_TEST

START_TEST(wide_products_follow_their_description)
{
	struct tfl_random random = {2};

	for (int i = 0; i < ROUNDS; i++) {
		int64_t value = (int64_t)tfl_random_next(&random) >> (16 + tfl_random_below(&random, 46));
		double factor = exp2((double)tfl_random_uniform(&random, -33, 6.99f));

		ck_assert_int_eq(tfl_multiply_wide(value, tfl_multiplier_from(factor)), fixed_point_multiply_wide(value, factor));
	}
	/* The cut multiplier is never rounded up to 1. */
	ck_assert_int_eq(tfl_multiply_wide(1 << 20, (struct tfl_multiplier){INT32_MAX, 0}), fixed_point_multiply_wide(1 << 20, 1 - 0x1p-31));
	ck_assert_int_gt(tfl_multiply_wide(INT64_MAX, tfl_multiplier_from(0x1p-31)), INT16_MAX);
	ck_assert_int_lt(tfl_multiply_wide(INT64_MIN, tfl_multiplier_from(0x1p-31)), INT16_MIN);
}
END_TEST

static void check_dynamic(const float *values, size_t count, bool asymmetric)
{
	struct kernel_tensor tensor = {.dtype = TFL_FLOAT32, .elements = count, .data = (void *)values};
	struct kernel_dynamic right = kernel_dynamic(&tensor, 0, count, asymmetric);
	int8_t quantized[64];
	float scale;
	int32_t zero_point;

	tfl_quantize_dynamic(values, count, asymmetric, quantized, &scale, &zero_point);
	ck_assert_double_le(fabs((double)scale - right.scale), 1e-6 * right.scale);
	ck_assert_int_eq(zero_point, right.zero_point);
	for (size_t i = 0; i < count; i++) {
		double steps = fabs((double)values[i] / right.scale), part = steps - floor(steps);

		/* In float a tie may fall to the other side. */
		ck_assert_int_le(llabs(quantized[i] - zero_point - kernel_dynamic_element(&right, &tensor, i)), fabs(part - 0.5) < 1e-4);
	}
}

START_TEST(inputs_are_quantised_by_their_range)
{
	struct tfl_random random = {3};
	float values[64];

	for (int round = 0; round < 2000; round++) {
		size_t count = 1 + tfl_random_below(&random, TFL_ARRAY_SIZE(values));
		float low = tfl_random_uniform(&random, -3, 1), size = exp2f(tfl_random_uniform(&random, -20, 20));

		for (size_t i = 0; i < count; i++)
			values[i] = tfl_random_uniform(&random, low, 1.5f) * size;
		check_dynamic(values, count, round % 2);
	}
	memset(values, 0, sizeof(values));
	check_dynamic(values, TFL_ARRAY_SIZE(values), true);
	check_dynamic(values, TFL_ARRAY_SIZE(values), false);
}
END_TEST

/* Whatever comes in: a zero point that int8 holds, and something for each element. */
START_TEST(odd_inputs_are_survived)
{
	static const float odd[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45f, -1e-45f, 0, 1};
	struct tfl_random random = {4};

	for (int round = 0; round < 5000; round++) {
		size_t count = 1 + tfl_random_below(&random, 20);
		float values[20], scale = 0;
		int8_t quantized[20];
		int32_t zero_point = 1000;

		for (size_t i = 0; i < count; i++)
			values[i] = odd[tfl_random_below(&random, TFL_ARRAY_SIZE(odd))];
		tfl_quantize_dynamic(values, count, round % 2, quantized, &scale, &zero_point);
		ck_assert_int_ge(zero_point, round % 2 ? INT8_MIN : 0);
		ck_assert_int_le(zero_point, round % 2 ? INT8_MAX : 0);
		ck_assert(scale > 0);
		for (size_t i = 0; i < count; i++)
			if (isnan(values[i]))
				ck_assert_int_eq(quantized[i], zero_point);
	}
}
END_TEST

Suite *fixed_suite(void)
{
	Suite *suite = suite_create("fixed");
	TCase *tests = tcase_create("fixed");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, roundings_by_hand);
	tcase_add_test(tests, exp_and_inverse_are_close);
	tcase_add_test(tests, functions_of_16_bits_follow_their_description);
	tcase_add_test(tests, tables_are_close_everywhere);
	tcase_add_test(tests, wide_products_follow_their_description);
	tcase_add_test(tests, inputs_are_quantised_by_their_range);
	tcase_add_test(tests, odd_inputs_are_survived);
	suite_add_tcase(suite, tests);
	return suite;
}
