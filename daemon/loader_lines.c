/* SPDX-License-Identifier: MIT */
/*
 * What is told of versions goes through the loader: the loop takes a period, which costs it some arithmetic, and this thread makes the
 * words and the line of it and waits for journal and disk. At most one period of a version is on its way; until it has arrived the next one
 * goes on, so that a loader that is busy makes periods longer, and neither loses one nor piles them up.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/conditions.h"
#include "daemon/line_log.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/period.h"
#include "daemon/period_line.h"
#include "daemon/version.h"

static int write_period(struct tfl_loader *loader, const struct tfl_period *period, struct tfl_error *error)
{
	tfl_period_log(period);
	if (!loader->options.lines)
		return 0;
	return tfl_line_log_add(loader->options.lines, TFL_PERIOD_SCHEMA, period->time, tfl_period_to_json(period), error);
}

static int run_period(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	return write_period(loader, job->period, error);
}

static void deliver_line(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	if (job->error.code < 0)
		tfl_conditions_raise(loader->options.conditions, TFL_CONDITION_LOG, NULL, 0, job->error.text);
	else
		tfl_conditions_clear(loader->options.conditions, TFL_CONDITION_LOG, NULL, 0);
}

/* Where the version has gone meanwhile, and perhaps come back, there is nobody to tell, or somebody who is told too early: neither matters. */
static void deliver_period(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	const struct tfl_version *version = tfl_loader_listed(loader, job);

	if (version && version->mark)
		tfl_period_mark_set_busy(version->mark, false);
	deliver_line(loader, job);
}

static const struct tfl_loader_kind period_kind = {run_period, deliver_period, .also_at_end = true, .quick = true};

int tfl_loader_write_period(struct tfl_loader *loader, const struct tfl_version *version, uint64_t now_ns, int64_t time)
{
	struct tfl_loader_job *job;
	int result;

	if (tfl_period_mark_busy(version->mark))
		return 0;
	job = tfl_loader_make_job(&period_kind, version->model_name, version->number, NULL, NULL);
	if (!job)
		return -ENOMEM;
	result = tfl_period_take(version, now_ns, time, &job->period);
	if (result <= 0) {
		tfl_loader_job_free(job);
		return result;
	}
	tfl_period_mark_set_busy(version->mark, true);
	tfl_loader_submit(loader, job);
	return 1;
}

static int run_line(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	return tfl_line_log_add(loader->options.lines, job->schema, job->time, TFL_STEAL(job->members), error);
}

static const struct tfl_loader_kind line_kind = {run_line, deliver_line, .also_at_end = true, .quick = true};

int tfl_loader_write_line(struct tfl_loader *loader, const char *schema, int64_t time, json_t *members)
{
	struct tfl_loader_job *job = loader->options.lines && members ? tfl_loader_make_job(&line_kind, "", 0, NULL, NULL) : NULL;

	if (!job) {
		json_decref(members);
		return loader->options.lines ? -ENOMEM : 0;
	}
	job->schema = schema;
	job->time = time;
	job->members = members;
	tfl_loader_submit(loader, job);
	return 0;
}

void tfl_loader_write_last_period(struct tfl_loader *loader, const struct tfl_version *version)
{
	struct tfl_period *last = NULL;
	struct tfl_error error;
	int result;

	if (!atomic_load(&loader->periods) || !version->mark || !version->history)
		return;
	result = tfl_period_take(version, tfl_clock_boot_ns(), (int64_t)time(NULL), &last);
	if (result < 0)
		tfl_error_set(&error, result, "%s", strerror(-result));
	else if (last)
		result = write_period(loader, last, &error);
	if (result < 0)
		tfl_log_error("what version %" PRIu64 " of '%s' did last is not told: %s", version->number, version->model_name, error.text);
	tfl_period_free(last);
}
