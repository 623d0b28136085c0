/* SPDX-License-Identifier: MIT */
/*
 * Keys, options, and the sentences for what is wrong with them; and that the documented file and the table say the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/config.h"
#include "daemon/keyfile.h"
#include "daemon/mistakes.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/suites.h"

static struct tfl_config config;
static struct tfl_mistakes mistakes;
static struct tfl_error error;

/* tfld with these arguments, the last one NULL. */
static int parse(const char *const *arguments)
{
	char *argv[16] = { NULL };
	int argc = 1;

	for (; arguments[argc - 1]; argc++)
		argv[argc] = (char *)arguments[argc - 1];
	memset(&mistakes, 0, sizeof(mistakes));
	return tfl_config_parse(argc, argv, &config, &mistakes);
}

static const char *mistake(void)
{
	return mistakes.count > 0 ? mistakes.list[0].text : "";
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static int parse_file(const char *text)
{
	file_write_text("c", text);
	return PARSE("--config", "c");
}

START_TEST(a_file_goes_over_defaults_and_options_over_the_file)
{
	file_write_text("c", "[models]\npath = /m\ninstances=3\n\n# comment\n[requests]\n  workers = 5 ; of eight\n\ttimeout = 2s\n");
	ck_assert_int_eq(PARSE("--config=c", "--workers", "7", "--admin-socket=/a", "--log-level", "debug"), 0);
	ck_assert_str_eq(config.models, "/m");
	ck_assert_str_eq(config.file, "c");
	ck_assert_uint_eq(config.model.instances, 3);
	ck_assert_uint_eq(config.workers, 7);
	ck_assert_uint_eq(config.model.timeout_ms, 2000);
	ck_assert_str_eq(config.admin_socket, "/a");
	ck_assert_uint_eq(config.log_level, LOG_DEBUG);
	ck_assert_str_eq(config.socket, "/run/tfld/tfld.sock");
	ck_assert_uint_eq(config.model.threads, 1);
	ck_assert_int_eq(config.action, TFL_CONFIG_RUN);
}
END_TEST

static const struct {
	const char *text;
	size_t offset;
	uint64_t value;
} readings[] = {
	{ "[sockets]\nmax_frame = 64K\n", offsetof(struct tfl_config, max_frame), 65536 },
	{ "[sockets]\nmax_frame = 2 M\n", offsetof(struct tfl_config, max_frame), 2097152 },
	{ "[sockets]\nmax_frame = 5000\n", offsetof(struct tfl_config, max_frame), 5000 },
	{ "[sockets]\nmode = 600\n", offsetof(struct tfl_config, socket_mode), 0600 },
	{ "[sockets]\nmode = 0777\n", offsetof(struct tfl_config, socket_mode), 0777 },
	{ "[requests]\ntimeout = 250ms\n", offsetof(struct tfl_config, model.timeout_ms), 250 },
	{ "[requests]\ntimeout = 3min\n", offsetof(struct tfl_config, model.timeout_ms), 180000 },
	{ "[requests]\ntimeout = 0\n", offsetof(struct tfl_config, model.timeout_ms), 0 },
	{ "[log]\nlevel = warning\n", offsetof(struct tfl_config, log_level), LOG_WARNING },
	{ "[log]\nperiod = 1s\n", offsetof(struct tfl_config, log_period_ms), 1000 },
	{ "[log]\nperiod = 0\n", offsetof(struct tfl_config, log_period_ms), 0 },
	{ "[log]\nfile_size = 1M\n", offsetof(struct tfl_config, log_file_bytes), 1 << 20 },
	{ "[log]\nfiles = 1000\n", offsetof(struct tfl_config, log_files), 1000 },
	{ "[log]\r\nlevel = error\r\n", offsetof(struct tfl_config, log_level), LOG_ERR },
	{ "[requests]\nworkers = 64", offsetof(struct tfl_config, workers), 64 },
};

START_TEST(values_are_read_in_their_units)
{
	ck_assert_msg(parse_file(readings[_i].text) == 0, "%s", mistake());
	ck_assert_uint_eq(*(uint64_t *)((char *)&config + readings[_i].offset), readings[_i].value);
}
END_TEST

static const struct {
	const char *text, *sentence;
} wrong[] = {
	{ "[requests]\nqueue = 5\nworkers = many\n", "c:3: [requests] workers is 'many', expected a number from 0 to 64" },
	{ "[requests]\nworkers = 65\n", "c:2: [requests] workers is '65', expected a number from 0 to 64" },
	{ "[requests]\nqueue = 0\n", "c:2: [requests] queue is '0', expected a number from 1 to 1024" },
	{ "[requests]\nworkers = -1\n", "c:2: [requests] workers is '-1', expected a number from 0 to 64" },
	{ "[requests]\nworkers =\n", "c:2: [requests] workers is '', expected a number from 0 to 64" },
	{ "[requests]\nworkers = 4 2\n", "c:2: [requests] workers is '4 2', expected a number from 0 to 64" },
	{ "[requests]\nworkers = 99999999999999999999\n",
	  "c:2: [requests] workers is '99999999999999999999', expected a number from 0 to 64" },
	{ "[requests]\ntimeout = 5\n", "c:2: [requests] timeout is '5', expected a time from 0 to 1440min, as in 500ms, 2s or 1min" },
	{ "[requests]\ntimeout = 2000min\n",
	  "c:2: [requests] timeout is '2000min', expected a time from 0 to 1440min, as in 500ms, 2s or 1min" },
	{ "[users]\nbytes = 1T\n", "c:2: [users] bytes is '1T', expected a size from 4K to 256M, as in 4096, 64K or 16M" },
	{ "[users]\nbytes = 18446744073709551615G\n",
	  "c:2: [users] bytes is '18446744073709551615G', expected a size from 4K to 256M, as in 4096, 64K or 16M" },
	{ "[users]\nbytes = 1G\n", "c:2: [users] bytes is '1G', expected a size from 4K to 256M, as in 4096, 64K or 16M" },
	{ "[sockets]\nmode = 0888\n", "c:2: [sockets] mode is '0888', expected permissions from 0000 to 0777, as in 0660" },
	{ "[sockets]\nmode = 1777\n", "c:2: [sockets] mode is '1777', expected permissions from 0000 to 0777, as in 0660" },
	{ "[log]\nlevel = loud\n", "c:2: [log] level is 'loud', expected error, warning, info or debug" },
	{ "[models]\nversions = latest 0\n",
	  "c:2: [models] versions is 'latest 0', expected all, latest, a number of them as in latest 2, or some as in specific 3 7" },
	{ "[models]\nversions = latest 65\n",
	  "c:2: [models] versions is 'latest 65', expected all, latest, a number of them as in latest 2, or some as in specific 3 7" },
	{ "[models]\nversions = latest2\n",
	  "c:2: [models] versions is 'latest2', expected all, latest, a number of them as in latest 2, or some as in specific 3 7" },
	{ "[models]\nversions = 2\n", "c:2: [models] versions is '2', expected all, latest, a number of them as in latest 2, or some as in specific 3 7" },
	{ "[models]\npath =\n", "c:2: [models] path is empty, expected a path" },
	{ "[models]\nsuitcase = /x\n", "c:2: [models] has no key 'suitcase'; it has path, memory_limit, unload_idle, versions, auto_swap, transition, "
	  "instances, threads, queue, loop_iterations, loop_time, sessions, session_idle, session_grace, proof, proof_memory, proof_time, "
	  "trial, trial_requests, trial_time, trial_errors, trial_latency, trial_confidence, trial_drift, trial_nan, trial_max_errors, trial_max_latency, trial_min_confidence" },
	{ "[models]\ninstence = 2\n", "c:2: [models] has no key 'instence'; did you mean 'instances'?" },
	{ "[models]\nworkers = 2\n", "c:2: [models] has no key 'workers'; [requests] has it" },
	{ "[model]\npath = /x\n", "c:2: there is no section [model]; did you mean [models]?" },
	{ "[network]\npath = /x\n", "c:2: there is no section [network]; there is [models], [sockets], [requests], [users], [metrics], [log]" },
	{ "[models]\npath = /x\n[log]\n[models]\npath = /y\n", "c:5: [models] path was given on line 2 already" },
	{ "path = /x\n", "c:1: 'path' stands before the first [section]" },
	{ "[models\npath = /x\n", "c:1: neither \"[section]\" nor \"key = value\" nor a comment" },
	{ "[models]\npath = /a\033[2Jb\n", "c:2: [models] path has a control character, expected a path" },
	{ "[log]\nperiod = 999ms\n", "c:2: [log] period is 999ms, expected 0 or at least 1s" },
	{ "[log]\nperiod = 1441min\n", "c:2: [log] period is '1441min', expected a time from 0 to 1440min, as in 500ms, 2s or 1min" },
	{ "[log]\nfolder = \033\n", "c:2: [log] folder has a control character, expected a path" },
	{ "[log]\nfile_size = 64K\n", "c:2: [log] file_size is '64K', expected a size from 1M to 1G, as in 4096, 64K or 16M" },
	{ "[log]\nfiles = 1\n", "c:2: [log] files is '1', expected a number from 2 to 1000" },
	{ "[log]\ndevice = 0123456789012345678901234567890123456789012345678901234567890123456789\n",
	  "c:2: [log] device has 70 bytes, expected at most 64" },
	{ "[log]\nlevel = \033[2J\n", "c:2: [log] level is '?[2J', expected error, warning, info or debug" },
	{ "[models]\n# gr\303\274n\n# gr\374n\n", "c:3: the line is not UTF-8" },
	{ "[models]\npath\n[log]\nlevel=info\n", "c:2: neither \"[section]\" nor \"key = value\" nor a comment" },
	{ "[sockets]\npath = /x\nadmin_path = /x\n",
	  "c:3: the admin socket is '/x', which is the other socket's path too; expected another path, or none for one socket that serves "
	  "everything" },
	{ "[sockets]\npath = /x\n[metrics]\nmetrics_file = /x\n",
	  "c:4: the metrics file is '/x', which is a socket's path too; expected another path" },
	{ "[metrics]\nmetrics_period = 500ms\n", "c:2: [metrics] metrics_period is '500ms', expected a time from 1s to 60min, as in 500ms, 2s or 1min" },
};

START_TEST(mistakes_are_named_with_their_line)
{
	memset(&config, 0x55, sizeof(config));
	ck_assert_int_eq(parse_file(wrong[_i].text), -EINVAL);
	ck_assert_uint_eq(mistakes.count, 1);
	ck_assert_str_eq(mistake(), wrong[_i].sentence);
	/* Outputs are untouched on failure. */
	ck_assert_int_eq(((unsigned char *)&config)[0], 0x55);
	ck_assert_uint_eq(config.workers, 0x5555555555555555u);
}
END_TEST

START_TEST(all_mistakes_are_told_in_the_order_of_their_lines)
{
	static const char *const lines[] = { "c:2: [models] instances", "c:3: neither", "c:5: there is no section [modles]",
					     "c:8: [log] level", "--workers is 'x'" };

	file_write_text("c", "[models]\ninstances = x\nthreads\n[modles]\na = 1\nb = 2\n[log]\nlevel = loud\n");
	ck_assert_int_eq(PARSE("--config", "c", "--workers", "x"), -EINVAL);
	ck_assert_uint_eq(mistakes.count, 5);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_msg(strncmp(mistakes.list[i].text, lines[i], strlen(lines[i])) == 0, "%s", mistakes.list[i].text);
}
END_TEST

START_TEST(a_file_that_is_wrong_from_end_to_end_is_told_in_part)
{
	char text[2048] = "[models]\n";

	for (unsigned i = 0; i < 100; i++)
		sprintf(text + strlen(text), "key%u = 1\n", i);
	ck_assert_int_eq(parse_file(text), -EINVAL);
	ck_assert_uint_eq(mistakes.count, TFL_MISTAKES_MAX);
	ck_assert_uint_eq(mistakes.left_out, 100 - TFL_MISTAKES_MAX);
	ck_assert_int_eq(tfl_mistakes_error(&mistakes, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "(and 99 more mistakes; tfld --check-config lists them)"));
}
END_TEST

START_TEST(files_of_the_folder_go_over_the_file_in_order_of_their_names)
{
	ck_assert_int_eq(mkdir("c.d", 0755), 0);
	file_write_text("c", "[requests]\nworkers = 1\nqueue = 1\ntimeout = 1s\n");
	file_write_text("c.d/20-b.conf", "[requests]\nworkers = 3\n");
	file_write_text("c.d/10-a.conf", "[requests]\nworkers = 2\nqueue = 2\n");
	file_write_text("c.d/30.conf.old", "[requests]\nworkers = many\n");
	file_write_text("c.d/.30.conf", "[requests]\nworkers = many\n");
	ck_assert_msg(PARSE("--config", "c") == 0, "%s", mistake());
	ck_assert_uint_eq(config.workers, 3);
	ck_assert_uint_eq(config.queue, 2);
	ck_assert_uint_eq(config.model.timeout_ms, 1000);
	ck_assert_uint_eq(config.folder_files, 2);
	file_write_text("c.d/20-b.conf", "[requests]\nworkers = many\n");
	ck_assert_int_eq(PARSE("--config", "c"), -EINVAL);
	ck_assert_str_eq(mistake(), "c.d/20-b.conf:2: [requests] workers is 'many', expected a number from 0 to 64");
}
END_TEST

static const char *source_of(const char *section, const char *key)
{
	for (unsigned i = 0; i < tfl_config_table.count; i++)
		if (strcmp(tfl_config_table.rows[i].section, section) == 0 && strcmp(tfl_config_table.rows[i].key, key) == 0)
			return config.sources[i].text;
	ck_abort_msg("no [%s] %s", section, key);
}

START_TEST(each_value_knows_where_it_comes_from)
{
	static const char name[] = "a-file-with-a-name-that-is-far-too-long-to-be-repeated-for-each-of-its-keys.conf";

	ck_assert_int_eq(mkdir("c.d", 0755), 0);
	file_write_text("c", "[requests]\nworkers = 1\ntimeout = 1s\n[models]\nthreads = 2\n");
	file_write_text("c.d/1.conf", "\n[models]\nthreads = 3\n");
	file_write_text(name, "\n[models]\nthreads = 3\n");
	ck_assert_int_eq(PARSE("--config", "c", "--workers=4"), 0);
	ck_assert_str_eq(source_of("requests", "workers"), "--workers");
	ck_assert_str_eq(source_of("requests", "timeout"), "c:3");
	ck_assert_str_eq(source_of("models", "threads"), "c.d/1.conf:3");
	ck_assert_str_eq(source_of("models", "instances"), "");
	/* What models inherit comes with it: versions, auto_swap, transition, instances, threads, queue, timeout. */
	ck_assert_str_eq(config.model.sources[3].text, "");
	ck_assert_str_eq(config.model.sources[4].text, "c.d/1.conf:3");
	ck_assert_str_eq(config.model.sources[6].text, "c:3");
	ck_assert_int_eq(PARSE("--config", name), 0);
	ck_assert_str_eq(source_of("models", "threads"), "…oo-long-to-be-repeated-for-each-of-its-keys.conf:3");
}
END_TEST

static void collect(void *data, const char *sentence)
{
	char *sentences = data;

	strcat(strcat(sentences, sentence), "\n");
}

START_TEST(what_has_no_effect_is_doubted)
{
	char sentences[2048] = "";

	ck_assert_int_eq(parse_file("[requests]\nqueue = 10\nworkers = 2\n[sockets]\nconnections = 20\n[users]\nbytes = 1M\n"), 0);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, ""); /* defaults above are nobody's mistake */
	ck_assert_int_eq(parse_file("[requests]\nqueue = 10\nworkers = 2\n[users]\nrequests = 20\n[models]\ninstances = 3\nqueue = 10\n"),
			 0);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, "[users] requests is 20 (c:5), but [requests] queue is 10, and no more has an effect\n"
				    "[models] instances is 3 (c:7), but [requests] workers is 2, and no more has an effect\n");
}
END_TEST

