/* SPDX-License-Identifier: MIT */
/* What --check-config does behind reading tfld.conf: prints what is in force, and looks at every model.conf of the models folder. */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include <stdio.h>

struct tfl_config;

/**
 * Prints the configuration to @p out, what is wrong with models to @p err, "tfld: …" a line. Touches nothing; a tfld may be serving from
 * the same folder. 0, or -EINVAL when something is wrong.
 */
int tfl_check(const struct tfl_config *config, FILE *out, FILE *err);

#endif
