/* SPDX-License-Identifier: MIT */
/*
 * STRIDED_SLICE. The reference lists, for each dimension of the input, the positions that are taken, and whether the output has the dimension.
 */
#include <string.h>

#include "base/util.h"
#include "tests/runtime/kernel_movement.h"

enum { BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_AXIS_MASK };

#define POSITIONS_MAX 4096

/* Of one dimension. */
struct positions {
	int32_t count;
	int32_t at[POSITIONS_MAX];
	bool kept;
};

struct taken {
	struct positions positions[TFL_RANK_MAX];
	int32_t dims[TFL_RANK_MAX * 3]; /* of the output */
	unsigned rank;
};

static bool has(const struct kernel_case *c, unsigned mask, unsigned entry)
{
	return c->masks[mask] >> entry & 1;
}

/* As x[begin:end:stride] is defined: ends outside are cut to the nearest that the walk can reach. */
static void list_range(const struct kernel_case *c, unsigned entry, int64_t begin, int64_t end, int64_t stride, int64_t size, struct positions *ret)
{
	int64_t lowest = stride > 0 ? 0 : -1, highest = stride > 0 ? size : size - 1;

	begin = begin < 0 ? begin + size : begin;
	begin = begin < lowest ? lowest : begin > highest ? highest : begin;
	if (has(c, BEGIN_MASK, entry))
		begin = stride > 0 ? lowest : highest;
	if (c->flag)
		end += begin;
	end = end < 0 ? end + size : end;
	end = end < lowest ? lowest : end > highest ? highest : end;
	if (has(c, END_MASK, entry))
		end = stride > 0 ? highest : lowest;
	ret->kept = true;
	ret->count = 0;
	for (int64_t at = begin; stride > 0 ? at < end : at > end; at += stride)
		ret->at[ret->count++] = (int32_t)at;
}

static void list_entry(const struct kernel_case *c, unsigned entry, int32_t size, struct positions *ret)
{
	int64_t begin = kernel_integer(&c->inputs[1], entry), end = kernel_integer(&c->inputs[2], entry);
	int64_t stride = kernel_integer(&c->inputs[3], entry);

	if (!has(c, SHRINK_AXIS_MASK, entry)) {
		list_range(c, entry, begin, end, stride, size, ret);
		return;
	}
	*ret = (struct positions){.count = 1, .at = {(int32_t)(begin < 0 ? begin + size : begin)}};
	if (has(c, BEGIN_MASK, entry))
		ret->at[0] = stride > 0 ? 0 : size - 1;
}

static void list_whole(int32_t size, struct positions *ret)
{
	*ret = (struct positions){.count = size, .kept = true};
	for (int32_t i = 0; i < size; i++)
		ret->at[i] = i;
}

static void keep(struct taken *taken, unsigned d)
{
	if (taken->positions[d].kept)
		taken->dims[taken->rank++] = taken->positions[d].count;
}

static void list_all(const struct kernel_case *c, struct taken *taken)
{
	unsigned d = 0, rank = c->inputs[0].rank, entries = c->inputs[1].count, named = 0;

	taken->rank = 0;
	for (unsigned i = 0; i < entries; i++)
		named += !has(c, ELLIPSIS_MASK, i) && !has(c, NEW_AXIS_MASK, i);
	for (unsigned i = 0; i < entries; i++) {
		if (has(c, ELLIPSIS_MASK, i)) {
			for (unsigned k = named; k < rank; k++, d++) {
				list_whole(c->inputs[0].dims[d], &taken->positions[d]);
				keep(taken, d);
			}
		} else if (has(c, NEW_AXIS_MASK, i)) {
			taken->dims[taken->rank++] = 1;
		} else {
			list_entry(c, i, c->inputs[0].dims[d], &taken->positions[d]);
			keep(taken, d++);
		}
	}
	for (; d < rank; d++) {
		list_whole(c->inputs[0].dims[d], &taken->positions[d]);
		keep(taken, d);
	}
}

static void refer_strided_slice(const struct kernel_case *c, struct kernel_expected *expected)
{
	const struct kernel_tensor *input = &c->inputs[0];
	int32_t at[TFL_RANK_MAX], counts[TFL_RANK_MAX];
	struct taken *taken = calloc(1, sizeof(*taken));

	list_all(c, taken);
	kernel_expect_shape(expected, taken->rank, taken->dims);
	for (unsigned d = 0; d < input->rank; d++)
		counts[d] = taken->positions[d].count;
	for (size_t i = 0; i < expected->elements; i++) {
		kernel_unravel(i, input->rank, counts, at);
		for (unsigned d = 0; d < input->rank; d++)
			at[d] = taken->positions[d].at[at[d]];
		expected->element[i] = movement_element(input, kernel_ravel(input->rank, input->dims, at));
	}
	free(taken);
}

/* The lists while they grow. */
struct entries {
	int32_t begin[TFL_RANK_MAX * 2], end[TFL_RANK_MAX * 2], stride[TFL_RANK_MAX * 2];
	unsigned count;
};

