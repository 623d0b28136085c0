/* SPDX-License-Identifier: MIT */
/*
 * Writes the seeds of fuzz_model into a folder: one small graph for each operator in float32, int8 and uint8, where it has them, those with
 * weights also in int16 and with int8 weights under float32, weights that are stored sparse, and the samples of tests/runtime, which hold what
 * a file can hold besides. Equal bytes on every run; what fuzzing found stays beside them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "tests/builder/builder.h"
#include "tests/builder/mobilenet.h"
#include "tests/runtime/entry_sample.h"
#include "tests/runtime/metadata_sample.h"
#include "tests/runtime/sample.h"
#include "control_sample.h"

#define CHANNELS_MAX 8

/* A graph under construction: what its tensors are made of. */
struct plot {
	struct tfl_builder *b;
	enum tfl_dtype dtype;   /* of activations */
	enum tfl_dtype weights;
	const char *name;
	float scale; /* of activations */
	int64_t zero_point;
};

static int32_t activation_of(struct plot *p, struct tfl_ints dims, float scale, int64_t zero_point)
{
	bool quantized = p->dtype != TFL_FLOAT32;

	return tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "t", .dtype = p->dtype, .dims = dims,
								 .scales = quantized ? &scale : NULL, .scale_count = quantized,
								 .zero_points = &zero_point});
}

static int32_t activation(struct plot *p, struct tfl_ints dims)
{
	return activation_of(p, dims, p->scale, p->zero_point);
}

static int32_t ints(struct plot *p, struct tfl_ints values)
{
	return tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "c", .dtype = TFL_INT32, .dims = TFL_INTS((int32_t)values.count),
								 .data = values.values, .data_size = values.count * sizeof(int32_t)});
}

/* Per channel where the type has many scales. */
static bool has_channels(const struct plot *p)
{
	return p->weights == TFL_INT8;
}

/* @channels is 0 for one scale, else the size of dimension @axis in int8, where each channel has its own. */
static int32_t weights(struct plot *p, struct tfl_ints dims, uint32_t channels, int32_t axis)
{
	static const float scales[CHANNELS_MAX] = {0.01f, 0.02f, 0.03f, 0.04f, 0.05f, 0.06f, 0.07f, 0.08f};
	struct tfl_build_tensor tensor = {.name = "w", .dtype = p->weights, .dims = dims};
	int64_t zeros[CHANNELS_MAX] = {0};
	float reals[256];
	uint8_t bytes[256];
	size_t count = 1;

	for (uint32_t i = 0; i < dims.count; i++)
		count *= (size_t)dims.values[i];
	for (size_t i = 0; i < count; i++) {
		bytes[i] = (uint8_t)(i * 37 % 251 + 1);
		reals[i] = (float)(int8_t)bytes[i] / 64;
	}
	tensor.data = p->weights == TFL_FLOAT32 ? (void *)reals : (void *)bytes;
	tensor.data_size = count * tfl_dtype_size(p->weights);
	if (p->weights != TFL_FLOAT32) {
		tensor.scales = scales;
		tensor.scale_count = has_channels(p) && channels > 0 ? channels : 1;
		tensor.axis = axis;
		zeros[0] = p->weights == TFL_UINT8 ? 128 : 0;
		tensor.zero_points = zeros;
	}
	return tfl_build_tensor(p->b, &tensor);
}

static int32_t bias(struct plot *p, int32_t count)
{
	static const int32_t integers[CHANNELS_MAX] = {1, -2, 3, -4, 5, -6, 7, -8};
	static const int64_t longs[CHANNELS_MAX] = {1, -2, 3, -4, 5, -6, 7, -8};
	static const float reals[CHANNELS_MAX] = {0.5f, -0.25f};
	struct tfl_build_tensor tensor = {.name = "b", .dtype = TFL_INT32, .dims = TFL_INTS(count), .data = integers};
	float scales[CHANNELS_MAX];

	for (int i = 0; i < CHANNELS_MAX; i++)
		scales[i] = p->scale * 0.01f * (float)(has_channels(p) ? i + 1 : 1);
	if (p->dtype == TFL_FLOAT32) {
		tensor.dtype = TFL_FLOAT32;
		tensor.data = reals;
	} else {
		tensor.dtype = p->dtype == TFL_INT16 ? TFL_INT64 : TFL_INT32;
		tensor.data = p->dtype == TFL_INT16 ? (void *)longs : (void *)integers;
		tensor.scales = scales;
		tensor.scale_count = has_channels(p) ? (uint32_t)count : 1;
	}
	tensor.data_size = (size_t)count * tfl_dtype_size(tensor.dtype);
	return tfl_build_tensor(p->b, &tensor);
}

