/* SPDX-License-Identifier: MIT */
/*
 * A stack of idle interpreters under a mutex that is held for a few instructions. The last one returned is lent first: its activations
 * are still in the cache. What its runs have left behind is taken back when it returns, in the time of whoever had it.
 */
#include "runtime/pool.h"

#include <errno.h>
#include <pthread.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "runtime/interpreter.h"
#include "runtime/program.h"

struct tfl_pool {
	pthread_mutex_t lock;
	bool stateful;
	unsigned instances, idle;
	size_t bytes;                  /* of all when they were made */
	struct tfl_interpreter **all;  /* in the order in which they were */
	struct tfl_interpreter *stack[]; /* the first `idle` are here */
};

int tfl_pool_create(struct tfl_program *program, unsigned instances, const atomic_bool *cancelled, struct tfl_pool **ret_pool,
		    struct tfl_error *error)
{
	struct tfl_pool *pool;
	int r;

	if (instances < 1 || instances > TFL_INSTANCES_MAX)
		return tfl_error_set(error, -EINVAL, "%u instances asked for; 1 to %u are possible", instances, TFL_INSTANCES_MAX);
	pool = calloc(1, sizeof(*pool) + 2 * instances * sizeof(struct tfl_interpreter *));
	if (!pool)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&pool->lock, NULL);
	pool->instances = instances;
	pool->all = pool->stack + instances;
	pool->stateful = tfl_program_stateful(program);
	while (pool->idle < instances) {
		if (cancelled && atomic_load(cancelled))
			r = tfl_error_set(error, -ECANCELED, "given up with %u of %u interpreters", pool->idle, instances);
		else
			r = tfl_interpreter_create(program, &pool->stack[pool->idle], error);
		if (r < 0) {
			tfl_pool_destroy(pool);
			return r;
		}
		pool->all[pool->idle] = pool->stack[pool->idle];
		pool->bytes += tfl_interpreter_bytes(pool->stack[pool->idle]) - tfl_interpreter_late_bytes(pool->stack[pool->idle]);
		pool->idle++;
	}
	*ret_pool = pool;
	return 0;
}

void tfl_pool_destroy(struct tfl_pool *pool)
{
	if (!pool)
		return;
	while (pool->idle > 0)
		tfl_interpreter_destroy(pool->stack[--pool->idle]);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

struct tfl_interpreter *tfl_pool_borrow(struct tfl_pool *pool)
{
	struct tfl_interpreter *interpreter = NULL;

	pthread_mutex_lock(&pool->lock);
	if (pool->idle > 0)
		interpreter = pool->stack[--pool->idle];
	pthread_mutex_unlock(&pool->lock);
	return interpreter;
}

void tfl_pool_return(struct tfl_pool *pool, struct tfl_interpreter *interpreter)
{
	if (pool->stateful)
		tfl_interpreter_reset(interpreter);
	pthread_mutex_lock(&pool->lock);
	pool->stack[pool->idle++] = interpreter;
	pthread_mutex_unlock(&pool->lock);
}

unsigned tfl_pool_instances(const struct tfl_pool *pool)
{
	return pool->instances;
}

size_t tfl_pool_bytes(const struct tfl_pool *pool)
{
	return pool->bytes + tfl_pool_late_bytes(pool);
}

size_t tfl_pool_late_bytes(const struct tfl_pool *pool)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < pool->instances; i++)
		bytes += tfl_interpreter_late_bytes(pool->all[i]);
	return bytes;
}
