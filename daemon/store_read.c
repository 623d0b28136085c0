/* SPDX-License-Identifier: MIT */
/*
 * The reading half of the store, and the only place that decides whether a file may be mapped where it lies. It may when nobody but the
 * user who runs tfld (or root) can write to it or replace it in its folder, and its manifest has its hash; any other file, such as one
 * that somebody copied into the models folder by hand, is read once into sealed memory, and that is hashed and used.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/folder.h"
#include "daemon/samples.h"
#include "daemon/store_internal.h"
#include "proto/name.h"

#define ENTRIES_MAX (TFL_MODELS_MAX * TFL_VERSIONS_MAX)

/* A listing being made. */
struct listing {
	const struct tfl_store *store;
	tfl_store_remark remark;
	void *data;
	const char *model; /* whose folder is walked */
	struct tfl_store_entry *entries;
	unsigned count;
};

static void remark(const struct listing *listing, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void remark(const struct listing *listing, const char *format, ...)
{
	char sentence[TFL_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	listing->remark(listing->data, sentence);
}

static int add_entry(struct listing *listing, uint64_t number)
{
	struct tfl_store_entry *entry;

	/* Powers of two: grown when the count has become one. */
	if ((listing->count & (listing->count - 1)) == 0) {
		size_t room = listing->count ? 2 * (size_t)listing->count : 1;
		struct tfl_store_entry *entries = realloc(listing->entries, room * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		listing->entries = entries;
	}
	entry = &listing->entries[listing->count++];
	memset(entry, 0, sizeof(*entry));
	strcpy(entry->model, listing->model);
	entry->number = number;
	return 0;
}

/* What stands beside versions: the daemon's notes, and what its operator writes for it. */
static bool is_kept(const char *name)
{
	size_t length = strlen(name);

	return strcmp(name, TFL_STORE_STATE) == 0 || strcmp(name, TFL_STORE_CONF) == 0 || strcmp(name, TFL_SAMPLES_FOLDER) == 0 ||
	       (length > 4 && strcmp(name + length - 4, ".txt") == 0);
}

static int list_version(void *data, int folder, const char *name)
{
	struct listing *listing = data;
	const char *path = listing->store->path;
	struct stat st;
	uint64_t number;

	if (name[0] == '.' || is_kept(name))
		return 0;
	if (tfl_version_parse(name, strlen(name), &number) < 0) {
		remark(listing, "%s/%s/%s is no version, whose folders are numbers from 1 on; it is left alone", path, listing->model,
		       name);
		return 0;
	}
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)) {
		remark(listing, "%s/%s/%s is no folder (links are not followed); it is left alone", path, listing->model, name);
		return 0;
	}
	if (listing->count == ENTRIES_MAX) {
		remark(listing, "%s/%s/%s is left alone: there are %d versions already", path, listing->model, name, ENTRIES_MAX);
		return 0;
	}
	return add_entry(listing, number);
}

/* Puts what the operator decided onto the entries of one model, those from @p first on. */
static void apply_state(struct listing *listing, unsigned first)
{
	struct tfl_state state;
	struct tfl_error error;

	if (tfl_store_read_state(listing->store, listing->model, &state, &error) < 0) {
		remark(listing, "%s; going on without", error.text);
		return;
	}
	for (unsigned i = first; i < listing->count; i++) {
		struct tfl_store_entry *entry = &listing->entries[i];
		const char *note = tfl_state_unloaded(&state, entry->number);

		entry->active = entry->number == state.active;
		entry->previous = tfl_previous_find(&state.previous, entry->number);
		entry->unloaded = note != NULL;
		snprintf(entry->note, sizeof(entry->note), "%s", note ? note : "");
		note = tfl_state_rejected(&state, entry->number);
		snprintf(entry->rejected, sizeof(entry->rejected), "%s", note ? note : "");
		entry->stands_by = state.trial.id && entry->number == state.trial.previous;
		entry->named = tfl_version_labels_has(&state.labels, entry->number) ||
			       (state.routed && tfl_route_names(&state.route, entry->number));
	}
}

static int list_model(void *data, int root, const char *name)
{
	struct listing *listing = data;
	const char *path = listing->store->path;
	_tfl_close_ int folder = -1;
	unsigned first = listing->count;
	int result;

	if (name[0] == '.')
		return 0;
	if (!tfl_model_name_valid(name, strlen(name))) {
		remark(listing, "%s/%s is no model, whose names are " TFL_MODEL_NAME_RULE "; it is left alone", path, name);
		return 0;
	}
	result = tfl_folder_open(root, name, &folder);
	if (result < 0) {
		remark(listing, "%s/%s cannot be opened as a folder: %s; it is left alone", path, name, strerror(-result));
		return 0;
	}
	listing->model = name;
	result = tfl_folder_walk(folder, list_version, listing);
	if (result == -ENOMEM)
		return result;
	if (result < 0)
		remark(listing, "%s/%s cannot be read: %s", path, name, strerror(-result));
	if (listing->count > first)
		apply_state(listing, first);
	return 0;
}

/* The active one, those before it, the others. */
static unsigned rank(const struct tfl_store_entry *entry)
{
	if (entry->active)
		return 0;
	return entry->previous ? entry->previous : TFL_PREVIOUS_MAX + 1;
}

static int in_order(const void *a, const void *b)
{
	const struct tfl_store_entry *left = a, *right = b;
	int order = strcmp(left->model, right->model);

	if (order == 0)
		order = (int)rank(left) - (int)rank(right);
	return order ? order : (left->number < right->number) - (left->number > right->number);
}

int tfl_store_list(const struct tfl_store *store, tfl_store_remark remark_on, void *data, struct tfl_store_entry **ret_entries,
		   unsigned *ret_count, struct tfl_error *error)
{
	struct listing listing = { .store = store, .remark = remark_on, .data = data };
	int result = tfl_folder_walk(store->fd, list_model, &listing);

	if (result < 0) {
		free(listing.entries);
		return tfl_error_set(error, result, "%s cannot be read: %s", store->path, strerror(-result));
	}
	if (listing.count > 0)
		qsort(listing.entries, listing.count, sizeof(listing.entries[0]), in_order);
	*ret_entries = listing.entries;
	*ret_count = listing.count;
	return 0;
}

int tfl_store_list_model(const struct tfl_store *store, const char *model, tfl_store_remark remark_on, void *data,
			 struct tfl_store_entry **ret_entries, unsigned *ret_count, struct tfl_error *error)
{
	struct listing listing = { .store = store, .remark = remark_on, .data = data };
	_tfl_close_ int folder = -1;
	int result = tfl_store_open_model(store, model, &folder, error);

	if (result == 0)
		result = list_model(&listing, store->fd, model);
	if (result < 0 && result != -ENOENT) {
		free(listing.entries);
		return result;
	}
	if (listing.count > 0)
		qsort(listing.entries, listing.count, sizeof(listing.entries[0]), in_order);
	*ret_entries = listing.entries;
	*ret_count = listing.count;
	return 0;
}

/* A small text below a folder that is already open. -ENOENT comes without a sentence: there may be none. */
static int read_text(int folder, const char *name, const char *path, char text[static TFL_MANIFEST_TEXT_MAX], size_t *ret_length,
		     struct tfl_error *error)
{
	int result = tfl_folder_read(folder, name, text, TFL_MANIFEST_TEXT_MAX, ret_length);

	if (result == -EFBIG)
		return tfl_error_set(error, -EINVAL, "%s has more than %d bytes", path, TFL_MANIFEST_TEXT_MAX);
	if (result < 0 && result != -ENOENT)
		return tfl_error_set(error, -EINVAL, "%s cannot be read: %s", path, strerror(-result));
	return result;
}

int tfl_store_read_state(const struct tfl_store *store, const char *model, struct tfl_state *ret_state, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], text[TFL_MANIFEST_TEXT_MAX];
	_tfl_close_ int folder = -1;
	size_t length;
	int result;

	result = tfl_store_open_model(store, model, &folder, error);
	if (result < 0)
		return result;
	tfl_store_path(store, model, 0, TFL_STORE_STATE, path);
	result = read_text(folder, TFL_STORE_STATE, path, text, &length, error);
	if (result == -ENOENT) {
		memset(ret_state, 0, sizeof(*ret_state));
		return 0;
	}
	return result < 0 ? result : tfl_state_parse(path, text, length, ret_state, error);
}

