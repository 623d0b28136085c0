/* SPDX-License-Identifier: MIT */
/*
 * Names for versions of one model: "stable", "canary" or whatever an operator likes. A label stands for one version, and a version may
 * have several. They have nothing to do with the labels of a model's classes. Plain data, in the order of the alphabet, and equal where
 * the bytes are; zeroed memory is none.
 */
#ifndef DAEMON_VERSION_LABELS_H
#define DAEMON_VERSION_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct tfl_version_label {
	char name[TFL_LABEL_MAX + 1];
	uint64_t number;
};

struct tfl_version_labels {
	struct tfl_version_label list[TFL_VERSION_LABELS_MAX];
	unsigned count;
};

/** What a label (not NUL-terminated) stands for; 0: there is none of that name. */
uint64_t tfl_version_labels_find(const struct tfl_version_labels *labels, const char *name, size_t length);

/** Whether a version has any. */
bool tfl_version_labels_has(const struct tfl_version_labels *labels, uint64_t number);

/** Lets a label, which is a valid one, stand for a version, whatever it stood for before. -ENOSPC for one more than there may be. */
int tfl_version_labels_set(struct tfl_version_labels *labels, const char *name, uint64_t number);

/** Removes a label, if it is there; or all of a version. */
void tfl_version_labels_remove(struct tfl_version_labels *labels, const char *name);
void tfl_version_labels_drop(struct tfl_version_labels *labels, uint64_t number);

#endif
