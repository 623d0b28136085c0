/* SPDX-License-Identifier: MIT */
/* What tflctl top would show, without a terminal: tables made here, keys, and every size a terminal can have. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/print.h"
#include "client/top.h"
#include "proto/request.h"
#include "tests/client/ctl_suites.h"
#include "tests/client/fake.h"
#include "tests/client/run.h"

static struct top_seen seen;
static struct top_row rows[3];
static struct top_table table;
static struct top_view view;
static struct top_lines lines;

static void fill_row(struct top_row *row, const char *model, uint64_t version, double rate, uint64_t p99)
{
	*row = (struct top_row){
		.version = version, .counted = true, .rated = true, .requests_per_s = rate, .requests = 1200, .memory = 1 << 20};
	snprintf(row->model, sizeof(row->model), "%s", model);
	strcpy(row->state, "AVAILABLE");
	for (unsigned i = 0; i < CTL_STAGES; i++)
		row->times[i] = (struct ctl_times){.count = 100, .p50 = 20000, .p95 = 30000, .p99 = p99, .max = p99};
}

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	memset(&view, 0, sizeof(view));
	seen.heads = 1;
	strcpy(seen.name, "probabilities");
	strcpy(seen.kind, "softmax");
	strcpy(seen.reason, "SOFTMAX over 10 classes makes it");
	for (unsigned i = 0; i < 1000; i++)
		tfl_confidence_record(&seen.now, i < 500 ? 0.9f : 0.99f, 0.5f);
	seen.baseline = seen.now;
	tfl_drift_compute(&seen.baseline, &seen.now, &seen.drift);
	fill_row(&rows[0], "digits", 2, 5, 90000);
	fill_row(&rows[1], "cats", 1, 2000, 40000);
	fill_row(&rows[2], "digits", 1, 800, 70000);
	rows[2].active = true;
	strcpy(rows[2].roles, "active, stable");
	rows[0].seen = &seen;
	table = (struct top_table){.server = "tfld 0.1.0", .interval_s = 1, .window_s = 60, .rows = rows, .count = 3, .time = 1795665105};
}

static void teardown(void)
{
	top_lines_finish(&lines);
	json_decref(rows[0].shadow);
}

/* A change of so many seconds ago, the latest last. */
static void add_change(const char *kind, const char *text, unsigned ago)
{
	struct top_change *change = table.news.changes;

	memmove(change + 1, change, (TOP_CHANGES_MAX - 1) * sizeof(*change));
	*change = (struct top_change){.number = ++table.news.change_count, .at = table.at - ago * INT64_C(1000000000)};
	snprintf(change->kind, sizeof(change->kind), "%s", kind);
	snprintf(change->text, sizeof(change->text), "%s", text);
}

/* Whose place depends on what rows were sorted by. */
static struct top_row *second(void)
{
	unsigned at = 0;

	while (strcmp(rows[at].model, "digits") != 0 || rows[at].version != 2)
		at++;
	return &rows[at];
}

static void put_on_trial(void)
{
	second()->trial = true;
	strcpy(second()->roles, "on trial, active");
	table.at = INT64_C(1000000000000);
	table.news.trials[0] = (struct top_trial){"digits", 2, 1, 412, 1000, 180, 600, "confidence", 0.12};
	table.news.trial_count = 1;
}

static void draw(unsigned width, unsigned height)
{
	top_view_sort(&view, &table);
	top_view_draw(&view, &table, NULL, width, height, &lines);
}

static void press(int key)
{
	top_view_key(&view, &table, key);
}

/* The line that has @p text, or -1. */
static int line_of(const char *text)
{
	for (unsigned i = 0; i < lines.count; i++) {
		if (strstr(lines.lines[i].text, text))
			return (int)i;
	}
	return -1;
}

static void assert_order(const char *first, const char *second, const char *third)
{
	draw(100, 24);
	ck_assert_int_ge(line_of(first), 0);
	ck_assert_int_lt(line_of(first), line_of(second));
	ck_assert_int_lt(line_of(second), line_of(third));
}

static void sort_by(unsigned column)
{
	view.sort = column;
}

