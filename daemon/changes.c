/* SPDX-License-Identifier: MIT */
/*
 * A ring, and a table with a row for each kind of change: what it is called on the wire and on disk, where it goes in the journal, and the
 * words between what it is about and the reason. So the same sentence stands in the journal, on the terminal and in a report.
 */
#include "daemon/changes.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/message_ids.h"
#include "base/util.h"
#include "daemon/changes_internal.h"
#include "daemon/log.h"

static const struct {
	const char *name, *message_id;
	int level;
	const char *words; /* "": the reason says it all */
} kinds[TFL_CHANGE_KINDS] = {
	[TFL_CHANGE_STARTED] = {"started", TFL_MESSAGE_STARTED, LOG_INFO, ""},
	[TFL_CHANGE_STOPPING] = {"stopping", TFL_MESSAGE_STOPPING, LOG_INFO, ""},
	[TFL_CHANGE_LOADED] = {"loaded", TFL_MESSAGE_LOADED, LOG_INFO, "is available"},
	[TFL_CHANGE_REFUSED] = {"refused", TFL_MESSAGE_REFUSED, LOG_WARNING, "is not loaded"},
	[TFL_CHANGE_ACTIVE] = {"active", TFL_MESSAGE_ACTIVE, LOG_INFO, "is the active one"},
	[TFL_CHANGE_UNLOADED] = {"unloaded", TFL_MESSAGE_UNLOADED, LOG_INFO, "is out of service"},
	[TFL_CHANGE_ERASED] = {"erased", TFL_MESSAGE_ERASED, LOG_INFO, "is erased"},
	[TFL_CHANGE_LABELLED] = {"labelled", TFL_MESSAGE_LABELLED, LOG_INFO, "is labelled"},
	[TFL_CHANGE_UNLABELLED] = {"unlabelled", TFL_MESSAGE_UNLABELLED, LOG_INFO, "is no longer labelled"},
	[TFL_CHANGE_ROUTED] = {"routed", TFL_MESSAGE_ROUTED, LOG_INFO, "is routed"},
	[TFL_CHANGE_UNROUTED] = {"unrouted", TFL_MESSAGE_UNROUTED, LOG_INFO, "is no longer routed"},
	[TFL_CHANGE_RELOADED] = {"reloaded", TFL_MESSAGE_RELOADED, LOG_INFO, ""},
	[TFL_CHANGE_CONFIGURED] = {"configured", TFL_MESSAGE_CONFIGURED, LOG_INFO, "is configured anew"},
	[TFL_CHANGE_BASELINE] = {"baseline", TFL_MESSAGE_BASELINE, LOG_INFO, "has a new baseline"},
	[TFL_CHANGE_RECORDING] = {"recording", TFL_MESSAGE_RECORDING, LOG_NOTICE, "is being recorded"},
	[TFL_CHANGE_RECORDED] = {"recorded", TFL_MESSAGE_RECORDED, LOG_NOTICE, "is not recorded any more"},
	[TFL_CHANGE_UNRECORDED] = {"samples-erased", TFL_MESSAGE_UNRECORDED, LOG_NOTICE, "has lost what was recorded"},
	[TFL_CHANGE_STABLE] = {"stable", TFL_MESSAGE_STABLE, LOG_NOTICE, "is as confident as in its baseline again"},
	[TFL_CHANGE_WATCH] = {"watch", TFL_MESSAGE_WATCH, LOG_NOTICE, "is worth watching, its confidence moves away from its baseline"},
	[TFL_CHANGE_DRIFT] = {"drift", TFL_MESSAGE_DRIFT, LOG_WARNING, "has drifted, its confidence is far from its baseline"},
	[TFL_CHANGE_TRIAL] = {"trial", TFL_MESSAGE_TRIAL, LOG_INFO, "is on trial"},
	[TFL_CHANGE_PASSED] = {"passed", TFL_MESSAGE_PASSED, LOG_NOTICE, "has passed its trial"},
	[TFL_CHANGE_REJECTED] = {"rejected", TFL_MESSAGE_REJECTED, LOG_WARNING, "is rejected"},
	[TFL_CHANGE_INTERRUPTED] = {"interrupted", TFL_MESSAGE_INTERRUPTED, LOG_NOTICE, "is no longer on trial"},
	[TFL_CHANGE_CLOCK] = {"clock", TFL_MESSAGE_CLOCK, LOG_WARNING, ""},
	[TFL_CHANGE_CONDITION] = {"condition", TFL_MESSAGE_CONDITION, LOG_ERR, ""},
	[TFL_CHANGE_CONDITION_OVER] = {"condition-over", TFL_MESSAGE_CONDITION_OVER, LOG_NOTICE, ""},
};

const char *tfl_change_to_string(enum tfl_change_kind kind)
{
	return kinds[kind].name;
}

enum tfl_change_kind tfl_change_from_string(const char *name, size_t length)
{
	unsigned kind = 0;

	while (kind < TFL_CHANGE_KINDS && (strlen(kinds[kind].name) != length || memcmp(kinds[kind].name, name, length) != 0))
		kind++;
	return (enum tfl_change_kind)kind;
}

int tfl_changes_create(tfl_changes_news news, void *data, struct tfl_changes **ret_changes)
{
	struct tfl_changes *changes = calloc(1, sizeof(*changes));

	if (!changes)
		return -ENOMEM;
	changes->news = news;
	changes->data = data;
	*ret_changes = changes;
	return 0;
}

