/* SPDX-License-Identifier: MIT */
/* Names of what metadata holds, one table an enum. A number outside of its table cannot come from the decoder; it is named "unknown". */
#include "runtime/metadata.h"

#include "base/util.h"

static const char *const file_kinds[TFL_FILE_KINDS] = {
	[TFL_FILE_UNKNOWN] = "unknown",
	[TFL_FILE_DESCRIPTION] = "description",
	[TFL_FILE_AXIS_LABELS] = "axis_labels",
	[TFL_FILE_VALUE_LABELS] = "value_labels",
	[TFL_FILE_CALIBRATION] = "score_calibration",
	[TFL_FILE_VOCABULARY] = "vocabulary",
	[TFL_FILE_INDEX] = "search_index",
};

static const char *const content_kinds[TFL_CONTENT_KINDS] = {
	[TFL_CONTENT_UNKNOWN] = "unknown",
	[TFL_CONTENT_FEATURE] = "feature",
	[TFL_CONTENT_IMAGE] = "image",
	[TFL_CONTENT_BOXES] = "bounding_boxes",
	[TFL_CONTENT_AUDIO] = "audio",
};

static const char *const color_spaces[TFL_COLOR_SPACES] = {
	[TFL_COLOR_UNKNOWN] = "unknown",
	[TFL_COLOR_RGB] = "rgb",
	[TFL_COLOR_GRAY] = "grayscale",
};

static const char *const box_kinds[TFL_BOX_KINDS] = {
	[TFL_BOX_UNKNOWN] = "unknown",
	[TFL_BOX_BOUNDARIES] = "boundaries",
	[TFL_BOX_UPPER_LEFT] = "upper_left",
	[TFL_BOX_CENTER] = "center",
};

static const char *const unit_kinds[TFL_UNIT_KINDS] = {
	[TFL_UNIT_UNKNOWN] = "unknown",
	[TFL_UNIT_NORMALIZATION] = "normalization",
	[TFL_UNIT_CALIBRATION] = "score_calibration",
	[TFL_UNIT_THRESHOLD] = "score_threshold",
	[TFL_UNIT_BERT] = "bert_tokenizer",
	[TFL_UNIT_SENTENCEPIECE] = "sentencepiece_tokenizer",
	[TFL_UNIT_REGEX] = "regex_tokenizer",
};

static const char *const score_transforms[TFL_SCORE_TRANSFORMS] = {
	[TFL_SCORE_IDENTITY] = "identity",
	[TFL_SCORE_LOG] = "log",
	[TFL_SCORE_INVERSE_LOGISTIC] = "inverse_logistic",
};

static const char *const output_kinds[TFL_OUTPUT_KINDS] = {
	[TFL_OUTPUT_UNKNOWN] = "unknown",
	[TFL_OUTPUT_CLASSIFICATION] = "classification",
	[TFL_OUTPUT_BOXES] = "detection_boxes",
	[TFL_OUTPUT_CLASSES] = "detection_classes",
	[TFL_OUTPUT_SCORES] = "detection_scores",
	[TFL_OUTPUT_COUNT] = "detection_count",
	[TFL_OUTPUT_FEATURE] = "feature",
	[TFL_OUTPUT_IMAGE] = "image",
};

#define NAME_OF(names, index) ((size_t)(index) < TFL_ARRAY_SIZE(names) ? names[index] : names[0])

const char *tfl_file_kind_to_string(enum tfl_file_kind kind)
{
	return NAME_OF(file_kinds, kind);
}

const char *tfl_content_kind_to_string(enum tfl_content_kind kind)
{
	return NAME_OF(content_kinds, kind);
}

const char *tfl_color_space_to_string(enum tfl_color_space space)
{
	return NAME_OF(color_spaces, space);
}

const char *tfl_box_kind_to_string(enum tfl_box_kind kind)
{
	return NAME_OF(box_kinds, kind);
}

const char *tfl_unit_kind_to_string(enum tfl_unit_kind kind)
{
	return NAME_OF(unit_kinds, kind);
}

const char *tfl_score_transform_to_string(enum tfl_score_transform transform)
{
	return NAME_OF(score_transforms, transform);
}

const char *tfl_output_kind_to_string(enum tfl_output_kind kind)
{
	return NAME_OF(output_kinds, kind);
}

const struct tfl_unit *tfl_metadata_unit(const struct tfl_tensor_metadata *tensor, enum tfl_unit_kind kind)
{
	for (uint32_t i = 0; i < tensor->units.count; i++)
		if (tensor->units.items[i].kind == kind)
			return &tensor->units.items[i];
	return NULL;
}
