/* SPDX-License-Identifier: MIT */
/* What the terminal can do. In a file of its own, for <term.h> has macros of the shortest names ("lines", "columns"). */
#include <stdbool.h>

bool top_terminal_capable(void);

/* In this order. */
#include <curses.h>
#include <term.h>
#include <unistd.h>

bool top_terminal_capable(void)
{
	const char *place;
	bool capable;
	int found;

	if (setupterm(NULL, STDOUT_FILENO, &found) == ERR)
		return false;
	place = tigetstr("cup");
	capable = place && place != (const char *)-1;
	del_curterm(cur_term); /* the screen makes one of its own */
	return capable;
}
