/* SPDX-License-Identifier: MIT */
/* One block of memory: the capture, a row for each output, and their data behind the rows. */
#include "daemon/capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/job.h"
#include "daemon/version.h"
#include "proto/sample.h"
#include "proto/writer.h"
#include "runtime/interpreter.h"
#include "runtime/quant.h"

#define ALIGNMENT 16

/* Bytes of all outputs; 0 where they are more than @p max. */
static size_t output_bytes(const struct tfl_version *version, const struct tfl_interpreter *part, size_t max)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < version->output_count; i++) {
		struct tfl_io io;

		tfl_interpreter_output_io(part, i, &io);
		bytes += tfl_align_up(io.bytes, ALIGNMENT);
		if (bytes > max)
			return 0;
	}
	return bytes;
}

static void copy_output(struct tfl_captured_output *output, uint32_t index, const struct tfl_io *io, const void *data, uint8_t *memory)
{
	if (io->bytes > 0)
		memcpy(memory, data, io->bytes);
	*output = (struct tfl_captured_output){
		.tensor = {.index = (int32_t)index, .dtype = io->dtype, .shape.rank = io->rank, .data = {memory, io->bytes}},
		.elements = io->elements,
		.quantized = io->quantized,
		.scale = io->scale,
		.zero_point = io->zero_point,
	};
	memcpy(output->tensor.shape.dims, io->dims, sizeof(output->tensor.shape.dims));
}

struct tfl_capture *tfl_capture_create(struct tfl_job *job, const struct tfl_interpreter *part, size_t outputs_max)
{
	const struct tfl_version *version = job->version;
	const size_t data = output_bytes(version, part, outputs_max);
	const uint32_t outputs = data > 0 ? version->output_count : 0;
	const size_t head = tfl_align_up(sizeof(struct tfl_capture) + outputs * sizeof(struct tfl_captured_output), ALIGNMENT);
	struct tfl_capture *capture = malloc(head + data);
	uint8_t *memory = (uint8_t *)capture + head;

	if (!capture)
		return NULL;
	*capture = (struct tfl_capture){.version = version->number, .output_count = outputs};
	atomic_init(&capture->refs, 1);
	for (uint32_t i = 0; i < outputs; i++) {
		struct tfl_io io;

		tfl_interpreter_output_io(part, i, &io);
		copy_output(&capture->outputs[i], i, &io, tfl_interpreter_output(part, i), memory);
		memory += tfl_align_up(io.bytes, ALIGNMENT);
	}
	capture->frame = job->frame;
	capture->inputs = job->request.inputs;
	job->frame = (struct tfl_frame){0};
	job->request.inputs = (struct tfl_tensor_list){0};
	capture->bytes = head + data + (capture->frame.charged > capture->frame.size ? capture->frame.charged : capture->frame.size);
	tfl_frame_disown(&capture->frame);
	return capture;
}

struct tfl_capture *tfl_capture_ref(struct tfl_capture *capture)
{
	atomic_fetch_add_explicit(&capture->refs, 1, memory_order_relaxed);
	return capture;
}

void tfl_capture_unref(struct tfl_capture *capture)
{
	if (!capture || atomic_fetch_sub_explicit(&capture->refs, 1, memory_order_acq_rel) > 1)
		return;
	tfl_tensor_list_finish(&capture->inputs);
	tfl_frame_finish(&capture->frame);
	free(capture);
}

/* ---- As a sample ---- */

/* Outputs as what is expected: in real numbers, which models of other scales can be compared by. In memory that the caller frees. */
static int make_expected(const struct tfl_capture *capture, struct tfl_wire_tensor **ret_tensors, float **ret_real)
{
	struct tfl_wire_tensor *tensors = calloc(capture->output_count + 1, sizeof(*tensors));
	size_t elements = 0;
	float *real;

	for (uint32_t i = 0; i < capture->output_count; i++)
		elements += capture->outputs[i].quantized ? capture->outputs[i].elements : 0;
	real = malloc((elements + 1) * sizeof(*real));
	*ret_tensors = tensors;
	*ret_real = real;
	if (!tensors || !real)
		return -ENOMEM;
	for (uint32_t i = 0; i < capture->output_count; i++) {
		const struct tfl_captured_output *output = &capture->outputs[i];

		tensors[i] = output->tensor;
		if (!output->quantized)
			continue;
		(void)tfl_dequantize(output->tensor.dtype, output->scale, output->zero_point, output->tensor.data.data, output->elements,
				     real);
		tensors[i].dtype = TFL_FLOAT32;
		tensors[i].data = (struct tfl_slice){(const uint8_t *)real, output->elements * sizeof(*real)};
		real += output->elements;
	}
	return 0;
}

int tfl_capture_encode(const struct tfl_capture *capture, bool outputs, void **ret_data, size_t *ret_size, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_writer_finish) struct tfl_writer writer;
	_tfl_free_ struct tfl_wire_tensor *tensors = NULL;
	_tfl_free_ float *real = NULL;
	int r;

	tfl_writer_init(&writer);
	if (make_expected(capture, &tensors, &real) < 0)
		return tfl_error_set(error, -ENOMEM, "not enough memory for a sample");
	tfl_sample_write(&writer, &capture->inputs, tensors, outputs ? capture->output_count : 0, capture->version,
			 (uint64_t)capture->time);
	r = tfl_writer_check(&writer, error);
	if (r == 0 && tfl_writer_take_value(&writer, ret_data, ret_size) < 0)
		r = tfl_error_set(error, -ENOMEM, "not enough memory for a sample");
	return r;
}
