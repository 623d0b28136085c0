/* SPDX-License-Identifier: MIT */
/*
 * Collects a graph. Every call copies what it was given into memory that the builder keeps, so callers may pass temporaries; nothing is
 * interpreted here. A buffer is made for each tensor with content; buffer 0 stays empty, as the schema wants it.
 */
#include "tests/builder/builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/builder/record.h"

/* A new, zeroed last element of the array behind items (a pointer to a pointer), or NULL. Doubles where the count is a power of two. */
static void *append(struct tfl_builder *b, void *items, uint32_t *count, size_t size)
{
	void **array = items, *grown;

	if (b->error)
		return NULL;
	if (!(*count & (*count - 1))) {
		grown = reallocarray(*array, *count ? *count * 2 : 1, size);
		if (!grown) {
			b->error = -ENOMEM;
			return NULL;
		}
		*array = grown;
	}
	return memset((char *)*array + (*count)++ * size, 0, size);
}

static void *keep(struct tfl_builder *b, const void *data, size_t size)
{
	void **slot, *copy;

	if (!data)
		return NULL;
	slot = append(b, &b->kept, &b->kept_count, sizeof(*slot));
	if (!slot)
		return NULL;
	copy = *slot = malloc(size ? size : 1);
	if (!copy)
		b->error = -ENOMEM;
	else if (size)
		memcpy(copy, data, size);
	return copy;
}

static char *keep_string(struct tfl_builder *b, const char *string)
{
	return keep(b, string, string ? strlen(string) + 1 : 0);
}

static struct tfl_ints keep_ints(struct tfl_builder *b, struct tfl_ints ints)
{
	return (struct tfl_ints){keep(b, ints.values, ints.count * sizeof(*ints.values)), ints.count};
}

static size_t element_size(enum tfl_build_kind kind)
{
	return kind == TFL_BUILD_BYTES ? 1 : kind == TFL_BUILD_LONGS ? 8 : 4;
}

static void keep_options(struct tfl_builder *b, struct tfl_build_options *options)
{
	for (uint32_t i = 0; i < options->field_count; i++) {
		struct tfl_build_field *field = &options->fields[i];

		if (field->kind == TFL_BUILD_STRING)
			field->data = keep_string(b, field->data);
		else if (field->kind >= TFL_BUILD_BYTES)
			field->data = keep(b, field->data, field->count * element_size(field->kind));
	}
}

static struct build_subgraph *current(struct tfl_builder *b)
{
	return b->error ? NULL : &b->subgraphs[b->subgraph_count - 1];
}

struct tfl_builder *tfl_build_create(void)
{
	struct tfl_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->frame = (struct tfl_build_frame){.version = 3, .identifier = "TFL3"};
	tfl_build_subgraph(b, "main");
	tfl_build_buffer(b, NULL, 0);
	return b;
}

void tfl_build_destroy(struct tfl_builder *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->kept_count; i++)
		free(b->kept[i]);
	for (uint32_t i = 0; i < b->subgraph_count; i++) {
		free(b->subgraphs[i].tensors);
		free(b->subgraphs[i].operators);
	}
	free(b->kept);
	free(b->subgraphs);
	free(b->buffers);
	free(b->metadata);
	free(b->signatures);
	free(b->files);
	free(b);
}

int tfl_build_subgraph(struct tfl_builder *b, const char *name)
{
	const char *copy = keep_string(b, name);
	struct build_subgraph *subgraph = append(b, &b->subgraphs, &b->subgraph_count, sizeof(*subgraph));

	if (!subgraph)
		return b->error;
	subgraph->name = copy;
	return (int)b->subgraph_count - 1;
}

int tfl_build_buffer(struct tfl_builder *b, const void *data, size_t size)
{
	void *copy = keep(b, data, size);
	struct build_blob *buffer = append(b, &b->buffers, &b->buffer_count, sizeof(*buffer));

	if (!buffer)
		return b->error;
	*buffer = (struct build_blob){.data = copy, .size = size};
	return (int)b->buffer_count - 1;
}

static const struct tfl_build_sparsity *keep_sparsity(struct tfl_builder *b, const struct tfl_build_sparsity *sparsity)
{
	struct tfl_build_sparsity *copy = keep(b, sparsity, sizeof(*sparsity));
	struct tfl_build_level *levels = copy ? keep(b, sparsity->levels, sparsity->level_count * sizeof(*levels)) : NULL;

	if (!levels)
		return NULL;
	for (uint32_t i = 0; i < sparsity->level_count; i++) {
		levels[i].segments = keep_ints(b, levels[i].segments);
		levels[i].indices = keep_ints(b, levels[i].indices);
	}
	copy->traversal_order = keep_ints(b, sparsity->traversal_order);
	copy->block_map = keep_ints(b, sparsity->block_map);
	copy->levels = levels;
	return copy;
}

