/* SPDX-License-Identifier: MIT */
/*
 * tflctl infer: asks the daemon what the model's inputs are, makes them from files, runs, prints. The same request object serves every
 * repetition, so --repeat measures what a program with a warm connection sees.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/detections.h"
#include "client/infer_output.h"
#include "client/inputs.h"
#include "client/labels.h"
#include "client/print.h"
#include "client/times.h"
#include "stats/latency.h"

struct options {
	struct ctl_input_options input;
	const char *labels;
	int top;
	int repeat;
	const char *key;
	const char *out;
	bool native;
	int threshold;
	bool session;
};

/* What one run of the command holds. */
struct work {
	struct ctl *ctl;
	const struct options *options;
	const char *model; /* as typed */
	struct tfl_value *description;
	struct ctl_signature signature;
	struct ctl_inputs inputs;
	struct tfl_labels labels;
	struct tfl_infer *infer;
	uint64_t session; /* 0: none */
	struct ctl_detections detections;
	bool detector; /* detections are there */
	struct tfl_latency *latency; /* round trips */
	struct tfl_latency *compute;
};

static void work_finish(struct work *work)
{
	ctl_inputs_finish(&work->inputs);
	free(work->latency);
	free(work->compute);
	tfl_labels_finish(&work->labels);
	ctl_detections_finish(&work->detections);
	if (work->session)
		(void)tfl_client_close_session(work->ctl->client, work->session, NULL); /* else it ends with the connection */
	tfl_infer_destroy(work->infer);
	tfl_value_destroy(work->description);
}

static const char *described_label(const void *data, size_t index)
{
	return tfl_value_string(tfl_value_at(data, index), NULL);
}

static const char *file_label(const void *data, size_t index)
{
	const struct tfl_labels *labels = data;

	return labels->names[index];
}

/* The labels that were given, else those of the output, else those of the model, which are about its main graph. */
static struct ctl_names names_of(const struct work *work, unsigned index)
{
	const struct tfl_value *output = tfl_value_at(work->signature.outputs, index);
	const struct tfl_value *labels = tfl_value_get(output, "labels");

	if (work->options->labels)
		return (struct ctl_names){file_label, &work->labels, work->labels.count};
	if (!labels && work->signature.main)
		labels = tfl_value_get(work->description, "labels");
	return (struct ctl_names){described_label, labels, tfl_value_size(labels)};
}

static struct ctl_output_meaning meaning_of(const struct work *work, unsigned index)
{
	const struct tfl_value *output = tfl_value_at(work->signature.outputs, index);
	const char *kind = tfl_value_string(tfl_value_get(output, "kind"), "");

	return (struct ctl_output_meaning){.names = names_of(work, index),
					   .classification = strcmp(kind, "classification") == 0,
					   .threshold = tfl_value_double(tfl_value_get(output, "score_threshold"), 0)};
}

/* The request, ready to run. */
static int prepare(struct work *work, struct tfl_call_error *error)
{
	int r;

	r = tfl_infer_create(work->model, &work->infer, error);
	if (r < 0)
		return r;
	r = ctl_inputs_set(&work->inputs, work->infer);
	tfl_infer_set_float_outputs(work->infer, !work->options->native);
	if (r == 0)
		r = tfl_infer_set_key(work->infer, work->options->key);
	if (r < 0) {
		error->status = tfl_infer_status(work->infer);
		snprintf(error->message, sizeof(error->message), "%s", tfl_infer_error_message(work->infer));
	}
	if (r == 0 && work->options->session) {
		r = tfl_client_open_session(work->ctl->client, work->model, work->options->key, &work->session, error);
		tfl_infer_set_session(work->infer, work->session);
	}
	return r;
}

