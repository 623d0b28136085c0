/* SPDX-License-Identifier: MIT */
/*
 * Loading and unloading while the daemon runs: what becomes of a file that is good, bad or not one at all, who is told what, and what is
 * left afterwards.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/interpreter.h"
#include "runtime/pool.h"
#include "tests/builder/builder.h"
#include "tests/builder/mobilenet.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/loading.h"
#include "tests/daemon/suites.h"
#include "tests/support/descriptors.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static void save_unsupported(const char *path)
{
	struct tfl_builder *builder = tfl_build_create();
	int x = tfl_build_tensor(builder, &(struct tfl_build_tensor){ .name = "x", .dims = TFL_INTS(1, 4) });
	int y = tfl_build_tensor(builder, &(struct tfl_build_tensor){ .name = "y", .dims = TFL_INTS(1, 4) });
	struct tfl_build_operator frobnicate = {
		.code = TFL_BUILTIN_CUSTOM, .custom_name = "Frobnicate", .inputs = TFL_INTS(x), .outputs = TFL_INTS(y)
	};
	uint8_t *data;
	size_t size;

	tfl_build_operator(builder, &frobnicate);
	tfl_build_io(builder, TFL_INTS(x), TFL_INTS(y));
	ck_assert_int_eq(tfl_build_finish(builder, &data, &size), 0);
	file_write(path, data, size, 0644);
	free(data);
	tfl_build_destroy(builder);
}

START_TEST(a_loaded_version_is_complete_published_and_active)
{
	struct tfl_version *version;
	struct tfl_version_memory memory;
	struct stat st;

	ck_assert_int_eq(stat("a.tflite", &st), 0);
	loading_must_load("m", 0, "a.tflite");
	version = loading_find("m", 1);
	ck_assert_ptr_eq(loading.last.version, version);
	ck_assert_int_eq(version->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(version->file_bytes, (uint64_t)st.st_size);
	ck_assert_uint_eq(strlen(version->sha256), 64);
	ck_assert_uint_gt(version->load_ns, version->run_ns);
	ck_assert_uint_gt(version->run_ns, 0);
	ck_assert_uint_eq(version->input_count, 1);
	ck_assert_uint_eq(version->output_count, 1);
	ck_assert_uint_eq(tfl_pool_instances(version->pool), 2);
	ck_assert_ptr_nonnull(version->recorder);
	tfl_version_memory(version, &memory);
	ck_assert_uint_eq(memory.file, (uint64_t)st.st_size);
	ck_assert_uint_gt(memory.interpreters, 0);
	ck_assert_uint_eq(loading_active("m"), 1);
	ck_assert(file_exists("models/m/1/model.tflite"));
	ck_assert_ptr_nonnull(strstr(file_read("models/m/1/manifest"), version->sha256));
	ck_assert_uint_eq(loading_staged(), 0);
}
END_TEST

START_TEST(numbers_go_on_from_the_greatest)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 7, "b.tflite");
	loading_must_load("m", 0, "b.tflite");
	for (unsigned i = 0; i < 4; i++)
		ck_assert_ptr_nonnull(loading_find("m", (const uint64_t[]){ 1, 2, 7, 8 }[i]));
	ck_assert_uint_eq(loading_active("m"), 1);
	loading_must_load("m", TFL_VERSION_MAX, "a.tflite");
	ck_assert_int_eq(loading_load("m", 0, "a.tflite"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(loading.error.text, "give the number of this one"));
}
END_TEST

START_TEST(a_version_is_listed_as_loading_meanwhile)
{
	struct outcome outcome = { 0 };

	ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &outcome), 0);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_LOADING);
	ck_assert_ptr_null(loading_find("m", 1)->program);
	ck_assert_int_eq(loading_begin_unload("m", 1, false, &outcome), -EAGAIN);
	ck_assert_str_eq(loading.error.text, "version 1 of 'm' is LOADING; try again when that is over");
	/* The next one without a number knows of it. */
	ck_assert_int_eq(loading_begin_load("m", 0, "b.tflite", &outcome), 0);
	loading_wait_for(&outcome, 2);
	ck_assert_int_eq(loading_find("m", 2)->state, TFL_VERSION_AVAILABLE);
	ck_assert_uint_eq(loading_active("m"), 1);
}
END_TEST

