/* SPDX-License-Identifier: MIT */
/*
 * Float values are kept within [-1, 1] by fused activations, so that neither a chain of products nor one of sums runs away and errors stay
 * what they are. Names of values do not matter.
 */
#include "tests/runtime/random_graph.h"

#include "base/util.h"
#include "runtime/schema.h"
#include "tests/builder/random.h"

#define VALUES_MAX 4096
#define SIDE 4
#define SHAPE TFL_INTS(m->batch, SIDE, SIDE, SIDE)

struct maker {
	struct tfl_builder *builder;
	struct tfl_random random;
	enum tfl_dtype dtype;
	int32_t batch;
	int32_t values[VALUES_MAX]; /* that have the shape of the input */
	bool read[VALUES_MAX];
	uint32_t count;
};

static bool one_in(struct maker *m, uint32_t n)
{
	return tfl_random_below(&m->random, n) == 0;
}

static int32_t any_value(struct maker *m)
{
	/* Rather a late one: long chains. */
	uint32_t reach = one_in(m, 3) || m->count < 4 ? m->count : 4, index = m->count - 1 - tfl_random_below(&m->random, reach);

	m->read[index] = true;
	return m->values[index];
}

/* @p signature: of an input, which may have another batch; else empty. */
static int32_t new_tensor(struct maker *m, struct tfl_ints dims, struct tfl_ints signature)
{
	static const float scale = 1 / 32.0f;
	static const int64_t zero_point = -5;
	bool quantized = m->dtype != TFL_FLOAT32;

	return tfl_build_tensor(m->builder, &(struct tfl_build_tensor){.dtype = m->dtype, .dims = dims, .signature = signature,
								       .scales = quantized ? &scale : NULL, .zero_points = &zero_point,
								       .scale_count = quantized});
}

static int32_t new_value(struct maker *m, struct tfl_ints dims)
{
	return new_tensor(m, dims, (struct tfl_ints){0});
}

static int32_t new_input(struct maker *m)
{
	return new_tensor(m, SHAPE, TFL_INTS(-1, SIDE, SIDE, SIDE));
}

static int32_t weights(struct maker *m, struct tfl_ints dims, float bound)
{
	float data[512];
	size_t count = 1;

	for (uint32_t i = 0; i < dims.count; i++)
		count *= (size_t)dims.values[i];
	for (size_t i = 0; i < count; i++)
		data[i] = tfl_random_uniform(&m->random, -bound, bound);
	return tfl_build_tensor(m->builder, &(struct tfl_build_tensor){.dims = dims, .data = data, .data_size = count * sizeof(*data)});
}

static int32_t ints(struct maker *m, struct tfl_ints values, struct tfl_ints dims)
{
	return tfl_build_tensor(m->builder, &(struct tfl_build_tensor){.dtype = TFL_INT32, .dims = dims, .data = values.values,
								       .data_size = values.count * sizeof(int32_t)});
}

static int32_t emit(struct maker *m, uint32_t code, struct tfl_build_options options, struct tfl_ints inputs, struct tfl_ints dims)
{
	int32_t output = new_value(m, dims);

	tfl_build_operator(m->builder, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = TFL_INTS(output), .options = options});
	return output;
}

static int32_t convolve(struct maker *m, int32_t input, int32_t channels, int32_t kernel, int8_t padding)
{
	struct tfl_build_window window = {.padding = padding, .activation = TFL_ACTIVATION_RELU_N1_TO_1};
	int32_t filter = weights(m, TFL_INTS(SIDE, kernel, kernel, channels), 0.4f), bias = one_in(m, 4) ? -1 : weights(m, TFL_INTS(SIDE), 0.2f);

	return emit(m, TFL_BUILTIN_CONV_2D, tfl_options_conv_2d(&window), TFL_INTS(input, filter, bias), SHAPE);
}

static int32_t conv_1(struct maker *m, int32_t x)
{
	return convolve(m, x, SIDE, 1, TFL_PADDING_SAME);
}

static int32_t conv_3(struct maker *m, int32_t x)
{
	return convolve(m, x, SIDE, 3, TFL_PADDING_SAME);
}

static int32_t depthwise(struct maker *m, int32_t x)
{
	struct tfl_build_window window = {.padding = TFL_PADDING_SAME, .activation = TFL_ACTIVATION_RELU6, .depth_multiplier = 1};
	int32_t filter = weights(m, TFL_INTS(1, 3, 3, SIDE), 0.2f), bias = weights(m, TFL_INTS(SIDE), 0.2f);

	return emit(m, TFL_BUILTIN_DEPTHWISE_CONV_2D, tfl_options_depthwise_conv_2d(&window), TFL_INTS(x, filter, bias), SHAPE);
}

