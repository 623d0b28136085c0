/* SPDX-License-Identifier: MIT */
/*
 * The table is indexed by the input's byte, whatever its sign, and holds the output's byte.
 */
#include "runtime/kernel_unary.h"

#include <errno.h>

#include "base/error.h"
#include "runtime/quant.h"

int tfl_unary_prepare(struct tfl_graph *graph, struct tfl_node *node, tfl_unary_function function, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	uint8_t *table;
	int r;

	r = tfl_check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, output, "output", error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
	if (r < 0 || input->dtype == TFL_FLOAT32)
		return r;
	node->params = table = tfl_graph_alloc(graph, 256);
	if (!table)
		return -ENOMEM;
	for (unsigned i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i;
		float value;

		tfl_dequantize(input->dtype, input->scale, input->zero_point, &byte, 1, &value);
		value = function(value);
		tfl_quantize(output->dtype, output->scale, output->zero_point, &value, 1, &table[i]);
	}
	return 0;
}

int tfl_unary_run(const struct tfl_run *run, const struct tfl_node *node, tfl_unary_function function)
{
	const struct tfl_value *value = tfl_node_input(run->graph, node, 0);
	const void *input = tfl_run_input(run, node, 0);
	void *output = tfl_run_output(run, node, 0);
	const uint8_t *table = node->params;

	if (table) {
		for (size_t i = 0; i < value->elements; i++)
			((uint8_t *)output)[i] = table[((const uint8_t *)input)[i]];
	} else {
		for (size_t i = 0; i < value->elements; i++)
			((float *)output)[i] = function(((const float *)input)[i]);
	}
	return 0;
}
