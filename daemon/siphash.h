/* SPDX-License-Identifier: MIT */
/*
 * SipHash-2-4 (Aumasson, Bernstein 2012): a hash of 64 bits whose results are the same on every machine, and spread evenly also where the
 * keys that are hashed are chosen by somebody. It is given words of eight bytes, so that what many messages begin with is taken in once.
 * Pure.
 */
#ifndef DAEMON_SIPHASH_H
#define DAEMON_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* Plain data: a copy goes on from where the original is. */
struct tfl_siphash {
	uint64_t v[4];
	uint64_t words; /* taken in */
};

/** Begins with a key of 128 bits. */
void tfl_siphash_init(struct tfl_siphash *hash, uint64_t k0, uint64_t k1);

/** Takes in eight bytes: the number that they are in little endian. */
void tfl_siphash_word(struct tfl_siphash *hash, uint64_t word);

/** Takes in bytes, and zeros up to a multiple of eight: how many there are is the caller's to take in, where that may differ. */
void tfl_siphash_padded(struct tfl_siphash *hash, const void *data, size_t size);

/** The end, with the last bytes, fewer than eight: SipHash of all. */
uint64_t tfl_siphash_finish(struct tfl_siphash *hash, const void *tail, size_t size);

#endif
