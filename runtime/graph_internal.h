/* SPDX-License-Identifier: MIT */
/* What the files that build graphs share behind graph.h. */
#ifndef RUNTIME_GRAPH_INTERNAL_H
#define RUNTIME_GRAPH_INTERNAL_H

#include "runtime/graph.h"

/* The sentence for what tfl_graph_alloc() did not give: -ENOMEM or -EFBIG. */
int tfl_graph_out_of_memory(const struct tfl_graph *graph, struct tfl_error *error);

/* Of at most TFL_RANK_MAX dimensions. -EINVAL where it is negative or too large; nothing has changed then. */
int tfl_value_set_shape(struct tfl_value *value, unsigned rank, const int32_t *dims);

void tfl_graph_free_blocks(struct tfl_graph *graph);

/* graph_late.c: an input that is late; whether a node must be deferred; to defer it, with what its prepare() wanted. */
int tfl_value_set_late(struct tfl_graph *graph, struct tfl_value *value);
bool tfl_graph_is_behind(const struct tfl_graph *graph, const struct tfl_node *node);
int tfl_graph_defer(struct tfl_graph *graph, struct tfl_node *node);

/* Once all nodes are there: makes graph->behind of what was deferred. -ENOMEM. */
int tfl_graph_collect(struct tfl_graph *graph);
void tfl_graph_finish_late(struct tfl_graph *graph);

#endif
