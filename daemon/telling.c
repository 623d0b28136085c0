/* SPDX-License-Identifier: MIT */
/*
 * MessagePack says how many entries a map has before they come. So the tree is told twice: once to count, once to write.
 */
#include "daemon/telling.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/util.h"
#include "daemon/reply.h"
#include "daemon/version.h"
#include "proto/writer.h"
#include "runtime/tell.h"

/* ---- Counting ---- */

struct counter {
	struct tfl_teller teller;
	struct tfl_telling *telling;
	uint32_t open[TFL_FRAME_DEPTH_MAX]; /* indices into telling->counts of what is open */
	unsigned depth;
	int fault;
};

static struct counter *counter_of(struct tfl_teller *teller)
{
	return (struct counter *)teller;
}

static void count_entry(struct tfl_teller *teller)
{
	struct counter *counter = counter_of(teller);

	if (!counter->fault)
		counter->telling->counts[counter->open[counter->depth - 1]]++;
}

static void begin(struct counter *counter)
{
	struct tfl_telling *telling = counter->telling;
	uint32_t capacity = telling->capacity ? 2 * telling->capacity : 64, *counts;

	if (telling->used == telling->capacity) {
		counts = reallocarray(telling->counts, capacity, sizeof(*counts));
		if (!counts) {
			counter->fault = -ENOMEM;
			return;
		}
		telling->counts = counts;
		telling->capacity = capacity;
	}
	assert(counter->depth < TFL_ARRAY_SIZE(counter->open));
	counter->open[counter->depth++] = telling->used;
	telling->counts[telling->used++] = 0;
}

static void count_open(struct tfl_teller *teller, const char *key, bool map)
{
	struct counter *counter = counter_of(teller);

	count_entry(teller);
	if (!counter->fault)
		begin(counter);
}

static void count_close(struct tfl_teller *teller)
{
	struct counter *counter = counter_of(teller);

	if (!counter->fault)
		counter->depth--;
}

static void count_text(struct tfl_teller *teller, const char *key, const char *text)
{
	count_entry(teller);
}

static void count_integer(struct tfl_teller *teller, const char *key, int64_t value)
{
	count_entry(teller);
}

static void count_real(struct tfl_teller *teller, const char *key, double value)
{
	count_entry(teller);
}

static void count_boolean(struct tfl_teller *teller, const char *key, bool value)
{
	count_entry(teller);
}

/* ---- Writing ---- */

struct scribe {
	struct tfl_teller teller;
	const struct tfl_telling *telling;
	struct tfl_writer *writer;
	uint32_t next; /* into telling->counts */
};

static struct tfl_writer *write_key(struct tfl_teller *teller, const char *key)
{
	struct scribe *scribe = (struct scribe *)teller;

	if (key)
		tfl_writer_text(scribe->writer, key);
	return scribe->writer;
}

static void write_open(struct tfl_teller *teller, const char *key, bool map)
{
	struct scribe *scribe = (struct scribe *)teller;
	struct tfl_writer *writer = write_key(teller, key);
	uint32_t count = scribe->telling->counts[scribe->next++];

	if (map)
		tfl_writer_map(writer, count);
	else
		tfl_writer_array(writer, count);
}

static void write_close(struct tfl_teller *teller)
{
}

static void write_text(struct tfl_teller *teller, const char *key, const char *text)
{
	tfl_writer_string(write_key(teller, key), tfl_reply_name(text));
}

static void write_integer(struct tfl_teller *teller, const char *key, int64_t value)
{
	tfl_writer_int64(write_key(teller, key), value);
}

static void write_real(struct tfl_teller *teller, const char *key, double value)
{
	tfl_writer_double(write_key(teller, key), value);
}

static void write_boolean(struct tfl_teller *teller, const char *key, bool value)
{
	tfl_writer_bool(write_key(teller, key), value);
}

static void tell(struct tfl_teller *teller, const struct tfl_version *version)
{
	tfl_tell_model(teller, version->file, &version->labels, version->inputs, version->outputs);
	tfl_tell_signatures(teller, version->interface.entries, version->interface.count);
}

int tfl_telling_init(struct tfl_telling *telling, const struct tfl_version *version)
{
	struct counter counter = {
		.teller = {count_open, count_close, count_text, count_integer, count_real, count_boolean},
		.telling = telling,
	};

	*telling = (struct tfl_telling){.version = version};
	begin(&counter);
	tell(&counter.teller, version);
	return counter.fault;
}

void tfl_telling_finish(struct tfl_telling *telling)
{
	free(telling->counts);
	*telling = (struct tfl_telling){0};
}

uint32_t tfl_telling_count(const struct tfl_telling *telling)
{
	return telling->counts ? telling->counts[0] : 0;
}

void tfl_telling_write(const struct tfl_telling *telling, struct tfl_writer *writer)
{
	struct scribe scribe = {
		.teller = {write_open, write_close, write_text, write_integer, write_real, write_boolean},
		.telling = telling,
		.writer = writer,
		.next = 1,
	};

	tell(&scribe.teller, telling->version);
}
