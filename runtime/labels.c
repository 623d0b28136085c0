/* SPDX-License-Identifier: MIT */
/*
 * Labels: one a line in text files of the archive behind the model. Which of them are read: for each output the first file of labels along
 * an axis, the first of labels of values, and others of those two kinds in the same language, which name the places along another axis.
 * Files in other languages are only listed. Where no output is promised any, the archive's only text is taken, unless the metadata says
 * that it is something else.
 *
 * Together they may have TFL_LABELS_BYTES_MAX bytes and TFL_LABELS_MAX lines; a file that several outputs name is read once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "base/util.h"
#include "runtime/archive.h"
#include "runtime/decode_metadata.h"
#include "runtime/metadata.h"

static size_t count_lines(const char *text, size_t size)
{
	size_t i, count = size > 0 && text[size - 1] != '\n';

	for (i = 0; i < size; i++)
		count += text[i] == '\n';
	return count;
}

/* Cuts the text into lines in place. An empty line keeps its place: the classes after it count on that. */
static int split_lines(struct tfl_description *description, char *text, size_t size, struct tfl_packed_labels *ret_labels)
{
	size_t i, count, mark = size >= 3 && memcmp(text, "\357\273\277", 3) == 0 ? 3 : 0;
	struct tfl_decoder *decoder = description->decoder;
	char **labels, *end;
	int r;

	text += mark; /* some editors begin a text with this one */
	count = count_lines(text, size - mark);
	if (count > description->labels_left)
		return tfl_error_set(decoder->error, -EFBIG, "has %zu lines, but at most %u are allowed", count, description->labels_left);
	tfl_decoder_grant(decoder, (count + 1) * sizeof(*labels));
	r = tfl_decoder_alloc(decoder, count, sizeof(*labels), &labels);
	if (r < 0)
		return r;
	for (i = 0; i < count; i++, text = end + 1) {
		end = strchrnul(text, '\n');
		if (end > text && end[-1] == '\r')
			end[-1] = '\0';
		*end = '\0';
		labels[i] = text;
	}
	description->labels_left -= (uint32_t)count;
	ret_labels->labels = (const char *const *)labels;
	ret_labels->count = (uint32_t)count;
	return 0;
}

static int read_packed(struct tfl_description *description, uint32_t index)
{
	struct tfl_packed_labels *packed = &description->packed[index];
	struct tfl_decoder *decoder = description->decoder;
	char *text = NULL;
	size_t size = 0;
	int r;

	packed->read = true;
	r = tfl_archive_read(decoder, description->archive, index, description->label_bytes_left, &text, &size);
	if (r < 0)
		return r;
	description->label_bytes_left -= size;
	if (!tfl_utf8_valid(text, size))
		return tfl_error_set(decoder->error, -EINVAL, "is no text in UTF-8");
	return split_lines(description, text, size, packed);
}

/* A broken file is reported once, by the first output that names it. */
static int read_labels(struct tfl_description *description, struct tfl_associated_file *file)
{
	const char *archive = description->archive ? "the archive behind the model does not have it" : "no archive follows the model";
	struct tfl_packed_labels *packed;
	int64_t index = description->archive ? tfl_archive_find(description->archive, file->name) : -1;
	int r = 0;

	if (index < 0)
		return tfl_error_set(description->decoder->error, -EINVAL, "the metadata promises labels in '%s', but %s", file->name,
				     archive);
	packed = &description->packed[index];
	if (!packed->read)
		r = read_packed(description, (uint32_t)index);
	if (r < 0)
		return tfl_error_prefix(description->decoder->error, r, "'%s'", file->name);
	file->labels = packed->labels;
	file->label_count = packed->count;
	return 0;
}

/* The last dimension that has as many places as there are labels, and none yet. */
static int8_t find_axis(const struct tfl_tensor *tensor, uint32_t count, unsigned *taken)
{
	for (int axis = tensor->rank - 1; axis >= 0; axis--) {
		if ((uint32_t)tensor->dims[axis] != count || (*taken & 1u << axis))
			continue;
		*taken |= 1u << axis;
		return (int8_t)axis;
	}
	return -1;
}

static int read_output(struct tfl_description *description, const struct tfl_tensor *tensor, struct tfl_tensor_metadata *output)
{
	const struct tfl_associated_file *first[TFL_FILE_KINDS] = {NULL};
	unsigned taken = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < output->files.count; i++) {
		struct tfl_associated_file *file = &output->files.items[i];

		if (file->kind != TFL_FILE_AXIS_LABELS && file->kind != TFL_FILE_VALUE_LABELS)
			continue;
		description->labels_promised = true;
		if (first[file->kind] && strcmp(first[file->kind]->locale, file->locale) != 0)
			continue;
		first[file->kind] = first[file->kind] ? first[file->kind] : file;
		r = tfl_metadata_fault(description, read_labels(description, file), NULL);
		if (file->labels && file->kind == TFL_FILE_AXIS_LABELS)
			file->axis = find_axis(tensor, file->label_count, &taken);
		if (file->labels && !output->labels)
			output->labels = file;
	}
	return r;
}

