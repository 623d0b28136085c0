/* SPDX-License-Identifier: MIT */
/*
 * The writing half of the store. Its one trick: everything is made or torn down in the staging folder, where nobody looks, and moves
 * between there and its place by a single rename. So at each moment, and after a power cut at any, a version is there completely or not
 * at all, and what lies in staging at start is rubbish by definition.
 *
 * Order of a publication: content, manifest and folder durable; rename; parent durable. Of an erasure: rename; parent durable; delete. A
 * model comes with its first version, and goes with its last, by the same rename. What goes back from staging after a failure is not
 * synced: it was not answered for.
 *
 * tests/power cuts the power before each of these calls, and throws away what was not synced then; doc/models.md says what is promised.
 */
#include "daemon/store.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/folder.h"
#include "daemon/store_internal.h"
#include "proto/name.h"

const char *tfl_store_path(const struct tfl_store *store, const char *model, uint64_t number, const char *leaf,
			   char path[static TFL_STORE_PATH_MAX])
{
	int length = snprintf(path, TFL_STORE_PATH_MAX, "%s/%s", store->path, model);

	if (number && length < TFL_STORE_PATH_MAX)
		length += snprintf(path + length, TFL_STORE_PATH_MAX - (size_t)length, "/%" PRIu64, number);
	if (leaf && length < TFL_STORE_PATH_MAX)
		snprintf(path + length, TFL_STORE_PATH_MAX - (size_t)length, "/%s", leaf);
	return path;
}

int tfl_store_failed(const char *path, const char *doing, int code, struct tfl_error *error)
{
	return tfl_error_set(error, code, "%s: %s: %s%s", path, doing, strerror(-code),
			     code == -ELOOP ? " (links are not followed)" : "");
}

int tfl_store_open_model(const struct tfl_store *store, const char *model, int *ret_fd, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	int result;

	if (!tfl_model_name_valid(model, strlen(model)))
		return tfl_error_set(error, -EINVAL, "'%.*s' is no model name: " TFL_MODEL_NAME_RULE, TFL_MODEL_NAME_MAX, model);
	result = tfl_folder_open(store->fd, model, ret_fd);
	if (result == -ENOTDIR || result == -ELOOP)
		return tfl_error_set(error, result, "%s is no folder (links are not followed)",
				     tfl_store_path(store, model, 0, NULL, path));
	if (result < 0)
		return tfl_store_failed(tfl_store_path(store, model, 0, NULL, path), "cannot be opened", result, error);
	return 0;
}

int tfl_store_open_number(const struct tfl_store *store, const char *model, uint64_t number, int *ret_fd, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], name[24];
	_tfl_close_ int folder = -1;
	int result;

	result = tfl_store_open_model(store, model, &folder, error);
	if (result < 0)
		return result;
	snprintf(name, sizeof(name), "%" PRIu64, number);
	result = tfl_folder_open(folder, name, ret_fd);
	if (result == -ENOTDIR || result == -ELOOP)
		return tfl_error_set(error, result, "%s is no folder (links are not followed)",
				     tfl_store_path(store, model, number, NULL, path));
	if (result < 0)
		return tfl_store_failed(tfl_store_path(store, model, number, NULL, path), "cannot be opened", result, error);
	return 0;
}

