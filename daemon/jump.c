/* SPDX-License-Identifier: MIT */
/*
 * Compared is how far the time of day is from the time since boot, which counts while the device sleeps: so waking up is no jump. NTP slews
 * the clock by at most 30 ms a minute, and steps it by whatever is needed when it is far off.
 */
#include "daemon/jump.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "daemon/changes.h"
#include "daemon/clock.h"
#include "daemon/conditions.h"

#define SECOND_NS INT64_C(1000000000)
#define JUMP_NS (5 * SECOND_NS)
#define STEADY_MINUTES 5

static int64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* False where the process was held between the two clocks for so long that they cannot be compared. */
static bool read_offset(int64_t *ret_ns)
{
	int64_t before = (int64_t)tfl_clock_boot_ns(), wall = wall_ns(), after = (int64_t)tfl_clock_boot_ns();

	*ret_ns = wall - before;
	return after - before < SECOND_NS;
}

/* "3 days", "4 h 12 min", "5 min 3 s", "12 s". */
static void spell(int64_t ns, char *text, size_t size)
{
	int64_t seconds = (ns + SECOND_NS / 2) / SECOND_NS;

	if (seconds >= 2 * 86400)
		snprintf(text, size, "%" PRId64 " days", (seconds + 43200) / 86400);
	else if (seconds >= 3600)
		snprintf(text, size, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
	else if (seconds >= 60)
		snprintf(text, size, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
	else
		snprintf(text, size, "%" PRId64 " s", seconds);
}

static void tell(int64_t by_ns, struct tfl_changes *changes, struct tfl_conditions *conditions)
{
	char by[48], text[160];

	spell(by_ns < 0 ? -by_ns : by_ns, by, sizeof(by));
	snprintf(text, sizeof(text), "the time of day has jumped %s by %s; times of what was before are off by as much",
		 by_ns < 0 ? "back" : "forwards", by);
	tfl_changes_record(changes, &(struct tfl_change_note){.kind = TFL_CHANGE_CLOCK, .reason = text});
	tfl_conditions_raise(conditions, TFL_CONDITION_CLOCK, NULL, 0, text);
}

void tfl_jump_watch(struct tfl_jump *jump, struct tfl_changes *changes, struct tfl_conditions *conditions)
{
	int64_t offset_ns, by_ns;

	if (!read_offset(&offset_ns))
		return;
	by_ns = jump->looked ? offset_ns - jump->offset_ns : 0;
	jump->looked = true;
	jump->offset_ns = offset_ns;
	if (by_ns >= JUMP_NS || by_ns <= -JUMP_NS) {
		jump->steady = 0;
		tell(by_ns, changes, conditions);
	} else if (jump->steady < STEADY_MINUTES && ++jump->steady == STEADY_MINUTES) {
		tfl_conditions_clear(conditions, TFL_CONDITION_CLOCK, NULL, 0);
	}
}
