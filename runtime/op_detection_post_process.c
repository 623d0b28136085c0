/* SPDX-License-Identifier: MIT */
/*
 * TFLite_Detection_PostProcess: from what a single-shot detector computes to a list of objects. Inputs: box encodings [1, N, 4 or more], as
 * offsets from anchors; scores [1, N, classes], with or without a background class in front; anchors [N, 4] as centre y, centre x, height,
 * width. Outputs, all float32: corners [1, D, 4] as top, left, bottom, right; classes [1, D]; scores [1, D]; how many there are [1]. D is
 * max_detections * max_classes_per_detection, and what is behind the number is 0.
 *
 * Two ways of suppressing what overlaps, as in TensorFlow Lite. Fast: over all classes at once, each box with its best score; a box that is
 * kept is listed with its best classes. Regular: class by class, the best of all classes listed.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/flexbuffer.h"
#include "runtime/kernel_top.h"
#include "runtime/op.h"
#include "runtime/quant.h"

enum { BOXES, SCORES, ANCHORS };
enum { OUT_BOXES, OUT_CLASSES, OUT_SCORES, OUT_COUNT };

#define DETECTIONS_PER_CLASS 100 /* where the options do not say */

struct params {
	/* As in the options. */
	int32_t max_detections, max_classes, detections_per_class, classes;
	bool regular;
	float score_threshold, overlap_threshold;
	float scales[4]; /* of y, x, height, width */
	/* Of the inputs. */
	int32_t boxes, encoding, columns; /* boxes; elements of an encoding; scores of a box */
	int32_t background;               /* 1 where the first score is that of nothing */
};

struct box {
	float top, left, bottom, right;
};

struct detection {
	int32_t box, class;
	float score;
};

/* The node's scratch memory. */
struct work {
	struct box *boxes;
	const float *scores;
	float *dequantized;  /* scores, where they are integers */
	float *column;       /* one score of each box */
	int32_t *candidates; /* boxes that may still be kept */
	int32_t *kept;
	int32_t *order;                /* of classes or detections */
	struct detection *detections;  /* regular: the best so far, and behind them those of one class … */
	struct detection *next;        /* … and the best of these */
};

struct option {
	const char *name;
	enum { INTEGER, REAL, TRUTH } kind;
	size_t offset;
	bool optional;
};

static const struct option options[] = {
	{"max_detections", INTEGER, offsetof(struct params, max_detections), false},
	{"max_classes_per_detection", INTEGER, offsetof(struct params, max_classes), false},
	{"detections_per_class", INTEGER, offsetof(struct params, detections_per_class), true},
	{"num_classes", INTEGER, offsetof(struct params, classes), false},
	{"use_regular_nms", TRUTH, offsetof(struct params, regular), true},
	{"nms_score_threshold", REAL, offsetof(struct params, score_threshold), false},
	{"nms_iou_threshold", REAL, offsetof(struct params, overlap_threshold), false},
	{"y_scale", REAL, offsetof(struct params, scales[0]), false},
	{"x_scale", REAL, offsetof(struct params, scales[1]), false},
	{"h_scale", REAL, offsetof(struct params, scales[2]), false},
	{"w_scale", REAL, offsetof(struct params, scales[3]), false},
};

/* 0, 1 when it is not there, -EINVAL. Integers are counts, all of them: at least 1. */
static int read_option(const struct tfl_flex_map *map, const struct option *option, struct params *params)
{
	void *field = (uint8_t *)params + option->offset;
	int64_t integer;
	double real;
	int r;

	if (option->kind == TRUTH)
		return tfl_flex_bool(map, option->name, field);
	if (option->kind == INTEGER) {
		r = tfl_flex_int(map, option->name, &integer);
		if (r == 0 && (integer < 1 || integer > INT32_MAX))
			return -EINVAL;
		if (r == 0)
			*(int32_t *)field = (int32_t)integer;
		return r;
	}
	r = tfl_flex_real(map, option->name, &real);
	if (r == 0)
		*(float *)field = (float)real;
	return r == 0 && isnan(real) ? -EINVAL : r;
}

