/* SPDX-License-Identifier: MIT */
/*
 * A call: one request from its start until its owner has its result. Lives in the request object, or on the stack of a management call.
 *
 *	IDLE     nobody's: not started, or over
 *	QUEUED   in the client's queue; `sent` of its bytes are out
 *	SENT     all of it is out; its reply is awaited
 *	ENDED    has its reply or its failure; a waiting thread, or dispatch, takes it from here
 *
 * From QUEUED to ENDED a call is the client's: every member is under the client's lock. Before and after it is its owner's. Internal.
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/clock.h"
#include "client/tflclient.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/view.h"

struct tfl_writer;

enum tfl_call_state { TFL_CALL_IDLE, TFL_CALL_QUEUED, TFL_CALL_SENT, TFL_CALL_ENDED };

struct tfl_call {
	/* Set by the owner before the start. */
	uint32_t msgid;               /* these three by tfl_client_begin() */
	int64_t begun_at;
	struct tfl_deadline deadline;
	int passed_fd;                /* -1: none */
	bool cancellable;             /* the daemon knows how to cancel it */
	bool subscribes;              /* its answer begins the client's subscription */
	struct tfl_writer *writer;    /* holds the whole, checked frame with this msgid */
	struct tfl_call_error *error; /* for a failure; may be NULL */
	/* Takes the encoded result of a call that succeeded; it is valid only during the function. Fails as any call. */
	int (*take)(struct tfl_call *call, struct tfl_slice result, struct tfl_call_error *error);
	/* For submitted calls: how it went, without the lock. NULL: a thread waits for it. */
	void (*done)(struct tfl_call *call, int result);

	/* The client's. */
	struct tfl_client *client; /* NULL in IDLE */
	enum tfl_call_state state;
	struct tfl_call *next, *prev;   /* in the queue, or among the ended */
	struct tfl_call *bucket_next;   /* in the table */
	size_t sent;
	bool moved;                     /* its first connection was lost before a byte of it was out */
	int64_t reach_until;            /* while there is no connection: how long it waits for one */
	pthread_cond_t *wake;           /* of the thread that waits for it; NULL while that is awake or leads */
	uint64_t number;                /* counts the ended */
	int64_t ended_at;
	int result;                     /* of a call that ended without a reply */
	struct tfl_frame frame;         /* the reply's; without data there was none */
	struct tfl_message message;     /* views into it */
};

/** What became of an ended call, which is its owner's again: takes the result, or tells the failure. Without the lock. */
int tfl_call_finish(struct tfl_call *call);

/* Calls in a row. Zeroed memory is an empty list. */
struct tfl_call_list {
	struct tfl_call *first, *last;
};

void tfl_call_list_add(struct tfl_call_list *list, struct tfl_call *call);
void tfl_call_list_remove(struct tfl_call_list *list, struct tfl_call *call);

#define TFL_CALLS_FIRST 16u

/*
 * Calls by msgid. Ids count up, so their last bits spread them evenly. Adding cannot fail: without memory for more buckets the chains
 * become longer.
 */
struct tfl_calls {
	struct tfl_call *first[TFL_CALLS_FIRST];
	struct tfl_call **buckets; /* first, or owned */
	unsigned bucket_count;     /* a power of two */
	unsigned count;
};

void tfl_calls_init(struct tfl_calls *calls);
void tfl_calls_finish(struct tfl_calls *calls);
void tfl_calls_add(struct tfl_calls *calls, struct tfl_call *call);
void tfl_calls_remove(struct tfl_calls *calls, struct tfl_call *call);

/** NULL: none of this id. */
struct tfl_call *tfl_calls_find(const struct tfl_calls *calls, uint32_t msgid);

/** Calls @p visit for each; it may remove that one. */
void tfl_calls_each(struct tfl_calls *calls, void (*visit)(struct tfl_call *call, void *data), void *data);

#endif
