/* SPDX-License-Identifier: MIT */
/* What program, interpreter and plan share behind program.h. */
#ifndef RUNTIME_PROGRAM_INTERNAL_H
#define RUNTIME_PROGRAM_INTERNAL_H

#include <pthread.h>

#include <pthreadpool.h>
#include <xnnpack.h>

#include "runtime/call.h"
#include "runtime/partition.h"
#include "runtime/program.h"

struct tfl_graph;
struct tfl_graph_given;
struct tfl_interpreter;
struct tfl_lower_block;
struct tfl_lower_dynamic;
struct tfl_state_plan;
struct tfl_weights;

#define TFL_NO_OFFSET SIZE_MAX

/*
 * Immutable once created, but for the weights (written while an interpreter is created, under lock) and the spare interpreter.
 */
struct tfl_program {
	const struct tfl_model *model;
	struct tfl_program_options options;
	struct tfl_program *caller;   /* of a program that another one calls; graph and state are then that one's */
	const struct tfl_program *base; /* whose state and packed weights it uses: of one for another entry, for other shapes … */
	const struct tfl_program *head; /* … and of one that runs what was deferred in this one */
	struct tfl_program **callees; /* per callee of the graph */
	uint32_t callee_count;
	struct tfl_program **others;  /* of a whole program: for the other subgraphs that entries are of */
	uint32_t other_count;
	struct tfl_entry *entries;    /* likewise; entry 0 is its own */
	uint32_t *entry_others;       /* per entry: which of the others; TFL_NONE: none of them */
	uint32_t entry_count;
	struct tfl_shaped *shaped;    /* of the same subgraph, for inputs of other shapes, as long as an interpreter uses them; lock */
	struct tfl_state_plan *state;
	struct tfl_graph *graph;
	struct tfl_partition partition;
	bool *lowered;            /* per node: XNNPACK has it */
	size_t *offsets;          /* per value: its place in the arena; TFL_NO_OFFSET for constants and what stays inside a step */
	size_t arena_bytes;       /* values, then scratch */
	size_t scratch_offset;
	struct tfl_io *inputs, *outputs;
	struct tfl_weights *weights;
	pthread_mutex_t lock;     /* creation of interpreters, and of what is made for other shapes */
	struct tfl_interpreter *spare; /* the one that proved the program; given to the first who asks */
};

/*
 * program.c: a program for looking at. Its graph may hold refused operators (tfl_graph_survey()), XNNPACK has been asked about the others,
 * and there is neither plan nor interpreter.
 */
int tfl_program_sketch(const struct tfl_model *model, uint32_t subgraph, const struct tfl_program_options *options,
		       struct tfl_program **ret_program, struct tfl_error *error);

/* plan.c: partition and arena for the present lowered[]; may be called again after a flag was cleared. */
int tfl_program_plan(struct tfl_program *program, struct tfl_error *error);

/* A step that XNNPACK did not take, of a program or of one that it calls. */
struct tfl_refusal {
	struct tfl_program *program;
	uint32_t step;
};

/* The shape that a late value has at the moment. */
struct tfl_late {
	uint8_t rank;
	int32_t dims[TFL_RANK_MAX];
	size_t elements, bytes, capacity;
};

/*
 * A graph made for the shapes, and the steering content, that one run brought: what was deferred in another, found again by its key; or a whole
 * one whose inputs were given other shapes, found again by these.
 */
struct tfl_special {
	size_t key_size;
	uint8_t *key;
	void *content; /* what the graph has as constants out of the key */
	struct tfl_graph_given *given;
	struct tfl_program *program;
	struct tfl_shaped *shaped; /* whose given and program these are; NULL: its own */
	struct tfl_interpreter *interpreter;
	size_t bytes;
	uint64_t used; /* when, in turns */
};

struct tfl_specials {
	struct tfl_special *items; /* once there was one, as many as are kept; those that are made have an interpreter */
	uint64_t turns;
};

