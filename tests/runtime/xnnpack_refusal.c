/* SPDX-License-Identifier: MIT */
/*
 * State is set before the calls that it steers and on the same thread, so only the counter is atomic.
 */
#include "tests/runtime/xnnpack_refusal.h"

#include <stdatomic.h>
#include <stddef.h>

enum xnn_status __real_xnn_create_runtime_v4(xnn_subgraph_t subgraph, xnn_weights_cache_t cache, xnn_workspace_t workspace,
					     pthreadpool_t threadpool, uint32_t flags, xnn_runtime_t *ret_runtime);
enum xnn_status __wrap_xnn_create_runtime_v4(xnn_subgraph_t subgraph, xnn_weights_cache_t cache, xnn_workspace_t workspace,
					     pthreadpool_t threadpool, uint32_t flags, xnn_runtime_t *ret_runtime);

static bool (*decision)(unsigned call);
static enum xnn_status refusal;
static atomic_uint calls;

void xnnpack_refuse(bool (*refuses)(unsigned call), enum xnn_status status)
{
	decision = refuses;
	refusal = status;
	atomic_store(&calls, 0);
}

unsigned xnnpack_creations(void)
{
	return atomic_load(&calls);
}

enum xnn_status __wrap_xnn_create_runtime_v4(xnn_subgraph_t subgraph, xnn_weights_cache_t cache, xnn_workspace_t workspace,
					     pthreadpool_t threadpool, uint32_t flags, xnn_runtime_t *ret_runtime)
{
	unsigned call = atomic_fetch_add(&calls, 1) + 1;

	if (decision && decision(call))
		return refusal;
	return __real_xnn_create_runtime_v4(subgraph, cache, workspace, threadpool, flags, ret_runtime);
}
