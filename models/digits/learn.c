/* SPDX-License-Identifier: MIT */
/*
 * Every layer is a convolution; the last one's kernel covers its whole input, which is what a fully connected layer is. Two of them are
 * followed by a pool of 2 x 2. Weights are kept as [kernel row, kernel column, input channel, output channel], so that the innermost
 * loops run over channels side by side: they become vector instructions without changing the order in which anything is summed.
 *
 * A sample goes forward and back at once, and its gradient is added to the batch's.
 */
#include "models/digits/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/digits/draw.h"
#include "tests/builder/random.h"

#define LAYERS 4
#define CLASSES 10
#define SMOOTHING 0.05f /* of each target, spread over all classes: a net that is never asked for certainty keeps its doubts */

struct shape {
	int in_side, in_channels, channels, kernel, stride, before; /* before: padding in front of the first row and column */
	int side;                                                   /* of the convolution's output */
	bool pool;
	int out_side;                                               /* after the pool */
};

static const struct shape shapes[LAYERS] = {
	{28, 1, 16, 3, 1, 1, 28, true, 14},
	{14, 16, 32, 3, 1, 1, 14, true, 7},
	{7, 32, 32, 3, 2, 1, 4, false, 4},
	{4, 32, CLASSES, 4, 1, 0, 1, false, 1},
};

static const char *const names[LAYERS] = {"conv_1", "conv_2", "conv_3", "logits"};

struct layer {
	float *weights, *bias; /* within the parameters */
	float *weights_grad, *bias_grad;
	float *turned;         /* weights as [row, column, output channel, input channel], for the way back */
	float *raw, *raw_grad; /* the convolution's output, after its activation */
	float *out, *out_grad; /* the pool's; the same memory as raw where there is no pool */
	int *winner;           /* for each pooled value the index of the raw one that it was */
};

struct learner {
	struct layer layers[LAYERS];
	float *parameters, *gradient, *first, *second; /* the last two: Adam's moments */
	size_t count;
	int updates;
	float *memory; /* behind all of the above */
	int *winners;
};

static size_t weights_of(const struct shape *s)
{
	return (size_t)s->kernel * s->kernel * s->in_channels * s->channels;
}

static size_t raw_of(const struct shape *s)
{
	return (size_t)s->side * s->side * s->channels;
}

static size_t out_of(const struct shape *s)
{
	return (size_t)s->out_side * s->out_side * s->channels;
}

static float *take(float **memory, size_t count)
{
	float *taken = *memory;

	*memory += count;
	return taken;
}

static void lay_out(struct learner *l, float *memory, int *winners)
{
	size_t at = 0;

	l->parameters = take(&memory, l->count);
	l->gradient = take(&memory, l->count);
	l->first = take(&memory, l->count);
	l->second = take(&memory, l->count);
	for (int i = 0; i < LAYERS; i++) {
		const struct shape *s = &shapes[i];
		struct layer *layer = &l->layers[i];

		layer->weights = l->parameters + at;
		layer->weights_grad = l->gradient + at;
		layer->bias = layer->weights + weights_of(s);
		layer->bias_grad = layer->weights_grad + weights_of(s);
		at += weights_of(s) + (size_t)s->channels;
		layer->turned = take(&memory, weights_of(s));
		layer->raw = layer->out = take(&memory, raw_of(s));
		layer->raw_grad = layer->out_grad = take(&memory, raw_of(s));
		if (s->pool) {
			layer->out = take(&memory, out_of(s));
			layer->out_grad = take(&memory, out_of(s));
			layer->winner = winners;
			winners += out_of(s);
		}
	}
}

static void turn_weights(struct learner *l)
{
	for (int i = 0; i < LAYERS; i++) {
		const struct shape *s = &shapes[i];
		size_t from = 0;

		for (int k = 0; k < s->kernel * s->kernel; k++) {
			for (int in = 0; in < s->in_channels; in++) {
				for (int out = 0; out < s->channels; out++)
					l->layers[i].turned[(k * s->channels + out) * s->in_channels + in] = l->layers[i].weights[from++];
			}
		}
	}
}

struct learner *learner_create(uint64_t seed)
{
	struct tfl_random random = {seed};
	size_t floats = 0, pooled = 0;
	struct learner *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	for (int i = 0; i < LAYERS; i++) {
		l->count += weights_of(&shapes[i]) + (size_t)shapes[i].channels;
		floats += weights_of(&shapes[i]) + 2 * raw_of(&shapes[i]) + 2 * out_of(&shapes[i]);
		pooled += out_of(&shapes[i]);
	}
	l->memory = calloc(floats + 4 * l->count, sizeof(float));
	l->winners = calloc(pooled, sizeof(int));
	if (!l->memory || !l->winners) {
		learner_destroy(l);
		return NULL;
	}
	lay_out(l, l->memory, l->winners);
	for (int i = 0; i < LAYERS; i++) {
		float bound = sqrtf(6.0f * (float)shapes[i].channels / (float)weights_of(&shapes[i]));

		for (size_t w = 0; w < weights_of(&shapes[i]); w++)
			l->layers[i].weights[w] = tfl_random_uniform(&random, -bound, bound);
	}
	turn_weights(l);
	return l;
}

