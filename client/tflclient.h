/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Client library of tfld, the inference daemon of this device. Needs libc; compile with `pkg-config --cflags --libs libtflclient`.
 *
 * A program connects once, makes a request object once, and uses both for every inference. Here the model is the sample "digits", whose
 * input is a picture of 28 x 28 pixels from 0 (black) to 1 (white):
 *
 * @code
 * #include <stdio.h>
 * #include <tflclient.h>
 *
 * int main(void)
 * {
 *         static float pixels[28 * 28];
 *         const int32_t dims[] = {1, 28, 28, 1};
 *         struct tfl_client *client = NULL;
 *         struct tfl_infer *infer = NULL;
 *         struct tfl_call_error error;
 *         int r;
 *
 *         r = tfl_client_connect(NULL, NULL, &client, &error);
 *         if (r == 0)
 *                 r = tfl_infer_create("digits", &infer, &error);
 *         if (r == 0)
 *                 r = tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 4, pixels, sizeof(pixels));
 *         if (r == 0) {
 *                 tfl_infer_set_float_outputs(infer, true);
 *                 r = tfl_client_infer(client, infer);
 *         }
 *         if (r == 0) {
 *                 const float *scores = (const float *)tfl_infer_output(infer, 0)->data;
 *
 *                 printf("score of class 0: %f\n", scores[0]);
 *         } else {
 *                 fprintf(stderr, "%s\n", infer ? tfl_infer_error_message(infer) : error.message);
 *         }
 *         tfl_infer_destroy(infer);
 *         tfl_client_destroy(client);
 *         return r < 0;
 * }
 * @endcode
 *
 * Results. Functions that return int give 0, or a negative errno that belongs to the wire's status (enum tfl_status): -EINVAL
 * INVALID_ARGUMENT, -ENOENT NOT_FOUND, -EEXIST ALREADY_EXISTS, -EACCES PERMISSION_DENIED, -ENOBUFS RESOURCE_EXHAUSTED, -ETIMEDOUT
 * DEADLINE_EXCEEDED, -ECANCELED CANCELLED, -EAGAIN UNAVAILABLE, -ENOSYS UNIMPLEMENTED, -ENOTSUP UNSUPPORTED_MODEL, -EBADMSG INVALID_MODEL,
 * -EPROTO PROTOCOL_ERROR, -EIO INTERNAL, -ECONNRESET DISCONNECTED, -EDQUOT BUDGET_EXCEEDED. Memory that this process lacks is -ENOMEM with
 * RESOURCE_EXHAUSTED.
 * Status and sentence stand in the request object, or in the struct tfl_call_error that the other functions take. On failure what a
 * ret_… parameter points to is left as it was.
 *
 * Waiting. Every call ends within its timeout, whatever the daemon does. A timeout that the caller sets (in the options, for the client
 * or for a request) is told to the daemon, which then gives up an inference by that time; while none is set, the 10 seconds of the default
 * bound only the wait here, and how long an inference may take is for the daemon's operator to say ("timeout" in tfld.conf and model.conf).
 * Signals do not cut a wait short; SIGPIPE is never raised.
 *
 * Threads. A client object may be used by several threads at once: each call waits for its own result, and requests and results of all
 * share the one connection, so that none waits for another's. A request object, and a value, belongs to one thread at a time (it may be
 * another one later). Nobody else may be in a call with an object that is being destroyed. Different objects share nothing. Nothing here is
 * for signal handlers; after fork() only one side may go on using an object, and the other only closes it by exec() or its end.
 *
 * Event loops. tfl_client_submit() sends a request without waiting; when tfl_client_fd() becomes readable, tfl_client_dispatch() takes what
 * has come and calls back. See there for the rules, and for an example.
 *
 * Connection. When the daemon restarts, the next call connects again by itself. A request of which a byte had been sent at that moment
 * ends with TFL_DISCONNECTED and is never sent twice: only the caller knows whether that is harmless. Requests that had not been sent yet
 * go over the new connection.
 */
#ifndef TFLCLIENT_H
#define TFLCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tfl-types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/** Where the daemon listens unless a path or $TFL_SOCKET says otherwise. */
#define TFL_DEFAULT_SOCKET "/run/tfld/tfld.sock"

