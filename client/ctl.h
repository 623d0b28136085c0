/* SPDX-License-Identifier: MIT */
/*
 * What the commands of tflctl share: their table, the options, one connection, and how failures and results reach the person or the
 * program that reads them. One thread; everything lives until the process ends, or as its comment says.
 */
#ifndef CLIENT_CTL_H
#define CLIENT_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "client/tflclient.h"

/* Exit statuses. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1, /* the request failed */
	CTL_USAGE = 2,
};

struct ctl_command;

/* The global options, and what main() keeps. */
#define CTL_ADMIN_SOCKET "/run/tfld/tfld-admin.sock" /* of the unit tfld-admin.socket */

struct ctl {
	const char *socket;
	int timeout_ms; /* 0: not given */
	bool json;
	bool help;
	bool version;
	const struct ctl_command *command;
	struct tfl_client *client; /* while a command runs */
};

enum ctl_option_kind {
	CTL_FLAG,   /* bool */
	CTL_STRING, /* const char * */
	CTL_NUMBER, /* int from min to max, which are above 0 */
	CTL_LIST,   /* struct ctl_list: may be given several times */
};

#define CTL_LIST_MAX 64

struct ctl_list {
	const char *items[CTL_LIST_MAX];
	unsigned count;
};

struct ctl_option {
	const char *name;     /* without "--" */
	const char *argument; /* what help calls its value; NULL for a flag */
	enum ctl_option_kind kind;
	size_t offset; /* of the member that it sets */
	const char *help;
	int min, max;        /* of a number */
	const char *choices; /* the words that a string may be, "auto raw"; NULL: any */
	const char *hints;   /* words that completion offers though others are right too; NULL: none */
	const char *alias;   /* another name that is understood and not shown; NULL: none */
	char letter;         /* with one dash, 'o' for -o; 0: none */
};

struct ctl_option_table {
	const struct ctl_option *options;
	unsigned count;
};

/* Where help lists a command. */
enum ctl_command_group {
	CTL_GROUP_MODELS,
	CTL_GROUP_WATCH,
	CTL_GROUP_COUNT
};

#define CTL_BRIEF_MAX 26

/* What a command was given. Strings are argv's. */
struct ctl_arguments {
	const char **operands; /* and NULL for each that was not given, of two at least */
	void *options;         /* the command's struct; zero for what was not given */
};

struct ctl_command {
	const char *name;
	const char *operands; /* as help shows them; the first is a model, unless local */
	unsigned operands_min, operands_max; /* UINT_MAX: any number of the last */
	enum ctl_command_group group;
	const char *brief;   /* for the list of all commands: at most CTL_BRIEF_MAX columns */
	const char *summary; /* one line */
	const char *details; /* paragraphs for help, or NULL */
	struct ctl_option_table table;
	size_t options_size;
	int timeout_ms; /* of one call, unless --timeout is given; 0: the library's 10,000 */
	int reconnect_ms; /* how long a call on a lost connection tries to reach the daemon; 0: the library's 2,000 */
	bool connects;  /* run() calls ctl_connect() itself, if it has to */
	bool local;     /* needs no daemon: run() is called without a connection, and the first operand is no model */

	/*
	 * Most commands are one call to the daemon, whose answer is printed. call() fails as the library's functions do; print() is for
	 * people,
	 * --json prints any answer. status() (may be NULL) gives the exit status from the answer.
	 */
	int (*call)(struct tfl_client *client, const struct ctl_arguments *arguments, struct tfl_value **ret_value,
		    struct tfl_call_error *error);
	void (*print)(const struct tfl_value *value, const struct ctl_arguments *arguments);
	int (*status)(const struct tfl_value *value);

	/* Looks at the command line before anything is connected; may be NULL. CTL_OK, or what ctl_usage() gives. */
	int (*check)(const struct ctl *ctl, const struct ctl_arguments *arguments);
	/* Instead of call(): connected, does all itself and gives the exit status. */
	int (*run)(struct ctl *ctl, const struct ctl_arguments *arguments);
};

