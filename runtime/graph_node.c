/* SPDX-License-Identifier: MIT */
/*
 * What prepare functions, kernels and lowering see of a graph: its nodes' inputs and outputs, the sentences of their refusals, the account of
 * their work, and the memory that belongs to the graph, which is bounded by the same limit as an interpreter's arena.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/graph_internal.h"
#include "runtime/schema.h"

struct tfl_graph_block {
	struct tfl_graph_block *next, *previous;
	size_t size;
};

#define BLOCK_HEADER 64

void *tfl_graph_alloc(struct tfl_graph *graph, size_t size)
{
	struct tfl_graph_block *block;
	size_t total;

	if (tfl_add_overflow(size, (size_t)(BLOCK_HEADER + TFL_PADDING_BYTES + 63), &total) ||
	    total > tfl_arena_limit(graph->model->size) - graph->account->bytes) {
		graph->account->exhausted = true;
		return NULL;
	}
	total &= ~(size_t)63;
	block = aligned_alloc(64, total);
	if (!block)
		return NULL;
	memset(block, 0, total);
	*block = (struct tfl_graph_block){.next = graph->blocks, .size = total};
	if (block->next)
		block->next->previous = block;
	graph->blocks = block;
	graph->account->bytes += total;
	return (uint8_t *)block + BLOCK_HEADER;
}

void tfl_graph_free(struct tfl_graph *graph, void *memory)
{
	struct tfl_graph_block *block = (void *)((uint8_t *)memory - BLOCK_HEADER);

	if (block->next)
		block->next->previous = block->previous;
	if (block->previous)
		block->previous->next = block->next;
	else
		graph->blocks = block->next;
	graph->account->bytes -= block->size;
	free(block);
}

void tfl_graph_release(struct tfl_graph *graph, struct tfl_value *value)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = tfl_align_up((uintptr_t)value->data, page), end = ((uintptr_t)value->data + value->bytes) & ~(page - 1);

	if (value->owned && first < end && madvise((void *)first, end - first, MADV_DONTNEED) == 0)
		graph->account->bytes -= end - first;
}

void tfl_graph_free_blocks(struct tfl_graph *graph)
{
	while (graph->blocks) {
		struct tfl_graph_block *block = graph->blocks;

		graph->blocks = block->next;
		free(block);
	}
}

int tfl_graph_out_of_memory(const struct tfl_graph *graph, struct tfl_error *error)
{
	if (!graph->account->exhausted)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	return tfl_error_set(error, -EFBIG, "what is computed or copied at load would pass %zu bytes, the limit for a file of %zu bytes",
			     tfl_arena_limit(graph->model->size), graph->model->size);
}

struct tfl_value *tfl_node_input(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t index)
{
	if (index >= node->source->input_count || node->source->inputs[index] < 0)
		return NULL;
	return &graph->values[node->source->inputs[index]];
}

struct tfl_value *tfl_node_output(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t index)
{
	return &graph->values[node->source->outputs[index]];
}

uint32_t tfl_value_index(const struct tfl_graph *graph, const struct tfl_value *value)
{
	return (uint32_t)(value - graph->values);
}

float tfl_value_scale(const struct tfl_value *value, uint32_t channel)
{
	const struct tfl_quantization *quantization = &value->tensor->quantization;

	return quantization->count > 1 ? quantization->scales[channel] : value->scale;
}

int tfl_node_invalid(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error, const char *format, ...)
{
	char text[TFL_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (graph->survey)
		return tfl_error_set(error, -EINVAL, "%s", text);
	return tfl_error_set(error, -EINVAL, "operator %u (%s): %s", node->index,
			     node->source->custom_name ? node->source->custom_name : tfl_builtin_to_string(node->source->code), text);
}

/* "int8, int8, int32 -> int8", cut to size; at most the first eight of each side. */
static void describe_types(const struct tfl_graph *graph, const struct tfl_operator *source, char *buffer, size_t size)
{
	const int32_t *sides[] = {source->inputs, source->outputs};
	uint32_t counts[] = {source->input_count, source->output_count};
	size_t used = 0;

	buffer[0] = '\0';
	for (unsigned side = 0; side < 2; side++) {
		if (side == 1 && used < size)
			used += (size_t)snprintf(buffer + used, size - used, " -> ");
		for (uint32_t i = 0; i < counts[side] && used < size; i++) {
			const char *type = sides[side][i] < 0 ? "-" : tfl_dtype_to_string(graph->values[sides[side][i]].dtype);

			if (i == 8) {
				used += (size_t)snprintf(buffer + used, size - used, ", … %u in all", counts[side]);
				break;
			}
			used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? ", " : "", type);
		}
	}
}

