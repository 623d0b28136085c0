/* SPDX-License-Identifier: MIT */
/*
 * A trial by itself: when it is over and how, in words too, over a stop and after bytes that are none; what is written of it in the state of its model;
 * what runs, for a crash to be told; and heat, in a sysfs of our own. How limits are judged is tests/stats/test_guard.c's matter; the way through the
 * daemon, tests/system/test_trial.c's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "daemon/config.h"
#include "daemon/heat.h"
#include "daemon/manifest.h"
#include "daemon/model_conf.h"
#include "daemon/running.h"
#include "daemon/trial.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/store_scene.h"
#include "tests/daemon/suites.h"

static struct tfl_trial_plan plan;
static struct tfl_trial_reference before;
static struct tfl_trial_counts candidate, beside;
static struct tfl_trial *trial;
static struct tfl_error error;

static void setup(void)
{
	static struct tfl_config config;

	tfl_config_init(&config);
	tfl_trial_plan_init(&plan, &config.model);
	plan.id = 77;
	plan.candidate = 2;
	plan.previous = 1;
	plan.requests = 100;
	plan.seconds = 60;
	memset(&before, 0, sizeof(before));
	memset(&candidate, 0, sizeof(candidate));
	memset(&beside, 0, sizeof(beside));
}

static void teardown(void)
{
	tfl_trial_destroy(trial);
	trial = NULL;
}

/* Requests that went well, and took so long. */
static void serve(struct tfl_trial_counts *counts, unsigned requests, uint64_t ns, float sure)
{
	for (unsigned i = 0; i < requests; i++) {
		counts->requests++;
		tfl_latency_record(&counts->latency, ns + i % 50);
		tfl_confidence_record(&counts->confidence, sure - 0.01f * (float)(i % 10), 0);
	}
}

static void begin(void)
{
	serve(&before.counts, 1000, 1000000, 0.9f);
	before.seconds = 300;
	trial = tfl_trial_create(&plan, &before, &candidate, &beside, 1000);
	ck_assert_ptr_nonnull(trial);
}

START_TEST(it_takes_its_requests_and_its_time)
{
	begin();
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, 1100), TFL_TRIAL_RUNS);
	serve(&candidate, 99, 1000000, 0.9f);
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, 1100), TFL_TRIAL_RUNS);
	serve(&candidate, 1, 1000000, 0.9f);
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, 1059), TFL_TRIAL_RUNS);
	ck_assert_uint_eq(tfl_trial_progress(trial)->requests, 100);
	ck_assert_uint_eq(tfl_trial_progress(trial)->seconds, 59);
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, 1060), TFL_TRIAL_PASSED);
	candidate.requests += 100;
	candidate.errors = 100;
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, 1061), TFL_TRIAL_PASSED);
}
END_TEST

/* What both did before is none of it. */
START_TEST(what_was_before_it_does_not_count)
{
	serve(&candidate, 500, 90000000, 0.1f);
	candidate.requests += 50;
	candidate.errors = 50;
	candidate.nan = 9;
	begin();
	for (unsigned i = 0; i < 30; i++) {
		serve(&candidate, 20, 1000000, 0.9f);
		ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, 1000 + i), TFL_TRIAL_RUNS);
	}
	ck_assert_uint_eq(tfl_trial_progress(trial)->errors, 0);
	ck_assert_uint_eq(tfl_trial_progress(trial)->nan, 0);
	ck_assert_uint_eq(tfl_trial_progress(trial)->requests, 600);
}
END_TEST

static void fail_requests(void)
{
	candidate.requests += 5;
	candidate.errors += 5;
}

static void give_nan(void)
{
	serve(&candidate, 7, 1000000, 0.9f);
	candidate.nan += 3;
}

static void be_slow(void)
{
	serve(&candidate, 20, 5000000, 0.9f);
}

static void be_unsure(void)
{
	serve(&candidate, 20, 1000000, 0.4f);
}

