/* SPDX-License-Identifier: MIT */
/* How far two outputs agree: classes, differences, and what is no number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/agreement.h"
#include "tests/daemon/suites.h"

static struct tfl_agreement agreement;

static const struct tfl_agreement_output *seen(void)
{
	static struct tfl_agreement read;

	tfl_agreement_read(&agreement, &read);
	return &read.outputs[0];
}

static void add(const float *right, const float *other, size_t count, uint32_t classes)
{
	tfl_agreement_add(&agreement.outputs[0], right, other, count, classes);
	tfl_agreement_count(&agreement);
}

static void setup(void)
{
	memset(&agreement, 0, sizeof(agreement));
}

START_TEST(the_same_agrees)
{
	const float row[6] = {0.1f, 0.7f, 0.2f, 0, 0, 1};

	add(row, row, 6, 3);
	add(row, row, 6, 3);
	ck_assert_uint_eq(seen()->rows, 4);
	ck_assert_uint_eq(seen()->agreed, 4);
	ck_assert_uint_eq(seen()->values, 12);
	ck_assert_double_eq(seen()->largest, 0);
	ck_assert_double_eq(seen()->sum, 0);
	ck_assert_uint_eq(agreement.compared, 2);
}
END_TEST

START_TEST(classes_and_differences)
{
	const float right[6] = {0.5f, 0.25f, 0.25f, 0, 0, 1}, other[6] = {0.25f, 0.5f, 0.25f, 0, 0.25f, 0.75f};

	add(right, other, 6, 3);
	ck_assert_uint_eq(seen()->rows, 2);
	ck_assert_uint_eq(seen()->agreed, 1);
	ck_assert_double_eq(seen()->largest, 0.25);
	ck_assert_double_eq(seen()->sum, 1);
	add(right, right, 6, 3); /* the largest stays */
	ck_assert_double_eq(seen()->largest, 0.25);
	ck_assert_uint_eq(seen()->agreed, 3);
}
END_TEST

START_TEST(one_probability_has_two_classes)
{
	const float right[4] = {0.9f, 0.1f, 0.6f, 0.5f}, other[4] = {0.6f, 0.4f, 0.4f, 0.5f};

	add(right, other, 4, 1);
	ck_assert_uint_eq(seen()->rows, 4);
	ck_assert_uint_eq(seen()->agreed, 3);
}
END_TEST

START_TEST(numbers_alone_have_no_classes)
{
	const float right[2] = {1, 2}, other[2] = {2, 1};

	add(right, other, 2, 0);
	ck_assert_uint_eq(seen()->rows, 0);
	ck_assert_uint_eq(seen()->values, 2);
	ck_assert_double_eq(seen()->sum, 2);
}
END_TEST

START_TEST(what_is_no_number_is_counted_and_never_the_best)
{
	const float right[3] = {0, 1, INFINITY}, other[3] = {NAN, 1, 2}, nothing[3] = {NAN, NAN, NAN};

	add(right, other, 3, 3);
	ck_assert_uint_eq(seen()->invalid, 1);
	ck_assert_uint_eq(seen()->values, 1); /* the second alone */
	ck_assert_uint_eq(seen()->agreed, 1); /* infinity, and 2 */
	add(other, nothing, 3, 3);
	ck_assert_uint_eq(seen()->invalid, 3);
	ck_assert_uint_eq(seen()->agreed, 1);
	ck_assert(isfinite(seen()->sum) && isfinite(seen()->largest));
}
END_TEST

/* A version that answers NaN alone has chosen nothing, not the first class. */
START_TEST(where_nothing_is_a_number_no_class_is_chosen)
{
	const float first[3] = {1, 0, 0}, low[1] = {0.1f}, nothing[3] = {NAN, NAN, NAN};

	add(first, nothing, 3, 3);
	add(nothing, first, 3, 3);
	add(low, nothing, 1, 1);
	ck_assert_uint_eq(seen()->rows, 3);
	ck_assert_uint_eq(seen()->agreed, 0);
	ck_assert_uint_eq(seen()->invalid, 4);
}
END_TEST

/* Against a plain computation, over random numbers. */
START_TEST(as_computed_plainly)
{
	enum { ROWS = 50, CLASSES = 7, COUNT = ROWS * CLASSES };
	float right[COUNT], other[COUNT];
	double largest = 0, sum = 0;
	unsigned agreed = 0;

	srand(1);
	for (unsigned i = 0; i < COUNT; i++) {
		right[i] = (float)rand() / (float)RAND_MAX;
		other[i] = (float)rand() / (float)RAND_MAX;
		sum += fabs((double)right[i] - (double)other[i]);
		largest = fmax(largest, fabs((double)right[i] - (double)other[i]));
	}
	for (unsigned row = 0; row < ROWS; row++) {
		unsigned best[2] = {0, 0};

		for (unsigned i = 0; i < CLASSES; i++) {
			best[0] = right[row * CLASSES + i] > right[row * CLASSES + best[0]] ? i : best[0];
			best[1] = other[row * CLASSES + i] > other[row * CLASSES + best[1]] ? i : best[1];
		}
		agreed += best[0] == best[1];
	}
	add(right, other, COUNT, CLASSES);
	ck_assert_uint_eq(seen()->rows, ROWS);
	ck_assert_uint_eq(seen()->agreed, agreed);
	ck_assert_double_eq_tol(seen()->sum, sum, 1e-9);
	ck_assert_double_eq(seen()->largest, largest);
}
END_TEST

Suite *agreement_suite(void)
{
	Suite *suite = suite_create("agreement");
	TCase *test = tcase_create("agreement");

	tcase_add_checked_fixture(test, setup, NULL);
	tcase_add_test(test, the_same_agrees);
	tcase_add_test(test, classes_and_differences);
	tcase_add_test(test, one_probability_has_two_classes);
	tcase_add_test(test, numbers_alone_have_no_classes);
	tcase_add_test(test, what_is_no_number_is_counted_and_never_the_best);
	tcase_add_test(test, where_nothing_is_a_number_no_class_is_chosen);
	tcase_add_test(test, as_computed_plainly);
	suite_add_tcase(suite, test);
	return suite;
}
