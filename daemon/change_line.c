/* SPDX-License-Identifier: MIT */
/*
 * Lines are made to leave the device: who asked for a change is in the journal and in the answer to `changes`, not here. The sentence is
 * put together without that too.
 */
#include "daemon/change_line.h"

#include <string.h>

#include "base/utf8.h"
#include "daemon/changes.h"

/* Reasons may quote a path, which may be anything. */
static const char *as_text(const char *text)
{
	return tfl_utf8_valid(text, strlen(text)) ? text : "";
}

static int set_subject(json_t *object, const struct tfl_change *change)
{
	int result = 0;

	if (change->model[0])
		result = json_object_set_new(object, "model", json_string(change->model));
	if (result == 0 && change->version)
		result = json_object_set_new(object, "version", json_integer((json_int_t)change->version));
	return result;
}

json_t *tfl_change_to_json(const struct tfl_change *change)
{
	struct tfl_change anonymous = *change;
	char sentence[TFL_CHANGE_TEXT_MAX];
	json_t *object;

	anonymous.asked = false;
	tfl_change_sentence(&anonymous, sentence);
	object = json_pack("{s:I, s:s, s:s, s:s}", "number", (json_int_t)change->number, "kind", tfl_change_to_string(change->kind), "reason",
			   change->reason ? as_text(change->reason) : "", "text", as_text(sentence));
	if (object && set_subject(object, change) == 0)
		return object;
	json_decref(object);
	return NULL;
}