/* A file of at most @p max bytes; -ENOENT without a sentence. */
static int read_bounded(int folder, const char *path, const char *name, size_t max, char **ret_text, size_t *ret_length,
			struct tfl_error *error)
{
	int result = tfl_folder_read_text(folder, name, max, ret_text, ret_length);

	if (result == -EFBIG)
		return tfl_error_set(error, -EINVAL, "%s has more than %zu bytes", path, max);
	if (result == -EINVAL || result == -ELOOP)
		return tfl_error_set(error, result, "%s is no plain file (links are not followed)", path);
	if (result < 0 && result != -ENOENT)
		return tfl_error_set(error, result, "%s cannot be read: %s", path, strerror(-result));
	return result;
}

int tfl_store_read_file(const struct tfl_store *store, const char *model, const char *name, size_t max, char **ret_text,
			size_t *ret_length, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX];
	_tfl_close_ int folder = -1;
	int result;

	result = tfl_store_open_model(store, model, &folder, error);
	if (result < 0)
		return result;
	return read_bounded(folder, tfl_store_path(store, model, 0, name, path), name, max, ret_text, ret_length, error);
}

int tfl_store_read_statistics(const struct tfl_store *store, const char *model, uint64_t number, void **ret_data, size_t *ret_size,
			      struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], *data;
	_tfl_close_ int folder = -1;
	int result;

	result = tfl_store_open_number(store, model, number, &folder, error);
	if (result < 0)
		return result;
	tfl_store_path(store, model, number, TFL_STORE_STATISTICS, path);
	result = read_bounded(folder, path, TFL_STORE_STATISTICS, TFL_STATISTICS_BYTES_MAX, &data, ret_size, error);
	if (result == 0)
		*ret_data = data;
	return result;
}

