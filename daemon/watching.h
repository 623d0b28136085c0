/* SPDX-License-Identifier: MIT */
/* What happens in the models folder (watch.h), brought to the loader by the loop. Loop thread; part of the server. */
#ifndef DAEMON_WATCHING_H
#define DAEMON_WATCHING_H

#include <stdbool.h>
#include <uv.h>

struct tfl_conditions;
struct tfl_loader;
struct tfl_watch;

/* Zeroed: nobody watches. */
struct tfl_watching {
	uv_poll_t poll;
	uv_timer_t timer;
	bool open; /* the two handles */
	struct tfl_watch *watch; /* for the loader, from tfl_watching_init() on; NULL where that failed */
	struct tfl_loader *loader;
	struct tfl_conditions *conditions;
};

/**
 * Before the loader. @p path and @p conditions are borrowed. Where nothing can be watched, a condition stands, and serving goes on.
 * -ENOMEM.
 */
int tfl_watching_init(struct tfl_watching *watching, uv_loop_t *loop, const char *path, struct tfl_conditions *conditions);

/** Begins, once the loader has listed what is there. */
void tfl_watching_start(struct tfl_watching *watching, struct tfl_loader *loader);

/** Ends: the loop has to run once more before tfl_watching_finish(), which comes after the loader's end. */
void tfl_watching_close(struct tfl_watching *watching);
void tfl_watching_finish(struct tfl_watching *watching);

#endif
