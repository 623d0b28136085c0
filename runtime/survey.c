/* SPDX-License-Identifier: MIT */
/*
 * Each subgraph is built as a graph that keeps what is refused; what is worth knowing is copied out of it, then it is gone. Subgraph 0 is
 * then loaded as the daemon would load it: its verdicts, after XNNPACK has seen whole steps, stand in the place of the first guesses.
 *
 * What a file can make this compute is bounded once for all its subgraphs together, not for each.
 */
#include "runtime/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "runtime/graph.h"
#include "runtime/interpreter.h"
#include "runtime/op.h"
#include "runtime/program_internal.h"

/* Operators whose work is multiplications and additions, and which of their inputs hold activations and weights. */
static const struct {
	uint16_t code;
	uint8_t activations, weights;
} weighted[] = {
	{TFL_BUILTIN_CONV_2D, 0, 1},
	{TFL_BUILTIN_DEPTHWISE_CONV_2D, 0, 1},
	{TFL_BUILTIN_FULLY_CONNECTED, 0, 1},
	{TFL_BUILTIN_TRANSPOSE_CONV, 2, 1},
	{TFL_BUILTIN_BATCH_MATMUL, 0, 1},
	{TFL_BUILTIN_CONV_3D, 0, 1},
	{TFL_BUILTIN_CONV_3D_TRANSPOSE, 2, 1},
	{TFL_BUILTIN_LSTM, 0, 2},
	{TFL_BUILTIN_UNIDIRECTIONAL_SEQUENCE_LSTM, 0, 2},
	{TFL_BUILTIN_BIDIRECTIONAL_SEQUENCE_LSTM, 0, 2},
	{TFL_BUILTIN_RNN, 0, 1},
	{TFL_BUILTIN_UNIDIRECTIONAL_SEQUENCE_RNN, 0, 1},
	{TFL_BUILTIN_SVDF, 0, 1},
};

static const char *const verdicts[TFL_VERDICTS] = {
	[TFL_VERDICT_XNNPACK] = "XNNPACK",
	[TFL_VERDICT_PORTABLE] = "portable",
	[TFL_VERDICT_FOLDED] = "at load",
	[TFL_VERDICT_LATE] = "at run time",
	[TFL_VERDICT_UNSUPPORTED] = "unsupported",
	[TFL_VERDICT_UNCERTAIN] = "uncertain",
};

static const char *const forms[TFL_FORMS] = {
	[TFL_FORM_FLOAT32] = "float32",
	[TFL_FORM_FLOAT16_WEIGHTS] = "float16 weights",
	[TFL_FORM_DYNAMIC_RANGE] = "dynamic range",
	[TFL_FORM_INT8] = "int8",
	[TFL_FORM_INT8_INT4] = "int8 with int4 weights",
	[TFL_FORM_UINT8] = "uint8",
	[TFL_FORM_INT16X8] = "int16x8",
	[TFL_FORM_OTHER] = "other",
};

/* Forms by the types of activations and weights. */
static const struct {
	enum tfl_dtype activations, weights;
	enum tfl_form form;
} form_types[] = {
	{TFL_FLOAT32, TFL_FLOAT32, TFL_FORM_FLOAT32},     {TFL_FLOAT32, TFL_FLOAT16, TFL_FORM_FLOAT16_WEIGHTS},
	{TFL_FLOAT32, TFL_INT8, TFL_FORM_DYNAMIC_RANGE},  {TFL_FLOAT32, TFL_UINT8, TFL_FORM_DYNAMIC_RANGE},
	{TFL_FLOAT32, TFL_INT4, TFL_FORM_DYNAMIC_RANGE},  {TFL_INT8, TFL_INT8, TFL_FORM_INT8},
	{TFL_INT8, TFL_INT4, TFL_FORM_INT8_INT4},         {TFL_UINT8, TFL_UINT8, TFL_FORM_UINT8},
	{TFL_INT16, TFL_INT8, TFL_FORM_INT16X8},
};

const char *tfl_verdict_to_string(enum tfl_verdict verdict)
{
	return (unsigned)verdict < TFL_VERDICTS ? verdicts[verdict] : "unknown";
}

const char *tfl_form_to_string(enum tfl_form form)
{
	return (unsigned)form < TFL_FORMS ? forms[form] : "unknown";
}

void tfl_survey_destroy(struct tfl_survey *survey)
{
	if (!survey)
		return;
	for (uint32_t i = 0; survey->operators && i < survey->operator_count; i++)
		free(survey->operators[i].reason);
	free(survey->operators);
	free(survey->tensors);
	free(survey->inputs);
	free(survey->outputs);
	tfl_program_destroy(survey->program);
	free(survey);
}

