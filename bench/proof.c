/* SPDX-License-Identifier: MIT */
/*
 * What the proof of a file costs a load: the same file loaded here, as the daemon loads it with one interpreter, and proven by a child
 * process, in turn. The floor is starting the daemon's binary for "--version": what a proof has besides that and the load is the rest.
 *
 *   bench/proof [--rounds N] TFLD FILE...
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/proof.h"
#include "daemon/prove.h"
#include "daemon/version.h"
#include "measure.h"

struct scene {
	const char *tfld;
	struct samples start, load, proof, inside;
	struct tfl_proof last;
};

static int start(struct scene *scene)
{
	char name[] = "tfld", option[] = "--version";
	char *const arguments[] = {name, option, NULL};
	posix_spawn_file_actions_t quiet;
	uint64_t began = now_ns();
	int status, result;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	result = posix_spawn(&pid, scene->tfld, &quiet, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&quiet);
	if (result != 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	samples_add(&scene->start, now_ns() - began);
	return 0;
}

static int load(struct scene *scene, int fd, struct tfl_error *error)
{
	static atomic_bool never;
	struct tfl_version *version;
	uint64_t began = now_ns();

	if (tfl_version_create("bench", 1, NULL, NULL, &version) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory");
	if (tfl_version_load(version, fd, 1, &(struct tfl_program_options){.threads = 1}, &never, error) < 0) {
		tfl_version_unref(version);
		return -1;
	}
	samples_add(&scene->load, now_ns() - began);
	tfl_version_unref(version);
	return 0;
}

static int prove(struct scene *scene, int fd, struct tfl_error *error)
{
	const struct tfl_prove_options options = {.program = scene->tfld, .cpu_ms = 60000};

	if (tfl_prove(&options, fd, -1, NULL, &scene->last, error) < 0)
		return -1;
	samples_add(&scene->proof, scene->last.proof_ns);
	samples_add(&scene->inside, scene->last.load_ns + 2 * scene->last.run_ns);
	return 0;
}

static double median_ms(struct samples *samples)
{
	return (double)samples_percentile(samples, 0.5) / 1e6;
}

static int measure(const char *tfld, const char *path, unsigned rounds)
{
	const char *slash = strrchr(path, '/');
	struct scene scene = {.tfld = tfld};
	_tfl_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct tfl_error error = {.text = "cannot be opened"};
	bool ok = fd >= 0;

	samples_init(&scene.start, rounds);
	samples_init(&scene.load, rounds);
	samples_init(&scene.proof, rounds);
	samples_init(&scene.inside, rounds);
	for (unsigned i = 0; ok && i < rounds; i++)
		ok = start(&scene) == 0 && load(&scene, fd, &error) == 0 && prove(&scene, fd, &error) == 0;
	if (ok)
		printf("%-44.44s %8.2f %8.2f %8.2f %8.2f %7.1f MiB\n", slash ? slash + 1 : path, median_ms(&scene.start), median_ms(&scene.load),
		       median_ms(&scene.proof), median_ms(&scene.inside), (double)scene.last.peak_bytes / (1 << 20));
	else
		fprintf(stderr, "%s: %s\n", path, error.text);
	samples_finish(&scene.start);
	samples_finish(&scene.load);
	samples_finish(&scene.proof);
	samples_finish(&scene.inside);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned rounds = 21;
	int at = 1, failed = 0;

	if (argc > 2 && strcmp(argv[1], "--rounds") == 0) {
		rounds = parse_count(argv[1], argv[2]);
		at = 3;
	}
	if (argc < at + 2) {
		fprintf(stderr, "usage: proof [--rounds N] TFLD FILE...\n");
		return 2;
	}
	printf("medians of %u rounds, in ms\n%-44s %8s %8s %8s %8s %11s\n", rounds, "", "start", "load", "proof", "inside", "peak");
	for (int i = at + 1; i < argc; i++)
		failed |= measure(argv[at], argv[i], rounds);
	return failed;
}
