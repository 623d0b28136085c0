/* SPDX-License-Identifier: MIT */
/*
 * A signature is described by its tensors alone; what the metadata says is about the main graph, and told there. So where a signature is that
 * graph under other names, the main graph's description serves for it.
 */
#include "client/signature.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

static const char *string(const struct tfl_value *map, const char *key)
{
	return tfl_value_string(tfl_value_get(map, key), "");
}

static int no_such_signature(const struct tfl_value *signatures, const char *model, const char *name, struct tfl_error *error)
{
	char known[TFL_ERROR_TEXT_MAX] = "";
	size_t used = 0;

	if (tfl_value_size(signatures) == 0)
		return tfl_error_set(error, -ENOENT, "%s has no signatures; without --signature its graph runs", model);
	for (size_t i = 0; i < tfl_value_size(signatures) && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 string(tfl_value_at(signatures, i), "signature"));
	return tfl_error_set(error, -ENOENT, "%s has no signature '%.255s'; it has: %s", model, name, known);
}

int ctl_signature_find(const struct tfl_value *description, const char *model, const char *name, struct ctl_signature *ret_signature,
		       struct tfl_error *error)
{
	const struct tfl_value *inputs = tfl_value_get(description, "inputs"), *outputs = tfl_value_get(description, "outputs");
	const struct tfl_value *signatures = tfl_value_get(description, "signatures"), *found = NULL;
	struct ctl_signature signature = {.name = name, .main = true, .inputs = inputs, .outputs = outputs, .called = inputs};

	if (!inputs)
		return tfl_error_set(error, -EAGAIN, "%s is not in service: its state is %s (%s)", model,
				     tfl_value_string(tfl_value_get(description, "state"), "unknown"),
				     tfl_value_string(tfl_value_get(description, "reason"), "no reason given"));
	for (size_t i = 0; name && i < tfl_value_size(signatures) && !found; i++)
		if (strcmp(string(tfl_value_at(signatures, i), "signature"), name) == 0)
			found = tfl_value_at(signatures, i);
	if (name && !found)
		return no_such_signature(signatures, model, name, error);
	if (found && tfl_value_get(found, "reason"))
		return tfl_error_set(error, -EOPNOTSUPP, "signature '%.255s' of %s cannot be run: %s", name, model, string(found, "reason"));
	if (found) {
		signature.called = tfl_value_get(found, "inputs");
		signature.main = tfl_value_bool(tfl_value_get(found, "main"), false) && tfl_value_size(signature.called) == tfl_value_size(inputs);
	}
	if (!signature.main) {
		signature.inputs = signature.called;
		signature.outputs = tfl_value_get(found, "outputs");
	}
	*ret_signature = signature;
	return 0;
}
