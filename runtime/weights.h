/* SPDX-License-Identifier: MIT */
/*
 * Packed weights of one program, shared by all its interpreters: an XNNPACK weights cache provider of our own, because the built-in ones
 * either refuse a second runtime or pack again for each (doc/runtime.md has the figures).
 *
 * XNNPACK asks for packed weights by (seed, kernel address, bias address). The seed knows the microkernel and some parameters, but not
 * the scales: two layers with the same weights and bias and different output scales would collide, and the second would compute with the
 * first one's multipliers. So a layer whose (kernel, bias) was seen with other parameters gets a private copy of its (small) bias, whose
 * address makes the key its own. Where inputs are quantised at run time XNNPACK leaves the bias out of the key too; then it is the weights that
 * a second layer gets a copy of.
 *
 * Programs of one model that are made of the same constants share what they have packed: those of the other may be the base of these, and
 * what is found there is used.
 *
 * Lifetime: belongs to the program. Thread: XNNPACK calls it while a runtime is created, which the program serialises; afterwards packed
 * memory is only read. Of a base that is sealed anything is only read.
 */
#ifndef RUNTIME_WEIGHTS_H
#define RUNTIME_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>
#include <xnnpack.h>

struct tfl_multiplier;
struct tfl_weights;

/*
 * What decides how weights are packed besides their bytes. Zero the whole struct first: it is compared by memcmp, but for the scales, which are
 * compared by content, since tensors of several subgraphs have each their own. They outlive the weights.
 */
struct tfl_weights_use {
	const float *filter_scales; /* filter_scale_count of them */
	const void *kernel;
	const void *bias;   /* as in the file; NULL without */
	uint32_t filter_scale_count;
	uint32_t code;      /* operator */
	uint32_t dtype;
	int32_t filter_dims[4];
	int32_t input_channels;
	float input_scale, output_scale, filter_scale;
	int32_t input_zero_point, output_zero_point, filter_zero_point;
	uint32_t packing;   /* see lower.h */
	uint32_t rectified; /* its bias is rounded up, see lower.h */
	uint32_t dynamic;   /* inputs are quantised at run time: XNNPACK's key is (seed, kernel) then */
};

struct tfl_weights_stats {
	size_t bytes;      /* of packed weights and bias copies */
	uint32_t entries;
	uint64_t packed;   /* entries that were added */
	uint64_t reused;   /* look-ups that found theirs */
};

/**
 * @p limit bounds the bytes that may be packed, as they are estimated before packing; past it tfl_weights_use() gives up uses. @p base,
 * NULL for none, outlives them, and is sealed unless it is used by the same thread.
 */
int tfl_weights_create(size_t limit, const struct tfl_weights *base, struct tfl_weights **ret_weights);
void tfl_weights_destroy(struct tfl_weights *weights);

/** For xnn_create_runtime_v4. Never hand it to XNNPACK's own cache functions: they take its context for theirs. */
xnn_weights_cache_t tfl_weights_provider(struct tfl_weights *weights);

/* What to give to XNNPACK for a use. */
struct tfl_weights_operands {
	const void *kernel;
	const void *bias;
};

/**
 * The addresses to give to XNNPACK for this use: use->kernel and use->bias, or copies (of zeros where the bias is NULL; @p count 32-bit
 * elements) that stay valid as long as the weights. The same use gets the same addresses each time. With use->rectified, 1 is added to
 * the bias wherever the channel's multiplier shifts right.
 *
 * 0; 1 when the weights of this use, @p bytes as they are in the file, would pass the limit, or would be new to weights that are sealed: the
 * node then runs without packing; -ENOMEM.
 */
int tfl_weights_use(struct tfl_weights *weights, const struct tfl_weights_use *use, uint32_t count, size_t bytes,
		    const struct tfl_multiplier *multipliers, struct tfl_weights_operands *ret_operands);

/**
 * -ENOMEM when memory has run out in the provider since the last call, else 0. XNNPACK does not look at what it is answered then and makes
 * a runtime without weights, so whoever creates one has to ask.
 */
int tfl_weights_check(struct tfl_weights *weights);

/** From now on nothing new is packed: what it would be packed from may be gone. Asked for it all the same, it fails as for lack of memory. */
void tfl_weights_seal(struct tfl_weights *weights);

/** Gives back what is only needed while runtimes are created. */
void tfl_weights_trim(struct tfl_weights *weights);

void tfl_weights_stats(const struct tfl_weights *weights, struct tfl_weights_stats *ret_stats);

#endif
