/* SPDX-License-Identifier: MIT */
/*
 * How the requests that name a model and no version are split among its versions: each gets its share of the keys, and a key always goes to
 * the same version, on every machine and after every restart. Pure: no sockets, no clocks, nothing of a model but numbers.
 *
 * The pick is weighted rendezvous hashing: each version draws a number from (salt, key, version), an exponential waiting time whose rate is
 * its weight, and the first one wins. So version i gets its weight's share of all keys; and since the draw of a version does not depend on
 * the others' weights, more weight for one takes keys from the others and moves none between them.
 *
 * A shadow is a version that gets copies of the requests and never answers (shadows.h). It is here because it is decided, remembered and
 * shown with the rest; a route may be that alone: `shadow` is its number, 0 for none.
 */
#ifndef DAEMON_ROUTE_H
#define DAEMON_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_error;

#define TFL_ROUTE_TEXT_MAX (TFL_ROUTE_WIRE_MAX + 1) /* "1=90 2=10", with the greatest numbers there are */

/* What a request is split by. */
enum tfl_route_by {
	TFL_ROUTE_BY_REQUEST, /* the key that it brings, else who sent it */
	TFL_ROUTE_BY_MACHINE, /* the device that it is on */
	TFL_ROUTE_BY_KINDS
};

struct tfl_route_share {
	uint64_t number;
	uint64_t weight; /* 1 to TFL_ROUTE_WEIGHT_MAX */
};

/* Plain data, in the order in which it was given; zeroed memory is no route. Equal where the bytes are. */
struct tfl_route {
	struct tfl_route_share shares[TFL_ROUTE_SHARES_MAX];
	uint32_t count;                    /* 0: requests are not split */
	uint32_t by;                       /* enum tfl_route_by */
	uint64_t shadow;                   /* 0: none */
	char salt[TFL_ROUTE_SALT_MAX + 1]; /* "": the model's name, so that a key that is early for one model is not early for all */
};

/* Where a key comes from; two that have the same bytes are different keys. */
enum tfl_route_key_kind {
	TFL_ROUTE_KEY_GIVEN,
	TFL_ROUTE_KEY_UID,
	TFL_ROUTE_KEY_MACHINE,
};

struct tfl_route_key {
	enum tfl_route_key_kind kind;
	const void *data;
	size_t size;
};

/** The index of the share that gets a key; the route has at least one. @p salt is not empty. */
unsigned tfl_route_pick(const struct tfl_route *route, const char *salt, const struct tfl_route_key *key);

/** Whether it is nothing at all; whether a version has a share or is the shadow. */
bool tfl_route_is_empty(const struct tfl_route *route);
bool tfl_route_names(const struct tfl_route *route, uint64_t number);

/** The part of all keys that a version gets, from 0 to 1. */
double tfl_route_share(const struct tfl_route *route, uint64_t number);

/** Reads "1=90 2=10" into shares and count; "" gives none. -EINVAL with a sentence that says what would be right. */
int tfl_route_parse(const char *text, struct tfl_route *route, struct tfl_error *error);

/** The same, after the shares that the route has. */
int tfl_route_add(const char *text, struct tfl_route *route, struct tfl_error *error);

/** Writes them. Returns @p text. */
char *tfl_route_format(const struct tfl_route *route, char text[static TFL_ROUTE_TEXT_MAX]);

/** All of it in words: "1=90 2=10, salt 'spring', key machine-id, shadow 3". Returns @p text. */
char *tfl_route_say(const struct tfl_route *route, char text[static TFL_ROUTE_TEXT_MAX + 128]);

/** "request", "machine-id"; and the other way, TFL_ROUTE_BY_KINDS for neither. */
const char *tfl_route_by_to_string(uint32_t by);
uint32_t tfl_route_by_from_string(const char *text, size_t length);

#endif
