/* SPDX-License-Identifier: MIT */
/*
 * Models on disk:
 *
 *     <models>/<model>/<version>/model.tflite    mode 0444
 *                               /manifest        what the file is and where it came from (manifest.h)
 *                               /proof           what a child process found that loaded and ran the file (prove.h)
 *                               /samples/        inputs of the proof, perhaps with what is expected for them (samples.h); not the store's
 *                               /statistics      what was seen of its verdicts and its latest requests (history.h)
 *                               /trial           what was seen of its trial when the daemon stopped in order (trial.h)
 *     <models>/<model>/state                     what the operator decided: active, unloaded
 *                     /samples/                  those of all versions that have none of their own
 *                     /model.conf                what the operator configured, and perhaps labels (model_conf.h); written by hand
 *     <models>/.changes                          what changed lately (changes.h)
 *     <models>/.running                          which candidates run, for a crash to be told from a power cut (running.h)
 *     <models>/.staging/                         what is being written or erased; emptied at start
 *
 * A version is written in staging, made durable, and appears under its number by one rename: a version's folder is complete or not there.
 * A folder that somebody put there by hand counts as a version too. Nothing read back is trusted: names, texts, sizes and hashes are
 * checked, links are not followed, and a file that somebody else could write is copied into a sealed memory file before it is used.
 *
 * Errors are sentences with the path. Lifetime: one per models folder, which it locks against a second tfld. Thread: one at a time; time
 * comes from the caller.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "daemon/manifest.h"

struct tfl_error;
struct tfl_store;

/**
 * Opens the folder at @p path, making it where only itself is missing, and empties its staging folder. Errors: -ENOENT with what to do,
 * -ENOTDIR, -EACCES, -EBUSY when another tfld uses it.
 */
int tfl_store_open(const char *path, struct tfl_store **ret_store, struct tfl_error *error);
void tfl_store_close(struct tfl_store *store);

/**
 * The same for looking alone, beside a tfld that uses it: makes, locks and changes nothing. Only what takes a const store may be called.
 * -ENOENT without the folder.
 */
int tfl_store_look(const char *path, struct tfl_store **ret_store, struct tfl_error *error);

#define TFL_STORE_CONF "model.conf"
#define TFL_STORE_FILE "model.tflite"
#define TFL_STORE_PATH_MAX 320 /* of a path in a message; a longer one is cut */

/** Whether the folder still lies at its path: 0, or -ESTALE with a sentence, or what looking there says. */
int tfl_store_check_place(const struct tfl_store *store, struct tfl_error *error);

/** Writes "<models>/<model>[/<number>][/<leaf>]" for a message: number 0 and leaf NULL are left out. Returns @p path. */
const char *tfl_store_path(const struct tfl_store *store, const char *model, uint64_t number, const char *leaf,
			   char path[static TFL_STORE_PATH_MAX]);

/** A version that is there, by its name; its content is not looked at. */
struct tfl_store_entry {
	char model[TFL_MODEL_NAME_MAX + 1];
	uint64_t number;
	bool active;                       /* was the active one of its model */
	unsigned previous;                 /* how many swaps before that it was: 1 for the one before; 0: never, as far as is known */
	bool unloaded;                     /* the operator took it out of service */
	char note[TFL_STATE_NOTE_MAX];     /* when and by whom */
	char rejected[TFL_STATE_NOTE_MAX]; /* when and why its trial failed; "": it did not */
	bool stands_by;                    /* the active one is on trial against it */
	bool named;                        /* it has a label, or is in the route that the operator chose */
};

/** Something in the models folder that is not as it should be and is left alone, in a sentence. */
typedef void (*tfl_store_remark)(void *data, const char *sentence);

/**
 * All versions, model by model; in each the active one first, then those that were it before, then the others from the greatest down. The
 * caller frees @p ret_entries. Whatever is odd goes to @p remark and is left out.
 */
int tfl_store_list(const struct tfl_store *store, tfl_store_remark remark, void *data, struct tfl_store_entry **ret_entries,
		   unsigned *ret_count, struct tfl_error *error);

/** The versions of one model alone, in that order; none, and 0, where its folder is not there. */
int tfl_store_list_model(const struct tfl_store *store, const char *model, tfl_store_remark remark, void *data,
			 struct tfl_store_entry **ret_entries, unsigned *ret_count, struct tfl_error *error);

/* What a version's folder looks like from outside; its content is not read. */
struct tfl_store_folder {
	uint64_t print; /* another one once its model or manifest, model.conf or the labels have changed; bit 0: complete */
	bool complete;  /* nobody is still writing it: it has a manifest (which is checked at load), or it came by a rename */
	bool has_file;
};

/* What was seen of how it came. */
enum {
	TFL_STORE_MOVED = 1,       /* itself, or the model in it, by a rename */
	TFL_STORE_MODEL_MOVED = 2, /* with its model's folder */
};

/**
 * @p seen: of those. Where nobody saw it, the times of folder and file tell (store_folder.c). @p labels: the file that model.conf names, or
 * "". -ENOENT when there is no such folder.
 */
int tfl_store_examine(const struct tfl_store *store, const char *model, uint64_t number, unsigned seen, const char *labels,
		      struct tfl_store_folder *ret_folder, struct tfl_error *error);

/** Visits every folder that a model can have, with versions or without, in any order: 0, or a code that ends the walk. */
typedef int (*tfl_store_visit)(void *data, const char *model);
int tfl_store_walk(const struct tfl_store *store, tfl_store_visit visit, void *data, struct tfl_error *error);

