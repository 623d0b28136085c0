/* SPDX-License-Identifier: MIT */
/* One row a cause. The advice is what works as a rule, not a promise; it names options of TensorFlow Lite's converter if there are any. */
#include "runtime/cause.h"

#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "runtime/schema.h"

static const struct {
	const char *name;
	const char *advice;
} causes[TFL_CAUSES] = {
	[TFL_CAUSE_NONE] = {"none", ""},
	[TFL_CAUSE_CUSTOM] = {"custom_operator",
			      "A custom operator is code of the program that the model was made for. Take it out before the conversion, or "
			      "compute it outside of the model."},
	[TFL_CAUSE_FLEX] = {"tensorflow_operator",
			    "Flex operators are TensorFlow's own. Convert with target_spec.supported_ops = [TFLITE_BUILTINS], and replace "
			    "what the converter then names."},
	[TFL_CAUSE_BUILTIN] = {"unknown_operator",
			       "This version does not have the operator; doc/operators.md lists those that it has. Express it by them, or "
			       "compute it outside of the model."},
	[TFL_CAUSE_CONTROL_FLOW] = {"control_flow",
				    "This form of a loop, branch or call of another subgraph is not run by this version. Convert with loops "
				    "unrolled (unroll=True in Keras' recurrent layers), or run the loop in the calling program."},
	[TFL_CAUSE_STABLEHLO] = {"stablehlo",
				 "StableHLO operators are what an exporter could not turn into builtin ones. Convert with "
				 "target_spec.supported_ops = [TFLITE_BUILTINS]."},
	[TFL_CAUSE_STRINGS] = {"strings",
			       "Texts are not taken. Turn them into numbers in the calling program, and export the model from behind its "
			       "tokenizer."},
	[TFL_CAUSE_VERSION] = {"operator_version",
			       "The file was written for a newer TensorFlow Lite. Convert with an older one, or without what needs the "
			       "newer form (new types, quantisation of another kind)."},
	[TFL_CAUSE_TYPES] = {"types",
			     "The operator is there, but not for these types. A conversion to float32 (no optimizations), or to full int8 "
			     "(with a representative dataset), uses types that more operators have."},
	[TFL_CAUSE_SPARSE] = {"sparse",
			      "Only constants may be stored sparse. Convert without EXPERIMENTAL_SPARSITY: the file grows, the results stay."},
	[TFL_CAUSE_STATE] = {"state",
			     "The model keeps values from one run to the next. Export it with its state as inputs and outputs, which the "
			     "calling program hands on."},
	[TFL_CAUSE_FORM] = {"form",
			    "The operator is there, but not in this form. Fixed shapes (a batch of 1, no -1) and constants in the place of "
			    "computed shapes, axes and sizes help as a rule."},
	[TFL_CAUSE_INVALID] = {"invalid", "The file contradicts itself here. Convert the model again; an edited or cut file is no good."},
	[TFL_CAUSE_LIMIT] = {"limit", "It would take more memory or computing than a file of this size may ask for."},
};

/* Operators that are about more than their inputs and outputs. */
static const struct {
	uint16_t code;
	enum tfl_cause cause;
} special[] = {
	{TFL_BUILTIN_CALL, TFL_CAUSE_CONTROL_FLOW},      {TFL_BUILTIN_HASHTABLE, TFL_CAUSE_STATE},
	{TFL_BUILTIN_HASHTABLE_FIND, TFL_CAUSE_STATE},   {TFL_BUILTIN_HASHTABLE_IMPORT, TFL_CAUSE_STATE},
	{TFL_BUILTIN_HASHTABLE_SIZE, TFL_CAUSE_STATE},   {TFL_BUILTIN_HASHTABLE_LOOKUP, TFL_CAUSE_STRINGS},
	{TFL_BUILTIN_LSH_PROJECTION, TFL_CAUSE_STRINGS}, {TFL_BUILTIN_SKIP_GRAM, TFL_CAUSE_STRINGS},
};

const char *tfl_cause_to_string(enum tfl_cause cause)
{
	return causes[(unsigned)cause < TFL_CAUSES ? cause : TFL_CAUSE_NONE].name;
}

const char *tfl_cause_advice(enum tfl_cause cause)
{
	return causes[(unsigned)cause < TFL_CAUSES ? cause : TFL_CAUSE_NONE].advice;
}

enum tfl_cause tfl_cause_of_unknown(unsigned code, const char *custom_name)
{
	if (custom_name)
		return strncmp(custom_name, "Flex", 4) == 0 ? TFL_CAUSE_FLEX : TFL_CAUSE_CUSTOM;
	for (size_t i = 0; i < TFL_ARRAY_SIZE(special); i++)
		if (special[i].code == code)
			return special[i].cause;
	if (strncmp(tfl_builtin_to_string(code), "STABLEHLO_", 10) == 0)
		return TFL_CAUSE_STABLEHLO;
	return TFL_CAUSE_BUILTIN;
}
