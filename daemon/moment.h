/* SPDX-License-Identifier: MIT */
/*
 * A moment that can be written down and compared with one of a later run, after a restart of the daemon or of the device: seconds since the
 * boot say how long it has been while the boot is the same one, else the time of day does, as well as it knows.
 */
#ifndef DAEMON_MOMENT_H
#define DAEMON_MOMENT_H

#include <stdint.h>

#define TFL_BOOT_ID_MAX 32

struct tfl_moment {
	int64_t seconds; /* tfl_clock_seconds() */
	int64_t wall;    /* since 1970 */
	char boot[TFL_BOOT_ID_MAX + 1]; /* of the boot, hexadecimal; "" where the kernel does not say */
};

void tfl_moment_now(struct tfl_moment *ret_moment);

/** Seconds from @p then to @p now, at least 0: a time of day that was set back in another boot counts as no time. */
int64_t tfl_moment_elapsed(const struct tfl_moment *then, const struct tfl_moment *now);

#endif
