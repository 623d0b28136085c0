/* SPDX-License-Identifier: MIT */
/*
 * An output holds scores of classes when it is one row of at least two numbers, not all NaN, and the model says so, or it has as many
 * names, or looks like probabilities: all within [0, 1], together 1. Scores outside of [0, 1] are printed as numbers, not as percentages.
 * Everything else is summed up, because a thousand numbers on a screen tell nothing; --out has them all.
 */
#include "client/infer_output.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "client/npy.h"
#include "client/print.h"

#define FIRST_VALUES 8
#define TOP_DEFAULT 5
/* Shares below this would be printed as 0.0 %: unless asked for, only the best of them is. */
#define NOTHING 0.0005

struct summary {
	size_t count, nans;
	double min, max, mean, sum;
	bool one_row, shares; /* shares: all within [0, 1] */
};

static size_t element_count(const struct tfl_output *output)
{
	size_t size = tfl_dtype_size(output->dtype);

	return size ? output->bytes / size : 0;
}

#define READ(type) (double)((const type *)output->data)[i]

double ctl_output_element(const struct tfl_output *output, size_t i)
{
	switch (output->dtype) {
	case TFL_FLOAT32:
		return READ(float);
	case TFL_FLOAT64:
		return READ(double);
	case TFL_INT8:
		return READ(int8_t);
	case TFL_UINT8:
	case TFL_BOOL:
		return READ(uint8_t);
	case TFL_INT16:
		return READ(int16_t);
	case TFL_UINT16:
		return READ(uint16_t);
	case TFL_INT32:
		return READ(int32_t);
	case TFL_UINT32:
		return READ(uint32_t);
	case TFL_INT64:
		return READ(int64_t);
	case TFL_UINT64:
		return READ(uint64_t);
	default:
		return NAN;
	}
}

static struct summary summarize(const struct tfl_output *output)
{
	struct summary summary = {.count = element_count(output), .min = NAN, .max = NAN, .mean = NAN, .shares = true};
	unsigned large = 0;

	for (size_t i = 0; i < summary.count; i++) {
		double value = ctl_output_element(output, i);

		if (isnan(value)) {
			summary.nans++;
			summary.shares = false;
			continue;
		}
		summary.min = fmin(summary.min, value);
		summary.max = fmax(summary.max, value);
		summary.sum += value;
		summary.shares &= value >= 0 && value <= 1;
	}
	for (unsigned i = 0; i < output->rank; i++)
		large += output->dims[i] > 1;
	summary.one_row = large == 1;
	if (summary.count > summary.nans)
		summary.mean = summary.sum / (double)(summary.count - summary.nans);
	return summary;
}

size_t ctl_output_classes(const struct tfl_output *output)
{
	struct summary summary = summarize(output);

	return summary.one_row ? summary.count : 0;
}

static bool is_scores(const struct summary *summary, const struct ctl_output_meaning *meaning)
{
	if (!summary->one_row || summary->nans == summary->count)
		return false;
	return meaning->classification || meaning->names.count == summary->count || (summary->shares && fabs(summary->sum - 1) < 0.05);
}

struct ranked {
	double value;
	size_t index;
};

/* The greatest first, equal ones in order, NaN last. */
static int by_rank(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->value > right->value || (isnan(right->value) && !isnan(left->value)))
		return -1;
	if (left->value < right->value || (isnan(left->value) && !isnan(right->value)))
		return 1;
	return left->index < right->index ? -1 : 1;
}

/* All elements by rank; NULL without memory. */
static struct ranked *rank(const struct tfl_output *output)
{
	size_t count = element_count(output);
	struct ranked *ranked = calloc(count, sizeof(*ranked));

	for (size_t i = 0; ranked && i < count; i++)
		ranked[i] = (struct ranked){ctl_output_element(output, i), i};
	if (ranked)
		qsort(ranked, count, sizeof(*ranked), by_rank);
	return ranked;
}

static size_t rows(size_t classes, unsigned top)
{
	size_t wanted = top ? top : TOP_DEFAULT;

	return wanted < classes ? wanted : classes;
}

const char *ctl_class_name(const struct ctl_names *names, size_t index, char buffer[CTL_CLASS_NAME_SIZE])
{
	const char *name = index < names->count ? names->name(names->data, index) : NULL;

	if (name && *name)
		return name;
	if (index == SIZE_MAX)
		return "no class";
	snprintf(buffer, CTL_CLASS_NAME_SIZE, "class %zu", index);
	return buffer;
}

static void print_scores(const struct tfl_output *output, const struct ctl_output_meaning *meaning, unsigned top,
			 const struct summary *summary, const char *remark)
{
	double least = meaning->threshold > NOTHING ? meaning->threshold : NOTHING;
	struct ctl_table table = {.columns = 3, .right = 2};
	_tfl_free_ struct ranked *ranked = rank(output);
	size_t count = ranked ? rows(summary->count, top) : 0;
	char buffer[CTL_CLASS_NAME_SIZE];

	for (size_t i = 0; i < count; i++) {
		double value = ranked[i].value;

		if (summary->shares && top == 0 && i > 0 && value < least)
			break;
		ctl_table_add(&table, "%s", ctl_class_name(&meaning->names, ranked[i].index, buffer));
		if (summary->shares)
			ctl_table_add(&table, "%.1f %%", 100 * value);
		else if (isnan(value))
			ctl_table_add(&table, "nan");
		else
			ctl_table_add(&table, "%.4g", value);
		ctl_table_add(&table, "%s", i == 0 ? remark : "");
	}
	ctl_table_print(&table, "");
}

