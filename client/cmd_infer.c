/* SPDX-License-Identifier: MIT */
/*
 * tflctl infer: asks the daemon what the model's inputs are, makes them from files, runs, prints. The same request object serves every
 * repetition, so --repeat measures what a program with a warm connection sees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dtype.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/detections.h"
#include "client/infer_input.h"
#include "client/infer_output.h"
#include "client/labels.h"
#include "client/print.h"
#include "stats/latency.h"

struct options {
	const char *image;
	struct ctl_list in;
	const char *norm;
	const char *labels;
	int top;
	int repeat;
	const char *key;
	const char *out;
	bool native;
	bool crop;
	int threshold;
};

/* What one run of the command holds. */
struct work {
	struct ctl *ctl;
	const struct options *options;
	const char *model; /* as typed */
	struct tfl_value *description;
	const struct tfl_value *inputs;
	struct ctl_input *given; /* one per input of the model; memory NULL: not given */
	struct tfl_labels labels;
	const struct ctl_frame *frame; /* of the picture among the inputs; NULL: there is none */
	struct tfl_infer *infer;
	struct ctl_detections detections;
	bool detector; /* detections are there */
	struct tfl_latency *latency; /* round trips */
	struct tfl_latency *compute;
};

static void work_finish(struct work *work)
{
	for (size_t i = 0; work->given && i < tfl_value_size(work->inputs); i++)
		ctl_input_finish(&work->given[i]);
	free(work->given);
	free(work->latency);
	free(work->compute);
	tfl_labels_finish(&work->labels);
	ctl_detections_finish(&work->detections);
	tfl_infer_destroy(work->infer);
	tfl_value_destroy(work->description);
}

static enum tfl_norm norm_of(const char *text)
{
	static const char *const names[] = {
		[TFL_NORM_AUTO] = "auto", [TFL_NORM_RAW] = "raw", [TFL_NORM_UNIT] = "unit", [TFL_NORM_SIGNED] = "signed"};

	for (unsigned i = 0; text && i < TFL_ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0)
			return (enum tfl_norm)i;
	}
	return TFL_NORM_AUTO;
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

/* The labels that were given, else those of the output, else those of the model. */
static struct ctl_names names_of(const struct work *work, unsigned index)
{
	const struct tfl_value *output = tfl_value_at(tfl_value_get(work->description, "outputs"), index);
	const struct tfl_value *labels = tfl_value_get(output, "labels");

	if (work->options->labels)
		return (struct ctl_names){file_label, &work->labels, work->labels.count};
	if (!labels)
		labels = tfl_value_get(work->description, "labels");
	return (struct ctl_names){described_label, labels, tfl_value_size(labels)};
}

static struct ctl_output_meaning meaning_of(const struct work *work, unsigned index)
{
	const struct tfl_value *output = tfl_value_at(tfl_value_get(work->description, "outputs"), index);
	const char *kind = tfl_value_string(tfl_value_get(output, "kind"), "");

	return (struct ctl_output_meaning){.names = names_of(work, index), .classification = strcmp(kind, "classification") == 0};
}

static int no_such_input(const struct work *work, const char *name, int length, struct tfl_error *error)
{
	char known[TFL_ERROR_TEXT_MAX] = "";
	size_t used = 0;

	for (size_t i = 0; i < tfl_value_size(work->inputs) && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 tfl_value_string(tfl_value_get(tfl_value_at(work->inputs, i), "name"), ""));
	return tfl_error_set(error, -EINVAL, "%s has no input '%.*s'; it has: %s", work->model, length, name, known);
}

/* How well an input suits a picture: best where the metadata says that it is one, else where it has such a shape. */
static unsigned picture_rank(const struct tfl_value *input)
{
	struct ctl_tensor tensor;

	if (ctl_tensor_read(input, &tensor, NULL) < 0)
		return 0;
	return tensor.image ? 2 : ctl_tensor_is_picture(&tensor);
}

