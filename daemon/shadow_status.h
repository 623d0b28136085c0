/* SPDX-License-Identifier: MIT */
/* What is known of a model's shadow, as entries of a map in a reply; doc/protocol.md names them. Loop thread. */
#ifndef DAEMON_SHADOW_STATUS_H
#define DAEMON_SHADOW_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct tfl_recorder_summary;
struct tfl_server;
struct tfl_version;
struct tfl_writer;

/**
 * @p key and a map: of the shadow of @p model, where it is version @p number (0: whichever it is); empty where it is not. @p summary is
 * memory to work in.
 */
void tfl_shadow_write(struct tfl_writer *writer, const char *key, const struct tfl_server *server, const char *model, uint64_t number,
		      bool buckets,
		      struct tfl_recorder_summary *summary);

/** The same without buckets, with memory of its own: without any the map is empty. */
void tfl_shadow_write_alone(struct tfl_writer *writer, const char *key, const struct tfl_server *server, const char *model,
			    uint64_t number);

#endif
