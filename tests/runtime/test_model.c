/* SPDX-License-Identifier: MIT */
/*
 * What is in a good file is what the model says. Hostile files: test_hostile.c; broken ones: test_mutation.c; real ones: test_zoo.c.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/model.h"
#include "runtime/schema.h"
#include "tests/runtime/read_all.h"
#include "tests/runtime/sample.h"
#include "tests/runtime/suites.h"

static uint8_t *bytes;
static size_t size;
static struct tfl_model *model;

static void open_sample(void)
{
	struct tfl_error error;

	bytes = sample_everything(&size);
	ck_assert_msg(tfl_model_open_memory(bytes, size, &model, &error) == 0, "%s", error.text);
}

static void open_raw(const struct raw_model *raw)
{
	struct tfl_error error;

	bytes = sample_raw(raw, &size);
	ck_assert_msg(tfl_model_open_memory(bytes, size, &model, &error) == 0, "%s", error.text);
}

static void teardown(void)
{
	tfl_model_destroy(model);
	free(bytes);
}

static const struct tfl_tensor *tensor_at(int index)
{
	ck_assert_int_lt(index, (int)model->subgraphs[0].tensor_count);
	return &model->subgraphs[0].tensors[index];
}

START_TEST(subgraphs_have_names_and_edges)
{
	const struct tfl_subgraph *main, *second;

	open_sample();
	ck_assert_uint_eq(model->subgraph_count, 2);
	main = &model->subgraphs[0];
	second = &model->subgraphs[1];
	ck_assert_str_eq(model->description, "everything");
	ck_assert_str_eq(main->name, "main");
	ck_assert_uint_eq(main->tensor_count, SAMPLE_TENSORS);
	ck_assert_uint_eq(main->input_count, 1);
	ck_assert_int_eq(main->inputs[0], SAMPLE_IMAGE);
	ck_assert_uint_eq(main->output_count, 2);
	ck_assert_int_eq(main->outputs[0], SAMPLE_RESULT);
	ck_assert_int_eq(main->outputs[1], SAMPLE_FLAT);
	ck_assert_str_eq(second->name, "second");
	ck_assert_uint_eq(second->operator_count, 0);
	ck_assert_int_eq(second->inputs[0], second->outputs[0]);
}
END_TEST

START_TEST(tensors_have_types_and_shapes)
{
	const struct tfl_tensor *image, *scalar;

	open_sample();
	image = tensor_at(SAMPLE_IMAGE);
	scalar = tensor_at(SAMPLE_SCRATCH);
	ck_assert_str_eq(image->name, "image");
	ck_assert_int_eq(image->dtype, TFL_UINT8);
	ck_assert_uint_eq(image->rank, 4);
	ck_assert_mem_eq(image->dims, ((int32_t[]){1, 4, 4, 1}), 16);
	ck_assert_mem_eq(image->signature, ((int32_t[]){-1, 4, 4, 1}), 16);
	ck_assert(image->has_dynamic);
	ck_assert(!tensor_at(SAMPLE_FLAT)->has_dynamic);
	ck_assert_mem_eq(tensor_at(SAMPLE_FLAT)->signature, ((int32_t[]){1, 32}), 8);
	ck_assert_uint_eq(scalar->rank, 0);
	ck_assert_int_eq(scalar->dtype, TFL_INT16);
	ck_assert(tensor_at(SAMPLE_STATE)->is_variable);
	ck_assert(!image->is_variable);
	ck_assert(tensor_at(SAMPLE_SPARSE)->is_sparse);
	ck_assert_ptr_nonnull(tensor_at(SAMPLE_SPARSE)->sparsity.buffer);
	ck_assert(!image->is_sparse);
}
END_TEST

START_TEST(constants_have_content)
{
	open_sample();
	ck_assert_ptr_null(tensor_at(SAMPLE_IMAGE)->data);
	ck_assert_ptr_null(tensor_at(SAMPLE_CONVOLVED)->data);
	ck_assert_uint_eq(tensor_at(SAMPLE_WEIGHTS)->data_size, 18);
	ck_assert_mem_eq(tensor_at(SAMPLE_WEIGHTS)->data, "\1\2\3\374\0", 5);
	ck_assert_mem_eq(tensor_at(SAMPLE_LONGS)->data, ((int64_t[]){1, -2, INT64_MAX}), 24);
	ck_assert_uint_eq((uintptr_t)tensor_at(SAMPLE_LONGS)->data % 8, 0);
	ck_assert_uint_eq(tensor_at(SAMPLE_STRINGS)->data_size, 10);
	ck_assert_uint_eq(tensor_at(SAMPLE_NIBBLES)->data_size, 2);
	ck_assert_uint_eq(tensor_at(SAMPLE_SPARSE)->data_size, 4);
	ck_assert_ptr_nonnull(tensor_at(SAMPLE_EMPTY)->data); /* a constant, though it has no bytes */
	ck_assert_uint_eq(tensor_at(SAMPLE_EMPTY)->data_size, 0);
	ck_assert_uint_ne(tensor_at(SAMPLE_LONGS)->buffer, tensor_at(SAMPLE_WEIGHTS)->buffer);
}
END_TEST

