/* SPDX-License-Identifier: MIT */
/*
 * Runs the rows of all operators, a test for each operator and type, and sees to it that no operator of the runtime is without a row.
 */
#include <string.h>

#include "base/util.h"
#include "runtime/op.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_attack.h"
#include "tests/runtime/kernel_rows.h"
#include "tests/runtime/suites.h"

#define CASES 80
#define ATTACKS 150
#define EMPTY 5

static const struct kernel_row *const rows[] = {
#define X(name) &kernel_##name,
	KERNEL_ROWS(X)
#undef X
};

/* The test's number counts types over all rows. */
static const struct kernel_row *find_row(int number, char *ret_type)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		int types = (int)strlen(rows[i]->types);

		if (number < types) {
			*ret_type = rows[i]->types[number];
			return rows[i];
		}
		number -= types;
	}
	ck_abort_msg("there is no such test");
}

START_TEST(operator_matches_reference)
{
	char type;
	const struct kernel_row *row = find_row(_i, &type);

	kernel_check(row, type, CASES);
}
END_TEST

START_TEST(operator_withstands_attacks)
{
	char type;
	const struct kernel_row *row = find_row(_i, &type);

	kernel_attack(row, type, ATTACKS);
}
END_TEST

/* Complex numbers have no letter here: test_fourier.c. Nor are resources and other subgraphs tensors: test_control.c. */
static bool has_its_own_test(const struct tfl_op *op)
{
	static const uint16_t codes[] = {TFL_BUILTIN_RFFT2D, TFL_BUILTIN_COMPLEX_ABS, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_BUILTIN_READ_VARIABLE,
					 TFL_BUILTIN_VAR_HANDLE, TFL_BUILTIN_CALL_ONCE, TFL_BUILTIN_IF, TFL_BUILTIN_WHILE,
					 TFL_BUILTIN_STABLEHLO_COMPOSITE};
	bool found = false;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(codes); i++)
		found |= codes[i] == op->code;
	return found;
}

START_TEST(every_operator_has_a_row)
{
	const struct tfl_op *op;

	for (unsigned index = 0; (op = tfl_op_at(index)); index++) {
		bool found = has_its_own_test(op);

		for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++)
			found |= rows[i]->code == op->code && strcmp(rows[i]->name, op->name) == 0;
		ck_assert_msg(found, "%s has no row in KERNEL_ROWS", op->name);
	}
}
END_TEST

/* Numbers worked out by hand. */
START_TEST(fixed_point_follows_its_description)
{
	static const struct {
		int64_t value;
		double factor;
		int64_t product;
	} rows_by_hand[] = {
		{100, 0.5, 50},
		{3, 0.5, 2},     /* 1.5 at 31 bits is 2 already: the first rounding goes upwards */
		{-3, 0.5, -1},   /* -1.5 upwards */
		{3, 0.25, 1},    /* 1.5 up to 2, then 1 */
		{-3, 0.25, -1},  /* -1.5 up to -1, then -0.5 away from zero */
		{-1, 0.25, 0},   /* -0.5 up to 0 */
		{7, 3, 21},
		{1 << 30, 4, INT32_MAX / 2 + 1},
		{12345, 0x1p-33, 0},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows_by_hand); i++)
		ck_assert_msg(fixed_point_multiply(rows_by_hand[i].value, rows_by_hand[i].factor) == rows_by_hand[i].product,
			      "row %zu: %lld", i, (long long)fixed_point_multiply(rows_by_hand[i].value, rows_by_hand[i].factor));
}
END_TEST

START_TEST(operator_takes_empty_tensors)
{
	char type;
	const struct kernel_row *row = find_row(_i, &type);

	kernel_empty(row, type, EMPTY);
}
END_TEST

Suite *kernels_suite(void)
{
	Suite *suite = suite_create("kernels");
	TCase *tests = tcase_create("operators");
	int types = 0;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++)
		types += (int)strlen(rows[i]->types);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, fixed_point_follows_its_description);
	tcase_add_test(tests, every_operator_has_a_row);
	tcase_add_loop_test(tests, operator_matches_reference, 0, types);
	tcase_add_loop_test(tests, operator_withstands_attacks, 0, types);
	tcase_add_loop_test(tests, operator_takes_empty_tensors, 0, types);
	suite_add_tcase(suite, tests);
	return suite;
}
