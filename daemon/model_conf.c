/* SPDX-License-Identifier: MIT */
/*
 * The table of model.conf. A struct starts as a copy of what tfld.conf says, sources and all; defaults of its own have only the keys that are not there.
 */
#include "daemon/model_conf.h"

#include <string.h>

#include "base/error.h"
#include "base/labels.h"
#include "base/util.h"
#include "daemon/heads.h"
#include "daemon/mistakes.h"
#include "daemon/store.h"
#include "runtime/confidence.h"

#define CONF_BYTES_MAX (64u << 10)

#define TO(field) offsetof(struct tfl_model_conf, field)

static const struct tfl_setting rows[] = {
	{ "model", "versions", NULL, TO(versions), TFL_MODEL_CONF_VERSIONS },
	{ "model", "auto_swap", NULL, TO(auto_swap), TFL_MODEL_CONF_AUTO_SWAP },
	{ "model", "transition", NULL, TO(transition), TFL_MODEL_CONF_TRANSITION },
	{ "model", "instances", NULL, TO(instances), TFL_MODEL_CONF_INSTANCES, .when = TFL_SETTING_AT_LOAD },
	{ "model", "threads", NULL, TO(threads), TFL_MODEL_CONF_THREADS, .when = TFL_SETTING_AT_LOAD },
	{ "model", "queue", NULL, TO(queue), TFL_MODEL_CONF_QUEUE },
	{ "model", "timeout", NULL, TO(timeout_ms), TFL_MODEL_CONF_TIMEOUT },
	{ "model", "priority", NULL, TO(priority), TFL_MODEL_CONF_PRIORITY },
	{ "model", "inline", NULL, TO(inline_us), TFL_MODEL_CONF_INLINE },
	{ "model", "loop_iterations", NULL, TO(loop_iterations), TFL_MODEL_CONF_LOOP_ITERATIONS, .when = TFL_SETTING_AT_LOAD },
	{ "model", "loop_time", NULL, TO(loop_ms), TFL_MODEL_CONF_LOOP_TIME, .when = TFL_SETTING_AT_LOAD },
	{ "model", "sessions", NULL, TO(sessions), TFL_MODEL_CONF_SESSIONS },
	{ "model", "session_idle", NULL, TO(session_idle_ms), TFL_MODEL_CONF_SESSION_IDLE },
	{ "model", "session_grace", NULL, TO(session_grace_ms), TFL_MODEL_CONF_SESSION_GRACE },
	{ "model", "proof", NULL, TO(proof), TFL_MODEL_CONF_PROOF },
	{ "model", "proof_memory", NULL, TO(proof_memory), TFL_MODEL_CONF_PROOF_MEMORY },
	{ "model", "proof_time", NULL, TO(proof_ms), TFL_MODEL_CONF_PROOF_TIME },
	{ "model", "trial", NULL, TO(trial), TFL_MODEL_CONF_TRIAL },
	{ "model", "trial_requests", NULL, TO(trial_requests), TFL_MODEL_CONF_TRIAL_REQUESTS },
	{ "model", "trial_time", NULL, TO(trial_ms), TFL_MODEL_CONF_TRIAL_TIME },
	{ "model", "trial_errors", NULL, TO(trial_errors), TFL_MODEL_CONF_TRIAL_ERRORS },
	{ "model", "trial_latency", NULL, TO(trial_latency), TFL_MODEL_CONF_TRIAL_LATENCY },
	{ "model", "trial_confidence", NULL, TO(trial_confidence), TFL_MODEL_CONF_TRIAL_CONFIDENCE },
	{ "model", "trial_drift", NULL, TO(trial_drift), TFL_MODEL_CONF_TRIAL_DRIFT },
	{ "model", "trial_nan", NULL, TO(trial_nan), TFL_MODEL_CONF_TRIAL_NAN },
	{ "model", "trial_max_errors", NULL, TO(trial_max_errors), TFL_MODEL_CONF_TRIAL_MAX_ERRORS },
	{ "model", "trial_max_latency", NULL, TO(trial_max_latency_ms), TFL_MODEL_CONF_TRIAL_MAX_LATENCY },
	{ "model", "trial_min_confidence", NULL, TO(trial_min_confidence), TFL_MODEL_CONF_TRIAL_MIN_CONFIDENCE },
	{ "model", "labels", NULL, TO(labels), TFL_SETTING_LABELS, 0, TFL_MODEL_LABELS_NAME_MAX, .when = TFL_SETTING_AT_LOAD },
	{ "model", "confidence", NULL, TO(confidence), TFL_SETTING_CONFIDENCE, 0, TFL_MODEL_CONFIDENCE_MAX, 0, "auto", .when = TFL_SETTING_AT_LOAD },
	{ "model", "route", NULL, TO(route), TFL_SETTING_ROUTE, 0, TFL_ROUTE_TEXT_MAX - 1 },
	{ "model", "route_salt", NULL, TO(route_salt), TFL_SETTING_SALT, 0, TFL_ROUTE_SALT_MAX },
	{ "model", "route_key", NULL, TO(route_key), TFL_SETTING_ROUTE_KEY, 0, TFL_ROUTE_BY_MACHINE, TFL_ROUTE_BY_REQUEST },
	{ "model", "shadow", NULL, TO(shadow), TFL_SETTING_COUNT, 0, TFL_VERSION_MAX, 0 },
	{ "model", "allow_groups", NULL, TO(allow_groups), TFL_SETTING_GROUPS, 0, TFL_GROUPS_TEXT_MAX },
};
_Static_assert(TFL_ARRAY_SIZE(rows) == TFL_MODEL_CONF_SETTINGS, "a source for each row");

