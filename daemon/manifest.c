/* SPDX-License-Identifier: MIT */
/*
 * The texts are read through a table of their keys. A value is checked by its key's function and lands in the struct; what is required
 * is looked for at the end.
 */
#include "daemon/manifest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/keyfile.h"
#include "proto/name.h"

#define FORMAT 1

struct key {
	const char *section, *name;
	int (*take)(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error);
	size_t offset; /* of the target in the struct that is filled */
};

/* A text being parsed. */
struct parse {
	const struct key *keys;
	void *result;
};

static int take_by_table(void *data, const struct tfl_keyfile_entry *entry, struct tfl_error *error)
{
	const struct parse *parse = data;

	for (const struct key *key = parse->keys; key->section; key++)
		if (strcmp(key->section, entry->section) == 0 && (!key->name || strcmp(key->name, entry->key) == 0))
			return key->take(entry, (char *)parse->result + key->offset, error);
	return 0;
}

static int take_format(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	uint64_t format;
	int result = tfl_keyfile_number(entry, 1, UINT32_MAX, &format, error);

	if (result == 0 && format > FORMAT)
		return tfl_keyfile_error(entry, error, "format %" PRIu64 " was written by a later tfld; this one knows format %d", format,
					 FORMAT);
	return result;
}

static int take_sha256(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	if (strlen(entry->value) != TFL_SHA256_TEXT - 1 || strspn(entry->value, "0123456789abcdef") != TFL_SHA256_TEXT - 1)
		return tfl_keyfile_error(entry, error, "%s = '%s', expected 64 digits of 0 to 9 and a to f", entry->key, entry->value);
	memcpy(target, entry->value, TFL_SHA256_TEXT);
	return 0;
}

static int take_size(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	return tfl_keyfile_number(entry, 1, TFL_MODEL_BYTES_MAX, target, error);
}

static int take_source(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	tfl_manifest_set_text(target, TFL_MANIFEST_SOURCE_MAX, entry->value);
	return 0;
}

static int take_id(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	uint64_t id;
	int result = tfl_keyfile_number(entry, 0, UINT32_MAX, &id, error);

	if (result == 0)
		sprintf(target, "%" PRIu64, id);
	return result;
}

static int take_time(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	tfl_manifest_set_text(target, TFL_TIME_TEXT, entry->value);
	return 0;
}

static const struct key manifest_keys[] = {
	{ "manifest", "format", take_format, 0 },
	{ "manifest", "sha256", take_sha256, offsetof(struct tfl_manifest, content.sha256) },
	{ "manifest", "size", take_size, offsetof(struct tfl_manifest, content.size) },
	{ "manifest", "source", take_source, offsetof(struct tfl_manifest, source) },
	{ "manifest", "uid", take_id, offsetof(struct tfl_manifest, uid) },
	{ "manifest", "pid", take_id, offsetof(struct tfl_manifest, pid) },
	{ "manifest", "time", take_time, offsetof(struct tfl_manifest, time) },
	{ NULL, NULL, NULL, 0 },
};

static int take_tfld(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	tfl_manifest_set_text(target, TFL_PROOF_TFLD_MAX, entry->value);
	return 0;
}

static int take_number(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	return tfl_keyfile_number(entry, 0, INT64_MAX, target, error);
}

static int take_small_number(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	uint64_t number;
	int result = tfl_keyfile_number(entry, 0, TFL_SAMPLES_MAX, &number, error);

	if (result == 0)
		*(uint32_t *)target = (uint32_t)number;
	return result;
}

/* In the order of the outputs; their numbers are for people. */
static int take_digest(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	struct tfl_proof *proof = target;

	if (proof->digest_count == TFL_PROOF_DIGESTS_MAX)
		return tfl_keyfile_error(entry, error, "more than %d digests", TFL_PROOF_DIGESTS_MAX);
	return take_sha256(entry, proof->digests[proof->digest_count++], error);
}