int tfl_node_unsupported(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error, const char *format, ...)
{
	char text[TFL_ERROR_TEXT_MAX], types[256];
	const struct tfl_operator *source = node->source;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (graph->survey)
		return tfl_error_set(error, -EOPNOTSUPP, "%s", text);
	describe_types(graph, source, types, sizeof(types));
	return tfl_error_set(error, -EOPNOTSUPP, "operator %u %s%.64s version %d (%s) is not supported: %s", node->index,
			     source->custom_name ? "custom " : "", source->custom_name ? source->custom_name : tfl_builtin_to_string(source->code),
			     source->version, types, text);
}

int tfl_node_charge(struct tfl_graph *graph, const struct tfl_node *node, uint64_t outer, uint64_t inner, struct tfl_error *error)
{
	uint64_t work;

	if (!tfl_mul_overflow(outer, inner, &work) && work <= graph->work_max - graph->work) {
		graph->work += work;
		return 0;
	}
	tfl_node_invalid(graph, node, error, "with it, an inference would take more than %llu operations, which is the limit",
			 (unsigned long long)graph->work_max);
	return -EFBIG;
}

int tfl_value_set_shape(struct tfl_value *value, unsigned rank, const int32_t *dims)
{
	size_t elements, bytes;

	if (tfl_shape_elements(dims, rank, &elements) < 0 || tfl_mul_overflow(elements, tfl_dtype_size(value->dtype), &bytes) ||
	    bytes > TFL_TENSOR_BYTES_MAX)
		return -EINVAL;
	value->rank = (uint8_t)rank;
	memmove(value->dims, dims, rank * sizeof(*dims));
	value->elements = elements;
	value->bytes = bytes;
	return 0;
}

int tfl_node_set_shape(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t output, unsigned rank, const int32_t *dims,
		       struct tfl_error *error)
{
	struct tfl_value *value = tfl_node_output(graph, node, output);
	char shape[TFL_SHAPE_STRING_MAX];

	if (rank > TFL_RANK_MAX)
		return tfl_node_unsupported(graph, node, error, "output %u would have %u dimensions; at most %d are", output, rank, TFL_RANK_MAX);
	if (tfl_value_set_shape(value, rank, dims) < 0)
		return tfl_node_invalid(graph, node, error, "output %u would have the shape %s, which is negative or larger than %u bytes", output,
					tfl_shape_to_string(dims, rank, shape, sizeof(shape)), TFL_TENSOR_BYTES_MAX);
	return 0;
}

int tfl_node_const_ints(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, unsigned max, int32_t *ret_values,
			unsigned *ret_count, struct tfl_error *error)
{
	const struct tfl_value *value = tfl_node_input(graph, node, input);

	if (!value) {
		*ret_count = 0;
		return 0;
	}
	if (value->dtype != TFL_INT32 && value->dtype != TFL_INT64)
		return tfl_node_invalid(graph, node, error, "input %u holds integers, but its type is %s", input, tfl_dtype_to_string(value->dtype));
	tfl_node_want(graph, node, input);
	if (!value->data && value->elements > 0)
		return tfl_node_unsupported(graph, node, error, "input %u is computed at run time; it must be a constant", input);
	if (value->elements > max)
		return tfl_node_invalid(graph, node, error, "input %u has %zu elements; at most %u are expected", input, value->elements, max);
	for (size_t i = 0; i < value->elements; i++) {
		int64_t element = value->dtype == TFL_INT32 ? ((const int32_t *)value->data)[i] : ((const int64_t *)value->data)[i];

		if (element < INT32_MIN || element > INT32_MAX)
			return tfl_node_invalid(graph, node, error, "element %zu of input %u is %lld, beyond 32 bits", i, input, (long long)element);
		ret_values[i] = (int32_t)element;
	}
	*ret_count = (unsigned)value->elements;
	return 0;
}
