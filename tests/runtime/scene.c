/* SPDX-License-Identifier: MIT */
/*
 * The model reads from the file as long as it lives, so both are closed together, after every program.
 */
#include "tests/runtime/scene.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/builder/random.h"

int scene_open(struct scene *scene, struct tfl_builder *builder)
{
	int r;

	*scene = (struct scene){0};
	ck_assert_int_eq(tfl_build_finish(builder, &scene->file, &scene->size), 0);
	tfl_build_destroy(builder);
	r = tfl_model_open_memory(scene->file, scene->size, &scene->model, &scene->error);
	if (r < 0)
		scene->model = NULL;
	return r;
}

void scene_close(struct scene *scene)
{
	tfl_model_destroy(scene->model);
	free(scene->file);
	*scene = (struct scene){0};
}

int scene_try(struct scene *scene, const struct tfl_program_options *options, struct tfl_program **ret_program)
{
	return tfl_program_create(scene->model, options, ret_program, &scene->error);
}

struct tfl_program *scene_program(struct scene *scene, const struct tfl_program_options *options)
{
	struct tfl_program *program = NULL;

	if (scene_try(scene, options, &program) < 0)
		ck_abort_msg("%s", scene->error.text);
	return program;
}

struct tfl_interpreter *scene_interpreter(struct tfl_program *program)
{
	struct tfl_interpreter *interpreter = NULL;
	struct tfl_error error;

	if (tfl_interpreter_create(program, &interpreter, &error) < 0)
		ck_abort_msg("%s", error.text);
	return interpreter;
}

void scene_invoke(struct tfl_interpreter *interpreter)
{
	struct tfl_error error;

	if (tfl_interpreter_invoke(interpreter, NULL, &error) < 0)
		ck_abort_msg("%s", error.text);
}

void scene_fill_entry(const struct tfl_entry *entry, struct tfl_interpreter *part, uint64_t seed)
{
	struct tfl_random random = {seed};

	for (uint32_t i = 0; i < entry->input_count; i++) {
		uint8_t *data = tfl_interpreter_input(part, i);

		if (entry->inputs[i].dtype == TFL_FLOAT32)
			for (size_t e = 0; e < entry->inputs[i].elements; e++)
				((float *)(void *)data)[e] = tfl_random_uniform(&random, -1, 1);
		else
			for (size_t b = 0; b < entry->inputs[i].bytes; b++)
				data[b] = (uint8_t)tfl_random_next(&random);
	}
}

void scene_fill(struct tfl_program *program, struct tfl_interpreter *interpreter, uint64_t seed)
{
	uint32_t count;

	scene_fill_entry(tfl_program_entries(program, &count), interpreter, seed);
}

static void compare_floats(const float *left, const float *right, size_t count, double tolerance, const char *what)
{
	for (size_t i = 0; i < count; i++) {
		double a = (double)left[i], b = (double)right[i];

		if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
			ck_abort_msg("%s: element %zu of %zu is %g in one and %g in the other", what, i, count, a, b);
	}
}

static void compare_bytes(const uint8_t *left, const uint8_t *right, size_t count, bool is_signed, int steps, const char *what)
{
	for (size_t i = 0; i < count; i++) {
		int a = is_signed ? (int8_t)left[i] : left[i], b = is_signed ? (int8_t)right[i] : right[i];

		if (abs(a - b) > steps)
			ck_abort_msg("%s: element %zu of %zu is %d in one and %d in the other", what, i, count, a, b);
	}
}

void scene_compare_entry(const struct tfl_entry *entry, const struct tfl_interpreter *left, const struct tfl_interpreter *right, double tolerance,
			 int steps, const char *what)
{
	for (uint32_t i = 0; i < entry->output_count; i++) {
		const struct tfl_io *io = &entry->outputs[i];
		const void *a = tfl_interpreter_output(left, i), *b = tfl_interpreter_output(right, i);

		if (io->dtype == TFL_FLOAT32)
			compare_floats(a, b, io->elements, tolerance, what);
		else if (io->dtype == TFL_INT8 || io->dtype == TFL_UINT8)
			compare_bytes(a, b, io->bytes, io->dtype == TFL_INT8, steps, what);
		else if (memcmp(a, b, io->bytes) != 0)
			ck_abort_msg("%s: output %u differs", what, i);
	}
}

void scene_compare(struct tfl_program *program, const struct tfl_interpreter *left, const struct tfl_interpreter *right, double tolerance,
		   int steps, const char *what)
{
	uint32_t count;

	scene_compare_entry(tfl_program_entries(program, &count), left, right, tolerance, steps, what);
}
