/* SPDX-License-Identifier: MIT */
/*
 * Order, turns, bounds and sweeping without threads; then workers that sleep, wake and stop. Versions and jobs here are empty: the
 * scheduler looks at nothing but priority, deadline and cancel flag.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/job.h"
#include "daemon/scheduler.h"
#include "daemon/version.h"
#include "tests/daemon/suites.h"

#define CAPACITY 8
#define JOBS 16

static struct tfl_scheduler *scheduler;
static struct tfl_version *a, *b, *c;
static struct tfl_job jobs[JOBS];
static struct tfl_error error;

static struct tfl_version *version(const char *name)
{
	struct tfl_version *made;

	ck_assert_int_eq(tfl_version_create(name, 1, NULL, NULL, &made), 0);
	return made;
}

static void setup(void)
{
	ck_assert_int_eq(tfl_scheduler_create(CAPACITY, &scheduler), 0);
	a = version("a");
	b = version("b");
	c = version("c");
	memset(jobs, 0, sizeof(jobs));
	for (unsigned i = 0; i < JOBS; i++)
		jobs[i].priority = 128;
}

static void teardown(void)
{
	tfl_scheduler_destroy(scheduler);
	tfl_scheduler_destroy(NULL);
	tfl_version_unref(a);
	tfl_version_unref(b);
	tfl_version_unref(c);
}

static int push(unsigned number, struct tfl_version *of, unsigned slots)
{
	jobs[number].version = of;
	return tfl_scheduler_push(scheduler, &jobs[number], slots, &error);
}

/* Number of the job that comes next, or -1. */
static int next(void)
{
	struct tfl_job *job = tfl_scheduler_try_next(scheduler);

	return job ? (int)(job - jobs) : -1;
}

static void finish(int number)
{
	tfl_scheduler_finish(scheduler, &jobs[number].version->queue);
}

static void expect(int number)
{
	ck_assert_int_eq(next(), number);
}

static struct tfl_scheduler_counts counts(void)
{
	struct tfl_scheduler_counts now;

	tfl_scheduler_read(scheduler, NULL, &now);
	return now;
}

START_TEST(jobs_of_one_version_come_in_order)
{
	expect(-1);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_ge(push(i, a, 4), 0);
	for (int i = 0; i < 4; i++)
		expect(i);
	expect(-1);
	for (int i = 0; i < 4; i++)
		finish(i);
}
END_TEST

/* Jobs that an instance is free for are not in the queue, whether a worker has taken them or not. */
START_TEST(a_version_has_a_queue_of_its_own)
{
	a->conf.queue = 2;
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_ge(push(i, a, 2), 0);
	ck_assert_int_eq(push(4, a, 2), -ENOBUFS);
	ck_assert_str_eq(error.text, "4 requests of version 1 of 'a' run or wait already, as many as its 2 instances and its queue of 2 take "
				     "(queue in model.conf, or [models] queue); try again later");
	/* Others are not concerned, until the queue of all is full. */
	for (unsigned i = 4; i < 8; i++)
		ck_assert_int_ge(push(i, b, 4), 0);
	ck_assert_int_eq(push(8, b, 4), -ENOBUFS);
	ck_assert_ptr_nonnull(strstr(error.text, "([requests] queue)"));
	expect(0);
	expect(4);
	ck_assert_int_eq(push(8, a, 2), -ENOBUFS);
	finish(0);
	ck_assert_int_ge(push(8, a, 2), 0);
	ck_assert_int_eq(push(9, a, 2), -ENOBUFS);
	finish(4);
	for (int job; (job = next()) >= 0;)
		finish(job);
}
END_TEST

START_TEST(a_higher_priority_overtakes_and_equals_keep_their_order)
{
	static const unsigned priorities[] = {128, 128, 255, 1, 128, 1, 64};
	static const int order[] = {3, 5, 6, 0, 1, 4, 2};

	for (unsigned i = 0; i < 7; i++) {
		jobs[i].priority = priorities[i];
		ck_assert_int_ge(push(i, a, 7), 0);
	}
	for (unsigned i = 0; i < 7; i++)
		expect(order[i]);
	expect(-1);
	for (int i = 0; i < 7; i++)
		finish(i);
}
END_TEST

START_TEST(a_version_runs_as_many_as_it_has_instances)
{
	for (unsigned i = 0; i < 4; i++)
		push(i, a, 2);
	expect(0);
	expect(1);
	expect(-1);
	finish(0);
	expect(2);
	expect(-1);
	finish(1);
	expect(3);
	finish(2);
	finish(3);
	expect(-1);
}
END_TEST

START_TEST(versions_take_turns)
{
	/* a comes first with many; b and c get their turn all the same. */
	for (unsigned i = 0; i < 4; i++)
		push(i, a, 8);
	push(4, b, 8);
	push(5, b, 8);
	push(6, c, 8);
	expect(0);
	expect(4);
	expect(6);
	expect(1);
	expect(5);
	expect(2);
	expect(3);
	for (int i = 0; i < 7; i++)
		finish(i);
}
END_TEST

