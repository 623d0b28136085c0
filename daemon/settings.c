/* SPDX-License-Identifier: MIT */
/*
 * A mistake does not end the reading: whoever edits a file wants to hear all that is wrong with it at once. Only what makes the rest
 * unreadable (a NUL byte, a line without end) does.
 */
#include "daemon/settings.h"

#include <ctype.h>
#include <string.h>
#include <syslog.h>

#include "base/error.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "base/util.h"
#include "daemon/groups.h"
#include "daemon/keyfile.h"
#include "daemon/mistakes.h"
#include "daemon/policy.h"
#include "daemon/route.h"
#include "proto/name.h"
#include "runtime/confidence.h"

/* A unit behind a number, or a word that stands for one. */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit sizes[] = { { "G", 1u << 30 }, { "M", 1u << 20 }, { "K", 1u << 10 }, { "", 1 }, { NULL, 0 } };
static const struct unit durations[] = { { "min", 60000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 } };
static const struct unit percents[] = { { "%", 1 }, { NULL, 0 } };
static const struct unit levels[] = {
	{ "error", LOG_ERR }, { "warning", LOG_WARNING }, { "info", LOG_INFO }, { "debug", LOG_DEBUG }, { NULL, 0 }
};

static const struct unit switches[] = { { "no", 0 }, { "yes", 1 }, { NULL, 0 } };
static const struct unit transitions[] = {
	{ "availability", TFL_TRANSITION_AVAILABILITY }, { "resource", TFL_TRANSITION_RESOURCE }, { NULL, 0 }
};

static const struct unit route_keys[] = {{"request", TFL_ROUTE_BY_REQUEST}, {"machine-id", TFL_ROUTE_BY_MACHINE}, {NULL, 0}};

/* How the values of a kind are read and written, and what is right. */
struct kind {
	bool (*parse)(const struct tfl_setting *row, const char *text, uint64_t *ret_number); /* NULL: a text */
	const char *(*format)(const struct tfl_setting *row, uint64_t number, char *buffer);
	const struct unit *units;
	int base;
	const char *placeholder;
	const char *expected; /* and, with a noun, its range: "a number from MIN to MAX, as in …" */
	const char *noun;
};

static const struct kind kinds[TFL_SETTING_KIND_COUNT];

static bool parse_word(const struct tfl_setting *row, const char *text, uint64_t *ret_number)
{
	for (const struct unit *unit = kinds[row->kind].units; unit->name; unit++)
		if (strcmp(unit->name, text) == 0) {
			*ret_number = unit->factor;
			return true;
		}
	return false;
}

static bool parse_units(const struct tfl_setting *row, const char *text, uint64_t *ret_number)
{
	const struct unit *unit = kinds[row->kind].units;
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, kinds[row->kind].base);
	if (errno != 0)
		return false;
	end += strspn(end, " ");
	while (unit->name && strcmp(unit->name, end) != 0)
		unit++;
	/* Zero is zero in every unit. */
	if (!unit->name && (number != 0 || *end != '\0'))
		return false;
	return !tfl_mul_overflow(number, unit->name ? unit->factor : 1, ret_number);
}

static const char *format_units(const struct tfl_setting *row, uint64_t number, char *buffer)
{
	const struct unit *unit = kinds[row->kind].units;

	/* The greatest unit that loses nothing. */
	while (number % unit->factor != 0)
		unit++;
	snprintf(buffer, TFL_SETTING_VALUE_MAX, "%llu%s", (unsigned long long)(number / unit->factor), number > 0 ? unit->name : "");
	return buffer;
}

static const char *format_word(const struct tfl_setting *row, uint64_t number, char *buffer)
{
	const struct unit *unit = kinds[row->kind].units;

	while (unit->name && unit->factor != number)
		unit++;
	return unit->name ? unit->name : "";
}

static const char *format_mode(const struct tfl_setting *row, uint64_t number, char *buffer)
{
	snprintf(buffer, TFL_SETTING_VALUE_MAX, "%04llo", (unsigned long long)number);
	return buffer;
}

