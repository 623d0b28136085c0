/* SPDX-License-Identifier: MIT */
/*
 * From a float network to the tensors and operators of a file. Each layer is one operator and one activation tensor; weights and biases
 * are constants, quantised here when the file is to be int8. An activation's range always holds zero, so that padding is exact.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "tests/builder/net.h"

struct emitter {
	const struct tfl_net *net;
	struct tfl_builder *b;
	bool int8;
	int error;
	int tensors[TFL_NET_LAYERS_MAX]; /* of the layers' outputs */
};

/* The kinds whose int8 output has to have the scale and zero point of their input. */
static bool keeps_quantization(enum tfl_net_kind kind)
{
	return kind == TFL_NET_MAX_POOL || kind == TFL_NET_FLATTEN;
}

void tfl_net_quantization(const struct tfl_net *net, int index, float *ret_scale, int64_t *ret_zero_point)
{
	const struct tfl_net_layer *layer = &net->layers[index];
	float min, max;

	while (keeps_quantization(layer->kind))
		layer = &net->layers[layer->input];
	if (layer->kind == TFL_NET_SOFTMAX) { /* fixed by TensorFlow Lite */
		*ret_scale = 1.0f / 256;
		*ret_zero_point = -128;
		return;
	}
	min = fminf(layer->min, 0);
	max = fmaxf(layer->max, min + 1e-3f);
	*ret_scale = (max - min) / 255;
	*ret_zero_point = (int64_t)lrintf(fminf(fmaxf(-128 - min / *ret_scale, -128), 127));
}

static struct tfl_ints output_dims(const struct tfl_net_layer *layer, int32_t dims[4])
{
	if (!layer->height) {
		dims[0] = 1;
		dims[1] = layer->channels;
		return (struct tfl_ints){dims, 2};
	}
	dims[0] = 1;
	dims[1] = layer->height;
	dims[2] = layer->width;
	dims[3] = layer->channels;
	return (struct tfl_ints){dims, 4};
}

static int emit_activation(struct emitter *e, int index)
{
	const struct tfl_net_layer *layer = &e->net->layers[index];
	struct tfl_build_tensor tensor = {.name = layer->name};
	int64_t zero_point;
	int32_t dims[4];
	float scale;

	tensor.dims = output_dims(layer, dims);
	if (e->int8) {
		tfl_net_quantization(e->net, index, &scale, &zero_point);
		tensor.dtype = TFL_INT8;
		tensor.scales = &scale;
		tensor.zero_points = &zero_point;
		tensor.scale_count = 1;
	}
	return tfl_build_tensor(e->b, &tensor);
}

static struct tfl_ints weight_dims(const struct tfl_net *net, const struct tfl_net_layer *layer, int32_t dims[4])
{
	const struct tfl_net_layer *in = &net->layers[layer->input];

	if (layer->kind == TFL_NET_FULLY_CONNECTED) {
		dims[0] = layer->channels;
		dims[1] = (int32_t)in->output_count;
		return (struct tfl_ints){dims, 2};
	}
	dims[0] = layer->kind == TFL_NET_CONV ? layer->channels : 1;
	dims[1] = dims[2] = layer->kernel;
	dims[3] = in->channels;
	return (struct tfl_ints){dims, 4};
}

/* One scale per channel; where the file has one for all, it is the largest and stands in every place. */
static void weight_scales(const struct tfl_net_layer *layer, float *ret_scales)
{
	size_t count, stride, step;
	float largest = 0;

	tfl_net_weight_layout(layer, &count, &stride, &step);
	for (int32_t channel = 0; channel < layer->channels; channel++) {
		float peak = 1e-6f;

		for (size_t i = 0; i < count; i++)
			peak = fmaxf(peak, fabsf(layer->weights[channel * step + i * stride]));
		ret_scales[channel] = peak / 127;
		largest = fmaxf(largest, ret_scales[channel]);
	}
	for (int32_t channel = 0; layer->kind == TFL_NET_FULLY_CONNECTED && channel < layer->channels; channel++)
		ret_scales[channel] = largest;
}

