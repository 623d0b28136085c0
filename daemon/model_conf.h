/* SPDX-License-Identifier: MIT */
/*
 * What an operator decides about one model: <models>/<model>/model.conf, read when the daemon starts and each time that a version of the
 * model is loaded. What it leaves out is as tfld.conf says, which has a key of the same name for all but the labels, the confidence,
 * the route and the groups. systemd/model.conf documents the keys (a test compares the two).
 *
 * The file may be there before the model's first version and stays after the last one was erased.
 */
#ifndef DAEMON_MODEL_CONF_H
#define DAEMON_MODEL_CONF_H

#include <stdint.h>

#include "base/limits.h"
#include "daemon/groups.h"
#include "daemon/policy.h"
#include "daemon/route.h"
#include "daemon/settings.h"

struct tfl_error;
struct tfl_heads;
struct tfl_labels;
struct tfl_mistakes;
struct tfl_program;
struct tfl_store;

#define TFL_MODEL_LABELS_NAME_MAX 63
#define TFL_MODEL_CONFIDENCE_MAX 127
#define TFL_MODEL_CONF_SETTINGS 35

/* Plain data. Set once, when a version is loaded. */
struct tfl_model_conf {
	uint64_t instances;  /* interpreters of one version; 0: as many as workers */
	uint64_t threads;    /* threads of one inference */
	uint64_t queue;      /* requests of one version that may wait while its instances are busy; 0: no bound of its own */
	uint64_t timeout_ms; /* of a request that gives none itself; 0: none */
	uint64_t priority;   /* likewise */
	uint64_t loop_iterations, loop_ms; /* that the loops of one inference may take together, and the time from the first of them */
	uint64_t sessions;   /* of all its versions, at once; each ends when it … */
	uint64_t session_idle_ms, session_grace_ms; /* … is not used for so long, or its version has left memory so long ago */
	uint64_t auto_swap;  /* 1: a version that becomes AVAILABLE and is greater than the active one becomes the active one */
	uint64_t transition; /* enum tfl_transition, where auto_swap is on */
	uint64_t inline_us;  /* a version that runs in less is run on the loop thread; 0: none */
	uint64_t proof;      /* a child process loads a file first (prove.h) */
	uint64_t proof_memory; /* that it may take beyond the file; 0: half of what the device has */
	uint64_t proof_ms;   /* and of processor time */
	uint64_t trial;      /* a version that takes the active one's place is on trial (trial.h), for so many … */
	uint64_t trial_requests, trial_ms; /* … requests, and so long; and its limits: */
	uint64_t trial_errors;     /* percent more than the version before */
	uint64_t trial_latency;    /* its p99, in percent of that one's */
	uint64_t trial_confidence; /* its mean, so many hundredths below that one's */
	uint64_t trial_drift;      /* PSI against that one's, in hundredths */
	uint64_t trial_nan;        /* requests */
	uint64_t trial_max_errors, trial_max_latency_ms, trial_min_confidence; /* where that one has not done enough to be compared with */
	char versions[TFL_POLICY_TEXT_MAX + 1]; /* which are loaded without being asked for (policy.h) */
	char labels[TFL_MODEL_LABELS_NAME_MAX + 1]; /* a file beside model.conf; "": those of the model */
	char confidence[TFL_MODEL_CONFIDENCE_MAX + 1]; /* where it comes from; "" and "auto": found in the graph */
	char route[TFL_ROUTE_TEXT_MAX]; /* unless an operator has set another one; like the next three (route.h) */
	char route_salt[TFL_ROUTE_SALT_MAX + 1];
	uint64_t route_key;
	uint64_t shadow;
	char allow_groups[TFL_GROUPS_TEXT_MAX + 1]; /* who may use and see the model; "": everybody who may infer */
	struct tfl_groups groups;                   /* the same, looked up by tfl_model_conf_check(); no row's */
	struct tfl_setting_source sources[TFL_MODEL_CONF_SETTINGS];
};

extern const struct tfl_setting_table tfl_model_conf_table;

