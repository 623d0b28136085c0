/* SPDX-License-Identifier: MIT */
/*
 * EMBEDDING_LOOKUP: the rows of the second input, a table, that the first names. A table of int8 may come out as float32: scale * q, with one
 * scale, or one for each row.
 */
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/op.h"
#include "runtime/quant.h"

enum { ROWS, TABLE };

/* For scale * q. */
static int check_scales(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *table = tfl_node_input(graph, node, TABLE);
	const struct tfl_quantization *quantization = &table->tensor->quantization;

	if (!table->quantized || (quantization->count > 1 && (quantization->axis != 0 || quantization->count != (uint32_t)table->dims[0])))
		return tfl_node_unsupported(graph, node, error, "its table has %u scales for %d rows", quantization->count, table->dims[0]);
	for (uint32_t i = 0; i < quantization->count; i++)
		if (quantization->zero_points[i] != 0)
			return tfl_node_unsupported(graph, node, error, "its table has a zero point of %lld; 0 is right",
						    (long long)quantization->zero_points[i]);
	return 0;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *rows = tfl_node_input(graph, node, ROWS), *table = tfl_node_input(graph, node, TABLE);
	int32_t dims[TFL_RANK_MAX];
	int r = 0;

	if (rows->rank != 1 || table->rank < 2)
		return tfl_node_invalid(graph, node, error, "its row numbers have %u dimensions and its table has %u; 1 and at least 2 are right",
					rows->rank, table->rank);
	if (tfl_node_output(graph, node, 0)->dtype != table->dtype)
		r = check_scales(graph, node, error);
	memcpy(dims, table->dims, sizeof(dims));
	dims[0] = rows->dims[0];
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, table->rank, dims, error);
	if (r == 0 && rows->data)
		r = tfl_index_check(graph, node, ROWS, rows->data, 0, 1, table->dims[0], error);
	return r;
}

static void look_up_scaled(const struct tfl_value *table, const int32_t *rows, size_t count, const int8_t *from, float *to)
{
	size_t columns = table->elements / (size_t)table->dims[0];

	for (size_t i = 0; i < count; i++) {
		const int8_t *row = from + (size_t)rows[i] * columns;
		float scale = tfl_value_scale(table, (uint32_t)rows[i]);

		for (size_t c = 0; c < columns; c++)
			*to++ = (float)row[c] * scale;
	}
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *rows = tfl_node_input(run->graph, node, ROWS), *table = tfl_node_input(run->graph, node, TABLE);
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	const void *numbers = tfl_run_input(run, node, ROWS);
	int r = 0;

	if (!rows->data)
		r = tfl_index_check(run->graph, node, ROWS, numbers, 0, 1, table->dims[0], error);
	if (r < 0 || output->elements == 0)
		return r;
	if (output->dtype != table->dtype)
		look_up_scaled(table, numbers, rows->elements, tfl_run_input(run, node, TABLE), tfl_run_output(run, node, 0));
	else
		tfl_index_gather(rows->dtype, numbers, 0, rows->elements, tfl_run_input(run, node, TABLE), output->bytes / rows->elements,
				 tfl_run_output(run, node, 0));
	return 0;
}

const struct tfl_op tfl_op_embedding_lookup = {
	.code = TFL_BUILTIN_EMBEDDING_LOOKUP,
	.options = TFL_OPTIONS_NONE,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 4,
	.name = "EMBEDDING_LOOKUP",
	.types = "iT:T ib:f",
	.prepare = prepare,
	.run = run,
};
