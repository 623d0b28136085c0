/* SPDX-License-Identifier: MIT */
/*
 * A request speaks of tensors by name or number; behind this file there are only numbers below the model's counts, and data whose type
 * and size are known to fit. The wire's parser has already made sure that shape, type and byte count of a tensor agree with each other, so
 * comparing shape and type with the model's settles the byte count too.
 *
 * Names are looked up as tensor names first, over all tensors, and as names of the signature after that; the other way round where the request names
 * a signature.
 *
 * Every tensor is bound once at most, and the outputs together fit into a frame: what a request makes the daemon hold for its reply is
 * bounded however it is worded.
 */
#include "daemon/binding.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "proto/request.h"
#include "runtime/interpreter.h"
#include "runtime/program.h"
#include "runtime/quant.h"

static_assert(TFL_INFER_TENSORS_MAX <= 64, "one bit for each tensor of a request");
static_assert(TFL_SUBGRAPH_EDGE_MAX <= UINT16_MAX + 1, "an index fits");

/* One side of an entry, and the words for it. */
struct side {
	const struct tfl_io *ios;
	uint32_t count;
	const char *noun;
	bool by_signature; /* which was named, and so its names come first */
};

/* "input 0 'image'" */
static const char *title(const struct side *side, uint32_t index, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s %u '%.80s'", side->noun, index, side->ios[index].name);
	return buffer;
}

/* "0 'image', 1 'mask'", cut after a few. */
static const char *list(const struct side *side, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (uint32_t i = 0; i < side->count && used < size; i++) {
		if (i == 6) {
			snprintf(buffer + used, size - used, ", … (%u in all)", side->count);
			break;
		}
		used += (size_t)snprintf(buffer + used, size - used, "%s%u '%.40s'", i ? ", " : "", i, side->ios[i].name);
	}
	return buffer;
}

static bool names(const char *name, struct tfl_string wanted)
{
	return name && tfl_string_equal(wanted, name);
}

static int find(const struct side *side, const struct tfl_wire_tensor *tensor, uint32_t position, uint32_t *ret_index,
		struct tfl_error *error)
{
	char known[400];

	if (tensor->index >= 0) {
		if ((uint32_t)tensor->index < side->count) {
			*ret_index = (uint32_t)tensor->index;
			return 0;
		}
		return tfl_error_set(error, -ENOENT, "%ss[%u]: there is no %s %d; the model has %s", side->noun, position, side->noun,
				     tensor->index, list(side, known, sizeof(known)));
	}
	for (unsigned turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < side->count; i++) {
			if (names(side->by_signature == (turn == 0) ? side->ios[i].signature_name : side->ios[i].name, tensor->name)) {
				*ret_index = i;
				return 0;
			}
		}
	}
	return tfl_error_set(error, -ENOENT, "%ss[%u]: there is no %s '%.*s'; the model has %s", side->noun, position, side->noun,
			     TFL_STRING_ARGS(tensor->name), list(side, known, sizeof(known)));
}

static bool is_among(uint32_t index, const uint16_t *bound, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (bound[i] == index)
			return true;
	}
	return false;
}

/* Finds what the request's tensor number @p position means, and adds it to the @p position ones that are bound. */
static int bind_once(const struct side *side, const struct tfl_wire_tensor *tensor, uint32_t position, uint16_t *bound, uint32_t *ret_index,
		     struct tfl_error *error)
{
	char name[128];
	uint32_t index;
	int r;

	r = find(side, tensor, position, &index, error);
	if (r < 0)
		return r;
	if (is_among(index, bound, position))
		return tfl_error_set(error, -EINVAL, "%ss[%u]: %s comes twice; each %s comes once", side->noun, position,
				     title(side, index, name, sizeof(name)), side->noun);
	bound[position] = (uint16_t)index;
	*ret_index = index;
	return 0;
}

static bool same_shape(const struct tfl_io *io, const struct tfl_wire_shape *shape)
{
	return shape->rank == io->rank && memcmp(shape->dims, io->dims, io->rank * sizeof(io->dims[0])) == 0;
}

