/* SPDX-License-Identifier: MIT */
/*
 * What becomes, at start, of each version that lies in the store. The entries come model by model, the active version first, then those that were it
 * before, then the others from the greatest down, so a model is a run of entries that share a model.conf, and the first of them that is to be loaded is the
 * one that will serve.
 *
 * Versions that serve wait in LOADING before those that are needed (a label, the way back), and these before those that are only asked for by number: there
 * may not be memory for all. Those that are not to be loaded are listed in END with the reason.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/registry.h"

/* The entries of one model. */
struct group {
	const struct tfl_store_entry *entries;
	unsigned count;
	struct tfl_model_conf conf;
	struct tfl_error fault; /* of its model.conf; code 0 where it is right */
	struct tfl_route route; /* of its model.conf, where that will be in force */
	bool stale; /* the state has labels of versions that are not there any more */
};

static void log_remark(void *data, const char *sentence)
{
	tfl_log_warning("%s", sentence);
}

/* Whether the policy leaves it out, and it is neither the active one, nor has a label or a share of the requests. */
static bool left_out(const struct group *group, const struct tfl_store_entry *entry)
{
	unsigned greater = 0;
	struct tfl_policy policy = {0};

	(void)tfl_policy_parse(group->conf.versions, &policy); /* its row has looked at it */
	for (unsigned i = 0; i < group->count; i++)
		greater += !group->entries[i].unloaded && !group->entries[i].rejected[0] && group->entries[i].number > entry->number;
	return !entry->active && !entry->stands_by && !entry->named && !tfl_route_names(&group->route, entry->number) &&
	       !tfl_policy_wants(&policy, entry->number, greater);
}

/* Why an entry is not loaded, or "". */
static enum tfl_version_end reason_not_to(const struct group *group, const struct tfl_store_entry *entry,
					  char reason[static TFL_ERROR_TEXT_MAX])
{
	char policy[TFL_ERROR_TEXT_MAX / 2];

	reason[0] = '\0';
	if (entry->unloaded) {
		snprintf(reason, TFL_ERROR_TEXT_MAX, TFL_LOADER_UNLOADED "%s", entry->note);
		return TFL_END_UNLOADED;
	}
	if (entry->rejected[0]) {
		snprintf(reason, TFL_ERROR_TEXT_MAX, TFL_LOADER_REJECTED "%s", entry->rejected);
		return TFL_END_REJECTED;
	}
	if (group->fault.code < 0) {
		snprintf(reason, TFL_ERROR_TEXT_MAX, "%s", group->fault.text);
	} else if (left_out(group, entry)) {
		snprintf(reason, TFL_ERROR_TEXT_MAX, "not loaded at start: %s", TFL_MODEL_CONF_SAY(&group->conf, versions, policy));
		return TFL_END_LEFT_OUT;
	}
	return TFL_END_FAILED;
}

/* As it is now; when it cannot be served, that is what a change is a change from. */
static uint64_t print_of(const struct tfl_loader *loader, const struct group *group, const struct tfl_store_entry *entry)
{
	const char *labels = group->fault.code < 0 ? "" : group->conf.labels;
	struct tfl_store_folder folder = { 0 };
	struct tfl_error error;

	/* What lies there at a start counts as complete: nobody could have seen it come. */
	(void)tfl_store_examine(loader->options.store, entry->model, entry->number, TFL_STORE_MODEL_MOVED, labels, &folder, &error);
	return folder.print;
}

static int list_entry(struct tfl_loader *loader, const struct group *group, const struct tfl_store_entry *entry, struct tfl_error *error)
{
	char reason[TFL_ERROR_TEXT_MAX];
	struct tfl_version *version;
	int result;

	result = tfl_loader_make_version(loader, entry->model, entry->number, &version, error);
	if (result < 0)
		return result;
	version->end = reason_not_to(group, entry, reason);
	strcpy(version->rejected, entry->rejected);
	version->print = loader->options.watch ? print_of(loader, group, entry) : 0;
	result = tfl_registry_add(loader->options.registry, version, error);
	if (result == 0)
		tfl_registry_set_state(loader->options.registry, version, *reason ? TFL_VERSION_END : TFL_VERSION_LOADING, reason,
				       time(NULL));
	else
		tfl_log_warning("version %llu of '%s' is left alone: %s", (unsigned long long)entry->number, entry->model, error->text);
	tfl_version_unref(version);
	return result == -ENOMEM ? result : 0;
}

