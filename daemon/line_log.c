/* SPDX-License-Identifier: MIT */
/*
 * Folder and file are opened for every line. There is one every few seconds at most, and so nothing has to be known about what became of
 * them since.
 *
 * A line goes out in one writev() to a file opened with O_APPEND. Where that did not take all of it, the file is cut back to where it
 * ended; what a power cut leaves of a line gets a newline in front of the next, so that it spoils no other. Lines are not synced one by
 * one: the kernel writes them within half a minute, and a power cut costs no more than that; syncing each would cost flash a block or more
 * per line. A file that is complete is synced.
 */
#include "daemon/line_log.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/util.h"
#include "daemon/folder.h"
#include "daemon/manifest.h"

#define NAME_PREFIX "tfld-"
#define NAME_SUFFIX ".jsonl"
#define TIME_LENGTH 20 /* "2026-11-26T03:40:00Z" */
#define NAME_TIME 16   /* "20261126T034000Z" */
#define NAME_ROOM 64
#define DIGITS_MIN 8
#define DIGITS_MAX 10
#define NUMBER_MAX UINT64_C(9999999999)
#define OLDEST_MAX 64 /* files that are removed at a time, where there are too many */
#define RUN_BYTES 8

struct tfl_line_log {
	struct tfl_line_log_options options;
	char run[2 * RUN_BYTES + 1];
	uint64_t seq, lost;
};

int tfl_line_log_create(const struct tfl_line_log_options *options, struct tfl_line_log **ret_log)
{
	struct tfl_line_log *log = calloc(1, sizeof(*log));
	uint8_t random[RUN_BYTES] = {0};

	if (!log)
		return -ENOMEM;
	log->options = *options;
	/* It only has to differ from the run before; early in a boot there may be no entropy yet, and the clock has to do. */
	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		memcpy(random, &(uint64_t){(uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec}, sizeof(random));
	}
	for (unsigned i = 0; i < RUN_BYTES; i++)
		snprintf(log->run + 2 * i, 3, "%02x", random[i]);
	*ret_log = log;
	return 0;
}

void tfl_line_log_destroy(struct tfl_line_log *log)
{
	free(log);
}

uint64_t tfl_line_log_lost(const struct tfl_line_log *log)
{
	return log->lost;
}

/* ---- Files that are complete ---- */

