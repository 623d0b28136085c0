/* SPDX-License-Identifier: MIT */
/*
 * Counters come as index, count, index, count, ascending and without the zeros; how many verdicts there are is the sum of the bins, so
 * nothing can contradict it.
 */
#include "client/histogram_json.h"

#include <errno.h>

#include "base/error.h"
#include "stats/confidence.h"

/* A number that no counter has where there is none. */
static uint64_t number_of(const json_t *json)
{
	json_int_t number = json_is_integer(json) ? json_integer_value(json) : -1;

	return number < 0 ? UINT64_MAX : (uint64_t)number;
}

int ctl_counters_from_json(const json_t *object, const char *key, uint64_t *counters, unsigned max, uint64_t *ret_sum, struct tfl_error *error)
{
	const json_t *pairs = json_object_get(object, key);
	uint64_t sum = 0, next = 0;

	if (!json_is_array(pairs) || json_array_size(pairs) % 2)
		return tfl_error_set(error, -EPROTO, "'%s' is missing, or is no list of pairs of an index and a count", key);
	for (size_t i = 0; i < json_array_size(pairs); i += 2) {
		uint64_t index = number_of(json_array_get(pairs, i)), count = number_of(json_array_get(pairs, i + 1));

		if (index < next || index >= max || count > INT64_MAX - sum)
			return tfl_error_set(error, -EPROTO, "'%s' has a counter that cannot be", key);
		counters[index] = count;
		sum += count;
		next = index + 1;
	}
	*ret_sum = sum;
	return 0;
}

int ctl_histogram_from_json(const json_t *json, struct tfl_confidence *ret_confidence, struct tfl_error *error)
{
	struct tfl_confidence confidence = {.invalid = number_of(json_object_get(json, "invalid")), .sum = number_of(json_object_get(json, "sum"))};
	uint64_t margins = 0, fine = 0;
	int r;

	if (confidence.invalid == UINT64_MAX || confidence.sum == UINT64_MAX)
		return tfl_error_set(error, -EPROTO, "a histogram needs 'invalid' and 'sum', whole numbers");
	r = ctl_counters_from_json(json, "bins", confidence.bins, TFL_CONFIDENCE_BINS, &confidence.count, error);
	if (r == 0)
		r = ctl_counters_from_json(json, "margins", confidence.margins, TFL_CONFIDENCE_BINS, &margins, error);
	if (r == 0)
		r = ctl_counters_from_json(json, "fine", confidence.fine, TFL_CONFIDENCE_FINE, &fine, error);
	if (r == 0 && (margins != confidence.count || fine != confidence.count || confidence.sum >> 24 > confidence.count))
		r = tfl_error_set(error, -EPROTO, "a histogram's counters do not agree on how many verdicts there are");
	if (r == 0)
		*ret_confidence = confidence;
	return r;
}

json_t *ctl_counters_to_json(const uint64_t *counters, unsigned count)
{
	json_t *pairs = json_array();

	for (unsigned i = 0; i < count; i++) {
		if (counters[i] == 0)
			continue;
		json_array_append_new(pairs, json_integer(i));
		json_array_append_new(pairs, json_integer((json_int_t)counters[i]));
	}
	return pairs;
}

json_t *ctl_histogram_to_json(const struct tfl_confidence *confidence)
{
	json_t *json = json_object();

	json_object_set_new(json, "invalid", json_integer((json_int_t)confidence->invalid));
	json_object_set_new(json, "sum", json_integer((json_int_t)confidence->sum));
	json_object_set_new(json, "bins", ctl_counters_to_json(confidence->bins, TFL_CONFIDENCE_BINS));
	json_object_set_new(json, "margins", ctl_counters_to_json(confidence->margins, TFL_CONFIDENCE_BINS));
	json_object_set_new(json, "fine", ctl_counters_to_json(confidence->fine, TFL_CONFIDENCE_FINE));
	return json;
}
