/* SPDX-License-Identifier: MIT */
/*
 * Labels of versions: the list alone, in the registry, in a state's text, and through the loader, where what stands on disk has to be
 * what the registry says, whatever else happens to the version.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "daemon/changes.h"
#include "daemon/manifest.h"
#include "daemon/version_labels.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

/* ---- The list ---- */

static uint64_t find(const struct tfl_version_labels *labels, const char *name)
{
	return tfl_version_labels_find(labels, name, strlen(name));
}

START_TEST(a_list_of_labels)
{
	struct tfl_version_labels labels = {0}, other = {0};

	ck_assert_int_eq(tfl_version_labels_set(&labels, "stable", 1), 0);
	ck_assert_int_eq(tfl_version_labels_set(&labels, "canary", 2), 0);
	ck_assert_int_eq(tfl_version_labels_set(&labels, "canary2", 2), 0);
	ck_assert_uint_eq(find(&labels, "stable"), 1);
	ck_assert_uint_eq(find(&labels, "canary"), 2);
	ck_assert_uint_eq(find(&labels, "canar"), 0);
	ck_assert_uint_eq(find(&labels, "canary22"), 0);
	ck_assert_uint_eq(tfl_version_labels_find(&labels, "canary22", 7), 2);
	ck_assert_uint_eq(find(&labels, ""), 0);
	ck_assert(tfl_version_labels_has(&labels, 2) && !tfl_version_labels_has(&labels, 3));
	ck_assert_int_eq(tfl_version_labels_set(&labels, "canary", 1), 0);
	ck_assert_uint_eq(labels.count, 3);
	tfl_version_labels_drop(&labels, 1);
	ck_assert_uint_eq(labels.count, 1);
	ck_assert_str_eq(labels.list[0].name, "canary2");
	/* The same labels are the same bytes, on whatever way they came. */
	ck_assert_int_eq(tfl_version_labels_set(&other, "canary2", 2), 0);
	ck_assert_int_eq(memcmp(&labels, &other, sizeof(labels)), 0);
	tfl_version_labels_remove(&labels, "x");
	tfl_version_labels_remove(&labels, "canary2");
	ck_assert_uint_eq(labels.count, 0);
}
END_TEST

START_TEST(no_more_labels_than_there_may_be)
{
	struct tfl_version_labels labels = {0};
	char name[8];

	for (unsigned i = TFL_VERSION_LABELS_MAX; i > 0; i--) {
		snprintf(name, sizeof(name), "l%u", i);
		ck_assert_int_eq(tfl_version_labels_set(&labels, name, i), 0);
	}
	ck_assert_int_eq(tfl_version_labels_set(&labels, "more", 1), -ENOSPC);
	ck_assert_int_eq(tfl_version_labels_set(&labels, "l3", 1), 0); /* it moves */
	for (unsigned i = 1; i < labels.count; i++)
		ck_assert_int_lt(strcmp(labels.list[i - 1].name, labels.list[i].name), 0);
	ck_assert_uint_eq(find(&labels, "l3"), 1);
	ck_assert_uint_eq(find(&labels, "l8"), 8);
}
END_TEST

/* ---- In a state ---- */

static const struct {
	const char *lines, *refused; /* "": it is right */
	unsigned count;
} texts[] = {
	{"", "", 0},
	{"canary = 2\nstable = 1\n", "", 2},
	{"stable = 1\ncanary = 1\n", "", 2},
	{"canary = 0\n", "canary = '0', expected the number of a version", 0},
	{"canary = two\n", "canary = 'two', expected the number of a version", 0},
	{"12 = 2\n", "'12' is no label", 0},
	{"-x = 2\n", "'-x' is no label", 0},
	{"canary = 1\ncanary = 2\n", "label 'canary' was there already", 0},
	{"a = 1\nb = 1\nc = 1\nd = 1\ne = 1\nf = 1\ng = 1\nh = 1\ni = 1\n", "more than 8 labels", 0},
};

START_TEST(labels_in_a_state)
{
	char text[TFL_MANIFEST_TEXT_MAX], again[TFL_MANIFEST_TEXT_MAX];
	struct tfl_state state, parsed;
	struct tfl_error error;
	size_t length;

	snprintf(text, sizeof(text), "[state]\nformat = 1\nactive = 1\n[labels]\n%s", texts[_i].lines);
	if (*texts[_i].refused) {
		ck_assert_int_eq(tfl_state_parse("state", text, strlen(text), &state, &error), -EINVAL);
		ck_assert_msg(strstr(error.text, texts[_i].refused), "%s", error.text);
		return;
	}
	ck_assert_msg(tfl_state_parse("state", text, strlen(text), &state, &error) == 0, "%s", error.text);
	ck_assert_uint_eq(state.labels.count, texts[_i].count);
	length = tfl_state_format(&state, text);
	ck_assert_int_eq(tfl_state_parse("state", text, length, &parsed, &error), 0);
	ck_assert_int_eq(memcmp(&parsed, &state, sizeof(state)), 0);
	ck_assert_uint_eq(tfl_state_format(&parsed, again), length);
}
END_TEST

