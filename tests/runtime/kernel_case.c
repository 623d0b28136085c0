/* SPDX-License-Identifier: MIT */
/*
 * Drawing and reading of tensors. Content is whatever the type holds, so that integers meet their extremes; scales lie around those of real
 * models.
 */
#include "tests/runtime/kernel_case.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"

int32_t kernel_between(struct kernel_case *c, int32_t low, int32_t high)
{
	return low + (int32_t)tfl_random_below(&c->random, (uint32_t)(high - low + 1));
}

bool kernel_one_in(struct kernel_case *c, uint32_t n)
{
	return tfl_random_below(&c->random, n) == 0;
}

enum tfl_dtype kernel_dtype(char type)
{
	static const struct {
		char letter;
		enum tfl_dtype dtype;
	} letters[] = {
		{'f', TFL_FLOAT32}, {'d', TFL_FLOAT32},  {'e', TFL_FLOAT32},   {'h', TFL_FLOAT16},   {'H', TFL_BFLOAT16}, {'D', TFL_FLOAT64},
		{'b', TFL_INT8},    {'c', TFL_INT8},     {'B', TFL_UINT8},     {'s', TFL_INT16},     {'S', TFL_INT16},    {'U', TFL_UINT16},
		{'i', TFL_INT32},   {'I', TFL_UINT32},   {'l', TFL_INT64},     {'L', TFL_UINT64},    {'z', TFL_BOOL},
		{'x', TFL_COMPLEX64}, {'X', TFL_COMPLEX128},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(letters); i++)
		if (letters[i].letter == type)
			return letters[i].dtype;
	ck_abort_msg("no type has the letter '%c'", type);
}

bool kernel_is_byte(enum tfl_dtype dtype)
{
	return dtype == TFL_INT8 || dtype == TFL_UINT8;
}

void kernel_draw_quantization(struct kernel_case *c, struct kernel_tensor *tensor)
{
	static const struct {
		enum tfl_dtype dtype;
		int32_t low, high;
	} zero_points[] = {{TFL_INT8, INT8_MIN, INT8_MAX}, {TFL_UINT8, 0, UINT8_MAX}, {TFL_INT16, -1000, 1000}};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(zero_points); i++) {
		if (zero_points[i].dtype != tensor->dtype)
			continue;
		tensor->scale_count = 1;
		tensor->scales[0] = exp2f(tfl_random_uniform(&c->random, -8, -2));
		tensor->zero_point = kernel_between(c, zero_points[i].low, zero_points[i].high);
	}
}

void kernel_copy_quantization(struct kernel_tensor *tensor, const struct kernel_tensor *from)
{
	tensor->scale_count = from->scale_count;
	tensor->scales[0] = from->scales[0];
	tensor->zero_point = from->zero_point;
}

bool kernel_same_quantization(const struct kernel_tensor *a, const struct kernel_tensor *b)
{
	return a->scales[0] == b->scales[0] && a->zero_point == b->zero_point;
}

static void draw_element(struct kernel_case *c, struct kernel_tensor *tensor, size_t i)
{
	uint64_t bits = tfl_random_next(&c->random);
	size_t size = tfl_dtype_size(tensor->dtype);
	uint8_t *element = (uint8_t *)tensor->data + i * size;
	float real = tfl_random_uniform(&c->random, -4, 4);
	double both[] = {(double)real, 7};

	switch (tensor->dtype) {
	case TFL_FLOAT32:
		memcpy(element, &real, size);
		break;
	case TFL_COMPLEX64:
		memcpy(element, (float[]){real, 7}, size);
		break;
	case TFL_FLOAT64:
	case TFL_COMPLEX128:
		memcpy(element, both, size);
		break;
	case TFL_BFLOAT16:
		memcpy(&bits, &real, sizeof(real));
		memcpy(element, (uint8_t *)&bits + 2, size);
		break;
	case TFL_FLOAT16:
		/* Any number but infinities and NaN: those have an exponent of all ones. */
		*(uint16_t *)(void *)element = (bits & 0x7c00) == 0x7c00 ? (uint16_t)(bits & 0x83ff) : (uint16_t)bits;
		break;
	case TFL_BOOL:
		*element = bits & 1;
		break;
	case TFL_INT64:
	case TFL_UINT64:
		/* Few enough bits for the references' double. */
		bits = tensor->dtype == TFL_INT64 ? (bits >> 11) - (UINT64_C(1) << 52) : bits >> 11;
		memcpy(element, &bits, size);
		break;
	default:
		memcpy(element, &bits, size);
		break;
	}
}

