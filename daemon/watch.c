/* SPDX-License-Identifier: MIT */
/*
 * The kernel gives each watched folder a number (wd), and the same one when a folder is added again; the table says what folder that is. A
 * folder that was renamed keeps its watch, and the table has its old name until it is added under the new one, which its new name's event
 * brings about.
 *
 * Between the kernel's answer and the row in the table, events of a new folder are of an unknown number and are passed over: whoever adds a
 * folder looks into it afterwards, and sees what they were about. A model's folder that comes is watched on the loop, and loses none.
 */
#include "daemon/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/samples.h"
#include "daemon/store_internal.h"
#include "proto/name.h"

#define READ_BYTES 65536
#define READS_MAX 2 /* at a time, some 4,000 events; the rest makes the descriptor readable again */

#define NAMES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define CAME (IN_CREATE | IN_MOVED_TO)
#define ROOT_EVENTS (NAMES | IN_DELETE_SELF | IN_MOVE_SELF)
#define MODEL_EVENTS (NAMES | IN_CLOSE_WRITE | IN_ATTRIB)
#define VERSION_EVENTS (NAMES | IN_CLOSE_WRITE | IN_ATTRIB)

struct row {
	int wd;
	char model[TFL_MODEL_NAME_MAX + 1]; /* "": the models folder */
	uint64_t number;                    /* 0: the model's folder */
};

struct tfl_watch {
	const char *path;
	tfl_watch_news news;
	void *data;
	int fd;
	bool lost; /* the models folder, and that was told */
	struct tfl_dirty dirty;
	pthread_mutex_t lock; /* over the rest */
	struct row *rows;
	unsigned count, room;
};

int tfl_watch_create(const char *path, tfl_watch_news news, void *data, struct tfl_watch **ret_watch)
{
	struct tfl_watch *watch = calloc(1, sizeof(*watch));
	int result;

	if (!watch)
		return -ENOMEM;
	watch->path = path;
	watch->news = news;
	watch->data = data;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		result = -errno;
		free(watch);
		return result;
	}
	pthread_mutex_init(&watch->lock, NULL);
	*ret_watch = watch;
	return 0;
}

void tfl_watch_destroy(struct tfl_watch *watch)
{
	if (!watch)
		return;
	tfl_close(watch->fd);
	pthread_mutex_destroy(&watch->lock);
	free(watch->rows);
	free(watch);
}

int tfl_watch_fd(const struct tfl_watch *watch)
{
	return watch->fd;
}

static struct row *find_row(struct tfl_watch *watch, int wd)
{
	for (unsigned i = 0; i < watch->count; i++)
		if (watch->rows[i].wd == wd)
			return &watch->rows[i];
	return NULL;
}

