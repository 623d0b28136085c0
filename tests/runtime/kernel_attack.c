/* SPDX-License-Identifier: MIT */
/*
 * Each attack changes one thing in a drawn case. Afterwards one of three holds: the case cannot mean anything (REFUSED); the reference still
 * knows what it means, so that a runtime that accepts it must agree with the reference (DEFINED); or the two paths need only agree with
 * each other (ALIKE).
 */
#include "tests/runtime/kernel_attack.h"

#include <check.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/kernel_run.h"

/* Larger results are not computed by the naive references. */
#define ELEMENTS_MAX 500000

enum outcome { NONE, REFUSED, DEFINED, ALIKE };

static int32_t pick_int(struct kernel_case *c, struct tfl_ints ints)
{
	return ints.values[kernel_between(c, 0, (int32_t)ints.count - 1)];
}

static float pick_float(struct kernel_case *c, const float *values, size_t count)
{
	return values[kernel_between(c, 0, (int32_t)count - 1)];
}

static bool has_window(const struct kernel_case *c)
{
	return c->window.stride_h > 0;
}

static bool has_activation(const struct kernel_case *c)
{
	static const uint8_t types[] = {TFL_OPTIONS_ADD, TFL_OPTIONS_SUB, TFL_OPTIONS_MUL, TFL_OPTIONS_DIV, TFL_OPTIONS_FULLY_CONNECTED};

	return has_window(c) || memchr(types, c->options.type, sizeof(types));
}

/* One of the inputs that are there, or of the outputs. */
static struct kernel_tensor *pick_tensor(struct kernel_case *c)
{
	unsigned index = (unsigned)kernel_between(c, 0, (int32_t)(c->input_count + c->output_count - 1));

	if (index >= c->input_count)
		return &c->outputs[index - c->input_count];
	return c->inputs[index].absent ? &c->output : &c->inputs[index];
}

static bool is_output(const struct kernel_case *c, const struct kernel_tensor *tensor)
{
	return tensor >= c->outputs && tensor < c->outputs + c->output_count;
}

static struct kernel_tensor *pick_input(struct kernel_case *c)
{
	struct kernel_tensor *input = &c->inputs[kernel_between(c, 0, (int32_t)c->input_count - 1)];

	return input->absent ? &c->inputs[0] : input;
}

/* One of the lists of integers that steer the operator, or NULL. */
static struct kernel_tensor *pick_list(struct kernel_case *c)
{
	struct kernel_tensor *list = pick_input(c);

	return list->count > 0 ? list : NULL;
}

static enum outcome great_stride(struct kernel_case *c)
{
	if (!has_window(c))
		return NONE;
	*(kernel_one_in(c, 2) ? &c->window.stride_h : &c->window.stride_w) = pick_int(c, TFL_INTS(1000, 1 << 30, INT32_MAX));
	return DEFINED;
}

static enum outcome great_dilation(struct kernel_case *c)
{
	if (!has_window(c) || c->options.type == TFL_OPTIONS_POOL_2D)
		return NONE;
	*(kernel_one_in(c, 2) ? &c->window.dilation_h : &c->window.dilation_w) = pick_int(c, TFL_INTS(1000, 1 << 29, 1 << 30, INT32_MAX));
	return DEFINED;
}

static enum outcome great_kernel(struct kernel_case *c)
{
	if (c->options.type != TFL_OPTIONS_POOL_2D)
		return NONE;
	*(kernel_one_in(c, 2) ? &c->window.filter_h : &c->window.filter_w) = pick_int(c, TFL_INTS(20, 3000, INT32_MAX));
	return DEFINED;
}

/* The numbers of a window that cannot be negative. A zero is written by another attack: the builder takes it for a default. */
static enum outcome negative_window(struct kernel_case *c)
{
	struct tfl_build_window *window = &c->window;
	int32_t *numbers[] = {&window->stride_h, &window->stride_w, &window->dilation_h, &window->dilation_w, &window->filter_h, &window->filter_w};
	bool pool = c->options.type == TFL_OPTIONS_POOL_2D;
	int32_t number = kernel_between(c, 0, c->options.type == TFL_OPTIONS_TRANSPOSE_CONV ? 1 : 3);

	if (!has_window(c))
		return NONE;
	/* A pool has no dilation, a convolution no kernel in its options; backwards it has neither. */
	if (pool && number >= 2)
		number += 2;
	*numbers[number] = pick_int(c, TFL_INTS(-1, -1000, INT32_MIN));
	return REFUSED;
}

