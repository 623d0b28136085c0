/* SPDX-License-Identifier: MIT */
/*
 * Real models, where the zoo is at hand: each opens, and what its manifest (made with another reader of the format) says of operators,
 * inputs and outputs is what the model says. Those without a trusted result open or are refused with a sentence. Whatever can be called is
 * called; and two requests in one batch, where the model takes batches, are answered as each of them alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "runtime/schema.h"
#include "runtime/survey.h"
#include "tests/builder/random.h"
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

/* A loaded model of the zoo. */
struct animal {
	const char *name;
	struct tfl_model *model;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	const struct tfl_entry *entries;
	uint32_t count;
};

static void open_animal(struct animal *animal, const json_t *entry)
{
	struct tfl_error error = {0};
	int r;

	*animal = (struct animal){.name = json_string_value(json_object_get(entry, "name"))};
	r = open_entry(entry, &animal->model, &error);
	if (r == 0)
		r = tfl_program_create(animal->model, &(struct tfl_program_options){.late = true}, &animal->program, &error);
	if (r == 0)
		r = tfl_interpreter_create(animal->program, &animal->interpreter, &error);
	if (r == 0)
		animal->entries = tfl_program_entries(animal->program, &animal->count);
	ck_assert_msg(r == 0 || (r == -EOPNOTSUPP && error.text[0]), "%s: %s", animal->name, error.text);
}

static void close_animal(struct animal *animal)
{
	tfl_interpreter_destroy(animal->interpreter);
	tfl_program_destroy(animal->program);
	tfl_model_destroy(animal->model);
}

static void run(const struct animal *animal, struct tfl_interpreter *part)
{
	struct tfl_error error = {0};

	tfl_interpreter_reset(part);
	ck_assert_msg(tfl_interpreter_invoke(part, NULL, &error) == 0, "%s: %s", animal->name, error.text);
}

START_TEST(every_signature_runs_on_zeros)
{
	json_t *manifest = load_manifest();
	const json_t *models = json_object_get(manifest, "models");

	for (size_t i = 0; i < json_array_size(models); i++) {
		struct animal animal;

		open_animal(&animal, json_array_get(models, i));
		for (uint32_t e = 0; e < animal.count; e++) {
			struct tfl_interpreter *part;

			ck_assert_msg(!animal.entries[e].fault, "%s: %s: %s", animal.name, animal.entries[e].signature, animal.entries[e].fault);
			part = tfl_interpreter_entry(animal.interpreter, e);
			for (uint32_t input = 0; input < animal.entries[e].input_count; input++)
				memset(tfl_interpreter_input(part, input), 0, animal.entries[e].inputs[input].bytes);
			run(&animal, part);
		}
		close_animal(&animal);
	}
	json_decref(manifest);
}
END_TEST

static bool takes_batches(const struct tfl_entry *entry)
{
	bool takes = entry->input_count > 0;

	for (uint32_t i = 0; i < entry->input_count; i++)
		takes &= entry->inputs[i].rank > 0 && entry->inputs[i].shape_signature[0] == -1;
	return takes;
}

/* Those whose answers to one request depend on the rest of the batch: sums and maxima over all, and places that WHERE counts. */
static bool is_mixed(const char *name)
{
	static const char *const mixed[] = {"aeq_single_sum", "litert_classifier", "litert_where"};

	for (size_t i = 0; i < TFL_ARRAY_SIZE(mixed); i++)
		if (strcmp(mixed[i], name) == 0)
			return true;
	return false;
}

/* Something that fits anywhere: integers may be places. */
static void fill(const struct tfl_io *io, void *data, struct tfl_random *random)
{
	bool bytes = io->dtype == TFL_INT8 || io->dtype == TFL_UINT8;

	memset(data, 0, io->bytes);
	for (size_t i = 0; i < io->elements; i++) {
		if (io->dtype == TFL_FLOAT32)
			((float *)data)[i] = tfl_random_uniform(random, -1, 1);
		else if (tfl_dtype_size(io->dtype) > 0)
			((uint8_t *)data)[i * tfl_dtype_size(io->dtype)] = (uint8_t)(tfl_random_next(random) & (bytes ? 255 : 1));
	}
}

