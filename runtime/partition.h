/* SPDX-License-Identifier: MIT */
/*
 * The order in which a graph runs: nodes grouped into steps, each one XNNPACK subgraph or one portable kernel.
 */
#ifndef RUNTIME_PARTITION_H
#define RUNTIME_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_graph;

struct tfl_step {
	bool xnnpack;
	uint32_t first; /* into order */
	uint32_t count; /* nodes; 1 for a portable kernel */
};

struct tfl_partition {
	uint32_t *order; /* node indices in execution order, folded ones left out */
	struct tfl_step *steps;
	uint32_t node_count;
	uint32_t step_count;
};

/**
 * Groups the nodes: as many as possible that @p lowered (one flag per node) allows go into one XNNPACK step, in the file's order where
 * the data flow leaves a choice. Time is O(n log n). 0 or -ENOMEM.
 */
int tfl_partition_init(struct tfl_partition *partition, const struct tfl_graph *graph, const bool *lowered);
void tfl_partition_finish(struct tfl_partition *partition);

#endif
