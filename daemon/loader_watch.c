/* SPDX-License-Identifier: MIT */
/*
 * A model's folder has changed: on the loader thread it is listed, and its versions are looked at from outside; on the loop thread what was
 * found is held against the registry (reconcile.h), and the steps between the two are taken.
 *
 * A folder is watched before it is listed, so that nothing falls between. Versions that serve, or that nobody wants, are not watched: what
 * becomes of their folders shows in that of the model.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/conditions.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/reconcile.h"
#include "daemon/registry.h"
#include "daemon/watch.h"

/* What the registry lists when the job goes out, as far as the loader thread has to know. */
struct listed {
	uint64_t number;
	bool examined, watched;
};

struct tfl_rescan {
	struct tfl_dirty_mark mark;
	struct listed listed[TFL_VERSIONS_MAX];
	unsigned listed_count;
	struct tfl_found *found; /* owned */
	unsigned found_count;
	bool gone;                  /* the model's folder */
	unsigned left_over;         /* versions, or models, past the limit */
	char (*names)[TFL_MODEL_NAME_MAX + 1]; /* owned: all models, where that was asked */
	unsigned name_count;
	struct tfl_state state;     /* of a model that is not listed */
	struct tfl_error fault;     /* of model.conf; code 0 where it is right */
	struct tfl_error unwatched; /* likewise: what could not be watched */
	char full[TFL_ERROR_TEXT_MAX]; /* what the registry has no room for */
};

void tfl_rescan_free(struct tfl_rescan *rescan)
{
	if (!rescan)
		return;
	free(rescan->found);
	free(rescan->names);
	free(rescan);
}

static int64_t now(void)
{
	return (int64_t)time(NULL);
}

void tfl_loader_look_again(struct tfl_loader *loader, const char *model)
{
	tfl_loader_check_route(loader, model);
	tfl_watch_touch(loader->options.watch, model, tfl_clock_ns() / 1000000);
}

/* ---- On the loader thread ---- */

static int watch(struct tfl_loader *loader, struct tfl_rescan *rescan, const char *model, uint64_t number)
{
	struct tfl_error why;
	int result = tfl_watch_add(loader->options.watch, model, number, &why);

	/* What is not there any more is seen when it is listed. */
	if (result < 0 && result != -ENOENT)
		rescan->unwatched = why;
	return result;
}

static void pass_over(void *data, const char *sentence)
{
}

static const struct listed *find_listed(const struct tfl_rescan *rescan, uint64_t number)
{
	for (unsigned i = 0; i < rescan->listed_count; i++)
		if (rescan->listed[i].number == number)
			return &rescan->listed[i];
	return NULL;
}

/* False for a folder that has gone meanwhile. */
static bool look_at(struct tfl_loader *loader, struct tfl_loader_job *job, const struct listed *listed, struct tfl_found *found)
{
	struct tfl_rescan *rescan = job->rescan;
	uint64_t number = found->entry.number;
	unsigned seen = rescan->mark.moved ? TFL_STORE_MODEL_MOVED : 0;
	const char *labels = rescan->fault.code < 0 ? "" : job->conf.labels;
	struct tfl_error why;

	found->folder = (struct tfl_store_folder){ .complete = true };
	if (listed && !listed->examined)
		return true;
	if (!listed || listed->watched)
		watch(loader, rescan, job->model, number);
	if (tfl_dirty_has_moved(&rescan->mark, number))
		seen |= TFL_STORE_MOVED;
	return tfl_store_examine(loader->options.store, job->model, number, seen, labels, &found->folder, &why) == 0;
}

/* Those that are listed, and so many more as the registry has room for, the greatest first. */
static int look_at_all(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_store_entry *entries, unsigned count)
{
	struct tfl_rescan *rescan = job->rescan;
	unsigned room = TFL_VERSIONS_MAX - rescan->listed_count;

	rescan->found = calloc(count ? count : 1, sizeof(*rescan->found));
	if (!rescan->found)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		struct tfl_found *found = &rescan->found[rescan->found_count];
		const struct listed *listed = find_listed(rescan, entries[i].number);

		if (!listed && room == 0) {
			rescan->left_over++;
			continue;
		}
		found->entry = entries[i];
		if (!look_at(loader, job, listed, found))
			continue;
		rescan->found_count++;
		room -= listed == NULL;
	}
	return 0;
}

/* What was decided about a model that comes with its folder, on another device perhaps; what is listed has its decisions in the registry. */
static void read_decisions(const struct tfl_loader *loader, struct tfl_rescan *rescan, const char *model)
{
	struct tfl_error why;

	if (rescan->listed_count == 0 && tfl_store_read_state(loader->options.store, model, &rescan->state, &why) < 0)
		tfl_log_warning("%s; going on without", why.text);
}

