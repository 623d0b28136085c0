/* SPDX-License-Identifier: MIT */
/*
 * What gets into the store, how it lies there, and what is left when something goes wrong on the way. Model files here are any bytes:
 * the store does not look inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/daemon/folder.h"
#include "tests/daemon/store_scene.h"
#include "tests/daemon/suites.h"
#include "tests/support/descriptors.h"

START_TEST(a_version_is_published_with_its_manifest)
{
	struct stat st;
	const char *manifest;

	scene_must_publish("hello model", "digits", 1);
	ck_assert_str_eq(file_read("models/digits/1/model.tflite"), "hello model");
	manifest = file_read("models/digits/1/manifest");
	ck_assert_ptr_nonnull(strstr(manifest, "[manifest]\nformat = 1\nsha256 = "));
	ck_assert_ptr_nonnull(strstr(manifest, "\nsize = 11\n"));
	ck_assert_ptr_nonnull(strstr(manifest, "/given.tflite\nuid = 1000\npid = 4242\ntime = 2026-01-01T00:00:00Z\n"));
	ck_assert_int_eq(stat("models/digits/1/model.tflite", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0444);
	ck_assert_uint_eq(scene_in_staging(), 0);
	scene_assert_content("digits", 1, "hello model", false);
}
END_TEST

START_TEST(the_hash_is_that_of_the_content)
{
	struct tfl_staged *staged;

	/* As sha256sum says. */
	ck_assert_int_eq(scene_stage("abc", &staged), 0);
	ck_assert_str_eq(staged->content.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert_uint_eq(staged->content.size, 3);
	tfl_store_discard(scene.store, staged);
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

START_TEST(a_large_file_is_copied_whole_whatever_the_offset)
{
	size_t size = 3 * 1024 * 1024 + 17;
	struct tfl_store_file file;
	struct tfl_staged *staged;
	char *data = malloc(size), *back = malloc(size);
	int fd;

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	file_write("large", data, size, 0644);
	fd = open("large", O_RDWR);
	ck_assert_int_eq(lseek(fd, 12345, SEEK_SET), 12345);
	ck_assert_msg(tfl_store_stage(scene.store, fd, &staged, &scene.error) == 0, "%s", scene.error.text);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 12345);
	close(fd);
	ck_assert_int_eq(tfl_store_publish(scene.store, staged, "m", 1, &scene_origin, &scene.error), 0);
	tfl_store_discard(scene.store, staged);
	ck_assert_int_eq(tfl_store_open_version(scene.store, "m", 1, &file, &scene.error), 0);
	ck_assert_int_eq(pread(file.fd, back, size, 0), (ssize_t)size);
	ck_assert(memcmp(data, back, size) == 0);
	close(file.fd);
	free(data);
	free(back);
}
END_TEST

START_TEST(a_staged_file_can_be_read_before_and_after_it_is_published)
{
	struct tfl_staged *staged;
	char text[32] = "";

	ck_assert_int_eq(scene_stage("hello model", &staged), 0);
	ck_assert_int_eq(pread(staged->fd, text, 31, 0), 11);
	ck_assert_int_eq(tfl_store_publish(scene.store, staged, "m", 5, &scene_origin, &scene.error), 0);
	ck_assert_int_eq(pread(staged->fd, text, 31, 0), 11);
	ck_assert_str_eq(text, "hello model");
	ck_assert_int_eq(write(staged->fd, "x", 1), -1);
	tfl_store_discard(scene.store, staged);
	ck_assert(file_exists("models/m/5/model.tflite"));
}
END_TEST

START_TEST(what_is_not_published_leaves_nothing)
{
	struct tfl_staged *staged;

	ck_assert_int_eq(scene_stage("hello model", &staged), 0);
	ck_assert_uint_eq(scene_in_staging(), 1);
	tfl_store_discard(scene.store, staged);
	tfl_store_discard(scene.store, NULL);
	ck_assert_uint_eq(scene_in_staging(), 0);
	scene_list();
	ck_assert_uint_eq(scene.entry_count, 0);
	ck_assert_str_eq(scene.remarks, "");
}
END_TEST

