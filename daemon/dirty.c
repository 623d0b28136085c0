/* SPDX-License-Identifier: MIT */
/* An array searched from the front: there are seldom more than a few. */
#include "daemon/dirty.h"

#include <stdio.h>
#include <string.h>

static struct tfl_dirty_mark *find(struct tfl_dirty *dirty, const char *model)
{
	for (unsigned i = 0; i < dirty->count; i++)
		if (strcmp(dirty->marks[i].model, model) == 0)
			return &dirty->marks[i];
	return NULL;
}

struct tfl_dirty_mark *tfl_dirty_mark(struct tfl_dirty *dirty, const char *model, uint64_t now_ms)
{
	struct tfl_dirty_mark *mark = find(dirty, model);

	/* The last place is for all of them. */
	if (!mark && model[0] && dirty->count >= TFL_MODELS_MAX)
		return tfl_dirty_mark(dirty, "", now_ms);
	if (!mark) {
		mark = &dirty->marks[dirty->count++];
		*mark = (struct tfl_dirty_mark){ .first_ms = now_ms };
		snprintf(mark->model, sizeof(mark->model), "%s", model);
	}
	mark->last_ms = now_ms;
	return mark;
}

static unsigned place_of(const struct tfl_dirty_mark *mark, uint64_t number)
{
	unsigned i = 0;

	while (i < mark->count && mark->numbers[i] != number)
		i++;
	return i;
}

bool tfl_dirty_has_moved(const struct tfl_dirty_mark *mark, uint64_t number)
{
	return place_of(mark, number) < mark->count;
}

static unsigned place_of_least(const struct tfl_dirty_mark *mark)
{
	unsigned least = 0;

	for (unsigned i = 1; i < mark->count; i++)
		least = mark->numbers[i] < mark->numbers[least] ? i : least;
	return least;
}

void tfl_dirty_moved(struct tfl_dirty_mark *mark, uint64_t number)
{
	unsigned least;

	if (!mark->model[0] || tfl_dirty_has_moved(mark, number))
		return;
	if (mark->count < TFL_VERSIONS_MAX) {
		mark->numbers[mark->count++] = number;
		return;
	}
	/* Of too many versions the greatest are listed. */
	least = place_of_least(mark);
	if (mark->numbers[least] < number)
		mark->numbers[least] = number;
}

void tfl_dirty_not_moved(struct tfl_dirty_mark *mark, uint64_t number)
{
	unsigned place = place_of(mark, number);

	if (place < mark->count)
		mark->numbers[place] = mark->numbers[--mark->count];
}

static uint64_t due_ms(const struct tfl_dirty_mark *mark)
{
	uint64_t quiet = mark->last_ms + TFL_DIRTY_QUIET_MS, latest = mark->first_ms + TFL_DIRTY_LATEST_MS;

	return quiet < latest ? quiet : latest;
}

bool tfl_dirty_take(struct tfl_dirty *dirty, uint64_t now_ms, struct tfl_dirty_mark *ret_mark)
{
	for (unsigned i = 0; i < dirty->count; i++) {
		if (due_ms(&dirty->marks[i]) > now_ms)
			continue;
		*ret_mark = dirty->marks[i];
		dirty->count--;
		memmove(&dirty->marks[i], &dirty->marks[i + 1], (dirty->count - i) * sizeof(dirty->marks[0]));
		return true;
	}
	return false;
}

int64_t tfl_dirty_delay(const struct tfl_dirty *dirty, uint64_t now_ms)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < dirty->count; i++)
		first = due_ms(&dirty->marks[i]) < first ? due_ms(&dirty->marks[i]) : first;
	if (dirty->count == 0)
		return -1;
	return first > now_ms ? (int64_t)(first - now_ms) : 0;
}
