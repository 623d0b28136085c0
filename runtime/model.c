/* SPDX-License-Identifier: MIT */
/*
 * From a file to a model: mapping, the root table, buffers, operator codes, subgraphs, signatures.
 *
 * The order is that of dependence: operators cite tensors, tensors cite buffers. The first fault ends it; a half-decoded model is
 * never seen outside. A mapped file is followed by a page of zeros, so that code which reads a constant in whole vector registers may read
 * past the end of the last one.
 */
#include "runtime/model.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "runtime/decode.h"
#include "runtime/decode_metadata.h"
#include "runtime/schema.h"

#define SCHEMA_VERSION 3

/* Fields of Model, Buffer, OperatorCode, SubGraph, SignatureDef, TensorMap, in the schema's order. */
enum {
	MODEL_VERSION = 0,
	MODEL_OPERATOR_CODES = 1,
	MODEL_SUBGRAPHS = 2,
	MODEL_DESCRIPTION = 3,
	MODEL_BUFFERS = 4,
	MODEL_SIGNATURE_DEFS = 7,

	BUFFER_DATA = 0,
	BUFFER_OFFSET = 1,
	BUFFER_SIZE = 2,

	CODE_DEPRECATED_BUILTIN = 0,
	CODE_CUSTOM = 1,
	CODE_VERSION = 2,
	CODE_BUILTIN = 3,

	SUBGRAPH_INPUTS = 1,
	SUBGRAPH_OUTPUTS = 2,
	SUBGRAPH_NAME = 4,

	SIGNATURE_INPUTS = 0,
	SIGNATURE_OUTPUTS = 1,
	SIGNATURE_KEY = 2,
	SIGNATURE_SUBGRAPH = 4,

	MAP_NAME = 0,
	MAP_TENSOR = 1,
};

/* A buffer's bytes lie in its table, or in files of more than 2 GiB behind the FlatBuffer, found by offset and size. */
static int decode_buffer(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_model_buffer *buffer)
{
	uint64_t offset = tfl_fb_u64(table, BUFFER_OFFSET, 0), size = tfl_fb_u64(table, BUFFER_SIZE, 0);
	struct tfl_fb_vector vector;

	if (tfl_fb_vector(table, BUFFER_DATA, 1, &vector) < 0)
		return tfl_error_set(decoder->error, -EINVAL, "its offset or length leads out of the file");
	if (vector.count > 0) {
		*buffer = (struct tfl_model_buffer){vector.data, vector.count};
		return 0;
	}
	if (offset <= 1 || size == 0)
		return 0;
	if (size > decoder->model->size || offset > decoder->model->size - size)
		return tfl_error_set(decoder->error, -EINVAL, "%llu bytes at %llu, but the file has %zu", (unsigned long long)size,
				     (unsigned long long)offset, decoder->model->size);
	*buffer = (struct tfl_model_buffer){decoder->model->data + offset, (size_t)size};
	return 0;
}

static int decode_buffers(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, root, MODEL_BUFFERS, "buffers", UINT32_MAX, &vector);
	if (r < 0)
		return r;
	r = tfl_decoder_alloc(decoder, vector.count, sizeof(*decoder->buffers), &decoder->buffers);
	if (r < 0)
		return r;
	decoder->buffer_count = vector.count;
	for (i = 0; i < vector.count; i++) {
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = decode_buffer(decoder, &element, &decoder->buffers[i]);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "buffer %u", i);
	}
	return 0;
}

/* The code was one signed byte until there were more than 127; newer writers fill both fields, and the greater is meant. */
static int decode_operator_code(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_operator_code *code)
{
	int32_t deprecated = tfl_fb_i8(table, CODE_DEPRECATED_BUILTIN, 0);
	int32_t builtin = tfl_fb_i32(table, CODE_BUILTIN, 0);

	code->code = deprecated > builtin ? deprecated : builtin;
	code->version = tfl_fb_i32(table, CODE_VERSION, 1);
	return tfl_decoder_string(decoder, table, CODE_CUSTOM, "custom_code", &code->custom_name);
}

static int decode_operator_codes(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, root, MODEL_OPERATOR_CODES, "operator_codes", UINT32_MAX, &vector);
	if (r < 0)
		return r;
	r = tfl_decoder_alloc(decoder, vector.count, sizeof(*decoder->codes), &decoder->codes);
	if (r < 0)
		return r;
	decoder->code_count = vector.count;
	for (i = 0; i < vector.count; i++) {
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = decode_operator_code(decoder, &element, &decoder->codes[i]);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "operator code %u", i);
	}
	return 0;
}

/* Inputs or outputs of a subgraph. */
static int decode_edge(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		       const struct tfl_subgraph *subgraph, const int32_t **ret_indices, uint32_t *ret_count)
{
	const void *indices;
	int r;

	r = tfl_decoder_array(decoder, table, field, what, sizeof(int32_t), TFL_SUBGRAPH_EDGE_MAX, &indices, ret_count);
	if (r < 0)
		return r;
	*ret_indices = indices;
	return tfl_verify_indices(decoder, subgraph, what, indices, *ret_count, false);
}

