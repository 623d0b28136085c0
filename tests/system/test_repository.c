/* SPDX-License-Identifier: MIT */
/*
 * Folders that are put into the models folder while tfld runs, and what it does about them by itself: no restart, no request that fails.
 * While a test waits for something, it asks the model all the time; "tiny" has the same weights in each version, so every answer has to be
 * right.
 */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define BURST 16

static struct daemon tfld;
static struct model_file model;
static int fd;
static uint32_t msgid;

static void setup(void)
{
	daemon_prepare(&tfld);
	add_tiny(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	model = model_tiny(false, 7);
}

static void teardown(void)
{
	model_file_finish(&model);
	close(fd);
	daemon_stop(&tfld);
}

/* A path in the models folder, in one of a few buffers that are used in turn. */
static const char *path(const char *format, unsigned number)
{
	static char buffers[4][160];
	static unsigned turn;
	char *buffer = buffers[turn++ % 4], name[48];

	snprintf(name, sizeof(name), format, number);
	snprintf(buffer, sizeof(buffers[0]), "%s/%s", tfld.models, name);
	return buffer;
}

static void write_file(const char *to, const void *data, size_t size)
{
	int file = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(write(file, data, size), (ssize_t)size);
	close(file);
}

/* Names that begin with a point are nobody's: a place to fill a folder in, on the right file system. */
static void move_in(unsigned number, const void *data, size_t size)
{
	ck_assert_int_eq(mkdir(path(".in", 0), 0755), 0);
	write_file(path(".in/model.tflite", 0), data, size);
	ck_assert_int_eq(rename(path(".in", 0), path("tiny/%u", number)), 0);
}

static void configure(const char *text)
{
	write_file(path(".conf", 0), text, strlen(text));
	ck_assert_int_eq(rename(path(".conf", 0), path("tiny/model.conf", 0)), 0);
}

/* Some requests, all of which are answered rightly. */
static void ask(void)
{
	for (unsigned i = 0; i < BURST; i++) {
		send_tiny(fd, ++msgid, 0);
		expect_tiny(fd, msgid);
	}
}

/* "AVAILABLE active", "END: why" and so on, or "" for a version that is not listed. */
static const char *state_of(const char *name, unsigned number)
{
	static char text[640];
	struct tfl_slice result;
	struct reply reply;
	char at[64];

	text[0] = '\0';
	wire_call(fd, "model.list", &reply);
	result = reply.message.result;
	for (unsigned i = 0; i < wire_count(result, "models"); i++) {
		snprintf(at, sizeof(at), "models.%u.model", i);
		if (!tfl_string_equal(wire_string(result, at), name))
			continue;
		snprintf(at, sizeof(at), "models.%u.versions", i);
		for (unsigned k = 0, count = wire_count(result, at); k < count; k++) {
			struct tfl_string state, reason;

			snprintf(at, sizeof(at), "models.%u.versions.%u.version", i, k);
			if (wire_uint(result, at) != number)
				continue;
			snprintf(at, sizeof(at), "models.%u.versions.%u.state", i, k);
			state = wire_string(result, at);
			snprintf(at, sizeof(at), "models.%u.versions.%u.reason", i, k);
			reason = wire_string(result, at);
			snprintf(at, sizeof(at), "models.%u.versions.%u.active", i, k);
			snprintf(text, sizeof(text), "%.*s%s%s%.*s", TFL_STRING_ARGS(state), wire_bool(result, at) ? " active" : "",
				 reason.length ? ": " : "", TFL_STRING_ARGS(reason));
		}
	}
	reply_finish(&reply);
	return text;
}

/* Until the version's state has @p part in it ("": until it is not listed), asking meanwhile. */
static void wait_for(const char *name, unsigned number, const char *part, bool asking)
{
	uint64_t until = now_ns() + PATIENCE_NS;
	const char *state;

	do {
		if (asking)
			ask();
		state = state_of(name, number);
		ck_assert_msg(now_ns() < until, "version %u of '%s' is '%s', not '%s'", number, name, state, part);
		usleep(2000);
	} while (*part ? !strstr(state, part) : *state);
}

static void wait_for_tiny(unsigned number, const char *part)
{
	wait_for("tiny", number, part, true);
}

/* How many changes of this kind there are about a version. */
static unsigned changes(const char *kind, unsigned number)
{
	struct tfl_slice result;
	struct reply reply;
	unsigned found = 0;
	char at[64];

	wire_call(fd, "changes", &reply);
	result = reply.message.result;
	for (unsigned i = 0, count = wire_count(result, "changes"); i < count; i++) {
		snprintf(at, sizeof(at), "changes.%u.version", i);
		if (!wire_find(result, at).data || wire_uint(result, at) != number)
			continue;
		snprintf(at, sizeof(at), "changes.%u.kind", i);
		found += tfl_string_equal(wire_string(result, at), kind);
	}
	reply_finish(&reply);
	return found;
}

START_TEST(a_folder_that_is_moved_in_serves_without_a_restart)
{
	move_in(2, model.data, model.size);
	wait_for_tiny(2, "AVAILABLE");
	ck_assert_str_eq(state_of("tiny", 1), "AVAILABLE active");
	ck_assert_uint_eq(changes("loaded", 2), 1);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	close(fd);
	fd = daemon_connect(&tfld);
	ck_assert_str_eq(state_of("tiny", 1), "AVAILABLE active");
	ck_assert_str_eq(state_of("tiny", 2), "AVAILABLE");
}
END_TEST

START_TEST(a_whole_model_that_is_moved_in_serves)
{
	ck_assert_int_eq(mkdir(path(".in", 0), 0755), 0);
	ck_assert_int_eq(mkdir(path(".in/3", 0), 0755), 0);
	write_file(path(".in/3/model.tflite", 0), model.data, model.size);
	ck_assert_int_eq(rename(path(".in", 0), path("other", 0)), 0);
	wait_for("other", 3, "AVAILABLE active", true);
}
END_TEST

/* A script does it so, faster than the clock of the file system moves: nothing but the event tells that the version was moved. */
START_TEST(a_version_that_is_moved_into_a_new_folder_serves)
{
	ck_assert_int_eq(mkdir(path("other", 0), 0755), 0);
	ask(); /* and the event is read */
	ck_assert_int_eq(mkdir(path(".in", 0), 0755), 0);
	write_file(path(".in/model.tflite", 0), model.data, model.size);
	ck_assert_int_eq(rename(path(".in", 0), path("other/1", 0)), 0);
	wait_for("other", 1, "AVAILABLE active", true);
}
END_TEST

/* By hand, as the manual has it. */
static void write_manifest(unsigned number)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "cd %s/tiny/%u && printf '[manifest]\\nsize = %%s\\nsha256 = %%s\\n' $(stat -c %%s model.tflite) $(sha256sum < model.tflite | cut -c 1-64) "
		 "> .m && mv .m manifest", tfld.models, number);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(a_slow_copy_is_told_once_and_never_served)
{
	int file;

	ck_assert_int_eq(mkdir(path("tiny/2", 0), 0755), 0);
	file = open(path("tiny/2/model.tflite", 0), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_ge(file, 0);
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_int_eq(write(file, model.data + i * model.size / 8, (i + 1) * model.size / 8 - i * model.size / 8),
				 (ssize_t)((i + 1) * model.size / 8 - i * model.size / 8));
		write_file(path("tiny/2/note%u", i), "", 0); /* an event */
		if (i % 3 == 0)
			wait_for_tiny(2, "END: ");
		ck_assert_ptr_null(strstr(state_of("tiny", 2), "AVAILABLE"));
	}
	close(file);
	wait_for_tiny(2, "may still be written: it has no manifest and was not moved here; move the complete folder in (mv, ");
	for (unsigned i = 0; i < 30; i++) {
		usleep(10000);
		ask();
		ck_assert_ptr_nonnull(strstr(state_of("tiny", 2), "END: "));
	}
	ck_assert_uint_le(changes("refused", 2), 2); /* not there yet, and may still be written */
	write_manifest(2);
	wait_for_tiny(2, "AVAILABLE");
	ck_assert_uint_eq(changes("loaded", 2), 1);
}
END_TEST

