/* SPDX-License-Identifier: MIT */
/*
 * Routes: like a swap, in force at once, for the next request, and written down behind that. Two have a say: the operator, by route.set,
 * whose choice is remembered, and the model's model.conf, whose route holds as long as there is no such choice. A rollback is one too: it
 * has to take effect whatever the shares are, so it chooses that there are none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/conditions.h"
#include "daemon/loader_internal.h"
#include "daemon/registry.h"

#define SAID_MAX (TFL_ROUTE_TEXT_MAX + 128)

static const struct tfl_registry_model *find(const struct tfl_loader *loader, const char *name)
{
	return tfl_registry_find(loader->options.registry, name, strlen(name));
}

static void tell(struct tfl_loader *loader, const struct tfl_registry_model *model, enum tfl_change_kind kind, const uid_t *uid, bool known,
		 const char *reason)
{
	const struct tfl_change_note note = {
		.kind = kind,
		.known = known,
		.model = model->name,
		.asked = uid != NULL,
		.uid = uid ? *uid : 0,
		.reason = reason,
	};

	tfl_changes_record(loader->options.changes, &note);
}

/* Another route than @p before is in force, or the same. */
static void follow(struct tfl_loader *loader, const struct tfl_registry_model *model, const struct tfl_route *before, const uid_t *uid,
		   bool known,
		   const char *why)
{
	const struct tfl_route *route = tfl_registry_route_of(model);
	char said[SAID_MAX], reason[SAID_MAX + 64];

	if (memcmp(route, before, sizeof(*route)) != 0) {
		tfl_route_say(tfl_route_is_empty(route) ? before : route, said);
		if (tfl_route_is_empty(route))
			snprintf(reason, sizeof(reason), "%s; it was %s", why, said);
		else
			snprintf(reason, sizeof(reason), "%s%s%s", said, *why ? "; " : "", why);
		tell(loader, model, tfl_route_is_empty(route) ? TFL_CHANGE_UNROUTED : TFL_CHANGE_ROUTED, uid, known, reason);
	}
	if (route->shadow != before->shadow && loader->options.shadowed)
		loader->options.shadowed(loader->options.shadowed_data, model->name, route->shadow);
	tfl_loader_look_again(loader, model->name); /* the policy may have wanted some only because of it */
}

static int check_version(const struct tfl_registry_model *model, uint64_t number, struct tfl_error *error)
{
	const struct tfl_version *version = tfl_registry_find_version(model, number);

	if (!version)
		return tfl_registry_no_version(model, number, error);
	if (version->state == TFL_VERSION_AVAILABLE)
		return 0;
	return tfl_error_set(error, -EAGAIN, "version %" PRIu64 " of '%s' is %s and gets no requests%s%s", number, model->name,
			     tfl_version_state_to_string(version->state), version->reason[0] ? ": " : "", version->reason);
}

static int check(const struct tfl_loader *loader, const struct tfl_registry_model *model, const struct tfl_route *route,
		 struct tfl_error *error)
{
	int result = 0;

	for (unsigned i = 0; i < route->count && result == 0; i++)
		result = check_version(model, route->shares[i].number, error);
	if (result == 0 && route->shadow)
		result = check_version(model, route->shadow, error);
	if (result == 0 && route->by == TFL_ROUTE_BY_MACHINE && !tfl_registry_has_machine(loader->options.registry))
		result = tfl_error_set(error, -EINVAL,
				       "this device has no id that it could be told by: " TFL_MACHINE_FILE " is missing or empty "
						       "('systemd-machine-id-setup' makes one, then restart tfld)");
	return result;
}

int tfl_loader_route(struct tfl_loader *loader, const struct tfl_registry_model *model, const struct tfl_route *route, uid_t uid,
		     tfl_loader_done done, void *data, struct tfl_error *error)
{
	const struct tfl_route before = *tfl_registry_route_of(model);
	int result = route ? check(loader, model, route, error) : 0;

	if (result < 0)
		return result;
	/* That there is none is a choice only where model.conf has one. */
	if (route && tfl_route_is_empty(route) && tfl_route_is_empty(&model->configured))
		route = NULL;
	tfl_registry_choose_route(loader->options.registry, model, route);
	follow(loader, model, &before, &uid, false, route ? "" : tfl_route_is_empty(&model->configured) ? "cleared" : "as model.conf says");
	tfl_loader_remember(loader, model->versions[0], done, data);
	return 0;
}

