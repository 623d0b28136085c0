/* SPDX-License-Identifier: MIT */
/*
 * QUANTIZE: float32 to integers, or integers of one scale to integers of another. DEQUANTIZE: integers, of one scale or of one per channel,
 * or float16, to float32. The arithmetic is that of the edge of a model, in quant.h.
 */
#include <math.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/lower.h"
#include "runtime/op.h"
#include "runtime/quant.h"

/* Also for int32, which most operators take without a scale. */
static int check_quantized(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *value, const char *what,
			   struct tfl_error *error)
{
	if (value->tensor->quantization.count > 1 && value->dtype == TFL_INT32)
		return tfl_node_unsupported(graph, node, error, "the %s has many scales", what);
	if (value->dtype == TFL_INT32 && !(isnormal(value->scale) && value->scale > 0))
		return tfl_node_invalid(graph, node, error, "the scale of the %s is %g; a positive number is right", what, (double)value->scale);
	if (value->dtype == TFL_INT32 && value->tensor->quantization.zero_points[0] != value->zero_point)
		return tfl_node_invalid(graph, node, error, "the zero point of the %s is %lld, beyond 32 bits", what,
					(long long)value->tensor->quantization.zero_points[0]);
	return tfl_check_quantized(graph, node, value, what, error);
}

static int prepare_quantize(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0), *output = tfl_node_output(graph, node, 0);
	int r;

	if (input->dtype != TFL_FLOAT32 && input->dtype != TFL_FLOAT16 && input->tensor->quantization.count > 1)
		return tfl_node_unsupported(graph, node, error, "its input has many scales");
	r = check_quantized(graph, node, input, "input", error);
	if (r == 0)
		r = check_quantized(graph, node, output, "output", error);
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

/* A scale and a zero point for each place along one dimension. */
static int check_channels(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *value, struct tfl_error *error)
{
	const struct tfl_quantization *quantization = &value->tensor->quantization;
	int32_t min, max;

	if (quantization->axis >= value->rank || (uint32_t)value->dims[quantization->axis] != quantization->count)
		return tfl_node_invalid(graph, node, error, "the input has %u scales along dimension %u, which has another size", quantization->count,
					quantization->axis);
	tfl_integer_range(value->dtype, &min, &max);
	for (uint32_t i = 0; i < quantization->count; i++) {
		/* A channel of zeros may have been given a scale of 0. */
		if (!isfinite(quantization->scales[i]) || quantization->scales[i] < 0)
			return tfl_node_invalid(graph, node, error, "scale %u of the input is %g; a positive number is right", i,
						(double)quantization->scales[i]);
		if (quantization->zero_points[i] < min || quantization->zero_points[i] > max)
			return tfl_node_invalid(graph, node, error, "zero point %u of the input is %lld; %d to %d are right", i,
						(long long)quantization->zero_points[i], min, max);
	}
	return 0;
}

static int prepare_dequantize(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);
	int r = 0;

	if (input->dtype != TFL_FLOAT16 && input->tensor->quantization.count > 1)
		r = check_channels(graph, node, input, error);
	else
		r = check_quantized(graph, node, input, "input", error);
	return r < 0 ? r : tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static int lower(struct tfl_lower *lower, const struct tfl_node *node)
{
	const struct tfl_value *from = tfl_node_input(lower->graph, node, 0), *to = tfl_node_output(lower->graph, node, 0);
	uint32_t input, output;
	int r;

	/* Between bytes of one type; from one to the other it goes through a table. */
	if (from->dtype == to->dtype && tfl_lower_ratio(from->scale / to->scale, 0x1p-8f, 0x1p7f))
		return 1;
	r = tfl_lower_values(lower, node, 1, &input, &output);
	return r ? r : tfl_lower_status(xnn_define_unary(lower->subgraph, xnn_unary_convert, NULL, input, output, 0));
}

