/* SPDX-License-Identifier: MIT */
/*
 * One pass keeps the best two of each of sixteen lanes, so that nothing depends on the order of evaluation and the vectoriser has whole
 * vectors: the greater of two and the lesser of two are one instruction each, for floats and for unsigned bytes (signed ones are moved into
 * their range). What is no number, or infinite, shows in the sum of all. Only the best two scores become real numbers; a softmax over
 * logits needs all of them, 8-bit ones through a table.
 */
#include "stats/top.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define LANES 16

/* The best two scores of a row, as they stand there; equal where two classes are. */
struct scan {
	float best, second;
	uint32_t index;
	bool invalid;
};

#define GREATER(a, b) ((a) > (b) ? (a) : (b))
#define LESSER(a, b) ((a) < (b) ? (a) : (b))

/*
 * @p lowest: no key is below it. @p stride: classes that are looked through at once, because to ask whether one was there costs more than
 * to look. @p key of row[i] ascends as the score does; @p score is the way back.
 */
#define DEFINE_SCAN(name, type, key_type, lowest, stride, key, score, add) \
	static void take_##name(key_type x, key_type *best, key_type *second) \
	{ \
		key_type lesser = LESSER(x, *best); \
\
		*second = GREATER(*second, lesser); \
		*best = GREATER(*best, x); \
	} \
\
	static size_t find_##name(const type *row, size_t classes, key_type best) \
	{ \
		size_t i = 0; \
\
		for (uint32_t equal = 0; i + (stride) <= classes; i += (stride)) { \
			for (size_t k = i; k < i + (stride); k++) \
				equal |= key(row[k]) == best; \
			if (equal) \
				break; \
		} \
		while (i + 1 < classes && key(row[i]) != best) \
			i++; \
		return i; \
	} \
\
	static void scan_##name(const type *row, size_t classes, struct scan *ret_scan) \
	{ \
		key_type best[LANES], second[LANES]; \
		float sums[LANES] = {0}, sum = 0; \
		size_t i = 0; \
\
		for (size_t k = 0; k < LANES; k++) \
			best[k] = second[k] = (lowest); \
		for (; i + LANES <= classes; i += LANES) { \
			for (size_t k = 0; k < LANES; k++) { \
				key_type x = key(row[i + k]), lesser = LESSER(x, best[k]); \
\
				second[k] = GREATER(lesser, second[k]); \
				best[k] = GREATER(x, best[k]); \
				add(sums[k], x); \
			} \
		} \
		for (; i < classes; i++) { \
			take_##name(key(row[i]), &best[0], &second[0]); \
			add(sums[0], key(row[i])); \
		} \
		for (size_t k = 0; k < LANES; k++) { \
			if (k > 0) { \
				take_##name(best[k], &best[0], &second[0]); \
				take_##name(second[k], &best[0], &second[0]); \
			} \
			sum += sums[k]; \
		} \
		*ret_scan = (struct scan){(float)score(best[0]), (float)score(second[0]), 0, !isfinite(sum)}; \
		ret_scan->index = (uint32_t)find_##name(row, classes, best[0]); \
	}

#define ITSELF(x) (x)
#define FROM_SIGNED(x) ((uint8_t)((uint8_t)(x) ^ 0x80))
#define TO_SIGNED(x) ((int32_t)(x) - 128)
#define NO_SUM(sum, x) ((void)(sum))
#define ADD(sum, x) ((sum) += (x))

DEFINE_SCAN(float32, float, float, -INFINITY, 64, ITSELF, ITSELF, ADD)
DEFINE_SCAN(int8, int8_t, uint8_t, 0, LANES, FROM_SIGNED, TO_SIGNED, NO_SUM)
DEFINE_SCAN(uint8, uint8_t, uint8_t, 0, LANES, ITSELF, ITSELF, NO_SUM)
DEFINE_SCAN(int16, int16_t, int16_t, INT16_MIN, LANES, ITSELF, ITSELF, NO_SUM)

/* Whether a number is none, where the sum of all was none: finite numbers can have an infinite sum. */
static bool has_invalid(const float *row, size_t classes)
{
	for (size_t i = 0; i < classes; i++)
		if (!isfinite(row[i]))
			return true;
	return false;
}

static void scan_row(const struct tfl_top_reader *reader, const void *row, struct scan *ret_scan)
{
	switch (reader->dtype) {
	case TFL_INT8:
		scan_int8(row, reader->classes, ret_scan);
		break;
	case TFL_UINT8:
		scan_uint8(row, reader->classes, ret_scan);
		break;
	case TFL_INT16:
		scan_int16(row, reader->classes, ret_scan);
		break;
	default:
		scan_float32(row, reader->classes, ret_scan);
		ret_scan->invalid = ret_scan->invalid && has_invalid(row, reader->classes);
		break;
	}
}

