/* SPDX-License-Identifier: MIT */
/* From the answer to numbers, and from the tests of single things to one outcome. */
#include "client/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/memory.h"
#include "client/seen.h"

#define SEED 1 /* of the bootstrap: who asks twice with nothing in between gets the same answer */

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

/* What answered requests, or @p copied ones. */
static int read_counts(const struct tfl_value *value, struct ctl_compare_side *side, struct tfl_error *error)
{
	const struct tfl_value *counts = side->copied ? tfl_value_get(value, "shadow") : value;
	uint64_t ok = number(tfl_value_get(counts, "results"), "OK");

	side->results = tfl_value_get(counts, "results");
	side->requests = number(counts, "requests");
	side->errors = side->requests - ok;
	return ok > side->requests ? tfl_error_set(error, -EPROTO, "the daemon tells of more successes than requests") : 0;
}

static int read_latency(const struct tfl_value *value, bool computing, struct ctl_compare_side *side, struct tfl_error *error)
{
	const struct tfl_value *stages = tfl_value_get(value, "latency");

	if (side->copied)
		return ctl_latency_read(tfl_value_get(tfl_value_get(value, "shadow"), "compute"), &side->latency, error);
	return ctl_latency_read(tfl_value_get(stages, computing ? "compute" : "total"), &side->latency, error);
}

static void read_side(const struct tfl_value *value, struct ctl_compare_side *side)
{
	side->version = number(value, "version");
	side->active = tfl_value_bool(tfl_value_get(value, "active"), false);
	side->since = number(value, "since");
	side->copied = number(value, "requests") == 0 && number(tfl_value_get(value, "shadow"), "requests") > 0;
	side->memory_bytes = ctl_memory_bytes(tfl_value_get(value, "memory"));
}

static int read_measures(const struct tfl_value *versions, struct ctl_compare *compare, struct tfl_error *error)
{
	int r = 0;

	for (unsigned i = 0; i < 2 && r == 0; i++) {
		r = read_counts(tfl_value_at(versions, i), &compare->sides[i], error);
		if (r == 0)
			r = read_latency(tfl_value_at(versions, i), compare->computing, &compare->sides[i], error);
	}
	return r;
}

static int read_sides(const struct tfl_value *versions, struct ctl_compare *compare, struct tfl_error *error)
{
	int r;

	for (unsigned i = 0; i < 2; i++)
		read_side(tfl_value_at(versions, i), &compare->sides[i]);
	compare->computing = compare->sides[0].copied || compare->sides[1].copied;
	r = read_measures(versions, compare, error);
	for (unsigned i = 0; i < 2; i++) {
		const struct tfl_value *agreement = tfl_value_get(tfl_value_get(tfl_value_at(versions, i), "shadow"), "agreement");

		compare->agreement = agreement ? agreement : compare->agreement;
	}
	return r;
}

static const struct tfl_value *find_head(const struct tfl_value *version, uint64_t output)
{
	const struct tfl_value *heads = tfl_value_get(version, "heads");

	for (size_t i = 0; i < tfl_value_size(heads); i++)
		if (tfl_value_uint(tfl_value_get(tfl_value_at(heads, i), "output"), UINT64_MAX) == output)
			return tfl_value_at(heads, i);
	return NULL;
}

/* By its name, or by its index. */
static bool is_meant(const struct tfl_value *head, const char *output)
{
	char *end;
	uint64_t index;

	if (!output || strcmp(tfl_value_string(tfl_value_get(head, "name"), ""), output) == 0)
		return true;
	errno = 0;
	index = strtoull(output, &end, 10);
	return errno == 0 && *output >= '0' && *output <= '9' && !*end && index == number(head, "output");
}

