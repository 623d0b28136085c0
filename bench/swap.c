/* SPDX-License-Identifier: MIT */
/*
 * Whether a swap drops or delays anything, and whether loading for ever costs memory or time.
 *
 *   bench/swap [--swaps N] [--rounds N] TFLD A.tflite B.tflite
 *   bench/swap --shadow N TFLD A.tflite B.tflite
 *
 * A and B are int8 networks on pictures of 224 by 224, such as tfl-emit writes; TFLD is the daemon's binary.
 *
 * Four clients ask as fast as they are answered. Blocks alternate: in a steady one nothing else happens; in a busy one the model is swapped
 * between its two versions every 100 ms, while a third is loaded and erased over and over. Every reply must come, and from a version that
 * was active between its send and its receipt; the p99 of busy blocks is compared with that of steady ones.
 *
 * Then, without clients: rounds of load, swap, swap back, unload. Memory and the time of a load after the last are compared with those
 * after 20. Last, what one more version takes, and what its unload gives back.
 *
 * With --shadow, only this: N pairs of blocks, without and with B as the shadow of A, which gets copies of what the four clients ask and
 * never answers. The p99 of the ones is compared with that of the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "measure.h"
#include "served.h"
#include "tflclient.h"

#define CLIENTS 4
#define BLOCK_NS 2000000000u
#define SWAP_GAP_NS 100000000u
#define SWAPS_A_BLOCK 20
#define PIXELS (224 * 224 * 3)
#define WARM_ROUNDS 20

/* What a client saw of one request. */
struct reply {
	uint64_t sent, received;
	uint64_t version; /* 0: it failed */
	unsigned block;
};

struct client {
	pthread_t thread;
	struct reply *replies;
	size_t count, capacity;
};

/* A swap, and when it was asked for and answered: in between it happened. */
struct swap {
	uint64_t asked, answered, version;
};

static struct bench {
	struct served tfld;
	struct client clients[CLIENTS];
	struct swap *swaps;
	unsigned swap_count;
	atomic_uint block; /* even: steady */
	atomic_bool stop, load;
	atomic_uint loads;
	const char *third;
} bench;

static void finish(void)
{
	served_stop(&bench.tfld);
}

static struct tfl_client *connect_to(const struct served *tfld)
{
	const struct tfl_client_options options = {.size = sizeof(options), .timeout_ms = 300000};
	struct tfl_call_error error;
	struct tfl_client *client;

	if (tfl_client_connect(tfld->socket, &options, &client, &error) < 0)
		die("connecting", error.message);
	return client;
}

static void load(struct tfl_client *client, const char *model, const char *path)
{
	struct tfl_call_error error;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path, strerror(errno));
	if (tfl_client_load(client, model, fd, NULL, &error) < 0)
		die(path, error.message);
	close(fd);
}

static void keep(struct client *client, struct reply reply)
{
	if (client->count == client->capacity) {
		client->capacity = client->capacity ? 2 * client->capacity : 4096;
		client->replies = reallocarray(client->replies, client->capacity, sizeof(reply));
		if (!client->replies)
			abort();
	}
	client->replies[client->count++] = reply;
}

static void *ask(void *data)
{
	struct client *client = data;
	struct tfl_client *connection = connect_to(&bench.tfld);
	struct tfl_call_error error;
	static int8_t pixels[PIXELS];
	struct tfl_infer *infer;

	if (tfl_infer_create("m", &infer, &error) < 0 || tfl_infer_set_input(infer, 0, TFL_INT8, (int32_t[]){1, 224, 224, 3}, 4, pixels, PIXELS) < 0)
		die("a request", "cannot be made");
	while (!atomic_load(&bench.stop)) {
		struct reply reply = {.sent = now_ns(), .block = atomic_load(&bench.block)};

		if (tfl_client_infer(connection, infer) == 0)
			reply.version = tfl_infer_version(infer);
		else
			fprintf(stderr, "a request failed: %s\n", tfl_infer_error_message(infer));
		reply.received = now_ns();
		keep(client, reply);
	}
	tfl_infer_destroy(infer);
	tfl_client_destroy(connection);
	return NULL;
}

/* Loads the third version and erases it, as long as it may. */
static void *load_and_erase(void *data)
{
	struct tfl_client *client = connect_to(&bench.tfld);
	struct tfl_call_error error;

	while (!atomic_load(&bench.stop)) {
		if (!atomic_load(&bench.load)) {
			usleep(1000);
			continue;
		}
		load(client, "m@3", bench.third);
		if (tfl_client_unload(client, "m@3", true, NULL, &error) < 0)
			die("unloading", error.message);
		atomic_fetch_add(&bench.loads, 1);
	}
	tfl_client_destroy(client);
	return NULL;
}

