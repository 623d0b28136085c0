/* SPDX-License-Identifier: MIT */
/*
 * The waiting time of a version with weight w is -log2(u) / w, with u from its hash even on (0, 1]. Both the logarithm and the comparison
 * of two such times are done in integers: a floating point log() may differ in its last bit from one libm to the next, and then some key
 * would go elsewhere on another machine.
 *
 * What a pick costs is its hash (two rounds for each eight bytes of salt and key, once; eight more a version) and some 40 multiplications a
 * version.
 */
#include "daemon/route.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/siphash.h"
#include "proto/name.h"

/* SipHash's key; a public one, since nothing is secret here: what has to differ is in the salt. Never changed: all keys would move. */
#define K0 UINT64_C(0x74666c642d726f75)
#define K1 UINT64_C(0x74652d31747b64c9)

#define FRACTION 32 /* bits of a logarithm behind the point */

static const char *const by_names[TFL_ROUTE_BY_KINDS] = {"request", "machine-id"};

/* -log2((hash + 1) / 2^64), with FRACTION bits behind the point: from 0 to 64 << FRACTION. */
static uint64_t waiting_time(uint64_t hash)
{
	unsigned zeros;
	uint64_t log;
	uint64_t x;

	if (hash == UINT64_MAX)
		return 0;
	x = hash + 1;
	zeros = (unsigned)__builtin_clzll(x);
	x <<= zeros;
	/* x / 2^63 is in [1, 2). Squared, it says the next bit of its logarithm. */
	log = 63 - zeros;
	for (unsigned bit = 0; bit < FRACTION; bit++) {
		unsigned __int128 square = (unsigned __int128)x * x; /* in [2^126, 2^128) */
		unsigned carry = (unsigned)(square >> 127);

		x = (uint64_t)(square >> (63 + carry));
		log = log << 1 | carry;
	}
	return (UINT64_C(64) << FRACTION) - log;
}

/* a / v < b / w */
static bool is_sooner(uint64_t a, uint64_t v, uint64_t b, uint64_t w)
{
	return (unsigned __int128)a * w < (unsigned __int128)b * v;
}

unsigned tfl_route_pick(const struct tfl_route *route, const char *salt, const struct tfl_route_key *key)
{
	size_t salt_length = strlen(salt);
	uint64_t soonest = 0;
	struct tfl_siphash begun;
	unsigned winner = 0;

	/* The lengths first, so that no two salts and keys make the same message. */
	tfl_siphash_init(&begun, K0, K1);
	tfl_siphash_word(&begun, (uint64_t)key->kind | (uint64_t)salt_length << 8 | (uint64_t)key->size << 16);
	tfl_siphash_padded(&begun, salt, salt_length);
	tfl_siphash_padded(&begun, key->data, key->size);
	for (unsigned i = 0; i < route->count; i++) {
		struct tfl_siphash hash = begun;
		uint64_t time;

		tfl_siphash_word(&hash, route->shares[i].number);
		time = waiting_time(tfl_siphash_finish(&hash, NULL, 0));
		if (i > 0 && !is_sooner(time, route->shares[i].weight, soonest, route->shares[winner].weight))
			continue;
		winner = i;
		soonest = time;
	}
	return winner;
}

bool tfl_route_is_empty(const struct tfl_route *route)
{
	return route->count == 0 && route->shadow == 0;
}

bool tfl_route_names(const struct tfl_route *route, uint64_t number)
{
	for (unsigned i = 0; i < route->count; i++)
		if (route->shares[i].number == number)
			return true;
	return number > 0 && route->shadow == number;
}

double tfl_route_share(const struct tfl_route *route, uint64_t number)
{
	uint64_t sum = 0, own = 0;

	for (unsigned i = 0; i < route->count; i++) {
		sum += route->shares[i].weight;
		own = route->shares[i].number == number ? route->shares[i].weight : own;
	}
	return sum ? (double)own / (double)sum : 0;
}

/* "2=10" */
static int take_share(const char *text, size_t length, struct tfl_route_share *ret_share)
{
	const char *equals = memchr(text, '=', length);
	size_t left = equals ? (size_t)(equals - text) : length;

	if (!equals || tfl_version_parse(text, left, &ret_share->number) < 0 ||
	    tfl_version_parse(equals + 1, length - left - 1, &ret_share->weight) < 0 || ret_share->weight > TFL_ROUTE_WEIGHT_MAX)
		return -EINVAL;
	return 0;
}

int tfl_route_add(const char *text, struct tfl_route *route, struct tfl_error *error)
{
	struct tfl_route parsed = {.count = route->count};

	memcpy(parsed.shares, route->shares, sizeof(parsed.shares));
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t length = strcspn(text, " ");
		struct tfl_route_share share = {0};

		if (take_share(text, length, &share) < 0)
			return tfl_error_set(error, -EINVAL,
					     "'%.*s' is no share, expected a version and its weight (1 to %d), as in 1=90 2=10",
					     length < 64 ? (int)length : 64, text, TFL_ROUTE_WEIGHT_MAX);
		if (tfl_route_names(&parsed, share.number))
			return tfl_error_set(error, -EINVAL, "version %" PRIu64 " is there twice", share.number);
		if (parsed.count == TFL_ROUTE_SHARES_MAX)
			return tfl_error_set(error, -EINVAL, "more than %d versions have a share", TFL_ROUTE_SHARES_MAX);
		parsed.shares[parsed.count++] = share;
		text += length;
	}
	memcpy(route->shares, parsed.shares, sizeof(parsed.shares));
	route->count = parsed.count;
	return 0;
}

int tfl_route_parse(const char *text, struct tfl_route *route, struct tfl_error *error)
{
	struct tfl_route parsed = {.count = 0};
	int r = tfl_route_add(text, &parsed, error);

	if (r < 0)
		return r;
	memcpy(route->shares, parsed.shares, sizeof(parsed.shares));
	route->count = parsed.count;
	return 0;
}

char *tfl_route_format(const struct tfl_route *route, char text[static TFL_ROUTE_TEXT_MAX])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < route->count && used < TFL_ROUTE_TEXT_MAX; i++)
		used += (size_t)snprintf(text + used, TFL_ROUTE_TEXT_MAX - used, "%s%" PRIu64 "=%" PRIu64, i > 0 ? " " : "",
					 route->shares[i].number, route->shares[i].weight);
	return text;
}

char *tfl_route_say(const struct tfl_route *route, char text[static TFL_ROUTE_TEXT_MAX + 128])
{
	const size_t size = TFL_ROUTE_TEXT_MAX + 128;
	size_t used;

	tfl_route_format(route, text);
	if (route->count == 0)
		strcpy(text, tfl_route_is_empty(route) ? "none" : "the active version answers");
	used = strlen(text);
	if (route->salt[0])
		used += (size_t)snprintf(text + used, size - used, ", salt '%s'", route->salt);
	if (route->by != TFL_ROUTE_BY_REQUEST)
		used += (size_t)snprintf(text + used, size - used, ", key %s", tfl_route_by_to_string(route->by));
	if (route->shadow)
		snprintf(text + used, size - used, ", shadow %" PRIu64, route->shadow);
	return text;
}

const char *tfl_route_by_to_string(uint32_t by)
{
	return by_names[by];
}

uint32_t tfl_route_by_from_string(const char *text, size_t length)
{
	uint32_t by = 0;

	while (by < TFL_ROUTE_BY_KINDS && (strlen(by_names[by]) != length || memcmp(by_names[by], text, length) != 0))
		by++;
	return by;
}