START_TEST(a_corrupt_file_is_refused_and_leaves_nothing)
{
	file_write_text("bad.tflite", "\x1c\0\0\0TFL3 and then nothing that makes sense at all");
	ck_assert_int_eq(loading_load("m", 0, "bad.tflite"), -ENOEXEC);
	ck_assert_ptr_null(loading.last.version);
	ck_assert_uint_gt(strlen(loading.last.text), 10);
	loading_assert_nothing_left();
}
END_TEST

START_TEST(an_unsupported_file_is_refused_by_operator_and_leaves_nothing)
{
	save_unsupported("bad.tflite");
	ck_assert_int_eq(loading_load("m", 3, "bad.tflite"), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "Frobnicate"));
	loading_assert_nothing_left();
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	ck_assert_int_eq(loading_load("m", 0, "/dev/null"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "is a device, expected a regular file"));
	loading_assert_nothing_left();
}
END_TEST

START_TEST(a_store_that_cannot_be_written_gives_the_version_up)
{
	file_write_text("models/m", "in the way");
	ck_assert_int_lt(loading_load("m", 0, "a.tflite"), 0);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "models/m is no folder"));
	ck_assert_ptr_null(loading_find("m", 1));
	ck_assert_uint_eq(loading_staged(), 0);
}
END_TEST

START_TEST(wrong_calls_are_refused_at_once)
{
	unsigned before;

	loading_must_load("m", 1, "a.tflite");
	loading_flush();
	before = descriptors_open();
	ck_assert_int_eq(loading_load("../m", 0, "a.tflite"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(loading.error.text, "'../m' is no model name"));
	ck_assert_int_eq(loading_load("m", UINT64_MAX, "a.tflite"), -EINVAL);
	ck_assert_int_eq(loading_load("m", 1, "a.tflite"), -EEXIST);
	ck_assert_str_eq(loading.error.text, "version 1 of 'm' is AVAILABLE; load it as another version, or unload that one first");
	/* The descriptors were closed all the same. */
	loading_flush();
	ck_assert_uint_eq(descriptors_open(), before);
}
END_TEST

START_TEST(only_so_many_loads_may_wait)
{
	struct outcome outcome = { 0 };
	unsigned before = descriptors_open();

	__atomic_store_n(&loading.hold, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &outcome), 0);
	/* The first is out of the queue once its thread hangs in wake. */
	ck_assert_int_eq(sem_wait(&loading.woken), 0);
	for (unsigned i = 0; i < TFL_LOADS_MAX; i++)
		ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &outcome), 0);
	ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &outcome), -ENOBUFS);
	ck_assert_ptr_null(loading_find("m", TFL_LOADS_MAX + 2));
	__atomic_store_n(&loading.hold, false, __ATOMIC_RELEASE);
	sem_post(&loading.released);
	loading_wait_for(&outcome, TFL_LOADS_MAX + 1);
	ck_assert_int_eq(outcome.code, 0);
	ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &outcome), 0);
	loading_wait_for(&outcome, TFL_LOADS_MAX + 2);
	loading_flush();
	ck_assert_uint_eq(descriptors_open(), before);
}
END_TEST

