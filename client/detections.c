/* SPDX-License-Identifier: MIT */
/*
 * The daemon says which output is what ("kind") and in which order a box's numbers stand. Neither is trusted with shapes: what is put
 * together is counted first, and numbers that are none (NaN, a class of -1) are kept as such.
 */
#include "client/detections.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/print.h"

#define THRESHOLD_DEFAULT 0.5
#define BOX_NUMBERS 4

enum part {
	PART_BOXES,
	PART_CLASSES,
	PART_SCORES,
	PART_COUNT,
	PARTS
};

static const char *const part_kinds[PARTS] = {"detection_boxes", "detection_classes", "detection_scores", "detection_count"};

/* The model's outputs by what they are; NULL for one that it has not. */
struct parts {
	const struct tfl_output *outputs[PARTS];
	const struct tfl_value *described[PARTS];
	unsigned indices[PARTS];
};

static void find_parts(const struct tfl_infer *infer, const struct tfl_value *described, struct parts *parts)
{
	for (unsigned i = 0; i < tfl_infer_output_count(infer); i++) {
		const struct tfl_value *tensor = tfl_value_at(described, i);
		const char *kind = tfl_value_string(tfl_value_get(tensor, "kind"), "");

		for (unsigned part = 0; part < PARTS; part++) {
			if (strcmp(kind, part_kinds[part]) != 0 || parts->outputs[part])
				continue;
			parts->outputs[part] = tfl_infer_output(infer, i);
			parts->described[part] = tensor;
			parts->indices[part] = i;
		}
	}
}

static size_t elements(const struct tfl_output *output)
{
	return output && output->dtype == TFL_FLOAT32 ? output->bytes / sizeof(float) : 0;
}

/* How many detections the outputs have room for; 0 where they do not fit together. */
static size_t count_rows(const struct parts *parts)
{
	size_t rows = elements(parts->outputs[PART_SCORES]);

	if (elements(parts->outputs[PART_BOXES]) != rows * BOX_NUMBERS || elements(parts->outputs[PART_CLASSES]) != rows)
		return 0;
	return rows;
}

/* How many of them the model says it filled. */
static size_t count_filled(const struct parts *parts, size_t rows)
{
	double count;

	if (elements(parts->outputs[PART_COUNT]) != 1)
		return rows;
	count = ctl_output_element(parts->outputs[PART_COUNT], 0);
	return count >= 0 && count < (double)rows ? (size_t)count : rows;
}

/* Where each of the numbers left, top, right, bottom (or what else the metadata calls them) stands in a box. */
static void read_order(const struct tfl_value *content, size_t order[BOX_NUMBERS])
{
	static const size_t usual[BOX_NUMBERS] = {1, 0, 3, 2}; /* of TFLite_Detection_PostProcess: top, left, bottom, right */
	const struct tfl_value *given = tfl_value_get(content, "order");

	memcpy(order, usual, sizeof(usual));
	for (size_t i = 0; tfl_value_size(given) == BOX_NUMBERS && i < BOX_NUMBERS; i++) {
		int64_t place = tfl_value_int(tfl_value_at(given, i), -1);

		if (place >= 0 && place < BOX_NUMBERS)
			order[i] = (size_t)place;
	}
}

/* Boundaries from what the box's numbers are. */
static void to_boundaries(const char *kind, double box[BOX_NUMBERS])
{
	if (strcmp(kind, "center") == 0) {
		box[0] -= box[2] / 2;
		box[1] -= box[3] / 2;
	}
	if (strcmp(kind, "center") == 0 || strcmp(kind, "upper_left") == 0) {
		box[2] += box[0];
		box[3] += box[1];
	}
}

static void read_box(const struct parts *parts, const struct ctl_frame *frame, size_t row, struct ctl_detection *ret_detection)
{
	const struct tfl_value *content = tfl_value_get(tfl_value_get(parts->described[PART_BOXES], "metadata"), "content");
	bool pixels = strcmp(tfl_value_string(tfl_value_get(content, "coordinates"), ""), "pixel") == 0;
	double box[BOX_NUMBERS], width = 1, height = 1;
	size_t order[BOX_NUMBERS];

	if (pixels) {
		width = frame ? frame->input_width : NAN;
		height = frame ? frame->input_height : NAN;
	}
	read_order(content, order);
	for (size_t i = 0; i < BOX_NUMBERS; i++)
		box[i] = ctl_output_element(parts->outputs[PART_BOXES], row * BOX_NUMBERS + order[i]);
	to_boundaries(tfl_value_string(tfl_value_get(content, "box"), ""), box);
	ret_detection->left = box[0] / width;
	ret_detection->top = box[1] / height;
	ret_detection->right = box[2] / width;
	ret_detection->bottom = box[3] / height;
}