static enum outcome zero_option(struct kernel_case *c)
{
	if (!has_window(c))
		return NONE;
	/* Slots 1 and 2 are the strides of all four tables. */
	c->options.fields[kernel_between(c, 1, 2)].integer = 0;
	return REFUSED;
}

static enum outcome unknown_padding(struct kernel_case *c)
{
	if (!has_window(c))
		return NONE;
	c->window.padding = (int8_t)pick_int(c, TFL_INTS(-1, 2, 127, -128));
	return REFUSED;
}

static enum outcome unknown_activation(struct kernel_case *c)
{
	if (!has_activation(c))
		return NONE;
	c->activation = c->window.activation = (int8_t)pick_int(c, TFL_INTS(-1, 4, 5, 6, 127, -128));
	return REFUSED;
}

static enum outcome wrong_multiplier(struct kernel_case *c)
{
	if (c->options.type != TFL_OPTIONS_DEPTHWISE_CONV_2D)
		return NONE;
	c->window.depth_multiplier = pick_int(c, TFL_INTS(c->window.depth_multiplier + 1, -1, INT32_MAX, INT32_MIN));
	return REFUSED;
}

static enum outcome odd_scale(struct kernel_case *c)
{
	static const float scales[] = {NAN, 0, -1, 1e-40f, INFINITY, -INFINITY, FLT_MAX, FLT_MIN, 1e10f, 1e-10f};
	struct kernel_tensor *tensor = pick_tensor(c);

	if (tensor->scale_count == 0 || c->output.dtype == TFL_INT32)
		return NONE;
	tensor->scales[kernel_between(c, 0, (int32_t)tensor->scale_count - 1)] = pick_float(c, scales, TFL_ARRAY_SIZE(scales));
	return DEFINED;
}

static enum outcome odd_zero_point(struct kernel_case *c)
{
	struct kernel_tensor *tensor = pick_tensor(c);

	if (tensor->scale_count == 0)
		return NONE;
	tensor->zero_point = pick_int(c, TFL_INTS(INT32_MIN, INT32_MAX, 127, 128, -128, -129, 255, 256, -1, 0, 32768));
	/* So large that 32 bits of it look harmless. */
	if (kernel_one_in(c, 5))
		tensor->zero_point = INT64_C(1) << 40;
	return DEFINED;
}

static enum outcome odd_scale_count(struct kernel_case *c)
{
	struct kernel_tensor *tensor = pick_tensor(c);

	if (tensor->scale_count == 0)
		return NONE;
	for (uint32_t i = tensor->scale_count; i < KERNEL_CHANNELS_MAX; i++)
		tensor->scales[i] = tensor->scales[0];
	tensor->scale_count = (uint32_t)pick_int(c, TFL_INTS(0, 1, 2, 3, (int32_t)tensor->scale_count + 1, KERNEL_CHANNELS_MAX));
	tensor->axis = (uint32_t)kernel_between(c, 0, 4);
	return ALIKE;
}

static enum outcome resize(struct kernel_case *c, struct kernel_tensor *input, unsigned at, int32_t size)
{
	int32_t dims[TFL_RANK_MAX];

	memcpy(dims, input->dims, sizeof(dims));
	dims[at] = size;
	kernel_redraw(c, input, input->dtype, input->rank, dims);
	/* As many scales as channels, whatever the number. */
	if (input->scale_count > 1 && at == input->axis && size <= KERNEL_CHANNELS_MAX)
		input->scale_count = (uint32_t)size;
	return DEFINED;
}

static enum outcome odd_size(struct kernel_case *c)
{
	struct kernel_tensor *input = pick_input(c);
	unsigned at;

	if (input->rank == 0 || input->count > 0)
		return NONE;
	at = (unsigned)kernel_between(c, 0, (int32_t)input->rank - 1);
	return resize(c, input, at, pick_int(c, TFL_INTS(0, input->dims[at] / 2, input->dims[at] + 1, input->dims[at] * 2)));
}

static enum outcome odd_rank(struct kernel_case *c)
{
	struct kernel_tensor *input = pick_input(c);
	int32_t dims[TFL_RANK_MAX] = {1, 1, 1, 1, 1, 1, 1, 1};
	unsigned rank = kernel_one_in(c, 2) ? input->rank + 1 : input->rank - 1;

	if (input->scale_count > 1 || rank > TFL_RANK_MAX || input->count > 0)
		return NONE;
	/* A dimension of size 1 in front, or the last one gone. */
	memcpy(dims + (rank > input->rank), input->dims, (rank > input->rank ? input->rank : rank) * sizeof(*dims));
	kernel_redraw(c, input, input->dtype, rank, dims);
	return DEFINED;
}

