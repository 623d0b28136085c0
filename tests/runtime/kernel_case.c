/* SPDX-License-Identifier: MIT */
/*
 * The one driver behind all rows. What it demands of each case, besides the values: the shape that the runtime infers is the reference's
 * (the file only says [1]); the path is the intended one (XNNPACK, portable kernel, or folded at load); nothing is written behind the
 * output; a second run gives the same.
 */
#include "tests/runtime/kernel_case.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"

#define CANARY 0xa5
#define CANARY_BYTES 64

int32_t kernel_between(struct kernel_case *c, int32_t low, int32_t high)
{
	return low + (int32_t)tfl_random_below(&c->random, (uint32_t)(high - low + 1));
}

bool kernel_one_in(struct kernel_case *c, uint32_t n)
{
	return tfl_random_below(&c->random, n) == 0;
}

enum tfl_dtype kernel_dtype(char type)
{
	static const struct {
		char letter;
		enum tfl_dtype dtype;
	} letters[] = {
		{'f', TFL_FLOAT32}, {'h', TFL_FLOAT16}, {'b', TFL_INT8},  {'c', TFL_INT8}, {'B', TFL_UINT8},
		{'s', TFL_INT16},   {'i', TFL_INT32},   {'l', TFL_INT64}, {'z', TFL_BOOL},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(letters); i++)
		if (letters[i].letter == type)
			return letters[i].dtype;
	ck_abort_msg("no type has the letter '%c'", type);
}

bool kernel_is_byte(enum tfl_dtype dtype)
{
	return dtype == TFL_INT8 || dtype == TFL_UINT8;
}

void kernel_draw_quantization(struct kernel_case *c, struct kernel_tensor *tensor)
{
	static const struct {
		enum tfl_dtype dtype;
		int32_t low, high;
	} zero_points[] = {{TFL_INT8, INT8_MIN, INT8_MAX}, {TFL_UINT8, 0, UINT8_MAX}, {TFL_INT16, -1000, 1000}};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(zero_points); i++) {
		if (zero_points[i].dtype != tensor->dtype)
			continue;
		tensor->scale_count = 1;
		tensor->scales[0] = exp2f(tfl_random_uniform(&c->random, -8, -2));
		tensor->zero_point = kernel_between(c, zero_points[i].low, zero_points[i].high);
	}
}

void kernel_copy_quantization(struct kernel_tensor *tensor, const struct kernel_tensor *from)
{
	tensor->scale_count = from->scale_count;
	tensor->scales[0] = from->scales[0];
	tensor->zero_point = from->zero_point;
}

bool kernel_same_quantization(const struct kernel_tensor *a, const struct kernel_tensor *b)
{
	return a->scales[0] == b->scales[0] && a->zero_point == b->zero_point;
}

static void draw_element(struct kernel_case *c, struct kernel_tensor *tensor, size_t i)
{
	uint64_t bits = tfl_random_next(&c->random);

	switch (tensor->dtype) {
	case TFL_FLOAT32:
		((float *)tensor->data)[i] = tfl_random_uniform(&c->random, -4, 4);
		break;
	case TFL_FLOAT16:
		/* Any number but infinities and NaN: those have an exponent of all ones. */
		((uint16_t *)tensor->data)[i] = (bits & 0x7c00) == 0x7c00 ? (uint16_t)(bits & 0x83ff) : (uint16_t)bits;
		break;
	case TFL_BOOL:
		((uint8_t *)tensor->data)[i] = bits & 1;
		break;
	case TFL_INT64:
		((int64_t *)tensor->data)[i] = (int64_t)(bits >> 11) - (INT64_C(1) << 52);
		break;
	default:
		memcpy((uint8_t *)tensor->data + i * tfl_dtype_size(tensor->dtype), &bits, tfl_dtype_size(tensor->dtype));
		break;
	}
}

