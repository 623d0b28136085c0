/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format, version 0.0.4, written from its first line to its last: a family is begun, then come its samples, each from
 * its name over its labels to its value. The text is what the calls make of it: that a family is begun once, and that no two samples have
 * the same labels, is the caller's.
 *
 * Writing functions return nothing: the first fault sticks, later ones do nothing, and tfl_exposition_check() tells at the end. One
 * thread at a time.
 */
#ifndef DAEMON_EXPOSITION_H
#define DAEMON_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tfl_error;

#define TFL_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8" /* as HTTP calls the format */

/* Members are private but for the text, once it was checked. Zeroed memory is an empty one. */
struct tfl_exposition {
	char *text;
	size_t length, capacity;
	size_t limit; /* bytes; 0: TFL_METRICS_BYTES_MAX */
	const char *family;
	bool labelled; /* the sample has a label already */
	int fault;
};

/** Frees; the exposition is empty again. NULL is allowed. */
void tfl_exposition_finish(struct tfl_exposition *exposition);

/** Begins a family: @p type is "counter", "gauge" or "histogram"; @p name is borrowed until the next one. */
void tfl_exposition_family(struct tfl_exposition *exposition, const char *name, const char *type, const char *help);

/** Begins a sample of the family; @p suffix is "", or "_bucket" and so on. */
void tfl_exposition_sample(struct tfl_exposition *exposition, const char *suffix);

/** A label of the sample; any bytes may stand in @p value, but they should be UTF-8. */
void tfl_exposition_label(struct tfl_exposition *exposition, const char *name, const char *value);
void tfl_exposition_label_uint(struct tfl_exposition *exposition, const char *name, uint64_t value);

/** Its value, which ends the sample: a whole number; one that need not be; nanoseconds, as seconds to the last digit. */
void tfl_exposition_uint(struct tfl_exposition *exposition, uint64_t value);
void tfl_exposition_double(struct tfl_exposition *exposition, double value);
void tfl_exposition_seconds(struct tfl_exposition *exposition, uint64_t nanoseconds);

/** How it went: 0, -ENOMEM, or -EMSGSIZE past the limit, with a sentence. After a failure there is no text. */
int tfl_exposition_check(const struct tfl_exposition *exposition, struct tfl_error *error);

#endif
