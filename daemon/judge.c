/* SPDX-License-Identifier: MIT */
/*
 * The verdict of a version is the worst of its heads'. It is told at once when it gets worse, and when it gets better only after it has
 * been so for BETTER_MINUTES: an hour that moves on by a minute crosses a threshold more than once. Where there are too few verdicts to
 * judge nothing is said, and what was said last still holds, over restarts too: the changes remember it. Nobody is told that all is well
 * before it was not.
 */
#include "daemon/judge.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/changes.h"
#include "daemon/history.h"
#include "daemon/log.h"
#include "daemon/version.h"
#include "stats/drift.h"

#define BETTER_MINUTES 5

static const enum tfl_change_kind kinds[] = {
	[TFL_DRIFT_STABLE] = TFL_CHANGE_STABLE,
	[TFL_DRIFT_WATCHED] = TFL_CHANGE_WATCH,
	[TFL_DRIFT_DRIFTED] = TFL_CHANGE_DRIFT,
};

/* What was told last, by an earlier run too. */
static enum tfl_drift_verdict told_before(const struct tfl_version *version, const struct tfl_changes *changes)
{
	const struct tfl_change *last;

	last = tfl_changes_last(changes, TFL_CHANGE_STABLE, TFL_CHANGE_DRIFT, version->model_name, version->number);
	for (unsigned verdict = TFL_DRIFT_STABLE; last && verdict < TFL_ARRAY_SIZE(kinds); verdict++) {
		if (kinds[verdict] == last->kind)
			return (enum tfl_drift_verdict)verdict;
	}
	return TFL_DRIFT_STABLE;
}

/* The head with the worst verdict, and of those the farthest away. */
static unsigned worst_head(const struct tfl_version *version, struct tfl_drift *ret_drift)
{
	unsigned worst = 0;

	*ret_drift = (struct tfl_drift){.verdict = TFL_DRIFT_UNKNOWN};
	for (unsigned i = 0; i < version->heads.count; i++) {
		struct tfl_drift drift;

		tfl_history_drift(version->history, i, &drift);
		if (drift.verdict > ret_drift->verdict || (drift.verdict == ret_drift->verdict && drift.psi > ret_drift->psi)) {
			*ret_drift = drift;
			worst = i;
		}
	}
	return worst;
}

static void tell(const struct tfl_version *version, struct tfl_changes *changes, unsigned head, const struct tfl_drift *drift)
{
	const char *output = version->outputs[version->heads.items[head].source.output].name;
	struct tfl_error reason;
	const struct tfl_log_field fields[] = {
		{"TFL_OUTPUT", TFL_LOG_TEXT, .text = output},
		{"TFL_PSI", TFL_LOG_REAL, .real = drift->psi},
		{"TFL_VERDICTS", TFL_LOG_UINT, .uint = drift->window_records},
		{"TFL_BASELINE_VERDICTS", TFL_LOG_UINT, .uint = drift->baseline_records},
	};

	tfl_error_fill(&reason, -1, "PSI %.2f over %" PRIu64 " verdicts of the last hour, output '%s'", drift->psi, drift->window_records,
		       output);
	tfl_changes_record(changes, &(struct tfl_change_note){
					    .kind = kinds[drift->verdict],
					    .model = version->model_name,
					    .version = version->number,
					    .reason = reason.text,
					    .fields = fields,
					    .field_count = TFL_ARRAY_SIZE(fields),
				    });
}

void tfl_judge(struct tfl_version *version, struct tfl_changes *changes)
{
	struct tfl_drift drift;
	unsigned head = worst_head(version, &drift);

	if (version->verdict.told == TFL_DRIFT_UNKNOWN)
		version->verdict.told = told_before(version, changes);
	if (drift.verdict == TFL_DRIFT_UNKNOWN)
		return;
	version->verdict.better = drift.verdict < version->verdict.told ? version->verdict.better + 1 : 0;
	if (drift.verdict <= version->verdict.told && version->verdict.better < BETTER_MINUTES)
		return;
	version->verdict.told = drift.verdict;
	version->verdict.better = 0;
	tell(version, changes, head, &drift);
}
