/* SPDX-License-Identifier: MIT */
/*
 * What is written down is encoded here, because the history is the loop's, and written by the loader, because disks take their time. A
 * version that nobody has asked anything since the last time costs neither, and one that is still being written is not encoded again.
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
#define VERSIONS 2 /* that are seen to in one go: some 1 ms, where each has verdicts of a whole day */

/* What is due. */
#define LOOK 1u
#define TELL 2u

uint64_t tfl_observe_delay_ms(uint64_t now_ns)
{
	return MINUTE_MS - now_ns / 1000000 % MINUTE_MS;
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
	version->keeping |= r == 0;
	if (r == 0)
		return 0;
	tfl_history_not_kept(version->history);
	tfl_error_set(&error, r, "statistics are not kept: %s", strerror(-r));
	tfl_conditions_raise(server->conditions, TFL_CONDITION_STATISTICS, version->model_name, version->number, error.text);
	return r;
}

static void see_to(struct tfl_server *server, struct tfl_version *version)
{
	unsigned due = version->due;
	struct tfl_moment now;

	tfl_moment_now(&now);
	tfl_history_advance(version->history, version->recorder, now.seconds);
	version->due = 0;
	if (due & LOOK)
		tfl_judge(version, server->changes);
	/* What cannot be told for want of memory is with the next period. */
	if ((due & TELL) && version->mark)
		(void)tfl_loader_write_period(server->loader, version, tfl_clock_boot_ns(), now.wall);
	/* What is told is kept: a power cut takes neither back. What failed, or waits for a disk that is slow, is news still. */
	if (tfl_history_changed(version->history) && !version->keeping)
		(void)tfl_observe_keep(server, version, &now, NULL, NULL);
}

static bool is_seen(const struct tfl_version *version)
{
	return version->state == TFL_VERSION_AVAILABLE && version->history;
}

/* For each version in memory something is due. Its windows end now, which takes some 10 µs; the rest takes fifty times as long. */
static void make_due(struct tfl_server *server, unsigned due)
{
	int64_t now = tfl_clock_seconds();
	const struct tfl_registry_model *models;
	unsigned count;

	models = tfl_registry_models(server->registry, &count);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < models[i].version_count; j++) {
			struct tfl_version *version = models[i].versions[j];

			if (!is_seen(version))
				continue;
			tfl_history_advance(version->history, version->recorder, now);
			version->due |= due;
		}
	}
}

void tfl_observe(struct tfl_server *server)
{
	tfl_loader_remember_again(server->loader);
	tfl_jump_watch(&server->jump, server->changes, server->conditions);
	tfl_changes_save(server);
	make_due(server, LOOK);
}

void tfl_observe_period(struct tfl_server *server)
{
	make_due(server, TELL);
}

bool tfl_observe_step(struct tfl_server *server)
{
	const struct tfl_registry_model *models;
	unsigned count, seen = 0;

	models = tfl_registry_models(server->registry, &count);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < models[i].version_count; j++) {
			struct tfl_version *version = models[i].versions[j];

			if (!version->due || !is_seen(version))
				continue;
			if (seen++ == VERSIONS)
				return true;
			see_to(server, version);
		}
	}
	return false;
}
