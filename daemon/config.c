/* SPDX-License-Identifier: MIT */
/*
 * A key is one row: where it stands in the file, what its option is called, how its text becomes a value, where in struct tfl_config that
 * value goes, what is allowed, and what it means. Reading the file, reading options, defaults and help all walk the same rows.
 *
 * Limits that protect the service (limits.h) are the defaults and the greatest values of their keys: a file can lower them, not lift them.
 */
#include "daemon/config.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <syslog.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "daemon/keyfile.h"

#define CONFIG_BYTES_MAX (1u << 20)

enum kind { TEXT, COUNT, SIZE, DURATION, MODE, LEVEL, KIND_COUNT };

struct row {
	const char *section, *key;
	const char *option; /* NULL: only in the file */
	enum kind kind;
	size_t offset;
	uint64_t min, max; /* of TEXT: bytes */
	uint64_t number;   /* default */
	const char *text;  /* default of TEXT */
	const char *help;
};

#define TO(field) offsetof(struct tfl_config, field)
#define PATH_ROOM (TFL_CONFIG_PATH_MAX - 1)
#define SOCKET_ROOM (TFL_CONFIG_SOCKET_MAX - 1)

static const struct row rows[] = {
	{ "models", "path", "models", TEXT, TO(models), 1, PATH_ROOM, 0, "/var/lib/tfld/models", "folder of the models that are served" },
	{ "models", "instances", "instances", COUNT, TO(instances), 0, TFL_INSTANCES_MAX, 0, NULL,
	  "interpreters of each version: how many of its requests run at once; 0: as many as workers" },
	{ "models", "threads", "threads", COUNT, TO(threads), 1, TFL_WORKERS_MAX, 1, NULL, "threads of one inference" },

	{ "sockets", "path", "socket", TEXT, TO(socket), 1, SOCKET_ROOM, 0, "/run/tfld/tfld.sock",
	  "socket for inference and reading; without an admin socket, for everything" },
	{ "sockets", "admin_path", "admin-socket", TEXT, TO(admin_socket), 0, SOCKET_ROOM, 0, "",
	  "socket for everything; empty: none" },
	{ "sockets", "mode", NULL, MODE, TO(socket_mode), 0, 0777, 0660, NULL, "permissions of the socket" },
	{ "sockets", "admin_mode", NULL, MODE, TO(admin_socket_mode), 0, 0777, 0660, NULL, "permissions of the admin socket" },
	{ "sockets", "connections", NULL, COUNT, TO(connections), 1, TFL_CONNECTIONS_MAX, TFL_CONNECTIONS_MAX, NULL,
	  "connections at once, of all users" },
	{ "sockets", "max_frame", NULL, SIZE, TO(max_frame), 4096, TFL_FRAME_MAX, TFL_FRAME_MAX, NULL, "bytes of one request or reply" },
	{ "sockets", "output_queue", NULL, SIZE, TO(output_queue), 4096, TFL_OUTPUT_QUEUE_MAX, TFL_OUTPUT_QUEUE_MAX, NULL,
	  "bytes of replies that a client may leave unread before it is disconnected" },

	{ "requests", "workers", "workers", COUNT, TO(workers), 0, TFL_WORKERS_MAX, 0, NULL,
	  "threads that run inferences; 0: one per core" },
	{ "requests", "queue", NULL, COUNT, TO(queue), 1, TFL_QUEUE_MAX, TFL_QUEUE_MAX, NULL,
	  "requests that may wait; more are refused with RESOURCE_EXHAUSTED" },
	{ "requests", "timeout", NULL, DURATION, TO(request_timeout_ms), 0, TFL_TIMEOUT_US_MAX / 1000, 0, NULL,
	  "time for a request that gives none itself; 0: no limit" },
	{ "requests", "inline", NULL, COUNT, TO(inline_us), 0, 1000, 20, NULL,
	  "microseconds: a model that runs in less is not handed to a worker where nothing else waits; 0: always" },
	{ "requests", "stop_timeout", NULL, DURATION, TO(stop_timeout_ms), 0, 3600000, 10000, NULL,
	  "time for requests in flight to end when the daemon stops" },

	{ "users", "connections", NULL, COUNT, TO(uid_connections), 1, TFL_UID_CONNECTIONS_MAX, TFL_UID_CONNECTIONS_MAX, NULL,
	  "connections at once of one user" },
	{ "users", "requests", NULL, COUNT, TO(uid_requests), 1, TFL_UID_REQUESTS_MAX, TFL_UID_REQUESTS_MAX, NULL,
	  "requests in flight of one user" },
	{ "users", "bytes", NULL, SIZE, TO(uid_bytes), 4096, TFL_UID_BYTES_MAX, TFL_UID_BYTES_MAX, NULL,
	  "bytes that requests and unread replies of one user may take" },

	{ "log", "level", "log-level", LEVEL, TO(log_level), LOG_ERR, LOG_DEBUG, LOG_INFO, NULL, "error, warning, info or debug" },
};

