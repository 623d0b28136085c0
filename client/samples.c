/* SPDX-License-Identifier: MIT */
#include "client/samples.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "client/npy.h"
#include "client/picture.h"
#include "client/slurp.h"
#include "client/tflclient.h"
#include "proto/sample.h"
#include "runtime/quant.h"

void ctl_samples_finish(struct ctl_samples *samples)
{
	for (unsigned i = 0; samples->paths && i < samples->count; i++)
		free(samples->paths[i]);
	free(samples->paths);
	for (unsigned i = 0; i < CTL_SUBJECT_TENSORS_MAX; i++)
		free(samples->values[i]);
	ctl_subject_finish(&samples->origin);
	*samples = (struct ctl_samples){0};
}

/* ---- Which files ---- */

static int add_path(struct ctl_samples *samples, const char *folder, const char *name, struct tfl_error *error)
{
	char *path = NULL;

	if (samples->count == CTL_SAMPLES_MAX)
		return tfl_error_set(error, -EINVAL, "there are more than %u samples; give fewer", CTL_SAMPLES_MAX);
	/* Powers of two: grown when the count has become one. */
	if ((samples->count & (samples->count - 1)) == 0) {
		char **grown = reallocarray(samples->paths, samples->count ? 2 * (size_t)samples->count : 1, sizeof(*grown));

		if (!grown)
			return tfl_error_set(error, -ENOMEM, "no memory for the names of samples");
		samples->paths = grown;
	}
	if (asprintf(&path, "%s%s%s", folder, *folder ? "/" : "", name) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory for the names of samples");
	samples->paths[samples->count++] = path;
	return 0;
}

static bool has_ending(const char *name)
{
	static const char *const endings[] = {".png", ".jpg", ".jpeg", ".npy", TFL_SAMPLE_SUFFIX};
	const char *dot = strrchr(name, '.');

	for (unsigned i = 0; dot && i < TFL_ARRAY_SIZE(endings); i++)
		if (strcasecmp(dot, endings[i]) == 0)
			return true;
	return false;
}

static int is_sample(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && has_ending(entry->d_name);
}

static int add_folder(struct ctl_samples *samples, const char *path, struct tfl_error *error)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_sample, alphasort), r = 0;

	if (count < 0)
		return tfl_error_set(error, -errno, "%s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_path(samples, path, entries[i]->d_name, error);
		free(entries[i]);
	}
	free(entries);
	return r == 0 && count == 0 ? tfl_error_set(error, -ENOENT, "%s has no pictures (.png, .jpg), arrays (.npy) or samples (%s)", path,
						     TFL_SAMPLE_SUFFIX) : r;
}

static int add_given(struct ctl_samples *samples, const struct ctl_list *given, struct tfl_error *error)
{
	int r = 0;

	for (unsigned i = 0; i < given->count && r == 0; i++) {
		struct stat st;

		if (stat(given->items[i], &st) < 0)
			return tfl_error_set(error, -errno, "%s: %s", given->items[i], strerror(errno));
		r = S_ISDIR(st.st_mode) ? add_folder(samples, given->items[i], error) : add_path(samples, "", given->items[i], error);
	}
	return r;
}

int ctl_samples_open(const struct ctl_list *given, unsigned count, const struct ctl_subject *subject, struct ctl_samples *samples,
		     struct tfl_error *error)
{
	int r;

	samples->random = 1;
	samples->pictures = ctl_tensor_is_picture(&subject->inputs[0]);
	if (given->count == 0) {
		samples->count = count;
		return 0;
	}
	r = add_given(samples, given, error);
	return r < 0 ? r : 0;
}

/* ---- What the daemon has recorded ---- */

static int from_call(const struct tfl_call_error *failure, struct tfl_error *error)
{
	return tfl_error_set(error, -EIO, "%s", failure->message);
}

/* 0: as @p failure says, they cannot be read by this user. */
static int try_first(struct ctl_samples *samples, char why[static TFL_ERROR_TEXT_MAX], struct tfl_error *error)
{
	struct tfl_call_error failure;

	if (tfl_client_read_sample(samples->client, samples->model, samples->paths[0], NULL, &failure) == 0)
		return 1;
	if (failure.status != TFL_PERMISSION_DENIED)
		return from_call(&failure, error);
	snprintf(why, TFL_ERROR_TEXT_MAX, "%u recorded requests are not used: %.400s", samples->count, failure.message);
	return 0;
}

static int add_recorded(struct ctl_samples *samples, const struct tfl_value *list, struct tfl_error *error)
{
	int r = 0;

	for (size_t i = 0; i < tfl_value_size(list) && r == 0; i++)
		r = add_path(samples, "", tfl_value_string(tfl_value_get(tfl_value_at(list, i), "name"), ""), error);
	return r;
}

