/* SPDX-License-Identifier: MIT */
/*
 * The typed graph of one subgraph: every tensor with its final shape, every operator with its checked options. Built once from a
 * verified model; prepare functions of the operators infer shapes and fold constants while it grows, in execution order. Immutable
 * afterwards and shared by all interpreters.
 */
#ifndef RUNTIME_GRAPH_H
#define RUNTIME_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"
#include "runtime/cause.h"
#include "runtime/model.h"

#define TFL_NONE UINT32_MAX

struct tfl_error;
struct tfl_graph;
struct tfl_op;
struct tfl_state_plan;

struct tfl_value {
	const struct tfl_tensor *tensor; /* its name and, per channel, its quantisation */
	enum tfl_dtype dtype;
	uint8_t rank;
	bool quantized;      /* one scale and zero point, or per channel */
	int32_t dims[TFL_RANK_MAX];
	size_t elements;
	size_t bytes;
	float scale;         /* of the whole tensor, or of channel 0; 0 without quantisation */
	int32_t zero_point;
	const void *data;    /* constant content: of the file, or folded (then owned by the graph, and gone when all its readers are folded) */
	bool owned;          /* data is the graph's */
	bool variable;       /* keeps its content from one run to the next (state.h); operators that say so write it as an input */
	uint32_t producer;   /* node that writes it, or TFL_NONE */
	bool late;           /* its shape is only known when it was written, see graph_late.c */
	bool uncertain;      /* in a survey: behind a refused operator; its shape is what the file says */
};

struct tfl_node {
	const struct tfl_op *op;
	const struct tfl_operator *source;
	uint32_t index;        /* operator index in the file */
	bool folded;           /* its outputs are constants (prepare() may say so itself), or nobody reads them; it never runs */
	bool deferred;         /* behind a late value: it does not run here */
	bool ordered;          /* touches state: such nodes run in the file's order, and always */
	enum tfl_cause cause;  /* why it was refused; only a survey has such nodes, and their op may be NULL */
	const char *reason;    /* the sentence about that; owned by the graph */
	uint64_t work;         /* elementary operations that its prepare() counted */
	void *params;          /* what prepare() made of the options; owned by the graph */
	size_t scratch_bytes;  /* memory its portable kernel wants during a run */
};

#define TFL_WANTED_MAX 8

/* What a graph and those that it calls may take together. */
struct tfl_graph_account {
	size_t bytes;                   /* of all blocks; bounded by tfl_arena_limit() */
	bool exhausted;                 /* a block was refused for that bound */
	unsigned graphs;
	uint32_t wanted[TFL_WANTED_MAX]; /* values whose content a prepare() asked for, see tfl_node_want() */
	unsigned wanted_count;
};

struct tfl_graph {
	const struct tfl_model *model;
	const struct tfl_subgraph *source;
	uint32_t subgraph;              /* its index in the model */
	struct tfl_value *values;
	struct tfl_node *nodes;
	uint32_t value_count;
	uint32_t node_count;
	struct tfl_graph **callees;     /* graphs that its nodes call (call.h), owned */
	uint32_t callee_count;
	bool once;                      /* it is run when an interpreter is made, and never again */
	const struct tfl_graph *caller; /* of which it is one; NULL for the outermost */
	const struct tfl_state_plan *state;
	/* Where shapes depend on content, see graph_late.c; all empty in other graphs. */
	uint32_t *lates;                /* values whose shape comes with their content: inputs, and outputs of nodes that find it out */
	uint32_t *steering;             /* values whose content decides shapes behind them */
	uint32_t late_count, steering_count, deferred_count;
	bool holds;                     /* a node that touches state was deferred, and with it all that touch it later */
	struct tfl_subgraph behind;     /* the deferred nodes, as a subgraph of the same tensors */
	uint32_t *behind_numbers;       /* per operator of it: its index in the file */
	const uint32_t *numbers;        /* of a graph behind another one: these; NULL: the operators are those of the file */
	struct tfl_graph_account *account, own;
	bool survey;                    /* refused operators stay in it, see tfl_graph_spec */
	uint64_t work;                  /* elementary operations of one run, and how many there may be */
	uint64_t work_max;
	struct tfl_graph_block *blocks; /* memory owned by the graph */
	uint32_t *reads;                /* per value, while the graph is built: places where it is still to be read */
};

