/* SPDX-License-Identifier: MIT */
/*
 * A vector is read once and multiplied with several matrices. Floats that meet bytes are quantised with a scale of their own, each vector
 * anew, and the sums of integers scaled back.
 */
#include "runtime/kernel_recurrent.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

#define ALIGNMENT 64

bool tfl_recurrent_is_hybrid(const struct tfl_arithmetic *arithmetic)
{
	return arithmetic->input == TFL_FLOAT32 && arithmetic->filter != TFL_FLOAT32;
}

struct tfl_vector tfl_recurrent_bytes(const struct tfl_recurrent *recurrent, const int8_t *values, size_t count, int32_t zero_point,
				      int16_t *row)
{
	struct tfl_linear_run linear = {.input_zero_point = zero_point};

	recurrent->arithmetic->read(&linear, values, count, row);
	return (struct tfl_vector){row, count, 1};
}

struct tfl_vector tfl_recurrent_floats(const struct tfl_recurrent *recurrent, const float *values, size_t count, int16_t *row)
{
	struct tfl_vector vector = {values, count, 1};
	int32_t zero_point;
	float scale;

	if (!tfl_recurrent_is_hybrid(recurrent->arithmetic))
		return vector;
	tfl_quantize_dynamic(values, count, recurrent->asymmetric, recurrent->quantized, &scale, &zero_point);
	vector = tfl_recurrent_bytes(recurrent, recurrent->quantized, count, zero_point, row);
	vector.scale = scale;
	return vector;
}

const int32_t *tfl_recurrent_multiply(const struct tfl_recurrent *recurrent, const struct tfl_vector *vector, unsigned input, size_t rows,
				      const int32_t *bias)
{
	const void *matrix = tfl_run_input(recurrent->run, recurrent->node, input);
	struct tfl_linear_run linear = {0};

	if (bias)
		memcpy(recurrent->sums, bias, rows * sizeof(*bias));
	else
		memset(recurrent->sums, 0, rows * sizeof(*bias));
	recurrent->arithmetic->dot(&linear, vector->row, vector->count, matrix, vector->count, rows, recurrent->sums);
	return recurrent->sums;
}

void tfl_recurrent_add(const struct tfl_recurrent *recurrent, const struct tfl_vector *vector, unsigned input, size_t rows, float *sums)
{
	float scale = vector->scale * tfl_node_input(recurrent->run->graph, recurrent->node, input)->scale;
	struct tfl_linear_run linear = {0};
	const int32_t *products;

	if (!tfl_recurrent_is_hybrid(recurrent->arithmetic)) {
		recurrent->arithmetic->dot(&linear, vector->row, vector->count, tfl_run_input(recurrent->run, recurrent->node, input), vector->count,
					   rows, sums);
		return;
	}
	products = tfl_recurrent_multiply(recurrent, vector, input, rows, NULL);
	for (size_t i = 0; i < rows; i++)
		sums[i] += (float)products[i] * scale;
}

static const struct {
	float min, max;
} clamps[] = {
	[TFL_ACTIVATION_NONE] = {-INFINITY, INFINITY},
	[TFL_ACTIVATION_RELU] = {0, INFINITY},
	[TFL_ACTIVATION_RELU_N1_TO_1] = {-1, 1},
	[TFL_ACTIVATION_RELU6] = {0, 6},
};

int tfl_recurrent_check_activation(const struct tfl_graph *graph, const struct tfl_node *node, int activation, struct tfl_error *error)
{
	if (activation == TFL_ACTIVATION_TANH || (activation >= 0 && (size_t)activation < TFL_ARRAY_SIZE(clamps)))
		return 0;
	return tfl_node_unsupported(graph, node, error, "its activation has the number %d; 0 to %d are", activation, TFL_ACTIVATION_TANH);
}

void tfl_recurrent_activate(int activation, const float *from, size_t count, float *to)
{
	for (size_t i = 0; i < count; i++)
		to[i] = activation == TFL_ACTIVATION_TANH ? tanhf(from[i])
							  : fminf(fmaxf(from[i], clamps[activation].min), clamps[activation].max);
}

void *tfl_recurrent_place(void *base, size_t *used, size_t bytes)
{
	void *place = base ? (uint8_t *)base + *used : NULL;

	*used += tfl_align_up(bytes, ALIGNMENT);
	return place;
}
