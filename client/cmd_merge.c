/* SPDX-License-Identifier: MIT */
/*
 * tflctl merge: adds up the JSON lines of many devices and of many files, and needs no daemon. A line that cannot be read is named and
 * counted, and the others count all the same; the exit status says that there was one.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/cmd_merge.h"
#include "client/ctl.h"
#include "client/lines.h"
#include "client/print.h"
#include "client/slurp.h"

#define FAULTS_NAMED 20 /* of a run; more are only counted */

struct work {
	const struct ctl *ctl;
	const struct merge_options *options;
	struct merge *merge;
	uint64_t files, lines, repeated, other, faults;
	json_t *named; /* with --json, the faults that are named */
};

static void work_finish(struct work *work)
{
	merge_destroy(work->merge);
	json_decref(work->named);
}

/* What is wrong with line @p line of a file; with 0, the sentence names the file itself. */
static void complain(struct work *work, const char *path, uint64_t line, const char *sentence)
{
	_tfl_free_ char *name = NULL, *message = NULL;

	if (work->faults++ >= FAULTS_NAMED)
		return;
	if (work->ctl->json) {
		name = strdup(path);
		message = strdup(sentence);
		if (name && message)
			json_array_append_new(work->named, json_pack("{s:s, s:I, s:s}", "file", ctl_repair_text(name), "line", (json_int_t)line,
								     "message", ctl_repair_text(message)));
		return;
	}
	fputs("tflctl: ", stderr);
	if (line > 0) {
		ctl_print_text(stderr, path);
		fprintf(stderr, ":%llu: ", (unsigned long long)line);
	}
	ctl_print_text(stderr, sentence);
	fputc('\n', stderr);
}

/* 0, or -ENOMEM, with which it ends. */
static int take_line(struct work *work, const char *path, const struct ctl_lines *lines, const char *line, size_t length)
{
	struct tfl_error error;
	int outcome;

	work->lines++;
	outcome = merge_add(work->merge, line, length, &error);
	work->repeated += outcome == MERGE_REPEATED;
	work->other += outcome == MERGE_OTHER;
	if (outcome < 0)
		complain(work, path, lines->number, error.text);
	return outcome == -ENOMEM ? outcome : 0;
}

static int take_lines(struct work *work, const char *path, int fd)
{
	TFL_CLEANUP(ctl_lines_finish) struct ctl_lines lines = {0};
	struct tfl_error error;
	size_t length;
	char *line;
	int r;

	r = ctl_lines_init(&lines, fd);
	if (r < 0)
		return r;
	while ((r = ctl_lines_next(&lines, &line, &length)) != 0) {
		if (r == 1 && length > 0)
			r = take_line(work, path, &lines, line, length);
		else if (r == -EFBIG)
			complain(work, path, lines.number, "the line is longer than a line can be");
		if (r < 0 && r != -EFBIG)
			break;
	}
	if (r == 0 || r == -ENOMEM)
		return r;
	tfl_error_set(&error, r, "%s: %s", path, strerror(-r));
	complain(work, path, 0, error.text);
	return 0;
}

static int take_file(struct work *work, const char *path)
{
	_tfl_close_ int fd = -1;
	struct tfl_error error;

	work->files++;
	if (strcmp(path, "-") == 0)
		return take_lines(work, "standard input", STDIN_FILENO);
	if (tfl_open_file(path, &fd, &error) == 0)
		return take_lines(work, path, fd);
	complain(work, path, 0, error.text);
	return 0;
}

/* Whether another file has the same model and number: they stand next to each other. */
static bool is_ambiguous(const struct merge_version *const *versions, size_t count, size_t at)
{
	const struct merge_version *version = versions[at];

	for (size_t other = at ? at - 1 : 0; other < count && other <= at + 1; other++)
		if (other != at && versions[other]->number == version->number && strcmp(versions[other]->model, version->model) == 0)
			return true;
	return false;
}

static void print_text(struct work *work)
{
	const struct merge_version *const *versions;
	size_t count;

	versions = merge_versions(work->merge, &count);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			putchar('\n');
		merge_print_version(versions[i], is_ambiguous(versions, count, i), work->options);
	}
	if (count == 0)
		printf("no version has told anything\n");
	if (work->repeated > 0)
		printf("%s%llu line%s stood there more than once, and counted once\n", count ? "\n" : "", (unsigned long long)work->repeated,
		       ctl_plural(work->repeated));
	if (work->faults > FAULTS_NAMED)
		fprintf(stderr, "tflctl: … and %llu faults more\n", (unsigned long long)(work->faults - FAULTS_NAMED));
}

static int print_json(struct work *work)
{
	const struct merge_version *const *versions;
	json_t *list = json_array();
	size_t count;

	versions = merge_versions(work->merge, &count);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, merge_version_json(versions[i]));
	return ctl_print_json(work->ctl, json_pack("{s:I, s:I, s:I, s:I, s:I, s:O, s:o}", "files", (json_int_t)work->files, "lines",
						   (json_int_t)work->lines, "repeated", (json_int_t)work->repeated, "other",
						   (json_int_t)work->other, "unreadable", (json_int_t)work->faults, "faults", work->named,
						   "versions", list));
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	TFL_CLEANUP(work_finish) struct work work = {.ctl = ctl, .options = arguments->options, .named = json_array()};
	int r, status = CTL_OK;

	r = work.named ? merge_create(&work.merge) : -ENOMEM;
	for (unsigned i = 0; r == 0 && arguments->operands[i]; i++)
		r = take_file(&work, arguments->operands[i]);
	if (r < 0)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory for all of it");
	if (ctl->json)
		status = print_json(&work);
	else
		print_text(&work);
	return work.faults > 0 ? CTL_FAILED : status;
}

static const struct ctl_option options[] = {
	{"per-class", NULL, CTL_FLAG, offsetof(struct merge_options, per_class), "how often each class won, too"},
	{"top", "N", CTL_NUMBER, offsetof(struct merge_options, top), "of that, the N most frequent (default: 10)", 1, 1024},
};

const struct ctl_command ctl_cmd_merge = {
	.name = "merge",
	.operands = "FILE...",
	.operands_min = 1,
	.operands_max = UINT_MAX,
	.group = CTL_GROUP_WATCH,
	.brief = "add up many devices' logs",
	.summary = "Add up what many devices wrote down of their models.",
	.details = "FILEs hold the JSON lines of tfld's log folder; '-' is standard input. Lines that\n"
		   "cannot be read are named, and the others count.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct merge_options),
	.local = true,
	.run = run,
};
