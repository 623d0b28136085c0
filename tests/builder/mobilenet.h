/* SPDX-License-Identifier: MIT */
/* Networks made from a seed: their shapes are real, their weights random, so that a benchmark needs no download. */
#ifndef TESTS_BUILDER_MOBILENET_H
#define TESTS_BUILDER_MOBILENET_H

#include <stdint.h>

#include "tests/builder/net.h"

/**
 * MobileNet v2 1.0/224: 65 operators, input [1, 224, 224, 3] in [-1, 1], output 1,001 probabilities. Weights are scaled layer by layer on
 * one random picture, so that activations neither die nor grow; the same run gives the ranges for int8. Takes about a second. @p net is
 * empty and is the caller's to finish, on failure too. 0 or -ENOMEM.
 */
int tfl_net_mobilenet_v2(struct tfl_net *net, uint64_t seed);

/** 16 floats in and out through two small layers, an addition and a softmax: an inference that costs next to nothing. */
int tfl_net_tiny(struct tfl_net *net, uint64_t seed);

#endif
