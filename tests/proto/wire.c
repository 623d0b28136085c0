/* SPDX-License-Identifier: MIT */
/*
 * Bodies are always copied into blocks of their exact size: a reader that looks one byte too far is then a fault under a sanitizer.
 */
#include "tests/proto/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tfl_slice wire_copy(struct tfl_slice slice)
{
	uint8_t *data = malloc(slice.size ? slice.size : 1);

	ck_assert_ptr_nonnull(data);
	if (slice.size > 0)
		memcpy(data, slice.data, slice.size);
	return (struct tfl_slice){data, slice.size};
}

void wire_free(struct tfl_slice slice)
{
	free((void *)(uintptr_t)slice.data);
}

struct tfl_slice wire_body(struct tfl_writer *writer)
{
	struct tfl_error error = {0};
	uint8_t *data;
	size_t size;

	ck_assert_msg(tfl_writer_check(writer, &error) == 0, "%s", error.text);
	size = tfl_writer_size(writer) - 4;
	data = malloc(size);
	ck_assert_ptr_nonnull(data);
	tfl_writer_copy(writer, 4, data);
	return (struct tfl_slice){data, size};
}

struct tfl_message wire_message(struct tfl_slice body)
{
	struct tfl_error error = {0};
	struct tfl_message message;

	ck_assert_msg(tfl_message_parse(body, &message, &error) == 0, "%s", error.text);
	return message;
}

static int charge(void *data, size_t bytes)
{
	struct wire_account *account = data;

	if (bytes > account->quota - account->used)
		return -EDQUOT;
	account->used += bytes;
	if (account->used > account->most)
		account->most = account->used;
	return 0;
}

static void release(void *data, size_t bytes)
{
	struct wire_account *account = data;

	account->overdrawn |= bytes > account->used;
	account->used -= bytes;
}

struct tfl_charge wire_charge(struct wire_account *account)
{
	return (struct tfl_charge){charge, release, account};
}