/* The first output of that name that both have: by its place, since a name may have changed. */
static int read_confidence(const struct tfl_value *versions, const char *output, struct ctl_compare *compare, struct tfl_error *error)
{
	const struct tfl_value *first = tfl_value_at(versions, 0), *second = tfl_value_at(versions, 1);
	const struct tfl_value *heads = tfl_value_get(first, "heads"), *found[2] = {NULL, NULL};
	int r = 0;

	for (size_t i = 0; i < tfl_value_size(heads) && !found[1]; i++) {
		found[0] = tfl_value_at(heads, i);
		if (is_meant(found[0], output))
			found[1] = find_head(second, tfl_value_uint(tfl_value_get(found[0], "output"), UINT64_MAX));
	}
	if (!found[1] && output)
		return tfl_error_set(error, -EINVAL, "there is no output '%s' by which both versions say how sure they are; 'tflctl hist' "
				     "shows those of each", output);
	if (!found[1]) {
		compare->reason = tfl_value_string(tfl_value_get(tfl_value_size(heads) ? second : first, "reason"), "");
		return 0;
	}
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		struct ctl_compare_side *side = &compare->sides[i];

		r = ctl_histogram_read(tfl_value_get(found[i], "histogram"), &side->confidence, error);
		side->drift = tfl_value_string(tfl_value_get(found[i], "drift"), "unknown");
		side->psi = tfl_value_double(tfl_value_get(found[i], "psi"), 0);
	}
	compare->output = tfl_value_string(tfl_value_get(found[0], "name"), "");
	return r;
}

/* A version that was loaded again since, or is a shadow anew, counts from then. */
static void take_off(struct ctl_compare_side *side, const struct ctl_compare_side *earlier, uint64_t at)
{
	if (earlier->since != side->since || earlier->requests > side->requests || earlier->errors > side->errors)
		return;
	side->since = at;
	side->results = NULL; /* which are of all that it did */
	side->requests -= earlier->requests;
	side->errors -= earlier->errors;
	tfl_latency_subtract(&side->latency, &earlier->latency);
	tfl_confidence_subtract(&side->confidence, &earlier->confidence);
}

/* Leaves what came after the earlier answer, which is of the same two versions. */
static int narrow(const struct ctl_compare_window *window, const char *output, struct ctl_compare *compare, struct tfl_error *error)
{
	const struct tfl_value *versions = tfl_value_get(window->earlier, "versions");
	_tfl_free_ struct ctl_compare *earlier = calloc(1, sizeof(*earlier));
	int r;

	if (!earlier)
		return tfl_error_set(error, -ENOMEM, "no memory to compare");
	if (tfl_value_size(versions) != 2)
		return tfl_error_set(error, -EPROTO, "the daemon's answer is not about two versions");
	for (unsigned i = 0; i < 2; i++) {
		read_side(tfl_value_at(versions, i), &earlier->sides[i]);
		earlier->sides[i].copied = compare->sides[i].copied; /* the same measures of both */
	}
	earlier->computing = compare->computing;
	r = read_measures(versions, earlier, error);
	if (r == 0 && compare->output)
		r = read_confidence(versions, output, earlier, error);
	for (unsigned i = 0; i < 2 && r == 0; i++)
		take_off(&compare->sides[i], &earlier->sides[i], window->since);
	return r;
}

static void compute(struct ctl_compare *compare)
{
	struct tfl_compare_side sides[2];

	for (unsigned i = 0; i < 2; i++) {
		const struct ctl_compare_side *side = &compare->sides[i];

		sides[i] = (struct tfl_compare_side){
			.requests = side->requests,
			.errors = side->errors,
			.latency = &side->latency,
			.confidence = compare->output ? &side->confidence : NULL,
		};
	}
	tfl_compare(&sides[0], &sides[1], SEED, &compare->result);
}

int ctl_compare_create(const struct tfl_value *answer, const struct ctl_compare_window *window, const char *output,
		       struct ctl_compare **ret_compare, struct tfl_error *error)
{
	const struct tfl_value *versions = tfl_value_get(answer, "versions");
	_tfl_free_ struct ctl_compare *compare = calloc(1, sizeof(*compare));
	int r;

	if (!compare)
		return tfl_error_set(error, -ENOMEM, "no memory to compare");
	if (tfl_value_size(versions) != 2)
		return tfl_error_set(error, -EPROTO, "the daemon's answer is not about two versions");
	compare->model = tfl_value_string(tfl_value_get(answer, "model"), "");
	r = read_sides(versions, compare, error);
	if (r == 0)
		r = read_confidence(versions, output, compare, error);
	if (r == 0 && window)
		r = narrow(window, output, compare, error);
	if (r < 0)
		return r;
	compute(compare);
	*ret_compare = TFL_STEAL(compare);
	return 0;
}

