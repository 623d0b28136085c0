/* SPDX-License-Identifier: MIT */
/* Below the list of versions: how far trials are, and the latest changes. What there is no room for is the oldest. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/print.h"
#include "client/top.h"

#define AGE_COLUMNS 12
#define WIDTH_MIN 40

uint64_t top_news_age(const struct top_table *table, const struct top_change *change)
{
	return change->at < table->at ? (uint64_t)(table->at - change->at) / 1000000000 : 0;
}

static enum top_style style_of(const struct top_change *change)
{
	static const struct {
		const char *kind;
		enum top_style style;
	} styles[] = {
		{"rejected", TOP_BAD}, {"refused", TOP_BAD},   {"drift", TOP_BAD},  {"condition", TOP_BAD},
		{"watch", TOP_WATCH},  {"trial", TOP_WATCH},   {"interrupted", TOP_WATCH},
		{"passed", TOP_GOOD},
	};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(styles); i++)
		if (strcmp(styles[i].kind, change->kind) == 0)
			return styles[i].style;
	return TOP_PLAIN;
}

static void draw_head(const char *head, struct top_lines *lines)
{
	top_add_line(lines, TOP_HEAD, "%s", head);
	top_add_gap(lines, lines->width);
}

/* "digits@2 against @1: 412 of 1000 requests, 3 of 10 min; nearest to its limit: confidence, 12 % of the evidence" */
static void draw_trial(const struct top_trial *trial, struct top_lines *lines)
{
	char line[2 * TOP_TEXT_MAX], now[CTL_UNIT_MAX], wanted[CTL_UNIT_MAX], near[64] = "";

	if (trial->evidence >= 0.01)
		snprintf(near, sizeof(near), "; nearest: %s, %.0f %% of the evidence", trial->nearest, 100 * trial->evidence);
	snprintf(line, sizeof(line), "%s@%llu against @%llu: %llu of %llu requests, %s of %s%s", trial->model,
		 (unsigned long long)trial->candidate, (unsigned long long)trial->previous, (unsigned long long)trial->requests,
		 (unsigned long long)trial->requests_wanted, ctl_format_uptime(now, trial->seconds),
		 ctl_format_uptime(wanted, trial->seconds_wanted), near);
	top_add_wrapped(lines, near[0] ? TOP_WATCH : TOP_PLAIN, 0, line);
}

/* Its age stands in the blanks that its sentence is indented by. */
static void draw_change(const struct top_table *table, const struct top_change *change, struct top_lines *lines)
{
	char line[sizeof(change->text)], age[CTL_UNIT_MAX], cell[AGE_COLUMNS + 1];
	unsigned first = lines->count;

	memcpy(line, change->text, sizeof(line));
	top_add_wrapped(lines, style_of(change), AGE_COLUMNS, ctl_clean_text(line));
	snprintf(cell, sizeof(cell), "%-*s", AGE_COLUMNS, ctl_format_uptime(age, top_news_age(table, change)));
	if (lines->count > first)
		memcpy(lines->lines[first].text, cell, AGE_COLUMNS);
}

void top_news_draw(const struct top_table *table, unsigned room, struct top_lines *lines)
{
	const struct top_news *news = &table->news;
	unsigned end = lines->count + room;

	if (room < 3 || lines->width < WIDTH_MIN || news->trial_count + news->change_count == 0)
		return;
	top_line_begin(lines, TOP_PLAIN);
	if (news->trial_count > 0)
		draw_head("ON TRIAL", lines);
	for (unsigned i = 0; i < news->trial_count && lines->count < end; i++)
		draw_trial(&news->trials[i], lines);
	if (news->change_count > 0 && lines->count + 1 < end)
		draw_head("AGO         CHANGES", lines);
	for (unsigned i = 0; i < news->change_count && lines->count < end; i++)
		draw_change(table, &news->changes[i], lines);
	lines->count = lines->count < end ? lines->count : end;
}
