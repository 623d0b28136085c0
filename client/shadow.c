/* SPDX-License-Identifier: MIT */
#include "client/shadow.h"

#include <stdio.h>

#include "client/print.h"
#include "client/tflclient.h"

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

void ctl_results_print(const struct tfl_value *results)
{
	for (size_t i = 0; i < tfl_value_size(results); i++)
		ctl_printf("%s%llu %s", i ? ", " : "", (unsigned long long)tfl_value_uint(tfl_value_at(results, i), 0),
			   tfl_value_key_at(results, i));
}

/* How far a version that gets copies agrees with those that answered: a line for each of them and each output. */
static void print_agreement(const struct tfl_value *agreement)
{
	struct ctl_table table = {.columns = 6, .right = 0x3a};

	if (tfl_value_size(agreement) == 0)
		return;
	ctl_table_add(&table, "OUTPUT");
	ctl_table_add(&table, "COMPARED");
	ctl_table_add(&table, "WITH");
	ctl_table_add(&table, "SAME CLASS");
	ctl_table_add(&table, "LARGEST DIFFERENCE");
	ctl_table_add(&table, "MEAN");
	for (size_t i = 0; i < tfl_value_size(agreement); i++) {
		const struct tfl_value *line = tfl_value_at(agreement, i);
		uint64_t rows = number(line, "rows");

		ctl_table_add(&table, "%s", tfl_value_string(tfl_value_get(line, "output"), ""));
		ctl_table_add(&table, "%llu", (unsigned long long)number(line, "compared"));
		ctl_table_add(&table, "@%llu", (unsigned long long)number(line, "version"));
		if (rows)
			ctl_table_add(&table, "%.2f %%", 100.0 * (double)number(line, "agreed") / (double)rows);
		else
			ctl_table_add(&table, "-");
		ctl_table_add(&table, "%.4g", tfl_value_double(tfl_value_get(line, "largest_difference"), 0));
		ctl_table_add(&table, "%.4g", tfl_value_double(tfl_value_get(line, "mean_difference"), 0));
		if (number(line, "invalid"))
			ctl_table_note(&table, 2, "it has numbers that are none (NaN or infinite), where the other has some");
	}
	ctl_table_print(&table, "  ");
}

/* What a version does that gets copies of requests and never answers. */
void ctl_shadow_print(const struct tfl_value *model, const struct tfl_value *shadow)
{
	const struct tfl_value *compute = tfl_value_get(shadow, "compute");
	char p50[CTL_UNIT_MAX], p99[CTL_UNIT_MAX];

	if (tfl_value_size(shadow) == 0)
		return;
	ctl_printf("%s@%llu  is the shadow", tfl_value_string(model, ""), (unsigned long long)number(shadow, "version"));
	if (!tfl_value_bool(tfl_value_get(shadow, "running"), false)) {
		ctl_printf(", and gets no copies: %s\n", tfl_value_string(tfl_value_get(shadow, "reason"), ""));
		return;
	}
	ctl_printf(": %llu copies run", (unsigned long long)number(shadow, "requests"));
	if (number(shadow, "requests")) {
		fputs(" (", stdout);
		ctl_results_print(tfl_value_get(shadow, "results"));
		fputs(")", stdout);
	}
	ctl_printf(", %llu left out for want of time\n", (unsigned long long)number(shadow, "dropped"));
	if (number(shadow, "uncompared"))
		ctl_printf("  %llu could not be compared: other outputs, too large ones, or too many versions\n",
			   (unsigned long long)number(shadow, "uncompared"));
	if (number(compute, "max_ns"))
		printf("  processor time: p50 %s, p99 %s\n", ctl_format_duration(p50, (double)number(compute, "p50_ns")),
		       ctl_format_duration(p99, (double)number(compute, "p99_ns")));
	print_agreement(tfl_value_get(shadow, "agreement"));
}
