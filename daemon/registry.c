/* SPDX-License-Identifier: MIT */
/*
 * Two sorted arrays, models by name and in each the versions by number, because reading (a route per request, a list for people) is what
 * happens often, and there are at most 256 times 64.
 *
 * One rule decides who is active, applied after every change (settle_active): the active version stays as long as it is AVAILABLE, else the latest
 * AVAILABLE one that was active before takes its place, else the greatest. So active is NULL or an AVAILABLE version of the same model, always; and
 * those before it are listed, and are not the active one. Labels stand for versions that are listed.
 */
#include "daemon/registry_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

int tfl_registry_create(struct tfl_registry **ret_registry)
{
	struct tfl_registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return -ENOMEM;
	*ret_registry = registry;
	return 0;
}

void tfl_registry_watch(struct tfl_registry *registry, void (*leave)(void *data, const struct tfl_version *version), void *data)
{
	registry->leave = leave;
	registry->leave_data = data;
}

/* The registry does not list it any more. */
static void let_go(struct tfl_registry *registry, struct tfl_version *version)
{
	if (registry->leave)
		registry->leave(registry->leave_data, version);
	tfl_version_unref(version);
}

void tfl_registry_destroy(struct tfl_registry *registry)
{
	if (!registry)
		return;
	while (registry->count > 0) {
		struct tfl_registry_model *model = &registry->models[registry->count - 1];

		tfl_registry_remove(registry, model->versions[model->version_count - 1]);
	}
	free(registry);
}

const struct tfl_registry_model *tfl_registry_models(const struct tfl_registry *registry, unsigned *ret_count)
{
	*ret_count = registry->count;
	return registry->models;
}

/* As strcmp(), for a name that came with a length and may hold anything. */
static int compare_name(const char *model, const char *name, size_t length)
{
	size_t own = strlen(model);
	int order = memcmp(model, name, own < length ? own : length);

	return order != 0 ? order : (own > length) - (own < length);
}

