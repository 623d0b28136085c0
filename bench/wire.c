/* SPDX-License-Identifier: MIT */
/*
 * What the daemon adds to an exchange of messages: a minimal inference (64 bytes in, 64 bytes out, a model of four operators) through
 * libtflclient and tfld, against a bare ping-pong of 64 bytes between two processes over the same kind of socket.
 *
 *   bench/wire [--rounds N] [--block N] TFLD
 *
 * TFLD is the daemon's binary; it is started on a private socket in a temporary folder. Pinned: both ends on one CPU; free: wherever the
 * kernel puts them. The four kinds of block alternate within one run, so that a change of the machine's mood meets all of them; a ratio is
 * the median over rounds of one block's percentile by its neighbour's.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "measure.h"
#include "tests/builder/mobilenet.h"
#include "tflclient.h"

#define PAYLOAD 64

struct bench {
	char folder[64];
	pid_t daemon, echo;
	int echo_fd;
	struct tfl_client *client;
	struct tfl_infer *infer;
	float input[PAYLOAD / sizeof(float)];
};

static struct bench bench = {.echo_fd = -1};

static void finish(void)
{
	char command[128];

	tfl_infer_destroy(TFL_STEAL(bench.infer));
	tfl_client_destroy(TFL_STEAL(bench.client));
	if (bench.daemon > 0 && kill(bench.daemon, SIGTERM) == 0)
		waitpid(bench.daemon, NULL, 0);
	if (bench.echo > 0 && kill(bench.echo, SIGTERM) == 0)
		waitpid(bench.echo, NULL, 0);
	tfl_close(bench.echo_fd);
	if (bench.folder[0]) {
		snprintf(command, sizeof(command), "rm -rf '%s'", bench.folder);
		if (system(command) != 0)
			fprintf(stderr, "wire: %s was left behind\n", bench.folder);
	}
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "wire: %s: %s\n", what, why);
	finish();
	exit(1);
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

static void start_daemon(const char *tfld)
{
	char models[80], path[80];
	struct stat st;

	strcpy(bench.folder, "/tmp/tfl-wire-XXXXXX");
	if (!mkdtemp(bench.folder)) {
		bench.folder[0] = '\0';
		die("mkdtemp", strerror(errno));
	}
	snprintf(models, sizeof(models), "%s/models", bench.folder);
	snprintf(path, sizeof(path), "%s/socket", bench.folder);
	bench.daemon = fork();
	if (bench.daemon < 0)
		die("fork", strerror(errno));
	if (bench.daemon == 0) {
		execl(tfld, "tfld", "--models", models, "--socket", path, "--log-level", "warning", (char *)NULL);
		fprintf(stderr, "wire: %s: %s\n", tfld, strerror(errno));
		_exit(127);
	}
	for (int i = 0; stat(path, &st) < 0; i++) {
		if (i == 500 || waitpid(bench.daemon, NULL, WNOHANG) != 0)
			die(tfld, "did not open its socket");
		usleep(10000);
	}
}

static int make_model(void)
{
	char path[80];
	struct tfl_builder *builder = tfl_build_create();
	_tfl_free_ uint8_t *data = NULL;
	struct tfl_net net = {0};
	size_t size;

	snprintf(path, sizeof(path), "%s/tiny.tflite", bench.folder);
	if (!builder || tfl_net_tiny(&net, 1) < 0 || tfl_net_emit(&net, false, builder) < 0 || tfl_build_finish(builder, &data, &size) < 0 ||
	    tfl_build_save(path, data, size) < 0)
		die(path, "cannot be written");
	tfl_net_finish(&net);
	tfl_build_destroy(builder);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void connect_client(void)
{
	struct tfl_call_error error;
	char path[80];
	int fd = make_model();

	snprintf(path, sizeof(path), "%s/socket", bench.folder);
	if (tfl_client_connect(path, NULL, &bench.client, &error) < 0 || tfl_client_load(bench.client, "tiny", fd, NULL, &error) < 0 ||
	    tfl_infer_create("tiny", &bench.infer, &error) < 0)
		die("setup", error.message);
	close(fd);
	if (tfl_infer_set_input(bench.infer, 0, TFL_FLOAT32, (int32_t[]){1, 16}, 2, bench.input, sizeof(bench.input)) < 0)
		die("setup", tfl_infer_error_message(bench.infer));
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
	pin_process(bench.daemon);
	pin_process(bench.echo);
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

static void infer(struct samples *samples, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t begin = now_ns();

		if (tfl_client_infer(bench.client, bench.infer) < 0)
			die("infer", tfl_infer_error_message(bench.infer));
		samples_add(samples, now_ns() - begin);
	}
}

/* Per placement: percentiles of every round's blocks, and their ratios. */
struct figures {
	struct samples floor[2], served[2], ratio[2]; /* p50, p99; ratios in thousandths */
};

static const double shares[2] = {0.5, 0.99};

static void one_round(struct figures *figures, unsigned block)
{
	struct samples floor, served;

	samples_init(&floor, block);
	samples_init(&served, block);
	ping_pong(&floor, block);
	infer(&served, block);
	for (int i = 0; i < 2; i++) {
		uint64_t bare = samples_percentile(&floor, shares[i]), full = samples_percentile(&served, shares[i]);

		samples_add(&figures->floor[i], bare);
		samples_add(&figures->served[i], full);
		samples_add(&figures->ratio[i], full * 1000 / bare);
	}
	samples_finish(&floor);
	samples_finish(&served);
}

static void print_figures(const char *name, struct figures *figures)
{
	static const char *const titles[2] = {"p50", "p99"};

	for (int i = 0; i < 2; i++) {
		printf("%-8s %s   ping-pong %8.1f us   infer %8.1f us   ratio %5.2f\n", i ? "" : name, titles[i],
		       (double)samples_percentile(&figures->floor[i], 0.5) / 1000, (double)samples_percentile(&figures->served[i], 0.5) / 1000,
		       (double)samples_percentile(&figures->ratio[i], 0.5) / 1000);
		samples_finish(&figures->floor[i]);
		samples_finish(&figures->served[i]);
		samples_finish(&figures->ratio[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = 20, block = 2000;
	struct figures figures[2];
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
	start_echo();
	start_daemon(argv[i]);
	connect_client();
	for (int p = 0; p < 2; p++)
		for (int j = 0; j < 2; j++) {
			samples_init(&figures[p].floor[j], rounds);
			samples_init(&figures[p].served[j], rounds);
			samples_init(&figures[p].ratio[j], rounds);
		}
	for (unsigned round = 0; round < 2 * rounds; round++) {
		place(round % 2 == 0);
		one_round(&figures[round % 2], block);
	}
	print_figures("pinned", &figures[0]);
	print_figures("free", &figures[1]);
	finish();
	return 0;
}
