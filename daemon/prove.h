/* SPDX-License-Identifier: MIT */
/*
 * The proof of a model file: a throwaway child process, this same program, loads and runs it first. A file that crashes, loops or eats
 * memory ends the child; what the daemon gets is a sentence.
 *
 * The child has the file, a pipe, and the priority of the thread that starts it, and gives up the rest (proof_child.h). It is started by
 * vfork() and exec, so that the size of the daemon costs nothing; is killed when its report is whole, when it has no time left, or when the
 * load is given up; and is always reaped. Its limits are processor time and memory. The clock on the wall is a distant backstop: at idle
 * priority on a busy device, little work takes long.
 */
#ifndef DAEMON_PROVE_H
#define DAEMON_PROVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tfl_error;
struct tfl_proof;

struct tfl_prove_options {
	const char *program;  /* run as "PROGRAM --prove MEMORY SECONDS ITERATIONS MILLISECONDS"; NULL: this one */
	uint64_t memory;      /* bytes beyond program and file; 0: half of the memory that the device has */
	uint64_t cpu_ms;      /* of processor time, rounded up to seconds */
	uint64_t loop_iterations, loop_ms; /* that the loops of one inference may take; 0: as tfl_program_options has it */
	uint64_t wall_ms;     /* at most, in any case; 0: two minutes and 10 times cpu_ms */
	uint64_t grace_ms;    /* for ending, from the end of its report on; 0: ten seconds */
	void (*meanwhile)(void *data); /* called a few times a second while the child works, for what else the thread has to do; NULL: nothing */
	void *data;
};

/**
 * Proves the file behind @p fd. @p samples is a folder of samples, or -1. Both stay the caller's. Waits for the child; looks at
 * @p cancelled (may be NULL) a few times a second. The thread must outlive the call, because the child ends with it.
 * Errors, all of them with a sentence: what the child says of the file as tfl_version_load() says it; -ENOEXEC when it crashed, made a call
 * that no model needs, or answered a sample wrongly; -EFBIG past a limit; -ECANCELED; -ECHILD when it could not be started.
 */
int tfl_prove(const struct tfl_prove_options *options, int fd, int samples, const atomic_bool *cancelled, struct tfl_proof *ret_proof,
	      struct tfl_error *error);

#endif
