/* SPDX-License-Identifier: MIT */
/*
 * What recurrent operators carry from one run to the next, in all their types: a sequence is as many runs of one step, and a moment that
 * SVDF remembers is worth as much one run later as its neighbour is now. A reset makes the first run the first again.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "tests/runtime/kernel_rows.h"
#include "tests/runtime/kernel_run.h"
#include "tests/runtime/suites.h"

#define CASES 30
#define RUNS 9

/* A drawn operator whose weights are all constants, so that only its first input is given. */
struct subject {
	struct kernel_case c;
	struct scene scene;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	size_t in, out; /* bytes */
};

static void draw(struct subject *subject, const struct kernel_row *row, char type, unsigned number)
{
	struct kernel_case *c = &subject->c;

	kernel_case_init(c, row, type, number);
	for (unsigned i = 1; i < c->input_count; i++)
		c->inputs[i].constant = !c->inputs[i].variable;
	c->inputs[0].constant = false;
}

static void open_subject(struct subject *subject, const struct kernel_row *row)
{
	const struct tfl_io *io;
	uint32_t count;

	if (kernel_open(row, &subject->c, &subject->scene) < 0)
		ck_abort_msg("%s", subject->scene.error.text);
	subject->program = scene_program(&subject->scene, NULL);
	ck_assert(tfl_program_stateful(subject->program));
	subject->interpreter = scene_interpreter(subject->program);
	io = tfl_program_inputs(subject->program, &count);
	ck_assert_uint_eq(count, 1);
	subject->in = io[0].bytes;
	io = tfl_program_outputs(subject->program, &count);
	subject->out = io[0].bytes;
}

static void close_subject(struct subject *subject)
{
	tfl_interpreter_destroy(subject->interpreter);
	tfl_program_destroy(subject->program);
	scene_close(&subject->scene);
}

static const void *run(struct subject *subject, const void *input)
{
	memcpy(tfl_interpreter_input(subject->interpreter, 0), input, subject->in);
	scene_invoke(subject->interpreter);
	return tfl_interpreter_output(subject->interpreter, 0);
}

/* The sequence has time first: a step of all rows of the batch is a part of it. */
static void check_sequence(char type, unsigned number)
{
	struct subject whole = {0}, single = {0};
	struct kernel_case *c = &whole.c;
	uint8_t *expected;
	int32_t steps;

	draw(&whole, &kernel_unidirectional_sequence_lstm, type, number);
	if (c->flag) {
		steps = c->inputs[0].dims[0];
		single.c = *c;
		single.c.inputs[0].rank = 2;
		memmove(single.c.inputs[0].dims, c->inputs[0].dims + 1, 2 * sizeof(int32_t));
		single.c.inputs[0].elements /= (size_t)steps;
		kernel_lstm.options(&single.c);
		open_subject(&whole, &kernel_unidirectional_sequence_lstm);
		open_subject(&single, &kernel_lstm);
		expected = malloc(whole.out);
		memcpy(expected, run(&whole, c->inputs[0].data), whole.out);
		for (unsigned round = 0; round < 2; round++) {
			for (int32_t step = 0; step < steps; step++)
				ck_assert_mem_eq(run(&single, (uint8_t *)c->inputs[0].data + (size_t)step * single.in),
						 expected + (size_t)step * single.out, single.out);
			tfl_interpreter_reset(single.interpreter);
		}
		free(expected);
		close_subject(&whole);
		close_subject(&single);
	}
	kernel_case_finish(c);
}

START_TEST(a_sequence_is_as_many_runs)
{
	for (unsigned i = 0; i < CASES; i++)
		check_sequence("fdb"[_i], i);
}
END_TEST

/* Moves the weights for time by one moment, and makes room for that at the end. */
static void move_weights(struct kernel_tensor *time, bool later)
{
	size_t size = tfl_dtype_size(time->dtype), moments = (size_t)time->dims[1], row = moments * size;
	uint8_t *data = time->data;

	for (int32_t filter = 0; filter < time->dims[0]; filter++, data += row) {
		if (later)
			memmove(data + size, data, row - size);
		memset(later ? data : data + row - size, 0, size);
	}
}

