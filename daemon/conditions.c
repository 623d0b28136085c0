/* SPDX-License-Identifier: MIT */
/*
 * A short array in the order in which they were raised, searched from the front: there is next to never one in it. At most one entry has
 * the same kind, model and version.
 */
#include "daemon/conditions.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/fields.h"

struct tfl_conditions {
	tfl_condition_told told;
	void *data;
	unsigned count;
	struct tfl_condition items[TFL_CONDITIONS_MAX];
};

static const struct {
	const char *name, *over;
} kinds[TFL_CONDITION_KINDS] = {
	[TFL_CONDITION_STATISTICS] = {"statistics", "statistics are kept again"},
	[TFL_CONDITION_STATE] = {"state", "what is active is remembered again"},
	[TFL_CONDITION_CHANGES] = {"changes", "changes are kept again"},
	[TFL_CONDITION_METRICS] = {"metrics", "the metrics file is written again"},
	[TFL_CONDITION_LOG] = {"log", "the log of the statistics is written again"},
	[TFL_CONDITION_MODELS] = {"models", "the model's folder is in order again"},
	[TFL_CONDITION_WATCH] = {"watch", "the models folder is watched again"},
	[TFL_CONDITION_ROUTE] = {"route", "the route is followed again"},
	[TFL_CONDITION_CONFIG] = {"config", "the configuration is right again"},
	[TFL_CONDITION_CLOCK] = {"clock", "the clock is steady again"},
};

const char *tfl_condition_to_string(enum tfl_condition_kind kind)
{
	return kinds[kind].name;
}

const char *tfl_condition_over(enum tfl_condition_kind kind)
{
	return kinds[kind].over;
}

int tfl_conditions_create(tfl_condition_told told, void *data, struct tfl_conditions **ret_conditions)
{
	struct tfl_conditions *conditions = calloc(1, sizeof(*conditions));

	if (!conditions)
		return -ENOMEM;
	conditions->told = told;
	conditions->data = data;
	*ret_conditions = conditions;
	return 0;
}

void tfl_conditions_destroy(struct tfl_conditions *conditions)
{
	free(conditions);
}

static bool is_of(const struct tfl_condition *condition, const char *model, uint64_t version)
{
	return condition->version == version && strcmp(condition->model, model ? model : "") == 0;
}

static struct tfl_condition *find(struct tfl_conditions *conditions, enum tfl_condition_kind kind, const char *model, uint64_t version)
{
	for (unsigned i = 0; i < conditions->count; i++) {
		if (conditions->items[i].kind == kind && is_of(&conditions->items[i], model, version))
			return &conditions->items[i];
	}
	return NULL;
}

void tfl_conditions_raise(struct tfl_conditions *conditions, enum tfl_condition_kind kind, const char *model, uint64_t version,
			  const char *text)
{
	struct tfl_condition *condition;
	bool raised = false;

	if (!conditions)
		return;
	condition = find(conditions, kind, model, version);
	if (!condition && conditions->count < TFL_CONDITIONS_MAX) {
		raised = true;
		condition = &conditions->items[conditions->count++];
		*condition = (struct tfl_condition){
			.kind = kind,
			.version = version,
			.since = (int64_t)time(NULL),
			.since_ns = tfl_clock_boot_ns(),
		};
		snprintf(condition->model, sizeof(condition->model), "%s", model ? model : "");
	}
	if (!condition)
		return;
	snprintf(condition->text, sizeof(condition->text), "%s", text);
	if (raised)
		conditions->told(conditions->data, condition, true);
}

static void end(struct tfl_conditions *conditions, struct tfl_condition *condition)
{
	struct tfl_condition ended = *condition;

	conditions->count--;
	memmove(condition, condition + 1, (size_t)(&conditions->items[conditions->count] - condition) * sizeof(*condition));
	conditions->told(conditions->data, &ended, false);
}

void tfl_conditions_clear(struct tfl_conditions *conditions, enum tfl_condition_kind kind, const char *model, uint64_t version)
{
	struct tfl_condition *condition = conditions ? find(conditions, kind, model, version) : NULL;

	if (condition)
		end(conditions, condition);
}

void tfl_conditions_clear_version(struct tfl_conditions *conditions, const char *model, uint64_t version)
{
	for (unsigned kind = 0; kind < TFL_CONDITION_KINDS; kind++)
		tfl_conditions_clear(conditions, (enum tfl_condition_kind)kind, model, version);
}

const struct tfl_condition *tfl_conditions_list(const struct tfl_conditions *conditions, unsigned *ret_count)
{
	*ret_count = conditions ? conditions->count : 0;
	return conditions ? conditions->items : NULL;
}

void tfl_conditions_write(const struct tfl_conditions *conditions, tfl_condition_admits admits, const void *data, struct tfl_writer *writer)
{
	uint64_t now_ns = tfl_clock_boot_ns();
	unsigned count = 0;

	for (unsigned i = 0; i < conditions->count; i++)
		count += admits(data, conditions->items[i].model);
	tfl_field_bool(writer, "degraded", count > 0);
	tfl_field_array(writer, "conditions", count);
	for (unsigned i = 0; i < conditions->count; i++) {
		const struct tfl_condition *condition = &conditions->items[i];

		if (!admits(data, condition->model))
			continue;
		tfl_writer_map(writer, 4 + (condition->model[0] != '\0') + (condition->version > 0));
		tfl_field_text(writer, "name", tfl_condition_to_string(condition->kind));
		if (condition->model[0])
			tfl_field_text(writer, "model", condition->model);
		if (condition->version)
			tfl_field_uint(writer, "version", condition->version);
		tfl_field_text(writer, "text", condition->text);
		tfl_field_uint(writer, "since", condition->since > 0 ? (uint64_t)condition->since : 0);
		tfl_field_uint(writer, "age_s", (now_ns - condition->since_ns) / 1000000000u);
	}
}
