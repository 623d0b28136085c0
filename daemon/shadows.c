/* SPDX-License-Identifier: MIT */
/*
 * Two lists without a lock: copies that arrived, which many push to and the thread takes whole, and copies it has done with, which it
 * pushes to and the loop takes whole. So each copy is freed by the loop, whose memory it mostly is.
 *
 * A shadow is counted by what is on its way (`held`: marked requests and copies): the loop adds, and takes off when it frees; a worker
 * takes off when a marked request came to nothing, which is the last that it does with it. One that is gone is freed when nothing is held,
 * by the loader.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/job.h"
#include "daemon/loader.h"
#include "daemon/registry.h"
#include "daemon/shadows_internal.h"
#include "daemon/version.h"
#include "runtime/interpreter.h"

#define AGAIN_NS UINT64_C(1000000000) /* between two attempts to make one */
#define BUSY_NS UINT64_C(100000000)   /* after a request had to wait, others are taken to have to */

/* ---- Making one: on the loader's thread, because it takes memory and time ---- */

struct making {
	struct tfl_shadows *shadows;
	struct tfl_shadow *shadow;
};

static void find_classes(struct tfl_shadow *shadow)
{
	const struct tfl_heads *heads = &shadow->version->heads;

	for (unsigned i = 0; i < heads->count; i++) {
		const struct tfl_confidence_source *source = &heads->items[i].source;

		if (source->output < TFL_AGREEMENT_OUTPUTS_MAX && source->kind != TFL_CONFIDENCE_DETECTION)
			shadow->classes[source->output] = source->classes;
	}
}

static int make(void *data, struct tfl_error *error)
{
	struct tfl_shadow *shadow = ((struct making *)data)->shadow;

	find_classes(shadow);
	return tfl_loader_make_interpreter(*shadow->shadows->options.loader, shadow->version, true, &shadow->interpreter, &shadow->bytes,
					   error);
}

static int unmake(void *data, struct tfl_error *error)
{
	struct tfl_shadow *shadow = data;

	tfl_loader_free_interpreter(*shadow->shadows->options.loader, TFL_STEAL(shadow->interpreter), shadow->bytes);
	free(TFL_STEAL(shadow->right));
	free(TFL_STEAL(shadow->other));
	shadow->room = 0;
	return 0;
}

static void on_unmade(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_shadow *shadow = data;

	unmake(shadow, NULL); /* where the loader did not come to it */
	tfl_version_unref(shadow->version);
	free(shadow);
}

/* Nothing of it is on its way. */
static void free_shadow(struct tfl_shadows *shadows, struct tfl_shadow *shadow)
{
	if (!*shadows->options.loader || atomic_load(&shadows->stopping) ||
	    tfl_loader_call(*shadows->options.loader, unmake, on_unmade, shadow) < 0)
		on_unmade(shadow, NULL, NULL);
}

static struct tfl_shadow_place *find(const struct tfl_shadows *shadows, const char *model)
{
	for (unsigned i = 0; i < shadows->count; i++)
		if (strcmp(shadows->places[i].model, model) == 0)
			return (struct tfl_shadow_place *)&shadows->places[i];
	return NULL;
}

static struct tfl_version *listed(const struct tfl_shadows *shadows, const struct tfl_shadow_place *place)
{
	const struct tfl_registry_model *model = tfl_registry_find(shadows->options.registry, place->model, strlen(place->model));

	return model ? tfl_registry_find_version(model, place->number) : NULL;
}

/* What was asked for may be something else by now. */
static void on_made(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct making *making = data;
	struct tfl_shadows *shadows = making->shadows;
	struct tfl_shadow *shadow = making->shadow;
	struct tfl_shadow_place *place = find(shadows, shadow->version->model_name);

	free(making);
	if (place)
		place->making = false;
	if (place && error)
		snprintf(place->reason, sizeof(place->reason), "it cannot be run: %.120s", error->text);
	if (error || !place || place->shadow || atomic_load(&shadows->stopping) || listed(shadows, place) != shadow->version) {
		free_shadow(shadows, shadow);
		return;
	}
	place->shadow = shadow;
	place->reason[0] = '\0';
}

/* With the first one. All signals are blocked: they are the loop thread's. */
static int start_thread(struct tfl_shadows *shadows)
{
	sigset_t all, before;

	if (shadows->runs)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	shadows->runs = pthread_create(&shadows->thread, NULL, tfl_shadows_run, shadows) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return shadows->runs ? 0 : -EAGAIN;
}

static int begin_making(struct tfl_shadows *shadows, struct tfl_shadow_place *place, struct tfl_version *version)
{
	_tfl_free_ struct making *making = calloc(1, sizeof(*making));
	_tfl_free_ struct tfl_shadow *shadow = calloc(1, sizeof(*shadow));

	if (!making || !shadow || start_thread(shadows) < 0)
		return -ENOMEM;
	making->shadows = shadow->shadows = shadows;
	making->shadow = shadow;
	shadow->version = tfl_version_ref(version);
	if (tfl_loader_call(*shadows->options.loader, make, on_made, making) < 0) {
		tfl_version_unref(version);
		return -ENOMEM;
	}
	making = NULL;
	shadow = NULL;
	place->making = true;
	return 0;
}

