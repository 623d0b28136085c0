/* SPDX-License-Identifier: MIT */
/*
 * A tfld of a benchmark's own: private folder, private socket, ended with the benchmark. What cannot be done ends the program with a
 * sentence.
 */
#ifndef BENCH_SERVED_H
#define BENCH_SERVED_H

#include <sys/types.h>

struct served {
	char folder[64]; /* below /tmp, removed in the end; files may be put there */
	char socket[80];
	pid_t pid;
};

/** Starts the daemon whose binary is @p tfld; @p settings are lines for its configuration, behind [requests]. */
void served_start(struct served *served, const char *tfld, const char *settings);

/** Ends it and removes its folder; zeroed memory is allowed. */
void served_stop(struct served *served);

/** Called by die() before the program ends. */
extern void (*served_at_failure)(void);

/** Ends the program with status 1: "what: why". */
void die(const char *what, const char *why) __attribute__((noreturn));

#endif
