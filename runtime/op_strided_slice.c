/* SPDX-License-Identifier: MIT */
/*
 * STRIDED_SLICE: numpy's x[begin:end:stride, …], an entry of the three lists for each dimension from the first on; bits of the masks say more
 * about an entry. Ellipsis: it stands for as many whole dimensions as the others leave. New axis: the output has a dimension of size 1 there,
 * the input has none. Shrink axis: one position, and no dimension in the output. Begin and end mask: from the first position, to the last.
 * Offset: ends count from the beginnings.
 *
 * Which position a shrunk dimension keeps may be computed at run time, since the output's shape does not follow from it.
 */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/kernel_move.h"
#include "runtime/lower.h"

enum { BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_AXIS_MASK, OFFSET };
enum { INPUT, BEGIN, END, STRIDES };

#define ENTRIES_MAX (2 * TFL_RANK_MAX)

/* What is taken of one dimension of the input. */
struct part {
	int32_t start, step, size;
};

/* A dimension of which each run names the position, in an entry of its list of beginnings. */
struct pick {
	unsigned entry, axis;
};

struct params {
	struct tfl_move move; /* picks left out: as if they were 0 */
	struct part parts[TFL_RANK_MAX];
	struct pick picks[TFL_RANK_MAX];
	unsigned pick_count;
};

/* The three lists and what prepare() makes of them. */
struct reading {
	const struct tfl_graph *graph;
	const struct tfl_node *node;
	const struct tfl_value *input;
	struct params *params;
	struct tfl_error *error;
	unsigned count;
	int32_t begin[ENTRIES_MAX], end[ENTRIES_MAX], stride[ENTRIES_MAX];
	bool begins_later, ends_later; /* the list comes with each run */
	uint32_t masks[SHRINK_AXIS_MASK + 1];
	bool offset;
	unsigned rank; /* of the output */
	int32_t dims[TFL_RANK_MAX + ENTRIES_MAX];
};

static bool has(const struct reading *reading, unsigned mask, unsigned entry)
{
	return reading->masks[mask] >> entry & 1;
}

/* @p ret_later: NULL where the list must be a constant. */
static int read_list(struct reading *reading, unsigned input, int32_t *ret_values, bool *ret_later)
{
	const struct tfl_value *list = tfl_node_input(reading->graph, reading->node, input);
	unsigned count;

	if (input == BEGIN && list->elements > ENTRIES_MAX)
		return tfl_node_unsupported(reading->graph, reading->node, reading->error, "it has %zu entries; at most %d are", list->elements,
					    ENTRIES_MAX);
	if (input == BEGIN)
		reading->count = (unsigned)list->elements;
	if (list->elements != reading->count)
		return tfl_node_invalid(reading->graph, reading->node, reading->error, "input %u has %zu elements, but where it begins has %u", input,
					list->elements, reading->count);
	if (ret_later && !list->data && list->elements > 0) {
		*ret_later = true;
		return 0;
	}
	return tfl_node_const_ints(reading->graph, reading->node, input, ENTRIES_MAX, ret_values, &count, reading->error);
}

