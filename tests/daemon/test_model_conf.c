/* SPDX-License-Identifier: MIT */
/*
 * model.conf as a file: what it overrides, what is refused and in which words, and what --check-config makes of a whole folder of them.
 * What the loader does with it is in test_loader_conf.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/labels.h"
#include "daemon/check.h"
#include "daemon/config.h"
#include "daemon/mistakes.h"
#include "daemon/model_conf.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/store_scene.h"
#include "tests/daemon/suites.h"

static struct tfl_config config;
static struct tfl_model_conf conf;

static void setup(void)
{
	scene_setup();
	tfl_config_init(&config);
	config.model.instances = 3;
	strcpy(config.model.sources[3].text, "/etc/tfld.conf:7");
	strcpy(config.models, "models");
	ck_assert_int_eq(mkdir("models/m", 0755), 0);
}

static int read_conf(const char *text)
{
	file_write_text("models/m/model.conf", text);
	return tfl_model_conf_read(scene.store, "m", &config.model, &conf, &scene.error);
}

START_TEST(what_it_leaves_out_is_as_the_daemon_says)
{
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "m", &config.model, &conf, &scene.error), 0);
	ck_assert_mem_eq(&conf, &config.model, sizeof(conf));
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "other", &config.model, &conf, &scene.error), 0);
	ck_assert_mem_eq(&conf, &config.model, sizeof(conf));
	ck_assert_int_eq(read_conf("[model]\nqueue = 5\nlabels = l.txt\nversions = latest 2\ntimeout = 3s\npriority = 1\ninline = 0\n"), 0);
	ck_assert_uint_eq(conf.queue, 5);
	ck_assert_str_eq(conf.versions, "latest 2");
	ck_assert_uint_eq(conf.timeout_ms, 3000);
	ck_assert_uint_eq(conf.priority, 1);
	ck_assert_uint_eq(conf.inline_us, 0);
	ck_assert_str_eq(conf.labels, "l.txt");
	ck_assert_uint_eq(conf.instances, 3);
	ck_assert_uint_eq(conf.threads, 1);
	ck_assert_str_eq(conf.sources[0].text, "model.conf:4");
	ck_assert_str_eq(conf.sources[3].text, "/etc/tfld.conf:7");
	ck_assert_str_eq(conf.sources[4].text, "");
}
END_TEST

/* The two tables must agree on what a key of the same name is, or a value of one could not stand in the other. */
START_TEST(every_key_is_inherited_from_one_that_is_alike)
{
	unsigned found = 0;

	for (unsigned i = 0; i < tfl_model_conf_table.count; i++) {
		const struct tfl_setting *row = &tfl_model_conf_table.rows[i];

		for (unsigned k = 0; k < tfl_config_table.count; k++) {
			const struct tfl_setting *from = &tfl_config_table.rows[k];

			if (from->offset != offsetof(struct tfl_config, model) + row->offset)
				continue;
			found++;
			ck_assert_str_eq(row->key, from->key);
			ck_assert_int_eq(row->kind, from->kind);
			ck_assert_uint_eq(row->min, from->min);
			ck_assert_uint_eq(row->max, from->max);
		}
	}
	/* All but the labels, the confidence and the route. */
	ck_assert_uint_eq(found, tfl_model_conf_table.count - 7);
}
END_TEST

#define CONFIDENCE(value) \
	"models/m/model.conf:2: [model] confidence is '" value "', expected auto, none, or softmax, logistic, log-softmax, logits or detection, " \
	"alone or 'of' an output"

