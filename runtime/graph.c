/* SPDX-License-Identifier: MIT */
/*
 * Builds the typed graph. Nodes are prepared in execution order, so each sees the final shapes of its inputs. A node whose inputs are all
 * constant, or that asks for nothing but their shapes, is run once, here, by its portable kernel, and its outputs become constants: weights
 * stored as float16, shapes computed by other operators. A constant that only such nodes read is given back with the last of them. Constants
 * that are stored sparse are expanded when they are first read. What all that may allocate is bounded by the same limit as an interpreter's
 * arena.
 *
 * Always holds: value indices equal the file's tensor indices; a value is constant (data), or an input of the graph, or has a producer
 * before every consumer (the verifier saw to that order).
 */
#include "runtime/graph.h"

#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/graph_internal.h"
#include "runtime/op.h"
#include "runtime/sparse.h"

void tfl_graph_destroy(struct tfl_graph *graph)
{
	if (!graph)
		return;
	for (uint32_t i = 0; i < graph->callee_count; i++)
		tfl_graph_destroy(graph->callees[i]);
	free(graph->callees);
	tfl_graph_free_blocks(graph);
	tfl_graph_finish_late(graph);
	free(graph->values);
	free(graph->nodes);
	free(graph->reads);
	free(graph);
}

TFL_DEFINE_CLEANUP(struct tfl_graph *, tfl_graph_destroyp, tfl_graph_destroy)

_Static_assert(TFL_MODEL_SLACK >= TFL_PADDING_BYTES, "pad_constant() takes what is behind a mapped file for padding");

/*
 * XNNPACK may read TFL_PADDING_BYTES past a constant: one that ends closer to the end of what can be read, and is read at all, is copied. A file
 * that is mapped has that much behind it.
 */
static int pad_constant(struct tfl_graph *graph, struct tfl_value *value, struct tfl_error *error)
{
	const uint8_t *data = value->data, *file = graph->model->data;
	const uint8_t *end = file + graph->model->size + (graph->model->mapped ? TFL_MODEL_SLACK : 0);
	void *copy;

	if (!data || graph->reads[tfl_value_index(graph, value)] == 0)
		return 0;
	if (data >= file && data < end && (size_t)(end - data) >= value->bytes + TFL_PADDING_BYTES)
		return 0;
	copy = tfl_graph_alloc(graph, value->bytes);
	if (!copy)
		return tfl_graph_out_of_memory(graph, error);
	memcpy(copy, data, value->bytes);
	value->data = copy;
	value->owned = true;
	return 0;
}

static int init_value(struct tfl_graph *graph, struct tfl_value *value, const struct tfl_tensor *tensor, struct tfl_error *error)
{
	const struct tfl_quantization *quantization = &tensor->quantization;
	size_t elements;

	if (tfl_shape_elements(tensor->dims, tensor->rank, &elements) < 0 ||
	    tfl_mul_overflow(elements, tfl_dtype_size(tensor->dtype), &value->bytes) || value->bytes > TFL_TENSOR_BYTES_MAX)
		return tfl_error_set(error, -EINVAL, "tensor '%.100s' is larger than %u bytes", tensor->name, TFL_TENSOR_BYTES_MAX);
	value->tensor = tensor;
	value->dtype = tensor->dtype;
	value->rank = tensor->rank;
	memcpy(value->dims, tensor->dims, sizeof(value->dims));
	value->elements = elements;
	value->data = tensor->is_sparse ? NULL : tensor->data; /* see expand_sparse() */
	value->variable = tensor->is_variable;
	value->producer = TFL_NONE;
	if (quantization->count > 0) {
		value->quantized = true;
		value->scale = quantization->scales[0];
		value->zero_point = (int32_t)quantization->zero_points[0];
	}
	return pad_constant(graph, value, error);
}