static int make_root(const char *path, struct tfl_error *error)
{
	_tfl_close_ int fd = -1, parent = -1;
	int result = mkdir(path, 0755) < 0 ? -errno : 0;

	if (result == -ENOENT)
		return tfl_error_set(error, -ENOENT, "the models folder %s does not exist, nor the folder that it would be in; "
				     "create it (mkdir -p %s) or name another one (--models)", path, path);
	if (result < 0)
		return tfl_error_set(error, result, "the models folder %s cannot be made: %s; name another one (--models)", path,
				     strerror(-result));
	/* What is above may be closed to us; then the folder's name is as durable as the system makes it. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	parent = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0)
		fsync(parent);
	return 0;
}

/* The folder itself, made where only it is missing. */
static int open_root(const char *path, int *ret_fd, struct tfl_error *error)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	if (fd < 0 && errno == ENOENT) {
		result = make_root(path, error);
		if (result < 0)
			return result;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return tfl_error_set(error, -errno, "the models folder %s cannot be opened: %s; name another one (--models)", path,
				     strerror(errno));
	*ret_fd = fd;
	return 0;
}

static int remove_leftover(void *data, int folder, const char *name)
{
	return tfl_folder_remove(folder, name);
}

/* Staging is where half-written files are trusted, so it must be ours alone. */
static int open_staging(struct tfl_store *store, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	struct stat st;
	int result;

	tfl_store_path(store, TFL_STORE_STAGING, 0, NULL, path);
	if (mkdirat(store->fd, TFL_STORE_STAGING, 0700) < 0 && errno != EEXIST)
		return tfl_error_set(error, -errno, "%s cannot be made: %s; tfld must be able to write to its models folder", path,
				     strerror(errno));
	result = tfl_folder_open(store->fd, TFL_STORE_STAGING, &store->staging);
	if (result < 0)
		return tfl_error_set(error, result, "%s is no folder that can be used: %s; remove it", path, strerror(-result));
	if (fstat(store->staging, &st) < 0)
		return tfl_store_failed(path, "cannot be looked at", -errno, error);
	if (st.st_uid != geteuid())
		return tfl_error_set(error, -EPERM, "%s belongs to user %u, expected %u, who runs tfld; remove it", path, st.st_uid,
				     geteuid());
	/*
	 * A file system that can only be read keeps nothing from being served: what was there before is rubbish still, and nothing is
	 * added.
	 */
	if ((st.st_mode & 07777) != 0700 && fchmod(store->staging, 0700) < 0)
		return tfl_store_failed(path, "its permissions cannot be set", -errno, error);
	result = tfl_folder_walk(store->staging, remove_leftover, NULL);
	return result < 0 && result != -EROFS ? tfl_store_failed(path, "cannot be emptied", result, error) : 0;
}

TFL_DEFINE_CLEANUP(struct tfl_store *, close_store, tfl_store_close)

static struct tfl_store *make_store(const char *path, struct tfl_error *error)
{
	struct tfl_store *store = calloc(1, sizeof(*store));

	if (store) {
		store->fd = store->staging = -1;
		store->path = strdup(path);
	}
	if (store && store->path)
		return store;
	tfl_store_close(store);
	tfl_error_set(error, -ENOMEM, "not enough memory for the models folder");
	return NULL;
}

int tfl_store_look(const char *path, struct tfl_store **ret_store, struct tfl_error *error)
{
	TFL_CLEANUP(close_store) struct tfl_store *store = make_store(path, error);

	if (!store)
		return -ENOMEM;
	store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0)
		return tfl_error_set(error, -errno, "the models folder %s cannot be opened: %s", path, strerror(errno));
	*ret_store = TFL_STEAL(store);
	return 0;
}

int tfl_store_open(const char *path, struct tfl_store **ret_store, struct tfl_error *error)
{
	TFL_CLEANUP(close_store) struct tfl_store *store = make_store(path, error);
	int result;

	if (!store)
		return -ENOMEM;
	result = open_root(path, &store->fd, error);
	if (result < 0)
		return result;
	if (flock(store->fd, LOCK_EX | LOCK_NB) < 0)
		return tfl_error_set(error, errno == EWOULDBLOCK ? -EBUSY : -errno,
				     "%s is used by another tfld; stop that one, or name another folder with --models", path);
	result = open_staging(store, error);
	if (result < 0)
		return result;
	*ret_store = TFL_STEAL(store);
	return 0;
}

void tfl_store_close(struct tfl_store *store)
{
	if (!store)
		return;
	tfl_close(store->staging);
	tfl_close(store->fd);
	free(store->path);
	free(store);
}

