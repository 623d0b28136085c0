/* SPDX-License-Identifier: MIT */
/* The name that somebody meant who typed another one. No state. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

/** The entry of @p names that is nearest to @p name, if near enough to be a slip, else NULL. */
const char *tfl_suggest(const char *name, const char *const *names, unsigned count);

#endif
