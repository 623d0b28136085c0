/* SPDX-License-Identifier: MIT */
/*
 * A program of several signatures: in which order they stand and under which names, that one which cannot be run takes nothing from the others,
 * and what they share: state, what initialises it, packed weights, memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/pool.h"
#include "tests/runtime/brief.h"
#include "tests/runtime/entry_sample.h"
#include "tests/runtime/subject.h"
#include "tests/runtime/suites.h"

static const struct tfl_ints scalar = {NULL, 0}, nothing = {NULL, 0};

/* One input, one output. */
static void sign(struct tfl_builder *b, const char *key, uint32_t subgraph, const char *in, int input, const char *out, int output)
{
	const struct tfl_build_binding from = {in, (uint32_t)input}, to = {out, (uint32_t)output};

	tfl_build_signature(b, &(struct tfl_build_signature){key, subgraph, &from, &to, 1, 1});
}

/* y = an operator of x, both [2]; the builder's current subgraph. */
static void add_unary(struct tfl_builder *b, uint32_t code)
{
	tensor(b, TFL_FLOAT32, TFL_INTS(2));
	tensor(b, TFL_FLOAT32, TFL_INTS(2));
	op(b, code, TFL_INTS(0), TFL_INTS(1), none());
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
}

static float run_unary(struct subject *subject, uint32_t entry, float x)
{
	struct tfl_interpreter *part = tfl_interpreter_entry(subject->interpreter, entry);

	memcpy(tfl_interpreter_input(part, 0), (float[]){x, x}, 2 * sizeof(float));
	scene_invoke(part);
	return *(const float *)tfl_interpreter_output(part, 0);
}

START_TEST(the_first_subgraph_stands_first_and_then_the_order_of_the_file)
{
	static const char *const names[][3] = {
		{"negative", "x", "y"}, {"absolute", "in", "out"}, {"again", "a", "b"}, {"minus", "from", "to"}};
	static const float factors[] = {-1, 1, 1, -1};
	struct tfl_builder *b = tfl_build_create();
	struct subject subject;

	add_unary(b, TFL_BUILTIN_NEG);
	tfl_build_subgraph(b, "second");
	add_unary(b, TFL_BUILTIN_ABS);
	sign(b, "absolute", 1, "in", 0, "out", 1);
	sign(b, "negative", 0, "x", 0, "y", 1);
	sign(b, "again", 1, "a", 0, "b", 1);
	sign(b, "minus", 0, "from", 0, "to", 1);
	subject_open(&subject, b, &(struct tfl_program_options){.portable = _i});
	ck_assert_uint_eq(subject.count, TFL_ARRAY_SIZE(names));
	for (uint32_t i = 0; i < subject.count; i++) {
		ck_assert_str_eq(subject.entries[i].signature, names[i][0]);
		ck_assert_str_eq(subject.entries[i].inputs[0].signature_name, names[i][1]);
		ck_assert_str_eq(subject.entries[i].outputs[0].signature_name, names[i][2]);
		ck_assert_ptr_null(subject.entries[i].fault);
		ck_assert_uint_eq(subject.entries[i].number, i == 0 ? 1 : i == 1 ? 0 : i);
		ck_assert_float_eq(run_unary(&subject, i, 4), 4 * factors[i]);
	}
	/* What the program says of itself is its first entry. */
	ck_assert_ptr_eq(tfl_program_inputs(subject.program, &subject.count), subject.entries[0].inputs);
	ck_assert_ptr_eq(tfl_interpreter_entry(subject.interpreter, 0), subject.interpreter);
	ck_assert_ptr_eq(tfl_interpreter_entry(subject.interpreter, 3), subject.interpreter);
	ck_assert_ptr_eq(tfl_interpreter_entry(subject.interpreter, 1), tfl_interpreter_entry(subject.interpreter, 2));
	subject_close(&subject);
}
END_TEST

