/* SPDX-License-Identifier: MIT */
/*
 * Where the time of one inference goes: in XNNPACK, in portable kernels, and in between. One thread, no daemon.
 *
 *   bench/model [--runs N] [--threads N] [--portable] [--cpu] [--peers FILE] FILE...
 *
 * Every figure is also given relative to an anchor measured in alternation with it: an XNNPACK float32 1x1 convolution, input [1, 14, 14,
 * 96], 576 output channels, one thread. --cpu counts the processor time of the thread instead of what passes, for a machine that is busy
 * with something else: there, long runs are interrupted and the short anchor is not. --peers takes the zoo's peer-times.json, whose
 * TensorFlow Lite times are relative to the same anchor, and prints the ratio.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xnnpack.h>

#include "base/error.h"
#include "base/util.h"
#include "measure.h"
#include "runtime/interpreter.h"
#include "runtime/memory.h"
#include "runtime/model.h"
#include "runtime/program.h"

struct options {
	unsigned runs;
	bool cpu;
	struct tfl_program_options program;
	json_t *peers;
};

/* The anchor. */
enum { SIDE = 14, INPUTS = 96, OUTPUTS = 576 };

static struct {
	float input[SIDE * SIDE * INPUTS + XNN_EXTRA_BYTES / sizeof(float)];
	float output[SIDE * SIDE * OUTPUTS + XNN_EXTRA_BYTES / sizeof(float)];
	float filter[OUTPUTS * INPUTS], bias[OUTPUTS];
	xnn_runtime_t runtime;
} anchor;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "anchor: %s failed\n", what);
	exit(1);
}

static void anchor_create(void)
{
	size_t input_dims[] = {1, SIDE, SIDE, INPUTS}, output_dims[] = {1, SIDE, SIDE, OUTPUTS}, filter_dims[] = {OUTPUTS, 1, 1, INPUTS};
	size_t bias_dims[] = {OUTPUTS};
	uint32_t input, output, filter, bias;
	xnn_subgraph_t subgraph;
	xnn_workspace_t workspace;

	for (size_t i = 0; i < OUTPUTS * INPUTS; i++)
		anchor.filter[i] = (float)(i % 17) / 17.0f - 0.5f;
	for (size_t i = 0; i < SIDE * SIDE * INPUTS; i++)
		anchor.input[i] = (float)(i % 13) / 13.0f;
	must(xnn_initialize(tfl_memory_allocator()) == xnn_status_success, "xnn_initialize"); /* the first one stays, and this one counts */
	must(xnn_create_subgraph(2, 0, &subgraph) == xnn_status_success, "xnn_create_subgraph");
	xnn_define_tensor_value(subgraph, xnn_datatype_fp32, 4, input_dims, NULL, 0, XNN_VALUE_FLAG_EXTERNAL_INPUT, &input);
	xnn_define_tensor_value(subgraph, xnn_datatype_fp32, 4, output_dims, NULL, 1, XNN_VALUE_FLAG_EXTERNAL_OUTPUT, &output);
	xnn_define_tensor_value(subgraph, xnn_datatype_fp32, 4, filter_dims, anchor.filter, XNN_INVALID_VALUE_ID, 0, &filter);
	xnn_define_tensor_value(subgraph, xnn_datatype_fp32, 1, bias_dims, anchor.bias, XNN_INVALID_VALUE_ID, 0, &bias);
	must(xnn_define_convolution_2d(subgraph, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, INPUTS, OUTPUTS, -INFINITY, INFINITY, input, filter, bias, output,
				       0) == xnn_status_success,
	     "xnn_define_convolution_2d");
	/* One that XNNPACK makes by itself it takes as an aligned block, and gives back as any other. */
	must(xnn_create_workspace(&workspace) == xnn_status_success, "xnn_create_workspace");
	must(xnn_create_runtime_v4(subgraph, NULL, workspace, NULL, 0, &anchor.runtime) == xnn_status_success, "xnn_create_runtime_v4");
	xnn_release_workspace(workspace);
	must(xnn_reshape_runtime(anchor.runtime) == xnn_status_success, "xnn_reshape_runtime");
	must(xnn_setup_runtime_v2(anchor.runtime, 2, (struct xnn_external_value[]){{0, anchor.input}, {1, anchor.output}}) == xnn_status_success,
	     "xnn_setup_runtime_v2");
	xnn_delete_subgraph(subgraph);
}

