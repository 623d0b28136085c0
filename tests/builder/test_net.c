/* SPDX-License-Identifier: MIT */
/*
 * The reference network against numbers worked out by hand, and the files made from it against what TensorFlow Lite's conventions ask.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "tests/builder/mobilenet.h"
#include "tests/builder/suites.h"

static struct tfl_net net;
static struct tfl_model *model;
static uint8_t *file;

static void teardown(void)
{
	tfl_model_destroy(model);
	free(file);
	tfl_net_finish(&net);
}

static int add(struct tfl_net_layer layer)
{
	int index = tfl_net_add_layer(&net, &layer);

	ck_assert_int_ge(index, 0);
	return index;
}

/* A picture of 1, 2, 3, … */
static void add_counting_input(int32_t height, int32_t width, int32_t channels)
{
	add((struct tfl_net_layer){.kind = TFL_NET_INPUT, .name = "x", .height = height, .width = width, .channels = channels, .max = 20});
	for (size_t i = 0; i < net.layers[0].output_count; i++)
		net.layers[0].output[i] = (float)(i + 1);
}

static void fill(float *values, const float *from, size_t count)
{
	memcpy(values, from, count * sizeof(float));
}

static void check_output(int index, const float *expected, size_t count)
{
	ck_assert_uint_eq(net.layers[index].output_count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_float_eq_tol(net.layers[index].output[i], expected[i], 1e-5f);
}

START_TEST(conv_pads_behind_first_and_strides)
{
	int conv;

	add_counting_input(4, 4, 1);
	conv = add((struct tfl_net_layer){.kind = TFL_NET_CONV, .channels = 2, .kernel = 3, .stride = 2});
	fill(net.layers[conv].weights, (float[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 18);
	fill(net.layers[conv].bias, (float[]){0, 0.5f}, 2);
	tfl_net_run(&net);
	/* Rows and columns 0 to 2 and 2 to 4, of which 4 is padding. */
	check_output(conv, (float[]){54, 11.5f, 45, 0.5f, 72, 0.5f, 54, 0.5f}, 8);
}
END_TEST

START_TEST(depthwise_keeps_channels_apart)
{
	int depthwise;

	add_counting_input(2, 2, 2);
	depthwise = add((struct tfl_net_layer){.kind = TFL_NET_DEPTHWISE, .kernel = 2, .padding = TFL_PADDING_VALID,
					       .activation = TFL_ACTIVATION_RELU6});
	fill(net.layers[depthwise].weights, (float[]){0.1f, 1, 0.1f, 1, 0.1f, 1, 0.1f, 1}, 8);
	tfl_net_run(&net);
	check_output(depthwise, (float[]){1.6f, 6}, 2); /* 1 + 3 + 5 + 7 a tenth; 2 + 4 + 6 + 8, cut at 6 */
}
END_TEST

START_TEST(pools_means_and_sums)
{
	int pool, mean, sum;

	add_counting_input(2, 4, 1);
	pool = add((struct tfl_net_layer){.kind = TFL_NET_MAX_POOL, .kernel = 2, .stride = 2, .padding = TFL_PADDING_VALID});
	sum = add((struct tfl_net_layer){.kind = TFL_NET_ADD, .input = pool, .second = pool});
	mean = add((struct tfl_net_layer){.kind = TFL_NET_MEAN, .input = sum});
	tfl_net_run(&net);
	check_output(pool, (float[]){6, 8}, 2);
	check_output(sum, (float[]){12, 16}, 2);
	check_output(mean, (float[]){14}, 1);
}
END_TEST

START_TEST(fully_connected_and_softmax)
{
	int fc, softmax;

	add_counting_input(1, 2, 1);
	fc = add((struct tfl_net_layer){.kind = TFL_NET_FULLY_CONNECTED,
					.input = add((struct tfl_net_layer){.kind = TFL_NET_FLATTEN}), .channels = 2});
	fill(net.layers[fc].weights, (float[]){1, 1, 2, -1}, 4);
	fill(net.layers[fc].bias, (float[]){-2, 0}, 2);
	softmax = add((struct tfl_net_layer){.kind = TFL_NET_SOFTMAX, .input = fc});
	tfl_net_run(&net);
	check_output(fc, (float[]){1, 0}, 2);
	check_output(softmax, (float[]){0.7310586f, 0.2689414f}, 2);
}
END_TEST

START_TEST(ranges_hold_zero_and_widen)
{
	int64_t zero_point;
	float scale;
	int conv;

	add_counting_input(1, 2, 1);
	conv = add((struct tfl_net_layer){.kind = TFL_NET_CONV, .channels = 1});
	net.layers[conv].weights[0] = 255;
	tfl_net_run(&net);
	tfl_net_observe(&net);
	tfl_net_quantization(&net, conv, &scale, &zero_point);
	ck_assert_float_eq_tol(scale, 2, 1e-6f);
	ck_assert_int_eq(zero_point, -128);
	net.layers[conv].weights[0] = -127.5f;
	tfl_net_run(&net);
	tfl_net_observe(&net);
	tfl_net_quantization(&net, conv, &scale, &zero_point);
	ck_assert_float_eq_tol(scale, 3, 1e-6f); /* -255 to 510 */
	ck_assert_int_eq(zero_point, -43);
}
END_TEST

static const struct tfl_subgraph *emit(bool int8)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_error error = {0};
	size_t size;

	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(tfl_net_emit(&net, int8, b), 0);
	ck_assert_int_eq(tfl_build_finish(b, &file, &size), 0);
	tfl_build_destroy(b);
	ck_assert_msg(tfl_model_open_memory(file, size, &model, &error) == 0, "%s", error.text);
	return &model->subgraphs[0];
}

/* Tensors of a convolution or FULLY_CONNECTED: int8 weights of symmetric scales along the right axis, biases of scale input x weight. */
static void check_weights(const struct tfl_subgraph *g, const struct tfl_operator *op)
{
	const struct tfl_tensor *in = &g->tensors[op->inputs[0]], *weights = &g->tensors[op->inputs[1]], *bias = &g->tensors[op->inputs[2]];
	bool per_tensor = op->code == TFL_BUILTIN_FULLY_CONNECTED;
	int largest = 0, smallest = 0;

	ck_assert_int_eq(weights->dtype, TFL_INT8);
	ck_assert_int_eq(bias->dtype, TFL_INT32);
	ck_assert_uint_eq(weights->quantization.count, per_tensor ? 1 : (uint32_t)bias->dims[0]);
	ck_assert_uint_eq(bias->quantization.count, weights->quantization.count);
	if (!per_tensor)
		ck_assert_uint_eq(weights->quantization.axis, op->code == TFL_BUILTIN_DEPTHWISE_CONV_2D ? 3 : 0);
	for (uint32_t i = 0; i < weights->quantization.count; i++) {
		ck_assert_int_eq(weights->quantization.zero_points[i], 0);
		ck_assert_float_eq(bias->quantization.scales[i], in->quantization.scales[0] * weights->quantization.scales[i]);
	}
	for (size_t i = 0; i < weights->data_size; i++) {
		int value = ((const int8_t *)weights->data)[i];

		largest = abs(value) > largest ? abs(value) : largest;
		smallest = value < smallest ? value : smallest;
	}
	ck_assert_int_eq(largest, 127);
	ck_assert_int_ge(smallest, -127);
}

START_TEST(mobilenet_int8_follows_the_conventions)
{
	const struct tfl_subgraph *g;
	unsigned weighted = 0, adds = 0;

	ck_assert_int_eq(tfl_net_mobilenet_v2(&net, 1), 0);
	g = emit(true);
	ck_assert_uint_eq(g->operator_count, 65);
	ck_assert_mem_eq(g->tensors[g->inputs[0]].dims, ((int32_t[]){1, 224, 224, 3}), 16);
	ck_assert_mem_eq(g->tensors[g->outputs[0]].dims, ((int32_t[]){1, 1001}), 8);
	ck_assert_float_eq(g->tensors[g->outputs[0]].quantization.scales[0], 1.0f / 256);
	ck_assert_int_eq(g->tensors[g->outputs[0]].quantization.zero_points[0], -128);
	for (uint32_t i = 0; i < g->operator_count; i++) {
		const struct tfl_operator *op = &g->operators[i];

		ck_assert_int_eq(g->tensors[op->outputs[0]].dtype, TFL_INT8);
		adds += op->code == TFL_BUILTIN_ADD;
		if (op->input_count == 3) {
			check_weights(g, op);
			weighted++;
		}
	}
	ck_assert_uint_eq(weighted, 53);
	ck_assert_uint_eq(adds, 10);
}
END_TEST

/* A share of zeros, of values at the cut, and a spread: neither dead nor saturated. */
START_TEST(mobilenet_activations_live)
{
	ck_assert_int_eq(tfl_net_mobilenet_v2(&net, 7), 0);
	for (int i = 1; i < net.count; i++) {
		const struct tfl_net_layer *layer = &net.layers[i];
		size_t zeros = 0, cut = 0, finite = 0;

		for (size_t j = 0; j < layer->output_count; j++) {
			finite += isfinite(layer->output[j]) != 0;
			zeros += layer->output[j] == 0;
			cut += layer->activation == TFL_ACTIVATION_RELU6 && layer->output[j] >= 6;
		}
		ck_assert_uint_eq(finite, layer->output_count);
		ck_assert_msg(zeros * 10 < layer->output_count * 7, "%s: %zu of %zu are 0", layer->name, zeros, layer->output_count);
		ck_assert_msg(cut * 20 < layer->output_count, "%s: %zu of %zu are cut off", layer->name, cut, layer->output_count);
		if (layer->kind != TFL_NET_SOFTMAX && layer->kind != TFL_NET_MEAN)
			ck_assert_msg(layer->max - layer->min > 2 && layer->max - layer->min < 60, "%s: %f to %f", layer->name,
				      (double)layer->min, (double)layer->max);
	}
}
END_TEST

START_TEST(mobilenet_float32_has_plain_weights)
{
	const struct tfl_subgraph *g;

	ck_assert_int_eq(tfl_net_mobilenet_v2(&net, 1), 0);
	g = emit(false);
	ck_assert_uint_eq(g->operator_count, 65);
	for (uint32_t i = 0; i < g->tensor_count; i++) {
		ck_assert(g->tensors[i].dtype == TFL_FLOAT32 || g->tensors[i].dtype == TFL_INT32);
		ck_assert_uint_eq(g->tensors[i].quantization.count, 0);
	}
	ck_assert_uint_eq(model->signature_count, 1);
	ck_assert_str_eq(model->signatures[0].inputs[0].name, "input");
}
END_TEST

START_TEST(tiny_has_64_bytes_in_and_out)
{
	const struct tfl_subgraph *g;

	ck_assert_int_eq(tfl_net_tiny(&net, 1), 0);
	g = emit(false);
	ck_assert_uint_eq(g->operator_count, 4);
	ck_assert_mem_eq(g->tensors[g->inputs[0]].dims, ((int32_t[]){1, 16}), 8);
	ck_assert_mem_eq(g->tensors[g->outputs[0]].dims, ((int32_t[]){1, 16}), 8);
}
END_TEST

Suite *net_suite(void)
{
	Suite *suite = suite_create("net");
	TCase *tcase = tcase_create("net");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, conv_pads_behind_first_and_strides);
	tcase_add_test(tcase, depthwise_keeps_channels_apart);
	tcase_add_test(tcase, pools_means_and_sums);
	tcase_add_test(tcase, fully_connected_and_softmax);
	tcase_add_test(tcase, ranges_hold_zero_and_widen);
	tcase_add_test(tcase, mobilenet_int8_follows_the_conventions);
	tcase_add_test(tcase, mobilenet_activations_live);
	tcase_add_test(tcase, mobilenet_float32_has_plain_weights);
	tcase_add_test(tcase, tiny_has_64_bytes_in_and_out);
	suite_add_tcase(suite, tcase);
	return suite;
}
