/* SPDX-License-Identifier: MIT */
/*
 * The same command line and files as at the start, read by the same functions. While the loader's thread has them, the loop changes nothing
 * of the configuration in force, so that thread may look at it.
 */
#include "daemon/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/account.h"
#include "daemon/changes.h"
#include "daemon/conditions.h"
#include "daemon/config.h"
#include "daemon/fields.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "daemon/mistakes.h"
#include "daemon/notify.h"
#include "daemon/registry.h"
#include "daemon/scheduler.h"
#include "daemon/server.h"
#include "daemon/version.h"

#define WAITING_MAX 384 /* of the keys that need a restart, as a text */

struct tfl_reload {
	struct tfl_server *server;
	struct tfl_config config;
	bool waiting[TFL_CONFIG_SETTINGS]; /* rows of which a start will find another value */
	bool wrong;                        /* so was what was read last */
	bool running, again;
	/* The loader thread's while running. */
	struct tfl_config fresh;
	struct tfl_mistakes mistakes;
	struct tfl_loader_confs *confs;
};

int tfl_reload_create(struct tfl_server *server, const struct tfl_config *config, struct tfl_reload **ret_reload)
{
	struct tfl_reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return -ENOMEM;
	reload->server = server;
	reload->config = *config;
	*ret_reload = reload;
	return 0;
}

void tfl_reload_destroy(struct tfl_reload *reload)
{
	if (!reload)
		return;
	tfl_loader_confs_free(reload->confs);
	free(reload);
}

const struct tfl_config *tfl_reload_config(const struct tfl_reload *reload)
{
	return &reload->config;
}

/* Loader thread. A model is looked at even where tfld.conf is wrong: whoever edits wants to hear of all mistakes at once. */
static int read_anew(void *data, struct tfl_error *error)
{
	struct tfl_reload *reload = data;
	const struct tfl_config *config = &reload->config;
	int r;

	memset(&reload->mistakes, 0, sizeof(reload->mistakes));
	if (tfl_config_parse(config->argc, config->argv, &reload->fresh, &reload->mistakes) == 0)
		config = &reload->fresh;
	r = tfl_loader_read_confs(reload->server->loader, &config->model, &reload->confs, &reload->mistakes, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "the configuration cannot be read");
	return reload->mistakes.count > 0 ? tfl_mistakes_error(&reload->mistakes, error) : 0;
}

/* "[requests] workers, [sockets] path" */
static const char *say_waiting(const struct tfl_reload *reload, char text[static WAITING_MAX])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < TFL_CONFIG_SETTINGS && used < WAITING_MAX; i++)
		if (reload->waiting[i])
			used += (size_t)snprintf(text + used, WAITING_MAX - used, "%s[%s] %s", used ? ", " : "", tfl_config_table.rows[i].section,
						 tfl_config_table.rows[i].key);
	return text;
}

static void log_doubt(void *data, const char *sentence)
{
	tfl_log_warning("%s", sentence);
}

/* The values in force are those of the configuration from now on. */
static void apply(struct tfl_reload *reload)
{
	struct tfl_server *server = reload->server;
	const struct tfl_config *config = &reload->config;
	const struct tfl_loader_settings settings = {
		.defaults = &config->model,
		.memory_limit = config->memory_limit,
		.unload_idle = config->unload_idle,
		.periods = config->log_period_ms > 0,
	};
	uint64_t limits[TFL_QUOTA_COUNT];

	tfl_log_set_level((int)config->log_level);
	tfl_server_user_limits(config, limits);
	tfl_accounts_set_limits(server->accounts, limits);
	tfl_scheduler_set_capacity(server->scheduler, (unsigned)config->queue);
	tfl_manager_set_hang(&server->manager, config->hang_timeout_ms * 1000000);
	tfl_routine_set_period(&server->routine);
	tfl_routine_set_metrics(&server->routine);
	tfl_loader_configure(server->loader, &settings, TFL_STEAL(reload->confs));
}

static void take(struct tfl_reload *reload)
{
	char changed[TFL_ERROR_TEXT_MAX], waiting[WAITING_MAX], reason[sizeof(changed) + sizeof(waiting) + 96];

	tfl_config_take(&reload->config, &reload->fresh, reload->waiting, changed, sizeof(changed));
	reload->wrong = false;
	apply(reload);
	tfl_config_doubts(&reload->config, log_doubt, NULL);
	tfl_conditions_clear(reload->server->conditions, TFL_CONDITION_CONFIG, NULL, 0);
	say_waiting(reload, waiting);
	snprintf(reason, sizeof(reason), "the configuration was read anew: %s%s%s", *changed ? changed : "nothing has changed in tfld.conf",
		 *waiting ? "; a restart is needed for " : "", waiting);
	tfl_changes_record(reload->server->changes, &(struct tfl_change_note){.kind = TFL_CHANGE_RELOADED, .reason = reason});
}