/* The number in the name of one of them; 0 for any other name. */
static uint64_t number_of(const char *name)
{
	const char *digits = name + strlen(NAME_PREFIX), *rest;
	size_t count;

	if (strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
		return 0;
	count = strspn(digits, "0123456789");
	rest = digits + count;
	if (count < DIGITS_MIN || count > DIGITS_MAX || rest[0] != '-' || strspn(rest + 1, "0123456789TZ") != NAME_TIME ||
	    strcmp(rest + 1 + NAME_TIME, NAME_SUFFIX) != 0)
		return 0;
	return strtoull(digits, NULL, 10);
}

struct old_file {
	uint64_t number;
	char name[NAME_ROOM];
};

/* What there is: how many, the greatest number, and the oldest of them, ascending. */
struct listing {
	unsigned count, oldest_count;
	uint64_t greatest;
	struct old_file oldest[OLDEST_MAX];
};

static void insert(struct listing *listing, uint64_t number, const char *name)
{
	unsigned at = listing->oldest_count < OLDEST_MAX ? listing->oldest_count++ : OLDEST_MAX;

	if (at == OLDEST_MAX && listing->oldest[--at].number <= number)
		return;
	for (; at > 0 && listing->oldest[at - 1].number > number; at--)
		listing->oldest[at] = listing->oldest[at - 1];
	listing->oldest[at].number = number;
	snprintf(listing->oldest[at].name, NAME_ROOM, "%s", name);
}

static int visit(void *data, int folder, const char *name)
{
	struct listing *listing = data;
	uint64_t number = number_of(name);
	struct stat st;

	/* What is no file has its name all the same. */
	listing->greatest = number > listing->greatest ? number : listing->greatest;
	if (number == 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	listing->count++;
	insert(listing, number, name);
	return 0;
}

/* Room for one more. */
static int remove_oldest(int folder, const struct listing *listing, unsigned keep)
{
	unsigned surplus = listing->count > keep ? listing->count - keep : 0;

	for (unsigned i = 0; i < surplus && i < listing->oldest_count; i++)
		if (unlinkat(folder, listing->oldest[i].name, 0) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}

/* "tfld-00000012-20261126T034000Z.jsonl" */
static int name_next(const struct listing *listing, int64_t time, char name[static NAME_ROOM])
{
	char when[TFL_TIME_TEXT], digits[] = "00000000T000000Z"; /* of a time that cannot be */
	unsigned used = 0;

	if (listing->greatest >= NUMBER_MAX)
		return -EOVERFLOW;
	tfl_time_format(time, when);
	for (const char *c = when; strlen(when) == TIME_LENGTH && *c; c++)
		if (*c != '-' && *c != ':')
			digits[used++] = *c;
	snprintf(name, NAME_ROOM, NAME_PREFIX "%0*" PRIu64 "-%s" NAME_SUFFIX, DIGITS_MIN, listing->greatest + 1, digits);
	return 0;
}

/* Where a file system cannot say "unless there is one" (EINVAL), that nothing with that number was there a moment ago has to do. */
static int rename_new(int folder, const char *name, const char *new_name)
{
	if (renameat2(folder, name, folder, new_name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return renameat(folder, name, folder, new_name) == 0 ? 0 : -errno;
}

/* The oldest go first, so that there are never too many. */
static int rotate(const struct tfl_line_log *log, int folder, int fd, int64_t time)
{
	struct listing listing = {0};
	char name[NAME_ROOM];
	int result;

	result = tfl_folder_walk(folder, visit, &listing);
	if (result == 0)
		result = name_next(&listing, time, name);
	if (result == 0)
		result = remove_oldest(folder, &listing, (unsigned)log->options.files - 2);
	if (result == 0)
		result = tfl_folder_sync(fd);
	return result < 0 ? result : rename_new(folder, TFL_LINE_LOG_FILE, name);
}

/* ---- The file that is written ---- */

/* Made where only itself is missing. */
static int open_folder(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && mkdir(path, 0750) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int open_file(int folder, int *ret_fd, size_t *ret_size)
{
	return tfl_folder_open_file(folder, TFL_LINE_LOG_FILE, O_RDWR | O_APPEND | O_CREAT, 0640, ret_fd, ret_size);
}

/* Whether the file ends in the middle of a line. */
static bool ends_open(int fd, size_t size)
{
	char last = '\n';

	return size > 0 && pread(fd, &last, 1, (off_t)size - 1) == 1 && last != '\n';
}

static int write_line(int fd, size_t size, const char *text, size_t length)
{
	bool open = ends_open(fd, size);
	char newline[] = "\n";
	struct iovec parts[] = {{newline, open}, {(void *)text, length}, {newline, 1}};
	ssize_t written;

	do
		written = writev(fd, parts, TFL_ARRAY_SIZE(parts));
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	if ((size_t)written == length + 1 + open)
		return 0;
	/* Where that fails too, the next line begins with a newline. */
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	return -ENOSPC;
}

static int append(const struct tfl_line_log *log, const char *text, int64_t time)
{
	_tfl_close_ int folder = -1, fd = -1;
	size_t length = strlen(text), size = 0;
	int result;

	result = open_folder(log->options.folder, &folder);
	if (result == 0)
		result = open_file(folder, &fd, &size);
	if (result == 0 && size > 0 && size + length + 2 > log->options.file_bytes) {
		result = rotate(log, folder, fd, time);
		fd = tfl_close(fd);
		if (result == 0)
			result = open_file(folder, &fd, &size);
	}
	return result < 0 ? result : write_line(fd, size, text, length);
}

/* ---- Lines ---- */

static void name_device(const struct tfl_line_log *log, char *text, size_t size)
{
	if (log->options.device[0])
		snprintf(text, size, "%s", log->options.device);
	else if (gethostname(text, size) < 0 || !memchr(text, '\0', size))
		text[0] = '\0';
	if (!tfl_utf8_valid(text, strlen(text)))
		text[0] = '\0';
}

/* What every line begins with, then @p members. */
static char *encode(const struct tfl_line_log *log, const char *schema, int64_t time, json_t *members)
{
	char when[TFL_TIME_TEXT], device[256], *text = NULL;
	json_t *line;

	tfl_time_format(time, when);
	name_device(log, device, sizeof(device));
	line = json_pack("{s:s, s:s, s:s, s:s, s:I}", "schema", schema, "time", when, "device", device, "run", log->run, "seq",
			 (json_int_t)log->seq);
	if (line && json_object_update(line, members) == 0)
		text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(line);
	return text;
}

static const char *reason_of(int code)
{
	return code == -EINVAL ? TFL_LINE_LOG_FILE " is no file" : code == -EOVERFLOW ? "the numbers of its files are used up" : strerror(-code);
}

int tfl_line_log_add(struct tfl_line_log *log, const char *schema, int64_t time, json_t *members, struct tfl_error *error)
{
	_tfl_free_ char *text = NULL;
	int result = -ENOMEM;

	log->seq++;
	text = members ? encode(log, schema, time, members) : NULL;
	json_decref(members);
	if (text)
		result = append(log, text, time);
	if (result == 0)
		return 0;
	log->lost++;
	return tfl_error_set(error, result, "the log folder %s cannot be written to: %s; lines lost so far: %" PRIu64, log->options.folder,
			     reason_of(result), log->lost);
}