void tfl_loader_configure_route(struct tfl_loader *loader, const char *name, const struct tfl_model_conf *conf, bool known)
{
	const struct tfl_registry_model *model = find(loader, name);
	struct tfl_route route, before;
	char why[TFL_ERROR_TEXT_MAX];

	tfl_model_conf_route(conf, &route);
	if (!model || memcmp(&route, &model->configured, sizeof(route)) == 0)
		return;
	before = *tfl_registry_route_of(model);
	tfl_registry_configure_route(loader->options.registry, name, &route);
	snprintf(why, sizeof(why), "as %s says", TFL_STORE_CONF);
	follow(loader, model, &before, NULL, known, why);
}

void tfl_loader_restore_route(struct tfl_loader *loader, const char *name, const struct tfl_state *state, const struct tfl_model_conf *conf,
			      bool known)
{
	const struct tfl_registry_model *model = find(loader, name);
	const struct tfl_route none = {.count = 0};

	if (model && state->routed) {
		tfl_registry_choose_route(loader->options.registry, model, &state->route);
		follow(loader, model, &none, NULL, known, known ? "as it was before" : TFL_LOADER_CAME);
	}
	if (model && conf)
		tfl_loader_configure_route(loader, name, conf, known);
}

void tfl_loader_stop_route(struct tfl_loader *loader, const struct tfl_registry_model *model, const uid_t *uid, const char *why)
{
	const struct tfl_route before = *tfl_registry_route_of(model);
	struct tfl_route none = {.shadow = before.shadow};

	if (before.count == 0)
		return;
	if (none.shadow == 0 && tfl_route_is_empty(&model->configured))
		tfl_registry_choose_route(loader->options.registry, model, NULL);
	else
		tfl_registry_choose_route(loader->options.registry, model, &none);
	follow(loader, model, &before, uid, false, why);
}

/* The first of a route's versions that is not there, and will not be by itself; 0: all are, or are coming. */
static uint64_t missing(const struct tfl_registry_model *model, const struct tfl_route *route)
{
	for (unsigned i = 0; i <= route->count; i++) {
		uint64_t number = i < route->count ? route->shares[i].number : route->shadow;
		const struct tfl_version *version = number ? tfl_registry_find_version(model, number) : NULL;

		if (number && (!version || version->state == TFL_VERSION_END))
			return number;
	}
	return 0;
}

/* With a sentence where something is. */
static bool is_wrong(const struct tfl_loader *loader, const struct tfl_registry_model *model, struct tfl_error *ret_error)
{
	const struct tfl_route *route = tfl_registry_route_of(model);
	uint64_t number = missing(model, route);
	const struct tfl_version *version = number ? tfl_registry_find_version(model, number) : NULL;
	const char *instead = number == route->shadow ? "nothing is copied" : "the active one serves in its place";

	if (route->by == TFL_ROUTE_BY_MACHINE && route->count > 0 && !tfl_registry_has_machine(loader->options.registry))
		tfl_error_fill(ret_error, -ENOENT,
			       "the route asks which device this is, but " TFL_MACHINE_FILE " does not say; the active version serves");
	else if (version)
		tfl_error_fill(ret_error, -EAGAIN, "the route names version %" PRIu64 ", and %s, since it is %s: %s", number, instead,
			       tfl_version_state_to_string(version->state), version->reason);
	else if (number)
		tfl_error_fill(ret_error, -ENOENT, "the route names version %" PRIu64 ", and %s, since there is none of that number",
			       number, instead);
	return ret_error->code < 0;
}

void tfl_loader_check_route(struct tfl_loader *loader, const char *name)
{
	const struct tfl_registry_model *model = find(loader, name);
	struct tfl_error error = {.code = 0};

	if (model && is_wrong(loader, model, &error))
		tfl_conditions_raise(loader->options.conditions, TFL_CONDITION_ROUTE, name, 0, error.text);
	else
		tfl_conditions_clear(loader->options.conditions, TFL_CONDITION_ROUTE, name, 0);
}
