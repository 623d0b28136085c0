/* SPDX-License-Identifier: MIT */
/*
 * A tensor on the wire: {name | index, dtype, shape, data}. data is binary (row-major, little-endian), or {region, offset, byte_size} for
 * data in shared memory. Shape, dtype and size of the data agree: behind the parser nobody checks that again.
 */
#ifndef PROTO_TENSOR_H
#define PROTO_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tfl-types.h"
#include "proto/params.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_writer;

/* Bytes of a shared memory region that was attached before. */
struct tfl_wire_region {
	uint64_t region;
	uint64_t offset;
	uint64_t byte_size;
};

/* Views into a frame; owns nothing. Also says which output a request wants: then shape.rank is -1 and there is no data. */
struct tfl_wire_tensor {
	struct tfl_string name;      /* text NULL: by index */
	int32_t index;               /* -1: by name */
	enum tfl_dtype dtype;        /* TFL_DTYPE_COUNT: not given (outputs of a request only) */
	struct tfl_wire_shape shape; /* rank 0: a scalar */
	struct tfl_slice data;       /* unaligned; data NULL when in_region */
	bool in_region;
	struct tfl_wire_region region;
};

#define TFL_TENSORS_INLINE 4

/*
 * Up to TFL_INFER_TENSORS_MAX tensors; up to four without an allocation. Zeroed memory is an empty list. May be moved by assignment, not
 * copied.
 */
struct tfl_tensor_list {
	uint32_t count;
	struct tfl_wire_tensor few[TFL_TENSORS_INLINE];
	struct tfl_wire_tensor *many; /* instead of few, past four */
};

static inline const struct tfl_wire_tensor *tfl_tensor_list_at(const struct tfl_tensor_list *list, uint32_t index)
{
	return list->many ? &list->many[index] : &list->few[index];
}

/* What a tensor in a message has to bring along. */
enum tfl_tensor_role {
	TFL_TENSOR_INPUT,  /* in a request: name or index; dtype, shape, data */
	TFL_TENSOR_CHOICE, /* wanted output in a request: name or index; perhaps dtype */
	TFL_TENSOR_OUTPUT, /* in a reply: name and index; dtype, shape, data */
};

/** Parses one encoded tensor. 0; -EINVAL or -EBADMSG with a sentence. */
int tfl_wire_tensor_parse(struct tfl_slice map, enum tfl_tensor_role role, struct tfl_wire_tensor *ret_tensor, struct tfl_error *error);

/** Writes one, whatever is given of it. Large data is referred to, not copied: it must stay until the frame is sent. */
void tfl_wire_tensor_write(struct tfl_writer *writer, const struct tfl_wire_tensor *tensor);

/** Bytes that a tensor of this shape and type has. 0; -EINVAL for a type without a fixed size or a negative dimension; -EOVERFLOW. */
int tfl_wire_shape_bytes(const struct tfl_wire_shape *shape, enum tfl_dtype dtype, size_t *ret_bytes);

/**
 * Parses all of @p array. @p what opens an error's sentence: "inputs" gives "inputs[2]: …". 0; -EINVAL, -EBADMSG, -ENOMEM. On success the
 * list is the caller's to finish.
 */
int tfl_tensor_list_parse(const struct tfl_wire_array *array, enum tfl_tensor_role role, const char *what, struct tfl_tensor_list *ret_list,
			  struct tfl_error *error);

/** Frees. NULL allowed, idempotent. */
void tfl_tensor_list_finish(struct tfl_tensor_list *list);

#endif
