/* SPDX-License-Identifier: MIT */
/*
 * What the operator decides: defaults, over them the configuration file, over that the command line. One table in config.c has a row for
 * each key with its option, range, default and help; systemd/tfld.conf documents the same keys (a test compares the two).
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#define TFL_CONFIG_FILE "/etc/tfld.conf"
#define TFL_CONFIG_PATH_MAX 1024
#define TFL_CONFIG_SOCKET_MAX 108 /* sun_path of a Unix socket */

struct tfl_error;

enum tfl_config_action {
	TFL_CONFIG_RUN,
	TFL_CONFIG_CHECK,   /* --check-config: everything is right, say so and end */
	TFL_CONFIG_HELP,    /* --help: tfl_config_print_help() */
	TFL_CONFIG_VERSION, /* --version */
};

/* Plain data. Sizes are bytes; a number that can be "automatic" is 0 then. */
struct tfl_config {
	enum tfl_config_action action;
	char file[TFL_CONFIG_PATH_MAX]; /* the file that was read, "" for none */

	char models[TFL_CONFIG_PATH_MAX];
	uint64_t instances; /* interpreters of one version; 0: as many as workers */
	uint64_t threads;   /* threads of one inference */

	char socket[TFL_CONFIG_SOCKET_MAX];
	char admin_socket[TFL_CONFIG_SOCKET_MAX]; /* "": the first socket serves every right */
	uint64_t socket_mode;
	uint64_t admin_socket_mode;
	uint64_t connections;
	uint64_t max_frame;
	uint64_t output_queue;

	uint64_t workers; /* 0: one per core */
	uint64_t queue;
	uint64_t request_timeout_ms; /* 0: none */
	uint64_t inline_us;          /* a model that runs in less is run on the loop thread; 0: none */
	uint64_t stop_timeout_ms;    /* for what is in flight when the daemon is told to stop */

	uint64_t uid_connections;
	uint64_t uid_requests;
	uint64_t uid_bytes;

	uint64_t log_level; /* LOG_ERR to LOG_DEBUG */
};

/** The defaults alone. */
void tfl_config_init(struct tfl_config *ret_config);

/**
 * Reads a configuration file over what stands in @p config. Errors name file, line and what would be right: -EINVAL, or what open and
 * read say; @p config is then half changed.
 */
int tfl_config_read(struct tfl_config *config, const char *path, struct tfl_error *error);

/**
 * Defaults, file and command line as main gets it. The file is that of --config, which has to exist, else TFL_CONFIG_FILE where there is
 * one; none is read for --help and --version. Errors: -EINVAL and so on with a sentence.
 */
int tfl_config_parse(int argc, char *const *argv, struct tfl_config *ret_config, struct tfl_error *error);

/** All options and keys with their defaults. */
void tfl_config_print_help(FILE *file);

#endif
