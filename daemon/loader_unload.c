/* SPDX-License-Identifier: MIT */
/*
 * Versions out of service. In the registry an empty version takes the place of the loaded one at once; what follows on the loader thread is
 * the mark on disk, or the erasure, and the end of the loaded one when the last request has let go of it.
 *
 * An operator's decision is written down. What the daemon unloads by itself (the version policy, or room for another version) is not: it
 * follows anew at each start from what is configured.
 *
 * What is being unloaded can be erased. Then another empty version takes the place of the first one, and waits for its end as that waits for
 * the end of the loaded one; so the two are delivered in their order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/conditions.h"
#include "daemon/loader_internal.h"
#include "daemon/registry.h"

static int64_t now(void)
{
	return (int64_t)time(NULL);
}

/*
 * What is erased is gone by one rename, whatever its state says then: a start finds the same heir as the registry did. The other way round,
 * a power cut between the two would leave a version that is there and does not serve.
 */
static int run_unload(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	int result;

	if (!job->erase)
		return tfl_loader_write_state(loader, job, error);
	result = tfl_store_erase(loader->options.store, job->model, job->number, error);
	/* What somebody deleted by hand need not be erased. */
	if (result < 0 && result != -ENOENT)
		return result;
	job->erased = true;
	result = tfl_loader_write_state(loader, job, error);
	return result == -ENOENT ? 0 : result; /* with its last version the model is gone */
}

/* What its model's state says now is another matter, and a condition where it could not be written. */
static void deliver_erased(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	tfl_loader_state_written(loader, job);
	tfl_loader_tell_unlabelled(loader, job->listed, job->asked ? &job->origin.uid : NULL, "it is erased");
	tfl_loader_tell_job(loader, job, TFL_CHANGE_ERASED, "");
	tfl_registry_remove(loader->options.registry, job->listed);
	job->error.code = 0; /* erased it is */
}

/* What is listed is the job's version, or what erases it. */
static void set_end(struct tfl_loader *loader, struct tfl_loader_job *job, const char *reason)
{
	struct tfl_version *version = job->listed;

	if (tfl_loader_listed(loader, job) == version) {
		tfl_registry_set_state(loader->options.registry, version, TFL_VERSION_END, reason, now());
	} else {
		version->state = TFL_VERSION_END;
		snprintf(version->reason, sizeof(version->reason), "%s", reason);
	}
}

static void deliver_unload(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	struct tfl_version *listed = NULL;
	char reason[TFL_STATE_NOTE_MAX + 16];

	tfl_conditions_clear_version(loader->options.conditions, job->model, job->number);
	if (job->erased) {
		deliver_erased(loader, job);
	} else if (job->erase) {
		job->listed->erasing = false;
		tfl_loader_tell_job(loader, job, TFL_CHANGE_UNLOADED, job->error.text);
		set_end(loader, job, job->error.text);
	} else {
		snprintf(reason, sizeof(reason), TFL_LOADER_UNLOADED "%s", job->note);
		job->listed->end = TFL_END_UNLOADED;
		set_end(loader, job, reason);
		tfl_loader_tell_job(loader, job, TFL_CHANGE_UNLOADED, job->error.text);
		tfl_loader_state_written(loader, job);
		listed = job->error.code < 0 ? NULL : job->listed;
	}
	/* Where its folder went before it, it goes now. */
	tfl_loader_look_again(loader, job->model);
	job->done(job->data, listed, job->error.code < 0 ? &job->error : NULL);
}

static const struct tfl_loader_kind unload_kind = { run_unload, deliver_unload, .quick = true };

