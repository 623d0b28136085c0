/* SPDX-License-Identifier: MIT */
/* Whatever happened before a send is seen by the call that comes after it, however many send at once; and a loop that is not woken sleeps. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>

#include "daemon/wakeup.h"
#include "tests/daemon/suites.h"

#define SENDERS 3
#define TIMES 20000u

static struct tfl_wakeup wakeup;
static uv_loop_t loop;
static atomic_uint made;
static unsigned seen, calls;

static void on_wake(void *data)
{
	ck_assert_ptr_eq(data, &seen);
	seen = atomic_load(&made);
	calls++;
	if (seen == SENDERS * TIMES)
		uv_stop(&loop);
}

static void *send_all(void *data)
{
	for (unsigned i = 0; i < TIMES; i++) {
		atomic_fetch_add(&made, 1);
		tfl_wakeup_send(data);
	}
	return NULL;
}

START_TEST(nothing_is_missed)
{
	pthread_t threads[SENDERS];

	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(tfl_wakeup_init(&wakeup, &loop, on_wake, &seen), 0);
	ck_assert_int_ne(uv_run(&loop, UV_RUN_NOWAIT), 0); /* there is something to wait for … */
	ck_assert_uint_eq(calls, 0);
	tfl_wakeup_send(&wakeup);
	tfl_wakeup_send(&wakeup);
	(void)uv_run(&loop, UV_RUN_ONCE);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(calls, 1); /* … and once is enough for both */
	for (unsigned i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, send_all, &wakeup), 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* until all of them were seen */
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(seen, SENDERS * TIMES);
	tfl_wakeup_close(&wakeup);
	ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

Suite *wakeup_suite(void)
{
	Suite *suite = suite_create("wakeup");
	TCase *tcase = tcase_create("wakeup");

	tcase_add_test(tcase, nothing_is_missed);
	suite_add_tcase(suite, tcase);
	return suite;
}
