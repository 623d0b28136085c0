/* SPDX-License-Identifier: MIT */
/*
 * Operators that are told by indices where elements lie: EMBEDDING_LOOKUP, GATHER, GATHER_ND, ONE_HOT, SCATTER_ND. Indices come with the file or
 * at run time.
 */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "tests/runtime/kernel_movement.h"

static enum tfl_dtype draw_index_type(struct kernel_case *c)
{
	static const enum tfl_dtype dtypes[] = {TFL_INT16, TFL_INT32, TFL_INT32, TFL_INT64};

	return dtypes[kernel_between(c, 0, TFL_ARRAY_SIZE(dtypes) - 1)];
}

/* c->ints[0]: batch dimensions, counted as the options say them. */
static void draw_gather(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX], places[TFL_RANK_MAX], batches;
	unsigned rank = movement_draw_dims(c, 1, 5, dims), extra = (unsigned)kernel_between(c, 0, 2);

	movement_draw_input(c, 0, rank, dims);
	c->axis = kernel_between(c, 0, (int32_t)rank - 1);
	batches = kernel_one_in(c, 2) ? 0 : kernel_between(c, 0, c->axis);
	memcpy(places, dims, sizeof(places));
	for (unsigned d = 0; d < extra; d++)
		places[(unsigned)batches + d] = kernel_between(c, 1, 4);
	kernel_draw_indices(c, &c->inputs[1], draw_index_type(c), (unsigned)batches + extra, places, 1, &dims[c->axis]);
	c->inputs[1].constant = kernel_one_in(c, 3);
	c->input_count = 2;
	c->axis = movement_draw_sign(c, c->axis, rank);
	c->ints[c->int_count++] = extra > 0 ? movement_draw_sign(c, batches, (unsigned)batches + extra) : batches;
}

static void options_gather(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_GATHER, TFL_INTS(c->axis, c->ints[0]));
}

static void refer_gather(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0], *indices = &c->inputs[1];
	unsigned axis = movement_axis(c->axis, input->rank), batches = movement_axis(c->ints[0], indices->rank);
	unsigned rank = 0, extra = indices->rank - batches;
	int32_t dims[2 * TFL_RANK_MAX], at[2 * TFL_RANK_MAX], from[TFL_RANK_MAX], place[TFL_RANK_MAX];

	for (unsigned d = 0; d < axis; d++)
		dims[rank++] = input->dims[d];
	for (unsigned d = batches; d < indices->rank; d++)
		dims[rank++] = indices->dims[d];
	for (unsigned d = axis + 1; d < input->rank; d++)
		dims[rank++] = input->dims[d];
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, rank, dims, at);
		for (unsigned d = 0; d < indices->rank; d++)
			place[d] = d < batches ? at[d] : at[axis + d - batches];
		for (unsigned d = 0; d < input->rank; d++)
			from[d] = d < axis ? at[d] : at[d + extra - (d > axis)];
		from[axis] = (int32_t)kernel_integer(indices, kernel_ravel(indices->rank, indices->dims, place));
		expected->element[i] = movement_element(input, kernel_ravel(input->rank, input->dims, from));
	}
}

/* Indices that name the first so many of the dimensions. */
static unsigned draw_places(struct kernel_case *c, unsigned index, enum tfl_dtype dtype, unsigned rank, const int32_t *dims)
{
	unsigned columns = (unsigned)kernel_between(c, kernel_one_in(c, 10) ? 0 : 1, (int32_t)rank), outer = (unsigned)kernel_between(c, 0, 2);
	int32_t places[TFL_RANK_MAX];

	for (unsigned d = 0; d < outer; d++)
		places[d] = kernel_between(c, 1, 4);
	places[outer] = (int32_t)columns;
	kernel_draw_indices(c, &c->inputs[index], dtype, outer + 1, places, columns, dims);
	c->inputs[index].constant = kernel_one_in(c, 3);
	return columns;
}

/* The slice that a place names, as the number of its first element. */
static size_t find_slice(const struct kernel_tensor *indices, size_t place, const int32_t *dims, unsigned rank)
{
	int32_t columns = indices->dims[indices->rank - 1], at[TFL_RANK_MAX] = {0};

	for (int32_t k = 0; k < columns; k++)
		at[k] = (int32_t)kernel_integer(indices, place * (size_t)columns + (size_t)k);
	return kernel_ravel(rank, dims, at);
}

