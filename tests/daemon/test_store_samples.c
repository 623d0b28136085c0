/* SPDX-License-Identifier: MIT */
/* Samples in the store: what was recorded and what somebody put there, and what of it goes when it is erased. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store_samples.h"
#include "proto/sample.h"
#include "proto/writer.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/store_scene.h"
#include "tests/daemon/suites.h"
#include "tests/support/descriptors.h"

static struct tfl_store_samples samples;

static void list(void)
{
	ck_assert_msg(tfl_store_list_samples(scene.store, "m", &samples, &scene.error) == 0, "%s", scene.error.text);
}

static void record(uint64_t number)
{
	ck_assert_msg(tfl_store_write_sample(scene.store, "m", number, "sample", 6, &scene.error) == 0, "%s", scene.error.text);
}

static void setup(void)
{
	scene_setup();
	scene_must_publish("model", "m", 1);
}

static void make(void)
{
	ck_assert_msg(tfl_store_make_samples(scene.store, "m", &scene.error) == 0, "%s", scene.error.text);
}

START_TEST(what_is_recorded_nobody_else_can_read)
{
	const unsigned before = descriptors_open();
	struct stat st;

	list();
	ck_assert(!samples.there && samples.count == 0);
	umask(0);
	make();
	make(); /* is there already */
	record(1);
	ck_assert_int_eq(tfl_store_sync_samples(scene.store, "m", &scene.error), 0);
	ck_assert_int_eq(stat("models/m/samples", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat("models/m/samples/recorded-000001.tflsample", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(tfl_store_write_sample(scene.store, "m", 1, "other", 5, &scene.error), -EEXIST);
	ck_assert_str_eq(file_read("models/m/samples/recorded-000001.tflsample"), "sample");
	ck_assert_uint_eq(scene_in_staging(), 0);
	ck_assert_uint_eq(descriptors_open(), before);
}
END_TEST

START_TEST(recorded_ones_are_told_from_others)
{
	static const char *const others[] = {
		"a.tflsample", "recorded-.tflsample", "recorded-1x.tflsample", "recorded-000000.tflsample",
			"recorded-1234567890123.tflsample", "Recorded-1.tflsample",
	};
	char path[160];

	make();
	for (unsigned i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "models/m/samples/%s", others[i]);
		file_write_text(path, "xx");
	}
	file_write_text("models/m/samples/README", "no sample");
	ck_assert_int_eq(symlink("/etc/passwd", "models/m/samples/link.tflsample"), 0);
	record(7);
	record(1000000);
	list();
	ck_assert_uint_eq(samples.count, 8);
	ck_assert_uint_eq(samples.listed, 8);
	ck_assert_uint_eq(samples.bytes, 6 * 2 + 2 * 6);
	ck_assert_uint_eq(samples.recorded, 2);
	ck_assert_uint_eq(samples.recorded_bytes, 12);
	ck_assert_uint_eq(samples.last, 1000000);
	ck_assert_str_eq(samples.list[0].name, "Recorded-1.tflsample");
	ck_assert(!samples.list[0].recorded);
}
END_TEST

START_TEST(more_than_are_listed_are_counted)
{
	make();
	for (unsigned i = 1; i <= TFL_SAMPLES_MAX + 3; i++)
		record(i);
	list();
	ck_assert_uint_eq(samples.count, TFL_SAMPLES_MAX + 3);
	ck_assert_uint_eq(samples.listed, TFL_SAMPLES_MAX);
}
END_TEST

static void expect_no_read(const char *name, int code)
{
	void *data = NULL;
	size_t size;

	ck_assert_int_eq(tfl_store_read_sample(scene.store, "m", name, 100, &data, &size, &scene.error), code);
	ck_assert_str_ne(scene.error.text, "");
}

START_TEST(one_is_read_by_its_name_alone)
{
	void *data = NULL;
	size_t size = 0;

	make();
	record(1);
	ck_assert_int_eq(tfl_store_read_sample(scene.store, "m", "recorded-000001.tflsample", 6, &data, &size, &scene.error), 0);
	ck_assert_uint_eq(size, 6);
	ck_assert_mem_eq(data, "sample", 6);
	free(data);
	file_write_text("models/m/secret.tflsample", "x");
	file_write_text("models/m/samples/large.tflsample",
			"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x");
	ck_assert_int_eq(symlink("../secret.tflsample", "models/m/samples/link.tflsample"), 0);
	ck_assert_int_eq(mkfifo("models/m/samples/pipe.tflsample", 0600), 0);
	expect_no_read("../secret.tflsample", -EINVAL);
	expect_no_read("../../m/secret.tflsample", -EINVAL);
	expect_no_read("README", -EINVAL);
	expect_no_read(".tflsample", -EINVAL);
	expect_no_read("none.tflsample", -ENOENT);
	expect_no_read("large.tflsample", -EFBIG);
	expect_no_read("link.tflsample", -ELOOP);
	expect_no_read("pipe.tflsample", -EINVAL);
	ck_assert_int_eq(tfl_store_read_sample(scene.store, "none", "a.tflsample", 6, &data, &size, &scene.error), -ENOENT);
}
END_TEST

START_TEST(what_was_recorded_is_erased)
{
	unsigned count = 0;

	ck_assert_int_eq(tfl_store_erase_samples(scene.store, "m", &count, &scene.error), 0);
	ck_assert_uint_eq(count, 0);
	make();
	record(1);
	record(2);
	ck_assert_int_eq(tfl_store_erase_samples(scene.store, "m", &count, &scene.error), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert(!file_exists("models/m/samples"));
	ck_assert_uint_eq(scene_in_staging(), 0);
	ck_assert_int_eq(tfl_store_erase_samples(scene.store, "none", &count, &scene.error), -ENOENT);
}
END_TEST

START_TEST(and_nothing_that_somebody_put_there)
{
	unsigned count = 0;

	make();
	record(1);
	file_write_text("models/m/samples/mine.tflsample", "x");
	ck_assert_int_eq(tfl_store_erase_samples(scene.store, "m", &count, &scene.error), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert(!file_exists("models/m/samples/recorded-000001.tflsample"));
	ck_assert(file_exists("models/m/samples/mine.tflsample"));
}
END_TEST

START_TEST(with_its_last_version_a_model_loses_what_was_recorded)
{
	make();
	record(1);
	scene_must_publish("other", "m", 2);
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 2, &scene.error), 0);
	ck_assert(file_exists("models/m/samples/recorded-000001.tflsample"));
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 1, &scene.error), 0);
	ck_assert(!file_exists("models/m"));
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

