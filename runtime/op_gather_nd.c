/* SPDX-License-Identifier: MIT */
/*
 * GATHER_ND: the last dimension of the indices names a place in the first so many dimensions of the input; the output has, for each of them,
 * the slice that lies there. SCATTER_ND: the other way round, slices of the second input are put where the first names, into zeros of the
 * shape that the constant third lists; slices with one place are added up.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/kernel_index.h"
#include "runtime/kernel_move.h"

/* The tensor with places in it, and how the indices name them. */
struct places {
	uint32_t input; /* the indices' */
	size_t count;   /* of places */
	unsigned columns;
	int32_t dims[TFL_RANK_MAX];
	size_t steps[TFL_RANK_MAX]; /* slices from one position of a named dimension to the next */
	size_t bytes;               /* of a slice */
};

/* How many dimensions of @p rank the indices name; -EINVAL when there are not so many. */
static int read_columns(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, unsigned rank, unsigned *ret_columns,
			struct tfl_error *error)
{
	const struct tfl_value *indices = tfl_node_input(graph, node, input);

	if (indices->rank == 0)
		return tfl_node_invalid(graph, node, error, "the indices have no dimension");
	if (indices->dims[indices->rank - 1] > (int32_t)rank)
		return tfl_node_invalid(graph, node, error, "the indices name %d dimensions; there are %u", indices->dims[indices->rank - 1], rank);
	*ret_columns = (unsigned)indices->dims[indices->rank - 1];
	return 0;
}

static void init_places(struct places *places, const struct tfl_value *indices, const struct tfl_value *tensor)
{
	size_t slices = 1;

	places->count = 1;
	for (unsigned d = 0; d + 1 < indices->rank; d++)
		places->count *= (size_t)indices->dims[d];
	places->bytes = tfl_dtype_size(tensor->dtype);
	for (unsigned d = places->columns; d < tensor->rank; d++)
		places->bytes *= (size_t)tensor->dims[d];
	for (unsigned d = places->columns; d-- > 0; slices *= (size_t)tensor->dims[d]) {
		places->dims[d] = tensor->dims[d];
		places->steps[d] = slices;
	}
}

static int check_places(const struct tfl_graph *graph, const struct tfl_node *node, const struct places *places, const void *data,
			struct tfl_error *error)
{
	int r = 0;

	for (unsigned c = 0; r == 0 && c < places->columns; c++)
		r = tfl_index_check(graph, node, places->input, data, c, places->columns, places->dims[c], error);
	return r;
}

/* Constant indices are checked once, here. */
static int check_constant(const struct tfl_graph *graph, const struct tfl_node *node, const struct places *places, struct tfl_error *error)
{
	const struct tfl_value *indices = tfl_node_input(graph, node, places->input);

	return indices->data ? check_places(graph, node, places, indices->data, error) : 0;
}

static int prepare_gather(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *indices = tfl_node_input(graph, node, 1);
	struct places *places = node->params = tfl_graph_alloc(graph, sizeof(*places));
	int32_t dims[2 * TFL_RANK_MAX];
	unsigned rank = 0;
	int r;

	if (!places)
		return -ENOMEM;
	places->input = 1;
	r = read_columns(graph, node, places->input, input->rank, &places->columns, error);
	if (r < 0)
		return r;
	for (unsigned d = 0; d + 1 < indices->rank; d++)
		dims[rank++] = indices->dims[d];
	for (unsigned d = places->columns; d < input->rank; d++)
		dims[rank++] = input->dims[d];
	r = tfl_node_set_shape(graph, node, 0, rank, dims, error);
	if (r < 0)
		return r;
	init_places(places, indices, input);
	return check_constant(graph, node, places, error);
}

/* Whether the updates have the shape of the places with that of a slice behind it. */
static bool fits(const struct tfl_value *updates, const struct tfl_value *indices, const struct tfl_value *output, unsigned columns)
{
	unsigned named = indices->rank - 1u;

	if (updates->rank != named + output->rank - columns)
		return false;
	for (unsigned d = 0; d < updates->rank; d++)
		if (updates->dims[d] != (d < named ? indices->dims[d] : output->dims[d - named + columns]))
			return false;
	return true;
}

