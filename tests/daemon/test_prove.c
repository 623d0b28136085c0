/* SPDX-License-Identifier: MIT */
/*
 * The parent's side of a proof against a child that behaves as badly as a process can (prover.c): every way to end is one sentence, and
 * leaves neither a process nor a descriptor behind.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/confine.h"
#include "daemon/prove.h"
#include "daemon/proof.h"
#include "proto/writer.h"
#include "tests/daemon/suites.h"
#include "tests/support/descriptors.h"

static struct tfl_prove_options options;
static struct tfl_proof proof;
static struct tfl_error error;

static void setup(void)
{
	ck_assert_msg(getenv("PROVER") != NULL, "$PROVER has to name the program that stands in for the child");
	options = (struct tfl_prove_options){ .program = getenv("PROVER"), .memory = 256u << 20, .cpu_ms = 60000 };
}

/* Proves the file that is @p word, and counts what is left. */
static int prove(const char *word, const atomic_bool *cancelled)
{
	const unsigned before = descriptors_open();
	int fd = memfd_create("word", MFD_CLOEXEC), result;

	memset(&proof, 0, sizeof(proof));
	error.text[0] = '\0';
	ck_assert_int_eq(write(fd, word, strlen(word)), (ssize_t)strlen(word));
	result = tfl_prove(&options, fd, -1, cancelled, &proof, &error);
	close(fd);
	ck_assert_uint_eq(descriptors_open(), before);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	return result;
}

static void expect(const char *word, int code, const char *part)
{
	int result = prove(word, NULL);

	ck_assert_msg(result == code && strstr(error.text, part), "%s: %d, '%s', expected %d, '%s'", word, result, error.text, code, part);
}

/* What this kernel and this build have. */
static bool have(enum tfl_confine_means means)
{
	ck_assert_msg(prove("well", NULL) == 0, "%s", error.text);
	if (!(proof.means & means))
		fprintf(stderr, "# not tried: this kernel, or this build, has no such confinement (%u)\n", means);
	return proof.means & means;
}

START_TEST(a_report_is_taken)
{
	ck_assert_msg(prove("well", NULL) == 0, "%s", error.text);
	ck_assert_uint_gt(proof.proof_ns, 0);
	ck_assert_uint_eq(strlen(proof.time), 20);
	ck_assert(TFL_CONFINE_RELAXED || (proof.means & TFL_CONFINE_LIMITS));
}
END_TEST

START_TEST(a_child_has_nothing_of_the_daemon)
{
	ck_assert_msg(prove("around", NULL) == 0, "%s", error.text);
}
END_TEST

START_TEST(every_way_to_end_is_a_sentence)
{
	expect("crash", -ENOEXEC, "ended by a crash (SIGSEGV) while it was being built");
	expect("abort", -ENOEXEC, "ended by a crash (SIGABRT) while it was being run");
	expect("kill", -ENOMEM, "was killed from outside before the file was looked at");
	expect("nothing", -ENOEXEC, "ended without a report (exit status 3)");
	options.program = "/bin/true";
	expect("-", -ENOEXEC, "ended without a report (exit status 0)");
	options.program = "/nowhere/tfld";
	expect("-", -ECHILD, "cannot be started: No such file");
}
END_TEST

START_TEST(limits_end_it)
{
	options.cpu_ms = 900; /* rounded up */
	expect("loop", -EFBIG, "used more than 1 s of processor time while it was being run");
	if (have(TFL_CONFINE_LIMITS))
		expect("eat", -EFBIG, "needed more than 256 MiB of memory while it was being built ('proof_memory' allows more): the arena");
}
END_TEST

START_TEST(calls_that_no_model_needs_end_it)
{
	if (!have(TFL_CONFINE_SECCOMP))
		return;
	expect("socket", -ENOEXEC, "a system call that no model needs (socket) while it was being run");
	expect("clone", -ENOEXEC, "a system call that no model needs (clone)");
	expect("exec", -ENOEXEC, "a system call that no model needs (execve)");
	expect("signal", -ENOEXEC, "a system call that no model needs (kill)");
	expect("code", -ENOEXEC, "a system call that no model needs (mmap)");
	expect("mask", -ENOEXEC, "a system call that no model needs (an unknown one) while it was being run");
}
END_TEST

START_TEST(files_cannot_be_opened)
{
	if (have(TFL_CONFINE_LANDLOCK | TFL_CONFINE_SECCOMP))
		expect("open", -ENOEXEC, "exit status 7");
}
END_TEST

