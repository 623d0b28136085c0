/* SPDX-License-Identifier: MIT */
/*
 * The management calls: one row a method, which says what it is called and which parameters it takes; one function does them all. The
 * answer becomes a tree whose keys are the protocol's, so a newer daemon's keys reach an older library's callers.
 */
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "client/client.h"
#include "client/outcome.h"
#include "client/value.h"
#include "proto/name.h"
#include "proto/request.h"
#include "proto/writer.h"

struct manage_call {
	struct tfl_call call;
	struct tfl_value **ret_value;
};

struct manage_params {
	const char *model; /* NULL: none */
	const struct tfl_route_options *route; /* of route.set; NULL: none */
	bool clear;                            /* likewise */
	const char *label; /* of label.set, with the number that it is to stand for, 0 for none; NULL: none */
	uint64_t version;
	bool erase;
	unsigned minutes;
	bool series;
	bool buckets;
	const struct tfl_wire_histogram *histogram; /* of baseline.set; NULL: none */
	int32_t output;                             /* likewise; -1: none */
	uint64_t since;
	const struct tfl_record_options *record;    /* NULL: none */
	const char *sample;                         /* likewise */
	uint64_t against;                           /* of compare */
	const struct tfl_swap_options *swap;        /* likewise */
	const char *key;                            /* likewise */
	uint64_t session;
	int fd;                                     /* -1: none */
};

static int take(struct tfl_call *call, struct tfl_slice result, struct tfl_call_error *error)
{
	struct manage_call *manage = (struct manage_call *)call;

	return manage->ret_value ? tfl_value_decode(result, manage->ret_value, error) : 0;
}

static void take_route(const struct tfl_route_options *route, struct tfl_model_params *params)
{
	params->route = tfl_string_of(route->route);
	params->salt = tfl_string_of(route->salt);
	params->by = tfl_string_of(route->key);
	params->shadow = route->shadow;
	params->no_shadow = route->no_shadow;
}

static bool takes(const struct tfl_param_table *table, const char *key)
{
	unsigned row = 0;

	while (row < table->count && strcmp(table->rows[row].key, key) != 0)
		row++;
	return row < table->count;
}

/* What is asked of the text behind a model's name. Their sentences name the model where they have a %s. */
static const struct {
	const struct tfl_param_table *table;
	bool needs_version; /* else it takes neither a version nor a label */
	const char *sentence;
} refs[] = {
	{&tfl_stats_params, false, "statistics are of all versions of a model: '%s' without '@'"},
	{&tfl_subscribe_params, false, "changes are told of all versions of a model: '%s' without '@'"},
	{&tfl_model_rollback_params, false, "a rollback goes to the version before: '%s' without '@'"},
	{&tfl_trial_params, false, "a trial is a model's: '%s' without '@'"},
	{&tfl_record_params, false, "samples are of all versions of a model: '%s' without '@'"},
	{&tfl_record_read_params, false, "samples are of all versions of a model: '%s' without '@'"},
	{&tfl_route_get_params, false, "a route is of all versions of a model: '%s' without '@'"},
	{&tfl_route_set_params, false, "a route is of all versions of a model: '%s' without '@'"},
	{&tfl_label_set_params, false, "the version that a label is to stand for is given by itself: '%s' without '@'"},
	{&tfl_model_swap_params, true, "a version is needed, as in '%s@2'"},
	{&tfl_model_reload_params, true, "a version is needed, as in '%s@2'"},
	{&tfl_compare_params, true, "a version is needed, as in '%s@2'"},
};

static int check_ref(const struct tfl_param_table *table, const struct tfl_model_ref *ref, struct tfl_call_error *error)
{
	for (unsigned i = 0; i < TFL_ARRAY_SIZE(refs); i++) {
		bool given = ref->version || ref->label[0];

		if (refs[i].table == table && given != refs[i].needs_version)
			return tfl_call_fail(error, TFL_INVALID_ARGUMENT, refs[i].sentence, ref->name);
	}
	if (ref->label[0] && !takes(table, "label"))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a label is not enough here: '%s@2' names a version by its number",
				     ref->name);
	return 0;
}