const struct tfl_setting_table tfl_model_conf_table = { rows, TFL_ARRAY_SIZE(rows), TO(sources) };

/* The row of the value at @p offset, which has one. */
static unsigned row_at(size_t offset)
{
	unsigned row = 0;

	while (rows[row].offset != offset)
		row++;
	return row;
}

/* Where that value comes from. */
static const char *source_of(const struct tfl_model_conf *conf, size_t offset)
{
	return conf->sources[row_at(offset)].text;
}

int tfl_model_conf_check(const struct tfl_store *store, const char *model, const struct tfl_model_conf *defaults,
			 struct tfl_model_conf *ret_conf, struct tfl_mistakes *mistakes)
{
	struct tfl_model_conf conf = *defaults;
	char path[TFL_STORE_PATH_MAX];
	_tfl_free_ char *text = NULL;
	struct tfl_error error;
	size_t length = 0;
	int result;

	result = tfl_store_read_file(store, model, TFL_STORE_CONF, CONF_BYTES_MAX, &text, &length, &error);
	if (result < 0 && result != -ENOENT) {
		tfl_mistakes_next_file(mistakes);
		tfl_mistakes_add(mistakes, 0, "%s", error.text);
		return -EINVAL;
	}
	if (result == 0)
		result = tfl_settings_read(&tfl_model_conf_table, tfl_store_path(store, model, 0, TFL_STORE_CONF, path),
					   TFL_STORE_CONF, text, length, &conf, mistakes);
	if (result < 0 && result != -ENOENT)
		return result;
	if (tfl_groups_resolve(conf.allow_groups, &conf.groups, &error) < 0) {
		tfl_mistakes_next_file(mistakes);
		tfl_mistakes_add(mistakes, 0, "%s: [model] allow_groups (%s): %s", tfl_store_path(store, model, 0, TFL_STORE_CONF, path),
				 source_of(&conf, TO(allow_groups)), error.text);
		return -EINVAL;
	}
	*ret_conf = conf;
	return 0;
}

