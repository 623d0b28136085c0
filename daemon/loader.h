/* SPDX-License-Identifier: MIT */
/*
 * The one thread that does what takes long: copying a passed file into the store, hashing, verifying, packing, warming up, and freeing
 * versions nobody uses any more. Runs at idle priority (SCHED_IDLE, else nice 19), so that a load does not show in the latency of
 * requests; holds no lock that the request path takes.
 *
 * Work goes in from the loop thread and comes out there: `wake` is called on the loader thread when a result waits, and the loop then
 * calls tfl_loader_collect(). What is listed in the registry is either AVAILABLE and complete, or an empty version that only carries
 * number, state and reason: what is being loaded or freed is never listed, so the loop can read whatever the registry shows it.
 */
#ifndef DAEMON_LOADER_H
#define DAEMON_LOADER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/version.h"

struct tfl_changes;
struct tfl_conditions;
struct tfl_dirty_mark;
struct tfl_error;
struct tfl_interpreter;
struct tfl_line_log;
struct tfl_loader;
struct tfl_loader_confs;
struct tfl_mistakes;
struct tfl_model_conf;
struct tfl_registry;
struct tfl_registry_model;
struct tfl_route;
struct tfl_store;
struct tfl_trial;
struct tfl_watch;

struct tfl_loader_options {
	struct tfl_store *store;       /* borrowed, outlives the loader; the loader's thread alone uses it after tfl_loader_scan() */
	struct tfl_registry *registry; /* borrowed; touched on the loop thread only (in the functions below) */
	struct tfl_conditions *conditions; /* borrowed; likewise. NULL: what fails is nobody's concern */
	struct tfl_changes *changes;       /* likewise; NULL: what changes is logged only */
	struct tfl_watch *watch;           /* likewise, and the loader's thread adds folders to it; NULL: nobody watches */
	const struct tfl_model_conf *defaults; /* copied: of models whose model.conf says nothing else */
	uint64_t memory_limit;         /* bytes of all versions in memory together; 0: none */
	bool unload_idle;              /* versions that nobody needs are unloaded for another one */
	unsigned workers;              /* interpreters of a version whose instances are 0 */
	unsigned cpus;                 /* threads of one inference at most */
	unsigned writers;              /* recorder writers per version */
	bool periods;                  /* versions tell what they did: tfl_loader_write_period() is called, and they say their last words by themselves */
	struct tfl_line_log *lines;    /* where they tell it, beside the journal; borrowed, the loader's thread alone uses it. NULL: nowhere */
	const char *prover;            /* program that is started to prove a file (prove.h); NULL: this one */
	bool normal_priority;          /* stay at the caller's: for tests, which have no requests to protect */
	void (*trials)(void *data);    /* a trial has begun: tfl_loader_look_at_trials() is wanted each second; loop thread. NULL: nobody looks */
	void (*wake)(void *data);
	void *data;
	/*
	 * On the loop thread: which version of a model gets copies of its requests (0: none), told when that is another one. NULL: nobody
	 * wants to know.
	 */
	void (*shadowed)(void *data, const char *model, uint64_t number);
	void *shadowed_data;
};

/**
 * Called on the loop thread by tfl_loader_collect(), or by tfl_loader_destroy(). On success @p error is NULL, and @p version is the version
 * as it is listed now (borrowed), or NULL when it was erased; on failure @p version is NULL, unless only the disk does not know of what was
 * done.
 */
typedef void (*tfl_loader_done)(void *data, struct tfl_version *version, const struct tfl_error *error);

int tfl_loader_create(const struct tfl_loader_options *options, struct tfl_loader **ret_loader);

/**
 * Cancels the load under way and waits until it has given up (within one step of its model), refuses the rest with -ECANCELED, frees what
 * is retired. Called after the registry was destroyed and the last request has dropped its version, since both hand versions to the loader;
 * the registry is not touched any more.
 */
void tfl_loader_destroy(struct tfl_loader *loader);

/**
 * At start, once: lists what the store holds and loads it in the background as its persisted state and each model.conf ask: the active
 * version of every model first, then the others from the newest down. What was unloaded, what the model's version policy leaves out, and
 * every version of a model whose model.conf is wrong, is listed in state END. -ENOMEM, or what reading the folder says.
 */
int tfl_loader_scan(struct tfl_loader *loader, struct tfl_error *error);

/** Whether a version that tfl_loader_scan() began to load is neither AVAILABLE nor has failed yet. Later loads do not matter. Loop thread. */
bool tfl_loader_starting(const struct tfl_loader *loader);

