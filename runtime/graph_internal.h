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

#endif
