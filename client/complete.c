/* SPDX-License-Identifier: MIT */
/*
 * What a shell offers at the TAB key. The words before the last are walked as the command line would be read, forgivingly: what is wrong
 * in them is not the business of who completes the next one. Then the last is an option, the value of one, a command, or an operand, and
 * what it could be is in the tables: the words in an operand's name ("MODEL[@VERSION]", "FILE") say what it stands for.
 *
 * Somebody waits with a finger on a key: the daemon has a moment to answer, and silence means no models.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/ctl.h"

#define PATIENCE_MS 200

/* What the words before the last one have said. */
struct line {
	const struct ctl_command *command;
	const struct ctl_option *pending; /* the last word is its value */
	const char *socket;
	const char *first; /* operand */
	unsigned operands;
	bool ended; /* by "--" */
	bool help;  /* "help COMMAND" */
};

static void take_option(struct line *line, const char *word)
{
	const char *name = word + 2, *value = strchr(name, '=');
	const struct ctl_option *option;
	bool global;

	option = ctl_find_option(line->command, name, value ? (size_t)(value - name) : strlen(name), &global);
	if (!option || !option->argument)
		return;
	if (!value)
		line->pending = option;
	else if (global && strcmp(option->name, "socket") == 0)
		line->socket = value + 1;
}

static void take_word(struct line *line, const char *word)
{
	if (line->pending) {
		if (strcmp(line->pending->name, "socket") == 0)
			line->socket = word;
		line->pending = NULL;
	} else if (!line->ended && strcmp(word, "--") == 0) {
		line->ended = true;
	} else if (!line->ended && strncmp(word, "--", 2) == 0) {
		take_option(line, word);
	} else if (!line->ended && word[0] == '-' && word[1]) {
		line->pending = word[2] ? NULL : ctl_find_letter(line->command, word[1]);
	} else if (line->command) {
		line->first = line->operands++ ? line->first : word;
	} else {
		line->help |= strcmp(word, "help") == 0;
		line->command = line->help ? NULL : ctl_find_command(word);
	}
}

/* Prints prefix + candidate where @p begun leads to it. */
static void offer(const char *begun, const char *prefix, const char *candidate)
{
	if (strncmp(candidate, begun, strlen(begun)) == 0)
		printf("%s%s\n", prefix, candidate);
}

static void offer_options(const struct ctl_option_table *table, const char *begun)
{
	begun = strlen(begun) > 2 ? begun + 2 : "";
	for (unsigned i = 0; i < table->count; i++)
		offer(begun, "--", table->options[i].name);
}

static void offer_commands(const char *begun, bool help)
{
	const struct ctl_command *const *commands;
	unsigned count;

	commands = ctl_commands(&count);
	for (unsigned i = 0; i < count; i++)
		offer(begun, "", commands[i]->name);
	if (!help)
		offer(begun, "", "help");
}

static void offer_labels(const struct tfl_value *version, const char *prefix, const char *begun)
{
	const struct tfl_value *labels = tfl_value_get(version, "version_labels");

	for (size_t i = 0; i < tfl_value_size(labels); i++)
		offer(begun, prefix, tfl_value_string(tfl_value_at(labels, i), ""));
}

/* "digits@2", "digits@canary" */
static void offer_versions(const struct tfl_value *model, const char *prefix, const char *begun)
{
	const char *name = tfl_value_string(tfl_value_get(model, "model"), "");
	const struct tfl_value *versions = tfl_value_get(model, "versions");
	char text[TFL_MODEL_NAME_MAX + TFL_LABEL_MAX + 2];

	for (size_t i = 0; i < tfl_value_size(versions); i++) {
		const struct tfl_value *version = tfl_value_at(versions, i), *labels = tfl_value_get(version, "version_labels");

		snprintf(text, sizeof(text), "%.*s@%llu", TFL_MODEL_NAME_MAX, name,
			 (unsigned long long)tfl_value_uint(tfl_value_get(version, "version"), 0));
		offer(begun, prefix, text);
		for (size_t k = 0; k < tfl_value_size(labels); k++) {
			snprintf(text, sizeof(text), "%.*s@%.*s", TFL_MODEL_NAME_MAX, name, TFL_LABEL_MAX,
				 tfl_value_string(tfl_value_at(labels, k), ""));
			offer(begun, prefix, text);
		}
	}
}

/* What the daemon lists, to be destroyed; NULL when it does not answer. */
static struct tfl_value *list_models(const char *socket)
{
	struct tfl_client_options options = {.size = sizeof(options), .timeout_ms = PATIENCE_MS, .reconnect_ms = -1};
	struct tfl_value *value = NULL;
	struct tfl_client *client = NULL;

	if (tfl_client_connect(socket, &options, &client, NULL) == 0)
		tfl_client_list(client, &value, NULL);
	tfl_client_destroy(client);
	return value;
}

/* Models that the daemon has, and their versions where @p versions, behind @p prefix. */
static void offer_models(const char *socket, bool versions, const char *prefix, const char *begun)
{
	struct tfl_value *value = list_models(socket);
	const struct tfl_value *models = tfl_value_get(value, "models");

	for (size_t i = 0; i < tfl_value_size(models); i++) {
		const struct tfl_value *model = tfl_value_at(models, i);

		offer(begun, prefix, tfl_value_string(tfl_value_get(model, "model"), ""));
		if (versions)
			offer_versions(model, prefix, begun);
	}
	tfl_value_destroy(value);
}

