/* SPDX-License-Identifier: MIT */
/*
 * On disk a history is a map {"format": 1, "boot", "boot_s", "wall_s", "heads": [head], "recent"}, of the moment when it was written, with a head {"output", "kind",
 * "classes", "total", "counts", "baseline", "set", "since", "age_s", "minutes", "hours"}. "age_s": since when there are windows; "minutes" and "hours":
 * those that are not empty, {"back", "histogram", "counts"}, where 0 is the one that ran. histogram.h says what histograms and counts are; recent.c, what
 * "recent" is, which older daemons neither wrote nor read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/fields.h"
#include "daemon/heads.h"
#include "daemon/histogram.h"
#include "daemon/history_internal.h"
#include "daemon/moment.h"
#include "daemon/recorder.h"
#include "proto/params.h"
#include "proto/reader.h"

#define FORMAT 1
#define AGE_MAX (2 * TFL_WINDOWS_HOURS * 3600) /* seconds after which no window is left */

static const char *const window_keys[TFL_WINDOW_LENGTHS] = {
	[TFL_WINDOW_MINUTE] = "minutes",
	[TFL_WINDOW_HOUR] = "hours",
};

static bool is_empty(const struct tfl_confidence *confidence)
{
	return confidence->count + confidence->invalid == 0;
}

static void write_window(struct tfl_writer *writer, unsigned back, const struct tfl_confidence *confidence, const uint64_t *classes,
			 uint32_t counted)
{
	tfl_writer_map(writer, 3);
	tfl_field_uint(writer, "back", back);
	tfl_histogram_write(writer, "histogram", confidence);
	tfl_counters_write(writer, "counts", classes, counted);
}

static void write_windows(struct tfl_writer *writer, const struct tfl_windows *windows, enum tfl_window_length length, uint32_t counted)
{
	unsigned count = tfl_windows_count(windows, length), used = 0;
	bool empty[TFL_WINDOWS_MINUTES];

	for (unsigned back = 0; back < count; back++) {
		struct tfl_confidence confidence = {0};

		tfl_windows_add(windows, length, back, &confidence, NULL);
		empty[back] = is_empty(&confidence);
		used += !empty[back];
	}
	tfl_field_array(writer, window_keys[length], used);
	for (unsigned back = 0; back < count; back++) {
		struct tfl_confidence confidence = {0};
		uint64_t classes[TFL_CONFIDENCE_CLASSES_MAX] = {0};

		if (empty[back])
			continue;
		tfl_windows_add(windows, length, back, &confidence, classes);
		write_window(writer, back, &confidence, classes, counted);
	}
}

static void write_head(struct tfl_writer *writer, const struct tfl_head *head, const struct tfl_history_head *seen, const struct tfl_moment *now)
{
	unsigned count = tfl_windows_count(seen->windows, TFL_WINDOW_HOUR);
	int64_t age = count ? now->seconds - tfl_windows_began(seen->windows, TFL_WINDOW_HOUR, count - 1) : 0;

	tfl_writer_map(writer, 9 + TFL_WINDOW_LENGTHS);
	tfl_field_uint(writer, "output", head->source.output);
	tfl_field_text(writer, "kind", tfl_confidence_kind_to_string(head->source.kind));
	tfl_field_uint(writer, "classes", head->source.classes);
	tfl_histogram_write(writer, "total", &seen->total);
	tfl_counters_write(writer, "counts", seen->classes, head->counted);
	tfl_histogram_write(writer, "baseline", &seen->baseline.confidence);
	tfl_field_bool(writer, "set", seen->baseline.set);
	tfl_field_uint(writer, "since", (uint64_t)seen->baseline.since);
	tfl_field_uint(writer, "age_s", age > 0 ? (uint64_t)age : 0);
	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS; i++)
		write_windows(writer, seen->windows, (enum tfl_window_length)i, head->counted);
}

