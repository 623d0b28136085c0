/* SPDX-License-Identifier: MIT */
/*
 * Packed weights are shared where they are the same and only there. Each row is two layers over one buffer of weights and one of biases; what
 * the layers make of them must be what portable kernels make, which know nothing of packing. Then the provider itself, without XNNPACK.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "runtime/quant.h"
#include "runtime/weights.h"
#include "tests/builder/random.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/suites.h"

#define CHANNELS 4
#define SIDE 6
#define BUFFER 256

struct layer {
	uint32_t code;
	int32_t filter[4]; /* of FULLY_CONNECTED the first two count */
	float input_scale, filter_scale, output_scale;
	int64_t input_zero_point, output_zero_point;
	int8_t activation;
	int32_t stride;
	unsigned bias; /* which of two */
};

#define CONV {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 0, 1}
#define POINT {TFL_BUILTIN_CONV_2D, {4, 1, 1, 4}, 0.02f, 0.01f, 0.03f, 3, -7, 0, 1}
#define DEPTHWISE {TFL_BUILTIN_DEPTHWISE_CONV_2D, {1, 3, 3, 4}, 0.02f, 0.01f, 0.04f, 3, -7, 0, 1}
#define GROUPED {TFL_BUILTIN_CONV_2D, {4, 3, 3, 1}, 0.02f, 0.01f, 0.04f, 3, -7, 0, 1}
#define DENSE {TFL_BUILTIN_FULLY_CONNECTED, {4, 4, 0, 0}, 0.02f, 0.01f, 0.03f, 3, -7, 0, 1}

#define BACKWARDS {TFL_BUILTIN_TRANSPOSE_CONV, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 0, 2}

#define ANY -1

/*
 * f float32, b int8, c int8 per channel, B uint8, d float32 with int8 weights, e the same per channel. XNNPACK 20241108 keeps no depthwise weights in a cache: its subgraph asks for none (it does for a
 * grouped convolution that comes to the same). So those are never shared, and never mixed up.
 */
struct pair {
	const char *name, *types;
	struct layer layers[2];
	int entries; /* packings of the two; ANY: whatever XNNPACK finds right */
};

static const struct pair pairs[] = {
	{"identical convolutions", "fbcBde", {CONV, CONV}, 1},
	{"identical depthwise convolutions", "fbcBde", {DEPTHWISE, DEPTHWISE}, 0},
	{"identical dense layers", "fbcBde", {DENSE, DENSE}, 1},
	{"output scales", "bcB", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.3f, 3, -7, 0, 1}}, 2},
	{"output scales, depthwise", "bcB", {DEPTHWISE, {TFL_BUILTIN_DEPTHWISE_CONV_2D, {1, 3, 3, 4}, 0.02f, 0.01f, 0.2f, 3, -7, 0, 1}}, 0},
	{"output scales, dense", "bcB", {DENSE, {TFL_BUILTIN_FULLY_CONNECTED, {4, 4}, 0.02f, 0.01f, 0.09f, 3, -7, 0, 1}}, 2},
	{"output zero points", "bcB", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, 40, 0, 1}}, 2},
	{"input scales", "bcB", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.05f, 0.01f, 0.1f, 3, -7, 0, 1}}, 2},
	{"input zero points", "bcB", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 90, -7, 0, 1}}, 2},
	{"filter scales", "bcBde", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.03f, 0.1f, 3, -7, 0, 1}}, 2},
	{"filter scales, dense", "bcBde", {DENSE, {TFL_BUILTIN_FULLY_CONNECTED, {4, 4}, 0.02f, 0.07f, 0.03f, 3, -7, 0, 1}}, 2},
	{"biases", "fbcBde", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 0, 1, 1}}, 2},
	{"biases, dense", "fbcBde", {DENSE, {TFL_BUILTIN_FULLY_CONNECTED, {4, 4}, 0.02f, 0.01f, 0.03f, 3, -7, 0, 1, 1}}, 2},
	{"activations", "f", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 1, 1}}, 1},
	{"activations, integers", "bcB", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 1, 1}}, 2},
	{"strides", "fbcBde", {CONV, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 0, 2}}, ANY},
	{"strides of points", "fbcBde", {POINT, {TFL_BUILTIN_CONV_2D, {4, 1, 1, 4}, 0.02f, 0.01f, 0.03f, 3, -7, 0, 2}}, ANY},
	{"filter shapes", "fbcBde", {CONV, {TFL_BUILTIN_CONV_2D, {4, 1, 9, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 0, 1}}, 2},
	{"convolution and dense layer", "fbcBde", {POINT, DENSE}, 2},
	{"depthwise and grouped", "fbcBde", {DEPTHWISE, GROUPED}, 1},
	{"identical transposed convolutions", "fbcB", {BACKWARDS, BACKWARDS}, 1},
	{"output scales, transposed", "bcB", {BACKWARDS, {TFL_BUILTIN_TRANSPOSE_CONV, {4, 3, 3, 4}, 0.02f, 0.01f, 0.3f, 3, -7, 0, 2}}, 2},
	{"strides, transposed", "fbcB", {BACKWARDS, {TFL_BUILTIN_TRANSPOSE_CONV, {4, 3, 3, 4}, 0.02f, 0.01f, 0.1f, 3, -7, 0, 3}}, 2},
	{"convolution and transposed one", "fbcB", {CONV, BACKWARDS}, 2},
	{"grouped convolutions", "bcB", {GROUPED, {TFL_BUILTIN_CONV_2D, {4, 3, 3, 1}, 0.02f, 0.01f, 0.2f, 3, -7, 0, 1}}, 2},
};

