/* SPDX-License-Identifier: MIT */
/*
 * tflctl bench: how fast a model is served under load. One level of load after the other, each for as long as its figures need to settle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/bench.h"
#include "client/ctl.h"
#include "client/print.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

struct options {
	const char *concurrency;
	const char *rate;
	const char *distribution;
	const char *duration;
	const char *warm_up;
	const char *percentile;
	const char *limit;
	int connections;
	struct ctl_input_options input;
	const char *data;
	const char *key;
	bool native;
};

/* What one run of the command holds. */
struct work {
	struct ctl *ctl;
	const struct options *options;
	struct bench_range range;
	struct bench_settings settings;
	struct tfl_value *description;
	struct ctl_signature signature;
	struct ctl_inputs inputs;
	struct bench *bench;
	struct bench_report report;
};

static void work_finish(struct work *work)
{
	bench_destroy(work->bench);
	ctl_inputs_finish(&work->inputs);
	tfl_value_destroy(work->description);
	free(work->report.results);
}

static int read_percentile(const char *text, double *ret_share, struct tfl_error *error)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || end == text || !(value >= 1 && value <= 99.99))
		return tfl_error_set(error, -EINVAL, "--percentile goes from 1 to 99.99, not '%s'", text);
	*ret_share = value / 100;
	return 0;
}

static int read_times(const struct options *options, struct bench_settings *settings, struct tfl_error *error)
{
	int r;

	r = bench_duration_parse(options->duration ? options->duration : "5s", "--duration", 50 * MS, 3600 * S, &settings->duration_ns, error);
	settings->warm_up_ns = settings->duration_ns / BENCH_WINDOWS;
	if (r == 0 && options->warm_up)
		r = bench_duration_parse(options->warm_up, "--warm-up", 0, 3600 * S, &settings->warm_up_ns, error);
	if (r == 0 && options->limit)
		r = bench_duration_parse(options->limit, "--latency-limit", 1, 3600 * S, &settings->limit_ns, error);
	return r;
}

/* What the command line says; nothing of it needs the daemon. */
static int read_options(const struct options *options, struct bench_range *range, struct bench_settings *settings, struct tfl_error *error)
{
	int r;

	*settings = (struct bench_settings){
		.key = options->key,
		.native = options->native,
		.connections = options->connections ? (unsigned)options->connections : 1,
		.open = options->rate != NULL,
		.poisson = options->distribution && strcmp(options->distribution, "poisson") == 0,
	};
	if (options->rate && options->concurrency)
		return tfl_error_set(error, -EINVAL, "--concurrency keeps requests in flight, --request-rate keeps a rate: give one of them");
	if (options->distribution && !options->rate)
		return tfl_error_set(error, -EINVAL, "--distribution is for --request-rate");
	if (options->key && !*options->key)
		return tfl_error_set(error, -EINVAL, "a key has 1 to 256 bytes");
	if (options->rate)
		r = bench_range_parse(options->rate, "--request-rate", 0.1, 1e6, false, range, error);
	else
		r = bench_range_parse(options->concurrency ? options->concurrency : "1", "--concurrency", 1, BENCH_IN_FLIGHT_MAX, true, range,
				      error);
	if (r == 0)
		r = read_percentile(options->percentile ? options->percentile : "95", &settings->share, error);
	return r == 0 ? read_times(options, settings, error) : r;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct bench_settings settings;
	struct bench_range range;
	struct tfl_error error;

	return read_options(arguments->options, &range, &settings, &error) < 0 ? ctl_usage(ctl, error.text) : CTL_OK;
}