/** What a call that failed has to say. Plain memory of the caller; written only by a call that fails. */
struct tfl_call_error {
	enum tfl_status status;
	char message[512]; /**< one sentence, UTF-8, NUL-terminated: what is wrong and what would be right */
};

/** "NOT_FOUND" for TFL_NOT_FOUND, "UNKNOWN" for a number that is no status. Static. */
const char *tfl_status_name(enum tfl_status status);

/** numpy's name of an element type ("float32"), "unknown" for a number that is none. Static. */
const char *tfl_dtype_name(enum tfl_dtype dtype);

/** Bytes of one element; 0 for types without a fixed whole number of bytes (string, resource, variant, int4). */
size_t tfl_dtype_bytes(enum tfl_dtype dtype);

/* ---- Client: a connection ---- */

/**
 * A connection to one daemon. Created by tfl_client_connect(), lives until tfl_client_destroy(). Takes three descriptors, and two more from
 * the first tfl_client_fd() on; all are closed by exec().
 */
struct tfl_client;

/** Zero everything and set `size`; what is left 0 means the default. Later releases add members at the end. */
struct tfl_client_options {
	size_t size; /**< sizeof(struct tfl_client_options) */
	/** Longest time of one call, in milliseconds. 0: 10,000, not told to the daemon; negative: no limit here. */
	int timeout_ms;
	/**
	 * How long a call on a lost connection tries to reach the daemon again, in milliseconds and within its own timeout, pausing 10 ms
	 * at first and twice as long each time, up to 320 ms. 0: 2,000; negative: not at all, calls fail with TFL_DISCONNECTED.
	 */
	int reconnect_ms;
	/** Bytes of submitted requests that may wait because the daemon does not take them; see tfl_client_submit(). 0: 64 MiB. */
	size_t queue_bytes;
};

/**
 * Connects to the socket @p path; NULL: $TFL_SOCKET, else TFL_DEFAULT_SOCKET. @p options may be NULL. Tries once, without the back-off of
 * later calls.
 *
 * On success *ret_client is the caller's, to be destroyed. Errors: -EAGAIN (UNAVAILABLE) when nobody listens there, -EACCES, -EINVAL for a
 * path that is too long or is no socket, or options of the wrong size, -ETIMEDOUT, -ENOMEM. @p error may be NULL.
 */
int tfl_client_connect(const char *path, const struct tfl_client_options *options, struct tfl_client **ret_client,
		       struct tfl_call_error *error);

/**
 * Closes the connection and frees the client. Submitted requests end with TFL_CANCELLED: their callbacks run before this returns. Allowed
 * in a callback too, also in one of this client's. Request objects and values live on by themselves. NULL is allowed; keeps errno.
 */
void tfl_client_destroy(struct tfl_client *client);

/** Changes the longest time of calls that begin later: milliseconds, 0 or negative as in the options. */
void tfl_client_set_timeout(struct tfl_client *client, int timeout_ms);

/* ---- Inference ---- */

/**
 * One request and, after a call, its result. Made for reuse: set up once, called for every picture or sound; the library's buffers grow to
 * the largest request and stay. Independent of any client; may be used with several, one at a time.
 */
struct tfl_infer;

/** One output. Later releases may add members at the end. */
struct tfl_output {
	const char *name; /**< the model's name for it (or its signature's, where the request names one), "" without one */
	enum tfl_dtype dtype;
	unsigned rank;       /**< number of dimensions, 0 for a scalar */
	const int32_t *dims; /**< rank dimensions, the slowest first */
	const void *data;    /**< row-major, little-endian, aligned to 64 bytes */
	size_t bytes;
};

/**
 * Makes a request for @p model: "digits" (the version that is active, or that a route picks), "digits@2", or "digits@canary" (a label).
 * Whether it exists is seen when it is called. On success *ret_infer is the caller's, to be destroyed. Errors: -EINVAL for what is no
 * such name, -ENOMEM. @p error may be NULL.
 */
int tfl_infer_create(const char *model, struct tfl_infer **ret_infer, struct tfl_call_error *error);

/**
 * Frees the request and its result. Of a submitted one the daemon is told that nobody wants it any more, and no callback runs; to be called
 * by the thread that dispatches, or while none does. NULL is allowed; keeps errno.
 */
void tfl_infer_destroy(struct tfl_infer *infer);