/* Where the model stands or would stand. */
static unsigned model_position(const struct tfl_registry *registry, const char *name, size_t length, bool *ret_found)
{
	unsigned low = 0, high = registry->count;

	*ret_found = false;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = compare_name(registry->models[middle].name, name, length);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static unsigned version_position(const struct tfl_registry_model *model, uint64_t number, bool *ret_found)
{
	unsigned i = 0;

	while (i < model->version_count && model->versions[i]->number < number)
		i++;
	*ret_found = i < model->version_count && model->versions[i]->number == number;
	return i;
}

const struct tfl_registry_model *tfl_registry_find(const struct tfl_registry *registry, const char *name, size_t name_length)
{
	bool found;
	unsigned position;

	if (name_length > TFL_MODEL_NAME_MAX)
		return NULL;
	position = model_position(registry, name, name_length, &found);
	return found ? &registry->models[position] : NULL;
}

struct tfl_version *tfl_registry_find_version(const struct tfl_registry_model *model, uint64_t number)
{
	bool found;
	unsigned position = version_position(model, number, &found);

	return found ? model->versions[position] : NULL;
}

/* A text that grows to a limit; what does not fit any more is counted by the caller. */
struct list {
	char text[TFL_ERROR_TEXT_MAX / 2];
	size_t length;
	unsigned left_out;
};

static void list_add(struct list *list, const char *item)
{
	size_t length = strlen(item);

	/* Once one was left out all later ones are, and " and 12345 more" must still fit. */
	if (list->left_out > 0 || list->length + length + 24 > sizeof(list->text)) {
		list->left_out++;
		return;
	}
	list->length += (size_t)sprintf(list->text + list->length, "%s%s", list->length ? ", " : "", item);
}

static const char *list_end(struct list *list)
{
	if (list->left_out > 0)
		sprintf(list->text + list->length, " and %u more", list->left_out);
	return list->text;
}

/* A name as it came over the wire, fit for a message: cut, and without anything but printable ASCII. */
static const char *quotable(const char *name, size_t length, char buffer[static TFL_MODEL_NAME_MAX + 4])
{
	size_t kept = length > TFL_MODEL_NAME_MAX ? TFL_MODEL_NAME_MAX : length;

	for (size_t i = 0; i < kept; i++)
		buffer[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	strcpy(buffer + kept, kept < length ? "..." : "");
	return buffer;
}

int tfl_registry_no_model(const struct tfl_registry *registry, const char *name, size_t length, struct tfl_error *error)
{
	char buffer[TFL_MODEL_NAME_MAX + 4];
	struct list list = { .length = 0 };

	quotable(name, length, buffer);
	if (registry->count == 0)
		return tfl_error_set(error, -ENOENT, "there is no model '%s', nor any other yet", buffer);
	for (unsigned i = 0; i < registry->count; i++)
		list_add(&list, registry->models[i].name);
	return tfl_error_set(error, -ENOENT, "there is no model '%s'; models here: %s", buffer, list_end(&list));
}

int tfl_registry_no_version(const struct tfl_registry_model *model, uint64_t number, struct tfl_error *error)
{
	struct list list = { .length = 0 };

	for (unsigned i = 0; i < model->version_count; i++) {
		const struct tfl_version *version = model->versions[i];
		char item[64];

		snprintf(item, sizeof(item), "%" PRIu64 "%s%s%s", version->number, version == model->active ? " (active)" : "",
			 version->state == TFL_VERSION_AVAILABLE ? "" : " ",
			 version->state == TFL_VERSION_AVAILABLE ? "" : tfl_version_state_to_string(version->state));
		list_add(&list, item);
	}
	return tfl_error_set(error, -ENOENT, "model '%s' has no version %" PRIu64 "; versions here: %s", model->name, number,
			     list_end(&list));
}

static int not_available(const struct tfl_version *version, struct tfl_error *error)
{
	return tfl_error_set(error, -EAGAIN, "version %" PRIu64 " of '%s' is %s%s%s", version->number, version->model_name,
			     tfl_version_state_to_string(version->state), version->reason[0] ? ": " : "", version->reason);
}

int tfl_registry_serve_active(const struct tfl_registry_model *model, struct tfl_version **ret_version, struct tfl_error *error)
{
	/* Without an active one, the newest is the one that was meant to serve. */
	struct tfl_version *version = model->active ? model->active : model->versions[model->version_count - 1];

	if (version->state != TFL_VERSION_AVAILABLE)
		return not_available(version, error);
	*ret_version = version;
	return 0;
}

int tfl_registry_route(const struct tfl_registry *registry, const char *name, size_t name_length, uint64_t number,
		       struct tfl_version **ret_version, struct tfl_error *error)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, name, name_length);
	struct tfl_version *version;

	if (!model)
		return tfl_registry_no_model(registry, name, name_length, error);
	if (!number)
		return tfl_registry_serve_active(model, ret_version, error);
	version = tfl_registry_find_version(model, number);
	if (!version)
		return tfl_registry_no_version(model, number, error);
	if (version->state != TFL_VERSION_AVAILABLE)
		return not_available(version, error);
	*ret_version = version;
	return 0;
}

static int no_label(const struct tfl_registry_model *model, const char *label, size_t length, struct tfl_error *error)
{
	char buffer[TFL_MODEL_NAME_MAX + 4];
	struct list list = { .length = 0 };

	quotable(label, length, buffer);
	if (model->labels.count == 0)
		return tfl_error_set(error, -ENOENT, "model '%s' has no version with the label '%s', nor with any other", model->name,
				     buffer);
	for (unsigned i = 0; i < model->labels.count; i++) {
		char item[TFL_LABEL_MAX + 48];

		snprintf(item, sizeof(item), "%s (version %" PRIu64 ")", model->labels.list[i].name, model->labels.list[i].number);
		list_add(&list, item);
	}
	return tfl_error_set(error, -ENOENT, "model '%s' has no version with the label '%s'; labels here: %s", model->name, buffer,
			     list_end(&list));
}

int tfl_registry_find_label(const struct tfl_registry *registry, const char *name, size_t name_length, const char *label,
			    size_t label_length, struct tfl_version **ret_version, struct tfl_error *error)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, name, name_length);
	uint64_t number;

	if (!model)
		return tfl_registry_no_model(registry, name, name_length, error);
	number = tfl_version_labels_find(&model->labels, label, label_length);
	if (!number)
		return no_label(model, label, label_length, error);
	*ret_version = tfl_registry_find_version(model, number);
	return 0;
}

bool tfl_registry_names(const struct tfl_registry_model *model, uint64_t number)
{
	return tfl_version_labels_has(&model->labels, number) || tfl_route_names(tfl_registry_route_of(model), number);
}

