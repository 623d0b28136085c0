/* SPDX-License-Identifier: MIT */
/*
 * What the loader does as changes. What a start finds as it was before is for the journal alone: a device that is switched on each morning
 * would have its changes full of that. What was before is read from the changes themselves.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/loader_internal.h"
#include "daemon/registry.h"

/* Whether the last that is known of a version, or of a model (@p number 0), is that it was refused for this reason. */
static bool was_refused(const struct tfl_loader *loader, const char *model, uint64_t number, const char *reason)
{
	const struct tfl_change *last = tfl_changes_last(loader->options.changes, TFL_CHANGE_LOADED, TFL_CHANGE_REFUSED, model, number);

	return last && last->kind == TFL_CHANGE_REFUSED && last->reason && strcmp(last->reason, reason) == 0;
}

void tfl_loader_tell_job(struct tfl_loader *loader, const struct tfl_loader_job *job, enum tfl_change_kind kind, const char *reason)
{
	struct tfl_change_note note = {
		.kind = kind,
		.known = !job->asked && !job->noticed && kind == TFL_CHANGE_LOADED,
		.model = job->model,
		.version = job->number,
		.asked = job->asked,
		.uid = job->origin.uid,
		.reason = reason,
	};

	if (kind == TFL_CHANGE_REFUSED && !job->asked)
		note.known = job->error.code == -ESHUTDOWN || was_refused(loader, job->model, job->number, reason);
	tfl_changes_record(loader->options.changes, &note);
}

void tfl_loader_tell_version(struct tfl_loader *loader, const struct tfl_version *version, enum tfl_change_kind kind, const char *reason)
{
	const struct tfl_change_note note = {
		.kind = kind,
		.known = kind == TFL_CHANGE_REFUSED && was_refused(loader, version->model_name, version->number, reason),
		.model = version->model_name,
		.version = version->number,
		.reason = reason,
	};

	tfl_changes_record(loader->options.changes, &note);
}

void tfl_loader_tell_refused(struct tfl_loader *loader, const char *model, const char *reason)
{
	struct tfl_change_note note = {
		.kind = TFL_CHANGE_REFUSED,
		.known = was_refused(loader, model, 0, reason),
		.model = model,
		.reason = reason,
	};

	tfl_changes_record(loader->options.changes, &note);
}

uint64_t tfl_loader_active(const struct tfl_loader *loader, const char *model)
{
	const struct tfl_registry_model *found = tfl_registry_find(loader->options.registry, model, strlen(model));

	return found && found->active ? found->active->number : 0;
}

void tfl_loader_tell_active(struct tfl_loader *loader, const char *model, uint64_t before, bool known, const char *reason)
{
	uint64_t active = tfl_loader_active(loader, model);
	struct tfl_change_note note = {.kind = TFL_CHANGE_ACTIVE, .known = known, .model = model, .version = active, .reason = reason};

	if (active && active != before)
		tfl_changes_record(loader->options.changes, &note);
}

void tfl_loader_tell_swap(struct tfl_loader *loader, const struct tfl_loader_job *job, const char *reason)
{
	const struct tfl_change_note note = {
		.kind = TFL_CHANGE_ACTIVE,
		.model = job->model,
		.version = job->number,
		.asked = true,
		.uid = job->origin.uid,
		.reason = reason,
	};

	tfl_changes_record(loader->options.changes, &note);
}

/* The keys that the model's own file sets: "instances = 2, timeout = 50ms". */
static const char *own_settings(const struct tfl_model_conf *conf, char *text, size_t size)
{
	const struct tfl_setting_table *table = &tfl_model_conf_table;
	char value[TFL_SETTING_VALUE_MAX];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned row = 0; row < table->count && used < size; row++) {
		if (strncmp(conf->sources[row].text, TFL_STORE_CONF ":", sizeof(TFL_STORE_CONF)) != 0)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s = %s", used ? ", " : "", table->rows[row].key,
					 tfl_setting_format(&table->rows[row], conf, value));
	}
	return used ? text : "as tfld.conf says";
}

/* Nothing but tfld.conf is what a model has that nobody ever configured. */
void tfl_loader_tell_configured(struct tfl_loader *loader, const char *model, const struct tfl_model_conf *conf)
{
	const enum tfl_change_kind kind = TFL_CHANGE_CONFIGURED;
	const struct tfl_change *last = tfl_changes_last(loader->options.changes, kind, kind, model, 0);
	char text[TFL_ERROR_TEXT_MAX];
	struct tfl_change_note note = {.kind = kind, .model = model, .reason = own_settings(conf, text, sizeof(text))};

	if (last ? last->reason && strcmp(last->reason, note.reason) == 0 : note.reason != text)
		return;
	tfl_changes_record(loader->options.changes, &note);
}
