/* SPDX-License-Identifier: MIT */
/* What the suites of tests/proto share. */
#ifndef TESTS_PROTO_WIRE_H
#define TESTS_PROTO_WIRE_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/view.h"
#include "proto/writer.h"

/* The bytes of a string literal, without its NUL. */
#define BYTES(literal) ((struct tfl_slice){(const uint8_t *)(literal), sizeof(literal) - 1})

/* A refusal: the code and the whole sentence. */
#define ck_assert_refused(result, error, wanted_code, wanted_text) \
	do { \
		ck_assert_int_eq((result), (wanted_code)); \
		ck_assert_int_eq((error).code, (wanted_code)); \
		ck_assert_str_eq((error).text, (wanted_text)); \
	} while (0)

#define ck_assert_string(string, wanted) \
	ck_assert_msg(tfl_string_equal((string), (wanted)), "'%.*s' is not '%s'", TFL_STRING_ARGS(string), (wanted))

/** The body of the frame in @p writer, which must be whole, in memory of exactly that size. For wire_free(). */
struct tfl_slice wire_body(struct tfl_writer *writer);

/** @p slice copied into memory of exactly its size, so that a sanitizer sees what reads past its end. For wire_free(). */
struct tfl_slice wire_copy(struct tfl_slice slice);

void wire_free(struct tfl_slice slice);

/** Parses @p body, which must be a sound message. */
struct tfl_message wire_message(struct tfl_slice body);

/* A quota, as the daemon keeps one for a user. */
struct wire_account {
	size_t used;
	size_t most;    /* that was ever used */
	size_t quota;
	bool overdrawn; /* more was given back than was charged */
};

/** Charges to @p account. */
struct tfl_charge wire_charge(struct wire_account *account);

#endif