/* The first input that has nothing yet; for a picture, the first of those that suit it best. 1 where all have something. */
static int choose_free(const struct work *work, bool picture, size_t *ret_index)
{
	int best = -1;

	for (size_t i = 0; i < tfl_value_size(work->inputs); i++) {
		int rank = picture ? (int)picture_rank(tfl_value_at(work->inputs, i)) : 0;

		if (work->given[i].memory || rank <= best)
			continue;
		best = rank;
		*ret_index = i;
	}
	return best < 0 ? 1 : 0;
}

/*
 * "NAME=FILE" where NAME is that of an input, or its number: that input and FILE. Else the whole text is a file, for the first
 * input that has nothing yet; a file of such a name has to exist.
 */
static int choose_input(const struct work *work, const char *text, bool picture, size_t *ret_index, const char **ret_path,
			struct tfl_error *error)
{
	const char *equals = strchr(text, '=');
	size_t count = tfl_value_size(work->inputs), length = equals ? (size_t)(equals - text) : 0;
	char number[24];

	for (size_t i = 0; equals && i < count; i++) {
		const struct tfl_value *input = tfl_value_at(work->inputs, i);
		const char *names[] = {tfl_value_string(tfl_value_get(input, "name"), ""),
				       tfl_value_string(tfl_value_get(input, "signature_name"), ""), number};

		snprintf(number, sizeof(number), "%zu", i);
		for (unsigned k = 0; k < TFL_ARRAY_SIZE(names); k++) {
			if (length > 0 && strlen(names[k]) == length && memcmp(names[k], text, length) == 0) {
				*ret_index = i;
				*ret_path = equals + 1;
				return 0;
			}
		}
	}
	if (length > 0 && !memchr(text, '/', length) && access(text, F_OK) < 0)
		return no_such_input(work, text, (int)length, error);
	if (choose_free(work, picture, ret_index) == 0) {
		*ret_path = text;
		return 0;
	}
	return tfl_error_set(error, -EINVAL, "'%s' is one input too many: %s has %zu", text, work->model, count);
}

static int add_input(struct work *work, const char *text, bool picture, struct tfl_error *error)
{
	struct ctl_tensor tensor;
	struct ctl_input input;
	const char *path = NULL;
	size_t index = 0;
	int r;

	r = choose_input(work, text, picture, &index, &path, error);
	if (r == 0)
		r = ctl_tensor_read(tfl_value_at(work->inputs, index), &tensor, error);
	if (r < 0)
		return r;
	r = picture ? ctl_input_picture(&tensor, path, norm_of(work->options->norm), work->options->crop, &input, error) :
		      ctl_input_file(&tensor, path, &input, error);
	if (r < 0)
		return r;
	ctl_input_finish(&work->given[index]);
	work->given[index] = input;
	if (picture)
		work->frame = &work->given[index].frame;
	return 0;
}

static int add_inputs(struct work *work, struct tfl_error *error)
{
	const struct options *options = work->options;
	int r = 0;

	if (!work->inputs)
		return tfl_error_set(error, -EAGAIN, "%s is not in service: its state is %s (%s)", work->model,
				     tfl_value_string(tfl_value_get(work->description, "state"), "unknown"),
				     tfl_value_string(tfl_value_get(work->description, "reason"), "no reason given"));
	work->given = calloc(tfl_value_size(work->inputs) + 1, sizeof(*work->given)) /* a model may have none */;
	if (!work->given)
		return tfl_error_set(error, -ENOMEM, "no memory for inputs");
	for (unsigned i = 0; i < options->in.count && r == 0; i++) /* named ones may leave the first to the picture */
		if (strchr(options->in.items[i], '='))
			r = add_input(work, options->in.items[i], false, error);
	if (r == 0 && options->image)
		r = add_input(work, options->image, true, error);
	for (unsigned i = 0; i < options->in.count && r == 0; i++)
		if (!strchr(options->in.items[i], '='))
			r = add_input(work, options->in.items[i], false, error);
	return r;
}

