/* SPDX-License-Identifier: MIT */
/*
 * ARG_MAX, ARG_MIN: where along an axis the greatest or smallest element stands; the first of equal ones. The axis is the constant second
 * input and is gone from the output.
 */
#include <errno.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/op.h"
#include "runtime/shape.h"

enum { OUTPUT_TYPE };

/* TensorType, as the options say it. */
enum { TYPE_INT32 = 2, TYPE_INT64 = 4 };

struct params {
	struct tfl_along along;
	void (*find)(const struct tfl_along *along, const void *input, bool wide, void *output);
};

static void store(void *output, bool wide, size_t at, size_t index)
{
	if (wide)
		((int64_t *)output)[at] = (int64_t)index;
	else
		((int32_t *)output)[at] = (int32_t)index;
}

#define DEFINE_FIND(name, type, comparison) \
	static void find_##name(const struct tfl_along *along, const void *input, bool wide, void *output) \
	{ \
		const type *from = input; \
\
		for (size_t outer = 0; outer < along->outer; outer++, from += along->size * along->inner) { \
			for (size_t inner = 0; inner < along->inner; inner++) { \
				type best = from[inner]; \
				size_t index = 0; \
\
				for (size_t i = 1; i < along->size; i++) { \
					type x = from[i * along->inner + inner]; \
\
					if (x comparison best) { \
						best = x; \
						index = i; \
					} \
				} \
				store(output, wide, outer * along->inner + inner, index); \
			} \
		} \
	}

#define DEFINE_BOTH(name, type) \
	DEFINE_FIND(max_##name, type, >) \
	DEFINE_FIND(min_##name, type, <)

DEFINE_BOTH(float32, float)
DEFINE_BOTH(int8, int8_t)
DEFINE_BOTH(uint8, uint8_t)
DEFINE_BOTH(int32, int32_t)

static const struct {
	enum tfl_dtype dtype;
	void (*max)(const struct tfl_along *along, const void *input, bool wide, void *output);
	void (*min)(const struct tfl_along *along, const void *input, bool wide, void *output);
} kinds[] = {
	{TFL_FLOAT32, find_max_float32, find_min_float32},
	{TFL_INT8, find_max_int8, find_min_int8},
	{TFL_UINT8, find_max_uint8, find_min_uint8},
	{TFL_BOOL, find_max_uint8, find_min_uint8},
	{TFL_INT32, find_max_int32, find_min_int32},
};

static int check_output_type(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	enum tfl_dtype dtype = tfl_node_output(graph, node, 0)->dtype;
	int type = tfl_fb_i8(&node->source->options, OUTPUT_TYPE, 0);

	if (!tfl_fb_has(&node->source->options, OUTPUT_TYPE) || type == (dtype == TFL_INT32 ? TYPE_INT32 : TYPE_INT64))
		return 0;
	return tfl_node_invalid(graph, node, error, "its options give the output the type number %d, but the output is %s", type,
				tfl_dtype_to_string(dtype));
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	int32_t dims[TFL_RANK_MAX];
	unsigned axis, rank = 0;
	int r;

	if (!params)
		return -ENOMEM;
	r = tfl_const_axis(graph, node, 1, input->rank, &axis, error);
	if (r == 0)
		r = check_output_type(graph, node, error);
	if (r < 0)
		return r;
	if (input->dims[axis] < 1)
		return tfl_node_invalid(graph, node, error, "along axis %u the input has no elements to look for one", axis);
	params->along = tfl_along(input->dims, input->rank, axis);
	for (unsigned d = 0; d < input->rank; d++)
		if (d != axis)
			dims[rank++] = input->dims[d];
	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++)
		if (kinds[i].dtype == input->dtype)
			params->find = node->source->code == TFL_BUILTIN_ARG_MAX ? kinds[i].max : kinds[i].min;
	return tfl_node_set_shape(graph, node, 0, rank, dims, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);

	if (output->elements > 0)
		params->find(&params->along, tfl_run_input(run, node, 0), output->dtype == TFL_INT64, tfl_run_output(run, node, 0));
	return 0;
}

#define DEFINE_OP(symbol, builtin, union_tag) \
	const struct tfl_op tfl_op_##symbol = { \
		.code = TFL_BUILTIN_##builtin, \
		.options = union_tag, \
		.inputs_min = 2, \
		.inputs_max = 2, \
		.outputs = 1, \
		.max_version = 3, \
		.name = #builtin, \
		.types = "fN:N bN:N BN:N iN:N zN:N", \
		.prepare = prepare, \
		.run = run, \
	};

DEFINE_OP(arg_max, ARG_MAX, TFL_OPTIONS_ARG_MAX)
DEFINE_OP(arg_min, ARG_MIN, TFL_OPTIONS_ARG_MIN)