/* An input whose shape is another than the file's, or whose content is known. */
struct tfl_graph_given {
	uint8_t rank;
	int32_t dims[TFL_RANK_MAX];
	const void *data; /* outlives the graph; NULL: not known */
	bool late;        /* the shape comes with each run; what stands here is only an example */
};

struct tfl_graph_spec {
	const struct tfl_model *model;
	uint32_t subgraph;
	uint64_t work_max;                   /* bounds the elementary operations of a run; 0: TFL_WORK_MAX */
	const struct tfl_state_plan *state;  /* of the model; outlives the graph. NULL: resources are refused */
	const struct tfl_graph *caller;      /* shares its account; NULL for one that nobody calls */
	const struct tfl_graph *head;        /* the graph of what was deferred in this one, which outlives it; NULL: of the subgraph itself */
	const struct tfl_graph_given *given; /* per input of the subgraph; NULL: as the file has them */
	/*
	 * For looking at: an operator that is refused stays in the graph with cause and reason, the shapes of its outputs are those of the
	 * file, and the next is prepared. Such a graph never becomes a program that runs. Creation fails only for want of memory, or
	 * where a tensor is too large.
	 */
	bool survey;
};

int tfl_graph_create(const struct tfl_graph_spec *spec, struct tfl_graph **ret_graph, struct tfl_error *error);
void tfl_graph_destroy(struct tfl_graph *graph);

/**
 * Zeroed memory that lives as long as the graph, 64-aligned and readable TFL_PADDING_BYTES past its end; NULL when there is none, or when
 * the graph would own more than a file of this size may make it own.
 */
void *tfl_graph_alloc(struct tfl_graph *graph, size_t size);

/** Gives such memory back before the graph ends. */
void tfl_graph_free(struct tfl_graph *graph, void *memory);

/**
 * Gives the content of an owned constant back to the system, but not its place: the address stays the constant's own. For weights that
 * live on in packed form only. What lies on pages with something else stays.
 */
void tfl_graph_release(struct tfl_graph *graph, struct tfl_value *value);

/* What XNNPACK may read past the end of any buffer. */
#define TFL_PADDING_BYTES 128

/* For prepare functions, kernels and lowering. An optional input that is left out, or absent, is NULL. */
struct tfl_value *tfl_node_input(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t index);
struct tfl_value *tfl_node_output(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t index);
uint32_t tfl_value_index(const struct tfl_graph *graph, const struct tfl_value *value);

/** Sets an output's shape; -EINVAL for a negative dimension or too many elements, said with the node's name. */
int tfl_node_set_shape(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t output, unsigned rank, const int32_t *dims,
		       struct tfl_error *error);

/** Says that an output gets its shape when the node runs, by tfl_run_resize() (call.h). */
int tfl_node_set_late(struct tfl_graph *graph, const struct tfl_node *node, uint32_t output);

/** Whether one of its outputs does. */
bool tfl_node_is_late(const struct tfl_graph *graph, const struct tfl_node *node);

/**
 * Says that a shape follows from the content of an input that is no constant. A prepare() that refuses the node after that is asked again where
 * the content is known: in a graph behind this one, made when it is there.
 */
void tfl_node_want(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input);

/**
 * Counts the operations of a node that takes more than one for each element of its outputs: @p outer times @p inner. A small file can ask
 * for years of computing; -EFBIG when the graph passes its limit.
 */
int tfl_node_charge(struct tfl_graph *graph, const struct tfl_node *node, uint64_t outer, uint64_t inner, struct tfl_error *error);

/** "operator 3 (CONV_2D): " before the text; returns -EINVAL. For a graph that contradicts itself. */
int tfl_node_invalid(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** "operator 3 CONV_2D version 9 (int8, int8, int32 -> int8): " before the text; returns -EOPNOTSUPP. */
int tfl_node_unsupported(const struct tfl_graph *graph, const struct tfl_node *node, struct tfl_error *error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * The integers of a constant int32 or int64 input, at most @p max of them, each within int32. -EOPNOTSUPP when it is computed at run
 * time, -EINVAL when it is too long or out of range. An absent input gives a count of 0.
 */
int tfl_node_const_ints(const struct tfl_graph *graph, const struct tfl_node *node, uint32_t input, unsigned max, int32_t *ret_values,
			unsigned *ret_count, struct tfl_error *error);

/** The channel's scale of a quantised value: its own, or the tensor's only one. */
float tfl_value_scale(const struct tfl_value *value, uint32_t channel);

#endif