static void operator(struct plot *p, uint32_t code, struct tfl_ints inputs, int32_t output, struct tfl_build_options options)
{
	tfl_build_operator(p->b, &(struct tfl_build_operator){.code = code, .inputs = inputs, .outputs = TFL_INTS(output),
							      .options = options});
}

/* A graph of one operator whose only activation is input 0. */
static void unary(struct plot *p, uint32_t code, struct tfl_ints inputs, int32_t output, struct tfl_build_options options)
{
	operator(p, code, inputs, output, options);
	tfl_build_io(p->b, TFL_INTS(inputs.values[0]), TFL_INTS(output));
}

static const struct tfl_build_options none;
static const struct tfl_build_window window = {.padding = TFL_PADDING_SAME, .activation = TFL_ACTIVATION_RELU6, .stride_h = 1,
					       .stride_w = 2, .filter_h = 2, .filter_w = 2, .depth_multiplier = 2};

static void conv_2d(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 5, 6, 2)), w = weights(p, TFL_INTS(3, 3, 3, 2), 3, 0), b = bias(p, 3);

	unary(p, code, TFL_INTS(x, w, b), activation(p, TFL_INTS(1, 5, 3, 3)), tfl_options_conv_2d(&window));
}

static void depthwise_conv_2d(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 5, 6, 2)), w = weights(p, TFL_INTS(1, 3, 3, 4), 4, 3), b = bias(p, 4);

	unary(p, code, TFL_INTS(x, w, b), activation(p, TFL_INTS(1, 5, 3, 4)), tfl_options_depthwise_conv_2d(&window));
}

static void fully_connected(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 6)), w = weights(p, TFL_INTS(4, 6), 0, 0);

	unary(p, code, TFL_INTS(x, w, -1), activation(p, TFL_INTS(2, 4)), tfl_options_fully_connected(TFL_ACTIVATION_RELU, false));
}

static void binary(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 3, 2, 4)), y = activation(p, TFL_INTS(2, 1)), z = activation(p, TFL_INTS(1, 3, 2, 4));

	operator(p, code, TFL_INTS(x, y), z,
		 code == TFL_BUILTIN_ADD ? tfl_options_add(TFL_ACTIVATION_NONE) : tfl_options_mul(TFL_ACTIVATION_RELU));
	tfl_build_io(p->b, TFL_INTS(x, y), TFL_INTS(z));
}

/* Nobody reads the result of the second operator. */
static void unread(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 4)), y = activation(p, TFL_INTS(1, 4)), z = activation(p, TFL_INTS(1, 4));

	operator(p, TFL_BUILTIN_RELU, TFL_INTS(x), y, none);
	operator(p, code, TFL_INTS(x, y), z, tfl_options_mul(TFL_ACTIVATION_RELU));
	tfl_build_io(p->b, TFL_INTS(x), TFL_INTS(y));
}

static void binary_constant(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 3, 2, 4)), y = weights(p, TFL_INTS(4), 0, 0);

	unary(p, code, TFL_INTS(x, y), activation(p, TFL_INTS(1, 3, 2, 4)), tfl_options_add(TFL_ACTIVATION_RELU6));
}

static void pool(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 4, 6, 2));

	unary(p, code, TFL_INTS(x), activation(p, TFL_INTS(1, 4, 3, 2)), tfl_options_pool_2d(&window));
}

static void mean(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 4, 3, 2)), axes = ints(p, TFL_INTS(1, -2));

	unary(p, code, TFL_INTS(x, axes), activation(p, TFL_INTS(1, 2)), tfl_options_reducer(false));
}

static void pad(struct plot *p, uint32_t code)
{
	static const int32_t amounts[] = {0, 0, 1, 2, 0, 1, 0, 0};
	int32_t x = activation(p, TFL_INTS(1, 2, 2, 3)), y;

	y = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "c", .dtype = TFL_INT32, .dims = TFL_INTS(4, 2), .data = amounts,
							      .data_size = sizeof(amounts)});
	unary(p, code, TFL_INTS(x, y), activation(p, TFL_INTS(1, 5, 3, 3)), tfl_options_empty(TFL_OPTIONS_PAD));
}