static int run_model(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	const struct tfl_store *store = loader->options.store;
	struct tfl_rescan *rescan = job->rescan;
	_tfl_free_ struct tfl_store_entry *entries = NULL;
	unsigned count = 0;
	int result;

	rescan->gone = watch(loader, rescan, job->model, 0) == -ENOENT;
	result = tfl_store_list_model(store, job->model, pass_over, NULL, &entries, &count, error);
	if (result < 0)
		return result;
	if (count > 0) {
		rescan->fault.code = tfl_loader_read_conf(loader, job, &rescan->fault);
		read_decisions(loader, rescan, job->model);
	}
	result = look_at_all(loader, job, entries, count);
	return result < 0 ? tfl_error_set(error, result, "not enough memory to look at '%s'", job->model) : 0;
}

static int add_name(void *data, const char *model)
{
	struct tfl_rescan *rescan = data;

	if (rescan->name_count < TFL_MODELS_MAX)
		strcpy(rescan->names[rescan->name_count++], model);
	else
		rescan->left_over++;
	return 0;
}

static int run_root(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	struct tfl_rescan *rescan = job->rescan;
	struct tfl_error why;
	int result = tfl_watch_add(loader->options.watch, "", 0, &why);

	if (result == 0)
		result = tfl_store_check_place(loader->options.store, &why);
	if (result < 0)
		rescan->unwatched = why;
	rescan->names = calloc(TFL_MODELS_MAX, sizeof(*rescan->names));
	if (!rescan->names)
		return tfl_error_set(error, -ENOMEM, "not enough memory to list the models");
	return tfl_store_walk(loader->options.store, add_name, rescan, error);
}

static int run_rescan(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	return job->model[0] ? run_model(loader, job, error) : run_root(loader, job, error);
}

/* ---- On the loop thread: the steps ---- */

/* The version of a step, listed now if it was not, in this state. NULL where there is no room for it. */
static struct tfl_version *list(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step,
				enum tfl_version_state state, enum tfl_version_end end, const char *reason)
{
	struct tfl_registry *registry = loader->options.registry;
	const struct tfl_registry_model *model = tfl_registry_find(registry, job->model, strlen(job->model));
	struct tfl_version *version = model ? tfl_registry_find_version(model, step->number) : NULL;
	struct tfl_error error;
	int result = 0;

	if (!version) {
		result = tfl_loader_make_version(loader, job->model, step->number, &version, &error);
		if (result == 0) {
			result = tfl_registry_add(registry, version, &error);
			tfl_version_unref(version); /* the registry's reference keeps it */
		}
	}
	if (result < 0) {
		snprintf(job->rescan->full, sizeof(job->rescan->full), "%s", error.text);
		return NULL;
	}
	version->print = step->found ? step->found->folder.print : version->print;
	version->end = end;
	tfl_registry_set_state(registry, version, state, reason, now());
	return version;
}

static void take_load(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	struct tfl_version *version = list(loader, job, step, TFL_VERSION_LOADING, TFL_END_FAILED, "");
	struct tfl_loader_job *load = version ? tfl_loader_make_restore(loader, version, &job->conf) : NULL;

	if (load) {
		load->settles = load->noticed = true;
		load->generation = job->generation;
		tfl_loader_begin(loader, load, &job->conf);
	} else if (version) {
		tfl_registry_set_state(loader->options.registry, version, TFL_VERSION_END, "there was not enough memory to load it", now());
	}
}

static const char *why_refused(const struct tfl_loader *loader, const struct tfl_loader_job *job, const struct tfl_step *step,
			       char reason[static TFL_ERROR_TEXT_MAX])
{
	char path[TFL_STORE_PATH_MAX];

	tfl_store_path(loader->options.store, job->model, step->number, TFL_STORE_FILE, path);
	if (step->found->folder.complete && job->rescan->fault.code < 0)
		return job->rescan->fault.text;
	snprintf(reason, TFL_ERROR_TEXT_MAX, "%s %s; move the complete folder in (mv, within one file system), or write its manifest last",
		 path, step->found->folder.has_file ? "may still be written: it has no manifest and was not moved here" : "is not there yet");
	return reason;
}

