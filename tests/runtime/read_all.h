/* SPDX-License-Identifier: MIT */
#ifndef TESTS_RUNTIME_READ_ALL_H
#define TESTS_RUNTIME_READ_ALL_H

#include <stdint.h>

#include "runtime/model.h"

/** Reads every byte that the model refers to. The sum keeps the compiler from leaving it out. */
uint64_t model_read_all(const struct tfl_model *model);

#endif
