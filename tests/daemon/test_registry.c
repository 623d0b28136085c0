/* SPDX-License-Identifier: MIT */
/*
 * Which version serves, through every way a version can come, change and go; the sentences for what cannot be served; the limits.
 * Versions here are empty: the registry never looks inside.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/registry.h"
#include "tests/daemon/suites.h"

static struct tfl_registry *registry;
static struct tfl_error error;
static unsigned retired;

static void setup(void)
{
	ck_assert_int_eq(tfl_registry_create(&registry), 0);
}

static void teardown(void)
{
	tfl_registry_destroy(registry);
	tfl_registry_destroy(NULL);
}

static void count_retired(void *data, struct tfl_version *version)
{
	retired++;
	tfl_version_destroy(version);
}

/* A listed version of which the registry holds the only reference. */
static struct tfl_version *add(const char *name, uint64_t number, enum tfl_version_state state)
{
	struct tfl_version *version;

	ck_assert_int_eq(tfl_version_create(name, number, count_retired, NULL, &version), 0);
	version->state = state;
	ck_assert_msg(tfl_registry_add(registry, version, &error) == 0, "%s", error.text);
	tfl_version_unref(version);
	return version;
}

static void set(struct tfl_version *version, enum tfl_version_state state)
{
	tfl_registry_set_state(registry, version, state, "", 1);
}

static uint64_t active(const char *name)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, name, strlen(name));

	ck_assert_ptr_nonnull(model);
	return model->active ? model->active->number : 0;
}

static int route(const char *name, uint64_t number, struct tfl_version **ret_version)
{
	return tfl_registry_route(registry, name, strlen(name), number, ret_version, &error);
}

START_TEST(models_and_versions_are_sorted)
{
	static const char *const names[] = { "m", "digits", "z", "a", "digit", "digits2" };
	static const char *const sorted[] = { "a", "digit", "digits", "digits2", "m", "z" };
	const struct tfl_registry_model *models;
	unsigned count;

	for (unsigned i = 0; i < 6; i++)
		add(names[i], 1, TFL_VERSION_START);
	add("m", UINT64_C(20250101120000), TFL_VERSION_START);
	add("m", 10, TFL_VERSION_START);
	models = tfl_registry_models(registry, &count);
	ck_assert_uint_eq(count, 6);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_str_eq(models[i].name, sorted[i]);
		ck_assert_ptr_eq(tfl_registry_find(registry, sorted[i], strlen(sorted[i])), &models[i]);
	}
	ck_assert_uint_eq(models[4].version_count, 3);
	ck_assert_uint_eq(models[4].versions[0]->number, 1);
	ck_assert_uint_eq(models[4].versions[1]->number, 10);
	ck_assert_uint_eq(models[4].versions[2]->number, UINT64_C(20250101120000));
}
END_TEST

START_TEST(a_name_is_found_by_all_its_bytes)
{
	add("digits", 1, TFL_VERSION_AVAILABLE);
	ck_assert_ptr_nonnull(tfl_registry_find(registry, "digitsX", 6));
	ck_assert_ptr_null(tfl_registry_find(registry, "digits", 5));
	ck_assert_ptr_null(tfl_registry_find(registry, "digits\0", 7));
	ck_assert_ptr_null(tfl_registry_find(registry, "digits\0\0x", 9));
	ck_assert_ptr_null(tfl_registry_find(registry, "", 0));
}
END_TEST

