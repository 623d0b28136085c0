/* SPDX-License-Identifier: MIT */
/*
 * Sparsity parameters that lie. One honest tensor, [4, 6] with blocks of 2 along the second dimension, and a lie at a time; each is refused
 * with a sentence that says where. That honest ones of all kinds mean what they should is in test_kernels_unary.c (DENSIFY).
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/sparse.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define LEVELS 3
#define LIST 6

/* Rows 1 and 3; in them blocks 2, and 0 and 1: elements [1][4..5], [3][0..1], [3][2..3]. */
static const uint8_t content[] = {10, 11, 20, 21, 30, 31};
static const uint8_t dense[4][6] = {[1] = {0, 0, 0, 0, 10, 11}, [3] = {20, 21, 30, 31, 0, 0}};

struct honest {
	struct tfl_build_sparsity sparsity;
	struct tfl_build_level levels[LEVELS];
	int32_t order[LIST], block_map[LIST], segments[LIST], indices[LIST];
	size_t size; /* of the content */
};

static void init(struct honest *honest)
{
	*honest = (struct honest){.order = {0, 1, 2}, .block_map = {1}, .segments = {0, 0, 1, 1, 3}, .indices = {2, 0, 1}, .size = sizeof(content)};
	honest->levels[0].size = 4;
	honest->levels[1] = (struct tfl_build_level){.format = 1, .segments_type = 3, .segments = {honest->segments, 5}, .indices_type = 2,
						     .indices = {honest->indices, 3}};
	honest->levels[2].size = 2;
	honest->sparsity = (struct tfl_build_sparsity){{honest->order, 3}, {honest->block_map, 1}, honest->levels, LEVELS};
}

static void open_tensor(struct scene *scene, const struct honest *honest, enum tfl_dtype dtype)
{
	struct tfl_builder *b = tfl_build_create();

	tfl_build_tensor(b, &(struct tfl_build_tensor){.dtype = dtype, .dims = TFL_INTS(4, 6), .data = content, .data_size = honest->size,
						       .sparsity = &honest->sparsity});
	tfl_build_tensor(b, &(struct tfl_build_tensor){.dtype = dtype, .dims = TFL_INTS(4, 6)});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_DENSIFY, .inputs = TFL_INTS(0), .outputs = TFL_INTS(1)});
	tfl_build_io(b, (struct tfl_ints){NULL, 0}, TFL_INTS(1));
	ck_assert_msg(scene_open(scene, b) == 0, "%s", scene->error.text);
}

START_TEST(an_honest_one_is_expanded)
{
	struct honest honest;
	struct tfl_sparse sparse;
	struct tfl_error error = {0};
	struct scene scene;
	uint8_t out[4][6] = {0};

	init(&honest);
	open_tensor(&scene, &honest, TFL_INT8);
	ck_assert_int_eq(tfl_sparse_init(&sparse, &scene.model->subgraphs[0].tensors[0], &error), 0);
	ck_assert_uint_eq(sparse.work, 4 + 3 + 6);
	tfl_sparse_expand(&sparse, out);
	ck_assert_mem_eq(out, dense, sizeof(out));
	scene_close(&scene);
}
END_TEST

/* What a lie is about, and what it says instead. */
enum about { ORDER, BLOCK_MAP, SEGMENTS, INDICES, LEVEL_COUNT, FORMAT, SIZE, SEGMENTS_TYPE, INDICES_TYPE, CONTENT, BLOCK_COMPRESSED };

static const struct lie {
	enum about about;
	uint32_t count; /* of a list; of FORMAT and SIZE: the level */
	int32_t values[LIST];
	const char *words;
} lies[] = {
	{ORDER, 2, {0, 1}, "2 in traversal_order"},
	{ORDER, 4, {0, 1, 2, 3}, "4 in traversal_order"},
	{ORDER, 3, {0, 0, 2}, "traversal_order has 0 at 1"},
	{ORDER, 3, {0, -1, 2}, "traversal_order has 4294967295 at 1"},
	{ORDER, 3, {0, 3, 2}, "traversal_order has 3 at 1"},
	{ORDER, 3, {0, 2, 1}, "traversal_order has 2 at 1"},
	{LEVEL_COUNT, 2, {0}, "2 in dim_metadata"},
	{LEVEL_COUNT, 0, {0}, "0 in dim_metadata"},
	{BLOCK_MAP, 0, {0}, "0 blocks"},
	{BLOCK_MAP, 1, {2}, "block 0 (of dimension 2"},
	{BLOCK_MAP, 1, {-1}, "block 0 (of dimension 4294967295"},
	{SIZE, 2, {4}, "block 0 (of dimension 1, size 4)"},
	{SIZE, 2, {0}, "level 2 has a size of 0"},
	{SIZE, 2, {-2}, "level 2 has a size of -2"},
	{BLOCK_COMPRESSED, 0, {0}, "or is not dense"},
	{SIZE, 0, {3}, "level 0 has a size of 3; 4 would be right"},
	{SIZE, 0, {INT32_MAX}, "level 0 has a size of 2147483647; 4 would be right"},
	{FORMAT, 1, {2}, "level 1 has the format 2"},
	{FORMAT, 1, {-1}, "level 1 has the format -1"},
	{SEGMENTS_TYPE, 0, {0}, "segments have the type 0"},
	{INDICES_TYPE, 0, {0}, "indices have the type 0"},
	{INDICES_TYPE, 0, {4}, "indices have the type 4"},
	{SEGMENTS, 4, {0, 0, 1, 3}, "level 1 has 4 segments; 5 would be right"},
	{SEGMENTS, 6, {0, 0, 1, 1, 3, 3}, "level 1 has 6 segments; 5 would be right"},
	{SEGMENTS, 0, {0}, "level 1 has 0 segments; 5 would be right"},
	{SEGMENTS, 5, {1, 1, 1, 1, 3}, "segment 0 of level 1 does not start at 0"},
	{SEGMENTS, 5, {0, 1, 0, 1, 3}, "segment 1 of level 1 does not start at 1"},
	{SEGMENTS, 5, {0, 0, 1, 1, 4}, "segment 3 of level 1 does not start at 1 and end within 3"},
	{SEGMENTS, 5, {0, 0, 1, 1, 2}, "level 1 has 3 indices, but its segments 2"},
	{SEGMENTS, 5, {0, 0, -1, 1, 3}, "segment 1 of level 1"},
	{INDICES, 3, {3, 0, 1}, "index 0 of level 1 is 3"},
	{INDICES, 3, {2, 1, 1}, "index 2 of level 1 is 1"},
	{INDICES, 3, {2, 1, 0}, "index 2 of level 1 is 0"},
	{INDICES, 3, {2, -1, 1}, "index 1 of level 1 is 4294967295"},
	{CONTENT, 5, {0}, "that of 6 elements, but there are 5 bytes"},
	{CONTENT, 4, {0}, "that of 6 elements, but there are 4 bytes"},
	{CONTENT, 0, {0}, "that of 6 elements, but there are 0 bytes"},
};

