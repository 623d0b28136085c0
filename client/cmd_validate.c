/* SPDX-License-Identifier: MIT */
/*
 * tflctl validate: a new model beside one that is known to be good, on the same samples: how often both choose the same class, how far
 * their numbers are apart, and what the new one costs. Runs in turn, so that a machine's mood meets both.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/samples.h"
#include "client/subject.h"
#include "client/times.h"
#include "stats/latency.h"

#define COUNT 100 /* random samples, unless the command line says otherwise */

struct options {
	const char *against, *difference;
	struct ctl_list samples;
	int count, agreement;
};

/* What came of one output. */
struct comparison {
	uint64_t rows, agreed; /* rows of scores: the same class is the best */
	uint64_t values, invalid; /* numbers that both have; that are none in the new one and are in the other */
	uint64_t reshaped;        /* samples of which both made something of different shapes */
	double largest, sum;      /* of the differences */
};

enum { NEW, OLD, SUBJECTS };

struct work {
	struct ctl *ctl;
	const struct options *options;
	struct ctl_subject subjects[SUBJECTS];
	struct ctl_samples samples;
	struct comparison outputs[CTL_SUBJECT_TENSORS_MAX];
	struct tfl_latency *latency[SUBJECTS];
	char not_used[TFL_ERROR_TEXT_MAX]; /* why recorded requests are not */
	double limit; /* of the largest difference; infinite: none */
};

static void work_finish(struct work *work)
{
	ctl_samples_finish(&work->samples);
	for (unsigned i = 0; i < SUBJECTS; i++) {
		ctl_subject_finish(&work->subjects[i]);
		free(work->latency[i]);
	}
}

/* ---- Comparing ---- */

/* Classes of an output's rows: the only dimension above 1, else the last one. 0: it has no rows of scores. */
static size_t classes_of(const struct ctl_subject *subject, uint32_t output)
{
	const struct ctl_shape *shape = &subject->answered[output];
	size_t large = 0, last = shape->rank ? (size_t)shape->dims[shape->rank - 1] : 0;

	for (uint32_t i = 0; i < shape->rank; i++)
		large += shape->dims[i] > 1;
	if (subject->unclassed[output])
		return 0;
	if (large == 1 && !(subject->outputs[output].free & 1))
		return shape->elements;
	return last > 1 ? last : 0;
}

static bool same_shape(const struct ctl_shape *left, const struct ctl_shape *right)
{
	return left->rank == right->rank && memcmp(left->dims, right->dims, left->rank * sizeof(left->dims[0])) == 0;
}

/* The first of the greatest; what is no number is never the best. */
static size_t best_of(const float *row, size_t count)
{
	size_t best = 0;

	for (size_t i = 1; i < count; i++)
		best = row[i] > row[best] || (isnan(row[best]) && !isnan(row[i])) ? i : best;
	return best;
}

static void compare_output(const struct ctl_subject *subjects, uint32_t output, struct comparison *comparison)
{
	const float *new_one = subjects[NEW].results[output], *old_one = subjects[OLD].results[output];
	size_t count = subjects[NEW].answered[output].elements, classes = classes_of(&subjects[NEW], output);

	if (!same_shape(&subjects[NEW].answered[output], &subjects[OLD].answered[output])) {
		comparison->reshaped++;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		double difference = fabs((double)new_one[i] - (double)old_one[i]);

		if (isfinite(old_one[i]) && !isfinite(new_one[i]))
			comparison->invalid++;
		if (!isfinite(difference))
			continue;
		comparison->values++;
		comparison->sum += difference;
		comparison->largest = fmax(comparison->largest, difference);
	}
	for (size_t row = 0; classes && row < count / classes; row++) {
		comparison->rows++;
		comparison->agreed += best_of(new_one + row * classes, classes) == best_of(old_one + row * classes, classes);
	}
}

