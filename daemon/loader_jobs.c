/* SPDX-License-Identifier: MIT */
/*
 * Things that the loader does, each a pair of functions: run, on the loader thread, which touches disk and models, and deliver, on the loop thread,
 * which touches the registry.
 *
 * restore   a version that lies in the store is loaded at start, or because it has come or become right
 * load      a passed file is staged, loaded, and published only then: a file that cannot be served never becomes a version
 * keep      what was seen of a version's verdicts is written down
 * call      whatever else may wait for a disk, of which the loader knows nothing
 *
 * Versions are loaded into an object that nobody knows, which takes the place of the listed, empty one when it is complete.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "daemon/clock.h"
#include "daemon/changes.h"
#include "daemon/conditions.h"
#include "daemon/history.h"
#include "daemon/loader_internal.h"
#include "daemon/log.h"
#include "daemon/moment.h"
#include "daemon/period.h"
#include "daemon/prove.h"
#include "daemon/recorder.h"
#include "daemon/registry.h"
#include "daemon/spawner.h"
#include "proto/name.h"
#include "proto/writer.h"

static int64_t now(void)
{
	return (int64_t)time(NULL);
}

struct tfl_version *tfl_loader_listed(const struct tfl_loader *loader, const struct tfl_loader_job *job)
{
	const struct tfl_registry_model *model = tfl_registry_find(loader->options.registry, job->model, strlen(job->model));

	return model ? tfl_registry_find_version(model, job->number) : NULL;
}

/* Its recorder comes with the loaded one. */
int tfl_loader_make_version(struct tfl_loader *loader, const char *model, uint64_t number, struct tfl_version **ret_version,
			    struct tfl_error *error)
{
	int result = tfl_version_create(model, number, tfl_loader_retire, loader, ret_version);

	if (result < 0)
		return tfl_error_set(error, result, "not enough memory for version %" PRIu64 " of '%s'", number, model);
	(*ret_version)->trial.running = loader->running;
	return 0;
}

/* A load that was given up fails for that reason, whatever it was doing when it noticed. */
static int check_cancelled(struct tfl_loader *loader, int result, struct tfl_error *error)
{
	if (!atomic_load(&loader->cancelled))
		return result;
	return tfl_error_set(error, -ESHUTDOWN, "the daemon is stopping; load it again when it is back");
}

/* Threads of an inference wait for each other by spinning: more of them than there are CPUs would spend their time on that. */
static unsigned inference_threads(const struct tfl_loader *loader, const struct tfl_loader_job *job)
{
	unsigned cpus = loader->options.cpus;

	if (job->conf.threads <= cpus)
		return (unsigned)job->conf.threads;
	tfl_log_warning("%" PRIu64 " threads are configured for an inference of '%s', but there are %u CPUs; each gets %u",
			job->conf.threads, job->model, cpus, cpus);
	return cpus;
}

static int build(struct tfl_loader *loader, struct tfl_loader_job *job, int fd, struct tfl_version *version, struct tfl_error *error)
{
	const struct tfl_loader_options *options = &loader->options;
	const struct tfl_program_options program = {
		.threads = inference_threads(loader, job),
		.loop_iterations = job->conf.loop_iterations,
		.loop_ns = job->conf.loop_ms * 1000000,
		.late = true,
		.spawn = tfl_spawner_call,
		.spawn_data = loader->spawner,
		.reserve = tfl_loader_take,
		.unreserve = tfl_loader_give_back,
		.reserve_data = loader,
	};
	int result;

	version->conf = job->conf;
	result = tfl_model_conf_labels(options->store, job->model, &job->conf, &version->labels, error);
	if (result < 0)
		return result;
	result = tfl_version_load(version, fd, job->conf.instances ? (unsigned)job->conf.instances : options->workers, &program,
				  &loader->cancelled, error);
	if (result == 0)
		result = tfl_model_conf_heads(&job->conf, version->program, &version->heads, error);
	if (result == 0 && (tfl_heads_recorder(&version->heads, options->writers, &version->recorder) < 0 ||
			    (atomic_load(&loader->periods) &&
			     tfl_period_mark_create(&version->heads, tfl_clock_boot_ns(), &version->mark) < 0)))
		result = tfl_error_set(error, -ENOMEM, "not enough memory for the counters of '%s'", job->model);
	return result;
}

