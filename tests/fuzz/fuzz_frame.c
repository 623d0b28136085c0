/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary bytes as a stream: through the assembler, in one piece and in random ones, into messages and through every parser of the wire
 * layer, on both sides. A fault is a crash, a sanitizer's report, or a broken promise:
 *
 *   - the frames do not depend on how the stream is cut, and the account is even at the end;
 *   - views lie inside of the frame;
 *   - reader and msgpack-c agree on what is a message;
 *   - a parsed infer request or response, written again, is parsed to the same;
 *   - every refusal has a negative code and a sentence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/util.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/reader.h"
#include "proto/request.h"
#include "proto/response.h"
#include "proto/writer.h"
#include "tests/builder/random.h"
#include "tests/proto/peer.h"

#define PEER_SIZE_MAX 4096
#define QUOTA (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static struct tfl_writer writer; /* kept from input to input, as a worker keeps its own */
static size_t charged;

static int charge(void *data, size_t bytes)
{
	if (bytes > QUOTA - charged)
		return -EDQUOT;
	charged += bytes;
	return 0;
}

static void release(void *data, size_t bytes)
{
	CHECK(bytes <= charged);
	charged -= bytes;
}

static bool refused(int r, const struct tfl_error *error)
{
	CHECK(r <= 0);
	CHECK(r == 0 || (error->code == r && strlen(error->text) > 0));
	return r < 0;
}

static void check_inside(struct tfl_slice frame, const void *data, size_t size)
{
	const uint8_t *at = data;

	if (!data)
		return;
	CHECK(at >= frame.data && at <= frame.data + frame.size);
	CHECK(size <= (size_t)(frame.data + frame.size - at));
}

static void check_string(struct tfl_slice frame, struct tfl_string string)
{
	check_inside(frame, string.text, string.length);
}

static bool same_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
	return (a == NULL) == (b == NULL) && a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static bool same_string(struct tfl_string a, struct tfl_string b)
{
	return same_bytes(a.text, a.length, b.text, b.length);
}

static void check_tensors(struct tfl_slice frame, const struct tfl_tensor_list *list)
{
	CHECK(list->count <= TFL_INFER_TENSORS_MAX);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct tfl_wire_tensor *tensor = tfl_tensor_list_at(list, i);
		size_t bytes;

		check_string(frame, tensor->name);
		check_inside(frame, tensor->data.data, tensor->data.size);
		CHECK(tensor->name.text || (tensor->index >= 0 && tensor->index < TFL_INFER_TENSORS_MAX));
		if (tensor->shape.rank < 0)
			continue;
		CHECK(tfl_wire_shape_bytes(&tensor->shape, tensor->dtype, &bytes) == 0);
		CHECK(bytes == (tensor->in_region ? tensor->region.byte_size : tensor->data.size));
		CHECK(tensor->in_region != (tensor->data.data != NULL));
	}
}

static void check_same_tensors(const struct tfl_tensor_list *a, const struct tfl_tensor_list *b)
{
	CHECK(a->count == b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct tfl_wire_tensor *left = tfl_tensor_list_at(a, i), *right = tfl_tensor_list_at(b, i);

		CHECK(same_string(left->name, right->name));
		CHECK(left->index == right->index && left->dtype == right->dtype && left->in_region == right->in_region);
		CHECK(memcmp(&left->shape, &right->shape, sizeof(left->shape)) == 0);
		CHECK(memcmp(&left->region, &right->region, sizeof(left->region)) == 0);
		CHECK(same_bytes(left->data.data, left->data.size, right->data.data, right->data.size));
	}
}

/* What the writer holds, parsed as a message. The bytes are the caller's to free. */
static uint8_t *read_back(struct tfl_message *ret_message)
{
	struct tfl_error error = {0};
	size_t size = tfl_writer_size(&writer) - 4;
	uint8_t *body = malloc(size);

	CHECK(tfl_writer_check(&writer, &error) == 0);
	CHECK(body);
	tfl_writer_copy(&writer, 4, body);
	CHECK(tfl_message_parse((struct tfl_slice){body, size}, ret_message, &error) == 0);
	return body;
}

static void rewrite_request(const struct tfl_infer_request *request)
{
	const struct tfl_wire_tensor *inputs = tfl_tensor_list_at(&request->inputs, 0), *outputs = tfl_tensor_list_at(&request->outputs, 0);
	struct tfl_infer_request again;
	struct tfl_message message;
	struct tfl_error error = {0};
	uint8_t *body;

	tfl_infer_request_write(&writer, 1, &request->head, inputs, request->inputs.count, outputs, request->outputs.count);
	body = read_back(&message);
	CHECK(tfl_infer_request_parse(message.params, &again, &error) == 0);
	CHECK(same_string(again.head.model, request->head.model) && same_string(again.head.label, request->head.label));
	CHECK(same_string(again.head.key, request->head.key) && again.head.version == request->head.version);
	CHECK(again.head.timeout_us == request->head.timeout_us && again.head.priority == request->head.priority);
	CHECK(again.head.dtype == request->head.dtype && again.head.session == request->head.session);
	CHECK(same_string(again.head.signature, request->head.signature));
	check_same_tensors(&again.inputs, &request->inputs);
	check_same_tensors(&again.outputs, &request->outputs);
	tfl_infer_request_finish(&again);
	free(body);
}

