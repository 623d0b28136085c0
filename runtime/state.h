/* SPDX-License-Identifier: MIT */
/*
 * What a model keeps from one run to the next. Two kinds: variable tensors, which belong to a subgraph and have a fixed shape; and resources,
 * which are found by name (VAR_HANDLE), and whose shape is that of what was assigned last.
 *
 * A plan lists both; it belongs to the model's program and is immutable. A state is the content, one for each interpreter, and shared by
 * the subgraphs that it calls. Thread: that of its interpreter.
 */
#ifndef RUNTIME_STATE_H
#define RUNTIME_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"

struct tfl_error;
struct tfl_model;
struct tfl_state;
struct tfl_state_plan;
struct tfl_operator;

/** Plans the state of all subgraphs. -EFBIG past the limit of an arena, -ENOMEM. */
int tfl_state_plan_create(const struct tfl_model *model, struct tfl_state_plan **ret_plan, struct tfl_error *error);
void tfl_state_plan_destroy(struct tfl_state_plan *plan);

/** Whether there is nothing to keep. */
bool tfl_state_plan_empty(const struct tfl_state_plan *plan);

/** The number of the resource that a VAR_HANDLE names. */
uint32_t tfl_state_plan_resource(const struct tfl_state_plan *plan, const struct tfl_operator *source);

/** Names it in a sentence: its shared_name. */
const char *tfl_state_plan_name(const struct tfl_state_plan *plan, uint32_t resource);

/** The state of a first run: variables are 0 (an int8 one its zero point), resources are not assigned. */
int tfl_state_create(const struct tfl_state_plan *plan, struct tfl_state **ret_state);
void tfl_state_destroy(struct tfl_state *state);

/** Sets data[tensor] for the variables of a subgraph. The addresses stay. */
void tfl_state_place(const struct tfl_state *state, uint32_t subgraph, void **data);

/** What it holds now is what a reset brings back. -ENOMEM. */
int tfl_state_keep(struct tfl_state *state);
void tfl_state_reset(struct tfl_state *state);

/** Bytes that it owns. */
size_t tfl_state_bytes(const struct tfl_state *state);

struct tfl_resource {
	bool assigned;
	enum tfl_dtype dtype;
	uint8_t rank;
	int32_t dims[TFL_RANK_MAX];
	size_t bytes;
	const void *data;
};

/** Valid until the next assignment. */
const struct tfl_resource *tfl_state_resource(const struct tfl_state *state, uint32_t resource);

/** Copies a value (its `assigned` is not looked at) into a resource. -EFBIG where the state would pass the limit of an arena, -ENOMEM. */
int tfl_state_assign(struct tfl_state *state, uint32_t resource, const struct tfl_resource *value);

#endif