/* What was seen of the version before; where that cannot be read, it begins anew. */
static int restore_history(struct tfl_loader *loader, struct tfl_version *version, struct tfl_error *error)
{
	_tfl_free_ void *data = NULL;
	struct tfl_moment now;
	struct tfl_error why;
	size_t size = 0;
	int result;

	if (tfl_history_create(&version->heads, &version->history) < 0)
		return tfl_error_set(error, -ENOMEM, "not enough memory for the statistics of '%s'", version->model_name);
	why.text[0] = '\0';
	tfl_moment_now(&now);
	result = tfl_store_read_statistics(loader->options.store, version->model_name, version->number, &data, &size, &why);
	if (result == 0 || result == -ENOENT)
		result = tfl_history_restore(version->history, data, size, &now, version->recorder, &why);
	if (result < 0)
		tfl_log_warning("statistics of version %" PRIu64 " of '%s' begin anew, what was written cannot be read: %s", version->number,
				version->model_name, why.text);
	return 0;
}

/* Lets a child process load and run the file, on the samples that there are, unless that was done before or is not wanted. */
static int prove(struct tfl_loader *loader, const struct tfl_loader_job *job, int fd, struct tfl_version *version, struct tfl_error *error)
{
	const struct tfl_prove_options options = {
		.program = loader->options.prover,
		.memory = job->conf.proof_memory,
		.cpu_ms = job->conf.proof_ms,
		.loop_iterations = job->conf.loop_iterations,
		.loop_ms = job->conf.loop_ms,
		.meanwhile = tfl_loader_run_quick,
		.data = loader,
	};
	_tfl_close_ int samples = -1;
	int result;

	if (!job->conf.proof || version->proof.time[0])
		return 0;
	result = tfl_store_open_samples(loader->options.store, job->model, job->number, &samples);
	if (result < 0 && result != -ENOENT)
		return tfl_error_set(error, result, "the samples of '%s' cannot be opened: %s", job->model, strerror(-result));
	result = tfl_prove(&options, fd, samples, &loader->cancelled, &version->proof, error);
	/* Says nothing about the file. What served before is not taken away for it. */
	if (result == -ECHILD && job->published) {
		tfl_log_warning("version %" PRIu64 " of '%s' is loaded unproven: %s", job->number, job->model, error->text);
		return 0;
	}
	return result;
}

/* Builds a version from a file of the store or of its staging folder. @p proof: one that was made before; NULL: none. */
static int load_file(struct tfl_loader *loader, struct tfl_loader_job *job, int fd, const struct tfl_content *content,
		     const struct tfl_proof *proof, struct tfl_error *error)
{
	struct tfl_version *version;
	int result;

	result = tfl_loader_make_version(loader, job->model, job->number, &version, error);
	if (result < 0)
		return result;
	strcpy(version->sha256, content->sha256);
	if (proof)
		version->proof = *proof;
	result = prove(loader, job, fd, version, error);
	if (result == 0)
		result = tfl_loader_make_room(loader, job, tfl_loader_estimate(loader, job, &version->proof, content->size), error);
	if (result == 0)
		result = build(loader, job, fd, version, error);
	if (result == 0)
		result = restore_history(loader, version, error);
	if (result == 0)
		result = tfl_loader_make_room(loader, job, tfl_version_bytes(version), error);
	if (result < 0) {
		tfl_loader_free_version(loader, version);
		return check_cancelled(loader, result, error);
	}
	tfl_loader_count_in(loader, version);
	job->loaded = version;
	return 0;
}