START_TEST(a_metrics_file_that_nobody_reads_is_doubted)
{
	static const char no[] = "[metrics] metrics_file is %s, but node_exporter reads only files whose names end in .prom\n";
	static const char *const passed_over[] = { "/m/tfld", "/m/tfld.prom.txt", "/m/.prom", "/m/tfldprom", ".prom" };
	char sentences[2048] = "", text[128], expected[256];

	ck_assert_int_eq(parse_file("[metrics]\nmetrics_file = /m/tfld.prom\nmetrics_period = 1min\n"), 0);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, "");
	for (size_t i = 0; i < TFL_ARRAY_SIZE(passed_over); i++) {
		sentences[0] = '\0';
		snprintf(text, sizeof(text), "[metrics]\nmetrics_file = %s\n", passed_over[i]);
		snprintf(expected, sizeof(expected), no, passed_over[i]);
		ck_assert_int_eq(parse_file(text), 0);
		tfl_config_doubts(&config, collect, sentences);
		ck_assert_str_eq(sentences, expected);
	}
	sentences[0] = '\0';
	ck_assert_int_eq(parse_file("[metrics]\nmetrics_period = 1min\n"), 0);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, "[metrics] metrics_period is set (c:2), but without a metrics_file it has no effect\n");
}
END_TEST

