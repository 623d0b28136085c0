/* SPDX-License-Identifier: MIT */
/* Which version serves a request: labels and routes, by tflctl and by the library, against the real daemon. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/tflclient.h"
#include "tests/client/run.h"
#include "tests/client/system_suites.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"

static struct daemon tfld;
static struct tfl_client *client;

/* Three versions of "tiny", of which the first is the active one. */
static void setup(void)
{
	daemon_prepare(&tfld);
	setenv("TFL_SOCKET", tfld.socket, 1);
	const struct tfl_swap_options plain = {.size = sizeof(plain), .no_trial = true};

	for (unsigned i = 1; i <= 3; i++) {
		struct model_file file = model_tiny(false, i);

		daemon_add_model(&tfld, "tiny", i, file.data, file.size);
		model_file_finish(&file);
	}
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ck_assert_int_eq(tfl_client_connect(NULL, NULL, &client, NULL), 0);
	ck_assert_int_eq(tfl_client_swap_with(client, "tiny@1", &plain, NULL, NULL), 0);
}

static void teardown(void)
{
	tfl_client_destroy(client);
	if (tfld.pid)
		daemon_stop(&tfld);
	else
		daemon_finish(&tfld);
}

/* The version that served a request for @p model; 0: none, and why. */
static uint64_t served_by(const char *model, char why[static TFL_ERROR_TEXT_MAX])
{
	static const int32_t dims[2] = {1, TINY_ELEMENTS};
	struct tfl_infer *infer = NULL;
	uint64_t version = 0;

	ck_assert_int_eq(tfl_infer_create(model, &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, tiny_input, sizeof(tiny_input)), 0);
	if (tfl_client_infer(client, infer) == 0)
		version = tfl_infer_version(infer);
	else
		snprintf(why, TFL_ERROR_TEXT_MAX, "%s", tfl_infer_error_message(infer));
	tfl_infer_destroy(infer);
	return version;
}

/* The same for a key. */
static uint64_t served_for(const char *key)
{
	static const int32_t dims[2] = {1, TINY_ELEMENTS};
	struct tfl_infer *infer = NULL;
	uint64_t version;

	ck_assert_int_eq(tfl_infer_create("tiny", &infer, NULL), 0);
	ck_assert_int_eq(tfl_infer_set_key(infer, key), 0);
	ck_assert_int_eq(tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 2, tiny_input, sizeof(tiny_input)), 0);
	ck_assert_msg(tfl_client_infer(client, infer) == 0, "%s", tfl_infer_error_message(infer));
	version = tfl_infer_version(infer);
	tfl_infer_destroy(infer);
	return version;
}

static void expect(const char *out)
{
	ck_assert_msg(result.status == 0 && strcmp(result.out, out) == 0, "%s%s", result.out, result.err);
}

static void expect_refusal(int status, const char *part)
{
	ck_assert_msg(result.status == status && strstr(result.err, part), "%s%s", result.out, result.err);
}

