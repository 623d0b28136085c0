/* SPDX-License-Identifier: MIT */
/*
 * The test's thread stands for the loop: results wait until it collects them, so it decides when anything in the registry changes. Where
 * an order of events matters, the wake function holds the loader's thread until the test has looked.
 */
#include "tests/daemon/loading.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "tests/builder/builder.h"
#include "tests/builder/mobilenet.h"
#include "tests/daemon/folder.h"

struct loading loading;

static void wake(void *data)
{
	sem_post(&loading.woken);
	if (__atomic_load_n(&loading.hold, __ATOMIC_ACQUIRE))
		sem_wait(&loading.released);
}

void loading_on_done(void *data, struct tfl_version *version, const struct tfl_error *why)
{
	struct outcome *outcome = data;

	outcome->calls++;
	outcome->code = why ? why->code : 0;
	snprintf(outcome->text, sizeof(outcome->text), "%s", why ? why->text : "");
	outcome->version = version;
}

static void ignore_condition(void *data, const struct tfl_condition *condition, bool raised)
{
}

void loading_start_with(unsigned threads, bool normal_priority)
{
	struct tfl_loader_options options = {
		.defaults = &loading.defaults, .workers = 2, .cpus = 2, .writers = 2, .normal_priority = normal_priority, .wake = wake
	};
	struct tfl_config config;

	tfl_config_init(&config);
	loading.defaults = config.model;
	loading.defaults.threads = threads;
	loading.defaults.proof = loading.prover != NULL;
	options.prover = loading.prover;
	options.memory_limit = loading.memory_limit;
	options.unload_idle = loading.unload_idle;
	ck_assert_msg(tfl_store_open("models", &loading.store, &loading.error) == 0, "%s", loading.error.text);
	ck_assert_int_eq(tfl_registry_create(&loading.registry), 0);
	options.store = loading.store;
	options.lines = loading.lines;
	options.periods = loading.lines != NULL;
	ck_assert_int_eq(tfl_conditions_create(ignore_condition, NULL, &loading.conditions), 0);
	options.registry = loading.registry;
	options.conditions = loading.conditions;
	options.watch = loading.watch;
	ck_assert_int_eq(tfl_loader_create(&options, &loading.loader), 0);
	ck_assert_msg(tfl_loader_scan(loading.loader, &loading.error) == 0, "%s", loading.error.text);
}

/* At normal priority, because at idle priority a busy machine makes a test take minutes. */
void loading_start(void)
{
	loading_start_with(1, true);
}

void loading_stop(void)
{
	tfl_registry_destroy(TFL_STEAL(loading.registry));
	tfl_loader_destroy(TFL_STEAL(loading.loader));
	tfl_watch_destroy(TFL_STEAL(loading.watch));
	tfl_conditions_destroy(TFL_STEAL(loading.conditions));
	tfl_store_close(TFL_STEAL(loading.store));
}

void loading_save_tiny(const char *path, uint64_t seed)
{
	struct tfl_builder *builder = tfl_build_create();
	struct tfl_net net = { .count = 0 };
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(tfl_net_tiny(&net, seed), 0);
	ck_assert_int_eq(tfl_net_emit(&net, false, builder), 0);
	ck_assert_int_eq(tfl_build_finish(builder, &data, &size), 0);
	file_write(path, data, size, 0644);
	free(data);
	tfl_build_destroy(builder);
	tfl_net_finish(&net);
}

void loading_setup(void)
{
	/* Expected failures are logged; they would only hide the unexpected ones. */
	tfl_log_init(LOG_ERR - 1);
	sem_init(&loading.woken, 0, 0);
	sem_init(&loading.released, 0, 0);
	folder_make();
	loading_save_tiny("a.tflite", 1);
	loading_save_tiny("b.tflite", 2);
	loading_start();
}

void loading_teardown(void)
{
	loading_stop();
	folder_remove();
}

void loading_wait_for(const struct outcome *outcome, unsigned calls)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 100;
	tfl_loader_collect(loading.loader);
	while (outcome->calls < calls) {
		ck_assert_msg(sem_timedwait(&loading.woken, &limit) == 0, "the loader does not deliver");
		tfl_loader_collect(loading.loader);
	}
}

int loading_begin_load(const char *model, uint64_t number, const char *path, struct outcome *outcome)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return tfl_loader_load(loading.loader, model, number, fd, 1000, 77, loading_on_done, outcome, &loading.error);
}

