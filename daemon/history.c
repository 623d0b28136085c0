/* SPDX-License-Identifier: MIT */
/*
 * Total = what was restored + what the recorder has. So nothing is ever added twice, however often it is read.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "daemon/heads.h"
#include "daemon/history_internal.h"
#include "daemon/recorder.h"
#include "stats/drift.h"

void tfl_history_destroy(struct tfl_history *history)
{
	if (!history)
		return;
	for (unsigned i = 0; history->items && i < history->heads->count; i++) {
		struct tfl_history_item *head = &history->items[i];

		tfl_windows_destroy(head->now.windows);
		free(head->now.classes);
		free(head->restored_classes);
		free(head->classes);
	}
	free(history->items);
	tfl_recent_destroy(history->recent);
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
	if (!history->items || tfl_recent_create(&history->recent) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < heads->count; i++) {
		struct tfl_history_item *head = &history->items[i];
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
	size_t bytes = sizeof(*history) + tfl_recent_bytes();

	for (unsigned i = 0; i < history->heads->count; i++)
		bytes += sizeof(struct tfl_history_item) + 3 * sizeof(uint64_t) * (history->heads->items[i].counted + 1) +
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
	struct tfl_confidence first;

	for (unsigned i = 0; i < history->heads->count; i++) {
		struct tfl_history_item *head = &history->items[i];
		struct tfl_confidence seen, baseline;
		uint64_t before = head->now.total.count + head->now.total.invalid;

		tfl_recorder_read_head(recorder, i, &seen, &baseline, head->classes);
		if (i == 0)
			first = seen;
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
	history->changed |= tfl_recent_advance(history->recent, recorder, history->heads->count > 0 ? &first : NULL, now);
}

/* The minute that runs is left out, and those that have next to nothing. */
static void read_minutes(const struct tfl_windows *windows, struct tfl_trial_reference *reference)
{
	for (unsigned back = tfl_windows_count(windows, TFL_WINDOW_MINUTE); back-- > 1;) {
		struct tfl_confidence minute = {0};

		tfl_windows_add(windows, TFL_WINDOW_MINUTE, back, &minute, NULL);
		if (minute.count < TFL_GUARD_BLOCK / 2)
			continue;
		tfl_guard_add_block(&reference->minutes, tfl_confidence_mean(&minute));
		reference->minutes_records += minute.count;
	}
}

void tfl_history_recent(const struct tfl_history *history, int64_t now, struct tfl_trial_reference *ret_reference)
{
	tfl_recent_read(history->recent, now, ret_reference);
	if (history->heads->count > 0)
		read_minutes(history->items[0].now.windows, ret_reference);
}

void tfl_history_drift(const struct tfl_history *history, unsigned head, struct tfl_drift *ret_drift)
{
	const struct tfl_history_head *now = tfl_history_head(history, head);
	struct tfl_confidence hour = {0};

	tfl_windows_add_last(now->windows, TFL_WINDOW_MINUTE, TFL_WINDOWS_MINUTES, &hour, NULL);
	tfl_drift_compute(&now->baseline.confidence, &hour, ret_drift);
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

void tfl_history_not_kept(struct tfl_history *history)
{
	history->changed = true;
}