START_TEST(a_line_for_each_version)
{
	const char *line;

	draw(80, 24);
	ck_assert_uint_eq(lines.count, 24);
	line = lines.lines[line_of("digits@2")].text;
	ck_assert_str_eq(line, "digits@2     available    5.0      0   0/0 20.0µs 30.0µs 90.0µs        █ stable ");
	ck_assert_msg(strstr(lines.lines[line_of("digits@1")].text, "active") != NULL, "the active one is not shown to be");
	ck_assert_msg(strstr(lines.lines[line_of("cats@1")].text, "2.00k") != NULL, "%s", lines.lines[line_of("cats@1")].text);
	ck_assert_int_ge(line_of("tfld 0.1.0"), 0);
	ck_assert_int_eq(line_of("q quit"), 23);
}
END_TEST

START_TEST(sorting)
{
	assert_order("cats@1", "digits@1", "digits@2");
	press('r');
	assert_order("digits@2", "digits@1", "cats@1");
	press('r');
	sort_by(3); /* requests a second, the most first */
	assert_order("cats@1", "digits@1", "digits@2");
	sort_by(8); /* p99 */
	assert_order("digits@2", "digits@1", "cats@1");
	press('r');
	assert_order("cats@1", "digits@1", "digits@2");
	view.sort = 0;
	press(TOP_KEY_LEFT);
	press(TOP_KEY_RIGHT);
	ck_assert_uint_eq(view.sort, 0);
	press('>');
	ck_assert_uint_eq(view.sort, 1);
}
END_TEST

/* The cursor stays with its version, wherever that goes. */
START_TEST(the_cursor_follows_the_version)
{
	draw(80, 24);
	press(TOP_KEY_DOWN);
	ck_assert_str_eq(view.model, "digits");
	ck_assert_uint_eq(view.version, 1);
	press('r');
	draw(80, 24);
	ck_assert_int_eq(lines.lines[line_of("digits@1")].style, TOP_CURSOR);
	press(TOP_KEY_END);
	ck_assert_str_eq(view.model, "cats");
	press(TOP_KEY_DOWN);
	press(TOP_KEY_HOME);
	press(TOP_KEY_UP);
	ck_assert_uint_eq(view.version, 2);
}
END_TEST

START_TEST(one_version_opens_and_closes)
{
	draw(80, 24);
	press(TOP_KEY_END);
	press(TOP_KEY_ENTER);
	draw(80, 24);
	ck_assert_int_ge(line_of("output 'probabilities': softmax"), 0);
	ck_assert_int_ge(line_of("PSI 0.000"), 0);
	ck_assert_int_ge(line_of("0.80 to 1.00"), 0);
	ck_assert_int_ge(line_of("compute"), 0);
	draw(80, 12);
	ck_assert_int_lt(line_of("0.80 to 1.00"), 0);
	press(TOP_KEY_END);
	draw(80, 12);
	ck_assert_int_ge(line_of("0.80 to 1.00"), 0);
	ck_assert_int_lt(line_of("compute"), 0);
	press('?');
	draw(80, 24);
	ck_assert_int_ge(line_of("sort by another column"), 0);
	press(TOP_KEY_ESCAPE);
	draw(80, 24);
	ck_assert_int_ge(line_of("compute"), 0);
	press('q');
	draw(80, 24);
	ck_assert_int_lt(line_of("compute"), 0);
	ck_assert(!view.quit);
	press('q');
	ck_assert(view.quit);
}
END_TEST

/* A version that is unloaded while it is open: the list again. */
START_TEST(what_is_open_goes_away)
{
	draw(80, 24);
	press(TOP_KEY_END);
	press(TOP_KEY_ENTER);
	table.count = 2; /* sorted: digits@2 was the last */
	draw(80, 24);
	ck_assert(!view.open);
	ck_assert_int_ge(line_of("digits@1"), 0);
	table.count = 0;
	draw(80, 24);
	ck_assert_int_ge(line_of("no models"), 0);
	press(TOP_KEY_ENTER);
	ck_assert(!view.open);
}
END_TEST