static void write_all(const struct tfl_history *history, const struct tfl_moment *now, struct tfl_writer *writer)
{
	tfl_writer_begin(writer);
	tfl_writer_map(writer, 6);
	tfl_field_uint(writer, "format", FORMAT);
	tfl_field_text(writer, "boot", now->boot);
	tfl_field_uint(writer, "boot_s", (uint64_t)now->seconds);
	tfl_field_uint(writer, "wall_s", now->wall > 0 ? (uint64_t)now->wall : 0);
	tfl_field_array(writer, "heads", history->heads->count);
	for (unsigned i = 0; i < history->heads->count; i++)
		write_head(writer, &history->heads->items[i], &history->items[i].now, now);
	tfl_writer_text(writer, "recent");
	tfl_recent_write(history->recent, writer, now->seconds);
}

/* A frame without its length. */
int tfl_history_encode(struct tfl_history *history, const struct tfl_moment *now, struct tfl_writer *writer, void **ret_data, size_t *ret_size)
{
	int r;

	write_all(history, now, writer);
	r = tfl_writer_take_value(writer, ret_data, ret_size);
	if (r == 0)
		history->changed = false;
	return r;
}

/* ---- From disk: nothing in it is trusted ---- */

struct stored_head {
	uint32_t output, classes;
	struct tfl_string kind;
	struct tfl_slice total, baseline;
	struct tfl_wire_array counts;
	bool set;
	uint64_t since;
	uint32_t age;
	struct tfl_wire_array windows[TFL_WINDOW_LENGTHS];
};

#define AT(field) offsetof(struct stored_head, field)
static const struct tfl_param head_rows[] = {
	{"output", TFL_PARAM_UINT32, true, AT(output), 0, UINT32_MAX, NULL},
	{"kind", TFL_PARAM_STRING, true, AT(kind), 1, 32, NULL},
	{"classes", TFL_PARAM_UINT32, true, AT(classes), 0, UINT32_MAX, NULL},
	{"total", TFL_PARAM_VALUE, true, AT(total), 0, 0, NULL},
	{"counts", TFL_PARAM_ARRAY, true, AT(counts), 0, 2 * TFL_CONFIDENCE_CLASSES_MAX, "counters"},
	{"baseline", TFL_PARAM_VALUE, true, AT(baseline), 0, 0, NULL},
	{"set", TFL_PARAM_BOOL, true, AT(set), 0, 0, NULL},
	{"since", TFL_PARAM_UINT64, true, AT(since), 0, INT64_MAX, NULL},
	{"age_s", TFL_PARAM_UINT32, true, AT(age), 0, UINT32_MAX, NULL},
	{"minutes", TFL_PARAM_ARRAY, true, AT(windows[TFL_WINDOW_MINUTE]), 0, TFL_WINDOWS_MINUTES, "windows"},
	{"hours", TFL_PARAM_ARRAY, true, AT(windows[TFL_WINDOW_HOUR]), 0, TFL_WINDOWS_HOURS, "windows"},
};
#undef AT

struct stored_window {
	uint32_t back;
	struct tfl_slice histogram;
	struct tfl_wire_array counts;
};

#define AT(field) offsetof(struct stored_window, field)
static const struct tfl_param window_rows[] = {
	{"back", TFL_PARAM_UINT32, true, AT(back), 0, TFL_WINDOWS_MINUTES - 1, NULL},
	{"histogram", TFL_PARAM_VALUE, true, AT(histogram), 0, 0, NULL},
	{"counts", TFL_PARAM_ARRAY, true, AT(counts), 0, 2 * TFL_CONFIDENCE_CLASSES_MAX, "counters"},
};
#undef AT

struct stored {
	uint32_t format;
	struct tfl_string boot;
	uint64_t seconds, wall;
	struct tfl_wire_array heads;
	struct tfl_slice recent;
};

#define AT(field) offsetof(struct stored, field)
static const struct tfl_param stored_rows[] = {
	{"format", TFL_PARAM_UINT32, true, AT(format), FORMAT, FORMAT, NULL},
	{"boot", TFL_PARAM_STRING, true, AT(boot), 0, TFL_BOOT_ID_MAX, NULL},
	{"boot_s", TFL_PARAM_UINT64, true, AT(seconds), 0, INT64_MAX, NULL},
	{"wall_s", TFL_PARAM_UINT64, true, AT(wall), 0, INT64_MAX, NULL},
	{"heads", TFL_PARAM_ARRAY, true, AT(heads), 0, TFL_CONFIDENCE_OUTPUTS_MAX, "heads"},
	{"recent", TFL_PARAM_VALUE, false, AT(recent), 0, 0, NULL},
};
#undef AT