static int read_outputs(struct tfl_description *description)
{
	const struct tfl_subgraph *subgraph = &description->decoder->model->subgraphs[0];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < subgraph->output_count; i++) {
		snprintf(description->place, sizeof(description->place), "output %u", i);
		r = read_output(description, &subgraph->tensors[subgraph->outputs[i]], &description->metadata->outputs[i]);
	}
	*description->place = '\0';
	return r;
}

/* What the metadata says of each file of the archive, and the archive of each file that the metadata names. */
static void link_files(struct tfl_description *description, struct tfl_file_list *list, bool of_input)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct tfl_associated_file *file = &list->items[i];
		int64_t index = tfl_archive_find(description->archive, file->name);

		if (index < 0)
			continue;
		file->packed = true;
		file->bytes = description->metadata->archive[index].bytes;
		description->packed[index].other |= of_input || file->kind >= TFL_FILE_CALIBRATION;
	}
}

static void link_units(struct tfl_description *description, struct tfl_unit_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		link_files(description, &list->items[i].vocabularies, true);
		link_files(description, &list->items[i].models, true);
	}
}

static void link_side(struct tfl_description *description, struct tfl_tensor_metadata *tensors, uint32_t count, bool input)
{
	for (uint32_t i = 0; i < count; i++) {
		link_files(description, &tensors[i].files, input);
		link_units(description, &tensors[i].units);
	}
}

static int open_archive(struct tfl_description *description)
{
	const struct tfl_subgraph *subgraph = &description->decoder->model->subgraphs[0];
	struct tfl_metadata *metadata = description->metadata;
	struct tfl_decoder *decoder = description->decoder;
	int r;

	r = tfl_archive_open(decoder, &description->archive);
	if (r == 1)
		return 0;
	if (r == 0)
		r = tfl_archive_list(decoder, description->archive, &metadata->archive, &metadata->archive_count);
	if (r == 0)
		r = tfl_decoder_alloc(decoder, metadata->archive_count, sizeof(*description->packed), &description->packed);
	if (r < 0)
		return r;
	link_files(description, &metadata->files, false);
	link_files(description, &metadata->subgraph_files, false);
	link_units(description, &metadata->input_units);
	link_units(description, &metadata->output_units);
	link_side(description, metadata->inputs, subgraph->input_count, true);
	link_side(description, metadata->outputs, subgraph->output_count, false);
	return 0;
}

static bool is_text_name(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && strcmp(name + length - 4, ".txt") == 0;
}

/* 0 with an index, 1 where no text, or more than one, could be meant. */
static int find_only_text(const struct tfl_description *description, uint32_t *ret_index)
{
	const struct tfl_metadata *metadata = description->metadata;
	uint32_t found = 0, count = 0;

	for (uint32_t i = 0; i < metadata->archive_count; i++) {
		if (!is_text_name(metadata->archive[i].name) || description->packed[i].other)
			continue;
		found = i;
		count++;
	}
	*ret_index = found;
	return count == 1 ? 0 : 1;
}

static int read_only_text(struct tfl_description *description)
{
	const struct tfl_subgraph *subgraph = &description->decoder->model->subgraphs[0];
	struct tfl_metadata *metadata = description->metadata;
	struct tfl_associated_file *file;
	unsigned taken = 0;
	uint32_t index;
	int r;

	if (subgraph->output_count == 0 || find_only_text(description, &index) == 1)
		return 0;
	r = tfl_decoder_alloc(description->decoder, 1, sizeof(*file), &file);
	if (r < 0)
		return r;
	*file = (struct tfl_associated_file){.name = metadata->archive[index].name, .description = "", .locale = "", .version = "",
					     .packed = true, .bytes = metadata->archive[index].bytes, .axis = -1};
	r = read_labels(description, file);
	if (r < 0)
		return r;
	file->axis = find_axis(&subgraph->tensors[subgraph->outputs[0]], file->label_count, &taken);
	metadata->outputs[0].labels = file;
	return 0;
}

int tfl_labels_decode(struct tfl_description *description)
{
	struct tfl_model *model = description->decoder->model;
	int r;

	r = tfl_metadata_fault(description, open_archive(description), NULL);
	if (r == 0)
		r = read_outputs(description);
	if (r == 0 && !description->labels_promised)
		r = tfl_metadata_fault(description, read_only_text(description), NULL);
	for (uint32_t i = 0; r == 0 && i < model->subgraphs[0].output_count && !model->labels; i++) {
		const struct tfl_associated_file *file = model->metadata.outputs[i].labels;

		model->labels = file ? file->labels : NULL;
		model->label_count = file ? file->label_count : 0;
	}
	return r;
}
