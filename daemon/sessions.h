/* SPDX-License-Identifier: MIT */
/*
 * Sessions: an interpreter that one connection has to itself, so that the state of a model goes on from request to request. A session keeps
 * the version it was opened with, and its requests run one after the other, in the order in which they came.
 *
 * It is over when its client closes it, its connection ends, nobody has used it for the model's session_idle, or its version leaves memory:
 * then session_grace later, or at once where the version was rejected. What is asked for afterwards gets a sentence that says which.
 *
 * Lifetime: opened on the loop thread; freed there, when it is over and the last of its jobs is, and a worker has freed its interpreter. Thread: loop
 * thread, but for what says otherwise.
 */
#ifndef DAEMON_SESSIONS_H
#define DAEMON_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/scheduler.h"

struct tfl_account;
struct tfl_channel;
struct tfl_error;
struct tfl_interpreter;
struct tfl_loader;
struct tfl_sessions;
struct tfl_version;

/* Why a session is over. */
enum tfl_session_end {
	TFL_SESSION_GOES_ON,
	TFL_SESSION_CLOSED,   /* by its client, or with the connection */
	TFL_SESSION_FAILED,   /* it has never begun */
	TFL_SESSION_IDLE,
	TFL_SESSION_UNLOADED, /* its version */
	TFL_SESSION_REJECTED,
	TFL_SESSION_END_COUNT
};

/* What a connection remembers of a session that ended otherwise than by its client. */
struct tfl_session_note {
	uint64_t id; /* 0: none */
	uint64_t version;
	uint64_t idle_ms;
	enum tfl_session_end end;
};
#define TFL_SESSION_NOTES 8

/* Part of a channel: the sessions of its connection. */
struct tfl_channel_sessions {
	struct tfl_session *first;
	struct tfl_session_note notes[TFL_SESSION_NOTES]; /* the latest; a ring */
	unsigned noted;
};

struct tfl_session {
	/* Immutable. */
	struct tfl_sessions *all;
	uint64_t id;                  /* of all that there are and were; not to be guessed */
	struct tfl_version *version;  /* a reference */
	struct tfl_channel *channel;  /* likewise */
	uint64_t idle_ms;             /* as its model was configured when it was opened */

	/* The job's that runs, of which there is one at a time. */
	struct tfl_interpreter *interpreter; /* made by the first; NULL before */
	uint64_t bytes;                    /* that it counts for */
	bool spoiled;                        /* a request ended half-way, and what it left is no state */

	struct tfl_row row;
	_Atomic(enum tfl_session_end) end; /* set by the loop thread, and by a first job that fails; under the lock */
	unsigned jobs;                     /* under the lock */
	struct tfl_session *ended_next;    /* likewise: the loop is to go on with its end */
	struct tfl_chore chore;            /* which frees the interpreter */

	struct tfl_session *next, **link;             /* of all; not once it is over and no job is left */
	struct tfl_session *channel_next, **channel_link; /* of its channel's; not once it is over */
	uint64_t used_ns;  /* CLOCK_MONOTONIC: when the last request for it arrived */
	uint64_t until_ns; /* the end of the grace; 0: its version stays */
	bool asked;        /* session.close is to be answered … */
	uint32_t msgid;    /* … by this */
};

struct tfl_sessions_options {
	struct tfl_loader *const *loader; /* made later than the sessions, as is the next */
	struct tfl_scheduler *const *scheduler;
	void (*wake)(void *data);         /* any thread: tfl_sessions_collect() is to be called */
	void *wake_data;
	void (*alarm)(void *data, uint64_t due_ns); /* tfl_sessions_expire() is to be called then; 0: not at all */
	void *alarm_data;
	void (*closed)(void *data, struct tfl_channel *channel, uint32_t msgid); /* session.close is done: answers it */
	void *closed_data;
};

int tfl_sessions_create(const struct tfl_sessions_options *options, struct tfl_sessions **ret_sessions);

/** No job may be left, and no worker. NULL is allowed. */
void tfl_sessions_destroy(struct tfl_sessions *sessions);

/**
 * Opens one of @p version for @p channel, charged to its account. It has no interpreter yet: its first job makes one (tfl_session_begin()).
 * Errors: -EDQUOT, -ENOBUFS at the model's or the daemon's limit, each with a sentence; -ENOMEM.
 */
int tfl_sessions_open(struct tfl_sessions *sessions, struct tfl_channel *channel, struct tfl_version *version, uint64_t now_ns,
		      struct tfl_session **ret_session, struct tfl_error *error);

/** The session @p id of @p channel; -ENOENT with the reason where it is over, or was never there. */
int tfl_sessions_find(struct tfl_channel *channel, uint64_t id, struct tfl_session **ret_session, struct tfl_error *error);

/** Ends it; when its last job is done, options.closed() is told of @p msgid. */
void tfl_session_close(struct tfl_session *session, uint32_t msgid);

/** Ends it without a word: nobody was told that it began. */
void tfl_session_drop(struct tfl_session *session);

/** The connection is over, and so are its sessions. */
void tfl_sessions_hang_up(struct tfl_channel *channel);

/** @p version is not listed any more; for tfl_registry_watch(). */
void tfl_sessions_leave(struct tfl_sessions *sessions, const struct tfl_version *version, uint64_t now_ns);

/** Ends those whose time is over, and says when to look again. */
void tfl_sessions_expire(struct tfl_sessions *sessions, uint64_t now_ns);

/** Goes on with those that are over and have no job left. */
void tfl_sessions_collect(struct tfl_sessions *sessions);

/** How many there are: of all, or of one version. */
unsigned tfl_sessions_count(const struct tfl_sessions *sessions, const struct tfl_version *version);

/** A job of it has come: 0, or -ENOENT where it has failed meanwhile. And a job is over: any thread; the session may be gone then. */
int tfl_session_enter(struct tfl_session *session, uint64_t now_ns, struct tfl_error *error);
void tfl_session_leave(struct tfl_session *session);

/* ---- The job's that runs ---- */

/** Makes its interpreter. Errors of tfl_loader_make_interpreter(). */
int tfl_session_begin(struct tfl_session *session, struct tfl_error *error);

/** Its first job has failed: it is over. */
void tfl_session_fail(struct tfl_session *session);

/** Whether a request may run: -ENOENT where the session is over; -EINVAL where its state is lost, until a reset. */
int tfl_session_check(const struct tfl_session *session, struct tfl_error *error);

/** Its state becomes that of a session that has just begun. -ENOENT where it is over. */
int tfl_session_reset(struct tfl_session *session, struct tfl_error *error);

#endif
