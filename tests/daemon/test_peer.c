/* SPDX-License-Identifier: MIT */
/* Both ends of a socketpair are this process, so what the kernel says of the peer is known. */
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/peer.h"
#include "tests/daemon/suites.h"

static struct tfl_error error;

static void read_own(struct tfl_peer *peer)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_msg(tfl_peer_read(ends[0], peer, &error) == 0, "%s", error.text);
	close(ends[0]);
	close(ends[1]);
}

START_TEST(credentials_are_the_kernels)
{
	struct tfl_peer peer;

	read_own(&peer);
	ck_assert_int_eq(peer.pid, getpid());
	ck_assert_uint_eq(peer.uid, geteuid());
	ck_assert_uint_eq(peer.gid, getegid());
	ck_assert(tfl_peer_owns_daemon(&peer));
	tfl_peer_finish(&peer);
	tfl_peer_finish(&peer);
	tfl_peer_finish(NULL);
}
END_TEST

START_TEST(groups_are_read_however_many)
{
	struct tfl_peer peer;
	gid_t groups[1000];
	int count = _i;

	for (int i = 0; i < count; i++)
		groups[i] = (gid_t)(5000 + i);
	/* Without root there is only the one list that this process has. */
	if (geteuid() == 0)
		ck_assert_int_eq(setgroups((size_t)count, groups), 0);
	else
		count = getgroups(1000, groups);
	read_own(&peer);
	ck_assert_uint_eq(peer.group_count, (unsigned)count);
	for (int i = 0; i < count; i++)
		ck_assert(tfl_peer_in_group(&peer, groups[i]));
	ck_assert(tfl_peer_in_group(&peer, getegid()));
	ck_assert(!tfl_peer_in_group(&peer, 4999));
	tfl_peer_finish(&peer);
}
END_TEST

START_TEST(no_socket_no_peer)
{
	struct tfl_peer peer;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_lt(tfl_peer_read(ends[0], &peer, &error), 0);
	ck_assert_int_ne(error.text[0], '\0');
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(only_root_and_the_daemons_user_own_it)
{
	ck_assert(tfl_peer_owns_daemon(&(struct tfl_peer){.uid = 0}));
	ck_assert(tfl_peer_owns_daemon(&(struct tfl_peer){.uid = geteuid()}));
	ck_assert(!tfl_peer_owns_daemon(&(struct tfl_peer){.uid = geteuid() + 1}));
}
END_TEST

Suite *peer_suite(void)
{
	static const int counts[] = {0, 1, 32, 33, 1000};
	Suite *suite = suite_create("peer");
	TCase *tcase = tcase_create("socketpair");

	tcase_add_test(tcase, credentials_are_the_kernels);
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		tcase_add_loop_test(tcase, groups_are_read_however_many, counts[i], counts[i] + 1);
	tcase_add_test(tcase, no_socket_no_peer);
	tcase_add_test(tcase, only_root_and_the_daemons_user_own_it);
	suite_add_tcase(suite, tcase);
	return suite;
}
