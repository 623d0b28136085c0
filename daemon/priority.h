/* SPDX-License-Identifier: MIT */
/* Threads that only get what is left over. */
#ifndef DAEMON_PRIORITY_H
#define DAEMON_PRIORITY_H

/**
 * Lowers the calling thread's priority for good: SCHED_IDLE, else nice 19. Where neither can be had, a warning says that @p what may show
 * in the latency of requests.
 */
void tfl_priority_lower(const char *what);

#endif