START_TEST(a_wrong_file_is_told_and_its_replacement_serves)
{
	move_in(2, "no model at all", 15);
	wait_for_tiny(2, "END: ");
	write_file(path("tiny/.new", 0), model.data, model.size);
	ck_assert_int_eq(rename(path("tiny/.new", 0), path("tiny/2/model.tflite", 0)), 0);
	wait_for_tiny(2, "AVAILABLE");
	ck_assert_uint_eq(changes("refused", 2), 1);
}
END_TEST

START_TEST(the_latest_takes_over_and_the_old_but_one_goes)
{
	configure("[model]\nversions = latest 1\nauto_swap = yes\n");
	for (unsigned number = 2; number <= 4; number++) {
		move_in(number, model.data, model.size);
		wait_for_tiny(number, "AVAILABLE active");
		if (number > 2)
			wait_for_tiny(number - 2, "END: versions is 'latest 1' (model.conf:2)");
		ck_assert_str_eq(state_of("tiny", number - 1), "AVAILABLE");
	}
	configure("[model]\nversions = all\n");
	wait_for_tiny(1, "AVAILABLE");
	wait_for_tiny(2, "AVAILABLE");
	ck_assert_str_eq(state_of("tiny", 4), "AVAILABLE active");
}
END_TEST

START_TEST(room_is_made_first_where_that_is_configured)
{
	configure("[model]\nversions = latest 1\nauto_swap = yes\ntransition = resource\n");
	move_in(2, model.data, model.size);
	wait_for("tiny", 2, "AVAILABLE active", false);
	ck_assert_str_eq(state_of("tiny", 1), "END: it makes room for version 2: transition is 'resource' (model.conf:4)");
	ask();
	move_in(3, "no model at all", 15);
	wait_for("tiny", 3, "END: ", false);
	wait_for("tiny", 2, "AVAILABLE active", false);
	ask();
}
END_TEST

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *walk)
{
	return remove(name);
}

