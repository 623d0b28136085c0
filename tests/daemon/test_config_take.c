/* SPDX-License-Identifier: MIT */
/* The configuration of a running daemon, and of a version in memory, when another one was read. */
#include <string.h>

#include "daemon/config.h"
#include "daemon/mistakes.h"
#include "tests/daemon/suites.h"

static void read_config(const char *text, struct tfl_config *config)
{
	static struct tfl_mistakes mistakes;

	tfl_config_init(config);
	ck_assert_int_eq(tfl_settings_read(&tfl_config_table, "c", "c", text, strlen(text), config, &mistakes), 0);
}

static void read_model(const char *text, struct tfl_model_conf *conf)
{
	static struct tfl_mistakes mistakes;

	tfl_settings_init(&tfl_model_conf_table, conf);
	ck_assert_int_eq(tfl_settings_read(&tfl_model_conf_table, "m", "m", text, strlen(text), conf, &mistakes), 0);
}

/* What can change changes, what has to wait keeps its value; and each row does one of both. */
START_TEST(a_running_daemon_takes_over_what_it_can)
{
	bool waiting[TFL_CONFIG_SETTINGS];
	struct tfl_config running, config, again;
	unsigned waits = 0;
	char text[512];

	read_config("[log]\nlevel = info\n", &running);
	read_config("[requests]\nworkers = 3\nqueue = 9\n[log]\nlevel = debug\nfolder = /x\n[models]\ninstances = 2\n", &config);
	tfl_config_take(&running, &config, waiting, text, sizeof(text));
	ck_assert_str_eq(text, "[models] instances = 2, [requests] queue = 9, [log] level = debug");
	ck_assert_uint_eq(running.workers, 0);
	ck_assert_uint_eq(running.queue, 9);
	ck_assert_uint_eq(running.model.instances, 2);
	ck_assert_str_eq(running.log_folder, "");
	for (unsigned i = 0; i < TFL_CONFIG_SETTINGS; i++) {
		const struct tfl_setting *row = &tfl_config_table.rows[i];

		waits += waiting[i];
		ck_assert_int_eq(waiting[i], row->when == TFL_SETTING_AT_START && !tfl_setting_equal(row, &running, &config));
	}
	ck_assert_uint_eq(waits, 2);
	again = running;
	tfl_config_take(&again, &config, waiting, text, sizeof(text));
	ck_assert_str_eq(text, "");
	/* A text that is too small is cut. */
	tfl_config_init(&again);
	tfl_config_take(&again, &config, waiting, text, 20);
	ck_assert_uint_eq(strlen(text), 19);
}
END_TEST

START_TEST(a_version_takes_over_what_it_can)
{
	struct tfl_model_conf loaded = {0}, now = {0};
	char text[128];

	read_model("[model]\ninstances = 1\ntimeout = 5ms\n", &loaded);
	read_model("[model]\ninstances = 2\ntimeout = 6ms\nconfidence = softmax\ntrial_nan = 9\n", &now);
	tfl_model_conf_take(&loaded, &now);
	ck_assert_uint_eq(loaded.instances, 1);
	ck_assert_uint_eq(loaded.timeout_ms, 6);
	ck_assert_uint_eq(loaded.trial_nan, 9);
	ck_assert_str_eq(loaded.confidence, "auto");
	ck_assert_str_eq(tfl_model_conf_waiting(&loaded, &now, text, sizeof(text)), "instances, confidence");
	ck_assert_str_eq(tfl_model_conf_waiting(&loaded, &loaded, text, sizeof(text)), "");
	tfl_model_conf_waiting(&loaded, &now, text, 5);
	ck_assert_str_eq(text, "inst");
}
END_TEST

Suite *config_take_suite(void)
{
	Suite *suite = suite_create("config-take");
	TCase *tcase = tcase_create("taking over");

	tcase_add_test(tcase, a_running_daemon_takes_over_what_it_can);
	tcase_add_test(tcase, a_version_takes_over_what_it_can);
	suite_add_tcase(suite, tcase);
	return suite;
}
