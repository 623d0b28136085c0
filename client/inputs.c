/* SPDX-License-Identifier: MIT */
/*
 * Which file is for which input: named ones first, then the picture for the input that suits it best, then the others in order.
 */
#include "client/inputs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"

static enum tfl_norm norm_of(const char *text)
{
	static const char *const names[] = {
		[TFL_NORM_AUTO] = "auto", [TFL_NORM_RAW] = "raw", [TFL_NORM_UNIT] = "unit", [TFL_NORM_SIGNED] = "signed"};

	for (unsigned i = 0; text && i < TFL_ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0)
			return (enum tfl_norm)i;
	}
	return TFL_NORM_AUTO;
}

static const struct tfl_value *described(const struct ctl_inputs *inputs, size_t index)
{
	return tfl_value_at(inputs->signature->inputs, index);
}

/*
 * By what a person calls an input: in a signature first by its names, which are what signatures are for, else first by the tensors'. The
 * number comes last.
 */
#define NAME_WAYS 3

static const char *name_of(const struct ctl_inputs *inputs, size_t index, unsigned way, char number[24])
{
	const struct tfl_value *input = tfl_value_at(inputs->signature->called, index);

	snprintf(number, 24, "%zu", index);
	if (way == 2)
		return number;
	return tfl_value_string(tfl_value_get(input, (way == 0) == (inputs->signature->name != NULL) ? "signature_name" : "name"), "");
}

static int no_such_input(const struct ctl_inputs *inputs, const char *name, int length, struct tfl_error *error)
{
	char known[TFL_ERROR_TEXT_MAX] = "", number[24];
	size_t used = 0;

	for (size_t i = 0; i < inputs->count && used < sizeof(known); i++) {
		const char *called = name_of(inputs, i, 0, number);

		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 *called ? called : name_of(inputs, i, 1, number));
	}
	return tfl_error_set(error, -EINVAL, "%s has no input '%.*s'; it has: %s", inputs->model, length, name, known);
}

/* How well an input suits a picture: best where the metadata says that it is one, else where it has such a shape. */
static unsigned picture_rank(const struct tfl_value *input)
{
	struct ctl_tensor tensor;

	if (ctl_tensor_read(input, &tensor, NULL) < 0)
		return 0;
	return tensor.image ? 2 : ctl_tensor_is_picture(&tensor);
}

/* The first input that has nothing yet; for a picture, the first of those that suit it best. 1 where all have something. */
static int choose_free(const struct ctl_inputs *inputs, bool picture, size_t *ret_index)
{
	int best = -1;

	for (size_t i = 0; i < inputs->count; i++) {
		int rank = picture ? (int)picture_rank(described(inputs, i)) : 0;

		if (inputs->given[i].memory || rank <= best)
			continue;
		best = rank;
		*ret_index = i;
	}
	return best < 0 ? 1 : 0;
}

/*
 * "NAME=FILE" where NAME is that of an input, or its number: that input and FILE. Else the whole text is a file, for the first
 * input that has nothing yet; a file of such a name has to exist.
 */
static int choose_input(const struct ctl_inputs *inputs, const char *text, bool picture, size_t *ret_index, const char **ret_path,
			struct tfl_error *error)
{
	const char *equals = strchr(text, '=');
	size_t count = inputs->count, length = equals ? (size_t)(equals - text) : 0;
	char number[24];

	for (size_t i = 0; length > 0 && i < NAME_WAYS * count; i++) {
		const char *name = name_of(inputs, i % count, (unsigned)(i / count), number);

		if (strlen(name) == length && memcmp(name, text, length) == 0) {
			*ret_index = i % count;
			*ret_path = equals + 1;
			return 0;
		}
	}
	if (length > 0 && !memchr(text, '/', length) && access(text, F_OK) < 0)
		return no_such_input(inputs, text, (int)length, error);
	if (choose_free(inputs, picture, ret_index) == 0) {
		*ret_path = text;
		return 0;
	}
	return tfl_error_set(error, -EINVAL, "'%s' is one input too many: %s has %zu", text, inputs->model, count);
}

static int add_input(struct ctl_inputs *inputs, const struct ctl_input_options *options, const char *text, bool picture,
		     struct tfl_error *error)
{
	struct ctl_tensor tensor;
	struct ctl_input input;
	const char *path = NULL;
	size_t index = 0;
	int r;

	r = choose_input(inputs, text, picture, &index, &path, error);
	if (r == 0)
		r = ctl_tensor_read(described(inputs, index), &tensor, error);
	if (r < 0)
		return r;
	tensor.shared = inputs->shared;
	r = picture ? ctl_input_picture(&tensor, path, norm_of(options->norm), options->crop, &input, error) :
		      ctl_input_file(&tensor, path, &input, error);
	if (r < 0)
		return r;
	ctl_input_finish(&inputs->given[index]);
	inputs->given[index] = input;
	if (picture)
		inputs->frame = &inputs->given[index].frame;
	return 0;
}

