/* SPDX-License-Identifier: MIT */
/*
 * The reference: every kernel as its definition reads, one output element after the other, summed in one fixed order, so that results do
 * not depend on the compiler's vectors. Speed matters only in so far as a MobileNet v2 has to run once in about a second.
 */
#include "tests/builder/net.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t area(const struct tfl_net_layer *layer)
{
	return layer->height ? (size_t)layer->height * layer->width : 1;
}

static int32_t windows(int32_t size, const struct tfl_net_layer *layer)
{
	return layer->padding == TFL_PADDING_SAME ? (size + layer->stride - 1) / layer->stride : (size - layer->kernel) / layer->stride + 1;
}

/* Rows or columns of padding before the first: SAME puts the odd one behind. */
static int32_t padding_before(int32_t in, int32_t out, const struct tfl_net_layer *layer)
{
	int32_t all = (out - 1) * layer->stride + layer->kernel - in;

	return layer->padding == TFL_PADDING_SAME && all > 0 ? all / 2 : 0;
}

static void infer_shape(struct tfl_net_layer *layer, const struct tfl_net_layer *in)
{
	switch (layer->kind) {
	case TFL_NET_INPUT:
		return;
	case TFL_NET_CONV:
		layer->weight_count = (size_t)layer->channels * layer->kernel * layer->kernel * in->channels;
		break;
	case TFL_NET_DEPTHWISE:
		layer->channels = in->channels;
		layer->weight_count = (size_t)layer->channels * layer->kernel * layer->kernel;
		break;
	case TFL_NET_FULLY_CONNECTED:
		layer->weight_count = layer->channels * in->output_count;
		return;
	case TFL_NET_MEAN:
	case TFL_NET_SOFTMAX:
		layer->channels = in->channels;
		return;
	case TFL_NET_FLATTEN:
		layer->channels = (int32_t)in->output_count;
		return;
	case TFL_NET_ADD:
	case TFL_NET_MAX_POOL:
		layer->channels = in->channels;
	}
	layer->height = in->height ? windows(in->height, layer) : 0;
	layer->width = in->width ? windows(in->width, layer) : 0;
}

int tfl_net_add_layer(struct tfl_net *net, const struct tfl_net_layer *layer)
{
	struct tfl_net_layer *new = &net->layers[net->count];

	if (net->count == TFL_NET_LAYERS_MAX)
		return -ENOSPC;
	*new = *layer;
	new->kernel = layer->kernel ? layer->kernel : 1;
	new->stride = layer->stride ? layer->stride : 1;
	infer_shape(new, &net->layers[layer->input]);
	new->output_count = area(new) * new->channels;
	new->output = calloc(new->output_count, sizeof(float));
	new->weights = calloc(new->weight_count + 1, sizeof(float));
	new->bias = calloc(new->channels, sizeof(float));
	net->count++;
	return new->output && new->weights && new->bias ? net->count - 1 : -ENOMEM;
}

void tfl_net_finish(struct tfl_net *net)
{
	for (int i = 0; i < net->count; i++) {
		free(net->layers[i].weights);
		free(net->layers[i].bias);
		free(net->layers[i].output);
	}
	net->count = 0;
}

void tfl_net_weight_layout(const struct tfl_net_layer *layer, size_t *ret_per_channel, size_t *ret_stride, size_t *ret_step)
{
	bool depthwise = layer->kind == TFL_NET_DEPTHWISE;

	*ret_per_channel = layer->weight_count / layer->channels;
	*ret_stride = depthwise ? (size_t)layer->channels : 1;
	*ret_step = depthwise ? 1 : *ret_per_channel;
}

static float activate(float value, int8_t activation)
{
	if (activation == TFL_ACTIVATION_NONE)
		return value;
	value = value > 0 ? value : 0;
	return activation == TFL_ACTIVATION_RELU6 && value > 6 ? 6 : value;
}

/* The part of a kernel that lies inside the input, for one output position. */
struct window {
	int32_t y, x;                   /* of the kernel's first element in the input */
	int32_t y_from, y_to;           /* kernel rows inside */
	int32_t x_from, x_to;
};

static struct window window_at(const struct tfl_net_layer *layer, const struct tfl_net_layer *in, int32_t out_y, int32_t out_x)
{
	struct window w;

	w.y = out_y * layer->stride - padding_before(in->height, layer->height, layer);
	w.x = out_x * layer->stride - padding_before(in->width, layer->width, layer);
	w.y_from = w.y < 0 ? -w.y : 0;
	w.x_from = w.x < 0 ? -w.x : 0;
	w.y_to = in->height - w.y < layer->kernel ? in->height - w.y : layer->kernel;
	w.x_to = in->width - w.x < layer->kernel ? in->width - w.x : layer->kernel;
	return w;
}

static const float *pixel(const struct tfl_net_layer *in, int32_t y, int32_t x)
{
	return in->output + ((size_t)y * in->width + x) * in->channels;
}

