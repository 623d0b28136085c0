/* SPDX-License-Identifier: MIT */
/* One graph with all that runs other subgraphs, keeps state, or has shapes that depend on content. */
#include "control_sample.h"

#define CALLED 1 /* subgraphs: a condition, a body that makes its third value longer, a branch for each way, an initialisation */

static int tensor(struct tfl_builder *b, enum tfl_dtype dtype, struct tfl_ints dims)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "t", .dtype = dtype, .dims = dims});
}

static int constant(struct tfl_builder *b, enum tfl_dtype dtype, struct tfl_ints dims, const void *data, size_t size)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "c", .dtype = dtype, .dims = dims, .data = data, .data_size = size});
}

static void op(struct tfl_builder *b, uint32_t code, struct tfl_ints inputs, struct tfl_ints outputs, struct tfl_build_options options)
{
	tfl_build_operator(b, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = outputs, .options = options});
}

static void handle(struct tfl_builder *b, int to)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_VAR_HANDLE);

	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_STRING, .data = "kept"});
	op(b, TFL_BUILTIN_VAR_HANDLE, (struct tfl_ints){0}, TFL_INTS(to), options);
}

static const struct tfl_ints none;

static void add_called(struct tfl_builder *b)
{
	static const int32_t one[1] = {1};
	static const float begin[2] = {1, 2};

	tfl_build_subgraph(b, "condition");
	for (int i = 0; i < 3; i++)
		tensor(b, TFL_INT32, TFL_INTS(1));
	tensor(b, TFL_BOOL, TFL_INTS(1));
	op(b, TFL_BUILTIN_LESS, TFL_INTS(0, 1), TFL_INTS(3), (struct tfl_build_options){0});
	tfl_build_io(b, TFL_INTS(0, 1, 2), TFL_INTS(3));
	tfl_build_subgraph(b, "body");
	for (int i = 0; i < 5; i++)
		tensor(b, TFL_INT32, TFL_INTS(1));
	constant(b, TFL_INT32, TFL_INTS(1), one, sizeof(one));
	op(b, TFL_BUILTIN_ADD, TFL_INTS(0, 5), TFL_INTS(3), tfl_options_add(0));
	op(b, TFL_BUILTIN_CONCATENATION, TFL_INTS(2, 3), TFL_INTS(4), tfl_options_concatenation(0, 0));
	tfl_build_io(b, TFL_INTS(0, 1, 2), TFL_INTS(3, 1, 4));
	for (int branch = 0; branch < 2; branch++) {
		tfl_build_subgraph(b, "branch");
		tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(2), .signature = TFL_INTS(-1)});
		tensor(b, TFL_FLOAT32, TFL_INTS(branch ? 4 : 2));
		op(b, branch ? TFL_BUILTIN_CONCATENATION : TFL_BUILTIN_NEG, branch ? TFL_INTS(0, 0) : TFL_INTS(0), TFL_INTS(1),
		   branch ? tfl_options_concatenation(0, 0) : (struct tfl_build_options){0});
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
	}
	tfl_build_subgraph(b, "initialisation");
	tensor(b, TFL_RESOURCE, none);
	constant(b, TFL_FLOAT32, TFL_INTS(2), begin, sizeof(begin));
	handle(b, 0);
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(0, 1), none, (struct tfl_build_options){0});
	tfl_build_io(b, none, none);
}

static void add_signature(struct tfl_builder *b, const char *key, uint32_t subgraph, int input, int output)
{
	const struct tfl_build_binding in = {"in", (uint32_t)input}, out = {"out", (uint32_t)output};

	tfl_build_signature(b, &(struct tfl_build_signature){key, subgraph, &in, &out, 1, 1});
}

void control_sample_build(struct tfl_builder *b)
{
	static const int32_t zero[1] = {0}, three[1] = {3};
	struct tfl_build_options composite = tfl_options_empty(TFL_OPTIONS_2_STABLEHLO_COMPOSITE);
	int times = constant(b, TFL_INT32, TFL_INTS(1), three, sizeof(three));
	int which = tensor(b, TFL_BOOL, none), x = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	int start = constant(b, TFL_INT32, TFL_INTS(1), zero, sizeof(zero)), kept = tensor(b, TFL_RESOURCE, none);
	int i = tensor(b, TFL_INT32, TFL_INTS(1)), limit = tensor(b, TFL_INT32, TFL_INTS(1)), list = tensor(b, TFL_INT32, TFL_INTS(1));
	int before = tensor(b, TFL_FLOAT32, TFL_INTS(2)), sum = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	int chosen = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	int places = tensor(b, TFL_INT64, TFL_INTS(1, 1)), tiled = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	int last = tensor(b, TFL_FLOAT32, TFL_INTS(2));

	composite.second = true;
	tfl_options_add_field(&composite, (struct tfl_build_field){.slot = 0, .kind = TFL_BUILD_STRING, .data = "sample.negative"});
	tfl_options_add_field(&composite, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_I32, .integer = CALLED + 2});
	op(b, TFL_BUILTIN_CALL_ONCE, none, none, tfl_options_ints(TFL_OPTIONS_CALL_ONCE, TFL_INTS(CALLED + 4)));
	handle(b, kept);
	op(b, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(kept), TFL_INTS(before), (struct tfl_build_options){0});
	op(b, TFL_BUILTIN_ADD, TFL_INTS(before, x), TFL_INTS(sum), tfl_options_add(0));
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(kept, sum), none, (struct tfl_build_options){0});
	op(b, TFL_BUILTIN_WHILE, TFL_INTS(start, times, start), TFL_INTS(i, limit, list),
	   tfl_options_ints(TFL_OPTIONS_WHILE, TFL_INTS(CALLED, CALLED + 1)));
	op(b, TFL_BUILTIN_IF, TFL_INTS(which, sum), TFL_INTS(chosen), tfl_options_ints(TFL_OPTIONS_IF, TFL_INTS(CALLED + 2, CALLED + 3)));
	op(b, TFL_BUILTIN_WHERE, TFL_INTS(list), TFL_INTS(places), (struct tfl_build_options){0});
	op(b, TFL_BUILTIN_TILE, TFL_INTS(chosen, i), TFL_INTS(tiled), (struct tfl_build_options){0});
	op(b, TFL_BUILTIN_STABLEHLO_COMPOSITE, TFL_INTS(sum), TFL_INTS(last), composite);
	tfl_build_io(b, TFL_INTS(which, x), TFL_INTS(list, places, tiled, last));
	add_called(b);
	add_signature(b, "all", 0, x, last);
	add_signature(b, "branch", CALLED + 2, 0, 1);
}
