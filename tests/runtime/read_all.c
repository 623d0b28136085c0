/* SPDX-License-Identifier: MIT */
/*
 * A model promises that everything it refers to can be read. This takes it at its word; under a sanitizer, or with the file before a page
 * without access, a broken promise ends the process.
 */
#include "tests/runtime/read_all.h"

#include <string.h>

static uint64_t read_bytes(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t sum = size;

	for (size_t i = 0; i < size; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static uint64_t read_string(const char *string)
{
	return string ? read_bytes(string, strlen(string)) : 0;
}

static uint64_t read_subgraph(const struct tfl_subgraph *subgraph)
{
	uint64_t sum = read_string(subgraph->name);

	for (uint32_t i = 0; i < subgraph->tensor_count; i++) {
		const struct tfl_tensor *tensor = &subgraph->tensors[i];

		sum += read_string(tensor->name) + read_bytes(tensor->data, tensor->data_size);
		sum += read_bytes(tensor->quantization.scales, tensor->quantization.count * sizeof(float));
		sum += read_bytes(tensor->quantization.zero_points, tensor->quantization.count * sizeof(int64_t));
	}
	for (uint32_t i = 0; i < subgraph->operator_count; i++) {
		const struct tfl_operator *op = &subgraph->operators[i];

		sum += read_string(op->custom_name) + read_bytes(op->custom_options, op->custom_options_size);
		sum += read_bytes(op->inputs, op->input_count * sizeof(int32_t));
		sum += read_bytes(op->outputs, op->output_count * sizeof(int32_t));
		sum += read_bytes(op->intermediates, op->intermediate_count * sizeof(int32_t));
		for (unsigned field = 0; field < 20; field++)
			sum += (uint64_t)tfl_fb_i64(&op->options, field, 0) + tfl_fb_u8(&op->options, field, 0);
	}
	return sum;
}

static uint64_t read_floats(const float *values, uint32_t count)
{
	return read_bytes(values, count * sizeof(float));
}

static uint64_t read_files(const struct tfl_file_list *list)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct tfl_associated_file *file = &list->items[i];

		sum += read_string(file->name) + read_string(file->description) + read_string(file->locale) + read_string(file->version);
		for (uint32_t j = 0; j < file->label_count; j++)
			sum += read_string(file->labels[j]);
	}
	return sum;
}

static uint64_t read_units(const struct tfl_unit_list *list)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct tfl_unit *unit = &list->items[i];

		sum += read_floats(unit->mean, unit->count) + read_floats(unit->std, unit->count) + read_string(unit->pattern);
		sum += read_files(&unit->vocabularies) + read_files(&unit->models);
	}
	return sum;
}

static uint64_t read_groups(const struct tfl_group_list *list)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		sum += read_string(list->items[i].name);
		for (uint32_t j = 0; j < list->items[i].tensor_count; j++)
			sum += read_string(list->items[i].tensors[j]);
	}
	return sum;
}

static uint64_t read_side(const struct tfl_tensor_metadata *tensors, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct tfl_tensor_metadata *tensor = &tensors[i];

		sum += read_string(tensor->name) + read_string(tensor->description);
		for (uint32_t j = 0; j < tensor->dimension_name_count; j++)
			sum += read_string(tensor->dimension_names[j]);
		sum += read_floats(tensor->max, tensor->max_count) + read_floats(tensor->min, tensor->min_count);
		sum += read_units(&tensor->units) + read_files(&tensor->files);
		sum += tensor->labels ? read_files(&(struct tfl_file_list){(struct tfl_associated_file *)tensor->labels, 1}) : 0;
	}
	return sum;
}

static uint64_t read_metadata(const struct tfl_metadata *metadata, const struct tfl_subgraph *subgraph)
{
	const char *const texts[] = {metadata->fault, metadata->name, metadata->description, metadata->version, metadata->author,
				     metadata->license, metadata->min_parser_version, metadata->subgraph_name,
				     metadata->subgraph_description};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		sum += read_string(texts[i]);
	sum += read_files(&metadata->files) + read_files(&metadata->subgraph_files);
	sum += read_units(&metadata->input_units) + read_units(&metadata->output_units);
	sum += read_groups(&metadata->input_groups) + read_groups(&metadata->output_groups);
	sum += read_side(metadata->inputs, subgraph->input_count) + read_side(metadata->outputs, subgraph->output_count);
	for (uint32_t i = 0; i < metadata->custom_count; i++)
		sum += read_string(metadata->custom[i]);
	for (uint32_t i = 0; i < metadata->archive_count; i++)
		sum += read_string(metadata->archive[i].name);
	return sum;
}

uint64_t model_read_all(const struct tfl_model *model)
{
	uint64_t sum = read_string(model->description) + read_metadata(&model->metadata, &model->subgraphs[0]);

	for (uint32_t i = 0; i < model->subgraph_count; i++)
		sum += read_subgraph(&model->subgraphs[i]);
	for (uint32_t i = 0; i < model->signature_count; i++) {
		const struct tfl_signature *signature = &model->signatures[i];

		sum += read_string(signature->key);
		for (uint32_t j = 0; j < signature->input_count; j++)
			sum += read_string(signature->inputs[j].name);
		for (uint32_t j = 0; j < signature->output_count; j++)
			sum += read_string(signature->outputs[j].name);
	}
	for (uint32_t i = 0; i < model->label_count; i++)
		sum += read_string(model->labels[i]);
	return sum;
}
