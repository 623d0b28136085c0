/* SPDX-License-Identifier: MIT */
/* One function for each kind of map. Empty texts and lists are left out, so that a model without metadata is told in a few lines. */
#include "runtime/tell.h"

#include "base/dtype.h"
#include "base/labels.h"
#include "base/limits.h"
#include "base/util.h"
#include "runtime/model.h"
#include "runtime/program.h"

static void tell_text(struct tfl_teller *teller, const char *key, const char *text)
{
	if (text && *text)
		teller->text(teller, key, text);
}

/* Numbers that are 0 when nothing was said. */
static void tell_count(struct tfl_teller *teller, const char *key, uint64_t count)
{
	if (count)
		teller->integer(teller, key, (int64_t)count);
}

static void tell_reals(struct tfl_teller *teller, const char *key, const float *values, uint32_t count)
{
	if (count == 0)
		return;
	teller->open(teller, key, false);
	for (uint32_t i = 0; i < count; i++)
		teller->real(teller, NULL, values[i]);
	teller->close(teller);
}

static void tell_array(struct tfl_teller *teller, const char *key, const char *const *texts, size_t count)
{
	teller->open(teller, key, false);
	for (size_t i = 0; i < count; i++)
		teller->text(teller, NULL, texts[i] ? texts[i] : "");
	teller->close(teller);
}

static void tell_texts(struct tfl_teller *teller, const char *key, const char *const *texts, uint32_t count)
{
	if (count > 0)
		tell_array(teller, key, texts, count);
}

/* Names of classes: the file's, or others in their place. */
struct names {
	const char *const *names;
	size_t count;
};

static void tell_labels(struct tfl_teller *teller, const struct names *names)
{
	teller->integer(teller, "label_count", (int64_t)names->count);
	tell_array(teller, "labels", names->names, names->count <= TFL_DESCRIBE_LABELS_MAX ? names->count : 0);
}

static void tell_files(struct tfl_teller *teller, const char *key, const struct tfl_file_list *list)
{
	if (list->count == 0)
		return;
	teller->open(teller, key, false);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct tfl_associated_file *file = &list->items[i];

		teller->open(teller, NULL, true);
		teller->text(teller, "name", file->name);
		teller->text(teller, "kind", tfl_file_kind_to_string(file->kind));
		tell_text(teller, "description", file->description);
		tell_text(teller, "locale", file->locale);
		tell_text(teller, "version", file->version);
		teller->boolean(teller, "packed", file->packed);
		tell_count(teller, "bytes", file->bytes);
		tell_count(teller, "label_count", file->label_count);
		if (file->axis >= 0)
			teller->integer(teller, "axis", file->axis);
		teller->close(teller);
	}
	teller->close(teller);
}

/* Only their names: a unit lies deep in the tree, and a frame may nest 8 deep. */
static void tell_file_names(struct tfl_teller *teller, const char *key, const struct tfl_file_list *list)
{
	if (list->count == 0)
		return;
	teller->open(teller, key, false);
	for (uint32_t i = 0; i < list->count; i++)
		teller->text(teller, NULL, list->items[i].name);
	teller->close(teller);
}

static void tell_unit(struct tfl_teller *teller, const struct tfl_unit *unit)
{
	teller->open(teller, NULL, true);
	teller->text(teller, "kind", tfl_unit_kind_to_string(unit->kind));
	tell_reals(teller, "mean", unit->mean, unit->count);
	tell_reals(teller, "std", unit->std, unit->count);
	if (unit->kind == TFL_UNIT_CALIBRATION) {
		teller->text(teller, "transform", tfl_score_transform_to_string(unit->transform));
		teller->real(teller, "default_score", unit->default_score);
	}
	if (unit->kind == TFL_UNIT_THRESHOLD)
		teller->real(teller, "threshold", unit->threshold);
	tell_text(teller, "pattern", unit->pattern);
	tell_file_names(teller, "models", &unit->models);
	tell_file_names(teller, "vocabularies", &unit->vocabularies);
	teller->close(teller);
}

static void tell_units(struct tfl_teller *teller, const char *key, const struct tfl_unit_list *list)
{
	if (list->count == 0)
		return;
	teller->open(teller, key, false);
	for (uint32_t i = 0; i < list->count; i++)
		tell_unit(teller, &list->items[i]);
	teller->close(teller);
}

static void tell_boxes(struct tfl_teller *teller, const struct tfl_content *content)
{
	teller->text(teller, "box", tfl_box_kind_to_string(content->box));
	teller->text(teller, "coordinates", content->pixels ? "pixel" : "ratio");
	teller->open(teller, "order", false);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(content->order); i++)
		teller->integer(teller, NULL, content->order[i]);
	teller->close(teller);
}

