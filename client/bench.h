/* SPDX-License-Identifier: MIT */
/*
 * tflctl bench: levels of load, one after the other. cmd_bench.c reads the command line, bench_run.c applies one level to the daemon,
 * bench_report.c shows what came out; bench_load.h and bench_window.h are the arithmetic.
 */
#ifndef CLIENT_BENCH_H
#define CLIENT_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "client/bench_window.h"
#include "client/inputs.h"
#include "client/times.h"

struct ctl;
struct tfl_error;

#define BENCH_CONNECTIONS_MAX 64u
#define BENCH_IN_FLIGHT_MAX 1000u /* less than the daemon allows a user: there a request counts a moment longer than its reply */

/* ---- The command line (bench_options.c) ---- */

/* START[:END[:STEP]]: from begin up to end, adding the step, or multiplying by it. */
struct bench_range {
	double begin, end, step;
	bool times;
};

/** STEP is a number, or x and a factor. Without STEP 1 is added. -EINVAL with a sentence that begins with @p what. */
int bench_range_parse(const char *text, const char *what, double least, double most, bool whole, struct bench_range *ret_range,
		      struct tfl_error *error);

/** The value after @p value; above range->end when that was the last. */
double bench_range_next(const struct bench_range *range, double value);

/** "5s", "500ms", "20us", "2m", "1h", "1.5" (seconds): nanoseconds. -EINVAL with a sentence that begins with @p what. */
int bench_duration_parse(const char *text, const char *what, int64_t least, int64_t most, int64_t *ret_ns, struct tfl_error *error);

/* ---- One level (bench_run.c) ---- */

struct bench_settings {
	const char *model; /* as typed */
	const char *key;
	bool native;
	unsigned connections;
	bool open;    /* levels are requests a second, not requests in flight */
	bool poisson;
	int64_t duration_ns, warm_up_ns;
	double share; /* of requests, whose latency is judged: 0.95 */
	int64_t limit_ns; /* of that latency; 0: none */
	const struct ctl_inputs *inputs;
};

struct bench_result {
	double level;
	unsigned windows;       /* that were measured */
	int64_t measured_ns;    /* what the figures cover */
	bool settled;
	bool interrupted;       /* by a signal */
	bool lost;              /* the daemon went away: so did what would have been measured */
	double throughput;      /* successful requests a second */
	struct ctl_times times[BENCH_TIMES];
	uint64_t judged_ns;     /* the latency at settings->share */
	uint64_t failures[TFL_STATUS_COUNT];
	char failure[TFL_ERROR_TEXT_MAX]; /* sentence of the first */
	uint64_t late;          /* sent more than BENCH_LATE_NS after they were due */
	bool behind;            /* requests were due while BENCH_IN_FLIGHT_MAX were in flight */
	double busy;            /* share of the time that this process computed */
};

struct bench;

/** Opens the connections, makes one request over each, and tells the version that served them. CTL_OK, or what it printed. */
int bench_create(const struct ctl *ctl, const struct bench_settings *settings, struct bench **ret_bench);
void bench_destroy(struct bench *bench);

/** The version that served the first request. */
uint64_t bench_version(const struct bench *bench);

/** Applies one level. 0 or -ENOMEM. A SIGINT or SIGTERM ends it early, as does a connection that is lost. */
int bench_run(struct bench *bench, double level, struct bench_result *ret_result);

/* ---- Report (bench_report.c) ---- */

/* Zeroed memory, with settings set, is one without results. */
struct bench_report {
	const struct bench_settings *settings;
	const char *model;
	uint64_t version;
	const char *data; /* where the inputs come from: "random", "zero", "files" */
	struct bench_result *results;
	unsigned count;
	bool over_limit; /* the last one */
};

void bench_report_print(const struct bench_report *report);
json_t *bench_report_json(const struct bench_report *report);

/** Requests that failed. */
uint64_t bench_failed(const struct bench_result *result);

#endif