static int manage(struct tfl_client *client, const char *method, const struct tfl_param_table *table, const struct manage_params *given,
		  struct tfl_value **ret_value, struct tfl_call_error *error)
{
	TFL_CLEANUP(tfl_writer_finish) struct tfl_writer writer;
	struct tfl_model_params params = {
		.delete_files = given->erase,
		.minutes = given->minutes,
		.series = given->series,
		.buckets = given->buckets,
		.output = given->output,
		.since = given->since,
		.sample = tfl_string_of(given->sample),
		.against = given->against,
		.key = tfl_string_of(given->key),
		.session = given->session,
	};
	struct tfl_model_ref ref;
	struct tfl_error reason;
	struct manage_call exchange = {
		.call = {.passed_fd = given->fd,
			 .subscribes = table == &tfl_subscribe_params,
			 .writer = &writer,
			 .error = error,
			 .take = take},
		.ret_value = ret_value,
	};
	bool told;
	int r;

	if (given->record) {
		params.count = given->record->count;
		params.every = given->record->every;
		params.interval_ms = given->record->interval_ms;
		params.outputs = given->record->outputs;
	}
	if (given->swap) {
		params.no_trial = given->swap->no_trial;
		params.trial_requests = given->swap->trial_requests;
		params.trial_seconds = given->swap->trial_seconds;
	}
	tfl_writer_init(&writer);
	if (given->model) {
		if (tfl_model_ref_parse(given->model, &ref, &reason) < 0)
			return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "%s", reason.text);
		r = check_ref(table, &ref, error);
		if (r < 0)
			return r;
		params.model = tfl_string_of(ref.name);
		params.clear = given->clear;
		if (given->route)
			take_route(given->route, &params);
		params.version = given->label ? given->version : ref.version;
		params.label = tfl_string_of(given->label ? given->label : ref.label[0] ? ref.label : NULL);
	}
	if (tfl_client_begin(client, &exchange.call, 0, &told) < 0)
		return tfl_call_fail(error, TFL_CANCELLED, "the client is being destroyed");
	if (given->histogram)
		tfl_baseline_set_write(&writer, exchange.call.msgid, &params, given->histogram);
	else
		tfl_model_params_write(&writer, exchange.call.msgid, method, table, &params);
	r = tfl_writer_check(&writer, &reason);
	if (r < 0)
		return r == -ENOMEM ? tfl_call_no_memory(error) : tfl_call_fail(error, TFL_INTERNAL, "%s", reason.text);
	return tfl_client_exchange(client, &exchange.call);
}

static int missing_model(struct tfl_call_error *error)
{
	return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a name of a model is needed, not NULL");
}

int tfl_client_load(struct tfl_client *client, const char *model, int fd, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = fd};

	if (!model)
		return missing_model(error);
	if (fd < 0)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a descriptor of the model's file is needed, not %d", fd);
	return manage(client, TFL_METHOD_MODEL_LOAD, &tfl_model_load_params, &params, ret_value, error);
}

