/* SPDX-License-Identifier: MIT */
/*
 * tflctl merge: what is added up is the sum, whatever order lines come in and however often; what cannot be is refused with a sentence that
 * says what, and changes nothing. tests/system/check_lines.py has it add up what a real daemon wrote.
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "client/merge.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/run.h"

#define SHA "201894f0735c1499734d43c6bee46a14b6d99e0bafba94fddf728588a387991c"
#define LATENCY(sum, bucket) "{\"sum_ns\": " #sum ", \"buckets\": [" #bucket ", 3]}"

/* Three requests that went well and one that did not. */
static const char line_text[] =
	"{\"schema\": \"tfld.period/1\", \"time\": \"2026-11-26T03:40:00Z\", \"device\": \"camera\", \"run\": \"d61dd6d54e2008ca\", \"seq\": 1, "
	"\"model\": \"digits\", \"version\": 2, \"sha256\": \"" SHA "\", \"seconds\": 300.5, \"requests\": 4, "
	"\"results\": {\"OK\": 3, \"CANCELLED\": 1}, "
	"\"latency\": {\"wait\": " LATENCY(300, 100) ", \"compute\": " LATENCY(3000, 400) ", \"reply\": " LATENCY(30, 10) ", \"total\": "
	LATENCY(4000, 500) "}, "
	"\"heads\": [{\"output\": 0, \"name\": \"scores\", \"kind\": \"softmax\", \"classes\": 10, \"verdicts\": 3, \"mean\": 0.9, "
	"\"histogram\": {\"invalid\": 1, \"sum\": 45000000, \"bins\": [44, 1, 45, 2], \"margins\": [40, 3], \"fine\": [300, 3]}, "
	"\"counts\": [7, 2, 8, 1], \"drift\": {\"verdict\": \"watch\", \"psi\": 0.125}}]}";

static struct merge *merge;
static struct tfl_error error;

static void setup(void)
{
	ck_assert_int_eq(merge_create(&merge), 0);
}

static void teardown(void)
{
	merge_destroy(merge);
}

static int add(const char *text)
{
	error.text[0] = '\0';
	return merge_add(merge, text, strlen(text), &error);
}

/* Where "heads.0.histogram" leads. */
static json_t *descend(json_t *json, const char *path, const char **ret_last)
{
	static char part[64];
	const char *dot;

	for (; (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
		json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part)) : json_object_get(json, part);
		ck_assert_ptr_nonnull(json);
	}
	*ret_last = path;
	return json;
}

