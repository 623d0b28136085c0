/* SPDX-License-Identifier: MIT */
/*
 * Nothing is synced to the disk: after a power cut numbers of before are worth nothing, the first thing a start does is to write new
 * ones, and four flushes a minute would wear out the flash they go to. A rename is enough for every reader that is alive.
 *
 * The temporary file may have been left by a process that died, or put there by somebody: it is deleted and made anew, never followed,
 * never reused.
 */
#include "daemon/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/conditions.h"
#include "daemon/config.h"
#include "daemon/exposition.h"
#include "daemon/loader.h"
#include "daemon/metrics.h"
#include "daemon/server.h"

#define TEMPORARY ".tmp" /* behind the file's name */
#define VERSIONS 8        /* that are looked at in one go: some 0.5 ms */

struct tfl_metrics_file {
	char path[TFL_CONFIG_PATH_MAX];
	char next[TFL_CONFIG_PATH_MAX];  /* the path of the next step */
	char left[TFL_CONFIG_PATH_MAX];  /* to be removed first; "": nothing */
	struct tfl_server *server;  /* of the last step */
	struct tfl_metrics metrics; /* the loader's while busy; empty between two files */
	bool busy;
	bool written;               /* the loader's */
};

int tfl_metrics_file_create(struct tfl_metrics_file **ret_file)
{
	struct tfl_metrics_file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;
	*ret_file = file;
	return 0;
}

void tfl_metrics_file_set_path(struct tfl_metrics_file *file, const char *path)
{
	snprintf(file->next, sizeof(file->next), "%s", path);
}

bool tfl_metrics_file_wanted(const struct tfl_metrics_file *file)
{
	return file->next[0] || strcmp(file->next, file->path) != 0;
}

void tfl_metrics_file_destroy(struct tfl_metrics_file *file)
{
	if (!file)
		return;
	if (file->written)
		unlink(file->path);
	tfl_metrics_finish(&file->metrics);
	free(file);
}

static int fill(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	/* Whatever the umask says: node_exporter is another user. */
	return fchmod(fd, 0644) < 0 ? -errno : 0;
}

static int replace(const char *temporary, const char *path, const char *text, size_t length)
{
	int fd, r;

	if (unlink(temporary) < 0 && errno != ENOENT)
		return -errno;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = fill(fd, text, length);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

int tfl_metrics_file_replace(const char *path, const char *text, size_t length, struct tfl_error *error)
{
	char temporary[TFL_CONFIG_PATH_MAX + sizeof(TEMPORARY)];
	int r;

	snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, path);
	r = replace(temporary, path, text, length);
	return r < 0 ? tfl_error_set(error, r, "the metrics file %s is not written: %s", path, strerror(-r)) : 0;
}

/* Loader thread. */
static int run(void *data, struct tfl_error *error)
{
	TFL_CLEANUP(tfl_exposition_finish) struct tfl_exposition exposition = {.length = 0};
	struct tfl_metrics_file *file = data;
	int r;

	if (file->left[0])
		unlink(file->left);
	file->left[0] = '\0';
	if (!file->path[0])
		return 0;
	tfl_metrics_write(&file->metrics, &exposition);
	r = tfl_exposition_check(&exposition, error);
	if (r < 0)
		return tfl_error_prefix(error, r, "the metrics file %s is not written", file->path);
	r = tfl_metrics_file_replace(file->path, exposition.text, exposition.length, error);
	file->written |= r == 0;
	return r;
}

static void on_done(void *data, struct tfl_version *version, const struct tfl_error *error)
{
	struct tfl_metrics_file *file = data;

	file->busy = false;
	tfl_metrics_finish(&file->metrics);
	if (!error)
		tfl_conditions_clear(file->server->conditions, TFL_CONDITION_METRICS, NULL, 0);
	else if (error->code != -ECANCELED)
		tfl_conditions_raise(file->server->conditions, TFL_CONDITION_METRICS, NULL, 0, error->text);
}

/* Between two files. */
static void move(struct tfl_metrics_file *file)
{
	if (strcmp(file->path, file->next) == 0)
		return;
	if (file->written)
		strcpy(file->left, file->path);
	file->written = false;
	strcpy(file->path, file->next);
	tfl_conditions_clear(file->server->conditions, TFL_CONDITION_METRICS, NULL, 0);
}

bool tfl_metrics_file_step(struct tfl_metrics_file *file, struct tfl_server *server)
{
	struct tfl_error error;
	int r;

	if (file->busy)
		return false;
	file->server = server;
	move(file);
	if (file->metrics.version_count == 0)
		tfl_service_read(server, &file->metrics.service);
	file->metrics.sessions = server->sessions;
	r = tfl_metrics_gather(server->registry, server->scheduler, tfl_clock_seconds(), VERSIONS, &file->metrics);
	if (r > 0)
		return true;
	file->busy = true;
	if (r == 0)
		r = tfl_loader_call(server->loader, run, on_done, file);
	if (r < 0) {
		tfl_error_set(&error, r, "the metrics file %s is not written: %s", file->path, strerror(-r));
		on_done(file, NULL, &error);
	}
	return false;
}
