/* SPDX-License-Identifier: MIT */
/*
 * memory_limit with a real loader: what is refused, what is unloaded for what, and that what is used is always the sum of what is there. A
 * test makes the limit from what a version of its model takes: "2.5 of them".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

#define SLACK 256 /* what a version takes depends by some bytes on where malloc puts it */

static uint64_t one; /* bytes of a version */

/* Begins again over an empty store, with room for so many tenths of a version. */
static void limit(unsigned tenths, bool unload_idle)
{
	loading_must_load("m", 1, "a.tflite");
	one = loading_find("m", 1)->bytes;
	ck_assert_uint_gt(one, 10000);
	ck_assert_int_eq(loading_unload("m", 1, true), 0);
	loading_stop();
	loading.memory_limit = one * tenths / 10;
	loading.unload_idle = unload_idle;
	loading_start();
}

static void configure(const char *text)
{
	mkdir("models/m", 0755);
	file_write_text("models/m/model.conf", text);
}

static uint64_t used(void)
{
	return tfl_loader_memory(loading.loader).used;
}

/* "m@1* m@3 n@1*": what is AVAILABLE, and active. What is used is the sum of that. */
static const char *there(void)
{
	static char text[256];
	const struct tfl_registry_model *models;
	uint64_t sum = 0;
	unsigned count;

	text[0] = '\0';
	models = tfl_registry_models(loading.registry, &count);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; k < models[i].version_count; k++) {
			const struct tfl_version *version = models[i].versions[k];

			if (version->state != TFL_VERSION_AVAILABLE)
				continue;
			sum += version->bytes;
			sprintf(text + strlen(text), "%s%s@%" PRIu64 "%s", *text ? " " : "", models[i].name, version->number,
				version == models[i].active ? "*" : "");
		}
	}
	ck_assert_uint_eq(used(), sum);
	return text;
}

static void use(const char *model, uint64_t number, uint64_t at_ns)
{
	loading_find(model, number)->used_ns = at_ns;
}

START_TEST(what_does_not_fit_is_refused)
{
	limit(25, false);
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	ck_assert_int_eq(loading_load("m", 0, "a.tflite"), -ENOBUFS);
	ck_assert_msg(strstr(loading.last.text, "version 3 of 'm' needs ") && strstr(loading.last.text, "; unload m@2 (") &&
		      strstr(loading.last.text, "), now idle, or set unload_idle = yes"), "%s", loading.last.text);
	ck_assert_str_eq(there(), "m@1* m@2");
	ck_assert_ptr_null(loading_find("m", 3));
	ck_assert(!file_exists("models/m/3"));
	ck_assert_uint_eq(loading_staged(), 0);
	/* What it says helps. */
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	loading_must_load("m", 3, "a.tflite");
	ck_assert_str_eq(there(), "m@1* m@3");
	/* Another one that is asked for is refused alike, and stays what it was. */
	ck_assert_int_eq(tfl_loader_reload(loading.loader, loading_find("m", 2), 1000, loading_on_done, &loading.last, &loading.error), 0);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	ck_assert_int_eq(loading.last.code, -ENOBUFS);
	ck_assert_msg(strncmp(loading_find("m", 2)->reason, "unloaded 20", 11) == 0, "%s", loading_find("m", 2)->reason);
	ck_assert_int_eq(loading_find("m", 2)->end, TFL_END_UNLOADED);
}
END_TEST

/* Filled to the last bytes, and some bytes less. */
START_TEST(the_limit_is_exact)
{
	limit(20, false);
	loading_stop();
	loading.memory_limit += SLACK;
	loading_start();
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "a.tflite");
	ck_assert_uint_le(used(), loading.memory_limit);
	ck_assert_int_eq(loading_unload("m", 2, true), 0);
	loading_stop();
	loading.memory_limit -= 2 * SLACK;
	loading_start();
	loading_settle();
	ck_assert_int_eq(loading_load("m", 0, "a.tflite"), -ENOBUFS);
	ck_assert_str_eq(there(), "m@1*");
}
END_TEST

