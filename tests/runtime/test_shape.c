/* SPDX-License-Identifier: MIT */
/* Sliding windows counted place by place, broadcasting by numpy's rules, axes; also at the ends of 32 bits. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/graph.h"
#include "runtime/schema.h"
#include "runtime/shape.h"
#include "tests/builder/random.h"
#include "tests/runtime/suites.h"

/* What refusals name. */
static const struct tfl_operator source = {.code = TFL_BUILTIN_CONV_2D, .version = 1};
static const struct tfl_node node = {.source = &source, .index = 3};
static const struct tfl_graph graph;

static struct tfl_value shape(unsigned rank, const int32_t *dims)
{
	struct tfl_value value = {.rank = (uint8_t)rank};

	memcpy(value.dims, dims, rank * sizeof(*dims));
	return value;
}

static int init(struct tfl_window *window, int padding, int32_t height, int32_t width, struct tfl_error *error)
{
	struct tfl_value input = shape(4, (const int32_t[]){1, height, width, 1});

	return tfl_window_init(window, &graph, &node, padding, &input, error);
}

/* Output places and the padding they need, along one axis, one place at a time. */
static int64_t count(bool same, int64_t input, int64_t kernel, int64_t stride, int64_t dilation, int64_t *ret_missing)
{
	int64_t effective = (kernel - 1) * dilation + 1, places = 0, end = 0;

	for (int64_t begin = 0; same ? begin < input : begin + effective <= input; begin += stride) {
		places++;
		end = begin + effective;
	}
	*ret_missing = same && end > input ? end - input : 0;
	return places;
}

static void check_axis(const char *name, bool same, int32_t input, int32_t kernel, int32_t stride, int32_t dilation, int32_t output, int32_t before,
		       int32_t after)
{
	int64_t missing, places = count(same, input, kernel, stride, dilation, &missing);

	if (output != places || before + after != missing || before != missing / 2)
		ck_abort_msg("%s: input %d, kernel %d, stride %d, dilation %d, %s: %d places, padding %d and %d; %lld and %lld in all would be right",
			     name, input, kernel, stride, dilation, same ? "SAME" : "VALID", output, before, after, (long long)places,
			     (long long)missing);
}

START_TEST(windows_are_counted_right)
{
	struct tfl_random random = {3};

	for (int i = 0; i < 100000; i++) {
		struct tfl_window window = {
			.kernel_height = 1 + (int32_t)tfl_random_below(&random, 7),
			.kernel_width = 1 + (int32_t)tfl_random_below(&random, 7),
			.stride_height = 1 + (int32_t)tfl_random_below(&random, 9),
			.stride_width = 1 + (int32_t)tfl_random_below(&random, 9),
			.dilation_height = 1 + (int32_t)tfl_random_below(&random, 4),
			.dilation_width = 1 + (int32_t)tfl_random_below(&random, 4),
		};
		int32_t height = (int32_t)tfl_random_below(&random, 20), width = 1 + (int32_t)tfl_random_below(&random, 20);
		bool same = tfl_random_below(&random, 2);
		int64_t rows, columns, missing;
		int r = init(&window, same ? TFL_PADDING_SAME : TFL_PADDING_VALID, height, width, NULL);

		rows = count(same, height, window.kernel_height, window.stride_height, window.dilation_height, &missing);
		columns = count(same, width, window.kernel_width, window.stride_width, window.dilation_width, &missing);
		if (r != (rows > 0 && columns > 0 ? 0 : -EINVAL))
			ck_abort_msg("%lld x %lld places: %d", (long long)rows, (long long)columns, r);
		if (r < 0)
			continue;
		check_axis("height", same, height, window.kernel_height, window.stride_height, window.dilation_height, window.output_height,
			   window.pad_top, window.pad_bottom);
		check_axis("width", same, width, window.kernel_width, window.stride_width, window.dilation_width, window.output_width, window.pad_left,
			   window.pad_right);
	}
}
END_TEST

