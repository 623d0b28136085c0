/* SPDX-License-Identifier: MIT */
/* What a version is for, as model.list and model.describe tell it. */
#ifndef CLIENT_ROLES_H
#define CLIENT_ROLES_H

#include "base/limits.h"
#include "client/tflclient.h"

#define CTL_LABELS_MAX (TFL_VERSION_LABELS_MAX * (TFL_LABEL_MAX + 2))
#define CTL_ROLES_MAX (CTL_LABELS_MAX + 48)

/** "canary, stable": the labels of a version, "" for none. Returns @p text. */
char *ctl_labels(const struct tfl_value *version, char text[static CTL_LABELS_MAX]);

/** "on trial, active, stable, 90 %": likewise, with what else it is: its share of a route, a shadow. Returns @p text. */
char *ctl_roles(const struct tfl_value *version, char text[static CTL_ROLES_MAX]);

/** The same without "active", for where that stands beside it. Returns @p text. */
char *ctl_other_roles(const struct tfl_value *version, char text[static CTL_ROLES_MAX]);

#endif
