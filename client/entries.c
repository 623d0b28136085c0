/* SPDX-License-Identifier: MIT */
#include "client/entries.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "client/ctl.h"
#include "client/print.h"

void ctl_entries_init(struct ctl_entries *entries, const struct ctl *ctl, bool follow)
{
	*entries = (struct ctl_entries){.ctl = ctl, .follow = follow, .wrap = isatty(STDOUT_FILENO)};
	if (ctl->json && !follow)
		entries->list = json_array();
}

void ctl_entries_release(struct ctl_entries *entries)
{
	json_decref(entries->list);
}

/* A line, and on a terminal as many as it takes. */
static void print_line(const struct ctl_entries *entries, uint64_t time_us, const char *text)
{
	time_t at = (time_t)(time_us / 1000000);
	char when[CTL_UNIT_MAX] = "-";
	struct tm parts;

	if (localtime_r(&at, &parts))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &parts);
	if (entries->wrap)
		ctl_print_wrapped(when, (unsigned)strlen(when) + 2, text);
	else
		ctl_printf("%s  %s\n", when, text);
}

void ctl_entries_print(struct ctl_entries *entries, uint64_t time_us, const char *text, json_t *json)
{
	entries->printed++;
	if (!entries->ctl->json) {
		print_line(entries, time_us, text);
	} else if (entries->list) {
		json_array_append_new(entries->list, json);
		return;
	} else {
		json_dumpf(json, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(json);
	if (entries->follow)
		fflush(stdout);
}

static uint64_t number_of(const struct tfl_value *change, const char *key)
{
	return tfl_value_uint(tfl_value_get(change, key), 0);
}

/* Numbers count up, but a daemon that died may give the last of them to others: those are later. */
static bool take_change(struct ctl_entries *entries, uint64_t number, uint64_t time)
{
	if (number <= entries->last && time <= entries->last_time)
		return false;
	entries->last = number;
	entries->last_time = time > entries->last_time ? time : entries->last_time;
	return true;
}

void ctl_entries_change(struct ctl_entries *entries, const struct tfl_value *change)
{
	uint64_t time = number_of(change, "time");

	if (!take_change(entries, number_of(change, "number"), time))
		return;
	ctl_entries_print(entries, time < UINT64_MAX / 1000000 ? time * 1000000 : 0, tfl_value_string(tfl_value_get(change, "text"), ""),
			  entries->ctl->json ? ctl_json_of(change) : NULL);
}

void ctl_entries_skip(struct ctl_entries *entries, const struct tfl_value *answer)
{
	const struct tfl_value *changes = tfl_value_get(answer, "changes");

	for (size_t i = 0; i < tfl_value_size(changes); i++)
		take_change(entries, number_of(tfl_value_at(changes, i), "number"), number_of(tfl_value_at(changes, i), "time"));
}

void ctl_entries_changes(struct ctl_entries *entries, const struct tfl_value *answer, uint64_t lines)
{
	const struct tfl_value *changes = tfl_value_get(answer, "changes");
	size_t count = tfl_value_size(changes);

	for (size_t i = count > lines ? count - lines : 0; i < count; i++)
		ctl_entries_change(entries, tfl_value_at(changes, i));
}

int ctl_entries_finish(struct ctl_entries *entries)
{
	if (entries->list)
		return ctl_print_json(entries->ctl, TFL_STEAL(entries->list));
	if (entries->printed == 0 && !entries->ctl->json)
		fputs("tflctl: there is no such entry\n", stderr);
	return CTL_OK;
}
