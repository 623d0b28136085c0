/* SPDX-License-Identifier: MIT */
/*
 * Each part of the models differs from its neighbours in some number, so that a decoder that mixes up two of them is seen.
 */
#include "tests/runtime/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "runtime/schema.h"
#include "tests/builder/fbwriter.h"

static void need(bool there)
{
	if (!there)
		abort();
}

uint8_t *sample_finish(struct tfl_builder *b, size_t *ret_size)
{
	uint8_t *data = NULL;

	need(tfl_build_finish(b, &data, ret_size) == 0);
	tfl_build_destroy(b);
	return data;
}

static void add_tensors(struct tfl_builder *b)
{
	static const float weight_scales[] = {0.25f, 0.5f}, bias_scales[] = {0.125f, 0.25f}, image_scale = 0.5f, result_scale = 0.0625f;
	static const int64_t image_zero = 128, weight_zeros[] = {0, 0}, result_zero = -3, longs[] = {1, -2, INT64_MAX};
	static const int8_t weights[18] = {1, 2, 3, -4};
	static const int32_t bias[] = {100, -100}, new_shape[] = {1, 32};
	const struct tfl_build_tensor tensors[SAMPLE_TENSORS] = {
		[SAMPLE_IMAGE] = {.name = "image", .dtype = TFL_UINT8, .dims = {(const int32_t[]){1, 4, 4, 1}, 4},
				  .signature = {(const int32_t[]){-1, 4, 4, 1}, 4}, .scales = &image_scale, .scale_count = 1,
				  .zero_points = &image_zero},
		[SAMPLE_WEIGHTS] = {.name = "weights", .dtype = TFL_INT8, .dims = {(const int32_t[]){2, 3, 3, 1}, 4}, .data = weights,
				    .data_size = sizeof(weights), .scales = weight_scales, .scale_count = 2, .zero_points = weight_zeros,
				    .zero_point_count = 1},
		[SAMPLE_BIAS] = {.name = "bias", .dtype = TFL_INT32, .dims = {(const int32_t[]){2}, 1}, .data = bias,
				 .data_size = sizeof(bias), .scales = bias_scales, .scale_count = 2, .axis = 3},
		[SAMPLE_CONVOLVED] = {.name = "convolved", .dtype = TFL_INT8, .dims = {(const int32_t[]){1, 4, 4, 2}, 4}},
		[SAMPLE_NEW_SHAPE] = {.name = "new_shape", .dtype = TFL_INT32, .dims = {(const int32_t[]){2}, 1}, .data = new_shape,
				      .data_size = sizeof(new_shape)},
		[SAMPLE_FLAT] = {.name = "flat", .dtype = TFL_INT8, .dims = {(const int32_t[]){1, 32}, 2}},
		[SAMPLE_LONGS] = {.name = "longs", .dtype = TFL_INT64, .dims = {(const int32_t[]){3}, 1}, .data = longs,
				  .data_size = sizeof(longs)},
		[SAMPLE_STATE] = {.name = "state", .dims = {(const int32_t[]){4}, 1}, .is_variable = true},
		[SAMPLE_STRINGS] = {.name = "strings", .dtype = TFL_STRING, .dims = {(const int32_t[]){7}, 1}, .data = "any length",
				    .data_size = 10},
		[SAMPLE_NIBBLES] = {.name = "nibbles", .dtype = TFL_INT4, .dims = {(const int32_t[]){3}, 1}, .data = "\x21\x03",
				    .data_size = 2},
		[SAMPLE_EMPTY] = {.name = "empty", .dtype = TFL_INT32, .dims = {(const int32_t[]){0}, 1}},
		[SAMPLE_SCRATCH] = {.name = "scratch", .dtype = TFL_INT16, .custom_quantization = true},
		[SAMPLE_SPARSE] = {.name = "sparse", .dims = {(const int32_t[]){100, 100}, 2}, .data = "four", .data_size = 4,
				   .sparse = true},
		[SAMPLE_RESULT] = {.name = "result", .dtype = TFL_INT8, .dims = {(const int32_t[]){1, 3}, 2}, .scales = &result_scale,
				   .scale_count = 1, .zero_points = &result_zero},
	};

	for (int i = 0; i < SAMPLE_TENSORS; i++)
		need(tfl_build_tensor(b, &tensors[i]) == i);
}