static const struct kind kinds[TFL_SETTING_KIND_COUNT] = {
	[TFL_SETTING_PATH] = { NULL, NULL, NULL, 0, "PATH", "a path", NULL },
	[TFL_SETTING_LABELS] = { NULL, NULL, NULL, 0, "FILE", "the name of a .txt file beside model.conf, as in labels.txt", NULL },
	[TFL_SETTING_CONFIDENCE] = { NULL, NULL, NULL, 0, "WHAT",
				     "auto, none, or softmax, logistic, log-softmax, logits or detection, alone or 'of' an output", NULL },
	[TFL_SETTING_NAME] = { NULL, NULL, NULL, 0, "NAME", "a name", NULL },
	[TFL_SETTING_COUNT] = { parse_units, format_units, no_units, 10, "N", "", "a number" },
	[TFL_SETTING_SIZE] = { parse_units, format_units, sizes, 10, "SIZE", ", as in 4096, 64K or 16M", "a size" },
	[TFL_SETTING_DURATION] = { parse_units, format_units, durations, 10, "TIME", ", as in 500ms, 2s or 1min", "a time" },
	[TFL_SETTING_PERCENT] = { parse_units, format_units, percents, 10, "SHARE", ", as in 5%", "a share" },
	[TFL_SETTING_MODE] = { parse_units, format_mode, no_units, 8, "MODE", ", as in 0660", "permissions" },
	[TFL_SETTING_LEVEL] = { parse_word, format_word, levels, 0, "LEVEL", "error, warning, info or debug", NULL },
	[TFL_SETTING_SWITCH] = { parse_word, format_word, switches, 0, "yes|no", "yes or no", NULL },
	[TFL_SETTING_TRANSITION] = { parse_word, format_word, transitions, 0, "WHICH", "availability or resource", NULL },
	[TFL_SETTING_ROUTE] = { NULL, NULL, NULL, 0, "SHARES", "versions and their weights, as in 1=90 2=10", NULL },
	[TFL_SETTING_SALT] = { NULL, NULL, NULL, 0, "TEXT", "up to 64 characters, as in the name of a model", NULL },
	[TFL_SETTING_GROUPS] = { NULL, NULL, NULL, 0, "GROUPS", "names or numbers of at most 16 groups, with blanks between", NULL },
	[TFL_SETTING_ROUTE_KEY] = { parse_word, format_word, route_keys, 0, "WHAT", "request or machine-id", NULL },
	[TFL_SETTING_VERSIONS] = { NULL, NULL, NULL, 0, "WHICH", "all, latest, a number of them as in latest 2, or some as in specific 3 7", NULL },
};

static bool is_text(const struct tfl_setting *row)
{
	return !kinds[row->kind].parse;
}

const char *tfl_setting_format(const struct tfl_setting *row, const void *values, char buffer[static TFL_SETTING_VALUE_MAX])
{
	const char *value = (const char *)values + row->offset;
	uint64_t number;

	if (is_text(row))
		return value;
	memcpy(&number, value, sizeof(number));
	return kinds[row->kind].format(row, number, buffer);
}

const char *tfl_setting_expected(const struct tfl_setting *row, char *buffer, size_t size)
{
	const struct kind *kind = &kinds[row->kind];
	char least[TFL_SETTING_VALUE_MAX], most[TFL_SETTING_VALUE_MAX];

	if (kind->noun)
		snprintf(buffer, size, "%s from %s to %s%s", kind->noun, kind->format(row, row->min, least),
			 kind->format(row, row->max, most), kind->expected);
	else
		snprintf(buffer, size, "%s", kind->expected);
	return buffer;
}

const char *tfl_setting_placeholder(const struct tfl_setting *row)
{
	return kinds[row->kind].placeholder;
}

/* A single name, so that it cannot lead out of its folder; ".txt", so that it cannot be one of the daemon's own files. */
static bool is_label_file(const char *name)
{
	size_t length = strlen(name);

	return length == 0 || (length > 4 && name[0] != '.' && !strchr(name, '/') && strcmp(name + length - 4, ".txt") == 0);
}

/* What a text of its kind has to be, beyond its length. */
static bool is_right(const struct tfl_setting *row, const char *text)
{
	struct tfl_confidence_choice choice;
	struct tfl_policy policy;
	struct tfl_route route;
	struct tfl_error error;

	switch (row->kind) {
	case TFL_SETTING_LABELS:
		return is_label_file(text);
	case TFL_SETTING_VERSIONS:
		return tfl_policy_parse(text, &policy) == 0;
	case TFL_SETTING_ROUTE:
		return tfl_route_parse(text, &route, &error) == 0;
	case TFL_SETTING_GROUPS:
		return tfl_groups_valid(text);
	case TFL_SETTING_SALT:
		return !*text || tfl_model_name_valid(text, strlen(text));
	case TFL_SETTING_CONFIDENCE:
		return tfl_confidence_choice_parse(text, &choice) == 0;
	default:
		return true;
	}
}

static bool has_control_character(const char *text)
{
	while (*text && (unsigned char)*text >= 0x20 && *text != 0x7f)
		text++;
	return *text != '\0';
}

