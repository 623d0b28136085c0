/* SPDX-License-Identifier: MIT */
/*
 * Blocks are kept as sums: of their values, squares, and products with the value before. From these come mean, scatter, and the correlation of neighbours
 * r; the variance of the mean is that of independent blocks times (1 + r) / (1 - r), and so many times fewer blocks are independent. All values are taken
 * less the one that just keeps the limit, so "above 0" is what every block test asks.
 *
 * The wealth of bets on errors has a closed form: with a share p allowed, the stake spread over p to 1, after k errors in n requests it is
 *
 *   B(k + 1, n - k + 1) P(X <= k) / ((1 - p) p^k (1 - p)^(n - k)),    X of n + 1 trials with p
 *
 * because the integral of q^k (1 - q)^(n - k) from p to 1 is the upper part of a beta function.
 */
#include "stats/guard.h"

#include <math.h>
#include <string.h>

#include "stats/confidence.h"
#include "stats/drift.h"
#include "stats/latency.h"
#include "stats/tails.h"

#define ERROR 0.001   /* of one limit, over a whole trial */
#define SLOW_SHARE 0.01
#define LOOK_GROWTH 1.2
#define CORRELATION_MAX 0.9
#define INDEPENDENT_MIN (10 * TFL_DRIFT_GROUPS_MAX) /* records of a histogram, before its groups are compared */
#define UNSEEN 0.05                                 /* of the reference's variance: what moves nothing between its groups */
#define BESIDE_MIN 10                               /* requests of the reference in a block, before they are compared */

enum { PAST, BESIDE };

/* What is known of the mean of blocks' values. */
struct mean {
	double mean, error; /* of the mean */
	double freedom;
	double spread;      /* of the mean's variance, without the block that keeps the limit: what the scatter of the records says */
};

/* A look's means, handed down. */
struct look {
	struct tfl_guard *guard;
	const struct tfl_guard_limits *limits;
	const struct tfl_guard_seen *seen, *reference, *beside;
	bool hot;
	struct tfl_guard_row *rows;
};

static uint64_t count_latencies(const struct tfl_latency *latency)
{
	return latency ? latency->count : 0;
}

static uint64_t count_confidences(const struct tfl_confidence *confidence)
{
	return confidence ? confidence->count : 0;
}

static double slow_count(const struct tfl_latency *latency, double slow_ns)
{
	uint64_t edge = (uint64_t)slow_ns, below;

	if (!latency || slow_ns <= 0)
		return 0;
	tfl_latency_cumulate(latency, &edge, 1, &below);
	return (double)latency->count - (double)below;
}

static struct tfl_guard_count counted(const struct tfl_guard *guard, const struct tfl_guard_seen *seen)
{
	if (!seen)
		return (struct tfl_guard_count){0};
	return (struct tfl_guard_count){
		.requests = (double)seen->requests,
		.latencies = (double)count_latencies(seen->latency),
		.slow = slow_count(seen->latency, guard->slow_ns),
		.confidences = (double)count_confidences(seen->confidence),
		.confidence_sum = seen->confidence ? (double)seen->confidence->sum * 0x1p-24 : 0,
	};
}

/* Blocks. */

void tfl_guard_add_block(struct tfl_guard_blocks *blocks, double value)
{
	if (blocks->count > 0)
		blocks->products += value * blocks->last;
	else
		blocks->first = value;
	blocks->last = value;
	blocks->count++;
	blocks->sum += value;
	blocks->squares += value * value;
}

static struct mean mean_of(const struct tfl_guard_blocks *blocks, double more_variance)
{
	double plain = blocks->sum / blocks->count, scatter = fmax(0, blocks->squares / blocks->count - plain * plain), r = 0;
	double count = blocks->count + 1, mean = blocks->sum / count, all, factor, pairs = blocks->count - 1;

