/* SPDX-License-Identifier: MIT */
/*
 * Real models, where the zoo is at hand: each opens, and what its manifest (made with another reader of the format) says of operators,
 * inputs and outputs is what the model says. Those without a trusted result open or are refused with a sentence.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "runtime/schema.h"
#include "runtime/survey.h"
#include "tests/runtime/read_all.h"
#include "tests/runtime/suites.h"

static volatile uint64_t sum;

static const char *zoo(void)
{
	const char *path = getenv("TFL_ZOO");

	return path ? path : TFL_TEST_ZOO;
}

/* Says so once per test that had nothing to look at. */
static json_t *load_manifest(void)
{
	char path[4096];
	json_t *manifest;

	snprintf(path, sizeof(path), "%s/manifest.json", zoo());
	manifest = json_load_file(path, 0, NULL);
	if (!manifest)
		fprintf(stderr, "skipped: no zoo at %s\n", zoo());
	return manifest;
}

static int open_entry(const json_t *entry, struct tfl_model **ret_model, struct tfl_error *error)
{
	_tfl_close_ int fd = -1;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", zoo(), json_string_value(json_object_get(entry, "file")));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %m", path);
	return tfl_model_open(fd, ret_model, error);
}

static uint32_t count_operators(const struct tfl_model *model, const char *name, int32_t version)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->subgraph_count; i++) {
		for (uint32_t j = 0; j < model->subgraphs[i].operator_count; j++) {
			const struct tfl_operator *op = &model->subgraphs[i].operators[j];
			const char *own = tfl_builtin_to_string(op->code);
			bool custom = op->custom_name && strncmp(name, "CUSTOM", 6) == 0;

			count += (custom || strcmp(own, name) == 0) && op->version == version;
		}
	}
	return count;
}

static void compare_operators(const char *name, const json_t *entry, const struct tfl_model *model)
{
	const json_t *ops = json_object_get(entry, "ops");
	json_int_t total = 0;

	for (size_t i = 0; i < json_array_size(ops); i++) {
		const json_t *op = json_array_get(ops, i);
		const char *op_name = json_string_value(json_object_get(op, "op"));
		json_int_t count = json_integer_value(json_object_get(op, "count"));
		json_int_t version = json_integer_value(json_object_get(op, "version"));

		total += count;
		ck_assert_msg(count_operators(model, op_name, (int32_t)version) >= count, "%s: fewer than %lld of %s version %lld", name,
			      count, op_name, version);
	}
	ck_assert_msg(total == json_integer_value(json_object_get(entry, "ops_total")), "%s", name);
}

static void compare_edge(const char *name, const json_t *tensors, const struct tfl_subgraph *subgraph, const int32_t *indices,
			 uint32_t count)
{
	ck_assert_msg(json_array_size(tensors) == count, "%s: %u instead of %zu", name, count, json_array_size(tensors));
	for (uint32_t i = 0; i < count; i++) {
		const json_t *expected = json_array_get(tensors, i), *shape = json_object_get(expected, "shape");
		const struct tfl_tensor *tensor = &subgraph->tensors[indices[i]];

		ck_assert_str_eq(tensor->name, json_string_value(json_object_get(expected, "name")));
		ck_assert_msg(!strcasecmp(tfl_dtype_to_string(tensor->dtype), json_string_value(json_object_get(expected, "dtype"))),
			      "%s: %s", name, tfl_dtype_to_string(tensor->dtype));
		ck_assert_uint_eq(tensor->rank, json_array_size(shape));
		for (unsigned j = 0; j < tensor->rank; j++)
			ck_assert_int_eq(tensor->dims[j], json_integer_value(json_array_get(shape, j)));
	}
}

static void compare_labels(const json_t *entry, const struct tfl_model *model)
{
	const json_t *files = json_object_get(entry, "associated_files");

	ck_assert_ptr_null(model->metadata.fault);
	ck_assert_int_eq(model->label_count > 0, json_array_size(files) > 0);
}

