/* SPDX-License-Identifier: MIT */
/*
 * Trials, between the registry and trial.h. A swap begins one; the loop looks at it each second, and before the next request once an error or a NaN was
 * counted, so a limit that has tripped is seen before another request can be sent there. Then the version before serves from that moment on, and what
 * was decided follows it to the disk, as with a swap.
 *
 * The model's state names the trial as long as it runs. What it has seen is written down at a stop in order alone: a start that finds a trial in the state
 * and nothing beside it follows a crash or a power cut, and goes back to the version before. Whether a request ran on the candidate then is in running.h.
 *
 * A trial ends in one of these ways: passed, rejected, or interrupted by what takes away its candidate or the version before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/history.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/registry.h"
#include "daemon/running.h"
#include "daemon/trial.h"

#define KEPT_MAX (1u << 20)

struct tfl_loader_trial {
	struct tfl_loader_trial *next;
	char model[TFL_MODEL_NAME_MAX + 1];
	struct tfl_state_trial state;
	struct tfl_trial *trial; /* NULL: it waits until both versions are loaded, with … */
	void *kept;              /* … what an earlier run of the daemon saw of it; owned */
	size_t kept_size;
};

static struct tfl_loader_trial *find(const struct tfl_loader *loader, const char *model)
{
	struct tfl_loader_trial *entry = loader->trials;

	while (entry && strcmp(entry->model, model) != 0)
		entry = entry->next;
	return entry;
}

/* A version of the trial's model; NULL when it is not AVAILABLE. */
static struct tfl_version *find_version(const struct tfl_loader *loader, const char *name, uint64_t number)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, name, strlen(name));
	struct tfl_version *version = model ? tfl_registry_find_version(model, number) : NULL;

	return version && version->state == TFL_VERSION_AVAILABLE ? version : NULL;
}

static int map_running(void *data, struct tfl_error *error)
{
	struct tfl_loader *loader = data;

	tfl_running_map(loader->running, loader->options.store, atomic_load(&loader->trying));
	return 0;
}

static void on_mapped(void *data, struct tfl_version *version, const struct tfl_error *error)
{
}

/* The first trial has come, or the last one gone. Before it is written down that there is one, what runs is noted where it outlives the process. */
static void note_running(struct tfl_loader *loader)
{
	bool trying = loader->trials != NULL;

	if (atomic_exchange(&loader->trying, trying) != trying && tfl_loader_call(loader, map_running, on_mapped, loader) < 0)
		tfl_log_warning("not enough memory to note what runs: a crash of a version on trial will not be told from a power cut");
}

static void free_entry(struct tfl_loader_trial *entry)
{
	tfl_trial_destroy(entry->trial);
	free(entry->kept);
	free(entry);
}

/* Out of the list. The candidate, where it is still there, is not watched any more. */
static void drop(struct tfl_loader *loader, struct tfl_loader_trial *entry)
{
	struct tfl_version *candidate = find_version(loader, entry->model, entry->state.candidate);
	struct tfl_loader_trial **link = &loader->trials;

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	note_running(loader);
	if (candidate)
		atomic_store(&candidate->trial.id, 0);
	free_entry(entry);
}

static void tell(struct tfl_loader *loader, const char *model, uint64_t version, enum tfl_change_kind kind, const char *reason)
{
	const struct tfl_change_note note = {.kind = kind, .model = model, .version = version, .reason = reason};

	tfl_changes_record(loader->options.changes, &note);
}

/* ---- Counting ---- */

/* What a version has counted. Its own errors are those that it counts itself while it is on trial: they come before the answer. */
static void read_counts(const struct tfl_version *version, struct tfl_trial_counts *ret_counts)
{
	memset(ret_counts, 0, sizeof(*ret_counts));
	if (!version->recorder)
		return;
	tfl_trial_counts_read(version->recorder, version->heads.count > 0, ret_counts);
	ret_counts->nan = atomic_load(&version->trial.nan);
	if (!atomic_load(&version->trial.id))
		return;
	ret_counts->requests -= ret_counts->errors;
	ret_counts->errors = version->trial.errors_before + atomic_load(&version->trial.errors);
	ret_counts->requests += ret_counts->errors;
}

/* What both versions of a trial have counted; too large for a stack. */
struct both {
	struct tfl_trial_counts candidate, previous;
};

static struct both *read_both(const struct tfl_version *candidate, const struct tfl_version *previous)
{
	struct both *both = malloc(sizeof(*both));

	if (!both)
		return NULL;
	read_counts(candidate, &both->candidate);
	read_counts(previous, &both->previous);
	return both;
}

