/* SPDX-License-Identifier: MIT */
/* Models that can be called for several things, by the names of their signatures. */
#ifndef TESTS_SYSTEM_SIGNATURE_MODEL_H
#define TESTS_SYSTEM_SIGNATURE_MODEL_H

#include "tests/system/models.h"

#define SIGNATURES_CLASSES 4

enum signature_model {
	SIGNATURES_CLASSIFY, /* "classify" alone: a softmax over each row of a batch of any size */
	SIGNATURES_NARROW,   /* the same, but made for one row only, though its shape_signature says otherwise */
	SIGNATURES_ALL,      /* also "add" to a sum and "recall" it, "choose" (where a mask of any size holds), and "train", which cannot be run */
};

struct model_file model_signatures(enum signature_model kind);

#endif
