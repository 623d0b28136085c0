/* SPDX-License-Identifier: MIT */
/* tflctl ls: all models and their versions, one line each. */
#include <stdio.h>

#include "client/ctl.h"
#include "client/print.h"
#include "client/roles.h"

static void add_version(struct ctl_table *table, const char *model, const struct tfl_value *version)
{
	char unit[CTL_UNIT_MAX], roles[CTL_ROLES_MAX];

	ctl_table_add(table, "%s@%llu", model, (unsigned long long)tfl_value_uint(tfl_value_get(version, "version"), 0));
	ctl_table_add(table, "%s", tfl_value_string(tfl_value_get(version, "state"), ""));
	ctl_table_add(table, "%s", ctl_roles(version, roles));
	ctl_table_add(table, "%s", ctl_format_bytes(unit, tfl_value_uint(tfl_value_get(version, "file_bytes"), 0)));
	ctl_table_add(table, "%s", ctl_format_time(unit, tfl_value_uint(tfl_value_get(version, "since"), 0)));
	ctl_table_add(table, "%s", tfl_value_string(tfl_value_get(version, "reason"), ""));
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	static const char *const head[] = {"MODEL", "STATE", "", "SIZE", "SINCE", ""};
	const struct tfl_value *models = tfl_value_get(value, "models");
	struct ctl_table table = {.columns = 6, .right = 1 << 3};

	if (tfl_value_size(models) == 0) {
		printf("no models; 'tflctl load MODEL FILE' adds one\n");
		return;
	}
	for (unsigned i = 0; i < table.columns; i++)
		ctl_table_add(&table, "%s", head[i]);
	for (size_t i = 0; i < tfl_value_size(models); i++) {
		const struct tfl_value *model = tfl_value_at(models, i), *versions = tfl_value_get(model, "versions");

		for (size_t k = 0; k < tfl_value_size(versions); k++)
			add_version(&table, tfl_value_string(tfl_value_get(model, "model"), ""), tfl_value_at(versions, k));
	}
	ctl_table_print(&table, "");
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	return tfl_client_list(client, ret_value, error);
}

const struct ctl_command ctl_cmd_ls = {
	.name = "ls",
	.operands = "",
	.group = CTL_GROUP_MODELS,
	.brief = "models, versions, states",
	.summary = "List models, their versions and states.",
	.call = call,
	.print = print_text,
};
