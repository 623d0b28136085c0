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
#define TFL_SIGNATURE_NAME_MAX 255       /* bytes of the name of a signature, as a request may give it */
#define TFL_PASSED_FDS_MAX 4             /* descriptors waiting on a connection for the request that consumes them */
#define TFL_FRAME_VALUES_MAX (1u << 20)  /* MessagePack values in a frame, keys among them: bounds the time to check it (some 5 ms) */
#define TFL_SESSION_ID_MAX 9007199254740991ull /* 2^53 - 1, which JSON can say */
#define TFL_LABEL_MAX 64                 /* bytes of the label of a version */
#define TFL_VERSION_MAX 9223372036854775807ull /* greatest version of a model; the smallest is 1 */
#define TFL_TIMEOUT_US_MAX 86400000000ull /* a request's own timeout: a day */
#define TFL_MINUTES_MAX 1440             /* of a window of confidence: a day */
#define TFL_PRIORITY_MAX 255             /* lowest priority of a request; 1 is the highest */
#define TFL_PRIORITY_DEFAULT 128         /* of a request that names none */
#define TFL_DESCRIBE_LABELS_MAX 4096     /* labels that model.describe gives; of more it gives the number alone */
#define TFL_FAILURE_MESSAGE_MAX 4096     /* bytes of an error's message, as the client takes it */
#define TFL_RECEIVE_BUFFER 16384         /* bytes that a connection receives into before it knows a frame's length */
#define TFL_FRAME_STEP 65536             /* first own memory of a frame that does not fit there; at least 4 * TFL_RECEIVE_BUFFER */
#define TFL_WRITER_REFS_MAX 64           /* byte ranges that a written frame may refer to instead of copying them … */
#define TFL_WRITER_REF_MIN 1024          /* … when they have at least this many bytes */
#define TFL_WRITER_KEEP_MAX 65536        /* bytes of memory that a writer keeps for its next frame */

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
#define TFL_SUBGRAPH_EDGE_MAX 4096       /* inputs, or outputs, of one subgraph or signature */
#define TFL_MODEL_SLACK 128              /* readable bytes behind a mapped model file: XNNPACK reads a few past the end of a constant */
#define TFL_MODEL_WORK_FACTOR 32u        /* what verifying may allocate and look at, in bytes: this many times the file's size … */
#define TFL_MODEL_WORK_FLOOR (64u << 10) /* … and this many bytes more */
#define TFL_LABELS_MAX 65536             /* labels of one model */
#define TFL_LABELS_BYTES_MAX (4u << 20)  /* unpacked bytes of its label files together */
#define TFL_ARCHIVE_FILES_MAX 1024       /* files in the archive behind a model … */
#define TFL_ARCHIVE_LIST_MAX (1u << 20)  /* … and bytes of its directory */
#define TFL_METADATA_WORK_MAX (4u << 20) /* what metadata, labels left out, may allocate and have looked at, in bytes … */
#define TFL_METADATA_TEXT_MAX 65536      /* … bytes of one of its texts (a licence) … */
#define TFL_METADATA_FILE_NAME_MAX 255   /* … and of the name of a file */
#define TFL_ARENA_FACTOR_MAX 256u        /* arena of an interpreter: at most this many times the file's size … */
#define TFL_ARENA_FLOOR (256u << 20)     /* … or this many bytes, whichever is more */

#define TFL_CALL_DEPTH_MAX 32            /* subgraphs that call each other … */
#define TFL_CALLS_MAX 256                /* … and graphs that one program is made of */
#define TFL_LOOP_ITERATIONS_DEFAULT 1000000 /* of the loops of one inference together, unless the model's configuration says otherwise … */
#define TFL_LOOP_NS_DEFAULT 10000000000ull  /* … and the time from the first of them: 10 s */
#define TFL_ENTRIES_MAX 64               /* signatures that can be called, with the first subgraph */
#define TFL_SHAPES_MAX 4                 /* sets of input shapes for which an interpreter keeps what it made */
#define TFL_SPECIALS_MAX 8               /* forms of what lies behind a shape that depends on content, kept by an interpreter … */
#define TFL_SPECIAL_DEPTH_MAX 64         /* … such places behind each other … */
#define TFL_STEERING_BYTES_MAX 65536     /* … and bytes of content that may decide a shape */
#define TFL_LOOP_ITERATIONS_MAX 1000000000000ull /* … and what it may say */
#define TFL_RESOURCES_MAX 256            /* resources that a model names (VAR_HANDLE) … */
#define TFL_RESOURCE_NAME_MAX 1024       /* … and bytes of a name */
#define TFL_STEP_NODES_MAX 4096          /* operators of one XNNPACK step: planning their memory takes time by the square of that */
#define TFL_STEP_WORK_MAX (1ull << 29)    /* … and elementary operations, unless one operator has more: a cancellation waits for a step to end */
#define TFL_WORK_MAX (1ull << 40)         /* elementary operations of one inference: minutes on a small machine … */
#define TFL_LATE_WORK_MAX (1ull << 34)    /* … and of a graph for shapes that a request chose, unless the file's take more: seconds */

/* Client library. */
#define TFL_CLIENT_QUEUE_DEFAULT (64u << 20) /* bytes of submitted requests that wait to be sent, unless the caller says otherwise */

