/* SPDX-License-Identifier: MIT */
/* ELU: x, or exp(x) - 1 where x is negative. */
#include <math.h>

#include "runtime/kernel_unary.h"

static float elu(const struct tfl_unary *unary, float value)
{
	return value < 0 ? expm1f(value) : value;
}

TFL_UNARY_LOOP(elu_float32s, float, elu)

static const struct tfl_unary_kernel elu_kernel = {
	.loops = {[TFL_FLOAT32] = elu_float32s},
	.real = elu,
	.xnnpack = xnn_unary_elu,
	.params = {.elu = {1}},
	.xnnpack_bytes = true,
};

const struct tfl_op tfl_op_elu = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_ELU,
	.max_version = 1,
	.name = "ELU",
	.types = "f:f b:b",
	.lower = tfl_unary_lower,
	.kernel = &elu_kernel,
};
