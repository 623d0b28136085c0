/* SPDX-License-Identifier: MIT */
/*
 * The real tflctl against a fake daemon: exit statuses, what stands on stdout and stderr, that --json is one JSON text whatever happens,
 * and what reaches the daemon.
 */
#include <jansson.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/request.h"
#include "proto/response.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/fake.h"
#include "tests/client/run.h"

static struct fake fake;
static char folder[64];

/*
 * ---- The fake's model: digits, int8 [1, 28, 28, 1] in, ten scores out; the class is what stands in the picture's first pixel. Pixels are
 * normalised to 0..1 and quantised in steps of 1/255: so each is sent as it is.
 */

static void write_tensor(struct tfl_writer *writer, const char *name, const char *dtype, const int32_t *dims, unsigned rank,
			 unsigned more)
{
	tfl_writer_map(writer, 3 + more);
	tfl_writer_text(writer, "name");
	tfl_writer_text(writer, name);
	tfl_writer_text(writer, "dtype");
	tfl_writer_text(writer, dtype);
	tfl_writer_text(writer, "shape");
	tfl_writer_array(writer, rank);
	for (unsigned i = 0; i < rank; i++)
		tfl_writer_int64(writer, dims[i]);
}

static void write_normalization(struct tfl_writer *writer)
{
	tfl_writer_text(writer, "quantization");
	tfl_writer_map(writer, 2);
	tfl_writer_text(writer, "scale");
	tfl_writer_double(writer, (double)(1 / 255.0f));
	tfl_writer_text(writer, "zero_point");
	tfl_writer_int64(writer, -128);
	tfl_writer_text(writer, "normalization");
	tfl_writer_map(writer, 2);
	tfl_writer_text(writer, "mean");
	tfl_writer_array(writer, 1);
	tfl_writer_double(writer, 0);
	tfl_writer_text(writer, "std");
	tfl_writer_array(writer, 1);
	tfl_writer_double(writer, 255);
}

static void reply_describe(const struct tfl_message *request)
{
	static const char *const labels[10] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "\033[2Jeight", "nine"};
	struct tfl_writer *writer = &fake.writer;
	struct tfl_model_params params;

	ck_assert_int_eq(tfl_model_params_parse(&tfl_model_describe_params, request->params, &params, NULL), 0);
	if (!tfl_string_equal(params.model, "digits")) {
		tfl_message_failure(writer, request->msgid, TFL_NOT_FOUND, "there is no model 'nosuch'; there are: digits");
		return;
	}
	tfl_message_reply(writer, request->msgid);
	tfl_writer_map(writer, 5);
	tfl_writer_text(writer, "model");
	tfl_writer_text(writer, "digits");
	tfl_writer_text(writer, "version");
	tfl_writer_uint64(writer, 2);
	tfl_writer_text(writer, "inputs");
	tfl_writer_array(writer, 1);
	write_tensor(writer, "image", "int8", (const int32_t[]){1, 28, 28, 1}, 4, 2);
	write_normalization(writer);
	tfl_writer_text(writer, "outputs");
	tfl_writer_array(writer, 1);
	write_tensor(writer, "scores", "int8", (const int32_t[]){1, 10}, 2, 0);
	tfl_writer_text(writer, "labels");
	tfl_writer_array(writer, 10);
	for (unsigned i = 0; i < 10; i++)
		tfl_writer_text(writer, labels[i]);
}

static void reply_infer(const struct tfl_message *request)
{
	struct tfl_infer_served served = {.model = tfl_string_of("digits"), .version = 2, .wait_ns = 5000, .compute_ns = 200000};
	struct tfl_wire_tensor output = {.name = tfl_string_of("scores"), .dtype = TFL_FLOAT32, .shape = {2, {1, 10}}, .data = {NULL, 40}};
	struct tfl_infer_request parsed;
	const struct tfl_wire_tensor *input;
	float scores[10] = {0};
	unsigned first;

	ck_assert_int_eq(tfl_infer_request_parse(request->params, &parsed, NULL), 0);
	input = tfl_tensor_list_at(&parsed.inputs, 0);
	ck_assert_int_eq(parsed.head.dtype, TFL_FLOAT32);
	ck_assert_uint_eq(input->data.size, input->dtype == TFL_FLOAT32 ? 4 * 784 : 784);
	if (input->dtype == TFL_FLOAT32)
		memcpy(scores, input->data.data, sizeof(float)); /* the first number is the class */
	first = input->dtype == TFL_FLOAT32 ? (unsigned)scores[0] : (uint8_t)(input->data.data[0] + 128);
	scores[0] = 0;
	scores[first % 10] = 0.975f;
	scores[(first + 1) % 10] = 0.025f;
	output.data.data = (const uint8_t *)scores;
	tfl_infer_response_begin(&fake.writer, request->msgid, &served, 1);
	tfl_wire_tensor_write(&fake.writer, &output);
	fake_send(&fake);
	tfl_infer_request_finish(&parsed);
}

