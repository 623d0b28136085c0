/* SPDX-License-Identifier: MIT */
/* tflctl report: how a model does, as one page to look at or to send on. The figures are put together once, for the page and for --json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/page.h"
#include "client/replace.h"

struct options {
	const char *output;
};

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

static int write_page(const struct ctl *ctl, const char *path, const json_t *figures)
{
	_tfl_free_ char *page = NULL;
	struct tfl_error error;
	size_t size = 0;
	FILE *out = open_memstream(&page, &size);

	if (!out)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory for the page");
	page_write(out, figures);
	if (fclose(out) != 0)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory for the page");
	if (is_stdout(path))
		return fwrite(page, 1, size, stdout) == size ? CTL_OK : CTL_FAILED;
	return ctl_replace_file(path, page, size, &error) < 0 ? ctl_fail_file(ctl, &error) : CTL_OK;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	struct tfl_call_error error;
	json_t *figures;
	int status = CTL_OK;

	if (page_figures(ctl->client, arguments->operands[0], &figures, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	if (options->output)
		status = write_page(ctl, options->output, figures);
	if (status != CTL_OK || !ctl->json)
		json_decref(figures);
	else
		status = ctl_print_json(ctl, figures);
	return status;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;

	if (!options->output && !ctl->json)
		return ctl_usage(ctl, "report needs a file to write, as in -o report.html; - is standard output");
	if (options->output && !*options->output)
		return ctl_usage(ctl, "--output is empty, expected a path");
	if (options->output && is_stdout(options->output) && ctl->json)
		return ctl_usage(ctl, "standard output takes the page or the JSON, not both");
	return CTL_OK;
}

static const struct ctl_option options[] = {
	{"output", "FILE", CTL_STRING, offsetof(struct options, output), "where the page goes, also -o; - is standard output",
	 .letter = 'o'},
};

const struct ctl_command ctl_cmd_report = {
	.name = "report",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "all of it as a web page",
	.summary = "Write a page that shows how a model does.",
	.details = "Confidence, drift, latency, classes, versions and changes, in one HTML file that\n"
		   "fetches nothing. --json prints the page's figures; with both, both.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
