/* SPDX-License-Identifier: MIT */
/* LOGICAL_AND, LOGICAL_OR, LOGICAL_NOT. Any byte but 0 counts as true; results are 0 and 1. */
#include "runtime/kernel_binary.h"
#include "runtime/kernel_unary.h"

#define AND(binary, left, right) ((left) != 0 && (right) != 0)
#define OR(binary, left, right) ((left) != 0 || (right) != 0)
#define NOT(unary, value) ((value) == 0)

TFL_BINARY_LOOP(and_bools, uint8_t, uint8_t, AND)
TFL_BINARY_LOOP(or_bools, uint8_t, uint8_t, OR)
TFL_UNARY_LOOP(not_bools, uint8_t, NOT)

static const struct tfl_binary_kernel logical_and_kernel = {.loops = {[TFL_BOOL] = and_bools}, .raw = true};
static const struct tfl_binary_kernel logical_or_kernel = {.loops = {[TFL_BOOL] = or_bools}, .raw = true};
static const struct tfl_unary_kernel logical_not_kernel = {.loops = {[TFL_BOOL] = not_bools}};

const struct tfl_op tfl_op_logical_and = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_LOGICAL_AND,
	.options = TFL_OPTIONS_LOGICAL_AND,
	.max_version = 1,
	.name = "LOGICAL_AND",
	.types = "zz:z",
	.kernel = &logical_and_kernel,
};

const struct tfl_op tfl_op_logical_or = {
	TFL_BINARY_OP,
	.code = TFL_BUILTIN_LOGICAL_OR,
	.options = TFL_OPTIONS_LOGICAL_OR,
	.max_version = 1,
	.name = "LOGICAL_OR",
	.types = "zz:z",
	.kernel = &logical_or_kernel,
};

const struct tfl_op tfl_op_logical_not = {
	TFL_UNARY_OP,
	.code = TFL_BUILTIN_LOGICAL_NOT,
	.options = TFL_OPTIONS_LOGICAL_NOT,
	.max_version = 1,
	.name = "LOGICAL_NOT",
	.types = "z:z",
	.kernel = &logical_not_kernel,
};
