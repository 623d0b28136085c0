/* SPDX-License-Identifier: MIT */
/* An output element is told by the input element that it comes from, so the scale is the same on both sides. */
#include "tests/runtime/kernel_movement.h"

bool movement_is_known(const struct kernel_case *c)
{
	return c->type == 'f' || c->type == 'b' || c->type == 'B';
}

unsigned movement_draw_dims(struct kernel_case *c, unsigned min_rank, unsigned max_rank, int32_t *ret_dims)
{
	unsigned rank = (unsigned)kernel_between(c, (int32_t)min_rank, (int32_t)max_rank);

	for (unsigned i = 0; i < rank; i++)
		ret_dims[i] = kernel_between(c, 1, kernel_one_in(c, 6) ? 9 : 3);
	return rank;
}

void movement_draw_input(struct kernel_case *c, unsigned index, unsigned rank, const int32_t *dims)
{
	struct kernel_tensor *input = &c->inputs[index];

	kernel_draw_tensor(c, input, c->output.dtype, rank, dims);
	for (unsigned i = 0; i < c->output_count; i++) {
		c->outputs[i].dtype = c->output.dtype;
		kernel_copy_quantization(&c->outputs[i], input);
	}
	input->constant = kernel_one_in(c, 8);
	if (c->input_count <= index)
		c->input_count = index + 1;
}

struct kernel_element movement_element(const struct kernel_tensor *input, size_t from)
{
	return (struct kernel_element){.value = kernel_number(input, from)};
}

void movement_refer_same(const struct kernel_tensor *input, struct kernel_expected *expected, unsigned rank, const int32_t *dims)
{
	kernel_expect_shape(expected, rank, dims);
	for (size_t i = 0; i < expected->elements; i++)
		expected->element[i] = movement_element(input, i);
}

int32_t movement_draw_sign(struct kernel_case *c, int32_t axis, unsigned rank)
{
	return kernel_one_in(c, 3) ? axis - (int32_t)rank : axis;
}

unsigned movement_axis(int32_t axis, unsigned rank)
{
	return (unsigned)(axis < 0 ? axis + (int32_t)rank : axis);
}
