/* SPDX-License-Identifier: MIT */
/*
 * The configuration read anew while the daemon serves (SIGHUP): what changes, what waits and is named, what is wrong and changes nothing.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/endless.h"
#include "tests/system/manager.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static int fd;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
}

static void start(const char *configuration)
{
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void stop(void)
{
	close(fd);
	daemon_stop(&tfld);
}

static void write_to(const char *path, const char *text)
{
	char temporary[300];
	FILE *file;

	/* At once, as an editor does, since a model's folder is watched. */
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	file = fopen(temporary, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(rename(temporary, path), 0);
}

static void write_beside(const char *model, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/model.conf", tfld.models, model);
	write_to(path, text);
}

/* Has it read the configuration, and waits until that came to what is @p told. */
static void reload(const char *configuration, const char *told)
{
	unsigned before = daemon_times_logged(&tfld, told);
	uint64_t until = now_ns() + PATIENCE_NS;

	if (configuration)
		write_to(tfld.configuration, configuration);
	ck_assert_int_eq(kill(tfld.pid, SIGHUP), 0);
	while (daemon_times_logged(&tfld, told) == before) {
		ck_assert_msg(now_ns() < until, "the log never says '%s'", told);
		usleep(2000);
	}
}

#define TAKEN "the configuration was read anew: "

/* ---- Each kind of key ---- */

static void expect_limit(const char *key, uint64_t value)
{
	struct reply reply;
	char path[64];

	snprintf(path, sizeof(path), "limits.%s", key);
	wire_call(fd, "server.info", &reply);
	ck_assert_msg(wire_uint(reply.message.result, path) == value, "%s is %llu", key,
		      (unsigned long long)wire_uint(reply.message.result, path));
	reply_finish(&reply);
}

/* What clients are told of the limits; and that they are kept. */
START_TEST(limits)
{
	int more[2];

	start("[users]\nconnections = 10\n");
	reload("[sockets]\nmax_frame = 5000\noutput_queue = 7000\nconnections = 12\n[requests]\nqueue = 11\n"
	       "[users]\nconnections = 2\nrequests = 3\nbytes = 1M\nsessions = 5\n",
	       TAKEN "[sockets] connections = 12, [sockets] max_frame = 5000, [sockets] output_queue = 7000, [requests] queue = 11, "
	       "[users] connections = 2, [users] requests = 3, [users] bytes = 1M, [users] sessions = 5\n");
	expect_limit("frame_bytes", 5000);
	expect_limit("output_queue_bytes", 7000);
	expect_limit("connections", 12);
	expect_limit("queue", 11);
	expect_limit("user_connections", 2);
	expect_limit("user_requests", 3);
	expect_limit("user_bytes", 1u << 20);
	expect_limit("user_sessions", 5);
	daemon_wait_connections(fd, 1);
	more[0] = daemon_connect(&tfld);
	wire_expect_alive(more[0]);
	more[1] = daemon_connect(&tfld);
	wire_expect_broken(more[1], TFL_RESOURCE_EXHAUSTED, "may have 2 connections at once");
	/* The one before is read by what was in force then. */
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	reload("", TAKEN "[sockets] connections = 1024, ");
	expect_limit("user_connections", 256);
	close(more[0]);
	close(more[1]);
	stop();
}
END_TEST

START_TEST(requests_in_flight_and_the_queue)
{
	add_slow(&tfld, 1);
	endless_add(&tfld, NULL);
	start("[requests]\nworkers = 1\n");
	reload("[requests]\nworkers = 1\nqueue = 1\n", TAKEN "[requests] queue = 1\n");
	endless_hold(&tfld, fd, 1);
	send_slow(fd, 2, 0, 0);
	send_slow(fd, 3, 0, 0);
	wire_expect_failure(fd, 3, TFL_RESOURCE_EXHAUSTED, "1 requests wait already");
	endless_end(fd, 1);
	expect_outputs(fd, 2);
	reload("[requests]\nworkers = 1\n[users]\nrequests = 1\n", TAKEN "[requests] queue = 1024, [users] requests = 1\n");
	endless_send(fd, 4);
	send_slow(fd, 5, 0, 0);
	wire_expect_failure(fd, 5, TFL_RESOURCE_EXHAUSTED, "may have 1 requests in flight");
	wire_cancel(fd, 4);
	wire_expect_failure(fd, 4, TFL_CANCELLED, "");
	stop();
}
END_TEST