/* Without any, and where none names the first subgraph. */
START_TEST(the_first_subgraph_may_have_no_name)
{
	struct tfl_builder *b = tfl_build_create();
	struct subject subject;

	add_unary(b, TFL_BUILTIN_NEG);
	tfl_build_subgraph(b, "second");
	add_unary(b, TFL_BUILTIN_ABS);
	if (_i)
		sign(b, "absolute", 1, "in", 0, "out", 1);
	subject_open(&subject, b, NULL);
	ck_assert_uint_eq(subject.count, _i ? 2 : 1);
	ck_assert_ptr_null(subject.entries[0].signature);
	ck_assert_uint_eq(subject.entries[0].number, UINT32_MAX);
	ck_assert_ptr_null(subject.entries[0].inputs[0].signature_name);
	ck_assert_float_eq(run_unary(&subject, 0, 1), -1);
	if (_i)
		ck_assert_float_eq(run_unary(&subject, 1, -1), 1);
	subject_close(&subject);
}
END_TEST

START_TEST(entries_run_in_turn)
{
	static const float x[ENTRY_COLUMNS] = {1, 0, 0, 0}, weighed[] = {1.5f, -1, 4, -1}, clipped[] = {1.5f, 0, 4, 0}, sums[] = {1.5f, 4};
	static const uint32_t order[] = {ENTRY_WEIGH, ENTRY_CLIP, ENTRY_CLIP, ENTRY_TWICE, ENTRY_WEIGH};
	struct tfl_builder *b = tfl_build_create();
	struct subject subject;

	entry_sample_build(b);
	subject_open(&subject, b, &(struct tfl_program_options){.portable = _i});
	ck_assert_uint_eq(subject.count, ENTRY_COUNT);
	/* Names stand in a signature in an order of their own. */
	ck_assert_str_eq(subject.entries[ENTRY_CLIP].outputs[0].signature_name, "z");
	ck_assert_str_eq(subject.entries[ENTRY_CLIP].outputs[1].signature_name, "sum");
	ck_assert(subject.entries[ENTRY_CLIP].inputs[0].free);
	ck_assert_int_eq(subject.entries[ENTRY_CLIP].inputs[0].shape_signature[0], -1);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(order); i++) {
		struct tfl_interpreter *part = tfl_interpreter_entry(subject.interpreter, order[i]);
		const float *out = tfl_interpreter_output(part, 0);

		memcpy(tfl_interpreter_input(part, 0), x, sizeof(x));
		scene_invoke(part);
		if (order[i] == ENTRY_TWICE)
			ck_assert(memcmp(out, x, sizeof(x)) == 0 && memcmp(out + ENTRY_COLUMNS, x, sizeof(x)) == 0);
		for (int c = 0; order[i] != ENTRY_TWICE && c < ENTRY_COLUMNS; c++)
			ck_assert_float_eq(out[c], order[i] == ENTRY_CLIP ? clipped[c] : weighed[c]);
		if (order[i] == ENTRY_CLIP)
			ck_assert_mem_eq(tfl_interpreter_output(part, 1), sums, sizeof(sums));
	}
	subject_close(&subject);
}
END_TEST

START_TEST(weights_of_two_subgraphs_are_packed_once)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_program_info info;
	struct subject subject;

	entry_sample_build(b);
	subject_open(&subject, b, NULL);
	tfl_program_info(subject.program, &info);
	ck_assert_uint_eq(info.packed_entries, 1);
	ck_assert_uint_eq(info.operators, 6); /* of all that can be run */
	subject_close(&subject);
}
END_TEST

static void expect_fault(const struct tfl_entry *entry, const char *signature, const char *words)
{
	ck_assert_str_eq(entry->signature, signature);
	ck_assert_msg(entry->fault && strstr(entry->fault, words), "%s: %s", signature, entry->fault ? entry->fault : "can be run");
	ck_assert_uint_eq(entry->input_count + entry->output_count, 0);
}

