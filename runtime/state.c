/* SPDX-License-Identifier: MIT */
/*
 * Variables lie in one block, which a reset fills anew; that costs what it takes to write it. A resource has memory of its own that grows with
 * what is assigned, and a copy of what the model's initialisation left there.
 *
 * Always holds: the bytes of all resources, copies included, and of the variables together stay within the limit of an arena.
 */
#include "runtime/state.h"

#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/flatbuffer.h"
#include "runtime/graph.h"
#include "runtime/memory.h"
#include "runtime/model.h"
#include "runtime/schema.h"

struct variable {
	uint32_t subgraph, tensor;
	uint8_t initial; /* every byte of it */
	size_t offset, bytes;
};

struct handle {
	const char *container, *name;
	uint32_t lengths[2];
	uint32_t hash; /* of both texts; most comparisons end there */
};

struct tfl_state_plan {
	size_t limit;
	size_t variable_bytes;
	struct variable *variables;
	struct handle *handles;
	uint32_t variable_count, handle_count;
};

struct slot {
	struct tfl_resource value, initial; /* their data are blocks of their own */
	size_t capacity;                    /* of value's */
};

struct tfl_state {
	const struct tfl_state_plan *plan;
	uint8_t *variables;
	struct slot *slots;
	size_t bytes;
};

void tfl_state_plan_destroy(struct tfl_state_plan *plan)
{
	if (!plan)
		return;
	free(plan->variables);
	free(plan->handles);
	free(plan);
}

TFL_DEFINE_CLEANUP(struct tfl_state_plan *, tfl_state_plan_destroyp, tfl_state_plan_destroy)

static uint32_t mix(uint32_t hash, const char *text, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619u;
	return hash;
}

/* Texts that are too long, or lead out of the file, are answered by -EINVAL. */
static int handle_of(const struct tfl_operator *source, struct handle *ret_handle)
{
	enum { CONTAINER, SHARED_NAME };
	struct handle handle;

	if (tfl_fb_string(&source->options, CONTAINER, &handle.container, &handle.lengths[CONTAINER]) < 0 ||
	    tfl_fb_string(&source->options, SHARED_NAME, &handle.name, &handle.lengths[SHARED_NAME]) < 0 ||
	    handle.lengths[CONTAINER] > TFL_RESOURCE_NAME_MAX || handle.lengths[SHARED_NAME] > TFL_RESOURCE_NAME_MAX)
		return -EINVAL;
	handle.hash = mix(mix(2166136261u, handle.container, handle.lengths[CONTAINER]), handle.name, handle.lengths[SHARED_NAME]);
	*ret_handle = handle;
	return 0;
}

static bool equal(const struct handle *a, const struct handle *b)
{
	return a->hash == b->hash && strcmp(a->name, b->name) == 0 && strcmp(a->container, b->container) == 0;
}

static uint32_t find(const struct tfl_state_plan *plan, const struct handle *handle)
{
	uint32_t i = 0;

	while (i < plan->handle_count && !equal(&plan->handles[i], handle))
		i++;
	return i;
}

uint32_t tfl_state_plan_resource(const struct tfl_state_plan *plan, const struct tfl_operator *source)
{
	struct handle handle;

	return handle_of(source, &handle) < 0 ? TFL_NONE : find(plan, &handle);
}

const char *tfl_state_plan_name(const struct tfl_state_plan *plan, uint32_t resource)
{
	return plan->handles[resource].name;
}

bool tfl_state_plan_empty(const struct tfl_state_plan *plan)
{
	return plan->variable_count == 0 && plan->handle_count == 0;
}

