/* SPDX-License-Identifier: MIT */
/*
 * What the daemon serves: models by name, their versions by number, and which version of each is active. Knows neither sockets nor
 * libuv nor clocks: the loop thread calls it, the loader tells it what happened.
 *
 * The active version of a model: the first one that becomes AVAILABLE, until another one is activated, or until it is not AVAILABLE any more; then the
 * latest that was active before and is AVAILABLE takes its place, else the greatest that is and was not rejected. (At start the loader begins with the one that was active
 * before, so that is the first.)
 *
 * Lifetime and thread: one, made by main, used on the loop thread alone.
 */
#ifndef DAEMON_REGISTRY_H
#define DAEMON_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "daemon/groups.h"
#include "daemon/machine.h"
#include "daemon/previous.h"
#include "daemon/route.h"
#include "daemon/version.h"
#include "daemon/version_labels.h"

struct tfl_error;
struct tfl_registry;

struct tfl_registry_model {
	char name[TFL_MODEL_NAME_MAX + 1];
	struct tfl_version **versions; /* ascending by number; includes versions in state END that are in the store */
	unsigned version_count;
	struct tfl_version *active;    /* borrowed from versions; NULL when none is AVAILABLE */
	struct tfl_previous previous;  /* listed versions that were active before it */
	struct tfl_version_labels labels; /* of listed versions, in whatever state */
	struct tfl_route configured;   /* what model.conf says */
	struct tfl_route chosen;       /* what an operator chose, which may be none at all … */
	bool is_chosen;                /* … if one did: tfl_registry_route_of() */
	uint64_t routed[TFL_ROUTE_SHARES_MAX]; /* requests that each share of the route in force has had … */
	struct tfl_groups groups;      /* who may use and see it (access.h) */
	uint64_t passed_over;          /* … and those that the active version has had in the place of one that was not AVAILABLE */
};

int tfl_registry_create(struct tfl_registry **ret_registry);

/** @p leave is told of each version that was listed and is not from now on: it has been replaced or removed, and still has its reference. */
void tfl_registry_watch(struct tfl_registry *registry, void (*leave)(void *data, const struct tfl_version *version), void *data);

/** Drops the references of all versions. NULL is allowed. */
void tfl_registry_destroy(struct tfl_registry *registry);

/**
 * The version that serves a request for @p name (not NUL-terminated) and @p number (0: the active one). Borrowed: the caller takes a
 * reference to keep it. Errors: -ENOENT with the names there are, -EAGAIN when it is loading, unloading or ended, with its reason.
 */
int tfl_registry_route(const struct tfl_registry *registry, const char *name, size_t name_length, uint64_t number,
		       struct tfl_version **ret_version, struct tfl_error *error);

/**
 * The version that serves a request which names none: by the route, where one is in force, else the active one. So too where the route's
 * is not AVAILABLE, or the device it asks for has no key. Borrowed, and errors, as above. @p given: the request's key, data NULL for
 * none; @p uid: whose it is.
 */
int tfl_registry_pick(struct tfl_registry *registry, const char *name, size_t name_length, const struct tfl_route_key *given, uint32_t uid,
		      struct tfl_version **ret_version, struct tfl_error *error);

/** The key of this device, for routes that ask for it; set once, before the first pick. And whether there is one. */
void tfl_registry_set_machine(struct tfl_registry *registry, const uint8_t key[static TFL_MACHINE_BYTES]);
bool tfl_registry_has_machine(const struct tfl_registry *registry);

/** The route in force; maybe an empty one. Its `shadow` is the version that gets copies, whatever the shares are. */
const struct tfl_route *tfl_registry_route_of(const struct tfl_registry_model *model);

/**
 * What an operator chose, taken as it is; NULL: nothing, and model.conf holds. Where requests are split otherwise then, what was counted
 * begins anew.
 */
void tfl_registry_choose_route(struct tfl_registry *registry, const struct tfl_registry_model *model, const struct tfl_route *route);

/** What model.conf says, likewise. Nothing for a model that is not listed. */
void tfl_registry_configure_route(struct tfl_registry *registry, const char *name, const struct tfl_route *route);

/** Who may use and see a model. Nothing for one that is not listed. */
void tfl_registry_set_groups(struct tfl_registry *registry, const char *name, const struct tfl_groups *groups);

/** Whether there may be a model that not everybody may use. */
bool tfl_registry_restricts(const struct tfl_registry *registry);