START_TEST(how_lines_are_written_without_a_folder_is_doubted)
{
	char sentences[2048] = "";

	ck_assert_int_eq(parse_file("[log]\nfolder = /l\nfiles = 3\ndevice = d\n"), 0);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, "");
	ck_assert_int_eq(parse_file("[log]\nperiod = 1s\nfiles = 3\ndevice = d\n"), 0);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, "[log] files is set (c:3), but without a folder it has no effect\n"
				    "[log] device is set (c:4), but without a folder it has no effect\n");
}
END_TEST

START_TEST(unloading_without_a_limit_is_doubted)
{
	char sentences[2048] = "";

	ck_assert_int_eq(parse_file("[models]\nmemory_limit = 64M\nunload_idle = yes\n"), 0);
	ck_assert_uint_eq(config.memory_limit, 64u << 20);
	ck_assert_uint_eq(config.unload_idle, 1);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, "");
	ck_assert_int_eq(parse_file("[models]\nunload_idle = yes\n"), 0);
	tfl_config_doubts(&config, collect, sentences);
	ck_assert_str_eq(sentences, "[models] unload_idle is set (c:2), but without a memory_limit it has no effect\n");
}
END_TEST

START_TEST(what_is_printed_says_the_same)
{
	struct tfl_config before;
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	ck_assert_int_eq(parse_file("[models]\npath = /m\nversions = latest 3\n[requests]\ntimeout = 90s\n[sockets]\nmax_frame = 5000\n"
				    "mode = 0600\n[log]\nlevel = error\n"), 0);
	before = config;
	tfl_settings_print(&tfl_config_table, &config, file);
	fclose(file);
	ck_assert_msg(parse_file(text) == 0, "%s", mistake());
	memcpy(config.sources, before.sources, sizeof(before.sources));
	config.model = before.model;
	config.argv = before.argv; /* another one, that says the same */
	ck_assert_mem_eq(&config, &before, sizeof(config));
	ck_assert_ptr_nonnull(strstr(text, "\ntimeout = 90s                           ; c:5\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nversions = latest 3                     ; c:3\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nadmin_path =\n"));
	free(text);
}
END_TEST