#define PROOF(member) offsetof(struct tfl_proof_note, proof.member)

static const struct key proof_keys[] = {
	{ "proof", "format", take_format, 0 },
	{ "proof", "sha256", take_sha256, offsetof(struct tfl_proof_note, sha256) },
	{ "proof", "tfld", take_tfld, offsetof(struct tfl_proof_note, tfld) },
	{ "proof", "time", take_time, PROOF(time) },
	{ "proof", "load_ns", take_number, PROOF(load_ns) },
	{ "proof", "run_ns", take_number, PROOF(run_ns) },
	{ "proof", "packed_bytes", take_number, PROOF(packed_bytes) },
	{ "proof", "interpreter_bytes", take_number, PROOF(interpreter_bytes) },
	{ "proof", "peak_bytes", take_number, PROOF(peak_bytes) },
	{ "proof", "samples", take_small_number, PROOF(samples) },
	{ "proof", "infinite", take_small_number, PROOF(infinite) },
	{ "proof", "means", take_small_number, PROOF(means) },
	{ "outputs", NULL, take_digest, offsetof(struct tfl_proof_note, proof) },
	{ NULL, NULL, NULL, 0 },
};

static int take_active(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	return tfl_keyfile_number(entry, 0, TFL_VERSION_MAX, target, error);
}

/* "2 1": the latest first. */
static int take_previous(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	const char *text = entry->value;
	struct tfl_previous *previous = target;

	*previous = (struct tfl_previous){ 0 };
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t length = strcspn(text, " ");
		uint64_t number;

		if (previous->count == TFL_PREVIOUS_MAX || tfl_version_parse(text, length, &number) < 0 || tfl_previous_find(previous, number))
			return tfl_keyfile_error(entry, error, "'%s' is no list of versions, expected at most %d numbers from 1 on, each once",
						 entry->value, TFL_PREVIOUS_MAX);
		previous->numbers[previous->count++] = number;
		text += length;
	}
	return 0;
}

/* A version with a note, for one of the two lists. */
static int take_note(const struct tfl_keyfile_entry *entry, struct tfl_state *state,
		     const char *(*find)(const struct tfl_state *state, uint64_t number),
		     int (*set)(struct tfl_state *state, uint64_t number, const char *note), struct tfl_error *error)
{
	uint64_t number;

	if (tfl_version_parse(entry->key, strlen(entry->key), &number) < 0)
		return tfl_keyfile_error(entry, error, "'%s' is no version, expected a number from 1 on", entry->key);
	if (find(state, number))
		return tfl_keyfile_error(entry, error, "version %" PRIu64 " was there already", number);
	if (set(state, number, entry->value) < 0)
		return tfl_keyfile_error(entry, error, "more than %d versions", TFL_VERSIONS_MAX);
	return 0;
}

/* "canary = 2" */
static int take_label(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	struct tfl_version_labels *labels = target;
	uint64_t number;

	if (!tfl_label_valid(entry->key, strlen(entry->key)))
		return tfl_keyfile_error(entry, error, "'%s' is no label, expected " TFL_LABEL_RULE, entry->key);
	if (tfl_version_parse(entry->value, strlen(entry->value), &number) < 0)
		return tfl_keyfile_error(entry, error, "%s = '%s', expected the number of a version", entry->key, entry->value);
	if (tfl_version_labels_find(labels, entry->key, strlen(entry->key)))
		return tfl_keyfile_error(entry, error, "label '%s' was there already", entry->key);
	if (tfl_version_labels_set(labels, entry->key, number) < 0)
		return tfl_keyfile_error(entry, error, "more than %d labels", TFL_VERSION_LABELS_MAX);
	return 0;
}

static int take_unloaded(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	return take_note(entry, target, tfl_state_unloaded, tfl_state_set_unloaded, error);
}

static int take_rejected(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	return take_note(entry, target, tfl_state_rejected, tfl_state_set_rejected, error);
}

