/* SPDX-License-Identifier: MIT */
/*
 * The one driver behind all rows. What it demands of each case, besides the values: the shape that the runtime infers is the reference's
 * (the file only says [1]); the path is the intended one (XNNPACK, portable kernel, or folded at load); nothing is written behind the
 * output; a second run, after a reset, gives the same.
 */
#include "tests/runtime/kernel_run.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "tests/runtime/kernel_sparse.h"

#define CANARY 0xa5
#define CANARY_BYTES 64

static int add_tensor(struct tfl_builder *builder, const char *name, const struct kernel_tensor *tensor)
{
	int32_t dims[TFL_RANK_MAX], signature[TFL_RANK_MAX];
	int64_t zero_points[KERNEL_CHANNELS_MAX];
	struct kernel_sparse sparse = {0};
	struct tfl_build_tensor build = {
		.name = name,
		.dtype = tensor->dtype,
		.dims = {dims, tensor->rank},
		.signature = {signature, tensor->rows ? tensor->rank : 0},
		.data = tensor->constant ? tensor->data : NULL,
		.data_size = tensor->constant ? tensor->elements * tfl_dtype_size(tensor->dtype) : 0,
		.scales = tensor->scale_count ? tensor->scales : NULL,
		.zero_points = zero_points,
		.scale_count = tensor->scale_count,
		.axis = (int32_t)tensor->axis,
		.is_variable = tensor->variable,
	};
	int index;

	for (unsigned i = 0; i < tensor->rank; i++) {
		dims[i] = i == 0 && tensor->rows ? tensor->rows : tensor->dims[i];
		signature[i] = i == 0 ? -1 : dims[i];
	}
	for (uint32_t i = 0; i < tensor->scale_count; i++)
		zero_points[i] = tensor->zero_point;
	if (tensor->constant && tensor->sparse) {
		kernel_sparse_init(&sparse, tensor);
		build.sparsity = &sparse.sparsity;
		build.data = sparse.data;
		build.data_size = sparse.size;
	}
	index = tfl_build_tensor(builder, &build);
	kernel_sparse_finish(&sparse);
	return index;
}

bool kernel_is_given(const struct kernel_tensor *input)
{
	return !input->absent && !input->constant && !input->variable;
}

int kernel_open(const struct kernel_row *row, const struct kernel_case *c, struct scene *scene)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t inputs[KERNEL_INPUTS_MAX], given[KERNEL_INPUTS_MAX], outputs[KERNEL_OUTPUTS_MAX], intermediates[KERNEL_INTERMEDIATES_MAX];
	uint32_t count = 0;

	for (unsigned i = 0; i < c->input_count; i++) {
		inputs[i] = c->inputs[i].absent ? -1 : add_tensor(builder, "input", &c->inputs[i]);
		if (kernel_is_given(&c->inputs[i]))
			given[count++] = inputs[i];
	}
	for (unsigned i = 0; i < c->output_count; i++) {
		struct kernel_tensor output = c->outputs[i];

		output.dtype = c->misnamed ? TFL_FLOAT32 : output.dtype;
		output.rank = 1;
		output.dims[0] = 1;
		outputs[i] = add_tensor(builder, "output", &output);
	}
	for (unsigned i = 0; i < c->intermediate_count; i++)
		intermediates[i] = add_tensor(builder, "intermediate", &c->intermediates[i]);
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = row->code,
								 .version = c->version,
								 .custom_name = row->code == TFL_BUILTIN_CUSTOM ? row->name : NULL,
								 .inputs = {inputs, c->input_count},
								 .outputs = {outputs, c->output_count},
								 .intermediates = {intermediates, c->intermediate_count},
								 .options = c->options,
								 .custom_options = c->custom_options_size ? c->custom_options : NULL,
								 .custom_options_size = c->custom_options_size});
	tfl_build_io(builder, (struct tfl_ints){given, count}, (struct tfl_ints){outputs, c->output_count});
	return scene_open(scene, builder);
}

bool kernel_is_folded(const struct kernel_case *c)
{
	if (c->folded)
		return true;
	for (unsigned i = 0; i < c->input_count; i++)
		if (!c->inputs[i].absent && !c->inputs[i].constant)
			return false;
	return true;
}

double kernel_result_at(const struct kernel_result *result, size_t index)
{
	struct kernel_tensor tensor = {.dtype = result->dtype, .data = result->data};

	return kernel_number(&tensor, index);
}

static void compare_shape(const struct kernel_expected *expected, const struct kernel_result *result, const char *what)
{
	char shapes[2][TFL_SHAPE_STRING_MAX];

	tfl_shape_to_string(result->dims, result->rank, shapes[0], sizeof(shapes[0]));
	tfl_shape_to_string(expected->dims, expected->rank, shapes[1], sizeof(shapes[1]));
	if (strcmp(shapes[0], shapes[1]) != 0 || result->elements != expected->elements)
		ck_abort_msg("%s: the output's shape is %s; %s would be right", what, shapes[0], shapes[1]);
}

