/* SPDX-License-Identifier: MIT */
/* Cells hold whole UTF-8 characters. What the program writes is read whenever somebody waits, so it never blocks for long. */
#include "tests/client/screen.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#define COLUMNS_MAX 128
#define ROWS_MAX 64
#define PATIENCE_S 30

static struct {
	int fd;
	pid_t pid;
	struct termios before;
	unsigned columns, rows, x, y;
	bool stale; /* what comes may still be for the size before: it is passed over until the screen is cleared */
	char cells[ROWS_MAX][COLUMNS_MAX][5];
	char sequence[8];
	unsigned sequence_length;
} screen;

static void blank(unsigned y, unsigned x)
{
	for (; x < COLUMNS_MAX; x++)
		strcpy(screen.cells[y][x], " ");
}

static void clear_from_cursor(void)
{
	blank(screen.y, screen.x);
	for (unsigned y = screen.y + 1; y < ROWS_MAX; y++)
		blank(y, 0);
}

static void line_feed(void)
{
	if (screen.y + 1 < screen.rows) {
		screen.y++;
		return;
	}
	memmove(screen.cells[0], screen.cells[1], sizeof(screen.cells[0]) * (ROWS_MAX - 1));
	blank(ROWS_MAX - 1, 0);
}

/* The same until the program begins anew, after another size: only that it clears the screen counts. */
static bool escape_stale(const char *text, unsigned length)
{
	screen.stale = text[0] != 'J' || screen.x > 0 || screen.y > 0;
	screen.x = text[0] != 'H'; /* or anywhere else */
	screen.y = 0;
	return text[0] != 'Y' || length >= 3;
}

/* After ESC; false while more of it is to come. */
static bool escape(const char *text, unsigned length)
{
	if (screen.stale)
		return escape_stale(text, length);
	switch (text[0]) {
	case 'A':
		screen.y -= screen.y > 0;
		break;
	case 'B':
		screen.y += screen.y + 1 < screen.rows;
		break;
	case 'C':
		screen.x++;
		break;
	case 'D':
		screen.x -= screen.x > 0;
		break;
	case 'H':
		screen.x = screen.y = 0;
		break;
	case 'J':
		clear_from_cursor();
		break;
	case 'K':
		blank(screen.y, screen.x);
		break;
	case 'Y':
		if (length < 3)
			return false;
		screen.y = (unsigned char)text[1] - 32u;
		screen.x = (unsigned char)text[2] - 32u;
		ck_assert_msg(screen.y < screen.rows && screen.x < screen.columns, "the cursor goes to %u, %u", screen.x, screen.y);
		break;
	default:
		break; /* keypad and character set */
	}
	return true;
}

static void put(char c)
{
	char *cell;

	if (screen.x >= COLUMNS_MAX)
		return;
	if (((unsigned char)c & 0xc0) == 0x80) { /* goes on with the character before */
		cell = screen.cells[screen.y][screen.x > 0 ? screen.x - 1 : 0];
		if (strlen(cell) < 4)
			strncat(cell, &c, 1);
		return;
	}
	cell = screen.cells[screen.y][screen.x++];
	cell[0] = c;
	cell[1] = '\0';
}

static void take(char c)
{
	if (screen.sequence_length > 0) {
		screen.sequence[screen.sequence_length++] = c;
		if (escape(screen.sequence + 1, screen.sequence_length - 1))
			screen.sequence_length = 0;
	} else if (c == '\33') {
		screen.sequence_length = 1;
	} else if (screen.stale) {
		screen.x = 1; /* not what clears it */
	} else if (c == '\r') {
		screen.x = 0;
	} else if (c == '\n') {
		line_feed();
	} else if (c == '\b') {
		screen.x -= screen.x > 0;
	} else if (c == '\t') {
		screen.x = (screen.x / 8 + 1) * 8;
	} else if ((unsigned char)c >= 32) {
		put(c);
	}
}

/* Reads for at most @p ms. False at the end. */
static bool follow(int ms)
{
	struct pollfd fds = {.fd = screen.fd, .events = POLLIN};
	char bytes[4096];
	ssize_t got;

	if (poll(&fds, 1, ms) <= 0)
		return true;
	got = read(screen.fd, bytes, sizeof(bytes));
	for (ssize_t i = 0; i < got; i++)
		take(bytes[i]);
	return got > 0 || (got < 0 && errno == EINTR);
}

void screen_start(const char *const args[], const char *locale, const char *terminal, unsigned columns, unsigned rows)
{
	struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
	const char *argv[16] = {"tflctl"};
	int slave;

	memset(&screen, 0, sizeof(screen));
	screen.columns = columns;
	screen.rows = rows;
	for (unsigned y = 0; y < ROWS_MAX; y++)
		blank(y, 0);
	for (unsigned i = 0; args[i] && i < 14; i++)
		argv[i + 1] = args[i];
	ck_assert_int_eq(openpty(&screen.fd, &slave, NULL, NULL, &size), 0);
	ck_assert_int_eq(tcgetattr(slave, &screen.before), 0);
	screen.pid = fork();
	if (screen.pid == 0) {
		close(screen.fd);
		login_tty(slave);
		setenv("TERM", terminal, 1);
		setenv("LC_ALL", locale, 1);
		unsetenv("LINES");
		unsetenv("COLUMNS");
		execv(getenv("TFLCTL"), (char *const *)argv);
		_exit(99);
	}
	close(slave);
	ck_assert_int_gt(screen.pid, 0);
}

void screen_type(const char *keys)
{
	ck_assert_int_eq(write(screen.fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

void screen_resize(unsigned columns, unsigned rows)
{
	struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};

	screen.columns = columns;
	screen.rows = rows;
	screen.x = screen.y = 0;
	clear_from_cursor();
	screen.stale = true;
	screen.x = 1;
	ck_assert_int_eq(ioctl(screen.fd, TIOCSWINSZ, &size), 0);
}

const char *screen_line(unsigned row)
{
	static char line[5 * COLUMNS_MAX];

	line[0] = '\0';
	for (unsigned x = 0; row < ROWS_MAX && x < screen.columns; x++)
		strcat(line, screen.cells[row][x]);
	return line;
}

static bool has(const char *text)
{
	for (unsigned y = 0; y < screen.rows; y++) {
		if (strstr(screen_line(y), text))
			return true;
	}
	return false;
}

void screen_wait(const char *text, bool there)
{
	time_t until = time(NULL) + PATIENCE_S;
	char all[ROWS_MAX * 5 * COLUMNS_MAX] = "";

	while (has(text) != there) {
		if (follow(100) && time(NULL) < until)
			continue;
		for (unsigned y = 0; y < screen.rows; y++) {
			strcat(all, screen_line(y));
			strcat(all, "\n");
		}
		ck_abort_msg("'%s' is %s on the screen:\n%s", text, there ? "not" : "still", all);
	}
}

void screen_kill(int signal)
{
	kill(screen.pid, signal);
}

int screen_end(void)
{
	time_t until = time(NULL) + PATIENCE_S;
	struct termios after;
	int status;

	while (waitpid(screen.pid, &status, WNOHANG) == 0) {
		ck_assert_msg(time(NULL) < until, "tflctl goes on");
		follow(50);
	}
	ck_assert_int_eq(tcgetattr(screen.fd, &after), 0);
	ck_assert_uint_eq(after.c_lflag, screen.before.c_lflag);
	ck_assert_uint_eq(after.c_iflag, screen.before.c_iflag);
	ck_assert_uint_eq(after.c_oflag, screen.before.c_oflag);
	close(screen.fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
