/* SPDX-License-Identifier: MIT */
/*
 * What stats/ makes of numbers from files, as JSON on stdout, for compare_numpy.py:
 *
 *   compute-stats BASELINE WINDOW LATENCIES
 *
 * The first two hold float32 pairs (confidence, margin), the third uint64 nanoseconds, all in this machine's byte order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	static struct tfl_confidence baseline, window;
	static struct tfl_latency latency;
	struct tfl_drift drift;
	uint64_t nanoseconds;
	FILE *file;

	if (argc != 4) {
		fprintf(stderr, "usage: compute-stats BASELINE WINDOW LATENCIES\n");
		return 2;
	}
	read_confidence(argv[1], &baseline);
	read_confidence(argv[2], &window);
	file = open_file(argv[3]);
	while (fread(&nanoseconds, sizeof(nanoseconds), 1, file) == 1)
		tfl_latency_record(&latency, nanoseconds);
	fclose(file);
	tfl_drift_compute(&baseline, &window, &drift);
	printf("{");
	print_confidence("baseline", &baseline);
	print_confidence("window", &window);
	printf("\"drift\": {\"psi\": %.17g, \"psi_raw\": %.17g, \"noise\": %.17g, \"groups\": %u, \"js\": %.17g, \"ks\": %.17g},\n", drift.psi,
	       drift.psi_raw, drift.noise, drift.groups, drift.jensen_shannon, drift.kolmogorov_smirnov);
	printf("\"latency\": {\"count\": %llu, \"mean\": %.17g, \"percentiles\": [", (unsigned long long)latency.count, tfl_latency_mean(&latency));
	for (unsigned i = 0; i <= 100; i++)
		printf("%s%llu", i ? ", " : "", (unsigned long long)tfl_latency_percentile(&latency, i / 100.0));
	printf("]}}\n");
	return 0;
}
