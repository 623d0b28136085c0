/* SPDX-License-Identifier: MIT */
/*
 * What a model's operator decided, and which version is active: changed in the registry at once, and written down behind that. Each job
 * carries what is to stand on disk after it, and they are run in the order of the changes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "daemon/conditions.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/registry.h"

void tfl_loader_note_active(const struct tfl_loader *loader, struct tfl_loader_job *job)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, job->model, strlen(job->model));
	const struct tfl_version *version;

	job->active = model && model->active ? model->active->number : 0;
	job->previous = model ? model->previous : (struct tfl_previous){ 0 };
	job->labels = model ? model->labels : (struct tfl_version_labels){ 0 };
	job->routed = model && model->is_chosen;
	job->route = job->routed ? model->chosen : (struct tfl_route){ 0 };
	for (unsigned i = 0; model && i < model->version_count; i++)
		if (model->versions[i]->erasing)
			tfl_version_labels_drop(&job->labels, model->versions[i]->number);
	job->trial = tfl_loader_trial_state(loader, job->model);
	version = model && job->number && !job->erase ? tfl_registry_find_version(model, job->number) : NULL;
	snprintf(job->rejected, sizeof(job->rejected), "%s", version ? version->rejected : "");
}

int tfl_loader_write_state(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	struct tfl_state state, before;
	int result = tfl_store_read_state(loader->options.store, job->model, &state, error);

	if (result == -EINVAL)
		memset(&state, 0, sizeof(state)); /* nothing to keep in a text that cannot be read */
	else if (result < 0)
		return result;
	before = state;
	state.active = job->active;
	state.previous = job->previous;
	state.labels = job->labels;
	state.routed = job->routed;
	state.route = job->route;
	state.trial = job->trial;
	result = tfl_state_set_rejected(&state, job->number, job->rejected[0] ? job->rejected : NULL);
	if (result == 0)
		result = tfl_state_set_unloaded(&state, job->number, job->note[0] ? job->note : NULL);
	if (result < 0)
		return tfl_error_set(error, result, "'%s' has too many unloaded or rejected versions to remember; erase one", job->model);
	if (memcmp(&state, &before, sizeof(state)) == 0)
		return 0;
	return tfl_store_write_state(loader->options.store, job->model, &state, error);
}

void tfl_loader_state_written(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	if (job->error.code < 0) {
		tfl_error_prefix(&job->error, job->error.code, "after a restart another version may serve");
		tfl_conditions_raise(loader->options.conditions, TFL_CONDITION_STATE, job->model, 0, job->error.text);
	} else {
		tfl_conditions_clear(loader->options.conditions, TFL_CONDITION_STATE, job->model, 0);
	}
}

static void deliver_remember(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	tfl_loader_state_written(loader, job);
	if (job->done)
		job->done(job->data, job->listed, job->error.code < 0 ? &job->error : NULL);
}

static const struct tfl_loader_kind remember_kind = { tfl_loader_write_state, deliver_remember, .also_at_end = true, .quick = true };

void tfl_loader_restore_decisions(struct tfl_loader *loader, const char *model, const struct tfl_state *state,
				  const struct tfl_model_conf *conf, bool known)
{
	tfl_registry_set_previous(loader->options.registry, model, &state->previous);
	tfl_loader_restore_labels(loader, model, &state->labels, known);
	if (conf)
		tfl_registry_set_groups(loader->options.registry, model, &conf->groups);
	tfl_loader_restore_route(loader, model, state, conf, known);
}

/* Whether the operator took it out of service: then @p ret_note says when and by whom. */
static bool is_unloaded(const struct tfl_version *version, const char **ret_note)
{
	const size_t length = sizeof(TFL_LOADER_UNLOADED) - 1;

	*ret_note = version->reason + length;
	return version->state == TFL_VERSION_END && strncmp(version->reason, TFL_LOADER_UNLOADED, length) == 0;
}

static void note_version(struct tfl_loader_job *job, struct tfl_version *version)
{
	job->listed = tfl_version_ref(version);
	job->noted = true;
	version->noted++;
}

void tfl_loader_remember(struct tfl_loader *loader, struct tfl_version *version, tfl_loader_done done, void *data)
{
	struct tfl_loader_job *job = tfl_loader_make_job(&remember_kind, version->model_name, version->number, done, data);
	struct tfl_error error;
	const char *note;

	if (!job) {
		tfl_error_set(&error, -ENOMEM, "not enough memory to remember which version of '%s' is active", version->model_name);
		tfl_log_error("%s", error.text);
		if (done)
			done(data, version, &error);
		return;
	}
	note_version(job, version);
	if (is_unloaded(version, &note))
		snprintf(job->note, sizeof(job->note), "%s", note);
	tfl_loader_note_active(loader, job);
	tfl_loader_submit(loader, job);
}