static int32_t load(enum tfl_dtype dtype, const void *data, size_t index)
{
	switch (dtype) {
	case TFL_INT8:
		return ((const int8_t *)data)[index];
	case TFL_UINT8:
		return ((const uint8_t *)data)[index];
	case TFL_INT16:
		return ((const int16_t *)data)[index];
	default:
		return ((const int32_t *)data)[index];
	}
}

static void store(enum tfl_dtype dtype, void *data, size_t index, int32_t value)
{
	switch (dtype) {
	case TFL_INT8:
	case TFL_UINT8:
		((uint8_t *)data)[index] = (uint8_t)value;
		break;
	case TFL_INT16:
		((int16_t *)data)[index] = (int16_t)value;
		break;
	default:
		((int32_t *)data)[index] = value;
		break;
	}
}

/* An int32 may leave 32 bits here, which then wraps as in the reference. */
static int32_t subtract(int32_t value, int32_t zero_point)
{
	return (int32_t)((uint32_t)value - (uint32_t)zero_point);
}

/* From one scale to another in the fixed point of the other quantised kernels. */
static void requantize(const struct tfl_value *from, const struct tfl_value *to, const void *input, void *output)
{
	struct tfl_multiplier multiplier = tfl_multiplier_from((double)from->scale / (double)to->scale);
	struct tfl_range range;

	tfl_integer_range(to->dtype, &range.quantized_min, &range.quantized_max);
	for (size_t i = 0; i < from->elements; i++)
		store(to->dtype, output, i, tfl_requantize(subtract(load(from->dtype, input, i), from->zero_point), multiplier, to->zero_point, &range));
}

static int run_quantize(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *from = tfl_node_input(run->graph, node, 0), *to = tfl_node_output(run->graph, node, 0);

	if (from->dtype == TFL_FLOAT32)
		return tfl_quantize(to->dtype, to->scale, to->zero_point, tfl_run_input(run, node, 0), from->elements, tfl_run_output(run, node, 0));
	requantize(from, to, tfl_run_input(run, node, 0), tfl_run_output(run, node, 0));
	return 0;
}

static int run_dequantize(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *from = tfl_node_input(run->graph, node, 0);
	const struct tfl_quantization *quantization = &from->tensor->quantization;
	size_t size = tfl_dtype_size(from->dtype), inner = 1;
	const uint8_t *input = tfl_run_input(run, node, 0);
	float *output = tfl_run_output(run, node, 0);

	if (from->dtype == TFL_FLOAT16) {
		tfl_float16_to_float32((const void *)input, from->elements, output);
		return 0;
	}
	if (quantization->count <= 1)
		return tfl_dequantize(from->dtype, from->scale, from->zero_point, input, from->elements, output);
	for (unsigned i = quantization->axis + 1; i < from->rank; i++)
		inner *= (size_t)from->dims[i];
	for (size_t i = 0, channel = 0; i < from->elements; i += inner, channel = (channel + 1) % quantization->count)
		tfl_dequantize(from->dtype, quantization->scales[channel], (int32_t)quantization->zero_points[channel], input + i * size, inner,
			       output + i);
	return 0;
}

const struct tfl_op tfl_op_quantize = {
	.code = TFL_BUILTIN_QUANTIZE,
	.options = TFL_OPTIONS_QUANTIZE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 3,
	.name = "QUANTIZE",
	.types = "f:b f:B f:s b:b b:B B:b B:B s:s s:b b:s s:i i:b i:s",
	.prepare = prepare_quantize,
	.lower = lower,
	.run = run_quantize,
};

const struct tfl_op tfl_op_dequantize = {
	.code = TFL_BUILTIN_DEQUANTIZE,
	.options = TFL_OPTIONS_DEQUANTIZE,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 5,
	.name = "DEQUANTIZE",
	.types = "b:f B:f s:f h:f",
	.prepare = prepare_dequantize,
	.lower = lower,
	.run = run_dequantize,
};
