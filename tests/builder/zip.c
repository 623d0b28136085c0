/* SPDX-License-Identifier: MIT */
/*
 * The archive of associated files behind a model: each file stored as it is, with the earliest date that the format knows, so that equal
 * input gives equal bytes. Offsets count from the start of the model file, not of the archive, as TFLite's own tools write it.
 *
 * Format: PKWARE's APPNOTE (local header 30 bytes, central header 46, end record 22).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/builder/record.h"

#define ZIP_LOCAL 30u
#define ZIP_CENTRAL 46u
#define ZIP_END 22u
#define ZIP_VERSION 20u
#define ZIP_EPOCH 0x21u /* 1 January 1980 */

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static uint8_t *put(uint8_t *at, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*at++ = (uint8_t)(value >> 8 * i);
	return at;
}

/* What a local and a central header have in common: from the version to the length of the extra field. */
static uint8_t *put_common(uint8_t *at, const struct build_blob *file)
{
	at = put(at, ZIP_VERSION, 2);
	at = put(at, 0, 2); /* flags */
	at = put(at, 0, 2); /* stored */
	at = put(at, 0, 2); /* time */
	at = put(at, ZIP_EPOCH, 2);
	at = put(at, crc32_of(file->data, file->size), 4);
	at = put(at, (uint32_t)file->size, 4);
	at = put(at, (uint32_t)file->size, 4);
	at = put(at, (uint32_t)strlen(file->name), 2);
	return put(at, 0, 2);
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size)
{
	return size ? (uint8_t *)memcpy(at, bytes, size) + size : at;
}

static uint8_t *put_local(uint8_t *at, const struct build_blob *file)
{
	at = put(at, 0x04034b50, 4);
	at = put_common(at, file);
	at = put_bytes(at, file->name, strlen(file->name));
	return put_bytes(at, file->data, file->size);
}

static uint8_t *put_central(uint8_t *at, const struct build_blob *file, uint32_t local)
{
	at = put(at, 0x02014b50, 4);
	at = put(at, ZIP_VERSION, 2); /* made by */
	at = put_common(at, file);
	at = put(at, 0, 2); /* comment */
	at = put(at, 0, 2); /* disk */
	at = put(at, 0, 2); /* internal attributes */
	at = put(at, 0, 4); /* external attributes */
	at = put(at, local, 4);
	return put_bytes(at, file->name, strlen(file->name));
}

static void put_end(uint8_t *at, uint32_t count, uint32_t central_size, uint32_t central)
{
	at = put(at, 0x06054b50, 4);
	at = put(at, 0, 4); /* disks */
	at = put(at, count, 2);
	at = put(at, count, 2);
	at = put(at, central_size, 4);
	at = put(at, central, 4);
	put(at, 0, 2); /* comment */
}

int build_zip(const struct build_blob *files, uint32_t count, size_t offset, uint8_t **ret_data, size_t *ret_size)
{
	size_t size = ZIP_END, local = offset;
	uint8_t *data, *at, *central;

	for (uint32_t i = 0; i < count; i++)
		size += ZIP_LOCAL + ZIP_CENTRAL + 2 * strlen(files[i].name) + files[i].size;
	data = at = malloc(size);
	if (!data)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		at = put_local(at, &files[i]);
	central = at;
	for (uint32_t i = 0; i < count; i++) {
		at = put_central(at, &files[i], (uint32_t)local);
		local += ZIP_LOCAL + strlen(files[i].name) + files[i].size;
	}
	put_end(at, count, (uint32_t)(at - central), (uint32_t)local);
	*ret_data = data;
	*ret_size = size;
	return 0;
}
