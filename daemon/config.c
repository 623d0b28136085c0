/* SPDX-License-Identifier: MIT */
/*
 * The table of tfld.conf, the files that are read, and the command line. What a model's own file may override stands in config->model.
 *
 * Limits that protect the service (limits.h) are the defaults and the greatest values of their keys: a file can lower them, not lift them.
 */
#include "daemon/config.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <syslog.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/suggest.h"
#include "base/util.h"
#include "daemon/mistakes.h"

#define CONFIG_BYTES_MAX (1u << 20)

#define TO(field) offsetof(struct tfl_config, field)
#define PATH_ROOM (TFL_CONFIG_PATH_MAX - 1)
#define SOCKET_ROOM (TFL_CONFIG_SOCKET_MAX - 1)

static const struct tfl_setting rows[] = {
	{ "models", "path", "models", TO(models), TFL_SETTING_PATH, 1, PATH_ROOM, 0, "/var/lib/tfld/models",
	  "folder of the models", .when = TFL_SETTING_AT_START },
	{ "models", "memory_limit", NULL, TO(memory_limit), TFL_SETTING_SIZE, 0, TFL_MEMORY_LIMIT_MAX, 0 },
	{ "models", "unload_idle", NULL, TO(unload_idle), TFL_SETTING_SWITCH, 0, 1, 0 },
	{ "models", "versions", NULL, TO(model.versions), TFL_MODEL_CONF_VERSIONS },
	{ "models", "auto_swap", NULL, TO(model.auto_swap), TFL_MODEL_CONF_AUTO_SWAP },
	{ "models", "transition", NULL, TO(model.transition), TFL_MODEL_CONF_TRANSITION },
	{ "models", "instances", "instances", TO(model.instances), TFL_MODEL_CONF_INSTANCES, NULL,
	  "requests of a version that run at once; 0: as workers", .when = TFL_SETTING_AT_LOAD },
	{ "models", "threads", "threads", TO(model.threads), TFL_MODEL_CONF_THREADS, NULL, "threads of one inference",
	  .when = TFL_SETTING_AT_LOAD },
	{ "models", "queue", NULL, TO(model.queue), TFL_MODEL_CONF_QUEUE },
	{ "models", "loop_iterations", NULL, TO(model.loop_iterations), TFL_MODEL_CONF_LOOP_ITERATIONS, .when = TFL_SETTING_AT_LOAD },
	{ "models", "loop_time", NULL, TO(model.loop_ms), TFL_MODEL_CONF_LOOP_TIME, .when = TFL_SETTING_AT_LOAD },
	{ "models", "sessions", NULL, TO(model.sessions), TFL_MODEL_CONF_SESSIONS },
	{ "models", "session_idle", NULL, TO(model.session_idle_ms), TFL_MODEL_CONF_SESSION_IDLE },
	{ "models", "session_grace", NULL, TO(model.session_grace_ms), TFL_MODEL_CONF_SESSION_GRACE },
	{ "models", "proof", NULL, TO(model.proof), TFL_MODEL_CONF_PROOF },
	{ "models", "proof_memory", NULL, TO(model.proof_memory), TFL_MODEL_CONF_PROOF_MEMORY },
	{ "models", "proof_time", NULL, TO(model.proof_ms), TFL_MODEL_CONF_PROOF_TIME },
	{ "models", "trial", NULL, TO(model.trial), TFL_MODEL_CONF_TRIAL },
	{ "models", "trial_requests", NULL, TO(model.trial_requests), TFL_MODEL_CONF_TRIAL_REQUESTS },
	{ "models", "trial_time", NULL, TO(model.trial_ms), TFL_MODEL_CONF_TRIAL_TIME },
	{ "models", "trial_errors", NULL, TO(model.trial_errors), TFL_MODEL_CONF_TRIAL_ERRORS },
	{ "models", "trial_latency", NULL, TO(model.trial_latency), TFL_MODEL_CONF_TRIAL_LATENCY },
	{ "models", "trial_confidence", NULL, TO(model.trial_confidence), TFL_MODEL_CONF_TRIAL_CONFIDENCE },
	{ "models", "trial_drift", NULL, TO(model.trial_drift), TFL_MODEL_CONF_TRIAL_DRIFT },
	{ "models", "trial_nan", NULL, TO(model.trial_nan), TFL_MODEL_CONF_TRIAL_NAN },
	{ "models", "trial_max_errors", NULL, TO(model.trial_max_errors), TFL_MODEL_CONF_TRIAL_MAX_ERRORS },
	{ "models", "trial_max_latency", NULL, TO(model.trial_max_latency_ms), TFL_MODEL_CONF_TRIAL_MAX_LATENCY },
	{ "models", "trial_min_confidence", NULL, TO(model.trial_min_confidence), TFL_MODEL_CONF_TRIAL_MIN_CONFIDENCE },

	{ "sockets", "path", "socket", TO(socket), TFL_SETTING_PATH, 1, SOCKET_ROOM, 0, "/run/tfld/tfld.sock",
	  "socket for inference and reading", .when = TFL_SETTING_AT_START },
	{ "sockets", "admin_path", "admin-socket", TO(admin_socket), TFL_SETTING_PATH, 0, SOCKET_ROOM, 0, "",
	  "socket for everything; without, --socket is", .when = TFL_SETTING_AT_START },
	{ "sockets", "mode", NULL, TO(socket_mode), TFL_SETTING_MODE, 0, 0777, 0660, .when = TFL_SETTING_AT_START },
	{ "sockets", "admin_mode", NULL, TO(admin_socket_mode), TFL_SETTING_MODE, 0, 0777, 0660, .when = TFL_SETTING_AT_START },
	{ "sockets", "connections", NULL, TO(connections), TFL_SETTING_COUNT, 1, TFL_CONNECTIONS_MAX, TFL_CONNECTIONS_MAX },
	{ "sockets", "max_frame", NULL, TO(max_frame), TFL_SETTING_SIZE, 4096, TFL_FRAME_MAX, TFL_FRAME_MAX },
	{ "sockets", "output_queue", NULL, TO(output_queue), TFL_SETTING_SIZE, 4096, TFL_OUTPUT_QUEUE_MAX, TFL_OUTPUT_QUEUE_MAX },

	{ "requests", "workers", "workers", TO(workers), TFL_SETTING_COUNT, 0, TFL_WORKERS_MAX, 0, NULL,
	  "threads that run inferences; 0: one per core", .when = TFL_SETTING_AT_START },
	{ "requests", "queue", NULL, TO(queue), TFL_SETTING_COUNT, 1, TFL_QUEUE_MAX, TFL_QUEUE_MAX },
	{ "requests", "timeout", NULL, TO(model.timeout_ms), TFL_MODEL_CONF_TIMEOUT },
	{ "requests", "priority", NULL, TO(model.priority), TFL_MODEL_CONF_PRIORITY },
	{ "requests", "inline", NULL, TO(model.inline_us), TFL_MODEL_CONF_INLINE },
	{ "requests", "stop_timeout", NULL, TO(stop_timeout_ms), TFL_SETTING_DURATION, 0, 3600000, 10000 },
	{ "requests", "hang_timeout", NULL, TO(hang_timeout_ms), TFL_SETTING_DURATION, 0, 86400000, 300000 },

	{ "users", "connections", NULL, TO(uid_connections), TFL_SETTING_COUNT, 1, TFL_UID_CONNECTIONS_MAX, TFL_UID_CONNECTIONS_MAX },
	{ "users", "requests", NULL, TO(uid_requests), TFL_SETTING_COUNT, 1, TFL_UID_REQUESTS_MAX, TFL_UID_REQUESTS_MAX },
	{ "users", "bytes", NULL, TO(uid_bytes), TFL_SETTING_SIZE, 4096, TFL_UID_BYTES_MAX, TFL_UID_BYTES_MAX },
	{ "users", "sessions", NULL, TO(uid_sessions), TFL_SETTING_COUNT, 0, TFL_UID_SESSIONS_MAX, 8 },

	{ "metrics", "metrics_file", "metrics-file", TO(metrics_file), TFL_SETTING_PATH, 0, PATH_ROOM, 0, "",
	  "file of all numbers for Prometheus' node_exporter" },
	{ "metrics", "metrics_period", NULL, TO(metrics_period_ms), TFL_SETTING_DURATION, 1000, 3600000, 15000 },

	{ "log", "level", "log-level", TO(log_level), TFL_SETTING_LEVEL, LOG_ERR, LOG_DEBUG, LOG_INFO, NULL,
	  "error, warning, info or debug" },
	{ "log", "period", NULL, TO(log_period_ms), TFL_SETTING_DURATION, 0, 86400000, 300000 },
	{ "log", "folder", NULL, TO(log_folder), TFL_SETTING_PATH, 0, PATH_ROOM, 0, "", .when = TFL_SETTING_AT_START },
	{ "log", "file_size", NULL, TO(log_file_bytes), TFL_SETTING_SIZE, 1u << 20, 1u << 30, 4u << 20, .when = TFL_SETTING_AT_START },
	{ "log", "files", NULL, TO(log_files), TFL_SETTING_COUNT, 2, 1000, 8, .when = TFL_SETTING_AT_START },
	{ "log", "device", NULL, TO(log_device), TFL_SETTING_NAME, 0, TFL_CONFIG_DEVICE_MAX - 1, 0, "", .when = TFL_SETTING_AT_START },
};
_Static_assert(TFL_ARRAY_SIZE(rows) == TFL_CONFIG_SETTINGS && TFL_CONFIG_SETTINGS <= TFL_SETTINGS_MAX, "a source for each row");

