/* SPDX-License-Identifier: MIT */
#include "daemon/access.h"

#include <string.h>

#include "base/error.h"
#include "daemon/dispatch.h"
#include "daemon/groups.h"
#include "daemon/peer.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "proto/message.h"
#include "proto/params.h"

static bool admits(const struct tfl_registry_model *model, const struct tfl_peer *peer, unsigned rights)
{
	return tfl_groups_admit(&model->groups, peer) || (rights & TFL_RIGHT_ADMIN) || tfl_peer_owns_daemon(peer);
}

bool tfl_access_admits(const struct tfl_call *call, const struct tfl_registry_model *model)
{
	return admits(model, call->peer, call->rights);
}

bool tfl_access_admits_peer(const struct tfl_registry *registry, const struct tfl_peer *peer, unsigned rights, const char *model)
{
	const struct tfl_registry_model *found = tfl_registry_find(registry, model, strlen(model));

	return !found || admits(found, peer, rights);
}

bool tfl_access_admits_name(const void *data, const char *model)
{
	const struct tfl_call *call = data;

	return tfl_access_admits_peer(call->server->registry, call->peer, call->rights, model);
}

unsigned tfl_access_count(const struct tfl_call *call)
{
	const struct tfl_registry_model *models;
	unsigned count, admitted = 0;

	models = tfl_registry_models(call->server->registry, &count);
	for (unsigned i = 0; i < count; i++)
		admitted += tfl_access_admits(call, &models[i]);
	return admitted;
}

int tfl_access_check(const struct tfl_call *call, struct tfl_string model, struct tfl_error *error)
{
	const struct tfl_registry_model *found;
	const char *plural;

	if (!tfl_registry_restricts(call->server->registry))
		return 0;
	found = tfl_registry_find(call->server->registry, model.text, model.length);
	if (!found || tfl_access_admits(call, found))
		return 0;
	plural = found->groups.count > 1 ? "s" : "";
	return tfl_error_set(error, -EPERM, "permission denied: model '%s' is for members of the group%s '%s' (allow_groups in its model.conf), and "
			     "uid %u was none when it connected", found->name, plural, found->groups.text, (unsigned)call->peer->uid);
}

struct subject {
	struct tfl_string model;
};

static const struct tfl_param rows[] = {
	{"model", TFL_PARAM_NAME, .offset = offsetof(struct subject, model), .max = TFL_MODEL_NAME_MAX},
};

static const struct tfl_param_table table = TFL_PARAM_TABLE(rows, struct subject);

/* What no model can be called is no business of this one. */
int tfl_access_check_params(const struct tfl_call *call, struct tfl_error *error)
{
	struct subject subject;

	if (!tfl_registry_restricts(call->server->registry) ||
	    tfl_params_parse(&table, call->message->params, NULL, &subject, NULL) < 0 || !subject.model.text)
		return 0;
	return tfl_access_check(call, subject.model, error);
}
