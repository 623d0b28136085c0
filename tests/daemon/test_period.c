/* SPDX-License-Identifier: MIT */
/*
 * Periods: together they are what the counters say, whatever lies between two of them; one in which nothing happened is none. And what is
 * told of one: the members of its line, and its words.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/message_ids.h"
#include "daemon/heads.h"
#include "daemon/history.h"
#include "daemon/log.h"
#include "daemon/moment.h"
#include "daemon/period.h"
#include "daemon/period_line.h"
#include "daemon/recorder.h"
#include "daemon/version.h"
#include "stats/top.h"
#include "tests/daemon/journal.h"
#include "tests/daemon/suites.h"

#define CLASSES 10
#define WRITERS 3
#define SECOND UINT64_C(1000000000)

static struct tfl_version *version;
static struct tfl_io outputs[2] = {{.name = "first"}, {.name = "not \xff UTF-8"}};
static uint64_t now_ns;
static unsigned seed;

/* A version as it is when it serves, but for what serves. */
static void setup(void)
{
	struct tfl_moment now = {.boot = "b007"};
	struct tfl_error error;

	ck_assert_int_eq(tfl_version_create("digits", 2, NULL, NULL, &version), 0);
	version->outputs = outputs;
	version->heads.count = 2;
	for (unsigned i = 0; i < 2; i++) {
		version->heads.items[i].source =
			(struct tfl_confidence_source){.kind = TFL_CONFIDENCE_SOFTMAX, .output = i, .rows = 1, .classes = CLASSES};
		version->heads.items[i].counted = CLASSES;
	}
	strcpy(version->sha256, "5ee0");
	ck_assert_int_eq(tfl_heads_recorder(&version->heads, WRITERS, &version->recorder), 0);
	ck_assert_int_eq(tfl_history_create(&version->heads, &version->history), 0);
	ck_assert_int_eq(tfl_history_restore(version->history, NULL, 0, &now, version->recorder, &error), 0);
	now_ns = 100 * SECOND;
	ck_assert_int_eq(tfl_period_mark_create(&version->heads, now_ns, &version->mark), 0);
	seed = 11;
}

static void teardown(void)
{
	version->outputs = NULL;
	tfl_version_unref(version);
}

static void request(enum tfl_status status)
{
	struct tfl_record record = {status, true, (uint64_t)rand_r(&seed) % 5000, 20000, 3000, 40000 + (uint64_t)rand_r(&seed) % 1000000};
	struct tfl_top top = {.index = (uint32_t)rand_r(&seed) % CLASSES, .confidence = (float)rand_r(&seed) / (float)RAND_MAX};
	unsigned writer = (unsigned)rand_r(&seed) % WRITERS;

	top.margin = top.confidence / 2;
	tfl_recorder_add(version->recorder, writer, &record);
	for (unsigned head = 0; status == TFL_OK && head < 2; head++)
		tfl_recorder_add_verdict(version->recorder, writer, head, &top);
}

static int take(struct tfl_period **ret_period)
{
	now_ns += 5 * SECOND;
	tfl_history_advance(version->history, version->recorder, (int64_t)(now_ns / SECOND));
	return tfl_period_take(version, now_ns, 1800000000, ret_period);
}

START_TEST(nothing_is_no_period)
{
	struct tfl_period *period;

	ck_assert_int_eq(take(&period), 0);
	ck_assert_int_eq(take(&period), 0);
	request(TFL_UNAVAILABLE);
	ck_assert_int_eq(take(&period), 1);
	ck_assert_uint_eq(period->did.requests, 1);
	ck_assert_uint_eq(tfl_period_failed(period), 1);
	ck_assert_uint_eq(period->duration_ns, 5 * SECOND);
	ck_assert_int_eq(period->time, 1800000000);
	tfl_period_free(period);
	ck_assert_int_eq(take(&period), 0);
}
END_TEST

