/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own list is the only count that also sees descriptors which arrived over a socket or were inherited. The one that reads the
 * list is not counted.
 */
#include "tests/support/descriptors.h"

#include <check.h>
#include <dirent.h>

unsigned descriptors_open(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 3; /* ".", ".." and the folder's own */
}