/* How many there may be, so that there is room for all. */
static int count(const struct tfl_model *model, struct tfl_state_plan *plan)
{
	size_t variables = 0, handles = 0;

	for (uint32_t s = 0; s < model->subgraph_count; s++) {
		const struct tfl_subgraph *subgraph = &model->subgraphs[s];

		for (uint32_t t = 0; t < subgraph->tensor_count; t++)
			variables += subgraph->tensors[t].is_variable;
		for (uint32_t o = 0; o < subgraph->operator_count; o++)
			handles += subgraph->operators[o].code == TFL_BUILTIN_VAR_HANDLE;
	}
	plan->variables = calloc(variables + 1, sizeof(*plan->variables));
	plan->handles = calloc((handles < TFL_RESOURCES_MAX ? handles : TFL_RESOURCES_MAX) + 1, sizeof(*plan->handles));
	return plan->variables && plan->handles ? 0 : -ENOMEM;
}

static int plan_variable(struct tfl_state_plan *plan, uint32_t subgraph, uint32_t index, const struct tfl_tensor *tensor,
			 struct tfl_error *error)
{
	struct variable *variable = &plan->variables[plan->variable_count];
	size_t elements, bytes;

	if (!tensor->is_variable || tensor->data)
		return 0;
	if (tfl_shape_elements(tensor->dims, tensor->rank, &elements) < 0 || tfl_mul_overflow(elements, tfl_dtype_size(tensor->dtype), &bytes) ||
	    bytes > plan->limit - plan->variable_bytes)
		return tfl_error_set(error, -EFBIG, "subgraph %u: tensor %u: with it, variables would pass %zu bytes, the limit for this file",
				     subgraph, index, plan->limit);
	*variable = (struct variable){subgraph, index, 0, plan->variable_bytes, bytes};
	if (tensor->dtype == TFL_INT8 && tensor->quantization.count > 0)
		variable->initial = (uint8_t)tensor->quantization.zero_points[0];
	plan->variable_bytes += tfl_align_up(bytes + TFL_PADDING_BYTES, TFL_ARENA_ALIGNMENT);
	plan->variable_count++;
	return plan->variable_bytes <= plan->limit ? 0 : tfl_error_set(error, -EFBIG, "subgraph %u: too many variables for this file", subgraph);
}

static int plan_handle(struct tfl_state_plan *plan, const struct tfl_operator *source, struct tfl_error *error)
{
	struct handle handle;

	if (source->code != TFL_BUILTIN_VAR_HANDLE)
		return 0;
	if (handle_of(source, &handle) < 0)
		return tfl_error_set(error, -EINVAL, "a VAR_HANDLE names its resource with more than %u bytes, or outside of the file",
				     TFL_RESOURCE_NAME_MAX);
	if (find(plan, &handle) < plan->handle_count)
		return 0;
	if (plan->handle_count == TFL_RESOURCES_MAX)
		return tfl_error_set(error, -EFBIG, "it names more than %u resources", TFL_RESOURCES_MAX);
	plan->handles[plan->handle_count++] = handle;
	return 0;
}

int tfl_state_plan_create(const struct tfl_model *model, struct tfl_state_plan **ret_plan, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_state_plan_destroyp) struct tfl_state_plan *plan = calloc(1, sizeof(*plan));
	int r = 0;

	if (!plan || count(model, plan) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	plan->limit = tfl_arena_limit(model->size);
	for (uint32_t s = 0; s < model->subgraph_count; s++) {
		const struct tfl_subgraph *subgraph = &model->subgraphs[s];

		for (uint32_t t = 0; r == 0 && t < subgraph->tensor_count; t++)
			r = plan_variable(plan, s, t, &subgraph->tensors[t], error);
		for (uint32_t o = 0; r == 0 && o < subgraph->operator_count; o++)
			r = plan_handle(plan, &subgraph->operators[o], error);
	}
	if (r == 0)
		*ret_plan = TFL_STEAL(plan);
	return r;
}

static void fill_variables(struct tfl_state *state)
{
	const struct tfl_state_plan *plan = state->plan;

	for (uint32_t i = 0; i < plan->variable_count; i++)
		memset(state->variables + plan->variables[i].offset, plan->variables[i].initial, plan->variables[i].bytes);
}

