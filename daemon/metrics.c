/* SPDX-License-Identifier: MIT */
/*
 * Histograms are cut down to the buckets that are exported here, so that what is handed on is small: 1 KB for a version, 400 bytes for
 * each head.
 */
#include "daemon/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "daemon/history.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/scheduler.h"
#include "daemon/sessions.h"
#include "runtime/pool.h"

/* 10 µs × 1.8^n in six digits, which is what the label says, in nanoseconds. */
static const struct {
	uint64_t ns;
	const char *le;
} durations[TFL_METRICS_DURATIONS] = {
	{10000, "1e-05"}, {18000, "1.8e-05"}, {32400, "3.24e-05"}, {58320, "5.832e-05"},
	{104976, "0.000104976"}, {188957, "0.000188957"}, {340122, "0.000340122"}, {612220, "0.00061222"},
	{1102000, "0.001102"}, {1983590, "0.00198359"}, {3570470, "0.00357047"}, {6426840, "0.00642684"},
	{11568300, "0.0115683"}, {20823000, "0.020823"}, {37481300, "0.0374813"}, {67466400, "0.0674664"},
	{121440000, "0.12144"}, {218591000, "0.218591"}, {393464000, "0.393464"}, {708235000, "0.708235"},
	{1274820000, "1.27482"}, {2294680000, "2.29468"}, {4130430000, "4.13043"}, {7434770000, "7.43477"},
	{13382600000, "13.3826"}, {24088700000, "24.0887"}, {43359600000, "43.3596"}, {78047300000, "78.0473"},
};

/* Edges of bins: there are TFL_CONFIDENCE_BINS of them from 0 to 1. A good classifier is seldom below 0.9. */
static const struct {
	unsigned bins;
	const char *le;
} shares[TFL_METRICS_SHARES] = {
	{5, "0.1"}, {10, "0.2"}, {15, "0.3"}, {20, "0.4"}, {25, "0.5"}, {30, "0.6"}, {35, "0.7"}, {40, "0.8"}, {45, "0.9"},
	{46, "0.92"}, {47, "0.94"}, {48, "0.96"}, {49, "0.98"}, {50, "1"},
};
_Static_assert(TFL_CONFIDENCE_BINS == 50, "what the edges are fiftieths of");

const char *tfl_metrics_duration_edge(unsigned index, uint64_t *ret_ns)
{
	*ret_ns = durations[index].ns;
	return durations[index].le;
}

const char *tfl_metrics_share_edge(unsigned index, double *ret_share)
{
	*ret_share = (double)shares[index].bins / TFL_CONFIDENCE_BINS;
	return shares[index].le;
}

static void cut_duration(const struct tfl_latency *latency, struct tfl_metrics_duration *ret_duration)
{
	uint64_t edges[TFL_METRICS_DURATIONS];

	for (unsigned i = 0; i < TFL_METRICS_DURATIONS; i++)
		edges[i] = tfl_latency_edge(durations[i].ns);
	ret_duration->count = latency->count;
	ret_duration->sum_ns = latency->sum_ns;
	tfl_latency_cumulate(latency, edges, TFL_METRICS_DURATIONS, ret_duration->up_to);
}

static void cut_share(const uint64_t *bins, uint64_t count, double sum, struct tfl_metrics_share *ret_share)
{
	unsigned bin = 0;
	uint64_t below = 0;

	ret_share->count = count;
	ret_share->sum = sum;
	for (unsigned i = 0; i < TFL_METRICS_SHARES; i++) {
		while (bin < shares[i].bins)
			below += bins[bin++];
		ret_share->up_to[i] = below;
	}
}

/*
 * What this life of the version has counted, not the history's total: after a power cut that one is a minute's less than it was, and a
 * counter that went down has been reset, as Prometheus sees it, and counted everything anew.
 */
static void gather_head(const struct tfl_version *version, unsigned index, struct tfl_metrics_head *ret_head)
{
	uint64_t classes[TFL_CONFIDENCE_CLASSES_MAX];
	struct tfl_confidence seen, baseline;

	tfl_recorder_read_head(version->recorder, index, &seen, &baseline, classes);
	ret_head->output = version->heads.items[index].source.output;
	ret_head->invalid = seen.invalid;
	cut_share(seen.bins, seen.count, ldexp((double)seen.sum, -24), &ret_head->confidence);
	cut_share(seen.margins, seen.count, tfl_confidence_mean_margin(&seen) * (double)seen.count, &ret_head->margin);
	tfl_history_drift(version->history, index, &ret_head->drift);
}

/* What of a request's outputs is one inference: a row that gets a verdict; without verdicts, all. */
static uint32_t rows(const struct tfl_version *version)
{
	return version->heads.count > 0 ? version->heads.items[0].source.rows : 1;
}

