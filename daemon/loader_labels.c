/* SPDX-License-Identifier: MIT */
/*
 * Labels of versions: like a swap, changed in the registry at once, for the next request, and written down behind that. A label of a
 * version that is taken out of service stays, and requests by it are told why it cannot serve; it goes with the version.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/loader_internal.h"
#include "daemon/registry.h"
#include "proto/name.h"

static void tell(struct tfl_loader *loader, const struct tfl_version *version, enum tfl_change_kind kind, const uid_t *uid,
		 const char *reason)
{
	const struct tfl_change_note note = {
		.kind = kind,
		.model = version->model_name,
		.version = version->number,
		.asked = uid != NULL,
		.uid = uid ? *uid : 0,
		.reason = reason,
	};

	tfl_changes_record(loader->options.changes, &note);
}

void tfl_loader_tell_unlabelled(struct tfl_loader *loader, const struct tfl_version *version, const uid_t *uid, const char *why)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, version->model_name,
								   strlen(version->model_name));
	char reason[TFL_LABEL_MAX + 64];

	for (unsigned i = 0; i < model->labels.count; i++) {
		if (model->labels.list[i].number != version->number)
			continue;
		snprintf(reason, sizeof(reason), "'%s', since %s", model->labels.list[i].name, why);
		tell(loader, version, TFL_CHANGE_UNLABELLED, uid, reason);
	}
}

void tfl_loader_restore_labels(struct tfl_loader *loader, const char *name, const struct tfl_version_labels *labels, bool known)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, name, strlen(name));
	char reason[TFL_LABEL_MAX + 64];

	if (!model)
		return;
	tfl_registry_set_labels(loader->options.registry, name, labels);
	for (unsigned i = 0; !known && i < model->labels.count; i++) {
		snprintf(reason, sizeof(reason), "'%s'; " TFL_LOADER_CAME, model->labels.list[i].name);
		tell(loader, tfl_registry_find_version(model, model->labels.list[i].number), TFL_CHANGE_LABELLED, NULL, reason);
	}
}

int tfl_loader_label(struct tfl_loader *loader, struct tfl_version *version, const char *label, uid_t uid, tfl_loader_done done, void *data,
		     struct tfl_error *error)
{
	struct tfl_registry *registry = loader->options.registry;
	const struct tfl_registry_model *model = tfl_registry_find(registry, version->model_name, strlen(version->model_name));
	uint64_t before = tfl_version_labels_find(&model->labels, label, strlen(label));
	char reason[TFL_LABEL_MAX + 64];
	int result;

	if (!tfl_label_valid(label, strlen(label)))
		return tfl_error_set(error, -EINVAL, "'%s' is no label: " TFL_LABEL_RULE, label);
	result = tfl_registry_set_label(registry, version, label, error);
	if (result < 0)
		return result;
	if (before)
		snprintf(reason, sizeof(reason), "'%s', as version %" PRIu64 " was before", label, before);
	else
		snprintf(reason, sizeof(reason), "'%s'", label);
	if (before != version->number)
		tell(loader, version, TFL_CHANGE_LABELLED, &uid, reason);
	tfl_loader_look_again(loader, version->model_name); /* the policy may have wanted the other one only for its label */
	tfl_loader_remember(loader, version, done, data);
	return 0;
}

int tfl_loader_unlabel(struct tfl_loader *loader, const char *model, const char *label, uid_t uid, tfl_loader_done done, void *data,
		       struct tfl_error *error)
{
	struct tfl_registry *registry = loader->options.registry;
	struct tfl_version *version = NULL;
	char reason[TFL_LABEL_MAX + 4];
	int result;

	result = tfl_registry_find_label(registry, model, strlen(model), label, strlen(label), &version, error);
	if (result < 0)
		return result;
	snprintf(reason, sizeof(reason), "'%s'", label);
	tfl_registry_remove_label(registry, tfl_registry_find(registry, model, strlen(model)), label);
	tell(loader, version, TFL_CHANGE_UNLABELLED, &uid, reason);
	tfl_loader_look_again(loader, model);
	tfl_loader_remember(loader, version, done, data);
	return 0;
}