/* There is none yet: makes it, where its version is in memory. */
static void try_making(struct tfl_shadows *shadows, struct tfl_shadow_place *place, uint64_t now_ns)
{
	struct tfl_version *version;

	if (place->making || now_ns < place->again_ns)
		return;
	place->again_ns = now_ns + AGAIN_NS;
	version = listed(shadows, place);
	if (version && version->state == TFL_VERSION_AVAILABLE && begin_making(shadows, place, version) < 0)
		snprintf(place->reason, sizeof(place->reason), "not enough memory");
}

/* ---- Which, and since when ---- */

/* No more of it is run; it is freed once nothing of it is on its way. */
static void drop(struct tfl_shadows *shadows, struct tfl_shadow_place *place)
{
	struct tfl_shadow *shadow = TFL_STEAL(place->shadow);

	if (!shadow)
		return;
	atomic_store(&shadow->gone, true);
	atomic_fetch_add(&shadows->leaving, 1);
	shadow->next = shadows->gone;
	shadows->gone = shadow;
	sem_post(&shadows->wanted);
	tfl_shadows_collect(shadows);
}

int tfl_shadows_set(struct tfl_shadows *shadows, const char *model, uint64_t version, struct tfl_error *error)
{
	struct tfl_shadow_place *place = find(shadows, model);

	if (place ? place->number == version : version == 0)
		return 0;
	if (place)
		drop(shadows, place);
	if (version == 0) {
		shadows->count--;
		memmove(place, place + 1, (size_t)(&shadows->places[shadows->count] - place) * sizeof(*place));
		return 0;
	}
	if (!place && shadows->count == TFL_SHADOWS_MAX)
		return tfl_error_set(error, -ENOBUFS, "%d models have a shadow already; clear that of one of them", TFL_SHADOWS_MAX);
	if (!place)
		place = &shadows->places[shadows->count++];
	*place = (struct tfl_shadow_place){.number = version};
	snprintf(place->model, sizeof(place->model), "%s", model);
	try_making(shadows, place, tfl_clock_ns());
	return 0;
}

uint64_t tfl_shadows_get(const struct tfl_shadows *shadows, const char *model)
{
	const struct tfl_shadow_place *place = find(shadows, model);

	return place ? place->number : 0;
}

bool tfl_shadows_any(const struct tfl_shadows *shadows)
{
	return shadows->count > 0;
}

void tfl_shadows_leave(void *data, const struct tfl_version *version)
{
	struct tfl_shadows *shadows = data;

	for (unsigned i = 0; i < shadows->count; i++)
		if (shadows->places[i].shadow && shadows->places[i].shadow->version == version)
			drop(shadows, &shadows->places[i]);
}

/* Why there is none, at this moment: the next request makes it, where its version is in memory. */
static void say_why_not(const struct tfl_shadows *shadows, const struct tfl_shadow_place *place, struct tfl_shadow_status *status)
{
	const struct tfl_version *version = listed(shadows, place);
	const char *reason = place->making ? "it is being prepared" : place->reason[0] ? place->reason : "no request has come yet";

	if (!version)
		reason = "there is no such version";
	if (version && version->state != TFL_VERSION_AVAILABLE)
		snprintf(status->reason, sizeof(status->reason), "it is %s", tfl_version_state_to_string(version->state));
	else
		snprintf(status->reason, sizeof(status->reason), "%s", reason);
}

bool tfl_shadows_read(const struct tfl_shadows *shadows, const char *model, struct tfl_shadow_status *ret_status)
{
	const struct tfl_shadow_place *place = find(shadows, model);
	const struct tfl_shadow *shadow = place ? place->shadow : NULL;

	if (!place)
		return false;
	memset(ret_status, 0, sizeof(*ret_status));
	ret_status->version = place->number;
	ret_status->running = shadow != NULL;
	if (!shadow) {
		say_why_not(shadows, place, ret_status);
		return true;
	}
	ret_status->bytes = tfl_interpreter_bytes(shadow->interpreter);
	ret_status->dropped = shadow->dropped + atomic_load(&shadow->late);
	ret_status->failed = atomic_load(&shadow->failed);
	ret_status->pair_count = atomic_load_explicit(&shadow->pair_count, memory_order_acquire);
	for (unsigned i = 0; i < ret_status->pair_count; i++)
		tfl_agreement_read(&shadow->pairs[i], &ret_status->pairs[i]);
	return true;
}

/* ---- From a request to its copy ---- */

static size_t output_bytes(const struct tfl_version *version)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < version->output_count; i++)
		bytes += version->outputs[i].bytes;
	return bytes < TFL_SHADOW_OUTPUTS_MAX ? bytes : 0;
}

void tfl_shadows_note_busy(struct tfl_shadows *shadows, uint64_t now_ns)
{
	atomic_store_explicit(&shadows->busy_ns, now_ns, memory_order_relaxed);
}

