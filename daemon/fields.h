/* SPDX-License-Identifier: MIT */
/* Key and value of a map in a reply, in one call. */
#ifndef DAEMON_FIELDS_H
#define DAEMON_FIELDS_H

#include "daemon/reply.h"
#include "proto/writer.h"

static inline void tfl_field_text(struct tfl_writer *writer, const char *key, const char *text)
{
	tfl_writer_text(writer, key);
	tfl_writer_string(writer, tfl_reply_name(text));
}

static inline void tfl_field_uint(struct tfl_writer *writer, const char *key, uint64_t value)
{
	tfl_writer_text(writer, key);
	tfl_writer_uint64(writer, value);
}

static inline void tfl_field_bool(struct tfl_writer *writer, const char *key, bool value)
{
	tfl_writer_text(writer, key);
	tfl_writer_bool(writer, value);
}

static inline void tfl_field_double(struct tfl_writer *writer, const char *key, double value)
{
	tfl_writer_text(writer, key);
	tfl_writer_double(writer, value);
}

/** The key and the header of a map (an array) with @p count entries, which have to follow. */
static inline void tfl_field_map(struct tfl_writer *writer, const char *key, uint32_t count)
{
	tfl_writer_text(writer, key);
	tfl_writer_map(writer, count);
}

static inline void tfl_field_array(struct tfl_writer *writer, const char *key, uint32_t count)
{
	tfl_writer_text(writer, key);
	tfl_writer_array(writer, count);
}

#endif
