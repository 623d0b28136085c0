/* SPDX-License-Identifier: MIT */
/*
 * Folders that come, change and go in the models folder, by real events: what is loaded, refused, left out and unloaded because of them.
 * The test looks when it wants to, so no time passes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "daemon/content.h"
#include "daemon/manifest.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

static void setup(void)
{
	loading_setup();
	ck_assert_int_eq(mkdir("models/m", 0755), 0);
	loading_watch();
}

static void copy(const char *from, const char *to)
{
	char command[256];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	ck_assert_int_eq(system(command), 0);
}

/* As an operator should: filled elsewhere, moved in by one rename. */
static void put(const char *from, const char *to)
{
	ck_assert_int_eq(mkdir("made", 0755), 0);
	copy(from, "made/model.tflite");
	ck_assert_int_eq(rename("made", to), 0);
}

/* And looked at. */
static void move_in(const char *from, unsigned number)
{
	char path[64];

	snprintf(path, sizeof(path), "models/m/%u", number);
	put(from, path);
	loading_look();
}

static void configure(const char *text)
{
	file_write_text("conf", text);
	ck_assert_int_eq(rename("conf", "models/m/model.conf"), 0);
	loading_look();
}

static const char *reason(unsigned number)
{
	const struct tfl_version *version = loading_find("m", number);

	ck_assert_ptr_nonnull(version);
	return version->reason;
}

static bool serves(unsigned number)
{
	const struct tfl_version *version = loading_find("m", number);

	return version && version->state == TFL_VERSION_AVAILABLE;
}

static void write_manifest(const char *file, const char *path)
{
	struct tfl_manifest manifest = { .uid = "1", .pid = "1", .time = "" };
	char text[TFL_MANIFEST_TEXT_MAX];
	struct tfl_error error;
	FILE *stream = fopen(file, "re");

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(tfl_content_hash(fileno(stream), file, &manifest.content, &error), 0);
	fclose(stream);
	tfl_manifest_format(&manifest, text);
	file_write_text(path, text);
}

START_TEST(a_folder_that_is_moved_in_serves)
{
	move_in("a.tflite", 1);
	ck_assert(serves(1));
	ck_assert_uint_eq(loading_active("m"), 1);
	ck_assert_uint_eq(tfl_watch_count(loading.watch), 2); /* the models folder and the model's; what serves is not watched */
	move_in("b.tflite", 2);
	ck_assert(serves(2));
	ck_assert_uint_eq(loading_active("m"), 1); /* nobody asked for a swap */
	loading_restart();
	ck_assert(serves(1) && serves(2));
	ck_assert_uint_eq(loading_active("m"), 1);
}
END_TEST

START_TEST(a_whole_model_that_is_moved_in_serves)
{
	ck_assert_int_eq(mkdir("n", 0755), 0);
	ck_assert_int_eq(mkdir("n/7", 0755), 0);
	ck_assert_int_eq(mkdir("n/8", 0755), 0);
	copy("a.tflite", "n/7/model.tflite");
	copy("b.tflite", "n/8/model.tflite");
	ck_assert_int_eq(rename("n", "models/n"), 0);
	loading_look();
	ck_assert_uint_eq(loading_active("n"), 8);
	ck_assert_int_eq(loading_find("n", 7)->state, TFL_VERSION_AVAILABLE);
}
END_TEST

/* A model's folder as it lay on another device, with @p state, and a policy that wants none of its four versions. */
static void move_in_decided(const char *state)
{
	char path[64];

	ck_assert_int_eq(mkdir("n", 0755), 0);
	for (unsigned number = 1; number <= 4; number++) {
		snprintf(path, sizeof(path), "n/%u", number);
		put(number % 2 ? "a.tflite" : "b.tflite", path);
	}
	file_write_text("n/model.conf", "[model]\nversions = specific 9\n");
	file_write_text("n/state", state);
	ck_assert_int_eq(rename("n", "models/n"), 0);
	loading_look();
}

