/* SPDX-License-Identifier: MIT */
/*
 * What the loader does with model.conf: at each load, and at a start, where its version policy decides what is loaded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/pool.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"

/* Before the model's first version, or after. */
static void configure(const char *text)
{
	mkdir("models/m", 0755);
	file_write_text("models/m/model.conf", text);
}

START_TEST(a_version_is_loaded_as_its_model_says)
{
	const struct tfl_version *version;

	configure("[model]\ninstances = 3\nqueue = 9\nlabels = l.txt\n");
	file_write_text("models/m/l.txt", "yes\nno\n");
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("n", 0, "a.tflite");
	version = loading_find("m", 1);
	ck_assert_uint_eq(tfl_pool_instances(version->pool), 3);
	ck_assert_uint_eq(version->conf.queue, 9);
	ck_assert_uint_eq(version->labels.count, 2);
	ck_assert_str_eq(version->labels.names[1], "no");
	ck_assert_uint_eq(tfl_pool_instances(loading_find("n", 1)->pool), 2);
	ck_assert_uint_eq(loading_find("n", 1)->labels.count, 0);
	/* A change is for what is loaded from then on. */
	configure("[model]\ninstances = 1\n");
	loading_must_load("m", 0, "b.tflite");
	ck_assert_uint_eq(tfl_pool_instances(loading_find("m", 1)->pool), 3);
	ck_assert_uint_eq(tfl_pool_instances(loading_find("m", 2)->pool), 1);
	loading_restart();
	ck_assert_uint_eq(tfl_pool_instances(loading_find("m", 1)->pool), 1);
	ck_assert_uint_eq(loading_find("m", 1)->labels.count, 0);
}
END_TEST

START_TEST(threads_are_no_more_than_there_are_cpus)
{
	configure("[model]\nthreads = 64\n");
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_find("m", 1)->conf.threads, 64);
}
END_TEST

START_TEST(a_load_with_a_wrong_file_is_refused)
{
	loading_must_load("m", 0, "a.tflite");
	configure("[model]\nintances = 3\n");
	ck_assert_int_eq(loading_load("m", 0, "b.tflite"), -EINVAL);
	ck_assert_str_eq(loading.last.text, "models/m/model.conf:2: [model] has no key 'intances'; did you mean 'instances'?");
	ck_assert_ptr_null(loading_find("m", 2));
	ck_assert(!file_exists("models/m/2"));
	ck_assert_uint_eq(loading_staged(), 0);
	/* What serves goes on. */
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	configure("[model]\nlabels = l.txt\n");
	ck_assert_int_eq(loading_load("m", 0, "b.tflite"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "models/m/l.txt is not there, but [model] labels (model.conf:2) names it"));
	ck_assert(!file_exists("models/m/2"));
	configure("[model]\n");
	loading_must_load("m", 0, "b.tflite");
}
END_TEST

START_TEST(confidence_comes_from_where_its_model_says)
{
	loading_must_load("m", 0, "a.tflite");
	ck_assert_uint_eq(loading_find("m", 1)->heads.count, 1);
	ck_assert_int_eq(loading_find("m", 1)->heads.items[0].source.kind, TFL_CONFIDENCE_SOFTMAX);
	configure("[model]\nconfidence = none\n");
	loading_must_load("m", 0, "b.tflite");
	ck_assert_uint_eq(loading_find("m", 2)->heads.count, 0);
	ck_assert_str_eq(loading_find("m", 2)->heads.reason, "it is configured so");
	configure("[model]\nconfidence = logits of 0\n");
	loading_must_load("m", 0, "b.tflite");
	ck_assert_int_eq(loading_find("m", 3)->heads.items[0].source.kind, TFL_CONFIDENCE_LOGITS);
	configure("[model]\n\nconfidence = logits of nose\n");
	ck_assert_int_eq(loading_load("m", 0, "b.tflite"), -EINVAL);
	ck_assert_msg(strstr(loading.last.text, "[model] confidence (model.conf:3): there is no output 'nose'; the first is '"), "%s",
		      loading.last.text);
	ck_assert_ptr_null(loading_find("m", 4));
	ck_assert_uint_eq(loading_staged(), 0);
}
END_TEST

START_TEST(a_start_with_a_wrong_file_says_so_and_forgets_nothing)
{
	static const char reason[] = "models/m/model.conf:2: [model] queue is '-', expected a number from 0 to 1024";

	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_must_load("n", 0, "a.tflite");
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	loading_must_load("m", 0, "b.tflite");
	configure("[model]\nqueue = -\n");
	loading_restart();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_END);
	ck_assert_str_eq(loading_find("m", 1)->reason, reason);
	ck_assert_str_eq(loading_find("m", 3)->reason, reason);
	ck_assert_ptr_nonnull(strstr(loading_find("m", 2)->reason, "unloaded 20"));
	ck_assert_int_eq(loading_find("n", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_active("m"), 0);
	configure("[model]\nqueue = 5\n");
	loading_restart();
	ck_assert_uint_eq(loading_active("m"), 1);
	ck_assert_int_eq(loading_find("m", 3)->state, TFL_VERSION_AVAILABLE);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_END);
	ck_assert_uint_eq(loading_find("m", 1)->conf.queue, 5);
}
END_TEST

