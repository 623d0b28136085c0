/* SPDX-License-Identifier: MIT */
#include "client/condition.h"

#include <stdio.h>
#include <string.h>

#include "client/print.h"

#define LABEL "degraded "

static void print_condition(const struct tfl_value *condition)
{
	const char *model = tfl_value_string(tfl_value_get(condition, "model"), "");
	unsigned long long version = tfl_value_uint(tfl_value_get(condition, "version"), 0);
	char number[32] = "", age[CTL_UNIT_MAX];

	if (version)
		snprintf(number, sizeof(number), "@%llu", version);
	ctl_format_uptime(age, tfl_value_uint(tfl_value_get(condition, "age_s"), 0));
	ctl_printf_wrapped(LABEL, (unsigned)strlen(LABEL), "for %s: %s%s%s%s", age, model, number, *model ? ": " : "",
			   tfl_value_string(tfl_value_get(condition, "text"), ""));
}

void ctl_conditions_print(const struct tfl_value *value)
{
	const struct tfl_value *conditions = tfl_value_get(value, "conditions");

	for (size_t i = 0; i < tfl_value_size(conditions); i++)
		print_condition(tfl_value_at(conditions, i));
}
