/* SPDX-License-Identifier: MIT */
/*
 * Bit patterns are compared, which holds whatever the compiler is told about NaN; in pieces, so that a long row of them ends at the first.
 */
#include "stats/nan.h"

#include <stdint.h>
#include <string.h>

#define PIECE 4096

static bool piece_has_nan(const float *values, size_t count)
{
	uint32_t found = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t bits;

		memcpy(&bits, &values[i], sizeof(bits));
		found |= (uint32_t)((bits & 0x7fffffffu) > 0x7f800000u);
	}
	return found;
}

bool tfl_has_nan(const float *values, size_t count)
{
	while (count > 0) {
		size_t piece = count < PIECE ? count : PIECE;

		if (piece_has_nan(values, piece))
			return true;
		values += piece;
		count -= piece;
	}
	return false;
}
