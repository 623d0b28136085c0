/* SPDX-License-Identifier: MIT */
#include "client/roles.h"

#include <stdio.h>

char *ctl_labels(const struct tfl_value *version, char text[static CTL_LABELS_MAX])
{
	const struct tfl_value *labels = tfl_value_get(version, "version_labels");
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < tfl_value_size(labels) && used < CTL_LABELS_MAX; i++)
		used += (size_t)snprintf(text + used, CTL_LABELS_MAX - used, "%s%s", i > 0 ? ", " : "",
					 tfl_value_string(tfl_value_at(labels, i), ""));
	return text;
}

char *ctl_roles(const struct tfl_value *version, char text[static CTL_ROLES_MAX])
{
	bool active = tfl_value_bool(tfl_value_get(version, "active"), false);
	char labels[CTL_LABELS_MAX];

	ctl_labels(version, labels);
	snprintf(text, CTL_ROLES_MAX, "%s%s%s", active ? "active" : "", active && *labels ? ", " : "", labels);
	return text;
}
