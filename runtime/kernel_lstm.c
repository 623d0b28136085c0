/* SPDX-License-Identifier: MIT */
/*
 * Checks and walks. Which of the many inputs are there says what the operator does: those that belong together come or are left out
 * together. Rows of a batch do not know of each other, so that each is walked through time on its own.
 */
#include "runtime/kernel_lstm.h"

#include <errno.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"

/* The sizes that dimensions have. */
enum size { NOTHING, INPUTS, CELLS, OUTPUTS };

/* What makes an input belong to the operator. */
enum { ALWAYS = 0, GATED = 1, PEEPHOLE = 2, NORMALIZED = 4, PROJECTED = 8, MAYBE = 16 };

static const struct {
	uint8_t input, rows, columns, when;
} inputs[] = {
	{1, CELLS, INPUTS, GATED},          {2, CELLS, INPUTS, ALWAYS},      {3, CELLS, INPUTS, ALWAYS},      {4, CELLS, INPUTS, ALWAYS},
	{5, CELLS, OUTPUTS, GATED},         {6, CELLS, OUTPUTS, ALWAYS},     {7, CELLS, OUTPUTS, ALWAYS},     {8, CELLS, OUTPUTS, ALWAYS},
	{9, CELLS, NOTHING, PEEPHOLE | GATED}, {10, CELLS, NOTHING, PEEPHOLE}, {11, CELLS, NOTHING, PEEPHOLE}, {12, CELLS, NOTHING, GATED},
	{13, CELLS, NOTHING, ALWAYS},       {14, CELLS, NOTHING, ALWAYS},    {15, CELLS, NOTHING, ALWAYS},    {16, OUTPUTS, CELLS, PROJECTED},
	{17, OUTPUTS, NOTHING, PROJECTED | MAYBE}, {20, CELLS, NOTHING, NORMALIZED | GATED}, {21, CELLS, NOTHING, NORMALIZED},
	{22, CELLS, NOTHING, NORMALIZED},   {23, CELLS, NOTHING, NORMALIZED},
};

static size_t size_of(const struct tfl_lstm *lstm, enum size size)
{
	return size == INPUTS ? lstm->inputs : size == CELLS ? lstm->cells : lstm->outputs;
}

static int check_shape(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_lstm *lstm, size_t row,
		       struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_input(graph, node, inputs[row].input);
	size_t rows = size_of(lstm, inputs[row].rows), columns = inputs[row].columns ? size_of(lstm, inputs[row].columns) : 1;
	unsigned rank = inputs[row].columns ? 2 : 1;
	char shape[TFL_SHAPE_STRING_MAX];

	if (value->rank == rank && (size_t)value->dims[0] == rows && (rank == 1 || (size_t)value->dims[1] == columns))
		return 0;
	tfl_shape_to_string(value->dims, value->rank, shape, sizeof(shape));
	if (rank == 1)
		return tfl_node_invalid(graph, node, error, "input %u has the shape %s; [%zu] would be right", inputs[row].input, shape, rows);
	return tfl_node_invalid(graph, node, error, "input %u has the shape %s; [%zu, %zu] would be right", inputs[row].input, shape, rows,
				columns);
}

static int check_inputs(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_lstm *lstm, struct tfl_error *error)
{
	unsigned has = (lstm->coupled ? 0 : GATED) | (lstm->peephole ? PEEPHOLE : 0) | (lstm->normalized ? NORMALIZED : 0) |
		       (lstm->projected ? PROJECTED : 0);

	for (size_t i = 0; i < TFL_ARRAY_SIZE(inputs); i++) {
		bool given = tfl_node_input(graph, node, inputs[i].input), wanted = ((inputs[i].when & ~MAYBE) & ~has) == 0;
		int r;

		if (given != wanted && (given || !(inputs[i].when & MAYBE)))
			return tfl_node_invalid(graph, node, error, "input %u is %s, unlike others that belong to it", inputs[i].input,
						given ? "there" : "left out");
		r = given ? check_shape(graph, node, lstm, i, error) : 0;
		if (r < 0)
			return r;
	}
	if (!lstm->projected && lstm->cells != lstm->outputs)
		return tfl_node_invalid(graph, node, error, "it has %zu cells and %zu outputs, but no projection", lstm->cells, lstm->outputs);
	return 0;
}

