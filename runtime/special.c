/* SPDX-License-Identifier: MIT */
/*
 * Late values and what lies behind them (graph_late.c). Behind each place where shapes depend on content, an interpreter keeps a few
 * specials: program and interpreter of the deferred nodes, prepared, planned and lowered for one set of shapes and steering content. The one
 * that was used longest ago makes room for a new one. A special may itself end in such a place, and has specials of its own then. Those for
 * inputs of other shapes (resize.c) are kept in the same manner.
 *
 * Always holds: what all of them take in one (outermost) interpreter, together with late values, stays within the limit of an arena; and
 * a special that stands in the list is complete.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/call.h"
#include "runtime/graph_internal.h"
#include "runtime/interpreter.h"
#include "runtime/memory.h"
#include "runtime/program_internal.h"

#define SHAPE_BYTES (sizeof(int32_t) * (TFL_RANK_MAX + 1))

static struct tfl_interpreter *outermost(struct tfl_interpreter *interpreter)
{
	while (interpreter->caller)
		interpreter = interpreter->caller;
	return interpreter;
}

/* Charges what is about to be kept. */
static int charge(struct tfl_interpreter *interpreter, size_t bytes, struct tfl_error *error)
{
	const struct tfl_program_options *options = &interpreter->program->options;
	struct tfl_interpreter *outer = outermost(interpreter);
	size_t limit = tfl_arena_limit(interpreter->program->model->size);
	int r;

	if (outer->late_bytes > limit || bytes > limit - outer->late_bytes)
		return tfl_error_set(error, -EFBIG, "values whose shape a request decides, and what is made for them, would pass %zu bytes, the "
				     "limit for a file of %zu bytes", limit, interpreter->program->model->size);
	r = options->reserve ? options->reserve(options->reserve_data, bytes, error) : 0;
	if (r == 0)
		atomic_fetch_add_explicit(&outer->late_bytes, bytes, memory_order_relaxed); /* somebody may look at it at any time */
	return r;
}

static void discharge(struct tfl_interpreter *interpreter, size_t bytes)
{
	const struct tfl_program_options *options = &interpreter->program->options;

	atomic_fetch_sub_explicit(&outermost(interpreter)->late_bytes, bytes, memory_order_relaxed);
	if (options->unreserve && bytes > 0)
		options->unreserve(options->reserve_data, bytes);
}

static uint32_t find_late(const struct tfl_graph *graph, uint32_t value)
{
	uint32_t i = 0;

	while (i < graph->late_count && graph->lates[i] != value)
		i++;
	return i;
}

int tfl_late_resize(struct tfl_interpreter *interpreter, uint32_t value, unsigned rank, const int32_t *dims, struct tfl_error *error)
{
	const struct tfl_graph *graph = interpreter->program->graph;
	struct tfl_late *late = &interpreter->lates[find_late(graph, value)];
	struct tfl_value shape = {.dtype = graph->values[value].dtype};
	size_t wanted;
	int r;

	if (rank > TFL_RANK_MAX || tfl_value_set_shape(&shape, rank, dims) < 0)
		return tfl_error_set(error, -EINVAL, "tensor '%.100s' would be larger than %u bytes, or have a shape that cannot be",
				     graph->values[value].tensor->name, TFL_TENSOR_BYTES_MAX);
	wanted = tfl_align_up(shape.bytes + TFL_PADDING_BYTES, TFL_BLOCK_ALIGNMENT);
	if (wanted > late->capacity) {
		r = charge(interpreter, wanted - late->capacity, error);
		if (r < 0)
			return r;
		tfl_block_free(interpreter->data[value]);
		interpreter->data[value] = tfl_block_allocate(wanted);
		if (!interpreter->data[value]) {
			discharge(interpreter, wanted);
			late->capacity = late->bytes = 0;
			return tfl_error_set(error, -ENOMEM, "out of memory");
		}
		memset(interpreter->data[value], 0, wanted);
		late->capacity = wanted;
	}
	late->rank = (uint8_t)rank;
	memcpy(late->dims, shape.dims, sizeof(late->dims));
	late->elements = shape.elements;
	late->bytes = shape.bytes;
	return 0;
}

void tfl_special_destroy(struct tfl_interpreter *interpreter, struct tfl_special *special)
{
	tfl_interpreter_destroy(special->interpreter);
	if (special->shaped) {
		tfl_shaped_unref(interpreter->program, special->shaped);
	} else {
		tfl_program_destroy(special->program);
		free(special->given);
	}
	free(special->key);
	tfl_block_free(special->content);
	discharge(interpreter, special->bytes);
	*special = (struct tfl_special){0};
}