void tfl_loader_remember_swap(struct tfl_loader *loader, struct tfl_version *version)
{
	tfl_loader_look_again(loader, version->model_name); /* the policy may have wanted it only because it was active */
	tfl_loader_remember(loader, version, NULL, NULL);
}

/* All that an operator can have decided about a model. */
static void remember_all(struct tfl_loader *loader, const struct tfl_registry_model *model)
{
	const char *note;

	for (unsigned i = 0; i < model->version_count; i++) {
		struct tfl_version *version = model->versions[i];

		if (version == model->active || version->rejected[0] || is_unloaded(version, &note))
			tfl_loader_remember(loader, version, NULL, NULL);
	}
}

void tfl_loader_remember_again(struct tfl_loader *loader)
{
	const struct tfl_condition *conditions;
	unsigned count;

	conditions = tfl_conditions_list(loader->options.conditions, &count);
	for (unsigned i = 0; i < count; i++) {
		const char *name = conditions[i].model;
		const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, name, strlen(name));

		if (conditions[i].kind == TFL_CONDITION_STATE && model)
			remember_all(loader, model);
		if (conditions[i].kind == TFL_CONDITION_WATCH)
			tfl_loader_look_again(loader, name);
	}
}

/* ---- Swap and rollback: the next request is served by another version; what waits for the disk is the answer alone ---- */

static struct tfl_loader_job *make_swap(const char *model, uid_t uid, tfl_loader_done done, void *data, struct tfl_error *error)
{
	struct tfl_loader_job *job = tfl_loader_make_job(&remember_kind, model, 0, done, data);

	if (!job) {
		tfl_error_set(error, -ENOMEM, "not enough memory to swap versions of '%s'", model);
		return NULL;
	}
	job->asked = true;
	job->origin.uid = uid;
	return job;
}

/* The registry has changed: tells it, and writes it down. Who asks for a version that was rejected wants it nevertheless. */
static void submit_swap(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_version *version, uint64_t before, const char *verb,
			const struct tfl_trial_wish *wish)
{
	const char *pardon = version->rejected[0] ? "; that it was rejected does not count any more" : "";
	char reason[160];

	if (before)
		snprintf(reason, sizeof(reason), "%s from version %" PRIu64 "%s", verb, before, pardon);
	else
		snprintf(reason, sizeof(reason), "%s; none was active%s", verb, pardon);
	version->rejected[0] = '\0';
	job->number = version->number;
	note_version(job, version);
	tfl_loader_tell_swap(loader, job, reason);
	tfl_loader_swapped(loader, version, before, wish ? wish : &(struct tfl_trial_wish){.none = true});
	tfl_loader_note_active(loader, job);
	tfl_loader_look_again(loader, job->model); /* the policy may have wanted the other one only because it was active */
	tfl_loader_submit(loader, job);
}

int tfl_loader_swap(struct tfl_loader *loader, struct tfl_version *version, const struct tfl_trial_wish *wish, uid_t uid, tfl_loader_done done,
		    void *data, struct tfl_error *error)
{
	uint64_t before = tfl_loader_active(loader, version->model_name);
	struct tfl_loader_job *job;

	if (version->state != TFL_VERSION_AVAILABLE)
		return tfl_error_set(error, -EAGAIN, "version %" PRIu64 " of '%s' is %s and cannot serve%s%s", version->number, version->model_name,
				     tfl_version_state_to_string(version->state), version->reason[0] ? ": " : "", version->reason);
	job = make_swap(version->model_name, uid, done, data, error);
	if (!job)
		return -ENOMEM;
	tfl_registry_activate(loader->options.registry, version);
	submit_swap(loader, job, version, before, "swapped", wish);
	return 0;
}

int tfl_loader_roll_back(struct tfl_loader *loader, const char *model, uid_t uid, tfl_loader_done done, void *data, struct tfl_error *error)
{
	const struct tfl_registry_model *found = tfl_registry_find(loader->options.registry, model, strlen(model));
	uint64_t before = tfl_loader_active(loader, model);
	struct tfl_version *version = NULL;
	struct tfl_loader_job *job;
	int result;

	if (!found)
		return tfl_registry_no_model(loader->options.registry, model, strlen(model), error);
	job = make_swap(model, uid, done, data, error);
	if (!job)
		return -ENOMEM;
	result = tfl_registry_roll_back(loader->options.registry, found, &version, error);
	if (result < 0) {
		tfl_loader_job_free(job);
		return result;
	}
	tfl_loader_stop_route(loader, found, &uid, "rolled back");
	submit_swap(loader, job, version, before, "rolled back", NULL);
	return 0;
}
