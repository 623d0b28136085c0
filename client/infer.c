/* SPDX-License-Identifier: MIT */
/*
 * A request object: what will be sent (model, inputs, options), and what came back (result.h). The request half refers to the caller's
 * tensors and never copies them. Both halves keep their memory from call to call.
 *
 * Always: the outputs are those of the last call, or none.
 */
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "client/client.h"
#include "client/outcome.h"
#include "client/result.h"
#include "proto/name.h"
#include "proto/request.h"
#include "proto/writer.h"

/* Tensors of the request: inputs, or wanted outputs. Names are owned. */
struct tensor_set {
	struct tfl_wire_tensor *tensors;
	unsigned count, capacity;
};

struct tfl_infer {
	struct tfl_model_ref ref;
	char *key;
	char *signature;
	int timeout_ms; /* 0: the client's */
	unsigned priority;
	uint64_t session; /* 0: none */
	bool float_outputs;
	struct tensor_set inputs;
	struct tensor_set wanted;
	struct tfl_writer writer;
	struct tfl_call call;
	struct tfl_call_error error;
	tfl_infer_callback callback; /* of a submitted request */
	void *userdata;
	struct tfl_result result;
};

int tfl_infer_create(const char *model, struct tfl_infer **ret_infer, struct tfl_call_error *error)
{
	_tfl_free_ struct tfl_infer *infer = NULL;
	struct tfl_error reason;

	infer = calloc(1, sizeof(*infer));
	if (!infer)
		return tfl_call_no_memory(error);
	if (tfl_model_ref_parse(model ? model : "", &infer->ref, &reason) < 0)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "%s", reason.text);
	tfl_writer_init(&infer->writer);
	*ret_infer = TFL_STEAL(infer);
	return 0;
}

static void free_name(struct tfl_wire_tensor *tensor)
{
	char *name = (char *)tensor->name.text; /* only ever what strdup gave */

	tfl_freep(&name);
}

static void tensor_set_clear(struct tensor_set *set)
{
	for (unsigned i = 0; i < set->count; i++)
		free_name(&set->tensors[i]);
	set->count = 0;
}

void tfl_infer_destroy(struct tfl_infer *infer)
{
	if (!infer)
		return;
	tfl_client_forget(&infer->call);
	tensor_set_clear(&infer->inputs);
	tensor_set_clear(&infer->wanted);
	tfl_freep(&infer->inputs.tensors);
	tfl_freep(&infer->wanted.tensors);
	tfl_result_finish(&infer->result);
	tfl_freep(&infer->key);
	tfl_freep(&infer->signature);
	tfl_writer_finish(&infer->writer);
	tfl_freep(&infer);
}

/* The entry for a name, or for an index where name is NULL; made where there is none. */
static int tensor_set_entry(struct tensor_set *set, const char *name, unsigned index, struct tfl_wire_tensor **ret_tensor,
			    struct tfl_call_error *error)
{
	struct tfl_wire_tensor *tensor;

	if (!name && index >= TFL_INFER_TENSORS_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "the number of a tensor is 0 to %u, not %u", TFL_INFER_TENSORS_MAX - 1,
				     index);
	for (unsigned i = 0; i < set->count; i++) {
		tensor = &set->tensors[i];
		if (name ? tfl_string_equal(tensor->name, name) : tensor->index == (int32_t)index) {
			*ret_tensor = tensor;
			return 0;
		}
	}
	if (set->count == TFL_INFER_TENSORS_MAX)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "a request names at most %u tensors a side", TFL_INFER_TENSORS_MAX);
	if (set->count == set->capacity) {
		unsigned capacity = set->capacity ? 2 * set->capacity : 4;

		tensor = reallocarray(set->tensors, capacity, sizeof(*tensor));
		if (!tensor)
			return tfl_call_no_memory(error);
		set->tensors = tensor;
		set->capacity = capacity;
	}
	tensor = &set->tensors[set->count];
	*tensor = (struct tfl_wire_tensor){.index = name ? -1 : (int32_t)index, .dtype = TFL_DTYPE_COUNT, .shape.rank = -1};
	if (name) {
		tensor->name = tfl_string_of(strdup(name));
		if (!tensor->name.text)
			return tfl_call_no_memory(error);
	}
	set->count++;
	*ret_tensor = tensor;
	return 0;
}

/* Whether shape, type and bytes are those of one tensor. */
static int check_input(enum tfl_dtype dtype, const struct tfl_wire_shape *shape, const void *data, size_t bytes,
		       struct tfl_call_error *error)
{
	char text[TFL_SHAPE_STRING_MAX];
	size_t wanted;

	tfl_shape_to_string(shape->dims, (unsigned)shape->rank, text, sizeof(text));
	if (tfl_wire_shape_bytes(shape, dtype, &wanted) < 0)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "an input of shape %s and type %s has no fixed size, or too large a one",
				     text, tfl_dtype_to_string(dtype));
	if (wanted != bytes)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "an input of shape %s and type %s has %zu bytes, not %zu", text,
				     tfl_dtype_to_string(dtype), wanted, bytes);
	if (!data && bytes)
		return tfl_call_fail(error, TFL_INVALID_ARGUMENT, "the data of an input is NULL");
	return 0;
}

