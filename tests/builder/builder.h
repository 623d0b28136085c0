/* SPDX-License-Identifier: MIT */
/*
 * Writes any graph as a .tflite file, for tests, benchmarks and the sample model. Nothing is checked: what is asked for is written, so
 * that a test can also make files that lie (indices out of range, data of the wrong size, unknown enums). Byte-identical for equal calls.
 *
 *	struct tfl_builder *b = tfl_build_create();
 *	int x = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "x", .dims = TFL_INTS(1, 4)});
 *	int y = tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "y", .dims = TFL_INTS(1, 4)});
 *	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_RELU, .inputs = TFL_INTS(x), .outputs = TFL_INTS(y)});
 *	tfl_build_io(b, TFL_INTS(x), TFL_INTS(y));
 *	r = tfl_build_finish(b, &data, &size);
 *	tfl_build_destroy(b);
 *
 * Everything handed in is copied. Errors (-ENOMEM only) are sticky: calls may be chained and tfl_build_finish() reports the first one.
 * An index that a failed call returns is that negative number. One thread at a time.
 */
#ifndef TESTS_BUILDER_BUILDER_H
#define TESTS_BUILDER_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tfl-types.h"
#include "runtime/schema.h"
#include "tests/builder/options.h"

struct tfl_builder;

/* One level of a tensor that is stored sparse, as DimensionMetadata. */
struct tfl_build_level {
	int8_t format;               /* 0 dense, 1 compressed */
	int32_t size;                /* dense_size */
	uint8_t segments_type, indices_type; /* 1: int32, 2: uint16, 3: uint8; 0 writes no vector */
	struct tfl_ints segments, indices;
};

/* SparsityParameters. */
struct tfl_build_sparsity {
	struct tfl_ints traversal_order, block_map;
	const struct tfl_build_level *levels;
	uint32_t level_count;
};

/* Left out fields are zero: a float32 scalar without content or quantisation. */
struct tfl_build_tensor {
	const char *name;
	enum tfl_dtype dtype;
	struct tfl_ints dims;
	struct tfl_ints signature;   /* empty: no shape_signature in the file */
	const void *data;            /* content of a constant, or NULL */
	size_t data_size;
	uint32_t buffer;             /* without data: index of a buffer, see tfl_build_buffer(); 0 is the empty one */
	const float *scales;         /* quantisation, or NULL */
	const int64_t *zero_points;  /* NULL: as many zeros as there are scales */
	uint32_t scale_count;
	uint32_t zero_point_count;   /* 0: scale_count */
	int32_t axis;                /* quantized_dimension */
	bool is_variable;
	bool sparse;                 /* writes an empty table of sparsity parameters */
	const struct tfl_build_sparsity *sparsity; /* writes these; NULL: dense */
	bool custom_quantization;    /* writes a CustomQuantization table as the details */
};

struct tfl_build_operator {
	uint32_t code;               /* enum tfl_builtin */
	int32_t version;             /* 0: 1 */
	const char *custom_name;
	struct tfl_ints inputs;      /* tensor indices; -1 for an optional one left out */
	struct tfl_ints outputs;
	struct tfl_ints intermediates;
	struct tfl_build_options options;
	const void *custom_options;
	size_t custom_options_size;
};

/* A tensor under the name that a signature gives it. */
struct tfl_build_binding {
	const char *name;
	uint32_t tensor;
};

struct tfl_build_signature {
	const char *key; /* "serving_default" */
	uint32_t subgraph;
	const struct tfl_build_binding *inputs;
	const struct tfl_build_binding *outputs;
	uint32_t input_count;
	uint32_t output_count;
};

/* TFLite metadata: what the model is, and how its first input and first output relate to pictures and labels. */
struct tfl_build_description {
	const char *name;
	const char *description;
	const char *version;
	const char *author;
	const char *license;
	const char *input_name;
	const char *input_description;
	const char *output_name;
	const char *output_description;
	int8_t color_space;       /* 0: the input is no picture, 1: RGB, 2: greyscale */
	const float *mean;        /* of channel values 0 to 255: input = (value - mean) / std; NULL: no normalisation */
	const float *std;
	uint32_t channels;        /* elements of mean and of std */
	const char *label_file;   /* name of the file added by tfl_build_file() with one label a line; NULL: no labels */
};

/* Parts of the file's frame that a hostile file gets wrong. */
struct tfl_build_frame {
	uint32_t version;         /* of the schema: 3 */
	char identifier[5];       /* "TFL3" */
	bool no_subgraphs;        /* leaves out the vector */
	bool no_buffers;
};

struct tfl_builder *tfl_build_create(void);
void tfl_build_destroy(struct tfl_builder *builder);

/** Starts another subgraph, which takes the tensors and operators that follow. The builder begins with subgraph 0, "main". Its index. */
int tfl_build_subgraph(struct tfl_builder *builder, const char *name);

/** Each adds one thing and returns its index in the current subgraph (a buffer's: in the file). */
int tfl_build_tensor(struct tfl_builder *builder, const struct tfl_build_tensor *tensor);
int tfl_build_operator(struct tfl_builder *builder, const struct tfl_build_operator *op);
int tfl_build_buffer(struct tfl_builder *builder, const void *data, size_t size);

/** Names the inputs and outputs of the current subgraph. */
void tfl_build_io(struct tfl_builder *builder, struct tfl_ints inputs, struct tfl_ints outputs);

void tfl_build_signature(struct tfl_builder *builder, const struct tfl_build_signature *signature);

/** A named metadata entry with a buffer of its own. */
void tfl_build_metadata(struct tfl_builder *builder, const char *name, const void *data, size_t size);

/** Adds the "TFLITE_METADATA" entry for subgraph 0, whose inputs and outputs must be known. */
void tfl_build_describe(struct tfl_builder *builder, const struct tfl_build_description *description);

/** Adds a file to the zip archive that is appended to the model; its offsets count from the start of the model file. */
void tfl_build_file(struct tfl_builder *builder, const char *name, const void *data, size_t size);

/** The model's own description (not the metadata's); NULL for none. */
void tfl_build_text(struct tfl_builder *builder, const char *description);

void tfl_build_frame(struct tfl_builder *builder, const struct tfl_build_frame *frame);

/** The file, malloc's, the caller's to free. The builder stays as it is. 0, -ENOMEM, -EFBIG past 2^31 - 1 bytes. */
int tfl_build_finish(struct tfl_builder *builder, uint8_t **ret_data, size_t *ret_size);

/** Writes bytes to @p path through a neighbour that is renamed, so that a reader never sees half a file. 0 or -errno. */
int tfl_build_save(const char *path, const void *data, size_t size);

#endif
