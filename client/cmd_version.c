/* SPDX-License-Identifier: MIT */
/* tflctl version: what runs on both sides, which methods this user may call, and the daemon's limits. */
#include <stdio.h>

#include "client/ctl.h"
#include "client/print.h"

static void print_methods(const struct tfl_value *methods, bool allowed)
{
	bool first = true;

	for (size_t i = 0; i < tfl_value_size(methods); i++) {
		const struct tfl_value *method = tfl_value_at(methods, i);

		if (tfl_value_bool(tfl_value_get(method, "allowed"), false) != allowed)
			continue;
		printf(first ? "%-12s" : "%s", first ? allowed ? "may call" : "may not call" : ",");
		ctl_printf(" %s", tfl_value_string(tfl_value_get(method, "method"), ""));
		first = false;
	}
	fputs(first ? "" : "\n", stdout);
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	const struct tfl_value *features = tfl_value_get(value, "features"), *limits = tfl_value_get(value, "limits");
	struct ctl_table table = {.columns = 2, .right = 2};

	printf("tflctl       %s\n", TFL_PROJECT_VERSION);
	ctl_table_add(&table, "%-11s", tfl_value_string(tfl_value_get(value, "name"), "daemon"));
	ctl_table_add(&table, "%s, protocol %llu", tfl_value_string(tfl_value_get(value, "version"), "?"),
		      (unsigned long long)tfl_value_uint(tfl_value_get(value, "protocol"), 0));
	ctl_table_print(&table, "");
	printf("features    ");
	for (size_t i = 0; i < tfl_value_size(features); i++)
		ctl_printf("%s %s", i ? "," : "", tfl_value_string(tfl_value_at(features, i), ""));
	putchar('\n');
	print_methods(tfl_value_get(value, "methods"), true);
	print_methods(tfl_value_get(value, "methods"), false);
	printf("limits\n");
	for (size_t i = 0; i < tfl_value_size(limits); i++) {
		ctl_table_add(&table, "%s", tfl_value_key_at(limits, i));
		ctl_table_add(&table, "%llu", (unsigned long long)tfl_value_uint(tfl_value_at(limits, i), 0));
	}
	ctl_table_print(&table, "  ");
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	return tfl_client_server_info(client, ret_value, error);
}

const struct ctl_command ctl_cmd_version = {
	.name = "version",
	.operands = "",
	.summary = "Show the versions of tflctl and daemon, your rights, and the limits.",
	.call = call,
	.print = print_text,
};
