/* SPDX-License-Identifier: MIT */
/*
 * Random weights that behave like trained ones. A layer's weights are drawn evenly, then the layer runs once on what the layers before it
 * make of a random picture, and each output channel is scaled and shifted to a mean and a deviation of its own: what batch
 * normalisation, folded into the convolutions, leaves behind in a trained net. So every channel is alive, channels differ in
 * range (per-channel scales have something to do), and the ranges for int8 come out of the same run.
 */
#include "tests/builder/mobilenet.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/util.h"
#include "tests/builder/random.h"

struct maker {
	struct tfl_net *net;
	struct tfl_random random;
	float deviation; /* wanted of the next layer's outputs, before its activation */
	int last;        /* the layer added last, or the error that ended it */
};

/* Mean and deviation of one channel of the layer's output. */
static void channel_moments(const struct tfl_net_layer *layer, int32_t channel, double *ret_mean, double *ret_deviation)
{
	size_t count = layer->output_count / layer->channels;
	double sum = 0, squares = 0;

	for (size_t i = 0; i < count; i++) {
		double value = layer->output[i * layer->channels + channel];

		sum += value;
		squares += value * value;
	}
	*ret_mean = sum / count;
	*ret_deviation = sqrt(fmax(squares / count - *ret_mean * *ret_mean, 0));
}

/* A vector has one value a channel, so its moments are those over all channels. */
static void vector_moments(const struct tfl_net_layer *layer, double *ret_mean, double *ret_deviation)
{
	struct tfl_net_layer whole = *layer;

	whole.channels = 1;
	channel_moments(&whole, 0, ret_mean, ret_deviation);
}

static void normalise(struct maker *m, struct tfl_net_layer *layer)
{
	size_t count, stride, step;

	tfl_net_weight_layout(layer, &count, &stride, &step);
	for (int32_t channel = 0; channel < layer->channels; channel++) {
		float wanted = m->deviation * tfl_random_uniform(&m->random, 0.5f, 1.5f), scale;
		double mean, deviation;

		if (layer->height)
			channel_moments(layer, channel, &mean, &deviation);
		else
			vector_moments(layer, &mean, &deviation);
		scale = wanted / fmaxf((float)deviation, 1e-3f);
		for (size_t i = 0; i < count; i++)
			layer->weights[channel * step + i * stride] *= scale;
		layer->bias[channel] = wanted * tfl_random_uniform(&m->random, -0.5f, 0.5f) - (float)mean * scale;
	}
}

static void draw_weights(struct maker *m, int index)
{
	struct tfl_net_layer *layer = &m->net->layers[index];
	float bound = sqrtf(6.0f * layer->channels / layer->weight_count);
	int8_t activation = layer->activation;

	for (size_t i = 0; i < layer->weight_count; i++)
		layer->weights[i] = tfl_random_uniform(&m->random, -bound, bound);
	layer->activation = TFL_ACTIVATION_NONE;
	tfl_net_run_layer(m->net, index);
	normalise(m, layer);
	layer->activation = activation;
}

static int add(struct maker *m, struct tfl_net_layer layer)
{
	int index;

	if (m->last < 0)
		return m->last;
	index = m->last = tfl_net_add_layer(m->net, &layer);
	if (index < 0)
		return index;
	if (m->net->layers[index].weight_count)
		draw_weights(m, index);
	tfl_net_run_layer(m->net, index);
	return index;
}

/* Large soft patches with fine noise on top, roughly what a photograph's spectrum looks like. */
static void draw_picture(struct maker *m, struct tfl_net_layer *input)
{
	enum { PATCH = 16 };
	float patches[224 / PATCH + 2][224 / PATCH + 2][3];

	for (size_t i = 0; i < sizeof(patches) / sizeof(float); i++)
		(&patches[0][0][0])[i] = tfl_random_uniform(&m->random, -0.8f, 0.8f);
	for (int32_t y = 0; y < input->height; y++) {
		for (int32_t x = 0; x < input->width; x++) {
			int32_t py = y / PATCH, px = x / PATCH;
			float fy = (float)(y % PATCH) / PATCH, fx = (float)(x % PATCH) / PATCH;

			for (int32_t c = 0; c < 3; c++) {
				float top = patches[py][px][c] * (1 - fx) + patches[py][px + 1][c] * fx;
				float bottom = patches[py + 1][px][c] * (1 - fx) + patches[py + 1][px + 1][c] * fx;

				input->output[(y * input->width + x) * 3 + c] =
					top * (1 - fy) + bottom * fy + tfl_random_uniform(&m->random, -0.2f, 0.2f);
			}
		}
	}
}

