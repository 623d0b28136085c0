/* SPDX-License-Identifier: MIT */
/*
 * Makes the n-th allocation fail, and counts blocks that were not freed. Works by the linker's --wrap (dep_allocation brings the flags), so
 * under every compiler and sanitizer, and for the objects and static libraries of the test program alone: what libc and shared libraries
 * allocate for themselves neither fails nor counts.
 *
 * Covers malloc, calloc, realloc, reallocarray, aligned_alloc, posix_memalign, strdup and strndup. Arming is per thread.
 */
#ifndef TESTS_SUPPORT_ALLOCATION_H
#define TESTS_SUPPORT_ALLOCATION_H

#include <stdbool.h>

/** From now on this thread's @p n-th allocation (counted from 1) fails, once; those after it succeed again. 0 disarms. */
void allocation_fail_at(unsigned long n);

/** Whether it has failed since it was armed. */
bool allocation_failed(void);

/** Blocks that were allocated and not freed, by all threads. For comparing before and after. */
long allocation_live(void);

/**
 * Calls @p body with every allocation failing in turn, then once with none, and returns the number of allocations in that last run. body
 * cleans up after itself and returns 0 or a negative error. It must not use ck_assert and the like: libcheck may be linked statically, and
 * then its own allocations count and fail too.
 *
 * Ends the test (ck_abort) when a run whose allocation failed does not return -ENOMEM, when the last run does not return 0, when a run
 * leaves blocks behind, or after a million runs.
 */
unsigned long allocation_fail_each(int (*body)(void *data), void *data);

#endif