/* Version 4, which nothing names, is left out. */
static void assert_decided(void)
{
	const struct tfl_registry_model *model = tfl_registry_find(loading.registry, "n", 1);
	char said[TFL_ROUTE_TEXT_MAX + 128];

	ck_assert_ptr_nonnull(model);
	ck_assert_uint_eq(loading_active("n"), 1);
	for (unsigned number = 1; number <= 3; number++)
		ck_assert_msg(loading_find("n", number)->state == TFL_VERSION_AVAILABLE, "version %u", number);
	ck_assert_int_eq(loading_find("n", 4)->end, TFL_END_LEFT_OUT);
	ck_assert_uint_eq(model->labels.count, 1);
	ck_assert_uint_eq(tfl_version_labels_find(&model->labels, "canary", 6), 3);
	ck_assert_str_eq(tfl_route_say(tfl_registry_route_of(model), said), "1=90 2=10");
	ck_assert_uint_eq(tfl_previous_find(&model->previous, 2), 1);
}

START_TEST(what_was_decided_comes_with_a_models_folder)
{
	struct tfl_state state = { .active = 1, .routed = true };
	char text[TFL_MANIFEST_TEXT_MAX];

	ck_assert_int_eq(tfl_route_parse("1=90 2=10", &state.route, &loading.error), 0);
	ck_assert_int_eq(tfl_version_labels_set(&state.labels, "canary", 3), 0);
	ck_assert_int_eq(tfl_version_labels_set(&state.labels, "stale", 9), 0); /* nothing is there that it could stand for */
	tfl_previous_push(&state.previous, 2);
	tfl_state_format(&state, text);
	move_in_decided(text);
	assert_decided();
	loading_restart();
	assert_decided();
}
END_TEST

START_TEST(decisions_that_cannot_be_read_are_none)
{
	const struct tfl_registry_model *model;

	move_in_decided("[state]\nformat = 1\nactive = one\n");
	model = tfl_registry_find(loading.registry, "n", 1);
	ck_assert_ptr_nonnull(model);
	ck_assert_ptr_null(model->active);
	for (unsigned number = 1; number <= 4; number++)
		ck_assert_int_eq(loading_find("n", number)->end, TFL_END_LEFT_OUT);
	ck_assert(model->labels.count == 0 && !model->is_chosen);
}
END_TEST

START_TEST(a_copy_is_refused_until_its_manifest_is_there)
{
	ck_assert_int_eq(mkdir("models/m/1", 0755), 0);
	loading_look();
	ck_assert_str_eq(reason(1), "models/m/1/model.tflite is not there yet; move the complete folder in (mv, within one file system), or write its "
				    "manifest last");
	copy("a.tflite", "models/m/1/model.tflite");
	loading_look();
	ck_assert_str_eq(reason(1), "models/m/1/model.tflite may still be written: it has no manifest and was not moved here; move the complete folder "
				    "in (mv, within one file system), or write its manifest last");
	write_manifest("b.tflite", "models/m/1/manifest");
	loading_look();
	ck_assert_ptr_nonnull(strstr(reason(1), "its manifest says "));
	write_manifest("a.tflite", "models/m/1/manifest");
	loading_look();
	ck_assert(serves(1));
}
END_TEST

START_TEST(a_copy_serves_when_it_was_moved_out_and_in)
{
	ck_assert_int_eq(mkdir("models/m/1", 0755), 0);
	copy("a.tflite", "models/m/1/model.tflite");
	loading_look();
	ck_assert(!serves(1));
	ck_assert_int_eq(rename("models/m/1", "out"), 0);
	ck_assert_int_eq(rename("out", "models/m/1"), 0);
	loading_look();
	ck_assert(serves(1));
}
END_TEST

START_TEST(a_wrong_file_is_refused_and_its_replacement_serves)
{
	file_write_text("wrong", "no model at all");
	move_in("wrong", 1);
	ck_assert_msg(strstr(reason(1), "TFL3"), "%s", reason(1));
	ck_assert_uint_eq(tfl_watch_count(loading.watch), 3);
	/* Over it, in place: who knows when that is over. */
	copy("a.tflite", "models/m/1/model.tflite");
	loading_look();
	ck_assert_ptr_nonnull(strstr(reason(1), "may still be written"));
	copy("a.tflite", "models/m/1/new");
	ck_assert_int_eq(rename("models/m/1/new", "models/m/1/model.tflite"), 0);
	loading_look();
	ck_assert(serves(1));
	ck_assert_uint_eq(tfl_watch_count(loading.watch), 2);
}
END_TEST

