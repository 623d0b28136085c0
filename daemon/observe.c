/* SPDX-License-Identifier: MIT */
/*
 * What is written down is encoded here, because the history is the loop's, and written by the loader, because disks take their time. A
 * version that nobody has asked anything since the last time costs neither.
 */
#include "daemon/observe.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "daemon/clock.h"
#include "daemon/changes_save.h"
#include "daemon/conditions.h"
#include "daemon/history.h"
#include "daemon/judge.h"
#include "daemon/jump.h"
#include "daemon/loader.h"
#include "daemon/moment.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/version.h"

#define MINUTE_MS 60000

uint64_t tfl_observe_delay_ms(uint64_t now_ns)
{
	return MINUTE_MS - now_ns / 1000000 % MINUTE_MS;
}

/* Calls @p visit for each version in memory, whose history is brought up to date first. */
static void visit_all(struct tfl_server *server, void (*visit)(struct tfl_server *server, struct tfl_version *version,
							       const struct tfl_moment *now))
{
	const struct tfl_registry_model *models;
	struct tfl_moment now;
	unsigned count;

	tfl_moment_now(&now);
	models = tfl_registry_models(server->registry, &count);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < models[i].version_count; j++) {
			struct tfl_version *version = models[i].versions[j];

			if (version->state != TFL_VERSION_AVAILABLE || !version->history)
				continue;
			tfl_history_advance(version->history, version->recorder, now.seconds);
			visit(server, version, &now);
		}
	}
}

int tfl_observe_keep(struct tfl_server *server, struct tfl_version *version, const struct tfl_moment *now, tfl_loader_done done,
		     void *data)
{
	struct tfl_error error;
	size_t size;
	void *statistics;
	int r;

	r = tfl_history_encode(version->history, now, &server->executor.writer, &statistics, &size);
	if (r == 0)
		r = tfl_loader_keep(server->loader, version, statistics, size, done, data);
	if (r == 0)
		return 0;
	tfl_history_not_kept(version->history);
	tfl_error_set(&error, r, "statistics are not kept: %s", strerror(-r));
	tfl_conditions_raise(server->conditions, TFL_CONDITION_STATISTICS, version->model_name, version->number, error.text);
	return r;
}

/* What failed is news still, and a condition. */
static void keep(struct tfl_server *server, struct tfl_version *version, const struct tfl_moment *now)
{
	if (tfl_history_changed(version->history))
		(void)tfl_observe_keep(server, version, now, NULL, NULL);
}

static void look(struct tfl_server *server, struct tfl_version *version, const struct tfl_moment *now)
{
	tfl_judge(version, server->changes);
	keep(server, version, now);
}

void tfl_observe(struct tfl_server *server)
{
	tfl_loader_remember_again(server->loader);
	tfl_jump_watch(&server->jump, server->changes, server->conditions);
	tfl_changes_save(server);
	visit_all(server, look);
}

/* What cannot be written for want of memory is with the next period. */
static void write_period(struct tfl_server *server, struct tfl_version *version, const struct tfl_moment *now)
{
	if (version->mark)
		(void)tfl_loader_write_period(server->loader, version, tfl_clock_boot_ns(), now->wall);
	keep(server, version, now); /* what is told is kept: a power cut takes neither back */
}

void tfl_observe_period(struct tfl_server *server)
{
	visit_all(server, write_period);
}
