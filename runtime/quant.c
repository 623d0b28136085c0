/* SPDX-License-Identifier: MIT */
/*
 * Conversions are one loop per element type, made by a macro from the same few lines; unaligned memory is read through memcpy, which
 * compilers turn into plain loads.
 */
#include "runtime/quant.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/graph.h"

bool tfl_integer_range(enum tfl_dtype dtype, int32_t *ret_min, int32_t *ret_max)
{
	static const struct {
		enum tfl_dtype dtype;
		int32_t min, max;
	} ranges[] = {
		{TFL_INT8, INT8_MIN, INT8_MAX},
		{TFL_UINT8, 0, UINT8_MAX},
		{TFL_INT16, INT16_MIN, INT16_MAX},
		{TFL_INT32, INT32_MIN, INT32_MAX},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (ranges[i].dtype == dtype) {
			*ret_min = ranges[i].min;
			*ret_max = ranges[i].max;
			return true;
		}
	}
	return false;
}

/*
 * Written for vectorisation: no branches, no calls. Rounding half away from zero is truncation and a look at what was cut off (adding 0.5
 * first would carry 0.49999997 over). The clamp comes first, so that the conversion to an integer is defined; its second comparison fails
 * for NaN, which then becomes 0, the zero point. int32 needs double: a float would lose its low bits.
 */
#define DEFINE_CONVERSIONS(type, lowest, highest, real, whole) \
	static void quantize_##type(float scale, int32_t zero_point, const uint8_t *values, size_t count, uint8_t *quantized) \
	{ \
		const real low = (real)((int64_t)(lowest) - zero_point), high = (real)((int64_t)(highest) - zero_point); \
\
		for (size_t i = 0; i < count; i++) { \
			float value; \
			real scaled, rest; \
			whole rounded; \
			type q; \
\
			memcpy(&value, values + i * sizeof(value), sizeof(value)); \
			scaled = (real)value / (real)scale; \
			scaled = scaled > high ? high : scaled; \
			scaled = scaled < low ? low : scaled; \
			scaled = scaled == scaled ? scaled : 0; \
			rounded = (whole)scaled; \
			rest = scaled - (real)rounded; \
			rounded += (rest >= (real)0.5) - (rest <= (real)-0.5); \
			q = (type)(rounded + zero_point); \
			memcpy(quantized + i * sizeof(q), &q, sizeof(q)); \
		} \
	} \
\
	static void dequantize_##type(float scale, int32_t zero_point, const uint8_t *quantized, size_t count, uint8_t *values) \
	{ \
		for (size_t i = 0; i < count; i++) { \
			type q; \
			float value; \
\
			memcpy(&q, quantized + i * sizeof(q), sizeof(q)); \
			value = scale * (float)((whole)q - zero_point); \
			memcpy(values + i * sizeof(value), &value, sizeof(value)); \
		} \
	}

DEFINE_CONVERSIONS(int8_t, INT8_MIN, INT8_MAX, float, int32_t)
DEFINE_CONVERSIONS(uint8_t, 0, UINT8_MAX, float, int32_t)
DEFINE_CONVERSIONS(int16_t, INT16_MIN, INT16_MAX, float, int32_t)
DEFINE_CONVERSIONS(int32_t, INT32_MIN, INT32_MAX, double, int64_t)

static const struct conversion {
	void (*quantize)(float scale, int32_t zero_point, const uint8_t *values, size_t count, uint8_t *quantized);
	void (*dequantize)(float scale, int32_t zero_point, const uint8_t *quantized, size_t count, uint8_t *values);
} conversions[TFL_DTYPE_COUNT] = {
	[TFL_INT8] = {quantize_int8_t, dequantize_int8_t},
	[TFL_UINT8] = {quantize_uint8_t, dequantize_uint8_t},
	[TFL_INT16] = {quantize_int16_t, dequantize_int16_t},
	[TFL_INT32] = {quantize_int32_t, dequantize_int32_t},
};

