/* SPDX-License-Identifier: MIT */
#include "client/result.h"

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/outcome.h"
#include "proto/response.h"

#define OUTPUT_ALIGNMENT 64

void tfl_result_finish(struct tfl_result *result)
{
	tfl_freep(&result->outputs);
	tfl_freep(&result->dims);
	tfl_freep(&result->block);
}

void tfl_result_clear(struct tfl_result *result)
{
	result->count = 0;
	result->version = result->wait_ns = result->compute_ns = 0;
}

/* Room for @p count outputs and @p bytes of data and names. */
static int result_reserve(struct tfl_result *result, unsigned count, size_t bytes)
{
	if (count > result->capacity) {
		struct tfl_output *outputs = reallocarray(result->outputs, count, sizeof(*outputs));
		int32_t(*dims)[TFL_RANK_MAX];

		if (!outputs)
			return -ENOMEM;
		result->outputs = outputs;
		dims = reallocarray(result->dims, count, sizeof(*dims));
		if (!dims)
			return -ENOMEM;
		result->dims = dims;
		result->capacity = count;
	}
	if (bytes > result->block_size) {
		uint8_t *block = aligned_alloc(OUTPUT_ALIGNMENT, tfl_align_up(bytes, OUTPUT_ALIGNMENT));

		if (!block)
			return -ENOMEM;
		free(result->block);
		result->block = block;
		result->block_size = bytes;
	}
	return 0;
}

/* What one output takes in the block: data first, so that it starts aligned, then its name. */
static size_t output_space(const struct tfl_wire_tensor *tensor)
{
	return tfl_align_up(tensor->data.size + tensor->name.length + 1, OUTPUT_ALIGNMENT);
}

static void result_keep(struct tfl_result *result, unsigned i, const struct tfl_wire_tensor *tensor, uint8_t *place)
{
	char *name = (char *)place + tensor->data.size;

	if (tensor->data.size)
		memcpy(place, tensor->data.data, tensor->data.size);
	if (tensor->name.length)
		memcpy(name, tensor->name.text, tensor->name.length);
	name[tensor->name.length] = '\0';
	memcpy(result->dims[i], tensor->shape.dims, sizeof(result->dims[i]));
	result->outputs[i] = (struct tfl_output){.name = name,
						 .dtype = tensor->dtype,
						 .rank = (unsigned)tensor->shape.rank,
						 .dims = result->dims[i],
						 .data = place,
						 .bytes = tensor->data.size};
}

static int keep_response(struct tfl_result *result, const struct tfl_infer_response *response, struct tfl_call_error *error)
{
	const struct tfl_tensor_list *list = &response->outputs;
	size_t bytes = 0;
	uint8_t *place;

	for (uint32_t i = 0; i < list->count; i++) {
		if (tfl_tensor_list_at(list, i)->in_region)
			return tfl_call_fail(error, TFL_PROTOCOL_ERROR,
					     "the daemon put an output into shared memory, which this library never asks");
		bytes += output_space(tfl_tensor_list_at(list, i)); /* less than two frames */
	}
	if (result_reserve(result, list->count, bytes) < 0)
		return tfl_call_no_memory(error);
	place = result->block;
	for (uint32_t i = 0; i < list->count; i++) {
		result_keep(result, i, tfl_tensor_list_at(list, i), place);
		place += output_space(tfl_tensor_list_at(list, i));
	}
	result->count = list->count;
	result->version = response->served.version;
	result->wait_ns = response->served.wait_ns;
	result->compute_ns = response->served.compute_ns;
	return 0;
}

int tfl_result_take(struct tfl_result *result, struct tfl_slice encoded, struct tfl_call_error *error)
{
	struct tfl_infer_response response;
	struct tfl_error reason;
	int r;

	r = tfl_infer_response_parse(encoded, &response, &reason);
	if (r < 0)
		return r == -ENOMEM ? tfl_call_no_memory(error)
				    : tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon's answer cannot be read: %s", reason.text);
	r = keep_response(result, &response, error);
	tfl_infer_response_finish(&response);
	return r;
}