static void reshape(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(1, 4, 3)), shape = ints(p, TFL_INTS(2, -1));

	unary(p, code, TFL_INTS(x, shape), activation(p, TFL_INTS(2, 6)), tfl_options_reshape(TFL_INTS(2, -1)));
}

static void squeeze(struct plot *p, uint32_t code)
{
	unary(p, code, TFL_INTS(activation(p, TFL_INTS(1, 1, 5))), activation(p, TFL_INTS(1, 5)), tfl_options_squeeze(TFL_INTS(1)));
}

static void transpose(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 3, 4)), order = ints(p, TFL_INTS(2, 0, 1));

	unary(p, code, TFL_INTS(x, order), activation(p, TFL_INTS(4, 2, 3)), tfl_options_empty(TFL_OPTIONS_TRANSPOSE));
}

static void concatenation(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 3)), y = activation(p, TFL_INTS(2, 1)), z = activation(p, TFL_INTS(2, 4));

	operator(p, code, TFL_INTS(x, y), z, tfl_options_concatenation(-1, TFL_ACTIVATION_NONE));
	tfl_build_io(p->b, TFL_INTS(x, y), TFL_INTS(z));
}

/* Rows of the last two dimensions backwards, the first gone, one more put in: every mask but the ends'. */
static void strided_slice(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 3, 4)), begin = ints(p, TFL_INTS(1, 0, -1, 3)), end = ints(p, TFL_INTS(2, 0, 0, -5));
	int32_t steps = ints(p, TFL_INTS(1, 1, -1, -2));

	unary(p, code, TFL_INTS(x, begin, end, steps), activation(p, TFL_INTS(1, 3, 2)),
	      tfl_options_ints(TFL_OPTIONS_STRIDED_SLICE, TFL_INTS(4, 4, 0, 2, 1)));
}

static void slice(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(3, 4)), begin = ints(p, TFL_INTS(1, 2)), size = ints(p, TFL_INTS(2, -1));

	unary(p, code, TFL_INTS(x, begin, size), activation(p, TFL_INTS(2, 2)), none);
}

static void split(struct plot *p, uint32_t code)
{
	int32_t axis = ints(p, TFL_INTS(-1)), x = activation(p, TFL_INTS(2, 6)), sizes = ints(p, TFL_INTS(1, -1)), y, z;

	y = activation(p, TFL_INTS(2, code == TFL_BUILTIN_SPLIT ? 3 : 1));
	z = activation(p, TFL_INTS(2, code == TFL_BUILTIN_SPLIT ? 3 : 5));
	tfl_build_operator(p->b, &(struct tfl_build_operator){
					 .code = code,
					 .inputs = code == TFL_BUILTIN_SPLIT ? TFL_INTS(axis, x) : TFL_INTS(x, sizes, axis),
					 .outputs = TFL_INTS(y, z),
					 .options = tfl_options_ints(code == TFL_BUILTIN_SPLIT ? TFL_OPTIONS_SPLIT : TFL_OPTIONS_SPLIT_V, TFL_INTS(2)),
				 });
	tfl_build_io(p->b, TFL_INTS(x), TFL_INTS(z, y));
}

/* By indices of the request. */
static void gather(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(4, 3)), y = activation(p, TFL_INTS(2, 3));
	int32_t at = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "i", .dtype = TFL_INT32, .dims = TFL_INTS(2, 1)});

	operator(p, code, TFL_INTS(x, at), y, code == TFL_BUILTIN_GATHER ? tfl_options_ints(TFL_OPTIONS_GATHER, TFL_INTS(0, 0)) : none);
	tfl_build_io(p->b, TFL_INTS(x, at), TFL_INTS(y));
}

static void scatter_nd(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 3)), y = activation(p, TFL_INTS(4, 3)), shape = ints(p, TFL_INTS(4, 3));
	int32_t at = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "i", .dtype = TFL_INT32, .dims = TFL_INTS(2, 1)});

	operator(p, code, TFL_INTS(at, x, shape), y, none);
	tfl_build_io(p->b, TFL_INTS(at, x), TFL_INTS(y));
}

