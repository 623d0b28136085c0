/* SPDX-License-Identifier: MIT */
#include "tests/runtime/subject.h"

#include <check.h>

void subject_open(struct subject *subject, struct tfl_builder *builder, const struct tfl_program_options *options)
{
	ck_assert_msg(scene_open(&subject->scene, builder) == 0, "%s", subject->scene.error.text);
	subject->program = scene_program(&subject->scene, options);
	subject->interpreter = scene_interpreter(subject->program);
	subject->entries = tfl_program_entries(subject->program, &subject->count);
}

void subject_close(struct subject *subject)
{
	tfl_interpreter_destroy(subject->interpreter);
	tfl_program_destroy(subject->program);
	scene_close(&subject->scene);
}

int subject_input(struct tfl_builder *builder, struct tfl_ints dims, struct tfl_ints signature)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.name = "x", .dims = dims, .signature = signature});
}

struct tfl_interpreter *subject_resize(struct tfl_interpreter *interpreter, const struct tfl_io_shape *shapes)
{
	struct tfl_interpreter *resized = NULL;
	struct tfl_error error;

	if (tfl_interpreter_resize(interpreter, shapes, &resized, &error) < 0)
		ck_abort_msg("%s", error.text);
	return resized;
}
