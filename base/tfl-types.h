/* SPDX-License-Identifier: MIT */
/*
 * The two vocabularies that a program and the daemon share: element types of tensors and results of calls. Public, stands alone,
 * installed beside tflclient.h; every layer of the project uses these same enums.
 */
#ifndef TFL_TYPES_H
#define TFL_TYPES_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Element type of a tensor. The numbers are those of TensorFlow Lite's schema, so that a value read from a model file needs a range
 * check and no table; on the wire a type is spelled as in numpy ("float32", "int8"). Multi-byte elements are little-endian.
 */
enum tfl_dtype {
	TFL_FLOAT32 = 0,
	TFL_FLOAT16 = 1,
	TFL_INT32 = 2,
	TFL_UINT8 = 3,
	TFL_INT64 = 4,
	TFL_STRING = 5,
	TFL_BOOL = 6,
	TFL_INT16 = 7,
	TFL_COMPLEX64 = 8,
	TFL_INT8 = 9,
	TFL_FLOAT64 = 10,
	TFL_COMPLEX128 = 11,
	TFL_UINT64 = 12,
	TFL_RESOURCE = 13,
	TFL_VARIANT = 14,
	TFL_UINT32 = 15,
	TFL_UINT16 = 16,
	TFL_INT4 = 17,
	TFL_BFLOAT16 = 18,
	TFL_DTYPE_COUNT /* not a type */
};

/** Result of a call as it travels on the wire ("code" in an error). The names are those of the field's services. */
enum tfl_status {
	TFL_OK = 0,
	TFL_INVALID_ARGUMENT = 1,    /* the request itself is wrong: shape, dtype, byte count, unknown key value */
	TFL_NOT_FOUND = 2,           /* no such model, version, tensor */
	TFL_ALREADY_EXISTS = 3,      /* this version holds other content */
	TFL_PERMISSION_DENIED = 4,   /* this socket or user lacks the right */
	TFL_RESOURCE_EXHAUSTED = 5,  /* a queue, quota or memory limit is reached; retry later */
	TFL_DEADLINE_EXCEEDED = 6,   /* the request's own time ran out */
	TFL_CANCELLED = 7,           /* the connection closed or the caller cancelled */
	TFL_UNAVAILABLE = 8,         /* the version is loading or unloading, or the daemon is stopping */
	TFL_UNIMPLEMENTED = 9,       /* unknown method */
	TFL_UNSUPPORTED_MODEL = 10,  /* the file is sound, but uses something that this runtime does not have */
	TFL_INVALID_MODEL = 11,      /* the file is corrupt, truncated or contradicts itself */
	TFL_PROTOCOL_ERROR = 12,     /* bytes that are no frame of this protocol; the connection is closed after it */
	TFL_INTERNAL = 13,           /* a fault of the daemon or of its system */
	TFL_DISCONNECTED = 14,       /* made by the client library: the connection ended with the request in flight */
	TFL_BUDGET_EXCEEDED = 15,    /* a loop of the model, steered by what the request brought, took more than the model may */
	TFL_STATUS_COUNT             /* not a status */
};

#ifdef __cplusplus
}
#endif

#endif