static void compare(const struct animal *animal, const struct tfl_io *io, const void *both, const void *alone)
{
	for (size_t i = 0; io->dtype == TFL_FLOAT32 && i < io->elements; i++) {
		double a = (double)((const float *)both)[i], b = (double)((const float *)alone)[i];

		ck_assert_msg((isnan(a) && isnan(b)) || fabs(a - b) <= 1e-5 * (1 + fabs(b)), "%s: %g in a batch, %g alone", animal->name, a, b);
	}
	ck_assert_msg(io->dtype == TFL_FLOAT32 || memcmp(both, alone, io->bytes) == 0, "%s: other bytes in a batch than alone", animal->name);
}

/* Runs the halves of what @p pair was run on, each alone. */
static void compare_halves(const struct animal *animal, const struct tfl_entry *entry, struct tfl_interpreter *part, struct tfl_interpreter *pair)
{
	for (size_t half = 0; half < 2; half++) {
		struct tfl_random random = {half};

		for (uint32_t i = 0; i < entry->input_count; i++)
			fill(&entry->inputs[i], tfl_interpreter_input(part, i), &random);
		run(animal, part);
		for (uint32_t i = 0; i < entry->output_count; i++) {
			struct tfl_io io, both;

			tfl_interpreter_output_io(part, i, &io);
			tfl_interpreter_output_io(pair, i, &both);
			ck_assert_msg(both.bytes == 2 * io.bytes, "%s: output %u", animal->name, i);
			compare(animal, &io, (const uint8_t *)tfl_interpreter_output(pair, i) + half * io.bytes, tfl_interpreter_output(part, i));
		}
	}
}

/* Twice the batch: whether it can be. Refused, it says why. */
static bool check_batch(const struct animal *animal, const struct tfl_entry *entry, struct tfl_interpreter *part)
{
	struct tfl_io_shape *shapes = calloc(entry->input_count, sizeof(*shapes));
	struct tfl_interpreter *pair = NULL;
	struct tfl_error error = {0};
	int r;

	ck_assert_ptr_nonnull(shapes);
	for (uint32_t i = 0; i < entry->input_count; i++) {
		shapes[i].rank = entry->inputs[i].rank;
		memcpy(shapes[i].dims, entry->inputs[i].dims, sizeof(shapes[i].dims));
		shapes[i].dims[0] *= 2;
	}
	r = tfl_interpreter_resize(part, shapes, &pair, &error);
	free(shapes);
	ck_assert_msg(r == 0 || (r == -EINVAL && strstr(error.text, "operator")), "%s: %d: %s", animal->name, r, error.text);
	for (size_t half = 0; r == 0 && half < 2; half++) {
		struct tfl_random random = {half};

		for (uint32_t i = 0; i < entry->input_count; i++)
			fill(&entry->inputs[i], (uint8_t *)tfl_interpreter_input(pair, i) + half * entry->inputs[i].bytes, &random);
	}
	if (r == 0)
		run(animal, pair);
	if (r == 0 && !is_mixed(animal->name))
		compare_halves(animal, entry, part, pair);
	return r == 0;
}

START_TEST(two_in_a_batch_are_answered_as_each_alone)
{
	json_t *manifest = load_manifest();
	const json_t *models = json_object_get(manifest, "models");
	unsigned batches = 0;

	for (size_t i = 0; i < json_array_size(models); i++) {
		struct animal animal;

		open_animal(&animal, json_array_get(models, i));
		for (uint32_t e = 0; e < animal.count; e++)
			if (takes_batches(&animal.entries[e]))
				batches += check_batch(&animal, &animal.entries[e], tfl_interpreter_entry(animal.interpreter, e));
		close_animal(&animal);
	}
	ck_assert(!manifest || batches >= 30);
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
	tcase_add_test(real, every_signature_runs_on_zeros);
	tcase_add_test(real, two_in_a_batch_are_answered_as_each_alone);
	suite_add_tcase(suite, real);
	return suite;
}
