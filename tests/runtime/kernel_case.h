/* SPDX-License-Identifier: MIT */
/*
 * One operator in a graph of its own: drawn from a seed, built into a file, run by XNNPACK and by the portable kernel, and compared element
 * by element with a naive reference. An operator's test is one struct kernel_row: a function that draws a case and a function that says
 * what comes out, written from the operator's definition.
 *
 * kernel_run.h runs them. Tensors and expectations own their memory; out of memory ends the test.
 */
#ifndef TESTS_RUNTIME_KERNEL_CASE_H
#define TESTS_RUNTIME_KERNEL_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/tfl-types.h"
#include "tests/builder/builder.h"
#include "tests/builder/random.h"

#define KERNEL_INPUTS_MAX 24
#define KERNEL_INTERMEDIATES_MAX 12
#define KERNEL_OUTPUTS_MAX 6
#define KERNEL_CHANNELS_MAX 64
#define KERNEL_INTS_MAX 40
#define KERNEL_CUSTOM_MAX 512

struct kernel_tensor {
	enum tfl_dtype dtype;
	unsigned rank;
	int32_t dims[TFL_RANK_MAX];
	size_t elements;
	bool absent;   /* an optional input left out */
	bool constant; /* its content stands in the file */
	bool variable; /* it is state: nobody gives it, and it begins as zeros */
	int32_t rows;  /* not 0: what the file says of dimension 0, and that it may be any size */
	uint32_t sparse; /* and does so sparsely, laid out as this seed says; 0: densely */
	uint32_t scale_count;
	uint32_t axis;
	float scales[KERNEL_CHANNELS_MAX];
	int64_t zero_point;
	void *data;
	/* A list that steers the operator: its content is c->ints from first on. */
	unsigned first, count; /* count 0: it is none */
	bool later;            /* it may also come at run time */
	/* Indices: rows of so many columns, each at least 0 and less than its limit. columns 0: they are none. */
	unsigned columns;
	int32_t limits[TFL_RANK_MAX];
	bool anywhere; /* others than that are defined too */
};

struct kernel_case {
	struct tfl_random random;
	char type;        /* a letter of kernel_row.types */
	bool per_channel; /* the type is one with a filter per channel */
	struct kernel_tensor inputs[KERNEL_INPUTS_MAX];
	unsigned input_count;
	struct kernel_tensor intermediates[KERNEL_INTERMEDIATES_MAX]; /* only type and quantisation count */
	unsigned intermediate_count;
	union { /* type and quantisation; their shapes are the reference's to say */
		struct kernel_tensor output;
		struct kernel_tensor outputs[KERNEL_OUTPUTS_MAX];
	};
	unsigned output_count;            /* 1, unless draw() says otherwise */
	struct tfl_build_options options; /* made by kernel_row.options() */
	uint8_t custom_options[KERNEL_CUSTOM_MAX]; /* of a custom operator, likewise */
	size_t custom_options_size;
	int32_t version;
	bool dynamic;     /* set by draw(): activations are quantised while it runs, so that two ways agree but roughly */
	bool folded;      /* set by draw(): it is computed at load although its inputs are not all constant */
	bool misnamed;    /* set by draw(): the file calls the outputs float32, which the operator forgives */
	bool xnnpack;     /* set by draw(): XNNPACK is known to have this form, so it must run it */
	/* What the options say, for the reference. */
	struct tfl_build_window window;
	int8_t activation;
	int32_t axis;
	float beta;
	uint32_t masks[5];             /* of STRIDED_SLICE, in the schema's order */
	bool flag;                     /* keep_dims, keep_num_dims; rows say what else */
	bool asymmetric;               /* asymmetric_quantize_inputs */
	int32_t ints[KERNEL_INTS_MAX]; /* axes, paddings, permutation, shape */
	unsigned int_count;
};

/* What an output element must be. For integers value may lie between two of them where the definition is a real number. */
struct kernel_element {
	double value;
	double slack; /* allowed difference for the portable kernel; XNNPACK may be off by one step of an integer type */
	double loose; /* allowed for XNNPACK where it goes by another definition, else 0 */
};

struct kernel_expected {
	unsigned rank;
	int32_t dims[TFL_RANK_MAX];
	size_t elements;
	struct kernel_element *element;
};