const struct tfl_setting_table tfl_config_table = { rows, TFL_ARRAY_SIZE(rows), TO(sources) };

void tfl_config_init(struct tfl_config *ret_config)
{
	memset(ret_config, 0, sizeof(*ret_config));
	tfl_settings_init(&tfl_model_conf_table, &ret_config->model); /* what only a model's file has */
	tfl_settings_init(&tfl_config_table, ret_config);
}

static const struct tfl_setting *row_of(const char *section, const char *key)
{
	for (const struct tfl_setting *row = rows; row < rows + TFL_ARRAY_SIZE(rows); row++)
		if (strcmp(row->section, section) == 0 && strcmp(row->key, key) == 0)
			return row;
	return NULL;
}

static const char *source_of(const struct tfl_config *config, const struct tfl_setting *row)
{
	return config->sources[row - rows].text;
}

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void read_file(struct tfl_config *config, const char *path, struct tfl_mistakes *mistakes)
{
	TFL_CLEANUP(close_file) FILE *file = fopen(path, "re");
	_tfl_free_ char *text = NULL;
	size_t length;

	tfl_mistakes_next_file(mistakes);
	if (file)
		text = malloc(CONFIG_BYTES_MAX + 1);
	if (!text) {
		tfl_mistakes_add(mistakes, 0, "%s: cannot be opened: %s", path, strerror(errno));
		return;
	}
	length = fread(text, 1, CONFIG_BYTES_MAX + 1, file);
	if (ferror(file))
		tfl_mistakes_add(mistakes, 0, "%s: cannot be read; is it a file?", path);
	else if (length > CONFIG_BYTES_MAX)
		tfl_mistakes_add(mistakes, 0, "%s: has more than %u bytes; this is no configuration of tfld", path, CONFIG_BYTES_MAX);
	else
		tfl_settings_read(&tfl_config_table, path, path, text, length, config, mistakes);
}