static int decode_subgraph(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_subgraph *subgraph)
{
	int r;

	r = tfl_decoder_string(decoder, table, SUBGRAPH_NAME, "name", &subgraph->name);
	if (r == 0)
		r = tfl_decode_tensors(decoder, table, subgraph);
	if (r == 0)
		r = decode_edge(decoder, table, SUBGRAPH_INPUTS, "inputs", subgraph, &subgraph->inputs, &subgraph->input_count);
	if (r == 0)
		r = decode_edge(decoder, table, SUBGRAPH_OUTPUTS, "outputs", subgraph, &subgraph->outputs, &subgraph->output_count);
	if (r == 0)
		r = tfl_decode_operators(decoder, table, subgraph);
	if (r == 0)
		r = tfl_verify_order(decoder, subgraph);
	return r;
}

static int decode_subgraphs(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	struct tfl_model *model = decoder->model;
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, root, MODEL_SUBGRAPHS, "subgraphs", TFL_MODEL_SUBGRAPHS_MAX, &vector);
	if (r < 0)
		return r;
	if (vector.count == 0)
		return tfl_error_set(decoder->error, -EINVAL, "has no subgraph, but needs at least one");
	r = tfl_decoder_alloc(decoder, vector.count, sizeof(*model->subgraphs), &model->subgraphs);
	if (r < 0)
		return r;
	model->subgraph_count = vector.count;
	for (i = 0; i < vector.count; i++) {
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = decode_subgraph(decoder, &element, &model->subgraphs[i]);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "subgraph %u", i);
	}
	return 0;
}

/* The names of one side of a signature. */
static int decode_map(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		      const struct tfl_subgraph *subgraph, struct tfl_signature_tensor **ret_tensors, uint32_t *ret_count)
{
	struct tfl_signature_tensor *tensors;
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, table, field, what, TFL_SUBGRAPH_EDGE_MAX, &vector);
	if (r < 0)
		return r;
	r = tfl_decoder_alloc(decoder, vector.count, sizeof(*tensors), &tensors);
	if (r < 0)
		return r;
	for (i = 0; i < vector.count; i++) {
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = tfl_decoder_string(decoder, &element, MAP_NAME, "name", &tensors[i].name);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "%s: %u", what, i);
		tensors[i].tensor = tfl_fb_u32(&element, MAP_TENSOR, 0);
		if (tensors[i].tensor >= subgraph->tensor_count)
			return tfl_error_set(decoder->error, -EINVAL, "%s: %u is tensor %u, but there are %u", what, i, tensors[i].tensor,
					     subgraph->tensor_count);
	}
	*ret_tensors = tensors;
	*ret_count = vector.count;
	return 0;
}

static int decode_signature(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_signature *signature)
{
	const struct tfl_model *model = decoder->model;
	const struct tfl_subgraph *subgraph;
	int r;

	r = tfl_decoder_string(decoder, table, SIGNATURE_KEY, "signature_key", &signature->key);
	if (r < 0)
		return r;
	signature->subgraph = tfl_fb_u32(table, SIGNATURE_SUBGRAPH, 0);
	if (signature->subgraph >= model->subgraph_count)
		return tfl_error_set(decoder->error, -EINVAL, "subgraph %u, but there are %u", signature->subgraph, model->subgraph_count);
	subgraph = &model->subgraphs[signature->subgraph];
	r = decode_map(decoder, table, SIGNATURE_INPUTS, "inputs", subgraph, &signature->inputs, &signature->input_count);
	if (r < 0)
		return r;
	return decode_map(decoder, table, SIGNATURE_OUTPUTS, "outputs", subgraph, &signature->outputs, &signature->output_count);
}

static int decode_signatures(struct tfl_decoder *decoder, const struct tfl_fb_table *root)
{
	struct tfl_model *model = decoder->model;
	struct tfl_fb_vector vector;
	struct tfl_fb_table element;
	uint32_t i;
	int r;

	r = tfl_decoder_offsets(decoder, root, MODEL_SIGNATURE_DEFS, "signature_defs", UINT32_MAX, &vector);
	if (r < 0)
		return r;
	r = tfl_decoder_alloc(decoder, vector.count, sizeof(*model->signatures), &model->signatures);
	if (r < 0)
		return r;
	model->signature_count = vector.count;
	for (i = 0; i < vector.count; i++) {
		r = tfl_decoder_element(decoder, &vector, i, &element);
		if (r == 0)
			r = decode_signature(decoder, &element, &model->signatures[i]);
		if (r < 0)
			return tfl_error_prefix(decoder->error, r, "signature %u", i);
	}
	return 0;
}

