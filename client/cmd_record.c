/* SPDX-License-Identifier: MIT */
/*
 * tflctl record: real requests kept as samples, on the device, for the proof and the validation of later versions. Says what it keeps,
 * waits until there is enough of it, and takes it back: --stop, --erase. An interrupt stops the recording, and what was kept stays.
 */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/bench.h"
#include "client/ctl.h"
#include "client/print.h"

#define COUNT 100    /* samples, unless the command line says otherwise */
#define LOOK_MS 500  /* between two looks at how it is going on */
#define ALIKE_S 10   /* samples that all came within this time are perhaps one scene */
#define LABEL 12     /* columns */

struct options {
	int count;
	const char *every;
	bool outputs, detach;
	bool status, stop, erase;
};

static uint64_t number(const struct tfl_value *value, const char *key)
{
	return tfl_value_uint(tfl_value_get(value, key), 0);
}

static const char *text(const struct tfl_value *value, const char *key)
{
	return tfl_value_string(tfl_value_get(value, key), "");
}

/* "25": of each 25th request; "30s": one in 30 seconds. */
static int read_every(const char *every, struct tfl_record_options *record, struct tfl_error *error)
{
	char *end;
	long count;
	int64_t ns = 0;
	int r;

	if (!every)
		return 0;
	count = strtol(every, &end, 10);
	if (end != every && !*end) {
		if (count < 1 || count > TFL_RECORD_EVERY_MAX)
			return tfl_error_set(error, -EINVAL, "--every takes a number from 1 to %d, or a time as in 30s",
					     TFL_RECORD_EVERY_MAX);
		record->every = (unsigned)count;
		return 0;
	}
	r = bench_duration_parse(every, "--every", 1000000, TFL_RECORD_INTERVAL_MS_MAX * INT64_C(1000000), &ns, error);
	record->interval_ms = (unsigned)(ns / 1000000);
	return r;
}

/* ---- What is said ---- */

static void print_inputs(const struct tfl_value *value)
{
	const struct tfl_value *inputs = tfl_value_get(value, "inputs");

	for (size_t i = 0; i < tfl_value_size(inputs); i++) {
		const struct tfl_value *input = tfl_value_at(inputs, i), *shape = tfl_value_get(input, "shape");
		char dims[160] = "";
		size_t used = 0;

		for (size_t k = 0; k < tfl_value_size(shape) && used < sizeof(dims); k++)
			used += (size_t)snprintf(dims + used, sizeof(dims) - used, "%s%lld", k ? ", " : "",
						 (long long)tfl_value_int(tfl_value_at(shape, k), 0));
		ctl_printf_wrapped(i ? "" : "  inputs", LABEL, "%s  %s  [%s]", text(input, "name"), text(input, "dtype"), dims);
	}
}

/* "; left out: 3 for which the disk was too slow, 2 with NaN in the request or its answer" */
static const char *describe_left_out(const struct tfl_value *value, char *buffer, size_t size)
{
	static const struct {
		const char *key, *words;
	} reasons[] = {
		{"dropped", "for which the disk was too slow"},
		{"large", "that no sample can hold"},
		{"nan", "with NaN in the request or its answer"},
	};
	size_t used = 0;

	buffer[0] = '\0';
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(reasons) && used < size; i++)
		if (number(value, reasons[i].key))
			used += (size_t)snprintf(buffer + used, size - used, "%s%llu %s", used ? ", " : "; left out: ",
						 (unsigned long long)number(value, reasons[i].key), reasons[i].words);
	return buffer;
}

/* How the latest one is going on, or ended; nothing where there was none since the daemon started. */
static void print_recording(const struct tfl_value *value)
{
	char since[CTL_UNIT_MAX], every[64] = "", left_out[192];

	if (number(value, "count") == 0)
		return;
	if (number(value, "every") > 1)
		snprintf(every, sizeof(every), ", one of %llu", (unsigned long long)number(value, "every"));
	if (number(value, "interval_ms"))
		snprintf(every, sizeof(every), ", one in %.6g s at most", (double)number(value, "interval_ms") / 1e3);
	ctl_printf_wrapped(tfl_value_bool(tfl_value_get(value, "recording"), false) ? "  recording" : "  recorded", LABEL,
			   "%llu of %llu kept since %s by uid %llu%s%s%s", (unsigned long long)number(value, "kept"),
			   (unsigned long long)number(value, "count"), ctl_format_time(since, number(value, "since")),
			   (unsigned long long)number(value, "uid"), every,
			   tfl_value_bool(tfl_value_get(value, "outputs"), false) ? ", with the answers" : "",
			   describe_left_out(value, left_out, sizeof(left_out)));
	ctl_print_wrapped("", LABEL, text(value, "reason"));
}

