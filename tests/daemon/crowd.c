/* SPDX-License-Identifier: MIT */
/* By the functions that load and count, except for what needs a model. */
#include "tests/daemon/crowd.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/heads.h"
#include "daemon/history.h"
#include "daemon/moment.h"
#include "daemon/recorder.h"
#include "stats/top.h"
#include "tests/builder/random.h"

static void must(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "crowd: %s: %d\n", what, result);
	abort();
}

void crowd_begin(struct crowd *crowd, unsigned writers)
{
	crowd->writers = writers;
	must(tfl_registry_create(&crowd->registry), "registry");
	must(tfl_scheduler_create(64, &crowd->scheduler), "scheduler");
}

void crowd_end(struct crowd *crowd)
{
	tfl_registry_destroy(TFL_STEAL(crowd->registry));
	tfl_scheduler_destroy(TFL_STEAL(crowd->scheduler));
}

struct tfl_version *crowd_add(struct crowd *crowd, const char *model, uint64_t number, unsigned heads, uint32_t rows)
{
	const struct tfl_moment now = {.seconds = 0};
	struct tfl_version *version;
	struct tfl_error error;

	must(tfl_version_create(model, number, NULL, NULL, &version), "version");
	version->heads.count = heads;
	for (unsigned i = 0; i < heads; i++) {
		version->heads.items[i].source = (struct tfl_confidence_source){
			.kind = TFL_CONFIDENCE_SOFTMAX, .output = 2 * i, .rows = rows, .classes = CROWD_CLASSES};
		version->heads.items[i].counted = CROWD_CLASSES;
	}
	version->load_ns = 1500000 + number;
	must(tfl_heads_recorder(&version->heads, crowd->writers, &version->recorder), "recorder");
	must(tfl_history_create(&version->heads, &version->history), "history");
	must(tfl_history_restore(version->history, NULL, 0, &now, version->recorder, &error), "history");
	must(tfl_registry_add(crowd->registry, version, &error), error.text);
	tfl_registry_set_state(crowd->registry, version, TFL_VERSION_AVAILABLE, "", 1);
	tfl_version_unref(version);
	return version;
}

static void judge(const struct crowd *crowd, struct tfl_version *version, unsigned writer, struct tfl_random *random)
{
	for (unsigned head = 0; head < version->heads.count; head++) {
		for (uint32_t row = 0; row < version->heads.items[head].source.rows; row++) {
			struct tfl_top top = {.index = (uint32_t)(tfl_random_next(random) % CROWD_CLASSES),
					      .confidence = (float)(tfl_random_next(random) % 1001) / 1000};

			top.margin = top.confidence / 2;
			tfl_recorder_add_verdict(version->recorder, writer, head, &top);
		}
	}
}

unsigned crowd_ask(const struct crowd *crowd, struct tfl_version *version, unsigned requests, uint64_t seed, uint64_t *ret_total_ns)
{
	struct tfl_random random = {seed};
	unsigned succeeded = 0;

	for (unsigned i = 0; i < requests; i++) {
		struct tfl_record record = {.status = i % 10 == 9 ? TFL_DEADLINE_EXCEEDED : TFL_OK, .executed = true, .reply_ns = 900};

		record.wait_ns = tfl_random_next(&random) % 1000;
		record.compute_ns = (UINT64_C(1000) << tfl_random_next(&random) % 18) + tfl_random_next(&random) % 1000;
		record.total_ns = record.wait_ns + record.compute_ns + record.reply_ns;
		tfl_recorder_add(version->recorder, i % crowd->writers, &record);
		if (record.status != TFL_OK)
			continue;
		judge(crowd, version, i % crowd->writers, &random);
		if (ret_total_ns)
			ret_total_ns[succeeded] = record.total_ns;
		succeeded++;
	}
	return succeeded;
}