/* A program for inputs of other shapes, which all interpreters share that were asked for them. */
struct tfl_shaped {
	struct tfl_shaped *next;
	unsigned refs;
	struct tfl_graph_given *given;
	struct tfl_program *program;
};

struct tfl_interpreter {
	const struct tfl_program *program;
	struct tfl_interpreter *caller;        /* whose state, budget and threads it uses; NULL for the outermost */
	struct tfl_interpreter **callees;      /* per callee of the program; NULL for one that ran once */
	struct tfl_interpreter **others;       /* of a whole one: per other program */
	uint8_t *arena;
	struct tfl_state *state;
	void **data;                           /* per value; NULL for constants and what stays inside a step */
	struct tfl_xnnpack_runtime *runtimes;  /* per step; empty for portable kernels */
	uint64_t *step_ns;                     /* per step, with options.profile */
	xnn_workspace_t workspace;
	unsigned threads; /* of one inference */
	pthreadpool_t threadpool;
	size_t xnnpack_bytes;                  /* workspace, indirection buffers, operators */
	struct tfl_late *lates;                /* per late value of the graph */
	struct tfl_specials behind;            /* TFL_SPECIALS_MAX, of what is deferred */
	struct tfl_special *current;           /* of these, that of the last run */
	struct tfl_specials shaped;            /* TFL_SHAPES_MAX, of the whole graph with other inputs */
	_Atomic size_t late_bytes;             /* of the outermost: what late values and specials take, here and in all that it calls */
};

/*
 * interpreter.c: creates an interpreter without looking at the spare one, under the program's lock (or before anyone else knows the
 * program). When XNNPACK refuses a step at creation, returns 1 and which.
 */
int tfl_interpreter_build(struct tfl_program *program, unsigned threads, struct tfl_interpreter *caller,
			  struct tfl_interpreter **ret_interpreter, struct tfl_refusal *ret_refusal, struct tfl_error *error);

/* Gives back what initialises the state, in an interpreter that was just built and uses one that is initialised. */
void tfl_interpreter_drop_once(struct tfl_interpreter *interpreter);

/* All that may be made of a file together, where each part alone has stayed below the limit: 0 or -EFBIG. */
int tfl_interpreter_check_sum(const struct tfl_interpreter *interpreter, struct tfl_error *error);

/* One run of it, as part of another or as a whole. */
int tfl_interpreter_run(struct tfl_interpreter *interpreter, struct tfl_run_budget *budget, struct tfl_error *error);

/* Where a value of its graph is, or was at the end of the last run. */
struct tfl_place tfl_interpreter_locate(const struct tfl_interpreter *interpreter, uint32_t value);

/* special.c: memory for a late value of this shape. -EINVAL for one that cannot be, -EFBIG past the limit, -ENOMEM. */
int tfl_late_resize(struct tfl_interpreter *interpreter, uint32_t value, unsigned rank, const int32_t *dims, struct tfl_error *error);
void tfl_late_finish(struct tfl_interpreter *interpreter);

/* A place in a list of @p max for one that is made: an empty one, or that of the one used longest ago, which ends. -ENOMEM. */
int tfl_specials_place(struct tfl_interpreter *interpreter, struct tfl_specials *specials, unsigned max, struct tfl_special **ret_place,
		       struct tfl_error *error);
/* Charges one that was made; where there is no room for it, those that stand in the list end first. */
int tfl_special_charge(struct tfl_interpreter *interpreter, struct tfl_specials *specials, unsigned max, struct tfl_special *special,
		       struct tfl_error *error);
void tfl_special_destroy(struct tfl_interpreter *interpreter, struct tfl_special *special);

/* resize.c: gives back what an interpreter of @p base has used. */
void tfl_shaped_unref(const struct tfl_program *base, struct tfl_shaped *shaped);

/* Runs what was deferred, after the rest of the graph. */
int tfl_special_run(struct tfl_interpreter *interpreter, struct tfl_run_budget *budget, struct tfl_error *error);

/*
 * program.c: the program of what is deferred in that of @p head, and an interpreter of it that @p head_interpreter calls. Whoever asks
 * destroys the interpreter first. @p given and its contents outlive both.
 */