static const struct tfl_param_table head_table = TFL_PARAM_TABLE(head_rows, struct stored_head);
static const struct tfl_param_table window_table = TFL_PARAM_TABLE(window_rows, struct stored_window);
static const struct tfl_param_table stored_table = TFL_PARAM_TABLE(stored_rows, struct stored);

static bool fits(const struct tfl_head *head, const struct stored_head *stored)
{
	return stored->output == head->source.output && stored->classes == head->source.classes &&
	       tfl_string_equal(stored->kind, tfl_confidence_kind_to_string(head->source.kind));
}

/* When something was written, and when it is read. */
struct span {
	struct tfl_moment then, now;
	int64_t elapsed;
};

/* How many windows before the one that runs now the one lies that was @p back before the one that ran then: the nearest. */
static unsigned place(const struct span *span, enum tfl_window_length length, unsigned back)
{
	int64_t seconds = tfl_windows_seconds(length);
	int64_t ago = span->elapsed + span->then.seconds % seconds + back * seconds; /* that it began */
	int64_t away = (ago - span->now.seconds % seconds + seconds / 2) / seconds;

	return away > 0 ? (unsigned)away : 0;
}

static int restore_window(struct tfl_windows *windows, enum tfl_window_length length, const struct span *span, struct tfl_slice value,
			  uint32_t counted, struct tfl_error *error)
{
	uint64_t classes[TFL_CONFIDENCE_CLASSES_MAX] = {0}, sum;
	struct tfl_confidence confidence;
	struct stored_window stored;
	int r;

	r = tfl_params_parse(&window_table, value, "window", &stored, error);
	if (r == 0)
		r = tfl_histogram_read(stored.histogram, &confidence, error);
	if (r == 0)
		r = tfl_counters_read(&stored.counts, classes, counted, &sum, error);
	if (r == 0 && (confidence.count > UINT32_MAX || confidence.invalid > UINT32_MAX || sum > UINT32_MAX))
		r = tfl_error_set(error, -EINVAL, "a window has more verdicts than there can be");
	if (r == 0)
		tfl_windows_put(windows, length, place(span, length, stored.back), &confidence, classes);
	return r;
}

static int restore_windows(struct tfl_windows *windows, const struct stored_head *stored, const struct span *span, uint32_t counted,
			   struct tfl_error *error)
{
	int64_t age = span->elapsed + stored->age;
	int r = 0;

	tfl_windows_begin(windows, span->now.seconds - (age < AGE_MAX ? age : AGE_MAX), span->now.seconds);
	for (unsigned i = 0; i < TFL_WINDOW_LENGTHS && r == 0; i++) {
		struct tfl_reader reader = tfl_reader_of(stored->windows[i].elements);
		struct tfl_slice window;

		for (uint32_t j = 0; j < stored->windows[i].count && r == 0; j++) {
			r = tfl_reader_skip(&reader, "a window", &window, error);
			if (r == 0)
				r = restore_window(windows, (enum tfl_window_length)i, span, window, counted, error);
		}
	}
	return r;
}

static int restore_item(struct tfl_history_item *item, const struct stored_head *stored, const struct span *span, uint32_t counted,
			struct tfl_error *error)
{
	uint64_t sum;
	int r;

	if (tfl_windows_count(item->now.windows, TFL_WINDOW_MINUTE) > 0)
		return tfl_error_set(error, -EINVAL, "output %u is there twice", stored->output);
	r = tfl_histogram_read(stored->total, &item->restored, error);
	if (r == 0)
		r = tfl_counters_read(&stored->counts, item->restored_classes, counted, &sum, error);
	if (r == 0)
		r = tfl_histogram_read(stored->baseline, &item->restored_baseline, error);
	if (r == 0)
		r = restore_windows(item->now.windows, stored, span, counted, error);
	item->now.total = item->restored; /* so the first advance brings no news of its own */
	item->now.baseline = (struct tfl_baseline){item->restored_baseline, stored->set, (int64_t)stored->since};
	return r;
}

