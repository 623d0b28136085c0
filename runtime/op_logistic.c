/* SPDX-License-Identifier: MIT */
/* LOGISTIC: 1 / (1 + exp(-x)), elementwise. */
#include <math.h>

#include "runtime/kernel_unary.h"
#include "runtime/lower.h"

static float logistic(float value)
{
	return 1.0f / (1.0f + expf(-value));
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return tfl_unary_prepare(graph, node, logistic, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	uint32_t input, output;
	int r = tfl_lower_values(lower, node, 1, &input, &output);

	return r ? r : tfl_lower_status(xnn_define_unary(lower->subgraph, xnn_unary_sigmoid, NULL, input, output, 0));
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	return tfl_unary_run(run, node, logistic);
}

const struct tfl_op tfl_op_logistic = {
	.code = TFL_BUILTIN_LOGISTIC,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 3,
	.name = "LOGISTIC",
	.types = "f:f b:b B:B",
	.prepare = prepare,
	.lower = lower,
	.run = run,
};
