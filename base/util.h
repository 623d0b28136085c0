/* SPDX-License-Identifier: MIT */
/*
 * What every folder needs and libc does not have: scope cleanup, ownership transfer, checked sizes. No state.
 */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define TFL_CLEANUP(function) __attribute__((cleanup(function)))
#define TFL_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Takes the value out of a variable that would otherwise be cleaned up at the end of its scope. */
#define TFL_STEAL(pointer) \
	({ \
		__typeof__(pointer) stolen_ = (pointer); \
		(pointer) = NULL; \
		stolen_; \
	})

/* Defines NAME_p(), a cleanup function for a local pointer of TYPE that is destroyed by DESTROY. */
#define TFL_DEFINE_CLEANUP(type, name, destroy) \
	static inline void name(type *pointer) \
	{ \
		destroy(*pointer); \
	}

static inline void tfl_freep(void *pointer)
{
	int saved = errno;

	free(*(void **)pointer);
	errno = saved;
}

/** Closes a descriptor, keeps errno; -1 is allowed. Returns -1, so that "fd = tfl_close(fd)" leaves no stale number. */
static inline int tfl_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static inline int tfl_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void tfl_closep(int *fd)
{
	*fd = tfl_close(*fd);
}

#define _tfl_free_ TFL_CLEANUP(tfl_freep)
#define _tfl_close_ TFL_CLEANUP(tfl_closep)

/** a + b or a * b into *ret; true on overflow, as the compiler's builtins. */
#define tfl_add_overflow(a, b, ret) __builtin_add_overflow(a, b, ret)
#define tfl_mul_overflow(a, b, ret) __builtin_mul_overflow(a, b, ret)

static inline size_t tfl_align_up(size_t value, size_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

#endif
