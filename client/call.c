/* SPDX-License-Identifier: MIT */
/*
 * Lists and the table hold calls by links inside of them: starting a call allocates nothing but, now and then, a larger table.
 */
#include "client/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/outcome.h"

/* Calls in a bucket before the table grows. */
#define CHAIN 2

int tfl_call_finish(struct tfl_call *call)
{
	const struct tfl_message *message = &call->message;
	int r = call->result;

	if (!call->frame.data)
		return r;
	r = message->failed ? tfl_call_report(call->error, &message->failure) : call->take(call, message->result, call->error);
	tfl_frame_finish(&call->frame);
	return r;
}

void tfl_call_list_add(struct tfl_call_list *list, struct tfl_call *call)
{
	call->next = NULL;
	call->prev = list->last;
	if (list->last)
		list->last->next = call;
	else
		list->first = call;
	list->last = call;
}

void tfl_call_list_remove(struct tfl_call_list *list, struct tfl_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		list->first = call->next;
	if (call->next)
		call->next->prev = call->prev;
	else
		list->last = call->prev;
	call->next = call->prev = NULL;
}

void tfl_calls_init(struct tfl_calls *calls)
{
	*calls = (struct tfl_calls){.bucket_count = TFL_CALLS_FIRST};
	calls->buckets = calls->first;
}

void tfl_calls_finish(struct tfl_calls *calls)
{
	if (calls->buckets != calls->first)
		tfl_freep(&calls->buckets);
}

static struct tfl_call **bucket_of(const struct tfl_calls *calls, uint32_t msgid)
{
	return &calls->buckets[msgid & (calls->bucket_count - 1)];
}

static void put(struct tfl_calls *calls, struct tfl_call *call)
{
	struct tfl_call **bucket = bucket_of(calls, call->msgid);

	call->bucket_next = *bucket;
	*bucket = call;
}

static void grow(struct tfl_calls *calls)
{
	struct tfl_call **old = calls->buckets, *call, *next;
	unsigned old_count = calls->bucket_count;
	struct tfl_call **buckets = calloc(2 * (size_t)old_count, sizeof(struct tfl_call *));

	if (!buckets)
		return;
	calls->buckets = buckets;
	calls->bucket_count = 2 * old_count;
	for (unsigned i = 0; i < old_count; i++) {
		for (call = old[i]; call; call = next) {
			next = call->bucket_next;
			put(calls, call);
		}
	}
	if (old != calls->first)
		free(old);
}

void tfl_calls_add(struct tfl_calls *calls, struct tfl_call *call)
{
	if (calls->count >= CHAIN * calls->bucket_count && calls->bucket_count <= UINT32_MAX / 4)
		grow(calls);
	put(calls, call);
	calls->count++;
}

void tfl_calls_remove(struct tfl_calls *calls, struct tfl_call *call)
{
	struct tfl_call **at = bucket_of(calls, call->msgid);

	while (*at != call)
		at = &(*at)->bucket_next;
	*at = call->bucket_next;
	calls->count--;
}

struct tfl_call *tfl_calls_find(const struct tfl_calls *calls, uint32_t msgid)
{
	struct tfl_call *call = *bucket_of(calls, msgid);

	while (call && call->msgid != msgid)
		call = call->bucket_next;
	return call;
}

void tfl_calls_each(struct tfl_calls *calls, void (*visit)(struct tfl_call *call, void *data), void *data)
{
	struct tfl_call *call, *next;

	for (unsigned i = 0; i < calls->bucket_count; i++) {
		for (call = calls->buckets[i]; call; call = next) {
			next = call->bucket_next;
			visit(call, data);
		}
	}
}
