/* SPDX-License-Identifier: MIT */
/*
 * Configuration files as tables: a key is one row that says where it stands in the file, how its text becomes a value, where in a struct
 * that value goes, and what is allowed. tfld.conf (config.h) and model.conf (model_conf.h) are two such tables; reading a file, reading an
 * option, defaults, and printing what is in force walk the same rows.
 *
 * The struct that is filled is plain data and starts as a copy of defaults; beside its values it has a source for each row: where the value
 * comes from. Pure functions; no state.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct tfl_error;
struct tfl_mistakes;

enum tfl_setting_kind {
	TFL_SETTING_PATH,     /* char[max + 1]: text of min to max bytes */
	TFL_SETTING_LABELS,   /* char[max + 1]: the name of a .txt file, without a folder; empty: none */
	TFL_SETTING_CONFIDENCE, /* char[max + 1]: what tfl_confidence_choice_parse() reads */
	TFL_SETTING_NAME,     /* char[max + 1]: any text of min to max bytes */
	TFL_SETTING_COUNT,    /* the others are uint64_t from min to max */
	TFL_SETTING_SIZE,     /* bytes: "64K" */
	TFL_SETTING_DURATION, /* milliseconds: "2s" */
	TFL_SETTING_PERCENT,  /* hundredths: "5%" */
	TFL_SETTING_MODE,     /* permissions: "0660" */
	TFL_SETTING_LEVEL,    /* LOG_ERR to LOG_DEBUG: "info" */
	TFL_SETTING_VERSIONS, /* char[max + 1]: what tfl_policy_parse() reads */
	TFL_SETTING_SWITCH,   /* 0 and 1: "no", "yes" */
	TFL_SETTING_ROUTE,    /* char[max + 1]: what tfl_route_parse() reads */
	TFL_SETTING_SALT,     /* char[max + 1]: like the name of a model; empty: none */
	TFL_SETTING_ROUTE_KEY, /* enum tfl_route_by: "request", "machine-id" */
	TFL_SETTING_GROUPS,   /* char[max + 1]: what tfl_groups_valid() says yes to */
	TFL_SETTING_TRANSITION, /* enum tfl_transition: "availability", "resource" */
	TFL_SETTING_KIND_COUNT
};

/* When another value in the file takes effect. */
enum tfl_setting_when {
	TFL_SETTING_AT_ONCE,  /* when the configuration is read anew (reload.h) */
	TFL_SETTING_AT_LOAD,  /* likewise, of versions that are loaded from then on */
	TFL_SETTING_AT_START, /* when tfld starts */
};

struct tfl_setting {
	const char *section, *key;
	const char *option; /* of the command line; NULL: only in the file */
	size_t offset;      /* of the value in the struct */
	enum tfl_setting_kind kind;
	uint64_t min, max;
	uint64_t number;    /* default */
	const char *text;   /* default of a text; NULL: "" */
	const char *help;   /* of the option */
	enum tfl_setting_when when;
};

#define TFL_SETTING_SOURCE_MAX 64
#define TFL_SETTING_VALUE_MAX 32 /* of a value that is no text */

/* "/etc/tfld.conf:12", "--workers", or "" for the default. */
struct tfl_setting_source {
	char text[TFL_SETTING_SOURCE_MAX];
};

struct tfl_setting_table {
	const struct tfl_setting *rows;
	unsigned count;
	size_t sources; /* offset in the struct of a tfl_setting_source for each row */
};

#define TFL_SETTINGS_MAX 64 /* rows of a table */

/** The defaults, over zeroed memory. */
void tfl_settings_init(const struct tfl_setting_table *table, void *values);

/**
 * Reads the text of a file over what stands in @p values. @p path opens the sentences, @p name goes into sources. -EINVAL after at least
 * one mistake was added; @p values is then half changed.
 */
int tfl_settings_read(const struct tfl_setting_table *table, const char *path, const char *name, const char *text, size_t length,
		      void *values, struct tfl_mistakes *mistakes);

/**
 * Sets one value from a text. -EINVAL with a sentence that goes on from the name of the key: "is 'many', expected …"; then nothing has
 * changed.
 */
int tfl_setting_set(const struct tfl_setting *row, const char *text, void *values, struct tfl_error *error);

/** The value as it would stand in the file: the text itself, or what is written to @p buffer. */
const char *tfl_setting_format(const struct tfl_setting *row, const void *values, char buffer[static TFL_SETTING_VALUE_MAX]);

/** Whether two structs have the same value; and takes that of one, and where it comes from, over into the other. */
bool tfl_setting_equal(const struct tfl_setting *row, const void *a, const void *b);
void tfl_setting_take(const struct tfl_setting_table *table, unsigned row, void *values, const void *from);

/** What a row allows, in words: "a number from 0 to 64". Returns @p buffer. */
const char *tfl_setting_expected(const struct tfl_setting *row, char *buffer, size_t size);

/** What help calls the value: "N". */
const char *tfl_setting_placeholder(const struct tfl_setting *row);

/** Where the value of a row comes from; for setting it, too. */
static inline struct tfl_setting_source *tfl_setting_source(const struct tfl_setting_table *table, unsigned row, void *values)
{
	return (struct tfl_setting_source *)((char *)values + table->sources) + row;
}

/** Prints what is in force as a file that would set it, with the source of each value behind it. */
void tfl_settings_print(const struct tfl_setting_table *table, const void *values, FILE *file);

#endif
