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

uint64_t model_read_all(const struct tfl_model *model)
{
	uint64_t sum = read_string(model->description) + read_string(model->metadata_fault);

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
	for (uint32_t i = 0; i < model->normalization_count; i++)
		sum += read_bytes(model->normalizations[i].mean, model->normalizations[i].count * sizeof(float)) +
		       read_bytes(model->normalizations[i].std, model->normalizations[i].count * sizeof(float));
	for (uint32_t i = 0; i < model->label_count; i++)
		sum += read_string(model->labels[i]);
	return sum;
}
