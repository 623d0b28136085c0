/* SPDX-License-Identifier: MIT */
/*
 * What keeps a client's calls moving. Every function is called with the client's lock held and never waits: where there is nothing to send
 * to or to read from it leaves, and the client's waits (waits.h) say when to come again. Internal.
 */
#ifndef CLIENT_TRAFFIC_H
#define CLIENT_TRAFFIC_H

#include <stdint.h>

struct tfl_call;
struct tfl_call_error;
struct tfl_client;

/** Takes over a call that was begun, which may have ended when this returns. */
void tfl_traffic_enter(struct tfl_client *client, struct tfl_call *call);

/** Does what can be done at @p now: connects if that is due, sends, reads a bounded amount, ends submitted calls that are too late. */
void tfl_traffic_step(struct tfl_client *client, int64_t now);

/** When the next step is due though nothing came from the daemon; TFL_NO_DEADLINE: never. */
int64_t tfl_traffic_due(const struct tfl_client *client);

/** Ends a QUEUED or SENT call whose time is over. */
void tfl_traffic_expire(struct tfl_client *client, struct tfl_call *call);

/**
 * Ends a QUEUED or SENT call with the failure @p reason and its @p result, and sees to it that the daemon hears of it where it has to and
 * the stream stays sound.
 */
void tfl_traffic_abandon(struct tfl_client *client, struct tfl_call *call, int result, const struct tfl_call_error *reason);

/** Closes the connection, and ends all calls with the failure @p reason and its @p result. */
void tfl_traffic_close(struct tfl_client *client, int result, const struct tfl_call_error *reason);

#endif
