/* SPDX-License-Identifier: MIT */
/*
 * Bytes as a model file: opened, read wherever the model says that something can be read, built into a program with XNNPACK and without,
 * each entry of it run, once more with the inputs larger that may be, and surveyed.
 *
 * Only graphs with small tensors are built: a large one is sound, but would make a thousand others wait.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "runtime/survey.h"
#include "tests/runtime/read_all.h"

#define ELEMENTS_MAX 32768 /* of all tensors of the graph together */
#define OPERATORS_MAX 64
#define SUBGRAPHS_MAX 4
#define WORK_MAX (1 << 26)
#define RUN_BYTES_MAX (8 << 20) /* of an interpreter that is run: small constants may say that a tensor is large */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sum;

static void expect(bool sound)
{
	if (!sound)
		abort();
}

static bool is_small(const struct tfl_subgraph *subgraph)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < subgraph->tensor_count; i++) {
		size_t elements;

		expect(tfl_shape_elements(subgraph->tensors[i].dims, subgraph->tensors[i].rank, &elements) == 0);
		total += elements;
	}
	return total <= ELEMENTS_MAX && subgraph->operator_count <= OPERATORS_MAX;
}

/* Those that may be called from outside. */
static bool are_small(const struct tfl_model *model)
{
	bool small = is_small(&model->subgraphs[0]);

	for (uint32_t i = 0; i < model->signature_count; i++)
		small &= is_small(&model->subgraphs[model->signatures[i].subgraph]);
	return small;
}

static void read_outputs(const struct tfl_entry *entry, const struct tfl_interpreter *interpreter)
{
	for (uint32_t i = 0; i < entry->output_count; i++) {
		const uint8_t *bytes = tfl_interpreter_output(interpreter, i);
		struct tfl_io io;

		tfl_interpreter_output_io(interpreter, i, &io);
		for (size_t j = 0; j < io.bytes; j++)
			sum += bytes[j];
	}
}

static size_t bytes_of(const struct tfl_io *io, const struct tfl_io_shape *shape)
{
	size_t elements = 0;

	expect(tfl_shape_elements(shape->dims, shape->rank, &elements) == 0);
	return elements * tfl_dtype_size(io->dtype);
}

static void run(struct tfl_interpreter *interpreter, const struct tfl_entry *entry, const struct tfl_io_shape *shapes)
{
	struct tfl_error error = {0};

	for (uint32_t i = 0; i < entry->input_count; i++)
		memset(tfl_interpreter_input(interpreter, i), 0x3e, bytes_of(&entry->inputs[i], &shapes[i]));
	/* Once more on what the first run has left behind, and once as anew. */
	for (int times = 0; times < 3; times++) {
		if (times == 2)
			tfl_interpreter_reset(interpreter);
		if (tfl_interpreter_invoke(interpreter, NULL, &error) == 0)
			read_outputs(entry, interpreter);
		else
			expect(error.text[0] != '\0');
	}
}

/* Free dimensions become @p more than they are. */
static void run_with(struct tfl_interpreter *interpreter, const struct tfl_entry *entry, int32_t more)
{
	struct tfl_io_shape *shapes = calloc((size_t)entry->input_count + 1, sizeof(*shapes));
	struct tfl_interpreter *resized = NULL;
	struct tfl_error error = {0};

	expect(shapes != NULL);
	for (uint32_t i = 0; i < entry->input_count; i++) {
		const struct tfl_io *input = &entry->inputs[i];

		shapes[i].rank = input->rank;
		for (unsigned d = 0; d < input->rank; d++)
			shapes[i].dims[d] = input->dims[d] + (input->shape_signature[d] == -1 ? more : 0);
	}
	if (tfl_interpreter_resize(interpreter, shapes, &resized, &error) == 0)
		run(resized, entry, shapes);
	else
		expect(error.text[0] != '\0');
	free(shapes);
}

static void run_entries(struct tfl_program *program)
{
	struct tfl_interpreter *interpreter = NULL;
	const struct tfl_entry *entries;
	struct tfl_error error = {0};
	uint32_t count;

	if (tfl_interpreter_create(program, &interpreter, &error) < 0)
		return;
	if (tfl_interpreter_bytes(interpreter) > RUN_BYTES_MAX) {
		tfl_interpreter_destroy(interpreter);
		return;
	}
	entries = tfl_program_entries(program, &count);
	for (uint32_t i = 0; i < count; i++) {
		expect(!entries[i].fault || (entries[i].fault[0] != '\0' && entries[i].input_count + entries[i].output_count == 0));
		/* The second shapes are new, the third are the file's again. */
		for (int32_t more = 0; !entries[i].fault && more < 3; more++)
			run_with(tfl_interpreter_entry(interpreter, i), &entries[i], more % 2);
	}
	tfl_interpreter_destroy(interpreter);
}

static void build(const struct tfl_model *model, bool portable)
{
	const struct tfl_program_options options = {.portable = portable, .work_max = WORK_MAX, .late = true, .loop_iterations = 50};
	struct tfl_program *program = NULL;
	struct tfl_error error = {0};

	if (tfl_program_create(model, &options, &program, &error) < 0) {
		expect(!program && error.text[0] != '\0');
		return;
	}
	run_entries(program);
	tfl_program_destroy(program);
}

/* Refused or not: each operator has a verdict. */
static void look(const struct tfl_model *model)
{
	const struct tfl_program_options options = {.work_max = WORK_MAX};
	struct tfl_survey *survey = NULL;
	struct tfl_error error = {0};

	if (tfl_survey_create(model, &options, &survey, &error) < 0) {
		expect(!survey && error.text[0] != '\0');
		return;
	}
	for (uint32_t i = 0; i < survey->operator_count; i++)
		expect((survey->operators[i].cause != TFL_CAUSE_NONE) == (survey->operators[i].reason != NULL));
	for (uint32_t i = 0; i < survey->tensor_count; i++)
		sum += survey->tensors[i].reads + survey->tensors[i].bytes;
	tfl_survey_destroy(survey);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tfl_model *model = NULL;
	struct tfl_error error = {0};

	if (tfl_model_open_memory(data, size, &model, &error) < 0) {
		expect(!model && error.text[0] != '\0');
		return 0;
	}
	sum += model_read_all(model);
	if (are_small(model)) {
		build(model, true);
		build(model, false);
		if (model->subgraph_count <= SUBGRAPHS_MAX)
			look(model);
	}
	tfl_model_destroy(model);
	return 0;
}