static int check_unload(const struct tfl_version *version, bool erase, struct tfl_error *error)
{
	const bool goes = version->state == TFL_VERSION_UNLOADING && !version->erasing;

	if (version->state == TFL_VERSION_AVAILABLE || (erase && (goes || version->state == TFL_VERSION_END)))
		return 0;
	if (version->state == TFL_VERSION_END)
		return tfl_error_set(error, -EINVAL, "version %" PRIu64 " of '%s' is not loaded; it can only be erased",
				     version->number, version->model_name);
	return tfl_error_set(error, -EAGAIN, "version %" PRIu64 " of '%s' is %s; try again when that is over", version->number,
			     version->model_name, tfl_version_state_to_string(version->state));
}

/* Puts the job's version, which is empty, in the place of a listed one. One that is loaded, or being unloaded, tells the job when it is freed. */
static int take_out(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_version *version, const char *reason,
		    struct tfl_error *error)
{
	struct tfl_registry *registry = loader->options.registry;
	uint64_t active = tfl_loader_active(loader, version->model_name);
	char sentence[64];
	int result;

	result = tfl_loader_make_version(loader, version->model_name, version->number, &job->listed, error);
	if (result < 0)
		return result;
	strcpy(job->listed->sha256, version->sha256);
	job->listed->file_bytes = version->file_bytes;
	job->listed->erasing = job->erase;
	job->freed = !version->file && version->state != TFL_VERSION_UNLOADING;
	version->retired.waiter = job->freed ? NULL : job;
	tfl_registry_replace(registry, version, job->listed);
	tfl_registry_set_state(registry, job->listed, TFL_VERSION_UNLOADING, reason, now());
	tfl_loader_version_changed(loader, job->model, job->number);
	tfl_loader_note_active(loader, job);
	snprintf(sentence, sizeof(sentence), "version %" PRIu64 " is taken out of service", job->number);
	tfl_loader_tell_active(loader, job->model, active, false, sentence);
	tfl_loader_submit(loader, job);
	return 0;
}

int tfl_loader_unload(struct tfl_loader *loader, struct tfl_version *version, bool erase, uid_t uid, tfl_loader_done done, void *data,
		      struct tfl_error *error)
{
	struct tfl_loader_job *job;
	char when[TFL_TIME_TEXT];
	int result;

	result = check_unload(version, erase, error);
	if (result < 0)
		return result;
	job = tfl_loader_make_job(&unload_kind, version->model_name, version->number, done, data);
	if (!job)
		return tfl_error_set(error, -ENOMEM, "not enough memory to unload '%s'", version->model_name);
	job->erase = erase;
	job->asked = true;
	job->origin.uid = uid;
	tfl_time_format(now(), when);
	if (!erase)
		snprintf(job->note, sizeof(job->note), "%s by uid %u", when, uid);
	result = take_out(loader, job, version, erase ? "being erased" : "", error);
	if (result < 0)
		tfl_loader_job_free(job);
	return result;
}

/* Nothing to be written: the job only waits for the end of what was loaded. */
static int run_retire(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	return 0;
}

static void deliver_retire(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	tfl_conditions_clear_version(loader->options.conditions, job->model, job->number);
	set_end(loader, job, job->reason);
	tfl_loader_tell_job(loader, job, TFL_CHANGE_UNLOADED, job->reason);
	tfl_loader_look_again(loader, job->model);
	if (job->done)
		job->done(job->data, job->listed, NULL);
}

static const struct tfl_loader_kind retire_kind = { run_retire, deliver_retire, .quick = true };

int tfl_loader_retire_version(struct tfl_loader *loader, struct tfl_version *version, enum tfl_version_end end, const char *reason,
			      tfl_loader_done done, void *data, struct tfl_error *error)
{
	struct tfl_loader_job *job = tfl_loader_make_job(&retire_kind, version->model_name, version->number, done, data);
	int result;

	if (!job)
		return tfl_error_set(error, -ENOMEM, "not enough memory to unload '%s'", version->model_name);
	snprintf(job->reason, sizeof(job->reason), "%s", reason);
	result = take_out(loader, job, version, reason, error);
	if (result < 0)
		tfl_loader_job_free(job);
	else
		job->listed->end = end;
	return result;
}