/* A constant that is stored sparse becomes a dense one where it is first read. */
static int expand_sparse(struct tfl_graph *graph, struct tfl_node *node, uint32_t input, struct tfl_error *error)
{
	struct tfl_value *value = tfl_node_input(graph, node, input);
	struct tfl_sparse sparse;
	struct tfl_error fault = {0};
	void *dense;
	int r;

	r = tfl_sparse_init(&sparse, value->tensor, &fault);
	if (r == -EOPNOTSUPP)
		node->cause = TFL_CAUSE_SPARSE;
	if (r < 0)
		return (r == -EOPNOTSUPP ? tfl_node_unsupported : tfl_node_invalid)(graph, node, error, "input %u: %s", input, fault.text);
	r = tfl_node_charge(graph, node, sparse.work, 1, error);
	if (r < 0)
		return r;
	dense = tfl_graph_alloc(graph, value->bytes);
	if (!dense)
		return -ENOMEM;
	tfl_sparse_expand(&sparse, dense);
	value->data = dense;
	value->owned = true;
	return 0;
}

/* How the inputs are kept. */
static int check_storage(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	for (uint32_t i = 0; i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);
		int r = value && value->tensor->is_sparse && !value->data ? expand_sparse(graph, node, i, error) : 0;

		if (r < 0)
			return r;
		if (value && value->variable && value->data)
			return tfl_node_invalid(graph, node, error, "input %u is a variable, but has constant content", i);
	}
	return 0;
}

static int check_form(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_operator *source = node->source;
	const struct tfl_op *op = node->op;
	const char *foreign;

	if (source->version > op->max_version) {
		node->cause = TFL_CAUSE_VERSION;
		return tfl_node_unsupported(graph, node, error, "the greatest version known is %d", op->max_version);
	}
	if (source->options_type != TFL_OPTIONS_NONE && op->options != TFL_OPTIONS_NONE && source->options_type != op->options)
		return tfl_node_invalid(graph, node, error, "its options are of another operator (union tag %u; %u would be right)",
					source->options_type, op->options);
	foreign = op->foreign ? op->foreign(source) : NULL;
	return foreign ? tfl_node_unsupported(graph, node, error, "%s", foreign) : 0;
}

static int check_operator(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_operator *source = node->source;
	const struct tfl_op *op = node->op;
	int r = check_form(graph, node, error);

	if (r < 0)
		return r;
	if (source->input_count < op->inputs_min || (op->inputs_max && source->input_count > op->inputs_max))
		return tfl_node_invalid(graph, node, error, "it has %u inputs; %u to %u are right", source->input_count, op->inputs_min,
					op->inputs_max ? op->inputs_max : TFL_OPERATOR_TENSORS_MAX);
	if (op->outputs && source->output_count != op->outputs)
		return tfl_node_invalid(graph, node, error, "it has %u outputs; %u would be right", source->output_count, op->outputs);
	for (uint32_t i = 0; i < op->inputs_min; i++)
		if (source->inputs[i] < 0 && !(op->optional >> i & 1))
			return tfl_node_invalid(graph, node, error, "input %u is left out, but needed", i);
	if (!tfl_op_types_match(op, graph, node)) {
		node->cause = TFL_CAUSE_TYPES;
		return tfl_node_unsupported(graph, node, error, "these types are not among those known");
	}
	return check_storage(graph, node, error);
}

static bool all_inputs_constant(const struct tfl_graph *graph, const struct tfl_node *node)
{
	for (uint32_t i = 0; i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);

		if (value && !value->data)
			return false;
	}
	return node->source->input_count > 0;
}

/* What only folded nodes read is not needed behind the last of them. A survey shows it. */
static void drop_inputs(struct tfl_graph *graph, const struct tfl_node *node)
{
	for (uint32_t i = 0; i < node->source->input_count && !graph->survey; i++) {
		struct tfl_value *value = tfl_node_input(graph, node, i);

		if (!value || --graph->reads[tfl_value_index(graph, value)] > 0 || !value->owned)
			continue;
		tfl_graph_free(graph, (void *)value->data);
		value->data = NULL;
		value->owned = false;
	}
}

