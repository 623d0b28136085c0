/* SPDX-License-Identifier: MIT */
/*
 * Keys, options, and the sentences for what is wrong with them; and that the documented file and the table say the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/error.h"
#include "daemon/config.h"
#include "daemon/keyfile.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/suites.h"

static struct tfl_config config;
static struct tfl_error error;

/* tfld with these arguments, the last one NULL. */
static int parse(const char *const *arguments)
{
	char *argv[16] = { NULL };
	int argc = 1;

	for (; arguments[argc - 1]; argc++)
		argv[argc] = (char *)arguments[argc - 1];
	return tfl_config_parse(argc, argv, &config, &error);
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
	ck_assert_uint_eq(config.instances, 3);
	ck_assert_uint_eq(config.workers, 7);
	ck_assert_uint_eq(config.request_timeout_ms, 2000);
	ck_assert_str_eq(config.admin_socket, "/a");
	ck_assert_uint_eq(config.log_level, LOG_DEBUG);
	ck_assert_str_eq(config.socket, "/run/tfld/tfld.sock");
	ck_assert_uint_eq(config.threads, 1);
	ck_assert_int_eq(config.action, TFL_CONFIG_RUN);
}
END_TEST

static const struct {
	const char *text;
	size_t offset;
	uint64_t value;
} values[] = {
	{ "[sockets]\nmax_frame = 64K\n", offsetof(struct tfl_config, max_frame), 65536 },
	{ "[sockets]\nmax_frame = 2 M\n", offsetof(struct tfl_config, max_frame), 2097152 },
	{ "[sockets]\nmax_frame = 5000\n", offsetof(struct tfl_config, max_frame), 5000 },
	{ "[sockets]\nmode = 600\n", offsetof(struct tfl_config, socket_mode), 0600 },
	{ "[sockets]\nmode = 0777\n", offsetof(struct tfl_config, socket_mode), 0777 },
	{ "[requests]\ntimeout = 250ms\n", offsetof(struct tfl_config, request_timeout_ms), 250 },
	{ "[requests]\ntimeout = 3min\n", offsetof(struct tfl_config, request_timeout_ms), 180000 },
	{ "[requests]\ntimeout = 0\n", offsetof(struct tfl_config, request_timeout_ms), 0 },
	{ "[log]\nlevel = warning\n", offsetof(struct tfl_config, log_level), LOG_WARNING },
	{ "[log]\r\nlevel = error\r\n", offsetof(struct tfl_config, log_level), LOG_ERR },
	{ "[requests]\nworkers = 64", offsetof(struct tfl_config, workers), 64 },
};

START_TEST(values_are_read_in_their_units)
{
	ck_assert_msg(parse_file(values[_i].text) == 0, "%s", error.text);
	ck_assert_uint_eq(*(uint64_t *)((char *)&config + values[_i].offset), values[_i].value);
}
END_TEST