static uint64_t oldest(const struct tfl_value *value)
{
	const struct tfl_value *list = tfl_value_get(value, "list");
	uint64_t since = 0;

	for (size_t i = 0; i < tfl_value_size(list); i++) {
		const struct tfl_value *sample = tfl_value_at(list, i);
		uint64_t time = number(sample, "time");

		if (tfl_value_bool(tfl_value_get(sample, "recorded"), false) && (!since || time < since))
			since = time;
	}
	return since;
}

static void print_folder(const struct tfl_value *value)
{
	const struct tfl_value *folder = tfl_value_get(value, "folder");
	uint64_t recorded = number(folder, "recorded"), others = number(folder, "samples") - recorded;
	const struct passwd *owner = getpwuid((uid_t)number(folder, "uid"));
	char bytes[CTL_UNIT_MAX], since[CTL_UNIT_MAX], most[CTL_UNIT_MAX];

	if (recorded == 0)
		ctl_print_wrapped("  kept", LABEL, "nothing is recorded");
	else
		ctl_printf_wrapped("  kept", LABEL, "%llu request%s, %s, the first of %s", (unsigned long long)recorded,
				   ctl_plural(recorded),
				   ctl_format_bytes(bytes, number(folder, "recorded_bytes")), ctl_format_time(since, oldest(value)));
	if (others)
		ctl_printf_wrapped("", LABEL, "and %llu sample%s that somebody put there", (unsigned long long)others, ctl_plural(others));
	ctl_printf_wrapped("  room", LABEL, "%llu samples and %s, all together", (unsigned long long)number(folder, "samples_max"),
			   ctl_format_bytes(most, number(folder, "bytes_max")));
	if (!number(folder, "mode"))
		return;
	ctl_print_wrapped("  where", LABEL, text(folder, "path"));
	if (owner && owner->pw_uid == 0)
		ctl_print_wrapped("  readers", LABEL, "root alone");
	else
		ctl_printf_wrapped("  readers", LABEL, "root and %s", owner ? owner->pw_name : "the user of tfld");
}

static void print_status(const struct tfl_value *value)
{
	ctl_printf("%s  %s\n", text(value, "model"), tfl_value_bool(tfl_value_get(value, "recording"), false) ?
		   "is being recorded" : "is not being recorded");
	print_recording(value);
	print_inputs(value);
	print_folder(value);
}

static int show(struct ctl *ctl, int r, struct tfl_value *value, const struct tfl_call_error *error)
{
	int status = CTL_OK;

	if (r < 0)
		return ctl_fail(ctl, error->status, error->message);
	if (ctl->json)
		status = ctl_print_json(ctl, ctl_json_of(value));
	else
		print_status(value);
	tfl_value_destroy(value);
	return status;
}

/* ---- Waiting ---- */

