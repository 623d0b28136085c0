/* SPDX-License-Identifier: MIT */
/* Written with the FlatBuffer writer, table by table, so that it knows nothing of the decoder but the schema's numbers. */
#include "tests/runtime/metadata_sample.h"

#include <string.h>

#include "base/util.h"
#include "tests/builder/fbwriter.h"
#include "tests/runtime/sample.h"

static uint32_t text(struct tfl_fbw *w, const char *string)
{
	return tfl_fbw_string(w, string);
}

static uint32_t file(struct tfl_fbw *w, const char *name, int8_t kind, const char *locale)
{
	uint32_t refs[] = {text(w, name), text(w, "what the file is"), text(w, locale), text(w, locale ? "v3" : NULL)};

	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[0]), TFL_FBW_REF(1, refs[1]), TFL_FBW_I8(2, kind), TFL_FBW_REF(3, refs[2]),
			     TFL_FBW_REF(4, refs[3]));
}

static uint32_t one(struct tfl_fbw *w, uint32_t ref)
{
	return tfl_fbw_refs(w, &ref, 1);
}

static uint32_t floats(struct tfl_fbw *w, const float *values, uint32_t count)
{
	return tfl_fbw_vector(w, values, count, 4, 4);
}

static uint32_t bits(float value)
{
	uint32_t number;

	memcpy(&number, &value, sizeof(number));
	return number;
}

static uint32_t unit(struct tfl_fbw *w, int kind, uint32_t options)
{
	return TFL_FBW_TABLE(w, TFL_FBW_I8(0, kind), TFL_FBW_REF(1, options));
}

static uint32_t content(struct tfl_fbw *w, int kind, uint32_t properties, uint32_t range)
{
	return TFL_FBW_TABLE(w, TFL_FBW_I8(0, kind), TFL_FBW_REF(1, properties), TFL_FBW_REF(2, range));
}

static uint32_t normalization(struct tfl_fbw *w)
{
	uint32_t mean = floats(w, (const float[]){1, 2, 3}, 3), std = floats(w, (const float[]){4}, 1);

	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, mean), TFL_FBW_REF(1, std));
}

static uint32_t picture(struct tfl_fbw *w, const struct metadata_wrong *wrong)
{
	const char *const names[] = {"batch", "height", "width", "colour", "spare"};
	uint32_t dims[5], max = floats(w, (const float[]){255 + wrong->statistic, 254}, 2), min = floats(w, (const float[]){-1}, 1), refs[6];

	for (unsigned i = 0; i < 4 + wrong->dimension_names; i++)
		dims[i] = text(w, names[i]);
	refs[0] = TFL_FBW_TABLE(w, TFL_FBW_I32(0, 640), TFL_FBW_I32(1, 480));
	refs[0] = TFL_FBW_TABLE(w, TFL_FBW_I8(0, 1 + wrong->kinds), TFL_FBW_REF(1, refs[0]));
	refs[0] = content(w, 2 + wrong->kinds, refs[0], 0);
	refs[1] = one(w, unit(w, 1 + wrong->kinds, normalization(w)));
	refs[2] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, max), TFL_FBW_REF(1, min));
	refs[3] = text(w, "picture");
	refs[4] = text(w, "what is looked at");
	refs[5] = tfl_fbw_refs(w, dims, 4 + wrong->dimension_names);
	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[3]), TFL_FBW_REF(1, refs[4]), TFL_FBW_REF(2, refs[5]), TFL_FBW_REF(3, refs[0]),
			     TFL_FBW_REF(4, refs[1]), TFL_FBW_REF(5, refs[2]));
}

static uint32_t sound(struct tfl_fbw *w)
{
	uint32_t refs[4], units[3], name = text(w, "sound"), properties = TFL_FBW_TABLE(w, TFL_FBW_I32(0, 16000), TFL_FBW_I32(1, 2));

	refs[0] = content(w, 4, properties, 0);
	refs[1] = one(w, file(w, "words.txt", 5, NULL));
	units[0] = unit(w, 4, TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[1])));
	refs[1] = one(w, file(w, "pieces.model", 0, NULL));
	refs[2] = one(w, file(w, "words.txt", 5, NULL));
	units[1] = unit(w, 5, TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[1]), TFL_FBW_REF(1, refs[2])));
	refs[1] = text(w, "\\W+");
	refs[2] = one(w, file(w, "words.txt", 5, NULL));
	units[2] = unit(w, 6, TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[1]), TFL_FBW_REF(1, refs[2])));
	refs[1] = tfl_fbw_refs(w, units, 3);
	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(3, refs[0]), TFL_FBW_REF(4, refs[1]));
}

