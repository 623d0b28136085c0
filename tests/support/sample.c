/* SPDX-License-Identifier: MIT */
#include "tests/support/sample.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/tensor.h"
#include "proto/writer.h"

static void write_tensors(struct tfl_writer *writer, const char *key, const float *values, int32_t count)
{
	const struct tfl_wire_tensor tensor = {
		.index = 0,
		.dtype = TFL_FLOAT32,
		.shape = { 2, { 1, count } },
		.data = { (const uint8_t *)values, (size_t)count * sizeof(*values) },
	};

	tfl_writer_text(writer, key);
	tfl_writer_array(writer, 1);
	tfl_wire_tensor_write(writer, &tensor);
}

static void write_sample(const char *path, int32_t count, const float *input, const float *output, double tolerance)
{
	FILE *file = fopen(path, "wbe");
	struct tfl_writer writer;
	void *data = NULL;
	size_t size = 0;

	ck_assert_msg(file != NULL, "%s cannot be written", path);
	tfl_writer_init(&writer);
	tfl_writer_begin(&writer);
	tfl_writer_map(&writer, 2 + (output != NULL) + (tolerance >= 0));
	tfl_writer_text(&writer, "format");
	tfl_writer_uint64(&writer, 1);
	write_tensors(&writer, "inputs", input, count);
	if (output)
		write_tensors(&writer, "outputs", output, count);
	if (tolerance >= 0) {
		tfl_writer_text(&writer, "tolerance");
		tfl_writer_double(&writer, tolerance);
	}
	ck_assert_int_eq(tfl_writer_take_value(&writer, &data, &size), 0);
	ck_assert_uint_eq(fwrite(data, 1, size, file), size);
	fclose(file);
	free(data);
	tfl_writer_finish(&writer);
}

void sample_write(const char *path, const float input[4], const float *output, double tolerance)
{
	write_sample(path, 4, input, output, tolerance);
}

void sample_write_number(const char *path, float input)
{
	write_sample(path, 1, &input, NULL, -1);
}
