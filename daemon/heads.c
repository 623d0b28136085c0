/* SPDX-License-Identifier: MIT */
/*
 * Every row of a head is a verdict. A detector's row is ordered: its verdict is the first thing it found, ahead of the second, and the
 * class stands in another output, as a float.
 */
#include "daemon/heads.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "daemon/recorder.h"
#include "runtime/interpreter.h"
#include "runtime/program.h"

static const enum tfl_scores scores_of[TFL_CONFIDENCE_KINDS] = {
	[TFL_CONFIDENCE_SOFTMAX] = TFL_SCORES_PROBABILITY, [TFL_CONFIDENCE_LOGISTIC] = TFL_SCORES_PROBABILITY,
	[TFL_CONFIDENCE_LOG_SOFTMAX] = TFL_SCORES_LOG,     [TFL_CONFIDENCE_LOGITS] = TFL_SCORES_LOGIT,
	[TFL_CONFIDENCE_DETECTION] = TFL_SCORES_PROBABILITY,
};

/* Two classes are told apart by one probability; a detector may find up to anything of any class. */
static uint32_t count_classes(const struct tfl_confidence_source *source)
{
	uint32_t classes = source->classes == 1 ? 2 : source->classes;

	if (source->kind == TFL_CONFIDENCE_DETECTION)
		classes = source->classes_output == UINT32_MAX ? 0 : TFL_CONFIDENCE_CLASSES_MAX;
	return classes < TFL_CONFIDENCE_CLASSES_MAX ? classes : TFL_CONFIDENCE_CLASSES_MAX;
}

/* Whether an output has the classes of what another one scores: as many, as floats. */
static bool names_classes(const struct tfl_io *classes, const struct tfl_confidence_source *source)
{
	return classes->dtype == TFL_FLOAT32 && classes->elements == (size_t)source->rows * source->classes;
}

/* Scores that no reader takes (a detector of one place) are left out. */
static void add_head(struct tfl_heads *heads, const struct tfl_io *outputs, const struct tfl_confidence_source *source)
{
	const struct tfl_io *output = &outputs[source->output];
	struct tfl_head *head = &heads->items[heads->count];
	bool binary = source->kind == TFL_CONFIDENCE_LOGISTIC && source->classes == 1;

	if (heads->count == TFL_CONFIDENCE_OUTPUTS_MAX ||
	    tfl_top_reader_init(&head->reader, output->dtype, binary ? TFL_SCORES_BINARY : scores_of[source->kind], source->classes, output->scale,
				output->zero_point) < 0)
		return;
	head->source = *source;
	head->rank = output->rank;
	memcpy(head->dims, output->dims, sizeof(head->dims));
	if (source->classes_output != UINT32_MAX && !names_classes(&outputs[source->classes_output], source))
		head->source.classes_output = UINT32_MAX;
	head->row_bytes = source->classes * (uint32_t)tfl_dtype_size(output->dtype);
	head->counted = count_classes(&head->source);
	heads->count++;
}

static void find_all(const struct tfl_program *program, const struct tfl_io *outputs, uint32_t count, struct tfl_heads *ret_heads)
{
	snprintf(ret_heads->reason, sizeof(ret_heads->reason), "it has no output");
	for (uint32_t i = 0; i < count; i++) {
		struct tfl_confidence_source source;

		tfl_confidence_source_find(program, i, &source);
		if (i == 0)
			snprintf(ret_heads->reason, sizeof(ret_heads->reason), "%s", source.reason);
		if (source.kind != TFL_CONFIDENCE_NONE)
			add_head(ret_heads, outputs, &source);
	}
}

/* Whether an output is the one that is chosen: by name, else by index. */
static bool is_chosen(const struct tfl_io *output, uint32_t index, const char *chosen)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", index);
	return !chosen || strcmp(output->name, chosen) == 0 || strcmp(digits, chosen) == 0;
}

/* The head that is configured: the first output of those meant that can be of the kind. */
static int find_chosen(const struct tfl_program *program, const struct tfl_io *outputs, uint32_t count,
		       const struct tfl_confidence_choice *choice, struct tfl_heads *ret_heads, struct tfl_error *error)
{
	struct tfl_confidence_source source = {0};
	bool meant = false;

	for (uint32_t i = 0; i < count && ret_heads->count == 0; i++) {
		if (!is_chosen(&outputs[i], i, choice->output))
			continue;
		meant = true;
		if (tfl_confidence_source_set(program, i, choice->kind, &source) == 0)
			add_head(ret_heads, outputs, &source);
	}
	if (!meant)
		return tfl_error_set(error, -EINVAL, "there is no output '%s'; the first is '%s'", choice->output,
				     count ? outputs[0].name : "");
	if (ret_heads->count == 0)
		return tfl_error_set(error, -EINVAL, "%s has no %s: %s", choice->output ? choice->output : "it",
				     tfl_confidence_kind_to_string(choice->kind), source.reason);
	return 0;
}

