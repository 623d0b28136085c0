/* SPDX-License-Identifier: MIT */
/*
 * What keys do, and what stands on the screen: the service, the list of versions or what is open, and which keys there are. The lower the
 * terminal, the less of it; the list goes last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "client/print.h"
#include "client/top.h"
#include "client/top_columns.h"

#define ALL (1L << 24) /* lines: more than there are */

static bool is_chosen(const struct top_view *view, const struct top_row *row)
{
	return row->version == view->version && strcmp(row->model, view->model) == 0;
}

/* Where the chosen version stands; @p gone where it is gone. */
static long chosen_row(const struct top_view *view, const struct top_table *table, long gone)
{
	for (unsigned i = 0; i < table->count; i++) {
		if (is_chosen(view, &table->rows[i]))
			return i;
	}
	return gone;
}

static void choose(struct top_view *view, const struct top_table *table, long row)
{
	if (!table || table->count == 0)
		return;
	row = row < 0 ? 0 : row >= (long)table->count ? (long)table->count - 1 : row;
	snprintf(view->model, sizeof(view->model), "%s", table->rows[row].model);
	view->version = table->rows[row].version;
	view->to_cursor = true;
}

/* Up and down choose a version, or scroll what is open. */
static void move(struct top_view *view, const struct top_table *table, long by)
{
	long first = (long)view->first + by;

	if (view->open || view->help)
		view->first = first < 0 ? 0 : (unsigned)first;
	else if (table)
		choose(view, table, chosen_row(view, table, 0) + by);
}

static void turn_page(struct top_view *view, const struct top_table *table, long pages)
{
	move(view, table, pages * (view->page > 1 ? (long)view->page - 1 : 1));
}

static void leave(struct top_view *view, const struct top_table *table, long unused)
{
	if (!view->open && !view->help)
		view->quit = true;
	if (!view->help)
		view->open = false;
	view->help = false;
	view->first = 0;
	view->to_cursor = true;
}

static void help(struct top_view *view, const struct top_table *table, long unused)
{
	view->help = !view->help;
	view->first = 0;
	view->to_cursor = !view->help;
}

static void pause_view(struct top_view *view, const struct top_table *table, long unused)
{
	view->paused = !view->paused;
}

static void reverse(struct top_view *view, const struct top_table *table, long unused)
{
	view->reverse = !view->reverse;
}

static void sort_by_next(struct top_view *view, const struct top_table *table, long by)
{
	view->sort = (unsigned)((long)view->sort + TOP_COLUMNS + by) % TOP_COLUMNS;
}

static void open_version(struct top_view *view, const struct top_table *table, long unused)
{
	if (view->help || view->open || !table || table->count == 0)
		return;
	view->open = true;
	view->first = 0;
}

void top_view_key(struct top_view *view, const struct top_table *table, int key)
{
	static const struct {
		int key;
		void (*act)(struct top_view *view, const struct top_table *table, long argument);
		long argument;
	} bindings[] = {
		{'q', leave, 0},
		{TOP_KEY_ESCAPE, leave, 0},
		{'h', help, 0},
		{'?', help, 0},
		{'p', pause_view, 0},
		{' ', pause_view, 0},
		{'r', reverse, 0},
		{'s', sort_by_next, 1},
		{'>', sort_by_next, 1},
		{TOP_KEY_RIGHT, sort_by_next, 1},
		{'<', sort_by_next, -1},
		{TOP_KEY_LEFT, sort_by_next, -1},
		{TOP_KEY_ENTER, open_version, 0},
		{'k', move, -1},
		{TOP_KEY_UP, move, -1},
		{'j', move, 1},
		{TOP_KEY_DOWN, move, 1},
		{TOP_KEY_PAGE_UP, turn_page, -1},
		{TOP_KEY_PAGE_DOWN, turn_page, 1},
		{TOP_KEY_HOME, move, -ALL},
		{TOP_KEY_END, move, ALL},
	};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(bindings); i++) {
		if (bindings[i].key == key)
			bindings[i].act(view, table, bindings[i].argument);
	}
}

static void draw_service(const struct top_table *table, bool second, struct top_lines *lines)
{
	char up[CTL_UNIT_MAX], clock[CTL_UNIT_MAX], memory[CTL_UNIT_MAX], rate[TOP_TEXT_MAX];
	time_t at = (time_t)table->time;
	struct tm parts;

	localtime_r(&at, &parts);
	strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
	top_format_rate(rate, table->requests_per_s);
	top_line_begin(lines, TOP_PLAIN);
	top_add(lines, TOP_BOLD, "%s", table->server);
	top_add(lines, TOP_PLAIN, "  up %s, %llu connection%s", ctl_format_uptime(up, table->uptime_ns / 1000000000),
		(unsigned long long)table->connections, ctl_plural(table->connections));
	if (table->refused)
		top_add(lines, TOP_PLAIN, " (%llu refused)", (unsigned long long)table->refused);
	if (lines->lines[lines->count - 1].columns + 10 < lines->width) {
		top_add_gap(lines, lines->width - 8);
		top_add(lines, TOP_PLAIN, "%s", clock);
	}
	if (!second)
		return;
	top_add_line(lines, TOP_PLAIN, "%llu calls, %s/s  workers %llu of %llu busy  queue %llu of %llu  memory %s",
		     (unsigned long long)table->requests, table->interval_s > 0 ? rate : "-", (unsigned long long)table->busy,
		     (unsigned long long)table->workers, (unsigned long long)table->waiting, (unsigned long long)table->capacity,
		     ctl_format_bytes(memory, table->memory));
}