static void fill_route(struct tfl_route *route)
{
	for (route->count = 0; route->count < TFL_ROUTE_SHARES_MAX; route->count++)
		route->shares[route->count] = (struct tfl_route_share){TFL_VERSION_MAX - route->count, TFL_ROUTE_WEIGHT_MAX};
	route->by = TFL_ROUTE_BY_MACHINE;
	route->shadow = TFL_VERSION_MAX - TFL_ROUTE_SHARES_MAX;
	memset(route->salt, 's', TFL_ROUTE_SALT_MAX);
}

/* The fullest state there can be is one that can be read. */
START_TEST(a_full_state_fits)
{
	_tfl_free_ struct tfl_state *state = calloc(1, sizeof(*state));
	char text[TFL_MANIFEST_TEXT_MAX], name[TFL_LABEL_MAX + 1], note[TFL_STATE_NOTE_MAX];
	_tfl_free_ struct tfl_state *parsed = calloc(1, sizeof(*parsed));
	struct tfl_error error;
	size_t length;

	state->active = TFL_VERSION_MAX;
	memset(name, 'x', TFL_LABEL_MAX);
	name[TFL_LABEL_MAX] = '\0';
	memset(note, 'n', sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	for (unsigned i = 0; i < TFL_VERSION_LABELS_MAX; i++) {
		name[0] = (char)('a' + i);
		ck_assert_int_eq(tfl_version_labels_set(&state->labels, name, TFL_VERSION_MAX - i), 0);
	}
	for (unsigned i = 0; i < TFL_VERSIONS_MAX; i++) {
		ck_assert_int_eq(tfl_state_set_unloaded(state, TFL_VERSION_MAX - i, note), 0);
		ck_assert_int_eq(tfl_state_set_rejected(state, TFL_VERSION_MAX - i, note), 0);
	}
	for (unsigned i = TFL_PREVIOUS_MAX; i > 0; i--)
		tfl_previous_push(&state->previous, TFL_VERSION_MAX - i);
	fill_route(&state->route);
	state->routed = true;
	state->trial = (struct tfl_state_trial){TFL_VERSION_MAX, TFL_VERSION_MAX, TFL_VERSION_MAX - 1, TFL_VERSION_MAX, TFL_VERSION_MAX};
	length = tfl_state_format(state, text);
	ck_assert_uint_lt(length, TFL_MANIFEST_TEXT_MAX);
	ck_assert_msg(tfl_state_parse("state", text, length, parsed, &error) == 0, "%s", error.text);
	ck_assert_int_eq(memcmp(parsed, state, sizeof(*state)), 0);
}
END_TEST

/* ---- Through the loader ---- */

static int label(const char *name, uint64_t number)
{
	int result = tfl_loader_label(loading.loader, loading_find("m", number), name, 1000, loading_on_done, &loading.last,
				      &loading.error);

	if (result < 0)
		return result;
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

static int unlabel(const char *name)
{
	int result = tfl_loader_unlabel(loading.loader, "m", name, 1000, loading_on_done, &loading.last, &loading.error);

	if (result < 0)
		return result;
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

/* What a label stands for, 0 for none. */
static uint64_t labelled(const char *name)
{
	struct tfl_version *version;

	return tfl_registry_find_label(loading.registry, "m", 1, name, strlen(name), &version, &loading.error) < 0 ? 0 : version->number;
}

/* On disk. */
static uint64_t remembered(const char *name)
{
	struct tfl_state state;

	loading_flush();
	ck_assert_int_eq(tfl_store_read_state(loading.store, "m", &state, &loading.error), 0);
	return find(&state.labels, name);
}

static void load_three(void)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_must_load("m", 0, "a.tflite");
}

START_TEST(a_label_survives_a_restart)
{
	load_three();
	ck_assert_int_eq(label("canary", 2), 0);
	ck_assert_ptr_eq(loading.last.version, loading_find("m", 2));
	ck_assert_uint_eq(remembered("canary"), 2);
	ck_assert_int_eq(label("stable", 1), 0);
	loading_restart();
	ck_assert_uint_eq(labelled("canary"), 2);
	ck_assert_uint_eq(labelled("stable"), 1);
	ck_assert_int_eq(label("canary", 3), 0);
	ck_assert_int_eq(unlabel("stable"), 0);
	loading_restart();
	ck_assert_uint_eq(labelled("canary"), 3);
	ck_assert_uint_eq(labelled("stable"), 0);
	ck_assert_uint_eq(loading_active("m"), 1);
}
END_TEST

START_TEST(what_is_no_label_or_not_available_is_refused)
{
	load_three();
	ck_assert_int_eq(label("12", 1), -EINVAL);
	ck_assert_msg(strstr(loading.error.text, "'12' is no label"), "%s", loading.error.text);
	ck_assert_int_eq(unlabel("canary"), -ENOENT);
	ck_assert_str_eq(loading.error.text, "model 'm' has no version with the label 'canary', nor with any other");
	ck_assert_int_eq(label("canary", 2), 0);
	ck_assert_int_eq(unlabel("canar\xc3"), -ENOENT);
	ck_assert_str_eq(loading.error.text, "model 'm' has no version with the label 'canar?'; labels here: canary (version 2)");
	ck_assert_int_eq(loading_unload("m", 3, false), 0);
	ck_assert_int_eq(label("canary", 3), -EAGAIN);
	ck_assert_msg(strstr(loading.error.text, "version 3 of 'm' is END: unloaded 20"), "%s", loading.error.text);
	ck_assert_uint_eq(labelled("canary"), 2);
	for (unsigned i = 1; i < TFL_VERSION_LABELS_MAX; i++)
		ck_assert_int_eq(label((char[]){'l', (char)('0' + i), '\0'}, 1), 0);
	ck_assert_int_eq(label("more", 1), -ENOSPC);
	ck_assert_int_eq(label("canary", 1), 0);
}
END_TEST

START_TEST(a_label_stays_with_an_unloaded_version_and_goes_with_an_erased_one)
{
	struct tfl_version *version;

	load_three();
	ck_assert_int_eq(label("canary", 2), 0);
	ck_assert_int_eq(label("other", 3), 0);
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	loading_restart();
	ck_assert_uint_eq(labelled("canary"), 2);
	ck_assert_int_eq(tfl_registry_route(loading.registry, "m", 1, 2, &version, &loading.error), -EAGAIN);
	/* That it loses a label does not make it a version that is loaded. */
	ck_assert_int_eq(unlabel("canary"), 0);
	loading_restart();
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_END);
	ck_assert_uint_eq(labelled("canary"), 0);
	ck_assert_uint_eq(labelled("other"), 3);
	ck_assert_int_eq(loading_unload("m", 3, true), 0);
	ck_assert_uint_eq(labelled("other"), 0);
	ck_assert_uint_eq(remembered("other"), 0);
	loading_restart();
	loading_must_load("m", 3, "b.tflite");
	ck_assert_uint_eq(labelled("other"), 0);
}
END_TEST

/* What is written down while it is on its way out says nothing of its labels either. */
START_TEST(an_erasure_on_the_way_takes_its_labels_along)
{
	struct outcome erased = {0}, moved = {0};

	load_three();
	ck_assert_int_eq(label("canary", 2), 0);
	ck_assert_int_eq(loading_begin_unload("m", 2, true, &erased), 0);
	ck_assert_int_eq(tfl_loader_label(loading.loader, loading_find("m", 3), "other", 1000, loading_on_done, &moved, &loading.error), 0);
	loading_wait_for(&erased, 1);
	loading_wait_for(&moved, 1);
	ck_assert_uint_eq(remembered("canary"), 0);
	ck_assert_uint_eq(remembered("other"), 3);
	ck_assert_uint_eq(labelled("canary"), 0);
}
END_TEST

START_TEST(a_labelled_version_is_loaded_whatever_the_policy_says)
{
	load_three();
	ck_assert_int_eq(label("canary", 2), 0);
	file_write_text("models/m/model.conf", "[model]\nversions = latest\n");
	loading_watch();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE); /* the active one */
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(label("canary", 3), 0);
	loading_look();
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_END);
	ck_assert_int_eq(loading_find("m", 2)->end, TFL_END_LEFT_OUT);
	ck_assert_int_eq(label("canary", 2), -EAGAIN);
	/* One whose folder has gone has lost it, in whatever way. */
	ck_assert_int_eq(rename("models/m/3", "3"), 0);
	ck_assert_int_eq(loading_unload("m", 3, false), 0);
	loading_look();
	ck_assert_uint_eq(remembered("canary"), 0);
}
END_TEST

