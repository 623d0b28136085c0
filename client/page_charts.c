/* SPDX-License-Identifier: MIT */
/*
 * Charts as inline SVG, 400 units wide: about as many pixels as a phone has, where they are as large as drawn, and larger elsewhere.
 * Classes give the colours, which the page's style has for light and dark. Everything drawn stands as a figure in a table of the page.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "client/page.h"
#include "client/print.h"
#include "stats/drift.h"

#define WIDTH 400.0
#define HEIGHT 200.0
#define LEFT 46.0
#define RIGHT 392.0
#define TOP 22.0
#define BOTTOM 162.0
#define LABEL_GAP 0.06 /* of the width */

static double x_of(double share)
{
	return LEFT + share * (RIGHT - LEFT);
}

static double y_of(double share)
{
	return BOTTOM - share * (BOTTOM - TOP);
}

/* The title is plain text of this program, the description likewise. */
static void begin(FILE *out, const char *title, const char *description)
{
	fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>%s</title><desc>%s</desc>\n", WIDTH, HEIGHT, title, description);
}

static void end(FILE *out)
{
	fputs("</svg>\n", out);
}

static void label(FILE *out, double x, double y, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, text);
}

/* A line across at @p share of the height, with its name at the axis. */
static void rule(FILE *out, double share, const char *class, const char *text)
{
	fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n", class, LEFT, y_of(share), RIGHT);
	label(out, LEFT - 6, y_of(share) + 4, "end", text);
}

static void tick(FILE *out, double share, const char *text)
{
	fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fv4\"/>\n", x_of(share), BOTTOM);
	label(out, x_of(share), BOTTOM + 17, share < 0.05 ? "start" : share > 0.95 ? "end" : "middle", text);
}

static void axes(FILE *out, const char *across, const char *up)
{
	fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT, BOTTOM, RIGHT);
	label(out, (LEFT + RIGHT) / 2, HEIGHT - 5, "middle", across);
	label(out, 4, 12, "start", up);
}

/* However short what it stands for is, it is seen. */
static void bar(FILE *out, const char *class, double from, double to, double share)
{
	double width = (to - from) * (RIGHT - LEFT), drawn = fmax(width - (width > 4 ? 1 : 0.3), 1);

	if (share <= 0)
		return;
	fprintf(out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n", class, fmin(x_of(from), RIGHT - drawn),
		y_of(share), drawn, BOTTOM - y_of(share));
}

/* Shares are drawn by their square root, or nothing but the greatest would be seen. */
static double height_of(double share, double most)
{
	return most > 0 ? sqrt(share / most) : 0;
}

static double greatest(const struct page_node *bins)
{
	double most = 0.01;

	for (size_t i = 0; i < json_array_size(bins->value); i++) {
		struct page_node bin = page_at(bins, i);

		most = fmax(most, fmax(page_number(&bin, "now_share"), page_number(&bin, "baseline_share")));
	}
	return most;
}

static void share_rules(FILE *out, double most)
{
	static const double shares[] = {0.01, 0.05, 0.1, 0.25, 0.5, 1};
	char text[16];
	double last = 2;

	for (unsigned i = TFL_ARRAY_SIZE(shares); i-- > 0;) {
		double height = height_of(shares[i], most);

		if (shares[i] > most || last - height < 0.12)
			continue;
		snprintf(text, sizeof(text), "%.0f %%", 100 * shares[i]);
		rule(out, height, "grid", text);
		last = height;
	}
}

