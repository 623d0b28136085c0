/* SPDX-License-Identifier: MIT */
/* What tflctl merge has added up, for people. */
#include "client/cmd_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "client/chart.h"
#include "client/print.h"
#include "client/times.h"

#define CLASSES_SHOWN 10
#define DEVICES_SHOWN 5 /* of those that are worst off */
#define SHA256_SHOWN 12
#define OTHER_COLUMNS 46u /* of a line about a device: indent, verdict, PSI and time */

static const char *failures_of(const struct merge_sum *sum, char *text, size_t size)
{
	uint64_t failed = sum->requests - sum->results[TFL_OK];
	size_t used = (size_t)snprintf(text, size, "; %llu failed", (unsigned long long)failed);

	if (failed == 0)
		return "";
	for (unsigned i = TFL_OK + 1, listed = 0; i < TFL_STATUS_COUNT && used < size; i++)
		if (sum->results[i] > 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s %llu", listed++ ? ", " : " (",
						 tfl_status_to_string((enum tfl_status)i), (unsigned long long)sum->results[i]);
	if (used < size)
		snprintf(text + used, size - used, ")");
	return text;
}

static void print_sum(const struct merge_version *version)
{
	struct ctl_table table = {.columns = 6, .right = 0x3e};
	char time[CTL_UNIT_MAX], failures[768];

	ctl_printf_wrapped("  ", 2, "%llu request%s on %zu device%s in %s together, from %s to %s%s", (unsigned long long)version->sum.requests,
			   ctl_plural(version->sum.requests), version->device_count, ctl_plural(version->device_count),
			   ctl_format_uptime(time, (uint64_t)version->sum.seconds), version->first, version->last,
			   failures_of(&version->sum, failures, sizeof(failures)));
	if (version->sum.stages[CTL_TOTAL].count == 0)
		return;
	ctl_table_add(&table, "LATENCY");
	ctl_times_head(&table, false);
	for (unsigned i = 0; i < CTL_STAGES; i++) {
		struct ctl_times times = ctl_times_of(&version->sum.stages[i]);

		ctl_table_add(&table, "%s", ctl_stage_names[i]);
		ctl_times_row(&table, &times, false);
	}
	ctl_table_print(&table, "  ");
}

static void print_classes(const struct merge_head *head, unsigned shown)
{
	_tfl_free_ struct ctl_class *classes = calloc(TFL_CONFIDENCE_CLASSES_MAX, sizeof(*classes));
	size_t count = 0;

	for (uint64_t i = 0; classes && i < TFL_CONFIDENCE_CLASSES_MAX; i++)
		if (head->counts[i] > 0)
			classes[count++] = (struct ctl_class){i, head->counts[i]};
	if (classes)
		ctl_classes_print(classes, count, head->seen.count, NULL, shown);
}

static void print_head(const struct merge_head *head, const struct merge_options *options)
{
	ctl_printf_wrapped("  ", 2, "output '%s': %s over %u class%s", head->name, head->kind, head->classes, head->classes == 1 ? "" : "es");
	printf("  %llu verdict%s", (unsigned long long)head->seen.count, ctl_plural(head->seen.count));
	if (head->seen.invalid)
		printf(", %llu more were no numbers", (unsigned long long)head->seen.invalid);
	if (head->seen.count)
		printf("; mean confidence %.3f, mean margin %.2f", tfl_confidence_mean(&head->seen), tfl_confidence_mean_margin(&head->seen));
	putchar('\n');
	ctl_chart_print(&head->seen, NULL);
	if (options->per_class)
		print_classes(head, options->top ? (unsigned)options->top : CLASSES_SHOWN);
}

static void print_worst(const struct merge_drift *drift, size_t count)
{
	unsigned room = ctl_width() - OTHER_COLUMNS;
	_tfl_free_ char *name = malloc(4 * (size_t)room + 1);
	struct ctl_table table = {.columns = 4, .right = 0x4};

	ctl_table_add(&table, "DEVICE");
	ctl_table_add(&table, "VERDICT");
	ctl_table_add(&table, "PSI");
	ctl_table_add(&table, "LAST");
	for (size_t i = 0; i < count && i < DEVICES_SHOWN; i++) {
		ctl_table_add(&table, "%s", name ? ctl_format_short(name, room, drift->devices[i]->name) : "");
		ctl_table_add(&table, "%s", tfl_drift_verdict_to_string(drift->devices[i]->verdict));
		ctl_table_add(&table, "%.3f", drift->devices[i]->psi);
		ctl_table_add(&table, "%s", drift->devices[i]->time);
	}
	ctl_table_print(&table, "    ");
	if (count > DEVICES_SHOWN)
		printf("    and %zu devices more\n", count - DEVICES_SHOWN);
}

/* "last hour: stable on 12 devices, watch on 1", then the worst of those that are neither stable nor unknown. */
static void print_drift(const struct merge_drift *drift)
{
	size_t moved = drift->counts[TFL_DRIFT_WATCHED] + drift->counts[TFL_DRIFT_DRIFTED];
	bool first = true;

	printf("  last hour: ");
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(drift->counts); i++) {
		if (drift->counts[i] == 0)
			continue;
		printf("%s%s on %zu", first ? "" : ", ", tfl_drift_verdict_to_string((enum tfl_drift_verdict)i), drift->counts[i]);
		if (first)
			printf(" device%s", ctl_plural(drift->counts[i]));
		first = false;
	}
	putchar('\n');
	if (moved > 0)
		print_worst(drift, moved);
}

void merge_print_version(const struct merge_version *version, bool ambiguous, const struct merge_options *options)
{
	struct merge_drift drift = {0};

	ctl_printf("%s@%llu  sha256 %.*s…%s\n", version->model, (unsigned long long)version->number, SHA256_SHOWN, version->sha256,
		   ambiguous ? ", one of several files of this number" : "");
	print_sum(version);
	for (unsigned i = 0; i < version->head_count; i++)
		print_head(version->heads[i], options);
	if (version->head_count > 0 && merge_drift_of(version, &drift) == 0)
		print_drift(&drift);
	free(drift.devices);
}
