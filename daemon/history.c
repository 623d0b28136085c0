/* SPDX-License-Identifier: MIT */
/*
 * Total = what was restored + what the recorder has. So nothing is ever added twice, however often it is read.
 *
 * On disk it is a map {"format": 1, "heads": [head]} with a head {"output", "kind", "classes", "total", "counts", "baseline", "set", "since"};
 * histogram.h says what histograms and counts are.
 */
#include "daemon/history.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/fields.h"
#include "daemon/heads.h"
#include "daemon/histogram.h"
#include "daemon/recorder.h"
#include "proto/params.h"
#include "proto/reader.h"

#define FORMAT 1
#define FRAME_LENGTH 4 /* bytes of it, before the value */

struct head {
	struct tfl_history_head now;
	struct tfl_confidence restored, restored_baseline; /* of before this load */
	uint64_t *restored_classes;
	uint64_t *classes; /* working memory */
};

struct tfl_history {
	const struct tfl_heads *heads;
	struct head *items;
	bool changed;
};

void tfl_history_destroy(struct tfl_history *history)
{
	if (!history)
		return;
	for (unsigned i = 0; history->items && i < history->heads->count; i++) {
		struct head *head = &history->items[i];

		tfl_windows_destroy(head->now.windows);
		free(head->now.classes);
		free(head->restored_classes);
		free(head->classes);
	}
	free(history->items);
	free(history);
}

TFL_DEFINE_CLEANUP(struct tfl_history *, tfl_history_destroyp, tfl_history_destroy)

int tfl_history_create(const struct tfl_heads *heads, struct tfl_history **ret_history)
{
	TFL_CLEANUP(tfl_history_destroyp) struct tfl_history *history = calloc(1, sizeof(*history));

	if (!history)
		return -ENOMEM;
	history->heads = heads;
	history->items = calloc((size_t)heads->count + 1, sizeof(*history->items));
	if (!history->items)
		return -ENOMEM;
	for (unsigned i = 0; i < heads->count; i++) {
		struct head *head = &history->items[i];
		size_t classes = (size_t)heads->items[i].counted + 1;

		head->now.classes = calloc(classes, sizeof(uint64_t));
		head->restored_classes = calloc(classes, sizeof(uint64_t));
		head->classes = calloc(classes, sizeof(uint64_t));
		if (!head->now.classes || !head->restored_classes || !head->classes ||
		    tfl_windows_create(heads->items[i].counted, &head->now.windows) < 0)
			return -ENOMEM;
	}
	*ret_history = TFL_STEAL(history);
	return 0;
}

size_t tfl_history_bytes(const struct tfl_history *history)
{
	size_t bytes = sizeof(*history);

	for (unsigned i = 0; i < history->heads->count; i++)
		bytes += sizeof(struct head) + 3 * sizeof(uint64_t) * (history->heads->items[i].counted + 1) +
			 tfl_windows_bytes(history->items[i].now.windows);
	return bytes;
}

const struct tfl_history_head *tfl_history_head(const struct tfl_history *history, unsigned head)
{
	assert(head < history->heads->count);
	return &history->items[head].now;
}

void tfl_history_advance(struct tfl_history *history, const struct tfl_recorder *recorder, int64_t now)
{
	for (unsigned i = 0; i < history->heads->count; i++) {
		struct head *head = &history->items[i];
		struct tfl_confidence seen, baseline;
		uint64_t before = head->now.total.count + head->now.total.invalid;

		tfl_recorder_read_head(recorder, i, &seen, &baseline, head->classes);
		tfl_windows_advance(head->now.windows, now, &seen, head->classes);
		tfl_confidence_merge(&seen, &head->restored);
		head->now.total = seen;
		for (uint32_t c = 0; c < history->heads->items[i].counted; c++)
			head->now.classes[c] = head->restored_classes[c] + head->classes[c];
		if (!head->now.baseline.set) {
			tfl_confidence_merge(&baseline, &head->restored_baseline);
			head->now.baseline.confidence = baseline;
		}
		history->changed |= seen.count + seen.invalid != before;
	}
}

void tfl_history_set_baseline(struct tfl_history *history, unsigned head, const struct tfl_confidence *confidence, int64_t time)
{
	struct tfl_baseline *baseline = &history->items[head].now.baseline;

	assert(head < history->heads->count);
	*baseline = (struct tfl_baseline){.confidence = *confidence, .set = true, .since = time};
	history->changed = true;
}

bool tfl_history_changed(const struct tfl_history *history)
{
	return history->changed;
}

/* ---- To disk ---- */

