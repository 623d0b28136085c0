/* SPDX-License-Identifier: MIT */
/*
 * Inside of the model layer: what decode_metadata.c, decode_tensor_metadata.c, labels.c and output_kind.c share while the metadata of one
 * model is decoded. Nobody else but model.c includes it.
 *
 * Metadata is advice: a model runs without it. So whatever is wrong with a part of it becomes a sentence in the model, that part stays
 * empty, and the others do not suffer for it. Only memory that runs out is handed up: the next attempt may have it.
 */
#ifndef RUNTIME_DECODE_METADATA_H
#define RUNTIME_DECODE_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/decode.h"

struct tfl_file_list;
struct tfl_metadata;
struct tfl_tensor_metadata;
struct tfl_unit_list;
struct zip;

/* One file of the archive, as far as labels were read from it. */
struct tfl_packed_labels {
	const char *const *labels;
	uint32_t count;
	bool read;  /* tried: labels is NULL where it failed */
	bool other; /* the metadata says that it is something else */
};

struct tfl_description {
	struct tfl_decoder *decoder;
	struct tfl_metadata *metadata;
	struct tfl_fb_buffer buffer; /* what the metadata's tables refer to */
	char place[32];              /* "output 3", in front of the sentence about a fault; empty: the model */
	struct zip *archive;         /* behind the model; NULL without */
	struct tfl_packed_labels *packed; /* one for each file of the archive */
	size_t label_bytes_left;     /* that label files may still unpack to … */
	uint32_t labels_left;        /* … and hold */
	bool labels_promised;        /* an output names a label file */
};

/* A text of a table, and the member of a struct that points to it. */
struct tfl_text_field {
	uint8_t field;
	const char *what;
	uint32_t max; /* bytes */
	size_t offset;
};

/**
 * Fills model->metadata and model->labels from what @p root, the model's root table, cites. Subgraph 0 has been decoded. 0, or -ENOMEM
 * with a sentence.
 */
int tfl_metadata_decode(struct tfl_decoder *decoder, const struct tfl_fb_table *root);

/** Keeps the first sentence, with its place and, where @p what is given, that in front; 0, or -ENOMEM when @p r says so. */
int tfl_metadata_fault(struct tfl_description *description, int r, const char *what);

/** Reads each text; those that are broken stay as they are and are kept as faults. 0 or -ENOMEM, as all below. */
int tfl_decode_texts(struct tfl_description *description, const struct tfl_fb_table *table, const struct tfl_text_field *fields,
		     unsigned count, void *object);

/* A vector of tables, each decoded into a struct of @size bytes. */
struct tfl_list_kind {
	const char *what;
	size_t size;
	int (*decode)(struct tfl_description *description, const struct tfl_fb_table *table, void *item);
};

/** A list, owned by the model. What is broken is a fault and left out of it. */
int tfl_decode_list(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field,
		    const struct tfl_list_kind *kind, void *ret_items, uint32_t *ret_count);

/** Vectors of AssociatedFile and of ProcessUnit. */
int tfl_decode_files(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field, struct tfl_file_list *ret_list);
int tfl_decode_units(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field, struct tfl_unit_list *ret_list);

/** A vector of strings as a whole, or, where it is broken, none. */
int tfl_decode_strings(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field, const char *what,
		       const char ***ret_strings, uint32_t *ret_count);

/** TensorMetadata. @p tensor is the input or output it is about. */
int tfl_decode_tensor_metadata(struct tfl_description *description, const struct tfl_fb_table *table, const struct tfl_tensor *tensor,
			       struct tfl_tensor_metadata *ret_metadata);

/** Opens the archive, lists it, finds the files that the metadata names, and reads the labels of outputs. */
int tfl_labels_decode(struct tfl_description *description);

/** Finds out what each output is for. After the labels. */
int tfl_output_kinds_find(struct tfl_description *description);

#endif
