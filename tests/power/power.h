/* SPDX-License-Identifier: MIT */
/* What a test tells the library that it preloads into a daemon (interpose.c), in the file that $POWER_PAGE names, mapped by both. */
#ifndef TESTS_POWER_POWER_H
#define TESTS_POWER_POWER_H

#include <stdint.h>
#include <sys/types.h>

#define POWER_PATH_MAX 4096

/** What becomes, at the cut, of that which was not made durable. */
enum power_mode {
	POWER_KEEP,  /* all of it stays: the process was killed, the system goes on */
	POWER_EMPTY, /* it never was; a file that stays has none of its data */
	POWER_HALF,  /* likewise; each write of such a file came to its half */
	POWER_ZEROS, /* likewise; such a file has its length and no data */
	POWER_SOME,  /* of each operation a die decides, by the seed */
	POWER_MODES
};

enum power_command {
	POWER_NONE, /* what the library sets when it has done the other */
	POWER_ARM,
	POWER_STOP, /* counting */
	POWER_CUT,  /* now */
};

struct power_page {
	char folder[128];  /* what calls have to be about */
	char rubbish[128]; /* a folder beside it, for what has to be kept to be undone */
	pid_t pid;         /* the process that is cut: the first that maps the page while this is 0 */
	uint32_t command;
	uint32_t armed;
	uint32_t mode;
	uint32_t point;    /* cut before this call, the first being 1; 0: only when told */
	uint32_t calls;    /* ever, armed or not: as long as it moves, the daemon is busy */
	uint32_t count;    /* since it was armed */
	uint64_t seed;
	char where[160];   /* what would have been the call */
};

#endif