/* The two layers' common parts while the file is put together. */
struct maker {
	struct tfl_builder *builder;
	char type;
	uint32_t weights, bias_buffers[2];
	int32_t inputs[2], filters[2], biases[2], outputs[2];
};

/* Activations and biases are float32; so are the weights of 'f'. */
static bool is_real(char type)
{
	return strchr("fde", type) != NULL;
}

static bool is_per_channel(char type)
{
	return type == 'c' || type == 'e';
}

static enum tfl_dtype dtype_of(char type, bool real)
{
	return real ? TFL_FLOAT32 : type == 'B' ? TFL_UINT8 : TFL_INT8;
}

/* Elements of a layer's filter: the same for both layers of a pair, or they could not name one buffer. */
static uint32_t elements(const struct layer *layer)
{
	uint32_t count = 1;

	for (size_t i = 0; i < 4 && layer->filter[i]; i++)
		count *= (uint32_t)layer->filter[i];
	return count;
}

static int32_t activations(struct maker *m, float scale, int64_t zero_point)
{
	/* uint8 has its zero points where int8 has them, moved by 128. */
	zero_point += m->type == 'B' ? 128 : 0;
	return tfl_build_tensor(m->builder, &(struct tfl_build_tensor){.dtype = dtype_of(m->type, is_real(m->type)),
								       .dims = TFL_INTS(1, SIDE, SIDE, CHANNELS),
								       .scales = is_real(m->type) ? NULL : &scale, .zero_points = &zero_point,
								       .scale_count = !is_real(m->type)});
}

static int32_t filter(struct maker *m, const struct layer *layer)
{
	bool dense = layer->code == TFL_BUILTIN_FULLY_CONNECTED;
	float scales[CHANNELS];
	int64_t zero_points[CHANNELS] = {m->type == 'B' ? 120 : 0};

	for (int i = 0; i < CHANNELS; i++)
		scales[i] = layer->filter_scale * (float)(1 + i);
	return tfl_build_tensor(m->builder, &(struct tfl_build_tensor){
						    .dtype = dtype_of(m->type, m->type == 'f'),
						    .dims = {layer->filter, dense ? 2 : 4},
						    .buffer = m->weights,
						    .scales = m->type == 'f' ? NULL : scales,
						    .zero_points = zero_points,
						    .scale_count = m->type == 'f' ? 0 : is_per_channel(m->type) ? CHANNELS : 1,
						    .axis = layer->code == TFL_BUILTIN_DEPTHWISE_CONV_2D ? 3 : 0,
					    });
}