/* "1=90 2=10", or a part of it, in several lines; that it is there says that somebody chose the route. */
static int take_route(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	struct tfl_state *state = target;
	struct tfl_error why;

	if (tfl_route_add(entry->value, &state->route, &why) < 0)
		return tfl_keyfile_error(entry, error, "%s: %s", entry->key, why.text);
	state->routed = true;
	return 0;
}

static int take_salt(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	size_t length = strlen(entry->value);

	if (length > TFL_ROUTE_SALT_MAX || (length > 0 && !tfl_model_name_valid(entry->value, length)))
		return tfl_keyfile_error(entry, error, "'%s' is no salt, expected " TFL_MODEL_NAME_RULE, entry->value);
	memset(target, 0, TFL_ROUTE_SALT_MAX + 1);
	memcpy(target, entry->value, length);
	return 0;
}

static int take_route_key(const struct tfl_keyfile_entry *entry, void *target, struct tfl_error *error)
{
	uint32_t by = tfl_route_by_from_string(entry->value, strlen(entry->value));

	if (by == TFL_ROUTE_BY_KINDS)
		return tfl_keyfile_error(entry, error, "%s = '%s', expected request or machine-id", entry->key, entry->value);
	*(uint32_t *)target = by;
	return 0;
}

static const struct key state_keys[] = {
	{ "state", "format", take_format, 0 },
	{ "state", "active", take_active, offsetof(struct tfl_state, active) },
	{ "state", "previous", take_previous, offsetof(struct tfl_state, previous) },
	{ "unloaded", NULL, take_unloaded, 0 },
	{ "labels", NULL, take_label, offsetof(struct tfl_state, labels) },
	{ "route", "versions", take_route, 0 },
	{ "route", "salt", take_salt, offsetof(struct tfl_state, route.salt) },
	{ "route", "key", take_route_key, offsetof(struct tfl_state, route.by) },
	{ "route", "shadow", take_active, offsetof(struct tfl_state, route.shadow) },
	{ "rejected", NULL, take_rejected, 0 },
	{ "trial", "id", take_number, offsetof(struct tfl_state, trial.id) },
	{ "trial", "candidate", take_active, offsetof(struct tfl_state, trial.candidate) },
	{ "trial", "previous", take_active, offsetof(struct tfl_state, trial.previous) },
	{ "trial", "requests", take_number, offsetof(struct tfl_state, trial.requests) },
	{ "trial", "seconds", take_number, offsetof(struct tfl_state, trial.seconds) },
	{ NULL, NULL, NULL, 0 },
};

int tfl_manifest_parse(const char *path, const char *text, size_t length, struct tfl_manifest *ret_manifest, struct tfl_error *error)
{
	struct tfl_manifest manifest = { 0 };
	struct parse parse = { manifest_keys, &manifest };
	int result = tfl_keyfile_parse(path, text, length, take_by_table, &parse, NULL, error);

	if (result < 0)
		return result;
	if (!manifest.content.sha256[0] || manifest.content.size == 0)
		return tfl_error_set(error, -EINVAL, "%s: [manifest] has no %s", path, manifest.content.size ? "sha256" : "size");
	*ret_manifest = manifest;
	return 0;
}

int tfl_proof_note_parse(const char *path, const char *text, size_t length, struct tfl_proof_note *ret_note, struct tfl_error *error)
{
	struct tfl_proof_note note = { 0 };
	struct parse parse = { proof_keys, &note };
	int result = tfl_keyfile_parse(path, text, length, take_by_table, &parse, NULL, error);

	if (result < 0)
		return result;
	if (!note.sha256[0] || !note.tfld[0] || !note.proof.time[0])
		return tfl_error_set(error, -EINVAL, "%s: [proof] has no %s", path,
				     !note.sha256[0] ? "sha256" : note.tfld[0] ? "time" : "tfld");
	*ret_note = note;
	return 0;
}

