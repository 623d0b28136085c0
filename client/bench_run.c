/* SPDX-License-Identifier: MIT */
/*
 * One thread, one poll() over all connections: the client is to take as little as it can of the processors that it measures. The request
 * objects are made once and share the memory of their inputs. What is still in flight when a level ends is cancelled and not counted.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "client/bench.h"
#include "client/bench_load.h"
#include "client/ctl.h"

#define NS_PER_S INT64_C(1000000000)

/* A request object, and the request that it is on. */
struct slot {
	struct bench *bench;
	struct slot *next; /* free ones */
	struct tfl_client *client;
	struct tfl_infer *infer;
	struct bench_sample sample;
};

struct bench {
	struct bench_settings settings;
	struct tfl_client *clients[BENCH_CONNECTIONS_MAX];
	struct pollfd pollers[BENCH_CONNECTIONS_MAX];
	uint64_t version;
	struct slot *slots[BENCH_IN_FLIGHT_MAX];
	unsigned slot_count;
	struct slot *free;

	/* Of the level that runs. */
	struct bench_load load;
	struct bench_windows *windows;
	unsigned over;                     /* windows */
	int64_t cpu_begin_ns, cpu_end_ns;  /* processor time of this process when the first of them began, and when the last was over */
	char failure[TFL_ERROR_TEXT_MAX];
	bool lost;                         /* a connection */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

void bench_destroy(struct bench *bench)
{
	if (!bench)
		return;
	for (unsigned i = 0; i < bench->slot_count; i++) {
		tfl_infer_destroy(bench->slots[i]->infer);
		free(bench->slots[i]);
	}
	for (unsigned i = 0; i < bench->settings.connections; i++)
		tfl_client_destroy(bench->clients[i]);
	free(bench->windows);
	free(bench);
}

/* One more request object, for the connections in turn. */
static int make_slot(struct bench *bench, struct slot **ret_slot, struct tfl_call_error *error)
{
	const struct bench_settings *settings = &bench->settings;
	struct slot *slot = calloc(1, sizeof(*slot));
	int r;

	if (!slot) {
		error->status = TFL_RESOURCE_EXHAUSTED;
		strcpy(error->message, "no memory for a request");
		return -ENOMEM;
	}
	slot->bench = bench;
	slot->client = bench->clients[bench->slot_count % settings->connections];
	r = tfl_infer_create(settings->model, &slot->infer, error);
	if (r == 0) {
		tfl_infer_set_float_outputs(slot->infer, !settings->native);
		r = tfl_infer_set_key(slot->infer, settings->key);
		if (r == 0)
			r = ctl_inputs_set(settings->inputs, slot->infer);
		error->status = tfl_infer_status(slot->infer);
		snprintf(error->message, sizeof(error->message), "%s", tfl_infer_error_message(slot->infer));
	}
	if (r < 0) {
		tfl_infer_destroy(slot->infer);
		free(slot);
		return r;
	}
	bench->slots[bench->slot_count++] = slot;
	*ret_slot = slot;
	return 0;
}

/*
 * Connects, and makes a first request: whatever is wrong with it is said before anything is measured. A connection that is lost stays lost,
 * also between two levels, when no request is in flight: else all that follows would be measured against nobody.
 */
static int open_connection(struct bench *bench, const struct ctl *ctl, unsigned index)
{
	struct tfl_client_options options = {.size = sizeof(options), .timeout_ms = ctl->timeout_ms, .reconnect_ms = -1};
	struct tfl_call_error error;
	struct slot *slot;

	if (tfl_client_connect(ctl->socket, &options, &bench->clients[index], &error) < 0 || make_slot(bench, &slot, &error) < 0)
		return ctl_fail(ctl, error.status, error.message);
	slot->client = bench->clients[index];
	if (tfl_client_infer(slot->client, slot->infer) < 0)
		return ctl_fail(ctl, tfl_infer_status(slot->infer), tfl_infer_error_message(slot->infer));
	bench->pollers[index] = (struct pollfd){.fd = tfl_client_fd(slot->client), .events = POLLIN};
	if (bench->pollers[index].fd < 0)
		return ctl_fail(ctl, TFL_INTERNAL, "no descriptors are left to wait with");
	bench->version = tfl_infer_version(slot->infer);
	slot->next = bench->free;
	bench->free = slot;
	return CTL_OK;
}

/* Signals end a level, in ppoll() alone, so that none comes between looking and waiting. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int bench_create(const struct ctl *ctl, const struct bench_settings *settings, struct bench **ret_bench)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	int status = CTL_OK;

	if (!bench)
		return ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory for the benchmark");
	bench->settings = *settings;
	bench->windows = calloc(1, sizeof(*bench->windows));
	if (!bench->windows)
		status = ctl_fail(ctl, TFL_RESOURCE_EXHAUSTED, "no memory for the benchmark");
	for (unsigned i = 0; i < settings->connections && status == CTL_OK; i++)
		status = open_connection(bench, ctl, i);
	if (status != CTL_OK) {
		bench_destroy(bench);
		return status;
	}
	catch_signals();
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* 50 µs as a rule, which would all be lag */
	*ret_bench = bench;
	return CTL_OK;
}