static const struct {
	void (*step)(void);
	const char *reason;
} failures[] = {
	{fail_requests, "errors: 5 of 5 requests failed, the limit is 5.7 %"},
	{give_nan, "NaN: in outputs of 3 of 7 requests, the limit is 3"},
	{be_slow, "latency: p99 5 ms in "},
	{be_unsure, "confidence: mean 0.355 in "},
};

START_TEST(a_limit_that_trips_ends_it_and_says_which)
{
	char text[TFL_TRIAL_REASON_MAX];
	double now = 1000;

	begin();
	ck_assert_str_eq(tfl_trial_reason(trial, text), "");
	do {
		failures[_i].step();
		now += 5;
	} while (tfl_trial_look(trial, &candidate, &beside, false, now) == TFL_TRIAL_RUNS && now < 2000);
	ck_assert_msg(strncmp(tfl_trial_reason(trial, text), failures[_i].reason, strlen(failures[_i].reason)) == 0, "%s", text);
	ck_assert_uint_lt(strlen(text), TFL_TRIAL_REASON_MAX - 1);
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, now), TFL_TRIAL_REJECTED);
}
END_TEST

static int restore(const void *data, size_t size, const struct tfl_trial_plan *of)
{
	static const struct tfl_trial_counts nothing;

	tfl_trial_destroy(trial);
	trial = NULL;
	return tfl_trial_restore(of, data, size, &nothing, &nothing, 5, &trial, &error);
}

START_TEST(it_goes_on_after_a_stop)
{
	static const struct tfl_trial_counts nothing;
	struct tfl_trial_plan other;
	void *data;
	size_t size;

	begin();
	serve(&candidate, 60, 1000000, 0.9f);
	candidate.requests += 2;
	candidate.errors += 2;
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &beside, false, 1040), TFL_TRIAL_RUNS);
	ck_assert_int_eq(tfl_trial_encode(trial, &data, &size), 0);
	other = plan;
	other.id++;
	ck_assert_int_eq(restore(data, size, &other), -EINVAL);
	ck_assert_int_eq(restore(data, size - 1, &plan), -EINVAL);
	ck_assert_int_eq(restore(data, size, &plan), 0);
	ck_assert_uint_eq(tfl_trial_progress(trial)->requests, 62);
	ck_assert_uint_eq(tfl_trial_progress(trial)->errors, 2);
	ck_assert_uint_eq(tfl_trial_progress(trial)->seconds, 40);
	ck_assert_uint_eq(tfl_trial_progress(trial)->reference_requests, 1000);
	ck_assert_uint_eq(tfl_trial_progress(trial)->reference_seconds, 300);
	candidate = nothing;
	serve(&candidate, 38, 1000000, 0.9f);
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &nothing, false, 24), TFL_TRIAL_RUNS);
	ck_assert_int_eq(tfl_trial_look(trial, &candidate, &nothing, false, 25), TFL_TRIAL_PASSED);
	free(data);
}
END_TEST

/* Any byte changed: it is refused, or a trial that can be looked at. */
START_TEST(bytes_of_anybody_are_refused_or_harmless)
{
	static const struct tfl_trial_counts nothing;
	unsigned seed = 9;
	uint8_t *data;
	void *kept;
	size_t size;

	begin();
	serve(&candidate, 60, 1000000, 0.9f);
	tfl_trial_look(trial, &candidate, &beside, false, 1040);
	ck_assert_int_eq(tfl_trial_encode(trial, &kept, &size), 0);
	data = kept;
	for (unsigned i = 0; i < 4000; i++) {
		size_t at = (size_t)rand_r(&seed) % (i % 2 ? size : 1024);
		uint8_t was = data[at];
		char text[TFL_TRIAL_REASON_MAX];

		data[at] = (uint8_t)rand_r(&seed);
		if (restore(data, size, &plan) == 0) {
			tfl_trial_look(trial, &nothing, &nothing, i % 2, 7);
			tfl_trial_reason(trial, text);
		}
		data[at] = was;
	}
	free(kept);
}
END_TEST

