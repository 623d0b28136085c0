/* SPDX-License-Identifier: MIT */
/*
 * Constants stored sparse: the same content, laid out as a seed says. Dimensions are nested in any order, some in blocks, some compressed,
 * with lists of any width, and now and then an element is listed that is 0.
 */
#ifndef TESTS_RUNTIME_KERNEL_SPARSE_H
#define TESTS_RUNTIME_KERNEL_SPARSE_H

#include "tests/runtime/kernel_case.h"

struct kernel_sparse {
	struct tfl_build_sparsity sparsity;
	struct tfl_build_level levels[2 * TFL_RANK_MAX];
	int32_t order[2 * TFL_RANK_MAX], block_map[TFL_RANK_MAX];
	void *data; /* the listed elements */
	size_t size;
};

/** Makes a constant sparse: most elements become 0. */
void kernel_make_sparse(struct kernel_case *c, struct kernel_tensor *tensor);

/** Lays a tensor out as its seed says. The caller finishes it. */
void kernel_sparse_init(struct kernel_sparse *sparse, const struct kernel_tensor *tensor);
void kernel_sparse_finish(struct kernel_sparse *sparse);

#endif
