/* SPDX-License-Identifier: MIT */
/*
 * One row per errno that the layers below hand up. Sentences may quote names out of model files, which need not be UTF-8; the writer of
 * failures (proto/message.h) mends them, and names that travel by themselves are left out here.
 */
#include "daemon/reply.h"

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/util.h"
#include "daemon/channel.h"
#include "proto/message.h"
#include "proto/writer.h"

static const struct {
	int code;
	enum tfl_status status;
} statuses[] = {
	{EINVAL, TFL_INVALID_ARGUMENT},
	{ENOENT, TFL_NOT_FOUND},
	{EEXIST, TFL_ALREADY_EXISTS},
	{EPERM, TFL_PERMISSION_DENIED},
	{EACCES, TFL_PERMISSION_DENIED},
	{ENOBUFS, TFL_RESOURCE_EXHAUSTED},
	{EDQUOT, TFL_RESOURCE_EXHAUSTED},
	{ENOMEM, TFL_RESOURCE_EXHAUSTED},
	{ENOSPC, TFL_RESOURCE_EXHAUSTED},
	{EFBIG, TFL_RESOURCE_EXHAUSTED},
	{EMSGSIZE, TFL_RESOURCE_EXHAUSTED},
	{EMFILE, TFL_RESOURCE_EXHAUSTED},
	{ENFILE, TFL_RESOURCE_EXHAUSTED},
	{EXFULL, TFL_BUDGET_EXCEEDED},
	{ETIME, TFL_DEADLINE_EXCEEDED},
	{ETIMEDOUT, TFL_DEADLINE_EXCEEDED},
	{ECANCELED, TFL_CANCELLED},
	{EAGAIN, TFL_UNAVAILABLE},
	{EBUSY, TFL_UNAVAILABLE},
	{ESHUTDOWN, TFL_UNAVAILABLE},
	{ENOSYS, TFL_UNIMPLEMENTED},
	{EOPNOTSUPP, TFL_UNSUPPORTED_MODEL},
	{ENOEXEC, TFL_INVALID_MODEL},
	{EBADMSG, TFL_PROTOCOL_ERROR},
};

enum tfl_status tfl_status_from_errno(int code)
{
	for (size_t i = 0; i < TFL_ARRAY_SIZE(statuses); i++) {
		if (statuses[i].code == -code)
			return statuses[i].status;
	}
	return TFL_INTERNAL;
}

static const char *sentence(const struct tfl_error *error)
{
	return error->text[0] ? error->text : strerror(-error->code);
}

int tfl_reply_failure(struct tfl_channel *channel, struct tfl_writer *writer, uint32_t msgid, const struct tfl_error *error)
{
	tfl_writer_begin(writer);
	tfl_message_failure(writer, msgid, tfl_status_from_errno(error->code), sentence(error));
	return tfl_channel_send_writer(channel, writer);
}

void tfl_reply_write_fault(struct tfl_writer *writer, const struct tfl_error *error)
{
	tfl_writer_begin(writer);
	tfl_message_failure_notification(writer, tfl_status_from_errno(error->code), sentence(error));
}

int tfl_reply_fault(struct tfl_channel *channel, struct tfl_writer *writer, const struct tfl_error *error)
{
	tfl_reply_write_fault(writer, error);
	return tfl_channel_send_writer(channel, writer);
}

int tfl_reply_send(struct tfl_channel *channel, struct tfl_writer *writer, uint32_t msgid)
{
	struct tfl_error error;
	int r = tfl_writer_check(writer, &error);

	if (r < 0) {
		tfl_error_prefix(&error, r, "the reply cannot be written");
		return tfl_reply_failure(channel, writer, msgid, &error);
	}
	return tfl_channel_send_writer(channel, writer);
}

struct tfl_string tfl_reply_name(const char *name)
{
	size_t length = strlen(name);

	return (struct tfl_string){name, tfl_utf8_valid(name, length) ? length : 0};
}
