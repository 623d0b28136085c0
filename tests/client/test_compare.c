/* SPDX-License-Identifier: MIT */
/*
 * tflctl compare against a fake daemon, which tells of traffic that was made up from a seed: of two versions that are the same, of one that
 * is slower, fails more often, or differs by nothing that matters. The model's name says which; two asked for one after the other are never
 * the same traffic.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "proto/histogram.h"
#include "proto/request.h"
#include "stats/confidence.h"
#include "stats/latency.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/fake.h"
#include "tests/client/run.h"

#define RUNS 100
#define FALSE_MOST 2

/* What a version does, and how often it was asked; 0: as the seed has it. */
struct nature {
	double failures, slowness, sureness;
	unsigned requests;
};

static const struct traffic {
	const char *model;
	struct nature natures[2];
	unsigned heads, wrong; /* wrong: what cannot be */
	bool shadow;           /* the second has answered nothing, and ran copies */
	uint64_t age_s;        /* since when they are loaded; 0: nobody knows */
	bool goes_on;          /* what it did before the first answer was as of the other version; an answer has all of it */
} traffics[] = {
	{"same", {{0.01, 1, 0.95, 0}, {0.01, 1, 0.95, 0}}, 1, 0},
	{"slower", {{0.01, 1, 0.95, 20000}, {0.01, 1.3, 0.95, 5000}}, 1, 0},
	{"failing", {{0.005, 1, 0.95, 20000}, {0.06, 1, 0.95, 2000}}, 1, 0},
	{"mixed", {{0.005, 1, 0.95, 20000}, {0.06, 0.7, 0.95, 20000}}, 1, 0},
	{"slight", {{0.01, 1, 0.95, 400000}, {0.01, 1.025, 0.95, 400000}}, 1, 0},
	{"few", {{0, 1, 0.95, 400}, {0, 1, 0.95, 60}}, 1, 0},
	{"yesterday", {{0, 1, 0.95, 400}, {0, 1, 0.95, 60}}, 1, 0, false, 86400},
	{"tomorrow", {{0, 1, 0.95, 400}, {0, 1, 0.95, 60}}, 1, 0, false, (uint64_t)-86400},
	{"headless", {{0.01, 1, 0.95, 20000}, {0.01, 1, 0.95, 20000}}, 0, 0},
	{"shadow", {{0.005, 1, 0.95, 20000}, {0.06, 1.5, 0.95, 20000}}, 1, 0, true},
	{"turned", {{0.2, 1, 0.95, 20000}, {0, 0.5, 0.95, 20000}}, 1, 0, false, 0, true},
	{"successes", {{0, 1, 0.95, 100}, {0, 1, 0.95, 100}}, 1, 1},
	{"bucket", {{0, 1, 0.95, 100}, {0, 1, 0.95, 100}}, 1, 2},
	{"alone", {{0, 1, 0.95, 100}, {0, 1, 0.95, 100}}, 1, 3},
};

static struct fake fake;
static uint64_t seed;
static bool spare;
static double spared;

static double uniform(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	double radius, angle;

	if ((spare = !spare)) {
		radius = sqrt(-2 * log(uniform()));
		angle = 2 * M_PI * uniform();
		spared = radius * sin(angle);
		return radius * cos(angle);
	}
	return spared;
}

struct seen {
	uint64_t requests, failed;
	struct tfl_latency latency;
	struct tfl_confidence confidence;
};

/* Latencies come in runs of a few that have something in common; the slow ones are much slower. */
static void live(const struct nature *nature, unsigned requests, struct seen *seen)
{
	double run = 0;

	memset(seen, 0, sizeof(*seen));
	seen->requests = requests;
	for (unsigned i = 0; i < requests; i++) {
		double sure = 1 - (1 - nature->sureness) * -log(uniform());

		if (i % 4 == 0)
			run = 0.3 * normal();
		if (uniform() < nature->failures) {
			seen->failed++;
			continue;
		}
		tfl_latency_record(&seen->latency, (uint64_t)(1e6 * nature->slowness * exp(run + 0.2 * normal())));
		sure = sure < 0.1 ? 0.1 : sure;
		tfl_confidence_record(&seen->confidence, (float)sure, (float)(sure - (1 - sure) / 9));
	}
}