int tfl_build_tensor(struct tfl_builder *b, const struct tfl_build_tensor *tensor)
{
	struct tfl_build_tensor copy = *tensor, *place;
	struct build_subgraph *subgraph;

	copy.name = keep_string(b, tensor->name);
	copy.dims = keep_ints(b, tensor->dims);
	copy.signature = keep_ints(b, tensor->signature);
	copy.zero_point_count = tensor->zero_point_count ? tensor->zero_point_count : tensor->scale_count;
	copy.scales = keep(b, tensor->scales, tensor->scale_count * sizeof(*tensor->scales));
	copy.zero_points = keep(b, tensor->zero_points, copy.zero_point_count * sizeof(*tensor->zero_points));
	if (tensor->sparsity)
		copy.sparsity = keep_sparsity(b, tensor->sparsity);
	if (tensor->data) {
		copy.buffer = (uint32_t)tfl_build_buffer(b, tensor->data, tensor->data_size);
		copy.data = NULL;
	}
	subgraph = current(b);
	place = subgraph ? append(b, &subgraph->tensors, &subgraph->tensor_count, sizeof(*place)) : NULL;
	if (!place)
		return b->error;
	*place = copy;
	return (int)subgraph->tensor_count - 1;
}

int tfl_build_operator(struct tfl_builder *b, const struct tfl_build_operator *op)
{
	struct tfl_build_operator copy = *op, *place;
	struct build_subgraph *subgraph;

	copy.version = op->version ? op->version : 1;
	copy.custom_name = keep_string(b, op->custom_name);
	copy.inputs = keep_ints(b, op->inputs);
	copy.outputs = keep_ints(b, op->outputs);
	copy.intermediates = keep_ints(b, op->intermediates);
	copy.custom_options = keep(b, op->custom_options, op->custom_options_size);
	keep_options(b, &copy.options);
	subgraph = current(b);
	place = subgraph ? append(b, &subgraph->operators, &subgraph->operator_count, sizeof(*place)) : NULL;
	if (!place)
		return b->error;
	*place = copy;
	return (int)subgraph->operator_count - 1;
}

void tfl_build_io(struct tfl_builder *b, struct tfl_ints inputs, struct tfl_ints outputs)
{
	struct tfl_ints kept_inputs = keep_ints(b, inputs), kept_outputs = keep_ints(b, outputs);
	struct build_subgraph *subgraph = current(b);

	if (subgraph) {
		subgraph->inputs = kept_inputs;
		subgraph->outputs = kept_outputs;
	}
}

static struct tfl_build_binding *keep_bindings(struct tfl_builder *b, const struct tfl_build_binding *bindings, uint32_t count)
{
	struct tfl_build_binding *copy = keep(b, bindings, count * sizeof(*bindings));

	for (uint32_t i = 0; copy && i < count; i++)
		copy[i].name = keep_string(b, bindings[i].name);
	return copy;
}

void tfl_build_signature(struct tfl_builder *b, const struct tfl_build_signature *signature)
{
	struct tfl_build_signature copy = *signature, *place;

	copy.key = keep_string(b, signature->key);
	copy.inputs = keep_bindings(b, signature->inputs, signature->input_count);
	copy.outputs = keep_bindings(b, signature->outputs, signature->output_count);
	place = append(b, &b->signatures, &b->signature_count, sizeof(*place));
	if (place)
		*place = copy;
}

void tfl_build_metadata(struct tfl_builder *b, const char *name, const void *data, size_t size)
{
	struct build_metadata copy = {keep_string(b, name), (uint32_t)tfl_build_buffer(b, data, size)}, *place;

	place = append(b, &b->metadata, &b->metadata_count, sizeof(*place));
	if (place)
		*place = copy;
}

void tfl_build_file(struct tfl_builder *b, const char *name, const void *data, size_t size)
{
	struct build_blob copy = {.name = keep_string(b, name), .data = keep(b, data, size), .size = size}, *place;

	place = append(b, &b->files, &b->file_count, sizeof(*place));
	if (place)
		*place = copy;
}

void tfl_build_text(struct tfl_builder *b, const char *description)
{
	b->text = keep_string(b, description);
}

void tfl_build_frame(struct tfl_builder *b, const struct tfl_build_frame *frame)
{
	b->frame = *frame;
}
