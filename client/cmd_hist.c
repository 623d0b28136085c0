/* SPDX-License-Identifier: MIT */
/*
 * tflctl hist: how sure a version is of its verdicts, as a bar chart with the baseline's beside it. Fifty bins are shown as twenty-five lines; bars are
 * as long as their share of the verdicts, the longest of all fills its column, and the baseline is drawn to the same scale.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/seen.h"

#define LINES 25
#define BAR_COLUMNS 30    /* at most */
#define OTHER_COLUMNS 34u /* of a line: the bounds in front, a share behind each bar */
#define CLASSES_SHOWN 10

struct options {
	const char *window;
	bool per_class;
	int top;
};

/* The share of a line's two bins. */
static double line_share(const struct tfl_confidence *confidence, unsigned line)
{
	uint64_t count = confidence->bins[2 * line] + confidence->bins[2 * line + 1];

	return confidence->count ? (double)count / (double)confidence->count : 0;
}

static void print_chart(const struct ctl_seen *seen)
{
	unsigned first = LINES, room = (ctl_width() - OTHER_COLUMNS) / 2, length = room < BAR_COLUMNS ? room : BAR_COLUMNS;
	char bar[3 * BAR_COLUMNS + 1];
	double longest = 0;

	for (unsigned i = 0; i < LINES; i++) {
		double here = line_share(&seen->histogram, i), there = line_share(&seen->baseline, i);

		longest = here > longest ? here : longest;
		longest = there > longest ? there : longest;
		first = first == LINES && here + there > 0 ? i : first;
	}
	printf("  CONFIDENCE    %-*sBASELINE\n", (int)length + 10, "NOW");
	for (unsigned i = first; i < LINES; i++) {
		printf("  %.2f to %.2f  ", i * 2.0 / TFL_CONFIDENCE_BINS, (i + 1) * 2.0 / TFL_CONFIDENCE_BINS);
		printf("%s %5.1f %%  ", ctl_format_bar(bar, length, line_share(&seen->histogram, i) / longest), 100 * line_share(&seen->histogram, i));
		printf("%s %5.1f %%\n", ctl_format_bar(bar, length, line_share(&seen->baseline, i) / longest), 100 * line_share(&seen->baseline, i));
	}
}

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

struct winner {
	uint64_t index, count;
};

static int by_count(const void *left, const void *right)
{
	const struct winner *a = left, *b = right;

	return a->count != b->count ? (a->count < b->count ? 1 : -1) : (a->index > b->index) - (a->index < b->index);
}

static void print_classes(const struct ctl_seen *seen, const struct tfl_value *labels, unsigned shown)
{
	size_t count = tfl_value_size(seen->counts) / 2;
	_tfl_free_ struct winner *winners = calloc(count + 1, sizeof(*winners));
	struct ctl_table table = {.columns = 3, .right = 0x6};

	if (!winners || seen->histogram.count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		winners[i] = (struct winner){tfl_value_uint(tfl_value_at(seen->counts, 2 * i), 0), tfl_value_uint(tfl_value_at(seen->counts, 2 * i + 1), 0)};
	qsort(winners, count, sizeof(*winners), by_count);
	ctl_table_add(&table, "CLASS");
	ctl_table_add(&table, "VERDICTS");
	ctl_table_add(&table, "SHARE");
	for (size_t i = 0; i < count && i < shown; i++) {
		const char *label = tfl_value_string(tfl_value_at(labels, winners[i].index), "");

		char number[24];

		snprintf(number, sizeof(number), "%llu", (unsigned long long)winners[i].index);
		ctl_table_add(&table, "%s%s%s", number, *label && strcmp(label, number) != 0 ? " " : "", strcmp(label, number) != 0 ? label : "");
		ctl_table_add(&table, "%llu", (unsigned long long)winners[i].count);
		ctl_table_add(&table, "%.1f %%", 100.0 * (double)winners[i].count / (double)seen->histogram.count);
	}
	ctl_table_print(&table, "  ");
	if (count > shown)
		printf("  and %zu classes more\n", count - shown);
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
	if (seen->histogram.count + seen->baseline.count > 0)
		print_chart(seen);
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
	{"window", "TIME", CTL_STRING, offsetof(struct options, window), "of the last 5m, 1h or 24h alone (default: all)"},
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
