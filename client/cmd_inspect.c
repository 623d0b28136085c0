/* SPDX-License-Identifier: MIT */
/*
 * tflctl inspect: what a model file holds and whether this runtime can run it, without a daemon.
 *
 * The file is read into memory first: a model is verified once, and a mapped file could be rewritten behind the verifier's back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/inspect.h"
#include "client/slurp.h"
#include "runtime/model.h"
#include "runtime/survey.h"

struct options {
	bool operators;
	bool tensors;
};

/* What one run of the command holds. */
struct work {
	uint8_t *bytes;
	struct tfl_model *model;
	struct tfl_survey *survey;
	struct ctl_inspection inspection;
};

static void work_finish(struct work *work)
{
	json_decref(work->inspection.model);
	tfl_survey_destroy(work->survey);
	tfl_model_destroy(work->model);
	free(work->bytes);
}

static int open_survey(struct work *work, const char *path, struct tfl_error *error)
{
	size_t size = 0;
	int r;

	r = tfl_slurp(path, TFL_MODEL_BYTES_MAX - 1, &work->bytes, &size, error);
	if (r < 0)
		return r;
	r = tfl_model_open_memory(work->bytes, size, &work->model, error);
	if (r == 0)
		r = tfl_survey_create(work->model, &(struct tfl_program_options){.late = true}, &work->survey, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
	return 0;
}

/* The exit status says whether the model can run, as the answer does. */
static int show(struct ctl *ctl, struct work *work)
{
	int status = CTL_OK;

	work->inspection.model = ctl_json_of_survey(work->survey);
	if (!work->inspection.model)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory for the output");
	if (ctl->json)
		status = ctl_print_json(ctl, ctl_inspection_json(&work->inspection));
	else if (ctl_inspection_print(&work->inspection) < 0)
		status = ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory for the output");
	return status == CTL_OK && !work->survey->runs ? CTL_FAILED : status;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	if (strcmp(arguments->operands[0], "-") == 0 && isatty(STDIN_FILENO))
		return ctl_usage(ctl, "'-' is standard input, which is a terminal here: give a file, or lead one in by '<'");
	return CTL_OK;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	TFL_CLEANUP(work_finish) struct work work = {0};
	struct tfl_error error;

	if (open_survey(&work, arguments->operands[0], &error) < 0)
		return ctl_fail_file(ctl, &error);
	work.inspection.path = arguments->operands[0];
	work.inspection.survey = work.survey;
	work.inspection.operators = options->operators;
	work.inspection.tensors = options->tensors;
	return show(ctl, &work);
}

static const struct ctl_option options[] = {
	{"operators", NULL, CTL_FLAG, offsetof(struct options, operators), "list every operator in order, not only their kinds"},
	{"tensors", NULL, CTL_FLAG, offsetof(struct options, tensors), "list every tensor: type, shape, bytes, quantisation"},
};

const struct ctl_command ctl_cmd_inspect = {
	.name = "inspect",
	.operands = "FILE",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "what a model file holds",
	.summary = "Show what a model file holds, and whether tfld can run it.",
	.details = "Needs no daemon. Operators are counted by kind, with the kernels that run them:\n"
		   "XNNPACK's or portable ones. WORK is their share of the multiply-adds. What is not\n"
		   "supported comes last, with what can be done about it. Where the model can run, it is\n"
		   "loaded as tfld would, and memory is what that took; else it is estimated.\n\n"
		   "Exit status: 0 the model runs, 1 it does not, or FILE is no model.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.local = true,
	.check = check,
	.run = run,
};
