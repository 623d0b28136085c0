/* SPDX-License-Identifier: MIT */
/*
 * What outputs are for. The graph knows best: what TFLite_Detection_PostProcess writes are detections, what a softmax writes over one row
 * are scores of classes. Else the metadata: an output of bounding boxes makes a detector of the model, whose other outputs are told apart by
 * labels, names, or, where there are four, the customary order; labels along the only long axis make a classifier.
 *
 * A kind is a guess at meaning and promises nothing about shapes; who uses it looks at those.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "runtime/decode_metadata.h"
#include "runtime/metadata.h"
#include "runtime/schema.h"

#define DETECTION_OPERATOR "TFLite_Detection_PostProcess"
#define DETECTION_OUTPUTS 4
#define VIEWS_MAX 8 /* operators that are looked through, to the one that made the numbers */

/* Outputs of the operator, and the order that tools write: location, category, score, number of detections. */
static const enum tfl_output_kind detection_order[DETECTION_OUTPUTS] = {TFL_OUTPUT_BOXES, TFL_OUTPUT_CLASSES, TFL_OUTPUT_SCORES,
									TFL_OUTPUT_COUNT};

/* Parts of the names that outputs of detectors have. The first that fits counts. */
static const struct {
	const char *part;
	enum tfl_output_kind kind;
} detection_names[] = {
	{"number", TFL_OUTPUT_COUNT},      {"num_", TFL_OUTPUT_COUNT},     {"count", TFL_OUTPUT_COUNT},
	{"categor", TFL_OUTPUT_CLASSES},   {"class", TFL_OUTPUT_CLASSES},  {"score", TFL_OUTPUT_SCORES},
	{"confidence", TFL_OUTPUT_SCORES}, {"probab", TFL_OUTPUT_SCORES},
};

/* Operators that hand on what they read, in another shape or type. */
static const uint16_t views[] = {TFL_BUILTIN_RESHAPE, TFL_BUILTIN_SQUEEZE, TFL_BUILTIN_EXPAND_DIMS, TFL_BUILTIN_DEQUANTIZE,
				 TFL_BUILTIN_QUANTIZE, TFL_BUILTIN_CAST};

static bool is_view(const struct tfl_operator *op)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(views); i++)
		if (op->code == views[i])
			return op->input_count > 0 && op->inputs[0] >= 0;
	return false;
}

/* Whether exactly one dimension is more than 1. */
static bool is_row(const struct tfl_tensor *tensor)
{
	unsigned large = 0;

	for (unsigned i = 0; i < tensor->rank; i++)
		large += tensor->dims[i] > 1;
	return large == 1;
}

/* The operator that made a tensor's numbers, or NULL; *ret_tensor is what it wrote. @makers: per tensor, the operator's index and 1. */
static const struct tfl_operator *find_maker(const struct tfl_subgraph *subgraph, const uint32_t *makers, int32_t tensor,
					     int32_t *ret_tensor)
{
	const struct tfl_operator *op = NULL;

	for (unsigned i = 0; i < VIEWS_MAX && makers[tensor]; i++) {
		op = &subgraph->operators[makers[tensor] - 1];
		*ret_tensor = tensor;
		if (!is_view(op))
			break;
		tensor = op->inputs[0];
		op = NULL;
	}
	return op;
}

static enum tfl_output_kind kind_by_graph(const struct tfl_subgraph *subgraph, const uint32_t *makers, int32_t output)
{
	int32_t tensor = output;
	const struct tfl_operator *op = find_maker(subgraph, makers, output, &tensor);

	if (!op)
		return TFL_OUTPUT_UNKNOWN;
	if (op->custom_name && strcmp(op->custom_name, DETECTION_OPERATOR) == 0) {
		for (uint32_t i = 0; i < op->output_count && i < DETECTION_OUTPUTS; i++)
			if (op->outputs[i] == tensor)
				return detection_order[i];
	}
	if ((op->code == TFL_BUILTIN_SOFTMAX || op->code == TFL_BUILTIN_LOG_SOFTMAX) && is_row(&subgraph->tensors[output]))
		return TFL_OUTPUT_CLASSIFICATION;
	return TFL_OUTPUT_UNKNOWN;
}

static int find_by_graph(const struct tfl_subgraph *subgraph, struct tfl_tensor_metadata *outputs)
{
	_tfl_free_ uint32_t *makers = calloc((size_t)subgraph->tensor_count + 1, sizeof(*makers));

	if (!makers)
		return -ENOMEM;
	for (uint32_t i = 0; i < subgraph->operator_count; i++)
		for (uint32_t j = 0; j < subgraph->operators[i].output_count; j++)
			makers[subgraph->operators[i].outputs[j]] = i + 1;
	for (uint32_t i = 0; i < subgraph->output_count; i++)
		outputs[i].kind = kind_by_graph(subgraph, makers, subgraph->outputs[i]);
	return 0;
}

