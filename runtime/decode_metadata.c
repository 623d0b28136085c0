/* SPDX-License-Identifier: MIT */
/*
 * The model's and subgraph 0's part of the metadata: a FlatBuffer of its own ("M001") in the buffer that the model's metadata names
 * TFLITE_METADATA. What is about one tensor stands in decode_tensor_metadata.c, what lies in the archive behind the model in labels.c.
 *
 * Each part is decoded by itself; tfl_metadata_fault() turns its failure into the model's sentence and the next part goes on. All together
 * may look at TFL_METADATA_WORK_MAX bytes, which bounds what model.describe has to tell as well.
 */
#include "runtime/decode_metadata.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/archive.h"
#include "runtime/metadata.h"

/* Fields of Model and its Metadata, and of the tables of the metadata's own schema (metadata_schema.fbs). */
enum {
	MODEL_METADATA = 6,

	ENTRY_NAME = 0,
	ENTRY_BUFFER = 1,

	METADATA_NAME = 0,
	METADATA_DESCRIPTION = 1,
	METADATA_VERSION = 2,
	METADATA_SUBGRAPHS = 3,
	METADATA_AUTHOR = 4,
	METADATA_LICENSE = 5,
	METADATA_FILES = 6,
	METADATA_MIN_PARSER_VERSION = 7,

	SUBGRAPH_NAME = 0,
	SUBGRAPH_DESCRIPTION = 1,
	SUBGRAPH_INPUTS = 2,
	SUBGRAPH_OUTPUTS = 3,
	SUBGRAPH_FILES = 4,
	SUBGRAPH_INPUT_UNITS = 5,
	SUBGRAPH_OUTPUT_UNITS = 6,
	SUBGRAPH_INPUT_GROUPS = 7,
	SUBGRAPH_OUTPUT_GROUPS = 8,
	SUBGRAPH_CUSTOM = 9,

	GROUP_NAME = 0,
	GROUP_TENSORS = 1,

	CUSTOM_NAME = 0,
};

#define MEMBER(name) offsetof(struct tfl_metadata, name)

static const struct tfl_text_field model_texts[] = {
	{METADATA_NAME, "name", TFL_METADATA_TEXT_MAX, MEMBER(name)},
	{METADATA_DESCRIPTION, "description", TFL_METADATA_TEXT_MAX, MEMBER(description)},
	{METADATA_VERSION, "version", TFL_METADATA_TEXT_MAX, MEMBER(version)},
	{METADATA_AUTHOR, "author", TFL_METADATA_TEXT_MAX, MEMBER(author)},
	{METADATA_LICENSE, "license", TFL_METADATA_TEXT_MAX, MEMBER(license)},
	{METADATA_MIN_PARSER_VERSION, "min_parser_version", TFL_METADATA_TEXT_MAX, MEMBER(min_parser_version)},
};

static const struct tfl_text_field subgraph_texts[] = {
	{SUBGRAPH_NAME, "name of the subgraph", TFL_METADATA_TEXT_MAX, MEMBER(subgraph_name)},
	{SUBGRAPH_DESCRIPTION, "description of the subgraph", TFL_METADATA_TEXT_MAX, MEMBER(subgraph_description)},
};

int tfl_metadata_fault(struct tfl_description *description, int r, const char *what)
{
	struct tfl_decoder *decoder = description->decoder;
	size_t size;
	char *text;

	if (r >= 0 || r == -ENOMEM)
		return r < 0 ? r : 0;
	if (description->metadata->fault)
		return 0;
	if (what)
		tfl_error_prefix(decoder->error, r, "%s", what);
	if (*description->place)
		tfl_error_prefix(decoder->error, r, "%s", description->place);
	size = strlen(decoder->error->text) + 1;
	tfl_decoder_grant(decoder, size + TFL_ERROR_TEXT_MAX);
	r = tfl_decoder_alloc(decoder, 1, size, &text);
	if (r == 0)
		description->metadata->fault = memcpy(text, decoder->error->text, size);
	return r;
}

int tfl_decode_texts(struct tfl_description *description, const struct tfl_fb_table *table, const struct tfl_text_field *fields,
		     unsigned count, void *object)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < count; i++) {
		const char **member = (const char **)((char *)object + fields[i].offset);

		r = tfl_decoder_text(description->decoder, table, fields[i].field, fields[i].what, fields[i].max, member);
		r = tfl_metadata_fault(description, r, NULL);
	}
	return r;
}

int tfl_decode_strings(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field, const char *what,
		       const char ***ret_strings, uint32_t *ret_count)
{
	return tfl_metadata_fault(description, tfl_decoder_strings(description->decoder, table, field, what, ret_strings, ret_count), NULL);
}