	/* The first block has none before it, the last none behind: far from the limit either weighs more than all the scatter. */
	if (scatter > 1e-12)
		r = ((blocks->products - plain * (2 * blocks->sum - blocks->first - blocks->last)) / pairs + plain * plain) / scatter;
	r += (1 + 3 * r) / blocks->count; /* of few blocks it comes out too small, by so much (Kendall) … */
	r = r * r * blocks->count < 1 ? 0 : fmin(fmax(r, 0), CORRELATION_MAX); /* … and below its own standard error it is none */
	factor = (1 + r) / (1 - r);
	all = fmax(0, blocks->squares / count - mean * mean) * count / (count - 1);
	return (struct mean){
		.mean = mean,
		.error = sqrt(all / count * factor + more_variance),
		.freedom = fmax(1, blocks->count / factor),
		.spread = scatter / (blocks->count - 1) * factor,
	};
}

/* How many times what independent records would have the blocks' variance of the mean is; at least 1. Both with so much independent scatter more. */
static double dependence_of(const struct tfl_guard_blocks *blocks, double records, double record_variance, double more)
{
	if (blocks->count < TFL_GUARD_BLOCKS_MIN || records < 2 || record_variance + more <= 0)
		return 1;
	return fmax(1, (mean_of(blocks, 0).spread * records + more) / (record_variance + more));
}

/* Beginning. */

/*
 * Of the middles of the fine bins, about the mean; and at least what records have that lie anywhere in their bins. All in one bin, whose middle is their
 * mean by chance, would seem to be one value, and beside that the least scatter of blocks would seem to be a great dependence.
 */
static double variance(const struct tfl_confidence *confidence)
{
	double mean = tfl_confidence_mean(confidence), sum = 0, inside = 0;

	for (unsigned i = 0; i < TFL_CONFIDENCE_FINE; i++) {
		double low = tfl_confidence_edge(i), high = tfl_confidence_edge(i + 1), away = (low + high) / 2 - mean;

		sum += (double)confidence->fine[i] * away * away;
		inside += (double)confidence->fine[i] * (high - low) * (high - low) / 12;
	}
	return confidence->count > 1 ? fmax(sum, inside) / ((double)confidence->count - 1) : 0;
}

/* What is slow, against the reference's p99. */
static double slow_of(const struct tfl_guard *guard, const struct tfl_guard_limits *limits)
{
	return fmax(guard->reference_p99_ns * limits->p99_ratio, guard->reference_p99_ns + TFL_GUARD_SLOWER_NS);
}

static void use_latency(struct tfl_guard *guard, const struct tfl_guard_limits *limits, const struct tfl_guard_seen *reference)
{
	double slow_ns = limits->absolute_p99_ns;

	if (reference && count_latencies(reference->latency) >= TFL_GUARD_REFERENCE_MIN) {
		guard->has_latency = 1;
		guard->reference_p99_ns = (double)tfl_latency_percentile(reference->latency, 1 - SLOW_SHARE);
		slow_ns = slow_of(guard, limits);
	}
	guard->slow_ns = fmin(fmax(slow_ns, 1), 0x1p40);
	guard->slow_ns = (double)tfl_latency_edge((uint64_t)guard->slow_ns);
}

static void use_confidence(struct tfl_guard *guard, const struct tfl_guard_seen *reference)
{
	if (!reference || count_confidences(reference->confidence) < TFL_GUARD_REFERENCE_MIN)
		return;
	guard->has_confidence = 1;
	guard->reference_mean = tfl_confidence_mean(reference->confidence);
	guard->reference_records = (double)reference->confidence->count;
	guard->reference_variance = variance(reference->confidence) / guard->reference_records;
	if (reference->minutes && reference->minutes->count >= TFL_GUARD_BLOCKS_MIN)
		guard->reference_dependence = dependence_of(reference->minutes, reference->minutes_records, variance(reference->confidence), 0);
}

