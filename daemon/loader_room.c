/* SPDX-License-Identifier: MIT */
/*
 * memory_limit. The loader's thread counts what the versions take that it made and has not freed yet, so what is used is its own number.
 * Before a version is built, its proof tells what it will take; when it is complete, what it takes is known, and it counts only where that
 * fits.
 *
 * Where it does not fit, the loader's thread asks the loop, which alone knows what serves and what is idle, and waits for the answer, as it
 * waits for the child that proves a file: what is quick is done meanwhile. What the loop takes out of service then is used by nobody, so
 * its end is near, and is waited for too: it is freed before the load goes on.
 *
 * What requests make interpreters take, by the shapes that they bring, counts when it is taken: what does not fit is refused to the request.
 *
 * What a version took that made room for its successor (transition = resource) stays reserved until that serves, or the one before is back:
 * no other load comes between.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/loader_internal.h"
#include "daemon/registry.h"
#include "daemon/room.h"
#include "runtime/interpreter.h"
#include "runtime/pool.h"

struct tfl_loader_memory tfl_loader_memory(const struct tfl_loader *loader)
{
	return (struct tfl_loader_memory){
		.used = atomic_load(&loader->used),
		.limit = atomic_load(&loader->memory_limit),
		.unload_idle = atomic_load(&loader->unload_idle),
	};
}

static struct tfl_room_need need_of(const struct tfl_loader *loader, const struct tfl_loader_job *job, uint64_t bytes)
{
	return (struct tfl_room_need){
		.model = job->model,
		.number = job->number,
		.bytes = bytes,
		.used = atomic_load(&loader->used) + atomic_load(&loader->reserved) - job->reserved,
		.limit = atomic_load(&loader->memory_limit),
		.allowed = atomic_load(&loader->unload_idle),
		.unasked = !job->asked,
	};
}

/* ---- Counting ---- */

/* Without a proof: the file, and its weights once more, packed. A report can say what it likes: more than fits is more than fits. */
uint64_t tfl_loader_estimate(const struct tfl_loader *loader, const struct tfl_loader_job *job, const struct tfl_proof *proof,
			     uint64_t file_bytes)
{
	const uint64_t instances = job->conf.instances ? job->conf.instances : loader->options.workers, most = INT64_MAX / 4;

	if (!proof->time[0] || !proof->interpreter_bytes)
		return 2 * file_bytes;
	if (proof->packed_bytes > most || proof->interpreter_bytes > most / instances)
		return INT64_MAX;
	return file_bytes + proof->packed_bytes + instances * proof->interpreter_bytes;
}

void tfl_loader_count_in(struct tfl_loader *loader, struct tfl_version *version)
{
	version->bytes = tfl_version_bytes(version) - tfl_pool_late_bytes(version->pool); /* which counts already */
	atomic_fetch_add(&loader->used, version->bytes);
}

void tfl_loader_count_out(struct tfl_loader *loader, uint64_t bytes, bool reserve)
{
	if (reserve)
		atomic_fetch_add(&loader->reserved, bytes);
	atomic_fetch_sub(&loader->used, bytes);
}

int tfl_loader_take(void *data, size_t bytes, struct tfl_error *error)
{
	struct tfl_loader *loader = data;
	const struct tfl_room_need need = {
		.bytes = bytes,
		.used = atomic_load(&loader->used) + atomic_load(&loader->reserved),
		.limit = atomic_load(&loader->memory_limit),
	};
	char text[3][TFL_ROOM_BYTES_TEXT];

	if (need.limit && tfl_room_missing(&need) > 0)
		return tfl_error_set(error, -ENOBUFS, "it needs %s of memory, but %s of the %s that memory_limit allows are in use",
				     tfl_room_format(bytes, text[0]), tfl_room_format(need.used, text[1]),
				     tfl_room_format(need.limit, text[2]));
	atomic_fetch_add(&loader->used, bytes);
	return 0;
}

void tfl_loader_give_back(void *data, size_t bytes)
{
	struct tfl_loader *loader = data;

	atomic_fetch_sub(&loader->used, bytes);
}

int tfl_loader_make_interpreter(struct tfl_loader *loader, const struct tfl_version *version, bool alone,
				struct tfl_interpreter **ret_interpreter, uint64_t *ret_bytes, struct tfl_error *error)
{
	struct tfl_interpreter *interpreter = NULL;
	int result = alone ? tfl_interpreter_create_alone(version->program, &interpreter, error)
			   : tfl_interpreter_create(version->program, &interpreter, error);