static void draw_gather_nd(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 1, 5, dims);

	movement_draw_input(c, 0, rank, dims);
	draw_places(c, 1, draw_index_type(c), rank, dims);
	c->input_count = 2;
}

static void options_gather_nd(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_GATHER_ND);
}

static void refer_gather_nd(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0], *indices = &c->inputs[1];
	unsigned outer = indices->rank - 1, columns = (unsigned)indices->dims[outer], rank = outer;
	int32_t dims[2 * TFL_RANK_MAX];
	size_t slice = 1;

	memcpy(dims, indices->dims, outer * sizeof(*dims));
	for (unsigned d = columns; d < input->rank; d++) {
		dims[rank++] = input->dims[d];
		slice *= (size_t)input->dims[d];
	}
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i] = movement_element(input, find_slice(indices, i / slice, input->dims, input->rank) + i % slice);
}

static void draw_scatter_nd(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX], updates[2 * TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 1, 5, dims), columns, outer;

	memcpy(c->ints, dims, rank * sizeof(*dims));
	c->int_count = rank;
	kernel_draw_ints(c, &c->inputs[2], 1);
	columns = draw_places(c, 0, kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32, rank, dims);
	outer = c->inputs[0].rank - 1;
	memcpy(updates, c->inputs[0].dims, outer * sizeof(*updates));
	memcpy(updates + outer, dims + columns, (rank - columns) * sizeof(*updates));
	movement_draw_input(c, 1, outer + rank - columns, updates);
	c->input_count = 3;
}

static void options_scatter_nd(struct kernel_case *c)
{
	c->options = tfl_options_empty(TFL_OPTIONS_SCATTER_ND);
}

/* The value of a sum in its type: integers wrap, booleans are true once one is. */
static double wrap(enum tfl_dtype dtype, int64_t sum)
{
	switch (dtype) {
	case TFL_BOOL:
		return sum != 0;
	case TFL_INT8:
		return (int8_t)sum;
	case TFL_UINT8:
		return (uint8_t)sum;
	case TFL_INT16:
		return (int16_t)sum;
	case TFL_INT32:
		return (int32_t)sum;
	default:
		return (double)sum;
	}
}

static void refer_scatter_nd(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *indices = &c->inputs[0], *updates = &c->inputs[1];
	unsigned rank = c->int_count, columns = (unsigned)indices->dims[indices->rank - 1];
	size_t slice = 1;

	kernel_expect_shape(expected, rank, c->ints);
	for (unsigned d = columns; d < rank; d++)
		slice *= (size_t)c->ints[d];
	for (size_t i = 0; i < expected->elements; i++) {
		double real = 0, magnitude = 0;
		int64_t sum = 0;

		for (size_t u = 0; u < updates->elements; u++) {
			if (find_slice(indices, u / slice, c->ints, rank) + u % slice != i)
				continue;
			real += c->type == 'f' ? kernel_real(updates, u) : 0;
			magnitude += fabs(real);
			sum += c->type == 'f' ? 0 : kernel_integer(updates, u);
		}
		expected->element[i].value = c->type == 'f' ? real : wrap(c->output.dtype, sum);
		expected->element[i].slack = KERNEL_FLOAT_ERROR * magnitude;
	}
}

/* Types with a table of int8 have one scale, or one for each row. */
static void draw_embedding_lookup(struct kernel_case *c)
{
	bool scaled = c->type == 'd' || c->type == 'e';
	struct kernel_tensor *table = &c->inputs[1];
	int32_t dims[TFL_RANK_MAX];
	unsigned rank;

	rank = movement_draw_dims(c, 2, 4, dims);
	movement_draw_input(c, 1, rank, dims);
	if (scaled) {
		kernel_draw_tensor(c, table, TFL_INT8, rank, dims);
		table->zero_point = 0;
		table->scale_count = c->type == 'e' ? (uint32_t)dims[0] : 1;
		for (uint32_t i = 0; i < table->scale_count; i++)
			table->scales[i] = exp2f(tfl_random_uniform(&c->random, -8, -2));
	}
	kernel_draw_indices(c, &c->inputs[0], TFL_INT32, 1, (int32_t[]){kernel_between(c, 1, 5)}, 1, dims);
	c->inputs[0].constant = kernel_one_in(c, 3);
}