/* Where that fails, the next start proves it again. */
static void keep_proof(struct tfl_loader *loader, const struct tfl_loader_job *job, const struct tfl_content *content)
{
	const struct tfl_proof *proof = &job->loaded->proof;
	struct tfl_error error;

	if (proof->time[0] && tfl_store_write_proof(loader->options.store, job->model, job->number, content, proof, &error) < 0)
		tfl_log_warning("%s; the next start proves it again", error.text);
}

static int run_restore(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	struct tfl_store *store = loader->options.store;
	struct tfl_proof proof;
	struct tfl_store_file file;
	int result = check_cancelled(loader, 0, error);
	bool proven;

	if (result == 0)
		result = tfl_store_open_version(store, job->model, job->number, &file, error);
	if (result < 0)
		return result;
	if (file.copied)
		tfl_log_info("version %" PRIu64 " of '%s' is served from a copy in memory: %s", job->number, job->model, file.cause);
	job->published = !file.copied;
	/* One that cannot be read is as good as none. */
	proven = tfl_store_read_proof(store, job->model, job->number, &file.content, &proof, NULL) == 0;
	result = load_file(loader, job, file.fd, &file.content, proven ? &proof : NULL, error);
	if (result == 0 && !proven)
		keep_proof(loader, job, &file.content);
	tfl_close(file.fd);
	return result;
}

/* The staged file in its place, once it is known to work. */
static int load_and_publish(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_staged *staged, struct tfl_error *error)
{
	int result = load_file(loader, job, staged->fd, &staged->content, NULL, error);

	if (result < 0)
		return result;
	if (job->loaded->proof.time[0])
		staged->proof = &job->loaded->proof;
	result = tfl_store_publish(loader->options.store, staged, job->model, job->number, &job->origin, error);
	job->loaded->stored.sync_ns = staged->sync_ns;
	if (result < 0)
		tfl_loader_free_version(loader, TFL_STEAL(job->loaded));
	return result;
}

/* The number is there already: its own file serves if it is the same, and anything else would be a surprise. */
static int load_stored(struct tfl_loader *loader, struct tfl_loader_job *job, const struct tfl_staged *staged,
		       const struct tfl_store_file *file, struct tfl_error *error)
{
	int result;

	if (strcmp(file->content.sha256, staged->content.sha256) != 0)
		return tfl_error_set(error, -EEXIST, "version %" PRIu64 " of '%s' holds other content (sha256 %.12s..., this is %.12s...); "
				     "load it as another version, or erase that one first", job->number, job->model, file->content.sha256,
				     staged->content.sha256);
	result = load_file(loader, job, file->fd, &file->content, NULL, error);
	if (result == 0)
		keep_proof(loader, job, &file->content);
	return result;
}

static int run_load(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	struct tfl_store *store = loader->options.store;
	struct tfl_staged *staged = NULL;
	struct tfl_store_file file;
	struct tfl_error why;
	int result = check_cancelled(loader, 0, error);

	if (result == 0)
		result = tfl_loader_read_conf(loader, job, error);
	if (result == 0)
		result = tfl_store_stage(store, job->fd, &staged, error);
	job->fd = tfl_close(job->fd);
	if (result < 0)
		return result;
	result = tfl_store_open_version(store, job->model, job->number, &file, &why);
	if (result == 0) {
		result = load_stored(loader, job, staged, &file, error);
		tfl_close(file.fd);
	} else if (result == -ENOENT) {
		result = load_and_publish(loader, job, staged, error);
	} else {
		result = tfl_error_set(error, -EEXIST, "version %" PRIu64 " is there, but cannot be used: %s; erase it first", job->number,
				       why.text);
	}
	if (result == 0) {
		job->loaded->stored.copy_ns = staged->content.copy_ns;
		job->loaded->stored.hash_ns = staged->content.hash_ns;
	}
	tfl_store_discard(store, staged);
	return result;
}

