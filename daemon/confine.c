/* SPDX-License-Identifier: MIT */
/*
 * Order: files, limits, system calls, each of which would keep the ones before it from being set. The filter is a list of what is allowed:
 * memory, time, locks, reading and writing what is open, ending. Looking for a file is refused quietly, because libraries do that and can
 * do without; anything else is a trap, whose handler says which call it was and lets SIGSYS end the process. The handler is no part of the
 * defence: a call that traps is not made, handled or not.
 */
#include "daemon/confine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "base/error.h"
#include "base/util.h"
#include "daemon/statm.h"

static int report_fd = -1;

/* The first to go where memory runs out. Where that cannot be said, the kernel judges by size, as always. */
static void offer_to_oom_killer(void)
{
	_tfl_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		errno = 0;
}

static int set_limits(const struct tfl_confinement *confinement, uint64_t space, struct tfl_error *error)
{
	const struct {
		__rlimit_resource_t resource;
		const char *name;
		uint64_t soft, hard;
		bool always;
	} limits[] = {
		{ RLIMIT_CPU, "processor time", confinement->cpu_seconds, confinement->cpu_seconds + 1, true },
		{ RLIMIT_CORE, "core files", 0, 0, true },
		{ RLIMIT_AS, "memory", space + confinement->memory, space + confinement->memory, false },
		{ RLIMIT_FSIZE, "written files", 0, 0, false },
		{ RLIMIT_NOFILE, "descriptors", 0, 0, false },
		{ RLIMIT_NPROC, "processes", 0, 0, false },
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(limits); i++) {
		struct rlimit now, limit = { (rlim_t)limits[i].soft, (rlim_t)limits[i].hard };

		if (TFL_CONFINE_RELAXED && !limits[i].always)
			continue;
		if (getrlimit(limits[i].resource, &now) < 0)
			return tfl_error_set(error, -errno, "the limit of %s cannot be read: %s", limits[i].name, strerror(errno));
		/* Somebody may have set a lower one for the whole service. */
		limit.rlim_max = limit.rlim_max < now.rlim_max ? limit.rlim_max : now.rlim_max;
		limit.rlim_cur = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
		if (setrlimit(limits[i].resource, &limit) < 0)
			return tfl_error_set(error, -errno, "the limit of %s cannot be set: %s", limits[i].name, strerror(errno));
	}
	return 0;
}

/* By number: libc has no functions, and the headers of Debian 12 do not know the later rights. */
#if defined(SYS_landlock_create_ruleset) && defined(SYS_landlock_restrict_self)

/* Of <linux/landlock.h>: what a set of rules is about. A kernel takes no more of it than it knows. */
struct ruleset {
	uint64_t files, network, scopes;
};

/* The rights that each version of Landlock added. No rule follows: all of them are taken away. */
static const struct {
	struct ruleset rights;
	size_t size;
} abis[] = {
	{ { 0x1fff, 0, 0 }, 8 },   { { 0x3fff, 0, 0 }, 8 },   { { 0x7fff, 0, 0 }, 8 },
	{ { 0x7fff, 0x3, 0 }, 16 }, { { 0xffff, 0x3, 0 }, 16 }, { { 0xffff, 0x3, 0x3 }, 24 },
};

static bool leave_files(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	_tfl_close_ int fd = -1;
	size_t row;

	if (abi < 1)
		return false;
	row = (size_t)abi < TFL_ARRAY_SIZE(abis) ? (size_t)abi - 1 : TFL_ARRAY_SIZE(abis) - 1;
	fd = (int)syscall(SYS_landlock_create_ruleset, &abis[row].rights, abis[row].size, 0);
	return fd >= 0 && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
}

#else

static bool leave_files(void)
{
	return false;
}

#endif

#ifdef HAVE_SECCOMP

/* Says what it was. SA_RESETHAND: the second SIGSYS is nobody's. */
static void on_forbidden_call(int number, siginfo_t *info, void *context)
{
	unsigned char message[5] = { TFL_CONFINE_CALL };
	const int call = info->si_syscall;

	memcpy(message + 1, &call, 4);
	if (write(report_fd, message, sizeof(message)) < 0)
		errno = 0;
	raise(SIGSYS);
}