START_TEST(the_least_recently_used_makes_room)
{
	struct tfl_state state;

	limit(35, true);
	for (unsigned i = 0; i < 3; i++)
		loading_must_load("m", 0, "a.tflite");
	use("m", 2, 500);
	use("m", 3, 400);
	loading_must_load("n", 0, "b.tflite");
	ck_assert_str_eq(there(), "m@1* m@2 n@1*");
	ck_assert_int_eq(loading_find("m", 3)->state, TFL_VERSION_END);
	ck_assert_int_eq(loading_find("m", 3)->end, TFL_END_NO_ROOM);
	ck_assert_msg(strstr(loading_find("m", 3)->reason, " s and made room for version 1 of 'n' (unload_idle = yes)") != NULL, "%s",
		      loading_find("m", 3)->reason);
	/* It is nobody's decision. */
	ck_assert_int_eq(tfl_store_read_state(loading.store, "m", &state, &loading.error), 0);
	ck_assert_uint_eq(state.unloaded_count, 0);
	/* A later request changes the order; and what went comes back for whoever asks. */
	loading_must_load("n", 0, "a.tflite");
	ck_assert_str_eq(there(), "m@1* n@1* n@2");
	ck_assert_int_eq(tfl_loader_reload(loading.loader, loading_find("m", 3), 1000, loading_on_done, &loading.last, &loading.error), 0);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	ck_assert_int_eq(loading.last.code, 0);
	ck_assert_str_eq(there(), "m@1* m@3 n@1*");
}
END_TEST

/* At a start the active ones come first, then what fits, the greatest first; none goes for another. */
START_TEST(a_start_fills_what_there_is)
{
	limit(100, true);
	for (unsigned i = 0; i < 4; i++)
		loading_must_load("m", 0, "a.tflite");
	loading_must_load("n", 0, "a.tflite");
	loading_stop();
	loading.memory_limit = one * 35 / 10;
	loading_start();
	loading_settle();
	ck_assert_str_eq(there(), "m@1* m@4 n@1*");
	ck_assert_int_eq(loading_find("m", 3)->end, TFL_END_NO_ROOM);
	ck_assert_msg(strstr(loading_find("m", 3)->reason, "by itself it takes nobody's place, but tflctl load would unload m@4 (") != NULL,
		      "%s", loading_find("m", 3)->reason);
	loading_stop();
	loading.memory_limit = one * 15 / 10;
	loading_start();
	loading_settle();
	ck_assert_str_eq(there(), "m@1*");
	ck_assert_msg(strstr(loading_find("n", 1)->reason, "no other version is idle: raise memory_limit") != NULL, "%s",
		      loading_find("n", 1)->reason);
	loading_stop();
	loading.memory_limit = 0;
	loading_start();
	loading_settle();
	ck_assert_str_eq(there(), "m@1* m@2 m@3 m@4 n@1*");
}
END_TEST

static void set_label(uint64_t number, const char *label)
{
	int result = tfl_loader_label(loading.loader, loading_find("m", number), label, 1000, loading_on_done, &loading.last,
				      &loading.error);

	ck_assert_msg(result == 0, "%s", loading.error.text);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	ck_assert_int_eq(loading.last.code, 0);
}

/* What is asked for by a label is as good as active: it stays, and at a start it comes before others. */
START_TEST(a_label_keeps_its_place)
{
	limit(25, true);
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "a.tflite");
	set_label(2, "canary");
	ck_assert_int_eq(loading_load("m", 0, "a.tflite"), -ENOBUFS);
	ck_assert_msg(strstr(loading.last.text, "no other version is idle") != NULL, "%s", loading.last.text);
	loading_stop();
	loading.memory_limit = 0;
	loading_start();
	loading_settle();
	loading_must_load("a", 0, "a.tflite");
	loading_must_load("a", 0, "a.tflite");
	loading_must_load("m", 0, "a.tflite");
	loading_stop();
	loading.memory_limit = one * 35 / 10;
	loading_start();
	loading_settle();
	ck_assert_str_eq(there(), "a@1* m@1* m@2");
}
END_TEST