int tfl_quantize(enum tfl_dtype dtype, float scale, int32_t zero_point, const void *values, size_t count, void *ret_quantized)
{
	if (dtype >= TFL_DTYPE_COUNT || !conversions[dtype].quantize)
		return -EINVAL;
	conversions[dtype].quantize(scale, zero_point, values, count, ret_quantized);
	return 0;
}

int tfl_dequantize(enum tfl_dtype dtype, float scale, int32_t zero_point, const void *quantized, size_t count, void *ret_values)
{
	if (dtype >= TFL_DTYPE_COUNT || !conversions[dtype].dequantize)
		return -EINVAL;
	conversions[dtype].dequantize(scale, zero_point, quantized, count, ret_values);
	return 0;
}

/* In lanes, which vectorise where one running extreme would not. NaN is passed over: the comparisons fail. */
static void find_extremes(const float *values, size_t count, float *ret_min, float *ret_max)
{
	float low[8] = {0}, high[8] = {0}, min = 0, max = 0;
	size_t i = 0;

	for (; i + 8 <= count; i += 8)
		for (size_t lane = 0; lane < 8; lane++) {
			low[lane] = values[i + lane] < low[lane] ? values[i + lane] : low[lane];
			high[lane] = values[i + lane] > high[lane] ? values[i + lane] : high[lane];
		}
	for (; i < count; i++) {
		min = values[i] < min ? values[i] : min;
		max = values[i] > max ? values[i] : max;
	}
	for (size_t lane = 0; lane < 8; lane++) {
		min = low[lane] < min ? low[lane] : min;
		max = high[lane] > max ? high[lane] : max;
	}
	*ret_min = min;
	*ret_max = max;
}

void tfl_quantize_dynamic(const float *values, size_t count, bool asymmetric, int8_t *ret_quantized, float *ret_scale,
			  int32_t *ret_zero_point)
{
	float min, max, scale, from_min, from_max, zero_point = 0;

	find_extremes(values, count, &min, &max);
	scale = asymmetric ? (max - min) / 255 : fmaxf(-min, max) / 127;
	/* Also where the values are so small that their scale is no normal number. */
	if (scale < FLT_MIN)
		scale = 1;
	else if (asymmetric) {
		/* From the extreme whose zero point is computed from smaller numbers, and so with the smaller error. */
		from_min = INT8_MIN - min / scale;
		from_max = INT8_MAX - max / scale;
		zero_point = -INT8_MIN - min / scale < INT8_MAX + max / scale ? from_min : from_max;
		zero_point = zero_point > INT8_MIN ? zero_point : INT8_MIN; /* also for NaN */
		zero_point = roundf(zero_point < INT8_MAX ? zero_point : INT8_MAX);
	}
	*ret_scale = scale;
	*ret_zero_point = (int32_t)zero_point;
	quantize_int8_t(scale, *ret_zero_point, (const uint8_t *)values, count, (uint8_t *)ret_quantized);
}

void tfl_float16_to_float32(const uint16_t *values, size_t count, float *ret_values)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t sign = (uint32_t)(values[i] & 0x8000) << 16, magnitude = values[i] & 0x7fffu, bits;
		float value;

		if (magnitude >= 0x7c00) {
			bits = sign | 0x7f800000u | (magnitude & 0x3ff) << 13;
			memcpy(&value, &bits, sizeof(value));
		} else {
			/* Read with the exponent too small by 112, then scaled: subnormals come out right without a case of their own. */
			bits = magnitude << 13;
			memcpy(&value, &bits, sizeof(value));
			value *= 0x1p112f;
			value = sign ? -value : value;
		}
		ret_values[i] = value;
	}
}

/* Divides in float32, as TensorFlow Lite does: 1 / 0.4 is 2.5 there, and a tie. */
static int32_t quantize_bound(const struct tfl_value *value, float bound)
{
	int32_t min = INT32_MIN, max = INT32_MAX;
	double q;

	tfl_integer_range(value->dtype, &min, &max);
	q = value->zero_point + (double)roundf(bound / value->scale);
	return !(q > min) ? min : q > max ? max : (int32_t)q; /* a scale that is NaN is refused later */
}