static int put_row(struct tfl_watch *watch, int wd, const char *model, uint64_t number)
{
	struct row *row = find_row(watch, wd), *rows;
	unsigned room = watch->room ? 2 * watch->room : 64;

	if (!row && watch->count == watch->room) {
		rows = reallocarray(watch->rows, room, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		watch->rows = rows;
		watch->room = room;
	}
	if (!row)
		row = &watch->rows[watch->count++];
	*row = (struct row){ .wd = wd, .number = number };
	snprintf(row->model, sizeof(row->model), "%s", model);
	return 0;
}

static int add_failed(const char *path, int code, struct tfl_error *error)
{
	if (code == -ENOSPC)
		return tfl_error_set(error, code, "%s cannot be watched: the user who runs tfld may have no more watches; raise "
				     "fs.inotify.max_user_watches (sysctl), or restart tfld after each change there", path);
	return tfl_error_set(error, code, "%s cannot be watched: %s", path, strerror(-code));
}

int tfl_watch_add(struct tfl_watch *watch, const char *model, uint64_t number, struct tfl_error *error)
{
	const uint32_t events = !model[0] ? ROOT_EVENTS : number == 0 ? MODEL_EVENTS : VERSION_EVENTS;
	_tfl_free_ char *path = NULL;
	char name[24] = "";
	int wd, result;

	if (number)
		snprintf(name, sizeof(name), "/%llu", (unsigned long long)number);
	if (asprintf(&path, "%s%s%s%s", watch->path, model[0] ? "/" : "", model, name) < 0) {
		path = NULL;
		return tfl_error_set(error, -ENOMEM, "not enough memory to watch '%s'", model);
	}
	/* The models folder may be a link; what is below may not. */
	wd = inotify_add_watch(watch->fd, path, events | IN_ONLYDIR | (model[0] ? IN_DONT_FOLLOW : 0));
	if (wd < 0)
		return add_failed(path, -errno, error);
	pthread_mutex_lock(&watch->lock);
	result = put_row(watch, wd, model, number);
	pthread_mutex_unlock(&watch->lock);
	return result < 0 ? tfl_error_set(error, result, "not enough memory to watch '%s'", model) : 0;
}

void tfl_watch_drop(struct tfl_watch *watch, const char *model, uint64_t number)
{
	unsigned kept = 0;

	if (!watch)
		return;
	pthread_mutex_lock(&watch->lock);
	for (unsigned i = 0; i < watch->count; i++) {
		struct row *row = &watch->rows[i];

		if (strcmp(row->model, model) == 0 && (number == 0 || row->number == number))
			inotify_rm_watch(watch->fd, row->wd);
		else
			watch->rows[kept++] = *row;
	}
	watch->count = kept;
	pthread_mutex_unlock(&watch->lock);
}

unsigned tfl_watch_count(struct tfl_watch *watch)
{
	unsigned count;

	pthread_mutex_lock(&watch->lock);
	count = watch->count;
	pthread_mutex_unlock(&watch->lock);
	return count;
}

static void on_root(struct tfl_watch *watch, const struct inotify_event *event, const char *name, uint64_t now_ms)
{
	struct tfl_dirty_mark *mark;
	struct tfl_error unwatched;

	if (!(event->mask & IN_ISDIR) || name[0] == '.')
		return;
	if (!tfl_model_name_valid(name, strlen(name))) {
		if (event->mask & CAME)
			tfl_log_warning("%s/%s is no model, whose names are " TFL_MODEL_NAME_RULE "; it is left alone", watch->path, name);
		return;
	}
	/* What is moved into it next is seen to be moved. If it cannot be watched, the look at it says so. */
	if (event->mask & CAME)
		(void)tfl_watch_add(watch, name, 0, &unwatched);
	mark = tfl_dirty_mark(&watch->dirty, name, now_ms);
	mark->moved = event->mask & IN_MOVED_TO ? true : event->mask & NAMES ? false : mark->moved;
}

/* Files that say how versions are loaded, or that one of them has. */
static bool is_configuration(const char *name)
{
	size_t length = strlen(name);

	return strcmp(name, TFL_STORE_CONF) == 0 || (length > 4 && strcmp(name + length - 4, ".txt") == 0);
}

static void on_model(struct tfl_watch *watch, const struct row *row, const struct inotify_event *event, const char *name, uint64_t now_ms)
{
	struct tfl_dirty_mark *mark;
	uint64_t number;

	if (!(event->mask & IN_ISDIR)) {
		if (is_configuration(name))
			tfl_dirty_mark(&watch->dirty, row->model, now_ms);
		return;
	}
	if (!name[0] || name[0] == '.' || strcmp(name, TFL_SAMPLES_FOLDER) == 0)
		return; /* the folder's own permissions, say */
	if (tfl_version_parse(name, strlen(name), &number) < 0) {
		if (event->mask & CAME)
			tfl_log_warning("%s/%s/%s is no version, whose folders are numbers from 1 on; it is left alone", watch->path,
					row->model, name);
		return;
	}
	mark = tfl_dirty_mark(&watch->dirty, row->model, now_ms);
	if (event->mask & IN_MOVED_TO)
		tfl_dirty_moved(mark, number);
	else if (event->mask & NAMES)
		tfl_dirty_not_moved(mark, number);
}

static void on_version(struct tfl_watch *watch, const struct row *row, const struct inotify_event *event, const char *name, uint64_t now_ms)
{
	struct tfl_dirty_mark *mark;

	/* The daemon's own. */
	if (strcmp(name, TFL_STORE_STATISTICS) == 0 || strcmp(name, TFL_STORE_PROOF) == 0)
		return;
	mark = tfl_dirty_mark(&watch->dirty, row->model, now_ms);
	if (strcmp(name, TFL_STORE_FILE) != 0)
		return;
	if (event->mask & IN_MOVED_TO)
		tfl_dirty_moved(mark, row->number);
	else if (event->mask & NAMES)
		tfl_dirty_not_moved(mark, row->number);
}

/* The models folder went, or was put somewhere else. What serves goes on, from memory. */
static int lose(struct tfl_watch *watch, const struct inotify_event *event, struct tfl_error *error)
{
	const char *how = event->mask & IN_UNMOUNT ? "was unmounted" : event->mask & IN_MOVE_SELF ? "was renamed" : "was deleted";

	if (watch->lost)
		return 0;
	watch->lost = true;
	return tfl_error_set(error, -ENODEV, "the models folder %s %s; what is in memory serves on, and nothing new is seen: put it "
			     "back and restart tfld", watch->path, how);
}

static bool take_row(struct tfl_watch *watch, const struct inotify_event *event, struct row *ret_row)
{
	struct row *row;

	pthread_mutex_lock(&watch->lock);
	row = find_row(watch, event->wd);
	if (row)
		*ret_row = *row;
	if (row && event->mask & IN_IGNORED)
		*row = watch->rows[--watch->count];
	pthread_mutex_unlock(&watch->lock);
	return row != NULL;
}

static int on_event(struct tfl_watch *watch, const struct inotify_event *event, uint64_t now_ms, struct tfl_error *error)
{
	const char *name = event->len > 0 ? event->name : "";
	struct row row;

	if (event->mask & IN_Q_OVERFLOW) {
		tfl_dirty_mark(&watch->dirty, "", now_ms);
		return 0;
	}
	if (!take_row(watch, event, &row))
		return 0;
	if (!row.model[0] && event->mask & (IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF))
		return lose(watch, event, error);
	if (event->mask & (IN_IGNORED | IN_UNMOUNT))
		return 0;
	if (!row.model[0])
		on_root(watch, event, name, now_ms);
	else if (row.number == 0)
		on_model(watch, &row, event, name, now_ms);
	else
		on_version(watch, &row, event, name, now_ms);
	return 0;
}

int tfl_watch_read(struct tfl_watch *watch, uint64_t now_ms, struct tfl_error *error)
{
	_Alignas(struct inotify_event) char buffer[READ_BYTES];
	int result = 0;

	for (unsigned i = 0; i < READS_MAX; i++) {
		ssize_t length = read(watch->fd, buffer, sizeof(buffer));

		for (ssize_t at = 0; at < length;) {
			const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
			int told = on_event(watch, event, now_ms, error);

			result = told < 0 ? told : result;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		if (length <= 0)
			break;
	}
	watch->news(watch->data);
	return result;
}

void tfl_watch_touch(struct tfl_watch *watch, const char *model, uint64_t now_ms)
{
	if (!watch)
		return;
	tfl_dirty_mark(&watch->dirty, model, now_ms);
	watch->news(watch->data);
}

bool tfl_watch_take(struct tfl_watch *watch, uint64_t now_ms, struct tfl_dirty_mark *ret_mark)
{
	return tfl_dirty_take(&watch->dirty, now_ms, ret_mark);
}

int64_t tfl_watch_delay(const struct tfl_watch *watch, uint64_t now_ms)
{
	return tfl_dirty_delay(&watch->dirty, now_ms);
}
