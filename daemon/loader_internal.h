/* SPDX-License-Identifier: MIT */
/* What loader.c (queues and thread) and loader_jobs.c (what is done) share. */
#ifndef DAEMON_LOADER_INTERNAL_H
#define DAEMON_LOADER_INTERNAL_H

#include <pthread.h>

#include "base/error.h"
#include "daemon/changes.h"
#include "daemon/loader.h"
#include "daemon/model_conf.h"
#include "daemon/store.h"

struct tfl_loader_job;
struct tfl_period;
struct tfl_loader_trial;
struct tfl_rescan;
struct tfl_running;
struct tfl_spawner;

/* How the reason of a version begins that an operator took out of service; its note follows. */
#define TFL_LOADER_UNLOADED "unloaded "

/* Likewise for one whose trial failed. */
#define TFL_LOADER_REJECTED "rejected "

/* Why something holds that nobody here has decided. */
#define TFL_LOADER_CAME "it came with the model's folder"

struct tfl_loader_kind {
	/* On the loader thread. 0 or -errno with a sentence. */
	int (*run)(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error);
	/* On the loop thread, after run. */
	void (*deliver)(struct tfl_loader *loader, struct tfl_loader_job *job);
	bool also_at_end; /* run even when the daemon stops */
	bool quick;       /* before loads that wait; among themselves they are run in their order */
};

/* Belongs to one of the queues, to the thread that runs or delivers it, or to the version that it waits for. */
struct tfl_loader_job {
	struct tfl_loader_job *next;
	const struct tfl_loader_kind *kind;
	tfl_loader_done done; /* NULL: nobody waits */
	void *data;
	bool counted;         /* against TFL_LOADS_MAX */
	bool ran, freed;      /* see loader.c */
	struct tfl_error error; /* of run; code 0 when it went well */

	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t number;
	struct tfl_version *listed; /* a reference: what the registry shows meanwhile */
	struct tfl_version *loaded; /* a reference: what run made */
	bool noted;                 /* the reference is one of those that the version counts so */
	bool was_listed;            /* before the job; else it goes again when the job fails */
	char reason[TFL_ERROR_TEXT_MAX]; /* that it had then; "": a failure is the new one */
	struct tfl_model_conf conf; /* of what is loaded; that of a passed file is read when its turn has come */
	uint64_t generation;        /* of what that was read over (loader_conf.c) */
	int fd;                     /* to be loaded, or -1 */
	bool published;             /* the file is one that this store published: it was loaded before */
	bool asked;                 /* by a user, origin.uid */
	struct tfl_origin origin;
	bool starting;              /* a start began it, and is not over before its end */
	bool noticed;               /* its folder has come or changed: its end is news */
	uint64_t replaces;          /* the active version that made room for it, or 0, and what that was loaded with */
	struct tfl_model_conf before;
	bool returns;               /* it made room, in vain, and is the active one again */
	struct tfl_rescan *rescan;  /* owned */
	uint64_t reserved;          /* bytes that are kept for it, of the one that made room */
	uint64_t needs;             /* an ask's: bytes (loader_room.c) */
	bool no_room;               /* it was refused for the limit */
	bool tidies;                /* the model's state has something to be rid of once it is loaded */
	bool settles;               /* what is active afterwards is to be remembered */
	uint64_t active;            /* to be remembered, like the next and the note: when and by whom it was unloaded, "" for not unloaded */
	struct tfl_previous previous;
	struct tfl_version_labels labels;
	bool routed;
	struct tfl_route route;
	char note[TFL_STATE_NOTE_MAX];
	struct tfl_state_trial trial; /* likewise; without an id: none */
	char rejected[TFL_STATE_NOTE_MAX]; /* likewise, of the version */
	bool erase, erased;         /* to be, and is */
	void *statistics;           /* to be kept; owned */
	size_t statistics_size;
	struct tfl_period *period;  /* to be written; owned */
	json_t *members;            /* of a line; a reference; and what it begins with */
	const char *schema;
	int64_t time;
	int (*call)(void *data, struct tfl_error *error);
};

