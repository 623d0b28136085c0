/* SPDX-License-Identifier: MIT */
/* What a version does that gets copies of requests and never answers, as stats and route.get tell it, for people. */
#ifndef CLIENT_SHADOW_H
#define CLIENT_SHADOW_H

struct tfl_value;

/** Lines about the shadow of @p model (its name); none where @p shadow is empty. */
void ctl_shadow_print(const struct tfl_value *model, const struct tfl_value *shadow);

/** "12 OK, 1 INTERNAL": how requests ended. */
void ctl_results_print(const struct tfl_value *results);

#endif