/* Runs a node on constant inputs, or on none that it reads; its outputs become constants of the graph. */
static int fold(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	_tfl_free_ void **data = calloc(graph->value_count, sizeof(*data));
	struct tfl_run run = {.graph = graph, .data = data};
	int r;

	if (!data || !(run.scratch = tfl_graph_alloc(graph, node->scratch_bytes)))
		return -ENOMEM;
	for (uint32_t i = 0; i < node->source->output_count; i++) {
		data[node->source->outputs[i]] = tfl_graph_alloc(graph, tfl_node_output(graph, node, i)->bytes);
		if (!data[node->source->outputs[i]])
			return -ENOMEM;
	}
	r = node->op->run(&run, node, error);
	if (r < 0)
		return r;
	tfl_graph_free(graph, run.scratch);
	for (uint32_t i = 0; i < node->source->output_count; i++) {
		tfl_node_output(graph, node, i)->data = data[node->source->outputs[i]];
		tfl_node_output(graph, node, i)->owned = true;
	}
	drop_inputs(graph, node);
	node->folded = true;
	return 0;
}

static int count_reads(struct tfl_graph *graph)
{
	graph->reads = calloc((size_t)graph->value_count + 1, sizeof(*graph->reads));
	if (!graph->reads)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->source->output_count; i++)
		graph->reads[graph->source->outputs[i]]++;
	for (uint32_t n = 0; n < graph->node_count; n++)
		for (uint32_t i = 0; i < graph->source->operators[n].input_count; i++)
			if (graph->source->operators[n].inputs[i] >= 0)
				graph->reads[graph->source->operators[n].inputs[i]]++;
	return 0;
}

static bool touches_state(const struct tfl_graph *graph, const struct tfl_node *node)
{
	bool touches = node->op->stateful;

	for (uint32_t i = 0; i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);

		touches |= value && value->variable;
	}
	for (uint32_t i = 0; i < node->source->output_count; i++)
		touches |= tfl_node_output(graph, node, i)->variable;
	return touches;
}

/* A variable has memory for the shape that the file gives it, whatever would be written there. */
static int check_variables(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error)
{
	char shape[TFL_SHAPE_STRING_MAX], written[TFL_SHAPE_STRING_MAX];

	for (uint32_t i = 0; i < node->source->output_count; i++) {
		const struct tfl_value *output = tfl_node_output(graph, node, i);
		const struct tfl_tensor *tensor = output->tensor;

		if (!output->variable ||
		    (!output->late && output->rank == tensor->rank && memcmp(output->dims, tensor->dims, tensor->rank * sizeof(*tensor->dims)) == 0))
			continue;
		return tfl_node_invalid(graph, node, error, "output %u is a variable of shape %s; what is written there has the shape %s", i,
					tfl_shape_to_string(tensor->dims, tensor->rank, shape, sizeof(shape)),
					output->late ? "that a run finds out"
						     : tfl_shape_to_string(output->dims, output->rank, written, sizeof(written)));
	}
	return 0;
}

/* Asks prepare(). 1: what it wants to know is not known here. */
static int prepare_node(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	uint64_t before = graph->work;
	int r;

	if (tfl_graph_is_behind(graph, node))
		return 1;
	graph->account->wanted_count = 0;
	r = node->op->prepare(graph, node, error);
	node->work = graph->work - before;
	if (r == -EOPNOTSUPP && graph->account->wanted_count > 0)
		return 1;
	graph->account->wanted_count = 0;
	if (r == 0)
		r = check_variables(graph, node, error);
	for (uint32_t i = 0; r == 0 && i < node->source->output_count; i++)
		r = tfl_node_charge(graph, node, graph->values[node->source->outputs[i]].elements, 1, error);
	for (uint32_t i = 0; r == 0 && i < node->source->input_count; i++)
		r = tfl_node_charge(graph, node, node->source->inputs[i] < 0 ? 0 : graph->values[node->source->inputs[i]].elements, 1, error);
	return r;
}

