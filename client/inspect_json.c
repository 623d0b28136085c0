/* SPDX-License-Identifier: MIT */
/* A survey as JSON. The part that model.describe tells too has its keys, and comes from the same place. */
#include "client/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/print.h"
#include "runtime/survey.h"
#include "runtime/tell.h"

/* ---- The model, as the runtime tells it ---- */

#define DEPTH_MAX 16

struct scribe {
	struct tfl_teller teller;
	json_t *open[DEPTH_MAX];
	unsigned depth;
};

static void put(struct tfl_teller *teller, const char *key, json_t *value)
{
	json_t *around = ((struct scribe *)teller)->open[((struct scribe *)teller)->depth - 1];

	if (key)
		json_object_set_new(around, key, value);
	else
		json_array_append_new(around, value);
}

static void put_open(struct tfl_teller *teller, const char *key, bool map)
{
	struct scribe *scribe = (struct scribe *)teller;
	json_t *value = map ? json_object() : json_array();

	put(teller, key, value);
	if (scribe->depth == DEPTH_MAX)
		abort();
	scribe->open[scribe->depth++] = value;
}

static void put_close(struct tfl_teller *teller)
{
	((struct scribe *)teller)->depth--;
}

static void put_text(struct tfl_teller *teller, const char *key, const char *text)
{
	put(teller, key, json_string(text));
}

static void put_integer(struct tfl_teller *teller, const char *key, int64_t value)
{
	put(teller, key, json_integer(value));
}

static void put_real(struct tfl_teller *teller, const char *key, double value)
{
	put(teller, key, json_real(value));
}

static void put_boolean(struct tfl_teller *teller, const char *key, bool value)
{
	put(teller, key, json_boolean(value));
}

json_t *ctl_json_of_survey(const struct tfl_survey *survey)
{
	struct scribe scribe = {
		.teller = {put_open, put_close, put_text, put_integer, put_real, put_boolean},
		.open = {json_object()},
		.depth = 1,
	};

	tfl_tell_model(&scribe.teller, survey->model, NULL, survey->inputs, survey->outputs);
	if (survey->runs)
		tfl_tell_signatures(&scribe.teller, survey->entries, survey->entry_count);
	return scribe.open[0];
}

/* ---- What the survey found ---- */

/* Sentences have names in them, perhaps cut through a character, and paths may be anything; JSON is UTF-8. */
static json_t *text_json(const char *text)
{
	_tfl_free_ char *copy = strdup(text ? text : "");

	return copy ? json_string(ctl_repair_text(copy)) : json_null();
}

static json_t *dims_json(const int32_t *dims, unsigned rank)
{
	json_t *shape = json_array();

	for (unsigned i = 0; i < rank; i++)
		json_array_append_new(shape, json_integer(dims[i]));
	return shape;
}

static json_t *indices_json(const int32_t *indices, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, json_integer(indices[i]));
	return array;
}

/* Name, version and verdict; why, where it is not supported. */
static json_t *operator_json(const struct tfl_survey_operator *op)
{
	bool custom = op->source->custom_name != NULL;
	json_t *object = json_pack("{s:s, s:b, s:i, s:s, s:I}", "operator", ctl_operator_name(op), "custom", custom, "version",
				   (int)op->source->version, "runs_in", tfl_verdict_to_string(op->verdict), "multiply_adds",
				   (json_int_t)op->multiplies);

	if (op->cause == TFL_CAUSE_NONE)
		return object;
	json_object_set_new(object, "cause", json_string(tfl_cause_to_string(op->cause)));
	json_object_set_new(object, "reason", text_json(op->reason));
	json_object_set_new(object, "advice", json_string(tfl_cause_advice(op->cause)));
	return object;
}

static json_t *groups_json(const struct tfl_survey *survey)
{
	struct ctl_groups groups;
	json_t *array = json_array();

	if (ctl_groups_make(survey, NULL, true, &groups) < 0)
		return array;
	for (size_t i = 0; i < groups.count; i++) {
		json_t *object = operator_json(groups.items[i].first);

		json_object_set_new(object, "types", json_string(groups.items[i].types));
		json_object_set_new(object, "count", json_integer(groups.items[i].count));
		json_object_set_new(object, "multiply_adds", json_integer((json_int_t)groups.items[i].multiplies));
		json_array_append_new(array, object);
	}
	ctl_groups_finish(&groups);
	return array;
}

