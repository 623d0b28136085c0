/* SPDX-License-Identifier: MIT */
/*
 * tflctl baseline: shows what a model's drift is measured against, or makes it what was seen lately, or what a file says. What --json
 * prints is such a file, as is what 'tflctl hist --json' prints: {"heads": [{"output", "kind", "classes", "histogram"}]}.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/histogram_json.h"
#include "client/print.h"
#include "client/seen.h"
#include "client/slurp.h"

#define FILE_BYTES_MAX (16u << 20)

struct options {
	bool set, show;
	const char *window, *from;
};

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- Show ---- */

static void print_head(const struct ctl_seen *seen)
{
	char time[CTL_UNIT_MAX];

	ctl_printf("  output '%s': %llu verdict%s, mean confidence %.3f, ", seen->name, (unsigned long long)seen->baseline.count,
		   ctl_plural(seen->baseline.count), tfl_confidence_mean(&seen->baseline));
	if (seen->baseline_set)
		printf("set %s\n", ctl_format_time(time, seen->baseline_since));
	else if (seen->baseline.count + seen->baseline.invalid < seen->baseline_wanted)
		printf("the first of %llu\n", (unsigned long long)seen->baseline_wanted);
	else
		printf("the first ones\n");
}

static int show_text(struct ctl *ctl, const struct tfl_value *value)
{
	const struct tfl_value *heads = tfl_value_get(value, "heads");
	struct tfl_error error;
	struct ctl_seen seen;

	ctl_printf("%s@%llu\n", tfl_value_string(tfl_value_get(value, "model"), ""),
		   (unsigned long long)tfl_value_uint(tfl_value_get(value, "version"), 0));
	if (tfl_value_size(heads) == 0)
		ctl_printf_wrapped("", 2, "none: %s", tfl_value_string(tfl_value_get(value, "reason"), ""));
	for (size_t i = 0; i < tfl_value_size(heads); i++) {
		if (ctl_seen_read(tfl_value_at(heads, i), &seen, &error) < 0)
			return ctl_fail(ctl, TFL_PROTOCOL_ERROR, error.text);
		print_head(&seen);
	}
	return CTL_OK;
}

/* The answer, with the baselines in the place of what was seen. */
static int show_json(struct ctl *ctl, const struct tfl_value *value)
{
	json_t *json = ctl_json_of(value), *head;
	size_t i;

	json_array_foreach(json_object_get(json, "heads"), i, head) {
		json_t *baseline = json_object_get(head, "baseline");

		json_object_set(head, "histogram", json_object_get(baseline, "histogram"));
		json_object_set(head, "set", json_object_get(baseline, "set"));
		json_object_set(head, "since", json_object_get(baseline, "since"));
		json_object_del(head, "seconds");
		json_object_del(head, "counts");
		json_object_del(head, "baseline");
	}
	return ctl_print_json(ctl, json);
}

/* ---- Set ---- */

static int report_set(struct ctl *ctl, const struct tfl_value *value)
{
	uint64_t verdicts = tfl_value_uint(tfl_value_get(value, "verdicts"), 0);

	if (ctl->json)
		return ctl_print_json(ctl, ctl_json_of(value));
	ctl_printf("%s@%llu  baseline set: %llu verdict%s\n", tfl_value_string(tfl_value_get(value, "model"), ""),
		   (unsigned long long)tfl_value_uint(tfl_value_get(value, "version"), 0), (unsigned long long)verdicts, ctl_plural(verdicts));
	if (!tfl_value_bool(tfl_value_get(value, "remembered"), true))
		ctl_print_wrapped("but", 4, tfl_value_string(tfl_value_get(value, "reason"), ""));
	return CTL_OK;
}