/**
 * Sets input number @p index (counted from 0 as the model has them): @p rank dimensions of elements of type @p dtype, @p bytes bytes in
 * all, row-major, little-endian. float32 is accepted for quantised inputs too: the daemon quantises.
 *
 * Where the model leaves a dimension free (-1 in the "shape_signature" that tfl_client_describe() tells), it may be of any size from 1 on,
 * and another one in the next call. The first request of a size takes longer: the daemon makes ready for it.
 *
 * @p dims is copied. @p data is borrowed: it is read during every tfl_client_infer() with this request, and from every tfl_client_submit()
 * until the callback. So it stays the caller's and must stay valid until the last of them is over or the input was set anew; its content
 * may change between calls. It needs no alignment.
 *
 * Errors, with a sentence in the request: -EINVAL (rank above 8, a negative dimension, bytes that do not fit to shape and type, a type
 * without fixed size, an index above 63, more than 64 inputs), -ENOMEM.
 */
int tfl_infer_set_input(struct tfl_infer *infer, unsigned index, enum tfl_dtype dtype, const int32_t *dims, unsigned rank, const void *data,
			size_t bytes);

/**
 * The same for the input that the model, or the request's signature, calls @p name (copied, UTF-8). A request names an input either way, not
 * both.
 */
int tfl_infer_set_input_by_name(struct tfl_infer *infer, const char *name, enum tfl_dtype dtype, const int32_t *dims, unsigned rank,
				const void *data, size_t bytes);

/** Forgets all inputs. A request without any is for a model without any. */
void tfl_infer_clear_inputs(struct tfl_infer *infer);

/** Whether quantised outputs come back as float32, scaled by the daemon. Without it, the default, they come as the model has them. */
void tfl_infer_set_float_outputs(struct tfl_infer *infer, bool float_outputs);

/** Asks for output number @p index only, and for others added so. Without any, all outputs come. -EINVAL above 63, -ENOMEM. */
int tfl_infer_add_output(struct tfl_infer *infer, unsigned index);

/** The same for the output that the model, or the request's signature, calls @p name (copied, UTF-8). */
int tfl_infer_add_output_by_name(struct tfl_infer *infer, const char *name);

/** Key by which a route picks the version (the same key, the same version); copied; NULL: none. -EINVAL unless 1 to 256 bytes, -ENOMEM. */
int tfl_infer_set_key(struct tfl_infer *infer, const char *key);

/**
 * Runs the signature of the model that has this @p name, "serving_default" or "encode" (tfl_client_describe() lists them): inputs and outputs
 * are then its own, by their names there or by their numbers in it. Copied; NULL, as at first: none, which is the model's main graph. Whether
 * it exists is seen when the request is called. -EINVAL unless 1 to 255 bytes, -ENOMEM.
 */
int tfl_infer_set_signature(struct tfl_infer *infer, const char *name);

/** Longest time of this request in milliseconds; the daemon gives up by then too. 0: the client's; negative: no limit here. */
void tfl_infer_set_timeout(struct tfl_infer *infer, int timeout_ms);

/** 1 is the highest priority, 255 the lowest, 0 the model's default. -EINVAL for another number. */
int tfl_infer_set_priority(struct tfl_infer *infer, unsigned priority);

/**
 * Lets the request run in a session of the client that it is sent with (tfl_client_open_session()): its version answers, whatever model,
 * version, key and priority the request has. Its signature counts: those of a model share the session's state. 0: in none.
 */
void tfl_infer_set_session(struct tfl_infer *infer, uint64_t session);

/**
 * Sends @p infer and waits for its result, which replaces the one before. 0, or the error that tfl_infer_status() and
 * tfl_infer_error_message() tell; after a failure there are no outputs. Both objects stay the caller's and usable.
 */
int tfl_client_infer(struct tfl_client *client, struct tfl_infer *infer);

/** Status of the last call (or of the last setter that failed since); TFL_OK before the first. */
enum tfl_status tfl_infer_status(const struct tfl_infer *infer);

/** Its sentence, "" for TFL_OK. Valid until the next call with @p infer. */
const char *tfl_infer_error_message(const struct tfl_infer *infer);

/** Outputs of the last call; 0 when it failed. */
unsigned tfl_infer_output_count(const struct tfl_infer *infer);

/**
 * Output number @p position of the result, or NULL past the last. Its shape is that of this result: it follows inputs of a free size, and
 * may depend on their content. Valid until the next call with @p infer, or its end.
 */
