/* SPDX-License-Identifier: MIT */
/*
 * A sample is a request and its reply, so the parser of requests serves it; what is expected stands where a request says which outputs it
 * wants.
 */
#include "proto/sample.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/reader.h"
#include "proto/writer.h"

#define FORMAT 1

struct wire_sample {
	uint32_t format;
	struct tfl_wire_array inputs, outputs;
	struct tfl_slice tolerance;
	uint64_t version, time;
};

#define TO(member) offsetof(struct wire_sample, member)

static const struct tfl_param rows[] = {
	{"format", TFL_PARAM_UINT32, true, TO(format), FORMAT, FORMAT, NULL},
	{"inputs", TFL_PARAM_ARRAY, true, TO(inputs), 0, TFL_INFER_TENSORS_MAX, "tensors"},
	{"outputs", TFL_PARAM_ARRAY, false, TO(outputs), 0, TFL_INFER_TENSORS_MAX, "tensors"},
	{"tolerance", TFL_PARAM_VALUE, false, TO(tolerance), 0, 0, NULL},
	{"version", TFL_PARAM_UINT64, false, TO(version), 1, TFL_VERSION_MAX, NULL},
	{"time", TFL_PARAM_UINT64, false, TO(time), 1, INT64_MAX, NULL},
};

static const struct tfl_param_table table = TFL_PARAM_TABLE(rows, struct wire_sample);

static int parse_tolerance(struct tfl_slice value, double *ret_tolerance, struct tfl_error *error)
{
	struct tfl_reader reader = tfl_reader_of(value);
	int r;

	*ret_tolerance = TFL_SAMPLE_TOLERANCE;
	if (!value.data)
		return 0;
	r = tfl_reader_double(&reader, "'tolerance'", ret_tolerance, error);
	if (r == 0 && !(*ret_tolerance >= 0))
		return tfl_error_set(error, -EINVAL, "'tolerance' must be at least 0");
	return r;
}

int tfl_sample_parse(struct tfl_slice bytes, struct tfl_sample *ret_sample, struct tfl_error *error)
{
	struct tfl_sample sample = {.request.head.dtype = TFL_DTYPE_COUNT};
	struct wire_sample wire;
	int r;

	r = tfl_reader_validate(bytes, error);
	if (r == 0)
		r = tfl_params_parse(&table, bytes, NULL, &wire, error);
	if (r == 0)
		r = parse_tolerance(wire.tolerance, &sample.tolerance, error);
	if (r == 0)
		r = tfl_tensor_list_parse(&wire.inputs, TFL_TENSOR_INPUT, "inputs", &sample.request.inputs, error);
	if (r == 0)
		r = tfl_tensor_list_parse(&wire.outputs, TFL_TENSOR_INPUT, "outputs", &sample.request.outputs, error);
	if (r < 0) {
		tfl_sample_finish(&sample);
		return r;
	}
	sample.version = wire.version;
	sample.time = wire.time;
	*ret_sample = sample;
	return 0;
}

void tfl_sample_finish(struct tfl_sample *sample)
{
	tfl_infer_request_finish(&sample->request);
}

bool tfl_sample_named(const char *name)
{
	const size_t length = strlen(name), suffix = sizeof(TFL_SAMPLE_SUFFIX) - 1;

	return name[0] != '.' && length > suffix && strcmp(name + length - suffix, TFL_SAMPLE_SUFFIX) == 0;
}

void tfl_sample_write(struct tfl_writer *writer, const struct tfl_tensor_list *inputs, const struct tfl_wire_tensor *outputs,
		      uint32_t output_count, uint64_t version, uint64_t time)
{
	const struct wire_sample wire = {.format = FORMAT, .version = version, .time = time};

	tfl_writer_begin(writer);
	tfl_writer_map(writer, tfl_params_count(&table, &wire) + 1 + (output_count > 0));
	tfl_params_write(&table, &wire, writer);
	tfl_writer_text(writer, "inputs");
	tfl_writer_array(writer, inputs->count);
	for (uint32_t i = 0; i < inputs->count; i++)
		tfl_wire_tensor_write(writer, tfl_tensor_list_at(inputs, i));
	if (output_count == 0)
		return;
	tfl_writer_text(writer, "outputs");
	tfl_writer_array(writer, output_count);
	for (uint32_t i = 0; i < output_count; i++)
		tfl_wire_tensor_write(writer, &outputs[i]);
}
