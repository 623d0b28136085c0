/* SPDX-License-Identifier: MIT */
#include "daemon/moment.h"

#include <stdbool.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "daemon/clock.h"

void tfl_moment_now(struct tfl_moment *ret_moment)
{
	sd_id128_t boot;

	*ret_moment = (struct tfl_moment){.seconds = tfl_clock_seconds(), .wall = (int64_t)time(NULL)};
	if (sd_id128_get_boot(&boot) == 0)
		sd_id128_to_string(boot, ret_moment->boot);
}

int64_t tfl_moment_elapsed(const struct tfl_moment *then, const struct tfl_moment *now)
{
	bool same_boot = now->boot[0] && strcmp(then->boot, now->boot) == 0 && then->seconds <= now->seconds;
	int64_t elapsed = same_boot ? now->seconds - then->seconds : now->wall - then->wall;

	return elapsed > 0 ? elapsed : 0;
}
