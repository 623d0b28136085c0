/* SPDX-License-Identifier: MIT */
/*
 * A verified, read-only view of one .tflite file.
 *
 * tfl_model_open() maps the file, verifies every offset, size, index and enum in it, and decodes the parts that steer anything into the
 * plain structs below; behind it nobody checks the file again. Strings, quantisation parameters and constant data point into the mapping,
 * or, where the file has them at an address that does not suit their type, to copies that the model owns.
 * The caller guarantees that nobody can write or truncate the file while the model lives (the daemon's store, or a sealed memfd): a
 * mapped file that shrinks is a SIGBUS.
 *
 * Lifetime: created once, immutable afterwards, so any thread may read it; destroyed by its owner when no program uses it any more.
 */
#ifndef RUNTIME_MODEL_H
#define RUNTIME_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"
#include "runtime/flatbuffer.h"
#include "runtime/metadata.h"

struct tfl_error;

/*
 * Affine quantisation: real = scale * (q - zero_point). count is 0 for a tensor without it, 1 for one scale, else the size of
 * dimension axis. zero_points has count elements too. Scales are finite and positive in every tensor that a quantised operator uses
 * (the operator's prepare function asks); here only their memory is certain.
 */
struct tfl_quantization {
	uint32_t count;
	uint32_t axis;
	const float *scales;
	const int64_t *zero_points;
	bool custom; /* details of another kind (blockwise, custom): count is 0 */
	uint8_t details_type;        /* the schema's union tag of these details, 0 for none */
	struct tfl_fb_table details; /* an empty one where there are none */
};

struct tfl_tensor {
	const char *name; /* as all strings of a model: NUL-terminated UTF-8; "" without a name */
	enum tfl_dtype dtype;
	uint8_t rank;
	bool is_variable;
	bool is_sparse;
	bool has_dynamic; /* its signature has a dimension of -1 */
	int32_t dims[TFL_RANK_MAX];      /* as in "shape"; never negative */
	int32_t signature[TFL_RANK_MAX]; /* as in "shape_signature" where there is one, else dims; -1: any size */
	struct tfl_quantization quantization;
	/*
	 * Constant content, or NULL. Where the tensor is dense and its type has a fixed size, data_size is elements times that size.
	 * Its address has the alignment that the element type needs.
	 */
	const void *data;
	size_t data_size;
	uint32_t buffer; /* index of the buffer: tensors with the same one share their content */
	struct tfl_fb_table sparsity; /* SparsityParameters of a sparse tensor, else an empty table */
};

struct tfl_operator {
	uint16_t code;           /* enum tfl_builtin */
	int32_t version;
	const char *custom_name; /* of a custom operator, else NULL */
	const int32_t *inputs;   /* tensor indices, -1 for an optional input left out */
	const int32_t *outputs;  /* tensor indices */
	const int32_t *intermediates; /* tensor indices, -1 for one left out: scratch of the operator with its own quantisation */
	uint32_t input_count;
	uint32_t output_count;
	uint32_t intermediate_count;
	uint8_t options_type;         /* the schema's union tag in BuiltinOptions, 0 for none */
	uint8_t options_2_type;       /* the same in BuiltinOptions2; at most one of the two is set */
	struct tfl_fb_table options;  /* verified as a table; an empty one where there is none, whose fields read as defaults */
	const uint8_t *custom_options;
	size_t custom_options_size;
};

struct tfl_subgraph {
	const char *name;
	struct tfl_tensor *tensors;
	struct tfl_operator *operators; /* in an order in which each input is written before it is read (verified) */
	const int32_t *inputs;
	const int32_t *outputs;
	uint32_t tensor_count;
	uint32_t operator_count;
	uint32_t input_count;
	uint32_t output_count;
};

/* One tensor under the name that a signature gives it. */
struct tfl_signature_tensor {
	const char *name;
	uint32_t tensor; /* of the signature's subgraph */
};

/* A subgraph's inputs and outputs by names for callers. */
struct tfl_signature {
	const char *key; /* "serving_default" as a rule */
	uint32_t subgraph;
	uint32_t input_count;
	uint32_t output_count;
	struct tfl_signature_tensor *inputs;
	struct tfl_signature_tensor *outputs;
};

struct tfl_model_block;

struct tfl_model {
	const uint8_t *data; /* the whole file */
	size_t size;
	bool mapped; /* owned by munmap; TFL_MODEL_SLACK bytes behind the file are then readable */
	struct tfl_fb_buffer file; /* what every table in here refers to */
	struct tfl_model_block *blocks; /* every allocation of the model; the owner of all pointers that do not lead into the file */
	const char *description;
	struct tfl_signature *signatures;
	uint32_t signature_count;
	struct tfl_subgraph *subgraphs;
	uint32_t subgraph_count;
	struct tfl_metadata metadata;
	const char *const *labels; /* of the first output that has any, one per class; NULL without */
	uint32_t label_count;
};

/**
 * Maps and verifies the file behind @p fd, from its start to its end. @p fd stays the caller's and may be closed afterwards.
 * Errors: -EINVAL corrupt, truncated or self-contradicting (with where and what), -EFBIG past a limit, -ENOMEM, or what fstat and mmap say.
 *
 * Takes at most TFL_MODEL_WORK_FACTOR times the file's size and TFL_MODEL_WORK_FLOOR bytes of memory besides the mapping (and a struct
 * tfl_tensor_metadata for each input and output of subgraph 0; for a file with labels, TFL_LABELS_BYTES_MAX and a pointer for each), and
 * time in proportion to that, whatever the file claims.
 */
int tfl_model_open(int fd, struct tfl_model **ret_model, struct tfl_error *error);

/** The same over memory that stays the caller's and outlives the model. @p data has malloc's alignment. */
int tfl_model_open_memory(const void *data, size_t size, struct tfl_model **ret_model, struct tfl_error *error);

void tfl_model_destroy(struct tfl_model *model);

/** The label of class @p index, or NULL. */
const char *tfl_model_label(const struct tfl_model *model, uint32_t index);

#endif
