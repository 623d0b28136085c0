/* SPDX-License-Identifier: MIT */
#include "daemon/priority.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/log.h"

/* Its own priority only: the system call takes the calling thread for 0. */
void tfl_priority_lower(const char *what)
{
	struct sched_param none = { 0 };

	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0 && setpriority(PRIO_PROCESS, 0, 19) < 0)
		tfl_log_warning("a thread cannot lower its priority: %s; %s may show in the latency of requests", strerror(errno), what);
}
