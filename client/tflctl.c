/* SPDX-License-Identifier: MIT */
/*
 * tflctl, the operator's command: one table of commands, each in a file of its own. main() reads the command line against the command's
 * table and hands over to ctl_run(), which connects and gives the exit status: 0, 1 the request failed, 2 the command line was wrong.
 * Output that could not be written is a failure too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/util.h"
#include "client/ctl.h"

static const struct ctl_command *const commands[] = {
	&ctl_cmd_load,
	&ctl_cmd_ls,
	&ctl_cmd_describe,
	&ctl_cmd_swap,
	&ctl_cmd_trial,
	&ctl_cmd_rollback,
	&ctl_cmd_label,
	&ctl_cmd_route,
	&ctl_cmd_unload,
	&ctl_cmd_history,
	&ctl_cmd_watch,
	&ctl_cmd_record,
	&ctl_cmd_inspect,
	&ctl_cmd_validate,
	&ctl_cmd_infer,
	&ctl_cmd_bench,
	&ctl_cmd_top,
	&ctl_cmd_stats,
	&ctl_cmd_hist,
	&ctl_cmd_drift,
	&ctl_cmd_baseline,
	&ctl_cmd_compare,
	&ctl_cmd_report,
	&ctl_cmd_metrics,
	&ctl_cmd_logs,
	&ctl_cmd_merge,
	&ctl_cmd_health,
	&ctl_cmd_version,
};

const struct ctl_command *const *ctl_commands(unsigned *ret_count)
{
	*ret_count = TFL_ARRAY_SIZE(commands);
	return commands;
}

const struct ctl_command *ctl_find_command(const char *name)
{
	if (strcmp(name, "info") == 0)
		name = "version";
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int unknown_command(const struct ctl *ctl, const char *name)
{
	const char *names[TFL_ARRAY_SIZE(commands)], *suggestion;
	char message[256];

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	suggestion = tfl_suggest(name, names, TFL_ARRAY_SIZE(commands));
	snprintf(message, sizeof(message), "there is no command '%.100s'%s%s%s", name, suggestion ? "; did you mean '" : "",
		 suggestion ? suggestion : "", suggestion ? "'?" : "");
	return ctl_usage(ctl, message);
}

static int print_version(const struct ctl *ctl)
{
	if (ctl->json)
		return ctl_print_json(ctl, json_pack("{s:s, s:s}", "name", "tflctl", "version", TFL_PROJECT_VERSION));
	printf("tflctl %s\n", TFL_PROJECT_VERSION);
	return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	_tfl_free_ void *options = calloc(1, ctl->command->options_size + 1);
	_tfl_free_ const char **operands = calloc((size_t)argc + 2, sizeof(*operands));
	struct ctl_arguments arguments = {.operands = operands, .options = options};
	struct tfl_error error;
	int used;

	if (!options || !operands)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory");
	if (ctl_options_parse(ctl, ctl->command, argc, argv, &arguments, &used, &error) < 0)
		return ctl_usage(ctl, error.text);
	if (ctl->version)
		return print_version(ctl);
	if (ctl->help) {
		ctl_help_command(ctl->command);
		return CTL_OK;
	}
	return ctl_run(ctl, &arguments);
}

static int dispatch(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_arguments none = {0};
	struct tfl_error error;
	int used;

	if (ctl_options_parse(ctl, NULL, argc, argv, &none, &used, &error) < 0)
		return ctl_usage(ctl, error.text);
	if (ctl->version)
		return print_version(ctl);
	if (used < argc && strcmp(argv[used], "help") == 0) {
		ctl->help = true;
		used++;
	}
	if (used == argc || ctl->help) {
		if (used < argc)
			ctl->command = ctl_find_command(argv[used]);
		if (!ctl->help)
			return ctl_usage(ctl, "a command is needed, such as 'ls' or 'infer'");
		if (ctl->command)
			ctl_help_command(ctl->command);
		else
			ctl_help();
		return CTL_OK;
	}
	ctl->command = ctl_find_command(argv[used]);
	if (!ctl->command)
		return unknown_command(ctl, argv[used]);
	return run(ctl, argc - used - 1, argv + used + 1);
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	int status;

	/* Not in the help: for the completion of a shell, which walks the same tables. */
	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return ctl_complete(argv + 2, (unsigned)argc - 2);
	for (int i = 1; i < argc; i++) /* errors on the way to the option are JSON too */
		ctl.json |= strcmp(argv[i], "--json") == 0;
	status = dispatch(&ctl, argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("tflctl: standard output");
		status = CTL_FAILED;
	}
	return status;
}