static int set_seen(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	struct tfl_value *value = NULL;
	struct tfl_call_error error;
	unsigned minutes = 0;
	int status;

	ctl_window_parse(options->window, &minutes, NULL);
	if (tfl_client_set_baseline(ctl->client, arguments->operands[0], minutes, &value, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	status = report_set(ctl, value);
	tfl_value_destroy(value);
	return status;
}

/* ---- From a file ---- */

/* What of the file goes where. */
struct plan {
	struct {
		unsigned output;
		struct tfl_confidence histogram;
	} items[TFL_CONFIDENCE_OUTPUTS_MAX];
	unsigned count;
};

static int read_file(const char *path, json_t **ret_json, struct tfl_error *error)
{
	_tfl_free_ uint8_t *data = NULL;
	json_error_t fault;
	size_t size;
	int r;

	r = tfl_slurp(path, FILE_BYTES_MAX, &data, &size, error);
	if (r < 0)
		return r;
	*ret_json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &fault);
	if (!*ret_json)
		return tfl_error_set(error, -EINVAL, "%s:%d: no JSON: %s", path, fault.line, fault.text);
	if (!json_is_array(json_object_get(*ret_json, "heads")))
		return tfl_error_set(error, -EINVAL, "%s has no 'heads'; what 'tflctl baseline MODEL --json' prints is right", path);
	return 0;
}

static const json_t *find_output(const json_t *heads, json_int_t output)
{
	const json_t *head;
	size_t i;

	json_array_foreach(heads, i, head)
		if (json_integer_value(json_object_get(head, "output")) == output)
			return head;
	return NULL;
}

/* A head of the file has to be what the model's is: a softmax over ten classes is no baseline of one over a thousand. */
static int plan_head(const char *path, const json_t *given, const json_t *heads, struct plan *plan, struct tfl_error *error)
{
	json_int_t output = json_integer_value(json_object_get(given, "output"));
	const json_t *head = find_output(heads, output);
	json_int_t classes = json_integer_value(json_object_get(given, "classes")), there = json_integer_value(json_object_get(head, "classes"));
	struct tfl_error why;

	if (!head || output < 0 || plan->count == TFL_ARRAY_SIZE(plan->items))
		return tfl_error_set(error, -EINVAL, "%s has a baseline of output %lld, which has no confidence in this model", path,
				     (long long)output);
	if (classes != there || strcmp(string(given, "kind"), string(head, "kind")) != 0)
		return tfl_error_set(error, -EINVAL, "%s has a baseline of a %s over %lld classes; output %lld of this model is a %s over %lld", path,
				     string(given, "kind"), (long long)classes, (long long)output, string(head, "kind"), (long long)there);
	if (ctl_histogram_from_json(json_object_get(given, "histogram"), &plan->items[plan->count].histogram, &why) < 0)
		return tfl_error_set(error, -EINVAL, "%s: %s", path, why.text);
	plan->items[plan->count++].output = (unsigned)output;
	return 0;
}

static int make_plan(const char *path, const struct tfl_value *seen, struct plan *plan, struct tfl_error *error)
{
	json_t *json = NULL, *model = ctl_json_of(seen), *given;
	size_t i;
	int r;

	r = read_file(path, &json, error);
	json_array_foreach(json_object_get(json, "heads"), i, given)
		if (r == 0)
			r = plan_head(path, given, json_object_get(model, "heads"), plan, error);
	if (r == 0 && plan->count == 0)
		r = tfl_error_set(error, -EINVAL, "%s has no heads, and so no baseline", path);
	json_decref(json);
	json_decref(model);
	return r;
}

static void to_public(const struct tfl_confidence *confidence, struct tfl_histogram *ret_histogram)
{
	_Static_assert(TFL_HISTOGRAM_BINS == TFL_CONFIDENCE_BINS && TFL_HISTOGRAM_FINE == TFL_CONFIDENCE_FINE, "the same counters");
	ret_histogram->invalid = confidence->invalid;
	ret_histogram->sum = confidence->sum;
	memcpy(ret_histogram->bins, confidence->bins, sizeof(ret_histogram->bins));
	memcpy(ret_histogram->margins, confidence->margins, sizeof(ret_histogram->margins));
	memcpy(ret_histogram->fine, confidence->fine, sizeof(ret_histogram->fine));
}

/* @p seen says which version it is: the same for all outputs. */
static int set_from(struct ctl *ctl, const struct tfl_value *seen, const struct options *options)
{
	_tfl_free_ struct plan *plan = calloc(1, sizeof(*plan));
	struct tfl_histogram histogram;
	struct tfl_call_error failure;
	struct tfl_error error;
	int status = CTL_OK;
	char model[128];

	if (!plan)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory");
	if (make_plan(options->from, seen, plan, &error) < 0)
		return ctl_fail_file(ctl, &error);
	snprintf(model, sizeof(model), "%s@%llu", tfl_value_string(tfl_value_get(seen, "model"), ""),
		 (unsigned long long)tfl_value_uint(tfl_value_get(seen, "version"), 0));
	for (unsigned i = 0; i < plan->count && status == CTL_OK; i++) {
		struct tfl_value *value = NULL;

		to_public(&plan->items[i].histogram, &histogram);
		if (tfl_client_give_baseline(ctl->client, model, plan->items[i].output, &histogram, &value, &failure) < 0)
			return ctl_fail(ctl, failure.status, failure.message);
		if (i + 1 == plan->count)
			status = report_set(ctl, value);
		tfl_value_destroy(value);
	}
	return status;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	struct tfl_value *value = NULL;
	struct tfl_call_error error;
	int status;

	if (options->set)
		return set_seen(ctl, arguments);
	if (tfl_client_histogram(ctl->client, arguments->operands[0], 0, false, &value, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	if (options->from)
		status = set_from(ctl, value, options);
	else
		status = ctl->json ? show_json(ctl, value) : show_text(ctl, value);
	tfl_value_destroy(value);
	return status;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;

	if (options->set + options->show + (options->from ? 1 : 0) > 1)
		return ctl_usage(ctl, "--set, --from and --show: one of them is right");
	if (options->window && !options->set)
		return ctl_usage(ctl, "--window says of what --set makes a baseline; it goes with that");
	return ctl_window_check(ctl, options->window);
}

static const struct ctl_option options[] = {
	{"show", NULL, CTL_FLAG, offsetof(struct options, show), "show it, as without any option"},
	{"set", NULL, CTL_FLAG, offsetof(struct options, set), "make what was seen the baseline"},
	{"window", "TIME", CTL_STRING, offsetof(struct options, window), "with --set: of the last 5m, 1h or 24h (default: all)",
	 .hints = "5m 15m 1h 24h"},
	{"from", "FILE", CTL_STRING, offsetof(struct options, from), "make what a file says the baseline; -: standard input"},
};

const struct ctl_command ctl_cmd_baseline = {
	.name = "baseline",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "what drift is measured by",
	.summary = "Show or set what a model's drift is measured against.",
	.details = "A file for --from is what 'tflctl baseline MODEL --json' or 'tflctl hist MODEL --json' prints, there or on another device.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