START_TEST(a_running_request_keeps_an_unloaded_version_usable)
{
	struct outcome outcome = { 0 };
	struct tfl_interpreter *interpreter;
	struct tfl_version *held;

	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	held = tfl_version_ref(loading_find("m", 1));
	ck_assert_int_eq(tfl_loader_unload(loading.loader, held, false, 0, loading_on_done, &outcome, &loading.error), 0);
	ck_assert_uint_eq(loading_active("m"), 2);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_UNLOADING);
	ck_assert_ptr_ne(loading_find("m", 1), held);
	ck_assert_int_eq(loading_begin_unload("m", 1, false, &outcome), -EAGAIN);
	ck_assert_int_eq(loading_load("m", 1, "a.tflite"), -EEXIST);
	/* Long enough for the changes on disk; still not done. */
	for (unsigned i = 0; i < 100 && !strstr(file_read("models/m/state"), "\n1 = "); i++)
		usleep(10000);
	usleep(20000);
	tfl_loader_collect(loading.loader);
	ck_assert_uint_eq(outcome.calls, 0);
	interpreter = tfl_pool_borrow(held->pool);
	ck_assert_ptr_nonnull(interpreter);
	ck_assert_int_eq(tfl_interpreter_invoke(interpreter, NULL, &loading.error), 0);
	tfl_pool_return(held->pool, interpreter);
	tfl_version_unref(held);
	loading_wait_for(&outcome, 1);
	ck_assert_int_eq(outcome.code, 0);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_END);
}
END_TEST

START_TEST(an_erased_version_is_gone)
{
	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	ck_assert_int_eq(loading_unload("m", 1, true), 0);
	ck_assert_ptr_null(loading.last.version);
	ck_assert_ptr_null(loading_find("m", 1));
	ck_assert(!file_exists("models/m/1"));
	ck_assert_uint_eq(loading_active("m"), 2);
	/* One that is not loaded can be erased too. */
	ck_assert_int_eq(loading_unload("m", 2, false), 0);
	ck_assert_int_eq(loading_unload("m", 2, true), 0);
	loading_assert_nothing_left();
	loading_must_load("m", 0, "a.tflite");
	ck_assert_ptr_nonnull(loading_find("m", 1));
}
END_TEST

START_TEST(what_is_being_unloaded_can_be_erased)
{
	struct outcome unloaded = { 0 }, erased = { 0 };
	struct tfl_version *held;

	loading_must_load("m", 0, "a.tflite");
	loading_must_load("m", 0, "b.tflite");
	held = tfl_version_ref(loading_find("m", 1));
	ck_assert_int_eq(loading_begin_unload("m", 1, false, &unloaded), 0);
	ck_assert_int_eq(loading_begin_unload("m", 1, true, &erased), 0);
	ck_assert_int_eq(loading_begin_unload("m", 1, true, &erased), -EAGAIN); /* that is what happens */
	ck_assert_str_eq(loading_find("m", 1)->reason, "being erased");
	loading_flush();
	ck_assert(!file_exists("models/m/1"));
	ck_assert_uint_eq(unloaded.calls + erased.calls, 0);
	tfl_version_unref(held);
	loading_wait_for(&unloaded, 1);
	ck_assert_int_eq(unloaded.code, 0);
	loading_wait_for(&erased, 1);
	ck_assert_int_eq(erased.code, 0);
	ck_assert_ptr_null(loading_find("m", 1));
	ck_assert_uint_eq(loading_active("m"), 2);
	loading_restart();
	ck_assert_ptr_null(loading_find("m", 1));
	ck_assert_uint_eq(loading_active("m"), 2);
}
END_TEST

START_TEST(a_stop_comes_before_what_is_erased_is_freed)
{
	struct outcome unloaded = { 0 }, erased = { 0 };

	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(loading_begin_unload("m", 1, false, &unloaded), 0);
	ck_assert_int_eq(loading_begin_unload("m", 1, true, &erased), 0);
	loading_stop();
	ck_assert_uint_eq(unloaded.calls, 1);
	ck_assert_uint_eq(erased.calls, 1);
	loading_start();
}
END_TEST

START_TEST(erasing_what_somebody_deleted_is_no_error)
{
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(rename("models/m", "away"), 0);
	ck_assert_int_eq(loading_unload("m", 1, true), 0);
	loading_assert_nothing_left();
	loading_must_load("m", 0, "a.tflite");
	ck_assert_int_eq(rename("models/m", "away2"), 0);
	ck_assert_int_lt(loading_unload("m", 1, false), 0);
	ck_assert_int_eq(loading_find("m", 1)->state, TFL_VERSION_END);
	ck_assert_ptr_nonnull(strstr(loading.last.text, "models/m: cannot be opened: No such file"));
}
END_TEST

