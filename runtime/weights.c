/* SPDX-License-Identifier: MIT */
/*
 * XNNPACK's protocol, as it behaves: look_up(key) before packing; reserve_space(n) for memory to pack into; look_up_or_insert(key, memory,
 * n) afterwards, also for keys that were found: the memory is then NULL, or was packed all the same. An "offset" is whatever
 * offset_to_addr() can turn into the address: here it is that address. reserve_space() hands out one scratch buffer, which becomes an
 * entry's own memory when its key is new and is used again when it is not. Depthwise convolutions of a subgraph are made without a cache:
 * each interpreter packs those, a few per cent of a network's weights, by itself.
 *
 * is_finalized() is always true: XNNPACK refuses to run from a cache that is not, and this one never moves what it holds.
 */
#include "runtime/weights.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "runtime/memory.h"
#include "runtime/quant.h"

#define PADDING 128 /* microkernels read past the end */

struct entry {
	struct xnn_weights_cache_look_up_key key;
	void *data;
	size_t size;
};

struct use {
	struct tfl_weights_use use;
	void *bias, *kernel; /* copies; NULL: the file's own address is used */
};

struct tfl_weights {
	struct xnn_weights_cache_provider provider;
	const struct tfl_weights *base; /* looked into as well; NULL: there is none */
	struct entry *entries;
	uint32_t *slots; /* open addressing over entries, entry number + 1 or 0; a power of two, at most half full */
	uint32_t entry_count, slot_count;
	struct use *uses;
	uint32_t use_count;
	void *scratch;
	size_t scratch_size;
	bool failed; /* see tfl_weights_check() */
	bool sealed;
	size_t limit, planned; /* bytes of all uses, estimated before they are packed */
	struct tfl_weights_stats stats;
};

static uint32_t hash_key(const struct xnn_weights_cache_look_up_key *key)
{
	uint64_t hash = key->seed * 0x9e3779b97f4a7c15u;

	hash = (hash ^ (uintptr_t)key->kernel) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ (uintptr_t)key->bias ^ hash >> 29) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(hash >> 32);
}

static bool same_key(const struct xnn_weights_cache_look_up_key *a, const struct xnn_weights_cache_look_up_key *b)
{
	return a->seed == b->seed && a->kernel == b->kernel && a->bias == b->bias;
}

/* The slot that holds @p key, or the empty one where it belongs. */
static uint32_t *find_slot(const struct tfl_weights *weights, const struct xnn_weights_cache_look_up_key *key)
{
	uint32_t mask = weights->slot_count - 1, i = hash_key(key) & mask;

	while (weights->slots[i] && !same_key(&weights->entries[weights->slots[i] - 1].key, key))
		i = (i + 1) & mask;
	return &weights->slots[i];
}

static int grow(struct tfl_weights *weights)
{
	uint32_t slot_count = weights->slot_count ? weights->slot_count * 2 : 64;
	uint32_t *slots = calloc(slot_count, sizeof(*slots)), *old = weights->slots;
	struct entry *entries = realloc(weights->entries, slot_count / 2 * sizeof(*entries));

	if (entries)
		weights->entries = entries;
	if (!slots || !entries) {
		free(slots);
		return -ENOMEM;
	}
	weights->slots = slots;
	weights->slot_count = slot_count;
	for (uint32_t i = 0; i < weights->entry_count; i++)
		*find_slot(weights, &weights->entries[i].key) = i + 1;
	free(old);
	return 0;
}

/* Its own, else the base's; NULL. Its own is there only where the base's would not have been right. */
static const struct entry *find_entry(const struct tfl_weights *weights, const struct xnn_weights_cache_look_up_key *key)
{
	for (; weights; weights = weights->base) {
		uint32_t slot = weights->slot_count > 0 ? *find_slot(weights, key) : 0;

		if (slot > 0)
			return &weights->entries[slot - 1];
	}
	return NULL;
}

static size_t look_up(void *context, const struct xnn_weights_cache_look_up_key *key)
{
	struct tfl_weights *weights = context;
	const struct entry *found = find_entry(weights, key);

	if (!found)
		return SIZE_MAX;
	__atomic_fetch_add(&weights->stats.reused, 1, __ATOMIC_RELAXED); /* also while somebody reads it */
	return (uintptr_t)found->data;
}

