/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format to the byte: what the format says of names, labels, escapes and numbers, and what happens at the limit.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/exposition.h"
#include "tests/builder/random.h"
#include "tests/daemon/suites.h"

static struct tfl_exposition exposition;
static struct tfl_error error;

static void setup(void)
{
	exposition = (struct tfl_exposition){.length = 0};
}

static void teardown(void)
{
	tfl_exposition_finish(&exposition);
	tfl_exposition_finish(&exposition);
	tfl_exposition_finish(NULL);
}

static void expect(const char *text)
{
	ck_assert_int_eq(tfl_exposition_check(&exposition, &error), 0);
	ck_assert_msg(exposition.length == strlen(text) && memcmp(exposition.text, text, exposition.length) == 0, "\n%.*s instead of\n%s",
		      (int)exposition.length, exposition.text, text);
}

START_TEST(a_family_and_its_samples)
{
	tfl_exposition_family(&exposition, "a_total", "counter", "What it is.");
	tfl_exposition_sample(&exposition, "");
	tfl_exposition_uint(&exposition, 7);
	tfl_exposition_sample(&exposition, "");
	tfl_exposition_label(&exposition, "model", "m");
	tfl_exposition_label_uint(&exposition, "version", 12);
	tfl_exposition_uint(&exposition, 0);
	tfl_exposition_family(&exposition, "b_seconds", "histogram", "Another.");
	tfl_exposition_sample(&exposition, "_bucket");
	tfl_exposition_label(&exposition, "le", "+Inf");
	tfl_exposition_uint(&exposition, UINT64_MAX);
	expect("# HELP a_total What it is.\n"
	       "# TYPE a_total counter\n"
	       "a_total 7\n"
	       "a_total{model=\"m\",version=\"12\"} 0\n"
	       "# HELP b_seconds Another.\n"
	       "# TYPE b_seconds histogram\n"
	       "b_seconds_bucket{le=\"+Inf\"} 18446744073709551615\n");
}
END_TEST

START_TEST(what_would_end_a_label_is_escaped)
{
	tfl_exposition_family(&exposition, "a", "gauge", "one \\ two\nthree \"four\"");
	tfl_exposition_sample(&exposition, "");
	tfl_exposition_label(&exposition, "x", "\"\\\n");
	tfl_exposition_label(&exposition, "y", "");
	tfl_exposition_label(&exposition, "z", "a\"} 1\nb{c=\"µ\\");
	tfl_exposition_uint(&exposition, 1);
	expect("# HELP a one \\\\ two\\nthree \"four\"\n"
	       "# TYPE a gauge\n"
	       "a{x=\"\\\"\\\\\\n\",y=\"\",z=\"a\\\"} 1\\nb{c=\\\"µ\\\\\"} 1\n");
}
END_TEST

static const char *after_value(void (*write)(struct tfl_exposition *exposition, double value), double value)
{
	setup();
	tfl_exposition_family(&exposition, "a", "gauge", "");
	exposition.length = 0;
	tfl_exposition_sample(&exposition, "");
	write(&exposition, value);
	ck_assert_int_eq(tfl_exposition_check(&exposition, &error), 0);
	exposition.text[exposition.length - 1] = '\0';
	return exposition.text + 2;
}

START_TEST(numbers_read_back_the_same)
{
	static const struct {
		double value;
		const char *text;
	} known[] = {
		{0, "0"}, {1, "1"}, {0.1, "0.1"}, {-2.5, "-2.5"}, {0.97, "0.97"}, {1e-9, "1e-09"},
		{NAN, "NaN"}, {INFINITY, "+Inf"}, {-INFINITY, "-Inf"},
	};
	struct tfl_random random = {3};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ck_assert_str_eq(after_value(tfl_exposition_double, known[i].value), known[i].text);
		teardown();
	}
	for (unsigned i = 0; i < 2000; i++) {
		double value = ldexp((double)tfl_random_next(&random), (int)tfl_random_below(&random, 200) - 160);

		ck_assert(strtod(after_value(tfl_exposition_double, value), NULL) == value);
		teardown();
	}
}
END_TEST

static void write_seconds(struct tfl_exposition *into, double nanoseconds)
{
	tfl_exposition_seconds(into, (uint64_t)nanoseconds);
}

START_TEST(nanoseconds_are_seconds_to_the_last_digit)
{
	static const struct {
		double nanoseconds;
		const char *text;
	} known[] = {
		{0, "0"}, {1, "0.000000001"}, {120, "0.00000012"}, {1000000000, "1"}, {1500000000, "1.5"}, {10000000000, "10"},
		{123456789012345, "123456.789012345"},
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ck_assert_str_eq(after_value(write_seconds, known[i].nanoseconds), known[i].text);
		teardown();
	}
}
END_TEST

START_TEST(past_the_limit_there_is_no_text)
{
	exposition.limit = 10000;
	tfl_exposition_family(&exposition, "a", "gauge", "");
	for (unsigned i = 0; i < 10000; i++) {
		tfl_exposition_sample(&exposition, "");
		tfl_exposition_uint(&exposition, i);
	}
	ck_assert_int_eq(tfl_exposition_check(&exposition, &error), -EMSGSIZE);
	ck_assert_str_eq(error.text, "the metrics of so many versions have more than 10000 bytes");
	ck_assert_uint_le(exposition.length, 10000);
	tfl_exposition_finish(&exposition);
	tfl_exposition_family(&exposition, "a", "gauge", "");
	expect("# HELP a \n# TYPE a gauge\n");
}
END_TEST

Suite *exposition_suite(void)
{
	Suite *suite = suite_create("exposition");
	TCase *tcase = tcase_create("exposition");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_family_and_its_samples);
	tcase_add_test(tcase, what_would_end_a_label_is_escaped);
	tcase_add_test(tcase, numbers_read_back_the_same);
	tcase_add_test(tcase, nanoseconds_are_seconds_to_the_last_digit);
	tcase_add_test(tcase, past_the_limit_there_is_no_text);
	suite_add_tcase(suite, tcase);
	return suite;
}