static void anchor_run(struct samples *samples, unsigned runs)
{
	for (unsigned i = 0; i < runs; i++) {
		uint64_t begin = now_ns();

		must(xnn_invoke_runtime(anchor.runtime) == xnn_status_success, "xnn_invoke_runtime");
		samples_add(samples, now_ns() - begin);
	}
}

struct bench {
	struct tfl_model *model;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	uint64_t load_ns;
	size_t resident; /* before loading */
};

static void bench_finish(struct bench *bench)
{
	tfl_interpreter_destroy(bench->interpreter);
	tfl_program_destroy(bench->program);
	tfl_model_destroy(bench->model);
}

static int bench_init(struct bench *bench, const struct options *options, const char *path, struct tfl_error *error)
{
	_tfl_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t begin = now_ns();
	int r;

	*bench = (struct bench){.resident = resident_bytes()};
	if (fd < 0)
		return tfl_error_set(error, -errno, "%s", strerror(errno));
	r = tfl_model_open(fd, &bench->model, error);
	if (r == 0)
		r = tfl_program_create(bench->model, &options->program, &bench->program, error);
	if (r == 0)
		r = tfl_interpreter_create(bench->program, &bench->interpreter, error);
	bench->load_ns = now_ns() - begin;
	if (r < 0)
		bench_finish(bench);
	return r;
}

/* Inputs are written before every run, as they would be in service; it is not counted. */
static int run(struct bench *bench, struct samples *samples, unsigned runs, struct tfl_error *error)
{
	uint32_t inputs;
	const struct tfl_io *io = tfl_program_inputs(bench->program, &inputs);

	for (unsigned i = 0; i < runs; i++) {
		uint64_t begin;
		int r;

		for (uint32_t j = 0; j < inputs; j++)
			memset(tfl_interpreter_input(bench->interpreter, j), 0, io[j].bytes);
		begin = now_ns();
		r = tfl_interpreter_invoke(bench->interpreter, NULL, error);
		if (r < 0)
			return r;
		samples_add(samples, now_ns() - begin);
	}
	return 0;
}

/* What has become resident counts the pages of the file; for a second model in one process it means little. */
static void print_memory(const struct bench *bench)
{
	struct tfl_program_info info;

	tfl_program_info(bench->program, &info);
	printf("  memory             %10.1f KiB resident since before loading; file %.1f, packed weights %.1f, interpreter %.1f\n",
	       ((double)resident_bytes() - (double)bench->resident) / 1024, (double)bench->model->size / 1024, (double)info.packed_bytes / 1024,
	       (double)tfl_interpreter_bytes(bench->interpreter) / 1024);
}

static void print_steps(const struct bench *bench, unsigned runs, double total_us)
{
	double xnnpack = 0, portable = 0;
	struct tfl_step_profile step;
	struct tfl_program_info info;

	tfl_program_info(bench->program, &info);
	for (uint32_t i = 0; tfl_interpreter_profile(bench->interpreter, i, &step); i++)
		*(step.xnnpack ? &xnnpack : &portable) += (double)step.nanoseconds / runs / 1000;
	printf("  XNNPACK            %10.1f us  %5.1f %%  %u of %u operators\n", xnnpack, 100 * xnnpack / total_us, info.xnnpack_operators,
	       info.operators);
	printf("  portable kernels   %10.1f us  %5.1f %%\n", portable, 100 * portable / total_us);
	printf("  in between         %10.1f us  %5.1f %%  %u steps\n", total_us - xnnpack - portable, 100 * (total_us - xnnpack - portable) / total_us,
	       info.steps);
	for (uint32_t i = 0; tfl_interpreter_profile(bench->interpreter, i, &step); i++)
		if (!step.xnnpack)
			printf("    %-20s %8.1f us\n", step.name, (double)step.nanoseconds / runs / 1000);
}

