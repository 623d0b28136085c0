/* SPDX-License-Identifier: MIT */
/*
 * The library that programs link and the tflctl that people type, against the real daemon: loading, inferences whose numbers are known,
 * failures in words, and a daemon that restarts in between.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <png.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tflclient.h"
#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/endless.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"

#define SEED 7
#define LARGE_SIDE 1024

static struct daemon tfld;

static void setup(void)
{
	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
}

static struct tfl_client *connect_client(void)
{
	struct tfl_client *client = NULL;
	struct tfl_call_error error = {0};

	ck_assert_msg(tfl_client_connect(NULL, NULL, &client, &error) == 0, "%s", error.message);
	tfl_client_set_timeout(client, 60000);
	return client;
}

static int file_of(struct model_file model)
{
	int fd = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, model.data, model.size), (ssize_t)model.size);
	model_file_finish(&model);
	return fd;
}

static void load(struct tfl_client *client, const char *name, struct model_file model)
{
	struct tfl_call_error error = {0};
	struct tfl_value *value = NULL;
	int fd = file_of(model);

	ck_assert_msg(tfl_client_load(client, name, fd, &value, &error) == 0, "%s", error.message);
	ck_assert_str_eq(tfl_value_string(tfl_value_get(value, "state"), ""), "AVAILABLE");
	tfl_value_destroy(value);
	close(fd);
}

static struct tfl_infer *tiny_infer(const char *name)
{
	static const int32_t dims[2] = {1, TINY_ELEMENTS};
	struct tfl_infer *infer = NULL;

	ck_assert_int_eq(tfl_infer_create(name, &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, tiny_input, sizeof(tiny_input)), 0);
	tfl_infer_set_float_outputs(infer, true);
	return infer;
}

static void expect_output(const struct tfl_infer *infer, float tolerance)
{
	const struct tfl_output *output = tfl_infer_output(infer, 0);
	float expected[TINY_ELEMENTS];

	model_tiny_expected(SEED, tiny_input, expected);
	ck_assert_uint_eq(output->bytes, sizeof(expected));
	for (unsigned i = 0; i < TINY_ELEMENTS; i++)
		ck_assert_float_eq_tol(((const float *)output->data)[i], expected[i], tolerance);
}

START_TEST(library)
{
	struct tfl_call_error error = {0};
	struct tfl_value *value = NULL;
	struct tfl_client *client;
	struct tfl_infer *infer;

	daemon_start(&tfld, NULL);
	client = connect_client();
	load(client, "tiny", model_tiny(false, SEED));
	load(client, "tiny", model_tiny(true, SEED));
	infer = tiny_infer("tiny@1");
	for (unsigned i = 0; i < 100; i++)
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	expect_output(infer, 1e-5f);
	ck_assert_uint_eq(tfl_infer_version(infer), 1);
	ck_assert_uint_gt(tfl_infer_compute_ns(infer), 0);
	ck_assert_uint_lt(tfl_infer_compute_ns(infer), tfl_infer_round_trip_ns(infer));
	tfl_infer_destroy(infer);
	infer = tiny_infer("tiny@2"); /* float32 in, quantised, computed in int8, float32 out */
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	expect_output(infer, 0.1f);
	ck_assert_uint_eq(tfl_infer_version(infer), 2);
	tfl_infer_destroy(infer);

	ck_assert_int_eq(tfl_client_stats(client, "tiny", &value, &error), 0);
	ck_assert_uint_eq(tfl_value_uint(tfl_value_get(tfl_value_at(tfl_value_get(value, "versions"), 0), "requests"), 0), 100);
	tfl_value_destroy(value);
	ck_assert_int_eq(tfl_client_unload(client, "tiny@1", true, NULL, &error), 0);
	infer = tiny_infer("tiny@1");
	ck_assert_int_eq(tfl_client_infer(client, infer), -ENOENT);
	ck_assert_int_eq(tfl_infer_status(infer), TFL_NOT_FOUND);
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(daemon_restarts)
{
	struct tfl_client *client;
	struct tfl_infer *infer = tiny_infer("tiny");

	add_tiny(&tfld);
	for (unsigned i = 0; i < 3; i++) {
		daemon_start(&tfld, NULL);
		daemon_wait_ready(&tfld);
		if (i == 0)
			client = connect_client();
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
		ck_assert_msg(tfl_client_health(client, NULL, NULL) == 0, "health");
		if (i == 2)
			break;
		kill(tfld.pid, SIGTERM);
		ck_assert_int_eq(daemon_wait(&tfld), 0);
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
	daemon_stop(&tfld);
}
END_TEST

/* What would never end. */
START_TEST(timeout_holds)
{
	static const float rounds = INFINITY;
	static const int32_t dims[2] = {1, 1};
	struct tfl_client *client;
	struct tfl_infer *infer = NULL, *tiny = tiny_infer("tiny");

	add_tiny(&tfld);
	endless_add(&tfld, NULL);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	client = connect_client();
	ck_assert_int_eq(tfl_infer_create("endless", &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, &rounds, sizeof(rounds)), 0);
	tfl_infer_set_timeout(infer, 20);
	ck_assert_int_eq(tfl_client_infer(client, infer), -ETIMEDOUT);
	ck_assert_int_eq(tfl_infer_status(infer), TFL_DEADLINE_EXCEEDED);
	ck_assert_msg(tfl_client_infer(client, tiny) == 0, "%s", tfl_infer_error_message(tiny)); /* over the same connection */
	tfl_infer_destroy(infer);
	tfl_infer_destroy(tiny);
	tfl_client_destroy(client);
	daemon_stop(&tfld);
}
END_TEST

static const char *in_folder(const char *name)
{
	static char paths[4][128];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", tfld.folder, name);
	return paths[next];
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "w");

	ck_assert_uint_eq(fwrite(data, 1, size, file), size);
	fclose(file);
}

