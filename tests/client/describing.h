/* SPDX-License-Identifier: MIT */
/* What a fake daemon says of a model, written as JSON, so that a test shows the answer that it is about. */
#ifndef TESTS_CLIENT_DESCRIBING_H
#define TESTS_CLIENT_DESCRIBING_H

#include <stdint.h>

struct tfl_writer;

/**
 * Writes the reply to request @p msgid, whose result is what the JSON @p text says; ends the test where that is none. A single quote stands for
 * a double one.
 */
void write_json_reply(struct tfl_writer *writer, uint32_t msgid, const char *text);

#endif
