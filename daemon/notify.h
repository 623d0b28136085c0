/* SPDX-License-Identifier: MIT */
/* Tells the service manager how the daemon is doing. Loop thread; nothing happens without libsystemd or without NOTIFY_SOCKET. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/** Connections are accepted. @p status: one line for people. */
void tfl_notify_ready(const char *status);

/** The daemon finishes what is in flight and then ends. */
void tfl_notify_stopping(void);

#endif