START_TEST(labels)
{
	char why[TFL_ERROR_TEXT_MAX];

	TFLCTL("label", "tiny");
	expect("no version of tiny has a label; 'tflctl label tiny canary 2' gives one\n");
	TFLCTL("label", "tiny", "canary", "2");
	expect("canary is tiny@2\n");
	TFLCTL("label", "tiny", "canary", "3");
	expect("canary is tiny@3; before it was version 2\n");
	TFLCTL("label", "tiny", "canary", "3");
	expect("canary is tiny@3, as before\n");
	TFLCTL("label", "tiny", "stable", "1");
	ck_assert_uint_eq(served_by("tiny@canary", why), 3);
	ck_assert_uint_eq(served_by("tiny@stable", why), 1);
	ck_assert_uint_eq(served_by("tiny", why), 1);
	ck_assert_uint_eq(served_by("tiny@x", why), 0);
	ck_assert_str_eq(why, "model 'tiny' has no version with the label 'x'; labels here: canary (version 3), stable (version 1)");
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ck_assert_uint_eq(served_by("tiny@canary", why), 3);
	TFLCTL("label", "tiny");
	expect("stable  tiny@1  AVAILABLE\ncanary  tiny@3  AVAILABLE\n");
	TFLCTL("label", "tiny", "stable", "--remove");
	expect("stable is no label of tiny any more; before it was version 1\n");
	TFLCTL("unload", "tiny@3");
	ck_assert_uint_eq(served_by("tiny@canary", why), 0);
	ck_assert_msg(strstr(why, "version 3 of 'tiny' is END: unloaded 20"), "%s", why);
	TFLCTL("unload", "tiny@3", "--erase");
	ck_assert_uint_eq(served_by("tiny@canary", why), 0);
	ck_assert_str_eq(why, "model 'tiny' has no version with the label 'canary', nor with any other");
	TFLCTL("history", "tiny");
	ck_assert_msg(strstr(result.out, "version 3 of 'tiny' is labelled (uid ") &&
		      strstr(result.out, "'canary', as version 2 was before") &&
			      strstr(result.out, "version 1 of 'tiny' is no longer labelled (uid ") &&
			      strstr(result.out, "'canary', since it is erased"),
		      "%s", result.out);
}
END_TEST

START_TEST(labels_where_a_version_may_stand)
{
	TFLCTL("label", "tiny", "canary", "2");
	TFLCTL("describe", "tiny@canary");
	ck_assert_msg(strstr(result.out, "tiny@2  AVAILABLE since ") && strstr(result.out, "Z, canary\n"), "%s", result.out);
	TFLCTL("ls");
	ck_assert_msg(strstr(result.out, "tiny@2  AVAILABLE  canary"), "%s", result.out);
	TFLCTL("history", "tiny@canary");
	ck_assert_msg(result.status == 0 && strstr(result.out, "version 2 ") && !strstr(result.out, "version 3 "), "%s", result.out);
	TFLCTL("hist", "tiny@canary");
	ck_assert_msg(result.status == 0 && strstr(result.out, "tiny@2"), "%s%s", result.out, result.err);
	TFLCTL("--complete", "infer", "tiny@c");
	expect("tiny@canary\n");
	TFLCTL("--complete", "label", "tiny", "");
	expect("canary\n");
	TFLCTL("--complete", "label", "tiny", "canary", "");
	expect("1\n2\n3\n");
}
END_TEST

START_TEST(labels_that_are_refused)
{
	TFLCTL("label", "tiny", "12", "2");
	expect_refusal(1, "'12' is no label: 1 to 64 of");
	TFLCTL("label", "tiny", "canary", "7");
	expect_refusal(1, "model 'tiny' has no version 7; versions here: 1 (active), 2, 3");
	TFLCTL("label", "tiny", "canary", "--remove");
	expect_refusal(1, "model 'tiny' has no version with the label 'canary', nor with any other");
	TFLCTL("label", "none", "canary", "--remove");
	expect_refusal(1, "there is no model 'none'");
	TFLCTL("label", "tiny", "canary");
	expect_refusal(2, "'tflctl label digits canary 2', or --remove");
	TFLCTL("label", "tiny@2", "canary");
	expect_refusal(2, "the version stands behind the label");
	TFLCTL("label", "tiny", "canary", "2", "--remove");
	expect_refusal(2, "a label alone is removed");
	TFLCTL("label", "tiny", "canary", "new");
	expect_refusal(2, "the number of a version");
	TFLCTL("swap", "tiny@canary");
	expect_refusal(1, "a label is not enough here: 'tiny@2' names a version by its number");
	TFLCTL("unload", "tiny@canary");
	expect_refusal(1, "a label is not enough here");
	TFLCTL("unload", "tiny@2");
	TFLCTL("label", "tiny", "canary", "2");
	expect_refusal(1, "version 2 of 'tiny' is END: unloaded 20");
}
END_TEST

#define KEYS 1000

