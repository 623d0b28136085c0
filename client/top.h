/* SPDX-License-Identifier: MIT */
/*
 * tflctl top, in four layers: what the daemon said becomes a table (top_table.c, top_news.c), a table becomes lines (top_view.c,
 * top_detail.c), lines go to the terminal (top_screen.c), or a table goes out as text or JSON (cmd_top.c). The first three know no
 * terminal, so tests need none.
 *
 * Everything counts from one answer to another: requests a second since the last refresh; latency and failures in the last minute, or
 * since top began.
 */
#ifndef CLIENT_TOP_H
#define CLIENT_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "client/roles.h"
#include "client/times.h"
#include "client/top_lines.h"
#include "stats/confidence.h"
#include "stats/drift.h"

struct ctl;
struct tfl_client;
struct tfl_call_error;

#define TOP_TEXT_MAX 256

/* What is known of a version's confidence: of its first output that says how sure it is. */
struct top_seen {
	uint64_t seconds; /* of the window: at most an hour */
	struct tfl_confidence now, baseline;
	struct tfl_drift drift;
	bool baseline_set;
	unsigned heads; /* outputs that say how sure they are; 0: none, and reason says why */
	char name[TOP_TEXT_MAX], kind[TOP_TEXT_MAX], reason[TOP_TEXT_MAX];
};

/* A version. Zero where it is not in memory, and has no counters. */
struct top_row {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t version;
	char state[16], reason[TOP_TEXT_MAX];
	uint64_t since; /* Unix time */
	bool active, trial;
	double share;              /* of its model's route, 0: none */
	char roles[CTL_ROLES_MAX]; /* all of them, "active" among them */
	json_t *shadow;            /* what it does as one, as stats has it; NULL: it is none */
	bool counted;          /* it has counters … */
	bool rated;            /* … and had them at the refresh before */
	double requests_per_s; /* since then */
	uint64_t requests, failed, failed_lately;
	char results[TOP_TEXT_MAX]; /* "1200 OK, 3 CANCELLED" */
	uint64_t waiting, running;
	uint64_t memory;
	struct ctl_times times[CTL_STAGES]; /* lately */
	struct top_seen *seen;              /* NULL: not known yet */
};

#define TOP_CHANGES_MAX 16
#define TOP_TRIALS_MAX 4

struct top_change {
	uint64_t number, version; /* 0: about none */
	int64_t at;               /* of the monotonic clock, as all ages are */
	char model[TFL_MODEL_NAME_MAX + 1], kind[24], text[3 * TOP_TEXT_MAX];
};

struct top_trial {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t candidate, previous, requests, requests_wanted, seconds, seconds_wanted;
	char nearest[24]; /* the limit that there is most evidence against, by its name; "": none */
	double evidence;  /* of that: 1 trips it */
};

/* What happens to versions, beside what they do. */
struct top_news {
	struct top_change changes[TOP_CHANGES_MAX]; /* the latest first */
	unsigned change_count, fresh;               /* and how many of them are news since the refresh before */
	struct top_trial trials[TOP_TRIALS_MAX];
	unsigned trial_count;
};

/* What one refresh gave. Its owner's alone. */
struct top_table {
	uint64_t time;     /* Unix time */
	double interval_s; /* what requests a second are of; 0: the first one */
	double window_s;   /* what latency and failures are of */
	char server[TOP_TEXT_MAX];
	uint64_t uptime_ns, requests, memory;
	double requests_per_s;
	uint64_t connections, refused, workers, busy, waiting, capacity;
	char conditions[TOP_TEXT_MAX]; /* what is wrong with the service, "; " between; empty: nothing */
	int64_t at; /* of the monotonic clock */
	struct top_news news;
	struct top_row *rows;
	unsigned count;
};

/* top_table.c */

/* Asks the daemon again and again, and remembers what differences need. One thread at a time. */
struct top_source;

int top_source_create(struct tfl_client *client, struct top_source **ret_source);
void top_source_destroy(struct top_source *source);

/** Asks; the table is the caller's. As the library's functions; after a failure the next refresh goes on. */
int top_source_refresh(struct top_source *source, struct top_table **ret_table, struct tfl_call_error *error);

void top_table_destroy(struct top_table *table);

/* top_news.c */

/* What is known of changes. Zeroed memory: nothing. */
struct top_memory {
	struct top_change changes[TOP_CHANGES_MAX];
	unsigned count;
	int64_t asked; /* 0: never */
};

/** Asks for what the table's rows do not say; what a daemon does not know is left out. As the library's functions. */
int top_news_ask(struct top_memory *memory, struct tfl_client *client, struct top_table *table, struct tfl_call_error *error);

json_t *top_news_trials_json(const struct top_news *news);
json_t *top_news_changes_json(const struct top_table *table);

/* top_news_view.c */

/** How old a change is, in seconds. */
uint64_t top_news_age(const struct top_table *table, const struct top_change *change);

/** Lines about trials and changes, at most @p room of them; none where there is nothing to tell. */
void top_news_draw(const struct top_table *table, unsigned room, struct top_lines *lines);

/* top_view.c, top_detail.c */

/* Keys as the view knows them; characters are themselves. */
enum top_key {
	TOP_KEY_UP = 256,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_ESCAPE,
};

/* What is looked at and how. Zeroed memory is where it begins. The chosen version is remembered by name, for rows come and go. */
struct top_view {
	unsigned sort; /* column */
	bool reverse;
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t version;
	bool open, help, paused, quit;
	unsigned first;    /* line, of what is scrolled */
	unsigned page;     /* lines that the last drawing had room for */
	bool to_cursor;    /* the next drawing scrolls to the chosen version */
};

/** Does what a key means; @p table (may be NULL) in the view's order, as top_view_sort() leaves it. */
void top_view_key(struct top_view *view, const struct top_table *table, int key);

/** Puts rows into the view's order, and chooses one where none is chosen. */
void top_view_sort(struct top_view *view, struct top_table *table);

/**
 * Draws @p height lines of at most @p width columns. @p table may be NULL while there is none; @p trouble: why there is no newer one, or
 * NULL.
 */
void top_view_draw(struct top_view *view, const struct top_table *table, const char *trouble, unsigned width, unsigned height,
		   struct top_lines *lines);

/** The lines about one version, as many as they are, fitting @p width; @p height: what a screen has room for. */
void top_detail_draw(const struct top_row *row, double window_s, unsigned width, unsigned height, struct top_lines *lines);

/** The lines of a table for a pipe, rows in the table's order; with @p head the columns' names first. */
void top_plain_draw(const struct top_table *table, bool head, struct top_lines *lines);

/** A verdict's colour. */
enum top_style top_verdict_style(enum tfl_drift_verdict verdict);

/** Eight bars for the confidences from 0 to 1; @p buffer has 25 bytes. */
char *top_sparkline(const struct tfl_confidence *confidence, char *buffer);

/** "27.4µs", "1.23ms": at most six columns. @p buffer: CTL_UNIT_MAX. */
char *top_duration(char *buffer, double nanoseconds);

/* top_screen.c */

/** The full screen until somebody leaves it; -ENOTTY where the terminal is not up to it. Else 0. */
int top_screen_run(struct tfl_client *client, int interval_ms);

/* top_terminal.c */

/** Whether standard output is a terminal that is known and whose cursor can be put anywhere. */
bool top_terminal_capable(void);

/* top_json.c */

/** A refresh as JSON: a new reference, NULL without memory. */
json_t *top_json(const struct top_table *table);

#endif
