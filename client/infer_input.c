/* SPDX-License-Identifier: MIT */
/*
 * What an input needs is what the daemon says of it; what a file holds is what its first bytes say. The two meet here, and where they do
 * not fit, the sentence names both. The daemon is not trusted with sizes: shapes are counted anew before anything is allocated.
 */
#include "client/infer_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "client/npy.h"
#include "client/slurp.h"

/* How far from whole a quantised pixel may be for rounding errors alone. */
#define QUANTUM_SLIP 1e-3

static int read_norm(const struct tfl_value *value, struct tfl_picture_norm *ret_norm)
{
	const struct tfl_value *mean = tfl_value_get(value, "mean"), *std = tfl_value_get(value, "std");
	struct tfl_picture_norm norm = {.norm = TFL_NORM_MEAN};
	size_t count = tfl_value_size(mean);

	if ((count != 1 && count != 3) || tfl_value_size(std) != count)
		return -EINVAL;
	for (size_t i = 0; i < 3; i++) {
		norm.mean[i] = (float)tfl_value_double(tfl_value_at(mean, i % count), 0);
		norm.std[i] = (float)tfl_value_double(tfl_value_at(std, i % count), 1);
		if (norm.std[i] == 0 || !isfinite(norm.std[i]) || !isfinite(norm.mean[i]))
			return -EINVAL;
	}
	*ret_norm = norm;
	return 0;
}

/* A shape_signature of another rank says nothing, as if there were none. */
static unsigned read_free(const struct tfl_value *signature, size_t rank)
{
	unsigned free = 0;

	for (size_t i = 0; i < rank && tfl_value_size(signature) == rank; i++)
		free |= tfl_value_int(tfl_value_at(signature, i), 0) == -1 ? 1u << i : 0;
	return free;
}

static bool is_free(const struct ctl_tensor *tensor, unsigned dimension)
{
	return tensor->free >> dimension & 1;
}

int ctl_tensor_read(const struct tfl_value *value, struct ctl_tensor *ret_tensor, struct tfl_error *error)
{
	const struct tfl_value *shape = tfl_value_get(value, "shape");
	const struct tfl_value *quantization = tfl_value_get(value, "quantization");
	const struct tfl_value *content = tfl_value_get(tfl_value_get(value, "metadata"), "content");
	const char *dtype = tfl_value_string(tfl_value_get(value, "dtype"), "");
	struct ctl_tensor tensor = {.name = tfl_value_string(tfl_value_get(value, "name"), ""),
				    .signature_name = tfl_value_string(tfl_value_get(value, "signature_name"), NULL),
				    .rank = (uint32_t)tfl_value_size(shape),
				    .dynamic = tfl_value_bool(tfl_value_get(value, "dynamic"), false),
				    .scale = tfl_value_double(tfl_value_get(quantization, "scale"), 0),
				    .zero_point = tfl_value_int(tfl_value_get(quantization, "zero_point"), 0)};
	size_t elements;

	if (tfl_dtype_parse(dtype, strlen(dtype), &tensor.dtype) < 0)
		return tfl_error_set(error, -EPROTO, "the daemon describes '%s' with the unknown type '%s'", tensor.name, dtype);
	if (tfl_value_size(shape) > TFL_RANK_MAX)
		return tfl_error_set(error, -EPROTO, "the daemon describes '%s' with %zu dimensions", tensor.name, tfl_value_size(shape));
	tensor.free = read_free(tfl_value_get(value, "shape_signature"), tensor.rank);
	for (uint32_t i = 0; i < tensor.rank; i++) {
		int64_t dim = tfl_value_int(tfl_value_at(shape, i), -1);

		tensor.dims[i] = dim >= 0 && dim <= INT32_MAX ? (int32_t)dim : -1;
		if (is_free(&tensor, i) && dim < 1)
			tensor.dims[i] = 1;
	}
	if (tfl_shape_elements(tensor.dims, tensor.rank, &elements) < 0 || elements > TFL_TENSOR_BYTES_MAX / sizeof(float))
		return tfl_error_set(error, -EPROTO, "the daemon describes '%s' with an impossible shape", tensor.name);
	tensor.bytes = elements * tfl_dtype_size(tensor.dtype);
	if (read_norm(tfl_value_get(value, "normalization"), &tensor.norm) < 0)
		tensor.norm = (struct tfl_picture_norm){.norm = TFL_NORM_AUTO};
	tensor.image = strcmp(tfl_value_string(tfl_value_get(content, "kind"), ""), "image") == 0;
	tensor.gray = strcmp(tfl_value_string(tfl_value_get(content, "color_space"), ""), "grayscale") == 0;
	*ret_tensor = tensor;
	return 0;
}

