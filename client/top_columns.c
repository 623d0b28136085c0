/* SPDX-License-Identifier: MIT */
/*
 * The columns of the list are one table: how wide, how important, what a cell holds, how two rows compare. Where not all fit, the less
 * important ones are left out; a terminal of one column shows one column. What is left over is the model's name's.
 */
#include "client/top_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/print.h"

#define MODEL_MIN 12
#define RANK_EXTRA 11

struct column {
	const char *name;
	unsigned width;
	bool right;
	unsigned rank; /* of importance: 0 first */
	enum top_style (*cell)(const struct top_row *row, char *text); /* TOP_TEXT_MAX bytes */
	double (*key)(const struct top_row *row);                      /* rows are sorted by, the greatest first; NULL: by cell */
	bool rare;                                                     /* only where a version has it */
};

char *top_duration(char *buffer, double nanoseconds)
{
	char *blank;

	ctl_format_duration(buffer, nanoseconds);
	blank = strchr(buffer, ' ');
	if (blank)
		memmove(blank, blank + 1, strlen(blank));
	return buffer;
}

enum top_style top_verdict_style(enum tfl_drift_verdict verdict)
{
	static const enum top_style styles[] = {
		[TFL_DRIFT_UNKNOWN] = TOP_DIM,
		[TFL_DRIFT_STABLE] = TOP_GOOD,
		[TFL_DRIFT_WATCHED] = TOP_WATCH,
		[TFL_DRIFT_DRIFTED] = TOP_BAD,
	};

	return styles[verdict];
}

