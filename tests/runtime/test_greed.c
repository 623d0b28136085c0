/* SPDX-License-Identifier: MIT */
/*
 * Small files that ask for much: what XNNPACK would list or pack in gigabytes is left to the portable kernels, what no kernel could compute
 * in time or memory is refused with a sentence.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define INPUTS_MAX 4

/* An operand: with content, or an input of the graph. */
struct operand {
	enum tfl_dtype dtype;
	struct tfl_ints dims;
	const void *data;
	size_t size;
};

struct greed {
	const char *name;
	uint32_t code;
	enum tfl_dtype output;
	struct operand operands[INPUTS_MAX];
	struct tfl_build_options options;
	const char *words; /* of the refusal; NULL: it runs, portable */
};

#define INTS_SIZE(...) sizeof((const int32_t[]){__VA_ARGS__})
#define SIZE(...) {TFL_INT32, TFL_INTS(INTS_SIZE(__VA_ARGS__) / 4), (const int32_t[]){__VA_ARGS__}, INTS_SIZE(__VA_ARGS__)}

static const float filter[40 * 40];

static int32_t add_tensor(struct tfl_builder *builder, const struct operand *operand)
{
	static const float scale = 0.5f;
	bool quantized = operand->dtype == TFL_UINT8;

	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = operand->dtype,
								    .dims = operand->dims,
								    .data = operand->data,
								    .data_size = operand->size,
								    .scales = quantized ? &scale : NULL,
								    .scale_count = quantized});
}

static void check(const struct greed *greed)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t inputs[INPUTS_MAX], given[INPUTS_MAX], output;
	uint32_t count = 0, given_count = 0;
	struct tfl_program *program;
	struct tfl_program_info info;
	struct scene scene;
	int r;

	for (; count < INPUTS_MAX && greed->operands[count].dims.count; count++) {
		const struct operand *operand = &greed->operands[count];

		inputs[count] = add_tensor(builder, operand);
		if (!operand->data)
			given[given_count++] = inputs[count];
	}
	output = add_tensor(builder, &(struct operand){greed->output, TFL_INTS(1)});
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = greed->code,
								 .inputs = {inputs, count},
								 .outputs = TFL_INTS(output),
								 .options = greed->options});
	tfl_build_io(builder, (struct tfl_ints){given, given_count}, TFL_INTS(output));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	r = scene_try(&scene, NULL, &program);
	if (greed->words) {
		ck_assert_msg(r < 0 && strstr(scene.error.text, greed->words), "%s: %d: %s", greed->name, r,
			      r < 0 ? scene.error.text : "taken");
	} else {
		ck_assert_msg(r == 0, "%s: %s", greed->name, scene.error.text);
		tfl_program_info(program, &info);
		ck_assert_msg(info.xnnpack_operators == 0, "%s: XNNPACK runs it", greed->name);
		tfl_program_destroy(program);
	}
	scene_close(&scene);
}

