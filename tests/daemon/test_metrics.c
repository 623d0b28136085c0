/* SPDX-License-Identifier: MIT */
/*
 * Metrics against what was counted: buckets against the values themselves, one by one; the text against the rules of its format, read
 * line by line; and the families against doc/metrics.md.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/exposition.h"
#include "daemon/metrics.h"
#include "daemon/recorder.h"
#include "stats/latency.h"
#include "stats/top.h"
#include "tests/builder/random.h"
#include "tests/daemon/crowd.h"
#include "tests/daemon/suites.h"

#define REQUESTS 20000
#define LINES_MAX 4000

static struct crowd crowd;
static struct tfl_metrics metrics;
static struct tfl_exposition exposition;
static struct tfl_error error;
static uint64_t totals[REQUESTS];
static char *lines[LINES_MAX];
static unsigned line_count;

static void setup(void)
{
	crowd_begin(&crowd, 3);
}

static void teardown(void)
{
	tfl_metrics_finish(&metrics);
	tfl_exposition_finish(&exposition);
	crowd_end(&crowd);
}

static void gather(void)
{
	tfl_metrics_finish(&metrics);
	metrics.service = (struct tfl_service){.uptime_ns = 1500000000, .requests = 77, .conditions = {[TFL_CONDITION_METRICS] = 1}};
	ck_assert_int_eq(tfl_metrics_gather(crowd.registry, crowd.scheduler, 100, UINT_MAX, &metrics), 0);
}

/* As text, cut into lines. */
static void write_text(void)
{
	tfl_exposition_finish(&exposition);
	tfl_metrics_write(&metrics, &exposition);
	ck_assert_int_eq(tfl_exposition_check(&exposition, &error), 0);
	ck_assert_int_eq(exposition.text[exposition.length - 1], '\n');
	exposition.text[exposition.length - 1] = '\0';
	line_count = 0;
	for (char *rest = exposition.text, *line; (line = strsep(&rest, "\n"));) {
		ck_assert_uint_lt(line_count, LINES_MAX);
		lines[line_count++] = line;
	}
}

/* The value of the sample with this name and these labels. */
static double sample(const char *series)
{
	size_t length = strlen(series);

	for (unsigned i = 0; i < line_count; i++) {
		if (strncmp(lines[i], series, length) == 0 && lines[i][length] == ' ')
			return strtod(lines[i] + length, NULL);
	}
	ck_abort_msg("there is no %s", series);
}

static unsigned count_lines(const char *start)
{
	unsigned count = 0;

	for (unsigned i = 0; i < line_count; i++)
		count += strncmp(lines[i], start, strlen(start)) == 0;
	return count;
}

START_TEST(edges_are_what_the_labels_say)
{
	double edge = 10e-6, share;
	uint64_t ns;

	for (unsigned i = 0; i < TFL_METRICS_DURATIONS; i++, edge *= 1.8) {
		double label = strtod(tfl_metrics_duration_edge(i, &ns), NULL);

		ck_assert_msg(fabs(label / edge - 1) < 1e-5, "%g is not %g", label, edge);
		ck_assert_uint_eq(ns, (uint64_t)llround(label * 1e9));
	}
	for (unsigned i = 0; i < TFL_METRICS_SHARES; i++) {
		double label = strtod(tfl_metrics_share_edge(i, &share), NULL);

		ck_assert(label == share);
		ck_assert(fabs(label * TFL_CONFIDENCE_BINS - rint(label * TFL_CONFIDENCE_BINS)) < 1e-9);
	}
	ck_assert(share == 1);
}
END_TEST

/* What a bucket counts is exact at the nearest end of a finer one, so it lies between the counts at 1 / 128 less and more. */
START_TEST(durations_are_counted_up_to_their_edges)
{
	unsigned count = crowd_ask(&crowd, crowd_add(&crowd, "m", 1, 1, 1), REQUESTS, 5, totals);
	const struct tfl_metrics_duration *duration;
	uint64_t sum = 0, ns;

	gather();
	duration = &metrics.versions[0].durations[TFL_METRICS_REQUEST];
	for (unsigned i = 0; i < TFL_METRICS_DURATIONS; i++) {
		uint64_t up_to = 0, below = 0, above = 0;

		tfl_metrics_duration_edge(i, &ns);
		for (unsigned k = 0; k < count; k++) {
			up_to += totals[k] <= tfl_latency_edge(ns);
			below += totals[k] <= ns - ns / 128;
			above += totals[k] <= ns + ns / 128;
		}
		ck_assert_uint_eq(duration->up_to[i], up_to);
		ck_assert(below <= up_to && up_to <= above);
	}
	for (unsigned k = 0; k < count; k++)
		sum += totals[k];
	ck_assert_uint_eq(duration->sum_ns, sum);
	ck_assert_uint_eq(duration->count, count);
	ck_assert_uint_gt(duration->up_to[5], 100);
	ck_assert_uint_gt(duration->count, duration->up_to[10]);
}
END_TEST

