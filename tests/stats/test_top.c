/* SPDX-License-Identifier: MIT */
/*
 * The best class of random rows against the definition in double precision: every type, every kind of scores, lengths around the vectors',
 * ties, and numbers that are none.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/top.h"
#include "tests/stats/suites.h"

#define CLASSES_MAX 1300

static unsigned seed;
static union {
	float f[CLASSES_MAX];
	int8_t b[CLASSES_MAX];
	uint8_t B[CLASSES_MAX];
	int16_t s[CLASSES_MAX];
} row;
static double real[CLASSES_MAX];

static double between(double low, double high)
{
	return low + (high - low) * rand_r(&seed) / RAND_MAX;
}

static void set_element(const struct tfl_top_reader *reader, uint32_t i, double value)
{
	double steps = value / (double)reader->scale + reader->zero_point;

	switch (reader->dtype) {
	case TFL_INT8:
		row.b[i] = (int8_t)fmin(fmax(rint(steps), -128), 127);
		real[i] = (double)reader->scale * (row.b[i] - reader->zero_point);
		break;
	case TFL_UINT8:
		row.B[i] = (uint8_t)fmin(fmax(rint(steps), 0), 255);
		real[i] = (double)reader->scale * (row.B[i] - reader->zero_point);
		break;
	case TFL_INT16:
		row.s[i] = (int16_t)fmin(fmax(rint(steps), -32768), 32767);
		real[i] = (double)reader->scale * (row.s[i] - reader->zero_point);
		break;
	default:
		row.f[i] = (float)value;
		real[i] = (double)row.f[i];
		break;
	}
}

/* Probabilities of a row by the definition. */
static void to_probabilities(const struct tfl_top_reader *reader, double *probabilities)
{
	double sum = 0, greatest = -INFINITY;

	for (uint32_t i = 0; i < reader->classes; i++)
		greatest = fmax(greatest, real[i]);
	for (uint32_t i = 0; i < reader->classes; i++)
		sum += exp(real[i] - greatest);
	for (uint32_t i = 0; i < reader->classes; i++)
		probabilities[i] = reader->scores == TFL_SCORES_LOG     ? exp(real[i])
				   : reader->scores == TFL_SCORES_LOGIT ? exp(real[i] - greatest) / sum
									: real[i];
}

static void check_row(const struct tfl_top_reader *reader)
{
	double probabilities[CLASSES_MAX], best = -INFINITY, second = -INFINITY;
	struct tfl_top top;
	uint32_t index = 0;

	to_probabilities(reader, probabilities);
	for (uint32_t i = 0; i < reader->classes; i++) {
		if (real[i] > real[index])
			index = i;
		if (probabilities[i] > best) {
			second = best;
			best = probabilities[i];
		} else {
			second = fmax(second, probabilities[i]);
		}
	}
	tfl_top_read(reader, &row, &top);
	ck_assert_uint_eq(top.index, index);
	ck_assert_msg(fabs((double)top.confidence - best) <= 2e-6 * fmax(1, fabs(best)), "confidence %.9g, not %.9g", (double)top.confidence, best);
	ck_assert_msg(fabs((double)top.margin - (best - second)) <= 4e-6 * fmax(1, fabs(best)), "margin %.9g, not %.9g", (double)top.margin,
		      best - second);
}

static const enum tfl_dtype dtypes[] = {TFL_FLOAT32, TFL_INT8, TFL_UINT8, TFL_INT16};

static void draw_reader(struct tfl_top_reader *reader, enum tfl_dtype dtype, enum tfl_scores scores, uint32_t classes)
{
	double range = scores == TFL_SCORES_PROBABILITY ? 1 : 20;
	float scale = dtype == TFL_FLOAT32 ? 1 : (float)(range / (dtype == TFL_INT16 ? 32768 : 256));
	int32_t zero = dtype == TFL_INT8 ? -128 : 0;

	if (scores == TFL_SCORES_LOG && dtype != TFL_INT16 && dtype != TFL_FLOAT32)
		zero += 255;
	if (scores == TFL_SCORES_LOGIT && dtype != TFL_INT16 && dtype != TFL_FLOAT32)
		zero += 100;
	ck_assert_int_eq(tfl_top_reader_init(reader, dtype, scores, classes, scale, zero), 0);
}

