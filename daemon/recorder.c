/* SPDX-License-Identifier: MIT */
/*
 * A block of counters per writer, on cache lines of its own, written with plain (relaxed atomic) loads and stores by that writer alone;
 * a reader adds all blocks up and may miss the request that is being written at that moment.
 *
 * The memory comes from mmap, not from malloc: a histogram's pages become resident only when a latency falls into them, which few do.
 */
#include "daemon/recorder.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"

struct block {
	uint64_t results[TFL_STATUS_COUNT];
	struct tfl_latency wait, compute, reply, total;
} __attribute__((aligned(64)));

struct tfl_recorder {
	unsigned writers;
	struct block *blocks;
};

int tfl_recorder_create(unsigned writers, struct tfl_recorder **ret_recorder)
{
	struct tfl_recorder *recorder = malloc(sizeof(*recorder));
	void *blocks;

	assert(writers > 0);
	if (!recorder)
		return -ENOMEM;
	blocks = mmap(NULL, writers * sizeof(struct block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (blocks == MAP_FAILED) {
		free(recorder);
		return -ENOMEM;
	}
	recorder->writers = writers;
	recorder->blocks = blocks;
	*ret_recorder = recorder;
	return 0;
}

void tfl_recorder_destroy(struct tfl_recorder *recorder)
{
	if (!recorder)
		return;
	munmap(recorder->blocks, recorder->writers * sizeof(struct block));
	free(recorder);
}

void tfl_recorder_add(struct tfl_recorder *recorder, unsigned writer, const struct tfl_record *record)
{
	struct block *block = &recorder->blocks[writer];
	uint64_t *result = &block->results[record->status];

	assert(writer < recorder->writers && (unsigned)record->status < TFL_STATUS_COUNT);
	__atomic_store_n(result, __atomic_load_n(result, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
	if (record->status != TFL_OK)
		return;
	tfl_latency_record(&block->wait, record->wait_ns);
	tfl_latency_record(&block->compute, record->compute_ns);
	tfl_latency_record(&block->reply, record->reply_ns);
	tfl_latency_record(&block->total, record->total_ns);
}

void tfl_recorder_read(const struct tfl_recorder *recorder, struct tfl_recorder_summary *ret_summary)
{
	memset(ret_summary, 0, sizeof(*ret_summary));
	for (unsigned i = 0; i < recorder->writers; i++) {
		const struct block *block = &recorder->blocks[i];

		for (unsigned status = 0; status < TFL_STATUS_COUNT; status++) {
			uint64_t count = __atomic_load_n(&block->results[status], __ATOMIC_RELAXED);

			ret_summary->results[status] += count;
			ret_summary->requests += count;
		}
		tfl_latency_merge(&ret_summary->wait, &block->wait);
		tfl_latency_merge(&ret_summary->compute, &block->compute);
		tfl_latency_merge(&ret_summary->reply, &block->reply);
		tfl_latency_merge(&ret_summary->total, &block->total);
	}
}