static void swap_to(struct tfl_client *client, uint64_t version, struct swap *ret_swap)
{
	struct tfl_call_error error;
	char model[32];

	snprintf(model, sizeof(model), "m@%llu", (unsigned long long)version);
	*ret_swap = (struct swap){.asked = now_ns(), .version = version};
	if (tfl_client_swap(client, model, NULL, &error) < 0)
		die(model, error.message);
	ret_swap->answered = now_ns();
}

static void sleep_until(uint64_t time)
{
	uint64_t now = now_ns();

	if (now < time)
		usleep((useconds_t)((time - now) / 1000));
}

static void busy_block(struct tfl_client *client, unsigned swaps)
{
	uint64_t begin = now_ns();

	atomic_store(&bench.load, true);
	for (unsigned i = 0; i < SWAPS_A_BLOCK && bench.swap_count < swaps; i++) {
		swap_to(client, 1 + (bench.swap_count + 1) % 2, &bench.swaps[bench.swap_count]);
		bench.swap_count++;
		sleep_until(begin + (i + 1) * (uint64_t)SWAP_GAP_NS);
	}
	atomic_store(&bench.load, false);
}

/* ---- What came out ---- */

/* Whether version @p reply.version was active at some moment between its send and its receipt. */
static bool was_active(const struct reply *reply)
{
	uint64_t version = 1, since = 0; /* the earliest at which it can have become the active one */

	for (unsigned i = 0; i <= bench.swap_count; i++) {
		uint64_t until = i < bench.swap_count ? bench.swaps[i].answered : UINT64_MAX; /* the latest at which it can have been it */

		if (version == reply->version && since <= reply->received && until >= reply->sent)
			return true;
		if (i < bench.swap_count) {
			version = bench.swaps[i].version;
			since = bench.swaps[i].asked;
		}
	}
	return false;
}

struct outcome {
	size_t replies, failed, wrong;
	struct samples latency[2]; /* steady, busy */
	struct samples ratios;     /* of the p99 of a busy block by that of the steady one before it, in thousandths */
};

static void take_block(struct outcome *outcome, unsigned block, size_t total, uint64_t *ret_p99)
{
	struct samples latency;

	samples_init(&latency, total);
	for (unsigned i = 0; i < CLIENTS; i++) {
		for (size_t k = 0; k < bench.clients[i].count; k++) {
			const struct reply *reply = &bench.clients[i].replies[k];

			if (reply->block != block)
				continue;
			samples_add(&latency, reply->received - reply->sent);
			samples_add(&outcome->latency[block % 2], reply->received - reply->sent);
		}
	}
	*ret_p99 = samples_percentile(&latency, 0.99);
	samples_finish(&latency);
}

static void evaluate(struct outcome *outcome, unsigned blocks)
{
	size_t total = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		total += bench.clients[i].count;
	*outcome = (struct outcome){.replies = total};
	for (unsigned i = 0; i < 2; i++)
		samples_init(&outcome->latency[i], total);
	samples_init(&outcome->ratios, blocks);
	for (unsigned i = 0; i < CLIENTS; i++) {
		for (size_t k = 0; k < bench.clients[i].count; k++) {
			const struct reply *reply = &bench.clients[i].replies[k];

			outcome->failed += reply->version == 0;
			outcome->wrong += reply->version != 0 && !was_active(reply);
		}
	}
	for (unsigned block = 0; block + 1 < blocks; block += 2) {
		uint64_t steady, busy;

		take_block(outcome, block, total, &steady);
		take_block(outcome, block + 1, total, &busy);
		samples_add(&outcome->ratios, steady ? busy * 1000 / steady : 0);
	}
}

static bool print_outcome(struct outcome *outcome, const char *busy, double allowed)
{
	const char *const names[] = {"steady", busy};

	printf("failed: %zu; answered by a version that was not active then: %zu\n", outcome->failed, outcome->wrong);
	for (unsigned i = 0; i < 2; i++)
		printf("%-7s p50 %8.1f us   p99 %8.1f us   %zu requests\n", names[i], (double)samples_percentile(&outcome->latency[i], 0.5) / 1000,
		       (double)samples_percentile(&outcome->latency[i], 0.99) / 1000, outcome->latency[i].count);
	printf("p99 of %s by steady: %.3f over all, %.3f is the median of blocks (%.2f is allowed)\n", busy,
	       (double)samples_percentile(&outcome->latency[1], 0.99) / (double)samples_percentile(&outcome->latency[0], 0.99),
	       (double)samples_percentile(&outcome->ratios, 0.5) / 1000, allowed);
	return outcome->failed == 0 && outcome->wrong == 0;
}