static enum outcome odd_integer(struct kernel_case *c)
{
	int32_t rank = (int32_t)c->inputs[0].rank, value;
	struct kernel_tensor *list = pick_list(c);
	unsigned at;

	if (!list)
		return NONE;
	at = tfl_random_below(&c->random, list->count);
	value = c->ints[list->first + at] = pick_int(c, TFL_INTS(INT32_MIN, INT32_MAX, -1, -2, -rank - 1, -rank, rank, 0, 100));
	if (list->dtype == TFL_INT64 && kernel_one_in(c, 5)) {
		kernel_set_integer(list, at, INT64_C(1) << 40);
		return REFUSED;
	}
	kernel_set_integer(list, at, value);
	return DEFINED;
}

static enum outcome odd_integer_count(struct kernel_case *c)
{
	struct kernel_tensor *list = pick_list(c);
	bool only = list && list->count == c->int_count;
	unsigned count;

	if (!list)
		return NONE;
	count = (unsigned)pick_int(c, TFL_INTS(0, (int32_t)list->count - 1, (int32_t)list->count + 1, KERNEL_INTS_MAX));
	if (count > KERNEL_INTS_MAX - list->first)
		count = KERNEL_INTS_MAX - list->first;
	c->int_count = list->first + count;
	kernel_draw_list(c, list, list->dtype, list->first, 1);
	/* Where there are several, they must be of one length. */
	return only ? DEFINED : REFUSED;
}

static enum outcome computed_integers(struct kernel_case *c)
{
	struct kernel_tensor *list = pick_list(c);

	if (!list)
		return NONE;
	list->constant = false;
	return list->later ? DEFINED : REFUSED;
}

static enum outcome odd_index(struct kernel_case *c)
{
	struct kernel_tensor *indices = pick_input(c);
	int32_t limit, value;
	size_t at;

	if (indices->columns == 0 || indices->elements == 0)
		return NONE;
	at = tfl_random_below(&c->random, (uint32_t)indices->elements);
	limit = indices->limits[at % indices->columns];
	value = pick_int(c, TFL_INTS(-1, -limit, limit, limit + 1, INT16_MIN, INT16_MAX, INT32_MIN, INT32_MAX));
	if (indices->dtype == TFL_INT16)
		value = (int16_t)value;
	kernel_set_integer(indices, at, indices->dtype == TFL_INT64 && kernel_one_in(c, 3) ? INT64_C(1) << 40 : value);
	return indices->anywhere || (value >= 0 && value < limit) ? DEFINED : REFUSED;
}

/* A number of the options that is none of a window's. */
static enum outcome odd_option(struct kernel_case *c)
{
	struct tfl_build_field *field;

	if (c->options.field_count == 0 || has_window(c))
		return NONE;
	field = &c->options.fields[tfl_random_below(&c->random, c->options.field_count)];
	if (field->kind != TFL_BUILD_I32)
		return NONE;
	field->integer = pick_int(c, TFL_INTS(INT32_MIN, -2, -1, 0, 1, 2, 100, 1 << 16, INT32_MAX));
	return ALIKE;
}

static enum outcome odd_beta(struct kernel_case *c)
{
	static const float betas[] = {NAN, INFINITY, -INFINITY, -1, 1e30f, -1e30f, 1e-30f};

	if (c->options.type != TFL_OPTIONS_SOFTMAX && c->options.type != TFL_OPTIONS_LEAKY_RELU)
		return NONE;
	c->beta = pick_float(c, betas, TFL_ARRAY_SIZE(betas));
	return c->options.type == TFL_OPTIONS_LEAKY_RELU && !isfinite(c->beta) ? REFUSED : DEFINED;
}

static enum outcome odd_axis(struct kernel_case *c)
{
	int32_t rank = (int32_t)c->inputs[0].rank;

	if (c->options.type != TFL_OPTIONS_CONCATENATION && c->options.type != TFL_OPTIONS_PACK && c->options.type != TFL_OPTIONS_UNPACK &&
	    c->options.type != TFL_OPTIONS_GATHER && c->options.type != TFL_OPTIONS_ONE_HOT)
		return NONE;
	c->flag = false;
	c->axis = pick_int(c, TFL_INTS(rank + 1, -rank - 2, INT32_MAX, INT32_MIN));
	return REFUSED;
}

