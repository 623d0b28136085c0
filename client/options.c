/* SPDX-License-Identifier: MIT */
/*
 * The command line against two tables: the command's options and the global ones, which may stand anywhere. "--name value" and
 * "--name=value" are the same; "--" ends options. Help (help.c) and completion (complete.c) read the same tables, so none can disagree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/util.h"
#include "client/ctl.h"

#define NAME_MAX_LENGTH 32

const struct ctl_option_table ctl_global_options = {
	.options =
		(const struct ctl_option[]){
			{"socket", "PATH", CTL_STRING, offsetof(struct ctl, socket),
			 "the daemon's (default: $TFL_SOCKET, " TFL_DEFAULT_SOCKET ")"},
			{"timeout", "MS", CTL_NUMBER, offsetof(struct ctl, timeout_ms),
			 "longest wait (default: 10000; load: 300000; unload: 60000)", 1, 86400000},
			{"json", NULL, CTL_FLAG, offsetof(struct ctl, json), "print JSON, errors too"},
			{"version", NULL, CTL_FLAG, offsetof(struct ctl, version), "print the version of tflctl"},
			{"help", NULL, CTL_FLAG, offsetof(struct ctl, help), "print this"},
		},
	.count = 5,
};

static bool is_named(const char *text, const char *name, size_t length)
{
	return text && strlen(text) == length && memcmp(text, name, length) == 0;
}

static const struct ctl_option *find_in(const struct ctl_option_table *table, const char *name, size_t length)
{
	for (unsigned i = 0; i < table->count; i++) {
		if (is_named(table->options[i].name, name, length) || is_named(table->options[i].alias, name, length))
			return &table->options[i];
	}
	return NULL;
}

const struct ctl_option *ctl_find_option(const struct ctl_command *command, const char *name, size_t length, bool *ret_global)
{
	const struct ctl_option *option = command ? find_in(&command->table, name, length) : NULL;

	*ret_global = !option;
	return option ? option : find_in(&ctl_global_options, name, length);
}

const struct ctl_option *ctl_find_letter(const struct ctl_command *command, char letter)
{
	for (unsigned i = 0; command && letter && i < command->table.count; i++) {
		if (command->table.options[i].letter == letter)
			return &command->table.options[i];
	}
	return NULL;
}

static int unknown_option(const struct ctl_command *command, const char *name, size_t length, struct tfl_error *error)
{
	const char *names[64], *suggestion;
	char wrong[NAME_MAX_LENGTH + 1];
	unsigned count = 0;

	snprintf(wrong, sizeof(wrong), "%.*s", (int)length, name);
	for (unsigned i = 0; command && i < command->table.count; i++)
		names[count++] = command->table.options[i].name;
	for (unsigned i = 0; i < ctl_global_options.count; i++)
		names[count++] = ctl_global_options.options[i].name;
	suggestion = tfl_suggest(wrong, names, count);
	return tfl_error_set(error, -EINVAL, "unknown option --%s%s%s%s", wrong, suggestion ? "; did you mean --" : "",
			     suggestion ? suggestion : "", suggestion ? "?" : "");
}

static int set_number(const struct ctl_option *option, const char *text, int *ret_value, struct tfl_error *error)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < option->min || value > option->max)
		return tfl_error_set(error, -EINVAL, "--%s takes a whole number from %d to %d, not '%s'", option->name, option->min,
				     option->max, text);
	*ret_value = (int)value;
	return 0;
}

/* Whether @p text is one of the words; they are spelled as "auto, raw, unit or signed" meanwhile. */
static bool is_choice(const char *words, const char *text, char *spelled, size_t size)
{
	size_t used = 0;

	for (const char *word = words; *word && used < size;) {
		size_t length = strcspn(word, " ");

		if (length == strlen(text) && memcmp(word, text, length) == 0)
			return true;
		used += (size_t)snprintf(spelled + used, size - used, "%s%.*s", word == words ? "" : word[length] ? ", " : " or ",
					 (int)length, word);
		word += length + strspn(word + length, " ");
	}
	return false;
}