/* Each reason is told once, however often its folder changes. */
static void take_refuse(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, job->model, strlen(job->model));
	struct tfl_version *version = model ? tfl_registry_find_version(model, step->number) : NULL;
	char text[TFL_ERROR_TEXT_MAX];
	const char *reason = why_refused(loader, job, step, text);

	if (version && strcmp(version->reason, reason) == 0) {
		version->print = step->found->folder.print;
		return;
	}
	version = list(loader, job, step, TFL_VERSION_END, TFL_END_FAILED, reason);
	if (version)
		tfl_loader_tell_version(loader, version, TFL_CHANGE_REFUSED, reason);
}

static void take_leave(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	char reason[TFL_ERROR_TEXT_MAX];

	list(loader, job, step, TFL_VERSION_END, TFL_END_LEFT_OUT, TFL_MODEL_CONF_SAY(&job->conf, versions, reason));
	tfl_watch_drop(loader->options.watch, job->model, step->number);
}

static void take_hold(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	const struct tfl_store_entry *entry = &step->found->entry;
	char reason[TFL_STATE_NOTE_MAX + 16];
	struct tfl_version *version;

	snprintf(reason, sizeof(reason), "%s%s", entry->unloaded ? TFL_LOADER_UNLOADED : TFL_LOADER_REJECTED,
		 entry->unloaded ? entry->note : entry->rejected);
	version = list(loader, job, step, TFL_VERSION_END, entry->unloaded ? TFL_END_UNLOADED : TFL_END_REJECTED, reason);
	if (version)
		strcpy(version->rejected, entry->rejected);
	tfl_watch_drop(loader->options.watch, job->model, step->number);
}

/* Its number may be used again, for something that nobody has unloaded. */
static void take_forget(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	const char *reason = "its folder was removed";
	struct tfl_version *version = list(loader, job, step, TFL_VERSION_END, TFL_END_FAILED, reason);

	if (!version)
		return;
	version->erasing = true;
	if (job->rescan->found_count > 0)
		tfl_loader_remember(loader, version, NULL, NULL);
	tfl_loader_tell_unlabelled(loader, version, NULL, reason);
	tfl_loader_tell_version(loader, version, TFL_CHANGE_ERASED, reason);
	tfl_watch_drop(loader->options.watch, job->model, step->number);
	tfl_registry_remove(loader->options.registry, version);
}

/* The version of a step about one that serves. NULL where a step before has taken it out of service: a load that needed its room. */
static struct tfl_version *find_serving(const struct tfl_loader *loader, const struct tfl_loader_job *job, const struct tfl_step *step)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, job->model, strlen(job->model));
	struct tfl_version *version = tfl_registry_find_version(model, step->number);

	return version->state == TFL_VERSION_AVAILABLE ? version : NULL;
}

static void say(struct tfl_loader *loader, const struct tfl_loader_job *job, const struct tfl_step *step, const char *reason)
{
	struct tfl_version *version = find_serving(loader, job, step);

	if (version)
		tfl_registry_set_state(loader->options.registry, version, TFL_VERSION_AVAILABLE, reason, version->since);
}

static void take_miss(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	say(loader, job, step, "its folder is gone; it serves from memory until it is unloaded");
}

static void take_recover(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	say(loader, job, step, "");
}

static void take_unload(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step)
{
	struct tfl_version *version = find_serving(loader, job, step);
	char reason[TFL_ERROR_TEXT_MAX];
	struct tfl_error error;

	if (version && tfl_loader_retire_version(loader, version, TFL_END_LEFT_OUT, TFL_MODEL_CONF_SAY(&job->conf, versions, reason), NULL,
						 NULL, &error) < 0)
		tfl_log_error("%s", error.text);
}

static void (*const takers[TFL_STEP_KINDS])(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_step *step) = {
	[TFL_STEP_LOAD] = take_load,
	[TFL_STEP_REFUSE] = take_refuse,
	[TFL_STEP_LEAVE] = take_leave,
	[TFL_STEP_HOLD] = take_hold,
	[TFL_STEP_FORGET] = take_forget,
	[TFL_STEP_MISS] = take_miss,
	[TFL_STEP_RECOVER] = take_recover,
	[TFL_STEP_UNLOAD] = take_unload,
};

/* ---- What is wrong with the folder as a whole ---- */

static void hold_condition(struct tfl_loader *loader, enum tfl_condition_kind kind, const char *model, const char *text)
{
	if (text[0])
		tfl_conditions_raise(loader->options.conditions, kind, model, 0, text);
	else
		tfl_conditions_clear(loader->options.conditions, kind, model, 0);
}

