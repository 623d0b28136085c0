/* SPDX-License-Identifier: MIT */
/*
 * Two tables, each within a screen: latency by level, and what it consists of. Below them what a reader has to know before believing them:
 * failures, levels that did not settle, and a client or a service that was behind.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/bench.h"
#include "client/ctl.h"
#include "client/print.h"

#define LABEL_MAX 48
#define BUSY_LIMIT 0.9  /* of the time computing: the client is what limits */
#define LATE_LIMIT 0.01 /* of the requests late to be sent */

static const char *level_name(const struct bench_report *report)
{
	return report->settings->open ? "request rate" : "concurrency";
}

uint64_t bench_failed(const struct bench_result *result)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++)
		sum += result->failures[i];
	return sum;
}

static void print_head(const struct bench_report *report)
{
	const struct bench_settings *settings = report->settings;
	const char *signature = settings->inputs->signature->name;
	char duration[CTL_UNIT_MAX], warm_up[CTL_UNIT_MAX];

	ctl_printf_wrapped("", 0, "%s@%llu, %s%s%sinputs: %s, %s, %u connection%s; %s a level after %s of warm-up", report->model,
			   (unsigned long long)report->version, signature ? "signature " : "", signature ? signature : "",
			   signature ? ", " : "", report->data,
			   !settings->open    ? "closed loop" :
			   settings->poisson ? "open loop (poisson)" :
					       "open loop (constant)",
			   settings->connections, ctl_plural(settings->connections),
			   ctl_format_duration(duration, (double)settings->duration_ns),
			   ctl_format_duration(warm_up, (double)settings->warm_up_ns));
}

/* Whether the percentile that is judged is none of those that are shown anyway. */
static bool is_unusual(double share)
{
	static const double usual[] = {0.50, 0.90, 0.95, 0.99};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(usual); i++) {
		if (fabs(share - usual[i]) < 1e-9)
			return false;
	}
	return true;
}

static void print_latencies(const struct bench_report *report)
{
	bool unusual = is_unusual(report->settings->share);
	struct ctl_table table = {.columns = 8 + unusual, .right = 0x1ff};
	char unit[CTL_UNIT_MAX];

	ctl_table_add(&table, "%s", level_name(report));
	ctl_table_add(&table, "infer/s");
	ctl_times_head(&table, true);
	if (unusual)
		ctl_table_add(&table, "p%.10g", report->settings->share * 100);
	for (unsigned i = 0; i < report->count; i++) {
		ctl_table_add(&table, "%.10g", report->results[i].level);
		ctl_table_add(&table, report->results[i].throughput < 100 ? "%.3g" : "%.0f", report->results[i].throughput);
		ctl_times_row(&table, &report->results[i].times[BENCH_LATENCY], true);
		if (unusual)
			ctl_table_add(&table, "%s", ctl_format_duration(unit, (double)report->results[i].judged_ns));
	}
	ctl_table_print(&table, "");
}

static void add_mean(struct ctl_table *table, const struct bench_result *result, enum bench_time time)
{
	char unit[CTL_UNIT_MAX];

	ctl_table_add(table, "%s", result->times[time].count ? ctl_format_duration(unit, result->times[time].mean) : "-");
}

static void add_stages(struct ctl_table *table, const struct bench_report *report, const struct bench_result *result)
{
	ctl_table_add(table, "%.10g", result->level);
	if (report->settings->open)
		add_mean(table, result, BENCH_LAG);
	add_mean(table, result, BENCH_WAIT);
	add_mean(table, result, BENCH_COMPUTE);
	add_mean(table, result, BENCH_WIRE);
	if (report->settings->open)
		ctl_table_add(table, "%llu", (unsigned long long)result->late);
	ctl_table_add(table, "%llu", (unsigned long long)bench_failed(result));
	ctl_table_add(table, "%.0f %%", result->busy * 100);
}

static void print_stages(const struct bench_report *report)
{
	bool open = report->settings->open;
	struct ctl_table table = {.columns = open ? 8 : 6, .right = 0xff};

	ctl_table_add(&table, "%s", level_name(report));
	if (open)
		ctl_table_add(&table, "lag");
	ctl_table_add(&table, "wait");
	ctl_table_add(&table, "compute");
	ctl_table_add(&table, "wire");
	if (open)
		ctl_table_add(&table, "late");
	ctl_table_add(&table, "failed");
	ctl_table_add(&table, "client busy");
	for (unsigned i = 0; i < report->count; i++)
		add_stages(&table, report, &report->results[i]);
	printf("\nOf the mean%s\n", open ? ", and requests that were late to be sent" : "");
	ctl_table_print(&table, "");
}

/* "concurrency 4: ", in front of what is to be said of a level; lines below begin where the sentence did. */
static unsigned label_of(const struct bench_report *report, const struct bench_result *result, char label[LABEL_MAX])
{
	return (unsigned)snprintf(label, LABEL_MAX, "%s %.10g: ", level_name(report), result->level);
}