const struct tfl_output *tfl_infer_output(const struct tfl_infer *infer, unsigned position);

/** The output that the model (or the request's signature) calls @p name, or NULL. Valid as above. */
const struct tfl_output *tfl_infer_output_by_name(const struct tfl_infer *infer, const char *name);

/** The version that computed the result; 0 when there is none. */
uint64_t tfl_infer_version(const struct tfl_infer *infer);

/**
 * Times of the last result in nanoseconds: waiting in the daemon, computing, and in all as seen from here (also of a failed call): until
 * tfl_client_infer() had the result, or until the reply to a submitted request came in.
 */
uint64_t tfl_infer_wait_ns(const struct tfl_infer *infer);
uint64_t tfl_infer_compute_ns(const struct tfl_infer *infer);
uint64_t tfl_infer_round_trip_ns(const struct tfl_infer *infer);

/*
 * Sessions. A model with state (speech, key words: one piece of sound after the other) remembers from one request to the next only within a
 * session, which is an interpreter of the daemon's that this client has to itself; without one, each request is a first one. The requests of a
 * session run one after the other, in the order in which they were sent. It keeps its version, and ends with the client's connection: after a
 * restart of the daemon, or when it was not used for long, or its version was taken out of service, requests end with TFL_NOT_FOUND and a
 * sentence that says so. One that ended half-way (by its timeout, say) has left the session without a state: then it has to be reset.
 */

/**
 * Opens a session with a model, named as for tfl_infer_create(); @p key: for a route, NULL for none. On success *ret_session is its number, to
 * be given to tfl_infer_set_session(), and closed in the end. Errors: as of an inference; RESOURCE_EXHAUSTED at the limits of the model, the
 * user, or the memory.
 */
int tfl_client_open_session(struct tfl_client *client, const char *model, const char *key, uint64_t *ret_session,
			    struct tfl_call_error *error);

/** The state of the session becomes what it was at first, behind the requests that were sent before. NOT_FOUND where it is over. */
int tfl_client_reset_session(struct tfl_client *client, uint64_t session, struct tfl_call_error *error);

/** Ends the session, when the requests that were sent before are done. NOT_FOUND where it was over already. */
int tfl_client_close_session(struct tfl_client *client, uint64_t session, struct tfl_call_error *error);

/*
 * Several threads, one client: each has a request of its own, and what they send and receive shares the connection.
 *
 * @code
 * #include <pthread.h>
 * #include <stdio.h>
 * #include <tflclient.h>
 *
 * static struct tfl_client *client;
 *
 * static void *work(void *data)
 * {
 *         static const float pixels[28 * 28] = {0};
 *         const int32_t dims[] = {1, 28, 28, 1};
 *         struct tfl_infer *infer = NULL;
 *         int *failed = (int *)data;
 *
 *         if (tfl_infer_create("digits", &infer, NULL) < 0 ||
 *             tfl_infer_set_input(infer, 0, TFL_FLOAT32, dims, 4, pixels, sizeof(pixels)) < 0)
 *                 *failed = 1;
 *         for (int i = 0; i < 100 && !*failed; i++)
 *                 *failed = tfl_client_infer(client, infer) < 0;
 *         if (*failed)
 *                 fprintf(stderr, "%s\n", infer ? tfl_infer_error_message(infer) : "no request");
 *         tfl_infer_destroy(infer);
 *         return NULL;
 * }
 *
 * int main(void)
 * {
 *         struct tfl_call_error error;
 *         pthread_t threads[4];
 *         int failed[4] = {0}, started = 0, sum = 0;
 *
 *         if (tfl_client_connect(NULL, NULL, &client, &error) < 0) {
 *                 fprintf(stderr, "%s\n", error.message);
 *                 return 1;
 *         }
 *         while (started < 4 && pthread_create(&threads[started], NULL, work, &failed[started]) == 0)
 *                 started++;
 *         for (int i = 0; i < started; i++) {
 *                 pthread_join(threads[i], NULL);
 *                 sum += failed[i];
 *         }
 *         tfl_client_destroy(client);
 *         return sum > 0 || started < 4;
 * }
 * @endcode
 */

/* ---- Event loops ---- */