static void allocate(struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims)
{
	tensor->dtype = dtype;
	tensor->rank = rank;
	memcpy(tensor->dims, dims, rank * sizeof(*dims));
	ck_assert_int_eq(tfl_shape_elements(dims, rank, &tensor->elements), 0);
	tensor->data = calloc(tensor->elements + 1, tfl_dtype_size(dtype));
	ck_assert_ptr_nonnull(tensor->data);
}

void kernel_draw_tensor(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims)
{
	allocate(tensor, dtype, rank, dims);
	kernel_draw_quantization(c, tensor);
	for (size_t i = 0; i < tensor->elements; i++)
		draw_element(c, tensor, i);
}

void kernel_draw_ints(struct kernel_case *c, struct kernel_tensor *tensor, unsigned rank)
{
	int32_t count = (int32_t)c->int_count, dims[][2] = {{count, 0}, {count / 2, 2}};
	bool wide = kernel_one_in(c, 3);

	allocate(tensor, wide ? TFL_INT64 : TFL_INT32, rank, dims[rank - 1]);
	tensor->constant = true;
	for (unsigned i = 0; i < c->int_count; i++) {
		if (wide)
			((int64_t *)tensor->data)[i] = c->ints[i];
		else
			((int32_t *)tensor->data)[i] = c->ints[i];
	}
}

void kernel_draw_constants(struct kernel_case *c)
{
	for (unsigned i = 0; i < c->input_count; i++)
		c->inputs[i].constant |= kernel_one_in(c, 5);
}

int64_t kernel_integer(const struct kernel_tensor *tensor, size_t index)
{
	switch (tensor->dtype) {
	case TFL_INT8:
		return ((const int8_t *)tensor->data)[index];
	case TFL_BOOL:
	case TFL_UINT8:
		return ((const uint8_t *)tensor->data)[index];
	case TFL_FLOAT16:
	case TFL_INT16:
		return ((const int16_t *)tensor->data)[index];
	case TFL_INT32:
		return ((const int32_t *)tensor->data)[index];
	case TFL_INT64:
		return ((const int64_t *)tensor->data)[index];
	default:
		ck_abort_msg("%s is no integer", tfl_dtype_to_string(tensor->dtype));
	}
}

double kernel_scale(const struct kernel_tensor *tensor, unsigned channel)
{
	return (double)tensor->scales[tensor->scale_count > 1 ? channel : 0];
}

static double half(int64_t bits)
{
	int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
	double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);

	return bits & 0x8000 ? -magnitude : magnitude;
}

double kernel_real(const struct kernel_tensor *tensor, size_t index)
{
	if (tensor->dtype == TFL_FLOAT32)
		return (double)((const float *)tensor->data)[index];
	if (tensor->dtype == TFL_FLOAT16)
		return half(kernel_integer(tensor, index));
	if (tensor->scale_count == 0)
		return (double)kernel_integer(tensor, index);
	return kernel_scale(tensor, 0) * (double)(kernel_integer(tensor, index) - tensor->zero_point);
}

void kernel_expect_shape(struct kernel_expected *expected, unsigned rank, const int32_t *dims)
{
	expected->rank = rank;
	memcpy(expected->dims, dims, rank * sizeof(*dims));
	expected->elements = 1;
	for (unsigned i = 0; i < rank; i++)
		expected->elements *= (size_t)dims[i];
	expected->element = calloc(expected->elements + 1, sizeof(*expected->element));
	ck_assert_ptr_nonnull(expected->element);
}

/* What a type holds; infinite for floats. */
static void type_bounds(enum tfl_dtype dtype, double *ret_min, double *ret_max)
{
	bool is_unsigned = dtype == TFL_UINT8;
	double steps = dtype == TFL_FLOAT32 ? INFINITY : exp2(8.0 * (double)tfl_dtype_size(dtype));

	*ret_min = is_unsigned ? 0 : -steps / 2;
	*ret_max = is_unsigned ? steps - 1 : steps / 2 - 1;
}