static void allocate(struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims)
{
	free(tensor->data);
	tensor->dtype = dtype;
	tensor->rank = rank;
	memmove(tensor->dims, dims, rank * sizeof(*dims));
	ck_assert_int_eq(tfl_shape_elements(dims, rank, &tensor->elements), 0);
	tensor->data = calloc(tensor->elements + 1, tfl_dtype_size(dtype));
	ck_assert_ptr_nonnull(tensor->data);
}

void kernel_redraw(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims)
{
	allocate(tensor, dtype, rank, dims);
	for (size_t i = 0; i < tensor->elements; i++)
		draw_element(c, tensor, i);
}

void kernel_draw_tensor(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims)
{
	tensor->dtype = dtype;
	kernel_draw_quantization(c, tensor);
	kernel_redraw(c, tensor, dtype, rank, dims);
}

void kernel_set_integer(struct kernel_tensor *tensor, size_t index, int64_t value)
{
	size_t size = tfl_dtype_size(tensor->dtype);

	memcpy((uint8_t *)tensor->data + index * size, &value, size);
}

void kernel_draw_list(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned first, unsigned rank)
{
	int32_t count = (int32_t)(c->int_count - first), dims[][2] = {{0, 0}, {count, 0}, {count / 2, 2}};

	allocate(tensor, dtype, rank, dims[rank]);
	tensor->constant = true;
	tensor->first = first;
	tensor->count = (unsigned)count;
	for (unsigned i = 0; i < tensor->count; i++)
		kernel_set_integer(tensor, i, c->ints[first + i]);
}

void kernel_draw_ints(struct kernel_case *c, struct kernel_tensor *tensor, unsigned rank)
{
	kernel_draw_list(c, tensor, kernel_one_in(c, 3) ? TFL_INT64 : TFL_INT32, 0, rank);
}

void kernel_draw_indices(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims,
			 unsigned columns, const int32_t *limits)
{
	allocate(tensor, dtype, rank, dims);
	tensor->columns = columns;
	memcpy(tensor->limits, limits, columns * sizeof(*limits));
	for (size_t i = 0; i < tensor->elements; i++)
		kernel_set_integer(tensor, i, kernel_between(c, 0, limits[i % columns] - 1));
}

void kernel_draw_constants(struct kernel_case *c)
{
	for (unsigned i = 0; i < c->input_count; i++)
		c->inputs[i].constant |= kernel_one_in(c, 5);
}

int64_t kernel_integer(const struct kernel_tensor *tensor, size_t index)
{
	switch (tensor->dtype) {
	case TFL_INT8:
		return ((const int8_t *)tensor->data)[index];
	case TFL_BOOL:
	case TFL_UINT8:
		return ((const uint8_t *)tensor->data)[index];
	case TFL_FLOAT16:
	case TFL_INT16:
		return ((const int16_t *)tensor->data)[index];
	case TFL_UINT16:
		return ((const uint16_t *)tensor->data)[index];
	case TFL_INT32:
		return ((const int32_t *)tensor->data)[index];
	case TFL_UINT32:
		return ((const uint32_t *)tensor->data)[index];
	case TFL_INT64:
	case TFL_UINT64:
		return ((const int64_t *)tensor->data)[index];
	default:
		ck_abort_msg("%s is no integer", tfl_dtype_to_string(tensor->dtype));
	}
}

bool kernel_has_fraction(enum tfl_dtype dtype)
{
	return dtype == TFL_FLOAT32 || dtype == TFL_FLOAT16 || dtype == TFL_BFLOAT16 || dtype == TFL_FLOAT64 || dtype == TFL_COMPLEX64 ||
	       dtype == TFL_COMPLEX128;
}

double kernel_scale(const struct kernel_tensor *tensor, unsigned channel)
{
	return (double)tensor->scales[tensor->scale_count > 1 ? channel : 0];
}

static double half(int64_t bits)
{
	int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
	double magnitude = exponent == 31 ? (fraction ? NAN : INFINITY) : exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);

	return bits & 0x8000 ? -magnitude : magnitude;
}