/*
 * A program that waits for many things at once submits requests, polls one descriptor for readability among its others, and dispatches:
 *
 * @code
 * #include <poll.h>
 * #include <stdio.h>
 * #include <tflclient.h>
 *
 * static int left = 100, failures;
 *
 * static void on_result(struct tfl_infer *infer, int result, void *userdata)
 * {
 *         struct tfl_client *client = (struct tfl_client *)userdata;
 *
 *         if (result < 0) {
 *                 fprintf(stderr, "%s\n", tfl_infer_error_message(infer));
 *                 failures++;
 *         }
 *         if (left > 0 && tfl_client_submit(client, infer, on_result, client) == 0)
 *                 left--;
 * }
 *
 * int main(void)
 * {
 *         static const float pixels[28 * 28] = {0};
 *         const int32_t dims[] = {1, 28, 28, 1};
 *         struct tfl_infer *infers[8] = {NULL};
 *         struct tfl_client *client = NULL;
 *         struct tfl_call_error error;
 *         struct pollfd poller;
 *
 *         if (tfl_client_connect(NULL, NULL, &client, &error) < 0) {
 *                 fprintf(stderr, "%s\n", error.message);
 *                 return 1;
 *         }
 *         for (int i = 0; i < 8; i++) {
 *                 if (tfl_infer_create("digits", &infers[i], NULL) < 0 ||
 *                     tfl_infer_set_input(infers[i], 0, TFL_FLOAT32, dims, 4, pixels, sizeof(pixels)) < 0 ||
 *                     tfl_client_submit(client, infers[i], on_result, client) < 0)
 *                         failures++;
 *         }
 *         poller.fd = tfl_client_fd(client);
 *         poller.events = POLLIN;
 *         while (tfl_client_pending(client) > 0) {
 *                 poll(&poller, 1, -1);
 *                 tfl_client_dispatch(client);
 *         }
 *         for (int i = 0; i < 8; i++)
 *                 tfl_infer_destroy(infers[i]);
 *         tfl_client_destroy(client);
 *         return failures > 0;
 * }
 * @endcode
 *
 * A submitted request is the client's until its callback begins: leave it alone meanwhile, but for tfl_client_cancel() and
 * tfl_infer_destroy(). Every submit that returned 0 is followed by one call of its callback, unless the request is destroyed before: with a
 * result, a failure, TFL_DEADLINE_EXCEEDED when its time is over, TFL_CANCELLED, or TFL_DISCONNECTED. Callbacks run in
 * tfl_client_dispatch() alone, in the thread that called it (and in tfl_client_destroy()), never inside of submit or cancel, and in the
 * order in which requests ended, which need not be that of submitting. A callback may do anything: submit its request again, destroy it or
 * another one, cancel others, make calls that wait, dispatch, destroy the client.
 *
 * Calls that wait may be mixed with submitted requests on the same client, from the same thread or others; results of submitted requests
 * that come meanwhile are kept for the next dispatch.
 */

/** How a submitted request ended: @p result is 0, or what tfl_client_infer() would have returned; the rest stands in @p infer. */
typedef void (*tfl_infer_callback)(struct tfl_infer *infer, int result, void *userdata);

/**
 * A descriptor that is readable when there is something for tfl_client_dispatch() to do: bytes came from the daemon, a request waits to be
 * sent on, a deadline came, the daemon may be back. Poll it for reading alone, level-triggered (which is what poll() and epoll do unless
 * told otherwise); no timeout is needed for the library's sake. It stays the same until the client is destroyed, over lost connections too,
 * and is the client's: do not read or close it. (It is an epoll instance with the socket and a timer in it.)
 *
 * Errors: -EIO when the system gives no more descriptors, -ENOMEM. Once it was given, later calls give it again and do not fail.
 */
int tfl_client_fd(struct tfl_client *client);

/**
 * Sends @p infer without waiting for its result, and calls @p callback when it has ended. Never blocks: what the daemon does not take at
 * once waits in the client and goes on in later dispatches. The bytes of input that wait are not copied, so they may not change before the
 * callback.
 *
 * Errors, after which no callback comes: -ENOBUFS (RESOURCE_EXHAUSTED) when more than the client's queue_bytes would wait, while one
 * request may always wait whatever its size; submit again after a later callback. -EINVAL for a request that is under way already, or no
 * callback. Else as tfl_client_infer(): a request that cannot be sent, -ENOMEM; -ECANCELED while the client is being destroyed.
 */
