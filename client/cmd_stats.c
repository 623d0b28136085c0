/* SPDX-License-Identifier: MIT */
/*
 * tflctl stats: how busy the daemon is, and requests and latency of each version. With a model, its latency is broken down into stages:
 * waiting in the queue, computing, handing over the reply.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/condition.h"
#include "client/ctl.h"
#include "client/memory.h"
#include "client/print.h"
#include "client/times.h"

static const char *const latency_keys[] = {"mean_ns", "p50_ns", "p95_ns", "p99_ns", "max_ns"};
static const char *const latency_names[] = {"MEAN", "P50", "P95", "P99", "MAX"};

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static void print_service(const struct tfl_value *value)
{
	const struct tfl_value *connections = tfl_value_get(value, "connections"), *queue = tfl_value_get(value, "queue");
	const struct tfl_value *workers = tfl_value_get(value, "workers");
	char up[CTL_UNIT_MAX], memory[CTL_UNIT_MAX];

	printf("up %s, %llu request%s; connections: %llu open, %llu accepted, %llu refused\n",
	       ctl_format_uptime(up, number(value, "uptime_ns") / 1000000000), (unsigned long long)number(value, "requests"),
	       ctl_plural(number(value, "requests")), (unsigned long long)number(connections, "open"),
	       (unsigned long long)number(connections, "accepted"), (unsigned long long)number(connections, "refused"));
	printf("workers: %llu of %llu busy; queue: %llu of %llu; memory: %s\n", (unsigned long long)number(workers, "busy"),
	       (unsigned long long)number(workers, "count"), (unsigned long long)number(queue, "waiting"),
	       (unsigned long long)number(queue, "capacity"), ctl_format_bytes(memory, number(value, "rss_bytes")));
	ctl_memory_print(value, true);
	ctl_conditions_print(value);
}

static void add_latency(struct ctl_table *table, const struct tfl_value *latency)
{
	char unit[CTL_UNIT_MAX];

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(latency_keys); i++)
		ctl_table_add(table, "%s",
			      number(latency, "max_ns") ? ctl_format_duration(unit, (double)number(latency, latency_keys[i])) : "-");
}

static void add_head(struct ctl_table *table)
{
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(latency_names); i++)
		ctl_table_add(table, "%s", latency_names[i]);
}

/* Requests that ended in anything but OK, as a share of all. */
static double failed(const struct tfl_value *version)
{
	uint64_t requests = number(version, "requests"), ok = number(tfl_value_get(version, "results"), "OK");

	return requests > ok ? 100.0 * (double)(requests - ok) / (double)requests : 0;
}

static void print_versions(const struct tfl_value *versions)
{
	struct ctl_table table = {.columns = 8, .right = 0xfe};

	ctl_table_add(&table, "MODEL");
	ctl_table_add(&table, "REQUESTS");
	ctl_table_add(&table, "FAILED");
	add_head(&table);
	for (size_t i = 0; i < tfl_value_size(versions); i++) {
		const struct tfl_value *version = tfl_value_at(versions, i);

		ctl_table_add(&table, "%s@%llu", tfl_value_string(tfl_value_get(version, "model"), ""),
			      (unsigned long long)number(version, "version"));
		ctl_table_add(&table, "%llu", (unsigned long long)number(version, "requests"));
		ctl_table_add(&table, "%.1f %%", failed(version));
		add_latency(&table, tfl_value_get(tfl_value_get(version, "latency"), "total"));
	}
	ctl_table_print(&table, "");
}

static void print_results(const struct tfl_value *results)
{
	for (size_t i = 0; i < tfl_value_size(results); i++)
		ctl_printf("%s%llu %s", i ? ", " : "", (unsigned long long)tfl_value_uint(tfl_value_at(results, i), 0),
			   tfl_value_key_at(results, i));
}

static void print_stages(const struct tfl_value *version)
{
	struct ctl_table table = {.columns = 6, .right = 0x3e};

	ctl_printf("%s@%llu  %llu request%s", tfl_value_string(tfl_value_get(version, "model"), ""),
		   (unsigned long long)number(version, "version"), (unsigned long long)number(version, "requests"),
		   ctl_plural(number(version, "requests")));
	fputs(number(version, "requests") ? ": " : "", stdout);
	print_results(tfl_value_get(version, "results"));
	putchar('\n');
	if (number(version, "requests") == 0)
		return;
	ctl_table_add(&table, "STAGE");
	add_head(&table);
	for (unsigned i = 0; i < CTL_STAGES; i++) {
		ctl_table_add(&table, "%s", ctl_stage_names[i]);
		add_latency(&table, tfl_value_get(tfl_value_get(version, "latency"), ctl_stage_names[i]));
	}
	ctl_table_print(&table, "  ");
}