static int set_text(const struct tfl_setting *row, const char *text, void *values, struct tfl_error *error)
{
	size_t length = strlen(text);

	if (length < row->min)
		return tfl_error_set(error, -EINVAL, "is empty, expected %s", kinds[row->kind].expected);
	if (length > row->max)
		return tfl_error_set(error, -EINVAL, "has %zu bytes, expected at most %llu", length, (unsigned long long)row->max);
	if (has_control_character(text))
		return tfl_error_set(error, -EINVAL, "has a control character, expected %s", kinds[row->kind].expected);
	if (!is_right(row, text))
		return tfl_error_set(error, -EINVAL, "is '%s', expected %s", text, kinds[row->kind].expected);
	memcpy((char *)values + row->offset, text, length + 1);
	return 0;
}

int tfl_setting_set(const struct tfl_setting *row, const char *text, void *values, struct tfl_error *error)
{
	char expected[128];
	uint64_t number;

	if (is_text(row))
		return set_text(row, text, values, error);
	if (!kinds[row->kind].parse(row, text, &number) || number < row->min || number > row->max)
		return tfl_error_set(error, -EINVAL, "is '%s', expected %s", text, tfl_setting_expected(row, expected, sizeof(expected)));
	memcpy((char *)values + row->offset, &number, sizeof(number));
	return 0;
}

bool tfl_setting_equal(const struct tfl_setting *row, const void *a, const void *b)
{
	const char *one = (const char *)a + row->offset, *other = (const char *)b + row->offset;

	return is_text(row) ? strcmp(one, other) == 0 : memcmp(one, other, sizeof(uint64_t)) == 0;
}

void tfl_setting_take(const struct tfl_setting_table *table, unsigned row, void *values, const void *from)
{
	const struct tfl_setting *setting = &table->rows[row];
	size_t size = is_text(setting) ? setting->max + 1 : sizeof(uint64_t);

	memcpy((char *)values + setting->offset, (const char *)from + setting->offset, size);
	*tfl_setting_source(table, row, values) = *tfl_setting_source(table, row, (void *)from);
}

void tfl_settings_init(const struct tfl_setting_table *table, void *values)
{
	for (const struct tfl_setting *row = table->rows; row < table->rows + table->count; row++) {
		if (!is_text(row))
			memcpy((char *)values + row->offset, &row->number, sizeof(row->number));
		else if (row->text)
			strcpy((char *)values + row->offset, row->text);
	}
}

/* A file being read, and where each key was seen in it. */
struct reading {
	const struct tfl_setting_table *table;
	const char *path, *name;
	void *values;
	struct tfl_mistakes *mistakes;
	unsigned lines[TFL_SETTINGS_MAX];
	char no_section[64]; /* the last one that is unknown: told once, not for each of its keys */
};

/* The names of one column: sections, or keys of a section. */
static unsigned list_names(const struct tfl_setting_table *table, const char *section, const char *names[static TFL_SETTINGS_MAX])
{
	unsigned count = 0;

	for (const struct tfl_setting *row = table->rows; row < table->rows + table->count; row++) {
		const char *name = section ? row->key : row->section;

		if (section ? strcmp(row->section, section) == 0 : count == 0 || strcmp(names[count - 1], name) != 0)
			names[count++] = name;
	}
	return count;
}

static void join(const char *const *names, unsigned count, const char *format, char *buffer, size_t size)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (unsigned i = 0; i < count && length < size; i++) {
		length += (size_t)snprintf(buffer + length, size - length, i ? ", " : "");
		if (length < size)
			length += (size_t)snprintf(buffer + length, size - length, format, names[i]);
	}
}

static void unknown_section(struct reading *reading, const struct tfl_keyfile_entry *entry)
{
	const char *names[TFL_SETTINGS_MAX], *meant;
	unsigned count = list_names(reading->table, NULL, names);
	char known[256];

	if (strcmp(reading->no_section, entry->section) == 0)
		return;
	snprintf(reading->no_section, sizeof(reading->no_section), "%s", entry->section);
	meant = tfl_suggest(entry->section, names, count);
	join(names, count, "[%s]", known, sizeof(known));
	if (meant)
		tfl_mistakes_add(reading->mistakes, entry->line, "%s:%u: there is no section [%s]; did you mean [%s]?", entry->path,
				 entry->line, entry->section, meant);
	else
		tfl_mistakes_add(reading->mistakes, entry->line, "%s:%u: there is no section [%s]; there is %s", entry->path, entry->line,
				 entry->section, known);
}

/* The section that has this key, or NULL. */
static const char *section_of(const struct tfl_setting_table *table, const char *key)
{
	for (unsigned i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].key, key) == 0)
			return table->rows[i].section;
	return NULL;
}