START_TEST(the_level_of_the_log)
{
	start("[log]\nlevel = warning\n");
	/* What is told of the reload itself is told by the new level. */
	reload("[log]\nlevel = debug\n", TAKEN "[log] level = debug\n");
	write_to(tfld.configuration, "[log]\nlevel = error\n");
	ck_assert_int_eq(kill(tfld.pid, SIGHUP), 0);
	reload("[log]\nlevel = info\n", TAKEN "[log] level = info\n");
	ck_assert_uint_eq(daemon_times_logged(&tfld, "level = error"), 0);
	stop();
}
END_TEST

static bool is_there(const char *path)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (access(path, F_OK) < 0 && now_ns() < until)
		usleep(5000);
	return access(path, F_OK) == 0;
}

static bool goes(const char *path)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (access(path, F_OK) == 0 && now_ns() < until)
		usleep(5000);
	return access(path, F_OK) < 0;
}

START_TEST(the_metrics_file)
{
	char paths[2][128], configuration[300];

	for (unsigned i = 0; i < 2; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%u.prom", tfld.folder, i);
	start(NULL);
	snprintf(configuration, sizeof(configuration), "[metrics]\nmetrics_file = %s\nmetrics_period = 1s\n", paths[0]);
	reload(configuration, TAKEN);
	ck_assert(is_there(paths[0]));
	snprintf(configuration, sizeof(configuration), "[metrics]\nmetrics_file = %s\n", paths[1]);
	reload(configuration, TAKEN);
	ck_assert(is_there(paths[1]));
	ck_assert(goes(paths[0]));
	reload("", TAKEN);
	ck_assert(goes(paths[1]));
	/* What cannot be written is a condition until it is not wanted any more. */
	reload("[metrics]\nmetrics_file = /proc/tfld.prom\n", TAKEN);
	ck_assert(daemon_logged(&tfld, "the metrics file /proc/tfld.prom is not written"));
	reload("", "the metrics file is written again");
	stop();
}
END_TEST

/* Each second, then not any more, then again; lines go where they went. */
START_TEST(periods_of_versions)
{
	unsigned told;

	start("[log]\nperiod = 0\n");
	reload("[log]\nperiod = 1s\n", TAKEN "[log] period = 1s\n");
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	ck_assert(daemon_logged(&tfld, "tiny@1: 1 request"));
	reload("[log]\nperiod = 0\n", TAKEN "[log] period = 0\n");
	told = daemon_times_logged(&tfld, "tiny@1: ");
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	usleep(1500000);
	ck_assert_uint_eq(daemon_times_logged(&tfld, "tiny@1: "), told);
	stop();
}
END_TEST

START_TEST(memory)
{
	struct reply reply;

	start(NULL);
	reload("[models]\nmemory_limit = 1K\nunload_idle = yes\n", TAKEN "[models] memory_limit = 1K, [models] unload_idle = yes\n");
	wire_call(fd, "health", &reply);
	ck_assert_uint_eq(wire_uint(reply.message.result, "memory.limit"), 1024);
	ck_assert(wire_bool(reply.message.result, "memory.unload_idle"));
	reply_finish(&reply);
	/* What is there stays. */
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	stop();
}
END_TEST

/* What hangs is what takes longer than is allowed by now. */
START_TEST(the_time_after_which_workers_hang)
{
	struct manager manager;

	manager_prepare(&manager, &tfld);
	manager.watchdog_us = 200000;
	endless_add(&tfld, NULL);
	start("[requests]\nworkers = 1\n");
	reload("[requests]\nworkers = 1\nhang_timeout = 100ms\n", TAKEN "[requests] hang_timeout = 100ms\n");
	endless_send(fd, 1);
	ck_assert(daemon_logged(&tfld, "is taken to hang"));
	endless_end(fd, 1);
	stop();
	manager_finish(&manager);
}
END_TEST

/* ---- Models ---- */

/* The value of a setting of the tiny model, as describe shows it. */
static const char *setting(const char *key, const char *what)
{
	static char text[128];
	struct tfl_writer writer;
	struct reply reply;
	char path[64];

	tfl_writer_init(&writer);
	wire_begin_model(&writer, 7, "model.describe", "tiny", 1, false);
	wire_send_frame(fd, &writer);
	tfl_writer_finish(&writer);
	ck_assert(wire_receive(fd, &reply));
	text[0] = '\0';
	for (unsigned i = 0; i < wire_count(reply.message.result, "settings"); i++) {
		struct tfl_string value;

		snprintf(path, sizeof(path), "settings.%u.key", i);
		if (!tfl_string_equal(wire_string(reply.message.result, path), key))
			continue;
		snprintf(path, sizeof(path), "settings.%u.%s", i, what);
		value = wire_string(reply.message.result, path);
		snprintf(text, sizeof(text), "%.*s", TFL_STRING_ARGS(value));
	}
	reply_finish(&reply);
	return text;
}

/* Of tfld.conf, of the model's own file, and what is in force of a version that is loaded. */
START_TEST(what_models_inherit_and_what_they_say)
{
	add_slow(&tfld, 1);
	endless_add(&tfld, NULL);
	start("[requests]\nworkers = 1\n");
	ck_assert_str_eq(setting("timeout", "value"), "0");
	write_beside("tiny", "[model]\npriority = 7\ntrial_requests = 9\n");
	reload("[requests]\nworkers = 1\ntimeout = 1ms\ninline = 0\n[models]\ntrial = no\n", TAKEN);
	ck_assert_str_eq(setting("timeout", "value"), "1ms");
	ck_assert(strstr(setting("timeout", "source"), "tfld.conf:3"));
	ck_assert_str_eq(setting("trial", "value"), "no");
	ck_assert_str_eq(setting("priority", "value"), "7");
	ck_assert_str_eq(setting("trial_requests", "source"), "model.conf:3");
	ck_assert(daemon_logged(&tfld, "model 'tiny' is configured anew: priority = 7, trial_requests = 9"));
	/* And it holds: one that waits for a millisecond is too late. */
	endless_hold(&tfld, fd, 1);
	send_slow(fd, 2, 0, 0);
	wire_expect_failure(fd, 2, TFL_DEADLINE_EXCEEDED, "ran out");
	endless_end(fd, 1);
	write_beside("tiny", "");
	reload("[requests]\nworkers = 1\n", TAKEN);
	ck_assert_str_eq(setting("priority", "source"), "default");
	ck_assert_str_eq(setting("timeout", "value"), "0");
	stop();
}
END_TEST

static void expect_health(const char *path, const char *value)
{
	struct reply reply;

	wire_call(fd, "health", &reply);
	if (value)
		ck_assert_msg(tfl_string_equal(wire_string(reply.message.result, path), value), "%s is not %s", path, value);
	else
		ck_assert_uint_eq(wire_count(reply.message.result, path), 0);
	reply_finish(&reply);
}

/* What needs a restart or a load keeps its value, and is named until it has another one. */
START_TEST(what_has_to_wait_is_named)
{
	struct tfl_writer writer;
	struct reply reply;

	start("[requests]\nworkers = 1\n");
	write_beside("tiny", "[model]\ninstances = 2\n");
	reload("[requests]\nworkers = 2\n[sockets]\nmode = 0600\n",
	       TAKEN "nothing has changed in tfld.conf; a restart is needed for [sockets] mode, [requests] workers\n");
	expect_health("needs_restart.1", "[requests] workers");
	expect_health("needs_load.0.keys", "instances");
	expect_health("needs_load.0.model", "tiny");
	ck_assert_str_eq(setting("instances", "value"), "0");
	wire_call(fd, "stats", &reply);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "needs_restart.0"), "[sockets] mode"));
	ck_assert_uint_eq(wire_uint(reply.message.result, "workers.count"), 1);
	reply_finish(&reply);
	tfl_writer_init(&writer);
	for (unsigned i = 0; i < 2; i++) {
		wire_begin_model(&writer, 7, i ? "model.reload" : "model.unload", "tiny", 1, false);
		wire_send_frame(fd, &writer);
		ck_assert(wire_receive(fd, &reply));
		ck_assert(!reply.message.failed);
		reply_finish(&reply);
	}
	tfl_writer_finish(&writer);
	expect_health("needs_load", NULL);
	reload("[requests]\nworkers = 1\n", TAKEN "nothing has changed in tfld.conf\n");
	expect_health("needs_restart", NULL);
	stop();
}
END_TEST