static void try_request(struct tfl_slice frame, struct tfl_slice params)
{
	struct tfl_infer_request request;
	struct tfl_error error = {0};

	if (refused(tfl_infer_request_parse(params, &request, &error), &error))
		return;
	check_string(frame, request.head.model);
	check_string(frame, request.head.label);
	check_string(frame, request.head.key);
	check_string(frame, request.head.signature);
	CHECK(!(request.head.version && request.head.label.text) && !(request.head.session && request.head.model.text));
	check_tensors(frame, &request.inputs);
	check_tensors(frame, &request.outputs);
	rewrite_request(&request);
	tfl_infer_request_finish(&request);
}

static void rewrite_response(const struct tfl_infer_response *response)
{
	struct tfl_infer_response again;
	struct tfl_message message;
	struct tfl_error error = {0};
	uint8_t *body;

	tfl_infer_response_begin(&writer, 1, &response->served, response->outputs.count);
	for (uint32_t i = 0; i < response->outputs.count; i++)
		tfl_wire_tensor_write(&writer, tfl_tensor_list_at(&response->outputs, i));
	body = read_back(&message);
	CHECK(tfl_infer_response_parse(message.result, &again, &error) == 0);
	CHECK(same_string(again.served.model, response->served.model) && again.served.version == response->served.version);
	CHECK(again.served.wait_ns == response->served.wait_ns && again.served.compute_ns == response->served.compute_ns);
	check_same_tensors(&again.outputs, &response->outputs);
	tfl_infer_response_finish(&again);
	free(body);
}

static void try_response(struct tfl_slice frame, struct tfl_slice result)
{
	struct tfl_infer_response response;
	struct tfl_error error = {0};

	if (refused(tfl_infer_response_parse(result, &response, &error), &error))
		return;
	check_string(frame, response.served.model);
	check_tensors(frame, &response.outputs);
	rewrite_response(&response);
	tfl_infer_response_finish(&response);
}

/* Every parser, on an encoded value that may or may not be meant for it. */
static void try_parsers(struct tfl_slice frame, struct tfl_slice value)
{
	static const struct tfl_param_table *const tables[] = {
		&tfl_model_load_params, &tfl_model_unload_params, &tfl_model_describe_params, &tfl_stats_params,
	};
	struct tfl_error error = {0};
	struct tfl_failure failure;

	try_request(frame, value);
	try_response(frame, value);
	for (size_t i = 0; i < TFL_ARRAY_SIZE(tables); i++) {
		struct tfl_model_params params;

		if (refused(tfl_model_params_parse(tables[i], value, &params, &error), &error))
			continue;
		check_string(frame, params.model);
		CHECK(params.version <= TFL_VERSION_MAX);
	}
	if (refused(tfl_failure_parse(value, &failure, &error), &error))
		return;
	check_string(frame, failure.name);
	check_string(frame, failure.message);
	CHECK(failure.status != TFL_OK && failure.status < TFL_STATUS_COUNT);
}

static void compare_with_peer(struct tfl_slice body, bool sound)
{
	msgpack_unpacked unpacked;

	if (body.size > PEER_SIZE_MAX || !peer_is_safe(body))
		return;
	msgpack_unpacked_init(&unpacked);
	CHECK(peer_accepts(body, &unpacked) == sound);
	msgpack_unpacked_destroy(&unpacked);
}

static void try_body(struct tfl_slice body)
{
	struct tfl_message message;
	struct tfl_error error = {0};

	compare_with_peer(body, tfl_reader_validate(body, &error) == 0);
	try_parsers(body, body); /* also what nobody validated must be safe to parse */
	if (refused(tfl_message_parse(body, &message, &error), &error)) {
		CHECK(error.code == -EBADMSG);
		return;
	}
	check_string(body, message.method);
	check_inside(body, message.params.data, message.params.size);
	check_inside(body, message.result.data, message.result.size);
	try_parsers(body, message.kind == TFL_MESSAGE_REPLY ? message.result : message.params);
}

static uint64_t mix(uint64_t sum, struct tfl_slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		sum = (sum ^ bytes.data[i]) * 0x100000001b3u;
	return sum * 31 + bytes.size;
}

/* Feeds the stream in pieces of up to @p most bytes and returns a sum over its frames. The bodies are tried when @p try is set. */
static uint64_t feed(struct tfl_slice stream, struct tfl_random *random, uint32_t most, bool try)
{
	const struct tfl_charge account = {charge, release, NULL};
	struct tfl_assembler assembler;
	struct tfl_error error = {0};
	struct tfl_frame frame;
	uint64_t sum = 1;
	size_t sent = 0;
	int r = 0;

	tfl_assembler_init(&assembler, TFL_FRAME_MAX, &account);
	while (sent < stream.size && r == 0) {
		uint8_t *space;
		size_t room, piece = 1 + tfl_random_below(random, most);

		r = tfl_assembler_space(&assembler, &space, &room, &error);
		if (refused(r, &error))
			break;
		CHECK(room > 0);
		room = room < piece ? room : piece;
		room = room < stream.size - sent ? room : stream.size - sent;
		memcpy(space, stream.data + sent, room);
		tfl_assembler_fill(&assembler, room);
		sent += room;
		while ((r = tfl_assembler_next(&assembler, &frame, &error)) > 0) {
			sum = mix(sum, (struct tfl_slice){frame.data, frame.size});
			if (try)
				try_body((struct tfl_slice){frame.data, frame.size});
			tfl_frame_finish(&frame);
		}
		refused(r, &error);
	}
	CHECK(tfl_assembler_pending(&assembler) <= sent);
	tfl_assembler_finish(&assembler);
	CHECK(charged == 0);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tfl_slice stream = {data, size};
	struct tfl_random random = {mix(0, stream)};

	CHECK(feed(stream, &random, UINT32_MAX, true) == feed(stream, &random, 1u << tfl_random_below(&random, 16), false));
	return 0;
}