/* Lists the complete version, or says why there is none. */
static void deliver_loaded(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	struct tfl_registry *registry = loader->options.registry;
	const struct tfl_version *version = job->loaded;
	uint64_t active = tfl_loader_active(loader, job->model);
	char figures[160], proven[48] = "", why[TFL_ERROR_TEXT_MAX];

	loader->starting -= job->starting;
	if (job->error.code < 0) {
		tfl_loader_tell_job(loader, job, TFL_CHANGE_REFUSED, job->error.text);
		if (job->no_room && !job->reason[0])
			job->listed->end = TFL_END_NO_ROOM;
		if (job->was_listed)
			tfl_registry_set_state(registry, job->listed, TFL_VERSION_END, job->reason[0] ? job->reason : job->error.text,
					       now());
		else
			tfl_registry_remove(registry, job->listed);
		tfl_loader_version_changed(loader, job->model, job->number);
		tfl_loader_load_failed(loader, job);
	} else {
		job->loaded->used_ns = tfl_clock_ns();
		tfl_loader_catch_up(loader, job);
		tfl_registry_replace(registry, job->listed, job->loaded);
		tfl_loader_hold(loader, job);
		tfl_registry_set_state(registry, job->loaded, TFL_VERSION_AVAILABLE, "", now());
		if (version->proof.proof_ns > 0)
			snprintf(proven, sizeof(proven), ", proven in %.1f ms", (double)version->proof.proof_ns / 1e6);
		snprintf(figures, sizeof(figures), "%" PRIu64 " bytes, loaded in %.1f ms, runs in %.3f ms%s", version->file_bytes,
			 (double)version->load_ns / 1e6, (double)version->run_ns / 1e6, proven);
		tfl_loader_tell_configured(loader, job->model, &job->conf);
		if (!job->returns)
			tfl_loader_configure_route(loader, job->model, &job->conf, job->starting);
		tfl_loader_tell_job(loader, job, TFL_CHANGE_LOADED, figures);
		tfl_loader_auto_swap(loader, job, active, why);
		tfl_loader_tell_active(loader, job->model, active, !job->settles, why);
		if (active && active != job->number && !job->returns && tfl_loader_active(loader, job->model) == job->number)
			tfl_loader_swapped(loader, job->loaded, active, &(struct tfl_trial_wish){0});
		tfl_loader_version_changed(loader, job->model, job->number);
		/* What was asked for is answered when it is remembered too: that it is not unloaded any more, say. */
		if (job->settles || job->tidies)
			tfl_loader_remember(loader, job->loaded, TFL_STEAL(job->done), job->data);
	}
	tfl_loader_release(loader, job, NULL);
	if (job->done)
		job->done(job->data, job->loaded, job->error.code < 0 ? &job->error : NULL);
}

static const struct tfl_loader_kind restore_kind = { run_restore, deliver_loaded };
static const struct tfl_loader_kind load_kind = { run_load, deliver_loaded };

struct tfl_loader_job *tfl_loader_make_restore(struct tfl_loader *loader, struct tfl_version *listed, const struct tfl_model_conf *conf)
{
	struct tfl_loader_job *job = tfl_loader_make_job(&restore_kind, listed->model_name, listed->number, NULL, NULL);

	if (!job)
		return NULL;
	job->listed = tfl_version_ref(listed);
	job->was_listed = true;
	job->conf = *conf;
	job->generation = loader->generation;
	return job;
}

static int run_keep(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	int result = tfl_store_write_statistics(loader->options.store, job->model, job->number, job->statistics, job->statistics_size, error);

	return result < 0 ? tfl_error_prefix(error, result, "statistics are not kept") : 0;
}

