/* SPDX-License-Identifier: MIT */
/* SHA-256 as text. Pure. */
#ifndef DAEMON_DIGEST_H
#define DAEMON_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define TFL_SHA256_BYTES 32
#define TFL_SHA256_TEXT 65 /* lower-case hexadecimal and NUL */

void tfl_digest_to_text(const uint8_t digest[static TFL_SHA256_BYTES], char text[static TFL_SHA256_TEXT]);

/** Of @p size bytes in memory. */
void tfl_digest(const void *data, size_t size, char text[static TFL_SHA256_TEXT]);

#endif