double kernel_clamp(double value, double min, double max)
{
	return value < min ? min : value > max ? max : value;
}

void kernel_bounds(const struct kernel_case *c, double *ret_min, double *ret_max)
{
	static const double low[] = {-INFINITY, 0, -1, 0}, high[] = {INFINITY, INFINITY, 1, 6};
	double min, max;

	type_bounds(c->output.dtype, &min, &max);
	*ret_min = low[c->activation];
	*ret_max = high[c->activation];
	if (c->output.scale_count) {
		*ret_min = c->output.zero_point + round(*ret_min / kernel_scale(&c->output, 0));
		*ret_max = c->output.zero_point + round(*ret_max / kernel_scale(&c->output, 0));
	}
	*ret_min = kernel_clamp(*ret_min, min, max);
	*ret_max = kernel_clamp(*ret_max, min, max);
}

struct kernel_element kernel_from_real(const struct kernel_case *c, double real, double magnitude)
{
	double min, max;

	type_bounds(c->output.dtype, &min, &max);
	if (c->output.scale_count == 0)
		return (struct kernel_element){real, KERNEL_FLOAT_ERROR * magnitude};
	real = c->output.zero_point + real / kernel_scale(&c->output, 0);
	return (struct kernel_element){kernel_clamp(real, min, max), KERNEL_ROUNDED};
}

void kernel_unravel(size_t index, unsigned rank, const int32_t *dims, int32_t *ret_at)
{
	while (rank-- > 0) {
		ret_at[rank] = (int32_t)(index % (size_t)dims[rank]);
		index /= (size_t)dims[rank];
	}
}

size_t kernel_ravel(unsigned rank, const int32_t *dims, const int32_t *at)
{
	size_t index = 0;

	for (unsigned i = 0; i < rank; i++)
		index = index * (size_t)dims[i] + (size_t)at[i];
	return index;
}

static int add_tensor(struct tfl_builder *builder, const char *name, const struct kernel_tensor *tensor)
{
	int64_t zero_points[KERNEL_CHANNELS_MAX];

	for (uint32_t i = 0; i < tensor->scale_count; i++)
		zero_points[i] = tensor->zero_point;
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){
						 .name = name,
						 .dtype = tensor->dtype,
						 .dims = {tensor->dims, tensor->rank},
						 .data = tensor->constant ? tensor->data : NULL,
						 .data_size = tensor->constant ? tensor->elements * tfl_dtype_size(tensor->dtype) : 0,
						 .scales = tensor->scale_count ? tensor->scales : NULL,
						 .zero_points = zero_points,
						 .scale_count = tensor->scale_count,
						 .axis = (int32_t)tensor->axis,
					 });
}

static struct tfl_model *build(const struct kernel_row *row, const struct kernel_case *c, void **ret_file)
{
	struct tfl_builder *builder = tfl_build_create();
	struct kernel_tensor output = c->output;
	int32_t inputs[KERNEL_INPUTS_MAX], given[KERNEL_INPUTS_MAX], result;
	struct tfl_error error;
	struct tfl_model *model;
	uint32_t count = 0;
	uint8_t *file;
	size_t size;

	for (unsigned i = 0; i < c->input_count; i++) {
		inputs[i] = c->inputs[i].absent ? -1 : add_tensor(builder, "input", &c->inputs[i]);
		if (!c->inputs[i].absent && !c->inputs[i].constant)
			given[count++] = inputs[i];
	}
	output.rank = 1;
	output.dims[0] = 1;
	result = add_tensor(builder, "output", &output);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = row->code,
								 .inputs = {inputs, c->input_count},
								 .outputs = TFL_INTS(result),
								 .options = c->options});
	tfl_build_io(builder, (struct tfl_ints){given, count}, TFL_INTS(result));
	ck_assert_int_eq(tfl_build_finish(builder, &file, &size), 0);
	tfl_build_destroy(builder);
	if (tfl_model_open_memory(file, size, &model, &error) < 0)
		ck_abort_msg("%s: %s", row->name, error.text);
	*ret_file = file;
	return model;
}

