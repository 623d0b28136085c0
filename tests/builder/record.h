/* SPDX-License-Identifier: MIT */
/* What a builder remembers until it writes the file. Private to this folder. */
#ifndef TESTS_BUILDER_RECORD_H
#define TESTS_BUILDER_RECORD_H

#include <stdint.h>

#include "tests/builder/builder.h"
#include "tests/builder/fbwriter.h"

struct build_blob {
	const char *name; /* of a file in the archive */
	const void *data; /* NULL: the buffer has no vector at all */
	size_t size;
};

struct build_subgraph {
	const char *name;
	struct tfl_build_tensor *tensors;
	struct tfl_build_operator *operators;
	struct tfl_ints inputs;
	struct tfl_ints outputs;
	uint32_t tensor_count;
	uint32_t operator_count;
};

struct build_metadata {
	const char *name;
	uint32_t buffer;
};

struct tfl_builder {
	int error;
	void **kept; /* every copy, freed at the end */
	struct build_subgraph *subgraphs;
	struct build_blob *buffers;
	struct build_metadata *metadata;
	struct tfl_build_signature *signatures;
	struct build_blob *files;
	uint32_t kept_count;
	uint32_t subgraph_count;
	uint32_t buffer_count;
	uint32_t metadata_count;
	uint32_t signature_count;
	uint32_t file_count;
	const char *text;
	struct tfl_build_frame frame;
};

/** The zip archive of @p files, as it stands behind @p offset bytes of model. *ret_data is malloc's. 0 or -ENOMEM. */
int build_zip(const struct build_blob *files, uint32_t count, size_t offset, uint8_t **ret_data, size_t *ret_size);

#endif
