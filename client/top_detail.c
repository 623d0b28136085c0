/* SPDX-License-Identifier: MIT */
/* One version in full: requests, latency by stage, what its drift consists of, and its histogram beside the baseline's. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/print.h"
#include "client/top.h"

#define BAR_MAX 40
#define CHART_FIXED 18 /* columns of a line that are no bar, for each of the two */
#define CHART_MIN 5    /* lines */

static const char *lately(double window_s, char *buffer)
{
	char time[CTL_UNIT_MAX];

	if (window_s >= 59)
		snprintf(buffer, 64, "in the last minute");
	else
		snprintf(buffer, 64, "in the last %s", ctl_format_uptime(time, (uint64_t)(window_s + 0.5)));
	return buffer;
}

static void draw_state(const struct top_row *row, struct top_lines *lines)
{
	char time[CTL_UNIT_MAX];

	top_line_begin(lines, TOP_PLAIN);
	top_add(lines, TOP_BOLD, "%s@%llu", row->model, (unsigned long long)row->version);
	top_add(lines, TOP_PLAIN, "  %s%s%s%s since %s", row->state, row->roles[0] ? ", " : "", row->roles, row->roles[0] ? "," : "",
		ctl_format_time(time, row->since));
	if (row->reason[0])
		top_add_wrapped(lines, TOP_WATCH, 0, row->reason);
}

static void draw_requests(const struct top_row *row, double window_s, struct top_lines *lines)
{
	char text[2 * TOP_TEXT_MAX], memory[CTL_UNIT_MAX], window[64];

	snprintf(text, sizeof(text), "%.1f requests/s, %llu wait, %llu run; memory %s", row->requests_per_s,
		 (unsigned long long)row->waiting, (unsigned long long)row->running, ctl_format_bytes(memory, row->memory));
	top_add_wrapped(lines, TOP_PLAIN, 0, text);
	snprintf(text, sizeof(text), "%llu requests since it was loaded%s%s", (unsigned long long)row->requests, row->requests ? ": " : "",
		 row->results);
	top_add_wrapped(lines, TOP_PLAIN, 0, text);
	if (row->failed_lately) {
		snprintf(text, sizeof(text), "%llu failed %s", (unsigned long long)row->failed_lately, lately(window_s, window));
		top_add_wrapped(lines, TOP_BAD, 0, text);
	}
}

static double real_of(const json_t *json, const char *key)
{
	return json_number_value(json_object_get(json, key));
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "";
}

/* "of 57 that @1 answered the same class in 100.00 %, …" */
static void draw_agreement(const json_t *agreement, struct top_lines *lines)
{
	char text[2 * TOP_TEXT_MAX], classes[64] = "";
	double rows = real_of(agreement, "rows");

	if (rows > 0)
		snprintf(classes, sizeof(classes), "the same class in %.2f %%, ", 100 * real_of(agreement, "agreed") / rows);
	snprintf(text, sizeof(text), "'%.64s': of %.0f that @%.0f answered %snumbers at most %.4g apart, %.4g on the mean",
		 text_of(agreement, "output"), real_of(agreement, "compared"), real_of(agreement, "version"), classes,
		 real_of(agreement, "largest_difference"), real_of(agreement, "mean_difference"));
	top_add_wrapped(lines, TOP_PLAIN, 2, ctl_clean_text(text));
}

/* What it does as a shadow: copies of what others answered. */
static void draw_shadow(const json_t *shadow, struct top_lines *lines)
{
	const json_t *compute = json_object_get(shadow, "compute"), *agreement = json_object_get(shadow, "agreement");
	char text[2 * TOP_TEXT_MAX], p50[CTL_UNIT_MAX], p99[CTL_UNIT_MAX];

	top_line_begin(lines, TOP_PLAIN);
	if (!json_is_true(json_object_get(shadow, "running"))) {
		snprintf(text, sizeof(text), "as a shadow it gets no copies: %.160s", text_of(shadow, "reason"));
		top_add_wrapped(lines, TOP_WATCH, 0, ctl_clean_text(text));
		return;
	}
	snprintf(text, sizeof(text),
		 "as a shadow: %.0f copies run, %.0f of them OK, %.0f left out for want of time; processor time p50 %s, p99 %s",
		 real_of(shadow, "requests"), real_of(json_object_get(shadow, "results"), "OK"), real_of(shadow, "dropped"),
		 top_duration(p50, real_of(compute, "p50_ns")), top_duration(p99, real_of(compute, "p99_ns")));
	top_add_wrapped(lines, TOP_PLAIN, 0, text);
	if (real_of(shadow, "uncompared") > 0)
		top_add_line(lines, TOP_WATCH, "%.0f could not be compared", real_of(shadow, "uncompared"));
	for (size_t i = 0; i < json_array_size(agreement); i++)
		draw_agreement(json_array_get(agreement, i), lines);
}

static void draw_latency(const struct top_row *row, double window_s, struct top_lines *lines)
{
	static const char *const heads[] = {"MEAN", "P50", "P95", "P99", "MAX"};
	char window[64], unit[CTL_UNIT_MAX];

	top_line_begin(lines, TOP_PLAIN);
	top_add_line(lines, TOP_HEAD, "%-8s", "STAGE");
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(heads); i++)
		top_add_cell(lines, TOP_HEAD, 8, true, heads[i]);
	top_add(lines, TOP_HEAD, "  %s", lately(window_s, window));
	top_add_gap(lines, lines->width);
	for (unsigned stage = 0; stage < CTL_STAGES; stage++) {
		const struct ctl_times *times = &row->times[stage];
		const double values[] = {times->mean, (double)times->p50, (double)times->p95, (double)times->p99, (double)times->max};

		top_add_line(lines, TOP_PLAIN, "%-8s", ctl_stage_names[stage]);
		for (unsigned i = 0; i < TFL_ARRAY_SIZE(values); i++)
			top_add_cell(lines, TOP_PLAIN, 8, true, times->count ? top_duration(unit, values[i]) : "-");
	}
}