static void emit_backwards(struct maker *m, const struct layer *layer, size_t index)
{
	struct tfl_build_window window = {.stride_h = layer->stride, .stride_w = layer->stride, .activation = layer->activation};
	int32_t shape[] = {1, SIDE * layer->stride, SIDE * layer->stride, CHANNELS};
	int32_t given = tfl_build_tensor(m->builder, &(struct tfl_build_tensor){
							     .dtype = TFL_INT32, .dims = TFL_INTS(4), .data = shape, .data_size = sizeof(shape)});

	tfl_build_operator(m->builder, &(struct tfl_build_operator){
					       .code = layer->code,
					       .inputs = TFL_INTS(given, m->filters[index], m->inputs[index], m->biases[layer->bias]),
					       .outputs = TFL_INTS(m->outputs[index]),
					       .options = tfl_options_transpose_conv(&window)});
}

static void emit(struct maker *m, const struct layer *layer, size_t index)
{
	struct tfl_build_window window = {.stride_h = layer->stride, .stride_w = layer->stride, .activation = layer->activation};
	struct tfl_build_options options = layer->code == TFL_BUILTIN_CONV_2D	      ? tfl_options_conv_2d(&window) :
					   layer->code == TFL_BUILTIN_FULLY_CONNECTED ? tfl_options_fully_connected(layer->activation, true) :
											tfl_options_depthwise_conv_2d(&window);

	tfl_build_operator(m->builder, &(struct tfl_build_operator){.code = layer->code,
								    .inputs = TFL_INTS(m->inputs[index], m->filters[index], m->biases[layer->bias]),
								    .outputs = TFL_INTS(m->outputs[index]),
								    .options = options});
}

/* A buffer of @p count elements: floats in [-1, 1), or bytes. */
static uint32_t buffer(struct maker *m, struct tfl_random *random, uint32_t count, bool real)
{
	union {
		float floats[BUFFER];
		uint8_t bytes[BUFFER];
	} data;

	for (uint32_t i = 0; i < count; i++) {
		if (real)
			data.floats[i] = tfl_random_uniform(random, -1, 1);
		else
			data.bytes[i] = (uint8_t)tfl_random_next(random);
	}
	return (uint32_t)tfl_build_buffer(m->builder, &data, count * (real ? sizeof(float) : 1));
}

/* A buffer of as many biases as there are channels. */
static uint32_t bias(struct maker *m, struct tfl_random *random)
{
	int32_t integers[CHANNELS];
	float floats[CHANNELS];

	for (int i = 0; i < CHANNELS; i++) {
		floats[i] = tfl_random_uniform(random, -2, 2);
		integers[i] = (int32_t)(floats[i] * 4000);
	}
	return (uint32_t)tfl_build_buffer(m->builder, is_real(m->type) ? (void *)floats : (void *)integers, sizeof(integers));
}

/* Whether two layers can name the very same filter tensor. */
static bool same_filter(const struct layer *a, const struct layer *b)
{
	return a->code == b->code && memcmp(a->filter, b->filter, sizeof(a->filter)) == 0 && a->filter_scale == b->filter_scale;
}

static void add_biases(struct maker *m)
{
	for (size_t i = 0; i < 2; i++)
		m->biases[i] = tfl_build_tensor(m->builder, &(struct tfl_build_tensor){.dtype = is_real(m->type) ? TFL_FLOAT32 : TFL_INT32,
										       .dims = TFL_INTS(CHANNELS), .buffer = m->bias_buffers[i]});
}

/* Its tensors, but for those that the layer before has already. */
static void add_layer(struct maker *m, const struct layer *layers, size_t i, bool apart)
{
	const struct layer *layer = &layers[i];
	bool beside = i > 0 && !apart;

	m->inputs[i] = beside && layers[1].input_scale == layers[0].input_scale && layers[1].input_zero_point == layers[0].input_zero_point ?
			       m->inputs[0] : activations(m, layer->input_scale, layer->input_zero_point);
	m->filters[i] = beside && same_filter(&layers[0], &layers[1]) ? m->filters[0] : filter(m, layer);
	m->outputs[i] = activations(m, layer->output_scale, layer->output_zero_point);
	(layer->code == TFL_BUILTIN_TRANSPOSE_CONV ? emit_backwards : emit)(m, layer, i);
}