/* Which of KEYS keys version 2 gets, and how many. */
static unsigned look(bool second[KEYS])
{
	unsigned count = 0;
	char key[16];

	for (unsigned i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "user-%u", i);
		second[i] = served_for(key) == 2;
		count += second[i];
	}
	return count;
}

START_TEST(routes)
{
	static bool before[KEYS], after[KEYS];
	unsigned count;

	TFLCTL("route", "tiny");
	expect("tiny has no route: its active version, 1, answers; 'tflctl route tiny 1=90 2=10' sets one\n");
	TFLCTL("route", "tiny", "1=90", "2=10");
	ck_assert_msg(result.status == 0 && strstr(result.out, "tiny@2  10.0 %"), "%s%s", result.out, result.err);
	count = look(before);
	ck_assert_msg(count > KEYS / 14 && count < KEYS / 7, "%u", count);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	ck_assert_uint_eq(look(after), count);
	ck_assert_int_eq(memcmp(before, after, sizeof(before)), 0);
	TFLCTL("route", "tiny");
	ck_assert_msg(strstr(result.out, "tiny: set by an operator\n") && strstr(result.out, "tiny@1  90.0 %"), "%s%s", result.out, result.err);
	TFLCTL("route", "tiny", "1=80", "2=20");
	ck_assert_uint_gt(look(after), count);
	for (unsigned i = 0; i < KEYS; i++)
		ck_assert_msg(after[i] || !before[i], "key %u went back", i);
	TFLCTL("ls");
	ck_assert_msg(strstr(result.out, "tiny@1  AVAILABLE  active, 80 %") && strstr(result.out, "tiny@2  AVAILABLE  20 %"), "%s", result.out);
	TFLCTL("route", "tiny", "--clear");
	expect("tiny has no route: its active version, 1, answers; 'tflctl route tiny 1=90 2=10' sets one\n");
	ck_assert_uint_eq(look(after), 0);
	TFLCTL("history", "tiny");
	ck_assert_msg(strstr(result.out, "model 'tiny' is routed (uid ") && strstr(result.out, "): 1=80 2=20\n") &&
			      strstr(result.out, "model 'tiny' is no longer routed (uid ") && strstr(result.out, "cleared; it was 1=80 2=20"),
		      "%s", result.out);
}
END_TEST

/* What is not given stays as it is; a version that goes is passed over, and that is seen. */
START_TEST(routes_in_part)
{
	char why[TFL_ERROR_TEXT_MAX];

	TFLCTL("route", "tiny", "1=1", "2=1", "--salt", "spring", "--shadow", "3");
	TFLCTL("route", "tiny", "2=1");
	ck_assert_msg(strstr(result.out, "tiny@2  100.0 %") && strstr(result.out, "salt: spring") && strstr(result.out, "tiny@3  is the shadow"), "%s",
		      result.out);
	ck_assert_uint_eq(served_by("tiny", why), 2);
	ck_assert_uint_eq(served_by("tiny@1", why), 1); /* an explicit version comes first */
	TFLCTL("describe", "tiny@3");
	ck_assert_msg(strstr(result.out, "\ntiny@3  is the shadow"), "%s", result.out);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	TFLCTL("route", "tiny"); /* it was LOADING when the route was restored, and is not any more */
	ck_assert_msg(strstr(result.out, "tiny@3  is the shadow, and gets no copies: no request has come yet\n"), "%s", result.out);
	TFLCTL("describe", "tiny@1");
	ck_assert_msg(!strstr(result.out, "is the shadow"), "%s", result.out);
	TFLCTL("route", "tiny", "--no-shadow");
	ck_assert_msg(strstr(result.out, "tiny@2  100.0 %") && !strstr(result.out, "shadow"), "%s", result.out);
	TFLCTL("unload", "tiny@2");
	ck_assert_uint_eq(served_by("tiny", why), 1);
	TFLCTL("route", "tiny");
	ck_assert_msg(strstr(result.out, "1 request of a version that was not AVAILABLE went to the active one"), "%s", result.out);
	TFLCTL("health");
	ck_assert_msg(strstr(result.out, "the route names version 2"), "%s", result.out);
	TFLCTL("load", "tiny@2");
	TFLCTL("health");
	ck_assert_msg(!strstr(result.out, "the route names"), "%s", result.out);
	TFLCTL("swap", "tiny", "3");
	ck_assert_msg(strstr(result.out, "but a route decides which version gets a request"), "%s", result.out);
	ck_assert_uint_eq(served_by("tiny", why), 2);
	TFLCTL("rollback", "tiny");
	ck_assert_msg(strstr(result.out, "the route that split the requests has ended"), "%s", result.out);
	ck_assert_uint_eq(served_by("tiny", why), 1);
}
END_TEST