void ctl_output_print(const struct tfl_output *output, const struct ctl_output_meaning *meaning, unsigned top, const char *remark)
{
	struct summary summary = summarize(output);
	char shape[TFL_SHAPE_STRING_MAX];

	if (is_scores(&summary, meaning)) {
		print_scores(output, meaning, top, &summary, remark);
		return;
	}
	ctl_printf("%s  %s %s%s%s\n", *output->name ? output->name : "output", tfl_dtype_to_string(output->dtype),
		   tfl_shape_to_string(output->dims, output->rank, shape, sizeof(shape)), *remark ? "  " : "", remark);
	if (summary.nans)
		printf("  %zu of %zu numbers are NaN\n", summary.nans, summary.count);
	if (summary.count - summary.nans > 1)
		printf("  min %.6g  max %.6g  mean %.6g\n", summary.min, summary.max, summary.mean);
	if (summary.count == 0) {
		printf("  no values\n");
		return;
	}
	printf("  values");
	for (size_t i = 0; i < summary.count && i < FIRST_VALUES; i++) {
		double value = ctl_output_element(output, i);

		printf(isnan(value) ? " nan" : " %.6g", value); /* the sign of a NaN means nothing */
	}
	printf("%s\n", summary.count > FIRST_VALUES ? " …" : "");
}

json_t *ctl_real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *scores_json(const struct tfl_output *output, const struct ctl_names *names, unsigned top)
{
	_tfl_free_ struct ranked *ranked = rank(output);
	size_t count = ranked ? rows(element_count(output), top) : 0;
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		size_t index = ranked[i].index;
		const char *name = index < names->count ? names->name(names->data, index) : NULL;

		json_array_append_new(array, json_pack("{s:I, s:s?, s:o}", "class", (json_int_t)index, "label", name, "score",
						       ctl_real_or_null(ranked[i].value)));
	}
	return array;
}

json_t *ctl_output_json(const struct tfl_output *output, const struct ctl_output_meaning *meaning, unsigned top)
{
	struct summary summary = summarize(output);
	json_t *object = json_object(), *shape = json_array(), *values = json_array();

	for (unsigned i = 0; i < output->rank; i++)
		json_array_append_new(shape, json_integer(output->dims[i]));
	json_object_set_new(object, "name", json_string(output->name));
	json_object_set_new(object, "dtype", json_string(tfl_dtype_to_string(output->dtype)));
	json_object_set_new(object, "shape", shape);
	if (is_scores(&summary, meaning)) {
		json_object_set_new(object, "top", scores_json(output, &meaning->names, top));
		json_decref(values);
		return object;
	}
	for (size_t i = 0; i < summary.count && i < FIRST_VALUES; i++)
		json_array_append_new(values, ctl_real_or_null(ctl_output_element(output, i)));
	json_object_set_new(object, "min", ctl_real_or_null(summary.min));
	json_object_set_new(object, "max", ctl_real_or_null(summary.max));
	json_object_set_new(object, "mean", ctl_real_or_null(summary.mean));
	json_object_set_new(object, "first", values);
	return object;
}

/* "scores.npy" becomes "scores.1.npy" for the second output. */
static char *numbered_path(const char *path, unsigned position)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
	char *numbered;

	if (!dot)
		dot = path + strlen(path);
	if ((position ? asprintf(&numbered, "%.*s.%u%s", (int)(dot - path), path, position, dot) : asprintf(&numbered, "%s", path)) < 0)
		return NULL;
	return numbered;
}

static int write_one(const struct tfl_output *output, const char *path, struct tfl_error *error)
{
	struct tfl_npy array = {.dtype = output->dtype, .rank = output->rank, .data = output->data, .bytes = output->bytes};
	size_t length = strlen(path);
	FILE *file = fopen(path, "we");
	int r = 0;

	if (!file)
		return tfl_error_set(error, -errno, "%s: %s", path, strerror(errno));
	memcpy(array.dims, output->dims, output->rank * sizeof(*output->dims));
	if (length > 4 && strcmp(path + length - 4, ".npy") == 0)
		r = tfl_npy_write(file, &array);
	else if (fwrite(output->data, 1, output->bytes, file) != output->bytes)
		r = -EIO;
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	if (r == -EINVAL)
		return tfl_error_set(error, r, "%s: numpy has no type %s; write raw bytes to a file of another name", path,
				     tfl_dtype_to_string(output->dtype));
	return r < 0 ? tfl_error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}

int ctl_output_write(const struct tfl_infer *infer, const char *path, struct tfl_error *error)
{
	int r = 0;

	for (unsigned i = 0; i < tfl_infer_output_count(infer) && r == 0; i++) {
		_tfl_free_ char *numbered = numbered_path(path, i);

		r = numbered ? write_one(tfl_infer_output(infer, i), numbered, error) : tfl_error_set(error, -ENOMEM, "no memory");
	}
	return r;
}
