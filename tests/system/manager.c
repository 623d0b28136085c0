/* SPDX-License-Identifier: MIT */
#include "tests/system/manager.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3 /* of those that are handed over */

static int bind_at(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_msg(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "%s: %s", path, strerror(errno));
	return fd;
}

static void *listen_to(void *data)
{
	const struct manager *manager = data;
	char text[1024];
	ssize_t size;

	while ((size = recv(manager->told, text, sizeof(text), 0)) > 0)
		if (write(manager->heard[1], text, (size_t)size) < 0)
			break;
	return NULL;
}

void manager_prepare(struct manager *manager, struct daemon *daemon)
{
	*manager = (struct manager){.names = "infer:admin"};
	snprintf(manager->path, sizeof(manager->path), "%s/notify", daemon->folder);
	manager->told = bind_at(manager->path, SOCK_DGRAM);
	ck_assert_int_eq(pipe2(manager->heard, O_CLOEXEC | O_DIRECT), 0);
	ck_assert_int_gt(fcntl(manager->heard[1], F_SETPIPE_SZ, 1 << 20), 0);
	ck_assert_int_eq(pthread_create(&manager->listener, NULL, listen_to, manager), 0);
	daemon->manager = manager;
}

void manager_listen(struct manager *manager, const char *path)
{
	int fd = bind_at(path, SOCK_STREAM);

	ck_assert_int_eq(listen(fd, 64), 0);
	manager->sockets[manager->count++] = fd;
}

void manager_become(const struct manager *manager)
{
	char text[32];

	setenv("NOTIFY_SOCKET", manager->path, 1);
	snprintf(text, sizeof(text), "%d", (int)getpid());
	if (manager->watchdog_us) {
		char us[32];

		setenv("WATCHDOG_PID", text, 1);
		snprintf(us, sizeof(us), "%llu", (unsigned long long)manager->watchdog_us);
		setenv("WATCHDOG_USEC", us, 1);
	}
	if (manager->count == 0)
		return;
	/* Out of the way first: one of them may have the number that another one gets. */
	for (unsigned i = 0; i < manager->count; i++)
		dup2(manager->sockets[i], 100 + (int)i);
	for (unsigned i = 0; i < manager->count; i++) {
		dup2(100 + (int)i, FIRST_FD + (int)i);
		close(100 + (int)i);
	}
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%u", manager->count);
	setenv("LISTEN_FDS", text, 1);
	setenv("LISTEN_FDNAMES", manager->names, 1);
}

const char *manager_hear(const struct manager *manager, unsigned milliseconds)
{
	static char text[1024];
	struct pollfd poll_fd = {.fd = manager->heard[0], .events = POLLIN};
	ssize_t size = 0;

	if (poll(&poll_fd, 1, (int)milliseconds) > 0)
		size = read(manager->heard[0], text, sizeof(text) - 1);
	text[size > 0 ? size : 0] = '\0';
	return text;
}

bool manager_hears(const struct manager *manager, const char *text)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (now_ns() < until)
		if (strstr(manager_hear(manager, 1000), text))
			return true;
	return false;
}

void manager_finish(struct manager *manager)
{
	shutdown(manager->told, SHUT_RDWR);
	pthread_join(manager->listener, NULL);
	close(manager->told);
	close(manager->heard[0]);
	close(manager->heard[1]);
	for (unsigned i = 0; i < manager->count; i++)
		close(manager->sockets[i]);
}