/* What it did before, and again as much. */
static void go_on(const struct traffic *traffic, unsigned side, struct seen *seen)
{
	static struct seen all[2];
	const bool first = all[side].requests == 0;

	live(&traffic->natures[first ? 1 - side : side], traffic->natures[side].requests, seen);
	all[side].requests += seen->requests;
	all[side].failed += seen->failed;
	tfl_latency_merge(&all[side].latency, &seen->latency);
	tfl_confidence_merge(&all[side].confidence, &seen->confidence);
	*seen = all[side];
}

static void write_stage(const char *stage, const struct tfl_latency *latency, bool wrong)
{
	struct tfl_writer *writer = &fake.writer;
	const char *const keys[] = {"sum_ns", "min_ns", "max_ns"};
	const uint64_t values[] = {latency->sum_ns, latency->min_ns, latency->max_ns};

	tfl_writer_text(writer, stage);
	tfl_writer_map(writer, 4);
	for (unsigned i = 0; i < 3; i++) {
		tfl_writer_text(writer, keys[i]);
		tfl_writer_uint64(writer, values[i]);
	}
	if (!wrong) {
		tfl_counters_write(writer, "buckets", latency->buckets, TFL_LATENCY_BUCKETS);
		return;
	}
	tfl_writer_text(writer, "buckets");
	tfl_writer_array(writer, 2);
	tfl_writer_uint64(writer, TFL_LATENCY_BUCKETS);
	tfl_writer_uint64(writer, 1);
}

static void write_results(uint64_t requests, uint64_t ok)
{
	struct tfl_writer *writer = &fake.writer;

	tfl_writer_text(writer, "requests");
	tfl_writer_uint64(writer, requests);
	tfl_writer_text(writer, "results");
	tfl_writer_map(writer, 1 + 2 * (requests > ok));
	tfl_writer_text(writer, "OK");
	tfl_writer_uint64(writer, ok);
	if (requests <= ok)
		return;
	tfl_writer_text(writer, "INVALID_ARGUMENT");
	tfl_writer_uint64(writer, requests - ok - 1);
	tfl_writer_text(writer, "CANCELLED");
	tfl_writer_uint64(writer, 1);
}

/* Of the version that it was compared with, and of another one. */
static void write_shadow(const struct seen *seen)
{
	static const char *const keys[] = {"version", "compared", "rows", "agreed"};
	static const uint64_t values[][4] = {{7, 50, 50, 1}, {1, 2000, 4000, 3900}};
	struct tfl_writer *writer = &fake.writer;

	tfl_writer_text(writer, "shadow");
	tfl_writer_map(writer, 5);
	tfl_writer_text(writer, "running");
	tfl_writer_bool(writer, true);
	write_results(seen->requests, seen->requests - seen->failed);
	write_stage("compute", &seen->latency, false);
	tfl_writer_text(writer, "agreement");
	tfl_writer_array(writer, 2);
	for (unsigned i = 0; i < 2; i++) {
		tfl_writer_map(writer, 7);
		for (unsigned k = 0; k < 4; k++) {
			tfl_writer_text(writer, keys[k]);
			tfl_writer_uint64(writer, values[i][k]);
		}
		tfl_writer_text(writer, "output");
		tfl_writer_text(writer, "scores");
		tfl_writer_text(writer, "largest_difference");
		tfl_writer_double(writer, 0.25);
		tfl_writer_text(writer, "mean_difference");
		tfl_writer_double(writer, 0.015625);
	}
}

