/* SPDX-License-Identifier: MIT */
/*
 * Tables and the choice of a loop. A table of bytes is indexed by the input's byte, whatever its sign, and holds the output's. The
 * arithmetic of both tables is float32 in the order of TensorFlow Lite's LUTPopulate, bit for bit.
 */
#include "runtime/kernel_unary.h"

#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "runtime/lower.h"

#define STEPS (TFL_TABLE_SIZE - 1)

static void look_up(const struct tfl_unary *unary, const void *input, void *output, size_t count)
{
	const uint8_t *restrict in = input, *restrict table = unary->table;
	uint8_t *restrict out = output;

	for (size_t i = 0; i < count; i++)
		out[i] = table[in[i]];
}

/* In TensorFlow Lite a piece of the table that rises by more than 32767 steps leads astray. */
static void interpolate(const struct tfl_unary *unary, const void *input, void *output, size_t count)
{
	const int16_t *restrict in = input, *restrict table = unary->table;
	int16_t *restrict out = output;

	for (size_t i = 0; i < count; i++)
		out[i] = tfl_table_look_up(table, in[i]);
}

/* NaN becomes the zero point. */
static int32_t quantize(const struct tfl_unary *unary, float scaled)
{
	float element = roundf(scaled) + (float)unary->output_zero_point;

	if (element <= (float)unary->range.quantized_min)
		return unary->range.quantized_min;
	if (element >= (float)unary->range.quantized_max)
		return unary->range.quantized_max;
	return element == element ? (int32_t)element : unary->output_zero_point;
}

static int make_byte_table(struct tfl_graph *graph, enum tfl_dtype dtype, struct tfl_unary *unary)
{
	uint8_t *table = tfl_graph_alloc(graph, 256);
	float inverse = 1 / unary->output_scale;

	if (!table)
		return -ENOMEM;
	for (unsigned i = 0; i < 256; i++) {
		int32_t value = (dtype == TFL_INT8 ? (int8_t)i : (int32_t)i) - unary->input_zero_point;

		if (unary->kernel->quantized)
			table[i] = (uint8_t)tfl_unary_element(unary, unary->kernel->quantized(unary, value));
		else
			table[i] = (uint8_t)quantize(unary, unary->kernel->real(unary, unary->input_scale * (float)value) * inverse);
	}
	unary->table = table;
	unary->loop = look_up;
	return 0;
}

/* The function in steps of the output. Kept finite, so that differences are numbers; what is beyond these bounds saturates either way. */
static float sample(const struct tfl_unary *unary, float value)
{
	float inverse = 65536.0f / (unary->output_scale * INT16_MAX - unary->output_scale * INT16_MIN);
	float scaled = unary->kernel->real(unary, value) * inverse;

	return scaled > 0x1p30f ? 0x1p30f : scaled < -0x1p30f ? -0x1p30f : scaled;
}

/* An entry is moved by half of what the middle between it and the next would miss the function by. */
static int make_int16_table(struct tfl_graph *graph, const struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	float first = unary->input_scale * INT16_MIN, last = unary->input_scale * INT16_MAX, step = (last - first) / STEPS;
	int16_t *table = tfl_graph_alloc(graph, TFL_TABLE_SIZE * sizeof(*table));

	if (!isfinite(last - first) || !isfinite(unary->output_scale * UINT16_MAX))
		return tfl_node_unsupported(graph, node, error,
					    "the scales of its int16 input and output, %g and %g, are too great for a table",
					    (double)unary->input_scale, (double)unary->output_scale);
	if (!table)
		return -ENOMEM;
	for (int i = 0; i < STEPS; i++) {
		float at = roundf(sample(unary, first + (float)i * step)), next = sample(unary, first + (float)(i + 1) * step);
		float middle = roundf(sample(unary, first + (float)i * step + step / 2));

		table[i] = (int16_t)quantize(unary, at - roundf((roundf((next + at) / 2) - middle) / 2));
	}
	table[STEPS] = (int16_t)quantize(unary, sample(unary, last));
	unary->table = table;
	unary->loop = interpolate;
	return 0;
}

static int prepare_quantized(struct tfl_graph *graph, struct tfl_node *node, struct tfl_unary *unary, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	const struct tfl_unary_kernel *kernel = unary->kernel;
	int r = tfl_check_symmetric(graph, node, input, "input", error);

	if (r == 0)
		r = tfl_check_symmetric(graph, node, output, "output", error);
	if (r < 0)
		return r;
	unary->input_scale = input->scale;
	unary->output_scale = output->scale;
	unary->input_zero_point = input->zero_point;
	unary->output_zero_point = output->zero_point;
	unary->range = tfl_range_of(output, -INFINITY, INFINITY);
	r = kernel->setup ? kernel->setup(graph, node, unary, error) : 0;
	if (r < 0 || unary->loop)
		return r;
	return input->dtype == TFL_INT16 ? make_int16_table(graph, node, unary, error) : make_byte_table(graph, input->dtype, unary);
}

int tfl_unary_prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	struct tfl_unary *unary = node->params = tfl_graph_alloc(graph, sizeof(*unary));
	const struct tfl_unary_kernel *kernel = node->op->kernel;
	bool raw = input->dtype == TFL_INT16 && kernel->raw_int16 && !input->quantized && !output->quantized;
	int r;

	if (!unary)
		return -ENOMEM;
	unary->kernel = kernel;
	unary->params = kernel->params;
	unary->loop = raw ? kernel->raw_int16 : kernel->loops[input->dtype];
	r = tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
	if (r < 0)
		return r;
	if (!raw && (input->dtype == TFL_INT8 || input->dtype == TFL_UINT8 || input->dtype == TFL_INT16))
		return prepare_quantized(graph, node, unary, error);
	return !raw && kernel->setup ? kernel->setup(graph, node, unary, error) : 0;
}

int tfl_unary_lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *from = tfl_node_input(lower->graph, node, 0), *to = tfl_node_output(lower->graph, node, 0);
	const struct tfl_unary *unary = node->params;
	const struct tfl_unary_kernel *kernel = unary->kernel;
	uint32_t input, output;
	int r;

	if (kernel->xnnpack_fits && !kernel->xnnpack_fits(unary, from, to))
		return 1;
	/* Its table holds a 0 for what is no number; between these scales nothing overflows on the way. */
	if (from->dtype != TFL_FLOAT32 && (!kernel->xnnpack_bytes || tfl_lower_ratio(from->scale, 0x1p-60f, 0x1p60f) ||
					   tfl_lower_ratio(to->scale, 0x1p-60f, 0x1p60f)))
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	return r ? r : tfl_lower_status(xnn_define_unary(lower->subgraph, kernel->xnnpack, &unary->params, input, output, 0));
}

int tfl_unary_run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_unary *unary = node->params;

	unary->loop(unary, tfl_run_input(run, node, 0), tfl_run_output(run, node, 0), tfl_node_input(run->graph, node, 0)->elements);
	return 0;
}
