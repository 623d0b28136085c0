/* SPDX-License-Identifier: MIT */
/*
 * What the daemon remembers of what changed: each step that an administrator takes, in order and with who took it, over restarts, in order
 * or not.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/clock.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

static struct daemon tfld;
static struct tfl_writer writer;
static struct reply changes; /* of the last look() */
static int fd;

static void setup(void)
{
	daemon_prepare(&tfld);
	daemon_start(&tfld, NULL);
	fd = daemon_connect(&tfld);
	tfl_writer_init(&writer);
}

static void teardown(void)
{
	reply_finish(&changes);
	tfl_writer_finish(&writer);
	close(fd);
	daemon_stop(&tfld);
}

/* A request about a model, with the tiny model of @p seed where it takes a file. */
static void ask(const char *method, uint64_t version, bool erase, uint64_t seed, bool works)
{
	struct model_file model = model_tiny(false, seed);
	int file = memfd_create("model", MFD_CLOEXEC);
	struct reply reply;

	ck_assert_int_eq(write(file, model.data, model.size), (ssize_t)model.size);
	wire_begin_model(&writer, 1, method, "m", version, erase);
	if (seed)
		wire_send_frame_passing(fd, &writer, &file, 1);
	else
		wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, &reply));
	ck_assert(reply.message.failed == !works);
	reply_finish(&reply);
	model_file_finish(&model);
	close(file);
}

/* All changes, or those about a model and since a time. */
static void look(const char *model, uint64_t since)
{
	reply_finish(&changes);
	wire_begin(&writer, 2, "changes");
	tfl_writer_map(&writer, (model != NULL) + (since > 0));
	if (model) {
		tfl_writer_text(&writer, "model");
		tfl_writer_text(&writer, model);
	}
	if (since) {
		tfl_writer_text(&writer, "since");
		tfl_writer_uint64(&writer, since);
	}
	wire_send_frame(fd, &writer);
	ck_assert(wire_receive(fd, &changes));
	ck_assert(!changes.message.failed);
}

static uint32_t count(void)
{
	return wire_count(changes.message.result, "changes");
}

static const char *path(unsigned index, const char *key)
{
	static char path[64];

	snprintf(path, sizeof(path), "changes.%u.%s", index, key);
	return path;
}

/* The kinds of all that look() gave, from @p first on. */
static void expect_kinds(unsigned first, const char *const *kinds, unsigned expected)
{
	ck_assert_uint_eq(count(), first + expected);
	for (unsigned i = 0; i < expected; i++) {
		struct tfl_string kind = wire_string(changes.message.result, path(first + i, "kind"));

		ck_assert_msg(tfl_string_equal(kind, kinds[i]), "change %u is '%.*s', not '%s'", first + i, TFL_STRING_ARGS(kind),
			      kinds[i]);
	}
}

#define KINDS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static bool says(unsigned index, const char *key, const char *part)
{
	struct tfl_string text = wire_string(changes.message.result, path(index, key));

	return memmem(text.text, text.length, part, strlen(part)) != NULL;
}

static void stop_with(int signal)
{
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, signal), 0);
	daemon_wait(&tfld);
}

/* What was put there meanwhile is complete; what is put there under its eyes may be told to be half. */
static void start_again(void)
{
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
}

static void restart_after(int signal)
{
	stop_with(signal);
	start_again();
}

START_TEST(every_step_is_remembered)
{
	ask("model.load", 0, false, 1, true);
	ask("model.load", 0, false, 2, true);
	ask("model.load", 2, false, 3, false); /* there already: nothing changes */
	ask("model.unload", 1, false, 0, true);
	ask("model.load", 1, false, 5, false); /* other content */
	ask("model.unload", 1, true, 0, true);
	look(NULL, 0);
	expect_kinds(0, KINDS("started", "loaded", "active", "loaded", "active", "unloaded", "refused", "erased"));
	ck_assert(says(1, "text", "version 1 of 'm' is available (uid "));
	ck_assert_uint_eq(wire_uint(changes.message.result, path(1, "uid")), getuid());
	ck_assert_ptr_null(wire_find(changes.message.result, path(4, "uid")).data); /* the daemon's own doing */
	ck_assert(says(4, "text", "version 2 of 'm' is the active one: version 1 is taken out of service"));
	ck_assert(says(6, "reason", "holds other content"));
	for (unsigned i = 0; i < count(); i++) {
		ck_assert_uint_eq(wire_uint(changes.message.result, path(i, "number")), i + 1);
		ck_assert_uint_gt(wire_uint(changes.message.result, path(i, "time")), 1700000000);
		ck_assert_uint_le(wire_uint(changes.message.result, path(i, "age_s")), 60);
	}
}
END_TEST

START_TEST(they_survive_a_restart)
{
	ask("model.load", 0, false, 1, true);
	restart_after(SIGTERM);
	look(NULL, 0);
	expect_kinds(0, KINDS("started", "loaded", "active", "stopping", "started"));
	ck_assert(!says(4, "text", "without stopping in order"));
	look("m", 0);
	expect_kinds(0, KINDS("loaded", "active"));
	look("m", wire_uint(changes.message.result, path(0, "time")) + 1000);
	ck_assert_uint_eq(count(), 0);
	look(NULL, 1700000000);
	ck_assert_uint_eq(count(), 5);
}
END_TEST