static int emit_weights(struct emitter *e, const struct tfl_net_layer *layer, const char *name, const float *scales)
{
	struct tfl_build_tensor tensor = {.name = name, .data = layer->weights, .data_size = layer->weight_count * sizeof(float)};
	_tfl_free_ int8_t *quantized = malloc(layer->weight_count + 1);
	size_t count, stride, step;
	int32_t dims[4];

	if (!quantized)
		return e->error = -ENOMEM;
	tensor.dims = weight_dims(e->net, layer, dims);
	if (e->int8) {
		tfl_net_weight_layout(layer, &count, &stride, &step);
		for (size_t i = 0; i < layer->weight_count; i++)
			quantized[i] = (int8_t)lrintf(layer->weights[i] / scales[i / step % layer->channels]);
		tensor.dtype = TFL_INT8;
		tensor.data = quantized;
		tensor.data_size = layer->weight_count;
		tensor.scales = scales;
		tensor.scale_count = layer->kind == TFL_NET_FULLY_CONNECTED ? 1 : (uint32_t)layer->channels;
		tensor.axis = layer->kind == TFL_NET_DEPTHWISE ? 3 : 0;
	}
	return tfl_build_tensor(e->b, &tensor);
}

/* scales come in as those of the weights and become those of the bias. */
static int emit_bias(struct emitter *e, const struct tfl_net_layer *layer, const char *name, float *scales)
{
	struct tfl_build_tensor tensor = {.name = name, .dims = TFL_INTS(layer->channels), .data = layer->bias};
	_tfl_free_ int32_t *quantized = malloc(layer->channels * sizeof(*quantized));
	int64_t zero_point;
	float input_scale;

	if (!quantized)
		return e->error = -ENOMEM;
	tensor.data_size = layer->channels * sizeof(float);
	if (e->int8) {
		tfl_net_quantization(e->net, layer->input, &input_scale, &zero_point);
		for (int32_t i = 0; i < layer->channels; i++) {
			scales[i] *= input_scale;
			quantized[i] = (int32_t)lrint((double)layer->bias[i] / scales[i]);
		}
		tensor.dtype = TFL_INT32;
		tensor.data = quantized;
		tensor.scales = scales;
		tensor.scale_count = layer->kind == TFL_NET_FULLY_CONNECTED ? 1 : (uint32_t)layer->channels;
	}
	return tfl_build_tensor(e->b, &tensor);
}

static struct tfl_build_options layer_options(const struct tfl_net_layer *layer)
{
	struct tfl_build_window window = {
		.padding = layer->padding, .activation = layer->activation, .stride_h = layer->stride, .stride_w = layer->stride,
		.filter_h = layer->kernel, .filter_w = layer->kernel, .depth_multiplier = 1,
	};

	switch (layer->kind) {
	case TFL_NET_CONV:
		return tfl_options_conv_2d(&window);
	case TFL_NET_DEPTHWISE:
		return tfl_options_depthwise_conv_2d(&window);
	case TFL_NET_MAX_POOL:
		return tfl_options_pool_2d(&window);
	case TFL_NET_FULLY_CONNECTED:
		return tfl_options_fully_connected(layer->activation, false);
	case TFL_NET_ADD:
		return tfl_options_add(layer->activation);
	case TFL_NET_MEAN:
		return tfl_options_reducer(false);
	case TFL_NET_FLATTEN:
		return tfl_options_reshape(TFL_INTS(1, layer->channels));
	case TFL_NET_SOFTMAX:
		return tfl_options_softmax(1);
	case TFL_NET_INPUT:
		break;
	}
	return tfl_options_empty(0);
}