/* So is what a route sends requests to, or copies of them; until it does not any more. */
START_TEST(a_route_keeps_its_places)
{
	const struct tfl_route route = {.shares = {{1, 90}, {2, 10}}, .count = 2, .shadow = 3};

	limit(35, true);
	for (unsigned i = 0; i < 3; i++)
		loading_must_load("m", 0, "a.tflite");
	tfl_registry_choose_route(loading.registry, tfl_registry_find(loading.registry, "m", 1), &route);
	ck_assert_int_eq(loading_load("n", 0, "a.tflite"), -ENOBUFS);
	ck_assert_msg(strstr(loading.last.text, "no other version is idle") != NULL, "%s", loading.last.text);
	ck_assert_str_eq(there(), "m@1* m@2 m@3");
	tfl_registry_choose_route(loading.registry, tfl_registry_find(loading.registry, "m", 1), NULL);
	loading_must_load("n", 0, "a.tflite");
	ck_assert_str_eq(there(), "m@1* m@3 n@1*");
}
END_TEST

/* The active one, what a request runs on, and what was asked for against the policy. */
START_TEST(what_is_needed_stays)
{
	struct tfl_version *version;

	limit(25, true);
	configure("[model]\nversions = latest 1\n");
	loading_must_load("m", 2, "a.tflite");
	loading_must_load("m", 1, "a.tflite");
	ck_assert(loading_find("m", 1)->held);
	ck_assert_int_eq(loading_load("n", 0, "a.tflite"), -ENOBUFS);
	ck_assert_msg(strstr(loading.last.text, "no other version is idle"), "%s", loading.last.text);
	ck_assert_int_eq(loading_unload("m", 1, true), 0);
	loading_must_load("m", 3, "a.tflite");
	version = tfl_version_ref(loading_find("m", 3));
	ck_assert_int_eq(loading_load("n", 0, "a.tflite"), -ENOBUFS);
	ck_assert_str_eq(there(), "m@2* m@3");
	tfl_version_unref(version);
	loading_must_load("n", 0, "a.tflite");
	ck_assert_str_eq(there(), "m@2* n@1*");
}
END_TEST

START_TEST(the_way_back_goes_last)
{
	limit(35, true);
	for (unsigned i = 0; i < 3; i++)
		loading_must_load("m", 0, "a.tflite");
	tfl_registry_activate(loading.registry, loading_find("m", 2));
	use("m", 1, 1);
	use("m", 3, 2);
	loading_must_load("n", 0, "a.tflite");
	ck_assert_str_eq(there(), "m@1 m@2* n@1*");
	loading_must_load("n", 0, "a.tflite");
	ck_assert_str_eq(there(), "m@2* n@1* n@2");
}
END_TEST

/* Its interpreters alone are more than all that is idle: none of that goes, and what was built of it is freed. */
START_TEST(nothing_goes_in_vain)
{
	limit(25, true);
	for (unsigned i = 0; i < 2; i++)
		loading_must_load("n", 0, "a.tflite");
	configure("[model]\ninstances = 64\n");
	ck_assert_int_eq(loading_load("m", 0, "a.tflite"), -ENOBUFS);
	ck_assert_msg(strstr(loading.last.text, "; idle are only n@2 (") && strstr(loading.last.text, "raise memory_limit"), "%s",
		      loading.last.text);
	ck_assert_str_eq(there(), "n@1* n@2");
	ck_assert_uint_eq(loading_staged(), 0);
}
END_TEST

/* What went, and what found no room, stays out however often its folder is looked at, and no other one is loaded in its place. */
START_TEST(policy_and_limit_come_to_rest)
{
	limit(35, true);
	loading_watch();
	configure("[model]\nversions = latest 2\n");
	for (unsigned i = 0; i < 3; i++)
		loading_must_load("m", 0, "a.tflite");
	loading_look();
	ck_assert_str_eq(there(), "m@1* m@2 m@3");
	use("m", 2, 1);
	loading_must_load("n", 0, "a.tflite");
	loading_look();
	ck_assert_str_eq(there(), "m@1* m@3 n@1*");
	loading_must_load("n", 0, "a.tflite");
	for (unsigned i = 0; i < 5; i++) {
		configure(i % 2 ? "[model]\nversions = latest 2\n" : "[model]\nversions = all\n");
		loading_look();
		ck_assert_str_eq(there(), "m@1* n@1* n@2");
	}
	/* There is room again: it is the operator's to say for whom. */
	ck_assert_int_eq(loading_unload("n", 2, true), 0);
	loading_look();
	ck_assert_str_eq(there(), "m@1* n@1*");
	ck_assert_int_eq(system("rm -r models/m/3"), 0);
	loading_look();
	ck_assert_ptr_null(loading_find("m", 3));
}
END_TEST

