/* SPDX-License-Identifier: MIT */
/*
 * What the operator decides: defaults, over them the configuration file, over that the files of its folder (tfld.conf.d/), over that the
 * command line. One table in config.c has a row for each key with its option, range and default; systemd/tfld.conf documents the same
 * keys (a test compares the two).
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/model_conf.h"
#include "daemon/settings.h"

#define TFL_CONFIG_FILE "/etc/tfld.conf"
#define TFL_CONFIG_FOLDER ".d" /* behind the file's name: the folder of further files "*.conf" */
#define TFL_CONFIG_FOLDER_FILES_MAX 64
#define TFL_CONFIG_PATH_MAX 1024
#define TFL_CONFIG_SOCKET_MAX 108 /* sun_path of a Unix socket */
#define TFL_CONFIG_DEVICE_MAX 65 /* of a name, as of a host */
#define TFL_CONFIG_PERIOD_MIN_MS 1000
#define TFL_CONFIG_SETTINGS 54

struct tfl_mistakes;

enum tfl_config_action {
	TFL_CONFIG_RUN,
	TFL_CONFIG_CHECK,   /* --check-config: print what is in force, or what is wrong, and end */
	TFL_CONFIG_RELOAD,  /* --reload: check it, and have a tfld that serves read it anew */
	TFL_CONFIG_HELP,    /* --help: tfl_config_print_help() */
	TFL_CONFIG_VERSION, /* --version */
};

/* Plain data. Sizes are bytes; a number that can be "automatic" is 0 then. */
struct tfl_config {
	int argc; /* the command line that it was made with: borrowed, like its texts */
	char *const *argv;
	enum tfl_config_action action;
	int process; /* of TFL_CONFIG_RELOAD */
	char file[TFL_CONFIG_PATH_MAX]; /* the file that was read, "" for none */
	unsigned folder_files;          /* and how many of its folder */

	char models[TFL_CONFIG_PATH_MAX];
	uint64_t memory_limit; /* of all versions in memory; 0: none */
	uint64_t unload_idle;  /* whether versions are unloaded for it */
	struct tfl_model_conf model; /* of a model whose model.conf says nothing else; its sources are set by tfl_config_parse() */

	char socket[TFL_CONFIG_SOCKET_MAX];
	char admin_socket[TFL_CONFIG_SOCKET_MAX]; /* "": the first socket serves every right */
	uint64_t socket_mode;
	uint64_t admin_socket_mode;
	uint64_t connections;
	uint64_t max_frame;
	uint64_t output_queue;

	uint64_t workers; /* 0: one per core */
	uint64_t queue;
	uint64_t hang_timeout_ms; /* an inference that takes longer hangs; 0: none does */
	uint64_t stop_timeout_ms; /* for what is in flight when the daemon is told to stop */

	uint64_t uid_connections;
	uint64_t uid_requests;
	uint64_t uid_bytes;
	uint64_t uid_sessions;

	char metrics_file[TFL_CONFIG_PATH_MAX]; /* "": none */
	uint64_t metrics_period_ms;

	uint64_t log_level;     /* LOG_ERR to LOG_DEBUG */
	uint64_t log_period_ms; /* in which versions tell what they did; 0: they do not */
	char log_folder[TFL_CONFIG_PATH_MAX]; /* of JSON lines; "": none */
	uint64_t log_file_bytes;
	uint64_t log_files;
	char log_device[TFL_CONFIG_DEVICE_MAX]; /* what lines call this device; "": its host name */

	struct tfl_setting_source sources[TFL_CONFIG_SETTINGS];
};

extern const struct tfl_setting_table tfl_config_table;

/** The defaults alone. */
void tfl_config_init(struct tfl_config *ret_config);

/**
 * Defaults, files and command line as main gets it. The file is that of --config, which has to exist, else TFL_CONFIG_FILE where there is
 * one; none is read for --help and --version. -EINVAL after everything that is wrong was added to @p mistakes: file, line and what would
 * be right; of @p ret_config then at most the action is set, and the process with it.
 */
int tfl_config_parse(int argc, char *const *argv, struct tfl_config *ret_config, struct tfl_mistakes *mistakes);

/**
 * Takes over what can change while tfld runs, and says in @p text what has: "[log] level = debug, …", "" for nothing. @p ret_waiting is
 * set for the rows of which another value waits for a start, and keeps its place.
 */
void tfl_config_take(struct tfl_config *config, const struct tfl_config *from, bool ret_waiting[static TFL_CONFIG_SETTINGS],
		     char *text, size_t size);

/** Tells what was set although something else keeps it from having an effect, a sentence each. */
typedef void (*tfl_config_remark)(void *data, const char *sentence);
void tfl_config_doubts(const struct tfl_config *config, tfl_config_remark remark, void *data);

/** All options, on one screen. */
void tfl_config_print_help(FILE *file);

#endif
