/* SPDX-License-Identifier: MIT */
/*
 * What the daemon adds to an exchange of messages: a minimal inference (64 bytes in, 64 bytes out, a model of four operators) through
 * libtflclient and tfld, against a bare ping-pong of 64 bytes between two processes over the same kind of socket.
 *
 *   bench/wire [--rounds N] [--block N] TFLD
 *
 * TFLD is the daemon's binary. Two of them are started on private sockets in a temporary folder: one as it comes, which runs a model this
 * small on the thread that received the request ("inline"), and one with inline = 0, which hands it to a worker as it does with larger
 * models. Pinned: both ends on one CPU; free: wherever the kernel puts them. The kinds of block alternate within one run, so that a change
 * of the machine's mood meets all of them; a ratio is the median over rounds of one block's percentile by its neighbour's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "measure.h"
#include "served.h"
#include "tests/builder/mobilenet.h"
#include "tflclient.h"

#define PAYLOAD 64

enum { INLINE, WORKER, DAEMONS };

struct end {
	struct served tfld;
	struct tfl_client *client;
	struct tfl_infer *infer;
};

struct bench {
	struct end daemons[DAEMONS];
	pid_t echo;
	int echo_fd;
	float input[PAYLOAD / sizeof(float)];
};

static struct bench bench = {.echo_fd = -1};

static void finish(void)
{
	for (int i = 0; i < DAEMONS; i++) {
		struct end *end = &bench.daemons[i];

		tfl_infer_destroy(TFL_STEAL(end->infer));
		tfl_client_destroy(TFL_STEAL(end->client));
		served_stop(&end->tfld);
	}
	if (bench.echo > 0 && kill(bench.echo, SIGTERM) == 0)
		waitpid(bench.echo, NULL, 0);
	tfl_close(bench.echo_fd);
}

static void start_echo(void)
{
	int sockets[2];
	char buffer[PAYLOAD];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		die("socketpair", strerror(errno));
	bench.echo = fork();
	if (bench.echo < 0)
		die("fork", strerror(errno));
	if (bench.echo == 0) {
		close(sockets[0]);
		while (recv(sockets[1], buffer, sizeof(buffer), MSG_WAITALL) == PAYLOAD)
			if (send(sockets[1], buffer, sizeof(buffer), MSG_NOSIGNAL) != PAYLOAD)
				break;
		_exit(0);
	}
	close(sockets[1]);
	bench.echo_fd = sockets[0];
}

static int make_model(const char *folder)
{
	char path[80];
	struct tfl_builder *builder = tfl_build_create();
	_tfl_free_ uint8_t *data = NULL;
	struct tfl_net net = {0};
	size_t size;

	snprintf(path, sizeof(path), "%s/tiny.tflite", folder);
	if (!builder || tfl_net_tiny(&net, 1) < 0 || tfl_net_emit(&net, false, builder) < 0 || tfl_build_finish(builder, &data, &size) < 0 ||
	    tfl_build_save(path, data, size) < 0)
		die(path, "cannot be written");
	tfl_net_finish(&net);
	tfl_build_destroy(builder);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void connect_client(int kind)
{
	struct end *end = &bench.daemons[kind];
	struct tfl_call_error error;
	int fd = make_model(end->tfld.folder);

	if (tfl_client_connect(end->tfld.socket, NULL, &end->client, &error) < 0 || tfl_client_load(end->client, "tiny", fd, NULL, &error) < 0 ||
	    tfl_infer_create("tiny", &end->infer, &error) < 0)
		die("setup", error.message);
	close(fd);
	if (tfl_infer_set_input(end->infer, 0, TFL_FLOAT32, (int32_t[]){1, 16}, 2, bench.input, sizeof(bench.input)) < 0)
		die("setup", tfl_infer_error_message(end->infer));
}

/* Pins every thread of a process to the CPU this one is pinned to, or to all. */
static void pin_process(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	cpu_set_t cpus;
	DIR *tasks;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			sched_setaffinity(atoi(entry->d_name), sizeof(cpus), &cpus);
	if (tasks)
		closedir(tasks);
}

static void place(bool pinned)
{
	pin_to_cpu(pinned ? 0 : -1);
	pin_process(bench.echo);
	for (int i = 0; i < DAEMONS; i++)
		pin_process(bench.daemons[i].tfld.pid);
}