/* A verdict that comes a moment after its request was told belongs to the next period, even alone. */
START_TEST(a_late_verdict_is_not_lost)
{
	struct tfl_top top = {.index = 3, .confidence = 0.5f, .margin = 0.25f};
	struct tfl_period *period;

	request(TFL_CANCELLED);
	ck_assert_int_eq(take(&period), 1);
	tfl_period_free(period);
	tfl_recorder_add_verdict(version->recorder, 0, 1, &top);
	ck_assert_int_eq(take(&period), 1);
	ck_assert_uint_eq(period->did.requests, 0);
	ck_assert_uint_eq(period->head[0].seen.count, 0);
	ck_assert_uint_eq(period->head[1].seen.count, 1);
	ck_assert_uint_eq(period->head[1].counts[3], 1);
	tfl_period_free(period);
}
END_TEST

static struct tfl_recorder_summary sum, all;

START_TEST(periods_add_up)
{
	struct tfl_confidence seen[2] = {0};
	uint64_t counts[2][CLASSES] = {{0}};
	struct tfl_period *period;

	for (unsigned i = 0; i < 60; i++) {
		for (unsigned n = (unsigned)rand_r(&seed) % 100; n > 0; n--)
			request(rand_r(&seed) % 10 ? TFL_OK : TFL_DEADLINE_EXCEEDED);
		if (take(&period) == 0)
			continue;
		tfl_recorder_merge(&sum, &period->did);
		for (unsigned head = 0; head < 2; head++) {
			tfl_confidence_merge(&seen[head], &period->head[head].seen);
			for (unsigned class = 0; class < CLASSES; class++)
				counts[head][class] += period->head[head].counts[class];
		}
		tfl_period_free(period);
	}
	tfl_recorder_read(version->recorder, &all);
	ck_assert_mem_eq(sum.results, all.results, sizeof(all.results));
	ck_assert_uint_eq(sum.requests, all.requests);
	ck_assert_mem_eq(sum.total.buckets, all.total.buckets, sizeof(all.total.buckets));
	ck_assert_mem_eq(sum.wait.buckets, all.wait.buckets, sizeof(all.wait.buckets));
	ck_assert_uint_eq(sum.total.sum_ns, all.total.sum_ns);
	ck_assert_uint_eq(sum.total.min_ns, all.total.min_ns);
	ck_assert_uint_eq(sum.total.max_ns, all.total.max_ns);
	for (unsigned head = 0; head < 2; head++) {
		const struct tfl_history_head *expected = tfl_history_head(version->history, head);

		ck_assert_mem_eq(&seen[head], &expected->total, sizeof(seen[head]));
		ck_assert_mem_eq(counts[head], expected->classes, sizeof(counts[head]));
	}
}
END_TEST

static uint64_t member(const json_t *object, const char *key)
{
	ck_assert_msg(json_is_integer(json_object_get(object, key)), "%s", key);
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static uint64_t sum_of(const json_t *object, const char *key)
{
	const json_t *pairs = json_object_get(object, key);
	uint64_t counters = 0;

	ck_assert_uint_eq(json_array_size(pairs) % 2, 0);
	for (size_t i = 1; i < json_array_size(pairs); i += 2)
		counters += (uint64_t)json_integer_value(json_array_get(pairs, i));
	return counters;
}

START_TEST(a_line_says_what_was_done)
{
	struct tfl_period *period;
	const json_t *head;
	json_t *line;

	for (unsigned i = 0; i < 400; i++)
		request(i % 8 ? TFL_OK : TFL_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(take(&period), 1);
	line = tfl_period_to_json(period);
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(json_string_value(json_object_get(line, "model")), "digits");
	ck_assert_str_eq(json_string_value(json_object_get(line, "sha256")), "5ee0");
	ck_assert_uint_eq(member(line, "version"), 2);
	ck_assert_uint_eq(member(line, "requests"), 400);
	ck_assert_double_eq(json_real_value(json_object_get(line, "seconds")), 5);
	ck_assert_uint_eq(member(json_object_get(line, "results"), "OK"), 350);
	ck_assert_uint_eq(member(json_object_get(line, "results"), "RESOURCE_EXHAUSTED"), 50);
	ck_assert_uint_eq(sum_of(json_object_get(json_object_get(line, "latency"), "reply"), "buckets"), 350);
	ck_assert_uint_eq(json_array_size(json_object_get(line, "heads")), 2);
	head = json_array_get(json_object_get(line, "heads"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(head, "name")), "");
	ck_assert_uint_eq(member(head, "verdicts"), 350);
	ck_assert_uint_eq(sum_of(json_object_get(head, "histogram"), "bins"), 350);
	ck_assert_uint_eq(sum_of(json_object_get(head, "histogram"), "margins"), 350);
	ck_assert_uint_eq(sum_of(json_object_get(head, "histogram"), "fine"), 350);
	ck_assert_uint_eq(sum_of(head, "counts"), 350);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(head, "drift"), "verdict")), "unknown");
	json_decref(line);
	tfl_period_free(period);
}
END_TEST

