/* SPDX-License-Identifier: MIT */
/*
 * The way from a picture to a label as the model's own metadata describes it: normalise with its mean and deviation, quantise with the
 * input's scale, run, dequantise, take the largest.
 */
#include "models/digits/classifier.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "models/digits/draw.h"
#include "runtime/interpreter.h"
#include "runtime/model.h"
#include "runtime/program.h"
#include "runtime/quant.h"

#define CLASSES 10

struct classifier {
	struct tfl_model *model;
	struct tfl_program *program;
	struct tfl_interpreter *interpreter;
	const struct tfl_io *input, *output;
	const struct tfl_unit *norm;
};

static int check_shape(struct classifier *c, struct tfl_error *error)
{
	uint32_t inputs, outputs;

	c->input = tfl_program_inputs(c->program, &inputs);
	c->output = tfl_program_outputs(c->program, &outputs);
	if (inputs != 1 || outputs != 1 || c->input->elements != DIGIT_PIXELS || c->output->elements != CLASSES)
		return tfl_error_set(error, -EINVAL, "not a digits model: it wants one input of %d values and one output of %d", DIGIT_PIXELS,
				     CLASSES);
	c->norm = tfl_metadata_unit(c->model->metadata.inputs, TFL_UNIT_NORMALIZATION);
	if (!c->norm || c->norm->count != 1)
		return tfl_error_set(error, -EINVAL, "not a digits model: its metadata has no normalisation for one channel");
	return 0;
}

int classifier_open(const char *path, struct classifier **ret_classifier, struct tfl_error *error)
{
	struct classifier *c = calloc(1, sizeof(*c));
	_tfl_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (!c || fd < 0) {
		free(c);
		return tfl_error_set(error, fd < 0 ? -errno : -ENOMEM, "%s: %s", path, strerror(fd < 0 ? errno : ENOMEM));
	}
	r = tfl_model_open(fd, &c->model, error);
	if (!r)
		r = tfl_program_create(c->model, &(struct tfl_program_options){0}, &c->program, error);
	if (!r)
		r = tfl_interpreter_create(c->program, &c->interpreter, error);
	if (!r)
		r = check_shape(c, error);
	if (r < 0) {
		classifier_destroy(c);
		return r;
	}
	*ret_classifier = c;
	return 0;
}

void classifier_destroy(struct classifier *c)
{
	if (!c)
		return;
	tfl_interpreter_destroy(c->interpreter);
	tfl_program_destroy(c->program);
	tfl_model_destroy(c->model);
	free(c);
}

const struct tfl_model *classifier_model(const struct classifier *c)
{
	return c->model;
}

const struct tfl_program *classifier_program(const struct classifier *c)
{
	return c->program;
}

const struct tfl_interpreter *classifier_interpreter(const struct classifier *c)
{
	return c->interpreter;
}

static int load_input(struct classifier *c, const uint8_t *pixels)
{
	void *input = tfl_interpreter_input(c->interpreter, 0);
	float values[DIGIT_PIXELS];

	for (int i = 0; i < DIGIT_PIXELS; i++)
		values[i] = ((float)pixels[i] - c->norm->mean[0]) / c->norm->std[0];
	if (c->input->quantized)
		return tfl_quantize(c->input->dtype, c->input->scale, c->input->zero_point, values, DIGIT_PIXELS, input);
	memcpy(input, values, sizeof(values));
	return 0;
}

static int read_output(struct classifier *c, float ret_values[CLASSES])
{
	const void *output = tfl_interpreter_output(c->interpreter, 0);

	if (c->output->quantized)
		return tfl_dequantize(c->output->dtype, c->output->scale, c->output->zero_point, output, CLASSES, ret_values);
	memcpy(ret_values, output, CLASSES * sizeof(*ret_values));
	return 0;
}

int classifier_run(struct classifier *c, const uint8_t *pixels, int *ret_class, float *ret_probability, struct tfl_error *error)
{
	float values[CLASSES];
	int best = 0, r;

	r = load_input(c, pixels);
	if (!r)
		r = tfl_interpreter_invoke(c->interpreter, NULL, error);
	if (!r)
		r = read_output(c, values);
	if (r < 0)
		return r;
	for (int i = 1; i < CLASSES; i++)
		best = values[i] > values[best] ? i : best;
	*ret_class = best;
	*ret_probability = values[best];
	return 0;
}
