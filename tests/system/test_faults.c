/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong around a daemon that serves: a clock that jumps, a disk that is full, folders that can only be read or are gone. Each
 * time requests are answered, what is wrong stands in health and stats as a condition and among the changes, and it is over by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/clock.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define DAY 86400
#define STEADY_MINUTES 5 /* until the daemon trusts a clock again */

static struct daemon tfld;
static struct tfl_writer writer;
static bool mounted;

static void setup(void)
{
	daemon_prepare(&tfld);
	tfl_writer_init(&writer);
	mounted = false;
}

static void teardown(void)
{
	tfl_writer_finish(&writer);
	if (mounted)
		umount2(tfld.models, MNT_DETACH);
	if (tfld.pid > 0)
		daemon_stop(&tfld);
	else
		daemon_finish(&tfld);
}

static void start(const char *configuration)
{
	daemon_start(&tfld, configuration);
	daemon_wait_ready(&tfld);
}

/* Whether clocks can be steered, and a daemon with the model "scores" was started under them. */
static bool start_steered(const char *configuration)
{
	if (!clock_begin(&tfld))
		return false;
	add_scores(&tfld);
	start(configuration);
	return true;
}

/* A file system of @p kib KiB for the models, seen by this process and its children alone. */
static bool mount_models(unsigned kib)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%uk", kib);
	mounted = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		  mount("models", tfld.models, "tmpfs", 0, options) == 0;
	if (!mounted)
		printf("# skipped: only root has a file system of its own\n");
	return mounted;
}

/* The daemon serves: @p count requests are answered. */
static void serve(unsigned count)
{
	int fd = daemon_connect(&tfld);

	for (unsigned i = 0; i < count; i++)
		ask_scores(fd, i % SCORES_CLASSES, 3);
	close(fd);
	daemon_wait_busy(&tfld, 0); /* verdicts are counted when the reply has gone */
}

/* Index of the condition @p name in an answer, or -1. */
static int find_condition(struct tfl_slice result, const char *name)
{
	char path[64];

	for (uint32_t i = 0; i < wire_count(result, "conditions"); i++) {
		snprintf(path, sizeof(path), "conditions.%u.name", i);
		if (tfl_string_equal(wire_string(result, path), name))
			return (int)i;
	}
	return -1;
}

static bool has_text(struct tfl_slice result, const char *path, const char *part)
{
	struct tfl_string text = wire_string(result, path);

	return memmem(text.text, text.length, part, strlen(part)) != NULL;
}

/* Whether health, and stats, have the condition with @p part in its words; they have to agree, and be ready whatever is wrong. */
static bool stands(const char *name, const char *part)
{
	static const char *const methods[] = {"health", "stats"};
	bool found[2] = {false, false};
	int fd = daemon_connect(&tfld);

	for (unsigned i = 0; i < 2; i++) {
		struct reply reply;
		char path[64];
		int at;

		wire_call(fd, methods[i], &reply);
		at = find_condition(reply.message.result, name);
		snprintf(path, sizeof(path), "conditions.%d.text", at);
		found[i] = at >= 0 && has_text(reply.message.result, path, part);
		ck_assert(i > 0 || wire_bool(reply.message.result, "ready"));
		ck_assert(at < 0 || wire_bool(reply.message.result, "degraded"));
		reply_finish(&reply);
	}
	close(fd);
	return found[0] && found[1];
}

/* Waits until that is so, or (@p expected false) until it is not. Disks are written beside the daemon's loop. */
static void expect_condition(const char *name, const char *part, bool expected)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (stands(name, part) != expected) {
		ck_assert_msg(now_ns() < until, "condition '%s' with '%s' %s", name, part, expected ? "does not come" : "does not go");
		usleep(5000);
	}
}

/* How many changes of @p kind have @p part in their words. */
static unsigned count_changes(const char *kind, const char *part)
{
	int fd = daemon_connect(&tfld);
	unsigned found = 0;
	struct reply reply;
	char path[64];

	wire_call(fd, "changes", &reply);
	for (uint32_t i = 0; i < wire_count(reply.message.result, "changes"); i++) {
		snprintf(path, sizeof(path), "changes.%u.kind", i);
		if (!tfl_string_equal(wire_string(reply.message.result, path), kind))
			continue;
		snprintf(path, sizeof(path), "changes.%u.text", i);
		found += has_text(reply.message.result, path, part);
	}
	reply_finish(&reply);
	close(fd);
	return found;
}

