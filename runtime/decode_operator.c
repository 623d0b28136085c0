/* SPDX-License-Identifier: MIT */
/*
 * One operator: what it is, which tensors it joins, and where its options lie.
 *
 * A decoded operator has a code of the schema and tensor indices in range. Its options are a verified table, but which table and what its
 * fields mean is asked by the operator's own prepare function, which knows.
 */
#include "runtime/decode.h"

#include <errno.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/schema.h"

/* Fields of Operator in the schema's order. */
enum {
	OPERATOR_OPCODE_INDEX = 0,
	OPERATOR_INPUTS = 1,
	OPERATOR_OUTPUTS = 2,
	OPERATOR_OPTIONS_TYPE = 3,
	OPERATOR_OPTIONS = 4,
	OPERATOR_CUSTOM_OPTIONS = 5,
	OPERATOR_INTERMEDIATES = 8,
	OPERATOR_LARGE_OPTIONS_OFFSET = 9,
	OPERATOR_LARGE_OPTIONS_SIZE = 10,
	OPERATOR_OPTIONS_2_TYPE = 11,
	OPERATOR_OPTIONS_2 = 12,
};

static int decode_code(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_operator *op)
{
	uint32_t index = tfl_fb_u32(table, OPERATOR_OPCODE_INDEX, 0);
	const struct tfl_operator_code *code;

	if (index >= decoder->code_count)
		return tfl_error_set(decoder->error, -EINVAL, "opcode_index %u, but there are %u operator codes", index,
				     decoder->code_count);
	code = &decoder->codes[index];
	if (code->code < 0 || code->code >= TFL_BUILTIN_COUNT)
		return tfl_error_set(decoder->error, -EINVAL, "builtin operator %d is unknown: 0 to %d are known", code->code,
				     TFL_BUILTIN_COUNT - 1);
	if (code->code == TFL_BUILTIN_CUSTOM && code->custom_name[0] == '\0')
		return tfl_error_set(decoder->error, -EINVAL, "is custom, but its operator code has no custom_code to name it");
	op->code = (uint16_t)code->code;
	op->version = code->version;
	op->custom_name = op->code == TFL_BUILTIN_CUSTOM ? code->custom_name : NULL;
	return 0;
}

static int decode_indices(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
			  const int32_t **ret_indices, uint32_t *ret_count)
{
	const void *indices;
	int r;

	r = tfl_decoder_array(decoder, table, field, what, sizeof(int32_t), TFL_OPERATOR_TENSORS_MAX, &indices, ret_count);
	if (r < 0)
		return r;
	*ret_indices = indices;
	return 0;
}

static int decode_joints(struct tfl_decoder *decoder, const struct tfl_fb_table *table, const struct tfl_subgraph *subgraph,
			 struct tfl_operator *op)
{
	int r;

	r = decode_indices(decoder, table, OPERATOR_INPUTS, "inputs", &op->inputs, &op->input_count);
	if (r == 0)
		r = tfl_verify_indices(decoder, subgraph, "input", op->inputs, op->input_count, true);
	if (r == 0)
		r = decode_indices(decoder, table, OPERATOR_OUTPUTS, "outputs", &op->outputs, &op->output_count);
	if (r == 0)
		r = tfl_verify_indices(decoder, subgraph, "output", op->outputs, op->output_count, false);
	if (r == 0)
		r = decode_indices(decoder, table, OPERATOR_INTERMEDIATES, "intermediates", &op->intermediates, &op->intermediate_count);
	if (r == 0)
		r = tfl_verify_indices(decoder, subgraph, "intermediate", op->intermediates, op->intermediate_count, true);
	return r;
}

/* Custom options lie in the table, or in files of more than 2 GiB behind the FlatBuffer, found by offset and size. */
static int decode_custom_options(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_operator *op)
{
	uint64_t offset = tfl_fb_u64(table, OPERATOR_LARGE_OPTIONS_OFFSET, 0);
	uint64_t size = tfl_fb_u64(table, OPERATOR_LARGE_OPTIONS_SIZE, 0);
	struct tfl_fb_vector vector;

	if (tfl_fb_vector(table, OPERATOR_CUSTOM_OPTIONS, 1, &vector) < 0)
		return tfl_error_set(decoder->error, -EINVAL, "custom_options: its offset or length leads out of the file");
	op->custom_options = vector.data;
	op->custom_options_size = vector.count;
	if (vector.count > 0 || offset <= 1)
		return 0;
	if (size > decoder->model->size || offset > decoder->model->size - size)
		return tfl_error_set(decoder->error, -EINVAL, "large_custom_options: %llu bytes at %llu, but the file has %zu",
				     (unsigned long long)size, (unsigned long long)offset, decoder->model->size);
	op->custom_options = decoder->model->data + offset;
	op->custom_options_size = (size_t)size;
	return 0;
}

static int decode_options(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_operator *op)
{
	unsigned field = OPERATOR_OPTIONS;
	int r;

	op->options_type = tfl_fb_u8(table, OPERATOR_OPTIONS_TYPE, 0);
	op->options_2_type = tfl_fb_u8(table, OPERATOR_OPTIONS_2_TYPE, 0);
	if (op->options_type != 0 && op->options_2_type != 0)
		return tfl_error_set(decoder->error, -EINVAL,
				     "has builtin_options of type %u and builtin_options_2 of type %u; one is right", op->options_type,
				     op->options_2_type);
	if (op->options_2_type != 0)
		field = OPERATOR_OPTIONS_2;
	if (op->options_type != 0 || op->options_2_type != 0) {
		r = tfl_decoder_table(decoder, table, field, "options", &op->options);
		if (r < 0)
			return r;
	}
	return decode_custom_options(decoder, table, op);
}

static int decode_operator(struct tfl_decoder *decoder, const struct tfl_fb_table *table, const struct tfl_subgraph *subgraph,
			   uint32_t index, struct tfl_operator *op)
{
	int r;

	r = decode_code(decoder, table, op);
	if (r < 0)
		return tfl_error_prefix(decoder->error, r, "operator %u", index);
	r = decode_joints(decoder, table, subgraph, op);
	if (r == 0)
		r = decode_options(decoder, table, op);
	if (r < 0)
		return tfl_error_prefix(decoder->error, r, "operator %u (%s)", index, tfl_builtin_to_string(op->code));
	return 0;
}

int tfl_decode_operators(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_subgraph *subgraph)
{
	enum { SUBGRAPH_OPERATORS = 3 };
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, table, SUBGRAPH_OPERATORS, "operators", TFL_MODEL_OPERATORS_MAX, &vector);
	if (r < 0)
		return r;
	r = tfl_decoder_alloc(decoder, vector.count, sizeof(*subgraph->operators), &subgraph->operators);
	if (r < 0)
		return r;
	subgraph->operator_count = vector.count;
	for (i = 0; i < vector.count; i++) {
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "operator %u", i);
		r = decode_operator(decoder, &element, subgraph, i, &subgraph->operators[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
