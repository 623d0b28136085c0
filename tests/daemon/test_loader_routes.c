/* SPDX-License-Identifier: MIT */
/*
 * Routes of models: which version the registry picks while versions come and go, what stands in a state, and who has a say: an operator,
 * model.conf, a rollback; before and after restarts.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "daemon/manifest.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

#define KEYS 2000

static struct tfl_route route_of(const char *text)
{
	struct tfl_route route = {.count = 0};

	ck_assert_msg(tfl_route_parse(text, &route, &loading.error) == 0, "%s", loading.error.text);
	return route;
}

static const struct tfl_registry_model *model(void)
{
	const struct tfl_registry_model *found = tfl_registry_find(loading.registry, "m", 1);

	ck_assert_ptr_nonnull(found);
	return found;
}

/* The version that serves key number @p i, 0 for none; without a key that of user @p i. */
static uint64_t pick(uint32_t i, bool keyed)
{
	const struct tfl_route_key key = {TFL_ROUTE_KEY_GIVEN, keyed ? &i : NULL, keyed ? sizeof(i) : 0};
	struct tfl_version *version;

	if (tfl_registry_pick(loading.registry, "m", 1, &key, keyed ? 1000 : i, &version, &loading.error) < 0)
		return 0;
	return version->number;
}

/* How many of KEYS keys a version gets. */
static unsigned count(uint64_t number, bool keyed)
{
	unsigned found = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		found += pick(i, keyed) == number;
	return found;
}

static int set(const struct tfl_route *route)
{
	int result = tfl_loader_route(loading.loader, model(), route, 1000, loading_on_done, &loading.last, &loading.error);

	if (result < 0)
		return result;
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

static int set_text(const char *text)
{
	const struct tfl_route route = route_of(text);

	return set(&route);
}

static const char *in_force(void)
{
	static char text[TFL_ROUTE_TEXT_MAX + 128];

	return tfl_route_say(tfl_registry_route_of(model()), text);
}

static void load_three(void)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_must_load("m", 0, "a.tflite");
}

START_TEST(requests_are_split_and_counted)
{
	unsigned second, by_user;
	struct tfl_route route;

	load_three();
	ck_assert_uint_eq(count(1, true), KEYS);
	ck_assert_int_eq(set_text("1=90 2=10"), 0);
	second = count(2, true);
	ck_assert_msg(second > KEYS / 14 && second < KEYS / 7, "%u", second);
	ck_assert_uint_eq(model()->routed[0] + model()->routed[1], KEYS);
	ck_assert_uint_eq(model()->routed[1], second);
	/* A shadow has no part in it. */
	route = *tfl_registry_route_of(model());
	route.shadow = 3;
	ck_assert_int_eq(set(&route), 0);
	ck_assert_uint_eq(model()->routed[1], second);
	/* With other weights it is counted anew. */
	ck_assert_int_eq(set_text("1=80 2=20"), 0);
	ck_assert_uint_eq(model()->routed[0] + model()->routed[1], 0);
	ck_assert_uint_gt(count(2, true), second);
	/* Users are other keys. */
	by_user = count(2, false);
	ck_assert_msg(by_user > KEYS / 7 && by_user < KEYS / 3, "%u", by_user);
}
END_TEST

START_TEST(a_device_is_one_key)
{
	static const uint8_t machine[TFL_MACHINE_BYTES] = {1, 2, 3};
	struct tfl_route route = route_of("1=50 2=50");
	uint64_t all;

	load_three();
	route.by = TFL_ROUTE_BY_MACHINE;
	ck_assert_int_eq(set(&route), -EINVAL);
	ck_assert_msg(strstr(loading.error.text, "this device has no id"), "%s", loading.error.text);
	/* Where model.conf asks for it, the active one serves. */
	tfl_registry_configure_route(loading.registry, "m", &route);
	ck_assert_uint_eq(count(1, true), KEYS);
	tfl_registry_set_machine(loading.registry, machine);
	all = pick(0, true);
	ck_assert_uint_eq(count(all, true), KEYS);
	ck_assert_uint_eq(count(all, false), KEYS);
	ck_assert_int_eq(set(&route), 0);
}
END_TEST

