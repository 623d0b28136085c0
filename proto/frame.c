/* SPDX-License-Identifier: MIT */
/*
 * The stage holds bytes [start, end) of the stream, beginning with a frame's length. A frame that fits into the stage waits there until it
 * is whole and leaves as a copy. One that does not becomes `own` as soon as its length is known: what of it lies in the stage moves over,
 * the stage is empty from then on, and bytes are received behind the ones that own has.
 *
 * It always holds: own.charged is the size of the memory at own.data and stands in the account; own_filled <= own.charged <= own.size. So a
 * whole frame has no slack.
 */
#include "proto/frame.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"

#define LENGTH_SIZE 4u

static_assert(TFL_FRAME_STEP >= 4 * TFL_RECEIVE_BUFFER, "what was staged fits into the first own memory");

static int charge_bytes(const struct tfl_charge *charge, size_t bytes, struct tfl_error *error)
{
	int r = charge->charge ? charge->charge(charge->data, bytes) : 0;

	if (r < 0)
		tfl_error_set(error, r, "receiving needs %zu bytes, more than this user's quota has left: let requests in flight finish",
			      bytes);
	return r;
}

static void release_bytes(const struct tfl_charge *charge, size_t bytes)
{
	if (charge->release && bytes > 0)
		charge->release(charge->data, bytes);
}

/* Memory at *data from @p old to @p size bytes, the difference charged first. Nothing changed on failure. */
static int grow(const struct tfl_charge *charge, uint8_t **data, size_t old, size_t size, struct tfl_error *error)
{
	uint8_t *grown;
	int r;

	r = charge_bytes(charge, size - old, error);
	if (r < 0)
		return r;
	grown = realloc(*data, size);
	if (!grown) {
		release_bytes(charge, size - old);
		return tfl_error_set(error, -ENOMEM, "no memory for %zu bytes of a frame", size);
	}
	*data = grown;
	return 0;
}

void tfl_frame_finish(struct tfl_frame *frame)
{
	if (!frame)
		return;
	tfl_freep(&frame->data);
	release_bytes(&frame->charge, frame->charged);
	*frame = (struct tfl_frame){0};
}

void tfl_frame_disown(struct tfl_frame *frame)
{
	release_bytes(&frame->charge, frame->charged);
	frame->charge = (struct tfl_charge){0};
}

void tfl_assembler_init(struct tfl_assembler *assembler, size_t frame_max, const struct tfl_charge *charge)
{
	assert(frame_max > 0);
	*assembler = (struct tfl_assembler){.frame_max = frame_max};
	if (charge)
		assembler->charge = *charge;
}

void tfl_assembler_finish(struct tfl_assembler *assembler)
{
	if (!assembler)
		return;
	tfl_frame_finish(&assembler->own);
	if (assembler->stage)
		release_bytes(&assembler->charge, TFL_RECEIVE_BUFFER);
	tfl_freep(&assembler->stage);
	*assembler = (struct tfl_assembler){.frame_max = assembler->frame_max, .charge = assembler->charge};
}

static size_t staged(const struct tfl_assembler *assembler)
{
	return assembler->end - assembler->start;
}

/* The length of the staged frame. 1; 0 when it has not arrived; -EMSGSIZE. */
static int announced(const struct tfl_assembler *assembler, size_t *ret_length, struct tfl_error *error)
{
	const uint8_t *at;
	size_t length;

	if (staged(assembler) < LENGTH_SIZE)
		return 0;
	at = assembler->stage + assembler->start;
	length = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
	if (length == 0)
		return tfl_error_set(error, -EMSGSIZE, "a frame of 0 bytes is announced: a frame has 1 to %zu bytes", assembler->frame_max);
	if (length > assembler->frame_max)
		return tfl_error_set(error, -EMSGSIZE, "a frame of %zu bytes is announced: the limit is %zu", length, assembler->frame_max);
	*ret_length = length;
	return 1;
}

static bool fits_stage(size_t length)
{
	return length <= TFL_RECEIVE_BUFFER - LENGTH_SIZE;
}

