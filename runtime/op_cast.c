/* SPDX-License-Identifier: MIT */
/*
 * CAST between any two types of fixed size, by blocks: elements are widened to the widest type of their kind, then narrowed. Integers wrap;
 * numbers with a fraction are cut towards zero and held within what the integer type holds, NaN becomes 0; bool is whether a number is not
 * 0; of a complex number the real part is taken. Quantisation does not matter: elements stand for themselves.
 */
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/op.h"
#include "runtime/quant.h"

#define BLOCK 256

/* The kinds of numbers, and an array of each. int64 is the kind of all integers that it holds. */
enum kind { INTEGER, UNSIGNED, REAL, KINDS };

union block {
	int64_t integers[BLOCK];
	uint64_t unsigneds[BLOCK];
	double reals[BLOCK];
};

static float bfloat16_to_float32(uint16_t value)
{
	uint32_t bits = (uint32_t)value << 16;
	float result;

	memcpy(&result, &bits, sizeof(result));
	return result;
}

/* To the nearest, ties to even; NaN keeps its sign and stays NaN. */
static uint16_t float32_to_bfloat16(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (value != value)
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float float16_to_float32(uint16_t value)
{
	float result;

	tfl_float16_to_float32(&value, 1, &result);
	return result;
}

/*
 * To the nearest, ties to even: adding a power of 2 whose last bit is worth as much as the result's leaves the rounding to the processor.
 */
static uint16_t float32_to_float16(float value)
{
	uint32_t bits, exponent, sign;
	float magic, magnitude;

	memcpy(&bits, &value, sizeof(bits));
	sign = bits >> 16 & 0x8000;
	bits &= 0x7fffffff;
	if (bits > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | (bits >> 13 & 0x3ff));
	/* 65520 and more are infinite. */
	if (bits >= 0x477ff000)
		return (uint16_t)(sign | 0x7c00);
	exponent = bits >> 23 < 113 ? 113 : bits >> 23; /* below 2^-14 the last bit is worth no less */
	memcpy(&magnitude, &bits, sizeof(magnitude));
	bits = (exponent + 13) << 23;
	memcpy(&magic, &bits, sizeof(magic));
	magnitude += magic;
	memcpy(&bits, &magnitude, sizeof(bits));
	return (uint16_t)(sign | (((exponent - 113) << 10) + (bits & 0x7fffff)));
}

/* Both memories are those of tensors, aligned for their type. */
#define DEFINE_LOAD(name, type, kind_array, expression) \
	static void load_##name(const void *input, size_t count, union block *block) \
	{ \
		const type *restrict in = input; \
\
		for (size_t i = 0; i < count; i++) \
			block->kind_array[i] = expression; \
	}

#define DEFINE_STORE(name, type, from, kind_array, expression) \
	static void store_##name##_##from(const union block *block, size_t count, void *output) \
	{ \
		type *restrict out = output; \
\
		for (size_t i = 0; i < count; i++) { \
			__typeof__(block->kind_array[0]) value = block->kind_array[i]; \
\
			expression; \
		} \
	}

/* The same expression from all three kinds. */
#define DEFINE_STORES(name, type, expression) \
	DEFINE_STORE(name, type, integer, integers, expression) \
	DEFINE_STORE(name, type, unsigned, unsigneds, expression) \
	DEFINE_STORE(name, type, real, reals, expression)

/* Integers wrap; the greatest of 64 bits is rounded up to the next power of 2, which is held all the same. */
#define DEFINE_INTEGER(name, type, kind_array, low, high) \
	DEFINE_LOAD(name, type, kind_array, in[i]) \
	DEFINE_STORE(name, type, integer, integers, out[i] = (type)value) \
	DEFINE_STORE(name, type, unsigned, unsigneds, out[i] = (type)value) \
	DEFINE_STORE(name, type, real, reals, \
		     out[i] = !(value > (double)(low)) ? (value == value ? (low) : 0) : value >= (double)(high) ? (high) : (type)value)

DEFINE_INTEGER(int8, int8_t, integers, INT8_MIN, INT8_MAX)
DEFINE_INTEGER(int16, int16_t, integers, INT16_MIN, INT16_MAX)
DEFINE_INTEGER(int32, int32_t, integers, INT32_MIN, INT32_MAX)
DEFINE_INTEGER(int64, int64_t, integers, INT64_MIN, INT64_MAX)
DEFINE_INTEGER(uint8, uint8_t, integers, 0, UINT8_MAX)
DEFINE_INTEGER(uint16, uint16_t, integers, 0, UINT16_MAX)
DEFINE_INTEGER(uint32, uint32_t, integers, 0, UINT32_MAX)
DEFINE_INTEGER(uint64, uint64_t, unsigneds, 0, UINT64_MAX)
DEFINE_LOAD(truth, uint8_t, integers, in[i] != 0)
DEFINE_STORES(truth, uint8_t, out[i] = value != 0)
DEFINE_LOAD(float16, uint16_t, reals, (double)float16_to_float32(in[i]))
DEFINE_STORES(float16, uint16_t, out[i] = float32_to_float16((float)value))
DEFINE_LOAD(bfloat16, uint16_t, reals, (double)bfloat16_to_float32(in[i]))
DEFINE_STORES(bfloat16, uint16_t, out[i] = float32_to_bfloat16((float)value))
DEFINE_LOAD(float32, float, reals, (double)in[i])
DEFINE_STORES(float32, float, out[i] = (float)value)
DEFINE_LOAD(float64, double, reals, in[i])
DEFINE_STORES(float64, double, out[i] = (double)value)
DEFINE_LOAD(complex64, float, reals, (double)in[2 * i])
DEFINE_STORES(complex64, float, out[2 * i] = (float)value; out[2 * i + 1] = 0)
DEFINE_LOAD(complex128, double, reals, in[2 * i])
DEFINE_STORES(complex128, double, out[2 * i] = (double)value; out[2 * i + 1] = 0)

#define TYPE(name, kind) {kind, load_##name, {store_##name##_integer, store_##name##_unsigned, store_##name##_real}}

static const struct {
	enum kind kind;
	void (*load)(const void *input, size_t count, union block *block);
	void (*store[KINDS])(const union block *block, size_t count, void *output);
} types[TFL_DTYPE_COUNT] = {
	[TFL_INT8] = TYPE(int8, INTEGER),         [TFL_INT16] = TYPE(int16, INTEGER),         [TFL_INT32] = TYPE(int32, INTEGER),
	[TFL_INT64] = TYPE(int64, INTEGER),       [TFL_UINT8] = TYPE(uint8, INTEGER),         [TFL_UINT16] = TYPE(uint16, INTEGER),
	[TFL_UINT32] = TYPE(uint32, INTEGER),     [TFL_UINT64] = TYPE(uint64, UNSIGNED),      [TFL_BOOL] = TYPE(truth, INTEGER),
	[TFL_FLOAT16] = TYPE(float16, REAL),      [TFL_BFLOAT16] = TYPE(bfloat16, REAL),      [TFL_FLOAT32] = TYPE(float32, REAL),
	[TFL_FLOAT64] = TYPE(float64, REAL),      [TFL_COMPLEX64] = TYPE(complex64, REAL),    [TFL_COMPLEX128] = TYPE(complex128, REAL),
};

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *input = tfl_node_input(graph, node, 0);

	return tfl_node_set_shape(graph, node, 0, input->rank, input->dims, error);
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct tfl_value *from = tfl_node_input(run->graph, node, 0), *to = tfl_node_output(run->graph, node, 0);
	const uint8_t *input = tfl_run_input(run, node, 0);
	uint8_t *output = tfl_run_output(run, node, 0);
	union block block;

	if (from->dtype == to->dtype && from->dtype != TFL_BOOL) {
		memcpy(output, input, from->bytes);
		return 0;
	}
	for (size_t i = 0; i < from->elements; i += BLOCK) {
		size_t count = from->elements - i < BLOCK ? from->elements - i : BLOCK;

		types[from->dtype].load(input + i * tfl_dtype_size(from->dtype), count, &block);
		types[to->dtype].store[types[from->dtype].kind](&block, count, output + i * tfl_dtype_size(to->dtype));
	}
	return 0;
}

const struct tfl_op tfl_op_cast = {
	.code = TFL_BUILTIN_CAST,
	.options = TFL_OPTIONS_CAST,
	.inputs_min = 1,
	.inputs_max = 1,
	.outputs = 1,
	.max_version = 7,
	.name = "CAST",
	.types = "#:#",
	.prepare = prepare,
	.run = run,
};