/* What the version before did of late, this run of the daemon or not. */
static struct tfl_trial_reference *read_reference(const struct tfl_version *previous)
{
	struct tfl_trial_reference *reference = calloc(1, sizeof(*reference));
	int64_t now = tfl_clock_seconds();

	if (!reference || !previous->history)
		return reference;
	tfl_history_advance(previous->history, previous->recorder, now);
	tfl_history_recent(previous->history, now, reference);
	return reference;
}

/* From now on its workers count, on top of what it has counted. */
static void watch(struct tfl_version *candidate, const struct tfl_version *previous, uint64_t id, struct tfl_trial_counts *counted)
{
	counted->nan = 0;
	candidate->trial.errors_before = counted->errors;
	atomic_store(&candidate->trial.errors, 0);
	atomic_store(&candidate->trial.nan, 0);
	atomic_store(&candidate->trial.run_ns, previous->run_ns);
	candidate->trial.looked = 0;
	atomic_store(&candidate->trial.id, id);
}

/* ---- Beginning ---- */

static uint64_t new_id(void)
{
	uint64_t id = 0;

	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != (ssize_t)sizeof(id))
		id = tfl_clock_boot_ns();
	id &= INT64_MAX; /* as numbers of a state are */
	return id ? id : 1;
}

/* Why there is none, or NULL. */
static const char *why_not(const struct tfl_version *version, const struct tfl_version *previous, const struct tfl_trial_wish *wish)
{
	if (wish->none || !version->conf.trial)
		return "";
	if (!version->recorder)
		return "it has no counters";
	return previous && previous != version ? NULL : "there is no version to go back to";
}

static struct tfl_state_trial plan_state(const struct tfl_version *version, uint64_t previous, const struct tfl_trial_wish *wish)
{
	return (struct tfl_state_trial){
		.id = new_id(),
		.candidate = version->number,
		.previous = previous,
		.requests = wish->requests ? wish->requests : version->conf.trial_requests,
		.seconds = wish->seconds ? wish->seconds : version->conf.trial_ms / 1000,
	};
}

static struct tfl_trial_plan plan_of(const struct tfl_state_trial *state, const struct tfl_model_conf *conf)
{
	struct tfl_trial_plan plan;

	tfl_trial_plan_init(&plan, conf);
	plan.id = state->id;
	plan.candidate = state->candidate;
	plan.previous = state->previous;
	plan.requests = state->requests;
	plan.seconds = state->seconds;
	return plan;
}

/* Creates the entry's trial, or goes on with what was kept. */
static int start(struct tfl_loader *loader, struct tfl_loader_trial *entry, struct tfl_version *candidate,
		 const struct tfl_version *previous, struct tfl_error *error)
{
	const struct tfl_trial_plan plan = plan_of(&entry->state, &candidate->conf);
	const double now = (double)tfl_clock_boot_ns() / 1e9;
	_tfl_free_ struct tfl_trial_reference *reference = entry->kept ? NULL : read_reference(previous);
	_tfl_free_ struct both *both = read_both(candidate, previous);
	int result = 0;

	if (both)
		watch(candidate, previous, entry->state.id, &both->candidate);
	if (both && entry->kept)
		result = tfl_trial_restore(&plan, entry->kept, entry->kept_size, &both->candidate, &both->previous, now, &entry->trial, error);
	else if (both && reference)
		entry->trial = tfl_trial_create(&plan, reference, &both->candidate, &both->previous, now);
	if (result == 0 && !entry->trial)
		result = tfl_error_set(error, -ENOMEM, "not enough memory for the trial");
	if (result < 0)
		atomic_store(&candidate->trial.id, 0);
	free(TFL_STEAL(entry->kept));
	return result;
}

static struct tfl_loader_trial *add_entry(struct tfl_loader *loader, const char *model, const struct tfl_state_trial *state)
{
	struct tfl_loader_trial *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	snprintf(entry->model, sizeof(entry->model), "%s", model);
	entry->state = *state;
	entry->next = loader->trials;
	loader->trials = entry;
	note_running(loader);
	return entry;
}

