/* SPDX-License-Identifier: MIT */
/*
 * A sample is bound to a model as a request is. Outputs are compared as numbers, dequantised where the sample has float32.
 */
#include "daemon/samples.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "daemon/binding.h"
#include "daemon/folder.h"
#include "runtime/interpreter.h"
#include "runtime/program.h"
#include "runtime/quant.h"

/* ---- Files ---- */

struct opening {
	struct tfl_samples *samples;
	size_t bytes;
	struct tfl_error *error;
};

static int open_sample(void *data, int folder, const char *name)
{
	struct opening *opening = data;
	struct tfl_samples *samples = opening->samples;
	struct tfl_sample_file *file = &samples->files[samples->count];
	const size_t length = strlen(name);
	int result;

	if (!tfl_sample_named(name))
		return 0;
	if (samples->count == TFL_SAMPLES_MAX)
		return tfl_error_set(opening->error, -EFBIG, "there are more than %d samples", TFL_SAMPLES_MAX);
	if (length >= sizeof(file->name))
		return tfl_error_set(opening->error, -EINVAL, "the name of a sample has %zu bytes, expected at most %zu: %.64s…", length,
				     sizeof(file->name) - 1, name);
	result = tfl_folder_open_file(folder, name, O_RDONLY, 0, &file->fd, &file->size);
	if (result < 0)
		return tfl_error_set(opening->error, result, "sample %s cannot be opened: %s", name,
				     result == -EINVAL || result == -ELOOP ? "it is no file (links are not followed)" : strerror(-result));
	strcpy(file->name, name);
	samples->count++;
	if (tfl_add_overflow(opening->bytes, file->size, &opening->bytes) || opening->bytes > TFL_SAMPLES_BYTES_MAX)
		return tfl_error_set(opening->error, -EFBIG, "the samples have more than %u MiB together", TFL_SAMPLES_BYTES_MAX >> 20);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tfl_sample_file *)a)->name, ((const struct tfl_sample_file *)b)->name);
}

int tfl_samples_open(int folder, struct tfl_samples *ret_samples, struct tfl_error *error)
{
	struct tfl_error why = { .text = "" };
	struct opening opening = { ret_samples, 0, &why };
	int result;

	ret_samples->count = 0;
	result = tfl_folder_walk(folder, open_sample, &opening);
	if (result < 0) {
		tfl_samples_close(ret_samples);
		return tfl_error_set(error, result, "%s", why.text[0] ? why.text : "the samples cannot be read");
	}
	qsort(ret_samples->files, ret_samples->count, sizeof(ret_samples->files[0]), by_name);
	return 0;
}

void tfl_samples_close(struct tfl_samples *samples)
{
	while (samples->count > 0)
		tfl_close(samples->files[--samples->count].fd);
}

/* ---- Running ---- */

#define READ_AS(type) \
	static double read_##type(const uint8_t *data, size_t index) \
	{ \
		type value; \
\
		memcpy(&value, data + index * sizeof(value), sizeof(value)); \
		return (double)value; \
	}

READ_AS(float)
READ_AS(double)
READ_AS(int8_t)
READ_AS(uint8_t)
READ_AS(int16_t)
READ_AS(uint16_t)
READ_AS(int32_t)
READ_AS(uint32_t)
READ_AS(int64_t)
READ_AS(uint64_t)

static double read_half(const uint8_t *data, size_t index)
{
	uint16_t half;
	float value;

	memcpy(&half, data + index * sizeof(half), sizeof(half));
	tfl_float16_to_float32(&half, 1, &value);
	return (double)value;
}

/* Of an element of unaligned data. The types that are no numbers have none. */
static double (*const readers[TFL_DTYPE_COUNT])(const uint8_t *data, size_t index) = {
	[TFL_FLOAT32] = read_float,   [TFL_FLOAT16] = read_half,    [TFL_FLOAT64] = read_double, [TFL_INT8] = read_int8_t,
	[TFL_UINT8] = read_uint8_t,   [TFL_BOOL] = read_uint8_t,    [TFL_INT16] = read_int16_t,  [TFL_UINT16] = read_uint16_t,
	[TFL_INT32] = read_int32_t,   [TFL_UINT32] = read_uint32_t, [TFL_INT64] = read_int64_t,  [TFL_UINT64] = read_uint64_t,
};

/* NaN is no answer; an infinity may be one (a logarithm of 0). */
static int check_finite(const struct tfl_io *io, const uint8_t *data, bool *ret_infinite, struct tfl_error *error)
{
	double (*const read)(const uint8_t *data, size_t index) = readers[io->dtype];

	if (io->dtype != TFL_FLOAT32 && io->dtype != TFL_FLOAT16 && io->dtype != TFL_FLOAT64)
		return 0;
	for (size_t i = 0; i < io->elements; i++) {
		double value = read(data, i);

		if (isnan(value))
			return tfl_error_set(error, -ENOEXEC, "its output '%.80s' is NaN", io->name);
		*ret_infinite |= isinf(value) != 0;
	}
	return 0;
}

static double greatest_magnitude(const struct tfl_wire_tensor *expected, size_t count)
{
	double greatest = 0;

	for (size_t i = 0; i < count; i++)
		greatest = fmax(greatest, fabs(readers[expected->dtype](expected->data.data, i)));
	return greatest;
}