/* What was not written is news again; where the version has gone meanwhile, it wrote its last words itself. */
static void not_kept(struct tfl_loader *loader, const struct tfl_loader_job *job, const struct tfl_version *version)
{
	if (!version || version->state != TFL_VERSION_AVAILABLE || !version->history)
		return;
	tfl_history_not_kept(version->history);
	tfl_conditions_raise(loader->options.conditions, TFL_CONDITION_STATISTICS, job->model, job->number, job->error.text);
}

static void deliver_keep(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	struct tfl_version *version = tfl_loader_listed(loader, job);

	if (version)
		version->keeping = false;
	if (job->error.code < 0)
		not_kept(loader, job, version);
	else
		tfl_conditions_clear(loader->options.conditions, TFL_CONDITION_STATISTICS, job->model, job->number);
	if (job->done)
		job->done(job->data, NULL, job->error.code < 0 ? &job->error : NULL);
}

static const struct tfl_loader_kind keep_kind = { run_keep, deliver_keep, .also_at_end = true, .quick = true };

int tfl_loader_keep(struct tfl_loader *loader, const struct tfl_version *version, void *statistics, size_t size, tfl_loader_done done,
		    void *data)
{
	struct tfl_loader_job *job = tfl_loader_make_job(&keep_kind, version->model_name, version->number, done, data);

	if (!job) {
		free(statistics);
		return -ENOMEM;
	}
	job->statistics = statistics;
	job->statistics_size = size;
	tfl_loader_submit(loader, job);
	return 0;
}

static int run_call(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	return job->call(job->data, error);
}

static void deliver_call(struct tfl_loader *loader, struct tfl_loader_job *job)
{
	job->done(job->data, NULL, job->error.code < 0 ? &job->error : NULL);
}

static const struct tfl_loader_kind call_kind = { run_call, deliver_call, .quick = true };

int tfl_loader_call(struct tfl_loader *loader, int (*run)(void *data, struct tfl_error *error), tfl_loader_done done, void *data)
{
	struct tfl_loader_job *job = tfl_loader_make_job(&call_kind, "", 0, done, data);

	if (!job)
		return -ENOMEM;
	job->call = run;
	tfl_loader_submit(loader, job);
	return 0;
}

void tfl_loader_keep_last(struct tfl_loader *loader, struct tfl_version *version)
{
	struct tfl_error error;
	struct tfl_writer writer;
	struct tfl_moment now;
	_tfl_free_ void *data = NULL;
	size_t size;
	int result;

	if (!version->history)
		return;
	tfl_moment_now(&now);
	tfl_history_advance(version->history, version->recorder, now.seconds);
	if (!tfl_history_changed(version->history))
		return;
	tfl_writer_init(&writer);
	result = tfl_history_encode(version->history, &now, &writer, &data, &size);
	tfl_writer_finish(&writer);
	if (result == 0)
		result = tfl_store_write_statistics(loader->options.store, version->model_name, version->number, data, size, &error);
	else
		tfl_error_set(&error, result, "%s", strerror(-result));
	if (result < 0 && result != -ENOENT)
		tfl_log_error("the last statistics of version %" PRIu64 " of '%s' are not kept: %s", version->number, version->model_name, error.text);
}

/* One more than the greatest there is. */
static int next_number(const struct tfl_registry *registry, const char *name, uint64_t *ret_number, struct tfl_error *error)
{
	const struct tfl_registry_model *model = tfl_registry_find(registry, name, strlen(name));
	uint64_t greatest = model ? model->versions[model->version_count - 1]->number : 0;

	if (greatest == TFL_VERSION_MAX)
		return tfl_error_set(error, -EINVAL, "'%s' has the greatest version there can be; give the number of this one", name);
	*ret_number = greatest + 1;
	return 0;
}