int tfl_heads_find(const struct tfl_program *program, const struct tfl_confidence_choice *choice, struct tfl_heads *ret_heads,
		   struct tfl_error *error)
{
	uint32_t count;
	const struct tfl_io *outputs = tfl_program_outputs(program, &count);

	ret_heads->count = 0;
	ret_heads->configured = !choice->automatic;
	if (choice->automatic) {
		find_all(program, outputs, count, ret_heads);
		return 0;
	}
	snprintf(ret_heads->reason, sizeof(ret_heads->reason), "it is configured so");
	return choice->kind == TFL_CONFIDENCE_NONE ? 0 : find_chosen(program, outputs, count, choice, ret_heads, error);
}

void tfl_heads_explain(const struct tfl_heads *heads, const struct tfl_program *program, uint32_t output,
		       struct tfl_confidence_source *ret_source)
{
	for (unsigned i = 0; i < heads->count; i++) {
		if (heads->items[i].source.output != output)
			continue;
		*ret_source = heads->items[i].source;
		return;
	}
	if (heads->configured)
		(void)tfl_confidence_source_set(program, output, TFL_CONFIDENCE_NONE, ret_source);
	else
		tfl_confidence_source_find(program, output, ret_source);
}

int tfl_heads_recorder(const struct tfl_heads *heads, unsigned writers, struct tfl_recorder **ret_recorder)
{
	uint32_t counted[TFL_CONFIDENCE_OUTPUTS_MAX];

	for (unsigned i = 0; i < heads->count; i++)
		counted[i] = heads->items[i].counted;
	return tfl_recorder_create(writers, heads->count, counted, ret_recorder);
}

/* The class of the best detection of a row. */
static uint32_t detected_class(const struct tfl_head *head, const struct tfl_interpreter *interpreter, uint32_t row)
{
	const float *classes;
	struct tfl_io io;

	if (head->source.classes_output == UINT32_MAX)
		return UINT32_MAX;
	/* Scores may have more rows now than in the file, and classes as many as ever. */
	tfl_interpreter_output_io(interpreter, head->source.classes_output, &io);
	if (io.elements <= (size_t)row * head->source.classes)
		return UINT32_MAX;
	classes = tfl_interpreter_output(interpreter, head->source.classes_output);
	classes += (size_t)row * head->source.classes;
	return classes[0] >= 0 && classes[0] < TFL_CONFIDENCE_CLASSES_MAX ? (uint32_t)classes[0] : UINT32_MAX;
}

/* Of what ran now: those of the file, for each of the pictures in a batch that was resized. In any other shape there is nothing to read. */
static uint32_t count_rows(const struct tfl_head *head, const struct tfl_interpreter *interpreter)
{
	struct tfl_io io;
	size_t rows;

	tfl_interpreter_output_io(interpreter, head->source.output, &io);
	rows = io.bytes / head->row_bytes;
	if (rows == head->source.rows)
		return head->source.rows;
	if (io.rank == 0 || io.rank != head->rank || memcmp(io.dims + 1, head->dims + 1, (io.rank - 1u) * sizeof(io.dims[0])) != 0)
		return 0;
	return rows < TFL_CONFIDENCE_ROWS_MAX ? (uint32_t)rows : TFL_CONFIDENCE_ROWS_MAX;
}

void tfl_heads_record(const struct tfl_heads *heads, const struct tfl_interpreter *interpreter, struct tfl_recorder *recorder, unsigned writer)
{
	for (unsigned i = 0; i < heads->count; i++) {
		const struct tfl_head *head = &heads->items[i];
		const uint8_t *output = tfl_interpreter_output(interpreter, head->source.output);
		const uint32_t rows = count_rows(head, interpreter);

		for (uint32_t row = 0; row < rows; row++) {
			struct tfl_top top;

			tfl_top_read(&head->reader, output + (size_t)row * head->row_bytes, &top);
			if (head->source.kind == TFL_CONFIDENCE_DETECTION)
				top.index = detected_class(head, interpreter, row);
			tfl_recorder_add_verdict(recorder, writer, i, &top);
		}
	}
}