START_TEST(also_where_something_else_stays)
{
	make();
	record(1);
	file_write_text("models/m/model.conf", "");
	file_write_text("models/m/samples/mine.tflsample", "x");
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 1, &scene.error), 0);
	ck_assert(!file_exists("models/m/1") && !file_exists("models/m/state"));
	ck_assert(file_exists("models/m/model.conf"));
	ck_assert(file_exists("models/m/samples/mine.tflsample"));
	ck_assert(!file_exists("models/m/samples/recorded-000001.tflsample"));
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

/* One that was on its way when the last version was erased. */
START_TEST(nothing_comes_after_the_last_version)
{
	make();
	file_write_text("models/m/samples/mine.tflsample", "x");
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 1, &scene.error), 0);
	ck_assert_int_eq(tfl_store_write_sample(scene.store, "m", 1, "sample", 6, &scene.error), -ENOENT);
	ck_assert(!file_exists("models/m/samples/recorded-000001.tflsample"));
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

START_TEST(nor_behind_a_link)
{
	ck_assert_int_eq(mkdir("elsewhere", 0700), 0);
	file_write_text("elsewhere/recorded-000001.tflsample", "x");
	ck_assert_int_eq(symlink("../../elsewhere", "models/m/samples"), 0);
	ck_assert_int_lt(tfl_store_make_samples(scene.store, "m", &scene.error), 0);
	ck_assert_int_lt(tfl_store_write_sample(scene.store, "m", 2, "sample", 6, &scene.error), 0);
	ck_assert(!file_exists("elsewhere/recorded-000002.tflsample"));
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 1, &scene.error), 0);
	ck_assert(!file_exists("models/m/1") && file_exists("elsewhere/recorded-000001.tflsample"));
}
END_TEST

START_TEST(what_could_not_be_erased_is_not_written)
{
	make();
	record(999999999999);
	ck_assert_int_eq(tfl_store_write_sample(scene.store, "m", 1000000000000, "sample", 6, &scene.error), -EOVERFLOW);
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

START_TEST(a_sample_is_written_as_it_is_read)
{
	static const float values[4] = {1, 2, 3, 4};
	const struct tfl_wire_tensor tensor = {
		.index = 0, .dtype = TFL_FLOAT32, .shape = {2, {1, 4}}, .data = {(const uint8_t *)values, sizeof(values)}
	};
	struct tfl_tensor_list inputs = {.count = 1, .few = {{.name = {"x", 1}, .index = -1, .dtype = TFL_FLOAT32, .shape = {2, {1, 4}},
		.data = tensor.data}}};
	struct tfl_sample sample;
	struct tfl_writer writer;
	void *data = NULL;
	size_t size = 0;

	tfl_writer_init(&writer);
	for (uint32_t outputs = 0; outputs < 2; outputs++) {
		tfl_sample_write(&writer, &inputs, &tensor, outputs, 3, 1234);
		ck_assert_int_eq(tfl_writer_take_value(&writer, &data, &size), 0);
		ck_assert_msg(tfl_sample_parse((struct tfl_slice){data, size}, &sample, &scene.error) == 0, "%s", scene.error.text);
		ck_assert_uint_eq(sample.request.inputs.count, 1);
		ck_assert(tfl_string_equal(tfl_tensor_list_at(&sample.request.inputs, 0)->name, "x"));
		ck_assert_mem_eq(tfl_tensor_list_at(&sample.request.inputs, 0)->data.data, values, sizeof(values));
		ck_assert_uint_eq(sample.request.outputs.count, outputs);
		ck_assert_uint_eq(sample.version, 3);
		ck_assert_uint_eq(sample.time, 1234);
		ck_assert_double_eq(sample.tolerance, TFL_SAMPLE_TOLERANCE);
		tfl_sample_finish(&sample);
		free(data);
	}
	tfl_writer_finish(&writer);
}
END_TEST

Suite *store_samples_suite(void)
{
	Suite *suite = suite_create("store-samples");
	TCase *test = tcase_create("store-samples");

	tcase_add_checked_fixture(test, setup, scene_teardown);
	tcase_add_test(test, what_is_recorded_nobody_else_can_read);
	tcase_add_test(test, recorded_ones_are_told_from_others);
	tcase_add_test(test, more_than_are_listed_are_counted);
	tcase_add_test(test, one_is_read_by_its_name_alone);
	tcase_add_test(test, what_was_recorded_is_erased);
	tcase_add_test(test, and_nothing_that_somebody_put_there);
	tcase_add_test(test, with_its_last_version_a_model_loses_what_was_recorded);
	tcase_add_test(test, also_where_something_else_stays);
	tcase_add_test(test, nothing_comes_after_the_last_version);
	tcase_add_test(test, nor_behind_a_link);
	tcase_add_test(test, what_could_not_be_erased_is_not_written);
	tcase_add_test(test, a_sample_is_written_as_it_is_read);
	suite_add_tcase(suite, test);
	return suite;
}
