/* SPDX-License-Identifier: MIT */
/*
 * The configuration of models, read anew while the daemon runs: all of it is read on the loader thread before any of it is taken over on
 * the loop thread. A version in memory takes over what it can; the rest waits until it is loaded anew.
 *
 * A load may have read the configuration of before, and be delivered after that. So what was taken over is kept, and each job knows which
 * configuration it has seen.
 */
#include <stdlib.h>
#include <string.h>

#include "base/labels.h"
#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/history.h"
#include "daemon/loader_internal.h"
#include "daemon/mistakes.h"
#include "daemon/period.h"
#include "daemon/registry.h"

struct tfl_loader_confs {
	unsigned count;
	struct {
		char model[TFL_MODEL_NAME_MAX + 1];
		struct tfl_model_conf conf;
	} items[TFL_MODELS_MAX];
};

TFL_DEFINE_CLEANUP(struct tfl_loader_confs *, freep, tfl_loader_confs_free)

void tfl_loader_confs_free(struct tfl_loader_confs *confs)
{
	free(confs);
}

static struct tfl_model_conf *find(struct tfl_loader_confs *confs, const char *model)
{
	for (unsigned i = 0; confs && i < confs->count; i++)
		if (strcmp(confs->items[i].model, model) == 0)
			return &confs->items[i].conf;
	return NULL;
}

/* ---- Reading: loader thread ---- */

int tfl_loader_read_conf(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	struct tfl_model_conf defaults;

	pthread_mutex_lock(&loader->lock);
	defaults = loader->defaults;
	job->generation = loader->generation;
	pthread_mutex_unlock(&loader->lock);
	return tfl_model_conf_read(loader->options.store, job->model, &defaults, &job->conf, error);
}

/* A model past the most that are served is none. */
static int add_name(void *data, const char *model)
{
	struct tfl_loader_confs *confs = data;

	if (confs->count < TFL_MODELS_MAX)
		strcpy(confs->items[confs->count++].model, model);
	return 0;
}

static void read_model(const struct tfl_store *store, const char *model, const struct tfl_model_conf *defaults, struct tfl_model_conf *conf,
		       struct tfl_mistakes *mistakes)
{
	TFL_CLEANUP(tfl_labels_finish) struct tfl_labels labels = { 0 };
	struct tfl_error error;

	if (tfl_model_conf_check(store, model, defaults, conf, mistakes) == 0 &&
	    tfl_model_conf_labels(store, model, conf, &labels, &error) < 0) {
		tfl_mistakes_next_file(mistakes);
		tfl_mistakes_add(mistakes, 0, "%s", error.text);
	}
}

int tfl_loader_read_confs(const struct tfl_loader *loader, const struct tfl_model_conf *defaults, struct tfl_loader_confs **ret_confs,
			  struct tfl_mistakes *mistakes, struct tfl_error *error)
{
	TFL_CLEANUP(freep) struct tfl_loader_confs *confs = calloc(1, sizeof(*confs));
	int result;

	if (!confs)
		return tfl_error_set(error, -ENOMEM, "not enough memory to read the configuration of the models");
	result = tfl_store_walk(loader->options.store, add_name, confs, error);
	if (result < 0)
		return result;
	for (unsigned i = 0; i < confs->count; i++)
		read_model(loader->options.store, confs->items[i].model, defaults, &confs->items[i].conf, mistakes);
	*ret_confs = TFL_STEAL(confs);
	return 0;
}

/* ---- Taking over: loop thread ---- */

/* Periods are told from now on; what was before is nobody's any more. Without memory, none are. */
static void begin_periods(struct tfl_version *version)
{
	struct tfl_period *before = NULL;
	uint64_t now = tfl_clock_boot_ns();

	if (version->mark || !version->recorder || !version->history ||
	    tfl_period_mark_create(&version->heads, now, &version->mark) < 0)
		return;
	tfl_history_advance(version->history, version->recorder, tfl_clock_seconds());
	(void)tfl_period_take(version, now, 0, &before);
	tfl_period_free(before);
}

/* A version that is AVAILABLE, or becomes so. */
static void configure_version(struct tfl_loader *loader, struct tfl_version *version, const struct tfl_model_conf *conf)
{
	tfl_model_conf_take(&version->conf, conf);
	if (atomic_load(&loader->periods))
		begin_periods(version);
}

static void configure_model(struct tfl_loader *loader, const char *name, const struct tfl_model_conf *conf)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, name, strlen(name));

	if (!model)
		return;
	for (unsigned i = 0; i < model->version_count; i++)
		if (model->versions[i]->state == TFL_VERSION_AVAILABLE)
			configure_version(loader, model->versions[i], conf);
	tfl_registry_set_groups(loader->options.registry, name, &conf->groups);
	tfl_loader_tell_configured(loader, name, conf);
	tfl_loader_configure_route(loader, name, conf, false);
	tfl_loader_look_again(loader, name); /* its policy may want other versions */
}

void tfl_loader_configure(struct tfl_loader *loader, const struct tfl_loader_settings *settings, struct tfl_loader_confs *confs)
{
	pthread_mutex_lock(&loader->lock);
	loader->defaults = *settings->defaults;
	loader->generation++;
	pthread_mutex_unlock(&loader->lock);
	atomic_store(&loader->memory_limit, settings->memory_limit);
	atomic_store(&loader->unload_idle, settings->unload_idle);
	atomic_store(&loader->periods, settings->periods);
	tfl_loader_confs_free(loader->confs);
	loader->confs = confs;
	for (unsigned i = 0; i < confs->count; i++)
		configure_model(loader, confs->items[i].model, &confs->items[i].conf);
}

void tfl_loader_catch_up(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	struct tfl_model_conf *conf = find(loader->confs, job->model);

	if (conf && job->generation == loader->generation) {
		*conf = job->conf; /* it may have been edited since */
	} else if (conf) {
		tfl_model_conf_take(&job->conf, conf);
		configure_version(loader, job->loaded, conf);
	}
	tfl_registry_set_groups(loader->options.registry, job->model, &job->conf.groups);
}

const char *tfl_loader_waiting(const struct tfl_loader *loader, const struct tfl_version *version, char *text, size_t size)
{
	const struct tfl_model_conf *conf = find(loader->confs, version->model_name);

	text[0] = '\0';
	return conf && version->state == TFL_VERSION_AVAILABLE ? tfl_model_conf_waiting(&version->conf, conf, text, size) : text;
}
