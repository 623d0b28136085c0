/* SPDX-License-Identifier: MIT */
/*
 * What comes back out of the store, when everything in it may have been put there, changed or replaced by somebody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/daemon/folder.h"
#include "tests/daemon/store_scene.h"
#include "tests/daemon/suites.h"

START_TEST(links_are_not_followed)
{
	scene_must_publish("hello model", "m", 1);
	ck_assert_int_eq(mkdir("models/n", 0755), 0);
	ck_assert_int_eq(mkdir("models/n/1", 0755), 0);
	ck_assert_int_eq(symlink("../../m/1/model.tflite", "models/n/1/model.tflite"), 0);
	ck_assert_int_eq(symlink("../m/1", "models/n/2"), 0);
	ck_assert_int_eq(symlink("m", "models/o"), 0);
	ck_assert_int_lt(scene_open_error("n", 1), 0);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "links are not followed"));
	scene_open_error("n", 2);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "links are not followed"));
	scene_open_error("o", 1);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "links are not followed"));
	ck_assert_int_lt(scene_publish("evil", "o", 9), 0);
	ck_assert(!file_exists("models/m/9"));
	ck_assert_int_lt(tfl_store_erase(scene.store, "o", 1, &scene.error), 0);
	ck_assert(file_exists("models/m/1/model.tflite"));
	/* A link as a manifest or a state is not read through either. */
	ck_assert_int_eq(mkdir("models/n/3", 0755), 0);
	file_write_text("models/n/3/model.tflite", "hello model");
	ck_assert_int_eq(symlink("../../m/1/manifest", "models/n/3/manifest"), 0);
	ck_assert_int_eq(scene_open_error("n", 3), -EINVAL);
	scene_list();
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/n/2 is no folder (links are not followed)"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/o cannot be opened as a folder"));
	ck_assert_uint_eq(scene.entry_count, 3);
}
END_TEST