static int by_score(const void *a, const void *b)
{
	const struct ctl_detection *left = a, *right = b;

	if (isnan(left->score) || isnan(right->score))
		return isnan(left->score) - isnan(right->score);
	return (left->score < right->score) - (left->score > right->score);
}

int ctl_detections_read(const struct tfl_infer *infer, const struct tfl_value *described, const struct ctl_frame *frame,
			struct ctl_detections *ret_detections)
{
	struct parts parts = {0};
	struct ctl_detections detections = {0};
	size_t rows;

	find_parts(infer, described, &parts);
	rows = count_rows(&parts);
	if (rows == 0)
		return 1;
	detections.count = count_filled(&parts, rows);
	detections.classes = parts.indices[PART_CLASSES];
	detections.threshold = tfl_value_double(tfl_value_get(parts.described[PART_SCORES], "score_threshold"), THRESHOLD_DEFAULT);
	detections.items = calloc(detections.count + 1, sizeof(*detections.items));
	if (!detections.items)
		return -ENOMEM;
	for (size_t i = 0; i < detections.count; i++) {
		double class = ctl_output_element(parts.outputs[PART_CLASSES], i);

		detections.items[i].score = ctl_output_element(parts.outputs[PART_SCORES], i);
		detections.items[i].class = class >= 0 && class < (double)TFL_LABELS_MAX ? (size_t)class : SIZE_MAX;
		read_box(&parts, frame, i, &detections.items[i]);
	}
	qsort(detections.items, detections.count, sizeof(*detections.items), by_score);
	*ret_detections = detections;
	return 0;
}

void ctl_detections_finish(struct ctl_detections *detections)
{
	free(detections->items);
	*detections = (struct ctl_detections){0};
}

static void add_row(struct ctl_table *table, const struct ctl_detection *detection, const struct ctl_names *names,
		    const struct ctl_frame *frame, const char *remark)
{
	char buffer[CTL_CLASS_NAME_SIZE];

	ctl_table_add(table, "%s", ctl_class_name(names, detection->class, buffer));
	ctl_table_add(table, "%.1f %%", 100 * detection->score);
	if (frame)
		ctl_table_add(table, "at %.0f, %.0f to %.0f, %.0f", frame->left + detection->left * frame->width,
			      frame->top + detection->top * frame->height, frame->left + detection->right * frame->width,
			      frame->top + detection->bottom * frame->height);
	else
		ctl_table_add(table, "at %.3f, %.3f to %.3f, %.3f", detection->left, detection->top, detection->right, detection->bottom);
	ctl_table_add(table, "%s", remark);
}

void ctl_detections_print(const struct ctl_detections *detections, double threshold, const struct ctl_names *names,
			  const struct ctl_frame *frame, const char *remark)
{
	struct ctl_table table = {.columns = 4, .right = 2};
	size_t shown;

	for (shown = 0; shown < detections->count && detections->items[shown].score >= threshold; shown++)
		add_row(&table, &detections->items[shown], names, frame, shown == 0 ? remark : "");
	ctl_table_print(&table, "");
	if (shown > 0)
		return;
	printf("nothing of at least %.0f %%", 100 * threshold);
	if (detections->count > 0)
		printf("; the best has %.1f %%", 100 * detections->items[0].score);
	ctl_printf("  %s\n", remark);
}

static json_t *box_json(const struct ctl_detection *detection, double left, double top, double width, double height)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "left", ctl_real_or_null(left + detection->left * width), "top",
			 ctl_real_or_null(top + detection->top * height), "right", ctl_real_or_null(left + detection->right * width),
			 "bottom", ctl_real_or_null(top + detection->bottom * height));
}

json_t *ctl_detections_json(const struct ctl_detections *detections, const struct ctl_names *names, const struct ctl_frame *frame)
{
	json_t *array = json_array(), *object;

	for (size_t i = 0; i < detections->count; i++) {
		const struct ctl_detection *detection = &detections->items[i];
		bool known = detection->class != SIZE_MAX;
		const char *name = detection->class < names->count ? names->name(names->data, detection->class) : NULL;

		object = json_pack("{s:o, s:s?, s:o, s:o}", "class", known ? json_integer((json_int_t)detection->class) : json_null(),
				   "label", name, "score", ctl_real_or_null(detection->score), "box", box_json(detection, 0, 0, 1, 1));
		if (frame)
			json_object_set_new(object, "pixels", box_json(detection, frame->left, frame->top, frame->width, frame->height));
		json_array_append_new(array, object);
	}
	return array;
}
