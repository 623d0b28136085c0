/* SPDX-License-Identifier: MIT */
/*
 * Whether a version on trial is worse than it may be. Looked at again and again while requests come in; pure arithmetic over counters, time passed in.
 *
 * A limit trips only when it is sure that it is passed: not when what was seen is above it, but when so much could not have been seen, but for one trial
 * in a thousand a limit, of a version that just keeps it. Looking often does not change that:
 *
 *   errors      A share. Bets on each request, whose stake is spread evenly over all shares above what is allowed: the gain of such bets is a martingale
 *               for a version that keeps the limit, so that it ever reaches 1,000 has a probability of 1 in 1,000 (Ville), whenever one looks. Not before
 *               TFL_GUARD_ERRORS_MIN errors. What is allowed: the limit more than the highest share that the reference's errors can stand for.
 *   latency     A p99 is r times that of the reference when more than one in a hundred takes longer than that: so requests are slow or not. Requests
 *               come in blocks, of at least TFL_GUARD_BLOCK and so many seconds as the limits say; each block has a share of slow ones, and Student's
 *               test asks whether their mean is above one in a hundred. Bursts and neighbours that are alike are inside of blocks, so they are no
 *               evidence by themselves; what is left of it between blocks widens the error by their correlation. Looks are at 8 blocks and then at a
 *               fifth more each; the k-th spends 1 / k (k + 1) of the thousandth (an alpha-spending rule: all looks together spend no more than it).
 *   confidence  Likewise with the means of blocks: below the reference's by more than the limit.
 *   drift       PSI of the histograms (drift.h), its expectation under noise taken off and, by the same looks, as many of its standard errors; the noise
 *               is that of so many records as the blocks' scatter says are independent. Not before TFL_DRIFT_RECORDS_MIN records, and 100 independent ones.
 *               Scatter that is far below the reference's moves nothing between the groups that it is cut into, and counts as none.
 *   nan         So many requests whose inputs were numbers and whose outputs are not. No statistics: a count.
 *
 * In block tests one block more, which just keeps the limit, counts as seen: eight equal blocks are no proof of the ninth.
 *
 * How many of the reference's records are independent its own minutes say, where it has enough of them; else what is seen of the candidate.
 *
 * The reference is what the version before did: its latest requests, and, where both serve at the same time, what it did in the same blocks. Then blocks
 * are compared one by one, and a slow minute of the device is one of both. Without a reference only the absolute limits hold.
 *
 * While the device is hot (told by the caller) blocks say nothing about latency.
 */
#ifndef STATS_GUARD_H
#define STATS_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_confidence;
struct tfl_latency;

#define TFL_GUARD_BLOCK 20          /* requests of a block, at least */
#define TFL_GUARD_ERRORS_MIN 5      /* fewer trip nothing */
#define TFL_GUARD_BLOCKS_MIN 8      /* before blocks are looked at */
#define TFL_GUARD_SLOWER_NS 100000   /* a p99 that is longer by less than this is no worse, whatever the ratio */
#define TFL_GUARD_REFERENCE_MIN 100 /* records of a kind that a reference has at least; with fewer the absolute limits hold */

enum tfl_guard_subject {
	TFL_GUARD_ERRORS,
	TFL_GUARD_LATENCY,
	TFL_GUARD_CONFIDENCE,
	TFL_GUARD_DRIFT,
	TFL_GUARD_NAN,
	TFL_GUARD_SUBJECTS
};

struct tfl_guard_limits {
	double errors;              /* more than the reference's share: 0 to 1 */
	double p99_ratio;           /* above 1 */
	double confidence_drop;     /* 0 to 1 */
	double drift;               /* PSI */
	uint64_t nan;               /* requests; at least 1 */
	double block_seconds;       /* what comes within so short a time may have one cause */
	double absolute_errors;     /* share, where there is no reference */
	double absolute_p99_ns;     /* likewise */
	double absolute_confidence; /* likewise: the least mean */
};

/* Values of blocks; see guard.c. Zeroed memory is none. */
struct tfl_guard_blocks {
	double count, sum, squares, products, first, last;
};

