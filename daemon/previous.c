/* SPDX-License-Identifier: MIT */
#include "daemon/previous.h"

#include <string.h>

unsigned tfl_previous_find(const struct tfl_previous *previous, uint64_t number)
{
	for (unsigned i = 0; i < previous->count; i++)
		if (previous->numbers[i] == number)
			return i + 1;
	return 0;
}

void tfl_previous_drop(struct tfl_previous *previous, uint64_t number)
{
	unsigned place = tfl_previous_find(previous, number);

	if (place == 0)
		return;
	previous->count--;
	memmove(&previous->numbers[place - 1], &previous->numbers[place], (previous->count - (place - 1)) * sizeof(previous->numbers[0]));
}

void tfl_previous_push(struct tfl_previous *previous, uint64_t number)
{
	tfl_previous_drop(previous, number);
	if (previous->count < TFL_PREVIOUS_MAX)
		previous->count++;
	memmove(&previous->numbers[1], &previous->numbers[0], (previous->count - 1) * sizeof(previous->numbers[0]));
	previous->numbers[0] = number;
}
