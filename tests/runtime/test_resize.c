/* SPDX-License-Identifier: MIT */
/*
 * Inputs of other shapes than the file's. What comes of them is, to the bit, what a model gives whose file has these shapes from the start. More
 * shapes come than are kept, in turn, for interpreters that share a program, on several threads; and those that cannot be say why.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/program_internal.h"
#include "tests/builder/random.h"
#include "tests/runtime/brief.h"
#include "tests/runtime/entry_sample.h"
#include "tests/runtime/random_graph.h"
#include "tests/runtime/subject.h"
#include "tests/runtime/suites.h"

static const struct tfl_ints scalar = {NULL, 0};

/* With the inputs that another program has. */
static struct tfl_interpreter *resize_as(struct tfl_interpreter *interpreter, const struct tfl_program *program)
{
	struct tfl_io_shape shapes[4] = {0};
	const struct tfl_io *inputs;
	uint32_t count;

	inputs = tfl_program_inputs(program, &count);
	ck_assert_uint_le(count, TFL_ARRAY_SIZE(shapes));
	for (uint32_t i = 0; i < count; i++) {
		shapes[i].rank = inputs[i].rank;
		memcpy(shapes[i].dims, inputs[i].dims, sizeof(inputs[i].dims));
	}
	return subject_resize(interpreter, shapes);
}

/* Outputs have the shapes, and for a few inputs the bits, of those of @p fresh, whose file has these shapes. */
static void compare_with(struct tfl_interpreter *interpreter, struct subject *fresh, const char *what)
{
	struct tfl_interpreter *resized = resize_as(interpreter, fresh->program);
	const struct tfl_io *outputs;
	uint32_t count;

	outputs = tfl_program_outputs(fresh->program, &count);
	for (uint64_t seed = 1; seed <= 2; seed++) {
		scene_fill(fresh->program, fresh->interpreter, seed);
		scene_fill(fresh->program, resized, seed);
		scene_invoke(fresh->interpreter);
		scene_invoke(resized);
		for (uint32_t i = 0; i < count; i++) {
			struct tfl_io io;

			tfl_interpreter_output_io(resized, i, &io);
			ck_assert_msg(io.rank == outputs[i].rank && memcmp(io.dims, outputs[i].dims, io.rank * sizeof(*io.dims)) == 0 &&
				      io.bytes == outputs[i].bytes && io.elements == outputs[i].elements, "%s: output %u has another shape", what, i);
		}
		scene_compare(fresh->program, resized, fresh->interpreter, 0, 0, what);
	}
}

/* A small network for pictures: f float32, h float16 weights, d float32 with int8 weights, b int8. */
struct plan {
	char type;
	int32_t n, h, w;
};

enum { CHANNELS = 8, CLASSES = 5 };

static bool is_real(const struct plan *plan)
{
	return plan->type != 'b';
}

static int value(struct tfl_builder *b, const struct plan *plan, struct tfl_ints dims, struct tfl_ints signature)
{
	static const float scale = 0.05f;
	static const int64_t zero_point = -3;

	return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "value", .dtype = is_real(plan) ? TFL_FLOAT32 : TFL_INT8, .dims = dims,
							      .signature = signature, .scales = is_real(plan) ? NULL : &scale,
							      .zero_points = &zero_point, .scale_count = !is_real(plan)});
}

static int filter(struct tfl_builder *b, const struct plan *plan, struct tfl_random *random, struct tfl_ints dims)
{
	static const float scale = 1 / 128.0f;
	/* 0.0625, -0.125, 0.25, -0.5, 0, 0.375 */
	static const uint16_t halves[6] = {0x2c00, 0xb000, 0x3400, 0xb800, 0, 0x3600};
	enum { MAX = CHANNELS * CHANNELS * 9 };
	uint16_t half[MAX];
	float real[MAX];
	int8_t bytes[MAX];
	size_t count = 1;
	int stored, used;

	for (uint32_t i = 0; i < dims.count; i++)
		count *= (size_t)dims.values[i];
	for (size_t i = 0; i < count; i++) {
		bytes[i] = (int8_t)tfl_random_next(random);
		real[i] = (float)bytes[i] * scale;
		half[i] = halves[tfl_random_below(random, 6)];
	}
	if (plan->type == 'f')
		return constant(b, TFL_FLOAT32, dims, real, count * sizeof(*real));
	if (plan->type != 'h')
		return tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "w", .dtype = TFL_INT8, .dims = dims, .data = bytes, .data_size = count,
								      .scales = &scale, .scale_count = 1});
	stored = constant(b, TFL_FLOAT16, dims, half, count * sizeof(*half));
	used = tensor(b, TFL_FLOAT32, dims);
	op(b, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(stored), TFL_INTS(used), none());
	return used;
}

