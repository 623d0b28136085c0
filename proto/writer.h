/* SPDX-License-Identifier: MIT */
/*
 * Builds one frame at a time: MessagePack values in the order they are written, the length in front. Large binary data is not copied but
 * referred to, so that one sendmsg() carries it from where it lies.
 *
 * Writing functions return nothing. The first fault sticks, later writes do nothing, and tfl_writer_check() tells at the end, so
 * callers write without looking. The writer counts the entries of maps and arrays: a frame that passed the check is one whole message
 * within the limits that the reader on the other side demands.
 *
 * A writer belongs to one thread at a time. Memory is kept from frame to frame: on a steady path nothing is allocated.
 */
#ifndef PROTO_WRITER_H
#define PROTO_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/limits.h"
#include "proto/view.h"

struct tfl_error;

struct tfl_writer_ref {
	size_t offset; /* in the buffer: the bytes stand before what is there */
	struct tfl_slice bytes;
};

/* Members are private. Zeroed memory is a writer without memory, ready for tfl_writer_begin(). */
struct tfl_writer {
	uint8_t *buffer; /* the frame's length, then what was written by copy */
	size_t used, capacity;
	size_t referred; /* bytes in refs */
	struct tfl_writer_ref refs[TFL_WRITER_REFS_MAX];
	unsigned ref_count;
	struct iovec iov[2 * TFL_WRITER_REFS_MAX + 1];
	struct {
		uint32_t left; /* values that it still waits for; even: a key is next, if it is a map */
		bool map;
	} open[TFL_FRAME_DEPTH_MAX];
	unsigned depth;
	uint32_t values; /* written so far; the first is the root, and there is no second one outside of it */
	int fault;
	const char *fault_text;
};

void tfl_writer_init(struct tfl_writer *writer);

/** Frees. NULL allowed, idempotent; the writer may begin again. */
void tfl_writer_finish(struct tfl_writer *writer);

/** Starts a new frame; what stood there is gone, its references too. Keeps up to TFL_WRITER_KEEP_MAX bytes of memory. */
void tfl_writer_begin(struct tfl_writer *writer);

/** The header; @p count pairs (elements) have to follow. */
void tfl_writer_map(struct tfl_writer *writer, uint32_t count);
void tfl_writer_array(struct tfl_writer *writer, uint32_t count);

/** Text must be UTF-8 without NUL bytes (fault -EILSEQ otherwise: the other side would refuse it). A string not given is written as nil. */
void tfl_writer_string(struct tfl_writer *writer, struct tfl_string string);
void tfl_writer_text(struct tfl_writer *writer, const char *text);

/** Binary data, copied. */
void tfl_writer_binary(struct tfl_writer *writer, const void *data, size_t size);

/**
 * Binary data, by reference from TFL_WRITER_REF_MIN bytes on (as long as there are references left, else copied). @p data must stay as it
 * is until the frame was sent or copied out, or the next tfl_writer_begin().
 */
void tfl_writer_binary_ref(struct tfl_writer *writer, const void *data, size_t size);

void tfl_writer_uint64(struct tfl_writer *writer, uint64_t value);
void tfl_writer_int64(struct tfl_writer *writer, int64_t value);
void tfl_writer_double(struct tfl_writer *writer, double value);
void tfl_writer_bool(struct tfl_writer *writer, bool value);
void tfl_writer_nil(struct tfl_writer *writer);

/**
 * How it went, to be asked once at the end: 0; -ENOMEM; -EMSGSIZE (past TFL_FRAME_MAX); -EILSEQ (text is not UTF-8); -EPROTO (entries are
 * missing or too many, a key is no string, too deep: a mistake of the caller). After a failure there is nothing to send.
 */
int tfl_writer_check(const struct tfl_writer *writer, struct tfl_error *error);

/** Bytes of the frame, its 4-byte length among them. */
size_t tfl_writer_size(const struct tfl_writer *writer);

/**
 * The frame for sendmsg(), without its first @p sent bytes (at most tfl_writer_size()), for a checked frame. The vector belongs to the
 * writer and is valid until the next call on it. At most 2 * TFL_WRITER_REFS_MAX + 1 entries, none empty; 0 when all is sent.
 */
void tfl_writer_iovec(struct tfl_writer *writer, size_t sent, struct iovec **ret_iov, unsigned *ret_count);

/** Copies the frame without its first @p sent bytes to @p ret_bytes, which has room for tfl_writer_size() - sent; for a checked frame. */
void tfl_writer_copy(struct tfl_writer *writer, size_t sent, void *ret_bytes);

/** What was written without the frame's length, for a file: as bytes that the caller frees. As tfl_writer_check(), or -ENOMEM. */
int tfl_writer_take_value(struct tfl_writer *writer, void **ret_data, size_t *ret_size);

#endif
