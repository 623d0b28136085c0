/* SPDX-License-Identifier: MIT */
/* The rows of all operators, one file test_kernels_*.c a family; test_kernels.c runs them. */
#ifndef TESTS_RUNTIME_KERNEL_ROWS_H
#define TESTS_RUNTIME_KERNEL_ROWS_H

#include "tests/runtime/kernel_case.h"

#define KERNEL_ROWS(X) \
	X(add) \
	X(average_pool_2d) \
	X(concatenation) \
	X(conv_2d) \
	X(depthwise_conv_2d) \
	X(dequantize) \
	X(detection_post_process) \
	X(fully_connected) \
	X(log_softmax) \
	X(logistic) \
	X(max_pool_2d) \
	X(mean) \
	X(mul) \
	X(pad) \
	X(quantize) \
	X(reduce_all) \
	X(reduce_any) \
	X(reduce_max) \
	X(reduce_min) \
	X(reduce_prod) \
	X(relu) \
	X(relu6) \
	X(relu_0_to_1) \
	X(relu_n1_to_1) \
	X(reshape) \
	X(resize_bilinear) \
	X(resize_nearest_neighbor) \
	X(softmax) \
	X(squeeze) \
	X(sub) \
	X(sum) \
	X(tanh) \
	X(transpose)

#define X(name) extern const struct kernel_row kernel_##name;
KERNEL_ROWS(X)
#undef X

#endif