extern const struct ctl_command ctl_cmd_baseline, ctl_cmd_bench, ctl_cmd_compare, ctl_cmd_describe, ctl_cmd_drift, ctl_cmd_hist, ctl_cmd_infer,
	ctl_cmd_inspect, ctl_cmd_load, ctl_cmd_logs, ctl_cmd_ls, ctl_cmd_merge, ctl_cmd_metrics, ctl_cmd_record, ctl_cmd_report, ctl_cmd_rollback,
	ctl_cmd_history, ctl_cmd_watch, ctl_cmd_stats, ctl_cmd_swap, ctl_cmd_top, ctl_cmd_trial, ctl_cmd_unload, ctl_cmd_validate,
	ctl_cmd_health, ctl_cmd_label, ctl_cmd_route, ctl_cmd_version;

extern const struct ctl_option_table ctl_global_options;

/* tflctl.c */

/** All commands, as help lists them; and the one of a name, or NULL. */
const struct ctl_command *const *ctl_commands(unsigned *ret_count);
const struct ctl_command *ctl_find_command(const char *name);

/* options.c */

/**
 * Reads @p argv (@p argc entries, the command's name left out) into @p ret_arguments, whose options point to zeroed memory, and into @p
 * ctl. With a NULL @p command only global options are read, up to the first operand. *ret_used: entries read. 0, or -EINVAL with a
 * sentence.
 */
int ctl_options_parse(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv, struct ctl_arguments *ret_arguments,
		      int *ret_used, struct tfl_error *error);

/** The option of @p command (which may be NULL) or the global one with this name, or NULL. */
const struct ctl_option *ctl_find_option(const struct ctl_command *command, const char *name, size_t length, bool *ret_global);

/** The option of @p command (which may be NULL) that has this letter, or NULL. */
const struct ctl_option *ctl_find_letter(const struct ctl_command *command, char letter);

/* help.c */

/** Prints the help of a command, or of tflctl. Both fit a screen of 24 lines and 80 columns. */
void ctl_help_command(const struct ctl_command *command);
void ctl_help(void);

/* complete.c */

/**
 * For the shell: prints what the last of the @p count words of a command line (the program's name left out) could become, a line each;
 * ":files" for a file. What the daemon would have to be asked for is left out when it does not answer. Returns CTL_OK.
 */
int ctl_complete(char *const *words, unsigned count);

/* report.c */

/** Says that the request failed: "tflctl: …" on stderr, with --json {"error": …} on stdout. Returns CTL_FAILED. */
int ctl_fail(const struct ctl *ctl, enum tfl_status status, const char *message);
int ctl_fail_file(const struct ctl *ctl, const struct tfl_error *error);

/** A file's fault as that of a call. Returns error->code. */
int ctl_file_error(const struct tfl_error *error, struct tfl_call_error *ret_error);

/**
 * For calls that the daemon goes on with after nobody waits for them: where @p r is a timeout, the sentence says so. @p doing: "loading".
 * Returns @p r.
 */
int ctl_note_timeout(int r, const char *doing, struct tfl_call_error *error);

/** Says what is wrong with the command line and where to read on. Returns CTL_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *message);

/** Connects, as ctl_run() does for most commands: CTL_OK, or the exit status, with the reason said. */
int ctl_connect(struct ctl *ctl);

/** Connects and runs ctl->command. Returns the exit status. */
int ctl_run(struct ctl *ctl, const struct ctl_arguments *arguments);

/** Prints a whole JSON text; takes over the reference. CTL_OK, or CTL_FAILED for NULL (no memory). */
int ctl_print_json(const struct ctl *ctl, json_t *json);

/** @p value as JSON: a new reference, NULL without memory. Binary data becomes an array of numbers. */
json_t *ctl_json_of(const struct tfl_value *value);

#endif
