/* SPDX-License-Identifier: MIT */
/*
 * What a load has besides packing: the time from a verified copy to AVAILABLE (verify, build, pack, warm up; no copy, hash, fsync or proof)
 * against what XNNPACK spends on packing the weights of the same file, which is the creation of the first interpreter's runtimes. Both are
 * measured in the same load, by linking XNNPACK's functions through the ones below; where the rest goes is shown too. Loads with a proof,
 * as the daemon makes them, and without, when the program runs once here, take turns.
 *
 *   bench/load [--rounds N] [--instances N] FILE...
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xnnpack.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/version.h"
#include "measure.h"

#define CREATES_MAX 65536

/* Of the load under way. */
static struct {
	uint64_t create_ns[CREATES_MAX]; /* of each runtime, those of the first interpreter first */
	unsigned creates;
	uint64_t reshape_ns, invoke_ns;
} spent;

enum xnn_status __real_xnn_create_runtime_v4(xnn_subgraph_t subgraph, xnn_weights_cache_t cache, xnn_workspace_t workspace, pthreadpool_t pool,
					     uint32_t flags, xnn_runtime_t *ret_runtime);
enum xnn_status __wrap_xnn_create_runtime_v4(xnn_subgraph_t subgraph, xnn_weights_cache_t cache, xnn_workspace_t workspace, pthreadpool_t pool,
					     uint32_t flags, xnn_runtime_t *ret_runtime);
enum xnn_status __real_xnn_reshape_runtime(xnn_runtime_t runtime);
enum xnn_status __wrap_xnn_reshape_runtime(xnn_runtime_t runtime);
enum xnn_status __real_xnn_invoke_runtime(xnn_runtime_t runtime);
enum xnn_status __wrap_xnn_invoke_runtime(xnn_runtime_t runtime);

/* Without a cache it is a question whether XNNPACK takes some nodes. */
enum xnn_status __wrap_xnn_create_runtime_v4(xnn_subgraph_t subgraph, xnn_weights_cache_t cache, xnn_workspace_t workspace, pthreadpool_t pool,
					     uint32_t flags, xnn_runtime_t *ret_runtime)
{
	uint64_t began = now_ns();
	enum xnn_status status = __real_xnn_create_runtime_v4(subgraph, cache, workspace, pool, flags, ret_runtime);

	if (cache && spent.creates < CREATES_MAX)
		spent.create_ns[spent.creates++] = now_ns() - began;
	return status;
}

enum xnn_status __wrap_xnn_reshape_runtime(xnn_runtime_t runtime)
{
	uint64_t began = now_ns();
	enum xnn_status status = __real_xnn_reshape_runtime(runtime);

	spent.reshape_ns += now_ns() - began;
	return status;
}

enum xnn_status __wrap_xnn_invoke_runtime(xnn_runtime_t runtime)
{
	uint64_t began = now_ns();
	enum xnn_status status = __real_xnn_invoke_runtime(runtime);

	spent.invoke_ns += now_ns() - began;
	return status;
}

enum { PACK, SHARE, RESHAPE, RUN, REST, UNPROVEN, PROVEN, STAGES };

static const char *const stage_names[STAGES] = {"pack", "share", "reshape", "run", "rest", "unproven", "proven"};

struct scene {
	int fd;
	unsigned instances;
	uint64_t run_ns;
	struct samples stages[STAGES];
};

static uint64_t sum_of(const uint64_t *values, unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += values[i];
	return sum;
}

/* An unproven load tells where its time went. */
static void take_apart(struct scene *scene, uint64_t whole)
{
	unsigned first = spent.creates / scene->instances;
	uint64_t pack = sum_of(spent.create_ns, first), share = sum_of(spent.create_ns + first, spent.creates - first);

	samples_add(&scene->stages[PACK], pack);
	samples_add(&scene->stages[SHARE], share);
	samples_add(&scene->stages[RESHAPE], spent.reshape_ns);
	samples_add(&scene->stages[RUN], spent.invoke_ns);
	samples_add(&scene->stages[REST], whole - pack - share - spent.reshape_ns - spent.invoke_ns);
	samples_add(&scene->stages[UNPROVEN], whole);
}

/* From memory that the process does not have yet, as the loader's thread, which gives back what it frees. */
static int load(struct scene *scene, bool proven, struct tfl_error *error)
{
	static atomic_bool never;
	struct tfl_version *version;
	uint64_t began, whole;
	int result;

	if (tfl_version_create("bench", 1, NULL, NULL, &version) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory");
	if (proven) {
		strcpy(version->proof.time, "now");
		version->proof.run_ns = scene->run_ns;
	}
	malloc_trim(0);
	memset(&spent, 0, sizeof(spent));
	began = now_ns();
	result = tfl_version_load(version, scene->fd, scene->instances, &(struct tfl_program_options){.threads = 1}, &never, error);
	whole = now_ns() - began;
	scene->run_ns = version->run_ns;
	tfl_version_unref(version);
	if (result == 0 && proven)
		samples_add(&scene->stages[PROVEN], whole);
	else if (result == 0)
		take_apart(scene, whole);
	return result;
}

static double median_ms(struct samples *samples)
{
	return (double)samples_percentile(samples, 0.5) / 1e6;
}

static int measure(const char *path, unsigned rounds, unsigned instances)
{
	const char *slash = strrchr(path, '/');
	_tfl_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct scene scene = {.fd = fd, .instances = instances};
	struct tfl_error error = {.text = "cannot be opened"};
	bool ok = fd >= 0;

	for (unsigned i = 0; i < STAGES; i++)
		samples_init(&scene.stages[i], rounds);
	for (unsigned i = 0; ok && i < rounds; i++)
		ok = load(&scene, false, &error) == 0 && load(&scene, true, &error) == 0;
	if (ok) {
		printf("%-36.36s", slash ? slash + 1 : path);
		for (unsigned i = 0; i < STAGES; i++)
			printf(" %8.2f", median_ms(&scene.stages[i]));
		printf(" %7.2f %8.2f\n", median_ms(&scene.stages[UNPROVEN]) / median_ms(&scene.stages[PACK]),
		       median_ms(&scene.stages[PROVEN]) / median_ms(&scene.stages[PACK]));
	} else {
		fprintf(stderr, "%s: %s\n", path, error.text);
	}
	for (unsigned i = 0; i < STAGES; i++)
		samples_finish(&scene.stages[i]);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned rounds = 21, instances = 1;
	int at = 1, failed = 0;

	for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
		if (strcmp(argv[at], "--rounds") == 0)
			rounds = parse_count(argv[at], argv[at + 1]);
		else if (strcmp(argv[at], "--instances") == 0)
			instances = parse_count(argv[at], argv[at + 1]);
		else
			break;
	}
	if (at == argc || argv[at][0] == '-' || instances > TFL_INSTANCES_MAX) {
		fprintf(stderr, "usage: load [--rounds N] [--instances 1 to %u] FILE...\n", TFL_INSTANCES_MAX);
		return 2;
	}
	printf("medians of %u rounds with %u interpreter%s, in ms; ratios to pack\n%-36s", rounds, instances, instances == 1 ? "" : "s", "");
	for (unsigned i = 0; i < STAGES; i++)
		printf(" %8s", stage_names[i]);
	printf(" %7s %8s\n", "unprov.", "proven");
	for (; at < argc; at++)
		failed |= measure(argv[at], rounds, instances);
	return failed;
}
