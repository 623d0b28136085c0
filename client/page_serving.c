/* SPDX-License-Identifier: MIT */
/* How requests are served, as figures of a report: the route, the trial that runs, the shadow, and versions that were rejected. */
#include <string.h>

#include "base/util.h"
#include "client/limit_words.h"
#include "client/page.h"
#include "client/tflclient.h"

TFL_DEFINE_CLEANUP(struct tfl_value *, destroy_valuep, tfl_value_destroy)

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static double real(const struct tfl_value *map, const char *key)
{
	return tfl_value_double(tfl_value_get(map, key), 0);
}

static const char *text(const struct tfl_value *map, const char *key)
{
	return tfl_value_string(tfl_value_get(map, key), "");
}

static uint64_t total(const struct tfl_value *list, const char *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tfl_value_size(list); i++)
		sum += number(tfl_value_at(list, i), key);
	return sum;
}

static double share_of(uint64_t part, uint64_t all)
{
	return all > 0 ? (double)part / (double)all : 0;
}

static json_t *json_of_route(const struct tfl_value *route)
{
	const struct tfl_value *versions = tfl_value_get(route, "versions");
	uint64_t weights = total(versions, "weight"), requests = total(versions, "requests");
	json_t *json, *list;

	if (tfl_value_size(versions) == 0)
		return json_null();
	json = json_object();
	list = json_array();
	page_set_text(json, "source", text(route, "source"));
	page_set_text(json, "key", text(route, "key"));
	page_set_text(json, "salt", text(route, "salt"));
	page_set_number(json, "passed_over", number(route, "passed_over"));
	for (size_t i = 0; i < tfl_value_size(versions); i++) {
		const struct tfl_value *version = tfl_value_at(versions, i);
		json_t *entry = json_object();

		page_set_number(entry, "version", number(version, "version"));
		page_set_real(entry, "share", share_of(number(version, "weight"), weights));
		page_set_real(entry, "got", share_of(number(version, "requests"), requests));
		page_set_number(entry, "requests", number(version, "requests"));
		page_set_text(entry, "state", text(version, "state"));
		json_array_append_new(list, entry);
	}
	json_object_set_new(json, "versions", list);
	return json;
}

static void set_figure(json_t *json, const char *key, enum ctl_limit which, double value)
{
	if (which == CTL_LIMIT_NAN)
		page_set_number(json, key, value > 0 && value < 1e15 ? (uint64_t)value : 0);
	else
		page_set_real(json, key, value);
}

/* What is seen of a limit; its figures are null where there is nothing to be seen. */
static json_t *json_of_limit(const struct tfl_value *limit, enum ctl_limit which)
{
	bool nothing = strcmp(text(limit, "standing"), "nothing") == 0;
	bool compared = ctl_limits[which].compared && !tfl_value_bool(tfl_value_get(limit, "absolute"), false);
	char standing[CTL_STANDING_MAX];
	json_t *json = json_object();

	page_set_text(json, "watched", ctl_limits[which].title);
	if (!nothing) {
		set_figure(json, "seen", which, real(limit, "value"));
		set_figure(json, "limit", which, real(limit, "limit"));
	}
	if (!nothing && compared)
		set_figure(json, "before", which, real(limit, "reference"));
	page_set_text(json, "standing", ctl_limit_standing(text(limit, "standing"), real(limit, "evidence"), standing));
	return json;
}

static json_t *json_of_trial(const struct tfl_value *trial)
{
	static const char *const counts[] = {"candidate", "previous", "requests", "requests_wanted", "seconds", "seconds_wanted"};
	const struct tfl_value *limits = tfl_value_get(trial, "limits");
	json_t *json, *object;

	if (strcmp(text(trial, "state"), "running") != 0)
		return json_null();
	json = json_object();
	object = json_object();
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(counts); i++)
		page_set_number(json, counts[i], number(trial, counts[i]));
	for (size_t i = 0; i < tfl_value_size(limits); i++) {
		enum ctl_limit which = ctl_limit_find(text(tfl_value_at(limits, i), "name"));

		if (which < CTL_LIMITS)
			json_object_set_new(object, ctl_limits[which].name, json_of_limit(tfl_value_at(limits, i), which));
	}
	json_object_set_new(json, "limits", object);
	return json;
}

static json_t *json_of_rejected(const struct tfl_value *rejected)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tfl_value_size(rejected); i++) {
		json_t *json = json_object();

		page_set_number(json, "version", number(tfl_value_at(rejected, i), "version"));
		page_set_text(json, "reason", text(tfl_value_at(rejected, i), "reason"));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *json_of_agreement(const struct tfl_value *agreement)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tfl_value_size(agreement); i++) {
		const struct tfl_value *pair = tfl_value_at(agreement, i);
		json_t *json = json_object();

		page_set_number(json, "version", number(pair, "version"));
		page_set_text(json, "output", text(pair, "output"));
		page_set_number(json, "compared", number(pair, "compared"));
		if (number(pair, "rows") > 0)
			page_set_real(json, "same_class", share_of(number(pair, "agreed"), number(pair, "rows")));
		page_set_real(json, "largest_difference", real(pair, "largest_difference"));
		page_set_real(json, "mean_difference", real(pair, "mean_difference"));
		page_set_number(json, "invalid", number(pair, "invalid"));
		json_array_append_new(list, json);
	}
	return list;
}

/* The one among the versions that gets copies. */
static json_t *json_of_shadow(const struct tfl_value *versions)
{
	const struct tfl_value *shadow = NULL, *compute;
	uint64_t requests, ok;
	json_t *json;

	for (size_t i = 0; i < tfl_value_size(versions) && tfl_value_size(shadow) == 0; i++)
		shadow = tfl_value_get(tfl_value_at(versions, i), "shadow");
	if (tfl_value_size(shadow) == 0)
		return json_null();
	json = json_object();
	compute = tfl_value_get(shadow, "compute");
	requests = number(shadow, "requests");
	ok = number(tfl_value_get(shadow, "results"), "OK");
	page_set_number(json, "version", number(shadow, "version"));
	page_set_text(json, "reason", text(shadow, "reason"));
	page_set_number(json, "copies", requests);
	page_set_number(json, "failed", requests > ok ? requests - ok : 0);
	page_set_number(json, "dropped", number(shadow, "dropped"));
	page_set_number(json, "uncompared", number(shadow, "uncompared"));
	if (ok > 0) {
		page_set_number(json, "p50_ns", number(compute, "p50_ns"));
		page_set_number(json, "p99_ns", number(compute, "p99_ns"));
	}
	json_object_set_new(json, "agreement", json_of_agreement(tfl_value_get(shadow, "agreement")));
	return json;
}

void page_add_serving(json_t *figures, struct tfl_client *client, const char *model, const struct tfl_value *versions)
{
	TFL_CLEANUP(destroy_valuep) struct tfl_value *route = NULL;
	TFL_CLEANUP(destroy_valuep) struct tfl_value *trial = NULL;

	(void)tfl_client_route(client, model, &route, NULL);
	(void)tfl_client_trial(client, model, &trial, NULL);
	json_object_set_new(figures, "route", json_of_route(route));
	json_object_set_new(figures, "trial", json_of_trial(trial));
	json_object_set_new(figures, "shadow", json_of_shadow(versions));
	json_object_set_new(figures, "rejected", json_of_rejected(tfl_value_get(trial, "rejected")));
}