static int add_node(struct tfl_graph *graph, uint32_t index, struct tfl_error *error)
{
	struct tfl_node *node = &graph->nodes[index];
	const struct tfl_operator *source = &graph->source->operators[index];
	int r;

	node->source = source;
	node->index = graph->numbers ? graph->numbers[index] : index;
	node->op = tfl_op_find(source->code, source->custom_name);
	if (!node->op) {
		node->cause = tfl_cause_of_unknown(source->code, source->custom_name);
		return tfl_node_unsupported(graph, node, error, "this operator is not known; doc/operators.md lists those that are");
	}
	r = check_operator(graph, node, error);
	if (r < 0)
		return r;
	node->ordered = touches_state(graph, node);
	r = prepare_node(graph, node, error);
	if (r != 0)
		return r > 0 ? tfl_graph_defer(graph, node) : r;
	for (uint32_t i = 0; i < source->output_count; i++)
		graph->values[source->outputs[i]].producer = tfl_node_output(graph, node, i)->variable ? TFL_NONE : index;
	if (node->folded || node->ordered)
		return 0;
	if (node->op->from_shapes || all_inputs_constant(graph, node))
		return fold(graph, node, error);
	return 0;
}

/* Nodes whose outputs nobody reads never run. XNNPACK ends the process when it meets one with a fused activation. */
static int drop_unread(struct tfl_graph *graph)
{
	_tfl_free_ bool *wanted = calloc((size_t)graph->value_count + 1, sizeof(*wanted));

	if (!wanted)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->source->output_count; i++)
		wanted[graph->source->outputs[i]] = true;
	for (uint32_t n = graph->node_count; n-- > 0;) {
		const struct tfl_operator *source = graph->nodes[n].source;
		bool read = graph->nodes[n].ordered;

		for (uint32_t i = 0; i < source->output_count; i++)
			read |= wanted[source->outputs[i]];
		graph->nodes[n].folded |= !read;
		for (uint32_t i = 0; (!graph->nodes[n].folded || graph->nodes[n].deferred) && i < source->input_count; i++)
			if (source->inputs[i] >= 0)
				wanted[source->inputs[i]] = true;
	}
	return 0;
}

/* What is behind a refused operator is known from the file alone, and so is what comes of that. */
static void spread_uncertainty(struct tfl_graph *graph, const struct tfl_node *node)
{
	bool uncertain = node->cause != TFL_CAUSE_NONE;

	for (uint32_t i = 0; i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);

		uncertain |= value && value->uncertain;
	}
	for (uint32_t i = 0; i < node->source->output_count; i++)
		tfl_node_output(graph, node, i)->uncertain |= uncertain;
}

static enum tfl_cause cause_of(int r)
{
	return r == -EFBIG ? TFL_CAUSE_LIMIT : r == -EOPNOTSUPP ? TFL_CAUSE_FORM : TFL_CAUSE_INVALID;
}

/* Keeps a refused node as a survey does. */
static int keep_refused(struct tfl_graph *graph, struct tfl_node *node, int code, const struct tfl_error *refusal, struct tfl_error *error)
{
	size_t size = strlen(refusal->text) + 1;
	char *reason = tfl_graph_alloc(graph, size);
	int r;

	if (!reason)
		return tfl_graph_out_of_memory(graph, error);
	node->reason = memcpy(reason, refusal->text, size);
	if (node->cause == TFL_CAUSE_NONE)
		node->cause = cause_of(code);
	for (uint32_t i = 0; i < node->source->output_count; i++) {
		uint32_t output = (uint32_t)node->source->outputs[i];

		r = init_value(graph, &graph->values[output], &graph->source->tensors[output], error);
		if (r < 0)
			return r;
		graph->values[output].producer = node->index;
	}
	return 0;
}

static int survey_node(struct tfl_graph *graph, uint32_t index, struct tfl_error *error)
{
	struct tfl_node *node = &graph->nodes[index];
	struct tfl_error refusal = {0};
	int r;

	r = add_node(graph, index, &refusal);
	if (r == -ENOMEM)
		r = tfl_graph_out_of_memory(graph, &refusal);
	if (r == -ENOMEM)
		return tfl_error_set(error, r, "%s", refusal.text);
	graph->account->exhausted = false;
	if (r < 0)
		r = keep_refused(graph, node, r, &refusal, error);
	if (r == 0)
		spread_uncertainty(graph, node);
	return r;
}