START_TEST(a_number_is_published_once)
{
	struct tfl_staged *staged;

	scene_must_publish("first", "m", 1);
	ck_assert_int_eq(scene_stage("second", &staged), 0);
	ck_assert_int_eq(tfl_store_publish(scene.store, staged, "m", 1, &scene_origin, &scene.error), -EEXIST);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "models/m/1: cannot be published: File exists"));
	/* The same staged file can still go elsewhere. */
	ck_assert_int_eq(tfl_store_publish(scene.store, staged, "m", 2, &scene_origin, &scene.error), 0);
	tfl_store_discard(scene.store, staged);
	scene_assert_content("m", 1, "first", false);
	scene_assert_content("m", 2, "second", false);
}
END_TEST

START_TEST(names_and_numbers_that_cannot_be_are_refused)
{
	ck_assert_int_eq(scene_publish("x", "../evil", 1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "'../evil' is no model name: 1 to 64 of"));
	ck_assert_int_eq(scene_publish("x", ".staging", 1), -EINVAL);
	ck_assert_int_eq(scene_publish("x", "", 1), -EINVAL);
	ck_assert_int_eq(scene_publish("x", "m", 0), -EINVAL);
	ck_assert_int_eq(scene_publish("x", "m", UINT64_MAX), -EINVAL);
	ck_assert(!file_exists("models/m"));
	ck_assert(!file_exists("evil"));
	ck_assert_int_eq(scene_open_error("../models", 1), -EINVAL);
	ck_assert_int_eq(tfl_store_erase(scene.store, "..", 1, &scene.error), -EINVAL);
	scene_must_publish("x", "m", TFL_VERSION_MAX);
	scene_assert_content("m", TFL_VERSION_MAX, "x", false);
}
END_TEST

START_TEST(only_a_regular_file_open_for_reading_is_taken)
{
	struct tfl_staged *staged = (void *)1;
	int pipes[2], fds[6];

	ck_assert_int_eq(pipe(pipes), 0);
	file_write_text("given.tflite", "x");
	file_write_text("empty", "");
	fds[0] = pipes[0];
	fds[1] = open("/dev/zero", O_RDONLY);
	fds[2] = open(".", O_RDONLY | O_DIRECTORY);
	fds[3] = open("given.tflite", O_WRONLY);
	fds[4] = open("given.tflite", O_PATH);
	fds[5] = open("empty", O_RDONLY);
	for (unsigned i = 0; i < 6; i++) {
		static const char *const sentences[] = {
			" is a pipe, expected a regular file", "/dev/zero is a device, expected a regular file",
			" is a folder, expected a regular file", "/given.tflite is not opened for reading",
			"/given.tflite is not opened for reading", "/empty is empty",
		};

		ck_assert_int_eq(tfl_store_stage(scene.store, fds[i], &staged, &scene.error), -EINVAL);
		ck_assert_msg(strstr(scene.error.text, sentences[i]), "'%s' has no '%s'", scene.error.text, sentences[i]);
		close(fds[i]);
	}
	close(pipes[1]);
	ck_assert_ptr_eq(staged, (void *)1);
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

START_TEST(a_memory_file_is_taken)
{
	int fd = memfd_create("model", MFD_CLOEXEC);
	struct tfl_staged *staged;

	ck_assert_int_eq(write(fd, "from memory", 11), 11);
	ck_assert_msg(tfl_store_stage(scene.store, fd, &staged, &scene.error) == 0, "%s", scene.error.text);
	ck_assert_uint_eq(staged->content.size, 11);
	tfl_store_discard(scene.store, staged);
	close(fd);
}
END_TEST

START_TEST(a_file_that_is_too_large_is_refused_before_it_is_read)
{
	struct tfl_staged *staged;
	int fd = memfd_create("sparse", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)TFL_MODEL_BYTES_MAX + 1), 0);
	ck_assert_int_eq(tfl_store_stage(scene.store, fd, &staged, &scene.error), -EFBIG);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "2147483649 bytes, expected at most 2147483648"));
	close(fd);
}
END_TEST

