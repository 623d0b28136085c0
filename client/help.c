/* SPDX-License-Identifier: MIT */
/*
 * Help out of the tables that the command line is read with. Texts in the tables are cut into lines here, so that nobody counts columns;
 * lines of a command's details that begin with a blank stay as they are.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/ctl.h"

#define SCREEN_WIDTH 80
#define COLUMN_MAX 24 /* of the texts behind options */

/* Columns of the first @p bytes of a text. */
static unsigned columns(const char *text, size_t bytes)
{
	unsigned count = 0;

	for (size_t i = 0; i < bytes; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

/* One paragraph from column @p indent on, where the cursor stands, up to a blank line or a line that begins with a blank. */
static const char *print_paragraph(const char *text, unsigned indent)
{
	unsigned at = indent;

	while (*text) {
		size_t length = strcspn(text, " \n");
		unsigned width = columns(text, length);

		if (at > indent && at + 1 + width > SCREEN_WIDTH) {
			printf("\n%*s", (int)indent, "");
			at = indent;
		}
		at += (unsigned)printf(at > indent ? " " : "") + width;
		printf("%.*s", (int)length, text);
		text += length;
		if (text[0] == '\n' && (text[1] == '\n' || text[1] == ' '))
			break;
		text += strspn(text, " \n");
	}
	printf("\n");
	return *text ? text + 1 : text;
}

static void print_details(const char *text)
{
	while (*text) {
		size_t line = strcspn(text, "\n");

		if (line == 0 || *text == ' ') {
			printf("%.*s\n", (int)line, text);
			text += line + (text[line] == '\n');
		} else {
			text = print_paragraph(text, 0);
		}
	}
}

static void spell_option(const struct ctl_option *option, char *text, size_t size)
{
	snprintf(text, size, "--%s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
}

static void print_options(const struct ctl_option_table *table)
{
	unsigned indent = 0;
	char left[64];

	for (unsigned i = 0; i < table->count; i++) {
		spell_option(&table->options[i], left, sizeof(left));
		if (strlen(left) + 4 > indent && strlen(left) + 4 <= COLUMN_MAX)
			indent = (unsigned)strlen(left) + 4;
	}
	for (unsigned i = 0; i < table->count; i++) {
		spell_option(&table->options[i], left, sizeof(left));
		printf("  %-*s", (int)indent - 2, left);
		if (strlen(left) + 4 > indent)
			printf("\n%*s", (int)indent, "");
		print_paragraph(table->options[i].help, indent);
	}
}

void ctl_help_command(const struct ctl_command *command)
{
	printf("usage: tflctl %s%s%s%s\n", command->name, *command->operands ? " " : "", command->operands,
	       command->table.count ? " [options]" : "");
	print_paragraph(command->summary, 0);
	if (command->details) {
		printf("\n");
		print_details(command->details);
	}
	printf("\n");
	print_options(&command->table);
	printf("Options of every command:");
	for (unsigned i = 0; i < ctl_global_options.count; i++)
		printf(" --%s", ctl_global_options.options[i].name);
	printf("\n");
}

/* The commands of a group, two a line: the second half stands beside the first. */
static void print_group(enum ctl_command_group group)
{
	const struct ctl_command *const *commands, *members[64];
	unsigned count, found = 0;

	commands = ctl_commands(&count);
	for (unsigned i = 0; i < count && found < TFL_ARRAY_SIZE(members); i++) {
		if (commands[i]->group == group)
			members[found++] = commands[i];
	}
	for (unsigned i = 0; i < (found + 1) / 2; i++) {
		const struct ctl_command *left = members[i], *right = i + (found + 1) / 2 < found ? members[i + (found + 1) / 2] : NULL;

		if (right)
			printf("  %-9s %-*s  %-9s %s\n", left->name, CTL_BRIEF_MAX, left->brief, right->name, right->brief);
		else
			printf("  %-9s %s\n", left->name, left->brief);
	}
}

void ctl_help(void)
{
	static const char *const titles[CTL_GROUP_COUNT] = {
		[CTL_GROUP_MODELS] = "Models, and requests to them",
		[CTL_GROUP_WATCH] = "What an operator looks at",
	};

	/* The last two, --version and --help, are named below. */
	const struct ctl_option_table described = {ctl_global_options.options, ctl_global_options.count - 2};

	printf("usage: tflctl [options] COMMAND [arguments]\n\n");
	for (unsigned i = 0; i < CTL_GROUP_COUNT; i++) {
		printf("%s\n", titles[i]);
		print_group(i);
	}
	printf("\n");
	print_options(&described);
	printf("MODEL is a name as 'tflctl ls' shows it, MODEL@VERSION one version of it.\n"
	       "See also tflctl --version, tflctl COMMAND --help, and tflctl(1).\n");
}
