/* SPDX-License-Identifier: MIT */
/* The parts of tflctl inspect: operators in groups, and a survey for people and for programs. */
#ifndef CLIENT_INSPECT_H
#define CLIENT_INSPECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tfl_survey;
struct tfl_survey_operator;

#define CTL_TYPES_MAX 96

/* Operators of one name, version, types and verdict; and, where they are told apart, of one reason. */
struct ctl_group {
	const struct tfl_survey_operator *first;
	char types[CTL_TYPES_MAX]; /* "int8 ×2, int32 → int8" */
	uint32_t count;
	uint64_t multiplies;
};

struct ctl_groups {
	struct ctl_group *items; /* the most frequent first */
	size_t count;
};

/**
 * Groups the operators of @p survey for which @p takes (NULL: all) says so; with @p reasons, those of different causes are different
 * groups. 0 and the caller finishes @p ret_groups, or -ENOMEM.
 */
int ctl_groups_make(const struct tfl_survey *survey, bool (*takes)(const struct tfl_survey_operator *op), bool reasons,
		    struct ctl_groups *ret_groups);
void ctl_groups_finish(struct ctl_groups *groups);

/** Why the model's signature number @p index cannot be run; NULL where it can, or nothing can. */
const char *ctl_signature_fault(const struct tfl_survey *survey, uint32_t index);

/** "CONV_2D", or the name of a custom operator. */
const char *ctl_operator_name(const struct tfl_survey_operator *op);

struct ctl_inspection {
	const char *path;
	const struct tfl_survey *survey;
	json_t *model; /* what model.describe would tell of it: inputs, outputs, labels, metadata */
	bool operators, tensors; /* all of them are wanted */
};

/** 0 or -ENOMEM. */
int ctl_inspection_print(const struct ctl_inspection *inspection);

/** A new reference; NULL without memory. */
json_t *ctl_inspection_json(const struct ctl_inspection *inspection);

/** What the runtime tells of a model (runtime/tell.h), as an object, where it runs with its signatures; NULL without memory. */
json_t *ctl_json_of_survey(const struct tfl_survey *survey);

#endif