START_TEST(a_line_that_does_not_fit_is_refused_not_cut)
{
	char text[600] = "[models]\npath = /";

	memset(text + strlen(text), 'x', 500);
	ck_assert_int_eq(parse_file(text), -EINVAL);
	ck_assert_ptr_nonnull(strstr(mistake(), "c:2: the line has "));
}
END_TEST

START_TEST(a_file_that_is_no_text_is_refused)
{
	file_write("c", "[log]\n\0level = info\n", 21, 0644);
	ck_assert_int_eq(PARSE("--config", "c"), -EINVAL);
	ck_assert_str_eq(mistake(), "c:2: the line has a NUL byte; this is no text file");
	ck_assert_int_lt(PARSE("--config", folder_path()), 0);
	ck_assert_ptr_nonnull(strstr(mistake(), "is it a file?"));
	ck_assert_int_eq(PARSE("--config", ""), -EINVAL);
	ck_assert_int_eq(PARSE("--config", "missing"), -EINVAL);
	ck_assert_str_eq(mistake(), "missing: cannot be opened: No such file or directory");
}
END_TEST

START_TEST(a_socket_path_must_fit_its_address)
{
	char text[160] = "[sockets]\npath = /";

	memset(text + strlen(text), 'x', 106);
	ck_assert_int_eq(parse_file(text), 0);
	ck_assert_uint_eq(strlen(config.socket), 107);
	strcat(text, "y");
	ck_assert_int_eq(parse_file(text), -EINVAL);
	ck_assert_str_eq(mistake(), "c:2: [sockets] path has 108 bytes, expected at most 107");
}
END_TEST

