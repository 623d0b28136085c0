/* SPDX-License-Identifier: MIT */
/*
 * tflctl hist: how sure a version is of its verdicts, as a bar chart with the baseline's beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/chart.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/seen.h"

#define CLASSES_SHOWN 10

struct options {
	const char *window;
	bool per_class;
	int top;
};

static void print_baseline(const struct ctl_seen *seen)
{
	char time[CTL_UNIT_MAX];

	if (seen->baseline_set)
		printf("  baseline: %llu verdict%s, mean %.3f, set %s\n", (unsigned long long)seen->baseline.count,
		       ctl_plural(seen->baseline.count), tfl_confidence_mean(&seen->baseline), ctl_format_time(time, seen->baseline_since));
	else
		printf("  baseline: the first %llu of %llu verdicts, mean %.3f\n", (unsigned long long)seen->baseline.count,
		       (unsigned long long)seen->baseline_wanted, tfl_confidence_mean(&seen->baseline));
}

static void print_classes(const struct ctl_seen *seen, const struct tfl_value *labels, unsigned shown)
{
	size_t count = tfl_value_size(seen->counts) / 2;
	_tfl_free_ struct ctl_class *classes = calloc(count + 1, sizeof(*classes));

	for (size_t i = 0; classes && i < count; i++)
		classes[i] = (struct ctl_class){tfl_value_uint(tfl_value_at(seen->counts, 2 * i), 0),
						tfl_value_uint(tfl_value_at(seen->counts, 2 * i + 1), 0)};
	if (classes)
		ctl_classes_print(classes, count, seen->histogram.count, labels, shown);
}

static void print_head(const struct ctl_seen *seen, const struct tfl_value *labels, const struct options *options)
{
	char window[64];

	ctl_printf_wrapped("", 2, "output '%s': %s (%s)", seen->name, seen->kind, seen->reason);
	printf("  %llu verdict%s %s", (unsigned long long)seen->histogram.count, ctl_plural(seen->histogram.count),
	       ctl_window_name(seen->seconds, window, sizeof(window)));
	if (seen->histogram.invalid)
		printf(", %llu more were no numbers", (unsigned long long)seen->histogram.invalid);
	if (seen->histogram.count)
		printf("; mean confidence %.3f", tfl_confidence_mean(&seen->histogram));
	putchar('\n');
	print_baseline(seen);
	ctl_chart_print(&seen->histogram, &seen->baseline);
	if (options->per_class)
		print_classes(seen, labels, options->top ? (unsigned)options->top : CLASSES_SHOWN);
}

static int show(struct ctl *ctl, const struct tfl_value *value, const struct options *options)
{
	const struct tfl_value *heads = tfl_value_get(value, "heads");
	char model[128];
	struct tfl_value *description = NULL;
	struct tfl_error error;
	int status = CTL_OK;

	snprintf(model, sizeof(model), "%s@%llu", tfl_value_string(tfl_value_get(value, "model"), ""),
		 (unsigned long long)tfl_value_uint(tfl_value_get(value, "version"), 0));
	/* For the labels alone; without them classes have numbers. */
	if (options->per_class)
		tfl_client_describe(ctl->client, model, &description, NULL);
	ctl_printf("%s\n", model);
	if (tfl_value_size(heads) == 0)
		ctl_printf_wrapped("", 2, "no output says how sure it is: %s", tfl_value_string(tfl_value_get(value, "reason"), ""));
	for (size_t i = 0; i < tfl_value_size(heads) && status == CTL_OK; i++) {
		struct ctl_seen seen;

		if (ctl_seen_read(tfl_value_at(heads, i), &seen, &error) < 0)
			status = ctl_fail(ctl, TFL_PROTOCOL_ERROR, error.text);
		else
			print_head(&seen, tfl_value_get(description, "labels"), options);
	}
	tfl_value_destroy(description);
	return status;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	struct tfl_value *value = NULL;
	struct tfl_call_error error;
	unsigned minutes = 0;
	int status;

	ctl_window_parse(options->window, &minutes, NULL);
	if (tfl_client_histogram(ctl->client, arguments->operands[0], minutes, false, &value, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	status = ctl->json ? ctl_print_json(ctl, ctl_json_of(value)) : show(ctl, value, options);
	tfl_value_destroy(value);
	return status;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	return ctl_window_check(ctl, ((const struct options *)arguments->options)->window);
}

static const struct ctl_option options[] = {
	{"window", "TIME", CTL_STRING, offsetof(struct options, window), "of the last 5m, 1h or 24h alone (default: all)",
	 .hints = "5m 15m 1h 24h"},
	{"per-class", NULL, CTL_FLAG, offsetof(struct options, per_class), "how often each class won, too"},
	{"top", "N", CTL_NUMBER, offsetof(struct options, top), "of that, the N most frequent (default: 10)", 1, 1024},
};

const struct ctl_command ctl_cmd_hist = {
	.name = "hist",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "how sure a model is",
	.summary = "Show how sure a model is of its verdicts, beside its baseline.",
	.details = "Of every request the confidence of the best class is counted. The baseline is the\n"
		   "first 1,000 verdicts, or what 'tflctl baseline --set' made of them.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