static void draw_header(const struct top_view *view, const struct top_table *table, const char *trouble, unsigned height,
			struct top_lines *lines)
{
	if (trouble && height > 1)
		top_add_line(lines, TOP_BAD, "no answer: %s", trouble);
	if (table && height > 3)
		draw_service(table, height > 7, lines);
	if (view->paused)
		top_add_line(lines, TOP_WATCH, "paused: p goes on");
	if (table && table->conditions[0] && height > 5)
		top_add_line(lines, TOP_BAD, "degraded: %s", table->conditions);
	if (height > 9 && lines->count > 0)
		top_line_begin(lines, TOP_PLAIN);
}

/* Scrolls so that line @p cursor (-1: none) is among the @p room ones. */
static void scroll(struct top_view *view, unsigned count, unsigned room, long cursor)
{
	if (cursor >= 0 && view->to_cursor) {
		if ((unsigned)cursor < view->first)
			view->first = (unsigned)cursor;
		if ((unsigned)cursor >= view->first + room)
			view->first = (unsigned)cursor + 1 - room;
	}
	if (view->first + room > count)
		view->first = count > room ? count - room : 0;
	view->page = room;
	view->to_cursor = false;
}

/* Of the lines for rows, how many versions get: all that they need, but a third where there is more to tell than fits below them. */
static unsigned room_of_rows(const struct top_table *table, unsigned room)
{
	unsigned told = room >= 15 && table->news.trial_count + table->news.change_count > 0 ? room / 3 : 0;

	return table->count > room - told ? room - told : room;
}

static void draw_list(struct top_view *view, const struct top_table *table, unsigned height, struct top_lines *lines)
{
	struct top_layout layout = top_lay_out(table, lines->width);
	long cursor = chosen_row(view, table, 0);
	unsigned room;

	if (height > lines->count + 1)
		top_head_draw(&layout, view, lines);
	room = room_of_rows(table, height > lines->count ? height - lines->count : 0);
	if (table->count == 0 && room > 0)
		top_add_line(lines, TOP_PLAIN, "no models; 'tflctl load' brings one");
	view->to_cursor = true;
	scroll(view, table->count, room, cursor);
	for (unsigned i = view->first; i < table->count && i < view->first + room; i++) {
		top_line_begin(lines, (long)i == cursor ? TOP_CURSOR : TOP_PLAIN);
		top_row_draw(&layout, &table->rows[i], (long)i == cursor ? TOP_CURSOR : TOP_PLAIN, lines);
		if ((long)i == cursor)
			top_add_gap(lines, lines->width);
	}
	top_news_draw(table, height > lines->count ? height - lines->count : 0, lines);
}

static void draw_help(struct top_lines *lines)
{
	static const char *const lines_of_help[] = {
		"up, down     choose a version; Page and Home, End too",
		"enter        open it: latency by stage, drift, histogram",
		"esc, q       back, and from the list out",
		"left, right  sort by another column (also < > s)",
		"r            the other way round",
		"p, blank     pause",
		"h, ?         this",
		"",
		"REQ/S since the last refresh; ERRORS and latency (P50, P95, P99) of the last minute",
		"SHARE of a route: this part of the keys goes to the version",
		"QUEUE requests that wait / that run",
		"CONF histogram of the confidence, 0 to 1, of the last hour",
		"DRIFT of that hour from the baseline; PSI its distance",
	};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(lines_of_help); i++) {
		if (*lines_of_help[i])
			top_add_wrapped(lines, TOP_PLAIN, 0, lines_of_help[i]);
		else
			top_line_begin(lines, TOP_PLAIN);
	}
}

/* Lines that may be more than there is room for: what is scrolled to of them moves up behind the first @p fixed. */
static void show_scrolled(struct top_view *view, unsigned fixed, unsigned height, struct top_lines *lines)
{
	unsigned room = height > fixed ? height - fixed : 0, count = lines->count - fixed;

	scroll(view, count, room, -1);
	memmove(&lines->lines[fixed], &lines->lines[fixed + view->first], (count - view->first) * sizeof(*lines->lines));
	lines->count -= view->first;
}

static void draw_footer(const struct top_view *view, struct top_lines *lines)
{
	if (view->help)
		top_add_line(lines, TOP_DIM, "esc back");
	else if (view->open)
		top_add_line(lines, TOP_DIM, "esc back  up down scroll  p pause  h help");
	else
		top_add_line(lines, TOP_DIM, "q quit  enter open  < > sort  r reverse  p pause  h help");
}

static void draw_body(struct top_view *view, const struct top_table *table, unsigned height, struct top_lines *lines)
{
	unsigned fixed = lines->count;
	long row = chosen_row(view, table, -1);

	view->open &= row >= 0;
	if (view->help)
		draw_help(lines);
	else if (view->open)
		top_detail_draw(&table->rows[row], table->window_s, lines->width, height > fixed ? height - fixed : 0, lines);
	else
		draw_list(view, table, height, lines);
	if (view->help || view->open)
		show_scrolled(view, fixed, height, lines);
}

void top_view_draw(struct top_view *view, const struct top_table *table, const char *trouble, unsigned width, unsigned height,
		   struct top_lines *lines)
{
	bool footer = height > 6;
	unsigned body = height - footer;

	top_lines_clear(lines, width);
	draw_header(view, table, trouble, height, lines);
	if (table)
		draw_body(view, table, body, lines);
	else if (!trouble)
		top_add_line(lines, TOP_DIM, "asking …");
	while (lines->count < body)
		top_line_begin(lines, TOP_PLAIN);
	lines->count = body;
	if (footer)
		draw_footer(view, lines);
}