START_TEST(the_state_of_a_model_names_it)
{
	static const char *const halves[] = {"id = 5\ncandidate = 2\n", "candidate = 2\nprevious = 1\n", "id = 5\ncandidate = 2\nprevious = 2\n"};
	char text[TFL_MANIFEST_TEXT_MAX], again[TFL_MANIFEST_TEXT_MAX];
	static struct tfl_state state, parsed;
	size_t length;

	memset(&state, 0, sizeof(state));
	state.active = 2;
	state.trial = (struct tfl_state_trial){INT64_MAX, 2, 1, 1000, 600};
	for (uint64_t number = 1; number <= TFL_VERSIONS_MAX; number++) {
		char note[200];

		memset(note, 'x', sizeof(note));
		note[199] = '\0';
		ck_assert_int_eq(tfl_state_set_rejected(&state, number, note), 0);
		ck_assert_int_eq(tfl_state_set_unloaded(&state, UINT64_C(9000000000000000000) + number, note), 0);
	}
	ck_assert_int_eq(tfl_state_set_rejected(&state, 100, "too many"), -ENOSPC);
	length = tfl_state_format(&state, text); /* the most there can be */
	ck_assert_uint_lt(length, TFL_MANIFEST_TEXT_MAX);
	ck_assert_msg(tfl_state_parse("state", text, length, &parsed, &error) == 0, "%s", error.text);
	ck_assert_uint_eq(tfl_state_format(&parsed, again), length);
	ck_assert_mem_eq(text, again, length);
	ck_assert_uint_eq(parsed.trial.id, INT64_MAX);
	ck_assert_uint_eq(strlen(tfl_state_rejected(&parsed, 64)), TFL_STATE_NOTE_MAX - 1);
	ck_assert_int_eq(tfl_state_set_rejected(&parsed, 64, NULL), 0);
	ck_assert_ptr_null(tfl_state_rejected(&parsed, 64));
	for (unsigned i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "[state]\nformat = 1\nactive = 2\n[trial]\n%s", halves[i]);
		ck_assert_int_eq(tfl_state_parse("state", text, strlen(text), &parsed, &error), 0);
		ck_assert_uint_eq(parsed.trial.id, 0);
	}
}
END_TEST

/* Whether this process maps a file whose path ends so. */
static bool is_mapped(const char *end)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	while (maps && fgets(line, sizeof(line), maps))
		found |= strstr(line, end) != NULL;
	fclose(maps);
	return found;
}

START_TEST(what_ran_is_known_within_a_boot)
{
	struct tfl_running *running, *next;
	FILE *file;

	scene_setup();
	ck_assert_int_eq(tfl_running_create(scene.store, &running), 0);
	ck_assert(!tfl_running_died(running, 5));
	tfl_running_set(running, 3, 5); /* taken along */
	tfl_running_map(running, scene.store, true);
	ck_assert(is_mapped("/.running"));
	tfl_running_set(running, TFL_RUNNING_PLACES - 1, 6);
	tfl_running_set(running, 4, 7);
	tfl_running_set(running, 4, 0);
	ck_assert_int_eq(tfl_running_create(scene.store, &next), 0); /* as if the first had been killed */
	ck_assert(tfl_running_died(next, 5) && tfl_running_died(next, 6) && !tfl_running_died(next, 7) && !tfl_running_died(next, 0));
	tfl_running_map(next, scene.store, true);
	tfl_running_destroy(next);
	ck_assert_int_eq(tfl_running_create(scene.store, &next), 0);
	ck_assert(!tfl_running_died(next, 5));
	tfl_running_destroy(next);
	tfl_running_set(running, 3, 5); /* the page is the same one still */
	file = fopen("models/.running", "r+");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, 8, SEEK_SET), 0);
	fputs("0123456789abcdef0123456789abcdef", file); /* another boot */
	fclose(file);
	ck_assert_int_eq(tfl_running_create(scene.store, &next), 0);
	ck_assert(!tfl_running_died(next, 5));
	tfl_running_destroy(next);
	tfl_running_map(running, scene.store, false);
	tfl_running_set(running, 3, 8); /* nobody's but its own */
	ck_assert(!is_mapped("/.running"));
	tfl_running_destroy(running);
	tfl_running_destroy(NULL);
	scene_teardown();
}
END_TEST