/* Height takes the odd number; width stays simple. SAME with a kernel of k places covers k - 1 more than the input. */
START_TEST(windows_at_the_ends_of_32_bits)
{
	static const struct {
		int padding;
		int32_t input, kernel, stride, dilation;
		int32_t output, before; /* output 0: refused */
	} rows[] = {
		{TFL_PADDING_VALID, 5, 3, INT32_MAX, 1, 1, 0},
		{TFL_PADDING_SAME, 5, 3, INT32_MAX, 1, 1, 0},
		{TFL_PADDING_VALID, 5, 2, 1, INT32_MAX, 0, 0},
		{TFL_PADDING_SAME, 5, 2, 1, INT32_MAX, 5, INT32_MAX / 2},
		{TFL_PADDING_SAME, 5, 3, 1, INT32_MAX, 0, 0}, /* more padding than 32 bits hold */
		{TFL_PADDING_SAME, 5, INT32_MAX, 1, 1, 5, INT32_MAX / 2},
		{TFL_PADDING_SAME, 5, INT32_MAX, 1, INT32_MAX, 0, 0},
		{TFL_PADDING_VALID, INT32_MAX, INT32_MAX, 1, 1, 1, 0},
		{TFL_PADDING_VALID, INT32_MAX, 1, 1, INT32_MAX, INT32_MAX, 0},
		{TFL_PADDING_SAME, INT32_MAX, 1, INT32_MAX, INT32_MAX, 1, 0},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct tfl_window window = {rows[i].kernel, 1, rows[i].stride, 1, rows[i].dilation, 1};
		int r = init(&window, rows[i].padding, rows[i].input, 1, NULL);

		ck_assert_msg(r == (rows[i].output ? 0 : -EINVAL), "row %zu: %d", i, r);
		if (r == 0)
			ck_assert_msg(window.output_height == rows[i].output && window.pad_top == rows[i].before, "row %zu: %d places, %d before", i,
				      window.output_height, window.pad_top);
	}
}
END_TEST

START_TEST(window_refusals_say_why)
{
	static const struct {
		struct tfl_window window;
		int padding;
		const char *words;
	} rows[] = {
		{{0, 1, 1, 1, 1, 1}, TFL_PADDING_SAME, "kernel 0 x 1"},
		{{1, 1, -2, 1, 1, 1}, TFL_PADDING_SAME, "stride -2 x 1"},
		{{1, 1, 1, 1, 1, 0}, TFL_PADDING_SAME, "dilation 1 x 0"},
		{{1, 1, 1, 1, 1, 1}, 7, "number 7"},
		{{4, 1, 1, 1, 1, 1}, TFL_PADDING_VALID, "4 x 1 with dilation 1 x 1 does not fit an input of 3 x 5"},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		struct tfl_window window = rows[i].window;
		struct tfl_error error;

		ck_assert_int_eq(init(&window, rows[i].padding, 3, 5, &error), -EINVAL);
		ck_assert_msg(strstr(error.text, rows[i].words) && strstr(error.text, "operator 3 (CONV_2D)"), "%s", error.text);
	}
}
END_TEST

/* Where the walk finds the elements of the output, in its order. */
static void check_walk(size_t row, const struct tfl_broadcast *broadcast, const char *const *walks, unsigned count)
{
	struct tfl_broadcast_at at = {0};
	unsigned inner = broadcast->loops - 1;
	size_t output = 0;

	do {
		ck_assert_msg(at.output == output, "row %zu: output %zu, not %zu", row, at.output, output);
		for (size_t i = 0; i < broadcast->counts[inner]; i++, output++)
			for (unsigned side = 0; side < count; side++)
				ck_assert_msg(at.offsets[side] + i * broadcast->strides[side][inner] == (size_t)(walks[side][output] - 'a'),
					      "row %zu: element %zu of side %u", row, output, side);
	} while (tfl_broadcast_next(broadcast, &at));
	ck_assert_msg(output == strlen(walks[0]), "row %zu: %zu elements", row, output);
}

