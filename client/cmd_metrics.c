/* SPDX-License-Identifier: MIT */
/* tflctl metrics: what the daemon counts, as Prometheus reads it; nothing is added, so that it can be piped. */
#include "client/ctl.h"
#include "client/print.h"

static const char *text_of(const struct tfl_value *value)
{
	return tfl_value_string(tfl_value_get(value, "text"), "");
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	ctl_printf("%s", text_of(value));
}

/* Whoever pipes it shall not take nothing for all there is. */
static int status(const struct tfl_value *value)
{
	return *text_of(value) ? CTL_OK : CTL_FAILED;
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	return tfl_client_metrics(client, ret_value, error);
}

const struct ctl_command ctl_cmd_metrics = {
	.name = "metrics",
	.operands = "",
	.group = CTL_GROUP_WATCH,
	.brief = "all numbers for Prometheus",
	.summary = "Print everything that is counted in Prometheus' text format.",
	.details = "tfld can keep the same text in a file for node_exporter: metrics_file in tfld.conf(5). With --json the text is a string in an "
		   "object.\n",
	.call = call,
	.print = print_text,
	.status = status,
};
