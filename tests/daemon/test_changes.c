/* SPDX-License-Identifier: MIT */
/*
 * Changes: the latest of them in order, in words, over restarts; and what lies on disk is believed only where it makes sense.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/changes.h"
#include "daemon/log.h"
#include "tests/daemon/journal.h"
#include "tests/daemon/suites.h"

static struct tfl_changes *changes;
static unsigned news;

static void on_news(void *data)
{
	ck_assert_ptr_eq(data, &news);
	news++;
}

static void setup(void)
{
	tfl_log_init(LOG_ERR - 1);
	news = 0;
	ck_assert_int_eq(tfl_changes_create(on_news, &news, &changes), 0);
}

static void teardown(void)
{
	tfl_changes_destroy(changes);
	tfl_changes_destroy(NULL);
}

static void record(enum tfl_change_kind kind, const char *model, uint64_t version, const char *reason)
{
	tfl_changes_record(changes, &(struct tfl_change_note){.kind = kind, .model = model, .version = version, .reason = reason});
}

/* What was written down, read by a new run. */
static void restart(void)
{
	struct tfl_error error;
	size_t size;
	void *data;

	ck_assert_int_eq(tfl_changes_encode(changes, &data, &size), 0);
	ck_assert(!tfl_changes_unsaved(changes));
	ck_assert_uint_le(size, TFL_CHANGES_BYTES_MAX);
	tfl_changes_destroy(changes);
	ck_assert_int_eq(tfl_changes_create(on_news, &news, &changes), 0);
	ck_assert_msg(tfl_changes_restore(changes, data, size, &error) == 0, "%s", error.text);
	free(data);
}

START_TEST(the_latest_stay_in_order)
{
	for (unsigned i = 0; i < TFL_CHANGES_MAX + 7; i++)
		record(TFL_CHANGE_LOADED, "m", i + 1, NULL);
	ck_assert_uint_eq(news, TFL_CHANGES_MAX + 7);
	for (unsigned run = 0; run < 2; run++) {
		ck_assert_uint_eq(tfl_changes_count(changes), TFL_CHANGES_MAX);
		for (unsigned i = 0; i < TFL_CHANGES_MAX; i++) {
			ck_assert_uint_eq(tfl_changes_at(changes, i)->number, i + 8);
			ck_assert_uint_eq(tfl_changes_at(changes, i)->version, i + 8);
		}
		restart();
	}
	record(TFL_CHANGE_LOADED, "m", 1, NULL);
	ck_assert_uint_eq(tfl_changes_at(changes, TFL_CHANGES_MAX - 1)->number, TFL_CHANGES_MAX + 8);
}
END_TEST

START_TEST(everything_survives)
{
	struct tfl_change before, after;
	const struct tfl_change_note note = {
		.kind = TFL_CHANGE_REFUSED, .model = "digits", .version = 3, .asked = true, .uid = UINT32_MAX, .reason = "größer"
	};

	tfl_changes_record(changes, &note);
	ck_assert(tfl_changes_unsaved(changes));
	before = *tfl_changes_at(changes, 0);
	restart();
	after = *tfl_changes_at(changes, 0);
	ck_assert_int_eq(after.kind, TFL_CHANGE_REFUSED);
	ck_assert_str_eq(after.model, "digits");
	ck_assert_uint_eq(after.version, 3);
	ck_assert(after.asked);
	ck_assert_uint_eq(after.uid, UINT32_MAX);
	ck_assert_str_eq(after.reason, "größer");
	ck_assert_int_gt(after.at.wall, 1700000000);
	ck_assert_int_eq(after.at.wall, before.at.wall);
	ck_assert_int_eq(after.at.seconds, before.at.seconds);
	ck_assert_str_eq(after.at.boot, before.at.boot);
	ck_assert(!tfl_changes_unsaved(changes));
	tfl_changes_not_saved(changes);
	ck_assert(tfl_changes_unsaved(changes));
}
END_TEST

START_TEST(the_longest_fit)
{
	char model[TFL_MODEL_NAME_MAX + 1] = "", reason[2000] = "";
	const struct tfl_change_note note = {
		.kind = TFL_CHANGE_CONDITION_OVER,
		.model = model,
		.version = TFL_VERSION_MAX,
		.asked = true,
		.uid = UINT32_MAX,
		.reason = reason,
	};

	memset(model, 'm', sizeof(model) - 1);
	for (unsigned i = 0; i + 2 < sizeof(reason); i += 2)
		memcpy(reason + i, "ä", 2);
	for (unsigned i = 0; i < TFL_CHANGES_MAX; i++)
		tfl_changes_record(changes, &note);
	restart();
	ck_assert_uint_eq(tfl_changes_count(changes), TFL_CHANGES_MAX);
	ck_assert_uint_eq(strlen(tfl_changes_at(changes, 0)->reason), TFL_ERROR_TEXT_MAX - 2);
}
END_TEST