static void unknown_key(struct reading *reading, const struct tfl_keyfile_entry *entry)
{
	const char *names[TFL_SETTINGS_MAX], *meant, *elsewhere = section_of(reading->table, entry->key);
	unsigned count = list_names(reading->table, entry->section, names);
	char hint[448];

	if (count == 0) {
		unknown_section(reading, entry);
		return;
	}
	meant = elsewhere ? NULL : tfl_suggest(entry->key, names, count);
	if (elsewhere)
		snprintf(hint, sizeof(hint), "[%s] has it", elsewhere);
	else if (meant)
		snprintf(hint, sizeof(hint), "did you mean '%s'?", meant);
	else
		join(names, count, "%s", hint, sizeof(hint));
	tfl_mistakes_add(reading->mistakes, entry->line, "%s:%u: [%s] has no key '%s'; %s%s", entry->path, entry->line, entry->section,
			 entry->key, elsewhere || meant ? "" : "it has ", hint);
}

/* "NAME:LINE"; of a long name the end. */
static void set_source(struct tfl_setting_source *source, const char *name, unsigned line)
{
	size_t room = sizeof(source->text) - 16, length = strlen(name);
	const char *shown = length > room ? name + length - room : name;

	while (((unsigned char)*shown & 0xc0) == 0x80) /* no part of a character */
		shown++;
	snprintf(source->text, sizeof(source->text), "%s%s:%u", length > room ? "…" : "", shown, line);
}

static int take_entry(void *data, const struct tfl_keyfile_entry *entry, struct tfl_error *error)
{
	struct reading *reading = data;
	const struct tfl_setting_table *table = reading->table;
	struct tfl_error why;
	unsigned i = 0;

	while (i < table->count && (strcmp(table->rows[i].section, entry->section) != 0 || strcmp(table->rows[i].key, entry->key) != 0))
		i++;
	if (i == table->count) {
		unknown_key(reading, entry);
	} else if (reading->lines[i]) {
		tfl_mistakes_add(reading->mistakes, entry->line, "%s:%u: [%s] %s was given on line %u already", entry->path, entry->line,
				 entry->section, entry->key, reading->lines[i]);
	} else {
		reading->lines[i] = entry->line;
		set_source(tfl_setting_source(table, i, reading->values), reading->name, entry->line);
		if (tfl_setting_set(&table->rows[i], entry->value, reading->values, &why) < 0)
			tfl_mistakes_add(reading->mistakes, entry->line, "%s:%u: [%s] %s %s", entry->path, entry->line, entry->section,
					 entry->key, why.text);
	}
	return 0;
}

/* The first line that is not UTF-8, or 0; what has a NUL byte is told by who splits the lines. */
static unsigned first_foreign_line(const char *text, size_t length)
{
	const char *end = text + length, *newline;
	unsigned line = 1;

	for (; text < end; text = newline + 1, line++) {
		newline = memchr(text, '\n', (size_t)(end - text));
		newline = newline ? newline : end;
		if (!tfl_utf8_valid(text, (size_t)(newline - text)) && !memchr(text, '\0', (size_t)(newline - text)))
			return line;
		if (newline == end)
			break;
	}
	return 0;
}

int tfl_settings_read(const struct tfl_setting_table *table, const char *path, const char *name, const char *text, size_t length,
		      void *values, struct tfl_mistakes *mistakes)
{
	struct reading reading = { .table = table, .path = path, .name = name, .values = values, .mistakes = mistakes };
	unsigned before = mistakes->count, line;
	struct tfl_error error;

	tfl_mistakes_next_file(mistakes);
	line = first_foreign_line(text, length);
	if (line > 0)
		tfl_mistakes_add(mistakes, line, "%s:%u: the line is not UTF-8", path, line);
	if (tfl_keyfile_parse(path, text, length, take_entry, &reading, &line, &error) < 0)
		tfl_mistakes_add(mistakes, line, "%s", error.text);
	return mistakes->count > before || mistakes->left_out > 0 ? -EINVAL : 0;
}

void tfl_settings_print(const struct tfl_setting_table *table, const void *values, FILE *file)
{
	char buffer[TFL_SETTING_VALUE_MAX], line[1200];
	const char *section = "", *value;

	for (unsigned i = 0; i < table->count; i++) {
		const struct tfl_setting *row = &table->rows[i];
		const char *source = tfl_setting_source(table, i, (void *)values)->text;

		if (strcmp(section, row->section) != 0)
			fprintf(file, "%s[%s]\n", *section ? "\n" : "", row->section);
		section = row->section;
		value = tfl_setting_format(row, values, buffer);
		snprintf(line, sizeof(line), "%s =%s%s", row->key, *value ? " " : "", value);
		if (*source)
			fprintf(file, "%-39s ; %s\n", line, source);
		else
			fprintf(file, "%s\n", line);
	}
}