static void tile(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 3)), times = ints(p, TFL_INTS(2, 3));

	unary(p, code, TFL_INTS(x, times), activation(p, TFL_INTS(4, 9)), none);
}

static void space_to_batch_nd(struct plot *p, uint32_t code)
{
	static const int32_t amounts[] = {1, 0, 0, 2};
	int32_t x = activation(p, TFL_INTS(1, 3, 4, 2)), block = ints(p, TFL_INTS(2, 3)), frame;

	frame = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "c", .dtype = TFL_INT32, .dims = TFL_INTS(2, 2), .data = amounts,
								  .data_size = sizeof(amounts)});
	unary(p, code, TFL_INTS(x, block, frame), activation(p, TFL_INTS(6, 2, 2, 2)), none);
}

static void depth_to_space(struct plot *p, uint32_t code)
{
	unary(p, code, TFL_INTS(activation(p, TFL_INTS(1, 2, 3, 8))), activation(p, TFL_INTS(1, 4, 6, 2)),
	      tfl_options_ints(TFL_OPTIONS_DEPTH_TO_SPACE, TFL_INTS(2)));
}

/* A shape that is known at load steers what runs. */
static void shape(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 6)), y = activation(p, TFL_INTS(3, 4)), z = activation(p, TFL_INTS(2, 6));
	int32_t sizes = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "s", .dtype = TFL_INT32, .dims = TFL_INTS(2)});

	operator(p, code, TFL_INTS(x), sizes, none);
	operator(p, TFL_BUILTIN_RESHAPE, TFL_INTS(y, sizes), z, none);
	tfl_build_io(p->b, TFL_INTS(x, y), TFL_INTS(z));
}

/* Outputs with the scale that the operator's definition fixes. */
static void probability(struct plot *p, uint32_t code)
{
	float scale = p->dtype == TFL_INT16 ? 0x1p-15f : 0x1p-8f;
	int32_t x = activation(p, TFL_INTS(2, 5)), y = activation_of(p, TFL_INTS(2, 5), scale, p->dtype == TFL_INT8 ? -128 : 0);

	unary(p, code, TFL_INTS(x), y, code == TFL_BUILTIN_SOFTMAX ? tfl_options_softmax(1) : none);
}

static void log_softmax(struct plot *p, uint32_t code)
{
	int32_t x = activation(p, TFL_INTS(2, 5)), y = activation_of(p, TFL_INTS(2, 5), 16.0f / 256, p->dtype == TFL_INT8 ? 127 : 255);

	unary(p, code, TFL_INTS(x), y, tfl_options_empty(TFL_OPTIONS_LOG_SOFTMAX));
}

static void same_shape(struct plot *p, uint32_t code)
{
	unary(p, code, TFL_INTS(activation(p, TFL_INTS(3, 3))), activation(p, TFL_INTS(3, 3)), none);
}

static void quantize(struct plot *p, uint32_t code)
{
	int32_t x = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "r", .dims = TFL_INTS(7)}), y = activation(p, TFL_INTS(7));

	if (code == TFL_BUILTIN_QUANTIZE)
		unary(p, code, TFL_INTS(x), y, tfl_options_empty(TFL_OPTIONS_QUANTIZE));
	else
		unary(p, code, TFL_INTS(y), x, tfl_options_empty(TFL_OPTIONS_DEQUANTIZE));
}

/* Rows 1 and 3 of [4, 6]; in them blocks of two along the second dimension. */
static int32_t sparse(struct plot *p, enum tfl_dtype dtype, const void *data, size_t size)
{
	const struct tfl_build_level levels[] = {
		{.size = 4},
		{.format = 1, .segments_type = 3, .segments = TFL_INTS(0, 0, 1, 1, 3), .indices_type = 2, .indices = TFL_INTS(2, 0, 1)},
		{.size = 2}};
	const struct tfl_build_sparsity sparsity = {TFL_INTS(0, 1, 2), TFL_INTS(1), levels, 3};

	return tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "w", .dtype = dtype, .dims = TFL_INTS(4, 6), .data = data,
								 .data_size = size, .sparsity = &sparsity});
}

