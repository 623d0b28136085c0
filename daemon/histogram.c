/* SPDX-License-Identifier: MIT */
#include "daemon/histogram.h"

#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "base/util.h"
#include "proto/reader.h"
#include "stats/confidence.h"

void tfl_histogram_write(struct tfl_writer *writer, const char *key, const struct tfl_confidence *confidence)
{
	const struct tfl_wire_histogram histogram = {
		.invalid = confidence->invalid,
		.sum = confidence->sum,
		.bins = confidence->bins,
		.margins = confidence->margins,
		.fine = confidence->fine,
		.bin_count = TFL_CONFIDENCE_BINS,
		.fine_count = TFL_CONFIDENCE_FINE,
	};

	tfl_wire_histogram_write(writer, key, &histogram);
}

struct stored_histogram {
	uint64_t invalid, sum;
	struct tfl_wire_array bins, margins, fine;
};

#define AT(field) offsetof(struct stored_histogram, field)
static const struct tfl_param histogram_rows[] = {
	{"invalid", TFL_PARAM_UINT64, true, AT(invalid), 0, UINT64_MAX, NULL},
	{"sum", TFL_PARAM_UINT64, true, AT(sum), 0, UINT64_MAX, NULL},
	{"bins", TFL_PARAM_ARRAY, true, AT(bins), 0, 2 * TFL_CONFIDENCE_BINS, "counters"},
	{"margins", TFL_PARAM_ARRAY, true, AT(margins), 0, 2 * TFL_CONFIDENCE_BINS, "counters"},
	{"fine", TFL_PARAM_ARRAY, true, AT(fine), 0, 2 * TFL_CONFIDENCE_FINE, "counters"},
};
#undef AT

static const struct tfl_param_table histogram_table = TFL_PARAM_TABLE(histogram_rows, struct stored_histogram);

int tfl_counters_read(const struct tfl_wire_array *array, uint64_t *counters, uint32_t max, uint64_t *ret_sum, struct tfl_error *error)
{
	struct tfl_reader reader = tfl_reader_of(array->elements);
	uint64_t index, next = 0, value, sum = 0;
	int r = 0;

	for (uint32_t i = 0; i + 1 < array->count; i += 2) {
		r = tfl_reader_uint64(&reader, "an index", &index, error);
		if (r == 0)
			r = tfl_reader_uint64(&reader, "a count", &value, error);
		if (r == 0 && (index < next || index >= max || tfl_add_overflow(sum, value, &sum)))
			r = tfl_error_set(error, -EINVAL, "counter %" PRIu64 " cannot be", index);
		if (r < 0)
			break;
		counters[index] = value;
		next = index + 1;
	}
	*ret_sum = sum;
	return r;
}

int tfl_histogram_read(struct tfl_slice value, struct tfl_confidence *ret_confidence, struct tfl_error *error)
{
	struct tfl_confidence confidence = {0};
	struct stored_histogram stored;
	uint64_t margins = 0, fine = 0;
	int r;

	r = tfl_params_parse(&histogram_table, value, "histogram", &stored, error);
	if (r == 0)
		r = tfl_counters_read(&stored.bins, confidence.bins, TFL_CONFIDENCE_BINS, &confidence.count, error);
	if (r == 0)
		r = tfl_counters_read(&stored.margins, confidence.margins, TFL_CONFIDENCE_BINS, &margins, error);
	if (r == 0)
		r = tfl_counters_read(&stored.fine, confidence.fine, TFL_CONFIDENCE_FINE, &fine, error);
	if (r == 0 && (margins != confidence.count || fine != confidence.count || stored.sum >> 24 > confidence.count))
		r = tfl_error_set(error, -EINVAL, "the histograms do not agree on how many verdicts there are");
	if (r < 0)
		return r;
	confidence.invalid = stored.invalid;
	confidence.sum = stored.sum;
	*ret_confidence = confidence;
	return 0;
}