START_TEST(what_is_not_available_is_passed_over)
{
	load_three();
	ck_assert_int_eq(set_text("1=1 9=1"), -ENOENT);
	ck_assert_int_eq(loading_unload("m", 3, false), 0);
	ck_assert_int_eq(set_text("1=1 3=1"), -EAGAIN);
	ck_assert_msg(strstr(loading.error.text, "version 3 of 'm' is END and gets no requests: unloaded 20"), "%s", loading.error.text);
	ck_assert_str_eq(in_force(), "none");
	ck_assert_int_eq(set_text("1=50 2=50"), 0);
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_ROUTE));
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	ck_assert_uint_eq(count(1, true), KEYS);
	ck_assert_uint_eq(model()->passed_over + model()->routed[0], KEYS);
	ck_assert_uint_gt(model()->passed_over, KEYS / 3);
	ck_assert_msg(strstr(loading_condition(TFL_CONDITION_ROUTE), "the route names version 2, and the active one serves in its place, since "
							     "it is END: unloaded 20"),
		      "%s", loading_condition(TFL_CONDITION_ROUTE));
	ck_assert_int_eq(loading_unload("m", 2, true), 0);
	ck_assert_msg(strstr(loading_condition(TFL_CONDITION_ROUTE), "there is none of that number"), "%s",
		      loading_condition(TFL_CONDITION_ROUTE));
	loading_must_load("m", 2, "b.tflite");
	ck_assert_ptr_null(loading_condition(TFL_CONDITION_ROUTE));
	ck_assert_uint_gt(count(2, true), KEYS / 3);
	/* None serves. */
	for (uint64_t i = 1; i <= 2; i++)
		ck_assert_int_eq(loading_unload("m", i, false), 0);
	ck_assert_uint_eq(count(0, true), KEYS);
}
END_TEST

START_TEST(a_route_survives_a_restart)
{
	struct tfl_route route = route_of("1=70 2=30");
	uint64_t before[100];

	load_three();
	strcpy(route.salt, "spring");
	route.shadow = 3;
	ck_assert_int_eq(set(&route), 0);
	for (uint32_t i = 0; i < 100; i++)
		before[i] = pick(i, true);
	loading_restart();
	ck_assert_str_eq(in_force(), "1=70 2=30, salt 'spring', shadow 3");
	for (uint32_t i = 0; i < 100; i++)
		ck_assert_uint_eq(pick(i, true), before[i]);
	ck_assert_int_eq(set(NULL), 0);
	loading_restart();
	ck_assert_str_eq(in_force(), "none");
	ck_assert(!model()->is_chosen);
}
END_TEST

START_TEST(model_conf_has_the_second_word)
{
	load_three();
	file_write_text("models/m/model.conf", "[model]\nroute = 1=90 2=10\nroute_salt = fleet\n");
	loading_watch();
	ck_assert_str_eq(in_force(), "1=90 2=10, salt 'fleet'");
	ck_assert_int_eq(set_text("2=1"), 0);
	ck_assert_uint_eq(count(2, true), KEYS);
	/* It says something else, and still has the second word. */
	file_write_text("models/m/model.conf", "[model]\nroute = 3=1\n");
	loading_look();
	ck_assert_str_eq(in_force(), "2=1");
	ck_assert_int_eq(set(NULL), 0);
	ck_assert_uint_eq(count(3, true), KEYS);
	/* The operator may want none. */
	ck_assert_int_eq(set_text(""), 0);
	ck_assert_uint_eq(count(1, true), KEYS);
	loading_restart();
	ck_assert(model()->is_chosen);
	ck_assert_str_eq(in_force(), "none");
	ck_assert_int_eq(set(NULL), 0);
	ck_assert_str_eq(in_force(), "3=1");
}
END_TEST

START_TEST(a_route_of_model_conf_is_taken_at_once)
{
	load_three();
	loading_watch();
	ck_assert_str_eq(in_force(), "none");
	file_write_text("models/m/model.conf", "[model]\nroute = 1=1 2=1\n");
	loading_look();
	ck_assert_str_eq(in_force(), "1=1 2=1");
	file_write_text("models/m/model.conf", "[model]\nroute = 1=1 2=\n");
	loading_look();
	ck_assert_str_eq(in_force(), "1=1 2=1"); /* what cannot be read says nothing */
	file_write_text("models/m/model.conf", "[model]\n");
	loading_look();
	ck_assert_str_eq(in_force(), "none");
}
END_TEST

START_TEST(a_rollback_ends_a_route_and_a_swap_does_not)
{
	load_three();
	ck_assert_int_eq(set_text("1=50 2=50"), 0);
	ck_assert_int_eq(tfl_loader_swap(loading.loader, loading_find("m", 3), NULL, 1000, loading_on_done, &loading.last, &loading.error), 0);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	ck_assert_str_eq(in_force(), "1=50 2=50");
	ck_assert_uint_eq(count(3, true), 0);
	ck_assert_int_eq(tfl_loader_roll_back(loading.loader, "m", 1000, loading_on_done, &loading.last, &loading.error), 0);
	ck_assert_uint_eq(count(1, true), KEYS); /* already */
	loading_wait_for(&loading.last, loading.last.calls + 1);
	loading_restart();
	ck_assert_str_eq(in_force(), "none");
	ck_assert_uint_eq(loading_active("m"), 1);
}
END_TEST