static int bias(struct tfl_builder *b, const struct plan *plan, struct tfl_random *random, int32_t count)
{
	int32_t integers[CHANNELS];
	float reals[CHANNELS];

	for (int32_t i = 0; i < count; i++) {
		reals[i] = tfl_random_uniform(random, -1, 1);
		integers[i] = (int32_t)(reals[i] * 2000);
	}
	return constant(b, is_real(plan) ? TFL_FLOAT32 : TFL_INT32, TFL_INTS(count), is_real(plan) ? (void *)reals : (void *)integers,
			(size_t)count * 4);
}

static struct tfl_builder *build_net(const struct plan *plan)
{
	const struct tfl_build_window wide = {.stride_h = 2, .stride_w = 2, .activation = TFL_ACTIVATION_RELU6}, plain = {.depth_multiplier = 1};
	static const int32_t plane[2] = {1, 2};
	struct tfl_builder *b = tfl_build_create();
	struct tfl_random random = {7};
	int32_t n = plan->n, h = (plan->h + 1) / 2, w = (plan->w + 1) / 2;
	int x = value(b, plan, TFL_INTS(n, plan->h, plan->w, 3), TFL_INTS(-1, -1, -1, 3)), y[5], f, c, axes;

	for (int i = 0; i < 3; i++)
		y[i] = value(b, plan, TFL_INTS(n, h, w, CHANNELS), scalar);
	y[3] = value(b, plan, TFL_INTS(n, CHANNELS), scalar);
	y[4] = value(b, plan, TFL_INTS(n, CLASSES), scalar);
	f = filter(b, plan, &random, TFL_INTS(CHANNELS, 3, 3, 3));
	c = bias(b, plan, &random, CHANNELS);
	op(b, TFL_BUILTIN_CONV_2D, TFL_INTS(x, f, c), TFL_INTS(y[0]), tfl_options_conv_2d(&wide));
	f = filter(b, plan, &random, TFL_INTS(1, 3, 3, CHANNELS));
	c = bias(b, plan, &random, CHANNELS);
	op(b, TFL_BUILTIN_DEPTHWISE_CONV_2D, TFL_INTS(y[0], f, c), TFL_INTS(y[1]), tfl_options_depthwise_conv_2d(&plain));
	f = filter(b, plan, &random, TFL_INTS(CHANNELS, 1, 1, CHANNELS));
	c = bias(b, plan, &random, CHANNELS);
	op(b, TFL_BUILTIN_CONV_2D, TFL_INTS(y[1], f, c), TFL_INTS(y[2]), tfl_options_conv_2d(&plain));
	axes = constant(b, TFL_INT32, TFL_INTS(2), plane, sizeof(plane));
	op(b, TFL_BUILTIN_MEAN, TFL_INTS(y[2], axes), TFL_INTS(y[3]), tfl_options_reducer(false));
	f = filter(b, plan, &random, TFL_INTS(CLASSES, CHANNELS));
	c = bias(b, plan, &random, CLASSES);
	op(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(y[3], f, c), TFL_INTS(y[4]), tfl_options_fully_connected(0, false));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y[4], y[2]));
	return b;
}

static const struct plan plans[] = {{'f', 1, 8, 8}, {'h', 1, 8, 8}, {'d', 1, 8, 8}, {'b', 1, 8, 8}};

/* Other pictures, more pictures, both; more shapes than are kept. */
static const int32_t sizes[][3] = {{3, 8, 8}, {1, 13, 6}, {2, 5, 11}, {1, 1, 1}, {1, 8, 8}, {4, 3, 2}, {1, 2, 40}};

START_TEST(a_net_takes_pictures_of_any_size)
{
	const struct tfl_program_options options = {.portable = _i % 2};
	const struct plan *plan = &plans[_i / 2];
	struct subject fresh, subject;

	subject_open(&subject, build_net(plan), &options);
	for (size_t i = 0; i < 2 * TFL_ARRAY_SIZE(sizes); i++) {
		const int32_t *size = sizes[i % TFL_ARRAY_SIZE(sizes)];
		char what[80];

		subject_open(&fresh, build_net(&(struct plan){plan->type, size[0], size[1], size[2]}), &options);
		snprintf(what, sizeof(what), "%c [%d, %d, %d]", plan->type, size[0], size[1], size[2]);
		compare_with(subject.interpreter, &fresh, what);
		compare_with(subject.interpreter, &fresh, what);
		subject_close(&fresh);
	}
	subject_close(&subject);
}
END_TEST

