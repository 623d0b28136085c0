/* SPDX-License-Identifier: MIT */
/* A change as an object for a JSON line, whose schema doc/json-log.md documents. Any thread; no state. */
#ifndef DAEMON_CHANGE_LINE_H
#define DAEMON_CHANGE_LINE_H

#include <jansson.h>

struct tfl_change;

#define TFL_CHANGE_SCHEMA "tfld.change/1"

/** The members of its line but for those that every line has: a new reference, NULL without memory. */
json_t *tfl_change_to_json(const struct tfl_change *change);

#endif
