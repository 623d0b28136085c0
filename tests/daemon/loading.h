/* SPDX-License-Identifier: MIT */
/*
 * A loader with a real store ("models" in a folder of its own), real (tiny) models and its own thread; the test is the loop thread.
 * Failures fail the test.
 */
#ifndef TESTS_DAEMON_LOADING_H
#define TESTS_DAEMON_LOADING_H

#include <semaphore.h>

#include "base/error.h"
#include "daemon/conditions.h"
#include "daemon/loader.h"
#include "daemon/model_conf.h"
#include "daemon/registry.h"
#include "daemon/store.h"
#include "daemon/watch.h"

/* What done was called with. */
struct outcome {
	unsigned calls;
	int code;
	char text[TFL_ERROR_TEXT_MAX];
	struct tfl_version *version;
};

struct loading {
	struct tfl_store *store;
	struct tfl_registry *registry;
	struct tfl_conditions *conditions;
	struct tfl_loader *loader;
	struct tfl_watch *watch;    /* from loading_watch() on */
	struct tfl_line_log *lines; /* set before a start, periods are written there */
	struct tfl_model_conf defaults;
	uint64_t memory_limit;      /* likewise set before a start, as the next two */
	bool unload_idle;
	const char *prover;         /* files are proven by it */
	struct tfl_error error; /* of the last call that was refused */
	struct outcome last;    /* of the calls below that wait */
	sem_t woken, released;
	bool hold;              /* the loader's thread waits in wake for `released` */
};

extern struct loading loading;

/** Starts over an empty store; two tiny models lie in the folder, a.tflite and b.tflite. */
void loading_setup(void);
void loading_teardown(void);

/** Ends everything, begins again over the same store; the last one also waits until nothing is LOADING. */
void loading_stop(void);
void loading_start(void);
void loading_start_with(unsigned threads, bool normal_priority);
void loading_restart(void);

void loading_save_tiny(const char *path, uint64_t seed);

/** A tfl_loader_done whose data is a struct outcome. */
void loading_on_done(void *data, struct tfl_version *version, const struct tfl_error *why);

/** Delivers results until @p calls of done have come; until nothing is LOADING any more. */
void loading_wait_for(const struct outcome *outcome, unsigned calls);
void loading_settle(void);

/** Ask and do not wait. */
int loading_begin_load(const char *model, uint64_t number, const char *path, struct outcome *outcome);
int loading_begin_unload(const char *model, uint64_t number, bool erase, struct outcome *outcome);

/** Ask and wait; return the code of the refusal or of the outcome. */
int loading_load(const char *model, uint64_t number, const char *path);
void loading_must_load(const char *model, uint64_t number, const char *path);
int loading_unload(const char *model, uint64_t number, bool erase);

/** What is listed, or NULL; the number of the active version, or 0. */
struct tfl_version *loading_find(const char *model, uint64_t number);
uint64_t loading_active(const char *model);

/** The text of the only condition, which has to be of this kind; NULL where there is none. */
const char *loading_condition(enum tfl_condition_kind kind);

/** Waits until everything before has been run, on disk too, by a load that is refused: it leaves nothing to be written down. */
void loading_flush(void);

/** Begins again, and the models folder is watched. */
void loading_watch(void);

/** Until everything that has happened there was looked at, and nothing follows from it any more. No time passes: all is due. */
void loading_look(void);

/** Names in the staging folder when that is so. */
unsigned loading_staged(void);

/** No model is listed, "m" is not in the store, staging is empty. */
void loading_assert_nothing_left(void);

#endif
