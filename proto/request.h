/* SPDX-License-Identifier: MIT */
/*
 * What requests carry: the params of "infer", and of the methods that name a model. Both directions: the daemon parses, the client
 * writes. Parsed structs are views into the frame, which must outlive them.
 */
#ifndef PROTO_REQUEST_H
#define PROTO_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/histogram.h"
#include "proto/params.h"
#include "proto/tensor.h"
#include "proto/view.h"

struct tfl_error;
struct tfl_writer;

#define TFL_METHOD_INFER "infer"
#define TFL_METHOD_MODEL_LOAD "model.load"
#define TFL_METHOD_MODEL_RELOAD "model.reload"
#define TFL_METHOD_MODEL_UNLOAD "model.unload"
#define TFL_METHOD_MODEL_SWAP "model.swap"
#define TFL_METHOD_MODEL_ROLLBACK "model.rollback"
#define TFL_METHOD_LABEL_SET "label.set"
#define TFL_METHOD_ROUTE_GET "route.get"
#define TFL_METHOD_ROUTE_SET "route.set"
#define TFL_METHOD_MODEL_LIST "model.list"
#define TFL_METHOD_MODEL_DESCRIBE "model.describe"
#define TFL_METHOD_STATS "stats"
#define TFL_METHOD_CHANGES "changes"
#define TFL_METHOD_SUBSCRIBE "subscribe"
#define TFL_NOTIFY_CHANGED "changed" /* to those that have subscribed */
#define TFL_METHOD_HISTOGRAM "histogram"
#define TFL_METHOD_COMPARE "compare"
#define TFL_METHOD_METRICS "metrics"
#define TFL_METHOD_BASELINE_SET "baseline.set"
#define TFL_METHOD_RECORD_START "record.start"
#define TFL_METHOD_RECORD_GET "record.get"
#define TFL_METHOD_RECORD_STOP "record.stop"
#define TFL_METHOD_RECORD_ERASE "record.erase"
#define TFL_METHOD_RECORD_READ "record.read"
#define TFL_METHOD_TRIAL_GET "trial.get"
#define TFL_METHOD_SESSION_OPEN "session.open"
#define TFL_METHOD_SESSION_CLOSE "session.close"
#define TFL_METHOD_SESSION_RESET "session.reset"
#define TFL_METHOD_HEALTH "health"
#define TFL_METHOD_SERVER_INFO "server.info"

/* The notification of a client that no longer wants a request which it sent over the same connection. */
#define TFL_NOTIFY_CANCEL "cancel"

/* What "infer" says besides tensors. */
struct tfl_infer_head {
	struct tfl_string model; /* text NULL: not given, which goes with a session only */
	uint64_t version;        /* 0: not given */
	struct tfl_string label; /* text NULL: not given; never together with a version */
	struct tfl_string key;   /* routing key; text NULL: not given */
	uint64_t session;        /* 0: none; never together with one of these */
	struct tfl_string signature; /* whose inputs and outputs these are; text NULL: not given. With a session too */
	uint64_t timeout_us;     /* from the arrival at the daemon; 0: none */
	uint32_t priority;       /* 1 highest; 0: not given */
	enum tfl_dtype dtype;    /* TFL_FLOAT32: all outputs dequantised; TFL_DTYPE_COUNT: as the model has them */
};

/* A parsed "infer". Owns its lists past four tensors; moved by assignment. */
struct tfl_infer_request {
	struct tfl_infer_head head;
	struct tfl_tensor_list inputs;  /* at most TFL_INFER_TENSORS_MAX; whether they are the model's is the daemon's to say */
	struct tfl_tensor_list outputs; /* none: all outputs are wanted */
};

/**
 * @p params as tfl_message_parse() gave them. 0; -EINVAL with a sentence; -ENOMEM; -EBADMSG for params that were not validated. On success
 * the caller finishes the request.
 */
int tfl_infer_request_parse(struct tfl_slice params, struct tfl_infer_request *ret_request, struct tfl_error *error);

/** Idempotent, NULL allowed. */
void tfl_infer_request_finish(struct tfl_infer_request *request);

/**
 * Writes the whole frame of an infer request. Data of inputs is referred to: it must stay until the frame is sent. No outputs: all. Whether
 * names and sizes are right is the daemon's to say.
 */
void tfl_infer_request_write(struct tfl_writer *writer, uint32_t msgid, const struct tfl_infer_head *head,
			     const struct tfl_wire_tensor *inputs, uint32_t input_count,
			     const struct tfl_wire_tensor *outputs, uint32_t output_count);