/**
 * model.load: copies the file behind @p fd (taken over, closed whatever happens) into the store as @p number (0: one more than the
 * greatest) of @p model and loads it as model.conf says; it is published only when that went well. A version that is listed but not loaded
 * is loaded again when the content is the same. @p uid and @p pid go into the manifest. @p done is called once, later, unless this returns
 * < 0: -EINVAL (name or number), -EEXIST (loaded already), -ENOSPC (limits of the registry), -ENOBUFS (too many loads wait), -ENOMEM.
 */
int tfl_loader_load(struct tfl_loader *loader, const char *model, uint64_t number, int fd, uid_t uid, pid_t pid, tfl_loader_done done,
		    void *data, struct tfl_error *error);

/**
 * model.reload: loads a version that is listed and not in memory, from the store, as model.conf says; it stays loaded at the next start. @p done is
 * called once, later, unless this returns < 0: -EEXIST (it is in memory, or on its way), -ENOBUFS, -ENOMEM.
 */
int tfl_loader_reload(struct tfl_loader *loader, struct tfl_version *version, uid_t uid, tfl_loader_done done, void *data,
		      struct tfl_error *error);

/**
 * model.unload: takes the version, which is listed, out of service at once (requests that run keep it alive), remembers that in the store,
 * and with @p erase deletes it there too. @p done is called when its memory is free. Errors, then @p done is not called: -EAGAIN while it
 * is being loaded or unloaded, -EINVAL when it is not loaded and not to be erased, -ENOMEM.
 */
int tfl_loader_unload(struct tfl_loader *loader, struct tfl_version *version, bool erase, uid_t uid, tfl_loader_done done, void *data,
		      struct tfl_error *error);

/* What whoever swaps wants of the trial. */
struct tfl_trial_wish {
	bool none;         /* no trial */
	uint64_t requests; /* 0: as configured, like the next */
	uint64_t seconds;
};

/**
 * Looks at all trials: at @p seconds of a clock that never jumps, @p hot: the device is. What has passed, or has to be rejected, is so when this returns.
 * Whether there are any left. Loop thread.
 */
bool tfl_loader_look_at_trials(struct tfl_loader *loader, double seconds, bool hot);

/** The same of the model of a version that alarms (version.h): before its next request. */
void tfl_loader_look_at_trial(struct tfl_loader *loader, const struct tfl_version *version);

/** The trial of a model; NULL where none runs: then @p ret_waiting says whether one waits for its versions to be loaded. Loop thread. */
const struct tfl_trial *tfl_loader_trial(const struct tfl_loader *loader, const char *model, bool *ret_waiting);

/** Before a stop in order, when no request runs any more: trials are written down, to go on with the next start. Loop thread. */
void tfl_loader_keep_trials(struct tfl_loader *loader);

/**
 * model.swap: makes a listed version the active one, for the next request already, and writes that down. @p done is called when that is done; where it
 * fails the version is active all the same, and a condition stands. It is on trial then as @p wish (NULL: not at all) and its configuration want; a
 * trial that ran ends, and a mark that the version was rejected is taken away. -EAGAIN for a version that is not AVAILABLE, -ENOMEM: then @p done is not called.
 */
int tfl_loader_swap(struct tfl_loader *loader, struct tfl_version *version, const struct tfl_trial_wish *wish, uid_t uid,
		    tfl_loader_done done, void *data, struct tfl_error *error);

/** model.rollback: likewise for the version that was active before. -ENOENT when there is no such model, or none before. */
int tfl_loader_roll_back(struct tfl_loader *loader, const char *model, uid_t uid, tfl_loader_done done, void *data, struct tfl_error *error);

/**
 * label.set: lets a label stand for a listed version, for the next request already, and writes that down; @p done as for a swap. Errors,
 * then @p done is not called: -EINVAL for what is no label, -EAGAIN for a version that is not AVAILABLE, -ENOSPC.
 */
int tfl_loader_label(struct tfl_loader *loader, struct tfl_version *version, const char *label, uid_t uid, tfl_loader_done done, void *data,
		     struct tfl_error *error);

/**
 * route.set: splits the requests that name a model and no version as @p route says, or (NULL) as its model.conf does; for the next
 * request already, and writes that down; @p done as for a swap. Errors, then @p done is not called: -ENOENT when a version that it names
 * is not listed, -EAGAIN when one is not AVAILABLE, -EINVAL where it asks for a key of this device and there is none.
 */
int tfl_loader_route(struct tfl_loader *loader, const struct tfl_registry_model *model, const struct tfl_route *route, uid_t uid,
		     tfl_loader_done done, void *data, struct tfl_error *error);

/** Removes a label, likewise; @p done is called with the version that it stood for. -ENOENT when there is no such model or label. */
int tfl_loader_unlabel(struct tfl_loader *loader, const char *model, const char *label, uid_t uid, tfl_loader_done done, void *data,
		       struct tfl_error *error);