/* @p apart: the second layer is a subgraph of its own, with tensors of its own over the same buffers. */
static void open_pair(struct scene *scene, const struct pair *pair, char type, bool apart)
{
	struct maker m = {.builder = tfl_build_create(), .type = type};
	struct tfl_random random = {77};

	ck_assert_uint_eq(elements(&pair->layers[0]), elements(&pair->layers[1]));
	m.weights = buffer(&m, &random, elements(&pair->layers[0]), type == 'f');
	for (size_t i = 0; i < 2; i++)
		m.bias_buffers[i] = bias(&m, &random);
	add_biases(&m);
	add_layer(&m, pair->layers, 0, apart);
	if (apart) {
		tfl_build_io(m.builder, TFL_INTS(m.inputs[0]), TFL_INTS(m.outputs[0]));
		tfl_build_subgraph(m.builder, "apart");
		tfl_build_signature(m.builder, &(struct tfl_build_signature){.key = "apart", .subgraph = 1});
		add_biases(&m);
	}
	add_layer(&m, pair->layers, 1, apart);
	if (apart)
		tfl_build_io(m.builder, TFL_INTS(m.inputs[1]), TFL_INTS(m.outputs[1]));
	else
		tfl_build_io(m.builder, (struct tfl_ints){m.inputs, m.inputs[0] == m.inputs[1] ? 1 : 2}, (struct tfl_ints){m.outputs, 2});
	tfl_build_file(m.builder, "tail", m.inputs, sizeof(m.inputs)); /* no constant is at the end of the file, where it would be copied */
	ck_assert_msg(scene_open(scene, m.builder) == 0, "%s: %s", pair->name, scene->error.text);
}

/* Runs an entry of two interpreters of one program, and one of portable kernels, on the same. */
static void run_and_compare(const struct tfl_entry *entry, uint32_t number, struct tfl_interpreter *const interpreters[3], char type, const char *what)
{
	struct tfl_interpreter *parts[3];

	for (uint64_t seed = 0; seed < 4; seed++) {
		for (size_t i = 0; i < 3; i++) {
			parts[i] = tfl_interpreter_entry(interpreters[i], number);
			scene_fill_entry(entry, parts[i], seed);
			scene_invoke(parts[i]);
		}
		/* Two ways to quantise at run time agree but roughly. */
		scene_compare_entry(entry, parts[0], parts[2], is_real(type) && type != 'f' ? 0.2 : 1e-5, 1, what);
		scene_compare_entry(entry, parts[0], parts[1], 0, 0, what);
	}
}

static void check_pair(const struct pair *pair, char type, bool apart)
{
	struct tfl_program *program, *portable;
	struct tfl_program_info before, after;
	struct tfl_interpreter *interpreters[3];
	const struct tfl_entry *entries;
	struct scene scene;
	uint32_t count;
	char what[64];

	snprintf(what, sizeof(what), "%s (%c)%s", pair->name, type, apart ? " apart" : "");
	open_pair(&scene, pair, type, apart);
	program = scene_program(&scene, NULL);
	portable = scene_program(&scene, &(struct tfl_program_options){.portable = true});
	tfl_program_info(program, &before);
	ck_assert_msg(before.xnnpack_operators == 2, "%s: XNNPACK runs %u of 2 layers", what, before.xnnpack_operators);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(interpreters); i++)
		interpreters[i] = scene_interpreter(i < 2 ? program : portable);
	tfl_program_info(program, &after);
	ck_assert_msg(before.packed_entries == after.packed_entries && before.packed_bytes == after.packed_bytes,
		      "%s: %llu packings and %zu bytes became %llu and %zu", what, (unsigned long long)before.packed_entries, before.packed_bytes,
		      (unsigned long long)after.packed_entries, after.packed_bytes);
	ck_assert_msg(pair->entries == ANY || after.packed_entries == (uint64_t)pair->entries, "%s: %llu packings", what,
		      (unsigned long long)after.packed_entries);
	ck_assert((after.packed_bytes > 0) >= (after.packed_entries > 0));
	entries = tfl_program_entries(program, &count);
	ck_assert_uint_eq(count, 1 + apart);
	for (uint32_t i = 0; i < count; i++)
		run_and_compare(&entries[i], i, interpreters, type, what);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(interpreters); i++)
		tfl_interpreter_destroy(interpreters[i]);
	tfl_program_destroy(program);
	tfl_program_destroy(portable);
	scene_close(&scene);
}