START_TEST(a_busy_version_holds_up_no_other)
{
	push(0, a, 1);
	push(1, a, 1);
	push(2, b, 1);
	expect(0);
	expect(2);
	expect(-1);
	finish(0);
	expect(1);
	finish(1);
	finish(2);
}
END_TEST

START_TEST(a_full_queue_refuses_with_a_sentence)
{
	for (unsigned i = 0; i < CAPACITY; i++)
		ck_assert_int_ge(push(i, i % 2 ? a : b, 1), 0);
	ck_assert_int_eq(push(CAPACITY, a, 1), -ENOBUFS);
	ck_assert_ptr_nonnull(strstr(error.text, "8 requests wait"));
	ck_assert_ptr_nonnull(strstr(error.text, "[requests] queue"));
	ck_assert_uint_eq(counts().waiting, CAPACITY);
	/* One that runs makes room for one that waits. */
	ck_assert_int_ge(next(), 0);
	ck_assert_int_ge(push(CAPACITY, a, 1), 0);
	ck_assert_int_eq(push(CAPACITY + 1, a, 1), -ENOBUFS);
	ck_assert_uint_eq(counts().running, 1);
	for (unsigned i = 0; i < JOBS; i++)
		atomic_store(&jobs[i].cancelled, true);
	ck_assert_ptr_nonnull(tfl_scheduler_sweep(scheduler, 0));
	finish(0);
}
END_TEST

START_TEST(push_tells_when_nobody_is_free)
{
	/* No worker sleeps here at all. */
	ck_assert_int_eq(push(0, a, 1), 1);
	expect(0);
	finish(0);
}
END_TEST

START_TEST(beside_the_queue_only_where_nothing_waits_or_runs)
{
	ck_assert(tfl_scheduler_start(scheduler, &a->queue));
	ck_assert(!tfl_scheduler_start(scheduler, &a->queue));
	ck_assert(tfl_scheduler_start(scheduler, &b->queue));
	tfl_scheduler_finish(scheduler, &b->queue);
	push(0, a, 1);
	expect(-1);
	ck_assert(!tfl_scheduler_start(scheduler, &b->queue));
	tfl_scheduler_finish(scheduler, &a->queue);
	expect(0);
	ck_assert(tfl_scheduler_start(scheduler, &b->queue));
	tfl_scheduler_finish(scheduler, &b->queue);
	finish(0);
}
END_TEST

/* Numbers of the swept jobs as a bit set. */
static unsigned sweep(uint64_t now)
{
	unsigned set = 0;

	for (struct tfl_job *job = tfl_scheduler_sweep(scheduler, now); job; job = job->next)
		set |= 1u << (job - jobs);
	return set;
}

START_TEST(a_sweep_takes_the_late_and_the_cancelled)
{
	push(0, a, 1);
	push(1, a, 1);
	push(2, a, 1);
	push(3, b, 1);
	push(4, a, 1);
	jobs[1].control.deadline_ns = 100;
	jobs[3].control.deadline_ns = 200;
	ck_assert_uint_eq(sweep(99), 0);
	ck_assert_uint_eq(sweep(100), 1u << 1);
	atomic_store(&jobs[4].cancelled, true);
	ck_assert_uint_eq(sweep(200), 1u << 3 | 1u << 4);
	ck_assert_uint_eq(counts().waiting, 2);
	expect(0);
	expect(-1);
	/* The tail was swept: what comes now stands behind job 2. */
	push(5, a, 1);
	finish(0);
	expect(2);
	finish(2);
	expect(5);
	finish(5);
	expect(-1);
	/* b was emptied while it was ready; it comes back like any other. */
	push(6, b, 1);
	expect(6);
	finish(6);
}
END_TEST

START_TEST(a_sweep_leaves_the_turns_intact)
{
	push(0, a, 1);
	push(1, b, 1);
	push(2, c, 1);
	jobs[2].control.deadline_ns = 1;
	ck_assert_uint_eq(sweep(1), 1u << 2);
	push(3, c, 1);
	jobs[0].control.deadline_ns = 1;
	ck_assert_uint_eq(sweep(1), 1u << 0);
	expect(1);
	expect(3);
	expect(-1);
	finish(1);
	finish(3);
}
END_TEST

START_TEST(after_a_stop_what_waits_still_comes_and_nothing_new)
{
	push(0, a, 1);
	push(1, a, 1);
	tfl_scheduler_stop(scheduler);
	ck_assert_int_eq(push(2, a, 1), -ESHUTDOWN);
	ck_assert(!tfl_scheduler_start(scheduler, &b->queue));
	ck_assert_ptr_eq(tfl_scheduler_next(scheduler), &jobs[0]);
	finish(0);
	ck_assert_ptr_eq(tfl_scheduler_next(scheduler), &jobs[1]);
	finish(1);
	ck_assert_ptr_null(tfl_scheduler_next(scheduler));
}
END_TEST