START_TEST(the_greatest_takes_over_and_the_old_but_one_goes)
{
	configure("[model]\nversions = latest 1\nauto_swap = yes\n");
	for (unsigned number = 1; number <= 3; number++) {
		move_in(number % 2 ? "a.tflite" : "b.tflite", number);
		ck_assert_uint_eq(loading_active("m"), number);
	}
	ck_assert(serves(2)); /* the way back */
	ck_assert_str_eq(reason(1), "versions is 'latest 1' (model.conf:2)");
}
END_TEST

START_TEST(what_the_policy_unloads_can_be_erased)
{
	const struct tfl_dirty_mark mark = { .model = "m" };
	struct outcome erased = { 0 };
	struct tfl_version *held;

	move_in("a.tflite", 1);
	move_in("b.tflite", 2);
	held = tfl_version_ref(loading_find("m", 2));
	file_write_text("models/m/model.conf", "[model]\nversions = specific 1\n");
	tfl_loader_rescan(loading.loader, &mark);
	while (loading_find("m", 2)->state == TFL_VERSION_AVAILABLE)
		loading_flush();
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_UNLOADING);
	ck_assert_int_eq(loading_begin_unload("m", 2, true, &erased), 0);
	tfl_version_unref(held);
	loading_wait_for(&erased, 1);
	ck_assert_int_eq(erased.code, 0);
	ck_assert_ptr_null(loading_find("m", 2));
	ck_assert(!file_exists("models/m/2"));
	ck_assert(serves(1));
}
END_TEST

START_TEST(what_does_not_load_takes_nobodys_place)
{
	configure("[model]\nversions = latest 1\nauto_swap = yes\n");
	move_in("a.tflite", 1);
	file_write_text("wrong", "no model at all");
	move_in("wrong", 2);
	ck_assert_uint_eq(loading_active("m"), 1);
	ck_assert(serves(1) && !serves(2));
}
END_TEST

START_TEST(what_was_loaded_is_policed_too)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_must_load("m", 0, "a.tflite");
	loading_look();
	ck_assert(serves(1) && serves(2) && serves(3));
	configure("[model]\nversions = latest 1\n");
	ck_assert(serves(1) && !serves(2) && serves(3)); /* active, left out, latest */
	ck_assert_int_eq(loading_find("m", 2)->end, TFL_END_LEFT_OUT);
	/* What somebody asks for stays until it was active. */
	ck_assert_int_eq(tfl_loader_reload(loading.loader, loading_find("m", 2), 1000, loading_on_done, &loading.last, &loading.error), 0);
	loading_look();
	ck_assert(serves(2));
	configure("[model]\nversions = all\n");
	ck_assert(serves(1) && serves(2) && serves(3));
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	configure("[model]\nversions = latest 3\n");
	ck_assert(!serves(2)); /* the operator's decision stands */
	loading_restart();
	ck_assert_int_eq(loading_find("m", 2)->end, TFL_END_UNLOADED);
}
END_TEST

START_TEST(room_is_made_first)
{
	configure("[model]\nversions = latest 1\nauto_swap = yes\ntransition = resource\n");
	move_in("a.tflite", 1);
	move_in("b.tflite", 2);
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_str_eq(reason(1), "it makes room for version 2: transition is 'resource' (model.conf:4)");
	/* In vain: it comes back. */
	file_write_text("wrong", "no model at all");
	move_in("wrong", 3);
	ck_assert(!serves(3));
	ck_assert_uint_eq(loading_active("m"), 2);
	/* By a load too. */
	loading_must_load("m", 4, "a.tflite");
	loading_look();
	ck_assert_uint_eq(loading_active("m"), 4);
	ck_assert(!serves(2));
	ck_assert_int_lt(loading_load("m", 5, "wrong"), 0);
	loading_look();
	ck_assert_uint_eq(loading_active("m"), 4);
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 4);
}
END_TEST

