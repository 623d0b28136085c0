/* SPDX-License-Identifier: MIT */
/*
 * Frames out of a byte stream: a 4-byte big-endian length, then so many bytes. No I/O here: the owner asks where to receive to, receives,
 * says how much came, and takes frames until there is none:
 *
 *	r = tfl_assembler_space(a, &space, &size, error);      then recv(fd, space, size)
 *	tfl_assembler_fill(a, received);
 *	while ((r = tfl_assembler_next(a, &frame, error)) > 0)
 *		hand on frame;
 *
 * Small frames are received many at a time into one buffer of the assembler and copied into memory of their own; a frame that does not fit
 * there is received straight into its own memory. That memory grows with the bytes that arrived (to at most four times as many, 64 KiB at
 * least), never with the announced length alone, and every growth is charged before it is allocated.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct tfl_error;

/*
 * Who pays for the memory. charge() returns 0, or -EDQUOT when the account is full; release() gives back. Both NULL: nobody counts. Frames
 * are released on other threads than they were charged on, so both must be safe to call from any thread, and @p data must outlive every
 * frame of the assembler.
 */
struct tfl_charge {
	int (*charge)(void *data, size_t bytes);
	void (*release)(void *data, size_t bytes);
	void *data;
};

/*
 * One frame's body (the length in front is gone). Owns its memory, and is moved by plain assignment. Belongs to one thread at a time, which
 * need not be the one of the assembler. Zeroed memory is a finished frame.
 */
struct tfl_frame {
	uint8_t *data;
	size_t size;
	size_t charged; /* bytes that stand in the account */
	struct tfl_charge charge;
};

/** Frees and gives back what was charged. From any thread; NULL and a finished frame are allowed. */
void tfl_frame_finish(struct tfl_frame *frame);

/**
 * Gives back what was charged though the memory stays (frame->charged goes on to say how much that is): for a frame that outlives its
 * account, and that the caller bounds by other means. From any thread.
 */
void tfl_frame_disown(struct tfl_frame *frame);

/* Belongs to one thread at a time. Its members are private. */
struct tfl_assembler {
	size_t frame_max;
	struct tfl_charge charge;
	uint8_t *stage; /* TFL_RECEIVE_BUFFER bytes from the first space() on */
	size_t start, end;
	struct tfl_frame own; /* the frame that did not fit into the stage; own.size is its announced length, own.charged its memory */
	size_t own_filled;
};

/** Allocates nothing yet. @p frame_max: longest body (TFL_FRAME_MAX); at least 1. @p charge is copied; NULL: nobody counts. */
void tfl_assembler_init(struct tfl_assembler *assembler, size_t frame_max, const struct tfl_charge *charge);

/** Frees what was received and not taken. Frames that were taken live on. Idempotent. */
void tfl_assembler_finish(struct tfl_assembler *assembler);

/**
 * Where the next bytes of the stream go: *ret_size (at least 1) bytes at *ret_space, valid until the next call on @p assembler. To be
 * called when tfl_assembler_next() has said 0.
 *
 * Errors: -ENOMEM, -EDQUOT (nothing changed: may be repeated when memory or quota came back), -EMSGSIZE as tfl_assembler_next(),
 * -ENOBUFS (complete frames fill the buffer: take them first).
 */
int tfl_assembler_space(struct tfl_assembler *assembler, uint8_t **ret_space, size_t *ret_size, struct tfl_error *error);

/** @p size bytes were received at the place that tfl_assembler_space() named; at most as many as it said. */
void tfl_assembler_fill(struct tfl_assembler *assembler, size_t size);

/**
 * The next whole frame. 1: *ret_frame is filled and belongs to the caller. 0: more bytes are needed.
 *
 * Errors: -EMSGSIZE (the announced length is 0 or past frame_max; the stream cannot be read on, and every later call says the same),
 * -ENOMEM, -EDQUOT (nothing changed: may be repeated).
 */
int tfl_assembler_next(struct tfl_assembler *assembler, struct tfl_frame *ret_frame, struct tfl_error *error);

/** Bytes that were received and are not a whole frame yet; not 0 at the stream's end means that it was cut. */
size_t tfl_assembler_pending(const struct tfl_assembler *assembler);

#endif
