/* SPDX-License-Identifier: MIT */
#include "tests/system/clock.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/wire.h"

static struct clock_shim *shim;

bool clock_begin(const struct daemon *daemon)
{
	const char *module = getenv("CLOCK_SHIM_MODULE");
	char path[128];
	int fd;

	if (!daemon_memory_counts() || !module) {
		printf("# skipped: %s\n", module ? "clocks cannot be steered under sanitizers"
						 : "$CLOCK_SHIM_MODULE names nothing to steer clocks with");
		return false;
	}
	snprintf(path, sizeof(path), "%s/clock", daemon->folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, sizeof(*shim)), 0);
	shim = mmap(NULL, sizeof(*shim), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(shim != MAP_FAILED);
	close(fd);
	setenv("CLOCK_SHIM", path, 1);
	setenv("LD_PRELOAD", module, 1);
	return true;
}

void clock_jump(int64_t seconds)
{
	__atomic_fetch_add(&shim->wall_ns, seconds * 1000000000, __ATOMIC_SEQ_CST);
}

/* The loop sleeps by the system's clock; a request wakes it, and then it sees what is due. Two, so that the second is read after that. */
void clock_pass_minutes(const struct daemon *daemon, unsigned minutes)
{
	int fd = daemon_connect(daemon);

	for (unsigned i = 0; i < minutes; i++) {
		__atomic_fetch_add(&shim->steady_ns, INT64_C(60000000000), __ATOMIC_SEQ_CST);
		for (unsigned j = 0; j < 2; j++)
			wire_expect_alive(fd);
	}
	close(fd);
}

int64_t clock_wall(void)
{
	return (int64_t)time(NULL) + (shim->wall_ns + shim->steady_ns) / 1000000000;
}
