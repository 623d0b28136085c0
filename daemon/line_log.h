/* SPDX-License-Identifier: MIT */
/*
 * JSON lines in a folder, for whatever uploads logs: a file that lines are added to, tfld.jsonl, and older ones beside it that are
 * complete, tfld-00000001-20261126T034000Z.jsonl and so on. When the first would pass its size it takes its place among the others, and the
 * oldest of those goes, so that the folder never holds more than was allowed. The number in a name counts up for as long as the folder is
 * there: names sort by age even where the clock was wrong, and none comes twice.
 *
 * The folder may vanish, be full or read-only at any time: then a line is lost and counted, and the next one tries anew.
 *
 * Thread: one at a time. Waits for the disk.
 */
#ifndef DAEMON_LINE_LOG_H
#define DAEMON_LINE_LOG_H

#include <jansson.h>
#include <stdint.h>

struct tfl_error;
struct tfl_line_log;

#define TFL_LINE_LOG_FILE "tfld.jsonl"

struct tfl_line_log_options {
	const char *folder;  /* borrowed, as all texts; outlives the log */
	uint64_t file_bytes; /* of a file, at most; a line that is longer has one to itself */
	uint64_t files;      /* at most, at least 2 */
	const char *device;  /* what lines call this device; "": its host name */
};

/** Nothing is touched on disk before the first line. 0 or -ENOMEM. */
int tfl_line_log_create(const struct tfl_line_log_options *options, struct tfl_line_log **ret_log);
void tfl_line_log_destroy(struct tfl_line_log *log);

/**
 * Adds a line: schema, time (@p time, seconds since 1970), device, run (a random name of this log, anew with each start) and seq (counts
 * the lines of the run, lost ones too), then @p members, whose reference is taken over whatever happens; NULL is -ENOMEM. 0, or -errno with
 * a sentence, and the line is lost.
 */
int tfl_line_log_add(struct tfl_line_log *log, const char *schema, int64_t time, json_t *members, struct tfl_error *error);

/** Lines that were lost, of all since the start. */
uint64_t tfl_line_log_lost(const struct tfl_line_log *log);

#endif