START_TEST(verdicts_have_words_and_colours)
{
	static const enum top_style styles[] = {TOP_DIM, TOP_GOOD, TOP_WATCH, TOP_BAD};

	view.model[0] = 'x'; /* the cursor's colour is elsewhere */
	for (unsigned verdict = TFL_DRIFT_UNKNOWN; verdict <= TFL_DRIFT_DRIFTED; verdict++) {
		const struct top_line *line;
		bool found = false;

		seen.drift.verdict = verdict;
		sort_by(0);
		draw(80, 24);
		line = &lines.lines[line_of("digits@2")];
		ck_assert_ptr_nonnull(strstr(line->text, tfl_drift_verdict_to_string(verdict)));
		for (unsigned i = 0; i < line->span_count; i++)
			found |= line->spans[i].style == styles[verdict];
		ck_assert_msg(found, "%s has no colour", tfl_drift_verdict_to_string(verdict));
	}
}
END_TEST

static unsigned columns_of(const struct top_line *line)
{
	return (unsigned)ctl_text_columns(line->text);
}

/* As many lines as there are, none longer than it may be, and every span inside of its line. */
static void assert_fits(unsigned width, unsigned height)
{
	ck_assert_uint_eq(lines.count, height);
	for (unsigned i = 0; i < lines.count; i++) {
		const struct top_line *line = &lines.lines[i];

		ck_assert_msg(columns_of(line) <= width, "%u columns of %u: '%s'", columns_of(line), width, line->text);
		for (unsigned j = 0; j < line->span_count; j++)
			ck_assert(line->spans[j].begin <= line->spans[j].end && line->spans[j].end <= line->length);
	}
}

START_TEST(every_size)
{
	static const char hostile[] = "\x1b[2J\xff\xc2\x9b evil \n name that goes on and on and on and on and on and on and on and on";

	memcpy(rows[1].model, hostile, sizeof(rows[1].model) - 1);
	snprintf(rows[0].reason, sizeof(rows[0].reason), "%s", hostile);
	snprintf(seen.name, sizeof(seen.name), "%s", hostile);
	snprintf(table.conditions, sizeof(table.conditions), "%s", hostile);
	rows[0].failed_lately = 7;
	put_on_trial();
	rows[0].share = 0.1;
	rows[0].shadow = json_pack("{s:b, s:[{s:s}]}", "running", 1, "agreement", "output", "long, long, long, long, long, long, long and evil \x1b[2J");
	memcpy(table.news.trials[0].nearest, hostile, sizeof(table.news.trials[0].nearest) - 1);
	add_change(hostile, hostile, 7);
	add_change("rejected", "a_word_that_is_longer_than_any_line_that_there_may_be_and_then_some_more_of_it_until_it_really_is_too_long", 5);
	lines.ascii = true;
	for (unsigned mode = 0; mode < 4; mode++) {
		view = (struct top_view){.open = mode == 1, .help = mode == 2, .paused = mode == 3};
		strcpy(view.model, "digits");
		view.version = 2;
		for (unsigned width = 1; width <= 140; width += width < 40 ? 1 : 7) {
			for (unsigned height = 1; height <= 50; height++) {
				draw(width, height);
				assert_fits(width, height);
				for (unsigned i = 0; i < lines.count; i++)
					for (const char *c = lines.lines[i].text; *c; c++)
						ck_assert_msg(*c >= 0x20 && *c < 0x7f, "byte %#x in '%s'", *c, lines.lines[i].text);
				top_view_key(&view, &table, (height & 1) ? TOP_KEY_PAGE_DOWN : TOP_KEY_PAGE_UP);
			}
		}
	}
	lines.ascii = false;
}
END_TEST

