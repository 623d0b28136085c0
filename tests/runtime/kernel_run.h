/* SPDX-License-Identifier: MIT */
/* From a drawn case to what the runtime makes of it. */
#ifndef TESTS_RUNTIME_KERNEL_RUN_H
#define TESTS_RUNTIME_KERNEL_RUN_H

#include "runtime/program.h"
#include "tests/runtime/kernel_case.h"
#include "tests/runtime/scene.h"

#define KERNEL_DESCRIPTION_MAX 1000

/* What came out of one run: one for each output. */
struct kernel_result {
	struct tfl_program_info info;
	enum tfl_dtype dtype;
	unsigned rank;
	int32_t dims[TFL_RANK_MAX];
	size_t elements;
	size_t bytes;
	void *data;
};

/** Draws case @p number, with its options. */
void kernel_case_init(struct kernel_case *c, const struct kernel_row *row, char type, unsigned number);
void kernel_case_finish(struct kernel_case *c);

/** Writes "CONV_2D b case 17: [1, 3, 5, 2] 0.1:-3 [4, 1, 1, 2] (constant) 0.01:0 -> 0.5:2" and what the options say. */
void kernel_describe(const struct kernel_row *row, const struct kernel_case *c, unsigned number, char *buffer, size_t size);

/** The case as a file. 0, or what the verifier says. */
int kernel_open(const struct kernel_row *row, const struct kernel_case *c, struct scene *scene);

/**
 * Runs it twice. 0, or what tfl_program_create() or tfl_interpreter_invoke() says. Ends the test when the runs differ or write behind an
 * output. @p ret_results has KERNEL_OUTPUTS_MAX places, and is the caller's to finish.
 */
int kernel_run(const struct kernel_case *c, struct scene *scene, bool portable, const char *what, struct kernel_result *ret_results);
void kernel_results_finish(struct kernel_result *results);

/** Ends the test where the results are not what is expected; both have a place for each output. */
void kernel_compare(const struct kernel_case *c, const struct kernel_expected *expected, const struct kernel_result *results, const char *what);
void kernel_expected_finish(struct kernel_expected *expected);

/** Element as a number, whatever its type; quantised ones stand for themselves. */
double kernel_result_at(const struct kernel_result *result, size_t index);

bool kernel_is_folded(const struct kernel_case *c);

/** Whether it is an input of the graph. */
bool kernel_is_given(const struct kernel_tensor *input);
void kernel_give_inputs(const struct kernel_case *c, struct tfl_interpreter *interpreter);

#endif