static bool is_busy(struct tfl_shadows *shadows, uint64_t now_ns)
{
	return now_ns < atomic_load_explicit(&shadows->busy_ns, memory_order_relaxed) + BUSY_NS;
}

/* For one more copy of so many bytes. */
static bool has_room(struct tfl_shadows *shadows, size_t bytes, uint64_t now_ns)
{
	unsigned held = atomic_load_explicit(&shadows->held, memory_order_relaxed);

	if (held == 0)
		return !is_busy(shadows, now_ns) || now_ns >= atomic_load_explicit(&shadows->rests_ns, memory_order_relaxed);
	return !is_busy(shadows, now_ns) && held < TFL_SHADOW_WAITING_MAX &&
	       atomic_load_explicit(&shadows->bytes, memory_order_relaxed) + bytes <= TFL_SHADOW_WAITING_BYTES_MAX;
}

void tfl_shadows_pick(struct tfl_shadows *shadows, struct tfl_job *job)
{
	struct tfl_shadow_place *place = find(shadows, job->version->model_name);
	size_t bytes = job->frame.size + output_bytes(job->version);

	if (!place || job->version->number == place->number)
		return;
	if (!place->shadow) {
		try_making(shadows, place, job->arrived_ns);
		return;
	}
	if (atomic_load_explicit(&shadows->done, memory_order_relaxed))
		tfl_shadows_collect(shadows);
	if (!has_room(shadows, bytes, job->arrived_ns)) {
		place->shadow->dropped++;
		return;
	}
	atomic_fetch_add_explicit(&shadows->held, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&shadows->bytes, bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&place->shadow->held, 1, memory_order_relaxed);
	job->copy.shadow = place->shadow;
	job->copy.bytes = bytes;
}

void tfl_shadows_give(struct tfl_job *job, struct tfl_capture *capture)
{
	struct tfl_shadow *shadow = TFL_STEAL(job->copy.shadow);
	struct tfl_shadows *shadows = shadow->shadows;

	capture->copy.shadow = shadow;
	capture->copy.bytes = job->copy.bytes;
	tfl_shadows_push(&shadows->arrived, capture);
	sem_post(&shadows->wanted);
}

static void let_go(struct tfl_shadow *shadow, size_t bytes)
{
	struct tfl_shadows *shadows = shadow->shadows;

	atomic_fetch_sub_explicit(&shadows->bytes, bytes, memory_order_relaxed);
	atomic_fetch_sub_explicit(&shadows->held, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&shadow->held, 1, memory_order_acq_rel); /* it may be gone from here on */
}

void tfl_shadows_unpick(struct tfl_job *job)
{
	struct tfl_shadow *shadow = TFL_STEAL(job->copy.shadow);
	struct tfl_shadows *shadows;

	if (!shadow)
		return;
	shadows = shadow->shadows;
	let_go(shadow, job->copy.bytes);
	shadows->options.wake(shadows->options.data);
}

void tfl_shadows_collect(struct tfl_shadows *shadows)
{
	struct tfl_capture *capture = atomic_exchange(&shadows->done, NULL), *next;

	for (; capture; capture = next) {
		next = capture->copy.next;
		let_go(capture->copy.shadow, capture->copy.bytes);
		tfl_capture_unref(capture);
	}
	for (struct tfl_shadow **link = &shadows->gone; *link;) {
		struct tfl_shadow *shadow = *link;

		if (atomic_load_explicit(&shadow->held, memory_order_acquire) > 0) {
			link = &shadow->next;
			continue;
		}
		*link = shadow->next;
		atomic_fetch_sub(&shadows->leaving, 1);
		free_shadow(shadows, shadow);
	}
}

/* ---- All of them ---- */

int tfl_shadows_create(const struct tfl_shadows_options *options, struct tfl_shadows **ret_shadows)
{
	struct tfl_shadows *shadows = calloc(1, sizeof(*shadows));

	if (!shadows)
		return -ENOMEM;
	shadows->options = *options;
	sem_init(&shadows->wanted, 0, 0);
	*ret_shadows = shadows;
	return 0;
}

void tfl_shadows_stop(struct tfl_shadows *shadows)
{
	struct tfl_capture *left;

	if (!shadows)
		return;
	atomic_store(&shadows->stopping, true);
	for (unsigned i = 0; i < shadows->count; i++)
		if (shadows->places[i].shadow)
			atomic_store(&shadows->places[i].shadow->gone, true);
	sem_post(&shadows->wanted);
	if (shadows->runs)
		pthread_join(shadows->thread, NULL);
	shadows->runs = false;
	while ((left = atomic_load(&shadows->arrived))) {
		atomic_store(&shadows->arrived, left->copy.next);
		tfl_shadows_push(&shadows->done, left);
	}
	for (unsigned i = 0; i < shadows->count; i++)
		drop(shadows, &shadows->places[i]);
	tfl_shadows_collect(shadows);
}

void tfl_shadows_destroy(struct tfl_shadows *shadows)
{
	if (!shadows)
		return;
	sem_destroy(&shadows->wanted);
	free(shadows);
}