START_TEST(no_room_leaves_nothing_behind)
{
	struct rlimit limit = { 65536, 65536 };
	struct tfl_staged *staged = (void *)1;
	char *large = malloc(200001);

	memset(large, 'x', 200000);
	large[200000] = '\0';
	file_write_text("given.tflite", large);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned i = 0; i < 3; i++) {
		int fd = open("given.tflite", O_RDONLY);

		ck_assert_int_eq(tfl_store_stage(scene.store, fd, &staged, &scene.error), -EFBIG);
		ck_assert_ptr_nonnull(strstr(scene.error.text, "200000 bytes: File too large"));
		close(fd);
	}
	ck_assert_uint_eq(scene_in_staging(), 0);
	scene_must_publish("small enough", "m", 1);
	free(large);
}
END_TEST

START_TEST(a_full_file_system_leaves_nothing_behind)
{
	struct tfl_staged *staged;
	char *large = malloc(200001);
	int result;

	memset(large, 'x', 200000);
	large[200000] = '\0';
	tfl_store_close(scene.store);
	scene.store = NULL;
	/* Needs root; without it, the test above has to do. */
	if (mount("tmpfs", "models", "tmpfs", 0, "size=128k") < 0)
		goto out;
	ck_assert_int_eq(tfl_store_open("models", &scene.store, &scene.error), 0);
	result = scene_stage(large, &staged);
	ck_assert_uint_eq(scene_in_staging(), 0);
	scene_must_publish("small enough", "m", 1);
	tfl_store_close(scene.store);
	scene.store = NULL;
	ck_assert_int_eq(umount("models"), 0);
	ck_assert_int_eq(result, -ENOSPC);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "no room for 200000 bytes: No space left on device"));
out:
	free(large);
}
END_TEST

/* A file that another process makes longer, or shorter, while it is copied is found out, not half taken. */
START_TEST(a_file_that_changes_size_is_refused)
{
	struct tfl_staged *staged;
	unsigned refused = 0;
	int fd = memfd_create("changing", MFD_CLOEXEC);
	pid_t writer;

	ck_assert_int_eq(ftruncate(fd, 24 << 20), 0);
	writer = fork();
	if (writer == 0)
		for (off_t i = 0; i < 20 << 20; i++)
			if (ftruncate(fd, (24 << 20) + (_i ? -i : i)) < 0)
				_exit(1);
	ck_assert_int_gt(writer, 0);
	for (unsigned i = 0; i < 20 && refused == 0; i++) {
		if (tfl_store_stage(scene.store, fd, &staged, &scene.error) == -EINVAL)
			refused++;
		else
			tfl_store_discard(scene.store, staged);
	}
	kill(writer, SIGKILL);
	ck_assert_uint_gt(refused, 0);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "changed while it was read"));
	ck_assert_uint_eq(scene_in_staging(), 0);
	close(fd);
}
END_TEST

START_TEST(leftovers_of_an_interrupted_write_are_removed_at_start)
{
	ck_assert_int_eq(mkdir("models/.staging/7", 0755), 0);
	file_write_text("models/.staging/7/model.tflite", "hal");
	ck_assert_int_eq(mkdir("models/.staging/7/samples", 0555), 0);
	file_write_text("models/.staging/8", "[state]\nact");
	ck_assert_int_eq(symlink("/etc", "models/.staging/link"), 0);
	scene_reopen();
	ck_assert(!file_exists("models/.staging/7"));
	ck_assert(!file_exists("models/.staging/8"));
	ck_assert(!file_exists("models/.staging/link"));
	ck_assert(file_exists("/etc/passwd"));
	scene_list();
	ck_assert_uint_eq(scene.entry_count, 0);
}
END_TEST

/* What a daemon does that loads, chooses and erases without end. */
static void work_until_killed(int published)
{
	for (uint64_t i = 1;; i++) {
		struct tfl_state state = { .active = i };

		scene_publish("hello model", "m", i);
		if (write(published, "", 1) < 0)
			_exit(1);
		tfl_store_write_state(scene.store, "m", &state, &scene.error);
		if (i > 2)
			tfl_store_erase(scene.store, "m", i - 2, &scene.error);
	}
}