int tfl_state_parse(const char *path, const char *text, size_t length, struct tfl_state *ret_state, struct tfl_error *error)
{
	struct tfl_state state = { 0 };
	struct parse parse = { state_keys, &state };
	int result = tfl_keyfile_parse(path, text, length, take_by_table, &parse, NULL, error);

	/* Half a trial is none. */
	if (!state.trial.id || !state.trial.candidate || !state.trial.previous || state.trial.candidate == state.trial.previous)
		state.trial = (struct tfl_state_trial){ 0 };
	if (result == 0)
		*ret_state = state;
	return result;
}

size_t tfl_manifest_format(const struct tfl_manifest *manifest, char text[static TFL_MANIFEST_TEXT_MAX])
{
	return (size_t)snprintf(text, TFL_MANIFEST_TEXT_MAX,
				"[manifest]\nformat = %d\nsha256 = %s\nsize = %" PRIu64 "\nsource = %s\nuid = %s\npid = %s\ntime = %s\n",
				FORMAT, manifest->content.sha256, manifest->content.size, manifest->source, manifest->uid, manifest->pid,
				manifest->time);
}

/* Adds to a text of @p length; the length then. What the structs can hold fits. */
__attribute__((format(printf, 3, 4))) static size_t append(char text[static TFL_MANIFEST_TEXT_MAX], size_t length, const char *format, ...)
{
	const size_t room = TFL_MANIFEST_TEXT_MAX - length;
	va_list args;
	int added;

	va_start(args, format);
	added = vsnprintf(text + length, room, format, args);
	va_end(args);
	assert(added >= 0 && (size_t)added < room);
	return length + (size_t)added;
}

size_t tfl_proof_note_format(const struct tfl_proof_note *note, char text[static TFL_MANIFEST_TEXT_MAX])
{
	const struct tfl_proof *proof = &note->proof;
	size_t length = append(text, 0,
			       "[proof]\nformat = %d\nsha256 = %s\ntfld = %s\ntime = %s\nload_ns = %" PRIu64 "\nrun_ns = %" PRIu64
			       "\npacked_bytes = %" PRIu64 "\ninterpreter_bytes = %" PRIu64 "\npeak_bytes = %" PRIu64
			       "\nsamples = %u\ninfinite = %u\nmeans = %u\n\n[outputs]\n",
			       FORMAT, note->sha256, note->tfld, proof->time, proof->load_ns, proof->run_ns, proof->packed_bytes,
			       proof->interpreter_bytes, proof->peak_bytes, proof->samples, proof->infinite, proof->means);

	for (uint32_t i = 0; i < proof->digest_count; i++)
		length = append(text, length, "%u = %s\n", i, proof->digests[i]);
	return length;
}

/* Two lists of 64 notes of at most 120 bytes, and all the rest, fit. */
static size_t append_notes(char text[static TFL_MANIFEST_TEXT_MAX], size_t length, const char *section, const struct tfl_state_note *notes,
			   unsigned count)
{
	if (count > 0)
		length = append(text, length, "\n[%s]\n", section);
	for (unsigned i = 0; i < count; i++)
		length = append(text, length, "%" PRIu64 " = %s\n", notes[i].number, notes[i].text);
	return length;
}

static size_t append_labels(char text[static TFL_MANIFEST_TEXT_MAX], size_t length, const struct tfl_version_labels *labels)
{
	if (labels->count > 0)
		length = append(text, length, "\n[labels]\n");
	for (unsigned i = 0; i < labels->count; i++)
		length = append(text, length, "%s = %" PRIu64 "\n", labels->list[i].name, labels->list[i].number);
	return length;
}

