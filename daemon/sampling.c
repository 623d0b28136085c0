/* SPDX-License-Identifier: MIT */
#include "daemon/sampling.h"

#include "base/limits.h"

void tfl_sampling_begin(struct tfl_sampling *sampling, const struct tfl_sampling_plan *plan, uint64_t room)
{
	*sampling = (struct tfl_sampling){.plan = *plan, .room = room};
}

bool tfl_sampling_pick(struct tfl_sampling *sampling, uint64_t version, uint64_t now_ns)
{
	const struct tfl_sampling_plan *plan = &sampling->plan;

	if (plan->version && plan->version != version)
		return false;
	if (sampling->seen++ % plan->every != 0 || now_ns < sampling->due_ns)
		return false;
	if (sampling->full || sampling->kept + sampling->waiting >= plan->count)
		return false;
	sampling->due_ns = now_ns + plan->interval_ns;
	return true;
}

/* A single one may wait whatever its size, or a large one never could. */
bool tfl_sampling_take(struct tfl_sampling *sampling, size_t bytes)
{
	if (sampling->kept + sampling->waiting >= sampling->plan.count)
		return false; /* picked in vain: enough arrived before it */
	if (sampling->bytes + sampling->waiting_bytes + bytes > sampling->room) {
		sampling->full = true;
		return false;
	}
	if (sampling->waiting == TFL_RECORD_WAITING_MAX ||
	    (sampling->waiting > 0 && sampling->waiting_bytes + bytes > TFL_RECORD_WAITING_BYTES_MAX)) {
		sampling->dropped++;
		return false;
	}
	sampling->waiting++;
	sampling->waiting_bytes += bytes;
	return true;
}

void tfl_sampling_written(struct tfl_sampling *sampling, uint32_t taken, uint64_t taken_bytes, uint32_t kept, uint64_t kept_bytes,
			  uint32_t large, bool full)
{
	sampling->waiting -= taken;
	sampling->waiting_bytes -= taken_bytes;
	sampling->kept += kept;
	sampling->bytes += kept_bytes;
	sampling->large += large;
	sampling->full |= full;
}

bool tfl_sampling_complete(const struct tfl_sampling *sampling)
{
	return sampling->waiting == 0 && (sampling->full || sampling->kept >= sampling->plan.count);
}
