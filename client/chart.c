/* SPDX-License-Identifier: MIT */
/*
 * Both histograms share one scale, so that a bar can be compared with any other.
 */
#include "client/chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "stats/confidence.h"

#define LINES 25
#define BAR_COLUMNS 30   /* at most */
#define EDGE_COLUMNS 16u /* of a line: the bounds in front … */
#define SHARE_COLUMNS 9u /* … and a share behind each bar */

/* The share of a line's two bins. */
static double line_share(const struct tfl_confidence *confidence, unsigned line)
{
	uint64_t count = confidence->bins[2 * line] + confidence->bins[2 * line + 1];

	return confidence->count ? (double)count / (double)confidence->count : 0;
}

static void print_side(const struct tfl_confidence *confidence, unsigned line, double longest, unsigned length)
{
	char bar[3 * BAR_COLUMNS + 1];

	printf("%s %5.1f %%", ctl_format_bar(bar, length, line_share(confidence, line) / longest), 100 * line_share(confidence, line));
}

void ctl_chart_print(const struct tfl_confidence *now, const struct tfl_confidence *baseline)
{
	unsigned sides = baseline ? 2 : 1, length = (ctl_width() - EDGE_COLUMNS) / sides - SHARE_COLUMNS, first = LINES;
	double longest = 0;

	length = length < BAR_COLUMNS ? length : BAR_COLUMNS;
	for (unsigned i = 0; i < LINES; i++) {
		double here = line_share(now, i), there = baseline ? line_share(baseline, i) : 0;

		longest = here > longest ? here : longest;
		longest = there > longest ? there : longest;
		first = first == LINES && here + there > 0 ? i : first;
	}
	if (first == LINES)
		return;
	if (baseline)
		printf("  CONFIDENCE    %-*sBASELINE\n", (int)length + 10, "NOW");
	else
		printf("  CONFIDENCE    SHARE\n");
	for (unsigned i = first; i < LINES; i++) {
		printf("  %.2f to %.2f  ", i * 2.0 / TFL_CONFIDENCE_BINS, (i + 1) * 2.0 / TFL_CONFIDENCE_BINS);
		print_side(now, i, longest, length);
		if (baseline) {
			printf("  ");
			print_side(baseline, i, longest, length);
		}
		putchar('\n');
	}
}

static int by_count(const void *left, const void *right)
{
	const struct ctl_class *a = left, *b = right;

	return a->count != b->count ? (a->count < b->count ? 1 : -1) : (a->index > b->index) - (a->index < b->index);
}

void ctl_classes_print(struct ctl_class *classes, size_t count, uint64_t verdicts, const struct tfl_value *labels, unsigned shown)
{
	struct ctl_table table = {.columns = 3, .right = 0x6};

	if (verdicts == 0)
		return;
	qsort(classes, count, sizeof(*classes), by_count);
	ctl_table_add(&table, "CLASS");
	ctl_table_add(&table, "VERDICTS");
	ctl_table_add(&table, "SHARE");
	for (size_t i = 0; i < count && i < shown; i++) {
		const char *label = tfl_value_string(tfl_value_at(labels, classes[i].index), "");
		char number[24];

		snprintf(number, sizeof(number), "%llu", (unsigned long long)classes[i].index);
		ctl_table_add(&table, "%s%s%s", number, *label && strcmp(label, number) != 0 ? " " : "", strcmp(label, number) != 0 ? label : "");
		ctl_table_add(&table, "%llu", (unsigned long long)classes[i].count);
		ctl_table_add(&table, "%.1f %%", 100.0 * (double)classes[i].count / (double)verdicts);
	}
	ctl_table_print(&table, "  ");
	if (count > shown)
		printf("  and %zu classes more\n", count - shown);
}
