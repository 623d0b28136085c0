/* SPDX-License-Identifier: MIT */
/*
 * The loader with the real child: which files are proven and when, what is kept of it, and what becomes of files that nobody wants served.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/confine.h"
#include "tests/builder/hostile.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"
#include "tests/support/descriptors.h"
#include "tests/support/sample.h"

static const float positive[4] = { 1, 4, 9, 16 }, roots[4] = { 1, 2, 3, 4 }, negative[4] = { 1, 1, -1, 1 };

static void setup(void)
{
	ck_assert_msg(getenv("TFLD") != NULL, "$TFLD has to name the daemon");
	loading.prover = getenv("TFLD");
	loading_setup();
}

static void save(const char *path, int (*make)(uint8_t **ret_data, size_t *ret_size))
{
	uint8_t *data = NULL;
	size_t size = 0;

	ck_assert_int_eq(make(&data, &size), 0);
	file_write(path, data, size, 0644);
	free(data);
}

/* Limits and samples of model "m", in its own files. */
static void configure(const char *text)
{
	mkdir("models/m", 0755);
	file_write_text("models/m/model.conf", text);
}

static void add_sample(const char *name, const float input[4], const float *output, double tolerance)
{
	char path[128];

	mkdir("models/m", 0755);
	mkdir("models/m/samples", 0755);
	snprintf(path, sizeof(path), "models/m/samples/%s", name);
	sample_write(path, input, output, tolerance);
}

static void assert_no_child(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void expect_refusal(const char *path, int code, const char *part)
{
	const unsigned before = descriptors_open();

	ck_assert_int_eq(loading_load("m", 0, path), code);
	ck_assert_msg(strstr(loading.last.text, part) != NULL, "'%s', expected '%s'", loading.last.text, part);
	ck_assert_ptr_null(loading_find("m", 1));
	assert_no_child();
	ck_assert_uint_eq(loading_staged(), 0);
	ck_assert_uint_eq(descriptors_open(), before);
	ck_assert(!file_exists("models/m/1"));
}

START_TEST(a_loaded_version_was_proven)
{
	const struct tfl_version *version;

	loading_must_load("m", 0, "a.tflite");
	version = loading_find("m", 1);
	ck_assert_uint_gt(version->proof.proof_ns, 0);
	ck_assert_uint_gt(version->proof.load_ns, 0);
	ck_assert_uint_gt(version->proof.run_ns, 0);
	ck_assert_uint_gt(version->proof.peak_bytes, 1u << 20);
	ck_assert_uint_lt(version->proof.peak_bytes, TFL_CONFINE_RELAXED ? UINT64_MAX : 64u << 20);
	ck_assert_uint_eq(version->proof.digest_count, 1);
	ck_assert_uint_gt(version->stored.copy_ns, 0);
	ck_assert_uint_gt(version->stored.hash_ns, 0);
	ck_assert_uint_gt(version->stored.sync_ns, 0);
	ck_assert_ptr_nonnull(strstr(file_read("models/m/1/proof"), version->sha256));
	ck_assert_ptr_nonnull(strstr(file_read("models/m/1/proof"), version->proof.digests[0]));
	assert_no_child();
}
END_TEST

START_TEST(a_start_does_not_prove_again)
{
	char digest[TFL_SHA256_TEXT];

	loading_must_load("m", 0, "a.tflite");
	strcpy(digest, loading_find("m", 1)->proof.digests[0]);
	loading.prover = "/nowhere";
	loading_restart();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_find("m", 1)->proof.proof_ns, 0);
	ck_assert_str_eq(loading_find("m", 1)->proof.digests[0], digest);
	/* Who asks for a load gets a proof. */
	ck_assert_int_eq(loading_unload("m", 1, false), 0);
	ck_assert_int_lt(loading_load("m", 1, "a.tflite"), 0);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "the proof of the file cannot be started"));
}
END_TEST