static void tell_list(struct tfl_ints *list, int32_t *values, const struct lie *lie)
{
	memcpy(values, lie->values, sizeof(lie->values));
	list->count = lie->count;
}

static void tell(struct honest *honest, const struct lie *lie)
{
	struct tfl_build_level *list = &honest->levels[1];

	/* Wide enough for negative numbers. */
	list->segments_type = list->indices_type = 1;
	switch (lie->about) {
	case ORDER:
		tell_list(&honest->sparsity.traversal_order, honest->order, lie);
		break;
	case BLOCK_MAP:
		tell_list(&honest->sparsity.block_map, honest->block_map, lie);
		break;
	case SEGMENTS:
		tell_list(&list->segments, honest->segments, lie);
		break;
	case INDICES:
		tell_list(&list->indices, honest->indices, lie);
		break;
	case LEVEL_COUNT:
		honest->sparsity.level_count = lie->count;
		break;
	case FORMAT:
		honest->levels[lie->count].format = (int8_t)lie->values[0];
		break;
	case SIZE:
		honest->levels[lie->count].size = lie->values[0];
		break;
	case SEGMENTS_TYPE:
		list->segments_type = (uint8_t)lie->values[0];
		break;
	case INDICES_TYPE:
		list->indices_type = (uint8_t)lie->values[0];
		break;
	case CONTENT:
		honest->size = lie->count;
		break;
	case BLOCK_COMPRESSED:
		honest->levels[2] = *list;
		break;
	}
}

START_TEST(lies_are_refused)
{
	struct honest honest;
	struct tfl_program *program;
	struct scene scene;

	init(&honest);
	tell(&honest, &lies[_i]);
	open_tensor(&scene, &honest, TFL_INT8);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EINVAL);
	ck_assert_msg(strstr(scene.error.text, lies[_i].words) && strstr(scene.error.text, "operator 0 (DENSIFY): input 0: its sparsity"),
		      "'%s' does not say '%s'", scene.error.text, lies[_i].words);
	scene_close(&scene);
}
END_TEST

/* The same lists, for elements that are wider than the content has bytes for. */
START_TEST(wide_elements_need_wide_content)
{
	struct honest honest;
	struct tfl_program *program;
	struct scene scene;

	init(&honest);
	open_tensor(&scene, &honest, TFL_FLOAT32);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "that of 6 elements, but there are 6 bytes"));
	scene_close(&scene);
}
END_TEST

/* Dense levels one inside the other, without a list to end them. */
START_TEST(places_are_bounded)
{
	const int32_t dims[] = {1 << 14, 1 << 14};
	const struct tfl_build_level levels[] = {{.size = 1 << 14}, {.size = 1 << 14}};
	const struct tfl_build_sparsity sparsity = {TFL_INTS(0, 1), {NULL, 0}, levels, 2};
	struct tfl_builder *b = tfl_build_create();
	struct tfl_sparse sparse;
	struct tfl_error error = {0};
	struct scene scene;

	tfl_build_tensor(b, &(struct tfl_build_tensor){.dtype = TFL_INT8, .dims = {dims, 2}, .data = content, .data_size = sizeof(content),
						       .sparsity = &sparsity});
	tfl_build_io(b, (struct tfl_ints){NULL, 0}, TFL_INTS(0));
	ck_assert_msg(scene_open(&scene, b) == 0, "%s", scene.error.text);
	ck_assert_int_eq(tfl_sparse_init(&sparse, &scene.model->subgraphs[0].tensors[0], &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "that of 268435456 elements, but there are 6 bytes"));
	scene_close(&scene);
}
END_TEST

Suite *sparse_suite(void)
{
	Suite *suite = suite_create("sparse");
	TCase *tests = tcase_create("sparse");

	tcase_add_test(tests, an_honest_one_is_expanded);
	tcase_add_loop_test(tests, lies_are_refused, 0, TFL_ARRAY_SIZE(lies));
	tcase_add_test(tests, wide_elements_need_wide_content);
	tcase_add_test(tests, places_are_bounded);
	suite_add_tcase(suite, tests);
	return suite;
}