static atomic_bool mapped_enough;

static void *run_candidates(void *data)
{
	while (!atomic_load_explicit(&mapped_enough, memory_order_relaxed)) {
		tfl_running_set(data, 1, 5);
		tfl_running_set(data, 1, 0);
	}
	tfl_running_set(data, 1, 6);
	return NULL;
}

/* Whoever writes while the mapping is another one writes to either. */
START_TEST(trials_come_and_go_while_candidates_run)
{
	struct tfl_running *running, *next;
	pthread_t thread;

	scene_setup();
	ck_assert_int_eq(tfl_running_create(scene.store, &running), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_candidates, running), 0);
	for (unsigned i = 0; i < 201; i++)
		tfl_running_map(running, scene.store, i % 2 == 0);
	atomic_store_explicit(&mapped_enough, true, memory_order_relaxed);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(tfl_running_create(scene.store, &next), 0);
	ck_assert(tfl_running_died(next, 6) && !tfl_running_died(next, 5));
	tfl_running_destroy(next);
	tfl_running_destroy(running);
	scene_teardown();
}
END_TEST

static const struct {
	const char *path, *text;
	const char *path2, *text2;
	bool hot;
} sysfs[] = {
	{"class/thermal/cooling_device0/type", "cpufreq-cpu0\n", "class/thermal/cooling_device0/cur_state", "2\n", true},
	{"class/thermal/cooling_device0/type", "cpufreq-cpu0\n", "class/thermal/cooling_device0/cur_state", "0\n", false},
	{"class/thermal/cooling_device0/type", "Processor\n", "class/thermal/cooling_device0/cur_state", "1\n", true},
	{"class/thermal/cooling_device0/type", "pwm-fan\n", "class/thermal/cooling_device0/cur_state", "3\n", false},
	{"class/thermal/cooling_device0/type", "cpufreq-cpu0\n", "class/thermal/thermal_zone0/temp", "99000\n", false},
	{"devices/system/cpu/cpufreq/policy0/bios_limit", "600000\n", "devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq", "1500000\n", true},
	{"devices/system/cpu/cpufreq/policy0/bios_limit", "1500000\n", "devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq", "1500000\n", false},
	{"devices/platform/soc/soc:firmware/get_throttled", "50005\n", NULL, NULL, true},
	{"devices/platform/soc/soc:firmware/get_throttled", "50000\n", NULL, NULL, false},
	{"devices/platform/soc/soc:firmware/get_throttled", "rubbish\n", NULL, NULL, false},
};

static void put(const char *path, const char *text)
{
	char full[256];

	snprintf(full, sizeof(full), "sys/%s", path);
	for (char *slash = strchr(full, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	file_write_text(full, text);
}

START_TEST(heat_is_what_slows_the_processor)
{
	folder_make();
	ck_assert(!tfl_heat_is_hot("sys"));
	put(sysfs[_i].path, sysfs[_i].text);
	if (sysfs[_i].path2)
		put(sysfs[_i].path2, sysfs[_i].text2);
	ck_assert(tfl_heat_is_hot("sys") == sysfs[_i].hot);
	folder_remove();
}
END_TEST

Suite *trial_suite(void)
{
	Suite *suite = suite_create("trial");
	TCase *tcase = tcase_create("trial");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, it_takes_its_requests_and_its_time);
	tcase_add_test(tcase, what_was_before_it_does_not_count);
	tcase_add_loop_test(tcase, a_limit_that_trips_ends_it_and_says_which, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tcase, it_goes_on_after_a_stop);
	tcase_add_test(tcase, bytes_of_anybody_are_refused_or_harmless);
	tcase_add_test(tcase, the_state_of_a_model_names_it);
	tcase_add_test(tcase, what_ran_is_known_within_a_boot);
	tcase_add_test(tcase, trials_come_and_go_while_candidates_run);
	tcase_add_loop_test(tcase, heat_is_what_slows_the_processor, 0, sizeof(sysfs) / sizeof(sysfs[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
