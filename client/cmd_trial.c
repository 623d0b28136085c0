/* SPDX-License-Identifier: MIT */
/*
 * tflctl trial: what the guard sees of a version that was swapped in, how far that is from its limits, and when it is over. The exit
 * status is that of the request, never the verdict: a script reads that from --json.
 */
#include <stdio.h>
#include <string.h>

#include "client/ctl.h"
#include "client/limit_words.h"
#include "client/print.h"

static uint64_t number(const struct tfl_value *value, const char *key)
{
	return tfl_value_uint(tfl_value_get(value, key), 0);
}

static double real(const struct tfl_value *value, const char *key)
{
	return tfl_value_double(tfl_value_get(value, key), 0);
}

static const char *text(const struct tfl_value *value, const char *key)
{
	return tfl_value_string(tfl_value_get(value, key), "");
}

#define FIGURE CTL_UNIT_MAX

static const char *format_share(double value, char *figure)
{
	snprintf(figure, FIGURE, "%.1f %%", 100 * value);
	return figure;
}

static const char *format_latency(double value, char *figure)
{
	return ctl_format_duration(figure, value);
}

static const char *format_mean(double value, char *figure)
{
	snprintf(figure, FIGURE, "%.3f", value);
	return figure;
}

static const char *format_psi(double value, char *figure)
{
	snprintf(figure, FIGURE, "%.2f", value);
	return figure;
}

static const char *format_count(double value, char *figure)
{
	snprintf(figure, FIGURE, "%.0f", value);
	return figure;
}

static const char *(*const formats[CTL_LIMITS])(double value, char *figure) = {
	[CTL_LIMIT_ERRORS] = format_share, [CTL_LIMIT_LATENCY] = format_latency, [CTL_LIMIT_CONFIDENCE] = format_mean,
	[CTL_LIMIT_DRIFT] = format_psi,    [CTL_LIMIT_NAN] = format_count,
};

static void print_limits(const struct tfl_value *value)
{
	struct ctl_table table = {.columns = 5, .right = 0xe};
	const struct tfl_value *list = tfl_value_get(value, "limits");
	char figure[FIGURE], standing[CTL_STANDING_MAX];

	ctl_table_add(&table, "WATCHED");
	ctl_table_add(&table, "SEEN");
	ctl_table_add(&table, "BEFORE");
	ctl_table_add(&table, "LIMIT");
	ctl_table_add(&table, "HOW NEAR");
	for (size_t i = 0; i < tfl_value_size(list); i++) {
		const struct tfl_value *limit = tfl_value_at(list, i);
		enum ctl_limit row = ctl_limit_find(text(limit, "name"));
		bool nothing = strcmp(text(limit, "standing"), "nothing") == 0;

		if (row == CTL_LIMITS)
			continue; /* of a newer daemon */
		ctl_table_add(&table, "%s", ctl_limits[row].title);
		ctl_table_add(&table, "%s", nothing ? "-" : formats[row](real(limit, "value"), figure));
		if (!nothing && ctl_limits[row].compared && !tfl_value_bool(tfl_value_get(limit, "absolute"), false))
			ctl_table_add(&table, "%s", formats[row](real(limit, "reference"), figure));
		else
			ctl_table_add(&table, "-");
		ctl_table_add(&table, "%s", nothing ? "-" : formats[row](real(limit, "limit"), figure));
		ctl_table_add(&table, "%s", ctl_limit_standing(text(limit, "standing"), real(limit, "evidence"), standing));
	}
	ctl_table_print(&table, "  ");
}

static uint64_t missing(const struct tfl_value *value, const char *have, const char *wanted)
{
	return number(value, wanted) > number(value, have) ? number(value, wanted) - number(value, have) : 0;
}

/* "ends when it has served 569 more requests, not before 6 min" */
static void print_end(const struct tfl_value *value)
{
	uint64_t requests = missing(value, "requests", "requests_wanted"), seconds = missing(value, "seconds", "seconds_wanted");
	char time[CTL_UNIT_MAX];

	printf("  %llu request%s in %s; it has passed ", (unsigned long long)number(value, "requests"),
	       ctl_plural(number(value, "requests")), ctl_format_uptime(time, number(value, "seconds")));
	if (requests)
		printf("after %llu more", (unsigned long long)requests);
	if (seconds)
		printf("%s%s", requests ? ", not before " : "in ", ctl_format_uptime(time, seconds));
	printf(requests || seconds ? "\n" : "now\n");
}

/* "measured against the last 1812 requests of version 1, in 41 min" */
static void print_reference(const struct tfl_value *value)
{
	const struct tfl_value *reference = tfl_value_get(value, "reference"), *first = tfl_value_at(tfl_value_get(value, "limits"), 0);
	uint64_t requests = number(reference, "requests"), beside = number(reference, "beside");
	unsigned long long previous = number(value, "previous");
	char time[CTL_UNIT_MAX];

	if (!reference)
		return; /* an older daemon */
	if (tfl_value_bool(tfl_value_get(first, "absolute"), false))
		printf("  version %llu had served %llu request%s before, too few to compare with: limits are absolute\n", previous,
		       (unsigned long long)requests, ctl_plural(requests));
	else
		printf("  measured against the last %llu requests of version %llu, in %s\n", (unsigned long long)requests, previous,
		       ctl_format_uptime(time, number(reference, "seconds")));
	if (beside)
		printf("  and against %llu that version %llu has served meanwhile\n", (unsigned long long)beside, previous);
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	const struct tfl_value *rejected = tfl_value_get(value, "rejected");
	const char *model = text(value, "model"), *state = text(value, "state");
	unsigned long long active = number(value, "active");

	if (strcmp(state, "running") == 0) {
		ctl_printf("%s@%llu is on trial against version %llu\n", model, (unsigned long long)number(value, "candidate"),
			   (unsigned long long)number(value, "previous"));
		print_end(value);
		print_reference(value);
		print_limits(value);
	} else if (strcmp(state, "waiting") == 0) {
		ctl_printf("%s@%llu is on trial, which goes on when the version before is loaded too\n", model, active);
	} else if (active) {
		ctl_printf("%s is not on trial; version %llu serves\n", model, active);
	} else {
		ctl_printf("%s is not on trial; no version serves\n", model);
	}
	for (size_t i = 0; i < tfl_value_size(rejected); i++) {
		const struct tfl_value *entry = tfl_value_at(rejected, i);

		ctl_printf("  version %llu was rejected %s\n", (unsigned long long)number(entry, "version"), text(entry, "reason"));
	}
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	return tfl_client_trial(client, arguments->operands[0], ret_value, error);
}

const struct ctl_command ctl_cmd_trial = {
	.name = "trial",
	.operands = "MODEL",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "how a new version stands",
	.summary = "Show what is seen of a version that was swapped in, and how far that is from its limits.",
	.details = "A limit trips when it is sure that it is passed, not when what is seen is above it: the last column says how much of "
		   "the evidence for that there is. Then the version before serves again, and this one is rejected. Limits are in "
		   "model.conf; doc/trial.md says how they are judged.\n",
	.call = call,
	.print = print_text,
};