int tfl_state_create(const struct tfl_state_plan *plan, struct tfl_state **ret_state)
{
	struct tfl_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	state->plan = plan;
	state->bytes = plan->variable_bytes;
	state->variables = tfl_block_allocate(tfl_align_up(plan->variable_bytes + 1, TFL_BLOCK_ALIGNMENT));
	state->slots = calloc((size_t)plan->handle_count + 1, sizeof(*state->slots));
	if (!state->variables || !state->slots) {
		tfl_state_destroy(state);
		return -ENOMEM;
	}
	memset(state->variables, 0, plan->variable_bytes);
	fill_variables(state);
	*ret_state = state;
	return 0;
}

void tfl_state_destroy(struct tfl_state *state)
{
	if (!state)
		return;
	for (uint32_t i = 0; state->slots && i < state->plan->handle_count; i++) {
		free((void *)state->slots[i].value.data);
		free((void *)state->slots[i].initial.data);
	}
	free(state->slots);
	tfl_block_free(state->variables);
	free(state);
}

void tfl_state_place(const struct tfl_state *state, uint32_t subgraph, void **data)
{
	for (uint32_t i = 0; i < state->plan->variable_count; i++)
		if (state->plan->variables[i].subgraph == subgraph)
			data[state->plan->variables[i].tensor] = state->variables + state->plan->variables[i].offset;
}

size_t tfl_state_bytes(const struct tfl_state *state)
{
	return sizeof(*state) + state->plan->handle_count * sizeof(*state->slots) + state->bytes;
}

const struct tfl_resource *tfl_state_resource(const struct tfl_state *state, uint32_t resource)
{
	return &state->slots[resource].value;
}

/* Room for a value, padded as constants are. The old content goes. */
static int reserve(struct tfl_state *state, struct slot *slot, size_t bytes)
{
	size_t wanted = tfl_align_up(bytes + TFL_PADDING_BYTES, TFL_ARENA_ALIGNMENT);
	void *memory;

	if (wanted <= slot->capacity)
		return 0;
	if (wanted > state->plan->limit || state->bytes - slot->capacity > state->plan->limit - wanted)
		return -EFBIG;
	memory = aligned_alloc(TFL_ARENA_ALIGNMENT, wanted);
	if (!memory)
		return -ENOMEM;
	memset(memory, 0, wanted);
	free((void *)slot->value.data);
	slot->value = (struct tfl_resource){.data = memory};
	state->bytes += wanted - slot->capacity;
	slot->capacity = wanted;
	return 0;
}

int tfl_state_assign(struct tfl_state *state, uint32_t resource, const struct tfl_resource *value)
{
	struct slot *slot = &state->slots[resource];
	const void *memory;
	int r;

	r = reserve(state, slot, value->bytes);
	if (r < 0)
		return r;
	memory = slot->value.data;
	slot->value = *value;
	slot->value.assigned = true;
	slot->value.data = memory;
	if (value->bytes > 0)
		memmove((void *)memory, value->data, value->bytes);
	return 0;
}

int tfl_state_keep(struct tfl_state *state)
{
	for (uint32_t i = 0; i < state->plan->handle_count; i++) {
		struct slot *slot = &state->slots[i];
		void *copy;

		if (!slot->value.assigned || slot->initial.assigned)
			continue;
		if (slot->value.bytes > state->plan->limit - state->bytes)
			return -EFBIG;
		copy = malloc(slot->value.bytes + 1);
		if (!copy)
			return -ENOMEM;
		slot->initial = slot->value;
		slot->initial.data = memcpy(copy, slot->value.data, slot->value.bytes);
		state->bytes += slot->value.bytes;
	}
	return 0;
}

void tfl_state_reset(struct tfl_state *state)
{
	fill_variables(state);
	for (uint32_t i = 0; i < state->plan->handle_count; i++) {
		struct slot *slot = &state->slots[i];

		/* Room for it was there when it was kept, and room only grows. */
		if (slot->initial.assigned)
			tfl_state_assign(state, i, &slot->initial);
		else
			slot->value.assigned = false;
	}
}
