/* SPDX-License-Identifier: MIT */
/* One row per element type and one per status. */
#include "base/dtype.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static const struct {
	const char *name;
	size_t size;
} dtypes[TFL_DTYPE_COUNT] = {
	[TFL_FLOAT32] = {"float32", 4},
	[TFL_FLOAT16] = {"float16", 2},
	[TFL_INT32] = {"int32", 4},
	[TFL_UINT8] = {"uint8", 1},
	[TFL_INT64] = {"int64", 8},
	[TFL_STRING] = {"string", 0},
	[TFL_BOOL] = {"bool", 1},
	[TFL_INT16] = {"int16", 2},
	[TFL_COMPLEX64] = {"complex64", 8},
	[TFL_INT8] = {"int8", 1},
	[TFL_FLOAT64] = {"float64", 8},
	[TFL_COMPLEX128] = {"complex128", 16},
	[TFL_UINT64] = {"uint64", 8},
	[TFL_RESOURCE] = {"resource", 0},
	[TFL_VARIANT] = {"variant", 0},
	[TFL_UINT32] = {"uint32", 4},
	[TFL_UINT16] = {"uint16", 2},
	[TFL_INT4] = {"int4", 0},
	[TFL_BFLOAT16] = {"bfloat16", 2},
};

static const char *const statuses[TFL_STATUS_COUNT] = {
	[TFL_OK] = "OK",
	[TFL_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
	[TFL_NOT_FOUND] = "NOT_FOUND",
	[TFL_ALREADY_EXISTS] = "ALREADY_EXISTS",
	[TFL_PERMISSION_DENIED] = "PERMISSION_DENIED",
	[TFL_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
	[TFL_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
	[TFL_CANCELLED] = "CANCELLED",
	[TFL_UNAVAILABLE] = "UNAVAILABLE",
	[TFL_UNIMPLEMENTED] = "UNIMPLEMENTED",
	[TFL_UNSUPPORTED_MODEL] = "UNSUPPORTED_MODEL",
	[TFL_INVALID_MODEL] = "INVALID_MODEL",
	[TFL_PROTOCOL_ERROR] = "PROTOCOL_ERROR",
	[TFL_INTERNAL] = "INTERNAL",
	[TFL_DISCONNECTED] = "DISCONNECTED",
	[TFL_BUDGET_EXCEEDED] = "BUDGET_EXCEEDED",
};

const char *tfl_dtype_to_string(enum tfl_dtype dtype)
{
	return (unsigned)dtype < TFL_DTYPE_COUNT ? dtypes[dtype].name : "unknown";
}

int tfl_dtype_parse(const char *name, size_t length, enum tfl_dtype *ret_dtype)
{
	for (unsigned i = 0; i < TFL_DTYPE_COUNT; i++) {
		if (strlen(dtypes[i].name) == length && memcmp(dtypes[i].name, name, length) == 0) {
			*ret_dtype = (enum tfl_dtype)i;
			return 0;
		}
	}
	return -EINVAL;
}

size_t tfl_dtype_size(enum tfl_dtype dtype)
{
	return (unsigned)dtype < TFL_DTYPE_COUNT ? dtypes[dtype].size : 0;
}

int tfl_shape_elements(const int32_t *dims, unsigned rank, size_t *ret_elements)
{
	uint64_t elements = 1;
	bool empty = false;

	for (unsigned i = 0; i < rank; i++) {
		if (dims[i] < 0)
			return -EINVAL;
		if (dims[i] == 0)
			empty = true;
		else if ((elements *= (uint64_t)dims[i]) > INT32_MAX)
			return -EOVERFLOW;
	}
	*ret_elements = empty ? 0 : (size_t)elements;
	return 0;
}

char *tfl_shape_to_string(const int32_t *dims, unsigned rank, char *buffer, size_t size)
{
	size_t used;

	used = (size_t)snprintf(buffer, size, "[");
	for (unsigned i = 0; i < rank && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, i ? ", %d" : "%d", dims[i]);
	if (used < size)
		snprintf(buffer + used, size - used, "]");
	return buffer;
}

const char *tfl_status_to_string(enum tfl_status status)
{
	return (unsigned)status < TFL_STATUS_COUNT ? statuses[status] : "UNKNOWN";
}
