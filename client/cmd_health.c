/* SPDX-License-Identifier: MIT */
/*
 * tflctl health: whether the daemon is ready, also as exit status, what is wrong though it serves, and which versions are not in service
 * and why. What keeps nobody from being served is no failure: whoever restarts on one would make things worse.
 */
#include <stdio.h>

#include "client/condition.h"
#include "client/ctl.h"
#include "client/memory.h"
#include "client/print.h"

static unsigned long long number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static bool is_ready(const struct tfl_value *value)
{
	return tfl_value_bool(tfl_value_get(value, "ready"), false);
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	const struct tfl_value *versions = tfl_value_get(value, "versions"), *ended = tfl_value_get(value, "ended");
	const char *state = is_ready(value) ? "ready" : tfl_value_bool(tfl_value_get(value, "stopping"), false) ? "stopping" : "not ready";
	struct ctl_table table = {.columns = 2};

	printf("%s: %llu version%s available, %llu loading, %llu out of service\n", state, number(versions, "available"),
	       ctl_plural(number(versions, "available")), number(versions, "loading"), number(versions, "ended"));
	ctl_memory_print(value, false);
	for (size_t i = 0; i < tfl_value_size(ended); i++) {
		const struct tfl_value *version = tfl_value_at(ended, i);

		ctl_table_add(&table, "%s@%llu", tfl_value_string(tfl_value_get(version, "model"), ""), number(version, "version"));
		ctl_table_add(&table, "%s", tfl_value_string(tfl_value_get(version, "reason"), ""));
	}
	ctl_table_print(&table, "  ");
	ctl_conditions_print(value);
}

static int status(const struct tfl_value *value)
{
	return is_ready(value) ? CTL_OK : CTL_FAILED;
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	return tfl_client_health(client, ret_value, error);
}

const struct ctl_command ctl_cmd_health = {
	.name = "health",
	.operands = "",
	.group = CTL_GROUP_WATCH,
	.brief = "is the daemon ready?",
	.summary = "Say whether the daemon is ready (exit status 0) or not (1).",
	.details = "A daemon that is degraded (a disk is full, a folder is gone) serves and is ready; what is\n"
		   "wrong is listed, and with --json \"degraded\" is true.\n",
	.call = call,
	.print = print_text,
	.status = status,
};
