/* SPDX-License-Identifier: MIT */
/*
 * A period in the two forms in which it is kept: an object for a JSON line, whose schema doc/json-log.md documents, and an entry of the
 * journal, whose fields doc/operations.md lists. Any thread; no state.
 */
#ifndef DAEMON_PERIOD_LINE_H
#define DAEMON_PERIOD_LINE_H

#include <jansson.h>

struct tfl_period;

#define TFL_PERIOD_SCHEMA "tfld.period/1"

/** The members of its line but for those that every line has: a new reference, NULL without memory. */
json_t *tfl_period_to_json(const struct tfl_period *period);

/** Writes its entry to the log, at level info. */
void tfl_period_log(const struct tfl_period *period);

#endif
