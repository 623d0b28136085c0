/* SPDX-License-Identifier: MIT */
/*
 * Changes as they happen: through the library, of all models and of one; a daemon that goes and comes back; more subscribers than there may
 * be; and tflctl watch and history, which show them.
 */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/tflclient.h"
#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"

static struct daemon tfld;
static struct tfl_client *client;

/* What was told: "loaded m 1\n" and so on. */
struct heard {
	char text[4096];
	unsigned count;
	bool lost;
};

static void on_change(const struct tfl_value *change, void *userdata)
{
	struct heard *heard = userdata;
	size_t used = strlen(heard->text);

	if (!change) {
		heard->lost = true;
		return;
	}
	heard->count++;
	snprintf(heard->text + used, sizeof(heard->text) - used, "%s %s %llu\n", tfl_value_string(tfl_value_get(change, "kind"), "?"),
		 tfl_value_string(tfl_value_get(change, "model"), "-"),
		 (unsigned long long)tfl_value_uint(tfl_value_get(change, "version"), 0));
}

static struct tfl_client *connect_client(void)
{
	struct tfl_call_error error = {0};
	struct tfl_client *connected = NULL;

	ck_assert_msg(tfl_client_connect(NULL, NULL, &connected, &error) == 0, "%s", error.message);
	return connected;
}

static void setup(void)
{
	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	client = connect_client();
}

static void teardown(void)
{
	tfl_client_destroy(client);
	daemon_stop(&tfld);
}

static void load(const char *name)
{
	struct model_file model = model_tiny(false, 7);
	struct tfl_call_error error = {0};
	struct tfl_client *other = connect_client();
	int fd = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, model.data, model.size), (ssize_t)model.size);
	ck_assert_msg(tfl_client_load(other, name, fd, NULL, &error) == 0, "%s", error.message);
	close(fd);
	model_file_finish(&model);
	tfl_client_destroy(other);
}

static void subscribe(const char *model, struct heard *heard)
{
	struct tfl_call_error error = {0};

	ck_assert_msg(tfl_client_subscribe(client, model, on_change, heard, &error) == 0, "%s", error.message);
}

/* Dispatches as a program with a loop does, until @p text has been told, or the connection is lost (NULL). */
static void listen_for(struct heard *heard, const char *text)
{
	struct pollfd poller = {.fd = tfl_client_fd(client), .events = POLLIN};

	while (text ? !strstr(heard->text, text) : !heard->lost) {
		ck_assert_int_ge(poll(&poller, 1, 30000), 1);
		ck_assert_int_ge(tfl_client_dispatch(client), 0);
	}
}

START_TEST(changes_come_as_they_happen)
{
	struct tfl_call_error error;
	struct heard heard = {0};

	subscribe(NULL, &heard);
	load("m");
	listen_for(&heard, "active m 1\n");
	ck_assert_str_eq(heard.text, "loaded m 1\nactive m 1\n");
	load("m");
	/* Calls on the same connection are not in the way. */
	ck_assert_int_eq(tfl_client_swap(client, "m@2", NULL, &error), 0);
	ck_assert_int_eq(tfl_client_roll_back(client, "m", NULL, &error), 0);
	listen_for(&heard, "active m 2\ntrial m 2\nactive m 1\ninterrupted m 2\n");
	ck_assert_uint_eq(heard.count, 7);
}
END_TEST

START_TEST(one_model_alone)
{
	struct heard all = {0}, one = {0};
	struct tfl_call_error error;

	subscribe(NULL, &all);
	subscribe("n", &one); /* takes its place */
	load("m");
	load("n");
	listen_for(&one, "active n 1\n");
	ck_assert_str_eq(one.text, "loaded n 1\nactive n 1\n");
	ck_assert_uint_eq(all.count, 0);
	ck_assert_int_lt(tfl_client_subscribe(client, "n@2", on_change, &one, &error), 0);
	ck_assert_msg(strstr(error.message, "without '@'"), "%s", error.message);
	ck_assert_int_lt(tfl_client_subscribe(client, "n", NULL, &one, &error), 0);
}
END_TEST

START_TEST(a_daemon_that_goes_is_told)
{
	struct heard heard = {0};

	subscribe(NULL, &heard);
	daemon_restart(&tfld, NULL);
	listen_for(&heard, NULL);
	ck_assert_msg(strncmp(heard.text, "stopping - 0\n", 13) == 0, "%s", heard.text);
	daemon_wait_ready(&tfld);
	heard = (struct heard){0};
	subscribe(NULL, &heard);
	load("m");
	listen_for(&heard, "loaded m 1\n");
	ck_assert(!heard.lost);
}
END_TEST