START_TEST(quantisation_is_normalised)
{
	const struct tfl_quantization *image, *weights, *bias, *scratch;

	open_sample();
	image = &tensor_at(SAMPLE_IMAGE)->quantization;
	weights = &tensor_at(SAMPLE_WEIGHTS)->quantization;
	bias = &tensor_at(SAMPLE_BIAS)->quantization;
	scratch = &tensor_at(SAMPLE_SCRATCH)->quantization;
	ck_assert_uint_eq(image->count, 1);
	ck_assert(image->scales[0] == 0.5f && image->zero_points[0] == 128);
	ck_assert_uint_eq(weights->count, 2);
	ck_assert_uint_eq(weights->axis, 0);
	ck_assert(weights->scales[0] == 0.25f && weights->scales[1] == 0.5f);
	ck_assert(weights->zero_points[0] == 0 && weights->zero_points[1] == 0); /* the file has one */
	ck_assert_uint_eq(bias->count, 2);
	ck_assert_uint_eq(bias->axis, 0); /* the file says 3; rank 1 has no other */
	ck_assert_uint_eq(scratch->count, 0);
	ck_assert(scratch->custom);
	ck_assert_uint_eq(scratch->details_type, TFL_DETAILS_CUSTOM);
	ck_assert_ptr_nonnull(scratch->details.buffer);
	ck_assert_uint_eq(tensor_at(SAMPLE_FLAT)->quantization.count, 0);
	ck_assert(!tensor_at(SAMPLE_FLAT)->quantization.custom);
}
END_TEST

START_TEST(zero_points_may_be_left_out)
{
	static const int64_t expected[] = {0, 5, 5};

	open_raw(&(struct raw_model){.zero_points = (uint32_t)_i});
	ck_assert_uint_eq(tensor_at(1)->quantization.count, 2);
	ck_assert_uint_eq(tensor_at(1)->quantization.axis, 1);
	ck_assert_int_eq(tensor_at(1)->quantization.zero_points[0], expected[_i]);
	ck_assert_int_eq(tensor_at(1)->quantization.zero_points[1], expected[_i]);
}
END_TEST

START_TEST(operators_have_codes_tensors_and_options)
{
	const struct tfl_operator *conv, *reshape, *custom;
	struct tfl_fb_vector shape;

	open_sample();
	ck_assert_uint_eq(model->subgraphs[0].operator_count, 3);
	conv = &model->subgraphs[0].operators[0];
	reshape = conv + 1;
	custom = conv + 2;
	ck_assert_uint_eq(conv->code, TFL_BUILTIN_CONV_2D);
	ck_assert_int_eq(conv->version, 3);
	ck_assert_ptr_null(conv->custom_name);
	ck_assert_uint_eq(conv->input_count, 3);
	ck_assert_mem_eq(conv->inputs, ((int32_t[]){SAMPLE_IMAGE, SAMPLE_WEIGHTS, SAMPLE_BIAS}), 12);
	ck_assert_uint_eq(conv->output_count, 1);
	ck_assert_int_eq(conv->outputs[0], SAMPLE_CONVOLVED);
	ck_assert_uint_eq(conv->options_type, TFL_OPTIONS_CONV_2D);
	ck_assert_int_eq(tfl_fb_i8(&conv->options, 3, 0), TFL_ACTIVATION_RELU6);
	ck_assert_int_eq(tfl_fb_i32(&conv->options, 4, 1), 1);
	ck_assert_int_eq(reshape->version, 1);
	ck_assert_int_eq(tfl_fb_vector(&reshape->options, 0, 4, &shape), 0);
	ck_assert_uint_eq(shape.count, 2);
	ck_assert_uint_eq(custom->code, TFL_BUILTIN_CUSTOM);
	ck_assert_int_eq(custom->version, 7);
	ck_assert_str_eq(custom->custom_name, "Weigh");
	ck_assert_uint_eq(custom->options_type, 0);
	ck_assert_ptr_null(custom->options.buffer);
	ck_assert_uint_eq(custom->custom_options_size, 5);
	ck_assert_mem_eq(custom->custom_options, "grams", 5);
	ck_assert_uint_eq(custom->input_count, 8);
	ck_assert_int_eq(custom->inputs[2], -1);
	ck_assert_uint_eq(custom->intermediate_count, 2);
	ck_assert_int_eq(custom->intermediates[0], SAMPLE_SCRATCH);
}
END_TEST