static void drop_paths(struct ctl_samples *samples, unsigned count)
{
	for (unsigned i = 0; i < samples->count; i++)
		free(samples->paths[i]);
	free(TFL_STEAL(samples->paths));
	samples->client = NULL;
	samples->count = count;
}

int ctl_samples_use_recorded(struct ctl_samples *samples, struct tfl_client *client, const char *model,
			     char ret_why[static TFL_ERROR_TEXT_MAX],
			     struct tfl_error *error)
{
	const unsigned count = samples->count;
	struct tfl_call_error failure;
	struct tfl_value *value = NULL;
	int r;

	ret_why[0] = '\0';
	snprintf(samples->model, sizeof(samples->model), "%.*s", (int)strcspn(model, "@"), model);
	if (tfl_client_recorded(client, samples->model, &value, &failure) < 0)
		return failure.status == TFL_UNIMPLEMENTED ? 0 : from_call(&failure, error);
	samples->client = client;
	samples->count = 0;
	r = add_recorded(samples, tfl_value_get(value, "list"), error);
	if (r == 0 && samples->count > 0)
		r = try_first(samples, ret_why, error);
	tfl_value_destroy(value);
	if (r <= 0)
		drop_paths(samples, count);
	return r;
}

/* ---- One of them ---- */

/* From 0 up to 1. */
static float next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (float)(*state >> 40) / (float)(1 << 24);
}

/* The present sample has this shape for input @p index, and room for its numbers. */
static int adopt(struct ctl_samples *samples, uint32_t index, const struct ctl_shape *shape, struct tfl_error *error)
{
	samples->shapes[index] = *shape;
	if (ctl_values_reserve(&samples->values[index], &samples->room[index], shape->elements) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory for samples");
	return 0;
}

/* Pixels, or numbers from -1 to 1, in the file's shapes. */
static int make_up(struct ctl_samples *samples, const struct ctl_subject *subject, struct tfl_error *error)
{
	samples->pixels = samples->pictures;
	for (uint32_t i = 0; i < subject->input_count; i++) {
		const struct ctl_shape shape = ctl_tensor_shape(&subject->inputs[i]);
		bool pixels = i == 0 && samples->pixels;
		int r = adopt(samples, i, &shape, error);

		if (r < 0)
			return r;
		for (size_t k = 0; k < shape.elements; k++) {
			float random = next_random(&samples->random);

			samples->values[i][k] = pixels ? floorf(random * 256) : 2 * random - 1;
		}
	}
	return 0;
}

static int wrong_array(const char *path, const struct ctl_tensor *input, const struct tfl_npy *array, struct tfl_error *error)
{
	const struct ctl_shape wanted = ctl_tensor_shape(input);
	char shape[TFL_SHAPE_STRING_MAX];

	if (input->free)
		return tfl_error_set(error, -EINVAL, "%s is no sample: input '%s' cannot have its shape, %s, or its type, which is float32 or, for a "
				     "picture, uint8", path, input->name, tfl_shape_to_string(array->dims, array->rank, shape, sizeof(shape)));
	return tfl_error_set(error, -EINVAL, "%s is no sample: %zu numbers are needed, float32 or, for a picture, uint8", path, wanted.elements);
}

/* An array has as many numbers as the input, or a shape of its own that the input may have. */
static int take_array(struct ctl_samples *samples, const char *path, const uint8_t *data, size_t size, const struct ctl_tensor *input,
		      struct tfl_error *error)
{
	struct ctl_shape shape = ctl_tensor_shape(input), own = {0};
	struct tfl_npy array;
	int r = tfl_npy_parse(data, size, &array, error);

	if (r < 0)
		return tfl_error_prefix(error, r, "%s", path);
	samples->pixels = array.dtype == TFL_UINT8 && samples->pictures;
	own.rank = array.rank;
	memcpy(own.dims, array.dims, array.rank * sizeof(*array.dims));
	if (input->free && tfl_shape_elements(own.dims, own.rank, &own.elements) == 0 && ctl_tensor_takes(input, &own))
		shape = own;
	if ((array.dtype != TFL_FLOAT32 || array.bytes != shape.elements * sizeof(float)) && (!samples->pixels || array.bytes != shape.elements))
		return wrong_array(path, input, &array, error);
	r = adopt(samples, 0, &shape, error);
	if (r < 0)
		return r;
	if (array.dtype == TFL_FLOAT32)
		memcpy(samples->values[0], array.data, array.bytes);
	for (size_t i = 0; array.dtype == TFL_UINT8 && i < shape.elements; i++)
		samples->values[0][i] = array.data[i];
	return 0;
}

static int take_picture(struct ctl_samples *samples, const char *path, const struct ctl_tensor *input, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_picture_finish) struct tfl_picture picture = {0};
	struct ctl_tensor sized;
	struct ctl_shape shape;
	int r;

	if (!samples->pictures)
		return tfl_error_set(error, -EINVAL, "%s is a picture, and the model takes none: its input '%s' has another shape", path,
				     input->name);
	r = tfl_picture_read(path, &picture, error);
	if (r == 0)
		r = ctl_tensor_sized(input, path, &picture, sizeof(float), &sized, error);
	if (r < 0)
		return r;
	shape = ctl_tensor_shape(&sized);
	r = adopt(samples, 0, &shape, error);
	if (r == 0 && ctl_tensor_fit(&sized, &picture, samples->values[0]) < 0)
		r = tfl_error_set(error, -ENOMEM, "no memory for %s", path);
	samples->pixels = true;
	return r;
}

