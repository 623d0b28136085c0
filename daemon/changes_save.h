/* SPDX-License-Identifier: MIT */
/* How the changes get to the store and back: read at start, written by the loader whenever there is something new. Loop thread. */
#ifndef DAEMON_CHANGES_SAVE_H
#define DAEMON_CHANGES_SAVE_H

struct tfl_server;

/** Reads what changed in the runs before, and begins anew where that cannot be read. At start, before there is a loader. */
void tfl_changes_load(struct tfl_server *server);

/** Has the changes written down where there is news. While that fails a condition stands; whoever calls again tries again. */
void tfl_changes_save(struct tfl_server *server);

/** The same at the end, when there is no loader any more. */
void tfl_changes_save_last(struct tfl_server *server);

#endif
