/* SPDX-License-Identifier: MIT */
/* What tflctl does with a command line alone: what is wrong in it, help, and completion. No daemon is there, and none is needed. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/client/ctl_suites.h"
#include "tests/client/run.h"

static void setup(void)
{
	setenv("TFL_SOCKET", "/tmp/no-such.sock", 1);
}

struct misuse {
	const char *args[5];
	const char *words;
};

static const struct misuse misuses[] = {
	{{NULL}, "a command is needed"},
	{{"lod"}, "did you mean 'load'?"},
	{{"infre"}, "did you mean 'infer'?"},
	{{"frobnicate"}, "there is no command 'frobnicate'"},
	{{"--colour", "ls"}, "unknown option --colour"},
	{{"ls", "--sokcet", "x"}, "did you mean --socket?"},
	{{"ls", "-x"}, "unknown option -x"},
	{{"ls", "extra"}, "'extra' is one argument too many"},
	{{"load"}, "load needs MODEL[@VERSION] [FILE]"},
	{{"load", "digits"}, "a file is needed, or the number of a version"},
	{{"describe"}, "describe needs MODEL[@VERSION]"},
	{{"describe", "digits@"}, "'digits@' names no version"},
	{{"load", "bad name", "/no/file"}, "'bad name' names no model"},
	{{"unload", "no/name"}, "'no/name' names no model"},
	{{"stats", "iris@1"}, "statistics are of all versions of a model"},
	{{"infer", "digits", "--image=a", "--image=b"}, "--image is given twice, and takes one value"},
	{{"--timeout=5", "ls", "--timeout=6"}, "--timeout is given twice"},
	{{"infer", "digits", "--image=a", "--key="}, "a key has 1 to 256 bytes"},
	{{"infer", "digits", "--top", "0"}, "--top takes a whole number from 1 to 65536, not '0'"},
	{{"infer", "digits", "--top=5x"}, "not '5x'"},
	{{"infer", "digits", "--top"}, "--top needs a value: --top N"},
	{{"infer", "digits", "--image=x", "--norm=odd"}, "auto, raw, unit or signed"},
	{{"ls", "--json=yes"}, "--json takes no value"},
	{{"ls", "--socket", ""}, "--socket is empty, expected a path"},
	{{"drift", "digits", "--against", ".x"}, "--against takes the number of a version"},
	{{"drift", "digits", "--against=2@3"}, "--against takes the number of a version"},
	{{"bench", "digits", "--request-rate=0"}, "goes from 0.1 to 1000000, not '0'"},
	{{"--timeout", "-5", "ls"}, "--timeout takes a whole number"},
};

START_TEST(usage_errors)
{
	const struct misuse *misuse = &misuses[_i];

	run_tflctl(misuse->args);
	ck_assert_int_eq(result.status, 2);
	ck_assert_str_eq(result.out, "");
	ck_assert_msg(strstr(result.err, misuse->words), "%s", result.err);
	ck_assert_msg(strstr(result.err, "--help"), "%s", result.err);
}
END_TEST

START_TEST(usage_errors_as_json)
{
	json_t *json;

	TFLCTL("infer", "--json");
	ck_assert_int_eq(result.status, 2);
	json = json_of_output();
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json, "error"), "name")), "INVALID_ARGUMENT");
	json_decref(json);
}
END_TEST

static void expect_a_screen(const char *what)
{
	unsigned lines = 0, column = 0;

	ck_assert_int_eq(result.status, 0);
	for (const char *c = result.out; *c; c++) {
		lines += *c == '\n';
		column = *c == '\n' ? 0 : column + (((unsigned char)*c & 0xc0) != 0x80);
		ck_assert_msg(column <= 80, "%s --help has a line of more than 80 columns:\n%s", what, result.out);
	}
	ck_assert_msg(lines >= 4 && lines <= 24, "%s --help has %u lines, 24 fit a screen:\n%s", what, lines, result.out);
}

/* Of every command there is, as completion lists them. */
START_TEST(help_fits_a_screen)
{
	char *commands, *rest, *command;

	TFLCTL("--help");
	expect_a_screen("tflctl");
	TFLCTL("--complete", "");
	commands = strdup(result.out);
	for (command = strtok_r(commands, "\n", &rest); command; command = strtok_r(NULL, "\n", &rest)) {
		if (strcmp(command, "help") == 0)
			continue;
		TFLCTL(command, "--help");
		expect_a_screen(command);
		ck_assert_ptr_nonnull(strstr(result.out, command));
	}
	free(commands);
}
END_TEST

static const struct {
	const char *words[6];
	const char *offered;
} completions[] = {
	{{"de"}, "describe\n"},
	{{"help", "un"}, "unload\n"},
	{{"--json", "hea"}, "health\n"},
	{{"--socket", "/tmp/x", "hea"}, "health\n"},
	{{"--so"}, "--socket\n"},
	{{"infer", "--no"}, "--norm\n"},
	{{"infer", "--norm", ""}, "auto\nraw\nunit\nsigned\n"},
	{{"infer", "--norm", "u"}, "unit\n"},
	{{"infer", "--norm=s"}, "--norm=signed\n"},
	{{"infer", "--image", "sev"}, ":files\n"},
	{{"infer", "--in", "name=sev"}, ":files\n"},
	{{"infer", "--image=sev"}, ":files\n"},
	{{"infer", "--top", ""}, ""},
	{{"load", "--timeout", "5", "m", ""}, ":files\n"},
	{{"load", "m", "f", ""}, ""},
	{{"merge", "f", "g", "h"}, ":files\n"}, /* any number of them */
	{{"merge", "f", "--pe"}, "--per-class\n"},
	{{"load", "--", "m", "--fi"}, ":files\n"},
	{{"unload", "m", "-"}, "--erase\n--socket\n--timeout\n--json\n--version\n--help\n"},
	{{"nonsense", ""}, NULL}, /* whatever; no crash */
	{{"infer", "--", "-"}, ""},
	{{"ls", "--json=x"}, ""},
	{{"--socket"}, "--socket\n"},
	{{"--socket", ""}, ":files\n"},
	{{"-"}, "--socket\n--timeout\n--json\n--version\n--help\n"},
	{{"infer", "-="}, ""},
	{{"infer", ""}, ""}, /* no daemon: no models, no word about it */
};

START_TEST(completion_walks_the_tables)
{
	const char *args[8] = {"--complete"};

	for (unsigned i = 0; i < 6; i++)
		args[i + 1] = completions[_i].words[i];
	run_tflctl(args);
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.err, "");
	if (completions[_i].offered)
		ck_assert_str_eq(result.out, completions[_i].offered);
}
END_TEST

Suite *usage_suite(void)
{
	Suite *suite = suite_create("usage");
	TCase *tcase = tcase_create("usage");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, usage_errors, 0, sizeof(misuses) / sizeof(misuses[0]));
	tcase_add_test(tcase, usage_errors_as_json);
	tcase_add_test(tcase, help_fits_a_screen);
	tcase_add_loop_test(tcase, completion_walks_the_tables, 0, sizeof(completions) / sizeof(completions[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
