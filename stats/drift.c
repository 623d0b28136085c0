/* SPDX-License-Identifier: MIT */
/*
 * Groups are runs of fine bins. A decile falls between two edges as a rule; of those the nearer one, by the baseline's cumulative share, is
 * the cut. Where one bin holds more than a tenth of the baseline (a quantised softmax says 255 / 256 most of the time), deciles inside it
 * move to its two edges, so the bin becomes a group of its own, and what lies on either side of it another, even if the baseline never went
 * there: that is where a model goes that has drifted.
 */
#include "stats/drift.h"

#include <math.h>

#include "stats/confidence.h"

struct cuts {
	unsigned edges[TFL_DRIFT_GROUPS_MAX + 1]; /* first fine bin of each group; the end of the last */
	unsigned groups;
};

/* The edge whose share of the baseline below it is nearest to @p share; of several, the one that is nearest to the records. */
static unsigned nearest_edge(const struct tfl_confidence *baseline, double share)
{
	double wanted = share * (double)baseline->count;
	uint64_t below = 0;
	unsigned edge = 0;

	/* The last edge with at most the wanted records below it. */
	while (edge < TFL_CONFIDENCE_FINE && (double)(below + baseline->fine[edge]) <= wanted)
		below += baseline->fine[edge++];
	if (edge < TFL_CONFIDENCE_FINE && (double)(below + baseline->fine[edge]) - wanted < wanted - (double)below)
		edge++;
	return edge;
}

static void cut(const struct tfl_confidence *baseline, struct cuts *ret_cuts)
{
	struct cuts cuts = {.edges = {0}};

	for (unsigned i = 1; i < TFL_DRIFT_GROUPS_MAX; i++) {
		unsigned edge = nearest_edge(baseline, (double)i / TFL_DRIFT_GROUPS_MAX);

		if (edge > cuts.edges[cuts.groups] && edge < TFL_CONFIDENCE_FINE)
			cuts.edges[++cuts.groups] = edge;
	}
	cuts.edges[++cuts.groups] = TFL_CONFIDENCE_FINE;
	*ret_cuts = cuts;
}

static double group_share(const struct tfl_confidence *confidence, const struct cuts *cuts, unsigned group)
{
	uint64_t records = 0;

	for (unsigned i = cuts->edges[group]; i < cuts->edges[group + 1]; i++)
		records += confidence->fine[i];
	return ((double)records + 0.5) / ((double)confidence->count + 0.5 * cuts->groups);
}

static double stability_index(const struct tfl_confidence *baseline, const struct tfl_confidence *window, const struct cuts *cuts)
{
	double sum = 0;

	for (unsigned i = 0; i < cuts->groups; i++) {
		double p = group_share(baseline, cuts, i), q = group_share(window, cuts, i);

		sum += (q - p) * log(q / p);
	}
	return sum;
}

static double jensen_shannon(const struct tfl_confidence *baseline, const struct tfl_confidence *window)
{
	double sum = 0;

	for (unsigned i = 0; i < TFL_CONFIDENCE_BINS; i++) {
		double p = (double)baseline->bins[i] / (double)baseline->count, q = (double)window->bins[i] / (double)window->count;
		double middle = (p + q) / 2;

		sum += p > 0 ? p / 2 * log2(p / middle) : 0;
		sum += q > 0 ? q / 2 * log2(q / middle) : 0;
	}
	return sum;
}

static double kolmogorov_smirnov(const struct tfl_confidence *baseline, const struct tfl_confidence *window)
{
	uint64_t below = 0, window_below = 0;
	double largest = 0;

	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++) {
		double difference;

		below += baseline->fine[i];
		window_below += window->fine[i];
		difference = fabs((double)below / (double)baseline->count - (double)window_below / (double)window->count);
		largest = difference > largest ? difference : largest;
	}
	return largest;
}

static enum tfl_drift_verdict judge(const struct tfl_drift *drift)
{
	if (drift->baseline_records < TFL_DRIFT_RECORDS_MIN || drift->window_records < TFL_DRIFT_RECORDS_MIN)
		return TFL_DRIFT_UNKNOWN;
	if (drift->psi < TFL_DRIFT_PSI_WATCH)
		return TFL_DRIFT_STABLE;
	return drift->psi <= TFL_DRIFT_PSI_DRIFT ? TFL_DRIFT_WATCHED : TFL_DRIFT_DRIFTED;
}

void tfl_drift_compute(const struct tfl_confidence *baseline, const struct tfl_confidence *window, struct tfl_drift *ret_drift)
{
	struct tfl_drift drift = {.baseline_records = baseline->count, .window_records = window->count};
	struct cuts cuts;

	if (baseline->count > 0 && window->count > 0) {
		cut(baseline, &cuts);
		drift.groups = cuts.groups;
		drift.psi_raw = stability_index(baseline, window, &cuts);
		drift.noise = (cuts.groups - 1) * (1 / (double)baseline->count + 1 / (double)window->count);
		drift.psi = fmax(0, drift.psi_raw - drift.noise);
		drift.jensen_shannon = jensen_shannon(baseline, window);
		drift.kolmogorov_smirnov = kolmogorov_smirnov(baseline, window);
	}
	drift.verdict = judge(&drift);
	*ret_drift = drift;
}

const char *tfl_drift_verdict_to_string(enum tfl_drift_verdict verdict)
{
	static const char *const words[] = {
		[TFL_DRIFT_UNKNOWN] = "unknown", [TFL_DRIFT_STABLE] = "stable", [TFL_DRIFT_WATCHED] = "watch", [TFL_DRIFT_DRIFTED] = "drift"};

	return words[verdict];
}