START_TEST(wrong_options_are_named)
{
	file_write_text("c", "");
	ck_assert_int_eq(PARSE("--config=c", "--wrokers", "3"), -EINVAL);
	ck_assert_str_eq(mistake(), "there is no option '--wrokers'; did you mean --workers?");
	ck_assert_int_eq(PARSE("--config=c", "--gpu=1"), -EINVAL);
	ck_assert_str_eq(mistake(), "there is no option '--gpu'; see tfld --help");
	ck_assert_int_eq(PARSE("--config=c", "--workers"), -EINVAL);
	ck_assert_str_eq(mistake(), "--workers needs a value; see tfld --help");
	ck_assert_int_eq(PARSE("--config=c", "--workers", "x"), -EINVAL);
	ck_assert_str_eq(mistake(), "--workers is 'x', expected a number from 0 to 64");
	ck_assert_int_eq(PARSE("--config=c", "--check-config=yes"), -EINVAL);
	ck_assert_str_eq(mistake(), "--check-config takes no value");
	ck_assert_int_eq(PARSE("--config=c", "models"), -EINVAL);
	ck_assert_str_eq(mistake(), "'models' is no option; see tfld --help");
	ck_assert_int_eq(PARSE("--config=c", "--"), -EINVAL);
}
END_TEST