static bool is_folded(const struct kernel_case *c)
{
	for (unsigned i = 0; i < c->input_count; i++)
		if (!c->inputs[i].absent && !c->inputs[i].constant)
			return false;
	return true;
}

static double output_at(enum tfl_dtype dtype, const void *data, size_t index)
{
	struct kernel_tensor tensor = {.dtype = dtype, .data = (void *)data};

	return dtype == TFL_FLOAT32 ? (double)((const float *)data)[index] : (double)kernel_integer(&tensor, index);
}

/* libcheck notes every assertion in a file, so that one an element would be most of the time spent: only failures are told to it. */
static void compare(const struct kernel_case *c, const struct kernel_expected *expected, const void *output, bool xnnpack, const char *what)
{
	bool integers = c->output.dtype != TFL_FLOAT32;

	for (size_t i = 0; i < expected->elements; i++) {
		const struct kernel_element *element = &expected->element[i];
		double got = output_at(c->output.dtype, output, i), slack = element->slack;

		if (xnnpack && integers && slack < 1)
			slack = 1;
		if (got != element->value && !(fabs(got - element->value) <= slack))
			ck_abort_msg("%s: element %zu of %zu is %.9g; %.9g would be right, give or take %.3g", what, i, expected->elements, got,
				     element->value, slack);
	}
}

static void check_shape(const struct tfl_program *program, const struct kernel_expected *expected, const char *what)
{
	char shapes[2][TFL_SHAPE_STRING_MAX];
	const struct tfl_io *io;
	uint32_t count;

	io = tfl_program_outputs(program, &count);
	ck_assert_uint_eq(count, 1);
	tfl_shape_to_string(io->dims, io->rank, shapes[0], sizeof(shapes[0]));
	tfl_shape_to_string(expected->dims, expected->rank, shapes[1], sizeof(shapes[1]));
	ck_assert_msg(strcmp(shapes[0], shapes[1]) == 0, "%s: the output's shape is %s; %s would be right", what, shapes[0], shapes[1]);
	ck_assert_uint_eq(io->elements, expected->elements);
	ck_assert_uint_eq(io->bytes, expected->elements * tfl_dtype_size(io->dtype));
}

static void give_inputs(const struct kernel_case *c, struct tfl_interpreter *interpreter)
{
	uint32_t index = 0;

	for (unsigned i = 0; i < c->input_count; i++)
		if (!c->inputs[i].absent && !c->inputs[i].constant)
			memcpy(tfl_interpreter_input(interpreter, index++), c->inputs[i].data,
			       c->inputs[i].elements * tfl_dtype_size(c->inputs[i].dtype));
}

static void run(const struct kernel_case *c, const struct kernel_expected *expected, struct tfl_program *program, bool xnnpack, const char *what)
{
	struct tfl_interpreter *interpreter;
	struct tfl_error error;
	uint8_t *output;
	size_t bytes = expected->elements * tfl_dtype_size(c->output.dtype);

	if (tfl_interpreter_create(program, &interpreter, &error) < 0)
		ck_abort_msg("%s: %s", what, error.text);
	output = (uint8_t *)tfl_interpreter_output(interpreter, 0);
	for (int round = 0; round < 2; round++) {
		if (!is_folded(c))
			memset(output, CANARY, bytes + CANARY_BYTES);
		give_inputs(c, interpreter);
		if (tfl_interpreter_invoke(interpreter, NULL, &error) < 0)
			ck_abort_msg("%s: %s", what, error.text);
		compare(c, expected, output, xnnpack, what);
		for (size_t i = 0; !is_folded(c) && i < CANARY_BYTES; i++)
			if (output[bytes + i] != CANARY)
				ck_abort_msg("%s: byte %zu behind the output was written", what, i);
	}
	tfl_interpreter_destroy(interpreter);
}

