/* SPDX-License-Identifier: MIT */
/*
 * What one export of metrics takes, by the code that the daemon runs: gathering numbers, on the loop thread, where requests wait for it
 * meanwhile, and writing them down, on the loop for the method metrics and elsewhere for the file. Of versions that have been asked a
 * thousand times each, by four writers (three workers), with one output that says how sure it is. Against copying the text once, which is
 * the least that sending it takes.
 *
 *   bench/metrics [--rounds N]
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/exposition.h"
#include "daemon/history.h"
#include "daemon/metrics.h"
#include "measure.h"
#include "tests/daemon/crowd.h"

#define WRITERS 4
#define REQUESTS 1000
#define HOUR_S 3600 /* so long they run */

static const unsigned sizes[] = {1, 20, 200};

enum step { GATHER, WRITE, COPY, STEPS };

static void fill(struct crowd *crowd, unsigned versions)
{
	char model[16];

	for (unsigned i = 0; i < versions; i++) {
		struct tfl_version *version;

		snprintf(model, sizeof(model), "model-%u", i / 20);
		version = crowd_add(crowd, model, i % 20 + 1, 1, 1);
		for (unsigned minute = 0; minute < TFL_WINDOWS_MINUTES; minute++)
			tfl_history_advance(version->history, version->recorder, 60 * minute);
		crowd_ask(crowd, version, REQUESTS, i, NULL);
	}
}

static void measure_once(const struct crowd *crowd, struct samples *samples, size_t *ret_bytes)
{
	struct tfl_exposition exposition = {.length = 0};
	struct tfl_metrics metrics = {.version_count = 0};
	uint64_t began = now_ns(), gathered, written;
	void *copy;

	if (tfl_metrics_gather(crowd->registry, crowd->scheduler, HOUR_S, UINT_MAX, &metrics) < 0)
		abort();
	gathered = now_ns();
	tfl_metrics_write(&metrics, &exposition);
	written = now_ns();
	if (tfl_exposition_check(&exposition, NULL) < 0 || !(copy = malloc(exposition.length)))
		abort();
	memcpy(copy, exposition.text, exposition.length);
	__asm__ volatile("" : : "r"(copy) : "memory");
	samples_add(&samples[GATHER], gathered - began);
	samples_add(&samples[WRITE], written - gathered);
	samples_add(&samples[COPY], now_ns() - written);
	*ret_bytes = exposition.length;
	free(copy);
	tfl_exposition_finish(&exposition);
	tfl_metrics_finish(&metrics);
}

static void measure(unsigned versions, unsigned rounds)
{
	struct samples samples[STEPS];
	double medians[STEPS], both;
	struct crowd crowd;
	size_t bytes = 0;

	for (unsigned i = 0; i < STEPS; i++)
		samples_init(&samples[i], rounds);
	crowd_begin(&crowd, WRITERS);
	fill(&crowd, versions);
	for (unsigned round = 0; round < rounds; round++)
		measure_once(&crowd, samples, &bytes);
	for (unsigned i = 0; i < STEPS; i++) {
		medians[i] = (double)samples_percentile(&samples[i], 0.5) / 1000;
		samples_finish(&samples[i]);
	}
	both = medians[GATHER] + medians[WRITE];
	printf("%8u %12.0f %12.0f %12.1f %14.1f %14.1f ×\n", versions, medians[GATHER], medians[WRITE], both / versions,
	       (double)bytes / 1024, both / medians[COPY]);
	crowd_end(&crowd);
}

int main(int argc, char **argv)
{
	unsigned rounds = 200;

	if (argc == 3 && strcmp(argv[1], "--rounds") == 0) {
		rounds = parse_count(argv[1], argv[2]);
	} else if (argc != 1) {
		fprintf(stderr, "usage: metrics [--rounds N]\n");
		return 2;
	}
	pin_to_cpu(0);
	printf("%8s %13s %13s %13s %14s %16s\n", "versions", "gather, µs", "write, µs", "a version", "text, KiB", "copying it");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(sizes); i++)
		measure(sizes[i], rounds);
	return 0;
}