START_TEST(the_last_of_a_sort)
{
	record(TFL_CHANGE_DRIFT, "a", 1, "x");
	record(TFL_CHANGE_STABLE, "a", 2, "x");
	record(TFL_CHANGE_WATCH, "b", 1, "x");
	record(TFL_CHANGE_STARTED, NULL, 0, "x");
	ck_assert_int_eq(tfl_changes_last(changes, TFL_CHANGE_STABLE, TFL_CHANGE_DRIFT, "a", 1)->kind, TFL_CHANGE_DRIFT);
	ck_assert_int_eq(tfl_changes_last(changes, TFL_CHANGE_STABLE, TFL_CHANGE_DRIFT, "a", 2)->kind, TFL_CHANGE_STABLE);
	ck_assert_ptr_null(tfl_changes_last(changes, TFL_CHANGE_STABLE, TFL_CHANGE_WATCH, "a", 1));
	ck_assert_int_eq(tfl_changes_last(changes, TFL_CHANGE_STARTED, TFL_CHANGE_STOPPING, NULL, 0)->kind, TFL_CHANGE_STARTED);
	ck_assert_ptr_null(tfl_changes_last(NULL, TFL_CHANGE_STARTED, TFL_CHANGE_STOPPING, NULL, 0));
}
END_TEST

START_TEST(what_is_known_is_not_kept)
{
	tfl_changes_record(changes, &(struct tfl_change_note){.kind = TFL_CHANGE_LOADED, .known = true, .model = "m", .version = 1});
	tfl_changes_record(NULL, &(struct tfl_change_note){.kind = TFL_CHANGE_LOADED, .model = "m", .version = 1});
	ck_assert_uint_eq(tfl_changes_count(changes), 0);
	ck_assert_uint_eq(news, 0);
	ck_assert(!tfl_changes_unsaved(changes));
}
END_TEST

static const struct {
	struct tfl_change change;
	const char *sentence;
} sentences[] = {
	{{.kind = TFL_CHANGE_LOADED, .model = "m", .version = 2, .reason = (char *)"7 bytes"}, "version 2 of 'm' is available: 7 bytes"},
	{{.kind = TFL_CHANGE_ERASED, .model = "m", .version = 2, .asked = true, .uid = 1000}, "version 2 of 'm' is erased (uid 1000)"},
	{{.kind = TFL_CHANGE_REFUSED, .model = "m", .reason = (char *)"why"}, "model 'm' is not loaded: why"},
	{{.kind = TFL_CHANGE_STARTED, .reason = (char *)"serving"}, "serving"},
	{{.kind = TFL_CHANGE_CONDITION, .model = "m", .version = 2, .reason = (char *)"full"}, "version 2 of 'm': full"},
};

START_TEST(in_words)
{
	char text[TFL_CHANGE_TEXT_MAX];

	ck_assert_str_eq(tfl_change_sentence(&sentences[_i].change, text), sentences[_i].sentence);
}
END_TEST

/* Every kind is an entry of its own, with what it is about in fields. */
START_TEST(each_is_an_entry_of_the_journal)
{
	const struct tfl_log_field more = {"TFL_PSI", TFL_LOG_REAL, .real = 0.31};
	int fd = journal_fake();
	char ids[TFL_CHANGE_KINDS][64] = {""}, entry[4096], line[64];

	if (fd < 0)
		return;
	tfl_log_init(LOG_INFO);
	for (unsigned kind = 0; kind < TFL_CHANGE_KINDS; kind++) {
		const struct tfl_change_note note = {.kind = (enum tfl_change_kind)kind, .model = "digits", .version = 2, .asked = true,
						     .uid = 1000, .reason = "because", .fields = &more, .field_count = 1};
		const char *id;
		ssize_t size;

		tfl_changes_record(changes, &note);
		size = recv(fd, entry, sizeof(entry) - 1, MSG_DONTWAIT);
		ck_assert_int_gt(size, 0);
		entry[size] = '\0';
		snprintf(line, sizeof(line), "TFL_CHANGE=%s\n", tfl_change_to_string((enum tfl_change_kind)kind));
		ck_assert(journal_has(entry, (size_t)size, line));
		ck_assert(journal_has(entry, (size_t)size, "TFL_MODEL=digits\n"));
		ck_assert(journal_has(entry, (size_t)size, "TFL_VERSION=2\n"));
		ck_assert(journal_has(entry, (size_t)size, "TFL_UID=1000\n"));
		ck_assert(journal_has(entry, (size_t)size, "TFL_REASON=because\n"));
		ck_assert(journal_has(entry, (size_t)size, "TFL_PSI=0.310000\n"));
		id = strstr(entry, "MESSAGE_ID=");
		ck_assert_ptr_nonnull(id);
		snprintf(ids[kind], sizeof(ids[kind]), "%.43s", id);
		for (unsigned other = 0; other < kind; other++)
			ck_assert_str_ne(ids[kind], ids[other]);
	}
	record(TFL_CHANGE_STARTED, NULL, 0, "serving");
	ck_assert_int_gt(recv(fd, entry, sizeof(entry), MSG_DONTWAIT), 0);
	ck_assert(!journal_has(entry, sizeof(entry), "TFL_MODEL=\n"));
	close(fd);
}
END_TEST

