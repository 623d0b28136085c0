/* SPDX-License-Identifier: MIT */
/*
 * What a model's author packed into the file for its callers: what the model is, what each input and output stands for, how values are to
 * be prepared and read, labels. TensorFlow Lite's metadata schema, identifier "M001", to version 1.5.0; of a newer one the new parts are
 * left out.
 *
 * All of it is advice. Nothing in the runtime depends on it, and where it is broken the broken part is empty and tfl_metadata.fault says
 * why. Lifetime and thread: the model's (see model.h). Strings are NUL-terminated UTF-8, "" where the file has none.
 */
#ifndef RUNTIME_METADATA_H
#define RUNTIME_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers of these enums are the schema's. What a newer schema has becomes the first of each. */

enum tfl_file_kind {
	TFL_FILE_UNKNOWN = 0,
	TFL_FILE_DESCRIPTION = 1,
	TFL_FILE_AXIS_LABELS = 2,  /* a label a line, for the places along an axis of the tensor */
	TFL_FILE_VALUE_LABELS = 3, /* a label a line, for the values in the tensor */
	TFL_FILE_CALIBRATION = 4,  /* a line "scale,slope,offset[,least score]" for each place */
	TFL_FILE_VOCABULARY = 5,
	TFL_FILE_INDEX = 6,        /* of an on-device search */
	TFL_FILE_KINDS
};

enum tfl_content_kind {
	TFL_CONTENT_UNKNOWN = 0,
	TFL_CONTENT_FEATURE = 1,
	TFL_CONTENT_IMAGE = 2,
	TFL_CONTENT_BOXES = 3,
	TFL_CONTENT_AUDIO = 4,
	TFL_CONTENT_KINDS
};

enum tfl_color_space {
	TFL_COLOR_UNKNOWN = 0,
	TFL_COLOR_RGB = 1,
	TFL_COLOR_GRAY = 2,
	TFL_COLOR_SPACES
};

enum tfl_box_kind {
	TFL_BOX_UNKNOWN = 0,
	TFL_BOX_BOUNDARIES = 1, /* left, top, right, bottom */
	TFL_BOX_UPPER_LEFT = 2, /* left, top, width, height */
	TFL_BOX_CENTER = 3,     /* centre's x and y, width, height */
	TFL_BOX_KINDS
};

enum tfl_unit_kind {
	TFL_UNIT_UNKNOWN = 0,
	TFL_UNIT_NORMALIZATION = 1,
	TFL_UNIT_CALIBRATION = 2,
	TFL_UNIT_THRESHOLD = 3,
	TFL_UNIT_BERT = 4,
	TFL_UNIT_SENTENCEPIECE = 5,
	TFL_UNIT_REGEX = 6,
	TFL_UNIT_KINDS
};

enum tfl_score_transform {
	TFL_SCORE_IDENTITY = 0,
	TFL_SCORE_LOG = 1,
	TFL_SCORE_INVERSE_LOGISTIC = 2,
	TFL_SCORE_TRANSFORMS
};

/* What an output is for. Not of the schema: worked out of metadata and graph, see output_kind.c. */
enum tfl_output_kind {
	TFL_OUTPUT_UNKNOWN = 0,
	TFL_OUTPUT_CLASSIFICATION, /* a score for each class */
	TFL_OUTPUT_BOXES,          /* of detections; these four belong together */
	TFL_OUTPUT_CLASSES,
	TFL_OUTPUT_SCORES,
	TFL_OUTPUT_COUNT,
	TFL_OUTPUT_FEATURE,        /* a vector that stands for the input (an embedding) */
	TFL_OUTPUT_IMAGE,
	TFL_OUTPUT_KINDS
};

/* A file that the metadata names. */
struct tfl_associated_file {
	const char *name;
	const char *description;
	const char *locale;  /* "en", "en-US" */
	const char *version;
	enum tfl_file_kind kind;
	bool packed;         /* the archive behind the model has it */
	uint64_t bytes;      /* unpacked */
	/* Of a label file that was read: the first of its kind for an output, and others of that kind in the same language. */
	const char *const *labels;
	uint32_t label_count;
	int8_t axis;         /* the dimension that axis labels fit, the last such one; -1 for none */
};

struct tfl_file_list {
	struct tfl_associated_file *items;
	uint32_t count;
};

