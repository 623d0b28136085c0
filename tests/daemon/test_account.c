/* SPDX-License-Identifier: MIT */
/*
 * Limits hold to the unit, users do not share them, and an account comes back empty; charging from several threads at once loses nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/account.h"
#include "tests/daemon/suites.h"

static const uint64_t limits[TFL_QUOTA_COUNT] = {
	[TFL_QUOTA_CONNECTIONS] = 2,
	[TFL_QUOTA_REQUESTS] = 3,
	[TFL_QUOTA_BYTES] = 1000,
};

static struct tfl_accounts *accounts;
static struct tfl_error error;

static void setup(void)
{
	ck_assert_int_eq(tfl_accounts_create(limits, &accounts), 0);
}

static void teardown(void)
{
	tfl_accounts_destroy(accounts);
	tfl_accounts_destroy(NULL);
}

static struct tfl_account *get(uid_t uid)
{
	struct tfl_account *account;

	ck_assert_int_eq(tfl_accounts_get(accounts, uid, &account), 0);
	return account;
}

START_TEST(a_quota_holds_to_the_unit)
{
	struct tfl_account *account = get(1000);

	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 999, &error), 0);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 2, &error), -EDQUOT);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_BYTES), 999);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 1, &error), 0);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 1, &error), -EDQUOT);
	tfl_account_release(account, TFL_QUOTA_BYTES, 1000);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 1000, &error), 0);
	tfl_account_release(account, TFL_QUOTA_BYTES, 1000);
	tfl_account_unref(account);
}
END_TEST

START_TEST(an_amount_that_wraps_around_is_refused)
{
	struct tfl_account *account = get(1000);

	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 10, &error), 0);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, UINT64_MAX, &error), -EDQUOT);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, UINT64_MAX - 5, &error), -EDQUOT);
	tfl_account_release(account, TFL_QUOTA_BYTES, 10);
	tfl_account_unref(account);
}
END_TEST

START_TEST(the_sentence_names_user_limit_and_key)
{
	struct tfl_account *account = get(4711);

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_REQUESTS, 1, &error), 0);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_REQUESTS, 1, &error), -EDQUOT);
	ck_assert_ptr_nonnull(strstr(error.text, "uid 4711 may have 3 requests in flight"));
	ck_assert_ptr_nonnull(strstr(error.text, "[users] requests"));
	tfl_account_release(account, TFL_QUOTA_REQUESTS, 3);
	tfl_account_unref(account);
}
END_TEST

/* Whoever holds more than a new limit keeps it, and gets nothing before it holds less. */
START_TEST(limits_change)
{
	struct tfl_account *account = get(1000);

	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 900, &error), 0);
	tfl_accounts_set_limits(accounts, (const uint64_t[TFL_QUOTA_COUNT]){1, 1, 500});
	ck_assert_uint_eq(tfl_account_limit(account, TFL_QUOTA_BYTES), 500);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 1, &error), -EDQUOT);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 0, &error), -EDQUOT);
	tfl_account_release(account, TFL_QUOTA_BYTES, 500);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 100, &error), 0);
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 1, &error), -EDQUOT);
	tfl_accounts_set_limits(accounts, (const uint64_t[TFL_QUOTA_COUNT]){2, 2, 2000});
	ck_assert_int_eq(tfl_account_charge(account, TFL_QUOTA_BYTES, 1500, &error), 0);
	tfl_account_release(account, TFL_QUOTA_BYTES, 2000);
	tfl_account_unref(account);
}
END_TEST

START_TEST(users_and_quotas_are_apart)
{
	struct tfl_account *first = get(1), *second = get(2);

	ck_assert_int_eq(tfl_account_charge(first, TFL_QUOTA_CONNECTIONS, 2, &error), 0);
	ck_assert_int_eq(tfl_account_charge(first, TFL_QUOTA_CONNECTIONS, 1, &error), -EDQUOT);
	ck_assert_int_eq(tfl_account_charge(first, TFL_QUOTA_REQUESTS, 3, &error), 0);
	ck_assert_int_eq(tfl_account_charge(second, TFL_QUOTA_CONNECTIONS, 2, &error), 0);
	tfl_account_release(first, TFL_QUOTA_CONNECTIONS, 2);
	tfl_account_release(first, TFL_QUOTA_REQUESTS, 3);
	tfl_account_release(second, TFL_QUOTA_CONNECTIONS, 2);
	tfl_account_unref(first);
	tfl_account_unref(second);
}
END_TEST

START_TEST(one_uid_has_one_account)
{
	struct tfl_account *first = get(7), *again = get(7);

	ck_assert_ptr_eq(first, again);
	ck_assert_int_eq(tfl_account_charge(first, TFL_QUOTA_CONNECTIONS, 2, &error), 0);
	ck_assert_int_eq(tfl_account_charge(again, TFL_QUOTA_CONNECTIONS, 1, &error), -EDQUOT);
	tfl_account_release(first, TFL_QUOTA_CONNECTIONS, 2);
	tfl_account_unref(first);
	tfl_account_unref(again);
}
END_TEST

/* A thousand users come and go while one stays; the sanitizers see that the table does not keep the thousand. */
START_TEST(accounts_without_references_are_swept)
{
	struct tfl_account *stays = get(1);

	ck_assert_int_eq(tfl_account_charge(stays, TFL_QUOTA_BYTES, 5, &error), 0);
	for (uid_t uid = 100; uid < 1100; uid++)
		tfl_account_unref(get(uid));
	ck_assert_ptr_eq(get(1), stays);
	ck_assert_uint_eq(tfl_account_used(stays, TFL_QUOTA_BYTES), 5);
	tfl_account_release(stays, TFL_QUOTA_BYTES, 5);
	tfl_account_unref(stays);
	tfl_account_unref(stays);
}
END_TEST

static void *charge_and_release(void *data)
{
	struct tfl_account *account = data;

	for (unsigned i = 0; i < 20000; i++) {
		if (tfl_account_charge(account, TFL_QUOTA_BYTES, 400, NULL) == 0)
			tfl_account_release(account, TFL_QUOTA_BYTES, 400);
	}
	return NULL;
}

START_TEST(threads_lose_nothing)
{
	struct tfl_account *account = get(1);
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, charge_and_release, account), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(tfl_account_used(account, TFL_QUOTA_BYTES), 0);
	tfl_account_unref(account);
}
END_TEST

Suite *account_suite(void)
{
	Suite *suite = suite_create("account");
	TCase *tcase = tcase_create("quotas");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_quota_holds_to_the_unit);
	tcase_add_test(tcase, an_amount_that_wraps_around_is_refused);
	tcase_add_test(tcase, the_sentence_names_user_limit_and_key);
	tcase_add_test(tcase, limits_change);
	tcase_add_test(tcase, users_and_quotas_are_apart);
	tcase_add_test(tcase, one_uid_has_one_account);
	tcase_add_test(tcase, accounts_without_references_are_swept);
	tcase_add_test(tcase, threads_lose_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