START_TEST(the_loader_is_idle_by_priority_and_nothing_that_computes_is)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned idle = 0, normal = 0;

	/* With two threads for each of two interpreters, one of them the caller's; the loader has them made elsewhere. */
	loading_stop();
	loading_start_with(2, false);
	loading_must_load("m", 0, "a.tflite");
	while ((entry = readdir(tasks))) {
		pid_t task = atoi(entry->d_name);
		char path[64];

		if (task <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%d/comm", task);
		if (strcmp(file_read(path), "tfl-loader\n") == 0) {
			ck_assert_int_eq(sched_getscheduler(task), SCHED_IDLE);
			idle++;
		} else {
			ck_assert_int_eq(sched_getscheduler(task), SCHED_OTHER);
			normal++;
		}
	}
	closedir(tasks);
	ck_assert_uint_eq(idle, 1);
	ck_assert_uint_ge(normal, 4);
}
END_TEST

/* 0 under a sanitizer, which keeps what is freed. */
static unsigned long resident_kib(void)
{
	const char *line = strstr(file_read("/proc/self/status"), "\nVmRSS:");

	return SANITIZED ? 0 : strtoul(line + 7, NULL, 10);
}

/* In a process of its own, whose memory goes with it. */
static void save_mobilenet(const char *path)
{
	struct tfl_builder *builder;
	struct tfl_net net = { .count = 0 };
	uint8_t *data;
	size_t size;
	pid_t child = fork();
	int status;

	if (child == 0) {
		builder = tfl_build_create();
		if (tfl_net_mobilenet_v2(&net, 1) < 0 || tfl_net_emit(&net, true, builder) < 0 ||
		    tfl_build_finish(builder, &data, &size) < 0 || tfl_build_save(path, data, size) < 0)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(unloading_gives_the_memory_back)
{
	unsigned long before = 0, loaded;

	/* No thread may hold an allocator's lock while it forks. */
	loading_stop();
	save_mobilenet("mobilenet.tflite");
	loading_start();
	for (unsigned i = 0; i < 5; i++) {
		loading_must_load("m", 2, "mobilenet.tflite");
		loaded = resident_kib();
		ck_assert_int_eq(loading_unload("m", 2, true), 0);
		/* What the libraries keep for good, the pages of their own code among it, comes with the first round. */
		if (i == 0)
			before = resident_kib();
		if (!SANITIZED) {
			ck_assert_uint_gt(loaded, before + 10000);
			ck_assert_uint_lt(resident_kib(), before + 2500);
		}
	}
}
END_TEST

START_TEST(rounds_of_loading_and_unloading_leave_no_trace)
{
	unsigned long before = 0;
	unsigned descriptors = 0;

	for (unsigned i = 0; i < 60; i++) {
		if (i == 20) {
			before = resident_kib();
			descriptors = descriptors_open();
		}
		loading_must_load("m", 0, "a.tflite");
		ck_assert_int_eq(loading_unload("m", 1, true), 0);
	}
	ck_assert_uint_eq(descriptors_open(), descriptors);
	ck_assert_uint_le(resident_kib(), before + 400);
	loading_assert_nothing_left();
}
END_TEST

/* What a call of another's is: which thread ran it, and how it ended. */
struct work {
	struct outcome outcome;
	const struct outcome *later;
	unsigned runs;
	int code;
	bool elsewhere;
};

static int run_work(void *data, struct tfl_error *error)
{
	struct work *work = data;

	work->runs++;
	work->elsewhere = gettid() != getpid();
	return work->code < 0 ? tfl_error_set(error, work->code, "no luck") : 0;
}

static void on_worked(void *data, struct tfl_version *version, const struct tfl_error *why)
{
	struct work *work = data;

	ck_assert_ptr_null(version);
	if (work->later)
		ck_assert_uint_eq(work->later->calls, 0);
	loading_on_done(&work->outcome, NULL, why);
}

START_TEST(a_call_runs_before_the_loads_that_wait)
{
	struct outcome first = { 0 }, second = { 0 };
	struct work work = { .later = &second };

	__atomic_store_n(&loading.hold, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &first), 0);
	ck_assert_int_eq(sem_wait(&loading.woken), 0);
	ck_assert_int_eq(loading_begin_load("m", 0, "b.tflite", &second), 0);
	ck_assert_int_eq(tfl_loader_call(loading.loader, run_work, on_worked, &work), 0);
	__atomic_store_n(&loading.hold, false, __ATOMIC_RELEASE);
	sem_post(&loading.released);
	loading_wait_for(&work.outcome, 1);
	loading_wait_for(&second, 1);
	ck_assert_uint_eq(work.runs, 1);
	ck_assert(work.elsewhere);
	ck_assert_int_eq(work.outcome.code, 0);
	work.code = -EROFS;
	ck_assert_int_eq(tfl_loader_call(loading.loader, run_work, on_worked, &work), 0);
	work.later = NULL;
	loading_wait_for(&work.outcome, 2);
	ck_assert_int_eq(work.outcome.code, -EROFS);
	ck_assert_str_eq(work.outcome.text, "no luck");
}
END_TEST

START_TEST(a_call_that_nobody_collects_is_told_so)
{
	struct outcome load = { 0 };
	struct work work = { .code = 0 };

	__atomic_store_n(&loading.hold, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(loading_begin_load("m", 0, "a.tflite", &load), 0);
	ck_assert_int_eq(sem_wait(&loading.woken), 0);
	ck_assert_int_eq(tfl_loader_call(loading.loader, run_work, on_worked, &work), 0);
	__atomic_store_n(&loading.hold, false, __ATOMIC_RELEASE);
	sem_post(&loading.released);
	loading_stop();
	ck_assert_uint_eq(work.outcome.calls, 1);
	ck_assert_int_eq(work.outcome.code, -ECANCELED);
	loading_start();
}
END_TEST

Suite *loader_suite(void)
{
	Suite *suite = suite_create("loader");
	TCase *tcase = tcase_create("loader");

	tcase_add_checked_fixture(tcase, loading_setup, loading_teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_loaded_version_is_complete_published_and_active);
	tcase_add_test(tcase, numbers_go_on_from_the_greatest);
	tcase_add_test(tcase, a_version_is_listed_as_loading_meanwhile);
	tcase_add_test(tcase, a_corrupt_file_is_refused_and_leaves_nothing);
	tcase_add_test(tcase, an_unsupported_file_is_refused_by_operator_and_leaves_nothing);
	tcase_add_test(tcase, what_is_no_file_is_refused);
	tcase_add_test(tcase, a_store_that_cannot_be_written_gives_the_version_up);
	tcase_add_test(tcase, wrong_calls_are_refused_at_once);
	tcase_add_test(tcase, only_so_many_loads_may_wait);
	tcase_add_test(tcase, a_running_request_keeps_an_unloaded_version_usable);
	tcase_add_test(tcase, an_erased_version_is_gone);
	tcase_add_test(tcase, what_is_being_unloaded_can_be_erased);
	tcase_add_test(tcase, a_stop_comes_before_what_is_erased_is_freed);
	tcase_add_test(tcase, erasing_what_somebody_deleted_is_no_error);
	tcase_add_test(tcase, a_call_runs_before_the_loads_that_wait);
	tcase_add_test(tcase, a_call_that_nobody_collects_is_told_so);
	tcase_add_test(tcase, the_loader_is_idle_by_priority_and_nothing_that_computes_is);
	tcase_add_test(tcase, unloading_gives_the_memory_back);
	tcase_add_test(tcase, rounds_of_loading_and_unloading_leave_no_trace);
	suite_add_tcase(suite, tcase);
	return suite;
}