/**
 * Reads a file of at most @p max bytes that an operator put beside a model's versions, into memory that the caller frees, with a NUL
 * behind it. -ENOENT (without a sentence) when there is none; -EINVAL for what is too large, no file or a link, or what the file system
 * says.
 */
int tfl_store_read_file(const struct tfl_store *store, const char *model, const char *name, size_t max, char **ret_text,
			size_t *ret_length, struct tfl_error *error);

/** A file copied into staging, not yet a version. */
struct tfl_staged {
	int fd; /* read-only; stays the staged file after it was published */
	struct tfl_content content;
	char source[TFL_MANIFEST_SOURCE_MAX];
	const struct tfl_proof *proof; /* the caller's to set: to be published beside it; NULL: none */
	uint64_t sync_ns;              /* of the publication: writing what stands beside it, and making all of it durable */
	int folder; /* the store's from here on */
	char name[24];
	bool published;
};

/** Who loads it, and when. */
struct tfl_origin {
	uid_t uid;
	pid_t pid;
	int64_t time; /* CLOCK_REALTIME, seconds */
};

/** Copies what is behind @p fd (see content.h for what may be) from its first byte. @p fd stays the caller's. */
int tfl_store_stage(struct tfl_store *store, int fd, struct tfl_staged **ret_staged, struct tfl_error *error);

/**
 * Makes it version @p number of @p model. When this returns 0, the version survives a power cut. Errors: -EEXIST when there is such a
 * version, -EINVAL for a name or number that cannot be, or what the file system says; then nothing has changed.
 */
int tfl_store_publish(struct tfl_store *store, struct tfl_staged *staged, const char *model, uint64_t number,
		      const struct tfl_origin *origin, struct tfl_error *error);

/** Ends it, and removes what was not published; NULL is allowed. */
void tfl_store_discard(struct tfl_store *store, struct tfl_staged *staged);

/** A version's file, safe to map: nobody else can write it. */
struct tfl_store_file {
	int fd;
	struct tfl_content content;
	bool copied;       /* it is a sealed copy in memory … */
	const char *cause; /* … because of this (static) */
};

/**
 * Checks, hashes and opens a version's file. The caller closes it. Errors: -ENOENT when there is no such version or no file in it,
 * -EINVAL when its manifest cannot be read, -ENOEXEC when it is not what its manifest says.
 */
int tfl_store_open_version(const struct tfl_store *store, const char *model, uint64_t number, struct tfl_store_file *ret_file,
			   struct tfl_error *error);

/**
 * The proof of a version whose content is @p content, by this tfld: -ENOENT (without a sentence) when there is none, or one of other
 * content, by another tfld, or in a file that somebody else could have written; -EINVAL when it cannot be read.
 */
int tfl_store_read_proof(const struct tfl_store *store, const char *model, uint64_t number, const struct tfl_content *content,
			 struct tfl_proof *ret_proof, struct tfl_error *error);

/** Writes it beside a version that is there, durable when this returns 0. */
int tfl_store_write_proof(struct tfl_store *store, const char *model, uint64_t number, const struct tfl_content *content,
			  const struct tfl_proof *proof, struct tfl_error *error);

/** The folder of samples that prove a version: its own, else its model's, which alone where the number is 0. The caller closes. -ENOENT. */
int tfl_store_open_samples(const struct tfl_store *store, const char *model, uint64_t number, int *ret_fd);

/** Writes a version's statistics, durable when this returns 0; on failure the old ones stand. -ENOENT when there is no such version. */
int tfl_store_write_statistics(struct tfl_store *store, const char *model, uint64_t number, const void *data, size_t size,
			       struct tfl_error *error);

/** Reads them into memory that the caller frees. -ENOENT (without a sentence) when there are none; -EINVAL for what cannot be ours. */
int tfl_store_read_statistics(const struct tfl_store *store, const char *model, uint64_t number, void **ret_data, size_t *ret_size,
			      struct tfl_error *error);

/** Likewise for what was seen of its trial, of exactly @p size bytes; reading takes it away, so that it is there after a stop in order alone. */
int tfl_store_write_trial(struct tfl_store *store, const char *model, uint64_t number, const void *data, size_t size,
			  struct tfl_error *error);
int tfl_store_take_trial(struct tfl_store *store, const char *model, uint64_t number, size_t max, void **ret_data, size_t *ret_size,
			 struct tfl_error *error);

/** Opens the file of running.h, made where there is none: ours alone. The caller closes. */
int tfl_store_open_running(struct tfl_store *store, int *ret_fd);

/** Writes what changed, likewise; and reads it, likewise (changes.h). */
int tfl_store_write_changes(struct tfl_store *store, const void *data, size_t size, struct tfl_error *error);
int tfl_store_read_changes(const struct tfl_store *store, void **ret_data, size_t *ret_size, struct tfl_error *error);

/** Deletes a version, and its model's folder with the last one. -ENOENT when there is none. */
int tfl_store_erase(struct tfl_store *store, const char *model, uint64_t number, struct tfl_error *error);

/** What the operator decided about a model; nothing where nothing was written. -EINVAL when it cannot be read. */
int tfl_store_read_state(const struct tfl_store *store, const char *model, struct tfl_state *ret_state, struct tfl_error *error);

/** Writes it, durable when this returns 0; on failure the old one stands. -ENOENT when there is no such model. */
int tfl_store_write_state(struct tfl_store *store, const char *model, const struct tfl_state *state, struct tfl_error *error);

#endif
