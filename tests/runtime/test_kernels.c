/* SPDX-License-Identifier: MIT */
/*
 * Runs the rows of all operators, a test for each operator and type, and sees to it that no operator of the runtime is without a row.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "runtime/op.h"
#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_attack.h"
#include "tests/runtime/kernel_resized.h"
#include "tests/runtime/kernel_rows.h"
#include "tests/runtime/kernel_run.h"
#include "tests/runtime/suites.h"

#define CASES 80
#define ATTACKS 150
#define EMPTY 5
#define RESIZED 20
#define PATTERN_MAX 80

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

static bool case_matches(const struct kernel_case *c, const struct tfl_op *op)
{
	struct tfl_value values[KERNEL_INPUTS_MAX + KERNEL_OUTPUTS_MAX] = {0};
	int32_t inputs[KERNEL_INPUTS_MAX], outputs[KERNEL_OUTPUTS_MAX];
	const struct tfl_graph graph = {.values = values};
	const struct tfl_operator source = {
		.inputs = inputs, .input_count = c->input_count, .outputs = outputs, .output_count = c->output_count};

	for (unsigned i = 0; i < c->input_count; i++) {
		values[i].dtype = c->inputs[i].dtype;
		inputs[i] = c->inputs[i].absent ? -1 : (int32_t)i;
	}
	for (unsigned i = 0; i < c->output_count; i++) {
		values[KERNEL_INPUTS_MAX + i].dtype = c->misnamed ? TFL_FLOAT32 : c->outputs[i].dtype;
		outputs[i] = (int32_t)(KERNEL_INPUTS_MAX + i);
	}
	return tfl_op_types_match(op, &graph, &(struct tfl_node){.source = &source});
}

/* Whether a case that the row draws has the tensors of one pattern. */
static bool is_drawn(const struct kernel_row *row, const struct tfl_op *op, const char *pattern)
{
	struct tfl_op one = *op;
	bool found = false;

	one.types = pattern;
	for (const char *type = row->types; *type && !found; type++) {
		for (unsigned number = 0; number < CASES && !found; number++) {
			struct kernel_case c;

			kernel_case_init(&c, row, *type, number);
			found = case_matches(&c, &one);
			kernel_case_finish(&c);
		}
	}
	return found;
}

/* A pattern with one of its letters for many types replaced by each of those: T everywhere, others where they stand. */
static void check_letter(const struct kernel_row *row, const struct tfl_op *op, const char *pattern, size_t at)
{
	const char *letters = pattern[at] == 'N' ? "il" : pattern[at] == 'T' ? "fbBsilz" : pattern[at] == '#' ? "fhbBsilzc" : "";
	char text[PATTERN_MAX];

	for (; *letters; letters++) {
		strcpy(text, pattern);
		for (size_t i = 0; text[i]; i++)
			if (i == at || (pattern[at] == 'T' && pattern[i] == 'T'))
				text[i] = *letters;
		ck_assert_msg(is_drawn(row, op, text), "%s: no case has the types %s, of %s", row->name, text, pattern);
	}
}

/* Pattern @p number of an operator; false past the last. */
static bool get_pattern(const struct tfl_op *op, unsigned number, char *ret_pattern)
{
	const char *types = op->types;

	for (; number > 0 && *types; number--) {
		types += strcspn(types, " ");
		types += strspn(types, " ");
	}
	snprintf(ret_pattern, PATTERN_MAX, "%.*s", (int)strcspn(types, " "), types);
	return *types;
}

START_TEST(every_type_is_drawn)
{
	char pattern[PATTERN_MAX];

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		const char *custom = rows[i]->code == TFL_BUILTIN_CUSTOM ? rows[i]->name : NULL;
		const struct tfl_op *op = tfl_op_find((uint16_t)rows[i]->code, custom);

		for (unsigned number = 0; get_pattern(op, number, pattern); number++) {
			ck_assert_msg(is_drawn(rows[i], op, pattern), "%s: no case has the types %s", rows[i]->name, pattern);
			for (size_t at = 0; pattern[at]; at++)
				check_letter(rows[i], op, pattern, at);
		}
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

/*
 * Operators that have no inputs but constants, whose input is a shape, whose output's shape follows from content (test_late.c), or whose
 * state or anchors have as many rows as their input (test_recurrent.c).
 */
static bool has_fixed_rows(const struct kernel_row *row)
{
	static const uint32_t codes[] = {TFL_BUILTIN_CUSTOM, TFL_BUILTIN_DENSIFY, TFL_BUILTIN_FILL, TFL_BUILTIN_LSTM, TFL_BUILTIN_RANGE,
					 TFL_BUILTIN_SVDF, TFL_BUILTIN_UNIDIRECTIONAL_SEQUENCE_LSTM, TFL_BUILTIN_WHERE};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(codes); i++)
		if (codes[i] == row->code)
			return true;
	return false;
}

START_TEST(operator_takes_other_rows_than_the_file_says)
{
	char type;
	const struct kernel_row *row = find_row(_i, &type);
	unsigned checked = kernel_resize(row, type, RESIZED);

	ck_assert_msg(checked > 0 || has_fixed_rows(row), "%s: no case", row->name);
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
	tcase_add_test(tests, every_type_is_drawn);
	tcase_add_loop_test(tests, operator_matches_reference, 0, types);
	tcase_add_loop_test(tests, operator_withstands_attacks, 0, types);
	tcase_add_loop_test(tests, operator_takes_empty_tensors, 0, types);
	tcase_add_loop_test(tests, operator_takes_other_rows_than_the_file_says, 0, types);
	suite_add_tcase(suite, tests);
	return suite;
}
