/* SPDX-License-Identifier: MIT */
/*
 * tflctl top: every version as it does right now, again and again: on the whole screen, or for a pipe as lines or JSON. Whatever happens
 * to the daemon meanwhile, top waits for it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "client/bench.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/top.h"

#define INTERVAL_MIN_NS INT64_C(100000000)
#define INTERVAL_MAX_NS INT64_C(3600000000000)
#define INTERVAL_MS 1000
#define CALL_TIMEOUT_MS 2000

struct options {
	const char *interval;
	int count;
	bool plain;
};

static int parse_interval(const char *text, int *ret_ms, struct tfl_error *error)
{
	int64_t ns;
	int r;

	*ret_ms = INTERVAL_MS;
	if (!text)
		return 0;
	r = bench_duration_parse(text, "--interval", INTERVAL_MIN_NS, INTERVAL_MAX_NS, &ns, error);
	if (r == 0)
		*ret_ms = (int)(ns / 1000000);
	return r;
}

static void print_table(const struct top_table *table, bool head, struct top_lines *lines)
{
	time_t at = (time_t)table->time;
	char clock[CTL_UNIT_MAX];
	struct tm parts;

	localtime_r(&at, &parts);
	strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
	top_plain_draw(table, head, lines);
	for (unsigned i = 0; i < lines->count; i++) {
		size_t length = lines->lines[i].length;

		while (length > 0 && lines->lines[i].text[length - 1] == ' ')
			length--;
		printf("%-8s  %.*s\n", head && i == 0 ? "TIME" : clock, (int)length, lines->lines[i].text);
	}
	if (table->conditions[0])
		ctl_printf("%s  degraded: %s\n", clock, table->conditions);
	for (unsigned i = table->news.fresh; i-- > 0;)
		ctl_printf("%s  changed: %s\n", clock, table->news.changes[i].text);
}

static void print_json_line(json_t *json)
{
	json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(json);
	putchar('\n');
}

static void print_trouble(const struct ctl *ctl, const struct tfl_call_error *error)
{
	if (!ctl->json) {
		fputs("tflctl: ", stderr);
		ctl_print_text(stderr, error->message);
		fputc('\n', stderr);
		return;
	}
	print_json_line(json_pack("{s:I, s:{s:i, s:s, s:s}}", "time", (json_int_t)time(NULL), "error", "code", (int)error->status, "name",
				  tfl_status_name(error->status), "message", error->message));
}

/* Refresh number @p number, printed; the first one has nothing to be compared with and is not. */
static int print_refresh(const struct ctl *ctl, struct top_source *source, int number, struct top_lines *lines)
{
	struct tfl_call_error error = {0};
	struct top_table *table;
	int r = top_source_refresh(source, &table, &error);

	if (r < 0) {
		print_trouble(ctl, &error);
		return r;
	}
	if (number > 0 && ctl->json)
		print_json_line(top_json(table));
	else if (number > 0)
		print_table(table, lines->count == 0, lines);
	top_table_destroy(table);
	return 0;
}

static int print_on(struct ctl *ctl, int interval_ms, int count)
{
	const struct timespec interval = {interval_ms / 1000, interval_ms % 1000 * 1000000L};
	struct top_lines lines = {0};
	struct top_source *source;
	struct timespec at;
	int r = top_source_create(ctl->client, &source);

	if (r < 0)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory");
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (int i = 0; (count == 0 || i <= count) && !ferror(stdout); i++) {
		r = print_refresh(ctl, source, i, &lines);
		fflush(stdout);
		at.tv_sec += interval.tv_sec + (at.tv_nsec + interval.tv_nsec) / 1000000000;
		at.tv_nsec = (at.tv_nsec + interval.tv_nsec) % 1000000000;
		if (count == 0 || i < count)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	top_source_destroy(source);
	top_lines_finish(&lines);
	return r < 0 ? CTL_FAILED : CTL_OK;
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	int interval_ms, r;

	parse_interval(options->interval, &interval_ms, NULL);
	if (ctl->json || options->plain || options->count || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return print_on(ctl, interval_ms, options->count);
	r = top_screen_run(ctl->client, interval_ms);
	if (r == -ENOTTY)
		return print_on(ctl, interval_ms, 0);
	return r < 0 ? ctl_fail(ctl, TFL_INTERNAL, strerror(-r)) : CTL_OK;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	struct tfl_error error;
	int interval_ms;

	return parse_interval(options->interval, &interval_ms, &error) < 0 ? ctl_usage(ctl, error.text) : CTL_OK;
}

static const struct ctl_option options[] = {
	{"interval", "TIME", CTL_STRING, offsetof(struct options, interval), "between refreshes: 500ms, 2s (default: 1s)"},
	{"count", "N", CTL_NUMBER, offsetof(struct options, count), "end after N refreshes; goes with --plain", 1, 1000000000},
	{"plain", NULL, CTL_FLAG, offsetof(struct options, plain), "print lines, also to a terminal"},
};

const struct ctl_command ctl_cmd_top = {
	.name = "top",
	.operands = "",
	.group = CTL_GROUP_WATCH,
	.brief = "watch all versions live",
	.summary = "Watch how every version does: requests, errors, latency, confidence, drift.",
	.details = "On a terminal it fills the screen: arrows choose and sort, enter opens a version, h\n"
		   "helps, q ends. Else it prints a line for each version, with --json an object for each\n"
		   "refresh. Latency and errors are of the last minute, confidence and drift of the last\n"
		   "hour.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.timeout_ms = CALL_TIMEOUT_MS,
	.reconnect_ms = 1,
	.check = check,
	.run = run,
};