static void edit(json_t *line, const char *path, const char *value)
{
	json_t *at = descend(line, path, &path);

	if (value)
		ck_assert_int_eq(json_object_set_new(at, path, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
	else
		ck_assert_int_eq(json_object_del(at, path), 0);
}

/* Takes the reference over. */
static int add_json(json_t *line)
{
	char *text = json_dumps(line, 0);
	int r = add(text);

	free(text);
	json_decref(line);
	return r;
}

/* The line with one thing different; NULL: without it. */
static int add_with(const char *path, const char *value)
{
	json_t *line = json_loads(line_text, 0, NULL);

	edit(line, path, value);
	return add_json(line);
}

static json_t *numbered(const char *run, int seq)
{
	json_t *line = json_loads(line_text, 0, NULL);

	json_object_set_new(line, "run", json_string(run));
	json_object_set_new(line, "seq", json_integer(seq));
	return line;
}

static const struct merge_version *version(size_t index, size_t of)
{
	const struct merge_version *const *versions;
	size_t count;

	versions = merge_versions(merge, &count);
	ck_assert_uint_eq(count, of);
	return versions[index];
}

START_TEST(a_line_is_what_it_says)
{
	const struct merge_version *sum;
	const struct merge_head *head;

	ck_assert_int_eq(add(line_text), MERGE_ADDED);
	sum = version(0, 1);
	ck_assert_str_eq(sum->model, "digits");
	ck_assert_str_eq(sum->sha256, SHA);
	ck_assert_uint_eq(sum->number, 2);
	ck_assert_uint_eq(sum->sum.requests, 4);
	ck_assert_uint_eq(sum->sum.results[TFL_OK], 3);
	ck_assert_uint_eq(sum->sum.results[TFL_CANCELLED], 1);
	ck_assert_double_eq(sum->sum.seconds, 300.5);
	ck_assert_uint_eq(sum->sum.stages[3].count, 3);
	ck_assert_uint_eq(sum->sum.stages[3].buckets[500], 3);
	ck_assert_uint_eq(sum->sum.stages[3].sum_ns, 4000);
	ck_assert_uint_eq(sum->head_count, 1);
	head = sum->heads[0];
	ck_assert_uint_eq(head->seen.count, 3);
	ck_assert_uint_eq(head->seen.invalid, 1);
	ck_assert_uint_eq(head->seen.bins[45], 2);
	ck_assert_uint_eq(head->counts[7], 2);
	ck_assert_uint_eq(sum->device_count, 1);
	ck_assert_str_eq(sum->devices[0].name, "camera");
	ck_assert_int_eq(sum->devices[0].verdict, TFL_DRIFT_WATCHED);
	ck_assert_double_eq(sum->devices[0].psi, 0.125);
}
END_TEST

/* Every line of some runs, in any order and more than once. */
START_TEST(lines_count_once)
{
	enum { LINES = 300 };
	unsigned order[3 * LINES], seed = (unsigned)_i + 1, repeated = 0;
	char run[20];

	for (unsigned i = 0; i < 3 * LINES; i++)
		order[i] = i % LINES;
	for (unsigned i = 3 * LINES - 1; i > 0 && _i > 0; i--) {
		unsigned other = (unsigned)rand_r(&seed) % (i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (unsigned i = 0; i < 3 * LINES; i++) {
		snprintf(run, sizeof(run), "run %u", order[i] % 3);
		repeated += add_json(numbered(run, (int)(order[i] / 3) + 1)) == MERGE_REPEATED;
	}
	ck_assert_uint_eq(repeated, 2 * LINES);
	ck_assert_uint_eq(version(0, 1)->sum.requests, 4 * LINES);
	ck_assert_uint_eq(version(0, 1)->heads[0]->seen.bins[44], LINES);
}
END_TEST

START_TEST(what_differs_is_kept_apart)
{
	ck_assert_int_eq(add(line_text), MERGE_ADDED);
	ck_assert_int_eq(add_with("version", "1"), MERGE_REPEATED); /* the same line of the same run, whatever it says */
	ck_assert_int_eq(add_json(numbered("other", 1)), MERGE_ADDED);
	ck_assert_int_eq(add_with("seq", "2"), MERGE_ADDED);
	ck_assert_uint_eq(version(0, 1)->sum.requests, 12);
}
END_TEST

static const struct {
	const char *path, *value;
	size_t at; /* where the other version stands */
} others[] = {
	{"model", "\"cats\"", 0},
	{"version", "1", 0},
	{"version", "3", 1},
	{"sha256", "\"0000000000000000000000000000000000000000000000000000000000000000\"", 0},
};

START_TEST(another_version_or_file_is_another)
{
	json_t *line = numbered("other", 1);

	edit(line, others[_i].path, others[_i].value);
	ck_assert_int_eq(add(line_text), MERGE_ADDED);
	ck_assert_int_eq(add_json(line), MERGE_ADDED);
	ck_assert_uint_eq(version(0, 2)->sum.requests, 4);
	ck_assert_uint_eq(version(1, 2)->sum.requests, 4);
	ck_assert_str_eq(version(1 - others[_i].at, 2)->sha256, SHA);
	ck_assert_str_eq(version(1 - others[_i].at, 2)->model, "digits");
	ck_assert_uint_eq(version(1 - others[_i].at, 2)->number, 2);
}
END_TEST

/* One device reads the outputs of the same file in another way. */
START_TEST(another_kind_of_confidence_is_another_head)
{
	json_t *line = numbered("other", 1);

	edit(line, "heads.0.kind", "\"logits\"");
	edit(line, "device", "\"other\"");
	ck_assert_int_eq(add(line_text), MERGE_ADDED);
	ck_assert_int_eq(add_json(line), MERGE_ADDED);
	ck_assert_uint_eq(version(0, 1)->head_count, 2);
	ck_assert_uint_eq(version(0, 1)->heads[1]->seen.count, 3);
	ck_assert_uint_eq(version(0, 1)->sum.requests, 8);
}
END_TEST

START_TEST(the_last_word_of_a_device_counts_and_the_worst_comes_first)
{
	static const char *const said[][3] = {
		{"\"a\"", "\"2026-11-26T03:40:00Z\"", "{\"verdict\": \"drift\", \"psi\": 0.5}"},
		{"\"a\"", "\"2026-11-26T04:40:00Z\"", "{\"verdict\": \"stable\", \"psi\": 0.01}"},
		{"\"a\"", "\"2026-11-26T02:40:00Z\"", "{\"verdict\": \"watch\", \"psi\": 0.2}"},
		{"\"b\"", "\"2026-11-26T03:40:00Z\"", "{\"verdict\": \"drift\", \"psi\": 0.3}"},
		{"\"c\"", "\"2026-11-26T03:40:00Z\"", "{\"verdict\": \"drift\", \"psi\": 0.4}"},
		{"\"d\"", "\"2026-11-26T03:40:00Z\"", "{\"verdict\": \"better than ever\", \"psi\": -4}"},
	};
	struct merge_drift drift;

	for (int i = 0; i < 6; i++) {
		json_t *line = numbered("run", i + 1);

		edit(line, "device", said[i][0]);
		edit(line, "time", said[i][1]);
		edit(line, "heads.0.drift", said[i][2]);
		ck_assert_int_eq(add_json(line), MERGE_ADDED);
	}
	ck_assert_int_eq(merge_drift_of(version(0, 1), &drift), 0);
	ck_assert_uint_eq(drift.count, 4);
	ck_assert_str_eq(drift.devices[0]->name, "c");
	ck_assert_str_eq(drift.devices[1]->name, "b");
	ck_assert_str_eq(drift.devices[2]->name, "a");
	ck_assert_str_eq(drift.devices[3]->name, "d");
	ck_assert_uint_eq(drift.counts[TFL_DRIFT_DRIFTED], 2);
	ck_assert_uint_eq(drift.counts[TFL_DRIFT_WATCHED], 0);
	ck_assert_uint_eq(drift.counts[TFL_DRIFT_STABLE], 1);
	ck_assert_uint_eq(drift.counts[TFL_DRIFT_UNKNOWN], 1);
	ck_assert_str_eq(version(0, 1)->first, "2026-11-26T02:40:00Z");
	ck_assert_str_eq(version(0, 1)->last, "2026-11-26T04:40:00Z");
	free(drift.devices);
}
END_TEST

static const struct {
	const char *path, *value, *sentence;
} wrong[] = {
	{"schema", "\"tfld.period/2\"", "its schema is 'tfld.period/2', this tflctl knows tfld.period/1"},
	{"time", "\"yesterday\"", "'time' is missing, or is not a time as in 2026-11-26T03:40:00Z"},
	{"time", "7", "'time' is missing, or is not a text"},
	{"run", NULL, "'run' is missing, or is not a text"},
	{"seq", "0", "'seq' is missing, or is not a whole number that can be"},
	{"seq", "1.5", "'seq' is missing, or is not a whole number that can be"},
	{"device", "null", "'device' is missing, or is not a text"},
	{"model", "\"../etc\"", "'model' is missing, or is not the name of a model"},
	{"version", "-1", "'version' is missing, or is not a whole number that can be"},
	{"sha256", "\"201894\"", "'sha256' is missing, or is not 64 hexadecimal digits"},
	{"seconds", "-3", "'seconds' is missing, or is not a number that can be"},
	{"seconds", "1e300", "'seconds' is missing, or is not a number that can be"},
	{"requests", "3", "'results' are more than 'requests'"},
	{"requests", "5", "'results' are fewer than 'requests'"},
	{"results.OK", "-1", "'OK' is missing, or is not a whole number that can be"},
	{"results.FINE", "0", "'results' has 'FINE', which is no result"},
	{"results", "[]", "'results' is missing, or is not an object"},
	{"latency", "7", "latency 'wait': 'sum_ns' is missing, or is not a whole number that can be"},
	{"latency.reply", NULL, "latency 'reply': 'sum_ns' is missing, or is not a whole number that can be"},
	{"latency.total.buckets", "[2304, 1]", "latency 'total': 'buckets' has a counter that cannot be"},
	{"latency.total.buckets", "[5, 1, 5, 1]", "latency 'total': 'buckets' has a counter that cannot be"},
	{"latency.total.buckets", "[5, -1]", "latency 'total': 'buckets' has a counter that cannot be"},
	{"latency.total.buckets", "[5, 9223372036854775807, 6, 1]", "latency 'total': 'buckets' has a counter that cannot be"},
	{"latency.total.buckets", "[5]", "latency 'total': 'buckets' is missing, or is no list of pairs of an index and a count"},
	{"heads", "{}", "'heads' is missing, or is not a list of at most 4"},
	{"heads", "[{}, {}, {}, {}, {}]", "'heads' is missing, or is not a list of at most 4"},
	{"heads", "[7]", "heads: 'output' is missing, or is not a whole number that can be"},
	{"heads.0.output", "4294967296", "heads: 'output' or 'classes' is greater than can be"},
	{"heads.0.classes", "0", "heads: 'classes' is missing, or is not a whole number that can be"},
	{"heads.0.histogram", NULL, "heads: a histogram needs 'invalid' and 'sum', whole numbers"},
	{"heads.0.histogram.margins", "[40, 2]", "heads: a histogram's counters do not agree on how many verdicts there are"},
	{"heads.0.histogram.sum", "900000000", "heads: a histogram's counters do not agree on how many verdicts there are"},
	{"heads.0.histogram.bins", "[50, 3]", "heads: 'bins' has a counter that cannot be"},
	{"heads.0.counts", "[1024, 1]", "heads: 'counts' has a counter that cannot be"},
};

START_TEST(what_cannot_be_is_refused)
{
	ck_assert_int_eq(add_json(numbered("first", 1)), MERGE_ADDED);
	ck_assert_int_eq(add_with(wrong[_i].path, wrong[_i].value), -EINVAL);
	ck_assert_str_eq(error.text, wrong[_i].sentence);
	ck_assert_uint_eq(version(0, 1)->sum.requests, 4);
	ck_assert_uint_eq(version(0, 1)->device_count, 1);
	/* What was refused was not there. */
	ck_assert_int_eq(add(line_text), MERGE_ADDED);
}
END_TEST

static const struct {
	const char *text;
	int outcome;
} strange[] = {
	{"", -EINVAL},
	{"{", -EINVAL},
	{"7", -EINVAL},
	{"[]", -EINVAL},
	{"{}", MERGE_OTHER},
	{"{\"schema\": 7}", MERGE_OTHER},
	{"{\"schema\": \"tfld.change/1\", \"kind\": \"loaded\"}", MERGE_OTHER},
	{"{\"schema\": \"tfld.period/1\"}", -EINVAL},
	{"{\"schema\": \"tfld.period/1\", \"schema\": \"tfld.period/1\"}", -EINVAL},
	{"{\"schema\": \"\xff\"}", -EINVAL},
};

START_TEST(lines_that_are_something_else)
{
	ck_assert_int_eq(add(strange[_i].text), strange[_i].outcome);
	ck_assert(strange[_i].outcome >= 0 || error.text[0]);
}
END_TEST

START_TEST(counters_that_do_not_fit_together)
{
	static const char *const great[][2] = {
		{"latency.total.buckets", "[500, 9223372036854775807]"},
		{"latency.wait.sum_ns", "9223372036854775807"},
		{"heads.0.histogram.invalid", "9223372036854775807"},
		{"heads.0.counts", "[7, 9223372036854775807]"},
	};

	json_t *line = json_loads(line_text, 0, NULL);

	ck_assert_int_eq(add_json(numbered("first", 1)), MERGE_ADDED);
	edit(line, "device", "\"another\"");
	edit(line, great[_i][0], great[_i][1]);
	ck_assert_int_eq(add_json(line), -EINVAL);
	ck_assert_str_eq(error.text, "its counters are more than can be added up");
	ck_assert_uint_eq(version(0, 1)->sum.requests, 4);
	ck_assert_uint_eq(version(0, 1)->device_count, 1); /* nothing of it is there */
	ck_assert_int_eq(add(line_text), MERGE_ADDED);
	ck_assert_uint_eq(version(0, 1)->sum.requests, 8);
}
END_TEST

START_TEST(long_names_are_cut_between_characters)
{
	char name[2 * 100 + 3] = "\"";
	json_t *line = json_loads(line_text, 0, NULL);

	for (unsigned i = 0; i < 100; i++)
		strcat(name, "ä");
	strcat(name, "\"");
	edit(line, "device", name);
	edit(line, "run", name);
	edit(line, "heads.0.name", name);
	ck_assert_msg(add_json(line) == MERGE_ADDED, "%s", error.text);
	ck_assert_uint_eq(strlen(version(0, 1)->devices[0].name), MERGE_TEXT_MAX - 2);
	ck_assert_uint_eq(strlen(version(0, 1)->heads[0]->name), MERGE_TEXT_MAX - 2);
}
END_TEST

START_TEST(versions_are_bounded)
{
	size_t count;

	for (int i = 1; i <= MERGE_VERSIONS_MAX + 1; i++) {
		json_t *line = numbered("run", i);

		json_object_set_new(line, "version", json_integer(i));
		ck_assert_int_eq(add_json(line), i <= MERGE_VERSIONS_MAX ? MERGE_ADDED : -ENOSPC);
	}
	ck_assert_str_eq(error.text, "there are more than 1024 versions");
	merge_versions(merge, &count);
	ck_assert_uint_eq(count, MERGE_VERSIONS_MAX);
}
END_TEST

START_TEST(bytes_changed_anywhere)
{
	char damaged[sizeof(line_text)];
	unsigned seed = 3, refused = 0;

	for (unsigned i = 0; i < 20000; i++) {
		memcpy(damaged, line_text, sizeof(line_text));
		for (unsigned n = 1 + (unsigned)rand_r(&seed) % 3; n > 0; n--)
			damaged[(unsigned)rand_r(&seed) % (sizeof(line_text) - 1)] = "0123456789-.e\"{}[],: xnt\x80\0"[rand_r(&seed) % 26];
		error.text[0] = '\0';
		if (merge_add(merge, damaged, sizeof(line_text) - 1, &error) < 0) {
			ck_assert(error.text[0]);
			refused++;
		}
	}
	ck_assert_uint_gt(refused, 10000);
}
END_TEST

/* ---- The command ---- */

static char folder[64];

static void folder_setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test-merge-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

static void write_file(const char *name, const char *lines)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	fputs(lines, file);
	fclose(file);
}

static void folder_teardown(void)
{
	unlink("good");
	unlink("bad");
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(folder);
}

START_TEST(what_the_command_says)
{
	char lines[2 * sizeof(line_text) + 64];

	snprintf(lines, sizeof(lines), "%s\n", line_text);
	write_file("good", lines);
	TFLCTL("merge", "good", "--per-class");
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.err, "");
	ck_assert_ptr_nonnull(strstr(result.out, "digits@2  sha256 201894f0735c…\n  4 requests on 1 device in 5 min 0 s together"));
	ck_assert_ptr_nonnull(strstr(result.out, "CANCELLED 1)\n"));
	ck_assert_ptr_nonnull(strstr(result.out, "3 verdicts, 1 more were no numbers; mean confidence 0.894, mean margin 0.81\n"));
	ck_assert_ptr_nonnull(strstr(result.out, "  7             2  66.7 %\n"));
	ck_assert_ptr_nonnull(strstr(result.out, "last hour: watch on 1 device\n"));
	snprintf(lines, sizeof(lines), "%s\n{\"schema\n%s", line_text, line_text);
	write_file("bad", lines);
	TFLCTL("merge", "good", "bad", "nothing");
	ck_assert_int_eq(result.status, 1);
	ck_assert_ptr_nonnull(strstr(result.out, "2 lines stood there more than once, and counted once\n"));
	ck_assert_ptr_nonnull(strstr(result.err, "tflctl: bad:2: no JSON: "));
	ck_assert_ptr_nonnull(strstr(result.err, "tflctl: nothing: No such file or directory\n"));
}
END_TEST

START_TEST(what_the_command_says_to_programs)
{
	json_t *json, *fault;

	write_file("bad", "nonsense\n{\"schema\": \"tfld.change/1\"}\n");
	TFLCTL("merge", "bad", "--json");
	ck_assert_int_eq(result.status, 1);
	json = json_of_output();
	ck_assert_int_eq(json_integer_value(json_object_get(json, "unreadable")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "other")), 1);
	fault = json_array_get(json_object_get(json, "faults"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(fault, "file")), "bad");
	ck_assert_int_eq(json_integer_value(json_object_get(fault, "line")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "versions")), 0);
	json_decref(json);
	TFLCTL("merge", "--json");
	ck_assert_int_eq(result.status, 2);
}
END_TEST