	if (result < 0)
		return result;
	*ret_bytes = tfl_interpreter_bytes(interpreter) - tfl_interpreter_late_bytes(interpreter);
	result = tfl_loader_take(loader, *ret_bytes, error);
	if (result < 0)
		tfl_interpreter_destroy(interpreter);
	else
		*ret_interpreter = interpreter;
	return result;
}

void tfl_loader_free_interpreter(struct tfl_loader *loader, struct tfl_interpreter *interpreter, uint64_t bytes)
{
	if (!interpreter)
		return;
	tfl_interpreter_destroy(interpreter);
	tfl_loader_give_back(loader, bytes);
}

void tfl_loader_release(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_loader_job *heir)
{
	if (heir)
		heir->reserved = job->reserved;
	else
		atomic_fetch_sub(&loader->reserved, job->reserved);
	job->reserved = 0;
}

void tfl_loader_note_leaving(struct tfl_loader *loader, int more)
{
	pthread_mutex_lock(&loader->lock);
	loader->leaving += (unsigned)more;
	pthread_cond_signal(&loader->wanted);
	pthread_mutex_unlock(&loader->lock);
}

/* ---- The answer: loop thread ---- */

/* What nobody asked for by anything but its number, and nobody uses at this moment. */
static bool is_idle(const struct tfl_loader *loader, const struct tfl_registry_model *model, const struct tfl_version *version)
{
	return !tfl_loader_on_trial(loader, version) && version->state == TFL_VERSION_AVAILABLE && !tfl_registry_keeps(model, version) &&
	       atomic_load(&version->refs) == 1 + version->noted;
}

/* At a start all have come before; and of versions that come by themselves, many perhaps, the greatest stay, as they do at a start. */
static bool comes_first(const struct tfl_version *version, const struct tfl_loader_job *ask)
{
	return ask->starting || (!ask->asked && version->number > ask->number && strcmp(version->model_name, ask->model) == 0);
}

static bool is_way_back(const struct tfl_registry_model *model, const struct tfl_version *version)
{
	return model->previous.count > 0 && model->previous.numbers[0] == version->number;
}

static struct tfl_room_item item_of(const struct tfl_registry_model *model, struct tfl_version *version)
{
	return (struct tfl_room_item){
		.model = version->model_name,
		.number = version->number,
		.data = version,
		.bytes = version->bytes,
		.used_ns = version->used_ns,
		.last = is_way_back(model, version),
	};
}

/* All that make room for an ask, or (NULL) could for somebody; NULL without memory. The caller frees them. */
static struct tfl_room_item *list_idle(const struct tfl_loader *loader, const struct tfl_loader_job *ask, unsigned *ret_count)
{
	const struct tfl_registry *registry = loader->options.registry;
	const struct tfl_registry_model *models;
	struct tfl_room_item *items;
	unsigned model_count, most = 1;

	models = tfl_registry_models(registry, &model_count);
	for (unsigned i = 0; i < model_count; i++)
		most += models[i].version_count;
	items = calloc(most, sizeof(*items));
	*ret_count = 0;
	for (unsigned i = 0; items && i < model_count; i++) {
		for (unsigned k = 0; k < models[i].version_count; k++) {
			struct tfl_version *version = models[i].versions[k];

			if (is_idle(loader, &models[i], version) && !(ask && comes_first(version, ask)))
				items[(*ret_count)++] = item_of(&models[i], version);
		}
	}
	return items;
}

static int unload(struct tfl_loader *loader, const struct tfl_loader_job *ask, const struct tfl_room_item *items, unsigned count,
		  struct tfl_error *error)
{
	uint64_t now = tfl_clock_ns();
	int result = 0;

	for (unsigned i = 0; result == 0 && i < count; i++) {
		struct tfl_version *version = items[i].data;
		char reason[TFL_ERROR_TEXT_MAX];

		snprintf(reason, sizeof(reason),
			 "it was idle for %" PRIu64 " s and made room for version %" PRIu64 " of '%s' (unload_idle = yes)",
			 (now - version->used_ns) / 1000000000, ask->number, ask->model);
		tfl_loader_note_leaving(loader, 1);
		version->retired.awaited = true;
		result = tfl_loader_retire_version(loader, version, TFL_END_NO_ROOM, reason, NULL, NULL, error);
		if (result < 0) {
			version->retired.awaited = false;
			tfl_loader_note_leaving(loader, -1);
		}
	}
	return result;
}

