/* SPDX-License-Identifier: MIT */
/*
 * CONCATENATION along one axis. Inputs of a quantised one that have another scale than the output are requantised on the way. XNNPACK
 * takes two to five inputs of one scale. PACK: the same along an axis that the inputs do not have, of one scale.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/kernel_move.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/quant.h"
#include "runtime/shape.h"

enum { AXIS, ACTIVATION };
enum { PACK_COUNT, PACK_AXIS };

struct params {
	unsigned axis;
	const uint8_t **tables; /* per input of another scale: the output's byte for each of its bytes; NULL where all have the same */
};

static int check_input(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t index, unsigned axis, struct tfl_error *error)
{
	const struct tfl_value *first = tfl_node_input(graph, node, 0), *input = tfl_node_input(graph, node, index);
	char shapes[2][TFL_SHAPE_STRING_MAX];

	if (!input)
		return tfl_node_invalid(graph, node, error, "input %u is left out", index);
	for (unsigned d = 0; d < first->rank; d++)
		if (input->rank != first->rank || (d != axis && input->dims[d] != first->dims[d]))
			return tfl_node_invalid(graph, node, error, "input %u has the shape %s, which differs from %s in more than dimension %u", index,
						tfl_shape_to_string(input->dims, input->rank, shapes[0], sizeof(shapes[0])),
						tfl_shape_to_string(first->dims, first->rank, shapes[1], sizeof(shapes[1])), axis);
	return tfl_check_quantized(graph, node, input, "input", error);
}

static const uint8_t *make_table(struct tfl_graph *graph, const struct tfl_value *input, const struct tfl_value *output)
{
	uint8_t *table = tfl_graph_alloc(graph, 256);

	for (unsigned b = 0; table && b < 256; b++) {
		uint8_t byte = (uint8_t)b;
		float value;

		tfl_dequantize(input->dtype, input->scale, input->zero_point, &byte, 1, &value);
		tfl_quantize(output->dtype, output->scale, output->zero_point, &value, 1, &table[b]);
	}
	return table;
}

/* Neighbours of one scale share a table: there may be thousands of inputs. */
static int make_tables(struct tfl_graph *graph, struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	uint32_t count = node->source->input_count;
	int r;

	r = tfl_check_quantized(graph, node, output, "output", error);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count; i++) {
		const struct tfl_value *input = tfl_node_input(graph, node, i);

		if (tfl_same_scale(input, output))
			continue;
		if (!params->tables && !(params->tables = tfl_graph_alloc(graph, count * sizeof(*params->tables))))
			return -ENOMEM;
		if (i > 0 && params->tables[i - 1] && tfl_same_scale(input, tfl_node_input(graph, node, i - 1)))
			params->tables[i] = params->tables[i - 1];
		else if (!(params->tables[i] = make_table(graph, input, output)))
			return -ENOMEM;
	}
	return 0;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *first = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	const struct tfl_fb_table *options = &node->source->options;
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t dims[TFL_RANK_MAX];
	int64_t total = 0;
	int r;

	if (!params)
		return -ENOMEM;
	if (tfl_fb_i8(options, ACTIVATION, 0) != TFL_ACTIVATION_NONE)
		return tfl_node_unsupported(graph, node, error, "it has a fused activation");
	r = tfl_option_axis(graph, node, AXIS, first->rank, &params->axis, error);
	for (uint32_t i = 0; i < node->source->input_count && r == 0; i++) {
		r = check_input(graph, node, i, params->axis, error);
		if (r == 0)
			total += tfl_node_input(graph, node, i)->dims[params->axis];
	}
	if (r == 0 && (first->dtype == TFL_INT8 || first->dtype == TFL_UINT8) && output->quantized)
		r = make_tables(graph, node, params, error);
	if (r < 0)
		return r;
	memcpy(dims, first->dims, sizeof(dims));
	dims[params->axis] = total > INT32_MAX ? -1 : (int32_t)total;
	return tfl_node_set_shape(graph, node, 0, first->rank, dims, error);
}