START_TEST(confidences_are_counted_below_their_edges)
{
	const struct tfl_version *version = crowd_add(&crowd, "m", 1, 1, 1);
	static float confidences[REQUESTS];
	struct tfl_random random = {9};
	double sum = 0, margins = 0, edge;

	for (unsigned i = 0; i < REQUESTS; i++) {
		/* Between edges: which side of one a value on it falls is not for here. */
		float confidence = confidences[i] = ((float)tfl_random_below(&random, 1000) + 0.5f) / 1000;

		tfl_recorder_add_verdict(version->recorder, i % 3, 0, &(struct tfl_top){.confidence = confidence, .margin = confidence / 2});
		sum += (double)confidences[i];
		margins += (double)confidences[i] / 2;
	}
	tfl_recorder_add_verdict(version->recorder, 0, 0, &(struct tfl_top){.confidence = NAN, .margin = NAN});
	gather();
	for (unsigned i = 0; i < TFL_METRICS_SHARES; i++) {
		uint64_t below = 0, margins_below = 0;

		tfl_metrics_share_edge(i, &edge);
		for (unsigned k = 0; k < REQUESTS; k++) {
			below += (double)confidences[k] < edge;
			margins_below += (double)confidences[k] / 2 < edge;
		}
		ck_assert_uint_eq(metrics.heads[0].confidence.up_to[i], below);
		ck_assert_uint_eq(metrics.heads[0].margin.up_to[i], margins_below);
	}
	ck_assert_uint_eq(metrics.heads[0].confidence.count, REQUESTS);
	ck_assert_uint_eq(metrics.heads[0].invalid, 1);
	ck_assert(fabs(metrics.heads[0].confidence.sum - sum) < REQUESTS * 0x1p-24);
	ck_assert(fabs(metrics.heads[0].margin.sum - margins) < REQUESTS * 0.01);
}
END_TEST

START_TEST(numbers_are_of_their_version)
{
	struct tfl_version *ended;

	crowd_ask(&crowd, crowd_add(&crowd, "m", 1, 2, 3), 1000, 1, NULL);
	crowd_ask(&crowd, crowd_add(&crowd, "m", 2, 0, 1), 100, 2, NULL);
	ended = crowd_add(&crowd, "n", 9, 1, 1);
	tfl_registry_set_state(crowd.registry, ended, TFL_VERSION_END, "unloaded", 2);
	gather();
	write_text();
	ck_assert(sample("tfl_uptime_seconds") == 1.5);
	ck_assert(sample("tfl_requests_total") == 77);
	ck_assert(sample("tfl_conditions{condition=\"metrics\"}") == 1);
	ck_assert(sample("tfl_conditions{condition=\"clock\"}") == 0);
	ck_assert(sample("tfl_inference_request_success_total{model=\"m\",version=\"1\"}") == 900);
	ck_assert(sample("tfl_inference_request_failure_total{model=\"m\",version=\"1\",reason=\"DEADLINE_EXCEEDED\"}") == 100);
	ck_assert(sample("tfl_inference_request_failure_total{model=\"m\",version=\"2\",reason=\"INTERNAL\"}") == 0);
	ck_assert(sample("tfl_inference_count_total{model=\"m\",version=\"1\"}") == 2700);
	ck_assert(sample("tfl_inference_count_total{model=\"m\",version=\"2\"}") == 90);
	ck_assert(sample("tfl_inference_exec_count_total{model=\"m\",version=\"1\"}") == 1000);
	ck_assert(sample("tfl_inference_confidence_count{model=\"m\",version=\"1\",output=\"2\"}") == 2700);
	ck_assert(sample("tfl_drift_window_verdicts{model=\"m\",version=\"1\",output=\"0\"}") == 2700);
	ck_assert(sample("tfl_drift_baseline_verdicts{model=\"m\",version=\"1\",output=\"0\"}") == 1000);
	ck_assert(sample("tfl_drift_verdict{model=\"m\",version=\"1\",output=\"0\",verdict=\"stable\"}") == 1);
	ck_assert(sample("tfl_model_active{model=\"m\",version=\"1\"}") == 1);
	ck_assert(sample("tfl_model_active{model=\"m\",version=\"2\"}") == 0);
	ck_assert(sample("tfl_model_state{model=\"n\",version=\"9\",state=\"END\"}") == 1);
	ck_assert(sample("tfl_model_state{model=\"n\",version=\"9\",state=\"AVAILABLE\"}") == 0);
	ck_assert(sample("tfl_model_load_duration_seconds{model=\"m\",version=\"2\"}") == 0.001500002);
	/* Of what is not loaded there is nothing else, and without verdicts no distance. */
	ck_assert_uint_eq(count_lines("tfl_inference_request_success_total{model=\"n\""), 0);
	ck_assert_uint_eq(count_lines("tfl_drift_psi{model=\"m\",version=\"2\""), 0);
}
END_TEST

