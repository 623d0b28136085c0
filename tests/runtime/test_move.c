/* SPDX-License-Identifier: MIT */
/*
 * Moving elements: the strided copy itself against loops, what it merges; and what no single operator shows: shapes that become constants, what
 * is refused because a shape depends on a request, requests that are refused for their indices, parts that nobody reads.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "runtime/kernel_move.h"
#include "runtime/schema.h"
#include "tests/builder/random.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define MOVES 400
#define DIMS_MAX 5
#define BYTES_MAX (1 << 20)

struct drawn {
	unsigned rank;
	size_t element, elements;
	size_t counts[DIMS_MAX]; /* the innermost first, as they are added */
	ptrdiff_t from[DIMS_MAX];
	ptrdiff_t from_offset;
};

/* The side that is read: dimensions in any order, some backwards, some repeated. The other is dense. */
static void draw(struct tfl_random *random, struct drawn *drawn)
{
	static const size_t elements[] = {1, 2, 3, 4, 8, 16};
	unsigned order[DIMS_MAX];
	ptrdiff_t stride;

	*drawn = (struct drawn){.rank = 1 + tfl_random_below(random, DIMS_MAX), .element = elements[tfl_random_below(random, 6)], .elements = 1};
	for (unsigned d = 0; d < drawn->rank; d++) {
		unsigned other = tfl_random_below(random, d + 1);

		drawn->counts[d] = 1 + tfl_random_below(random, tfl_random_below(random, 3) ? 5 : 80);
		if (drawn->elements * drawn->counts[d] * drawn->element > BYTES_MAX)
			drawn->counts[d] = 1;
		drawn->elements *= drawn->counts[d];
		order[d] = order[other];
		order[other] = d;
	}
	stride = (ptrdiff_t)drawn->element;
	for (unsigned i = 0; i < drawn->rank; i++) {
		unsigned d = order[i];

		drawn->from[d] = stride;
		stride *= (ptrdiff_t)drawn->counts[d];
		if (tfl_random_below(random, 5) == 0) {
			drawn->from[d] = 0;
		} else if (tfl_random_below(random, 4) == 0) {
			drawn->from_offset += (ptrdiff_t)(drawn->counts[d] - 1) * drawn->from[d];
			drawn->from[d] = -drawn->from[d];
		}
	}
}

static void move_naively(const struct drawn *drawn, const uint8_t *from, uint8_t *to)
{
	for (size_t i = 0; i < drawn->elements; i++) {
		ptrdiff_t at = drawn->from_offset;
		size_t rest = i;

		for (unsigned d = 0; d < drawn->rank; rest /= drawn->counts[d++])
			at += (ptrdiff_t)(rest % drawn->counts[d]) * drawn->from[d];
		memcpy(to + i * drawn->element, from + at, drawn->element);
	}
}

START_TEST(moves_are_what_loops_do)
{
	struct tfl_random random = {7};
	uint8_t *from = malloc(BYTES_MAX), *right = malloc(BYTES_MAX), *got = malloc(BYTES_MAX);

	for (size_t i = 0; i < BYTES_MAX; i++)
		from[i] = (uint8_t)tfl_random_next(&random);
	for (unsigned i = 0; i < MOVES; i++) {
		struct drawn drawn;
		struct tfl_move move;
		ptrdiff_t to;

		draw(&random, &drawn);
		tfl_move_init(&move, drawn.element);
		move.from_offset = drawn.from_offset;
		to = (ptrdiff_t)drawn.element;
		for (unsigned d = 0; d < drawn.rank; d++) {
			tfl_move_add(&move, drawn.counts[d], drawn.from[d], to);
			to *= (ptrdiff_t)drawn.counts[d];
		}
		move_naively(&drawn, from, right);
		tfl_move_copy(&move, from, got);
		if (memcmp(right, got, drawn.elements * drawn.element) != 0)
			ck_abort_msg("move %u, of %zu elements of %zu bytes in %u dimensions, gives something else", i, drawn.elements, drawn.element,
				     drawn.rank);
	}
	free(from);
	free(right);
	free(got);
}
END_TEST

static struct tfl_value dense(unsigned rank, const int32_t *dims)
{
	struct tfl_value value = {.dtype = TFL_INT16, .rank = (uint8_t)rank, .elements = 1};

	memcpy(value.dims, dims, rank * sizeof(*dims));
	for (unsigned d = 0; d < rank; d++)
		value.elements *= (size_t)dims[d];
	return value;
}