/* The version has just taken the place of @p before: on trial against it, where that can be and is wanted. */
static void begin(struct tfl_loader *loader, struct tfl_version *version, uint64_t before, const struct tfl_trial_wish *wish)
{
	const struct tfl_version *previous = find_version(loader, version->model_name, before);
	const char *none = why_not(version, previous, wish);
	struct tfl_state_trial state;
	struct tfl_loader_trial *entry;
	struct tfl_error error;
	char reason[128];

	if (none) {
		if (*none)
			tfl_log_info("version %" PRIu64 " of '%s' is not on trial: %s", version->number, version->model_name, none);
		return;
	}
	state = plan_state(version, before, wish);
	entry = add_entry(loader, version->model_name, &state);
	if (!entry || start(loader, entry, version, previous, &error) < 0) {
		tfl_log_error("version %" PRIu64 " of '%s' is not on trial: not enough memory", version->number, version->model_name);
		if (entry)
			drop(loader, entry);
		return;
	}
	snprintf(reason, sizeof(reason), "against version %" PRIu64 ", for %" PRIu64 " requests and %" PRIu64 " s", before,
		 state.requests, state.seconds);
	tell(loader, entry->model, version->number, TFL_CHANGE_TRIAL, reason);
	if (loader->options.trials)
		loader->options.trials(loader->options.data);
}

/* ---- Ending ---- */

void tfl_loader_interrupt_trial(struct tfl_loader *loader, const char *model, const char *reason)
{
	struct tfl_loader_trial *entry = find(loader, model);

	if (!entry)
		return;
	tell(loader, entry->model, entry->state.candidate, TFL_CHANGE_INTERRUPTED, reason);
	drop(loader, entry);
}

void tfl_loader_swapped(struct tfl_loader *loader, struct tfl_version *version, uint64_t before, const struct tfl_trial_wish *wish)
{
	char reason[96];

	if (before == version->number && !wish->none)
		return; /* as it was, and so its trial */
	if (before == version->number)
		snprintf(reason, sizeof(reason), "somebody ended its trial");
	else
		snprintf(reason, sizeof(reason), "version %" PRIu64 " serves", version->number);
	tfl_loader_interrupt_trial(loader, version->model_name, reason);
	if (before != version->number)
		begin(loader, version, before, wish);
}

/* The limits that have not tripped because nothing could be said of them: "latency, drift". */
static void list_open(const struct tfl_trial_progress *progress, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < TFL_GUARD_SUBJECTS && used < size; i++)
		if (progress->rows[i].standing == TFL_GUARD_FEW || progress->rows[i].standing == TFL_GUARD_WAITS)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", tfl_guard_subject_to_string(i));
}

static void pass(struct tfl_loader *loader, struct tfl_loader_trial *entry, struct tfl_version *candidate)
{
	const struct tfl_trial_progress *progress = tfl_trial_progress(entry->trial);
	char reason[192], open[64];

	list_open(progress, open, sizeof(open));
	snprintf(reason, sizeof(reason), "%" PRIu64 " requests in %" PRIu64 " s, all within their limits%s%s", progress->requests, progress->seconds,
		 *open ? " that could be judged; too little was seen of: " : "", open);
	tell(loader, entry->model, entry->state.candidate, TFL_CHANGE_PASSED, reason);
	drop(loader, entry);
	tfl_loader_remember(loader, candidate, NULL, NULL);
}

static void mark(struct tfl_version *candidate, const char *why)
{
	char when[TFL_TIME_TEXT];

	tfl_time_format((int64_t)time(NULL), when);
	snprintf(candidate->rejected, sizeof(candidate->rejected), "%s: ", when);
	tfl_manifest_set_text(candidate->rejected + strlen(candidate->rejected), sizeof(candidate->rejected) - strlen(candidate->rejected), why);
}

/* The version before serves; this one leaves the memory once the last request has let go of it. */
static void reject(struct tfl_loader *loader, struct tfl_loader_trial *entry, struct tfl_version *candidate)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, entry->model, strlen(entry->model));
	struct tfl_version *serves = NULL;
	char why[TFL_TRIAL_REASON_MAX], reason[TFL_STATE_NOTE_MAX + 16];
	struct tfl_error error;

	tfl_trial_reason(entry->trial, why);
	tell(loader, entry->model, candidate->number, TFL_CHANGE_REJECTED, why);
	drop(loader, entry);
	mark(candidate, why);
	if (tfl_registry_roll_back(loader->options.registry, model, &serves, &error) < 0) {
		tfl_log_error("%s; the rejected version goes on to serve", error.text);
		return;
	}
	snprintf(reason, sizeof(reason), "version %" PRIu64 " is rejected", candidate->number);
	tfl_loader_tell_active(loader, model->name, candidate->number, false, reason);
	tfl_loader_remember_swap(loader, candidate);
	snprintf(reason, sizeof(reason), TFL_LOADER_REJECTED "%s", candidate->rejected);
	if (tfl_loader_retire_version(loader, candidate, TFL_END_REJECTED, reason, NULL, NULL, &error) < 0)
		tfl_log_warning("%s; the rejected version stays loaded", error.text);
}