static int restore_head(struct tfl_history *history, struct tfl_slice value, const struct span *span, struct tfl_error *error)
{
	struct stored_head stored;
	int r;

	r = tfl_params_parse(&head_table, value, "head", &stored, error);
	for (unsigned i = 0; r == 0 && i < history->heads->count; i++)
		if (fits(&history->heads->items[i], &stored))
			r = restore_item(&history->items[i], &stored, span, history->heads->items[i].counted, error);
	return r;
}

static struct span span_of(const struct stored *stored, const struct tfl_moment *now)
{
	struct span span = {.then = {.seconds = (int64_t)stored->seconds, .wall = (int64_t)stored->wall}, .now = *now};

	if (stored->boot.length > 0) /* at most TFL_BOOT_ID_MAX, as its row says */
		memcpy(span.then.boot, stored->boot.text, stored->boot.length);
	span.elapsed = tfl_moment_elapsed(&span.then, now);
	if (span.elapsed > AGE_MAX)
		span.elapsed = AGE_MAX;
	return span;
}

/* Whether the confidence of its latest requests is that of the head that is the first one now. */
static bool first_fits(const struct tfl_history *history, const struct stored *stored)
{
	struct tfl_reader reader = tfl_reader_of(stored->heads.elements);
	struct stored_head head;
	struct tfl_slice value;

	return history->heads->count > 0 && stored->heads.count > 0 && tfl_reader_skip(&reader, "a head", &value, NULL) == 0 &&
	       tfl_params_parse(&head_table, value, "head", &head, NULL) == 0 && fits(&history->heads->items[0], &head);
}

static int restore(struct tfl_history *history, struct tfl_slice value, const struct tfl_moment *now, struct tfl_error *error)
{
	struct tfl_reader reader;
	struct tfl_slice head;
	struct stored stored;
	struct span span;
	int r;

	r = tfl_reader_validate(value, error);
	if (r == 0)
		r = tfl_params_parse(&stored_table, value, "statistics", &stored, error);
	if (r < 0)
		return r;
	span = span_of(&stored, now);
	reader = tfl_reader_of(stored.heads.elements);
	for (uint32_t i = 0; i < stored.heads.count && r == 0; i++) {
		r = tfl_reader_skip(&reader, "a head", &head, error);
		if (r == 0)
			r = restore_head(history, head, &span, error);
	}
	if (r == 0 && stored.recent.data)
		r = tfl_recent_restore(history->recent, stored.recent, span.elapsed, now->seconds, first_fits(history, &stored), error);
	return r;
}

static void forget(struct tfl_history *history)
{
	for (unsigned i = 0; i < history->heads->count; i++) {
		struct tfl_history_item *head = &history->items[i];

		head->restored = head->restored_baseline = head->now.total = (struct tfl_confidence){0};
		head->now.baseline = (struct tfl_baseline){.set = false};
		memset(head->restored_classes, 0, history->heads->items[i].counted * sizeof(uint64_t));
		tfl_windows_forget(head->now.windows);
	}
}

int tfl_history_restore(struct tfl_history *history, const void *data, size_t size, const struct tfl_moment *now, struct tfl_recorder *recorder,
			struct tfl_error *error)
{
	int r = size ? restore(history, (struct tfl_slice){data, size}, now, error) : 0;

	if (r < 0)
		forget(history);
	tfl_recent_begin(history->recent, now->seconds);
	for (unsigned i = 0; i < history->heads->count; i++) {
		const struct tfl_baseline *baseline = &history->items[i].now.baseline;
		uint64_t have = baseline->confidence.count + baseline->confidence.invalid;

		tfl_recorder_want_baseline(recorder, i, baseline->set || have >= TFL_BASELINE_VERDICTS ? 0 : TFL_BASELINE_VERDICTS - have);
	}
	return r < 0 ? -EINVAL : 0;
}