START_TEST(what_lies_together_is_one_run)
{
	struct tfl_value whole = dense(3, TFL_INTS(4, 5, 6).values), rows = dense(3, TFL_INTS(4, 2, 6).values);
	struct tfl_move move;

	tfl_move_box(&move, &whole, NULL, &whole, NULL, whole.dims);
	ck_assert_uint_eq(move.rank, 0);
	ck_assert_uint_eq(move.run, 4 * 5 * 6 * 2);
	tfl_move_box(&move, &whole, TFL_INTS(0, 3, 0).values, &rows, NULL, rows.dims);
	ck_assert_uint_eq(move.rank, 1);
	ck_assert_uint_eq(move.run, 2 * 6 * 2);
	ck_assert_int_eq(move.from_offset, 3 * 6 * 2);
	/* Columns: neither side can be taken together, but the two outer dimensions are one. */
	tfl_move_init(&move, 2);
	tfl_move_add(&move, 6, 2 * 20, 2);
	tfl_move_add(&move, 5, 2, 2 * 6);
	tfl_move_add(&move, 4, 2 * 5, 2 * 30);
	ck_assert_uint_eq(move.rank, 2);
	ck_assert_uint_eq(move.dims[1].count, 20);
}
END_TEST

START_TEST(fill_repeats_elements_of_any_size)
{
	static const size_t sizes[] = {1, 2, 4, 7, 8, 16, 5000};
	static uint8_t element[5000], to[60001];

	for (size_t i = 0; i < sizeof(element); i++)
		element[i] = (uint8_t)(i * 31 + 7);
	for (size_t s = 0; s < TFL_ARRAY_SIZE(sizes); s++)
		for (size_t count = 0; count * sizes[s] < sizeof(to); count = count * 3 + 1) {
			memset(to, 0xa5, sizeof(to));
			tfl_fill(to, element, sizes[s], count);
			for (size_t i = 0; i < count * sizes[s]; i++)
				ck_assert_uint_eq(to[i], element[i % sizes[s]]);
			ck_assert_uint_eq(to[count * sizes[s]], 0xa5);
		}
}
END_TEST

static int32_t floats(struct tfl_builder *builder, struct tfl_ints dims)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dims = dims});
}

/* @p values: of a constant; count 0: computed. */
static int32_t ints(struct tfl_builder *builder, struct tfl_ints values, struct tfl_ints dims)
{
	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = TFL_INT32, .dims = dims, .data = values.count ? values.values : NULL,
								    .data_size = values.count * sizeof(int32_t)});
}

static void add(struct tfl_builder *builder, uint32_t code, struct tfl_build_options options, struct tfl_ints inputs, struct tfl_ints outputs)
{
	tfl_build_operator(builder, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = outputs, .options = options});
}

/*
 * What converters write for reshape(x, [shape(y)[0], -1]), where only the shape of y is wanted: the three operators become a constant, and what
 * computes y never runs.
 */
START_TEST(shapes_are_constants)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t x = floats(builder, TFL_INTS(2, 3, 4)), y = floats(builder, TFL_INTS(2, 3, 4));
	int32_t shape = ints(builder, (struct tfl_ints){0}, TFL_INTS(3));
	int32_t first = ints(builder, (struct tfl_ints){0}, (struct tfl_ints){0}), wanted = ints(builder, (struct tfl_ints){0}, TFL_INTS(2));
	int32_t zero = ints(builder, TFL_INTS(0), TFL_INTS(1)), one = ints(builder, TFL_INTS(1), TFL_INTS(1));
	int32_t rest = ints(builder, TFL_INTS(-1), (struct tfl_ints){0}), flat = floats(builder, TFL_INTS(1));
	struct tfl_program_info info;
	struct tfl_program *program;
	const struct tfl_io *outputs;
	struct scene scene;
	uint32_t count;

	add(builder, TFL_BUILTIN_LOG_SOFTMAX, tfl_options_empty(0), TFL_INTS(x), TFL_INTS(y));
	add(builder, TFL_BUILTIN_SHAPE, tfl_options_empty(TFL_OPTIONS_SHAPE), TFL_INTS(y), TFL_INTS(shape));
	add(builder, TFL_BUILTIN_STRIDED_SLICE, tfl_options_ints(TFL_OPTIONS_STRIDED_SLICE, TFL_INTS(0, 0, 0, 0, 1)),
	    TFL_INTS(shape, zero, one, one), TFL_INTS(first));
	add(builder, TFL_BUILTIN_PACK, tfl_options_ints(TFL_OPTIONS_PACK, TFL_INTS(2, 0)), TFL_INTS(first, rest), TFL_INTS(wanted));
	add(builder, TFL_BUILTIN_RESHAPE, tfl_options_empty(TFL_OPTIONS_RESHAPE), TFL_INTS(x, wanted), TFL_INTS(flat));
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(flat));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	program = scene_program(&scene, NULL);
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.folded_operators, 4);
	ck_assert_uint_eq(info.xnnpack_operators, 1);
	ck_assert_uint_eq(info.steps, 1);
	outputs = tfl_program_outputs(program, &count);
	ck_assert_uint_eq(outputs[0].rank, 2);
	ck_assert_int_eq(outputs[0].dims[0], 2);
	ck_assert_int_eq(outputs[0].dims[1], 12);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* An operator over x of [2, 3] whose other inputs, integers of [count], are all given at run time. */
