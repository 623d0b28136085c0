/* SPDX-License-Identifier: MIT */
/*
 * tflctl logs: what the daemon did, in words, the newest last. Read from the journal, which has all of it; where that cannot be read (no
 * permission, no journal, as in a container), the daemon is asked for the changes that it remembers, and standard error says so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/entries.h"
#include "client/journal.h"
#include "client/since.h"
#include "proto/name.h"

#define LINES 50          /* unless the command line says otherwise */
#define LINES_MAX 1000000 /* of --lines; with --since alone */
#define POLL_US 1000000

struct options {
	const char *since, *directory;
	int lines;
	bool follow, changes, audit, daemon;
};

/* ---- The journal ---- */

static int print_journal(struct ctl_entries *entries, struct ctl_journal *journal, struct tfl_error *error)
{
	int r;

	while ((r = ctl_journal_next(journal, error)) > 0) {
		_tfl_free_ char *text = ctl_journal_text(journal);

		ctl_entries_print(entries, ctl_journal_time_us(journal), text ? text : "", entries->ctl->json ? ctl_journal_json(journal) : NULL);
	}
	return r;
}

static int show_journal(struct ctl_entries *entries, struct ctl_journal *journal, int64_t since, uint64_t lines, struct tfl_error *error)
{
	int r = ctl_journal_seek(journal, since > 0 ? (uint64_t)since * 1000000 : 0, lines, error);

	if (r == 0)
		r = print_journal(entries, journal, error);
	while (r == 0 && entries->follow && !ferror(stdout)) {
		r = ctl_journal_wait(journal, error);
		if (r == 0)
			r = print_journal(entries, journal, error);
	}
	return r;
}

/* ---- The daemon ---- */

static int show_changes(struct ctl *ctl, struct ctl_entries *entries, const char *model, int64_t since, uint64_t lines)
{
	struct tfl_call_error error;
	struct tfl_value *value;

	do {
		if (tfl_client_changes(ctl->client, model, since > 0 ? (uint64_t)since : 0, &value, &error) < 0)
			return ctl_fail(ctl, error.status, error.message);
		ctl_entries_changes(entries, value, lines);
		tfl_value_destroy(value);
		if (entries->follow)
			usleep(POLL_US);
		lines = LINES_MAX;
	} while (entries->follow && !ferror(stdout));
	return CTL_OK;
}

/* ---- The command ---- */

/* "digits@2": the filter has views into @p name. The library has checked what was typed. */
static void choose(const char *operand, char name[static TFL_MODEL_NAME_MAX + 24], struct ctl_journal_filter *filter)
{
	char *at;

	if (!operand)
		return;
	snprintf(name, TFL_MODEL_NAME_MAX + 24, "%s", operand);
	at = strchr(name, '@');
	if (at) {
		*at = '\0';
		filter->version = strtoull(at + 1, NULL, 10);
	}
	filter->model = name;
}

/* The journal, where it can be read and is wanted: CTL_OK or CTL_FAILED, or -1 with the reason why the daemon has to be asked. */
static int run_journal(struct ctl *ctl, const struct ctl_arguments *arguments, struct ctl_entries *entries, int64_t since, uint64_t lines,
		       struct tfl_error *error)
{
	const struct options *options = arguments->options;
	struct ctl_journal_filter filter = {.changes = options->changes, .audit = options->audit};
	char name[TFL_MODEL_NAME_MAX + 24];
	struct ctl_journal *journal = NULL;
	int r;

	choose(arguments->operands[0], name, &filter);
	r = ctl_journal_open(options->directory, &filter, &journal, error);
	if (r < 0)
		return options->directory ? ctl_fail_file(ctl, error) : -1;
	r = show_journal(entries, journal, since, lines, error);
	ctl_journal_close(journal);
	return r < 0 ? ctl_fail_file(ctl, error) : CTL_OK;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	TFL_CLEANUP(ctl_entries_release) struct ctl_entries entries;
	uint64_t lines = options->lines ? (uint64_t)options->lines : options->since ? LINES_MAX : LINES;
	struct tfl_error error;
	int64_t since = 0;
	int status = -1;

	if (options->since)
		ctl_since_parse(options->since, (int64_t)time(NULL), &since, NULL);
	ctl_entries_init(&entries, ctl, options->follow);
	if (!options->daemon)
		status = run_journal(ctl, arguments, &entries, since, lines, &error);
	if (status == -1 && options->audit)
		return ctl_fail_file(ctl, &error); /* the daemon does not remember these */
	if (status == -1) {
		if (!options->daemon && !ctl->json)
			fprintf(stderr, "tflctl: %s; this is what the daemon remembers\n", error.text);
		status = ctl_connect(ctl);
		if (status == CTL_OK)
			status = show_changes(ctl, &entries, arguments->operands[0], since, lines);
	}
	return status == CTL_OK ? ctl_entries_finish(&entries) : status;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const char *at = arguments->operands[0] ? strchr(arguments->operands[0], '@') : NULL;
	const struct options *options = arguments->options;
	struct tfl_error error;
	uint64_t number;
	int64_t since;

	if (at && tfl_version_parse(at + 1, strlen(at + 1), &number) < 0 && tfl_label_valid(at + 1, strlen(at + 1)))
		return ctl_usage(ctl,
				 "the journal knows versions by their numbers; 'tflctl label MODEL' says which one a label stands for");
	if (options->audit && (options->changes || options->daemon))
		return ctl_usage(ctl, options->changes ? "--changes and --audit are two kinds of entries; give one"
						       : "the daemon does not remember who called what; the journal does, without --daemon");
	if (options->daemon && options->directory)
		return ctl_usage(ctl, "--daemon and --directory are two places to read from; give one");
	if (options->since && ctl_since_parse(options->since, (int64_t)time(NULL), &since, &error) < 0)
		return ctl_usage(ctl, error.text);
	return CTL_OK;
}

static const struct ctl_option options[] = {
	{"since", "TIME", CTL_STRING, offsetof(struct options, since), "not before 2h ago, today, 14:30 or '2026-11-26 14:30'",
	 .hints = "today yesterday 1h 24h"},
	{"lines", "N", CTL_NUMBER, offsetof(struct options, lines), "the last N alone (default: 50; with --since: all)", 1, LINES_MAX},
	{"follow", NULL, CTL_FLAG, offsetof(struct options, follow), "go on with what comes, until interrupted"},
	{"changes", NULL, CTL_FLAG, offsetof(struct options, changes), "what changed alone, without what was counted"},
	{"audit", NULL, CTL_FLAG, offsetof(struct options, audit), "each call of an administrator, and refused ones, instead"},
	{"daemon", NULL, CTL_FLAG, offsetof(struct options, daemon), "ask the daemon what it remembers, not the journal"},
	{"directory", "PATH", CTL_STRING, offsetof(struct options, directory), "read the files of a journal in this folder"},
};

const struct ctl_command ctl_cmd_logs = {
	.name = "logs",
	.operands = "[MODEL[@VERSION]]",
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "what happened, in words",
	.summary = "Show what the daemon wrote to the journal: changes, and what versions did.",
	.details = "The newest last, a line each, times local. Where the journal cannot be read, the\n"
		   "daemon's own list of the last 256 changes is shown instead.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.connects = true,
	.check = check,
	.run = run,
};