int ctl_inputs_init(struct ctl_inputs *inputs, const char *model, const struct ctl_signature *signature, struct tfl_error *error)
{
	size_t count = tfl_value_size(signature->inputs);
	struct ctl_input *given = calloc(count + 1, sizeof(*given)) /* a model may have none */;

	if (!given)
		return tfl_error_set(error, -ENOMEM, "no memory for inputs");
	*inputs = (struct ctl_inputs){.model = model, .signature = signature, .count = count, .given = given};
	return 0;
}

void ctl_inputs_finish(struct ctl_inputs *inputs)
{
	for (size_t i = 0; inputs->given && i < inputs->count; i++)
		ctl_input_finish(&inputs->given[i]);
	free(inputs->given);
	*inputs = (struct ctl_inputs){0};
}

int ctl_inputs_read(struct ctl_inputs *inputs, const struct ctl_input_options *options, struct tfl_error *error)
{
	int r = 0;

	for (unsigned i = 0; i < options->in.count && r == 0; i++) /* named ones may leave the first to the picture */
		if (strchr(options->in.items[i], '='))
			r = add_input(inputs, options, options->in.items[i], false, error);
	if (r == 0 && options->image)
		r = add_input(inputs, options, options->image, true, error);
	for (unsigned i = 0; i < options->in.count && r == 0; i++)
		if (!strchr(options->in.items[i], '='))
			r = add_input(inputs, options, options->in.items[i], false, error);
	return r;
}

/* Numbers that look alike on every machine. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32);
}

/*
 * One element: numbers from 0 to 1 for floats, any for types of up to 16 bits. Wider integers stay 0, since they are indices as a rule, and
 * few would be within bounds.
 */
static void random_element(enum tfl_dtype dtype, uint64_t *state, uint8_t *element)
{
	uint32_t bits = next_random(state);
	float number = (float)(bits >> 8) / (1 << 24);
	double wide = number;
	uint16_t half = (uint16_t)(0x3800 | (bits >> 22)); /* 0.5 to 1, as float16 has it */

	if (dtype == TFL_FLOAT32)
		memcpy(element, &number, sizeof(number));
	else if (dtype == TFL_FLOAT64)
		memcpy(element, &wide, sizeof(wide));
	else if (dtype == TFL_FLOAT16)
		memcpy(element, &half, sizeof(half));
	else if (dtype == TFL_BOOL)
		*element = bits >> 31;
	else if (tfl_dtype_size(dtype) <= 2)
		memcpy(element, &bits, tfl_dtype_size(dtype));
}

static int generate(const struct ctl_tensor *tensor, uint64_t *state, struct ctl_input *ret_input, struct tfl_error *error)
{
	struct ctl_input input = {.dtype = tensor->dtype, .rank = tensor->rank, .bytes = tensor->bytes};
	size_t size = tfl_dtype_size(tensor->dtype);

	if (size == 0)
		return tfl_error_set(error, -EINVAL, "input '%s' is of type %s, for which nothing can be made up", tensor->name,
				     tfl_dtype_to_string(tensor->dtype));
	input.memory = calloc(1, tensor->bytes + 1);
	if (!input.memory)
		return tfl_error_set(error, -ENOMEM, "no memory for the %zu bytes of input '%s'", tensor->bytes, tensor->name);
	for (size_t at = 0; state && at < tensor->bytes; at += size)
		random_element(tensor->dtype, state, input.memory + at);
	input.data = input.memory;
	memcpy(input.dims, tensor->dims, sizeof(input.dims));
	*ret_input = input;
	return 0;
}

int ctl_inputs_generate(struct ctl_inputs *inputs, uint64_t *state, struct tfl_error *error)
{
	struct ctl_tensor tensor;
	int r = 0;

	for (size_t i = 0; i < inputs->count && r == 0; i++) {
		if (inputs->given[i].memory)
			continue;
		r = ctl_tensor_read(described(inputs, i), &tensor, error);
		if (r == 0)
			r = generate(&tensor, state, &inputs->given[i], error);
	}
	return r;
}

int ctl_inputs_set(const struct ctl_inputs *inputs, struct tfl_infer *infer)
{
	int r = tfl_infer_set_signature(infer, inputs->signature->name);

	for (unsigned i = 0; i < inputs->count && r == 0; i++) {
		const struct ctl_input *input = &inputs->given[i];

		if (input->memory)
			r = tfl_infer_set_input(infer, i, input->dtype, input->dims, input->rank, input->data, input->bytes);
	}
	return r;
}
