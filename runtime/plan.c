/* SPDX-License-Identifier: MIT */
/*
 * The memory plan of a program: which values outlive their step, from which step to which, and where they lie. Inputs of the graph live
 * from the beginning, outputs to the end. The scratch memory of portable kernels follows the values.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/graph.h"
#include "runtime/program_internal.h"

/* Steps are counted from 1; 0 is before the first, when inputs are written. */
struct life {
	uint32_t first, last;
	bool known;   /* written by anything at all */
	bool crosses; /* seen outside the XNNPACK step that writes it */
};

static void note_read(struct life *life, uint32_t time)
{
	if (life->first != time)
		life->crosses = true;
	if (life->last < time)
		life->last = time;
}

/* What is read after the last step. */
static void keep_to_the_end(struct life *lives, const int32_t *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct life *life = &lives[values[i]];

		life->last = UINT32_MAX;
		life->crosses = true;
		life->known = true;
	}
}

/* Lives in steps; or, to know what XNNPACK needs inside of them, in nodes: then every value counts as seen outside. */
static void find_lives(const struct tfl_program *program, bool by_node, struct life *lives)
{
	const struct tfl_graph *graph = program->graph;
	const struct tfl_partition *partition = &program->partition;

	for (uint32_t i = 0; i < graph->source->input_count; i++)
		lives[graph->source->inputs[i]] = (struct life){.known = true, .crosses = true};
	for (uint32_t s = 0; s < partition->step_count; s++) {
		const struct tfl_step *step = &partition->steps[s];

		for (uint32_t n = step->first; n < step->first + step->count; n++) {
			const struct tfl_operator *source = graph->nodes[partition->order[n]].source;
			uint32_t time = by_node ? n + 1 : s + 1;

			for (uint32_t i = 0; i < source->input_count; i++)
				if (source->inputs[i] >= 0 && !graph->values[source->inputs[i]].data)
					note_read(&lives[source->inputs[i]], time);
			for (uint32_t i = 0; i < source->output_count; i++)
				lives[source->outputs[i]] = (struct life){time, time, true, by_node || !step->xnnpack};
		}
	}
	keep_to_the_end(lives, graph->source->outputs, graph->source->output_count);
	keep_to_the_end(lives, graph->behind.inputs, graph->behind.input_count);
}

struct placed {
	struct tfl_arena_item item;
	uint32_t value;
};

static int by_first(const void *left, const void *right)
{
	const struct placed *a = left, *b = right;

	return a->item.first != b->item.first ? (a->item.first < b->item.first ? -1 : 1) : (a->value > b->value) - (a->value < b->value);
}

static size_t scratch_size(const struct tfl_program *program)
{
	size_t size = 0;

	for (uint32_t i = 0; i < program->graph->node_count; i++)
		if (!program->lowered[i] && program->graph->nodes[i].scratch_bytes > size)
			size = program->graph->nodes[i].scratch_bytes;
	return size;
}

/* Places what crosses. *ret_size is what that takes; offsets may be NULL. */
static int place(const struct tfl_program *program, const struct life *lives, size_t *ret_size, size_t *offsets)
{
	const struct tfl_graph *graph = program->graph;
	_tfl_free_ struct placed *placed = calloc((size_t)graph->value_count + 1, sizeof(*placed));
	_tfl_free_ struct tfl_arena_item *items = calloc((size_t)graph->value_count + 1, sizeof(*items));
	size_t count = 0;
	int r;

	if (!placed || !items)
		return -ENOMEM;
	for (uint32_t v = 0; v < graph->value_count; v++)
		if (lives[v].known && lives[v].crosses && !graph->values[v].data && !graph->values[v].variable && !graph->values[v].late)
			placed[count++] = (struct placed){{graph->values[v].bytes + TFL_PADDING_BYTES, lives[v].first, lives[v].last, 0}, v};
	qsort(placed, count, sizeof(*placed), by_first);
	for (size_t i = 0; i < count; i++)
		items[i] = placed[i].item;
	r = tfl_arena_plan(items, (uint32_t)count, tfl_arena_limit(program->model->size), ret_size);
	for (size_t i = 0; r == 0 && offsets && i < count; i++)
		offsets[placed[i].value] = items[i].offset;
	return r;
}

static int plan_arena(struct tfl_program *program)
{
	size_t values = (size_t)program->graph->value_count + 1, limit = tfl_arena_limit(program->model->size), size = 0;
	_tfl_free_ struct life *lives = calloc(values, sizeof(*lives));
	int r;

	if (!lives)
		return -ENOMEM;
	find_lives(program, true, lives);
	r = place(program, lives, &size, NULL);
	if (r < 0)
		return r;
	memset(lives, 0, values * sizeof(*lives));
	find_lives(program, false, lives);
	r = place(program, lives, &size, program->offsets);
	if (r < 0)
		return r;
	program->scratch_offset = size;
	if (tfl_add_overflow(size, scratch_size(program), &program->arena_bytes) || program->arena_bytes > limit)
		return -EFBIG;
	return 0;
}

int tfl_program_plan(struct tfl_program *program, struct tfl_error *error)
{
	size_t values = (size_t)program->graph->value_count + 1;
	int r;

	tfl_partition_finish(&program->partition);
	free(program->offsets);
	program->offsets = malloc(values * sizeof(*program->offsets));
	if (!program->offsets || tfl_partition_init(&program->partition, program->graph, program->lowered) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < values; i++)
		program->offsets[i] = TFL_NO_OFFSET;
	r = plan_arena(program);
	if (r == -EFBIG)
		return tfl_error_set(error, r, "activations of one interpreter would pass %zu bytes, the limit for a file of %zu bytes",
				     tfl_arena_limit(program->model->size), program->model->size);
	return r < 0 ? tfl_error_set(error, r, "out of memory") : 0;
}
