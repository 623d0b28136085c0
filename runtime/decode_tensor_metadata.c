/* SPDX-License-Identifier: MIT */
/*
 * What the metadata says of one input or output: its name, what its content is, how its values are made or read, its statistics, the files
 * that go with it.
 *
 * Decoded numbers are fit to calculate with: finite, no divisor of 0, an order of four is a permutation, a kind that this version does not
 * know is the unknown one.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/util.h"
#include "runtime/decode_metadata.h"
#include "runtime/metadata.h"

/* Fields of the schema's tables. */
enum {
	TENSOR_NAME = 0,
	TENSOR_DESCRIPTION = 1,
	TENSOR_DIMENSION_NAMES = 2,
	TENSOR_CONTENT = 3,
	TENSOR_UNITS = 4,
	TENSOR_STATS = 5,
	TENSOR_FILES = 6,

	CONTENT_KIND = 0,
	CONTENT_PROPERTIES = 1,
	CONTENT_RANGE = 2,

	IMAGE_COLOR_SPACE = 0,
	IMAGE_SIZE = 1,

	EXTENT_WIDTH = 0,
	EXTENT_HEIGHT = 1,

	BOX_ORDER = 0,
	BOX_KIND = 1,
	BOX_COORDINATES = 2,

	AUDIO_SAMPLE_RATE = 0,
	AUDIO_CHANNELS = 1,

	RANGE_MIN = 0,
	RANGE_MAX = 1,

	UNIT_KIND = 0,
	UNIT_OPTIONS = 1,

	NORMALIZATION_MEAN = 0,
	NORMALIZATION_STD = 1,

	CALIBRATION_TRANSFORM = 0,
	CALIBRATION_DEFAULT = 1,

	THRESHOLD_SCORE = 0,

	BERT_VOCABULARY = 0,

	SENTENCEPIECE_MODEL = 0,
	SENTENCEPIECE_VOCABULARY = 1,

	REGEX_PATTERN = 0,
	REGEX_VOCABULARY = 1,

	STATS_MAX = 0,
	STATS_MIN = 1,

	FILE_NAME = 0,
	FILE_DESCRIPTION = 1,
	FILE_KIND = 2,
	FILE_LOCALE = 3,
	FILE_VERSION = 4,
};

#define COORDINATES_PIXEL 1

/* A number of the schema's as one of an enum that has @count. */
static unsigned known(int8_t number, unsigned count)
{
	return number > 0 && (unsigned)number < count ? (unsigned)number : 0;
}

static int check_finite(struct tfl_decoder *decoder, const char *what, float value)
{
	if (isfinite(value))
		return 0;
	return tfl_error_set(decoder->error, -EINVAL, "%s is %g, but must be finite", what, (double)value);
}

/* @count values, all fit to calculate with; a single one is repeated. */
static int spread_values(struct tfl_decoder *decoder, const char *what, const float *values, uint32_t value_count, uint32_t count,
			 bool divisor, const float **ret_values)
{
	float *spread;
	int r;

	r = tfl_decoder_alloc(decoder, count, sizeof(*spread), &spread);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count; i++) {
		spread[i] = values[value_count == 1 ? 0 : i];
		if (!isfinite(spread[i]) || (divisor && spread[i] == 0))
			return tfl_error_set(decoder->error, -EINVAL, "%s[%u] is %g, but must be finite%s", what, i, (double)spread[i],
					     divisor ? " and not 0" : "");
	}
	*ret_values = spread;
	return 0;
}

static int decode_normalization(struct tfl_description *description, const struct tfl_fb_table *options, struct tfl_unit *unit)
{
	struct tfl_decoder *decoder = description->decoder;
	uint32_t mean_count, std_count, count;
	const void *mean, *std;
	int r;

	r = tfl_decoder_array(decoder, options, NORMALIZATION_MEAN, "mean", sizeof(float), UINT32_MAX, &mean, &mean_count);
	if (r == 0)
		r = tfl_decoder_array(decoder, options, NORMALIZATION_STD, "std", sizeof(float), UINT32_MAX, &std, &std_count);
	if (r < 0)
		return r;
	count = mean_count > std_count ? mean_count : std_count;
	if (mean_count == 0 || std_count == 0 || (mean_count != count && mean_count != 1) || (std_count != count && std_count != 1))
		return tfl_error_set(decoder->error, -EINVAL, "%u means and %u standard deviations do not go together", mean_count,
				     std_count);
	r = spread_values(decoder, "mean", mean, mean_count, count, false, &unit->mean);
	if (r == 0)
		r = spread_values(decoder, "std", std, std_count, count, true, &unit->std);
	unit->count = count;
	return r;
}