/* Where the file behind a descriptor lies, as far as the kernel tells. */
static void find_source(int fd, char source[static TFL_MANIFEST_SOURCE_MAX])
{
	char link[32], target[TFL_MANIFEST_SOURCE_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	tfl_manifest_set_text(source, TFL_MANIFEST_SOURCE_MAX, target);
}

static int fill_staged(struct tfl_store *store, int fd, struct tfl_staged *staged, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	_tfl_close_ int file = -1;
	int result;

	snprintf(path, sizeof(path), "%s/" TFL_STORE_STAGING "/%s/" TFL_STORE_FILE, store->path, staged->name);
	result = tfl_folder_open(store->staging, staged->name, &staged->folder);
	if (result < 0)
		return tfl_store_failed(path, "cannot be made", result, error);
	file = openat(staged->folder, TFL_STORE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (file < 0)
		return tfl_store_failed(path, "cannot be made", -errno, error);
	result = tfl_content_copy(fd, staged->source[0] ? staged->source : "the passed file", file, path, &staged->content, error);
	if (result < 0)
		return result;
	if (fchmod(file, 0444) < 0)
		return tfl_store_failed(path, "its permissions cannot be set", -errno, error);
	staged->fd = openat(staged->folder, TFL_STORE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return staged->fd < 0 ? tfl_store_failed(path, "cannot be opened", -errno, error) : 0;
}

/* An empty folder in staging. */
static int make_folder(struct tfl_store *store, char name[static 24])
{
	int result;

	do {
		snprintf(name, 24, "%" PRIu64, ++store->serial);
		result = mkdirat(store->staging, name, 0755) < 0 ? -errno : 0;
	} while (result == -EEXIST);
	return result;
}

int tfl_store_stage(struct tfl_store *store, int fd, struct tfl_staged **ret_staged, struct tfl_error *error)
{
	struct tfl_staged *staged = calloc(1, sizeof(*staged));
	char path[TFL_STORE_PATH_MAX];
	int result;

	if (!staged)
		return tfl_error_set(error, -ENOMEM, "not enough memory to stage a file");
	staged->fd = staged->folder = -1;
	find_source(fd, staged->source);
	result = make_folder(store, staged->name);
	if (result < 0)
		tfl_store_failed(tfl_store_path(store, TFL_STORE_STAGING, 0, staged->name, path), "cannot be made", result, error);
	else
		result = fill_staged(store, fd, staged, error);
	if (result < 0) {
		tfl_store_discard(store, staged);
		return result;
	}
	*ret_staged = staged;
	return 0;
}

void tfl_store_discard(struct tfl_store *store, struct tfl_staged *staged)
{
	int saved = errno;

	if (!staged)
		return;
	/* What cannot be removed now is removed at the next start. */
	if (!staged->published)
		tfl_folder_remove(store->staging, staged->name);
	tfl_close(staged->folder);
	tfl_close(staged->fd);
	free(staged);
	errno = saved;
}

static int write_manifest(const struct tfl_staged *staged, const struct tfl_origin *origin)
{
	struct tfl_manifest manifest = { .content = staged->content };
	char text[TFL_MANIFEST_TEXT_MAX];

	snprintf(manifest.source, sizeof(manifest.source), "%s", staged->source);
	snprintf(manifest.uid, sizeof(manifest.uid), "%u", origin->uid);
	snprintf(manifest.pid, sizeof(manifest.pid), "%d", origin->pid);
	tfl_time_format(origin->time, manifest.time);
	/* An attempt before this one may have written it. */
	if (unlinkat(staged->folder, TFL_STORE_MANIFEST, 0) < 0 && errno != ENOENT)
		return -errno;
	return tfl_folder_write(staged->folder, TFL_STORE_MANIFEST, text, tfl_manifest_format(&manifest, text), 0444);
}

static size_t format_proof(const struct tfl_content *content, const struct tfl_proof *proof, char text[static TFL_MANIFEST_TEXT_MAX])
{
	struct tfl_proof_note note = { .tfld = TFL_PROJECT_VERSION, .proof = *proof };

	strcpy(note.sha256, content->sha256);
	return tfl_proof_note_format(&note, text);
}

static int write_proof(const struct tfl_staged *staged)
{
	char text[TFL_MANIFEST_TEXT_MAX];

	if (!staged->proof)
		return 0;
	if (unlinkat(staged->folder, TFL_STORE_PROOF, 0) < 0 && errno != ENOENT)
		return -errno;
	return tfl_folder_write(staged->folder, TFL_STORE_PROOF, text, format_proof(&staged->content, staged->proof, text), 0644);
}

/*
 * Puts a file in the place of the one that stands there, by one rename: a reader, and a power cut, find the old one or the new one. Its
 * bytes are durable before the rename, or it could be empty under its name; and the folder after it, or the old one could come back.
 */
static int replace_file(struct tfl_store *store, int folder, const char *leaf, const void *data, size_t size)
{
	char name[24];
	int result;

	snprintf(name, sizeof(name), "%" PRIu64, ++store->serial);
	result = tfl_folder_write(store->staging, name, data, size, 0644);
	if (result == 0 && renameat(store->staging, name, folder, leaf) < 0) {
		result = -errno;
		unlinkat(store->staging, name, 0);
	}
	return result == 0 ? tfl_folder_sync(folder) : result;
}

/* The version into its model's folder, by a rename between durable content and a durable parent. After a failure it is not there. */
static int move_in(struct tfl_store *store, const struct tfl_staged *staged, int folder, const char *name)
{
	int result;

	if (renameat2(store->staging, staged->name, folder, name, RENAME_NOREPLACE) < 0)
		return -errno;
	result = tfl_folder_sync(folder);
	if (result < 0)
		renameat2(folder, name, store->staging, staged->name, RENAME_NOREPLACE);
	return result;
}

/* The same for a folder in staging that becomes a model. */
static int move_model_in(struct tfl_store *store, const char *made, const char *model)
{
	int result;

	if (renameat2(store->staging, made, store->fd, model, RENAME_NOREPLACE) < 0)
		return -errno;
	result = tfl_folder_sync(store->fd);
	if (result < 0)
		renameat2(store->fd, model, store->staging, made, RENAME_NOREPLACE);
	return result;
}

/* A model's first version is the one that serves, whatever comes next: that is written down before it is there. */
static int write_first_state(int folder, uint64_t number)
{
	const struct tfl_state state = { .active = number };
	char text[TFL_MANIFEST_TEXT_MAX];

	return tfl_folder_write(folder, TFL_STORE_STATE, text, tfl_state_format(&state, text), 0644);
}

/*
 * A model that is new appears with its first version and its state at once: its folder is made in staging, with both in it and durable, and
 * moved. A folder made in its place, and a version moved into it, would be an empty folder after a power cut between the two. -EEXIST when
 * there is such a model.
 */
static int publish_model(struct tfl_store *store, const struct tfl_staged *staged, const char *model, uint64_t number, const char *name)
{
	_tfl_close_ int folder = -1;
	char made[24];
	int result;

	result = make_folder(store, made);
	if (result == 0)
		result = tfl_folder_open(store->staging, made, &folder);
	if (result == 0)
		result = write_first_state(folder, number);
	if (result == 0)
		result = move_in(store, staged, folder, name);
	if (result < 0) {
		tfl_folder_remove(store->staging, made);
		return result;
	}
	result = move_model_in(store, made, model);
	if (result < 0 && renameat2(folder, name, store->staging, staged->name, RENAME_NOREPLACE) == 0)
		tfl_folder_remove(store->staging, made);
	return result;
}

static int find_version(void *data, int folder, const char *name)
{
	uint64_t number;

	return tfl_version_parse(name, strlen(name), &number) == 0 && (!data || strcmp(name, data) != 0) ? 1 : 0;
}

int tfl_store_has_version(int folder, const char *but)
{
	return tfl_folder_walk(folder, find_version, (void *)but);
}

/* Into a folder that somebody made for it, or that has versions. */
static int publish_version(struct tfl_store *store, const struct tfl_staged *staged, int folder, uint64_t number, const char *name)
{
	char text[TFL_MANIFEST_TEXT_MAX];
	const struct tfl_state state = { .active = number };
	int result = tfl_store_has_version(folder, NULL);

	if (result == 0)
		result = replace_file(store, folder, TFL_STORE_STATE, text, tfl_state_format(&state, text));
	return result < 0 ? result : move_in(store, staged, folder, name);
}

/*
 * Bytes, mode and names of what is to be published: before the rename that shows them, or a power cut could leave empty files under their
 * names.
 */
static int make_durable(const struct tfl_staged *staged)
{
	int result = tfl_folder_sync(staged->fd);

	return result < 0 ? result : tfl_folder_sync(staged->folder);
}

int tfl_store_publish(struct tfl_store *store, struct tfl_staged *staged, const char *model, uint64_t number,
		      const struct tfl_origin *origin, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], name[24];
	const uint64_t started = tfl_clock_ns();
	_tfl_close_ int folder = -1;
	struct tfl_error why;
	int result;

	assert(!staged->published);
	if (number == 0 || number > TFL_VERSION_MAX)
		return tfl_error_set(error, -EINVAL, "version %" PRIu64 " cannot be, expected 1 to %" PRIu64, number,
				     (uint64_t)TFL_VERSION_MAX);
	tfl_store_path(store, model, number, NULL, path);
	snprintf(name, sizeof(name), "%" PRIu64, number);
	result = tfl_store_open_model(store, model, &folder, &why);
	if (result < 0 && result != -ENOENT)
		return tfl_error_set(error, result, "%s", why.text);
	result = write_manifest(staged, origin);
	if (result == 0)
		result = write_proof(staged);
	if (result == 0)
		result = make_durable(staged);
	if (result == 0 && folder < 0) {
		result = publish_model(store, staged, model, number, name);
		if (result == -EEXIST) /* somebody has just made it */
			result = tfl_folder_open(store->fd, model, &folder);
	}
	if (result == 0 && folder >= 0)
		result = publish_version(store, staged, folder, number, name);
	if (result < 0)
		return tfl_store_failed(path, "cannot be published", result, error);
	staged->published = true;
	staged->sync_ns = tfl_clock_ns() - started;
	return 0;
}

int tfl_store_write_state(struct tfl_store *store, const char *model, const struct tfl_state *state, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], text[TFL_MANIFEST_TEXT_MAX];
	_tfl_close_ int folder = -1;
	int result;

	result = tfl_store_open_model(store, model, &folder, error);
	if (result < 0)
		return result;
	result = replace_file(store, folder, TFL_STORE_STATE, text, tfl_state_format(state, text));
	return result < 0 ? tfl_store_failed(tfl_store_path(store, model, 0, TFL_STORE_STATE, path), "cannot be written", result, error) : 0;
}

/* One of the files that stand beside a version. */
static int write_beside(struct tfl_store *store, const char *model, uint64_t number, const char *leaf, const void *data, size_t size,
			struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	_tfl_close_ int folder = -1;
	int result;

	result = tfl_store_open_number(store, model, number, &folder, error);
	if (result < 0)
		return result;
	result = replace_file(store, folder, leaf, data, size);
	return result < 0 ? tfl_store_failed(tfl_store_path(store, model, number, leaf, path), "cannot be written", result, error) : 0;
}

int tfl_store_write_statistics(struct tfl_store *store, const char *model, uint64_t number, const void *data, size_t size,
			       struct tfl_error *error)
{
	return write_beside(store, model, number, TFL_STORE_STATISTICS, data, size, error);
}

int tfl_store_write_proof(struct tfl_store *store, const char *model, uint64_t number, const struct tfl_content *content,
			  const struct tfl_proof *proof, struct tfl_error *error)
{
	char text[TFL_MANIFEST_TEXT_MAX];

	return write_beside(store, model, number, TFL_STORE_PROOF, text, format_proof(content, proof, text), error);
}

int tfl_store_write_trial(struct tfl_store *store, const char *model, uint64_t number, const void *data, size_t size,
			  struct tfl_error *error)
{
	return write_beside(store, model, number, TFL_STORE_TRIAL, data, size, error);
}

int tfl_store_take_trial(struct tfl_store *store, const char *model, uint64_t number, size_t max, void **ret_data, size_t *ret_size,
			 struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	_tfl_free_ char *data = NULL;
	_tfl_close_ int folder = -1;
	int result;

	result = tfl_store_open_number(store, model, number, &folder, error);
	if (result < 0)
		return result;
	tfl_store_path(store, model, number, TFL_STORE_TRIAL, path);
	result = tfl_folder_read_text(folder, TFL_STORE_TRIAL, max, &data, ret_size);
	if (result == -ENOENT)
		return result;
	if (unlinkat(folder, TFL_STORE_TRIAL, 0) < 0)
		return tfl_store_failed(path, "cannot be removed", -errno, error);
	if (result == 0)
		result = tfl_folder_sync(folder);
	if (result < 0)
		return tfl_store_failed(path, "cannot be read", result, error);
	*ret_data = TFL_STEAL(data);
	return 0;
}

int tfl_store_open_running(struct tfl_store *store, int *ret_fd)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	_tfl_close_ int fd = openat(store->fd, TFL_STORE_RUNNING, flags, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	*ret_fd = tfl_steal_fd(&fd);
	return 0;
}

int tfl_store_write_changes(struct tfl_store *store, const void *data, size_t size, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	int result = replace_file(store, store->fd, TFL_STORE_CHANGES, data, size);

	return result < 0 ? tfl_store_failed(tfl_store_path(store, TFL_STORE_CHANGES, 0, NULL, path), "cannot be written", result, error) : 0;
}