static json_int_t requests(void)
{
	json_int_t count;
	json_t *json;

	TFLCTL("stats", "--json");
	json = json_of_output();
	count = json_integer_value(json_object_get(json_array_get(json_object_get(json, "versions"), 0), "requests"));
	json_decref(json);
	return count;
}

/* In the middle of many requests, some of which have been answered. */
static void interrupt_infer(void)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	const json_int_t before = requests();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exec \"$TFLCTL\" infer tiny --in \"$INPUT\" --repeat 100000000 >\"$OUT\" 2>&1", (char *)NULL);
		_exit(127);
	}
	while (requests() < before + 3)
		ck_assert_uint_lt(now_ns(), until);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "it ended with %#x", status);
}

START_TEST(command)
{
	struct model_file model = model_tiny(false, SEED);
	const char *path = in_folder("tiny.tflite"), *input = in_folder("in.bin");
	float nans[TINY_ELEMENTS];
	json_t *json;

	write_file(path, model.data, model.size);
	write_file(input, tiny_input, sizeof(tiny_input));
	model_file_finish(&model);
	daemon_start(&tfld, NULL);
	TFLCTL("ls");
	ck_assert_int_eq(result.status, 0);
	ck_assert_msg(strstr(result.out, "no models"), "%s", result.out);
	TFLCTL("load", "tiny", path);
	ck_assert_msg(result.status == 0 && strncmp(result.out, "tiny@1  AVAILABLE", 17) == 0, "%s%s", result.out, result.err);
	TFLCTL("infer", "tiny", "--in", input, "--repeat", "20");
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_msg(strstr(result.out, "(tiny@1, ") && strstr(result.out, "20 runs"), "%s", result.out);
	ck_assert_int_eq(requests(), 20);
	setenv("INPUT", input, 1);
	setenv("OUT", in_folder("out"), 1);
	interrupt_infer();
	ck_assert_int_eq(system("grep -q '^[0-9]* runs, interrupted  *mean' \"$OUT\""), 0);
	TFLCTL("infer", "tiny", "--image", path);
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, "[1, 16], and a picture needs [1, height, width, 1 or 3]: give it by --in"), "%s", result.err);
	for (unsigned i = 0; i < TINY_ELEMENTS; i++)
		nans[i] = -NAN;
	write_file(input, nans, sizeof(nans));
	TFLCTL("infer", "tiny", "--in", input);
	ck_assert_msg(strstr(result.out, "16 of 16 numbers are NaN\n") && !strstr(result.out, "-nan"), "%s%s", result.out, result.err);
	TFLCTL("describe", "tiny");
	ck_assert_msg(result.status == 0 && strstr(result.out, "float32  [1, 16]"), "%s", result.out);
	TFLCTL("health");
	ck_assert_int_eq(result.status, 0);
	ck_assert_int_eq(strncmp(result.out, "ready: 1 ", 9), 0);
	TFLCTL("load", "tiny", input);
	ck_assert_int_eq(result.status, 1);
	ck_assert_msg(strstr(result.err, input), "%s", result.err);
	TFLCTL("infer", "nosuch", "--in", input);
	ck_assert_int_eq(result.status, 1);
	TFLCTL("unload", "tiny", "--erase");
	ck_assert_int_eq(result.status, 0);
	TFLCTL("logs", "--daemon", "--since", "1h");
	ck_assert_msg(result.status == 0 && strstr(result.out, "  serving the models in ") && strstr(result.out, "  version 1 of 'tiny' is erased (uid "),
		      "%s%s", result.out, result.err);
	TFLCTL("logs", "tiny@1", "--daemon", "--lines", "2", "--json");
	json = json_of_output();
	ck_assert_uint_eq(json_array_size(json), 2);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json, 1), "kind")), "erased");
	json_decref(json);
	TFLCTL("ls", "--json");
	ck_assert_int_eq(result.status, 0);
	json_decref(json_of_output());
	unlink(in_folder("tiny.tflite"));
	unlink(in_folder("in.bin"));
	daemon_stop(&tfld);
}
END_TEST

