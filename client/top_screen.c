/* SPDX-License-Identifier: MIT */
/*
 * The terminal. One thread asks the daemon, so that keys answer at once also while the daemon does not; it hands over what came as a
 * whole, and the screen's thread owns it from there on. Signals reach the screen's thread alone: they and news write to one eventfd,
 * which is waited for beside the keyboard.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "client/tflclient.h"
#include "client/top.h"

#define POLL_MS 1000 /* a change of size that came between two waits is seen by then */
#define ESCAPE_MS 25

struct screen {
	struct top_source *source;
	int interval_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;

	/* Under the lock. */
	bool stop;
	struct top_table *fresh; /* not taken yet */
	char trouble[sizeof(((struct tfl_call_error *)0)->message)];
	bool news;

	/* The screen's thread. */
	struct top_table *table;
	char shown_trouble[sizeof(((struct tfl_call_error *)0)->message)];
	struct top_view view;
	struct top_lines lines;
	attr_t attributes[TOP_STYLES];
};

static int event_fd = -1; /* for the signal handler */
static volatile sig_atomic_t interrupted;

static void notify(void)
{
	uint64_t one = 1;
	ssize_t written = write(event_fd, &one, sizeof(one)); /* fails only when it is full, and then somebody will read it */

	(void)written;
}

static void on_signal(int signal)
{
	int saved = errno;

	interrupted = 1;
	notify();
	errno = saved;
}

static struct timespec after(int ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000L;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

static void hand_over(struct screen *screen, int r, struct top_table *table, const struct tfl_call_error *error)
{
	pthread_mutex_lock(&screen->lock);
	if (r == 0) {
		top_table_destroy(screen->fresh);
		screen->fresh = table;
		screen->trouble[0] = '\0';
	} else {
		memcpy(screen->trouble, error->message, sizeof(screen->trouble));
	}
	screen->news = true;
	pthread_mutex_unlock(&screen->lock);
	notify();
}

static void *ask(void *data)
{
	struct screen *screen = data;

	for (;;) {
		struct timespec next = after(screen->interval_ms);
		struct tfl_call_error error = {0};
		struct top_table *table = NULL;
		int r = top_source_refresh(screen->source, &table, &error), waited = 0;

		hand_over(screen, r, table, &error);
		pthread_mutex_lock(&screen->lock);
		while (!screen->stop && waited == 0)
			waited = pthread_cond_timedwait(&screen->wake, &screen->lock, &next);
		if (screen->stop) {
			pthread_mutex_unlock(&screen->lock);
			return NULL;
		}
		pthread_mutex_unlock(&screen->lock);
	}
}

/* Signals are blocked in the new thread, and as they were in this one. */
static int start_asking(struct screen *screen)
{
	pthread_condattr_t attributes;
	sigset_t all, before;
	int r;

	pthread_mutex_init(&screen->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&screen->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&screen->thread, NULL, ask, screen);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void stop_asking(struct screen *screen)
{
	pthread_mutex_lock(&screen->lock);
	screen->stop = true;
	pthread_cond_signal(&screen->wake);
	pthread_mutex_unlock(&screen->lock);
	pthread_join(screen->thread, NULL);
}

/* What has come since; while the view is paused it stays where it is, but for the trouble. */
static void take_news(struct screen *screen)
{
	uint64_t count;
	ssize_t got = read(event_fd, &count, sizeof(count));

	(void)got;
	pthread_mutex_lock(&screen->lock);
	memcpy(screen->shown_trouble, screen->trouble, sizeof(screen->trouble));
	if (screen->fresh && (!screen->view.paused || !screen->table)) {
		top_table_destroy(screen->table);
		screen->table = TFL_STEAL(screen->fresh);
	}
	pthread_mutex_unlock(&screen->lock);
}

static void draw_line(const struct screen *screen, int y, const struct top_line *line)
{
	size_t at = 0;

	move(y, 0);
	for (unsigned i = 0; i < line->span_count; i++) {
		const struct top_span *span = &line->spans[i];

		attrset(screen->attributes[line->style]);
		addnstr(line->text + at, (int)(span->begin - at));
		attrset(screen->attributes[span->style]);
		addnstr(line->text + span->begin, (int)(span->end - span->begin));
		at = span->end;
	}
	attrset(screen->attributes[line->style]);
	addnstr(line->text + at, (int)(line->length - at));
	attrset(A_NORMAL);
}

static void draw(struct screen *screen)
{
	int height, width;

	getmaxyx(stdscr, height, width);
	if (height < 1 || width < 1)
		return;
	if (screen->table)
		top_view_sort(&screen->view, screen->table);
	top_view_draw(&screen->view, screen->table, screen->shown_trouble[0] ? screen->shown_trouble : NULL, (unsigned)width,
		      (unsigned)height, &screen->lines);
	erase();
	for (unsigned i = 0; i < screen->lines.count && i < (unsigned)height; i++)
		draw_line(screen, (int)i, &screen->lines.lines[i]);
	refresh();
}

static int key_of(int key)
{
	static const struct {
		int curses, key;
	} keys[] = {
		{KEY_UP, TOP_KEY_UP}, {KEY_DOWN, TOP_KEY_DOWN}, {KEY_LEFT, TOP_KEY_LEFT}, {KEY_RIGHT, TOP_KEY_RIGHT},
		{KEY_PPAGE, TOP_KEY_PAGE_UP}, {KEY_NPAGE, TOP_KEY_PAGE_DOWN}, {KEY_HOME, TOP_KEY_HOME}, {KEY_END, TOP_KEY_END},
		{KEY_ENTER, TOP_KEY_ENTER}, {'\n', TOP_KEY_ENTER}, {'\r', TOP_KEY_ENTER}, {27, TOP_KEY_ESCAPE},
	};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(keys); i++) {
		if (keys[i].curses == key)
			return keys[i].key;
	}
	return key < 256 ? key : 0;
}

static void loop(struct screen *screen)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = event_fd, .events = POLLIN}};
	int key;

	while (!interrupted && !screen->view.quit) {
		draw(screen);
		if (poll(fds, 2, POLL_MS) < 0 && errno != EINTR)
			return;
		take_news(screen);
		while ((key = getch()) != ERR)
			top_view_key(&screen->view, screen->table, key_of(key));
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return; /* the terminal is gone */
	}
}

