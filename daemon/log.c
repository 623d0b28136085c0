/* SPDX-License-Identifier: MIT */
/*
 * A line goes to one of two places, chosen once at start: the journal, when the service manager connected stderr to it (JOURNAL_STREAM
 * names the device and inode of that stream, and a redirected stderr has others), else stderr as "tfld: error: …" in a single write,
 * so that lines of several threads do not mix. Built without libsystemd, the journal reads stderr and the level is its "<3>" prefix.
 *
 * Texts may quote names that came over the wire or out of a file; control characters are replaced, so that none can forge a line.
 */
#include "daemon/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

#define LINE_MAX_BYTES 2048
#define ENTRY_BYTES 16384 /* of all fields of an entry together */

static struct {
	atomic_int level;
	bool journal;
} log_target = { LOG_INFO, false };

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void tfl_log_init(int level)
{
	tfl_log_set_level(level);
	log_target.journal = stderr_is_journal();
}

void tfl_log_set_level(int level)
{
	atomic_store_explicit(&log_target.level, level, memory_order_relaxed);
}

static bool is_left_out(int level)
{
	return level > atomic_load_explicit(&log_target.level, memory_order_relaxed);
}

static const char *level_name(int level)
{
	static const char *const names[] = {
		[LOG_ERR] = "error",
		[LOG_WARNING] = "warning",
		[LOG_NOTICE] = "notice",
		[LOG_INFO] = "info",
		[LOG_DEBUG] = "debug",
	};

	return level >= LOG_ERR && level <= LOG_DEBUG ? names[level] : "error";
}

static void write_stderr(int level, const char *text)
{
	char line[LINE_MAX_BYTES + 32];
	int length;

	if (log_target.journal)
		length = snprintf(line, sizeof(line), "<%d>%s\n", level, text);
	else
		length = snprintf(line, sizeof(line), "tfld: %s: %s\n", level_name(level), text);
	/* Nobody is left to be told when stderr fails. */
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}

/* Into the text that is written: cut to fit, in one line. */
static void format_line(char text[static LINE_MAX_BYTES], const char *format, va_list args)
{
	vsnprintf(text, LINE_MAX_BYTES, format, args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

void tfl_log(int level, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;

	if (is_left_out(level))
		return;
	va_start(args, format);
	format_line(text, format, args);
	va_end(args);
#ifdef HAVE_SYSTEMD
	if (log_target.journal)
		sd_journal_send("PRIORITY=%d", level, "MESSAGE=%s", text, NULL);
	else
#endif
		write_stderr(level, text);
	errno = saved;
}

#ifdef HAVE_SYSTEMD

#define OWN_FIELDS 3 /* PRIORITY, MESSAGE_ID, MESSAGE */

/* An entry as the journal takes it. Fields past the room are left out; the words come first. */
struct entry {
	struct iovec fields[OWN_FIELDS + TFL_LOG_FIELDS_MAX];
	unsigned count;
	size_t used;
	char memory[ENTRY_BYTES];
};

__attribute__((format(printf, 2, 3))) static void add(struct entry *entry, const char *format, ...)
{
	char *text = entry->memory + entry->used;
	size_t room = sizeof(entry->memory) - entry->used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room || entry->count == TFL_ARRAY_SIZE(entry->fields))
		return;
	entry->fields[entry->count++] = (struct iovec){text, (size_t)length};
	entry->used += (size_t)length;
}

static void add_field(struct entry *entry, const struct tfl_log_field *field)
{
	if (field->kind == TFL_LOG_TEXT)
		add(entry, "%s=%.*s", field->name, TFL_LOG_FIELD_TEXT_MAX, field->text);
	else if (field->kind == TFL_LOG_UINT)
		add(entry, "%s=%" PRIu64, field->name, field->uint);
	else
		add(entry, "%s=%.6f", field->name, field->real);
}

static void send_entry(int level, const char *message_id, const struct tfl_log_field *fields, unsigned count, const char *text)
{
	struct entry entry;

	entry.count = 0;
	entry.used = 0;
	add(&entry, "PRIORITY=%d", level);
	add(&entry, "MESSAGE_ID=%s", message_id);
	add(&entry, "MESSAGE=%s", text);
	for (unsigned i = 0; i < count; i++)
		add_field(&entry, &fields[i]);
	sd_journal_sendv(entry.fields, (int)entry.count);
}

#endif

void tfl_log_fields(int level, const char *message_id, const struct tfl_log_field *fields, unsigned count, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;

	assert(count <= TFL_LOG_FIELDS_MAX);
	if (is_left_out(level))
		return;
	va_start(args, format);
	format_line(text, format, args);
	va_end(args);
#ifdef HAVE_SYSTEMD
	if (log_target.journal)
		send_entry(level, message_id, fields, count, text);
	else
#endif
		write_stderr(level, text);
	errno = saved;
}