START_TEST(a_folder_that_somebody_dropped_in_is_proven_once)
{
	loading_stop();
	ck_assert_int_eq(system("mkdir -p models/m/3 && cp a.tflite models/m/3/model.tflite"), 0);
	loading_start();
	loading_settle();
	ck_assert_int_eq(loading_find("m", 3)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_gt(loading_find("m", 3)->proof.proof_ns, 0);
	loading.prover = "/nowhere";
	loading_restart();
	ck_assert_int_eq(loading_find("m", 3)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_find("m", 3)->proof.proof_ns, 0);
}
END_TEST

/* Each makes the proof of a version one that does not count. */
static const char *const spoilers[] = {
	"cp b.tflite models/m/1/model.tflite && rm models/m/1/manifest",
	"sed -i 's/^tfld = .*/tfld = 0.0.1/' models/m/1/proof",
	"chmod 0666 models/m/1/proof",
	"echo rubbish >models/m/1/proof",
	"rm models/m/1/proof",
	"mv models/m/1/proof models/proof && ln -s ../../proof models/m/1/proof",
};

START_TEST(a_proof_of_something_else_does_not_count)
{
	loading_must_load("m", 0, "a.tflite");
	loading_stop();
	ck_assert_int_eq(system("chmod u+w models/m/1 models/m/1/*"), 0);
	ck_assert_int_eq(system(spoilers[_i]), 0);
	loading_start();
	loading_settle();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_gt(loading_find("m", 1)->proof.proof_ns, 0);
}
END_TEST

START_TEST(where_there_can_be_no_child_what_served_before_serves)
{
	loading_must_load("m", 0, "a.tflite");
	loading_stop();
	ck_assert_int_eq(system("rm -f models/m/1/proof && mkdir models/m/2 && cp a.tflite models/m/2/model.tflite"), 0);
	loading.prover = "/nowhere";
	loading_start();
	loading_settle();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_str_eq(loading_find("m", 1)->proof.time, "");
	ck_assert(!file_exists("models/m/1/proof"));
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_END);
	ck_assert_ptr_nonnull(strstr(loading_find("m", 2)->reason, "cannot be started"));
	ck_assert_int_eq(loading_load("m", 0, "b.tflite"), -ECHILD);
}
END_TEST

START_TEST(it_can_be_switched_off)
{
	configure("[model]\nproof = no\n");
	loading.prover = "/nowhere";
	loading_stop();
	loading_start();
	loading_must_load("m", 0, "a.tflite");
	ck_assert_str_eq(loading_find("m", 1)->proof.time, "");
	ck_assert(!file_exists("models/m/1/proof"));
}
END_TEST

START_TEST(a_file_that_takes_too_long_is_refused)
{
	save("slow.tflite", tfl_hostile_slow);
	configure("[model]\nproof_time = 1s\n");
	expect_refusal("slow.tflite", -EFBIG, "used more than 1 s of processor time while it was being run");
}
END_TEST

START_TEST(a_file_that_takes_too_much_memory_is_refused)
{
	if (TFL_CONFINE_RELAXED)
		return;
	save("large.tflite", tfl_hostile_large);
	configure("[model]\nproof_memory = 64M\n");
	expect_refusal("large.tflite", -EFBIG, "needed more than 64 MiB of memory while it was being built");
}
END_TEST

START_TEST(a_file_that_is_not_one_is_refused_as_before)
{
	file_write_text("text.tflite", "no model");
	expect_refusal("text.tflite", -ENOEXEC, "");
}
END_TEST

START_TEST(samples_are_run)
{
	save("root.tflite", tfl_hostile_root);
	add_sample("0001.tflsample", positive, NULL, -1);
	add_sample("0002.tflsample", positive, roots, -1);
	file_write_text("models/m/samples/README", "nothing");
	loading_must_load("m", 0, "root.tflite");
	ck_assert_uint_eq(loading_find("m", 1)->proof.samples, 2);
}
END_TEST

START_TEST(nan_on_a_sample_is_refused)
{
	save("root.tflite", tfl_hostile_root);
	add_sample("0001.tflsample", positive, roots, -1);
	add_sample("0002.tflsample", negative, NULL, -1);
	expect_refusal("root.tflite", -ENOEXEC, "sample 0002.tflsample: its output 'y' is NaN");
}
END_TEST

START_TEST(another_answer_than_expected_is_refused)
{
	const float near[4] = { 1, 2, 3, 4.03f }, off[4] = { 1, 2, 3, 4.05f };

	save("root.tflite", tfl_hostile_root);
	add_sample("0001.tflsample", positive, near, -1);
	add_sample("0002.tflsample", positive, off, -1);
	expect_refusal("root.tflite", -ENOEXEC, "sample 0002.tflsample: its output 'y' is 4 at element 3, expected 4.05");
	add_sample("0002.tflsample", positive, off, 0.02);
	loading_must_load("m", 0, "root.tflite");
}
END_TEST