/* Colour says nothing that words do not; NO_COLOR is everybody's word for "none". */
static void choose_attributes(struct screen *screen)
{
	const char *no_color = getenv("NO_COLOR");
	attr_t *attributes = screen->attributes;

	attributes[TOP_BOLD] = A_BOLD;
	attributes[TOP_DIM] = A_DIM;
	attributes[TOP_HEAD] = A_UNDERLINE;
	attributes[TOP_CURSOR] = A_REVERSE;
	attributes[TOP_WATCH] = attributes[TOP_BAD] = A_BOLD;
	if ((no_color && *no_color) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	init_pair(1, COLOR_YELLOW, -1);
	init_pair(2, COLOR_RED, -1);
	attributes[TOP_WATCH] |= (attr_t)COLOR_PAIR(1);
	attributes[TOP_BAD] |= (attr_t)COLOR_PAIR(2);
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

static int run(struct screen *screen)
{
	SCREEN *terminal;
	int r;

	setlocale(LC_CTYPE, "");
	terminal = top_terminal_capable() ? newterm(NULL, stdout, stdin) : NULL;
	if (!terminal)
		return -ENOTTY;
	screen->lines.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	catch_signals();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	choose_attributes(screen);
	r = start_asking(screen);
	if (r == 0)
		loop(screen);
	endwin();
	delscreen(terminal);
	if (r == 0)
		stop_asking(screen);
	return r;
}

int top_screen_run(struct tfl_client *client, int interval_ms)
{
	_tfl_free_ struct screen *screen = calloc(1, sizeof(*screen));
	_tfl_close_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	if (!screen)
		return -ENOMEM;
	event_fd = fd;
	screen->interval_ms = interval_ms;
	r = top_source_create(client, &screen->source);
	if (r == 0)
		r = run(screen);
	top_source_destroy(screen->source);
	top_table_destroy(screen->table);
	top_table_destroy(screen->fresh);
	top_lines_finish(&screen->lines);
	return r;
}