static void draw_range(struct kernel_case *c, struct entries *entries, int32_t size)
{
	unsigned i = entries->count;

	if (kernel_one_in(c, 3))
		entries->stride[i] = kernel_between(c, 1, 3) * (kernel_one_in(c, 2) ? -1 : 1);
	entries->begin[i] = kernel_between(c, -size - 2, size + 1);
	entries->end[i] = kernel_between(c, -size - 2, size + 2);
	c->masks[BEGIN_MASK] |= (uint32_t)kernel_one_in(c, 3) << i;
	c->masks[END_MASK] |= (uint32_t)kernel_one_in(c, 3) << i;
}

/* An entry whose list may come at run time: one position, or all. */
static void draw_later(struct kernel_case *c, struct entries *entries, int32_t size)
{
	unsigned i = entries->count;

	entries->begin[i] = kernel_between(c, -size, size - 1);
	if (kernel_one_in(c, 2)) {
		c->masks[SHRINK_AXIS_MASK] |= 1u << i;
		return;
	}
	c->masks[BEGIN_MASK] |= 1u << i;
	c->masks[END_MASK] |= 1u << i;
}

static void draw_entries(struct kernel_case *c, struct entries *entries, bool later)
{
	const struct kernel_tensor *input = &c->inputs[0];
	bool ellipsis = false;

	/* Now and then the last dimensions are not named; behind an ellipsis they are. */
	for (unsigned d = 0; d < input->rank && (ellipsis || !kernel_one_in(c, 8)); entries->count++) {
		unsigned i = entries->count;

		entries->stride[i] = 1;
		if (kernel_one_in(c, 6) && i < 3) {
			c->masks[NEW_AXIS_MASK] |= 1u << i;
		} else if (kernel_one_in(c, 6) && !ellipsis) {
			ellipsis = true;
			c->masks[ELLIPSIS_MASK] |= 1u << i;
			d += (unsigned)kernel_between(c, 0, (int32_t)(input->rank - d));
		} else if (later || kernel_one_in(c, 4)) {
			draw_later(c, entries, input->dims[d++]);
		} else {
			draw_range(c, entries, input->dims[d++]);
		}
	}
}

static void draw_lists(struct kernel_case *c, const struct entries *entries)
{
	const int32_t *lists[] = {entries->begin, entries->end, entries->stride};
	enum tfl_dtype dtype = kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32;

	for (unsigned k = 0; k < TFL_ARRAY_SIZE(lists); k++) {
		memcpy(c->ints + c->int_count, lists[k], entries->count * sizeof(int32_t));
		c->int_count += entries->count;
		kernel_draw_list(c, &c->inputs[k + 1], dtype, k * entries->count, 1);
		c->inputs[k + 1].later = k < 2;
	}
	c->input_count = 4;
}

/* XNNPACK has it as a slice, reshaped where dimensions come and go. */
static bool is_slice(const struct kernel_case *c)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	bool slice = c->inputs[0].rank > 0;

	list_all(c, taken);
	for (unsigned d = 0; d < c->inputs[0].rank; d++) {
		const struct positions *positions = &taken->positions[d];

		slice &= positions->count == 1 || (positions->count > 1 && positions->at[1] == positions->at[0] + 1);
	}
	slice &= taken->rank <= 6;
	free(taken);
	return slice;
}

static void draw_strided_slice(struct kernel_case *c)
{
	int32_t dims[TFL_RANK_MAX];
	unsigned rank = movement_draw_dims(c, 0, 5, dims);
	struct entries entries = {.count = 0};
	bool later = kernel_one_in(c, 5);

	movement_draw_input(c, 0, rank, dims);
	draw_entries(c, &entries, later);
	c->flag = !later && kernel_one_in(c, 5);
	draw_lists(c, &entries);
	if (later && entries.count > 0)
		c->inputs[kernel_between(c, 1, 2)].constant = false;
	c->xnnpack = movement_is_known(c) && is_slice(c) && c->inputs[1].constant && c->inputs[2].constant;
}

/* The flag: ends count from the beginnings. */
static void options_strided_slice(struct kernel_case *c)
{
	int32_t masks[TFL_ARRAY_SIZE(c->masks)];

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(masks); i++)
		masks[i] = (int32_t)c->masks[i];
	c->options = tfl_options_ints(TFL_OPTIONS_STRIDED_SLICE, (struct tfl_ints){masks, TFL_ARRAY_SIZE(masks)});
	tfl_options_add_field(&c->options, (struct tfl_build_field){.slot = 5, .kind = TFL_BUILD_I8, .integer = c->flag});
}

const struct kernel_row kernel_strided_slice = {"STRIDED_SLICE", TFL_BUILTIN_STRIDED_SLICE, "fbBsilzx", draw_strided_slice,
						options_strided_slice, refer_strided_slice};
