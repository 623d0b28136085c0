/* SPDX-License-Identifier: MIT */
/*
 * The one place where a status becomes the result of a function. Faults that the library sees itself and faults that the daemon reports go
 * through the same table, so a caller handles both alike. Names that a caller may print are public; base's own are hidden in the shared
 * library.
 */
#include "client/outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/util.h"
#include "proto/message.h"

static const int errnos[TFL_STATUS_COUNT] = {
	[TFL_OK] = 0,
	[TFL_INVALID_ARGUMENT] = EINVAL,
	[TFL_NOT_FOUND] = ENOENT,
	[TFL_ALREADY_EXISTS] = EEXIST,
	[TFL_PERMISSION_DENIED] = EACCES,
	[TFL_RESOURCE_EXHAUSTED] = ENOBUFS,
	[TFL_DEADLINE_EXCEEDED] = ETIMEDOUT,
	[TFL_CANCELLED] = ECANCELED,
	[TFL_UNAVAILABLE] = EAGAIN,
	[TFL_UNIMPLEMENTED] = ENOSYS,
	[TFL_UNSUPPORTED_MODEL] = ENOTSUP,
	[TFL_INVALID_MODEL] = EBADMSG,
	[TFL_PROTOCOL_ERROR] = EPROTO,
	[TFL_INTERNAL] = EIO,
	[TFL_DISCONNECTED] = ECONNRESET,
	[TFL_BUDGET_EXCEEDED] = EDQUOT,
};

int tfl_status_errno(enum tfl_status status)
{
	return (unsigned)status < TFL_STATUS_COUNT ? errnos[status] : EIO;
}

int tfl_call_fail(struct tfl_call_error *error, enum tfl_status status, const char *format, ...)
{
	char text[2 * TFL_ERROR_TEXT_MAX];
	struct tfl_error cut; /* knows how to cut UTF-8 */
	va_list args;

	if (error) {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		tfl_error_set(&cut, -EIO, "%s", text);
		error->status = status;
		snprintf(error->message, sizeof(error->message), "%s", cut.text);
	}
	return -tfl_status_errno(status);
}

int tfl_call_report(struct tfl_call_error *error, const struct tfl_failure *failure)
{
	return tfl_call_fail(error, failure->status, "%.*s", TFL_STRING_ARGS(failure->message));
}

int tfl_call_no_memory(struct tfl_call_error *error)
{
	tfl_call_fail(error, TFL_RESOURCE_EXHAUSTED, "this process has no memory left");
	return -ENOMEM;
}

const char *tfl_status_name(enum tfl_status status)
{
	return tfl_status_to_string(status);
}

const char *tfl_dtype_name(enum tfl_dtype dtype)
{
	return tfl_dtype_to_string(dtype);
}

size_t tfl_dtype_bytes(enum tfl_dtype dtype)
{
	return tfl_dtype_size(dtype);
}

_Static_assert(sizeof(((struct tfl_call_error *)0)->message) == TFL_ERROR_TEXT_MAX, "a sentence of base/error.h fits into a public one");