/* In as many goes as it takes, with the same result; and with versions that come and go in between each is there at most once. */
START_TEST(gathering_goes_on_where_it_stopped)
{
	static const char *const models[] = {"a", "a-b", "ab", "b"};
	unsigned goes = 0;
	char *whole;
	int r;

	for (unsigned i = 0; i < 12; i++)
		crowd_ask(&crowd, crowd_add(&crowd, models[i % 4], i / 4 + 1, i % 3, 1), 100, i, NULL);
	gather();
	tfl_metrics_write(&metrics, &exposition);
	whole = strndup(exposition.text, exposition.length);
	tfl_exposition_finish(&exposition);
	tfl_metrics_finish(&metrics);
	metrics.service = (struct tfl_service){.uptime_ns = 1500000000, .requests = 77, .conditions = {[TFL_CONDITION_METRICS] = 1}};
	do {
		r = tfl_metrics_gather(crowd.registry, crowd.scheduler, 100, 5, &metrics);
		ck_assert_uint_eq(metrics.version_count, goes < 2 ? 5 * (goes + 1) : 12);
		goes++;
	} while (r > 0);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(goes, 3);
	tfl_metrics_write(&metrics, &exposition);
	ck_assert_uint_eq(exposition.length, strlen(whole));
	ck_assert_mem_eq(exposition.text, whole, exposition.length);
	free(whole);
	tfl_metrics_finish(&metrics);
	ck_assert_int_eq(tfl_metrics_gather(crowd.registry, crowd.scheduler, 100, 4, &metrics), 1);
	tfl_registry_remove(crowd.registry, tfl_registry_find_version(tfl_registry_find(crowd.registry, "a-b", 3), 1));
	crowd_add(&crowd, "a", 9, 1, 1);
	crowd_add(&crowd, "c", 1, 1, 1);
	ck_assert_int_eq(tfl_metrics_gather(crowd.registry, crowd.scheduler, 100, UINT_MAX, &metrics), 0);
	ck_assert_uint_eq(metrics.version_count, 13);
	ck_assert_str_eq(metrics.versions[4].model, "a-b");
	ck_assert_uint_eq(metrics.versions[4].number, 2);
	ck_assert_str_eq(metrics.versions[12].model, "c");
}
END_TEST

START_TEST(there_is_no_distance_from_nothing)
{
	crowd_add(&crowd, "m", 1, 1, 1);
	gather();
	write_text();
	ck_assert_uint_eq(count_lines("tfl_drift_psi{"), 0);
	ck_assert(sample("tfl_drift_verdict{model=\"m\",version=\"1\",output=\"0\",verdict=\"unknown\"}") == 1);
	ck_assert(sample("tfl_drift_window_verdicts{model=\"m\",version=\"1\",output=\"0\"}") == 0);
}
END_TEST

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether a sample's name is the family's, or that with a suffix of a histogram. */
static bool is_of(const char *line, const char *family, const char *type)
{
	static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
	size_t length = strlen(family), name = strcspn(line, "{ ");

	if (strncmp(line, family, length) != 0)
		return false;
	if (strcmp(type, "histogram") != 0)
		return name == length;
	for (unsigned i = 0; i < 3; i++) {
		if (name == length + strlen(suffixes[i]) && strncmp(line + length, suffixes[i], strlen(suffixes[i])) == 0)
			return true;
	}
	return false;
}