enum { GRAPHS = 40 };

START_TEST(any_graph_takes_any_batch)
{
	struct random_graph wanted = {.seed = 300 + (uint64_t)_i, .dtype = _i % 2 ? TFL_INT8 : TFL_FLOAT32, .operators = 25, .inputs = 2, .outputs = 3};
	struct subject subject, fresh;
	char what[40];

	for (int portable = 0; portable < 2; portable++) {
		const struct tfl_program_options options = {.portable = portable};

		wanted.batch = 1 + _i % 3;
		subject_open(&subject, random_graph_build(&wanted), &options);
		for (int32_t batch = 1; batch <= 5; batch += 2) {
			wanted.batch = batch;
			snprintf(what, sizeof(what), "graph %d, batch %d", _i, batch);
			subject_open(&fresh, random_graph_build(&wanted), &options);
			compare_with(subject.interpreter, &fresh, what);
			subject_close(&fresh);
		}
		subject_close(&subject);
	}
}
END_TEST

/* y = w x, of many rows at once or of one. */
enum { DEEP = 256 };

static struct tfl_builder *build_deep(int32_t rows)
{
	static float weights[DEEP * DEEP], shift[DEEP];
	struct tfl_builder *b = tfl_build_create();
	int x = subject_input(b, TFL_INTS(rows, DEEP), TFL_INTS(-1, DEEP)), y = tensor(b, TFL_FLOAT32, TFL_INTS(rows, DEEP)), w, c;

	for (int i = 0; i < DEEP * DEEP; i++)
		weights[i] = (float)(i % 17 - 8) / 64;
	w = constant(b, TFL_FLOAT32, TFL_INTS(DEEP, DEEP), weights, sizeof(weights));
	c = constant(b, TFL_FLOAT32, TFL_INTS(DEEP), shift, sizeof(shift));
	op(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(x, w, c), TFL_INTS(y), tfl_options_fully_connected(0, false));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	tfl_build_file(b, "tail", shift, sizeof(shift)); /* no constant is at the end of the file, where it would be copied */
	return b;
}

/* Packed weights are the program's, for whatever shapes: what one more costs is its activations. */
START_TEST(a_shape_costs_its_activations)
{
	struct subject subject, fresh;
	struct tfl_program_info before, after;
	size_t late;

	subject_open(&subject, build_deep(1), NULL);
	subject_open(&fresh, build_deep(8), NULL);
	tfl_program_info(subject.program, &before);
	ck_assert_uint_ge(before.packed_bytes, DEEP * DEEP * sizeof(float));
	ck_assert_uint_eq(before.packed_entries, 1);
	ck_assert_uint_eq(tfl_interpreter_late_bytes(subject.interpreter), 0);
	compare_with(subject.interpreter, &fresh, "deep");
	tfl_program_info(subject.program, &after);
	ck_assert_uint_eq(after.packed_bytes, before.packed_bytes);
	late = tfl_interpreter_late_bytes(subject.interpreter);
	ck_assert_uint_ge(late, 2 * 8 * DEEP * sizeof(float));
	ck_assert_uint_le(late, tfl_interpreter_bytes(fresh.interpreter) + 8192);
	ck_assert_uint_gt(tfl_interpreter_bytes(subject.interpreter), late);
	subject_close(&fresh);
	subject_close(&subject);
}
END_TEST

static struct tfl_interpreter *with_rows(struct tfl_interpreter *interpreter, int32_t rows)
{
	return subject_resize(interpreter, &(struct tfl_io_shape){2, {rows, DEEP}});
}

START_TEST(what_is_kept_is_bounded)
{
	struct subject subject;
	size_t late = 0;

	subject_open(&subject, build_deep(1), NULL);
	for (int32_t round = 0; round < 20; round++) {
		for (int32_t rows = 2; rows < 2 + 2 * TFL_SHAPES_MAX; rows++)
			scene_invoke(with_rows(subject.interpreter, rows));
		if (round == 0)
			late = tfl_interpreter_late_bytes(subject.interpreter);
		ck_assert_uint_eq(tfl_interpreter_late_bytes(subject.interpreter), late);
	}
	/* The file's own is the interpreter itself, and the others stay. */
	ck_assert_ptr_eq(with_rows(subject.interpreter, 1), subject.interpreter);
	ck_assert_uint_eq(tfl_interpreter_late_bytes(subject.interpreter), late);
	subject_close(&subject);
}
END_TEST

