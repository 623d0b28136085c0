/* SPDX-License-Identifier: MIT */
/*
 * Bytes as a model file: opened, read wherever the model says that something can be read, built into a program with XNNPACK and without,
 * run once, and surveyed.
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

static void read_outputs(const struct tfl_program *program, const struct tfl_interpreter *interpreter)
{
	uint32_t count;

	tfl_program_outputs(program, &count);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *bytes = tfl_interpreter_output(interpreter, i);
		struct tfl_io io;

		tfl_interpreter_output_io(interpreter, i, &io);
		for (size_t j = 0; j < io.bytes; j++)
			sum += bytes[j];
	}
}

static void run(struct tfl_program *program)
{
	struct tfl_interpreter *interpreter = NULL;
	struct tfl_error error = {0};
	const struct tfl_io *ios;
	uint32_t count;

	if (tfl_interpreter_create(program, &interpreter, &error) < 0)
		return;
	ios = tfl_program_inputs(program, &count);
	for (uint32_t i = 0; i < count; i++)
		memset(tfl_interpreter_input(interpreter, i), 0x3e, ios[i].bytes);
	/* Once more on what the first run has left behind, and once as anew. */
	for (int times = 0; times < 3; times++) {
		if (times == 2)
			tfl_interpreter_reset(interpreter);
		if (tfl_interpreter_invoke(interpreter, NULL, &error) == 0)
			read_outputs(program, interpreter);
		else
			expect(error.text[0] != '\0');
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
	run(program);
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
	if (is_small(&model->subgraphs[0])) {
		build(model, true);
		build(model, false);
		if (model->subgraph_count <= SUBGRAPHS_MAX)
			look(model);
	}
	tfl_model_destroy(model);
	return 0;
}