static int decode_calibration(struct tfl_description *description, const struct tfl_fb_table *options, struct tfl_unit *unit)
{
	unit->transform = known(tfl_fb_i8(options, CALIBRATION_TRANSFORM, 0), TFL_SCORE_TRANSFORMS);
	unit->default_score = tfl_fb_f32(options, CALIBRATION_DEFAULT, 0);
	return check_finite(description->decoder, "default_score", unit->default_score);
}

static int decode_threshold(struct tfl_description *description, const struct tfl_fb_table *options, struct tfl_unit *unit)
{
	unit->threshold = tfl_fb_f32(options, THRESHOLD_SCORE, 0);
	return check_finite(description->decoder, "global_score_threshold", unit->threshold);
}

static int decode_bert(struct tfl_description *description, const struct tfl_fb_table *options, struct tfl_unit *unit)
{
	return tfl_decode_files(description, options, BERT_VOCABULARY, &unit->vocabularies);
}

static int decode_sentencepiece(struct tfl_description *description, const struct tfl_fb_table *options, struct tfl_unit *unit)
{
	int r;

	r = tfl_decode_files(description, options, SENTENCEPIECE_MODEL, &unit->models);
	return r < 0 ? r : tfl_decode_files(description, options, SENTENCEPIECE_VOCABULARY, &unit->vocabularies);
}

static int decode_regex(struct tfl_description *description, const struct tfl_fb_table *options, struct tfl_unit *unit)
{
	int r;

	r = tfl_decoder_string(description->decoder, options, REGEX_PATTERN, "delim_regex_pattern", &unit->pattern);
	return r < 0 ? r : tfl_decode_files(description, options, REGEX_VOCABULARY, &unit->vocabularies);
}

static int (*const unit_decoders[TFL_UNIT_KINDS])(struct tfl_description *, const struct tfl_fb_table *, struct tfl_unit *) = {
	[TFL_UNIT_NORMALIZATION] = decode_normalization,
	[TFL_UNIT_CALIBRATION] = decode_calibration,
	[TFL_UNIT_THRESHOLD] = decode_threshold,
	[TFL_UNIT_BERT] = decode_bert,
	[TFL_UNIT_SENTENCEPIECE] = decode_sentencepiece,
	[TFL_UNIT_REGEX] = decode_regex,
};

static int decode_unit(struct tfl_description *description, const struct tfl_fb_table *table, void *item)
{
	struct tfl_unit *unit = item;
	struct tfl_fb_table options;
	int r;

	unit->pattern = "";
	unit->kind = known((int8_t)tfl_fb_u8(table, UNIT_KIND, 0), TFL_UNIT_KINDS);
	if (unit->kind == TFL_UNIT_UNKNOWN)
		return 0;
	r = tfl_decoder_table(description->decoder, table, UNIT_OPTIONS, "options", &options);
	if (r == 0)
		r = unit_decoders[unit->kind](description, &options, unit);
	return r < 0 ? tfl_error_prefix(description->decoder->error, r, "%s", tfl_unit_kind_to_string(unit->kind)) : 0;
}

int tfl_decode_units(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field, struct tfl_unit_list *ret_list)
{
	static const struct tfl_list_kind units = {"process_units", sizeof(struct tfl_unit), decode_unit};

	return tfl_decode_list(description, table, field, &units, &ret_list->items, &ret_list->count);
}

