/* SPDX-License-Identifier: MIT */
/* tflctl bench against the real daemon. Levels are short, so nothing here depends on whether they settle. */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/wire.h"

#define MS 1000000.0

static struct daemon tfld;

static void start(const char *configuration)
{
	char out[128];

	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	snprintf(out, sizeof(out), "%s/out", tfld.folder);
	setenv("OUT", out, 1);
	add_tiny(&tfld);
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
}

/* A number at "latency.p99_ns" of one level. */
static double number(json_t *level, const char *group, const char *key)
{
	json_t *object = group ? json_object_get(level, group) : level, *value = json_object_get(object, key);

	ck_assert_msg(json_is_number(value), "no %s.%s", group ? group : "", key);
	return json_number_value(value);
}

static json_t *level_of(json_t *json, size_t index)
{
	json_t *level = json_array_get(json_object_get(json, "levels"), index);

	ck_assert_ptr_nonnull(level);
	return level;
}

/* A machine that has others to serve keeps a client waiting at times; what is wrong with the numbers is wrong each time. */
#define TRIES 6

static void check_level(json_t *level, unsigned concurrency)
{
	static const char *const stages[] = {"wait", "compute", "wire"};
	double sum = 0, count = number(level, "latency", "count");

	ck_assert_double_eq(number(level, NULL, "concurrency"), concurrency);
	ck_assert_double_gt(count, 10);
	ck_assert_double_lt(fabs(count / number(level, NULL, "measured_ns") * 1e9 - number(level, NULL, "throughput")), 0.01 * count);
	for (unsigned k = 0; k < 3; k++)
		sum += number(level, stages[k], "mean_ns");
	ck_assert_double_lt(fabs(sum - number(level, "latency", "mean_ns")), 0.01 * sum);
	ck_assert_double_eq(number(level, NULL, "judged_ns"), number(level, "latency", "p95_ns"));
	ck_assert_uint_eq(json_object_size(json_object_get(level, "failures")), 0);
}

/* The law of Little: requests in flight are throughput by latency. */
static bool obeys(json_t *level, unsigned concurrency)
{
	double in_flight = number(level, NULL, "throughput") * number(level, "latency", "mean_ns") / 1e9;

	return in_flight > 0.7 * concurrency && in_flight < 1.1 * concurrency;
}

START_TEST(a_closed_loop)
{
	bool right = false;

	start(NULL);
	for (unsigned i = 0; i < TRIES && !right; i++) {
		json_t *json;

		TFLCTL("bench", "tiny", "--concurrency", "1:4:x2", "--duration", "250ms", "--connections", "2", "--json");
		ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
		json = json_of_output();
		ck_assert_uint_eq(json_array_size(json_object_get(json, "levels")), 3);
		ck_assert_str_eq(json_string_value(json_object_get(json, "loop")), "closed");
		ck_assert_str_eq(json_string_value(json_object_get(json, "inputs")), "random");
		right = true;
		for (unsigned k = 0; k < 3; k++) {
			check_level(level_of(json, k), 1 << k);
			right &= obeys(level_of(json, k), 1 << k);
		}
		json_decref(json);
	}
	ck_assert_msg(right, "%s", result.out);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(an_open_loop)
{
	bool right = false;

	start(NULL);
	for (unsigned i = 0; i < TRIES && !right; i++) {
		json_t *json, *level;

		TFLCTL("bench", "tiny", "--request-rate", "200", "--distribution", "poisson", "--duration", "1s", "--json");
		ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
		json = json_of_output();
		level = level_of(json, 0);
		ck_assert_double_le(number(level, "lag", "mean_ns"), number(level, "latency", "mean_ns"));
		right = number(level, NULL, "throughput") > 140 && number(level, NULL, "throughput") < 260 &&
			json_is_false(json_object_get(level, "behind"));
		json_decref(json);
	}
	ck_assert_msg(right, "%s", result.out);
	daemon_stop(&tfld);
}
END_TEST

/* Requests that the daemon has had. */
static uint64_t requests(void)
{
	int fd = daemon_connect(&tfld);
	struct reply reply;
	uint64_t count;

	wire_call(fd, "stats", &reply);
	count = wire_uint(reply.message.result, "versions.0.requests");
	reply_finish(&reply);
	close(fd);
	return count;
}

/* However long it takes tflctl to begin. */
static void wait_requests(uint64_t count)
{
	const uint64_t until = now_ns() + PATIENCE_NS;

	while (requests() < count) {
		ck_assert_uint_lt(now_ns(), until);
		usleep(2000);
	}
}

static uint64_t before;

/* When so many have come, the warm-up is over, and there are more to come. */
static void *stall_daemon(void *data)
{
	wait_requests(before + 60);
	kill(tfld.pid, SIGSTOP);
	usleep(200000);
	kill(tfld.pid, SIGCONT);
	return NULL;
}

/* The daemon stands still for 200 ms: what was due meanwhile says so. */
START_TEST(a_stall_is_seen)
{
	bool right = false;

	start(NULL);
	for (unsigned i = 0; i < TRIES && !right; i++) {
		pthread_t thread;
		json_t *json;

		before = requests();
		ck_assert_int_eq(pthread_create(&thread, NULL, stall_daemon, NULL), 0);
		TFLCTL("bench", "tiny", "--request-rate", "200", "--duration", "1s", "--warm-up", "100ms", "--json");
		pthread_join(thread, NULL);
		ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
		json = json_of_output();
		ck_assert_double_gt(number(level_of(json, 0), "latency", "max_ns"), 150 * MS);
		right = number(level_of(json, 0), "latency", "p50_ns") < 50 * MS;
		json_decref(json);
	}
	ck_assert_msg(right, "%s", result.out);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(failures_are_counted)
{
	json_t *json, *level;

	start("[users]\nrequests = 2\n[requests]\ninline = 0\n");
	TFLCTL("bench", "tiny", "--concurrency", "8", "--duration", "100ms", "--json");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	json = json_of_output();
	level = level_of(json, 0);
	ck_assert_double_gt(number(level, "failures", "RESOURCE_EXHAUSTED"), 0);
	ck_assert_double_gt(number(level, "latency", "count"), 0);
	json_decref(json);
	TFLCTL("bench", "tiny", "--concurrency", "8", "--duration", "100ms");
	ck_assert_msg(strstr(result.out, " RESOURCE_EXHAUSTED; the first: "), "%s", result.out);
	daemon_stop(&tfld);
}
END_TEST

START_TEST(the_limit_ends_it)
{
	json_t *json;

	start(NULL);
	TFLCTL("bench", "tiny", "--concurrency", "1:50", "--duration", "200ms", "--percentile", "50", "--latency-limit", "1us", "--data", "zero",
	       "--json");
	ck_assert_int_eq(result.status, 0);
	json = json_of_output();
	ck_assert(json_is_true(json_object_get(json, "over_limit")));
	ck_assert_uint_eq(json_array_size(json_object_get(json, "levels")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json, "inputs")), "zero");
	json_decref(json);
	daemon_stop(&tfld);
}
END_TEST

/* One that goes on in the background, and has begun its level. */
static pid_t begin(const char *options)
{
	const uint64_t count = requests();
	char command[256];
	pid_t pid;

	snprintf(command, sizeof(command), "exec \"$TFLCTL\" bench tiny %s >\"$OUT\" 2>&1", options);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	wait_requests(count + 2); /* the first is there to see whether it works */
	return pid;
}

static void expect_end(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "it ended with %#x", status);
}