static const struct {
	const char *text, *sentence;
} mistakes[] = {
	{ "[requests]\nqueue = 5\nworkers = many\n", "c:3: [requests] workers is 'many', expected a number" },
	{ "[requests]\nworkers = 65\n", "c:2: [requests] workers is '65', expected 0 to 64" },
	{ "[requests]\nqueue = 0\n", "c:2: [requests] queue is '0', expected 1 to 1024" },
	{ "[requests]\nworkers = -1\n", "c:2: [requests] workers is '-1', expected a number" },
	{ "[requests]\nworkers =\n", "c:2: [requests] workers is '', expected a number" },
	{ "[requests]\nworkers = 4 2\n", "c:2: [requests] workers is '4 2', expected a number" },
	{ "[requests]\nworkers = 99999999999999999999\n",
	  "c:2: [requests] workers is '99999999999999999999', expected a number" },
	{ "[requests]\ntimeout = 5\n", "c:2: [requests] timeout is '5', expected a time as in 500ms, 2s, 1min or 0" },
	{ "[requests]\ntimeout = 2000min\n", "c:2: [requests] timeout is '2000min', expected 0 to 1440min" },
	{ "[users]\nbytes = 1T\n", "c:2: [users] bytes is '1T', expected a size as in 4096, 64K, 16M or 1G" },
	{ "[users]\nbytes = 18446744073709551615G\n",
	  "c:2: [users] bytes is '18446744073709551615G', expected a size as in 4096, 64K, 16M or 1G" },
	{ "[users]\nbytes = 1G\n", "c:2: [users] bytes is '1G', expected 4K to 256M" },
	{ "[sockets]\nmode = 0888\n", "c:2: [sockets] mode is '0888', expected permissions as in 0660" },
	{ "[sockets]\nmode = 1777\n", "c:2: [sockets] mode is '1777', expected 0000 to 0777" },
	{ "[log]\nlevel = loud\n", "c:2: [log] level is 'loud', expected error, warning, info or debug" },
	{ "[models]\npath =\n", "c:2: [models] path is empty, expected a path" },
	{ "[models]\nfolder = /x\n", "c:2: [models] has no key 'folder'; it has path, instances, threads" },
	{ "[model]\npath = /x\n", "c:2: there is no section [model]; sections are models, sockets, requests, users, log" },
	{ "[models]\npath = /x\n[log]\n[models]\npath = /y\n", "c:5: [models] path was given on line 2 already" },
	{ "path = /x\n", "c:1: 'path' stands before the first [section]" },
	{ "[models\npath = /x\n", "c:1: neither \"[section]\" nor \"key = value\" nor a comment" },
	{ "[models]\npath\n[log]\nlevel=loud\n", "c:2: neither \"[section]\" nor \"key = value\" nor a comment" },
	{ "[log]\nlevel=loud\nlevel\n", "c:2: [log] level is 'loud', expected error, warning, info or debug" },
};

START_TEST(mistakes_are_named_with_their_line)
{
	memset(&config, 0x55, sizeof(config));
	ck_assert_int_eq(parse_file(mistakes[_i].text), -EINVAL);
	ck_assert_str_eq(error.text, mistakes[_i].sentence);
	ck_assert_int_eq(error.code, -EINVAL);
	/* Outputs are untouched on failure. */
	ck_assert_int_eq(((unsigned char *)&config)[0], 0x55);
	ck_assert_uint_eq(config.workers, 0x5555555555555555u);
}
END_TEST

START_TEST(a_line_that_does_not_fit_is_refused_not_cut)
{
	char text[600] = "[models]\npath = /";

	memset(text + strlen(text), 'x', 500);
	ck_assert_int_eq(parse_file(text), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.text, "c:2: the line has "));
}
END_TEST

START_TEST(a_file_that_is_no_text_is_refused)
{
	file_write("c", "[log]\n\0level = info\n", 21, 0644);
	ck_assert_int_eq(PARSE("--config", "c"), -EINVAL);
	ck_assert_str_eq(error.text, "c:2: the line has a NUL byte; this is no text file");
	ck_assert_int_lt(PARSE("--config", folder_path()), 0);
	ck_assert_ptr_nonnull(strstr(error.text, "is it a file?"));
	ck_assert_int_eq(PARSE("--config", "missing"), -ENOENT);
	ck_assert_str_eq(error.text, "missing: cannot be opened: No such file or directory");
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
	ck_assert_str_eq(error.text, "c:2: [sockets] path has 108 bytes, expected at most 107");
}
END_TEST

START_TEST(wrong_options_are_named)
{
	file_write_text("c", "");
	ck_assert_int_eq(PARSE("--config=c", "--wrokers", "3"), -EINVAL);
	ck_assert_str_eq(error.text, "there is no option '--wrokers'; see tfld --help");
	ck_assert_int_eq(PARSE("--config=c", "--workers"), -EINVAL);
	ck_assert_str_eq(error.text, "--workers needs a value; see tfld --help");
	ck_assert_int_eq(PARSE("--config=c", "--workers", "x"), -EINVAL);
	ck_assert_str_eq(error.text, "--workers is 'x', expected a number");
	ck_assert_int_eq(PARSE("--config=c", "--check-config=yes"), -EINVAL);
	ck_assert_str_eq(error.text, "--check-config takes no value");
	ck_assert_int_eq(PARSE("--config=c", "models"), -EINVAL);
	ck_assert_str_eq(error.text, "'models' is no option; see tfld --help");
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
}
END_TEST