/* Daemon. */
#define TFL_MODELS_MAX 256               /* models in one repository */
#define TFL_VERSIONS_MAX 64              /* versions of one model */
#define TFL_MEMORY_LIMIT_MAX (1ull << 40) /* bytes of all versions in memory that can be configured */
#define TFL_CONNECTIONS_MAX 1024         /* connections in all */
#define TFL_UID_CONNECTIONS_MAX 256      /* connections of one user */
#define TFL_UID_REQUESTS_MAX 1024        /* requests in flight of one user */
#define TFL_UID_BYTES_MAX (256u << 20)   /* bytes of frames and queued replies of one user */
#define TFL_UID_SESSIONS_MAX 64          /* sessions of one user … */
#define TFL_SESSIONS_MAX 256             /* … and of all */
#define TFL_OUTPUT_QUEUE_MAX (64u << 20) /* bytes of replies that one connection may leave unread */
#define TFL_QUEUE_MAX 1024               /* requests waiting in the scheduler */
#define TFL_OUTPUT_CHUNK 65536           /* least memory that queued bytes of replies take at a time */
#define TFL_JOBS_IDLE_MAX 4              /* ended requests whose memory a connection keeps for the next */
#define TFL_SCRATCH_KEEP_MAX (1u << 20)  /* bytes that a worker keeps for dequantised outputs */
#define TFL_LOADS_MAX 16                 /* passed files waiting to be loaded */
#define TFL_WORKERS_MAX 64
#define TFL_CONFIDENCE_OUTPUTS_MAX 4     /* outputs of a version whose confidence is recorded */
#define TFL_CONFIDENCE_CLASSES_MAX 1024  /* classes of each that are counted one by one */
#define TFL_STATISTICS_BYTES_MAX (8u << 20) /* of what is written down about a version's verdicts */
#define TFL_CONDITIONS_MAX 64            /* things that are wrong at the same time */
#define TFL_METRICS_BYTES_MAX (16u << 20) /* of all metrics as text: some 1,000 loaded versions */
#define TFL_STATE_NOTE_MAX 96            /* bytes of a note about a version in the state of its model */
#define TFL_TRIAL_REQUESTS_MAX 1000000000 /* of a trial */
#define TFL_TRIAL_SECONDS_MAX 2592000     /* likewise: 30 days */
#define TFL_CHANGES_MAX 256              /* changes that are remembered … */
#define TFL_CHANGES_BYTES_MAX (256u << 10) /* … and bytes of their file */
#define TFL_PREVIOUS_MAX 8               /* versions that were active before, and are remembered for a rollback */
#define TFL_ROUTE_WIRE_MAX 255           /* bytes of a route as text, "1=90 2=10" */
#define TFL_VERSION_LABELS_MAX 8         /* labels of the versions of one model */
#define TFL_ROUTE_SHARES_MAX 8           /* versions that a route splits requests among … */
#define TFL_ROUTE_WEIGHT_MAX 1000000     /* … their weights … */
#define TFL_ROUTE_SALT_MAX 64            /* … and bytes of its salt, as of a model's name */
#define TFL_SUBSCRIBERS_MAX 64           /* connections that hear of changes */
#define TFL_PROOF_REPORT_MAX 16384       /* bytes that a proof may report … */
#define TFL_PROOF_DIGESTS_MAX 16         /* … and outputs whose digest it tells */
#define TFL_SAMPLES_MAX 256              /* samples of one version … */
#define TFL_SAMPLES_BYTES_MAX (256u << 20) /* … and bytes of all of them */
#define TFL_SAMPLE_NAME_MAX 64           /* bytes of the name of its file, the NUL among them */
#define TFL_RECORDINGS_MAX 8             /* models whose requests are recorded at a time … */
#define TFL_RECORD_WAITING_MAX 32        /* … and of each, samples that wait for the disk … */
#define TFL_RECORD_WAITING_BYTES_MAX (32u << 20) /* … and their bytes; one may always wait */
#define TFL_RECORD_EVERY_MAX 1000000     /* of so many requests one at least is kept, while there is room … */
#define TFL_RECORD_INTERVAL_MS_MAX 86400000 /* … or one a day */
#define TFL_SHADOWS_MAX 64               /* models that have a shadow … */
#define TFL_SHADOW_WAITING_MAX 16        /* copies of requests on their way to all of them … */
#define TFL_SHADOW_WAITING_BYTES_MAX (32u << 20) /* … and their bytes; one may always be … */
#define TFL_SHADOW_OUTPUTS_MAX (4u << 20) /* … bytes of outputs that are copied to be compared … */
#define TFL_SHADOW_RUN_MS 30000          /* … and how long one may run */
#define TFL_INSTANCES_MAX 64             /* interpreters of one version */
#define TFL_INLINE_US_MAX 1000           /* microseconds of an inference that may run on the loop thread */

/* Tools. */
#define TFL_PICTURE_FILE_MAX (64u << 20) /* bytes of a PNG or JPEG file */
#define TFL_PICTURE_SIDE_MAX 16384       /* pixels of its width, and of its height */
#define TFL_PICTURE_PIXELS_MAX (64u << 20)

#endif