/* Many at once: the greatest that fit, and each is loaded once at most. */
START_TEST(of_many_that_come_the_greatest_stay)
{
	limit(25, true);
	loading_watch();
	ck_assert_int_eq(system("for i in 1 2 3 4 5; do mkdir -p in/$i && cp a.tflite in/$i/model.tflite; done; mv in models/m"), 0);
	loading_look();
	ck_assert_str_eq(there(), "m@4 m@5*");
	for (uint64_t number = 1; number <= 3; number++)
		ck_assert_int_eq(loading_find("m", number)->end, TFL_END_NO_ROOM);
	ck_assert_msg(strstr(loading_find("m", 3)->reason, "by itself it takes nobody's place, but tflctl load would unload m@4 (") != NULL,
		      "%s", loading_find("m", 3)->reason);
	/* A later one takes the place of one before it. */
	ck_assert_int_eq(system("mkdir in && cp a.tflite in/model.tflite && mv in models/m/6"), 0);
	loading_look();
	ck_assert_str_eq(there(), "m@5* m@6");
	/* Who asks for an earlier one gets it. */
	ck_assert_int_eq(tfl_loader_reload(loading.loader, loading_find("m", 1), 1000, loading_on_done, &loading.last, &loading.error), 0);
	loading_wait_for(&loading.last, loading.last.calls + 1);
	ck_assert_int_eq(loading.last.code, 0);
	ck_assert_str_eq(there(), "m@1 m@5*");
}
END_TEST

/* The active one makes room for its successor, and nobody takes that room meanwhile: neither a load that waits, nor when it was in vain. */
START_TEST(room_that_was_made_is_kept)
{
	struct outcome first = {0}, second = {0}, other = {0};

	limit(25, true);
	configure("[model]\nauto_swap = yes\ntransition = resource\n");
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("n", 0, "a.tflite");
	file_write_text("wrong", "no model at all");
	/* Both are queued before the version that makes room is freed. */
	ck_assert_int_eq(loading_begin_load("m", 0, "b.tflite", &first), 0);
	ck_assert_int_eq(loading_begin_load("o", 0, "a.tflite", &other), 0);
	loading_wait_for(&first, 1);
	loading_wait_for(&other, 1);
	ck_assert_int_eq(first.code, 0);
	ck_assert_int_eq(other.code, -ENOBUFS);
	ck_assert_str_eq(there(), "m@2* n@1*");
	ck_assert_int_eq(loading_begin_load("m", 0, "wrong", &second), 0);
	ck_assert_int_eq(loading_begin_load("o", 0, "a.tflite", &other), 0);
	loading_wait_for(&second, 1);
	loading_wait_for(&other, 2);
	loading_settle();
	ck_assert_int_lt(second.code, 0);
	ck_assert_int_eq(other.code, -ENOBUFS);
	ck_assert_str_eq(there(), "m@2* n@1*");
	/* And it is free for others when that is over. */
	ck_assert_int_eq(loading_unload("n", 1, true), 0);
	loading_must_load("o", 0, "a.tflite");
	ck_assert_str_eq(there(), "m@2* o@1*");
}
END_TEST

/* The loader's thread waits for an answer that does not come any more. */
START_TEST(an_end_while_it_asks)
{
	struct outcome outcome = {0};

	limit(15, true);
	loading_must_load("m", 0, "a.tflite");
	while (sem_trywait(&loading.woken) == 0)
		;
	ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &outcome), 0);
	ck_assert_int_eq(sem_wait(&loading.woken), 0); /* it has asked */
	if (_i == 0) {
		ck_assert_uint_ge(tfl_loader_cancel(loading.loader), 1);
		loading_wait_for(&outcome, 1);
		ck_assert_int_eq(outcome.code, -ESHUTDOWN);
		ck_assert_str_eq(there(), "m@1*");
	}
	loading_stop();
	ck_assert_uint_eq(outcome.calls, 1);
	ck_assert_int_lt(outcome.code, 0);
	loading_start();
	loading_settle();
	ck_assert_str_eq(there(), "m@1*");
}
END_TEST

