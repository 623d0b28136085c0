/* SPDX-License-Identifier: MIT */
/* A subgraph for each thing; the last one has no signature and initialises the sum. */
#include "tests/system/signature_model.h"

#include <check.h>

#include "tests/builder/builder.h"

static int tensor(struct tfl_builder *b, enum tfl_dtype dtype, struct tfl_ints dims, struct tfl_ints signature)
{
	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "t", .dtype = dtype, .dims = dims, .signature = signature});
}

static void op(struct tfl_builder *b, uint32_t code, struct tfl_ints inputs, struct tfl_ints outputs, struct tfl_build_options options)
{
	tfl_build_operator(b, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = outputs, .options = options});
}

static const struct tfl_ints none = {0};

static int handle(struct tfl_builder *b)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_VAR_HANDLE);
	int made = tensor(b, TFL_RESOURCE, none, none);

	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_STRING, .data = "sum"});
	op(b, TFL_BUILTIN_VAR_HANDLE, none, TFL_INTS(made), options);
	return made;
}

/* @p input: -1 for none. */
static void sign(struct tfl_builder *b, const char *key, uint32_t subgraph, const char *input_name, int input, const char *output_name, int output)
{
	const struct tfl_build_binding in = {input_name, (uint32_t)input}, out = {output_name, (uint32_t)output};

	if (input >= 0)
		tfl_build_io(b, TFL_INTS(input), TFL_INTS(output));
	else
		tfl_build_io(b, none, TFL_INTS(output));
	tfl_build_signature(b, &(struct tfl_build_signature){.key = key, .subgraph = subgraph, .inputs = &in, .input_count = input >= 0, .outputs = &out,
							     .output_count = 1});
}

static void build_sums(struct tfl_builder *b)
{
	static const float zero;
	const struct tfl_build_tensor start = {.name = "zero", .dims = TFL_INTS(1), .data = &zero, .data_size = sizeof(zero)};
	int kept, number, before, sum;

	tfl_build_subgraph(b, "add");
	op(b, TFL_BUILTIN_CALL_ONCE, none, none, tfl_options_ints(TFL_OPTIONS_CALL_ONCE, TFL_INTS(5)));
	kept = handle(b);
	number = tensor(b, TFL_FLOAT32, TFL_INTS(1), none);
	before = tensor(b, TFL_FLOAT32, TFL_INTS(1), none);
	sum = tensor(b, TFL_FLOAT32, TFL_INTS(1), none);
	op(b, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(kept), TFL_INTS(before), (struct tfl_build_options){0});
	op(b, TFL_BUILTIN_ADD, TFL_INTS(before, number), TFL_INTS(sum), tfl_options_add(0));
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(kept, sum), none, (struct tfl_build_options){0});
	sign(b, "add", 1, "number", number, "total", sum);
	tfl_build_subgraph(b, "recall");
	kept = handle(b);
	sum = tensor(b, TFL_FLOAT32, TFL_INTS(1), none);
	op(b, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(kept), TFL_INTS(sum), (struct tfl_build_options){0});
	sign(b, "recall", 2, NULL, -1, "total", sum);
	tfl_build_subgraph(b, "choose");
	number = tensor(b, TFL_BOOL, TFL_INTS(3), TFL_INTS(-1));
	sum = tensor(b, TFL_INT64, TFL_INTS(1, 1), TFL_INTS(-1, 1));
	op(b, TFL_BUILTIN_WHERE, TFL_INTS(number), TFL_INTS(sum), (struct tfl_build_options){0});
	sign(b, "choose", 3, "mask", number, "places", sum);
	tfl_build_subgraph(b, "train");
	number = tensor(b, TFL_FLOAT32, TFL_INTS(1), none);
	sum = tensor(b, TFL_FLOAT32, TFL_INTS(1), none);
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM, .custom_name = "Gradient", .inputs = TFL_INTS(number),
							   .outputs = TFL_INTS(sum)});
	sign(b, "train", 4, "loss", number, "step", sum);
	tfl_build_subgraph(b, "begin");
	kept = handle(b);
	number = tfl_build_tensor(b, &start);
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(kept, number), none, (struct tfl_build_options){0});
	tfl_build_io(b, none, none);
}

static int one_row(struct tfl_builder *b, int x)
{
	static const int32_t shape[] = {1, SIGNATURES_CLASSES};
	struct tfl_build_tensor constant = {.name = "shape", .dtype = TFL_INT32, .dims = TFL_INTS(2), .data = shape, .data_size = sizeof(shape)};
	int row = tensor(b, TFL_FLOAT32, TFL_INTS(1, SIGNATURES_CLASSES), none);

	op(b, TFL_BUILTIN_RESHAPE, TFL_INTS(x, tfl_build_tensor(b, &constant)), TFL_INTS(row), (struct tfl_build_options){0});
	return row;
}

struct model_file model_signatures(enum signature_model kind)
{
	struct tfl_builder *b = tfl_build_create();
	struct model_file file;
	int x = tensor(b, TFL_FLOAT32, TFL_INTS(1, SIGNATURES_CLASSES), TFL_INTS(-1, SIGNATURES_CLASSES));
	int y = tensor(b, TFL_FLOAT32, TFL_INTS(1, SIGNATURES_CLASSES), none);

	op(b, TFL_BUILTIN_SOFTMAX, TFL_INTS(kind == SIGNATURES_NARROW ? one_row(b, x) : x), TFL_INTS(y), tfl_options_softmax(1));
	sign(b, "classify", 0, "features", x, "scores", y);
	if (kind == SIGNATURES_ALL)
		build_sums(b);
	ck_assert_int_eq(tfl_build_finish(b, &file.data, &file.size), 0);
	tfl_build_destroy(b);
	return file;
}
