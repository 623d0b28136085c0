/* SPDX-License-Identifier: MIT */
/*
 * From the record to the file. Field numbers are those of the schema (schema.fbs, version 3), in the order of its tables. Children are
 * written before the tables that point at them, which puts the buffers, written first, at the end of the file as other writers do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/builder/record.h"

/* One entry of operator_codes: what its operators have in common. */
struct opcode {
	uint32_t code;
	int32_t version;
	const char *custom_name;
};

struct scribe {
	const struct tfl_builder *b;
	struct tfl_fbw w;
	struct opcode *opcodes;
	uint32_t opcode_count;
	uint32_t *refs; /* scratch, as long as the longest list of the file */
};

static uint32_t write_ints(struct scribe *s, struct tfl_ints ints)
{
	return tfl_fbw_vector(&s->w, ints.values, ints.count, 4, 4);
}

static struct tfl_fbw_field write_field(struct scribe *s, const struct tfl_build_field *field)
{
	static const struct {
		uint8_t width;  /* of a scalar, 0 for what stands behind an offset */
		uint8_t element;
	} kinds[] = {
		[TFL_BUILD_I8] = {1, 0}, [TFL_BUILD_I32] = {4, 0}, [TFL_BUILD_I64] = {8, 0}, [TFL_BUILD_F32] = {4, 0},
		[TFL_BUILD_STRING] = {0, 0}, [TFL_BUILD_BYTES] = {0, 1}, [TFL_BUILD_INTS] = {0, 4}, [TFL_BUILD_LONGS] = {0, 8}, [TFL_BUILD_FLOATS] = {0, 4},
	};
	struct tfl_fbw_field out = {.slot = field->slot, .width = kinds[field->kind].width};
	unsigned element = kinds[field->kind].element;

	if (field->kind == TFL_BUILD_F32)
		memcpy(&out.bits, &field->real, sizeof(field->real));
	else if (out.width)
		out.bits = (uint64_t)field->integer;
	else if (field->kind == TFL_BUILD_STRING)
		out.bits = tfl_fbw_string(&s->w, field->data);
	else
		out.bits = tfl_fbw_vector(&s->w, field->data, field->count, element, element);
	return out;
}

static uint32_t write_options(struct scribe *s, const struct tfl_build_options *options)
{
	struct tfl_fbw_field fields[TFL_BUILD_FIELDS_MAX];

	if (!options->type)
		return 0;
	for (uint32_t i = 0; i < options->field_count; i++)
		fields[i] = write_field(s, &options->fields[i]);
	return tfl_fbw_table(&s->w, fields, options->field_count);
}

static uint32_t write_quantization(struct scribe *s, const struct tfl_build_tensor *tensor)
{
	uint32_t scales = 0, zero_points = 0, details = 0;

	if (!tensor->scales && !tensor->custom_quantization)
		return 0;
	if (tensor->scales) {
		_tfl_free_ int64_t *zeros = calloc(tensor->zero_point_count + 1, sizeof(*zeros));

		if (!zeros)
			s->w.error = -ENOMEM;
		zero_points = tfl_fbw_vector(&s->w, tensor->zero_points ? tensor->zero_points : zeros, tensor->zero_point_count, 8, 8);
		scales = tfl_fbw_vector(&s->w, tensor->scales, tensor->scale_count, 4, 4);
	}
	if (tensor->custom_quantization)
		details = TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, tfl_fbw_vector(&s->w, NULL, 0, 1, 16)));
	return TFL_FBW_TABLE(&s->w, TFL_FBW_REF(2, scales), TFL_FBW_REF(3, zero_points), TFL_FBW_I8(4, tensor->custom_quantization),
			     TFL_FBW_REF(5, details), TFL_FBW_I32(6, tensor->axis));
}