START_TEST(the_greater_code_counts)
{
	static const struct {
		int8_t deprecated;
		int32_t builtin;
		uint16_t code;
	} cases[] = {
		{TFL_BUILTIN_MUL, 0, TFL_BUILTIN_MUL}, /* an old writer */
		{0, TFL_BUILTIN_MUL, TFL_BUILTIN_MUL},
		{TFL_BUILTIN_MUL, TFL_BUILTIN_MUL, TFL_BUILTIN_MUL},
		{127, TFL_BUILTIN_GELU, TFL_BUILTIN_GELU},
		{0, 0, TFL_BUILTIN_ADD},
	};

	open_raw(&(struct raw_model){.deprecated_code = cases[_i].deprecated, .builtin_code = cases[_i].builtin});
	ck_assert_uint_eq(model->subgraphs[0].operators[0].code, cases[_i].code);
}
END_TEST

START_TEST(content_may_lie_behind_the_flatbuffer)
{
	size_t end;

	free(sample_raw(&(struct raw_model){.buffer_offset = 2, .buffer_size = 1, .options_offset = 2}, &end));
	open_raw(&(struct raw_model){.buffer_offset = end + 8, .buffer_size = 4, .options_offset = end + 12, .options_size = 20,
				     .tail = 32});
	ck_assert_uint_eq(tensor_at(1)->data_size, 4);
	ck_assert_mem_eq(tensor_at(1)->data, "\10\11\12\13", 4);
	ck_assert_uint_eq(model->subgraphs[0].operators[0].custom_options_size, 20);
	ck_assert_mem_eq(model->subgraphs[0].operators[0].custom_options, "\14\15\16", 3);
}
END_TEST

START_TEST(signatures_name_tensors)
{
	open_sample();
	ck_assert_uint_eq(model->signature_count, 1);
	ck_assert_str_eq(model->signatures[0].key, "classify");
	ck_assert_uint_eq(model->signatures[0].subgraph, 0);
	ck_assert_uint_eq(model->signatures[0].input_count, 1);
	ck_assert_str_eq(model->signatures[0].inputs[0].name, "picture");
	ck_assert_uint_eq(model->signatures[0].inputs[0].tensor, SAMPLE_IMAGE);
	ck_assert_uint_eq(model->signatures[0].output_count, 1);
	ck_assert_str_eq(model->signatures[0].outputs[0].name, "kind");
	ck_assert_uint_eq(model->signatures[0].outputs[0].tensor, SAMPLE_RESULT);
}
END_TEST

/* A base address that suits nothing: everything that has an alignment must have been moved. */
START_TEST(misaligned_content_is_moved)
{
	_tfl_free_ uint8_t *shifted = NULL;
	const struct tfl_tensor *longs;

	bytes = sample_everything(&size);
	shifted = malloc(size + 16);
	ck_assert_ptr_nonnull(shifted);
	memcpy(shifted + _i, bytes, size);
	ck_assert_int_eq(tfl_model_open_memory(shifted + _i, size, &model, NULL), 0);
	longs = tensor_at(SAMPLE_LONGS);
	ck_assert_uint_eq((uintptr_t)longs->data % 8, 0);
	ck_assert_mem_eq(longs->data, ((int64_t[]){1, -2, INT64_MAX}), 24);
	ck_assert_uint_eq((uintptr_t)tensor_at(SAMPLE_WEIGHTS)->quantization.scales % 4, 0);
	ck_assert_uint_eq((uintptr_t)model->subgraphs[0].operators[0].inputs % 4, 0);
	ck_assert_uint_eq((uintptr_t)tensor_at(SAMPLE_IMAGE)->quantization.zero_points % 8, 0);
	ck_assert_uint_eq(model->label_count, 3);
	ck_assert_ptr_null(model->metadata.fault);
	tfl_model_destroy(model);
	model = NULL;
}
END_TEST

