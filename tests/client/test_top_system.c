/* SPDX-License-Identifier: MIT */
/* tflctl top against the real daemon: in a terminal that changes its size while the daemon comes and goes, and in pipes. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "client/tflclient.h"
#include "tests/client/run.h"
#include "tests/client/screen.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"

static struct daemon tfld;

#define TOP(...) screen_start((const char *const[]){"top", "--interval", "200ms", ##__VA_ARGS__, NULL}, "C.UTF-8", "vt52", 80, 24)

static void setup(void)
{
	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	add_tiny(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
}

static void teardown(void)
{
	if (tfld.pid)
		daemon_stop(&tfld);
	else
		daemon_finish(&tfld);
}

static void ask(unsigned times)
{
	static const int32_t dims[2] = {1, TINY_ELEMENTS};
	struct tfl_client *client = NULL;
	struct tfl_infer *infer = NULL;

	ck_assert_int_eq(tfl_client_connect(NULL, NULL, &client, NULL), 0);
	ck_assert_int_eq(tfl_infer_create("tiny", &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, tiny_input, sizeof(tiny_input)), 0);
	for (unsigned i = 0; i < times; i++)
		ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	tfl_infer_destroy(infer);
	tfl_client_destroy(client);
}

START_TEST(the_list_and_one_version)
{
	ask(30);
	TOP();
	screen_wait("tiny@1", true);
	screen_wait("active", true);
	screen_wait("µs", true);
	screen_wait("q quit", true);
	screen_type("\r");
	screen_wait("30 requests since it was loaded: 30 OK", true);
	screen_wait("compute", true);
	screen_type("h");
	screen_wait("sort by another column", true);
	screen_type("q");
	screen_wait("sort by another column", false);
	ask(12);
	screen_wait("42 requests since it was loaded: 42 OK", true);
	screen_type("p");
	screen_wait("paused", true);
	ask(10);
	screen_type("p");
	screen_wait("52 requests since it was loaded", true);
	screen_type("\33");
	screen_wait("q quit", true);
	screen_type(">>");
	screen_wait("MODEL▼", false);
	screen_type("q");
	ck_assert_int_eq(screen_end(), 0);
}
END_TEST

/* A swap, its trial and a rollback are on the screen when they happen, and after the daemon was away. */
START_TEST(what_happens_is_told)
{
	struct model_file file = model_tiny(false, 9);

	daemon_add_model(&tfld, "tiny", 2, file.data, file.size);
	model_file_finish(&file);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	TFLCTL("load", "tiny@1");
	TFLCTL("route", "tiny", "1=3", "2=1");
	ck_assert_msg(result.status == 0, "%s", result.err);
	TOP();
	screen_wait("SHARE", true);
	screen_wait("75%", true);
	screen_wait("is routed", true);
	TFLCTL("route", "tiny", "--clear");
	screen_wait("SHARE", false);
	TFLCTL("swap", "tiny", "1", "--no-trial");
	TFLCTL("swap", "tiny", "2");
	screen_wait("ON TRIAL", true);
	screen_wait("tiny@2 against @1: 0 of 1000 requests", true);
	screen_wait("swapped from", true);
	TFLCTL("rollback", "tiny");
	screen_wait("ON TRIAL", false);
	screen_wait("rolled back from", true);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	screen_wait("no answer:", false);
	screen_wait("rolled back from", true);
	screen_wait("serving the models in", true);
	screen_type("q");
	ck_assert_int_eq(screen_end(), 0);
}
END_TEST

START_TEST(sizes)
{
	TOP();
	screen_wait("tiny@1", true);
	screen_resize(20, 5);
	screen_wait("tiny@1", true);
	ck_assert_msg(!strstr(screen_line(0), "connection"), "%s", screen_line(0));
	screen_resize(1, 1);
	screen_type("\rh\33\33");
	screen_resize(7, 2);
	screen_wait("M", true);
	screen_resize(80, 24);
	screen_wait("q quit", true);
	screen_wait("tiny@1", true);
	screen_type("q");
	ck_assert_int_eq(screen_end(), 0);
}
END_TEST

START_TEST(the_daemon_comes_back)
{
	TOP();
	screen_wait("tiny@1", true);
	kill(tfld.pid, SIGKILL);
	daemon_wait(&tfld);
	screen_wait("no answer:", true);
	screen_wait("tiny@1", true);
	screen_type(">"); /* keys go on */
	screen_wait("MODEL▼", false);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ask(5);
	screen_wait("no answer:", false);
	screen_type("\r");
	screen_wait("5 requests since it was loaded", true);
	screen_type("qq");
	ck_assert_int_eq(screen_end(), 0);
}
END_TEST

