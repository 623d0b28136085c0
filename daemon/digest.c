/* SPDX-License-Identifier: MIT */
#include "daemon/digest.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <stdio.h>

static_assert(TFL_SHA256_BYTES == SHA256_DIGEST_SIZE, "a digest fits");

void tfl_digest_to_text(const uint8_t digest[static TFL_SHA256_BYTES], char text[static TFL_SHA256_TEXT])
{
	for (unsigned i = 0; i < TFL_SHA256_BYTES; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
}

void tfl_digest(const void *data, size_t size, char text[static TFL_SHA256_TEXT])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx hash;

	sha256_init(&hash);
	sha256_update(&hash, size, data);
	sha256_digest(&hash, sizeof(digest), digest);
	tfl_digest_to_text(digest, text);
}
