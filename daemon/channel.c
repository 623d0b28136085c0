/* SPDX-License-Identifier: MIT */
/*
 * The queue is a list of chunks, filled at the end and sent from the front. While it is empty, senders write to the socket themselves
 * under the lock (so frames stay whole); as soon as something waits, everybody appends and only the loop writes.
 *
 * Always, under the lock: queued is the number of bytes in the chunks; their capacity is charged to the account; after a fault there is
 * no chunk and nothing is sent.
 *
 * Cost on the steady path: the lock, once for the job's entry, once for sending, once for the job's leave, uncontended; one sendmsg().
 * Allocation only where a peer reads too slowly.
 */
#include "daemon/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/util.h"
#include "daemon/account.h"
#include "daemon/job.h"
#include "daemon/outbox.h"
#include "proto/writer.h"

struct tfl_chunk {
	struct tfl_chunk *next;
	size_t start, end, capacity;
	unsigned char data[];
};

static size_t chunk_bytes(size_t capacity)
{
	return sizeof(struct tfl_chunk) + capacity;
}

int tfl_channel_create(int fd, struct tfl_account *account, struct tfl_outbox *outbox, size_t limit, void *owner,
		       struct tfl_channel **ret_channel)
{
	struct tfl_channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return -ENOMEM;
	pthread_mutex_init(&channel->lock, NULL);
	atomic_init(&channel->refs, 1);
	channel->fd = fd;
	channel->account = account;
	channel->outbox = outbox;
	channel->limit = limit;
	channel->owner = owner;
	*ret_channel = channel;
	return 0;
}

struct tfl_channel *tfl_channel_ref(struct tfl_channel *channel)
{
	atomic_fetch_add_explicit(&channel->refs, 1, memory_order_relaxed);
	return channel;
}

/* Frees the first chunk and gives its memory back to the account. */
static void drop_first(struct tfl_channel *channel)
{
	struct tfl_chunk *chunk = channel->first;

	channel->first = chunk->next;
	if (!channel->first)
		channel->last = NULL;
	channel->queued -= chunk->end - chunk->start;
	tfl_account_release(channel->account, TFL_QUOTA_BYTES, chunk_bytes(chunk->capacity));
	free(chunk);
}

static void drop_queue(struct tfl_channel *channel)
{
	while (channel->first)
		drop_first(channel);
}

void tfl_channel_unref(struct tfl_channel *channel)
{
	struct tfl_job *job;

	if (!channel || atomic_fetch_sub_explicit(&channel->refs, 1, memory_order_acq_rel) != 1)
		return;
	assert(!channel->flight && channel->pending == 0);
	drop_queue(channel);
	while ((job = channel->idle)) {
		channel->idle = job->next;
		free(job);
	}
	pthread_mutex_destroy(&channel->lock);
	tfl_close(channel->fd);
	tfl_account_unref(channel->account);
	free(channel);
}

/* Nothing can be sent any more; the loop will close the connection. */
static int fail(struct tfl_channel *channel, int fault)
{
	channel->fault = fault;
	drop_queue(channel);
	tfl_outbox_add(channel->outbox, channel);
	return fault;
}

static int append(struct tfl_channel *channel, const unsigned char *data, size_t size)
{
	struct tfl_chunk *last = channel->last;
	size_t part = last ? last->capacity - last->end : 0, capacity;

	part = part < size ? part : size;
	if (part > 0) {
		memcpy(last->data + last->end, data, part);
		last->end += part;
		channel->queued += part;
	}
	if (part == size)
		return 0;
	capacity = size - part > TFL_OUTPUT_CHUNK ? size - part : TFL_OUTPUT_CHUNK;
	if (tfl_account_charge(channel->account, TFL_QUOTA_BYTES, chunk_bytes(capacity), NULL) < 0)
		return -EDQUOT;
	last = malloc(chunk_bytes(capacity));
	if (!last) {
		tfl_account_release(channel->account, TFL_QUOTA_BYTES, chunk_bytes(capacity));
		return -ENOMEM;
	}
	*last = (struct tfl_chunk){.end = size - part, .capacity = capacity};
	memcpy(last->data, data + part, size - part);
	if (channel->last)
		channel->last->next = last;
	else
		channel->first = last;
	channel->last = last;
	channel->queued += size - part;
	return 0;
}

