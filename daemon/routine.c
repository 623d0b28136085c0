/* SPDX-License-Identifier: MIT */
/*
 * Work that takes longer than a request may wait is cut into steps of its own, between which what has come in meanwhile is handled.
 */
#include "daemon/routine.h"

#include "base/util.h"
#include "daemon/audit.h"
#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/heat.h"
#include "daemon/loader.h"
#include "daemon/metrics_file.h"
#include "daemon/observe.h"
#include "daemon/server.h"

#define TRIALS_MS 1000

static void on_steps(uv_timer_t *timer)
{
	if (tfl_observe_step(timer->data))
		uv_timer_start(timer, on_steps, 1, 0);
}

/* Set anew each time, so that it stays at whole minutes. */
static void on_minute(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;

	tfl_observe(server);
	tfl_audit_settle(server->audit);
	on_steps(&server->routine.steps);
	uv_timer_start(timer, on_minute, tfl_observe_delay_ms(tfl_clock_boot_ns()), 0);
}

/* Only while there are any: a device at rest is not woken. */
static void on_trials(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;

	if (!tfl_loader_look_at_trials(server->loader, (double)tfl_clock_boot_ns() / 1e9, tfl_heat_is_hot(TFL_HEAT_SYSFS)))
		uv_timer_stop(timer);
}

void tfl_routine_begin_trials(void *data)
{
	struct tfl_server *server = data;

	if (!uv_is_active((const uv_handle_t *)&server->routine.trials))
		uv_timer_start(&server->routine.trials, on_trials, TRIALS_MS, TRIALS_MS);
}

static void on_period(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;

	tfl_observe_period(server);
	on_steps(&server->routine.steps);
}

static void on_metrics(uv_timer_t *timer)
{
	struct tfl_server *server = timer->data;

	if (tfl_metrics_file_step(server->metrics_file, server))
		uv_timer_start(timer, on_metrics, 1, 0);
	else if (tfl_metrics_file_wanted(server->metrics_file))
		uv_timer_start(timer, on_metrics, server->config->metrics_period_ms, 0);
}

void tfl_routine_init(struct tfl_routine *routine, struct tfl_server *server)
{
	uv_timer_t *timers[] = {&routine->minute, &routine->period, &routine->steps, &routine->metrics, &routine->trials};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(timers); i++) {
		uv_timer_init(&server->loop, timers[i]);
		timers[i]->data = server;
	}
	routine->open = true;
}

void tfl_routine_start(struct tfl_routine *routine)
{
	uv_timer_start(&routine->minute, on_minute, tfl_observe_delay_ms(tfl_clock_boot_ns()), 0);
	tfl_routine_set_period(routine);
	tfl_routine_set_metrics(routine);
}

void tfl_routine_set_period(struct tfl_routine *routine)
{
	const struct tfl_server *server = routine->period.data;
	uint64_t period_ms = server->config->log_period_ms;

	if (period_ms == 0)
		uv_timer_stop(&routine->period);
	else if (!uv_is_active((const uv_handle_t *)&routine->period) || uv_timer_get_repeat(&routine->period) != period_ms)
		uv_timer_start(&routine->period, on_period, period_ms, period_ms);
}

void tfl_routine_set_metrics(struct tfl_routine *routine)
{
	const struct tfl_server *server = routine->metrics.data;

	tfl_metrics_file_set_path(server->metrics_file, server->config->metrics_file);
	if (tfl_metrics_file_wanted(server->metrics_file))
		uv_timer_start(&routine->metrics, on_metrics, 0, 0);
}

void tfl_routine_close(struct tfl_routine *routine)
{
	uv_timer_t *timers[] = {&routine->minute, &routine->period, &routine->steps, &routine->metrics, &routine->trials};

	for (unsigned i = 0; routine->open && i < TFL_ARRAY_SIZE(timers); i++)
		uv_close((uv_handle_t *)timers[i], NULL);
	routine->open = false;
}
