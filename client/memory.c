/* SPDX-License-Identifier: MIT */
#include "client/memory.h"

#include <stdio.h>

#include "base/util.h"
#include "client/print.h"

uint64_t ctl_memory_bytes(const struct tfl_value *memory)
{
	static const char *const parts[] = {"file", "packed", "interpreters", "statistics"};
	uint64_t bytes = 0;

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(parts); i++)
		bytes += tfl_value_uint(tfl_value_get(memory, parts[i]), 0);
	return bytes;
}

void ctl_memory_print(const struct tfl_value *value, bool always)
{
	const struct tfl_value *memory = tfl_value_get(value, "memory");
	uint64_t used = tfl_value_uint(tfl_value_get(memory, "used"), 0), limit = tfl_value_uint(tfl_value_get(memory, "limit"), 0);
	bool unloads = tfl_value_bool(tfl_value_get(memory, "unload_idle"), false);
	char text[2][CTL_UNIT_MAX];

	ctl_format_bytes(text[0], used);
	if (limit)
		printf("models take %s of the %s that memory_limit allows%s\n", text[0], ctl_format_bytes(text[1], limit),
		       unloads ? "; idle ones make room" : "");
	else if (memory && always)
		printf("models take %s, without a memory_limit\n", text[0]);
}