struct tfl_job_queue {
	struct tfl_loader_job *first, *last;
};

struct tfl_loader {
	struct tfl_loader_options options;
	atomic_uint_least64_t used;     /* bytes of versions that are complete and not freed yet; the loader's thread counts */
	atomic_uint_least64_t reserved; /* and those that are kept for a load */
	_Atomic uint64_t memory_limit; /* as configured by now, like the next two */
	atomic_bool unload_idle, periods;
	struct tfl_loader_confs *confs; /* what was read anew, or NULL; loop thread */
	unsigned starting;           /* loads of the start that are not delivered; loop thread */
	struct tfl_loader_trial *trials; /* loop thread */
	struct tfl_running *running;
	atomic_bool trying; /* there are trials, so what runs is to be noted */
	struct tfl_spawner *spawner; /* makes the threads that an inference has of its own */
	pthread_t thread;
	pthread_mutex_t lock; /* over the rest */
	struct tfl_model_conf defaults; /* the loop thread alone changes these two, and may read them without it */
	uint64_t generation;
	pthread_cond_t wanted;
	struct tfl_job_queue quick, loads, done;
	struct tfl_version *retired;
	unsigned counted;
	unsigned open; /* jobs that were submitted and not yet collected */
	struct tfl_error answer; /* to the ask that the loader's thread waits for */
	bool asking;
	unsigned leaving; /* versions that make room and are not freed yet */
	bool stopping;
	atomic_bool cancelled; /* loads are given up: the one under way, and those that wait */
};

/** Queues a job. Loop thread. */
void tfl_loader_submit(struct tfl_loader *loader, struct tfl_loader_job *job);

/**
 * Runs what is quick and waits, and frees versions that nobody uses any more, in the middle of a load that waits for something else. @p
 * data is the loader. Loader thread.
 */
void tfl_loader_run_quick(void *data);

/** Gives the loop thread a job that nobody submitted. Loader thread. */
void tfl_loader_hand_over(struct tfl_loader *loader, struct tfl_loader_job *job);

/** Whether no counted job may be queued now. Loop thread, so that the answer holds until the next submit. */
bool tfl_loader_full(struct tfl_loader *loader);

/** A job of this kind about a version. @p done and @p data may be NULL. NULL without memory. */
struct tfl_loader_job *tfl_loader_make_job(const struct tfl_loader_kind *kind, const char *model, uint64_t number, tfl_loader_done done,
					   void *data);
void tfl_loader_job_free(struct tfl_loader_job *job);

/** What is listed under the job's model and number; NULL for nothing. Loop thread. */
struct tfl_version *tfl_loader_listed(const struct tfl_loader *loader, const struct tfl_loader_job *job);

/** An empty version to be listed, and its retire function set. -ENOMEM with a sentence. */
int tfl_loader_make_version(struct tfl_loader *loader, const char *model, uint64_t number, struct tfl_version **ret_version,
			    struct tfl_error *error);

/** A job that loads a version, listed in state LOADING, from the store. NULL without memory. Loop thread. */
struct tfl_loader_job *tfl_loader_make_restore(struct tfl_loader *loader, struct tfl_version *listed, const struct tfl_model_conf *conf);

/** The number of a model's active version, 0 for none. Loop thread. */
uint64_t tfl_loader_active(const struct tfl_loader *loader, const char *model);

/**
 * Unloads a version in service, for a reason of the daemon's own: nothing is written down. @p done may be NULL; it is called when the
 * memory is free, and not when this returns < 0: -ENOMEM. Loop thread.
 */
int tfl_loader_retire_version(struct tfl_loader *loader, struct tfl_version *version, enum tfl_version_end end, const char *reason,
			      tfl_loader_done done, void *data, struct tfl_error *error);

/* loader_watch.c */

void tfl_rescan_free(struct tfl_rescan *rescan);

/** Something has happened after which the model's folder may mean something else. Loop thread. */
void tfl_loader_look_again(struct tfl_loader *loader, const char *model);

/* loader_conf.c */

/** The model.conf of the job's model as it stands now. -EINVAL with the first mistake. Loader thread. */
int tfl_loader_read_conf(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error);

