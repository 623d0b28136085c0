/* SPDX-License-Identifier: MIT */
/*
 * One version of a model in memory: its file, program and pool of interpreters, its state in the field's words, and its counters.
 *
 * Lifetime: reference counted. The registry holds one reference while the version is listed; every request holds one from routing to
 * reply. The last reference may be dropped on any thread; it hands the version to the `retire` function given at creation (the loader's
 * queue), because freeing packed weights takes time that a worker or the loop does not have.
 * Thread: the fields under "immutable" are set before the version becomes AVAILABLE and never change; `state` and `reason` belong to the
 * loop thread; counters are atomic.
 */
#ifndef DAEMON_VERSION_H
#define DAEMON_VERSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/labels.h"
#include "base/limits.h"
#include "daemon/binding.h"
#include "daemon/heads.h"
#include "daemon/model_conf.h"
#include "daemon/proof.h"
#include "daemon/scheduler.h"
#include "runtime/program.h"
#include "stats/drift.h"

struct tfl_history;
struct tfl_running;
struct tfl_model;
struct tfl_period_mark;
struct tfl_pool;

enum tfl_version_state {
	TFL_VERSION_START,     /* known, not yet asked for */
	TFL_VERSION_LOADING,
	TFL_VERSION_AVAILABLE,
	TFL_VERSION_UNLOADING, /* takes no new requests; some may still run */
	TFL_VERSION_END,       /* not in memory; reason says why */
};

/* Why a version is in END. */
enum tfl_version_end {
	TFL_END_FAILED,   /* what its folder holds cannot be served, or not yet */
	TFL_END_UNLOADED, /* the operator took it out of service */
	TFL_END_LEFT_OUT, /* the version policy does not want it */
	TFL_END_REJECTED, /* its trial failed */
	TFL_END_REPLACED, /* it made room for the one that was to take its place */
	TFL_END_NO_ROOM,  /* memory_limit: it made room for another one, or there was none for it */
};

struct tfl_version {
	atomic_uint refs;
	void (*retire)(void *data, struct tfl_version *version);
	void *retire_data;

	/* Immutable. */
	char model_name[TFL_MODEL_NAME_MAX + 1];
	uint64_t number;
	char sha256[65];          /* of the file, hexadecimal */
	uint64_t file_bytes;
	uint64_t bytes;           /* that it counts for against the limit: all of tfl_version_memory() when it was loaded; 0 before */
	uint64_t load_ns;         /* verify, build, pack and warm up */
	bool steered;             /* how long a run takes is up to what a request brings; run_ns says nothing about it */
	uint64_t run_ns;          /* one warm inference, measured at warm-up or by the proof */
	struct tfl_proof proof;   /* of its content, at this load or before; without a time: there was none */
	struct {
		uint64_t copy_ns, hash_ns, sync_ns; /* of the file; 0 for what was not done */
	} stored;                 /* what the store took for a load, beside load_ns and proof.proof_ns */
	struct tfl_model *file;   /* NULL unless loaded */
	struct tfl_program *program;
	struct tfl_pool *pool;
	struct tfl_interface interface; /* all that it can be called for, and … */
	const struct tfl_io *inputs;    /* … inputs and outputs of the first of that, which is what is recorded and compared */
	const struct tfl_io *outputs;
	uint32_t input_count;
	uint32_t output_count;
	struct tfl_labels labels;   /* that conf names, instead of the file's */

	/* Loop thread. */
	struct tfl_model_conf conf; /* as it was when it was loaded; what can change since is as configured (loader_conf.c) */
	enum tfl_version_state state;
	char reason[TFL_ERROR_TEXT_MAX];
	enum tfl_version_end end; /* of a version in END */
	bool erasing;             /* on its way out of the store: its labels are not remembered any more */
	bool held;                /* somebody asked for it though the policy does not want it; until it has been the active one */
	uint64_t print;           /* of its folder when it was last tried (store.h); goes with the number, not with the object */
	int64_t since; /* CLOCK_REALTIME seconds of the last change of state */
	unsigned due;  /* what observe.c is still to do about it */
	uint64_t used_ns; /* CLOCK_MONOTONIC: when the last request for it arrived; before the first, when it was loaded */
	unsigned noted; /* references of the loader's that only say which version something is written down about */
	bool keeping;  /* what was seen of it is on its way to the disk */
	struct {
		enum tfl_drift_verdict told; /* by judge.c; UNKNOWN: it has not looked yet */
		unsigned better;             /* minutes for which it has been better than that */
	} verdict;

