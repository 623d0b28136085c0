/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the child of a proof, and does what the file that it is given says: a word. Some of it before the process is confined, as a
 * hostile file cannot but a broken child could; most of it after.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/confine.h"
#include "daemon/proof.h"
#include "daemon/proof_child.h"
#include "proto/writer.h"

static struct tfl_proof proof;

static void put(const void *data, size_t size)
{
	if (write(TFL_PROVE_FD_REPORT, data, size) != (ssize_t)size)
		_exit(9);
}

static void phase(unsigned char number)
{
	put(&number, 1);
}

static void report(const struct tfl_error *failure, size_t part)
{
	struct tfl_writer writer;
	void *data;
	size_t size;

	tfl_writer_init(&writer);
	tfl_proof_report_write(&writer, &proof, failure);
	if (tfl_writer_take_value(&writer, &data, &size) == 0)
		put(data, size / part);
	_exit(0);
}

static void crash(void)
{
	signal(SIGSEGV, SIG_DFL); /* a sanitizer's would exit */
	phase(TFL_PROOF_BUILDING);
	raise(SIGSEGV);
}

static void give_up(void)
{
	signal(SIGABRT, SIG_DFL);
	phase(TFL_PROOF_RUNNING);
	abort();
}

static void kill_itself(void)
{
	kill(getpid(), SIGKILL);
}

static void loop(void)
{
	phase(TFL_PROOF_RUNNING);
	for (volatile unsigned i = 0;; i++)
		;
}

/* 100 GB, as far as they come. What is not volatile a compiler may leave out. */
static void eat(void)
{
	const struct tfl_error failure = { -ENOMEM, "the arena" };
	const size_t step = 16u << 20;

	phase(TFL_PROOF_BUILDING);
	for (unsigned i = 0; i < 100u * 64; i++) {
		volatile char *memory = malloc(step);

		if (!memory)
			report(&failure, 1);
		memory[0] = 1;
	}
	_exit(8);
}

static void call_socket(void)
{
	phase(TFL_PROOF_RUNNING);
	_exit(socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 7 : 8);
}

/* Not fork(): where a libc blocks signals for the time of it, nobody can say which call it was. */
static void call_clone(void)
{
	_exit(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 ? 7 : 8);
}

static void call_behind_a_mask(void)
{
	sigset_t all;

	phase(TFL_PROOF_RUNNING);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	_exit(socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 7 : 8);
}

static void call_exec(void)
{
	execl("/bin/true", "true", NULL);
	_exit(7);
}

static void call_kill(void)
{
	kill(getpid(), SIGTERM);
	_exit(7);
}

static void make_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	_exit(memory == MAP_FAILED ? 7 : 8);
}

static void open_file(void)
{
	_exit(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 7 : 8);
}

static void say_nothing(void)
{
	_exit(3);
}

static void say_garbage(void)
{
	static const char text[] = "\xc1 this is no report";

	put(text, sizeof(text));
	_exit(0);
}

static void say_too_much(void)
{
	static char text[65536];

	memset(text, 0x91, sizeof(text));
	for (;;)
		put(text, sizeof(text));
}

static void say_phases(void)
{
	for (unsigned i = 0;; i++)
		phase((unsigned char)(i % 16));
}

static void say_half(void)
{
	report(NULL, 2);
}

static void say_nonsense(void)
{
	strcpy(proof.digests[0], "no digest");
	proof.digest_count = 1;
	report(NULL, 1);
}

static void escape(void)
{
	const struct tfl_error failure = { -EACCES, "\033[2Jboo\n" };

	report(&failure, 1);
}

static void say_well(void)
{
	report(NULL, 1);
}

static void close_and_stay(void)
{
	close(TFL_PROVE_FD_REPORT);
	for (;;)
		sleep(1000);
}

static void stay(void)
{
	phase(TFL_PROOF_SAMPLES);
	for (;;)
		sleep(1000);
}

/* Nothing of the daemon but the three descriptors and the standard ones, which lead nowhere. */
static void look_around(void)
{
	extern char **environ;
	struct sigaction action;
	struct stat null, standard;
	sigset_t blocked;

	stat("/dev/null", &null);
	for (int fd = 0; fd < 1024; fd++)
		if ((fcntl(fd, F_GETFD) >= 0) != (fd <= TFL_PROVE_FD_REPORT))
			_exit(10);
	for (int fd = 0; fd < (TFL_CONFINE_RELAXED ? 2 : 3); fd++)
		if (fstat(fd, &standard) < 0 || standard.st_rdev != null.st_rdev)
			_exit(11);
	if (!TFL_CONFINE_RELAXED && *environ)
		_exit(12);
	if (sigaction(SIGPIPE, NULL, &action) < 0 || action.sa_handler != SIG_DFL)
		_exit(13);
	if (sigprocmask(SIG_SETMASK, NULL, &blocked) < 0 || sigismember(&blocked, SIGTERM))
		_exit(14);
	report(NULL, 1);
}

static const struct {
	const char *word;
	bool confined;
	void (*act)(void);
} acts[] = {
	{ "crash", true, crash },           { "abort", true, give_up },          { "kill", false, kill_itself },
	{ "loop", true, loop },             { "eat", true, eat },                { "socket", true, call_socket },
	{ "clone", true, call_clone },      { "exec", true, call_exec },         { "signal", true, call_kill },
	{ "code", true, make_code },        { "open", true, open_file },         { "nothing", false, say_nothing },
	{ "garbage", false, say_garbage },  { "much", false, say_too_much },     { "phases", false, say_phases },
	{ "half", false, say_half },        { "nonsense", false, say_nonsense }, { "escape", false, escape },
	{ "well", true, say_well },         { "close", false, close_and_stay },  { "stay", true, stay },
	{ "around", false, look_around },   { "mask", true, call_behind_a_mask },
};

int main(int argc, char **argv)
{
	struct tfl_confinement confinement = { .report = TFL_PROVE_FD_REPORT };
	struct tfl_error error;
	char word[16] = "";

	if (argc != TFL_PROVE_ARGUMENTS || strcmp(argv[1], TFL_PROVE_OPTION) != 0 || pread(TFL_PROVE_FD_MODEL, word, sizeof(word) - 1, 0) < 1)
		return 64;
	confinement.memory = strtoull(argv[2], NULL, 10);
	confinement.cpu_seconds = strtoull(argv[3], NULL, 10);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].word, word) != 0)
			continue;
		if (acts[i].confined && tfl_confine(&confinement, &proof.means, &error) < 0)
			return 65;
		acts[i].act();
	}
	return 66;
}