void tfl_changes_clear(struct tfl_changes *changes)
{
	for (unsigned i = 0; i < changes->count; i++)
		free(changes->ring[(changes->first + i) % TFL_CHANGES_MAX].reason);
	changes->first = changes->count = 0;
	changes->last = 0;
}

void tfl_changes_destroy(struct tfl_changes *changes)
{
	if (!changes)
		return;
	tfl_changes_clear(changes);
	free(changes);
}

void tfl_changes_push(struct tfl_changes *changes, struct tfl_change *change)
{
	if (changes->count == TFL_CHANGES_MAX) {
		free(changes->ring[changes->first].reason);
		changes->first = (changes->first + 1) % TFL_CHANGES_MAX;
		changes->count--;
	}
	changes->ring[(changes->first + changes->count++) % TFL_CHANGES_MAX] = *change;
	changes->last = change->number;
}

/* What it is about: "version 2 of 'digits'", "model 'digits'" or nothing. */
static void subject_of(const struct tfl_change *change, char *text, size_t size)
{
	if (change->version)
		snprintf(text, size, "version %" PRIu64 " of '%s'", change->version, change->model);
	else
		snprintf(text, size, change->model[0] ? "model '%s'" : "%s", change->model);
}

const char *tfl_change_sentence(const struct tfl_change *change, char text[static TFL_CHANGE_TEXT_MAX])
{
	const char *words = kinds[change->kind].words, *reason = change->reason ? change->reason : "";
	char subject[TFL_MODEL_NAME_MAX + 48], who[32] = "";

	subject_of(change, subject, sizeof(subject));
	if (change->asked)
		snprintf(who, sizeof(who), " (uid %u)", (unsigned)change->uid);
	snprintf(text, TFL_CHANGE_TEXT_MAX, "%s%s%s%s%s%s", subject, *words ? " " : "", words, who,
		 *reason && *subject ? ": " : "", reason);
	return text;
}

#define OWN_FIELDS 5

/* The entry of the journal: what a program wants to know in fields, and the sentence for people. */
static void tell(const struct tfl_change *change, const struct tfl_change_note *note)
{
	struct tfl_log_field fields[TFL_LOG_FIELDS_MAX];
	char text[TFL_CHANGE_TEXT_MAX];
	unsigned count = 0;

	assert(note->field_count + OWN_FIELDS <= TFL_LOG_FIELDS_MAX);
	fields[count++] = (struct tfl_log_field){"TFL_CHANGE", TFL_LOG_TEXT, .text = kinds[change->kind].name};
	if (change->model[0])
		fields[count++] = (struct tfl_log_field){"TFL_MODEL", TFL_LOG_TEXT, .text = change->model};
	if (change->version)
		fields[count++] = (struct tfl_log_field){"TFL_VERSION", TFL_LOG_UINT, .uint = change->version};
	if (change->asked)
		fields[count++] = (struct tfl_log_field){"TFL_UID", TFL_LOG_UINT, .uint = change->uid};
	if (change->reason && change->reason[0])
		fields[count++] = (struct tfl_log_field){"TFL_REASON", TFL_LOG_TEXT, .text = change->reason};
	for (unsigned i = 0; i < note->field_count; i++)
		fields[count++] = note->fields[i];
	tfl_log_fields(kinds[change->kind].level, kinds[change->kind].message_id, fields, count, "%s", tfl_change_sentence(change, text));
}

/* Not longer than what is read back. Without memory, the rest is worth keeping. */
static char *copy_reason(const char *reason)
{
	struct tfl_error cut;

	tfl_error_fill(&cut, -1, "%s", reason ? reason : "");
	return strdup(cut.text);
}

void tfl_changes_record(struct tfl_changes *changes, const struct tfl_change_note *note)
{
	struct tfl_change change = {
		.number = changes ? changes->last + 1 : 0,
		.kind = note->kind,
		.version = note->version,
		.asked = note->asked,
		.uid = note->uid,
		.reason = copy_reason(note->reason),
	};

	tfl_moment_now(&change.at);
	snprintf(change.model, sizeof(change.model), "%s", note->model ? note->model : "");
	tell(&change, note);
	if (!changes || note->known) {
		free(change.reason);
		return;
	}
	tfl_changes_push(changes, &change);
	changes->unsaved = true;
	changes->news(changes->data);
}

unsigned tfl_changes_count(const struct tfl_changes *changes)
{
	return changes->count;
}

const struct tfl_change *tfl_changes_at(const struct tfl_changes *changes, unsigned index)
{
	assert(index < changes->count);
	return &changes->ring[(changes->first + index) % TFL_CHANGES_MAX];
}

const struct tfl_change *tfl_changes_last(const struct tfl_changes *changes, enum tfl_change_kind first, enum tfl_change_kind last,
					  const char *model, uint64_t version)
{
	for (unsigned i = changes ? changes->count : 0; i-- > 0;) {
		const struct tfl_change *change = tfl_changes_at(changes, i);

		if (change->kind >= first && change->kind <= last && change->version == version &&
		    strcmp(change->model, model ? model : "") == 0)
			return change;
	}
	return NULL;
}

bool tfl_changes_unsaved(const struct tfl_changes *changes)
{
	return changes->unsaved;
}

void tfl_changes_not_saved(struct tfl_changes *changes)
{
	changes->unsaved = true;
}
