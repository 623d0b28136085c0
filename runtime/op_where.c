/* SPDX-License-Identifier: MIT */
/*
 * WHERE: the places of all elements that are not 0, a row of the output each. How many rows there are depends on the elements: of a constant
 * it is known at load, else the output is late.
 */
#include "base/dtype.h"
#include "base/error.h"
#include "runtime/call.h"

/* A float of -0 is 0 too. */
static bool is_set(const struct tfl_value *value, const void *data, size_t element)
{
	size_t size = tfl_dtype_size(value->dtype);
	const uint8_t *bytes = (const uint8_t *)data + element * size;
	bool set = false;

	if (value->dtype == TFL_FLOAT32)
		return ((const float *)data)[element] != 0;
	for (size_t i = 0; i < size; i++)
		set |= bytes[i] != 0;
	return set;
}

static int32_t count_rows(const struct tfl_value *value, const void *data)
{
	int32_t rows = 0;

	for (size_t i = 0; i < value->elements; i++)
		rows += is_set(value, data, i);
	return rows;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);

	if (!input->data && input->elements > 0)
		return tfl_node_set_late(graph, node, 0);
	return tfl_node_set_shape(graph, node, 0, 2, (int32_t[]){count_rows(input, input->data), input->rank}, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0);
	const void *data = tfl_run_input(run, node, 0);
	void *memory;
	int64_t *row;
	int r;

	r = tfl_run_resize(run, node, 0, 2, (int32_t[]){count_rows(input, data), input->rank}, &memory, error);
	if (r < 0)
		return r;
	row = memory;
	for (size_t i = 0; i < input->elements; i++) {
		size_t rest = i;

		if (!is_set(input, data, i))
			continue;
		for (unsigned d = input->rank; d-- > 0; rest /= (size_t)input->dims[d])
			row[d] = (int64_t)(rest % (size_t)input->dims[d]);
		row += input->rank;
	}
	return 0;
}

const struct tfl_op tfl_op_where = {
	.code = TFL_BUILTIN_WHERE,
	.options = TFL_OPTIONS_WHERE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 2,
	.name = "WHERE",
	.types = "z:l f:l i:l l:l b:l B:l",
	.prepare = prepare,
	.run = run,
};