static void *reserve_space(void *context, size_t size)
{
	struct tfl_weights *weights = context;
	size_t wanted = tfl_align_up(size, TFL_BLOCK_ALIGNMENT) + PADDING;

	if (weights->scratch_size < wanted) {
		tfl_block_free(weights->scratch);
		weights->scratch = tfl_block_allocate(wanted);
		weights->scratch_size = weights->scratch ? wanted : 0;
	}
	return weights->scratch;
}

/* Takes the scratch buffer over where its size fits, else copies, so that no entry holds on to a buffer that was larger. */
static void *own(struct tfl_weights *weights, void *data, size_t size)
{
	size_t wanted = tfl_align_up(size, TFL_BLOCK_ALIGNMENT) + PADDING;
	void *copy;

	if (data == weights->scratch && weights->scratch_size == wanted) {
		weights->scratch_size = 0;
		return TFL_STEAL(weights->scratch);
	}
	copy = tfl_block_allocate(wanted);
	if (copy)
		memcpy(copy, data, size);
	return copy;
}

static size_t look_up_or_insert(void *context, const struct xnn_weights_cache_look_up_key *key, void *data, size_t size)
{
	struct tfl_weights *weights = context;
	const struct entry *found = find_entry(weights, key);
	struct entry *entry;

	if (found && (!data || (found->size == size && memcmp(found->data, data, size) == 0)))
		return look_up(context, key);
	if (!weights->sealed && (weights->entry_count < weights->slot_count / 2 || grow(weights) == 0))
		data = own(weights, data, size);
	else
		data = NULL;
	if (!data) {
		weights->failed = true;
		return SIZE_MAX;
	}
	entry = &weights->entries[weights->entry_count];
	*entry = (struct entry){*key, data, size};
	*find_slot(weights, key) = ++weights->entry_count;
	weights->stats.bytes += size;
	weights->stats.packed++;
	return (uintptr_t)data;
}

static bool is_finalized(void *context)
{
	return true;
}

static void *offset_to_addr(void *context, size_t offset)
{
	return offset == SIZE_MAX ? NULL : (void *)(uintptr_t)offset;
}

/* XNNPACK's own delete function is never called on us; tfl_weights_destroy() frees. */
static enum xnn_status delete_cache(void *context)
{
	return xnn_status_success;
}

int tfl_weights_create(size_t limit, const struct tfl_weights *base, struct tfl_weights **ret_weights)
{
	struct tfl_weights *weights = calloc(1, sizeof(*weights));

	if (!weights)
		return -ENOMEM;
	weights->limit = limit;
	weights->base = base;
	weights->provider = (struct xnn_weights_cache_provider){
		.context = weights,
		.look_up = look_up,
		.reserve_space = reserve_space,
		.look_up_or_insert = look_up_or_insert,
		.is_finalized = is_finalized,
		.offset_to_addr = offset_to_addr,
		.delete_cache = delete_cache,
	};
	*ret_weights = weights;
	return 0;
}

void tfl_weights_destroy(struct tfl_weights *weights)
{
	if (!weights)
		return;
	for (uint32_t i = 0; i < weights->entry_count; i++)
		tfl_block_free(weights->entries[i].data);
	for (uint32_t i = 0; i < weights->use_count; i++) {
		free(weights->uses[i].bias);
		free(weights->uses[i].kernel);
	}
	free(weights->entries);
	free(weights->slots);
	free(weights->uses);
	tfl_block_free(weights->scratch);
	free(weights);
}

xnn_weights_cache_t tfl_weights_provider(struct tfl_weights *weights)
{
	return &weights->provider;
}

static struct use *add_use(struct tfl_weights *weights)
{
	struct use *uses;

	/* Grown by doubling: the count is a power of two exactly when the array is full. */
	if ((weights->use_count & (weights->use_count - 1)) == 0) {
		uses = realloc(weights->uses, (weights->use_count ? weights->use_count * 2 : 1) * sizeof(*uses));
		if (!uses)
			return NULL;
		weights->uses = uses;
	}
	return &weights->uses[weights->use_count];
}

static int32_t *copy_bias(const struct tfl_weights_use *use, uint32_t count, const struct tfl_multiplier *multipliers)
{
	int32_t *copy = calloc(1, count * sizeof(*copy) + PADDING);

	if (!copy)
		return NULL;
	if (use->bias)
		memcpy(copy, use->bias, count * sizeof(*copy));
	for (uint32_t i = 0; use->rectified && i < count; i++)
		if (multipliers[i].shift < 0 && copy[i] < INT32_MAX)
			copy[i]++;
	return copy;
}