/* Each kind of thing that may be wrong with one. Two signatures of it have the same sentence, and those around run. */
START_TEST(one_that_cannot_be_run_says_why)
{
	struct tfl_builder *b = tfl_build_create();
	struct subject subject;

	add_unary(b, TFL_BUILTIN_NEG);
	tfl_build_subgraph(b, "unknown");
	add_unary(b, TFL_BUILTIN_SKIP_GRAM);
	tfl_build_subgraph(b, "late");
	tensor(b, TFL_FLOAT32, TFL_INTS(2));
	tensor(b, TFL_INT64, TFL_INTS(2, 1));
	op(b, TFL_BUILTIN_WHERE, TFL_INTS(0), TFL_INTS(1), none());
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
	tfl_build_subgraph(b, "handle");
	tensor(b, TFL_RESOURCE, scalar);
	tensor(b, TFL_FLOAT32, TFL_INTS(2));
	tfl_build_io(b, TFL_INTS(0, 1), TFL_INTS(1));
	tfl_build_subgraph(b, "contradiction");
	tensor(b, TFL_FLOAT32, TFL_INTS(2));
	tensor(b, TFL_FLOAT32, TFL_INTS(3));
	tensor(b, TFL_FLOAT32, TFL_INTS(3));
	op(b, TFL_BUILTIN_ADD, TFL_INTS(0, 1), TFL_INTS(2), tfl_options_add(0));
	tfl_build_io(b, TFL_INTS(0, 1), TFL_INTS(2));
	tfl_build_subgraph(b, "last");
	add_unary(b, TFL_BUILTIN_ABS);
	sign(b, "unknown", 1, "x", 0, "y", 1);
	sign(b, "late", 2, "x", 0, "y", 1);
	sign(b, "unknown again", 1, "x", 0, "y", 1);
	sign(b, "handle", 3, "x", 0, "y", 1);
	sign(b, "contradiction", 4, "x", 0, "y", 1);
	sign(b, "last", 5, "x", 0, "y", 1);
	subject_open(&subject, b, NULL);
	ck_assert_uint_eq(subject.count, 7);
	expect_fault(&subject.entries[1], "unknown", "operator 0 SKIP_GRAM version 1 (float32 -> float32)");
	expect_fault(&subject.entries[2], "late", "operator 0 WHERE version 1");
	expect_fault(&subject.entries[3], "unknown again", "operator 0 SKIP_GRAM version 1 (float32 -> float32)");
	expect_fault(&subject.entries[4], "handle", "input 0 't' has a type without a fixed size");
	expect_fault(&subject.entries[5], "contradiction", "operator 0 (ADD)");
	ck_assert_ptr_null(subject.entries[6].fault);
	ck_assert_float_eq(run_unary(&subject, 0, 2), -2);
	ck_assert_float_eq(run_unary(&subject, 6, -2), 2);
	subject_close(&subject);
}
END_TEST

START_TEST(no_more_than_so_many_can_be_called)
{
	struct tfl_builder *b = tfl_build_create();
	struct subject subject;
	char name[16];

	add_unary(b, TFL_BUILTIN_NEG);
	for (uint32_t i = 1; i <= TFL_ENTRIES_MAX + 20; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		tfl_build_subgraph(b, name);
		add_unary(b, TFL_BUILTIN_ABS);
		sign(b, name, i, "x", 0, "y", 1);
	}
	subject_open(&subject, b, NULL);
	ck_assert_uint_eq(subject.count, TFL_ENTRIES_MAX);
	ck_assert_str_eq(subject.entries[TFL_ENTRIES_MAX - 1].signature, "s63");
	ck_assert_float_eq(run_unary(&subject, TFL_ENTRIES_MAX - 1, -5), 5);
	subject_close(&subject);
}
END_TEST

