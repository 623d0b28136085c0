/* SPDX-License-Identifier: MIT */
/* tflctl describe: one version in full: state, sizes, inputs and outputs, labels. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"

#define LABELS_WIDTH 80

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

static const char *string(const struct tfl_value *map, const char *key)
{
	return tfl_value_string(tfl_value_get(map, key), "");
}

static void print_shape(char *buffer, size_t size, const struct tfl_value *shape)
{
	size_t used = (size_t)snprintf(buffer, size, "[");

	for (size_t i = 0; i < tfl_value_size(shape) && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%lld", i ? ", " : "",
					 (long long)tfl_value_int(tfl_value_at(shape, i), 0));
	if (used < size)
		snprintf(buffer + used, size - used, "]");
}

/* "0 127.5 …": the numbers of an array. */
static void print_numbers(char *buffer, size_t size, const struct tfl_value *array)
{
	size_t used = 0;

	*buffer = '\0';
	for (size_t i = 0; i < tfl_value_size(array) && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%.6g", i ? " " : "", tfl_value_double(tfl_value_at(array, i), 0));
}

/* How its numbers are meant. */
static void add_meaning(struct ctl_table *table, const struct tfl_value *tensor)
{
	const struct tfl_value *quantization = tfl_value_get(tensor, "quantization"), *norm = tfl_value_get(tensor, "normalization");
	char scaled[96] = "", mean[64], std[64];

	if (quantization)
		snprintf(scaled, sizeof(scaled), "scale %.6g, zero point %lld", tfl_value_double(tfl_value_get(quantization, "scale"), 0),
			 (long long)tfl_value_int(tfl_value_get(quantization, "zero_point"), 0));
	print_numbers(mean, sizeof(mean), tfl_value_get(norm, "mean"));
	print_numbers(std, sizeof(std), tfl_value_get(norm, "std"));
	if (norm)
		ctl_table_add(table, "%s%smean %s, std %s", scaled, *scaled ? "; " : "", mean, std);
	else
		ctl_table_add(table, "%s", scaled);
}

static void print_tensors(const char *title, const struct tfl_value *tensors)
{
	struct ctl_table table = {.columns = 6, .right = 1 | 1 << 4};
	char unit[CTL_UNIT_MAX], shape[128];

	printf("%s\n", title);
	for (size_t i = 0; i < tfl_value_size(tensors); i++) {
		const struct tfl_value *tensor = tfl_value_at(tensors, i);

		print_shape(shape, sizeof(shape), tfl_value_get(tensor, "shape"));
		ctl_table_add(&table, "%zu", i);
		ctl_table_add(&table, "%s", string(tensor, "name"));
		ctl_table_add(&table, "%s", string(tensor, "dtype"));
		ctl_table_add(&table, "%s", shape);
		ctl_table_add(&table, "%s", ctl_format_bytes(unit, number(tensor, "bytes")));
		add_meaning(&table, tensor);
	}
	ctl_table_print(&table, "  ");
}

static void print_labels(const struct tfl_value *value)
{
	const struct tfl_value *labels = tfl_value_get(value, "labels");
	uint64_t count = number(value, "label_count");
	size_t used = 0, shown;

	if (count == 0)
		return;
	printf("labels     %llu", (unsigned long long)count);
	for (shown = 0; shown < tfl_value_size(labels); shown++) {
		const char *label = tfl_value_string(tfl_value_at(labels, shown), "");

		used += strlen(label) + 2;
		if (used > LABELS_WIDTH)
			break;
		ctl_printf("%s%s", shown ? "; " : ": ", label); /* labels have commas in them */
	}
	printf("%s\n", shown < count ? "; …" : "");
}

/* What is in force for the version, and where that comes from. */
static void print_settings(const struct tfl_value *settings)
{
	struct ctl_table table = {.columns = 3};

	if (tfl_value_size(settings) > 0)
		printf("settings\n");
	for (size_t i = 0; i < tfl_value_size(settings); i++) {
		const struct tfl_value *setting = tfl_value_at(settings, i);

		if (!*string(setting, "value"))
			continue;
		ctl_table_add(&table, "%s", string(setting, "key"));
		ctl_table_add(&table, "%s", string(setting, "value"));
		ctl_table_add(&table, "%s", string(setting, "source"));
	}
	ctl_table_print(&table, "  ");
}

static void print_loaded(const struct tfl_value *value)
{
	const struct tfl_value *memory = tfl_value_get(value, "memory"), *operators = tfl_value_get(value, "operators");
	char a[CTL_UNIT_MAX], b[CTL_UNIT_MAX], c[CTL_UNIT_MAX];

	if (!memory)
		return;
	printf("time       loaded in %s, runs in %s\n", ctl_format_duration(a, (double)number(value, "load_ns")),
	       ctl_format_duration(b, (double)number(value, "run_ns")));
	printf("memory     file %s, packed weights %s, %llu interpreters %s\n", ctl_format_bytes(a, number(memory, "file")),
	       ctl_format_bytes(b, number(memory, "packed")), (unsigned long long)number(value, "instances"),
	       ctl_format_bytes(c, number(memory, "interpreters")));
	printf("operators  %llu, of them %llu in XNNPACK\n", (unsigned long long)number(operators, "total"),
	       (unsigned long long)number(operators, "xnnpack"));
	print_labels(value);
	print_tensors("inputs", tfl_value_get(value, "inputs"));
	print_tensors("outputs", tfl_value_get(value, "outputs"));
	print_settings(tfl_value_get(value, "settings"));
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	char unit[CTL_UNIT_MAX];

	ctl_printf("%s@%llu  %s since %s%s\n", string(value, "model"), (unsigned long long)number(value, "version"), string(value, "state"),
		   ctl_format_time(unit, number(value, "since")), tfl_value_bool(tfl_value_get(value, "active"), false) ? ", active" : "");
	if (*string(value, "reason"))
		ctl_printf("reason     %s\n", string(value, "reason"));
	if (*string(value, "description"))
		ctl_printf("about      %s\n", string(value, "description"));
	ctl_printf("file       %s, sha256 %s\n", ctl_format_bytes(unit, number(value, "file_bytes")), string(value, "sha256"));
	print_loaded(value);
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
	.summary = "Show inputs, outputs, labels and memory of a model.",
	.call = call,
	.print = print_text,
};
