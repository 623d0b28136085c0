/* SPDX-License-Identifier: MIT */
/*
 * Prints the tables of tfld.conf and model.conf for check_manuals.py, a row a line: table, section, key, default, what is right, whether a
 * model may override it, and when a change takes effect; tabs between.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/model_conf.h"
#include "daemon/settings.h"

static bool is_inherited(size_t offset)
{
	for (unsigned i = 0; i < tfl_model_conf_table.count; i++)
		if (offset == offsetof(struct tfl_config, model) + tfl_model_conf_table.rows[i].offset)
			return true;
	return false;
}

/* As the manual marks them. */
static const char *const marks[] = {[TFL_SETTING_AT_ONCE] = "", [TFL_SETTING_AT_LOAD] = "~", [TFL_SETTING_AT_START] = "!"};

static void print_table(const char *name, const struct tfl_setting_table *table, const void *values)
{
	char value[TFL_SETTING_VALUE_MAX], expected[128];

	for (unsigned i = 0; i < table->count; i++) {
		const struct tfl_setting *row = &table->rows[i];

		printf("%s\t%s\t%s\t%s\t%s\t%d\t%s\n", name, row->section, row->key, tfl_setting_format(row, values, value),
		       tfl_setting_expected(row, expected, sizeof(expected)), table == &tfl_config_table && is_inherited(row->offset),
		       marks[row->when]);
	}
}

int main(void)
{
	struct tfl_config config;

	tfl_config_init(&config);
	print_table("tfld.conf", &tfl_config_table, &config);
	print_table("model.conf", &tfl_model_conf_table, &config.model);
	return 0;
}