/* Whether it is one that whoever calls may choose. */
static bool free_shape(const struct tfl_io *io, const struct tfl_wire_shape *shape)
{
	bool fits = io->free && shape->rank == io->rank;

	for (unsigned i = 0; fits && i < io->rank; i++)
		fits = io->shape_signature[i] == -1 ? shape->dims[i] > 0 : shape->dims[i] == io->dims[i];
	return fits;
}

static int wrong_dtype(const struct side *side, uint32_t index, enum tfl_dtype dtype, struct tfl_error *error)
{
	const struct tfl_io *io = &side->ios[index];
	char name[128], shape[TFL_SHAPE_STRING_MAX];

	return tfl_error_set(error, -EINVAL, "%s has dtype %s and must have %s%s: shape %s, %zu bytes", title(side, index, name, sizeof(name)),
			     tfl_dtype_to_string(dtype), tfl_dtype_to_string(io->dtype),
			     io->quantized ? " (or float32, which is quantised here)" : "",
			     tfl_shape_to_string(io->dims, io->rank, shape, sizeof(shape)), io->bytes);
}

static int wrong_shape(const struct side *side, uint32_t index, const struct tfl_wire_tensor *tensor, struct tfl_error *error)
{
	const struct tfl_io *io = &side->ios[index];
	char name[128], sent[TFL_SHAPE_STRING_MAX], wanted[TFL_SHAPE_STRING_MAX];

	if (io->free)
		return tfl_error_set(error, -EINVAL, "%s has shape %s and must have %s, where -1 is any size from 1 on",
				     title(side, index, name, sizeof(name)),
				     tfl_shape_to_string(tensor->shape.dims, (unsigned)tensor->shape.rank, sent, sizeof(sent)),
				     tfl_shape_to_string(io->shape_signature, io->rank, wanted, sizeof(wanted)));
	return tfl_error_set(error, -EINVAL, "%s has shape %s and must have %s: %zu elements of %s, %zu bytes",
			     title(side, index, name, sizeof(name)),
			     tfl_shape_to_string(tensor->shape.dims, (unsigned)tensor->shape.rank, sent, sizeof(sent)),
			     tfl_shape_to_string(io->dims, io->rank, wanted, sizeof(wanted)), io->elements,
			     tfl_dtype_to_string(tensor->dtype), io->elements * tfl_dtype_size(tensor->dtype));
}

/* Type and shape against the model's; *ret_converted where float32 meets a quantised input, *resized for a shape that was chosen. */
static int check_input(const struct side *side, uint32_t index, const struct tfl_wire_tensor *tensor, bool *ret_converted, bool *resized,
		       struct tfl_error *error)
{
	const struct tfl_io *io = &side->ios[index];
	bool converted = io->quantized && tensor->dtype == TFL_FLOAT32 && io->dtype != TFL_FLOAT32;
	char name[128];

	if (tensor->in_region)
		return tfl_error_set(error, -ENOSYS, "%s: this daemon does not take data in shared memory; send it as binary data",
				     title(side, index, name, sizeof(name)));
	if (tensor->dtype != io->dtype && !converted)
		return wrong_dtype(side, index, tensor->dtype, error);
	*ret_converted = converted;
	if (same_shape(io, &tensor->shape))
		return 0;
	if (!free_shape(io, &tensor->shape))
		return wrong_shape(side, index, tensor, error);
	*resized = true;
	return 0;
}

static int missing(const struct side *side, uint32_t index, struct tfl_error *error)
{
	const struct tfl_io *io = &side->ios[index];
	char name[128], shape[TFL_SHAPE_STRING_MAX];

	return tfl_error_set(error, -EINVAL, "%s is missing: %s, shape %s, %zu bytes", title(side, index, name, sizeof(name)),
			     tfl_dtype_to_string(io->dtype), tfl_shape_to_string(io->dims, io->rank, shape, sizeof(shape)), io->bytes);
}

