/* SPDX-License-Identifier: MIT */
/*
 * A block of counters per writer, on cache lines of its own, written with plain (relaxed atomic) loads and stores by that writer alone;
 * a reader adds all blocks up and may miss the request that is being written at that moment. What a head counts follows the block: its confidence,
 * then a counter a class.
 *
 * The memory comes from mmap, not from malloc: a histogram's pages become resident only when a latency falls into them, which few do.
 */
#include "daemon/recorder.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "stats/top.h"

struct block {
	uint64_t results[TFL_STATUS_COUNT];
	uint64_t executions, faults;
	struct tfl_latency wait, compute, reply, total;
	uint64_t rows, agreed;
} __attribute__((aligned(64)));

struct head {
	struct tfl_confidence confidence, baseline;
	uint64_t classes[];
};

struct tfl_recorder {
	unsigned writers, heads;
	size_t stride; /* bytes of one writer */
	uint8_t *memory;
	size_t offsets[TFL_CONFIDENCE_OUTPUTS_MAX]; /* of each head behind the writer's block */
	uint32_t classes[TFL_CONFIDENCE_OUTPUTS_MAX];
	/* Verdicts that the baseline still takes. Written by all, but for a while only; then it is a shared line that nobody writes. */
	atomic_llong wanted[TFL_CONFIDENCE_OUTPUTS_MAX] __attribute__((aligned(64)));
};

int tfl_recorder_create(unsigned writers, unsigned heads, const uint32_t *classes, struct tfl_recorder **ret_recorder)
{
	struct tfl_recorder *recorder = aligned_alloc(64, sizeof(*recorder));
	void *memory;

	assert(writers > 0 && heads <= TFL_CONFIDENCE_OUTPUTS_MAX);
	if (!recorder)
		return -ENOMEM;
	memset(recorder, 0, sizeof(*recorder));
	recorder->writers = writers;
	recorder->heads = heads;
	recorder->stride = sizeof(struct block);
	for (unsigned i = 0; i < heads; i++) {
		assert(classes[i] <= TFL_CONFIDENCE_CLASSES_MAX);
		recorder->classes[i] = classes[i];
		recorder->offsets[i] = recorder->stride;
		recorder->stride += tfl_align_up(sizeof(struct head) + classes[i] * sizeof(uint64_t), 64);
	}
	memory = mmap(NULL, (writers + 1) * recorder->stride, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		free(recorder);
		return -ENOMEM;
	}
	recorder->memory = memory;
	*ret_recorder = recorder;
	return 0;
}

void tfl_recorder_destroy(struct tfl_recorder *recorder)
{
	if (!recorder)
		return;
	munmap(recorder->memory, tfl_recorder_bytes(recorder));
	free(recorder);
}

size_t tfl_recorder_bytes(const struct tfl_recorder *recorder)
{
	return (recorder->writers + 1) * recorder->stride;
}

static struct block *block_of(const struct tfl_recorder *recorder, unsigned writer)
{
	assert(writer <= recorder->writers);
	return (struct block *)(recorder->memory + writer * recorder->stride);
}

static struct head *head_of(const struct tfl_recorder *recorder, unsigned writer, unsigned head)
{
	assert(head < recorder->heads);
	return (struct head *)((uint8_t *)block_of(recorder, writer) + recorder->offsets[head]);
}

static void count(uint64_t *counter)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

void tfl_recorder_add(struct tfl_recorder *recorder, unsigned writer, const struct tfl_record *record)
{
	struct block *block = block_of(recorder, writer);

	assert((unsigned)record->status < TFL_STATUS_COUNT);
	count(&block->results[record->status]);
	if (record->executed)
		count(&block->executions);
	if (tfl_record_is_fault(record))
		count(&block->faults);
	if (record->status != TFL_OK)
		return;
	tfl_latency_record(&block->wait, record->wait_ns);
	tfl_latency_record(&block->compute, record->compute_ns);
	tfl_latency_record(&block->reply, record->reply_ns);
	tfl_latency_record(&block->total, record->total_ns);
}

void tfl_recorder_add_verdict(struct tfl_recorder *recorder, unsigned writer, unsigned head, const struct tfl_top *top)
{
	struct head *counters = head_of(recorder, writer, head);

	tfl_confidence_record(&counters->confidence, top->confidence, top->margin);
	if (atomic_load_explicit(&recorder->wanted[head], memory_order_relaxed) > 0 &&
	    atomic_fetch_sub_explicit(&recorder->wanted[head], 1, memory_order_relaxed) > 0)
		tfl_confidence_record(&counters->baseline, top->confidence, top->margin);
	if (top->index < recorder->classes[head] && isfinite(top->confidence))
		count(&counters->classes[top->index]);
}

static void add_block(const struct block *block, struct tfl_recorder_summary *summary)
{
	for (unsigned status = 0; status < TFL_STATUS_COUNT; status++) {
		uint64_t results = __atomic_load_n(&block->results[status], __ATOMIC_RELAXED);

		summary->results[status] += results;
		summary->requests += results;
	}
	summary->executions += __atomic_load_n(&block->executions, __ATOMIC_RELAXED);
	summary->faults += __atomic_load_n(&block->faults, __ATOMIC_RELAXED);
	tfl_latency_merge(&summary->wait, &block->wait);
	tfl_latency_merge(&summary->compute, &block->compute);
	tfl_latency_merge(&summary->reply, &block->reply);
	tfl_latency_merge(&summary->total, &block->total);
}