struct dependent {
	uint32_t code;
	struct tfl_ints options;
	uint8_t options_type;
	unsigned before; /* integer inputs in front of x … */
	unsigned after;  /* … and behind it */
	bool without_x;
	int32_t count;
	const char *words[2];
};

static const struct dependent dependents[] = {
	{.code = TFL_BUILTIN_TILE, .after = 1, .count = 2, .words = {"TILE version 1 (float32, int32 -> float32)", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_BROADCAST_TO, .after = 1, .count = 3, .words = {"BROADCAST_TO", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_SLICE, .after = 2, .count = 2, .words = {"SLICE", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_STRIDED_SLICE, .after = 3, .count = 2, .words = {"STRIDED_SLICE", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_FILL, .before = 1, .count = 2, .words = {"FILL", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_EXPAND_DIMS, .after = 1, .count = 1, .words = {"EXPAND_DIMS", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_REVERSE_V2, .after = 1, .count = 1, .words = {"REVERSE_V2", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_PAD, .after = 1, .count = 4, .words = {"PAD", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_SPACE_TO_BATCH_ND, .after = 2, .count = 1, .words = {"SPACE_TO_BATCH_ND", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_SPLIT, .options_type = TFL_OPTIONS_SPLIT, .options = {(const int32_t[]){1}, 1}, .before = 1, .count = 1,
	 .words = {"SPLIT", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_SCATTER_ND, .before = 1, .after = 1, .count = 2, .words = {"SCATTER_ND", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_WHERE, .words = {"WHERE", "depends on the content of a request"}},
	{.code = TFL_BUILTIN_RANGE, .before = 3, .without_x = true, .words = {"RANGE version 1 (int32, int32, int32 -> int32)", "depends on the content of a request"}},
};

START_TEST(shapes_that_depend_on_a_request_are_refused_by_name)
{
	const struct dependent *dependent = &dependents[_i];
	struct tfl_builder *builder = tfl_build_create();
	int32_t inputs[8], output;
	uint32_t count = 0;
	struct tfl_program *program;
	struct scene scene;

	for (unsigned i = 0; i < dependent->before; i++)
		inputs[count++] = ints(builder, (struct tfl_ints){0}, (struct tfl_ints){&dependent->count, dependent->count > 0});
	if (!dependent->without_x)
		inputs[count++] = floats(builder, TFL_INTS(2, 3));
	for (unsigned i = 0; i < dependent->after; i++)
		inputs[count++] = ints(builder, (struct tfl_ints){0}, TFL_INTS(dependent->count));
	output = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = dependent->code == TFL_BUILTIN_WHERE   ? TFL_INT64 :
									       dependent->without_x ? TFL_INT32 :
												      TFL_FLOAT32,
								      .dims = TFL_INTS(1)});
	add(builder, dependent->code, tfl_options_ints(dependent->options_type, dependent->options), (struct tfl_ints){inputs, count},
	    TFL_INTS(output));
	tfl_build_io(builder, (struct tfl_ints){inputs, count}, TFL_INTS(output));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EOPNOTSUPP);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(dependent->words); i++)
		ck_assert_msg(strstr(scene.error.text, dependent->words[i]) != NULL, "'%s' does not say '%s'", scene.error.text, dependent->words[i]);
	scene_close(&scene);
}
END_TEST

/* An operator over x of [3, 2], which holds 1 to 6, and integers that come with the request: some that it must not take, then some that it may. */
struct indexed {
	uint32_t code;
	uint8_t options_type;
	struct tfl_ints options;
	bool indices_first;
	struct tfl_ints dims, bad, good; /* of the integers */
	struct tfl_ints rest[2];         /* constants behind both */
	struct tfl_ints shape;           /* of the output */
	const char *sentence;
	float right[6];
};

#define LIST(...) {(const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)}

static const struct indexed indexed[] = {
	{TFL_BUILTIN_GATHER, TFL_OPTIONS_GATHER, LIST(0, 0), false, LIST(2), LIST(2, 3), LIST(2, 0), {{0}}, LIST(2, 2),
	 "operator 0 (GATHER): element 1 of input 1 is 3; it must be at least 0 and less than 3", {5, 6, 1, 2}},
	{TFL_BUILTIN_GATHER, TFL_OPTIONS_GATHER, LIST(1, 0), false, LIST(1), LIST(-1), LIST(1), {{0}}, LIST(3, 1),
	 "operator 0 (GATHER): element 0 of input 1 is -1; it must be at least 0 and less than 2", {2, 4, 6}},
	{TFL_BUILTIN_GATHER_ND, 0, LIST(0), false, LIST(1, 2), LIST(2, 2), LIST(2, 1), {{0}}, LIST(1),
	 "operator 0 (GATHER_ND): element 1 of input 1 is 2; it must be at least 0 and less than 2", {6}},
	{TFL_BUILTIN_SCATTER_ND, 0, LIST(0), true, LIST(3, 1), LIST(0, 1, 3), LIST(0, 1, 0), {LIST(3, 2)}, LIST(3, 2),
	 "operator 0 (SCATTER_ND): element 2 of input 0 is 3; it must be at least 0 and less than 3", {6, 8, 3, 4, 0, 0}},
	{TFL_BUILTIN_EMBEDDING_LOOKUP, 0, LIST(0), true, LIST(1), LIST(INT32_MIN), LIST(1), {{0}}, LIST(1, 2),
	 "operator 0 (EMBEDDING_LOOKUP): element 0 of input 0 is -2147483648; it must be at least 0 and less than 3", {3, 4}},
	{TFL_BUILTIN_SLICE, 0, LIST(0), false, LIST(2), LIST(2, 0), LIST(1, 0), {LIST(2, 1)}, LIST(2, 1),
	 "operator 0 (SLICE): element 0 of input 1 is 2; it must be at least 0 and less than 2", {3, 5}},
	{TFL_BUILTIN_STRIDED_SLICE, TFL_OPTIONS_STRIDED_SLICE, LIST(0, 0, 0, 0, 1), false, LIST(1), LIST(-4), LIST(-1), {LIST(0), LIST(1)}, LIST(2),
	 "operator 0 (STRIDED_SLICE): it takes position -4 of a dimension of 3", {5, 6}},
	{TFL_BUILTIN_STRIDED_SLICE, TFL_OPTIONS_STRIDED_SLICE, LIST(0, 0, 0, 0, 1), false, LIST(1), LIST(3), LIST(0), {LIST(0), LIST(1)}, LIST(2),
	 "operator 0 (STRIDED_SLICE): it takes position 3 of a dimension of 3", {1, 2}},
};

static void open_indexed(const struct indexed *row, struct scene *scene)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t x = floats(builder, TFL_INTS(3, 2)), indices = ints(builder, (struct tfl_ints){0}, row->dims), output = floats(builder, row->shape);
	int32_t inputs[] = {row->indices_first ? indices : x, row->indices_first ? x : indices, 0, 0};
	uint32_t count = 2;

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(row->rest) && row->rest[i].count > 0; i++)
		inputs[count++] = ints(builder, row->rest[i], TFL_INTS((int32_t)row->rest[i].count));
	add(builder, row->code, tfl_options_ints(row->options_type, row->options), (struct tfl_ints){inputs, count}, TFL_INTS(output));
	tfl_build_io(builder, TFL_INTS(x, indices), TFL_INTS(output));
	ck_assert_int_eq(scene_open(scene, builder), 0);
}

/* A request with a bad index fails and names it; the next one is answered. */
START_TEST(an_index_outside_is_the_requests_error)
{
	static const float x[] = {1, 2, 3, 4, 5, 6};
	const struct indexed *row = &indexed[_i];
	struct tfl_interpreter *interpreter;
	struct tfl_program *program;
	const struct tfl_io *outputs;
	struct tfl_error error;
	struct scene scene;
	uint32_t count;

	open_indexed(row, &scene);
	program = scene_program(&scene, NULL);
	outputs = tfl_program_outputs(program, &count);
	interpreter = scene_interpreter(program);
	memcpy(tfl_interpreter_input(interpreter, 0), x, sizeof(x));
	memcpy(tfl_interpreter_input(interpreter, 1), row->bad.values, row->bad.count * sizeof(int32_t));
	ck_assert_int_eq(tfl_interpreter_invoke(interpreter, NULL, &error), -EINVAL);
	ck_assert_str_eq(error.text, row->sentence);
	memcpy(tfl_interpreter_input(interpreter, 0), x, sizeof(x));
	memcpy(tfl_interpreter_input(interpreter, 1), row->good.values, row->good.count * sizeof(int32_t));
	scene_invoke(interpreter);
	ck_assert_int_eq(memcmp(tfl_interpreter_output(interpreter, 0), row->right, outputs[0].bytes), 0);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* Constant indices are known to be wrong before any request. */
START_TEST(a_constant_index_outside_is_the_models_error)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t rows = floats(builder, TFL_INTS(3, 2)), indices = ints(builder, TFL_INTS(0, -1), TFL_INTS(2));
	int32_t output = floats(builder, TFL_INTS(2, 2));
	struct tfl_program *program;
	struct scene scene;

	add(builder, TFL_BUILTIN_GATHER, tfl_options_ints(TFL_OPTIONS_GATHER, TFL_INTS(0, 0)), TFL_INTS(rows, indices), TFL_INTS(output));
	tfl_build_io(builder, TFL_INTS(rows), TFL_INTS(output));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EINVAL);
	ck_assert_str_eq(scene.error.text, "operator 0 (GATHER): element 1 of input 1 is -1; it must be at least 0 and less than 3");
	scene_close(&scene);
}
END_TEST

/* An operator over x of [3, 2] and constants that lie. */
struct lie {
	uint32_t code;
	uint8_t options_type;
	struct tfl_ints options;
	bool constant_first;
	struct tfl_ints constants[3];
	const char *words;
	unsigned outputs; /* 0: one */
};

static const struct lie lies[] = {
	{TFL_BUILTIN_TILE, 0, LIST(0), false, {LIST(INT32_MAX, INT32_MAX)}, "it repeats dimension 0, of size 3, 2147483647 times"},
	{TFL_BUILTIN_TILE, 0, LIST(0), false, {LIST(1, -1)}, "it repeats dimension 1, of size 2, -1 times"},
	{TFL_BUILTIN_TILE, 0, LIST(0), false, {LIST(20000, 20000)}, "[60000, 40000], which is negative or larger than"},
	{TFL_BUILTIN_TILE, 0, LIST(0), false, {LIST(2)}, "it repeats 1 dimensions; the input has 2"},
	{TFL_BUILTIN_BROADCAST_TO, 0, LIST(0), false, {LIST(4, 2)}, "dimension 0 of the output is 4; the input's 3 cannot become that"},
	{TFL_BUILTIN_BROADCAST_TO, 0, LIST(0), false, {LIST(2)}, "the input has 2 dimensions, and the output would have 1"},
	{TFL_BUILTIN_BROADCAST_TO, 0, LIST(0), false, {LIST(INT32_MAX, 3, 2)}, "negative or larger than"},
	{TFL_BUILTIN_SLICE, 0, LIST(0), false, {LIST(4, 0), LIST(0, 1)}, "dimension 0 has 3 elements; a slice of 0 from element 4 on"},
	{TFL_BUILTIN_SLICE, 0, LIST(0), false, {LIST(-1, 0), LIST(1, 1)}, "a slice of 1 from element -1 on does not fit"},
	{TFL_BUILTIN_SLICE, 0, LIST(0), false, {LIST(0, 1), LIST(1, INT32_MAX)}, "a slice of 2147483647 from element 1 on does not fit"},
	{TFL_BUILTIN_SLICE, 0, LIST(0), false, {LIST(0, 1), LIST(1, -2)}, "a slice of -2 from element 1 on does not fit"},
	{TFL_BUILTIN_STRIDED_SLICE, TFL_OPTIONS_STRIDED_SLICE, LIST(0, 0), false, {LIST(0), LIST(3), LIST(0)}, "the stride of dimension 0 is 0"},
	{TFL_BUILTIN_STRIDED_SLICE, TFL_OPTIONS_STRIDED_SLICE, LIST(0, 0, 3), false, {LIST(0, 0), LIST(3, 2), LIST(1, 1)}, "2 ellipses; one is right"},
	{TFL_BUILTIN_STRIDED_SLICE, TFL_OPTIONS_STRIDED_SLICE, LIST(0, 0, 0, 0, 1), false, {LIST(INT32_MIN), LIST(0), LIST(1)},
	 "it takes position -2147483648 of a dimension of 3"},
	{TFL_BUILTIN_STRIDED_SLICE, TFL_OPTIONS_STRIDED_SLICE, LIST(0, 0), false, {LIST(0, 0, 0), LIST(1, 1, 1), LIST(1, 1, 1)},
	 "it slices 3 dimensions; the input has 2"},
	{TFL_BUILTIN_STRIDED_SLICE, TFL_OPTIONS_STRIDED_SLICE, LIST(0, 0), false, {LIST(0, 0), LIST(1), LIST(1, 1)}, "input 2 has 1 elements"},
	{TFL_BUILTIN_SPLIT, TFL_OPTIONS_SPLIT, LIST(1), true, {LIST(INT32_MIN)}, "its axis is -2147483648; there are 2 dimensions"},
	{TFL_BUILTIN_SPLIT, TFL_OPTIONS_SPLIT, LIST(INT32_MAX), true, {LIST(0)}, "its options say 2147483647 parts, but it has 1 outputs"},
	{TFL_BUILTIN_SPLIT_V, TFL_OPTIONS_SPLIT_V, LIST(1), false, {LIST(2), LIST(0)}, "its parts leave 1 of 3 elements for 0 parts of size -1"},
	{TFL_BUILTIN_SPLIT_V, TFL_OPTIONS_SPLIT_V, LIST(1), false, {LIST(INT32_MAX), LIST(0)}, "part 0 has a size of 2147483647; 3 of 3 elements"},
	{TFL_BUILTIN_SPLIT_V, TFL_OPTIONS_SPLIT_V, LIST(2), false, {LIST(-1, -1), LIST(0)}, "its parts leave 3 of 3 elements for 2 parts of size -1", 2},
	{TFL_BUILTIN_SPLIT_V, TFL_OPTIONS_SPLIT_V, LIST(2), false, {LIST(3, 1), LIST(0)}, "part 1 has a size of 1; 0 of 3 elements are left", 2},
	{TFL_BUILTIN_SPLIT, TFL_OPTIONS_SPLIT, LIST(2), true, {LIST(0)}, "dimension 0 has 3 elements, which are not 2 equal parts", 2},
	{TFL_BUILTIN_UNPACK, TFL_OPTIONS_UNPACK, LIST(2, 0), false, {{0}}, "its options say 2 parts, but dimension 0 has 3 elements", 2},
	{TFL_BUILTIN_EXPAND_DIMS, 0, LIST(0), false, {LIST(-4)}, "its axis is -4; there are 3 dimensions"},
	{TFL_BUILTIN_REVERSE_V2, 0, LIST(0), false, {LIST(0, 2)}, "its axis is 2; there are 2 dimensions"},
	{TFL_BUILTIN_MIRROR_PAD, 0, LIST(0), false, {LIST(0, 3, 0, 0)}, "dimension 0, of 3 elements, cannot be mirrored by 0 and 3"},
	{TFL_BUILTIN_FILL, 0, LIST(0), true, {LIST(2, -1)}, "it fills with 6 elements; one is right"},
	{TFL_BUILTIN_SPACE_TO_BATCH_ND, 0, LIST(0), false, {LIST(0), LIST(0, 0)}, "dimension 1 has blocks of 0"},
	{TFL_BUILTIN_SPACE_TO_BATCH_ND, 0, LIST(0), false, {LIST(INT32_MAX), LIST(INT32_MAX, 0)}, "is not so many blocks of 2147483647"},
	{TFL_BUILTIN_SPACE_TO_BATCH_ND, 0, LIST(0), false, {LIST(2, 2), LIST(0, 0, 0, 0)}, "there are 2 block sizes"},
	{TFL_BUILTIN_BATCH_TO_SPACE_ND, 0, LIST(0), false, {LIST(2), LIST(0, 0)}, "3 batches are not those of whole blocks"},
	{TFL_BUILTIN_BATCH_TO_SPACE_ND, 0, LIST(0), false, {LIST(3), LIST(INT32_MAX, 7)}, "is smaller than what is cut off: 2147483647 and 7"},
};

START_TEST(lies_are_refused)
{
	const struct lie *lie = &lies[_i];
	struct tfl_builder *builder = tfl_build_create();
	int32_t inputs[4], outputs[2], x = floats(builder, TFL_INTS(3, 2));
	uint32_t count = 0, parts = lie->outputs ? lie->outputs : 1;
	struct tfl_program *program;
	struct scene scene;

	if (!lie->constant_first)
		inputs[count++] = x;
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(lie->constants) && lie->constants[i].count > 0; i++)
		inputs[count++] = ints(builder, lie->constants[i], TFL_INTS((int32_t)lie->constants[i].count));
	if (lie->constant_first)
		inputs[count++] = x;
	for (unsigned i = 0; i < parts; i++)
		outputs[i] = floats(builder, TFL_INTS(1));
	add(builder, lie->code, tfl_options_ints(lie->options_type, lie->options), (struct tfl_ints){inputs, count},
	    (struct tfl_ints){outputs, parts});
	tfl_build_io(builder, TFL_INTS(x), (struct tfl_ints){outputs, parts});
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EINVAL);
	ck_assert_msg(strstr(scene.error.text, lie->words) != NULL, "'%s' does not say '%s'", scene.error.text, lie->words);
	scene_close(&scene);
}
END_TEST

static int32_t bytes(struct tfl_builder *builder, struct tfl_ints dims, uint32_t scales, float scale, int32_t axis)
{
	static const int64_t zero_points[3];
	const float list[] = {scale, scale, scale};

	return tfl_build_tensor(builder, &(struct tfl_build_tensor){.dtype = TFL_INT8, .dims = dims, .scales = list, .zero_points = zero_points,
								    .scale_count = scales, .axis = axis});
}

/* Scales that moving the bytes would not keep: inputs of PACK that differ, a table with a scale for each column instead of each row. */
START_TEST(scales_that_do_not_fit_are_refused_by_name)
{
	struct tfl_builder *builder = tfl_build_create();
	int32_t x, y, output;
	struct tfl_program *program;
	struct scene scene;

	if (_i == 0) {
		x = bytes(builder, TFL_INTS(2), 1, 0.5f, 0);
		y = bytes(builder, TFL_INTS(2), 1, 0.25f, 0);
		output = bytes(builder, TFL_INTS(2, 2), 1, 0.5f, 0);
		add(builder, TFL_BUILTIN_PACK, tfl_options_ints(TFL_OPTIONS_PACK, TFL_INTS(2, 0)), TFL_INTS(x, y), TFL_INTS(output));
	} else {
		x = ints(builder, (struct tfl_ints){0}, TFL_INTS(2));
		y = bytes(builder, TFL_INTS(3, 3), 3, 0.5f, 1);
		output = floats(builder, TFL_INTS(2, 3));
		add(builder, TFL_BUILTIN_EMBEDDING_LOOKUP, tfl_options_empty(0), TFL_INTS(x, y), TFL_INTS(output));
	}
	tfl_build_io(builder, TFL_INTS(x, y), TFL_INTS(output));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	ck_assert_int_eq(scene_try(&scene, NULL, &program), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(scene.error.text, _i ? "its table has 3 scales for 3 rows" : "input 1 has another scale than the output"));
	scene_close(&scene);
}
END_TEST

/* x[1, :, newaxis] + row: as many dimensions as before, but others, and what reads them must see that. */
START_TEST(a_slice_of_another_shape_is_seen_by_its_reader)
{
	static const float x[] = {1, 2, 3, 10, 20, 30}, row[] = {1, 2, 3, 4};
	struct tfl_builder *builder = tfl_build_create();
	int32_t input = floats(builder, TFL_INTS(2, 3)), zero = ints(builder, TFL_INTS(1, 0, 0), TFL_INTS(3)), column = floats(builder, TFL_INTS(3, 1));
	int32_t one = ints(builder, TFL_INTS(1, 1, 1), TFL_INTS(3)), output = floats(builder, TFL_INTS(3, 4)), added;
	struct tfl_interpreter *interpreter;
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;

	added = tfl_build_tensor(builder, &(struct tfl_build_tensor){.dims = TFL_INTS(1, 4), .data = row, .data_size = sizeof(row)});
	add(builder, TFL_BUILTIN_STRIDED_SLICE, tfl_options_ints(TFL_OPTIONS_STRIDED_SLICE, TFL_INTS(2, 2, 0, 4, 1)), TFL_INTS(input, zero, one, one),
	    TFL_INTS(column));
	add(builder, TFL_BUILTIN_ADD, tfl_options_add(TFL_ACTIVATION_NONE), TFL_INTS(column, added), TFL_INTS(output));
	tfl_build_io(builder, TFL_INTS(input), TFL_INTS(output));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = _i});
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.xnnpack_operators, _i ? 0 : 2);
	interpreter = scene_interpreter(program);
	memcpy(tfl_interpreter_input(interpreter, 0), x, sizeof(x));
	scene_invoke(interpreter);
	for (size_t i = 0; i < 12; i++)
		ck_assert_float_eq(((const float *)tfl_interpreter_output(interpreter, 0))[i], x[3 + i / 4] + row[i % 4]);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