static int read_options(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	static const char *const right[] = {"a count of 1 or more", "a number", "true or false"};
	struct tfl_flex_map map;

	params->detections_per_class = DETECTIONS_PER_CLASS;
	if (tfl_flex_map_open(node->source->custom_options, node->source->custom_options_size, &map) < 0)
		return tfl_node_invalid(graph, node, error, "its options are no FlexBuffers map");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(options); i++) {
		int r = read_option(&map, &options[i], params);

		if (r == 1 && !options[i].optional)
			return tfl_node_invalid(graph, node, error, "its options have no '%s'", options[i].name);
		if (r < 0)
			return tfl_node_invalid(graph, node, error, "its option '%s' is not %s", options[i].name, right[options[i].kind]);
	}
	if (!(params->overlap_threshold > 0 && params->overlap_threshold <= 1))
		return tfl_node_invalid(graph, node, error, "its nms_iou_threshold is %g; a number above 0, at most 1, is right",
					(double)params->overlap_threshold);
	return 0;
}

static int check_inputs(const struct tfl_graph *graph, const struct tfl_node *node, struct params *params, struct tfl_error *error)
{
	const struct tfl_value *boxes = tfl_node_input(graph, node, BOXES), *scores = tfl_node_input(graph, node, SCORES);
	const struct tfl_value *anchors = tfl_node_input(graph, node, ANCHORS);
	int r;

	r = tfl_check_quantized(graph, node, boxes, "first input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, scores, "second input", error);
	if (r == 0)
		r = tfl_check_quantized(graph, node, anchors, "third input", error);
	if (r < 0)
		return r;
	if (boxes->rank != 3 || boxes->dims[0] != 1 || boxes->dims[2] < 4)
		return tfl_node_invalid(graph, node, error, "the boxes have %u dimensions; [1, N, 4] or with more than 4 is right",
					boxes->rank);
	params->boxes = boxes->dims[1];
	params->encoding = boxes->dims[2];
	if (anchors->rank != 2 || anchors->dims[0] != params->boxes || anchors->dims[1] != 4)
		return tfl_node_invalid(graph, node, error, "the anchors have %u dimensions and %zu elements; [%d, 4] is right",
					anchors->rank, anchors->elements, params->boxes);
	if (scores->rank != 3 || scores->dims[0] != 1 || scores->dims[1] != params->boxes)
		return tfl_node_invalid(graph, node, error, "the scores have %u dimensions and %zu elements; [1, %d, classes] is right",
					scores->rank, scores->elements, params->boxes);
	params->columns = scores->dims[2];
	params->background = params->columns - params->classes;
	if (params->background != 0 && params->background != 1)
		return tfl_node_invalid(graph, node, error, "it has %d scores a box and num_classes is %d; as many or one more is right",
					params->columns, params->classes);
	return 0;
}

/* Elements @first to @first + @count of a float32 or quantised value, as numbers. */
static void load(const struct tfl_value *value, const uint8_t *data, size_t first, size_t count, float *ret_numbers)
{
	if (value->dtype == TFL_FLOAT32)
		memcpy(ret_numbers, data + first * sizeof(float), count * sizeof(float));
	else
		tfl_dequantize(value->dtype, value->scale, value->zero_point, data + first, count, ret_numbers);
}

/* A box around an anchor of negative size would end before it begins, and suppression means nothing then. */
static int check_anchors(const struct tfl_graph *graph, const struct tfl_node *node, const void *data, struct tfl_error *error)
{
	const struct tfl_value *anchors = tfl_node_input(graph, node, ANCHORS);
	const struct params *params = node->params;
	float anchor[4];

	for (int32_t i = 0; i < params->boxes; i++) {
		load(anchors, data, (size_t)i * 4, 4, anchor);
		if (anchor[2] < 0 || anchor[3] < 0)
			return tfl_node_invalid(graph, node, error, "anchor %d is %g high and %g wide; neither may be negative", i,
						(double)anchor[2], (double)anchor[3]);
	}
	return 0;
}

static int32_t smaller(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

/* Places of detections: in the regular way one class comes behind the best of those before. */
static size_t detections_max(const struct params *params)
{
	return (size_t)params->max_detections + (size_t)smaller(params->detections_per_class, params->boxes);
}

/* Lays the parts out one behind the other, all of 4-byte elements; counts only, where @base is NULL. */
static size_t lay_out(const struct params *params, bool quantized, uint8_t *base, struct work *work)
{
	size_t boxes = (size_t)params->boxes, scores = quantized ? boxes * (size_t)params->columns : 0;
	size_t detections = params->regular ? detections_max(params) : 0;
	size_t order = params->regular ? detections : (size_t)smaller(params->max_classes, params->classes);
	struct {
		void **part;
		size_t bytes;
	} parts[] = {
		{(void **)&work->boxes, boxes * sizeof(*work->boxes)},
		{(void **)&work->dequantized, scores * sizeof(*work->dequantized)},
		{(void **)&work->column, boxes * sizeof(*work->column)},
		{(void **)&work->candidates, boxes * sizeof(*work->candidates)},
		{(void **)&work->kept, boxes * sizeof(*work->kept)},
		{(void **)&work->order, order * sizeof(*work->order)},
		{(void **)&work->detections, detections * sizeof(*work->detections)},
		{(void **)&work->next, detections * sizeof(*work->next)},
	};
	size_t bytes = 0;

	for (size_t i = 0; i < TFL_ARRAY_SIZE(parts); i++) {
		*parts[i].part = base ? base + bytes : NULL;
		bytes += parts[i].bytes;
	}
	return bytes;
}

/* Suppression looks at each box once for each that is kept, and sorts; classes are sorted for each box that is listed. */
static int charge(struct tfl_graph *graph, const struct tfl_node *node, const struct params *params, struct tfl_error *error)
{
	uint64_t boxes = (uint64_t)params->boxes, rounds = params->regular ? (uint64_t)params->classes : 1;
	uint64_t limit = (uint64_t)(params->regular ? params->detections_per_class : params->max_detections);
	uint64_t kept = limit < boxes ? limit : boxes, sorting = 64;
	int r;

	r = tfl_node_charge(graph, node, rounds, boxes * (8 * kept + sorting), error);
	if (r == 0 && params->regular)
		r = tfl_node_charge(graph, node, rounds, sorting * detections_max(params), error);
	if (r == 0 && !params->regular)
		r = tfl_node_charge(graph, node, kept, sorting * (uint64_t)params->classes, error);
	return r;
}

static int prepare(struct tfl_graph *graph, struct tfl_node *node, struct tfl_error *error)
{
	struct params *params = node->params = tfl_graph_alloc(graph, sizeof(*params));
	const struct tfl_value *anchors = tfl_node_input(graph, node, ANCHORS);
	int64_t places;
	struct work work;
	int32_t dims[3] = {1, 0, 4};
	int r;

	if (!params)
		return -ENOMEM;
	r = read_options(graph, node, params, error);
	if (r == 0)
		r = check_inputs(graph, node, params, error);
	if (r == 0 && anchors->data)
		r = check_anchors(graph, node, anchors->data, error);
	if (r < 0)
		return r;
	places = (int64_t)params->max_detections * params->max_classes;
	if (places > INT32_MAX)
		return tfl_node_invalid(graph, node, error, "it lists %d detections with %d classes each, which is too many",
					params->max_detections, params->max_classes);
	dims[1] = (int32_t)places;
	r = tfl_node_set_shape(graph, node, OUT_BOXES, 3, dims, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, OUT_CLASSES, 2, dims, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, OUT_SCORES, 2, dims, error);
	if (r == 0)
		r = tfl_node_set_shape(graph, node, OUT_COUNT, 1, dims, error);
	if (r == 0)
		r = charge(graph, node, params, error);
	node->scratch_bytes = lay_out(params, tfl_node_input(graph, node, SCORES)->dtype != TFL_FLOAT32, NULL, &work);
	return r;
}

/* In double precision, rounded where TensorFlow Lite rounds. */
static struct box decode_box(const float *encoding, const float *anchor, const float *scales)
{
	double e[4], a[4];
	float y, x, half_height, half_width;

	for (unsigned i = 0; i < 4; i++) {
		e[i] = (double)encoding[i] / (double)scales[i];
		a[i] = (double)anchor[i];
	}
	y = (float)(e[0] * a[2] + a[0]);
	x = (float)(e[1] * a[3] + a[1]);
	half_height = (float)(0.5 * exp(e[2]) * a[2]);
	half_width = (float)(0.5 * exp(e[3]) * a[3]);
	return (struct box){y - half_height, x - half_width, y + half_height, x + half_width};
}

static void decode_boxes(const struct tfl_run *run, const struct tfl_node *node, struct box *boxes)
{
	const struct tfl_value *encodings = tfl_node_input(run->graph, node, BOXES), *anchors = tfl_node_input(run->graph, node, ANCHORS);
	const struct params *params = node->params;
	float encoding[4], anchor[4];

	for (int32_t i = 0; i < params->boxes; i++) {
		load(encodings, tfl_run_input(run, node, BOXES), (size_t)i * (size_t)params->encoding, 4, encoding);
		load(anchors, tfl_run_input(run, node, ANCHORS), (size_t)i * 4, 4, anchor);
		boxes[i] = decode_box(encoding, anchor, params->scales);
	}
}

/* Intersection over union. */
static float overlap(const struct box *a, const struct box *b)
{
	float area_a = (a->bottom - a->top) * (a->right - a->left), area_b = (b->bottom - b->top) * (b->right - b->left);
	float top = b->top > a->top ? b->top : a->top, bottom = b->bottom < a->bottom ? b->bottom : a->bottom;
	float left = b->left > a->left ? b->left : a->left, right = b->right < a->right ? b->right : a->right;
	float height = bottom - top < 0 ? 0 : bottom - top, width = right - left < 0 ? 0 : right - left;
	float area = height * width;

	if (area_a <= 0 || area_b <= 0)
		return 0;
	return area / (area_a + area_b - area);
}

/* A queue gives the best first; of equal scores, the one that stands first. */
static bool after(const void *values, int32_t a, int32_t b)
{
	return tfl_before_float32_stable(values, b, a);
}

/*
 * Keeps the boxes with the best scores in work->column, at most @limit, leaving out those that overlap one that is kept. Returns how many
 * stand in work->kept, best first.
 */
static int32_t suppress(const struct params *params, const struct work *work, int32_t limit)
{
	struct tfl_heap queue = {work->column, after, work->candidates, 0};
	int32_t count = 0;

	for (int32_t i = 0; i < params->boxes; i++)
		if (work->column[i] >= params->score_threshold)
			work->candidates[queue.count++] = i;
	tfl_heap_make(&queue);
	while (queue.count > 0 && count < limit) {
		int32_t box = tfl_heap_pop(&queue), i = 0;

		while (i < count && !(overlap(&work->boxes[work->kept[i]], &work->boxes[box]) > params->overlap_threshold))
			i++;
		if (i == count)
			work->kept[count++] = box;
	}
	return count;
}

struct outputs {
	struct box *boxes;
	float *classes, *scores, *count;
};

static void list(const struct outputs *outputs, const struct work *work, size_t place, int32_t box, int32_t class, float score)
{
	outputs->boxes[place] = work->boxes[box];
	outputs->classes[place] = (float)class;
	outputs->scores[place] = score;
}

static void run_fast(const struct params *params, const struct work *work, const struct outputs *outputs)
{
	size_t classes = (size_t)params->classes, listed = (size_t)smaller(params->max_classes, params->classes);
	int32_t count;

	for (int32_t i = 0; i < params->boxes; i++) {
		const float *scores = work->scores + (size_t)i * (size_t)params->columns + params->background;
		float best = scores[0];

		for (size_t c = 1; c < classes; c++)
			best = scores[c] > best ? scores[c] : best;
		work->column[i] = best;
	}
	count = suppress(params, work, params->max_detections);
	for (int32_t i = 0; i < count; i++) {
		int32_t box = work->kept[i];
		const float *scores = work->scores + (size_t)box * (size_t)params->columns + params->background;

		tfl_top(scores, classes, listed, tfl_before_float32, work->order);
		for (size_t c = 0; c < listed; c++)
			list(outputs, work, (size_t)i * (size_t)params->max_classes + c, box, work->order[c], scores[work->order[c]]);
	}
	outputs->count[0] = (float)count;
}

static bool detection_before(const void *values, int32_t a, int32_t b)
{
	const struct detection *detections = values;

	return detections[a].score > detections[b].score;
}

/* After each class the list is cut to its best: TensorFlow Lite's order of equal scores comes of that. */
static void run_regular(const struct params *params, struct work *work, const struct outputs *outputs)
{
	size_t count = 0;

	for (int32_t class = 0; class < params->classes; class++) {
		int32_t added;
		size_t all = count;

		for (int32_t i = 0; i < params->boxes; i++)
			work->column[i] = work->scores[(size_t)i * (size_t)params->columns + (size_t)(class + params->background)];
		added = suppress(params, work, params->detections_per_class);
		for (int32_t i = 0; i < added; i++)
			work->detections[all++] = (struct detection){work->kept[i], class, work->column[work->kept[i]]};
		count = all < (size_t)params->max_detections ? all : (size_t)params->max_detections;
		tfl_top(work->detections, all, count, detection_before, work->order);
		for (size_t i = 0; i < count; i++)
			work->next[i] = work->detections[work->order[i]];
		memcpy(work->detections, work->next, count * sizeof(*work->next));
	}
	for (size_t i = 0; i < count; i++)
		list(outputs, work, i, work->detections[i].box, work->detections[i].class, work->detections[i].score);
	outputs->count[0] = (float)count;
}

static int run(const struct tfl_run *run, const struct tfl_node *node, struct tfl_error *error)
{
	const struct params *params = node->params;
	const struct tfl_value *scores = tfl_node_input(run->graph, node, SCORES), *anchors = tfl_node_input(run->graph, node, ANCHORS);
	const struct outputs outputs = {tfl_run_output(run, node, OUT_BOXES), tfl_run_output(run, node, OUT_CLASSES),
					tfl_run_output(run, node, OUT_SCORES), tfl_run_output(run, node, OUT_COUNT)};
	bool quantized = scores->dtype != TFL_FLOAT32;
	struct work work;
	int r;

	lay_out(params, quantized, run->scratch, &work);
	work.scores = quantized ? work.dequantized : tfl_run_input(run, node, SCORES);
	if (quantized)
		load(scores, tfl_run_input(run, node, SCORES), 0, scores->elements, work.dequantized);
	for (uint32_t i = OUT_BOXES; i < OUT_COUNT; i++)
		memset(tfl_run_output(run, node, i), 0, tfl_node_output(run->graph, node, i)->bytes);
	if (!anchors->data) {
		r = check_anchors(run->graph, node, tfl_run_input(run, node, ANCHORS), error);
		if (r < 0)
			return r;
	}
	decode_boxes(run, node, work.boxes);
	if (params->regular)
		run_regular(params, &work, &outputs);
	else
		run_fast(params, &work, &outputs);
	return 0;
}

const struct tfl_op tfl_op_detection_post_process = {
	.code = TFL_BUILTIN_CUSTOM,
	.inputs_min = 3,
	.inputs_max = 3,
	.outputs = 4,
	.max_version = 1,
	.name = "TFLite_Detection_PostProcess",
	.types = "fff:ffff fBf:ffff BfB:ffff BBB:ffff bbb:ffff",
	.prepare = prepare,
	.run = run,
};
