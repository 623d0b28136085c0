/* SPDX-License-Identifier: MIT */
/*
 * The table of a comparison, which fits 80 columns, and sentences for what it says in figures. A difference that is sure and of no
 * consequence is said to be so; what cannot be told is said to be that, with the number of requests after which it could be.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "client/compare.h"
#include "client/print.h"

#define CELL 64

/* How a subject is shown, and what its two ends are called. */
struct row {
	const char *name;
	void (*value)(char cell[static CELL], double value);
	double scale;         /* of its differences */
	double zero;          /* no difference */
	const char *unit;     /* behind a difference */
	int decimals;
	const char *better;   /* "@2 fails less often" */
	const char *matters;  /* "1 point", the least difference that does */
	const char *open;     /* how a sentence begins about what cannot be told */
};

static void format_share(char cell[static CELL], double value)
{
	snprintf(cell, CELL, "%.2f %%", 100 * value);
}

static void format_latency(char cell[static CELL], double value)
{
	ctl_format_duration(cell, value);
}

static void format_confidence(char cell[static CELL], double value)
{
	snprintf(cell, CELL, "%.3f", value);
}

static void format_nothing(char cell[static CELL], double value)
{
	cell[0] = '\0';
}

static const struct row rows[TFL_COMPARE_SUBJECTS] = {
	[TFL_COMPARE_ERRORS] = {"failed", format_share, 100, 0, " points", 2, "fails less often", "1 point", "Who fails less often"},
	[TFL_COMPARE_P50] = {"p50", format_latency, 100, 1, " %", 1, "is faster at p50", "5 %", "p50"},
	[TFL_COMPARE_P99] = {"p99", format_latency, 100, 1, " %", 1, "is faster at p99", "10 %", "p99"},
	[TFL_COMPARE_CONFIDENCE] = {"confidence", format_confidence, 1, 0, "", 3, "is surer", "0.02", "Who is surer"},
	[TFL_COMPARE_DISTRIBUTION] = {"  its spread", format_nothing, 1, 0, "", 3, "", "0.1", "The spread of confidence"},
};

/* As it is printed: without the sign of what is printed as zero. */
static double shown(const struct row *row, double value)
{
	double least = 0.5 * pow(10, -row->decimals), scaled = row->scale * (value - row->zero);

	return fabs(scaled) < least ? 0 : scaled;
}

/* "-4.6 % (-5.1 to -4.0)" */
static void format_difference(const struct row *row, const struct tfl_comparison *subject, char cell[static CELL])
{
	snprintf(cell, CELL, "%+.*f%s (%+.*f to %+.*f)", row->decimals, shown(row, subject->difference), row->unit, row->decimals,
		 shown(row, subject->low), row->decimals, shown(row, subject->high));
}

static const char *better_of(const struct ctl_compare *compare, const struct tfl_comparison *subject, char cell[static CELL])
{
	switch (subject->verdict) {
	case TFL_COMPARE_FIRST:
	case TFL_COMPARE_SECOND:
		snprintf(cell, CELL, "@%llu%s", (unsigned long long)compare->sides[subject->verdict == TFL_COMPARE_SECOND].version,
			 subject->slight ? ", slightly" : "");
		return cell;
	case TFL_COMPARE_SAME:
		return "neither";
	case TFL_COMPARE_OTHER:
		return subject->slight ? "differ slightly" : "they differ";
	case TFL_COMPARE_UNKNOWN:
		break;
	}
	return "cannot be told";
}