bool ctl_tensor_takes(const struct ctl_tensor *tensor, const struct ctl_shape *shape)
{
	bool takes = shape->rank == tensor->rank;

	for (uint32_t i = 0; takes && i < tensor->rank; i++)
		takes = is_free(tensor, i) ? shape->dims[i] > 0 : shape->dims[i] == tensor->dims[i];
	return takes;
}

struct size {
	uint32_t height, width, channels;
};

/* Only what can be nothing else is a picture: [1, height, width, 1 or 3]; where there may be any number of them, one is. */
static bool picture_size(const struct ctl_tensor *tensor, struct size *ret_size)
{
	const int32_t *dims = tensor->dims;

	if (tensor->rank != 4 || (dims[0] != 1 && !is_free(tensor, 0)) || dims[1] <= 0 || dims[2] <= 0 || (dims[3] != 1 && dims[3] != 3))
		return false;
	*ret_size = (struct size){(uint32_t)dims[1], (uint32_t)dims[2], (uint32_t)dims[3]};
	return true;
}

/* Whether normalising and then quantising gives each pixel back: then pixels are sent as they are, in a quarter of the bytes. */
static bool pixels_are_elements(const struct ctl_tensor *tensor, const struct tfl_picture_norm *how, uint32_t channels)
{
	double zero = tensor->dtype == TFL_INT8 ? -128 : 0;

	if (how->norm != TFL_NORM_MEAN || (tensor->dtype != TFL_INT8 && tensor->dtype != TFL_UINT8) || tensor->scale == 0)
		return false;
	for (uint32_t c = 0; c < channels; c++) {
		double step = how->std[c] * tensor->scale, black = (double)tensor->zero_point - how->mean[c] / step;

		if (!(fabs(black - zero) < QUANTUM_SLIP && fabs(255 / step - 255) < QUANTUM_SLIP))
			return false;
	}
	return true;
}

static void adopt_shape(struct ctl_input *input, const int32_t *dims, uint32_t rank)
{
	input->rank = rank;
	memcpy(input->dims, dims, rank * sizeof(*dims));
}

bool ctl_tensor_is_picture(const struct ctl_tensor *tensor)
{
	struct size size;

	return picture_size(tensor, &size);
}

int ctl_tensor_fit(const struct ctl_tensor *tensor, const struct tfl_picture *picture, float *ret_values)
{
	uint32_t channels;
	struct size size;
	int r;

	if (!picture_size(tensor, &size))
		return -EINVAL;
	channels = tensor->gray ? 1 : size.channels;
	r = tfl_picture_fit(picture, size.width, size.height, channels, ret_values);
	if (r < 0 || channels == size.channels)
		return r;
	for (size_t i = (size_t)size.height * size.width; i-- > 0;)
		for (uint32_t c = 0; c < size.channels; c++)
			ret_values[i * size.channels + c] = ret_values[i];
	return 0;
}

int ctl_tensor_sized(const struct ctl_tensor *tensor, const char *path, const struct tfl_picture *picture, size_t element_bytes,
		     struct ctl_tensor *ret_tensor, struct tfl_error *error)
{
	struct ctl_tensor sized = *tensor;
	size_t elements;