/* The input of a model that a tensor of a sample is for; the model's count where it has none. */
static uint32_t find_input(const struct ctl_subject *subject, const struct tfl_wire_tensor *tensor)
{
	uint32_t i = tensor->index >= 0 ? (uint32_t)tensor->index : 0;

	while (tensor->name.text && i < subject->input_count && !tfl_string_equal(tensor->name, subject->inputs[i].name) &&
	       !(subject->inputs[i].signature_name && tfl_string_equal(tensor->name, subject->inputs[i].signature_name)))
		i++;
	return i < subject->input_count ? i : subject->input_count;
}

/* Whether the input may have the tensor's shape. */
static bool has_shape(const struct tfl_wire_tensor *tensor, const struct ctl_tensor *input, struct ctl_shape *ret_shape)
{
	struct ctl_shape shape = {.rank = (uint32_t)tensor->shape.rank};

	memcpy(shape.dims, tensor->shape.dims, sizeof(shape.dims));
	if (tensor->in_region || tfl_shape_elements(shape.dims, shape.rank, &shape.elements) < 0 || !ctl_tensor_takes(input, &shape))
		return false;
	*ret_shape = shape;
	return true;
}

/* Its numbers, where the model takes them: float32, or those of its own quantised type. 1: it does not. */
static int take_tensor(struct ctl_samples *samples, const struct tfl_wire_tensor *tensor, const struct ctl_subject *subject,
		       uint32_t *ret_index, struct tfl_error *error)
{
	const uint32_t index = find_input(subject, tensor);
	const struct ctl_tensor *input = &subject->inputs[index];
	struct ctl_shape shape;
	int r;

	if (index == subject->input_count || !has_shape(tensor, input, &shape))
		return 1;
	if (tensor->dtype != TFL_FLOAT32 && (tensor->dtype != input->dtype || input->scale <= 0))
		return 1;
	r = adopt(samples, index, &shape, error);
	if (r < 0)
		return r;
	*ret_index = index;
	if (tensor->dtype == TFL_FLOAT32)
		memcpy(samples->values[index], tensor->data.data, tensor->data.size);
	else
		(void)tfl_dequantize(input->dtype, (float)input->scale, (int32_t)input->zero_point, tensor->data.data, shape.elements,
				     samples->values[index]);
	return 0;
}

/* The version that a request was answered by: clients that send what that one takes go on doing so when another one serves. */
static int find_origin(struct ctl_samples *samples, uint64_t version, struct tfl_error *error)
{
	char name[TFL_MODEL_NAME_MAX + 32];

	if (!samples->client || version == 0)
		return tfl_error_set(error, -ENOENT, "compare with a model that takes it");
	if (samples->origin_version == version)
		return 0;
	ctl_subject_finish(&samples->origin);
	samples->origin_version = 0;
	snprintf(name, sizeof(name), "%s@%" PRIu64, samples->model, version);
	if (ctl_subject_open_served(samples->client, name, &samples->origin, error) < 0)
		return -ENOENT;
	samples->origin_version = version;
	return 0;
}

/* Of a type that neither model takes. The version that answered may have inputs of other shapes and names. */
static int take_as_answered(struct ctl_samples *samples, const char *name, const struct tfl_wire_tensor *tensor, uint64_t version,
			    const struct ctl_subject *subject, const struct ctl_subject *other, uint32_t *ret_index, struct tfl_error *error)
{
	const uint32_t index = find_input(subject, tensor);
	struct ctl_shape shape;
	struct tfl_error why;
	int r = 1;

	if (index == subject->input_count || !has_shape(tensor, &subject->inputs[index], &shape) || tensor->dtype == TFL_FLOAT32)
		return tfl_error_set(error, -EINVAL, "sample %s: one of its inputs is not what %s or %s takes; it was recorded of another model", name,
				     other->name, subject->name);
	if (find_origin(samples, version, &why) == 0 && find_input(&samples->origin, tensor) == index)
		r = take_tensor(samples, tensor, &samples->origin, ret_index, error);
	if (r <= 0)
		return r;
	return tfl_error_set(error, -EINVAL, "sample %s: its input '%s' is %s, and neither %s nor %s has a scale for that: %.200s", name,
			     subject->inputs[index].name, tfl_dtype_to_string(tensor->dtype), other->name, subject->name,
			     version > 0 && samples->origin_version == version ? "nor has the version that answered it" : why.text);
}

