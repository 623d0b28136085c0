/* SPDX-License-Identifier: MIT */
#include "tests/runtime/kernel_dynamic.h"

#include <math.h>

struct kernel_dynamic kernel_dynamic(const struct kernel_tensor *input, size_t first, size_t count, bool asymmetric)
{
	struct kernel_dynamic dynamic = {.scale = 1};
	double min = 0, max = 0, lower, upper;

	for (size_t i = first; i < first + count; i++) {
		min = fmin(min, kernel_real(input, i));
		max = fmax(max, kernel_real(input, i));
	}
	if (min == max)
		return dynamic;
	dynamic.step = (max - min) / 255 + fmax(-min, max) / 127;
	if (!asymmetric) {
		dynamic.scale = fmax(-min, max) / 127;
		return dynamic;
	}
	dynamic.scale = (max - min) / 255;
	lower = -128 - min / dynamic.scale;
	upper = 127 - max / dynamic.scale;
	dynamic.zero_point = (int64_t)round(128 + fabs(min / dynamic.scale) < 127 + fabs(max / dynamic.scale) ? lower : upper);
	return dynamic;
}

int64_t kernel_dynamic_element(const struct kernel_dynamic *dynamic, const struct kernel_tensor *input, size_t index)
{
	double steps = round(kernel_real(input, index) / dynamic->scale);

	return (int64_t)kernel_clamp(steps, (double)(-128 - dynamic->zero_point), (double)(127 - dynamic->zero_point));
}