/* The condition tells the first mistake once, however often it is read. */
static void refuse(struct tfl_reload *reload, const struct tfl_error *why)
{
	struct tfl_error error = *why;

	for (unsigned i = reload->wrong ? 0 : 1; i < reload->mistakes.count; i++)
		tfl_log_error("%s", reload->mistakes.list[i].text);
	tfl_error_fill_prefix(&error, "the configuration was not taken over, that of before stays in force");
	reload->wrong = true;
	tfl_conditions_raise(reload->server->conditions, TFL_CONDITION_CONFIG, NULL, 0, error.text);
}

static void on_read(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_reload *reload = data;

	reload->running = false;
	if (reload->server->stopping || (error && error->code == -ECANCELED))
		return;
	if (error)
		refuse(reload, error);
	else
		take(reload);
	tfl_loader_confs_free(TFL_STEAL(reload->confs));
	tfl_manager_reloaded(&reload->server->manager);
	if (reload->again)
		tfl_reload_begin(reload);
}

void tfl_reload_begin(struct tfl_reload *reload)
{
	struct tfl_error error;
	int r;

	if (reload->server->stopping)
		return;
	reload->again = reload->running;
	if (reload->running)
		return;
	tfl_notify_reloading();
	reload->running = true;
	r = tfl_loader_call(reload->server->loader, read_anew, on_read, reload);
	if (r < 0) {
		tfl_error_set(&error, r, "the configuration cannot be read: %s", strerror(-r));
		on_read(reload, NULL, &error);
	}
}

const char *tfl_reload_say(const struct tfl_reload *reload, char *text, size_t size)
{
	char waiting[WAITING_MAX];

	text[0] = '\0';
	if (reload->wrong)
		snprintf(text, size, "; the configuration has mistakes and was not taken over (tflctl health)");
	else if (*say_waiting(reload, waiting))
		snprintf(text, size, "; a restart is needed for %s", waiting);
	return text;
}

static void write_restart(const struct tfl_reload *reload, struct tfl_writer *writer)
{
	char text[64];
	uint32_t count = 0;

	for (unsigned i = 0; i < TFL_CONFIG_SETTINGS; i++)
		count += reload->waiting[i];
	tfl_field_array(writer, "needs_restart", count);
	for (unsigned i = 0; i < TFL_CONFIG_SETTINGS; i++) {
		if (!reload->waiting[i])
			continue;
		snprintf(text, sizeof(text), "[%s] %s", tfl_config_table.rows[i].section, tfl_config_table.rows[i].key);
		tfl_writer_text(writer, text);
	}
}

/* Who is to be told. */
struct audience {
	bool (*admits)(const void *data, const char *model);
	const void *data;
};

/* Writes the versions that wait for their next load (@p writer NULL: nothing), and counts them. */
static uint32_t write_loads(const struct tfl_server *server, const struct audience *audience, struct tfl_writer *writer)
{
	unsigned model_count;
	const struct tfl_registry_model *models = tfl_registry_models(server->registry, &model_count);
	uint32_t count = 0;
	char keys[256];

	for (unsigned i = 0; i < model_count; i++) {
		for (unsigned k = 0; audience->admits(audience->data, models[i].name) && k < models[i].version_count; k++) {
			const struct tfl_version *version = models[i].versions[k];

			if (!*tfl_loader_waiting(server->loader, version, keys, sizeof(keys)))
				continue;
			count++;
			if (!writer)
				continue;
			tfl_writer_map(writer, 3);
			tfl_field_text(writer, "model", version->model_name);
			tfl_field_uint(writer, "version", version->number);
			tfl_field_text(writer, "keys", keys);
		}
	}
	return count;
}

void tfl_reload_write(const struct tfl_reload *reload, bool (*admits)(const void *data, const char *model), const void *data,
		      struct tfl_writer *writer)
{
	const struct audience audience = {admits, data};

	write_restart(reload, writer);
	tfl_field_array(writer, "needs_load", write_loads(reload->server, &audience, NULL));
	write_loads(reload->server, &audience, writer);
}
