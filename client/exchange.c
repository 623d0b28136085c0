/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait for calls over one connection. One of them, the leader, waits for the socket and takes whatever comes, the others'
 * replies too; the others, the followers, sleep until their call has ended or the leader leaves and wakes one of them to lead. So with one
 * thread there is nothing but its own system calls, and with many each reply still wakes only the thread that it is for.
 *
 * Always: when a thread waits, one leads, or one that was told to is on its way.
 */
#include <string.h>

#include "client/client.h"
#include "client/outcome.h"
#include "client/traffic.h"

/* A thread that sleeps; on its stack. */
struct tfl_follower {
	struct tfl_follower *next, **link;
	pthread_cond_t wake;
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One wait of the leader that begins at @p now, and what came of it. */
static void lead(struct tfl_client *client, struct tfl_call *call, int64_t now)
{
	int64_t until = client->unread ? now : earlier(call->deadline.at, client->retry.at);
	struct tfl_call_error error;
	int r;

	client->leader = call;
	pthread_mutex_unlock(&client->lock);
	r = tfl_waits_wait(&client->waits, now, until);
	pthread_mutex_lock(&client->lock);
	client->leader = NULL;
	client->unread = true;
	if (call->state == TFL_CALL_ENDED)
		return; /* whoever leads next reads what this wait was told of */
	if (r < 0) {
		r = tfl_call_fail(&error, TFL_INTERNAL, "cannot wait for the daemon: %s", strerror(-r));
		tfl_traffic_abandon(client, call, r, &error);
		return;
	}
	tfl_traffic_step(client, tfl_clock_now());
}

static void init_wake(pthread_cond_t *wake)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(wake, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void follow(struct tfl_client *client, struct tfl_call *call)
{
	struct tfl_follower follower = {.next = client->followers, .link = &client->followers};
	struct timespec until;

	init_wake(&follower.wake);
	if (follower.next)
		follower.next->link = &follower.next;
	client->followers = &follower;
	call->wake = &follower.wake;
	if (call->deadline.at == TFL_NO_DEADLINE) {
		pthread_cond_wait(&follower.wake, &client->lock);
	} else {
		until = tfl_clock_timespec(call->deadline.at);
		pthread_cond_timedwait(&follower.wake, &client->lock, &until);
	}
	call->wake = NULL;
	*follower.link = follower.next;
	if (follower.next)
		follower.next->link = follower.link;
	pthread_cond_destroy(&follower.wake);
}

int tfl_client_exchange(struct tfl_client *client, struct tfl_call *call)
{
	int64_t now = call->begun_at;

	pthread_mutex_lock(&client->lock);
	tfl_traffic_enter(client, call);
	while (call->state != TFL_CALL_ENDED) {
		if (client->leader)
			follow(client, call);
		else
			lead(client, call, now);
		if (call->state == TFL_CALL_ENDED)
			break;
		now = tfl_clock_now();
		if (call->deadline.at <= now)
			tfl_traffic_expire(client, call);
	}
	call->state = TFL_CALL_IDLE;
	call->client = NULL;
	if (!client->leader && client->followers)
		pthread_cond_signal(&client->followers->wake);
	pthread_mutex_unlock(&client->lock);
	return tfl_call_finish(call);
}
