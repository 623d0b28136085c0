/* SPDX-License-Identifier: MIT */
#include "daemon/version_labels.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Where the label stands or would stand. */
static unsigned place_of(const struct tfl_version_labels *labels, const char *name, size_t length, bool *ret_found)
{
	unsigned i = 0;

	*ret_found = false;
	for (; i < labels->count; i++) {
		size_t own = strlen(labels->list[i].name);
		int order = memcmp(labels->list[i].name, name, own < length ? own : length);

		if (order == 0)
			order = (own > length) - (own < length);
		*ret_found = order == 0;
		if (order >= 0)
			break;
	}
	return i;
}

uint64_t tfl_version_labels_find(const struct tfl_version_labels *labels, const char *name, size_t length)
{
	bool found;
	unsigned place = place_of(labels, name, length, &found);

	return found ? labels->list[place].number : 0;
}

bool tfl_version_labels_has(const struct tfl_version_labels *labels, uint64_t number)
{
	unsigned i = 0;

	while (i < labels->count && labels->list[i].number != number)
		i++;
	return i < labels->count;
}

int tfl_version_labels_set(struct tfl_version_labels *labels, const char *name, uint64_t number)
{
	bool found;
	unsigned place = place_of(labels, name, strlen(name), &found);
	struct tfl_version_label *label = &labels->list[place];

	assert(strlen(name) <= TFL_LABEL_MAX);
	if (!found) {
		if (labels->count == TFL_VERSION_LABELS_MAX)
			return -ENOSPC;
		memmove(label + 1, label, (labels->count++ - place) * sizeof(*label));
		memset(label, 0, sizeof(*label));
		strcpy(label->name, name);
	}
	label->number = number;
	return 0;
}

static void remove_at(struct tfl_version_labels *labels, unsigned place)
{
	struct tfl_version_label *label = &labels->list[place];

	memmove(label, label + 1, (--labels->count - place) * sizeof(*label));
	memset(&labels->list[labels->count], 0, sizeof(*label));
}

void tfl_version_labels_remove(struct tfl_version_labels *labels, const char *name)
{
	bool found;
	unsigned place = place_of(labels, name, strlen(name), &found);

	if (found)
		remove_at(labels, place);
}

void tfl_version_labels_drop(struct tfl_version_labels *labels, uint64_t number)
{
	for (unsigned i = labels->count; i-- > 0;)
		if (labels->list[i].number == number)
			remove_at(labels, i);
}