int tfl_decode_list(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field,
		    const struct tfl_list_kind *kind, void *ret_items, uint32_t *ret_count)
{
	struct tfl_decoder *decoder = description->decoder;
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t count = 0;
	uint8_t *items;
	int r;

	r = tfl_decoder_offsets(decoder, table, field, kind->what, UINT32_MAX, &vector);
	if (r == 0)
		r = tfl_decoder_alloc(decoder, vector.count, kind->size, &items);
	if (r < 0)
		return tfl_metadata_fault(description, r, NULL);
	for (uint32_t i = 0; i < vector.count; i++) {
		void *item = items + count * kind->size;

		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = kind->decode(description, &element, item);
		if (r == 0)
			count++;
		else
			memset(item, 0, kind->size);
		r = tfl_metadata_fault(description, r, NULL);
		if (r < 0)
			return r;
	}
	*(void **)ret_items = items;
	*ret_count = count;
	return 0;
}

static int decode_group(struct tfl_description *description, const struct tfl_fb_table *table, void *item)
{
	static const struct tfl_text_field texts[] = {{GROUP_NAME, "name of a group", TFL_METADATA_TEXT_MAX,
						       offsetof(struct tfl_tensor_group, name)}};
	struct tfl_tensor_group *group = item;
	int r;

	group->name = "";
	r = tfl_decode_texts(description, table, texts, TFL_ARRAY_SIZE(texts), group);
	if (r < 0)
		return r;
	return tfl_decoder_strings(description->decoder, table, GROUP_TENSORS, "tensor_names", &group->tensors, &group->tensor_count);
}

/* What other tools keep here is theirs; its name says whose. */
static int decode_custom(struct tfl_description *description, const struct tfl_fb_table *table, void *item)
{
	return tfl_decoder_string(description->decoder, table, CUSTOM_NAME, "name of custom metadata", item);
}

static const struct tfl_list_kind groups = {"tensor groups", sizeof(struct tfl_tensor_group), decode_group};
static const struct tfl_list_kind custom = {"custom_metadata", sizeof(const char *), decode_custom};

/* One side of the subgraph. There may be fewer descriptions than tensors, the last ones then have none. */
static int decode_side(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field, const char *what,
		       const int32_t *indices, uint32_t count, struct tfl_tensor_metadata *tensors)
{
	const struct tfl_subgraph *subgraph = &description->decoder->model->subgraphs[0];
	struct tfl_decoder *decoder = description->decoder;
	struct tfl_fb_vector vector = {0};
	struct tfl_fb_table element;
	int r;

	*description->place = '\0';
	r = tfl_decoder_offsets(decoder, table, field, what, TFL_SUBGRAPH_EDGE_MAX, &vector);
	if (r == 0 && vector.count > count)
		r = tfl_error_set(decoder->error, -EINVAL, "describes %u %ss, but the model has %u", vector.count, what, count);
	if (r < 0)
		return tfl_metadata_fault(description, r, NULL);
	for (uint32_t i = 0; r == 0 && i < vector.count; i++) {
		snprintf(description->place, sizeof(description->place), "%s %u", what, i);
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = tfl_decode_tensor_metadata(description, &element, &subgraph->tensors[indices[i]], &tensors[i]);
		r = tfl_metadata_fault(description, r, NULL);
	}
	*description->place = '\0';
	return r;
}

static int decode_subgraph(struct tfl_description *description, const struct tfl_fb_table *table)
{
	const struct tfl_subgraph *subgraph = &description->decoder->model->subgraphs[0];
	struct tfl_metadata *metadata = description->metadata;
	int r;

	r = tfl_decode_texts(description, table, subgraph_texts, TFL_ARRAY_SIZE(subgraph_texts), metadata);
	if (r == 0)
		r = decode_side(description, table, SUBGRAPH_INPUTS, "input", subgraph->inputs, subgraph->input_count, metadata->inputs);
	if (r == 0)
		r = decode_side(description, table, SUBGRAPH_OUTPUTS, "output", subgraph->outputs, subgraph->output_count,
				metadata->outputs);
	if (r == 0)
		r = tfl_decode_files(description, table, SUBGRAPH_FILES, &metadata->subgraph_files);
	if (r == 0)
		r = tfl_decode_units(description, table, SUBGRAPH_INPUT_UNITS, &metadata->input_units);
	if (r == 0)
		r = tfl_decode_units(description, table, SUBGRAPH_OUTPUT_UNITS, &metadata->output_units);
	if (r == 0)
		r = tfl_decode_list(description, table, SUBGRAPH_INPUT_GROUPS, &groups, &metadata->input_groups.items,
				    &metadata->input_groups.count);
	if (r == 0)
		r = tfl_decode_list(description, table, SUBGRAPH_OUTPUT_GROUPS, &groups, &metadata->output_groups.items,
				    &metadata->output_groups.count);
	if (r == 0)
		r = tfl_decode_list(description, table, SUBGRAPH_CUSTOM, &custom, &metadata->custom, &metadata->custom_count);
	return r;
}