static void use_errors(struct tfl_guard *guard, const struct tfl_guard_limits *limits, const struct tfl_guard_seen *reference)
{
	guard->allowed_errors = limits->absolute_errors;
	if (reference && reference->requests >= TFL_GUARD_REFERENCE_MIN) {
		double errors = fmin((double)reference->errors, (double)reference->requests), requests = (double)reference->requests;

		guard->reference_errors = errors / requests;
		guard->allowed_errors = limits->errors + tfl_tail_beta_inverse(errors + 1, fmax(requests - errors, 0.5), 1 - ERROR);
	}
	guard->allowed_errors = fmin(fmax(guard->allowed_errors, 1e-6), 1 - 1e-6);
}

void tfl_guard_init(struct tfl_guard *guard, const struct tfl_guard_limits *limits, const struct tfl_guard_seen *reference)
{
	memset(guard, 0, sizeof(*guard));
	use_errors(guard, limits, reference);
	use_latency(guard, limits, reference);
	use_confidence(guard, reference);
	for (unsigned i = 0; i < TFL_GUARD_SUBJECTS; i++)
		guard->next[i][PAST] = guard->next[i][BESIDE] = TFL_GUARD_BLOCKS_MIN;
}

/* Cutting blocks. */

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void close_latency(struct look *look, const struct tfl_guard_count *now, const struct tfl_guard_count *beside)
{
	struct tfl_guard *guard = look->guard;
	double latencies = now->latencies - guard->open.latencies, others = beside->latencies - guard->open_beside.latencies;
	double slow = share(now->slow - guard->open.slow, latencies);

	if (guard->open_hot || latencies < TFL_GUARD_BLOCK / 2)
		return;
	tfl_guard_add_block(&guard->latency[PAST], slow - SLOW_SHARE);
	if (others >= BESIDE_MIN)
		tfl_guard_add_block(&guard->latency[BESIDE], slow - share(beside->slow - guard->open_beside.slow, others) - SLOW_SHARE);
}

static void close_confidence(struct look *look, const struct tfl_guard_count *now, const struct tfl_guard_count *beside)
{
	struct tfl_guard *guard = look->guard;
	double records = now->confidences - guard->open.confidences, others = beside->confidences - guard->open_beside.confidences;
	double mean = share(now->confidence_sum - guard->open.confidence_sum, records);

	if (records < TFL_GUARD_BLOCK / 2)
		return;
	if (guard->has_confidence)
		tfl_guard_add_block(&guard->confidence[PAST], guard->reference_mean - look->limits->confidence_drop - mean);
	else
		tfl_guard_add_block(&guard->confidence[PAST], look->limits->absolute_confidence - mean);
	if (others >= BESIDE_MIN)
		tfl_guard_add_block(&guard->confidence[BESIDE], share(beside->confidence_sum - guard->open_beside.confidence_sum, others) -
							      look->limits->confidence_drop - mean);
}

static bool shrunk(const struct tfl_guard_count *now, const struct tfl_guard_count *before)
{
	return now->requests < before->requests || now->latencies < before->latencies || now->slow < before->slow ||
	       now->confidences < before->confidences;
}

/* Ends the block that is under way, once it is long enough. */
static void cut_block(struct look *look, double seconds)
{
	struct tfl_guard *guard = look->guard;
	struct tfl_guard_count now = counted(guard, look->seen), beside = counted(guard, look->beside);

	guard->open_hot = guard->open_hot || look->hot;
	if (guard->open_set && !shrunk(&now, &guard->open) && !shrunk(&beside, &guard->open_beside)) {
		if (now.requests - guard->open.requests < TFL_GUARD_BLOCK || seconds - guard->open_since < look->limits->block_seconds)
			return;
		close_latency(look, &now, &beside);
		close_confidence(look, &now, &beside);
	}
	guard->open_set = 1;
	guard->open = now;
	guard->open_beside = beside;
	guard->open_since = seconds;
	guard->open_hot = look->hot;
}