static void check_path(const struct kernel_case *c, const struct tfl_program *program, bool xnnpack, const char *what)
{
	struct tfl_program_info info;

	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.operators, 1);
	ck_assert_msg(info.folded_operators == is_folded(c), "%s: folded: %u", what, info.folded_operators);
	ck_assert_msg(info.xnnpack_operators == xnnpack, "%s: XNNPACK runs it: %u; %u would be right", what, info.xnnpack_operators, xnnpack);
}

static void check_case(const struct kernel_row *row, const struct kernel_case *c, const char *what)
{
	struct kernel_expected expected = {0};
	struct tfl_model *model;
	void *file;

	row->reference(c, &expected);
	model = build(row, c, &file);
	for (int portable = 0; portable < 2; portable++) {
		struct tfl_program_options options = {.portable = portable};
		bool xnnpack = c->xnnpack && !portable && !is_folded(c);
		struct tfl_program *program;
		struct tfl_error error;
		char path[1024];

		snprintf(path, sizeof(path), "%s, %s", what, is_folded(c) ? "folded" : portable ? "portable" : xnnpack ? "XNNPACK" : "default");
		if (tfl_program_create(model, &options, &program, &error) < 0)
			ck_abort_msg("%s: %s", path, error.text);
		check_path(c, program, xnnpack, path);
		check_shape(program, &expected, path);
		run(c, &expected, program, xnnpack, path);
		tfl_program_destroy(program);
	}
	tfl_model_destroy(model);
	free(file);
	free(expected.element);
}

/* "CONV_2D b case 17: [1, 3, 5, 2] 0.1:-3 [4, 1, 1, 2] (constant) 0.01:0 -> 0.5:2" and what the options say. */
static void describe(const struct kernel_row *row, const struct kernel_case *c, unsigned number, char *buffer, size_t size)
{
	size_t used = (size_t)snprintf(buffer, size, "%s %c case %u:", row->name, c->type, number);
	char shape[TFL_SHAPE_STRING_MAX];

	for (unsigned i = 0; i < c->input_count && used < size; i++) {
		const struct kernel_tensor *input = &c->inputs[i];

		used += (size_t)snprintf(buffer + used, size - used, " %s%s",
					 input->absent ? "-" : tfl_shape_to_string(input->dims, input->rank, shape, sizeof(shape)),
					 input->constant ? " (constant)" : "");
		if (input->scale_count && used < size)
			used += (size_t)snprintf(buffer + used, size - used, " %g:%d", (double)input->scales[0], input->zero_point);
	}
	if (c->output.scale_count && used < size)
		used += (size_t)snprintf(buffer + used, size - used, " -> %g:%d", (double)c->output.scales[0], c->output.zero_point);
	if (used < size)
		used += (size_t)snprintf(buffer + used, size - used, ", activation %d, axis %d, flag %d, padding %d, kernel %dx%d, stride %dx%d, dilation %dx%d",
					 c->activation, c->axis, c->flag, c->window.padding, c->window.filter_h, c->window.filter_w, c->window.stride_h, c->window.stride_w,
					 c->window.dilation_h, c->window.dilation_w);
	for (unsigned i = 0; i < c->int_count && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%d", i ? ", " : ", integers ", c->ints[i]);
}

void kernel_check(const struct kernel_row *row, char type, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct kernel_case c = {.random = {(uint64_t)row->code << 32 | (uint64_t)(uint8_t)type << 24 | i}, .type = type};
		char what[900];

		c.per_channel = type == 'c';
		c.output.dtype = kernel_dtype(type);
		row->draw(&c);
		describe(row, &c, i, what, sizeof(what));
		check_case(row, &c, what);
		for (unsigned k = 0; k < c.input_count; k++)
			free(c.inputs[k].data);
	}
}
