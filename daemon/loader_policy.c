/* SPDX-License-Identifier: MIT */
/*
 * What a load brings about beside the version itself: it may take the active one's place (auto_swap), which then may have to make room for
 * it first (transition), and other versions may not be wanted any more, which the next look at the model's folder sees to.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/registry.h"
#include "daemon/watch.h"

static const struct tfl_registry_model *model_of(const struct tfl_loader *loader, const struct tfl_loader_job *job)
{
	return tfl_registry_find(loader->options.registry, job->model, strlen(job->model));
}

void tfl_loader_hold(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	const struct tfl_registry_model *model = model_of(loader, job);
	struct tfl_policy policy = { 0 };
	unsigned greater = 0;

	(void)tfl_policy_parse(job->conf.versions, &policy); /* its row has looked at it */
	for (unsigned i = 0; i < model->version_count; i++)
		greater += model->versions[i]->number > job->number && model->versions[i]->state == TFL_VERSION_AVAILABLE;
	job->loaded->held = job->asked && !tfl_policy_wants(&policy, job->number, greater);
}

const char *tfl_loader_auto_swap(struct tfl_loader *loader, const struct tfl_loader_job *job, uint64_t active,
				 char reason[static TFL_ERROR_TEXT_MAX])
{
	char key[TFL_ERROR_TEXT_MAX / 2];

	tfl_watch_drop(loader->options.watch, job->model, job->number);
	tfl_loader_look_again(loader, job->model);
	if (tfl_loader_active(loader, job->model) == job->number) {
		snprintf(reason, TFL_ERROR_TEXT_MAX, "none was before");
	} else if ((job->settles && job->conf.auto_swap && job->number > active && !job->loaded->rejected[0]) || job->returns) {
		snprintf(reason, TFL_ERROR_TEXT_MAX, "swapped from version %" PRIu64 ": %s", active,
			 job->returns ? "the one that it made room for is not available" : TFL_MODEL_CONF_SAY(&job->conf, auto_swap, key));
		tfl_registry_activate(loader->options.registry, job->loaded);
	}
	return reason;
}

/* ---- Room first ---- */

/* A load that waits until the version is freed whose place it takes. */
struct waiting {
	struct tfl_loader *loader;
	struct tfl_loader_job *load;
};

static void on_room(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct waiting *waiting = data;

	if (!error) {
		tfl_loader_submit(waiting->loader, waiting->load);
	} else {
		if (waiting->load->done)
			waiting->load->done(waiting->load->data, NULL, error);
		tfl_loader_job_free(waiting->load);
	}
	free(waiting);
}

/* One that has a label, or a share of the requests, serves these whoever is active, so it makes no room. */
static bool takes_place(const struct tfl_loader_job *job, const struct tfl_registry_model *model, const struct tfl_model_conf *conf)
{
	const struct tfl_version *active = model->active;
	bool named = active && tfl_registry_names(model, active->number);

	return conf->auto_swap && conf->transition == TFL_TRANSITION_RESOURCE && active && job->number > active->number && !named;
}

void tfl_loader_begin(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_model_conf *conf)
{
	const struct tfl_registry_model *model = model_of(loader, job);
	struct tfl_version *active = model->active;
	char reason[TFL_ERROR_TEXT_MAX], key[TFL_ERROR_TEXT_MAX / 2];
	struct waiting *waiting = NULL;
	struct tfl_error error;

	if (!conf)
		conf = active ? &active->conf : NULL;
	if (!conf || !takes_place(job, model, conf) || !(waiting = malloc(sizeof(*waiting)))) {
		tfl_loader_submit(loader, job);
		return;
	}
	*waiting = (struct waiting){ loader, job };
	job->replaces = active->number;
	job->before = active->conf;
	job->reserved = active->bytes;
	active->retired.reserve = true;
	snprintf(reason, sizeof(reason), "it makes room for version %" PRIu64 ": %s", job->number,
		 TFL_MODEL_CONF_SAY(conf, transition, key));
	if (tfl_loader_retire_version(loader, active, TFL_END_REPLACED, reason, on_room, waiting, &error) < 0) {
		tfl_log_warning("%s; version %" PRIu64 " is loaded beside it", error.text, job->number);
		job->replaces = job->reserved = 0;
		active->retired.reserve = false;
		free(waiting);
		tfl_loader_submit(loader, job);
	}
}

/* The version that made room for nothing comes back. */
static void bring_back(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	const struct tfl_registry_model *model = model_of(loader, job);
	struct tfl_version *version = model ? tfl_registry_find_version(model, job->replaces) : NULL;
	struct tfl_loader_job *load;

	if (!version || version->state != TFL_VERSION_END || version->end != TFL_END_REPLACED)
		return;
	load = tfl_loader_make_restore(loader, version, &job->before);
	if (!load) {
		tfl_log_error("not enough memory to load version %" PRIu64 " of '%s' again", version->number, job->model);
		return;
	}
	load->settles = load->noticed = load->returns = true;
	load->generation = 0; /* of what it was loaded with the last time */
	tfl_loader_release(loader, job, load);
	version->end = TFL_END_FAILED;
	tfl_registry_set_state(loader->options.registry, version, TFL_VERSION_LOADING, "", (int64_t)time(NULL));
	tfl_loader_submit(loader, load);
}

void tfl_loader_load_failed(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	if (job->replaces && !atomic_load(&loader->cancelled))
		bring_back(loader, job);
	tfl_loader_look_again(loader, job->model);
}