static int check_packed(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t index, struct tfl_error *error)
{
	const struct tfl_value *first = tfl_node_input(graph, node, 0), *input = tfl_node_input(graph, node, index);
	char shapes[2][TFL_SHAPE_STRING_MAX];

	if (!input)
		return tfl_node_invalid(graph, node, error, "input %u is left out", index);
	if (input->rank != first->rank || memcmp(input->dims, first->dims, first->rank * sizeof(*first->dims)) != 0)
		return tfl_node_invalid(graph, node, error, "input %u has the shape %s, which differs from %s", index,
					tfl_shape_to_string(input->dims, input->rank, shapes[0], sizeof(shapes[0])),
					tfl_shape_to_string(first->dims, first->rank, shapes[1], sizeof(shapes[1])));
	if (!tfl_same_scale(input, tfl_node_output(graph, node, 0)))
		return tfl_node_unsupported(graph, node, error, "input %u has another scale than the output", index);
	return 0;
}

static int prepare_pack(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *first = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t dims[TFL_RANK_MAX + 1], count = tfl_fb_i32(&node->source->options, PACK_COUNT, 0);
	int r;

	if (!params)
		return -ENOMEM;
	if (count < 1 || (uint32_t)count != node->source->input_count)
		return tfl_node_invalid(graph, node, error, "its options say %d inputs, but it has %u", count, node->source->input_count);
	r = tfl_option_axis(graph, node, PACK_AXIS, first->rank + 1u, &params->axis, error);
	for (uint32_t i = 0; i < node->source->input_count && r == 0; i++)
		r = check_packed(graph, node, i, error);
	for (unsigned d = 0; d <= first->rank; d++)
		dims[d] = d < params->axis ? first->dims[d] : d == params->axis ? count : first->dims[d - 1];
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, first->rank + 1u, dims, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *to = tfl_node_output(lower->graph, node, 0);
	int32_t axis = (int32_t)((const struct params *)node->params)->axis;
	xnn_subgraph_t subgraph = lower->subgraph;
	uint32_t id[5], output, count = node->source->input_count;
	int r;

	if (count < 2 || count > TFL_ARRAY_SIZE(id))
		return 1;
	for (uint32_t i = 0; i < count; i++) {
		if (!tfl_same_scale(tfl_node_input(lower->graph, node, i), to))
			return 1;
	}
	r = tfl_lower_values(lower, node, count, id, &output);
	if (r != 0)
		return r;
	switch (count) {
	case 2:
		return tfl_lower_status(xnn_define_concatenate2(subgraph, axis, id[0], id[1], output, 0));
	case 3:
		return tfl_lower_status(xnn_define_concatenate3(subgraph, axis, id[0], id[1], id[2], output, 0));
	case 4:
		return tfl_lower_status(xnn_define_concatenate4(subgraph, axis, id[0], id[1], id[2], id[3], output, 0));
	default:
		return tfl_lower_status(xnn_define_concatenate5(subgraph, axis, id[0], id[1], id[2], id[3], id[4], output, 0));
	}
}

static void translate(const struct tfl_move *move, const uint8_t *table, const uint8_t *from, uint8_t *to)
{
	const struct tfl_move_dim *row = &move->dims[0];

	for (size_t i = 0; i < row->count; i++)
		for (size_t b = 0; b < move->run; b++)
			to[(ptrdiff_t)i * row->to + (ptrdiff_t)b] = table[from[(ptrdiff_t)i * row->from + (ptrdiff_t)b]];
}

/* The output is so many rows, each with a stretch of every input. */
static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	size_t rows = tfl_along(output->dims, output->rank, params->axis).outer;

	for (uint32_t i = 0; output->elements > 0 && i < node->source->input_count; i++) {
		size_t bytes = tfl_node_input(run->graph, node, i)->bytes / rows;
		struct tfl_move move;

		tfl_move_init(&move, bytes);
		tfl_move_add(&move, rows, (ptrdiff_t)bytes, (ptrdiff_t)(output->bytes / rows));
		if (params->tables && params->tables[i])
			translate(&move, params->tables[i], tfl_run_input(run, node, i), to);
		else if (bytes > 0)
			tfl_move_copy(&move, tfl_run_input(run, node, i), to);
		to += bytes;
	}
	return 0;
}

const struct tfl_op tfl_op_concatenation = {
	.code = TFL_BUILTIN_CONCATENATION,
	.options = TFL_OPTIONS_CONCATENATION,
	.inputs_min = 1,
	.outputs = 1,
	.max_version = 4,
	.name = "CONCATENATION",
	.types = "T*:T",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};

const struct tfl_op tfl_op_pack = {
	.code = TFL_BUILTIN_PACK,
	.options = TFL_OPTIONS_PACK,
	.inputs_min = 1,
	.outputs = 1,
	.max_version = 4,
	.name = "PACK",
	.types = "T*:T",
	.prepare = prepare_pack,
	.run = run,
};