/* Shapes that hang on what is put in are compared when it was. */
static int same_shapes(const struct ctl_tensor *left, const struct ctl_tensor *right, uint32_t left_count, uint32_t right_count)
{
	if (left_count != right_count)
		return -EINVAL;
	for (uint32_t i = 0; i < left_count; i++) {
		const struct ctl_shape a = ctl_tensor_shape(&left[i]), b = ctl_tensor_shape(&right[i]);

		if (!left[i].dynamic && !right[i].dynamic && !same_shape(&a, &b))
			return -EINVAL;
	}
	return 0;
}

static int check_alike(const struct work *work, struct tfl_error *error)
{
	const struct ctl_subject *new_one = &work->subjects[NEW], *old_one = &work->subjects[OLD];

	if (same_shapes(new_one->inputs, old_one->inputs, new_one->input_count, old_one->input_count) < 0)
		return tfl_error_set(error, -EINVAL, "%s and %s take inputs of other shapes, and cannot be compared", new_one->name, old_one->name);
	if (same_shapes(new_one->outputs, old_one->outputs, new_one->output_count, old_one->output_count) < 0)
		return tfl_error_set(error, -EINVAL, "%s and %s give outputs of other shapes, and cannot be compared", new_one->name, old_one->name);
	return 0;
}

static int make_memory(struct work *work, struct tfl_error *error)
{
	for (unsigned i = 0; i < SUBJECTS; i++) {
		work->latency[i] = calloc(1, sizeof(*work->latency[i]));
		if (!work->latency[i])
			return tfl_error_set(error, -ENOMEM, "no memory for latencies");
	}
	return 0;
}

static int run_sample(struct work *work, unsigned index, struct tfl_error *error)
{
	const struct ctl_subject *subjects = work->subjects;
	uint64_t ns = 0;
	int r = ctl_samples_take(&work->samples, index, &subjects[NEW], &subjects[OLD], error);

	for (unsigned i = 0; i < SUBJECTS && r == 0; i++) {
		r = ctl_subject_shape(&work->subjects[i], work->samples.shapes, error);
		if (r < 0)
			return r;
		ctl_samples_for(&work->samples, &work->subjects[i]);
		r = ctl_subject_run(&work->subjects[i], &ns, error);
		if (r == 0 && (index > 0 || work->samples.count == 1)) /* the first one of several warms up */
			tfl_latency_record(work->latency[i], ns);
	}
	for (uint32_t i = 0; i < subjects[NEW].output_count && r == 0; i++)
		compare_output(subjects, i, &work->outputs[i]);
	return r;
}

/* ---- What is said ---- */

static double share(const struct comparison *comparison)
{
	return comparison->rows ? 100.0 * (double)comparison->agreed / (double)comparison->rows : 100;
}

/* Why the new model is not good enough, of one output; "" where it is. */
static const char *fault_of(const struct work *work, const struct comparison *comparison)
{
	if (comparison->invalid)
		return "numbers of the other are none here (NaN or infinite)";
	if (comparison->reshaped)
		return "they have different shapes";
	if (comparison->rows && work->options->agreement && share(comparison) < work->options->agreement)
		return "they agree too seldom";
	if (comparison->largest > work->limit)
		return "they differ too much";
	return "";
}

static bool is_valid(const struct work *work)
{
	for (uint32_t i = 0; i < work->subjects[NEW].output_count; i++)
		if (*fault_of(work, &work->outputs[i]))
			return false;
	return true;
}

static void print_outputs(const struct work *work)
{
	struct ctl_table table = {.columns = 5, .right = 0xe};

	ctl_table_add(&table, "OUTPUT");
	ctl_table_add(&table, "SAME CLASS");
	ctl_table_add(&table, "LARGEST DIFFERENCE");
	ctl_table_add(&table, "MEAN");
	ctl_table_add(&table, "%s", "");
	for (uint32_t i = 0; i < work->subjects[NEW].output_count; i++) {
		const struct comparison *comparison = &work->outputs[i];

		ctl_table_add(&table, "%s", work->subjects[NEW].outputs[i].name);
		if (comparison->rows)
			ctl_table_add(&table, "%.1f %%", share(comparison));
		else
			ctl_table_add(&table, "-");
		ctl_table_add(&table, "%.4g", comparison->largest);
		ctl_table_add(&table, "%.4g", comparison->values ? comparison->sum / (double)comparison->values : 0);
		ctl_table_add(&table, "%s", fault_of(work, comparison));
	}
	ctl_table_print(&table, "");
}