int tfl_client_submit(struct tfl_client *client, struct tfl_infer *infer, tfl_infer_callback callback, void *userdata);

/**
 * Does what is due, and runs the callbacks of requests that have ended by then. Never blocks, and does a bounded amount of work: what is
 * left makes tfl_client_fd() readable again. Returns how many callbacks it ran. May be called at any time.
 */
int tfl_client_dispatch(struct tfl_client *client);

/** Submitted requests whose callback has not begun. */
unsigned tfl_client_pending(struct tfl_client *client);

/**
 * Ends @p infer with TFL_CANCELLED, and tells the daemon to do no more work for it. The callback of a submitted request runs in the next
 * dispatch; a tfl_client_infer() that another thread is waiting in returns. From any thread, as long as @p infer is not destroyed
 * meanwhile. -ENOENT, without a sentence, when it is not under way with @p client, or has its result already.
 */
int tfl_client_cancel(struct tfl_client *client, struct tfl_infer *infer);

/* ---- Answers of the management calls ---- */

/** A tree of values as in JSON. The root is its caller's, to be destroyed; every other pointer into it lives as long as the root. */
struct tfl_value;

enum tfl_value_kind {
	TFL_VALUE_NIL = 0,
	TFL_VALUE_BOOL = 1,
	TFL_VALUE_INT = 2,  /**< fits into int64_t */
	TFL_VALUE_UINT = 3, /**< only what does not fit into int64_t */
	TFL_VALUE_DOUBLE = 4,
	TFL_VALUE_STRING = 5,
	TFL_VALUE_BINARY = 6,
	TFL_VALUE_ARRAY = 7,
	TFL_VALUE_MAP = 8
};

/** Frees the whole tree; @p root must be what a call returned. NULL is allowed; keeps errno. */
void tfl_value_destroy(struct tfl_value *root);

/*
 * All of these allow NULL, which reads as nil; so chains such as tfl_value_uint(tfl_value_get(tfl_value_at(v, 0), "version"), 0) need no
 * checks. A value of another kind gives the fallback.
 */
enum tfl_value_kind tfl_value_kind_of(const struct tfl_value *value);

/** Entries of a map or array, bytes of a string (without its NUL) or of binary data, else 0. */
size_t tfl_value_size(const struct tfl_value *value);

/** The entry of a map, or NULL. */
const struct tfl_value *tfl_value_get(const struct tfl_value *map, const char *key);

/** Element of an array, or value of a map's entry, in the daemon's order; NULL past the last. */
const struct tfl_value *tfl_value_at(const struct tfl_value *value, size_t index);

/** Key of a map's entry; NULL past the last. */
const char *tfl_value_key_at(const struct tfl_value *map, size_t index);

const char *tfl_value_string(const struct tfl_value *value, const char *fallback);
const void *tfl_value_binary(const struct tfl_value *value);
int64_t tfl_value_int(const struct tfl_value *value, int64_t fallback);
uint64_t tfl_value_uint(const struct tfl_value *value, uint64_t fallback); /**< fallback for negative numbers too */
double tfl_value_double(const struct tfl_value *value, double fallback);   /**< integers too */
bool tfl_value_bool(const struct tfl_value *value, bool fallback);

/* ---- Management ---- */

/*
 * In all of these: @p model is "digits", "digits@2" or, where something is read, "digits@canary" (a label). On success *ret_value (if @p
 * ret_value is not NULL) is the caller's, to be destroyed; doc/protocol.md names the keys. @p error may be NULL. Beside the errors above:
 * -EINVAL for what is no name of a model.
 */

/**
 * Gives the daemon the model file behind @p fd, which is copied into its store and stays the caller's. Without a version it becomes the
 * next one. Returns when the version is ready to serve or refused; that can take as long as loading takes: see tfl_client_set_timeout().
 * After -ETIMEDOUT or -ECONNRESET the daemon may still finish loading.
 */
