/* SPDX-License-Identifier: MIT */
/*
 * The entries that tfld has written to the journal, the oldest first, recognised by their MESSAGE_IDs. Whoever can write to the journal can
 * forge one, and what stands in it was chosen by others: texts are cleaned before they reach a terminal, fields are bounded.
 *
 * One thread; everything is a view of where the journal stands, until the next call of ctl_journal_next().
 */
#ifndef CLIENT_JOURNAL_H
#define CLIENT_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl_journal;
struct tfl_error;

/* Which entries are wanted. */
struct ctl_journal_filter {
	const char *model; /* NULL: all, those about none too */
	uint64_t version;  /* 0: all */
	bool changes;      /* without those of periods */
	bool audit;        /* these alone, which otherwise are left out: they tell once more of what changed */
};

/**
 * Opens the journal of this device, or files of one in @p directory. -EACCES when it may not be read, -ENOENT when there is none, -ENOSYS
 * when this tflctl cannot read any; with a sentence that says what would help.
 */
int ctl_journal_open(const char *directory, const struct ctl_journal_filter *filter, struct ctl_journal **ret_journal,
		     struct tfl_error *error);

/** NULL is allowed. */
void ctl_journal_close(struct ctl_journal *journal);

/** Goes to the last @p lines entries, or to those of them not before @p since_us (microseconds since 1970; 0: any). */
int ctl_journal_seek(struct ctl_journal *journal, uint64_t since_us, uint64_t lines, struct tfl_error *error);

/** The next entry: 1, 0 when there is none yet, or a failure with a sentence. */
int ctl_journal_next(struct ctl_journal *journal, struct tfl_error *error);

/** Waits until there may be more entries. */
int ctl_journal_wait(struct ctl_journal *journal, struct tfl_error *error);

/** When it was written, in microseconds since 1970. */
uint64_t ctl_journal_time_us(struct ctl_journal *journal);

/** Its sentence, which the caller frees; NULL without memory. */
char *ctl_journal_text(struct ctl_journal *journal);

/** All that programs want of it; the caller's, NULL without memory. */
json_t *ctl_journal_json(struct ctl_journal *journal);

#endif