static const struct {
	const char *text, *sentence;
} wrong[] = {
	{ "[model]\n\ninstances = lots\n", "models/m/model.conf:3: [model] instances is 'lots', expected a number from 0 to 64" },
	{ "[model]\nthreads = 0\n", "models/m/model.conf:2: [model] threads is '0', expected a number from 1 to 64" },
	{ "[model]\npath = /\n",
	  "models/m/model.conf:2: [model] has no key 'path'; it has versions, auto_swap, transition, instances, threads, queue, timeout, priority, inline, "
	  "loop_iterations, loop_time, sessions, session_idle, session_grace, proof, proof_memory, proof_time, "
	  "trial, trial_requests, trial_time, "
	  "trial_errors, trial_latency, trial_confidence, trial_drift, trial_nan, trial_max_errors, trial_max_latency, trial_min_confidence, "
	  "labels, confidence, route, route_salt, route_key, shadow, allow_groups" },
	{ "[models]\nqueue = 1\n", "models/m/model.conf:2: there is no section [models]; did you mean [model]?" },
	{ "[model]\nversions = specific\n",
	  "models/m/model.conf:2: [model] versions is 'specific', expected all, latest, a number of them as in latest 2, or some as in specific 3 7" },
	{ "[model]\nlabels = ../../etc/names.txt\n",
	  "models/m/model.conf:2: [model] labels is '../../etc/names.txt', expected the name of a .txt file beside model.conf, as in labels.txt" },
	{ "[model]\nlabels = state\n",
	  "models/m/model.conf:2: [model] labels is 'state', expected the name of a .txt file beside model.conf, as in labels.txt" },
	{ "[model]\nlabels = .txt\n",
	  "models/m/model.conf:2: [model] labels is '.txt', expected the name of a .txt file beside model.conf, as in labels.txt" },
	{ "[model]\nconfidence = of\n", CONFIDENCE("of") },
	{ "[model]\nconfidence = none of x\n", CONFIDENCE("none of x") },
	{ "[model]\nconfidence = logits of \n", CONFIDENCE("logits of") },
	{ "[model]\nconfidence = logits scores\n", CONFIDENCE("logits scores") },
	{ "[model]\nroute = 1\n",
	  "models/m/model.conf:2: [model] route is '1', expected versions and their weights, as in 1=90 2=10" },
	{ "[model]\nroute_salt = a b\n",
	  "models/m/model.conf:2: [model] route_salt is 'a b', expected up to 64 characters, as in the name of a model" },
	{ "[model]\nroute_key = uid\n", "models/m/model.conf:2: [model] route_key is 'uid', expected request or machine-id" },
	{ "[model]\nqueue = a\nthreads = b\ninline = c\n",
	  "models/m/model.conf:2: [model] queue is 'a', expected a number from 0 to 1024 (and 2 more mistakes; tfld --check-config lists them)" },
};

START_TEST(mistakes_are_named_with_path_and_line)
{
	memset(&conf, 0x55, sizeof(conf));
	ck_assert_int_eq(read_conf(wrong[_i].text), -EINVAL);
	ck_assert_str_eq(scene.error.text, wrong[_i].sentence);
	ck_assert_uint_eq(conf.queue, 0x5555555555555555u);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	static const char large[70000] = { '#' };

	file_write_text("elsewhere", "[model]\n");
	ck_assert_int_eq(symlink("../../elsewhere", "models/m/model.conf"), 0);
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "m", &config.model, &conf, &scene.error), -EINVAL);
	ck_assert_str_eq(scene.error.text,
			 "models/m/model.conf is no plain file (links are not followed)");
	ck_assert_int_eq(unlink("models/m/model.conf"), 0);
	/* Nobody writes to it: a read would wait for ever. */
	ck_assert_int_eq(mkfifo("models/m/model.conf", 0600), 0);
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "m", &config.model, &conf, &scene.error), -EINVAL);
	ck_assert_str_eq(scene.error.text, "models/m/model.conf is no plain file (links are not followed)");
	ck_assert_int_eq(unlink("models/m/model.conf"), 0);
	ck_assert_int_eq(mkdir("models/m/model.conf", 0755), 0);
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "m", &config.model, &conf, &scene.error), -EINVAL);
	ck_assert_str_eq(scene.error.text, "models/m/model.conf is no plain file (links are not followed)");
	ck_assert_int_eq(rmdir("models/m/model.conf"), 0);
	file_write("models/m/model.conf", large, sizeof(large), 0644);
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "m", &config.model, &conf, &scene.error), -EINVAL);
	ck_assert_str_eq(scene.error.text, "models/m/model.conf has more than 65536 bytes");
	file_write("models/m/model.conf", "[model]\n\0", 9, 0644);
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "m", &config.model, &conf, &scene.error), -EINVAL);
	ck_assert_str_eq(scene.error.text, "models/m/model.conf:2: the line has a NUL byte; this is no text file");
	ck_assert_int_eq(tfl_model_conf_read(scene.store, "../m", &config.model, &conf, &scene.error), -EINVAL);
}
END_TEST

START_TEST(random_texts_do_no_harm)
{
	static const char *const words[] = { "[model]", "[", "]", "=", "\n", " ", "latest ", "labels", "queue", "99999999999", "1K", "\t",
					     ";", "#" };
	unsigned state = 4711;
	char text[1024];

	for (unsigned round = 0; round < 2000; round++) {
		text[0] = '\0';
		while (strlen(text) < 900 && (state = state * 1103515245u + 12345u) >> 28)
			strcat(text, words[(state >> 16) % (sizeof(words) / sizeof(words[0]))]);
		if (read_conf(text) == 0)
			ck_assert_uint_le(conf.queue, TFL_QUEUE_MAX);
		else
			ck_assert_ptr_nonnull(strstr(scene.error.text, "models/m/model.conf:"));
	}
}
END_TEST

static int read_labels(struct tfl_labels *ret_labels)
{
	return tfl_model_conf_labels(scene.store, "m", &conf, ret_labels, &scene.error);
}

