/* SPDX-License-Identifier: MIT */
/*
 * Good files, broken everywhere: cut at every length, every byte and every word replaced, seeded mixtures. Opening must succeed or fail
 * with a sentence, and what it accepts must be readable to the last byte that the model refers to. All of it lies before a page
 * without access, so one byte too many ends the test in any build.
 */
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "tests/builder/mobilenet.h"
#include "tests/builder/random.h"
#include "tests/runtime/guarded.h"
#include "tests/runtime/metadata_sample.h"
#include "tests/runtime/read_all.h"
#include "tests/runtime/sample.h"
#include "tests/runtime/suites.h"
#include "tests/support/allocation.h"

static uint8_t *good;
static size_t size;
static struct guarded memory;
static volatile uint64_t sum;

static uint8_t *tiny(size_t *ret_size)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_net net = {0};

	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(tfl_net_tiny(&net, 1), 0);
	ck_assert_int_eq(tfl_net_emit(&net, true, b), 0);
	tfl_net_finish(&net);
	return sample_finish(b, ret_size);
}

static uint8_t *raw(size_t *ret_size)
{
	return sample_raw(&(struct raw_model){.buffer_offset = 40, .buffer_size = 4, .options_offset = 40, .options_size = 8}, ret_size);
}

static uint8_t *described(size_t *ret_size)
{
	return sample_metadata(&(struct metadata_wrong){0}, ret_size);
}

static uint8_t *(*const makers[])(size_t *ret_size) = {sample_everything, tiny, raw, described};

static void setup(int maker)
{
	good = makers[maker](&size);
	guarded_init(&memory, size);
}

static void teardown(void)
{
	guarded_finish(&memory);
	free(good);
}

/* Whether it opens. */
static bool try(const uint8_t *data, size_t length)
{
	struct tfl_model *model = NULL;
	struct tfl_error error = {0};
	int r;

	r = tfl_model_open_memory(data, length, &model, &error);
	if (r == 0) {
		sum += model_read_all(model);
		tfl_model_destroy(model);
		return true;
	}
	ck_assert_ptr_null(model);
	ck_assert_int_eq(error.code, r);
	ck_assert(r == -EINVAL || r == -EFBIG);
	ck_assert_uint_gt(strlen(error.text), 10);
	return false;
}

START_TEST(the_good_ones_open)
{
	setup(_i);
	ck_assert(try(guarded_fill(&memory, good, size), size));
	teardown();
}
END_TEST

START_TEST(cut_at_every_length)
{
	unsigned opened = 0;

	setup(_i);
	for (size_t length = 0; length < size; length++)
		opened += try(guarded_fill(&memory, good, length), length);
	ck_assert_uint_lt(opened, size / 2); /* some bytes at the end may be padding or archive; never half of the file */
	teardown();
}
END_TEST

START_TEST(every_byte_replaced)
{
	static const uint8_t masks[] = {0xff, 0x01, 0x80, 0x04, 0x7f};
	uint8_t *data;

	setup(_i);
	data = guarded_fill(&memory, good, size);
	for (size_t at = 0; at < size; at++) {
		for (size_t i = 0; i < TFL_ARRAY_SIZE(masks); i++) {
			data[at] = good[at] ^ masks[i];
			try(data, size);
		}
		data[at] = good[at];
	}
	ck_assert(try(data, size));
	teardown();
}
END_TEST

START_TEST(every_word_replaced)
{
	const uint32_t words[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 0x0000ffff, 0x10000};
	uint8_t *data;

	setup(_i);
	data = guarded_fill(&memory, good, size);
	for (size_t at = 0; at + 4 <= size; at += 2) {
		for (size_t i = 0; i < TFL_ARRAY_SIZE(words); i++) {
			memcpy(data + at, &words[i], 4);
			try(data, size);
		}
		/* To the end of the file, and just past it. */
		memcpy(data + at, &(uint32_t){(uint32_t)(size - at)}, 4);
		try(data, size);
		memcpy(data + at, &(uint32_t){(uint32_t)(size - at - 4)}, 4);
		try(data, size);
		memcpy(data + at, good + at, 4);
	}
	teardown();
}
END_TEST

START_TEST(seeded_mixtures)
{
	struct tfl_random random = {42 + (uint64_t)_i};
	uint8_t *data;

	setup(_i);
	for (unsigned round = 0; round < 20000; round++) {
		data = guarded_fill(&memory, good, size);
		for (unsigned n = 1 + tfl_random_below(&random, 6); n > 0; n--) {
			size_t to = tfl_random_below(&random, (uint32_t)size), from = tfl_random_below(&random, (uint32_t)size);

			if (tfl_random_below(&random, 2))
				data[to] = (uint8_t)tfl_random_below(&random, 256);
			else if (to + 4 <= size && from + 4 <= size)
				memcpy(data + to, good + from, 4);
		}
		try(data, size);
	}
	teardown();
}
END_TEST

static int open_good(void *data)
{
	struct tfl_model *model = NULL;
	int r;

	r = tfl_model_open_memory(good, size, &model, NULL);
	tfl_model_destroy(model);
	return r;
}

/* libzip's own allocations are not among them: it is a shared library. */
START_TEST(every_allocation_may_fail)
{
	setup(_i);
	ck_assert_uint_gt(allocation_fail_each(open_good, NULL), 5);
	teardown();
}
END_TEST

Suite *mutation_suite(void)
{
	Suite *suite = suite_create("mutation");
	TCase *broken = tcase_create("broken");

	tcase_set_timeout(broken, 120);
	tcase_add_loop_test(broken, the_good_ones_open, 0, TFL_ARRAY_SIZE(makers));
	tcase_add_loop_test(broken, cut_at_every_length, 0, TFL_ARRAY_SIZE(makers));
	tcase_add_loop_test(broken, every_byte_replaced, 0, TFL_ARRAY_SIZE(makers));
	tcase_add_loop_test(broken, every_word_replaced, 0, TFL_ARRAY_SIZE(makers));
	tcase_add_loop_test(broken, seeded_mixtures, 0, TFL_ARRAY_SIZE(makers));
	tcase_add_loop_test(broken, every_allocation_may_fail, 0, TFL_ARRAY_SIZE(makers));
	suite_add_tcase(suite, broken);
	return suite;
}