START_TEST(there_are_so_many_subscribers)
{
	struct tfl_client *clients[TFL_SUBSCRIBERS_MAX];
	struct heard heard = {0}, last = {0};
	struct tfl_call_error error;

	for (unsigned i = 0; i < TFL_SUBSCRIBERS_MAX; i++) {
		clients[i] = connect_client();
		ck_assert_int_eq(tfl_client_subscribe(clients[i], NULL, on_change, &heard, &error), 0);
	}
	ck_assert_int_lt(tfl_client_subscribe(client, NULL, on_change, &last, &error), 0);
	ck_assert_msg(strstr(error.message, "64 connections have subscribed already"), "%s", error.message);
	/* One goes, and its place is free. */
	tfl_client_destroy(clients[0]);
	while (tfl_client_subscribe(client, NULL, on_change, &last, &error) < 0)
		usleep(1000);
	load("m");
	listen_for(&last, "active m 1\n");
	for (unsigned i = 1; i < TFL_SUBSCRIBERS_MAX; i++)
		tfl_client_destroy(clients[i]); /* with what they have not taken */
}
END_TEST

static bool has_text(const char *path, const char *text)
{
	static char content[65536];
	FILE *file = fopen(path, "r");
	size_t length = file ? fread(content, 1, sizeof(content) - 1, file) : 0;

	content[length] = '\0';
	if (file)
		fclose(file);
	return strstr(content, text) != NULL;
}

static void wait_for_text(const char *path, const char *text)
{
	for (unsigned i = 0; i < 3000 && !has_text(path, text); i++)
		usleep(10000);
	ck_assert_msg(has_text(path, text), "'%s' was never shown", text);
}

START_TEST(watch_and_history)
{
	char path[96], command[256];
	pid_t child;

	snprintf(path, sizeof(path), "%s/watched", tfld.folder);
	load("before");
	child = fork();
	if (child == 0) {
		snprintf(command, sizeof(command), "exec \"$TFLCTL\" watch >'%s' 2>&1", path);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	/* It may take a moment until it listens. */
	for (unsigned i = 0; i < 100 && !has_text(path, "of 'm' is available"); i++) {
		load("m");
		usleep(50000);
	}
	wait_for_text(path, "of 'm' is available");
	daemon_restart(&tfld, NULL);
	wait_for_text(path, "the daemon is away; waiting for it\n");
	wait_for_text(path, "serving the models in");
	daemon_wait_ready(&tfld);
	load("after");
	wait_for_text(path, "version 1 of 'after' is the active one: none was before\n");
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	ck_assert_msg(!has_text(path, "'before'"), "what was before is history");
	TFLCTL("history", "after");
	ck_assert_msg(result.status == 0 && strstr(result.out, "version 1 of 'after' is available (uid "), "%s%s", result.out, result.err);
	ck_assert_msg(!strstr(result.out, "'m'"), "%s", result.out);
	TFLCTL("history", "--lines", "1", "--json");
	ck_assert_msg(strstr(result.out, "\"kind\": \"active\""), "%s", result.out);
	TFLCTL("history", "nosuch");
	ck_assert_msg(strstr(result.err, "no such entry"), "%s", result.err);
}
END_TEST

/* A daemon that lost its last changes gives their numbers to others. */
START_TEST(watch_with_numbers_that_come_again)
{
	char path[96], command[256], changes[160];
	pid_t child;

	snprintf(path, sizeof(path), "%s/watched", tfld.folder);
	load("before");
	child = fork();
	if (child == 0) {
		snprintf(command, sizeof(command), "exec \"$TFLCTL\" watch >'%s' 2>&1", path);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 100 && !has_text(path, "of 'm' is available"); i++) {
		load("m");
		usleep(50000);
	}
	wait_for_text(path, "of 'm' is available");
	kill(tfld.pid, SIGKILL);
	daemon_wait(&tfld);
	snprintf(changes, sizeof(changes), "%s/.changes", tfld.models);
	ck_assert_int_eq(unlink(changes), 0);
	usleep(1100000); /* what comes is of another second */
	daemon_start(&tfld, NULL);
	wait_for_text(path, "serving the models in");
	daemon_wait_ready(&tfld);
	load("after");
	wait_for_text(path, "version 1 of 'after' is the active one: none was before\n");
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
}
END_TEST

Suite *subscribe_suite(void)
{
	Suite *suite = suite_create("subscribe");
	TCase *tcase = tcase_create("subscribe");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, changes_come_as_they_happen);
	tcase_add_test(tcase, one_model_alone);
	tcase_add_test(tcase, a_daemon_that_goes_is_told);
	tcase_add_test(tcase, there_are_so_many_subscribers);
	tcase_add_test(tcase, watch_and_history);
	tcase_add_test(tcase, watch_with_numbers_that_come_again);
	suite_add_tcase(suite, tcase);
	return suite;
}
