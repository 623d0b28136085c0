/* SPDX-License-Identifier: MIT */
/*
 * A sentence for each thing that metadata can say; what it does not say has none. Texts are the author's, and are cleaned as they are
 * printed (see print.h).
 */
#include "client/model_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/print.h"

#define NOTE_INDENT 5
#define NAME_COLUMNS 30
#define CALLED_COLUMNS 20 /* of the name that a signature gives it */
#define SIGNATURES_MAX 6 /* that are shown, and … */
#define CALLED_MAX 6     /* … names of the inputs, or outputs, of a signature */
#define TENSORS_MAX 12  /* inputs, or outputs, that are shown */
#define LABELS_BYTES 60 /* of the first labels that are shown */

/* A line put together of parts. */
struct phrase {
	FILE *stream;
	char *text;
	size_t size;
	bool begun;
};

static void phrase_begin(struct phrase *phrase)
{
	*phrase = (struct phrase){0};
	phrase->stream = open_memstream(&phrase->text, &phrase->size);
	if (!phrase->stream)
		abort();
}

/* Where the next part is written to, behind what separates it. */
static FILE *phrase_add(struct phrase *phrase, const char *separator)
{
	if (phrase->begun)
		fputs(separator, phrase->stream);
	phrase->begun = true;
	return phrase->stream;
}

static const char *phrase_end(struct phrase *phrase)
{
	fclose(phrase->stream);
	phrase->stream = NULL;
	return phrase->text;
}

static void phrase_finish(struct phrase *phrase)
{
	free(phrase->text);
}

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static bool is(const json_t *object, const char *key, const char *text)
{
	return strcmp(string(object, key), text) == 0;
}

/* "0 127.5 …": the numbers of an array. */
static void put_numbers(FILE *stream, const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		fprintf(stream, "%s%.6g", i ? " " : "", json_number_value(json_array_get(array, i)));
}

/* What the decoder names with underscores, in words. */
static const struct {
	const char *name, *words;
} kinds[] = {
	{"classification", "scores of classes"},
	{"detection_boxes", "boxes of detections"},
	{"detection_classes", "classes of detections"},
	{"detection_scores", "scores of detections"},
	{"detection_count", "number of detections"},
	{"feature", "feature vector"},
	{"image", "picture"},
	{"bounding_boxes", "bounding boxes"},
	{"audio", "sound"},
	{"axis_labels", "labels"},
	{"value_labels", "labels of values"},
	{"score_calibration", "calibration of scores"},
	{"search_index", "search index"},
	{"bert_tokenizer", "BERT tokenizer"},
	{"sentencepiece_tokenizer", "SentencePiece tokenizer"},
	{"regex_tokenizer", "tokenizer by pattern"},
};

static const char *words(const char *name)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].words;
	return name;
}

static const struct {
	const char *box, *parts[4];
} boxes[] = {
	{"boundaries", {"left", "top", "right", "bottom"}},
	{"upper_left", {"left", "top", "width", "height"}},
	{"center", {"centre x", "centre y", "width", "height"}},
};

/* "top, left, bottom, right": the four numbers in the tensor's order. */
static void put_box(FILE *stream, const json_t *content)
{
	const json_t *order = json_object_get(content, "order");

	for (size_t b = 0; b < TFL_ARRAY_SIZE(boxes); b++) {
		if (!is(content, "box", boxes[b].box))
			continue;
		for (json_int_t place = 0; place < 4; place++)
			for (size_t part = 0; part < 4; part++)
				if (json_integer_value(json_array_get(order, part)) == place)
					fprintf(stream, "%s%s", place ? ", " : ": ", boxes[b].parts[part]);
	}
	fputs(is(content, "coordinates", "pixel") ? ", in pixels" : ", as shares of the picture", stream);
}

static void add_content(struct phrase *phrase, const json_t *content, bool said)
{
	json_int_t width = integer(content, "width"), height = integer(content, "height"), rate = integer(content, "sample_rate");
	FILE *stream;

	if (!content || (said && !is(content, "kind", "bounding_boxes")) || (is(content, "kind", "feature")))
		return;
	stream = phrase_add(phrase, "; ");
	fputs(words(string(content, "kind")), stream);
	if (*string(content, "color_space"))
		fprintf(stream, ", %s", is(content, "color_space", "rgb") ? "colour" : "gray");
	if (width > 0 && height > 0)
		fprintf(stream, ", %lld x %lld unless the caller says otherwise", (long long)width, (long long)height);
	if (rate > 0)
		fprintf(stream, ", %lld Hz", (long long)rate);
	if (integer(content, "channels") > 0)
		fprintf(stream, ", %lld channels", (long long)integer(content, "channels"));
	if (is(content, "kind", "bounding_boxes"))
		put_box(stream, content);
}