/* A daemon that is there and says nothing: keys do not wait for it. */
START_TEST(the_daemon_hangs)
{
	TOP();
	screen_wait("tiny@1", true);
	kill(tfld.pid, SIGSTOP);
	screen_wait("no answer:", true);
	screen_type("h");
	screen_wait("sort by another column", true);
	kill(tfld.pid, SIGCONT);
	screen_wait("no answer:", false);
	screen_type("qq");
	ck_assert_int_eq(screen_end(), 0);
}
END_TEST

START_TEST(signals_restore_the_terminal)
{
	TOP();
	screen_wait("tiny@1", true);
	screen_type("\3"); /* Ctrl-C */
	ck_assert_int_eq(screen_end(), 0);
	TOP();
	screen_wait("tiny@1", true);
	screen_kill(SIGTERM);
	ck_assert_int_eq(screen_end(), 0);
}
END_TEST

START_TEST(without_utf8)
{
	ask(3);
	screen_start((const char *const[]){"top", NULL}, "C", "vt52", 80, 24);
	screen_wait("us ", true);
	for (unsigned y = 0; y < 24; y++)
		for (const char *c = screen_line(y); *c; c++)
			ck_assert_int_gt(*c, 0);
	screen_type("q");
	ck_assert_int_eq(screen_end(), 0);
}
END_TEST

/* Lines, where the cursor cannot be moved and where nobody knows the terminal. */
START_TEST(simple_terminals)
{
	static const char *const terminals[] = {"dumb", "no-such-terminal"};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(terminals); i++) {
		screen_start((const char *const[]){"top", "--interval", "100ms", NULL}, "C.UTF-8", terminals[i], 120, 24);
		screen_wait("TIME      MODEL", true);
		screen_wait("tiny@1", true);
		screen_kill(SIGKILL);
		screen_end();
	}
}
END_TEST

static json_t *version_of_line(const char *line, size_t length)
{
	json_t *json = json_loadb(line, length, 0, NULL), *version;

	ck_assert_msg(json != NULL, "%.*s", (int)length, line);
	version = json_incref(json_array_get(json_object_get(json, "versions"), 0));
	json_decref(json);
	return version;
}

START_TEST(pipes)
{
	const char *line;
	unsigned count = 0;
	json_t *version;

	ask(40);
	TFLCTL("top", "--interval", "100ms", "--count", "2");
	ck_assert_int_eq(result.status, 0);
	ck_assert_msg(strncmp(result.out, "TIME ", 5) == 0 && strstr(result.out, "tiny@1"), "%s", result.out);
	for (line = result.out; (line = strchr(line, '\n')); line++)
		count++;
	ck_assert_uint_eq(count, 3);
	TFLCTL("top", "--json", "--interval", "0.1", "--count", "2");
	ck_assert_int_eq(result.status, 0);
	line = strchr(result.out, '\n');
	ck_assert_msg(line && line[1] == '{', "%s", result.out);
	version = version_of_line(result.out, (size_t)(line - result.out));
	ck_assert_str_eq(json_string_value(json_object_get(version, "role")), "active");
	ck_assert_int_eq(json_integer_value(json_object_get(version, "requests")), 40);
	json_decref(version);
	TFLCTL("top", "--interval", "1ms");
	ck_assert_int_eq(result.status, 2);
	kill(tfld.pid, SIGTERM);
	daemon_wait(&tfld);
	TFLCTL("top", "--count", "1");
	ck_assert_msg(result.status == 1 && strstr(result.err, "is tfld running"), "%s", result.err);
}
END_TEST

Suite *top_system_suite(void)
{
	Suite *suite = suite_create("top-system");
	TCase *tcase = tcase_create("top-system");

	tcase_set_timeout(tcase, 180);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_list_and_one_version);
	tcase_add_test(tcase, what_happens_is_told);
	tcase_add_test(tcase, sizes);
	tcase_add_test(tcase, the_daemon_comes_back);
	tcase_add_test(tcase, the_daemon_hangs);
	tcase_add_test(tcase, signals_restore_the_terminal);
	tcase_add_test(tcase, without_utf8);
	tcase_add_test(tcase, simple_terminals);
	tcase_add_test(tcase, pipes);
	suite_add_tcase(suite, tcase);
	return suite;
}