int tfl_client_load(struct tfl_client *client, const char *model, int fd, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Loads a version ("digits@2") that lies in the daemon's store and is not in memory, and waits until it serves or was refused. */
int tfl_client_reload(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Takes a version (without one: every version of the model) out of service; with @p erase the files go from the store too. */
int tfl_client_unload(struct tfl_client *client, const char *model, bool erase, struct tfl_value **ret_value, struct tfl_call_error *error);

/**
 * Makes a version that is AVAILABLE ("digits@2") the active one, which serves the next request that names none. UNAVAILABLE where it is not
 * loaded. The answer's `remembered` is false where the swap could not be written down, and a restart may undo it.
 */
int tfl_client_swap(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** How tfl_client_swap_with() swaps. Zero everything and set `size`. Later releases add members at the end. */
struct tfl_swap_options {
	size_t size;            /**< sizeof(struct tfl_swap_options) */
	bool no_trial;          /**< the version is not on trial, and a trial of the active version ends */
	uint64_t trial_requests; /**< a trial takes so many requests; 0: as the model is configured */
	uint64_t trial_seconds;  /**< and so long; likewise */
};

/** tfl_client_swap(), with a say in the trial that follows. The answer's `trial` says whether there is one. */
int tfl_client_swap_with(struct tfl_client *client, const char *model, const struct tfl_swap_options *options, struct tfl_value **ret_value,
			 struct tfl_call_error *error);

/** How the trial of a model stands, and which of its versions were rejected: `trial.get` in doc/protocol.md. */
int tfl_client_trial(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Makes the version of a model that was active before the active one again. NOT_FOUND where none was. */
int tfl_client_roll_back(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** How the requests that name a model and no version are split, and what each version has had of them. */
int tfl_client_route(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** What tfl_client_set_route() sets; what is NULL, 0 or false stays as it is. Set `size`. Later releases add members at the end. */
struct tfl_route_options {
	size_t size;       /**< sizeof(struct tfl_route_options) */
	const char *route; /**< "1=90 2=10": versions and their weights */
	const char *salt;  /**< another one splits the keys otherwise; at first it is the model's name */
	const char *key;   /**< "request" (what tfl_infer_set_key() says, else the uid; so at first) or "machine-id": this device */
	uint64_t shadow;   /**< the version that gets copies of the requests and never answers */
	bool no_shadow;    /**< there is to be none */
};

/**
 * Splits the requests that name a model and no version, from the next one on: a key always gets the same version. @p options NULL: as its
 * model.conf says. The versions must be AVAILABLE. The answer is that of tfl_client_route(), and `remembered` and `reason` as for a swap.
 */
int tfl_client_set_route(struct tfl_client *client, const char *model, const struct tfl_route_options *options,
			 struct tfl_value **ret_value,
			 struct tfl_call_error *error);

/**
 * Lets a label of a model ("canary") stand for version @p version, which must be AVAILABLE, whatever it stood for before; 0 removes it.
 * The answer's `before` is what it stood for; `remembered` as for a swap. UNAVAILABLE where the version is not loaded, NOT_FOUND where
 * there is no such version, or no such label to be removed.
 */
int tfl_client_set_label(struct tfl_client *client, const char *model, const char *label, uint64_t version, struct tfl_value **ret_value,
			 struct tfl_call_error *error);

/** What tfl_client_record() keeps. Zero everything and set `size` and `count`. Later releases add members at the end. */
struct tfl_record_options {
	size_t size;    /**< sizeof(struct tfl_record_options) */
	unsigned count; /**< so many samples, 1 to 256 */
	unsigned every; /**< of each so many-th request; 0: of each one */
	unsigned interval_ms; /**< one in this time at most, instead of `every`; 0: as they come */
	bool outputs;         /**< what was answered is kept too, as what is expected of any later version */
};

/**
 * From now on requests to a model ("digits@2": to that version) are kept on the device as samples, which later versions are proven and validated with,
 * until there are as many as are wanted: see doc/privacy.md. Returns when that has begun, with what tfl_client_recorded() gives. ALREADY_EXISTS while
 * the model is being recorded, RESOURCE_EXHAUSTED where there is no room for more.
 */
int tfl_client_record(struct tfl_client *client, const char *model, const struct tfl_record_options *options, struct tfl_value **ret_value,
		      struct tfl_call_error *error);

/** What is kept of a model, and how its latest recording is going on, or ended. */
int tfl_client_recorded(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Ends the recording of a model; what was kept stays. The same answer. */
int tfl_client_stop_recording(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Ends it and deletes what was recorded. Samples that somebody put there by hand stay. */
int tfl_client_erase_recorded(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** The bytes of one sample, by its name as tfl_client_recorded() lists it: `data`, as doc/proof.md describes the file. */
int tfl_client_read_sample(struct tfl_client *client, const char *model, const char *sample, struct tfl_value **ret_value,
			   struct tfl_call_error *error);

/** All models with their versions and states. */
int tfl_client_list(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Inputs, outputs, labels and memory of one version (without one: the active). */
int tfl_client_describe(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Requests and latencies by version; @p model without a version, NULL: of all models. */
int tfl_client_stats(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/** The same with the buckets of each latency, so that what came between two answers can be told. */
int tfl_client_stats_buckets(struct tfl_client *client, const char *model, struct tfl_value **ret_value, struct tfl_call_error *error);

/**
 * How sure one version (without one: the active) has been of its verdicts: histograms, counts per class and the baseline, of the last
 * @p minutes (1 to 1440; 0: of all since it was first active), with @p series each of these minutes, or hours past 60, alone too.
 */
int tfl_client_histogram(struct tfl_client *client, const char *model, unsigned minutes, bool series, struct tfl_value **ret_value,
			 struct tfl_call_error *error);

/**
 * What one version of a model, "digits@1", and the version @p against of it did since they were loaded, in the same moment: requests by result, latencies
 * with their buckets, and of each output that says how sure it is a histogram. Which of them is better is the caller's to compute.
 */
int tfl_client_compare(struct tfl_client *client, const char *model, uint64_t against, struct tfl_value **ret_value,
		       struct tfl_call_error *error);

#define TFL_HISTOGRAM_BINS 50
#define TFL_HISTOGRAM_FINE 336

/** How often which confidence came, as the reply to tfl_client_histogram() has it, but all counters of it, zeros too. */
struct tfl_histogram {
	uint64_t invalid; /* verdicts that were no numbers */
	uint64_t sum;     /* of confidences, in units of 2^-24 */
	uint64_t bins[TFL_HISTOGRAM_BINS];    /* of the confidence, from 0 to 1 */
	uint64_t margins[TFL_HISTOGRAM_BINS]; /* of the margin to the second best */
	uint64_t fine[TFL_HISTOGRAM_FINE];    /* of the confidence again, the finer the nearer it is to 0 or 1 */
};

/** Makes what was seen in the last @p minutes (0: all) the baseline that a version's drift is measured against. */
int tfl_client_set_baseline(struct tfl_client *client, const char *model, unsigned minutes, struct tfl_value **ret_value,
			    struct tfl_call_error *error);

/**
 * Makes @p histogram, of another device or another time, the baseline of output @p output (its index). INVALID_ARGUMENT where its counters do
 * not agree on how many verdicts there are, or where the output has no confidence.
 */
int tfl_client_give_baseline(struct tfl_client *client, const char *model, unsigned output, const struct tfl_histogram *histogram,
			     struct tfl_value **ret_value, struct tfl_call_error *error);

/**
 * Everything that is counted, in Prometheus' text format: the key "text", and "content_type" as an HTTP server would call it.
 */
int tfl_client_metrics(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error);

/**
 * What changed: versions loaded, refused, active, gone, drifted, and what went wrong, the oldest first, over restarts of the daemon. About @p model, or a
 * version of it, alone; NULL: about everything. @p since: not what was before, in seconds since 1970; 0: all that is remembered.
 */
int tfl_client_changes(struct tfl_client *client, const char *model, uint64_t since, struct tfl_value **ret_value, struct tfl_call_error *error);

/**
 * A change as it happens, with the keys that tfl_client_changes() has for each; valid during the callback. NULL: the connection was lost, or the
 * program took none for too long; changes may have been missed, and to hear of more it has to subscribe again.
 */
typedef void (*tfl_change_callback)(const struct tfl_value *change, void *userdata);

/**
 * From now on @p callback hears of each change of a model, or of all (@p model NULL). It runs in tfl_client_dispatch() alone, of several
 * threads that dispatch at once in any, and may do anything: subscribe again, destroy the client. A second subscription of the same client
 * takes the place of the first, also where it fails: then there is none.
 */
int tfl_client_subscribe(struct tfl_client *client, const char *model, tfl_change_callback callback, void *userdata,
			 struct tfl_call_error *error);

/** Whether the daemon is ready, and what is wrong though it serves. */
int tfl_client_health(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error);

/** Version of daemon and protocol, and its features. */
int tfl_client_server_info(struct tfl_client *client, struct tfl_value **ret_value, struct tfl_call_error *error);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
