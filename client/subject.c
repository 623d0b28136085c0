/* SPDX-License-Identifier: MIT */
#include "client/subject.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "client/slurp.h"
#include "client/tflclient.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "runtime/quant.h"

struct ctl_shape ctl_tensor_shape(const struct ctl_tensor *tensor)
{
	struct ctl_shape shape = {.rank = tensor->rank, .elements = tensor->bytes / tfl_dtype_size(tensor->dtype)};

	memcpy(shape.dims, tensor->dims, sizeof(shape.dims));
	return shape;
}

int ctl_values_reserve(float **values, size_t *room, size_t count)
{
	float *grown;

	if (*values && count <= *room)
		return 0;
	grown = reallocarray(*values, count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*values = grown;
	*room = count;
	return 0;
}

void ctl_subject_finish(struct ctl_subject *subject)
{
	for (uint32_t i = 0; i < CTL_SUBJECT_TENSORS_MAX; i++) {
		free(subject->values[i]);
		free(subject->results[i]);
	}
	tfl_interpreter_destroy(subject->interpreter);
	tfl_program_destroy(subject->program);
	tfl_model_destroy(subject->model);
	free(subject->bytes);
	tfl_infer_destroy(subject->infer);
	tfl_value_destroy(subject->description);
	*subject = (struct ctl_subject){0};
}

static bool is_real(const struct ctl_tensor *tensor)
{
	return tensor->dtype == TFL_FLOAT32 || tensor->scale > 0;
}

/* Whether all of it can be compared. */
static int check(const struct ctl_subject *subject, struct tfl_error *error)
{
	for (uint32_t i = 0; i < subject->input_count; i++)
		if (!is_real(&subject->inputs[i]))
			return tfl_error_set(error, -EINVAL, "%s: input '%s' is %s; only float32 and quantised inputs can be compared", subject->name,
					     subject->inputs[i].name, tfl_dtype_to_string(subject->inputs[i].dtype));
	for (uint32_t i = 0; i < subject->output_count; i++)
		if (!is_real(&subject->outputs[i]))
			return tfl_error_set(error, -EINVAL, "%s: output '%s' is %s; only float32 and quantised outputs can be compared",
					     subject->name, subject->outputs[i].name, tfl_dtype_to_string(subject->outputs[i].dtype));
	return 0;
}

static int check_counts(const struct ctl_subject *subject, size_t inputs, size_t outputs, struct tfl_error *error)
{
	if (inputs <= CTL_SUBJECT_TENSORS_MAX && outputs <= CTL_SUBJECT_TENSORS_MAX)
		return 0;
	return tfl_error_set(error, -EINVAL, "%s has %zu inputs and %zu outputs; at most %u of each can be compared", subject->name, inputs, outputs,
			     CTL_SUBJECT_TENSORS_MAX);
}

/* ---- A file ---- */

static void set_norm(const struct tfl_tensor_metadata *metadata, struct ctl_tensor *tensor)
{
	const struct tfl_unit *unit = tfl_metadata_unit(metadata, TFL_UNIT_NORMALIZATION);

	tensor->image = metadata->content.kind == TFL_CONTENT_IMAGE;
	tensor->gray = metadata->content.color_space == TFL_COLOR_GRAY;
	if (!unit || (unit->count != 1 && unit->count != 3))
		return;
	tensor->norm.norm = TFL_NORM_MEAN;
	for (uint32_t i = 0; i < 3; i++) {
		tensor->norm.mean[i] = unit->mean[i % unit->count];
		tensor->norm.std[i] = unit->std[i % unit->count];
	}
}

static struct ctl_tensor tensor_of(const struct tfl_io *io)
{
	struct ctl_tensor tensor = {.name = io->name, .signature_name = io->signature_name, .dtype = io->dtype, .rank = io->rank, .bytes = io->bytes,
				    .dynamic = io->late};

	memcpy(tensor.dims, io->dims, io->rank * sizeof(io->dims[0]));
	for (uint32_t i = 0; io->free && i < io->rank; i++)
		tensor.free |= io->shape_signature[i] == -1 ? 1u << i : 0;
	if (io->quantized) {
		tensor.scale = (double)io->scale;
		tensor.zero_point = io->zero_point;
	}
	return tensor;
}

static int take_ios(struct ctl_subject *subject, struct tfl_error *error)
{
	const struct tfl_io *inputs = tfl_program_inputs(subject->program, &subject->input_count);
	const struct tfl_io *outputs = tfl_program_outputs(subject->program, &subject->output_count);
	int r = check_counts(subject, subject->input_count, subject->output_count, error);

	for (uint32_t i = 0; i < subject->input_count && r == 0; i++) {
		subject->inputs[i] = tensor_of(&inputs[i]);
		set_norm(&subject->model->metadata.inputs[i], &subject->inputs[i]);
	}
	for (uint32_t i = 0; i < subject->output_count && r == 0; i++) {
		enum tfl_output_kind kind = subject->model->metadata.outputs[i].kind;

		subject->outputs[i] = tensor_of(&outputs[i]);
		subject->unclassed[i] = kind != TFL_OUTPUT_UNKNOWN && kind != TFL_OUTPUT_CLASSIFICATION;
	}
	return r;
}

int ctl_subject_open_file(const char *path, struct ctl_subject *subject, struct tfl_error *error)
{
	const char *slash = strrchr(path, '/');
	struct tfl_program_info info;
	size_t size = 0;
	int r;

	snprintf(subject->name, sizeof(subject->name), "%s", slash && slash[1] ? slash + 1 : path);
	r = tfl_slurp(path, TFL_MODEL_BYTES_MAX - 1, &subject->bytes, &size, error);
	if (r < 0)
		return r;
	r = tfl_model_open_memory(subject->bytes, size, &subject->model, error);
	if (r == 0)
		r = tfl_program_create(subject->model, &(struct tfl_program_options){.late = true}, &subject->program, error);
	if (r == 0)
		r = tfl_interpreter_create(subject->program, &subject->interpreter, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "%s", path);
	tfl_program_info(subject->program, &info);
	subject->file_bytes = size;
	subject->memory_bytes = info.packed_bytes + tfl_interpreter_bytes(subject->interpreter);
	r = take_ios(subject, error);
	return r < 0 ? r : check(subject, error);
}

static void from_real(const struct ctl_tensor *tensor, const float *values, size_t count, void *ret_elements)
{
	if (tensor->dtype == TFL_FLOAT32)
		memcpy(ret_elements, values, count * sizeof(*values));
	else
		(void)tfl_quantize(tensor->dtype, (float)tensor->scale, (int32_t)tensor->zero_point, values, count, ret_elements);
}

static void to_real(const struct ctl_tensor *tensor, const void *elements, size_t count, float *ret_values)
{
	if (tensor->dtype == TFL_FLOAT32)
		memcpy(ret_values, elements, count * sizeof(*ret_values));
	else
		(void)tfl_dequantize(tensor->dtype, (float)tensor->scale, (int32_t)tensor->zero_point, elements, count, ret_values);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int shape_file(struct ctl_subject *subject, struct tfl_error *error)
{
	struct tfl_io_shape shapes[CTL_SUBJECT_TENSORS_MAX];
	int r;

	for (uint32_t i = 0; i < subject->input_count; i++) {
		shapes[i].rank = (uint8_t)subject->given[i].rank;
		memcpy(shapes[i].dims, subject->given[i].dims, sizeof(shapes[i].dims));
	}
	r = tfl_interpreter_resize(subject->interpreter, shapes, &subject->part, error);
	return r < 0 ? tfl_error_prefix(error, r, "%s", subject->name) : 0;
}

/* Output @p index is of this shape now, and has room. */
static int answer(struct ctl_subject *subject, uint32_t index, const int32_t *dims, uint32_t rank, struct tfl_error *error)
{
	struct ctl_shape *shape = &subject->answered[index];

	shape->rank = rank;
	memcpy(shape->dims, dims, rank * sizeof(*dims));
	if (tfl_shape_elements(dims, rank, &shape->elements) < 0 ||
	    ctl_values_reserve(&subject->results[index], &subject->result_room[index], shape->elements) < 0)
		return tfl_error_set(error, -ENOMEM, "no memory for the outputs of %s", subject->name);
	return 0;
}

static int run_file(struct ctl_subject *subject, uint64_t *ret_ns, struct tfl_error *error)
{
	uint64_t begin;
	int r;

	for (uint32_t i = 0; i < subject->input_count; i++)
		from_real(&subject->inputs[i], subject->values[i], subject->given[i].elements, tfl_interpreter_input(subject->part, i));
	tfl_interpreter_reset(subject->interpreter);
	begin = now_ns();
	r = tfl_interpreter_invoke(subject->part, NULL, error);
	*ret_ns = now_ns() - begin;
	if (r < 0)
		return tfl_error_prefix(error, r, "%s", subject->name);
	for (uint32_t i = 0; i < subject->output_count && r == 0; i++) {
		struct tfl_io io;

		tfl_interpreter_output_io(subject->part, i, &io);
		r = answer(subject, i, io.dims, io.rank, error);
		if (r == 0)
			to_real(&subject->outputs[i], tfl_interpreter_output(subject->part, i), io.elements, subject->results[i]);
	}
	return r;
}

/* ---- One that is served ---- */

static int read_tensors(const struct tfl_value *described, struct ctl_tensor *tensors, struct tfl_error *error)
{
	int r = 0;

	for (size_t i = 0; i < tfl_value_size(described) && r == 0; i++)
		r = ctl_tensor_read(tfl_value_at(described, i), &tensors[i], error);
	return r;
}

static int from_call(const struct tfl_call_error *failure, struct tfl_error *error)
{
	return tfl_error_set(error, -EIO, "%s", failure->message);
}

int ctl_subject_open_served(struct tfl_client *client, const char *model, struct ctl_subject *subject, struct tfl_error *error)
{
	const struct tfl_value *inputs, *outputs, *memory;
	struct tfl_call_error failure;
	int r;

	subject->client = client;
	if (tfl_client_describe(client, model, &subject->description, &failure) < 0)
		return from_call(&failure, error);
	inputs = tfl_value_get(subject->description, "inputs");
	outputs = tfl_value_get(subject->description, "outputs");
	memory = tfl_value_get(subject->description, "memory");
	snprintf(subject->name, sizeof(subject->name), "%s@%llu", tfl_value_string(tfl_value_get(subject->description, "model"), model),
		 (unsigned long long)tfl_value_uint(tfl_value_get(subject->description, "version"), 0));
	if (tfl_value_size(inputs) == 0)
		return tfl_error_set(error, -EAGAIN, "%s is not in memory; load it first", subject->name);
	r = check_counts(subject, tfl_value_size(inputs), tfl_value_size(outputs), error);
	if (r == 0)
		r = read_tensors(inputs, subject->inputs, error);
	if (r == 0)
		r = read_tensors(outputs, subject->outputs, error);
	if (r < 0)
		return r;
	subject->input_count = (uint32_t)tfl_value_size(inputs);
	subject->output_count = (uint32_t)tfl_value_size(outputs);
	subject->file_bytes = tfl_value_uint(tfl_value_get(subject->description, "file_bytes"), 0);
	subject->memory_bytes = tfl_value_uint(tfl_value_get(memory, "packed"), 0) + tfl_value_uint(tfl_value_get(memory, "interpreters"), 0) /
				(tfl_value_uint(tfl_value_get(subject->description, "instances"), 1) ?: 1);
	if (tfl_infer_create(subject->name, &subject->infer, &failure) < 0)
		return from_call(&failure, error);
	tfl_infer_set_float_outputs(subject->infer, true);
	return check(subject, error);
}

static int take_output(struct ctl_subject *subject, uint32_t index, const struct tfl_output *output, struct tfl_error *error)
{
	const struct ctl_tensor *described = &subject->outputs[index];
	struct ctl_shape shape = {0};
	int r;

	if (output && output->rank <= TFL_RANK_MAX) {
		shape.rank = output->rank;
		memcpy(shape.dims, output->dims, output->rank * sizeof(*output->dims));
	}
	if (!output || output->dtype != TFL_FLOAT32 || output->rank > TFL_RANK_MAX ||
	    (!described->dynamic && !described->free && !ctl_tensor_takes(described, &shape)))
		return tfl_error_set(error, -EPROTO, "%s: the daemon's answer is not what it described", subject->name);
	r = answer(subject, index, shape.dims, shape.rank, error);
	if (r == 0)
		memcpy(subject->results[index], output->data, output->bytes);
	return r;
}

static int run_served(struct ctl_subject *subject, uint64_t *ret_ns, struct tfl_error *error)
{
	int r = 0;

	for (uint32_t i = 0; i < subject->input_count && r == 0; i++)
		r = tfl_infer_set_input(subject->infer, i, TFL_FLOAT32, subject->given[i].dims, subject->given[i].rank, subject->values[i],
					subject->given[i].elements * sizeof(float));
	if (r == 0)
		r = tfl_client_infer(subject->client, subject->infer);
	if (r < 0)
		return tfl_error_set(error, r, "%s: %s", subject->name, tfl_infer_error_message(subject->infer));
	for (uint32_t i = 0; i < subject->output_count && r == 0; i++)
		r = take_output(subject, i, tfl_infer_output(subject->infer, i), error);
	*ret_ns = tfl_infer_compute_ns(subject->infer);
	return r;
}

int ctl_subject_shape(struct ctl_subject *subject, const struct ctl_shape *shapes, struct tfl_error *error)
{
	char wanted[TFL_SHAPE_STRING_MAX], given[TFL_SHAPE_STRING_MAX];

	for (uint32_t i = 0; i < subject->input_count; i++) {
		const struct ctl_tensor *input = &subject->inputs[i];

		if (!ctl_tensor_takes(input, &shapes[i]))
			return tfl_error_set(error, -EINVAL, "%s: input '%s' has the shape %s, which cannot be %s as in a sample", subject->name,
					     input->name, tfl_shape_to_string(input->dims, input->rank, wanted, sizeof(wanted)),
					     tfl_shape_to_string(shapes[i].dims, shapes[i].rank, given, sizeof(given)));
		subject->given[i] = shapes[i];
		if (ctl_values_reserve(&subject->values[i], &subject->value_room[i], shapes[i].elements) < 0)
			return tfl_error_set(error, -ENOMEM, "no memory for the inputs of %s", subject->name);
	}
	return subject->client ? 0 : shape_file(subject, error);
}

int ctl_subject_run(struct ctl_subject *subject, uint64_t *ret_ns, struct tfl_error *error)
{
	return subject->client ? run_served(subject, ret_ns, error) : run_file(subject, ret_ns, error);
}