/* A table with one vector of numbers as wide as the union's type says. */
static uint32_t write_numbers(struct scribe *s, struct tfl_ints ints, uint8_t type)
{
	static const unsigned widths[] = {4, 4, 2, 1};
	unsigned width = widths[type & 3];
	_tfl_free_ uint8_t *narrow = calloc(ints.count + 1, width);

	if (!narrow) {
		s->w.error = -ENOMEM;
		return 0;
	}
	for (uint32_t i = 0; i < ints.count; i++)
		memcpy(narrow + i * width, &ints.values[i], width); /* little-endian, as the file */
	return TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, tfl_fbw_vector(&s->w, narrow, ints.count, width, width)));
}

static uint32_t write_level(struct scribe *s, const struct tfl_build_level *level)
{
	uint32_t segments = level->segments_type ? write_numbers(s, level->segments, level->segments_type) : 0;
	uint32_t indices = level->indices_type ? write_numbers(s, level->indices, level->indices_type) : 0;

	return TFL_FBW_TABLE(&s->w, TFL_FBW_I8(0, level->format), TFL_FBW_I32(1, level->size), TFL_FBW_I8(2, level->segments_type),
			     TFL_FBW_REF(3, segments), TFL_FBW_I8(4, level->indices_type), TFL_FBW_REF(5, indices));
}

static uint32_t write_sparsity(struct scribe *s, const struct tfl_build_tensor *tensor)
{
	const struct tfl_build_sparsity *sparsity = tensor->sparsity;
	_tfl_free_ uint32_t *refs = NULL;
	uint32_t order, blocks;

	if (!sparsity)
		return tensor->sparse ? tfl_fbw_table(&s->w, NULL, 0) : 0;
	refs = calloc(sparsity->level_count + 1, sizeof(*refs));
	if (!refs) {
		s->w.error = -ENOMEM;
		return 0;
	}
	for (uint32_t i = 0; i < sparsity->level_count; i++)
		refs[i] = write_level(s, &sparsity->levels[i]);
	order = write_ints(s, sparsity->traversal_order);
	blocks = sparsity->block_map.count ? write_ints(s, sparsity->block_map) : 0;
	return TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, order), TFL_FBW_REF(1, blocks), TFL_FBW_REF(2, tfl_fbw_refs(&s->w, refs, sparsity->level_count)));
}

static uint32_t write_tensor(struct scribe *s, const struct tfl_build_tensor *tensor)
{
	uint32_t name = tfl_fbw_string(&s->w, tensor->name), shape = write_ints(s, tensor->dims);
	uint32_t signature = tensor->signature.count ? write_ints(s, tensor->signature) : 0;
	uint32_t quantization = write_quantization(s, tensor), sparsity = write_sparsity(s, tensor);

	return TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, shape), TFL_FBW_I8(1, tensor->dtype), TFL_FBW_I32(2, tensor->buffer), TFL_FBW_REF(3, name),
			     TFL_FBW_REF(4, quantization), TFL_FBW_I8(5, tensor->is_variable), TFL_FBW_REF(6, sparsity),
			     TFL_FBW_REF(7, signature), TFL_FBW_I8(8, 1));
}

static uint32_t opcode_index(struct scribe *s, const struct tfl_build_operator *op)
{
	uint32_t i;

	for (i = 0; i < s->opcode_count; i++) {
		const struct opcode *known = &s->opcodes[i];

		if (known->code == op->code && known->version == op->version &&
		    !strcmp(known->custom_name ? known->custom_name : "", op->custom_name ? op->custom_name : ""))
			return i;
	}
	s->opcodes[s->opcode_count++] = (struct opcode){op->code, op->version, op->custom_name};
	return i;
}

static uint32_t write_operator(struct scribe *s, const struct tfl_build_operator *op)
{
	uint32_t inputs = write_ints(s, op->inputs), outputs = write_ints(s, op->outputs), options = write_options(s, &op->options);
	uint32_t intermediates = op->intermediates.count ? write_ints(s, op->intermediates) : 0, custom = 0;
	unsigned slot = op->options.second ? 11 : 3;

	if (op->custom_options)
		custom = tfl_fbw_vector(&s->w, op->custom_options, op->custom_options_size, 1, 1);
	return TFL_FBW_TABLE(&s->w, TFL_FBW_I32(0, opcode_index(s, op)), TFL_FBW_REF(1, inputs), TFL_FBW_REF(2, outputs),
			     TFL_FBW_I8(slot, op->options.type), TFL_FBW_REF(slot + 1, options), TFL_FBW_REF(5, custom),
			     TFL_FBW_REF(8, intermediates));
}