bool tfl_registry_keeps(const struct tfl_registry_model *model, const struct tfl_version *version)
{
	return version == model->active || version->held || tfl_registry_names(model, version->number);
}

bool tfl_registry_needs(const struct tfl_registry_model *model, const struct tfl_version *version)
{
	return tfl_registry_keeps(model, version) || tfl_previous_find(&model->previous, version->number) == 1;
}

static struct tfl_version *latest_before(const struct tfl_registry_model *model)
{
	for (unsigned i = 0; i < model->previous.count; i++) {
		struct tfl_version *version = tfl_registry_find_version(model, model->previous.numbers[i]);

		if (version && version->state == TFL_VERSION_AVAILABLE)
			return version;
	}
	return NULL;
}

static void set_active(struct tfl_registry_model *model, struct tfl_version *version)
{
	model->active = version;
	if (!version)
		return;
	version->held = false;
	tfl_previous_drop(&model->previous, version->number);
}

static void settle_active(struct tfl_registry_model *model)
{
	struct tfl_version *heir = NULL;

	if (model->active && model->active->state == TFL_VERSION_AVAILABLE)
		return;
	for (unsigned i = 0; i < model->version_count; i++)
		if (model->versions[i]->state == TFL_VERSION_AVAILABLE && !model->versions[i]->rejected[0])
			heir = model->versions[i];
	set_active(model, latest_before(model) ? latest_before(model) : heir);
}

/* The model of that name, made where there is none. */
static int find_or_add_model(struct tfl_registry *registry, const char *name, struct tfl_registry_model **ret_model,
			     struct tfl_error *error)
{
	struct tfl_registry_model *model;
	struct tfl_version **versions;
	unsigned position;
	bool found;

	position = model_position(registry, name, strlen(name), &found);
	model = &registry->models[position];
	if (!found) {
		if (registry->count == TFL_MODELS_MAX)
			return tfl_error_set(error, -ENOSPC, "there are %u models, the most that are served; erase one first",
					     TFL_MODELS_MAX);
		versions = calloc(TFL_VERSIONS_MAX, sizeof(struct tfl_version *));
		if (!versions)
			return tfl_error_set(error, -ENOMEM, "not enough memory for model '%s'", name);
		memmove(model + 1, model, (registry->count - position) * sizeof(*model));
		registry->count++;
		*model = (struct tfl_registry_model){ .versions = versions };
		strcpy(model->name, name);
	}
	*ret_model = model;
	return 0;
}

int tfl_registry_add(struct tfl_registry *registry, struct tfl_version *version, struct tfl_error *error)
{
	struct tfl_registry_model *model = NULL;
	unsigned position;
	bool found;
	int result;

	result = find_or_add_model(registry, version->model_name, &model, error);
	if (result < 0)
		return result;
	position = version_position(model, version->number, &found);
	if (found)
		return tfl_error_set(error, -EEXIST, "version %" PRIu64 " of '%s' is there already, in state %s", version->number,
				     model->name, tfl_version_state_to_string(model->versions[position]->state));
	if (model->version_count == TFL_VERSIONS_MAX)
		return tfl_error_set(error, -ENOSPC, "model '%s' has %u versions, the most that are kept; erase one first", model->name,
				     TFL_VERSIONS_MAX);
	memmove(&model->versions[position + 1], &model->versions[position],
		(model->version_count - position) * sizeof(model->versions[0]));
	model->versions[position] = tfl_version_ref(version);
	model->version_count++;
	settle_active(model);
	return 0;
}

static struct tfl_registry_model *model_of(struct tfl_registry *registry, const struct tfl_version *version)
{
	bool found;
	unsigned position = model_position(registry, version->model_name, strlen(version->model_name), &found);

	assert(found && tfl_registry_find_version(&registry->models[position], version->number) == version);
	return &registry->models[position];
}

void tfl_registry_set_state(struct tfl_registry *registry, struct tfl_version *version, enum tfl_version_state state, const char *reason,
			    int64_t now)
{
	version->state = state;
	version->since = now;
	snprintf(version->reason, sizeof(version->reason), "%s", reason);
	settle_active(model_of(registry, version));
}

void tfl_registry_activate(struct tfl_registry *registry, struct tfl_version *version)
{
	struct tfl_registry_model *model = model_of(registry, version);
	const struct tfl_version *before = model->active;

	assert(version->state == TFL_VERSION_AVAILABLE);
	if (before == version)
		return;
	set_active(model, version);
	if (before)
		tfl_previous_push(&model->previous, before->number);
}

