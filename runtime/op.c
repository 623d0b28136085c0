/* SPDX-License-Identifier: MIT */
/*
 * The table of operators and the matching of type patterns. Adding an operator is its file op_*.c and its row in TFL_OPS.
 */
#include "runtime/op.h"

#include <string.h>

#include "base/dtype.h"
#include "base/util.h"

static const struct tfl_op *const ops[] = {
#define X(name) &tfl_op_##name,
	TFL_OPS(X)
#undef X
};

const struct tfl_op *tfl_op_at(unsigned index)
{
	return index < TFL_ARRAY_SIZE(ops) ? ops[index] : NULL;
}

const struct tfl_op *tfl_op_find(uint16_t code, const char *custom_name)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(ops); i++)
		if (ops[i]->code == code && (!custom_name || strcmp(ops[i]->name, custom_name) == 0))
			return ops[i];
	return NULL;
}

static const char type_letters[TFL_DTYPE_COUNT] = {
	[TFL_FLOAT32] = 'f', [TFL_FLOAT16] = 'h', [TFL_INT8] = 'b', [TFL_UINT8] = 'B', [TFL_INT16] = 's',
	[TFL_INT32] = 'i',   [TFL_INT64] = 'l',   [TFL_BOOL] = 'z', [TFL_COMPLEX64] = 'c', [TFL_RESOURCE] = 'r',
};

/* Whether a tensor suits a letter; *same is the type that T stands for in this pattern, TFL_DTYPE_COUNT while it is open. */
static bool letter_matches(char letter, enum tfl_dtype dtype, enum tfl_dtype *same)
{
	switch (letter) {
	case '.':
		return true;
	case '#':
		return tfl_dtype_size(dtype) > 0;
	case 'N':
		return dtype == TFL_INT32 || dtype == TFL_INT64;
	case 'T':
		if (*same == TFL_DTYPE_COUNT && tfl_dtype_size(dtype) > 0)
			*same = dtype;
		return dtype == *same;
	default:
		return type_letters[dtype] == letter;
	}
}

/* Matches one side of a pattern (the inputs or the outputs) against tensor indices and moves *pattern behind it. */
static bool side_matches(const char **pattern, const struct tfl_graph *graph, const int32_t *tensors, uint32_t count, enum tfl_dtype *same)
{
	const char *p = *pattern;
	char letter = '.';

	for (uint32_t i = 0; i < count; i++) {
		if (*p == '*')
			; /* the letter before stands for this one too */
		else if (*p == '\0' || *p == ' ' || *p == ':')
			return false;
		else
			letter = *p++;
		if (tensors[i] >= 0 && !letter_matches(letter, graph->values[tensors[i]].dtype, same))
			return false;
	}
	while (*p != '\0' && *p != ' ' && *p != ':')
		p++;
	*pattern = p;
	return true;
}

bool tfl_op_types_match(const struct tfl_op *op, const struct tfl_graph *graph, const struct tfl_node *node)
{
	const struct tfl_operator *source = node->source;
	const char *pattern = op->types;

	while (*pattern) {
		const char *p = pattern;
		enum tfl_dtype same = TFL_DTYPE_COUNT;

		if (side_matches(&p, graph, source->inputs, source->input_count, &same) && *p++ == ':' &&
		    side_matches(&p, graph, source->outputs, source->output_count, &same))
			return true;
		pattern += strcspn(pattern, " ");
		pattern += strspn(pattern, " ");
	}
	return false;
}