static json_t *operators_json(const struct tfl_survey *survey)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < survey->operator_count; i++) {
		const struct tfl_survey_operator *op = &survey->operators[i];
		json_t *object = operator_json(op);

		json_object_set_new(object, "subgraph", json_integer(op->subgraph));
		json_object_set_new(object, "index", json_integer(op->index));
		json_object_set_new(object, "inputs", indices_json(op->source->inputs, op->source->input_count));
		json_object_set_new(object, "outputs", indices_json(op->source->outputs, op->source->output_count));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *quantization_json(const struct tfl_quantization *quantization)
{
	json_t *scales = json_array(), *zero_points = json_array();

	for (uint32_t i = 0; i < quantization->count; i++) {
		json_t *scale = json_real((double)quantization->scales[i]);

		json_array_append_new(scales, scale ? scale : json_null()); /* infinite ones and NaN */
		json_array_append_new(zero_points, json_integer(quantization->zero_points[i]));
	}
	return json_pack("{s:o, s:o, s:I}", "scales", scales, "zero_points", zero_points, "axis", (json_int_t)quantization->axis);
}

static json_t *tensors_json(const struct tfl_survey *survey)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < survey->tensor_count; i++) {
		const struct tfl_survey_tensor *tensor = &survey->tensors[i];
		const struct tfl_tensor *source = tensor->source;
		json_t *object = json_pack("{s:I, s:I, s:s, s:s, s:o, s:I}", "subgraph", (json_int_t)tensor->subgraph, "index",
					   (json_int_t)tensor->index, "name", source->name, "dtype", tfl_dtype_to_string(source->dtype),
					   "shape", dims_json(tensor->dims, tensor->rank), "bytes", (json_int_t)tensor->bytes);
		json_t *roles = json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:I}", "constant", tensor->constant, "folded", tensor->folded,
					  "input", tensor->input, "output", tensor->output, "variable", source->is_variable, "sparse",
					  source->is_sparse, "uncertain", tensor->uncertain, "reads", (json_int_t)tensor->reads);

		json_object_update(object, roles);
		json_decref(roles);
		if (source->has_dynamic)
			json_object_set_new(object, "signature", dims_json(source->signature, source->rank));
		if (source->quantization.count > 0)
			json_object_set_new(object, "quantization", quantization_json(&source->quantization));
		json_array_append_new(array, object);
	}
	return array;
}

const char *ctl_signature_fault(const struct tfl_survey *survey, uint32_t index)
{
	for (uint32_t i = 0; i < survey->entry_count; i++)
		if (survey->entries[i].number == index)
			return survey->entries[i].fault;
	return NULL;
}

static json_t *side_json(const struct tfl_signature_tensor *tensors, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:s, s:I}", "name", tensors[i].name, "tensor", (json_int_t)tensors[i].tensor));
	return array;
}

static json_t *signatures_json(const struct tfl_survey *survey)
{
	const struct tfl_model *model = survey->model;
	json_t *array = json_array();

	for (uint32_t i = 0; i < model->signature_count; i++) {
		const struct tfl_signature *signature = &model->signatures[i];
		const char *fault = survey->runs ? ctl_signature_fault(survey, i) : survey->fault.text;

		json_array_append_new(array, json_pack("{s:s, s:I, s:o, s:o, s:b, s:o}", "key", signature->key, "subgraph",
						       (json_int_t)signature->subgraph, "inputs",
						       side_json(signature->inputs, signature->input_count), "outputs",
						       side_json(signature->outputs, signature->output_count), "runs", fault == NULL, "reason",
						       fault ? text_json(fault) : json_null()));
	}
	return array;
}

static json_t *forms_json(const struct tfl_survey *survey)
{
	json_t *object = json_object();

	for (unsigned form = 0; form < TFL_FORMS; form++)
		if (survey->forms[form] > 0)
			json_object_set_new(object, tfl_form_to_string((enum tfl_form)form), json_integer(survey->forms[form]));
	return object;
}

json_t *ctl_inspection_json(const struct ctl_inspection *inspection)
{
	const struct tfl_survey *survey = inspection->survey;
	const struct tfl_survey_memory *memory = &survey->memory;
	json_t *object;

	object = json_pack("{s:o, s:I, s:b, s:o, s:s, s:o, s:I, s:I}", "file", text_json(inspection->path), "file_bytes",
			   (json_int_t)survey->model->size, "runs", survey->runs, "reason",
			   survey->runs ? json_null() : text_json(survey->fault.text), "quantization",
			   tfl_survey_quantization(survey), "forms", forms_json(survey), "subgraphs",
			   (json_int_t)survey->model->subgraph_count, "multiply_adds", (json_int_t)survey->multiplies);
	json_object_set_new(object, "memory", json_pack("{s:b, s:I, s:I, s:I, s:I}", "measured", memory->measured, "constants",
							(json_int_t)memory->constants, "packed", (json_int_t)memory->packed, "interpreter",
							(json_int_t)memory->interpreter, "further_interpreter", (json_int_t)memory->further));
	json_object_set_new(object, "operators", groups_json(survey));
	json_object_update(object, inspection->model);
	json_object_set_new(object, "signatures", signatures_json(survey)); /* all of them, with their tensors in the file */
	if (inspection->operators)
		json_object_set_new(object, "operator_list", operators_json(survey));
	if (inspection->tensors)
		json_object_set_new(object, "tensors", tensors_json(survey));
	return object;
}