static void tell_conditions(struct tfl_loader *loader, const struct tfl_loader_job *job)
{
	const struct tfl_rescan *rescan = job->rescan;
	const char *wrong = job->error.code < 0 ? job->error.text : rescan->fault.code < 0 ? rescan->fault.text : rescan->full;
	char text[TFL_ERROR_TEXT_MAX];

	if (rescan->left_over > 0 && !wrong[0]) {
		snprintf(text, sizeof(text), "%u more %s lie there, but no more than %u can be listed; erase some that are not needed",
			 rescan->left_over, job->model[0] ? "versions" : "models", job->model[0] ? TFL_VERSIONS_MAX : TFL_MODELS_MAX);
		wrong = text;
	}
	hold_condition(loader, TFL_CONDITION_MODELS, job->model, wrong);
	hold_condition(loader, TFL_CONDITION_WATCH, job->model, rescan->unwatched.code < 0 ? rescan->unwatched.text : "");
}

/* A model of which nothing is left has nothing that could be wrong. */
static void forget_model(struct tfl_loader *loader, const char *model)
{
	tfl_watch_drop(loader->options.watch, model, 0);
	tfl_conditions_clear_version(loader->options.conditions, model, 0);
}

static void reconcile(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	const struct tfl_rescan *rescan = job->rescan;
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, job->model, strlen(job->model));
	struct tfl_step steps[TFL_STEPS_MAX];
	struct tfl_policy policy = { 0 };
	unsigned count;

	if (rescan->found_count > 0 && rescan->fault.code == 0) {
		tfl_loader_configure_route(loader, job->model, &job->conf, false);
		(void)tfl_policy_parse(job->conf.versions, &policy); /* its row has looked at it */
	}
	count = tfl_reconcile(model, rescan->found, rescan->found_count, rescan->fault.code < 0 ? NULL : &policy, steps);
	for (unsigned i = 0; i < count; i++)
		takers[steps[i].kind](loader, job, &steps[i]);
	/* One that is listed already has what was in force when a version was loaded, or the configuration read anew. */
	if (!model)
		tfl_loader_restore_decisions(loader, job->model, &rescan->state, rescan->fault.code == 0 ? &job->conf : NULL, false);
}

static void rescan_each(struct tfl_loader *loader, const struct tfl_rescan *rescan)
{
	struct tfl_dirty_mark mark = { .moved = rescan->mark.moved };
	const struct tfl_registry_model *models;
	unsigned count;

	for (unsigned i = 0; i < rescan->name_count; i++) {
		strcpy(mark.model, rescan->names[i]);
		tfl_loader_rescan(loader, &mark);
	}
	/* Those that are gone. */
	models = tfl_registry_models(loader->options.registry, &count);
	for (unsigned i = 0; i < count; i++) {
		unsigned k = 0;

		while (k < rescan->name_count && strcmp(rescan->names[k], models[i].name) != 0)
			k++;
		strcpy(mark.model, models[i].name);
		if (k == rescan->name_count)
			tfl_loader_rescan(loader, &mark);
	}
}

static void deliver_rescan(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	if (atomic_load(&loader->cancelled))
		return;
	if (job->error.code == 0 && job->model[0])
		reconcile(loader, job);
	else if (job->error.code == 0)
		rescan_each(loader, job->rescan);
	tell_conditions(loader, job);
	tfl_loader_check_route(loader, job->model);
	if (job->rescan->gone && !tfl_registry_find(loader->options.registry, job->model, strlen(job->model)))
		forget_model(loader, job->model);
}

static const struct tfl_loader_kind rescan_kind = { run_rescan, deliver_rescan, .quick = true };

static void note_listed(const struct tfl_loader *loader, struct tfl_rescan *rescan)
{
	const char *name = rescan->mark.model;
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, name, strlen(name));

	for (unsigned i = 0; model && i < model->version_count; i++) {
		const struct tfl_version *version = model->versions[i];
		bool out = version->state == TFL_VERSION_END;

		rescan->listed[rescan->listed_count++] = (struct listed){
			.number = version->number,
			.examined = out && (version->end == TFL_END_FAILED || version->end == TFL_END_LEFT_OUT),
			.watched = out && version->end == TFL_END_FAILED,
		};
	}
}

void tfl_loader_rescan(struct tfl_loader *loader, const struct tfl_dirty_mark *mark)
{
	struct tfl_loader_job *job;

	if (!loader->options.watch)
		return;
	job = tfl_loader_make_job(&rescan_kind, mark->model, 0, NULL, NULL);
	if (job)
		job->rescan = calloc(1, sizeof(*job->rescan));
	if (!job || !job->rescan) {
		tfl_log_error("not enough memory to look at what changed in the models folder");
		if (job)
			tfl_loader_job_free(job);
		return;
	}
	job->rescan->mark = *mark;
	note_listed(loader, job->rescan);
	tfl_loader_submit(loader, job);
}
