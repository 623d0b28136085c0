/* SPDX-License-Identifier: MIT */
/*
 * tflctl drift: how far the verdicts of a window are from the baseline's, or from another version's; stats/drift.h says what the distances
 * mean. The exit status is that of the request, never the verdict: a script reads that from --json.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/seen.h"
#include "stats/drift.h"

struct options {
	const char *window;
	const char *against;
};

/* The answers about the version and, with --against, about the other one. */
struct answers {
	struct tfl_value *value, *other;
};

static void answers_finish(struct answers *answers)
{
	tfl_value_destroy(answers->value);
	tfl_value_destroy(answers->other);
}

/* What a window is compared with. */
static int reference_of(const struct answers *answers, size_t head, const struct ctl_seen *seen, struct tfl_confidence *ret_reference,
			struct tfl_error *error)
{
	const struct tfl_value *heads = tfl_value_get(answers->other, "heads");

	if (!answers->other) {
		*ret_reference = seen->baseline;
		return 0;
	}
	if (head >= tfl_value_size(heads))
		return tfl_error_set(error, -EINVAL, "the other version has no output number %zu that says how sure it is", head);
	return ctl_histogram_read(tfl_value_get(tfl_value_at(heads, head), "histogram"), ret_reference, error);
}

/* One window of a series, compared. */
static int compare_window(const struct tfl_value *window, const struct tfl_confidence *reference, struct tfl_drift *ret_drift,
			  struct tfl_error *error)
{
	struct tfl_confidence confidence;
	int r = ctl_histogram_read(tfl_value_get(window, "histogram"), &confidence, error);

	if (r == 0)
		tfl_drift_compute(reference, &confidence, ret_drift);
	return r;
}

static json_t *json_of_series(const struct tfl_value *series, const struct tfl_confidence *reference, struct tfl_error *error)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tfl_value_size(series); i++) {
		const struct tfl_value *window = tfl_value_at(series, i);
		struct tfl_drift drift;
		json_t *entry;

		if (compare_window(window, reference, &drift, error) < 0) {
			json_decref(list);
			return NULL;
		}
		entry = ctl_drift_json(&drift);
		json_object_set_new(entry, "age_s", json_integer((json_int_t)tfl_value_uint(tfl_value_get(window, "age_s"), 0)));
		json_array_append_new(list, entry);
	}
	return list;
}

static void print_series(const struct tfl_value *series, const struct tfl_confidence *reference)
{
	struct ctl_table table = {.columns = 4, .right = 0xe};
	char age[CTL_UNIT_MAX];

	for (size_t i = 0; i < tfl_value_size(series); i++) {
		const struct tfl_value *window = tfl_value_at(series, i);
		struct tfl_drift drift;

		if (compare_window(window, reference, &drift, NULL) < 0 || drift.window_records == 0)
			continue;
		if (table.count == 0) {
			ctl_table_add(&table, "BEGAN");
			ctl_table_add(&table, "VERDICTS");
			ctl_table_add(&table, "PSI");
			ctl_table_add(&table, "VERDICT");
		}
		ctl_table_add(&table, "%s ago", ctl_format_uptime(age, tfl_value_uint(tfl_value_get(window, "age_s"), 0)));
		ctl_table_add(&table, "%llu", (unsigned long long)drift.window_records);
		ctl_table_add(&table, drift.baseline_records > 0 ? "%.3f" : "-", drift.psi);
		ctl_table_add(&table, "%s", tfl_drift_verdict_to_string(drift.verdict));
	}
	ctl_table_print(&table, "  ");
}

static void print_verdict(const struct tfl_drift *drift)
{
	switch (drift->verdict) {
	case TFL_DRIFT_UNKNOWN:
		printf("unknown: it takes %d verdicts on each side\n", TFL_DRIFT_RECORDS_MIN);
		break;
	case TFL_DRIFT_STABLE:
		printf("stable: PSI is below %g\n", TFL_DRIFT_PSI_WATCH);
		break;
	case TFL_DRIFT_WATCHED:
		printf("watch: PSI is between %g and %g\n", TFL_DRIFT_PSI_WATCH, TFL_DRIFT_PSI_DRIFT);
		break;
	case TFL_DRIFT_DRIFTED:
		printf("drift: PSI is above %g\n", TFL_DRIFT_PSI_DRIFT);
		break;
	}
}

static void print_side(const char *before, const struct tfl_confidence *side, const char *behind)
{
	printf("  %s%llu verdict%s %s", before, (unsigned long long)side->count, ctl_plural(side->count), behind);
	if (side->count)
		printf(", mean %.3f", tfl_confidence_mean(side));
	putchar('\n');
}

