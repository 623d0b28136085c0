/* SPDX-License-Identifier: MIT */
/*
 * Slots follow the order of fields in the schema's option tables. Fields are written even where they equal the schema's default: both
 * ways are valid, and the readers' defaults are tested with tables that leave them out.
 */
#include "tests/builder/options.h"

#include <assert.h>

#include "runtime/schema.h"

struct tfl_build_options tfl_options_empty(uint8_t type)
{
	return (struct tfl_build_options){.type = type};
}

void tfl_options_add_field(struct tfl_build_options *options, struct tfl_build_field field)
{
	assert(options->field_count < TFL_BUILD_FIELDS_MAX);
	options->fields[options->field_count++] = field;
}

static void add_i8(struct tfl_build_options *options, uint16_t slot, int8_t value)
{
	tfl_options_add_field(options, (struct tfl_build_field){.slot = slot, .kind = TFL_BUILD_I8, .integer = value});
}

static void add_i32(struct tfl_build_options *options, uint16_t slot, int32_t value)
{
	tfl_options_add_field(options, (struct tfl_build_field){.slot = slot, .kind = TFL_BUILD_I32, .integer = value});
}

struct tfl_build_options tfl_options_ints(uint8_t type, struct tfl_ints fields)
{
	struct tfl_build_options options = tfl_options_empty(type);

	for (uint32_t i = 0; i < fields.count; i++)
		add_i32(&options, (uint16_t)i, fields.values[i]);
	return options;
}

static int32_t one_for_zero(int32_t value)
{
	return value ? value : 1;
}

static struct tfl_build_options strided(uint8_t type, const struct tfl_build_window *window)
{
	struct tfl_build_options options = tfl_options_empty(type);

	add_i8(&options, 0, window->padding);
	add_i32(&options, 1, one_for_zero(window->stride_w));
	add_i32(&options, 2, one_for_zero(window->stride_h));
	return options;
}

struct tfl_build_options tfl_options_conv_2d(const struct tfl_build_window *window)
{
	struct tfl_build_options options = strided(TFL_OPTIONS_CONV_2D, window);

	add_i8(&options, 3, window->activation);
	add_i32(&options, 4, one_for_zero(window->dilation_w));
	add_i32(&options, 5, one_for_zero(window->dilation_h));
	return options;
}

struct tfl_build_options tfl_options_depthwise_conv_2d(const struct tfl_build_window *window)
{
	struct tfl_build_options options = strided(TFL_OPTIONS_DEPTHWISE_CONV_2D, window);

	add_i32(&options, 3, one_for_zero(window->depth_multiplier));
	add_i8(&options, 4, window->activation);
	add_i32(&options, 5, one_for_zero(window->dilation_w));
	add_i32(&options, 6, one_for_zero(window->dilation_h));
	return options;
}

struct tfl_build_options tfl_options_transpose_conv(const struct tfl_build_window *window)
{
	struct tfl_build_options options = strided(TFL_OPTIONS_TRANSPOSE_CONV, window);

	add_i8(&options, 3, window->activation);
	return options;
}

struct tfl_build_options tfl_options_pool_2d(const struct tfl_build_window *window)
{
	struct tfl_build_options options = strided(TFL_OPTIONS_POOL_2D, window);

	add_i32(&options, 3, window->filter_w);
	add_i32(&options, 4, window->filter_h);
	add_i8(&options, 5, window->activation);
	return options;
}

struct tfl_build_options tfl_options_fully_connected(int8_t activation, bool keep_num_dims)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_FULLY_CONNECTED);

	add_i8(&options, 0, activation);
	add_i8(&options, 1, 0);
	add_i8(&options, 2, keep_num_dims);
	return options;
}

static struct tfl_build_options real_only(uint8_t type, float value)
{
	struct tfl_build_options options = tfl_options_empty(type);

	tfl_options_add_field(&options, (struct tfl_build_field){.slot = 0, .kind = TFL_BUILD_F32, .real = value});
	return options;
}

struct tfl_build_options tfl_options_softmax(float beta)
{
	return real_only(TFL_OPTIONS_SOFTMAX, beta);
}

