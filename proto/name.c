/* SPDX-License-Identifier: MIT */
/*
 * A model's name is also the name of its folder in the store and appears in shell commands and metrics: hence the narrow alphabet, and no
 * dot or dash at the front.
 */
#include "proto/name.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

static_assert(TFL_MODEL_NAME_MAX == 64 && TFL_LABEL_MAX == 64, "TFL_MODEL_NAME_RULE says 64");

static bool alphanumeric(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool tfl_model_name_valid(const char *name, size_t length)
{
	if (length == 0 || length > TFL_MODEL_NAME_MAX || !alphanumeric(name[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!alphanumeric(name[i]) && name[i] != '.' && name[i] != '_' && name[i] != '-')
			return false;
	}
	return true;
}

bool tfl_label_valid(const char *label, size_t length)
{
	size_t digits = 0;

	while (digits < length && label[digits] >= '0' && label[digits] <= '9')
		digits++;
	return digits < length && tfl_model_name_valid(label, length);
}

int tfl_version_parse(const char *text, size_t length, uint64_t *ret_version)
{
	uint64_t version = 0;

	if (length == 0 || text[0] == '0')
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		unsigned digit = (unsigned)(text[i] - '0');

		if (text[i] < '0' || text[i] > '9' || version > (TFL_VERSION_MAX - digit) / 10)
			return -EINVAL;
		version = version * 10 + digit;
	}
	*ret_version = version;
	return 0;
}

int tfl_model_ref_parse(const char *text, struct tfl_model_ref *ret_ref, struct tfl_error *error)
{
	const char *at = strchr(text, '@');
	size_t length = at ? (size_t)(at - text) : strlen(text);
	struct tfl_model_ref ref = {.version = 0};

	if (!tfl_model_name_valid(text, length))
		return tfl_error_set(error, -EINVAL, "'%s' names no model: write NAME or NAME@VERSION, with a name of " TFL_MODEL_NAME_RULE,
				     text);
	if (at && tfl_version_parse(at + 1, strlen(at + 1), &ref.version) < 0) {
		if (!tfl_label_valid(at + 1, strlen(at + 1)))
			return tfl_error_set(error, -EINVAL,
					     "'%s' names no version: behind '@' stands a decimal number from 1 to %llu, or a label",
					     text, TFL_VERSION_MAX);
		strcpy(ref.label, at + 1);
	}
	memcpy(ref.name, text, length);
	*ret_ref = ref;
	return 0;
}