/* " with a, b": the files of a step, models before vocabularies. */
static void put_files(FILE *stream, const json_t *unit)
{
	const json_t *lists[] = {json_object_get(unit, "models"), json_object_get(unit, "vocabularies")};
	const char *separator = " with ";

	for (size_t k = 0; k < TFL_ARRAY_SIZE(lists); k++)
		for (size_t i = 0; i < json_array_size(lists[k]); i++) {
			fprintf(stream, "%s%s", separator, json_string_value(json_array_get(lists[k], i)));
			separator = ", ";
		}
}

static void add_unit(struct phrase *phrase, const json_t *unit)
{
	const char *kind = string(unit, "kind");
	FILE *stream = phrase_add(phrase, "; ");

	if (is(unit, "kind", "normalization")) {
		fputs("mean ", stream);
		put_numbers(stream, json_object_get(unit, "mean"));
		fputs(", std ", stream);
		put_numbers(stream, json_object_get(unit, "std"));
	} else if (is(unit, "kind", "score_threshold")) {
		fprintf(stream, "scores below %g mean nothing", json_number_value(json_object_get(unit, "threshold")));
	} else if (is(unit, "kind", "score_calibration")) {
		fprintf(stream, "scores are to be calibrated (%s, else %g)", string(unit, "transform"),
			json_number_value(json_object_get(unit, "default_score")));
	} else {
		fprintf(stream, "%s", *kind && strcmp(kind, "unknown") != 0 ? words(kind) : "a step that this version does not know");
		if (*string(unit, "pattern"))
			fprintf(stream, " '%s'", string(unit, "pattern"));
		put_files(stream, unit);
	}
}

static void add_range(struct phrase *phrase, const json_t *metadata)
{
	const json_t *min = json_object_get(metadata, "min"), *max = json_object_get(metadata, "max");
	FILE *stream;

	if (json_array_size(min) == 0 || json_array_size(max) == 0)
		return;
	stream = phrase_add(phrase, "; ");
	fputs("values from ", stream);
	put_numbers(stream, min);
	fputs(" to ", stream);
	put_numbers(stream, max);
}

/* "1001 labels: background; tench, Tinca tinca; …" */
static void add_labels(struct phrase *phrase, const json_t *tensor)
{
	const json_t *labels = json_object_get(tensor, "labels");
	json_int_t count = integer(tensor, "label_count");
	size_t used = 0, shown;
	FILE *stream;

	if (count <= 0)
		return;
	stream = phrase_add(phrase, "; ");
	fprintf(stream, "%lld labels", (long long)count);
	for (shown = 0; shown < json_array_size(labels); shown++) {
		const char *label = json_string_value(json_array_get(labels, shown));

		used += label ? strlen(label) : 0;
		if (used > LABELS_BYTES)
			break;
		fprintf(stream, "%s%s", shown ? "; " : ": ", label ? label : ""); /* labels have commas in them */
	}
	if (shown > 0 && shown < (size_t)count)
		fputs("; …", stream);
}

/* Languages of the label files, where there is more than one. */
static void add_locales(struct phrase *phrase, const json_t *metadata)
{
	const json_t *files = json_object_get(metadata, "files");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(files); i++)
		count += *string(json_array_get(files, i), "locale") != '\0';
	if (count < 2)
		return;
	fputs("in languages:", phrase_add(phrase, "; "));
	for (size_t i = 0; i < json_array_size(files); i++)
		if (*string(json_array_get(files, i), "locale"))
			fprintf(phrase->stream, " %s", string(json_array_get(files, i), "locale"));
}

static void add_dimension_names(struct phrase *phrase, const json_t *metadata)
{
	const json_t *names = json_object_get(metadata, "dimension_names");

	if (json_array_size(names) == 0)
		return;
	fputs("dimensions: ", phrase_add(phrase, "; "));
	for (size_t i = 0; i < json_array_size(names); i++)
		fprintf(phrase->stream, "%s%s", i ? ", " : "", json_string_value(json_array_get(names, i)));
}

static void add_quantization(struct phrase *phrase, const json_t *quantization)
{
	if (quantization)
		fprintf(phrase_add(phrase, "; "), "scale %.6g, zero point %lld", json_number_value(json_object_get(quantization, "scale")),
			(long long)integer(quantization, "zero_point"));
}

