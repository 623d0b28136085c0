/* SPDX-License-Identifier: MIT */
/*
 * What one run may take: the time of whoever asked, and of loops that data steers, iterations, time and operations. Looked at between steps,
 * and between rows of the portable kernels that may take long; the clock is read only where a deadline or a loop makes it matter.
 */
#include <errno.h>
#include <time.h>

#include "base/error.h"
#include "base/limits.h"
#include "runtime/call.h"
#include "runtime/interpreter.h"
#include "runtime/program_internal.h"

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The time by which loops are judged. */
static uint64_t loop_now(const struct tfl_run_budget *budget)
{
	return now(budget->control && budget->control->idle ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
}

void tfl_run_budget_init(struct tfl_run_budget *budget, const struct tfl_program *program, const struct tfl_run_control *control)
{
	const struct tfl_program_options *options = &program->options;

	*budget = (struct tfl_run_budget){
		.control = control,
		.iterations_max = options->loop_iterations ? options->loop_iterations : TFL_LOOP_ITERATIONS_DEFAULT,
		.work_max = options->work_max ? options->work_max : TFL_WORK_MAX,
		.loop_ns = options->loop_ns ? options->loop_ns : TFL_LOOP_NS_DEFAULT,
	};
	budget->iterations = budget->iterations_max;
	budget->work = budget->work_max;
}

void tfl_run_budget_begin_loop(struct tfl_run_budget *budget)
{
	budget->loop_end_ns = loop_now(budget) + budget->loop_ns;
}

int tfl_run_budget_take(struct tfl_run_budget *budget, uint64_t work, struct tfl_error *error)
{
	if (work > budget->work)
		return tfl_error_set(error, -EXFULL,
				     "budget exceeded: the inference would take more than the %llu operations that are the limit",
				     (unsigned long long)budget->work_max);
	budget->work -= work;
	return 0;
}

int tfl_run_budget_check(const struct tfl_run_budget *budget, struct tfl_error *error)
{
	const struct tfl_run_control *control = budget->control;

	if (control && control->cancelled && atomic_load_explicit(control->cancelled, memory_order_relaxed))
		return tfl_error_set(error, -ECANCELED, "the request was cancelled while it ran");
	if (control && control->deadline_ns && now(CLOCK_MONOTONIC) >= control->deadline_ns)
		return tfl_error_set(error, -ETIME, "the request's time ran out while it ran");
	if (budget->loop_end_ns && loop_now(budget) >= budget->loop_end_ns)
		return tfl_error_set(error, -EXFULL, "budget exceeded: a loop was still running after %llu ms, which is the limit",
				     (unsigned long long)(budget->loop_ns / 1000000));
	return 0;
}

int tfl_run_check(const struct tfl_run *run, struct tfl_error *error)
{
	return run->budget ? tfl_run_budget_check(run->budget, error) : 0;
}
