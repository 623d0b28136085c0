/* SPDX-License-Identifier: MIT */
/*
 * Interpreters of one program, lent to one thread at a time. Borrowing never waits and never allocates: the scheduler starts a job only
 * where an instance is free. Whoever borrows one finds it as new: of a model with state, each loan begins with a first run.
 *
 * Lifetime: destroyed when every interpreter is back. Thread: borrow and give back from any thread.
 */
#ifndef RUNTIME_POOL_H
#define RUNTIME_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tfl_error;
struct tfl_interpreter;
struct tfl_pool;
struct tfl_program;

/**
 * Creates @p instances interpreters (1 to TFL_INSTANCES_MAX). @p program stays the caller's and outlives the pool. -ECANCELED when
 * @p cancelled (may be NULL) is set between two of them.
 */
int tfl_pool_create(struct tfl_program *program, unsigned instances, const atomic_bool *cancelled, struct tfl_pool **ret_pool,
		    struct tfl_error *error);
void tfl_pool_destroy(struct tfl_pool *pool);

/** An idle interpreter, the one used last first (its memory is warm), or NULL when all are lent. */
struct tfl_interpreter *tfl_pool_borrow(struct tfl_pool *pool);
void tfl_pool_return(struct tfl_pool *pool, struct tfl_interpreter *interpreter);

unsigned tfl_pool_instances(const struct tfl_pool *pool);

/** Bytes that the instances own together now, with what requests have made them take; shared weights are the program's. */
size_t tfl_pool_bytes(const struct tfl_pool *pool);

/** Of these, the latter. */
size_t tfl_pool_late_bytes(const struct tfl_pool *pool);

#endif
