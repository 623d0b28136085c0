/* SPDX-License-Identifier: MIT */
/*
 * Comparisons, logic and selection. Quantised bytes are compared in steps of 1/256, to which each side is rounded; all else as it is. A
 * selection copies elements.
 */
#include <math.h>
#include <string.h>

#include "tests/runtime/fixed_point.h"
#include "tests/runtime/kernel_elementwise.h"
#include "tests/runtime/kernel_rows.h"

/* Few different values, so that some are equal. */
static void draw(struct kernel_case *c)
{
	c->output.dtype = TFL_BOOL;
	elementwise_draw_broadcast(c, kernel_dtype(c->type), 2);
	for (unsigned i = 0; i < 2 && (c->type == 'i' || c->type == 'l'); i++)
		elementwise_draw_integers(c, &c->inputs[i], -2, 2);
	for (size_t i = 0; i < c->inputs[1].elements && c->type == 'f'; i++)
		((float *)c->inputs[1].data)[i] = ((float *)c->inputs[0].data)[i % c->inputs[0].elements];
	for (size_t i = 0; i < c->inputs[1].elements && c->type == 's'; i++)
		((int16_t *)c->inputs[1].data)[i] = ((int16_t *)c->inputs[0].data)[i % c->inputs[0].elements];
}

/* What is compared of an element. */
static double operand(const struct kernel_case *c, unsigned side, size_t index)
{
	const struct kernel_tensor *input = &c->inputs[side];

	if (kernel_is_byte(input->dtype))
		return (double)fixed_point_multiply(elementwise_centred(input, index) * 256, kernel_scale(input, 0));
	return kernel_number(input, index);
}

#define COMPARISON(name, operator) \
	static struct kernel_element name(const struct kernel_case *c, const size_t *index) \
	{ \
		return (struct kernel_element){operand(c, 0, index[0]) operator operand(c, 1, index[1]), 0}; \
	} \
\
	static void refer_##name(const struct kernel_case *c, struct kernel_expected *expected) \
	{ \
		elementwise_refer(c, expected, name); \
	}

COMPARISON(equal, ==)
COMPARISON(not_equal, !=)
COMPARISON(less, <)
COMPARISON(less_equal, <=)
COMPARISON(greater, >)
COMPARISON(greater_equal, >=)
COMPARISON(logical_and, &&)
COMPARISON(logical_or, ||)

static void draw_not(struct kernel_case *c)
{
	elementwise_draw_unary(c, TFL_BOOL);
}

static struct kernel_element logical_not(const struct kernel_case *c, const size_t *index)
{
	return (struct kernel_element){kernel_integer(&c->inputs[0], index[0]) == 0, 0};
}

static void refer_logical_not(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, logical_not);
}

/* A condition takes its place before the two, which have its output's type. */
static void draw_select_v2(struct kernel_case *c)
{
	const struct kernel_tensor *condition = &c->inputs[0];

	elementwise_draw_broadcast(c, c->output.dtype, 3);
	kernel_redraw(c, &c->inputs[0], TFL_BOOL, condition->rank, condition->dims);
	c->inputs[0].scale_count = 0;
	for (unsigned i = 1; i < 3; i++)
		kernel_copy_quantization(&c->inputs[i], &c->output);
}

/* Of the same shape, of one element, or one for each slice of the first dimension. */
static void draw_select(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank;

	draw_select_v2(c);
	rank = c->inputs[1].rank;
	memcpy(dims, c->inputs[1].dims, sizeof(dims));
	kernel_redraw(c, &c->inputs[2], c->output.dtype, rank, dims);
	kernel_redraw(c, &c->inputs[0], TFL_BOOL, kernel_one_in(c, 3) ? 0 : kernel_one_in(c, 2) && rank > 0 ? 1 : rank, dims);
}

static struct kernel_element choose(const struct kernel_case *c, const size_t *index)
{
	const struct kernel_tensor *chosen = &c->inputs[kernel_integer(&c->inputs[0], index[0]) ? 1 : 2];
	size_t at = chosen == &c->inputs[1] ? index[1] : index[2];

	return (struct kernel_element){kernel_number(chosen, at), 0};
}

static void refer_select_v2(const struct kernel_case *c, struct kernel_expected *expected)
{
	elementwise_refer(c, expected, choose);
}

/* A condition of rank 1 goes along the first dimension, where broadcasting would take the last. */
static void refer_select(const struct kernel_case *c, struct kernel_expected *expected)
{
	struct kernel_case broadcast = *c;
	struct kernel_tensor *condition = &broadcast.inputs[0];

	if (condition->rank == 1) {
		condition->rank = c->inputs[1].rank;
		for (unsigned i = 1; i < condition->rank; i++)
			condition->dims[i] = 1;
	}
	elementwise_refer(&broadcast, expected, choose);
}

#define NUMBERS "fbBsil"

const struct kernel_row kernel_equal = {"EQUAL", TFL_BUILTIN_EQUAL, NUMBERS "z", draw, NULL, refer_equal};
const struct kernel_row kernel_greater = {"GREATER", TFL_BUILTIN_GREATER, NUMBERS, draw, NULL, refer_greater};
const struct kernel_row kernel_greater_equal = {"GREATER_EQUAL", TFL_BUILTIN_GREATER_EQUAL, NUMBERS, draw, NULL, refer_greater_equal};
const struct kernel_row kernel_less = {"LESS", TFL_BUILTIN_LESS, NUMBERS, draw, NULL, refer_less};
const struct kernel_row kernel_less_equal = {"LESS_EQUAL", TFL_BUILTIN_LESS_EQUAL, NUMBERS, draw, NULL, refer_less_equal};
const struct kernel_row kernel_logical_and = {"LOGICAL_AND", TFL_BUILTIN_LOGICAL_AND, "z", draw, NULL, refer_logical_and};
const struct kernel_row kernel_logical_not = {"LOGICAL_NOT", TFL_BUILTIN_LOGICAL_NOT, "z", draw_not, NULL, refer_logical_not};
const struct kernel_row kernel_logical_or = {"LOGICAL_OR", TFL_BUILTIN_LOGICAL_OR, "z", draw, NULL, refer_logical_or};
const struct kernel_row kernel_not_equal = {"NOT_EQUAL", TFL_BUILTIN_NOT_EQUAL, NUMBERS "z", draw, NULL, refer_not_equal};
const struct kernel_row kernel_select = {"SELECT", TFL_BUILTIN_SELECT, "fbBsilzhX", draw_select, NULL, refer_select};
const struct kernel_row kernel_select_v2 = {"SELECT_V2", TFL_BUILTIN_SELECT_V2, "fbBsilzhX", draw_select_v2, NULL, refer_select_v2};