START_TEST(packed_weights_are_shared_where_they_are_the_same)
{
	for (const char *type = pairs[_i].types; *type; type++) {
		check_pair(&pairs[_i], *type, false);
		check_pair(&pairs[_i], *type, true);
	}
}
END_TEST

/* Stands in for XNNPACK: packs a block of one byte under a key. */
static size_t insert(xnn_weights_cache_t cache, const struct xnn_weights_cache_look_up_key *key, size_t size, uint8_t byte)
{
	void *space = cache->reserve_space(cache->context, size);

	ck_assert_ptr_nonnull(space);
	ck_assert_uint_eq((uintptr_t)space % 64, 0);
	memset(space, byte, size);
	return cache->look_up_or_insert(cache->context, key, space, size);
}

START_TEST(provider_keeps_what_it_is_given)
{
	enum { ENTRIES = 1000 };
	struct tfl_weights *weights;
	struct tfl_weights_stats stats;
	size_t offsets[ENTRIES], bytes = 0;
	xnn_weights_cache_t cache;

	ck_assert_int_eq(tfl_weights_create(SIZE_MAX, NULL, &weights), 0);
	cache = tfl_weights_provider(weights);
	ck_assert(cache->is_finalized(cache->context));
	for (size_t i = 0; i < ENTRIES; i++) {
		struct xnn_weights_cache_look_up_key key = {.seed = (uint32_t)(i % 3), .kernel = (void *)(i / 3 + 1), .bias = (void *)(i % 2)};

		if (cache->look_up(cache->context, &key) != SIZE_MAX)
			ck_abort_msg("key %zu is found before it is there", i);
		offsets[i] = insert(cache, &key, 1 + i * 7 % 300, (uint8_t)i);
		/* Packed again, as depthwise convolutions do: the same place, and no more memory. */
		if (insert(cache, &key, 1 + i * 7 % 300, (uint8_t)i) != offsets[i])
			ck_abort_msg("key %zu has two places", i);
		bytes += 1 + i * 7 % 300;
		tfl_weights_trim(weights);
	}
	for (size_t i = 0; i < ENTRIES; i++) {
		struct xnn_weights_cache_look_up_key key = {.seed = (uint32_t)(i % 3), .kernel = (void *)(i / 3 + 1), .bias = (void *)(i % 2)};
		const uint8_t *data = cache->offset_to_addr(cache->context, offsets[i]);

		if (cache->look_up(cache->context, &key) != offsets[i] || data[0] != (uint8_t)i || data[i * 7 % 300] != (uint8_t)i ||
		    (uintptr_t)data % 64)
			ck_abort_msg("key %zu does not give back what was packed", i);
	}
	tfl_weights_stats(weights, &stats);
	ck_assert_uint_eq(stats.entries, ENTRIES);
	ck_assert_uint_eq(stats.packed, ENTRIES);
	ck_assert_uint_eq(stats.bytes, bytes);
	ck_assert_uint_eq(stats.reused, 2 * ENTRIES);
	ck_assert_ptr_null(cache->offset_to_addr(cache->context, SIZE_MAX));
	ck_assert_int_eq(tfl_weights_check(weights), 0);
	tfl_weights_destroy(weights);
	tfl_weights_destroy(NULL);
}
END_TEST

static const void *bias_of(struct tfl_weights *weights, const struct tfl_weights_use *use, const struct tfl_multiplier *multipliers)
{
	struct tfl_weights_operands operands = {NULL, NULL};

	ck_assert_int_eq(tfl_weights_use(weights, use, CHANNELS, 1000, multipliers, &operands), 0);
	ck_assert_ptr_eq(operands.kernel, use->kernel);
	ck_assert_ptr_nonnull(operands.bias);
	return operands.bias;
}