START_TEST(a_kill_is_told)
{
	char file[160];

	ask("model.load", 0, false, 1, true);
	snprintf(file, sizeof(file), "%s/.changes", tfld.models);
	for (unsigned i = 0; i < 3; i++) {
		/* Written beside the daemon's work: not at once, but before long. */
		for (unsigned tries = 0; i == 0 && tries < 1000 && !daemon_file_has(file, "active"); tries++)
			usleep(10000);
		restart_after(SIGKILL);
		look(NULL, 0);
		ck_assert(says(count() - 1, "text", "without stopping in order"));
		look("m", 0);
		expect_kinds(0, KINDS("loaded", "active"));
	}
}
END_TEST

START_TEST(damage_begins_anew)
{
	char file[160];
	int out;

	ask("model.load", 0, false, 1, true);
	close(fd);
	ck_assert_int_eq(kill(tfld.pid, SIGTERM), 0);
	daemon_wait(&tfld);
	snprintf(file, sizeof(file), "%s/.changes", tfld.models);
	out = open(file, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(out, "\xc1", 1, 0), 1);
	close(out);
	daemon_start(&tfld, NULL);
	ck_assert(daemon_logged(&tfld, "changes begin anew, what was written cannot be read: "));
	fd = daemon_connect(&tfld);
	daemon_wait_ready(&tfld);
	look(NULL, 0);
	expect_kinds(0, KINDS("started"));
	restart_after(SIGTERM);
	look(NULL, 0);
	expect_kinds(0, KINDS("started", "stopping", "started"));
}
END_TEST

START_TEST(a_version_that_stays_broken_is_told_once)
{
	stop_with(SIGTERM);
	daemon_add_model(&tfld, "m", 1, "rubbish", 7);
	start_again();
	for (unsigned i = 0; i < 3; i++) {
		look("m", 0);
		expect_kinds(0, KINDS("refused"));
		restart_after(SIGTERM);
	}
}
END_TEST

START_TEST(another_configuration_is_told_once)
{
	static const char *const texts[] = {"[model]\ntimeout = 5s\ninstances = 2\n", "[model]\ntimeout = 5s\ninstances = 2\n# same\n", ""};
	char file[160];

	ask("model.load", 0, false, 1, true);
	snprintf(file, sizeof(file), "%s/m/model.conf", tfld.models);
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *out = fopen(file, "w");

		fputs(texts[i], out);
		fclose(out);
		restart_after(SIGTERM);
		look("m", 0);
		if (i < 2)
			expect_kinds(2, KINDS("configured"));
		else
			expect_kinds(2, KINDS("configured", "configured"));
	}
	ck_assert(says(2, "text", "model 'm' is configured anew: instances = 2, timeout = 5s"));
	ck_assert(says(3, "text", "model 'm' is configured anew: as tfld.conf says"));
}
END_TEST

START_TEST(what_cannot_be_asked)
{
	wire_begin(&writer, 3, "changes");
	tfl_writer_map(&writer, 1);
	tfl_writer_text(&writer, "version");
	tfl_writer_uint64(&writer, 2);
	wire_send_frame(fd, &writer);
	wire_expect_failure(fd, 3, TFL_INVALID_ARGUMENT, "without 'model'");
	look("nosuch", 0);
	ck_assert_uint_eq(count(), 0);
}
END_TEST

/* So many verdicts, of a confidence, and a minute later. */
static void give_verdicts(unsigned verdicts, float logit)
{
	for (unsigned i = 0; i < verdicts; i += SCORES_ROWS)
		ask_scores(fd, 3, logit);
	daemon_wait_busy(&tfld, 0);
	clock_pass_minutes(&tfld, 1);
}

START_TEST(drift_is_told)
{
	if (!clock_begin(&tfld))
		return;
	stop_with(SIGTERM);
	add_scores(&tfld);
	start_again();
	give_verdicts(1200, 6); /* the baseline */
	clock_pass_minutes(&tfld, 70);
	give_verdicts(450, 1); /* too few for a verdict */
	look("scores", 0);
	expect_kinds(0, KINDS("active")); /* somebody has put it there */
	give_verdicts(150, 1);
	look("scores", 0);
	expect_kinds(1, KINDS("drift"));
	ck_assert(says(1, "text", "version 1 of 'scores' has drifted, its confidence is far from its baseline: PSI "));
	ck_assert(says(1, "reason", " over 600 verdicts of the last hour, output 'scores'"));
	restart_after(SIGTERM);
	clock_pass_minutes(&tfld, 3);
	look("scores", 0);
	ck_assert_uint_eq(count(), 2); /* told, over the restart too */
	clock_pass_minutes(&tfld, 70); /* nothing is asked any more: nothing new to say */
	give_verdicts(600, 6);
	clock_pass_minutes(&tfld, 3);
	look("scores", 0);
	ck_assert_uint_eq(count(), 2);
	clock_pass_minutes(&tfld, 1);
	look("scores", 0);
	expect_kinds(1, KINDS("drift", "stable"));
}
END_TEST

Suite *changes_suite(void)
{
	Suite *suite = suite_create("changes");
	TCase *tcase = tcase_create("changes");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_step_is_remembered);
	tcase_add_test(tcase, they_survive_a_restart);
	tcase_add_test(tcase, a_kill_is_told);
	tcase_add_test(tcase, damage_begins_anew);
	tcase_add_test(tcase, a_version_that_stays_broken_is_told_once);
	tcase_add_test(tcase, another_configuration_is_told_once);
	tcase_add_test(tcase, drift_is_told);
	tcase_add_test(tcase, what_cannot_be_asked);
	suite_add_tcase(suite, tcase);
	return suite;
}
