/* SPDX-License-Identifier: MIT */
/* How the daemon as a whole does: what stats and metrics tell of it. */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include <stdint.h>

#include "daemon/conditions.h"

struct tfl_server;
struct tfl_writer;

struct tfl_service {
	uint64_t uptime_ns;
	uint64_t requests;       /* frames of any method */
	uint64_t resident_bytes; /* of the process; 0 where that cannot be read */
	uint64_t memory_used;    /* by versions, as memory_limit counts */
	uint64_t memory_limit;   /* 0: none */
	uint64_t connections, accepted, refused;
	uint64_t waiting, capacity; /* of the queue */
	uint64_t workers, busy;
	uint64_t conditions[TFL_CONDITION_KINDS]; /* how many of each kind stand */
};

/** Loop thread. */
void tfl_service_read(const struct tfl_server *server, struct tfl_service *ret_service);

/** Writes the key "memory" of a reply. Loop thread. */
void tfl_service_write_memory(const struct tfl_server *server, struct tfl_writer *writer);

#endif
