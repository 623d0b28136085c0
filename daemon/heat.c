/* SPDX-License-Identifier: MIT */
/*
 * What counts, and why. A thermal zone's temperature alone does not: what is hot is another number on each board. A cooling device whose
 * type names the processor is in use when cur_state is above 0 (fans are cooling devices too, and cost nothing). A scaling_max_freq below
 * cpuinfo_max_freq can be an operator's choice, but then it does not change while a trial runs; so it counts only where the kernel says
 * that it capped, which cooling devices do, or a firmware's bios_limit. Raspberry Pi's get_throttled: bit 1 the frequency is capped, bit 2
 * throttled, bit 3 the soft limit of the temperature; bit 0 too little voltage, which caps as well. The bits from 16 on say that it was so
 * once.
 */
#include "daemon/heat.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define PATH_ROOM 512
#define DEVICES_MAX 256 /* entries of a folder that are looked at */
#define THROTTLED_NOW 0xfu

/* The first line of a file; false where there is none. */
static bool read_line(const char *path, char *text, size_t size)
{
	_tfl_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (length <= 0)
		return false;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static bool read_number(const char *path, int base, uint64_t *ret_number)
{
	char text[64], *end;

	if (!read_line(path, text, sizeof(text)))
		return false;
	*ret_number = strtoull(text, &end, base);
	return end != text;
}

/* "cpufreq-cpu0", "thermal-cpufreq-0", "Processor". */
static bool cools_processors(const char *folder)
{
	char path[PATH_ROOM], type[64];

	snprintf(path, sizeof(path), "%s/type", folder);
	return read_line(path, type, sizeof(type)) && (strstr(type, "cpu") || strstr(type, "Processor"));
}

static bool device_is_in_use(const char *folder)
{
	char path[PATH_ROOM];
	uint64_t state;

	snprintf(path, sizeof(path), "%s/cur_state", folder);
	return cools_processors(folder) && read_number(path, 10, &state) && state > 0;
}

static bool policy_is_capped(const char *folder)
{
	char path[PATH_ROOM];
	uint64_t limit, highest;

	snprintf(path, sizeof(path), "%s/bios_limit", folder);
	if (!read_number(path, 10, &limit))
		return false;
	snprintf(path, sizeof(path), "%s/cpuinfo_max_freq", folder);
	return read_number(path, 10, &highest) && limit < highest;
}

/* Whether @p is_so of one of the folders below @p folder whose names begin with @p prefix. */
static bool any(const char *folder, const char *prefix, bool (*is_so)(const char *folder))
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	unsigned seen = 0;
	bool found = false;

	while (stream && !found && seen++ < DEVICES_MAX && (entry = readdir(stream))) {
		char path[PATH_ROOM];

		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    (size_t)snprintf(path, sizeof(path) - 32, "%s/%s", folder, entry->d_name) < sizeof(path) - 32)
			found = is_so(path);
	}
	if (stream)
		closedir(stream);
	return found;
}

bool tfl_heat_is_hot(const char *sysfs)
{
	static const struct {
		const char *folder, *prefix;
		bool (*is_so)(const char *folder);
	} places[] = {
		{"class/thermal", "cooling_device", device_is_in_use},
		{"devices/system/cpu/cpufreq", "policy", policy_is_capped},
	};
	char path[PATH_ROOM];
	uint64_t throttled;

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", sysfs, places[i].folder);
		if (any(path, places[i].prefix, places[i].is_so))
			return true;
	}
	snprintf(path, sizeof(path), "%s/devices/platform/soc/soc:firmware/get_throttled", sysfs);
	return read_number(path, 16, &throttled) && (throttled & THROTTLED_NOW);
}