/* Each signature for itself stays below the limit, with 48 MiB of activations, or of constants that are computed. Together they would not. */
START_TEST(together_they_take_no_more_than_a_file_may)
{
	enum { ENTRIES = 12, ELEMENTS = 12 << 20 };
	static const int32_t times = ELEMENTS;
	static const float one = 1;
	struct tfl_builder *b = tfl_build_create();
	uint32_t faults = 0;
	struct subject subject;
	char name[16];

	add_unary(b, TFL_BUILTIN_NEG);
	for (uint32_t i = 1; i <= ENTRIES; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		tfl_build_subgraph(b, name);
		tensor(b, TFL_FLOAT32, TFL_INTS(1));
		if (_i)
			constant(b, TFL_FLOAT32, TFL_INTS(1), &one, sizeof(one));
		constant(b, TFL_INT32, TFL_INTS(1), &times, sizeof(times));
		tensor(b, TFL_FLOAT32, TFL_INTS(ELEMENTS));
		op(b, TFL_BUILTIN_TILE, TFL_INTS(_i, 1 + _i), TFL_INTS(2 + _i), none());
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(2 + _i));
		sign(b, name, i, "x", 0, "y", 2 + _i);
	}
	subject_open(&subject, b, NULL);
	for (uint32_t i = 1; i <= ENTRIES; i++) {
		if (!subject.entries[i].fault)
			continue;
		faults++;
		ck_assert_msg(strstr(subject.entries[i].fault, _i ? "computed and packed for signatures would pass 268435456 bytes" :
								      "one interpreter would take more than"), "%s", subject.entries[i].fault);
	}
	ck_assert_uint_ge(faults, 1);
	ck_assert_uint_lt(faults, ENTRIES);
	ck_assert_uint_le(tfl_interpreter_bytes(subject.interpreter), 2u * TFL_ARENA_FLOOR);
	subject_close(&subject);
}
END_TEST

static void resource(struct tfl_builder *b, const char *name, int handle)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_VAR_HANDLE);

	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 1, .kind = TFL_BUILD_STRING, .data = name});
	op(b, TFL_BUILTIN_VAR_HANDLE, nothing, TFL_INTS(handle), options);
}

static void call_once(struct tfl_builder *b, int32_t subgraph)
{
	op(b, TFL_BUILTIN_CALL_ONCE, nothing, nothing, tfl_options_ints(TFL_OPTIONS_CALL_ONCE, TFL_INTS(subgraph)));
}

/* Both call the initialisation, which counts in a variable how often it is run and assigns that: get: y = r; set: r = x. */
enum { GET, SET, INITIALISATION };

static struct tfl_builder *build_shared_state(void)
{
	static const float one[2] = {1, 1};
	struct tfl_builder *b = tfl_build_create();
	int handle, x, y;

	call_once(b, INITIALISATION);
	x = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	handle = tensor(b, TFL_RESOURCE, scalar);
	y = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	resource(b, "r", handle);
	op(b, TFL_BUILTIN_READ_VARIABLE, TFL_INTS(handle), TFL_INTS(y), none());
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
	sign(b, "get", GET, "x", x, "y", y);
	tfl_build_subgraph(b, "set");
	call_once(b, INITIALISATION);
	x = tensor(b, TFL_FLOAT32, TFL_INTS(2));
	handle = tensor(b, TFL_RESOURCE, scalar);
	resource(b, "r", handle);
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(handle, x), nothing, none());
	tfl_build_io(b, TFL_INTS(x), TFL_INTS(x));
	sign(b, "set", SET, "x", x, "y", x);
	tfl_build_subgraph(b, "initialisation");
	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "runs", .dims = TFL_INTS(2), .is_variable = true});
	constant(b, TFL_FLOAT32, TFL_INTS(2), one, sizeof(one));
	tensor(b, TFL_RESOURCE, scalar);
	op(b, TFL_BUILTIN_ADD, TFL_INTS(0, 1), TFL_INTS(0), tfl_options_add(0));
	resource(b, "r", 2);
	op(b, TFL_BUILTIN_ASSIGN_VARIABLE, TFL_INTS(2, 0), nothing, none());
	tfl_build_io(b, nothing, nothing);
	return b;
}