static void write_all(const struct tfl_history *history, struct tfl_writer *writer)
{
	tfl_writer_begin(writer);
	tfl_writer_map(writer, 2);
	tfl_field_uint(writer, "format", FORMAT);
	tfl_field_array(writer, "heads", history->heads->count);
	for (unsigned i = 0; i < history->heads->count; i++) {
		const struct tfl_head *head = &history->heads->items[i];
		const struct tfl_history_head *now = &history->items[i].now;

		tfl_writer_map(writer, 8);
		tfl_field_uint(writer, "output", head->source.output);
		tfl_field_text(writer, "kind", tfl_confidence_kind_to_string(head->source.kind));
		tfl_field_uint(writer, "classes", head->source.classes);
		tfl_histogram_write(writer, "total", &now->total);
		tfl_counters_write(writer, "counts", now->classes, head->counted);
		tfl_histogram_write(writer, "baseline", &now->baseline.confidence);
		tfl_field_bool(writer, "set", now->baseline.set);
		tfl_field_uint(writer, "since", (uint64_t)now->baseline.since);
	}
}

/* A frame without its length. */
int tfl_history_encode(struct tfl_history *history, struct tfl_writer *writer, void **ret_data, size_t *ret_size)
{
	struct tfl_error error;
	size_t size;
	void *data;
	int r;

	write_all(history, writer);
	r = tfl_writer_check(writer, &error);
	if (r < 0)
		return r;
	size = tfl_writer_size(writer) - FRAME_LENGTH;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	tfl_writer_copy(writer, FRAME_LENGTH, data);
	history->changed = false;
	*ret_data = data;
	*ret_size = size;
	return 0;
}

/* ---- From disk: nothing in it is trusted ---- */

struct stored_head {
	uint32_t output, classes;
	struct tfl_string kind;
	struct tfl_slice total, baseline;
	struct tfl_wire_array counts;
	bool set;
	uint64_t since;
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
};
#undef AT

struct stored {
	uint32_t format;
	struct tfl_wire_array heads;
};

#define AT(field) offsetof(struct stored, field)
static const struct tfl_param stored_rows[] = {
	{"format", TFL_PARAM_UINT32, true, AT(format), FORMAT, FORMAT, NULL},
	{"heads", TFL_PARAM_ARRAY, true, AT(heads), 0, TFL_CONFIDENCE_OUTPUTS_MAX, "heads"},
};
#undef AT

static const struct tfl_param_table head_table = TFL_PARAM_TABLE(head_rows, struct stored_head);
static const struct tfl_param_table stored_table = TFL_PARAM_TABLE(stored_rows, struct stored);

static bool fits(const struct tfl_head *head, const struct stored_head *stored)
{
	return stored->output == head->source.output && stored->classes == head->source.classes &&
	       tfl_string_equal(stored->kind, tfl_confidence_kind_to_string(head->source.kind));
}

static int restore_head(struct tfl_history *history, struct tfl_slice value, struct tfl_error *error)
{
	struct stored_head stored;
	uint64_t sum;
	int r;

	r = tfl_params_parse(&head_table, value, "head", &stored, error);
	for (unsigned i = 0; r == 0 && i < history->heads->count; i++) {
		struct head *head = &history->items[i];

		if (!fits(&history->heads->items[i], &stored))
			continue;
		r = tfl_histogram_read(stored.total, &head->restored, error);
		if (r == 0)
			r = tfl_counters_read(&stored.counts, head->restored_classes, history->heads->items[i].counted, &sum, error);
		if (r == 0)
			r = tfl_histogram_read(stored.baseline, &head->restored_baseline, error);
		head->now.baseline = (struct tfl_baseline){head->restored_baseline, stored.set, (int64_t)stored.since};
	}
	return r;
}

static int restore(struct tfl_history *history, struct tfl_slice value, struct tfl_error *error)
{
	struct tfl_reader reader;
	struct tfl_slice head;
	struct stored stored;
	int r;

	r = tfl_reader_validate(value, error);
	if (r == 0)
		r = tfl_params_parse(&stored_table, value, "statistics", &stored, error);
	if (r < 0)
		return r;
	reader = tfl_reader_of(stored.heads.elements);
	for (uint32_t i = 0; i < stored.heads.count && r == 0; i++) {
		r = tfl_reader_skip(&reader, "a head", &head, error);
		if (r == 0)
			r = restore_head(history, head, error);
	}
	return r;
}

static void forget(struct tfl_history *history)
{
	for (unsigned i = 0; i < history->heads->count; i++) {
		struct head *head = &history->items[i];

		head->restored = head->restored_baseline = (struct tfl_confidence){0};
		head->now.baseline = (struct tfl_baseline){.set = false};
		memset(head->restored_classes, 0, history->heads->items[i].counted * sizeof(uint64_t));
	}
}

int tfl_history_restore(struct tfl_history *history, const void *data, size_t size, struct tfl_recorder *recorder, struct tfl_error *error)
{
	int r = size ? restore(history, (struct tfl_slice){data, size}, error) : 0;

	if (r < 0)
		forget(history);
	for (unsigned i = 0; i < history->heads->count; i++) {
		const struct tfl_baseline *baseline = &history->items[i].now.baseline;
		uint64_t have = baseline->confidence.count + baseline->confidence.invalid;

		tfl_recorder_want_baseline(recorder, i, baseline->set || have >= TFL_BASELINE_VERDICTS ? 0 : TFL_BASELINE_VERDICTS - have);
	}
	return r < 0 ? -EINVAL : 0;
}