int tfl_client_reload(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return model ? manage(client, TFL_METHOD_MODEL_RELOAD, &tfl_model_reload_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_unload(struct tfl_client *client, const char *model, bool erase, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .erase = erase, .fd = -1};

	return model ? manage(client, TFL_METHOD_MODEL_UNLOAD, &tfl_model_unload_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_swap(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return model ? manage(client, TFL_METHOD_MODEL_SWAP, &tfl_model_swap_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_swap_with(struct tfl_client *client, const char *model, const struct tfl_swap_options *options, struct tfl_value **ret_value,
			 struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .swap = options, .fd = -1};

	if (!options || options->size != sizeof(*options))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "options are needed, with `size` set to sizeof(struct tfl_swap_options)");
	return model ? manage(client, TFL_METHOD_MODEL_SWAP, &tfl_model_swap_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_trial(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return model ? manage(client, TFL_METHOD_TRIAL_GET, &tfl_trial_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_roll_back(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return model ? manage(client, TFL_METHOD_MODEL_ROLLBACK, &tfl_model_rollback_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_set_label(struct tfl_client *client, const char *model, const char *label, uint64_t version, struct tfl_value **ret_value,
			 struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .label = label, .version = version, .fd = -1};

	if (!label || !tfl_label_valid(label, strlen(label)))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "'%.80s' is no label: " TFL_LABEL_RULE, label ? label : "");
	if (version > TFL_VERSION_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "versions are numbers from 1 to %llu", TFL_VERSION_MAX);
	return model ? manage(client, TFL_METHOD_LABEL_SET, &tfl_label_set_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_route(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return model ? manage(client, TFL_METHOD_ROUTE_GET, &tfl_route_get_params, &params, ret_value, error) : missing_model(error);
}

/* What the daemon could not read, or would take for something else. */
static int check_route(const struct tfl_route_options *options, struct tfl_call_error *error)
{
	if (options->size < sizeof(*options))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "the size of the options is %zu, less than any version has had",
				     options->size);
	if (options->route && (!*options->route || strlen(options->route) > TFL_ROUTE_WIRE_MAX))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a route has 1 to %d bytes, as in \"1=90 2=10\"", TFL_ROUTE_WIRE_MAX);
	if (options->salt && !tfl_model_name_valid(options->salt, strlen(options->salt)))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "'%.80s' is no salt: " TFL_MODEL_NAME_RULE, options->salt);
	if (options->key && !tfl_model_name_valid(options->key, strlen(options->key)))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "the key of a route is 'request' or 'machine-id', not '%.80s'",
				     options->key);
	if (options->shadow > TFL_VERSION_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "versions are numbers from 1 to %llu", TFL_VERSION_MAX);
	return 0;
}

int tfl_client_set_route(struct tfl_client *client, const char *model, const struct tfl_route_options *options,
			 struct tfl_value **ret_value,
			 struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .route = options, .clear = !options, .fd = -1};
	int r = options ? check_route(options, error) : 0;

	if (r < 0)
		return r;
	return model ? manage(client, TFL_METHOD_ROUTE_SET, &tfl_route_set_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_describe(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return model ? manage(client, TFL_METHOD_MODEL_DESCRIBE, &tfl_model_describe_params, &params, ret_value, error)
		     : missing_model(error);
}

int tfl_client_stats(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return manage(client, TFL_METHOD_STATS, &tfl_stats_params, &params, ret_value, error);
}

int tfl_client_stats_buckets(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .buckets = true, .fd = -1};

	return manage(client, TFL_METHOD_STATS, &tfl_stats_params, &params, ret_value, error);
}

int tfl_client_histogram(struct tfl_client *client, const char *model, unsigned minutes, bool series, struct tfl_value **ret_value,
			 struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .minutes = minutes, .series = series, .fd = -1};

	return model ? manage(client, TFL_METHOD_HISTOGRAM, &tfl_histogram_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_compare(struct tfl_client *client, const char *model, uint64_t against, struct tfl_value **ret_value,
		       struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .against = against, .fd = -1};

	if (!against || against > TFL_VERSION_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a version to compare with is needed, a number from 1");
	return model ? manage(client, TFL_METHOD_COMPARE, &tfl_compare_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_changes(struct tfl_client *client, const char *model, uint64_t since, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .since = since, .fd = -1};

	return manage(client, TFL_METHOD_CHANGES, &tfl_changes_params, &params, ret_value, error);
}

int tfl_client_set_baseline(struct tfl_client *client, const char *model, unsigned minutes, struct tfl_value **ret_value,
			    struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .minutes = minutes, .output = -1, .fd = -1};

	return model ? manage(client, TFL_METHOD_BASELINE_SET, &tfl_baseline_set_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_give_baseline(struct tfl_client *client, const char *model, unsigned output, const struct tfl_histogram *histogram,
			     struct tfl_value **ret_value, struct tfl_call_error *error)
{
	const struct tfl_wire_histogram wire = {
		.invalid = histogram ? histogram->invalid : 0,
		.sum = histogram ? histogram->sum : 0,
		.bins = histogram ? histogram->bins : NULL,
		.margins = histogram ? histogram->margins : NULL,
		.fine = histogram ? histogram->fine : NULL,
		.bin_count = TFL_HISTOGRAM_BINS,
		.fine_count = TFL_HISTOGRAM_FINE,
	};
	struct manage_params params = {.model = model, .histogram = &wire, .output = (int32_t)output, .fd = -1};

	if (!histogram || output > INT32_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a histogram and the index of an output are needed");
	return model ? manage(client, TFL_METHOD_BASELINE_SET, &tfl_baseline_set_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_record(struct tfl_client *client, const char *model, const struct tfl_record_options *options, struct tfl_value **ret_value,
		      struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .record = options, .fd = -1};

	if (!options || options->size != sizeof(*options))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "options are needed, with `size` set to sizeof(struct tfl_record_options)");
	return model ? manage(client, TFL_METHOD_RECORD_START, &tfl_record_start_params, &params, ret_value, error) : missing_model(error);
}

static int record(struct tfl_client *client, const char *method, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};

	return model ? manage(client, method, &tfl_record_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_recorded(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	return record(client, TFL_METHOD_RECORD_GET, model, ret_value, error);
}

int tfl_client_stop_recording(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	return record(client, TFL_METHOD_RECORD_STOP, model, ret_value, error);
}

int tfl_client_erase_recorded(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	return record(client, TFL_METHOD_RECORD_ERASE, model, ret_value, error);
}

int tfl_client_read_sample(struct tfl_client *client, const char *model, const char *sample, struct tfl_value **ret_value,
			   struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .sample = sample, .fd = -1};

	if (!sample || strlen(sample) >= TFL_SAMPLE_NAME_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a name of a sample is needed, as tfl_client_recorded() lists it");
	return model ? manage(client, TFL_METHOD_RECORD_READ, &tfl_record_read_params, &params, ret_value, error) : missing_model(error);
}

int tfl_client_subscribe(struct tfl_client *client, const char *model, tfl_change_callback callback, void *userdata,
			 struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .fd = -1};
	int r;

	if (!callback)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a callback is needed to hear of changes");
	pthread_mutex_lock(&client->lock);
	tfl_client_drop_subscription(client);
	client->subscription.callback = callback; /* a change may come right behind the answer */
	client->subscription.userdata = userdata;
	pthread_mutex_unlock(&client->lock);
	r = manage(client, TFL_METHOD_SUBSCRIBE, &tfl_subscribe_params, &params, NULL, error);
	if (r == 0)
		return 0;
	pthread_mutex_lock(&client->lock);
	tfl_client_drop_subscription(client);
	pthread_mutex_unlock(&client->lock);
	return r;
}

static int manage_plain(struct tfl_client *client, const char *method, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	static const struct manage_params params = {.fd = -1};

	return manage(client, method, NULL, &params, ret_value, error);
}

int tfl_client_list(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	return manage_plain(client, TFL_METHOD_MODEL_LIST, ret_value, error);
}

int tfl_client_metrics(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	return manage_plain(client, TFL_METHOD_METRICS, ret_value, error);
}

int tfl_client_health(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	return manage_plain(client, TFL_METHOD_HEALTH, ret_value, error);
}

int tfl_client_server_info(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error)
{
	return manage_plain(client, TFL_METHOD_SERVER_INFO, ret_value, error);
}

int tfl_client_open_session(struct tfl_client *client, const char *model, const char *key, uint64_t *ret_session, struct tfl_call_error *error)
{
	struct manage_params params = {.model = model, .key = key, .fd = -1};
	struct tfl_value *opened = NULL;
	int r;

	if (key && (!*key || strlen(key) > TFL_KEY_MAX))
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a key has 1 to %d bytes, not %zu", TFL_KEY_MAX, strlen(key));
	if (!model)
		return missing_model(error);
	r = manage(client, TFL_METHOD_SESSION_OPEN, &tfl_session_open_params, &params, &opened, error);
	if (r < 0)
		return r;
	*ret_session = tfl_value_uint(tfl_value_get(opened, "session"), 0);
	tfl_value_destroy(opened);
	return *ret_session ? 0 : tfl_call_fail(error, TFL_PROTOCOL_ERROR, "the daemon has opened a session and does not say which");
}

static int tend_session(struct tfl_client *client, const char *method, uint64_t session, struct tfl_call_error *error)
{
	struct manage_params params = {.session = session, .fd = -1};

	if (!session || session > TFL_SESSION_ID_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a session that was opened is needed, not %llu", (unsigned long long)session);
	return manage(client, method, &tfl_session_params, &params, NULL, error);
}

int tfl_client_reset_session(struct tfl_client *client, uint64_t session, struct tfl_call_error *error)
{
	return tend_session(client, TFL_METHOD_SESSION_RESET, session, error);
}

int tfl_client_close_session(struct tfl_client *client, uint64_t session, struct tfl_call_error *error)
{
	return tend_session(client, TFL_METHOD_SESSION_CLOSE, session, error);
}
