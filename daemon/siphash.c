/* SPDX-License-Identifier: MIT */
#include "daemon/siphash.h"

#include <assert.h>

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void rounds(uint64_t v[static 4], unsigned count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

/* Up to eight bytes as a number in little endian. */
static uint64_t number_of(const uint8_t *bytes, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number |= (uint64_t)bytes[i] << (8 * i);
	return number;
}

void tfl_siphash_init(struct tfl_siphash *hash, uint64_t k0, uint64_t k1)
{
	*hash = (struct tfl_siphash){
		.v = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d), k0 ^ UINT64_C(0x6c7967656e657261),
		      k1 ^ UINT64_C(0x7465646279746573)},
	};
}

void tfl_siphash_word(struct tfl_siphash *hash, uint64_t word)
{
	hash->v[3] ^= word;
	rounds(hash->v, 2);
	hash->v[0] ^= word;
	hash->words++;
}

void tfl_siphash_padded(struct tfl_siphash *hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t at = 0; at < size; at += 8)
		tfl_siphash_word(hash, number_of(bytes + at, size - at < 8 ? size - at : 8));
}

uint64_t tfl_siphash_finish(struct tfl_siphash *hash, const void *tail, size_t size)
{
	assert(size < 8);
	tfl_siphash_word(hash, number_of(tail, size) | (hash->words * 8 + size) << 56);
	hash->v[2] ^= 0xff;
	rounds(hash->v, 4);
	return hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}