static void reply_health(const struct tfl_message *request)
{
	tfl_message_reply(&fake.writer, request->msgid);
	tfl_writer_map(&fake.writer, 2);
	tfl_writer_text(&fake.writer, "ready");
	tfl_writer_bool(&fake.writer, fake.data != NULL);
	tfl_writer_text(&fake.writer, "conditions");
	tfl_writer_array(&fake.writer, 2);
	tfl_writer_map(&fake.writer, 4);
	tfl_writer_text(&fake.writer, "model");
	tfl_writer_text(&fake.writer, "digits");
	tfl_writer_text(&fake.writer, "version");
	tfl_writer_uint64(&fake.writer, 2);
	tfl_writer_text(&fake.writer, "age_s");
	tfl_writer_uint64(&fake.writer, 125);
	tfl_writer_text(&fake.writer, "text");
	tfl_writer_text(&fake.writer, "the disk is full\x1b[31m");
	tfl_writer_map(&fake.writer, 0);
}

/* A daemon that would like to steer the terminal. */
static void reply_swap(const struct tfl_message *request)
{
	static const char *const texts[][2] = {{"model", "digits\x1b[2J"}, {"reason", "the disk is \xc2\x9b" "2Jfull\x07"}};

	tfl_message_reply(&fake.writer, request->msgid);
	tfl_writer_map(&fake.writer, 4);
	for (unsigned i = 0; i < 2; i++) {
		tfl_writer_text(&fake.writer, texts[i][0]);
		tfl_writer_text(&fake.writer, texts[i][1]);
	}
	tfl_writer_text(&fake.writer, "version");
	tfl_writer_uint64(&fake.writer, 2);
	tfl_writer_text(&fake.writer, "remembered");
	tfl_writer_bool(&fake.writer, false);
}

static void serve(struct fake *unused, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(&fake, &request)) {
		if (tfl_string_equal(request.method, TFL_METHOD_INFER)) {
			reply_infer(&request);
			continue;
		}
		if (tfl_string_equal(request.method, TFL_METHOD_MODEL_LOAD) && !fake.data)
			continue; /* it takes its time */
		if (tfl_string_equal(request.method, TFL_METHOD_MODEL_DESCRIBE)) {
			reply_describe(&request);
		} else if (tfl_string_equal(request.method, TFL_METHOD_HEALTH)) {
			reply_health(&request);
		} else if (tfl_string_equal(request.method, TFL_METHOD_MODEL_SWAP)) {
			reply_swap(&request);
		} else { /* an answer without any of the keys that are asked for */
			tfl_message_reply(&fake.writer, request.msgid);
			tfl_writer_map(&fake.writer, 0);
		}
		fake_send(&fake);
	}
}

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", folder, name);
	return paths[next];
}

static const char *write_file(const char *name, const void *data, size_t size)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "w");

	ck_assert_uint_eq(fwrite(data, 1, size, file), size);
	fclose(file);
	return path;
}

/* A gray 28 x 28 PNG whose pixels are all @p value. */
static const char *write_picture(const char *name, uint8_t value)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_GRAY, .width = 28, .height = 28};
	const char *path = path_of(name);
	uint8_t pixels[784];

	memset(pixels, value, sizeof(pixels));
	ck_assert_int_ne(png_image_write_to_file(&image, path, 0, pixels, 0, NULL), 0);
	return path;
}