/* A unit behind a number. */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit sizes[] = { { "G", 1u << 30 }, { "M", 1u << 20 }, { "K", 1u << 10 }, { "", 1 }, { NULL, 0 } };
static const struct unit durations[] = { { "min", 60000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 } };
static const struct unit levels[] = {
	{ "error", LOG_ERR }, { "warning", LOG_WARNING }, { "info", LOG_INFO }, { "debug", LOG_DEBUG }, { NULL, 0 }
};

/* Of the kinds that are numbers: how they are written, what is expected in words, and its name in the help. */
static const struct {
	const struct unit *units;
	int base;
	const char *expected, *placeholder;
} kinds[KIND_COUNT] = {
	[TEXT] = { NULL, 0, "text", "PATH" },
	[COUNT] = { no_units, 10, "a number", "N" },
	[SIZE] = { sizes, 10, "a size as in 4096, 64K, 16M or 1G", "SIZE" },
	[DURATION] = { durations, 10, "a time as in 500ms, 2s, 1min or 0", "TIME" },
	[MODE] = { no_units, 8, "permissions as in 0660", "MODE" },
	[LEVEL] = { levels, 0, "error, warning, info or debug", "LEVEL" },
};

static const char *number_to_string(enum kind kind, uint64_t number, char *buffer, size_t size)
{
	const struct unit *unit = kinds[kind].units;

	if (kind == LEVEL) {
		while (unit->name && unit->factor != number)
			unit++;
		return unit->name ? unit->name : "";
	}
	if (kind == MODE) {
		snprintf(buffer, size, "%04llo", (unsigned long long)number);
		return buffer;
	}
	/* The greatest unit that loses nothing. */
	while (number % unit->factor != 0)
		unit++;
	snprintf(buffer, size, "%llu%s", (unsigned long long)(number / unit->factor), number > 0 ? unit->name : "");
	return buffer;
}

static bool parse_level(const char *text, uint64_t *ret_number)
{
	for (const struct unit *unit = levels; unit->name; unit++)
		if (strcmp(unit->name, text) == 0) {
			*ret_number = unit->factor;
			return true;
		}
	return false;
}

static bool parse_number(enum kind kind, const char *text, uint64_t *ret_number)
{
	const struct unit *unit = kinds[kind].units;
	unsigned long long number;
	char *end;

	if (kind == LEVEL)
		return parse_level(text, ret_number);
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, kinds[kind].base);
	if (errno != 0)
		return false;
	while (*end == ' ')
		end++;
	while (unit->name && strcmp(unit->name, end) != 0)
		unit++;
	/* Zero is zero in every unit. */
	if (!unit->name && (number != 0 || *end != '\0'))
		return false;
	return !tfl_mul_overflow(number, unit->name ? unit->factor : 1, ret_number);
}

static int set_text(const struct row *row, const char *value, struct tfl_config *config, struct tfl_error *error)
{
	size_t length = strlen(value);

	if (length < row->min)
		return tfl_error_set(error, -EINVAL, "is empty, expected a path");
	if (length > row->max)
		return tfl_error_set(error, -EINVAL, "has %zu bytes, expected at most %llu", length, (unsigned long long)row->max);
	memcpy((char *)config + row->offset, value, length + 1);
	return 0;
}

/* The sentence goes on from the name of the key or option. */
static int set_value(const struct row *row, const char *value, struct tfl_config *config, struct tfl_error *error)
{
	char least[32], most[32];
	uint64_t number;

	if (row->kind == TEXT)
		return set_text(row, value, config, error);
	if (!parse_number(row->kind, value, &number))
		return tfl_error_set(error, -EINVAL, "is '%s', expected %s", value, kinds[row->kind].expected);
	if (number < row->min || number > row->max)
		return tfl_error_set(error, -EINVAL, "is '%s', expected %s to %s", value,
				     number_to_string(row->kind, row->min, least, sizeof(least)),
				     number_to_string(row->kind, row->max, most, sizeof(most)));
	memcpy((char *)config + row->offset, &number, sizeof(number));
	return 0;
}

