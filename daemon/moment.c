/* SPDX-License-Identifier: MIT */
#include "daemon/moment.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "daemon/clock.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* The kernel writes it with dashes. */
static void read_boot(char boot[static TFL_BOOT_ID_MAX + 1])
{
	_tfl_close_ int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	char text[TFL_BOOT_ID_MAX + 8];
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text));
	size_t used = 0;

	for (ssize_t i = 0; i < length && used < TFL_BOOT_ID_MAX; i++) {
		if (strchr("0123456789abcdef", text[i]))
			boot[used++] = text[i];
	}
	boot[used] = '\0';
}

void tfl_moment_now(struct tfl_moment *ret_moment)
{
	*ret_moment = (struct tfl_moment){.seconds = tfl_clock_seconds(), .wall = (int64_t)time(NULL)};
	read_boot(ret_moment->boot);
}

int64_t tfl_moment_elapsed(const struct tfl_moment *then, const struct tfl_moment *now)
{
	bool same_boot = now->boot[0] && strcmp(then->boot, now->boot) == 0 && then->seconds <= now->seconds;
	int64_t elapsed = same_boot ? now->seconds - then->seconds : now->wall - then->wall;

	return elapsed > 0 ? elapsed : 0;
}
