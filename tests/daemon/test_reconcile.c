/* SPDX-License-Identifier: MIT */
/*
 * What is done about a model's folder, for all that can lie there and all that can be listed; and when. Versions here are empty, nothing is
 * on a disk, and time is a number.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/dirty.h"
#include "daemon/reconcile.h"
#include "daemon/registry.h"
#include "tests/daemon/suites.h"

static struct tfl_registry *registry;
static struct tfl_found found[TFL_VERSIONS_MAX];
static unsigned found_count;
static const char *policy_text;
static char steps_text[512];

static void setup(void)
{
	ck_assert_int_eq(tfl_registry_create(&registry), 0);
	found_count = 0;
	policy_text = "all";
}

static void teardown(void)
{
	tfl_registry_destroy(registry);
}

static struct tfl_version *add(uint64_t number, enum tfl_version_state state, enum tfl_version_end end, uint64_t print)
{
	struct tfl_version *version;
	struct tfl_error error;

	ck_assert_int_eq(tfl_version_create("m", number, NULL, NULL, &version), 0);
	version->state = state;
	version->end = end;
	version->print = print;
	ck_assert_int_eq(tfl_registry_add(registry, version, &error), 0);
	tfl_version_unref(version);
	return version;
}

/* A folder whose content is @p content, even; as in store.h, bit 0 of its print says that it is complete. */
static struct tfl_found *lies(uint64_t number, uint64_t content, bool complete)
{
	struct tfl_found *it = &found[found_count++];

	*it = (struct tfl_found){ .entry = { .model = "m", .number = number },
				  .folder = { .print = content | complete, .complete = complete, .has_file = true } };
	return it;
}

