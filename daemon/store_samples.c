/* SPDX-License-Identifier: MIT */
/*
 * A sample is written like everything in the store: in staging, durable, then moved to its place. What is erased goes to staging first,
 * too, so that it is gone at once, and is deleted there; a power cut in between leaves that to the next start.
 */
#include "daemon/store_samples.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/folder.h"
#include "daemon/samples.h"
#include "daemon/store_internal.h"

#define RECORDED "recorded-"
#define DIGITS_MAX 12

/* The number of a recorded sample; 0 for another name. */
static uint64_t number_of(const char *name)
{
	const size_t prefix = sizeof(RECORDED) - 1;
	size_t digits;

	if (strncmp(name, RECORDED, prefix) != 0)
		return 0;
	digits = strspn(name + prefix, "0123456789");
	if (digits == 0 || digits > DIGITS_MAX || strcmp(name + prefix + digits, TFL_SAMPLE_SUFFIX) != 0)
		return 0;
	return strtoull(name + prefix, NULL, 10);
}

static int failed(const struct tfl_store *store, const char *model, const char *doing, int code, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];

	return tfl_error_set(error, code, "%s: %s: %s", tfl_store_path(store, model, 0, TFL_SAMPLES_FOLDER, path), doing, strerror(-code));
}

/* 0, -ENOENT where the model or the folder is not there. */
static int open_samples(const struct tfl_store *store, const char *model, int *ret_fd, struct tfl_error *error)
{
	_tfl_close_ int folder = -1;
	int result = tfl_store_open_model(store, model, &folder, error);

	if (result < 0)
		return result;
	result = tfl_folder_open(folder, TFL_SAMPLES_FOLDER, ret_fd);
	return result < 0 ? failed(store, model, "cannot be opened", result, error) : 0;
}

/* ---- What there is ---- */

static void add(struct tfl_store_samples *samples, const char *name, const struct stat *st)
{
	struct tfl_store_sample *sample;
	uint64_t number = number_of(name);

	samples->count++;
	samples->bytes += (uint64_t)st->st_size;
	if (number) {
		samples->recorded++;
		samples->recorded_bytes += (uint64_t)st->st_size;
		samples->last = number > samples->last ? number : samples->last;
	}
	if (samples->listed == TFL_SAMPLES_MAX || strlen(name) >= TFL_SAMPLE_NAME_MAX)
		return;
	sample = &samples->list[samples->listed++];
	strcpy(sample->name, name);
	sample->bytes = (uint64_t)st->st_size;
	sample->time = st->st_mtim.tv_sec;
	sample->recorded = number > 0;
}

static int look_at(void *data, int folder, const char *name)
{
	struct stat st;

	if (tfl_sample_named(name) && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		add(data, name, &st);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tfl_store_sample *)a)->name, ((const struct tfl_store_sample *)b)->name);
}

int tfl_store_list_samples(const struct tfl_store *store, const char *model, struct tfl_store_samples *ret_samples, struct tfl_error *error)
{
	_tfl_close_ int folder = -1, fd = -1;
	struct stat st;
	int result = tfl_store_open_model(store, model, &folder, error);

	if (result < 0)
		return result;
	memset(ret_samples, 0, sizeof(*ret_samples));
	result = tfl_folder_open(folder, TFL_SAMPLES_FOLDER, &fd);
	if (result == -ENOENT)
		return 0;
	if (result == 0 && fstat(fd, &st) < 0)
		result = -errno;
	if (result == 0)
		result = tfl_folder_walk(fd, look_at, ret_samples);
	if (result < 0)
		return failed(store, model, "cannot be read", result, error);
	ret_samples->there = true;
	ret_samples->mode = st.st_mode & 07777;
	ret_samples->owner = st.st_uid;
	qsort(ret_samples->list, ret_samples->listed, sizeof(ret_samples->list[0]), by_name);
	return 0;
}

int tfl_store_read_sample(const struct tfl_store *store, const char *model, const char *name, size_t max, void **ret_data, size_t *ret_size,
			  struct tfl_error *error)
{
	_tfl_close_ int fd = -1;
	char *text = NULL;
	int result;

	if (!tfl_sample_named(name) || strlen(name) >= TFL_SAMPLE_NAME_MAX || strchr(name, '/'))
		return tfl_error_set(error, -EINVAL, "'%.64s' is no name of a sample; record.get lists them", name);
	result = open_samples(store, model, &fd, error);
	if (result < 0)
		return result;
	result = tfl_folder_read_text(fd, name, max, &text, ret_size);
	if (result == -EFBIG)
		return tfl_error_set(error, result, "sample %s has more than the %zu bytes that an answer can hold", name, max);
	if (result < 0)
		return tfl_error_set(error, result, "sample %s cannot be read: %s", name, strerror(-result));
	*ret_data = text;
	return 0;
}

/* ---- Writing ---- */

