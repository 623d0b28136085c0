/* SPDX-License-Identifier: MIT */
#include "client/roles.h"

#include <stdio.h>

#include "base/util.h"

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

static void join(const struct tfl_value *version, bool active, char text[static CTL_ROLES_MAX])
{
	double share = tfl_value_double(tfl_value_get(version, "share"), 0);
	char labels[CTL_LABELS_MAX], percent[24] = "";
	const char *parts[] = {
		tfl_value_bool(tfl_value_get(version, "trial"), false) ? "on trial" : "",
		active ? "active" : "",
		ctl_labels(version, labels),
		percent,
		tfl_value_bool(tfl_value_get(version, "shadow"), false) ? "shadow" : "",
	};
	size_t used = 0;

	if (share > 0 && share <= 1)
		snprintf(percent, sizeof(percent), "%.3g %%", 100 * share);
	text[0] = '\0';
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(parts); i++)
		if (*parts[i] && used < CTL_ROLES_MAX)
			used += (size_t)snprintf(text + used, CTL_ROLES_MAX - used, "%s%s", used ? ", " : "", parts[i]);
}

char *ctl_roles(const struct tfl_value *version, char text[static CTL_ROLES_MAX])
{
	join(version, tfl_value_bool(tfl_value_get(version, "active"), false), text);
	return text;
}

char *ctl_other_roles(const struct tfl_value *version, char text[static CTL_ROLES_MAX])
{
	join(version, false, text);
	return text;
}
