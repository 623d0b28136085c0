/* SPDX-License-Identifier: MIT */
/*
 * Descriptors over a socketpair: order, flags, and that every one that came is either in the queue or closed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/descriptors.h"
#include "tests/daemon/suites.h"

static struct tfl_descriptors queue;
static struct tfl_error error;
static int ends[2];

static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	queue = (struct tfl_descriptors){.open = true};
}

static void teardown(void)
{
	tfl_descriptors_finish(&queue);
	tfl_descriptors_finish(&queue);
	close(ends[0]);
	close(ends[1]);
}

static unsigned open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* Sends one byte with descriptors. */
static void pass_these(const int *fds, unsigned count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};

	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	ck_assert_int_eq(sendmsg(ends[1], &message, 0), 1);
}

/* Passes @p count files, each at another offset to be known by. */
static void pass(unsigned count, off_t first)
{
	int fds[16] = {0};

	for (unsigned i = 0; i < count; i++) {
		fds[i] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		ck_assert_int_ge(fds[i], 0);
		ck_assert_int_eq(lseek(fds[i], first + i, SEEK_SET), first + i);
	}
	pass_these(fds, count);
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

static int receive(size_t *ret_received)
{
	char space[64];

	return tfl_descriptors_receive(&queue, ends[0], space, sizeof(space), ret_received, &error);
}

START_TEST(bytes_without_descriptors)
{
	size_t received = 99;

	ck_assert_int_eq(receive(&received), -EAGAIN);
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	ck_assert_int_eq(receive(&received), 0);
	ck_assert_uint_eq(received, 3);
	ck_assert_int_eq(tfl_descriptors_take(&queue), -1);
	shutdown(ends[1], SHUT_WR);
	ck_assert_int_eq(receive(&received), 0);
	ck_assert_uint_eq(received, 0);
}
END_TEST

START_TEST(first_in_first_out)
{
	size_t received;

	pass(2, 100);
	pass(1, 200);
	ck_assert_int_eq(receive(&received), 0);
	ck_assert_int_eq(receive(&received), 0);
	ck_assert_uint_eq(queue.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		static const off_t marks[] = {100, 101, 200};
		int fd = tfl_descriptors_take(&queue);

		ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), marks[i]);
		ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
	ck_assert_int_eq(tfl_descriptors_take(&queue), -1);
}
END_TEST

/* Up to the bound they are kept; from one more on, however the control buffer is rounded, the stream is refused and nothing leaks. */
START_TEST(too_many_are_refused_and_closed)
{
	unsigned before = open_descriptors();
	size_t received;

	pass((unsigned)_i, 0);
	ck_assert_int_eq(receive(&received), _i <= TFL_PASSED_FDS_MAX ? 0 : -EBADMSG);
	if (_i > TFL_PASSED_FDS_MAX)
		ck_assert_ptr_nonnull(strstr(error.text, "at most 4 passed descriptors"));
	ck_assert_uint_eq(open_descriptors(), before + queue.count);
	tfl_descriptors_finish(&queue);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(too_many_over_several_messages)
{
	unsigned before = open_descriptors();
	size_t received;

	pass(3, 0);
	pass(2, 0);
	ck_assert_int_eq(receive(&received), 0);
	ck_assert_int_eq(receive(&received), -EBADMSG);
	tfl_descriptors_finish(&queue);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

/* A socket, an epoll instance: whatever could keep this very connection open. */
START_TEST(what_is_no_file_is_refused_and_closed)
{
	int other[2], epoll = epoll_create1(EPOLL_CLOEXEC), refused[2];
	unsigned before;
	size_t received;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
	refused[0] = other[0];
	refused[1] = epoll;
	before = open_descriptors();
	pass_these(&refused[_i], 1);
	ck_assert_int_eq(receive(&received), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(error.text, "only files are taken"));
	ck_assert_uint_eq(queue.count, 0);
	ck_assert_uint_eq(open_descriptors(), before);
	close(other[0]);
	close(other[1]);
	close(epoll);
}
END_TEST

START_TEST(a_closed_queue_takes_none)
{
	unsigned before = open_descriptors();
	size_t received = 99;

	queue.open = false;
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	ck_assert_int_eq(receive(&received), 0);
	ck_assert_uint_eq(received, 3);
	pass(2, 0);
	ck_assert_int_eq(receive(&received), -EPERM);
	ck_assert_ptr_nonnull(strstr(error.text, "may not pass descriptors"));
	ck_assert_uint_eq(queue.count, 0);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

Suite *descriptors_suite(void)
{
	Suite *suite = suite_create("descriptors");
	TCase *tcase = tcase_create("socketpair");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, bytes_without_descriptors);
	tcase_add_test(tcase, first_in_first_out);
	tcase_add_loop_test(tcase, too_many_are_refused_and_closed, 1, 12);
	tcase_add_test(tcase, too_many_over_several_messages);
	tcase_add_test(tcase, a_closed_queue_takes_none);
	tcase_add_loop_test(tcase, what_is_no_file_is_refused_and_closed, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