/* The inputs as whoever builds the graph wants them. */
static int take_given(struct tfl_graph *graph, const struct tfl_graph_given *given, struct tfl_error *error)
{
	for (uint32_t i = 0; given && i < graph->source->input_count; i++) {
		struct tfl_value *value = &graph->values[graph->source->inputs[i]];
		const struct tfl_quantization *scales = &value->tensor->quantization;
		char shape[TFL_SHAPE_STRING_MAX];

		if (tfl_value_set_shape(value, given[i].rank, given[i].dims) < 0)
			return tfl_error_set(error, -EINVAL, "input %u would have the shape %s, which is negative or larger than %u bytes", i,
					     tfl_shape_to_string(given[i].dims, given[i].rank, shape, sizeof(shape)), TFL_TENSOR_BYTES_MAX);
		if (scales->count > 1 && (scales->axis >= value->rank || (uint32_t)value->dims[scales->axis] != scales->count))
			return tfl_error_set(error, -EINVAL, "input %u would have the shape %s, but has %u scales along dimension %u", i,
					     tfl_shape_to_string(given[i].dims, given[i].rank, shape, sizeof(shape)), scales->count, scales->axis);
		value->data = given[i].data;
		if (given[i].late && tfl_value_set_late(graph, value) < 0)
			return tfl_error_set(error, -ENOMEM, "out of memory");
	}
	return 0;
}

/* A value of a graph behind another one: as it is there, but for what is late. */
static int inherit_value(struct tfl_graph *graph, const struct tfl_graph *head, uint32_t index, struct tfl_error *error)
{
	struct tfl_value *value = &graph->values[index];

	if (head->values[index].late)
		return init_value(graph, value, &graph->source->tensors[index], error);
	*value = head->values[index];
	value->owned = false;
	value->producer = TFL_NONE;
	return 0;
}

static struct tfl_graph *allocate(const struct tfl_graph_spec *spec)
{
	const struct tfl_subgraph *source = spec->head ? &spec->head->behind : &spec->model->subgraphs[spec->subgraph];
	struct tfl_graph *graph = calloc(1, sizeof(*graph));

	if (!graph)
		return NULL;
	graph->model = spec->model;
	graph->work_max = spec->work_max ? spec->work_max : TFL_WORK_MAX;
	graph->survey = spec->survey;
	graph->state = spec->state;
	graph->caller = spec->head ? spec->head->caller : spec->caller;
	graph->account = spec->caller ? spec->caller->account : &graph->own;
	graph->numbers = spec->head ? spec->head->behind_numbers : NULL;
	graph->subgraph = spec->subgraph;
	graph->source = source;
	graph->value_count = source->tensor_count;
	graph->node_count = source->operator_count;
	graph->values = calloc((size_t)source->tensor_count + 1, sizeof(*graph->values));
	graph->nodes = calloc((size_t)source->operator_count + 1, sizeof(*graph->nodes));
	if (graph->values && graph->nodes && count_reads(graph) == 0)
		return graph;
	tfl_graph_destroy(graph);
	return NULL;
}

static int build(struct tfl_graph *graph, const struct tfl_graph_spec *spec, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < graph->value_count; i++)
		r = spec->head ? inherit_value(graph, spec->head, i, error)
			       : init_value(graph, &graph->values[i], &graph->source->tensors[i], error);
	if (r == 0)
		r = take_given(graph, spec->given, error);
	for (uint32_t i = 0; r == 0 && i < graph->node_count; i++)
		r = graph->survey ? survey_node(graph, i, error) : add_node(graph, i, error);
	if (r == -ENOMEM)
		return tfl_graph_out_of_memory(graph, error);
	free(TFL_STEAL(graph->reads));
	if (r == 0 && (tfl_graph_collect(graph) < 0 || drop_unread(graph) < 0))
		return tfl_error_set(error, -ENOMEM, "out of memory");
	return r;
}

int tfl_graph_create(const struct tfl_graph_spec *spec, struct tfl_graph **ret_graph, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_graph_destroyp) struct tfl_graph *graph = NULL;
	int r;

	if (spec->subgraph >= spec->model->subgraph_count)
		return tfl_error_set(error, -EINVAL, "the model has no subgraph %u", spec->subgraph);
	graph = allocate(spec);
	if (!graph)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	r = build(graph, spec, error);
	if (r == 0)
		*ret_graph = TFL_STEAL(graph);
	return r;
}
