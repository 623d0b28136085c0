/* SPDX-License-Identifier: MIT */
/*
 * Stops threads of a process in the middle of what they do, as a debugger does, for some seconds: those whose names begin with a word.
 *
 *   freeze PID NAME SECONDS
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_called(const char *pid, const char *thread, const char *name)
{
	char path[300], text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/comm", pid, thread);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return strncmp(text, name, strlen(name)) == 0;
}

int main(int argc, char **argv)
{
	char path[64];
	struct dirent *entry;
	unsigned stopped = 0;
	DIR *threads;

	if (argc != 4) {
		fprintf(stderr, "usage: freeze PID NAME SECONDS\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%.20s/task", argv[1]);
	threads = opendir(path);
	while (threads && (entry = readdir(threads))) {
		pid_t thread = (pid_t)atoi(entry->d_name);

		if (thread == 0 || !is_called(argv[1], entry->d_name, argv[2]))
			continue;
		if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) < 0 ||
		    waitpid(thread, NULL, __WALL) != thread) {
			fprintf(stderr, "freeze: thread %d: %s\n", (int)thread, strerror(errno));
			return 1;
		}
		stopped++;
	}
	if (threads)
		closedir(threads);
	printf("stopped %u threads\n", stopped);
	fflush(stdout);
	/* With the end of this process they go on. */
	sleep((unsigned)atoi(argv[3]));
	return stopped == 0;
}