/* Its first window is over when it has been measured for a second, its level in five. */
#define FIVE_WINDOWS "--duration 5s --warm-up 100ms"
#define ONE_AND_A_HALF_US 1500000

START_TEST(an_interrupt_prints_what_there_is)
{
	pid_t pid;

	start(NULL);
	pid = begin(FIVE_WINDOWS);
	usleep(ONE_AND_A_HALF_US);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	expect_end(pid);
	ck_assert_int_eq(system("grep -q 'concurrency 1: interrupted after [1-4] of 5 windows' \"$OUT\" && grep -q '^ *1  *[0-9]' \"$OUT\""), 0);
	pid = begin("--duration 5s --warm-up 60s");
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	expect_end(pid);
	ck_assert_int_eq(system("grep -q 'before anything was measured' \"$OUT\""), 0);
	unlink(getenv("OUT"));
	daemon_stop(&tfld);
}
END_TEST

/* What was measured until then is shown, no more levels are tried, and it is no success: with a request in flight at that moment, or between two. */
START_TEST(a_daemon_that_goes_away_ends_it)
{
	static const char *const loads[] = {FIVE_WINDOWS " --concurrency 1:50", FIVE_WINDOWS " --request-rate 3:50"};
	pid_t pid;

	start(NULL);
	pid = begin(loads[_i]);
	usleep(ONE_AND_A_HALF_US);
	ck_assert_int_eq(kill(tfld.pid, SIGKILL), 0);
	expect_end(pid);
	ck_assert_int_eq(system("grep -q 'the daemon went away after [1-4] of 5 windows' \"$OUT\""), 0);
	unlink(getenv("OUT"));
	ck_assert_int_eq(daemon_wait(&tfld), 128 + SIGKILL);
	daemon_finish(&tfld);
}
END_TEST

START_TEST(a_table_for_people)
{
	static const char head[] = "tiny@1, inputs: random, closed loop, 1 connection; 200 ms a level after 40.0 ms of warm-up\n";

	start(NULL);
	TFLCTL("bench", "tiny@1", "--concurrency-range", "2", "--duration", "200ms", "--percentile", "99.9");
	ck_assert_msg(result.status == 0, "%s%s", result.out, result.err);
	ck_assert_str_eq(result.err, "");
	ck_assert_msg(strncmp(result.out, head, sizeof(head) - 1) == 0, "%s", result.out);
	ck_assert_msg(strstr(result.out, "concurrency  infer/s") && strstr(result.out, "p99.9") && strstr(result.out, "client busy"), "%s",
		      result.out);
	TFLCTL("bench", "tiny@7");
	ck_assert_int_eq(result.status, 1);
	TFLCTL("bench", "tiny", "--in", "/dev/null");
	ck_assert_int_eq(result.status, 1);
	daemon_stop(&tfld);
}
END_TEST

Suite *bench_system_suite(void)
{
	Suite *suite = suite_create("bench");
	TCase *tcase = tcase_create("bench");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_closed_loop);
	tcase_add_test(tcase, an_open_loop);
	tcase_add_test(tcase, a_stall_is_seen);
	tcase_add_test(tcase, failures_are_counted);
	tcase_add_test(tcase, the_limit_ends_it);
	tcase_add_test(tcase, an_interrupt_prints_what_there_is);
	tcase_add_loop_test(tcase, a_daemon_that_goes_away_ends_it, 0, 2);
	tcase_add_test(tcase, a_table_for_people);
	suite_add_tcase(suite, tcase);
	return suite;
}