/* @p summary is memory to work in. */
static void gather_loaded(const struct tfl_version *version, struct tfl_scheduler *scheduler, int64_t now,
			  struct tfl_recorder_summary *summary, struct tfl_metrics *metrics, struct tfl_metrics_version *into)
{
	struct tfl_scheduler_counts queue;

	into->loaded = true;
	tfl_version_memory(version, &into->memory);
	into->load_ns = version->load_ns;
	into->instances = version->pool ? tfl_pool_instances(version->pool) : 0;
	into->sessions = metrics->sessions ? tfl_sessions_count(metrics->sessions, version) : 0;
	tfl_scheduler_read(scheduler, &version->queue, &queue);
	into->pending = queue.waiting;
	tfl_recorder_read(version->recorder, summary);
	into->executions = summary->executions;
	into->inferences = summary->results[TFL_OK] * rows(version);
	memcpy(into->results, summary->results, sizeof(into->results));
	cut_duration(&summary->wait, &into->durations[TFL_METRICS_QUEUE]);
	cut_duration(&summary->compute, &into->durations[TFL_METRICS_COMPUTE]);
	cut_duration(&summary->total, &into->durations[TFL_METRICS_REQUEST]);
	tfl_recorder_read_shadow(version->recorder, summary);
	into->shadow.success = summary->results[TFL_OK];
	into->shadow.failure = summary->requests - summary->results[TFL_OK];
	into->shadow.rows = summary->rows;
	into->shadow.agreed = summary->agreed;
	into->first_head = metrics->head_count;
	into->head_count = version->history ? version->heads.count : 0;
	if (into->head_count > 0)
		tfl_history_advance(version->history, version->recorder, now);
	for (uint32_t i = 0; i < into->head_count; i++)
		gather_head(version, i, &metrics->heads[metrics->head_count++]);
}

/* As for stats: only such versions have counters that the loop may look at. */
static bool is_loaded(const struct tfl_version *version)
{
	return version->state == TFL_VERSION_AVAILABLE && version->recorder;
}

/* Room for @p count more items of @p size bytes, zeroed. */
static int reserve(void *items, uint32_t used, uint32_t count, size_t size, uint32_t *room)
{
	void *grown, **at = items;

	if (count <= *room - used)
		return 0;
	grown = reallocarray(*at, 2 * (*room + count), size);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*room = 2 * (*room + count);
	memset((char *)grown + used * size, 0, (*room - used) * size);
	return 0;
}

/* Whether it comes behind the last one that was looked at. */
static bool is_next(const struct tfl_metrics *metrics, const struct tfl_version *version)
{
	const struct tfl_metrics_version *last = metrics->version_count ? &metrics->versions[metrics->version_count - 1] : NULL;
	int order = last ? strcmp(version->model_name, last->model) : 1;

	return order > 0 || (order == 0 && version->number > last->number);
}

static int gather_version(const struct tfl_version *version, bool active, struct tfl_scheduler *scheduler, int64_t now,
			  struct tfl_recorder_summary *summary, struct tfl_metrics *metrics)
{
	struct tfl_metrics_version *into;

	if (reserve(&metrics->versions, metrics->version_count, 1, sizeof(*metrics->versions), &metrics->version_room) < 0 ||
	    reserve(&metrics->heads, metrics->head_count, TFL_CONFIDENCE_OUTPUTS_MAX, sizeof(*metrics->heads), &metrics->head_room) < 0)
		return -ENOMEM;
	into = &metrics->versions[metrics->version_count++];
	strcpy(into->model, version->model_name);
	into->number = version->number;
	into->state = version->state;
	into->active = active;
	if (is_loaded(version))
		gather_loaded(version, scheduler, now, summary, metrics, into);
	return 0;
}

int tfl_metrics_gather(const struct tfl_registry *registry, struct tfl_scheduler *scheduler, int64_t now, unsigned most,
		       struct tfl_metrics *metrics)
{
	_tfl_free_ struct tfl_recorder_summary *summary = malloc(sizeof(*summary));
	const struct tfl_registry_model *models;
	unsigned count, gathered = 0;

	if (!summary)
		return -ENOMEM;
	models = tfl_registry_models(registry, &count);
	for (unsigned i = 0; i < count; i++) {
		if (metrics->admits && !metrics->admits(metrics->data, models[i].name))
			continue;
		for (unsigned j = 0; j < models[i].version_count; j++) {
			const struct tfl_version *version = models[i].versions[j];

			if (!is_next(metrics, version))
				continue;
			if (gathered++ == most)
				return 1;
			if (gather_version(version, models[i].active == version, scheduler, now, summary, metrics) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

void tfl_metrics_finish(struct tfl_metrics *metrics)
{
	if (!metrics)
		return;
	free(metrics->versions);
	free(metrics->heads);
	*metrics = (struct tfl_metrics){.version_count = 0};
}