static const char *const entry_lines[] = {
	"MESSAGE=digits@2: 4 requests in 5 s, 1 failed (CANCELLED 1); p50 1.000 ms, p99 1.000 ms; mean confidence 0.750\n",
	"PRIORITY=6\n", "MESSAGE_ID=" TFL_MESSAGE_PERIOD "\n", "TFL_MODEL=digits\n", "TFL_VERSION=2\n", "TFL_SHA256=5ee0\n",
	"TFL_SECONDS=5.000000\n", "TFL_REQUESTS=4\n", "TFL_FAILED=1\n", "TFL_RESULTS=OK 3, CANCELLED 1\n", "TFL_MEAN_NS=1000000\n",
	"TFL_P50_NS=1000000\n", "TFL_P95_NS=1000000\n", "TFL_P99_NS=1000000\n", "TFL_WAIT_P99_NS=1000\n", "TFL_COMPUTE_P99_NS=20000\n",
	"TFL_PERIOD_VERDICTS=4\n", "TFL_PERIOD_INVALID=0\n", "TFL_CONFIDENCE=0.750000\n", "TFL_MARGIN=0.510000\n", "TFL_BINS=37:4\n",
	"TFL_DRIFT=unknown\n", "TFL_PSI=0.000000\n", "TFL_PERIOD_VERDICTS_2=0\n", "TFL_PERIOD_INVALID_2=1\n", "TFL_BINS_2=\n",
};

START_TEST(an_entry_says_what_was_done)
{
	static char entry[65536];
	struct tfl_top top = {.index = 3, .confidence = 0.75f, .margin = 0.5f};
	struct tfl_period *period;
	int fd = journal_fake();
	ssize_t size;

	if (fd < 0)
		return;
	for (unsigned i = 0; i < 4; i++) {
		struct tfl_record record = {i ? TFL_OK : TFL_CANCELLED, true, 1000, 20000, 3000, 1000000};

		tfl_recorder_add(version->recorder, 0, &record);
		tfl_recorder_add_verdict(version->recorder, 0, 0, &top);
	}
	top.confidence = NAN;
	tfl_recorder_add_verdict(version->recorder, 0, 1, &top);
	ck_assert_int_eq(take(&period), 1);
	tfl_log_init(LOG_INFO);
	tfl_period_log(period);
	tfl_period_free(period);
	size = recv(fd, entry, sizeof(entry), MSG_DONTWAIT);
	ck_assert_int_gt(size, 0);
	for (size_t i = 0; i < sizeof(entry_lines) / sizeof(entry_lines[0]); i++)
		ck_assert_msg(journal_has(entry, (size_t)size, entry_lines[i]), "%s", entry_lines[i]);
}
END_TEST

START_TEST(memory_is_told)
{
	ck_assert_uint_gt(tfl_period_mark_bytes(version->mark), 2 * sizeof(struct tfl_recorder_summary));
	ck_assert_uint_lt(tfl_period_mark_bytes(version->mark), 3 * sizeof(struct tfl_recorder_summary));
}
END_TEST

Suite *period_suite(void)
{
	Suite *suite = suite_create("period");
	TCase *tcase = tcase_create("period");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_is_no_period);
	tcase_add_test(tcase, a_late_verdict_is_not_lost);
	tcase_add_test(tcase, periods_add_up);
	tcase_add_test(tcase, a_line_says_what_was_done);
	tcase_add_test(tcase, an_entry_says_what_was_done);
	tcase_add_test(tcase, memory_is_told);
	suite_add_tcase(suite, tcase);
	return suite;
}
