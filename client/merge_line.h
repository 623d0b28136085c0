/* SPDX-License-Identifier: MIT */
/* One line of the schema tfld.period/1, read and checked. */
#ifndef CLIENT_MERGE_LINE_H
#define CLIENT_MERGE_LINE_H

#include <stdbool.h>

#include "client/merge.h"

struct merge_line {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t number;
	char sha256[65];
	char time[24];
	char run[64];
	uint64_t seq;
	struct merge_sum sum;
	unsigned head_count;
	struct merge_head heads[TFL_CONFIDENCE_OUTPUTS_MAX];
	struct merge_device device;
};

/** Whether it is such a line, of any revision of the schema. */
bool merge_line_is_period(const json_t *json);

/** 0, or -EINVAL with a sentence; *ret_line is half written then. */
int merge_line_parse(const json_t *json, struct merge_line *ret_line, struct tfl_error *error);

#endif