/* ---- Looking ---- */

/* Whether the trial is over. */
static bool look(struct tfl_loader *loader, struct tfl_loader_trial *entry, double seconds, bool hot)
{
	struct tfl_version *candidate = find_version(loader, entry->model, entry->state.candidate);
	const struct tfl_version *previous = find_version(loader, entry->model, entry->state.previous);
	_tfl_free_ struct both *both = NULL;
	enum tfl_trial_verdict verdict;

	if (!entry->trial || !candidate || !previous)
		return false;
	candidate->trial.looked = atomic_load(&candidate->trial.errors) + atomic_load(&candidate->trial.nan);
	both = read_both(candidate, previous);
	if (!both)
		return false;
	verdict = tfl_trial_look(entry->trial, &both->candidate, &both->previous, hot, seconds);
	if (verdict == TFL_TRIAL_PASSED)
		pass(loader, entry, candidate);
	else if (verdict == TFL_TRIAL_REJECTED)
		reject(loader, entry, candidate);
	return verdict != TFL_TRIAL_RUNS;
}

bool tfl_loader_look_at_trials(struct tfl_loader *loader, double seconds, bool hot)
{
	struct tfl_loader_trial *next;

	for (struct tfl_loader_trial *entry = loader->trials; entry; entry = next) {
		next = entry->next;
		look(loader, entry, seconds, hot);
	}
	return loader->trials != NULL;
}

void tfl_loader_look_at_trial(struct tfl_loader *loader, const struct tfl_version *version)
{
	struct tfl_loader_trial *entry = find(loader, version->model_name);

	if (entry && entry->trial)
		look(loader, entry, (double)tfl_clock_boot_ns() / 1e9, tfl_trial_progress(entry->trial)->hot);
}

const struct tfl_trial *tfl_loader_trial(const struct tfl_loader *loader, const char *model, bool *ret_waiting)
{
	const struct tfl_loader_trial *entry = find(loader, model);

	*ret_waiting = entry && !entry->trial;
	return entry ? entry->trial : NULL;
}

bool tfl_loader_on_trial(const struct tfl_loader *loader, const struct tfl_version *version)
{
	const struct tfl_loader_trial *entry = find(loader, version->model_name);

	return entry && (entry->state.candidate == version->number || entry->state.previous == version->number);
}

struct tfl_state_trial tfl_loader_trial_state(const struct tfl_loader *loader, const char *model)
{
	const struct tfl_loader_trial *entry = find(loader, model);

	return entry ? entry->state : (struct tfl_state_trial){0};
}

/* ---- Over a restart ---- */

/* Both are there: it goes on. Where it cannot, it ends. */
static void go_on(struct tfl_loader *loader, struct tfl_loader_trial *entry)
{
	struct tfl_version *candidate = find_version(loader, entry->model, entry->state.candidate);
	const struct tfl_version *previous = find_version(loader, entry->model, entry->state.previous);
	struct tfl_error error;

	if (!candidate || !previous || tfl_loader_active(loader, entry->model) != entry->state.candidate)
		return;
	if (start(loader, entry, candidate, previous, &error) < 0) {
		tfl_loader_interrupt_trial(loader, candidate->model_name, error.text);
		tfl_loader_remember(loader, candidate, NULL, NULL);
	} else if (loader->options.trials) {
		loader->options.trials(loader->options.data);
	}
}

void tfl_loader_version_changed(struct tfl_loader *loader, const char *model, uint64_t number)
{
	struct tfl_loader_trial *entry = find(loader, model);
	const struct tfl_registry_model *found = tfl_registry_find(loader->options.registry, model, strlen(model));
	const struct tfl_version *version = found ? tfl_registry_find_version(found, number) : NULL;
	char reason[96];

	if (!entry || (number != entry->state.candidate && number != entry->state.previous))
		return;
	if (version && version->state == TFL_VERSION_AVAILABLE) {
		if (!entry->trial)
			go_on(loader, entry);
		return;
	}
	if (version && version->state == TFL_VERSION_LOADING)
		return;
	snprintf(reason, sizeof(reason), "version %" PRIu64 " is not available any more", number);
	tfl_loader_interrupt_trial(loader, model, reason);
}

struct settling {
	struct tfl_loader *loader;
	struct tfl_error error;
};