static int set_input(struct tfl_infer *infer, const char *name, unsigned index, enum tfl_dtype dtype, const int32_t *dims, unsigned rank,
		     const void *data, size_t bytes)
{
	static const uint8_t nothing[1];
	struct tfl_wire_shape shape = {.rank = (int32_t)rank};
	struct tfl_wire_tensor *tensor;
	int r;

	if (rank > TFL_RANK_MAX)
		return tfl_call_fail(&infer->error, TFL_INVALID_ARGUMENT, "an input has at most %d dimensions, not %u", TFL_RANK_MAX, rank);
	if (rank && !dims)
		return tfl_call_fail(&infer->error, TFL_INVALID_ARGUMENT, "the dimensions of an input are NULL");
	if (rank)
		memcpy(shape.dims, dims, rank * sizeof(*dims));
	r = check_input(dtype, &shape, data, bytes, &infer->error);
	if (r == 0)
		r = tensor_set_entry(&infer->inputs, name, index, &tensor, &infer->error);
	if (r < 0)
		return r;
	tensor->dtype = dtype;
	tensor->shape = shape;
	tensor->data = (struct tfl_slice){bytes ? data : nothing, bytes};
	return 0;
}

int tfl_infer_set_input(struct tfl_infer *infer, unsigned index, enum tfl_dtype dtype, const int32_t *dims, unsigned rank, const void *data,
			size_t bytes)
{
	return set_input(infer, NULL, index, dtype, dims, rank, data, bytes);
}

int tfl_infer_set_input_by_name(struct tfl_infer *infer, const char *name, enum tfl_dtype dtype, const int32_t *dims, unsigned rank,
				const void *data, size_t bytes)
{
	return set_input(infer, name ? name : "", 0, dtype, dims, rank, data, bytes);
}

void tfl_infer_clear_inputs(struct tfl_infer *infer)
{
	tensor_set_clear(&infer->inputs);
}

void tfl_infer_set_float_outputs(struct tfl_infer *infer, bool float_outputs)
{
	infer->float_outputs = float_outputs;
}

int tfl_infer_add_output(struct tfl_infer *infer, unsigned index)
{
	struct tfl_wire_tensor *tensor;

	return tensor_set_entry(&infer->wanted, NULL, index, &tensor, &infer->error);
}

int tfl_infer_add_output_by_name(struct tfl_infer *infer, const char *name)
{
	struct tfl_wire_tensor *tensor;

	return tensor_set_entry(&infer->wanted, name ? name : "", 0, &tensor, &infer->error);
}

/* Puts a copy of @p text, which may be NULL, in the place of *text_of_request. */
static int set_text(struct tfl_infer *infer, char **text_of_request, const char *text, const char *what, size_t max)
{
	char *copy = NULL;

	if (text && (!*text || strlen(text) > max))
		return tfl_call_fail(&infer->error, TFL_INVALID_ARGUMENT, "%s has 1 to %zu bytes, not %zu", what, max, strlen(text));
	if (text) {
		copy = strdup(text);
		if (!copy)
			return tfl_call_no_memory(&infer->error);
	}
	free(*text_of_request);
	*text_of_request = copy;
	return 0;
}

int tfl_infer_set_key(struct tfl_infer *infer, const char *key)
{
	return set_text(infer, &infer->key, key, "a key", TFL_KEY_MAX);
}

int tfl_infer_set_signature(struct tfl_infer *infer, const char *name)
{
	return set_text(infer, &infer->signature, name, "the name of a signature", TFL_SIGNATURE_NAME_MAX);
}

void tfl_infer_set_timeout(struct tfl_infer *infer, int timeout_ms)
{
	infer->timeout_ms = timeout_ms;
}

int tfl_infer_set_priority(struct tfl_infer *infer, unsigned priority)
{
	if (priority > TFL_PRIORITY_MAX)
		return tfl_call_fail(&infer->error, TFL_INVALID_ARGUMENT, "a priority is 1 (highest) to %d, or 0 for the model's, not %u",
				     TFL_PRIORITY_MAX, priority);
	infer->priority = priority;
	return 0;
}

void tfl_infer_set_session(struct tfl_infer *infer, uint64_t session)
{
	infer->session = session;
}

static struct tfl_infer *infer_of(struct tfl_call *call)
{
	return (struct tfl_infer *)((char *)call - offsetof(struct tfl_infer, call));
}

static int take(struct tfl_call *call, struct tfl_slice encoded, struct tfl_call_error *error)
{
	return tfl_result_take(&infer_of(call)->result, encoded, error);
}

/* Microseconds that the daemon may take, where the caller set a limit; 0: the daemon decides. */
static uint64_t daemon_timeout(int64_t now, int64_t at)
{
	uint64_t us = (uint64_t)(at - now) / 1000;

	if (at == TFL_NO_DEADLINE)
		return 0;
	return us < TFL_TIMEOUT_US_MAX ? us : TFL_TIMEOUT_US_MAX;
}