/* Bytes of a custom operator's options: one is another, or the end is missing. */
static enum outcome odd_custom_options(struct kernel_case *c)
{
	size_t at;

	if (c->custom_options_size == 0)
		return NONE;
	at = tfl_random_below(&c->random, (uint32_t)c->custom_options_size);
	if (kernel_one_in(c, 4))
		c->custom_options_size = at;
	else
		c->custom_options[at] ^= (uint8_t)(1u << tfl_random_below(&c->random, 8));
	return ALIKE;
}

static enum outcome unknown_version(struct kernel_case *c)
{
	c->version = pick_int(c, TFL_INTS(99, INT32_MAX));
	return REFUSED;
}

static enum outcome no_options(struct kernel_case *c)
{
	c->options.type = 0;
	return ALIKE;
}

static enum outcome other_options(struct kernel_case *c)
{
	bool optional = c->options.type == 0;

	c->options = tfl_options_empty(c->options.type == TFL_OPTIONS_GATHER ? TFL_OPTIONS_PAD : TFL_OPTIONS_GATHER);
	return optional ? ALIKE : REFUSED;
}

static enum outcome missing_input(struct kernel_case *c)
{
	c->inputs[kernel_between(c, 0, (int32_t)c->input_count - 1)].absent = true;
	return ALIKE;
}

static enum outcome odd_input_count(struct kernel_case *c)
{
	if (c->input_count == KERNEL_INPUTS_MAX)
		return NONE;
	if (kernel_one_in(c, 2)) {
		c->input_count--;
		return ALIKE;
	}
	kernel_draw_tensor(c, &c->inputs[c->input_count++], c->output.dtype, 1, TFL_INTS(3).values);
	return ALIKE;
}

static enum outcome odd_type(struct kernel_case *c)
{
	enum tfl_dtype dtypes[] = {TFL_FLOAT32, TFL_FLOAT16, TFL_INT8, TFL_UINT8, TFL_INT16, TFL_INT32, TFL_INT64, TFL_BOOL, TFL_STRING};
	struct kernel_tensor *tensor = pick_tensor(c);
	enum tfl_dtype dtype = dtypes[kernel_between(c, 0, TFL_ARRAY_SIZE(dtypes) - 1)];

	if (tensor->constant && dtype == TFL_STRING)
		return NONE;
	if (is_output(c, tensor))
		tensor->dtype = dtype;
	else
		kernel_redraw(c, tensor, dtype, tensor->rank, tensor->dims);
	return ALIKE;
}

static const struct {
	const char *name;
	bool after; /* of making the options: it changes them, or tensors only */
	enum outcome (*attack)(struct kernel_case *c);
} attacks[] = {
	{"great stride", false, great_stride},
	{"great dilation", false, great_dilation},
	{"great kernel", false, great_kernel},
	{"negative window", false, negative_window},
	{"unknown padding", false, unknown_padding},
	{"unknown activation", false, unknown_activation},
	{"wrong depth multiplier", false, wrong_multiplier},
	{"odd beta", false, odd_beta},
	{"odd axis", false, odd_axis},
	{"zero option", true, zero_option},
	{"odd scale", true, odd_scale},
	{"odd zero point", true, odd_zero_point},
	{"odd number of scales", true, odd_scale_count},
	{"odd size", true, odd_size},
	{"odd rank", true, odd_rank},
	{"odd integer", true, odd_integer},
	{"odd number of integers", true, odd_integer_count},
	{"computed integers", true, computed_integers},
	{"odd index", true, odd_index},
	{"odd option", true, odd_option},
	{"odd custom options", true, odd_custom_options},
	{"unknown version", true, unknown_version},
	{"no options", true, no_options},
	{"options of another operator", true, other_options},
	{"missing input", true, missing_input},
	{"odd number of inputs", true, odd_input_count},
	{"odd type", true, odd_type},
};

/* What a person reads: a sentence with its numbers in it, and one of the codes that the header promises. */
static void check_refusal(int r, const struct tfl_error *error, const char *what)
{
	if (r != -EINVAL && r != -EOPNOTSUPP && r != -EFBIG)
		ck_abort_msg("%s: refused with %d", what, r);
	if (error->code != r || strlen(error->text) < 20 || strstr(error->text, "(null)"))
		ck_abort_msg("%s: refused with %d and the words '%s'", what, r, error->text);
}