/* ---- Mistakes ---- */

static bool is_degraded(void)
{
	struct reply reply;
	bool degraded;

	wire_call(fd, "health", &reply);
	degraded = wire_bool(reply.message.result, "degraded");
	reply_finish(&reply);
	return degraded;
}

/* The model's own folder may have one too, which is watched. */
static void expect_condition(const char *name)
{
	struct reply reply;
	char path[64];
	bool there = false;

	wire_call(fd, "health", &reply);
	for (unsigned i = 0; i < wire_count(reply.message.result, "conditions"); i++) {
		snprintf(path, sizeof(path), "conditions.%u.name", i);
		there = there || tfl_string_equal(wire_string(reply.message.result, path), name);
	}
	ck_assert_msg(there, "%s is no condition", name);
	reply_finish(&reply);
}

START_TEST(a_mistake_changes_nothing)
{
	struct manager manager;
	char told[256];

	manager_prepare(&manager, &tfld);
	start("[users]\nrequests = 20\n");
	write_beside("tiny", "[model]\npriority = 300\n");
	reload("[users]\nrequests = 21\n[log]\nlevel = loud\n", "not taken over, that of before stays in force: ");
	ck_assert(daemon_logged(&tfld, "[log] level is 'loud', expected error, warning, info or debug (and 1 more mistake;"));
	ck_assert(daemon_logged(&tfld, "[model] priority is '300', expected a number from 1 to 255"));
	ck_assert(manager_hears(&manager, "RELOADING=1\nMONOTONIC_USEC="));
	ck_assert(manager_hears(&manager, "READY=1\nSTATUS=serving 1 version of 1 model; the configuration has mistakes and was not taken over"));
	expect_limit("user_requests", 20);
	ck_assert_str_eq(setting("priority", "value"), "128");
	ck_assert(is_degraded());
	expect_condition("config");
	/* One is right now, the other one is wrong still. What is found because the model's folder is watched is told with the model's name. */
	snprintf(told, sizeof(told), "error: %s/tiny/model.conf:2: [model] priority is '300'", tfld.models);
	reload("[users]\nrequests = 21\n", told);
	expect_limit("user_requests", 20);
	ck_assert(is_degraded());
	write_beside("tiny", "[model]\npriority = 30\n");
	reload(NULL, TAKEN "[users] requests = 21\n");
	ck_assert(daemon_logged(&tfld, "the configuration is right again"));
	expect_limit("user_requests", 21);
	ck_assert_str_eq(setting("priority", "value"), "30");
	ck_assert(manager_hears(&manager, "READY=1\nSTATUS=serving 1 version of 1 model"));
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	stop();
	manager_finish(&manager);
}
END_TEST