/* The one used longest ago makes room. */
START_TEST(what_is_used_is_kept)
{
	struct tfl_interpreter *often, *kept[TFL_SHAPES_MAX];
	struct subject subject;

	subject_open(&subject, build_deep(1), NULL);
	often = with_rows(subject.interpreter, 100);
	for (int32_t rows = 2; rows < 20; rows++) {
		kept[rows % TFL_SHAPES_MAX] = with_rows(subject.interpreter, rows);
		ck_assert_ptr_eq(with_rows(subject.interpreter, 100), often);
		ck_assert_ptr_eq(with_rows(subject.interpreter, rows), kept[rows % TFL_SHAPES_MAX]);
	}
	subject_close(&subject);
}
END_TEST

static unsigned count_shaped(const struct tfl_program *program)
{
	unsigned count = 0;

	for (const struct tfl_shaped *shaped = program->shaped; shaped; shaped = shaped->next)
		count++;
	return count;
}

START_TEST(interpreters_share_a_program_which_ends_with_its_last_user)
{
	struct tfl_interpreter *other, *left, *right;
	struct subject subject;

	subject_open(&subject, build_deep(1), NULL);
	other = scene_interpreter(subject.program);
	left = with_rows(subject.interpreter, 5);
	right = with_rows(other, 5);
	ck_assert_ptr_ne(left, right);
	ck_assert_ptr_eq(left->program, right->program);
	ck_assert_uint_eq(count_shaped(subject.program), 1);
	memset(tfl_interpreter_input(left, 0), 0, 5 * DEEP * sizeof(float));
	scene_invoke(left);
	tfl_interpreter_destroy(subject.interpreter);
	ck_assert_uint_eq(count_shaped(subject.program), 1);
	scene_invoke(right);
	/* Others come, and this one is given up by the last that has it. */
	for (int32_t rows = 6; rows < 6 + TFL_SHAPES_MAX; rows++)
		with_rows(other, rows);
	ck_assert_uint_eq(count_shaped(subject.program), TFL_SHAPES_MAX);
	for (const struct tfl_shaped *shaped = subject.program->shaped; shaped; shaped = shaped->next)
		ck_assert_int_ne(shaped->given[0].dims[0], 5);
	tfl_interpreter_destroy(other);
	ck_assert_uint_eq(count_shaped(subject.program), 0);
	subject.interpreter = NULL;
	subject_close(&subject);
}
END_TEST

/* One thread: an interpreter of its own of a program that all have, resized all the time. */
struct thread {
	struct tfl_interpreter *interpreter;
	unsigned number;
	bool right;
};

enum { THREADS = 4, TURNS = 60, ROWS = 7 };

static void *resize_all_the_time(void *data)
{
	struct thread *thread = data;
	unsigned wrong = 0;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		int32_t rows = 1 + (int32_t)((turn * (thread->number + 1) + thread->number) % ROWS);
		struct tfl_interpreter *resized = NULL;
		struct tfl_error error;
		const float *y;
		float *x;

		if (tfl_interpreter_resize(thread->interpreter, &(struct tfl_io_shape){2, {rows, ENTRY_COLUMNS}}, &resized, &error) < 0)
			return NULL;
		x = tfl_interpreter_input(resized, 0);
		for (int32_t i = 0; i < rows * ENTRY_COLUMNS; i++)
			x[i] = (float)(i % ENTRY_COLUMNS == 0) * (float)(turn + 1);
		wrong += tfl_interpreter_invoke(resized, NULL, &error) < 0;
		y = tfl_interpreter_output(resized, 0);
		for (int32_t i = 0; i < rows * ENTRY_COLUMNS; i++)
			wrong += y[i] != entry_sample_weights[i % ENTRY_COLUMNS * ENTRY_COLUMNS] * (float)(turn + 1) + entry_sample_bias[i % ENTRY_COLUMNS];
	}
	thread->right = wrong == 0;
	return NULL;
}

