/* SPDX-License-Identifier: MIT */
/*
 * tfld: reads its configuration, sets the process up, and serves until a signal ends it.
 *
 * Exit status: 0 after an orderly stop, 1 when it could not start, 2 for a command line or configuration that is wrong.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/activation.h"
#include "daemon/check.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/mistakes.h"
#include "daemon/proof_child.h"
#include "daemon/server.h"

/* Connections are descriptors, and the usual soft limit of 1024 is there for select(), which is not used here. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * A peer that goes away is an error of a send, a file past RLIMIT_FSIZE one of a write. SIGHUP is for a daemon that serves. Whoever starts tfld
 * may have ignored SIGCHLD, and then the kernel reaps children itself: how a proof ended would be lost, and its number somebody else's.
 */
static void set_signals(void)
{
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static void log_doubt(void *data, const char *sentence)
{
	tfl_log_warning("%s", sentence);
}

static int serve(const struct tfl_config *config)
{
	TFL_CLEANUP(tfl_activation_finish) struct tfl_activation activation = TFL_ACTIVATION_NONE;
	struct tfl_server *server;
	struct tfl_error error;

	tfl_config_doubts(config, log_doubt, NULL);
	if (tfl_activation_take(&activation, &error) < 0 || tfl_server_create(config, &activation, &server, &error) < 0) {
		tfl_log_error("%s", error.text);
		return 1;
	}
	tfl_server_run(server);
	tfl_server_destroy(server);
	return 0;
}

static int print_mistakes(const struct tfl_mistakes *mistakes)
{
	for (unsigned i = 0; i < mistakes->count; i++)
		fprintf(stderr, "tfld: %s\n", mistakes->list[i].text);
	if (mistakes->left_out > 0)
		fprintf(stderr, "tfld: … and %u more\n", mistakes->left_out);
	return 2;
}

/*
 * The tfld that serves says itself what is wrong; this one is for whoever waits for the command: a service manager, which then knows that the
 * reload failed.
 */
static int reload(const struct tfl_config *config, bool readable)
{
	FILE *nowhere = fopen("/dev/null", "we");

	if (kill(config->process, SIGHUP) < 0) {
		fprintf(stderr, "tfld: process %d cannot be told to reload: %s\n", config->process, strerror(errno));
		return 1;
	}
	if (readable && nowhere && tfl_check(config, nowhere, nowhere) == 0)
		return 0;
	fputs("tfld: the configuration has mistakes and is not taken over; 'tfld --check-config' lists them\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static struct tfl_mistakes mistakes;
	static struct tfl_config config;

	if (argc > 1 && strcmp(argv[1], TFL_PROVE_OPTION) == 0)
		return tfl_proof_child(argc, argv);
	if (tfl_config_parse(argc, argv, &config, &mistakes) < 0)
		return config.action == TFL_CONFIG_RELOAD ? reload(&config, false) : print_mistakes(&mistakes);
	switch (config.action) {
	case TFL_CONFIG_HELP:
		tfl_config_print_help(stdout);
		return 0;
	case TFL_CONFIG_VERSION:
		printf("tfld %s\n", TFL_PROJECT_VERSION);
		return 0;
	case TFL_CONFIG_CHECK:
		return tfl_check(&config, stdout, stderr) < 0 ? 2 : 0;
	case TFL_CONFIG_RELOAD:
		return reload(&config, true);
	case TFL_CONFIG_RUN:
		break;
	}
	tfl_log_init((int)config.log_level);
	raise_descriptor_limit();
	set_signals();
	return serve(&config);
}