struct kernel_row {
	const char *name;
	uint32_t code; /* TFL_BUILTIN_CUSTOM: found by its name */
	/*
	 * A letter is one test: f float32, h float16, H bfloat16, D float64, b int8, c int8 with a filter per channel, B uint8, s int16, S int16
	 * with an int8 filter per channel, U uint16, d float32 with an int8 filter, e the same per channel, i int32, I uint32, l int64, L uint64,
	 * z bool, x complex64, X complex128.
	 */
	const char *types;
	void (*draw)(struct kernel_case *c);
	void (*options)(struct kernel_case *c); /* c->options from the fields below it; NULL: the operator has none */
	void (*reference)(const struct kernel_case *c, struct kernel_expected *expected); /* one for each output */
	unsigned alike; /* steps of an integer by which XNNPACK may be off where the reference is not asked; 0: one */
};

/* Relative error allowed in float32 sums, as a part of the sum of magnitudes. */
#define KERNEL_FLOAT_ERROR 1e-5

/* Slack where the definition is a real number: half a step, and what float32 loses on the way. */
#define KERNEL_ROUNDED 0.505

/** Draws @p count cases of one type, and checks each with XNNPACK and without. Ends the test at the first difference. */
void kernel_check(const struct kernel_row *row, char type, unsigned count);

/* For draw functions. */
int32_t kernel_between(struct kernel_case *c, int32_t low, int32_t high); /* both included */
bool kernel_one_in(struct kernel_case *c, uint32_t n);
enum tfl_dtype kernel_dtype(char type);
bool kernel_is_byte(enum tfl_dtype dtype); /* int8, uint8 */

/** Gives a tensor its type and shape, a scale and zero point where the type is quantised, and random content. */
void kernel_draw_tensor(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims);

/** A scale and a zero point for a quantised type; nothing for others. */
void kernel_draw_quantization(struct kernel_case *c, struct kernel_tensor *tensor);
void kernel_copy_quantization(struct kernel_tensor *tensor, const struct kernel_tensor *from);
bool kernel_same_quantization(const struct kernel_tensor *a, const struct kernel_tensor *b);

/** A constant int32 or int64 input with c->ints. @p rank 1, or 2 for pairs, or 0 for a single one. */
void kernel_draw_ints(struct kernel_case *c, struct kernel_tensor *tensor, unsigned rank);

/** The same with c->ints from @p first on, of type @p dtype. */
void kernel_draw_list(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned first, unsigned rank);

/** Indices below @p limits, one for each column; the last of @p dims is the number of columns, unless there is but one. */
void kernel_draw_indices(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims,
			 unsigned columns, const int32_t *limits);

/** Writes one element of an integer tensor. */
void kernel_set_integer(struct kernel_tensor *tensor, size_t index, int64_t value);

/** Draws a tensor's content again, under another shape; the rest stays. */
void kernel_redraw(struct kernel_case *c, struct kernel_tensor *tensor, enum tfl_dtype dtype, unsigned rank, const int32_t *dims);

/** Makes some inputs constants: operands in the file, and now and then an operator that is folded. */
void kernel_draw_constants(struct kernel_case *c);

/* For references. */
int64_t kernel_integer(const struct kernel_tensor *tensor, size_t index);
double kernel_real(const struct kernel_tensor *tensor, size_t index); /* floats, the real part, or scale * (q - zero point) */
double kernel_number(const struct kernel_tensor *tensor, size_t index); /* the same, but quantised elements stand for themselves */
bool kernel_has_fraction(enum tfl_dtype dtype); /* floats and complex numbers */
double kernel_scale(const struct kernel_tensor *tensor, unsigned channel);
void kernel_expect_shape(struct kernel_expected *expected, unsigned rank, const int32_t *dims);

/** Bounds of the fused activation, in units of the output: reals for float32, integers for quantised types. */
void kernel_bounds(const struct kernel_case *c, double *ret_min, double *ret_max);
double kernel_clamp(double value, double min, double max);

/** Element from a real number: itself in float32 (@p magnitude: what rounding errors are relative to), or to be rounded to a step. */
struct kernel_element kernel_from_real(const struct kernel_case *c, double real, double magnitude);

/** Row-major index to coordinates and back. */
void kernel_unravel(size_t index, unsigned rank, const int32_t *dims, int32_t *ret_at);
size_t kernel_ravel(unsigned rank, const int32_t *dims, const int32_t *at);

#endif