static int is_further_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of their names; what a later one says holds. */
static void read_folder(struct tfl_config *config, const char *file, struct tfl_mistakes *mistakes)
{
	char folder[TFL_CONFIG_PATH_MAX + 8], path[sizeof(folder) + 256];
	struct dirent **names;
	int count;

	snprintf(folder, sizeof(folder), "%s" TFL_CONFIG_FOLDER, file);
	count = scandir(folder, &names, is_further_file, by_name);
	if (count < 0 && errno != ENOENT)
		tfl_mistakes_add(mistakes, 0, "%s: cannot be read: %s", folder, strerror(errno));
	if (count < 0)
		return;
	for (int i = 0; i < count; i++) {
		if (i < TFL_CONFIG_FOLDER_FILES_MAX) {
			snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
			read_file(config, path, mistakes);
			config->folder_files++;
		} else if (i == TFL_CONFIG_FOLDER_FILES_MAX) {
			tfl_mistakes_add(mistakes, 0, "%s: has %d files, expected at most %d", folder, count, TFL_CONFIG_FOLDER_FILES_MAX);
		}
		free(names[i]);
	}
	free(names);
}

/* Options that are no keys. CONFIG_FILE is read before the others, because they go over it. */
enum special { CONFIG_FILE = 1, RELOAD, ACTION };

