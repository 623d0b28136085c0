/* SPDX-License-Identifier: MIT */
/*
 * The file of metrics beside a tfld that serves: it comes, is kept up to date and goes; when it cannot be written that shows, once, and
 * is over by itself. What stands in it is check_metrics.py's.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define WAIT_NS UINT64_C(40000000000)
#define TEXT_MAX (1u << 20)
#define OTHERS 20

static struct daemon tfld;
static char folder[128], path[160], configuration[256];
static int fd;

static void start(void)
{
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

/* More versions than are looked at in one go. */
static void add_others(void)
{
	for (unsigned version = 1; version <= OTHERS; version++) {
		struct model_file file = model_tiny(false, version);

		daemon_add_model(&tfld, "other", version, file.data, file.size);
		model_file_finish(&file);
	}
}

static void setup(void)
{
	daemon_prepare(&tfld);
	snprintf(folder, sizeof(folder), "%s/collector", tfld.folder);
	snprintf(path, sizeof(path), "%s/tfld.prom", folder);
	snprintf(configuration, sizeof(configuration), "[metrics]\nmetrics_file = %s\nmetrics_period = 1s\n", path);
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	add_tiny(&tfld);
	add_others();
	start();
}

static void teardown(void)
{
	close(fd);
	daemon_stop(&tfld);
}

/* What the file says of this series; -1 where there is no file, or no such line in it. */
static double value_of(const char *series)
{
	static char text[TEXT_MAX];
	FILE *file = fopen(path, "re");
	const char *line;
	size_t length;

	if (!file)
		return -1;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	ck_assert_msg(length > 0 && text[length - 1] == '\n' && strncmp(text, "# HELP ", 7) == 0, "no whole file");
	line = strstr(text, series);
	return line ? strtod(line + strlen(series), NULL) : -1;
}

#define SUCCESSES "\ntfl_inference_request_success_total{model=\"tiny\",version=\"1\"} "
#define LAST_OTHER "\ntfl_model_state{model=\"other\",version=\"20\",state=\"AVAILABLE\"} "
#define UPTIME "\ntfl_uptime_seconds "

static void ask(unsigned requests)
{
	for (unsigned i = 0; i < requests; i++) {
		send_tiny(fd, i, 0);
		expect_tiny(fd, i);
	}
}

static void wait_for_successes(double count)
{
	for (uint64_t until = now_ns() + WAIT_NS; value_of(SUCCESSES) < count && now_ns() < until;)
		usleep(20000);
	ck_assert(value_of(SUCCESSES) == count);
}

/* Whether health tells of a metrics file that is not written. */
static bool is_degraded(void)
{
	struct reply reply;
	bool found = false;

	wire_call(fd, "health", &reply);
	ck_assert(wire_bool(reply.message.result, "live") && wire_bool(reply.message.result, "ready"));
	for (uint32_t i = 0; i < wire_count(reply.message.result, "conditions"); i++) {
		char place[64];

		snprintf(place, sizeof(place), "conditions.%u.name", i);
		found |= tfl_string_equal(wire_string(reply.message.result, place), "metrics");
	}
	reply_finish(&reply);
	return found;
}

static void wait_for_degraded(bool degraded)
{
	for (uint64_t until = now_ns() + WAIT_NS; is_degraded() != degraded && now_ns() < until;)
		usleep(20000);
	ck_assert_int_eq(is_degraded(), degraded);
}

START_TEST(it_is_kept_up_to_date)
{
	wait_for_successes(0);
	ask(10);
	wait_for_successes(10);
	ask(1);
	wait_for_successes(11);
	ck_assert(value_of(LAST_OTHER) == 1);
	ck_assert(!is_degraded());
}
END_TEST

START_TEST(a_folder_that_is_gone_is_told_once)
{
	char away[160];

	snprintf(away, sizeof(away), "%s.away", folder);
	wait_for_successes(0);
	ck_assert_int_eq(rename(folder, away), 0);
	wait_for_degraded(true);
	usleep(2500000); /* some more attempts */
	ask(5);
	ck_assert(is_degraded());
	ck_assert_uint_eq(daemon_times_logged(&tfld, "is not written: No such file or directory"), 1);
	ck_assert_int_eq(rename(away, folder), 0);
	wait_for_degraded(false);
	wait_for_successes(5);
	ck_assert_uint_eq(daemon_times_logged(&tfld, "the metrics file is written again"), 1);
}
END_TEST

/* A limit of the process stands for the full disk: write() gives up in the middle in the same way. */
START_TEST(a_disk_that_is_full_keeps_the_last_numbers)
{
	struct rlimit limit, tight;
	double before;

	wait_for_successes(0);
	ck_assert_int_eq(prlimit(tfld.pid, RLIMIT_FSIZE, NULL, &limit), 0);
	tight = limit;
	tight.rlim_cur = 2000;
	ck_assert_int_eq(prlimit(tfld.pid, RLIMIT_FSIZE, &tight, NULL), 0);
	wait_for_degraded(true);
	before = value_of(UPTIME);
	ck_assert(before > 0);
	ask(3);
	usleep(1500000);
	ck_assert(value_of(UPTIME) == before);
	ck_assert_int_eq(prlimit(tfld.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	wait_for_degraded(false);
	wait_for_successes(3);
}
END_TEST

START_TEST(it_goes_with_a_stop_and_stays_after_a_crash)
{
	ask(4);
	wait_for_successes(4);
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, SIGKILL), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 128 + SIGKILL);
	ck_assert(value_of(SUCCESSES) == 4);
	start();
	wait_for_successes(0);
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	start();
}
END_TEST

Suite *metrics_suite(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tcase = tcase_create("metrics");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, it_is_kept_up_to_date);
	tcase_add_test(tcase, a_folder_that_is_gone_is_told_once);
	tcase_add_test(tcase, a_disk_that_is_full_keeps_the_last_numbers);
	tcase_add_test(tcase, it_goes_with_a_stop_and_stays_after_a_crash);
	suite_add_tcase(suite, tcase);
	return suite;
}
