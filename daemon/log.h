/* SPDX-License-Identifier: MIT */
/*
 * The daemon's log: the journal where stderr is connected to it (or JOURNAL_STREAM says so), else stderr with a level prefix. Any thread.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <syslog.h>

/** Chooses the target and the greatest level that is written (LOG_ERR to LOG_DEBUG). Call once, before other threads start. */
void tfl_log_init(int level);

/** One line; @p format without a newline. Keeps errno. */
void tfl_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define tfl_log_error(...) tfl_log(LOG_ERR, __VA_ARGS__)
#define tfl_log_warning(...) tfl_log(LOG_WARNING, __VA_ARGS__)
#define tfl_log_info(...) tfl_log(LOG_INFO, __VA_ARGS__)
#define tfl_log_debug(...) tfl_log(LOG_DEBUG, __VA_ARGS__)

#endif
