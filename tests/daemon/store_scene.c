/* SPDX-License-Identifier: MIT */
/*
 * The steps that every test of the store takes, checked, so that a test which could not set its scene says where.
 */
#include "tests/daemon/store_scene.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/folder.h"
#include "tests/daemon/folder.h"

struct scene scene;
const struct tfl_origin scene_origin = { 1000, 4242, 1767225600 };

void scene_setup(void)
{
	folder_make();
	ck_assert_msg(tfl_store_open("models", &scene.store, &scene.error) == 0, "%s", scene.error.text);
}

void scene_teardown(void)
{
	tfl_store_close(scene.store);
	tfl_store_close(NULL);
	free(scene.entries);
	folder_remove();
}

/* A file with this content, opened for reading. */
static int file_of(const char *text)
{
	int fd;

	file_write_text("given.tflite", text);
	fd = open("given.tflite", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

int scene_stage(const char *text, struct tfl_staged **ret_staged)
{
	int fd = file_of(text), result = tfl_store_stage(scene.store, fd, ret_staged, &scene.error);

	close(fd);
	return result;
}

int scene_publish(const char *text, const char *model, uint64_t number)
{
	struct tfl_staged *staged;
	int result;

	ck_assert_msg(scene_stage(text, &staged) == 0, "%s", scene.error.text);
	result = tfl_store_publish(scene.store, staged, model, number, &scene_origin, &scene.error);
	tfl_store_discard(scene.store, staged);
	return result;
}

void scene_must_publish(const char *text, const char *model, uint64_t number)
{
	int result = scene_publish(text, model, number);

	ck_assert_msg(result == 0, "%s", scene.error.text);
}

static int count_name(void *data, int folder, const char *name)
{
	*(unsigned *)data += 1;
	return 0;
}

unsigned scene_in_staging(void)
{
	unsigned count = 0;
	int fd = open("models/.staging", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(tfl_folder_walk(fd, count_name, &count), 0);
	close(fd);
	return count;
}

void scene_assert_content(const char *model, uint64_t number, const char *text, bool copied)
{
	struct tfl_store_file file;
	char buffer[256] = "";

	ck_assert_msg(tfl_store_open_version(scene.store, model, number, &file, &scene.error) == 0, "%s", scene.error.text);
	ck_assert_int_eq(file.copied, copied);
	ck_assert_uint_eq(file.content.size, strlen(text));
	ck_assert_int_eq(pread(file.fd, buffer, sizeof(buffer) - 1, 0), (ssize_t)strlen(text));
	ck_assert_str_eq(buffer, text);
	close(file.fd);
}

int scene_open_error(const char *model, uint64_t number)
{
	struct tfl_store_file file = { .fd = -77 };
	int result = tfl_store_open_version(scene.store, model, number, &file, &scene.error);

	ck_assert_int_lt(result, 0);
	ck_assert_int_eq(file.fd, -77);
	return result;
}

void scene_reopen(void)
{
	tfl_store_close(scene.store);
	scene.store = NULL;
	ck_assert_msg(tfl_store_open("models", &scene.store, &scene.error) == 0, "%s", scene.error.text);
}

static void keep_remark(void *data, const char *sentence)
{
	strcat(strcat(scene.remarks, sentence), "\n");
}

void scene_list(void)
{
	scene.remarks[0] = '\0';
	free(scene.entries);
	ck_assert_int_eq(tfl_store_list(scene.store, keep_remark, NULL, &scene.entries, &scene.entry_count, &scene.error), 0);
}