	if (is_free(tensor, 0))
		sized.dims[0] = 1;
	if (is_free(tensor, 1) && is_free(tensor, 2)) {
		sized.dims[1] = (int32_t)picture->height;
		sized.dims[2] = (int32_t)picture->width;
		elements = (size_t)picture->height * picture->width * (size_t)tensor->dims[3];
		if (elements > TFL_FRAME_MAX / element_bytes)
			return tfl_error_set(error, -EFBIG, "%s: input '%s' takes it in its own size, %u x %u, which are %zu bytes, and a request has "
					     "at most %u: scale it down first", path, tensor->name, picture->width, picture->height,
					     elements * element_bytes, TFL_FRAME_MAX);
	}
	if (tfl_shape_elements(sized.dims, sized.rank, &elements) < 0)
		return tfl_error_set(error, -EINVAL, "input '%s' is too large", tensor->name);
	sized.bytes = elements * tfl_dtype_size(sized.dtype);
	*ret_tensor = sized;
	return 0;
}

/* Cuts the picture to the input's aspect ratio where that is wanted, and keeps what it then shows. */
static struct ctl_frame frame_picture(struct tfl_picture *picture, const struct size *size, bool crop)
{
	uint32_t width = picture->width, height = picture->height;

	if (crop)
		tfl_picture_crop(picture, size->width, size->height);
	return (struct ctl_frame){.left = (width - picture->width) / 2,
				  .top = (height - picture->height) / 2,
				  .width = picture->width,
				  .height = picture->height,
				  .input_width = size->width,
				  .input_height = size->height};
}

/* The pixels of a picture as the input, which has their size, wants them. */
static int take_pixels(const struct ctl_tensor *tensor, const struct size *size, const char *path, const struct tfl_picture *picture,
		       const struct tfl_picture_norm *how, struct ctl_input *input, struct tfl_error *error)
{
	const size_t count = (size_t)size->height * size->width * size->channels;
	_tfl_free_ float *values = malloc(count * sizeof(*values));
	int r;

	r = values ? ctl_tensor_fit(tensor, picture, values) : -ENOMEM;
	if (r < 0)
		return tfl_error_set(error, r, "%s: no memory to resize it", path);
	tfl_picture_normalize(how, tensor->dtype, size->channels, values, count, values);
	input->bytes = count * tfl_dtype_size(input->dtype);
	input->memory = (uint8_t *)TFL_STEAL(values);
	input->data = input->memory;
	adopt_shape(input, tensor->dims, tensor->rank);
	return 0;
}

int ctl_input_picture(const struct ctl_tensor *tensor, const char *path, enum tfl_norm norm, bool crop, struct ctl_input *ret_input,
		      struct tfl_error *error)
{
	TFL_CLEANUP(tfl_picture_finish) struct tfl_picture picture = {0};
	struct tfl_picture_norm how = norm == TFL_NORM_AUTO ? tensor->norm : (struct tfl_picture_norm){.norm = norm};
	char shape[TFL_SHAPE_STRING_MAX];
	struct ctl_input input = {0};
	struct ctl_tensor sized;
	struct size size;
	int r;

	if (!picture_size(tensor, &size))
		return tfl_error_set(error, -EINVAL,
				     "input '%s' has the shape %s, and a picture needs [1, height, width, 1 or 3]: give it by --in",
				     tensor->name, tfl_shape_to_string(tensor->dims, tensor->rank, shape, sizeof(shape)));
	if (!tensor->shared && pixels_are_elements(tensor, &how, size.channels))
		how.norm = TFL_NORM_RAW;
	input.dtype = tfl_picture_element(&how, tensor->dtype);
	r = tfl_picture_read(path, &picture, error);
	if (r == 0)
		r = ctl_tensor_sized(tensor, path, &picture, tfl_dtype_size(input.dtype), &sized, error);
	if (r < 0)
		return r;
	(void)picture_size(&sized, &size);
	input.frame = frame_picture(&picture, &size, crop);
	r = take_pixels(&sized, &size, path, &picture, &how, &input, error);
	if (r == 0)
		*ret_input = input;
	return r;
}

/* Unaligned float64 to float32, in place: each result lies before the values that are still to be read. */
static void narrow(uint8_t *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double wide;
		float value;

		memcpy(&wide, data + i * sizeof(wide), sizeof(wide));
		value = (float)wide;
		memcpy(data + i * sizeof(value), &value, sizeof(value));
	}
}

