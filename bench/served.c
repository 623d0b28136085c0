/* SPDX-License-Identifier: MIT */
#include "served.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void (*served_at_failure)(void);

void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	if (served_at_failure)
		served_at_failure();
	exit(1);
}

static void make_folder(struct served *served)
{
	strcpy(served->folder, "/tmp/tfl-bench-XXXXXX");
	if (!mkdtemp(served->folder)) {
		served->folder[0] = '\0';
		die("mkdtemp", strerror(errno));
	}
}

static void write_config(const struct served *served, const char *path, const char *settings)
{
	FILE *file = fopen(path, "w");

	if (!file)
		die(path, strerror(errno));
	fprintf(file, "[models]\npath = %s/models\n[sockets]\npath = %s\n[log]\nlevel = warning\n[requests]\n%s\n", served->folder, served->socket,
		settings);
	fclose(file);
}

void served_start(struct served *served, const char *tfld, const char *settings)
{
	char config[80];
	struct stat st;

	make_folder(served);
	snprintf(config, sizeof(config), "%s/config", served->folder);
	snprintf(served->socket, sizeof(served->socket), "%s/socket", served->folder);
	write_config(served, config, settings);
	served->pid = fork();
	if (served->pid < 0)
		die("fork", strerror(errno));
	if (served->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl(tfld, "tfld", "--config", config, (char *)NULL);
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, tfld, strerror(errno));
		_exit(127);
	}
	for (int i = 0; stat(served->socket, &st) < 0; i++) {
		if (i == 500 || waitpid(served->pid, NULL, WNOHANG) != 0)
			die(tfld, "did not open its socket");
		usleep(10000);
	}
}

void served_stop(struct served *served)
{
	char command[128];

	if (served->pid > 0 && kill(served->pid, SIGTERM) == 0)
		waitpid(served->pid, NULL, 0);
	served->pid = 0;
	if (!served->folder[0])
		return;
	snprintf(command, sizeof(command), "rm -rf '%s'", served->folder);
	if (system(command) != 0)
		fprintf(stderr, "%s: %s was left behind\n", program_invocation_short_name, served->folder);
	served->folder[0] = '\0';
}