char *top_sparkline(const struct tfl_confidence *confidence, char *buffer)
{
	static const char *const steps[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	uint64_t groups[8] = {0}, most = 1;
	char *end = buffer;

	for (unsigned i = 0; i < TFL_CONFIDENCE_BINS; i++)
		groups[i * 8 / TFL_CONFIDENCE_BINS] += confidence->bins[i];
	for (unsigned i = 0; i < 8; i++)
		most = groups[i] > most ? groups[i] : most;
	for (unsigned i = 0; i < 8; i++) /* whatever there is is seen */
		end = stpcpy(end, steps[groups[i] ? 1 + (unsigned)((double)groups[i] / (double)most * 7) : 0]);
	return buffer;
}

void top_format_rate(char *text, double per_s)
{
	char *blank;

	if (per_s < 99.95) {
		snprintf(text, TOP_TEXT_MAX, "%.*f", per_s > 0 && per_s < 9.995 ? 1 : 0, per_s);
		return;
	}
	ctl_format_count(text, (uint64_t)(per_s + 0.5));
	blank = strchr(text, ' ');
	if (blank)
		memmove(blank, blank + 1, strlen(blank));
}

static enum top_style cell_model(const struct top_row *row, char *text)
{
	snprintf(text, TOP_TEXT_MAX, "%s@%llu", row->model, (unsigned long long)row->version);
	return TOP_PLAIN;
}

/* Its role where it serves, else what keeps it from that. */
static enum top_style cell_state(const struct top_row *row, char *text)
{
	bool available = strcmp(row->state, "AVAILABLE") == 0;
	const char *role = row->roles[0] ? row->roles : "available";

	/* The first one; all of them stand where the version is opened. A share has a column of its own. */
	if (row->share > 0 && role[strcspn(role, "%,")] == '%')
		role = "routed";
	snprintf(text, TOP_TEXT_MAX, "%.*s", (int)strcspn(available ? role : row->state, ","), available ? role : row->state);
	return !available || row->trial ? TOP_WATCH : row->active ? TOP_BOLD : TOP_PLAIN;
}

static enum top_style cell_share(const struct top_row *row, char *text)
{
	if (row->share > 0)
		snprintf(text, TOP_TEXT_MAX, "%.3g%%", 100 * row->share);
	return TOP_PLAIN;
}

static enum top_style cell_rate(const struct top_row *row, char *text)
{
	if (row->rated)
		top_format_rate(text, row->requests_per_s);
	return TOP_PLAIN;
}

static enum top_style cell_errors(const struct top_row *row, char *text)
{
	if (row->counted)
		top_format_rate(text, (double)row->failed_lately);
	return row->failed_lately ? TOP_BAD : TOP_PLAIN;
}

static enum top_style cell_queue(const struct top_row *row, char *text)
{
	if (row->counted)
		snprintf(text, TOP_TEXT_MAX, "%llu/%llu", (unsigned long long)row->waiting, (unsigned long long)row->running);
	return TOP_PLAIN;
}

static enum top_style format_time(const struct top_row *row, double ns, char *text)
{
	if (row->times[CTL_TOTAL].count)
		top_duration(text, ns);
	return TOP_PLAIN;
}

static enum top_style cell_p50(const struct top_row *row, char *text)
{
	return format_time(row, (double)row->times[CTL_TOTAL].p50, text);
}

static enum top_style cell_p95(const struct top_row *row, char *text)
{
	return format_time(row, (double)row->times[CTL_TOTAL].p95, text);
}

static enum top_style cell_p99(const struct top_row *row, char *text)
{
	return format_time(row, (double)row->times[CTL_TOTAL].p99, text);
}

static bool has_verdicts(const struct top_row *row)
{
	return row->seen && row->seen->now.count > 0;
}

static enum top_style cell_confidence(const struct top_row *row, char *text)
{
	if (has_verdicts(row))
		top_sparkline(&row->seen->now, text);
	return TOP_PLAIN;
}

static enum top_style cell_mean(const struct top_row *row, char *text)
{
	if (has_verdicts(row))
		snprintf(text, TOP_TEXT_MAX, "%.3f", tfl_confidence_mean(&row->seen->now));
	return TOP_PLAIN;
}

static enum top_style cell_drift(const struct top_row *row, char *text)
{
	if (!row->seen || row->seen->heads == 0)
		return TOP_PLAIN;
	snprintf(text, TOP_TEXT_MAX, "%s", tfl_drift_verdict_to_string(row->seen->drift.verdict));
	return top_verdict_style(row->seen->drift.verdict);
}

static bool has_drift(const struct top_row *row)
{
	return has_verdicts(row) && row->seen->baseline.count > 0;
}

static enum top_style cell_psi(const struct top_row *row, char *text)
{
	if (!has_drift(row))
		return TOP_PLAIN;
	snprintf(text, TOP_TEXT_MAX, "%.3f", row->seen->drift.psi);
	return top_verdict_style(row->seen->drift.verdict);
}

static enum top_style cell_memory(const struct top_row *row, char *text)
{
	if (row->counted)
		ctl_format_bytes(text, row->memory);
	return TOP_PLAIN;
}

static enum top_style cell_total(const struct top_row *row, char *text)
{
	if (row->counted)
		ctl_format_count(text, row->requests);
	return TOP_PLAIN;
}

static double key_share(const struct top_row *row)
{
	return row->share;
}

static double key_rate(const struct top_row *row)
{
	return row->requests_per_s;
}

static double key_errors(const struct top_row *row)
{
	return (double)row->failed_lately;
}

static double key_queue(const struct top_row *row)
{
	return (double)(row->waiting + row->running);
}

static double key_p50(const struct top_row *row)
{
	return (double)row->times[CTL_TOTAL].p50;
}

static double key_p95(const struct top_row *row)
{
	return (double)row->times[CTL_TOTAL].p95;
}

static double key_p99(const struct top_row *row)
{
	return (double)row->times[CTL_TOTAL].p99;
}

static double key_mean(const struct top_row *row)
{
	return has_verdicts(row) ? tfl_confidence_mean(&row->seen->now) : -1;
}

static double key_psi(const struct top_row *row)
{
	return has_drift(row) ? row->seen->drift.psi : -1;
}

static double key_drift(const struct top_row *row)
{
	return row->seen ? 1e6 * row->seen->drift.verdict + key_psi(row) : -1;
}

static double key_memory(const struct top_row *row)
{
	return (double)row->memory;
}

static double key_total(const struct top_row *row)
{
	return (double)row->requests;
}

static const struct column columns[] = {
	{"MODEL", MODEL_MIN, false, 0, cell_model, NULL},
	{"STATE", 9, false, 4, cell_state, NULL},
	{"SHARE", 6, true, 5, cell_share, key_share, .rare = true},
	{"REQ/S", 6, true, 2, cell_rate, key_rate},
	{"ERRORS", 6, true, 6, cell_errors, key_errors},
	{"QUEUE", 5, true, 9, cell_queue, key_queue},
	{"P50", 6, true, 8, cell_p50, key_p50},
	{"P95", 6, true, 10, cell_p95, key_p95},
	{"P99", 6, true, 3, cell_p99, key_p99},
	{"0 CONF 1", 8, false, 7, cell_confidence, key_mean},
	{"MEAN", 5, true, 12, cell_mean, key_mean},
	{"DRIFT", 7, false, 1, cell_drift, key_drift},
	{"PSI", 6, true, 11, cell_psi, key_psi},
	{"MEMORY", 8, true, 13, cell_memory, key_memory},
	{"REQUESTS", 8, true, 14, cell_total, key_total},
};

_Static_assert(TFL_ARRAY_SIZE(columns) == TOP_COLUMNS, "the header knows how many columns there are");

static unsigned width_of(const struct top_layout *layout, unsigned gap)
{
	unsigned width = 0;

	for (unsigned i = 0; i < TOP_COLUMNS; i++) {
		if (layout->shown[i])
			width += columns[i].width + (width ? gap : 0);
	}
	return width;
}

static unsigned longest_name(const struct top_table *table)
{
	char name[TOP_TEXT_MAX];
	unsigned longest = MODEL_MIN;

	for (unsigned i = 0; table && i < table->count; i++) {
		cell_model(&table->rows[i], name);
		longest = strlen(name) > longest ? (unsigned)strlen(name) : longest;
	}
	return longest;
}

/* A version has something to show in a column that is shown only then. */
static bool is_wanted(const struct column *column, const struct top_table *table)
{
	bool wanted = !column->rare;

	for (unsigned i = 0; table && i < table->count && !wanted; i++)
		wanted = column->key(&table->rows[i]) > 0;
	return wanted;
}

struct top_layout top_lay_out(const struct top_table *table, unsigned width)
{
	struct top_layout layout = {.shown = {true}, .gap = 1};
	unsigned wanted = longest_name(table), used;

	for (unsigned rank = 1; rank < TOP_COLUMNS; rank++) {
		for (unsigned i = 0; i < TOP_COLUMNS; i++) {
			if (columns[i].rank != rank || !is_wanted(&columns[i], table))
				continue;
			layout.shown[i] = true;
			/* What is merely good to know does not shorten names. */
			if (width_of(&layout, 1) + (rank < RANK_EXTRA ? 0 : wanted - MODEL_MIN) > width) {
				layout.shown[i] = false;
				rank = TOP_COLUMNS; /* the order of importance holds: nothing less important instead */
			}
		}
	}
	if (width_of(&layout, 2) + wanted - MODEL_MIN <= width)
		layout.gap = 2;
	used = width_of(&layout, layout.gap);
	layout.model = MODEL_MIN + (width > used ? width - used : 0);
	layout.model = layout.model > wanted ? wanted : layout.model;
	return layout;
}

static unsigned column_width(const struct top_layout *layout, unsigned column)
{
	return column == 0 ? layout->model : columns[column].width;
}

void top_head_draw(const struct top_layout *layout, const struct top_view *view, struct top_lines *lines)
{
	char name[16];

	top_line_begin(lines, TOP_HEAD);
	for (unsigned i = 0; i < TOP_COLUMNS; i++) {
		unsigned width = column_width(layout, i);
		bool sorted = view && view->sort == i && strlen(columns[i].name) < width;

		if (!layout->shown[i])
			continue;
		snprintf(name, sizeof(name), "%s%s", columns[i].name, !sorted ? "" : view->reverse ? "▲" : "▼");
		if (i > 0)
			top_add(lines, TOP_HEAD, "%*s", (int)layout->gap, "");
		top_add_cell(lines, view && view->sort == i ? TOP_CURSOR : TOP_HEAD, width, columns[i].right, name);
	}
	top_add_gap(lines, lines->width);
}

void top_row_draw(const struct top_layout *layout, const struct top_row *row, enum top_style line_style, struct top_lines *lines)
{
	bool first = true;

	for (unsigned i = 0; i < TOP_COLUMNS; i++) {
		char text[TOP_TEXT_MAX] = "";
		enum top_style style;

		if (!layout->shown[i])
			continue;
		style = columns[i].cell(row, text);
		if (!first)
			top_add(lines, line_style, "%*s", (int)layout->gap, "");
		first = false;
		if (style == TOP_PLAIN || line_style == TOP_CURSOR)
			style = line_style;
		top_add_cell(lines, style, column_width(layout, i), columns[i].right, *text ? text : "-");
	}
}

void top_plain_draw(const struct top_table *table, bool head, struct top_lines *lines)
{
	struct top_layout layout = top_lay_out(table, TOP_COLUMNS_MAX);

	top_lines_clear(lines, TOP_COLUMNS_MAX);
	if (head)
		top_head_draw(&layout, NULL, lines);
	for (unsigned i = 0; i < table->count; i++) {
		top_line_begin(lines, TOP_PLAIN);
		top_row_draw(&layout, &table->rows[i], TOP_PLAIN, lines);
	}
}

static int by_name(const struct top_row *a, const struct top_row *b)
{
	int order = strcmp(a->model, b->model);

	return order ? order : (a->version > b->version) - (a->version < b->version);
}

/* Names and words from a to z, numbers from the greatest on; what is equal goes by name, whatever is reversed. */
static int by_column(const void *left, const void *right, void *data)
{
	const struct top_row *a = left, *b = right;
	const struct top_view *view = data;
	const struct column *column = &columns[view->sort];
	char words[2][TOP_TEXT_MAX] = {"", ""};
	int order;

	if (column->key) {
		order = (column->key(a) < column->key(b)) - (column->key(a) > column->key(b));
	} else if (view->sort == 0) {
		order = by_name(a, b);
	} else {
		column->cell(a, words[0]);
		column->cell(b, words[1]);
		order = strcmp(words[0], words[1]);
	}
	return order ? (view->reverse ? -order : order) : by_name(a, b);
}

void top_view_sort(struct top_view *view, struct top_table *table)
{
	qsort_r(table->rows, table->count, sizeof(*table->rows), by_column, view);
	if (view->model[0] || table->count == 0)
		return;
	snprintf(view->model, sizeof(view->model), "%s", table->rows[0].model);
	view->version = table->rows[0].version;
}