static int32_t dense(struct maker *m, int32_t x)
{
	int32_t filter = weights(m, TFL_INTS(SIDE, SIDE), 0.4f);

	return emit(m, TFL_BUILTIN_FULLY_CONNECTED, tfl_options_fully_connected(TFL_ACTIVATION_RELU_N1_TO_1, true), TFL_INTS(x, filter), SHAPE);
}

static int32_t add(struct maker *m, int32_t x)
{
	int32_t other = one_in(m, 4) ? weights(m, TFL_INTS(SIDE), 1) : any_value(m);

	return emit(m, TFL_BUILTIN_ADD, tfl_options_add(TFL_ACTIVATION_RELU_N1_TO_1), TFL_INTS(x, other), SHAPE);
}

static int32_t sub(struct maker *m, int32_t x)
{
	return emit(m, TFL_BUILTIN_SUB, tfl_options_sub(TFL_ACTIVATION_RELU_N1_TO_1), TFL_INTS(any_value(m), x), SHAPE);
}

static int32_t mul(struct maker *m, int32_t x)
{
	int32_t other = one_in(m, 4) ? weights(m, TFL_INTS(SIDE, 1, SIDE), 1) : any_value(m);

	return emit(m, TFL_BUILTIN_MUL, tfl_options_mul(TFL_ACTIVATION_RELU_N1_TO_1), TFL_INTS(x, other), SHAPE);
}

static int32_t mean(struct maker *m, int32_t x)
{
	int32_t axes = ints(m, TFL_INTS(1, -2), TFL_INTS(2));
	int32_t means = emit(m, TFL_BUILTIN_MEAN, tfl_options_reducer(true), TFL_INTS(x, axes), TFL_INTS(m->batch, 1, 1, SIDE));

	return emit(m, TFL_BUILTIN_ADD, tfl_options_add(TFL_ACTIVATION_RELU_N1_TO_1), TFL_INTS(any_value(m), means), SHAPE);
}

static int32_t logistic(struct maker *m, int32_t x)
{
	return emit(m, TFL_BUILTIN_LOGISTIC, tfl_options_empty(0), TFL_INTS(x), SHAPE);
}

static int32_t softmax(struct maker *m, int32_t x)
{
	/* XNNPACK has it with a beta of 1 only. */
	return emit(m, TFL_BUILTIN_SOFTMAX, tfl_options_softmax(one_in(m, 2) ? 1 : 2), TFL_INTS(x), SHAPE);
}

static int32_t log_softmax(struct maker *m, int32_t x)
{
	return emit(m, TFL_BUILTIN_LOG_SOFTMAX, tfl_options_empty(0), TFL_INTS(x), SHAPE);
}

static int32_t relu(struct maker *m, int32_t x)
{
	return emit(m, one_in(m, 2) ? TFL_BUILTIN_RELU : TFL_BUILTIN_RELU6, tfl_options_empty(0), TFL_INTS(x), SHAPE);
}

/* Of every value bounded, or no greater than what it is of. */
static int32_t unary(struct maker *m, int32_t x)
{
	static const uint32_t codes[] = {TFL_BUILTIN_ABS, TFL_BUILTIN_COS, TFL_BUILTIN_GELU, TFL_BUILTIN_HARD_SWISH, TFL_BUILTIN_NEG,
					 TFL_BUILTIN_RELU_0_TO_1, TFL_BUILTIN_SIN, TFL_BUILTIN_TANH};

	return emit(m, codes[tfl_random_below(&m->random, TFL_ARRAY_SIZE(codes))], tfl_options_empty(0), TFL_INTS(x), SHAPE);
}

/* The lesser or the greater: by name, or by a comparison. No step in it, so little differences stay little. */
static int32_t extreme(struct maker *m, int32_t x)
{
	static const uint32_t extremes[] = {TFL_BUILTIN_MINIMUM, TFL_BUILTIN_MAXIMUM};
	static const uint32_t comparisons[] = {TFL_BUILTIN_LESS, TFL_BUILTIN_GREATER_EQUAL};
	static const uint32_t selections[] = {TFL_BUILTIN_SELECT, TFL_BUILTIN_SELECT_V2};
	int32_t other = any_value(m), condition;

	if (one_in(m, 2))
		return emit(m, extremes[one_in(m, 2)], tfl_options_empty(0), TFL_INTS(x, other), SHAPE);
	condition = tfl_build_tensor(m->builder, &(struct tfl_build_tensor){.dtype = TFL_BOOL, .dims = SHAPE});
	tfl_build_operator(m->builder, &(struct tfl_build_operator){.code = comparisons[one_in(m, 2)],
								    .inputs = TFL_INTS(x, other),
								    .outputs = TFL_INTS(condition)});
	return emit(m, selections[one_in(m, 2)], tfl_options_empty(0), TFL_INTS(condition, x, other), SHAPE);
}