static const char *const allowed[] = {
	"brk", "munmap", "mremap", "madvise", "futex", "futex_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
	"clock_nanosleep_time64", "gettimeofday", "time", "getrandom", "getcpu", "getpid", "gettid", "getrusage", "sched_yield",
	"sched_getaffinity", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall", "read",
	"pread64", "readv", "write", "writev", "lseek", "_llseek", "close", "fstat", "fstat64", "newfstatat", "fstatat64", "statx",
	"exit", "exit_group",
};

static const char *const refused[] = {
	"open", "openat", "openat2", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "stat", "stat64", "uname", "sysinfo",
	"prlimit64", "getrlimit", "ioctl", "fcntl", "fcntl64", "prctl",
};

static int add(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]), result;

		/* Not every processor has every call. */
		if (number == __NR_SCMP_ERROR)
			continue;
		result = seccomp_rule_add(filter, action, number, 0);
		if (result < 0)
			return result;
	}
	return 0;
}

static int fill_filter(scmp_filter_ctx filter)
{
	static const char *const mappings[] = { "mmap", "mmap2", "mprotect" };
	int result = add(filter, SCMP_ACT_ALLOW, allowed, TFL_ARRAY_SIZE(allowed));

	if (result == 0)
		result = add(filter, SCMP_ACT_ERRNO(EACCES), refused, TFL_ARRAY_SIZE(refused));
	/* No memory that can be run. */
	for (size_t i = 0; result == 0 && i < TFL_ARRAY_SIZE(mappings); i++) {
		int number = seccomp_syscall_resolve_name(mappings[i]);

		if (number != __NR_SCMP_ERROR)
			result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	}
	/* abort() and raise(). */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return result;
}

static bool leave_system_calls(void)
{
	const struct sigaction action = { .sa_sigaction = on_forbidden_call, .sa_flags = SA_SIGINFO | SA_NODEFER | (int)SA_RESETHAND };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	bool loaded;

	if (!filter)
		return false;
	sigaction(SIGSYS, &action, NULL);
	loaded = fill_filter(filter) == 0 && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return loaded;
}

const char *tfl_confine_call_name(int number, char *buffer, size_t size)
{
	char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);

	if (!name)
		return NULL;
	snprintf(buffer, size, "%s", name);
	free(name);
	return buffer;
}

#else

static bool leave_system_calls(void)
{
	return false;
}

const char *tfl_confine_call_name(int number, char *buffer, size_t size)
{
	return NULL;
}

#endif

int tfl_confine(const struct tfl_confinement *confinement, unsigned *ret_means, struct tfl_error *error)
{
	const uint64_t space = tfl_statm_read().address_space;
	unsigned means = 0;
	int result;

	report_fd = confinement->report;
	offer_to_oom_killer();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return tfl_error_set(error, -errno, "privileges cannot be given up: %s", strerror(errno));
	/* Nobody is to look into a process that a file may have taken over, nor it into others. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (!TFL_CONFINE_RELAXED && leave_files())
		means |= TFL_CONFINE_LANDLOCK;
	result = set_limits(confinement, space, error);
	if (result < 0)
		return result;
	means |= TFL_CONFINE_RELAXED ? 0 : TFL_CONFINE_LIMITS;
	if (!TFL_CONFINE_RELAXED && leave_system_calls())
		means |= TFL_CONFINE_SECCOMP;
	*ret_means = means;
	return 0;
}

const char *tfl_confine_means_to_string(unsigned means, char *buffer, size_t size)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = { { TFL_CONFINE_LIMITS, "limits" }, { TFL_CONFINE_LANDLOCK, "Landlock" }, { TFL_CONFINE_SECCOMP, "seccomp" } };
	size_t used = 0;

	snprintf(buffer, size, "a limit of processor time alone");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(names) && used < size; i++)
		if (means & names[i].bit)
			used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", names[i].name);
	return buffer;
}
