/* SPDX-License-Identifier: MIT */
/* tflctl version: what runs on both sides, which methods this user may call, and the daemon's limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "client/print.h"

#define INDENT 13

/* The texts, or of maps those under @key that are @allowed, in a line. */
static void print_list(const char *label, const struct tfl_value *list, const char *key, bool allowed)
{
	size_t size = 0;
	char *text = NULL;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	for (size_t i = 0; i < tfl_value_size(list); i++) {
		const struct tfl_value *entry = tfl_value_at(list, i);

		if (key && tfl_value_bool(tfl_value_get(entry, "allowed"), false) != allowed)
			continue;
		fprintf(stream, "%s%s", ftell(stream) > 0 ? ", " : "", tfl_value_string(key ? tfl_value_get(entry, key) : entry, ""));
	}
	fclose(stream);
	ctl_print_wrapped(label, INDENT, text);
	free(text);
}

static bool is_of_bytes(const char *limit)
{
	size_t length = strlen(limit);

	return length > 6 && strcmp(limit + length - 6, "_bytes") == 0;
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	const struct tfl_value *features = tfl_value_get(value, "features"), *limits = tfl_value_get(value, "limits");
	struct ctl_table table = {.columns = 2, .right = 2};
	char unit[CTL_UNIT_MAX];

	printf("tflctl       %s\n", TFL_PROJECT_VERSION);
	ctl_table_add(&table, "%-11s", tfl_value_string(tfl_value_get(value, "name"), "daemon"));
	ctl_table_add(&table, "%s, protocol %llu", tfl_value_string(tfl_value_get(value, "version"), "?"),
		      (unsigned long long)tfl_value_uint(tfl_value_get(value, "protocol"), 0));
	ctl_table_print(&table, "");
	print_list("features", features, NULL, true);
	print_list("may call", tfl_value_get(value, "methods"), "method", true);
	print_list("may not call", tfl_value_get(value, "methods"), "method", false);
	printf("limits\n");
	for (size_t i = 0; i < tfl_value_size(limits); i++) {
		uint64_t limit = tfl_value_uint(tfl_value_at(limits, i), 0);

		ctl_table_add(&table, "%s", tfl_value_key_at(limits, i));
		if (is_of_bytes(tfl_value_key_at(limits, i)))
			ctl_table_add(&table, "%s", ctl_format_bytes(unit, limit));
		else
			ctl_table_add(&table, "%llu", (unsigned long long)limit);
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
	.group = CTL_GROUP_WATCH,
	.brief = "versions, rights, limits",
	.summary = "Show the versions of tflctl and daemon, your rights, and the limits.",
	.call = call,
	.print = print_text,
};