struct tfl_content {
	enum tfl_content_kind kind;
	enum tfl_color_space color_space; /* of an image */
	uint32_t width, height;           /* of an image whose tensor has any size; 0: not said */
	enum tfl_box_kind box;            /* of boxes */
	bool pixels;                      /* of boxes: coordinates are pixels of the input, not shares of 0 to 1 */
	uint8_t order[4];                 /* of boxes: where each of the four numbers that enum tfl_box_kind lists stands */
	uint32_t sample_rate, channels;   /* of audio; 0: not said */
	bool ranged;                      /* the content is of these dimensions only, the others count it */
	int32_t range_min, range_max;
};

/* One step before the model sees a value, or after it gave one. */
struct tfl_unit {
	enum tfl_unit_kind kind;
	uint32_t count;      /* of a normalisation: (value - mean[c]) / std[c] for channel c, or all channels where count is 1 */
	const float *mean;   /* finite */
	const float *std;    /* finite, not 0 */
	float threshold;     /* scores below it mean nothing; finite */
	float default_score; /* of a calibration: where its file says nothing for a place; finite */
	enum tfl_score_transform transform;
	const char *pattern;              /* of a regex tokenizer: what separates words */
	struct tfl_file_list vocabularies; /* of a tokenizer */
	struct tfl_file_list models;       /* of a SentencePiece tokenizer */
};

struct tfl_unit_list {
	struct tfl_unit *items;
	uint32_t count;
};

/* Of one input or output of subgraph 0. All zero, with "" for strings, where the metadata says nothing. */
struct tfl_tensor_metadata {
	const char *name;
	const char *description;
	const char **dimension_names; /* as many as the tensor has dimensions, or none */
	uint32_t dimension_name_count;
	struct tfl_content content;
	struct tfl_unit_list units;
	const float *max, *min; /* statistics: per channel, or one for all; finite */
	uint32_t max_count, min_count;
	struct tfl_file_list files;
	const struct tfl_associated_file *labels; /* of an output: the file whose labels are meant if nobody asks for others; or NULL */
	enum tfl_output_kind kind;                /* of an output */
};

/* Tensors whose elements belong together, by their names in the metadata. */
struct tfl_tensor_group {
	const char *name;
	const char **tensors;
	uint32_t tensor_count;
};

struct tfl_group_list {
	struct tfl_tensor_group *items;
	uint32_t count;
};

/* What lies in the archive behind the model, whether the metadata names it or not. */
struct tfl_packed_file {
	const char *name;
	uint64_t bytes;
};

struct tfl_metadata {
	bool present; /* the file has metadata that could be opened */
	const char *fault; /* the first thing that is wrong with it: a sentence, or NULL */
	const char *name;
	const char *description;
	const char *version;
	const char *author;
	const char *license;
	const char *min_parser_version;
	struct tfl_file_list files;
	/* Of subgraph 0. */
	const char *subgraph_name;
	const char *subgraph_description;
	struct tfl_file_list subgraph_files;
	struct tfl_unit_list input_units, output_units; /* over several tensors at once */
	struct tfl_group_list input_groups, output_groups;
	const char **custom; /* names of entries that only their own tools can read */
	uint32_t custom_count;
	struct tfl_tensor_metadata *inputs, *outputs; /* as many as subgraph 0 has, always */
	struct tfl_packed_file *archive;
	uint32_t archive_count;
};

/** The first unit of @p kind, or NULL. */
const struct tfl_unit *tfl_metadata_unit(const struct tfl_tensor_metadata *tensor, enum tfl_unit_kind kind);

/* Names for people and for the wire: "axis labels", "image", "RGB", "boundaries", "normalization", "log", "boxes". Static. */
const char *tfl_file_kind_to_string(enum tfl_file_kind kind);
const char *tfl_content_kind_to_string(enum tfl_content_kind kind);
const char *tfl_color_space_to_string(enum tfl_color_space space);
const char *tfl_box_kind_to_string(enum tfl_box_kind kind);
const char *tfl_unit_kind_to_string(enum tfl_unit_kind kind);
const char *tfl_score_transform_to_string(enum tfl_score_transform transform);
const char *tfl_output_kind_to_string(enum tfl_output_kind kind);

#endif