static float conv_at(const struct tfl_net_layer *layer, const struct tfl_net_layer *in, const struct window *w, int32_t channel)
{
	const float *filter = layer->weights + (size_t)channel * layer->kernel * layer->kernel * in->channels;
	float sum = layer->bias[channel];

	for (int32_t y = w->y_from; y < w->y_to; y++) {
		for (int32_t x = w->x_from; x < w->x_to; x++) {
			const float *from = pixel(in, w->y + y, w->x + x), *by = filter + ((size_t)y * layer->kernel + x) * in->channels;

			for (int32_t i = 0; i < in->channels; i++)
				sum += from[i] * by[i];
		}
	}
	return activate(sum, layer->activation);
}

static float depthwise_at(const struct tfl_net_layer *layer, const struct tfl_net_layer *in, const struct window *w, int32_t channel)
{
	float sum = layer->bias[channel];

	for (int32_t y = w->y_from; y < w->y_to; y++) {
		for (int32_t x = w->x_from; x < w->x_to; x++)
			sum += pixel(in, w->y + y, w->x + x)[channel] * layer->weights[(y * layer->kernel + x) * layer->channels + channel];
	}
	return activate(sum, layer->activation);
}

static float max_at(const struct tfl_net_layer *layer, const struct tfl_net_layer *in, const struct window *w, int32_t channel)
{
	float max = -INFINITY;

	for (int32_t y = w->y_from; y < w->y_to; y++) {
		for (int32_t x = w->x_from; x < w->x_to; x++)
			max = fmaxf(max, pixel(in, w->y + y, w->x + x)[channel]);
	}
	return activate(max, layer->activation);
}

static void run_windows(struct tfl_net_layer *layer, const struct tfl_net_layer *in,
			float (*at)(const struct tfl_net_layer *, const struct tfl_net_layer *, const struct window *, int32_t))
{
	float *out = layer->output;

	for (int32_t y = 0; y < layer->height; y++) {
		for (int32_t x = 0; x < layer->width; x++) {
			struct window w = window_at(layer, in, y, x);

			for (int32_t channel = 0; channel < layer->channels; channel++)
				*out++ = at(layer, in, &w, channel);
		}
	}
}

static void run_fully_connected(struct tfl_net_layer *layer, const struct tfl_net_layer *in)
{
	for (int32_t channel = 0; channel < layer->channels; channel++) {
		const float *row = layer->weights + channel * in->output_count;
		float sum = layer->bias[channel];

		for (size_t i = 0; i < in->output_count; i++)
			sum += in->output[i] * row[i];
		layer->output[channel] = activate(sum, layer->activation);
	}
}

static void run_add(struct tfl_net_layer *layer, const struct tfl_net_layer *a, const struct tfl_net_layer *b)
{
	for (size_t i = 0; i < layer->output_count; i++)
		layer->output[i] = activate(a->output[i] + b->output[i], layer->activation);
}

static void run_mean(struct tfl_net_layer *layer, const struct tfl_net_layer *in)
{
	for (int32_t channel = 0; channel < layer->channels; channel++) {
		float sum = 0;

		for (size_t i = 0; i < area(in); i++)
			sum += in->output[i * in->channels + channel];
		layer->output[channel] = sum / (float)area(in);
	}
}

static void run_softmax(struct tfl_net_layer *layer, const struct tfl_net_layer *in)
{
	float max = -INFINITY, sum = 0;

	for (int32_t i = 0; i < layer->channels; i++)
		max = fmaxf(max, in->output[i]);
	for (int32_t i = 0; i < layer->channels; i++)
		sum += layer->output[i] = expf(in->output[i] - max);
	for (int32_t i = 0; i < layer->channels; i++)
		layer->output[i] /= sum;
}

void tfl_net_run_layer(struct tfl_net *net, int index)
{
	struct tfl_net_layer *layer = &net->layers[index];
	const struct tfl_net_layer *in = &net->layers[layer->input];

	switch (layer->kind) {
	case TFL_NET_INPUT:
		break;
	case TFL_NET_CONV:
		run_windows(layer, in, conv_at);
		break;
	case TFL_NET_DEPTHWISE:
		run_windows(layer, in, depthwise_at);
		break;
	case TFL_NET_MAX_POOL:
		run_windows(layer, in, max_at);
		break;
	case TFL_NET_FULLY_CONNECTED:
		run_fully_connected(layer, in);
		break;
	case TFL_NET_ADD:
		run_add(layer, in, &net->layers[layer->second]);
		break;
	case TFL_NET_MEAN:
		run_mean(layer, in);
		break;
	case TFL_NET_FLATTEN:
		memcpy(layer->output, in->output, layer->output_count * sizeof(float));
		break;
	case TFL_NET_SOFTMAX:
		run_softmax(layer, in);
		break;
	}
}

void tfl_net_run(struct tfl_net *net)
{
	for (int i = 1; i < net->count; i++)
		tfl_net_run_layer(net, i);
}

void tfl_net_observe(struct tfl_net *net)
{
	for (int i = 1; i < net->count; i++) {
		struct tfl_net_layer *layer = &net->layers[i];

		for (size_t j = 0; j < layer->output_count; j++) {
			layer->min = fminf(layer->min, layer->output[j]);
			layer->max = fmaxf(layer->max, layer->output[j]);
		}
	}
}
