/* SPDX-License-Identifier: MIT */
/*
 * A job may run twice, in two rows of the scheduler one after the other; the first version stays with it, for its row and its counters.
 */
#include "daemon/fallback.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/shadows.h"
#include "daemon/version.h"

/* Whether the request may go to another version than its present one, which is on trial. */
static bool may_go(const struct tfl_job *job)
{
	const struct tfl_infer_head *head = &job->request.head;

	return !head->version && !head->label.text && !job->session && atomic_load_explicit(&job->version->trial.id, memory_order_relaxed);
}

static bool bind(const struct tfl_version *version, const struct tfl_job *job, struct tfl_binding *ret_binding)
{
	return tfl_binding_make(&version->interface, &job->request, ret_binding, NULL) == 0;
}

/* The version before, where it takes the request as far as can be told now, and how. */
static struct tfl_version *find(const struct tfl_registry *registry, const struct tfl_job *job, struct tfl_binding *ret_binding)
{
	struct tfl_version *before = may_go(job) ? tfl_registry_before(registry, job->version) : NULL;

	return before && before != job->version && bind(before, job, ret_binding) ? before : NULL;
}

/* The log has the first of a trial. */
static void blame(struct tfl_version *candidate, const struct tfl_version *before, unsigned writer, const char *why)
{
	const struct tfl_record record = {.status = TFL_INTERNAL, .executed = true};

	if (atomic_fetch_add(&candidate->trial.errors, 1) == 0)
		tfl_log_warning("version %" PRIu64 " of '%s', on trial, fails a request that version %" PRIu64 " can answer: %s", candidate->number,
				candidate->model_name, before->number, why);
	tfl_recorder_add(candidate->recorder, writer, &record);
}

bool tfl_fallback_bind(const struct tfl_registry *registry, struct tfl_job *job, unsigned writer, const struct tfl_error *error)
{
	struct tfl_version *candidate = job->version, *before = find(registry, job, &job->binding);

	if (!before)
		return false;
	blame(candidate, before, writer, error->text);
	before->used_ns = job->arrived_ns;
	job->version = tfl_version_ref(before);
	tfl_version_unref(candidate);
	return true;
}

void tfl_fallback_prepare(const struct tfl_registry *registry, struct tfl_job *job)
{
	struct tfl_binding binding;
	struct tfl_version *before = find(registry, job, &binding);

	if (!before)
		return;
	before->used_ns = job->arrived_ns;
	job->fallback.to = tfl_version_ref(before);
}

bool tfl_fallback_turn(struct tfl_job *job, const struct tfl_error *error)
{
	struct tfl_fallback *fallback = &job->fallback;

	if (!fallback->to || !bind(fallback->to, job, &job->binding))
		return false;
	/* They were to be of the version that did not answer. */
	tfl_shadows_unpick(job);
	job->sample.by = NULL;
	fallback->nan = !error;
	fallback->why = error ? strdup(error->text) : NULL;
	fallback->from = job->version;
	job->version = TFL_STEAL(fallback->to);
	return true;
}

void tfl_fallback_settle(struct tfl_job *job, unsigned writer, bool nan)
{
	const struct tfl_fallback *fallback = &job->fallback;

	if (!fallback->from || nan || !atomic_load_explicit(&fallback->from->trial.id, memory_order_relaxed))
		return;
	if (fallback->nan)
		atomic_fetch_add(&fallback->from->trial.nan, 1);
	else
		blame(fallback->from, job->version, writer, fallback->why ? fallback->why : "there is no memory to say why");
}

void tfl_fallback_finish(struct tfl_fallback *fallback)
{
	tfl_version_unref(TFL_STEAL(fallback->to));
	tfl_version_unref(TFL_STEAL(fallback->from));
	free(TFL_STEAL(fallback->why));
}
