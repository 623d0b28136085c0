/* SPDX-License-Identifier: MIT */
/*
 * Only what libsystemd offers, behind two words of our own, so that nothing else asks whether it was there at build time. A manager that
 * cannot be told is no reason to serve worse: results are ignored.
 */
#include "daemon/notify.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

void tfl_notify_ready(const char *status)
{
#ifdef HAVE_SYSTEMD
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
#else
	(void)status;
#endif
}

void tfl_notify_stopping(void)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, "STOPPING=1\nSTATUS=finishing requests in flight");
#endif
}