/* "LOAD 2, UNLOAD 1" */
static const char *steps(void)
{
	static const char *const names[TFL_STEP_KINDS] = { "LOAD", "REFUSE", "LEAVE", "HOLD", "FORGET", "MISS", "RECOVER", "UNLOAD" };
	struct tfl_step list[TFL_STEPS_MAX];
	struct tfl_policy policy;
	unsigned count, used = 0;

	if (policy_text)
		ck_assert_int_eq(tfl_policy_parse(policy_text, &policy), 0);
	count = tfl_reconcile(tfl_registry_find(registry, "m", 1), found, found_count, policy_text ? &policy : NULL, list);
	steps_text[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		used += (unsigned)snprintf(steps_text + used, sizeof(steps_text) - used, "%s%s %llu", i ? ", " : "", names[list[i].kind],
					   (unsigned long long)list[i].number);
	return steps_text;
}

START_TEST(what_comes_complete_is_loaded)
{
	ck_assert_str_eq(steps(), "");
	lies(2, 20, true);
	lies(1, 10, true);
	ck_assert_str_eq(steps(), "LOAD 2, LOAD 1");
	add(1, TFL_VERSION_AVAILABLE, 0, 11);
	add(2, TFL_VERSION_LOADING, 0, 21);
	ck_assert_str_eq(steps(), "");
	found[1].folder.print = 99; /* what serves is in memory */
	ck_assert_str_eq(steps(), "");
}
END_TEST

START_TEST(what_a_new_models_state_names_is_loaded)
{
	policy_text = "specific 9";
	lies(2, 20, true)->entry.named = true;
	lies(1, 10, true);
	ck_assert_str_eq(steps(), "LOAD 2, LEAVE 1");
	/* From then on the registry knows better than what is written. */
	add(1, TFL_VERSION_AVAILABLE, 0, 11)->held = true;
	ck_assert_str_eq(steps(), "LEAVE 2");
}
END_TEST

START_TEST(what_is_refused_is_tried_again_when_it_changes)
{
	struct tfl_version *version;

	lies(1, 10, false);
	ck_assert_str_eq(steps(), "REFUSE 1");
	version = add(1, TFL_VERSION_END, TFL_END_FAILED, 10);
	ck_assert_str_eq(steps(), "");
	found[0].folder.print = 12; /* copied on */
	ck_assert_str_eq(steps(), "REFUSE 1");
	version->print = 12;
	found_count = 0;
	lies(1, 12, true); /* out and in again by a rename: nothing else has changed */
	ck_assert_str_eq(steps(), "LOAD 1");
	version->print = 13; /* and its file was no good */
	ck_assert_str_eq(steps(), "");
	found_count = 0;
	lies(1, 12, false); /* the rename is no news any more */
	ck_assert_str_eq(steps(), "");
}
END_TEST

START_TEST(the_operators_decision_stands)
{
	add(1, TFL_VERSION_END, TFL_END_UNLOADED, 10);
	add(2, TFL_VERSION_END, TFL_END_REPLACED, 20);
	lies(1, 30, true);
	lies(2, 40, true);
	ck_assert_str_eq(steps(), "");
	lies(3, 30, true)->entry.unloaded = true;
	ck_assert_str_eq(steps(), "HOLD 3");
}
END_TEST

START_TEST(the_policy_counts_what_can_serve)
{
	struct tfl_version *fourth;

	policy_text = "latest 1";
	lies(4, 40, false);
	lies(3, 30, true);
	lies(2, 20, true);
	ck_assert_str_eq(steps(), "REFUSE 4, LOAD 3, LEAVE 2");
	fourth = add(4, TFL_VERSION_END, TFL_END_FAILED, 40);
	add(3, TFL_VERSION_AVAILABLE, 0, 31);
	add(2, TFL_VERSION_END, TFL_END_LEFT_OUT, 21);
	ck_assert_str_eq(steps(), "");
	policy_text = "latest 2"; /* model.conf has changed */
	ck_assert_str_eq(steps(), "LOAD 2");
	policy_text = "specific 2 9";
	ck_assert_str_eq(steps(), "LOAD 2");
	policy_text = "latest 1";
	found[0].folder = (struct tfl_store_folder){ .print = 43, .complete = true };
	ck_assert_str_eq(steps(), "LOAD 4");
	fourth->print = 43; /* in vain */
	ck_assert_str_eq(steps(), "");
	/* The one that was active before a start, whose file was put right. */
	found_count = 0;
	lies(1, 10, true)->entry.active = true;
	lies(3, 30, true);
	ck_assert_str_eq(steps(), "LOAD 1, FORGET 2, FORGET 4");
}
END_TEST

START_TEST(what_the_policy_does_not_want_goes_when_another_one_is_there)
{
	struct tfl_version *fourth;
	const struct tfl_previous previous = { { 2 }, 1 };

	policy_text = "latest 1";
	for (unsigned i = 1; i <= 4; i++)
		lies(i, 10 * i, true);
	add(1, TFL_VERSION_AVAILABLE, 0, 0);
	add(2, TFL_VERSION_AVAILABLE, 0, 0);
	add(3, TFL_VERSION_AVAILABLE, 0, 0);
	fourth = add(4, TFL_VERSION_LOADING, 0, 0);
	tfl_registry_set_previous(registry, "m", &previous);
	ck_assert_str_eq(steps(), ""); /* 1 is active, 2 was it before, 3 is the latest until 4 is there */
	tfl_registry_set_state(registry, fourth, TFL_VERSION_AVAILABLE, "", 1);
	ck_assert_str_eq(steps(), "UNLOAD 3");
	tfl_registry_find_version(tfl_registry_find(registry, "m", 1), 3)->held = true;
	ck_assert_str_eq(steps(), "");
	tfl_registry_activate(registry, fourth);
	ck_assert_str_eq(steps(), "UNLOAD 2"); /* 1 is the way back now */
	tfl_registry_activate(registry, tfl_registry_find_version(tfl_registry_find(registry, "m", 1), 3));
	ck_assert_str_eq(steps(), "UNLOAD 1, UNLOAD 2");
	policy_text = "all";
	ck_assert_str_eq(steps(), "");
}
END_TEST

START_TEST(folders_that_go)
{
	struct tfl_version *version = add(1, TFL_VERSION_AVAILABLE, 0, 0);

	add(2, TFL_VERSION_END, TFL_END_FAILED, 0);
	add(3, TFL_VERSION_LOADING, 0, 0); /* not published yet, it may be */
	add(4, TFL_VERSION_UNLOADING, 0, 0);
	add(5, TFL_VERSION_END, TFL_END_UNLOADED, 0);
	ck_assert_str_eq(steps(), "MISS 1, FORGET 2, FORGET 5");
	tfl_registry_set_state(registry, version, TFL_VERSION_AVAILABLE, "its folder is gone", 1);
	ck_assert_str_eq(steps(), "FORGET 2, FORGET 5");
	lies(1, 10, true);
	ck_assert_str_eq(steps(), "RECOVER 1, FORGET 2, FORGET 5");
}
END_TEST

START_TEST(a_wrong_configuration_changes_nothing_that_is_loaded)
{
	policy_text = NULL;
	add(1, TFL_VERSION_AVAILABLE, 0, 0);
	add(2, TFL_VERSION_AVAILABLE, 0, 0);
	add(3, TFL_VERSION_END, TFL_END_LEFT_OUT, 0);
	lies(1, 10, true);
	lies(2, 10, true);
	lies(3, 10, true);
	lies(4, 10, true);
	ck_assert_str_eq(steps(), "REFUSE 4");
}
END_TEST

/* ---- When ---- */

static struct tfl_dirty dirty;
static struct tfl_dirty_mark mark;

START_TEST(a_burst_is_looked_at_once)
{
	ck_assert_int_eq(tfl_dirty_delay(&dirty, 1000), -1);
	tfl_dirty_mark(&dirty, "m", 1000);
	ck_assert_int_eq(tfl_dirty_delay(&dirty, 1000), TFL_DIRTY_QUIET_MS);
	tfl_dirty_mark(&dirty, "m", 1150);
	ck_assert(!tfl_dirty_take(&dirty, 1000 + TFL_DIRTY_QUIET_MS, &mark));
	ck_assert(tfl_dirty_take(&dirty, 1150 + TFL_DIRTY_QUIET_MS, &mark));
	ck_assert_str_eq(mark.model, "m");
	ck_assert(!tfl_dirty_take(&dirty, 99999, &mark));
	/* One that does not end is looked at all the same. */
	for (uint64_t ms = 5000; ms < 5000 + TFL_DIRTY_LATEST_MS; ms += 100) {
		tfl_dirty_mark(&dirty, "m", ms);
		ck_assert(!tfl_dirty_take(&dirty, ms, &mark));
	}
	ck_assert_int_eq(tfl_dirty_delay(&dirty, 5000 + TFL_DIRTY_LATEST_MS), 0);
	ck_assert(tfl_dirty_take(&dirty, 5000 + TFL_DIRTY_LATEST_MS, &mark));
}
END_TEST

START_TEST(too_many_models_are_all_of_them)
{
	char name[16];

	for (unsigned i = 0; i < 2 * TFL_MODELS_MAX; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		tfl_dirty_mark(&dirty, name, i);
	}
	tfl_dirty_mark(&dirty, "", 1);
	for (unsigned i = 0; i < TFL_MODELS_MAX; i++)
		ck_assert(tfl_dirty_take(&dirty, 99999, &mark) && mark.model[0]);
	ck_assert(tfl_dirty_take(&dirty, 99999, &mark) && !mark.model[0]);
	ck_assert(!tfl_dirty_take(&dirty, 99999, &mark));
}
END_TEST

START_TEST(renames_are_remembered_as_far_as_there_is_room)
{
	struct tfl_dirty_mark *it = tfl_dirty_mark(&dirty, "m", 1);

	tfl_dirty_moved(it, 1000);
	for (uint64_t number = 1; number <= 2 * TFL_VERSIONS_MAX; number++)
		tfl_dirty_moved(it, number);
	tfl_dirty_moved(it, 1);
	/* The greatest of them. */
	ck_assert(tfl_dirty_has_moved(it, 1000) && tfl_dirty_has_moved(it, 2 * TFL_VERSIONS_MAX) && tfl_dirty_has_moved(it, TFL_VERSIONS_MAX + 2));
	ck_assert(!tfl_dirty_has_moved(it, TFL_VERSIONS_MAX + 1) && !tfl_dirty_has_moved(it, 1));
	tfl_dirty_not_moved(it, 1000);
	tfl_dirty_not_moved(it, 1000);
	ck_assert(!tfl_dirty_has_moved(it, 1000) && tfl_dirty_has_moved(it, 2 * TFL_VERSIONS_MAX));
	ck_assert_uint_eq(it->count, TFL_VERSIONS_MAX - 1);
}
END_TEST

static void begin_dirty(void)
{
	dirty.count = 0;
}

Suite *reconcile_suite(void)
{
	Suite *suite = suite_create("reconcile");
	TCase *steps_case = tcase_create("steps"), *when = tcase_create("when");

	tcase_add_checked_fixture(steps_case, setup, teardown);
	tcase_add_test(steps_case, what_comes_complete_is_loaded);
	tcase_add_test(steps_case, what_a_new_models_state_names_is_loaded);
	tcase_add_test(steps_case, what_is_refused_is_tried_again_when_it_changes);
	tcase_add_test(steps_case, the_operators_decision_stands);
	tcase_add_test(steps_case, the_policy_counts_what_can_serve);
	tcase_add_test(steps_case, what_the_policy_does_not_want_goes_when_another_one_is_there);
	tcase_add_test(steps_case, folders_that_go);
	tcase_add_test(steps_case, a_wrong_configuration_changes_nothing_that_is_loaded);
	tcase_add_checked_fixture(when, begin_dirty, NULL);
	tcase_add_test(when, a_burst_is_looked_at_once);
	tcase_add_test(when, too_many_models_are_all_of_them);
	tcase_add_test(when, renames_are_remembered_as_far_as_there_is_room);
	suite_add_tcase(suite, steps_case);
	suite_add_tcase(suite, when);
	return suite;
}