START_TEST(a_file_that_is_gone_changes_nothing)
{
	start("[users]\nrequests = 20\n");
	ck_assert_int_eq(unlink(tfld.configuration), 0);
	reload(NULL, "not taken over, that of before stays in force: ");
	expect_limit("user_requests", 20);
	reload("[users]\nrequests = 20\n", TAKEN "nothing has changed in tfld.conf\n");
	stop();
}
END_TEST

/* As the unit calls it: its exit status says what became of it. */
static int call_reload(void)
{
	char command[400];
	int status;

	snprintf(command, sizeof(command), "exec \"$TFLD\" --config %s --models %s --reload %d 2>/dev/null", tfld.configuration, tfld.models,
		 (int)tfld.pid);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(the_command_says_whether_it_is_taken_over)
{
	start(NULL);
	write_to(tfld.configuration, "[users]\nrequests = 30\n");
	ck_assert_int_eq(call_reload(), 0);
	ck_assert(daemon_logged(&tfld, TAKEN "[users] requests = 30"));
	write_to(tfld.configuration, "[users]\nrequests = 0\n");
	ck_assert_int_eq(call_reload(), 2);
	ck_assert(daemon_logged(&tfld, "[users] requests is '0', expected a number from 1"));
	write_to(tfld.configuration, "");
	write_beside("tiny", "[model]\nlabels = nosuch.txt\n");
	ck_assert_int_eq(call_reload(), 2);
	ck_assert(daemon_logged(&tfld, "nosuch.txt is not there, but [model] labels"));
	expect_limit("user_requests", 30);
	stop();
}
END_TEST

/* ---- Under load ---- */

static atomic_bool enough;

static void *infer_on(void *data)
{
	unsigned *answered = data;
	int own = daemon_connect(&tfld);

	while (!atomic_load(&enough)) {
		send_tiny(own, ++*answered, 0);
		expect_tiny(own, *answered);
	}
	close(own);
	return NULL;
}

START_TEST(nobody_notices)
{
	unsigned answered[2] = {0}, before;
	pthread_t threads[2];
	char configuration[128];

	start(NULL);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, infer_on, &answered[i]), 0);
	for (unsigned i = 1; i <= 50; i++) {
		snprintf(configuration, sizeof(configuration), "[users]\nrequests = %u\n[requests]\ninline = %u\nqueue = %u\n[models]\nqueue = %u\n",
			 10 + i, i % 2 * 20, 500 + i, 100 + i);
		write_beside("tiny", i % 2 ? "[model]\npriority = 5\n" : "[model]\ntimeout = 20s\n");
		snprintf(configuration + strlen(configuration), 40, "%s", i % 10 == 5 ? "wrong" : "");
		reload(configuration, i % 10 == 5 ? "that of before stays in force" : TAKEN "[models] queue = ");
	}
	/* Signals that come while it is reading are one. */
	before = daemon_times_logged(&tfld, TAKEN);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(kill(tfld.pid, SIGHUP), 0);
	reload("", "[requests] queue = 1024");
	ck_assert_uint_gt(daemon_times_logged(&tfld, TAKEN), before);
	atomic_store(&enough, true);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_uint_gt(answered[i], 50);
	}
	stop();
}
END_TEST

