/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a daemon: counts the calls that change something below a folder, and cuts the power before one of them. Each call has a
 * number since the library was armed; after one is before the next, so all moments are tried by trying all numbers, and one more.
 *
 * Only the calls that the daemon makes are here. That none is missing is seen by strace, which knows them all (trace.c).
 *
 * Arming, and a cut when nothing goes on any more, come from a thread, which looks at the page again and again.
 */
#undef _FILE_OFFSET_BITS /* either name of a function is defined below, so neither may stand for the other */
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/power/journal.h"
#include "tests/power/power.h"

#define SHOWN __attribute__((visibility("default")))

static struct power_page *page;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Another thread, at work in a mapped file of which the end has just been undone: the power would be off by now. */
static void sleep_for_ever(int number)
{
	for (;;)
		nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

static __attribute__((noreturn)) void cut(void)
{
	sigaction(SIGBUS, &(struct sigaction){.sa_handler = sleep_for_ever}, NULL);
	journal_undo((enum power_mode)page->mode, page->seed);
	for (;;)
		syscall(SYS_kill, getpid(), SIGKILL);
}

/* Marks for strace, in a call that nothing else makes with such a name. */
static void mark(const char *text)
{
	syscall(SYS_faccessat, AT_FDCWD, text, F_OK);
}

static void obey(uint32_t command)
{
	pthread_mutex_lock(&lock);
	if (command == POWER_CUT)
		cut();
	page->armed = command == POWER_ARM;
	mark(command == POWER_ARM ? "/power/begins" : "/power/ends");
	__atomic_store_n(&page->command, POWER_NONE, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&lock);
}

static void *run_thread(void *unused)
{
	const struct timespec step = {.tv_nsec = 2000000};

	for (;; nanosleep(&step, NULL)) {
		uint32_t command = __atomic_load_n(&page->command, __ATOMIC_SEQ_CST);

		if (command != POWER_NONE)
			obey(command);
	}
	return NULL;
}

/* The signals are for the daemon's own threads. */
static void start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, run_thread, NULL) != 0)
		abort();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

