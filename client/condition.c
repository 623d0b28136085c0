/* SPDX-License-Identifier: MIT */
#include "client/condition.h"

#include <stdio.h>
#include <string.h>

#include "client/print.h"

#define LABEL "degraded "
#define PENDING "pending  "

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

/* What was configured, and waits for something to be in force. */
static void print_pending(const struct tfl_value *value)
{
	const struct tfl_value *keys = tfl_value_get(value, "needs_restart"), *loads = tfl_value_get(value, "needs_load");
	char text[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < tfl_value_size(keys) && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", tfl_value_string(tfl_value_at(keys, i), ""));
	if (used)
		ctl_printf_wrapped(PENDING, (unsigned)strlen(PENDING), "until tfld is restarted: %s", text);
	for (size_t i = 0; i < tfl_value_size(loads); i++) {
		const struct tfl_value *load = tfl_value_at(loads, i);

		ctl_printf_wrapped(PENDING, (unsigned)strlen(PENDING), "until %s@%llu is unloaded and loaded again: %s",
				   tfl_value_string(tfl_value_get(load, "model"), ""),
				   (unsigned long long)tfl_value_uint(tfl_value_get(load, "version"), 0),
				   tfl_value_string(tfl_value_get(load, "keys"), ""));
	}
}

void ctl_conditions_print(const struct tfl_value *value)
{
	const struct tfl_value *conditions = tfl_value_get(value, "conditions");

	for (size_t i = 0; i < tfl_value_size(conditions); i++)
		print_condition(tfl_value_at(conditions, i));
	print_pending(value);
}