/* Finds the buffer that holds the metadata. 1 where the model has none. */
static int find_buffer(struct tfl_decoder *decoder, const struct tfl_fb_table *root, struct tfl_model_buffer **ret_buffer)
{
	struct tfl_fb_vector entries;
	struct tfl_fb_table entry;
	const char *name;
	uint32_t i, index;
	int r;

	r = tfl_decoder_offsets(decoder, root, MODEL_METADATA, "metadata", UINT32_MAX, &entries);
	if (r == 0)
		r = tfl_decoder_charge(decoder, (uint64_t)entries.count * sizeof(uint32_t));
	if (r < 0)
		return r;
	for (i = 0; i < entries.count; i++) {
		r = tfl_decoder_element(decoder, &entries, i, &entry);
		if (r == 0)
			r = tfl_decoder_string(decoder, &entry, ENTRY_NAME, "name", &name);
		if (r < 0)
			return r;
		if (strcmp(name, "TFLITE_METADATA") != 0)
			continue;
		index = tfl_fb_u32(&entry, ENTRY_BUFFER, 0);
		if (index >= decoder->buffer_count)
			return tfl_error_set(decoder->error, -EINVAL, "buffer %u, but there are %u", index, decoder->buffer_count);
		*ret_buffer = &decoder->buffers[index];
		return 0;
	}
	return 1;
}

/* Opens the metadata's own FlatBuffer. 1 where the model has none. */
static int open_root(struct tfl_description *description, const struct tfl_fb_table *root, struct tfl_fb_table *ret_table)
{
	struct tfl_decoder *decoder = description->decoder;
	struct tfl_model_buffer *content = NULL;
	int r;

	r = find_buffer(decoder, root, &content);
	if (r != 0)
		return r;
	description->buffer = (struct tfl_fb_buffer){content->data, content->size};
	if (tfl_fb_root(&description->buffer, "M001", ret_table) < 0)
		return tfl_error_set(decoder->error, -EINVAL, "its %zu bytes are no metadata: identifier \"M001\" and a root table are "
				     "expected", content->size);
	return 0;
}

static int decode_root(struct tfl_description *description, const struct tfl_fb_table *table)
{
	struct tfl_metadata *metadata = description->metadata;
	struct tfl_fb_vector subgraphs = {0};
	struct tfl_fb_table subgraph;
	int r;

	metadata->present = true;
	r = tfl_decode_texts(description, table, model_texts, TFL_ARRAY_SIZE(model_texts), metadata);
	if (r == 0)
		r = tfl_decode_files(description, table, METADATA_FILES, &metadata->files);
	if (r < 0)
		return r;
	r = tfl_decoder_offsets(description->decoder, table, METADATA_SUBGRAPHS, "subgraph_metadata", TFL_MODEL_SUBGRAPHS_MAX, &subgraphs);
	if (r == 0 && subgraphs.count > 0)
		r = tfl_decoder_element(description->decoder, &subgraphs, 0, &subgraph);
	if (r < 0)
		return tfl_metadata_fault(description, r, NULL);
	return subgraphs.count > 0 ? decode_subgraph(description, &subgraph) : 0;
}

static int alloc_side(struct tfl_decoder *decoder, uint32_t count, struct tfl_tensor_metadata **ret_tensors)
{
	int r;

	tfl_decoder_grant(decoder, (uint64_t)count * sizeof(**ret_tensors) + TFL_ERROR_TEXT_MAX);
	r = tfl_decoder_alloc(decoder, count, sizeof(**ret_tensors), ret_tensors);
	for (uint32_t i = 0; r == 0 && i < count; i++)
		(*ret_tensors)[i].name = (*ret_tensors)[i].description = "";
	return r;
}

/* What holds where the file says nothing. */
static int init_metadata(struct tfl_decoder *decoder, struct tfl_metadata *metadata)
{
	const struct tfl_subgraph *subgraph = &decoder->model->subgraphs[0];
	int r;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(model_texts); i++)
		*(const char **)((char *)metadata + model_texts[i].offset) = "";
	metadata->subgraph_name = metadata->subgraph_description = "";
	r = alloc_side(decoder, subgraph->input_count, &metadata->inputs);
	if (r == 0)
		r = alloc_side(decoder, subgraph->output_count, &metadata->outputs);
	return r;
}

static int decode(struct tfl_description *description, const struct tfl_fb_table *root)
{
	struct tfl_fb_table table;
	int r;

	r = open_root(description, root, &table);
	if (r == 0)
		r = decode_root(description, &table);
	if (r == 0)
		r = tfl_labels_decode(description);
	return r == 1 ? 0 : tfl_metadata_fault(description, r, NULL);
}

int tfl_metadata_decode(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	struct tfl_error *seen = decoder->error, fault = {0};
	struct tfl_description description = {
		.decoder = decoder,
		.metadata = &decoder->model->metadata,
		.label_bytes_left = TFL_LABELS_BYTES_MAX,
		.labels_left = TFL_LABELS_MAX,
	};
	int r;

	decoder->error = &fault;
	r = init_metadata(decoder, description.metadata);
	if (decoder->budget > TFL_METADATA_WORK_MAX)
		decoder->budget = TFL_METADATA_WORK_MAX;
	if (r == 0)
		r = decode(&description, root);
	if (r == 0)
		r = tfl_output_kinds_find(&description);
	tfl_archive_close(description.archive);
	decoder->error = seen;
	if (r < 0)
		return tfl_error_set(seen, r, "metadata: %s", fault.text);
	return 0;
}
