/* SPDX-License-Identifier: MIT */
#include "daemon/policy.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "proto/name.h"

/* The rest of @p text behind a word and at least one blank; NULL when it begins with something else. */
static const char *after(const char *text, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(text, word, length) != 0 || text[length] != ' ')
		return NULL;
	return text + length + strspn(text + length, " ");
}

static int parse_numbers(const char *text, struct tfl_policy *policy)
{
	while (*text) {
		size_t length = strcspn(text, " ");

		if (policy->count == TFL_POLICY_NUMBERS_MAX || tfl_version_parse(text, length, &policy->numbers[policy->count++]) < 0)
			return -EINVAL;
		text += length;
		text += strspn(text, " ");
	}
	return policy->count > 0 ? 0 : -EINVAL;
}

int tfl_policy_parse(const char *text, struct tfl_policy *ret_policy)
{
	struct tfl_policy policy = {.latest = strcmp(text, "latest") == 0};
	const char *rest;
	uint64_t latest;
	int result = 0;

	if (policy.latest || strcmp(text, "all") == 0) {
		*ret_policy = policy;
		return 0;
	}
	if ((rest = after(text, "latest"))) {
		result = tfl_version_parse(rest, strlen(rest), &latest);
		if (result == 0 && latest > TFL_VERSIONS_MAX)
			result = -EINVAL;
		policy.latest = result == 0 ? (unsigned)latest : 0;
	} else if ((rest = after(text, "specific"))) {
		result = parse_numbers(rest, &policy);
	} else {
		result = -EINVAL;
	}
	if (result < 0)
		return -EINVAL;
	*ret_policy = policy;
	return 0;
}

bool tfl_policy_wants(const struct tfl_policy *policy, uint64_t number, unsigned greater)
{
	for (unsigned i = 0; i < policy->count; i++)
		if (policy->numbers[i] == number)
			return true;
	return policy->count == 0 && (policy->latest == 0 || greater < policy->latest);
}