static enum tfl_output_kind kind_in_detector(const struct tfl_tensor_metadata *output)
{
	if (output->content.kind == TFL_CONTENT_BOXES)
		return TFL_OUTPUT_BOXES;
	if (output->labels && output->labels->kind == TFL_FILE_VALUE_LABELS)
		return TFL_OUTPUT_CLASSES;
	for (size_t i = 0; i < TFL_ARRAY_SIZE(detection_names); i++)
		if (strcasestr(output->name, detection_names[i].part))
			return detection_names[i].kind;
	return TFL_OUTPUT_UNKNOWN;
}

/* Whether the kinds found are one of each. */
static bool is_complete(const struct tfl_tensor_metadata *outputs, uint32_t count)
{
	unsigned seen = 0;

	for (uint32_t i = 0; i < count; i++)
		seen |= 1u << outputs[i].kind;
	return (seen & 1u << TFL_OUTPUT_CLASSES) && (seen & 1u << TFL_OUTPUT_SCORES) && (seen & 1u << TFL_OUTPUT_COUNT);
}

static void find_in_detector(struct tfl_tensor_metadata *outputs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (outputs[i].kind == TFL_OUTPUT_UNKNOWN)
			outputs[i].kind = kind_in_detector(&outputs[i]);
	if (count != DETECTION_OUTPUTS || outputs[0].kind != TFL_OUTPUT_BOXES || is_complete(outputs, count))
		return;
	for (uint32_t i = 0; i < count; i++)
		outputs[i].kind = detection_order[i];
}

static bool is_about_features(const struct tfl_metadata *metadata, const struct tfl_tensor_metadata *output)
{
	return output->content.kind == TFL_CONTENT_FEATURE || strcasestr(metadata->name, "embed") || strcasestr(output->name, "embed") ||
	       strcasestr(output->name, "feature");
}

static enum tfl_output_kind kind_by_metadata(const struct tfl_metadata *metadata, const struct tfl_tensor_metadata *output,
					     const struct tfl_tensor *tensor)
{
	if (output->content.kind == TFL_CONTENT_IMAGE)
		return TFL_OUTPUT_IMAGE;
	if (output->labels)
		return output->labels->axis >= 0 && is_row(tensor) ? TFL_OUTPUT_CLASSIFICATION : TFL_OUTPUT_UNKNOWN;
	if (is_row(tensor) && is_about_features(metadata, output))
		return TFL_OUTPUT_FEATURE;
	return TFL_OUTPUT_UNKNOWN;
}

/* Labels that no output was promised were given to the first one; in a detector they name its classes. */
static void move_labels(struct tfl_tensor_metadata *outputs, uint32_t count)
{
	if (count == 0 || !outputs[0].labels || outputs[0].labels->kind != TFL_FILE_UNKNOWN)
		return;
	for (uint32_t i = 1; i < count; i++) {
		if (outputs[i].kind != TFL_OUTPUT_CLASSES || outputs[i].labels)
			continue;
		outputs[i].labels = outputs[0].labels;
		outputs[0].labels = NULL;
		return;
	}
}

int tfl_output_kinds_find(struct tfl_description *description)
{
	const struct tfl_subgraph *subgraph = &description->decoder->model->subgraphs[0];
	struct tfl_metadata *metadata = description->metadata;
	struct tfl_tensor_metadata *outputs = metadata->outputs;
	bool detector = false;

	if (find_by_graph(subgraph, outputs) < 0)
		return tfl_error_set(description->decoder->error, -ENOMEM, "no memory for %u tensors", subgraph->tensor_count);
	for (uint32_t i = 0; i < subgraph->output_count; i++)
		detector |= outputs[i].kind == TFL_OUTPUT_BOXES || outputs[i].content.kind == TFL_CONTENT_BOXES;
	if (detector)
		find_in_detector(outputs, subgraph->output_count);
	for (uint32_t i = 0; i < subgraph->output_count && !detector; i++)
		if (outputs[i].kind == TFL_OUTPUT_UNKNOWN)
			outputs[i].kind = kind_by_metadata(metadata, &outputs[i], &subgraph->tensors[subgraph->outputs[i]]);
	if (detector)
		move_labels(outputs, subgraph->output_count);
	return 0;
}