START_TEST(entries_share_their_state)
{
	struct subject subject;
	struct tfl_pool *pool;

	subject_open(&subject, build_shared_state(), &(struct tfl_program_options){.portable = _i});
	ck_assert(tfl_program_stateful(subject.program));
	for (int round = 0; round < 3; round++) {
		ck_assert_float_eq(run_unary(&subject, GET, 0), 1); /* it was initialised, and once */
		run_unary(&subject, SET, 7);
		ck_assert_float_eq(run_unary(&subject, GET, 0), 7);
		run_unary(&subject, SET, 8);
		ck_assert_float_eq(run_unary(&subject, GET, 0), 8);
		tfl_interpreter_reset(tfl_interpreter_entry(subject.interpreter, round % 2));
	}
	/* Whoever borrows one finds it as new, whatever was called before. */
	ck_assert_int_eq(tfl_pool_create(subject.program, 1, NULL, &pool, NULL), 0);
	tfl_interpreter_destroy(subject.interpreter);
	for (int round = 0; round < 2; round++) {
		subject.interpreter = tfl_pool_borrow(pool);
		ck_assert_float_eq(run_unary(&subject, GET, 0), 1);
		run_unary(&subject, SET, 9);
		tfl_pool_return(pool, subject.interpreter);
	}
	tfl_pool_destroy(pool);
	subject.interpreter = NULL;
	subject_close(&subject);
}
END_TEST

/* A variable belongs to its subgraph: two signatures of one share it, those of two do not. */
START_TEST(variables_belong_to_a_subgraph)
{
	struct tfl_builder *b = tfl_build_create();
	struct subject subject;

	for (uint32_t i = 0; i < 2; i++) {
		if (i > 0)
			tfl_build_subgraph(b, "other");
		tensor(b, TFL_FLOAT32, TFL_INTS(2));
		tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "sum", .dims = TFL_INTS(2), .is_variable = true});
		op(b, TFL_BUILTIN_ADD, TFL_INTS(0, 1), TFL_INTS(1), tfl_options_add(0));
		tfl_build_io(b, TFL_INTS(0), TFL_INTS(1));
		sign(b, i ? "second" : "first", i, "x", 0, "y", 1);
	}
	sign(b, "third", 1, "x", 0, "y", 1);
	subject_open(&subject, b, NULL);
	for (int round = 0; round < 2; round++) {
		ck_assert_float_eq(run_unary(&subject, 0, 1), 1);
		ck_assert_float_eq(run_unary(&subject, 1, 10), 10);
		ck_assert_float_eq(run_unary(&subject, 0, 1), 2);
		ck_assert_float_eq(run_unary(&subject, 2, 10), 20);
		ck_assert_float_eq(run_unary(&subject, 1, 10), 30);
		tfl_interpreter_reset(subject.interpreter);
	}
	subject_close(&subject);
}
END_TEST

Suite *entry_suite(void)
{
	Suite *suite = suite_create("entry");
	TCase *tcase = tcase_create("entry");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, the_first_subgraph_stands_first_and_then_the_order_of_the_file, 0, 2);
	tcase_add_loop_test(tcase, the_first_subgraph_may_have_no_name, 0, 2);
	tcase_add_loop_test(tcase, entries_run_in_turn, 0, 2);
	tcase_add_test(tcase, weights_of_two_subgraphs_are_packed_once);
	tcase_add_test(tcase, one_that_cannot_be_run_says_why);
	tcase_add_test(tcase, no_more_than_so_many_can_be_called);
	tcase_add_loop_test(tcase, together_they_take_no_more_than_a_file_may, 0, 2);
	tcase_add_loop_test(tcase, entries_share_their_state, 0, 2);
	tcase_add_test(tcase, variables_belong_to_a_subgraph);
	suite_add_tcase(suite, tcase);
	return suite;
}