static void ping_pong(struct samples *samples, unsigned count)
{
	char buffer[PAYLOAD] = {0};

	for (unsigned i = 0; i < count; i++) {
		uint64_t begin = now_ns();

		if (send(bench.echo_fd, buffer, sizeof(buffer), MSG_NOSIGNAL) != PAYLOAD ||
		    recv(bench.echo_fd, buffer, sizeof(buffer), MSG_WAITALL) != PAYLOAD)
			die("ping-pong", strerror(errno));
		samples_add(samples, now_ns() - begin);
	}
}

static void infer(const struct end *end, struct samples *samples, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t begin = now_ns();

		if (tfl_client_infer(end->client, end->infer) < 0)
			die("infer", tfl_infer_error_message(end->infer));
		samples_add(samples, now_ns() - begin);
	}
}

#define SHARES 2
static const double shares[SHARES] = {0.5, 0.99};

/* Percentiles of every round's blocks of one kind, and their ratios (in thousandths) to the ping-pong of the same round. */
struct figures {
	struct samples time[SHARES], ratio[SHARES];
};

struct placement {
	struct samples floor[SHARES];
	struct figures daemons[DAEMONS];
};

static void one_round(struct placement *placement, unsigned block)
{
	struct samples samples;
	uint64_t floor[SHARES];

	samples_init(&samples, block);
	ping_pong(&samples, block);
	for (int i = 0; i < SHARES; i++) {
		floor[i] = samples_percentile(&samples, shares[i]);
		samples_add(&placement->floor[i], floor[i]);
	}
	for (int kind = 0; kind < DAEMONS; kind++) {
		samples.count = 0;
		infer(&bench.daemons[kind], &samples, block);
		for (int i = 0; i < SHARES; i++) {
			uint64_t time = samples_percentile(&samples, shares[i]);

			samples_add(&placement->daemons[kind].time[i], time);
			samples_add(&placement->daemons[kind].ratio[i], time * 1000 / floor[i]);
		}
	}
	samples_finish(&samples);
}

static void placement_init(struct placement *placement, unsigned rounds)
{
	for (int i = 0; i < SHARES; i++) {
		samples_init(&placement->floor[i], rounds);
		for (int kind = 0; kind < DAEMONS; kind++) {
			samples_init(&placement->daemons[kind].time[i], rounds);
			samples_init(&placement->daemons[kind].ratio[i], rounds);
		}
	}
}

static void print_placement(const char *name, struct placement *placement)
{
	static const char *const kinds[DAEMONS] = {"inline", "worker"};

	printf("%-8s ping-pong            p50 %7.1f us              p99 %7.1f us\n", name,
	       (double)samples_percentile(&placement->floor[0], 0.5) / 1000, (double)samples_percentile(&placement->floor[1], 0.5) / 1000);
	for (int kind = 0; kind < DAEMONS; kind++) {
		struct figures *figures = &placement->daemons[kind];

		printf("         infer, %-10s  ", kinds[kind]);
		for (int i = 0; i < SHARES; i++) {
			printf(" %s %7.1f us, ratio %5.2f", i ? "p99" : "p50", (double)samples_percentile(&figures->time[i], 0.5) / 1000,
			       (double)samples_percentile(&figures->ratio[i], 0.5) / 1000);
			samples_finish(&figures->time[i]);
			samples_finish(&figures->ratio[i]);
		}
		printf("\n");
	}
	for (int i = 0; i < SHARES; i++)
		samples_finish(&placement->floor[i]);
}

int main(int argc, char **argv)
{
	unsigned rounds = 20, block = 2000;
	struct placement placements[2];
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "--rounds") == 0)
			rounds = parse_count(argv[i], argv[i + 1]);
		else if (strcmp(argv[i], "--block") == 0)
			block = parse_count(argv[i], argv[i + 1]);
		else
			break;
	}
	if (i + 1 != argc) {
		fprintf(stderr, "usage: bench/wire [--rounds N] [--block N] TFLD\n");
		return 2;
	}
	served_at_failure = finish;
	start_echo();
	for (int kind = 0; kind < DAEMONS; kind++) {
		served_start(&bench.daemons[kind].tfld, argv[i], kind == WORKER ? "inline = 0" : "");
		connect_client(kind);
	}
	placement_init(&placements[0], rounds);
	placement_init(&placements[1], rounds);
	for (unsigned round = 0; round < 2 * rounds; round++) {
		place(round % 2 == 0);
		one_round(&placements[round % 2], block);
	}
	print_placement("pinned", &placements[0]);
	print_placement("free", &placements[1]);
	finish();
	return 0;
}