static float real_of(const struct tfl_top_reader *reader, float score)
{
	return reader->dtype == TFL_FLOAT32 ? score : reader->scale * (score - (float)reader->zero_point);
}

#define EXPONENT_LEAST (-87.0f) /* exp() of less is no normal number */

/*
 * exp(x) for EXPONENT_LEAST <= x <= 0, within 3e-6 of itself, and 1 for 0: a power of two to the nearest whole number, which a float of 1.5
 * * 2^23 more holds in its lowest bits, by a polynomial over what is left.
 */
static inline float exp_below(float x)
{
	float power = x * 1.442695041f, rounded = power + 12582912.0f, rest = power - (rounded - 12582912.0f);
	float factor = 1 + rest * (0.693124175f + rest * (0.240240991f + rest * (5.59064262e-2f + rest * 9.58285294e-3f)));
	uint32_t bits, whole;

	memcpy(&bits, &factor, sizeof(bits));
	memcpy(&whole, &rounded, sizeof(whole));
	bits += whole << 23;
	memcpy(&factor, &bits, sizeof(factor));
	return factor;
}

/*
 * @p least: the least difference to the best score that counts. It is no constant, because gcc takes a comparison with one for a branch,
 * and does all the arithmetic for both sides of it.
 */
#define DEFINE_SUM(name, type, term) \
	static float sum_##name(const struct tfl_top_reader *reader, const type *row, type best, float least) \
	{ \
		float sums[LANES] = {0}, sum = 0; \
		size_t i = 0; \
\
		for (; i + LANES <= reader->classes; i += LANES) \
			for (size_t k = 0; k < LANES; k++) \
				sums[k] += term(row[i + k]); \
		for (; i < reader->classes; i++) \
			sum += term(row[i]); \
		for (size_t k = 0; k < LANES; k++) \
			sum += sums[k]; \
		return sum; \
	}

#define BY_TABLE(score) ((void)least, reader->powers[best - (score)])
#define BY_SCALE(score) exp_below(reader->scale * GREATER((float)((score) - best), least))
#define BY_VALUE(score) exp_below(GREATER((score) - best, least))

DEFINE_SUM(int8, int8_t, BY_TABLE)
DEFINE_SUM(uint8, uint8_t, BY_TABLE)
DEFINE_SUM(int16, int16_t, BY_SCALE)
DEFINE_SUM(float32, float, BY_VALUE)

/* The sum of exp(score - best score) over a row: the best class's share of it is its confidence. */
static float softmax_sum(const struct tfl_top_reader *reader, const void *row, float best)
{
	float least = EXPONENT_LEAST / reader->scale;

	switch (reader->dtype) {
	case TFL_INT8:
		return sum_int8(reader, row, (int8_t)best, least);
	case TFL_UINT8:
		return sum_uint8(reader, row, (uint8_t)best, least);
	case TFL_INT16:
		return sum_int16(reader, row, (int16_t)best, least);
	default:
		return sum_float32(reader, row, best, least);
	}
}

void tfl_top_read(const struct tfl_top_reader *reader, const void *row, struct tfl_top *ret_top)
{
	struct tfl_top top = {.confidence = NAN, .margin = NAN};
	struct scan scan;
	float best, second, sum;

	scan_row(reader, row, &scan);
	top.index = scan.index;
	*ret_top = top;
	if (scan.invalid)
		return;
	best = real_of(reader, scan.best);
	second = reader->scores == TFL_SCORES_BINARY ? 1 - best : real_of(reader, scan.second);
	switch (reader->scores) {
	case TFL_SCORES_PROBABILITY:
		break;
	case TFL_SCORES_BINARY:
		top.index = best >= second;
		if (!top.index) {
			second = best;
			best = 1 - best;
		}
		break;
	case TFL_SCORES_LOG:
		best = expf(best);
		second = expf(second);
		break;
	case TFL_SCORES_LOGIT:
		sum = softmax_sum(reader, row, scan.best);
		second = exp_below(GREATER(second - best, EXPONENT_LEAST)) / sum;
		best = 1 / sum;
		break;
	}
	top.confidence = best;
	top.margin = best - second;
	*ret_top = top;
}

int tfl_top_reader_init(struct tfl_top_reader *reader, enum tfl_dtype dtype, enum tfl_scores scores, uint32_t classes, float scale,
			int32_t zero_point)
{
	if (dtype != TFL_FLOAT32 && dtype != TFL_INT8 && dtype != TFL_UINT8 && dtype != TFL_INT16)
		return -EINVAL;
	if (scores == TFL_SCORES_BINARY ? classes != 1 : classes < 2)
		return -EINVAL;
	if (dtype != TFL_FLOAT32 && !(isfinite(scale) && scale > 0))
		return -EINVAL;
	*reader = (struct tfl_top_reader){dtype, scores, classes, scale, zero_point, {0}};
	for (unsigned i = 0; i < 256; i++)
		reader->powers[i] = expf(-scale * (float)i);
	return 0;
}
