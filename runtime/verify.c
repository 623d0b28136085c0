/* SPDX-License-Identifier: MIT */
/*
 * Whether a decoded subgraph makes sense as a program that is run from its first operator to its last.
 *
 * Each tensor has exactly one source: the file (a constant), the caller (a graph input), the state that outlives a run (a variable), or
 * one operator. A single pass in execution order with one byte per tensor decides; whatever is read must have its source by then.
 */
#include "runtime/decode.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "runtime/schema.h"

enum source {
	SOURCE_NONE = 0,
	SOURCE_CONSTANT,
	SOURCE_INPUT,
	SOURCE_VARIABLE,
	SOURCE_OPERATOR,
};

static const char *const source_names[] = {
	[SOURCE_NONE] = "nothing",
	[SOURCE_CONSTANT] = "a constant",
	[SOURCE_INPUT] = "an input of the graph",
	[SOURCE_VARIABLE] = "a variable",
	[SOURCE_OPERATOR] = "written by an earlier operator",
};

static const uint64_t nothing; /* the content of constants without (listed) elements, aligned for every type */

int tfl_verify_indices(struct tfl_decoder *decoder, const struct tfl_subgraph *subgraph, const char *what, const int32_t *indices,
		       uint32_t count, bool optional)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (optional && indices[i] == -1)
			continue;
		if (indices[i] < 0 || (uint32_t)indices[i] >= subgraph->tensor_count)
			return tfl_error_set(decoder->error, -EINVAL, "%s %u is tensor %d, but there are %u", what, i, indices[i],
					     subgraph->tensor_count);
	}
	return 0;
}

static bool is_empty(const struct tfl_tensor *tensor)
{
	unsigned i;

	for (i = 0; i < tensor->rank; i++) {
		if (tensor->dims[i] == 0)
			return true;
	}
	return false;
}

/* Sources that stand before the first operator. */
static int mark_start(struct tfl_decoder *decoder, const struct tfl_subgraph *subgraph, uint8_t *sources)
{
	uint32_t i;

	for (i = 0; i < subgraph->tensor_count; i++)
		sources[i] = subgraph->tensors[i].data ? SOURCE_CONSTANT : subgraph->tensors[i].is_variable ? SOURCE_VARIABLE : SOURCE_NONE;
	for (i = 0; i < subgraph->input_count; i++) {
		uint8_t *source = &sources[subgraph->inputs[i]];

		if (*source != SOURCE_NONE)
			return tfl_error_set(decoder->error, -EINVAL, "input %u of the graph, tensor %d, is already %s", i,
					     subgraph->inputs[i], source_names[*source]);
		*source = SOURCE_INPUT;
	}
	return 0;
}

static int verify_reads(struct tfl_decoder *decoder, struct tfl_subgraph *subgraph, const char *what, const int32_t *indices,
			uint32_t count, uint8_t *sources)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct tfl_tensor *tensor;

		if (indices[i] < 0 || sources[indices[i]] != SOURCE_NONE)
			continue;
		tensor = &subgraph->tensors[indices[i]];
		/* One that is stored sparse may consist of zeros, none of which is listed. */
		if (!is_empty(tensor) && !tensor->is_sparse)
			return tfl_error_set(decoder->error, -EINVAL,
					     "%s %u, tensor %d, is read before anything wrote it: it is no constant, no input of the graph "
					     "and no output of an earlier operator", what, i, indices[i]);
		tensor->data = &nothing;
		sources[indices[i]] = SOURCE_CONSTANT;
	}
	return 0;
}

static int verify_writes(struct tfl_decoder *decoder, const struct tfl_operator *op, uint8_t *sources)
{
	uint32_t i;

	for (i = 0; i < op->output_count; i++) {
		uint8_t *source = &sources[op->outputs[i]];

		if (*source != SOURCE_NONE && *source != SOURCE_VARIABLE)
			return tfl_error_set(decoder->error, -EINVAL, "output %u is tensor %d, but that is already %s", i, op->outputs[i],
					     source_names[*source]);
		*source = SOURCE_OPERATOR;
	}
	return 0;
}

static int verify_operators(struct tfl_decoder *decoder, struct tfl_subgraph *subgraph, uint8_t *sources)
{
	uint32_t i;
	int r;

	for (i = 0; i < subgraph->operator_count; i++) {
		const struct tfl_operator *op = &subgraph->operators[i];

		r = verify_reads(decoder, subgraph, "input", op->inputs, op->input_count, sources);
		if (r == 0)
			r = verify_writes(decoder, op, sources);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "operator %u (%s)", i, tfl_builtin_to_string(op->code));
	}
	return verify_reads(decoder, subgraph, "output", subgraph->outputs, subgraph->output_count, sources);
}

int tfl_verify_order(struct tfl_decoder *decoder, struct tfl_subgraph *subgraph)
{
	_tfl_free_ uint8_t *sources = NULL;
	int r;

	r = tfl_decoder_charge(decoder, subgraph->tensor_count);
	if (r < 0)
		return r;
	sources = calloc(subgraph->tensor_count + 1, 1);
	if (!sources)
		return tfl_error_set(decoder->error, -ENOMEM, "no memory for %u tensors", subgraph->tensor_count);
	r = mark_start(decoder, subgraph, sources);
	if (r < 0)
		return r;
	return verify_operators(decoder, subgraph, sources);
}