static uint32_t boxes(struct tfl_fbw *w, const struct metadata_wrong *wrong)
{
	const uint32_t *order = wrong->order ? wrong->order : (const uint32_t[]){1, 0, 3, 2};
	uint32_t name = text(w, "location"), range = TFL_FBW_TABLE(w, TFL_FBW_I32(0, 2), TFL_FBW_I32(1, 2)), refs[2];

	refs[0] = tfl_fbw_vector(w, order, wrong->order ? wrong->order_count : 4, 4, 4);
	refs[0] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[0]), TFL_FBW_I8(1, 1 + wrong->kinds), TFL_FBW_I8(2, 1));
	refs[0] = content(w, 3, refs[0], range);
	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(3, refs[0]));
}

static uint32_t classes(struct tfl_fbw *w, const struct metadata_wrong *wrong)
{
	uint32_t files[2] = {file(w, "labels.txt", 3 + wrong->kinds, "en"), file(w, "namen.txt", 3, "de")}, name = text(w, "category"), list;

	list = tfl_fbw_refs(w, files, 2);
	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(6, list));
}

static uint32_t scores(struct tfl_fbw *w, const struct metadata_wrong *wrong)
{
	uint32_t units[2], name = text(w, "score"), files = one(w, file(w, "calibration.csv", 4, NULL));

	units[0] = unit(w, 2, TFL_FBW_TABLE(w, TFL_FBW_I8(0, 2), TFL_FBW_I32(1, bits(0.25f + wrong->default_score))));
	units[1] = unit(w, 3, TFL_FBW_TABLE(w, TFL_FBW_I32(0, bits(0.625f + wrong->score))));
	units[0] = tfl_fbw_refs(w, units, 2);
	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(4, units[0]), TFL_FBW_REF(6, files));
}

static uint32_t grid(struct tfl_fbw *w)
{
	uint32_t files[3] = {file(w, "rows.txt", 2, NULL), file(w, "columns.txt", 2, NULL), file(w, "spalten.txt", 2, "de")}, list;

	list = tfl_fbw_refs(w, files, 3);
	return TFL_FBW_TABLE(w, TFL_FBW_REF(6, list));
}

static uint32_t group(struct tfl_fbw *w)
{
	const uint32_t names[] = {text(w, "location"), text(w, "category"), text(w, "score")};
	uint32_t name = text(w, "detections"), list = tfl_fbw_refs(w, names, 3);

	return one(w, TFL_FBW_TABLE(w, TFL_FBW_REF(0, name), TFL_FBW_REF(1, list)));
}

static uint32_t subgraph(struct tfl_fbw *w, const struct metadata_wrong *wrong)
{
	uint32_t inputs[META_INPUTS] = {picture(w, wrong), sound(w)}, outputs[META_OUTPUTS], refs[10], count;

	outputs[META_BOXES] = boxes(w, wrong);
	outputs[META_CLASSES] = classes(w, wrong);
	outputs[META_SCORES] = scores(w, wrong);
	count = text(w, "number of detections");
	outputs[META_COUNT] = TFL_FBW_TABLE(w, TFL_FBW_REF(0, count));
	outputs[META_GRID] = grid(w);
	refs[0] = text(w, "main");
	refs[1] = text(w, "all of it");
	refs[2] = tfl_fbw_refs(w, inputs, META_INPUTS);
	refs[3] = tfl_fbw_refs(w, outputs, META_OUTPUTS);
	refs[4] = one(w, file(w, "index.ldb", 6, NULL));
	refs[5] = one(w, unit(w, 4, tfl_fbw_table(w, NULL, 0)));
	refs[6] = one(w, unit(w, 3, tfl_fbw_table(w, NULL, 0)));
	refs[7] = group(w);
	refs[8] = text(w, "SEGMENTER_METADATA");
	refs[8] = one(w, TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[8])));
	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[0]), TFL_FBW_REF(1, refs[1]), TFL_FBW_REF(2, refs[2]), TFL_FBW_REF(3, refs[3]),
			     TFL_FBW_REF(4, refs[4]), TFL_FBW_REF(5, refs[5]), TFL_FBW_REF(6, refs[6]), TFL_FBW_REF(8, refs[7]),
			     TFL_FBW_REF(9, refs[8]));
}

