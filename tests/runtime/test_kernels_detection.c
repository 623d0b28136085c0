/* SPDX-License-Identifier: MIT */
/*
 * TFLite_Detection_PostProcess: boxes decoded from anchors, the best kept one after the other, what overlaps them struck out. The best is
 * looked for anew each time. Equal scores are drawn only where the definition orders them: test_detection.c has the other ones.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/builder/flexwriter.h"
#include "tests/runtime/kernel_rows.h"

enum { BOXES, SCORES, ANCHORS };
enum { MAX_DETECTIONS, MAX_CLASSES, PER_CLASS, CLASSES, REGULAR, OVERLAP_PERCENT, SCORE_PERCENT, OPTIONS };

static const double scales[4] = {10, 8, 5, 4};

static void draw_boxes(struct kernel_case *c, enum tfl_dtype dtype, int32_t count)
{
	struct kernel_tensor *anchors = &c->inputs[ANCHORS];

	kernel_draw_tensor(c, &c->inputs[BOXES], dtype, 3, TFL_INTS(1, count, kernel_between(c, 4, 6)).values);
	kernel_draw_tensor(c, anchors, dtype, 2, TFL_INTS(count, 4).values);
	anchors->constant = true;
	/* No anchor is of negative size. */
	if (anchors->scale_count)
		anchors->zero_point = dtype == TFL_INT8 ? INT8_MIN : 0;
	for (size_t i = 0; dtype == TFL_FLOAT32 && i < anchors->elements; i++)
		((float *)anchors->data)[i] = tfl_random_uniform(&c->random, 0.1f, 1);
}

static void draw_scores(struct kernel_case *c, enum tfl_dtype dtype, int32_t boxes, int32_t columns)
{
	struct kernel_tensor *scores = &c->inputs[SCORES];
	bool ties = c->ints[MAX_CLASSES] == 1 && !c->ints[REGULAR] && kernel_one_in(c, 2);

	kernel_draw_tensor(c, scores, dtype, 3, TFL_INTS(1, boxes, columns).values);
	for (size_t i = 0; ties && dtype == TFL_FLOAT32 && i < scores->elements; i++)
		((float *)scores->data)[i] = (float)kernel_between(c, -2, 2);
	c->ints[SCORE_PERCENT] = kernel_between(c, -300, 100);
}

/* They need not be of the boxes' type. */
static enum tfl_dtype type_of_scores(struct kernel_case *c)
{
	bool mixed = c->type != 'b' && kernel_one_in(c, 4);

	return !mixed ? kernel_dtype(c->type) : c->type == 'f' ? TFL_UINT8 : TFL_FLOAT32;
}

static void draw(struct kernel_case *c)
{
	int32_t boxes = kernel_between(c, 1, kernel_one_in(c, 4) ? 40 : 9), classes = kernel_between(c, 1, 6);
	enum tfl_dtype scores = type_of_scores(c);
	bool real = scores == TFL_FLOAT32;

	c->int_count = OPTIONS;
	c->ints[MAX_DETECTIONS] = kernel_between(c, 1, boxes + 3);
	c->ints[MAX_CLASSES] = real && kernel_one_in(c, 3) ? kernel_between(c, 1, classes + 1) : 1;
	c->ints[PER_CLASS] = kernel_one_in(c, 4) ? 100 : kernel_between(c, 1, boxes + 1);
	c->ints[CLASSES] = classes;
	c->ints[REGULAR] = real && kernel_one_in(c, 3);
	c->ints[OVERLAP_PERCENT] = kernel_between(c, 1, 100);
	c->input_count = 3;
	draw_boxes(c, kernel_dtype(c->type), boxes);
	draw_scores(c, scores, boxes, classes + kernel_between(c, 0, 1));
	c->inputs[BOXES].constant = c->inputs[SCORES].constant = kernel_one_in(c, 12);
	c->output_count = 4;
	for (unsigned i = 0; i < c->output_count; i++)
		c->outputs[i] = (struct kernel_tensor){.dtype = TFL_FLOAT32};
}

