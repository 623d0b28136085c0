/* SPDX-License-Identifier: MIT */
/*
 * Only what libsystemd offers, behind a few words of our own, so that nothing else asks whether it was there at build time. A manager that
 * cannot be told is no reason to serve worse: results are ignored.
 */
#include "daemon/notify.h"

#ifdef HAVE_SYSTEMD
#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "daemon/clock.h"

void tfl_notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void tfl_notify_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

/* The time is what a manager with Type=notify-reload compares with that of its signal; others pass over it. */
void tfl_notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reading the configuration anew", tfl_clock_ns() / 1000);
}

void tfl_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=finishing requests in flight");
}

void tfl_notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

uint64_t tfl_notify_watchdog_us(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}
#else
void tfl_notify_ready(const char *status)
{
}

void tfl_notify_status(const char *status)
{
}

void tfl_notify_reloading(void)
{
}

void tfl_notify_stopping(void)
{
}

void tfl_notify_alive(void)
{
}

uint64_t tfl_notify_watchdog_us(void)
{
	return 0;
}
#endif