/* Params of the methods that name a model. */
struct tfl_model_params {
	struct tfl_string model; /* stats, changes: text NULL means all models */
	uint64_t version;        /* 0: not given */
	bool delete_files;       /* key "delete" of model.unload */
	uint32_t minutes;        /* histogram, baseline.set: the last so many; 0: since the version was first active */
	bool series;             /* histogram: each of these minutes, or hours, alone too */
	bool buckets;            /* stats: those of the latencies too */
	uint64_t since;          /* changes: seconds since 1970; 0: all */
	struct tfl_slice histogram; /* baseline.set: an encoded one instead of what was seen; data NULL: none */
	uint32_t count;             /* record.start: samples that are wanted … */
	uint32_t every;             /* … of each so many-th request; 0: of each one … */
	uint64_t interval_ms;       /* … one in this time at most; 0: as they come … */
	bool outputs;               /* … with what was answered */
	struct tfl_string sample;   /* record.read: its name */
	uint64_t against;           /* compare: the other version */
	bool no_trial;              /* model.swap: none; else, where they are given, … */
	uint64_t trial_requests, trial_seconds; /* … until so much; 0: as configured */
	int32_t output;             /* baseline.set: the index of the only one that gets it; -1: every one */
	struct tfl_string route, salt, by; /* route.set: "1=90 2=10"; a salt; "request" or "machine-id"; text NULL: as it is, like … */
	uint64_t shadow;            /* … 0, and … */
	bool no_shadow;             /* … false; true: there is to be none */
	bool clear;                 /* route.set: none of these, but what model.conf says */
	struct tfl_string key;      /* session.open: for a route; text NULL: none */
	uint64_t session;           /* session.close, session.reset */
	struct tfl_string label;    /* of a version, which may stand for its number (never beside it); label.set: the one that is set */
};

extern const struct tfl_param_table tfl_model_load_params;     /* {model, version?} */
extern const struct tfl_param_table tfl_model_unload_params;   /* {model, version?, delete?} */
extern const struct tfl_param_table tfl_model_swap_params;     /* {model, version, no_trial?, trial_requests?, trial_seconds?} */
extern const struct tfl_param_table tfl_trial_params;          /* {model} */
extern const struct tfl_param_table tfl_model_reload_params;   /* {model, version} */
extern const struct tfl_param_table tfl_model_rollback_params; /* {model} */
extern const struct tfl_param_table tfl_label_set_params;      /* {model, label, version?}: without a version the label is removed */
extern const struct tfl_param_table tfl_route_get_params;      /* {model} */
extern const struct tfl_param_table tfl_route_set_params;      /* {model, route?, salt?, key?, shadow?, no_shadow?, clear?} */
extern const struct tfl_param_table tfl_model_describe_params; /* {model, version? | label?} */
extern const struct tfl_param_table tfl_stats_params;          /* {model?, buckets?} */
extern const struct tfl_param_table tfl_changes_params;        /* {model?, version? | label?, since?} */
extern const struct tfl_param_table tfl_subscribe_params;      /* {model?} */
extern const struct tfl_param_table tfl_histogram_params;      /* {model, version? | label?, minutes?, series?} */
extern const struct tfl_param_table tfl_baseline_set_params;   /* {model, version? | label?, minutes?, histogram?, output?} */
extern const struct tfl_param_table tfl_compare_params;        /* {model, version, against} */
extern const struct tfl_param_table tfl_record_start_params;   /* {model, version?, count, every?, interval_ms?, outputs?} */
extern const struct tfl_param_table tfl_record_params;         /* {model}: record.get, record.stop, record.erase */
extern const struct tfl_param_table tfl_record_read_params;    /* {model, sample} */
extern const struct tfl_param_table tfl_session_open_params;   /* {model, version? | label?, key?} */
extern const struct tfl_param_table tfl_session_params;        /* {session}: session.close, session.reset */

/** @p table is one of these. 0; -EINVAL with a sentence. */
int tfl_model_params_parse(const struct tfl_param_table *table, struct tfl_slice params, struct tfl_model_params *ret_params,
			   struct tfl_error *error);

/** Writes a whole request frame with the keys that @p table has. NULL table: a method without params. */
void tfl_model_params_write(struct tfl_writer *writer, uint32_t msgid, const char *method, const struct tfl_param_table *table,
			    const struct tfl_model_params *params);

/** The same for baseline.set and a histogram that is handed over; params->histogram is not looked at. */
void tfl_baseline_set_write(struct tfl_writer *writer, uint32_t msgid, const struct tfl_model_params *params,
			    const struct tfl_wire_histogram *histogram);

/** Writes the whole frame of the notification that cancels the request @p msgid. */
void tfl_cancel_write(struct tfl_writer *writer, uint32_t msgid);

/** Its params. 0 or -EINVAL with a sentence. */
int tfl_cancel_parse(struct tfl_slice params, uint32_t *ret_msgid, struct tfl_error *error);

#endif
