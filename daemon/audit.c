/* SPDX-License-Identifier: MIT */
/*
 * Refusals are told by a bucket for each user: so many at once, and one more in each so many seconds. There is a fixed number of buckets; the
 * one that was used longest ago is given away, and then what it left out is told first. So the entries that refused calls can make are
 * bounded, whoever makes the calls, and one user's do not hide another's.
 */
#include "daemon/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/message_ids.h"
#include "base/util.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/reply.h"
#include "proto/message.h"
#include "proto/params.h"

#define BUCKETS 16
#define BURST 10u
#define REFILL_NS UINT64_C(6000000000)

struct bucket {
	uid_t uid;
	unsigned told;     /* less than BURST: one more may be */
	unsigned left_out;
	uint64_t used_ns;  /* 0: by nobody yet */
	uint64_t refill_ns;
};

struct tfl_audit {
	struct bucket buckets[BUCKETS];
};

int tfl_audit_create(struct tfl_audit **ret_audit)
{
	struct tfl_audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return -ENOMEM;
	*ret_audit = audit;
	return 0;
}

void tfl_audit_destroy(struct tfl_audit *audit)
{
	free(audit);
}

/* What the params of such methods have in common. */
struct subject {
	struct tfl_string model, label;
	uint64_t version;
};

static const struct tfl_param rows[] = {
	{"model", TFL_PARAM_NAME, .offset = offsetof(struct subject, model), .max = TFL_MODEL_NAME_MAX},
	{"label", TFL_PARAM_NAME, .offset = offsetof(struct subject, label), .max = TFL_LABEL_MAX},
	{"version", TFL_PARAM_UINT64, .offset = offsetof(struct subject, version), .min = 1, .max = TFL_VERSION_MAX},
};

static const struct tfl_param_table table = TFL_PARAM_TABLE(rows, struct subject);

static void copy(char *to, size_t size, struct tfl_string from)
{
	if (from.text && from.length < size)
		memcpy(to, from.text, from.length);
}

void tfl_audited_read(const struct tfl_call *call, const char *method, struct tfl_audited *ret_audited)
{
	struct subject subject = {.version = 0};
	struct tfl_error error;

	*ret_audited = (struct tfl_audited){.method = method, .uid = call->peer->uid, .pid = call->peer->pid};
	if (tfl_params_parse(&table, call->message->params, NULL, &subject, &error) < 0)
		return;
	copy(ret_audited->model, sizeof(ret_audited->model), subject.model);
	copy(ret_audited->label, sizeof(ret_audited->label), subject.label);
	ret_audited->version = subject.version;
}

/* " for label 'canary' of version 2 of 'digits'", or less. */
static void describe(const struct tfl_audited *audited, char *text, size_t size)
{
	char label[TFL_LABEL_MAX + 16] = "", version[48] = "";

	text[0] = '\0';
	if (!audited->model[0])
		return;
	if (audited->label[0])
		snprintf(label, sizeof(label), " label '%s' of", audited->label);
	if (audited->version)
		snprintf(version, sizeof(version), " version %" PRIu64 " of", audited->version);
	snprintf(text, size, " for%s%s '%s'", label, version, audited->model);
}

static void write_entry(int level, const struct tfl_audited *audited, const char *result, const struct tfl_error *error)
{
	const char *status = error ? tfl_status_to_string(tfl_status_from_errno(error->code)) : "OK";
	char subject[TFL_MODEL_NAME_MAX + TFL_LABEL_MAX + 80];
	struct tfl_log_field fields[9];
	unsigned count = 0;

	describe(audited, subject, sizeof(subject));
	fields[count++] = (struct tfl_log_field){"TFL_AUDIT", TFL_LOG_TEXT, .text = result};
	fields[count++] = (struct tfl_log_field){"TFL_METHOD", TFL_LOG_TEXT, .text = audited->method};
	fields[count++] = (struct tfl_log_field){"TFL_UID", TFL_LOG_UINT, .uint = audited->uid};
	fields[count++] = (struct tfl_log_field){"TFL_PID", TFL_LOG_UINT, .uint = (uint64_t)audited->pid};
	fields[count++] = (struct tfl_log_field){"TFL_STATUS", TFL_LOG_TEXT, .text = status};
	if (audited->model[0])
		fields[count++] = (struct tfl_log_field){"TFL_MODEL", TFL_LOG_TEXT, .text = audited->model};
	if (audited->version)
		fields[count++] = (struct tfl_log_field){"TFL_VERSION", TFL_LOG_UINT, .uint = audited->version};
	if (audited->label[0])
		fields[count++] = (struct tfl_log_field){"TFL_LABEL", TFL_LOG_TEXT, .text = audited->label};
	if (error)
		fields[count++] = (struct tfl_log_field){"TFL_REASON", TFL_LOG_TEXT, .text = error->text};
	tfl_log_fields(level, TFL_MESSAGE_AUDIT, fields, count, "audit: uid %u, pid %d: %s%s: %s%s%s%s%s", (unsigned)audited->uid,
		       (int)audited->pid, audited->method, subject, result, error ? ", " : "", error ? status : "",
		       error && error->text[0] ? ": " : "", error ? error->text : "");
}

void tfl_audit_tell(const struct tfl_audited *audited, const struct tfl_error *error)
{
	if (audited->method)
		write_entry(error ? LOG_NOTICE : LOG_INFO, audited, error ? "failed" : "done", error);
}

static void tell_left_out(struct bucket *bucket)
{
	const struct tfl_log_field fields[] = {
		{"TFL_AUDIT", TFL_LOG_TEXT, .text = "left-out"},
		{"TFL_UID", TFL_LOG_UINT, .uint = bucket->uid},
		{"TFL_LEFT_OUT", TFL_LOG_UINT, .uint = bucket->left_out},
	};

	if (bucket->left_out > 0)
		tfl_log_fields(LOG_WARNING, TFL_MESSAGE_AUDIT, fields, TFL_ARRAY_SIZE(fields), "audit: uid %u: %u more call%s refused, and "
			       "not told one by one", (unsigned)bucket->uid, bucket->left_out, bucket->left_out == 1 ? " was" : "s were");
	bucket->left_out = 0;
}

/* The user's, or that of the one who has not been refused anything for longest. */
static struct bucket *find(struct tfl_audit *audit, uid_t uid, uint64_t now_ns)
{
	struct bucket *oldest = &audit->buckets[0];

	for (struct bucket *bucket = audit->buckets; bucket < audit->buckets + BUCKETS; bucket++) {
		if (bucket->used_ns > 0 && bucket->uid == uid)
			return bucket;
		if (bucket->used_ns < oldest->used_ns)
			oldest = bucket;
	}
	tell_left_out(oldest);
	*oldest = (struct bucket){.uid = uid, .refill_ns = now_ns};
	return oldest;
}

void tfl_audit_refuse(struct tfl_audit *audit, const struct tfl_audited *audited, const struct tfl_error *error, uint64_t now_ns)
{
	struct bucket *bucket = find(audit, audited->uid, now_ns);
	uint64_t refills = (now_ns - bucket->refill_ns) / REFILL_NS;

	bucket->used_ns = now_ns;
	bucket->told -= refills < bucket->told ? (unsigned)refills : bucket->told;
	bucket->refill_ns += refills * REFILL_NS;
	if (bucket->told == BURST) {
		bucket->left_out++;
		return;
	}
	tell_left_out(bucket);
	bucket->told++;
	write_entry(LOG_WARNING, audited, "refused", error);
}

void tfl_audit_settle(struct tfl_audit *audit)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		tell_left_out(&audit->buckets[i]);
}