START_TEST(labels_are_read_from_beside_it)
{
	struct tfl_labels labels = { .count = 9 };

	ck_assert_int_eq(read_conf("[model]\n"), 0);
	ck_assert_int_eq(read_labels(&labels), 0);
	ck_assert_uint_eq(labels.count, 0);
	ck_assert_int_eq(read_conf("[model]\nlabels = l.txt\n"), 0);
	ck_assert_int_eq(read_labels(&labels), -EINVAL);
	ck_assert_str_eq(scene.error.text, "models/m/l.txt is not there, but [model] labels (model.conf:2) names it; put it there, or "
					   "leave the key out");
	file_write_text("models/m/l.txt", "\xef\xbb\xbfone\r\ntwo\n");
	ck_assert_msg(read_labels(&labels) == 0, "%s", scene.error.text);
	ck_assert_uint_eq(labels.count, 2);
	ck_assert_str_eq(labels.names[0], "one");
	ck_assert_str_eq(labels.names[1], "two");
	tfl_labels_finish(&labels);
	file_write_text("models/m/l.txt", "\xff\xfe");
	ck_assert_int_eq(read_labels(&labels), -EINVAL);
	ck_assert_str_eq(scene.error.text,
			 "models/m/l.txt, which [model] labels (model.conf:2) names: no UTF-8 text; one label a line is needed");
	ck_assert_int_eq(unlink("models/m/l.txt"), 0);
	ck_assert_int_eq(symlink("/etc/passwd", "models/m/l.txt"), 0);
	ck_assert_int_lt(read_labels(&labels), 0);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "links are not followed"));
	ck_assert_uint_eq(labels.count, 0);
}
END_TEST

static char out[8192], err[8192];

static int check(void)
{
	FILE *to_out = fmemopen(out, sizeof(out), "w"), *to_err = fmemopen(err, sizeof(err), "w");
	int result = tfl_check(&config, to_out, to_err);

	fclose(to_out);
	fclose(to_err);
	return result;
}

/* The store is open, and so locked, meanwhile. */
START_TEST(the_check_reads_every_model_and_changes_nothing)
{
	ck_assert_int_eq(check(), 0);
	ck_assert_str_eq(err, "");
	ck_assert_ptr_null(strstr(out, "[model]"));
	ck_assert_int_eq(mkdir("models/b", 0755), 0);
	ck_assert_int_eq(mkdir("models/a", 0755), 0);
	file_write_text("models/a/model.conf", "[model]\nqueue = 7\n");
	file_write_text("models/b/model.conf", "[model]\nqueue = seven\nlables = x.txt\n");
	file_write_text("models/m/model.conf", "[model]\nlabels = none.txt\n");
	ck_assert_int_eq(check(), -EINVAL);
	ck_assert_str_eq(err, "tfld: models/b/model.conf:2: [model] queue is 'seven', expected a number from 0 to 1024\n"
			      "tfld: models/b/model.conf:3: [model] has no key 'lables'; did you mean 'labels'?\n"
			      "tfld: models/m/none.txt is not there, but [model] labels (model.conf:2) names it; put it there, or leave the key "
			      "out\n");
	ck_assert_ptr_nonnull(strstr(out, "\n# models/a/model.conf\n[model]\n"));
	ck_assert_ptr_nonnull(strstr(out, "\nqueue = 7                               ; model.conf:2\n"));
	ck_assert_ptr_nonnull(strstr(out, "\ninstances = 3                           ; /etc/tfld.conf:7\n"));
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

START_TEST(the_check_needs_no_models_folder)
{
	strcpy(config.models, "new/models");
	ck_assert_int_eq(check(), 0);
	ck_assert_str_eq(err, "tfld: warning: the models folder new/models does not exist; a start makes it where only itself is missing\n");
	ck_assert(!file_exists("new"));
	file_write_text("file", "x");
	strcpy(config.models, "file");
	ck_assert_int_eq(check(), -EINVAL);
	ck_assert_str_eq(err, "tfld: the models folder file cannot be opened: Not a directory\n");
}
END_TEST

Suite *model_conf_suite(void)
{
	Suite *suite = suite_create("model_conf");
	TCase *tcase = tcase_create("model_conf");

	tcase_add_checked_fixture(tcase, setup, scene_teardown);
	tcase_add_test(tcase, what_it_leaves_out_is_as_the_daemon_says);
	tcase_add_test(tcase, every_key_is_inherited_from_one_that_is_alike);
	tcase_add_loop_test(tcase, mistakes_are_named_with_path_and_line, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tcase, what_is_no_file_is_refused);
	tcase_add_test(tcase, random_texts_do_no_harm);
	tcase_add_test(tcase, labels_are_read_from_beside_it);
	tcase_add_test(tcase, the_check_reads_every_model_and_changes_nothing);
	tcase_add_test(tcase, the_check_needs_no_models_folder);
	suite_add_tcase(suite, tcase);
	return suite;
}
