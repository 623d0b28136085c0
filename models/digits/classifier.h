/* SPDX-License-Identifier: MIT */
/* One of the two digits models, run through the runtime as a program would run it: grey values in, a class and its probability out. */
#ifndef DIGITS_CLASSIFIER_H
#define DIGITS_CLASSIFIER_H

#include <stdint.h>

struct classifier;
struct tfl_error;
struct tfl_interpreter;
struct tfl_model;
struct tfl_program;

/** Opens the file at @p path. 0, or -errno with a sentence in @p error. */
int classifier_open(const char *path, struct classifier **ret_classifier, struct tfl_error *error);
void classifier_destroy(struct classifier *classifier);

/** Normalises and, for an int8 model, quantises the 28 x 28 grey values, and runs the model. 0 or what the run reports. */
int classifier_run(struct classifier *classifier, const uint8_t *pixels, int *ret_class, float *ret_probability, struct tfl_error *error);

/** What it is made of: the file, the program, and the interpreter, whose output is that of the last run. */
const struct tfl_model *classifier_model(const struct classifier *classifier);
const struct tfl_program *classifier_program(const struct classifier *classifier);
const struct tfl_interpreter *classifier_interpreter(const struct classifier *classifier);

#endif
