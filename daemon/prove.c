/* SPDX-License-Identifier: MIT */
/*
 * What comes through the pipe: bytes below 0x10 are phases, TFL_CONFINE_CALL and four bytes are a system call that was not allowed, and
 * anything else begins the report, a MessagePack map, which ends with the pipe or when it is whole. The child may lie in all of it.
 */
#include "daemon/prove.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/confine.h"
#include "daemon/manifest.h"
#include "daemon/proof.h"
#include "daemon/proof_child.h"
#include "proto/reader.h"

#define LOOK_MS 50
#define MEMORY_LEAST (UINT64_C(128) << 20)
#define WALL_MS 120000
#define GRACE_MS 10000
#define PHASES 0x10

struct watch {
	const struct tfl_prove_options *options;
	const atomic_bool *cancelled;
	uint64_t memory, cpu_seconds, started_ns;
	pid_t pid;
	int pipe;
	enum tfl_proof_phase phase;
	int call; /* that was not allowed; -1: none */
	uint8_t bytes[TFL_PROOF_REPORT_MAX]; /* not yet understood, or the report */
	size_t length;
	bool too_long;
};

static uint64_t memory_of(const struct tfl_prove_options *options)
{
	uint64_t half = (uint64_t)sysconf(_SC_PHYS_PAGES) / 2 * (uint64_t)sysconf(_SC_PAGESIZE);

	if (options->memory)
		return options->memory;
	return half > MEMORY_LEAST ? half : MEMORY_LEAST;
}

/* ---- Starting ---- */

/* Three descriptors, out of the way of the numbers that they are to get. */
struct handed {
	int model, report, samples;
};

static void close_handed(struct handed *handed)
{
	tfl_close(handed->model);
	tfl_close(handed->report);
	tfl_close(handed->samples);
}

static int lift(int fd, int *ret_fd)
{
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, TFL_PROVE_FD_SAMPLES + 1);
	return *ret_fd < 0 ? -errno : 0;
}

static int set_files(posix_spawn_file_actions_t *files, const struct handed *handed)
{
	int result = 0;

	for (int fd = 0; result == 0 && fd < 3; fd++)
		/* A sanitizer's report is for the log. */
		if (fd != STDERR_FILENO || !TFL_CONFINE_RELAXED)
			result = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(files, handed->model, TFL_PROVE_FD_MODEL);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(files, handed->report, TFL_PROVE_FD_REPORT);
	if (result == 0 && handed->samples >= 0)
		result = posix_spawn_file_actions_adddup2(files, handed->samples, TFL_PROVE_FD_SAMPLES);
	if (result == 0)
		result = posix_spawn_file_actions_addclosefrom_np(files, TFL_PROVE_FD_SAMPLES + (handed->samples >= 0));
	return result;
}

