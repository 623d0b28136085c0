/* SPDX-License-Identifier: MIT */
#include "client/samples.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"
#include "client/npy.h"
#include "client/picture.h"
#include "client/slurp.h"
#include "runtime/quant.h"

void ctl_samples_finish(struct ctl_samples *samples)
{
	for (unsigned i = 0; samples->paths && i < samples->count; i++)
		free(samples->paths[i]);
	free(samples->paths);
	for (unsigned i = 0; i < CTL_SUBJECT_TENSORS_MAX; i++)
		free(samples->values[i]);
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
	static const char *const endings[] = {".png", ".jpg", ".jpeg", ".npy"};
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
	return r == 0 && count == 0 ? tfl_error_set(error, -ENOENT, "%s has no pictures (.png, .jpg) and no arrays (.npy)", path) : r;
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

	for (uint32_t i = 0; i < subject->input_count; i++) {
		samples->values[i] = calloc(ctl_tensor_elements(&subject->inputs[i]) + 1, sizeof(float));
		if (!samples->values[i])
			return tfl_error_set(error, -ENOMEM, "no memory for samples");
	}
	samples->random = 1;
	samples->pictures = ctl_tensor_is_picture(&subject->inputs[0]);
	if (given->count == 0) {
		samples->count = count;
		return 0;
	}
	if (subject->input_count != 1)
		return tfl_error_set(error, -EINVAL, "%s has %u inputs; samples from files are for models with one", subject->name,
				     subject->input_count);
	r = add_given(samples, given, error);
	return r < 0 ? r : 0;
}

/* ---- One of them ---- */

/* From 0 up to 1. */
static float next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (float)(*state >> 40) / (float)(1 << 24);
}

/* Pixels, or numbers from -1 to 1. */
static void make_up(struct ctl_samples *samples, const struct ctl_subject *subject)
{
	samples->pixels = samples->pictures;
	for (uint32_t i = 0; i < subject->input_count; i++) {
		size_t count = ctl_tensor_elements(&subject->inputs[i]);
		bool pixels = i == 0 && samples->pixels;

		for (size_t k = 0; k < count; k++) {
			float random = next_random(&samples->random);

			samples->values[i][k] = pixels ? floorf(random * 256) : 2 * random - 1;
		}
	}
}

static int take_array(struct ctl_samples *samples, const char *path, const uint8_t *data, size_t size, const struct ctl_tensor *input,
		      struct tfl_error *error)
{
	size_t count = ctl_tensor_elements(input);
	struct tfl_npy array;
	int r = tfl_npy_parse(data, size, &array, error);

	if (r < 0)
		return tfl_error_prefix(error, r, "%s", path);
	samples->pixels = array.dtype == TFL_UINT8 && samples->pictures;
	if (array.dtype == TFL_FLOAT32 && array.bytes == count * sizeof(float)) {
		memcpy(samples->values[0], array.data, array.bytes);
		return 0;
	}
	if (!samples->pixels || array.bytes != count)
		return tfl_error_set(error, -EINVAL, "%s is no sample: %zu numbers are needed, float32 or, for a picture, uint8", path, count);
	for (size_t i = 0; i < count; i++)
		samples->values[0][i] = array.data[i];
	return 0;
}

static int take_picture(struct ctl_samples *samples, const char *path, const struct ctl_tensor *input, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_picture_finish) struct tfl_picture picture = {0};
	int r;

	if (!samples->pictures)
		return tfl_error_set(error, -EINVAL, "%s is a picture, and the model takes none: its input '%s' has another shape", path, input->name);
	r = tfl_picture_read(path, &picture, error);
	if (r == 0 && ctl_tensor_fit(input, &picture, samples->values[0]) < 0)
		r = tfl_error_set(error, -ENOMEM, "no memory for %s", path);
	samples->pixels = true;
	return r;
}

int ctl_samples_take(struct ctl_samples *samples, unsigned index, const struct ctl_subject *subject, struct tfl_error *error)
{
	const struct ctl_tensor *input = &subject->inputs[0];
	_tfl_free_ uint8_t *data = NULL;
	const char *path;
	size_t size;
	int r;

	if (!samples->paths) {
		make_up(samples, subject);
		return 0;
	}
	path = samples->paths[index];
	r = tfl_slurp(path, TFL_TENSOR_BYTES_MAX, &data, &size, error);
	if (r < 0)
		return r;
	return tfl_npy_is(data, size) ? take_array(samples, path, data, size, input, error) : take_picture(samples, path, input, error);
}

/* Pixels as an input wants them: normalised, or, where it takes them as they are, what they stand for there. */
static void normalize(const struct ctl_tensor *input, const float *pixels, float *ret_values)
{
	size_t count = ctl_tensor_elements(input);
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

void ctl_samples_for(const struct ctl_samples *samples, const struct ctl_subject *subject, float *const *ret_inputs)
{
	for (uint32_t i = 0; i < subject->input_count; i++) {
		if (i == 0 && samples->pixels)
			normalize(&subject->inputs[i], samples->values[i], ret_inputs[i]);
		else
			memcpy(ret_inputs[i], samples->values[i], ctl_tensor_elements(&subject->inputs[i]) * sizeof(float));
	}
}
