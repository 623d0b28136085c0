/* SPDX-License-Identifier: MIT */
/*
 * Metadata is advice: a model runs without it. So whatever is wrong with it becomes a sentence in the model and nothing else, and labels
 * and normalisation do not suffer for each other's faults. Only memory that runs out is handed up: the next attempt may have it.
 */
#include "runtime/metadata.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "runtime/decode.h"
#include "runtime/labels.h"

/* Fields of Model, Metadata, and of the tables of the metadata's own schema (metadata_schema.fbs, identifier "M001"). */
enum {
	MODEL_METADATA = 6,

	ENTRY_NAME = 0,
	ENTRY_BUFFER = 1,

	METADATA_SUBGRAPHS = 3,

	SUBGRAPH_INPUTS = 2,
	SUBGRAPH_OUTPUTS = 3,

	TENSOR_PROCESS_UNITS = 4,
	TENSOR_FILES = 6,

	UNIT_OPTIONS_TYPE = 0,
	UNIT_OPTIONS = 1,

	NORMALIZATION_MEAN = 0,
	NORMALIZATION_STD = 1,

	FILE_NAME = 0,
	FILE_TYPE = 2,
};

/* ProcessUnitOptions, AssociatedFileType. */
enum {
	UNIT_NORMALIZATION = 1,

	FILE_AXIS_LABELS = 2,
	FILE_VALUE_LABELS = 3,
};

/* What the metadata says of subgraph 0. */
struct description {
	struct tfl_decoder *decoder;
	struct tfl_fb_buffer buffer;
	struct tfl_fb_vector inputs; /* TensorMetadata */
	struct tfl_fb_vector outputs;
};

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

/* Opens the metadata's own FlatBuffer as far as subgraph 0. 1 where the model has none. */
static int open_description(struct description *description, const struct tfl_fb_table *root)
{
	struct tfl_decoder *decoder = description->decoder;
	struct tfl_model_buffer *content = NULL;
	struct tfl_fb_table metadata, subgraph;
	struct tfl_fb_vector subgraphs;
	int r;

	r = find_buffer(decoder, root, &content);
	if (r != 0)
		return r;
	description->buffer = (struct tfl_fb_buffer){content->data, content->size};
	if (tfl_fb_root(&description->buffer, "M001", &metadata) < 0)
		return tfl_error_set(decoder->error, -EINVAL, "its %zu bytes are no metadata: identifier \"M001\" and a root table are "
				     "expected", content->size);
	r = tfl_decoder_offsets(decoder, &metadata, METADATA_SUBGRAPHS, "subgraph_metadata", TFL_MODEL_SUBGRAPHS_MAX, &subgraphs);
	if (r < 0 || subgraphs.count == 0)
		return r < 0 ? r : 1;
	r = tfl_decoder_element(decoder, &subgraphs, 0, &subgraph);
	if (r == 0)
		r = tfl_decoder_offsets(decoder, &subgraph, SUBGRAPH_INPUTS, "inputs", TFL_SUBGRAPH_EDGE_MAX, &description->inputs);
	if (r == 0)
		r = tfl_decoder_offsets(decoder, &subgraph, SUBGRAPH_OUTPUTS, "outputs", TFL_SUBGRAPH_EDGE_MAX, &description->outputs);
	return r;
}

/* @count values, all fit to calculate with; a single one is repeated. */
static int spread_values(struct tfl_decoder *decoder, const char *what, const float *values, uint32_t value_count, uint32_t count,
			 bool divisor, const float **ret_values)
{
	float *spread;
	uint32_t i;
	int r;

	r = tfl_decoder_alloc(decoder, count, sizeof(*spread), &spread);
	if (r < 0)
		return r;
	for (i = 0; i < count; i++) {
		spread[i] = values[value_count == 1 ? 0 : i];
		if (!isfinite(spread[i]) || (divisor && spread[i] == 0))
			return tfl_error_set(decoder->error, -EINVAL, "%s[%u] is %g, but must be finite%s", what, i, (double)spread[i],
					     divisor ? " and not 0" : "");
	}
	*ret_values = spread;
	return 0;
}

static int decode_normalization(struct tfl_decoder *decoder, const struct tfl_fb_table *options, uint32_t input)
{
	struct tfl_normalization *normalization = &decoder->model->normalizations[decoder->model->normalization_count];
	uint32_t mean_count, std_count, count;
	const void *mean, *std;
	int r;

	r = tfl_decoder_array(decoder, options, NORMALIZATION_MEAN, "mean", sizeof(float), UINT32_MAX, &mean, &mean_count);
	if (r == 0)
		r = tfl_decoder_array(decoder, options, NORMALIZATION_STD, "std", sizeof(float), UINT32_MAX, &std, &std_count);
	if (r < 0)
		return r;
	count = mean_count > std_count ? mean_count : std_count;
	if (mean_count == 0 || std_count == 0 || (mean_count != count && mean_count != 1) || (std_count != count && std_count != 1))
		return tfl_error_set(decoder->error, -EINVAL, "%u means and %u standard deviations do not go together", mean_count,
				     std_count);
	r = spread_values(decoder, "mean", mean, mean_count, count, false, &normalization->mean);
	if (r == 0)
		r = spread_values(decoder, "std", std, std_count, count, true, &normalization->std);
	if (r < 0)
		return r;
	normalization->input = input;
	normalization->count = count;
	decoder->model->normalization_count++;
	return 0;
}

