/* SPDX-License-Identifier: MIT */
/* How a call of the library ends: status, sentence and the errno that belongs to the status. Internal. */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include "client/tflclient.h"

/** The errno of @p status, as the public header lists them; 0 for TFL_OK. */
int tfl_status_errno(enum tfl_status status);

/** Fills @p error (may be NULL) and returns -errno of @p status, which is not TFL_OK. */
int tfl_call_fail(struct tfl_call_error *error, enum tfl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

struct tfl_failure;

/** Hands on what the daemon said about why a call, or the whole connection, failed. */
int tfl_call_report(struct tfl_call_error *error, const struct tfl_failure *failure);

/** RESOURCE_EXHAUSTED and -ENOMEM. */
int tfl_call_no_memory(struct tfl_call_error *error);

#endif
