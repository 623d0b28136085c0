/* SPDX-License-Identifier: MIT */
/*
 * What each user (uid) of the daemon holds at this moment: connections, requests in flight, bytes of frames and queued replies, sessions. Whatever
 * a peer makes the daemon hold is charged here before it is allocated.
 *
 * Lifetime: accounts are reference counted and belong to a table, which is made and destroyed on the loop thread after everything that
 * holds a reference. Thread: get() on the loop thread; charge, release, unref on any thread, without a lock.
 */
#ifndef DAEMON_ACCOUNT_H
#define DAEMON_ACCOUNT_H

#include <stdint.h>
#include <sys/types.h>

struct tfl_account;
struct tfl_accounts;
struct tfl_error;

enum tfl_quota {
	TFL_QUOTA_CONNECTIONS,
	TFL_QUOTA_REQUESTS, /* in flight */
	TFL_QUOTA_BYTES,    /* of received frames and unread replies */
	TFL_QUOTA_SESSIONS,
	TFL_QUOTA_COUNT
};

/** @p limits: one per quota, for every user alike. 0 or -ENOMEM. */
int tfl_accounts_create(const uint64_t limits[TFL_QUOTA_COUNT], struct tfl_accounts **ret_accounts);
void tfl_accounts_destroy(struct tfl_accounts *accounts);

/** Other limits, from now on; whoever holds more keeps it, and gets no more. Loop thread. */
void tfl_accounts_set_limits(struct tfl_accounts *accounts, const uint64_t limits[TFL_QUOTA_COUNT]);

/** The account of @p uid with one more reference, made where there is none. 0 or -ENOMEM. Loop thread. */
int tfl_accounts_get(struct tfl_accounts *accounts, uid_t uid, struct tfl_account **ret_account);

/** Drops a reference; NULL is allowed. */
void tfl_account_unref(struct tfl_account *account);

/** Adds @p amount. 0, or -EDQUOT with a sentence that names the limit; then nothing was added. */
int tfl_account_charge(struct tfl_account *account, enum tfl_quota quota, uint64_t amount, struct tfl_error *error);

/** Gives back what was charged. */
void tfl_account_release(struct tfl_account *account, enum tfl_quota quota, uint64_t amount);

uint64_t tfl_account_used(const struct tfl_account *account, enum tfl_quota quota);
uint64_t tfl_account_limit(const struct tfl_account *account, enum tfl_quota quota);

#endif