static int temporary(const void *content, size_t length)
{
	int fd = memfd_create("model", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, length), (ssize_t)length);
	return fd;
}

START_TEST(a_mapped_file_outlives_its_descriptor)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), length;
	_tfl_free_ uint8_t *padded = NULL;
	int fd;

	bytes = sample_everything(&size);
	length = tfl_align_up(size, page); /* so that the end of the file is the end of a page */
	padded = calloc(1, length);
	ck_assert_ptr_nonnull(padded);
	memcpy(padded, bytes, size);
	fd = temporary(padded, length);
	ck_assert_int_eq(lseek(fd, 100, SEEK_SET), 100); /* the position does not matter */
	ck_assert_int_eq(tfl_model_open(fd, &model, NULL), 0);
	close(fd);
	ck_assert_uint_eq(model->size, length);
	ck_assert(model->mapped);
	ck_assert_uint_ne(model_read_all(model), 0);
	for (size_t i = 0; i < TFL_MODEL_SLACK; i++)
		ck_assert_uint_eq(((const volatile uint8_t *)model->data)[length + i], 0);
}
END_TEST

static void assert_refused(int fd, int code, const char *sentence)
{
	struct tfl_error error = {0};
	struct tfl_model *untouched = NULL;

	ck_assert_int_eq(tfl_model_open(fd, &untouched, &error), code);
	ck_assert_int_eq(error.code, code);
	ck_assert_msg(strstr(error.text, sentence), "\"%s\" lacks \"%s\"", error.text, sentence);
	ck_assert_ptr_null(untouched);
	ck_assert_int_eq(tfl_model_open(fd, &untouched, NULL), code);
	close(fd);
}

START_TEST(what_is_no_file_is_refused)
{
	char path[] = "/tmp/tfl-test-model-XXXXXX";
	int pipes[2], fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	assert_refused(open(path, O_RDONLY | O_CLOEXEC), -EINVAL, "is empty");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "not for reading", 15), 15);
	assert_refused(fd, -EACCES, "cannot map the file for reading");
	unlink(path);
	assert_refused(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), -EISDIR, "a directory");
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	assert_refused(pipes[0], -EINVAL, "must be a regular file");
	close(pipes[1]);
	assert_refused(-1, -EBADF, "cannot look at the file");
}
END_TEST

START_TEST(a_huge_file_is_refused_unread)
{
	int fd = memfd_create("huge", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)TFL_MODEL_BYTES_MAX), 0);
	assert_refused(fd, -EFBIG, "less than 2147483648");
}
END_TEST

START_TEST(short_files_are_refused)
{
	assert_refused(temporary("abc", 3), -EINVAL, "3 bytes, but a .tflite file has at least 8");
	assert_refused(temporary("\x10\0\0\0TFL2\0\0\0\0", 12), -EINVAL, "identifier \"TFL3\"");
	assert_refused(temporary("\x10\0\0\0TFL3", 8), -EINVAL, "root table");
}
END_TEST

START_TEST(nothing_is_leaked_or_kept)
{
	tfl_model_destroy(NULL);
	open_sample();
	errno = 77;
	tfl_model_destroy(model);
	model = NULL;
	ck_assert_int_eq(errno, 77);
}
END_TEST

Suite *model_suite(void)
{
	Suite *suite = suite_create("model");
	TCase *content = tcase_create("content"), *files = tcase_create("files");

	tcase_add_checked_fixture(content, NULL, teardown);
	tcase_add_test(content, subgraphs_have_names_and_edges);
	tcase_add_test(content, tensors_have_types_and_shapes);
	tcase_add_test(content, constants_have_content);
	tcase_add_test(content, quantisation_is_normalised);
	tcase_add_loop_test(content, zero_points_may_be_left_out, 0, 3);
	tcase_add_test(content, operators_have_codes_tensors_and_options);
	tcase_add_loop_test(content, the_greater_code_counts, 0, 5);
	tcase_add_test(content, content_may_lie_behind_the_flatbuffer);
	tcase_add_test(content, signatures_name_tensors);
	tcase_add_loop_test(content, misaligned_content_is_moved, 1, 9);
	tcase_add_test(content, a_mapped_file_outlives_its_descriptor);
	tcase_add_test(content, nothing_is_leaked_or_kept);
	suite_add_tcase(suite, content);
	tcase_add_test(files, what_is_no_file_is_refused);
	tcase_add_test(files, a_huge_file_is_refused_unread);
	tcase_add_test(files, short_files_are_refused);
	suite_add_tcase(suite, files);
	return suite;
}