/* The first process unit of an input that normalises. */
static int decode_units(struct tfl_decoder *decoder, const struct tfl_fb_table *tensor, uint32_t input)
{
	struct tfl_fb_table unit, options;
	struct tfl_fb_vector units;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, tensor, TENSOR_PROCESS_UNITS, "process_units", UINT32_MAX, &units);
	for (i = 0; r == 0 && i < units.count; i++) {
		r = tfl_decoder_charge(decoder, sizeof(uint32_t));
		if (r == 0)
			r = tfl_decoder_element(decoder, &units, i, &unit);
		if (r < 0 || tfl_fb_u8(&unit, UNIT_OPTIONS_TYPE, 0) != UNIT_NORMALIZATION)
			continue;
		r = tfl_decoder_table(decoder, &unit, UNIT_OPTIONS, "options", &options);
		return r < 0 ? r : decode_normalization(decoder, &options, input);
	}
	return r;
}

static int decode_normalizations(struct description *description)
{
	struct tfl_decoder *decoder = description->decoder;
	uint32_t i, count = description->inputs.count, there = decoder->model->subgraphs[0].input_count;
	struct tfl_fb_table tensor;
	int r;

	if (count > there)
		return tfl_error_set(decoder->error, -EINVAL, "describes %u inputs, but the model has %u", count, there);
	r = tfl_decoder_alloc(decoder, count, sizeof(*decoder->model->normalizations), &decoder->model->normalizations);
	for (i = 0; r == 0 && i < count; i++) {
		r = tfl_decoder_element(decoder, &description->inputs, i, &tensor);
		if (r == 0)
			r = decode_units(decoder, &tensor, i);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "input %u", i);
	}
	return r;
}

/* Finds the first file of @tensors that has @type, or the name @name where that is given. 1 where there is none. */
static int find_file(struct tfl_decoder *decoder, const struct tfl_fb_vector *tensors, int8_t type, const char *name,
		     const char **ret_name)
{
	size_t effort = sizeof(uint32_t) + (name ? strlen(name) : 0);
	struct tfl_fb_table tensor, file;
	struct tfl_fb_vector files;
	const char *found;
	uint32_t i, j;
	int r;

	for (i = 0; i < tensors->count; i++) {
		r = tfl_decoder_element(decoder, tensors, i, &tensor);
		if (r == 0)
			r = tfl_decoder_offsets(decoder, &tensor, TENSOR_FILES, "associated_files", UINT32_MAX, &files);
		for (j = 0; r == 0 && j < files.count; j++) {
			r = tfl_decoder_charge(decoder, effort);
			if (r == 0)
				r = tfl_decoder_element(decoder, &files, j, &file);
			if (r == 0)
				r = tfl_decoder_string(decoder, &file, FILE_NAME, "name", &found);
			if (r == 0 && (name ? strcmp(found, name) == 0 : tfl_fb_i8(&file, FILE_TYPE, 0) == type)) {
				*ret_name = found;
				return 0;
			}
		}
		if (r < 0)
			return r;
	}
	return 1;
}

/* A file that belongs to an input (a vocabulary) holds no labels. */
static bool is_file_of_input(const char *name, const void *other)
{
	const struct description *description = other;

	return find_file(description->decoder, &description->inputs, 0, name, &name) == 0;
}

static int decode_labels(struct description *description)
{
	struct tfl_label_file file = {.is_other = is_file_of_input, .other = description};
	int r;

	r = find_file(description->decoder, &description->outputs, FILE_AXIS_LABELS, NULL, &file.name);
	if (r == 1)
		r = find_file(description->decoder, &description->outputs, FILE_VALUE_LABELS, NULL, &file.name);
	if (r < 0)
		return r;
	return tfl_labels_read(description->decoder, &file);
}

/* Keeps the first sentence. 0, or -ENOMEM. */
static int keep_fault(struct tfl_decoder *decoder, int r)
{
	size_t size = strlen(decoder->error->text) + 1;
	char *text;

	if (r == -ENOMEM || r >= 0)
		return r < 0 ? r : 0;
	if (decoder->model->metadata_fault)
		return 0;
	tfl_decoder_grant(decoder, size + TFL_ERROR_TEXT_MAX);
	r = tfl_decoder_alloc(decoder, 1, size, &text);
	if (r == 0)
		decoder->model->metadata_fault = memcpy(text, decoder->error->text, size);
	return r;
}

static int decode_metadata(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	struct description description = {.decoder = decoder};
	int r;

	r = open_description(&description, root);
	if (r < 0)
		return keep_fault(decoder, r);
	if (r == 1)
		return 0;
	r = keep_fault(decoder, decode_normalizations(&description));
	if (r == 0)
		r = keep_fault(decoder, decode_labels(&description));
	return r;
}

int tfl_metadata_decode(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	struct tfl_error *seen = decoder->error, fault;
	int r;

	decoder->error = &fault;
	r = decode_metadata(decoder, root);
	decoder->error = seen;
	if (r < 0)
		return tfl_error_set(seen, r, "metadata: %s", fault.text);
	return 0;
}
