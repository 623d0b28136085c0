/* SPDX-License-Identifier: MIT */
/*
 * Resource variables. VAR_HANDLE names one, by container and shared_name; the handle is its number, known when the graph is built, also where
 * it is handed to another subgraph. ASSIGN_VARIABLE stores a value under it, of any type and shape; READ_VARIABLE gives it back, in the type
 * and shape that its output has.
 */
#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/call.h"
#include "runtime/state.h"

static int prepare_handle(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct tfl_value *output = tfl_node_output(graph, node, 0);
	uint32_t *handle = tfl_graph_alloc(graph, sizeof(*handle));
	int r;

	if (!handle)
		return -ENOMEM;
	if (!graph->state)
		return tfl_node_unsupported(graph, node, error, "there is no place for resources here");
	*handle = tfl_state_plan_resource(graph->state, node->source);
	r = tfl_node_set_shape(graph, node, 0, 0, (int32_t[]){0}, error);
	if (r < 0)
		return r;
	output->data = handle;
	node->folded = true;
	return 0;
}

/* Never: prepare() has made it a constant. */
static int run_handle(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	return 0;
}

/* The number of the resource that the first input names. Only a survey, which has no callers, does not know it. */
static int find_resource(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_input(graph, node, 0);
	uint32_t *resource = node->params = tfl_graph_alloc(graph, sizeof(*resource));

	if (!resource)
		return -ENOMEM;
	if (value->data)
		memcpy(resource, value->data, sizeof(*resource));
	else if (!graph->survey)
		return tfl_node_unsupported(graph, node, error, "which resource it is about is found out at run time; a VAR_HANDLE must say it");
	return 0;
}

static int prepare_read(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	int r = find_resource(graph, node, error);

	/* Where the file leaves the shape open, it is that of what was assigned. */
	if (r == 0 && tfl_node_output(graph, node, 0)->tensor->has_dynamic)
		r = tfl_node_set_late(graph, node, 0);
	return r;
}

static int run_read(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *output = tfl_node_output(run->graph, node, 0);
	uint32_t number = *(const uint32_t *)node->params;
	const struct tfl_resource *resource = tfl_state_resource(run->state, number);
	const char *name = tfl_state_plan_name(run->graph->state, number);
	char held[TFL_SHAPE_STRING_MAX], wanted[TFL_SHAPE_STRING_MAX];
	void *data;
	int r;

	if (!resource->assigned)
		return tfl_error_set(error, -EINVAL, "operator %u (READ_VARIABLE): '%.100s' is read before anything was assigned to it", node->index,
				     name);
	if (resource->dtype != output->dtype ||
	    (!output->late && (resource->rank != output->rank ||
			       memcmp(resource->dims, output->dims, output->rank * sizeof(*output->dims)) != 0)))
		return tfl_error_set(error, -EINVAL, "operator %u (READ_VARIABLE): '%.100s' holds %s %s, but %s %s is expected", node->index, name,
				     tfl_dtype_to_string(resource->dtype), tfl_shape_to_string(resource->dims, resource->rank, held, sizeof(held)),
				     tfl_dtype_to_string(output->dtype), tfl_shape_to_string(output->dims, output->rank, wanted, sizeof(wanted)));
	r = tfl_run_resize(run, node, 0, resource->rank, resource->dims, &data, error);
	if (r == 0 && resource->bytes > 0)
		memcpy(data, resource->data, resource->bytes);
	return r;
}

static int prepare_assign(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	return find_resource(graph, node, error);
}

static int run_assign(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(run->graph, node, 1);
	struct tfl_resource value = {.dtype = input->dtype, .rank = input->rank, .bytes = input->bytes, .data = tfl_run_input(run, node, 1)};
	uint32_t number = *(const uint32_t *)node->params;
	int r;

	memcpy(value.dims, input->dims, sizeof(value.dims));
	r = tfl_state_assign(run->state, number, &value);
	if (r == -EFBIG)
		return tfl_error_set(error, r, "operator %u (ASSIGN_VARIABLE): with %zu bytes for '%.100s', the state would pass its limit",
				     node->index, input->bytes, tfl_state_plan_name(run->graph->state, number));
	return r < 0 ? tfl_error_set(error, r, "out of memory") : 0;
}

const struct tfl_op tfl_op_var_handle = {
	.code = TFL_BUILTIN_VAR_HANDLE,
	.options = TFL_OPTIONS_VAR_HANDLE,
	.outputs = 1,
	.max_version = 1,
	.name = "VAR_HANDLE",
	.types = ":r",
	.prepare = prepare_handle,
	.run = run_handle,
};

const struct tfl_op tfl_op_read_variable = {
	.code = TFL_BUILTIN_READ_VARIABLE,
	.options = TFL_OPTIONS_READ_VARIABLE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 1,
	.name = "READ_VARIABLE",
	.types = "r:#",
	.stateful = true,
	.prepare = prepare_read,
	.run = run_read,
};

const struct tfl_op tfl_op_assign_variable = {
	.code = TFL_BUILTIN_ASSIGN_VARIABLE,
	.options = TFL_OPTIONS_ASSIGN_VARIABLE,
	.inputs_min = 2,
	.inputs_max = 2,
	.max_version = 1,
	.name = "ASSIGN_VARIABLE",
	.types = "r#:",
	.stateful = true,
	.prepare = prepare_assign,
	.run = run_assign,
};