TFL_DEFINE_CLEANUP(struct tfl_survey *, tfl_survey_destroyp, tfl_survey_destroy)
TFL_DEFINE_CLEANUP(struct tfl_program *, tfl_program_destroyp, tfl_program_destroy)
TFL_DEFINE_CLEANUP(struct tfl_interpreter *, tfl_interpreter_destroyp, tfl_interpreter_destroy)

/* The row of an operator with weights, or -1. */
static int find_weighted(const struct tfl_operator *source)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(weighted); i++)
		if (weighted[i].code == source->code)
			return (int)i;
	return -1;
}

/* The type in which the file has weights: behind a DEQUANTIZE or DENSIFY, that of what it reads. */
static enum tfl_dtype stored_type(const struct tfl_graph *graph, const struct tfl_value *value)
{
	uint32_t before = TFL_NONE;

	/* Backwards only: a variable may be written behind those that read it, and so lead around in circles. */
	while (!value->tensor->data && value->producer < before) {
		const struct tfl_node *node = &graph->nodes[value->producer];
		const struct tfl_value *input = tfl_node_input(graph, node, 0);

		if ((node->source->code != TFL_BUILTIN_DEQUANTIZE && node->source->code != TFL_BUILTIN_DENSIFY) || !input)
			break;
		before = value->producer;
		value = input;
	}
	return value->dtype;
}

static void note_form(struct tfl_survey *survey, const struct tfl_graph *graph, const struct tfl_node *node)
{
	int row = find_weighted(node->source);
	const struct tfl_value *activations, *weights;
	enum tfl_form form = TFL_FORM_OTHER;
	enum tfl_dtype stored;

	if (row < 0)
		return;
	activations = tfl_node_input(graph, node, weighted[row].activations);
	weights = tfl_node_input(graph, node, weighted[row].weights);
	if (!activations || !weights)
		return;
	stored = stored_type(graph, weights);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(form_types); i++)
		if (form_types[i].activations == activations->dtype && form_types[i].weights == stored)
			form = form_types[i].form;
	survey->forms[form]++;
}

static enum tfl_verdict verdict_of(const struct tfl_graph *graph, const struct tfl_node *node, bool lowered)
{
	bool by_shape = node->cause == TFL_CAUSE_FORM || node->cause == TFL_CAUSE_INVALID || node->cause == TFL_CAUSE_LIMIT;

	for (uint32_t i = 0; by_shape && i < node->source->input_count; i++) {
		const struct tfl_value *value = tfl_node_input(graph, node, i);

		if (value && value->uncertain)
			return TFL_VERDICT_UNCERTAIN;
	}
	if (node->cause != TFL_CAUSE_NONE)
		return TFL_VERDICT_UNSUPPORTED;
	if (node->deferred)
		return TFL_VERDICT_LATE;
	if (node->folded)
		return TFL_VERDICT_FOLDED;
	return lowered ? TFL_VERDICT_XNNPACK : TFL_VERDICT_PORTABLE;
}

/* Types that no operator takes say more than that the types are unknown. */
static enum tfl_cause cause_of(const struct tfl_graph *graph, const struct tfl_node *node)
{
	const int32_t *sides[] = {node->source->inputs, node->source->outputs};
	uint32_t counts[] = {node->source->input_count, node->source->output_count};

	if (node->cause != TFL_CAUSE_TYPES && node->cause != TFL_CAUSE_BUILTIN)
		return node->cause;
	for (unsigned side = 0; side < 2; side++)
		for (uint32_t i = 0; i < counts[side]; i++) {
			enum tfl_dtype dtype = sides[side][i] < 0 ? TFL_FLOAT32 : graph->values[sides[side][i]].dtype;

			if (dtype == TFL_STRING)
				return TFL_CAUSE_STRINGS;
			if (dtype == TFL_RESOURCE || dtype == TFL_VARIANT)
				return TFL_CAUSE_STATE;
		}
	return node->cause;
}

static int copy_operators(struct tfl_survey *survey, const struct tfl_program *program, uint32_t subgraph)
{
	const struct tfl_graph *graph = program->graph;

	for (uint32_t i = 0; i < graph->node_count; i++) {
		const struct tfl_node *node = &graph->nodes[i];
		struct tfl_survey_operator *op = &survey->operators[survey->operator_count++];

		*op = (struct tfl_survey_operator){
			.source = node->source,
			.subgraph = subgraph,
			.index = i,
			.verdict = verdict_of(graph, node, program->lowered[i]),
			.cause = cause_of(graph, node),
			.multiplies = find_weighted(node->source) >= 0 ? node->work : 0,
		};
		if (node->reason && !(op->reason = strdup(node->reason)))
			return -ENOMEM;
		note_form(survey, graph, node);
		if (subgraph == 0 && op->verdict != TFL_VERDICT_FOLDED)
			survey->multiplies += op->multiplies;
	}
	return 0;
}

