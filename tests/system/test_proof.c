/* SPDX-License-Identifier: MIT */
/*
 * Files that nobody wants served, loaded one after the other while another model is asked: each is refused with the reason, and neither the
 * memory of the daemon, nor its descriptors, children or staging folder, nor the latency of the other model show it.
 */
#include <poll.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/confine.h"
#include "tests/builder/hostile.h"
#include "tests/support/sample.h"
#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

#define LATENCIES_MAX 200000
#define STEADY 3000
#define TRIES 5

static struct daemon tfld;
static int fd, admin;

/* The last of them: how many there are depends on how long a busy machine takes to refuse a file. */
struct latencies {
	uint64_t ns[LATENCIES_MAX];
	unsigned count;
};

static const struct hostile {
	const char *model;
	int (*make)(uint8_t **ret_data, size_t *ret_size);
	enum tfl_status status;
	const char *reason;
	bool needs_limits; /* that a sanitizer's build has not */
} hostiles[] = {
	{ "slow", tfl_hostile_slow, TFL_RESOURCE_EXHAUSTED, "used more than 1 s of processor time while it was being run", false },
	{ "large", tfl_hostile_large, TFL_RESOURCE_EXHAUSTED, "needed more than 160 MiB of memory while it was being built", true },
	{ "root", tfl_hostile_root, TFL_INVALID_MODEL, "sample 0001.tflsample: its output 'y' is NaN", false },
};

static void setup(void)
{
	static const float negative[4] = { -1, 1, 1, 1 };
	char path[160];

	daemon_prepare(&tfld);
	add_tiny(&tfld);
	snprintf(path, sizeof(path), "%s/root", tfld.models);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/root/samples", tfld.models);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/root/samples/0001.tflsample", tfld.models);
	sample_write(path, negative, NULL, -1);
	daemon_start(&tfld, "[models]\nproof_time = 1s\nproof_memory = 160M\n");
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	admin = daemon_connect(&tfld);
}

static void teardown(void)
{
	close(fd);
	close(admin);
	daemon_stop(&tfld);
}

static void ask(struct latencies *latencies)
{
	uint64_t start = now_ns();

	send_tiny(fd, latencies->count, 0);
	expect_tiny(fd, latencies->count);
	latencies->ns[latencies->count++ % LATENCIES_MAX] = now_ns() - start;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double percentile_us(struct latencies *latencies, unsigned percent)
{
	unsigned kept = latencies->count < LATENCIES_MAX ? latencies->count : LATENCIES_MAX;

	ck_assert_uint_gt(kept, 0);
	qsort(latencies->ns, kept, sizeof(latencies->ns[0]), by_value);
	return (double)latencies->ns[(uint64_t)(kept - 1) * percent / 100] / 1e3;
}

static bool has_come(int connection)
{
	struct pollfd poller = { connection, POLLIN, 0 };

	return poll(&poller, 1, 0) > 0;
}

/* Loads it, asking the other model until that has been refused. */
static void load(const struct hostile *hostile, struct latencies *latencies)
{
	int file = memfd_create("hostile", MFD_CLOEXEC);
	struct tfl_writer writer;
	uint8_t *data = NULL;
	size_t size = 0;

	ck_assert_int_eq(hostile->make(&data, &size), 0);
	ck_assert_int_eq(write(file, data, size), (ssize_t)size);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 7, "model.load", hostile->model, 0, false);
	wire_send_frame_passing(admin, &writer, &file, 1);
	while (!has_come(admin))
		ask(latencies);
	wire_expect_failure(admin, 7, hostile->status, hostile->reason);
	tfl_writer_finish(&writer);
	close(file);
	free(data);
}

static void load_all(struct latencies *latencies)
{
	latencies->count = 0;
	for (size_t i = 0; i < sizeof(hostiles) / sizeof(hostiles[0]); i++)
		if (!hostiles[i].needs_limits || !TFL_CONFINE_RELAXED)
			load(&hostiles[i], latencies);
}