void learner_destroy(struct learner *l)
{
	if (!l)
		return;
	free(l->memory);
	free(l->winners);
	free(l);
}

/* to[i] += factor * by[i]. Nearly all counts are multiples of 16, which compilers unroll into vector instructions. */
static inline void add_scaled(float *restrict to, const float *restrict by, float factor, int count)
{
	for (; count >= 16; count -= 16, to += 16, by += 16) {
		for (int i = 0; i < 16; i++)
			to[i] += factor * by[i];
	}
	for (int i = 0; i < count; i++)
		to[i] += factor * by[i];
}

/* One place of a kernel over the input, for one output place: what forward and backward walk over in the same order. */
struct tap {
	int input;  /* index of the input's first channel there */
	int weight; /* of the kernel's place */
	int output; /* of the output's first channel */
};

/* Calls visit for every tap that lies inside the input. */
static inline __attribute__((always_inline)) void each_tap(struct learner *l, int index, const float *in,
							    void (*visit)(struct learner *, int, const float *, const struct tap *))
{
	const struct shape *s = &shapes[index];

	for (int place = 0; place < s->side * s->side; place++) {
		int top = place / s->side * s->stride - s->before, left = place % s->side * s->stride - s->before;

		for (int k = 0; k < s->kernel * s->kernel; k++) {
			int y = top + k / s->kernel, x = left + k % s->kernel;
			struct tap tap = {(y * s->in_side + x) * s->in_channels, k * s->in_channels * s->channels, place * s->channels};

			if (y >= 0 && y < s->in_side && x >= 0 && x < s->in_side)
				visit(l, index, in, &tap);
		}
	}
}

static void tap_forward(struct learner *l, int index, const float *in, const struct tap *tap)
{
	int channels = shapes[index].channels;
	struct layer *layer = &l->layers[index];

	for (int i = 0; i < shapes[index].in_channels; i++) {
		if (in[tap->input + i] != 0)
			add_scaled(layer->raw + tap->output, layer->weights + tap->weight + i * channels, in[tap->input + i], channels);
	}
}

static void tap_backward(struct learner *l, int index, const float *in, const struct tap *tap)
{
	int channels = shapes[index].channels, in_channels = shapes[index].in_channels;
	struct layer *layer = &l->layers[index];
	const float *grad = layer->raw_grad + tap->output;
	float *in_grad;

	for (int i = 0; i < in_channels; i++) {
		if (in[tap->input + i] != 0)
			add_scaled(layer->weights_grad + tap->weight + i * channels, grad, in[tap->input + i], channels);
	}
	if (index == 0)
		return;
	in_grad = l->layers[index - 1].out_grad + tap->input;
	for (int o = 0; o < channels; o++) {
		if (grad[o] != 0)
			add_scaled(in_grad, layer->turned + tap->weight + o * in_channels, grad[o], in_channels);
	}
}

static void pool_forward(const struct shape *s, struct layer *layer)
{
	int *winner = layer->winner;
	float *out = layer->out;

	for (int place = 0; place < s->out_side * s->out_side; place++) {
		int first = (place / s->out_side * 2 * s->side + place % s->out_side * 2) * s->channels;

		for (int channel = 0; channel < s->channels; channel++) {
			int best = first + channel;

			for (int k = 1; k < 4; k++) {
				int at = first + (k / 2 * s->side + k % 2) * s->channels + channel;

				if (layer->raw[at] > layer->raw[best])
					best = at;
			}
			*winner++ = best;
			*out++ = layer->raw[best];
		}
	}
}

static void pool_backward(const struct shape *s, struct layer *layer)
{
	memset(layer->raw_grad, 0, raw_of(s) * sizeof(float));
	for (size_t i = 0; i < out_of(s); i++)
		layer->raw_grad[layer->winner[i]] = layer->out_grad[i];
}

static const float *input_of(struct learner *l, int index, const float *image)
{
	return index ? l->layers[index - 1].out : image;
}

void learner_predict(struct learner *l, const float *image, float ret_probabilities[CLASSES])
{
	const float *logits = l->layers[LAYERS - 1].out;
	float max = -INFINITY, sum = 0;

	for (int i = 0; i < LAYERS; i++) {
		const struct shape *s = &shapes[i];
		struct layer *layer = &l->layers[i];

		for (int place = 0; place < s->side * s->side; place++)
			memcpy(layer->raw + place * s->channels, layer->bias, (size_t)s->channels * sizeof(float));
		each_tap(l, i, input_of(l, i, image), tap_forward);
		for (size_t j = 0; i < LAYERS - 1 && j < raw_of(s); j++)
			layer->raw[j] = layer->raw[j] > 0 ? layer->raw[j] : 0;
		if (s->pool)
			pool_forward(s, layer);
	}
	for (int i = 0; i < CLASSES; i++)
		max = fmaxf(max, logits[i]);
	for (int i = 0; i < CLASSES; i++)
		sum += ret_probabilities[i] = expf(logits[i] - max);
	for (int i = 0; i < CLASSES; i++)
		ret_probabilities[i] /= sum;
}

