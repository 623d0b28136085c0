/* SPDX-License-Identifier: MIT */
/*
 * tflctl report. First everything that the page shows is put together as JSON (page_figures.c), which is also what --json prints; then a
 * page is made of that and of nothing else (page_html.c, page_charts.c), so the two cannot disagree. Whatever stands in the JSON as text
 * came from others and is escaped where it is written.
 */
#ifndef CLIENT_PAGE_H
#define CLIENT_PAGE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct tfl_call_error;
struct tfl_client;
struct tfl_value;

/* A value among the figures, and where it stands: "heads.0.drift.psi". Plain data; the value is the figures'. */
struct page_node {
	const json_t *value; /* NULL: there is none */
	char path[96];
};

/* How a figure is written for people. */
enum page_format {
	PAGE_TEXT,
	PAGE_COUNT,
	PAGE_REAL,     /* three digits behind the point */
	PAGE_SHARE,    /* 0.123 as 12.3 % */
	PAGE_DURATION, /* of nanoseconds */
	PAGE_SECONDS,
	PAGE_BYTES,
	PAGE_TIME, /* of seconds since 1970, UTC */
};

/* page_figures.c */

/** Asks the daemon about @p model ("digits" or "digits@2"). As the library's functions; *ret_figures is a new reference. */
int page_figures(struct tfl_client *client, const char *model, json_t **ret_figures, struct tfl_call_error *error);

void page_set_number(json_t *object, const char *key, uint64_t value);
void page_set_real(json_t *object, const char *key, double value);
void page_set_text(json_t *object, const char *key, const char *value);

/* page_serving.c */

/**
 * How requests to @p model are served: its "route", the "trial" that runs, its "shadow" (each null where there is none), and versions that
 * were "rejected". @p versions: those of stats. What cannot be asked is left out, for it may have gone meanwhile.
 */
void page_add_serving(json_t *figures, struct tfl_client *client, const char *model, const struct tfl_value *versions);

/* page_text.c */

struct page_node page_root(const json_t *figures);
struct page_node page_get(const struct page_node *node, const char *key);
struct page_node page_at(const struct page_node *node, size_t index);

/** A number, 0 for what is none; a text, "" likewise. */
double page_number(const struct page_node *node, const char *key);
const char *page_string(const struct page_node *node, const char *key);

/** Text between tags or in a quoted attribute. What is no character for HTML becomes U+FFFD. */
void page_escape(FILE *out, const char *text);

/**
 * A figure as people read it, in an element that also has it as the JSON has it: <data value="0.0123" data-at="heads.0.drift.psi"
 * data-as="real">0.012</data>.
 */
void page_figure(FILE *out, const struct page_node *parent, const char *key, enum page_format format);

/** HTML as it stands, but for "{key:format}", which is such a figure: "<p>Version {version:count}</p>". */
void page_figures_in(FILE *out, const struct page_node *parent, const char *html);

/** A figure in a cell of a table. */
void page_cell(FILE *out, const struct page_node *parent, const char *key, enum page_format format);

/* page_charts.c; each is an <svg> with a title and a description. */

/** @p bins: [{"from", "to", "now_share", "baseline_share"}]. @p what: "confidence". */
void page_chart_histogram(FILE *out, const struct page_node *bins, const char *what);

/** @p series: [{"age_s", "length_s", "psi", "verdict"}] of the last @p span_s seconds; @p changes are marked. @p generated: Unix time. */
void page_chart_drift(FILE *out, const struct page_node *series, const struct page_node *changes, double generated, double span_s);

/** @p bars: [{"from_ns", "to_ns", "count"}], ascending; percentiles of @p total are marked. */
void page_chart_latency(FILE *out, const struct page_node *bars, const struct page_node *total);

/** A bar for a cell of a table: @p share of its width, and a mark at @p before (negative: none). */
void page_bar(FILE *out, double share, double before);

/* page_style.c */

extern const char page_style[];

/* page_html.c */

/** The whole page. */
void page_write(FILE *out, const json_t *figures);

#endif
