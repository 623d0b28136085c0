/* SPDX-License-Identifier: MIT */
/* One descriptor and one timer: the timer runs only while something waits to be looked at. */
#include "daemon/watching.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "daemon/clock.h"
#include "daemon/conditions.h"
#include "daemon/loader.h"
#include "daemon/watch.h"

static uint64_t now_ms(void)
{
	return tfl_clock_ns() / 1000000;
}

static void on_timer(uv_timer_t *timer);

static void on_news(void *data)
{
	struct tfl_watching *watching = data;
	int64_t delay = tfl_watch_delay(watching->watch, now_ms());

	if (watching->loader && delay >= 0)
		uv_timer_start(&watching->timer, on_timer, (uint64_t)delay, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct tfl_watching *watching = timer->data;
	struct tfl_dirty_mark mark;

	while (tfl_watch_take(watching->watch, now_ms(), &mark))
		tfl_loader_rescan(watching->loader, &mark);
	on_news(watching);
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct tfl_watching *watching = poll->data;
	struct tfl_error error;

	if (tfl_watch_read(watching->watch, now_ms(), &error) < 0)
		tfl_conditions_raise(watching->conditions, TFL_CONDITION_WATCH, NULL, 0, error.text);
}

int tfl_watching_init(struct tfl_watching *watching, uv_loop_t *loop, const char *path, struct tfl_conditions *conditions)
{
	struct tfl_error error;
	int result;

	watching->conditions = conditions;
	result = tfl_watch_create(path, on_news, watching, &watching->watch);
	if (result == -ENOMEM)
		return result;
	if (result < 0) {
		tfl_error_set(&error, result, "the models folder cannot be watched: %s; what changes there is seen at the next start%s",
			      strerror(-result), result == -EMFILE ? ", or with a higher fs.inotify.max_user_instances (sysctl)" : "");
		tfl_conditions_raise(conditions, TFL_CONDITION_WATCH, NULL, 0, error.text);
		return 0;
	}
	result = uv_poll_init(loop, &watching->poll, tfl_watch_fd(watching->watch));
	if (result < 0) {
		tfl_watching_finish(watching);
		return result;
	}
	uv_timer_init(loop, &watching->timer);
	watching->poll.data = watching->timer.data = watching;
	watching->open = true;
	return 0;
}

void tfl_watching_start(struct tfl_watching *watching, struct tfl_loader *loader)
{
	const struct tfl_dirty_mark all = { .model = "", .moved = true };

	if (!watching->watch)
		return;
	watching->loader = loader;
	uv_poll_start(&watching->poll, UV_READABLE, on_events);
	/* Watched first, then looked at: what came since the loader's listing is found now, and counts as complete like what that found. */
	tfl_loader_rescan(loader, &all);
}

void tfl_watching_close(struct tfl_watching *watching)
{
	if (!watching->open)
		return;
	watching->open = false;
	watching->loader = NULL;
	uv_close((uv_handle_t *)&watching->poll, NULL);
	uv_close((uv_handle_t *)&watching->timer, NULL);
}

void tfl_watching_finish(struct tfl_watching *watching)
{
	tfl_watch_destroy(watching->watch);
	watching->watch = NULL;
}