/* A picture goes in as it is, and what comes back is the same picture as numbers: nothing on the way bends it. */
START_TEST(picture)
{
	static uint8_t pixels[LARGE_SIDE * LARGE_SIDE * 3];
	static float values[LARGE_SIDE * LARGE_SIDE * 3];
	png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB, .width = LARGE_SIDE, .height = LARGE_SIDE};
	double scale, worst = 0;
	FILE *file;

	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t)(i * 31 % 251);
	ck_assert_int_ne(png_image_write_to_file(&image, in_folder("large.png"), 0, pixels, 0, NULL), 0);
	add_large(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	TFLCTL("infer", "large", "--image", in_folder("large.png"), "--out", in_folder("out.bin"));
	ck_assert_msg(result.status == 0, "%s", result.err);
	file = fopen(in_folder("out.bin"), "r");
	ck_assert_uint_eq(fread(values, 1, sizeof(values), file), sizeof(values));
	fclose(file);
	scale = values[1] / pixels[1];
	ck_assert(scale > 0);
	for (size_t i = 0; i < sizeof(pixels); i++)
		worst = fmax(worst, fabs(values[i] - scale * pixels[i]));
	ck_assert_double_lt(worst, 1e-5);
	unlink(in_folder("large.png"));
	unlink(in_folder("out.bin"));
	daemon_stop(&tfld);
}
END_TEST