	char rejected[TFL_STATE_NOTE_MAX]; /* when and why its trial failed; "": it did not. Goes with the number, not with the object */

	/* While it is on trial (trial.h). Begun and ended by the loop thread, counted by whoever runs a request, before that is answered. */
	struct {
		_Atomic uint64_t id; /* 0: it is not */
		struct tfl_running *running; /* as it was made */
		_Atomic uint64_t run_ns; /* of the version before: a request that is given less says nothing */
		_Atomic uint64_t errors, nan; /* requests; of the present trial */
		uint64_t looked;              /* loop thread: how many of both were seen to */
		uint64_t errors_before;       /* likewise: of what it did before the trial */
	} trial;

	struct tfl_row queue; /* of requests without a session */

	/* The retire function's: versions waiting to be freed, and who wants to know. */
	struct {
		struct tfl_version *next;
		void *waiter;
		bool reserve; /* what it takes, for the one that takes its place */
		bool awaited; /* the loader's thread waits for its end */
	} retired;

	struct tfl_heads heads;        /* what is recorded of its outputs */
	struct tfl_history *history;   /* the loop thread's, once it is AVAILABLE; NULL without a recorder */
	struct tfl_period_mark *mark;  /* likewise: how far it has been told; NULL where periods are not */
	struct tfl_recorder *recorder; /* counters and latency; NULL where nobody records; freed with the version */
};

/** "AVAILABLE" and so on. */
const char *tfl_version_state_to_string(enum tfl_version_state state);

/**
 * A new version in state START with one reference. Without @p retire the last reference destroys it at once. -EINVAL for a name that no
 * model can have, -ENOMEM.
 */
int tfl_version_create(const char *model_name, uint64_t number, void (*retire)(void *data, struct tfl_version *version), void *retire_data,
		       struct tfl_version **ret_version);

struct tfl_version *tfl_version_ref(struct tfl_version *version);

/** Drops a reference; NULL is allowed. Any thread. */
void tfl_version_unref(struct tfl_version *version);

/**
 * Loads the file behind @p fd into a version in state START or LOADING: verifies, builds, packs, creates @p instances interpreters and
 * runs one on zeros, unless its proof, which is set before, has run for a millisecond or more. Takes long: called on the loader thread. @p
 * fd stays the caller's. On failure nothing stays allocated in @p version. Errors: -ENOEXEC for a file that is corrupt or contradicts itself, -EOPNOTSUPP for one that uses what this runtime does not
 * have, -EFBIG, -ENOMEM; -ECANCELED within one stage, instance or step after @p cancelled was set.
 */
int tfl_version_load(struct tfl_version *version, int fd, unsigned instances, const struct tfl_program_options *options,
		     const atomic_bool *cancelled, struct tfl_error *error);

/** Frees everything, whatever the count says. For the retire function and for versions that were never shared. */
void tfl_version_destroy(struct tfl_version *version);

/** Whether it is on trial and something has come that the trial wants to see before the next request. Loop thread. */
static inline bool tfl_version_alarms(const struct tfl_version *version)
{
	if (atomic_load_explicit(&version->trial.id, memory_order_relaxed) == 0)
		return false;
	return atomic_load(&version->trial.errors) + atomic_load(&version->trial.nan) != version->trial.looked;
}

/** Bytes by kind: file mapping, packed weights, interpreters, and address space of counters and histories. */
struct tfl_version_memory {
	uint64_t file, packed, interpreters, statistics;
};
void tfl_version_memory(const struct tfl_version *version, struct tfl_version_memory *ret_memory);

/** All of it. */
uint64_t tfl_version_bytes(const struct tfl_version *version);

#endif
