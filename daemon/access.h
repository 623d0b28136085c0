/* SPDX-License-Identifier: MIT */
/*
 * Which models a caller may use and look at: allow_groups of their model.conf. Who has the right to administer on its connection, root, and
 * the user of the daemon may all of them. Whoever names a model that is not for him is told so; lists leave it out. That it exists, and its
 * name, are no secret.
 *
 * Loop thread; no state. Callers' groups are those of the moment they connected.
 */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include <stdbool.h>

#include "proto/view.h"

struct tfl_call;
struct tfl_error;
struct tfl_peer;
struct tfl_registry;
struct tfl_registry_model;

/** For loops over models. */
bool tfl_access_admits(const struct tfl_call *call, const struct tfl_registry_model *model);

/** The same by its name, for what is kept about models by name; true for "" and for one that is not listed. @p data is the call. */
bool tfl_access_admits_name(const void *data, const char *model);

/** For somebody who is no caller at this moment. */
bool tfl_access_admits_peer(const struct tfl_registry *registry, const struct tfl_peer *peer, unsigned rights, const char *model);

/** Models that the caller may see. */
unsigned tfl_access_count(const struct tfl_call *call);

/** 0, also for what is not listed; -EPERM with a sentence that names the groups. */
int tfl_access_check(const struct tfl_call *call, struct tfl_string model, struct tfl_error *error);

/** The same for the key "model" of the params of any method; 0 where there is none. */
int tfl_access_check_params(const struct tfl_call *call, struct tfl_error *error);

#endif