static void add_operators(struct tfl_builder *b)
{
	const struct tfl_build_window window = {.padding = TFL_PADDING_SAME, .activation = TFL_ACTIVATION_RELU6};

	tfl_build_operator(b, &(struct tfl_build_operator){
		.code = TFL_BUILTIN_CONV_2D, .version = 3, .inputs = TFL_INTS(SAMPLE_IMAGE, SAMPLE_WEIGHTS, SAMPLE_BIAS),
		.outputs = TFL_INTS(SAMPLE_CONVOLVED), .options = tfl_options_conv_2d(&window)});
	tfl_build_operator(b, &(struct tfl_build_operator){
		.code = TFL_BUILTIN_RESHAPE, .inputs = TFL_INTS(SAMPLE_CONVOLVED, SAMPLE_NEW_SHAPE), .outputs = TFL_INTS(SAMPLE_FLAT),
		.options = tfl_options_reshape(TFL_INTS(1, 32))});
	tfl_build_operator(b, &(struct tfl_build_operator){
		.code = TFL_BUILTIN_CUSTOM, .version = 7, .custom_name = "Weigh",
		.inputs = TFL_INTS(SAMPLE_FLAT, SAMPLE_LONGS, -1, SAMPLE_STATE, SAMPLE_STRINGS, SAMPLE_NIBBLES, SAMPLE_EMPTY,
				   SAMPLE_SPARSE),
		.outputs = TFL_INTS(SAMPLE_RESULT), .intermediates = TFL_INTS(SAMPLE_SCRATCH, -1), .custom_options = "grams",
		.custom_options_size = 5});
	tfl_build_io(b, TFL_INTS(SAMPLE_IMAGE), TFL_INTS(SAMPLE_RESULT, SAMPLE_FLAT));
}

uint8_t *sample_everything(size_t *ret_size)
{
	static const struct tfl_build_binding inputs[] = {{"picture", SAMPLE_IMAGE}}, outputs[] = {{"kind", SAMPLE_RESULT}};
	static const float mean = 127.5f, std = 64;
	struct tfl_builder *b = tfl_build_create();

	need(b != NULL);
	add_tensors(b);
	add_operators(b);
	tfl_build_subgraph(b, "second");
	tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "through", .dims = TFL_INTS(2)});
	tfl_build_io(b, TFL_INTS(0), TFL_INTS(0));
	tfl_build_signature(b, &(struct tfl_build_signature){.key = "classify", .subgraph = 0, .inputs = inputs, .input_count = 1,
							     .outputs = outputs, .output_count = 1});
	tfl_build_describe(b, &(struct tfl_build_description){.name = "sample", .mean = &mean, .std = &std, .channels = 1,
							      .label_file = "labels.txt"});
	tfl_build_file(b, "labels.txt", "cat\nhund\nl\303\270ve\n", 14);
	tfl_build_text(b, "everything");
	return sample_finish(b, ret_size);
}

static uint32_t raw_tensors(struct tfl_fbw *w, const struct raw_model *raw)
{
	static const float scales[] = {1, 2};
	static const int64_t zero_points[] = {5, 5, 5};
	uint32_t count = 3 + raw->tensor_uses, *refs = calloc(count, sizeof(*refs)), zeros = 0, quantization, vector;

	need(refs != NULL);
	refs[0] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, tfl_fbw_vector(w, (const int32_t[]){4}, 1, 4, 4)));
	if (raw->zero_points)
		zeros = tfl_fbw_vector(w, zero_points, raw->zero_points, 8, 8);
	quantization = tfl_fbw_vector(w, scales, 2, 4, 4);
	quantization = TFL_FBW_TABLE(w, TFL_FBW_REF(2, quantization), TFL_FBW_REF(3, zeros), TFL_FBW_I32(6, 1));
	vector = tfl_fbw_vector(w, (const int32_t[]){2, 2}, 2, 4, 4);
	refs[1] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, vector), TFL_FBW_I8(1, TFL_INT8), TFL_FBW_I32(2, 1), TFL_FBW_REF(4, quantization));
	refs[2] = tfl_fbw_table(w, NULL, 0);
	for (uint32_t i = 3; i < count; i++)
		refs[i] = refs[2];
	vector = tfl_fbw_refs(w, refs, count);
	free(refs);
	return vector;
}

