/* SPDX-License-Identifier: MIT */
/* tflctl label: names for versions of a model. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"
#include "proto/name.h"

struct options {
	bool remove;
};

static const struct ctl_option label_options[] = {
	{"remove", NULL, CTL_FLAG, offsetof(struct options, remove), "let the label stand for no version any more"},
};

static uint64_t number(const struct tfl_value *value, const char *key)
{
	return tfl_value_uint(tfl_value_get(value, key), 0);
}

static const char *string(const struct tfl_value *value, const char *key)
{
	return tfl_value_string(tfl_value_get(value, key), "");
}

static void print_list(const struct tfl_value *value)
{
	const struct tfl_value *versions = tfl_value_get(value, "versions");
	struct ctl_table table = {.columns = 4};

	for (size_t i = 0; i < tfl_value_size(versions); i++) {
		const struct tfl_value *version = tfl_value_at(versions, i), *labels = tfl_value_get(version, "version_labels");

		for (size_t k = 0; k < tfl_value_size(labels); k++) {
			ctl_table_add(&table, "%s", tfl_value_string(tfl_value_at(labels, k), ""));
			ctl_table_add(&table, "%s@%llu", string(value, "model"), (unsigned long long)number(version, "version"));
			ctl_table_add(&table, "%s", string(version, "state"));
			ctl_table_add(&table, "%s", string(version, "reason"));
		}
	}
	if (table.count == 0)
		ctl_printf("no version of %1$s has a label; 'tflctl label %1$s canary 2' gives one\n", string(value, "model"));
	ctl_table_print(&table, "");
}

/* "canary is digits@2; before it was version 1" */
static void print_set(const struct tfl_value *value)
{
	uint64_t version = number(value, "version"), before = number(value, "before");

	ctl_printf("%s ", string(value, "label"));
	if (version)
		ctl_printf("is %s@%llu", string(value, "model"), (unsigned long long)version);
	else
		ctl_printf("is no label of %s any more", string(value, "model"));
	if (version && version == before)
		printf(", as before\n");
	else if (before)
		printf("; before it was version %llu\n", (unsigned long long)before);
	else
		printf("\n");
	if (!tfl_value_bool(tfl_value_get(value, "remembered"), true))
		ctl_print_wrapped("but", 4, string(value, "reason"));
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	if (arguments->operands[1])
		print_set(value);
	else
		print_list(value);
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	const char *model = arguments->operands[0], *label = arguments->operands[1], *version = arguments->operands[2];
	uint64_t to = 0;

	if (!label)
		return tfl_client_describe(client, model, ret_value, error);
	if (version)
		(void)tfl_version_parse(version, strlen(version), &to); /* check() has looked at it */
	return tfl_client_set_label(client, model, label, to, ret_value, error);
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	const char *label = arguments->operands[1], *version = arguments->operands[2];
	uint64_t number;

	if (strchr(arguments->operands[0], '@'))
		return ctl_usage(ctl, "the version stands behind the label, as in 'tflctl label digits canary 2'");
	if (options->remove && (!label || version))
		return ctl_usage(ctl, "a label alone is removed, as in 'tflctl label digits canary --remove'");
	if (label && !version && !options->remove)
		return ctl_usage(ctl, "the version that it is to stand for is needed, as in 'tflctl label digits canary 2', or --remove");
	if (version && tfl_version_parse(version, strlen(version), &number) < 0)
		return ctl_usage(ctl, "a label stands for the number of a version, as in 'tflctl label digits canary 2'");
	return CTL_OK;
}

const struct ctl_command ctl_cmd_label = {
	.name = "label",
	.operands = "MODEL [LABEL] [VERSION]",
	.operands_min = 1,
	.operands_max = 3,
	.group = CTL_GROUP_MODELS,
	.brief = "names for versions",
	.summary = "Let a label, such as 'stable' or 'canary', stand for a version of a model; without one, list them.",
	.details = "Requests ask for it as for a version: 'tflctl infer digits@canary'. The version must be AVAILABLE, and stays loaded whatever "
		   "the version policy says. A label that stands for another version moves. Requests without a version are not concerned.\n",
	.table = {label_options, TFL_ARRAY_SIZE(label_options)},
	.options_size = sizeof(struct options),
	.check = check,
	.call = call,
	.print = print_text,
};