static uint32_t write_subgraph(struct scribe *s, const struct build_subgraph *subgraph)
{
	uint32_t tensors, operators, inputs, outputs;

	for (uint32_t i = 0; i < subgraph->operator_count; i++)
		s->refs[i] = write_operator(s, &subgraph->operators[i]);
	operators = tfl_fbw_refs(&s->w, s->refs, subgraph->operator_count);
	for (uint32_t i = 0; i < subgraph->tensor_count; i++)
		s->refs[i] = write_tensor(s, &subgraph->tensors[i]);
	tensors = tfl_fbw_refs(&s->w, s->refs, subgraph->tensor_count);
	inputs = write_ints(s, subgraph->inputs);
	outputs = write_ints(s, subgraph->outputs);
	return TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, tensors), TFL_FBW_REF(1, inputs), TFL_FBW_REF(2, outputs), TFL_FBW_REF(3, operators),
			     TFL_FBW_REF(4, tfl_fbw_string(&s->w, subgraph->name)));
}

static uint32_t write_subgraphs(struct scribe *s)
{
	_tfl_free_ uint32_t *refs = calloc(s->b->subgraph_count, sizeof(*refs));

	if (!refs) {
		s->w.error = -ENOMEM;
		return 0;
	}
	for (uint32_t i = 0; i < s->b->subgraph_count; i++)
		refs[i] = write_subgraph(s, &s->b->subgraphs[i]);
	return tfl_fbw_refs(&s->w, refs, s->b->subgraph_count);
}

static uint32_t write_buffers(struct scribe *s)
{
	for (uint32_t i = 0; i < s->b->buffer_count; i++) {
		const struct build_blob *blob = &s->b->buffers[i];

		s->refs[i] = TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, blob->data ? tfl_fbw_vector(&s->w, blob->data, blob->size, 1, 16) : 0));
	}
	return tfl_fbw_refs(&s->w, s->refs, s->b->buffer_count);
}

static uint32_t write_metadata(struct scribe *s)
{
	for (uint32_t i = 0; i < s->b->metadata_count; i++) {
		uint32_t name = tfl_fbw_string(&s->w, s->b->metadata[i].name);

		s->refs[i] = TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, name), TFL_FBW_I32(1, s->b->metadata[i].buffer));
	}
	return s->b->metadata_count ? tfl_fbw_refs(&s->w, s->refs, s->b->metadata_count) : 0;
}

static uint32_t write_bindings(struct scribe *s, const struct tfl_build_binding *bindings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t name = tfl_fbw_string(&s->w, bindings[i].name);

		s->refs[i] = TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, name), TFL_FBW_I32(1, bindings[i].tensor));
	}
	return tfl_fbw_refs(&s->w, s->refs, count);
}

static uint32_t write_signatures(struct scribe *s)
{
	_tfl_free_ uint32_t *refs = calloc(s->b->signature_count + 1, sizeof(*refs));

	if (!refs)
		s->w.error = -ENOMEM;
	if (!refs || !s->b->signature_count)
		return 0;
	for (uint32_t i = 0; i < s->b->signature_count; i++) {
		const struct tfl_build_signature *signature = &s->b->signatures[i];
		uint32_t inputs = write_bindings(s, signature->inputs, signature->input_count);
		uint32_t outputs = write_bindings(s, signature->outputs, signature->output_count);

		refs[i] = TFL_FBW_TABLE(&s->w, TFL_FBW_REF(0, inputs), TFL_FBW_REF(1, outputs),
					TFL_FBW_REF(2, tfl_fbw_string(&s->w, signature->key)), TFL_FBW_I32(4, signature->subgraph));
	}
	return tfl_fbw_refs(&s->w, refs, s->b->signature_count);
}