static void print_failures(const struct bench_result *result, const char *label, unsigned indent)
{
	char counts[TFL_STATUS_COUNT * 48] = "";
	size_t used = 0;

	if (bench_failed(result) == 0)
		return;
	for (unsigned i = 0; i < TFL_STATUS_COUNT && used < sizeof(counts); i++) {
		if (result->failures[i])
			used += (size_t)snprintf(counts + used, sizeof(counts) - used, " %llu %s", (unsigned long long)result->failures[i],
						 tfl_status_name((enum tfl_status)i));
	}
	ctl_printf_wrapped(label, indent, "failed:%s; the first: %s", counts, result->failure);
}

static void print_doubts(const struct bench_report *report, const struct bench_result *result)
{
	char label[LABEL_MAX];
	unsigned indent = label_of(report, result, label);

	print_failures(result, label, indent);
	if (!result->settled && result->windows >= BENCH_WINDOWS)
		ctl_print_wrapped(label, indent, "unstable: after three times the duration its windows still differ by more than 10 %");
	if (!result->settled && result->windows < BENCH_WINDOWS)
		ctl_printf_wrapped(label, indent, "%s after %u of %u windows", result->lost ? "the daemon went away" : "interrupted",
				   result->windows, BENCH_WINDOWS);
	if (result->behind)
		ctl_printf_wrapped(label, indent,
				   "the daemon fell behind: %u requests were in flight, and the next waited to be sent, longer and longer",
				   BENCH_IN_FLIGHT_MAX);
	if (result->busy > BUSY_LIMIT)
		ctl_print_wrapped(label, indent, "this client computed all the time; it may be what limits the figures");
	else if (!result->behind && (double)result->late > LATE_LIMIT * (double)result->times[BENCH_LATENCY].count)
		ctl_printf_wrapped(label, indent, "%.0f %% were sent more than 1 ms late: this client was not given a processor in time",
				   100 * (double)result->late / (double)(result->times[BENCH_LATENCY].count + bench_failed(result)));
}

static void print_end(const struct bench_report *report)
{
	const struct bench_result *last = &report->results[report->count - 1];
	char judged[CTL_UNIT_MAX], limit[CTL_UNIT_MAX], label[LABEL_MAX];

	if (report->over_limit)
		ctl_printf_wrapped(label, label_of(report, last, label), "p%.10g is %s, above the limit of %s; nothing more was tried",
				   report->settings->share * 100, ctl_format_duration(judged, (double)last->judged_ns),
				   ctl_format_duration(limit, (double)report->settings->limit_ns));
}

void bench_report_print(const struct bench_report *report)
{
	print_head(report);
	print_latencies(report);
	print_stages(report);
	for (unsigned i = 0; i < report->count; i++)
		print_doubts(report, &report->results[i]);
	print_end(report);
}

static json_t *failures_json(const struct bench_result *result)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++) {
		if (result->failures[i])
			json_object_set_new(object, tfl_status_name((enum tfl_status)i), json_integer((json_int_t)result->failures[i]));
	}
	return object;
}

static json_t *level_json(const struct bench_report *report, const struct bench_result *result)
{
	static const char *const names[BENCH_TIMES] = {
		[BENCH_LATENCY] = "latency", [BENCH_LAG] = "lag", [BENCH_WAIT] = "wait", [BENCH_COMPUTE] = "compute", [BENCH_WIRE] = "wire"};
	json_t *object = json_pack("{s:f, s:f, s:I, s:I, s:b, s:b, s:b}", report->settings->open ? "request_rate" : "concurrency", result->level,
				   "throughput", result->throughput, "measured_ns", (json_int_t)result->measured_ns, "judged_ns",
				   (json_int_t)result->judged_ns, "stable", result->settled, "interrupted", result->interrupted, "lost", result->lost);

	for (unsigned i = 0; i < BENCH_TIMES; i++) {
		if (i != BENCH_LAG || report->settings->open)
			json_object_set_new(object, names[i], ctl_times_json(&result->times[i]));
	}
	if (report->settings->open) {
		json_object_set_new(object, "late", json_integer((json_int_t)result->late));
		json_object_set_new(object, "behind", json_boolean(result->behind));
	}
	json_object_set_new(object, "failures", failures_json(result));
	json_object_set_new(object, "client_busy", json_real(result->busy));
	return object;
}

json_t *bench_report_json(const struct bench_report *report)
{
	const struct bench_settings *settings = report->settings;
	json_t *levels = json_array();

	for (unsigned i = 0; i < report->count; i++)
		json_array_append_new(levels, level_json(report, &report->results[i]));
	return json_pack("{s:s, s:I, s:s*, s:s, s:s, s:I, s:I, s:I, s:f, s:b, s:o}", "model", report->model, "version",
			 (json_int_t)report->version, "signature", settings->inputs->signature->name, "loop",
			 !settings->open ? "closed" : settings->poisson ? "poisson" : "constant", "inputs", report->data, "connections",
			 (json_int_t)settings->connections, "duration_ns", (json_int_t)settings->duration_ns, "warm_up_ns",
			 (json_int_t)settings->warm_up_ns, "percentile", settings->share * 100, "over_limit", report->over_limit, "levels",
			 levels);
}