static int check_state(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_lstm *lstm, unsigned input,
		       size_t width, struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_input(graph, node, input);

	if (!value || !value->variable)
		return tfl_node_invalid(graph, node, error, "input %u is its state, and must be a variable", input);
	if (value->elements != (size_t)lstm->batch * width)
		return tfl_node_invalid(graph, node, error, "input %u, its state, has %zu elements; %zu would be right", input, value->elements,
					(size_t)lstm->batch * width);
	return 0;
}

/* What the operator is, by the inputs that are there, and its sizes. */
static int read_form(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_lstm *lstm, unsigned rank,
		     struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, TFL_LSTM_INPUT);
	const struct tfl_value *weights = tfl_node_input(graph, node, TFL_LSTM_WEIGHTS + TFL_LSTM_OUTPUT_GATE);
	const struct tfl_value *recurrent = tfl_node_input(graph, node, TFL_LSTM_RECURRENT + TFL_LSTM_OUTPUT_GATE);

	if (input->rank != rank || !weights || !recurrent || weights->rank != 2 || recurrent->rank != 2)
		return tfl_node_invalid(graph, node, error, "its input has %u dimensions; %u, and matrices for the output gate, are right",
					input->rank, rank);
	lstm->time_major = rank == 2 || lstm->time_major;
	lstm->steps = rank == 2 ? 1 : input->dims[lstm->time_major ? 0 : 1];
	lstm->batch = input->dims[rank == 3 && lstm->time_major ? 1 : 0];
	lstm->inputs = (size_t)input->dims[rank - 1];
	lstm->cells = (size_t)weights->dims[0];
	lstm->outputs = (size_t)recurrent->dims[1];
	lstm->coupled = !tfl_node_input(graph, node, TFL_LSTM_WEIGHTS + TFL_LSTM_INPUT_GATE);
	lstm->peephole = tfl_node_input(graph, node, tfl_lstm_peephole(TFL_LSTM_OUTPUT_GATE));
	lstm->normalized = tfl_node_input(graph, node, TFL_LSTM_NORM + TFL_LSTM_FORGET_GATE);
	lstm->projected = tfl_node_input(graph, node, TFL_LSTM_PROJECTION);
	if (lstm->inputs == 0 || lstm->cells == 0 || lstm->outputs == 0)
		return tfl_node_invalid(graph, node, error, "it has %zu inputs, %zu cells and %zu outputs; at least 1 each are right", lstm->inputs,
					lstm->cells, lstm->outputs);
	return 0;
}

static const struct tfl_lstm_kind *find_kind(enum tfl_dtype input, enum tfl_dtype weights)
{
	static const struct tfl_lstm_kind *const kinds[] = {&tfl_lstm_float, &tfl_lstm_hybrid, &tfl_lstm_hybrid_uint8, &tfl_lstm_int8};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++)
		if (kinds[i]->input == input && kinds[i]->weights == weights)
			return kinds[i];
	return NULL;
}

static int set_shape(struct tfl_graph *graph, struct tfl_node *node, const struct tfl_lstm *lstm, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, TFL_LSTM_INPUT);
	int32_t dims[3];

	memcpy(dims, input->dims, input->rank * sizeof(*dims));
	dims[input->rank - 1] = (int32_t)lstm->outputs;
	return tfl_node_set_shape(graph, node, 0, input->rank, dims, error);
}

static int charge(struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_lstm *lstm, struct tfl_error *error)
{
	uint64_t rounds = (uint64_t)lstm->steps * (uint64_t)lstm->batch;
	uint64_t gates = TFL_LSTM_GATES * (lstm->inputs + lstm->outputs), projection = lstm->projected ? lstm->outputs : 0;

	return tfl_node_charge(graph, node, rounds * lstm->cells, gates + projection, error);
}