void page_chart_histogram(FILE *out, const struct page_node *bins, const char *what)
{
	double most = greatest(bins);
	size_t count = json_array_size(bins->value);
	char title[64], ticks[16];

	snprintf(title, sizeof(title), "Histogram of the %s", what);
	begin(out, title, "Filled: the last hour. Outlined: the baseline. Shares by their square root.");
	share_rules(out, most);
	for (size_t i = 0; i < count; i++) {
		struct page_node bin = page_at(bins, i);

		bar(out, "now", page_number(&bin, "from"), page_number(&bin, "to"), height_of(page_number(&bin, "now_share"), most));
	}
	fprintf(out, "<path class=\"base\" d=\"M%.1f %.1f", LEFT, BOTTOM);
	for (size_t i = 0; i < count; i++) {
		struct page_node bin = page_at(bins, i);

		fprintf(out, "V%.2fH%.2f", y_of(height_of(page_number(&bin, "baseline_share"), most)), x_of(page_number(&bin, "to")));
	}
	fprintf(out, "V%.1f\"/>\n", BOTTOM);
	for (unsigned i = 0; i <= 4; i++) {
		snprintf(ticks, sizeof(ticks), "%g", i / 4.0);
		tick(out, i / 4.0, ticks);
	}
	axes(out, what, "share of verdicts");
	end(out);
}

/* The least scale that shows both thresholds; what is above 1 is cut. */
static double psi_scale(const struct page_node *series)
{
	double most = 0;

	for (size_t i = 0; i < json_array_size(series->value); i++) {
		struct page_node window = page_at(series, i);

		most = fmax(most, page_number(&window, "psi"));
	}
	return fmin(fmax(1.15 * most, 0.35), 1);
}

static void clock_ticks(FILE *out, double generated, double span_s)
{
	char text[16];

	for (unsigned i = 0; i <= 4; i++) {
		time_t at = (time_t)(generated - span_s * (4 - i) / 4);
		struct tm parts = {0};

		gmtime_r(&at, &parts);
		strftime(text, sizeof(text), "%H:%M", &parts);
		tick(out, i / 4.0, text);
	}
}

/* Where a change stands on the time axis; outside of 0 to 1 it is not on it. */
static double place_of(const struct page_node *changes, size_t index, double span_s)
{
	struct page_node change = page_at(changes, index);

	return 1 - page_number(&change, "age_s") / span_s;
}

/* Changes have the numbers of their rows in the table; those that stand close share a label: "2-5". */
static void mark_changes(FILE *out, const struct page_node *changes, double span_s)
{
	size_t count = json_array_size(changes->value), first = 0;
	char numbers[48];

	for (size_t i = 0; i < count; i++) {
		double place = place_of(changes, i, span_s), begin = place_of(changes, first, span_s);
		bool ends = i + 1 == count || place_of(changes, i + 1, span_s) - begin > LABEL_GAP;

		if (place >= 0 && place <= 1)
			fprintf(out, "<path class=\"mark\" d=\"M%.1f %.1fV%.1f\"/>\n", x_of(place), TOP - 4, BOTTOM);
		if (ends && begin >= 0 && begin <= 1) {
			snprintf(numbers, sizeof(numbers), first == i ? "%zu" : "%zu–%zu", first + 1, i + 1);
			label(out, x_of(begin), TOP - 7, begin > 0.95 ? "end" : "middle", numbers);
		}
		if (ends || begin < 0)
			first = i + 1;
	}
}

void page_chart_drift(FILE *out, const struct page_node *series, const struct page_node *changes, double generated, double span_s)
{
	double scale = psi_scale(series);
	char title[80], description[160], axis[64];
	bool hour = span_s <= 3600;

	snprintf(title, sizeof(title), "Drift of the last %s", hour ? "hour" : "day");
	snprintf(description, sizeof(description), "A bar for each %s: its PSI from the baseline, cut at 1. Hollow: too few verdicts to "
		 "judge.", hour ? "minute" : "hour");
	begin(out, title, description);
	rule(out, 0, "grid", "0");
	rule(out, TFL_DRIFT_PSI_WATCH / scale, "watch-line", "0.1");
	rule(out, TFL_DRIFT_PSI_DRIFT / scale, "drift-line", "0.25");
	if (scale > 0.6)
		rule(out, 0.5 / scale, "grid", "0.5");
	if (scale >= 1)
		rule(out, 1, "grid", "1");
	for (size_t i = 0; i < json_array_size(series->value); i++) {
		struct page_node window = page_at(series, i);
		double age = page_number(&window, "age_s"), length = fmin(page_number(&window, "length_s"), age);
		double from = fmax(1 - age / span_s, 0), to = fmax(1 - (age - length) / span_s, from);
		double height = fmax(fmin(page_number(&window, "psi") / scale, 1), 0.02); /* a window of 0 is seen to be there */

		bar(out, page_string(&window, "verdict"), from, to, height);
	}
	mark_changes(out, changes, span_s);
	clock_ticks(out, generated, span_s);
	snprintf(axis, sizeof(axis), "time (UTC), by the %s", hour ? "minute" : "hour");
	axes(out, axis, "PSI");
	end(out);
}