double kernel_real(const struct kernel_tensor *tensor, size_t index)
{
	float real = 0;

	switch (tensor->dtype) {
	case TFL_FLOAT32:
		return (double)((const float *)tensor->data)[index];
	case TFL_COMPLEX64:
		return (double)((const float *)tensor->data)[2 * index];
	case TFL_FLOAT64:
		return ((const double *)tensor->data)[index];
	case TFL_COMPLEX128:
		return ((const double *)tensor->data)[2 * index];
	case TFL_FLOAT16:
		return half(kernel_integer(tensor, index));
	case TFL_BFLOAT16:
		memcpy((uint8_t *)&real + 2, (const uint16_t *)tensor->data + index, 2);
		return (double)real;
	case TFL_UINT64:
		return (double)((const uint64_t *)tensor->data)[index];
	default:
		return (tensor->scale_count ? kernel_scale(tensor, 0) : 1) *
		       (double)(kernel_integer(tensor, index) - (tensor->scale_count ? tensor->zero_point : 0));
	}
}

double kernel_number(const struct kernel_tensor *tensor, size_t index)
{
	if (kernel_has_fraction(tensor->dtype) || tensor->dtype == TFL_UINT64)
		return kernel_real(tensor, index);
	return (double)kernel_integer(tensor, index);
}

void kernel_expect_shape(struct kernel_expected *expected, unsigned rank, const int32_t *dims)
{
	expected->rank = rank;
	memcpy(expected->dims, dims, rank * sizeof(*dims));
	expected->elements = 1;
	for (unsigned i = 0; i < rank; i++)
		expected->elements *= (size_t)dims[i];
	expected->element = calloc(expected->elements + 1, sizeof(*expected->element));
	ck_assert_ptr_nonnull(expected->element);
}

/* What a type holds; infinite for floats. */
static void type_bounds(enum tfl_dtype dtype, double *ret_min, double *ret_max)
{
	bool is_unsigned = dtype == TFL_UINT8 || dtype == TFL_UINT16 || dtype == TFL_UINT32 || dtype == TFL_UINT64;
	double steps = kernel_has_fraction(dtype) ? INFINITY : exp2(8.0 * (double)tfl_dtype_size(dtype));

	*ret_min = is_unsigned ? 0 : -steps / 2;
	*ret_max = is_unsigned ? steps - 1 : steps / 2 - 1;
}

double kernel_clamp(double value, double min, double max)
{
	return value < min ? min : value > max ? max : value;
}

void kernel_bounds(const struct kernel_case *c, double *ret_min, double *ret_max)
{
	static const double low[] = {-INFINITY, 0, -1, 0}, high[] = {INFINITY, INFINITY, 1, 6};
	double min, max;

	type_bounds(c->output.dtype, &min, &max);
	*ret_min = low[c->activation];
	*ret_max = high[c->activation];
	/* In single precision, as the definition has it: 1 / 0.4 is 2.5 there, and a tie. */
	if (c->output.scale_count && isfinite(*ret_min))
		*ret_min = (double)c->output.zero_point + (double)roundf((float)*ret_min / c->output.scales[0]);
	if (c->output.scale_count && isfinite(*ret_max))
		*ret_max = (double)c->output.zero_point + (double)roundf((float)*ret_max / c->output.scales[0]);
	*ret_min = kernel_clamp(*ret_min, min, max);
	*ret_max = kernel_clamp(*ret_max, min, max);
}

struct kernel_element kernel_from_real(const struct kernel_case *c, double real, double magnitude)
{
	double min, max;

	type_bounds(c->output.dtype, &min, &max);
	if (c->output.scale_count == 0)
		return (struct kernel_element){fabs(real) > (double)FLT_MAX ? copysign(INFINITY, real) : real, KERNEL_FLOAT_ERROR * magnitude};
	/* The mean of nothing. */
	if (isnan(real))
		return (struct kernel_element){(double)c->output.zero_point, 0};
	real = (double)c->output.zero_point + real / kernel_scale(&c->output, 0);
	return (struct kernel_element){kernel_clamp(real, min, max), KERNEL_ROUNDED + KERNEL_FLOAT_ERROR / 10 * magnitude / kernel_scale(&c->output, 0)};
}

void kernel_unravel(size_t index, unsigned rank, const int32_t *dims, int32_t *ret_at)
{
	while (rank-- > 0) {
		ret_at[rank] = (int32_t)(index % (size_t)dims[rank]);
		index /= (size_t)dims[rank];
	}
}

size_t kernel_ravel(unsigned rank, const int32_t *dims, const int32_t *at)
{
	size_t index = 0;

	for (unsigned i = 0; i < rank; i++)
		index = index * (size_t)dims[i] + (size_t)at[i];
	return index;
}