struct tfl_build_options tfl_options_concatenation(int32_t axis, int8_t activation)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_CONCATENATION);

	add_i32(&options, 0, axis);
	add_i8(&options, 1, activation);
	return options;
}

static struct tfl_build_options activation_only(uint8_t type, int8_t activation)
{
	struct tfl_build_options options = tfl_options_empty(type);

	add_i8(&options, 0, activation);
	return options;
}

struct tfl_build_options tfl_options_add(int8_t activation)
{
	return activation_only(TFL_OPTIONS_ADD, activation);
}

struct tfl_build_options tfl_options_sub(int8_t activation)
{
	return activation_only(TFL_OPTIONS_SUB, activation);
}

void tfl_options_add_pot_scale_int16(struct tfl_build_options *options, bool pot_scale_int16)
{
	add_i8(options, 1, pot_scale_int16);
}

struct tfl_build_options tfl_options_mul(int8_t activation)
{
	return activation_only(TFL_OPTIONS_MUL, activation);
}

struct tfl_build_options tfl_options_div(int8_t activation)
{
	return activation_only(TFL_OPTIONS_DIV, activation);
}

struct tfl_build_options tfl_options_leaky_relu(float alpha)
{
	return real_only(TFL_OPTIONS_LEAKY_RELU, alpha);
}

struct tfl_build_options tfl_options_gelu(bool approximate)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_GELU);

	add_i8(&options, 0, approximate);
	return options;
}

static struct tfl_build_options ints_only(uint8_t type, struct tfl_ints ints)
{
	struct tfl_build_options options = tfl_options_empty(type);

	tfl_options_add_field(&options, (struct tfl_build_field){.kind = TFL_BUILD_INTS, .data = ints.values, .count = ints.count});
	return options;
}

struct tfl_build_options tfl_options_reshape(struct tfl_ints new_shape)
{
	return ints_only(TFL_OPTIONS_RESHAPE, new_shape);
}

struct tfl_build_options tfl_options_squeeze(struct tfl_ints squeeze_dims)
{
	return ints_only(TFL_OPTIONS_SQUEEZE, squeeze_dims);
}

struct tfl_build_options tfl_options_reducer(bool keep_dims)
{
	struct tfl_build_options options = tfl_options_empty(TFL_OPTIONS_REDUCER);

	add_i8(&options, 0, keep_dims);
	return options;
}

static struct tfl_build_options index_type(uint8_t type, bool wide)
{
	struct tfl_build_options options = tfl_options_empty(type);

	add_i8(&options, 0, wide ? 4 : 2); /* TensorType */
	return options;
}

struct tfl_build_options tfl_options_arg_max(bool wide)
{
	return index_type(TFL_OPTIONS_ARG_MAX, wide);
}

struct tfl_build_options tfl_options_arg_min(bool wide)
{
	return index_type(TFL_OPTIONS_ARG_MIN, wide);
}

static struct tfl_build_options two_flags(uint8_t type, uint16_t slot, bool first, bool second)
{
	struct tfl_build_options options = tfl_options_empty(type);

	add_i8(&options, slot, first);
	add_i8(&options, (uint16_t)(slot + 1), second);
	return options;
}

struct tfl_build_options tfl_options_batch_matmul(bool adj_x, bool adj_y)
{
	return two_flags(TFL_OPTIONS_BATCH_MATMUL, 0, adj_x, adj_y);
}

struct tfl_build_options tfl_options_cumsum(bool exclusive, bool reverse)
{
	return two_flags(TFL_OPTIONS_CUMSUM, 0, exclusive, reverse);
}

struct tfl_build_options tfl_options_resize_bilinear(bool align_corners, bool half_pixel_centers)
{
	return two_flags(TFL_OPTIONS_RESIZE_BILINEAR, 2, align_corners, half_pixel_centers);
}

struct tfl_build_options tfl_options_resize_nearest_neighbor(bool align_corners, bool half_pixel_centers)
{
	return two_flags(TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR, 0, align_corners, half_pixel_centers);
}