START_TEST(small_files_that_ask_for_much)
{
	const struct tfl_build_window window = {.padding = TFL_PADDING_SAME};
	const struct tfl_build_options resize = tfl_options_resize_bilinear(false, true);
	const struct tfl_build_options nearest = tfl_options_resize_nearest_neighbor(false, false);
	const struct tfl_build_options back = tfl_options_transpose_conv(&window), product = tfl_options_batch_matmul(false, false);
	const struct tfl_build_options reduce = tfl_options_reducer(false);
	const struct tfl_build_options pool = tfl_options_pool_2d(&(struct tfl_build_window){.padding = TFL_PADDING_SAME, .filter_h = 999, .filter_w = 999});
	const struct tfl_ints pixel = TFL_INTS(1, 1, 1, 1);
	const struct greed rows[] = {
		{"four pointers a pixel", TFL_BUILTIN_RESIZE_BILINEAR, TFL_UINT8, {{TFL_UINT8, pixel}, SIZE(4000, 4000)}, resize, NULL},
		{"a table of a row's places", TFL_BUILTIN_RESIZE_BILINEAR, TFL_UINT8, {{TFL_UINT8, pixel}, SIZE(1, 1 << 29)}, resize,
		 "computed or copied at load"},
		{"a picture too large", TFL_BUILTIN_RESIZE_NEAREST_NEIGHBOR, TFL_UINT8, {{TFL_UINT8, pixel}, SIZE(INT32_MAX, INT32_MAX)},
		 nearest, "larger than"},
		{"a picture of nothing", TFL_BUILTIN_RESIZE_NEAREST_NEIGHBOR, TFL_UINT8, {{TFL_UINT8, TFL_INTS(1, 0, 1, 1)}, SIZE(4, 4)},
		 nearest, "must be at least 1"},
		{"1,600 pointers a pixel", TFL_BUILTIN_TRANSPOSE_CONV, TFL_FLOAT32,
		 {SIZE(1, 300, 300, 1),
		  {TFL_FLOAT32, TFL_INTS(1, 40, 40, 1), filter, sizeof(filter)},
		  {TFL_FLOAT32, TFL_INTS(1, 300, 300, 1)}},
		 back, NULL},
		{"an output that is none", TFL_BUILTIN_TRANSPOSE_CONV, TFL_FLOAT32,
		 {SIZE(1, -3, 300, 1), {TFL_FLOAT32, TFL_INTS(1, 4, 4, 1), filter, 64}, {TFL_FLOAT32, TFL_INTS(1, 30, 30, 1)}},
		 back, "output shape is [1, -3, 300, 1]"},
		{"other channels", TFL_BUILTIN_TRANSPOSE_CONV, TFL_FLOAT32,
		 {SIZE(1, 30, 30, 2), {TFL_FLOAT32, TFL_INTS(1, 4, 4, 1), filter, 64}, {TFL_FLOAT32, TFL_INTS(1, 30, 30, 1)}},
		 back, "output shape is [1, 30, 30, 2]"},
		{"an output beyond memory", TFL_BUILTIN_TRANSPOSE_CONV, TFL_FLOAT32,
		 {SIZE(1, 1 << 20, 1 << 20, 1), {TFL_FLOAT32, TFL_INTS(1, 4, 4, 1), filter, 64}, {TFL_FLOAT32, TFL_INTS(1, 30, 30, 1)}},
		 back, "larger than"},
		{"pictures beyond the arena", TFL_BUILTIN_TRANSPOSE_CONV, TFL_FLOAT32,
		 {SIZE(1, 8000, 8000, 1), {TFL_FLOAT32, TFL_INTS(1, 40, 40, 1), NULL}, {TFL_FLOAT32, TFL_INTS(1, 8000, 8000, 1)}}, back,
		 "would pass 268435456 bytes"},
		{"a matrix of one column each", TFL_BUILTIN_BATCH_MATMUL, TFL_FLOAT32,
		 {{TFL_FLOAT32, TFL_INTS(3000000, 1, 1)}, {TFL_FLOAT32, TFL_INTS(3000000, 1, 1)}}, product, NULL},
		{"years of multiplying", TFL_BUILTIN_BATCH_MATMUL, TFL_FLOAT32,
		 {{TFL_FLOAT32, TFL_INTS(16384, 16384)}, {TFL_FLOAT32, TFL_INTS(16384, 16384)}}, product,
		 "more than 1099511627776 operations"},
		{"windows of padding", TFL_BUILTIN_AVERAGE_POOL_2D, TFL_FLOAT32, {{TFL_FLOAT32, TFL_INTS(256, 4, 6, 2)}}, pool, NULL},
		{"greatest of padding", TFL_BUILTIN_MAX_POOL_2D, TFL_FLOAT32, {{TFL_FLOAT32, TFL_INTS(256, 4, 6, 2)}}, pool, NULL},
		{"an axis from elsewhere", TFL_BUILTIN_SUM, TFL_FLOAT32, {{TFL_FLOAT32, pixel}, SIZE(1 << 30)}, reduce,
		 "its axis is 1073741824"},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++)
		check(&rows[i]);
}
END_TEST

Suite *greed_suite(void)
{
	Suite *suite = suite_create("greed");
	TCase *tests = tcase_create("memory and time");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, small_files_that_ask_for_much);
	suite_add_tcase(suite, tests);
	return suite;
}
