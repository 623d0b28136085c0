/* SPDX-License-Identifier: MIT */
/* Random numbers from a seed (splitmix64): the same on every machine, so that what is made from them can be made again. */
#ifndef TESTS_BUILDER_RANDOM_H
#define TESTS_BUILDER_RANDOM_H

#include <stdint.h>

struct tfl_random {
	uint64_t state; /* any number is a good seed */
};

static inline uint64_t tfl_random_next(struct tfl_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/** Evenly in [low, high). */
static inline float tfl_random_uniform(struct tfl_random *random, float low, float high)
{
	return low + (high - low) * (float)(tfl_random_next(random) >> 40) * 0x1p-24f;
}

/** Evenly in 0 to @p count - 1. */
static inline uint32_t tfl_random_below(struct tfl_random *random, uint32_t count)
{
	return (uint32_t)((tfl_random_next(random) >> 32) * count >> 32);
}

/** Near enough to a normal distribution of mean 0 and deviation 1: twelve even ones, which needs no libm and so is exact everywhere. */
static inline float tfl_random_normal(struct tfl_random *random)
{
	float sum = -6;

	for (int i = 0; i < 12; i++)
		sum += tfl_random_uniform(random, 0, 1);
	return sum;
}

#endif