static void add_subject(struct ctl_table *table, const struct ctl_compare *compare, enum tfl_compare_subject which)
{
	const struct tfl_comparison *subject = &compare->result.subjects[which];
	const struct row *row = &rows[which];
	char first[CELL] = "-", second[CELL] = "-", difference[CELL] = "-", better[CELL];
	bool is_latency = which == TFL_COMPARE_P50 || which == TFL_COMPARE_P99;

	if (subject->first > 0 || (!is_latency && compare->sides[0].requests > 0))
		row->value(first, subject->first);
	if (subject->second > 0 || (!is_latency && compare->sides[1].requests > 0))
		row->value(second, subject->second);
	if (subject->measured)
		format_difference(row, subject, difference);
	ctl_table_add(table, "%s", row->name);
	ctl_table_add(table, "%s", first);
	ctl_table_add(table, "%s", second);
	ctl_table_add(table, "%s", difference);
	ctl_table_add(table, "%s", better_of(compare, subject, better));
}

static bool is_compared(const struct ctl_compare *compare, enum tfl_compare_subject which)
{
	return compare->output || (which != TFL_COMPARE_CONFIDENCE && which != TFL_COMPARE_DISTRIBUTION);
}

/* Of each for itself, which is no comparison: whether it has moved from its own baseline. */
static void add_drift(struct ctl_table *table, const struct ctl_compare *compare)
{
	ctl_table_add(table, "  drift, PSI");
	for (unsigned i = 0; i < 2; i++) {
		const struct ctl_compare_side *side = &compare->sides[i];

		if (strcmp(side->drift, "unknown") == 0)
			ctl_table_add(table, "-");
		else
			ctl_table_add(table, "%.3f", side->psi);
	}
	ctl_table_add(table, "%s", "");
	if (strcmp(compare->sides[0].drift, compare->sides[1].drift) == 0)
		ctl_table_add(table, "both %s", compare->sides[0].drift);
	else
		ctl_table_add(table, "%s, %s", compare->sides[0].drift, compare->sides[1].drift);
}

static void print_table(const struct ctl_compare *compare)
{
	struct ctl_table table = {.columns = 5, .right = 0x6};
	char memory[CTL_UNIT_MAX];

	ctl_table_add(&table, "%s", "");
	for (unsigned i = 0; i < 2; i++)
		ctl_table_add(&table, "@%llu%s", (unsigned long long)compare->sides[i].version, compare->sides[i].active ? " active" : "");
	ctl_table_add(&table, "DIFFERENCE");
	ctl_table_add(&table, "BETTER");
	ctl_table_add(&table, "requests");
	for (unsigned i = 0; i < 2; i++)
		ctl_table_add(&table, "%llu", (unsigned long long)compare->sides[i].requests);
	ctl_table_add(&table, "%s", "");
	ctl_table_add(&table, "%s", "");
	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++)
		if (is_compared(compare, i))
			add_subject(&table, compare, i);
	if (compare->output)
		add_drift(&table, compare);
	ctl_table_add(&table, "memory");
	for (unsigned i = 0; i < 2; i++)
		ctl_table_add(&table, "%s", ctl_format_bytes(memory, compare->sides[i].memory_bytes));
	ctl_table_add(&table, "%s", "");
	ctl_table_add(&table, "%s", "");
	ctl_table_print(&table, "  ");
}

/* "99.97 % sure"; of what is all but certain, that it is. */
static void format_sure(char text[static CELL], double probability)
{
	if (probability < 1e-4)
		snprintf(text, CELL, "more than 99.99 %% sure");
	else
		snprintf(text, CELL, "%.2f %% sure", 100 * (1 - probability));
}

static bool is_open(const struct ctl_compare *compare)
{
	bool open = false;

	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++)
		open = open || (is_compared(compare, i) && compare->result.subjects[i].verdict == TFL_COMPARE_UNKNOWN);
	return open;
}