static int32_t pool(struct maker *m, int32_t x)
{
	struct tfl_build_window window = {.padding = TFL_PADDING_SAME, .filter_h = 3, .filter_w = 2};

	return emit(m, one_in(m, 2) ? TFL_BUILTIN_MAX_POOL_2D : TFL_BUILTIN_AVERAGE_POOL_2D, tfl_options_pool_2d(&window), TFL_INTS(x), SHAPE);
}

/* One row and column more, and a window that takes them away again. */
static int32_t pad(struct maker *m, int32_t x)
{
	struct tfl_build_window window = {.padding = TFL_PADDING_VALID, .filter_h = 2, .filter_w = 2};
	int32_t pairs = ints(m, TFL_INTS(0, 0, 1, 0, 0, 1, 0, 0), TFL_INTS(4, 2));
	int32_t padded = emit(m, TFL_BUILTIN_PAD, tfl_options_empty(0), TFL_INTS(x, pairs), TFL_INTS(m->batch, SIDE + 1, SIDE + 1, SIDE));

	if (m->dtype == TFL_FLOAT32 && one_in(m, 2))
		return convolve(m, padded, SIDE, 2, TFL_PADDING_VALID);
	return emit(m, TFL_BUILTIN_MAX_POOL_2D, tfl_options_pool_2d(&window), TFL_INTS(padded), SHAPE);
}

static int32_t transpose(struct maker *m, int32_t x)
{
	int32_t permutation = ints(m, one_in(m, 2) ? TFL_INTS(0, 2, 1, 3) : TFL_INTS(0, 3, 1, 2), TFL_INTS(4));

	return emit(m, TFL_BUILTIN_TRANSPOSE, tfl_options_empty(0), TFL_INTS(x, permutation), SHAPE);
}

static int32_t reshape(struct maker *m, int32_t x)
{
	int32_t flat = emit(m, TFL_BUILTIN_RESHAPE, tfl_options_reshape(TFL_INTS(SIDE * SIDE, -1)), TFL_INTS(x), TFL_INTS(SIDE * SIDE, SIDE * m->batch));

	if (one_in(m, 2))
		flat = emit(m, TFL_BUILTIN_LOG_SOFTMAX, tfl_options_empty(0), TFL_INTS(flat), TFL_INTS(SIDE * SIDE, SIDE * m->batch));
	return emit(m, TFL_BUILTIN_RESHAPE, tfl_options_reshape(TFL_INTS(-1, SIDE, SIDE, SIDE)), TFL_INTS(flat), SHAPE);
}

/* Two pictures on top of each other, halved again. */
static int32_t join(struct maker *m, int32_t x, int32_t y)
{
	struct tfl_build_window window = {.padding = TFL_PADDING_VALID, .filter_h = 2, .filter_w = 1, .stride_h = 2};
	int32_t both = emit(m, TFL_BUILTIN_CONCATENATION, tfl_options_concatenation(1, 0), TFL_INTS(x, y),
			    TFL_INTS(m->batch, 2 * SIDE, SIDE, SIDE));

	return emit(m, TFL_BUILTIN_MAX_POOL_2D, tfl_options_pool_2d(&window), TFL_INTS(both), SHAPE);
}

static int32_t concatenate(struct maker *m, int32_t x)
{
	return join(m, x, any_value(m));
}

/* The halves the other way round. */
static int32_t split(struct maker *m, int32_t x)
{
	int32_t axis = ints(m, TFL_INTS(2), (struct tfl_ints){0}), left = new_value(m, TFL_INTS(m->batch, SIDE, SIDE / 2, SIDE));
	int32_t right = new_value(m, TFL_INTS(m->batch, SIDE, SIDE / 2, SIDE));

	tfl_build_operator(m->builder, &(struct tfl_build_operator){.code = TFL_BUILTIN_SPLIT,
								    .inputs = TFL_INTS(axis, x),
								    .outputs = TFL_INTS(left, right),
								    .options = tfl_options_ints(TFL_OPTIONS_SPLIT, TFL_INTS(2))});
	return emit(m, TFL_BUILTIN_CONCATENATION, tfl_options_concatenation(2, 0), TFL_INTS(right, one_in(m, 3) ? right : left), SHAPE);
}

