/* SPDX-License-Identifier: MIT */
/*
 * libsystemd merges the files that it may open, and silently leaves out those it may not: an ordinary user would see an empty journal. So
 * the files of the system's journal are looked at first.
 */
#include "client/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/message_ids.h"
#include "base/util.h"
#include "client/print.h"

#ifdef HAVE_SYSTEMD

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#define FIELD_BYTES_MAX 4096 /* of a field that is shown; more is cut */

static const char *const ids[] = {TFL_MESSAGE_PERIOD, TFL_MESSAGES_OF_CHANGES};

struct ctl_journal {
	sd_journal *files;
	bool standing; /* on an entry that ctl_journal_next() has not given yet */
	uint64_t since_us;
};

static int failed(int code, const char *doing, struct tfl_error *error)
{
	return tfl_error_set(error, code, "the journal cannot be %s: %s", doing, strerror(-code));
}

/* Whether the system's journal may be read, in either of the places where it is kept. */
static int check_access(struct tfl_error *error)
{
	static const char *const roots[] = {"/var/log/journal", "/run/log/journal"};
	char machine[SD_ID128_STRING_MAX] = "", path[128], denied[128] = "";
	sd_id128_t id;

	if (sd_id128_get_machine(&id) == 0)
		sd_id128_to_string(id, machine);
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(roots); i++) {
		snprintf(path, sizeof(path), "%s/%s/system.journal", roots[i], machine);
		if (access(path, R_OK) == 0)
			return 0;
		if (errno == EACCES)
			strcpy(denied, path);
	}
	if (denied[0])
		return tfl_error_set(error, -EACCES, "%s may not be read by this user; root may, and members of the group systemd-journal "
				     "or adm", denied);
	return tfl_error_set(error, -ENOENT, "there is no journal on this device: nothing in /var/log/journal or /run/log/journal");
}

/* Matches of one field are alternatives, those of different fields all have to hold. */
static int match(sd_journal *files, const struct ctl_journal_filter *filter)
{
	char text[128];
	int r = 0;

	if (filter->audit)
		r = sd_journal_add_match(files, "MESSAGE_ID=" TFL_MESSAGE_AUDIT, 0);
	for (unsigned i = filter->changes; !filter->audit && i < TFL_ARRAY_SIZE(ids) && r >= 0; i++) { /* the first is no change */
		snprintf(text, sizeof(text), "MESSAGE_ID=%s", ids[i]);
		r = sd_journal_add_match(files, text, 0);
	}
	if (r >= 0 && filter->model) {
		snprintf(text, sizeof(text), "TFL_MODEL=%s", filter->model);
		r = sd_journal_add_match(files, text, 0);
	}
	if (r >= 0 && filter->version) {
		snprintf(text, sizeof(text), "TFL_VERSION=%" PRIu64, filter->version);
		r = sd_journal_add_match(files, text, 0);
	}
	return r;
}

void ctl_journal_close(struct ctl_journal *journal)
{
	if (!journal)
		return;
	sd_journal_close(journal->files);
	free(journal);
}

TFL_DEFINE_CLEANUP(struct ctl_journal *, closep, ctl_journal_close)

int ctl_journal_open(const char *directory, const struct ctl_journal_filter *filter, struct ctl_journal **ret_journal,
		     struct tfl_error *error)
{
	TFL_CLEANUP(closep) struct ctl_journal *journal = NULL;
	int r = directory ? 0 : check_access(error);

	if (r < 0)
		return r;
	journal = calloc(1, sizeof(*journal));
	if (!journal)
		return tfl_error_set(error, -ENOMEM, "no memory to read the journal");
	if (directory)
		r = sd_journal_open_directory(&journal->files, directory, 0);
	else
		r = sd_journal_open(&journal->files, SD_JOURNAL_LOCAL_ONLY);
	if (r < 0 && directory)
		return tfl_error_set(error, r, "no journal can be read from %s: %s", directory, strerror(-r));
	if (r >= 0)
		r = match(journal->files, filter);
	if (r < 0)
		return failed(r, "opened", error);
	*ret_journal = TFL_STEAL(journal);
	return 0;
}

int ctl_journal_seek(struct ctl_journal *journal, uint64_t since_us, uint64_t lines, struct tfl_error *error)
{
	int r = sd_journal_seek_tail(journal->files);

	if (r >= 0)
		r = sd_journal_previous_skip(journal->files, lines);
	if (r < 0)
		return failed(r, "read", error);
	journal->standing = r > 0;
	journal->since_us = since_us;
	return 0;
}