/* Requests of the last hour, by their verdicts. */
static uint64_t requests_of_the_hour(void)
{
	int fd = daemon_connect(&tfld);
	struct reply reply;
	uint64_t sum = 0;
	char path[64];

	wire_begin(&writer, 9, "histogram");
	tfl_writer_map(&writer, 2);
	tfl_writer_text(&writer, "model");
	tfl_writer_text(&writer, "scores");
	tfl_writer_text(&writer, "minutes");
	tfl_writer_uint64(&writer, 60);
	wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(!reply.message.failed);
	for (uint32_t i = 1; i < wire_count(reply.message.result, "heads.0.counts"); i += 2) {
		snprintf(path, sizeof(path), "heads.0.counts.%u", i);
		sum += wire_uint(reply.message.result, path);
	}
	reply_finish(&reply);
	close(fd);
	return sum / SCORES_ROWS;
}

static const struct {
	int64_t seconds;
	const char *words;
} jumps[] = {
	{DAY, "the time of day has jumped forwards by 24 h 0 min"},
	{-365 * DAY, "the time of day has jumped back by 365 days"},
	{3 * 365 * DAY, "the time of day has jumped forwards by 1095 days"},
};

START_TEST(a_clock_that_jumps)
{
	const char *words = jumps[_i].words;

	if (!start_steered(NULL))
		return;
	serve(10);
	clock_pass_minutes(&tfld, 1);
	ck_assert_uint_eq(requests_of_the_hour(), 10);
	clock_jump(jumps[_i].seconds);
	serve(10);
	ck_assert_uint_eq(requests_of_the_hour(), 20); /* before anybody has noticed */
	clock_pass_minutes(&tfld, 1);
	expect_condition("clock", words, true);
	ck_assert_uint_eq(count_changes("clock", words), 1);
	ck_assert_uint_eq(count_changes("condition", words), 0); /* told once */
	serve(10);
	ck_assert_uint_eq(requests_of_the_hour(), 30);
	clock_pass_minutes(&tfld, STEADY_MINUTES - 1);
	expect_condition("clock", words, true);
	clock_pass_minutes(&tfld, 1);
	expect_condition("clock", words, false);
	ck_assert_uint_eq(count_changes("condition-over", "the clock is steady again"), 1);
	ck_assert_uint_eq(requests_of_the_hour(), 30);
	clock_pass_minutes(&tfld, 50); /* windows end by the time that has passed, not by the time of day */
	ck_assert_uint_eq(requests_of_the_hour(), 30);
	clock_pass_minutes(&tfld, 5);
	ck_assert_uint_lt(requests_of_the_hour(), 30);
	clock_pass_minutes(&tfld, 5);
	ck_assert_uint_eq(requests_of_the_hour(), 0);
}
END_TEST

START_TEST(a_clock_that_is_steady_says_nothing)
{
	if (!start_steered(NULL))
		return;
	clock_pass_minutes(&tfld, 10);
	clock_jump(2); /* as NTP does */
	clock_pass_minutes(&tfld, 10);
	ck_assert_uint_eq(count_changes("clock", ""), 0);
	expect_condition("clock", "", false);
}
END_TEST

/* A jump and a restart in one: what was before keeps its age, because that is known by the time since boot. */
START_TEST(a_clock_that_jumps_before_a_restart)
{
	if (!start_steered(NULL))
		return;
	serve(10);
	clock_jump(-365 * DAY);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ck_assert_uint_eq(requests_of_the_hour(), 10);
	serve(5);
	ck_assert_uint_eq(requests_of_the_hour(), 15);
	ck_assert_uint_eq(count_changes("started", ""), 2);
}
END_TEST

