/* SPDX-License-Identifier: MIT */
/*
 * One row of counters per uid that was seen. An account without references stays in the table until the next new uid comes along, which
 * sweeps such accounts out: so the last reference may be dropped on any thread without a lock, and a device with a handful of users
 * never frees one.
 *
 * Always: a counter is at most what its limit was when it last rose, and zero when the account has no reference.
 */
#include "daemon/account.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

struct tfl_account {
	struct tfl_account *next;
	uid_t uid;
	const _Atomic uint64_t *limits; /* the table's */
	atomic_uint refs;
	_Atomic uint64_t used[TFL_QUOTA_COUNT];
};

struct tfl_accounts {
	struct tfl_account *first;
	_Atomic uint64_t limits[TFL_QUOTA_COUNT];
};

static const struct {
	const char *noun;
	const char *key;
} quotas[TFL_QUOTA_COUNT] = {
	[TFL_QUOTA_CONNECTIONS] = {"connections", "connections"},
	[TFL_QUOTA_REQUESTS] = {"requests in flight", "requests"},
	[TFL_QUOTA_BYTES] = {"bytes of requests and unread replies", "bytes"},
	[TFL_QUOTA_SESSIONS] = {"sessions", "sessions"},
};

int tfl_accounts_create(const uint64_t limits[TFL_QUOTA_COUNT], struct tfl_accounts **ret_accounts)
{
	struct tfl_accounts *accounts = calloc(1, sizeof(*accounts));

	if (!accounts)
		return -ENOMEM;
	tfl_accounts_set_limits(accounts, limits);
	*ret_accounts = accounts;
	return 0;
}

void tfl_accounts_set_limits(struct tfl_accounts *accounts, const uint64_t limits[TFL_QUOTA_COUNT])
{
	for (unsigned i = 0; i < TFL_QUOTA_COUNT; i++)
		atomic_store_explicit(&accounts->limits[i], limits[i], memory_order_relaxed);
}

/* Frees the accounts that nobody refers to. A count of 0 rises only on the loop thread, so what is seen here cannot come back to life. */
static void sweep(struct tfl_accounts *accounts)
{
	struct tfl_account **link = &accounts->first;

	while (*link) {
		struct tfl_account *account = *link;

		if (atomic_load_explicit(&account->refs, memory_order_acquire) != 0) {
			link = &account->next;
			continue;
		}
		*link = account->next;
		free(account);
	}
}

void tfl_accounts_destroy(struct tfl_accounts *accounts)
{
	if (!accounts)
		return;
	sweep(accounts);
	assert(!accounts->first);
	free(accounts);
}

int tfl_accounts_get(struct tfl_accounts *accounts, uid_t uid, struct tfl_account **ret_account)
{
	struct tfl_account *account = accounts->first;

	while (account && account->uid != uid)
		account = account->next;
	if (!account) {
		sweep(accounts);
		account = calloc(1, sizeof(*account));
		if (!account)
			return -ENOMEM;
		account->uid = uid;
		account->limits = accounts->limits;
		account->next = accounts->first;
		accounts->first = account;
	}
	atomic_fetch_add_explicit(&account->refs, 1, memory_order_relaxed);
	*ret_account = account;
	return 0;
}

void tfl_account_unref(struct tfl_account *account)
{
	if (account)
		atomic_fetch_sub_explicit(&account->refs, 1, memory_order_release);
}

int tfl_account_charge(struct tfl_account *account, enum tfl_quota quota, uint64_t amount, struct tfl_error *error)
{
	uint64_t limit = tfl_account_limit(account, quota);
	uint64_t used = atomic_load_explicit(&account->used[quota], memory_order_relaxed);

	do {
		if (amount > limit || used > limit - amount)
			return tfl_error_set(error, -EDQUOT, "uid %u may have %" PRIu64 " %s at once ([users] %s), has %" PRIu64 " and asks for %" PRIu64
					     " more; try again when some of them are done",
					     (unsigned)account->uid, limit, quotas[quota].noun, quotas[quota].key, used, amount);
	} while (!atomic_compare_exchange_weak_explicit(&account->used[quota], &used, used + amount, memory_order_relaxed,
							memory_order_relaxed));
	return 0;
}

void tfl_account_release(struct tfl_account *account, enum tfl_quota quota, uint64_t amount)
{
	uint64_t before = atomic_fetch_sub_explicit(&account->used[quota], amount, memory_order_relaxed);

	assert(before >= amount);
	(void)before;
}

uint64_t tfl_account_used(const struct tfl_account *account, enum tfl_quota quota)
{
	return atomic_load_explicit(&account->used[quota], memory_order_relaxed);
}

uint64_t tfl_account_limit(const struct tfl_account *account, enum tfl_quota quota)
{
	return atomic_load_explicit(&account->limits[quota], memory_order_relaxed);
}