__attribute__((constructor)) static void map(void)
{
	const char *path = getenv("POWER_PAGE");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t nobody = 0;

	if (fd >= 0)
		close(fd);
	if (memory == MAP_FAILED)
		return;
	page = memory;
	if (!__atomic_compare_exchange_n(&page->pid, &nobody, getpid(), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* of strace, where that started it */
	journal_begin(page->rubbish);
	if (page->armed)
		mark("/power/begins");
	start_thread();
}

/* The path behind a descriptor; what is no file has none. */
static bool path_of(int fd, char path[static POWER_PATH_MAX])
{
	char link[32];
	ssize_t length;

	if (fd == AT_FDCWD)
		return getcwd(path, POWER_PATH_MAX) != NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, POWER_PATH_MAX - 1);
	path[length > 0 ? length : 0] = '\0';
	return length > 0 && path[0] == '/';
}

/*
 * Whether a call is about something in the folder. Children that the daemon forked are not of interest. @p name NULL: the descriptor
 * itself.
 */
static bool concerns(int fd, const char *name, char path[static POWER_PATH_MAX])
{
	size_t length = page ? strlen(page->folder) : 0, used;

	if (!page || page->pid != getpid())
		return false;
	path[0] = '\0';
	if ((!name || name[0] != '/') && !path_of(fd, path))
		return false;
	used = strlen(path);
	if (name)
		snprintf(path + used, POWER_PATH_MAX - used, "%s%s", used ? "/" : "", name);
	return strncmp(path, page->folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/*
 * The beginning of each call: false where it is none of ours, and then nothing is held. Else it is counted, if it is not the one that the
 * cut comes before, and the lock is held until leave(), so that the journal has calls in the order in which they were made.
 */
static bool enter(const char *call, int fd, const char *name)
{
	int saved = errno;
	char path[POWER_PATH_MAX];

	if (!concerns(fd, name, path))
		return false;
	pthread_mutex_lock(&lock);
	__atomic_fetch_add(&page->calls, 1, __ATOMIC_SEQ_CST);
	if (page->armed && ++page->count == page->point) {
		snprintf(page->where, sizeof(page->where), "%s %.128s", call, path + strlen(page->folder));
		cut();
	}
	errno = saved;
	return true;
}

/* Whether what is done has to be undone one day. */
static bool journalled(void)
{
	return page->armed && page->mode != POWER_KEEP;
}

static long leave(bool entered, long result)
{
	int saved = errno;

	if (entered)
		pthread_mutex_unlock(&lock);
	errno = saved;
	return result;
}

static int do_open(int dirfd, const char *name, int flags, mode_t mode)
{
	bool entered = (flags & O_CREAT) && enter("open", dirfd, name);
	bool there = !entered || faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	int fd = (int)syscall(SYS_openat, dirfd, name, flags, mode);

	if (!there && fd >= 0 && journalled())
		journal_made(dirfd, name);
	return (int)leave(entered, fd);
}

#define MODE(flags, last) \
	mode_t mode = 0; \
	if ((flags) & (O_CREAT | O_TMPFILE)) { \
		va_list args; \
		va_start(args, last); \
		mode = va_arg(args, mode_t); \
		va_end(args); \
	}

SHOWN int openat(int dirfd, const char *name, int flags, ...)
{
	MODE(flags, flags)
	return do_open(dirfd, name, flags, mode);
}

SHOWN int open(const char *name, int flags, ...)
{
	MODE(flags, flags)
	return do_open(AT_FDCWD, name, flags, mode);
}

SHOWN int openat64(int dirfd, const char *name, int flags, ...)
{
	MODE(flags, flags)
	return do_open(dirfd, name, flags | O_LARGEFILE, mode);
}

SHOWN int open64(const char *name, int flags, ...)
{
	MODE(flags, flags)
	return do_open(AT_FDCWD, name, flags | O_LARGEFILE, mode);
}

SHOWN int mkdirat(int dirfd, const char *name, mode_t mode)
{
	bool entered = enter("mkdir", dirfd, name);
	int result = (int)syscall(SYS_mkdirat, dirfd, name, mode);

	if (entered && result == 0 && journalled())
		journal_made(dirfd, name);
	return (int)leave(entered, result);
}

SHOWN int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

SHOWN int unlinkat(int dirfd, const char *name, int flags)
{
	bool entered = enter(flags & AT_REMOVEDIR ? "rmdir" : "unlink", dirfd, name);

	if (entered && journalled())
		return (int)leave(true, journal_remove(dirfd, name, flags));
	return (int)leave(entered, syscall(SYS_unlinkat, dirfd, name, flags));
}

SHOWN int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

SHOWN int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	bool entered = enter("rename to", to, new) || enter("rename", from, old);

	if (entered && journalled())
		return (int)leave(true, journal_rename(from, old, to, new, flags));
	return (int)leave(entered, syscall(SYS_renameat2, from, old, to, new, flags));
}

SHOWN int renameat(int from, const char *old, int to, const char *new)
{
	return renameat2(from, old, to, new, 0);
}

SHOWN int rename(const char *old, const char *new)
{
	return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

SHOWN ssize_t write(int fd, const void *data, size_t size)
{
	bool entered = enter("write", fd, NULL);

	if (entered && journalled())
		journal_write(fd, size);
	return leave(entered, syscall(SYS_write, fd, data, size));
}

SHOWN int fchmod(int fd, mode_t mode)
{
	bool entered = enter("fchmod", fd, NULL);

	if (entered && journalled())
		journal_mode(fd);
	return (int)leave(entered, syscall(SYS_fchmod, fd, mode));
}

/* What is journalled need not go to a disk. */
static int sync_one(int fd, long number)
{
	bool entered = enter("fsync", fd, NULL);

	if (entered && journalled()) {
		journal_sync(fd);
		return (int)leave(true, 0);
	}
	return (int)leave(entered, syscall(number, fd));
}

SHOWN int fsync(int fd)
{
	return sync_one(fd, SYS_fsync);
}

SHOWN int fdatasync(int fd)
{
	return sync_one(fd, SYS_fdatasync);
}

SHOWN int fallocate64(int fd, int mode, __off64_t offset, __off64_t length)
{
	bool entered = enter("fallocate", fd, NULL);

	if (entered && journalled())
		journal_allocate(fd);
	/* A 32-bit kernel takes either number in two registers. */
	if (sizeof(long) == 8)
		return (int)leave(entered, syscall(SYS_fallocate, fd, mode, offset, length));
	return (int)leave(entered, syscall(SYS_fallocate, fd, mode, (long)offset, (long)(offset >> 32), (long)length,
					   (long)(length >> 32)));
}

SHOWN int fallocate(int fd, int mode, off_t offset, off_t length)
{
	return fallocate64(fd, mode, offset, length);
}