/* The sample model in both versions, on pictures of digits in fonts that it was not trained on. */
START_TEST(digits)
{
	static const char *const names[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
	char path[256], model[16], wanted[16], line[512];

	ck_assert_msg(getenv("EXAMPLES") != NULL, "$EXAMPLES has to name the header's examples, without their numbers");
	ck_assert_msg(getenv("DIGITS") != NULL, "$DIGITS has to name the folder of the sample model");
	daemon_start(&tfld, NULL);
	for (unsigned version = 1; version <= 2; version++) {
		snprintf(path, sizeof(path), "%s/digits-%s.tflite", getenv("DIGITS"), version == 1 ? "float32" : "int8");
		TFLCTL("load", "digits", path);
		ck_assert_msg(result.status == 0, "%s", result.err);
		snprintf(model, sizeof(model), "digits@%u", version);
		for (unsigned i = 1; i <= 3; i++) {
			snprintf(line, sizeof(line), "\"${EXAMPLES}%u\" >/dev/null", i);
			ck_assert_msg(system(line) == 0, "example %u in tflclient.h fails with digits@%u", i, version);
		}
		for (unsigned i = 0; i < 10; i++) {
			snprintf(path, sizeof(path), "%s/pictures/%s.png", getenv("DIGITS"), names[i]);
			TFLCTL("infer", model, "--image", path, "--top", "1");
			snprintf(wanted, sizeof(wanted), "%u  ", i);
			ck_assert_msg(result.status == 0 && strncmp(result.out, wanted, 3) == 0, "%s, %s: %s%s", model, path, result.out,
				      result.err);
		}
	}
	daemon_stop(&tfld);
}
END_TEST

static void ask_about(const char *name, const char *times)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/pictures/%s.png", getenv("DIGITS"), name);
	TFLCTL("infer", "digits", "--image", path, "--repeat", times, "--top", "1");
	ck_assert_msg(result.status == 0, "%s", result.err);
}

/* The verdict follows the pictures: the same ones are stable, another one is not. */
START_TEST(confidence)
{
	char path[256];

	daemon_start(&tfld, NULL);
	snprintf(path, sizeof(path), "%s/digits-int8.tflite", getenv("DIGITS"));
	TFLCTL("load", "digits", path);
	TFLCTL("drift", "digits");
	ck_assert_msg(result.status == 0 && strstr(result.out, "unknown"), "%s%s", result.out, result.err);
	ask_about("seven", "600");
	ask_about("two", "600");
	TFLCTL("baseline", "digits", "--set");
	ck_assert_msg(strcmp(result.out, "digits@1  baseline set: 1200 verdicts\n") == 0, "%s%s", result.out, result.err);
	TFLCTL("drift", "digits");
	ck_assert_msg(strstr(result.out, "stable: PSI is below 0.1") && strstr(result.out, "1200 verdicts in the last"), "%s", result.out);
	TFLCTL("hist", "digits", "--per-class");
	ck_assert_msg(strstr(result.out, "1200 verdicts since it was first active") && strstr(result.out, "600  50.0 %"), "%s", result.out);
	ask_about("four-or-nine", "3000");
	TFLCTL("drift", "digits", "--window", "1h", "--json");
	ck_assert_msg(strstr(result.out, "\"verdict\": \"drift\"") && strstr(result.out, "\"window_verdicts\": 4200"), "%s", result.out);
	TFLCTL("drift", "digits", "--against", "1");
	ck_assert_msg(strstr(result.out, "stable") && strstr(result.out, "of the other version"), "%s", result.out);
	TFLCTL("drift", "digits", "--against", "9");
	ck_assert_int_eq(result.status, 1);
	TFLCTL("load", "digits", path);
	TFLCTL("compare", "digits", "1", "2");
	ck_assert_msg(result.status == 0 && strstr(result.out, "Which is better cannot be told yet.\n"), "%s%s", result.out, result.err);
	ck_assert_msg(strstr(result.out, "  p99 takes at least 2800 of @2 more.\n"), "%s", result.out);
	daemon_stop(&tfld);
}
END_TEST