START_TEST(threads_resize_interpreters_of_one_program)
{
	struct thread threads[THREADS] = {0};
	struct tfl_builder *b = tfl_build_create();
	pthread_t ids[THREADS];
	struct subject subject;

	entry_sample_build(b);
	subject_open(&subject, b, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].number = i;
		threads[i].interpreter = scene_interpreter(subject.program);
		ck_assert_int_eq(pthread_create(&ids[i], NULL, resize_all_the_time, &threads[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(ids[i], NULL), 0);
		ck_assert(threads[i].right);
		tfl_interpreter_destroy(threads[i].interpreter);
	}
	subject_close(&subject);
}
END_TEST

/* Each entry has shapes of its own. */
START_TEST(entries_are_resized_each_for_itself)
{
	static const uint32_t entries[] = {ENTRY_CLIP, ENTRY_WEIGH, ENTRY_CLIP};
	struct tfl_builder *b = tfl_build_create();
	struct subject subject;

	entry_sample_build(b);
	subject_open(&subject, b, &(struct tfl_program_options){.portable = _i});
	for (int32_t turn = 0; turn < 3; turn++) {
		struct tfl_interpreter *entry = tfl_interpreter_entry(subject.interpreter, entries[turn]);
		struct tfl_interpreter *resized = subject_resize(entry, &(struct tfl_io_shape){2, {turn + 2, ENTRY_COLUMNS}});
		struct tfl_io io;

		memset(tfl_interpreter_input(resized, 0), 0, (size_t)(turn + 2) * ENTRY_COLUMNS * sizeof(float));
		scene_invoke(resized);
		tfl_interpreter_output_io(resized, 0, &io);
		ck_assert_int_eq(io.dims[0], entries[turn] == ENTRY_CLIP ? 2 * (turn + 2) : turn + 2);
		for (size_t i = 0; i < io.elements; i++)
			ck_assert_float_eq(((const float *)tfl_interpreter_output(resized, 0))[i],
					   entries[turn] == ENTRY_CLIP && entry_sample_bias[i % 4] < 0 ? 0 : entry_sample_bias[i % 4]);
	}
	subject_close(&subject);
}
END_TEST

/* Shapes that cannot be, of the sample's entries: their inputs are [-1, 4]. */
struct refusal {
	uint32_t entry;
	struct tfl_io_shape shape;
	int code;
	const char *words;
};

static const struct refusal refusals[] = {
	{ENTRY_WEIGH, {1, {4}}, -EINVAL, "input 0 'rows' cannot have the shape [4]: its shape_signature is [-1, 4], where -1 is any size from 1 on"},
	{ENTRY_WEIGH, {3, {1, 4, 1}}, -EINVAL, "shape [1, 4, 1]"},
	{ENTRY_WEIGH, {0, {0}}, -EINVAL, "shape []"},
	{ENTRY_WEIGH, {255, {1, 4}}, -EINVAL, "cannot have 255 dimensions"},
	{ENTRY_WEIGH, {2, {0, 4}}, -EINVAL, "shape [0, 4]"},
	{ENTRY_WEIGH, {2, {-1, 4}}, -EINVAL, "shape [-1, 4]"},
	{ENTRY_WEIGH, {2, {2, 5}}, -EINVAL, "shape [2, 5]"},
	{ENTRY_WEIGH, {2, {INT32_MAX, 4}}, -EINVAL, "input 0 would have the shape [2147483647, 4], which is negative or larger than 1073741824 bytes"},
	{ENTRY_WEIGH, {2, {60000000, 4}}, -EFBIG, "with inputs of these shapes: activations of one interpreter would pass 268435456 bytes"},
	{ENTRY_CLIP, {2, {0, 4}}, -EINVAL, "shape [0, 4]"},
	{ENTRY_TWICE, {2, {2, 4}}, -EINVAL, "with inputs of these shapes: operator 1 (RESHAPE)"},
};

START_TEST(shapes_that_cannot_be_say_why)
{
	const struct refusal *refusal = &refusals[_i];
	struct tfl_builder *b = tfl_build_create();
	struct tfl_interpreter *entry, *resized = NULL;
	struct tfl_error error = {0};
	struct subject subject;

	entry_sample_build(b);
	subject_open(&subject, b, NULL);
	entry = tfl_interpreter_entry(subject.interpreter, refusal->entry);
	ck_assert_msg(tfl_interpreter_resize(entry, &refusal->shape, &resized, &error) == refusal->code, "%d: %s", error.code, error.text);
	ck_assert_int_eq(error.code, refusal->code);
	ck_assert_msg(strstr(error.text, refusal->words), "%s", error.text);
	ck_assert_uint_eq(tfl_interpreter_late_bytes(subject.interpreter), 0);
	/* Nothing was lost by asking. */
	scene_invoke(entry);
	if (refusal->entry != ENTRY_TWICE)
		scene_invoke(subject_resize(entry, &(struct tfl_io_shape){2, {3, ENTRY_COLUMNS}}));
	subject_close(&subject);
}
END_TEST

START_TEST(a_run_takes_no_more_work_than_it_may)
{
	struct tfl_interpreter *resized;
	struct tfl_error error = {0};
	struct subject subject;

	subject_open(&subject, build_deep(1), &(struct tfl_program_options){.work_max = 10 * DEEP * DEEP});
	scene_invoke(with_rows(subject.interpreter, 8));
	ck_assert_int_eq(tfl_interpreter_resize(subject.interpreter, &(struct tfl_io_shape){2, {20, DEEP}}, &resized, &error), -EFBIG);
	ck_assert_ptr_nonnull(strstr(error.text, "operations"));
	subject_close(&subject);
}
END_TEST

/* The file may ask for more than whoever sends a request. */
START_TEST(a_request_decides_about_seconds_only)
{
	enum { WIDE = 1024, MOST = TFL_LATE_WORK_MAX / WIDE / WIDE };
	static float weights[WIDE * WIDE];
	struct tfl_builder *b = tfl_build_create();
	int x = subject_input(b, TFL_INTS(1, WIDE), TFL_INTS(-1, WIDE)), y = tensor(b, TFL_FLOAT32, TFL_INTS(1, WIDE));
	int w = constant(b, TFL_FLOAT32, TFL_INTS(WIDE, WIDE), weights, sizeof(weights));
	struct tfl_interpreter *resized;
	struct tfl_error error = {0};
	struct subject subject;

	op(b, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(x, w, -1), TFL_INTS(y), tfl_options_fully_connected(0, false));
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	subject_open(&subject, b, NULL);
	subject_resize(subject.interpreter, &(struct tfl_io_shape){2, {MOST / 2, WIDE}});
	ck_assert_int_eq(tfl_interpreter_resize(subject.interpreter, &(struct tfl_io_shape){2, {MOST, WIDE}}, &resized, &error), -EFBIG);
	ck_assert_ptr_nonnull(strstr(error.text, "would take more than 17179869184 operations"));
	subject_close(&subject);
}
END_TEST

/* A scale for each row, of which there are three. */
START_TEST(rows_are_as_many_as_their_scales)
{
	static const float scales[3] = {1, 2, 3};
	struct tfl_builder *b = tfl_build_create();
	struct tfl_interpreter *resized;
	struct tfl_error error = {0};
	struct subject subject;
	int y;

	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dtype = TFL_INT8, .dims = TFL_INTS(3, 2), .signature = TFL_INTS(-1, -1),
						       .scales = scales, .scale_count = 3});
	y = tensor(b, TFL_FLOAT32, TFL_INTS(3, 2));
	op(b, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(0), TFL_INTS(y), none());
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(y));
	subject_open(&subject, b, NULL);
	scene_invoke(subject_resize(subject.interpreter, &(struct tfl_io_shape){2, {3, 50}}));
	ck_assert_int_eq(tfl_interpreter_resize(subject.interpreter, &(struct tfl_io_shape){2, {4, 2}}, &resized, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "input 0 would have the shape [4, 2], but has 3 scales along dimension 0"));
	subject_close(&subject);
}
END_TEST

Suite *resize_suite(void)
{
	Suite *suite = suite_create("resize");
	TCase *tcase = tcase_create("resize");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_net_takes_pictures_of_any_size, 0, 2 * TFL_ARRAY_SIZE(plans));
	tcase_add_loop_test(tcase, any_graph_takes_any_batch, 0, GRAPHS);
	tcase_add_test(tcase, a_shape_costs_its_activations);
	tcase_add_test(tcase, what_is_kept_is_bounded);
	tcase_add_test(tcase, what_is_used_is_kept);
	tcase_add_test(tcase, interpreters_share_a_program_which_ends_with_its_last_user);
	tcase_add_test(tcase, threads_resize_interpreters_of_one_program);
	tcase_add_loop_test(tcase, entries_are_resized_each_for_itself, 0, 2);
	tcase_add_loop_test(tcase, shapes_that_cannot_be_say_why, 0, TFL_ARRAY_SIZE(refusals));
	tcase_add_test(tcase, a_run_takes_no_more_work_than_it_may);
	tcase_add_test(tcase, a_request_decides_about_seconds_only);
	tcase_add_test(tcase, rows_are_as_many_as_their_scales);
	suite_add_tcase(suite, tcase);
	return suite;
}