/** The sentence for a model, or a version, that does not exist: it names those that do. Both give -ENOENT. */
int tfl_registry_no_model(const struct tfl_registry *registry, const char *name, size_t length, struct tfl_error *error);
int tfl_registry_no_version(const struct tfl_registry_model *model, uint64_t number, struct tfl_error *error);

/**
 * The version that a label of a model stands for, in whatever state; neither is NUL-terminated. -ENOENT with the models, or the labels,
 * there are.
 */
int tfl_registry_find_label(const struct tfl_registry *registry, const char *name, size_t name_length, const char *label,
			    size_t label_length, struct tfl_version **ret_version, struct tfl_error *error);

/**
 * Whether a listed version is to be in memory whoever else wants its room: the active one, one that has a label, that the route in force
 * names, or that somebody asked for. The version policy may not unload these, nor the way back from the active one: the second says of
 * both.
 */
bool tfl_registry_names(const struct tfl_registry_model *model, uint64_t number); /* by a label or by the route */
bool tfl_registry_keeps(const struct tfl_registry_model *model, const struct tfl_version *version);
bool tfl_registry_needs(const struct tfl_registry_model *model, const struct tfl_version *version);

/** Models in alphabetical order, valid until the next addition or removal; as is what the next two return. */
const struct tfl_registry_model *tfl_registry_models(const struct tfl_registry *registry, unsigned *ret_count);
const struct tfl_registry_model *tfl_registry_find(const struct tfl_registry *registry, const char *name, size_t name_length);
struct tfl_version *tfl_registry_find_version(const struct tfl_registry_model *model, uint64_t number);

/** Adds a version in any state and takes a reference of its own. -EEXIST when the number is taken, -ENOSPC at the limits, -ENOMEM. */
int tfl_registry_add(struct tfl_registry *registry, struct tfl_version *version, struct tfl_error *error);

/**
 * Changes the state of a version that is listed, with the reason in words ("" for none) and the time (CLOCK_REALTIME, seconds), and moves
 * the active pointer as the rules above say.
 */
void tfl_registry_set_state(struct tfl_registry *registry, struct tfl_version *version, enum tfl_version_state state, const char *reason,
			    int64_t now);

/** Makes a listed version that is AVAILABLE the active one. The one that was it is the first of those before; it stays AVAILABLE. */
void tfl_registry_activate(struct tfl_registry *registry, struct tfl_version *version);

/**
 * Makes the version that was active before the active one, at once; there is no way back to the one that was it, but to activate it anew. *ret_version
 * is borrowed. -ENOENT when there is none before, -EAGAIN when that is not AVAILABLE, with a sentence.
 */
int tfl_registry_roll_back(struct tfl_registry *registry, const struct tfl_registry_model *model, struct tfl_version **ret_version,
			   struct tfl_error *error);

/** The latest version of its model that was active before the active one and is AVAILABLE; borrowed, NULL where there is none. */
struct tfl_version *tfl_registry_before(const struct tfl_registry *registry, const struct tfl_version *version);

/** At start: which listed versions of a model were active before. Numbers that are not listed are left out. */
void tfl_registry_set_previous(struct tfl_registry *registry, const char *name, const struct tfl_previous *previous);

/**
 * Lets a label, a valid one, stand for a listed version that is AVAILABLE, whatever it stood for before. Errors with a sentence: -EAGAIN
 * when the version is not AVAILABLE, -ENOSPC when the model has TFL_VERSION_LABELS_MAX others.
 */
int tfl_registry_set_label(struct tfl_registry *registry, const struct tfl_version *version, const char *label, struct tfl_error *error);

/** Removes a label, if it is there. */
void tfl_registry_remove_label(struct tfl_registry *registry, const struct tfl_registry_model *model, const char *label);

/** At start: the labels of a model. Those of versions that are not listed are left out. */
void tfl_registry_set_labels(struct tfl_registry *registry, const char *name, const struct tfl_version_labels *labels);

/** Puts a version in the place of a listed one of the same model and number, and drops the reference to that. Cannot fail. */
void tfl_registry_replace(struct tfl_registry *registry, struct tfl_version *version, struct tfl_version *by);

/** Forgets a version, its labels too, and drops the registry's reference; a model without versions goes too. */
void tfl_registry_remove(struct tfl_registry *registry, struct tfl_version *version);

#endif