int loading_load(const char *model, uint64_t number, const char *path)
{
	int result = loading_begin_load(model, number, path, &loading.last);

	if (result < 0)
		return result;
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

void loading_must_load(const char *model, uint64_t number, const char *path)
{
	int result = loading_load(model, number, path);

	ck_assert_msg(result == 0, "%s%s", loading.error.text, loading.last.text);
}

struct tfl_version *loading_find(const char *model, uint64_t number)
{
	const struct tfl_registry_model *found = tfl_registry_find(loading.registry, model, strlen(model));

	return found ? tfl_registry_find_version(found, number) : NULL;
}

uint64_t loading_active(const char *model)
{
	const struct tfl_registry_model *found = tfl_registry_find(loading.registry, model, strlen(model));

	return found && found->active ? found->active->number : 0;
}

int loading_begin_unload(const char *model, uint64_t number, bool erase, struct outcome *outcome)
{
	return tfl_loader_unload(loading.loader, loading_find(model, number), erase, 1000, loading_on_done, outcome, &loading.error);
}

int loading_unload(const char *model, uint64_t number, bool erase)
{
	int result = loading_begin_unload(model, number, erase, &loading.last);

	if (result < 0)
		return result;
	loading_wait_for(&loading.last, loading.last.calls + 1);
	return loading.last.code;
}

void loading_settle(void)
{
	const struct tfl_registry_model *models;
	unsigned count, waiting;

	do {
		waiting = 0;
		tfl_loader_collect(loading.loader);
		models = tfl_registry_models(loading.registry, &count);
		for (unsigned i = 0; i < count; i++)
			for (unsigned k = 0; k < models[i].version_count; k++)
				waiting += models[i].versions[k]->state == TFL_VERSION_LOADING;
		usleep(1000);
	} while (waiting > 0);
}

void loading_restart(void)
{
	loading_stop();
	loading_start();
	loading_settle();
}

void loading_flush(void)
{
	struct outcome outcome = { 0 };

	ck_assert_int_eq(loading_begin_load("flush", 1, "/dev/null", &outcome), 0);
	loading_wait_for(&outcome, 1);
	ck_assert_int_lt(outcome.code, 0);
}

static void ignore_news(void *data)
{
}

void loading_watch(void)
{
	const struct tfl_dirty_mark all = { .model = "" };

	loading_stop();
	ck_assert_int_eq(tfl_watch_create("models", ignore_news, NULL, &loading.watch), 0);
	loading_start();
	tfl_loader_rescan(loading.loader, &all);
	loading_look();
}

/* Whether something was due. That waiting itself asks for a look at "flush" is nothing. */
static bool look_at_due(void)
{
	struct tfl_dirty_mark mark;
	bool any = false;

	tfl_watch_read(loading.watch, 1, &loading.error);
	while (tfl_watch_take(loading.watch, UINT64_MAX, &mark)) {
		if (strcmp(mark.model, "flush") == 0)
			continue;
		tfl_loader_rescan(loading.loader, &mark);
		any = true;
	}
	return any;
}

static bool is_busy(void)
{
	const struct tfl_registry_model *models;
	unsigned count, busy = 0;

	models = tfl_registry_models(loading.registry, &count);
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < models[i].version_count; k++)
			busy += models[i].versions[k]->state != TFL_VERSION_AVAILABLE && models[i].versions[k]->state != TFL_VERSION_END;
	return busy > 0;
}

void loading_look(void)
{
	unsigned quiet = 0;

	/* What was delivered may have brought about the next thing. */
	while (quiet < 3) {
		quiet = look_at_due() || is_busy() ? 0 : quiet + 1;
		loading_flush();
	}
}

unsigned loading_staged(void)
{
	struct dirent **names;
	int count;

	loading_flush();
	count = scandir("models/.staging", &names, NULL, NULL);
	ck_assert_int_ge(count, 2);
	for (int k = 0; k < count; k++)
		free(names[k]);
	free(names);
	return (unsigned)count - 2;
}

void loading_assert_nothing_left(void)
{
	unsigned count;

	tfl_registry_models(loading.registry, &count);
	ck_assert_uint_eq(count, 0);
	ck_assert(!file_exists("models/m"));
	ck_assert_uint_eq(loading_staged(), 0);
}

const char *loading_condition(enum tfl_condition_kind kind)
{
	const struct tfl_condition *list;
	unsigned count;

	list = tfl_conditions_list(loading.conditions, &count);
	ck_assert_uint_le(count, 1);
	ck_assert(count == 0 || list[0].kind == kind);
	return count ? list[0].text : NULL;
}