int tfl_registry_roll_back(struct tfl_registry *registry, const struct tfl_registry_model *model, struct tfl_version **ret_version,
			   struct tfl_error *error)
{
	struct tfl_version *version;

	if (model->previous.count == 0)
		return tfl_error_set(error, -ENOENT, "no other version of '%s' was active before; swap to the one that shall serve", model->name);
	version = tfl_registry_find_version(model, model->previous.numbers[0]);
	assert(version); /* what is not listed any more was dropped */
	if (version->state != TFL_VERSION_AVAILABLE)
		return not_available(version, error);
	set_active(model_of(registry, version), version);
	*ret_version = version;
	return 0;
}

struct tfl_registry_model *tfl_registry_own_model(struct tfl_registry *registry, const char *name, size_t length)
{
	bool found;
	unsigned position;

	if (length > TFL_MODEL_NAME_MAX)
		return NULL;
	position = model_position(registry, name, length, &found);
	return found ? &registry->models[position] : NULL;
}

struct tfl_version *tfl_registry_before(const struct tfl_registry *registry, const struct tfl_version *version)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, version->model_name, strlen(version->model_name));

	return model ? latest_before(model) : NULL;
}

void tfl_registry_set_previous(struct tfl_registry *registry, const char *name, const struct tfl_previous *previous)
{
	struct tfl_registry_model *model = tfl_registry_own_model(registry, name, strlen(name));

	if (!model)
		return;
	model->previous = *previous;
	for (unsigned i = 0; i < previous->count; i++)
		if (!tfl_registry_find_version(model, previous->numbers[i]))
			tfl_previous_drop(&model->previous, previous->numbers[i]);
}

int tfl_registry_set_label(struct tfl_registry *registry, const struct tfl_version *version, const char *label, struct tfl_error *error)
{
	struct tfl_registry_model *model = model_of(registry, version);

	if (version->state != TFL_VERSION_AVAILABLE)
		return not_available(version, error);
	if (tfl_version_labels_set(&model->labels, label, version->number) < 0)
		return tfl_error_set(error, -ENOSPC, "model '%s' has %u labels, the most that it may have; remove one first", model->name,
				     TFL_VERSION_LABELS_MAX);
	return 0;
}

void tfl_registry_remove_label(struct tfl_registry *registry, const struct tfl_registry_model *model, const char *label)
{
	tfl_version_labels_remove(&tfl_registry_own_model(registry, model->name, strlen(model->name))->labels, label);
}

void tfl_registry_set_labels(struct tfl_registry *registry, const char *name, const struct tfl_version_labels *labels)
{
	struct tfl_registry_model *model = tfl_registry_own_model(registry, name, strlen(name));

	if (!model)
		return;
	model->labels = *labels;
	for (unsigned i = 0; i < labels->count; i++)
		if (!tfl_registry_find_version(model, labels->list[i].number))
			tfl_version_labels_remove(&model->labels, labels->list[i].name);
}

void tfl_registry_replace(struct tfl_registry *registry, struct tfl_version *version, struct tfl_version *by)
{
	struct tfl_registry_model *model = model_of(registry, version);
	bool found;

	assert(by->number == version->number && strcmp(by->model_name, version->model_name) == 0);
	by->print = version->print;
	strcpy(by->rejected, version->rejected);
	model->versions[version_position(model, version->number, &found)] = tfl_version_ref(by);
	if (model->active == version)
		model->active = NULL;
	settle_active(model);
	let_go(registry, version);
}

void tfl_registry_remove(struct tfl_registry *registry, struct tfl_version *version)
{
	struct tfl_registry_model *model = model_of(registry, version);
	unsigned position;
	bool found;

	position = version_position(model, version->number, &found);
	model->version_count--;
	memmove(&model->versions[position], &model->versions[position + 1],
		(model->version_count - position) * sizeof(model->versions[0]));
	tfl_previous_drop(&model->previous, version->number);
	tfl_version_labels_drop(&model->labels, version->number);
	if (model->active == version)
		model->active = NULL;
	settle_active(model);
	if (model->version_count == 0) {
		free(model->versions);
		registry->count--;
		memmove(model, model + 1, (size_t)(&registry->models[registry->count] - model) * sizeof(*model));
	}
	let_go(registry, version);
}
