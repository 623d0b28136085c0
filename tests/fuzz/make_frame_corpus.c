/* SPDX-License-Identifier: MIT */
/*
 * Writes the seeds of fuzz_frame into a folder: streams as the project's own encoders make them, and hostile ones that no encoder makes,
 * written out by hand. Names say what a seed is. Run it after a change of the protocol; what fuzzing found stays beside them.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "proto/message.h"
#include "proto/request.h"
#include "proto/response.h"
#include "proto/writer.h"

static uint8_t picture[28 * 28 * 4], large[160 * 160];

static struct tfl_wire_tensor tensor_of(const char *name, int32_t index, enum tfl_dtype dtype, int32_t rows, int32_t columns,
					const void *data)
{
	return (struct tfl_wire_tensor){
		.name = tfl_string_of(name),
		.index = index,
		.dtype = dtype,
		.shape = {2, {rows, columns}},
		.data = {data, (size_t)rows * (size_t)columns * (dtype == TFL_FLOAT32 ? 4 : 1)},
	};
}

static void infer_with_everything(struct tfl_writer *writer)
{
	struct tfl_infer_head head = {
		.model = tfl_string_of("digits"),
		.version = 3,
		.key = tfl_string_of("camera-1"),
		.timeout_us = 250000,
		.priority = 1,
		.dtype = TFL_FLOAT32,
	};
	struct tfl_wire_tensor input = tensor_of("image", -1, TFL_FLOAT32, 28, 28, picture);
	struct tfl_wire_tensor output = {.index = 0, .dtype = TFL_FLOAT32, .shape = {.rank = -1}};

	tfl_infer_request_write(writer, 1, &head, &input, 1, &output, 1);
}

static void infer_by_label(struct tfl_writer *writer)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .label = tfl_string_of("stable"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tensor_of(NULL, 0, TFL_INT8, 4, 4, picture);

	tfl_infer_request_write(writer, 2, &head, &input, 1, NULL, 0);
}

static void infer_by_signature(struct tfl_writer *writer)
{
	struct tfl_infer_head head = {.session = 3, .signature = tfl_string_of("decode"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tensor_of("tokens", -1, TFL_INT8, 1, 7, picture);

	tfl_infer_request_write(writer, 9, &head, &input, 1, NULL, 0);
}

static void infer_without_inputs(struct tfl_writer *writer)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .signature = tfl_string_of("init"), .dtype = TFL_DTYPE_COUNT};

	tfl_infer_request_write(writer, 10, &head, NULL, 0, NULL, 0);
}

static void infer_with_six_inputs(struct tfl_writer *writer)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor inputs[6];

	for (int32_t i = 0; i < 6; i++)
		inputs[i] = tensor_of(NULL, i, TFL_BOOL, 1, i, picture);
	tfl_infer_request_write(writer, 3, &head, inputs, 6, NULL, 0);
}

static void infer_in_region(struct tfl_writer *writer)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tensor_of(NULL, 0, TFL_UINT8, 2, 5, NULL);

	input.in_region = true;
	input.region = (struct tfl_wire_region){7, 4096, 10};
	tfl_infer_request_write(writer, 4, &head, &input, 1, NULL, 0);
}

static void infer_past_the_stage(struct tfl_writer *writer)
{
	struct tfl_infer_head head = {.model = tfl_string_of("m"), .dtype = TFL_DTYPE_COUNT};
	struct tfl_wire_tensor input = tensor_of(NULL, 0, TFL_UINT8, 160, 160, large);

	tfl_infer_request_write(writer, 5, &head, &input, 1, NULL, 0);
}

static void response(struct tfl_writer *writer)
{
	struct tfl_infer_served served = {tfl_string_of("digits"), 3, 41000, 1200000};
	struct tfl_wire_tensor outputs[2] = {
		tensor_of("scores", 0, TFL_FLOAT32, 1, 10, picture),
		tensor_of("", 1, TFL_INT8, 0, 1, picture),
	};

	tfl_infer_response_begin(writer, 1, &served, 2);
	tfl_wire_tensor_write(writer, &outputs[0]);
	tfl_wire_tensor_write(writer, &outputs[1]);
}

static void failure(struct tfl_writer *writer)
{
	tfl_message_failure(writer, 6, TFL_NOT_FOUND, "no model 'x': there are digits, vww");
}

static void failure_notification(struct tfl_writer *writer)
{
	tfl_message_failure_notification(writer, TFL_PROTOCOL_ERROR, "a frame of 67108865 bytes is announced");
}

static void unload(struct tfl_writer *writer)
{
	struct tfl_model_params params = {tfl_string_of("digits"), 2, true};

	tfl_model_params_write(writer, 7, TFL_METHOD_MODEL_UNLOAD, &tfl_model_unload_params, &params);
}

static void stats(struct tfl_writer *writer)
{
	tfl_model_params_write(writer, 8, TFL_METHOD_STATS, &tfl_stats_params, &(struct tfl_model_params){0});
}

static void every_kind(struct tfl_writer *writer)
{
	tfl_message_request(writer, UINT32_MAX, "x.every");
	tfl_writer_map(writer, 2);
	tfl_writer_text(writer, "model");
	tfl_writer_nil(writer);
	tfl_writer_text(writer, "list");
	tfl_writer_array(writer, 8);
	tfl_writer_uint64(writer, UINT64_MAX);
	tfl_writer_int64(writer, INT64_MIN);
	tfl_writer_int64(writer, -1);
	tfl_writer_double(writer, 0.1);
	tfl_writer_bool(writer, true);
	tfl_writer_text(writer, "gr\xc3\xbcn");
	tfl_writer_binary(writer, picture, 300);
	tfl_writer_array(writer, 0);
}

static const struct {
	const char *name;
	void (*write)(struct tfl_writer *writer);
} encoded[] = {
	{"infer-with-everything", infer_with_everything},
	{"infer-by-label", infer_by_label},
	{"infer-by-signature", infer_by_signature},
	{"infer-without-inputs", infer_without_inputs},
	{"infer-with-six-inputs", infer_with_six_inputs},
	{"infer-in-region", infer_in_region},
	{"infer-past-the-stage", infer_past_the_stage},
	{"response", response},
	{"failure", failure},
	{"failure-notification", failure_notification},
	{"model-unload", unload},
	{"stats", stats},
	{"every-kind", every_kind},
};

#define STREAM(name, bytes) {name, bytes, sizeof(bytes) - 1, false}
#define FRAME(name, bytes) {name, bytes, sizeof(bytes) - 1, true}

/* Streams as they are, and bodies that get their right length in front. */
static const struct {
	const char *name;
	const char *bytes;
	uint8_t size;
	bool body;
} written[] = {
	STREAM("empty", ""),
	STREAM("frame-of-nothing", "\0\0\0\0"),
	STREAM("frame-of-four-gigabytes", "\xff\xff\xff\xff\x94"),
	STREAM("frame-of-the-limit-cut", "\x04\0\0\0\x94\0\1"),
	STREAM("http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
	STREAM("length-cut", "\0\0\0"),
	STREAM("two-frames", "\0\0\0\5\x93\2\xa1x\x80\0\0\0\5\x93\2\xa1y\x80"),
	FRAME("array-of-four-billion", "\xdd\xff\xff\xff\xff"),
	FRAME("map-of-four-billion", "\xdf\xff\xff\xff\xff"),
	FRAME("string-of-four-billion", "\xdb\xff\xff\xff\xff"),
	FRAME("binary-of-four-billion", "\xc6\xff\xff\xff\xff"),
	FRAME("nested-8-deep", "\x91\x91\x91\x91\x91\x91\x91\x90"),
	FRAME("nested-9-deep", "\x91\x91\x91\x91\x91\x91\x91\x91\x90"),
	FRAME("nested-in-params", "\x94\0\1\xa1m\x81\xa1k\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0"),
	FRAME("two-values-in-a-frame", "\xc0\xc0"),
	FRAME("byte-c1", "\xc1"),
	FRAME("extension", "\xd4\1\2"),
	FRAME("number-as-key", "\x94\0\1\xa1m\x81\1\2"),
	FRAME("key-twice", "\x94\0\1\xa5stats\x82\xa5model\xa1m\xa5model\xa1n"),
	FRAME("method-not-utf8", "\x94\0\1\xa1\xff\x80"),
	FRAME("notification-with-four", "\x94\2\xa1x\x80\xc0"),
	FRAME("reply-with-text-as-error", "\x94\1\1\xa1x\xc0"),
};

/* Two ranges of bytes become a file. */
static void save(const char *folder, const char *name, const void *head, size_t head_size, const void *bytes, size_t size)
{
	_tfl_free_ char *path = NULL;
	FILE *file;

	if (asprintf(&path, "%s/%s", folder, name) < 0 || !(file = fopen(path, "wb")) ||
	    fwrite(head, 1, head_size, file) != head_size || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
		fprintf(stderr, "%s/%s: %s\n", folder, name, strerror(errno));
		exit(EXIT_FAILURE);
	}
}

/* The frame, and the frame without its last byte. */
static void save_encoded(const char *folder, const char *name, struct tfl_writer *writer)
{
	size_t size = tfl_writer_size(writer);
	_tfl_free_ uint8_t *frame = malloc(size);
	_tfl_free_ char *cut = NULL;
	struct tfl_error error;

	if (!frame || asprintf(&cut, "%s-cut", name) < 0 || tfl_writer_check(writer, &error) < 0) {
		fprintf(stderr, "%s cannot be encoded\n", name);
		exit(EXIT_FAILURE);
	}
	tfl_writer_copy(writer, 0, frame);
	save(folder, name, frame, 0, frame, size);
	if (size < TFL_WRITER_REF_MIN)
		save(folder, cut, frame, 0, frame, size - 1);
}

int main(int argc, char **argv)
{
	struct tfl_writer writer = {0};

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < sizeof(picture); i++)
		picture[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(encoded); i++) {
		encoded[i].write(&writer);
		save_encoded(argv[1], encoded[i].name, &writer);
	}
	for (size_t i = 0; i < TFL_ARRAY_SIZE(written); i++)
		save(argv[1], written[i].name, (const uint8_t[4]){0, 0, 0, written[i].size}, written[i].body ? 4 : 0, written[i].bytes,
		     written[i].size);
	tfl_writer_finish(&writer);
	return 0;
}