/* No signal is blocked or ignored: the loader's thread blocks all of them, and main ignores some. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int result;

	sigemptyset(&none);
	sigfillset(&all);
	result = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (result == 0)
		result = posix_spawnattr_setsigmask(attributes, &none);
	return result == 0 ? posix_spawnattr_setsigdefault(attributes, &all) : result;
}

/* 0 or an errno. */
static int spawn(struct watch *watch, const struct handed *handed)
{
	const char *program = watch->options->program ? watch->options->program : "/proc/self/exe";
	char name[] = "tfld", option[] = TFL_PROVE_OPTION, memory[24], seconds[24], iterations[24], loop_ms[24];
	char *const arguments[] = { name, option, memory, seconds, iterations, loop_ms, NULL }, *const nothing[] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int result;

	snprintf(memory, sizeof(memory), "%" PRIu64, watch->memory);
	snprintf(seconds, sizeof(seconds), "%" PRIu64, watch->cpu_seconds);
	snprintf(iterations, sizeof(iterations), "%" PRIu64, watch->options->loop_iterations);
	snprintf(loop_ms, sizeof(loop_ms), "%" PRIu64, watch->options->loop_ms);
	result = posix_spawn_file_actions_init(&files);
	if (result != 0)
		return result;
	result = posix_spawnattr_init(&attributes);
	if (result == 0) {
		result = set_files(&files, handed);
		if (result == 0)
			result = set_signals(&attributes);
		/* A sanitizer takes its options from the environment. */
		if (result == 0)
			result = posix_spawn(&watch->pid, program, &files, &attributes, arguments, TFL_CONFINE_RELAXED ? environ : nothing);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	return result;
}

static int start(struct watch *watch, int fd, int samples, struct tfl_error *error)
{
	TFL_CLEANUP(close_handed) struct handed handed = { -1, -1, -1 };
	_tfl_close_ int reading = -1, writing = -1;
	int ends[2], result;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return tfl_error_set(error, -ECHILD, "the proof of the file cannot be started: no pipe: %s", strerror(errno));
	reading = ends[0];
	writing = ends[1];
	result = lift(fd, &handed.model);
	if (result == 0)
		result = lift(writing, &handed.report);
	if (result == 0 && samples >= 0)
		result = lift(samples, &handed.samples);
	if (result == 0)
		result = -spawn(watch, &handed);
	if (result < 0)
		return tfl_error_set(error, -ECHILD, "the proof of the file cannot be started: %s; where there can be no child process, "
				     "'proof = no' loads files without one", strerror(-result));
	watch->pipe = tfl_steal_fd(&reading);
	return 0;
}

/* ---- Listening ---- */

/* Takes phases and calls off the front; what is left is the report. */
static void understand(struct watch *watch)
{
	size_t at = 0;

	while (at < watch->length) {
		uint8_t byte = watch->bytes[at];

		if (byte == TFL_CONFINE_CALL && watch->length - at >= 5) {
			memcpy(&watch->call, watch->bytes + at + 1, 4);
			at += 5;
		} else if (byte < PHASES) {
			watch->phase = byte < TFL_PROOF_PHASE_COUNT ? (enum tfl_proof_phase)byte : watch->phase;
			at++;
		} else {
			break;
		}
	}
	memmove(watch->bytes, watch->bytes + at, watch->length - at);
	watch->length -= at;
}

static bool report_is_whole(const struct watch *watch)
{
	return watch->length > 0 && watch->bytes[0] != TFL_CONFINE_CALL &&
	       tfl_reader_validate((struct tfl_slice){ watch->bytes, watch->length }, NULL) == 0;
}

/* Whether more may come. */
static bool listen_once(struct watch *watch)
{
	struct pollfd poller = { watch->pipe, POLLIN, 0 };
	ssize_t length;

	if (poll(&poller, 1, LOOK_MS) <= 0)
		return true;
	length = read(watch->pipe, watch->bytes + watch->length, sizeof(watch->bytes) - watch->length);
	if (length < 0)
		return errno == EINTR || errno == EAGAIN;
	if (length == 0)
		return false;
	watch->length += (size_t)length;
	understand(watch);
	watch->too_long = watch->length == sizeof(watch->bytes);
	return !watch->too_long && !report_is_whole(watch);
}

static bool is_cancelled(const struct watch *watch)
{
	return watch->cancelled && atomic_load(watch->cancelled);
}

static bool is_past(uint64_t since_ns, uint64_t ms)
{
	return (tfl_clock_ns() - since_ns) / 1000000 >= ms;
}

static uint64_t wall_ms(const struct watch *watch)
{
	return watch->options->wall_ms ? watch->options->wall_ms : WALL_MS + 10 * watch->options->cpu_ms;
}

/* How it was when the parent had to end it. */
enum ending { BY_ITSELF, WHOLE, GIVEN_UP, TOO_LATE, TOO_LONG, SILENT };

static enum ending listen_to(struct watch *watch)
{
	while (listen_once(watch)) {
		if (watch->options->meanwhile)
			watch->options->meanwhile(watch->options->data);
		if (is_cancelled(watch))
			return GIVEN_UP;
		if (is_past(watch->started_ns, wall_ms(watch)))
			return TOO_LATE;
	}
	if (watch->too_long)
		return TOO_LONG;
	return report_is_whole(watch) ? WHOLE : BY_ITSELF;
}

/* Waits for the end of a child that has said all, and kills one that is to end. It is not reaped before, so the number is its own. */
static enum ending reap(struct watch *watch, enum ending ending, int *ret_status, struct rusage *ret_usage)
{
	const uint64_t grace = watch->options->grace_ms ? watch->options->grace_ms : GRACE_MS, ended_ns = tfl_clock_ns();
	const struct timespec moment = { 0, 2000000 };
	pid_t pid;

	while (ending == BY_ITSELF) {
		pid = wait4(watch->pid, ret_status, WNOHANG, ret_usage);
		if (pid == watch->pid)
			return ending;
		if (is_cancelled(watch))
			ending = GIVEN_UP;
		else if (is_past(ended_ns, grace))
			ending = SILENT;
		else
			nanosleep(&moment, NULL);
	}
	kill(watch->pid, SIGKILL);
	do
		pid = wait4(watch->pid, ret_status, 0, ret_usage);
	while (pid < 0 && errno == EINTR);
	assert(pid == watch->pid);
	return ending;
}

/* ---- Explaining ---- */

static const char *doing(const struct watch *watch)
{
	static const char *const phases[TFL_PROOF_PHASE_COUNT] = {
		"before the file was looked at", "while the file was being verified", "while it was being built", "while it was being run",
		"while it was being run on samples",
	};

	return phases[watch->phase];
}

static int past_cpu(const struct watch *watch, struct tfl_error *error)
{
	return tfl_error_set(error, -EFBIG, "the proof of the file used more than %" PRIu64 " s of processor time %s ('proof_time' allows "
			     "more)", watch->cpu_seconds, doing(watch));
}

static int explain_call(const struct watch *watch, struct tfl_error *error)
{
	char buffer[64];
	const char *name = watch->call >= 0 ? tfl_confine_call_name(watch->call, buffer, sizeof(buffer)) : NULL;

	return tfl_error_set(error, -ENOEXEC, "the proof of the file made a system call that no model needs (%s) %s",
			     name ? name : "an unknown one", doing(watch));
}

static uint64_t cpu_ms(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
	       (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
}

/* Of a child that ended without a report, by a signal that the parent did not send. */
static int explain_signal(const struct watch *watch, int number, const struct rusage *usage, struct tfl_error *error)
{
	const char *name = sigabbrev_np(number);

	if (number == SIGXCPU || (number == SIGKILL && cpu_ms(usage) >= watch->cpu_seconds * 1000))
		return past_cpu(watch, error);
	if (number == SIGSYS)
		return explain_call(watch, error);
	if (number == SIGKILL)
		return tfl_error_set(error, -ENOMEM, "the proof of the file was killed from outside %s, as the kernel does where memory is "
				     "short", doing(watch));
	return tfl_error_set(error, -ENOEXEC, "the proof of the file ended by a crash (SIG%s) %s", name ? name : "?", doing(watch));
}

static int explain_silence(const struct watch *watch, int status, const struct rusage *usage, struct tfl_error *error)
{
	if (WIFSIGNALED(status))
		return explain_signal(watch, WTERMSIG(status), usage, error);
	return tfl_error_set(error, -ENOEXEC, "the proof of the file ended without a report (exit status %d) %s", WEXITSTATUS(status),
			     doing(watch));
}

/* A failure that the child found itself. What is no word about a file is not believed to be one. */
static int explain_failure(const struct watch *watch, const struct tfl_error *failure, struct tfl_error *error)
{
	static const int codes[] = { -ENOEXEC, -EOPNOTSUPP, -EFBIG, -ENOTSUP };

	if (failure->code == -ENOMEM)
		return tfl_error_set(error, -EFBIG, "the proof of the file needed more than %" PRIu64 " MiB of memory %s ('proof_memory' allows "
				     "more): %s", watch->memory >> 20, doing(watch), failure->text);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(codes); i++)
		if (codes[i] == failure->code)
			return tfl_error_set(error, failure->code, "%s", failure->text);
	return tfl_error_set(error, -ENOEXEC, "%s", failure->text);
}

static int take_report(const struct watch *watch, struct tfl_proof *ret_proof, struct tfl_error *error)
{
	struct tfl_error failure, why;
	struct tfl_proof proof;
	int result;

	result = tfl_proof_report_parse((struct tfl_slice){ watch->bytes, watch->length }, &proof, &failure, &why);
	if (result < 0)
		return tfl_error_set(error, -ENOEXEC, "the proof of the file gave a report that is none (%s)", why.text);
	if (failure.code < 0)
		return explain_failure(watch, &failure, error);
	proof.proof_ns = tfl_clock_ns() - watch->started_ns;
	tfl_time_format((int64_t)time(NULL), proof.time);
	*ret_proof = proof;
	return 0;
}

static int conclude(const struct watch *watch, enum ending ending, int status, const struct rusage *usage, struct tfl_proof *ret_proof,
		    struct tfl_error *error)
{
	switch (ending) {
	case WHOLE:
		return take_report(watch, ret_proof, error);
	case GIVEN_UP:
		return tfl_error_set(error, -ECANCELED, "the proof of the file was given up");
	case TOO_LATE:
		return tfl_error_set(error, -EFBIG, "the proof of the file was not done after %" PRIu64 " s %s", wall_ms(watch) / 1000,
				     doing(watch));
	case TOO_LONG:
		return tfl_error_set(error, -ENOEXEC, "the proof of the file gave a report of more than %d bytes", TFL_PROOF_REPORT_MAX);
	case SILENT:
		return tfl_error_set(error, -ENOEXEC, "the proof of the file ended its report %s, but not itself", doing(watch));
	case BY_ITSELF:
		break;
	}
	if (watch->length > 0 && WIFEXITED(status) && watch->call < 0)
		return take_report(watch, ret_proof, error);
	return explain_silence(watch, status, usage, error);
}

int tfl_prove(const struct tfl_prove_options *options, int fd, int samples, const atomic_bool *cancelled, struct tfl_proof *ret_proof,
	      struct tfl_error *error)
{
	_tfl_free_ struct watch *watch = calloc(1, sizeof(*watch));
	struct rusage usage = { 0 };
	enum ending ending;
	int status = 0, result;

	if (!watch)
		return tfl_error_set(error, -ENOMEM, "not enough memory to prove the file");
	watch->options = options;
	watch->cancelled = cancelled;
	watch->memory = memory_of(options);
	watch->cpu_seconds = (options->cpu_ms + 999) / 1000;
	watch->call = -1;
	watch->started_ns = tfl_clock_ns();
	result = start(watch, fd, samples, error);
	if (result < 0)
		return result;
	ending = listen_to(watch);
	tfl_close(watch->pipe);
	ending = reap(watch, ending, &status, &usage);
	return conclude(watch, ending, status, &usage, ret_proof, error);
}