static void add_ratio(struct ctl_table *table, const char *name, const char *new_one, const char *old_one, double ratio)
{
	ctl_table_add(table, "%s", name);
	ctl_table_add(table, "%s", new_one);
	ctl_table_add(table, "%s", old_one);
	ctl_table_add(table, "%.2f", ratio);
}

static double ratio_of(double new_one, double old_one)
{
	return old_one > 0 ? new_one / old_one : 0;
}

static void print_costs(const struct work *work)
{
	const struct ctl_subject *new_one = &work->subjects[NEW], *old_one = &work->subjects[OLD];
	double new_ns = (double)tfl_latency_percentile(work->latency[NEW], 0.5), old_ns = (double)tfl_latency_percentile(work->latency[OLD], 0.5);
	struct ctl_table table = {.columns = 4, .right = 0xe};
	char a[CTL_UNIT_MAX], b[CTL_UNIT_MAX];

	ctl_table_add(&table, "%s", "");
	ctl_table_add(&table, "NEW");
	ctl_table_add(&table, "OTHER");
	ctl_table_add(&table, "RATIO");
	add_ratio(&table, "file", ctl_format_bytes(a, new_one->file_bytes), ctl_format_bytes(b, old_one->file_bytes),
		  ratio_of((double)new_one->file_bytes, (double)old_one->file_bytes));
	add_ratio(&table, "memory", ctl_format_bytes(a, new_one->memory_bytes), ctl_format_bytes(b, old_one->memory_bytes),
		  ratio_of((double)new_one->memory_bytes, (double)old_one->memory_bytes));
	add_ratio(&table, "compute p50", ctl_format_duration(a, new_ns), ctl_format_duration(b, old_ns), ratio_of(new_ns, old_ns));
	ctl_table_print(&table, "");
}

static void print_text(const struct work *work)
{
	const struct ctl_samples *samples = &work->samples;

	ctl_printf("%s against %s, on %u %s\n", work->subjects[NEW].name, work->subjects[OLD].name, samples->count,
		   samples->client ? "recorded requests" : samples->paths ? "samples" : samples->pictures ? "pictures of noise" : "random inputs");
	if (work->not_used[0])
		ctl_print_wrapped("", 0, work->not_used);
	if (!samples->paths)
		printf("Made-up inputs say what a model costs, and little about how right it is: record\nrequests ('tflctl record'), or give --samples.\n");
	printf("\n");
	print_outputs(work);
	printf("\n");
	print_costs(work);
	printf("\n%s\n", is_valid(work) ? "valid" : "not valid");
}

static json_t *subject_json(const struct work *work, unsigned which)
{
	const struct ctl_subject *subject = &work->subjects[which];
	struct ctl_times times = ctl_times_of(work->latency[which]);

	return json_pack("{s:s, s:I, s:I, s:o}", "name", subject->name, "file_bytes", (json_int_t)subject->file_bytes, "memory_bytes",
			 (json_int_t)subject->memory_bytes, "compute", ctl_times_json(&times));
}

static json_t *report_json(const struct work *work)
{
	json_t *outputs = json_array();

	for (uint32_t i = 0; i < work->subjects[NEW].output_count; i++) {
		const struct comparison *comparison = &work->outputs[i];

		json_array_append_new(outputs, json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:s}", "name", work->subjects[NEW].outputs[i].name, "rows",
							 (json_int_t)comparison->rows, "agreed", (json_int_t)comparison->agreed,
							 "largest_difference", comparison->largest, "mean_difference",
							 comparison->values ? comparison->sum / (double)comparison->values : 0.0, "invalid",
							 (json_int_t)comparison->invalid, "reshaped", (json_int_t)comparison->reshaped, "fault", fault_of(work, comparison)));
	}
	return json_pack("{s:b, s:i, s:b, s:b, s:o, s:o, s:o}", "valid", is_valid(work), "samples", (int)work->samples.count, "made_up",
			 work->samples.paths == NULL, "recorded", work->samples.client != NULL, "new", subject_json(work, NEW), "against", subject_json(work, OLD), "outputs", outputs);
}

