/* SPDX-License-Identifier: MIT */
/*
 * A thread that calls functions for a thread which lowered its own priority and, without privileges, can never raise it again: what such
 * a thread creates is as idle as itself, and the threads of an inference must not be.
 *
 * Lifetime: made and destroyed by the loader; has the priority and the signal mask of its maker. Thread: one caller at a time.
 */
#ifndef DAEMON_SPAWNER_H
#define DAEMON_SPAWNER_H

struct tfl_spawner;

int tfl_spawner_create(struct tfl_spawner **ret_spawner);

/** No call may be under way. NULL is allowed. */
void tfl_spawner_destroy(struct tfl_spawner *spawner);

/** Calls @p function with @p argument on the spawner's thread and returns when it has returned. @p data is the spawner. */
void tfl_spawner_call(void *data, void (*function)(void *argument), void *argument);

#endif