/* Powers of ten between the ends of a logarithmic axis. */
static void decade_ticks(FILE *out, double least, double most)
{
	char text[CTL_UNIT_MAX];

	for (double decade = 1; decade < 1e15; decade *= 10) {
		double share = (log(decade) - log(least)) / (log(most) - log(least));

		if (share < 0 || share > 1)
			continue;
		snprintf(text, sizeof(text), decade < 1e3 ? "%.0f ns" : decade < 1e6 ? "%.0f µs" : decade < 1e9 ? "%.0f ms" : "%.0f s",
			 decade < 1e3 ? decade : decade < 1e6 ? decade / 1e3 : decade < 1e9 ? decade / 1e6 : decade / 1e9);
		tick(out, share, text);
	}
}

static void mark_percentiles(FILE *out, const struct page_node *total, double least, double most)
{
	static const char *const keys[] = {"p50_ns", "p95_ns", "p99_ns"}, *const names[] = {"p50", "p95", "p99"};
	double last = -1;

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(keys); i++) {
		double share = (log(fmax(page_number(total, keys[i]), 1)) - log(least)) / (log(most) - log(least));

		fprintf(out, "<path class=\"mark\" d=\"M%.1f %.1fV%.1f\"/>\n", x_of(share), TOP - 2, BOTTOM);
		if (share - last > 0.08)
			label(out, x_of(share), TOP - 5, "middle", names[i]);
		last = share;
	}
}

void page_chart_latency(FILE *out, const struct page_node *bars, const struct page_node *total)
{
	size_t count = json_array_size(bars->value);
	struct page_node first = page_at(bars, 0), last = page_at(bars, count ? count - 1 : 0);
	double least = fmax(page_number(&first, "from_ns"), 1), most = fmax(page_number(&last, "to_ns"), 2 * least), highest = 1;
	char text[CTL_UNIT_MAX];

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct page_node node = page_at(bars, i);

		highest = fmax(highest, page_number(&node, "count"));
	}
	begin(out, "Histogram of the latency", "Requests by how long they took in all, on a logarithmic axis; percentiles are marked.");
	rule(out, 0, "grid", "0");
	rule(out, 1, "grid", ctl_format_count(text, (uint64_t)highest));
	for (size_t i = 0; i < count; i++) {
		struct page_node node = page_at(bars, i);
		double from = log(fmax(page_number(&node, "from_ns"), 1)) - log(least), to = log(page_number(&node, "to_ns")) - log(least);
		double width = log(most) - log(least);

		bar(out, "now", from / width, to / width, page_number(&node, "count") / highest);
	}
	mark_percentiles(out, total, least, most);
	decade_ticks(out, least, most);
	axes(out, "latency, from the request's arrival to its reply", "requests");
	end(out);
}

void page_bar(FILE *out, double share, double before)
{
	fprintf(out, "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		"<rect class=\"now\" x=\"0\" y=\"1\" width=\"%.2f\" height=\"8\"/>", 100 * share);
	if (before >= 0)
		fprintf(out, "<rect class=\"before\" x=\"%.2f\" y=\"0\" width=\"1.2\" height=\"10\"/>", fmin(100 * before, 98.8));
	fputs("</svg>", out);
}