/* Packing rounds channels and depth up to the microkernel's tile, and adds sums, biases and scales per channel. */
static size_t packed_estimate(uint32_t channels, size_t bytes)
{
	size_t rounded = tfl_align_up(channels, 64);

	return rounded * (tfl_align_up(bytes / (channels ? channels : 1) + 1, 64) + 16);
}

static struct tfl_weights_operands operands_of(const struct use *use)
{
	return (struct tfl_weights_operands){use->kernel ? use->kernel : use->use.kernel, use->bias ? use->bias : use->use.bias};
}

static bool same_use(const struct tfl_weights_use *a, const struct tfl_weights_use *b)
{
	enum { FIRST = offsetof(struct tfl_weights_use, kernel) };

	if (memcmp((const char *)a + FIRST, (const char *)b + FIRST, sizeof(*a) - FIRST) != 0)
		return false;
	return a->filter_scale_count == 0 || memcmp(a->filter_scales, b->filter_scales, a->filter_scale_count * sizeof(float)) == 0;
}

/* The same use, or NULL. Sets *taken where another one has the key that this one would have. */
static const struct use *find_use(const struct tfl_weights *weights, const struct tfl_weights_use *use, bool *taken)
{
	const struct use *found = weights->base ? find_use(weights->base, use, taken) : NULL;

	for (uint32_t i = 0; !found && i < weights->use_count; i++) {
		const struct tfl_weights_use *seen = &weights->uses[i].use;

		if (seen->kernel != use->kernel || seen->dynamic != use->dynamic || (!use->dynamic && seen->bias != use->bias))
			continue;
		if (same_use(seen, use))
			found = &weights->uses[i];
		else
			*taken = true;
	}
	return found;
}

static int copy_operands(struct use *added, uint32_t count, size_t bytes, const struct tfl_multiplier *multipliers, bool taken)
{
	const struct tfl_weights_use *use = &added->use;

	if (!use->bias || use->rectified || (taken && !use->dynamic)) {
		added->bias = copy_bias(use, count, multipliers);
		if (!added->bias)
			return -ENOMEM;
	}
	if (taken && use->dynamic) {
		added->kernel = malloc(bytes + PADDING);
		if (!added->kernel) {
			free(TFL_STEAL(added->bias));
			return -ENOMEM;
		}
		memcpy(added->kernel, use->kernel, bytes);
	}
	return 0;
}

int tfl_weights_use(struct tfl_weights *weights, const struct tfl_weights_use *use, uint32_t count, size_t bytes,
		    const struct tfl_multiplier *multipliers, struct tfl_weights_operands *ret_operands)
{
	size_t planned = packed_estimate(count, bytes);
	const struct use *found;
	struct use *added;
	bool taken = false;
	int r;

	found = find_use(weights, use, &taken);
	if (found) {
		*ret_operands = operands_of(found);
		return 0;
	}
	if (weights->sealed || planned > weights->limit - weights->planned)
		return 1;
	added = add_use(weights);
	if (!added)
		return -ENOMEM;
	*added = (struct use){.use = *use};
	r = copy_operands(added, count, bytes, multipliers, taken);
	if (r < 0)
		return r;
	weights->use_count++;
	weights->planned += planned;
	weights->stats.bytes += (added->bias ? count * sizeof(int32_t) : 0) + (added->kernel ? bytes : 0);
	*ret_operands = operands_of(added);
	return 0;
}

int tfl_weights_check(struct tfl_weights *weights)
{
	bool failed = weights->failed;

	weights->failed = false;
	return failed ? -ENOMEM : 0;
}

void tfl_weights_seal(struct tfl_weights *weights)
{
	weights->sealed = true;
}

void tfl_weights_trim(struct tfl_weights *weights)
{
	tfl_block_free(TFL_STEAL(weights->scratch));
	weights->scratch_size = 0;
}

void tfl_weights_stats(const struct tfl_weights *weights, struct tfl_weights_stats *ret_stats)
{
	*ret_stats = (struct tfl_weights_stats){
		.bytes = weights->stats.bytes,
		.entries = weights->entry_count,
		.packed = weights->stats.packed,
		.reused = __atomic_load_n(&weights->stats.reused, __ATOMIC_RELAXED),
	};
}