START_TEST(uses_that_differ_get_biases_of_their_own)
{
	static const int32_t bias[CHANNELS] = {10, -20, INT32_MAX, 40};
	static const struct tfl_multiplier multipliers[CHANNELS] = {{1 << 30, -3}, {1 << 30, 0}, {1 << 30, -1}, {1 << 30, 2}};
	static const int32_t rounded[CHANNELS] = {11, -20, INT32_MAX, 40}, zeros[CHANNELS];
	struct tfl_weights_use first, second, without;
	struct tfl_weights *weights;
	const void *copy;

	ck_assert_int_eq(tfl_weights_create(SIZE_MAX, NULL, &weights), 0);
	memset(&first, 0, sizeof(first));
	first.kernel = weights;
	first.bias = bias;
	first.output_scale = 1;
	second = without = first;
	second.output_scale = 2;
	ck_assert_ptr_eq(bias_of(weights, &first, NULL), bias);
	ck_assert_ptr_eq(bias_of(weights, &first, NULL), bias);
	copy = bias_of(weights, &second, NULL);
	ck_assert_ptr_ne(copy, bias);
	ck_assert_mem_eq(copy, bias, sizeof(bias));
	ck_assert_ptr_eq(bias_of(weights, &second, NULL), copy);
	ck_assert_ptr_eq(bias_of(weights, &first, NULL), bias);
	/* Where the channel's multiplier shifts right, a rectified bias is greater by one, unless that would overflow. */
	second.rectified = 1;
	ck_assert_mem_eq(bias_of(weights, &second, multipliers), rounded, sizeof(rounded));
	without.bias = NULL;
	ck_assert_mem_eq(bias_of(weights, &without, NULL), zeros, sizeof(zeros));
	tfl_weights_destroy(weights);
}
END_TEST

/* What is asked for later is found, but nothing is added: what it would be made from may be gone. */
START_TEST(a_sealed_provider_packs_nothing_new)
{
	const struct xnn_weights_cache_look_up_key key = {.seed = 1, .kernel = &key}, other = {.seed = 2, .kernel = &key};
	struct tfl_weights *weights;
	xnn_weights_cache_t cache;
	size_t offset;

	ck_assert_int_eq(tfl_weights_create(SIZE_MAX, NULL, &weights), 0);
	cache = tfl_weights_provider(weights);
	offset = insert(cache, &key, 100, 7);
	tfl_weights_seal(weights);
	ck_assert_uint_eq(cache->look_up(cache->context, &key), offset);
	ck_assert_uint_eq(insert(cache, &key, 100, 7), offset);
	ck_assert_int_eq(tfl_weights_check(weights), 0);
	ck_assert_uint_eq(insert(cache, &other, 100, 7), SIZE_MAX);
	ck_assert_int_eq(tfl_weights_check(weights), -ENOMEM);
	tfl_weights_destroy(weights);
}
END_TEST

/* What the base has packed is used, and stays as it is; what it has not, or has otherwise, is packed beside it. */
START_TEST(a_base_is_looked_into)
{
	const struct xnn_weights_cache_look_up_key shared = {.seed = 1, .kernel = &shared}, own = {.seed = 2, .kernel = &shared};
	struct tfl_weights *base, *weights;
	struct tfl_weights_stats stats;
	size_t first, second, third;
	xnn_weights_cache_t cache;

	ck_assert_int_eq(tfl_weights_create(SIZE_MAX, NULL, &base), 0);
	first = insert(tfl_weights_provider(base), &shared, 100, 7);
	tfl_weights_seal(base);
	ck_assert_int_eq(tfl_weights_create(SIZE_MAX, base, &weights), 0);
	cache = tfl_weights_provider(weights);
	ck_assert_uint_eq(cache->look_up(cache->context, &shared), first);
	ck_assert_uint_eq(insert(cache, &shared, 100, 7), first);
	second = insert(cache, &own, 50, 9);
	ck_assert_uint_ne(second, SIZE_MAX);
	/* Packed all the same, and otherwise: from now on this is what the key stands for here. */
	third = insert(cache, &shared, 100, 8);
	ck_assert_uint_ne(third, first);
	tfl_weights_seal(weights);
	ck_assert_uint_eq(cache->look_up(cache->context, &shared), third);
	ck_assert_uint_eq(insert(cache, &shared, 100, 8), third);
	ck_assert_uint_eq(insert(cache, &own, 50, 9), second);
	ck_assert_int_eq(tfl_weights_check(weights), 0);
	tfl_weights_stats(weights, &stats);
	ck_assert_uint_eq(stats.packed, 2);
	ck_assert_uint_eq(stats.bytes, 150);
	tfl_weights_destroy(weights);
	cache = tfl_weights_provider(base);
	ck_assert_uint_eq(cache->look_up(cache->context, &shared), first);
	ck_assert_int_eq(((const uint8_t *)cache->offset_to_addr(cache->context, first))[99], 7);
	tfl_weights_stats(base, &stats);
	ck_assert_uint_eq(stats.packed, 1);
	tfl_weights_destroy(base);
}
END_TEST