struct option_name {
	const char *name;
	enum special special;
	enum tfl_config_action action;
	const char *placeholder, *help;
};

static const struct option_name specials[] = {
	{ "config", CONFIG_FILE, 0, " FILE", "configuration file (" TFL_CONFIG_FILE ", where there is one)" },
	{ "check-config", ACTION, TFL_CONFIG_CHECK, "", "print the configuration in force, or its mistakes" },
	{ "reload", RELOAD, TFL_CONFIG_RELOAD, " PID", "check it, and have that tfld read it anew" },
	{ "help", ACTION, TFL_CONFIG_HELP, "", "print this" },
	{ "version", ACTION, TFL_CONFIG_VERSION, "", "print the version" },
};

/* One option of the command line. */
struct option {
	const struct tfl_setting *row;
	const struct option_name *special;
	const char *value; /* NULL for an option without */
};

static int unknown_option(const char *argument, size_t length, struct tfl_error *error)
{
	const char *names[TFL_SETTINGS_MAX + TFL_ARRAY_SIZE(specials)], *meant;
	char name[64];
	unsigned count = 0;

	for (const struct tfl_setting *row = rows; row < rows + TFL_ARRAY_SIZE(rows); row++)
		if (row->option)
			names[count++] = row->option;
	for (size_t i = 0; i < TFL_ARRAY_SIZE(specials); i++)
		names[count++] = specials[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name)), argument + 2);
	meant = tfl_suggest(name, names, count);
	if (meant)
		return tfl_error_set(error, -EINVAL, "there is no option '--%s'; did you mean --%s?", name, meant);
	return tfl_error_set(error, -EINVAL, "there is no option '--%s'; see tfld --help", name);
}

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
		return unknown_option(argument, length, error);
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

static int take_process(struct tfl_config *config, const char *text, struct tfl_error *error)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || number < 2 || number > INT32_MAX)
		return tfl_error_set(error, -EINVAL, "--reload is '%s', expected the number of a process", text);
	config->action = TFL_CONFIG_RELOAD;
	config->process = (int)number;
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
		else if (option.special->special == RELOAD)
			result = take_process(config, option.value, error);
		else if (!*option.value)
			return tfl_error_set(error, -EINVAL, "--config is empty, expected a path");
		else if (strlen(option.value) >= sizeof(config->file))
			return tfl_error_set(error, -ENAMETOOLONG, "--config has %zu bytes, expected at most %zu", strlen(option.value),
					     sizeof(config->file) - 1);
		else
			strcpy(config->file, option.value);
		if (result < 0)
			return result;
		if (config->action == TFL_CONFIG_HELP || config->action == TFL_CONFIG_VERSION)
			break;
	}
	return 0;
}

static void apply_options(int argc, char *const *argv, struct tfl_config *config, struct tfl_mistakes *mistakes)
{
	struct tfl_error why;
	struct option option;

	tfl_mistakes_next_file(mistakes);
	/* The first pass has seen that all of them are options. */
	for (int i = 1; i < argc && next_option(argc, argv, &i, &option, &why) == 0;) {
		if (!option.row)
			continue;
		if (tfl_setting_set(option.row, option.value, config, &why) < 0)
			tfl_mistakes_add(mistakes, 0, "--%s %s", option.row->option, why.text);
		snprintf(config->sources[option.row - rows].text, TFL_SETTING_SOURCE_MAX, "--%s", option.row->option);
	}
}

