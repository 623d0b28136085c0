/* SPDX-License-Identifier: MIT */
/* Units, and text that must not steer a terminal. */
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/print.h"
#include "tests/client/ctl_suites.h"

START_TEST(units)
{
	static const struct {
		double ns;
		const char *text;
	} durations[] = {{0, "0 ns"},        {850, "850 ns"},     {999.6, "1000 ns"},   {1000, "1.00 µs"},      {13149, "13.1 µs"},
			 {310000, "310 µs"}, {999600, "1.00 ms"}, {9996000, "10.0 ms"}, {1234567890, "1.23 s"}, {5e12, "5000 s"}};
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {{0, "0 B"},         {1023, "1023 B"},      {1024, "1.00 KiB"},
		     {1536, "1.50 KiB"}, {3638576, "3.47 MiB"}, {(uint64_t)5 << 40, "5.00 TiB"}};
	static const struct {
		uint64_t seconds;
		const char *text;
	} uptimes[] = {{12, "12 s"}, {303, "5 min 3 s"}, {15120, "4 h 12 min"}, {3 * 86400, "3 days"}};
	char buffer[CTL_UNIT_MAX];

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		ck_assert_str_eq(ctl_format_duration(buffer, durations[i].ns), durations[i].text);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		ck_assert_str_eq(ctl_format_bytes(buffer, sizes[i].bytes), sizes[i].text);
	for (size_t i = 0; i < sizeof(uptimes) / sizeof(uptimes[0]); i++)
		ck_assert_str_eq(ctl_format_uptime(buffer, uptimes[i].seconds), uptimes[i].text);
	ck_assert_str_eq(ctl_format_time(buffer, 0), "-");
	setenv("TZ", "America/New_York", 1);
	ck_assert_str_eq(ctl_format_time(buffer, 1700000000), "2023-11-14T22:13:20Z");
}
END_TEST

START_TEST(no_escapes)
{
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	ctl_print_text(stream, "a\033[2Jb\nc\x7f käse \xc2\x9b?");
	fclose(stream);
	ck_assert_str_eq(text, "a?[2Jb?c? käse ???");
	free(text);
}
END_TEST

START_TEST(repaired_text)
{
	/* a stray byte, half characters, a surrogate, a good one */
	char text[] = "k\xc3\xa4se \xff\xc3) \xed\xa0\x80 \xf0\x9f\xa7\x80 \xe2\x82";

	ck_assert_str_eq(ctl_repair_text(text), "käse ?\?) ?\?\? \xf0\x9f\xa7\x80 ??");
}
END_TEST

/* Takes stdout away, and gives what was printed since. */
static FILE *saved;

static void capture(void)
{
	saved = stdout;
	stdout = tmpfile();
}

static void expect_printed(const char *expected)
{
	char output[1024] = "";

	rewind(stdout);
	ck_assert_uint_lt(fread(output, 1, sizeof(output) - 1, stdout), sizeof(output) - 1);
	fclose(stdout);
	stdout = saved;
	ck_assert_str_eq(output, expected);
}

START_TEST(columns)
{
	struct ctl_table table = {.columns = 3, .right = 2};

	ctl_table_add(&table, "käse");
	ctl_table_add(&table, "%d", 5);
	ctl_table_add(&table, "x");
	ctl_table_note(&table, 3, "a note that is longer than any column\033");
	ctl_table_note(&table, 3, "");
	ctl_table_add(&table, "b");
	ctl_table_add(&table, "%s", "13 µs");
	ctl_table_add(&table, "%s", "");
	capture();
	ctl_table_print(&table, ">");
	expect_printed(">käse      5  x\n   a note that is longer than any column?\n>b     13 µs\n");
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

#define TEN "123456789 "
#define FIFTY TEN TEN TEN TEN TEN

START_TEST(wrapped_text)
{
	static const char hundred[] = FIFTY FIFTY;

	capture();
	ctl_print_wrapped("about", 8, "short");
	ctl_print_wrapped("about", 8, "");
	ctl_print_wrapped("about", 8, NULL);
	ctl_print_wrapped("", 2, "two\nlines\tand \033");
	expect_printed("about   short\n  two lines and ?\n");
	capture();
	ctl_print_wrapped("l", 10, FIFTY FIFTY "käse"); /* 90 columns, then the rest */
	expect_printed("l         " FIFTY TEN TEN TEN "123456789\n          123456789 käse\n");
	capture();
	ctl_print_wrapped("", 0, hundred); /* a hundred columns less one blank */
	ctl_print_wrapped("", 90, "a-word-of-more-than-ten-columns b");
	expect_printed(FIFTY TEN TEN TEN TEN "123456789\n" /* the blank at the end is gone */
		       "                                                                                          a-word-of-more-than-ten-columns\n"
		       "                                                                                          b\n");
}
END_TEST

/* What is printed on a terminal of @here columns; 0: one that does not say. */
static void expect_width(unsigned short here, unsigned width)
{
	struct winsize size = {.ws_row = 24, .ws_col = here};
	int master, slave;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
	saved = stdout;
	stdout = fdopen(slave, "w");
	ck_assert_uint_eq(ctl_width(), width);
	fclose(stdout);
	stdout = saved;
	close(master);
}

START_TEST(terminal_width)
{
	capture();
	ck_assert_uint_eq(ctl_width(), CTL_WIDTH); /* a file */
	expect_printed("");
	expect_width(80, 80);
	expect_width(200, CTL_WIDTH);
	expect_width(20, CTL_WIDTH_MIN);
	expect_width(0, CTL_WIDTH);
}
END_TEST

START_TEST(wrapped_format)
{
	capture();
	ctl_printf_wrapped("label", 7, "%d verdict%s, %d label%s\033", 1, ctl_plural(1), 0, ctl_plural(0));
	expect_printed("label  1 verdict, 0 labels?\n");
}
END_TEST

Suite *print_suite(void)
{
	Suite *suite = suite_create("print");
	TCase *tcase = tcase_create("print");

	tcase_add_test(tcase, units);
	tcase_add_test(tcase, no_escapes);
	tcase_add_test(tcase, repaired_text);
	tcase_add_test(tcase, columns);
	tcase_add_test(tcase, wrapped_text);
	tcase_add_test(tcase, wrapped_format);
	tcase_add_test(tcase, terminal_width);
	suite_add_tcase(suite, tcase);
	return suite;
}
