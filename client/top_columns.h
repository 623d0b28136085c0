/* SPDX-License-Identifier: MIT */
/* The columns of the list of versions. */
#ifndef CLIENT_TOP_COLUMNS_H
#define CLIENT_TOP_COLUMNS_H

#include "client/top.h"

#define TOP_COLUMNS 15

/* Which columns are shown, and how. */
struct top_layout {
	bool shown[TOP_COLUMNS];
	unsigned model; /* width of the first one */
	unsigned gap;
};

/** As many columns as @p width has room for. @p table may be NULL. */
struct top_layout top_lay_out(const struct top_table *table, unsigned width);

/** The names of the columns; @p view (may be NULL): the one that is sorted by is marked. */
void top_head_draw(const struct top_layout *layout, const struct top_view *view, struct top_lines *lines);

/** The cells of a version, added to the last line. */
void top_row_draw(const struct top_layout *layout, const struct top_row *row, enum top_style line_style, struct top_lines *lines);

/** "0", "2.5", "812", "12.3k": at most six columns. @p text: TOP_TEXT_MAX. */
void top_format_rate(char *text, double per_s);

#endif