static void densify(struct plot *p, uint32_t code)
{
	static const uint16_t halves[] = {0x3c00, 0xbc00, 0x3800, 0x0001, 0x7bff, 0x2c00};
	int32_t x = activation(p, TFL_INTS(1, 6)), w = sparse(p, TFL_FLOAT16, halves, sizeof(halves)), dense, wide;

	dense = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "d", .dtype = TFL_FLOAT16, .dims = TFL_INTS(4, 6)});
	wide = tfl_build_tensor(p->b, &(struct tfl_build_tensor){.name = "f", .dims = TFL_INTS(4, 6)});
	operator(p, code, TFL_INTS(w), dense, tfl_options_empty(TFL_OPTIONS_DENSIFY));
	operator(p, TFL_BUILTIN_DEQUANTIZE, TFL_INTS(dense), wide, tfl_options_empty(TFL_OPTIONS_DEQUANTIZE));
	unary(p, TFL_BUILTIN_FULLY_CONNECTED, TFL_INTS(x, wide, -1), activation(p, TFL_INTS(1, 4)),
	      tfl_options_fully_connected(TFL_ACTIVATION_NONE, false));
}

static void sparse_filter(struct plot *p, uint32_t code)
{
	static const float reals[] = {1, -1, 0.5f, 2, -3, 4};
	int32_t x = activation(p, TFL_INTS(2, 6)), w = sparse(p, TFL_FLOAT32, reals, sizeof(reals));

	unary(p, code, TFL_INTS(x, w, -1), activation(p, TFL_INTS(2, 4)), tfl_options_fully_connected(TFL_ACTIVATION_RELU, false));
}

/* Which plots a seed is for. */
#define FLOAT32 1u
#define BYTES 2u
#define INT16 4u
#define DYNAMIC 8u
#define ALL (FLOAT32 | BYTES)

static const struct {
	const char *name;
	void (*make)(struct plot *plot, uint32_t code);
	uint32_t code;
	unsigned plots;
} seeds[] = {
	{"add", binary, TFL_BUILTIN_ADD, ALL},
	{"add-constant", binary_constant, TFL_BUILTIN_ADD, ALL},
	{"average-pool", pool, TFL_BUILTIN_AVERAGE_POOL_2D, ALL | INT16},
	{"concatenation", concatenation, TFL_BUILTIN_CONCATENATION, ALL},
	{"conv", conv_2d, TFL_BUILTIN_CONV_2D, ALL | INT16 | DYNAMIC},
	{"densify", densify, TFL_BUILTIN_DENSIFY, FLOAT32},
	{"depth-to-space", depth_to_space, TFL_BUILTIN_DEPTH_TO_SPACE, ALL},
	{"depthwise", depthwise_conv_2d, TFL_BUILTIN_DEPTHWISE_CONV_2D, ALL | INT16 | DYNAMIC},
	{"dequantize", quantize, TFL_BUILTIN_DEQUANTIZE, BYTES},
	{"fully-connected", fully_connected, TFL_BUILTIN_FULLY_CONNECTED, ALL | INT16 | DYNAMIC},
	{"gather", gather, TFL_BUILTIN_GATHER, ALL},
	{"gather-nd", gather, TFL_BUILTIN_GATHER_ND, ALL},
	{"log-softmax", log_softmax, TFL_BUILTIN_LOG_SOFTMAX, ALL},
	{"logistic", probability, TFL_BUILTIN_LOGISTIC, ALL},
	{"max-pool", pool, TFL_BUILTIN_MAX_POOL_2D, ALL | INT16},
	{"mean", mean, TFL_BUILTIN_MEAN, ALL},
	{"mul", binary, TFL_BUILTIN_MUL, ALL},
	{"pad", pad, TFL_BUILTIN_PAD, ALL},
	{"quantize", quantize, TFL_BUILTIN_QUANTIZE, BYTES},
	{"relu", same_shape, TFL_BUILTIN_RELU, ALL},
	{"relu6", same_shape, TFL_BUILTIN_RELU6, ALL},
	{"reshape", reshape, TFL_BUILTIN_RESHAPE, ALL},
	{"scatter-nd", scatter_nd, TFL_BUILTIN_SCATTER_ND, ALL},
	{"shape", shape, TFL_BUILTIN_SHAPE, FLOAT32},
	{"slice", slice, TFL_BUILTIN_SLICE, ALL},
	{"softmax", probability, TFL_BUILTIN_SOFTMAX, ALL | INT16},
	{"space-to-batch", space_to_batch_nd, TFL_BUILTIN_SPACE_TO_BATCH_ND, ALL},
	{"sparse-filter", sparse_filter, TFL_BUILTIN_FULLY_CONNECTED, FLOAT32},
	{"split", split, TFL_BUILTIN_SPLIT, ALL},
	{"split-v", split, TFL_BUILTIN_SPLIT_V, ALL},
	{"squeeze", squeeze, TFL_BUILTIN_SQUEEZE, ALL},
	{"strided-slice", strided_slice, TFL_BUILTIN_STRIDED_SLICE, ALL},
	{"tile", tile, TFL_BUILTIN_TILE, ALL},
	{"transpose", transpose, TFL_BUILTIN_TRANSPOSE, ALL},
	{"unread", unread, TFL_BUILTIN_MUL, ALL},
};