/* No daemon yet, one that is gone, one that is paused, one that has trouble itself. */
START_TEST(trouble_is_said)
{
	top_view_draw(&view, NULL, NULL, 80, 24, &lines);
	assert_fits(80, 24);
	ck_assert_int_ge(line_of("asking"), 0);
	top_view_draw(&view, NULL, "nobody listens", 80, 24, &lines);
	ck_assert_int_eq(line_of("no answer: nobody listens"), 0);
	top_view_sort(&view, &table);
	press('p');
	top_view_draw(&view, &table, "nobody listens", 20, 5, &lines);
	assert_fits(20, 5);
	ck_assert_int_eq(line_of("no answer: nobody"), 0);
	ck_assert_int_ge(line_of("paused"), 0);
	ck_assert_int_ge(line_of("cats@1"), 0);
	press('p');
	strcpy(table.conditions, "the disk is full");
	draw(80, 24);
	ck_assert_int_ge(line_of("degraded: the disk is full"), 0);
}
END_TEST

static bool has_style(int line, enum top_style style)
{
	bool found = lines.lines[line].style == style;

	for (unsigned i = 0; i < lines.lines[line].span_count; i++)
		found |= lines.lines[line].spans[i].style == style;
	return found;
}

/* What happened stands below what is: the latest first, and what takes two lines takes two. */
START_TEST(trials_and_changes_stand_below)
{
	const char *why = "version 3 of 'digits' is rejected: confidence: mean 0.259 in 264 requests, the limit is 0.802";
	int at;

	draw(80, 24);
	ck_assert_int_lt(line_of("CHANGES"), 0);
	put_on_trial();
	add_change("active", "version 2 of 'digits' is the active one (uid 0): swapped from version 1", 3700);
	add_change("rejected", why, 12);
	draw(80, 24);
	assert_fits(80, 24);
	ck_assert_msg(strstr(lines.lines[line_of("digits@2 ")].text, "on trial") != NULL, "%s", lines.lines[line_of("digits@2 ")].text);
	at = line_of("ON TRIAL");
	ck_assert_int_gt(at, line_of("digits@1"));
	ck_assert_str_eq(lines.lines[at + 1].text, "digits@2 against @1: 412 of 1000 requests, 3 min 0 s of 10 min 0 s; nearest:");
	ck_assert_int_eq(line_of("AGO         CHANGES"), at + 3);
	ck_assert_str_eq(lines.lines[at + 4].text, "12 s        version 3 of 'digits' is rejected: confidence: mean 0.259 in 264");
	ck_assert_str_eq(lines.lines[at + 5].text, "            requests, the limit is 0.802");
	ck_assert(has_style(at + 4, TOP_BAD));
	ck_assert_str_eq(lines.lines[at + 6].text, "1 h 1 min   version 2 of 'digits' is the active one (uid 0): swapped from");
	draw(80, 12); /* versions come first */
	ck_assert_int_ge(line_of("digits@1"), 0);
	ck_assert_int_lt(line_of("swapped from"), 0);
}
END_TEST

/* Many versions leave a third of the screen for what happens to them. */
START_TEST(changes_have_room_beside_many_versions)
{
	static struct top_row many[60];

	for (unsigned i = 0; i < 60; i++)
		fill_row(&many[i], "digits", i + 1, 1, 1000);
	table.rows = many;
	table.count = 60;
	draw(80, 24);
	ck_assert_int_ge(line_of("digits@19"), 0);
	add_change("active", "version 2 of 'digits' is the active one", 1);
	draw(80, 24);
	assert_fits(80, 24);
	ck_assert_int_lt(line_of("digits@19"), 0);
	ck_assert_int_ge(line_of("digits@10"), 0);
	ck_assert_int_ge(line_of("version 2 of 'digits' is the active one"), 0);
}
END_TEST

START_TEST(shares_have_a_column_where_there_are_some)
{
	draw(120, 24);
	ck_assert_int_lt(line_of("SHARE"), 0);
	second()->share = 0.1;
	strcpy(second()->roles, "10 %");
	draw(80, 24);
	ck_assert_int_ge(line_of("SHARE"), 0);
	ck_assert_msg(strstr(lines.lines[line_of("digits@2")].text, "routed       10%") != NULL, "%s",
		      lines.lines[line_of("digits@2")].text);
	ck_assert_int_ge(line_of("DRIFT"), 0);
}
END_TEST