/* Queues the frame without its first @p sent bytes, which the socket took. */
static int enqueue(struct tfl_channel *channel, const struct iovec *iov, unsigned count, size_t sent)
{
	bool was_empty = channel->queued == 0;
	int r;

	/* The limit is for what lay unread before: a frame is taken whole or not at all. */
	if (channel->queued >= channel->limit)
		return fail(channel, -EDQUOT);
	for (unsigned i = 0; i < count; i++) {
		size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;

		sent -= skip;
		r = append(channel, (const unsigned char *)iov[i].iov_base + skip, iov[i].iov_len - skip);
		if (r < 0)
			return fail(channel, r);
	}
	if (was_empty && channel->queued > 0)
		tfl_outbox_add(channel->outbox, channel);
	return 0;
}

/* Bytes that the socket took, 0 when it is full, -errno when the peer is gone. */
static ssize_t transmit(int fd, const struct iovec *iov, unsigned count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = count};
	ssize_t sent;

	do {
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	return sent;
}

static int send_locked(struct tfl_channel *channel, const struct iovec *iov, unsigned count)
{
	ssize_t sent = 0;

	if (channel->fault)
		return channel->fault;
	if (!channel->first)
		sent = transmit(channel->fd, iov, count);
	if (sent < 0)
		return fail(channel, (int)sent);
	return enqueue(channel, iov, count, (size_t)sent);
}

int tfl_channel_send(struct tfl_channel *channel, const struct iovec *iov, unsigned count)
{
	int r;

	pthread_mutex_lock(&channel->lock);
	r = send_locked(channel, iov, count);
	pthread_mutex_unlock(&channel->lock);
	return r;
}

int tfl_channel_send_writer(struct tfl_channel *channel, struct tfl_writer *writer)
{
	struct iovec *iov;
	unsigned count;

	if (tfl_writer_check(writer, NULL) < 0)
		return -EINVAL;
	tfl_writer_iovec(writer, 0, &iov, &count);
	return tfl_channel_send(channel, iov, count);
}

void tfl_channel_hold(struct tfl_channel *channel)
{
	tfl_channel_ref(channel);
	pthread_mutex_lock(&channel->lock);
	channel->pending++;
	pthread_mutex_unlock(&channel->lock);
}

void tfl_channel_settle(struct tfl_channel *channel)
{
	if (--channel->pending == 0 && channel->draining)
		tfl_outbox_add(channel->outbox, channel);
}

void tfl_channel_release(struct tfl_channel *channel)
{
	pthread_mutex_lock(&channel->lock);
	tfl_channel_settle(channel);
	pthread_mutex_unlock(&channel->lock);
	tfl_channel_unref(channel);
}

/* At most this many chunks for one wake-up, so that one connection that reads eagerly cannot keep the loop to itself. */
#define CHUNKS_PER_FLUSH 16

void tfl_channel_flush(struct tfl_channel *channel, struct tfl_channel_state *ret_state)
{
	size_t total = 0;

	pthread_mutex_lock(&channel->lock);
	for (unsigned i = 0; i < CHUNKS_PER_FLUSH && channel->first; i++) {
		struct tfl_chunk *chunk = channel->first;
		struct iovec iov = {chunk->data + chunk->start, chunk->end - chunk->start};
		ssize_t sent = transmit(channel->fd, &iov, 1);

		if (sent <= 0) {
			if (sent < 0)
				fail(channel, (int)sent);
			break;
		}
		total += (size_t)sent;
		chunk->start += (size_t)sent;
		channel->queued -= (size_t)sent;
		if (chunk->start == chunk->end)
			drop_first(channel);
	}
	*ret_state = (struct tfl_channel_state){.queued = channel->queued, .sent = total, .pending = channel->pending, .fault = channel->fault};
	pthread_mutex_unlock(&channel->lock);
}

void tfl_channel_drain(struct tfl_channel *channel)
{
	pthread_mutex_lock(&channel->lock);
	channel->draining = true;
	pthread_mutex_unlock(&channel->lock);
}

bool tfl_channel_close(struct tfl_channel *channel)
{
	bool cancelled;

	pthread_mutex_lock(&channel->lock);
	if (!channel->fault)
		channel->fault = -EPIPE;
	drop_queue(channel);
	for (struct tfl_job *job = channel->flight; job; job = job->flight_next)
		atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
	cancelled = channel->flight != NULL;
	pthread_mutex_unlock(&channel->lock);
	shutdown(channel->fd, SHUT_RDWR);
	return cancelled;
}
