/* SPDX-License-Identifier: MIT */
/*
 * From the output back to the operator that made its numbers, through those that only hand them on. A softmax or a logistic function settles the
 * matter. Without one, numbers are taken for logits only where labels say that there is one for each class: a vector of 128 numbers may just as
 * well be an embedding, and a softmax over that means nothing.
 */
#include "runtime/confidence.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "runtime/graph.h"
#include "runtime/metadata.h"
#include "runtime/op.h"
#include "runtime/program_internal.h"

static const char *const kind_names[TFL_CONFIDENCE_KINDS] = {
	[TFL_CONFIDENCE_NONE] = "none",
	[TFL_CONFIDENCE_SOFTMAX] = "softmax",
	[TFL_CONFIDENCE_LOGISTIC] = "logistic",
	[TFL_CONFIDENCE_LOG_SOFTMAX] = "log-softmax",
	[TFL_CONFIDENCE_LOGITS] = "logits",
	[TFL_CONFIDENCE_DETECTION] = "detection",
};

const char *tfl_confidence_kind_to_string(enum tfl_confidence_kind kind)
{
	return kind_names[kind];
}

int tfl_confidence_choice_parse(const char *text, struct tfl_confidence_choice *ret_choice)
{
	struct tfl_confidence_choice choice = {.automatic = !*text || strcmp(text, "auto") == 0};
	size_t length = strcspn(text, " ");
	unsigned kind = 0;

	while (!choice.automatic && kind < TFL_CONFIDENCE_KINDS &&
	       (strlen(kind_names[kind]) != length || memcmp(kind_names[kind], text, length) != 0))
		kind++;
	if (kind == TFL_CONFIDENCE_KINDS)
		return -EINVAL;
	choice.kind = (enum tfl_confidence_kind)kind;
	if (!choice.automatic && text[length]) {
		if (kind == TFL_CONFIDENCE_NONE || strncmp(text + length, " of ", 4) != 0 || !text[length + 4])
			return -EINVAL;
		choice.output = text + length + 4;
	}
	*ret_choice = choice;
	return 0;
}

/* Operators that hand on what they read, in another shape or type. */
static const uint16_t views[] = {TFL_BUILTIN_RESHAPE, TFL_BUILTIN_SQUEEZE, TFL_BUILTIN_EXPAND_DIMS, TFL_BUILTIN_DEQUANTIZE, TFL_BUILTIN_QUANTIZE};

static bool is_view(const struct tfl_node *node)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(views); i++)
		if (!node->source->custom_name && node->source->code == views[i])
			return true;
	return false;
}

/* The node that made a value's numbers; NULL for an input or a constant. */
static const struct tfl_node *find_maker(const struct tfl_graph *graph, const struct tfl_value *value)
{
	while (value && value->producer != TFL_NONE) {
		const struct tfl_node *node = &graph->nodes[value->producer];

		if (!is_view(node))
			return node;
		value = tfl_node_input(graph, node, 0);
	}
	return NULL;
}

