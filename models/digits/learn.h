/* SPDX-License-Identifier: MIT */
/*
 * The network of models/digits while it learns: three convolutions and a fully connected layer, 19,178 parameters, cross entropy, Adam.
 * Single thread, one order of summation: the same seed and samples give the same parameters.
 */
#ifndef DIGITS_LEARN_H
#define DIGITS_LEARN_H

#include <stddef.h>
#include <stdint.h>

#include "tests/builder/net.h"

struct learner;

/** Random parameters from @p seed. NULL without memory. */
struct learner *learner_create(uint64_t seed);
void learner_destroy(struct learner *learner);

/** Probabilities of the ten classes for one image of 28 x 28 values in [0, 1]. */
void learner_predict(struct learner *learner, const float *image, float ret_probabilities[10]);

/** Mean loss over @p count images (0.28 at best), and its gradient, which learner_update() then follows once. */
float learner_gradient(struct learner *learner, const float *images, const int *labels, int count);
void learner_update(struct learner *learner, float rate);

/** The parameters and their last gradient, for a test that moves one and looks at the loss. *ret_count elements each. */
float *learner_parameters(struct learner *learner, size_t *ret_count);
const float *learner_gradients(const struct learner *learner);

/** The same network, with the present parameters, as layers that can be emitted. @p net is empty, and the caller's. 0 or -ENOMEM. */
int learner_export(const struct learner *learner, struct tfl_net *net);

#endif