static void print_outcome(const struct ctl_compare *compare)
{
	const char *so_far = is_open(compare) ? " as far as can be told" : "";
	unsigned long long first = compare->sides[0].version, second = compare->sides[1].version;
	double probability;
	enum ctl_compare_outcome outcome = ctl_compare_outcome(&compare->result, &probability);
	char sure[CELL];

	format_sure(sure, probability);
	if (outcome == CTL_COMPARE_FIRST || outcome == CTL_COMPARE_SECOND)
		ctl_printf("%s@%llu is better%s, %s.\n", compare->model, outcome == CTL_COMPARE_FIRST ? first : second, so_far, sure);
	else if (outcome == CTL_COMPARE_BOTH)
		ctl_printf("Each is better at something%s, %s.\n", so_far, sure);
	else if (outcome == CTL_COMPARE_EQUAL)
		ctl_printf("Neither is better: there is no difference that matters.\n");
	else
		ctl_printf("Which is better cannot be told yet.\n");
}

static void print_finding(const struct ctl_compare *compare, enum tfl_compare_subject which)
{
	const struct tfl_comparison *subject = &compare->result.subjects[which];
	const struct row *row = &rows[which];
	unsigned long long better = compare->sides[subject->verdict == TFL_COMPARE_SECOND].version;
	char sure[CELL];

	format_sure(sure, subject->probability);
	if (subject->verdict == TFL_COMPARE_OTHER)
		ctl_printf_wrapped("", 2, "Their confidences are spread differently, %s%s; neither way is better.", sure,
				   subject->slight ? ", but too little to matter" : "");
	else if (subject->verdict != TFL_COMPARE_FIRST && subject->verdict != TFL_COMPARE_SECOND)
		return;
	else if (subject->slight)
		ctl_printf_wrapped("", 2, "@%llu %s, %s, but by less than %s, which is of no consequence.", better, row->better, sure,
				   row->matters);
	else
		ctl_printf_wrapped("", 2, "@%llu %s, %s.", better, row->better, sure);
}

/* "about 3,400": nobody means the last digits. */
static void format_more(char text[static CELL], uint64_t more, uint64_t version)
{
	double unit = more > 0 ? pow(10, floor(log10((double)more)) - 1) : 1;
	double rounded = unit > 1 ? ceil((double)more / unit) * unit : (double)more;

	snprintf(text, CELL, "%.0f of @%llu", rounded, (unsigned long long)version);
}

/* ", another 4 h 12 min as it goes", by the requests that each had since it was loaded; "" where that is not known. */
static void format_wait(char text[static CELL], const struct ctl_compare *compare, const uint64_t more[2], int64_t now)
{
	char wait[CTL_UNIT_MAX];
	double longest = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < 2; i++) {
		const struct ctl_compare_side *side = &compare->sides[i];

		if (more[i] > 0 && (side->requests == 0 || side->since == 0 || (int64_t)side->since >= now))
			return;
		if (more[i] > 0)
			longest = fmax(longest, (double)more[i] / (double)side->requests * (double)(now - (int64_t)side->since));
	}
	if (longest < 1e9)
		snprintf(text, CELL, ", another %s as it goes", ctl_format_uptime(wait, (uint64_t)ceil(longest)));
}