/* Ends repetitions; what was measured until then is shown. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = 1;
}

static int run_all(struct work *work)
{
	int runs = work->options->repeat ? work->options->repeat : 1;

	work->latency = calloc(1, sizeof(*work->latency));
	work->compute = calloc(1, sizeof(*work->compute));
	if (!work->latency || !work->compute)
		return ctl_fail(work->ctl, TFL_RESOURCE_EXHAUSTED, "no memory for latencies");
	if (runs > 1)
		sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	for (int i = 0; i == 0 || (i < runs && !interrupted); i++) {
		if (tfl_client_infer(work->ctl->client, work->infer) < 0)
			return ctl_fail(work->ctl, tfl_infer_status(work->infer), tfl_infer_error_message(work->infer));
		tfl_latency_record(work->latency, tfl_infer_round_trip_ns(work->infer));
		tfl_latency_record(work->compute, tfl_infer_compute_ns(work->infer));
	}
	return CTL_OK;
}

static void add_row(struct ctl_table *table, const char *name, const struct tfl_latency *latency)
{
	struct ctl_times times = ctl_times_of(latency);

	ctl_table_add(table, "%s", name);
	ctl_times_row(table, &times, false);
}

static void print_latencies(const struct work *work)
{
	struct ctl_table table = {.columns = 6, .right = 0x3e};

	ctl_table_add(&table, "%llu run%s%s", (unsigned long long)work->latency->count, ctl_plural(work->latency->count),
		      interrupted ? ", interrupted" : "");
	ctl_times_head(&table, false);
	add_row(&table, "round trip", work->latency);
	add_row(&table, "compute", work->compute);
	ctl_table_print(&table, "");
}

static json_t *latency_json(const struct tfl_latency *latency)
{
	struct ctl_times times = ctl_times_of(latency);

	return ctl_times_json(&times);
}

static const char *model_name(const struct work *work)
{
	return tfl_value_string(tfl_value_get(work->description, "model"), work->model);
}

static int print_json(const struct work *work)
{
	const struct tfl_infer *infer = work->infer;
	json_t *outputs = json_array(), *object;

	for (unsigned i = 0; i < tfl_infer_output_count(infer); i++) {
		const struct ctl_output_meaning meaning = meaning_of(work, i);

		json_array_append_new(outputs, ctl_output_json(tfl_infer_output(infer, i), &meaning, (unsigned)work->options->top));
	}
	object = json_pack("{s:s, s:I, s:s*, s:o, s:I, s:I, s:I}", "model", model_name(work), "version",
			   (json_int_t)tfl_infer_version(infer), "signature", work->signature.name, "outputs", outputs, "wait_ns",
			   (json_int_t)tfl_infer_wait_ns(infer), "compute_ns", (json_int_t)tfl_infer_compute_ns(infer), "round_trip_ns",
			   (json_int_t)tfl_infer_round_trip_ns(infer));
	if (work->detector) {
		const struct ctl_names names = names_of(work, work->detections.classes);

		json_object_set_new(object, "detections", ctl_detections_json(&work->detections, &names, work->inputs.frame));
	}
	if (work->options->repeat > 1) {
		json_object_set_new(object, "round_trips", latency_json(work->latency));
		json_object_set_new(object, "compute", latency_json(work->compute));
	}
	return ctl_print_json(work->ctl, object);
}

static void print_detections(const struct work *work, const char *remark)
{
	double threshold = work->options->threshold ? work->options->threshold / 100.0 : work->detections.threshold;
	const struct ctl_names names = names_of(work, work->detections.classes);

	ctl_detections_print(&work->detections, threshold, &names, work->inputs.frame, remark);
}

static void print_text(const struct work *work)
{
	const struct tfl_infer *infer = work->infer;
	char unit[CTL_UNIT_MAX], remark[TFL_MODEL_NAME_MAX + 96];

	snprintf(remark, sizeof(remark), "(%.*s@%llu, %s)", TFL_MODEL_NAME_MAX, model_name(work),
		 (unsigned long long)tfl_infer_version(infer), ctl_format_duration(unit, (double)tfl_infer_round_trip_ns(infer)));
	if (work->detector) {
		print_detections(work, remark);
	} else {
		for (unsigned i = 0; i < tfl_infer_output_count(infer); i++) {
			const struct ctl_output_meaning meaning = meaning_of(work, i);

			ctl_output_print(tfl_infer_output(infer, i), &meaning, (unsigned)work->options->top, i == 0 ? remark : "");
		}
	}
	if (work->options->repeat > 1)
		print_latencies(work);
}

/* Says that a file of labels belongs to another model, which the labels alone would not tell. */
static void compare_labels(const struct work *work)
{
	size_t first = 0;

	if (work->detector)
		return; /* how many classes it knows is not to be seen */
	for (unsigned i = 0; work->options->labels && i < tfl_infer_output_count(work->infer); i++) {
		size_t classes = ctl_output_classes(tfl_infer_output(work->infer, i));

		if (classes == work->labels.count)
			return;
		first = first ? first : classes;
	}
	if (first == 0)
		return;
	fputs("tflctl: ", stderr);
	ctl_print_text(stderr, work->options->labels);
	fprintf(stderr, ": the file has %zu labels, the model %zu classes\n", work->labels.count, first);
}

