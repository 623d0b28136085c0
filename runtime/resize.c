/* SPDX-License-Identifier: MIT */
/*
 * Inputs of other shapes than the file's. A graph has fixed shapes, since everything that makes it quick hangs on them; so for each set of shapes
 * that is asked for, a graph, a program and an interpreter of their own are made, and the last few are kept (special.c). The interpreter uses the
 * state of that which was asked, and the program its program's packed weights, so what they cost is activations; weights that the graph computes (from
 * float16, say) are packed again, once for all interpreters that were asked for the same shapes: they share the program.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/graph.h"
#include "runtime/interpreter.h"
#include "runtime/program_internal.h"

static bool same_dims(const struct tfl_io_shape *shape, uint8_t rank, const int32_t *dims)
{
	return shape->rank == rank && memcmp(shape->dims, dims, rank * sizeof(*dims)) == 0;
}

static bool is_as_in_file(const struct tfl_program *program, const struct tfl_io_shape *shapes)
{
	bool same = true;

	for (uint32_t i = 0; i < program->graph->source->input_count; i++)
		same &= same_dims(&shapes[i], program->inputs[i].rank, program->inputs[i].dims);
	return same;
}

static bool is_given(const struct tfl_graph_given *given, uint32_t count, const struct tfl_io_shape *shapes)
{
	bool same = true;

	for (uint32_t i = 0; same && i < count; i++)
		same = same_dims(&shapes[i], given[i].rank, given[i].dims);
	return same;
}

static int check_shape(const struct tfl_io *input, uint32_t index, const struct tfl_io_shape *shape, struct tfl_error *error)
{
	char given[TFL_SHAPE_STRING_MAX], wanted[TFL_SHAPE_STRING_MAX];
	bool fits = shape->rank == input->rank;

	if (shape->rank > TFL_RANK_MAX)
		return tfl_error_set(error, -EINVAL, "input %u '%.80s' cannot have %u dimensions; at most %u are possible", index, input->name,
				     shape->rank, TFL_RANK_MAX);
	for (unsigned i = 0; fits && i < input->rank; i++)
		fits = input->shape_signature[i] == -1 ? shape->dims[i] > 0 : shape->dims[i] == input->dims[i];
	if (fits)
		return 0;
	return tfl_error_set(error, -EINVAL, "input %u '%.80s' cannot have the shape %s: its shape_signature is %s, where -1 is any size from 1 on",
			     index, input->name, tfl_shape_to_string(shape->dims, shape->rank, given, sizeof(given)),
			     tfl_shape_to_string(input->shape_signature, input->rank, wanted, sizeof(wanted)));
}

static int make_given(const struct tfl_program *program, const struct tfl_io_shape *shapes, struct tfl_graph_given *given,
		      struct tfl_error *error)
{
	const struct tfl_subgraph *source = program->graph->source;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < source->input_count; i++) {
		r = check_shape(&program->inputs[i], i, &shapes[i], error);
		given[i].rank = shapes[i].rank;
		memcpy(given[i].dims, shapes[i].dims, sizeof(shapes[i].dims));
		given[i].data = program->graph->values[source->inputs[i]].data;
	}
	return r;
}

static void destroy_shaped(struct tfl_shaped *shaped)
{
	tfl_program_destroy(shaped->program);
	free(shaped->given);
	free(shaped);
}

void tfl_shaped_unref(const struct tfl_program *base, struct tfl_shaped *shaped)
{
	struct tfl_program *program = (struct tfl_program *)base;
	struct tfl_shaped **link = &program->shaped;
	bool last;

	pthread_mutex_lock(&program->lock);
	last = --shaped->refs == 0;
	while (last && *link != shaped)
		link = &(*link)->next;
	if (last)
		*link = shaped->next;
	pthread_mutex_unlock(&program->lock);
	if (last)
		destroy_shaped(shaped);
}

/* A new one, and the interpreter that proved it. */
static int create_shaped(struct tfl_program *program, const struct tfl_io_shape *shapes, struct tfl_interpreter *caller,
			 struct tfl_shaped **ret_shaped, struct tfl_interpreter **ret_interpreter, struct tfl_error *error)
{
	struct tfl_shaped *shaped = calloc(1, sizeof(*shaped));
	int r;

	if (!shaped)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	shaped->given = calloc((size_t)program->graph->source->input_count + 1, sizeof(*shaped->given));
	r = shaped->given ? make_given(program, shapes, shaped->given, error) : tfl_error_set(error, -ENOMEM, "out of memory");
	if (r == 0) {
		r = tfl_program_create_other(program, program->graph->subgraph, shaped->given, caller, &shaped->program, ret_interpreter, error);
		if (r < 0)
			tfl_error_prefix(error, r, "with inputs of these shapes");
	}
	if (r < 0) {
		destroy_shaped(shaped);
		return r;
	}
	shaped->next = program->shaped;
	program->shaped = *ret_shaped = shaped;
	return 0;
}

/* Under the program's lock. */
static int share(struct tfl_program *program, const struct tfl_io_shape *shapes, struct tfl_interpreter *caller, struct tfl_special *special,
		 struct tfl_error *error)
{
	struct tfl_shaped *shaped = program->shaped;
	struct tfl_refusal refusal;
	int r;

	while (shaped && !is_given(shaped->given, program->graph->source->input_count, shapes))
		shaped = shaped->next;
	if (shaped)
		r = tfl_interpreter_build(shaped->program, caller->threads, caller, &special->interpreter, &refusal, error);
	else
		r = create_shaped(program, shapes, caller, &shaped, &special->interpreter, error);
	if (r > 0)
		r = tfl_error_set(error, -EINVAL, "XNNPACK refused step %u, which it took before", refusal.step);
	if (r < 0)
		return r;
	tfl_interpreter_drop_once(special->interpreter);
	shaped->refs++;
	special->shaped = shaped;
	special->given = shaped->given;
	special->program = shaped->program;
	return 0;
}

static int make(struct tfl_interpreter *interpreter, const struct tfl_io_shape *shapes, struct tfl_special **ret_special,
		struct tfl_error *error)
{
	struct tfl_program *program = (struct tfl_program *)interpreter->program;
	struct tfl_special made = {0};
	int r;

	pthread_mutex_lock(&program->lock);
	r = share(program, shapes, interpreter, &made, error);
	pthread_mutex_unlock(&program->lock);
	if (r == 0)
		r = tfl_special_charge(interpreter, &interpreter->shaped, TFL_SHAPES_MAX, &made, error);
	if (r == 0)
		r = tfl_specials_place(interpreter, &interpreter->shaped, TFL_SHAPES_MAX, ret_special, error);
	if (r == 0)
		**ret_special = made;
	else
		tfl_special_destroy(interpreter, &made);
	return r;
}

int tfl_interpreter_resize(struct tfl_interpreter *interpreter, const struct tfl_io_shape *shapes, struct tfl_interpreter **ret_resized,
			   struct tfl_error *error)
{
	const struct tfl_program *program = interpreter->program;
	struct tfl_special *found = NULL;
	int r = 0;

	*ret_resized = interpreter;
	if (is_as_in_file(program, shapes))
		return 0;
	for (unsigned i = 0; interpreter->shaped.items && !found && i < TFL_SHAPES_MAX; i++) {
		struct tfl_special *special = &interpreter->shaped.items[i];

		if (special->interpreter && is_given(special->given, program->graph->source->input_count, shapes))
			found = special;
	}
	if (!found)
		r = make(interpreter, shapes, &found, error);
	if (r < 0)
		return r;
	found->used = ++interpreter->shaped.turns;
	*ret_resized = found->interpreter;
	return 0;
}