/* The staged frame gets its own memory, and what arrived of it moves there. */
static int begin_own(struct tfl_assembler *assembler, size_t length, struct tfl_error *error)
{
	size_t capacity = length < TFL_FRAME_STEP ? length : TFL_FRAME_STEP;
	size_t arrived = staged(assembler) - LENGTH_SIZE;
	uint8_t *data = NULL;
	int r;

	r = grow(&assembler->charge, &data, 0, capacity, error);
	if (r < 0)
		return r;
	memcpy(data, assembler->stage + assembler->start + LENGTH_SIZE, arrived);
	assembler->own = (struct tfl_frame){data, length, capacity, assembler->charge};
	assembler->own_filled = arrived;
	assembler->start = assembler->end = 0;
	return 0;
}

static int own_space(struct tfl_assembler *assembler, uint8_t **ret_space, size_t *ret_size, struct tfl_error *error)
{
	struct tfl_frame *own = &assembler->own;
	int r;

	if (assembler->own_filled == own->size)
		return tfl_error_set(error, -ENOBUFS, "a whole frame waits to be taken before more can be received");
	if (assembler->own_filled == own->charged) {
		size_t capacity = own->charged > own->size / 4 ? own->size : own->charged * 4;

		r = grow(&own->charge, &own->data, own->charged, capacity, error);
		if (r < 0)
			return r;
		own->charged = capacity;
	}
	*ret_space = own->data + assembler->own_filled;
	*ret_size = own->charged - assembler->own_filled;
	return 0;
}

static int stage_space(struct tfl_assembler *assembler, uint8_t **ret_space, size_t *ret_size, struct tfl_error *error)
{
	int r;

	if (!assembler->stage) {
		r = grow(&assembler->charge, &assembler->stage, 0, TFL_RECEIVE_BUFFER, error);
		if (r < 0)
			return r;
	}
	if (assembler->start > 0) {
		memmove(assembler->stage, assembler->stage + assembler->start, staged(assembler));
		assembler->end = staged(assembler);
		assembler->start = 0;
	}
	if (assembler->end == TFL_RECEIVE_BUFFER)
		return tfl_error_set(error, -ENOBUFS, "whole frames wait to be taken before more can be received");
	*ret_space = assembler->stage + assembler->end;
	*ret_size = TFL_RECEIVE_BUFFER - assembler->end;
	return 0;
}

int tfl_assembler_space(struct tfl_assembler *assembler, uint8_t **ret_space, size_t *ret_size, struct tfl_error *error)
{
	size_t length;
	int r;

	if (!assembler->own.data) {
		r = announced(assembler, &length, error);
		if (r < 0)
			return r;
		if (r == 0 || fits_stage(length))
			return stage_space(assembler, ret_space, ret_size, error);
		r = begin_own(assembler, length, error);
		if (r < 0)
			return r;
	}
	return own_space(assembler, ret_space, ret_size, error);
}

void tfl_assembler_fill(struct tfl_assembler *assembler, size_t size)
{
	if (assembler->own.data) {
		assert(size <= assembler->own.charged - assembler->own_filled);
		assembler->own_filled += size;
	} else {
		assert(size <= TFL_RECEIVE_BUFFER - assembler->end);
		assembler->end += size;
	}
}

/* Copies the staged frame out. */
static int take_staged(struct tfl_assembler *assembler, size_t length, struct tfl_frame *ret_frame, struct tfl_error *error)
{
	uint8_t *data = NULL;
	int r;

	r = grow(&assembler->charge, &data, 0, length, error);
	if (r < 0)
		return r;
	memcpy(data, assembler->stage + assembler->start + LENGTH_SIZE, length);
	assembler->start += LENGTH_SIZE + length;
	if (assembler->start == assembler->end)
		assembler->start = assembler->end = 0;
	*ret_frame = (struct tfl_frame){data, length, length, assembler->charge};
	return 1;
}

int tfl_assembler_next(struct tfl_assembler *assembler, struct tfl_frame *ret_frame, struct tfl_error *error)
{
	size_t length;
	int r;

	if (assembler->own.data) {
		if (assembler->own_filled < assembler->own.size)
			return 0;
		*ret_frame = assembler->own;
		assembler->own = (struct tfl_frame){0};
		assembler->own_filled = 0;
		return 1;
	}
	r = announced(assembler, &length, error);
	if (r <= 0)
		return r;
	if (!fits_stage(length) || staged(assembler) < LENGTH_SIZE + length)
		return 0;
	return take_staged(assembler, length, ret_frame, error);
}

size_t tfl_assembler_pending(const struct tfl_assembler *assembler)
{
	return assembler->own.data ? LENGTH_SIZE + assembler->own_filled : staged(assembler);
}
