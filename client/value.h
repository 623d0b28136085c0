/* SPDX-License-Identifier: MIT */
/* Makes the trees that management calls return. Internal; the public part stands in tflclient.h. */
#ifndef CLIENT_VALUE_H
#define CLIENT_VALUE_H

#include "client/tflclient.h"
#include "proto/view.h"

/**
 * Decodes one encoded value that tfl_message_parse() has validated. On success *ret_root is the caller's. PROTOCOL_ERROR for what cannot
 * be a tree after all, -ENOMEM.
 */
int tfl_value_decode(struct tfl_slice encoded, struct tfl_value **ret_root, struct tfl_call_error *error);

#endif