static void setup(void)
{
	strcpy(folder, "/tmp/tflctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	fake_start(&fake, serve, &fake);
	setenv("TFL_SOCKET", fake.path, 1);
}

static void teardown(void)
{
	static const char *const names[] = {"seven.png", "raw.bin", "short.bin", "in.npy", "out.npy", "labels.txt", "bad.png"};

	fake_stop(&fake);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	rmdir(folder);
}

/* Names that are no UTF-8 are in the sentence, and JSON is UTF-8 all the same. */
START_TEST(errors_in_other_encodings)
{
	json_t *json, *error;

	TFLCTL("load", "digits", "/no/b\xff" "d.tflite", "--json");
	ck_assert_int_eq(result.status, 1);
	json = json_of_output();
	error = json_object_get(json, "error");
	ck_assert_str_eq(json_string_value(json_object_get(error, "name")), "NOT_FOUND");
	ck_assert_msg(strstr(json_string_value(json_object_get(error, "message")), "/no/b?d.tflite: No such file"), "%s", result.out);
	json_decref(json);
	TFLCTL("describe", "\xff", "--json");
	ck_assert_int_eq(result.status, 2);
	json = json_of_output();
	error = json_object_get(json, "error");
	ck_assert_str_eq(json_string_value(json_object_get(error, "name")), "INVALID_ARGUMENT");
	json_decref(json);
}
END_TEST

START_TEST(no_daemon)
{
	json_t *json;

	TFLCTL("--socket", "/tmp/no-such.sock", "ls");
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, "/tmp/no-such.sock"), "%s", result.err);
	TFLCTL("ls", "--json", "--socket=/tmp/no-such.sock");
	ck_assert_int_eq(result.status, 1);
	json = json_of_output();
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(json, "error"), "code")), TFL_UNAVAILABLE);
	json_decref(json);
}
END_TEST

START_TEST(infer_picture)
{
	const char *path = write_picture("seven.png", 7);
	json_t *json, *best;

	TFLCTL("infer", "digits", "--image", path); /* whichever version: in real numbers, here 7 / 255 */
	ck_assert_msg(result.status == 0 && strncmp(result.out, "zero  97.5 %  (digits@2, ", 25) == 0, "%s%s", result.out, result.err);
	TFLCTL("infer", "digits@2", "--image", path); /* that version: as it has them inside */
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_msg(strncmp(result.out, "seven      97.5 %  (digits@2, ", 30) == 0, "%s", result.out);
	ck_assert_msg(strstr(result.out, "\n?[2Jeight   2.5 %\n"), "%s", result.out); /* and no escape sequence */
	TFLCTL("infer", "digits@2", "--image", path, "--json", "--top", "1", "--repeat", "3");
	ck_assert_int_eq(result.status, 0);
	json = json_of_output();
	ck_assert_int_eq(json_integer_value(json_object_get(json, "version")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(json, "round_trips"), "count")), 3);
	best = json_object_get(json_array_get(json_object_get(json, "outputs"), 0), "top");
	ck_assert_uint_eq(json_array_size(best), 1);
	best = json_array_get(best, 0);
	ck_assert_int_eq(json_integer_value(json_object_get(best, "class")), 7);
	ck_assert_str_eq(json_string_value(json_object_get(best, "label")), "seven");
	json_decref(json);
	ck_assert_uint_eq(fake.requests, 2 + 2 + 4);
}
END_TEST

/* --norm, --labels, --top, --repeat as text. */
START_TEST(infer_options)
{
	const char *path = write_picture("seven.png", 255), *labels = write_file("labels.txt", "0 null\n1 eins\n2 zwei\n", 21);

	TFLCTL("infer", "digits", "--image", path, "--norm", "unit", "--labels", labels, "--top=2", "--repeat=5");
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_msg(strncmp(result.out, "eins  97.5 %", 12) == 0, "%s", result.out); /* 255 / 255 is class 1 */
	ck_assert_ptr_nonnull(strstr(result.out, "5 runs"));
	ck_assert_ptr_nonnull(strstr(result.out, "p99"));
	ck_assert_msg(strstr(result.err, "labels.txt: the file has 3 labels, the model 10 classes\n"), "%s", result.err);
	ck_assert_ptr_null(strstr(result.out, "0.0 %"));
	TFLCTL("infer", "digits", "--image", path, "--top", "3"); /* as many as asked for */
	ck_assert_msg(strstr(result.out, "   0.0 %\n"), "%s", result.out);
	ck_assert_str_eq(result.err, "");
	TFLCTL("infer", "digits", "--image", path, "--labels", "/no/labels");
	ck_assert_int_eq(result.status, 1);
}
END_TEST

