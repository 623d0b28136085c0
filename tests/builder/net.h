/* SPDX-License-Identifier: MIT */
/*
 * A feed-forward network in float32, batch 1, that can be run plainly (the reference), observed, and emitted as a float32 or a full-int8
 * .tflite. Layers are added in the order in which they run; each names the layers it reads.
 *
 * Quantisation is TensorFlow Lite's: int8 activations with scale and zero point from the observed range, symmetric int8 weights (per
 * output channel in convolutions, per tensor in FULLY_CONNECTED), int32 biases of scale input x weight.
 *
 * The net owns weights, biases and outputs; their owner may write to them between calls. One thread at a time.
 */
#ifndef TESTS_BUILDER_NET_H
#define TESTS_BUILDER_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/schema.h"
#include "tests/builder/builder.h"

#define TFL_NET_LAYERS_MAX 96
#define TFL_NET_NAME_MAX 32

enum tfl_net_kind {
	TFL_NET_INPUT,
	TFL_NET_CONV,            /* weights [channels, kernel, kernel, input channels] */
	TFL_NET_DEPTHWISE,       /* weights [1, kernel, kernel, channels] */
	TFL_NET_FULLY_CONNECTED, /* weights [channels, elements of the input] */
	TFL_NET_ADD,
	TFL_NET_MAX_POOL,
	TFL_NET_MEAN,    /* over height and width */
	TFL_NET_FLATTEN, /* to a vector; RESHAPE in the file */
	TFL_NET_SOFTMAX,
};

struct tfl_net_layer {
	enum tfl_net_kind kind;
	char name[TFL_NET_NAME_MAX];
	int input;               /* index of the layer it reads */
	int second;              /* ADD */
	int32_t height, width;   /* INPUT: given, 0 for a vector; else worked out: 0 for the vectors after MEAN and FLATTEN */
	int32_t channels;        /* INPUT, CONV and FULLY_CONNECTED: given */
	int32_t kernel, stride;  /* 0: 1 */
	int8_t padding;          /* enum tfl_padding */
	int8_t activation;       /* NONE, RELU or RELU6 */
	float min, max;          /* range of the output, see tfl_net_observe(); INPUT: given */
	/* Made by tfl_net_add_layer(): */
	float *weights;
	float *bias;             /* one per channel */
	float *output;           /* of the last run; of INPUT: to be filled before one */
	size_t weight_count;
	size_t output_count;
};

struct tfl_net {
	struct tfl_net_layer layers[TFL_NET_LAYERS_MAX];
	int count;
};

/** Adds a copy of @p layer with weights and biases of zero. Its index, -ENOMEM, or -ENOSPC when the net is full. */
int tfl_net_add_layer(struct tfl_net *net, const struct tfl_net_layer *layer);

/** Frees what the layers own; the net is empty afterwards. */
void tfl_net_finish(struct tfl_net *net);

/** Computes the output of one layer, or of all but the input, from the outputs they read. */
void tfl_net_run_layer(struct tfl_net *net, int index);
void tfl_net_run(struct tfl_net *net);

/** Widens the range of every layer but the input so that it holds the values of the last run. */
void tfl_net_observe(struct tfl_net *net);

/**
 * Adds tensors, operators, inputs, outputs and a signature "serving_default" of the net to @p builder. Ranges matter with @p int8 only.
 * 0 or -ENOMEM; the builder has its own errors.
 */
int tfl_net_emit(const struct tfl_net *net, bool int8, struct tfl_builder *builder);

/** The numbers of the quantisation: scale and zero point of a layer's int8 output. MAX_POOL and FLATTEN have those of their input. */
void tfl_net_quantization(const struct tfl_net *net, int index, float *ret_scale, int64_t *ret_zero_point);

/** Where one output channel's weights are: *ret_per_channel elements that lie *ret_stride apart; channels begin *ret_step apart. */
void tfl_net_weight_layout(const struct tfl_net_layer *layer, size_t *ret_per_channel, size_t *ret_stride, size_t *ret_step);

#endif
