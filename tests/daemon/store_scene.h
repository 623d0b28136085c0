/* SPDX-License-Identifier: MIT */
/* A store in a folder of its own ("models" in the current folder), and what its tests do with it. Failures fail the test. */
#ifndef TESTS_DAEMON_STORE_SCENE_H
#define TESTS_DAEMON_STORE_SCENE_H

#include "base/error.h"
#include "daemon/store.h"

struct scene {
	struct tfl_store *store;
	struct tfl_error error; /* of the last failure */
	struct tfl_store_entry *entries;
	unsigned entry_count;
	char remarks[4096];     /* a line each */
};

extern struct scene scene;
extern const struct tfl_origin scene_origin; /* uid 1000, pid 4242, the first second of 2026 */

void scene_setup(void);
void scene_teardown(void);

/** Closes the store and opens it again, as after a restart. */
void scene_reopen(void);

/** Copies a file with this content into staging; and publishes it. Return what the store returns. */
int scene_stage(const char *text, struct tfl_staged **ret_staged);
int scene_publish(const char *text, const char *model, uint64_t number);
void scene_must_publish(const char *text, const char *model, uint64_t number);

/** Names in the staging folder. */
unsigned scene_in_staging(void);

/** Reads a version back and compares. */
void scene_assert_content(const char *model, uint64_t number, const char *text, bool copied);

/** Opens a version that cannot be opened. */
int scene_open_error(const char *model, uint64_t number);

/** Fills entries and remarks. */
void scene_list(void);

#endif
