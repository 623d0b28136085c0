/* SPDX-License-Identifier: MIT */
/*
 * The split of requests: SipHash against the vectors of its authors, and what a split has to be: fair, sticky, and moved only by as much as
 * its weights are. Neither sockets nor clocks; what a device's key is, over files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-id128.h>
#endif

#include "base/error.h"
#include "base/util.h"
#include "daemon/machine.h"
#include "daemon/route.h"
#include "daemon/siphash.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/suites.h"

#define KEYS 100000

/* Of the message 00 01 02 … with the key 00 01 … 0f, from the authors' paper and reference. */
static const struct {
	size_t length;
	uint64_t hash;
} vectors[] = {
	{0, UINT64_C(0x726fdb47dd0e0e31)},
	{1, UINT64_C(0x74f839c593dc67fd)},
	{8, UINT64_C(0x93f5f5799a932462)},
	{15, UINT64_C(0xa129ca6149be45e5)},
};

START_TEST(known_answers_of_the_hash)
{
	uint8_t message[16];
	struct tfl_siphash hash;
	size_t whole = vectors[_i].length / 8 * 8;

	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	tfl_siphash_init(&hash, UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908));
	tfl_siphash_padded(&hash, message, whole);
	ck_assert_uint_eq(tfl_siphash_finish(&hash, message + whole, vectors[_i].length - whole), vectors[_i].hash);
}
END_TEST

static struct tfl_route route_of(const char *text)
{
	struct tfl_route route = {.count = 0};
	struct tfl_error error;

	ck_assert_msg(tfl_route_parse(text, &route, &error) == 0, "%s", error.text);
	return route;
}

/* The version that key number @p i gets. */
static uint64_t pick(const struct tfl_route *route, const char *salt, uint32_t i)
{
	const struct tfl_route_key key = {TFL_ROUTE_KEY_GIVEN, &i, sizeof(i)};

	return route->shares[tfl_route_pick(route, salt, &key)].number;
}

/* These keys go to these versions for ever: a change here moves the users of every device. */
START_TEST(where_keys_go_is_fixed)
{
	static const char *const keys[] = {"", "a", "camera-1", "camera-2", "camera-3", "camera-4", "a key that is longer than a few words of eight"};
	const struct tfl_route route = route_of("1=50 2=30 7=20");
	char got[sizeof(keys) / sizeof(keys[0]) + 1] = "";

	for (size_t i = 0; i < TFL_ARRAY_SIZE(keys); i++) {
		const struct tfl_route_key key = {TFL_ROUTE_KEY_GIVEN, keys[i], strlen(keys[i])};

		got[i] = (char)('0' + route.shares[tfl_route_pick(&route, "digits", &key)].number);
	}
	ck_assert_str_eq(got, "1221717");
}
END_TEST

static const struct {
	const char *route;
	double shares[4];
} splits[] = {
	{"1=90 2=10", {0.9, 0.1}},
	{"1=1 2=1", {0.5, 0.5}},
	{"4=1 3=999", {0.001, 0.999}},
	{"1=60 2=30 3=10", {0.6, 0.3, 0.1}},
	{"1=1000000 2=1 3=1000000", {0.5, 0.0, 0.5}},
	{"5=7", {1}},
};

START_TEST(each_version_gets_its_share)
{
	const struct tfl_route route = route_of(splits[_i].route);
	unsigned got[4] = {0};

	for (uint32_t i = 0; i < KEYS; i++)
		for (unsigned k = 0; k < route.count; k++)
			got[k] += pick(&route, "digits", i) == route.shares[k].number;
	for (unsigned k = 0; k < route.count; k++) {
		double off = got[k] / (double)KEYS - splits[_i].shares[k];

		ck_assert_msg(off < 0.005 && off > -0.005, "%s: version %u gets %u of %u", splits[_i].route, (unsigned)route.shares[k].number,
			      got[k], KEYS);
	}
}
END_TEST

static const struct {
	const char *before, *after;
	uint64_t to; /* all that moves goes there */
} moves[] = {
	{"1=90 2=10", "1=80 2=20", 2},
	{"1=80 2=20", "1=90 2=10", 1},
	{"1=60 2=30 3=10", "1=60 2=30 3=20", 3},
	{"1=60 2=30", "1=60 2=30 3=10", 3},
	{"1=90 2=10", "2=10 1=90", 0},
	{"1=90 2=10", "1=9 2=1", 0},
	{"1=90 2=10", "1=1 2=1", 2},
};

