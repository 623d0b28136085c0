/* SPDX-License-Identifier: MIT */
/* MINIMUM and MAXIMUM, with broadcasting. Quantised elements are compared as they are, as TensorFlow Lite does, whatever their scales. */
#include "runtime/kernel_binary.h"

#define LESSER(binary, left, right) ((left) < (right) ? (left) : (right))
#define GREATER(binary, left, right) ((left) > (right) ? (left) : (right))

#define LOOPS(name, function) \
	TFL_BINARY_QUANTIZED_LOOPS(name, function) \
	TFL_BINARY_LOOP(name##_float32s, float, float, function) \
	TFL_BINARY_LOOP(name##_int32s, int32_t, int32_t, function) \
	TFL_BINARY_LOOP(name##_int64s, int64_t, int64_t, function)

#define KERNEL(name, operator) \
	.loops = {[TFL_FLOAT32] = name##_float32s, [TFL_INT8] = name##_int8s, [TFL_UINT8] = name##_uint8s, [TFL_INT16] = name##_int16s, \
		  [TFL_INT32] = name##_int32s, [TFL_INT64] = name##_int64s}, \
	.raw = true, .xnnpack = operator

LOOPS(minimum, LESSER)
LOOPS(maximum, GREATER)

static const struct tfl_binary_kernel minimum_kernel = {KERNEL(minimum, xnn_binary_minimum)};
static const struct tfl_binary_kernel maximum_kernel = {KERNEL(maximum, xnn_binary_maximum)};

const struct tfl_op tfl_op_maximum = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_MAXIMUM,
	.options = TFL_OPTIONS_MAXIMUM_MINIMUM,
	.max_version = 4,
	.name = "MAXIMUM",
	.types = "ff:f bb:b BB:B ss:s ii:i ll:l",
	.lower = tfl_binary_lower,
	.kernel = &maximum_kernel,
};

const struct tfl_op tfl_op_minimum = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_MINIMUM,
	.options = TFL_OPTIONS_MAXIMUM_MINIMUM,
	.max_version = 4,
	.name = "MINIMUM",
	.types = "ff:f bb:b BB:B ss:s ii:i ll:l",
	.lower = tfl_binary_lower,
	.kernel = &minimum_kernel,
};