uint64_t bench_version(const struct bench *bench)
{
	return bench->version;
}

/* ---- A level ---- */

static void settle(struct slot *slot, enum tfl_status status, int64_t ended)
{
	struct bench *bench = slot->bench;

	slot->sample.status = status;
	slot->sample.ended = ended;
	slot->sample.wait_ns = tfl_infer_wait_ns(slot->infer);
	slot->sample.compute_ns = tfl_infer_compute_ns(slot->infer);
	bench_windows_add(bench->windows, &slot->sample);
	bench_load_ended(&bench->load);
	bench->lost |= status == TFL_DISCONNECTED;
	if (status != TFL_OK && status != TFL_CANCELLED && !bench->failure[0])
		snprintf(bench->failure, sizeof(bench->failure), "%s", tfl_infer_error_message(slot->infer));
	slot->next = bench->free;
	bench->free = slot;
}

static void on_end(struct tfl_infer *infer, int result, void *userdata)
{
	struct slot *slot = userdata;

	settle(slot, tfl_infer_status(infer), slot->sample.sent + (int64_t)tfl_infer_round_trip_ns(infer));
}

/* Sends what is due. Stops where a request cannot be sent, until something else has happened. */
static int send_due(struct bench *bench)
{
	struct tfl_call_error error;
	struct slot *slot;
	int64_t now = clock_ns(CLOCK_MONOTONIC), due;
	int r = 0;

	while (r == 0 && bench_load_take(&bench->load, now, &due)) {
		slot = bench->free;
		if (slot)
			bench->free = slot->next;
		else if (make_slot(bench, &slot, &error) < 0)
			return -ENOMEM;
		slot->sample = (struct bench_sample){.due = due, .sent = now};
		r = tfl_client_submit(slot->client, slot->infer, on_end, slot);
		now = clock_ns(CLOCK_MONOTONIC);
		if (r < 0)
			settle(slot, tfl_infer_status(slot->infer), now);
	}
	return r == -ENOMEM ? r : 0;
}

/* Waits for replies until @p at, and takes them. */
static void wait_until(struct bench *bench, int64_t at)
{
	int64_t left = at - clock_ns(CLOCK_MONOTONIC);
	struct timespec timeout = {0};
	sigset_t none;

	if (left > 0)
		timeout = (struct timespec){left / NS_PER_S, left % NS_PER_S};
	sigemptyset(&none);
	if (ppoll(bench->pollers, bench->settings.connections, &timeout, &none) <= 0)
		return;
	for (unsigned i = 0; i < bench->settings.connections; i++) {
		if (bench->pollers[i].revents)
			tfl_client_dispatch(bench->clients[i]);
	}
}