/* One look sees that the active version's folder has gone and that another one has come: what has made room by then does not serve. */
START_TEST(room_is_made_by_one_whose_folder_has_gone)
{
	struct tfl_dirty_mark mark;

	configure("[model]\nauto_swap = yes\ntransition = resource\n");
	move_in("a.tflite", 1);
	ck_assert_int_eq(rename("models/m/1", "away"), 0);
	put("b.tflite", "models/m/2");
	while (sem_trywait(&loading.woken) == 0)
		;
	__atomic_store_n(&loading.hold, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(tfl_watch_read(loading.watch, 1, &loading.error), 0);
	do
		ck_assert(tfl_watch_take(loading.watch, UINT64_MAX, &mark));
	while (strcmp(mark.model, "m") != 0);
	tfl_loader_rescan(loading.loader, &mark);
	ck_assert_int_eq(sem_wait(&loading.woken), 0);
	tfl_loader_collect(loading.loader);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_UNLOADING);
	ck_assert_uint_eq(loading_active("m"), 0);
	__atomic_store_n(&loading.hold, false, __ATOMIC_RELEASE);
	sem_post(&loading.released);
	loading_look();
	ck_assert_ptr_null(loading_find("m", 1));
	ck_assert_uint_eq(loading_active("m"), 2);
}
END_TEST

START_TEST(folders_that_go)
{
	move_in("a.tflite", 1);
	move_in("b.tflite", 2);
	ck_assert_int_eq(mkdir("models/m/3", 0755), 0);
	loading_look();
	ck_assert_int_eq(system("rm -r models/m/1 models/m/3"), 0);
	loading_look();
	ck_assert_ptr_null(loading_find("m", 3));
	ck_assert(serves(1));
	ck_assert_str_eq(reason(1), "its folder is gone; it serves from memory until it is unloaded");
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	loading_look();
	ck_assert_ptr_null(loading_find("m", 1));
	/* The number is free again, whatever became of the one that had it. */
	move_in("a.tflite", 1);
	ck_assert(serves(1));
	ck_assert_int_eq(rename("models/m", "m"), 0);
	loading_look();
	ck_assert(serves(1) && serves(2));
	ck_assert_int_eq(rename("m", "models/m"), 0);
	loading_look();
	ck_assert_str_eq(reason(2), "");
}
END_TEST

START_TEST(a_wrong_configuration_is_a_condition)
{
	move_in("a.tflite", 1);
	configure("[model]\nqueue = many\n");
	ck_assert_ptr_nonnull(strstr(loading_condition(TFL_CONDITION_MODELS), "model.conf:2: [model] queue is 'many'"));
	ck_assert(serves(1));
	move_in("b.tflite", 2);
	ck_assert_ptr_nonnull(strstr(reason(2), "queue is 'many'"));
	configure("[model]\nqueue = 4\n");
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_MODELS));
	ck_assert(serves(2));
	ck_assert_uint_eq(loading_find("m", 2)->conf.queue, 4);
}
END_TEST

START_TEST(more_versions_than_are_kept)
{
	char path[64];

	for (unsigned number = 1; number <= TFL_VERSIONS_MAX + 36; number++) {
		snprintf(path, sizeof(path), "models/m/%u", number);
		put("a.tflite", path);
	}
	loading_look();
	/* The greatest. */
	for (unsigned number = 37; number <= TFL_VERSIONS_MAX + 36; number++)
		ck_assert_msg(serves(number), "version %u: %s", number, reason(number));
	ck_assert_ptr_null(loading_find("m", 36));
	ck_assert_ptr_nonnull(strstr(loading_condition(TFL_CONDITION_MODELS), "36 more versions lie there, but no more than 64 can be listed"));
	ck_assert_uint_le(tfl_watch_count(loading.watch), 2);
}
END_TEST

START_TEST(events_that_were_lost_are_made_up_for)
{
	struct tfl_error error;
	FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	unsigned events = 0;

	ck_assert(limit && fscanf(limit, "%u", &events) == 1);
	fclose(limit);
	/* More than fit, and the folder comes behind them. Two names, since the same event twice is one. */
	ck_assert_int_eq(mkdir("made", 0755), 0);
	copy("a.tflite", "made/model.tflite");
	usleep(50000); /* nobody sees it come, so its times have to show the rename */
	for (unsigned i = 0; i < events / 2 + 8; i++) {
		ck_assert_int_eq(mkdir(i % 2 ? "models/x" : "models/y", 0755), 0);
		ck_assert_int_eq(rmdir(i % 2 ? "models/x" : "models/y"), 0);
	}
	ck_assert_int_eq(rename("made", "models/m/1"), 0);
	ck_assert_int_eq(tfl_watch_read(loading.watch, 1, &error), 0);
	loading_look();
	ck_assert(serves(1));
}
END_TEST