static int find_root(struct tfl_decoder *decoder, struct tfl_fb_table *ret_root)
{
	const struct tfl_model *model = decoder->model;
	uint32_t version;

	if (model->size < 8)
		return tfl_error_set(decoder->error, -EINVAL, "is no model: %zu bytes, but a .tflite file has at least 8", model->size);
	if (memcmp(model->data + 4, "TFL3", 4) != 0)
		return tfl_error_set(decoder->error, -EINVAL, "is no .tflite file: bytes 4 to 7 are not the identifier \"TFL3\"");
	if (tfl_fb_root(&model->file, "TFL3", ret_root) < 0)
		return tfl_error_set(decoder->error, -EINVAL, "its root table leads out of the file's %zu bytes", model->size);
	version = tfl_fb_u32(ret_root, MODEL_VERSION, 0);
	if (version != SCHEMA_VERSION)
		return tfl_error_set(decoder->error, -EINVAL, "schema version %u, but only version %d can be read", version,
				     SCHEMA_VERSION);
	return 0;
}

static int decode_model(struct tfl_decoder *decoder)
{
	struct tfl_model *model = decoder->model;
	struct tfl_fb_table root;
	int r;

	r = find_root(decoder, &root);
	if (r == 0)
		r = tfl_decoder_string(decoder, &root, MODEL_DESCRIPTION, "description", &model->description);
	if (r == 0)
		r = decode_buffers(decoder, &root);
	if (r == 0)
		r = decode_operator_codes(decoder, &root);
	if (r == 0)
		r = decode_subgraphs(decoder, &root);
	if (r == 0)
		r = decode_signatures(decoder, &root);
	if (r == 0)
		r = tfl_metadata_decode(decoder, &root);
	return r;
}

static size_t mapped_size(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return tfl_align_up(size, page) + page;
}

/* Takes over a mapping, on failure too. */
static int open_bytes(const uint8_t *data, size_t size, bool mapped, struct tfl_model **ret_model, struct tfl_error *error)
{
	struct tfl_error unseen;
	struct tfl_decoder decoder = {
		.error = error ? error : &unseen,
		.budget = (uint64_t)size * TFL_MODEL_WORK_FACTOR + TFL_MODEL_WORK_FLOOR,
	};
	int r;

	decoder.model = calloc(1, sizeof(*decoder.model));
	if (!decoder.model) {
		if (mapped)
			munmap((void *)data, mapped_size(size));
		return tfl_error_set(error, -ENOMEM, "no memory for a model");
	}
	*decoder.model = (struct tfl_model){.data = data, .size = size, .mapped = mapped, .file = {data, size}};
	r = decode_model(&decoder);
	if (r < 0) {
		tfl_model_destroy(decoder.model);
		return r;
	}
	*ret_model = decoder.model;
	return 0;
}

static int check_file(int fd, size_t *ret_size, struct tfl_error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return tfl_error_set(error, -errno, "cannot look at the file: %m");
	if (!S_ISREG(status.st_mode))
		return tfl_error_set(error, S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL, "is %s, but must be a regular file",
				     S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket");
	if (status.st_size == 0)
		return tfl_error_set(error, -EINVAL, "is empty");
	if (status.st_size >= TFL_MODEL_BYTES_MAX)
		return tfl_error_set(error, -EFBIG, "has %lld bytes, but must have less than %u", (long long)status.st_size,
				     TFL_MODEL_BYTES_MAX);
	*ret_size = (size_t)status.st_size;
	return 0;
}

int tfl_model_open(int fd, struct tfl_model **ret_model, struct tfl_error *error)
{
	size_t size = 0;
	void *data;
	int r;

	r = check_file(fd, &size, error);
	if (r < 0)
		return r;
	data = mmap(NULL, mapped_size(size), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (data == MAP_FAILED)
		return tfl_error_set(error, -errno, "no room for a mapping of %zu bytes: %m", size);
	if (mmap(data, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
		r = -errno;
		munmap(data, mapped_size(size));
		return tfl_error_set(error, r, "cannot map the file for reading: %s", strerror(-r));
	}
	return open_bytes(data, size, true, ret_model, error);
}

int tfl_model_open_memory(const void *data, size_t size, struct tfl_model **ret_model, struct tfl_error *error)
{
	if (size >= TFL_MODEL_BYTES_MAX)
		return tfl_error_set(error, -EFBIG, "has %zu bytes, but must have less than %u", size, TFL_MODEL_BYTES_MAX);
	return open_bytes(data, size, false, ret_model, error);
}

void tfl_model_destroy(struct tfl_model *model)
{
	int saved = errno;

	if (!model)
		return;
	tfl_model_free_blocks(model);
	if (model->mapped)
		munmap((void *)model->data, mapped_size(model->size));
	free(model);
	errno = saved;
}

const char *tfl_model_label(const struct tfl_model *model, uint32_t index)
{
	return index < model->label_count ? model->labels[index] : NULL;
}
