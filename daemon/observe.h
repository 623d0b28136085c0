/* SPDX-License-Identifier: MIT */
/*
 * At each whole minute since the boot, what every version's recorder has counted goes into its history, so that the windows of the past
 * hour end where they should, and what is new is written down. At a period that is configured it is told, in the journal and as JSON lines.
 * Histories are judged, told and encoded some versions at a time, so that requests do not wait for many of them.
 */
#ifndef DAEMON_OBSERVE_H
#define DAEMON_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/loader.h"

struct tfl_moment;
struct tfl_server;

/** A minute is over: all versions are to be looked at. Steps follow. Loop thread. */
void tfl_observe(struct tfl_server *server);

/** Ends a period: every version that did something in it is to tell what. Likewise. */
void tfl_observe_period(struct tfl_server *server);

/** Sees to some versions of which something is due. True: the next step is to follow as soon as nobody waits. Loop thread. */
bool tfl_observe_step(struct tfl_server *server);

/**
 * Writes down a version's history, which is up to date, and calls @p done then, see tfl_loader_keep(). -ENOMEM: it is not called, and there
 * is a condition. Loop thread.
 */
int tfl_observe_keep(struct tfl_server *server, struct tfl_version *version, const struct tfl_moment *now, tfl_loader_done done,
		     void *data);

/** Milliseconds from @p now_ns (CLOCK_BOOTTIME) to the next whole minute. */
uint64_t tfl_observe_delay_ms(uint64_t now_ns);

#endif
