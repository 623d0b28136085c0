/* SPDX-License-Identifier: MIT */
/*
 * Least recently used first, as long as something is missing. Then those are let off that are not needed after all, because one that came
 * later is large; the one that was used last is asked first.
 */
#include "daemon/room.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define LIST_TEXT 160

static int by_use(const void *a, const void *b)
{
	const struct tfl_room_item *left = a, *right = b;
	int order;

	if (left->last != right->last)
		return left->last ? 1 : -1;
	if (left->used_ns != right->used_ns)
		return left->used_ns < right->used_ns ? -1 : 1;
	order = strcmp(left->model, right->model);
	return order ? order : (left->number > right->number) - (left->number < right->number);
}

/* The item at @p from goes behind the others up to @p to. */
static void move_back(struct tfl_room_item *items, unsigned from, unsigned to)
{
	const struct tfl_room_item item = items[from];

	memmove(&items[from], &items[from + 1], (to - from) * sizeof(item));
	items[to] = item;
}

unsigned tfl_room_choose(struct tfl_room_item *items, unsigned count, uint64_t missing)
{
	uint64_t sum = 0;
	unsigned chosen = 0;

	if (count > 0)
		qsort(items, count, sizeof(*items), by_use);
	while (chosen < count && sum < missing)
		sum += items[chosen++].bytes;
	if (sum < missing)
		return 0;
	for (unsigned i = chosen; i-- > 0;) {
		if (sum - items[i].bytes < missing)
			continue;
		sum -= items[i].bytes;
		move_back(items, i, --chosen);
	}
	return chosen;
}

uint64_t tfl_room_missing(const struct tfl_room_need *need)
{
	uint64_t free = need->used < need->limit ? need->limit - need->used : 0;

	return need->bytes > free ? need->bytes - free : 0;
}

const char *tfl_room_format(uint64_t bytes, char text[static TFL_ROOM_BYTES_TEXT])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double amount = (double)bytes / 1024;
	unsigned unit = 0;

	while (amount >= 1023.95 && unit < 3) {
		amount /= 1024;
		unit++;
	}
	snprintf(text, TFL_ROOM_BYTES_TEXT, "%.1f %s", amount, units[unit]);
	return text;
}

/* "digits@1 (165.0 KiB), ssd@2 (12.1 MiB) and 3 more". */
static void list_idle(const struct tfl_room_item *idle, unsigned count, char text[static LIST_TEXT])
{
	char bytes[TFL_ROOM_BYTES_TEXT], item[128];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		size_t length = (size_t)snprintf(item, sizeof(item), "%s%s@%" PRIu64 " (%s)", i ? ", " : "", idle[i].model, idle[i].number,
						 tfl_room_format(idle[i].bytes, bytes));

		/* " and 12345 more" must still fit. */
		if (used + length + 20 > LIST_TEXT) {
			snprintf(text + used, LIST_TEXT - used, "%s%u more", i ? " and " : "", count - i);
			return;
		}
		memcpy(text + used, item, length + 1);
		used += length;
	}
}

/* What would be right, around the list of what is idle. */
struct advice {
	const char *before, *after;
};

static struct advice advise(const struct tfl_room_need *need, bool any, bool enough)
{
	if (!any)
		return (struct advice){ "no other version is idle: raise memory_limit, or unload one that is not needed", "" };
	if (!enough)
		return (struct advice){ "idle are only ", ": raise memory_limit, or unload more that is not needed" };
	if (!need->allowed)
		return (struct advice){ "unload ", ", now idle, or set unload_idle = yes" };
	if (need->unasked)
		return (struct advice){ "by itself it takes nobody's place, but tflctl load would unload ", "" };
	return (struct advice){ "", " is idle: try again" };
}

int tfl_room_refuse(const struct tfl_room_need *need, const struct tfl_room_item *idle, unsigned count, struct tfl_error *error)
{
	char bytes[4][TFL_ROOM_BYTES_TEXT], list[LIST_TEXT];
	uint64_t missing = tfl_room_missing(need), sum = 0;
	struct advice advice;

	for (unsigned i = 0; i < count; i++)
		sum += idle[i].bytes;
	list_idle(idle, count, list);
	advice = advise(need, count > 0, sum >= missing);
	return tfl_error_set(error, -ENOBUFS, "version %" PRIu64 " of '%s' needs %s of memory, but %s of the %s that memory_limit allows "
			     "are in use, so %s are missing; %s%s%s", need->number, need->model, tfl_room_format(need->bytes, bytes[0]),
			     tfl_room_format(need->used, bytes[1]), tfl_room_format(need->limit, bytes[2]),
			     tfl_room_format(missing, bytes[3]), advice.before, list, advice.after);
}