static int bind_inputs(const struct side *side, const struct tfl_tensor_list *tensors, struct tfl_binding *binding,
		       struct tfl_error *error)
{
	if (side->count > TFL_INFER_TENSORS_MAX)
		return tfl_error_set(error, -EINVAL, "the model has %u inputs, and a request can bring %u", side->count, TFL_INFER_TENSORS_MAX);
	for (uint32_t i = 0; i < tensors->count; i++) {
		const struct tfl_wire_tensor *tensor = tfl_tensor_list_at(tensors, i);
		uint32_t index;
		bool converted = false;
		int r;

		r = bind_once(side, tensor, i, binding->inputs, &index, error);
		if (r == 0)
			r = check_input(side, index, tensor, &converted, &binding->resized, error);
		if (r < 0)
			return r;
		binding->quantize |= (uint64_t)converted << i;
	}
	for (uint32_t i = 0; i < side->count; i++) {
		if (!is_among(i, binding->inputs, tensors->count))
			return missing(side, i, error);
	}
	return 0;
}

/* Whether an output is converted, given what was asked for it (or for all). */
static int check_output(const struct side *side, uint32_t index, enum tfl_dtype wanted, bool *ret_converted, struct tfl_error *error)
{
	const struct tfl_io *io = &side->ios[index];
	char name[128];

	if (wanted == TFL_DTYPE_COUNT || wanted == io->dtype) {
		*ret_converted = false;
		return 0;
	}
	if (wanted != TFL_FLOAT32 || !io->quantized)
		return tfl_error_set(error, -EINVAL, "%s is %s%s and cannot be given as %s", title(side, index, name, sizeof(name)),
				     tfl_dtype_to_string(io->dtype), io->quantized ? " (or float32, dequantised)" : "",
				     tfl_dtype_to_string(wanted));
	*ret_converted = true;
	return 0;
}

static int bind_chosen(const struct side *side, const struct tfl_infer_request *request, struct tfl_binding *binding,
		       struct tfl_error *error)
{
	for (uint32_t i = 0; i < request->outputs.count; i++) {
		const struct tfl_wire_tensor *tensor = tfl_tensor_list_at(&request->outputs, i);
		enum tfl_dtype wanted = tensor->dtype;
		uint32_t index;
		bool converted = false;
		int r;

		r = bind_once(side, tensor, i, binding->outputs, &index, error);
		if (r < 0)
			return r;
		if (wanted == TFL_DTYPE_COUNT && side->ios[index].quantized)
			wanted = request->head.dtype;
		r = check_output(side, index, wanted, &converted, error);
		if (r < 0)
			return r;
		binding->dequantize |= (uint64_t)converted << i;
	}
	binding->output_count = request->outputs.count;
	return 0;
}

static int bind_all(const struct side *side, const struct tfl_infer_request *request, struct tfl_binding *binding, struct tfl_error *error)
{
	if (side->count > TFL_INFER_TENSORS_MAX)
		return tfl_error_set(error, -EINVAL, "the model has %u outputs, and a reply can bring %u: name those that are wanted",
				     side->count, TFL_INFER_TENSORS_MAX);
	for (uint32_t i = 0; i < side->count; i++) {
		const struct tfl_io *io = &side->ios[i];
		bool converted = request->head.dtype == TFL_FLOAT32 && io->quantized && io->dtype != TFL_FLOAT32;

		binding->outputs[i] = (uint16_t)i;
		binding->dequantize |= (uint64_t)converted << i;
	}
	binding->output_count = side->count;
	return 0;
}

/* A reply that no frame can hold is refused before anything is computed for it, where that can be known before. */
static int check_size(const struct side *side, const struct tfl_binding *binding, struct tfl_error *error)
{
	size_t size = 0;

	if (binding->resized)
		return 0;
	for (uint32_t i = 0; i < binding->output_count; i++) {
		const struct tfl_io *io = &side->ios[binding->outputs[i]];

		if (io->late)
			continue;
		size += binding->dequantize & UINT64_C(1) << i ? io->elements * sizeof(float) : io->bytes;
	}
	if (size <= TFL_FRAME_MAX)
		return 0;
	return tfl_error_set(error, -EINVAL, "the outputs have %zu bytes, and a reply can bring %u: name those that are wanted", size, TFL_FRAME_MAX);
}