/* The shape that so many raw bytes are of: the file's, or one that differs in its one free dimension. */
static bool raw_shape(const struct ctl_tensor *tensor, size_t size, int32_t *ret_dims)
{
	size_t elements, bytes;

	memcpy(ret_dims, tensor->dims, sizeof(tensor->dims));
	if (size == tensor->bytes)
		return true;
	if (__builtin_popcount(tensor->free) != 1)
		return false;
	ret_dims[__builtin_ctz(tensor->free)] = 1;
	if (tfl_shape_elements(ret_dims, tensor->rank, &elements) < 0)
		return false;
	bytes = elements * tfl_dtype_size(tensor->dtype);
	if (bytes == 0 || size < bytes || size % bytes != 0)
		return false;
	ret_dims[__builtin_ctz(tensor->free)] = (int32_t)(size / bytes); /* at most the bytes of a file */
	return true;
}

/* Says how many bytes would have been right. */
static int refuse_raw(const struct ctl_tensor *tensor, const char *path, size_t size, struct tfl_error *error)
{
	char shape[TFL_SHAPE_STRING_MAX], described[TFL_SHAPE_STRING_MAX];
	int32_t dims[TFL_RANK_MAX];
	size_t whole = 1;

	for (uint32_t i = 0; i < tensor->rank; i++) {
		dims[i] = is_free(tensor, i) ? -1 : tensor->dims[i];
		whole *= is_free(tensor, i) ? (size_t)tensor->dims[i] : 1;
	}
	tfl_shape_to_string(dims, tensor->rank, shape, sizeof(shape));
	tfl_shape_to_string(tensor->dims, tensor->rank, described, sizeof(described));
	tfl_error_set(error, -EINVAL, "%s is no .npy file, and as raw data it has %zu bytes; input '%s' (%s %s) needs %s%zu", path, size,
		      tensor->name, tfl_dtype_to_string(tensor->dtype), shape, tensor->free ? "a multiple of " : "", tensor->bytes / whole);
	if (__builtin_popcount(tensor->free) > 1)
		tfl_error_set(error, -EINVAL, "%s is no .npy file, and as raw data it has %zu bytes; input '%s' (%s %s) has more than one free "
			      "dimension, so it needs an .npy file, or the %zu bytes of %s", path, size, tensor->name,
			      tfl_dtype_to_string(tensor->dtype), shape, tensor->bytes, described);
	return -EINVAL;
}

int ctl_input_file(const struct ctl_tensor *tensor, const char *path, struct ctl_input *ret_input, struct tfl_error *error)
{
	_tfl_free_ uint8_t *memory = NULL;
	struct ctl_input input = {0};
	int32_t dims[TFL_RANK_MAX];
	struct tfl_npy array;
	size_t size;
	int r;

	r = tfl_slurp(path, TFL_FRAME_MAX, &memory, &size, error);
	if (r < 0)
		return r;
	if (tfl_npy_is(memory, size)) {
		r = tfl_npy_parse(memory, size, &array, error);
		if (r < 0)
			return tfl_error_prefix(error, r, "%s", path);
		input.dtype = array.dtype;
		input.data = array.data;
		input.bytes = array.bytes;
		adopt_shape(&input, array.dims, array.rank);
		if (array.dtype == TFL_FLOAT64 && tensor->dtype != TFL_FLOAT64) {
			narrow((uint8_t *)array.data, array.bytes / sizeof(double));
			input.dtype = TFL_FLOAT32;
			input.bytes /= 2;
		}
	} else if (raw_shape(tensor, size, dims)) {
		input.dtype = tensor->dtype;
		input.data = memory;
		input.bytes = size;
		adopt_shape(&input, dims, tensor->rank);
	} else {
		return refuse_raw(tensor, path, size, error);
	}
	input.memory = TFL_STEAL(memory);
	*ret_input = input;
	return 0;
}

void ctl_input_finish(struct ctl_input *input)
{
	free(input->memory);
	*input = (struct ctl_input){0};
}