struct tfl_range tfl_range_of(const struct tfl_value *output, float min, float max)
{
	struct tfl_range range = {min, max, INT32_MIN, INT32_MAX};

	tfl_integer_range(output->dtype, &range.quantized_min, &range.quantized_max);
	if (output->quantized) {
		range.quantized_min = isfinite(min) ? quantize_bound(output, min) : range.quantized_min;
		range.quantized_max = isfinite(max) ? quantize_bound(output, max) : range.quantized_max;
	}
	return range;
}

int tfl_activation_range(const struct tfl_graph *graph, const struct tfl_node *node, int activation, const struct tfl_value *output,
			 struct tfl_range *ret_range, struct tfl_error *error)
{
	static const struct {
		float min, max;
	} ranges[] = {
		[TFL_ACTIVATION_NONE] = {-INFINITY, INFINITY},
		[TFL_ACTIVATION_RELU] = {0, INFINITY},
		[TFL_ACTIVATION_RELU_N1_TO_1] = {-1, 1},
		[TFL_ACTIVATION_RELU6] = {0, 6},
	};

	if (activation == TFL_ACTIVATION_TANH || activation == TFL_ACTIVATION_SIGN_BIT)
		return tfl_node_unsupported(graph, node, error, "its fused activation is %s", activation == TFL_ACTIVATION_TANH ? "TANH" : "SIGN_BIT");
	if (activation < 0 || activation > TFL_ACTIVATION_RELU6)
		return tfl_node_invalid(graph, node, error, "its fused activation has the number %d; 0 to 5 are known", activation);
	*ret_range = tfl_range_of(output, ranges[activation].min, ranges[activation].max);
	return 0;
}

bool tfl_is_power_of_2(float scale, int *ret_log2)
{
	float exponent = logf(scale) * (1 / logf(2)), rounded = roundf(exponent);

	if (!(fabsf(exponent - rounded) < 1e-3f))
		return false;
	*ret_log2 = (int)rounded;
	return true;
}

bool tfl_value_quantized(const struct tfl_value *value)
{
	const struct tfl_quantization *quantization = &value->tensor->quantization;
	int32_t min, max;

	return quantization->count == 1 && tfl_integer_range(value->dtype, &min, &max) && isnormal(value->scale) && value->scale > 0 &&
	       quantization->zero_points[0] >= min && quantization->zero_points[0] <= max;
}

bool tfl_same_scale(const struct tfl_value *left, const struct tfl_value *right)
{
	return left->scale == right->scale && left->zero_point == right->zero_point;
}

int tfl_check_quantized(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *value, const char *what,
			struct tfl_error *error)
{
	const struct tfl_quantization *quantization = &value->tensor->quantization;
	int32_t min, max;

	if (!tfl_integer_range(value->dtype, &min, &max) || value->dtype == TFL_INT32 || tfl_value_quantized(value))
		return 0;
	if (quantization->count != 1)
		return tfl_node_invalid(graph, node, error, "the %s is %s and needs one scale; it has %u", what, tfl_dtype_to_string(value->dtype),
					quantization->count);
	if (!isnormal(value->scale) || value->scale < 0)
		return tfl_node_invalid(graph, node, error, "the scale of the %s is %g; a positive number is right", what, (double)value->scale);
	return tfl_node_invalid(graph, node, error, "the zero point of the %s is %lld; %d to %d are right", what,
				(long long)quantization->zero_points[0], min, max);
}

int tfl_check_symmetric(const struct tfl_graph *graph, const struct tfl_node *node, const struct tfl_value *value, const char *what,
			struct tfl_error *error)
{
	int r = tfl_check_quantized(graph, node, value, what, error);

	if (r == 0 && value->dtype == TFL_INT16 && value->zero_point != 0)
		return tfl_node_unsupported(graph, node, error, "the zero point of the %s is %d; for int16 here only 0 is", what, value->zero_point);
	return r;
}
