/* SPDX-License-Identifier: MIT */
/*
 * msgpack-c knows the format, and only that; what this protocol forbids besides is looked for in the tree that msgpack-c built.
 */
#include "tests/proto/peer.h"

#include <string.h>

#include "base/limits.h"

bool peer_is_safe(struct tfl_slice bytes)
{
	return bytes.size > 0 && !memchr(bytes.data, 0xdd, bytes.size) && !memchr(bytes.data, 0xdf, bytes.size);
}

static bool allowed(const msgpack_object *object, unsigned depth);

static bool map_allowed(const msgpack_object_map *map, unsigned depth)
{
	if (map->size > TFL_MAP_MAX)
		return false;
	for (uint32_t i = 0; i < map->size; i++) {
		if (map->ptr[i].key.type != MSGPACK_OBJECT_STR || !allowed(&map->ptr[i].val, depth))
			return false;
	}
	return true;
}

/* @p depth maps and arrays are around the object. */
static bool allowed(const msgpack_object *object, unsigned depth)
{
	if (object->type == MSGPACK_OBJECT_EXT)
		return false;
	if (object->type != MSGPACK_OBJECT_ARRAY && object->type != MSGPACK_OBJECT_MAP)
		return true;
	if (depth == TFL_FRAME_DEPTH_MAX)
		return false;
	if (object->type == MSGPACK_OBJECT_MAP)
		return map_allowed(&object->via.map, depth + 1);
	for (uint32_t i = 0; i < object->via.array.size; i++) {
		if (!allowed(&object->via.array.ptr[i], depth + 1))
			return false;
	}
	return true;
}

bool peer_accepts(struct tfl_slice bytes, msgpack_unpacked *unpacked)
{
	size_t offset = 0;

	if (msgpack_unpack_next(unpacked, (const char *)bytes.data, bytes.size, &offset) != MSGPACK_UNPACK_SUCCESS)
		return false;
	return offset == bytes.size && allowed(&unpacked->data, 0);
}