/* @p data has the type of what is expected. */
static int compare(const struct tfl_io *io, const uint8_t *data, const struct tfl_wire_tensor *expected, double tolerance,
		   struct tfl_error *error)
{
	double (*const read)(const uint8_t *data, size_t index) = readers[expected->dtype];
	double allowed;

	if (expected->in_region)
		return tfl_error_set(error, -EINVAL, "output '%.80s' is expected in shared memory; a sample has its data with it", io->name);
	if (expected->shape.rank != io->rank || memcmp(expected->shape.dims, io->dims, io->rank * sizeof(io->dims[0])) != 0)
		return tfl_error_set(error, -EINVAL, "output '%.80s' is expected in another shape than the model gives it", io->name);
	if (!read)
		return tfl_error_set(error, -EINVAL, "output '%.80s' is expected as %s, which has no numbers to compare", io->name,
				     tfl_dtype_to_string(expected->dtype));
	allowed = tolerance * greatest_magnitude(expected, io->elements);
	for (size_t i = 0; i < io->elements; i++) {
		double got = read(data, i), right = read(expected->data.data, i);

		if (got != right && !(fabs(got - right) <= allowed))
			return tfl_error_set(error, -ENOEXEC, "its output '%.80s' is %g at element %zu, expected %g, or at most %g beside it",
					     io->name, got, i, right, allowed);
	}
	return 0;
}

/* Output @p position of those that are expected. */
static int check_expected(const struct tfl_sample *sample, uint32_t position, const struct tfl_binding *binding,
			  const struct tfl_interpreter *part, struct tfl_error *error)
{
	const struct tfl_wire_tensor *expected = tfl_tensor_list_at(&sample->request.outputs, position);
	const uint32_t index = binding->outputs[position];
	const void *data = tfl_interpreter_output(part, index);
	_tfl_free_ float *real = NULL;
	struct tfl_io io;

	tfl_interpreter_output_io(part, index, &io);
	if (binding->dequantize & UINT64_C(1) << position) {
		real = malloc(io.elements * sizeof(float) + 1);
		if (!real)
			return tfl_error_set(error, -ENOMEM, "not enough memory for output '%.80s' as float32", io.name);
		tfl_dequantize(io.dtype, io.scale, io.zero_point, data, io.elements, real);
		data = real;
	}
	return compare(&io, data, expected, sample->tolerance, error);
}

int tfl_sample_run(const struct tfl_sample *sample, const struct tfl_interface *interface, struct tfl_interpreter *interpreter,
		   bool *ret_infinite, struct tfl_error *error)
{
	const struct tfl_run_control control = { .idle = true };
	struct tfl_interpreter *part;
	struct tfl_binding binding;
	bool infinite = false;
	int result;

	result = tfl_binding_make(interface, &sample->request, &binding, error);
	if (result == 0)
		result = tfl_binding_fill(&binding, interface, &sample->request.inputs, interpreter, &part, error);
	if (result < 0)
		return result == -ENOMEM ? result : -EINVAL;
	tfl_interpreter_reset(interpreter);
	result = tfl_interpreter_invoke(part, &control, error);
	for (uint32_t i = 0; result == 0 && i < interface->entries[binding.entry].output_count; i++) {
		struct tfl_io io;

		tfl_interpreter_output_io(part, i, &io);
		result = check_finite(&io, tfl_interpreter_output(part, i), &infinite, error);
	}
	for (uint32_t i = 0; result == 0 && i < sample->request.outputs.count; i++)
		result = check_expected(sample, i, &binding, part, error);
	if (result == 0)
		*ret_infinite = infinite;
	return result;
}

static int read_all(const struct tfl_sample_file *file, uint8_t *buffer, struct tfl_error *error)
{
	size_t length = 0;
	ssize_t got = 1;

	while (length < file->size && got != 0) {
		got = pread(file->fd, buffer + length, file->size - length, (off_t)length);
		if (got < 0 && errno != EINTR)
			return tfl_error_set(error, -errno, "it cannot be read: %s", strerror(errno));
		length += got > 0 ? (size_t)got : 0;
	}
	return length == file->size ? 0 : tfl_error_set(error, -EINVAL, "it became shorter while it was read");
}

int tfl_sample_judge(const struct tfl_sample_file *file, const struct tfl_interface *interface, struct tfl_interpreter *interpreter,
		     bool *ret_infinite, struct tfl_error *error)
{
	_tfl_free_ uint8_t *buffer = malloc(file->size + 1);
	struct tfl_sample sample;
	int result;

	if (!buffer)
		return tfl_error_set(error, -ENOMEM, "not enough memory for sample %s", file->name);
	result = read_all(file, buffer, error);
	if (result == 0)
		result = tfl_sample_parse((struct tfl_slice){ buffer, file->size }, &sample, error);
	if (result == 0) {
		result = tfl_sample_run(&sample, interface, interpreter, ret_infinite, error);
		tfl_sample_finish(&sample);
	}
	return result < 0 ? tfl_error_prefix(error, result, "sample %s", file->name) : 0;
}
