/* SPDX-License-Identifier: MIT */
/*
 * Which version serves a request that names none. A route in force picks by the request's key; what it picks serves if it is AVAILABLE,
 * else the active version does, as for everybody where there is no route. Neither allocates nor locks: the loop alone comes here, once a
 * request.
 */
#include <string.h>

#include "base/util.h"
#include "daemon/registry_internal.h"

void tfl_registry_set_machine(struct tfl_registry *registry, const uint8_t key[static TFL_MACHINE_BYTES])
{
	memcpy(registry->machine, key, TFL_MACHINE_BYTES);
	registry->has_machine = true;
}

bool tfl_registry_has_machine(const struct tfl_registry *registry)
{
	return registry->has_machine;
}

const struct tfl_route *tfl_registry_route_of(const struct tfl_registry_model *model)
{
	return model->is_chosen ? &model->chosen : &model->configured;
}

/* What was counted is of the shares that were in force. */
static void begin_anew(struct tfl_registry_model *model, const struct tfl_route *before)
{
	struct tfl_route now = *tfl_registry_route_of(model);

	now.shadow = before->shadow; /* which takes nothing from anybody */
	if (memcmp(&now, before, sizeof(*before)) == 0)
		return;
	memset(model->routed, 0, sizeof(model->routed));
	model->passed_over = 0;
}

void tfl_registry_choose_route(struct tfl_registry *registry, const struct tfl_registry_model *model, const struct tfl_route *route)
{
	struct tfl_registry_model *own = tfl_registry_own_model(registry, model->name, strlen(model->name));
	const struct tfl_route before = *tfl_registry_route_of(own);

	own->is_chosen = route != NULL;
	own->chosen = route ? *route : (struct tfl_route){.count = 0};
	begin_anew(own, &before);
}

void tfl_registry_configure_route(struct tfl_registry *registry, const char *name, const struct tfl_route *route)
{
	struct tfl_registry_model *model = tfl_registry_own_model(registry, name, strlen(name));
	struct tfl_route before;

	if (!model)
		return;
	before = *tfl_registry_route_of(model);
	model->configured = *route;
	begin_anew(model, &before);
}

static unsigned pick_share(const struct tfl_registry *registry, const struct tfl_registry_model *model, const struct tfl_route *route,
			   const struct tfl_route_key *given, uint32_t uid)
{
	const uint8_t bytes[] = {(uint8_t)uid, (uint8_t)(uid >> 8), (uint8_t)(uid >> 16), (uint8_t)(uid >> 24)};
	struct tfl_route_key key = {TFL_ROUTE_KEY_UID, bytes, sizeof(bytes)};

	if (route->by == TFL_ROUTE_BY_MACHINE)
		key = (struct tfl_route_key){TFL_ROUTE_KEY_MACHINE, registry->machine, sizeof(registry->machine)};
	else if (given->data)
		key = *given;
	return tfl_route_pick(route, route->salt[0] ? route->salt : model->name, &key);
}

int tfl_registry_pick(struct tfl_registry *registry, const char *name, size_t name_length, const struct tfl_route_key *given, uint32_t uid,
		      struct tfl_version **ret_version, struct tfl_error *error)
{
	struct tfl_registry_model *model = tfl_registry_own_model(registry, name, name_length);
	const struct tfl_route *route;
	struct tfl_version *version;
	unsigned share;

	if (!model)
		return tfl_registry_no_model(registry, name, name_length, error);
	route = tfl_registry_route_of(model);
	if (route->count == 0 || (route->by == TFL_ROUTE_BY_MACHINE && !registry->has_machine))
		return tfl_registry_serve_active(model, ret_version, error);
	share = pick_share(registry, model, route, given, uid);
	version = tfl_registry_find_version(model, route->shares[share].number);
	if (!version || version->state != TFL_VERSION_AVAILABLE) {
		model->passed_over++;
		return tfl_registry_serve_active(model, ret_version, error);
	}
	model->routed[share]++;
	*ret_version = version;
	return 0;
}

void tfl_registry_set_groups(struct tfl_registry *registry, const char *name, const struct tfl_groups *groups)
{
	struct tfl_registry_model *model = tfl_registry_own_model(registry, name, strlen(name));

	if (model)
		model->groups = *groups;
	registry->restricts = false;
	for (unsigned i = 0; i < registry->count; i++)
		registry->restricts = registry->restricts || registry->models[i].groups.count > 0;
}

bool tfl_registry_restricts(const struct tfl_registry *registry)
{
	return registry->restricts;
}