static void write_head(const struct tfl_confidence *confidence, unsigned side)
{
	const struct tfl_wire_histogram histogram = {
		confidence->invalid, confidence->sum, confidence->bins, confidence->margins, confidence->fine, TFL_CONFIDENCE_BINS,
		TFL_CONFIDENCE_FINE,
	};

	tfl_writer_map(&fake.writer, 5);
	tfl_writer_text(&fake.writer, "drift");
	tfl_writer_text(&fake.writer, side ? "watch" : "unknown");
	tfl_writer_text(&fake.writer, "psi");
	tfl_writer_double(&fake.writer, 0.125);
	tfl_writer_text(&fake.writer, "output");
	tfl_writer_uint64(&fake.writer, 3);
	tfl_writer_text(&fake.writer, "name");
	tfl_writer_text(&fake.writer, "scores");
	tfl_wire_histogram_write(&fake.writer, "histogram", &histogram);
}

static void write_version(const struct traffic *traffic, unsigned side, const struct seen *seen)
{
	struct tfl_writer *writer = &fake.writer;

	const bool shadow = traffic->shadow && side == 1;
	static const struct tfl_latency nothing;

	tfl_writer_map(writer, 7 + shadow);
	tfl_writer_text(writer, "version");
	tfl_writer_uint64(writer, side + 1);
	tfl_writer_text(writer, "since");
	tfl_writer_uint64(writer, traffic->age_s ? (uint64_t)time(NULL) - traffic->age_s : 0);
	if (shadow)
		write_results(0, 0);
	else
		write_results(seen->requests, traffic->wrong == 1 ? seen->requests + 1 : seen->requests - seen->failed);
	tfl_writer_text(writer, "latency");
	tfl_writer_map(writer, 2);
	write_stage("total", shadow ? &nothing : &seen->latency, traffic->wrong == 2);
	write_stage("compute", shadow ? &nothing : &seen->latency, false);
	if (shadow)
		write_shadow(seen);
	tfl_writer_text(writer, "reason");
	tfl_writer_text(writer, "it has none");
	tfl_writer_text(writer, "heads");
	tfl_writer_array(writer, traffic->heads);
	for (unsigned i = 0; i < traffic->heads; i++)
		write_head(&seen->confidence, side);
}

static void reply(const struct tfl_message *request)
{
	struct tfl_writer *writer = &fake.writer;
	const struct traffic *traffic = traffics;
	struct tfl_model_params params;
	static struct seen seen;

	ck_assert_int_eq(tfl_model_params_parse(&tfl_compare_params, request->params, &params, NULL), 0);
	ck_assert_uint_eq(params.version, 1);
	ck_assert_uint_eq(params.against, 2);
	while (!tfl_string_equal(params.model, traffic->model))
		traffic++;
	tfl_message_reply(writer, request->msgid);
	tfl_writer_map(writer, 2);
	tfl_writer_text(writer, "model");
	tfl_writer_text(writer, traffic->model);
	tfl_writer_text(writer, "versions");
	tfl_writer_array(writer, traffic->wrong == 3 ? 1 : 2);
	for (unsigned i = 0; i < (traffic->wrong == 3 ? 1 : 2); i++) {
		const struct nature *nature = &traffic->natures[i];

		if (traffic->goes_on)
			go_on(traffic, i, &seen);
		else
			live(nature, nature->requests ? nature->requests : (unsigned)(200 * exp(uniform() * 4)), &seen);
		write_version(traffic, i, &seen);
	}
}

static void serve(struct fake *unused, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(&fake, &request)) {
		ck_assert(tfl_string_equal(request.method, TFL_METHOD_COMPARE));
		reply(&request);
		fake_send(&fake);
	}
}

static void setup(void)
{
	seed = 1;
	spare = false;
	fake_start(&fake, serve, NULL);
	setenv("TFL_SOCKET", fake.path, 1);
}

static void teardown(void)
{
	fake_stop(&fake);
}

static void expect(const char *part)
{
	ck_assert_msg(result.status == 0 && strstr(result.out, part), "'%s' is not in\n%s%s", part, result.out, result.err);
}

