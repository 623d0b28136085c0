/* SPDX-License-Identifier: MIT */
/* Pages of figures that no daemon has: hostile texts, missing and absurd numbers; and files that are replaced whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "client/page.h"
#include "client/replace.h"
#include "tests/client/ctl_suites.h"

static char *page;
static size_t size;

static void write_page_of(json_t *figures)
{
	FILE *out = open_memstream(&page, &size);

	ck_assert_ptr_nonnull(figures);
	page_write(out, figures);
	fclose(out);
	json_decref(figures);
}

static unsigned count_of(const char *text)
{
	unsigned count = 0;

	for (const char *at = page; (at = strstr(at, text)); at++)
		count++;
	return count;
}

START_TEST(texts_are_escaped)
{
	FILE *out = open_memstream(&page, &size);

	page_escape(out, "<a href=\"x\">'&\x01\x7f µ</a>");
	fclose(out);
	ck_assert_str_eq(page, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\xef\xbf\xbd\xef\xbf\xbd µ&lt;/a&gt;");
	free(page);
}
END_TEST

START_TEST(hostile_names)
{
	json_t *head = json_pack("{s:s, s:s, s:[{s:s, s:f}]}", "output", "<script>", "kind", "<script>", "classes", "label", "<script>",
				 "now_share", 0.5);

	write_page_of(json_pack("{s:s, s:s, s:s, s:i, s:[o]}", "model", "</title><script>", "host", "\"><script>", "reason", "<script>",
				"version", 1, "heads", head));
	ck_assert_uint_eq(count_of("<script"), 0);
	ck_assert_uint_ge(count_of("&lt;script&gt;"), 5);
	free(page);
}
END_TEST

/* Versions that were rejected, and limits of which nothing is seen; what others wrote is text here too. */
START_TEST(how_requests_are_served)
{
	json_t *nan = json_pack("{s:s, s:i, s:i, s:s}", "watched", "requests with NaN", "seen", 2, "limit", 3, "standing", "within");
	json_t *drift = json_pack("{s:s, s:s}", "watched", "PSI of confidence", "standing", "nothing to be seen");
	json_t *shadow = json_pack("{s:i, s:s, s:[{s:s, s:f}]}", "version", 3, "reason", "it is <b>", "agreement", "output", "<i>", "same_class", 0.5);

	write_page_of(json_pack("{s:[{s:i, s:s}], s:n, s:{s:i, s:{s:o, s:o}}, s:o}", "rejected", "version", 3, "reason", "2026: <script>", "route",
				"trial", "candidate", 2, "limits", "nan", nan, "drift", drift, "shadow", shadow));
	ck_assert_uint_eq(count_of("was rejected <data value=\"&quot;2026: &lt;script&gt;&quot;\""), 1);
	ck_assert_uint_eq(count_of("<h2>On trial</h2>"), 1);
	ck_assert_uint_eq(count_of("data-at=\"trial.limits.nan.seen\" data-as=\"count\">2</data>"), 1);
	ck_assert_uint_eq(count_of("nothing to be seen</data>"), 1);
	ck_assert_uint_eq(count_of("<h2>Route"), 0);
	ck_assert_uint_eq(count_of("<i>") + count_of("it is <b>") + count_of("<script>"), 0);
	ck_assert_uint_eq(count_of(">50.0 %</data>"), 1);
	free(page);
}
END_TEST

/* Nothing at all, and numbers that no histogram has: a page all the same, without a number that SVG has no word for. */
START_TEST(absurd_figures)
{
	json_t *window = json_pack("{s:f, s:f, s:f, s:s}", "age_s", -5e300, "length_s", 1e300, "psi", 1e300, "verdict", "drift");
	json_t *bar = json_pack("{s:f, s:f, s:f}", "from_ns", 0.0, "to_ns", 0.0, "count", -1e300);
	json_t *bin = json_pack("{s:f, s:f, s:f}", "from", 1e300, "to", -1e300, "now_share", 1e300);

	write_page_of(json_object());
	ck_assert_uint_eq(count_of("</html>"), 1);
	free(page);
	write_page_of(json_pack("{s:[{s:[o], s:[o]}], s:{s:[o], s:{}}, s:[{s:f}, {s:f}], s:f}", "heads", "hour", window, "bins", bin,
				"latency", "bars", bar, "total", "changes", "age_s", 1e300, "age_s", -1e300, "generated", 1e300));
	ck_assert_uint_eq(count_of("nan"), 0);
	ck_assert_uint_eq(count_of("\"inf"), 0);
	ck_assert_uint_eq(count_of("width=\"-"), 0);
	ck_assert_uint_eq(count_of("height=\"-"), 0);
	free(page);
}
END_TEST

START_TEST(a_figure_has_its_value_and_its_words)
{
	json_t *figures = json_pack("{s:{s:f, s:n}}", "drift", "psi", 0.12345678, "none");
	struct page_node root = page_root(figures), drift = page_get(&root, "drift");
	FILE *out = open_memstream(&page, &size);

	page_figure(out, &drift, "psi", PAGE_REAL);
	page_figure(out, &drift, "none", PAGE_REAL);
	page_figure(out, &drift, "missing", PAGE_REAL);
	fclose(out);
	ck_assert_str_eq(page, "<data value=\"0.12345678\" data-at=\"drift.psi\" data-as=\"real\">0.123</data>––");
	free(page);
	json_decref(figures);
}
END_TEST

static char folder[] = "/tmp/tfl-page-XXXXXX";
static char path[64];

static const char *content(void)
{
	static char text[64];
	FILE *file = fopen(path, "r");

	ck_assert_ptr_nonnull(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

START_TEST(files_are_replaced_whole)
{
	struct tfl_error error;
	struct rlimit before;
	struct stat info;
	int r;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/page", folder);
	ck_assert_int_eq(ctl_replace_file(path, "one", 3, &error), 0);
	ck_assert_str_eq(content(), "one");
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(ctl_replace_file(path, "two", 3, &error), 0);
	ck_assert_str_eq(content(), "two");
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_uint_eq(info.st_mode & 0777, 0640);
	ck_assert_int_eq(ctl_replace_file(folder, "three", 5, &error), -EISDIR);
	ck_assert_msg(strstr(error.text, folder) != NULL, "%s", error.text);
	/* Past what may be written: the old one stays. */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){2, before.rlim_max}); /* check's own files too, so not for long */
	r = ctl_replace_file(path, "four", 4, &error);
	setrlimit(RLIMIT_FSIZE, &before);
	ck_assert_int_eq(r, -EFBIG);
	ck_assert_str_eq(content(), "two");
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing else is in it */
}
END_TEST

/* One of the test's own: a device of the system would be gone where this fails. */
START_TEST(what_is_no_regular_file_stays)
{
	struct tfl_error error;
	char text[8] = "";
	struct stat info;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ctl_replace_file(path, "five", 4, &error), 0);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 4);
	ck_assert_str_eq(text, "five");
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert(S_ISFIFO(info.st_mode));
	close(fd);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

Suite *page_suite(void)
{
	Suite *suite = suite_create("page");
	TCase *tcase = tcase_create("page");

	tcase_add_test(tcase, texts_are_escaped);
	tcase_add_test(tcase, hostile_names);
	tcase_add_test(tcase, how_requests_are_served);
	tcase_add_test(tcase, absurd_figures);
	tcase_add_test(tcase, a_figure_has_its_value_and_its_words);
	tcase_add_test(tcase, files_are_replaced_whole);
	tcase_add_test(tcase, what_is_no_regular_file_stays);
	suite_add_tcase(suite, tcase);
	return suite;
}