void tfl_config_init(struct tfl_config *ret_config)
{
	memset(ret_config, 0, sizeof(*ret_config));
	for (const struct row *row = rows; row < rows + TFL_ARRAY_SIZE(rows); row++) {
		if (row->kind == TEXT)
			strcpy((char *)ret_config + row->offset, row->text);
		else
			memcpy((char *)ret_config + row->offset, &row->number, sizeof(row->number));
	}
}

/* A file being read, and where each key was seen in it. */
struct reading {
	struct tfl_config *config;
	unsigned lines[TFL_ARRAY_SIZE(rows)];
};

static int unknown_key(const struct tfl_keyfile_entry *entry, struct tfl_error *error)
{
	char known[TFL_ERROR_TEXT_MAX] = "";
	const char *previous = "";
	bool section_known = false;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++)
		section_known |= strcmp(rows[i].section, entry->section) == 0;
	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		const char *name = section_known ? rows[i].key : rows[i].section;
		size_t length = strlen(known);

		if (strcmp(name, previous) == 0 || (section_known && strcmp(rows[i].section, entry->section) != 0))
			continue;
		snprintf(known + length, sizeof(known) - length, "%s%s", length ? ", " : "", name);
		previous = name;
	}
	if (section_known)
		return tfl_keyfile_error(entry, error, "[%s] has no key '%s'; it has %s", entry->section, entry->key, known);
	return tfl_keyfile_error(entry, error, "there is no section [%s]; sections are %s", entry->section, known);
}

static int take_entry(void *data, const struct tfl_keyfile_entry *entry, struct tfl_error *error)
{
	struct reading *reading = data;
	struct tfl_error why;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (strcmp(row->section, entry->section) != 0 || strcmp(row->key, entry->key) != 0)
			continue;
		if (reading->lines[i])
			return tfl_keyfile_error(entry, error, "[%s] %s was given on line %u already", row->section, row->key,
					     reading->lines[i]);
		reading->lines[i] = entry->line;
		if (set_value(row, entry->value, reading->config, &why) < 0)
			return tfl_keyfile_error(entry, error, "[%s] %s %s", row->section, row->key, why.text);
		return 0;
	}
	return unknown_key(entry, error);
}

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

int tfl_config_read(struct tfl_config *config, const char *path, struct tfl_error *error)
{
	TFL_CLEANUP(close_file) FILE *file = fopen(path, "re");
	struct reading reading = { .config = config };
	_tfl_free_ char *text = NULL;
	size_t length;

	if (!file)
		return tfl_error_set(error, -errno, "%s: cannot be opened: %s", path, strerror(errno));
	text = malloc(CONFIG_BYTES_MAX + 1);
	if (!text)
		return tfl_error_set(error, -ENOMEM, "%s: not enough memory to read it", path);
	length = fread(text, 1, CONFIG_BYTES_MAX + 1, file);
	if (ferror(file))
		return tfl_error_set(error, -EIO, "%s: cannot be read; is it a file?", path);
	if (length > CONFIG_BYTES_MAX)
		return tfl_error_set(error, -EFBIG, "%s: has more than %u bytes; this is no configuration of tfld", path, CONFIG_BYTES_MAX);
	return tfl_keyfile_parse(path, text, length, take_entry, &reading, error);
}

/* Options that are no keys. CONFIG_FILE is read before the others, because they go over it. */
enum special { NOT_SPECIAL, CONFIG_FILE, ACTION };

struct option_name {
	const char *name;
	enum special special;
	enum tfl_config_action action;
	const char *placeholder, *help;
};

static const struct option_name specials[] = {
	{ "config", CONFIG_FILE, 0, " FILE", "configuration file; " TFL_CONFIG_FILE " is read where there is one" },
	{ "check-config", ACTION, TFL_CONFIG_CHECK, "", "read the configuration, say whether it is right, and end" },
	{ "help", ACTION, TFL_CONFIG_HELP, "", "print this" },
	{ "version", ACTION, TFL_CONFIG_VERSION, "", "print the version" },
};

/* One option of the command line. */
struct option {
	const struct row *row;
	const struct option_name *special;
	const char *value; /* NULL for an option without */
};