/* What each key by itself allows, and both together do not. */
static void check_together(const struct tfl_config *config, struct tfl_mistakes *mistakes)
{
	const char *where = source_of(config, row_of("sockets", "admin_path"));

	if (strcmp(config->socket, config->admin_socket) == 0)
		tfl_mistakes_add(mistakes, 0, "%s: the admin socket is '%s', which is the other socket's path too; expected another "
				 "path, or none for one socket that serves everything", where, config->admin_socket);
	where = source_of(config, row_of("metrics", "metrics_file"));
	if (config->metrics_file[0] &&
	    (strcmp(config->metrics_file, config->socket) == 0 || strcmp(config->metrics_file, config->admin_socket) == 0))
		tfl_mistakes_add(mistakes, 0, "%s: the metrics file is '%s', which is a socket's path too; expected another path", where,
				 config->metrics_file);
	where = source_of(config, row_of("log", "period"));
	if (config->log_period_ms > 0 && config->log_period_ms < TFL_CONFIG_PERIOD_MIN_MS)
		tfl_mistakes_add(mistakes, 0, "%s: [log] period is %llums, expected 0 or at least %us", where,
				 (unsigned long long)config->log_period_ms, TFL_CONFIG_PERIOD_MIN_MS / 1000);
}

/* The sources of what models inherit: of the row that has the same place in the struct. */
static void give_sources(struct tfl_config *config)
{
	const struct tfl_setting_table *table = &tfl_model_conf_table;

	for (unsigned i = 0; i < table->count; i++)
		for (size_t k = 0; k < TFL_ARRAY_SIZE(rows); k++)
			if (rows[k].offset == TO(model) + table->rows[i].offset)
				config->model.sources[i] = config->sources[k];
}

int tfl_config_parse(int argc, char *const *argv, struct tfl_config *ret_config, struct tfl_mistakes *mistakes)
{
	struct tfl_config config;
	struct tfl_error error;

	tfl_config_init(&config);
	config.argc = argc;
	config.argv = argv;
	if (find_file(argc, argv, &config, &error) < 0) {
		tfl_mistakes_add(mistakes, 0, "%s", error.text);
		return -EINVAL;
	}
	ret_config->action = config.action;
	ret_config->process = config.process;
	if (config.action != TFL_CONFIG_HELP && config.action != TFL_CONFIG_VERSION) {
		if (!config.file[0] && access(TFL_CONFIG_FILE, F_OK) == 0)
			strcpy(config.file, TFL_CONFIG_FILE);
		if (config.file[0])
			read_file(&config, config.file, mistakes);
		read_folder(&config, config.file[0] ? config.file : TFL_CONFIG_FILE, mistakes);
		apply_options(argc, argv, &config, mistakes);
		check_together(&config, mistakes);
		give_sources(&config);
	}
	if (mistakes->count > 0)
		return -EINVAL;
	*ret_config = config;
	return 0;
}

/* "[log] level", and what is in force of it now, added to a text that may be full. */
static void say(const struct tfl_setting *row, const struct tfl_config *config, char *text, size_t size)
{
	char value[TFL_SETTING_VALUE_MAX];
	const char *now = tfl_setting_format(row, config, value);
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s[%s] %s =%s%s", used ? ", " : "", row->section, row->key, *now ? " " : "", now);
}

void tfl_config_take(struct tfl_config *config, const struct tfl_config *from, bool ret_waiting[static TFL_CONFIG_SETTINGS],
		     char *text, size_t size)
{
	text[0] = '\0';
	for (unsigned i = 0; i < TFL_CONFIG_SETTINGS; i++) {
		bool equal = tfl_setting_equal(&rows[i], config, from);

		/* Not written to, even with what it is: other threads may hold on to it. */
		ret_waiting[i] = !equal && rows[i].when == TFL_SETTING_AT_START;
		if (rows[i].when == TFL_SETTING_AT_START)
			continue;
		tfl_setting_take(&tfl_config_table, i, config, from);
		if (!equal)
			say(&rows[i], config, text, size);
	}
	memcpy(config->model.sources, from->model.sources, sizeof(config->model.sources));
	strcpy(config->file, from->file);
	config->folder_files = from->folder_files;
}

/* A value that is of no use above another one. */
static const struct {
	const char *section, *key;
	const char *bound_section, *bound_key;
} bounds[] = {
	{ "users", "connections", "sockets", "connections" },
	{ "users", "requests", "requests", "queue" },
	{ "models", "queue", "requests", "queue" },
	{ "models", "instances", "requests", "workers" },
	{ "sockets", "max_frame", "users", "bytes" },
};

/* Keys that say how something is done that another key has to ask for. */
static const struct {
	const char *section, *key, *place;
} details[] = {
	{ "log", "file_size", "folder" },
	{ "log", "files", "folder" },
	{ "log", "device", "folder" },
	{ "metrics", "metrics_period", "metrics_file" },
	{ "models", "unload_idle", "memory_limit" },
};