enum ctl_compare_outcome ctl_compare_outcome(const struct tfl_compare *result, double *ret_probability)
{
	bool better[2] = {false, false}, unknown = false;
	double probability = 0;

	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++) {
		const struct tfl_comparison *subject = &result->subjects[i];
		bool first = subject->verdict == TFL_COMPARE_FIRST, second = subject->verdict == TFL_COMPARE_SECOND;

		unknown = unknown || subject->verdict == TFL_COMPARE_UNKNOWN;
		if (subject->slight || (!first && !second))
			continue;
		better[second] = true;
		probability = subject->probability > probability ? subject->probability : probability;
	}
	*ret_probability = probability;
	if (better[0] && better[1])
		return CTL_COMPARE_BOTH;
	if (better[0] || better[1])
		return better[0] ? CTL_COMPARE_FIRST : CTL_COMPARE_SECOND;
	return unknown ? CTL_COMPARE_OPEN : CTL_COMPARE_EQUAL;
}

/* The lines about the two. */
static json_t *json_of_agreement(const struct ctl_compare *compare)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tfl_value_size(compare->agreement); i++) {
		uint64_t version = number(tfl_value_at(compare->agreement, i), "version");

		if (version == compare->sides[0].version || version == compare->sides[1].version)
			json_array_append_new(list, ctl_json_of(tfl_value_at(compare->agreement, i)));
	}
	return list;
}

static json_t *json_of_side(const struct ctl_compare_side *side)
{
	json_t *json = json_pack("{s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "version", (json_int_t)side->version, "active",
			 side->active, "copied", side->copied, "since", (json_int_t)side->since, "requests", (json_int_t)side->requests,
			 "errors", (json_int_t)side->errors,
			 "memory_bytes", (json_int_t)side->memory_bytes, "p50_ns", (json_int_t)tfl_latency_percentile(&side->latency, 0.5),
			 "p99_ns", (json_int_t)tfl_latency_percentile(&side->latency, 0.99), "verdicts", (json_int_t)side->confidence.count,
			 "confidence", tfl_confidence_mean(&side->confidence));

	if (side->drift) {
		json_object_set_new(json, "drift", json_string(side->drift));
		json_object_set_new(json, "psi", json_real(side->psi));
	}
	if (side->results)
		json_object_set_new(json, "results", ctl_json_of(side->results));
	return json;
}

/* Null: not in reach. */
static json_t *json_of_more(uint64_t more)
{
	return more > INT64_MAX ? json_null() : json_integer((json_int_t)more);
}

static json_t *json_of_subject(const struct ctl_compare *compare, enum tfl_compare_subject which)
{
	const struct tfl_comparison *subject = &compare->result.subjects[which];
	json_t *json = json_pack("{s:s, s:s, s:b, s:b, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "subject", tfl_compare_subject_to_string(which),
				 "verdict", tfl_compare_verdict_to_string(subject->verdict), "measured", subject->measured, "slight",
				 subject->slight, "first", subject->first, "second", subject->second, "difference", subject->difference,
				 "low", subject->low, "high", subject->high, "probability", subject->probability, "matters",
				 tfl_compare_matters(which));

	if (subject->verdict == TFL_COMPARE_UNKNOWN)
		json_object_set_new(json, "more",
				    json_pack("[o, o]", json_of_more(subject->more_first), json_of_more(subject->more_second)));
	return json;
}

json_t *ctl_compare_json(const struct ctl_compare *compare)
{
	static const char *const outcomes[] = {
		[CTL_COMPARE_OPEN] = "open", [CTL_COMPARE_EQUAL] = "equal", [CTL_COMPARE_FIRST] = "first",
		[CTL_COMPARE_SECOND] = "second", [CTL_COMPARE_BOTH] = "both",
	};
	double probability;
	enum ctl_compare_outcome outcome = ctl_compare_outcome(&compare->result, &probability);
	bool differs = outcome != CTL_COMPARE_OPEN && outcome != CTL_COMPARE_EQUAL;
	json_t *subjects = json_array();

	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++)
		json_array_append_new(subjects, json_of_subject(compare, i));
	return json_pack("{s:s, s:[o, o], s:s?, s:b, s:s, s:o, s:o, s:o}", "model", compare->model, "versions",
			 json_of_side(&compare->sides[0]), json_of_side(&compare->sides[1]), "output", compare->output, "computing",
			 compare->computing, "better", outcomes[outcome], "probability",
			 differs ? json_real(probability) : json_null(), "subjects", subjects, "agreement", json_of_agreement(compare));
}