/* libcheck notes every assertion in a file, so that one an element would be most of the time spent: only failures are told to it. */
static void compare(const struct kernel_expected *expected, const struct kernel_result *result, const char *what)
{
	bool xnnpack = result->info.xnnpack_operators > 0, may_round = xnnpack && result->dtype != TFL_FLOAT32;

	compare_shape(expected, result, what);
	for (size_t i = 0; i < expected->elements; i++) {
		const struct kernel_element *element = &expected->element[i];
		double got = kernel_result_at(result, i), slack = may_round ? fmax(element->slack, 1) : element->slack;

		slack = xnnpack ? fmax(slack, element->loose) : slack;
		if (got == element->value || fabs(got - element->value) <= slack || (isnan(got) && isnan(element->value)))
			continue;
		ck_abort_msg("%s: element %zu of %zu is %.9g; %.9g would be right, give or take %.3g", what, i, expected->elements, got,
			     element->value, slack);
	}
}

void kernel_compare(const struct kernel_case *c, const struct kernel_expected *expected, const struct kernel_result *results, const char *what)
{
	char which[KERNEL_DESCRIPTION_MAX + 80];

	for (unsigned i = 0; i < c->output_count; i++) {
		snprintf(which, sizeof(which), "%s: output %u", what, i);
		compare(&expected[i], &results[i], c->output_count > 1 ? which : what);
	}
}

void kernel_expected_finish(struct kernel_expected *expected)
{
	for (unsigned i = 0; i < KERNEL_OUTPUTS_MAX; i++)
		free(TFL_STEAL(expected[i].element));
}

void kernel_give_inputs(const struct kernel_case *c, struct tfl_interpreter *interpreter)
{
	uint32_t index = 0;

	for (unsigned i = 0; i < c->input_count; i++)
		if (kernel_is_given(&c->inputs[i]))
			memcpy(tfl_interpreter_input(interpreter, index++), c->inputs[i].data,
			       c->inputs[i].elements * tfl_dtype_size(c->inputs[i].dtype));
}

/* One run into memory that was filled with something else before. 0, or what the runtime says of the values it was given. */
static int invoke(const struct kernel_case *c, struct tfl_interpreter *interpreter, const struct kernel_result *results, const char *what,
		  struct tfl_error *error)
{
	bool folded = kernel_is_folded(c);
	int r;

	for (unsigned i = 0; !folded && i < c->output_count; i++)
		memset((uint8_t *)tfl_interpreter_output(interpreter, i), CANARY, results[i].bytes + CANARY_BYTES);
	kernel_give_inputs(c, interpreter);
	r = tfl_interpreter_invoke(interpreter, NULL, error);
	for (unsigned o = 0; !folded && o < c->output_count; o++) {
		const uint8_t *output = tfl_interpreter_output(interpreter, o);

		for (size_t i = 0; i < CANARY_BYTES; i++)
			if (output[results[o].bytes + i] != CANARY)
				ck_abort_msg("%s: byte %zu behind output %u was written", what, i, o);
	}
	return r;
}

static void init_result(const struct tfl_program *program, const struct tfl_io *io, struct kernel_result *result)
{
	tfl_program_info(program, &result->info);
	result->dtype = io->dtype;
	result->rank = io->rank;
	result->elements = io->elements;
	result->bytes = io->bytes;
	memcpy(result->dims, io->dims, sizeof(result->dims));
	result->data = malloc(io->bytes + 1);
	ck_assert_ptr_nonnull(result->data);
}

int kernel_run(const struct kernel_case *c, struct scene *scene, bool portable, const char *what, struct kernel_result *ret_results)
{
	struct tfl_program_options options = {.portable = portable};
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	const struct tfl_io *io;
	uint32_t count;
	int r;

	r = scene_try(scene, &options, &program);
	if (r < 0)
		return r;
	io = tfl_program_outputs(program, &count);
	ck_assert_uint_eq(count, c->output_count);
	for (unsigned i = 0; i < count; i++)
		init_result(program, &io[i], &ret_results[i]);
	interpreter = scene_interpreter(program);
	r = invoke(c, interpreter, ret_results, what, &scene->error);
	for (unsigned i = 0; i < count; i++)
		memcpy(ret_results[i].data, tfl_interpreter_output(interpreter, i), io[i].bytes);
	tfl_interpreter_reset(interpreter);
	if (invoke(c, interpreter, ret_results, what, &scene->error) != r)
		ck_abort_msg("%s: a second run does not end as the first did: %s", what, scene->error.text);
	for (unsigned i = 0; i < count && r == 0; i++)
		if (memcmp(ret_results[i].data, tfl_interpreter_output(interpreter, i), io[i].bytes) != 0)
			ck_abort_msg("%s: a second run gives something else in output %u", what, i);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	if (r < 0)
		kernel_results_finish(ret_results);
	return r;
}

