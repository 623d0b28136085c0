/* SPDX-License-Identifier: MIT */
/*
 * From nodes to an XNNPACK runtime. XNNPACK says what it lacks at two moments: some when a node is defined (types, ranks, options), some
 * only when the runtime is created. The first is asked for each node while the program is planned, with a subgraph of its own that is
 * thrown away; the second when the first interpreter is made. A third kind it only asserts; lower.h has what is checked in its stead.
 */
#include <errno.h>
#include <pthread.h>
#include <pthreadpool.h>
#include <string.h>
#include <xnnpack.h>

#include "base/error.h"
#include "base/util.h"
#include "runtime/arena.h"
#include "runtime/graph.h"
#include "runtime/lower.h"
#include "runtime/memory.h"
#include "runtime/op.h"
#include "runtime/program_internal.h"
#include "runtime/weights.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum xnn_status once_status;

static void initialize(void)
{
	once_status = xnn_initialize(tfl_memory_allocator());
}

int tfl_xnnpack_init(struct tfl_error *error)
{
	pthread_once(&once, initialize);
	if (once_status == xnn_status_success)
		return 0;
	if (once_status == xnn_status_out_of_memory)
		return tfl_error_set(error, -ENOMEM, "out of memory");
	return tfl_error_set(error, -ENOTSUP, "XNNPACK does not run on this processor");
}

void tfl_xnnpack_tables_finish(struct tfl_xnnpack_tables *tables)
{
	tfl_lower_free(&tables->blocks);
	free(tables->ids);
	free(tables->dynamic);
	free(tables->external);
	free(tables->writes);
	free(tables->list);
}

int tfl_xnnpack_tables_init(struct tfl_xnnpack_tables *tables, const struct tfl_graph *graph)
{
	size_t values = (size_t)graph->value_count + 1;

	*tables = (struct tfl_xnnpack_tables){
		.ids = malloc(values * sizeof(uint32_t)),
		.dynamic = calloc(values, sizeof(struct tfl_lower_dynamic)),
		.external = malloc(values * sizeof(uint32_t)),
		.writes = calloc(values, sizeof(bool)),
		.list = malloc(values * sizeof(uint32_t)),
	};
	if (!tables->ids || !tables->dynamic || !tables->external || !tables->writes || !tables->list) {
		tfl_xnnpack_tables_finish(tables);
		*tables = (struct tfl_xnnpack_tables){0};
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < graph->value_count; i++) {
		tables->ids[i] = XNN_INVALID_VALUE_ID;
		tables->external[i] = TFL_NONE;
	}
	return 0;
}

/* Only what these nodes touched: many small steps must not cost a pass over all values each. */
static void reset(struct tfl_xnnpack_tables *tables, const struct tfl_graph *graph, const uint32_t *nodes, uint32_t count)
{
	tables->count = 0;
	tfl_lower_free(&tables->blocks);
	for (uint32_t n = 0; n < count; n++) {
		const struct tfl_operator *source = graph->nodes[nodes[n]].source;
		const int32_t *sides[] = {source->inputs, source->outputs};
		uint32_t counts[] = {source->input_count, source->output_count};

		for (unsigned side = 0; side < 2; side++)
			for (uint32_t i = 0; i < counts[side]; i++) {
				int32_t value = sides[side][i];

				if (value < 0)
					continue;
				tables->ids[value] = XNN_INVALID_VALUE_ID;
				tables->dynamic[value] = (struct tfl_lower_dynamic){0};
				tables->external[value] = TFL_NONE;
				tables->writes[value] = false;
			}
	}
}

static void add_external(struct tfl_xnnpack_tables *tables, uint32_t value)
{
	if (tables->external[value] != TFL_NONE)
		return;
	tables->external[value] = tables->count;
	tables->list[tables->count++] = value;
}

/*
 * What crosses the border: inputs that none of the nodes writes, and outputs that have a place in the arena (in a trial: all outputs).
 * Nodes come in execution order, so a value written here is marked before it is read here.
 */
static void find_externals(const struct tfl_program *program, const uint32_t *nodes, uint32_t count, bool trial, struct tfl_xnnpack_tables *tables)
{
	const struct tfl_graph *graph = program->graph;

	for (uint32_t n = 0; n < count; n++) {
		const struct tfl_operator *source = graph->nodes[nodes[n]].source;

		for (uint32_t i = 0; i < source->input_count; i++)
			if (source->inputs[i] >= 0 && !graph->values[source->inputs[i]].data && !tables->writes[source->inputs[i]])
				add_external(tables, (uint32_t)source->inputs[i]);
		for (uint32_t i = 0; i < source->output_count; i++) {
			tables->writes[source->outputs[i]] = true;
			if (trial || program->offsets[source->outputs[i]] != TFL_NO_OFFSET)
				add_external(tables, (uint32_t)source->outputs[i]);
		}
	}
}

