/* SPDX-License-Identifier: MIT */
/* tflctl baseline: shows what a model's drift is measured against, or makes it what was seen lately. */
#include <stdio.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/seen.h"

struct options {
	bool set;
	const char *window;
};

static void print_head(const struct ctl_seen *seen)
{
	char time[CTL_UNIT_MAX];

	ctl_printf("  output '%s': %llu verdict%s, mean confidence %.3f, ", seen->name, (unsigned long long)seen->baseline.count,
		   ctl_plural(seen->baseline.count), tfl_confidence_mean(&seen->baseline));
	if (seen->baseline_set)
		printf("set %s\n", ctl_format_time(time, seen->baseline_since));
	else if (seen->baseline.count + seen->baseline.invalid < seen->baseline_wanted)
		printf("the first of %llu\n", (unsigned long long)seen->baseline_wanted);
	else
		printf("the first ones\n");
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	const struct tfl_value *heads = tfl_value_get(value, "heads");
	uint64_t verdicts = tfl_value_uint(tfl_value_get(value, "verdicts"), 0);
	struct ctl_seen seen;

	ctl_printf("%s@%llu", tfl_value_string(tfl_value_get(value, "model"), ""),
		   (unsigned long long)tfl_value_uint(tfl_value_get(value, "version"), 0));
	if (options->set) {
		printf("  baseline set: %llu verdict%s\n", (unsigned long long)verdicts, ctl_plural(verdicts));
		return;
	}
	putchar('\n');
	if (tfl_value_size(heads) == 0)
		ctl_printf("  none: %s\n", tfl_value_string(tfl_value_get(value, "reason"), ""));
	for (size_t i = 0; i < tfl_value_size(heads); i++)
		if (ctl_seen_read(tfl_value_at(heads, i), &seen, NULL) == 0)
			print_head(&seen);
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	const struct options *options = arguments->options;
	unsigned minutes = 0;

	ctl_window_parse(options->window, &minutes, NULL);
	if (options->set)
		return tfl_client_set_baseline(client, arguments->operands[0], minutes, ret_value, error);
	return tfl_client_histogram(client, arguments->operands[0], 0, false, ret_value, error);
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;

	if (options->window && !options->set)
		return ctl_usage(ctl, "--window says of what --set makes a baseline; it goes with that");
	return ctl_window_check(ctl, options->window);
}

static const struct ctl_option options[] = {
	{"set", NULL, CTL_FLAG, offsetof(struct options, set), "make what was seen the baseline"},
	{"window", "TIME", CTL_STRING, offsetof(struct options, window), "of the last 5m, 1h or 24h (default: all)"},
};

const struct ctl_command ctl_cmd_baseline = {
	.name = "baseline",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "what drift is measured by",
	.summary = "Show or set what a model's drift is measured against.",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.call = call,
	.print = print_text,
};