/*
 * A power cut can come between the erasure of a version and the state without its labels. They are not to wait for another version of
 * that number.
 */
static bool has_stale(const struct tfl_loader *loader, const char *name, const struct tfl_version_labels *labels)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, name, strlen(name));

	return model && model->labels.count < labels->count;
}

static int list_group(struct tfl_loader *loader, struct group *group, struct tfl_error *error)
{
	const char *name = group->entries[0].model;
	struct tfl_state state = { .active = 0 };
	struct tfl_error unread; /* the listing has said so */
	int result = 0;

	group->fault.code = tfl_model_conf_read(loader->options.store, name, &loader->defaults, &group->conf, &group->fault);
	if (group->fault.code < 0)
		tfl_loader_tell_refused(loader, name, group->fault.text);
	(void)tfl_store_read_state(loader->options.store, name, &state, &unread);
	if (!state.routed && group->fault.code == 0)
		tfl_model_conf_route(&group->conf, &group->route);
	for (unsigned i = 0; i < group->count && result == 0; i++)
		result = list_entry(loader, group, &group->entries[i], error);
	tfl_loader_restore_decisions(loader, name, &state, group->fault.code == 0 ? &group->conf : NULL, true);
	group->stale = has_stale(loader, name, &state.labels);
	return result;
}

static int restore(struct tfl_loader *loader, struct tfl_version *version, const struct group *group, bool settles,
		   bool tidies, struct tfl_error *error)
{
	struct tfl_loader_job *job = tfl_loader_make_restore(loader, version, &group->conf);

	if (!job)
		return tfl_error_set(error, -ENOMEM, "not enough memory to load '%s'", version->model_name);
	job->settles = settles;
	job->tidies = tidies;
	job->starting = true;
	loader->starting++;
	tfl_loader_submit(loader, job);
	return 0;
}

/* In which turn a version is loaded. */
enum turn { LEADING, NEEDED, OTHER, TURNS };

/* Submits those of a group that wait in LOADING and whose turn it is. */
static int submit_group(struct tfl_loader *loader, const struct group *group, enum turn turn, struct tfl_error *error)
{
	const struct tfl_registry *registry = loader->options.registry;
	const char *name = group->entries[0].model;
	const struct tfl_registry_model *model = tfl_registry_find(registry, name, strlen(name));
	bool first = true;
	int result = 0;

	for (unsigned i = 0; model && i < group->count && result == 0; i++) {
		const struct tfl_store_entry *entry = &group->entries[i];
		struct tfl_version *version = tfl_registry_find_version(model, entry->number);

		if (!version || version->state != TFL_VERSION_LOADING)
			continue;
		/* Where nothing was written down, what serves now is what shall serve after the next start. */
		if (turn == (first ? LEADING : tfl_registry_needs(model, version) ? NEEDED : OTHER))
			result = restore(loader, version, group, first && !entry->active, first && group->stale, error);
		first = false;
	}
	return result;
}

/* Cuts the entries into groups. */
static unsigned make_groups(const struct tfl_store_entry *entries, unsigned count, struct group *groups)
{
	unsigned made = 0;

	for (unsigned i = 0; i < count; i++) {
		if (i == 0 || strcmp(entries[i - 1].model, entries[i].model) != 0)
			groups[made++] = (struct group){ .entries = &entries[i] };
		groups[made - 1].count++;
	}
	return made;
}

int tfl_loader_scan(struct tfl_loader *loader, struct tfl_error *error)
{
	_tfl_free_ struct tfl_store_entry *entries = NULL;
	_tfl_free_ struct group *groups = NULL;
	unsigned count = 0, group_count;
	int result;

	tfl_loader_settle_trials(loader);
	result = tfl_store_list(loader->options.store, log_remark, NULL, &entries, &count, error);
	if (result < 0 || count == 0)
		return result;
	groups = calloc(count, sizeof(*groups));
	if (!groups)
		return tfl_error_set(error, -ENOMEM, "not enough memory to list the models");
	group_count = make_groups(entries, count, groups);
	for (unsigned i = 0; i < group_count && result == 0; i++)
		result = list_group(loader, &groups[i], error);
	for (enum turn turn = LEADING; turn < TURNS; turn++)
		for (unsigned i = 0; i < group_count && result == 0; i++)
			result = submit_group(loader, &groups[i], turn, error);
	return result;
}
