/* SPDX-License-Identifier: MIT */
/* A caller's event loop over one client, requests whose answers can be told apart, and the scene of most tests with them. */
#ifndef TESTS_CLIENT_LOOP_H
#define TESTS_CLIENT_LOOP_H

#include <stdbool.h>

#include "client/tflclient.h"
#include "tests/client/fake.h"

/* A request, and what its callback saw. */
struct ticket {
	struct tfl_client *client;
	struct tfl_infer *infer;
	float number; /* its input */
	unsigned calls;
	int result;
	unsigned order; /* among all callbacks, from 1 */
	unsigned turn;  /* of the loop, from 1; what is due by then is called back in any order */
	void (*then)(struct ticket *ticket); /* called by the callback; may be NULL */
	void *data;
};

/** Makes the request with one number as its input; number 0 is not used. */
void ticket_init(struct ticket *ticket, struct tfl_client *client, float number);

/** Submits it, which has to work. */
void ticket_submit(struct ticket *ticket);

/** Its callback ran once, with this result; where that is 0, with its own number as the output. */
void ticket_expect(const struct ticket *ticket, int result);

void ticket_finish(struct ticket *ticket);

#define TICKETS 50

/* One fake, one client, some tickets. */
struct scene {
	struct fake fake;
	struct tfl_client *client;
};

extern struct scene scene;
extern struct ticket tickets[TICKETS];

/** Starts the fake with @p serve, connects, and makes @p count tickets, numbered from 1. */
void scene_start(void (*serve)(struct fake *fake, unsigned connection), int timeout_ms, int reconnect_ms, unsigned count);
void tickets_make(unsigned count);

void scene_stop(unsigned count);

/** Waits until the fake has been told of @p count cancellations, and fails for more. */
void scene_wait_cancels(unsigned count);

/** A callback that must not run. */
void no_callback(struct tfl_infer *infer, int result, void *userdata);

/** One dispatch, which is one turn of the loop, and waits for nobody. What it returns. */
int loop_dispatch(struct tfl_client *client);

/** Polls and dispatches until no request is pending. Fails when nothing happens for some seconds. */
void loop_run(struct tfl_client *client);

/** Whether the client's descriptor is readable, or becomes so within @p timeout_ms. */
bool loop_readable(struct tfl_client *client, int timeout_ms);

#endif
