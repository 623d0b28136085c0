/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/bench.h"

/* A decimal number without a sign at *text, which is moved behind it. */
static bool read_number(const char **text, double *ret_number)
{
	char *end;

	if (strspn(*text, "0123456789.") == 0)
		return false;
	*ret_number = strtod(*text, &end);
	if (end > *text + strspn(*text, "0123456789.e+-") || end == *text || !isfinite(*ret_number))
		return false;
	*text = end;
	return true;
}

static bool read_range(const char *text, struct bench_range *range)
{
	*range = (struct bench_range){.step = 1};
	if (!read_number(&text, &range->begin))
		return false;
	range->end = range->begin;
	if (*text == ':') {
		text++;
		if (!read_number(&text, &range->end))
			return false;
	}
	if (*text == ':') {
		text++;
		range->times = *text == 'x';
		text += range->times;
		if (!read_number(&text, &range->step))
			return false;
	}
	return *text == '\0';
}

static bool is_whole(const struct bench_range *range)
{
	return range->begin == floor(range->begin) && range->end == floor(range->end) && range->step == floor(range->step);
}

int bench_range_parse(const char *text, const char *what, double least, double most, bool whole, struct bench_range *ret_range,
		      struct tfl_error *error)
{
	struct bench_range range;

	if (!read_range(text, &range) || (whole && !is_whole(&range)))
		return tfl_error_set(error, -EINVAL, "%s takes START[:END[:STEP]]%s, such as 1:8, 1:16:5 or 1:64:x2, not '%s'", what,
				     whole ? " in whole numbers" : "", text);
	if (range.begin < least || range.end > most)
		return tfl_error_set(error, -EINVAL, "%s goes from %.10g to %.10g, not '%s'", what, least, most, text);
	if (range.end < range.begin)
		return tfl_error_set(error, -EINVAL, "%s ends before it begins: '%s'", what, text);
	if (range.times ? range.step <= 1 : range.step <= 0)
		return tfl_error_set(error, -EINVAL, "%s: a step is above 0, a factor above 1, not '%s'", what, text);
	*ret_range = range;
	return 0;
}

double bench_range_next(const struct bench_range *range, double value)
{
	return range->times ? value * range->step : value + range->step;
}

static const struct {
	const char *unit;
	double ns;
} units[] = {{"", 1e9}, {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};

int bench_duration_parse(const char *text, const char *what, int64_t least, int64_t most, int64_t *ret_ns, struct tfl_error *error)
{
	const char *unit = text;
	double number;

	if (read_number(&unit, &number)) {
		for (unsigned i = 0; i < TFL_ARRAY_SIZE(units); i++) {
			if (strcmp(unit, units[i].unit) != 0)
				continue;
			if (number * units[i].ns < (double)least || number * units[i].ns > (double)most)
				return tfl_error_set(error, -EINVAL, "%s is from %g to %g seconds, not '%s'", what, (double)least / 1e9,
						     (double)most / 1e9, text);
			*ret_ns = (int64_t)(number * units[i].ns);
			return 0;
		}
	}
	return tfl_error_set(error, -EINVAL, "%s takes a time such as 5s, 500ms or 2m, not '%s'", what, text);
}