START_TEST(without_a_limit_it_is_counted_too)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	ck_assert_str_eq(there(), "m@1* m@2");
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	ck_assert_str_eq(there(), "m@1*");
	ck_assert_int_eq(loading_unload("m", 1, true), 0);
	ck_assert_uint_eq(used(), 0);
}
END_TEST

static void setup_proven(void)
{
	ck_assert_msg(getenv("TFLD") != NULL, "$TFLD has to name the daemon");
	loading.prover = getenv("TFLD");
	loading_setup();
}

/* What the child found is what it takes here, but for the counters, which it has none of; and a start knows it too. */
START_TEST(a_proof_knows_what_is_needed)
{
	const struct tfl_version *version;
	struct tfl_version_memory memory;

	for (unsigned i = 0; i < 2; i++) {
		if (i == 0)
			loading_must_load("m", 0, "a.tflite");
		else
			loading_restart();
		version = loading_find("m", 1);
		tfl_version_memory(version, &memory);
		ck_assert_uint_gt(version->proof.interpreter_bytes, 0);
		ck_assert_uint_eq(version->proof.proof_ns > 0, i == 0);
		ck_assert_uint_eq(version->proof.packed_bytes, memory.packed);
		ck_assert_uint_le(2 * version->proof.interpreter_bytes, memory.interpreters + SLACK);
		ck_assert_uint_ge(2 * version->proof.interpreter_bytes, memory.interpreters - SLACK);
		ck_assert_uint_eq(version->bytes, memory.file + memory.packed + memory.interpreters + memory.statistics);
	}
}
END_TEST

/* One of a tfld that did not count interpreters is as good as none; and one that says what cannot be is believed, to the model's own harm. */
START_TEST(a_proof_that_somebody_wrote)
{
	limit(25, true);
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(system("sed -i '/^interpreter_bytes/d' models/m/1/proof"), 0);
	ck_assert_int_eq(system("sed -i 's/^interpreter_bytes.*/interpreter_bytes = 9223372036854775807/' models/m/2/proof"), 0);
	loading_restart();
	ck_assert_str_eq(there(), "m@1*");
	ck_assert_uint_eq(loading_find("m", 1)->proof.interpreter_bytes, 0);
	ck_assert_int_eq(loading_find("m", 2)->end, TFL_END_NO_ROOM);
	ck_assert_msg(strstr(loading_find("m", 2)->reason, "version 2 of 'm' needs 8388608.0 TiB of memory, but ") != NULL, "%s",
		      loading_find("m", 2)->reason);
}
END_TEST

Suite *loader_room_suite(void)
{
	Suite *suite = suite_create("loader-room");
	TCase *tcase = tcase_create("limit"), *proven = tcase_create("proven");

	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, what_does_not_fit_is_refused);
	tcase_add_test(tcase, the_limit_is_exact);
	tcase_add_test(tcase, the_least_recently_used_makes_room);
	tcase_add_test(tcase, a_start_fills_what_there_is);
	tcase_add_test(tcase, what_is_needed_stays);
	tcase_add_test(tcase, a_label_keeps_its_place);
	tcase_add_test(tcase, a_route_keeps_its_places);
	tcase_add_test(tcase, the_way_back_goes_last);
	tcase_add_test(tcase, nothing_goes_in_vain);
	tcase_add_test(tcase, policy_and_limit_come_to_rest);
	tcase_add_test(tcase, of_many_that_come_the_greatest_stay);
	tcase_add_test(tcase, room_that_was_made_is_kept);
	tcase_add_loop_test(tcase, an_end_while_it_asks, 0, 2);
	tcase_add_test(tcase, without_a_limit_it_is_counted_too);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(proven, setup_proven, loading_teardown);
	tcase_set_timeout(proven, 240);
	tcase_add_test(proven, a_proof_knows_what_is_needed);
	tcase_add_test(proven, a_proof_that_somebody_wrote);
	suite_add_tcase(suite, proven);
	return suite;
}