START_TEST(what_the_daemon_writes_is_passed_over)
{
	char *data = strdup("statistics");

	move_in("a.tflite", 1);
	ck_assert_int_eq(tfl_loader_keep(loading.loader, loading_find("m", 1), data, strlen(data), NULL, NULL), 0);
	loading_flush();
	ck_assert_int_eq(tfl_watch_read(loading.watch, 1, &loading.error), 0);
	/* The look at "flush" that waiting asked for. */
	ck_assert_int_eq(tfl_watch_delay(loading.watch, UINT64_MAX), 0);
	for (struct tfl_dirty_mark mark; tfl_watch_take(loading.watch, UINT64_MAX, &mark);)
		ck_assert_str_eq(mark.model, "flush");
}
END_TEST

START_TEST(a_models_folder_that_goes_is_told_once)
{
	struct tfl_error error;

	move_in("a.tflite", 1);
	ck_assert_int_eq(rename("models", "elsewhere"), 0);
	ck_assert_int_eq(tfl_watch_read(loading.watch, 1, &error), -ENODEV);
	ck_assert_str_eq(error.text, "the models folder models was renamed; what is in memory serves on, and nothing new is seen: put it back and restart "
				     "tfld");
	ck_assert_int_eq(tfl_watch_read(loading.watch, 1, &error), 0);
	/* The look that is tried again with each minute. */
	ck_assert_int_eq(mkdir("models", 0755), 0);
	tfl_watch_touch(loading.watch, "", 1);
	loading_look();
	ck_assert_str_eq(loading_condition(TFL_CONDITION_WATCH), "at models lies another folder than the one that tfld serves; restart tfld to serve that "
								 "one");
	ck_assert(serves(1));
	ck_assert_int_eq(rmdir("models"), 0);
	ck_assert_int_eq(rename("elsewhere", "models"), 0);
	tfl_loader_remember_again(loading.loader);
	loading_look();
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_WATCH));
	move_in("b.tflite", 2);
	ck_assert(serves(2));
}
END_TEST

Suite *loader_watch_suite(void)
{
	Suite *suite = suite_create("loader_watch");
	TCase *cases = tcase_create("folders");

	tcase_add_checked_fixture(cases, setup, loading_teardown);
	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, a_folder_that_is_moved_in_serves);
	tcase_add_test(cases, a_whole_model_that_is_moved_in_serves);
	tcase_add_test(cases, what_was_decided_comes_with_a_models_folder);
	tcase_add_test(cases, decisions_that_cannot_be_read_are_none);
	tcase_add_test(cases, a_copy_is_refused_until_its_manifest_is_there);
	tcase_add_test(cases, a_copy_serves_when_it_was_moved_out_and_in);
	tcase_add_test(cases, a_wrong_file_is_refused_and_its_replacement_serves);
	tcase_add_test(cases, the_greatest_takes_over_and_the_old_but_one_goes);
	tcase_add_test(cases, what_the_policy_unloads_can_be_erased);
	tcase_add_test(cases, what_does_not_load_takes_nobodys_place);
	tcase_add_test(cases, what_was_loaded_is_policed_too);
	tcase_add_test(cases, room_is_made_first);
	tcase_add_test(cases, room_is_made_by_one_whose_folder_has_gone);
	tcase_add_test(cases, folders_that_go);
	tcase_add_test(cases, a_wrong_configuration_is_a_condition);
	tcase_add_test(cases, more_versions_than_are_kept);
	tcase_add_test(cases, events_that_were_lost_are_made_up_for);
	tcase_add_test(cases, what_the_daemon_writes_is_passed_over);
	tcase_add_test(cases, a_models_folder_that_goes_is_told_once);
	suite_add_tcase(suite, cases);
	return suite;
}