/* What tflctl said, to a file. */
static void keep_output(const char *path)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(result.out, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void expect_refusal(const char *text, const char *reason)
{
	FILE *file = fopen(in_folder("wrong.json"), "w");

	fputs(text, file);
	fclose(file);
	TFLCTL("baseline", "digits", "--from", in_folder("wrong.json"));
	ck_assert_msg(result.status == 1 && strstr(result.err, reason), "%s%s: no '%s'", result.out, result.err, reason);
}

/* A baseline goes from one version to another as a file; what is no such file changes nothing. */
START_TEST(baseline_by_file)
{
	char path[256], before[OUTPUT_MAX];

	daemon_start(&tfld, NULL);
	snprintf(path, sizeof(path), "%s/digits-int8.tflite", getenv("DIGITS"));
	TFLCTL("load", "digits", path);
	ask_about("seven", "700");
	TFLCTL("baseline", "digits", "--set");
	ask_about("two", "300");
	TFLCTL("baseline", "digits", "--show", "--json");
	ck_assert_msg(strstr(result.out, "\"set\": true") && !strstr(result.out, "counts"), "%s", result.out);
	keep_output(in_folder("base.json"));
	snprintf(path, sizeof(path), "%s/digits-float32.tflite", getenv("DIGITS"));
	TFLCTL("load", "digits", path);
	TFLCTL("baseline", "digits@2");
	ck_assert_msg(strstr(result.out, " 0 verdicts"), "%s", result.out);
	TFLCTL("baseline", "digits@2", "--from", in_folder("base.json"));
	ck_assert_msg(strcmp(result.out, "digits@2  baseline set: 700 verdicts\n") == 0, "%s%s", result.out, result.err);
	TFLCTL("hist", "digits@1", "--json");
	keep_output(in_folder("seen.json"));
	TFLCTL("baseline", "digits@2", "--from", in_folder("seen.json"), "--json");
	ck_assert_msg(strstr(result.out, "\"verdicts\": 1000"), "%s%s", result.out, result.err);
	TFLCTL("baseline", "digits", "--json");
	strcpy(before, result.out);
	expect_refusal("{", "wrong.json:1: no JSON");
	expect_refusal("[]", "has no 'heads'");
	expect_refusal("{\"heads\": []}", "has no heads");
	expect_refusal("{\"heads\": [{\"output\": 3}]}", "output 3, which has no confidence");
	expect_refusal("{\"heads\": [{\"output\": 0, \"kind\": \"softmax\", \"classes\": 1000}]}", "a softmax over 1000 classes; output 0");
	expect_refusal("{\"heads\": [{\"output\": 0, \"kind\": \"softmax\", \"classes\": 10, \"histogram\": {\"invalid\": 0, \"sum\": 0, "
		       "\"bins\": [3, 4], \"margins\": [3, 4], \"fine\": [9, 5]}}]}", "do not agree");
	expect_refusal("{\"heads\": [{\"output\": 0, \"kind\": \"softmax\", \"classes\": 10, \"histogram\": {\"invalid\": 0, \"sum\": 0, "
		       "\"bins\": [50, 4], \"margins\": [3, 4], \"fine\": [9, 4]}}]}", "'bins' has a counter that cannot be");
	TFLCTL("baseline", "digits", "--json");
	ck_assert_str_eq(result.out, before);
	TFLCTL("baseline", "digits", "--set", "--from", in_folder("base.json"));
	ck_assert_int_eq(result.status, 2);
	daemon_stop(&tfld);
}
END_TEST

/* What bash offers for a line that it has cut into @p words, blanks between them. */
static const char *complete(const char *words)
{
	static char text[4096];
	char line[2048];
	size_t length;
	FILE *bash;

	snprintf(line, sizeof(line),
		 "bash -c 'source \"$COMPLETION\"; COMP_WORDS=(\"$TFLCTL\" %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tflctl; "
		 "echo \"${COMPREPLY[*]}\"' 2>&1", words);
	bash = popen(line, "r");
	ck_assert_ptr_nonnull(bash);
	length = fread(text, 1, sizeof(text) - 1, bash);
	ck_assert_int_eq(pclose(bash), 0);
	text[length] = '\0';
	return text;
}

/* Who presses a key waits for no daemon that has other things to do: it may offer nothing, but not for long. */
static void expect_complete(const char *words, const char *wanted)
{
	const uint64_t until = now_ns() + PATIENCE_NS;

	while (strcmp(complete(words), wanted) != 0)
		ck_assert_msg(now_ns() < until, "'%s' is completed by '%s', not '%s'", words, complete(words), wanted);
}

/* Bash cuts words at '@' and '=', and replaces what stands behind the last cut. */
START_TEST(completion)
{
	const char *folder = getenv("DIGITS");
	char words[512], wanted[512];

	ck_assert_msg(folder && getenv("COMPLETION"), "$DIGITS and $COMPLETION have to be set");
	expect_complete("infer \"\"", "\n");
	daemon_start(&tfld, NULL);
	snprintf(words, sizeof(words), "%s/digits-int8.tflite", folder);
	for (unsigned i = 0; i < 2; i++)
		TFLCTL("load", "digits", words);
	TFLCTL("load", "dog", words);
	expect_complete("in", "inspect infer\n");
	expect_complete("infer d", "digits digits@1 digits@2 dog dog@1\n");
	expect_complete("infer di", "digits digits@1 digits@2\n");
	expect_complete("infer digits @", "1 2\n");
	expect_complete("infer digits @ 2", "2\n");
	expect_complete("infer digits @ 2 --norm = r", "raw\n");
	expect_complete("stats \"\"", "digits dog\n");
	expect_complete("swap digits \"\"", "1 2\n");
	expect_complete("compare digits \"\"", "1 2\n");
	expect_complete("compare digits 1 \"\"", "1 2\n");
	expect_complete("swap dog \"\"", "1\n");
	expect_complete("drift digits --against \"\"", "1 2\n");
	expect_complete("validate f --against dig", "digits digits@1 digits@2\n");
	expect_complete("drift digits --window 1", "15m 1h\n");
	expect_complete("logs --since t", "today\n");
	expect_complete("infer x", "\n");
	snprintf(words, sizeof(words), "infer digits --image %s/pictures/se", folder);
	snprintf(wanted, sizeof(wanted), "%s/pictures/seven.png\n", folder);
	expect_complete(words, wanted);
	snprintf(words, sizeof(words), "infer digits --in image = %s/pictures/se", folder);
	expect_complete(words, wanted);
	/* The socket of the command line, not that of the environment. */
	setenv("TFL_SOCKET", "/tmp/no-such.sock", 1);
	expect_complete("infer d", "\n");
	snprintf(words, sizeof(words), "--socket = %s infer do", tfld.socket);
	expect_complete(words, "dog dog@1\n");
	snprintf(words, sizeof(words), "infer --socket %s do", tfld.socket);
	expect_complete(words, "dog dog@1\n");
	daemon_stop(&tfld);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client");
	TCase *tcase = tcase_create("client");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, library);
	tcase_add_test(tcase, daemon_restarts);
	tcase_add_test(tcase, timeout_holds);
	tcase_add_test(tcase, command);
	tcase_add_test(tcase, picture);
	tcase_add_test(tcase, digits);
	tcase_add_test(tcase, confidence);
	tcase_add_test(tcase, baseline_by_file);
	tcase_add_test(tcase, completion);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_add_suite(runner, bench_system_suite());
	srunner_add_suite(runner, flight_suite());
	srunner_add_suite(runner, routing_suite());
	srunner_add_suite(runner, record_suite());
	srunner_add_suite(runner, subscribe_suite());
	srunner_add_suite(runner, session_suite());
	srunner_add_suite(runner, signature_system_suite());
	srunner_add_suite(runner, swapping_suite());
	srunner_add_suite(runner, top_system_suite());
	srunner_add_suite(runner, validate_suite());
	srunner_run(runner, NULL, NULL, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
