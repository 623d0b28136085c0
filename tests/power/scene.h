/* SPDX-License-Identifier: MIT */
/*
 * A daemon over a copy of a store, whose power can be cut; what can be asked of it, and what is seen of it afterwards. Like the harness:
 * what fails ends the test.
 */
#ifndef TESTS_POWER_SCENE_H
#define TESTS_POWER_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/power/power.h"
#include "tests/system/harness.h"

#define TREE_MAX 8192

struct scene {
	struct daemon tfld;
	struct power_page *page;
};

/**
 * A request. A model that is loaded has other weights for each name and number, but "root", which makes NaN of what it is asked; of one that is recorded
 * one request is kept.
 */
struct step {
	const char *method; /* NULL: none, but a stop in order */
	const char *model;
	uint64_t version;
	bool erase;
	const char *label; /* of label.set; NULL: none */
	bool plain;        /* model.swap: without a trial */
};

/**
 * What there is: in words, from the daemon; and on disk, every path with its kind and mode, and what each state says is active,
 * "canary" or routed. (But statistics, which come when a version is asked: what they are shows in the words.)
 */
struct seen {
	char words[2048];
	char tree[TREE_MAX];
};

/** A folder with a copy of the store at @p store, or (NULL) with an empty one. Nothing runs. */
void scene_prepare(struct scene *scene, const char *store);

/** What is to be preloaded into the daemon from its next start on; with @p traced under strace. */
void scene_arm(struct scene *scene, enum power_mode mode, uint32_t point, uint64_t seed, bool traced);

/**
 * Starts the daemon with @p configuration (NULL: none), until it is ready and writes nothing any more. Without a scene_arm() before, nothing is
 * preloaded.
 */
void scene_start(struct scene *scene, const char *configuration);

/** From now on calls count. Waits for what is written already. */
void scene_begin(struct scene *scene);

/** Sends all steps at once and waits for their replies, none of which may be a failure: how many came before the connection ended. */
unsigned scene_ask(struct scene *scene, const struct step *steps, unsigned count);

/** Waits until a version of a model is rejected, on disk too, or the daemon has ended. */
void scene_wait_rejected(struct scene *scene, const char *model);

/** Waits until no more requests to a model are being recorded. */
void scene_wait_recorded(struct scene *scene, const char *model);

/** Waits until nothing is written any more, and ends the counting: how many calls there were. */
unsigned scene_count(struct scene *scene);

/** Waits for the cut. Where the daemon has nothing to write any more, which is harder to say while it @p starts, it comes then. */
void scene_wait_cut(struct scene *scene, bool starts);

/** Kills the daemon, whose count is known. */
void scene_kill(struct scene *scene);

/** What there is now. Each version that is AVAILABLE is asked, and has to answer what its weights make of it. */
void scene_look(struct scene *scene, struct seen *ret_seen);

/** The end, in order where the daemon runs. The folder goes. */
void scene_finish(struct scene *scene);

#endif