static void tell_content(struct tfl_teller *teller, const struct tfl_content *content)
{
	if (content->kind == TFL_CONTENT_UNKNOWN)
		return;
	teller->open(teller, "content", true);
	teller->text(teller, "kind", tfl_content_kind_to_string(content->kind));
	if (content->color_space != TFL_COLOR_UNKNOWN)
		teller->text(teller, "color_space", tfl_color_space_to_string(content->color_space));
	tell_count(teller, "width", content->width);
	tell_count(teller, "height", content->height);
	if (content->kind == TFL_CONTENT_BOXES)
		tell_boxes(teller, content);
	tell_count(teller, "sample_rate", content->sample_rate);
	tell_count(teller, "channels", content->channels);
	if (content->ranged) {
		teller->open(teller, "range", false);
		teller->integer(teller, NULL, content->range_min);
		teller->integer(teller, NULL, content->range_max);
		teller->close(teller);
	}
	teller->close(teller);
}

static void tell_tensor(struct tfl_teller *teller, const struct tfl_tensor_metadata *tensor)
{
	teller->open(teller, "metadata", true);
	tell_text(teller, "name", tensor->name);
	tell_text(teller, "description", tensor->description);
	tell_texts(teller, "dimension_names", tensor->dimension_names, tensor->dimension_name_count);
	tell_content(teller, &tensor->content);
	tell_units(teller, "units", &tensor->units);
	tell_reals(teller, "min", tensor->min, tensor->min_count);
	tell_reals(teller, "max", tensor->max, tensor->max_count);
	tell_files(teller, "files", &tensor->files);
	teller->close(teller);
}

/* What a program that fills inputs and reads outputs looks for stands beside the shape; the metadata has all of it. */
static void tell_use(struct tfl_teller *teller, const struct tfl_tensor_metadata *tensor, const struct names *names)
{
	const struct tfl_unit *norm = tfl_metadata_unit(tensor, TFL_UNIT_NORMALIZATION);
	const struct tfl_unit *threshold = tfl_metadata_unit(tensor, TFL_UNIT_THRESHOLD);

	if (norm) {
		teller->open(teller, "normalization", true);
		tell_reals(teller, "mean", norm->mean, norm->count);
		tell_reals(teller, "std", norm->std, norm->count);
		teller->close(teller);
	}
	if (tensor->kind != TFL_OUTPUT_UNKNOWN)
		teller->text(teller, "kind", tfl_output_kind_to_string(tensor->kind));
	if (threshold)
		teller->real(teller, "score_threshold", threshold->threshold);
	if (names->count > 0)
		tell_labels(teller, names);
}

static void tell_dims(struct tfl_teller *teller, const char *key, const int32_t *dims, unsigned rank)
{
	teller->open(teller, key, false);
	for (unsigned i = 0; i < rank; i++)
		teller->integer(teller, NULL, dims[i]);
	teller->close(teller);
}

static void tell_io(struct tfl_teller *teller, const struct tfl_io *io, uint32_t index, const struct tfl_tensor_metadata *tensor,
		    const struct names *names, bool present)
{
	teller->open(teller, NULL, true);
	teller->integer(teller, "index", index);
	teller->text(teller, "name", io->name);
	tell_text(teller, "signature_name", io->signature_name);
	teller->text(teller, "dtype", tfl_dtype_to_string(io->dtype));
	tell_dims(teller, "shape", io->dims, io->rank);
	if (io->free)
		tell_dims(teller, "shape_signature", io->shape_signature, io->rank);
	if (io->late)
		teller->boolean(teller, "dynamic", true);
	teller->integer(teller, "bytes", (int64_t)io->bytes);
	if (io->quantized) {
		teller->open(teller, "quantization", true);
		teller->real(teller, "scale", io->scale);
		teller->integer(teller, "zero_point", io->zero_point);
		teller->close(teller);
	}
	tell_use(teller, tensor, names);
	if (present)
		tell_tensor(teller, tensor);
	teller->close(teller);
}

static void tell_groups(struct tfl_teller *teller, const char *key, const struct tfl_group_list *list)
{
	if (list->count == 0)
		return;
	teller->open(teller, key, false);
	for (uint32_t i = 0; i < list->count; i++) {
		teller->open(teller, NULL, true);
		teller->text(teller, "name", list->items[i].name);
		tell_texts(teller, "tensors", list->items[i].tensors, list->items[i].tensor_count);
		teller->close(teller);
	}
	teller->close(teller);
}

static void tell_archive(struct tfl_teller *teller, const struct tfl_metadata *metadata)
{
	if (metadata->archive_count == 0)
		return;
	teller->open(teller, "archive", false);
	for (uint32_t i = 0; i < metadata->archive_count; i++) {
		teller->open(teller, NULL, true);
		teller->text(teller, "name", metadata->archive[i].name);
		teller->integer(teller, "bytes", (int64_t)metadata->archive[i].bytes);
		teller->close(teller);
	}
	teller->close(teller);
}