static void finish_list(struct tfl_interpreter *interpreter, struct tfl_specials *specials, unsigned max)
{
	for (unsigned i = 0; specials->items && i < max; i++)
		tfl_special_destroy(interpreter, &specials->items[i]);
	free(specials->items);
}

void tfl_late_finish(struct tfl_interpreter *interpreter)
{
	const struct tfl_graph *graph = interpreter->program->graph;

	finish_list(interpreter, &interpreter->shaped, TFL_SHAPES_MAX);
	finish_list(interpreter, &interpreter->behind, TFL_SPECIALS_MAX);
	for (uint32_t i = 0; interpreter->lates && interpreter->data && i < graph->late_count; i++) {
		tfl_block_free(interpreter->data[graph->lates[i]]);
		discharge(interpreter, interpreter->lates[i].capacity);
	}
	free(interpreter->lates);
}

struct tfl_place tfl_interpreter_locate(const struct tfl_interpreter *interpreter, uint32_t index)
{
	const struct tfl_graph *graph = interpreter->program->graph;
	const struct tfl_value *value = &graph->values[index];
	uint32_t late = value->late ? find_late(graph, index) : graph->late_count;
	struct tfl_place place = {value->data ? value->data : interpreter->data[index], value->rank, value->dims, value->elements, value->bytes};

	if (!value->late)
		return place;
	if (late == graph->late_count)
		return interpreter->current ? tfl_interpreter_locate(interpreter->current->interpreter, index) : (struct tfl_place){0};
	place.rank = interpreter->lates[late].rank;
	place.dims = interpreter->lates[late].dims;
	place.elements = interpreter->lates[late].elements;
	place.bytes = interpreter->lates[late].bytes;
	return place;
}

/* Shapes of all that is read from before, then the steering contents, one behind the other. */
static int make_key(const struct tfl_interpreter *interpreter, struct tfl_special *special, struct tfl_error *error)
{
	const struct tfl_graph *graph = interpreter->program->graph;
	size_t size = graph->behind.input_count * SHAPE_BYTES;
	uint8_t *at;

	for (uint32_t i = 0; i < graph->steering_count; i++) {
		size_t bytes = tfl_interpreter_locate(interpreter, graph->steering[i]).bytes;

		if (bytes > TFL_STEERING_BYTES_MAX)
			return tfl_error_set(error, -EFBIG, "a shape follows from the %zu bytes of tensor '%.100s'; at most %u are possible", bytes,
					     graph->values[graph->steering[i]].tensor->name, TFL_STEERING_BYTES_MAX);
		size += bytes;
	}
	special->key_size = size;
	special->key = at = calloc(1, size + 1);
	if (!at)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < graph->behind.input_count; i++, at += SHAPE_BYTES) {
		struct tfl_place place = tfl_interpreter_locate(interpreter, (uint32_t)graph->behind.inputs[i]);
		int32_t rank = place.rank;

		memcpy(at, &rank, sizeof(rank));
		memcpy(at + sizeof(rank), place.dims, place.rank * sizeof(*place.dims));
	}
	for (uint32_t i = 0; i < graph->steering_count; i++) {
		struct tfl_place place = tfl_interpreter_locate(interpreter, graph->steering[i]);

		if (place.bytes > 0)
			memcpy(at, place.data, place.bytes);
		at += place.bytes;
	}
	return 0;
}

/* What the graph behind is given: each input's shape, and for those that steer a copy of their content. */
static int make_given(const struct tfl_interpreter *interpreter, struct tfl_special *special)
{
	const struct tfl_graph *graph = interpreter->program->graph;
	uint8_t *content;

	special->given = calloc((size_t)graph->behind.input_count + 1, sizeof(*special->given));
	special->content = content =
		tfl_block_allocate((graph->steering_count + 1) * (size_t)(TFL_PADDING_BYTES + TFL_BLOCK_ALIGNMENT) + special->key_size);
	if (!special->given || !content)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->behind.input_count; i++) {
		uint32_t index = (uint32_t)graph->behind.inputs[i];
		struct tfl_place place = tfl_interpreter_locate(interpreter, index);
		bool steers = false;

		for (uint32_t s = 0; s < graph->steering_count; s++)
			steers |= graph->steering[s] == index;
		special->given[i].rank = place.rank;
		memcpy(special->given[i].dims, place.dims, place.rank * sizeof(*place.dims));
		if (!steers)
			continue;
		if (place.bytes > 0)
			memcpy(content, place.data, place.bytes);
		special->given[i].data = content;
		content += tfl_align_up(place.bytes + TFL_PADDING_BYTES, TFL_BLOCK_ALIGNMENT);
	}
	return 0;
}

