/* SPDX-License-Identifier: MIT */
/*
 * tflctl history and watch: what changed, by the daemon's own account: what it remembers, and what happens from now on. history is over
 * when it was printed; watch goes on, and comes back after the daemon was away.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/ctl.h"
#include "client/entries.h"
#include "client/since.h"

#define CHANGES_MAX 256 /* that the daemon remembers */
#define AGAIN_MS 1000   /* between two attempts to reach it */

struct options {
	const char *since;
	int lines;
};

static int run_history(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	TFL_CLEANUP(ctl_entries_release) struct ctl_entries entries;
	struct tfl_value *value = NULL;
	struct tfl_call_error error;
	int64_t since = 0;

	if (options->since)
		ctl_since_parse(options->since, (int64_t)time(NULL), &since, NULL);
	ctl_entries_init(&entries, ctl, false);
	if (tfl_client_changes(ctl->client, arguments->operands[0], since > 0 ? (uint64_t)since : 0, &value, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	ctl_entries_changes(&entries, value, options->lines ? (uint64_t)options->lines : CHANGES_MAX);
	tfl_value_destroy(value);
	return ctl_entries_finish(&entries);
}

static int check_history(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	struct tfl_error error;
	int64_t since;

	if (options->since && ctl_since_parse(options->since, (int64_t)time(NULL), &since, &error) < 0)
		return ctl_usage(ctl, error.text);
	return CTL_OK;
}

/* ---- watch ---- */

struct watch {
	struct ctl_entries entries;
	bool lost;
};

static void on_change(const struct tfl_value *change, void *userdata)
{
	struct watch *watch = userdata;

	if (change)
		ctl_entries_change(&watch->entries, change);
	else
		watch->lost = true;
}

/* What there is already is history. */
static int skip_history(struct ctl *ctl, const char *model, struct watch *watch, struct tfl_call_error *error)
{
	struct tfl_value *value = NULL;
	int r = tfl_client_changes(ctl->client, model, 0, &value, error);

	ctl_entries_skip(&watch->entries, value);
	tfl_value_destroy(value);
	return r;
}

/* Subscribes again as soon as the daemon is back, and prints what happened meanwhile. */
static void come_back(struct ctl *ctl, const char *model, struct watch *watch)
{
	struct tfl_value *value = NULL;
	struct tfl_call_error error;

	if (!ctl->json)
		fprintf(stderr, "tflctl: the daemon is away; waiting for it\n");
	while (tfl_client_subscribe(ctl->client, model, on_change, watch, &error) < 0)
		poll(NULL, 0, AGAIN_MS);
	watch->lost = false;
	if (tfl_client_changes(ctl->client, model, 0, &value, &error) == 0)
		ctl_entries_changes(&watch->entries, value, CHANGES_MAX);
	tfl_value_destroy(value);
}

static int run_watch(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const char *model = arguments->operands[0];
	struct pollfd poller = {.events = POLLIN};
	struct tfl_call_error error;
	struct watch watch = {0};

	ctl_entries_init(&watch.entries, ctl, true);
	if (tfl_client_subscribe(ctl->client, model, on_change, &watch, &error) < 0 || skip_history(ctl, model, &watch, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	poller.fd = tfl_client_fd(ctl->client);
	if (poller.fd < 0)
		return ctl_fail(ctl, TFL_INTERNAL, "no descriptor is left to wait with");
	while (!ferror(stdout)) {
		if (poll(&poller, 1, -1) < 0 && errno != EINTR)
			return ctl_fail(ctl, TFL_INTERNAL, strerror(errno));
		tfl_client_dispatch(ctl->client);
		if (watch.lost)
			come_back(ctl, model, &watch);
	}
	return CTL_FAILED;
}

static const struct ctl_option options[] = {
	{"since", "TIME", CTL_STRING, offsetof(struct options, since), "not before 2h ago, today, 14:30 or '2026-11-26 14:30'",
	 .hints = "today yesterday 1h 24h"},
	{"lines", "N", CTL_NUMBER, offsetof(struct options, lines), "the last N alone", 1, CHANGES_MAX},
};

const struct ctl_command ctl_cmd_history = {
	.name = "history",
	.operands = "[MODEL[@VERSION]]",
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "what changed, who and why",
	.summary = "Show what changed: when, of which version, by whom, and why.",
	.details = "The newest last, of the last 256 that the daemon remembers, over restarts.\n"
		   "'tflctl logs' has older ones, where there is a journal.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check_history,
	.run = run_history,
};

const struct ctl_command ctl_cmd_watch = {
	.name = "watch",
	.operands = "[MODEL]",
	.operands_max = 1,
	.group = CTL_GROUP_WATCH,
	.brief = "changes as they happen",
	.summary = "Show changes as they happen, until interrupted.",
	.details = "With --json an object a line. Where the daemon goes away, it waits for it, and\n"
		   "shows what happened meanwhile.\n",
	.run = run_watch,
};