/** A load is delivered: what was configured since it read its model.conf is in force for it too. Loop thread. */
void tfl_loader_catch_up(struct tfl_loader *loader, struct tfl_loader_job *job);

/* loader_policy.c. Loop thread. */

/**
 * Submits a load, once the version has made room whose place it takes, if that is configured; @p conf NULL: by what the active one was
 * loaded with.
 */
void tfl_loader_begin(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_model_conf *conf);

/** A load was delivered, its version listed and not AVAILABLE yet: holds it against the policy where somebody asked for it. */
void tfl_loader_hold(struct tfl_loader *loader, struct tfl_loader_job *job);

/** It is AVAILABLE: the active one, where it takes the place of @p active (0: none was) by itself. Returns @p reason, why it is. */
const char *tfl_loader_auto_swap(struct tfl_loader *loader, const struct tfl_loader_job *job, uint64_t active,
				 char reason[static TFL_ERROR_TEXT_MAX]);

/** Or it has failed. */
void tfl_loader_load_failed(struct tfl_loader *loader, struct tfl_loader_job *job);

/* loader_trial.c. Loop thread. */

/** At start, before anything is listed: what becomes of the trials that the daemon before left. */
void tfl_loader_settle_trials(struct tfl_loader *loader);

/** Ends a model's trial, if there is one, without a verdict. */
void tfl_loader_interrupt_trial(struct tfl_loader *loader, const char *model, const char *reason);

/** A version has become the active one in the place of @p before, which may be itself: a trial that ran ends, another one begins. */
void tfl_loader_swapped(struct tfl_loader *loader, struct tfl_version *version, uint64_t before, const struct tfl_trial_wish *wish);

/** A version is listed in another state now: a trial may go on that waited for it, or not go on for want of it. */
void tfl_loader_version_changed(struct tfl_loader *loader, const char *model, uint64_t number);

/** Whether a trial needs this version. */
bool tfl_loader_on_trial(const struct tfl_loader *loader, const struct tfl_version *version);

/** What is to be written down about the trial of a model. */
struct tfl_state_trial tfl_loader_trial_state(const struct tfl_loader *loader, const char *model);

void tfl_loader_free_trials(struct tfl_loader *loader);

/* loader_state.c */

/** Which version is active was changed by the daemon itself: written down like a swap. */
void tfl_loader_remember_swap(struct tfl_loader *loader, struct tfl_version *version);

/** What the registry says of the job's model now is what the job is to write down. Loop thread. */
void tfl_loader_note_active(const struct tfl_loader *loader, struct tfl_loader_job *job);

/** Writes it down. Loader thread. */
int tfl_loader_write_state(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error);

/** The state of the job's model was written, or not: then that is a condition, and job->error says so. */
void tfl_loader_state_written(struct tfl_loader *loader, struct tfl_loader_job *job);

/**
 * Writes down, behind the caller, that a version is in service, and which one is active now. @p done, which may be NULL, is called then with the version, and
 * with the error where that failed: the version is as it is all the same. Loop thread.
 */
void tfl_loader_remember(struct tfl_loader *loader, struct tfl_version *version, tfl_loader_done done, void *data);

/** The versions of a model are listed as of now: what else was decided about it holds, likewise, and what its model.conf says. Loop thread. */
void tfl_loader_restore_decisions(struct tfl_loader *loader, const char *model, const struct tfl_state *state,
				  const struct tfl_model_conf *conf, bool known);

/* loader_tell.c: what changed (changes.h). Loop thread. */

/** What became of the job's version. What a start finds as it was left is no news. */
void tfl_loader_tell_job(struct tfl_loader *loader, const struct tfl_loader_job *job, enum tfl_change_kind kind, const char *reason);

/** What became of a listed version; what it was refused for before is no news. */
void tfl_loader_tell_version(struct tfl_loader *loader, const struct tfl_version *version, enum tfl_change_kind kind, const char *reason);

/** Which version is the active one, where that is another one than @p before. @p known: so it was before the start. */
void tfl_loader_tell_active(struct tfl_loader *loader, const char *model, uint64_t before, bool known, const char *reason);

