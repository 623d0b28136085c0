/* SPDX-License-Identifier: MIT */
/*
 * Option tables of operators, as values. Those of the operators that the runtime knows have a function each; any other table is put
 * together from tfl_options_empty() and fields, which name a slot of the schema's table and the kind of its value.
 *
 * Vectors and strings are borrowed until the options were handed to tfl_build_operator(), which copies them.
 */
#ifndef TESTS_BUILDER_OPTIONS_H
#define TESTS_BUILDER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define TFL_BUILD_FIELDS_MAX 16

struct tfl_ints {
	const int32_t *values;
	uint32_t count;
};

#define TFL_INTS(...) ((struct tfl_ints){(const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)})

enum tfl_build_kind {
	TFL_BUILD_I8, /* also bool and ubyte */
	TFL_BUILD_I32,
	TFL_BUILD_I64,
	TFL_BUILD_F32,
	TFL_BUILD_STRING,
	TFL_BUILD_BYTES, /* vectors */
	TFL_BUILD_INTS,
	TFL_BUILD_LONGS,
	TFL_BUILD_FLOATS,
};

struct tfl_build_field {
	uint16_t slot;
	enum tfl_build_kind kind;
	int64_t integer;  /* I8, I32, I64 */
	float real;       /* F32 */
	const void *data; /* strings and vectors */
	uint32_t count;   /* elements of a vector */
};

struct tfl_build_options {
	uint8_t type; /* the union's tag; 0 writes no table */
	bool second;  /* stands in builtin_options_2 */
	uint32_t field_count;
	struct tfl_build_field fields[TFL_BUILD_FIELDS_MAX];
};

/* What convolutions and pools share. A stride or dilation left at 0 is written as 1. */
struct tfl_build_window {
	int8_t padding;    /* enum tfl_padding */
	int8_t activation; /* enum tfl_activation */
	int32_t stride_h, stride_w;
	int32_t dilation_h, dilation_w;
	int32_t filter_h, filter_w; /* pools */
	int32_t depth_multiplier;   /* depthwise */
};

/** Options without fields: of PAD, TRANSPOSE, LOG_SOFTMAX, QUANTIZE, DEQUANTIZE, or the start of a table that has no function here. */
struct tfl_build_options tfl_options_empty(uint8_t type);

/** Adds one field. At most TFL_BUILD_FIELDS_MAX fit. */
void tfl_options_add_field(struct tfl_build_options *options, struct tfl_build_field field);

/** The option of ADD and SUB that int16 whose scales are powers of 2 may be added by shifting alone; true where it is not written. */
void tfl_options_add_pot_scale_int16(struct tfl_build_options *options, bool pot_scale_int16);

/** A table of int fields, from the first slot on: of SPLIT, PACK, GATHER and others that have nothing else. */
struct tfl_build_options tfl_options_ints(uint8_t type, struct tfl_ints fields);

struct tfl_build_options tfl_options_conv_2d(const struct tfl_build_window *window);
struct tfl_build_options tfl_options_depthwise_conv_2d(const struct tfl_build_window *window);
struct tfl_build_options tfl_options_transpose_conv(const struct tfl_build_window *window);
struct tfl_build_options tfl_options_pool_2d(const struct tfl_build_window *window);
struct tfl_build_options tfl_options_fully_connected(int8_t activation, bool keep_num_dims);
struct tfl_build_options tfl_options_softmax(float beta);
struct tfl_build_options tfl_options_concatenation(int32_t axis, int8_t activation);
struct tfl_build_options tfl_options_add(int8_t activation);
struct tfl_build_options tfl_options_sub(int8_t activation);
struct tfl_build_options tfl_options_mul(int8_t activation);
struct tfl_build_options tfl_options_div(int8_t activation);
struct tfl_build_options tfl_options_leaky_relu(float alpha);
struct tfl_build_options tfl_options_gelu(bool approximate);
struct tfl_build_options tfl_options_reshape(struct tfl_ints new_shape);
struct tfl_build_options tfl_options_squeeze(struct tfl_ints squeeze_dims);
struct tfl_build_options tfl_options_reducer(bool keep_dims);
struct tfl_build_options tfl_options_arg_max(bool wide); /* wide: of int64 */
struct tfl_build_options tfl_options_arg_min(bool wide);
struct tfl_build_options tfl_options_batch_matmul(bool adj_x, bool adj_y);
struct tfl_build_options tfl_options_cumsum(bool exclusive, bool reverse);
struct tfl_build_options tfl_options_resize_bilinear(bool align_corners, bool half_pixel_centers);
struct tfl_build_options tfl_options_resize_nearest_neighbor(bool align_corners, bool half_pixel_centers);

#endif
