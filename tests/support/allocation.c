/* SPDX-License-Identifier: MIT */
/*
 * The linker sends every call of malloc() and its kin in the program's own objects to __wrap_malloc() and so on, and __real_malloc() to
 * what malloc() would have been, a sanitizer's included. strdup() and strndup() allocate inside libc, where nothing is wrapped, so they are
 * made here.
 */
#include "tests/support/allocation.h"

#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 1000000

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **ret_block, size_t alignment, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **ret_block, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
void __wrap_free(void *block);

static _Thread_local unsigned long countdown; /* 0: nothing is to fail */
static _Thread_local unsigned long counted;
static _Thread_local bool failed;
static atomic_long live;

/* Whether this allocation is the one. */
static bool fails(void)
{
	counted++;
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

static void *count(void *block)
{
	if (block)
		atomic_fetch_add(&live, 1);
	return block;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (fails())
		return NULL;
	return block ? __real_realloc(block, size) : count(__real_realloc(NULL, size));
}

void *__wrap_reallocarray(void *block, size_t n, size_t size)
{
	if (fails())
		return NULL;
	return block ? __real_reallocarray(block, n, size) : count(__real_reallocarray(NULL, n, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : count(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	int r = fails() ? ENOMEM : __real_posix_memalign(ret_block, alignment, size);

	if (r == 0)
		count(*ret_block);
	return r;
}

char *__wrap_strndup(const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	char *copy = __wrap_malloc(length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, strlen(text));
}

void __wrap_free(void *block)
{
	if (block)
		atomic_fetch_sub(&live, 1);
	__real_free(block);
}

void allocation_fail_at(unsigned long n)
{
	countdown = n;
	counted = 0;
	failed = false;
}

bool allocation_failed(void)
{
	return failed;
}

long allocation_live(void)
{
	return atomic_load(&live);
}

unsigned long allocation_fail_each(int (*body)(void *data), void *data)
{
	for (unsigned long n = 1; n <= RUNS_MAX; n++) {
		long before = allocation_live();
		unsigned long allocations;
		bool hit;
		int r;

		allocation_fail_at(n);
		r = body(data);
		hit = failed;
		allocations = counted;
		allocation_fail_at(0);
		ck_assert_msg(allocation_live() == before, "allocation %lu failing leaves %ld blocks behind", n,
			      allocation_live() - before);
		ck_assert_msg(r == (hit ? -ENOMEM : 0), "allocation %lu %s: got %d", n, hit ? "fails, must give -ENOMEM" : "is none", r);
		if (!hit)
			return allocations;
	}
	ck_abort_msg("after %d runs an allocation still fails: does the body allocate without end?", RUNS_MAX);
}