/* One file for a fleet: on each device, all requests get the same version. */
START_TEST(a_route_of_model_conf)
{
	static bool second[KEYS];
	char path[256];
	unsigned count;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tiny/model.conf", tfld.models);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fputs("[model]\nroute = 1=50 2=50\nroute_key = machine-id\n", file);
	fclose(file);
	daemon_restart(&tfld, NULL);
	daemon_wait_ready(&tfld);
	TFLCTL("route", "tiny");
	ck_assert_msg(strstr(result.out, "tiny: as model.conf says") && strstr(result.out, "key: machine-id (this device)"), "%s", result.out);
	count = look(second);
	ck_assert_msg(count == 0 || count == KEYS, "%u", count);
	TFLCTL("route", "tiny", "1=1", "--key", "request");
	ck_assert_msg(strstr(result.out, "tiny: set by an operator; model.conf says: 1=50 2=50, key machine-id"), "%s", result.out);
	ck_assert_uint_eq(look(second), 0);
	TFLCTL("route", "tiny", "--clear");
	ck_assert_msg(strstr(result.out, "tiny: as model.conf says"), "%s", result.out);
	ck_assert_uint_eq(look(second), count);
}
END_TEST

START_TEST(routes_that_are_refused)
{
	TFLCTL("route", "tiny", "1=90", "7=10");
	expect_refusal(1, "model 'tiny' has no version 7; versions here: 1 (active), 2, 3");
	TFLCTL("route", "tiny", "1=90", "1=10");
	expect_refusal(1, "params: 'route': version 1 is there twice");
	TFLCTL("route", "tiny", "1");
	expect_refusal(1, "'1' is no share, expected a version and its weight (1 to 1000000), as in 1=90 2=10");
	TFLCTL("route", "tiny", "--salt", "x");
	expect_refusal(1, "there are no shares that a salt or a key could split");
	TFLCTL("route", "tiny", "1=1", "--salt", "a b");
	expect_refusal(1, "'a b' is no salt");
	TFLCTL("route", "tiny", "1=1", "--key", "uid");
	expect_refusal(2, "--key");
	TFLCTL("route", "tiny", "1=1", "--clear");
	expect_refusal(2, "--clear goes back");
	TFLCTL("route", "tiny", "--shadow", "x");
	expect_refusal(2, "--shadow takes the number of a version");
	TFLCTL("route", "tiny@1");
	expect_refusal(2, "without '@'");
	TFLCTL("route", "none");
	expect_refusal(1, "there is no model 'none'");
	TFLCTL("unload", "tiny@2");
	TFLCTL("route", "tiny", "1=1", "2=1");
	expect_refusal(1, "version 2 of 'tiny' is END and gets no requests: unloaded 20");
}
END_TEST

Suite *routing_suite(void)
{
	Suite *suite = suite_create("routing");
	TCase *tcase = tcase_create("labels");

	tcase_set_timeout(tcase, 180);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, labels);
	tcase_add_test(tcase, labels_where_a_version_may_stand);
	tcase_add_test(tcase, labels_that_are_refused);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("routes");
	tcase_set_timeout(tcase, 180);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, routes);
	tcase_add_test(tcase, routes_in_part);
	tcase_add_test(tcase, a_route_of_model_conf);
	tcase_add_test(tcase, routes_that_are_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
