/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 by its lead bytes: each row says how many bytes follow and, to keep out overlong forms, surrogates and what lies past U+10FFFF,
 * between which bounds the first of them is. The others are 0x80 to 0xbf.
 */
#include "base/utf8.h"

#include <string.h>

#include "base/util.h"

static const struct {
	unsigned char lead_first, lead_last, follow, second_first, second_last;
} forms[] = {
	{0x01, 0x7f, 0, 0x00, 0x00}, /* NUL is refused here */
	{0xc2, 0xdf, 1, 0x80, 0xbf},
	{0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf},
	{0xed, 0xed, 2, 0x80, 0x9f},
	{0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf},
	{0xf1, 0xf3, 3, 0x80, 0xbf},
	{0xf4, 0xf4, 3, 0x80, 0x8f},
};

/* Bytes of the character at @p at, 0 when there is none. */
static size_t character(const unsigned char *at, size_t left)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(forms); i++) {
		if (at[0] < forms[i].lead_first || at[0] > forms[i].lead_last)
			continue;
		if (forms[i].follow >= left)
			return 0;
		if (forms[i].follow > 0 && (at[1] < forms[i].second_first || at[1] > forms[i].second_last))
			return 0;
		for (unsigned k = 2; k <= forms[i].follow; k++) {
			if ((at[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].follow + 1u;
	}
	return 0;
}

/* Whether eight bytes are all ASCII and none of them NUL, as nearly all text is. */
static bool plain(const unsigned char *at)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return ((word | (word - ones)) & tops) == 0;
}

bool tfl_utf8_valid(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text;

	while (length > 0) {
		size_t size = length >= 8 && plain(at) ? 8 : at[0] - 1u < 0x7f ? 1 : character(at, length);

		if (size == 0)
			return false;
		at += size;
		length -= size;
	}
	return true;
}
