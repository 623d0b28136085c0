/* SPDX-License-Identifier: MIT */
/*
 * A reply to come, of a request that is answered when the loader is done, which can be long after. Until then it holds the channel, counts
 * as one of its user's in flight, and remembers its msgid; the connection itself may be gone by then. Loop thread.
 */
#ifndef DAEMON_ERRAND_H
#define DAEMON_ERRAND_H

#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "daemon/audit.h"

struct tfl_call;
struct tfl_channel;
struct tfl_model_params;
struct tfl_server;

struct tfl_errand {
	struct tfl_server *server;
	struct tfl_channel *channel;
	uint32_t msgid;
	struct tfl_audited audited;
	char model[TFL_MODEL_NAME_MAX + 1];
	char label[TFL_LABEL_MAX + 1]; /* "" where the request names none */
	struct tfl_error error; /* the first one */
	unsigned open;          /* versions that are not done */
	unsigned count;
	uint64_t numbers[TFL_VERSIONS_MAX];
};

/** Begins one. -ESHUTDOWN, -ENOMEM, or what the account says. */
int tfl_errand_begin(struct tfl_call *call, const struct tfl_model_params *params, struct tfl_errand **ret_errand, struct tfl_error *error);

/** Tells the audit, answers with what stands in the loop thread's writer, or with a failure, and ends it. */
void tfl_errand_answer(struct tfl_errand *errand);
void tfl_errand_fail(struct tfl_errand *errand, const struct tfl_error *error);

/** Ends one that did not come about: whoever began it answers. */
void tfl_errand_end(struct tfl_errand *errand);

#endif