int tfl_program_create_behind(const struct tfl_program *head, const struct tfl_graph_given *given, struct tfl_interpreter *head_interpreter,
			      struct tfl_program **ret_program, struct tfl_interpreter **ret_interpreter, struct tfl_error *error);

/* Likewise that of a subgraph, the same or another one, with inputs as given; @p given NULL: as the file has them. */
int tfl_program_create_other(const struct tfl_program *base, uint32_t subgraph, const struct tfl_graph_given *given,
			     struct tfl_interpreter *base_interpreter, struct tfl_program **ret_program,
			     struct tfl_interpreter **ret_interpreter, struct tfl_error *error);

/* entry.c: program->inputs and outputs, under the names of its subgraph's first signature. -ENOMEM. */
int tfl_program_describe(struct tfl_program *program);

/* The entries of a whole program, and what its spare interpreter needs for them. -ENOMEM. */
int tfl_entries_create(struct tfl_program *program, struct tfl_error *error);
void tfl_entries_destroy(struct tfl_program *program);
size_t tfl_program_bytes(const struct tfl_program *program);

/* budget.c: what a run of this program may take. */
struct tfl_run_control;
void tfl_run_budget_init(struct tfl_run_budget *budget, const struct tfl_program *program, const struct tfl_run_control *control);
void tfl_run_budget_begin_loop(struct tfl_run_budget *budget);

/* Counts operations. 0 or -EXFULL. */
int tfl_run_budget_take(struct tfl_run_budget *budget, uint64_t work, struct tfl_error *error);

/* 0, -ECANCELED, -ETIME, or -EXFULL. */
int tfl_run_budget_check(const struct tfl_run_budget *budget, struct tfl_error *error);

/* xnnpack.c: prepares XNNPACK for this process. -ENOTSUP where the processor is too old. */
int tfl_xnnpack_init(struct tfl_error *error);

/* Working memory of lowering, one entry per value of the graph; used again for each step. */
struct tfl_xnnpack_tables {
	uint32_t *ids;      /* XNNPACK's id */
	struct tfl_lower_dynamic *dynamic; /* see lower.h */
	uint32_t *external; /* external id, or TFL_NONE */
	bool *writes;       /* written by the step */
	uint32_t *list;     /* external values in the order of their ids */
	uint32_t count;
	size_t bytes;         /* that XNNPACK took for all runtimes created with these tables; bounded as the arena is */
	double lowered_bytes; /* that it will take for the nodes lowered so far besides their tensors; bounded likewise */
	struct tfl_lower_block *blocks; /* of tfl_lower_alloc(), while a runtime is made */
};

int tfl_xnnpack_tables_init(struct tfl_xnnpack_tables *tables, const struct tfl_graph *graph);
void tfl_xnnpack_tables_finish(struct tfl_xnnpack_tables *tables);

/* Whether XNNPACK defines this node at all, after those that were accepted with these tables before. 0, 1 for no, -ENOMEM. */
int tfl_xnnpack_accepts(const struct tfl_program *program, struct tfl_xnnpack_tables *tables, uint32_t node);

/* A runtime of some nodes, and the values that cross its border: external id i stands for value externals[i]. */
struct tfl_xnnpack_runtime {
	xnn_runtime_t runtime;
	uint32_t *externals;
	uint32_t external_count;
};

/*
 * Lowers nodes, which come in execution order. 0, 1 when XNNPACK does not have one of them in this form, -ENOMEM, -EFBIG. A trial has no
 * place in an arena and leaves the shared weights alone.
 */
int tfl_xnnpack_create(const struct tfl_program *program, struct tfl_xnnpack_tables *tables, const uint32_t *nodes, uint32_t count, bool trial,
		       xnn_workspace_t workspace, pthreadpool_t threadpool, struct tfl_xnnpack_runtime *ret_runtime);
void tfl_xnnpack_destroy(struct tfl_xnnpack_runtime *runtime);

#endif