static void backward(struct learner *l, const float *image)
{
	for (int i = LAYERS - 1; i >= 0; i--) {
		const struct shape *s = &shapes[i];
		struct layer *layer = &l->layers[i];

		if (s->pool)
			pool_backward(s, layer);
		for (size_t j = 0; i < LAYERS - 1 && j < raw_of(s); j++)
			layer->raw_grad[j] = layer->raw[j] > 0 ? layer->raw_grad[j] : 0;
		for (int place = 0; place < s->side * s->side; place++)
			add_scaled(layer->bias_grad, layer->raw_grad + place * s->channels, 1, s->channels);
		if (i)
			memset(l->layers[i - 1].out_grad, 0, out_of(&shapes[i - 1]) * sizeof(float));
		each_tap(l, i, input_of(l, i, image), tap_backward);
	}
}

float learner_gradient(struct learner *l, const float *images, const int *labels, int count)
{
	float *grad = l->layers[LAYERS - 1].raw_grad, share = 1.0f / (float)count, loss = 0;

	memset(l->gradient, 0, l->count * sizeof(float));
	for (int i = 0; i < count; i++) {
		float probabilities[CLASSES];

		learner_predict(l, images + i * DIGIT_PIXELS, probabilities);
		for (int class = 0; class < CLASSES; class++) {
			float target = (float)(class == labels[i]) * (1 - SMOOTHING) + SMOOTHING / CLASSES;

			loss -= target * logf(fmaxf(probabilities[class], 1e-20f)) * share;
			grad[class] = (probabilities[class] - target) * share;
		}
		backward(l, images + i * DIGIT_PIXELS);
	}
	return loss;
}

void learner_update(struct learner *l, float rate)
{
	const float decay_first = 0.9f, decay_second = 0.999f;
	float correction;

	l->updates++;
	correction = sqrtf(1 - powf(decay_second, (float)l->updates)) / (1 - powf(decay_first, (float)l->updates));
	for (size_t i = 0; i < l->count; i++) {
		float g = l->gradient[i];

		l->first[i] += (1 - decay_first) * (g - l->first[i]);
		l->second[i] += (1 - decay_second) * (g * g - l->second[i]);
		l->parameters[i] -= rate * correction * l->first[i] / (sqrtf(l->second[i]) + 1e-8f);
	}
	turn_weights(l);
}

float *learner_parameters(struct learner *l, size_t *ret_count)
{
	*ret_count = l->count;
	return l->parameters;
}

const float *learner_gradients(const struct learner *l)
{
	return l->gradient;
}

/* From [row, column, input, output] to the file's [output, row, column, input]. */
static void export_layer(const struct learner *l, int index, struct tfl_net_layer *to)
{
	size_t channels = (size_t)shapes[index].channels, per_channel = weights_of(&shapes[index]) / channels;

	for (size_t i = 0; i < weights_of(&shapes[index]); i++)
		to->weights[i % channels * per_channel + i / channels] = l->layers[index].weights[i];
	memcpy(to->bias, l->layers[index].bias, channels * sizeof(float));
}

int learner_export(const struct learner *l, struct tfl_net *net)
{
	int at = tfl_net_add_layer(net, &(struct tfl_net_layer){.kind = TFL_NET_INPUT, .name = "image", .height = DIGIT_SIZE,
							       .width = DIGIT_SIZE, .channels = 1, .max = 1});

	for (int i = 0; at >= 0 && i < LAYERS; i++) {
		const struct shape *s = &shapes[i];
		bool last = i == LAYERS - 1;
		struct tfl_net_layer layer = {.kind = last ? TFL_NET_FULLY_CONNECTED : TFL_NET_CONV, .channels = s->channels,
					      .kernel = last ? 1 : s->kernel, .stride = s->stride,
					      .activation = last ? TFL_ACTIVATION_NONE : TFL_ACTIVATION_RELU};

		if (last)
			at = tfl_net_add_layer(net, &(struct tfl_net_layer){.kind = TFL_NET_FLATTEN, .name = "flat", .input = at});
		strcpy(layer.name, names[i]);
		layer.input = at;
		at = at < 0 ? at : tfl_net_add_layer(net, &layer);
		if (at >= 0)
			export_layer(l, i, &net->layers[at]);
		if (at >= 0 && s->pool) {
			layer = (struct tfl_net_layer){.kind = TFL_NET_MAX_POOL, .input = at, .kernel = 2, .stride = 2,
						       .padding = TFL_PADDING_VALID};
			strcpy(layer.name, i ? "pool_2" : "pool_1");
			at = tfl_net_add_layer(net, &layer);
		}
	}
	if (at >= 0)
		at = tfl_net_add_layer(net, &(struct tfl_net_layer){.kind = TFL_NET_SOFTMAX, .name = "probabilities", .input = at});
	return at < 0 ? at : 0;
}