static void print_peer(const struct options *options, const char *path, double relative)
{
	char copy[4096], *name, *end;
	json_t *peer;

	snprintf(copy, sizeof(copy), "%s", path);
	name = basename(copy);
	end = strrchr(name, '.');
	if (end)
		*end = '\0';
	peer = json_object_get(json_object_get(json_object_get(options->peers, "models"), name), "relative");
	if (json_is_number(peer))
		printf("  TensorFlow Lite: %.2f anchors; this takes %.2f times as long\n", json_number_value(peer), relative / json_number_value(peer));
}

static int measure(const struct options *options, const char *path)
{
	struct samples plain, anchors;
	struct tfl_error error = {0};
	unsigned warm = options->runs / 10 + 1, blocks = 10, block = options->runs / blocks + 1;
	double total_ns = 0, p50, anchor_p50;
	struct bench bench;
	int r;

	r = bench_init(&bench, options, path, &error);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, error.text);
		return r;
	}
	samples_init(&plain, (size_t)warm + (size_t)block * blocks);
	samples_init(&anchors, (size_t)block * blocks + warm);
	r = run(&bench, &plain, warm, &error);
	anchor_run(&anchors, warm);
	tfl_interpreter_profile_reset(bench.interpreter);
	plain.count = anchors.count = 0;
	for (unsigned i = 0; r == 0 && i < blocks; i++) {
		r = run(&bench, &plain, block, &error);
		anchor_run(&anchors, block);
	}
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, error.text);
	} else {
		for (size_t i = 0; i < plain.count; i++)
			total_ns += (double)plain.values[i];
		p50 = (double)samples_percentile(&plain, 0.5) / 1000;
		anchor_p50 = (double)samples_percentile(&anchors, 0.5) / 1000;
		printf("%s\n  one inference      %10.1f us  p50 of %zu runs, p99 %.1f us; %.2f anchors of %.1f us\n", path, p50, plain.count,
		       (double)samples_percentile(&plain, 0.99) / 1000, p50 / anchor_p50, anchor_p50);
		printf("  loading            %10.1f us  to the first interpreter, %.1f anchors\n", (double)bench.load_ns / 1000,
		       (double)bench.load_ns / 1000 / anchor_p50);
		print_memory(&bench);
		if (!options->cpu) /* steps are timed by what passes */
			print_steps(&bench, (unsigned)plain.count, total_ns / 1000 / (double)plain.count);
		print_peer(options, path, p50 / anchor_p50);
	}
	samples_finish(&plain);
	samples_finish(&anchors);
	bench_finish(&bench);
	return r;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench/model [--runs N] [--threads N] [--portable] [--cpu] [--peers FILE] FILE...\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = {.runs = 500, .program.profile = true};
	json_error_t error;
	int i, failed = 0;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--portable") == 0)
			options.program.portable = true;
		else if (strcmp(argv[i], "--cpu") == 0)
			options.cpu = true, measure_processor_time();
		else if (strcmp(argv[i], "--runs") == 0)
			options.runs = parse_count(argv[i], argv[i + 1]), i++;
		else if (strcmp(argv[i], "--threads") == 0)
			options.program.threads = parse_count(argv[i], argv[i + 1]), i++;
		else if (strcmp(argv[i], "--peers") == 0 && argv[i + 1])
			options.peers = json_load_file(argv[++i], 0, &error);
		else
			return usage();
	}
	if (i >= argc)
		return usage();
	anchor_create();
	for (; i < argc; i++)
		failed |= measure(&options, argv[i]) < 0;
	xnn_delete_runtime(anchor.runtime);
	json_decref(options.peers);
	return failed;
}
