/* SPDX-License-Identifier: MIT */
/* Weights and bias are buffers of the file that tensors of two subgraphs name, as converters write what several signatures share. */
#include "tests/runtime/entry_sample.h"

#include "tests/runtime/brief.h"

#define ROWS TFL_INTS(1, ENTRY_COLUMNS)
#define ANY_ROWS TFL_INTS(-1, ENTRY_COLUMNS)

const float entry_sample_weights[ENTRY_COLUMNS * ENTRY_COLUMNS] = {1, 2, 0, -1, 0, 1, -3, 0, 2, 0, 0, 1, -1, -1, 1, 0.5f};
const float entry_sample_bias[ENTRY_COLUMNS] = {0.5f, -1, 2, 0};

static int rows(struct tfl_builder *b, const char *name)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = name, .dims = ROWS, .signature = ANY_ROWS});
}

static int shared(struct tfl_builder *b, int buffer, struct tfl_ints dims)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "shared", .dims = dims, .buffer = (uint32_t)buffer});
}

static void sign(struct tfl_builder *b, const char *key, uint32_t subgraph, int input, const struct tfl_build_binding *outputs, uint32_t count)
{
	const struct tfl_build_binding in = {"x", (uint32_t)input};

	tfl_build_signature(b, &(struct tfl_build_signature){key, subgraph, &in, outputs, 1, count});
}

static void add_weigh(struct tfl_builder *b, int weights, int bias)
{
	int x = rows(b, "rows"), w = shared(b, weights, TFL_INTS(ENTRY_COLUMNS, ENTRY_COLUMNS)), c = shared(b, bias, TFL_INTS(ENTRY_COLUMNS));
	int y = rows(b, "weighed");

	op(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(x, w, c), TFL_INTS(y), tfl_options_fully_connected(0, false));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	sign(b, "weigh", ENTRY_WEIGH, x, &(struct tfl_build_binding){"y", (uint32_t)y}, 1);
}

static void add_clip(struct tfl_builder *b, int weights, int bias)
{
	static const int32_t pairs[2] = {-1, 2}, along = 1;
	int x, w, c, y, shape, z, axis, sum;

	tfl_build_subgraph(b, "clip");
	x = rows(b, "rows");
	w = shared(b, weights, TFL_INTS(ENTRY_COLUMNS, ENTRY_COLUMNS));
	c = shared(b, bias, TFL_INTS(ENTRY_COLUMNS));
	y = rows(b, "clipped");
	shape = constant(b, TFL_INT32, TFL_INTS(2), pairs, sizeof(pairs));
	z = tensor(b, TFL_FLOAT32, TFL_INTS(2, 2));
	axis = constant(b, TFL_INT32, TFL_INTS(1), &along, sizeof(along));
	sum = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	op(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(x, w, c), TFL_INTS(y), tfl_options_fully_connected(1, false));
	op(b, TFL_BUILTIN_RESHAPE, TFL_INTS(y, shape), TFL_INTS(z), none());
	op(b, TFL_BUILTIN_SUM, TFL_INTS(z, axis), TFL_INTS(sum), tfl_options_reducer(false));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(z, sum));
	sign(b, "clip", ENTRY_CLIP, x, (const struct tfl_build_binding[]){{"sum", (uint32_t)sum}, {"z", (uint32_t)z}}, 2);
}

static void add_broken(struct tfl_builder *b)
{
	int x, y;

	tfl_build_subgraph(b, "broken");
	x = rows(b, "rows");
	y = rows(b, "never");
	op(b, TFL_BUILTIN_SKIP_GRAM, TFL_INTS(x), TFL_INTS(y), none());
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	sign(b, "broken", ENTRY_BROKEN, x, &(struct tfl_build_binding){"y", (uint32_t)y}, 1);
}

static void add_twice(struct tfl_builder *b)
{
	static const int32_t eight[1] = {2 * ENTRY_COLUMNS};
	int x, y, shape, z;

	tfl_build_subgraph(b, "twice");
	x = rows(b, "rows");
	y = tensor(b, TFL_FLOAT32, TFL_INTS(1, 2 * ENTRY_COLUMNS));
	shape = constant(b, TFL_INT32, TFL_INTS(1), eight, sizeof(eight));
	z = tensor(b, TFL_FLOAT32, TFL_INTS(2 * ENTRY_COLUMNS));
	op(b, TFL_BUILTIN_CONCATENATION, TFL_INTS(x, x), TFL_INTS(y), tfl_options_concatenation(1, 0));
	op(b, TFL_BUILTIN_RESHAPE, TFL_INTS(y, shape), TFL_INTS(z), none());
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(z));
	sign(b, "twice", ENTRY_TWICE, x, &(struct tfl_build_binding){"z", (uint32_t)z}, 1);
}

void entry_sample_build(struct tfl_builder *b)
{
	int weights = tfl_build_buffer(b, entry_sample_weights, sizeof(entry_sample_weights));
	int bias = tfl_build_buffer(b, entry_sample_bias, sizeof(entry_sample_bias));

	add_weigh(b, weights, bias);
	add_clip(b, weights, bias);
	add_broken(b);
	add_twice(b);
	/* A constant at the end of a file would be copied by whoever reads it. */
	tfl_build_file(b, "tail", (const char[256]){0}, 256);
}