/* "[1, 28, 28, 1]" */
static void put_shape(FILE *stream, const json_t *shape)
{
	for (size_t i = 0; i < json_array_size(shape); i++)
		fprintf(stream, "%s%lld", i ? ", " : "[", (long long)json_integer_value(json_array_get(shape, i)));
	fputs(json_array_size(shape) ? "]" : "[]", stream);
}

/* The shape in the table is the file's: what a request, or its content, may make of it. */
static void add_freedom(struct phrase *phrase, const json_t *tensor, bool output)
{
	const json_t *signature = json_object_get(tensor, "shape_signature");

	if (json_is_true(json_object_get(tensor, "dynamic"))) {
		fputs("the shape is a guess: each answer has its own", phrase_add(phrase, "; "));
	} else if (json_array_size(signature) > 0) {
		put_shape(phrase_add(phrase, "; "), signature);
		fputs(output ? ": -1 follows the inputs" : ": -1 is any size", phrase->stream);
	}
}

static void add_notes(struct ctl_table *table, const json_t *tensor, bool output)
{
	const json_t *metadata = json_object_get(tensor, "metadata"), *units = json_object_get(metadata, "units");
	const char *name = string(metadata, "name"), *kind = string(tensor, "kind");
	TFL_CLEANUP(phrase_finish) struct phrase phrase;

	phrase_begin(&phrase);
	add_freedom(&phrase, tensor, output);
	if (*kind)
		fputs(words(kind), phrase_add(&phrase, "; "));
	add_content(&phrase, json_object_get(metadata, "content"), *kind);
	for (size_t i = 0; i < json_array_size(units); i++)
		add_unit(&phrase, json_array_get(units, i));
	add_quantization(&phrase, json_object_get(tensor, "quantization"));
	add_range(&phrase, metadata);
	add_labels(&phrase, tensor);
	add_locales(&phrase, metadata);
	add_dimension_names(&phrase, metadata);
	phrase_end(&phrase);
	if (*name && strcmp(name, string(tensor, "name")) != 0 && strcmp(name, words(kind)) != 0) {
		_tfl_free_ char *named = NULL;

		if (asprintf(&named, "%s%s%s", name, phrase.begun ? ": " : "", phrase.text) < 0)
			abort();
		ctl_table_note(table, NOTE_INDENT, named);
	} else {
		ctl_table_note(table, NOTE_INDENT, phrase.text);
	}
	ctl_table_note(table, NOTE_INDENT, string(metadata, "description"));
}

static void add_shape(struct ctl_table *table, const json_t *shape)
{
	TFL_CLEANUP(phrase_finish) struct phrase phrase;

	phrase_begin(&phrase);
	put_shape(phrase.stream, shape);
	ctl_table_add(table, "%s", phrase_end(&phrase));
}

static void print_side(bool output, const char *signature, const json_t *tensors)
{
	struct ctl_table table = {.columns = 6, .right = 1 | 1 << 4};
	char unit[CTL_UNIT_MAX], name[4 * NAME_COLUMNS + 1], short_name[4 * NAME_COLUMNS + 1];
	size_t count = json_array_size(tensors);

	if (count == 0)
		return;
	ctl_printf("%s%s%s\n", output ? "outputs" : "inputs", signature ? " of " : "",
		   signature ? ctl_format_short(name, NAME_COLUMNS, signature) : "");
	for (size_t i = 0; i < count && i < TENSORS_MAX; i++) {
		const json_t *tensor = json_array_get(tensors, i);
		const char *called = string(tensor, "signature_name");

		ctl_table_add(&table, "%zu", i);
		ctl_table_add(&table, "%s", ctl_format_short(name, NAME_COLUMNS, string(tensor, "name")));
		ctl_table_add(&table, "%s", string(tensor, "dtype"));
		add_shape(&table, json_object_get(tensor, "shape"));
		ctl_table_add(&table, "%s", ctl_format_bytes(unit, (uint64_t)integer(tensor, "bytes")));
		if (*called && !is(tensor, "name", called))
			ctl_table_add(&table, "as %s", ctl_format_short(short_name, CALLED_COLUMNS, called));
		else
			ctl_table_add(&table, "%s", "");
		add_notes(&table, tensor, output);
	}
	ctl_table_print(&table, "  ");
	if (count > TENSORS_MAX)
		printf("  … %zu in all; --json has them\n", count);
}

static void print_sides(const json_t *sides, const char *signature)
{
	print_side(false, signature, json_object_get(sides, "inputs"));
	print_side(true, signature, json_object_get(sides, "outputs"));
}

