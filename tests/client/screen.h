/* SPDX-License-Identifier: MIT */
/*
 * A terminal for a test: a program runs in a pseudo terminal that says it is a VT52, whose ten sequences are followed here, and what
 * stands on its screen can be read. Every wait ends, with the screen in the message, when what is waited for does not come.
 */
#ifndef TESTS_CLIENT_SCREEN_H
#define TESTS_CLIENT_SCREEN_H

#include <stdbool.h>

/** Starts the tflctl that $TFLCTL names; @p args NULL at the end; @p locale as $LC_ALL, @p terminal as $TERM: "vt52", or one with less. */
void screen_start(const char *const args[], const char *locale, const char *terminal, unsigned columns, unsigned rows);

/** Types. */
void screen_type(const char *keys);

void screen_resize(unsigned columns, unsigned rows);

/** Waits until a line has @p text, or (@p there false) none has. */
void screen_wait(const char *text, bool there);

/** Line @p row, until the next call. */
const char *screen_line(unsigned row);

/** Waits until the program ends, and checks that it left the terminal as it found it. Its exit status; 128 and more: the signal. */
int screen_end(void);

/** Sends it a signal. */
void screen_kill(int signal);

#endif
