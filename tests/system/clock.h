/* SPDX-License-Identifier: MIT */
/*
 * The clocks of a daemon, as a test wants them: clock_shim.c is preloaded into it and adds to the clocks of the system. Not under
 * sanitizers, whose runtime has to come first.
 */
#ifndef TESTS_SYSTEM_CLOCK_H
#define TESTS_SYSTEM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct daemon;

struct clock_shim {
	int64_t wall_ns;   /* the time of day was set by so much */
	int64_t steady_ns; /* so much time has passed, on all clocks */
};

/**
 * Daemons that are started from now on have these clocks, as the system's at first. False, with the reason printed, where that cannot be.
 */
bool clock_begin(const struct daemon *daemon);

/** Sets the time of day forwards, or back. */
void clock_jump(int64_t seconds);

/** Lets time pass until the daemon has looked at its clock anew, @p minutes times. */
void clock_pass_minutes(const struct daemon *daemon, unsigned minutes);

/** The time of day of the daemon, in seconds since 1970. */
int64_t clock_wall(void);

#endif