static void print_open(const struct ctl_compare *compare, enum tfl_compare_subject which, int64_t now)
{
	const struct tfl_comparison *subject = &compare->result.subjects[which];
	uint64_t more[2] = {subject->more_first, subject->more_second};
	char text[2][CELL], wait[CELL];

	if (subject->verdict != TFL_COMPARE_UNKNOWN)
		return;
	if (more[0] > INT64_MAX || more[1] > INT64_MAX) {
		ctl_printf_wrapped("", 2, "%s cannot be told: so small a difference takes more requests than there will be.",
				   rows[which].open);
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		format_more(text[i], more[i], compare->sides[i].version);
	format_wait(wait, compare, more, now);
	ctl_printf_wrapped("", 2, "%s %s %s%s%s more%s.", rows[which].open,
			   subject->measured ? "can be told, if it goes on so, after some" : "takes at least",
			   more[0] ? text[0] : "", more[0] && more[1] ? " and " : "", more[1] ? text[1] : "", wait);
}

static uint64_t number(const struct tfl_value *map, const char *key)
{
	return tfl_value_uint(tfl_value_get(map, key), 0);
}

/* What the shadow among them would have answered, held against what the other one did. */
static void print_agreement(const struct ctl_compare *compare)
{
	for (size_t i = 0; i < tfl_value_size(compare->agreement); i++) {
		const struct tfl_value *line = tfl_value_at(compare->agreement, i);
		uint64_t scored = number(line, "rows"), version = number(line, "version");
		char classes[96] = "";

		if ((version != compare->sides[0].version && version != compare->sides[1].version) || !number(line, "compared"))
			continue;
		if (scored)
			snprintf(classes, sizeof(classes), "the same class in %.2f %% of %llu rows, ",
				 100 * (double)number(line, "agreed") / (double)scored, (unsigned long long)scored);
		ctl_printf_wrapped("", 2, "They agree on '%s' in %llu copies: %snumbers at most %.4g apart, %.4g on the mean.",
				   tfl_value_string(tfl_value_get(line, "output"), ""), (unsigned long long)number(line, "compared"),
				   classes,
				   tfl_value_double(tfl_value_get(line, "largest_difference"), 0),
				   tfl_value_double(tfl_value_get(line, "mean_difference"), 0));
	}
}

/* A shadow has answered nobody. */
static void print_copied(const struct ctl_compare *compare)
{
	for (unsigned i = 0; i < 2; i++)
		if (compare->sides[i].copied)
			ctl_printf_wrapped("", 2,
					   "@%llu is a shadow: its requests are copies, and latency is the time for computing, of both.",
					   (unsigned long long)compare->sides[i].version);
}

/* "@2: 3 DEADLINE_EXCEEDED, 2 CANCELLED" of a side that has some: whose fault they are depends on what they are. */
static void print_failures(const struct ctl_compare_side *side)
{
	char text[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < tfl_value_size(side->results) && used < sizeof(text); i++) {
		const char *status = tfl_value_key_at(side->results, i);

		if (status && strcmp(status, "OK") != 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%llu %.32s", used ? ", " : "",
						 (unsigned long long)number(side->results, status), status);
	}
	if (used > 0)
		ctl_printf_wrapped("", 2, "Of @%llu failed: %s.", (unsigned long long)side->version, text);
}

/* Latency is a matter of what else went on. */
static void print_doubt(const struct ctl_compare *compare)
{
	bool differs = false;

	for (unsigned i = TFL_COMPARE_P50; i <= TFL_COMPARE_P99; i++) {
		const struct tfl_comparison *subject = &compare->result.subjects[i];
		bool better = subject->verdict == TFL_COMPARE_FIRST || subject->verdict == TFL_COMPARE_SECOND;

		differs = differs || (better && !subject->slight);
	}
	if (differs && !compare->computing)
		ctl_printf_wrapped("", 2, "That is the versions' doing where both served at the same time; else it may be the load's.");
}

void ctl_compare_print(const struct ctl_compare *compare, int64_t now)
{
	char since[2][CTL_UNIT_MAX];

	for (unsigned i = 0; i < 2; i++)
		ctl_format_time(since[i], compare->sides[i].since);
	ctl_printf("%s@%llu since %s, %s@%llu since %s\n", compare->model, (unsigned long long)compare->sides[0].version, since[0],
		   compare->model, (unsigned long long)compare->sides[1].version, since[1]);
	print_table(compare);
	print_outcome(compare);
	print_copied(compare);
	for (unsigned i = 0; i < 2; i++)
		print_failures(&compare->sides[i]);
	print_agreement(compare);
	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++)
		if (is_compared(compare, i))
			print_finding(compare, i);
	print_doubt(compare);
	for (unsigned i = 0; i < TFL_COMPARE_SUBJECTS; i++)
		if (is_compared(compare, i))
			print_open(compare, i, now);
	if (!compare->output && *compare->reason)
		ctl_printf_wrapped("", 2, "Confidence is not compared: %s.", compare->reason);
}