/* A word about how far it is, for somebody who watches. */
static void show_progress(const struct ctl *ctl, const struct tfl_value *value)
{
	if (!ctl->json && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%llu of %llu kept … Ctrl-C stops\033[K", (unsigned long long)number(value, "kept"),
			(unsigned long long)number(value, "count"));
}

static void end_progress(const struct ctl *ctl)
{
	if (!ctl->json && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* What is kept, once it is enough; or when a signal has come, and the recording was stopped. Takes over @p value. */
static int wait_for_end(struct ctl *ctl, const char *model, int signals, struct tfl_value *value, struct tfl_value **ret_value,
			struct tfl_call_error *error)
{
	struct pollfd poller = {.fd = signals, .events = POLLIN};
	int r = 0;

	while (r == 0 && tfl_value_bool(tfl_value_get(value, "recording"), false)) {
		show_progress(ctl, value);
		tfl_value_destroy(TFL_STEAL(value));
		if (poll(&poller, 1, LOOK_MS) > 0)
			r = tfl_client_stop_recording(ctl->client, model, &value, error);
		else
			r = tfl_client_recorded(ctl->client, model, &value, error);
	}
	end_progress(ctl);
	*ret_value = value;
	return r;
}

static void advise(const struct ctl *ctl, const struct tfl_value *value, uint64_t begun)
{
	bool all = number(value, "kept") > 1 && number(value, "kept") == number(value, "count");

	if (ctl->json || !all || number(value, "every") > 1 || number(value, "interval_ms") || (uint64_t)time(NULL) - begun >= ALIKE_S)
		return;
	ctl_print_wrapped("", 0, "They all came within seconds and may be much alike: '--every 30s' or '--every 100' spreads them.");
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int record(struct ctl *ctl, const char *model, const struct options *options)
{
	struct tfl_record_options record = {
		.size = sizeof(record),
		.count = options->count ? (unsigned)options->count : COUNT,
		.outputs = options->outputs,
	};
	uint64_t begun = (uint64_t)time(NULL), told;
	_tfl_close_ int signals = -1;
	struct tfl_value *value = NULL;
	struct tfl_call_error error;
	char name[TFL_MODEL_NAME_MAX + 1];
	int r;

	(void)read_every(options->every, &record, NULL);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(model, "@"), model);
	if (!options->detach)
		signals = open_signals();
	r = tfl_client_record(ctl->client, model, &record, &value, &error);
	if (r < 0)
		return ctl_fail(ctl, error.status, error.message);
	told = number(value, "count");
	if (told < record.count && !ctl->json)
		fprintf(stderr, "tflctl: there is room for %llu more, not %u\n", (unsigned long long)told, record.count);
	if (!options->detach)
		r = wait_for_end(ctl, name, signals, value, &value, &error);
	if (r == 0 && !options->detach)
		advise(ctl, value, begun);
	return show(ctl, r, value, &error);
}

static int run(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	const char *model = arguments->operands[0];
	struct tfl_value *value = NULL;
	struct tfl_call_error error;
	int r;

	if (options->status || options->stop) {
		r = (options->stop ? tfl_client_stop_recording : tfl_client_recorded)(ctl->client, model, &value, &error);
		return show(ctl, r, value, &error);
	}
	if (!options->erase)
		return record(ctl, model, options);
	r = tfl_client_erase_recorded(ctl->client, model, &value, &error);
	if (r < 0)
		return ctl_fail(ctl, error.status, error.message);
	if (ctl->json)
		r = ctl_print_json(ctl, ctl_json_of(value));
	else
		ctl_printf("%s  %llu recorded sample%s erased\n", text(value, "model"), (unsigned long long)number(value, "erased"),
			   ctl_plural(number(value, "erased")));
	tfl_value_destroy(value);
	return r;
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct options *options = arguments->options;
	bool begins = options->count || options->every || options->outputs || options->detach;
	struct tfl_record_options record = {0};
	struct tfl_error error;

	if (options->status + options->stop + options->erase > 1 || (begins && (options->status || options->stop || options->erase)))
		return ctl_usage(ctl, "--status, --stop and --erase stand alone: one of them is right, or those of a new recording");
	if (read_every(options->every, &record, &error) < 0)
		return ctl_usage(ctl, error.text);
	return CTL_OK;
}

static const struct ctl_option options[] = {
	{"count", "N", CTL_NUMBER, offsetof(struct options, count), "so many requests (default: 100; with what is there at most 256)", 1,
	 TFL_SAMPLES_MAX},
	{"every", "N|TIME", CTL_STRING, offsetof(struct options, every), "each N-th request, or one in a time such as 30s (default: each)",
	 .hints = "10 100 1s 30s 5m"},
	{"outputs", NULL, CTL_FLAG, offsetof(struct options, outputs), "expect the same answers of any later version"},
	{"detach", NULL, CTL_FLAG, offsetof(struct options, detach), "do not wait until they are there"},
	{"status", NULL, CTL_FLAG, offsetof(struct options, status), "what is kept, where, and since when"},
	{"stop", NULL, CTL_FLAG, offsetof(struct options, stop), "end it; what is kept stays"},
	{"erase", NULL, CTL_FLAG, offsetof(struct options, erase), "end it, and delete what was recorded"},
};

const struct ctl_command ctl_cmd_record = {
	.name = "record",
	.operands = "MODEL[@VERSION]",
	.operands_min = 1,
	.operands_max = 1,
	.group = CTL_GROUP_MODELS,
	.brief = "keep requests as samples",
	.summary = "Keep real requests to a model on this device, as samples for later versions.",
	.details = "A new version has to answer them without NaN before it serves, and 'tflctl\n"
		   "validate' compares on them. Without --outputs no answer is expected: a better\n"
		   "model answers differently.\n",
	.table = {options, TFL_ARRAY_SIZE(options)},
	.options_size = sizeof(struct options),
	.check = check,
	.run = run,
};