/* How far a version that gets copies agrees with those that answered: a line for each of them and each output. */
static void print_agreement(const struct tfl_value *agreement)
{
	struct ctl_table table = {.columns = 6, .right = 0x3a};

	if (tfl_value_size(agreement) == 0)
		return;
	ctl_table_add(&table, "OUTPUT");
	ctl_table_add(&table, "COMPARED");
	ctl_table_add(&table, "WITH");
	ctl_table_add(&table, "SAME CLASS");
	ctl_table_add(&table, "LARGEST DIFFERENCE");
	ctl_table_add(&table, "MEAN");
	for (size_t i = 0; i < tfl_value_size(agreement); i++) {
		const struct tfl_value *line = tfl_value_at(agreement, i);
		uint64_t rows = number(line, "rows");

		ctl_table_add(&table, "%s", tfl_value_string(tfl_value_get(line, "output"), ""));
		ctl_table_add(&table, "%llu", (unsigned long long)number(line, "compared"));
		ctl_table_add(&table, "@%llu", (unsigned long long)number(line, "version"));
		if (rows)
			ctl_table_add(&table, "%.2f %%", 100.0 * (double)number(line, "agreed") / (double)rows);
		else
			ctl_table_add(&table, "-");
		ctl_table_add(&table, "%.4g", tfl_value_double(tfl_value_get(line, "largest_difference"), 0));
		ctl_table_add(&table, "%.4g", tfl_value_double(tfl_value_get(line, "mean_difference"), 0));
		if (number(line, "invalid"))
			ctl_table_note(&table, 2, "it has numbers that are none (NaN or infinite), where the other has some");
	}
	ctl_table_print(&table, "  ");
}

/* What a version does that gets copies of requests and never answers. */
static void print_shadow(const struct tfl_value *version)
{
	const struct tfl_value *shadow = tfl_value_get(version, "shadow"), *compute = tfl_value_get(shadow, "compute");
	char p50[CTL_UNIT_MAX], p99[CTL_UNIT_MAX];

	if (tfl_value_size(shadow) == 0)
		return;
	ctl_printf("%s@%llu  is the shadow", tfl_value_string(tfl_value_get(version, "model"), ""), (unsigned long long)number(version, "version"));
	if (!tfl_value_bool(tfl_value_get(shadow, "running"), false)) {
		ctl_printf(", and gets no copies: %s\n", tfl_value_string(tfl_value_get(shadow, "reason"), ""));
		return;
	}
	ctl_printf(": %llu copies run", (unsigned long long)number(shadow, "requests"));
	if (number(shadow, "requests")) {
		fputs(" (", stdout);
		print_results(tfl_value_get(shadow, "results"));
		fputs(")", stdout);
	}
	ctl_printf(", %llu left out for want of time\n", (unsigned long long)number(shadow, "dropped"));
	if (number(shadow, "uncompared"))
		ctl_printf("  %llu could not be compared: other outputs, too large ones, or too many versions\n",
			   (unsigned long long)number(shadow, "uncompared"));
	if (number(compute, "max_ns"))
		printf("  processor time: p50 %s, p99 %s\n", ctl_format_duration(p50, (double)number(compute, "p50_ns")),
		       ctl_format_duration(p99, (double)number(compute, "p99_ns")));
	print_agreement(tfl_value_get(shadow, "agreement"));
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	bool stages = arguments->operands[0] != NULL;
	const struct tfl_value *versions = tfl_value_get(value, "versions");

	if (!stages)
		print_service(value);
	if (tfl_value_size(versions) == 0)
		printf("no version is loaded\n");
	else if (!stages)
		print_versions(versions);
	for (size_t i = 0; stages && i < tfl_value_size(versions); i++) {
		print_stages(tfl_value_at(versions, i));
		print_shadow(tfl_value_at(versions, i));
	}
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	if (arguments->operands[0] && strchr(arguments->operands[0], '@'))
		return ctl_usage(ctl, "statistics are of all versions of a model: its name without '@'");
	return CTL_OK;
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	return tfl_client_stats(client, arguments->operands[0], ret_value, error);
}

const struct ctl_command ctl_cmd_stats = {
	.name = "stats",
	.operands = "[MODEL]",
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "requests and latency",
	.summary = "Show requests, failures and latency since the daemon's start.",
	.details = "With a model: latency by stage, of each version. Failed requests are not in the latency.\n",
	.call = call,
	.check = check,
	.print = print_text,
};