/* What the look at so many blocks may spend, when one is due: 0 when none is. */
static double spend(struct tfl_guard *guard, enum tfl_guard_subject subject, unsigned against, double blocks)
{
	double *looks = &guard->looks[subject][against], *next = &guard->next[subject][against];

	if (blocks < *next)
		return 0;
	(*looks)++;
	*next = ceil(blocks * LOOK_GROWTH);
	return ERROR / 2 / (*looks * (*looks + 1)); /* half for each of both references */
}

/* How much of what trips at @p allowed there is, as logarithms go. */
static double evidence_of(double probability, double allowed)
{
	if (probability >= 1)
		return 0;
	return fmin(1, fmax(0, log(fmax(probability, 1e-300)) / log(allowed)));
}

static double allowed_now(const struct tfl_guard *guard, enum tfl_guard_subject subject, unsigned against)
{
	double looks = fmax(1, guard->looks[subject][against]);

	return ERROR / 2 / (looks * (looks + 1));
}

/* Whether the mean of these blocks is above 0; between looks it is told what there is, and nothing trips. */
static bool blocks_trip(struct look *look, enum tfl_guard_subject subject, unsigned against, const struct tfl_guard_blocks *blocks,
			double more_variance, struct tfl_guard_row *row)
{
	double allowed = spend(look->guard, subject, against, blocks->count), probability;
	struct mean mean;

	if (blocks->count < TFL_GUARD_BLOCKS_MIN) {
		row->evidence = 0;
		return false;
	}
	mean = mean_of(blocks, more_variance);
	probability = mean.mean > 0 ? tfl_tail_student(mean.mean / fmax(mean.error, 1e-12), mean.freedom) : 1;
	row->standing = TFL_GUARD_WITHIN;
	row->evidence = evidence_of(probability, allowed_now(look->guard, subject, against));
	return allowed > 0 && probability <= allowed;
}

/* The reference beside is the better one, once there are enough blocks with it. */
static bool either_trips(struct look *look, enum tfl_guard_subject subject, const struct tfl_guard_blocks blocks[2], double more_variance)
{
	struct tfl_guard_row *row = &look->rows[subject];

	if (blocks[BESIDE].count < TFL_GUARD_BLOCKS_MIN)
		return blocks_trip(look, subject, PAST, &blocks[PAST], more_variance, row);
	row->beside = true;
	return blocks_trip(look, subject, BESIDE, &blocks[BESIDE], 0, row);
}

/* Limits, one by one: each fills its row, and says whether it trips. */

static bool errors_trip(struct look *look)
{
	double p = look->guard->allowed_errors, n = (double)look->seen->requests, k = fmin((double)look->seen->errors, n), wealth;
	struct tfl_guard_row *row = &look->rows[TFL_GUARD_ERRORS];

	row->value = share(k, n);
	row->reference = look->guard->reference_errors;
	row->limit = p;
	row->absolute = !look->reference || look->reference->requests < TFL_GUARD_REFERENCE_MIN;
	row->standing = n < TFL_GUARD_BLOCK && k < TFL_GUARD_ERRORS_MIN ? TFL_GUARD_FEW : TFL_GUARD_WITHIN;
	if (k <= p * n)
		return false;
	wealth = tfl_log_beta(k + 1, n - k + 1) + log(fmax(tfl_tail_beta(n - k + 1, k + 1, 1 - p), 1e-300)) - log1p(-p) - k * log(p) -
		 (n - k) * log1p(-p);
	row->evidence = fmin(fmin(1, fmax(0, wealth / -log(ERROR))), k / TFL_GUARD_ERRORS_MIN);
	return row->evidence >= 1;
}