static void copy_tensors(struct tfl_survey *survey, const struct tfl_graph *graph, uint32_t subgraph)
{
	struct tfl_survey_tensor *tensors = survey->tensors + survey->tensor_count;

	for (uint32_t i = 0; i < graph->value_count; i++) {
		const struct tfl_value *value = &graph->values[i];

		tensors[i] = (struct tfl_survey_tensor){
			.source = value->tensor,
			.subgraph = subgraph,
			.index = i,
			.rank = value->rank,
			.bytes = value->tensor->data ? value->tensor->data_size : value->bytes,
			.constant = value->tensor->data != NULL,
			.folded = value->data && !value->tensor->data,
			.uncertain = value->uncertain,
		};
		memcpy(tensors[i].dims, value->dims, sizeof(value->dims));
	}
	for (uint32_t i = 0; i < graph->node_count; i++)
		for (uint32_t j = 0; j < graph->nodes[i].source->input_count; j++)
			if (graph->nodes[i].source->inputs[j] >= 0)
				tensors[graph->nodes[i].source->inputs[j]].reads++;
	for (uint32_t i = 0; i < graph->source->input_count; i++)
		tensors[graph->source->inputs[i]].input = true;
	for (uint32_t i = 0; i < graph->source->output_count; i++)
		tensors[graph->source->outputs[i]].output = true;
	survey->tensor_count += graph->value_count;
}

/* Takes over the descriptions of inputs and outputs. */
static void take_ios(struct tfl_survey *survey, struct tfl_program *program)
{
	free(survey->inputs);
	free(survey->outputs);
	survey->inputs = TFL_STEAL(program->inputs);
	survey->outputs = TFL_STEAL(program->outputs);
}

/* What an interpreter would take if all of it ran in portable kernels, and the weights if they were packed as they are. */
static int estimate_memory(struct tfl_survey *survey, struct tfl_program *program)
{
	const struct tfl_graph *graph = program->graph;
	int r;

	for (uint32_t i = 0; i < graph->node_count; i++) {
		int row = find_weighted(graph->nodes[i].source);
		const struct tfl_value *weights = row < 0 ? NULL : tfl_node_input(graph, &graph->nodes[i], weighted[row].weights);

		if (weights && weights->data)
			survey->memory.packed += weights->bytes;
	}
	memset(program->lowered, 0, graph->node_count * sizeof(*program->lowered));
	r = tfl_program_plan(program, NULL);
	if (r == 0)
		survey->memory.interpreter = survey->memory.further = program->arena_bytes;
	return r == -ENOMEM ? r : 0;
}

static int survey_subgraph(struct tfl_survey *survey, uint32_t subgraph, const struct tfl_program_options *options, uint64_t *work_left,
			   struct tfl_error *error)
{
	TFL_CLEANUP(tfl_program_destroyp) struct tfl_program *program = NULL;
	struct tfl_program_options bounded = options ? *options : (struct tfl_program_options){0};
	int r;

	bounded.work_max = *work_left;
	r = tfl_program_sketch(survey->model, subgraph, &bounded, &program, error);
	if (r < 0)
		return survey->model->subgraph_count > 1 ? tfl_error_prefix(error, r, "subgraph %u", subgraph) : r;
	*work_left -= program->graph->work < *work_left ? program->graph->work : *work_left - 1;
	r = copy_operators(survey, program, subgraph);
	copy_tensors(survey, program->graph, subgraph);
	if (r == 0 && subgraph == 0) {
		take_ios(survey, program);
		r = estimate_memory(survey, program);
	}
	return r < 0 ? tfl_error_set(error, r, "out of memory") : 0;
}

/* Two interpreters: the first one's memory, and that of one more. */
static int measure(struct tfl_survey *survey, struct tfl_program *program, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_interpreter_destroyp) struct tfl_interpreter *first = NULL;
	TFL_CLEANUP(tfl_interpreter_destroyp) struct tfl_interpreter *second = NULL;
	struct tfl_program_info info;
	int r;

	r = tfl_interpreter_create(program, &first, error);
	if (r == 0)
		r = tfl_interpreter_create(program, &second, error);
	if (r < 0)
		return r;
	tfl_program_info(program, &info);
	survey->steps = info.steps;
	survey->memory.measured = true;
	survey->memory.packed = info.packed_bytes;
	survey->memory.interpreter = tfl_interpreter_bytes(first);
	survey->memory.further = tfl_interpreter_bytes(second);
	return 0;
}