/* Which version is to answer, and before whom. */
static void choose(const struct tfl_infer *infer, struct tfl_infer_head *head)
{
	head->session = infer->session;
	if (infer->session)
		return;
	head->model = tfl_string_of(infer->ref.name);
	head->version = infer->ref.version;
	head->label = tfl_string_of(infer->ref.label[0] ? infer->ref.label : NULL);
	head->key = tfl_string_of(infer->key);
	head->priority = infer->priority;
}

static int write_request(struct tfl_infer *infer, uint64_t timeout_us)
{
	struct tfl_infer_head head = {
		.signature = tfl_string_of(infer->signature),
		.timeout_us = timeout_us,
		.dtype = infer->float_outputs ? TFL_FLOAT32 : TFL_DTYPE_COUNT,
	};
	struct tfl_error reason;
	int r;

	choose(infer, &head);
	tfl_infer_request_write(&infer->writer, infer->call.msgid, &head, infer->inputs.tensors, infer->inputs.count, infer->wanted.tensors,
				infer->wanted.count);
	r = tfl_writer_check(&infer->writer, &reason);
	if (r < 0)
		return r == -ENOMEM ? tfl_call_no_memory(&infer->error)
				    : tfl_call_fail(&infer->error, TFL_INVALID_ARGUMENT, "%s", reason.text);
	return 0;
}

/* Makes the request ready to go: its id, its deadline, its frame. Then *ret_begun is set, and a failure is the request's. */
static int prepare(struct tfl_client *client, struct tfl_infer *infer, bool *ret_begun)
{
	struct tfl_call *call = &infer->call;
	bool told;
	int r;

	r = tfl_client_begin(client, call, infer->timeout_ms, &told);
	*ret_begun = r == 0;
	if (r == -ECANCELED)
		return tfl_call_fail(&infer->error, TFL_CANCELLED, "the client is being destroyed");
	if (r < 0)
		return r;
	tfl_result_clear(&infer->result);
	call->passed_fd = -1;
	call->cancellable = true;
	call->writer = &infer->writer;
	call->error = &infer->error;
	call->take = take;
	call->done = NULL;
	return write_request(infer, told ? daemon_timeout(call->begun_at, call->deadline.at) : 0);
}

/* The call was over at @p now. */
static int settle(struct tfl_infer *infer, int result, int64_t now)
{
	if (result == 0) {
		infer->error.status = TFL_OK;
		infer->error.message[0] = '\0';
	}
	infer->result.round_trip_ns = (uint64_t)(now - infer->call.begun_at);
	return result;
}

int tfl_client_infer(struct tfl_client *client, struct tfl_infer *infer)
{
	bool begun;
	int r = prepare(client, infer, &begun);

	if (r == 0)
		r = tfl_client_exchange(client, &infer->call);
	return begun ? settle(infer, r, tfl_clock_now()) : r;
}

static void done(struct tfl_call *call, int result)
{
	struct tfl_infer *infer = infer_of(call);

	settle(infer, result, call->ended_at);
	infer->callback(infer, result, infer->userdata); /* which may have destroyed it */
}

int tfl_client_submit(struct tfl_client *client, struct tfl_infer *infer, tfl_infer_callback callback, void *userdata)
{
	bool begun;
	int r;

	if (!callback)
		return -EINVAL;
	r = prepare(client, infer, &begun);
	if (r < 0)
		return r;
	infer->callback = callback;
	infer->userdata = userdata;
	infer->call.done = done;
	return tfl_client_start(client, &infer->call);
}

int tfl_client_cancel(struct tfl_client *client, struct tfl_infer *infer)
{
	return tfl_client_give_up(client, &infer->call);
}

enum tfl_status tfl_infer_status(const struct tfl_infer *infer)
{
	return infer->error.status;
}

const char *tfl_infer_error_message(const struct tfl_infer *infer)
{
	return infer->error.message;
}

unsigned tfl_infer_output_count(const struct tfl_infer *infer)
{
	return infer->result.count;
}

const struct tfl_output *tfl_infer_output(const struct tfl_infer *infer, unsigned position)
{
	return position < infer->result.count ? &infer->result.outputs[position] : NULL;
}

const struct tfl_output *tfl_infer_output_by_name(const struct tfl_infer *infer, const char *name)
{
	for (unsigned i = 0; i < infer->result.count; i++) {
		if (strcmp(infer->result.outputs[i].name, name) == 0)
			return &infer->result.outputs[i];
	}
	return NULL;
}

uint64_t tfl_infer_version(const struct tfl_infer *infer)
{
	return infer->result.version;
}

uint64_t tfl_infer_wait_ns(const struct tfl_infer *infer)
{
	return infer->result.wait_ns;
}

uint64_t tfl_infer_compute_ns(const struct tfl_infer *infer)
{
	return infer->result.compute_ns;
}

uint64_t tfl_infer_round_trip_ns(const struct tfl_infer *infer)
{
	return infer->result.round_trip_ns;
}
