/* SPDX-License-Identifier: MIT */
/*
 * What recording costs a request: reading the verdict out of an output, counting it, and counting the request's four latencies, by the code that the
 * daemon runs after each reply. Against the microsecond that it may take, and against copying the output once, which nobody who reads it all can beat.
 *
 *   bench/record [--rounds N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "daemon/recorder.h"
#include "measure.h"
#include "stats/top.h"

#define CALLS 2000 /* in one reading of the clock */
#define ALLOWED_NS 1000.0
#define ROWS 16 /* different outputs, so that no branch is learnt by heart */

struct kind {
	const char *name;
	enum tfl_dtype dtype;
	enum tfl_scores scores;
	uint32_t classes;
	float scale;
};

static const struct kind kinds[] = {
	{"10 classes, int8", TFL_INT8, TFL_SCORES_PROBABILITY, 10, 1 / 256.0f},
	{"10 classes, float32", TFL_FLOAT32, TFL_SCORES_PROBABILITY, 10, 1},
	{"1001 classes, uint8", TFL_UINT8, TFL_SCORES_PROBABILITY, 1001, 1 / 256.0f},
	{"1001 classes, float32", TFL_FLOAT32, TFL_SCORES_PROBABILITY, 1001, 1},
	{"1001 logits, uint8", TFL_UINT8, TFL_SCORES_LOGIT, 1001, 0.1f},
	{"1001 logits, float32", TFL_FLOAT32, TFL_SCORES_LOGIT, 1001, 1},
};

struct scene {
	struct tfl_top_reader reader;
	struct tfl_recorder *recorder;
	uint8_t *rows, *copy;
	size_t row_bytes;
};

static void fill(const struct kind *kind, uint8_t *rows, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += tfl_dtype_size(kind->dtype)) {
		float value = (float)rand() / (float)RAND_MAX * (kind->scores == TFL_SCORES_LOGIT ? 10 : 1);

		if (kind->dtype == TFL_FLOAT32)
			memcpy(rows + i, &value, sizeof(value));
		else
			rows[i] = (uint8_t)rand();
	}
}

static int open_scene(const struct kind *kind, struct scene *ret_scene)
{
	struct scene scene = {.row_bytes = kind->classes * tfl_dtype_size(kind->dtype)};

	scene.rows = malloc(ROWS * scene.row_bytes);
	scene.copy = malloc(scene.row_bytes);
	if (!scene.rows || !scene.copy || tfl_top_reader_init(&scene.reader, kind->dtype, kind->scores, kind->classes, kind->scale, 0) < 0 ||
	    tfl_recorder_create(1, 1, &kind->classes, &scene.recorder) < 0)
		return -1;
	fill(kind, scene.rows, ROWS * scene.row_bytes);
	*ret_scene = scene;
	return 0;
}

static void close_scene(struct scene *scene)
{
	tfl_recorder_destroy(scene->recorder);
	free(scene->rows);
	free(scene->copy);
}

static void record(const struct scene *scene, unsigned call)
{
	const struct tfl_record times = {.wait_ns = 1000 + call, .compute_ns = 20000 + 7 * call, .reply_ns = 3000, .total_ns = 24000 + 8 * call};
	struct tfl_top top;

	tfl_top_read(&scene->reader, scene->rows + call % ROWS * scene->row_bytes, &top);
	tfl_recorder_add_verdict(scene->recorder, 0, 0, &top);
	tfl_recorder_add(scene->recorder, 0, &times);
}

static void copy(const struct scene *scene, unsigned call)
{
	memcpy(scene->copy, scene->rows + call % ROWS * scene->row_bytes, scene->row_bytes);
	__asm__ volatile("" : : "r"(scene->copy) : "memory");
}

/* Nanoseconds of one call, the median of rounds; the two kinds of round alternate. */
static void measure(const struct scene *scene, unsigned rounds, double *ret_record, double *ret_copy)
{
	struct samples samples[2];

	for (unsigned i = 0; i < 2; i++)
		samples_init(&samples[i], rounds);
	for (unsigned round = 0; round < 2 * rounds; round++) {
		uint64_t begin = now_ns();

		for (unsigned call = 0; call < CALLS; call++) {
			if (round % 2)
				copy(scene, call);
			else
				record(scene, call);
		}
		samples_add(&samples[round % 2], now_ns() - begin);
	}
	*ret_record = (double)samples_percentile(&samples[0], 0.5) / CALLS;
	*ret_copy = (double)samples_percentile(&samples[1], 0.5) / CALLS;
	for (unsigned i = 0; i < 2; i++)
		samples_finish(&samples[i]);
}

int main(int argc, char **argv)
{
	unsigned rounds = 200;

	if (argc == 3 && strcmp(argv[1], "--rounds") == 0) {
		rounds = parse_count(argv[1], argv[2]);
	} else if (argc != 1) {
		fprintf(stderr, "usage: record [--rounds N]\n");
		return 2;
	}
	measure_processor_time(); /* nothing here waits; what else the machine does is not its cost */
	printf("%-22s %10s %14s %16s\n", "output", "ns", "of 1 µs", "copying it once");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++) {
		double recorded, copied;
		struct scene scene;

		if (open_scene(&kinds[i], &scene) < 0) {
			fprintf(stderr, "record: not enough memory\n");
			return 1;
		}
		measure(&scene, rounds, &recorded, &copied);
		printf("%-22s %10.0f %13.2f %14.1f ×\n", kinds[i].name, recorded, recorded / ALLOWED_NS, recorded / copied);
		close_scene(&scene);
	}
	return 0;
}