/* One part of three is read, by an operator with an activation of its own: XNNPACK must not trip over the others. */
START_TEST(parts_that_nobody_reads_are_left_out)
{
	static const float input[] = {1, -2, 3, 4, -5, 6};
	struct tfl_builder *builder = tfl_build_create();
	int32_t x = floats(builder, TFL_INTS(6)), axis = ints(builder, TFL_INTS(0), (struct tfl_ints){0});
	int32_t parts[3], output = floats(builder, TFL_INTS(2));
	struct tfl_interpreter *interpreter;
	struct tfl_program_info info;
	struct tfl_program *program;
	struct scene scene;

	for (unsigned i = 0; i < 3; i++)
		parts[i] = floats(builder, TFL_INTS(2));
	add(builder, TFL_BUILTIN_SPLIT, tfl_options_ints(TFL_OPTIONS_SPLIT, TFL_INTS(3)), TFL_INTS(axis, x), (struct tfl_ints){parts, 3});
	add(builder, TFL_BUILTIN_ADD, tfl_options_add(TFL_ACTIVATION_RELU), TFL_INTS(parts[2], parts[2]), TFL_INTS(output));
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(output));
	ck_assert_int_eq(scene_open(&scene, builder), 0);
	program = scene_program(&scene, &(struct tfl_program_options){.portable = _i});
	tfl_program_info(program, &info);
	ck_assert_uint_eq(info.xnnpack_operators, _i ? 0 : 2);
	interpreter = scene_interpreter(program);
	memcpy(tfl_interpreter_input(interpreter, 0), input, sizeof(input));
	scene_invoke(interpreter);
	ck_assert_float_eq(((const float *)tfl_interpreter_output(interpreter, 0))[0], 0);
	ck_assert_float_eq(((const float *)tfl_interpreter_output(interpreter, 0))[1], 12);
	tfl_interpreter_destroy(interpreter);
	tfl_program_destroy(program);
	scene_close(&scene);
}
END_TEST

Suite *move_suite(void)
{
	Suite *suite = suite_create("move");
	TCase *tests = tcase_create("move");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, moves_are_what_loops_do);
	tcase_add_test(tests, what_lies_together_is_one_run);
	tcase_add_test(tests, fill_repeats_elements_of_any_size);
	tcase_add_test(tests, shapes_are_constants);
	tcase_add_loop_test(tests, shapes_that_depend_on_a_request_are_refused_by_name, 0, TFL_ARRAY_SIZE(dependents));
	tcase_add_loop_test(tests, an_index_outside_is_the_requests_error, 0, TFL_ARRAY_SIZE(indexed));
	tcase_add_test(tests, a_constant_index_outside_is_the_models_error);
	tcase_add_loop_test(tests, lies_are_refused, 0, TFL_ARRAY_SIZE(lies));
	tcase_add_loop_test(tests, scales_that_do_not_fit_are_refused_by_name, 0, 2);
	tcase_add_loop_test(tests, a_slice_of_another_shape_is_seen_by_its_reader, 0, 2);
	tcase_add_loop_test(tests, parts_that_nobody_reads_are_left_out, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}
