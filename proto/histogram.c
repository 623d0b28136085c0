/* SPDX-License-Identifier: MIT */
/*
 * Zeros are not written: of the 400 counters of a good classifier's histogram, twenty are used.
 */
#include "proto/histogram.h"

#include "proto/writer.h"

void tfl_counters_write(struct tfl_writer *writer, const char *key, const uint64_t *counters, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++)
		used += counters[i] > 0;
	tfl_writer_text(writer, key);
	tfl_writer_array(writer, 2 * used);
	for (uint32_t i = 0; i < count; i++) {
		if (counters[i] == 0)
			continue;
		tfl_writer_uint64(writer, i);
		tfl_writer_uint64(writer, counters[i]);
	}
}

static void write_number(struct tfl_writer *writer, const char *key, uint64_t number)
{
	tfl_writer_text(writer, key);
	tfl_writer_uint64(writer, number);
}

void tfl_wire_histogram_write(struct tfl_writer *writer, const char *key, const struct tfl_wire_histogram *histogram)
{
	tfl_writer_text(writer, key);
	tfl_writer_map(writer, 5);
	write_number(writer, "invalid", histogram->invalid);
	write_number(writer, "sum", histogram->sum);
	tfl_counters_write(writer, "bins", histogram->bins, histogram->bin_count);
	tfl_counters_write(writer, "margins", histogram->margins, histogram->bin_count);
	tfl_counters_write(writer, "fine", histogram->fine, histogram->fine_count);
}