static int prepare_scatter(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *indices = tfl_node_input(graph, node, 0), *updates = tfl_node_input(graph, node, 1);
	const struct tfl_value *output = tfl_node_output(graph, node, 0);
	struct places *places = node->params = tfl_graph_alloc(graph, sizeof(*places));
	char shapes[3][TFL_SHAPE_STRING_MAX];
	int32_t dims[TFL_RANK_MAX];
	unsigned rank;
	int r;

	if (!places)
		return -ENOMEM;
	r = tfl_node_const_ints(graph, node, 2, TFL_RANK_MAX, dims, &rank, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, 0, rank, dims, error);
	if (r == 0)
		r = read_columns(graph, node, places->input, rank, &places->columns, error);
	if (r < 0)
		return r;
	if (!fits(updates, indices, output, places->columns))
		return tfl_node_invalid(graph, node, error, "updates of %s do not fit indices of %s into an output of %s",
					tfl_shape_to_string(updates->dims, updates->rank, shapes[0], sizeof(shapes[0])),
					tfl_shape_to_string(indices->dims, indices->rank, shapes[1], sizeof(shapes[1])),
					tfl_shape_to_string(output->dims, output->rank, shapes[2], sizeof(shapes[2])));
	init_places(places, indices, output);
	return check_constant(graph, node, places, error);
}

/* Bytes in front of the slice at a place. */
static size_t find_place(const struct places *places, enum tfl_dtype dtype, const void *data, size_t place)
{
	size_t slice = 0;

	for (unsigned c = 0; c < places->columns; c++)
		slice += (size_t)tfl_index_at(dtype, data, place * places->columns + c) * places->steps[c];
	return slice * places->bytes;
}

static int run_gather(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct places *places = node->params;
	const struct tfl_value *indices = tfl_node_input(run->graph, node, 1);
	const void *data = tfl_run_input(run, node, 1);
	const uint8_t *from = tfl_run_input(run, node, 0);
	uint8_t *to = tfl_run_output(run, node, 0);
	int r = 0;

	if (!indices->data)
		r = check_places(run->graph, node, places, data, error);
	if (r < 0 || places->bytes == 0)
		return r;
	for (size_t i = 0; i < places->count; i++)
		memcpy(to + i * places->bytes, from + find_place(places, indices->dtype, data, i), places->bytes);
	return 0;
}

/* Integers wrap. */
#define DEFINE_ADD(name, type, operator)                                             \
	static void add_##name(void *to, const void *from, size_t count)             \
	{                                                                            \
		type *sums = to;                                                     \
		const type *updates = from;                                          \
                                                                                     \
		for (size_t i = 0; i < count; i++)                                   \
			sums[i] = (type)(sums[i] operator updates[i]);               \
	}

DEFINE_ADD(float32, float, +)
DEFINE_ADD(int8, uint8_t, +)
DEFINE_ADD(int16, uint16_t, +)
DEFINE_ADD(int32, uint32_t, +)
DEFINE_ADD(int64, uint64_t, +)
DEFINE_ADD(bool, uint8_t, |)

typedef void (*adder)(void *to, const void *from, size_t count);

static const adder adders[TFL_DTYPE_COUNT] = {
	[TFL_FLOAT32] = add_float32, [TFL_INT8] = add_int8,   [TFL_UINT8] = add_int8, [TFL_INT16] = add_int16,
	[TFL_INT32] = add_int32,     [TFL_INT64] = add_int64, [TFL_BOOL] = add_bool,
};

static int run_scatter(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct places *places = node->params;
	const struct tfl_value *indices = tfl_node_input(run->graph, node, 0), *output = tfl_node_output(run->graph, node, 0);
	const void *data = tfl_run_input(run, node, 0);
	const uint8_t *from = tfl_run_input(run, node, 1);
	uint8_t *to = tfl_run_output(run, node, 0);
	adder add = adders[output->dtype];
	int r = 0;

	if (!indices->data)
		r = check_places(run->graph, node, places, data, error);
	if (r < 0)
		return r;
	memset(to, 0, output->bytes);
	for (size_t i = 0; places->bytes > 0 && i < places->count; i++)
		add(to + find_place(places, indices->dtype, data, i), from + i * places->bytes, places->bytes / tfl_dtype_size(output->dtype));
	return 0;
}

const struct tfl_op tfl_op_gather_nd = {
	.code = TFL_BUILTIN_GATHER_ND,
	.options = TFL_OPTIONS_GATHER_ND,
	.inputs_min = 2,
	.inputs_max = 2,
	.outputs = 1,
	.max_version = 5,
	.name = "GATHER_ND",
	.types = "TN:T Ts:T",
	.prepare = prepare_gather,
	.run = run_gather,
};

const struct tfl_op tfl_op_scatter_nd = {
	.code = TFL_BUILTIN_SCATTER_ND,
	.options = TFL_OPTIONS_SCATTER_ND,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 1,
	.max_version = 1,
	.name = "SCATTER_ND",
	.types = "NfN:f NbN:b NBN:B NsN:s NiN:i NlN:l NzN:z",
	.prepare = prepare_scatter,
	.run = run_scatter,
};