START_TEST(a_folder_that_is_removed)
{
	ck_assert_int_eq(nftw(path("tiny/1", 0), remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	wait_for_tiny(1, "AVAILABLE active: its folder is gone; it serves from memory until it is unloaded");
	move_in(2, "no model at all", 15);
	wait_for_tiny(2, "END: ");
	ck_assert_int_eq(nftw(path("tiny/2", 0), remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	wait_for_tiny(2, "");
	ck_assert_uint_eq(changes("erased", 2), 1);
}
END_TEST

START_TEST(a_hundred_versions_at_once)
{
	unsigned descriptors = daemon_steady_descriptors(&tfld), listed = 0;
	struct reply reply;

	/* Held still meanwhile: what it lists while there are a few has its place when there are too many. */
	ck_assert_int_eq(kill(tfld.pid, SIGSTOP), 0);
	for (unsigned number = 2; number <= 101; number++)
		move_in(number, model.data, model.size);
	ck_assert_int_eq(kill(tfld.pid, SIGCONT), 0);
	wait_for_tiny(101, "AVAILABLE");
	wait_for_tiny(40, "AVAILABLE"); /* the greatest of them, as many as there may be */
	for (unsigned number = 2; number <= 101; number++)
		listed += state_of("tiny", number)[0] != '\0';
	ck_assert_uint_eq(listed, TFL_VERSIONS_MAX - 1);
	ck_assert_str_eq(state_of("tiny", 1), "AVAILABLE active");
	wire_call(fd, "health", &reply);
	ck_assert_uint_eq(wire_count(reply.message.result, "conditions"), 1);
	ck_assert(tfl_string_equal(wire_string(reply.message.result, "conditions.0.name"), "models"));
	reply_finish(&reply);
	/* Each holds its sealed copy, and nothing else is left open. */
	ck_assert_uint_le(daemon_steady_descriptors(&tfld), descriptors + TFL_VERSIONS_MAX);
}
END_TEST

START_TEST(more_events_than_the_system_keeps)
{
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	unsigned events = 0;

	ck_assert(file && fscanf(file, "%u", &events) == 1);
	fclose(file);
	events = events < 40000 ? events : 40000;
	for (unsigned i = 0; i < events; i++) {
		ck_assert_int_eq(mkdir(path("tiny/%u", 90000 + i % 7), 0755), 0);
		ck_assert_int_eq(rmdir(path("tiny/%u", 90000 + i % 7)), 0);
		if (i % 1024 == 0)
			ask();
	}
	move_in(2, model.data, model.size);
	wait_for_tiny(2, "AVAILABLE");
	for (unsigned i = 0; i < 7; i++)
		wait_for_tiny(90000 + i, "");
	ck_assert_str_eq(state_of("tiny", 1), "AVAILABLE active");
}
END_TEST

Suite *repository_suite(void)
{
	Suite *suite = suite_create("repository");
	TCase *tcase = tcase_create("folders");

	tcase_set_timeout(tcase, 180);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_folder_that_is_moved_in_serves_without_a_restart);
	tcase_add_test(tcase, a_whole_model_that_is_moved_in_serves);
	tcase_add_test(tcase, a_version_that_is_moved_into_a_new_folder_serves);
	tcase_add_test(tcase, a_slow_copy_is_told_once_and_never_served);
	tcase_add_test(tcase, a_wrong_file_is_told_and_its_replacement_serves);
	tcase_add_test(tcase, the_latest_takes_over_and_the_old_but_one_goes);
	tcase_add_test(tcase, room_is_made_first_where_that_is_configured);
	tcase_add_test(tcase, a_folder_that_is_removed);
	tcase_add_test(tcase, a_hundred_versions_at_once);
	tcase_add_test(tcase, more_events_than_the_system_keeps);
	suite_add_tcase(suite, tcase);
	return suite;
}