/* Of two versions that are one, nothing is called better, whatever each was asked. */
START_TEST(noise_is_no_winner)
{
	unsigned called = 0, told = 0;

	for (unsigned i = 0; i < RUNS; i++) {
		json_t *json;
		const char *better;

		TFLCTL("compare", "same", "1", "2", "--json");
		json = json_of_output();
		better = json_string_value(json_object_get(json, "better"));
		for (size_t k = 0; k < json_array_size(json_object_get(json, "subjects")); k++) {
			const json_t *subject = json_array_get(json_object_get(json, "subjects"), k);
			const char *verdict = json_string_value(json_object_get(subject, "verdict"));

			told += strcmp(verdict, "same") == 0;
			if (strcmp(verdict, "same") != 0 && strcmp(verdict, "unknown") != 0) {
				called++;
				break;
			}
		}
		ck_assert(strcmp(better, "equal") == 0 || strcmp(better, "open") == 0 || called > 0);
		json_decref(json);
	}
	printf("# a difference was called in %u of %u comparisons of a version with itself, and none in %u single ones\n", called, RUNS,
	       told);
	ck_assert_uint_le(called, FALSE_MOST);
	ck_assert_uint_gt(told, RUNS / 2);
}
END_TEST

START_TEST(what_is_worse_is_found)
{
	TFLCTL("compare", "slower", "1", "2");
	expect("slower@1 is better");
	expect("@1 is faster at p50");
	expect("That is the versions' doing where both served at the same time");
	TFLCTL("compare", "failing", "1", "2");
	expect("failing@1 is better as far as can be told, more than 99.99 % sure.\n");
	expect("  @1 fails less often, more than 99.99 % sure.\n");
	expect(" INVALID_ARGUMENT, 1 CANCELLED.\n");
	TFLCTL("compare", "mixed", "1", "2");
	expect("Each is better at something");
	expect("@1 fails less often");
	expect("@2 is faster at p50");
}
END_TEST

/* What was before is taken off: until now the second one was the worse, from now on it is the better. */
START_TEST(what_comes_from_now_on)
{
	TFLCTL("compare", "turned", "1", "2", "--for", "1s");
	expect("turned@2 is better, ");
	expect("  requests        20000    20000\n");
	expect("@2 is faster at p50");
	expect("@2 fails less often");
	ck_assert_msg(!strstr(result.out, "Of @2 failed"), "%s", result.out);
	TFLCTL("compare", "turned", "1", "2"); /* all of it: three parts of it with an exchange in between */
	expect("  requests        60000    60000\n");
	TFLCTL("compare", "turned", "1", "2", "--for", "5min");
	ck_assert_msg(result.status == 2 && strstr(result.err, "--for"), "%s", result.err);
}
END_TEST

START_TEST(what_does_not_matter_is_said_not_to)
{
	TFLCTL("compare", "slight", "1", "2");
	expect("@1, slightly");
	expect("but by less than 5 %, which is of no consequence.");
	ck_assert_msg(strstr(result.out, "Neither is better") || strstr(result.out, "cannot be told yet"), "%s", result.out);
}
END_TEST

/* What cannot be told says how many more it takes; and no line is wider than a terminal. */
START_TEST(what_cannot_be_told_says_what_it_takes)
{
	TFLCTL("compare", "few", "1", "2");
	expect("Which is better cannot be told yet.");
	expect("p50 takes at least 20 of @2 more.");
	expect("p99 takes at least 2400 of @1 and 2800 of @2 more.");
	expect("Who fails less often can be told, if it goes on so, after some ");
	for (const char *line = result.out; *line; line += strcspn(line, "\n") + 1)
		ck_assert_msg(strcspn(line, "\n") <= 100, "%s", line);
}
END_TEST

/* At the rate of the slower one of the two: 60 a day, so 2,740 take 45 days and a half. */
START_TEST(how_long_that_takes)
{
	TFLCTL("compare", "yesterday", "1", "2");
	expect("p50 takes at least 20 of @2 more, another 8 h");
	expect("p99 takes at least 2400 of @1 and 2800 of @2 more, another 45 days as it goes.");
	TFLCTL("compare", "tomorrow", "1", "2");
	expect("p99 takes at least 2400 of @1 and 2800 of @2 more.");
	TFLCTL("compare", "few", "1", "2");
	expect("p99 takes at least 2400 of @1 and 2800 of @2 more.");
}
END_TEST