/* What was seen of a version, all counted from one moment on. Borrowed for the call; NULL: there is none. */
struct tfl_guard_seen {
	uint64_t requests;                       /* that the version answered, well or not */
	uint64_t errors;                         /* of those: the version's own */
	uint64_t nan;                            /* with numbers in, and none out */
	const struct tfl_latency *latency;       /* of those that went well */
	const struct tfl_confidence *confidence; /* of one output */
	const struct tfl_guard_blocks *minutes;  /* of a reference: its mean, minute by minute, of … */
	double minutes_records;                  /* … so many records */
};

/* Where a block began. */
struct tfl_guard_count {
	double requests, latencies, slow, confidences, confidence_sum;
};

/* Plain data, to be written down as it is: doubles alone. */
struct tfl_guard {
	/* Set once. */
	double has_latency, has_confidence;        /* the reference has enough of it */
	double allowed_errors;                     /* share */
	double reference_errors;                   /* share */
	double reference_p99_ns, slow_ns;
	double reference_mean, reference_variance; /* of the confidence; and of its mean, were the records independent */
	double reference_records;
	double reference_dependence;               /* how many times that variance it is, were they not; 0: not known */
	/* Goes on. */
	struct tfl_guard_blocks latency[2], confidence[2]; /* against the reference that was, and against the one beside it */
	struct tfl_guard_count open, open_beside;          /* of the block that is under way */
	double open_since, open_hot, open_set;
	double looks[TFL_GUARD_SUBJECTS][2], next[TFL_GUARD_SUBJECTS][2]; /* of block tests: how many were, and at how many blocks the next is */
	double tripped;                                                  /* 1 + the subject; 0 none */
};

enum tfl_guard_standing {
	TFL_GUARD_NOTHING, /* there is nothing of it to be seen, or no limit without a reference */
	TFL_GUARD_FEW,     /* too little was seen yet */
	TFL_GUARD_WAITS,   /* the device is hot */
	TFL_GUARD_WITHIN,
	TFL_GUARD_TRIPPED,
};

/* How one limit stands. */
struct tfl_guard_row {
	enum tfl_guard_standing standing;
	bool absolute;    /* no reference */
	bool beside;      /* against what the reference does at the same time */
	double value;     /* what is seen: share of errors, p99 in ns, mean confidence, PSI, requests with NaN */
	double reference; /* the same of the reference; 0 where it has none */
	double limit;     /* of the value, in its units */
	double evidence;  /* 0 to 1: how much of what would trip it there is; below 1 it has not */
};

/** Adds a block, in the order in which they were. */
void tfl_guard_add_block(struct tfl_guard_blocks *blocks, double value);

/**
 * Begins. @p reference NULL: none. A reference's confidence is read now; for drift it is given again at each look.
 */
void tfl_guard_init(struct tfl_guard *guard, const struct tfl_guard_limits *limits, const struct tfl_guard_seen *reference);

/**
 * Looks. @p seen: the candidate's, all since the trial began; @p reference: as at the beginning; @p beside: what the reference does
 * meanwhile, from the same moment on, NULL where it does not serve; @p seconds: of a clock that never jumps. Counters that have shrunk begin anew.
 * @p ret_rows may be NULL. Whether a limit has tripped, now or before; guard->tripped says which.
 */
bool tfl_guard_look(struct tfl_guard *guard, const struct tfl_guard_limits *limits, const struct tfl_guard_seen *seen,
		    const struct tfl_guard_seen *reference, const struct tfl_guard_seen *beside, bool hot, double seconds,
		    struct tfl_guard_row ret_rows[TFL_GUARD_SUBJECTS]);

/** "errors", "latency", "confidence", "drift", "nan". */
const char *tfl_guard_subject_to_string(enum tfl_guard_subject subject);

/** Whether what was written down may be gone on from: all numbers are numbers, none is absurd. */
bool tfl_guard_valid(const struct tfl_guard *guard);

/** At a resumed trial, whose counters begin anew: the block that was under way is forgotten. */
void tfl_guard_resume(struct tfl_guard *guard);

#endif