/* Whether what was written at a stop in order is there: then the trial waits for its versions. */
static bool was_kept(struct tfl_loader *loader, const char *model, const struct tfl_state_trial *state)
{
	static const struct tfl_trial_counts nothing; /* zeroed */
	const struct tfl_trial_plan plan = plan_of(state, &loader->defaults);
	struct tfl_loader_trial *entry;
	struct tfl_trial *trial = NULL;
	struct tfl_error error;
	_tfl_free_ void *kept = NULL;
	size_t size = 0;
	int result;

	error.text[0] = '\0';
	result = tfl_store_take_trial(loader->options.store, model, state->candidate, KEPT_MAX, &kept, &size, &error);
	if (result == 0)
		result = tfl_trial_restore(&plan, kept, size, &nothing, &nothing, 0, &trial, &error);
	tfl_trial_destroy(trial);
	if (result < 0 && result != -ENOENT)
		tfl_log_warning("the trial of version %" PRIu64 " of '%s': %s", state->candidate, model, error.text);
	entry = result == 0 ? add_entry(loader, model, state) : NULL;
	if (!entry)
		return false;
	entry->kept = TFL_STEAL(kept);
	entry->kept_size = size;
	return true;
}

/* The daemon before did not stop in order: back to the version before. It is written before anything is listed, so that what is listed is so. */
static void go_back(struct tfl_loader *loader, const char *model, struct tfl_state *state)
{
	const struct tfl_state_trial trial = state->trial;
	const bool died = tfl_running_died(loader->running, trial.id);
	const char *why = died ? "the daemon died while it ran a request" : "a power cut, or a crash elsewhere";
	char note[TFL_STATE_NOTE_MAX], when[TFL_TIME_TEXT], reason[TFL_ERROR_TEXT_MAX];
	struct tfl_error error;

	tfl_time_format((int64_t)time(NULL), when);
	snprintf(note, sizeof(note), "%s: %s", when, why);
	state->active = trial.previous;
	tfl_previous_drop(&state->previous, trial.previous);
	if (died)
		(void)tfl_state_set_rejected(state, trial.candidate, note);
	else
		tfl_previous_push(&state->previous, trial.candidate);
	state->trial = (struct tfl_state_trial){0};
	snprintf(reason, sizeof(reason), "%s; version %" PRIu64 " serves", why, trial.previous);
	tell(loader, model, trial.candidate, died ? TFL_CHANGE_REJECTED : TFL_CHANGE_INTERRUPTED, reason);
	if (tfl_store_write_state(loader->options.store, model, state, &error) < 0)
		tfl_log_error("%s; version %" PRIu64 " goes on to serve", error.text, trial.candidate);
}

static int settle(void *data, const char *model)
{
	struct settling *settling = data;
	struct tfl_loader *loader = settling->loader;
	struct tfl_state state;

	if (tfl_store_read_state(loader->options.store, model, &state, &settling->error) < 0 || !state.trial.id)
		return 0;
	if (state.active == state.trial.candidate && was_kept(loader, model, &state.trial))
		return 0;
	go_back(loader, model, &state);
	return 0;
}

void tfl_loader_settle_trials(struct tfl_loader *loader)
{
	struct settling settling = {.loader = loader};

	(void)tfl_store_walk(loader->options.store, settle, &settling, &settling.error);
}

static int run_keep(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	int result = tfl_store_write_trial(loader->options.store, job->model, job->number, job->statistics, job->statistics_size, error);

	if (result < 0)
		tfl_log_error("%s; at the next start the trial is interrupted", error->text);
	return result;
}

static void deliver_nothing(struct tfl_loader *loader, struct tfl_loader_job *job)
{
}

static const struct tfl_loader_kind keep_kind = {run_keep, deliver_nothing, .also_at_end = true, .quick = true};

void tfl_loader_keep_trials(struct tfl_loader *loader)
{
	if (!loader)
		return;
	(void)tfl_loader_look_at_trials(loader, (double)tfl_clock_boot_ns() / 1e9, false);
	for (struct tfl_loader_trial *entry = loader->trials; entry; entry = entry->next) {
		struct tfl_loader_job *job = tfl_loader_make_job(&keep_kind, entry->model, entry->state.candidate, NULL, NULL);

		if (!job)
			continue;
		job->statistics = TFL_STEAL(entry->kept);
		job->statistics_size = entry->kept_size;
		if (!job->statistics && tfl_trial_encode(entry->trial, &job->statistics, &job->statistics_size) < 0)
			tfl_loader_job_free(job);
		else
			tfl_loader_submit(loader, job);
	}
}

void tfl_loader_free_trials(struct tfl_loader *loader)
{
	while (loader->trials) {
		struct tfl_loader_trial *entry = loader->trials;

		loader->trials = entry->next;
		free_entry(entry);
	}
}