int tfl_specials_place(struct tfl_interpreter *interpreter, struct tfl_specials *specials, unsigned max, struct tfl_special **ret_place,
		       struct tfl_error *error)
{
	struct tfl_special *found;

	if (!specials->items)
		specials->items = calloc(max, sizeof(*specials->items));
	if (!specials->items)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	found = &specials->items[0];
	for (unsigned i = 1; i < max; i++)
		if (specials->items[i].used < found->used)
			found = &specials->items[i];
	tfl_special_destroy(interpreter, found);
	*ret_place = found;
	return 0;
}

int tfl_special_charge(struct tfl_interpreter *interpreter, struct tfl_specials *specials, unsigned max, struct tfl_special *special,
		       struct tfl_error *error)
{
	size_t bytes = tfl_program_bytes(special->program) + tfl_interpreter_bytes(special->interpreter) + special->key_size;
	int r = charge(interpreter, bytes, error);

	for (unsigned i = 0; r < 0 && specials->items && i < max; i++)
		tfl_special_destroy(interpreter, &specials->items[i]);
	if (r < 0)
		r = charge(interpreter, bytes, error);
	special->bytes = r == 0 ? bytes : 0;
	return r;
}

static struct tfl_special *find_special(struct tfl_interpreter *interpreter, const struct tfl_special *wanted)
{
	for (unsigned i = 0; interpreter->behind.items && i < TFL_SPECIALS_MAX; i++) {
		struct tfl_special *special = &interpreter->behind.items[i];

		if (special->interpreter && special->key_size == wanted->key_size && memcmp(special->key, wanted->key, wanted->key_size) == 0)
			return special;
	}
	return NULL;
}

static int add_special(struct tfl_interpreter *interpreter, struct tfl_special *special, struct tfl_special **ret_special,
		       struct tfl_error *error)
{
	const struct tfl_program *head = interpreter->program;
	unsigned depth = 0;
	int r;

	for (const struct tfl_program *program = head; program; program = program->head)
		if (++depth > TFL_SPECIAL_DEPTH_MAX)
			return tfl_error_set(error, -EFBIG, "more than %u shapes depend on content, one behind the other", TFL_SPECIAL_DEPTH_MAX);
	if (make_given(interpreter, special) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	r = tfl_program_create_behind(head, special->given, interpreter, &special->program, &special->interpreter, error);
	if (r == 0)
		r = tfl_special_charge(interpreter, &interpreter->behind, TFL_SPECIALS_MAX, special, error);
	if (r == 0)
		r = tfl_specials_place(interpreter, &interpreter->behind, TFL_SPECIALS_MAX, ret_special, error);
	if (r < 0)
		return r;
	**ret_special = *special;
	*special = (struct tfl_special){0};
	return 0;
}

/* The special for what the run has brought so far. */
static int choose(struct tfl_interpreter *interpreter, struct tfl_special **ret_special, struct tfl_error *error)
{
	struct tfl_special wanted = {0}, *found = NULL;
	int r;

	r = make_key(interpreter, &wanted, error);
	if (r == 0)
		found = find_special(interpreter, &wanted);
	if (r == 0 && !found)
		r = add_special(interpreter, &wanted, &found, error);
	tfl_special_destroy(interpreter, &wanted);
	if (r < 0)
		return r;
	found->used = ++interpreter->behind.turns;
	*ret_special = found;
	return 0;
}

int tfl_special_run(struct tfl_interpreter *interpreter, struct tfl_run_budget *budget, struct tfl_error *error)
{
	const struct tfl_subgraph *behind = &interpreter->program->graph->behind;
	const struct tfl_graph *graph;
	struct tfl_special *special = NULL;
	int r;

	interpreter->current = NULL;
	r = tfl_run_budget_check(budget, error);
	if (r == 0)
		r = choose(interpreter, &special, error);
	if (r < 0)
		return r;
	graph = special->program->graph;
	r = tfl_run_budget_take(budget, graph->work, error);
	for (uint32_t i = 0; r == 0 && i < behind->input_count; i++) {
		struct tfl_place place = tfl_interpreter_locate(interpreter, (uint32_t)behind->inputs[i]);

		if (!graph->values[behind->inputs[i]].data && place.bytes > 0)
			memcpy(special->interpreter->data[behind->inputs[i]], place.data, place.bytes);
	}
	if (r == 0)
		r = tfl_interpreter_run(special->interpreter, budget, error);
	if (r == 0)
		interpreter->current = special;
	return r;
}