void tfl_recorder_read(const struct tfl_recorder *recorder, struct tfl_recorder_summary *ret_summary)
{
	memset(ret_summary, 0, sizeof(*ret_summary));
	for (unsigned i = 0; i < recorder->writers; i++)
		add_block(block_of(recorder, i), ret_summary);
}

void tfl_recorder_read_work(const struct tfl_recorder *recorder, struct tfl_recorder_work *ret_work, struct tfl_latency *ret_compute)
{
	*ret_work = (struct tfl_recorder_work){0};
	memset(ret_compute, 0, sizeof(*ret_compute));
	for (unsigned i = 0; i < recorder->writers; i++) {
		const struct block *block = block_of(recorder, i);

		ret_work->good += __atomic_load_n(&block->results[TFL_OK], __ATOMIC_RELAXED);
		ret_work->faults += __atomic_load_n(&block->faults, __ATOMIC_RELAXED);
		tfl_latency_merge(ret_compute, &block->compute);
	}
}

unsigned tfl_recorder_shadow_writer(const struct tfl_recorder *recorder)
{
	return recorder->writers;
}

void tfl_recorder_add_shadow(struct tfl_recorder *recorder, const struct tfl_record *record)
{
	tfl_recorder_add(recorder, recorder->writers, record);
}

static void add(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount, __ATOMIC_RELAXED);
}

void tfl_recorder_add_agreement(struct tfl_recorder *recorder, uint64_t rows, uint64_t agreed)
{
	struct block *block = block_of(recorder, recorder->writers);

	add(&block->rows, rows);
	add(&block->agreed, agreed);
}

void tfl_recorder_read_shadow(const struct tfl_recorder *recorder, struct tfl_recorder_summary *ret_summary)
{
	const struct block *block = block_of(recorder, recorder->writers);

	memset(ret_summary, 0, sizeof(*ret_summary));
	add_block(block, ret_summary);
	ret_summary->rows = __atomic_load_n(&block->rows, __ATOMIC_RELAXED);
	ret_summary->agreed = __atomic_load_n(&block->agreed, __ATOMIC_RELAXED);
}

/* The four latencies of a summary, one behind the other. */
_Static_assert(offsetof(struct tfl_recorder_summary, total) - offsetof(struct tfl_recorder_summary, wait) == 3 * sizeof(struct tfl_latency),
	       "nothing between them");
#define STAGES 4

void tfl_recorder_subtract(struct tfl_recorder_summary *into, const struct tfl_recorder_summary *earlier)
{
	into->executions -= earlier->executions;
	into->faults -= earlier->faults;
	into->requests = 0;
	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++) {
		into->results[i] -= earlier->results[i];
		into->requests += into->results[i];
	}
	for (unsigned i = 0; i < STAGES; i++)
		tfl_latency_subtract(&into->wait + i, &earlier->wait + i);
}

void tfl_recorder_merge(struct tfl_recorder_summary *into, const struct tfl_recorder_summary *from)
{
	into->executions += from->executions;
	into->faults += from->faults;
	into->requests += from->requests;
	for (unsigned i = 0; i < TFL_STATUS_COUNT; i++)
		into->results[i] += from->results[i];
	for (unsigned i = 0; i < STAGES; i++)
		tfl_latency_merge(&into->wait + i, &from->wait + i);
}

void tfl_recorder_want_baseline(struct tfl_recorder *recorder, unsigned head, uint64_t verdicts)
{
	atomic_store_explicit(&recorder->wanted[head], (long long)verdicts, memory_order_relaxed);
}

#define TRIES 64
#define TRIES_AWAKE 48 /* then the writer may want the processor that this thread has */

/*
 * A writer that is in the middle of a record is waited for, which takes nanoseconds, or until it gets a processor: whoever reads what is
 * made of this may count on parts that agree. After milliseconds they do not, and that is that.
 */
static void read_settled(const struct tfl_confidence *from, struct tfl_confidence *ret_confidence)
{
	for (unsigned i = 0; i < TRIES; i++) {
		memset(ret_confidence, 0, sizeof(*ret_confidence));
		tfl_confidence_merge(ret_confidence, from);
		if (tfl_confidence_agrees(ret_confidence))
			return;
		if (i >= TRIES_AWAKE)
			usleep(100);
	}
}

void tfl_recorder_read_head(const struct tfl_recorder *recorder, unsigned head, struct tfl_confidence *ret_confidence,
			    struct tfl_confidence *ret_baseline, uint64_t *ret_classes)
{
	memset(ret_confidence, 0, sizeof(*ret_confidence));
	memset(ret_baseline, 0, sizeof(*ret_baseline));
	memset(ret_classes, 0, recorder->classes[head] * sizeof(*ret_classes));
	for (unsigned i = 0; i <= recorder->writers; i++) {
		const struct head *counters = head_of(recorder, i, head);
		struct tfl_confidence one;

		read_settled(&counters->confidence, &one);
		tfl_confidence_merge(ret_confidence, &one);
		read_settled(&counters->baseline, &one);
		tfl_confidence_merge(ret_baseline, &one);
		for (uint32_t c = 0; c < recorder->classes[head]; c++)
			ret_classes[c] += __atomic_load_n(&counters->classes[c], __ATOMIC_RELAXED);
	}
}