static uint32_t raw_operators(struct tfl_fbw *w, const struct raw_model *raw)
{
	uint32_t count = 1 + raw->operator_uses, *refs = calloc(count, sizeof(*refs)), vector;
	uint32_t inputs = tfl_fbw_vector(w, (const int32_t[]){0, 1}, 2, 4, 4), outputs = tfl_fbw_vector(w, (const int32_t[]){2}, 1, 4, 4);
	const struct tfl_fbw_field offset = {9, 8, raw->options_offset}, size = {10, 8, raw->options_size};
	uint32_t options = tfl_fbw_table(w, NULL, 0);

	need(refs != NULL);
	refs[0] = TFL_FBW_TABLE(w, TFL_FBW_REF(1, inputs), TFL_FBW_REF(2, outputs), TFL_FBW_I8(3, TFL_OPTIONS_ADD), TFL_FBW_REF(4, options),
				offset, size, TFL_FBW_I8(11, raw->misplaced_options), TFL_FBW_REF(12, options));
	for (uint32_t i = 1; i < count; i++)
		refs[i] = refs[0];
	vector = tfl_fbw_refs(w, refs, count);
	free(refs);
	return vector;
}

static uint32_t raw_subgraphs(struct tfl_fbw *w, const struct raw_model *raw)
{
	uint32_t count = 1 + raw->subgraph_uses, *refs = calloc(count, sizeof(*refs)), tensors, operators, inputs, outputs, vector;

	need(refs != NULL);
	tensors = raw_tensors(w, raw);
	operators = raw_operators(w, raw);
	inputs = tfl_fbw_vector(w, (const int32_t[]){0}, 1, 4, 4);
	outputs = tfl_fbw_vector(w, (const int32_t[]){2}, 1, 4, 4);
	refs[0] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, tensors), TFL_FBW_REF(1, inputs), TFL_FBW_REF(2, outputs), TFL_FBW_REF(3, operators));
	for (uint32_t i = 1; i < count; i++)
		refs[i] = refs[0];
	vector = tfl_fbw_refs(w, refs, count);
	free(refs);
	return vector;
}

static uint32_t raw_buffers(struct tfl_fbw *w, const struct raw_model *raw)
{
	const struct tfl_fbw_field offset = {1, 8, raw->buffer_offset}, size = {2, 8, raw->buffer_size};
	uint32_t refs[2];

	refs[0] = tfl_fbw_table(w, NULL, 0);
	if (raw->buffer_offset)
		refs[1] = TFL_FBW_TABLE(w, offset, size);
	else
		refs[1] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, tfl_fbw_vector(w, "\1\2\3\4", 4, 1, 16)));
	return tfl_fbw_refs(w, refs, 2);
}

uint8_t *sample_raw(const struct raw_model *raw, size_t *ret_size)
{
	struct tfl_fbw w = {0};
	uint32_t codes, subgraphs = raw_subgraphs(&w, raw), buffers = raw_buffers(&w, raw), root;
	uint8_t *data = NULL;

	codes = TFL_FBW_TABLE(&w, TFL_FBW_I8(0, raw->deprecated_code), TFL_FBW_I32(3, raw->builtin_code));
	codes = tfl_fbw_refs(&w, &codes, !raw->no_codes);
	root = TFL_FBW_TABLE(&w, TFL_FBW_I32(0, 3), TFL_FBW_REF(1, codes), TFL_FBW_REF(2, subgraphs), TFL_FBW_REF(4, buffers));
	need(tfl_fbw_end(&w, root, "TFL3", &data, ret_size) == 0);
	data = realloc(data, *ret_size + raw->tail);
	need(data != NULL);
	for (uint32_t i = 0; i < raw->tail; i++)
		data[*ret_size + i] = (uint8_t)i;
	*ret_size += raw->tail;
	return data;
}
