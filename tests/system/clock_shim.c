/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a daemon: its clocks are those of the system plus what stands in the file that $CLOCK_SHIM names (struct clock_shim,
 * clock.h), which a test changes while the daemon runs.
 */
#include "tests/system/clock.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const struct clock_shim *shim;

#define SHOWN __attribute__((visibility("default")))

__attribute__((constructor)) static void map(void)
{
	const char *path = getenv("CLOCK_SHIM");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*shim), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (memory != MAP_FAILED)
		shim = memory;
}

static int64_t offset_of(clockid_t clock)
{
	if (!shim)
		return 0;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return __atomic_load_n(&shim->wall_ns, __ATOMIC_SEQ_CST) + __atomic_load_n(&shim->steady_ns, __ATOMIC_SEQ_CST);
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
		return __atomic_load_n(&shim->steady_ns, __ATOMIC_SEQ_CST);
	default:
		return 0;
	}
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int64_t ns;

	if (syscall(SYS_clock_gettime, clock, ret_time) != 0)
		return -1;
	ns = (int64_t)ret_time->tv_sec * 1000000000 + ret_time->tv_nsec + offset_of(clock);
	ret_time->tv_sec = (time_t)(ns / 1000000000);
	ret_time->tv_nsec = (long)(ns % 1000000000);
	return 0;
}

SHOWN time_t time(time_t *ret_time)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time)
		*ret_time = now.tv_sec;
	return now.tv_sec;
}

SHOWN int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ret_time->tv_sec = now.tv_sec;
	ret_time->tv_usec = now.tv_nsec / 1000;
	return 0;
}