static int take_recorded(struct ctl_samples *samples, const char *name, const uint8_t *data, size_t size, const struct ctl_subject *subject,
			 const struct ctl_subject *other, struct tfl_error *error)
{
	struct tfl_sample sample;
	uint64_t found = 0;
	int r = tfl_sample_parse((struct tfl_slice){data, size}, &sample, error);

	if (r < 0)
		return tfl_error_prefix(error, r, "sample %s", name);
	samples->pixels = false;
	for (uint32_t i = 0; i < sample.request.inputs.count && r == 0; i++) {
		const struct tfl_wire_tensor *tensor = tfl_tensor_list_at(&sample.request.inputs, i);
		uint32_t index = 0;

		r = take_tensor(samples, tensor, other, &index, error);
		if (r > 0)
			r = take_tensor(samples, tensor, subject, &index, error);
		if (r > 0)
			r = take_as_answered(samples, name, tensor, sample.version, subject, other, &index, error);
		found |= UINT64_C(1) << index;
	}
	if (r == 0 && found != (UINT64_C(1) << subject->input_count) - 1)
		r = tfl_error_set(error, -EINVAL, "sample %s has not all %u inputs of %s", name, subject->input_count, subject->name);
	tfl_sample_finish(&sample);
	return r;
}

static int fetch(struct ctl_samples *samples, const char *name, const struct ctl_subject *subject, const struct ctl_subject *other,
		 struct tfl_error *error)
{
	struct tfl_call_error failure;
	struct tfl_value *value = NULL;
	const struct tfl_value *data;
	int r;

	if (tfl_client_read_sample(samples->client, samples->model, name, &value, &failure) < 0)
		return from_call(&failure, error);
	data = tfl_value_get(value, "data");
	r = take_recorded(samples, name, tfl_value_binary(data), tfl_value_size(data), subject, other, error);
	tfl_value_destroy(value);
	return r;
}

int ctl_samples_take(struct ctl_samples *samples, unsigned index, const struct ctl_subject *subject, const struct ctl_subject *other,
		     struct tfl_error *error)
{
	const struct ctl_tensor *input = &subject->inputs[0];
	_tfl_free_ uint8_t *data = NULL;
	const char *path;
	size_t size;
	int r;

	if (!samples->paths)
		return make_up(samples, subject, error);
	path = samples->paths[index];
	if (samples->client)
		return fetch(samples, path, subject, other, error);
	r = tfl_slurp(path, TFL_TENSOR_BYTES_MAX, &data, &size, error);
	if (r < 0)
		return r;
	if (tfl_sample_named(path))
		return take_recorded(samples, path, data, size, subject, other, error);
	if (subject->input_count != 1)
		return tfl_error_set(error, -EINVAL, "%s has %u inputs; pictures and arrays are for models with one", subject->name,
				     subject->input_count);
	return tfl_npy_is(data, size) ? take_array(samples, path, data, size, input, error) : take_picture(samples, path, input, error);
}

/* Pixels as an input wants them: normalised, or, where it takes them as they are, what they stand for there. */
static void normalize(const struct ctl_tensor *input, const float *pixels, size_t count, float *ret_values)
{
	uint32_t channels = (uint32_t)input->dims[input->rank - 1];

	tfl_picture_normalize(&input->norm, input->dtype, channels, pixels, count, ret_values);
	if (tfl_picture_element(&input->norm, input->dtype) == TFL_FLOAT32)
		return;
	/* From the last one on, because what is read is narrower than what is written. */
	for (size_t i = count; i-- > 0;) {
		uint8_t element = ((const uint8_t *)ret_values)[i];

		(void)tfl_dequantize(input->dtype, (float)input->scale, (int32_t)input->zero_point, &element, 1, &ret_values[i]);
	}
}

void ctl_samples_for(const struct ctl_samples *samples, struct ctl_subject *subject)
{
	for (uint32_t i = 0; i < subject->input_count; i++) {
		size_t count = subject->given[i].elements;

		if (i == 0 && samples->pixels)
			normalize(&subject->inputs[i], samples->values[i], count, subject->values[i]);
		else
			memcpy(subject->values[i], samples->values[i], count * sizeof(float));
	}
}
