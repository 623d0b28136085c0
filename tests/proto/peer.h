/* SPDX-License-Identifier: MIT */
/* msgpack-c as a second opinion on what is a message. */
#ifndef TESTS_PROTO_PEER_H
#define TESTS_PROTO_PEER_H

#include <msgpack.h>
#include <stdbool.h>

#include "proto/view.h"

/** Whether msgpack-c can be given @p bytes: it allocates for 32-bit counts before it looks for the elements, so it is kept from them. */
bool peer_is_safe(struct tfl_slice bytes);

/**
 * Whether @p bytes are exactly one value to msgpack-c, and the value keeps to this protocol's rules (depth, entries of maps, keys, no
 * extension types). Leaves the value in @p unpacked, which the caller inits and destroys.
 */
bool peer_accepts(struct tfl_slice bytes, msgpack_unpacked *unpacked);

#endif