static void draw_side(const char *name, const struct tfl_confidence *side, char *text, size_t size)
{
	if (side->count)
		snprintf(text, size, "%s %llu, mean %.3f", name, (unsigned long long)side->count, tfl_confidence_mean(side));
	else
		snprintf(text, size, "%s none", name);
}

static void draw_drift(const struct top_seen *seen, struct top_lines *lines)
{
	const struct tfl_drift *drift = &seen->drift;
	char text[8 * TOP_TEXT_MAX], now[96], then[96], time[CTL_UNIT_MAX];

	top_line_begin(lines, TOP_PLAIN);
	snprintf(text, sizeof(text), "output '%s': %s (%s)", seen->name, seen->kind, seen->reason);
	top_add_wrapped(lines, TOP_PLAIN, 0, text);
	draw_side("verdicts", &seen->now, now, sizeof(now));
	draw_side("baseline", &seen->baseline, then, sizeof(then));
	top_line_begin(lines, TOP_PLAIN);
	top_add(lines, top_verdict_style(drift->verdict), "%s", tfl_drift_verdict_to_string(drift->verdict));
	top_add(lines, TOP_PLAIN, "  %s in %s; %s%s", now, ctl_format_uptime(time, seen->seconds), then,
		seen->baseline_set ? " (set)" : "");
	if (drift->window_records == 0 || drift->baseline_records == 0)
		return;
	snprintf(text, sizeof(text), "PSI %.3f (%.3f over %u group%s, less %.3f of chance), JS %.3f bits, KS %.3f", drift->psi,
		 drift->psi_raw, drift->groups, ctl_plural(drift->groups), drift->noise, drift->jensen_shannon, drift->kolmogorov_smirnov);
	top_add_wrapped(lines, TOP_PLAIN, 0, text);
}

/* The share of the bins that line @p line of @p count stands for. */
static double share_of(const struct tfl_confidence *confidence, unsigned line, unsigned count)
{
	unsigned bins = TFL_CONFIDENCE_BINS / count;
	uint64_t sum = 0;

	for (unsigned i = 0; i < bins; i++)
		sum += confidence->bins[line * bins + i];
	return confidence->count ? (double)sum / (double)confidence->count : 0;
}

static void add_bar(struct top_lines *lines, double share, double longest, unsigned columns)
{
	char bar[3 * BAR_MAX + 1];

	top_add(lines, TOP_PLAIN, "%s %5.1f %%  ", ctl_format_bar(bar, columns, longest > 0 ? share / longest : 0), 100 * share);
}

/* In as many lines as @p room has: 25, 10 or 5; a bar for now and one for the baseline, to one scale. */
static void draw_chart(const struct top_seen *seen, unsigned width, unsigned room, struct top_lines *lines)
{
	unsigned count = room > 25 ? 25 : room > 10 ? 10 : CHART_MIN;
	unsigned columns = width > 2 * CHART_FIXED + 2 ? (width - 2 * CHART_FIXED) / 2 : 1;
	double longest = 0;

	columns = columns > BAR_MAX ? BAR_MAX : columns;
	for (unsigned i = 0; i < count; i++) {
		double now = share_of(&seen->now, i, count), then = share_of(&seen->baseline, i, count);

		longest = now > longest ? now : longest;
		longest = then > longest ? then : longest;
	}
	top_add_line(lines, TOP_HEAD, "CONFIDENCE    %-*sBASELINE", (int)columns + 10, "NOW");
	top_add_gap(lines, lines->width);
	for (unsigned i = 0; i < count; i++) {
		top_add_line(lines, TOP_PLAIN, "%.2f to %.2f  ", (double)i / count, (double)(i + 1) / count);
		add_bar(lines, share_of(&seen->now, i, count), longest, columns);
		add_bar(lines, share_of(&seen->baseline, i, count), longest, columns);
	}
}

static void draw_seen(const struct top_row *row, unsigned width, unsigned height, unsigned begin, struct top_lines *lines)
{
	char text[2 * TOP_TEXT_MAX];
	unsigned used;

	if (row->seen->heads == 0) {
		top_line_begin(lines, TOP_PLAIN);
		snprintf(text, sizeof(text), "no output says how sure it is: %s", row->seen->reason);
		top_add_wrapped(lines, TOP_PLAIN, 0, text);
		return;
	}
	draw_drift(row->seen, lines);
	if (row->seen->now.count + row->seen->baseline.count == 0)
		return;
	top_line_begin(lines, TOP_PLAIN);
	used = lines->count - begin;
	draw_chart(row->seen, width, height > used ? height - used : 0, lines);
	if (row->seen->heads > 1)
		top_add_line(lines, TOP_DIM, "%u outputs more: tflctl hist %s@%llu", row->seen->heads - 1, row->model,
			     (unsigned long long)row->version);
}

void top_detail_draw(const struct top_row *row, double window_s, unsigned width, unsigned height, struct top_lines *lines)
{
	unsigned begin = lines->count;

	draw_state(row, lines);
	if (!row->counted)
		return;
	draw_requests(row, window_s, lines);
	if (row->shadow)
		draw_shadow(row->shadow, lines);
	draw_latency(row, window_s, lines);
	if (row->seen)
		draw_seen(row, width, height, begin, lines);
}
