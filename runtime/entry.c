/* SPDX-License-Identifier: MIT */
/*
 * Signatures. Each subgraph that one of them names, but for subgraph 0, becomes a program beside that of subgraph 0: it uses the same state, and
 * the same packed weights where both have the same constants. One that cannot be run takes nothing from the others: it has a fault.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/graph.h"
#include "runtime/interpreter.h"
#include "runtime/program_internal.h"
#include "runtime/quant.h"

static const char *find_name(const struct tfl_signature_tensor *names, uint32_t count, uint32_t tensor)
{
	for (uint32_t i = 0; i < count; i++)
		if (names[i].tensor == tensor)
			return names[i].name;
	return NULL;
}

/* Gives inputs or outputs the names that a signature has for them. */
static void name_ios(struct tfl_io *ios, uint32_t count, const int32_t *tensors, const struct tfl_signature_tensor *names, uint32_t name_count)
{
	for (uint32_t i = 0; i < count; i++)
		ios[i].signature_name = find_name(names, name_count, (uint32_t)tensors[i]);
}

/* The first one of a subgraph, or NULL. */
static const struct tfl_signature *find_signature(const struct tfl_model *model, uint32_t subgraph)
{
	for (uint32_t i = 0; i < model->signature_count; i++)
		if (model->signatures[i].subgraph == subgraph)
			return &model->signatures[i];
	return NULL;
}

static void describe_io(const struct tfl_value *value, struct tfl_io *ret_io)
{
	ret_io->name = value->tensor->name;
	ret_io->dtype = value->dtype;
	ret_io->rank = value->rank;
	memcpy(ret_io->dims, value->dims, sizeof(ret_io->dims));
	ret_io->elements = value->elements;
	ret_io->bytes = value->bytes;
	ret_io->late = value->late;
	ret_io->free = value->tensor->has_dynamic;
	memcpy(ret_io->shape_signature, value->tensor->signature, sizeof(ret_io->shape_signature));
	ret_io->quantized = tfl_value_quantized(value);
	ret_io->scale = value->scale;
	ret_io->zero_point = value->zero_point;
}

int tfl_program_describe(struct tfl_program *program)
{
	static const struct tfl_signature none = {0};
	const struct tfl_signature *names = find_signature(program->model, program->graph->subgraph);
	const struct tfl_subgraph *source = program->graph->source;

	program->inputs = calloc((size_t)source->input_count + 1, sizeof(*program->inputs));
	program->outputs = calloc((size_t)source->output_count + 1, sizeof(*program->outputs));
	if (!program->inputs || !program->outputs)
		return -ENOMEM;
	names = names ? names : &none;
	for (uint32_t i = 0; i < source->input_count; i++)
		describe_io(&program->graph->values[source->inputs[i]], &program->inputs[i]);
	for (uint32_t i = 0; i < source->output_count; i++)
		describe_io(&program->graph->values[source->outputs[i]], &program->outputs[i]);
	name_ios(program->inputs, source->input_count, source->inputs, names->inputs, names->input_count);
	name_ios(program->outputs, source->output_count, source->outputs, names->outputs, names->output_count);
	return 0;
}

static struct tfl_io *copy_ios(const struct tfl_io *ios, uint32_t count)
{
	struct tfl_io *copy = calloc((size_t)count + 1, sizeof(*copy));

	if (copy && count > 0)
		memcpy(copy, ios, count * sizeof(*copy));
	return copy;
}

/* @p signature: NULL for subgraph 0 without one. */
static void name_entry(struct tfl_entry *entry, const struct tfl_model *model, const struct tfl_signature *signature)
{
	entry->signature = signature ? signature->key : NULL;
	entry->number = signature ? (uint32_t)(signature - model->signatures) : TFL_NONE;
}

/* Likewise. */
static int fill_entry(struct tfl_entry *entry, const struct tfl_program *program, const struct tfl_signature *signature)
{
	const struct tfl_subgraph *source = program->graph->source;
	struct tfl_io *inputs = copy_ios(program->inputs, source->input_count);
	struct tfl_io *outputs = copy_ios(program->outputs, source->output_count);

	entry->inputs = inputs;
	entry->outputs = outputs;
	if (!inputs || !outputs)
		return -ENOMEM;
	entry->input_count = source->input_count;
	entry->output_count = source->output_count;
	entry->main = program->graph->subgraph == 0;
	name_entry(entry, program->model, signature);
	if (!signature)
		return 0;
	name_ios(inputs, source->input_count, source->inputs, signature->inputs, signature->input_count);
	name_ios(outputs, source->output_count, source->outputs, signature->outputs, signature->output_count);
	return 0;
}

/* The number of its entry. */
static uint32_t number_of(const struct tfl_model *model, const struct tfl_signature *signature)
{
	const struct tfl_signature *first = find_signature(model, 0);

	return signature == first ? 0 : (uint32_t)(signature - model->signatures) + !(first && first < signature);
}

