/* SPDX-License-Identifier: MIT */
/*
 * What stats/ makes of numbers from files, as JSON on stdout, for compare_numpy.py:
 *
 *   compute-stats BASELINE WINDOW LATENCIES LATER
 *
 * The first two hold float32 pairs (confidence, margin), the others uint64 nanoseconds, all in this machine's byte order. Baseline and
 * latencies are the first side of a comparison, window and later ones the second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/bootstrap.h"
#include "stats/compare.h"
#include "stats/confidence.h"
#include "stats/drift.h"
#include "stats/latency.h"

static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (!file) {
		perror(path);
		exit(2);
	}
	return file;
}

static void read_confidence(const char *path, struct tfl_confidence *confidence)
{
	FILE *file = open_file(path);
	float pair[2];

	while (fread(pair, sizeof(pair), 1, file) == 1)
		tfl_confidence_record(confidence, pair[0], pair[1]);
	fclose(file);
}

static void print_counts(const char *name, const uint64_t *counts, unsigned count)
{
	printf("\"%s\": [", name);
	for (unsigned i = 0; i < count; i++)
		printf("%s%llu", i ? ", " : "", (unsigned long long)counts[i]);
	printf("],\n");
}

static void print_confidence(const char *name, const struct tfl_confidence *confidence)
{
	printf("\"%s\": {\"count\": %llu, \"invalid\": %llu, \"mean\": %.17g, \"mean_margin\": %.17g,\n", name,
	       (unsigned long long)confidence->count, (unsigned long long)confidence->invalid, tfl_confidence_mean(confidence),
	       tfl_confidence_mean_margin(confidence));
	print_counts("bins", confidence->bins, TFL_CONFIDENCE_BINS);
	print_counts("margins", confidence->margins, TFL_CONFIDENCE_BINS);
	print_counts("fine", confidence->fine, TFL_CONFIDENCE_FINE);
	printf("\"edges\": [");
	for (unsigned i = 0; i <= TFL_CONFIDENCE_FINE; i++)
		printf("%s%.17g", i ? ", " : "", tfl_confidence_edge(i));
	printf("]},\n");
}

static void read_latencies(const char *path, struct tfl_latency *latency)
{
	FILE *file = open_file(path);
	uint64_t nanoseconds;

	while (fread(&nanoseconds, sizeof(nanoseconds), 1, file) == 1)
		tfl_latency_record(latency, nanoseconds);
	fclose(file);
}

/* Errors as they are counted on a small device: tables with few in them. */
static const uint64_t errors[][4] = {{0, 100, 3, 100}, {1, 2000, 9, 500}, {7, 1000, 9, 1200}, {0, 50, 0, 80}, {400, 1000, 500, 1000}};

static void print_errors(void)
{
	static struct tfl_compare compare;

	printf("\"errors\": [");
	for (unsigned i = 0; i < 5; i++) {
		const uint64_t *row = errors[i];
		struct tfl_compare_side first = {.errors = row[0], .requests = row[1]}, second = {.errors = row[2], .requests = row[3]};
		const struct tfl_comparison *found = &compare.subjects[TFL_COMPARE_ERRORS];

		tfl_compare(&first, &second, 0, &compare);
		printf("%s[%llu, %llu, %llu, %llu, %.17g, %.17g, %.17g]", i ? ", " : "", (unsigned long long)row[0], (unsigned long long)row[1],
		       (unsigned long long)row[2], (unsigned long long)row[3], found->probability, found->low, found->high);
	}
	printf("],\n");
}

static void print_comparison(const struct tfl_compare_side *first, const struct tfl_compare_side *second)
{
	static const double shares[] = {0.5, 0.9, 0.99};
	static struct tfl_compare compare;

	tfl_compare(first, second, 1, &compare);
	printf("\"compare\": {");
	for (unsigned i = TFL_COMPARE_CONFIDENCE; i < TFL_COMPARE_SUBJECTS; i++) {
		const struct tfl_comparison *found = &compare.subjects[i];

		printf("%s\"%s\": [%.17g, %.17g, %.17g]", i > TFL_COMPARE_CONFIDENCE ? ", " : "", tfl_compare_subject_to_string(i),
		       found->difference, found->low, found->high);
	}
	printf("},\n\"ratios\": [");
	for (unsigned i = 0; i < 3; i++) {
		struct tfl_ratio ratio;

		tfl_bootstrap_ratio(first->latency, second->latency, shares[i], 1, 0.05, i, &ratio);
		printf("%s[%.17g, %.17g, %.17g, %.17g]", i ? ", " : "", shares[i], ratio.ratio, ratio.low, ratio.high);
	}
	printf("],\n");
}

int main(int argc, char **argv)
{
	static struct tfl_confidence baseline, window;
	static struct tfl_latency latency, later;
	struct tfl_drift drift;

	if (argc != 5) {
		fprintf(stderr, "usage: compute-stats BASELINE WINDOW LATENCIES LATER\n");
		return 2;
	}
	read_confidence(argv[1], &baseline);
	read_confidence(argv[2], &window);
	read_latencies(argv[3], &latency);
	read_latencies(argv[4], &later);
	tfl_drift_compute(&baseline, &window, &drift);
	printf("{");
	print_confidence("baseline", &baseline);
	print_confidence("window", &window);
	print_errors();
	print_comparison(&(struct tfl_compare_side){.latency = &latency, .confidence = &baseline},
			 &(struct tfl_compare_side){.latency = &later, .confidence = &window});
	printf("\"drift\": {\"psi\": %.17g, \"psi_raw\": %.17g, \"noise\": %.17g, \"groups\": %u, \"js\": %.17g, \"ks\": %.17g},\n", drift.psi,
	       drift.psi_raw, drift.noise, drift.groups, drift.jensen_shannon, drift.kolmogorov_smirnov);
	printf("\"latency\": {\"count\": %llu, \"mean\": %.17g, \"percentiles\": [", (unsigned long long)latency.count, tfl_latency_mean(&latency));
	for (unsigned i = 0; i <= 100; i++)
		printf("%s%llu", i ? ", " : "", (unsigned long long)tfl_latency_percentile(&latency, i / 100.0));
	printf("]}}\n");
	return 0;
}