/**
 * Looks at the folder of a model ("": of all models, and at the models folder), and does what follows from it: loads, refuses, leaves out,
 * forgets, or unloads versions. Where nothing has changed, nothing happens. What fails is a condition. Loop thread.
 */
void tfl_loader_rescan(struct tfl_loader *loader, const struct tfl_dirty_mark *mark);

/**
 * Gives up all loads: the one under way ends within one step of its model, the others do not begin; they fail with -ESHUTDOWN. What is to
 * be unloaded or remembered is still done. How many of either are not yet delivered. May be called again. Loop thread.
 */
unsigned tfl_loader_cancel(struct tfl_loader *loader);

/**
 * Writes @p statistics, malloc's and taken over, down as those of a version; then @p done is called, without a version, unless it is NULL. While that fails,
 * a condition stands. -ENOMEM, then that is one too, and @p done is not called. Loop thread.
 */
int tfl_loader_keep(struct tfl_loader *loader, const struct tfl_version *version, void *statistics, size_t size, tfl_loader_done done,
		    void *data);

/**
 * Ends the running period of a version, whose history is up to date, and writes down what it did, see tfl_period_take(): 1. 0: it did
 * nothing, or the last period still waits to be written, and the running one goes on until that is done. While the folder of lines cannot
 * be written to, a condition stands. -ENOMEM. Loop thread.
 */
int tfl_loader_write_period(struct tfl_loader *loader, const struct tfl_version *version, uint64_t now_ns, int64_t time);

/**
 * Writes a line, see tfl_line_log_add(); @p schema is static, the reference to @p members taken over whatever happens. Where there is no
 * folder of lines, nothing is done. -ENOMEM, also for NULL. Loop thread.
 */
int tfl_loader_write_line(struct tfl_loader *loader, const char *schema, int64_t time, json_t *members);

/**
 * Calls @p run with @p data on the loader thread, before any load that waits, and @p done with it on the loop thread when that has
 * returned: without @p error, or with what it said. Where the daemon stops first, @p run is not called, and the error is -ECANCELED. For
 * what is quick, and may wait for a disk. -ENOMEM, then neither is called. Loop thread.
 */
int tfl_loader_call(struct tfl_loader *loader, int (*run)(void *data, struct tfl_error *error), tfl_loader_done done, void *data);

/** Tries anew what the conditions say could not be remembered about a model. Loop thread. */
void tfl_loader_remember_again(struct tfl_loader *loader);

/**
 * Reads the model.conf of every model over @p defaults, and touches nothing; what is wrong is added to @p mistakes. On success the caller
 * frees, or hands over, what was read, which is all right only where there is no mistake. -ENOMEM, or what the models folder says. Loader
 * thread, in a tfl_loader_call().
 */
int tfl_loader_read_confs(const struct tfl_loader *loader, const struct tfl_model_conf *defaults, struct tfl_loader_confs **ret_confs,
			  struct tfl_mistakes *mistakes, struct tfl_error *error);
void tfl_loader_confs_free(struct tfl_loader_confs *confs);

/* What of the options can change. */
struct tfl_loader_settings {
	const struct tfl_model_conf *defaults; /* copied */
	uint64_t memory_limit; /* what versions take already stays; the next load has to keep to it */
	bool unload_idle, periods;
};

/** Takes them over, and @p confs, whose owner it becomes, into versions in memory too, as far as those can change. Loop thread. */
void tfl_loader_configure(struct tfl_loader *loader, const struct tfl_loader_settings *settings, struct tfl_loader_confs *confs);

/** The keys of which a version has to be loaded anew to get the value that is configured by now; "" for none. Returns @p text. Loop thread. */
const char *tfl_loader_waiting(const struct tfl_loader *loader, const struct tfl_version *version, char *text, size_t size);

/* What versions take, those on their way out among them, as far as limits are about it (loader_room.c). */
struct tfl_loader_memory {
	uint64_t used, limit; /* bytes; a limit of 0: none */
	bool unload_idle;
};
struct tfl_loader_memory tfl_loader_memory(const struct tfl_loader *loader);

/**
 * An interpreter that a version's pool does not have; @p alone: without threads of its own. It counts like the version, by *ret_bytes: -ENOBUFS where it
 * does not fit, -ENOMEM, with a sentence. NULL is freed, too. Any thread, while there is the loader and the version is held.
 */
int tfl_loader_make_interpreter(struct tfl_loader *loader, const struct tfl_version *version, bool alone,
				struct tfl_interpreter **ret_interpreter, uint64_t *ret_bytes, struct tfl_error *error);
void tfl_loader_free_interpreter(struct tfl_loader *loader, struct tfl_interpreter *interpreter, uint64_t bytes);

/** Delivers results; loop thread. */
void tfl_loader_collect(struct tfl_loader *loader);

#endif