START_TEST(without_a_confidence_the_rest_is_compared)
{
	TFLCTL("compare", "headless", "1", "2");
	expect("Confidence is not compared: it has none.");
	ck_assert(!strstr(result.out, "its spread") && !strstr(result.out, "drift"));
	TFLCTL("compare", "headless", "1", "2", "--output", "scores");
	ck_assert_msg(result.status == 1 && strstr(result.err, "there is no output 'scores' by which both versions"), "%s", result.err);
	for (unsigned i = 0; i < 2; i++) {
		TFLCTL("compare", "few", "1", "2", "--output", i ? "3" : "scores");
		expect("confidence");
		expect("unknown, watch\n");
		expect(" 0.125 ");
	}
	TFLCTL("compare", "few", "1", "2", "--output", "30");
	ck_assert_int_eq(result.status, 1);
}
END_TEST

/* One that answers nobody is judged by its copies, and by what it would have answered. */
START_TEST(a_shadow_is_compared_by_its_copies)
{
	json_t *json;

	TFLCTL("compare", "shadow", "1", "2");
	expect("shadow@1 is better");
	expect("  @1 fails less often, more than 99.99 % sure.\n");
	expect("  @1 is faster at p50");
	expect("@2 is a shadow: its requests are copies, and latency is the time for computing, of both.");
	expect("They agree on 'scores' in 2000 copies: the same class in 97.50 % of 4000 rows");
	ck_assert(!strstr(result.out, " 50 copies"));
	ck_assert(!strstr(result.out, "it may be the load's"));
	TFLCTL("compare", "shadow", "1", "2", "--json");
	json = json_of_output();
	ck_assert(json_is_true(json_object_get(json, "computing")));
	ck_assert_uint_eq(json_array_size(json_object_get(json, "agreement")), 1);
	ck_assert(json_is_true(json_object_get(json_array_get(json_object_get(json, "versions"), 1), "copied")));
	json_decref(json);
}
END_TEST

START_TEST(what_cannot_be_is_said)
{
	TFLCTL("compare", "successes", "1", "2");
	ck_assert_msg(result.status == 1 && strstr(result.err, "more successes than requests"), "%s%s", result.out, result.err);
	TFLCTL("compare", "bucket", "1", "2");
	ck_assert_msg(result.status == 1 && strstr(result.err, "latency that cannot be"), "%s%s", result.out, result.err);
	TFLCTL("compare", "alone", "1", "2");
	ck_assert_msg(result.status == 1 && strstr(result.err, "not about two versions"), "%s%s", result.out, result.err);
}
END_TEST

static const char *const wrong[][3] = {
	{"m@1", "1", "2"}, {"m", "1", "1"}, {"m", "0", "2"}, {"m", "1", "x y"}, {"m", "canary", "canary"},
	{"m", "1", "18446744073709551617"}, {"m", "9223372036854775808", "1"},
};

START_TEST(a_wrong_line_is_no_request)
{
	TFLCTL("compare", wrong[_i][0], wrong[_i][1], wrong[_i][2]);
	ck_assert_msg(result.status == 2 && strstr(result.err, "version"), "%s%s", result.out, result.err);
	ck_assert_uint_eq(fake.requests, 0);
}
END_TEST

Suite *compare_suite(void)
{
	Suite *suite = suite_create("compare");
	TCase *tcase = tcase_create("compare");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, noise_is_no_winner);
	tcase_add_test(tcase, what_is_worse_is_found);
	tcase_add_test(tcase, what_comes_from_now_on);
	tcase_add_test(tcase, what_does_not_matter_is_said_not_to);
	tcase_add_test(tcase, what_cannot_be_told_says_what_it_takes);
	tcase_add_test(tcase, how_long_that_takes);
	tcase_add_test(tcase, without_a_confidence_the_rest_is_compared);
	tcase_add_test(tcase, a_shadow_is_compared_by_its_copies);
	tcase_add_test(tcase, what_cannot_be_is_said);
	tcase_add_loop_test(tcase, a_wrong_line_is_no_request, 0, TFL_ARRAY_SIZE(wrong));
	suite_add_tcase(suite, tcase);
	return suite;
}