START_TEST(only_what_must_move_moves)
{
	const struct tfl_route before = route_of(moves[_i].before), after = route_of(moves[_i].after);
	unsigned moved = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		uint64_t from = pick(&before, "digits", i), to = pick(&after, "digits", i);

		if (from == to)
			continue;
		moved++;
		ck_assert_msg(to == moves[_i].to, "%s to %s: key %u goes from %u to %u", moves[_i].before, moves[_i].after, i, (unsigned)from,
			      (unsigned)to);
	}
	ck_assert_int_eq(moved > 0, moves[_i].to > 0);
}
END_TEST

/* Another salt is another choice of keys: of those that have version 2 with one salt, a tenth has it with the other. */
START_TEST(salts_are_independent)
{
	const struct tfl_route route = route_of("1=90 2=10");
	unsigned first = 0, both = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		bool chosen = pick(&route, "digits", i) == 2;

		first += chosen;
		both += chosen && pick(&route, "faces", i) == 2;
	}
	ck_assert_msg(both > first / 12 && both < first / 8, "%u of %u", both, first);
}
END_TEST

/* The same bytes are other keys where they come from somewhere else, or begin elsewhere. */
START_TEST(no_two_keys_are_one)
{
	const struct tfl_route route = route_of("1=1 2=1");
	unsigned same_kind = 0, same_cut = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		const struct tfl_route_key given = {TFL_ROUTE_KEY_GIVEN, &i, 4}, uid = {TFL_ROUTE_KEY_UID, &i, 4};
		char salt[16], longer[16];
		struct tfl_route_key cut;

		snprintf(salt, sizeof(salt), "s%u", i);
		snprintf(longer, sizeof(longer), "s%ux", i);
		cut = (struct tfl_route_key){TFL_ROUTE_KEY_GIVEN, "xy", 2};
		same_kind += tfl_route_pick(&route, "m", &given) == tfl_route_pick(&route, "m", &uid);
		same_cut += tfl_route_pick(&route, salt, &cut) == tfl_route_pick(&route, longer, &(struct tfl_route_key){TFL_ROUTE_KEY_GIVEN, "y", 1});
	}
	ck_assert_msg(same_kind > 4500 && same_kind < 5500, "%u", same_kind);
	ck_assert_msg(same_cut > 4500 && same_cut < 5500, "%u", same_cut);
}
END_TEST

static const struct {
	const char *text, *wrong, *again; /* wrong NULL: it is right */
} texts[] = {
	{"", NULL, ""},
	{"1=90 2=10", NULL, "1=90 2=10"},
	{"  3=1   9223372036854775807=1000000 ", NULL, "3=1 9223372036854775807=1000000"},
	{"1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8", NULL, "1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8"},
	{"1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8 9=9", "more than 8 versions", NULL},
	{"1=90 1=10", "version 1 is there twice", NULL},
	{"1=0", "'1=0' is no share", NULL},
	{"0=1", "'0=1' is no share", NULL},
	{"1=1000001", "'1=1000001' is no share", NULL},
	{"1=-5", "'1=-5' is no share", NULL},
	{"1", "'1' is no share, expected a version and its weight (1 to 1000000), as in 1=90 2=10", NULL},
	{"1=", "'1=' is no share", NULL},
	{"=1", "'=1' is no share", NULL},
	{"1=2=3", "'1=2=3' is no share", NULL},
	{"1=90,2=10", "'1=90,2=10' is no share", NULL},
	{"one=90", "'one=90' is no share", NULL},
};