/* Operator codes, and the versions in which each came to know int8. */
static const struct {
	uint32_t code;
	int32_t version, int8_version;
} codes[] = {
	[TFL_NET_CONV] = {TFL_BUILTIN_CONV_2D, 1, 3},
	[TFL_NET_DEPTHWISE] = {TFL_BUILTIN_DEPTHWISE_CONV_2D, 1, 3},
	[TFL_NET_FULLY_CONNECTED] = {TFL_BUILTIN_FULLY_CONNECTED, 1, 4},
	[TFL_NET_ADD] = {TFL_BUILTIN_ADD, 1, 2},
	[TFL_NET_MAX_POOL] = {TFL_BUILTIN_MAX_POOL_2D, 1, 2},
	[TFL_NET_MEAN] = {TFL_BUILTIN_MEAN, 1, 2},
	[TFL_NET_FLATTEN] = {TFL_BUILTIN_RESHAPE, 1, 1},
	[TFL_NET_SOFTMAX] = {TFL_BUILTIN_SOFTMAX, 1, 2},
};

static int emit_pair(struct emitter *e, const char *name, int32_t first, int32_t second)
{
	const int32_t values[] = {first, second};

	return tfl_build_tensor(e->b, &(struct tfl_build_tensor){.name = name, .dtype = TFL_INT32, .dims = TFL_INTS(2), .data = values,
								 .data_size = sizeof(values)});
}

/* Fills in the operands that only some kinds have: weights and bias, the second summand, the axes. */
static int emit_operands(struct emitter *e, const struct tfl_net_layer *layer, int32_t operands[3])
{
	char name[TFL_NET_NAME_MAX + 8];
	_tfl_free_ float *scales = NULL;

	operands[0] = e->tensors[layer->input];
	if (layer->kind == TFL_NET_ADD) {
		operands[1] = e->tensors[layer->second];
		return 2;
	}
	if (layer->kind == TFL_NET_MEAN) {
		operands[1] = emit_pair(e, "axes", 1, 2);
		return 2;
	}
	if (layer->kind == TFL_NET_FLATTEN) {
		operands[1] = emit_pair(e, "shape", 1, layer->channels);
		return 2;
	}
	if (!layer->weight_count)
		return 1;
	scales = calloc(layer->channels, sizeof(*scales));
	if (!scales) {
		e->error = -ENOMEM;
		return 1;
	}
	weight_scales(layer, scales);
	snprintf(name, sizeof(name), "%s/weights", layer->name);
	operands[1] = emit_weights(e, layer, name, scales);
	snprintf(name, sizeof(name), "%s/bias", layer->name);
	operands[2] = emit_bias(e, layer, name, scales);
	return 3;
}

static void emit_layer(struct emitter *e, int index)
{
	const struct tfl_net_layer *layer = &e->net->layers[index];
	int32_t operands[3];
	int count = emit_operands(e, layer, operands);

	e->tensors[index] = emit_activation(e, index);
	tfl_build_operator(e->b, &(struct tfl_build_operator){
		.code = codes[layer->kind].code,
		.version = e->int8 ? codes[layer->kind].int8_version : codes[layer->kind].version,
		.inputs = {operands, (uint32_t)count},
		.outputs = TFL_INTS(e->tensors[index]),
		.options = layer_options(layer),
	});
}

int tfl_net_emit(const struct tfl_net *net, bool int8, struct tfl_builder *builder)
{
	struct emitter e = {.net = net, .b = builder, .int8 = int8};
	int last = net->count - 1;

	e.tensors[0] = emit_activation(&e, 0);
	for (int i = 1; i < net->count; i++)
		emit_layer(&e, i);
	tfl_build_io(builder, TFL_INTS(e.tensors[0]), TFL_INTS(e.tensors[last]));
	tfl_build_signature(builder, &(struct tfl_build_signature){
		.key = "serving_default",
		.inputs = &(struct tfl_build_binding){net->layers[0].name, (uint32_t)e.tensors[0]},
		.outputs = &(struct tfl_build_binding){net->layers[last].name, (uint32_t)e.tensors[last]},
		.input_count = 1,
		.output_count = 1,
	});
	return e.error;
}
