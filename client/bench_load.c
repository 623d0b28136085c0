/* SPDX-License-Identifier: MIT */
#include "client/bench_load.h"

#include <math.h>

void bench_load_closed(struct bench_load *load, unsigned concurrency)
{
	*load = (struct bench_load){.most = concurrency};
}

void bench_load_open(struct bench_load *load, double rate, bool poisson, unsigned most, int64_t begin)
{
	*load = (struct bench_load){.most = most, .gap_ns = 1e9 / rate, .poisson = poisson, .random = 1, .begin = begin};
}

/* Above 0, at most 1; the same numbers in every run. */
static double next_random(struct bench_load *load)
{
	load->random = load->random * 6364136223846793005u + 1442695040888963407u;
	return ((double)(load->random >> 11) + 1) / 9007199254740992.0;
}

static double next_gap(struct bench_load *load)
{
	return load->poisson ? -log(next_random(load)) * load->gap_ns : load->gap_ns;
}

static int64_t due(const struct bench_load *load)
{
	return load->begin + (int64_t)load->next_ns;
}

bool bench_load_take(struct bench_load *load, int64_t now, int64_t *ret_due)
{
	if (load->gap_ns > 0 && due(load) > now)
		return false;
	if (load->in_flight == load->most) {
		load->held += load->gap_ns > 0;
		return false;
	}
	*ret_due = now;
	if (load->gap_ns > 0) {
		*ret_due = due(load);
		load->next_ns += next_gap(load);
	}
	load->in_flight++;
	return true;
}

int64_t bench_load_next(const struct bench_load *load)
{
	return load->gap_ns > 0 && load->in_flight < load->most ? due(load) : BENCH_NEVER;
}

void bench_load_ended(struct bench_load *load)
{
	load->in_flight--;
}
