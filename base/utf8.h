/* SPDX-License-Identifier: MIT */
/* Text that comes from outside is UTF-8 or it is refused. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/** Whether @p length bytes at @p text are UTF-8 (RFC 3629: shortest forms only, no surrogates, up to U+10FFFF) without NUL bytes. */
bool tfl_utf8_valid(const char *text, size_t length);

#endif