static void compare_paths(const struct kernel_row *row, const struct kernel_case *c, const struct kernel_result *portable,
			  const struct kernel_result *lowered, const char *what)
{
	double share = c->dynamic ? 1 : 1e-3;
	bool real = kernel_has_fraction(portable->dtype);

	ck_assert_uint_eq(portable->elements, lowered->elements);
	for (size_t i = 0; i < portable->elements; i++) {
		double a = kernel_result_at(lowered, i), b = kernel_result_at(portable, i);

		if (fabs(a - b) > (real ? share * (1 + fabs(b)) : row->alike ? row->alike : 1))
			ck_abort_msg("%s: element %zu is %g with XNNPACK and %g without", what, i, a, b);
	}
}

static void check_accepted(const struct kernel_row *row, const struct kernel_case *c, enum outcome outcome,
			   struct kernel_result (*results)[KERNEL_OUTPUTS_MAX], const char *what)
{
	struct kernel_expected expected[KERNEL_OUTPUTS_MAX] = {0};

	if (outcome == REFUSED)
		ck_abort_msg("%s: was not refused", what);
	if (results[0][0].elements > ELEMENTS_MAX)
		return;
	if (outcome == ALIKE) {
		for (unsigned i = 0; i < c->output_count; i++)
			compare_paths(row, c, &results[1][i], &results[0][i], what);
		return;
	}
	row->reference(c, expected);
	for (int portable = 0; portable < 2; portable++)
		kernel_compare(c, expected, results[portable], what);
	kernel_expected_finish(expected);
}

/* Whether the runtime took it. */
static bool check_attack(const struct kernel_row *row, const struct kernel_case *c, enum outcome outcome, const char *what)
{
	struct kernel_result results[2][KERNEL_OUTPUTS_MAX] = {0};
	struct scene scene;
	bool accepted;
	int r, refused = 0;

	r = kernel_open(row, c, &scene);
	for (int portable = 0; portable < 2; portable++) {
		if (r == 0)
			refused = kernel_run(c, &scene, portable, what, results[portable]);
		if (r < 0 || refused < 0)
			check_refusal(r < 0 ? r : refused, &scene.error, what);
	}
	if (!results[0][0].data != !results[1][0].data)
		ck_abort_msg("%s: only one way refuses it: %s", what, scene.error.text);
	accepted = results[0][0].data;
	if (accepted)
		check_accepted(row, c, outcome, results, what);
	kernel_results_finish(results[0]);
	kernel_results_finish(results[1]);
	scene_close(&scene);
	return accepted;
}

void kernel_attack(const struct kernel_row *row, char type, unsigned count)
{
	unsigned accepted = 0, refused = 0;

	for (unsigned i = 0; i < count; i++) {
		char description[KERNEL_DESCRIPTION_MAX], what[KERNEL_DESCRIPTION_MAX + 40];
		enum outcome outcome;
		struct kernel_case c;
		size_t attack;

		kernel_case_init(&c, row, type, i);
		attack = (size_t)kernel_between(&c, 0, TFL_ARRAY_SIZE(attacks) - 1);
		outcome = attacks[attack].attack(&c);
		if (row->options && !attacks[attack].after)
			row->options(&c);
		kernel_describe(row, &c, i, description, sizeof(description));
		snprintf(what, sizeof(what), "%s: %s", attacks[attack].name, description);
		if (outcome != NONE && check_attack(row, &c, outcome, what))
			accepted++;
		else
			refused += outcome != NONE;
		kernel_case_finish(&c);
	}
	/* Of an operator whose inputs must all fit each other hardly anything is left that can be changed. */
	ck_assert_msg(accepted > 0 && refused > count / 50, "of %u attacks %u were accepted and %u refused: do they reach anything?",
		      count, accepted, refused);
}

void kernel_empty(const struct kernel_row *row, char type, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned place = 0; place < KERNEL_INPUTS_MAX * TFL_RANK_MAX; place++) {
			unsigned at = place % TFL_RANK_MAX;
			struct kernel_tensor *input;
			struct kernel_case c;
			char what[KERNEL_DESCRIPTION_MAX];

			kernel_case_init(&c, row, type, i);
			input = &c.inputs[place / TFL_RANK_MAX];
			if (place / TFL_RANK_MAX >= c.input_count)
				place = KERNEL_INPUTS_MAX * TFL_RANK_MAX;
			else if (input->data && at < input->rank && input->count == 0) {
				resize(&c, input, at, 0);
				kernel_describe(row, &c, i, what, sizeof(what));
				check_attack(row, &c, DEFINED, what);
			}
			kernel_case_finish(&c);
		}
	}
}