START_TEST(what_it_says_is_not_believed)
{
	expect("garbage", -ENOEXEC, "a report that is none");
	expect("half", -ENOEXEC, "a report that is none");
	expect("nonsense", -ENOEXEC, "a digest is no SHA-256");
	expect("much", -ENOEXEC, "a report of more than 16384 bytes");
	expect("escape", -ENOEXEC, "?[2Jboo?");
}
END_TEST

START_TEST(one_that_does_not_end_is_ended)
{
	options.grace_ms = 200;
	expect("close", -ENOEXEC, "ended its report before the file was looked at, but not itself");
	options.wall_ms = 300;
	expect("phases", -EFBIG, "was not done after 0 s");
	options.wall_ms = 4000; /* enough to come so far, on a machine that has other things to do */
	expect("stay", -EFBIG, "was not done after 4 s while it was being run on samples");
}
END_TEST

static void *cancel_soon(void *data)
{
	const struct timespec moment = { 0, 100000000 };

	nanosleep(&moment, NULL);
	atomic_store((atomic_bool *)data, true);
	return NULL;
}

START_TEST(giving_up_ends_it_at_once)
{
	static const char *const words[] = { "stay", "close", "loop" };

	for (unsigned i = 0; i < 3; i++) {
		atomic_bool cancelled = false;
		struct timespec begin, end;
		pthread_t thread;

		ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, &cancelled), 0);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		ck_assert_int_eq(prove(words[i], &cancelled), -ECANCELED);
		clock_gettime(CLOCK_MONOTONIC, &end);
		ck_assert_int_lt(end.tv_sec - begin.tv_sec, 9);
		pthread_join(thread, NULL);
	}
}
END_TEST

START_TEST(reports_of_any_bytes_are_parsed_or_refused)
{
	struct tfl_error failure = { -ENOEXEC, "why" };
	struct tfl_proof told = { .load_ns = 1, .run_ns = 2, .samples = 3, .digest_count = 1 }, got;
	struct tfl_writer writer;
	void *data = NULL;
	size_t size = 0;

	memset(told.digests[0], 'a', TFL_SHA256_TEXT - 1);
	tfl_writer_init(&writer);
	tfl_proof_report_write(&writer, &told, &failure);
	ck_assert_int_eq(tfl_writer_take_value(&writer, &data, &size), 0);
	ck_assert_int_eq(tfl_proof_report_parse((struct tfl_slice){ data, size }, &got, &failure, &error), 0);
	ck_assert_str_eq(failure.text, "why");
	ck_assert_uint_eq(got.samples, 3);
	ck_assert_str_eq(got.digests[0], told.digests[0]);
	for (size_t i = 0; i < size; i++) {
		ck_assert_int_lt(tfl_proof_report_parse((struct tfl_slice){ data, i }, &got, &failure, &error), 0);
		for (unsigned bit = 0; bit < 8; bit++) {
			((uint8_t *)data)[i] ^= (uint8_t)(1u << bit);
			if (tfl_proof_report_parse((struct tfl_slice){ data, size }, &got, &failure, &error) == 0)
				ck_assert_uint_le(got.digest_count, TFL_PROOF_DIGESTS_MAX);
			((uint8_t *)data)[i] ^= (uint8_t)(1u << bit);
		}
	}
	free(data);
	tfl_writer_finish(&writer);
}
END_TEST

Suite *prove_suite(void)
{
	Suite *suite = suite_create("prove");
	TCase *test = tcase_create("prove");

	tcase_add_checked_fixture(test, setup, NULL);
	tcase_set_timeout(test, 120);
	tcase_add_test(test, a_report_is_taken);
	tcase_add_test(test, a_child_has_nothing_of_the_daemon);
	tcase_add_test(test, every_way_to_end_is_a_sentence);
	tcase_add_test(test, limits_end_it);
	tcase_add_test(test, calls_that_no_model_needs_end_it);
	tcase_add_test(test, files_cannot_be_opened);
	tcase_add_test(test, what_it_says_is_not_believed);
	tcase_add_test(test, one_that_does_not_end_is_ended);
	tcase_add_test(test, giving_up_ends_it_at_once);
	tcase_add_test(test, reports_of_any_bytes_are_parsed_or_refused);
	suite_add_tcase(suite, test);
	return suite;
}