/** That the job's version is the active one, because somebody asked for it. */
void tfl_loader_tell_swap(struct tfl_loader *loader, const struct tfl_loader_job *job, const char *reason);

/* loader_routes.c. Loop thread. */

/**
 * What an operator chose before, and what model.conf says (NULL: nothing that can be read), of a model that is listed as of now. @p known: a
 * start finds it so; else it has come with the model's folder.
 */
void tfl_loader_restore_route(struct tfl_loader *loader, const char *model, const struct tfl_state *state, const struct tfl_model_conf *conf,
			      bool known);

/** What a model's model.conf says of its route is in force, unless an operator chose another one. @p known: a start finds it so. */
void tfl_loader_configure_route(struct tfl_loader *loader, const char *model, const struct tfl_model_conf *conf, bool known);

/** A rollback takes effect at once: whatever route is in force gives no shares from now on. */
void tfl_loader_stop_route(struct tfl_loader *loader, const struct tfl_registry_model *model, const uid_t *uid, const char *why);

/** Whether all that a model's route names is there: else that is a condition. */
void tfl_loader_check_route(struct tfl_loader *loader, const char *model);

/** The labels of a model that is listed as of now, likewise. */
void tfl_loader_restore_labels(struct tfl_loader *loader, const char *model, const struct tfl_version_labels *labels, bool known);

/** That a version which goes loses its labels, and why; @p uid NULL: nobody asked for that. */
void tfl_loader_tell_unlabelled(struct tfl_loader *loader, const struct tfl_version *version, const uid_t *uid, const char *why);

/** What a model's model.conf says, where that is something else than the last time. */
void tfl_loader_tell_configured(struct tfl_loader *loader, const char *model, const struct tfl_model_conf *conf);

/** No version of the model is loaded. */
void tfl_loader_tell_refused(struct tfl_loader *loader, const char *model, const char *reason);

/** Writes down what was seen of a version that nobody uses any more. Loader thread. */
void tfl_loader_keep_last(struct tfl_loader *loader, struct tfl_version *version);

/** Tells what such a version did since its last period, once its last statistics are kept. Loader thread. */
void tfl_loader_write_last_period(struct tfl_loader *loader, const struct tfl_version *version);

/** Destroys a version and gives its memory back to the system. Loader thread. */
void tfl_loader_free_version(struct tfl_loader *loader, struct tfl_version *version);

/* loader_room.c */

/** What the job's version will take, as far as that is known before it is built: from its proof, else from its file. Loader thread. */
uint64_t tfl_loader_estimate(const struct tfl_loader *loader, const struct tfl_loader_job *job, const struct tfl_proof *proof,
			     uint64_t file_bytes);

/**
 * Sees to it that @p bytes more fit, for the job's version. Where they do not, the loop is asked which versions are to make room, and their end is
 * waited for. -ENOBUFS with a sentence, and job->no_room is set; -ECANCELED; -ENOMEM. Loader thread.
 */
int tfl_loader_make_room(struct tfl_loader *loader, struct tfl_loader_job *job, uint64_t bytes, struct tfl_error *error);

/** A complete version counts from now on; and does not any more, but stays @p reserved for a load. Loader thread. */
void tfl_loader_count_in(struct tfl_loader *loader, struct tfl_version *version);

/* Takes memory, and gives it back, that is no version's as it was loaded; @p data: the loader. -ENOBUFS with a sentence. Any thread. */
int tfl_loader_take(void *data, size_t bytes, struct tfl_error *error);
void tfl_loader_give_back(void *data, size_t bytes);
void tfl_loader_count_out(struct tfl_loader *loader, uint64_t bytes, bool reserve);

/** One more version makes room, or (-1) one less. Any thread. */
void tfl_loader_note_leaving(struct tfl_loader *loader, int more);

/** What is reserved for a job is now for another one, or (NULL) for anybody. Loop thread. */
void tfl_loader_release(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_loader_job *heir);


/** The retire function of every version; @p data is the loader. Any thread. */
void tfl_loader_retire(void *data, struct tfl_version *version);

#endif
