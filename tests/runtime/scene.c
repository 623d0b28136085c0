/* SPDX-License-Identifier: MIT */
/*
 * The model reads from the file as long as it lives, so both are closed together, after every program.
 */
#include "tests/runtime/scene.h"

#include <check.h>
#include <stdlib.h>

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