START_TEST(a_shadow_is_shown_where_it_is_opened)
{
	rows[0].shadow = json_pack("{s:b, s:i, s:i, s:{s:i}, s:{s:i, s:i}, s:[{s:s, s:i, s:i, s:i, s:i, s:f, s:f}]}", "running", 1, "requests", 60,
				   "dropped", 7, "results", "OK", 59, "compute", "p50_ns", 48400, "p99_ns", 106000, "agreement", "output",
				   "scores", "version", 1, "compared", 57, "rows", 57, "agreed", 56, "largest_difference", 0.5,
				   "mean_difference", 0.01);
	strcpy(view.model, "digits");
	view.version = 2;
	press(TOP_KEY_ENTER);
	draw(100, 30);
	ck_assert_int_ge(line_of("as a shadow: 60 copies run, 59 of them OK, 7 left out for want of time; processor time p50 48.4µs,"), 0);
	ck_assert_int_ge(line_of("  'scores': of 57 that @1 answered the same class in 98.25 %, numbers at most 0.5 apart, 0.01 on the"), 0);
}
END_TEST

START_TEST(narrow_keeps_what_matters)
{
	draw(20, 10);
	ck_assert_int_ge(line_of("digits@2     stable"), 0);
	ck_assert_int_lt(line_of("P99"), 0);
	draw(40, 10);
	ck_assert_int_ge(line_of("P99"), 0);
	draw(120, 10);
	ck_assert_int_ge(line_of("PSI"), 0);
	ck_assert_int_ge(line_of("MEAN"), 0);
}
END_TEST

START_TEST(sparklines)
{
	struct tfl_confidence confidence = {0};
	char text[25];

	ck_assert_str_eq(top_sparkline(&confidence, text), "        ");
	for (unsigned i = 0; i < TFL_CONFIDENCE_BINS; i++)
		confidence.bins[i] = 1000000;
	confidence.bins[0] = 1;
	for (unsigned i = 1; i < 7; i++)
		confidence.bins[i] = 0;
	top_sparkline(&confidence, text);
	ck_assert_msg(strncmp(text, "▁", 3) == 0, "a single verdict is not seen: '%s'", text);
	ck_assert_uint_eq(ctl_text_columns(text), 8);
}
END_TEST

static struct fake fake;
static unsigned bucket; /* of the one latency that the fake daemon tells of */
static uint64_t requests[2] = {1, 2}, uptimes[2] = {0, 0}; /* in the first answer and in those after */

static void put(const char *key, const char *text)
{
	tfl_writer_text(&fake.writer, key);
	tfl_writer_text(&fake.writer, text);
}

static void put_list(const char *key)
{
	tfl_writer_text(&fake.writer, key);
	tfl_writer_array(&fake.writer, 1);
}

static void put_number(const char *key, uint64_t number)
{
	tfl_writer_text(&fake.writer, key);
	tfl_writer_uint64(&fake.writer, number);
}

static void put_map(const char *key, unsigned count)
{
	tfl_writer_text(&fake.writer, key);
	tfl_writer_map(&fake.writer, count);
}

/* Requests, and nothing else that it could leave out. */
static void reply_stats(void)
{
	static unsigned asked;
	unsigned which = asked++ > 0;

	tfl_writer_map(&fake.writer, 2);
	put_number("uptime_ns", uptimes[which]);
	put_list("versions");
	tfl_writer_map(&fake.writer, 4);
	put("model", "m");
	put_number("version", 1);
	put_number("requests", requests[which]);
	put_map("latency", 1);
	put_map("total", 1);
	tfl_writer_text(&fake.writer, "buckets");
	tfl_writer_array(&fake.writer, 2);
	tfl_writer_uint64(&fake.writer, bucket);
	tfl_writer_uint64(&fake.writer, requests[which]);
}

static void reply_list(void)
{
	tfl_writer_map(&fake.writer, 1);
	put_list("models");
	tfl_writer_map(&fake.writer, 2);
	put("model", "m");
	put_list("versions");
	tfl_writer_map(&fake.writer, 2);
	put_number("version", 1);
	put("state", "AVAILABLE in a word that is too long");
}

