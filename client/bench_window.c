/* SPDX-License-Identifier: MIT */
#include "client/bench_window.h"

#include <math.h>
#include <string.h>

#include "base/util.h"

#define AGREEING 3u
#define AGREEMENT 0.1

static uint64_t above(int64_t time, int64_t than)
{
	return time > than ? (uint64_t)(time - than) : 0;
}

void bench_windows_add(struct bench_windows *windows, const struct bench_sample *sample)
{
	uint64_t round_trip = above(sample->ended, sample->sent), daemon = sample->wait_ns + sample->compute_ns;
	struct bench_window *window;
	int64_t index = (sample->ended - windows->begin) / windows->length;

	if (sample->ended < windows->begin || index >= BENCH_WINDOWS_MAX)
		return;
	window = &windows->windows[index];
	window->late += sample->sent - sample->due > BENCH_LATE_NS;
	if (sample->status != TFL_OK) {
		window->failures[sample->status]++;
		return;
	}
	tfl_latency_record(&window->times[BENCH_LATENCY], above(sample->ended, sample->due));
	tfl_latency_record(&window->times[BENCH_LAG], above(sample->sent, sample->due));
	tfl_latency_record(&window->times[BENCH_WAIT], sample->wait_ns);
	tfl_latency_record(&window->times[BENCH_COMPUTE], sample->compute_ns);
	tfl_latency_record(&window->times[BENCH_WIRE], round_trip > daemon ? round_trip - daemon : 0);
}

static bool near_their_mean(const double values[AGREEING])
{
	double mean = 0;

	for (unsigned i = 0; i < AGREEING; i++)
		mean += values[i] / AGREEING;
	for (unsigned i = 0; i < AGREEING; i++) {
		if (fabs(values[i] - mean) > AGREEMENT * mean)
			return false;
	}
	return mean > 0;
}

bool bench_windows_agree(const struct bench_windows *windows, unsigned count, double share)
{
	double requests[AGREEING], latencies[AGREEING];

	if (count < AGREEING)
		return false;
	for (unsigned i = 0; i < AGREEING; i++) {
		const struct tfl_latency *latency = &windows->windows[count - AGREEING + i].times[BENCH_LATENCY];

		requests[i] = (double)latency->count;
		latencies[i] = (double)tfl_latency_percentile(latency, share);
	}
	return near_their_mean(requests) && near_their_mean(latencies);
}

void bench_windows_sum(const struct bench_windows *windows, unsigned count, struct bench_window *ret_sum)
{
	memset(ret_sum, 0, sizeof(*ret_sum));
	for (unsigned i = 0; i < count; i++) {
		const struct bench_window *window = &windows->windows[i];

		for (unsigned k = 0; k < BENCH_TIMES; k++)
			tfl_latency_merge(&ret_sum->times[k], &window->times[k]);
		for (unsigned k = 0; k < TFL_STATUS_COUNT; k++)
			ret_sum->failures[k] += window->failures[k];
		ret_sum->late += window->late;
	}
}
