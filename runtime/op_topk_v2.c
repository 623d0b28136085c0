/* SPDX-License-Identifier: MIT */
/*
 * TOPK_V2: the k greatest elements of each row (the last dimension), in falling order, and where they stand. Of equal elements the one that
 * stands first comes first. k is the constant second input.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/kernel_top.h"
#include "runtime/op.h"

enum { VALUES, INDICES };

struct params {
	size_t rows, size, k;
	tfl_before before;
};

#define DEFINE_BEFORE(name, type) \
	static bool before_##name(const void *values, int32_t a, int32_t b) \
	{ \
		const type *v = values; \
\
		return v[a] > v[b] || (v[a] == v[b] && a < b); \
	}

DEFINE_BEFORE(int8, int8_t)
DEFINE_BEFORE(uint8, uint8_t)
DEFINE_BEFORE(int16, int16_t)
DEFINE_BEFORE(int32, int32_t)
DEFINE_BEFORE(int64, int64_t)

static const struct {
	enum tfl_dtype dtype;
	tfl_before before;
} orders[] = {
	{TFL_FLOAT32, tfl_before_float32_stable}, {TFL_INT8, before_int8},   {TFL_UINT8, before_uint8},
	{TFL_INT16, before_int16},                {TFL_INT32, before_int32}, {TFL_INT64, before_int64},
};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t dims[TFL_RANK_MAX], k = 0;
	unsigned count;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 1, 1, &k, &count, error);
	if (r < 0)
		return r;
	if (input->rank < 1)
		return tfl_node_invalid(graph, node, error, "the input has no dimensions; at least one is right");
	memcpy(dims, input->dims, sizeof(dims));
	params->size = (size_t)dims[input->rank - 1];
	if (count != 1 || k < 0 || (size_t)k > params->size)
		return tfl_node_invalid(graph, node, error, "it looks for the %d greatest of %zu; one number, 0 to %zu, is right", k,
					params->size, params->size);
	params->k = (size_t)k;
	params->rows = params->size ? input->elements / params->size : 0;
	dims[input->rank - 1] = k;
	for (size_t i = 0; i < TFL_ARRAY_SIZE(orders); i++)
		if (orders[i].dtype == input->dtype)
			params->before = orders[i].before;
	r = tfl_node_set_shape(graph, node, VALUES, input->rank, dims, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, INDICES, input->rank, dims, error);
	return r < 0 ? r : tfl_node_charge(graph, node, input->elements, 64, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	size_t element = tfl_dtype_size(tfl_node_input(run->graph, node, 0)->dtype);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *values = tfl_run_output(run, node, VALUES);
	int32_t *indices = tfl_run_output(run, node, INDICES);

	for (size_t row = 0; row < params->rows; row++) {
		tfl_top(from, params->size, params->k, params->before, indices);
		for (size_t i = 0; i < params->k; i++, values += element)
			memcpy(values, from + (size_t)indices[i] * element, element);
		indices += params->k;
		from += params->size * element;
	}
	return 0;
}

const struct tfl_op tfl_op_topk_v2 = {
	.code = TFL_BUILTIN_TOPK_V2,
	.options = TFL_OPTIONS_TOPK_V2,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 2,
	.max_version = 3,
	.name = "TOPK_V2",
	.types = "fN:fi bN:bi BN:Bi sN:si iN:ii lN:li",
	.prepare = prepare,
	.run = run,
};