START_TEST(actions_are_told)
{
	ck_assert_int_eq(PARSE("--config", "missing", "--help", "--nonsense"), 0);
	ck_assert_int_eq(config.action, TFL_CONFIG_HELP);
	file_write_text("c", "[log]\nlevel = loud\n");
	ck_assert_int_eq(PARSE("--config=c", "--version"), 0);
	ck_assert_int_eq(config.action, TFL_CONFIG_VERSION);
	ck_assert_int_eq(PARSE("--config=c", "--check-config"), -EINVAL);
	file_write_text("c", "");
	ck_assert_int_eq(PARSE("--config=c", "--check-config"), 0);
	ck_assert_int_eq(config.action, TFL_CONFIG_CHECK);
	ck_assert_int_eq(PARSE("--config=c", "--reload", "123"), 0);
	ck_assert_int_eq(config.action, TFL_CONFIG_RELOAD);
	ck_assert_int_eq(config.process, 123);
	/* What is to be done is known even where the rest is wrong. */
	file_write_text("c", "[log]\nlevel = loud\n");
	config.process = 0;
	ck_assert_int_eq(PARSE("--config=c", "--reload=77"), -EINVAL);
	ck_assert_int_eq(config.action, TFL_CONFIG_RELOAD);
	ck_assert_int_eq(config.process, 77);
	for (unsigned i = 0; i < 5; i++) {
		const char *const numbers[] = {"1", "-5", "x", "7x", "99999999999"};

		ck_assert_int_eq(PARSE("--reload", numbers[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(mistake(), "expected the number of a process"));
	}
}
END_TEST

/* A documented file with "#key = value" made "key = value". */
static char *without_comment_signs(const char *name)
{
	static char text[65536];
	const char *folder = getenv("SYSTEMD");
	char line[512], path[1024];
	size_t length = 0;
	FILE *file;

	ck_assert_msg(folder, "SYSTEMD must name the folder of the documented configuration");
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	ck_assert_msg(file, "%s: %m", path);
	while (fgets(line, sizeof(line), file)) {
		const char *kept = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z' ? line + 1 : line;

		length += (size_t)sprintf(text + length, "%s", kept);
	}
	fclose(file);
	return text;
}

/* Each key of the table stands in the text with its value, on a line that begins with it, and under its section. */
static void assert_has_all(const char *text, const struct tfl_setting_table *table, const void *values)
{
	char buffer[TFL_SETTING_VALUE_MAX], line[256];

	for (unsigned i = 0; i < table->count; i++) {
		const struct tfl_setting *row = &table->rows[i];
		const char *value = tfl_setting_format(row, values, buffer), *section, *found, *next;

		snprintf(line, sizeof(line), "\n[%s]\n", row->section);
		section = strstr(text, line);
		ck_assert_msg(section, "[%s] is missing", row->section);
		next = strstr(section + 1, "\n[");
		snprintf(line, sizeof(line), "\n%s =%s%s\n", row->key, *value ? " " : "", value);
		found = strstr(section, line);
		ck_assert_msg(found && (!next || found < next), "'%s' is not in [%s]", line, row->section);
	}
}

START_TEST(the_documented_file_has_every_key_with_its_default)
{
	struct tfl_config defaults;
	char *text = without_comment_signs("tfld.conf");

	ck_assert_msg(parse_file(text) == 0, "%s", mistake());
	tfl_config_init(&defaults);
	config.argc = 0;
	config.argv = NULL;
	memset(config.file, 0, sizeof(config.file));
	memset(config.sources, 0, sizeof(config.sources));
	memset(config.model.sources, 0, sizeof(config.model.sources));
	ck_assert_mem_eq(&config, &defaults, sizeof(config));
	assert_has_all(text, &tfl_config_table, &defaults);
}
END_TEST

START_TEST(the_documented_model_conf_has_every_key_with_its_default)
{
	struct tfl_config defaults;
	struct tfl_model_conf conf;
	char *text = without_comment_signs("model.conf");

	tfl_config_init(&defaults);
	conf = defaults.model;
	memset(&mistakes, 0, sizeof(mistakes));
	ck_assert_msg(tfl_settings_read(&tfl_model_conf_table, "model.conf", "m", text, strlen(text), &conf, &mistakes) == 0, "%s",
		      mistake());
	memset(conf.sources, 0, sizeof(conf.sources));
	ck_assert_mem_eq(&conf, &defaults.model, sizeof(conf));
	assert_has_all(text, &tfl_model_conf_table, &conf);
}
END_TEST

START_TEST(help_fits_a_screen)
{
	char *help;
	size_t size, lines = 0, width = 0, columns;
	FILE *file = open_memstream(&help, &size);

	tfl_config_print_help(file);
	fclose(file);
	for (const char *line = help; *line; line += strcspn(line, "\n") + 1, lines++) {
		columns = 0;
		for (const char *c = line; *c != '\n'; c++)
			columns += ((unsigned char)*c & 0xc0) != 0x80;
		if (columns > width)
			width = columns;
	}
	ck_assert_uint_le(lines, 24);
	ck_assert_uint_le(width, 80);
	free(help);
}
END_TEST

static int count_entries(void *data, const struct tfl_keyfile_entry *entry, struct tfl_error *ret_error)
{
	unsigned *count = data;

	if (strcmp(entry->key, "bad") == 0)
		return tfl_keyfile_error(entry, ret_error, "bad");
	*count += 1;
	return 0;
}

START_TEST(no_handler_is_called_behind_a_mistake)
{
	static const char text[] = "[a]\nx = 1\ny = 2\nbad = 3\nz = 4\n[b]\nw = 5\n";
	unsigned count = 0;

	ck_assert_int_eq(tfl_keyfile_parse("p", text, sizeof(text) - 1, count_entries, &count, NULL, &error), -EINVAL);
	ck_assert_str_eq(error.text, "p:4: bad");
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
	unsigned state = 12345, count = 0;
	char text[700];

	for (unsigned round = 0; round < 3000; round++) {
		size_t length = (state >> 8) % sizeof(text);

		for (size_t i = 0; i < length; i++) {
			state = state * 1103515245u + 12345u;
			text[i] = (state >> 24) % 4 ? "[]=;#\n \tab:"[(state >> 16) % 11] : (char)(state >> 16);
		}
		tfl_keyfile_parse("p", text, length, count_entries, &count, NULL, &error);
	}
}
END_TEST

Suite *config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");

	tcase_add_checked_fixture(tcase, folder_make, folder_remove);
	tcase_add_test(tcase, a_file_goes_over_defaults_and_options_over_the_file);
	tcase_add_loop_test(tcase, values_are_read_in_their_units, 0, sizeof(readings) / sizeof(readings[0]));
	tcase_add_loop_test(tcase, mistakes_are_named_with_their_line, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tcase, all_mistakes_are_told_in_the_order_of_their_lines);
	tcase_add_test(tcase, a_file_that_is_wrong_from_end_to_end_is_told_in_part);
	tcase_add_test(tcase, files_of_the_folder_go_over_the_file_in_order_of_their_names);
	tcase_add_test(tcase, each_value_knows_where_it_comes_from);
	tcase_add_test(tcase, what_has_no_effect_is_doubted);
	tcase_add_test(tcase, a_metrics_file_that_nobody_reads_is_doubted);
	tcase_add_test(tcase, how_lines_are_written_without_a_folder_is_doubted);
	tcase_add_test(tcase, unloading_without_a_limit_is_doubted);
	tcase_add_test(tcase, what_is_printed_says_the_same);
	tcase_add_test(tcase, a_line_that_does_not_fit_is_refused_not_cut);
	tcase_add_test(tcase, a_file_that_is_no_text_is_refused);
	tcase_add_test(tcase, a_socket_path_must_fit_its_address);
	tcase_add_test(tcase, wrong_options_are_named);
	tcase_add_test(tcase, actions_are_told);
	tcase_add_test(tcase, the_documented_file_has_every_key_with_its_default);
	tcase_add_test(tcase, the_documented_model_conf_has_every_key_with_its_default);
	tcase_add_test(tcase, help_fits_a_screen);
	tcase_add_test(tcase, no_handler_is_called_behind_a_mistake);
	tcase_add_test(tcase, random_bytes_do_no_harm);
	suite_add_tcase(suite, tcase);
	return suite;
}