/* ---- The command ---- */

/* A file where there is one of that name, else a model of the daemon. */
static bool is_file(const char *name)
{
	return strchr(name, '/') || access(name, F_OK) == 0;
}

static int open_other(struct work *work, const char *name, struct tfl_error *error)
{
	if (is_file(name))
		return ctl_subject_open_file(name, &work->subjects[OLD], error);
	return ctl_subject_open_served(work->ctl->client, name, &work->subjects[OLD], error);
}

static int validate(struct work *work, const char *path)
{
	const struct options *options = work->options;
	struct tfl_error error;
	int r;

	r = ctl_subject_open_file(path, &work->subjects[NEW], &error);
	if (r == 0)
		r = open_other(work, options->against, &error);
	if (r == 0)
		r = check_alike(work, &error);
	if (r == 0)
		r = make_memory(work, &error);
	if (r == 0)
		r = ctl_samples_open(&options->samples, options->count ? (unsigned)options->count : COUNT, &work->subjects[NEW], &work->samples, &error);
	if (r == 0 && work->subjects[OLD].client && options->samples.count == 0 && options->count == 0)
		r = ctl_samples_use_recorded(&work->samples, work->ctl->client, options->against, work->not_used, &error);
	for (unsigned i = 0; i < work->samples.count && r >= 0; i++)
		r = run_sample(work, i, &error);
	if (r < 0)
		return ctl_fail_file(work->ctl, &error);
	if (!work->ctl->json)
		print_text(work);
	else if (ctl_print_json(work->ctl, report_json(work)) != CTL_OK)
		return CTL_FAILED;
	return is_valid(work) ? CTL_OK : CTL_FAILED;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	TFL_CLEANUP(work_finish) struct work work = {.ctl = ctl, .options = options, .limit = INFINITY};
	int status = CTL_OK;

	if (options->difference)
		work.limit = strtod(options->difference, NULL);
	if (!is_file(options->against))
		status = ctl_connect(ctl);
	return status == CTL_OK ? validate(&work, arguments->operands[0]) : status;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	char *end = NULL;

	if (!options->against)
		return ctl_usage(ctl, "--against is needed: another file, or a model of the daemon");
	if (options->difference && (!(strtod(options->difference, &end) >= 0) || end == options->difference || *end))
		return ctl_usage(ctl, "--max-difference takes a number from 0 on, as in 0.05");
	if (options->count && options->samples.count)
		return ctl_usage(ctl, "--count is of made-up samples; with --samples there are as many as there are files");
	return CTL_OK;
}

static const struct ctl_option options[] = {
	{"against", "FILE|MODEL", CTL_STRING, offsetof(struct options, against), "what it is compared with: a file, or a model served here"},
	{"samples", "PATH", CTL_LIST, offsetof(struct options, samples), "a picture, an .npy array, a .tflsample, or a folder of them; several times"},
	{"count", "N", CTL_NUMBER, offsetof(struct options, count), "so many made-up inputs, without samples (default: 100)", 1, CTL_SAMPLES_MAX},
	{"min-agreement", "N", CTL_NUMBER, offsetof(struct options, agreement), "not valid below N percent of the same class", 1, 100},
	{"max-difference", "X", CTL_STRING, offsetof(struct options, difference), "not valid above a difference of X"},
};

const struct ctl_command ctl_cmd_validate = {
	.name = "validate",
	.operands = "FILE",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "compare with another model",
	.summary = "Compare a model file with another one, or with one that is served.",
	.details = "Needs no daemon where both are files. Exit status: 0 valid, 1 not: it does not run, differs more\n"
		   "than the limits allow, or answers NaN where the other has numbers.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.local = true,
	.connects = true,
	.check = check,
	.run = run,
};
