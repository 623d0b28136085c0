/* SPDX-License-Identifier: MIT */
/*
 * Who administered what, and what came of it: one entry of the journal, with an id of its own, for each call of a method that needs the
 * right to administer. A call that is answered later is told when it is answered, so that its entry says the result.
 *
 * Calls that are refused for want of that right cost their caller nothing, so of each user only some are told, and how many were left out
 * is told later. Only what the kernel knows of a caller is told, not what it says of itself.
 *
 * Lifetime: one, made by the server. Thread: loop thread; nothing here waits, nor looks anything up.
 */
#ifndef DAEMON_AUDIT_H
#define DAEMON_AUDIT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"

struct tfl_audit;
struct tfl_call;
struct tfl_error;

/* A call as it is told. Plain data, for whoever answers it later. */
struct tfl_audited {
	const char *method; /* static; NULL: it is not told */
	uid_t uid;
	pid_t pid;
	char model[TFL_MODEL_NAME_MAX + 1]; /* "": none that could be one, likewise the next */
	char label[TFL_LABEL_MAX + 1];
	uint64_t version;
};

/** 0 or -ENOMEM. */
int tfl_audit_create(struct tfl_audit **ret_audit);

/** NULL is allowed. */
void tfl_audit_destroy(struct tfl_audit *audit);

/** What @p call, of @p method (static), asks for, as far as that can be read. */
void tfl_audited_read(const struct tfl_call *call, const char *method, struct tfl_audited *ret_audited);

/** It is answered: done (@p error NULL), or failed. Nothing for one that is not told. */
void tfl_audit_tell(const struct tfl_audited *audited, const struct tfl_error *error);

/** It was refused, as @p error says, at @p now_ns (CLOCK_MONOTONIC). */
void tfl_audit_refuse(struct tfl_audit *audit, const struct tfl_audited *audited, const struct tfl_error *error, uint64_t now_ns);

/** Tells what was left out since, each minute. */
void tfl_audit_settle(struct tfl_audit *audit);

#endif