/* Counts the windows that are over. Whether the level is. */
static bool look_at_windows(struct bench *bench, int64_t now)
{
	const struct bench_windows *windows = bench->windows;
	int64_t over = now < windows->begin ? 0 : (now - windows->begin) / windows->length, cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	unsigned before = bench->over;

	if (now < windows->begin)
		bench->cpu_begin_ns = cpu;
	bench->over = over < BENCH_WINDOWS_MAX ? (unsigned)over : BENCH_WINDOWS_MAX;
	if (bench->over > before)
		bench->cpu_end_ns = cpu;
	if (interrupted || bench->lost || bench->over == BENCH_WINDOWS_MAX)
		return true;
	return bench->over > before && bench->over >= BENCH_WINDOWS && bench_windows_agree(windows, bench->over, bench->settings.share);
}

static int drive(struct bench *bench)
{
	const struct bench_windows *windows = bench->windows;
	int64_t now, next, boundary;
	int r;

	for (;;) {
		now = clock_ns(CLOCK_MONOTONIC);
		if (look_at_windows(bench, now))
			return 0;
		r = send_due(bench);
		if (r < 0)
			return r;
		next = bench_load_next(&bench->load);
		boundary = now < windows->begin ? windows->begin : windows->begin + (bench->over + 1) * windows->length;
		wait_until(bench, next < boundary ? next : boundary);
	}
}

static void cancel_all(struct bench *bench)
{
	for (unsigned i = 0; i < bench->slot_count; i++)
		tfl_client_cancel(bench->slots[i]->client, bench->slots[i]->infer);
	for (unsigned i = 0; i < bench->settings.connections; i++) {
		while (tfl_client_pending(bench->clients[i]) > 0)
			tfl_client_dispatch(bench->clients[i]);
	}
}

/* A level that ended early, before its first window was over, is measured by that much of it. */
static void cut_short(struct bench *bench)
{
	int64_t elapsed = clock_ns(CLOCK_MONOTONIC) - bench->windows->begin;

	if (!(interrupted || bench->lost) || bench->over > 0 || elapsed <= 0)
		return;
	bench->windows->length = elapsed;
	bench->over = 1;
	bench->cpu_end_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int sum_up(struct bench *bench, double level, struct bench_result *ret_result)
{
	struct bench_window *sum = malloc(sizeof(*sum));
	struct bench_result result = {.level = level, .windows = bench->over, .interrupted = interrupted, .lost = bench->lost};

	if (!sum)
		return -ENOMEM;
	bench_windows_sum(bench->windows, bench->over, sum);
	result.measured_ns = bench->over * bench->windows->length;
	result.settled = bench_windows_agree(bench->windows, bench->over, bench->settings.share);
	for (unsigned i = 0; i < BENCH_TIMES; i++)
		result.times[i] = ctl_times_of(&sum->times[i]);
	result.judged_ns = tfl_latency_percentile(&sum->times[BENCH_LATENCY], bench->settings.share);
	memcpy(result.failures, sum->failures, sizeof(result.failures));
	memcpy(result.failure, bench->failure, sizeof(result.failure));
	result.late = sum->late;
	result.behind = bench->load.held > 0;
	if (bench->over > 0) {
		result.throughput = (double)result.times[BENCH_LATENCY].count * 1e9 / (double)result.measured_ns;
		result.busy = (double)(bench->cpu_end_ns - bench->cpu_begin_ns) / (double)result.measured_ns;
	}
	free(sum);
	*ret_result = result;
	return 0;
}

int bench_run(struct bench *bench, double level, struct bench_result *ret_result)
{
	const struct bench_settings *settings = &bench->settings;
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (settings->open)
		bench_load_open(&bench->load, level, settings->poisson, BENCH_IN_FLIGHT_MAX, now);
	else
		bench_load_closed(&bench->load, (unsigned)level);
	memset(bench->windows, 0, sizeof(*bench->windows));
	bench->windows->begin = now + settings->warm_up_ns;
	bench->windows->length = settings->duration_ns / BENCH_WINDOWS;
	bench->over = 0;
	bench->cpu_begin_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	bench->failure[0] = '\0';
	r = drive(bench);
	cut_short(bench);
	if (r == 0)
		r = sum_up(bench, level, ret_result);
	cancel_all(bench);
	return r;
}