void ctl_print_tensors(const json_t *model)
{
	const json_t *signatures = json_object_get(model, "signatures");
	unsigned shown = 0;

	print_sides(model, NULL);
	for (size_t i = 0; i < json_array_size(signatures) && shown < SIGNATURES_MAX; i++) {
		const json_t *signature = json_array_get(signatures, i);

		if (json_is_true(json_object_get(signature, "main")) || *string(signature, "reason"))
			continue;
		print_sides(signature, string(signature, "signature"));
		shown++;
	}
}

/* "left, right": what a signature calls its inputs, or outputs. */
static void put_called(FILE *stream, const json_t *tensors)
{
	char name[4 * NAME_COLUMNS + 1];
	size_t count = json_array_size(tensors);

	for (size_t i = 0; i < count && i < CALLED_MAX; i++) {
		const json_t *tensor = json_array_get(tensors, i);
		const char *called = string(tensor, "signature_name");

		fprintf(stream, "%s%s", i ? ", " : "", ctl_format_short(name, NAME_COLUMNS, *called ? called : string(tensor, "name")));
	}
	if (count > CALLED_MAX)
		fprintf(stream, ", … %zu in all", count);
	else if (count == 0)
		fputs("-", stream);
}

static void print_signature(const char *label, const json_t *signature, const char *remark)
{
	TFL_CLEANUP(phrase_finish) struct phrase phrase;
	char name[4 * NAME_COLUMNS + 1];

	phrase_begin(&phrase);
	fprintf(phrase.stream, "%s: ", ctl_format_short(name, NAME_COLUMNS, string(signature, "signature")));
	if (*string(signature, "reason")) {
		fprintf(phrase.stream, "cannot be run: %s", string(signature, "reason"));
	} else {
		put_called(phrase.stream, json_object_get(signature, "inputs"));
		fputs(" → ", phrase.stream);
		put_called(phrase.stream, json_object_get(signature, "outputs"));
		fputs(remark, phrase.stream);
	}
	ctl_print_wrapped(label, CTL_TEXT_INDENT, phrase_end(&phrase));
}

/* One of several may be what runs without a name. */
void ctl_print_signatures(const json_t *model)
{
	const json_t *signatures = json_object_get(model, "signatures");
	size_t count = json_array_size(signatures);

	for (size_t i = 0; i < count && i < SIGNATURES_MAX; i++) {
		const json_t *signature = json_array_get(signatures, i);
		bool main = json_is_true(json_object_get(signature, "main"));

		print_signature(i == 0 ? "signatures" : "", signature, main && count > 1 ? " (and without a name)" : "");
	}
	if (count > SIGNATURES_MAX)
		ctl_printf_wrapped("", CTL_TEXT_INDENT, "… %zu in all; --json has them", count);
}

static void print_authors(const json_t *metadata)
{
	static const struct {
		const char *key, *before;
	} parts[] = {{"version", "version "}, {"author", "by "}, {"license", "licence: "}};
	TFL_CLEANUP(phrase_finish) struct phrase phrase;

	phrase_begin(&phrase);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(parts); i++)
		if (*string(metadata, parts[i].key))
			fprintf(phrase_add(&phrase, ", "), "%s%s", parts[i].before, string(metadata, parts[i].key));
	ctl_print_wrapped("", CTL_TEXT_INDENT, phrase_end(&phrase));
}

static void print_archive(const json_t *archive)
{
	TFL_CLEANUP(phrase_finish) struct phrase phrase;
	char unit[CTL_UNIT_MAX];

	phrase_begin(&phrase);
	for (size_t i = 0; i < json_array_size(archive); i++)
		fprintf(phrase_add(&phrase, ", "), "%s (%s)", string(json_array_get(archive, i), "name"),
			ctl_format_bytes(unit, (uint64_t)integer(json_array_get(archive, i), "bytes")));
	ctl_print_wrapped("packed", CTL_TEXT_INDENT, phrase_end(&phrase));
}

void ctl_print_about(const json_t *model)
{
	const json_t *metadata = json_object_get(model, "metadata");
	const char *name = string(metadata, "name"), *description = string(metadata, "description");
	_tfl_free_ char *title = NULL, *fault = NULL;

	if (asprintf(&title, "%s%s%s", name, *name && *description ? ": " : "", description) < 0)
		abort();
	ctl_print_wrapped("about", CTL_TEXT_INDENT, *title ? title : string(model, "description"));
	print_authors(metadata);
	if (*title)
		ctl_print_wrapped("comment", CTL_TEXT_INDENT, string(model, "description"));
	if (*string(metadata, "fault") && asprintf(&fault, "broken: %s", string(metadata, "fault")) < 0)
		abort();
	ctl_print_wrapped("metadata", CTL_TEXT_INDENT, fault);
	print_archive(json_object_get(metadata, "archive"));
}