static void options(struct kernel_case *c)
{
	struct tfl_flexw_entry entries[] = {
		{"max_detections", TFL_FLEXW_INT, c->ints[MAX_DETECTIONS], 0},
		{"max_classes_per_detection", TFL_FLEXW_INDIRECT_INT, c->ints[MAX_CLASSES], 0},
		{"num_classes", TFL_FLEXW_UINT, c->ints[CLASSES], 0},
		{"nms_score_threshold", TFL_FLEXW_REAL, 0, c->ints[SCORE_PERCENT] / 100.0},
		{"nms_iou_threshold", TFL_FLEXW_REAL, 0, c->ints[OVERLAP_PERCENT] / 100.0},
		{"y_scale", TFL_FLEXW_REAL, 0, scales[0]},
		{"x_scale", TFL_FLEXW_REAL, 0, scales[1]},
		{"h_scale", TFL_FLEXW_INT, (int64_t)scales[2], 0},
		{"w_scale", TFL_FLEXW_INDIRECT_REAL, 0, scales[3]},
		{"detections_per_class", TFL_FLEXW_INT, c->ints[PER_CLASS], 0},
		{"use_regular_nms", TFL_FLEXW_BOOL, c->ints[REGULAR], 0},
	};
	unsigned count = TFL_ARRAY_SIZE(entries);

	/* The last two may be left out where they are what is meant without them. */
	if (!c->ints[REGULAR])
		count -= c->ints[PER_CLASS] == 100 ? 2 : 1;
	c->custom_options_size = tfl_flexw_map(entries, count, c->int_count % 2 ? 4 : 8, 2, c->custom_options, sizeof(c->custom_options));
	ck_assert_uint_ne(c->custom_options_size, 0);
}

struct corners {
	float low[2], high[2]; /* y, x */
	float magnitude;
};

static struct corners decode(const struct kernel_case *c, int32_t box)
{
	const struct kernel_tensor *encodings = &c->inputs[BOXES], *anchors = &c->inputs[ANCHORS];
	struct corners corners = {.magnitude = 0};

	for (unsigned axis = 0; axis < 2; axis++) {
		size_t e = (size_t)(box * encodings->dims[2]) + axis, a = (size_t)(box * 4) + axis;
		double size = (double)(float)kernel_real(anchors, a + 2), middle = (double)(float)kernel_real(anchors, a);
		float centre = (float)((double)(float)kernel_real(encodings, e) / scales[axis] * size + middle);
		float half = (float)(exp((double)(float)kernel_real(encodings, e + 2) / scales[axis + 2]) / 2 * size);

		corners.low[axis] = centre - half;
		corners.high[axis] = centre + half;
		corners.magnitude += fabsf(centre) + half;
	}
	return corners;
}

static float area(const struct corners *box)
{
	return (box->high[0] - box->low[0]) * (box->high[1] - box->low[1]);
}

static bool overlaps(const struct kernel_case *c, const struct corners *a, const struct corners *b)
{
	float common = 1;

	for (unsigned axis = 0; axis < 2; axis++) {
		float low = a->low[axis] < b->low[axis] ? b->low[axis] : a->low[axis];
		float high = b->high[axis] < a->high[axis] ? b->high[axis] : a->high[axis];

		common *= high - low < 0 ? 0 : high - low;
	}
	if (area(a) <= 0 || area(b) <= 0)
		return false;
	return common / (area(a) + area(b) - common) > (float)(c->ints[OVERLAP_PERCENT] / 100.0);
}

static float score_at(const struct kernel_case *c, int32_t box, int32_t class)
{
	const struct kernel_tensor *scores = &c->inputs[SCORES];
	int32_t columns = scores->dims[2];

	return (float)kernel_real(scores, (size_t)(box * columns + class + columns - c->ints[CLASSES]));
}

/* The class with the greatest score that is not among those seen; the first of equal ones. */
static int32_t best_class(const struct kernel_case *c, int32_t box, const bool *seen)
{
	int32_t best = -1;

	for (int32_t class = 0; class < c->ints[CLASSES]; class++)
		if (!seen[class] && (best < 0 || score_at(c, box, class) > score_at(c, box, best)))
			best = class;
	return best;
}

/* Something to choose: a box with a score. */
struct choice {
	int32_t box, class;
	float score;
	bool gone;
};

static struct choice *best_choice(struct choice *choices, size_t count)
{
	struct choice *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (!choices[i].gone && (!best || choices[i].score > best->score))
			best = &choices[i];
	return best;
}

static struct choice *new_choices(int32_t count)
{
	struct choice *choices = calloc((size_t)count + 1, sizeof(*choices));

