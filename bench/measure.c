/* SPDX-License-Identifier: MIT */
/*
 * Percentiles are taken from all samples, sorted; nothing is averaged away.
 */
#include "measure.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static clockid_t clock_used = CLOCK_MONOTONIC;

void measure_processor_time(void)
{
	clock_used = CLOCK_THREAD_CPUTIME_ID;
}

uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(clock_used, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void samples_init(struct samples *samples, size_t capacity)
{
	*samples = (struct samples){.values = calloc(capacity, sizeof(uint64_t)), .capacity = capacity};
	if (!samples->values) {
		fprintf(stderr, "out of memory for %zu samples\n", capacity);
		exit(1);
	}
}

void samples_finish(struct samples *samples)
{
	free(samples->values);
}

void samples_add(struct samples *samples, uint64_t nanoseconds)
{
	if (samples->count < samples->capacity)
		samples->values[samples->count++] = nanoseconds;
}

static int by_value(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

uint64_t samples_percentile(struct samples *samples, double share)
{
	if (samples->count == 0)
		return 0;
	qsort(samples->values, samples->count, sizeof(uint64_t), by_value);
	return samples->values[(size_t)(share * (double)(samples->count - 1))];
}

int pin_to_cpu(int index)
{
	static cpu_set_t all;
	cpu_set_t one;

	if (CPU_COUNT(&all) == 0 && sched_getaffinity(0, sizeof(all), &all) < 0)
		return -errno;
	if (index < 0)
		return sched_setaffinity(0, sizeof(all), &all) < 0 ? -errno : 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || index-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return sched_setaffinity(0, sizeof(one), &one) < 0 ? -errno : 0;
	}
	return -EINVAL;
}

unsigned parse_count(const char *option, const char *text)
{
	char *end;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;

	if (!text || *end || value < 1 || value > 1000000000) {
		fprintf(stderr, "%s needs a number of at least 1, not '%s'\n", option, text ? text : "");
		exit(2);
	}
	return (unsigned)value;
}