static bool latency_trips(struct look *look)
{
	struct tfl_guard *guard = look->guard;
	struct tfl_guard_row *row = &look->rows[TFL_GUARD_LATENCY];
	bool trips;

	row->value = look->seen->latency ? (double)tfl_latency_percentile(look->seen->latency, 1 - SLOW_SHARE) : 0;
	row->reference = guard->reference_p99_ns;
	row->limit = guard->has_latency ? slow_of(guard, look->limits) : look->limits->absolute_p99_ns;
	row->absolute = !guard->has_latency;
	row->standing = TFL_GUARD_FEW;
	trips = either_trips(look, TFL_GUARD_LATENCY, guard->latency, 0);
	if (look->hot && !trips)
		row->standing = TFL_GUARD_WAITS;
	return trips && !look->hot;
}

/* Of the candidate's records; and of the reference's, for which they stand where it has no minutes of its own. */
static double dependence(const struct look *look)
{
	const struct tfl_confidence *seen = look->seen->confidence;
	const struct tfl_guard *guard = look->guard;
	double more = guard->reference_dependence > 0 ? UNSEEN * guard->reference_variance * guard->reference_records : 0;

	return dependence_of(&guard->confidence[PAST], (double)seen->count, variance(seen), more);
}

static double reference_dependence(const struct look *look)
{
	return look->guard->reference_dependence > 0 ? look->guard->reference_dependence : dependence(look);
}

/*
 * What the mean of the candidate's blocks does not know: the error of the reference's mean, and, while its own few blocks happen to look less dependent than
 * the reference's many, that they hardly are.
 */
static double unknown_variance(const struct look *look)
{
	const struct tfl_confidence *seen = look->seen->confidence;
	double past = reference_dependence(look), own = dependence(look);

	return look->guard->reference_variance * past + (seen->count > 0 ? fmax(0, past - own) * variance(seen) / (double)seen->count : 0);
}

static bool confidence_trips(struct look *look)
{
	struct tfl_guard *guard = look->guard;
	struct tfl_guard_row *row = &look->rows[TFL_GUARD_CONFIDENCE];

	row->absolute = !guard->has_confidence;
	row->reference = guard->reference_mean;
	row->limit = fmax(0, guard->has_confidence ? guard->reference_mean - look->limits->confidence_drop : look->limits->absolute_confidence);
	if (!look->seen->confidence)
		return false;
	row->value = tfl_confidence_mean(look->seen->confidence);
	row->standing = TFL_GUARD_FEW;
	return either_trips(look, TFL_GUARD_CONFIDENCE, guard->confidence, unknown_variance(look));
}

static bool drift_trips(struct look *look)
{
	struct tfl_guard *guard = look->guard;
	struct tfl_guard_row *row = &look->rows[TFL_GUARD_DRIFT];
	const struct tfl_confidence *reference = look->reference ? look->reference->confidence : NULL;
	double blocks = guard->confidence[PAST].count, window, baseline, allowed, noise, error;
	struct tfl_drift drift;

	row->limit = look->limits->drift;
	if (!look->seen->confidence || count_confidences(reference) < TFL_DRIFT_RECORDS_MIN)
		return false;
	tfl_drift_compute(reference, look->seen->confidence, &drift);
	row->value = drift.psi;
	row->standing = TFL_GUARD_FEW;
	if (drift.window_records < TFL_DRIFT_RECORDS_MIN || blocks < TFL_GUARD_BLOCKS_MIN)
		return false;
	window = (double)drift.window_records / dependence(look);
	baseline = (double)drift.baseline_records / reference_dependence(look);
	if (fmin(window, baseline) < INDEPENDENT_MIN)
		return false;
	row->standing = TFL_GUARD_WITHIN;
	allowed = spend(guard, TFL_GUARD_DRIFT, PAST, blocks);
	noise = 1 / window + 1 / baseline;
	error = sqrt(4 * drift.psi_raw * noise + 2 * (drift.groups - 1) * noise * noise);
	drift.psi_raw -= (drift.groups - 1) * noise + look->limits->drift;
	if (drift.psi_raw <= 0 || error <= 0)
		return false;
	row->evidence = evidence_of(tfl_tail_normal(drift.psi_raw / error), allowed_now(guard, TFL_GUARD_DRIFT, PAST));
	return allowed > 0 && tfl_tail_normal(drift.psi_raw / error) <= allowed;
}