static int decode_file(struct tfl_description *description, const struct tfl_fb_table *table, void *item)
{
	static const struct tfl_text_field texts[] = {
		{FILE_NAME, "name of a file", TFL_METADATA_FILE_NAME_MAX, offsetof(struct tfl_associated_file, name)},
		{FILE_DESCRIPTION, "description of a file", TFL_METADATA_TEXT_MAX, offsetof(struct tfl_associated_file, description)},
		{FILE_LOCALE, "locale", TFL_METADATA_TEXT_MAX, offsetof(struct tfl_associated_file, locale)},
		{FILE_VERSION, "version of a file", TFL_METADATA_TEXT_MAX, offsetof(struct tfl_associated_file, version)},
	};
	struct tfl_associated_file *file = item;

	file->name = file->description = file->locale = file->version = "";
	file->axis = -1;
	file->kind = known(tfl_fb_i8(table, FILE_KIND, 0), TFL_FILE_KINDS);
	return tfl_decode_texts(description, table, texts, TFL_ARRAY_SIZE(texts), file);
}

int tfl_decode_files(struct tfl_description *description, const struct tfl_fb_table *table, unsigned field, struct tfl_file_list *ret_list)
{
	static const struct tfl_list_kind files = {"associated_files", sizeof(struct tfl_associated_file), decode_file};

	return tfl_decode_list(description, table, field, &files, &ret_list->items, &ret_list->count);
}

/* Where each of a box's four numbers stands: none given is their own order. */
static int decode_order(struct tfl_decoder *decoder, const struct tfl_fb_table *table, uint8_t order[4])
{
	static const uint32_t straight[4] = {0, 1, 2, 3};
	const uint32_t *places = straight;
	const void *given;
	unsigned seen = 0;
	uint32_t count;
	int r;

	r = tfl_decoder_array(decoder, table, BOX_ORDER, "index", sizeof(uint32_t), UINT32_MAX, &given, &count);
	if (r < 0)
		return r;
	if (count == 4)
		places = given;
	else if (count != 0)
		return tfl_error_set(decoder->error, -EINVAL, "index: %u numbers for a bounding box, which has 4", count);
	for (unsigned i = 0; i < 4; i++) {
		seen |= places[i] < 4 ? 1u << places[i] : 0;
		order[i] = (uint8_t)places[i];
	}
	if (seen != 0xf)
		return tfl_error_set(decoder->error, -EINVAL, "index: %u, %u, %u, %u is no order of 0 to 3", places[0], places[1],
				     places[2], places[3]);
	return 0;
}

static int decode_image(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_content *content)
{
	struct tfl_fb_table size;
	int r;

	r = tfl_decoder_table(decoder, table, IMAGE_SIZE, "default_size", &size);
	if (r < 0)
		return r;
	content->color_space = known(tfl_fb_i8(table, IMAGE_COLOR_SPACE, 0), TFL_COLOR_SPACES);
	content->width = tfl_fb_u32(&size, EXTENT_WIDTH, 0);
	content->height = tfl_fb_u32(&size, EXTENT_HEIGHT, 0);
	return 0;
}

static int decode_boxes(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_content *content)
{
	content->box = known(tfl_fb_i8(table, BOX_KIND, 0), TFL_BOX_KINDS);
	content->pixels = tfl_fb_i8(table, BOX_COORDINATES, 0) == COORDINATES_PIXEL;
	return decode_order(decoder, table, content->order);
}

static int decode_audio(struct tfl_decoder *decoder, const struct tfl_fb_table *table, struct tfl_content *content)
{
	content->sample_rate = tfl_fb_u32(table, AUDIO_SAMPLE_RATE, 0);
	content->channels = tfl_fb_u32(table, AUDIO_CHANNELS, 0);
	return 0;
}

static int (*const content_decoders[TFL_CONTENT_KINDS])(struct tfl_decoder *, const struct tfl_fb_table *, struct tfl_content *) = {
	[TFL_CONTENT_IMAGE] = decode_image,
	[TFL_CONTENT_BOXES] = decode_boxes,
	[TFL_CONTENT_AUDIO] = decode_audio,
};

