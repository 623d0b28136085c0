/* SPDX-License-Identifier: MIT */
/*
 * LSTM: one step for each row [batch, inputs] of a batch. UNIDIRECTIONAL_SEQUENCE_LSTM: a step for each moment of a sequence
 * [batch, time, inputs], or [time, batch, inputs]. Both take 20 inputs, or 24 with those of layer normalisation. What they compute:
 * kernel_lstm.h.
 */
#include <errno.h>

#include "base/error.h"
#include "runtime/kernel_lstm.h"

/* Inputs in their order: the input, 8 matrices, 3 peepholes, 4 biases, projection and its bias, 2 states, 4 norms. */
#define TYPES \
	"ffffffffffffffffffffffff:f " \
	"fbbbbbbbbbbbffffbfffffff:f " \
	"fBBBBBBBBBBBffffBfffffff:f " \
	"bbbbbbbbbsssiiiibibsssss:b"

/* The input gate, peepholes and projection. */
#define OPTIONAL (1 << 1 | 1 << 5 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 16 | 1 << 17)

static const char *foreign_lstm(const struct tfl_operator *source)
{
	enum { KERNEL_TYPE = 3 };

	return tfl_fb_i8(&source->options, KERNEL_TYPE, 0) == 0 ? NULL : "it is of the basic kind, with all weights in one matrix";
}

static const char *foreign_sequence(const struct tfl_operator *source)
{
	enum { DIAGONAL_RECURRENT_TENSORS = 5 };

	return tfl_fb_bool(&source->options, DIAGONAL_RECURRENT_TENSORS, false) ? "its recurrent weights are diagonals" : NULL;
}

static int prepare_lstm(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	enum { ASYMMETRIC_QUANTIZE_INPUTS = 4 };
	const struct tfl_fb_table *options = &node->source->options;
	struct tfl_lstm *lstm = node->params = tfl_graph_alloc(graph, sizeof(*lstm));

	if (!lstm)
		return -ENOMEM;
	lstm->asymmetric = tfl_fb_bool(options, ASYMMETRIC_QUANTIZE_INPUTS, false);
	return tfl_lstm_prepare(graph, node, 2, error);
}

static int prepare_sequence(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	enum { TIME_MAJOR = 3, ASYMMETRIC_QUANTIZE_INPUTS };
	const struct tfl_fb_table *options = &node->source->options;
	struct tfl_lstm *lstm = node->params = tfl_graph_alloc(graph, sizeof(*lstm));

	if (!lstm)
		return -ENOMEM;
	lstm->time_major = tfl_fb_bool(options, TIME_MAJOR, false);
	lstm->asymmetric = tfl_fb_bool(options, ASYMMETRIC_QUANTIZE_INPUTS, false);
	return tfl_lstm_prepare(graph, node, 3, error);
}

const struct tfl_op tfl_op_lstm = {
	.code = TFL_BUILTIN_LSTM,
	.options = TFL_OPTIONS_LSTM,
	.inputs_min = 20,
	.inputs_max = 24,
	.optional = OPTIONAL,
	.outputs = 1,
	.max_version = 4,
	.name = "LSTM",
	.types = TYPES,
	.stateful = true,
	.foreign = foreign_lstm,
	.prepare = prepare_lstm,
	.run = tfl_lstm_run,
};

const struct tfl_op tfl_op_unidirectional_sequence_lstm = {
	.code = TFL_BUILTIN_UNIDIRECTIONAL_SEQUENCE_LSTM,
	.options = TFL_OPTIONS_UNIDIRECTIONAL_SEQUENCE_LSTM,
	.inputs_min = 20,
	.inputs_max = 24,
	.optional = OPTIONAL,
	.outputs = 1,
	.max_version = 4,
	.name = "UNIDIRECTIONAL_SEQUENCE_LSTM",
	.types = TYPES,
	.stateful = true,
	.foreign = foreign_sequence,
	.prepare = prepare_sequence,
	.run = tfl_lstm_run,
};