int ctl_journal_next(struct ctl_journal *journal, struct tfl_error *error)
{
	for (;;) {
		int r = journal->standing ? 1 : sd_journal_next(journal->files);

		journal->standing = false;
		if (r < 0)
			return failed(r, "read", error);
		if (r == 0 || ctl_journal_time_us(journal) >= journal->since_us)
			return r;
	}
}

int ctl_journal_wait(struct ctl_journal *journal, struct tfl_error *error)
{
	int r = sd_journal_wait(journal->files, UINT64_MAX);

	return r < 0 ? failed(r, "waited for", error) : 0;
}

uint64_t ctl_journal_time_us(struct ctl_journal *journal)
{
	uint64_t time_us = 0;

	sd_journal_get_realtime_usec(journal->files, &time_us);
	return time_us;
}

/* "NAME=value" as the journal has it: the value, cut, the caller's. "" where there is none; NULL without memory. */
static char *field_of(struct ctl_journal *journal, const char *name)
{
	size_t length = 0, skip = strlen(name) + 1;
	const void *data;

	if (sd_journal_get_data(journal->files, name, &data, &length) < 0 || length < skip)
		return strdup("");
	length -= skip;
	return strndup((const char *)data + skip, length < FIELD_BYTES_MAX ? length : FIELD_BYTES_MAX);
}

char *ctl_journal_text(struct ctl_journal *journal)
{
	return field_of(journal, "MESSAGE");
}

/* All fields that are tfld's, as texts. */
static json_t *json_of_fields(struct ctl_journal *journal)
{
	json_t *fields = json_object();
	const void *data;
	size_t length;

	SD_JOURNAL_FOREACH_DATA(journal->files, data, length) {
		_tfl_free_ char *text = strndup(data, length < FIELD_BYTES_MAX ? length : FIELD_BYTES_MAX);
		char *value = text ? strchr(text, '=') : NULL;

		if (!value || strncmp(text, "TFL_", 4) != 0)
			continue;
		*value = '\0';
		json_object_set_new(fields, text, json_string(ctl_repair_text(value + 1)));
	}
	return fields;
}

/* A field under the key that the daemon's method "changes" has it by; left out where it is not there. */
static void add_key(json_t *object, const char *key, const json_t *fields, const char *field, bool number)
{
	const char *text = json_string_value(json_object_get(fields, field));

	if (text)
		json_object_set_new(object, key, number ? json_integer(strtoll(text, NULL, 10)) : json_string(text));
}

json_t *ctl_journal_json(struct ctl_journal *journal)
{
	_tfl_free_ char *text = ctl_journal_text(journal);
	json_t *entry = json_object(), *fields = json_of_fields(journal);

	json_object_set_new(entry, "time", json_integer((json_int_t)(ctl_journal_time_us(journal) / 1000000)));
	json_object_set_new(entry, "time_us", json_integer((json_int_t)ctl_journal_time_us(journal)));
	json_object_set_new(entry, "kind", json_string(json_object_get(fields, "TFL_AUDIT") ? "audit" : "period"));
	add_key(entry, "kind", fields, "TFL_CHANGE", false);
	add_key(entry, "model", fields, "TFL_MODEL", false);
	add_key(entry, "version", fields, "TFL_VERSION", true);
	add_key(entry, "uid", fields, "TFL_UID", true);
	add_key(entry, "reason", fields, "TFL_REASON", false);
	json_object_set_new(entry, "text", text ? json_string(ctl_repair_text(text)) : NULL);
	json_object_set_new(entry, "fields", fields);
	return entry;
}

#else

int ctl_journal_open(const char *directory, const struct ctl_journal_filter *filter, struct ctl_journal **ret_journal,
		     struct tfl_error *error)
{
	return tfl_error_set(error, -ENOSYS, "this tflctl was built without libsystemd and cannot read a journal");
}

void ctl_journal_close(struct ctl_journal *journal)
{
}

int ctl_journal_seek(struct ctl_journal *journal, uint64_t since_us, uint64_t lines, struct tfl_error *error)
{
	return -ENOSYS;
}

int ctl_journal_next(struct ctl_journal *journal, struct tfl_error *error)
{
	return -ENOSYS;
}

int ctl_journal_wait(struct ctl_journal *journal, struct tfl_error *error)
{
	return -ENOSYS;
}

uint64_t ctl_journal_time_us(struct ctl_journal *journal)
{
	return 0;
}

char *ctl_journal_text(struct ctl_journal *journal)
{
	return NULL;
}

json_t *ctl_journal_json(struct ctl_journal *journal)
{
	return NULL;
}

#endif
