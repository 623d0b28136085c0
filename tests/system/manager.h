/* SPDX-License-Identifier: MIT */
/*
 * A service manager as the daemon sees it: listening sockets that it hands over, a socket for what the daemon tells, and a watchdog. Like
 * the harness: what fails ends the test.
 */
#ifndef TESTS_SYSTEM_MANAGER_H
#define TESTS_SYSTEM_MANAGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/system/harness.h"

struct manager {
	char path[128];       /* of the socket that is told */
	int told;
	int heard[2];         /* a pipe of packets, through which a thread hears them: the socket itself holds some ten */
	pthread_t listener;
	int sockets[2];       /* to be handed over; count says how many */
	unsigned count;
	const char *names;    /* "infer:admin" */
	uint64_t watchdog_us; /* 0: none */
};

/** Makes the socket that is told, in the daemon's folder, and makes itself the daemon's manager. */
void manager_prepare(struct manager *manager, struct daemon *daemon);

/** Listens at a path in the place of the daemon. */
void manager_listen(struct manager *manager, const char *path);

/** In the child that becomes the daemon. */
void manager_become(const struct manager *manager);

/** The next message; "" when there is none for @p milliseconds. Static memory. */
const char *manager_hear(const struct manager *manager, unsigned milliseconds);

/** Waits for a message with @p text in it; messages before it are passed over. */
bool manager_hears(const struct manager *manager, const char *text);

void manager_finish(struct manager *manager);

#endif