static void check_moments(char type, unsigned number)
{
	struct subject now = {0}, later = {0};
	uint8_t *inputs, *expected, *other;

	draw(&now, &kernel_svdf, type, number);
	move_weights(&now.c.inputs[2], false);
	open_subject(&now, &kernel_svdf);
	move_weights(&now.c.inputs[2], true);
	later.c = now.c;
	open_subject(&later, &kernel_svdf);
	inputs = malloc(RUNS * now.in);
	expected = malloc(RUNS * now.out);
	other = malloc(now.out);
	for (unsigned i = 0; i < RUNS; i++) {
		kernel_redraw(&now.c, &now.c.inputs[0], now.c.inputs[0].dtype, 2, now.c.inputs[0].dims);
		memcpy(inputs + i * now.in, now.c.inputs[0].data, now.in);
		memcpy(expected + i * now.out, run(&later, inputs + i * now.in), now.out);
	}
	for (unsigned round = 0; round < 2; round++) {
		memcpy(other, run(&now, inputs), now.out);
		for (unsigned i = 1; i < RUNS; i++)
			ck_assert_mem_eq(run(&now, inputs + i * now.in), expected + (i - 1) * now.out, now.out);
		tfl_interpreter_reset(now.interpreter);
		ck_assert_mem_eq(run(&now, inputs), other, now.out);
		tfl_interpreter_reset(now.interpreter);
	}
	free(inputs);
	free(expected);
	free(other);
	close_subject(&now);
	close_subject(&later);
	kernel_case_finish(&now.c);
}

START_TEST(a_moment_is_worth_what_its_neighbour_was)
{
	for (unsigned i = 0; i < CASES; i++)
		check_moments("fdb"[_i], i);
}
END_TEST

/* A state that is none is refused, and so is one of another size. */
START_TEST(a_state_must_be_a_variable)
{
	static const struct {
		const struct kernel_row *row;
		unsigned input;
	} rows[] = {{&kernel_lstm, 18}, {&kernel_lstm, 19}, {&kernel_svdf, 4}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subject subject = {0};
		struct tfl_program *program;

		draw(&subject, rows[i].row, 'f', 1);
		subject.c.inputs[rows[i].input].variable = false;
		ck_assert_int_eq(kernel_open(rows[i].row, &subject.c, &subject.scene), 0);
		ck_assert_int_eq(scene_try(&subject.scene, NULL, &program), -EINVAL);
		ck_assert_msg(strstr(subject.scene.error.text, "must be a variable"), "%s", subject.scene.error.text);
		scene_close(&subject.scene);
		kernel_case_finish(&subject.c);
	}
}
END_TEST

/* Twelve intermediates are those of the form whose gates have 8 bits. */
START_TEST(gates_of_8_bits_are_refused_by_name)
{
	struct subject subject = {0};
	struct tfl_program *program;
	struct kernel_case *c = &subject.c;

	draw(&subject, &kernel_lstm, 'b', 1);
	for (; c->intermediate_count < 12; c->intermediate_count++)
		c->intermediates[c->intermediate_count] = c->intermediates[4];
	ck_assert_int_eq(kernel_open(&kernel_lstm, c, &subject.scene), 0);
	ck_assert_int_eq(scene_try(&subject.scene, NULL, &program), -EOPNOTSUPP);
	ck_assert_msg(strstr(subject.scene.error.text, "its gates have 8 bits"), "%s", subject.scene.error.text);
	scene_close(&subject.scene);
	kernel_case_finish(c);
}
END_TEST

/* The state in the file has room for so many rows, and requests cannot choose more. A sequence may be longer, where time comes first. */
START_TEST(a_state_has_the_rows_of_the_file)
{
	static const struct kernel_row *const rows[] = {&kernel_lstm, &kernel_unidirectional_sequence_lstm, &kernel_svdf};
	const struct kernel_row *row = rows[_i];

	for (unsigned number = 0; number < CASES; number++) {
		struct subject subject = {0};
		struct kernel_tensor *input = &subject.c.inputs[0];
		struct tfl_io_shape shape = {0};
		struct tfl_interpreter *resized;
		struct tfl_error error = {0};
		int r;

		draw(&subject, row, 'f', number);
		input->rows = input->dims[0];
		open_subject(&subject, row);
		shape.rank = (uint8_t)input->rank;
		memcpy(shape.dims, input->dims, sizeof(shape.dims));
		shape.dims[0]++;
		r = tfl_interpreter_resize(subject.interpreter, &shape, &resized, &error);
		if (row == &kernel_unidirectional_sequence_lstm && subject.c.flag)
			ck_assert_msg(r == 0, "%s", error.text);
		else
			ck_assert_msg(r == -EINVAL && strstr(error.text, "its state"), "%d: %s", r, error.text);
		close_subject(&subject);
		kernel_case_finish(&subject.c);
	}
}
END_TEST

Suite *recurrent_suite(void)
{
	Suite *suite = suite_create("recurrent");
	TCase *tests = tcase_create("recurrent");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_sequence_is_as_many_runs, 0, 3);
	tcase_add_loop_test(tests, a_moment_is_worth_what_its_neighbour_was, 0, 3);
	tcase_add_test(tests, a_state_must_be_a_variable);
	tcase_add_test(tests, gates_of_8_bits_are_refused_by_name);
	tcase_add_loop_test(tests, a_state_has_the_rows_of_the_file, 0, 3);
	suite_add_tcase(suite, tests);
	return suite;
}