/* What is made for the others may take as much memory together as any one program. */
static int check_sums(const struct tfl_program *program, struct tfl_error *error)
{
	size_t limit = tfl_arena_limit(program->model->size), bytes = 0;

	for (uint32_t i = 0; i < program->other_count; i++)
		bytes += tfl_program_bytes(program->others[i]);
	if (bytes > limit)
		return tfl_error_set(error, -EFBIG, "with it, what is computed and packed for signatures would pass %zu bytes, the limit for a file "
				     "of %zu bytes", limit, program->model->size);
	return tfl_interpreter_check_sum(program->spare, error);
}

/* The program of a subgraph that a signature names, made now or for a signature before. */
static int find_other(struct tfl_program *program, const struct tfl_signature *signature, uint32_t *ret_other, struct tfl_error *error)
{
	struct tfl_interpreter *spare = program->spare;
	uint32_t i = 0;
	int r;

	while (i < program->other_count && program->others[i]->graph->subgraph != signature->subgraph)
		i++;
	*ret_other = i;
	if (i < program->other_count)
		return 0;
	r = tfl_program_create_other(program, signature->subgraph, NULL, spare, &program->others[i], &spare->others[i], error);
	if (r < 0)
		return r;
	program->other_count++;
	r = check_sums(program, error);
	if (r < 0) {
		tfl_interpreter_destroy(TFL_STEAL(spare->others[i]));
		tfl_program_destroy(TFL_STEAL(program->others[i]));
		program->other_count--;
	}
	return r;
}

static int add_entry(struct tfl_program *program, const struct tfl_signature *signature, struct tfl_error *error)
{
	uint32_t number = program->entry_count++, other = TFL_NONE;
	const struct tfl_signature *before = find_signature(program->model, signature->subgraph);
	struct tfl_entry *entry = &program->entries[number];
	const char *known = before == signature ? NULL : program->entries[number_of(program->model, before)].fault;
	struct tfl_error fault;
	int r = 0;

	if (known)
		r = tfl_error_set(&fault, -EOPNOTSUPP, "%s", known);
	else if (signature->subgraph != 0)
		r = find_other(program, signature, &other, &fault);
	if (r == 0)
		r = fill_entry(entry, other == TFL_NONE ? program : program->others[other], signature);
	program->entry_others[number] = r == 0 ? other : TFL_NONE;
	if (r == 0 || r == -ENOMEM)
		return r < 0 ? tfl_error_set(error, r, "out of memory") : 0;
	name_entry(entry, program->model, signature);
	entry->fault = strdup(fault.text);
	return entry->fault ? 0 : tfl_error_set(error, -ENOMEM, "out of memory");
}

int tfl_entries_create(struct tfl_program *program, struct tfl_error *error)
{
	const struct tfl_model *model = program->model;
	const struct tfl_signature *first = find_signature(model, 0);
	int r;

	program->entries = calloc(TFL_ENTRIES_MAX, sizeof(*program->entries));
	program->entry_others = calloc(TFL_ENTRIES_MAX, sizeof(*program->entry_others));
	program->others = calloc(TFL_ENTRIES_MAX, sizeof(struct tfl_program *));
	program->spare->others = calloc(TFL_ENTRIES_MAX, sizeof(struct tfl_interpreter *));
	if (!program->entries || !program->entry_others || !program->others || !program->spare->others)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	program->entry_count = 1;
	program->entry_others[0] = TFL_NONE;
	r = fill_entry(&program->entries[0], program, first);
	if (r < 0)
		return tfl_error_set(error, r, "out of memory");
	for (uint32_t i = 0; r == 0 && i < model->signature_count && program->entry_count < TFL_ENTRIES_MAX; i++)
		if (&model->signatures[i] != first)
			r = add_entry(program, &model->signatures[i], error);
	return r;
}

void tfl_entries_destroy(struct tfl_program *program)
{
	for (uint32_t i = 0; i < program->entry_count; i++) {
		free((void *)program->entries[i].inputs);
		free((void *)program->entries[i].outputs);
		free((void *)program->entries[i].fault);
	}
	for (uint32_t i = 0; i < program->other_count; i++)
		tfl_program_destroy(program->others[i]);
	free(program->entries);
	free(program->entry_others);
	free(program->others);
}

const struct tfl_entry *tfl_program_entries(const struct tfl_program *program, uint32_t *ret_count)
{
	*ret_count = program->entry_count;
	return program->entries;
}

const struct tfl_io *tfl_program_inputs(const struct tfl_program *program, uint32_t *ret_count)
{
	*ret_count = program->graph->source->input_count;
	return program->entries ? program->entries[0].inputs : program->inputs;
}

const struct tfl_io *tfl_program_outputs(const struct tfl_program *program, uint32_t *ret_count)
{
	*ret_count = program->graph->source->output_count;
	return program->entries ? program->entries[0].outputs : program->outputs;
}

struct tfl_interpreter *tfl_interpreter_entry(struct tfl_interpreter *interpreter, uint32_t index)
{
	uint32_t other = interpreter->program->entry_others[index];

	return other == TFL_NONE ? interpreter : interpreter->others[other];
}