/* Kind, range and default of the keys that tfld.conf has too, for a row of either table. */
#define TFL_MODEL_CONF_VERSIONS TFL_SETTING_VERSIONS, 1, TFL_POLICY_TEXT_MAX, 0, "all"
#define TFL_MODEL_CONF_AUTO_SWAP TFL_SETTING_SWITCH, 0, 1, 0
#define TFL_MODEL_CONF_TRANSITION TFL_SETTING_TRANSITION, 0, TFL_TRANSITION_RESOURCE, TFL_TRANSITION_AVAILABILITY
#define TFL_MODEL_CONF_INSTANCES TFL_SETTING_COUNT, 0, TFL_INSTANCES_MAX, 0
#define TFL_MODEL_CONF_THREADS TFL_SETTING_COUNT, 1, TFL_WORKERS_MAX, 1
#define TFL_MODEL_CONF_QUEUE TFL_SETTING_COUNT, 0, TFL_QUEUE_MAX, 0
#define TFL_MODEL_CONF_TIMEOUT TFL_SETTING_DURATION, 0, TFL_TIMEOUT_US_MAX / 1000, 0
#define TFL_MODEL_CONF_PRIORITY TFL_SETTING_COUNT, 1, TFL_PRIORITY_MAX, TFL_PRIORITY_DEFAULT
#define TFL_MODEL_CONF_INLINE TFL_SETTING_COUNT, 0, TFL_INLINE_US_MAX, 20
#define TFL_MODEL_CONF_LOOP_ITERATIONS TFL_SETTING_COUNT, 1, TFL_LOOP_ITERATIONS_MAX, TFL_LOOP_ITERATIONS_DEFAULT
#define TFL_MODEL_CONF_LOOP_TIME TFL_SETTING_DURATION, 1, 3600000, TFL_LOOP_NS_DEFAULT / 1000000
#define TFL_MODEL_CONF_SESSIONS TFL_SETTING_COUNT, 0, TFL_SESSIONS_MAX, 8
#define TFL_MODEL_CONF_SESSION_IDLE TFL_SETTING_DURATION, 1000, 86400000, 300000
#define TFL_MODEL_CONF_SESSION_GRACE TFL_SETTING_DURATION, 0, 3600000, 5000
#define TFL_MODEL_CONF_PROOF TFL_SETTING_SWITCH, 0, 1, 1
#define TFL_MODEL_CONF_PROOF_MEMORY TFL_SETTING_SIZE, 0, UINT64_C(1) << 40, 0
#define TFL_MODEL_CONF_PROOF_TIME TFL_SETTING_DURATION, 1000, 3600000, 60000

#define TFL_MODEL_CONF_TRIAL TFL_SETTING_SWITCH, 0, 1, 1
#define TFL_MODEL_CONF_TRIAL_REQUESTS TFL_SETTING_COUNT, 1, TFL_TRIAL_REQUESTS_MAX, 1000
#define TFL_MODEL_CONF_TRIAL_TIME TFL_SETTING_DURATION, 0, UINT64_C(1000) * TFL_TRIAL_SECONDS_MAX, 600000
#define TFL_MODEL_CONF_TRIAL_ERRORS TFL_SETTING_PERCENT, 0, 100, 5
#define TFL_MODEL_CONF_TRIAL_LATENCY TFL_SETTING_PERCENT, 101, 100000, 150
#define TFL_MODEL_CONF_TRIAL_CONFIDENCE TFL_SETTING_PERCENT, 1, 100, 10
#define TFL_MODEL_CONF_TRIAL_DRIFT TFL_SETTING_PERCENT, 1, 10000, 100
#define TFL_MODEL_CONF_TRIAL_NAN TFL_SETTING_COUNT, 1, 1000000, 3
#define TFL_MODEL_CONF_TRIAL_MAX_ERRORS TFL_SETTING_PERCENT, 0, 100, 20
#define TFL_MODEL_CONF_TRIAL_MAX_LATENCY TFL_SETTING_DURATION, 1, 600000, 10000
#define TFL_MODEL_CONF_TRIAL_MIN_CONFIDENCE TFL_SETTING_PERCENT, 0, 100, 10

/**
 * What is in force for a model: its model.conf over @p defaults, which alone where there is none. Errors: -EINVAL with the first mistake,
 * or that it is no file that can be read; *ret_conf is then untouched.
 */
int tfl_model_conf_read(const struct tfl_store *store, const char *model, const struct tfl_model_conf *defaults,
			struct tfl_model_conf *ret_conf, struct tfl_error *error);

/** The same with every mistake. */
int tfl_model_conf_check(const struct tfl_store *store, const char *model, const struct tfl_model_conf *defaults,
			 struct tfl_model_conf *ret_conf, struct tfl_mistakes *mistakes);

/** Takes over what can change of a version that is loaded. */
void tfl_model_conf_take(struct tfl_model_conf *conf, const struct tfl_model_conf *from);

/** The keys of which a version has to be loaded anew to get the value that @p now has: "instances, threads", "" for none. Returns @p text. */
const char *tfl_model_conf_waiting(const struct tfl_model_conf *conf, const struct tfl_model_conf *now, char *text, size_t size);

/**
 * Reads the labels that @p conf names; none where it names none. -EINVAL for a file that is not there or holds no labels, -ENOMEM; the
 * sentence says which key names it.
 */
int tfl_model_conf_labels(const struct tfl_store *store, const char *model, const struct tfl_model_conf *conf,
			  struct tfl_labels *ret_labels, struct tfl_error *error);

/** The route that it says. */
void tfl_model_conf_route(const struct tfl_model_conf *conf, struct tfl_route *ret_route);

/** "versions is 'latest 2' (model.conf:3)", for the key at @p offset. Returns @p text. */
const char *tfl_model_conf_say(const struct tfl_model_conf *conf, size_t offset, char *text, size_t size);

/* @p text is an array. */
#define TFL_MODEL_CONF_SAY(conf, field, text) tfl_model_conf_say(conf, offsetof(struct tfl_model_conf, field), text, sizeof(text))

/** Finds where the confidence of a program comes from, as @p conf says. -EINVAL for what its outputs cannot be; the sentence names the key. */
int tfl_model_conf_heads(const struct tfl_model_conf *conf, const struct tfl_program *program, struct tfl_heads *ret_heads,
			 struct tfl_error *error);

#endif
