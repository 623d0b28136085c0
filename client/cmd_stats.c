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
#include "client/shadow.h"
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
	char up[CTL_UNIT_MAX], memory[CTL_UNIT_MAX], sessions[40] = "";

	printf("up %s, %llu request%s; connections: %llu open, %llu accepted, %llu refused\n",
	       ctl_format_uptime(up, number(value, "uptime_ns") / 1000000000), (unsigned long long)number(value, "requests"),
	       ctl_plural(number(value, "requests")), (unsigned long long)number(connections, "open"),
	       (unsigned long long)number(connections, "accepted"), (unsigned long long)number(connections, "refused"));
	if (number(value, "sessions") > 0)
		snprintf(sessions, sizeof(sessions), "sessions: %llu; ", (unsigned long long)number(value, "sessions"));
	printf("workers: %llu of %llu busy; queue: %llu of %llu; %smemory: %s\n", (unsigned long long)number(workers, "busy"),
	       (unsigned long long)number(workers, "count"), (unsigned long long)number(queue, "waiting"),
	       (unsigned long long)number(queue, "capacity"), sessions, ctl_format_bytes(memory, number(value, "rss_bytes")));
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

static void print_stages(const struct tfl_value *version)
{
	struct ctl_table table = {.columns = 6, .right = 0x3e};

	ctl_printf("%s@%llu  %llu request%s", tfl_value_string(tfl_value_get(version, "model"), ""),
		   (unsigned long long)number(version, "version"), (unsigned long long)number(version, "requests"),
		   ctl_plural(number(version, "requests")));
	fputs(number(version, "requests") ? ": " : "", stdout);
	ctl_results_print(tfl_value_get(version, "results"));
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
		ctl_shadow_print(tfl_value_get(tfl_value_at(versions, i), "model"), tfl_value_get(tfl_value_at(versions, i), "shadow"));
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