/* Takes the option at argv[*index], and its value, off the command line. */
static int next_option(int argc, char *const *argv, int *index, struct option *ret_option, struct tfl_error *error)
{
	const char *argument = argv[(*index)++], *name = argument + 2, *equals = strchrnul(argument, '=');
	struct option option = { 0 };
	size_t length;

	if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0')
		return tfl_error_set(error, -EINVAL, "'%s' is no option; see tfld --help", argument);
	length = (size_t)(equals - name);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(rows); i++)
		if (rows[i].option && strlen(rows[i].option) == length && memcmp(rows[i].option, name, length) == 0)
			option.row = &rows[i];
	for (size_t i = 0; i < TFL_ARRAY_SIZE(specials); i++)
		if (strlen(specials[i].name) == length && memcmp(specials[i].name, name, length) == 0)
			option.special = &specials[i];
	if (!option.row && !option.special)
		return tfl_error_set(error, -EINVAL, "there is no option '%s'; see tfld --help", argument);
	if (option.special && option.special->special == ACTION) {
		if (*equals)
			return tfl_error_set(error, -EINVAL, "--%s takes no value", option.special->name);
	} else if (*equals) {
		option.value = equals + 1;
	} else if (*index < argc) {
		option.value = argv[(*index)++];
	} else {
		return tfl_error_set(error, -EINVAL, "%s needs a value; see tfld --help", argument);
	}
	*ret_option = option;
	return 0;
}

/* First pass: what decides which file is read. */
static int find_file(int argc, char *const *argv, struct tfl_config *config, struct tfl_error *error)
{
	struct option option;
	int result;

	for (int i = 1; i < argc;) {
		result = next_option(argc, argv, &i, &option, error);
		if (result < 0)
			return result;
		if (!option.special)
			continue;
		if (option.special->special == ACTION)
			config->action = option.special->action;
		else if (strlen(option.value) >= sizeof(config->file))
			return tfl_error_set(error, -ENAMETOOLONG, "--config has %zu bytes, expected at most %zu", strlen(option.value),
					     sizeof(config->file) - 1);
		else
			strcpy(config->file, option.value);
		if (config->action == TFL_CONFIG_HELP || config->action == TFL_CONFIG_VERSION)
			break;
	}
	if (!config->file[0] && access(TFL_CONFIG_FILE, F_OK) == 0)
		strcpy(config->file, TFL_CONFIG_FILE);
	return 0;
}

static int apply_options(int argc, char *const *argv, struct tfl_config *config, struct tfl_error *error)
{
	struct tfl_error why;
	struct option option;
	int result;

	for (int i = 1; i < argc;) {
		result = next_option(argc, argv, &i, &option, error);
		if (result < 0)
			return result;
		if (option.row && set_value(option.row, option.value, config, &why) < 0)
			return tfl_error_set(error, -EINVAL, "--%s %s", option.row->option, why.text);
	}
	return 0;
}

int tfl_config_parse(int argc, char *const *argv, struct tfl_config *ret_config, struct tfl_error *error)
{
	struct tfl_config config;
	int result;

	tfl_config_init(&config);
	result = find_file(argc, argv, &config, error);
	if (result < 0)
		return result;
	if (config.action == TFL_CONFIG_RUN || config.action == TFL_CONFIG_CHECK) {
		if (config.file[0])
			result = tfl_config_read(&config, config.file, error);
		if (result == 0)
			result = apply_options(argc, argv, &config, error);
		if (result < 0)
			return result;
	}
	*ret_config = config;
	return 0;
}

static void print_line(FILE *file, const char *name, const char *placeholder, const char *help)
{
	char left[48];

	snprintf(left, sizeof(left), "--%s%s", name, placeholder);
	fprintf(file, "  %-24s %s\n", left, help);
}

void tfl_config_print_help(FILE *file)
{
	char text[32], placeholder[32];

	fputs("tfld serves TensorFlow Lite models to the programs of this device.\n\nUsage: tfld [OPTION]…\n\n", file);
	for (const struct row *row = rows; row < rows + TFL_ARRAY_SIZE(rows); row++)
		if (row->option) {
			snprintf(placeholder, sizeof(placeholder), " %s", kinds[row->kind].placeholder);
			print_line(file, row->option, placeholder, row->help);
		}
	for (size_t i = 0; i < TFL_ARRAY_SIZE(specials); i++)
		print_line(file, specials[i].name, specials[i].placeholder, specials[i].help);
	fputs("\nKeys of the configuration file, with their defaults:\n\n", file);
	for (const struct row *row = rows; row < rows + TFL_ARRAY_SIZE(rows); row++)
		fprintf(file, "  [%s] %s = %s\n", row->section, row->key,
			row->kind == TEXT ? row->text : number_to_string(row->kind, row->number, text, sizeof(text)));
}
