/* SPDX-License-Identifier: MIT */
/*
 * MessagePack written as text, so that a test shows the message that it is about:
 *
 *	{model: 'digits', version: 3, inputs: [{index: 0, dtype: 'int8', shape: [2, 2], data: <4>}]}
 *
 * nil, true and false; numbers (with a point: floats); 'text' (no escapes: what stands between the quotes); <n> binary data of n bytes
 * 0, 1, 2, …; ext for an extension type; [arrays] and {maps} with bare or any other keys. value*n stands for n copies, key: value*n for n
 * pairs.
 */
#ifndef TESTS_PROTO_NOTATION_H
#define TESTS_PROTO_NOTATION_H

#include "proto/view.h"

/** Encodes one value; ends the test when the text is none. For wire_free(). */
struct tfl_slice notation_encode(const char *text);

#endif