static void serve(struct fake *unused, unsigned connection)
{
	struct tfl_message request;

	while (fake_receive(&fake, &request)) {
		tfl_message_reply(&fake.writer, request.msgid);
		if (tfl_string_equal(request.method, TFL_METHOD_STATS))
			reply_stats();
		else if (tfl_string_equal(request.method, TFL_METHOD_MODEL_LIST))
			reply_list();
		else
			tfl_writer_map(&fake.writer, 0);
		fake_send(&fake);
	}
}

static json_t *top_of_fake(unsigned its_bucket, int status)
{
	bucket = its_bucket;
	fake_start(&fake, serve, NULL);
	setenv("TFL_SOCKET", fake.path, 1);
	TFLCTL("top", "--json", "--interval", "100ms", "--count", "1");
	ck_assert_msg(result.status == status, "%d %s%s", result.status, result.out, result.err);
	fake_stop(&fake);
	if (strchr(result.out, '\n') != strrchr(result.out, '\n')) /* the failure of each refresh, one a line */
		strchr(result.out, '\n')[1] = '\0';
	return json_of_output();
}

/* Figures are differences; what is left out counts as nothing. */
START_TEST(a_daemon_that_says_little)
{
	json_t *json = top_of_fake(64, 0), *version = json_array_get(json_object_get(json, "versions"), 0);
	json_t *total = json_object_get(json_object_get(version, "latency"), "total");

	ck_assert_int_eq(json_integer_value(json_object_get(version, "requests")), 2);
	ck_assert_double_gt(json_real_value(json_object_get(version, "requests_per_s")), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(total, "count")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(total, "p99_ns")), 64);
	ck_assert(json_is_null(json_object_get(version, "role")));
	ck_assert(json_is_null(json_object_get(version, "confidence")));
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(version, "queue"), "waiting")), 0);
	json_decref(json);
}
END_TEST

/* A version that was loaded again, and then another daemon: each counts from 0. */
START_TEST(what_began_anew_counts_from_nothing)
{
	json_t *json, *version;

	requests[0] = 10;
	requests[1] = _i ? 12 : 3;
	uptimes[0] = _i ? 9000 : 0;
	uptimes[1] = _i ? 2000 : 0;
	json = top_of_fake(64, 0);
	version = json_array_get(json_object_get(json, "versions"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(json_object_get(version, "latency"), "total"), "count")), requests[1]);
	ck_assert_int_eq(json_is_null(json_object_get(version, "requests_per_s")), _i);
	ck_assert(_i || json_real_value(json_object_get(version, "requests_per_s")) > 0);
	json_decref(json);
}
END_TEST

START_TEST(a_daemon_that_lies)
{
	json_t *json = top_of_fake(2304, 1);

	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json, "error"), "name")), "PROTOCOL_ERROR");
	json_decref(json);
}
END_TEST

Suite *top_suite(void)
{
	Suite *suite = suite_create("top");
	TCase *tcase = tcase_create("top");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_line_for_each_version);
	tcase_add_test(tcase, sorting);
	tcase_add_test(tcase, the_cursor_follows_the_version);
	tcase_add_test(tcase, one_version_opens_and_closes);
	tcase_add_test(tcase, what_is_open_goes_away);
	tcase_add_test(tcase, verdicts_have_words_and_colours);
	tcase_add_test(tcase, every_size);
	tcase_add_test(tcase, trouble_is_said);
	tcase_add_test(tcase, trials_and_changes_stand_below);
	tcase_add_test(tcase, changes_have_room_beside_many_versions);
	tcase_add_test(tcase, shares_have_a_column_where_there_are_some);
	tcase_add_test(tcase, a_shadow_is_shown_where_it_is_opened);
	tcase_add_test(tcase, narrow_keeps_what_matters);
	tcase_add_test(tcase, sparklines);
	tcase_add_test(tcase, a_daemon_that_says_little);
	tcase_add_loop_test(tcase, what_began_anew_counts_from_nothing, 0, 2);
	tcase_add_test(tcase, a_daemon_that_lies);
	suite_add_tcase(suite, tcase);
	return suite;
}