/* The request, ready to run. */
static int prepare(struct work *work, struct tfl_call_error *error)
{
	int r;

	r = tfl_infer_create(work->model, &work->infer, error);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < tfl_value_size(work->inputs) && r == 0; i++) {
		const struct ctl_input *input = &work->given[i];

		if (input->memory)
			r = tfl_infer_set_input(work->infer, i, input->dtype, input->dims, input->rank, input->data, input->bytes);
	}
	tfl_infer_set_float_outputs(work->infer, !work->options->native);
	if (r == 0)
		r = tfl_infer_set_key(work->infer, work->options->key);
	if (r < 0) {
		error->status = tfl_infer_status(work->infer);
		snprintf(error->message, sizeof(error->message), "%s", tfl_infer_error_message(work->infer));
	}
	return r;
}

static int run_all(struct work *work)
{
	int runs = work->options->repeat ? work->options->repeat : 1;

	work->latency = calloc(1, sizeof(*work->latency));
	work->compute = calloc(1, sizeof(*work->compute));
	if (!work->latency || !work->compute)
		return ctl_fail(work->ctl, TFL_RESOURCE_EXHAUSTED, "no memory for latencies");
	for (int i = 0; i < runs; i++) {
		if (tfl_client_infer(work->ctl->client, work->infer) < 0)
			return ctl_fail(work->ctl, tfl_infer_status(work->infer), tfl_infer_error_message(work->infer));
		tfl_latency_record(work->latency, tfl_infer_round_trip_ns(work->infer));
		tfl_latency_record(work->compute, tfl_infer_compute_ns(work->infer));
	}
	return CTL_OK;
}

static const struct {
	const char *name, *key;
	double share;
} percentiles[] = {{"p50", "p50_ns", 0.50}, {"p95", "p95_ns", 0.95}, {"p99", "p99_ns", 0.99}};

static void add_latency_row(struct ctl_table *table, const char *name, const struct tfl_latency *latency)
{
	char unit[CTL_UNIT_MAX];

	ctl_table_add(table, "%s", name);
	ctl_table_add(table, "%s", ctl_format_duration(unit, tfl_latency_mean(latency)));
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(percentiles); i++)
		ctl_table_add(table, "%s", ctl_format_duration(unit, (double)tfl_latency_percentile(latency, percentiles[i].share)));
	ctl_table_add(table, "%s", ctl_format_duration(unit, (double)latency->max_ns));
}

static void print_latencies(const struct work *work)
{
	struct ctl_table table = {.columns = 6, .right = 0x3e};

	ctl_table_add(&table, "%d runs", work->options->repeat);
	ctl_table_add(&table, "mean");
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(percentiles); i++)
		ctl_table_add(&table, "%s", percentiles[i].name);
	ctl_table_add(&table, "max");
	add_latency_row(&table, "round trip", work->latency);
	add_latency_row(&table, "computing", work->compute);
	ctl_table_print(&table, "");
}

static json_t *latency_json(const struct tfl_latency *latency)
{
	json_t *object = json_pack("{s:I, s:f, s:I, s:I}", "count", (json_int_t)latency->count, "mean_ns", tfl_latency_mean(latency),
				   "min_ns", (json_int_t)latency->min_ns, "max_ns", (json_int_t)latency->max_ns);

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(percentiles); i++)
		json_object_set_new(object, percentiles[i].key,
				    json_integer((json_int_t)tfl_latency_percentile(latency, percentiles[i].share)));
	return object;
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
	object = json_pack("{s:s, s:I, s:o, s:I, s:I, s:I}", "model", model_name(work), "version", (json_int_t)tfl_infer_version(infer),
			   "outputs", outputs, "wait_ns", (json_int_t)tfl_infer_wait_ns(infer), "compute_ns",
			   (json_int_t)tfl_infer_compute_ns(infer), "round_trip_ns", (json_int_t)tfl_infer_round_trip_ns(infer));
	if (work->detector) {
		const struct ctl_names names = names_of(work, work->detections.classes);

		json_object_set_new(object, "detections", ctl_detections_json(&work->detections, &names, work->frame));
	}
	if (work->options->repeat > 1) {
		json_object_set_new(object, "round_trips", latency_json(work->latency));
		json_object_set_new(object, "computing", latency_json(work->compute));
	}
	return ctl_print_json(work->ctl, object);
}