/* The version that the registry shows while this number is loaded: the one that stands there, or a new one. */
static int list_loading(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	struct tfl_registry *registry = loader->options.registry;
	struct tfl_version *version = tfl_loader_listed(loader, job);
	int result = 0;

	job->was_listed = version != NULL;
	if (version && version->state != TFL_VERSION_END)
		return tfl_error_set(error, -EEXIST, "version %" PRIu64 " of '%s' is %s; load it as another version, or unload that one "
				     "first", job->number, job->model, tfl_version_state_to_string(version->state));
	if (version) {
		job->listed = tfl_version_ref(version);
		strcpy(job->reason, version->reason);
	} else {
		result = tfl_loader_make_version(loader, job->model, job->number, &job->listed, error);
		if (result == 0)
			result = tfl_registry_add(registry, job->listed, error);
	}
	if (result == 0)
		tfl_registry_set_state(registry, job->listed, TFL_VERSION_LOADING, "", now());
	return result;
}

static int check_name(const char *model, uint64_t number, struct tfl_error *error)
{
	if (!tfl_model_name_valid(model, strlen(model)))
		return tfl_error_set(error, -EINVAL, "'%.*s' is no model name: " TFL_MODEL_NAME_RULE, TFL_MODEL_NAME_MAX, model);
	if (number > TFL_VERSION_MAX)
		return tfl_error_set(error, -EINVAL, "version %" PRIu64 " cannot be, expected 1 to %" PRIu64, number,
				     (uint64_t)TFL_VERSION_MAX);
	return 0;
}

int tfl_loader_load(struct tfl_loader *loader, const char *model, uint64_t number, int fd, uid_t uid, pid_t pid, tfl_loader_done done,
		    void *data, struct tfl_error *error)
{
	struct tfl_loader_job *job = tfl_loader_make_job(&load_kind, model, number, done, data);
	int result;

	if (!job) {
		tfl_close(fd);
		return tfl_error_set(error, -ENOMEM, "not enough memory to load '%s'", model);
	}
	job->fd = fd;
	job->origin = (struct tfl_origin){ uid, pid, now() };
	job->counted = job->settles = job->asked = true;
	result = check_name(model, number, error);
	if (result == 0 && number == 0)
		result = next_number(loader->options.registry, model, &job->number, error);
	if (result == 0 && tfl_loader_full(loader))
		result = tfl_error_set(error, -ENOBUFS, "%d loads wait already; try again later", TFL_LOADS_MAX);
	if (result == 0)
		result = list_loading(loader, job, error);
	if (result < 0)
		tfl_loader_job_free(job);
	else
		tfl_loader_begin(loader, job, NULL);
	return result;
}

/* As a start would, and by what model.conf says now. */
static int run_reload(struct tfl_loader *loader, struct tfl_loader_job *job, struct tfl_error *error)
{
	int result = tfl_loader_read_conf(loader, job, error);

	return result < 0 ? result : run_restore(loader, job, error);
}

static const struct tfl_loader_kind reload_kind = { run_reload, deliver_loaded };

int tfl_loader_reload(struct tfl_loader *loader, struct tfl_version *version, uid_t uid, tfl_loader_done done, void *data,
		      struct tfl_error *error)
{
	struct tfl_loader_job *job;

	if (version->state != TFL_VERSION_END)
		return tfl_error_set(error, -EEXIST, "version %" PRIu64 " of '%s' is %s already", version->number, version->model_name,
				     tfl_version_state_to_string(version->state));
	if (tfl_loader_full(loader))
		return tfl_error_set(error, -ENOBUFS, "%d loads wait already; try again later", TFL_LOADS_MAX);
	job = tfl_loader_make_job(&reload_kind, version->model_name, version->number, done, data);
	if (!job)
		return tfl_error_set(error, -ENOMEM, "not enough memory to load '%s'", version->model_name);
	job->listed = tfl_version_ref(version);
	job->was_listed = job->counted = job->settles = job->asked = true;
	job->origin.uid = uid;
	strcpy(job->reason, version->reason);
	tfl_registry_set_state(loader->options.registry, version, TFL_VERSION_LOADING, "", now());
	tfl_loader_begin(loader, job, NULL);
	return 0;
}
