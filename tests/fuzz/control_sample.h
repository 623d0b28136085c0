/* SPDX-License-Identifier: MIT */
/* See control_sample.c. */
#ifndef TESTS_FUZZ_CONTROL_SAMPLE_H
#define TESTS_FUZZ_CONTROL_SAMPLE_H

#include "tests/builder/builder.h"

void control_sample_build(struct tfl_builder *b);

#endif