START_TEST(the_text_keeps_to_its_format)
{
	const char *family = NULL, *type = "";
	unsigned families = 0, samples = 0;
	static char *series[LINES_MAX];

	crowd_ask(&crowd, crowd_add(&crowd, "m", 1, 2, 1), 3000, 1, NULL);
	crowd_ask(&crowd, crowd_add(&crowd, "a-b.c_d", TFL_VERSION_MAX, 1, 1), 100, 2, NULL);
	gather();
	write_text();
	for (unsigned i = 0; i < line_count; i++) {
		char *end, expected[128];

		if (strncmp(lines[i], "# HELP ", 7) == 0) {
			family = tfl_metrics_family(families++, &type);
			ck_assert_ptr_nonnull(family);
			snprintf(expected, sizeof(expected), "# HELP %s ", family);
			ck_assert_msg(strncmp(lines[i], expected, strlen(expected)) == 0, "%s", lines[i]);
			ck_assert_uint_gt(strlen(lines[i]), strlen(expected) + 5);
			snprintf(expected, sizeof(expected), "# TYPE %s %s", family, type);
			ck_assert_str_eq(lines[++i], expected);
			ck_assert_int_eq(strcmp(type, "counter") == 0, strcmp(family + strlen(family) - 6, "_total") == 0);
			continue;
		}
		ck_assert_msg(family && is_of(lines[i], family, type), "%s in %s", lines[i], family);
		end = strrchr(lines[i], ' ');
		strtod(end + 1, &end);
		ck_assert_msg(*end == '\0', "%s", lines[i]);
		series[samples++] = strndup(lines[i], (size_t)(strrchr(lines[i], ' ') - lines[i]));
	}
	ck_assert_ptr_null(tfl_metrics_family(families, &type));
	qsort(series, samples, sizeof(series[0]), by_text);
	for (unsigned i = 1; i < samples; i++)
		ck_assert_str_ne(series[i - 1], series[i]);
	ck_assert_uint_gt(samples, 300);
	for (unsigned i = 0; i < samples; i++)
		free(series[i]);
}
END_TEST

/* From one bucket to the next never fewer, and at the end as many as there are. */
START_TEST(buckets_are_cumulative)
{
	unsigned histograms = 0;
	double before = 0;

	crowd_ask(&crowd, crowd_add(&crowd, "m", 1, 2, 1), 3000, 1, NULL);
	gather();
	write_text();
	for (unsigned i = 0; i < line_count; i++) {
		const char *edge = strstr(lines[i], "le=\"");
		double value = strtod(strrchr(lines[i], ' '), NULL);

		if (edge) {
			ck_assert(value >= before);
			before = value;
		}
		if (edge && strncmp(edge, "le=\"+Inf", 8) == 0) {
			ck_assert_ptr_nonnull(strstr(lines[i + 1], "_sum{"));
			ck_assert_ptr_nonnull(strstr(lines[i + 2], "_count{"));
			ck_assert(strtod(strrchr(lines[i + 2], ' '), NULL) == value);
			before = 0;
			histograms++;
		}
	}
	ck_assert_uint_eq(histograms, 3 + 2 * 2);
}
END_TEST

START_TEST(the_page_lists_the_families)
{
	char path[512], row[256], *page = calloc(1, 1 << 20);
	const char *name, *type, *at;
	unsigned families = 0, rows = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/metrics.md", getenv("DOCUMENTS"));
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s cannot be opened", path);
	ck_assert_uint_gt(fread(page, 1, (1 << 20) - 1, file), 1000);
	fclose(file);
	for (; (name = tfl_metrics_family(families, &type)); families++) {
		snprintf(row, sizeof(row), "\n| `%s` | %s |", name, type);
		ck_assert_msg(strstr(page, row) != NULL, "doc/metrics.md has no row for %s, a %s", name, type);
	}
	for (at = page; (at = strstr(at, "\n| `tfl_")); at++)
		rows++;
	ck_assert_uint_eq(rows, families);
	free(page);
}
END_TEST

Suite *metrics_suite(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tcase = tcase_create("metrics");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, edges_are_what_the_labels_say);
	tcase_add_test(tcase, durations_are_counted_up_to_their_edges);
	tcase_add_test(tcase, confidences_are_counted_below_their_edges);
	tcase_add_test(tcase, numbers_are_of_their_version);
	tcase_add_test(tcase, gathering_goes_on_where_it_stopped);
	tcase_add_test(tcase, there_is_no_distance_from_nothing);
	tcase_add_test(tcase, the_text_keeps_to_its_format);
	tcase_add_test(tcase, buckets_are_cumulative);
	tcase_add_test(tcase, the_page_lists_the_families);
	suite_add_tcase(suite, tcase);
	return suite;
}
