/* SPDX-License-Identifier: MIT */
/*
 * The client object: what several threads share, under one lock. The lock is never held while anything waits or a callback runs.
 *
 *	traffic.c   moves bytes and calls along; whoever holds the lock and has a reason calls it
 *	exchange.c  calls that a thread waits for
 *	submit.c    calls whose end a callback hears of
 *	subscribe.c notifications of changes
 *
 * Internal.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "client/call.h"
#include "client/connection.h"
#include "client/tflclient.h"
#include "client/waits.h"

/* Bytes to send that are no call's: cancellations, and what is left of a frame that was given up half sent. */
struct tfl_own_bytes {
	uint8_t *data;
	size_t size, sent;
};

/* A connection that was lost and is wanted again. */
struct tfl_retry {
	int64_t at;   /* next attempt; TFL_NO_DEADLINE: none is planned */
	int pause_ms; /* between the next two */
	int result;   /* of the last attempt … */
	struct tfl_call_error error; /* … and its sentence */
};

/* A change that the daemon told of, until dispatch hands it over. */
struct tfl_event {
	struct tfl_event *next;
	struct tfl_value *value;
	size_t size; /* bytes that it came in */
};

/* Of tfl_client_subscribe(). */
struct tfl_subscription {
	tfl_change_callback callback; /* NULL: there is none */
	void *userdata;
	struct tfl_event *first, *last;
	unsigned count;
	size_t bytes;
	bool begun; /* the daemon has agreed … */
	bool ended; /* … and behind these nothing more comes, which is to be told */
};

/* That wait for dispatch, and bytes that they came in; a program that takes none loses its subscription. */
#define TFL_EVENTS_MAX 1024
#define TFL_EVENTS_BYTES_MAX (4u << 20)

struct tfl_follower;

struct tfl_client {
	/* Immutable. */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int reconnect_ms; /* negative: never */
	size_t queue_max; /* bytes */

	/* Under the lock. */
	pthread_mutex_t lock;
	int timeout_ms;   /* negative: no limit */
	bool timeout_set; /* timeout_ms is the caller's, not the default */
	uint32_t last_msgid;
	struct tfl_connection connection;
	struct tfl_waits waits;
	struct tfl_retry retry;
	struct tfl_calls calls;      /* QUEUED and SENT */
	struct tfl_call_list queue;  /* QUEUED; only the first may be sent in part */
	size_t queued_bytes;         /* their frames */
	unsigned awaiting;           /* SENT */
	bool unread;                 /* something may be there to be read or sent that the leader's wait will not tell again */
	struct tfl_own_bytes own;    /* go between two calls */

	/* Threads that wait for calls: one leads, which is to say waits for the socket on behalf of all, and the others wait for it. */
	struct tfl_call *leader;        /* its call, while it waits without the lock */
	struct tfl_follower *followers; /* exchange.c */

	/* Submitted calls. */
	struct tfl_call_list ended; /* wait for dispatch */
	uint64_t ended_count;       /* since ever */
	unsigned submitted;         /* whose callback has not begun */
	int64_t next_deadline;      /* not after the first of theirs */
	unsigned dispatching;       /* dispatches under way, one inside of another too */
	struct tfl_subscription subscription;
	bool closing;               /* being destroyed: nothing new is taken */
};

/* subscribe.c; all with the lock */

/** Queues what a notification tells. */
void tfl_client_tell_change(struct tfl_client *client, struct tfl_slice params);

/** The daemon has agreed: from here on its notifications are for the callback, if there still is one. */
void tfl_client_begin_subscription(struct tfl_client *client);

/** The connection is over, and with it the subscription. */
void tfl_client_end_subscription(struct tfl_client *client);

/** Whether something waits for the callback. */
bool tfl_client_has_events(const struct tfl_client *client);

/** Runs the callback for what has come, without the lock meanwhile; how many times. */
int tfl_client_run_events(struct tfl_client *client);

/** Forgets the callback and what waits for it. */
void tfl_client_drop_subscription(struct tfl_client *client);

/** Frees a client without calls. */
void tfl_client_free(struct tfl_client *client);

/**
 * Begins @p call: it gets its id, and its deadline after @p timeout_ms (0: the client's); *ret_told: whether that is the caller's wish and
 * not the default. -EINVAL when it is under way already, -ECANCELED when the client is being destroyed; both without a sentence, because
 * the place for it may be in use.
 */
int tfl_client_begin(struct tfl_client *client, struct tfl_call *call, int timeout_ms, bool *ret_told);

/**
 * Sends the call, over a new connection where that is needed and allowed, and waits for its end. 0, or the failure that call->error tells.
 * The frame is sent at most once: it moves to another connection only where not a byte of it had left.
 */
int tfl_client_exchange(struct tfl_client *client, struct tfl_call *call);

/** Sends the call, or queues it. On success call->done() runs once, in a dispatch. -ENOBUFS with a sentence when too much waits. */
int tfl_client_start(struct tfl_client *client, struct tfl_call *call);

/** Ends @p call with TFL_CANCELLED. -ENOENT when it is not under way with @p client. */
int tfl_client_give_up(struct tfl_client *client, struct tfl_call *call);

/** Takes a submitted call back without a word to anybody but the daemon. Does nothing with a call that is IDLE. */
void tfl_client_forget(struct tfl_call *call);

#endif
