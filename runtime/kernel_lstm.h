/* SPDX-License-Identifier: MIT */
/*
 * Long short-term memory: what LSTM, which is told one step, and UNIDIRECTIONAL_SEQUENCE_LSTM, which walks through a sequence, have in
 * common. A step computes, of an input x, the output h of the step before, and a cell c, both of which live on between runs:
 *
 *	i = logistic(Wi x + Ri h + pi * c + bi)     input gate; 1 - f where the operator has none
 *	f = logistic(Wf x + Rf h + pf * c + bf)     forget gate
 *	g = activation(Wg x + Rg h + bg)            what the cell is offered
 *	c = clip(f * c + i * g)
 *	o = logistic(Wo x + Ro h + po * c + bo)     output gate
 *	h = clip(P (o * activation(c)) + bP)        without a projection: o * activation(c)
 *
 * W, R and P are matrices, p and b vectors; * goes element by element. With layer normalisation the sum before an activation, without its
 * bias, is brought to a mean of 0 and a variance of 1, multiplied with a vector of its own, and then the bias is added.
 *
 *	input    weights      state
 *	float32  float32      float32
 *	float32  int8, uint8  float32     what is multiplied with weights is quantised first, see kernel_linear.h
 *	int8     int8         int8, cell int16; gates are int16 with 3 bits before the point, and 0 after their activation
 *
 * Semantics: TensorFlow Lite's reference kernels, bit for bit where all is integers.
 */
#ifndef RUNTIME_KERNEL_LSTM_H
#define RUNTIME_KERNEL_LSTM_H

#include "runtime/kernel_recurrent.h"
#include "runtime/op.h"

/* In the order that inputs for each gate have. */
enum tfl_lstm_gate { TFL_LSTM_INPUT_GATE, TFL_LSTM_FORGET_GATE, TFL_LSTM_CELL_GATE, TFL_LSTM_OUTPUT_GATE, TFL_LSTM_GATES };

/* Inputs of both operators. Where there is one for each gate, it is the first. */
enum {
	TFL_LSTM_INPUT = 0,
	TFL_LSTM_WEIGHTS = 1,
	TFL_LSTM_RECURRENT = 5,
	TFL_LSTM_PEEPHOLE = 9, /* the cell gate has none */
	TFL_LSTM_BIAS = 12,
	TFL_LSTM_PROJECTION = 16,
	TFL_LSTM_PROJECTION_BIAS = 17,
	TFL_LSTM_OUTPUT_STATE = 18,
	TFL_LSTM_CELL_STATE = 19,
	TFL_LSTM_NORM = 20,
	TFL_LSTM_INPUTS = 24,
};

struct tfl_lstm;

/* One run of a node, at one row of the batch. */
struct tfl_lstm_run {
	struct tfl_recurrent base;
	const struct tfl_lstm *lstm;
	const void *input;              /* of this step */
	void *output_state, *cell_state;
	/* Scratch; the gates, and what is hidden behind the output gate, have 4 bytes an element. */
	void *gates[TFL_LSTM_GATES];
	void *hidden;
	int16_t *input_row, *state_row, *hidden_row; /* what is multiplied with weights */
};

/* The content of an input of the run's node. */
static inline const void *tfl_lstm_content(const struct tfl_lstm_run *run, unsigned input)
{
	return tfl_run_input(run->base.run, run->base.node, input);
}

/* Arithmetic of one combination of types. */
struct tfl_lstm_kind {
	enum tfl_dtype input, weights;
	int (*prepare)(struct tfl_graph *graph, struct tfl_node *node, struct tfl_lstm *lstm, struct tfl_error *error);
	/** One step: updates both states. The output is the output state. */
	void (*step)(const struct tfl_lstm_run *run);
};

/* What becomes of scales where all is integers. */
struct tfl_lstm_scales {
	struct tfl_multiplier weights[TFL_LSTM_GATES], recurrent[TFL_LSTM_GATES], peephole[TFL_LSTM_GATES], norm[TFL_LSTM_GATES];
	struct tfl_multiplier hidden, projection;
	int32_t variance_min[TFL_LSTM_GATES];
	int32_t input_zero_point, state_zero_point, hidden_zero_point;
	int32_t cell_clip, projection_clip; /* 0: none */
	int cell_log2;                      /* the cell's scale is 2 to that power */
};

struct tfl_lstm {
	const struct tfl_lstm_kind *kind;
	const struct tfl_arithmetic *arithmetic;
	size_t inputs, cells, outputs;
	int32_t steps, batch;
	bool time_major; /* the sequence's first dimension is time */
	bool coupled;    /* no input gate */
	bool peephole, normalized, projected;
	bool asymmetric; /* what is quantised in a run is given a zero point */
	int activation;
	float cell_clip, projection_clip; /* 0: none */
	struct tfl_lstm_scales scales;
};

extern const struct tfl_lstm_kind tfl_lstm_float, tfl_lstm_hybrid, tfl_lstm_hybrid_uint8, tfl_lstm_int8;

/**
 * Fills node->params, of which the caller has set time_major and asymmetric, for an input of @p rank dimensions, 2 or 3. Sets the output's
 * shape and scratch_bytes.
 */
int tfl_lstm_prepare(struct tfl_graph *graph, struct tfl_node *node, unsigned rank, struct tfl_error *error);
int tfl_lstm_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error);

/** Which input is that gate's peephole: between them there is no place for the cell gate. */
static inline unsigned tfl_lstm_peephole(enum tfl_lstm_gate gate)
{
	return TFL_LSTM_PEEPHOLE + (unsigned)gate - (gate == TFL_LSTM_OUTPUT_GATE);
}

#endif