static bool swap_under_load(struct tfl_client *client, unsigned swaps)
{
	unsigned blocks = 2 * ((swaps + SWAPS_A_BLOCK - 1) / SWAPS_A_BLOCK);
	struct outcome outcome;
	pthread_t loading;

	bench.swaps = calloc(swaps, sizeof(*bench.swaps));
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_create(&bench.clients[i].thread, NULL, ask, &bench.clients[i]);
	pthread_create(&loading, NULL, load_and_erase, NULL);
	for (unsigned block = 0; block < blocks; block++) {
		uint64_t begin = now_ns();

		atomic_store(&bench.block, block);
		if (block % 2)
			busy_block(client, swaps);
		else
			sleep_until(begin + BLOCK_NS);
	}
	atomic_store(&bench.block, blocks); /* what comes while the last load ends is in none */
	atomic_store(&bench.stop, true);
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(bench.clients[i].thread, NULL);
	pthread_join(loading, NULL);
	evaluate(&outcome, blocks);
	printf("%zu requests, %u swaps, %u loads of a third version meanwhile\n", outcome.replies, bench.swap_count, atomic_load(&bench.loads));
	return print_outcome(&outcome, "busy", 1.25);
}

/* ---- A shadow ---- */

static void set_shadow(struct tfl_client *client, uint64_t version)
{
	const struct tfl_route_options route = {.size = sizeof(route), .shadow = version, .no_shadow = !version};
	struct tfl_call_error error;

	if (tfl_client_set_route(client, "m", &route, NULL, &error) < 0)
		die("a shadow", error.message);
}

struct shadowing {
	uint64_t run, dropped, agreed, rows;
	double p50_ns; /* processor time, of the last block */
};

/* Before it is cleared, which forgets it. */
static void add_shadowing(struct tfl_client *client, struct shadowing *sum)
{
	struct tfl_value *value = NULL;
	const struct tfl_value *shadow, *agreement;
	struct tfl_call_error error;

	if (tfl_client_stats(client, "m", &value, &error) < 0)
		die("stats", error.message);
	shadow = tfl_value_get(tfl_value_at(tfl_value_get(value, "versions"), 1), "shadow");
	agreement = tfl_value_at(tfl_value_get(shadow, "agreement"), 0);
	sum->run += tfl_value_uint(tfl_value_get(agreement, "compared"), 0);
	sum->dropped += tfl_value_uint(tfl_value_get(shadow, "dropped"), 0);
	sum->agreed += tfl_value_uint(tfl_value_get(agreement, "agreed"), 0);
	sum->rows += tfl_value_uint(tfl_value_get(agreement, "rows"), 0);
	sum->p50_ns = tfl_value_double(tfl_value_get(tfl_value_get(shadow, "compute"), "p50_ns"), 0);
	tfl_value_destroy(value);
}

static bool shadow_under_load(struct tfl_client *client, unsigned pairs)
{
	struct shadowing sum = {0};
	struct outcome outcome;

	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_create(&bench.clients[i].thread, NULL, ask, &bench.clients[i]);
	for (unsigned block = 0; block < 2 * pairs; block++) {
		uint64_t begin = now_ns();

		set_shadow(client, block % 2 ? 2 : 0);
		atomic_store(&bench.block, block);
		sleep_until(begin + BLOCK_NS);
		if (block % 2)
			add_shadowing(client, &sum);
	}
	atomic_store(&bench.stop, true);
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(bench.clients[i].thread, NULL);
	evaluate(&outcome, 2 * pairs);
	printf("%zu requests; the shadow ran %llu of those of its blocks (%.2f ms of processor time), %llu were not copied; the same class in %llu of %llu\n",
	       outcome.replies, (unsigned long long)sum.run, sum.p50_ns / 1e6, (unsigned long long)sum.dropped, (unsigned long long)sum.agreed,
	       (unsigned long long)sum.rows);
	return print_outcome(&outcome, "shadow", 1.1);
}

/* ---- Loading for ever ---- */

