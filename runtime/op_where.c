/* SPDX-License-Identifier: MIT */
/*
 * WHERE: the places of all elements that are not 0, a row of the output each. How many rows there are depends on the elements, so they must be
 * constants, and it is computed at load.
 */
#include "base/dtype.h"
#include "base/error.h"
#include "runtime/op.h"

/* A float of -0 is 0 too. */
static bool is_set(const struct tfl_value *value, size_t element)
{
	size_t size = tfl_dtype_size(value->dtype);
	const uint8_t *bytes = (const uint8_t *)value->data + element * size;
	bool set = false;

	if (value->dtype == TFL_FLOAT32)
		return ((const float *)value->data)[element] != 0;
	for (size_t i = 0; i < size; i++)
		set |= bytes[i] != 0;
	return set;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int32_t rows = 0;

	if (!input->data && input->elements > 0)
		return tfl_node_unsupported(graph, node, error, "its input is computed at run time, and with it the output's shape");
	for (size_t i = 0; i < input->elements; i++)
		rows += is_set(input, i);
	return tfl_node_set_shape(graph, node, 0, 2, (int32_t[]){rows, input->rank}, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 0);
	int64_t *row = tfl_run_output(run, node, 0);

	for (size_t i = 0; i < input->elements; i++) {
		size_t rest = i;

		if (!is_set(input, i))
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
