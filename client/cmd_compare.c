/* SPDX-License-Identifier: MIT */
/* tflctl compare: which of two versions of a model is better, at what, and how sure that is. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "client/bench.h"
#include "client/compare.h"
#include "client/ctl.h"
#include "proto/name.h"

#define WINDOW_MIN_NS INT64_C(1000000000)
#define WINDOW_MAX_NS INT64_C(86400000000000)

struct options {
	const char *output, *window;
};

/* 0 where none is given. */
static int parse_window(const struct options *options, int64_t *ret_ns, struct tfl_error *error)
{
	*ret_ns = 0;
	return options->window ? bench_duration_parse(options->window, "--for", WINDOW_MIN_NS, WINDOW_MAX_NS, ret_ns, error) : 0;
}

static void value_destroyp(struct tfl_value **value)
{
	tfl_value_destroy(*value);
}

/* A version's number; 0 for what is none. */
static uint64_t parse_version(const char *text)
{
	uint64_t number;

	return tfl_version_parse(text, strlen(text), &number) < 0 ? 0 : number;
}

static bool names_version(const char *text)
{
	return parse_version(text) || tfl_label_valid(text, strlen(text));
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const char *const *operands = arguments->operands;
	struct tfl_error error;
	int64_t window;

	if (parse_window(arguments->options, &window, &error) < 0)
		return ctl_usage(ctl, error.text);
	if (strchr(operands[0], '@') || !names_version(operands[1]) || !names_version(operands[2]))
		return ctl_usage(ctl, "a model and two of its versions are needed, by number or label, as in 'tflctl compare digits 1 "
				      "canary'");
	if (strcmp(operands[1], operands[2]) == 0)
		return ctl_usage(ctl, "the two versions are the same one");
	return CTL_OK;
}

/* The number of a version, which the daemon knows where it has a label. */
static int find_version(struct ctl *ctl, const char *model, const char *name, uint64_t *ret_version, struct tfl_call_error *error)
{
	TFL_CLEANUP(value_destroyp) struct tfl_value *value = NULL;
	char labelled[TFL_MODEL_NAME_MAX + TFL_LABEL_MAX + 8];
	int r;

	*ret_version = parse_version(name);
	if (*ret_version)
		return 0;
	snprintf(labelled, sizeof(labelled), "%s@%s", model, name);
	r = tfl_client_describe(ctl->client, labelled, &value, error);
	*ret_version = tfl_value_uint(tfl_value_get(value, "version"), 0);
	return r;
}

static int ask(struct ctl *ctl, const char *const *operands, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	char model[TFL_MODEL_NAME_MAX + 32];
	uint64_t first = 0, second = 0;
	int r;

	r = find_version(ctl, operands[0], operands[1], &first, error);
	if (r == 0)
		r = find_version(ctl, operands[0], operands[2], &second, error);
	if (r < 0)
		return r;
	snprintf(model, sizeof(model), "%s@%llu", operands[0], (unsigned long long)first);
	return tfl_client_compare(ctl->client, model, second, ret_value, error);
}

static void wait_for(int64_t ns)
{
	const struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	TFL_CLEANUP(value_destroyp) struct tfl_value *earlier = NULL;
	TFL_CLEANUP(value_destroyp) struct tfl_value *value = NULL;
	_tfl_free_ struct ctl_compare *compare = NULL;
	struct ctl_compare_window window;
	struct tfl_call_error failure;
	struct tfl_error error;
	int64_t ns;
	int r = 0;

	parse_window(options, &ns, NULL);
	if (ns > 0)
		r = ask(ctl, arguments->operands, &earlier, &failure);
	window = (struct ctl_compare_window){earlier, (uint64_t)time(NULL)};
	if (ns > 0 && r == 0)
		wait_for(ns);
	if (r < 0 || ask(ctl, arguments->operands, &value, &failure) < 0)
		return ctl_fail(ctl, failure.status, failure.message);
	r = ctl_compare_create(value, earlier ? &window : NULL, options->output, &compare, &error);
	if (r < 0)
		return ctl_fail(ctl, r == -EPROTO ? TFL_PROTOCOL_ERROR : r == -ENOMEM ? TFL_RESOURCE_EXHAUSTED : TFL_INVALID_ARGUMENT,
				error.text);
	if (ctl->json)
		return ctl_print_json(ctl, ctl_compare_json(compare));
	ctl_compare_print(compare, (int64_t)time(NULL));
	return CTL_OK;
}

static const struct ctl_option options[] = {
	{"output", "OUTPUT", CTL_STRING, offsetof(struct options, output),
	 "whose confidence is compared: its name or index (default: the first)"},
	{"for", "TIME", CTL_STRING, offsetof(struct options, window), "of what comes in this time: 10s, 15m (default: since their load)"},
};

const struct ctl_command ctl_cmd_compare = {
	.name = "compare",
	.operands = "MODEL VERSION VERSION",
	.operands_min = 3,
	.operands_max = 3,
	.group = CTL_GROUP_WATCH,
	.brief = "which version is better?",
	.summary = "Compare what two versions of a model did since they were loaded, and say which is better and how sure that is.",
	.details = "Noise is called a difference in at most 1 of 100 comparisons, whatever is compared; who asks again and again until "
		   "there is a winner will find one. The ranges hold all true differences together in 99 of 100.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