int tfl_store_read_changes(const struct tfl_store *store, void **ret_data, size_t *ret_size, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], *data;
	int result;

	tfl_store_path(store, TFL_STORE_CHANGES, 0, NULL, path);
	result = read_bounded(store->fd, path, TFL_STORE_CHANGES, TFL_CHANGES_BYTES_MAX, &data, ret_size, error);
	if (result == 0)
		*ret_data = data;
	return result;
}

/* Names of models among those in the models folder. */
struct walk {
	tfl_store_visit visit;
	void *data;
};

static int visit_model(void *data, int root, const char *name)
{
	const struct walk *walk = data;
	_tfl_close_ int folder = -1;

	if (!tfl_model_name_valid(name, strlen(name)) || tfl_folder_open(root, name, &folder) < 0)
		return 0;
	return walk->visit(walk->data, name);
}

int tfl_store_walk(const struct tfl_store *store, tfl_store_visit visit, void *data, struct tfl_error *error)
{
	struct walk walk = { visit, data };
	int result = tfl_folder_walk(store->fd, visit_model, &walk);

	return result < 0 ? tfl_error_set(error, result, "%s cannot be read: %s", store->path, strerror(-result)) : result;
}

static bool others_can_write(const struct stat *st)
{
	return (st->st_uid != geteuid() && st->st_uid != 0) || (st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Why the file cannot be used where it lies, or NULL when it can. */
static const char *cause_to_copy(int folder, int file, bool has_manifest)
{
	struct stat st;

	if (!has_manifest)
		return "it has no manifest";
	if (fstat(file, &st) < 0 || others_can_write(&st))
		return "its file can be written by other users";
	if (fstat(folder, &st) < 0 || others_can_write(&st))
		return "its folder can be written by other users";
	return NULL;
}

int tfl_store_open_samples(const struct tfl_store *store, const char *model, uint64_t number, int *ret_fd)
{
	_tfl_close_ int folder = -1;
	int result = -ENOENT;

	if (number && tfl_store_open_number(store, model, number, &folder, NULL) == 0)
		result = tfl_folder_open(folder, TFL_SAMPLES_FOLDER, ret_fd);
	if (result == -ENOENT) {
		folder = tfl_close(folder);
		result = tfl_store_open_model(store, model, &folder, NULL);
		if (result == 0)
			result = tfl_folder_open(folder, TFL_SAMPLES_FOLDER, ret_fd);
	}
	return result;
}

/* A proof is about content, so what stands in its folder beside it does not matter; who wrote it does. -ENOENT without a sentence. */
static int read_own_text(int folder, const char *name, const char *path, char text[static TFL_MANIFEST_TEXT_MAX], size_t *ret_length,
			 struct tfl_error *error)
{
	_tfl_close_ int fd = -1;
	struct stat st;
	size_t size = 0;
	ssize_t length;

	if (tfl_folder_open_file(folder, name, O_RDONLY, 0, &fd, &size) < 0 || fstat(fd, &st) < 0 || others_can_write(&st))
		return -ENOENT;
	if (size > TFL_MANIFEST_TEXT_MAX)
		return tfl_error_set(error, -EINVAL, "%s has more than %d bytes", path, TFL_MANIFEST_TEXT_MAX);
	length = pread(fd, text, size, 0);
	if (length < 0)
		return tfl_error_set(error, -EINVAL, "%s cannot be read: %s", path, strerror(errno));
	*ret_length = (size_t)length;
	return 0;
}

int tfl_store_read_proof(const struct tfl_store *store, const char *model, uint64_t number, const struct tfl_content *content,
			 struct tfl_proof *ret_proof, struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], text[TFL_MANIFEST_TEXT_MAX];
	_tfl_close_ int folder = -1;
	struct tfl_proof_note note;
	size_t length = 0;
	int result;

	result = tfl_store_open_number(store, model, number, &folder, error);
	if (result < 0)
		return result;
	tfl_store_path(store, model, number, TFL_STORE_PROOF, path);
	result = read_own_text(folder, TFL_STORE_PROOF, path, text, &length, error);
	if (result == 0)
		result = tfl_proof_note_parse(path, text, length, &note, error);
	if (result < 0)
		return result;
	if (strcmp(note.sha256, content->sha256) != 0 || strcmp(note.tfld, TFL_PROJECT_VERSION) != 0)
		return -ENOENT;
	*ret_proof = note.proof;
	return 0;
}

static int check_content(const char *path, const struct tfl_content *content, const struct tfl_content *expected, struct tfl_error *error)
{
	if (content->size != expected->size)
		return tfl_error_set(error, -ENOEXEC, "%s has %" PRIu64 " bytes, its manifest says %" PRIu64
				     "; it was changed or damaged", path, content->size, expected->size);
	if (strcmp(content->sha256, expected->sha256) != 0)
		return tfl_error_set(error, -ENOEXEC, "%s has sha256 %s, its manifest says %s; it was changed or damaged", path,
				     content->sha256, expected->sha256);
	return 0;
}

static int open_file(int folder, const char *path, int *ret_fd, struct tfl_error *error)
{
	*ret_fd = openat(folder, TFL_STORE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	return tfl_error_set(error, -errno, "%s cannot be opened: %s%s", path, strerror(errno),
			     errno == ELOOP ? " (links are not followed)" : "");
}

int tfl_store_open_version(const struct tfl_store *store, const char *model, uint64_t number, struct tfl_store_file *ret_file,
			   struct tfl_error *error)
{
	char path[TFL_STORE_PATH_MAX], text[TFL_MANIFEST_TEXT_MAX];
	_tfl_close_ int folder = -1, fd = -1, sealed = -1;
	struct tfl_manifest manifest = { 0 };
	struct tfl_store_file file = { 0 };
	size_t length;
	int result;

	result = tfl_store_open_number(store, model, number, &folder, error);
	if (result < 0)
		return result;
	tfl_store_path(store, model, number, TFL_STORE_MANIFEST, path);
	result = read_text(folder, TFL_STORE_MANIFEST, path, text, &length, error);
	if (result == 0)
		result = tfl_manifest_parse(path, text, length, &manifest, error);
	if (result < 0 && result != -ENOENT)
		return result;
	tfl_store_path(store, model, number, TFL_STORE_FILE, path);
	result = open_file(folder, path, &fd, error);
	if (result < 0)
		return result;
	file.cause = cause_to_copy(folder, fd, manifest.content.size > 0);
	file.copied = file.cause != NULL;
	if (file.copied)
		result = tfl_content_seal(fd, path, &file.content, &sealed, error);
	else
		result = tfl_content_hash(fd, path, &file.content, error);
	if (result == 0 && manifest.content.size > 0)
		result = check_content(path, &file.content, &manifest.content, error);
	if (result < 0)
		return result;
	file.fd = tfl_steal_fd(file.copied ? &sealed : &fd);
	*ret_file = file;
	return 0;
}
