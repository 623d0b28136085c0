/* SPDX-License-Identifier: MIT */
/*
 * Whether a version's folder is complete, and whether it has changed, without reading a model.
 *
 * A folder that is being filled looks like one that is full. So it is complete only when somebody says so: by a manifest, whose hash the
 * file has to have (store_read.c looks when it is loaded), or by one rename, which is what "mv" does inside a file system: of the folder,
 * of its model's folder, or of the file into the folder.
 *
 * A rename that nobody saw still shows. It sets the time of change of what is renamed, and not its time of modification, while the last
 * write, and the last name made in a folder, set both to the same. So a file whose two times differ was renamed, or given its times or
 * permissions, after it was written; and a folder whose two times differ likewise, a version's or a model's, after its last name was made,
 * where nothing in it was written since.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/store_internal.h"

static uint64_t mix(uint64_t print, uint64_t value)
{
	print = (print ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return print ^ print >> 29;
}

static uint64_t nanoseconds(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

/* Looks at a name, and adds what is there to the print; false where nothing is. */
static bool look(int folder, const char *name, struct stat *ret_stat, uint64_t *print)
{
	if (fstatat(folder, name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0) {
		*print = mix(*print, (uint64_t)errno);
		return false;
	}
	*print = mix(*print, ret_stat->st_ino);
	*print = mix(*print, (uint64_t)ret_stat->st_size);
	*print = mix(*print, nanoseconds(&ret_stat->st_mtim));
	*print = mix(*print, nanoseconds(&ret_stat->st_ctim));
	return true;
}

static bool changed_after_writing(const struct stat *st)
{
	return nanoseconds(&st->st_mtim) != nanoseconds(&st->st_ctim);
}

static bool is_older(const struct stat *st, const struct stat *than)
{
	return nanoseconds(&st->st_ctim) <= nanoseconds(&than->st_ctim);
}

static bool came_whole(const struct stat *model, const struct stat *folder, const struct stat *file, unsigned seen)
{
	bool moved = (seen & TFL_STORE_MOVED) || changed_after_writing(folder);

	if (seen & TFL_STORE_MODEL_MOVED || changed_after_writing(file))
		return true;
	if (changed_after_writing(model) && is_older(folder, model) && is_older(file, model))
		return true;
	return moved && is_older(file, folder);
}

int tfl_store_examine(const struct tfl_store *store, const char *model, uint64_t number, unsigned seen, const char *labels,
		      struct tfl_store_folder *ret_folder, struct tfl_error *error)
{
	_tfl_close_ int folder = -1, parent = -1;
	struct tfl_store_folder found = { .print = 1 };
	struct stat above, own, file, manifest, other;
	int result;

	result = tfl_store_open_model(store, model, &parent, error);
	if (result == 0)
		result = tfl_store_open_number(store, model, number, &folder, error);
	if (result < 0)
		return result;
	if (fstat(parent, &above) < 0 || fstat(folder, &own) < 0)
		return tfl_error_set(error, -errno, "version %llu of '%s' cannot be looked at: %s", (unsigned long long)number, model,
				     strerror(errno));
	found.print = mix(mix(found.print, own.st_ino), own.st_mode);
	found.has_file = look(folder, TFL_STORE_FILE, &file, &found.print);
	found.complete = look(folder, TFL_STORE_MANIFEST, &manifest, &found.print);
	look(parent, TFL_STORE_CONF, &other, &found.print);
	if (labels[0])
		look(parent, labels, &other, &found.print);
	found.complete = found.has_file && (found.complete || came_whole(&above, &own, &file, seen));
	found.print = (found.print & ~UINT64_C(1)) | found.complete;
	*ret_folder = found;
	return 0;
}

int tfl_store_check_place(const struct tfl_store *store, struct tfl_error *error)
{
	struct stat own, there;

	if (fstat(store->fd, &own) < 0 || stat(store->path, &there) < 0)
		return tfl_error_set(error, -errno, "the models folder %s cannot be looked at: %s", store->path, strerror(errno));
	if (own.st_dev != there.st_dev || own.st_ino != there.st_ino)
		return tfl_error_set(error, -ESTALE, "at %s lies another folder than the one that tfld serves; restart tfld to serve that one",
				     store->path);
	return 0;
}