/* Where a use of the base has the key that one of another kind would have, that gets operands of its own; equal ones get the base's. */
START_TEST(uses_of_a_base_do_not_collide_with_others)
{
	static const float scales[2][CHANNELS] = {{1, 2, 3, 4}, {1, 2, 3, 4}}, others[CHANNELS] = {1, 2, 3, 5};
	static const int32_t bias[CHANNELS] = {10, -20, 30, 40};
	struct tfl_weights_operands operands;
	struct tfl_weights *base, *weights;
	struct tfl_weights_use use;
	const void *copy;

	ck_assert_int_eq(tfl_weights_create(SIZE_MAX, NULL, &base), 0);
	ck_assert_int_eq(tfl_weights_create(SIZE_MAX, base, &weights), 0);
	memset(&use, 0, sizeof(use));
	use.kernel = scales;
	use.bias = bias;
	use.filter_scales = scales[0];
	use.filter_scale_count = CHANNELS;
	ck_assert_ptr_eq(bias_of(base, &use, NULL), bias);
	tfl_weights_seal(base);
	/* The scales of a tensor of another subgraph: elsewhere, and the same. */
	use.filter_scales = scales[1];
	ck_assert_ptr_eq(bias_of(base, &use, NULL), bias);
	ck_assert_ptr_eq(bias_of(weights, &use, NULL), bias);
	use.filter_scales = others;
	ck_assert_int_eq(tfl_weights_use(base, &use, CHANNELS, 1000, NULL, &operands), 1);
	copy = bias_of(weights, &use, NULL);
	ck_assert_ptr_ne(copy, bias);
	ck_assert_mem_eq(copy, bias, sizeof(bias));
	use.filter_scale_count = CHANNELS - 1;
	ck_assert_ptr_ne(bias_of(weights, &use, NULL), copy);
	ck_assert_ptr_ne(bias_of(weights, &use, NULL), bias);
	tfl_weights_destroy(weights);
	tfl_weights_destroy(base);
}
END_TEST

/* Uses past the limit are given up, those before it stay. */
START_TEST(packing_is_bounded)
{
	struct tfl_weights *weights;
	struct tfl_weights_operands operands;
	struct tfl_weights_use use;
	unsigned count = 0;
	int r = 0;

	ck_assert_int_eq(tfl_weights_create(100000, NULL, &weights), 0);
	memset(&use, 0, sizeof(use));
	for (; r == 0 && count < 1000; count++) {
		use.kernel = (const uint8_t *)&use + count;
		use.bias = use.kernel;
		r = tfl_weights_use(weights, &use, CHANNELS, 1000, NULL, &operands);
	}
	ck_assert_int_eq(r, 1);
	ck_assert_uint_gt(count, 2);
	ck_assert_uint_le(count, 101);
	use.kernel = use.bias = &use;
	ck_assert_int_eq(tfl_weights_use(weights, &use, CHANNELS, 1000, NULL, &operands), 0);
	ck_assert_ptr_eq(operands.bias, &use);
	tfl_weights_destroy(weights);
}
END_TEST

Suite *weights_suite(void)
{
	Suite *suite = suite_create("weights");
	TCase *tests = tcase_create("weights");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, packed_weights_are_shared_where_they_are_the_same, 0, TFL_ARRAY_SIZE(pairs));
	tcase_add_test(tests, provider_keeps_what_it_is_given);
	tcase_add_test(tests, uses_that_differ_get_biases_of_their_own);
	tcase_add_test(tests, a_sealed_provider_packs_nothing_new);
	tcase_add_test(tests, a_base_is_looked_into);
	tcase_add_test(tests, uses_of_a_base_do_not_collide_with_others);
	tcase_add_test(tests, packing_is_bounded);
	suite_add_tcase(suite, tests);
	return suite;
}