static int add_conv(struct maker *m, const char *name, int block, int input, int32_t channels, int32_t kernel, int32_t stride,
		    int8_t activation)
{
	struct tfl_net_layer layer = {.kind = channels ? TFL_NET_CONV : TFL_NET_DEPTHWISE, .input = input, .channels = channels,
				      .kernel = kernel, .stride = stride, .activation = activation};

	snprintf(layer.name, sizeof(layer.name), name, block);
	return add(m, layer);
}

/* An inverted residual: widen, filter each channel by itself, narrow without an activation, and add the input where shapes agree. */
static int add_block(struct maker *m, int block, int input, int32_t expansion, int32_t channels, int32_t stride)
{
	int32_t before = m->last < 0 ? 0 : m->net->layers[input].channels;
	int index = input;

	if (expansion > 1)
		index = add_conv(m, "block_%d_expand", block, index, before * expansion, 1, 1, TFL_ACTIVATION_RELU6);
	index = add_conv(m, "block_%d_depthwise", block, index, 0, 3, stride, TFL_ACTIVATION_RELU6);
	index = add_conv(m, "block_%d_project", block, index, channels, 1, 1, TFL_ACTIVATION_NONE);
	if (stride == 1 && before == channels) {
		struct tfl_net_layer layer = {.kind = TFL_NET_ADD, .input = input, .second = index};

		snprintf(layer.name, sizeof(layer.name), "block_%d_add", block);
		index = add(m, layer);
	}
	return index;
}

int tfl_net_mobilenet_v2(struct tfl_net *net, uint64_t seed)
{
	static const struct {
		int32_t expansion, channels, blocks, stride;
	} stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
	struct maker m = {.net = net, .random = {seed}, .deviation = 1.5f};
	int index, block = 0;

	index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_INPUT, .name = "input", .height = 224, .width = 224, .channels = 3, .min = -1,
					       .max = 1});
	if (index < 0)
		return index;
	draw_picture(&m, &net->layers[index]);
	index = add_conv(&m, "conv", 0, index, 32, 3, 2, TFL_ACTIVATION_RELU6);
	for (size_t s = 0; s < TFL_ARRAY_SIZE(stages); s++) {
		for (int32_t i = 0; i < stages[s].blocks; i++)
			index = add_block(&m, block++, index, stages[s].expansion, stages[s].channels, i ? 1 : stages[s].stride);
	}
	index = add_conv(&m, "conv_last", 0, index, 1280, 1, 1, TFL_ACTIVATION_RELU6);
	index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_MEAN, .name = "pool", .input = index});
	m.deviation = 3;
	index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_FULLY_CONNECTED, .name = "logits", .input = index, .channels = 1001});
	index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_SOFTMAX, .name = "probabilities", .input = index});
	if (index < 0)
		return index;
	tfl_net_observe(net);
	return 0;
}

int tfl_net_tiny(struct tfl_net *net, uint64_t seed)
{
	struct maker m = {.net = net, .random = {seed}, .deviation = 1};
	int index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_INPUT, .name = "input", .channels = 16, .min = -1, .max = 1}), hidden;

	if (index < 0)
		return index;
	for (int i = 0; i < 16; i++)
		net->layers[0].output[i] = tfl_random_uniform(&m.random, -1, 1);
	hidden = add(&m, (struct tfl_net_layer){.kind = TFL_NET_FULLY_CONNECTED, .name = "hidden", .input = index, .channels = 16,
						.activation = TFL_ACTIVATION_RELU});
	index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_ADD, .name = "sum", .input = index, .second = hidden});
	index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_FULLY_CONNECTED, .name = "logits", .input = index, .channels = 16});
	index = add(&m, (struct tfl_net_layer){.kind = TFL_NET_SOFTMAX, .name = "probabilities", .input = index});
	if (index < 0)
		return index;
	tfl_net_observe(net);
	return 0;
}
