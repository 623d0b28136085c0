/* SPDX-License-Identifier: MIT */
/*
 * Taking a period: everything is read and allocated first; then what was told is taken out of what was read, and what is left is added to
 * what was told. Only that last step changes the mark, and it cannot fail.
 */
#include "daemon/period.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "daemon/heads.h"
#include "daemon/history.h"
#include "daemon/version.h"

struct told_head {
	struct tfl_confidence seen;
	uint32_t counted;
	uint64_t *counts;
};

struct tfl_period_mark {
	uint64_t since_ns;
	bool busy;
	struct tfl_recorder_summary did;
	unsigned heads;
	struct told_head head[TFL_CONFIDENCE_OUTPUTS_MAX];
};

TFL_DEFINE_CLEANUP(struct tfl_period_mark *, tfl_period_mark_destroyp, tfl_period_mark_destroy)
TFL_DEFINE_CLEANUP(struct tfl_period *, tfl_period_freep, tfl_period_free)

int tfl_period_mark_create(const struct tfl_heads *heads, uint64_t now_ns, struct tfl_period_mark **ret_mark)
{
	TFL_CLEANUP(tfl_period_mark_destroyp) struct tfl_period_mark *mark = calloc(1, sizeof(*mark));

	if (!mark)
		return -ENOMEM;
	mark->since_ns = now_ns;
	mark->heads = heads->count;
	for (unsigned i = 0; i < heads->count; i++) {
		mark->head[i].counted = heads->items[i].counted;
		mark->head[i].counts = calloc((size_t)heads->items[i].counted + 1, sizeof(uint64_t));
		if (!mark->head[i].counts)
			return -ENOMEM;
	}
	*ret_mark = TFL_STEAL(mark);
	return 0;
}

void tfl_period_mark_destroy(struct tfl_period_mark *mark)
{
	if (!mark)
		return;
	for (unsigned i = 0; i < mark->heads; i++)
		free(mark->head[i].counts);
	free(mark);
}

size_t tfl_period_mark_bytes(const struct tfl_period_mark *mark)
{
	size_t bytes = sizeof(*mark) + sizeof(struct tfl_period);

	for (unsigned i = 0; i < mark->heads; i++)
		bytes += 2 * ((size_t)mark->head[i].counted + 1) * sizeof(uint64_t);
	return bytes;
}

bool tfl_period_mark_busy(const struct tfl_period_mark *mark)
{
	return mark->busy;
}

void tfl_period_mark_set_busy(struct tfl_period_mark *mark, bool busy)
{
	mark->busy = busy;
}

void tfl_period_free(struct tfl_period *period)
{
	if (!period)
		return;
	for (unsigned i = 0; i < period->heads; i++) {
		free(period->head[i].name);
		free(period->head[i].counts);
	}
	free(period);
}

/* What is read of a head: all that was ever counted. */
static int read_head(const struct tfl_version *version, unsigned index, struct tfl_period_head *ret_head)
{
	const struct tfl_head *head = &version->heads.items[index];
	struct tfl_confidence baseline;

	ret_head->output = head->source.output;
	ret_head->classes = head->source.classes;
	ret_head->kind = head->source.kind;
	ret_head->counted = head->counted;
	ret_head->name = strdup(version->outputs[head->source.output].name);
	ret_head->counts = calloc((size_t)head->counted + 1, sizeof(uint64_t));
	if (!ret_head->name || !ret_head->counts)
		return -ENOMEM;
	tfl_recorder_read_head(version->recorder, index, &ret_head->seen, &baseline, ret_head->counts);
	tfl_history_drift(version->history, index, &ret_head->drift);
	return 0;
}

static int read_all(const struct tfl_version *version, struct tfl_period **ret_period)
{
	TFL_CLEANUP(tfl_period_freep) struct tfl_period *period = calloc(1, sizeof(*period));
	int result = 0;

	if (!period)
		return -ENOMEM;
	strcpy(period->model, version->model_name);
	strcpy(period->sha256, version->sha256);
	period->version = version->number;
	tfl_recorder_read(version->recorder, &period->did);
	for (unsigned i = 0; i < version->heads.count && result == 0; i++) {
		period->heads++;
		result = read_head(version, i, &period->head[i]);
	}
	if (result == 0)
		*ret_period = TFL_STEAL(period);
	return result;
}

static void take_head(struct tfl_period_head *head, struct told_head *told)
{
	tfl_confidence_subtract(&head->seen, &told->seen);
	tfl_confidence_merge(&told->seen, &head->seen);
	for (uint32_t i = 0; i < head->counted; i++) {
		head->counts[i] -= told->counts[i];
		told->counts[i] += head->counts[i];
	}
}

uint64_t tfl_period_verdicts(const struct tfl_period_head *head)
{
	return head->seen.count + head->seen.invalid;
}

uint64_t tfl_period_failed(const struct tfl_period *period)
{
	return period->did.requests - period->did.results[TFL_OK];
}

/* Any counter: of a request that was counted in the period before, latency, verdict or class may have come a moment later. */
static bool did_nothing(const struct tfl_period *period)
{
	const struct tfl_recorder_summary *did = &period->did;
	uint64_t things = did->requests + did->wait.count + did->compute.count + did->reply.count + did->total.count;

	for (unsigned i = 0; i < period->heads; i++) {
		const struct tfl_period_head *head = &period->head[i];

		things += tfl_period_verdicts(head);
		for (uint32_t class = 0; class < head->counted; class++)
			things += head->counts[class];
	}
	return things == 0;
}

int tfl_period_take(const struct tfl_version *version, uint64_t now_ns, int64_t time, struct tfl_period **ret_period)
{
	TFL_CLEANUP(tfl_period_freep) struct tfl_period *period = NULL;
	struct tfl_period_mark *mark = version->mark;
	int result = read_all(version, &period);

	if (result < 0)
		return result;
	assert(mark->heads == period->heads);
	tfl_recorder_subtract(&period->did, &mark->did);
	tfl_recorder_merge(&mark->did, &period->did);
	for (unsigned i = 0; i < period->heads; i++)
		take_head(&period->head[i], &mark->head[i]);
	period->time = time;
	period->duration_ns = now_ns - mark->since_ns;
	mark->since_ns = now_ns;
	if (did_nothing(period))
		return 0;
	*ret_period = TFL_STEAL(period);
	return 1;
}
