/* SPDX-License-Identifier: MIT */
/* One state of the changes is on its way at a time; what changes meanwhile goes with the next. */
#include "daemon/changes_save.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/changes.h"
#include "daemon/conditions.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "daemon/store.h"

struct saving {
	struct tfl_server *server;
	void *data;
	size_t size;
};

static void saving_free(struct saving *saving)
{
	if (saving)
		free(saving->data);
	free(saving);
}

TFL_DEFINE_CLEANUP(struct saving *, saving_freep, saving_free)

/* On the loader thread. */
static int save(void *data, struct tfl_error *error)
{
	const struct saving *saving = data;
	int r = tfl_store_write_changes(saving->server->store, saving->data, saving->size, error);

	return r < 0 ? tfl_error_prefix(error, r, "changes are not kept") : 0;
}

static void on_saved(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	TFL_CLEANUP(saving_freep) struct saving *saving = data;
	struct tfl_server *server = saving->server;

	server->saving = false;
	if (!error) {
		tfl_conditions_clear(server->conditions, TFL_CONDITION_CHANGES, NULL, 0);
		tfl_changes_save(server);
		return;
	}
	tfl_changes_not_saved(server->changes);
	if (error->code != -ECANCELED) /* the end: tfl_changes_save_last() comes */
		tfl_conditions_raise(server->conditions, TFL_CONDITION_CHANGES, NULL, 0, error->text);
}

void tfl_changes_save(struct tfl_server *server)
{
	TFL_CLEANUP(saving_freep) struct saving *saving = NULL;

	if (server->saving || !server->loader || !tfl_changes_unsaved(server->changes))
		return;
	saving = calloc(1, sizeof(*saving));
	if (!saving || tfl_changes_encode(server->changes, &saving->data, &saving->size) < 0)
		return; /* there is news still, for when there is memory */
	saving->server = server;
	server->saving = tfl_loader_call(server->loader, save, on_saved, saving) == 0;
	if (server->saving)
		saving = NULL;
	else
		tfl_changes_not_saved(server->changes);
}

void tfl_changes_save_last(struct tfl_server *server)
{
	TFL_CLEANUP(saving_freep) struct saving *saving = NULL;
	struct tfl_error error;

	if (!server->store || !server->changes || !tfl_changes_unsaved(server->changes))
		return;
	saving = calloc(1, sizeof(*saving));
	if (!saving || tfl_changes_encode(server->changes, &saving->data, &saving->size) < 0)
		return;
	saving->server = server;
	if (save(saving, &error) < 0)
		tfl_log_error("%s", error.text);
}

void tfl_changes_load(struct tfl_server *server)
{
	_tfl_free_ void *data = NULL;
	struct tfl_error error;
	size_t size;
	int r;

	r = tfl_store_read_changes(server->store, &data, &size, &error);
	if (r == 0)
		r = tfl_changes_restore(server->changes, data, size, &error);
	if (r < 0 && r != -ENOENT)
		tfl_log_warning("changes begin anew, what was written cannot be read: %s", error.text);
}