START_TEST(a_pipe_in_place_of_a_file_is_refused_without_waiting)
{
	ck_assert_int_eq(mkdir("models/m", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/1", 0755), 0);
	ck_assert_int_eq(mkfifo("models/m/1/model.tflite", 0644), 0);
	ck_assert_int_eq(scene_open_error("m", 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "models/m/1/model.tflite is a pipe"));
	ck_assert_int_eq(mkfifo("models/m/1/manifest", 0644), 0);
	ck_assert_int_eq(scene_open_error("m", 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "models/m/1/manifest cannot be read"));
}
END_TEST

START_TEST(a_folder_put_there_by_hand_is_copied_into_sealed_memory)
{
	struct tfl_store_file file;
	char text[32] = "";

	ck_assert_int_eq(mkdir("models/m", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/3", 0755), 0);
	file_write_text("models/m/3/model.tflite", "hello model");
	ck_assert_int_eq(tfl_store_open_version(scene.store, "m", 3, &file, &scene.error), 0);
	ck_assert(file.copied);
	ck_assert_str_eq(file.cause, "it has no manifest");
	/* What its owner does to the file afterwards does not reach us, and nobody changes the copy. */
	ck_assert_int_eq(truncate("models/m/3/model.tflite", 0), 0);
	ck_assert_int_eq(pread(file.fd, text, 31, 0), 11);
	ck_assert_str_eq(text, "hello model");
	ck_assert_int_eq(pwrite(file.fd, "x", 1, 0), -1);
	ck_assert_int_eq(ftruncate(file.fd, 0), -1);
	ck_assert_int_eq(ftruncate(file.fd, 100), -1);
	ck_assert_int_eq(fcntl(file.fd, F_GET_SEALS) & 15, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	ck_assert_ptr_ne(mmap(NULL, 11, PROT_READ, MAP_PRIVATE, file.fd, 0), MAP_FAILED);
	close(file.fd);
}
END_TEST

static const struct {
	const char *path;
	mode_t mode;
	uid_t owner;
	const char *cause;
} foreign[] = {
	{ "models/m/1/model.tflite", 0664, 0, "its file can be written by other users" },
	{ "models/m/1/model.tflite", 0446, 0, "its file can be written by other users" },
	{ "models/m/1/model.tflite", 0444, 12345, "its file can be written by other users" },
	{ "models/m/1", 0775, 0, "its folder can be written by other users" },
	{ "models/m/1", 0755, 12345, "its folder can be written by other users" },
};

START_TEST(what_others_could_write_is_copied)
{
	struct tfl_store_file file;

	scene_must_publish("hello model", "m", 1);
	scene_assert_content("m", 1, "hello model", false);
	if (foreign[_i].owner && geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(foreign[_i].path, foreign[_i].mode), 0);
	if (foreign[_i].owner)
		ck_assert_int_eq(chown(foreign[_i].path, foreign[_i].owner, (gid_t)-1), 0);
	ck_assert_int_eq(tfl_store_open_version(scene.store, "m", 1, &file, &scene.error), 0);
	ck_assert(file.copied);
	ck_assert_str_eq(file.cause, foreign[_i].cause);
	close(file.fd);
	scene_assert_content("m", 1, "hello model", true);
}
END_TEST

START_TEST(changed_content_is_found_out)
{
	scene_must_publish("hello model", "m", 1);
	file_write("models/m/1/model.tflite", "hellO model", 11, 0444);
	ck_assert_int_eq(scene_open_error("m", 1), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "models/m/1/model.tflite has sha256 "));
	ck_assert_ptr_nonnull(strstr(scene.error.text, "; it was changed or damaged"));
	file_write("models/m/1/model.tflite", "hello mode", 10, 0664);
	ck_assert_int_eq(scene_open_error("m", 1), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "has 10 bytes, its manifest says 11"));
	unlink("models/m/1/model.tflite");
	ck_assert_int_eq(scene_open_error("m", 1), -ENOENT);
	ck_assert_int_eq(scene_open_error("m", 2), -ENOENT);
	ck_assert_int_eq(scene_open_error("other", 1), -ENOENT);
}
END_TEST

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct {
	const char *text, *sentence;
} bad_manifests[] = {
	{ "", "manifest: [manifest] has no size" },
	{ "[manifest]\nsize = 3\n", "manifest: [manifest] has no sha256" },
	{ "[manifest]\nsha256 = " SHA "\n", "manifest: [manifest] has no size" },
	{ "[manifest]\nsize = 3\nsha256 = " SHA "0\n", "manifest:3: sha256 = '" SHA "0', expected 64 digits" },
	{ "[manifest]\nsize = 3\nsha256 = BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n", "expected 64 digits" },
	{ "[manifest]\nsha256 = " SHA "\nsize = -3\n", "manifest:3: size = '-3', expected a number from 1 to 2147483648" },
	{ "[manifest]\nsha256 = " SHA "\nsize = 0\n", "manifest:3: size = '0'" },
	{ "[manifest]\nsha256 = " SHA "\nsize = 2147483649\n", "manifest:3: size = '2147483649'" },
	{ "[manifest]\nformat = 2\n", "manifest:2: format 2 was written by a later tfld; this one knows format 1" },
	{ "[manifest]\nuid = root\n", "manifest:2: uid = 'root', expected a number" },
	{ "[manifest\n", "manifest:1: neither" },
	{ "\x7f" "ELF\x01\n", "manifest:1: neither" },
};

START_TEST(a_bad_manifest_is_told_with_its_line)
{
	ck_assert_int_eq(mkdir("models/m", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/1", 0755), 0);
	file_write_text("models/m/1/model.tflite", "abc");
	file_write_text("models/m/1/manifest", bad_manifests[_i].text);
	ck_assert_int_eq(scene_open_error("m", 1), -EINVAL);
	ck_assert_msg(strstr(scene.error.text, bad_manifests[_i].sentence), "'%s' has no '%s'", scene.error.text,
		      bad_manifests[_i].sentence);
	ck_assert_ptr_eq(strstr(scene.error.text, "models/m/1/manifest"), scene.error.text);
}
END_TEST

START_TEST(a_manifest_written_by_hand_is_enough)
{
	char *large = malloc(40001);

	ck_assert_int_eq(mkdir("models/m", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/1", 0755), 0);
	file_write_text("models/m/1/model.tflite", "abc");
	file_write_text("models/m/1/manifest", "# by hand\n[manifest]\nsha256 = " SHA "\nsize = 3\nlater_key = 5\n[later]\nx = y\n");
	scene_assert_content("m", 1, "abc", false);
	memset(large, '#', 40000);
	large[40000] = '\0';
	file_write_text("models/m/1/manifest", large);
	ck_assert_int_eq(scene_open_error("m", 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "has more than 32768 bytes"));
	free(large);
}
END_TEST

START_TEST(the_list_is_in_the_order_of_loading)
{
	struct tfl_state state = { .active = 2 };
	static const char *const expected[] = { "a:20250101120000", "m:2", "m:10", "m:9", "m:1" };
	char text[96];

	for (unsigned i = 0; i < 4; i++)
		scene_must_publish("x", "m", (const uint64_t[]){ 9, 1, 10, 2 }[i]);
	scene_must_publish("x", "a", UINT64_C(20250101120000));
	ck_assert_int_eq(tfl_state_set_unloaded(&state, 9, "2026-01-01T00:00:00Z by uid 7"), 0);
	ck_assert_int_eq(tfl_store_write_state(scene.store, "m", &state, &scene.error), 0);
	scene_list();
	ck_assert_uint_eq(scene.entry_count, 5);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "%s:%llu", scene.entries[i].model, (unsigned long long)scene.entries[i].number);
		ck_assert_str_eq(text, expected[i]);
		ck_assert_int_eq(scene.entries[i].active, i <= 1); /* a model's first one is it until somebody says otherwise */
		ck_assert_int_eq(scene.entries[i].unloaded, i == 3);
	}
	ck_assert_str_eq(scene.entries[3].note, "2026-01-01T00:00:00Z by uid 7");
	ck_assert_str_eq(scene.remarks, "");
}
END_TEST

START_TEST(odd_names_are_remarked_and_left_alone)
{
	scene_must_publish("x", "m", 1);
	ck_assert_int_eq(mkdir("models/lost+found", 0755), 0);
	file_write_text("models/README", "x");
	file_write_text("models/m/notes.odt", "x");
	file_write_text("models/m/labels.txt", "x");
	file_write_text("models/m/model.conf", "x");
	file_write_text("models/m/2", "x");
	ck_assert_int_eq(mkdir("models/m/03", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/-1", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/99999999999999999999", 0755), 0);
	ck_assert_int_eq(mkdir("models/empty", 0755), 0);
	ck_assert_int_eq(mkdir("models/m/.hidden", 0755), 0);
	file_write_text("models/m/state", "[state]\nactive = one\n");
	scene_list();
	ck_assert_uint_eq(scene.entry_count, 1);
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/lost+found is no model"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/README cannot be opened as a folder"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/m/notes.odt is no version"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/m/2 is no folder"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/m/03 is no version"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/m/-1 is no version"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/m/99999999999999999999 is no version"));
	ck_assert_ptr_nonnull(strstr(scene.remarks, "models/m/state:2: active = 'one', expected a number"));
	ck_assert_ptr_null(strstr(scene.remarks, "hidden"));
	ck_assert_ptr_null(strstr(scene.remarks, "labels.txt"));
	ck_assert_ptr_null(strstr(scene.remarks, "model.conf"));
	ck_assert_ptr_null(strstr(scene.remarks, "empty"));
}
END_TEST

START_TEST(a_state_is_written_and_read_back)
{
	struct tfl_state state = { .active = TFL_VERSION_MAX }, back;

	ck_assert_int_eq(tfl_store_read_state(scene.store, "m", &back, &scene.error), -ENOENT);
	ck_assert_int_eq(tfl_store_write_state(scene.store, "m", &state, &scene.error), -ENOENT);
	scene_must_publish("x", "m", 1);
	memset(&back, 0x55, sizeof(back));
	ck_assert_int_eq(tfl_store_read_state(scene.store, "m", &back, &scene.error), 0);
	ck_assert_uint_eq(back.active, 1); /* the first */
	ck_assert_uint_eq(back.unloaded_count, 0);
	/* The longest there can be. */
	for (uint64_t i = 0; i < TFL_VERSIONS_MAX; i++) {
		char note[200];

		memset(note, 'n', sizeof(note));
		note[199] = '\0';
		ck_assert_int_eq(tfl_state_set_unloaded(&state, TFL_VERSION_MAX - i, note), 0);
	}
	ck_assert_int_eq(tfl_state_set_unloaded(&state, 1, "one too many"), -ENOSPC);
	ck_assert_msg(tfl_store_write_state(scene.store, "m", &state, &scene.error) == 0, "%s", scene.error.text);
	ck_assert_msg(tfl_store_read_state(scene.store, "m", &back, &scene.error) == 0, "%s", scene.error.text);
	ck_assert_mem_eq(&state, &back, sizeof(state));
	ck_assert_uint_eq(scene_in_staging(), 0);
	ck_assert_int_eq(tfl_state_set_unloaded(&state, TFL_VERSION_MAX - 5, NULL), 0);
	ck_assert_int_eq(tfl_state_set_unloaded(&state, 5, NULL), 0);
	ck_assert_uint_eq(state.unloaded_count, TFL_VERSIONS_MAX - 1);
	ck_assert_ptr_null(tfl_state_unloaded(&state, TFL_VERSION_MAX - 5));
	ck_assert_ptr_nonnull(tfl_state_unloaded(&state, TFL_VERSION_MAX - 63));
}
END_TEST

static const struct {
	const char *text, *sentence;
} bad_states[] = {
	{ "[state]\nformat = 7\n", "state:2: format 7 was written by a later tfld" },
	{ "[state]\nactive = 99999999999999999999\n", "state:2: active = '99999999999999999999'" },
	{ "[unloaded]\n0 = x\n", "state:2: '0' is no version" },
	{ "[unloaded]\n1 = x\n1 = y\n", "state:3: version 1 was there already" },
	{ "active = 1\n", "state:1: 'active' stands before the first [section]" },
};

START_TEST(a_bad_state_is_told_with_its_line)
{
	struct tfl_state state = { .active = 77 };

	scene_must_publish("x", "m", 1);
	file_write_text("models/m/state", bad_states[_i].text);
	ck_assert_int_eq(tfl_store_read_state(scene.store, "m", &state, &scene.error), -EINVAL);
	ck_assert_msg(strstr(scene.error.text, bad_states[_i].sentence), "'%s' has no '%s'", scene.error.text, bad_states[_i].sentence);
	ck_assert_uint_eq(state.active, 77);
	/* And is replaced by the next good one. */
	state.active = 1;
	ck_assert_int_eq(tfl_store_write_state(scene.store, "m", &state, &scene.error), 0);
	ck_assert_int_eq(tfl_store_read_state(scene.store, "m", &state, &scene.error), 0);
}
END_TEST

START_TEST(a_source_cannot_forge_a_manifest)
{
	char text[32];

	tfl_manifest_set_text(text, sizeof(text), "a\nsha256 = 0 ; b\x1b\xc3\xbc");
	ck_assert_str_eq(text, "a?sha256 = 0 ? b???");
	tfl_manifest_set_text(text, 4, "abcdef");
	ck_assert_str_eq(text, "abc");
}
END_TEST

static bool is_complete(uint64_t number)
{
	struct tfl_store_folder folder;

	ck_assert_int_eq(tfl_store_examine(scene.store, "m", number, 0, "", &folder, &scene.error), 0);
	ck_assert(folder.has_file);
	return folder.complete;
}

/* Times of files are as fine as the kernel's tick. */
static void let_a_tick_pass(void)
{
	usleep(20000);
}

START_TEST(a_rename_that_nobody_saw_shows)
{
	ck_assert_int_eq(mkdir("models/.new", 0755), 0);
	ck_assert_int_eq(mkdir("models/.new/1", 0755), 0);
	file_write_text("models/.new/1/model.tflite", "whole");
	let_a_tick_pass();
	ck_assert_int_eq(rename("models/.new", "models/m"), 0);
	ck_assert_msg(is_complete(1), "came with its model's folder");
	let_a_tick_pass();
	file_write_text("models/m/1/model.tflite", "half");
	ck_assert_msg(!is_complete(1), "is being written");
	ck_assert_int_eq(mkdir("models/m/2", 0755), 0);
	file_write_text("models/m/2/model.tflite", "half");
	ck_assert_msg(!is_complete(2), "is being written into a new folder");
	let_a_tick_pass();
	ck_assert_int_eq(rename("models/m/2", "models/m/3"), 0);
	ck_assert_msg(is_complete(3), "came with its own folder");
	ck_assert_int_eq(rename("models/m/3/model.tflite", "models/m/1/model.tflite"), 0);
	ck_assert_msg(is_complete(1), "was moved into its folder");
}
END_TEST

Suite *store_read_suite(void)
{
	Suite *suite = suite_create("store_read");
	TCase *tcase = tcase_create("store_read");

	tcase_add_checked_fixture(tcase, scene_setup, scene_teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, links_are_not_followed);
	tcase_add_test(tcase, a_pipe_in_place_of_a_file_is_refused_without_waiting);
	tcase_add_test(tcase, a_folder_put_there_by_hand_is_copied_into_sealed_memory);
	tcase_add_loop_test(tcase, what_others_could_write_is_copied, 0, sizeof(foreign) / sizeof(foreign[0]));
	tcase_add_test(tcase, changed_content_is_found_out);
	tcase_add_loop_test(tcase, a_bad_manifest_is_told_with_its_line, 0, sizeof(bad_manifests) / sizeof(bad_manifests[0]));
	tcase_add_test(tcase, a_manifest_written_by_hand_is_enough);
	tcase_add_test(tcase, the_list_is_in_the_order_of_loading);
	tcase_add_test(tcase, odd_names_are_remarked_and_left_alone);
	tcase_add_test(tcase, a_state_is_written_and_read_back);
	tcase_add_loop_test(tcase, a_bad_state_is_told_with_its_line, 0, sizeof(bad_states) / sizeof(bad_states[0]));
	tcase_add_test(tcase, a_source_cannot_forge_a_manifest);
	tcase_add_test(tcase, a_rename_that_nobody_saw_shows);
	suite_add_tcase(suite, tcase);
	return suite;
}
