/* SPDX-License-Identifier: MIT */
/*
 * A model for people: what it is and what its inputs and outputs mean. Reads the JSON that model.describe gives and that tflctl inspect
 * makes: keys as in doc/protocol.md, those that are missing or of another type count as not said.
 */
#ifndef CLIENT_MODEL_TEXT_H
#define CLIENT_MODEL_TEXT_H

#include <jansson.h>

/* Where the texts of the lines "about      …" begin. */
#define CTL_TEXT_INDENT 11

/** The lines about the model: name, description, author, licence, what is wrong with its metadata, files. */
void ctl_print_about(const json_t *model);

/** The lines "signatures encode: tokens → states", or why one cannot be run. */
void ctl_print_signatures(const json_t *model);

/**
 * The tables "inputs" and "outputs", and those of signatures that are other graphs ("inputs of encode"), a note below each tensor of which
 * there is more to say.
 */
void ctl_print_tensors(const json_t *model);

#endif