START_TEST(infer_arrays)
{
	uint8_t raw[785] = {(uint8_t)(3 - 128)};
	double wide[784] = {4};
	char npy[128 + sizeof(wide)];
	char header[119];
	const char *path;
	FILE *file;

	path = write_file("raw.bin", raw, 784);
	TFLCTL("infer", "digits", "--in", path);
	ck_assert_msg(result.status == 0 && strncmp(result.out, "three", 5) == 0, "%s %s", result.out, result.err);
	path = write_file("short.bin", raw, 785);
	TFLCTL("infer", "digits", "--in", path);
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, "785") && strstr(result.err, "784") && strstr(result.err, "image"), "%s", result.err);

	/* float64, as numpy makes it when nobody asks */
	snprintf(header, sizeof(header), "%-117s\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 28, 28, 1), }");
	memcpy(npy, "\x93NUMPY\1\0v\0", 10);
	memcpy(npy + 10, header, 118);
	memcpy(npy + 128, wide, sizeof(wide));
	path = write_file("in.npy", npy, sizeof(npy));
	for (unsigned i = 0; i < 2; i++) {
		char named[160];

		snprintf(named, sizeof(named), "%s=%s", i ? "image" : "0", path);
		TFLCTL("infer", "digits", "--in", named, "--out", path_of("out.npy"));
		ck_assert_msg(result.status == 0 && strncmp(result.out, "four", 4) == 0, "%s %s", result.out, result.err);
	}
	file = fopen(path_of("out.npy"), "r");
	ck_assert_uint_eq(fread(npy, 1, sizeof(npy), file), 128 + 40);
	fclose(file);
	ck_assert_float_eq(*(float *)(npy + 128 + 4 * 4), 0.975f);
	TFLCTL("infer", "digits", "--in", path, "--in", path);
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, "one input too many"), "%s", result.err);
	TFLCTL("infer", "digits", "--in", "nosuch=in.npy");
	ck_assert_int_eq(result.status, 1);
	ck_assert_str_eq(result.err, "tflctl: digits has no input 'nosuch'; it has: image\n");
}
END_TEST

START_TEST(failures)
{
	const char *path = write_file("bad.png", "\x89PNG\r\n\x1a\nxx", 10);

	TFLCTL("infer", "digits"); /* which inputs there are, the daemon has to say first */
	ck_assert_int_eq(result.status, 2);
	ck_assert_msg(strstr(result.err, "--image FILE or --in FILE") && strstr(result.err, "--help"), "%s", result.err);
	TFLCTL("infer", "nosuch", "--image", path);
	ck_assert_int_eq(result.status, 1);
	ck_assert_str_eq(result.out, "");
	ck_assert_str_eq(result.err, "tflctl: there is no model 'nosuch'; there are: digits\n");
	TFLCTL("infer", "digits", "--image", path);
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, "bad.png: the PNG is damaged"), "%s", result.err);
	TFLCTL("infer", "digits", "--image", "/no/file");
	ck_assert_int_eq(result.status, 1);
	TFLCTL("load", "digits", "/no/file.tflite");
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, "/no/file.tflite: No such file"), "%s", result.err);
	TFLCTL("load", "digits", "");
	ck_assert_str_eq(result.err, "tflctl: '' names no file\n");
}
END_TEST

START_TEST(loading_takes_longer)
{
	fake.data = NULL;
	TFLCTL("load", "digits", write_file("raw.bin", "", 0), "--timeout", "30");
	ck_assert_int_eq(result.status, 1);
	ck_assert_str_eq(result.err, "tflctl: the daemon did not answer within 30 ms; it may still be loading, see 'tflctl ls'\n");
}
END_TEST

