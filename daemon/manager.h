/* SPDX-License-Identifier: MIT */
/*
 * The service manager's view of the daemon: a line of status, and a sign of life for its watchdog (WatchdogSec=), given only while the loop
 * and the workers make progress. Loop thread; part of the server.
 */
#ifndef DAEMON_MANAGER_H
#define DAEMON_MANAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct tfl_server;

struct tfl_manager {
	uv_timer_t watchdog;
	bool open;            /* the handle */
	uint64_t hang_ns;     /* after which a worker hangs; 0: none does */
	bool hanging;         /* so it was the last time */
	uint64_t taken;       /* jobs, by then … */
	uint64_t moved_ns;    /* … and when that was another number, or none waited */
	char status[512];     /* as it was told */
};

/** @p hang_ns as above. */
void tfl_manager_init(struct tfl_manager *manager, struct tfl_server *server, uint64_t hang_ns);

/** The server serves from now on; and something has changed that the status may tell. */
void tfl_manager_ready(struct tfl_manager *manager);
void tfl_manager_update(struct tfl_manager *manager);

/** Another time after which a worker hangs. */
void tfl_manager_set_hang(struct tfl_manager *manager, uint64_t hang_ns);

/** The configuration was read anew, or not: the service manager is told that the daemon is ready as before. */
void tfl_manager_reloaded(struct tfl_manager *manager);

/** Ends: the loop has to run once more. A zeroed one is allowed. */
void tfl_manager_close(struct tfl_manager *manager);

#endif
