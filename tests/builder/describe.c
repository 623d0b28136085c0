/* SPDX-License-Identifier: MIT */
/*
 * TFLite metadata: a FlatBuffer of its own (metadata_schema.fbs, identifier "M001") in the buffer of the entry "TFLITE_METADATA". There
 * is one TensorMetadata for each input and output of subgraph 0; what the description says goes to the first of each.
 */
#include <stdlib.h>

#include "base/util.h"
#include "tests/builder/record.h"

#define CONTENT_FEATURE 1
#define CONTENT_IMAGE 2
#define PROCESS_NORMALIZATION 1
#define FILE_AXIS_LABELS 2

static uint32_t write_content(struct tfl_fbw *w, int8_t color_space)
{
	uint32_t properties = color_space ? TFL_FBW_TABLE(w, TFL_FBW_I8(0, color_space)) : tfl_fbw_table(w, NULL, 0);

	return TFL_FBW_TABLE(w, TFL_FBW_I8(0, color_space ? CONTENT_IMAGE : CONTENT_FEATURE), TFL_FBW_REF(1, properties));
}

static uint32_t write_normalization(struct tfl_fbw *w, const struct tfl_build_description *d)
{
	uint32_t mean, std, unit;

	if (!d->mean)
		return 0;
	mean = tfl_fbw_vector(w, d->mean, d->channels, 4, 4);
	std = tfl_fbw_vector(w, d->std, d->channels, 4, 4);
	unit = TFL_FBW_TABLE(w, TFL_FBW_REF(0, mean), TFL_FBW_REF(1, std));
	unit = TFL_FBW_TABLE(w, TFL_FBW_I8(0, PROCESS_NORMALIZATION), TFL_FBW_REF(1, unit));
	return tfl_fbw_refs(w, &unit, 1);
}

static uint32_t write_labels(struct tfl_fbw *w, const char *file)
{
	uint32_t name, text, entry;

	if (!file)
		return 0;
	name = tfl_fbw_string(w, file);
	text = tfl_fbw_string(w, "one label a line, in the order of the classes");
	entry = TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(1, text), TFL_FBW_I8(2, FILE_AXIS_LABELS));
	return tfl_fbw_refs(w, &entry, 1);
}

static uint32_t write_input(struct tfl_fbw *w, const struct tfl_build_description *d)
{
	uint32_t name = tfl_fbw_string(w, d->input_name), text = tfl_fbw_string(w, d->input_description);
	uint32_t content = write_content(w, d->color_space), normalization = write_normalization(w, d);

	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(1, text), TFL_FBW_REF(3, content), TFL_FBW_REF(4, normalization));
}

static uint32_t write_output(struct tfl_fbw *w, const struct tfl_build_description *d)
{
	uint32_t name = tfl_fbw_string(w, d->output_name), text = tfl_fbw_string(w, d->output_description);
	uint32_t content = write_content(w, 0), labels = write_labels(w, d->label_file);

	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(1, text), TFL_FBW_REF(3, content), TFL_FBW_REF(6, labels));
}

/* The first tensor as described, the others as empty tables, because the two lists must be equally long. */
static uint32_t write_tensors(struct tfl_fbw *w, uint32_t first, uint32_t count)
{
	_tfl_free_ uint32_t *refs = calloc(count + 1, sizeof(*refs));

	if (!refs) {
		w->error = -ENOMEM;
		return 0;
	}
	refs[0] = first;
	for (uint32_t i = 1; i < count; i++)
		refs[i] = tfl_fbw_table(w, NULL, 0);
	return tfl_fbw_refs(w, refs, count);
}

void tfl_build_describe(struct tfl_builder *b, const struct tfl_build_description *d)
{
	struct tfl_fbw w = {0};
	uint32_t inputs, outputs, subgraph, name, text, version, author, license, minimum;
	_tfl_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	if (b->error)
		return;
	inputs = write_tensors(&w, write_input(&w, d), b->subgraphs[0].inputs.count);
	outputs = write_tensors(&w, write_output(&w, d), b->subgraphs[0].outputs.count);
	subgraph = TFL_FBW_TABLE(&w, TFL_FBW_REF(2, inputs), TFL_FBW_REF(3, outputs));
	subgraph = tfl_fbw_refs(&w, &subgraph, 1);
	name = tfl_fbw_string(&w, d->name);
	text = tfl_fbw_string(&w, d->description);
	version = tfl_fbw_string(&w, d->version);
	author = tfl_fbw_string(&w, d->author);
	license = tfl_fbw_string(&w, d->license);
	minimum = tfl_fbw_string(&w, "1.0.0");
	r = tfl_fbw_end(&w,
			TFL_FBW_TABLE(&w, TFL_FBW_REF(0, name), TFL_FBW_REF(1, text), TFL_FBW_REF(2, version), TFL_FBW_REF(3, subgraph),
				      TFL_FBW_REF(4, author), TFL_FBW_REF(5, license), TFL_FBW_REF(7, minimum)),
			"M001", &data, &size);
	if (r < 0)
		b->error = r;
	else
		tfl_build_metadata(b, "TFLITE_METADATA", data, size);
}