static uint32_t root(struct tfl_fbw *w, const struct metadata_wrong *wrong)
{
	uint32_t refs[8], own = file(w, wrong->file_name ? wrong->file_name : "readme.txt", 1, NULL);
	_tfl_free_ uint32_t *files = malloc((wrong->model_uses + 1) * sizeof(*files));

	if (!files)
		abort();
	for (uint32_t i = 0; i <= wrong->model_uses; i++)
		files[i] = own;
	refs[0] = text(w, wrong->text ? wrong->text : "Eyes and ears");
	refs[1] = text(w, "Finds things and hears them.");
	refs[2] = text(w, "v2");
	refs[3] = one(w, subgraph(w, wrong));
	refs[4] = text(w, "Somebody");
	refs[5] = text(w, "MIT");
	refs[6] = tfl_fbw_refs(w, files, wrong->model_uses + 1);
	refs[7] = text(w, "1.5.0");
	return TFL_FBW_TABLE(w, TFL_FBW_REF(0, refs[0]), TFL_FBW_REF(1, refs[1]), TFL_FBW_REF(2, refs[2]), TFL_FBW_REF(3, refs[3]),
			     TFL_FBW_REF(4, refs[4]), TFL_FBW_REF(5, refs[5]), TFL_FBW_REF(6, refs[6]), TFL_FBW_REF(7, refs[7]));
}

static void add_graph(struct tfl_builder *b, bool square)
{
	const struct tfl_ints dims[META_INPUTS + META_OUTPUTS] = {TFL_INTS(1, 4, 4, 3), TFL_INTS(1, 8), TFL_INTS(1, 2, 4), TFL_INTS(1, 2),
								  TFL_INTS(1, 2),       TFL_INTS(1),    TFL_INTS(square ? 3 : 2, 3)};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(dims); i++)
		tfl_build_tensor(b, &(struct tfl_build_tensor){.name = "t", .dims = dims[i]});
	tfl_build_operator(b, &(struct tfl_build_operator){.code = TFL_BUILTIN_CUSTOM, .custom_name = "Everything", .inputs = TFL_INTS(0, 1),
							   .outputs = TFL_INTS(2, 3, 4, 5, 6)});
	tfl_build_io(b, TFL_INTS(0, 1), TFL_INTS(2, 3, 4, 5, 6));
}

static void add_files(struct tfl_builder *b, const struct metadata_wrong *wrong)
{
	const struct {
		const char *name, *content;
	} files[] = {
		{"labels.txt", wrong->labels ? wrong->labels : "cat\ndog\n"},
		{"namen.txt", "Katze\nHund\n"},
		{"rows.txt", wrong->square ? "upper\ncentre\nlower\n" : "upper\nlower\n"},
		{"columns.txt", "left\nmiddle\nright\n"},
		{"spalten.txt", "links\nMitte\nrechts\n"},
		{"words.txt", "a\nthe\n"},
		{"calibration.csv", "1,2,3\n"},
		{"readme.txt", "Read this.\n"},
	};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(files); i++)
		tfl_build_file(b, files[i].name, files[i].content, strlen(files[i].content));
}

uint8_t *sample_metadata(const struct metadata_wrong *wrong, size_t *ret_size)
{
	struct tfl_builder *b = tfl_build_create();
	struct tfl_fbw w = {0};
	_tfl_free_ uint8_t *metadata = NULL;
	size_t size = 0;

	if (!b)
		abort();
	add_graph(b, wrong->square);
	if (tfl_fbw_end(&w, root(&w, wrong), "M001", &metadata, &size) < 0)
		abort();
	tfl_build_metadata(b, "TFLITE_METADATA", metadata, size);
	add_files(b, wrong);
	return sample_finish(b, ret_size);
}