	ck_assert_ptr_nonnull(choices);
	return choices;
}

/*
 * Strikes out what overlaps something better; class -1: a box counts with its best class. Returns what was kept, at most @limit, best
 * first.
 */
static struct choice *suppress(const struct kernel_case *c, int32_t class, int32_t limit, size_t *ret_count)
{
	int32_t boxes = c->inputs[BOXES].dims[1];
	struct choice *choices = new_choices(boxes), *kept = new_choices(boxes), *best;
	bool none[64] = {false};

	*ret_count = 0;
	for (int32_t i = 0; i < boxes; i++) {
		int32_t counted = class < 0 ? best_class(c, i, none) : class;

		choices[i] = (struct choice){i, counted, score_at(c, i, counted), false};
		choices[i].gone = !(choices[i].score >= (float)(c->ints[SCORE_PERCENT] / 100.0));
	}
	while (*ret_count < (size_t)limit && (best = best_choice(choices, (size_t)boxes))) {
		struct corners corners = decode(c, best->box);

		kept[(*ret_count)++] = *best;
		best->gone = true;
		for (int32_t i = 0; i < boxes; i++) {
			struct corners other = decode(c, choices[i].box);

			choices[i].gone |= overlaps(c, &corners, &other);
		}
	}
	free(choices);
	return kept;
}

static void expect(const struct kernel_case *c, struct kernel_expected *expected, size_t place, int32_t box, int32_t class)
{
	struct corners corners = decode(c, box);
	double score = (double)score_at(c, box, class);

	for (unsigned i = 0; i < 4; i++) {
		float value = i < 2 ? corners.low[i] : corners.high[i - 2];

		expected[0].element[place * 4 + i] = (struct kernel_element){(double)value, KERNEL_FLOAT_ERROR * (double)corners.magnitude};
	}
	expected[1].element[place] = (struct kernel_element){class, 0};
	expected[2].element[place] = (struct kernel_element){score, KERNEL_FLOAT_ERROR * fabs(score)};
}

static size_t refer_fast(const struct kernel_case *c, struct kernel_expected *expected)
{
	size_t count;
	struct choice *kept = suppress(c, -1, c->ints[MAX_DETECTIONS], &count);

	for (size_t i = 0; i < count; i++) {
		bool seen[64] = {false};

		for (int32_t n = 0; n < c->ints[MAX_CLASSES] && n < c->ints[CLASSES]; n++) {
			int32_t class = best_class(c, kept[i].box, seen);

			seen[class] = true;
			expect(c, expected, i * (size_t)c->ints[MAX_CLASSES] + (size_t)n, kept[i].box, class);
		}
	}
	free(kept);
	return count;
}

static size_t refer_regular(const struct kernel_case *c, struct kernel_expected *expected)
{
	struct choice *all = new_choices(c->inputs[BOXES].dims[1] * c->ints[CLASSES]), *best;
	size_t count = 0, listed = 0;

	for (int32_t class = 0; class < c->ints[CLASSES]; class++) {
		size_t added;
		struct choice *kept = suppress(c, class, c->ints[PER_CLASS], &added);

		memcpy(all + count, kept, added * sizeof(*kept));
		count += added;
		free(kept);
	}
	while (listed < (size_t)c->ints[MAX_DETECTIONS] && (best = best_choice(all, count))) {
		expect(c, expected, listed++, best->box, best->class);
		best->gone = true;
	}
	free(all);
	return listed;
}

static void refer(const struct kernel_case *c, struct kernel_expected *expected)
{
	int32_t places = c->ints[MAX_DETECTIONS] * c->ints[MAX_CLASSES];
	size_t count;

	kernel_expect_shape(&expected[0], 3, TFL_INTS(1, places, 4).values);
	kernel_expect_shape(&expected[1], 2, TFL_INTS(1, places).values);
	kernel_expect_shape(&expected[2], 2, TFL_INTS(1, places).values);
	kernel_expect_shape(&expected[3], 1, TFL_INTS(1).values);
	count = c->ints[REGULAR] ? refer_regular(c, expected) : refer_fast(c, expected);
	expected[3].element[0] = (struct kernel_element){(double)count, 0};
}

const struct kernel_row kernel_detection_post_process = {"TFLite_Detection_PostProcess", TFL_BUILTIN_CUSTOM, "fbB", draw, options, refer};
