/* SPDX-License-Identifier: MIT */
#include "daemon/agreement.h"

#include <math.h>
#include <stdbool.h>

static void add(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount, __ATOMIC_RELAXED);
}

static double read_number(const double *number)
{
	double value;

	__atomic_load(number, &value, __ATOMIC_RELAXED);
	return value;
}

static void write_number(double *number, double value)
{
	__atomic_store(number, &value, __ATOMIC_RELAXED);
}

/* @p count: there is none, because nothing in the row is a number. */
static size_t best_of(const float *row, size_t count)
{
	size_t best = count;

	for (size_t i = 0; i < count; i++)
		if (!isnan(row[i]) && (best == count || row[i] > row[best]))
			best = i;
	return best;
}

/* 0 or 1, 2: none. */
static size_t side_of(float probability)
{
	return isnan(probability) ? 2 : probability > 0.5f;
}

static bool same_class(const float *right, const float *other, uint32_t classes)
{
	return classes == 1 ? side_of(*right) == side_of(*other) : best_of(right, classes) == best_of(other, classes);
}

uint64_t tfl_agreement_add(struct tfl_agreement_output *into, const float *right, const float *other, size_t count, uint32_t classes)
{
	double largest = read_number(&into->largest), sum = 0;
	uint64_t values = 0, invalid = 0, agreed = 0;
	const size_t rows = classes ? count / classes : 0;

	for (size_t i = 0; i < count; i++) {
		double difference = fabs((double)right[i] - (double)other[i]);

		invalid += isfinite(right[i]) && !isfinite(other[i]);
		if (!isfinite(difference))
			continue;
		values++;
		sum += difference;
		largest = fmax(largest, difference);
	}
	for (size_t row = 0; row < rows; row++)
		agreed += same_class(right + row * classes, other + row * classes, classes);
	add(&into->rows, rows);
	add(&into->agreed, agreed);
	add(&into->values, values);
	add(&into->invalid, invalid);
	write_number(&into->largest, largest);
	write_number(&into->sum, read_number(&into->sum) + sum);
	return agreed;
}

void tfl_agreement_count(struct tfl_agreement *agreement)
{
	add(&agreement->compared, 1);
}

void tfl_agreement_read(const struct tfl_agreement *agreement, struct tfl_agreement *ret_agreement)
{
	ret_agreement->version = agreement->version;
	ret_agreement->compared = __atomic_load_n(&agreement->compared, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < TFL_AGREEMENT_OUTPUTS_MAX; i++) {
		const struct tfl_agreement_output *output = &agreement->outputs[i];

		ret_agreement->outputs[i] = (struct tfl_agreement_output){
			.rows = __atomic_load_n(&output->rows, __ATOMIC_RELAXED),
			.agreed = __atomic_load_n(&output->agreed, __ATOMIC_RELAXED),
			.values = __atomic_load_n(&output->values, __ATOMIC_RELAXED),
			.largest = read_number(&output->largest),
			.sum = read_number(&output->sum),
			.invalid = __atomic_load_n(&output->invalid, __ATOMIC_RELAXED),
		};
	}
}