static void count_up(void *data)
{
	atomic_fetch_add((atomic_uint *)data, 1);
}

/* One before each job: jobs do not wait for all of the chores, nor chores for all of the jobs. */
START_TEST(chores_and_jobs_take_turns)
{
	atomic_uint did = 0;
	struct tfl_chore chores[5];

	for (unsigned i = 0; i < 5; i++)
		chores[i] = (struct tfl_chore){.run = count_up, .data = &did};
	for (unsigned i = 0; i < 3; i++)
		tfl_scheduler_add_chore(scheduler, &chores[i]);
	push(0, a, 1);
	push(1, b, 1);
	ck_assert_ptr_eq(tfl_scheduler_next(scheduler), &jobs[0]);
	ck_assert_uint_eq(did, 1);
	ck_assert_ptr_eq(tfl_scheduler_next(scheduler), &jobs[1]);
	ck_assert_uint_eq(did, 2);
	finish(0);
	finish(1);
	/* Nor is one lost at the end, whether there is a worker still or not. */
	tfl_scheduler_stop(scheduler);
	tfl_scheduler_add_chore(scheduler, &chores[3]);
	ck_assert_ptr_null(tfl_scheduler_next(scheduler));
	ck_assert_uint_eq(did, 4);
	tfl_scheduler_add_chore(scheduler, &chores[4]);
	tfl_scheduler_do_chores(scheduler);
	ck_assert_uint_eq(did, 5);
	tfl_scheduler_do_chores(NULL);
}
END_TEST

static atomic_uint done, running, most;

static void *work(void *data)
{
	struct tfl_job *job;

	while ((job = tfl_scheduler_next(scheduler))) {
		unsigned now = atomic_fetch_add(&running, 1) + 1, seen = atomic_load(&most);

		while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
			;
		usleep(100);
		atomic_fetch_sub(&running, 1);
		tfl_scheduler_finish(scheduler, &job->version->queue);
		atomic_store(&job->cancelled, false);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

START_TEST(a_chore_wakes_a_worker)
{
	atomic_uint did = 0;
	struct tfl_chore chore = {.run = count_up, .data = &did};
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (unsigned i = 1; i <= 100; i++) {
		tfl_scheduler_add_chore(scheduler, &chore);
		while (atomic_load(&did) < i)
			usleep(100);
	}
	tfl_scheduler_stop(scheduler);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(workers_run_everything_within_the_bounds)
{
	pthread_t threads[4];
	unsigned pushed = 0;

	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < CAPACITY; i++) {
			/* The flag marks a job that is under way, so that none is pushed twice. */
			while (atomic_load(&jobs[i].cancelled))
				usleep(50);
			atomic_store(&jobs[i].cancelled, true);
			while (push(i, i % 3 ? a : b, i % 3 ? 2 : 1) < 0)
				usleep(50);
			pushed++;
		}
	}
	while (atomic_load(&done) < pushed)
		usleep(100);
	tfl_scheduler_stop(scheduler);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_le(atomic_load(&most), 3);
	ck_assert_uint_eq(counts().running, 0);
	ck_assert_uint_eq(counts().waiting, 0);
}
END_TEST

Suite *scheduler_suite(void)
{
	Suite *suite = suite_create("scheduler");
	TCase *tcase = tcase_create("order");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, jobs_of_one_version_come_in_order);
	tcase_add_test(tcase, a_version_has_a_queue_of_its_own);
	tcase_add_test(tcase, a_higher_priority_overtakes_and_equals_keep_their_order);
	tcase_add_test(tcase, a_version_runs_as_many_as_it_has_instances);
	tcase_add_test(tcase, versions_take_turns);
	tcase_add_test(tcase, a_busy_version_holds_up_no_other);
	tcase_add_test(tcase, a_full_queue_refuses_with_a_sentence);
	tcase_add_test(tcase, push_tells_when_nobody_is_free);
	tcase_add_test(tcase, beside_the_queue_only_where_nothing_waits_or_runs);
	tcase_add_test(tcase, a_sweep_takes_the_late_and_the_cancelled);
	tcase_add_test(tcase, a_sweep_leaves_the_turns_intact);
	tcase_add_test(tcase, after_a_stop_what_waits_still_comes_and_nothing_new);
	tcase_add_test(tcase, chores_and_jobs_take_turns);
	tcase_add_test(tcase, a_chore_wakes_a_worker);
	tcase_add_test(tcase, workers_run_everything_within_the_bounds);
	suite_add_tcase(suite, tcase);
	return suite;
}
