/* SPDX-License-Identifier: MIT */
/*
 * Order is what this file is about. Made: loop, queues, store, loader, workers, sockets; so nobody can connect before everything behind a
 * request is there. Stopped, at the first signal: no new connections and no new work, until nothing is in flight or the grace period is
 * over; loads that are not done then are given up, and whoever waits for one is told. Taken down: connections (which cancels what still runs), workers, loader, and only then what those threads used.
 */
#include "daemon/server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/account.h"
#include "daemon/audit.h"
#include "daemon/change_line.h"
#include "daemon/changes.h"
#include "daemon/changes_save.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/conditions.h"
#include "daemon/config.h"
#include "daemon/job.h"
#include "daemon/line_log.h"
#include "daemon/listener.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "daemon/machine.h"
#include "daemon/metrics_file.h"
#include "daemon/notify.h"
#include "daemon/observe.h"
#include "daemon/outbox.h"
#include "daemon/peer.h"
#include "daemon/recordings.h"
#include "daemon/registry.h"
#include "daemon/reload.h"
#include "daemon/scheduler.h"
#include "daemon/sessions.h"
#include "daemon/shadows.h"
#include "daemon/store.h"
#include "daemon/subscribers.h"
#include "daemon/worker.h"

#define SWEEP_MS 10
#define DRAIN_MS 5
#define CANCEL_MS 2000u /* for loads that were given up to end, and their callers to be told */

TFL_DEFINE_CLEANUP(struct tfl_server *, tfl_server_destroyp, tfl_server_destroy)

static void on_outbox(void *data)
{
	struct tfl_server *server = data;
	struct tfl_channel *channel;

	while ((channel = tfl_outbox_take(server->outbox))) {
		tfl_connection_attend(channel);
		tfl_channel_unref(channel);
	}
}

static void on_loader(void *data)
{
	struct tfl_server *server = data;

	tfl_loader_collect(server->loader);
}

static void on_recordings(void *data)
{
	struct tfl_server *server = data;

	tfl_recordings_collect(server->recordings);
}

static void on_shadows(void *data)
{
	struct tfl_server *server = data;

	tfl_shadows_collect(server->shadows);
}

/* Answers what has waited too long, and drops what waits for a connection that is gone. */
static void on_sweep(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;
	struct tfl_scheduler_counts counts;
	struct tfl_job *job, *next;

	for (job = tfl_scheduler_sweep(server->scheduler, tfl_clock_ns()); job; job = next) {
		next = job->next;
		tfl_execute_missed(&server->executor, job);
		tfl_job_end(job);
	}
	tfl_scheduler_read(server->scheduler, NULL, &counts);
	if (counts.waiting == 0)
		uv_timer_stop(timer);
}