static int lower_nodes(const struct tfl_program *program, const uint32_t *nodes, uint32_t count, struct tfl_xnnpack_tables *tables,
		       xnn_subgraph_t *ret_subgraph)
{
	struct tfl_lower lower = {
		.graph = program->graph, .weights = program->weights, .ids = tables->ids, .dynamic = tables->dynamic, .external = tables->external,
		.writes = tables->writes, .bytes = &tables->lowered_bytes, .blocks = &tables->blocks};
	int r = tfl_lower_status(xnn_create_subgraph(tables->count, 0, &lower.subgraph));

	/* Externals first: their ids are then 0 to count - 1 whatever the nodes define in between. */
	for (uint32_t i = 0; r == 0 && i < tables->count; i++) {
		uint32_t id;

		r = tfl_lower_value(&lower, &program->graph->values[tables->list[i]], &id);
	}
	for (uint32_t n = 0; r == 0 && n < count; n++) {
		const struct tfl_node *node = &program->graph->nodes[nodes[n]];

		r = node->op->lower(&lower, node);
	}
	if (r != 0)
		xnn_delete_subgraph(lower.subgraph);
	else
		*ret_subgraph = lower.subgraph;
	return r;
}

int tfl_xnnpack_accepts(const struct tfl_program *program, struct tfl_xnnpack_tables *tables, uint32_t node)
{
	xnn_subgraph_t subgraph;
	int r;

	find_externals(program, &node, 1, true, tables);
	r = lower_nodes(program, &node, 1, tables, &subgraph);
	if (r == 0)
		xnn_delete_subgraph(subgraph);
	reset(tables, program->graph, &node, 1);
	return r;
}

/* A workspace that XNNPACK makes for itself is leaked when it then refuses the runtime; so there is always one of ours. */
static int create_runtime(xnn_subgraph_t subgraph, xnn_weights_cache_t cache, xnn_workspace_t workspace, pthreadpool_t threadpool,
			  xnn_runtime_t *ret_runtime)
{
	xnn_workspace_t own = NULL;
	xnn_runtime_t runtime = NULL;
	int r = workspace ? 0 : tfl_lower_status(xnn_create_workspace(&own));

	if (r == 0)
		r = tfl_lower_status(xnn_create_runtime_v4(subgraph, cache, workspace ? workspace : own, threadpool, 0, &runtime));
	if (own)
		xnn_release_workspace(own);
	if (r == 0)
		r = tfl_lower_status(xnn_reshape_runtime(runtime));
	if (r == 0)
		*ret_runtime = runtime;
	else if (runtime)
		xnn_delete_runtime(runtime);
	return r;
}

static int list_externals(const struct tfl_xnnpack_tables *tables, struct tfl_xnnpack_runtime *runtime)
{
	runtime->external_count = tables->count;
	runtime->externals = malloc((tables->count + 1) * sizeof(*runtime->externals));
	if (!runtime->externals)
		return -ENOMEM;
	memcpy(runtime->externals, tables->list, tables->count * sizeof(*runtime->externals));
	return 0;
}

int tfl_xnnpack_create(const struct tfl_program *program, struct tfl_xnnpack_tables *tables, const uint32_t *nodes, uint32_t count, bool trial,
		       xnn_workspace_t workspace, pthreadpool_t threadpool, struct tfl_xnnpack_runtime *ret_runtime)
{
	xnn_weights_cache_t cache = trial ? NULL : tfl_weights_provider(program->weights);
	struct tfl_xnnpack_runtime created = {0};
	xnn_subgraph_t subgraph;
	size_t taken;
	int r;

	find_externals(program, nodes, count, trial, tables);
	tfl_memory_count_begin();
	r = lower_nodes(program, nodes, count, tables, &subgraph);
	if (r == 0) {
		r = create_runtime(subgraph, cache, workspace, threadpool, &created.runtime);
		xnn_delete_subgraph(subgraph);
	}
	taken = tfl_memory_count_end();
	if (tfl_weights_check(program->weights) < 0 && r >= 0)
		r = -ENOMEM;
	if (r == 0 && taken > tfl_arena_limit(program->model->size) - tables->bytes)
		r = -EFBIG;
	if (r == 0)
		r = list_externals(tables, &created);
	reset(tables, program->graph, nodes, count);
	if (r == 0) {
		*ret_runtime = created;
		tables->bytes += trial ? 0 : taken;
	} else {
		tfl_xnnpack_destroy(&created);
	}
	return r;
}

void tfl_xnnpack_destroy(struct tfl_xnnpack_runtime *runtime)
{
	if (runtime->runtime)
		xnn_delete_runtime(runtime->runtime);
	free(runtime->externals);
	*runtime = (struct tfl_xnnpack_runtime){0};
}