/* A load that has read the configuration of before is delivered afterwards. */
START_TEST(a_load_that_is_under_way)
{
	struct model_file file = model_mobilenet(1);

	daemon_add_model(&tfld, "mobile", 1, file.data, file.size);
	model_file_finish(&file);
	daemon_start(&tfld, "[requests]\ntimeout = 9s\n");
	fd = daemon_connect(&tfld);
	daemon_wait_proof(&tfld);
	reload("[requests]\ntimeout = 8s\n", TAKEN "[requests] timeout = 8s\n");
	daemon_wait_ready(&tfld);
	ck_assert_str_eq(setting("timeout", "value"), "8s");
	stop();
}
END_TEST

Suite *reload_suite(void)
{
	Suite *suite = suite_create("reload");
	TCase *tcase = tcase_create("configuration read anew");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, requests_in_flight_and_the_queue);
	tcase_add_test(tcase, the_level_of_the_log);
	tcase_add_test(tcase, the_metrics_file);
	tcase_add_test(tcase, periods_of_versions);
	tcase_add_test(tcase, memory);
	tcase_add_test(tcase, the_time_after_which_workers_hang);
	tcase_add_test(tcase, what_models_inherit_and_what_they_say);
	tcase_add_test(tcase, what_has_to_wait_is_named);
	tcase_add_test(tcase, a_mistake_changes_nothing);
	tcase_add_test(tcase, a_file_that_is_gone_changes_nothing);
	tcase_add_test(tcase, the_command_says_whether_it_is_taken_over);
	tcase_add_test(tcase, nobody_notices);
	tcase_add_test(tcase, a_load_that_is_under_way);
	suite_add_tcase(suite, tcase);
	return suite;
}
