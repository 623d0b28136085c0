/* SPDX-License-Identifier: MIT */
/*
 * An object of operators, each an object of types, each a pair [cases, passed]. The manifest writes an operator's types as
 * "FLOAT32,INT8,-->FLOAT32": inputs, "->", outputs, "-" for an input left out.
 */
#include "summary.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define TYPES_MAX 64
#define TYPE_MAX 16
#define LABEL_MAX 64

json_t *summary_create(void)
{
	return json_object();
}

struct types {
	char inputs[TYPES_MAX][TYPE_MAX];
	char output[TYPE_MAX];
	unsigned count;
};

static void copy_type(const char *text, size_t length, char *type)
{
	length = length < TYPE_MAX - 1 ? length : TYPE_MAX - 1;
	for (size_t i = 0; i < length; i++)
		type[i] = (char)tolower((unsigned char)text[i]);
	type[length] = '\0';
}

/* Only the first output's type. */
static struct types split(const char *text)
{
	const char *arrow = strstr(text, "->");
	struct types types = {.count = 0};

	/* An input left out stands as '-' before the arrow, too. */
	if (arrow && strncmp(arrow, "-->", 3) == 0)
		arrow++;
	if (!arrow)
		return types;
	while (text < arrow && types.count < TYPES_MAX) {
		size_t length = strcspn(text, ",");

		length = text + length > arrow ? (size_t)(arrow - text) : length;
		copy_type(text, length, types.inputs[types.count++]);
		text += length + 1;
	}
	copy_type(arrow + 2, strcspn(arrow + 2, ","), types.output);
	return types;
}

static bool is_small(const char *type)
{
	static const char *const small[] = {"int8", "uint8", "int4"};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(small); i++)
		if (strcmp(type, small[i]) == 0)
			return true;
	return false;
}

static bool has_input(const struct types *types, const char *type)
{
	for (unsigned i = 0; i < types->count; i++)
		if (strcmp(types->inputs[i], type) == 0)
			return true;
	return false;
}

/* "float32", "float32 → int8", "float32 × int8": what goes in and comes out, and weights of another type. Axes and masks are passed over. */
static void label(const char *text, char *ret_label)
{
	struct types types = split(text);
	const char *in = types.count ? types.inputs[0] : "", *out = types.output, *weights = NULL;

	if ((strcmp(in, "int32") == 0 || strcmp(in, "bool") == 0) && has_input(&types, out))
		in = out;
	if (!out[0])
		in = out = types.count ? types.inputs[types.count - 1] : "nothing";
	in = in[0] ? in : out;
	for (unsigned i = types.count; i-- > 0;)
		if (is_small(types.inputs[i]) && strcmp(types.inputs[i], in) != 0 && strcmp(types.inputs[i], out) != 0)
			weights = types.inputs[i];
	snprintf(ret_label, LABEL_MAX, "%s%s%s%s%s", in, strcmp(in, out) ? " → " : "", strcmp(in, out) ? out : "", weights ? " × " : "",
		 weights ? weights : "");
}

static json_t *member(json_t *object, const char *key, json_t *fresh)
{
	json_t *found = json_object_get(object, key);

	if (found) {
		json_decref(fresh);
		return found;
	}
	json_object_set_new(object, key, fresh);
	return fresh;
}

static void count(json_t *pair, unsigned at, size_t cases)
{
	json_int_t before = json_integer_value(json_array_get(pair, at));

	json_array_set_new(pair, at, json_integer(before + (json_int_t)cases));
}

/* A model that has an operator in two forms of one label counts once. */
void summary_add(json_t *summary, json_t *model, bool passed)
{
	json_t *op, *seen = json_object();
	size_t i, cases = json_array_size(json_object_get(model, "cases"));

	json_array_foreach(json_object_get(model, "ops"), i, op) {
		const char *name = json_string_value(json_object_get(op, "op"));
		char types[LABEL_MAX], key[2 * LABEL_MAX];
		json_t *pair;

		name = strncmp(name, "CUSTOM:", 7) == 0 ? name + 7 : name;
		label(json_string_value(json_object_get(op, "types")), types);
		snprintf(key, sizeof(key), "%.60s %s", name, types);
		if (json_object_get(seen, key))
			continue;
		json_object_set_new(seen, key, json_true());
		pair = member(member(summary, name, json_object()), types, json_pack("[ii]", 0, 0));
		count(pair, 0, cases);
		count(pair, 1, passed ? cases : 0);
	}
	json_decref(seen);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The keys in their order; the caller's to free. */
static const char **sorted_keys(json_t *object)
{
	const char **keys = calloc(json_object_size(object) + 1, sizeof(*keys)), *key;
	json_t *value;
	size_t used = 0;

	if (!keys)
		abort();
	json_object_foreach(object, key, value)
		keys[used++] = key;
	qsort(keys, used, sizeof(*keys), compare_names);
	return keys;
}

static void print_types(json_t *types)
{
	_tfl_free_ const char **keys = sorted_keys(types);

	for (size_t i = 0; keys[i]; i++) {
		json_t *pair = json_object_get(types, keys[i]);
		json_int_t cases = json_integer_value(json_array_get(pair, 0)), passed = json_integer_value(json_array_get(pair, 1));

		printf("%s%s %" JSON_INTEGER_FORMAT, i ? ", " : "", keys[i], passed);
		if (passed != cases)
			printf(" of %" JSON_INTEGER_FORMAT, cases);
	}
	putchar('\n');
}

void summary_print(json_t *summary, const char *prefix)
{
	_tfl_free_ const char **names = sorted_keys(summary);

	printf("%s%-30s cases that pass, by types\n", prefix, "operator");
	for (size_t i = 0; names[i]; i++) {
		printf("%s%-30s ", prefix, names[i]);
		print_types(json_object_get(summary, names[i]));
	}
}

/* {"CONV_2D": {"float32": 163}}, without what never passed. */
static json_t *passing(json_t *summary)
{
	json_t *result = json_object(), *types, *pair;
	const char *name, *label_of;

	json_object_foreach(summary, name, types)
		json_object_foreach(types, label_of, pair)
			if (json_integer_value(json_array_get(pair, 1)) > 0)
				json_object_set(member(result, name, json_object()), label_of, json_array_get(pair, 1));
	return result;
}

bool summary_matches(json_t *summary, const char *path)
{
	json_error_t error;
	json_t *noted = json_load_file(path, 0, &error), *found = passing(summary);
	bool same = noted && json_equal(noted, found);

	json_decref(noted);
	json_decref(found);
	return same;
}

int summary_write(json_t *summary, const char *path)
{
	json_t *found = passing(summary);
	int r = json_dump_file(found, path, JSON_INDENT(2) | JSON_SORT_KEYS);

	json_decref(found);
	return r;
}
