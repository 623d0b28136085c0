/* SPDX-License-Identifier: MIT */
/*
 * What a model file is made of, and what this runtime does with each of its operators, whether it can run the whole or not: where loading
 * ends at the first operator that is not there, a survey goes on, with the shapes that the file itself has.
 *
 * Where the model can run, a program and two interpreters of it were really made, and memory is what they took; else it is estimated.
 *
 * Lifetime: refers to the model, which outlives it; immutable. Any thread may read it.
 */
#ifndef RUNTIME_SURVEY_H
#define RUNTIME_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "runtime/cause.h"
#include "runtime/model.h"
#include "runtime/program.h"

enum tfl_verdict {
	TFL_VERDICT_XNNPACK,
	TFL_VERDICT_PORTABLE,
	TFL_VERDICT_FOLDED,      /* computed at load, or read by nobody: it never runs */
	TFL_VERDICT_LATE,        /* behind a shape that depends on content: prepared when a run has brought it */
	TFL_VERDICT_UNSUPPORTED,
	TFL_VERDICT_UNCERTAIN,   /* refused with a shape that only an unsupported operator before it would know */
	TFL_VERDICTS
};

/* How operators with weights keep them: types of activations and of weights. */
enum tfl_form {
	TFL_FORM_FLOAT32,
	TFL_FORM_FLOAT16_WEIGHTS, /* computed in float32 */
	TFL_FORM_DYNAMIC_RANGE,   /* float32 activations, integer weights */
	TFL_FORM_INT8,
	TFL_FORM_INT8_INT4,       /* int8 activations, int4 weights */
	TFL_FORM_UINT8,
	TFL_FORM_INT16X8,         /* int16 activations, int8 weights */
	TFL_FORM_OTHER,
	TFL_FORMS
};

struct tfl_survey_operator {
	const struct tfl_operator *source;
	uint32_t subgraph;
	uint32_t index; /* in its subgraph */
	enum tfl_verdict verdict;
	enum tfl_cause cause;  /* of one that is unsupported or uncertain, with its sentence; else NONE and NULL */
	char *reason;
	uint64_t multiplies;   /* multiply-adds of one run, those in the padding too; 0 where that is not what it does */
};

struct tfl_survey_tensor {
	const struct tfl_tensor *source;
	uint32_t subgraph;
	uint32_t index;
	uint8_t rank;
	int32_t dims[TFL_RANK_MAX]; /* as worked out; the file's where uncertain */
	size_t bytes;
	bool constant;  /* in the file */
	bool folded;    /* computed at load */
	bool uncertain; /* behind an unsupported operator */
	bool input, output; /* of its subgraph */
	uint32_t reads; /* operators that read it */
};

struct tfl_survey_memory {
	bool measured;        /* else estimated */
	size_t constants;     /* in the file */
	size_t packed;        /* weights as XNNPACK wants them, shared by all interpreters */
	size_t interpreter;   /* activations and what belongs to them, for one interpreter */
	size_t further;       /* for one more */
};

struct tfl_survey {
	const struct tfl_model *model;
	bool runs;                /* it can be loaded; else fault says why not */
	struct tfl_error fault;
	struct tfl_survey_operator *operators; /* of all subgraphs, in order */
	struct tfl_survey_tensor *tensors;     /* likewise */
	uint32_t operator_count, tensor_count;
	uint32_t steps;           /* XNNPACK runs and portable kernels in turn, where it runs */
	uint32_t forms[TFL_FORMS]; /* operators with weights, by form */
	uint64_t multiplies;      /* of subgraph 0 */
	struct tfl_survey_memory memory;
	struct tfl_io *inputs, *outputs; /* of subgraph 0 */
	struct tfl_program *program;       /* where it runs: what was made of it, with … */
	const struct tfl_entry *entries;   /* … what it can be called for, else NULL */
	uint32_t entry_count;
};

/**
 * Surveys @p model. @p options as for a program; may be NULL. A model that cannot run is no error. Errors: -ENOMEM, -EFBIG (a tensor or
 * what is computed at load past a limit), -ENOTSUP.
 */
int tfl_survey_create(const struct tfl_model *model, const struct tfl_program_options *options, struct tfl_survey **ret_survey,
		      struct tfl_error *error);
void tfl_survey_destroy(struct tfl_survey *survey);

/**
 * In what the model computes, for people: "float32", "int8", "float16 weights", "mixed"; from its operators with weights or,
 * where it has none, from its inputs and outputs. Static.
 */
const char *tfl_survey_quantization(const struct tfl_survey *survey);

/** "XNNPACK", "portable" … and "int8", "dynamic range" …. Static. */
const char *tfl_verdict_to_string(enum tfl_verdict verdict);
const char *tfl_form_to_string(enum tfl_form form);

#endif