static int read_lists(struct reading *reading)
{
	const struct tfl_fb_table *options = &reading->node->source->options;
	int r;

	for (unsigned mask = BEGIN_MASK; mask <= SHRINK_AXIS_MASK; mask++)
		reading->masks[mask] = (uint32_t)tfl_fb_i32(options, mask, 0);
	reading->offset = tfl_fb_bool(options, OFFSET, false);
	r = read_list(reading, BEGIN, reading->begin, &reading->begins_later);
	if (r == 0)
		r = read_list(reading, END, reading->end, &reading->ends_later);
	if (r == 0)
		r = read_list(reading, STRIDES, reading->stride, NULL);
	return r;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* A range of one dimension. What lies past its ends is cut off; backwards, it ends before the first position. */
static struct part take_range(const struct reading *reading, unsigned i, int64_t dim)
{
	int64_t stride = reading->stride[i], low = stride > 0 ? 0 : -1, high = low + dim, start, end, size;

	start = clamp(reading->begin[i] < 0 ? reading->begin[i] + dim : reading->begin[i], low, high);
	if (has(reading, BEGIN_MASK, i))
		start = stride > 0 ? low : high;
	end = reading->end[i] + (reading->offset ? start : 0);
	end = clamp(end < 0 ? end + dim : end, low, high);
	if (has(reading, END_MASK, i))
		end = stride > 0 ? high : low;
	size = stride > 0 ? (end - start + stride - 1) / stride : (start - end - stride - 1) / -stride;
	return (struct part){(int32_t)start, (int32_t)stride, size < 0 ? 0 : (int32_t)size};
}

/* One position of a dimension. */
static int take_one(const struct reading *reading, unsigned i, int32_t dim, struct part *ret_part)
{
	int64_t begin = reading->begin[i], start = begin < 0 ? begin + dim : begin;

	if (has(reading, BEGIN_MASK, i))
		start = reading->stride[i] > 0 ? 0 : (int64_t)dim - 1;
	if (start < 0 || start >= dim)
		return tfl_node_invalid(reading->graph, reading->node, reading->error, "it takes position %lld of a dimension of %d",
					(long long)begin, dim);
	*ret_part = (struct part){(int32_t)start, 1, 1};
	return 0;
}

static int take(struct reading *reading, unsigned i, unsigned axis)
{
	bool begins_later = reading->begins_later && !has(reading, BEGIN_MASK, i), ends_later = reading->ends_later && !has(reading, END_MASK, i);
	struct params *params = reading->params;
	struct part *part = &params->parts[axis];
	int32_t dim = reading->input->dims[axis];

	if (reading->stride[i] == 0)
		return tfl_node_invalid(reading->graph, reading->node, reading->error, "the stride of dimension %u is 0", axis);
	if (has(reading, SHRINK_AXIS_MASK, i)) {
		if (begins_later)
			params->picks[params->pick_count++] = (struct pick){i, axis};
		return take_one(reading, i, dim, part);
	}
	if (begins_later)
		tfl_node_want(reading->graph, reading->node, BEGIN);
	if (ends_later)
		tfl_node_want(reading->graph, reading->node, END);
	if (begins_later || ends_later)
		return tfl_node_unsupported(reading->graph, reading->node, reading->error,
					    "where it begins or ends is computed at run time, and with it the size of dimension %u", axis);
	*part = take_range(reading, i, dim);
	reading->dims[reading->rank++] = part->size;
	return 0;
}

static void take_whole(struct reading *reading, unsigned axis, unsigned count)
{
	for (; count > 0; count--, axis++) {
		int32_t dim = reading->input->dims[axis];

		reading->params->parts[axis] = (struct part){0, 1, dim};
		reading->dims[reading->rank++] = dim;
	}
}

/* How many dimensions no entry names: those that an ellipsis stands for, or that lie behind the last entry. */
static int count_whole(const struct reading *reading, unsigned *ret_whole)
{
	unsigned named = 0, ellipses = 0;

	for (unsigned i = 0; i < reading->count; i++) {
		bool ellipsis = has(reading, ELLIPSIS_MASK, i);

		ellipses += ellipsis;
		named += !ellipsis && !has(reading, NEW_AXIS_MASK, i);
	}
	if (ellipses > 1)
		return tfl_node_invalid(reading->graph, reading->node, reading->error, "it has %u ellipses; one is right", ellipses);
	if (named > reading->input->rank)
		return tfl_node_invalid(reading->graph, reading->node, reading->error, "it slices %u dimensions; the input has %u", named,
					reading->input->rank);
	*ret_whole = reading->input->rank - named;
	return 0;
}

/* Walks the entries and the input's dimensions beside each other. */
static int take_all(struct reading *reading)
{
	unsigned axis = 0, whole = 0;
	int r;

	r = count_whole(reading, &whole);
	for (unsigned i = 0; i < reading->count && r == 0; i++) {
		if (has(reading, ELLIPSIS_MASK, i)) {
			take_whole(reading, axis, whole);
			axis += whole;
		} else if (has(reading, NEW_AXIS_MASK, i)) {
			reading->dims[reading->rank++] = 1;
		} else {
			r = take(reading, i, axis++);
		}
	}
	if (r == 0)
		take_whole(reading, axis, reading->input->rank - axis);
	return r;
}

static void make_move(const struct tfl_value *input, struct params *params)
{
	ptrdiff_t strides[TFL_RANK_MAX], to = (ptrdiff_t)tfl_dtype_size(input->dtype);

	tfl_move_init(&params->move, tfl_dtype_size(input->dtype));
	tfl_move_strides(input, strides);
	for (unsigned d = input->rank; d-- > 0;) {
		const struct part *part = &params->parts[d];

		/* A step stays within the tensor where there are two positions or more, and may be anything where there are not. */
		tfl_move_add(&params->move, (size_t)part->size, part->size > 1 ? part->step * strides[d] : 0, to);
		params->move.from_offset += part->size > 0 ? part->start * strides[d] : 0;
		to *= part->size;
	}
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	struct reading reading = {.graph = graph, .node = node, .input = tfl_node_input(graph, node, INPUT), .params = params, .error = error};
	int r;

	if (!params)
		return -ENOMEM;
	r = read_lists(&reading);
	if (r == 0)
		r = take_all(&reading);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, reading.rank, reading.dims, error);
	if (r == 0)
		make_move(reading.input, params);
	return r;
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *input = tfl_node_input(lower->graph, node, INPUT);
	const struct params *params = node->params;
	int32_t begin[TFL_RANK_MAX], size[TFL_RANK_MAX];

	if (params->pick_count > 0)
		return 1;
	for (unsigned d = 0; d < input->rank; d++) {
		const struct part *part = &params->parts[d];

		if (part->size > 1 && part->step != 1)
			return 1;
		begin[d] = part->start;
		size[d] = part->size;
	}
	return tfl_lower_slice(lower, input, begin, size, tfl_node_output(lower->graph, node, 0));
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, INPUT), *begin = tfl_node_input(run->graph, node, BEGIN);
	const struct params *params = node->params;
	ptrdiff_t strides[TFL_RANK_MAX], offset = 0;

	tfl_move_strides(input, strides);
	for (unsigned i = 0; i < params->pick_count; i++) {
		int64_t position = tfl_index_at(begin->dtype, tfl_run_input(run, node, BEGIN), params->picks[i].entry);
		unsigned axis = params->picks[i].axis;
		int32_t dim = input->dims[axis];

		if (position < -dim || position >= dim)
			return tfl_node_invalid(run->graph, node, error, "it takes position %lld of a dimension of %d", (long long)position, dim);
		offset += (ptrdiff_t)(position < 0 ? position + dim : position) * strides[axis];
	}
	tfl_move_copy(&params->move, (const uint8_t *)tfl_run_input(run, node, INPUT) + offset, tfl_run_output(run, node, 0));
	return 0;
}

const struct tfl_op tfl_op_strided_slice = {
	.code = TFL_BUILTIN_STRIDED_SLICE,
	.options = TFL_OPTIONS_STRIDED_SLICE,
	.inputs_min = 4,
	.inputs_max = 4,
	.outputs = 1,
	.max_version = 8,
	.name = "STRIDED_SLICE",
	.types = "TNNN:T",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