void kernel_results_finish(struct kernel_result *results)
{
	for (unsigned i = 0; i < KERNEL_OUTPUTS_MAX; i++)
		free(TFL_STEAL(results[i].data));
}

static void check_path(const struct kernel_case *c, const struct kernel_result *result, bool xnnpack, const char *what)
{
	ck_assert_uint_eq(result->info.operators, 1);
	if (result->info.folded_operators != kernel_is_folded(c))
		ck_abort_msg("%s: folded: %u", what, result->info.folded_operators);
	if (result->info.xnnpack_operators != xnnpack)
		ck_abort_msg("%s: XNNPACK runs it: %u; %u would be right", what, result->info.xnnpack_operators, xnnpack);
}

static void check_case(const struct kernel_row *row, const struct kernel_case *c, const char *what)
{
	struct kernel_expected expected[KERNEL_OUTPUTS_MAX] = {0};
	struct scene scene;

	row->reference(c, expected);
	if (kernel_open(row, c, &scene) < 0)
		ck_abort_msg("%s: %s", what, scene.error.text);
	for (int portable = 0; portable < 2; portable++) {
		bool xnnpack = c->xnnpack && !portable && !kernel_is_folded(c);
		struct kernel_result results[KERNEL_OUTPUTS_MAX] = {0};
		char path[KERNEL_DESCRIPTION_MAX + 20];

		snprintf(path, sizeof(path), "%s, %s", what, kernel_is_folded(c) ? "folded" : xnnpack ? "XNNPACK" : "portable");
		if (kernel_run(c, &scene, portable, path, results) < 0)
			ck_abort_msg("%s: %s", path, scene.error.text);
		check_path(c, &results[0], xnnpack, path);
		kernel_compare(c, expected, results, path);
		kernel_results_finish(results);
	}
	scene_close(&scene);
	kernel_expected_finish(expected);
}

static size_t describe_tensors(const struct kernel_case *c, char *buffer, size_t size)
{
	char shape[TFL_SHAPE_STRING_MAX];
	size_t used = 0;

	for (unsigned i = 0; i < c->input_count && used < size; i++) {
		const struct kernel_tensor *input = &c->inputs[i];

		used += (size_t)snprintf(buffer + used, size - used, " %s%s",
					 input->absent ? "-" : tfl_shape_to_string(input->dims, input->rank, shape, sizeof(shape)),
					 input->constant && input->sparse ? " (sparse)" : input->constant ? " (constant)" : "");
		if (input->scale_count && used < size)
			used += (size_t)snprintf(buffer + used, size - used, " %g:%lld", (double)input->scales[0], (long long)input->zero_point);
	}
	if (c->output.scale_count && used < size)
		used += (size_t)snprintf(buffer + used, size - used, " -> %g:%lld", (double)c->output.scales[0],
					 (long long)c->output.zero_point);
	return used;
}

void kernel_describe(const struct kernel_row *row, const struct kernel_case *c, unsigned number, char *buffer, size_t size)
{
	const struct tfl_build_window *window = &c->window;
	size_t used = (size_t)snprintf(buffer, size, "%s %c case %u:", row->name, c->type, number);

	used += describe_tensors(c, buffer + used, size - used);
	if (used < size)
		used += (size_t)snprintf(buffer + used, size - used,
					 ", activation %d, axis %d, flag %d, padding %d, kernel %dx%d, stride %dx%d, dilation %dx%d", c->activation,
					 c->axis, c->flag, window->padding, window->filter_h, window->filter_w, window->stride_h, window->stride_w,
					 window->dilation_h, window->dilation_w);
	for (unsigned i = 0; i < c->int_count && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%d", i ? ", " : ", integers ", c->ints[i]);
}

void kernel_case_init(struct kernel_case *c, const struct kernel_row *row, char type, unsigned number)
{
	*c = (struct kernel_case){.type = type, .per_channel = strchr("ceS", type) != NULL, .output_count = 1, .version = 1};
	c->random.state = (uint64_t)row->code << 32 | (uint64_t)(uint8_t)type << 24 | number;
	c->output.dtype = kernel_dtype(type);
	row->draw(c);
	if (row->options)
		row->options(c);
}

void kernel_case_finish(struct kernel_case *c)
{
	for (unsigned i = 0; i < KERNEL_INPUTS_MAX; i++)
		free(TFL_STEAL(c->inputs[i].data));
}

void kernel_check(const struct kernel_row *row, char type, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char what[KERNEL_DESCRIPTION_MAX];
		struct kernel_case c;

		kernel_case_init(&c, row, type, i);
		kernel_describe(row, &c, i, what, sizeof(what));
		check_case(row, &c, what);
		kernel_case_finish(&c);
	}
}