static const struct {
	unsigned is;
	struct plot plot;
} plots[] = {
	{FLOAT32, {NULL, TFL_FLOAT32, TFL_FLOAT32, "float32", 1, 0}},
	{BYTES, {NULL, TFL_INT8, TFL_INT8, "int8", 0.05f, -3}},
	{BYTES, {NULL, TFL_UINT8, TFL_UINT8, "uint8", 0.05f, 120}},
	{INT16, {NULL, TFL_INT16, TFL_INT8, "int16", 0x1p-15f, 0}},
	{DYNAMIC, {NULL, TFL_FLOAT32, TFL_INT8, "dynamic", 1, 0}},
};

static int save(const char *folder, const char *name, const char *kind, uint8_t *data, size_t size)
{
	_tfl_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s-%s.tflite", folder, name, kind) < 0)
		return -ENOMEM;
	r = tfl_build_save(path, data, size);
	free(data);
	return r;
}

static int save_operators(const char *folder)
{
	int r = 0;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(seeds); i++) {
		for (size_t j = 0; !r && j < TFL_ARRAY_SIZE(plots); j++) {
			struct plot plot = plots[j].plot;
			uint8_t *data;
			size_t size;

			if (!(seeds[i].plots & plots[j].is))
				continue;
			plot.b = tfl_build_create();
			if (!plot.b)
				return -ENOMEM;
			seeds[i].make(&plot, seeds[i].code);
			data = sample_finish(plot.b, &size);
			r = save(folder, seeds[i].name, plot.name, data, size);
		}
	}
	return r;
}

static int save_net(const char *folder, bool int8)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_net net = {0};
	uint8_t *data;
	size_t size;
	int r;

	r = b ? tfl_net_tiny(&net, 1) : -ENOMEM;
	if (!r)
		r = tfl_net_emit(&net, int8, b);
	tfl_net_finish(&net);
	if (r < 0)
		return r;
	data = sample_finish(b, &size);
	return save(folder, "tiny", int8 ? "int8" : "float32", data, size);
}

static int save_samples(const char *folder)
{
	static const struct raw_model outside = {.buffer_offset = 40, .buffer_size = 4, .options_offset = 40, .options_size = 8};
	struct tfl_builder *b;
	uint8_t *data;
	size_t size;
	int r;

	data = sample_everything(&size);
	r = save(folder, "sample", "everything", data, size);
	if (r < 0)
		return r;
	data = sample_metadata(&(struct metadata_wrong){0}, &size);
	r = save(folder, "sample", "metadata", data, size);
	if (r < 0)
		return r;
	data = sample_raw(&outside, &size);
	r = save(folder, "sample", "outside", data, size);
	if (r < 0 || !(b = tfl_build_create()))
		return r < 0 ? r : -ENOMEM;
	control_sample_build(b);
	data = sample_finish(b, &size);
	r = save(folder, "sample", "control", data, size);
	if (r < 0 || !(b = tfl_build_create()))
		return r < 0 ? r : -ENOMEM;
	entry_sample_build(b);
	data = sample_finish(b, &size);
	return save(folder, "sample", "entries", data, size);
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: make-model-corpus FOLDER\n");
		return 2;
	}
	r = save_operators(argv[1]);
	if (!r)
		r = save_net(argv[1], false);
	if (!r)
		r = save_net(argv[1], true);
	if (!r)
		r = save_samples(argv[1]);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