/* As the daemon would load it. That it cannot be loaded is a finding. */
static int load(struct tfl_survey *survey, const struct tfl_program_options *options)
{
	TFL_CLEANUP(tfl_program_destroyp) struct tfl_program *program = NULL;
	int r;

	r = tfl_program_create(survey->model, options, &program, &survey->fault);
	if (r == 0)
		r = measure(survey, program, &survey->fault);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	survey->runs = true;
	for (uint32_t i = 0; i < program->graph->node_count; i++) {
		struct tfl_survey_operator *op = &survey->operators[i];

		/* A survey keeps what loading drops, so it may have met a limit that loading does not. */
		free(op->reason);
		op->reason = NULL;
		op->cause = TFL_CAUSE_NONE;
		op->verdict = verdict_of(program->graph, &program->graph->nodes[i], program->lowered[i]);
	}
	take_ios(survey, program);
	survey->entries = tfl_program_entries(program, &survey->entry_count);
	survey->program = TFL_STEAL(program);
	return 0;
}

/* Constants by buffer, so that what tensors share counts once. */
static int count_constants(struct tfl_survey *survey)
{
	uint32_t buffers = 0;
	_tfl_free_ bool *seen = NULL;

	for (uint32_t i = 0; i < survey->tensor_count; i++)
		if (survey->tensors[i].source->buffer >= buffers)
			buffers = survey->tensors[i].source->buffer + 1;
	seen = calloc((size_t)buffers + 1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	for (uint32_t i = 0; i < survey->tensor_count; i++) {
		const struct tfl_tensor *tensor = survey->tensors[i].source;

		if (tensor->data && !seen[tensor->buffer])
			survey->memory.constants += tensor->data_size;
		seen[tensor->buffer] = true;
	}
	return 0;
}

static int allocate(struct tfl_survey *survey)
{
	size_t operators = 0, tensors = 0;

	for (uint32_t i = 0; i < survey->model->subgraph_count; i++) {
		operators += survey->model->subgraphs[i].operator_count;
		tensors += survey->model->subgraphs[i].tensor_count;
	}
	survey->operators = calloc(operators + 1, sizeof(*survey->operators));
	survey->tensors = calloc(tensors + 1, sizeof(*survey->tensors));
	return survey->operators && survey->tensors ? 0 : -ENOMEM;
}

int tfl_survey_create(const struct tfl_model *model, const struct tfl_program_options *options, struct tfl_survey **ret_survey,
		      struct tfl_error *error)
{
	TFL_CLEANUP(tfl_survey_destroyp) struct tfl_survey *survey = calloc(1, sizeof(*survey));
	uint64_t work_left = options && options->work_max ? options->work_max : TFL_WORK_MAX;
	int r = 0;

	if (survey)
		survey->model = model;
	if (!survey || allocate(survey) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; r == 0 && i < model->subgraph_count; i++)
		r = survey_subgraph(survey, i, options, &work_left, error);
	if (r < 0)
		return r;
	if (load(survey, options) < 0 || count_constants(survey) < 0)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	*ret_survey = TFL_STEAL(survey);
	return 0;
}

/* Whether a number of this kind stands for a real one; indices and flags do not. */
static bool is_real(const struct tfl_io *io)
{
	return io->quantized || io->dtype == TFL_FLOAT32 || io->dtype == TFL_FLOAT16 || io->dtype == TFL_FLOAT64;
}

/* The one type of the inputs and outputs of a model without weights; with @reals only of those that are. "none": there are none. */
static const char *type_of_ios(const struct tfl_survey *survey, bool reals)
{
	const struct tfl_subgraph *subgraph = &survey->model->subgraphs[0];
	enum tfl_dtype dtype = TFL_DTYPE_COUNT;

	for (uint32_t i = 0; i < subgraph->input_count + subgraph->output_count; i++) {
		const struct tfl_io *io = i < subgraph->input_count ? &survey->inputs[i] : &survey->outputs[i - subgraph->input_count];

		if (reals && !is_real(io))
			continue;
		if (dtype != TFL_DTYPE_COUNT && io->dtype != dtype)
			return "mixed";
		dtype = io->dtype;
	}
	if (dtype == TFL_DTYPE_COUNT)
		return reals ? type_of_ios(survey, false) : "none";
	return tfl_dtype_to_string(dtype);
}

const char *tfl_survey_quantization(const struct tfl_survey *survey)
{
	const char *found = NULL;

	for (unsigned form = 0; form < TFL_FORMS; form++) {
		if (survey->forms[form] == 0)
			continue;
		if (found)
			return "mixed";
		found = forms[form];
	}
	return found ? found : type_of_ios(survey, true);
}