/* A word about how far it is, for somebody who watches. */
static void show_progress(const struct work *work, double level)
{
	if (!work->ctl->json && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s %.10g …\033[K", work->settings.open ? "request rate" : "concurrency", level);
}

static void end_progress(const struct work *work)
{
	if (!work->ctl->json && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static int add_result(struct bench_report *report, const struct bench_result *result)
{
	struct bench_result *grown = reallocarray(report->results, report->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	report->results = grown;
	report->results[report->count++] = *result;
	return 0;
}

/* Level by level, until the last, the limit, a signal, or the daemon's end. */
static int run_levels(struct work *work, bool *ret_cut_short)
{
	const double end = work->range.end * (1 + 1e-9); /* steps such as 0.1 do not add up exactly */
	struct bench_report *report = &work->report;
	struct bench_result result;
	int r = 0;

	*ret_cut_short = false;
	for (double level = work->range.begin; level <= end && r == 0; level = bench_range_next(&work->range, level)) {
		show_progress(work, level);
		r = bench_run(work->bench, level, &result);
		if (r < 0)
			break;
		*ret_cut_short = result.interrupted || result.lost;
		if (result.windows > 0)
			r = add_result(report, &result);
		report->over_limit = work->settings.limit_ns > 0 && result.judged_ns > (uint64_t)work->settings.limit_ns;
		if (*ret_cut_short || report->over_limit)
			break;
	}
	end_progress(work);
	return r;
}

static int report(struct work *work, bool cut_short)
{
	const struct bench_report *done = &work->report;
	bool served = !cut_short;

	if (done->count == 0)
		return ctl_fail(work->ctl, TFL_CANCELLED, "ended before anything was measured");
	for (unsigned i = 0; i < done->count; i++)
		served = served && done->results[i].times[BENCH_LATENCY].count > 0;
	if (!work->ctl->json)
		bench_report_print(done);
	else if (ctl_print_json(work->ctl, bench_report_json(done)) != CTL_OK)
		return CTL_FAILED;
	return served ? CTL_OK : CTL_FAILED;
}

/* The inputs of every request: files first, the rest made up. */
static int read_inputs(struct work *work, struct tfl_error *error)
{
	const struct options *options = work->options;
	bool zero = options->data && strcmp(options->data, "zero") == 0;
	uint64_t random = 1;
	int r;

	r = ctl_signature_find(work->description, work->settings.model, options->input.signature, &work->signature, error);
	if (r == 0)
		r = ctl_inputs_init(&work->inputs, work->settings.model, &work->signature, error);
	if (r == 0)
		r = ctl_inputs_read(&work->inputs, &options->input, error);
	if (r == 0)
		r = ctl_inputs_generate(&work->inputs, zero ? NULL : &random, error);
	work->report.data = options->input.image || options->input.in.count > 0 ? "files" : zero ? "zero" : "random";
	return r;
}

static int bench(struct work *work)
{
	struct tfl_call_error call_error;
	struct tfl_error error;
	bool cut_short;
	int status;

	if (tfl_client_describe(work->ctl->client, work->settings.model, &work->description, &call_error) < 0)
		return ctl_fail(work->ctl, call_error.status, call_error.message);
	if (read_inputs(work, &error) < 0)
		return ctl_fail_file(work->ctl, &error);
	work->settings.inputs = &work->inputs;
	status = bench_create(work->ctl, &work->settings, &work->bench);
	if (status != CTL_OK)
		return status;
	work->report.settings = &work->settings;
	work->report.model = tfl_value_string(tfl_value_get(work->description, "model"), work->settings.model);
	work->report.version = bench_version(work->bench);
	if (run_levels(work, &cut_short) < 0)
		return ctl_fail(work->ctl, TFL_RESOURCE_EXHAUSTED, "no memory for the benchmark");
	return report(work, cut_short);
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	TFL_CLEANUP(work_finish) struct work work = {.ctl = ctl, .options = arguments->options};
	struct tfl_error error;

	if (read_options(work.options, &work.range, &work.settings, &error) < 0)
		return ctl_usage(ctl, error.text);
	work.settings.model = arguments->operands[0];
	return bench(&work);
}

static const struct ctl_option options[] = {
	{"concurrency", "RANGE", CTL_STRING, offsetof(struct options, concurrency), "requests kept in flight (closed loop; default: 1)",
	 .alias = "concurrency-range"},
	{"request-rate", "RANGE", CTL_STRING, offsetof(struct options, rate), "requests a second, come what may (open loop)",
	 .alias = "request-rate-range"},
	{"distribution", "HOW", CTL_STRING, offsetof(struct options, distribution), "of that rate: constant, or poisson",
	 .choices = "constant poisson", .alias = "request-distribution"},
	{"duration", "TIME", CTL_STRING, offsetof(struct options, duration), "of a level (default: 5s)"},
	{"warm-up", "TIME", CTL_STRING, offsetof(struct options, warm_up), "before it, not counted (default: a fifth of it)"},
	{"percentile", "N", CTL_STRING, offsetof(struct options, percentile), "the latency that is judged (default: 95)"},
	{"latency-limit", "TIME", CTL_STRING, offsetof(struct options, limit), "stop when that latency is above", .alias = "latency-threshold"},
	{"connections", "N", CTL_NUMBER, offsetof(struct options, connections), "share the requests between N (default: 1)", 1,
	 BENCH_CONNECTIONS_MAX},
	CTL_INPUT_OPTIONS(struct options, input),
	{"data", "WHAT", CTL_STRING, offsetof(struct options, data), "of other inputs: random (default) or zero", .choices = "random zero"},
	{"key", "KEY", CTL_STRING, offsetof(struct options, key), "the same key is always served by the same version"},
	{"native", NULL, CTL_FLAG, offsetof(struct options, native), "outputs as the model has them, not converted to float32"},
};

const struct ctl_command ctl_cmd_bench = {
	.name = "bench",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "throughput and latency",
	.summary = "Measure throughput and latency of a model under load.",
	.details = "RANGE is START[:END[:STEP]]: 1:8 is 1, 2 … 8; 1:64:x2 doubles. Latency counts from when a request was due (no "
		   "coordinated omission). A level goes on, up to three times as long, until three windows of it agree within 10 %.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
