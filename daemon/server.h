/* SPDX-License-Identifier: MIT */
/*
 * The daemon as one object: the loop and what hangs on it. Handlers find here what they work on.
 *
 * Lifetime: one, created by main, run once, destroyed. Thread: loop thread; the parts that other threads use (scheduler, outbox, accounts)
 * say so themselves.
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/account.h"
#include "daemon/activation.h"
#include "daemon/connection.h"
#include "daemon/execute.h"
#include "daemon/jump.h"
#include "daemon/manager.h"
#include "daemon/routine.h"
#include "daemon/session_watch.h"
#include "daemon/wakeup.h"
#include "daemon/watching.h"

struct tfl_accounts;
struct tfl_audit;
struct tfl_changes;
struct tfl_conditions;
struct tfl_config;
struct tfl_error;
struct tfl_line_log;
struct tfl_listener;
struct tfl_loader;
struct tfl_metrics_file;
struct tfl_outbox;
struct tfl_recordings;
struct tfl_registry;
struct tfl_reload;
struct tfl_scheduler;
struct tfl_sessions;
struct tfl_shadows;
struct tfl_store;
struct tfl_subscribers;
struct tfl_workers;

struct tfl_server {
	/* Immutable while it runs. */
	struct tfl_reload *reload;
	const struct tfl_config *config; /* its; some values change on the loop thread */
	struct tfl_store *store;
	struct tfl_registry *registry;
	struct tfl_line_log *lines; /* NULL: none; the loader's thread alone uses it */
	struct tfl_loader *loader;
	struct tfl_scheduler *scheduler;
	struct tfl_workers *workers;
	struct tfl_accounts *accounts;
	struct tfl_audit *audit;
	struct tfl_outbox *outbox;
	struct tfl_conditions *conditions; /* loop thread, as the next */
	struct tfl_changes *changes;
	struct tfl_subscribers *subscribers;
	struct tfl_recordings *recordings;
	struct tfl_shadows *shadows;
	struct tfl_sessions *sessions;
	unsigned worker_count;
	uint64_t started_ns;

	struct tfl_executor executor; /* the loop thread's own */
	struct tfl_connections connections;
	bool stopping; /* takes no new work, finishes what is in flight */
	bool saving;   /* the changes are being written down */
	struct tfl_jump jump;

	/* Private to server.c. */
	uv_loop_t loop;
	bool loop_made;
	struct tfl_wakeup outbox_wake, loader_wake, recordings_wake, shadows_wake;
	uv_signal_t terminate, interrupt, hangup;
	uv_timer_t sweep;
	uv_timer_t drain;
	struct tfl_routine routine;
	struct tfl_watching watching;
	struct tfl_manager manager;
	struct tfl_session_watch session_watch;
	struct tfl_activation *activation; /* borrowed */
	struct tfl_metrics_file *metrics_file;
	uint64_t drain_until_ns;
	bool loads_cancelled; /* the grace period is over; who waits for a load is told */
	struct tfl_listener *listeners[TFL_SOCKET_COUNT];
};

/**
 * Makes everything and listens: on the sockets of @p activation, which it takes out of there, where there are such; it is borrowed and
 * outlives the server, as does the command line that @p config, which is copied, was made with. Errors carry a sentence.
 */
int tfl_server_create(const struct tfl_config *config, struct tfl_activation *activation, struct tfl_server **ret_server,
		      struct tfl_error *error);

/** Serves until a signal ends it. */
void tfl_server_run(struct tfl_server *server);

/** Frees everything; NULL is allowed. */
void tfl_server_destroy(struct tfl_server *server);

/** What each user may hold. */
void tfl_server_user_limits(const struct tfl_config *config, uint64_t ret_limits[TFL_QUOTA_COUNT]);

/** Jobs wait that nobody can start now, or that were cancelled: looks after those that wait in vain. */
void tfl_server_watch_queue(struct tfl_server *server);

#endif
