/* SPDX-License-Identifier: MIT */
/*
 * The end of a version on disk: a rename into staging, made durable; what is deleted there afterwards nobody sees any more. With the last
 * version goes what is the model's and ours, its state and what was recorded of it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/folder.h"
#include "daemon/store_internal.h"

/*
 * Whether the version is all that the model's folder has, but for its state and what was recorded. What else somebody put there stays, and
 * the folder with it.
 */
static int find_other(void *data, int folder, const char *name)
{
	return strcmp(name, data) != 0 && strcmp(name, TFL_STORE_STATE) != 0 && !tfl_store_samples_recorded(folder, name);
}

static bool is_alone(int folder, const char *name)
{
	return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && tfl_folder_walk(folder, find_other, (void *)name) == 0;
}

/*
 * The whole model into staging, with its last version. -EEXIST when something was put into its folder meanwhile; then nothing has changed.
 * Its state goes with it at once: removed before or after, a power cut between would leave the one or the other.
 */
static int move_model_out(struct tfl_store *store, const char *model, int folder, const char *name, const char *rubbish)
{
	if (renameat2(store->fd, model, store->staging, rubbish, RENAME_NOREPLACE) < 0)
		return -errno;
	if (is_alone(folder, name))
		return tfl_folder_sync(store->fd);
	return renameat2(store->staging, rubbish, store->fd, model, RENAME_NOREPLACE) < 0 ? -errno : -EEXIST;
}

/* A version into staging. Where none is left, what stays of the model has no use for its state: one sync for both. */
static int move_version_out(struct tfl_store *store, int folder, const char *name, const char *rubbish)
{
	int result = tfl_store_has_version(folder, name);

	/* Before the version, after which nobody would ask for it any more. */
	if (result == 0)
		result = tfl_store_remove_recorded(store, folder);
	if (result < 0)
		return result;
	if (renameat2(folder, name, store->staging, rubbish, RENAME_NOREPLACE) < 0)
		return -errno;
	result = tfl_store_has_version(folder, NULL);
	if (result == 0 && unlinkat(folder, TFL_STORE_STATE, 0) < 0 && errno != ENOENT)
		result = -errno;
	return result < 0 ? result : tfl_folder_sync(folder);
}

int tfl_store_erase(struct tfl_store *store, const char *model, uint64_t number, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], name[24], rubbish[24];
	_tfl_close_ int folder = -1;
	int result;

	result = tfl_store_open_model(store, model, &folder, error);
	if (result < 0)
		return result;
	tfl_store_path(store, model, number, NULL, path);
	snprintf(name, sizeof(name), "%" PRIu64, number);
	snprintf(rubbish, sizeof(rubbish), "%" PRIu64, ++store->serial);
	result = is_alone(folder, name) ? move_model_out(store, model, folder, name, rubbish) : -EEXIST;
	if (result == -EEXIST)
		result = move_version_out(store, folder, name, rubbish);
	if (result < 0 && faccessat(store->staging, rubbish, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return tfl_store_failed(path, "cannot be erased", result, error);
	if (result < 0)
		return tfl_store_failed(path, "is erased, but that may not survive a power cut", result, error);
	result = tfl_folder_remove(store->staging, rubbish);
	return result < 0 ? tfl_store_failed(path, "is erased, but its files remain in " TFL_STORE_STAGING " until the next start", result,
					     error) : 0;
}
