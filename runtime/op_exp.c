/* SPDX-License-Identifier: MIT */
/* EXP and LOG. The logarithm of a quantised number that is not positive is the least that the output holds. */
#include <math.h>

#include "runtime/kernel_unary.h"

static float exp_real(const struct tfl_unary *unary, float value)
{
	return expf(value);
}

static float log_real(const struct tfl_unary *unary, float value)
{
	return logf(value);
}

static float log_quantized(const struct tfl_unary *unary, float value)
{
	return value > 0 ? logf(value) : (float)(unary->range.quantized_min - unary->output_zero_point) * unary->output_scale;
}

/* On ARM XNNPACK's logarithm of NaN is a number, 88.8: what went wrong before it could not be seen in an answer. */
static bool log_fits(const struct tfl_unary *unary, const struct tfl_value *from, const struct tfl_value *to)
{
#ifdef __aarch64__
	return false;
#else
	return true;
#endif
}

TFL_UNARY_LOOP(exp_float32s, float, exp_real)
TFL_UNARY_LOOP(log_float32s, float, log_real)

static const struct tfl_unary_kernel exp_kernel = {
	.loops = {[TFL_FLOAT32] = exp_float32s},
	.real = exp_real,
	.xnnpack = xnn_unary_exp,
	.xnnpack_bytes = true,
};

static const struct tfl_unary_kernel log_kernel = {
	.loops = {[TFL_FLOAT32] = log_float32s},
	.real = log_quantized,
	.xnnpack = xnn_unary_log,
	.xnnpack_fits = log_fits,
};

const struct tfl_op tfl_op_exp = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_EXP,
	.options = TFL_OPTIONS_EXP,
	.max_version = 2,
	.name = "EXP",
	.types = "f:f b:b s:s",
	.lower = tfl_unary_lower,
	.kernel = &exp_kernel,
};

const struct tfl_op tfl_op_log = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_LOG,
	.max_version = 2,
	.name = "LOG",
	.types = "f:f b:b s:s",
	.lower = tfl_unary_lower,
	.kernel = &log_kernel,
};