START_TEST(routes_as_text)
{
	struct tfl_route route = {.count = 0, .shadow = 3};
	char text[TFL_ROUTE_TEXT_MAX];
	struct tfl_error error;
	int r = tfl_route_parse(texts[_i].text, &route, &error);

	ck_assert_uint_eq(route.shadow, 3);
	if (texts[_i].wrong) {
		ck_assert_int_eq(r, -EINVAL);
		ck_assert_msg(strstr(error.text, texts[_i].wrong), "%s", error.text);
		ck_assert_uint_eq(route.count, 0);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_str_eq(tfl_route_format(&route, text), texts[_i].again);
}
END_TEST

START_TEST(routes_in_words)
{
	char text[TFL_ROUTE_TEXT_MAX + 128];
	struct tfl_route route = {.count = 0};

	ck_assert_str_eq(tfl_route_say(&route, text), "none");
	ck_assert(tfl_route_is_empty(&route));
	route.shadow = 3;
	ck_assert_str_eq(tfl_route_say(&route, text), "the active version answers, shadow 3");
	ck_assert(!tfl_route_is_empty(&route) && tfl_route_names(&route, 3) && !tfl_route_names(&route, 0));
	route = route_of("9223372036854775800=1000000 9223372036854775801=1000000 9223372036854775802=1000000 9223372036854775803=1000000 "
			 "9223372036854775804=1000000 9223372036854775805=1000000 9223372036854775806=1000000 9223372036854775807=1000000");
	memset(route.salt, 's', TFL_ROUTE_SALT_MAX);
	route.by = TFL_ROUTE_BY_MACHINE;
	route.shadow = TFL_VERSION_MAX;
	tfl_route_say(&route, text);
	ck_assert_msg(strstr(text, "9223372036854775807=1000000, salt 'sss") && strstr(text, "s', key machine-id, shadow 9223372036854775807"), "%s",
		      text);
	ck_assert_uint_eq(tfl_route_by_from_string("machine-id", 10), TFL_ROUTE_BY_MACHINE);
	ck_assert_uint_eq(tfl_route_by_from_string("machine", 7), TFL_ROUTE_BY_KINDS);
}
END_TEST

/* What one costs, for doc/routes.md; a bound that no machine passes, so that nothing slow comes in unseen. */
START_TEST(a_pick_costs_little)
{
	const struct tfl_route route = route_of("1=90 2=10");
	struct timespec begin, end;
	unsigned sum = 0;
	double ns;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (uint32_t i = 0; i < KEYS; i++)
		sum += (unsigned)pick(&route, "digits", i);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ns = ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / KEYS;
	printf("# a pick between two versions: %.0f ns (%u)\n", ns, sum);
	ck_assert_msg(ns < 20000, "%.0f ns", ns);
}
END_TEST

static const char *const no_ids[] = {"", "uninitialized\n", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789abcdef", "00000000000000000000000000000000"};

START_TEST(the_key_of_a_device)
{
	uint8_t key[TFL_MACHINE_BYTES] = {7}, other[TFL_MACHINE_BYTES];
	struct tfl_error error;

	folder_make();
	ck_assert_int_eq(tfl_machine_read("none", key, &error), -ENOENT);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(no_ids); i++) {
		file_write_text("id", no_ids[i]);
		ck_assert_int_eq(tfl_machine_read("id", key, &error), -EINVAL);
		ck_assert_msg(strstr(error.text, "id holds no machine id"), "%s", error.text);
	}
	ck_assert_uint_eq(key[0], 7);
	file_write_text("id", "0123456789abcdef0123456789abcdef\n");
	ck_assert_int_eq(tfl_machine_read("id", key, &error), 0);
	file_write_text("id", "0123456789abcdef0123456789abcdee\n");
	ck_assert_int_eq(tfl_machine_read("id", other, &error), 0);
	ck_assert_int_ne(memcmp(key, other, sizeof(key)), 0);
	ck_assert_int_ne(key[0], 0x01); /* not the id */
	folder_remove();
}
END_TEST

#ifdef HAVE_SYSTEMD
/* The same as systemd makes of the machine's id and tfld's. */
START_TEST(the_key_is_systemds)
{
	static const sd_id128_t own = SD_ID128_MAKE(9b, 1c, 6e, 52, 2f, 0a, 4d, 8e, b1, 37, 5c, e4, 60, d2, 7a, 15);
	uint8_t key[TFL_MACHINE_BYTES];
	struct tfl_error error;
	sd_id128_t right;

	if (tfl_machine_read(TFL_MACHINE_FILE, key, &error) < 0 || sd_id128_get_machine_app_specific(own, &right) < 0)
		return;
	ck_assert_int_eq(memcmp(key, right.bytes, sizeof(key)), 0);
}
END_TEST
#endif

Suite *route_suite(void)
{
	Suite *suite = suite_create("route");
	TCase *tcase = tcase_create("route");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, known_answers_of_the_hash, 0, TFL_ARRAY_SIZE(vectors));
	tcase_add_test(tcase, where_keys_go_is_fixed);
	tcase_add_loop_test(tcase, each_version_gets_its_share, 0, TFL_ARRAY_SIZE(splits));
	tcase_add_loop_test(tcase, only_what_must_move_moves, 0, TFL_ARRAY_SIZE(moves));
	tcase_add_test(tcase, salts_are_independent);
	tcase_add_test(tcase, no_two_keys_are_one);
	tcase_add_loop_test(tcase, routes_as_text, 0, TFL_ARRAY_SIZE(texts));
	tcase_add_test(tcase, routes_in_words);
	tcase_add_test(tcase, a_pick_costs_little);
	tcase_add_test(tcase, the_key_of_a_device);
#ifdef HAVE_SYSTEMD
	tcase_add_test(tcase, the_key_is_systemds);
#endif
	suite_add_tcase(suite, tcase);
	return suite;
}