static void print_detections(const struct work *work, const char *remark)
{
	double threshold = work->options->threshold ? work->options->threshold / 100.0 : work->detections.threshold;
	const struct ctl_names names = names_of(work, work->detections.classes);

	ctl_detections_print(&work->detections, threshold, &names, work->frame, remark);
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
	work->inputs = tfl_value_get(work->description, "inputs");
	if (tfl_value_size(work->inputs) > 0 && !work->options->image && work->options->in.count == 0)
		return ctl_usage(work->ctl, "an input is needed: --image FILE or --in FILE");
	if ((work->options->labels && tfl_labels_read(work->options->labels, &work->labels, &error) < 0) || add_inputs(work, &error) < 0)
		return ctl_fail_file(work->ctl, &error);
	if (prepare(work, &call_error) < 0)
		return ctl_fail(work->ctl, call_error.status, call_error.message);
	status = run_all(work);
	if (status != CTL_OK)
		return status;
	r = ctl_detections_read(work->infer, tfl_value_get(work->description, "outputs"), work->frame, &work->detections);
	if (r < 0)
		return ctl_fail(work->ctl, TFL_RESOURCE_EXHAUSTED, "no memory for detections");
	work->detector = r == 0;
	compare_labels(work);
	if (work->options->out && ctl_output_write(work->infer, work->options->out, &error) < 0)
		return ctl_fail_file(work->ctl, &error);
	if (work->ctl->json)
		return print_json(work);
	print_text(work);
	return CTL_OK;
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
	{"image", "FILE", CTL_STRING, offsetof(struct options, image), "a PNG or JPEG picture, stretched to the input's size"},
	{"crop", NULL, CTL_FLAG, offsetof(struct options, crop), "cut the picture to the input's shape, do not stretch it"},
	{"in", "[NAME=]FILE", CTL_LIST, offsetof(struct options, in),
	 "an .npy array or raw bytes; once for each input"},
	{"norm", "HOW", CTL_STRING, offsetof(struct options, norm), "pixels: raw 0..255, unit 0..1, signed -1..1, auto: see above",
	 .choices = "auto raw unit signed"},
	{"labels", "FILE", CTL_STRING, offsetof(struct options, labels), "names of the classes, one a line, for the model's own"},
	{"top", "N", CTL_NUMBER, offsetof(struct options, top), "print the N most likely classes (default: 5)", 1,
	 TFL_LABELS_MAX},
	{"threshold", "N", CTL_NUMBER, offsetof(struct options, threshold), "print detections of N percent or more (default: 50)", 1, 100},
	{"repeat", "N", CTL_NUMBER, offsetof(struct options, repeat), "run N times, print mean and percentiles of the time", 1,
	 100000000},
	{"key", "KEY", CTL_STRING, offsetof(struct options, key), "the same key is always served by the same version"},
	{"out", "FILE", CTL_STRING, offsetof(struct options, out), "write the outputs, as .npy if FILE ends so, else raw"},
	{"native", NULL, CTL_FLAG, offsetof(struct options, native), "outputs as the model has them, not converted to float32"},
};

const struct ctl_command ctl_cmd_infer = {
	.name = "infer",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "Run a model on a picture or on arrays, and print the result.",
	.details = "Pixels are normalised as the model's metadata says. Where it says nothing, --norm auto\n"
		   "takes: raw for 8-bit inputs, for float32 unit with one channel and signed with three.\n"
		   "Colours become gray, or gray colours, as the input needs; transparent pixels are black.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
