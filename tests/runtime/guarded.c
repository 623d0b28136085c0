/* SPDX-License-Identifier: MIT */
/*
 * Whole pages, then one without access. What is tested ends at the border; the bytes before it are not guarded.
 */
#include "tests/runtime/guarded.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"

void guarded_init(struct guarded *guarded, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = tfl_align_up(size, page);

	guarded->mapped = room + page;
	guarded->mapping = mmap(NULL, guarded->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(guarded->mapping, MAP_FAILED);
	ck_assert_int_eq(mprotect(guarded->mapping + room, page, PROT_NONE), 0);
	guarded->data = guarded->mapping + room - size;
	guarded->size = size;
}

void guarded_finish(struct guarded *guarded)
{
	munmap(guarded->mapping, guarded->mapped);
}

uint8_t *guarded_fill(const struct guarded *guarded, const void *data, size_t size)
{
	ck_assert_uint_le(size, guarded->size);
	return memcpy(guarded->data + guarded->size - size, data, size);
}
