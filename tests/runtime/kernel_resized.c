/* SPDX-License-Identifier: MIT */
/*
 * What the reference says is of the drawn shapes, so whatever an operator has taken from the file's shapes shows. That there must be such
 * a file is not demanded: constant operands may have as many rows as the input.
 */
#include "tests/runtime/kernel_resized.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "runtime/program_internal.h"
#include "tests/runtime/kernel_run.h"

/* Other rows for the file. False where there is nothing to choose. */
static bool choose_rows(struct kernel_case *c, bool one)
{
	bool chosen = false;

	for (unsigned i = 0; i < c->input_count; i++) {
		struct kernel_tensor *input = &c->inputs[i];

		if (!kernel_is_given(input) || input->rank == 0 || input->elements == 0 || (input->scale_count > 1 && input->axis == 0))
			continue;
		input->rows = one ? 1 : input->dims[0] + 1;
		chosen |= input->rows != input->dims[0];
	}
	return chosen;
}

static struct tfl_interpreter *resize(const struct kernel_case *c, struct tfl_interpreter *interpreter, const char *what)
{
	struct tfl_io_shape shapes[KERNEL_INPUTS_MAX] = {0};
	struct tfl_interpreter *resized = NULL;
	struct tfl_error error;
	uint32_t count = 0;

	for (unsigned i = 0; i < c->input_count; i++) {
		if (!kernel_is_given(&c->inputs[i]))
			continue;
		shapes[count].rank = (uint8_t)c->inputs[i].rank;
		memcpy(shapes[count++].dims, c->inputs[i].dims, sizeof(c->inputs[i].dims));
	}
	if (tfl_interpreter_resize(interpreter, shapes, &resized, &error) < 0)
		ck_abort_msg("%s: %s", what, error.text);
	return resized;
}

static void take_results(const struct kernel_case *c, struct tfl_interpreter *resized, struct kernel_result *results)
{
	for (unsigned i = 0; i < c->output_count; i++) {
		struct tfl_io io;

		tfl_interpreter_output_io(resized, i, &io);
		tfl_program_info(resized->program, &results[i].info);
		results[i].dtype = io.dtype;
		results[i].rank = io.rank;
		results[i].elements = io.elements;
		results[i].bytes = io.bytes;
		memcpy(results[i].dims, io.dims, sizeof(results[i].dims));
		results[i].data = malloc(io.bytes + 1);
		ck_assert_ptr_nonnull(results[i].data);
		memcpy(results[i].data, tfl_interpreter_output(resized, i), io.bytes);
	}
}

/* Once with XNNPACK or without. False where the file cannot be loaded. */
static bool run(const struct kernel_case *c, struct scene *scene, bool portable, const struct kernel_expected *expected, const char *what)
{
	struct kernel_result results[KERNEL_OUTPUTS_MAX] = {0};
	struct tfl_interpreter *interpreter, *resized;
	struct tfl_program *program;

	if (scene_try(scene, &(struct tfl_program_options){.portable = portable}, &program) < 0)
		return false;
	interpreter = scene_interpreter(program);
	resized = resize(c, interpreter, what);
	kernel_give_inputs(c, resized);
	scene_invoke(resized);
	take_results(c, resized, results);
	kernel_compare(c, expected, results, what);
	kernel_results_finish(results);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	return true;
}

static unsigned check_case(const struct kernel_row *row, struct kernel_case *c, const char *what)
{
	struct kernel_expected expected[KERNEL_OUTPUTS_MAX] = {0};
	unsigned checked = 0;
	struct scene scene;

	row->reference(c, expected);
	if (kernel_open(row, c, &scene) < 0)
		ck_abort_msg("%s: %s", what, scene.error.text);
	for (int portable = 0; portable < 2; portable++)
		checked += run(c, &scene, portable, expected, what);
	scene_close(&scene);
	kernel_expected_finish(expected);
	return checked;
}

unsigned kernel_resize(const struct kernel_row *row, char type, unsigned count)
{
	unsigned checked = 0;

	for (unsigned i = 0; i < count; i++) {
		char what[KERNEL_DESCRIPTION_MAX];
		struct kernel_case c;

		kernel_case_init(&c, row, type, i);
		kernel_describe(row, &c, i, what, sizeof(what));
		if (choose_rows(&c, i % 2))
			checked += check_case(row, &c, what);
		kernel_case_finish(&c);
	}
	return checked;
}