/* Names of files and what stands in them may be anything; a terminal sees none of it. */
START_TEST(nothing_steers_a_terminal)
{
	write_file("bad", "{\"schema\": \"tfld.period/\x1b[2J\"}\n\x1b[2J\n");
	TFLCTL("merge", "bad", "\x1b[2J");
	ck_assert_int_eq(result.status, 1);
	ck_assert_ptr_null(strchr(result.err, '\x1b'));
	ck_assert_ptr_null(strchr(result.out, '\x1b'));
}
END_TEST

Suite *merge_suite(void)
{
	Suite *suite = suite_create("merge");
	TCase *sums = tcase_create("sums"), *command = tcase_create("command");

	tcase_add_checked_fixture(sums, setup, teardown);
	tcase_set_timeout(sums, 120);
	tcase_add_test(sums, a_line_is_what_it_says);
	tcase_add_loop_test(sums, lines_count_once, 0, 5);
	tcase_add_test(sums, what_differs_is_kept_apart);
	tcase_add_loop_test(sums, another_version_or_file_is_another, 0, sizeof(others) / sizeof(others[0]));
	tcase_add_test(sums, another_kind_of_confidence_is_another_head);
	tcase_add_test(sums, the_last_word_of_a_device_counts_and_the_worst_comes_first);
	tcase_add_loop_test(sums, what_cannot_be_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_loop_test(sums, lines_that_are_something_else, 0, sizeof(strange) / sizeof(strange[0]));
	tcase_add_loop_test(sums, counters_that_do_not_fit_together, 0, 4);
	tcase_add_test(sums, long_names_are_cut_between_characters);
	tcase_add_test(sums, versions_are_bounded);
	tcase_add_test(sums, bytes_changed_anywhere);
	suite_add_tcase(suite, sums);
	tcase_add_checked_fixture(command, folder_setup, folder_teardown);
	tcase_add_test(command, what_the_command_says);
	tcase_add_test(command, what_the_command_says_to_programs);
	tcase_add_test(command, nothing_steers_a_terminal);
	suite_add_tcase(suite, command);
	return suite;
}