static void print_head(const struct ctl_seen *seen, const struct tfl_confidence *reference, const char *against)
{
	struct tfl_drift drift;
	char window[64];

	tfl_drift_compute(reference, &seen->histogram, &drift);
	ctl_printf("  output '%s': ", seen->name);
	print_verdict(&drift);
	print_side("", &seen->histogram, ctl_window_name(seen->seconds, window, sizeof(window)));
	print_side("against ", reference, against ? "of the other version" : "of the baseline");
	if (drift.window_records > 0 && drift.baseline_records > 0) {
		printf("  PSI %.3f: %.3f over %u group%s, less %.3f that chance alone would make\n", drift.psi, drift.psi_raw, drift.groups,
		       ctl_plural(drift.groups), drift.noise);
		printf("  Jensen-Shannon %.3f bits; Kolmogorov-Smirnov %.3f\n", drift.jensen_shannon, drift.kolmogorov_smirnov);
	}
	print_series(seen->series, reference);
}

static json_t *json_of_head(const struct ctl_seen *seen, const struct tfl_confidence *reference, struct tfl_error *error)
{
	struct tfl_drift drift;
	json_t *head, *series;

	tfl_drift_compute(reference, &seen->histogram, &drift);
	series = json_of_series(seen->series, reference, error);
	if (!series)
		return NULL;
	head = ctl_drift_json(&drift);
	json_object_set_new(head, "output", json_string(seen->name));
	json_object_set_new(head, "series", series);
	return head;
}

/* Compares head by head: into @p list, or to the terminal where it is NULL. */
static int compare(const struct answers *answers, const char *against, json_t *list, struct tfl_error *error)
{
	const struct tfl_value *heads = tfl_value_get(answers->value, "heads");

	for (size_t i = 0; i < tfl_value_size(heads); i++) {
		struct tfl_confidence reference;
		struct ctl_seen seen;
		json_t *head;

		if (ctl_seen_read(tfl_value_at(heads, i), &seen, error) < 0 || reference_of(answers, i, &seen, &reference, error) < 0)
			return error->code;
		if (!list) {
			print_head(&seen, &reference, against);
			continue;
		}
		head = json_of_head(&seen, &reference, error);
		if (!head)
			return error->code;
		json_array_append_new(list, head);
	}
	return 0;
}

/* "digits" or "digits@3", and another version's number: "digits@2". */
static void other_version(const char *model, const char *number, char *buffer, size_t size)
{
	snprintf(buffer, size, "%.*s@%s", (int)strcspn(model, "@"), model, number);
}

static int report(const struct ctl *ctl, const struct answers *answers, const char *against)
{
	const char *model = tfl_value_string(tfl_value_get(answers->value, "model"), "");
	unsigned long long version = tfl_value_uint(tfl_value_get(answers->value, "version"), 0);
	struct tfl_error error;
	json_t *list;

	if (tfl_value_size(tfl_value_get(answers->value, "heads")) == 0) {
		tfl_error_set(&error, -EINVAL, "%s@%llu: no output says how sure it is: %s", model, version,
			      tfl_value_string(tfl_value_get(answers->value, "reason"), ""));
		return ctl_fail(ctl, TFL_INVALID_ARGUMENT, error.text);
	}
	if (!ctl->json)
		ctl_printf("%s@%llu\n", model, version);
	list = ctl->json ? json_array() : NULL;
	if (compare(answers, against, list, &error) < 0) {
		json_decref(list);
		return ctl_fail(ctl, error.code == -EPROTO ? TFL_PROTOCOL_ERROR : TFL_INVALID_ARGUMENT, error.text);
	}
	return list ? ctl_print_json(ctl, json_pack("{s:s, s:I, s:o}", "model", model, "version", (json_int_t)version, "heads", list)) : CTL_OK;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	TFL_CLEANUP(answers_finish) struct answers answers = {0};
	struct tfl_call_error error;
	char other[160];
	unsigned minutes = 0;

	ctl_window_parse(options->window ? options->window : "1h", &minutes, NULL);
	if (tfl_client_histogram(ctl->client, arguments->operands[0], minutes, true, &answers.value, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	if (options->against) {
		other_version(arguments->operands[0], options->against, other, sizeof(other));
		if (tfl_client_histogram(ctl->client, other, minutes, false, &answers.other, &error) < 0)
			return ctl_fail(ctl, error.status, error.message);
	}
	return report(ctl, &answers, options->against);
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	struct tfl_infer *infer = NULL;
	char other[160];
	int r = 0;

	/* The library knows what a version is. */
	if (options->against) {
		other_version("model", options->against, other, sizeof(other));
		r = tfl_infer_create(other, &infer, NULL);
		tfl_infer_destroy(infer);
	}
	if (r == -EINVAL)
		return ctl_usage(ctl, "--against takes the number of a version, as in --against 2");
	return ctl_window_check(ctl, options->window);
}

static const struct ctl_option options[] = {
	{"window", "TIME", CTL_STRING, offsetof(struct options, window), "look at the last 5m, 1h or 24h (default: 1h)",
	 .hints = "5m 15m 1h 24h"},
	{"against", "VERSION", CTL_STRING, offsetof(struct options, against), "another version instead of the baseline"},
};

const struct ctl_command ctl_cmd_drift = {
	.name = "drift",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "has confidence moved away?",
	.summary = "Say whether a model's confidence has moved away from its baseline.",
	.details = "Below a PSI of 0.1 it is stable, to 0.25 worth watching, above it has drifted; with\n"
		   "fewer than 500 verdicts on either side it is unknown.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
