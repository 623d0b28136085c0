/* SPDX-License-Identifier: MIT */
/*
 * On disk the changes are a map {"format": 1, "changes": [change]} with a change {"number", "kind", "wall", "seconds", "boot", "model",
 * "version", "uid", "reason"}: "model" and "reason" are "" and "version" is 0 where there is none, "uid" is 2^32 where nobody asked for it.
 * A kind that is not known, of a newer daemon, is left out; the rest is not trusted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "daemon/changes_internal.h"
#include "daemon/fields.h"
#include "proto/name.h"
#include "proto/params.h"
#include "proto/reader.h"

#define FORMAT 1
#define NOBODY (UINT64_C(1) << 32)

static void write_change(struct tfl_writer *writer, const struct tfl_change *change)
{
	tfl_writer_map(writer, 9);
	tfl_field_uint(writer, "number", change->number);
	tfl_field_text(writer, "kind", tfl_change_to_string(change->kind));
	tfl_field_uint(writer, "wall", change->at.wall > 0 ? (uint64_t)change->at.wall : 0);
	tfl_field_uint(writer, "seconds", change->at.seconds > 0 ? (uint64_t)change->at.seconds : 0);
	tfl_field_text(writer, "boot", change->at.boot);
	tfl_field_text(writer, "model", change->model);
	tfl_field_uint(writer, "version", change->version);
	tfl_field_uint(writer, "uid", change->asked ? change->uid : NOBODY);
	tfl_field_text(writer, "reason", change->reason ? change->reason : "");
}

/* With a writer of its own: changes are recorded while a reply is being written. */
int tfl_changes_encode(struct tfl_changes *changes, void **ret_data, size_t *ret_size)
{
	TFL_CLEANUP(tfl_writer_finish) struct tfl_writer writer;
	int r;

	tfl_writer_init(&writer);
	tfl_writer_begin(&writer);
	tfl_writer_map(&writer, 2);
	tfl_field_uint(&writer, "format", FORMAT);
	tfl_field_array(&writer, "changes", changes->count);
	for (unsigned i = 0; i < changes->count; i++)
		write_change(&writer, tfl_changes_at(changes, i));
	r = tfl_writer_take_value(&writer, ret_data, ret_size);
	if (r == 0)
		changes->unsaved = false;
	return r;
}

/* ---- From disk: nothing in it is trusted ---- */

struct stored_change {
	uint64_t number, wall, seconds, version, uid;
	struct tfl_string kind, boot, model, reason;
};

#define AT(field) offsetof(struct stored_change, field)
static const struct tfl_param change_rows[] = {
	{"number", TFL_PARAM_UINT64, true, AT(number), 1, INT64_MAX, NULL},
	{"kind", TFL_PARAM_STRING, true, AT(kind), 1, 32, NULL},
	{"wall", TFL_PARAM_UINT64, true, AT(wall), 0, INT64_MAX, NULL},
	{"seconds", TFL_PARAM_UINT64, true, AT(seconds), 0, INT64_MAX, NULL},
	{"boot", TFL_PARAM_STRING, true, AT(boot), 0, TFL_BOOT_ID_MAX, NULL},
	{"model", TFL_PARAM_STRING, true, AT(model), 0, TFL_MODEL_NAME_MAX, NULL},
	{"version", TFL_PARAM_UINT64, true, AT(version), 0, TFL_VERSION_MAX, NULL},
	{"uid", TFL_PARAM_UINT64, true, AT(uid), 0, NOBODY, NULL},
	{"reason", TFL_PARAM_STRING, true, AT(reason), 0, TFL_ERROR_TEXT_MAX, NULL},
};
#undef AT

struct stored {
	uint32_t format;
	struct tfl_wire_array changes;
};

#define AT(field) offsetof(struct stored, field)
static const struct tfl_param stored_rows[] = {
	{"format", TFL_PARAM_UINT32, true, AT(format), FORMAT, FORMAT, NULL},
	{"changes", TFL_PARAM_ARRAY, true, AT(changes), 0, TFL_CHANGES_MAX, "changes"},
};
#undef AT

static const struct tfl_param_table change_table = TFL_PARAM_TABLE(change_rows, struct stored_change);
static const struct tfl_param_table stored_table = TFL_PARAM_TABLE(stored_rows, struct stored);

static int restore_change(struct tfl_changes *changes, struct tfl_slice value, struct tfl_error *error)
{
	struct stored_change stored;
	struct tfl_change change;
	int r;

	r = tfl_params_parse(&change_table, value, "change", &stored, error);
	if (r < 0)
		return r;
	if (stored.number <= changes->last)
		return tfl_error_set(error, -EINVAL, "the changes are not in order");
	if (stored.model.length > 0 && !tfl_model_name_valid(stored.model.text, stored.model.length))
		return tfl_error_set(error, -EINVAL, "a change is about a model that cannot be");
	change = (struct tfl_change){
		.number = stored.number,
		.kind = tfl_change_from_string(stored.kind.text, stored.kind.length),
		.at = {.seconds = (int64_t)stored.seconds, .wall = (int64_t)stored.wall},
		.version = stored.version,
		.asked = stored.uid != NOBODY,
		.uid = (uid_t)stored.uid,
	};
	changes->last = change.number; /* of one that is left out too: none comes twice */
	if (change.kind == TFL_CHANGE_KINDS)
		return 0;
	memcpy(change.at.boot, stored.boot.text, stored.boot.length);
	memcpy(change.model, stored.model.text, stored.model.length);
	change.reason = strndup(stored.reason.text, stored.reason.length);
	tfl_changes_push(changes, &change);
	return 0;
}

static int restore(struct tfl_changes *changes, struct tfl_slice value, struct tfl_error *error)
{
	struct tfl_reader reader;
	struct tfl_slice change;
	struct stored stored;
	int r;

	r = tfl_reader_validate(value, error);
	if (r == 0)
		r = tfl_params_parse(&stored_table, value, "changes", &stored, error);
	if (r < 0)
		return r;
	reader = tfl_reader_of(stored.changes.elements);
	for (uint32_t i = 0; i < stored.changes.count && r == 0; i++) {
		r = tfl_reader_skip(&reader, "a change", &change, error);
		if (r == 0)
			r = restore_change(changes, change, error);
	}
	return r;
}

int tfl_changes_restore(struct tfl_changes *changes, const void *data, size_t size, struct tfl_error *error)
{
	if (restore(changes, (struct tfl_slice){data, size}, error) == 0)
		return 0;
	tfl_changes_clear(changes);
	return -EINVAL;
}
