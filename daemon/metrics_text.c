/* SPDX-License-Identifier: MIT */
/*
 * The families as a table: what each is, over what it goes (the daemon, each version that is listed, each that is loaded, each of their
 * outputs that says how sure it is), and who writes its samples. Most are a number that stands at some offset.
 *
 * Words are Triton's, units are seconds and bytes, and everything that has a few known values of a label has all of them from the start,
 * as 0: a rate needs a sample before the first failure.
 */
#include "daemon/exposition.h"
#include "daemon/metrics.h"

#include <stddef.h>

#include "base/dtype.h"
#include "base/util.h"

enum scope { SERVICE, LISTED, LOADED, HEADS };

/* What a sample is of. */
struct subject {
	const struct tfl_metrics *metrics;
	const struct tfl_metrics_version *version; /* NULL: the daemon */
	const struct tfl_metrics_head *head;       /* NULL: the version as a whole */
};

struct family {
	const char *name, *type;
	enum scope scope;
	void (*write)(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject);
	size_t offset; /* of what a writer takes from the subject's struct */
	const char *help;
};

static const void *field(const struct family *family, const struct subject *subject)
{
	const void *base = family->scope == SERVICE ? (const void *)&subject->metrics->service
			   : family->scope == HEADS ? (const void *)subject->head
						    : (const void *)subject->version;

	return (const char *)base + family->offset;
}

/* The sample as far as all of its subject have it. */
static void begin(struct tfl_exposition *exposition, const char *suffix, const struct subject *subject)
{
	tfl_exposition_sample(exposition, suffix);
	if (!subject->version)
		return;
	tfl_exposition_label(exposition, "model", subject->version->model);
	tfl_exposition_label_uint(exposition, "version", subject->version->number);
	if (subject->head)
		tfl_exposition_label_uint(exposition, "output", subject->head->output);
}

static void write_uint(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	begin(exposition, "", subject);
	tfl_exposition_uint(exposition, *(const uint64_t *)field(family, subject));
}

static void write_seconds(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	begin(exposition, "", subject);
	tfl_exposition_seconds(exposition, *(const uint64_t *)field(family, subject));
}

static void write_build(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	begin(exposition, "", subject);
	tfl_exposition_label(exposition, "version", TFL_PROJECT_VERSION);
	tfl_exposition_uint(exposition, 1);
}

static void write_conditions(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	for (enum tfl_condition_kind kind = 0; kind < TFL_CONDITION_KINDS; kind++) {
		begin(exposition, "", subject);
		tfl_exposition_label(exposition, "condition", tfl_condition_to_string(kind));
		tfl_exposition_uint(exposition, subject->metrics->service.conditions[kind]);
	}
}

/* One of several words is right: 1 for it, 0 for the others. */
static void write_choice(struct tfl_exposition *exposition, const struct subject *subject, const char *label, const char *word, bool right)
{
	begin(exposition, "", subject);
	tfl_exposition_label(exposition, label, word);
	tfl_exposition_uint(exposition, right);
}

static void write_state(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	for (enum tfl_version_state state = TFL_VERSION_START; state <= TFL_VERSION_END; state++)
		write_choice(exposition, subject, "state", tfl_version_state_to_string(state), subject->version->state == state);
}

static void write_memory(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	const struct tfl_version_memory *memory = &subject->version->memory;
	const struct {
		const char *kind;
		uint64_t bytes;
	} parts[] = {
		{"file", memory->file},
		{"packed", memory->packed},
		{"interpreters", memory->interpreters},
		{"statistics", memory->statistics},
	};

	for (unsigned i = 0; i < TFL_ARRAY_SIZE(parts); i++) {
		begin(exposition, "", subject);
		tfl_exposition_label(exposition, "kind", parts[i].kind);
		tfl_exposition_uint(exposition, parts[i].bytes);
	}
}

/* Those that requests end with; any other appears with its first request. */
static const bool usual[TFL_STATUS_COUNT] = {
	[TFL_INVALID_ARGUMENT] = true, [TFL_NOT_FOUND] = true, [TFL_RESOURCE_EXHAUSTED] = true,
	[TFL_DEADLINE_EXCEEDED] = true, [TFL_CANCELLED] = true, [TFL_INTERNAL] = true,
};

static void write_failures(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	for (enum tfl_status status = TFL_OK + 1; status < TFL_STATUS_COUNT; status++) {
		if (subject->version->results[status] == 0 && !usual[status])
			continue;
		begin(exposition, "", subject);
		tfl_exposition_label(exposition, "reason", tfl_status_to_string(status));
		tfl_exposition_uint(exposition, subject->version->results[status]);
	}
}

/* Of a version that was a shadow since it was loaded. */
static void write_shadow(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	if (subject->version->shadow.success + subject->version->shadow.failure > 0)
		write_uint(exposition, family, subject);
}

static void write_bucket(struct tfl_exposition *exposition, const struct subject *subject, const char *edge, uint64_t count)
{
	begin(exposition, "_bucket", subject);
	tfl_exposition_label(exposition, "le", edge);
	tfl_exposition_uint(exposition, count);
}

