/* SPDX-License-Identifier: MIT */
/*
 * Inside of the model layer: what its files share while one model file is verified and decoded. Nobody outside of runtime/model.c,
 * decode*.c, verify.c and what decode_metadata.h lists includes it.
 *
 * All functions here return 0 or -errno with a sentence in decoder->error (never NULL), to which the callers on the way up add where it
 * was: "subgraph 0: tensor 5: shape: ...".
 */
#ifndef RUNTIME_DECODE_H
#define RUNTIME_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "runtime/flatbuffer.h"
#include "runtime/model.h"

/* Content of one buffer of the file. */
struct tfl_model_buffer {
	const uint8_t *data; /* NULL when it is empty */
	size_t size;
};

/* What an operator's opcode_index stands for. */
struct tfl_operator_code {
	int32_t code; /* as the file has it; in range only where an operator uses it */
	int32_t version;
	const char *custom_name;
};

struct tfl_decoder {
	struct tfl_model *model;
	struct tfl_error *error;
	uint64_t budget; /* bytes that may still be allocated or looked at, see tfl_decoder_charge() */
	struct tfl_model_buffer *buffers;
	struct tfl_operator_code *codes;
	uint32_t buffer_count;
	uint32_t code_count;
};

/**
 * Takes @p bytes off the budget. A FlatBuffer may use one vector a million times; without an account a file of a megabyte could ask for
 * a terabyte. Honest files need a few times their size.
 */
int tfl_decoder_charge(struct tfl_decoder *decoder, uint64_t bytes);

/** Adds to the budget, for what has a limit of its own (labels) and has been checked against that. */
void tfl_decoder_grant(struct tfl_decoder *decoder, uint64_t bytes);

/** Zeroed, 16-aligned memory that the model owns, charged. A @p count of 0 gives NULL. */
int tfl_decoder_alloc(struct tfl_decoder *decoder, size_t count, size_t size, void *ret_memory);

/** A table that need not be there; an absent one is empty. @p what names it in the sentence. */
int tfl_decoder_table(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		      struct tfl_fb_table *ret_table);

/** A string of at most TFL_TENSOR_NAME_MAX bytes, UTF-8 without NUL; "" when it is absent. */
int tfl_decoder_string(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		       const char **ret_string);

/** The same with at most @p max bytes. */
int tfl_decoder_text(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what, uint32_t max,
		     const char **ret_string);

/** A vector of such strings, owned by the model. An absent vector is NULL and 0. */
int tfl_decoder_strings(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
			const char ***ret_strings, uint32_t *ret_count);

/** A vector of offsets with at most @p max elements; an absent one is empty. */
int tfl_decoder_offsets(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what, uint32_t max,
			struct tfl_fb_vector *ret_vector);

/** Element @p index of a vector of tables. */
int tfl_decoder_element(struct tfl_decoder *decoder, const struct tfl_fb_vector *vector, uint32_t index, struct tfl_fb_table *ret_table);

/**
 * At most @p max scalars of @p element_size bytes, charged. They are aligned: where they are not so in the file, the model owns a copy.
 * An absent vector is NULL and 0.
 */
int tfl_decoder_array(struct tfl_decoder *decoder, const struct tfl_fb_table *table, unsigned field, const char *what,
		      unsigned element_size, uint32_t max, const void **ret_elements, uint32_t *ret_count);

/** Tensors of a subgraph: model->subgraphs[index].tensors. */
int tfl_decode_tensors(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_subgraph *subgraph);

/** Operators of a subgraph, after its tensors. Their tensor indices are in range afterwards. */
int tfl_decode_operators(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_subgraph *subgraph);

/** Moves a buffer's content to memory of its own where the file has it at an odd address. Later users of the buffer see the copy. */
int tfl_decoder_align(struct tfl_decoder *decoder, struct tfl_model_buffer *buffer, size_t alignment);

/** Frees what tfl_decoder_alloc() gave. */
void tfl_model_free_blocks(struct tfl_model *model);

/** Whether each of @p indices is a tensor of @p subgraph, or -1 where @p optional. @p what names them: "input". */
int tfl_verify_indices(struct tfl_decoder *decoder, const struct tfl_subgraph *subgraph, const char *what, const int32_t *indices,
		       uint32_t count, bool optional);

/**
 * Whether the operators can run in their order: each input is there before it is read, nothing is written twice, constants and graph
 * inputs never. Tensors without elements that nobody writes become constants.
 */
int tfl_verify_order(struct tfl_decoder *decoder, struct tfl_subgraph *subgraph);

#endif
