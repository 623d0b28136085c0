/* SPDX-License-Identifier: MIT */
/* What the kernel says of this process's memory. */
#ifndef DAEMON_STATM_H
#define DAEMON_STATM_H

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

struct tfl_statm {
	uint64_t address_space, resident; /* bytes; 0 where the kernel does not say */
};

static inline struct tfl_statm tfl_statm_read(void)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return (struct tfl_statm){ 0 };
	if (fscanf(file, "%llu %llu", &size, &resident) != 2)
		size = resident = 0;
	fclose(file);
	return (struct tfl_statm){ size * page, resident * page };
}

#endif