int tfl_model_conf_read(const struct tfl_store *store, const char *model, const struct tfl_model_conf *defaults,
			struct tfl_model_conf *ret_conf, struct tfl_error *error)
{
	_tfl_free_ struct tfl_mistakes *mistakes = calloc(1, sizeof(*mistakes));

	if (!mistakes)
		return tfl_error_set(error, -ENOMEM, "not enough memory to read the configuration of '%s'", model);
	if (tfl_model_conf_check(store, model, defaults, ret_conf, mistakes) < 0)
		return tfl_mistakes_error(mistakes, error);
	return 0;
}

void tfl_model_conf_take(struct tfl_model_conf *conf, const struct tfl_model_conf *from)
{
	for (unsigned i = 0; i < TFL_MODEL_CONF_SETTINGS; i++)
		if (rows[i].when == TFL_SETTING_AT_ONCE)
			tfl_setting_take(&tfl_model_conf_table, i, conf, from);
	conf->groups = from->groups;
}

const char *tfl_model_conf_waiting(const struct tfl_model_conf *conf, const struct tfl_model_conf *now, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < TFL_MODEL_CONF_SETTINGS && used < size; i++)
		if (rows[i].when == TFL_SETTING_AT_LOAD && !tfl_setting_equal(&rows[i], conf, now))
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", rows[i].key);
	return text;
}

void tfl_model_conf_route(const struct tfl_model_conf *conf, struct tfl_route *ret_route)
{
	struct tfl_route route = {.by = (uint32_t)conf->route_key, .shadow = conf->shadow};
	struct tfl_error error;

	(void)tfl_route_parse(conf->route, &route, &error); /* its row has looked at it */
	memcpy(route.salt, conf->route_salt, strlen(conf->route_salt));
	*ret_route = tfl_route_is_empty(&route) ? (struct tfl_route){.count = 0} : route;
}

const char *tfl_model_conf_say(const struct tfl_model_conf *conf, size_t offset, char *text, size_t size)
{
	const struct tfl_setting *row = &rows[row_at(offset)];
	const char *source = source_of(conf, offset);
	char value[TFL_SETTING_VALUE_MAX];

	snprintf(text, size, "%s is '%s'%s%s%s", row->key, tfl_setting_format(row, conf, value), *source ? " (" : "", source, *source ? ")" : "");
	return text;
}

int tfl_model_conf_labels(const struct tfl_store *store, const char *model, const struct tfl_model_conf *conf,
			  struct tfl_labels *ret_labels, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	_tfl_free_ char *text = NULL;
	size_t length;
	int result;

	*ret_labels = (struct tfl_labels){ 0 };
	if (!conf->labels[0])
		return 0;
	tfl_store_path(store, model, 0, conf->labels, path);
	result = tfl_store_read_file(store, model, conf->labels, TFL_LABELS_BYTES_MAX, &text, &length, error);
	if (result == -ENOENT)
		return tfl_error_set(error, -EINVAL, "%s is not there, but [model] labels (%s) names it; put it there, or leave the key out",
				     path, source_of(conf, TO(labels)));
	if (result < 0)
		return result;
	result = tfl_labels_parse(text, length, ret_labels, error);
	if (result < 0)
		return tfl_error_prefix(error, result, "%s, which [model] labels (%s) names", path, source_of(conf, TO(labels)));
	TFL_STEAL(text);
	return 0;
}

int tfl_model_conf_heads(const struct tfl_model_conf *conf, const struct tfl_program *program, struct tfl_heads *ret_heads,
			 struct tfl_error *error)
{
	struct tfl_confidence_choice choice;
	int result;

	result = tfl_confidence_choice_parse(conf->confidence, &choice);
	if (result == 0)
		result = tfl_heads_find(program, &choice, ret_heads, error);
	else
		tfl_error_set(error, result, "'%s' says nothing", conf->confidence); /* its row would not have taken it */
	return result < 0 ? tfl_error_prefix(error, result, "[model] confidence (%s)", source_of(conf, TO(confidence))) : 0;
}
