/* SPDX-License-Identifier: MIT */
/*
 * Every limit of the project. What a peer or a file makes us allocate is checked against one of these, and charged, before it is
 * allocated. doc/protocol.md prints the ones that a client can meet.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Wire. */
#define TFL_FRAME_MAX (64u << 20)        /* bytes of one frame, its 4-byte length left out */
#define TFL_FRAME_DEPTH_MAX 8            /* nesting of maps and arrays in a frame */
#define TFL_METHOD_MAX 64                /* bytes of a method's name */
#define TFL_MAP_MAX 64                   /* entries of one map in a frame */
#define TFL_INFER_TENSORS_MAX 64         /* inputs, or outputs, of one request */
#define TFL_KEY_MAX 256                  /* bytes of a routing key */
#define TFL_PASSED_FDS_MAX 4             /* descriptors waiting on a connection for the request that consumes them */

/* Tensors and models. */
#define TFL_RANK_MAX 8                   /* dimensions of a tensor */
#define TFL_TENSOR_NAME_MAX 4096         /* bytes of a tensor's name in a model file */
#define TFL_TENSOR_BYTES_MAX (1u << 30)  /* bytes of one tensor */
#define TFL_MODEL_NAME_MAX 64            /* bytes of a model's name: [A-Za-z0-9][A-Za-z0-9._-]* */
#define TFL_MODEL_BYTES_MAX (2u << 30)   /* bytes of a model file: flatbuffer offsets end there */
#define TFL_MODEL_TENSORS_MAX 65536      /* tensors of one subgraph */
#define TFL_MODEL_OPERATORS_MAX 65536    /* operators of one subgraph */
#define TFL_MODEL_SUBGRAPHS_MAX 1024
#define TFL_OPERATOR_TENSORS_MAX 4096    /* inputs, or outputs, of one operator */
#define TFL_LABELS_MAX 65536             /* labels of one model */
#define TFL_LABELS_BYTES_MAX (4u << 20)  /* unpacked bytes of one label file */
#define TFL_ARENA_FACTOR_MAX 256u        /* arena of an interpreter: at most this many times the file's size … */
#define TFL_ARENA_FLOOR (256u << 20)     /* … or this many bytes, whichever is more */

/* Daemon. */
#define TFL_MODELS_MAX 256               /* models in one repository */
#define TFL_VERSIONS_MAX 64              /* versions of one model */
#define TFL_CONNECTIONS_MAX 1024         /* connections in all */
#define TFL_UID_CONNECTIONS_MAX 256      /* connections of one user */
#define TFL_UID_REQUESTS_MAX 1024        /* requests in flight of one user */
#define TFL_UID_BYTES_MAX (256u << 20)   /* bytes of frames and queued replies of one user */
#define TFL_OUTPUT_QUEUE_MAX (64u << 20) /* bytes of replies that one connection may leave unread */
#define TFL_QUEUE_MAX 1024               /* requests waiting in the scheduler */
#define TFL_WORKERS_MAX 64
#define TFL_INSTANCES_MAX 64             /* interpreters of one version */

#endif