/* A row of it under all of it. */
static int32_t slice(struct maker *m, int32_t x)
{
	int32_t begin = ints(m, TFL_INTS(0, 1, 0, 0), TFL_INTS(4)), size = ints(m, TFL_INTS(-1, 1, -1, SIDE), TFL_INTS(4));
	int32_t row = emit(m, TFL_BUILTIN_SLICE, tfl_options_empty(0), TFL_INTS(x, begin, size), TFL_INTS(m->batch, 1, SIDE, SIDE));
	int32_t rest = ints(m, TFL_INTS(0, 0, 0, 0), TFL_INTS(4)), end = ints(m, TFL_INTS(1, SIDE - 1, SIDE, SIDE), TFL_INTS(4));
	int32_t steps = ints(m, TFL_INTS(1, 1, 1, 1), TFL_INTS(4));
	int32_t rows = emit(m, TFL_BUILTIN_STRIDED_SLICE, tfl_options_ints(TFL_OPTIONS_STRIDED_SLICE, TFL_INTS(0, 1, 0, 0, 0)),
			    TFL_INTS(x, rest, end, steps), TFL_INTS(m->batch, SIDE - 1, SIDE, SIDE));

	return emit(m, TFL_BUILTIN_CONCATENATION, tfl_options_concatenation(1, 0), TFL_INTS(rows, row), SHAPE);
}

/* There and back: by a dimension more, or by channels, which are mixed up on the way. */
static int32_t lift(struct maker *m, int32_t x)
{
	int32_t axis = ints(m, TFL_INTS(1), TFL_INTS(1)), zero = ints(m, TFL_INTS(0, 0), TFL_INTS(2)), one = ints(m, TFL_INTS(1, 1), TFL_INTS(2));
	int32_t lifted = emit(m, TFL_BUILTIN_EXPAND_DIMS, tfl_options_empty(0), TFL_INTS(x, axis), TFL_INTS(m->batch, 1, SIDE, SIDE, SIDE));

	return emit(m, TFL_BUILTIN_STRIDED_SLICE, tfl_options_ints(TFL_OPTIONS_STRIDED_SLICE, TFL_INTS(0, 1, 0, 0, 2)),
		    TFL_INTS(lifted, zero, one, one), SHAPE);
}

static int32_t deepen(struct maker *m, int32_t x)
{
	int32_t deep = emit(m, TFL_BUILTIN_SPACE_TO_DEPTH, tfl_options_ints(TFL_OPTIONS_SPACE_TO_DEPTH, TFL_INTS(2)), TFL_INTS(x),
			    TFL_INTS(m->batch, SIDE / 2, SIDE / 2, SIDE * 4));
	int32_t axes = ints(m, TFL_INTS(-1), TFL_INTS(1));

	if (one_in(m, 2))
		deep = emit(m, TFL_BUILTIN_REVERSE_V2, tfl_options_empty(0), TFL_INTS(deep, axes), TFL_INTS(m->batch, SIDE / 2, SIDE / 2, SIDE * 4));
	return emit(m, TFL_BUILTIN_DEPTH_TO_SPACE, tfl_options_ints(TFL_OPTIONS_DEPTH_TO_SPACE, TFL_INTS(2)), TFL_INTS(deep), SHAPE);
}

typedef int32_t (*emitter)(struct maker *m, int32_t x);

static const emitter emitters[] = {
	relu, pool, pad, transpose, reshape, concatenate, softmax, log_softmax, split, slice, lift, deepen, extreme,
	/* Float only: XNNPACK rounds these once, the reference twice. */
	conv_1, conv_3, depthwise, dense, add, sub, mul, mean, logistic, unary,
};

#define EXACT_EMITTERS 13

/* What nobody reads would not be run: all loose ends are joined into the first output. */
static void finish(struct maker *m, const struct random_graph *wanted)
{
	int32_t inputs[4], outputs[8], last = m->values[m->count - 1];

	for (uint32_t i = wanted->inputs; i + 1 < m->count; i++)
		if (!m->read[i])
			last = join(m, m->values[i], last);
	for (uint32_t i = 0; i < wanted->inputs; i++)
		inputs[i] = m->values[i];
	for (uint32_t i = 0; i < wanted->outputs; i++)
		outputs[i] = i == 0 ? last : m->values[tfl_random_below(&m->random, m->count)];
	tfl_build_io(m->builder, (struct tfl_ints){inputs, wanted->inputs}, (struct tfl_ints){outputs, wanted->outputs});
}

struct tfl_builder *random_graph_build(const struct random_graph *wanted)
{
	struct maker m = {.builder = tfl_build_create(), .random = {wanted->seed}, .dtype = wanted->dtype,
			  .batch = wanted->batch ? wanted->batch : 1};
	uint32_t choice = wanted->dtype == TFL_FLOAT32 ? TFL_ARRAY_SIZE(emitters) : EXACT_EMITTERS;

	for (uint32_t i = 0; i < wanted->inputs; i++)
		m.values[m.count++] = new_input(&m);
	for (uint32_t i = 0; i < wanted->operators && m.count < VALUES_MAX; i++) {
		int32_t value = emitters[tfl_random_below(&m.random, choice)](&m, any_value(&m));

		m.values[m.count++] = value;
	}
	finish(&m, wanted);
	return m.builder;
}