/* Whatever is no regular file is refused, and not waited for. */
START_TEST(other_files)
{
	const char *fifo = path_of("fifo");
	char expected[160];

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	snprintf(expected, sizeof(expected), "tflctl: %s is a FIFO, expected a regular file\n", fifo);
	TFLCTL("load", "digits", fifo);
	ck_assert_str_eq(result.err, expected);
	TFLCTL("infer", "digits", "--image", fifo);
	ck_assert_str_eq(result.err, expected);
	TFLCTL("infer", "digits", "--in", fifo);
	ck_assert_str_eq(result.err, expected);
	TFLCTL("infer", "digits", "--in", fifo, "--labels", fifo);
	ck_assert_str_eq(result.err, expected);
	ck_assert_int_eq(result.status, 1);
	unlink(fifo);
	TFLCTL("load", "digits", folder);
	ck_assert_msg(strstr(result.err, " is a folder, expected a regular file"), "%s", result.err);
	TFLCTL("load", "digits", fake.path);
	ck_assert_msg(strstr(result.err, " is a socket, expected a regular file"), "%s", result.err);
	TFLCTL("load", "digits", "/dev/null");
	ck_assert_msg(strstr(result.err, "/dev/null is a device, expected a regular file"), "%s", result.err);
	ck_assert_int_eq(result.status, 1);
	TFLCTL("ls", "--socket", folder);
	ck_assert_msg(strstr(result.err, " is no socket"), "%s", result.err);
	ck_assert_int_eq(result.status, 1);
}
END_TEST

/* A daemon that leaves every key out: commands print what they have, and do not fall. */
START_TEST(empty_answers)
{
	static const char *const commands[] = {"ls", "stats", "version"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		TFLCTL(commands[i]);
		ck_assert_msg(result.status == 0, "%s: %s", commands[i], result.err);
		TFLCTL(commands[i], "--json");
		ck_assert_int_eq(result.status, 0);
		json_decref(json_of_output());
	}
	TFLCTL("unload", "digits@1", "--erase");
	ck_assert_int_eq(result.status, 0);
	TFLCTL("load", "digits", write_file("raw.bin", "", 0));
	ck_assert_int_eq(result.status, 0);
	TFLCTL("describe", "digits");
	ck_assert_int_eq(result.status, 0);
}
END_TEST

START_TEST(answers_do_not_steer_a_terminal)
{
	TFLCTL("swap", "digits", "2");
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.out, "digits?[2J@2 serves; before none did\nbut the disk is ??2Jfull?\n");
	ck_assert_str_eq(result.err, "");
}
END_TEST

START_TEST(health_is_an_exit_status)
{
	TFLCTL("health");
	ck_assert_int_eq(result.status, 0);
	ck_assert_int_eq(strncmp(result.out, "ready", 5), 0);
	ck_assert_ptr_nonnull(strstr(result.out, "\ndegraded for 2 min 5 s: digits@2: the disk is full?[31m\ndegraded for 0 s:\n"));
	fake.data = NULL;
	TFLCTL("health");
	ck_assert_int_eq(result.status, 1);
	ck_assert_int_eq(strncmp(result.out, "not ready", 9), 0);
	TFLCTL("health", "--json");
	ck_assert_int_eq(result.status, 1);
	json_decref(json_of_output());
}
END_TEST

START_TEST(output_that_cannot_be_written)
{
	int status = system("\"$TFLCTL\" --help >/dev/full 2>/dev/null");

	ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

Suite *command_suite(void)
{
	Suite *suite = suite_create("command");
	TCase *tcase = tcase_create("command");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, errors_in_other_encodings);
	tcase_add_test(tcase, no_daemon);
	tcase_add_test(tcase, infer_picture);
	tcase_add_test(tcase, infer_options);
	tcase_add_test(tcase, infer_arrays);
	tcase_add_test(tcase, failures);
	tcase_add_test(tcase, loading_takes_longer);
	tcase_add_test(tcase, other_files);
	tcase_add_test(tcase, empty_answers);
	tcase_add_test(tcase, answers_do_not_steer_a_terminal);
	tcase_add_test(tcase, health_is_an_exit_status);
	tcase_add_test(tcase, output_that_cannot_be_written);
	suite_add_tcase(suite, tcase);
	return suite;
}
