/* SPDX-License-Identifier: MIT */
/* tflctl compare: which of two versions of a model is better, at what, and how sure that is. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/compare.h"
#include "client/ctl.h"

struct options {
	const char *output;
};

static void value_destroyp(struct tfl_value **value)
{
	tfl_value_destroy(*value);
}

/* A version's number; 0 for what is none. */
static uint64_t parse_version(const char *text)
{
	uint64_t number = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return 0;
	return *text || number > TFL_VERSION_MAX ? 0 : number;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	uint64_t first = parse_version(arguments->operands[1]), second = parse_version(arguments->operands[2]);

	if (strchr(arguments->operands[0], '@') || !first || !second)
		return ctl_usage(ctl, "a model and the numbers of two of its versions are needed, as in 'tflctl compare digits 1 2'");
	if (first == second)
		return ctl_usage(ctl, "the two versions are the same one");
	return CTL_OK;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	TFL_CLEANUP(value_destroyp) struct tfl_value *value = NULL;
	_tfl_free_ struct ctl_compare *compare = NULL;
	char model[TFL_MODEL_NAME_MAX + 32];
	struct tfl_call_error failure;
	struct tfl_error error;
	int r;

	snprintf(model, sizeof(model), "%s@%s", arguments->operands[0], arguments->operands[1]);
	if (tfl_client_compare(ctl->client, model, parse_version(arguments->operands[2]), &value, &failure) < 0)
		return ctl_fail(ctl, failure.status, failure.message);
	r = ctl_compare_create(value, options->output, &compare, &error);
	if (r < 0)
		return ctl_fail(ctl, r == -EPROTO ? TFL_PROTOCOL_ERROR : r == -ENOMEM ? TFL_RESOURCE_EXHAUSTED : TFL_INVALID_ARGUMENT, error.text);
	if (ctl->json)
		return ctl_print_json(ctl, ctl_compare_json(compare));
	ctl_compare_print(compare);
	return CTL_OK;
}

static const struct ctl_option options[] = {
	{"output", "OUTPUT", CTL_STRING, offsetof(struct options, output), "whose confidence is compared: its name or index (default: the first)"},
};

const struct ctl_command ctl_cmd_compare = {
	.name = "compare",
	.operands = "MODEL VERSION VERSION",
	.operands_min = 3,
	.operands_max = 3,
	.group = CTL_GROUP_WATCH,
	.brief = "which version is better?",
	.summary = "Compare what two versions of a model did since they were loaded, and say which is better and how sure that is.",
	.details = "Noise is called a difference in at most 1 of 100 comparisons, whatever is compared; who asks again and again until there is a "
		   "winner will find one. The ranges hold all true differences together in 99 of 100.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