static void offer_number(const struct tfl_value *version, const char *prefix, const char *begun)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)tfl_value_uint(tfl_value_get(version, "version"), 0));
	offer(begun, prefix, number);
}

/* What @p offer_one makes of the versions of the model that the first operand names, behind @p prefix. */
static void offer_of_model(const struct line *line, const char *prefix, const char *begun,
			   void (*offer_one)(const struct tfl_value *version, const char *prefix, const char *begun))
{
	size_t length = line->first ? strcspn(line->first, "@") : 0;
	struct tfl_value *value = list_models(line->socket);
	const struct tfl_value *models = tfl_value_get(value, "models");

	for (size_t i = 0; i < tfl_value_size(models) && length > 0; i++) {
		const struct tfl_value *model = tfl_value_at(models, i), *versions = tfl_value_get(model, "versions");
		const char *name = tfl_value_string(tfl_value_get(model, "model"), "");

		if (strlen(name) != length || memcmp(name, line->first, length) != 0)
			continue;
		for (size_t k = 0; k < tfl_value_size(versions); k++)
			offer_one(tfl_value_at(versions, k), prefix, begun);
	}
	tfl_value_destroy(value);
}

/* A file's author chose it: what a shell would take for more than a word is not offered. */
static bool is_plain(const char *name)
{
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:")] == '\0';
}

/* The signatures of the model that the first operand names, as that version describes them. */
static void offer_signatures(const struct line *line, const char *prefix, const char *begun)
{
	struct tfl_client_options options = {.size = sizeof(options), .timeout_ms = PATIENCE_MS, .reconnect_ms = -1};
	struct tfl_value *value = NULL;
	struct tfl_client *client = NULL;
	const struct tfl_value *signatures;

	if (line->first && tfl_client_connect(line->socket, &options, &client, NULL) == 0)
		tfl_client_describe(client, line->first, &value, NULL);
	signatures = tfl_value_get(value, "signatures");
	for (size_t i = 0; i < tfl_value_size(signatures); i++) {
		const struct tfl_value *signature = tfl_value_at(signatures, i);
		const char *name = tfl_value_string(tfl_value_get(signature, "signature"), "");

		if (!tfl_value_get(signature, "reason") && is_plain(name))
			offer(begun, prefix, name);
	}
	tfl_value_destroy(value);
	tfl_client_destroy(client);
}

/* The name that a command gives its operand number @p index, as in "MODEL[@VERSION] FILE"; "" past the last. */
static const char *operand_name(const struct ctl_command *command, unsigned index, size_t *ret_length)
{
	const char *name = command->operands;

	/* The last one stands for any number. */
	if (command->operands_max == UINT_MAX)
		index = 0;
	for (; index > 0 && *name; index--) {
		name += strcspn(name, " ");
		name += strspn(name, " ");
	}
	*ret_length = strcspn(name, " ");
	return name;
}

static bool names_file(const char *name, size_t length)
{
	return memmem(name, length, "FILE", 4) || memmem(name, length, "PATH", 4);
}

static void offer_operand(const struct line *line, const char *begun)
{
	size_t length;
	const char *name = operand_name(line->command, line->operands, &length);

	if (names_file(name, length))
		puts(":files");
	else if (memmem(name, length, "MODEL", 5))
		offer_models(line->socket, memmem(name, length, "@VERSION", 8) != NULL, "", begun);
	else if (memmem(name, length, "LABEL", 5))
		offer_of_model(line, "", begun, offer_labels);
	else if (memmem(name, length, "VERSION", 7))
		offer_of_model(line, "", begun, offer_number);
}

/* @p prefix: "--norm=" where option and value are one word. */
static void offer_value(const struct line *line, const struct ctl_option *option, const char *prefix, const char *begun)
{
	const char *word = option->choices ? option->choices : option->hints ? option->hints : "";
	char choice[64];

	if (names_file(option->argument, strlen(option->argument)))
		puts(":files");
	if (strstr(option->argument, "MODEL"))
		offer_models(line->socket, true, prefix, begun);
	else if (strcmp(option->argument, "VERSION") == 0)
		offer_of_model(line, prefix, begun, offer_number);
	else if (strcmp(option->name, "signature") == 0)
		offer_signatures(line, prefix, begun);
	while (*word) {
		size_t length = strcspn(word, " ");

		snprintf(choice, sizeof(choice), "%.*s", (int)length, word);
		offer(begun, prefix, choice);
		word += length + strspn(word + length, " ");
	}
}

static void offer_option_or_value(const struct line *line, const char *begun)
{
	const char *value = strchr(begun, '=');
	const struct ctl_option *option;
	char prefix[64];
	bool global;

	if (!value) {
		if (line->command)
			offer_options(&line->command->table, begun);
		offer_options(&ctl_global_options, begun);
		return;
	}
	option = strlen(begun) > 2 ? ctl_find_option(line->command, begun + 2, (size_t)(value - begun - 2), &global) : NULL;
	if (!option || !option->argument)
		return;
	snprintf(prefix, sizeof(prefix), "--%s=", option->name);
	offer_value(line, option, prefix, value + 1);
}

int ctl_complete(char *const *words, unsigned count)
{
	struct line line = {0};
	const char *last = count > 0 ? words[count - 1] : "";

	for (unsigned i = 0; i + 1 < count; i++)
		take_word(&line, words[i]);
	if (line.pending)
		offer_value(&line, line.pending, "", last);
	else if (!line.ended && last[0] == '-')
		offer_option_or_value(&line, last);
	else if (!line.command)
		offer_commands(last, line.help);
	else
		offer_operand(&line, last);
	return CTL_OK;
}