/* "'encode', 'decode'", cut after a few. */
static const char *list_signatures(const struct tfl_interface *interface, char *buffer, size_t size)
{
	size_t used = (size_t)snprintf(buffer, size, "%s", interface->count > 1 || interface->entries[0].signature ? "" : "none");
	unsigned named = 0;

	for (uint32_t i = 0; i < interface->count && used < size; i++) {
		if (!interface->entries[i].signature)
			continue;
		if (named == 6) {
			snprintf(buffer + used, size - used, ", …");
			break;
		}
		used += (size_t)snprintf(buffer + used, size - used, "%s'%.40s'", named++ ? ", " : "", interface->entries[i].signature);
	}
	return buffer;
}

static int find_entry(const struct tfl_interface *interface, struct tfl_string signature, uint32_t *ret_entry, struct tfl_error *error)
{
	char known[400];
	uint32_t i = 0;

	*ret_entry = 0;
	if (!signature.text)
		return 0;
	while (i < interface->count && !names(interface->entries[i].signature, signature))
		i++;
	if (i == interface->count)
		return tfl_error_set(error, -ENOENT, "the model has no signature '%.*s'; it has %s", TFL_STRING_ARGS(signature),
				     list_signatures(interface, known, sizeof(known)));
	if (interface->entries[i].fault)
		return tfl_error_set(error, -EOPNOTSUPP, "signature '%.80s' cannot be run: %s", interface->entries[i].signature,
				     interface->entries[i].fault);
	*ret_entry = i;
	return 0;
}

int tfl_binding_make(const struct tfl_interface *interface, const struct tfl_infer_request *request, struct tfl_binding *ret_binding,
		     struct tfl_error *error)
{
	struct tfl_binding binding = {0};
	const struct tfl_entry *entry;
	struct side inputs, outputs;
	int r;

	r = find_entry(interface, request->head.signature, &binding.entry, error);
	if (r < 0)
		return r;
	entry = &interface->entries[binding.entry];
	binding.main = binding.entry == 0 || entry->main;
	inputs = (struct side){entry->inputs, entry->input_count, "input", request->head.signature.text != NULL};
	outputs = (struct side){entry->outputs, entry->output_count, "output", inputs.by_signature};
	r = bind_inputs(&inputs, &request->inputs, &binding, error);
	if (r < 0)
		return r;
	r = (request->outputs.count > 0 ? bind_chosen : bind_all)(&outputs, request, &binding, error);
	if (r == 0)
		r = check_size(&outputs, &binding, error);
	if (r < 0)
		return r;
	*ret_binding = binding;
	return 0;
}

static int resize(const struct tfl_binding *binding, const struct tfl_tensor_list *inputs, struct tfl_interpreter **part, struct tfl_error *error)
{
	struct tfl_io_shape shapes[TFL_INFER_TENSORS_MAX];

	for (uint32_t i = 0; i < inputs->count; i++) {
		const struct tfl_wire_shape *shape = &tfl_tensor_list_at(inputs, i)->shape;

		shapes[binding->inputs[i]].rank = (uint8_t)shape->rank;
		memcpy(shapes[binding->inputs[i]].dims, shape->dims, sizeof(shape->dims));
	}
	return tfl_interpreter_resize(*part, shapes, part, error);
}

int tfl_binding_fill(const struct tfl_binding *binding, const struct tfl_interface *interface, const struct tfl_tensor_list *inputs,
		     struct tfl_interpreter *interpreter, struct tfl_interpreter **ret_part, struct tfl_error *error)
{
	const struct tfl_entry *entry = &interface->entries[binding->entry];
	struct tfl_interpreter *part = tfl_interpreter_entry(interpreter, binding->entry);
	int r = binding->resized ? resize(binding, inputs, &part, error) : 0;

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < inputs->count; i++) {
		const struct tfl_wire_tensor *tensor = tfl_tensor_list_at(inputs, i);
		const struct tfl_io *io = &entry->inputs[binding->inputs[i]];
		void *memory = tfl_interpreter_input(part, binding->inputs[i]);

		if (binding->quantize & UINT64_C(1) << i)
			tfl_quantize(io->dtype, io->scale, io->zero_point, tensor->data.data, tensor->data.size / sizeof(float), memory);
		else
			memcpy(memory, tensor->data.data, tensor->data.size);
	}
	*ret_part = part;
	return 0;
}
