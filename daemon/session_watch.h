/* SPDX-License-Identifier: MIT */
/*
 * What the loop does for sessions: a timer that ends those whose time is over, and runs only while there are any; and the news of those that
 * have ended on another thread. Loop thread; part of the server.
 */
#ifndef DAEMON_SESSION_WATCH_H
#define DAEMON_SESSION_WATCH_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/wakeup.h"

struct tfl_server;
struct tfl_sessions;

struct tfl_session_watch {
	struct tfl_wakeup wake;
	uv_timer_t alarm;
	bool open; /* the handles */
};

/** Makes the handles, and server->sessions. 0 or a negative errno. */
int tfl_session_watch_init(struct tfl_session_watch *watch, struct tfl_server *server);

/** Ends: the loop has to run once more. The sessions are destroyed before. A zeroed one is allowed. */
void tfl_session_watch_close(struct tfl_session_watch *watch);

#endif