static bool nan_trips(struct look *look)
{
	struct tfl_guard_row *row = &look->rows[TFL_GUARD_NAN];

	row->value = (double)look->seen->nan;
	row->limit = (double)look->limits->nan;
	row->standing = TFL_GUARD_WITHIN;
	row->evidence = fmin(1, row->value / fmax(1, row->limit));
	return look->seen->nan > 0 && look->seen->nan >= look->limits->nan;
}

/* In the order in which one is the reason where several trip. */
static const struct {
	enum tfl_guard_subject subject;
	bool (*trips)(struct look *look);
} tests[] = {
	{TFL_GUARD_NAN, nan_trips},
	{TFL_GUARD_ERRORS, errors_trip},
	{TFL_GUARD_CONFIDENCE, confidence_trips},
	{TFL_GUARD_DRIFT, drift_trips},
	{TFL_GUARD_LATENCY, latency_trips},
};

bool tfl_guard_look(struct tfl_guard *guard, const struct tfl_guard_limits *limits, const struct tfl_guard_seen *seen,
		    const struct tfl_guard_seen *reference, const struct tfl_guard_seen *beside, bool hot, double seconds,
		    struct tfl_guard_row ret_rows[TFL_GUARD_SUBJECTS])
{
	struct tfl_guard_row rows[TFL_GUARD_SUBJECTS] = {0};
	struct look look = {guard, limits, seen, reference, beside, hot, rows};

	cut_block(&look, seconds);
	for (unsigned i = 0; i < TFL_GUARD_SUBJECTS; i++) {
		if (tests[i].trips(&look) && guard->tripped == 0)
			guard->tripped = 1 + tests[i].subject;
	}
	if (guard->tripped > 0)
		rows[(unsigned)guard->tripped - 1].standing = TFL_GUARD_TRIPPED;
	if (ret_rows)
		memcpy(ret_rows, rows, sizeof(rows));
	return guard->tripped > 0;
}

const char *tfl_guard_subject_to_string(enum tfl_guard_subject subject)
{
	static const char *const names[] = {
		[TFL_GUARD_ERRORS] = "errors", [TFL_GUARD_LATENCY] = "latency", [TFL_GUARD_CONFIDENCE] = "confidence",
		[TFL_GUARD_DRIFT] = "drift",   [TFL_GUARD_NAN] = "nan",
	};

	return names[subject];
}

bool tfl_guard_valid(const struct tfl_guard *guard)
{
	const double *values = (const double *)guard;

	for (unsigned i = 0; i < sizeof(*guard) / sizeof(*values); i++) {
		if (!isfinite(values[i]) || fabs(values[i]) > 1e20)
			return false;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (guard->latency[i].count < 0 || guard->confidence[i].count < 0)
			return false;
		for (unsigned subject = 0; subject < TFL_GUARD_SUBJECTS; subject++) {
			if (guard->looks[subject][i] < 0)
				return false;
		}
	}
	return guard->allowed_errors > 0 && guard->allowed_errors < 1 && guard->slow_ns >= 0 && guard->slow_ns <= 0x1p41 &&
	       guard->reference_variance >= 0 && guard->reference_dependence >= 0 && guard->tripped >= 0 && guard->tripped <= TFL_GUARD_SUBJECTS &&
	       guard->tripped == floor(guard->tripped);
}

void tfl_guard_resume(struct tfl_guard *guard)
{
	guard->open_set = guard->open_hot = 0;
	memset(&guard->open, 0, sizeof(guard->open));
	memset(&guard->open_beside, 0, sizeof(guard->open_beside));
}
