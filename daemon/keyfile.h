/* SPDX-License-Identifier: MIT */
/*
 * INI text with the line of every mistake: "[section]", "key = value", comments after ';' or '#'. Used for what people write (the
 * configuration) and for what the daemon keeps beside models (manifests, states), all of it untrusted.
 */
#ifndef DAEMON_KEYFILE_H
#define DAEMON_KEYFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct tfl_error;

/* One "key = value". Strings live during the call. */
struct tfl_keyfile_entry {
	const char *path;    /* of the file, for messages */
	unsigned line;       /* from 1 */
	const char *section; /* never empty */
	const char *key;
	const char *value;   /* without blanks around it */
};

/** Called for each entry. 0, or what tfl_keyfile_error() returned: the parse ends with it. */
typedef int (*tfl_keyfile_handler)(void *data, const struct tfl_keyfile_entry *entry, struct tfl_error *error);

/**
 * Reads the @p length bytes at @p text. @p path goes into messages. Errors: -EINVAL with path and line: a line that is none of the three,
 * is too long, has a NUL byte or stands before the first section; or what the handler returned. *ret_line (may be NULL): the line of the
 * mistake.
 */
int tfl_keyfile_parse(const char *path, const char *text, size_t length, tfl_keyfile_handler handler, void *data, unsigned *ret_line,
		      struct tfl_error *error);

/** Sets "path:line: …" and returns -EINVAL, for handlers. */
int tfl_keyfile_error(const struct tfl_keyfile_entry *entry, struct tfl_error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** A decimal number within [min, max] into @p ret_number: 0, or -EINVAL with a sentence that says what would be right. */
int tfl_keyfile_number(const struct tfl_keyfile_entry *entry, uint64_t min, uint64_t max, uint64_t *ret_number, struct tfl_error *error);

#endif
