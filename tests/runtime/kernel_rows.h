/* SPDX-License-Identifier: MIT */
/* The rows of all operators, one file test_kernels_*.c a family; test_kernels.c runs them. */
#ifndef TESTS_RUNTIME_KERNEL_ROWS_H
#define TESTS_RUNTIME_KERNEL_ROWS_H

#include "tests/runtime/kernel_case.h"

#define KERNEL_ROWS(X) \
	X(abs) \
	X(add) \
	X(arg_max) \
	X(arg_min) \
	X(atan2) \
	X(average_pool_2d) \
	X(batch_matmul) \
	X(cast) \
	X(ceil) \
	X(concatenation) \
	X(conv_2d) \
	X(convolution_2d_transpose_bias) \
	X(cos) \
	X(cumsum) \
	X(densify) \
	X(depthwise_conv_2d) \
	X(dequantize) \
	X(detection_post_process) \
	X(div) \
	X(dynamic_update_slice) \
	X(elu) \
	X(embedding_lookup) \
	X(equal) \
	X(exp) \
	X(expand_dims) \
	X(floor) \
	X(floor_div) \
	X(floor_mod) \
	X(fully_connected) \
	X(gather) \
	X(gather_nd) \
	X(gelu) \
	X(greater) \
	X(greater_equal) \
	X(hard_swish) \
	X(l2_normalization) \
	X(l2_pool_2d) \
	X(leaky_relu) \
	X(less) \
	X(less_equal) \
	X(local_response_normalization) \
	X(log) \
	X(log_softmax) \
	X(logical_and) \
	X(logical_not) \
	X(logical_or) \
	X(logistic) \
	X(max_pool_2d) \
	X(maximum) \
	X(mean) \
	X(minimum) \
	X(mirror_pad) \
	X(mul) \
	X(neg) \
	X(not_equal) \
	X(one_hot) \
	X(pack) \
	X(pad) \
	X(padv2) \
	X(pow) \
	X(prelu) \
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
	X(reverse_v2) \
	X(round) \
	X(rsqrt) \
	X(scatter_nd) \
	X(select) \
	X(select_v2) \
	X(sign) \
	X(sin) \
	X(slice) \
	X(softmax) \
	X(split) \
	X(split_v) \
	X(sqrt) \
	X(square) \
	X(squared_difference) \
	X(squeeze) \
	X(strided_slice) \
	X(sub) \
	X(sum) \
	X(tanh) \
	X(topk_v2) \
	X(transpose) \
	X(transpose_conv) \
	X(unpack)

#define X(name) extern const struct kernel_row kernel_##name;
KERNEL_ROWS(X)
#undef X

#endif
