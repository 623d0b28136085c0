/* SPDX-License-Identifier: MIT */
/*
 * SAME: as many outputs as the stride has places on the input, padding as far as the last window needs it, the odd row at the end. VALID:
 * as many outputs as windows fit; counted here one by one.
 */
#include "tests/runtime/kernel_window.h"

#include "runtime/schema.h"

void kernel_draw_window(struct kernel_case *c, bool dilated)
{
	c->window.padding = kernel_one_in(c, 2) ? TFL_PADDING_SAME : TFL_PADDING_VALID;
	c->window.stride_h = kernel_one_in(c, 2) ? 1 : kernel_between(c, 1, 4);
	c->window.stride_w = kernel_one_in(c, 2) ? c->window.stride_h : kernel_between(c, 1, 4);
	c->window.dilation_h = dilated && kernel_one_in(c, 3) ? kernel_between(c, 2, 4) : 1;
	c->window.dilation_w = dilated && kernel_one_in(c, 3) ? kernel_between(c, 2, 4) : 1;
	c->activation = c->window.activation = (int8_t)(kernel_one_in(c, 2) ? TFL_ACTIVATION_NONE : kernel_between(c, 1, 3));
}

int32_t kernel_draw_extent(struct kernel_case *c, int32_t kernel, int32_t dilation)
{
	int32_t extent = kernel_between(c, 1, 9);

	return c->window.padding == TFL_PADDING_SAME ? extent : (kernel - 1) * dilation + extent;
}

int32_t kernel_slide(const struct kernel_case *c, int32_t input, int32_t kernel, int32_t stride, int32_t dilation, int32_t *ret_before)
{
	int64_t effective = (int64_t)(kernel - 1) * dilation + 1, missing;
	int32_t count = 0;

	if (c->window.padding == TFL_PADDING_VALID) {
		for (int64_t begin = 0; begin + effective <= input; begin += stride)
			count++;
		*ret_before = 0;
		return count;
	}
	for (int64_t begin = 0; begin < input; begin += stride)
		count++;
	missing = (int64_t)(count - 1) * stride + effective - input;
	*ret_before = missing > 0 ? (int32_t)(missing / 2) : 0;
	return count;
}
