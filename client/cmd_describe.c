/* SPDX-License-Identifier: MIT */
/* tflctl describe: one version in full: state, sizes, what it is, inputs and outputs. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/model_text.h"
#include "client/memory.h"
#include "client/print.h"
#include "client/roles.h"
#include "client/shadow.h"

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static const char *string(const struct tfl_value *map, const char *key)
{
	return tfl_value_string(tfl_value_get(map, key), "");
}

/* What 0 stands for in a setting's value; NULL: for itself. */
static const char *meaning_of_zero(const char *key)
{
	static const struct {
		const char *key, *meaning;
	} meanings[] = {
		{"instances", "as many as workers"},
		{"queue", "no bound of its own"},
		{"timeout", "none"},
		{"inline", "never"},
		{"proof_memory", "half of the device's"},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(meanings); i++)
		if (strcmp(meanings[i].key, key) == 0)
			return meanings[i].meaning;
	return NULL;
}

/* What is in force for the version, and where that comes from. */
static void print_settings(const struct tfl_value *settings)
{
	struct ctl_table table = {.columns = 3};

	if (tfl_value_size(settings) > 0)
		printf("settings\n");
	for (size_t i = 0; i < tfl_value_size(settings); i++) {
		const struct tfl_value *setting = tfl_value_at(settings, i);
		const char *zero = strcmp(string(setting, "value"), "0") == 0 ? meaning_of_zero(string(setting, "key")) : NULL;

		if (!*string(setting, "value"))
			continue;
		ctl_table_add(&table, "%s", string(setting, "key"));
		if (zero)
			ctl_table_add(&table, "0 (%s)", zero);
		else
			ctl_table_add(&table, "%s", string(setting, "value"));
		ctl_table_add(&table, "%s", string(setting, "source"));
	}
	ctl_table_print(&table, "  ");
}

static void print_loaded(const struct tfl_value *value)
{
	const struct tfl_value *memory = tfl_value_get(value, "memory"), *operators = tfl_value_get(value, "operators");
	char a[CTL_UNIT_MAX], b[CTL_UNIT_MAX], c[CTL_UNIT_MAX], d[CTL_UNIT_MAX], sum[CTL_UNIT_MAX];

	if (!memory)
		return;
	ctl_format_bytes(sum, ctl_memory_bytes(memory));
	printf("time       loaded in %s, runs in %s, unused for %s\n", ctl_format_duration(a, (double)number(value, "load_ns")),
	       ctl_format_duration(b, (double)number(value, "run_ns")), ctl_format_uptime(c, number(value, "idle_s")));
	ctl_printf_wrapped("memory", CTL_TEXT_INDENT, "%s: file %s, packed weights %s, %llu interpreter%s %s, statistics %s", sum,
			   ctl_format_bytes(a, number(memory, "file")), ctl_format_bytes(b, number(memory, "packed")),
			   (unsigned long long)number(value, "instances"), ctl_plural(number(value, "instances")),
			   ctl_format_bytes(c, number(memory, "interpreters")), ctl_format_bytes(d, number(memory, "statistics")));
	printf("operators  %llu, of them %llu in XNNPACK\n", (unsigned long long)number(operators, "total"),
	       (unsigned long long)number(operators, "xnnpack"));
	if (tfl_value_bool(tfl_value_get(value, "stateful"), false))
		ctl_print_wrapped("state", CTL_TEXT_INDENT, "kept from request to request within a session; without one each request is a first one");
}

/* "proof      2026-…: loaded in 12 ms, ran in 0.2 ms, 31 MiB at most; 3 samples" */
static void print_proof(const struct tfl_value *proof, const struct tfl_value *outputs)
{
	const struct tfl_value *digests = tfl_value_get(proof, "digests");
	char a[CTL_UNIT_MAX], b[CTL_UNIT_MAX], c[CTL_UNIT_MAX], infinite[64] = "";

	if (!proof)
		return;
	if (tfl_value_size(proof) == 0) {
		printf("proof      none\n");
		return;
	}
	if (number(proof, "infinite") > 0)
		snprintf(infinite, sizeof(infinite), ", %llu with an infinity in the answer", (unsigned long long)number(proof, "infinite"));
	ctl_printf_wrapped("proof", CTL_TEXT_INDENT, "%s: loaded in %s, ran in %s, %s of memory at most, %llu sample%s%s; confined by %s",
			   string(proof, "time"), ctl_format_duration(a, (double)number(proof, "load_ns")),
			   ctl_format_duration(b, (double)number(proof, "run_ns")), ctl_format_bytes(c, number(proof, "peak_bytes")),
			   (unsigned long long)number(proof, "samples"), ctl_plural(number(proof, "samples")), infinite,
			   string(proof, "means"));
	for (size_t i = 0; i < tfl_value_size(digests); i++)
		ctl_printf_wrapped("", CTL_TEXT_INDENT, "sha256 of '%s' on zeros: %s", string(tfl_value_at(outputs, i), "name"),
				   tfl_value_string(tfl_value_at(digests, i), ""));
}

/* "scores  softmax: SOFTMAX over 10 classes makes it" */
static void print_confidence(const struct tfl_value *outputs)
{
	if (tfl_value_size(outputs) > 0)
		printf("confidence\n");
	for (size_t i = 0; i < tfl_value_size(outputs); i++) {
		const struct tfl_value *output = tfl_value_at(outputs, i);

		ctl_printf_wrapped("", 2, "%s: %s, because %s", string(output, "name"), string(output, "kind"), string(output, "reason"));
	}
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	json_t *model = ctl_json_of(value);
	char unit[CTL_UNIT_MAX], roles[CTL_ROLES_MAX];

	ctl_roles(value, roles);
	ctl_printf("%s@%llu  %s since %s%s%s\n", string(value, "model"), (unsigned long long)number(value, "version"),
		   string(value, "state"),
		   ctl_format_time(unit, number(value, "since")), *roles ? ", " : "", roles);
	if (*string(value, "reason"))
		ctl_print_wrapped("reason", CTL_TEXT_INDENT, string(value, "reason"));
	ctl_print_about(model);
	ctl_printf_wrapped("file", CTL_TEXT_INDENT, "%s, sha256 %s", ctl_format_bytes(unit, number(value, "file_bytes")), string(value, "sha256"));
	ctl_shadow_print(tfl_value_get(value, "model"), tfl_value_get(value, "copies"));
	print_loaded(value);
	print_proof(tfl_value_get(value, "proof"), tfl_value_get(value, "outputs"));
	ctl_print_signatures(model);
	ctl_print_tensors(model);
	print_confidence(tfl_value_get(value, "confidence"));
	print_settings(tfl_value_get(value, "settings"));
	json_decref(model);
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	return tfl_client_describe(client, arguments->operands[0], ret_value, error);
}

const struct ctl_command ctl_cmd_describe = {
	.name = "describe",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "inputs, outputs, memory",
	.summary = "Show inputs, outputs, labels and memory of a model.",
	.call = call,
	.print = print_text,
};
