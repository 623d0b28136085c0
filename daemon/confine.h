/* SPDX-License-Identifier: MIT */
/*
 * What a process gives up before it touches something that may be hostile: memory and processor time past a limit, new descriptors, files,
 * programs, threads, sockets, and every system call that computing does not need. It keeps the descriptors that it has, and may read and
 * write them.
 *
 * Not every kernel has every means (a container without Landlock, qemu's user emulation without seccomp). What it has not is left out and
 * told; the limits alone are everywhere. Under a sanitizer of addresses or threads, whose own memory and system calls are no program's,
 * only the limit of processor time is set: see TFL_CONFINE_RELAXED.
 *
 * For the unit of systemd: the child needs what the daemon needs, and in SystemCallFilter= beside @system-service, by their names, seccomp,
 * landlock_create_ruleset and landlock_restrict_self (the set @sandbox is not there in Debian 12); a filter that kills at them would kill
 * every proof.
 * NoNewPrivileges, MemoryDenyWriteExecute, PrivateNetwork, ProtectSystem and RestrictNamespaces do no harm. It is in the unit's control
 * group: MemoryMax= and TasksMax= count it, and of the group the kernel ends it first (oom_score_adj).
 */
#ifndef DAEMON_CONFINE_H
#define DAEMON_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TFL_CONFINE_RELAXED true
#else
#define TFL_CONFINE_RELAXED false
#endif

struct tfl_error;

/* Means, one bit each. */
enum tfl_confine_means {
	TFL_CONFINE_LIMITS = 1,   /* all of setrlimit()'s, not of processor time alone */
	TFL_CONFINE_LANDLOCK = 2,
	TFL_CONFINE_SECCOMP = 4,
};

struct tfl_confinement {
	uint64_t memory;      /* bytes of address space beyond what the process has when it is confined */
	uint64_t cpu_seconds;
	int report;           /* TFL_CONFINE_CALL and the number of a call that is not allowed are written here, before SIGSYS ends the process */
};

#define TFL_CONFINE_CALL 0x7e

/**
 * Confines the calling process, which has one thread, for good. *ret_means: what is in force. Fails only where a limit cannot be set; where
 * that is so, the process is to end.
 */
int tfl_confine(const struct tfl_confinement *confinement, unsigned *ret_means, struct tfl_error *error);

/** "limits, Landlock and seccomp". Returns @p buffer. */
const char *tfl_confine_means_to_string(unsigned means, char *buffer, size_t size);

/** The name of a system call, or NULL where it is not known. Static or @p buffer. */
const char *tfl_confine_call_name(int number, char *buffer, size_t size);

#endif