/* Names in the staging folder. Statistics pass through it, too. */
static unsigned staged(void)
{
	struct dirent **names;
	char path[160];
	int count;

	snprintf(path, sizeof(path), "%s/.staging", tfld.models);
	count = scandir(path, &names, NULL, NULL);
	ck_assert_int_ge(count, 2);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return (unsigned)count - 2;
}

static void assert_staging_is_empty(void)
{
	const uint64_t start = now_ns();

	while (staged() > 0 && now_ns() - start < UINT64_C(10000000000))
		usleep(10000);
	ck_assert_uint_eq(staged(), 0);
}

/* Whether the other model is asked as well while files are refused as it is without. */
static bool goes_unnoticed(void)
{
	static struct latencies steady, during;
	double steady_p50, steady_p99, during_p50, during_p99;

	steady.count = 0;
	while (steady.count < STEADY)
		ask(&steady);
	load_all(&during);
	steady_p50 = percentile_us(&steady, 50);
	steady_p99 = percentile_us(&steady, 99);
	during_p50 = percentile_us(&during, 50);
	during_p99 = percentile_us(&during, 99);
	printf("# %u requests while files were refused: p50 %.0f us, p99 %.0f us; without: %.0f, %.0f\n", during.count, during_p50, during_p99,
	       steady_p50, steady_p99);
	return during_p50 < 4 * steady_p50 + 500 && during_p99 < 4 * steady_p99 + 20000;
}

START_TEST(refused_files_leave_no_trace)
{
	static struct latencies lazy;
	size_t memory, greatest;
	unsigned descriptors, tries = 0;

	load_all(&lazy); /* what is made lazily */
	descriptors = daemon_steady_descriptors(&tfld);
	memory = daemon_memory(&tfld);
	greatest = daemon_memory_peak(&tfld);
	/* The machine may be busy with more than this, at times; a daemon that loads such files itself, or waits for its child, is far off each time. */
	while (!goes_unnoticed())
		ck_assert_uint_lt(++tries, TRIES);
	printf("# memory %zu KiB before, %zu after; at most %zu before, %zu after\n", memory >> 10, daemon_memory(&tfld) >> 10, greatest >> 10,
	       daemon_memory_peak(&tfld) >> 10);
	if (daemon_memory_counts()) {
		ck_assert_uint_lt(daemon_memory(&tfld), memory + (4u << 20));
		ck_assert_uint_lt(daemon_memory_peak(&tfld), greatest + (8u << 20));
	}
	ck_assert_uint_eq(daemon_settled_descriptors(&tfld, descriptors), descriptors);
	ck_assert_uint_eq(daemon_children(&tfld), 0);
	assert_staging_is_empty();
}
END_TEST

START_TEST(a_stop_ends_the_proof_that_runs)
{
	int file = memfd_create("hostile", MFD_CLOEXEC);
	struct tfl_writer writer;
	uint8_t *data = NULL;
	size_t size = 0;

	daemon_restart(&tfld, "[models]\nproof_time = 60min\n[requests]\nstop_timeout = 0\n");
	close(admin);
	admin = daemon_connect(&tfld);
	ck_assert_int_eq(tfl_hostile_slow(&data, &size), 0);
	ck_assert_int_eq(write(file, data, size), (ssize_t)size);
	tfl_writer_init(&writer);
	wire_begin_model(&writer, 7, "model.load", "slow", 0, false);
	wire_send_frame_passing(admin, &writer, &file, 1);
	tfl_writer_finish(&writer);
	daemon_wait_proof(&tfld);
	close(fd);
	daemon_restart(&tfld, NULL);
	ck_assert_uint_eq(daemon_children(&tfld), 0);
	fd = daemon_connect(&tfld);
	close(file);
	free(data);
}
END_TEST

Suite *proof_suite(void)
{
	Suite *suite = suite_create("proof");
	TCase *test = tcase_create("proof");

	tcase_add_checked_fixture(test, setup, teardown);
	tcase_set_timeout(test, 300);
	tcase_add_test(test, refused_files_leave_no_trace);
	tcase_add_test(test, a_stop_ends_the_proof_that_runs);
	suite_add_tcase(suite, test);
	return suite;
}
