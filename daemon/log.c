/* SPDX-License-Identifier: MIT */
/*
 * A line goes to one of two places, chosen once at start: the journal, when the service manager connected stderr to it (JOURNAL_STREAM
 * names the device and inode of that stream, and a redirected stderr has others), else stderr as "tfld: error: …" in a single write,
 * so that lines of several threads do not mix. Built without libsystemd, the journal reads stderr and the level is its "<3>" prefix.
 *
 * Texts may quote names that came over the wire or out of a file; control characters are replaced, so that none can forge a line.
 */
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

#define LINE_MAX_BYTES 2048

static struct {
	int level;
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
	log_target.level = level;
	log_target.journal = stderr_is_journal();
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

void tfl_log(int level, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;

	if (level > log_target.level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
#ifdef HAVE_SYSTEMD
	if (log_target.journal)
		sd_journal_send("PRIORITY=%d", level, "MESSAGE=%s", text, NULL);
	else
#endif
		write_stderr(level, text);
	errno = saved;
}