/* "1 3": the versions of m that are AVAILABLE. */
static const char *available(void)
{
	static char text[64];

	text[0] = '\0';
	for (uint64_t number = 1; number <= 9; number++) {
		const struct tfl_version *version = loading_find("m", number);

		if (version && version->state == TFL_VERSION_AVAILABLE)
			sprintf(text + strlen(text), "%s%u", *text ? " " : "", (unsigned)number);
	}
	return text;
}

static const struct {
	const char *policy;
	unsigned active, unloaded; /* of five; 0: none */
	const char *available;
} policies[] = {
	{ "all", 2, 0, "1 2 3 4 5" },
	{ "all", 2, 4, "1 2 3 5" },
	{ "latest", 5, 0, "5" },
	{ "latest", 2, 0, "2 5" },
	{ "latest", 2, 5, "2 4" },
	{ "latest 2", 1, 0, "1 4 5" },
	{ "latest 2", 4, 0, "4 5" },
	{ "latest 2", 5, 4, "3 5" },
	{ "latest 64", 3, 0, "1 2 3 4 5" },
	{ "latest 2", 0, 0, "4 5" },
	{ "specific 2 4", 1, 0, "1 2 4" },
	{ "specific 2 4", 4, 2, "4" },
	{ "specific 9 3", 3, 0, "3" },
};

START_TEST(the_policy_decides_what_a_start_loads)
{
	char text[64];

	for (unsigned i = 1; i <= 5; i++)
		loading_must_load("m", i, i % 2 ? "a.tflite" : "b.tflite");
	if (policies[_i].unloaded)
		ck_assert_int_eq(loading_unload("m", policies[_i].unloaded, false), 0);
	loading_stop();
	sprintf(text, "[state]\nformat = 1\nactive = %u\n[unloaded]\n", policies[_i].active);
	if (policies[_i].unloaded)
		sprintf(text + strlen(text), "%u = today\n", policies[_i].unloaded);
	file_write_text("models/m/state", text);
	sprintf(text, "[model]\n\nversions = %s\n", policies[_i].policy);
	configure(text);
	loading_start();
	loading_settle();
	ck_assert_str_eq(available(), policies[_i].available);
	ck_assert_uint_eq(loading_active("m"), policies[_i].active ? policies[_i].active : 5);
	/* Each that is not there says why. */
	for (uint64_t number = 1; number <= 5; number++)
		if (loading_find("m", number)->state == TFL_VERSION_END)
			ck_assert_ptr_nonnull(strstr(loading_find("m", number)->reason,
						     number == policies[_i].unloaded ? "unloaded today" : "(model.conf:3)"));
}
END_TEST

START_TEST(what_the_policy_left_out_can_be_loaded_by_hand)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	loading_must_load("m", 0, "a.tflite");
	configure("[model]\nversions = latest\n");
	loading_restart();
	ck_assert_str_eq(available(), "1 3");
	ck_assert_str_eq(loading_find("m", 2)->reason, "not loaded at start: versions is 'latest' (model.conf:2)");
	loading_must_load("m", 2, "b.tflite");
	ck_assert_str_eq(available(), "1 2 3");
	/* It is the policy of the next start again. */
	loading_restart();
	ck_assert_str_eq(available(), "1 3");
}
END_TEST

START_TEST(it_stays_when_the_last_version_is_erased)
{
	configure("[model]\ninstances = 3\n");
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(loading_unload("m", 1, true), 0);
	ck_assert(!file_exists("models/m/1"));
	ck_assert(!file_exists("models/m/state"));
	ck_assert(file_exists("models/m/model.conf"));
	loading_must_load("m", 0, "a.tflite");
	ck_assert_uint_eq(tfl_pool_instances(loading_find("m", 1)->pool), 3);
}
END_TEST

Suite *loader_conf_suite(void)
{
	Suite *suite = suite_create("loader_conf");
	TCase *tcase = tcase_create("loader_conf");

	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_version_is_loaded_as_its_model_says);
	tcase_add_test(tcase, threads_are_no_more_than_there_are_cpus);
	tcase_add_test(tcase, a_load_with_a_wrong_file_is_refused);
	tcase_add_test(tcase, confidence_comes_from_where_its_model_says);
	tcase_add_test(tcase, a_start_with_a_wrong_file_says_so_and_forgets_nothing);
	tcase_add_loop_test(tcase, the_policy_decides_what_a_start_loads, 0, sizeof(policies) / sizeof(policies[0]));
	tcase_add_test(tcase, what_the_policy_left_out_can_be_loaded_by_hand);
	tcase_add_test(tcase, it_stays_when_the_last_version_is_erased);
	suite_add_tcase(suite, tcase);
	return suite;
}