static void write_duration(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	const struct tfl_metrics_duration *duration = field(family, subject);
	uint64_t ns;

	for (unsigned i = 0; i < TFL_METRICS_DURATIONS; i++)
		write_bucket(exposition, subject, tfl_metrics_duration_edge(i, &ns), duration->up_to[i]);
	write_bucket(exposition, subject, "+Inf", duration->count);
	begin(exposition, "_sum", subject);
	tfl_exposition_seconds(exposition, duration->sum_ns);
	begin(exposition, "_count", subject);
	tfl_exposition_uint(exposition, duration->count);
}

static void write_share(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	const struct tfl_metrics_share *share = field(family, subject);
	double edge;

	for (unsigned i = 0; i < TFL_METRICS_SHARES; i++)
		write_bucket(exposition, subject, tfl_metrics_share_edge(i, &edge), share->up_to[i]);
	write_bucket(exposition, subject, "+Inf", share->count);
	begin(exposition, "_sum", subject);
	tfl_exposition_double(exposition, share->sum);
	begin(exposition, "_count", subject);
	tfl_exposition_uint(exposition, share->count);
}

/* There is no distance from nothing. */
static void write_distance(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	if (subject->head->drift.baseline_records == 0 || subject->head->drift.window_records == 0)
		return;
	begin(exposition, "", subject);
	tfl_exposition_double(exposition, *(const double *)field(family, subject));
}

static void write_verdict(struct tfl_exposition *exposition, const struct family *family, const struct subject *subject)
{
	for (enum tfl_drift_verdict verdict = TFL_DRIFT_UNKNOWN; verdict <= TFL_DRIFT_DRIFTED; verdict++)
		write_choice(exposition, subject, "verdict", tfl_drift_verdict_to_string(verdict), subject->head->drift.verdict == verdict);
}

#define OF_SERVICE(member) offsetof(struct tfl_service, member)
#define OF_VERSION(member) offsetof(struct tfl_metrics_version, member)
#define OF_STAGE(stage) (offsetof(struct tfl_metrics_version, durations) + (stage) * sizeof(struct tfl_metrics_duration))
#define OF_HEAD(member) offsetof(struct tfl_metrics_head, member)