START_TEST(the_first_available_version_is_active_and_stays)
{
	struct tfl_version *one = add("m", 1, TFL_VERSION_LOADING), *two = add("m", 2, TFL_VERSION_LOADING);

	ck_assert_uint_eq(active("m"), 0);
	set(one, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(active("m"), 1);
	set(two, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(active("m"), 1);
	add("m", 3, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(active("m"), 1);
}
END_TEST

START_TEST(when_the_active_one_goes_the_greatest_available_takes_over)
{
	struct tfl_version *two = add("m", 2, TFL_VERSION_AVAILABLE), *three = add("m", 3, TFL_VERSION_AVAILABLE);

	add("m", 1, TFL_VERSION_AVAILABLE);
	add("m", 4, TFL_VERSION_LOADING);
	add("m", 5, TFL_VERSION_END);
	ck_assert_uint_eq(active("m"), 2);
	set(two, TFL_VERSION_UNLOADING);
	ck_assert_uint_eq(active("m"), 3);
	/* Coming back, it is not active by itself. */
	set(two, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(active("m"), 3);
	tfl_registry_remove(registry, three);
	ck_assert_uint_eq(active("m"), 2);
	tfl_registry_remove(registry, two);
	ck_assert_uint_eq(active("m"), 1);
}
END_TEST

static const struct tfl_registry_model *model_of(const char *name)
{
	return tfl_registry_find(registry, name, strlen(name));
}

static uint64_t roll_back(const char *name)
{
	struct tfl_version *version = NULL;
	int r = tfl_registry_roll_back(registry, model_of(name), &version, &error);

	ck_assert((r == 0) == (version != NULL));
	return r == 0 ? version->number : 0;
}

START_TEST(a_swap_remembers_the_way_back)
{
	struct tfl_version *versions[5];

	for (unsigned i = 1; i < 5; i++)
		versions[i] = add("m", i, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(roll_back("m"), 0);
	ck_assert_str_eq(error.text, "no other version of 'm' was active before; swap to the one that shall serve");
	tfl_registry_activate(registry, versions[3]);
	tfl_registry_activate(registry, versions[3]);
	tfl_registry_activate(registry, versions[2]);
	tfl_registry_activate(registry, versions[4]);
	ck_assert_uint_eq(active("m"), 4);
	ck_assert_uint_eq(model_of("m")->previous.count, 3);
	ck_assert_uint_eq(roll_back("m"), 2);
	ck_assert_uint_eq(active("m"), 2);
	ck_assert_uint_eq(roll_back("m"), 3);
	ck_assert_uint_eq(roll_back("m"), 1);
	ck_assert_uint_eq(roll_back("m"), 0);
	ck_assert_uint_eq(active("m"), 1);
}
END_TEST

START_TEST(the_way_back_must_be_available)
{
	struct tfl_version *one = add("m", 1, TFL_VERSION_AVAILABLE), *two = add("m", 2, TFL_VERSION_AVAILABLE);

	add("m", 3, TFL_VERSION_AVAILABLE);
	tfl_registry_activate(registry, two);
	tfl_registry_set_state(registry, one, TFL_VERSION_END, "unloaded", 1);
	ck_assert_uint_eq(roll_back("m"), 0);
	ck_assert_str_eq(error.text, "version 1 of 'm' is END: unloaded");
	ck_assert_uint_eq(active("m"), 2);
	set(one, TFL_VERSION_AVAILABLE);
	/* The one before takes over, not the greatest. */
	set(two, TFL_VERSION_UNLOADING);
	ck_assert_uint_eq(active("m"), 1);
	ck_assert_uint_eq(model_of("m")->previous.count, 0);
	set(two, TFL_VERSION_AVAILABLE);
	tfl_registry_activate(registry, two);
	tfl_registry_remove(registry, one);
	ck_assert_uint_eq(roll_back("m"), 0);
	ck_assert_uint_eq(active("m"), 2);
}
END_TEST

START_TEST(the_way_back_is_restored_as_far_as_it_is_listed)
{
	const struct tfl_previous stored = { { 9, 2, 7, 1 }, 4 };

	add("m", 1, TFL_VERSION_LOADING);
	set(add("m", 3, TFL_VERSION_LOADING), TFL_VERSION_AVAILABLE);
	set(add("m", 2, TFL_VERSION_LOADING), TFL_VERSION_AVAILABLE);
	tfl_registry_set_previous(registry, "m", &stored);
	tfl_registry_set_previous(registry, "n", &stored);
	ck_assert_uint_eq(model_of("m")->previous.count, 2);
	ck_assert_uint_eq(roll_back("m"), 2);
}
END_TEST

/* Against a list that grows without end. */
START_TEST(previous_versions_are_kept_in_order)
{
	struct tfl_previous previous = { .count = 0 };
	uint64_t list[64];
	unsigned count = 0, random = 3;

	for (unsigned round = 0; round < 20000; round++) {
		uint64_t number = 1 + (random = random * 1103515245u + 12345u) / 65536 % 12;
		unsigned at = 0, kept;

		while (at < count && list[at] != number)
			at++;
		if (at < count)
			memmove(&list[at], &list[at + 1], (--count - at) * sizeof(list[0]));
		if (random >> 20 & 1) {
			tfl_previous_drop(&previous, number);
		} else {
			tfl_previous_push(&previous, number);
			memmove(&list[1], &list[0], count++ * sizeof(list[0]));
			list[0] = number;
		}
		kept = count < TFL_PREVIOUS_MAX ? count : TFL_PREVIOUS_MAX;
		count = kept; /* what was forgotten does not come back */
		ck_assert_uint_eq(previous.count, kept);
		ck_assert_mem_eq(previous.numbers, list, kept * sizeof(list[0]));
		for (unsigned i = 0; i < kept; i++)
			ck_assert_uint_eq(tfl_previous_find(&previous, list[i]), i + 1);
	}
}
END_TEST

START_TEST(every_change_of_state_keeps_active_available)
{
	struct tfl_version *versions[4];
	unsigned state = 7;

	for (unsigned i = 0; i < 4; i++)
		versions[i] = add("m", i + 1, TFL_VERSION_START);
	for (unsigned round = 0; round < 5000; round++) {
		uint64_t before = active("m"), greatest = 0, after;

		state = state * 1103515245u + 12345u;
		set(versions[(state >> 16) % 4], (enum tfl_version_state)((state >> 20) % 5));
		after = active("m");
		for (unsigned i = 0; i < 4; i++)
			if (versions[i]->state == TFL_VERSION_AVAILABLE)
				greatest = i + 1;
		if (before && versions[before - 1]->state == TFL_VERSION_AVAILABLE)
			ck_assert_uint_eq(after, before);
		else
			ck_assert_uint_eq(after, greatest);
	}
}
END_TEST

START_TEST(routes_to_the_active_or_the_asked_one)
{
	struct tfl_version *two = add("m", 2, TFL_VERSION_AVAILABLE), *one = add("m", 1, TFL_VERSION_AVAILABLE), *got = NULL;

	ck_assert_int_eq(route("m", 0, &got), 0);
	ck_assert_ptr_eq(got, two);
	ck_assert_int_eq(route("m", 1, &got), 0);
	ck_assert_ptr_eq(got, one);
}
END_TEST

START_TEST(an_unknown_model_is_told_with_those_there_are)
{
	struct tfl_version *got = (void *)1;

	ck_assert_int_eq(route("digts", 0, &got), -ENOENT);
	ck_assert_str_eq(error.text, "there is no model 'digts', nor any other yet");
	add("mobilenet", 1, TFL_VERSION_AVAILABLE);
	add("digits", 1, TFL_VERSION_END);
	ck_assert_int_eq(route("digts", 0, &got), -ENOENT);
	ck_assert_str_eq(error.text, "there is no model 'digts'; models here: digits, mobilenet");
	ck_assert_ptr_eq(got, (void *)1);
}
END_TEST

START_TEST(a_hostile_name_is_quoted_harmlessly)
{
	struct tfl_version *got;
	char name[3000];

	memset(name, 'n', sizeof(name));
	memcpy(name, "a\n\x1b\xff\0b", 6);
	ck_assert_int_eq(tfl_registry_route(registry, name, sizeof(name), 0, &got, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error.text, "'a????bnnn"));
	ck_assert_ptr_nonnull(strstr(error.text, "n...'"));
	ck_assert_int_lt(strlen(error.text), 120);
}
END_TEST

START_TEST(many_models_are_listed_as_far_as_they_fit)
{
	struct tfl_version *got;
	char name[32];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "model-%03u", i);
		add(name, 1, TFL_VERSION_AVAILABLE);
	}
	ck_assert_int_eq(route("x", 0, &got), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error.text, "models here: model-000, model-001, "));
	ck_assert_ptr_nonnull(strstr(error.text, " and 79 more"));
}
END_TEST

START_TEST(an_unknown_version_is_told_with_those_there_are)
{
	struct tfl_version *got;

	add("m", 1, TFL_VERSION_AVAILABLE);
	add("m", 2, TFL_VERSION_AVAILABLE);
	add("m", 3, TFL_VERSION_END);
	ck_assert_int_eq(route("m", 9, &got), -ENOENT);
	ck_assert_str_eq(error.text, "model 'm' has no version 9; versions here: 1 (active), 2, 3 END");
}
END_TEST

START_TEST(what_is_not_available_is_told_with_its_reason)
{
	struct tfl_version *one = add("m", 1, TFL_VERSION_LOADING), *got = (void *)1;

	ck_assert_int_eq(route("m", 0, &got), -EAGAIN);
	ck_assert_str_eq(error.text, "version 1 of 'm' is LOADING");
	tfl_registry_set_state(registry, one, TFL_VERSION_END, "operator 5 (FOO) is not supported", 1234);
	ck_assert_int_eq(route("m", 0, &got), -EAGAIN);
	ck_assert_str_eq(error.text, "version 1 of 'm' is END: operator 5 (FOO) is not supported");
	ck_assert_int_eq(one->since, 1234);
	add("m", 2, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(route("m", 1, &got), -EAGAIN);
	ck_assert_ptr_eq(got, (void *)1);
	ck_assert_int_eq(route("m", 0, &got), 0);
}
END_TEST

START_TEST(numbers_are_taken_once)
{
	struct tfl_version *again;

	add("m", 1, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(tfl_version_create("m", 1, count_retired, NULL, &again), 0);
	ck_assert_int_eq(tfl_registry_add(registry, again, &error), -EEXIST);
	ck_assert_str_eq(error.text, "version 1 of 'm' is there already, in state AVAILABLE");
	tfl_version_unref(again);
	ck_assert_uint_eq(retired, 1);
}
END_TEST

START_TEST(limits_hold)
{
	struct tfl_version *more;
	char name[32];

	for (unsigned i = 0; i < TFL_VERSIONS_MAX; i++)
		add("m", i + 1, TFL_VERSION_START);
	ck_assert_int_eq(tfl_version_create("m", 1000, NULL, NULL, &more), 0);
	ck_assert_int_eq(tfl_registry_add(registry, more, &error), -ENOSPC);
	tfl_version_unref(more);
	for (unsigned i = 1; i < TFL_MODELS_MAX; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		add(name, 1, TFL_VERSION_START);
	}
	ck_assert_int_eq(tfl_version_create("one-more", 1, NULL, NULL, &more), 0);
	ck_assert_int_eq(tfl_registry_add(registry, more, &error), -ENOSPC);
	tfl_version_unref(more);
	ck_assert_ptr_null(tfl_registry_find(registry, "one-more", 8));
}
END_TEST

START_TEST(a_version_takes_the_place_of_another)
{
	struct tfl_version *one = add("m", 1, TFL_VERSION_AVAILABLE), *other;

	add("m", 2, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(tfl_version_create("m", 1, count_retired, NULL, &other), 0);
	tfl_registry_replace(registry, one, other);
	ck_assert_uint_eq(retired, 1);
	ck_assert_ptr_eq(tfl_registry_find_version(tfl_registry_find(registry, "m", 1), 1), other);
	/* It is in state START, so it cannot be active. */
	ck_assert_uint_eq(active("m"), 2);
	tfl_version_unref(other);
	ck_assert_uint_eq(retired, 1);
	set(other, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(active("m"), 2);
}
END_TEST

static const struct tfl_version *left[4];
static unsigned left_count;

/* It still has its reference, and is not listed. */
static void note_left(void *data, const struct tfl_version *version)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, version->model_name, strlen(version->model_name));

	ck_assert_ptr_eq(data, &left);
	ck_assert(!model || tfl_registry_find_version(model, version->number) != version);
	ck_assert_uint_gt(atomic_load(&version->refs), 0);
	left[left_count++] = version;
}

START_TEST(who_watches_is_told_what_leaves)
{
	struct tfl_version *one = add("m", 1, TFL_VERSION_AVAILABLE), *two = add("m", 2, TFL_VERSION_AVAILABLE), *other;

	tfl_registry_watch(registry, note_left, &left);
	set(one, TFL_VERSION_UNLOADING);
	ck_assert_uint_eq(left_count, 0);
	ck_assert_int_eq(tfl_version_create("m", 1, count_retired, NULL, &other), 0);
	tfl_registry_replace(registry, one, other);
	tfl_version_unref(other);
	ck_assert_uint_eq(left_count, 1);
	ck_assert_ptr_eq(left[0], one);
	tfl_registry_remove(registry, two);
	tfl_registry_remove(registry, other);
	ck_assert_uint_eq(left_count, 3);
	ck_assert_ptr_eq(left[2], other);
	ck_assert_uint_eq(retired, 3);
}
END_TEST

START_TEST(a_model_goes_with_its_last_version)
{
	struct tfl_version *a = add("a", 1, TFL_VERSION_AVAILABLE), *b = add("b", 1, TFL_VERSION_AVAILABLE);
	struct tfl_version *got;
	unsigned count;

	add("c", 1, TFL_VERSION_AVAILABLE);
	tfl_registry_remove(registry, a);
	ck_assert_uint_eq(retired, 1);
	tfl_registry_models(registry, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(route("a", 0, &got), -ENOENT);
	ck_assert_int_eq(route("b", 0, &got), 0);
	ck_assert_ptr_eq(got, b);
	ck_assert_int_eq(route("c", 0, &got), 0);
}
END_TEST

START_TEST(a_request_keeps_a_removed_version_alive)
{
	struct tfl_version *version = add("m", 1, TFL_VERSION_AVAILABLE), *held = NULL;

	ck_assert_int_eq(route("m", 0, &held), 0);
	tfl_version_ref(held);
	tfl_registry_remove(registry, version);
	ck_assert_uint_eq(retired, 0);
	ck_assert_str_eq(held->model_name, "m");
	tfl_version_unref(held);
	ck_assert_uint_eq(retired, 1);
}
END_TEST

START_TEST(destroying_lets_everything_go)
{
	struct tfl_registry *other = registry;

	add("m", 1, TFL_VERSION_AVAILABLE);
	add("m", 2, TFL_VERSION_END);
	add("n", 1, TFL_VERSION_LOADING);
	registry = NULL;
	tfl_registry_destroy(other);
	ck_assert_uint_eq(retired, 3);
}
END_TEST

START_TEST(a_version_needs_a_name_that_a_model_can_have)
{
	static const char *const names[] = { "", "../x", ".hidden", "a/b", "a b", "-x",
					     "0123456789012345678901234567890123456789012345678901234567890123x" };
	struct tfl_version *version = (void *)1;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(tfl_version_create(names[i], 1, NULL, NULL, &version), -EINVAL);
	ck_assert_ptr_eq(version, (void *)1);
	tfl_version_unref(NULL);
	tfl_version_destroy(NULL);
}
END_TEST

Suite *registry_suite(void)
{
	Suite *suite = suite_create("registry");
	TCase *tcase = tcase_create("registry");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, models_and_versions_are_sorted);
	tcase_add_test(tcase, a_name_is_found_by_all_its_bytes);
	tcase_add_test(tcase, the_first_available_version_is_active_and_stays);
	tcase_add_test(tcase, when_the_active_one_goes_the_greatest_available_takes_over);
	tcase_add_test(tcase, a_swap_remembers_the_way_back);
	tcase_add_test(tcase, the_way_back_must_be_available);
	tcase_add_test(tcase, the_way_back_is_restored_as_far_as_it_is_listed);
	tcase_add_test(tcase, previous_versions_are_kept_in_order);
	tcase_add_test(tcase, every_change_of_state_keeps_active_available);
	tcase_add_test(tcase, routes_to_the_active_or_the_asked_one);
	tcase_add_test(tcase, an_unknown_model_is_told_with_those_there_are);
	tcase_add_test(tcase, a_hostile_name_is_quoted_harmlessly);
	tcase_add_test(tcase, many_models_are_listed_as_far_as_they_fit);
	tcase_add_test(tcase, an_unknown_version_is_told_with_those_there_are);
	tcase_add_test(tcase, what_is_not_available_is_told_with_its_reason);
	tcase_add_test(tcase, numbers_are_taken_once);
	tcase_add_test(tcase, limits_hold);
	tcase_add_test(tcase, a_version_takes_the_place_of_another);
	tcase_add_test(tcase, who_watches_is_told_what_leaves);
	tcase_add_test(tcase, a_model_goes_with_its_last_version);
	tcase_add_test(tcase, a_request_keeps_a_removed_version_alive);
	tcase_add_test(tcase, destroying_lets_everything_go);
	tcase_add_test(tcase, a_version_needs_a_name_that_a_model_can_have);
	suite_add_tcase(suite, tcase);
	return suite;
}