static void refer_embedding_lookup(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *rows = &c->inputs[0], *table = &c->inputs[1];
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX];

	memcpy(dims, table->dims, sizeof(dims));
	dims[0] = rows->dims[0];
	kernel_expect_shape(expected, table->rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		size_t from;

		kernel_unravel(i, table->rank, dims, at);
		at[0] = (int32_t)kernel_integer(rows, (size_t)at[0]);
		from = kernel_ravel(table->rank, table->dims, at);
		if (table->dtype == c->output.dtype)
			expected->element[i] = movement_element(table, from);
		else
			expected->element[i] = (struct kernel_element){.value = (double)(table->scales[table->scale_count > 1 ? at[0] : 0] *
											 (float)kernel_integer(table, from))};
	}
}

static void draw_one_hot(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX], depth = kernel_between(c, 1, 5);
	unsigned rank = movement_draw_dims(c, 0, 5, dims);

	kernel_draw_indices(c, &c->inputs[0], kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32, rank, dims, 1, &depth);
	c->inputs[0].anywhere = true;
	for (size_t i = 0; i < c->inputs[0].elements; i++)
		if (kernel_one_in(c, 6))
			kernel_set_integer(&c->inputs[0], i, kernel_between(c, -2, 8));
	c->ints[c->int_count++] = depth;
	kernel_draw_list(c, &c->inputs[1], TFL_INT32, 0, kernel_one_in(c, 2));
	for (unsigned i = 2; i < 4; i++) {
		kernel_draw_tensor(c, &c->inputs[i], c->output.dtype, 0, dims);
		kernel_copy_quantization(&c->inputs[i], &c->output);
	}
	c->input_count = 4;
	kernel_draw_constants(c);
	c->axis = movement_draw_sign(c, kernel_between(c, 0, (int32_t)rank), rank + 1);
}

static void options_one_hot(struct kernel_case *c)
{
	c->options = tfl_options_ints(TFL_OPTIONS_ONE_HOT, TFL_INTS(c->axis));
}

static void refer_one_hot(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *indices = &c->inputs[0];
	unsigned rank = indices->rank + 1, axis = movement_axis(c->axis, rank);
	int32_t dims[TFL_RANK_MAX], at[TFL_RANK_MAX], place[TFL_RANK_MAX];

	for (unsigned d = 0, k = 0; d < rank; d++)
		dims[d] = d == axis ? c->ints[0] : indices->dims[k++];
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++) {
		int64_t index;

		kernel_unravel(i, rank, dims, at);
		for (unsigned d = 0, k = 0; d < rank; d++)
			if (d != axis)
				place[k++] = at[d];
		index = kernel_integer(indices, kernel_ravel(rank - 1, indices->dims, place));
		expected->element[i] = movement_element(&c->inputs[index == at[axis] ? 2 : 3], 0);
	}
}

const struct kernel_row kernel_embedding_lookup = {"EMBEDDING_LOOKUP", TFL_BUILTIN_EMBEDDING_LOOKUP, "fbBsilzde", draw_embedding_lookup, NULL,
						   refer_embedding_lookup};
const struct kernel_row kernel_gather = {"GATHER", TFL_BUILTIN_GATHER, "fbBsilzx", draw_gather, options_gather, refer_gather};
const struct kernel_row kernel_gather_nd = {"GATHER_ND", TFL_BUILTIN_GATHER_ND, "fbBsilz", draw_gather_nd, options_gather_nd, refer_gather_nd};
const struct kernel_row kernel_one_hot = {"ONE_HOT", TFL_BUILTIN_ONE_HOT, "fbBsilz", draw_one_hot, options_one_hot, refer_one_hot};
const struct kernel_row kernel_scatter_nd = {"SCATTER_ND", TFL_BUILTIN_SCATTER_ND, "fbBsilz", draw_scatter_nd, options_scatter_nd,
					     refer_scatter_nd};