static int decode_content(struct tfl_decoder *decoder, const struct tfl_fb_table *tensor, struct tfl_content *ret_content)
{
	struct tfl_fb_table table, properties, range;
	struct tfl_content content = {0};
	int r;

	r = tfl_decoder_table(decoder, tensor, TENSOR_CONTENT, "content", &table);
	if (r == 0)
		r = tfl_decoder_table(decoder, &table, CONTENT_RANGE, "range", &range);
	if (r < 0)
		return r;
	content.kind = known((int8_t)tfl_fb_u8(&table, CONTENT_KIND, 0), TFL_CONTENT_KINDS);
	content.ranged = range.buffer != NULL;
	content.range_min = tfl_fb_i32(&range, RANGE_MIN, 0);
	content.range_max = tfl_fb_i32(&range, RANGE_MAX, 0);
	if (content_decoders[content.kind]) {
		r = tfl_decoder_table(decoder, &table, CONTENT_PROPERTIES, "content_properties", &properties);
		if (r == 0)
			r = content_decoders[content.kind](decoder, &properties, &content);
	}
	if (r == 0)
		*ret_content = content;
	return r;
}

static int decode_stats(struct tfl_decoder *decoder, const struct tfl_fb_table *tensor, struct tfl_tensor_metadata *metadata)
{
	const void *values[2];
	struct tfl_fb_table table;
	uint32_t counts[2];
	int r;

	r = tfl_decoder_table(decoder, tensor, TENSOR_STATS, "stats", &table);
	if (r == 0)
		r = tfl_decoder_array(decoder, &table, STATS_MAX, "max", sizeof(float), UINT32_MAX, &values[0], &counts[0]);
	if (r == 0)
		r = tfl_decoder_array(decoder, &table, STATS_MIN, "min", sizeof(float), UINT32_MAX, &values[1], &counts[1]);
	for (unsigned side = 0; side < 2; side++)
		for (uint32_t i = 0; r == 0 && i < counts[side]; i++)
			r = check_finite(decoder, side ? "min" : "max", ((const float *)values[side])[i]);
	if (r < 0)
		return r;
	metadata->max = values[0];
	metadata->min = values[1];
	metadata->max_count = counts[0];
	metadata->min_count = counts[1];
	return 0;
}

static int decode_dimension_names(struct tfl_decoder *decoder, const struct tfl_fb_table *table, const struct tfl_tensor *tensor,
				  struct tfl_tensor_metadata *metadata)
{
	const char **names;
	uint32_t count;
	int r;

	r = tfl_decoder_strings(decoder, table, TENSOR_DIMENSION_NAMES, "dimension_names", &names, &count);
	if (r < 0 || count == 0)
		return r;
	if (count != tensor->rank)
		return tfl_error_set(decoder->error, -EINVAL, "dimension_names: %u, but the tensor has %u dimensions", count, tensor->rank);
	metadata->dimension_names = names;
	metadata->dimension_name_count = count;
	return 0;
}

int tfl_decode_tensor_metadata(struct tfl_description *description, const struct tfl_fb_table *table, const struct tfl_tensor *tensor,
			       struct tfl_tensor_metadata *ret_metadata)
{
	static const struct tfl_text_field texts[] = {
		{TENSOR_NAME, "name", TFL_METADATA_TEXT_MAX, offsetof(struct tfl_tensor_metadata, name)},
		{TENSOR_DESCRIPTION, "description", TFL_METADATA_TEXT_MAX, offsetof(struct tfl_tensor_metadata, description)},
	};
	struct tfl_decoder *decoder = description->decoder;
	int r;

	r = tfl_decode_texts(description, table, texts, TFL_ARRAY_SIZE(texts), ret_metadata);
	if (r == 0)
		r = tfl_metadata_fault(description, decode_dimension_names(decoder, table, tensor, ret_metadata), NULL);
	if (r == 0)
		r = tfl_metadata_fault(description, decode_content(decoder, table, &ret_metadata->content), "content");
	if (r == 0)
		r = tfl_decode_units(description, table, TENSOR_UNITS, &ret_metadata->units);
	if (r == 0)
		r = tfl_metadata_fault(description, decode_stats(decoder, table, ret_metadata), "stats");
	if (r == 0)
		r = tfl_decode_files(description, table, TENSOR_FILES, &ret_metadata->files);
	return r;
}
