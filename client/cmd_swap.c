/* SPDX-License-Identifier: MIT */
/* tflctl swap and rollback: another version of a model serves from the next request on. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"

static uint64_t number(const struct tfl_value *value, const char *key)
{
	return tfl_value_uint(tfl_value_get(value, key), 0);
}

struct options {
	bool no_trial;
	int trial_requests, trial_seconds;
};

static const struct ctl_option options[] = {
	{.name = "no-trial", .kind = CTL_FLAG, .offset = offsetof(struct options, no_trial),
	 .help = "It is not watched, and a trial that runs ends."},
	{.name = "trial-requests", .argument = "N", .kind = CTL_NUMBER, .offset = offsetof(struct options, trial_requests), .min = 1,
	 .max = TFL_TRIAL_REQUESTS_MAX, .help = "It is watched until it has served so many (model.conf: trial_requests)."},
	{.name = "trial-seconds", .argument = "N", .kind = CTL_NUMBER, .offset = offsetof(struct options, trial_seconds), .min = 1,
	 .max = TFL_TRIAL_SECONDS_MAX, .help = "And for so long (model.conf: trial_time)."},
};

/* "digits@2 serves; before it was version 1" */
static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	uint64_t version = number(value, "version"), before = number(value, "before");

	ctl_printf("%s@%llu serves", tfl_value_string(tfl_value_get(value, "model"), ""), (unsigned long long)version);
	if (before == version)
		printf(", as before\n");
	else if (before)
		printf("; before it was version %llu\n", (unsigned long long)before);
	else
		printf("; before none did\n");
	if (tfl_value_bool(tfl_value_get(value, "trial"), false))
		ctl_printf("it is on trial: 'tflctl trial %s' shows how it stands\n", tfl_value_string(tfl_value_get(value, "model"), ""));
	if (tfl_value_bool(tfl_value_get(value, "unrouted"), false))
		ctl_print_wrapped("and", 4, "the route that split the requests has ended");
	if (tfl_value_bool(tfl_value_get(value, "routed"), false))
		ctl_printf_wrapped("but", 4,
				   "a route decides which version gets a request: 'tflctl route %1$s' shows it, with --clear it ends",
				   tfl_value_string(tfl_value_get(value, "model"), ""));
	if (!tfl_value_bool(tfl_value_get(value, "remembered"), true))
		ctl_print_wrapped("but", 4, tfl_value_string(tfl_value_get(value, "reason"), ""));
}

/* "digits 2" is "digits@2". */
static int call_swap(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		     struct tfl_call_error *error)
{
	const struct options *given = arguments->options;
	const struct tfl_swap_options how = {
		.size = sizeof(how),
		.no_trial = given->no_trial,
		.trial_requests = (uint64_t)given->trial_requests,
		.trial_seconds = (uint64_t)given->trial_seconds,
	};
	char model[TFL_MODEL_NAME_MAX + 32];

	if (!arguments->operands[1])
		return tfl_client_swap_with(client, arguments->operands[0], &how, ret_value, error);
	snprintf(model, sizeof(model), "%s@%s", arguments->operands[0], arguments->operands[1]);
	return tfl_client_swap_with(client, model, &how, ret_value, error);
}

static int check_swap(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *given = arguments->options;
	bool at = strchr(arguments->operands[0], '@') != NULL;

	if (given->no_trial && (given->trial_requests || given->trial_seconds))
		return ctl_usage(ctl, "there is no trial with --no-trial that could take so long; give the one or the other");
	if (at && arguments->operands[1])
		return ctl_usage(ctl, "the version is there twice; 'tflctl swap digits 2' is right");
	if (!at && !arguments->operands[1])
		return ctl_usage(ctl, "the version that shall serve is needed, as in 'tflctl swap digits 2'");
	return CTL_OK;
}

static int call_rollback(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
			 struct tfl_call_error *error)
{
	return tfl_client_roll_back(client, arguments->operands[0], ret_value, error);
}

const struct ctl_command ctl_cmd_swap = {
	.name = "swap",
	.operands = "MODEL[@VERSION] [VERSION]",
	.operands_min = 1,
	.operands_max = 2,
	.group = CTL_GROUP_MODELS,
	.brief = "another version serves",
	.summary = "Let another version of a model serve from the next request on.",
	.details = "The version must be AVAILABLE; the one that served stays loaded, and 'tflctl rollback' goes back to it. Requests that run are "
		   "finished by the version that began them.\n"
		   "\n"
		   "It is on trial then, unless model.conf says otherwise: when it fails, is slower, less sure or answers NaN, the version before serves "
		   "again by itself. 'tflctl trial' shows how it stands. A version that was rejected can be swapped to nevertheless, once it is loaded "
		   "again; the mark is taken away.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check_swap,
	.call = call_swap,
	.print = print_text,
};

const struct ctl_command ctl_cmd_rollback = {
	.name = "rollback",
	.operands = "MODEL",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "the version before serves",
	.summary = "Let the version that served before serve again, at once.",
	.call = call_rollback,
	.print = print_text,
};
