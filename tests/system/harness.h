/* SPDX-License-Identifier: MIT */
/*
 * The real tfld in a folder of its own: started, looked at from outside, stopped. Every function ends the test (ck_abort) when something is
 * not as it has to be, so tests read straight. The daemon dies with the test, however the test ends.
 *
 *	struct daemon tfld;
 *
 *	daemon_prepare(&tfld);                            a folder, nothing runs
 *	daemon_add_model(&tfld, "tiny", 1, data, size);
 *	daemon_start(&tfld, "[users]\nbytes = 1M\n");     until it accepts connections
 *	daemon_wait_ready(&tfld);                         until nothing is being loaded
 *	fd = daemon_connect(&tfld);
 *	daemon_stop(&tfld);                               SIGTERM, exit status 0, no report of a sanitizer; the folder goes
 *
 * The binary is the one that $TFLD names.
 */
#ifndef TESTS_SYSTEM_HARNESS_H
#define TESTS_SYSTEM_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What comes at last is waited for so long: on a machine that has other things to do, loads, which are idle by priority, take their time. */
#define PATIENCE_NS UINT64_C(60000000000)

struct manager;

struct daemon {
	pid_t pid; /* 0: does not run */
	char folder[64];
	char models[96];
	char socket[128];
	char admin_socket[128];
	char log[96]; /* its stderr */
	char configuration[96];
	bool split; /* set before the start: administration has a socket of its own */
	const struct manager *manager; /* that it runs under (manager.h); NULL: none */
};

/** Makes the folder with an empty models folder in it. */
void daemon_prepare(struct daemon *daemon);

/** Puts a model file into the models folder as somebody would by hand. Before the start. */
void daemon_add_model(const struct daemon *daemon, const char *model, unsigned version, const void *data, size_t size);

/** Starts it with @p configuration as its configuration file (NULL: an empty one), and waits until it accepts connections. */
void daemon_start(struct daemon *daemon, const char *configuration);

/** The same without waiting for anything. */
void daemon_launch(struct daemon *daemon, const char *configuration);

/** Ends it in order and starts it again over the same folder. */
void daemon_restart(struct daemon *daemon, const char *configuration);

/** Starts it and waits for its end, for a start that has to fail. Its exit status. */
int daemon_start_failing(struct daemon *daemon, const char *configuration);

/** Waits until it has a child process, which proves a file. How many it has, dead ones too. */
void daemon_wait_proof(const struct daemon *daemon);
unsigned daemon_children(const struct daemon *daemon);

/** Waits until no version is START or LOADING. */
void daemon_wait_ready(const struct daemon *daemon);

/** Waits until @p count workers are busy, as stats tells. */
void daemon_wait_busy(const struct daemon *daemon, unsigned count);

/** Waits until it counts @p count open connections, that of @p fd among them: closed ones are counted for a moment longer. */
void daemon_wait_connections(int fd, unsigned count);

/** A connection to the first socket, or to the one at @p path. */
int daemon_connect(const struct daemon *daemon);
int daemon_connect_to(const char *path);

/** Whether this process may become other users; where not, the reason is printed, and the test passes over what needs that. */
bool daemon_may_change_users(void);

/**
 * Runs @p body in a child with this user, group, and these supplementary groups, whose failed assertions fail the test. Nothing, where
 * that may not be.
 */
void daemon_as(uid_t uid, gid_t gid, const gid_t *groups, size_t count, void (*body)(void));

/** Waits for its end. Its exit status; 128 and more: the signal. */
int daemon_wait(struct daemon *daemon);

/** Ends it in order, checks that it ended well, and removes the folder. */
void daemon_stop(struct daemon *daemon);

/** Checks its log for reports of sanitizers, and removes the folder. For a daemon that has ended. */
void daemon_finish(struct daemon *daemon);

/** How often its log has @p text by now. */
unsigned daemon_times_logged(const struct daemon *daemon, const char *text);

/** Whether its log has @p text by now, or gets it within some seconds. */
bool daemon_logged(const struct daemon *daemon, const char *text);

/** Whether there is a file at @p path with @p text in it. */
bool daemon_file_has(const char *path, const char *text);

/** From /proc: descriptors it has open, its resident memory in bytes, the processor time it has used in nanoseconds. */
unsigned daemon_descriptors(const struct daemon *daemon);
size_t daemon_memory(const struct daemon *daemon);
uint64_t daemon_cpu_ns(const struct daemon *daemon);

/** The most that its resident memory has ever been, in bytes; what a child took is not its parent's. */
size_t daemon_memory_peak(const struct daemon *daemon);

/** The descriptors it has open when their number has not changed for a while, and none of its threads was at work. */
unsigned daemon_steady_descriptors(const struct daemon *daemon);

/** Waits until the daemon has @p count descriptors open; what it has after some seconds at most. */
unsigned daemon_settled_descriptors(const struct daemon *daemon, unsigned count);

/** Whether memory that is freed is given back: not under the address and thread sanitizers. */
bool daemon_memory_counts(void);

/** CLOCK_MONOTONIC, nanoseconds. */
uint64_t now_ns(void);

#endif
