/* SPDX-License-Identifier: MIT */
/*
 * The file is written in full before it is mapped, so that no store can find the disk full. It is not synced: within a boot the kernel has it,
 * beyond one it means nothing. Whoever can write in the models folder could say here what he likes; he could as well write the state.
 *
 * A signal between the store and the request would be a request that had not begun: the compiler keeps the order, as the request is a call.
 */
#include "daemon/running.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "daemon/log.h"
#include "daemon/moment.h"
#include "daemon/store.h"

_Static_assert(sizeof(((struct tfl_moment *)0)->boot) <= 40, "with its NUL");
#define MARK UINT64_C(0x31676e696e6e7572) /* "running1" */

struct page {
	uint64_t mark;
	char boot[40];
	uint64_t unused[2];
	struct tfl_running_place places[TFL_RUNNING_PLACES];
};

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
/* To ThreadSanitizer a mapping in the place of another one is a write to all of it that nothing orders: true, and meant (map_file()). */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
	return "race:^tfl_running_map$\n";
}
#endif

static void read_before(struct tfl_running *running, int fd, const char *boot)
{
	struct page page;

	if (pread(fd, &page, sizeof(page), 0) != (ssize_t)sizeof(page) || page.mark != MARK)
		return;
	if (memchr(page.boot, '\0', sizeof(page.boot)) == NULL || strcmp(page.boot, boot) != 0)
		return;
	for (unsigned i = 0; i < TFL_RUNNING_PLACES; i++)
		running->before[i] = atomic_load_explicit(&page.places[i].trial, memory_order_relaxed);
}

/* In the place of what is there, so that a thread that writes meanwhile writes to either. What runs at this moment is taken along. */
static int map_file(struct tfl_running *running, struct tfl_store *store)
{
	struct page fresh = {.mark = MARK};
	_tfl_close_ int fd = -1;
	struct tfl_moment now;
	int result = tfl_store_open_running(store, &fd);

	if (result < 0)
		return result;
	tfl_moment_now(&now);
	memcpy(fresh.boot, now.boot, sizeof(now.boot));
	for (unsigned i = 0; i < TFL_RUNNING_PLACES; i++)
		atomic_store_explicit(&fresh.places[i].trial, atomic_load_explicit(&running->places[i].trial, memory_order_relaxed), memory_order_relaxed);
	if (write(fd, &fresh, sizeof(fresh)) != (ssize_t)sizeof(fresh))
		return -EIO;
	if (mmap(running->mapping, sizeof(fresh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		return -errno;
	return 0;
}

void tfl_running_map(struct tfl_running *running, struct tfl_store *store, bool file)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (file == running->mapped)
		return;
	if (file && map_file(running, store) < 0)
		tfl_log_debug("which candidates run is not seen after a crash: there is no file for it in the models folder");
	else if (file || mmap(running->mapping, sizeof(struct page), PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED)
		running->mapped = file;
}

int tfl_running_create(struct tfl_store *store, struct tfl_running **ret_running)
{
	struct tfl_running *running = calloc(1, sizeof(*running));
	struct tfl_moment now;
	struct page *page;
	_tfl_close_ int fd = -1;

	if (!running)
		return -ENOMEM;
	tfl_moment_now(&now);
	if (tfl_store_open_running(store, &fd) == 0)
		read_before(running, fd, now.boot);
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) {
		free(running);
		return -ENOMEM;
	}
	running->mapping = page;
	running->places = page->places;
	*ret_running = running;
	return 0;
}

void tfl_running_destroy(struct tfl_running *running)
{
	if (!running)
		return;
	munmap(running->mapping, sizeof(struct page));
	free(running);
}

bool tfl_running_died(const struct tfl_running *running, uint64_t trial)
{
	for (unsigned i = 0; i < TFL_RUNNING_PLACES; i++) {
		if (trial && running->before[i] == trial)
			return true;
	}
	return false;
}
