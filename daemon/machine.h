/* SPDX-License-Identifier: MIT */
/*
 * Which device this is, for splitting a fleet (route.h), without telling it: machine-id(5) asks that the id itself is kept on the machine.
 * What is used is an HMAC of it with an id of tfld's own, the same as sd_id128_get_machine_app_specific() gives, and that goes nowhere but
 * into the choice of a version.
 */
#ifndef DAEMON_MACHINE_H
#define DAEMON_MACHINE_H

#include <stdint.h>

#define TFL_MACHINE_FILE "/etc/machine-id"
#define TFL_MACHINE_BYTES 16

struct tfl_error;

/** Reads the id at @p path and hashes it. -ENOENT and what else opening it says, -EINVAL for what is no id; with a sentence. */
int tfl_machine_read(const char *path, uint8_t ret_key[static TFL_MACHINE_BYTES], struct tfl_error *error);

#endif
