/* SPDX-License-Identifier: MIT */
/* What is told of a version is a sound frame, with as many entries as were counted, however much the model has to say. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/telling.h"
#include "daemon/version.h"
#include "proto/message.h"
#include "proto/reader.h"
#include "proto/writer.h"
#include "runtime/model.h"
#include "tests/daemon/suites.h"
#include "tests/runtime/metadata_sample.h"

static uint8_t *bytes;
static struct tfl_writer writer;
static struct tfl_io ios[META_OUTPUTS];
static struct tfl_version version;

static void open_version(const struct metadata_wrong *wrong)
{
	struct tfl_error error = {0};
	size_t size;

	bytes = sample_metadata(wrong, &size);
	ck_assert_msg(tfl_model_open_memory(bytes, size, &version.file, &error) == 0, "%s", error.text);
	for (unsigned i = 0; i < META_OUTPUTS; i++)
		ios[i] = (struct tfl_io){.name = "t", .rank = 1, .dims = {1}};
	version.inputs = version.outputs = ios;
	version.input_count = META_INPUTS;
	version.output_count = META_OUTPUTS;
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	tfl_model_destroy(version.file);
	free(bytes);
}

/* The text behind a key of the map that comes next; empty where there is none. */
static struct tfl_string text_of(struct tfl_reader reader, const char *wanted)
{
	struct tfl_string key, text = {0};
	struct tfl_slice value;
	uint32_t count;

	ck_assert_int_eq(tfl_reader_map(&reader, "map", TFL_MAP_MAX, &count, NULL), 0);
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_int_eq(tfl_reader_string(&reader, "key", 64, &key, NULL), 0);
		if (tfl_string_equal(key, wanted))
			ck_assert_int_eq(tfl_reader_string(&reader, "text", 4096, &text, NULL), 0);
		else
			ck_assert_int_eq(tfl_reader_skip(&reader, "value", &value, NULL), 0);
	}
	return text;
}

static void tell(const char *key, const char *expected)
{
	TFL_CLEANUP(tfl_telling_finish) struct tfl_telling telling = {0};
	_tfl_free_ uint8_t *frame = NULL;
	struct tfl_message message;
	struct tfl_error error = {0};

	ck_assert_int_eq(tfl_telling_init(&telling, &version), 0);
	tfl_writer_begin(&writer);
	tfl_message_reply(&writer, 1);
	tfl_writer_map(&writer, tfl_telling_count(&telling));
	tfl_telling_write(&telling, &writer);
	ck_assert_msg(tfl_writer_check(&writer, &error) == 0, "%s", error.text);
	frame = malloc(tfl_writer_size(&writer));
	tfl_writer_copy(&writer, 0, frame);
	ck_assert_msg(tfl_message_parse((struct tfl_slice){frame + 4, tfl_writer_size(&writer) - 4}, &message, &error) == 0, "%s", error.text);
	ck_assert(tfl_string_equal(text_of(tfl_reader_of(message.result), key), expected));
}

START_TEST(everything)
{
	open_version(&(struct metadata_wrong){0});
	tell("description", "");
}
END_TEST

START_TEST(many_files)
{
	open_version(&(struct metadata_wrong){.model_uses = 500});
	ck_assert_uint_eq(version.file->metadata.files.count, 501);
	tell("description", "");
}
END_TEST

Suite *telling_suite(void)
{
	Suite *suite = suite_create("telling");
	TCase *tcase = tcase_create("telling");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, everything);
	tcase_add_test(tcase, many_files);
	suite_add_tcase(suite, tcase);
	return suite;
}
