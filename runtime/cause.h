/* SPDX-License-Identifier: MIT */
/* Why this runtime cannot run an operator, and what whoever made the model can do about it. */
#ifndef RUNTIME_CAUSE_H
#define RUNTIME_CAUSE_H

enum tfl_cause {
	TFL_CAUSE_NONE = 0,
	TFL_CAUSE_CUSTOM,       /* a custom operator */
	TFL_CAUSE_FLEX,         /* one of TensorFlow's own operators, wrapped */
	TFL_CAUSE_BUILTIN,      /* a builtin operator that is not in the table */
	TFL_CAUSE_CONTROL_FLOW, /* another subgraph would have to be run */
	TFL_CAUSE_STABLEHLO,
	TFL_CAUSE_STRINGS,      /* it reads or writes texts */
	TFL_CAUSE_VERSION,      /* newer than the operator that is known */
	TFL_CAUSE_TYPES,
	TFL_CAUSE_SPARSE,
	TFL_CAUSE_STATE,        /* values that outlive a run */
	TFL_CAUSE_FORM,         /* some shape, option or constant; the reason says which */
	TFL_CAUSE_INVALID,      /* the file contradicts itself */
	TFL_CAUSE_LIMIT,        /* too much memory or computing */
	TFL_CAUSES
};

/** A word for programs: "custom_operator". Static. */
const char *tfl_cause_to_string(enum tfl_cause cause);

/** A sentence for whoever converts the model; "" for none. Static. */
const char *tfl_cause_advice(enum tfl_cause cause);

/** The cause for an operator of this code, or custom name, that no row of the operator table is for. */
enum tfl_cause tfl_cause_of_unknown(unsigned code, const char *custom_name);

#endif
