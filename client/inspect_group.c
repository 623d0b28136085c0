/* SPDX-License-Identifier: MIT */
/*
 * A model of 600 operators has some twenty kinds of them. The kinds are found by sorting: a file may have any number.
 */
#include "client/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/util.h"
#include "runtime/schema.h"
#include "runtime/survey.h"

const char *ctl_operator_name(const struct tfl_survey_operator *op)
{
	return op->source->custom_name ? op->source->custom_name : tfl_builtin_to_string(op->source->code);
}

static const char *type_at(const struct tfl_subgraph *subgraph, const int32_t *tensors, uint32_t index)
{
	return tensors[index] < 0 ? "-" : tfl_dtype_to_string(subgraph->tensors[tensors[index]].dtype);
}

#define RUN_MAX 4 /* from this many on their number does not matter: parts of a SPLIT, inputs of a CONCATENATION */

/* "int8 ×2, int32" or "int8…": one side, runs of a type counted; what does not fit is cut at a comma. */
static size_t put_side(const struct tfl_subgraph *subgraph, const int32_t *tensors, uint32_t count, char *text, size_t size)
{
	size_t used = 0;

	if (count == 0)
		return (size_t)snprintf(text, size, "-");
	for (uint32_t i = 0, run; i < count; i += run) {
		const char *type = type_at(subgraph, tensors, i);
		char part[48];

		for (run = 1; i + run < count && strcmp(type, type_at(subgraph, tensors, i + run)) == 0; run++)
			;
		if (run >= RUN_MAX)
			snprintf(part, sizeof(part), "%s%s…", i ? ", " : "", type);
		else if (run > 1)
			snprintf(part, sizeof(part), "%s%s ×%u", i ? ", " : "", type, run);
		else
			snprintf(part, sizeof(part), "%s%s", i ? ", " : "", type);
		if (used + strlen(part) + sizeof(", …") > size)
			return used + (size_t)snprintf(text + used, size - used, ", …");
		used += (size_t)snprintf(text + used, size - used, "%s", part);
	}
	return used;
}

static void put_types(const struct tfl_survey *survey, const struct tfl_survey_operator *op, char types[CTL_TYPES_MAX])
{
	const struct tfl_subgraph *subgraph = &survey->model->subgraphs[op->subgraph];
	size_t used;

	used = put_side(subgraph, op->source->inputs, op->source->input_count, types, CTL_TYPES_MAX / 2);
	used += (size_t)snprintf(types + used, CTL_TYPES_MAX - used, " → ");
	put_side(subgraph, op->source->outputs, op->source->output_count, types + used, CTL_TYPES_MAX - used);
}

static int compare_kinds(const struct ctl_group *left, const struct ctl_group *right)
{
	const struct tfl_survey_operator *a = left->first, *b = right->first;
	int r = strcmp(ctl_operator_name(a), ctl_operator_name(b));

	if (r == 0)
		r = (a->source->version > b->source->version) - (a->source->version < b->source->version);
	if (r == 0)
		r = strcmp(left->types, right->types);
	if (r == 0)
		r = (int)a->verdict - (int)b->verdict;
	return r;
}

static int by_kind(const void *a, const void *b)
{
	return compare_kinds(a, b);
}

static int by_reason(const void *a, const void *b)
{
	const struct ctl_group *left = a, *right = b;
	int r = compare_kinds(left, right);

	if (r == 0)
		r = (int)left->first->cause - (int)right->first->cause;
	if (r == 0)
		r = strcmp(left->first->reason ? left->first->reason : "", right->first->reason ? right->first->reason : "");
	return r;
}

static int by_count(const void *a, const void *b)
{
	const struct ctl_group *left = a, *right = b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return by_reason(left, right);
}

int ctl_groups_make(const struct tfl_survey *survey, bool (*takes)(const struct tfl_survey_operator *op), bool reasons,
		    struct ctl_groups *ret_groups)
{
	int (*compare)(const void *a, const void *b) = reasons ? by_reason : by_kind;
	struct ctl_group *items = calloc((size_t)survey->operator_count + 1, sizeof(*items));
	size_t taken = 0, count = 0;

	if (!items)
		return -ENOMEM;
	for (uint32_t i = 0; i < survey->operator_count; i++) {
		const struct tfl_survey_operator *op = &survey->operators[i];

		if (takes && !takes(op))
			continue;
		items[taken] = (struct ctl_group){.first = op, .count = 1, .multiplies = op->multiplies};
		put_types(survey, op, items[taken++].types);
	}
	qsort(items, taken, sizeof(*items), compare);
	for (size_t i = 0; i < taken; i++) {
		if (count > 0 && compare(&items[count - 1], &items[i]) == 0) {
			items[count - 1].count++;
			items[count - 1].multiplies += items[i].multiplies;
		} else {
			items[count++] = items[i];
		}
	}
	qsort(items, count, sizeof(*items), by_count);
	*ret_groups = (struct ctl_groups){items, count};
	return 0;
}

void ctl_groups_finish(struct ctl_groups *groups)
{
	free(groups->items);
	*groups = (struct ctl_groups){0};
}