START_TEST(trusted_models_open_as_described)
{
	json_t *manifest = load_manifest();
	const json_t *models = json_object_get(manifest, "models");

	for (size_t i = 0; i < json_array_size(models); i++) {
		const json_t *entry = json_array_get(models, i);
		const char *name = json_string_value(json_object_get(entry, "name"));
		const struct tfl_subgraph *main;
		struct tfl_error error = {0};
		struct tfl_model *model;

		ck_assert_msg(open_entry(entry, &model, &error) == 0, "%s: %s", name, error.text);
		main = &model->subgraphs[0];
		compare_operators(name, entry, model);
		compare_edge(name, json_object_get(entry, "inputs"), main, main->inputs, main->input_count);
		compare_edge(name, json_object_get(entry, "outputs"), main, main->outputs, main->output_count);
		compare_labels(entry, model);
		sum += model_read_all(model);
		tfl_model_destroy(model);
	}
	json_decref(manifest);
}
END_TEST

START_TEST(the_others_open_or_are_refused)
{
	json_t *manifest = load_manifest();
	const json_t *models = json_object_get(manifest, "without_golden");

	for (size_t i = 0; i < json_array_size(models); i++) {
		const json_t *entry = json_array_get(models, i);
		struct tfl_error error = {0};
		struct tfl_model *model = NULL;

		if (open_entry(entry, &model, &error) < 0)
			ck_assert_uint_gt(strlen(error.text), 10);
		else
			sum += model_read_all(model);
		tfl_model_destroy(model);
	}
	json_decref(manifest);
}
END_TEST

/* What a survey says is what loading says, and where a model does not run, it knows why. */
static void compare_survey(const char *name, const struct tfl_model *model)
{
	struct tfl_survey *survey = NULL;
	struct tfl_program *program = NULL;
	struct tfl_error error = {0};
	uint32_t refused = 0;

	ck_assert_msg(tfl_survey_create(model, NULL, &survey, &error) == 0, "%s: %s", name, error.text);
	for (uint32_t i = 0; i < survey->operator_count; i++) {
		const struct tfl_survey_operator *op = &survey->operators[i];

		refused += op->subgraph == 0 && op->cause != TFL_CAUSE_NONE;
		ck_assert_msg((op->cause != TFL_CAUSE_NONE) == (op->reason != NULL), "%s: operator %u", name, i);
	}
	ck_assert_msg((tfl_program_create(model, NULL, &program, &error) == 0) == survey->runs, "%s: %s", name, error.text);
	ck_assert_msg(!survey->runs || refused == 0, "%s runs, but %u operators are refused", name, refused);
	ck_assert_msg(survey->runs || strcmp(survey->fault.text, error.text) == 0, "%s: %s", name, survey->fault.text);
	tfl_program_destroy(program);
	tfl_survey_destroy(survey);
}

START_TEST(surveys)
{
	json_t *manifest = load_manifest();
	const json_t *models = json_object_get(manifest, _i == 0 ? "models" : "without_golden");

	for (size_t i = 0; i < json_array_size(models); i++) {
		const json_t *entry = json_array_get(models, i);
		struct tfl_model *model = NULL;

		if (open_entry(entry, &model, NULL) < 0)
			continue;
		compare_survey(json_string_value(json_object_get(entry, "name")), model);
		tfl_model_destroy(model);
	}
	json_decref(manifest);
}
END_TEST

Suite *zoo_suite(void)
{
	Suite *suite = suite_create("zoo");
	TCase *real = tcase_create("real");

	tcase_set_timeout(real, 120);
	tcase_add_test(real, trusted_models_open_as_described);
	tcase_add_test(real, the_others_open_or_are_refused);
	tcase_add_loop_test(real, surveys, 0, 2);
	suite_add_tcase(suite, real);
	return suite;
}