START_TEST(broadcasting_follows_numpy)
{
	static const struct {
		int ranks[3]; /* -1: there is no third side */
		int32_t dims[3][4];
		int rank; /* -1: they do not fit */
		int32_t output[4];
		unsigned loops;
		const char *walks[3]; /* a is the first element of a side */
	} rows[] = {
		{{0, 0, -1}, {{0}, {0}}, 0, {0}, 1, {"a", "a"}},
		{{1, 0, -1}, {{5}, {0}}, 1, {5}, 1, {"abcde", "aaaaa"}},
		{{2, 2, -1}, {{2, 3}, {2, 3}}, 2, {2, 3}, 1, {"abcdef", "abcdef"}},
		{{4, 1, -1}, {{1, 2, 1, 3}, {1}}, 4, {1, 2, 1, 3}, 1, {"abcdef", "aaaaaa"}},
		{{2, 1, -1}, {{2, 3}, {3}}, 2, {2, 3}, 2, {"abcdef", "abcabc"}},
		{{1, 2, -1}, {{2}, {3, 1}}, 2, {3, 2}, 2, {"ababab", "aabbcc"}},
		{{3, 3, -1}, {{4, 1, 2}, {1, 3, 1}}, 3, {4, 3, 2}, 3,
		 {"abababcdcdcdefefefghghgh", "aabbccaabbccaabbccaabbcc"}},
		{{4, 3, -1}, {{2, 1, 2, 2}, {2, 2, 2}}, 4, {2, 2, 2, 2}, 3, {"abcdabcdefghefgh", "abcdefghabcdefgh"}},
		{{2, 2, -1}, {{2, 3}, {3, 2}}, -1, {0}, 0, {NULL}},
		{{1, 1, -1}, {{2}, {3}}, -1, {0}, 0, {NULL}},
		{{1, 1, -1}, {{0}, {1}}, 1, {0}, 1, {NULL}},
		{{1, 1, -1}, {{0}, {2}}, -1, {0}, 0, {NULL}},
		{{1, 0, 1}, {{2}, {0}, {2}}, 1, {2}, 1, {"ab", "aa", "ab"}},
		{{2, 1, 2}, {{2, 1}, {2}, {2, 2}}, 2, {2, 2}, 2, {"aabb", "abab", "abcd"}},
		{{1, 1, 1}, {{1}, {2}, {3}}, -1, {0}, 0, {NULL}},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		unsigned count = rows[i].ranks[2] < 0 ? 2 : 3;
		struct tfl_value values[3];
		const struct tfl_value *sides[] = {&values[0], &values[1], &values[2]};
		struct tfl_broadcast broadcast = {0};
		struct tfl_error error;
		int r;

		for (unsigned side = 0; side < count; side++)
			values[side] = shape(rows[i].ranks[side], rows[i].dims[side]);
		r = tfl_broadcast_init(&broadcast, &graph, &node, sides, count, &error);
		if (rows[i].rank < 0) {
			ck_assert_msg(r == -EINVAL && strstr(error.text, "do not fit"), "row %zu: %d", i, r);
			continue;
		}
		ck_assert_msg(r == 0 && broadcast.rank == (unsigned)rows[i].rank && broadcast.loops == rows[i].loops, "row %zu: %u loops", i,
			      broadcast.loops);
		for (unsigned d = 0; d < broadcast.rank; d++)
			ck_assert_msg(broadcast.dims[d] == rows[i].output[d], "row %zu, dimension %u: %d", i, d, broadcast.dims[d]);
		if (rows[i].walks[0])
			check_walk(i, &broadcast, rows[i].walks, count);
	}
}
END_TEST

START_TEST(axes_count_from_both_ends)
{
	static const struct {
		int32_t axis;
		unsigned rank;
		int result;
	} rows[] = {
		{0, 1, 0}, {-1, 1, 0}, {3, 4, 3}, {-4, 4, 0}, {-1, 4, 3}, {4, 4, -1}, {-5, 4, -1}, {0, 0, -1}, {-1, 0, -1},
		{INT32_MIN, 8, -1}, {INT32_MAX, 8, -1},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++)
		ck_assert_msg(tfl_axis(rows[i].axis, rows[i].rank) == rows[i].result, "row %zu: %d", i, tfl_axis(rows[i].axis, rows[i].rank));
}
END_TEST

Suite *shape_suite(void)
{
	Suite *suite = suite_create("shape");
	TCase *tests = tcase_create("shape");

	tcase_add_test(tests, windows_are_counted_right);
	tcase_add_test(tests, windows_at_the_ends_of_32_bits);
	tcase_add_test(tests, window_refusals_say_why);
	tcase_add_test(tests, broadcasting_follows_numpy);
	tcase_add_test(tests, axes_count_from_both_ends);
	suite_add_tcase(suite, tests);
	return suite;
}