static int set_string(const struct ctl_option *option, const char *text, const char **ret_text, struct tfl_error *error)
{
	char spelled[128] = "";

	if (option->choices && !is_choice(option->choices, text, spelled, sizeof(spelled)))
		return tfl_error_set(error, -EINVAL, "--%s takes %s, not '%s'", option->name, spelled, text);
	*ret_text = text;
	return 0;
}

static int set_option(const struct ctl_option *option, void *base, const char *text, struct tfl_error *error)
{
	void *member = (char *)base + option->offset;
	struct ctl_list *list = member;

	if ((option->kind == CTL_STRING && *(const char **)member) || (option->kind == CTL_NUMBER && *(int *)member))
		return tfl_error_set(error, -EINVAL, "--%s is given twice, and takes one value", option->name);
	switch (option->kind) {
	case CTL_FLAG:
		*(bool *)member = true;
		return 0;
	case CTL_STRING:
		return set_string(option, text, member, error);
	case CTL_NUMBER:
		return set_number(option, text, member, error);
	default:
		if (list->count == CTL_LIST_MAX)
			return tfl_error_set(error, -EINVAL, "--%s can be given %d times at most", option->name, CTL_LIST_MAX);
		list->items[list->count++] = text;
		return 0;
	}
}

/* The option at argv[*at], and its value, perhaps in the entry behind. */
static int read_option(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv, int *at, void *options,
		       struct tfl_error *error)
{
	const char *name = argv[*at] + 2, *value = strchr(name, '=');
	size_t length = value ? (size_t)(value - name) : strlen(name);
	const struct ctl_option *option;
	bool global;

	option = ctl_find_option(command, name, length, &global);
	if (!option)
		return unknown_option(command, name, length, error);
	value = value ? value + 1 : NULL;
	if (!option->argument && value)
		return tfl_error_set(error, -EINVAL, "--%s takes no value", option->name);
	if (option->argument && !value) {
		if (*at + 1 >= argc)
			return tfl_error_set(error, -EINVAL, "--%s needs a value: --%s %s", option->name, option->name, option->argument);
		value = argv[++*at];
	}
	return set_option(option, global ? ctl : options, value, error);
}

/* "-o value" or "-ovalue": an option with a letter has a value. */
static int read_letter(const struct ctl_command *command, int argc, char **argv, int *at, void *options, struct tfl_error *error)
{
	const struct ctl_option *option = ctl_find_letter(command, argv[*at][1]);
	const char *value = argv[*at] + 2;

	if (!option)
		return tfl_error_set(error, -EINVAL, "unknown option %s; options begin with two dashes", argv[*at]);
	if (!*value && *at + 1 >= argc)
		return tfl_error_set(error, -EINVAL, "-%c needs a value: -%c %s", option->letter, option->letter, option->argument);
	return set_option(option, options, *value ? value : argv[++*at], error);
}

int ctl_options_parse(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv, struct ctl_arguments *ret_arguments,
		      int *ret_used, struct tfl_error *error)
{
	unsigned operands = 0;
	bool ended = false;
	int at, r = 0;

	for (at = 0; at < argc && r == 0; at++) {
		if (!ended && strcmp(argv[at], "--") == 0) {
			ended = true;
		} else if (!ended && strncmp(argv[at], "--", 2) == 0) {
			r = read_option(ctl, command, argc, argv, &at, ret_arguments->options, error);
		} else if (!ended && strcmp(argv[at], "-h") == 0) {
			ctl->help = true;
		} else if (!ended && argv[at][0] == '-' && argv[at][1]) {
			r = read_letter(command, argc, argv, &at, ret_arguments->options, error);
		} else if (!command) {
			break;
		} else if (operands == command->operands_max) {
			r = tfl_error_set(error, -EINVAL, "'%s' is one argument too many", argv[at]);
		} else {
			ret_arguments->operands[operands++] = argv[at];
		}
	}
	*ret_used = at;
	if (r == 0 && command && !ctl->help && !ctl->version && operands < command->operands_min)
		r = tfl_error_set(error, -EINVAL, "%s needs %s", command->name, command->operands);
	return r;
}