START_TEST(rows_by_definition)
{
	static const uint32_t lengths[] = {2, 3, 7, 8, 9, 10, 31, 32, 33, 64, 100, 1000, 1001, 1300};
	enum tfl_dtype dtype = dtypes[_i];

	seed = (unsigned)_i + 1;
	for (unsigned i = 0; i < 3000; i++) {
		enum tfl_scores scores = (enum tfl_scores[]){TFL_SCORES_PROBABILITY, TFL_SCORES_LOG, TFL_SCORES_LOGIT}[i % 3];
		double low = scores == TFL_SCORES_PROBABILITY ? 0 : scores == TFL_SCORES_LOG ? -18 : -7;
		double high = scores == TFL_SCORES_PROBABILITY ? 0.9 : scores == TFL_SCORES_LOG ? 0 : 10;
		struct tfl_top_reader reader;

		draw_reader(&reader, dtype, scores, lengths[(unsigned)rand_r(&seed) % 14]);
		for (uint32_t k = 0; k < reader.classes; k++)
			set_element(&reader, k, between(low, rand_r(&seed) % 10 ? low + (high - low) / 3 : high));
		if (i % 7 == 0) /* two that are equal */
			set_element(&reader, reader.classes - 1, real[0]);
		check_row(&reader);
	}
}
END_TEST

START_TEST(one_probability_has_two_sides)
{
	static const float values[] = {0, 0.25f, 0.5f, 0.75f, 1};
	struct tfl_top_reader reader;

	ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_FLOAT32, TFL_SCORES_BINARY, 1, 1, 0), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct tfl_top top;

		tfl_top_read(&reader, &values[i], &top);
		ck_assert_uint_eq(top.index, values[i] >= 0.5f);
		ck_assert(top.confidence == fmaxf(values[i], 1 - values[i]));
		ck_assert(top.margin == fabsf(2 * values[i] - 1));
	}
}
END_TEST

START_TEST(no_number_is_no_confidence)
{
	static const float none[] = {NAN, -NAN, INFINITY, -INFINITY};
	struct tfl_top_reader reader;
	struct tfl_top top;

	for (unsigned scores = TFL_SCORES_PROBABILITY; scores <= TFL_SCORES_LOGIT; scores++) {
		if (scores == TFL_SCORES_BINARY)
			continue;
		ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_FLOAT32, (enum tfl_scores)scores, 37, 1, 0), 0);
		for (unsigned i = 0; i < 4 * 37; i++) {
			for (unsigned k = 0; k < 37; k++)
				row.f[k] = k == i % 37 ? none[i / 37] : 0.1f;
			tfl_top_read(&reader, &row, &top);
			ck_assert(isnan(top.confidence) && isnan(top.margin));
		}
	}
}
END_TEST

START_TEST(extreme_numbers)
{
	struct tfl_top_reader reader;
	struct tfl_top top;

	ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_FLOAT32, TFL_SCORES_LOGIT, 3, 1, 0), 0);
	memcpy(row.f, (float[]){-3e38f, 3e38f, 0}, 3 * sizeof(float));
	tfl_top_read(&reader, &row, &top);
	ck_assert(top.index == 1 && top.confidence == 1 && top.margin > 0.999999f);
	memcpy(row.f, (float[]){3e38f, 3e38f, -1}, 3 * sizeof(float)); /* whose sum is no number */
	tfl_top_read(&reader, &row, &top);
	ck_assert(top.index == 0 && top.confidence == 0.5f && top.margin == 0);
	memcpy(row.f, (float[]){-1e-40f, -0.0f, -1}, 3 * sizeof(float));
	tfl_top_read(&reader, &row, &top);
	ck_assert(top.index == 1 && fabsf(top.confidence - 0.4223188f) < 1e-6f);
}
END_TEST

START_TEST(what_is_no_row)
{
	struct tfl_top_reader reader;

	ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_INT32, TFL_SCORES_LOGIT, 10, 1, 0), -EINVAL);
	ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_FLOAT32, TFL_SCORES_LOGIT, 1, 1, 0), -EINVAL);
	ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_FLOAT32, TFL_SCORES_BINARY, 2, 1, 0), -EINVAL);
	ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_INT8, TFL_SCORES_LOGIT, 2, 0, 0), -EINVAL);
	ck_assert_int_eq(tfl_top_reader_init(&reader, TFL_INT8, TFL_SCORES_LOGIT, 2, NAN, 0), -EINVAL);
}
END_TEST

Suite *top_suite(void)
{
	Suite *suite = suite_create("top");
	TCase *tcase = tcase_create("top");

	tcase_add_loop_test(tcase, rows_by_definition, 0, 4);
	tcase_add_test(tcase, one_probability_has_two_sides);
	tcase_add_test(tcase, no_number_is_no_confidence);
	tcase_add_test(tcase, extreme_numbers);
	tcase_add_test(tcase, what_is_no_row);
	suite_add_tcase(suite, tcase);
	return suite;
}