static const struct family families[] = {
	{"tfl_build_info", "gauge", SERVICE, write_build, 0, "Always 1; the label is the version of tfld."},
	{"tfl_uptime_seconds", "gauge", SERVICE, write_seconds, OF_SERVICE(uptime_ns), "Time since tfld was started."},
	{"tfl_requests_total", "counter", SERVICE, write_uint, OF_SERVICE(requests), "Requests of any method."},
	{"tfl_connections", "gauge", SERVICE, write_uint, OF_SERVICE(connections), "Open connections."},
	{"tfl_connections_accepted_total", "counter", SERVICE, write_uint, OF_SERVICE(accepted), "Connections that were accepted."},
	{"tfl_connections_refused_total", "counter", SERVICE, write_uint, OF_SERVICE(refused), "Connections past a limit, closed at once."},
	{"tfl_queue_length", "gauge", SERVICE, write_uint, OF_SERVICE(waiting), "Inference requests that wait for a worker."},
	{"tfl_queue_capacity", "gauge", SERVICE, write_uint, OF_SERVICE(capacity), "Inference requests that may wait."},
	{"tfl_workers", "gauge", SERVICE, write_uint, OF_SERVICE(workers), "Threads that run inferences."},
	{"tfl_workers_busy", "gauge", SERVICE, write_uint, OF_SERVICE(busy), "Inferences that run now."},
	{"tfl_resident_memory_bytes", "gauge", SERVICE, write_uint, OF_SERVICE(resident_bytes), "Resident memory of tfld."},
	{"tfl_memory_used_bytes", "gauge", SERVICE, write_uint, OF_SERVICE(memory_used), "What all versions take, as memory_limit counts."},
	{"tfl_memory_limit_bytes", "gauge", SERVICE, write_uint, OF_SERVICE(memory_limit), "What they may take together; 0: no limit."},
	{"tfl_conditions", "gauge", SERVICE, write_conditions, 0, "What is wrong though serving goes on, by kind."},

	{"tfl_model_state", "gauge", LISTED, write_state, 0, "State of a version: 1 for the one it is in."},
	{"tfl_model_active", "gauge", LISTED, write_uint, OF_VERSION(active), "1 for the version that serves requests which name none."},
	{"tfl_model_memory_bytes", "gauge", LOADED, write_memory, 0,
	 "Memory of a version: its file (mapped), packed weights, interpreters, counters."},
	{"tfl_model_load_duration_seconds", "gauge", LOADED, write_seconds, OF_VERSION(load_ns),
	 "Time that loading took, with its warm-up."},
	{"tfl_model_instances", "gauge", LOADED, write_uint, OF_VERSION(instances), "Requests of a version that may run at once."},
	{"tfl_model_sessions", "gauge", LOADED, write_uint, OF_VERSION(sessions), "Sessions with a version, each with an interpreter of its own."},

	{"tfl_inference_request_success_total", "counter", LOADED, write_uint, OF_VERSION(results[TFL_OK]),
	 "Inference requests that succeeded."},
	{"tfl_inference_request_failure_total", "counter", LOADED, write_failures, 0,
	 "Inference requests that failed, by the status they ended with."},
	{"tfl_inference_count_total", "counter", LOADED, write_uint, OF_VERSION(inferences),
	 "Inferences of successful requests: rows that get a verdict."},
	{"tfl_inference_exec_count_total", "counter", LOADED, write_uint, OF_VERSION(executions),
	 "Executions of the model, whatever became of the request."},
	{"tfl_inference_pending_requests", "gauge", LOADED, write_uint, OF_VERSION(pending),
	 "Inference requests of a version that wait for a worker."},
	{"tfl_inference_queue_duration_seconds", "histogram", LOADED, write_duration, OF_STAGE(TFL_METRICS_QUEUE),
	 "Time of successful requests from arrival to execution."},
	{"tfl_inference_compute_duration_seconds", "histogram", LOADED, write_duration, OF_STAGE(TFL_METRICS_COMPUTE),
	 "Time of successful requests that the model ran."},
	{"tfl_inference_request_duration_seconds", "histogram", LOADED, write_duration, OF_STAGE(TFL_METRICS_REQUEST),
	 "Time of successful requests from arrival to the last byte of the reply."},

	{"tfl_shadow_success_total", "counter", LOADED, write_shadow, OF_VERSION(shadow.success),
	 "Copies of requests that a shadow ran without an error, and did not answer."},
	{"tfl_shadow_failure_total", "counter", LOADED, write_shadow, OF_VERSION(shadow.failure), "Copies of requests that failed in a shadow."},
	{"tfl_shadow_rows_total", "counter", LOADED, write_shadow, OF_VERSION(shadow.rows),
	 "Rows of scores of a shadow that were compared with those that were answered."},
	{"tfl_shadow_rows_agreed_total", "counter", LOADED, write_shadow, OF_VERSION(shadow.agreed), "Of these, rows with the same best class."},

	{"tfl_inference_confidence", "histogram", HEADS, write_share, OF_HEAD(confidence), "Confidence of verdicts."},
	{"tfl_inference_confidence_margin", "histogram", HEADS, write_share, OF_HEAD(margin),
	 "Confidence of verdicts less that of the second best."},
	{"tfl_inference_confidence_invalid_total", "counter", HEADS, write_uint, OF_HEAD(invalid), "Verdicts that were NaN or infinite."},
	{"tfl_drift_psi", "gauge", HEADS, write_distance, OF_HEAD(drift.psi),
	 "Population stability index of the last hour against the baseline, less noise."},
	{"tfl_drift_jensen_shannon", "gauge", HEADS, write_distance, OF_HEAD(drift.jensen_shannon),
	 "Jensen-Shannon divergence of the same, 0 to 1."},
	{"tfl_drift_kolmogorov_smirnov", "gauge", HEADS, write_distance, OF_HEAD(drift.kolmogorov_smirnov),
	 "Kolmogorov-Smirnov statistic of the same, 0 to 1."},
	{"tfl_drift_window_verdicts", "gauge", HEADS, write_uint, OF_HEAD(drift.window_records), "Verdicts of the last hour."},
	{"tfl_drift_baseline_verdicts", "gauge", HEADS, write_uint, OF_HEAD(drift.baseline_records), "Verdicts of the baseline."},
	{"tfl_drift_verdict", "gauge", HEADS, write_verdict, 0, "What the index says: 1 for the word that is right."},
};

const char *tfl_metrics_family(unsigned index, const char **ret_type)
{
	if (index >= TFL_ARRAY_SIZE(families))
		return NULL;
	*ret_type = families[index].type;
	return families[index].name;
}

/* The samples of a version. */
static void write_version(struct tfl_exposition *exposition, const struct family *family, struct subject *subject)
{
	if (family->scope != LISTED && !subject->version->loaded)
		return;
	if (family->scope != HEADS) {
		family->write(exposition, family, subject);
		return;
	}
	for (uint32_t i = 0; i < subject->version->head_count; i++) {
		subject->head = &subject->metrics->heads[subject->version->first_head + i];
		family->write(exposition, family, subject);
	}
}

void tfl_metrics_write(const struct tfl_metrics *metrics, struct tfl_exposition *exposition)
{
	for (const struct family *family = families; family < families + TFL_ARRAY_SIZE(families); family++) {
		struct subject service = {.metrics = metrics};

		tfl_exposition_family(exposition, family->name, family->type, family->help);
		if (family->scope == SERVICE)
			family->write(exposition, family, &service);
		for (uint32_t i = 0; family->scope != SERVICE && i < metrics->version_count; i++) {
			struct subject subject = {.metrics = metrics, .version = &metrics->versions[i]};

			write_version(exposition, family, &subject);
		}
	}
}