/* The old one-byte code says 127, "see the other field", for operators that came after it was full. */
static uint32_t write_opcodes(struct scribe *s)
{
	for (uint32_t i = 0; i < s->opcode_count; i++) {
		const struct opcode *opcode = &s->opcodes[i];
		uint32_t old = opcode->code < TFL_BUILTIN_PLACEHOLDER_FOR_GREATER_OP_CODES ? opcode->code
											   : TFL_BUILTIN_PLACEHOLDER_FOR_GREATER_OP_CODES;

		s->refs[i] = TFL_FBW_TABLE(&s->w, TFL_FBW_I8(0, old), TFL_FBW_REF(1, tfl_fbw_string(&s->w, opcode->custom_name)),
					   TFL_FBW_I32(2, opcode->version), TFL_FBW_I32(3, opcode->code));
	}
	return tfl_fbw_refs(&s->w, s->refs, s->opcode_count);
}

static int scribe_init(struct scribe *s, const struct tfl_builder *b)
{
	uint32_t operators = 0, longest = b->buffer_count + b->metadata_count;

	for (uint32_t i = 0; i < b->subgraph_count; i++) {
		operators += b->subgraphs[i].operator_count;
		longest += b->subgraphs[i].tensor_count;
	}
	for (uint32_t i = 0; i < b->signature_count; i++)
		longest += b->signatures[i].input_count + b->signatures[i].output_count;
	*s = (struct scribe){.b = b};
	s->refs = calloc(longest + operators + 1, sizeof(*s->refs));
	s->opcodes = calloc(operators + 1, sizeof(*s->opcodes));
	return s->refs && s->opcodes ? 0 : -ENOMEM;
}

static int write_model(struct scribe *s, uint8_t **ret_data, size_t *ret_size)
{
	const struct tfl_builder *b = s->b;
	uint32_t buffers = b->frame.no_buffers ? 0 : write_buffers(s), metadata = write_metadata(s), signatures = write_signatures(s);
	uint32_t subgraphs = b->frame.no_subgraphs ? 0 : write_subgraphs(s), text = tfl_fbw_string(&s->w, b->text);
	uint32_t root = TFL_FBW_TABLE(&s->w, TFL_FBW_I32(0, b->frame.version), TFL_FBW_REF(1, write_opcodes(s)), TFL_FBW_REF(2, subgraphs),
				      TFL_FBW_REF(3, text), TFL_FBW_REF(4, buffers), TFL_FBW_REF(6, metadata), TFL_FBW_REF(7, signatures));

	return tfl_fbw_end(&s->w, root, b->frame.identifier, ret_data, ret_size);
}

static int append_files(const struct tfl_builder *b, uint8_t **data, size_t *size)
{
	_tfl_free_ uint8_t *archive = NULL;
	uint8_t *whole;
	size_t archive_size;
	int r;

	r = build_zip(b->files, b->file_count, *size, &archive, &archive_size);
	if (r < 0)
		return r;
	whole = realloc(*data, *size + archive_size);
	if (!whole)
		return -ENOMEM;
	memcpy(whole + *size, archive, archive_size);
	*data = whole;
	*size += archive_size;
	return 0;
}

int tfl_build_finish(struct tfl_builder *b, uint8_t **ret_data, size_t *ret_size)
{
	_tfl_free_ uint8_t *data = NULL;
	struct scribe s;
	size_t size;
	int r;

	if (b->error)
		return b->error;
	r = scribe_init(&s, b);
	if (!r)
		r = write_model(&s, &data, &size);
	if (!r && b->file_count)
		r = append_files(b, &data, &size);
	free(s.refs);
	free(s.opcodes);
	if (r < 0)
		return r;
	*ret_data = TFL_STEAL(data);
	*ret_size = size;
	return 0;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int tfl_build_save(const char *path, const void *data, size_t size)
{
	_tfl_free_ char *part = NULL;
	_tfl_close_ int fd = -1;
	int r;

	if (asprintf(&part, "%s.part", path) < 0)
		return -ENOMEM;
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (!r && rename(part, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(part);
	return r;
}
