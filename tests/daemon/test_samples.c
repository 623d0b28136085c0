/* SPDX-License-Identifier: MIT */
/* Samples as files: what is found in a folder, and bytes of every kind where a sample is expected. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/folder.h"
#include "daemon/samples.h"
#include "proto/writer.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/suites.h"
#include "tests/support/descriptors.h"
#include "tests/support/sample.h"

static const float input[4] = { 1, 2, 3, 4 };
static struct tfl_samples samples;
static struct tfl_error error;

static int open_all(void)
{
	int folder = -1, result;

	ck_assert_int_eq(tfl_folder_open(AT_FDCWD, "s", &folder), 0);
	result = tfl_samples_open(folder, &samples, &error);
	close(folder);
	return result;
}

static void setup(void)
{
	folder_make();
	ck_assert_int_eq(mkdir("s", 0755), 0);
}

START_TEST(samples_come_in_the_order_of_their_names)
{
	static const char *const names[] = { "s/b.tflsample", "s/a.tflsample", "s/0010.tflsample" };
	const unsigned before = descriptors_open();

	for (unsigned i = 0; i < 3; i++)
		sample_write(names[i], input, NULL, -1);
	file_write_text("s/.hidden.tflsample", "");
	file_write_text("s/.tflsample", "");
	file_write_text("s/README", "");
	ck_assert_msg(open_all() == 0, "%s", error.text);
	ck_assert_uint_eq(samples.count, 3);
	ck_assert_str_eq(samples.files[0].name, "0010.tflsample");
	ck_assert_str_eq(samples.files[1].name, "a.tflsample");
	ck_assert_str_eq(samples.files[2].name, "b.tflsample");
	tfl_samples_close(&samples);
	ck_assert_uint_eq(descriptors_open(), before);
}
END_TEST

static void expect_refusal(int code, const char *part)
{
	const unsigned before = descriptors_open();

	ck_assert_int_eq(open_all(), code);
	ck_assert_msg(strstr(error.text, part) != NULL, "'%s', expected '%s'", error.text, part);
	ck_assert_uint_eq(descriptors_open(), before);
}

START_TEST(number_bytes_and_kind_are_bounded)
{
	char path[160];

	for (unsigned i = 0; i <= TFL_SAMPLES_MAX; i++) {
		snprintf(path, sizeof(path), "s/%04u.tflsample", i);
		file_write_text(path, "");
	}
	expect_refusal(-EFBIG, "more than 256 samples");
	ck_assert_int_eq(system("rm s/*"), 0);
	file_write_text("s/a.tflsample", "");
	ck_assert_int_eq(truncate("s/a.tflsample", TFL_SAMPLES_BYTES_MAX), 0);
	file_write_text("s/b.tflsample", "x");
	expect_refusal(-EFBIG, "more than 256 MiB together");
	ck_assert_int_eq(system("rm s/* && mkdir s/a.tflsample"), 0);
	expect_refusal(-EINVAL, "a.tflsample cannot be opened: it is no file");
	ck_assert_int_eq(system("rmdir s/* && mkfifo s/a.tflsample"), 0);
	expect_refusal(-EINVAL, "a.tflsample cannot be opened: it is no file");
	ck_assert_int_eq(system("rm s/*"), 0);
	snprintf(path, sizeof(path), "s/%064d.tflsample", 0);
	file_write_text(path, "");
	expect_refusal(-EINVAL, "the name of a sample has 74 bytes, expected at most 63");
}
END_TEST

/* A sample, as a test changes it. */
static size_t load(uint8_t **ret_data)
{
	struct stat st;
	FILE *file;

	sample_write("a", input, input, 0.5);
	ck_assert_int_eq(stat("a", &st), 0);
	*ret_data = malloc((size_t)st.st_size);
	file = fopen("a", "rbe");
	ck_assert_uint_eq(fread(*ret_data, 1, (size_t)st.st_size, file), (size_t)st.st_size);
	fclose(file);
	return (size_t)st.st_size;
}

START_TEST(any_bytes_are_parsed_or_refused)
{
	struct tfl_sample sample;
	uint8_t *data = NULL;
	size_t size = load(&data);

	ck_assert_msg(tfl_sample_parse((struct tfl_slice){ data, size }, &sample, &error) == 0, "%s", error.text);
	ck_assert_uint_eq(sample.request.inputs.count, 1);
	ck_assert_uint_eq(sample.request.outputs.count, 1);
	ck_assert_double_eq(sample.tolerance, 0.5);
	tfl_sample_finish(&sample);
	for (size_t i = 0; i < size; i++) {
		/* Memory of that size alone, so that a sanitizer sees one byte more. */
		uint8_t *part = malloc(i + !i);

		memcpy(part, data, i);
		ck_assert_int_lt(tfl_sample_parse((struct tfl_slice){ part, i }, &sample, &error), 0);
		free(part);
		for (unsigned bit = 0; bit < 8; bit++) {
			data[i] ^= (uint8_t)(1u << bit);
			if (tfl_sample_parse((struct tfl_slice){ data, size }, &sample, &error) == 0)
				tfl_sample_finish(&sample);
			data[i] ^= (uint8_t)(1u << bit);
		}
	}
	free(data);
}
END_TEST

Suite *samples_suite(void)
{
	Suite *suite = suite_create("samples");
	TCase *test = tcase_create("samples");

	tcase_add_checked_fixture(test, setup, folder_remove);
	tcase_add_test(test, samples_come_in_the_order_of_their_names);
	tcase_add_test(test, number_bytes_and_kind_are_bounded);
	tcase_add_test(test, any_bytes_are_parsed_or_refused);
	suite_add_tcase(suite, test);
	return suite;
}