/* What is left of the disk. */
static void fill_disk(const char *path)
{
	static const char zeros[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t step = sizeof(zeros);

	ck_assert_int_ge(fd, 0);
	while (step > 0)
		if (write(fd, zeros, step) <= 0)
			step /= 2;
	close(fd);
}

START_TEST(a_full_disk)
{
	char filler[128], statistics[160];

	if (!mount_models(2048) || !start_steered(NULL))
		return;
	snprintf(filler, sizeof(filler), "%s/.filler", tfld.models);
	snprintf(statistics, sizeof(statistics), "%s/scores/1/statistics", tfld.models);
	fill_disk(filler);
	serve(10);
	clock_pass_minutes(&tfld, 1);
	expect_condition("statistics", "statistics: cannot be written: No space left on device", true);
	ck_assert_uint_eq(count_changes("condition", "No space left on device") > 0, true);
	serve(10);
	for (unsigned i = 0; i < 5; i++)
		clock_pass_minutes(&tfld, 1);
	ck_assert_uint_eq(count_changes("condition", "statistics are not kept"), 1); /* told once, not each minute */
	ck_assert_uint_eq(requests_of_the_hour(), 20);
	ck_assert_int_ne(access(statistics, F_OK), 0);
	ck_assert_int_eq(unlink(filler), 0);
	clock_pass_minutes(&tfld, 1);
	expect_condition("statistics", "", false);
	expect_condition("changes", "", false);
	ck_assert_int_eq(access(statistics, F_OK), 0);
	ck_assert_uint_eq(count_changes("condition-over", "statistics are kept again"), 1);
	serve(1);
}
END_TEST

/* As long as a file is being written there, and the loader may take its time, it cannot be read-only. */
static void remount(unsigned long flags)
{
	uint64_t until = now_ns() + PATIENCE_NS;
	int r;

	while ((r = mount(NULL, tfld.models, NULL, MS_REMOUNT | flags, NULL)) < 0 && errno == EBUSY && now_ns() < until)
		usleep(2000);
	ck_assert_msg(r == 0, "%m");
}

START_TEST(a_folder_that_can_only_be_read)
{
	if (!mount_models(2048) || !start_steered(NULL))
		return;
	serve(10);
	remount(MS_RDONLY);
	clock_pass_minutes(&tfld, 1);
	expect_condition("statistics", "Read-only file system", true);
	serve(10);
	remount(0);
	clock_pass_minutes(&tfld, 1);
	expect_condition("statistics", "", false);
	expect_condition("changes", "", false);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ck_assert_uint_eq(requests_of_the_hour(), 20);
}
END_TEST

/* As after a boot that found the file system damaged. */
START_TEST(a_start_from_a_folder_that_can_only_be_read)
{
	if (!mount_models(2048) || !start_steered(NULL))
		return;
	serve(10);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(&tfld), 0);
	remount(MS_RDONLY);
	start(NULL);
	expect_condition("changes", "Read-only file system", true);
	serve(10);
	ck_assert_uint_eq(requests_of_the_hour(), 20);
	remount(0);
	clock_pass_minutes(&tfld, 1);
	expect_condition("changes", "", false);
	expect_condition("statistics", "", false);
}
END_TEST

START_TEST(a_log_folder_that_vanishes)
{
	char configuration[256], folder[128], away[160];

	snprintf(folder, sizeof(folder), "%s/lines", tfld.folder);
	snprintf(away, sizeof(away), "%s/away", tfld.folder);
	snprintf(configuration, sizeof(configuration), "[log]\nfolder = %s\nperiod = 1min\n", folder);
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	if (!start_steered(configuration))
		return;
	serve(10);
	clock_pass_minutes(&tfld, 1);
	expect_condition("log", "", false);
	ck_assert_int_eq(rename(folder, away), 0);
	ck_assert_int_eq(symlink("/proc/nosuch", folder), 0); /* so that nobody can make it anew */
	serve(10);
	clock_pass_minutes(&tfld, 1);
	expect_condition("log", folder, true);
	serve(10);
	ck_assert_int_eq(unlink(folder), 0);
	ck_assert_int_eq(rename(away, folder), 0);
	clock_pass_minutes(&tfld, 1);
	expect_condition("log", "", false);
	ck_assert_uint_eq(count_changes("condition-over", "the log of the statistics is written again"), 1);
	ck_assert_uint_eq(requests_of_the_hour(), 30);
}
END_TEST

/* For everybody, and without any steering: a folder stands where the file has to go. */
START_TEST(changes_that_cannot_be_kept)
{
	char path[128];
	int fd;

	add_scores(&tfld);
	snprintf(path, sizeof(path), "%s/.changes", tfld.models);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	start(NULL);
	expect_condition("changes", "changes are not kept: ", true);
	serve(10);
	ck_assert_int_eq(rmdir(path), 0);
	fd = daemon_connect(&tfld);
	wire_begin_model(&writer, 1, "model.unload", "scores", 0, false); /* the next change does it, or the next minute */
	wire_send_frame(fd, &writer);
	close(fd);
	expect_condition("changes", "", false);
}
END_TEST

Suite *faults_suite(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = tcase_create("faults");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_clock_that_jumps, 0, sizeof(jumps) / sizeof(jumps[0]));
	tcase_add_test(tcase, a_clock_that_is_steady_says_nothing);
	tcase_add_test(tcase, a_clock_that_jumps_before_a_restart);
	tcase_add_test(tcase, a_full_disk);
	tcase_add_test(tcase, a_folder_that_can_only_be_read);
	tcase_add_test(tcase, a_start_from_a_folder_that_can_only_be_read);
	tcase_add_test(tcase, a_log_folder_that_vanishes);
	tcase_add_test(tcase, changes_that_cannot_be_kept);
	suite_add_tcase(suite, tcase);
	return suite;
}
