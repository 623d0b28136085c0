/* SPDX-License-Identifier: MIT */
/*
 * Bytes and text that lie in memory of somebody else, as a rule in a frame: they are valid as long as that memory is, own nothing and
 * are passed by value. Text has no terminating NUL. A NULL pointer means "not given"; a given one of size 0 does not.
 */
#ifndef PROTO_VIEW_H
#define PROTO_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tfl_slice {
	const uint8_t *data;
	size_t size;
};

struct tfl_string {
	const char *text;
	size_t length;
};

/* For printf's "%.*s". */
#define TFL_STRING_ARGS(string) (int)(string).length, (string).text ? (string).text : ""

/** A view of a NUL-terminated text; NULL gives the string that is not given. */
static inline struct tfl_string tfl_string_of(const char *text)
{
	return (struct tfl_string){text, text ? strlen(text) : 0};
}

static inline bool tfl_string_equal(struct tfl_string string, const char *text)
{
	return string.text && string.length == strlen(text) && memcmp(string.text, text, string.length) == 0;
}

#endif