void tfl_server_watch_queue(struct tfl_server *server)
{
	if (!uv_is_active((const uv_handle_t *)&server->sweep))
		uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void stop_listening(struct tfl_server *server)
{
	for (unsigned i = 0; i < TFL_SOCKET_COUNT; i++)
		tfl_listener_destroy(TFL_STEAL(server->listeners[i]));
}

static void on_drain(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;
	struct tfl_scheduler_counts counts;

	tfl_scheduler_read(server->scheduler, NULL, &counts);
	if (counts.waiting + counts.running == 0 && tfl_connections_quiet(&server->connections)) {
		uv_stop(&server->loop);
	} else if (tfl_clock_ns() > server->drain_until_ns) {
		unsigned loads = tfl_loader_cancel(server->loader);

		if (loads > 0 && !server->loads_cancelled) {
			server->loads_cancelled = true;
			server->drain_until_ns = tfl_clock_ns() + CANCEL_MS * UINT64_C(1000000);
			return;
		}
		tfl_log_warning("given up after %" PRIu64 " ms: %u inferences, %u loads and unloads, and replies that nobody reads",
				server->config->stop_timeout_ms, counts.waiting + counts.running, loads);
		uv_stop(&server->loop);
	}
}

__attribute__((format(printf, 3, 4))) static void tell(struct tfl_server *server, enum tfl_change_kind kind, const char *format, ...)
{
	char reason[TFL_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	tfl_changes_record(server->changes, &(struct tfl_change_note){.kind = kind, .reason = reason});
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct tfl_server *server = handle->data;

	if (server->stopping)
		_exit(128 + number);
	tell(server, TFL_CHANGE_STOPPING, "stopping on signal %d: finishing what is in flight", number);
	tfl_notify_stopping();
	server->stopping = true;
	tfl_recordings_end_all(server->recordings, "tfld stops");
	server->drain_until_ns = tfl_clock_ns() + server->config->stop_timeout_ms * 1000000;
	stop_listening(server);
	uv_timer_start(&server->drain, on_drain, DRAIN_MS, DRAIN_MS);
}

static void on_hangup(uv_signal_t *handle, int number)
{
	struct tfl_server *server = handle->data;

	tfl_reload_begin(server->reload);
}

static void wake_loader(void *data)
{
	struct tfl_server *server = data;

	tfl_wakeup_send(&server->loader_wake);
}

static void on_change(void *data)
{
	struct tfl_server *server = data;
	const struct tfl_change *change = tfl_changes_at(server->changes, tfl_changes_count(server->changes) - 1);

	tfl_changes_save(server);
	if (server->recordings)
		tfl_recordings_look(server->recordings);
	tfl_subscribers_tell(server->subscribers, server->registry, change);
	tfl_manager_update(&server->manager);
	/* Without memory for it, the journal and the changes themselves have it. */
	if (server->lines && server->loader)
		(void)tfl_loader_write_line(server->loader, TFL_CHANGE_SCHEMA, change->at.wall, tfl_change_to_json(change));
}

/* A jump of the clock is a change by itself; that it has been one lately is not. */
static void on_condition(void *data, const struct tfl_condition *condition, bool raised)
{
	struct tfl_server *server = data;
	const struct tfl_log_field field = {"TFL_CONDITION", TFL_LOG_TEXT, .text = tfl_condition_to_string(condition->kind)};
	struct tfl_change_note note = {
		.kind = raised ? TFL_CHANGE_CONDITION : TFL_CHANGE_CONDITION_OVER,
		.model = condition->model,
		.version = condition->version,
		.reason = raised ? condition->text : tfl_condition_over(condition->kind),
		.fields = &field,
		.field_count = 1,
	};

	if (!raised || condition->kind != TFL_CONDITION_CLOCK)
		tfl_changes_record(server->changes, &note);
}

static int make_loop(struct tfl_server *server, struct tfl_error *error)
{
	int r;

	r = uv_loop_init(&server->loop);
	if (r < 0)
		return tfl_error_set(error, r, "cannot make an event loop: %s", uv_strerror(r));
	r = tfl_wakeup_init(&server->outbox_wake, &server->loop, on_outbox, server);
	if (r == 0)
		r = tfl_wakeup_init(&server->loader_wake, &server->loop, on_loader, server);
	if (r == 0)
		r = tfl_wakeup_init(&server->recordings_wake, &server->loop, on_recordings, server);
	if (r == 0)
		r = tfl_wakeup_init(&server->shadows_wake, &server->loop, on_shadows, server);
	if (r < 0)
		return tfl_error_set(error, r, "cannot make an event loop: %s", uv_strerror(r));
	uv_timer_init(&server->loop, &server->sweep);
	uv_timer_init(&server->loop, &server->drain);
	uv_signal_init(&server->loop, &server->terminate);
	uv_signal_init(&server->loop, &server->interrupt);
	uv_signal_init(&server->loop, &server->hangup);
	tfl_routine_init(&server->routine, server);
	server->sweep.data = server->drain.data = server->hangup.data = server;
	server->terminate.data = server->interrupt.data = server;
	tfl_manager_init(&server->manager, server, server->config->hang_timeout_ms * 1000000);
	tfl_connections_init(&server->connections, server);
	server->loop_made = true;
	return 0;
}

/* Who serves with a version, or gets copies of its requests, hears that it leaves. */
static void on_leave(void *data, const struct tfl_version *version)
{
	struct tfl_server *server = data;

	tfl_shadows_leave(server->shadows, version);
	if (server->sessions)
		tfl_sessions_leave(server->sessions, version, tfl_clock_ns());
}

static int make_shadows(struct tfl_server *server)
{
	const struct tfl_shadows_options options = {
		.registry = server->registry,
		.loader = &server->loader,
		.wake = tfl_wakeup_send,
		.data = &server->shadows_wake,
	};

	return tfl_shadows_create(&options, &server->shadows);
}

void tfl_server_user_limits(const struct tfl_config *config, uint64_t ret_limits[TFL_QUOTA_COUNT])
{
	ret_limits[TFL_QUOTA_CONNECTIONS] = config->uid_connections;
	ret_limits[TFL_QUOTA_REQUESTS] = config->uid_requests;
	ret_limits[TFL_QUOTA_BYTES] = config->uid_bytes;
	ret_limits[TFL_QUOTA_SESSIONS] = config->uid_sessions;
}

static int make_queues(struct tfl_server *server, struct tfl_error *error)
{
	const struct tfl_config *config = server->config;
	uint64_t limits[TFL_QUOTA_COUNT];
	int r;

	tfl_server_user_limits(config, limits);
	r = tfl_accounts_create(limits, &server->accounts);
	if (r == 0)
		r = tfl_audit_create(&server->audit);
	if (r == 0)
		r = tfl_outbox_create(tfl_wakeup_send, &server->outbox_wake, &server->outbox);
	if (r == 0)
		r = tfl_scheduler_create((unsigned)config->queue, &server->scheduler);
	if (r == 0)
		r = tfl_registry_create(&server->registry);
	if (r == 0)
		r = tfl_conditions_create(on_condition, server, &server->conditions);
	if (r == 0)
		r = tfl_metrics_file_create(&server->metrics_file);
	if (r == 0)
		r = tfl_changes_create(on_change, server, &server->changes);
	if (r == 0)
		r = tfl_subscribers_create(&server->subscribers);
	if (r == 0)
		r = tfl_recordings_create(server, tfl_wakeup_send, &server->recordings_wake, &server->recordings);
	if (r == 0)
		r = make_shadows(server);
	if (r == 0)
		r = tfl_session_watch_init(&server->session_watch, server);
	if (r == 0)
		tfl_registry_watch(server->registry, on_leave, server);
	return r < 0 ? tfl_error_set(error, r, "cannot set up: %s", strerror(-r)) : 0;
}

/* Nobody has to have lines; where they go to is seen when there is one. */
static int make_lines(struct tfl_server *server, struct tfl_error *error)
{
	const struct tfl_config *config = server->config;
	const struct tfl_line_log_options options = {
		.folder = config->log_folder,
		.file_bytes = config->log_file_bytes,
		.files = config->log_files,
		.device = config->log_device,
	};

	if (config->log_folder[0] && tfl_line_log_create(&options, &server->lines) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory for the log");
	return 0;
}

/* A shadow that cannot be made is told by the log: the route stands all the same. */
static void on_shadowed(void *data, const char *model, uint64_t number)
{
	struct tfl_server *server = data;
	struct tfl_error error;

	if (tfl_shadows_set(server->shadows, model, number, &error) < 0)
		tfl_log_error("version %llu of '%s' gets no copies of requests: %s", (unsigned long long)number, model, error.text);
}

/* Where there is no id, only routes that ask for one are concerned, and say so. */
static void read_machine(struct tfl_server *server)
{
	uint8_t key[TFL_MACHINE_BYTES];
	struct tfl_error error;

	if (tfl_machine_read(TFL_MACHINE_FILE, key, &error) == 0)
		tfl_registry_set_machine(server->registry, key);
	else
		tfl_log_debug("%s", error.text);
}

/* The threads, and what they work on. */
static int make_threads(struct tfl_server *server, struct tfl_error *error)
{
	const struct tfl_config *config = server->config;
	struct tfl_loader_options options;
	int r;

	server->worker_count = config->workers ? (unsigned)config->workers : tfl_workers_default();
	tfl_executor_init(&server->executor, server->worker_count);
	r = tfl_store_open(config->models, &server->store, error);
	if (r == 0)
		r = make_lines(server, error);
	if (r < 0)
		return r;
	tfl_changes_load(server);
	if (tfl_watching_init(&server->watching, &server->loop, config->models, server->conditions) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory to watch the models folder");
	options = (struct tfl_loader_options){
		.store = server->store,
		.registry = server->registry,
		.conditions = server->conditions,
		.changes = server->changes,
		.watch = server->watching.watch,
		.defaults = &config->model,
		.memory_limit = config->memory_limit,
		.unload_idle = config->unload_idle,
		.workers = server->worker_count,
		.cpus = tfl_workers_default(),
		.writers = server->worker_count + 1,
		.periods = config->log_period_ms > 0,
		.lines = server->lines,
		.trials = tfl_routine_begin_trials,
		.wake = wake_loader,
		.data = server,
		.shadowed = on_shadowed,
		.shadowed_data = server,
	};
	read_machine(server);
	r = tfl_loader_create(&options, &server->loader);
	if (r < 0)
		return tfl_error_set(error, r, "cannot start the loader: %s", strerror(-r));
	return tfl_workers_create(server->scheduler, server->worker_count, &server->workers, error);
}

static void on_accepted(void *data, const struct tfl_listener *listener, int fd)
{
	struct tfl_server *server = data;

	tfl_connections_accept(&server->connections, listener, fd);
}

/* A socket that the service manager hands over, or one that is made at @p path, where there is one. */
static int listen_at(struct tfl_server *server, enum tfl_socket which, const char *path, unsigned mode, unsigned owner_rights,
		     unsigned other_rights, struct tfl_error *error)
{
	int *passed = &server->activation->fds[which];
	struct tfl_listener_options options = {
		.path = *passed >= 0 ? NULL : path,
		.owner_rights = owner_rights,
		.other_rights = other_rights,
		.accepted = on_accepted,
		.data = server,
	};
	_tfl_close_ int fd = -1;
	int r;

	if (*passed < 0 && !path[0])
		return 0;
	fd = tfl_steal_fd(passed);
	r = fd < 0 ? tfl_listener_bind(path, mode, &fd, error) : 0;
	if (r == 0)
		r = tfl_listener_create(&server->loop, fd, &options, &server->listeners[which], error);
	if (r == 0)
		(void)tfl_steal_fd(&fd);
	return r;
}

/* One socket serves its owner everything; a second one, with permissions of its own, takes the right to administer away from the first. */
static int make_sockets(struct tfl_server *server, struct tfl_error *error)
{
	const struct tfl_config *config = server->config;
	const unsigned user_rights = TFL_RIGHT_INFER | TFL_RIGHT_READ;
	bool split = config->admin_socket[0] != '\0' || server->activation->fds[TFL_SOCKET_ADMIN] >= 0;
	int r;

	r = listen_at(server, TFL_SOCKET_INFER, config->socket, (unsigned)config->socket_mode, split ? user_rights : TFL_RIGHT_ALL, user_rights,
		      error);
	if (r < 0)
		return r;
	return listen_at(server, TFL_SOCKET_ADMIN, config->admin_socket, (unsigned)config->admin_socket_mode, TFL_RIGHT_ALL, TFL_RIGHT_ALL, error);
}

int tfl_server_create(const struct tfl_config *config, struct tfl_activation *activation, struct tfl_server **ret_server,
		      struct tfl_error *error)
{
	TFL_CLEANUP(tfl_server_destroyp) struct tfl_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return tfl_error_set(error, -ENOMEM, "no memory for the server");
	r = tfl_reload_create(server, config, &server->reload);
	if (r < 0)
		return tfl_error_set(error, r, "no memory for the server");
	server->config = tfl_reload_config(server->reload);
	server->started_ns = tfl_clock_ns();
	server->activation = activation;
	r = make_loop(server, error);
	if (r == 0)
		r = make_queues(server, error);
	if (r == 0)
		r = make_threads(server, error);
	/* Before anybody can know that it is there: a stop that comes before it runs is one in order. */
	if (r == 0) {
		uv_signal_start(&server->terminate, on_signal, SIGTERM);
		uv_signal_start(&server->interrupt, on_signal, SIGINT);
		uv_signal_start(&server->hangup, on_hangup, SIGHUP);
		r = make_sockets(server, error);
	}
	if (r == 0)
		r = tfl_loader_scan(server->loader, error);
	if (r < 0)
		return r;
	tfl_watching_start(&server->watching, server->loader);
	*ret_server = TFL_STEAL(server);
	return 0;
}

/* The run before this one, as far as is remembered. */
static bool was_killed(const struct tfl_server *server)
{
	const struct tfl_change *last = tfl_changes_last(server->changes, TFL_CHANGE_STARTED, TFL_CHANGE_STOPPING, NULL, 0);

	return last && last->kind == TFL_CHANGE_STARTED;
}

void tfl_server_run(struct tfl_server *server)
{
	const struct tfl_config *config = server->config;
	char infer[TFL_LISTENER_PATH_MAX], admin[TFL_LISTENER_PATH_MAX];

	tfl_listener_address(server->listeners[TFL_SOCKET_INFER], infer);
	tfl_listener_address(server->listeners[TFL_SOCKET_ADMIN], admin);
	tfl_jump_watch(&server->jump, server->changes, server->conditions);
	tfl_routine_start(&server->routine);
	tell(server, TFL_CHANGE_STARTED, "serving the models in %s on %s%s%s with %u workers%s", config->models, infer, admin[0] ? " and " : "", admin,
	     server->worker_count, was_killed(server) ? "; the run before ended without stopping in order" : "");
	tfl_manager_ready(&server->manager);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	/* From here on a signal ends the process at once: taking down may have to wait for a load to give up. */
	uv_signal_stop(&server->terminate);
	uv_signal_stop(&server->interrupt);
	uv_signal_stop(&server->hangup);
	tfl_log_info("stopped");
}

static void close_handles(struct tfl_server *server)
{
	uv_handle_t *handles[] = {
		(uv_handle_t *)&server->sweep, (uv_handle_t *)&server->drain, (uv_handle_t *)&server->terminate,
		(uv_handle_t *)&server->interrupt, (uv_handle_t *)&server->hangup,
	};

	struct tfl_wakeup *wakeups[] = {&server->outbox_wake, &server->loader_wake, &server->recordings_wake, &server->shadows_wake};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(handles); i++)
		uv_close(handles[i], NULL);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(wakeups); i++)
		tfl_wakeup_close(wakeups[i]);
	tfl_routine_close(&server->routine);
	tfl_watching_close(&server->watching);
	tfl_manager_close(&server->manager);
	tfl_session_watch_close(&server->session_watch);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	uv_loop_close(&server->loop);
}

void tfl_server_destroy(struct tfl_server *server)
{
	if (!server)
		return;
	stop_listening(server);
	if (server->loop_made)
		tfl_connections_close(&server->connections);
	tfl_subscribers_destroy(TFL_STEAL(server->subscribers));
	if (server->scheduler)
		tfl_scheduler_stop(server->scheduler);
	tfl_workers_destroy(server->workers);
	tfl_sessions_destroy(TFL_STEAL(server->sessions));
	tfl_shadows_stop(server->shadows);
	tfl_loader_keep_trials(server->loader);
	tfl_registry_destroy(server->registry);
	tfl_loader_destroy(server->loader);
	tfl_recordings_destroy(TFL_STEAL(server->recordings));
	tfl_shadows_destroy(server->shadows);
	tfl_metrics_file_destroy(server->metrics_file);
	tfl_changes_save_last(server);
	tfl_outbox_destroy(server->outbox);
	if (server->loop_made)
		close_handles(server);
	tfl_watching_finish(&server->watching);
	tfl_executor_finish(&server->executor);
	tfl_scheduler_destroy(server->scheduler);
	tfl_store_close(server->store);
	tfl_line_log_destroy(server->lines);
	tfl_changes_destroy(server->changes);
	tfl_conditions_destroy(server->conditions);
	tfl_accounts_destroy(server->accounts);
	tfl_reload_destroy(server->reload); /* with the configuration */
	tfl_audit_destroy(server->audit);
	free(server);
}
