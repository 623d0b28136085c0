/* SPDX-License-Identifier: MIT */
#include "client/since.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "client/bench.h"

#define AGO_MAX_NS (INT64_C(3650) * 86400 * 1000000000)

/* What strptime() leaves as it is, is midnight of today. */
static const struct {
	const char *format;
	bool utc;
} formats[] = {
	{"%Y-%m-%d %H:%M:%S", false},
	{"%Y-%m-%d %H:%M", false},
	{"%Y-%m-%d", false},
	{"%Y-%m-%dT%H:%M:%SZ", true},
	{"%H:%M:%S", false},
	{"%H:%M", false},
};

static int64_t midnight(int64_t now, int days_before)
{
	struct tm parts = {0};
	time_t at = (time_t)now;

	localtime_r(&at, &parts);
	parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
	parts.tm_mday -= days_before;
	parts.tm_isdst = -1;
	return (int64_t)mktime(&parts);
}

static bool read_date(const char *text, int64_t now, int64_t *ret_seconds)
{
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(formats); i++) {
		time_t at = (time_t)midnight(now, 0);
		struct tm parts = {0};
		const char *end;

		localtime_r(&at, &parts);
		end = strptime(text, formats[i].format, &parts);
		if (!end || *end)
			continue;
		parts.tm_isdst = -1;
		*ret_seconds = (int64_t)(formats[i].utc ? timegm(&parts) : mktime(&parts));
		return true;
	}
	return false;
}

int ctl_since_parse(const char *text, int64_t now, int64_t *ret_seconds, struct tfl_error *error)
{
	int64_t ago_ns;

	if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
		*ret_seconds = midnight(now, *text == 'y');
		return 0;
	}
	if (read_date(text, now, ret_seconds))
		return 0;
	if (bench_duration_parse(text, "--since", 0, AGO_MAX_NS, &ago_ns, NULL) == 0) {
		*ret_seconds = now - ago_ns / 1000000000;
		return 0;
	}
	return tfl_error_set(error, -EINVAL, "--since takes a time such as 2h, 7d, today, 14:30 or '2026-11-26 14:30', not '%s'", text);
}