START_TEST(killed_at_any_moment_every_version_is_whole_or_not_there)
{
	uint64_t seen = 0;

	for (unsigned round = 0; round < 25; round++) {
		int pipes[2];
		pid_t worker;

		ck_assert_int_eq(pipe(pipes), 0);
		tfl_store_close(TFL_STEAL(scene.store));
		worker = fork();
		if (worker == 0) {
			if (tfl_store_open("models", &scene.store, &scene.error) == 0)
				work_until_killed(pipes[1]);
			_exit(1);
		}
		ck_assert_int_gt(worker, 0);
		/* Every other one is given the time for its first version, however slow the disk is. */
		if (round % 2)
			ck_assert_int_eq(read(pipes[0], &(char){ 0 }, 1), 1);
		usleep(round * 1500);
		kill(worker, SIGKILL);
		ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
		close(pipes[0]);
		close(pipes[1]);
		scene_reopen();
		ck_assert_uint_eq(scene_in_staging(), 0);
		scene_list();
		ck_assert_str_eq(scene.remarks, "");
		for (unsigned i = 0; i < scene.entry_count; i++)
			scene_assert_content("m", scene.entries[i].number, "hello model", false);
		seen += scene.entry_count;
		/* The next round starts with a number that is free. */
		for (unsigned i = 0; i < scene.entry_count; i++)
			ck_assert_int_eq(tfl_store_erase(scene.store, "m", scene.entries[i].number, &scene.error), 0);
	}
	ck_assert_uint_ge(seen, 12);
}
END_TEST

START_TEST(leftovers_in_the_way_of_a_new_name_are_stepped_over)
{
	ck_assert_int_eq(mkdir("models/.staging/1", 0755), 0);
	scene_must_publish("hello model", "m", 1);
	scene_assert_content("m", 1, "hello model", false);
}
END_TEST

START_TEST(one_tfld_per_folder)
{
	struct tfl_store *second = (void *)1;

	ck_assert_int_eq(tfl_store_open("models", &second, &scene.error), -EBUSY);
	ck_assert_str_eq(scene.error.text, "models is used by another tfld; stop that one, or name another folder with --models");
	ck_assert_ptr_eq(second, (void *)1);
}
END_TEST

START_TEST(a_folder_that_cannot_be_used_is_told_with_what_to_do)
{
	struct tfl_store *other = NULL;

	ck_assert_int_eq(tfl_store_open("no/such/place", &other, &scene.error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "mkdir -p no/such/place"));
	file_write_text("file", "x");
	ck_assert_int_eq(tfl_store_open("file", &other, &scene.error), -ENOTDIR);
	ck_assert_int_eq(mkdir("odd", 0755), 0);
	ck_assert_int_eq(symlink("/tmp", "odd/.staging"), 0);
	ck_assert_int_lt(tfl_store_open("odd", &other, &scene.error), 0);
	ck_assert_ptr_nonnull(strstr(scene.error.text, "odd/.staging is no folder that can be used"));
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(erasing_removes_the_version_and_the_model_with_the_last)
{
	struct tfl_state state = { .active = 1 };

	scene_must_publish("x", "m", 1);
	scene_must_publish("y", "m", 2);
	ck_assert_int_eq(tfl_store_write_state(scene.store, "m", &state, &scene.error), 0);
	ck_assert_int_eq(mkdir("models/m/1/samples", 0755), 0);
	file_write_text("models/m/1/samples/0.npy", "x");
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 3, &scene.error), -ENOENT);
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 1, &scene.error), 0);
	ck_assert(!file_exists("models/m/1"));
	ck_assert(file_exists("models/m/state"));
	scene_assert_content("m", 2, "y", false);
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 2, &scene.error), 0);
	ck_assert(!file_exists("models/m"));
	ck_assert_uint_eq(scene_in_staging(), 0);
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 2, &scene.error), -ENOENT);
}
END_TEST

START_TEST(what_else_lies_with_a_model_survives_its_last_version)
{
	scene_must_publish("x", "m", 1);
	file_write_text("models/m/model.conf", "x");
	ck_assert_int_eq(tfl_store_erase(scene.store, "m", 1, &scene.error), 0);
	ck_assert_str_eq(file_read("models/m/model.conf"), "x");
}
END_TEST

