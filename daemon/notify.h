/* SPDX-License-Identifier: MIT */
/* What the service manager is told. Without libsystemd, or started by hand, nobody is told. Loop thread. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/** The daemon serves; @p status is shown by systemctl status. */
void tfl_notify_ready(const char *status);

/** What systemctl status shows from now on. */
void tfl_notify_status(const char *status);

/** The configuration is being read anew; tfl_notify_ready() ends that. */
void tfl_notify_reloading(void);

/** The daemon finishes what is in flight and then ends. */
void tfl_notify_stopping(void);

/** The daemon makes progress. */
void tfl_notify_alive(void);

/** How long the service manager waits for the next tfl_notify_alive() before it restarts the daemon; 0: it does not. */
uint64_t tfl_notify_watchdog_us(void);

#endif
