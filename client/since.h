/* SPDX-License-Identifier: MIT */
/* A time in the past as a person writes it. */
#ifndef CLIENT_SINCE_H
#define CLIENT_SINCE_H

#include <stdint.h>

struct tfl_error;

/**
 * "2h", "30m", "7d" (ago), "today", "yesterday", "14:30" (today), "2026-11-26", "2026-11-26 14:30[:05]" in local time,
 * "2026-11-26T14:30:05Z": seconds since 1970, when it is @p now. -EINVAL with a sentence.
 */
int ctl_since_parse(const char *text, int64_t now, int64_t *ret_seconds, struct tfl_error *error);

#endif