/* A line of all shares could be longer than one that is read. */
static size_t append_route(char text[static TFL_MANIFEST_TEXT_MAX], size_t length, const struct tfl_route *route)
{
	length = append(text, length, "\n[route]\n");
	if (route->count == 0)
		length = append(text, length, "versions =\n");
	for (unsigned i = 0; i < route->count; i++)
		length = append(text, length, "versions = %" PRIu64 "=%" PRIu64 "\n", route->shares[i].number, route->shares[i].weight);
	return append(text, length, "salt = %s\nkey = %s\nshadow = %" PRIu64 "\n", route->salt, tfl_route_by_to_string(route->by),
		      route->shadow);
}

static size_t append_trial(char text[static TFL_MANIFEST_TEXT_MAX], size_t length, const struct tfl_state_trial *trial)
{
	return append(text, length,
		      "\n[trial]\nid = %" PRIu64 "\ncandidate = %" PRIu64 "\nprevious = %" PRIu64 "\nrequests = %" PRIu64
		      "\nseconds = %" PRIu64 "\n",
		      trial->id, trial->candidate, trial->previous, trial->requests, trial->seconds);
}

size_t tfl_state_format(const struct tfl_state *state, char text[static TFL_MANIFEST_TEXT_MAX])
{
	size_t length = append(text, 0, "[state]\nformat = %d\nactive = %" PRIu64 "\nprevious =", FORMAT, state->active);

	for (unsigned i = 0; i < state->previous.count; i++)
		length = append(text, length, " %" PRIu64, state->previous.numbers[i]);
	length = append(text, length, "\n");
	length = append_notes(text, length, "unloaded", state->unloaded, state->unloaded_count);
	length = append_notes(text, length, "rejected", state->rejected, state->rejected_count);
	length = append_labels(text, length, &state->labels);
	if (state->routed)
		length = append_route(text, length, &state->route);
	if (state->trial.id)
		length = append_trial(text, length, &state->trial);
	return length;
}

/* Where the note of a version stands, or @p count. */
static unsigned find_note(const struct tfl_state_note *notes, unsigned count, uint64_t number)
{
	unsigned i = 0;

	while (i < count && notes[i].number != number)
		i++;
	return i;
}

static int set_note(struct tfl_state_note *notes, unsigned *count, uint64_t number, const char *text)
{
	unsigned i = find_note(notes, *count, number);

	if (!text) {
		if (i < *count)
			notes[i] = notes[--*count];
		return 0;
	}
	if (i == TFL_VERSIONS_MAX)
		return -ENOSPC;
	if (i == *count)
		++*count;
	notes[i].number = number;
	tfl_manifest_set_text(notes[i].text, sizeof(notes[i].text), text);
	return 0;
}

const char *tfl_state_unloaded(const struct tfl_state *state, uint64_t number)
{
	unsigned i = find_note(state->unloaded, state->unloaded_count, number);

	return i < state->unloaded_count ? state->unloaded[i].text : NULL;
}

int tfl_state_set_unloaded(struct tfl_state *state, uint64_t number, const char *text)
{
	return set_note(state->unloaded, &state->unloaded_count, number, text);
}

const char *tfl_state_rejected(const struct tfl_state *state, uint64_t number)
{
	unsigned i = find_note(state->rejected, state->rejected_count, number);

	return i < state->rejected_count ? state->rejected[i].text : NULL;
}

int tfl_state_set_rejected(struct tfl_state *state, uint64_t number, const char *text)
{
	return set_note(state->rejected, &state->rejected_count, number, text);
}

void tfl_manifest_set_text(char *to, size_t size, const char *text)
{
	size_t length = 0;

	for (; text[length] && length < size - 1; length++) {
		unsigned char c = (unsigned char)text[length];

		to[length] = c < 0x20 || c >= 0x7f || c == ';' ? '?' : (char)c;
	}
	to[length] = '\0';
}

void tfl_time_format(int64_t seconds, char text[static TFL_TIME_TEXT])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	if (!gmtime_r(&time, &parts) || strftime(text, TFL_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		strcpy(text, "unknown");
}