/* The parts of a run's scratch, and its size. */
static size_t place(const struct tfl_lstm *lstm, void *scratch, struct tfl_lstm_run *run)
{
	size_t widest = lstm->cells > lstm->outputs ? lstm->cells : lstm->outputs, used = 0;

	for (unsigned gate = 0; gate < TFL_LSTM_GATES; gate++)
		run->gates[gate] = tfl_recurrent_place(scratch, &used, lstm->cells * sizeof(float));
	run->base.sums = tfl_recurrent_place(scratch, &used, widest * sizeof(int32_t));
	run->hidden = tfl_recurrent_place(scratch, &used, lstm->cells * sizeof(float));
	run->input_row = tfl_recurrent_place(scratch, &used, lstm->inputs * sizeof(int16_t));
	run->state_row = tfl_recurrent_place(scratch, &used, lstm->outputs * sizeof(int16_t));
	run->hidden_row = tfl_recurrent_place(scratch, &used, lstm->cells * sizeof(int16_t));
	run->base.quantized = tfl_recurrent_place(scratch, &used, widest > lstm->inputs ? widest : lstm->inputs);
	return used;
}

int tfl_lstm_prepare(struct tfl_graph *graph, struct tfl_node *node, unsigned rank, struct tfl_error *error)
{
	enum { ACTIVATION, CELL_CLIP, PROJECTION_CLIP };
	const struct tfl_fb_table *options = &node->source->options;
	struct tfl_lstm *lstm = node->params;
	struct tfl_lstm_run run;
	int r;

	lstm->activation = tfl_fb_i8(options, ACTIVATION, 0);
	lstm->cell_clip = tfl_fb_f32(options, CELL_CLIP, 0);
	lstm->projection_clip = tfl_fb_f32(options, PROJECTION_CLIP, 0);
	if (!(lstm->cell_clip >= 0) || !(lstm->projection_clip >= 0))
		return tfl_node_invalid(graph, node, error, "it clips at %g and %g; 0 or more are right", (double)lstm->cell_clip,
					(double)lstm->projection_clip);
	r = read_form(graph, node, lstm, rank, error);
	if (r == 0)
		r = check_inputs(graph, node, lstm, error);
	if (r == 0)
		r = check_state(graph, node, lstm, TFL_LSTM_OUTPUT_STATE, lstm->outputs, error);
	if (r == 0)
		r = check_state(graph, node, lstm, TFL_LSTM_CELL_STATE, lstm->cells, error);
	if (r == 0)
		r = set_shape(graph, node, lstm, error);
	if (r == 0)
		r = charge(graph, node, lstm, error);
	if (r < 0)
		return r;
	lstm->kind = find_kind(tfl_node_input(graph, node, TFL_LSTM_INPUT)->dtype,
			       tfl_node_input(graph, node, TFL_LSTM_WEIGHTS + TFL_LSTM_OUTPUT_GATE)->dtype);
	lstm->arithmetic = tfl_arithmetic_of(lstm->kind->input, lstm->kind->weights);
	node->scratch_bytes = place(lstm, NULL, &run);
	return lstm->kind->prepare(graph, node, lstm, error);
}

int tfl_lstm_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_lstm *lstm = node->params;
	struct tfl_lstm_run state = {.base = {run, node, lstm->arithmetic, lstm->asymmetric, NULL, NULL}, .lstm = lstm};
	size_t in = lstm->inputs * tfl_dtype_size(tfl_node_input(run->graph, node, TFL_LSTM_INPUT)->dtype);
	size_t out = lstm->outputs * tfl_dtype_size(tfl_node_output(run->graph, node, 0)->dtype);
	size_t cell = lstm->cells * tfl_dtype_size(tfl_node_input(run->graph, node, TFL_LSTM_CELL_STATE)->dtype);
	const uint8_t *from = tfl_run_input(run, node, TFL_LSTM_INPUT);
	uint8_t *to = tfl_run_output(run, node, 0);
	int r;

	place(lstm, run->scratch, &state);
	for (int32_t row = 0; row < lstm->batch; row++) {
		state.output_state = (uint8_t *)tfl_run_variable(run, node, TFL_LSTM_OUTPUT_STATE) + (size_t)row * out;
		state.cell_state = (uint8_t *)tfl_run_variable(run, node, TFL_LSTM_CELL_STATE) + (size_t)row * cell;
		for (int32_t step = 0; step < lstm->steps; step++) {
			size_t index = lstm->time_major ? (size_t)step * (size_t)lstm->batch + (size_t)row
							: (size_t)row * (size_t)lstm->steps + (size_t)step;

			r = tfl_run_check(run, error);
			if (r < 0)
				return r;
			state.input = from + index * in;
			lstm->kind->step(&state);
			memmove(to + index * out, state.output_state, out); /* which may be one variable */
		}
	}
	return 0;
}