int tfl_store_make_samples(struct tfl_store *store, const char *model, struct tfl_error *error)
{
	_tfl_close_ int folder = -1, fd = -1;
	char name[24];
	int result = tfl_store_open_model(store, model, &folder, error);

	if (result < 0)
		return result;
	result = tfl_folder_open(folder, TFL_SAMPLES_FOLDER, &fd);
	if (result == -ENOENT) {
		snprintf(name, sizeof(name), "%" PRIu64, ++store->serial);
		/* In staging first, which nobody else can look into: a mask of permissions takes away, and never adds. */
		result = mkdirat(store->staging, name, 0700) < 0 ? -errno : 0;
		if (result == 0 && renameat2(store->staging, name, folder, TFL_SAMPLES_FOLDER, RENAME_NOREPLACE) < 0) {
			result = -errno;
			unlinkat(store->staging, name, AT_REMOVEDIR);
		}
		if (result == 0)
			result = tfl_folder_sync(folder);
	}
	return result < 0 ? failed(store, model, "cannot be made", result, error) : 0;
}

int tfl_store_write_sample(struct tfl_store *store, const char *model, uint64_t number, const void *data, size_t size,
			   struct tfl_error *error)
{
	char made[24], name[TFL_SAMPLE_NAME_MAX];
	_tfl_close_ int folder = -1, fd = -1;
	int result = tfl_store_open_model(store, model, &folder, error);

	if (result < 0)
		return result;
	/* What was on its way when the last version was erased would outlive it, where the folder stays for what somebody put there. */
	result = tfl_store_has_version(folder, NULL);
	result = result > 0 ? tfl_folder_open(folder, TFL_SAMPLES_FOLDER, &fd) : result < 0 ? result : -ENOENT;
	if (result < 0)
		return failed(store, model, "cannot be opened", result, error);
	snprintf(made, sizeof(made), "%" PRIu64, ++store->serial);
	snprintf(name, sizeof(name), RECORDED "%06" PRIu64 TFL_SAMPLE_SUFFIX, number);
	/* A number beyond those that are known for recorded ones would never be erased. */
	result = number_of(name) == number ? tfl_folder_write(store->staging, made, data, size, 0600) : -EOVERFLOW;
	if (result == 0 && renameat2(store->staging, made, fd, name, RENAME_NOREPLACE) < 0) {
		result = -errno;
		unlinkat(store->staging, made, 0);
	}
	return result < 0 ? failed(store, model, "a sample cannot be written", result, error) : 0;
}

int tfl_store_sync_samples(struct tfl_store *store, const char *model, struct tfl_error *error)
{
	_tfl_close_ int fd = -1;
	int result = open_samples(store, model, &fd, error);

	if (result == 0) {
		result = tfl_folder_sync(fd);
		if (result < 0)
			failed(store, model, "samples are written, but that may not survive a power cut", result, error);
	}
	return result;
}

/* ---- Erasing ---- */

static int find_other(void *data, int folder, const char *name)
{
	return number_of(name) == 0;
}

static bool all_recorded(int folder)
{
	return tfl_folder_walk(folder, find_other, NULL) == 0;
}

bool tfl_store_samples_recorded(int model, const char *name)
{
	_tfl_close_ int fd = -1;

	return strcmp(name, TFL_SAMPLES_FOLDER) == 0 && tfl_folder_open(model, name, &fd) == 0 && all_recorded(fd);
}

static int erase_folder(struct tfl_store *store, int model)
{
	char rubbish[24];
	int result;

	snprintf(rubbish, sizeof(rubbish), "%" PRIu64, ++store->serial);
	if (renameat2(model, TFL_SAMPLES_FOLDER, store->staging, rubbish, RENAME_NOREPLACE) < 0)
		return -errno;
	result = tfl_folder_sync(model);
	return result < 0 ? result : tfl_folder_remove(store->staging, rubbish);
}

static int erase_one(void *data, int folder, const char *name)
{
	return number_of(name) == 0 || unlinkat(folder, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int tfl_store_remove_recorded(struct tfl_store *store, int model)
{
	_tfl_close_ int fd = -1;
	int result = tfl_folder_open(model, TFL_SAMPLES_FOLDER, &fd);

	/* A link, or a file, is somebody's. */
	if (result == -ENOENT || result == -ENOTDIR || result == -ELOOP)
		return 0;
	if (result < 0)
		return result;
	if (all_recorded(fd))
		return erase_folder(store, model);
	result = tfl_folder_walk(fd, erase_one, NULL);
	return result < 0 ? result : tfl_folder_sync(fd);
}

int tfl_store_erase_samples(struct tfl_store *store, const char *model, unsigned *ret_count, struct tfl_error *error)
{
	_tfl_free_ struct tfl_store_samples *there = malloc(sizeof(*there));
	_tfl_close_ int folder = -1;
	int result;

	if (!there)
		return tfl_error_set(error, -ENOMEM, "not enough memory to look at the samples of '%s'", model);
	result = tfl_store_list_samples(store, model, there, error);
	if (result == 0)
		result = tfl_store_open_model(store, model, &folder, error);
	if (result < 0)
		return result;
	result = tfl_store_remove_recorded(store, folder);
	if (result < 0)
		return failed(store, model, "the recorded samples cannot be erased", result, error);
	*ret_count = there->recorded;
	return 0;
}