/* Each byte of the file wrong in turn, and the file cut at each: never anything but a refusal, or changes that can be. */
START_TEST(a_damaged_file)
{
	struct tfl_error error;
	uint8_t *data, kept;
	size_t size;

	for (unsigned i = 0; i < 3; i++)
		record(i ? TFL_CHANGE_LOADED : TFL_CHANGE_STARTED, i ? "m" : NULL, i, "reason");
	ck_assert_int_eq(tfl_changes_encode(changes, (void **)&data, &size), 0);
	for (size_t i = 0; i < size; i++) {
		teardown();
		setup();
		ck_assert_int_eq(tfl_changes_restore(changes, data, i, &error), -EINVAL);
		ck_assert_uint_eq(tfl_changes_count(changes), 0);
		for (unsigned value = 0; value < 256; value += i % 2 ? 1 : 17) {
			kept = data[i];
			data[i] = (uint8_t)value;
			if (tfl_changes_restore(changes, data, size, &error) < 0)
				ck_assert_uint_eq(tfl_changes_count(changes), 0);
			data[i] = kept;
			teardown();
			setup();
		}
		record(TFL_CHANGE_LOADED, "m", 1, "it goes on");
	}
	free(data);
}
END_TEST

START_TEST(numbers_that_do_not_go_up)
{
	struct tfl_error error;
	uint8_t *data, *number;
	size_t size;

	record(TFL_CHANGE_STARTED, NULL, 0, NULL);
	record(TFL_CHANGE_LOADED, "m", 1, NULL);
	ck_assert_int_eq(tfl_changes_encode(changes, (void **)&data, &size), 0);
	number = memmem(data, size, "number\x02", 7);
	ck_assert_ptr_nonnull(number);
	number[6] = 1;
	teardown();
	setup();
	ck_assert_int_eq(tfl_changes_restore(changes, data, size, &error), -EINVAL);
	ck_assert_str_eq(error.text, "the changes are not in order");
	free(data);
}
END_TEST

/* Of the first change or of the last; its number is not given to another one. */
START_TEST(kinds_of_a_newer_daemon_are_left_out)
{
	static const char *const names[] = {"started", "loaded"};
	struct tfl_error error;
	uint8_t *data, *kind;
	size_t size;

	record(TFL_CHANGE_STARTED, NULL, 0, NULL);
	record(TFL_CHANGE_LOADED, "m", 1, NULL);
	ck_assert_int_eq(tfl_changes_encode(changes, (void **)&data, &size), 0);
	kind = memmem(data, size, names[_i], strlen(names[_i]));
	ck_assert_ptr_nonnull(kind);
	kind[0] ^= 'x' ^ 'X';
	teardown();
	setup();
	ck_assert_int_eq(tfl_changes_restore(changes, data, size, &error), 0);
	ck_assert_uint_eq(tfl_changes_count(changes), 1);
	ck_assert_int_eq(tfl_changes_at(changes, 0)->kind, _i ? TFL_CHANGE_STARTED : TFL_CHANGE_LOADED);
	record(TFL_CHANGE_LOADED, "m", 2, NULL);
	ck_assert_uint_eq(tfl_changes_at(changes, 1)->number, 3);
	free(data);
}
END_TEST

Suite *changes_suite(void)
{
	Suite *suite = suite_create("changes");
	TCase *tcase = tcase_create("changes");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_latest_stay_in_order);
	tcase_add_test(tcase, everything_survives);
	tcase_add_test(tcase, the_longest_fit);
	tcase_add_test(tcase, the_last_of_a_sort);
	tcase_add_test(tcase, what_is_known_is_not_kept);
	tcase_add_loop_test(tcase, in_words, 0, sizeof(sentences) / sizeof(sentences[0]));
	tcase_add_test(tcase, each_is_an_entry_of_the_journal);
	tcase_add_test(tcase, a_damaged_file);
	tcase_add_test(tcase, numbers_that_do_not_go_up);
	tcase_add_loop_test(tcase, kinds_of_a_newer_daemon_are_left_out, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
