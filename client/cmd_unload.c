/* SPDX-License-Identifier: MIT */
/* tflctl unload: takes versions out of service; what is running ends first. */
#include <stdio.h>

#include "client/ctl.h"
#include "client/print.h"

#define TIMEOUT_MS 60000

struct options {
	bool erase;
};

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	const struct tfl_value *versions = tfl_value_get(value, "versions");

	for (size_t i = 0; i < tfl_value_size(versions); i++)
		ctl_printf("%s@%llu  %s\n", tfl_value_string(tfl_value_get(value, "model"), ""),
			   (unsigned long long)tfl_value_uint(tfl_value_at(versions, i), 0),
			   options->erase ? "unloaded and erased" : "unloaded");
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	const struct options *options = arguments->options;

	return ctl_note_timeout(tfl_client_unload(client, arguments->operands[0], options->erase, ret_value, error), "unloading", error);
}

static const struct ctl_option options[] = {
	{"erase", NULL, CTL_FLAG, offsetof(struct options, erase), "delete the files from the daemon's store too"},
};

const struct ctl_command ctl_cmd_unload = {
	.name = "unload",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "take out of service",
	.summary = "Take a version, or all versions of a model, out of service.",
	.details = "Requests that are running end first. Without --erase the files stay in the store.\n"
		   "'tflctl load MODEL@VERSION FILE' with the same file brings a version back.\n",
	.table = {options, 1},
	.options_size = sizeof(struct options),
	.timeout_ms = TIMEOUT_MS,
	.call = call,
	.print = print_text,
};