/* A text that is empty, or a number that is 0. */
static bool is_none(const struct tfl_config *config, const struct tfl_setting *row)
{
	const char *value = (const char *)config + row->offset;
	uint64_t number;

	if (row->kind != TFL_SETTING_SIZE)
		return !*value;
	memcpy(&number, value, sizeof(number));
	return number == 0;
}

static void doubt_details(const struct tfl_config *config, tfl_config_remark remark, void *data)
{
	char sentence[TFL_ERROR_TEXT_MAX];

	for (size_t i = 0; i < TFL_ARRAY_SIZE(details); i++) {
		const char *where = source_of(config, row_of(details[i].section, details[i].key));

		snprintf(sentence, sizeof(sentence), "[%s] %s is set (%s), but without a %s it has no effect", details[i].section,
			 details[i].key, where, details[i].place);
		if (*where && is_none(config, row_of(details[i].section, details[i].place)))
			remark(data, sentence);
	}
}

/* What node_exporter passes over. */
static void doubt_metrics(const struct tfl_config *config, tfl_config_remark remark, void *data)
{
	const char *path = config->metrics_file;
	size_t length = strlen(path);
	char sentence[TFL_CONFIG_PATH_MAX + 256];

	snprintf(sentence, sizeof(sentence), "[metrics] metrics_file is %s, but node_exporter reads only files whose names end in .prom",
		 path);
	if (length > 0 && (length < 6 || strcmp(path + length - 5, ".prom") != 0 || path[length - 6] == '/'))
		remark(data, sentence);
}

void tfl_config_doubts(const struct tfl_config *config, tfl_config_remark remark, void *data)
{
	char sentence[TFL_ERROR_TEXT_MAX], value[TFL_SETTING_VALUE_MAX], bound_value[TFL_SETTING_VALUE_MAX];
	uint64_t number, bound_number;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(bounds); i++) {
		const struct tfl_setting *row = row_of(bounds[i].section, bounds[i].key);
		const struct tfl_setting *bound = row_of(bounds[i].bound_section, bounds[i].bound_key);

		memcpy(&number, (const char *)config + row->offset, sizeof(number));
		memcpy(&bound_number, (const char *)config + bound->offset, sizeof(bound_number));
		/* Only what somebody wrote can be meant otherwise; 0 workers are as many as there are cores. */
		if (!*source_of(config, row) || number <= bound_number || bound_number == 0)
			continue;
		snprintf(sentence, sizeof(sentence), "[%s] %s is %s (%s), but [%s] %s is %s, and no more has an effect", row->section,
			 row->key, tfl_setting_format(row, config, value), source_of(config, row), bound->section, bound->key,
			 tfl_setting_format(bound, config, bound_value));
		remark(data, sentence);
	}
	doubt_details(config, remark, data);
	doubt_metrics(config, remark, data);
}

static void print_line(FILE *file, const char *name, const char *placeholder, const char *help, const char *value)
{
	char left[48];

	snprintf(left, sizeof(left), "--%s%s", name, placeholder);
	fprintf(file, "  %-20s %s%s%s%s\n", left, help, *value ? " (" : "", value, *value ? ")" : "");
}

void tfl_config_print_help(FILE *file)
{
	char placeholder[32], value[TFL_SETTING_VALUE_MAX];
	struct tfl_config defaults;

	tfl_config_init(&defaults);
	fputs("Usage: tfld [OPTION]…\n\nServes .tflite models to the programs of this device. Defaults in brackets:\n\n", file);
	for (const struct tfl_setting *row = rows; row < rows + TFL_ARRAY_SIZE(rows); row++)
		if (row->option) {
			snprintf(placeholder, sizeof(placeholder), " %s", tfl_setting_placeholder(row));
			print_line(file, row->option, placeholder, row->help, tfl_setting_format(row, &defaults, value));
		}
	for (size_t i = 0; i < TFL_ARRAY_SIZE(specials); i++)
		print_line(file, specials[i].name, specials[i].placeholder, specials[i].help, "");
	fputs("\nOptions go over the configuration file. Manuals: tfld(8), tfld.conf(5).\n", file);
}
