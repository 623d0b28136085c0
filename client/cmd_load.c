/* SPDX-License-Identifier: MIT */
/*
 * tflctl load: opens the file with this user's rights and passes the descriptor; the daemon copies it into its store. Or, without a file,
 * has the daemon load what lies there. Waits until the version serves or was refused.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"
#include "client/slurp.h"

/* Loading runs at idle priority beside what the daemon serves. */
#define TIMEOUT_MS 300000

/* What a load took beside loading: "beside that: copied in 1.2 ms, …". */
static void print_beside(const struct tfl_value *value)
{
	static const struct {
		const char *key, *word;
	} parts[] = {
		{"copy_ns", "copied"},
		{"hash_ns", "hashed"},
		{"proof_ns", "proven"},
		{"sync_ns", "made durable"},
	};
	char duration[CTL_UNIT_MAX], text[256];
	size_t used = 0;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(parts); i++) {
		double nanoseconds = tfl_value_double(tfl_value_get(value, parts[i].key), 0);

		if (nanoseconds > 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s in %s", used ? ", " : "", parts[i].word,
						 ctl_format_duration(duration, nanoseconds));
	}
	if (used > 0)
		ctl_printf_wrapped("", 2, "beside that: %s", text);
}

static void print_text(const struct tfl_value *value, const struct ctl_arguments *arguments)
{
	char size[CTL_UNIT_MAX], load[CTL_UNIT_MAX], run[CTL_UNIT_MAX];

	ctl_printf("%s@%llu  %s  %s, loaded in %s, runs in %s\n", tfl_value_string(tfl_value_get(value, "model"), ""),
		   (unsigned long long)tfl_value_uint(tfl_value_get(value, "version"), 0),
		   tfl_value_string(tfl_value_get(value, "state"), ""),
		   ctl_format_bytes(size, tfl_value_uint(tfl_value_get(value, "file_bytes"), 0)),
		   ctl_format_duration(load, tfl_value_double(tfl_value_get(value, "load_ns"), 0)),
		   ctl_format_duration(run, tfl_value_double(tfl_value_get(value, "run_ns"), 0)));
	print_beside(value);
}

static int call(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		struct tfl_call_error *error)
{
	const char *path = arguments->operands[1];
	_tfl_close_ int fd = -1;
	struct tfl_error reason;
	int r;

	if (!path)
		return ctl_note_timeout(tfl_client_reload(client, arguments->operands[0], ret_value, error), "loading", error);
	if (tfl_open_file(path, &fd, &reason) < 0)
		return ctl_file_error(&reason, error);
	r = tfl_client_load(client, arguments->operands[0], fd, ret_value, error);
	if (r < 0 && (error->status == TFL_INVALID_MODEL || error->status == TFL_UNSUPPORTED_MODEL)) {
		tfl_error_set(&reason, r, "%s: %s", path, error->message);
		snprintf(error->message, sizeof(error->message), "%s", reason.text);
	}
	return ctl_note_timeout(r, "loading", error);
}

static int check(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	if (!arguments->operands[1] && !strchr(arguments->operands[0], '@'))
		return ctl_usage(ctl, "a file is needed, or the number of a version that lies in the store, as in digits@2");
	return CTL_OK;
}

const struct ctl_command ctl_cmd_load = {
	.name = "load",
	.operands = "MODEL[@VERSION] [FILE]",
	.operands_min = 1,
	.operands_max = 2,
	.group = CTL_GROUP_MODELS,
	.brief = "serve a .tflite file",
	.summary = "Give the daemon a .tflite file as a version of a model.",
	.details = "Without @VERSION it becomes the next one. The file is copied: it may be changed or\n"
		   "removed afterwards. Without FILE, a version that lies in the daemon's store is\n"
		   "loaded again. Prints when the version is ready, or why it was refused.\n",
	.check = check,
	.timeout_ms = TIMEOUT_MS,
	.call = call,
	.print = print_text,
};