START_TEST(a_labelled_version_makes_no_room)
{
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(label("stable", 1), 0);
	file_write_text("models/m/model.conf", "[model]\nauto_swap = yes\ntransition = resource\n");
	loading_watch();
	loading_must_load("m", 0, "b.tflite");
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
}
END_TEST

Suite *version_labels_suite(void)
{
	Suite *suite = suite_create("version_labels");
	TCase *tcase = tcase_create("plain");

	tcase_add_test(tcase, a_list_of_labels);
	tcase_add_test(tcase, no_more_labels_than_there_may_be);
	tcase_add_loop_test(tcase, labels_in_a_state, 0, TFL_ARRAY_SIZE(texts));
	tcase_add_test(tcase, a_full_state_fits);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("loader");
	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_label_survives_a_restart);
	tcase_add_test(tcase, what_is_no_label_or_not_available_is_refused);
	tcase_add_test(tcase, a_label_stays_with_an_unloaded_version_and_goes_with_an_erased_one);
	tcase_add_test(tcase, an_erasure_on_the_way_takes_its_labels_along);
	tcase_add_test(tcase, a_labelled_version_is_loaded_whatever_the_policy_says);
	tcase_add_test(tcase, a_labelled_version_makes_no_room);
	suite_add_tcase(suite, tcase);
	return suite;
}