static void tell_metadata(struct tfl_teller *teller, const struct tfl_metadata *metadata)
{
	if (!metadata->present && !metadata->fault)
		return;
	teller->open(teller, "metadata", true);
	tell_text(teller, "fault", metadata->fault);
	tell_text(teller, "name", metadata->name);
	tell_text(teller, "description", metadata->description);
	tell_text(teller, "version", metadata->version);
	tell_text(teller, "author", metadata->author);
	tell_text(teller, "license", metadata->license);
	tell_text(teller, "min_parser_version", metadata->min_parser_version);
	tell_text(teller, "subgraph_name", metadata->subgraph_name);
	tell_text(teller, "subgraph_description", metadata->subgraph_description);
	tell_files(teller, "files", &metadata->files);
	tell_files(teller, "subgraph_files", &metadata->subgraph_files);
	tell_units(teller, "input_units", &metadata->input_units);
	tell_units(teller, "output_units", &metadata->output_units);
	tell_groups(teller, "input_groups", &metadata->input_groups);
	tell_groups(teller, "output_groups", &metadata->output_groups);
	tell_texts(teller, "custom", metadata->custom, metadata->custom_count);
	tell_archive(teller, metadata);
	teller->close(teller);
}

/* The output whose labels are meant where somebody speaks of the model's. */
static uint32_t labelled_output(const struct tfl_metadata *metadata, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (metadata->outputs[i].labels)
			return i;
	for (uint32_t i = 0; i < count; i++)
		if (metadata->outputs[i].kind == TFL_OUTPUT_CLASSIFICATION || metadata->outputs[i].kind == TFL_OUTPUT_CLASSES)
			return i;
	return UINT32_MAX;
}

static void tell_outputs(struct tfl_teller *teller, const struct tfl_model *model, const struct tfl_labels *labels,
			 const struct tfl_io *outputs)
{
	uint32_t count = model->subgraphs[0].output_count, labelled = labelled_output(&model->metadata, count);

	teller->open(teller, "outputs", false);
	for (uint32_t i = 0; i < count; i++) {
		const struct tfl_tensor_metadata *output = &model->metadata.outputs[i];
		struct names names = {0};

		if (labels && labels->count > 0 && i == labelled)
			names = (struct names){labels->names, labels->count};
		else if (output->labels)
			names = (struct names){output->labels->labels, output->labels->label_count};
		tell_io(teller, &outputs[i], i, output, &names, model->metadata.present);
	}
	teller->close(teller);
}

void tfl_tell_model(struct tfl_teller *teller, const struct tfl_model *model, const struct tfl_labels *labels, const struct tfl_io *inputs,
		    const struct tfl_io *outputs)
{
	const struct tfl_metadata *metadata = &model->metadata;
	struct names names = {model->labels, model->label_count};

	if (labels && labels->count > 0)
		names = (struct names){labels->names, labels->count};
	teller->open(teller, "inputs", false);
	for (uint32_t i = 0; i < model->subgraphs[0].input_count; i++)
		tell_io(teller, &inputs[i], i, &metadata->inputs[i], &(struct names){0}, metadata->present);
	teller->close(teller);
	tell_outputs(teller, model, labels, outputs);
	teller->text(teller, "description", model->description);
	tell_labels(teller, &names);
	tell_metadata(teller, metadata);
}

/* What the metadata says is about subgraph 0, and told there. */
static void tell_bare(struct tfl_teller *teller, const char *key, const struct tfl_io *ios, uint32_t count)
{
	static const struct tfl_tensor_metadata nothing = {.kind = TFL_OUTPUT_UNKNOWN};

	teller->open(teller, key, false);
	for (uint32_t i = 0; i < count; i++)
		tell_io(teller, &ios[i], i, &nothing, &(struct names){0}, false);
	teller->close(teller);
}

void tfl_tell_signatures(struct tfl_teller *teller, const struct tfl_entry *entries, uint32_t count)
{
	if (count == 1 && !entries[0].signature)
		return;
	teller->open(teller, "signatures", false);
	for (uint32_t i = 0; i < count; i++) {
		if (!entries[i].signature)
			continue;
		teller->open(teller, NULL, true);
		teller->text(teller, "signature", entries[i].signature);
		if (entries[i].fault) {
			teller->text(teller, "reason", entries[i].fault);
		} else {
			if (entries[i].main)
				teller->boolean(teller, "main", true);
			tell_bare(teller, "inputs", entries[i].inputs, entries[i].input_count);
			tell_bare(teller, "outputs", entries[i].outputs, entries[i].output_count);
		}
		teller->close(teller);
	}
	teller->close(teller);
}
