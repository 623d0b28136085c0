/* SPDX-License-Identifier: MIT */
/* Sound files that nobody wants served: they verify, and ask for more than anybody has. */
#ifndef TESTS_BUILDER_HOSTILE_H
#define TESTS_BUILDER_HOSTILE_H

#include <stddef.h>
#include <stdint.h>

/* Each makes a file, malloc's, the caller's to free. 0 or -ENOMEM. */

/** Convolutions that take a processor seconds, in 6 MB. */
int tfl_hostile_slow(uint8_t **ret_data, size_t *ret_size);

/** 201 MB of activations in half a kilobyte: what the runtime allows any file. */
int tfl_hostile_large(uint8_t **ret_data, size_t *ret_size);

/** The square root of its input "x", float32 [1, 4], as "y": fine on zeros, NaN below. */
int tfl_hostile_root(uint8_t **ret_data, size_t *ret_size);

/** "x", float32 [1, 4], to "y", their absolute values: answers what that one does not. */
int tfl_hostile_before_root(uint8_t **ret_data, size_t *ret_size);

#endif