START_TEST(a_rollback_is_stronger_than_model_conf)
{
	load_three();
	file_write_text("models/m/model.conf", "[model]\nroute = 1=50 2=50\nshadow = 2\n");
	loading_watch();
	ck_assert_int_eq(tfl_loader_swap(loading.loader, loading_find("m", 3), NULL, 1000, loading_on_done, &loading.last, &loading.error), 0);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	ck_assert_int_eq(tfl_loader_roll_back(loading.loader, "m", 1000, loading_on_done, &loading.last, &loading.error), 0);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	ck_assert_uint_eq(count(1, true), KEYS);
	ck_assert_str_eq(in_force(), "the active version answers, shadow 2");
	loading_restart();
	ck_assert_uint_eq(count(1, true), KEYS);
	ck_assert_int_eq(set(NULL), 0);
	ck_assert_str_eq(in_force(), "1=50 2=50, shadow 2");
}
END_TEST

START_TEST(what_a_route_names_is_loaded_whatever_the_policy_says)
{
	struct tfl_route route = route_of("1=90 2=10");

	load_three();
	loading_must_load("m", 0, "b.tflite");
	route.shadow = 3;
	ck_assert_int_eq(set(&route), 0);
	file_write_text("models/m/model.conf", "[model]\nversions = specific 4\n");
	loading_watch();
	for (uint64_t i = 1; i <= 4; i++)
		ck_assert_msg(loading_find("m", i)->state == TFL_VERSION_AVAILABLE, "version %u", (unsigned)i);
	ck_assert_int_eq(set(NULL), 0);
	loading_look();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE); /* the active one */
	ck_assert_int_eq(loading_find("m", 2)->end, TFL_END_LEFT_OUT);
	ck_assert_int_eq(loading_find("m", 3)->end, TFL_END_LEFT_OUT);
}
END_TEST

static const struct {
	const char *lines, *said; /* or, with a colon in front, what is wrong */
} texts[] = {
	{"", "none"},
	{"[route]\nversions = 1=90 2=10\n", "1=90 2=10"},
	{"[route]\nversions = 1=90 2=10\nversions = 3=1\n", "1=90 2=10 3=1"},
	{"[route]\nversions = 1=90\nversions = 1=10\n", ":versions: version 1 is there twice"},
	{"[route]\nversions =\nshadow = 3\n", "the active version answers, shadow 3"},
	{"[route]\nversions = 1=1\nsalt = s.1\nkey = machine-id\nshadow = 0\n", "1=1, salt 's.1', key machine-id"},
	{"[route]\nversions = 1=0\n", ":versions: '1=0' is no share"},
	{"[route]\nversions = 1=1\nsalt = a b\n", ":'a b' is no salt"},
	{"[route]\nversions = 1=1\nkey = uid\n", ":key = 'uid', expected request or machine-id"},
	{"[route]\nversions = 1=1\nshadow = x\n", ":shadow"},
};

START_TEST(routes_in_a_state)
{
	char text[TFL_MANIFEST_TEXT_MAX], again[TFL_MANIFEST_TEXT_MAX], said[TFL_ROUTE_TEXT_MAX + 128];
	struct tfl_state state, parsed;
	struct tfl_error error;
	size_t length;

	snprintf(text, sizeof(text), "[state]\nformat = 1\nactive = 1\n%s", texts[_i].lines);
	if (texts[_i].said[0] == ':') {
		ck_assert_int_eq(tfl_state_parse("state", text, strlen(text), &state, &error), -EINVAL);
		ck_assert_msg(strstr(error.text, texts[_i].said + 1), "%s", error.text);
		return;
	}
	ck_assert_msg(tfl_state_parse("state", text, strlen(text), &state, &error) == 0, "%s", error.text);
	ck_assert_str_eq(tfl_route_say(&state.route, said), texts[_i].said);
	ck_assert_int_eq(state.routed, texts[_i].lines[0] != '\0');
	length = tfl_state_format(&state, text);
	ck_assert_int_eq(tfl_state_parse("state", text, length, &parsed, &error), 0);
	ck_assert_int_eq(memcmp(&parsed, &state, sizeof(state)), 0);
	ck_assert_uint_eq(tfl_state_format(&parsed, again), length);
}
END_TEST

Suite *loader_routes_suite(void)
{
	Suite *suite = suite_create("loader_routes");
	TCase *tcase = tcase_create("loader_routes");

	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, requests_are_split_and_counted);
	tcase_add_test(tcase, a_device_is_one_key);
	tcase_add_test(tcase, what_is_not_available_is_passed_over);
	tcase_add_test(tcase, a_route_survives_a_restart);
	tcase_add_test(tcase, model_conf_has_the_second_word);
	tcase_add_test(tcase, a_route_of_model_conf_is_taken_at_once);
	tcase_add_test(tcase, a_rollback_ends_a_route_and_a_swap_does_not);
	tcase_add_test(tcase, a_rollback_is_stronger_than_model_conf);
	tcase_add_test(tcase, what_a_route_names_is_loaded_whatever_the_policy_says);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("state");
	tcase_add_loop_test(tcase, routes_in_a_state, 0, TFL_ARRAY_SIZE(texts));
	suite_add_tcase(suite, tcase);
	return suite;
}