/* The documented file with "#key = value" made "key = value". */
static char *without_comment_signs(const char *path)
{
	static char text[65536];
	char line[512];
	size_t length = 0;
	FILE *file = fopen(path, "r");

	ck_assert_msg(file, "%s: %m", path);
	while (fgets(line, sizeof(line), file)) {
		const char *kept = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z' ? line + 1 : line;

		length += (size_t)sprintf(text + length, "%s", kept);
	}
	fclose(file);
	return text;
}

START_TEST(the_documented_file_has_every_key_with_its_default)
{
	const char *path = getenv("TFLD_CONF");
	struct tfl_config defaults;
	char *help, *key, *text;
	char line[128];
	size_t size;
	FILE *file;

	ck_assert_msg(path, "TFLD_CONF must name the documented configuration");
	text = without_comment_signs(path);
	ck_assert_msg(parse_file(text) == 0, "%s", error.text);
	tfl_config_init(&defaults);
	memset(config.file, 0, sizeof(config.file));
	ck_assert_mem_eq(&config, &defaults, sizeof(config));

	/* The help lists all rows as "  [section] key = default"; each must stand in the file. */
	file = open_memstream(&help, &size);
	tfl_config_print_help(file);
	fclose(file);
	ck_assert_ptr_nonnull(strstr(help, "[log] level = info"));
	for (key = strstr(help, "\n  ["); key; key = strstr(key + 1, "\n  [")) {
		snprintf(line, sizeof(line), "\n%.*s\n", (int)(strcspn(strchr(key, ']') + 2, "\n")), strchr(key, ']') + 2);
		while (strlen(line) > 2 && line[strlen(line) - 2] == ' ')
			memmove(line + strlen(line) - 2, "\n", 2);
		ck_assert_msg(strstr(text, line), "'%s' is not in %s", line, path);
	}
	free(help);
}
END_TEST

START_TEST(help_fits_a_screen)
{
	char *help;
	size_t size, lines = 0, width = 0;
	FILE *file = open_memstream(&help, &size);

	tfl_config_print_help(file);
	fclose(file);
	for (const char *line = help; *line; line += strcspn(line, "\n") + 1, lines++)
		if (strcspn(line, "\n") > width)
			width = strcspn(line, "\n");
	ck_assert_uint_le(lines, 45);
	ck_assert_uint_le(width, 120);
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

	ck_assert_int_eq(tfl_keyfile_parse("p", text, sizeof(text) - 1, count_entries, &count, &error), -EINVAL);
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
		tfl_keyfile_parse("p", text, length, count_entries, &count, &error);
	}
}
END_TEST

Suite *config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");

	tcase_add_checked_fixture(tcase, folder_make, folder_remove);
	tcase_add_test(tcase, a_file_goes_over_defaults_and_options_over_the_file);
	tcase_add_loop_test(tcase, values_are_read_in_their_units, 0, sizeof(values) / sizeof(values[0]));
	tcase_add_loop_test(tcase, mistakes_are_named_with_their_line, 0, sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(tcase, a_line_that_does_not_fit_is_refused_not_cut);
	tcase_add_test(tcase, a_file_that_is_no_text_is_refused);
	tcase_add_test(tcase, a_socket_path_must_fit_its_address);
	tcase_add_test(tcase, wrong_options_are_named);
	tcase_add_test(tcase, actions_are_told);
	tcase_add_test(tcase, the_documented_file_has_every_key_with_its_default);
	tcase_add_test(tcase, help_fits_a_screen);
	tcase_add_test(tcase, no_handler_is_called_behind_a_mistake);
	tcase_add_test(tcase, random_bytes_do_no_harm);
	suite_add_tcase(suite, tcase);
	return suite;
}
