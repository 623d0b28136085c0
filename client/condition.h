/* SPDX-License-Identifier: MIT */
/* What is wrong with the daemon at the moment though it serves, and what waits to be in force, out of its answers to health and stats. */
#ifndef CLIENT_CONDITION_H
#define CLIENT_CONDITION_H

#include "client/tflclient.h"

/**
 * A paragraph for each of the answer's "conditions": what it is about, how long it has been so, and the daemon's words. A line for what was
 * configured and is not in force yet.
 */
void ctl_conditions_print(const struct tfl_value *value);

#endif