static void explain(struct tfl_confidence_source *source, enum tfl_confidence_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void explain(struct tfl_confidence_source *source, enum tfl_confidence_kind kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(source->reason, sizeof(source->reason), format, args);
	va_end(args);
	source->kind = kind;
}

/* The class axis is the only dimension above 1, else the last one; all others are rows. */
static void count_rows(const struct tfl_value *value, struct tfl_confidence_source *source)
{
	unsigned large = 0;

	source->classes = value->rank > 0 ? (uint32_t)value->dims[value->rank - 1] : 1;
	for (unsigned i = 0; i < value->rank; i++)
		large += value->dims[i] > 1;
	if (large == 1)
		source->classes = (uint32_t)value->elements;
	source->rows = source->classes > 0 ? (uint32_t)(value->elements / source->classes) : 0;
}

/* Whether rows of such an output can be read at all. */
static bool is_readable(const struct tfl_value *value, struct tfl_confidence_source *source)
{
	bool quantized = value->dtype == TFL_INT8 || value->dtype == TFL_UINT8 || value->dtype == TFL_INT16;

	count_rows(value, source);
	if (value->late)
		explain(source, TFL_CONFIDENCE_NONE, "its shape depends on the content of a request");
	else if (value->dtype != TFL_FLOAT32 && !(quantized && value->quantized && value->scale > 0))
		explain(source, TFL_CONFIDENCE_NONE, "its type, %s%s, holds no scores", tfl_dtype_to_string(value->dtype),
			quantized ? " without a scale" : "");
	else if (source->rows == 0 || source->rows > TFL_CONFIDENCE_ROWS_MAX)
		explain(source, TFL_CONFIDENCE_NONE, "it has %u rows: a verdict on places, not on the whole", source->rows);
	else
		return true;
	return false;
}

static uint32_t label_count(const struct tfl_program *program, uint32_t output)
{
	const struct tfl_associated_file *labels = program->model->metadata.outputs[output].labels;

	return labels ? labels->label_count : 0;
}

static void find_detection(const struct tfl_program *program, struct tfl_confidence_source *source)
{
	const struct tfl_subgraph *subgraph = program->graph->source;

	for (uint32_t i = 0; i < subgraph->output_count; i++)
		if (program->model->metadata.outputs[i].kind == TFL_OUTPUT_CLASSES)
			source->classes_output = i;
	explain(source, TFL_CONFIDENCE_DETECTION, "it has the scores of up to %u detections", source->classes);
}

/* What the output is for, where that is known. */
static bool find_by_use(const struct tfl_program *program, struct tfl_confidence_source *source)
{
	enum tfl_output_kind kind = program->model->metadata.outputs[source->output].kind;

	switch (kind) {
	case TFL_OUTPUT_SCORES:
		find_detection(program, source);
		return true;
	case TFL_OUTPUT_BOXES:
	case TFL_OUTPUT_CLASSES:
	case TFL_OUTPUT_COUNT:
		explain(source, TFL_CONFIDENCE_NONE, "it has the %s of detections", tfl_output_kind_to_string(kind));
		return true;
	case TFL_OUTPUT_FEATURE:
	case TFL_OUTPUT_IMAGE:
		explain(source, TFL_CONFIDENCE_NONE, "it is %s", kind == TFL_OUTPUT_IMAGE ? "a picture" : "an embedding");
		return true;
	default:
		return false;
	}
}

/* Operators that settle what their output is. */
static const struct {
	uint16_t code;
	enum tfl_confidence_kind kind;
} makers[] = {
	{TFL_BUILTIN_SOFTMAX, TFL_CONFIDENCE_SOFTMAX},
	{TFL_BUILTIN_LOGISTIC, TFL_CONFIDENCE_LOGISTIC},
	{TFL_BUILTIN_LOG_SOFTMAX, TFL_CONFIDENCE_LOG_SOFTMAX},
	{TFL_BUILTIN_L2_NORMALIZATION, TFL_CONFIDENCE_NONE},
};

static bool find_by_maker(const struct tfl_node *maker, struct tfl_confidence_source *source)
{
	for (size_t i = 0; maker && !maker->source->custom_name && i < TFL_ARRAY_SIZE(makers); i++) {
		if (maker->source->code != makers[i].code)
			continue;
		if (makers[i].kind == TFL_CONFIDENCE_NONE)
			explain(source, TFL_CONFIDENCE_NONE, "%s makes it: an embedding", maker->op->name);
		else if (source->classes < 2 && makers[i].kind != TFL_CONFIDENCE_LOGISTIC)
			explain(source, TFL_CONFIDENCE_NONE, "%s over one class is always sure", maker->op->name);
		else
			explain(source, makers[i].kind, "%s over %u class%s makes it", maker->op->name, source->classes,
				source->classes == 1 ? "" : "es");
		return true;
	}
	return false;
}

static const struct tfl_value *init_source(const struct tfl_program *program, uint32_t output, struct tfl_confidence_source *source)
{
	*source = (struct tfl_confidence_source){.output = output, .classes_output = UINT32_MAX};
	return &program->graph->values[program->graph->source->outputs[output]];
}

void tfl_confidence_source_find(const struct tfl_program *program, uint32_t output, struct tfl_confidence_source *ret_source)
{
	const struct tfl_value *value = init_source(program, output, ret_source);
	const struct tfl_node *maker = find_maker(program->graph, value);
	uint32_t labels = label_count(program, output);

	if (!is_readable(value, ret_source) || find_by_use(program, ret_source) || find_by_maker(maker, ret_source))
		return;
	if (!maker)
		explain(ret_source, TFL_CONFIDENCE_NONE, "it is an input, or a constant");
	else if (labels >= 2 && labels == ret_source->classes)
		explain(ret_source, TFL_CONFIDENCE_LOGITS, "%s makes it, without a softmax, and there are as many labels", maker->op->name);
	else
		explain(ret_source, TFL_CONFIDENCE_NONE, "%s makes its %u values: not known to be scores of classes", maker->op->name,
			ret_source->classes);
}

int tfl_confidence_source_set(const struct tfl_program *program, uint32_t output, enum tfl_confidence_kind kind,
			      struct tfl_confidence_source *ret_source)
{
	const struct tfl_value *value = init_source(program, output, ret_source);

	if (kind == TFL_CONFIDENCE_NONE) {
		explain(ret_source, kind, "it is configured so");
		return 0;
	}
	if (!is_readable(value, ret_source))
		return -EINVAL;
	if (ret_source->classes < 2 && kind != TFL_CONFIDENCE_LOGISTIC) {
		explain(ret_source, TFL_CONFIDENCE_NONE, "its rows have one value, and %s needs two", kind_names[kind]);
		return -EINVAL;
	}
	if (kind == TFL_CONFIDENCE_DETECTION)
		find_detection(program, ret_source);
	explain(ret_source, kind, "it is configured so");
	return 0;
}
