/* SPDX-License-Identifier: MIT */
/*
 * The daemon's log: the journal where stderr is connected to it (or JOURNAL_STREAM says so), else stderr with a level prefix. Any thread.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdint.h>
#include <syslog.h>

#define TFL_LOG_FIELDS_MAX 64       /* of an entry, its level, words and id not counted */
#define TFL_LOG_FIELD_TEXT_MAX 1024 /* bytes of a field's value; more is cut */

enum tfl_log_kind {
	TFL_LOG_TEXT,
	TFL_LOG_UINT,
	TFL_LOG_REAL, /* with six digits behind the point */
};

/* One field of an entry: { "TFL_MODEL", TFL_LOG_TEXT, .text = name }. */
struct tfl_log_field {
	const char *name; /* capitals, digits and '_', of which the first is a capital; at most 40 bytes */
	enum tfl_log_kind kind;
	union {
		const char *text;
		uint64_t uint;
		double real;
	};
};

/** Chooses the target and the greatest level that is written (LOG_ERR to LOG_DEBUG). Call once, before other threads start. */
void tfl_log_init(int level);

/** Another greatest level. Any thread. */
void tfl_log_set_level(int level);

/** One line; @p format without a newline. Keeps errno. */
void tfl_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * An entry for people and for programs: the words of @p format, and where the log is the journal, MESSAGE_ID and the fields beside them.
 * Elsewhere the words alone appear, so they say what matters by themselves. At most TFL_LOG_FIELDS_MAX fields; all strings are borrowed
 * during the call. Keeps errno.
 */
void tfl_log_fields(int level, const char *message_id, const struct tfl_log_field *fields, unsigned count, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#define tfl_log_error(...) tfl_log(LOG_ERR, __VA_ARGS__)
#define tfl_log_warning(...) tfl_log(LOG_WARNING, __VA_ARGS__)
#define tfl_log_info(...) tfl_log(LOG_INFO, __VA_ARGS__)
#define tfl_log_debug(...) tfl_log(LOG_DEBUG, __VA_ARGS__)

#endif
