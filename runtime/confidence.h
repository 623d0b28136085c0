/* SPDX-License-Identifier: MIT */
/*
 * Whether an output says how sure the model is, and how that is read from it: found in the graph, where a softmax or a logistic function stands before
 * the output, and in what the metadata says the output is for. Whoever runs the model may know better and say so.
 *
 * Plain data, made from a program; independent of it afterwards.
 */
#ifndef RUNTIME_CONFIDENCE_H
#define RUNTIME_CONFIDENCE_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_program;

enum tfl_confidence_kind {
	TFL_CONFIDENCE_NONE,        /* an embedding, a picture, boxes; or nothing is known */
	TFL_CONFIDENCE_SOFTMAX,     /* probabilities of classes that exclude each other */
	TFL_CONFIDENCE_LOGISTIC,    /* a probability for each class; a single one is that of class 1 against class 0 */
	TFL_CONFIDENCE_LOG_SOFTMAX, /* logarithms of probabilities */
	TFL_CONFIDENCE_LOGITS,      /* a softmax is still to be taken */
	TFL_CONFIDENCE_DETECTION,   /* a score for each thing that was found, the greatest first */
	TFL_CONFIDENCE_KINDS
};

/* Rows that get a verdict each. An output with more of them says something of every place in a picture, not of the picture. */
#define TFL_CONFIDENCE_ROWS_MAX 64

struct tfl_confidence_source {
	enum tfl_confidence_kind kind;
	uint32_t output;         /* index among the program's outputs */
	uint32_t rows, classes;  /* classes: scores in a row */
	uint32_t classes_output; /* of detections: the output that says which class each is, or UINT32_MAX */
	char reason[160];        /* what was found and why, as the rest of a sentence: "a SOFTMAX over 10 classes makes it" */
};

/** "none", "softmax", "logistic", "log-softmax", "logits", "detection". Static. */
const char *tfl_confidence_kind_to_string(enum tfl_confidence_kind kind);

/* What whoever runs a model says about where its confidence comes from. */
struct tfl_confidence_choice {
	bool automatic;                /* found; the rest is then of no account */
	enum tfl_confidence_kind kind; /* NONE: nowhere */
	const char *output;            /* its name, or its index in digits; NULL: of the one output that can be of the kind */
};

/**
 * Reads "auto" or "" (found), "none", a kind's name, or that and an output: "logits of scores". The choice points into @p text. 0 or -EINVAL.
 */
int tfl_confidence_choice_parse(const char *text, struct tfl_confidence_choice *ret_choice);

/** What output @p output (below the program's number of outputs) says of the model's confidence. */
void tfl_confidence_source_find(const struct tfl_program *program, uint32_t output, struct tfl_confidence_source *ret_source);

/**
 * The same where the kind is not to be found but known: 0, or -EINVAL when the output cannot be of that kind, with the reason in
 * ret_source->reason.
 */
int tfl_confidence_source_set(const struct tfl_program *program, uint32_t output, enum tfl_confidence_kind kind,
			      struct tfl_confidence_source *ret_source);

#endif
