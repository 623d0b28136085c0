/* SPDX-License-Identifier: MIT */
/*
 * The one thread that does what takes long: copying a passed file into the store, hashing, verifying, packing, warming up, and freeing
 * versions nobody uses any more. Runs at idle priority (SCHED_IDLE, else nice 19), so that a load does not show in the latency of
 * requests; holds no lock that the request path takes.
 *
 * Work goes in from the loop thread and comes out there: `wake` is called on the loader thread when a result waits, and the loop then
 * calls tfl_loader_collect().
 */
#ifndef DAEMON_LOADER_H
#define DAEMON_LOADER_H

#include <stdint.h>
#include <sys/types.h>

#include "daemon/version.h"

struct tfl_error;
struct tfl_loader;
struct tfl_registry;
struct tfl_store;

struct tfl_loader_options {
	struct tfl_store *store;       /* borrowed, outlives the loader */
	struct tfl_registry *registry; /* borrowed; touched on the loop thread only (in the functions below) */
	unsigned instances;            /* interpreters per version */
	unsigned threads;              /* threads of one inference */
	unsigned writers;              /* recorder writers per version */
	void (*wake)(void *data);
	void *data;
};

/* Called on the loop thread by tfl_loader_collect(). @p version is NULL on failure, else borrowed. */
typedef void (*tfl_loader_done)(void *data, struct tfl_version *version, const struct tfl_error *error);

int tfl_loader_create(const struct tfl_loader_options *options, struct tfl_loader **ret_loader);

/** Waits for the work under way, refuses the rest with -ECANCELED, frees what is retired. */
void tfl_loader_destroy(struct tfl_loader *loader);

/** Loads what the store holds, in the background, as its persisted state asks (at start). */
int tfl_loader_scan(struct tfl_loader *loader, struct tfl_error *error);

/**
 * model.load: copies the file behind @p fd (taken over, closed whatever happens) into the store as @p number (0: one more than the
 * greatest) of @p model, then loads it. @p uid and @p pid go into the manifest. @p done is called once, later, unless this returns < 0.
 */
int tfl_loader_load(struct tfl_loader *loader, const char *model, uint64_t number, int fd, uid_t uid, pid_t pid, tfl_loader_done done,
		    void *data, struct tfl_error *error);

/**
 * model.unload: takes the version out of service at once (requests that run keep it alive), remembers that in the store, and with
 * @p erase deletes it there too. @p done is called when its memory is free.
 */
int tfl_loader_unload(struct tfl_loader *loader, struct tfl_version *version, bool erase, tfl_loader_done done, void *data,
		      struct tfl_error *error);

/** Delivers results; loop thread. */
void tfl_loader_collect(struct tfl_loader *loader);

#endif