START_TEST(a_sample_that_is_none_is_named)
{
	save("root.tflite", tfl_hostile_root);
	mkdir("models/m", 0755);
	mkdir("models/m/samples", 0755);
	file_write_text("models/m/samples/0001.tflsample", "rubbish");
	expect_refusal("root.tflite", -ENOEXEC, "sample 0001.tflsample: ");
	ck_assert_int_eq(system("rm models/m/samples/* && ln -s /etc/passwd models/m/samples/0001.tflsample"), 0);
	expect_refusal("root.tflite", -ENOEXEC, "sample 0001.tflsample cannot be opened: it is no file (links are not followed)");
}
END_TEST

START_TEST(samples_of_a_version_come_before_those_of_its_model)
{
	save("root.tflite", tfl_hostile_root);
	loading_stop();
	ck_assert_int_eq(system("mkdir -p models/m/1/samples && cp root.tflite models/m/1/model.tflite"), 0);
	add_sample("0001.tflsample", negative, NULL, -1);
	sample_write("models/m/1/samples/0001.tflsample", positive, roots, 0);
	loading_start();
	loading_settle();
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_find("m", 1)->proof.samples, 1);
	ck_assert_int_eq(loading_unload("m", 1, true), 0);
	ck_assert(file_exists("models/m/samples/0001.tflsample"));
	expect_refusal("root.tflite", -ENOEXEC, "is NaN");
}
END_TEST

START_TEST(what_is_quick_does_not_wait_for_a_proof)
{
	struct outcome load = { 0 }, unload = { 0 };

	save("slow.tflite", tfl_hostile_slow);
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(loading_begin_load("slow", 0, "slow.tflite", &load), 0);
	usleep(100000);
	ck_assert_int_eq(loading_begin_unload("m", 1, true, &unload), 0);
	loading_wait_for(&unload, 1);
	ck_assert_int_eq(unload.code, 0);
	ck_assert_uint_eq(load.calls, 0);
	ck_assert(!file_exists("models/m/1"));
	tfl_loader_cancel(loading.loader);
	loading_wait_for(&load, 1);
}
END_TEST

START_TEST(a_proof_is_given_up_with_its_load)
{
	struct outcome outcome = { 0 };

	save("slow.tflite", tfl_hostile_slow);
	ck_assert_int_eq(loading_begin_load("m", 0, "slow.tflite", &outcome), 0);
	usleep(200000);
	tfl_loader_cancel(loading.loader);
	loading_wait_for(&outcome, 1);
	ck_assert_int_eq(outcome.code, -ESHUTDOWN);
	assert_no_child();
}
END_TEST

Suite *loader_proof_suite(void)
{
	Suite *suite = suite_create("loader-proof");
	TCase *test = tcase_create("proof");

	tcase_add_checked_fixture(test, setup, loading_teardown);
	tcase_set_timeout(test, 120);
	tcase_add_test(test, a_loaded_version_was_proven);
	tcase_add_test(test, a_start_does_not_prove_again);
	tcase_add_test(test, a_folder_that_somebody_dropped_in_is_proven_once);
	tcase_add_loop_test(test, a_proof_of_something_else_does_not_count, 0, sizeof(spoilers) / sizeof(spoilers[0]));
	tcase_add_test(test, where_there_can_be_no_child_what_served_before_serves);
	tcase_add_test(test, it_can_be_switched_off);
	tcase_add_test(test, a_file_that_takes_too_long_is_refused);
	tcase_add_test(test, a_file_that_takes_too_much_memory_is_refused);
	tcase_add_test(test, a_file_that_is_not_one_is_refused_as_before);
	tcase_add_test(test, samples_are_run);
	tcase_add_test(test, nan_on_a_sample_is_refused);
	tcase_add_test(test, another_answer_than_expected_is_refused);
	tcase_add_test(test, a_sample_that_is_none_is_named);
	tcase_add_test(test, samples_of_a_version_come_before_those_of_its_model);
	tcase_add_test(test, what_is_quick_does_not_wait_for_a_proof);
	tcase_add_test(test, a_proof_is_given_up_with_its_load);
	suite_add_tcase(suite, test);
	return suite;
}
