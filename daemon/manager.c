/* SPDX-License-Identifier: MIT */
/*
 * The watchdog is fed from a timer of the loop, at half the interval, so a loop that hangs feeds nobody, and an idle daemon wakes up for it
 * no more often. Workers that hang are seen by how long ago one took its job, and by jobs that wait while none is taken: once that is too long
 * no more sign of life is given, and the service manager ends the process, as it would for a hanging loop. Its clients reconnect; nothing else
 * would free the worker.
 */
#include "daemon/manager.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/registry.h"
#include "daemon/reload.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/worker.h"

/* "serving 3 versions of 2 models, loading 1; a restart is needed for [requests] workers" */
static void describe(const struct tfl_server *server, char *text, size_t size)
{
	unsigned available = 0, coming = 0, count;
	const struct tfl_registry_model *models = tfl_registry_models(server->registry, &count);
	int length;

	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; k < models[i].version_count; k++) {
			enum tfl_version_state state = models[i].versions[k]->state;

			available += state == TFL_VERSION_AVAILABLE;
			coming += state == TFL_VERSION_START || state == TFL_VERSION_LOADING;
		}
	}
	length = snprintf(text, size, "serving %u version%s of %u model%s", available, available == 1 ? "" : "s", count, count == 1 ? "" : "s");
	if (coming > 0)
		length += snprintf(text + length, size - (size_t)length, ", loading %u", coming);
	tfl_reload_say(server->reload, text + length, size - (size_t)length);
}

/* For how long no job was taken though some wait. */
static uint64_t standstill(struct tfl_server *server, uint64_t now)
{
	struct tfl_manager *manager = &server->manager;
	struct tfl_scheduler_counts counts;

	tfl_scheduler_read(server->scheduler, NULL, &counts);
	if (counts.waiting == 0 || counts.taken != manager->taken)
		manager->moved_ns = now;
	manager->taken = counts.taken;
	return now - manager->moved_ns;
}

static void on_watchdog(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;
	struct tfl_manager *manager = &server->manager;
	uint64_t now = tfl_clock_ns(), running = tfl_workers_longest(server->workers, now), waiting = standstill(server, now);

	if (manager->hang_ns == 0 || (running < manager->hang_ns && waiting < manager->hang_ns)) {
		manager->hanging = false;
		tfl_notify_alive();
	} else if (!manager->hanging) {
		manager->hanging = true;
		tfl_log_error("%s for %" PRIu64 " s, and %s taken to hang (%" PRIu64 " s are allowed, [requests] hang_timeout); the service manager will "
			      "restart tfld", running >= manager->hang_ns ? "an inference has run" : "requests wait, and no worker took one,",
			      (running >= manager->hang_ns ? running : waiting) / 1000000000, running >= manager->hang_ns ? "is" : "workers are",
			      manager->hang_ns / 1000000000);
	}
}

void tfl_manager_init(struct tfl_manager *manager, struct tfl_server *server, uint64_t hang_ns)
{
	uv_timer_init(&server->loop, &manager->watchdog);
	manager->watchdog.data = server;
	manager->hang_ns = hang_ns;
	manager->open = true;
}

void tfl_manager_ready(struct tfl_manager *manager)
{
	const struct tfl_server *server = manager->watchdog.data;
	uint64_t half_ms = tfl_notify_watchdog_us() / 2000;

	manager->moved_ns = tfl_clock_ns();
	describe(server, manager->status, sizeof(manager->status));
	tfl_notify_ready(manager->status);
	if (half_ms > 0)
		uv_timer_start(&manager->watchdog, on_watchdog, 0, half_ms);
}

void tfl_manager_update(struct tfl_manager *manager)
{
	const struct tfl_server *server = manager->watchdog.data;
	char status[sizeof(manager->status)];

	/* Before it is ready, and when it stops, something else is told. */
	if (!manager->status[0] || server->stopping)
		return;
	describe(server, status, sizeof(status));
	if (strcmp(status, manager->status) == 0)
		return;
	strcpy(manager->status, status);
	tfl_notify_status(status);
}

void tfl_manager_set_hang(struct tfl_manager *manager, uint64_t hang_ns)
{
	manager->hang_ns = hang_ns;
}

void tfl_manager_reloaded(struct tfl_manager *manager)
{
	describe(manager->watchdog.data, manager->status, sizeof(manager->status));
	tfl_notify_ready(manager->status);
}

void tfl_manager_close(struct tfl_manager *manager)
{
	if (manager->open)
		uv_close((uv_handle_t *)&manager->watchdog, NULL);
	manager->open = false;
}