START_TEST(no_descriptor_is_lost)
{
	unsigned before, failures = 0;
	struct tfl_staged *staged;

	scene_must_publish("x", "m", 1);
	file_write_text("models/m/state", "bad");
	before = descriptors_open();
	for (unsigned i = 0; i < 20; i++) {
		struct tfl_state state;

		scene_must_publish("x", "n", i + 1);
		failures += scene_publish("x", "m", 1) < 0;
		failures += scene_publish("x", "../m", 1) < 0;
		failures += tfl_store_stage(scene.store, 0, &staged, &scene.error) < 0;
		failures += tfl_store_read_state(scene.store, "m", &state, &scene.error) < 0;
		failures += tfl_store_open_version(scene.store, "m", 7, &(struct tfl_store_file){ 0 }, &scene.error) < 0;
		failures += tfl_store_open("models", &(struct tfl_store *){ NULL }, &scene.error) < 0;
		failures += tfl_store_erase(scene.store, "m", 5, &scene.error) < 0;
		scene_assert_content("m", 1, "x", false);
		scene_list();
		ck_assert_int_eq(tfl_store_erase(scene.store, "n", i + 1, &scene.error), 0);
	}
	ck_assert_uint_ge(failures, 20 * 6);
	ck_assert_uint_eq(descriptors_open(), before);
	scene_reopen();
	ck_assert_uint_eq(descriptors_open(), before);
}
END_TEST

/* One of two that write at once. What it writes is its own; NULL when all went well. */
static void *write_changes(void *data)
{
	struct tfl_error error;

	for (unsigned i = 0; i < 2000; i++)
		if (tfl_store_write_changes(scene.store, data, strlen(data), &error) < 0)
			return strdup(error.text);
	return NULL;
}

/* At a start a trial is ended on one thread, while what was told of that is written down on the other. */
START_TEST(two_threads_write_at_once)
{
	pthread_t threads[2];
	void *wrong;

	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_changes, (void *)(i ? "one" : "other")), 0);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
		ck_assert_msg(!wrong, "%s", (char *)wrong);
	}
	ck_assert_uint_eq(scene_in_staging(), 0);
}
END_TEST

Suite *store_suite(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");

	tcase_add_checked_fixture(tcase, scene_setup, scene_teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_version_is_published_with_its_manifest);
	tcase_add_test(tcase, the_hash_is_that_of_the_content);
	tcase_add_test(tcase, a_large_file_is_copied_whole_whatever_the_offset);
	tcase_add_test(tcase, a_staged_file_can_be_read_before_and_after_it_is_published);
	tcase_add_test(tcase, what_is_not_published_leaves_nothing);
	tcase_add_test(tcase, a_number_is_published_once);
	tcase_add_test(tcase, names_and_numbers_that_cannot_be_are_refused);
	tcase_add_test(tcase, only_a_regular_file_open_for_reading_is_taken);
	tcase_add_test(tcase, a_memory_file_is_taken);
	tcase_add_test(tcase, a_file_that_is_too_large_is_refused_before_it_is_read);
	tcase_add_test(tcase, no_room_leaves_nothing_behind);
	tcase_add_test(tcase, a_full_file_system_leaves_nothing_behind);
	tcase_add_loop_test(tcase, a_file_that_changes_size_is_refused, 0, 2);
	tcase_add_test(tcase, leftovers_of_an_interrupted_write_are_removed_at_start);
	tcase_add_test(tcase, killed_at_any_moment_every_version_is_whole_or_not_there);
	tcase_add_test(tcase, leftovers_in_the_way_of_a_new_name_are_stepped_over);
	tcase_add_test(tcase, one_tfld_per_folder);
	tcase_add_test(tcase, a_folder_that_cannot_be_used_is_told_with_what_to_do);
	tcase_add_test(tcase, erasing_removes_the_version_and_the_model_with_the_last);
	tcase_add_test(tcase, what_else_lies_with_a_model_survives_its_last_version);
	tcase_add_test(tcase, two_threads_write_at_once);
	tcase_add_test(tcase, no_descriptor_is_lost);
	suite_add_tcase(suite, tcase);
	return suite;
}