static int refuse(struct tfl_loader *loader, const struct tfl_room_need *need, struct tfl_error *error)
{
	unsigned count, chosen;
	_tfl_free_ struct tfl_room_item *idle = list_idle(loader, NULL, &count);

	chosen = idle ? tfl_room_choose(idle, count, tfl_room_missing(need)) : 0;
	return tfl_room_refuse(need, idle, chosen ? chosen : idle ? count : 0, error);
}

static int decide(struct tfl_loader *loader, const struct tfl_loader_job *ask, struct tfl_error *error)
{
	const struct tfl_room_need need = need_of(loader, ask, ask->needs);
	const uint64_t missing = tfl_room_missing(&need);
	_tfl_free_ struct tfl_room_item *idle = NULL;
	unsigned count = 0, chosen;

	if (missing == 0)
		return 0;
	if (need.allowed)
		idle = list_idle(loader, ask, &count);
	chosen = idle ? tfl_room_choose(idle, count, missing) : 0;
	return chosen ? unload(loader, ask, idle, chosen, error) : refuse(loader, &need, error);
}

static void deliver_ask(struct tfl_loader *loader, struct tfl_loader_job *ask)
{
	struct tfl_error answer = { 0 };

	if (atomic_load(&loader->cancelled))
		return;
	answer.code = decide(loader, ask, &answer);
	pthread_mutex_lock(&loader->lock);
	loader->answer = answer;
	loader->asking = false;
	pthread_cond_signal(&loader->wanted);
	pthread_mutex_unlock(&loader->lock);
}

/* ---- The question: the loader's thread ---- */

static const struct tfl_loader_kind ask_kind = { NULL, deliver_ask };

static bool still_waits(const struct tfl_loader *loader)
{
	return (loader->asking || loader->leaving > 0) && !loader->stopping && !atomic_load(&loader->cancelled);
}

static void wait_for_answer(struct tfl_loader *loader)
{
	bool waits = true;

	while (waits) {
		tfl_loader_run_quick(loader);
		pthread_mutex_lock(&loader->lock);
		while (still_waits(loader) && !loader->quick.first && !loader->retired)
			pthread_cond_wait(&loader->wanted, &loader->lock);
		waits = still_waits(loader);
		pthread_mutex_unlock(&loader->lock);
	}
}

static int ask_loop(struct tfl_loader *loader, const struct tfl_loader_job *job, uint64_t bytes, struct tfl_error *error)
{
	struct tfl_loader_job *ask = tfl_loader_make_job(&ask_kind, job->model, job->number, NULL, NULL);
	int result;

	if (!ask)
		return tfl_error_set(error, -ENOMEM, "not enough memory to ask for room for '%s'", job->model);
	ask->needs = bytes;
	ask->starting = job->starting;
	ask->asked = job->asked;
	ask->reserved = job->reserved;
	loader->asking = true; /* nobody else looks at it before the ask is handed over */
	tfl_loader_hand_over(loader, ask);
	wait_for_answer(loader);
	pthread_mutex_lock(&loader->lock);
	result = loader->asking || atomic_load(&loader->cancelled) ? -ECANCELED : loader->answer.code;
	if (result < 0 && error)
		*error = loader->answer;
	pthread_mutex_unlock(&loader->lock);
	return result == -ECANCELED ? tfl_error_set(error, result, "given up before there was room for '%s'", job->model) : result;
}

int tfl_loader_make_room(struct tfl_loader *loader, struct tfl_loader_job *job, uint64_t bytes, struct tfl_error *error)
{
	struct tfl_room_need need = { 0 };
	int result = 0;

	if (!atomic_load(&loader->memory_limit))
		return 0;
	tfl_loader_run_quick(loader); /* what was unloaded meanwhile */
	need = need_of(loader, job, bytes);
	if (tfl_room_missing(&need) > 0)
		result = ask_loop(loader, job, bytes, error);
	need = need_of(loader, job, bytes);
	if (result == 0 && tfl_room_missing(&need) > 0)
		result = tfl_room_refuse(&need, NULL, 0, error);
	job->no_room = result == -ENOBUFS;
	return result;
}