static size_t resident(pid_t pid)
{
	char path[64], line[128];
	unsigned long kilobytes = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmRSS: %lu", &kilobytes);
	if (file)
		fclose(file);
	return kilobytes << 10;
}

static void load_for_ever(struct tfl_client *client, unsigned rounds)
{
	struct samples early, late;
	size_t memory[2] = {0};

	samples_init(&early, WARM_ROUNDS);
	samples_init(&late, WARM_ROUNDS);
	for (unsigned round = 1; round <= rounds; round++) {
		struct tfl_call_error error;
		uint64_t begin = now_ns();
		struct swap swap;

		load(client, "m@3", bench.third);
		samples_add(round <= WARM_ROUNDS ? &early : &late, now_ns() - begin);
		if (round <= rounds - WARM_ROUNDS)
			late.count = 0;
		swap_to(client, 3, &swap);
		swap_to(client, 1, &swap);
		if (tfl_client_unload(client, "m@3", true, NULL, &error) < 0)
			die("unloading", error.message);
		if (round == WARM_ROUNDS || round == rounds)
			memory[round == rounds] = resident(bench.tfld.pid);
	}
	printf("memory after %u rounds of load, swap, unload %.2f MiB, after %u %.2f MiB: %.4f (1.01 is allowed)\n", WARM_ROUNDS,
	       (double)memory[0] / 1048576, rounds, (double)memory[1] / 1048576, (double)memory[1] / (double)memory[0]);
	printf("a load in the first %u rounds %.2f ms, in the last %u %.2f ms: %.3f\n", WARM_ROUNDS, (double)samples_percentile(&early, 0.5) / 1e6,
	       WARM_ROUNDS, (double)samples_percentile(&late, 0.5) / 1e6,
	       (double)samples_percentile(&late, 0.5) / (double)samples_percentile(&early, 0.5));
}

/* What a load takes, by the kernel's account and by the daemon's, and how much of it an unload gives back. */
static void load_and_give_back(struct tfl_client *client)
{
	struct tfl_value *value = NULL;
	const struct tfl_value *memory;
	struct tfl_call_error error;
	size_t before = resident(bench.tfld.pid), with, after;
	uint64_t told;

	load(client, "m@3", bench.third);
	with = resident(bench.tfld.pid);
	if (tfl_client_describe(client, "m@3", &value, &error) < 0)
		die("describing", error.message);
	memory = tfl_value_get(value, "memory");
	told = tfl_value_uint(tfl_value_get(memory, "file"), 0) + tfl_value_uint(tfl_value_get(memory, "packed"), 0) +
	       tfl_value_uint(tfl_value_get(memory, "interpreters"), 0);
	tfl_value_destroy(value);
	if (tfl_client_unload(client, "m@3", true, NULL, &error) < 0)
		die("unloading", error.message);
	after = resident(bench.tfld.pid);
	printf("one more version: %.2f MiB (file, packed weights and interpreters are %.2f MiB), of which an unload gives back %.2f MiB\n",
	       ((double)with - (double)before) / 1048576, (double)told / 1048576, ((double)with - (double)after) / 1048576);
}

int main(int argc, char **argv)
{
	unsigned swaps = 200, rounds = 1000, pairs = 0;
	struct tfl_client *client;
	bool good;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "--swaps") == 0)
			swaps = parse_count(argv[i], argv[i + 1]);
		else if (strcmp(argv[i], "--rounds") == 0)
			rounds = parse_count(argv[i], argv[i + 1]);
		else if (strcmp(argv[i], "--shadow") == 0)
			pairs = parse_count(argv[i], argv[i + 1]);
		else
			break;
	}
	if (i + 3 != argc) {
		fprintf(stderr, "usage: bench/swap [--swaps N] [--rounds N] [--shadow N] TFLD A.tflite B.tflite\n");
		return 2;
	}
	served_at_failure = finish;
	bench.third = argv[i + 1];
	served_start(&bench.tfld, argv[i], "");
	client = connect_to(&bench.tfld);
	load(client, "m@1", argv[i + 1]);
	load(client, "m@2", argv[i + 2]);
	good = pairs ? shadow_under_load(client, pairs) : swap_under_load(client, swaps);
	if (!pairs && rounds > WARM_ROUNDS)
		load_for_ever(client, rounds);
	if (!pairs)
		load_and_give_back(client);
	tfl_client_destroy(client);
	finish();
	return good ? 0 : 1;
}
