/* SPDX-License-Identifier: MIT */
/*
 * Names of the schema's numbers, for messages. One table, made from the same list as the enum.
 */
#include "runtime/schema.h"

#include "base/util.h"

static const char *const builtin_names[] = {
#define X(code, name) [code] = #name,
	TFL_BUILTINS(X)
#undef X
};

const char *tfl_builtin_to_string(unsigned code)
{
	return code < TFL_ARRAY_SIZE(builtin_names) ? builtin_names[code] : "unknown";
}