static int infer(struct work *work)
{
	struct tfl_call_error call_error;
	struct tfl_error error;
	int status, r;

	if (tfl_client_describe(work->ctl->client, work->model, &work->description, &call_error) < 0)
		return ctl_fail(work->ctl, call_error.status, call_error.message);
	if (ctl_signature_find(work->description, work->model, work->options->input.signature, &work->signature, &error) < 0 ||
	    ctl_inputs_init(&work->inputs, work->model, &work->signature, &error) < 0)
		return ctl_fail_file(work->ctl, &error);
	work->inputs.shared = !strchr(work->model, '@'); /* a route, or a trial, has more than the version that was described */
	if (work->inputs.count > 0 && !work->options->input.image && work->options->input.in.count == 0)
		return ctl_usage(work->ctl, "an input is needed: --image FILE or --in FILE");
	if ((work->options->labels && tfl_labels_read(work->options->labels, &work->labels, &error) < 0) ||
	    ctl_inputs_read(&work->inputs, &work->options->input, &error) < 0)
		return ctl_fail_file(work->ctl, &error);
	if (prepare(work, &call_error) < 0)
		return ctl_fail(work->ctl, call_error.status, call_error.message);
	status = run_all(work);
	if (status != CTL_OK)
		return status;
	r = ctl_detections_read(work->infer, work->signature.outputs, work->inputs.frame, &work->detections);
	if (r < 0)
		return ctl_fail(work->ctl, TFL_RESOURCE_EXHAUSTED, "no memory for detections");
	work->detector = r == 0;
	compare_labels(work);
	if (work->options->out && ctl_output_write(work->infer, work->options->out, &error) < 0)
		return ctl_fail_file(work->ctl, &error);
	if (!work->ctl->json)
		print_text(work);
	else if (print_json(work) != CTL_OK)
		return CTL_FAILED;
	return interrupted ? CTL_FAILED : CTL_OK;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;

	if (options->key && !*options->key)
		return ctl_usage(ctl, "a key has 1 to 256 bytes");
	return CTL_OK;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	TFL_CLEANUP(work_finish) struct work work = {.ctl = ctl, .options = arguments->options, .model = arguments->operands[0]};

	return infer(&work);
}

static const struct ctl_option options[] = {
	CTL_INPUT_OPTIONS(struct options, input),
	{"labels", "FILE", CTL_STRING, offsetof(struct options, labels), "names of the classes, one a line, for the model's own"},
	{"top", "N", CTL_NUMBER, offsetof(struct options, top), "print the N most likely classes (default: 5)", 1,
	 TFL_LABELS_MAX},
	{"threshold", "N", CTL_NUMBER, offsetof(struct options, threshold), "print detections of N percent or more (default: 50)", 1, 100},
	{"repeat", "N", CTL_NUMBER, offsetof(struct options, repeat), "run N times, print mean and percentiles of the time", 1,
	 100000000},
	{"key", "KEY", CTL_STRING, offsetof(struct options, key), "the same key is always served by the same version"},
	{"session", NULL, CTL_FLAG, offsetof(struct options, session), "repeat within one session: a model with state remembers"},
	{"out", "FILE", CTL_STRING, offsetof(struct options, out), "write the outputs, as .npy if FILE ends so, else raw"},
	{"native", NULL, CTL_FLAG, offsetof(struct options, native), "outputs as the model has them, not converted to float32"},
};

const struct ctl_command ctl_cmd_infer = {
	.name = "infer",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "run a model once",
	.summary = "Run a model on a picture or on arrays, and print the result.",
	.details = "Pixels are normalised as the model's metadata says. Where it says nothing, --norm auto\n"
		   "takes: raw for 8-bit inputs, for float32 unit with one channel and signed with three.\n"
		   "Colours become gray, or gray colours, as the input needs; transparent pixels are black.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
